"""Lesson 02, music theory with music21: exercises, tunes with their chords, a desk to write and analyse one.

Lesson: 02_music_theory_with_music21
"""

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from noteninja_lib.arranger.synthesis import sketch
from noteninja_lib.errors import UserError
from noteninja_lib.lessons.exercise import Desk, Exercise, Question, is_whole
from noteninja_lib.music.harmony import NOTE_NAMES, bar_length, chord_name
from noteninja_lib.music.playback import from_score
from noteninja_lib.music.score_io import read_notes
from noteninja_lib.music.tunes import Tune, roman_numerals
from noteninja_lib.plots import BLUE, VERMILION, axes_or_new
from noteninja_lib.widgets.touch_widgets import PianoRoll
from noteninja_lib.widgets.tune_editor import METRES, tune_of
from noteninja_lib.widgets.workbench import row


def _test_steps(steps):
    pitches = [60, 62, 64, 64, 57]
    found = steps(pitches)
    if hasattr(found, "tolist"):  # an array is as good as a list
        return _test_steps(lambda pitches: steps(pitches).tolist())
    assert isinstance(found, list), f"return a list; you return {found!r}"
    assert len(found) == 4, f"five notes have four steps between them; you return {len(found)}"
    sizes = [abs(step) for step in found]
    assert sizes == [2, 2, 0, 7], f"from 60 to 62 is 2 semitones, and so on; you return {found}"
    assert found == [2, 2, 0, -7], "a step upwards should be positive, and one downwards negative"
    assert steps([60]) == [], "a single note has no steps: return an empty list"
    higher = steps([pitch + 5 for pitch in pitches])
    assert higher == found, "the same tune in another key has the same steps"


def steps(pitches: list[int]) -> list[int]:
    """Semitones from each note to the next."""
    return [after - before for before, after in zip(pitches, pitches[1:])]


STEPS = Exercise(_test_steps, steps, "zip(pitches, pitches[1:]) gives each note together with the next one.")


def _test_cadences(cadences):
    found = cadences(["I", "IV", "V", "I"])
    assert found == 1, f"I IV V I has one cadence; you find {found}"
    assert cadences(["I", "V7", "I"]) == 1, "V7 is a V with one more note: V7 I is a cadence as well"
    assert cadences(["V", "vi", "I"]) == 0, "in V vi I the V does not go to I at once"
    assert cadences(["I", "V"]) == 0, "I V goes the other way: the order matters"
    assert cadences(["i", "V7", "i"]) == 1, "in a minor key the tonic is written i; count V i too"
    assert cadences(["I", "V7/V", "I"]) == 0, "V7/V is another chord than V7: compare the whole numeral"
    assert cadences(["V", "I", "V7", "I"]) == 2, "count all of them"


def cadences(numerals: list[str]) -> int:
    """How many times a V or V7 is followed by the tonic."""
    return sum(before in ("V", "V7") and after in ("I", "i") for before, after in zip(numerals, numerals[1:]))


CADENCES = Exercise(
    _test_cadences,
    cadences,
    "Go through the pairs of neighbours. The first must be one of V and V7, the second one of I and i.",
)


def _test_better_chord(answer):
    try:
        tune = read_notes(str(answer["abc"]))
    except UserError as problem:
        raise AssertionError(f"your tune can't be read. {problem}") from problem
    bars, bar = round(tune.length / tune.bar), answer["bar"]
    assert bars >= 4, f"bring a tune of four bars or more; yours has {bars}"
    assert is_whole(bar) and 1 <= bar <= bars, f"the bar should be a number from 1 to {bars}"
    other = answer["yours"] and answer["yours"] != answer["machine"]
    assert other, "yours should be another chord than the machine's"


# An ode to joy.
BEGIN = "E E F G | G F E D | C C D E | E3/2 D/2 D2 | E E F G | G F E D | C C D E | D3/2 C/2 C2 |"


def better_chord() -> dict:
    """One possible answer; yours depends on your tune and your taste."""
    abc = "E E F G | G F E D | C C D E | E3/2 D/2 D2 | E E F G | G F E D | C C D E | D3/2 C/2 C2 |"
    why = """The second line begins like the first. With vi under it the ear hears that something is new, and
        the I at the end comes as more of a relief."""
    return {"abc": abc, "bar": 5, "machine": "I", "yours": "vi", "why": why}


BETTER_CHORD = Question(
    _test_better_chord,
    better_chord,
    "Sing the tune and play only the bass notes of the chords. Where are you bored, and where does it hurt? "
    "Try vi or IV in the place of I, and ii in the place of IV.",
    {"why": "tell in a sentence or two what your chord does for the tune"},
)

