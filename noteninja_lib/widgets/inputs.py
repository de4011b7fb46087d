"""What comes from whoever sits at the screen: files, a microphone's sound, and what is chosen.

Files come piece by piece, since Jupyter loses a long message without a word. What nothing here decodes (m4a,
webm, a film) the browser does, and sends wav. Its own recordings are WebM, too, so that samples are sent
instead; a microphone needs https or localhost. The looks are in ``static/upload.js`` and
``static/recorder.js``. Chosen are a song (of the course, a file, a recording), a genre, a seed, a mood.
Lessons: 00_genre_converter, 08_latent_interpolation
"""

import re
import tempfile
from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
import soundfile
import traitlets

from noteninja_lib.arranger.recipe import GENRES, own_genres
from noteninja_lib.audio.decoding import undecoded
from noteninja_lib.errors import UserError, free_path
from noteninja_lib.music.style import MOODS
from noteninja_lib.pipeline import VOICES
from noteninja_lib.source import MIDI, PICTURES, SCORES
from noteninja_lib.widgets.players import bundled_songs
from noteninja_lib.widgets.style_sheet import name_parts, player, row, slider
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


# --- What is chosen ---

WAYS = ("a bundled song", "a path", "an upload", "a microphone")
SOUNDS = tuple(".mp3 .wav .flac .ogg .opus .aiff .m4a .aac .mka .mp4 .mov .webm audio/* video/*".split())
KINDS = (*SOUNDS, *MIDI, *SCORES, *PICTURES)
EXAMPLE = "for example C:/music/my song.mp3 (or wav, flac, m4a, mid, musicxml, abc, png, pdf)"


def genre_menu(value: str = "jazz") -> widgets.Dropdown:
    """One of the ten genres, or of one's own."""
    return widgets.Dropdown(options=[*GENRES, *own_genres()], value=value, description="genre")


OF_VOICES = (
    "keep a singer's voice, over the new band",
    "let an instrument play what a singer sings",
    "leave a singer out: the new band alone",
)


def voice_buttons() -> widgets.ToggleButtons:
    """What becomes of a singer."""
    look = {"description": "voice", "tooltips": OF_VOICES}
    return widgets.ToggleButtons(options=VOICES, value="keep", **look)


def seed_field() -> widgets.BoundedIntText:
    """The seed of what is random."""
    return widgets.BoundedIntText(value=0, min=0, max=2**31 - 1, description="seed")


class FileChooser(widgets.VBox):
    """Three ways to a file: one that comes with the course, a path, an upload.

    Parameters
    ----------
    ways : tuple of str
        What they are called, in this order.
    bundled : widget
        Chooses what comes with the course.
    kinds : tuple of str
        Endings that may be uploaded.
    what : str
        What is chosen, as in "the path of a song".
    example : str
        A path, shown in the empty field.
    path : str
        The path at first.
    """

    def __init__(
        self, ways: tuple, bundled: widgets.Widget, kinds: tuple, what: str, example: str, path: str = ""
    ) -> None:
        self.ways, self.what = ways, what
        self.way = widgets.ToggleButtons(options=ways, value=ways[1] if path else ways[0])
        self.path = widgets.Text(placeholder=example, value=path, description="path", continuous_update=False)
        self.upload = Upload(accept=",".join(kinds))
        self.rows = (bundled, row(self.path), row(self.upload))
        super().__init__([self.way, *self.rows])
        self.way.observe(self._show_way, "value")
        self.upload.observe(lambda _: setattr(self.way, "value", ways[2]), "files")  # which may be dropped
        name_parts(self, "way path upload", chooser=self)
        self._show_way()

    def _show_way(self, _=None):
        for way, part in zip(self.ways, self.rows):
            part.layout.display = "" if way == self.way.value else "none"

    def own_file(self) -> tuple[Path, str]:
        """Path and title of the file that was named, or uploaded.

        Raises
        ------
        UserError
            When nothing was chosen yet.
        """
        if self.way.value == self.ways[1]:
            if not self.path.value.strip():
                raise UserError(f"Type the path of a {self.what} first, then press the button again.")
            path = Path(self.path.value.strip().strip("\"'")).expanduser()
            return path, path.stem
        if not self.upload.files:
            wait = "wait until it has arrived, then press the button again"
            raise UserError(f"Choose a file to upload first, {wait}.")
        return self.upload.files[0], self.upload.files[0].stem


class SongChooser(FileChooser):
    """Lets a user choose a song; ``song()`` says which.

    Parameters
    ----------
    song : str or Path, optional
        The file that is chosen at first; else the first bundled song.
    """

    def __init__(self, song: str | Path | None = None) -> None:
        self.bundled = widgets.Dropdown(options=list(bundled_songs().items()), description="title")
        self.preview = player()
        super().__init__(WAYS, row(self.bundled, self.preview), KINDS, "song", EXAMPLE, str(song or ""))
        self._folder, self.recorder, self.rights = own_folder(), Recorder(), widgets.HTML(RIGHTS)
        self.rows = (*self.rows, row(self.recorder, self.rights))
        self.children = [self.way, *self.rows]
        self._show_way()
        self.bundled.observe(self._show_preview, "value")
        name_parts(self, "preview", song=self.bundled)
        self._show_preview()

    def _show_preview(self, _=None):
        if self.bundled.value is not None:
            self.preview.value = self.bundled.value.read_bytes()

    def song(self) -> tuple[Path, str]:
        """File and title of the chosen song.

        Raises
        ------
        UserError
            When nothing was chosen yet.
        """
        if self.way.value == WAYS[3]:
            return self.recorder.write(self._folder / "recording.wav"), "my recording"
        if self.way.value != WAYS[0]:
            return self.own_file()
        if self.bundled.value is None:
            raise UserError("No song came with this copy of the course; choose a path or an upload.")
        return self.bundled.value, self.bundled.label


class MoodChooser(widgets.VBox):
    """Two sliders for valence and arousal, and words that set them; ``mood()`` says which."""

    def __init__(self) -> None:
        self.valence, self.arousal = (slider(name, 0, -1, 1, 0.1, "+.1f") for name in ("valence", "arousal"))
        self.words = {word: widgets.Button(description=word, layout={"width": "auto"}) for word in MOODS}
        for button in self.words.values():
            button.on_click(lambda button: self.use(button.description))
        valences, arousals = widgets.HTML("−1 sad or bitter, +1 happy"), widgets.HTML("−1 calm, +1 excited")
        words = row(widgets.Label("mood"), *self.words.values())
        super().__init__([words, row(self.valence, valences), row(self.arousal, arousals)])
        name_parts(self, "valence arousal", mood=self)

    def use(self, word: str) -> None:
        """Set both sliders to the mood of a word of `MOODS`."""
        self.valence.value, self.arousal.value = MOODS[word]

    def mood(self) -> tuple[float, float] | None:
        """(valence, arousal), or None where both are neutral."""
        pair = (self.valence.value, self.arousal.value)
        return pair if any(pair) else None
