"""What a class touches: a square between four corners, a curve over time, a grid of strokes, a piano roll.

Each is a small widget whose look and feel is in ``static/`` (plain JavaScript, no build step) and whose value
is a trait that Python reads, sets and observes. Mouse, finger, pen and keyboard all work.

Lesson: 08_latent_interpolation
"""

from collections.abc import Sequence

import anywidget
import numpy as np
import traitlets

from noteninja_lib.music.harmony import bar_length, beat_length
from noteninja_lib.widgets.style_sheet import STATIC

SHARED = (STATIC / "touch.js").read_text("utf-8")  # a widget's module can't import another file
STYLE = (STATIC / "touch.css").read_text("utf-8")
SPAN = 24  # semitones that an empty roll shows


def script(name: str) -> str:
    """JavaScript of a widget, with what all of them share."""
    return SHARED + (STATIC / name).read_text("utf-8")


def _number(value, **limits):
    return traitlets.Float(value, **limits).tag(sync=True)


def _words(*values):
    """As many words as are given."""
    return traitlets.List(traitlets.Unicode(), values, minlen=len(values), maxlen=len(values)).tag(sync=True)


def _whole(value, low, high):
    return traitlets.Int(value, min=low, max=high).tag(sync=True)


class Pad(anywidget.AnyWidget):
    """A square with a dot to drag between four corners.

    Attributes
    ----------
    x, y : float
        Place of the dot: 0 is left and bottom, 1 is right and top.
    labels : list of str
        Words at the corners: top left, top right, bottom left, bottom right.
    trail : list of [x, y]
        Places to mark, such as those that were heard already.
    """

    _esm, _css = script("pad.js"), STYLE
    x, y = _number(0.5, min=0, max=1), _number(0.5, min=0, max=1)
    labels = _words("", "", "", "")
    trail = traitlets.List().tag(sync=True)

    def shares(self) -> dict[str, float]:
        """How near the dot is to each label's corner.

        Returns
        -------
        dict of str to float
            Bilinear shares that sum to 1, without those that are 0; equal labels are added up.
        """
        found = {}
        weights = ((1 - self.x) * self.y, self.x * self.y, (1 - self.x) * (1 - self.y), self.x * (1 - self.y))
        for label, weight in zip(self.labels, weights):
            if weight > 0:
                found[label] = found.get(label, 0.0) + weight
        return found


class Curve(anywidget.AnyWidget):
    """A curve over time, straight between points: drag them, click to add, double click to remove.

    Attributes
    ----------
    points : list of [place, value]
        Rising places from 0 (the start) to 1 (the end); values between `low` and `high`.
    name : str
        What the values are.
    labels : list of str
        Words for the lowest and the highest value.
    seconds : float
        How long the time is that the curve is drawn over.
    second : bool
        Whether to draw it in the second colour, dashed and with square points.
    """

    _esm, _css = script("curve.js"), STYLE
    points = traitlets.List([[0.0, 0.0], [1.0, 0.0]]).tag(sync=True)
    low, high = _number(-1.0), _number(1.0)
    name = traitlets.Unicode("").tag(sync=True)
    labels = _words("low", "high")
    seconds = _number(60, min=1)
    second = traitlets.Bool(False).tag(sync=True)

    @traitlets.validate("points")
    def _tidy(self, proposal):
        """In order of time, inside of the area, from the very start to the very end."""
        if not len(proposal["value"]):
            raise traitlets.TraitError("A curve needs at least one point.")
        points = sorted(np.clip(proposal["value"], [0, self.low], [1, self.high]).tolist())
        start = [] if points[0][0] == 0 else [[0.0, points[0][1]]]
        end = [] if points[-1][0] == 1 else [[1.0, points[-1][1]]]
        return start + points + end

    def at(self, places: float | np.ndarray) -> np.ndarray:
        """Values of the curve at places in 0..1, as an array of the same shape."""
        return np.interp(places, *np.transpose(self.points))


