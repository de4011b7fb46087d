"""A microphone in a notebook: record, listen, again; the recording goes to Python as it is made.

The browser's own recordings are WebM, which few programs read, so samples are sent instead. Its look and feel
is in ``static/recorder.js``; it needs https or localhost. Lesson: 08_latent_interpolation
"""

from pathlib import Path

import anywidget
import numpy as np
import soundfile
import traitlets

from noteninja_lib.errors import UserError
from noteninja_lib.widgets.touch_widgets import STYLE, script

RIGHTS = "Record yourself, or somebody who has agreed to it."


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
