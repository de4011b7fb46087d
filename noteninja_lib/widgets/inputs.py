"""What comes from whoever sits at the screen: files, chosen or dropped on a widget, and a microphone's sound.

Files come piece by piece, since Jupyter loses a long message without a word. What nothing here decodes (m4a,
webm, a film) the browser does, and sends wav. Its own recordings are WebM, too, so that samples are sent
instead; a microphone needs https or localhost. The looks are in ``static/upload.js`` and
``static/recorder.js``. Lessons: 00_genre_converter, 08_latent_interpolation
"""

import re
import tempfile
from pathlib import Path

import anywidget
import numpy as np
import soundfile
import traitlets

from noteninja_lib.audio.decoding import undecoded
from noteninja_lib.errors import UserError, free_path
from noteninja_lib.widgets.touch_widgets import STYLE, script

RIGHTS = "Record yourself, or somebody who has agreed to it."
_ALL = tempfile.TemporaryDirectory(prefix="noteninja-")  # gone with the kernel


def own_folder() -> Path:
    """A new folder for what a user brings, whose name means nothing to anybody."""
    return Path(tempfile.mkdtemp(dir=_ALL.name))


def in_own_names(sentence: str) -> str:
    """A sentence that names files as the user does: without the folders of `own_folder`."""
    return re.sub(re.escape(_ALL.name) + r"[\\/]\w+[\\/]?", "", sentence)


class Upload(anywidget.AnyWidget):
    """A button that lets a user choose files, which lie in a folder of their own then, under their own names.

    Attributes
    ----------
    files : list of Path
        Those of the last choice that have arrived, all of them at once.
    description : str
        On the button.
    accept : str
        Endings that are offered, with commas between.
    multiple : bool
        Whether several may be chosen.
    told : str
        What stands beside the button.
    """

    _esm, _css = script("upload.js"), STYLE
    description = traitlets.Unicode("choose a file").tag(sync=True)
    accept = traitlets.Unicode("").tag(sync=True)
    multiple = traitlets.Bool(False).tag(sync=True)
    told = traitlets.Unicode("or drop it anywhere here").tag(sync=True)
    files = traitlets.List()

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self._coming: list[Path] = []
        self.on_msg(self._receive)

    def _receive(self, _, message, buffers):
        if message.get("what") == "part":
            if message["begun"] == "first":
                self._coming, self._folder = [], own_folder()
            if message["begun"]:
                self._coming.append(free_path(self._folder / (Path(message["name"]).name or "upload")))
            with open(self._coming[-1], "ab") as file:
                file.write(buffers[0])
            if decode := undecoded(self._coming[-1]):  # then it comes once more, decoded
                self._coming.pop().unlink()
            self.send({"turn": message["turn"], "decode": decode})
        elif message.get("what") == "end":
            size = sum(file.stat().st_size for file in self._coming) / 1e6
            name = self._coming[0].name if len(self._coming) == 1 else f"{len(self._coming)} files"
            self.told = f"{name}: {size:.1f} MB arrived."
            self.files = self._coming
        elif message.get("what") == "fail":
            self.told, self.files = message["words"], []


class Recorder(anywidget.AnyWidget):
    """Records somebody who hums, sings, whistles or plays, with or without a metronome.

    Attributes
    ----------
    metronome : bool
        Whether there are a bar of count-in and clicks; they are heard, but not recorded.
    tempo : int
        Beats a minute.
    metre : {"4/4", "3/4"}
    limit : int
        Seconds after which it stops.
    problem : str
        Why there is no recording; empty where there is no problem.
    seconds : float
        Length of the last recording, 0 while there is none.
    beats : numpy.ndarray or None
        The metronome's beats in seconds, the first of them on a bar line.
    """

    _esm, _css = script("recorder.js"), STYLE
    metronome = traitlets.Bool(False).tag(sync=True)
    tempo = traitlets.Int(90, min=40, max=208).tag(sync=True)
    metre = traitlets.Enum(("4/4", "3/4"), "4/4").tag(sync=True)
    limit = traitlets.Int(180, min=1, max=600).tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)
    seconds = traitlets.Float(0.0)

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self.rate, self.beats, self._parts = 0, None, []
        self.on_msg(self._receive)

    def _receive(self, _, message, buffers):
        if message.get("what") == "begin":
            self.rate, self.beats, self._parts, self.seconds = round(message["rate"]), None, [], 0.0
        elif message.get("what") == "part":
            self._parts.append(np.frombuffer(buffers[0], "<i2"))
        elif message.get("what") == "end":
            self.beats = np.array(message["beats"]) if len(message["beats"]) > 1 else None
            if sum(map(len, self._parts)) != message["samples"]:
                self._parts, self.problem = (
                    [],
                    "A part of the recording got lost on its way: record it again.",
                )
            self.seconds = sum(map(len, self._parts)) / self.rate

    def write(self, path: Path) -> Path:
        """Write the recording as a wav file; returns its path.

        Raises
        ------
        UserError
            Where there is none yet.
        """
        if not self.seconds:
            raise UserError(self.problem or "Press Record and hum a tune first, then Stop.")
        soundfile.write(path, np.concatenate(self._parts), self.rate)
        return path