class StepGrid(anywidget.AnyWidget):
    """A drum pattern to click, which the browser plays over and over; drums in rows, steps in columns.

    What is changed while it plays is heard at once, since strokes are scheduled little more than a tenth of a
    second ahead; the kernel is not asked.

    Attributes
    ----------
    drums : list of str
        Names of the rows, from above.
    pattern : list of str
        A row's steps, four to a beat: "X" for a stroke, "." for none.
    sounds : list of bytes
        One stroke of each drum, as a file that a browser plays, without silence before it.
    tempo : float
        Beats a minute.
    swing : float
        0 (straight) to 1 (triplets), as the arranger swings.
    gain : float
        dB.
    """

    _esm, _css = script("steps.js"), STYLE
    drums, pattern = (traitlets.List(traitlets.Unicode()).tag(sync=True) for _ in range(2))
    sounds = traitlets.List(traitlets.Bytes()).tag(sync=True)
    tempo, swing, gain = _number(110, min=20, max=400), _number(0, min=0, max=1), _number(0)


class PianoRoll(anywidget.AnyWidget):
    """Notes to edit: click to add, drag to move, its right edge to lengthen, double or right click to remove.

    Attributes
    ----------
    notes : list of [start, duration, pitch]
        Quarter notes from the start, quarter notes, MIDI pitch; in order of time.
    bars : int
    metre : str
        Such as "4/4" or "6/8".
    low, high : int
        Lowest and highest MIDI pitch that is shown.
    grid : float
        Quarter notes to which what is drawn snaps.
    chords : list of [start, duration, name]
        Shown above the notes, in quarter notes; a press on one, and another name, sends {"chord", "name"}.
    moments : list of float
        Seconds of the beats in a recording, whose bar lines are dragged by beats: {"shift"}.
    sound : bytes
        That recording, as mp3; it is heard where a bar's number is pressed.
    doubts : list of [start, pitch]
        Notes that are doubtful; chords have -1 for a pitch.
    """

    _esm, _css = script("roll.js"), STYLE
    chords, moments, doubts = (traitlets.List().tag(sync=True) for _ in range(3))
    sound = traitlets.Bytes(b"").tag(sync=True)
    notes = traitlets.List().tag(sync=True)
    bars = _whole(8, 1, 128)
    metre = traitlets.Unicode("4/4")
    bar, beat, grid = _number(4.0), _number(1.0), _number(0.5, min=1 / 16)
    low, high = _whole(60, 0, 127), _whole(60 + SPAN, 0, 127)

    @traitlets.validate("notes")
    def _tidy(self, proposal):
        notes = [[round(float(one), 4) for one in note[:2]] + [int(note[2])] for note in proposal["value"]]
        return sorted(notes, key=lambda note: (note[0], note[2]))

    @traitlets.observe("metre")
    def _use_metre(self, change):
        self.bar, self.beat = bar_length(change["new"]), beat_length(change["new"])

    def show(self, notes: Sequence[tuple[float, float, int]], metre: str, length: float) -> None:
        """Put a tune on the roll, as large as it needs.

        Parameters
        ----------
        notes : sequence of (start, duration, midi_pitch)
            In quarter notes.
        metre : str
        length : float
            Quarter notes; the roll shows as many bars as they fill.
        """
        pitches = [pitch for _, _, pitch in notes] or [72]
        room = max(SPAN - (max(pitches) - min(pitches)), 6) // 2
        with self.hold_sync():
            self.metre, self.bars = metre, max(1, int(np.ceil(length / bar_length(metre) - 1e-6)))
            self.grid = 0.25 if any(abs(start * 2 % 1) > 0.01 for start, _, _ in notes) else 0.5
            self.low, self.high = max(0, min(pitches) - room), min(127, max(pitches) + room)
            self.notes = [list(note) for note in notes]
        self.send({"show": True})