BARS = (4, 8, 16, 32)


def play(tune: Tune, tempo: float = 110.0, *, chords: bool = True) -> np.ndarray:
    """A tune on a piano, with or without its chords; ``tempo`` in felt beats a minute.

    Returns
    -------
    np.ndarray of float32, shape (n, 2)
        Stereo, 44,100 Hz.
    """
    roll = from_score(tune, tempo)
    accompaniment = roll.accompaniment() if chords else []
    return sketch(roll.melody_notes(), accompaniment, roll.seconds, stereo=True)


def plot_tune(tune: Tune, ax: Axes | None = None) -> Axes:
    """Draw a tune as a piano roll, with the Roman numerals of its chords above."""
    ax = axes_or_new(ax, 11, 3.2, frame=True)
    pitches = [pitch for _, _, pitch in tune.notes]
    low, high = min(pitches) - 1, max(pitches) + 4
    for start, duration, pitch in tune.notes:
        corner, width = (start / tune.bar + 1, pitch - 0.4), 0.94 * duration / tune.bar
        ax.add_patch(Rectangle(corner, width, 0.8, color=BLUE, linewidth=0))
    crowded = len(tune.chords) > 40
    for (start, _, root, quality), numeral in zip(tune.chords, roman_numerals(tune)):
        words, size = (numeral, 6) if crowded else (f"{numeral}\n{chord_name(root, quality)}", 9)
        ax.text(start / tune.bar + 1.03, high - 0.3, words, color=VERMILION, va="top", fontsize=size)
    bars = round(tune.length / tune.bar)
    for bar in range(1, bars + 2):
        ax.axvline(bar, color="0.8", linewidth=0.8, zorder=0)
    shown = range(low + 1, high - 3, 1 if high - low < 16 else 2)
    ax.set_yticks(shown, [f"{NOTE_NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in shown], fontsize=8)
    ax.set(xlim=(1, bars + 1), ylim=(low, high), xlabel="bar", ylabel="pitch")
    ax.set_title(f"{tune.title}: {NOTE_NAMES[tune.tonic]} {tune.mode}, {tune.metre}")
    return ax


class TuneDesk(Desk):
    """A piano roll and ABC text, and a button that analyses and harmonises the notes on the roll."""

    def __init__(self):
        super().__init__()
        self.tune = None
        self.bars = widgets.Dropdown(options=BARS, description="bars")
        self.metre = widgets.Dropdown(options=METRES, description="metre")
        self.tempo = widgets.IntSlider(value=110, min=50, max=200, step=5, description="tempo")
        self.roll = PianoRoll(bars=self.bars.value)
        self.abc = widgets.Text(
            value=better_chord()["abc"], description="ABC or path", layout={"width": "95%"}
        )
        self.use_button = widgets.Button(description="Put it on the roll", icon="arrow-up")
        wide = {"button_style": "primary", "layout": {"width": "max-content"}}
        self.analyse_button = widgets.Button(description="Analyse and harmonise", icon="search", **wide)
        self.use_button.on_click(self.use)
        self.analyse_button.on_click(self.analyse)
        for part in (self.bars, self.metre):
            part.observe(self._resize, "value")
        settings, text = row(self.bars, self.metre, self.tempo), row(self.abc, self.use_button)
        self.arrange(settings, self.roll, text, self.analyse_button, self.message, self.picture, self.player)
        self.use()

    def _resize(self, _):
        self.roll.metre, self.roll.bars = self.metre.value, self.bars.value

    def use(self, _: object = None) -> None:
        """Put the ABC text, or the tune of a file (ABC, MIDI, MusicXML), on the roll; a button's handler."""
        try:
            tune = read_notes(self.abc.value)
        except UserError as problem:
            self.say(str(problem), "error")
            return
        if tune.metre in METRES:
            self.metre.value = tune.metre
        needed = [bars for bars in BARS if bars * bar_length(tune.metre) >= tune.length - 1e-6]
        self.bars.value = needed[0] if needed else BARS[-1]
        self.roll.show(tune.notes, tune.metre, tune.length)
        self.say("Change the notes, then press Analyse.")

    def analyse(self, _: object = None) -> None:
        """Find key and chords of what is on the roll, draw and play it; the handler of that button."""
        try:
            tune = self.tune = tune_of(self.roll.notes, self.roll.metre, "your tune")
        except UserError as problem:
            self.say(str(problem), "error")
            return
        self.show(lambda ax: plot_tune(tune, ax), play(tune, self.tempo.value))
        self.say(f"{NOTE_NAMES[tune.tonic]} {tune.mode}; the chords are {' · '.join(roman_numerals(tune))}.")
