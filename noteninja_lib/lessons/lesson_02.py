"""Exercises of lesson 02: music theory with music21."""

import html
import io

import ipywidgets as widgets
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from noteninja_lib.arranger.synthesis import sketch
from noteninja_lib.audio.io import to_mp3
from noteninja_lib.errors import UserError
from noteninja_lib.lessons.exercise import Exercise
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.harmony import NOTE_NAMES, bar_length, chord_name
from noteninja_lib.music.piano_roll import from_score
from noteninja_lib.music.score_io import read_notes
from noteninja_lib.music.tunes import roman_numerals
from noteninja_lib.plots import BLUE, VERMILION, _axes
from noteninja_lib.widgets.style_sheet import style_sheet
from noteninja_lib.widgets.touch_widgets import PianoRoll
from noteninja_lib.widgets.tune_editor import METRES, tune_of
from noteninja_lib.widgets.workbench import name_parts, row


def _test_steps(steps):
    assert callable(steps), "hand in the function itself: check(steps), without brackets behind steps"
    pitches = [60, 62, 64, 64, 57]
    result = steps(pitches)
    assert isinstance(result, list), f"return a list; you return {result!r}"
    assert len(result) == 4, f"five notes have four steps between them; you return {len(result)}"
    assert [abs(step) for step in result] == [2, 2, 0, 7], (
        f"from 60 to 62 is 2 semitones, and so on; you return {result}"
    )
    assert result == [2, 2, 0, -7], "a step upwards should be positive, and one downwards negative"
    assert steps([60]) == [], "a single note has no steps: return an empty list"
    assert steps([pitch + 5 for pitch in pitches]) == result, (
        "the same tune in another key has the same steps"
    )


def steps(pitches):
    """Semitones from each note to the next."""
    return [after - before for before, after in zip(pitches, pitches[1:])]


STEPS = Exercise(_test_steps, "zip(pitches, pitches[1:]) gives each note together with the next one.", steps)


def _test_cadences(cadences):
    assert callable(cadences), (
        "hand in the function itself: check(cadences), without brackets behind cadences"
    )
    assert cadences(["I", "IV", "V", "I"]) == 1, (
        f"I IV V I has one cadence; you find {cadences(['I', 'IV', 'V', 'I'])}"
    )
    assert cadences(["I", "V7", "I"]) == 1, "V7 is a V with one more note: V7 I is a cadence as well"
    assert cadences(["V", "vi", "I"]) == 0, "in V vi I the V does not go to I at once"
    assert cadences(["I", "V"]) == 0, "I V goes the other way: the order matters"
    assert cadences(["i", "V7", "i"]) == 1, "in a minor key the tonic is written i; count V i too"
    assert cadences(["I", "V7/V", "I"]) == 0, "V7/V is another chord than V7: compare the whole numeral"
    assert cadences(["V", "I", "V7", "I"]) == 2, "count all of them"


def cadences(numerals):
    """How many times a V or V7 is followed by the tonic."""
    return sum(before in ("V", "V7") and after in ("I", "i") for before, after in zip(numerals, numerals[1:]))


CADENCES = Exercise(
    _test_cadences,
    "Go through the pairs of neighbours. The first must be one of V and V7, the second one of I and i.",
    cadences,
)


def _test_better_chord(answer):
    from noteninja_lib.music.score_io import read_notes

    assert isinstance(answer, dict) and {"abc", "bar", "machine", "yours", "why"} <= set(answer), (
        "hand in a dict with the keys abc, bar, machine, yours and why"
    )
    try:
        tune = read_notes(str(answer["abc"]))
    except UserError as problem:
        raise AssertionError(f"your tune can't be read. {problem}") from problem
    bars = round(tune.length / tune.bar)
    assert bars >= 4, f"bring a tune of four bars or more; yours has {bars}"
    bar = answer["bar"]
    assert isinstance(bar, int) and 1 <= bar <= bars, f"the bar should be a number from 1 to {bars}"
    assert answer["yours"] and answer["yours"] != answer["machine"], (
        "yours should be another chord than the machine's"
    )
    words = len(str(answer["why"]).split())
    assert words >= 12, (
        f"tell in a sentence or two what your chord does for the tune; so far it is {words} words"
    )


def better_chord():
    """One possible answer; yours depends on your tune and your taste."""
    return {
        "abc": "E E F G | G F E D | C C D E | E3/2 D/2 D2 | E E F G | G F E D | C C D E | D3/2 C/2 C2 |",
        "bar": 5,
        "machine": "I",
        "yours": "vi",
        "why": "The second line begins like the first. With vi under it the ear hears that something is new, and the I at "
        "the end comes as more of a relief.",
    }


BETTER_CHORD = Exercise(
    _test_better_chord,
    "Sing the tune and play only the bass notes of the chords. Where are you bored, and where "
    "does it hurt? Try vi or IV in the place of I, and ii in the place of IV.",
    better_chord,
    answer=lambda solution: solution(),
)


# A tune to see and to hear, with its chords; and a desk at which a tune is written, analysed and harmonised.
#
# Lesson: 02_music_theory_with_music21

BARS = (4, 8, 16, 32)
BEGIN = "E E F G | G F E D | C C D E | E3/2 D/2 D2 | E E F G | G F E D | C C D E | D3/2 C/2 C2 |"  # lies there at first


def play(tune, tempo=110.0, *, chords=True):
    """A tune on a piano.

    Parameters
    ----------
    tune : Tune
    tempo : float
        Felt beats a minute.
    chords : bool
        Whether to play them as well.

    Returns
    -------
    ndarray of float32, shape (n,)
        Mono, 22,050 Hz.
    """
    content = from_score(tune, tempo)
    return sketch(
        content.melody_notes(),
        content.accompaniment() if chords else [],
        content.rhythm.shape[-1] / FRAME_RATE,
    )


def plot_tune(tune, ax=None):
    """Draw a tune as a piano roll, with the roman numerals of its chords above.

    Parameters
    ----------
    tune : Tune
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (11, 3.2))
    pitches = [pitch for _, _, pitch in tune.notes]
    low, high = min(pitches) - 1, max(pitches) + 4
    for start, duration, pitch in tune.notes:
        ax.add_patch(
            Rectangle(
                (start / tune.bar + 1, pitch - 0.4), 0.94 * duration / tune.bar, 0.8, color=BLUE, linewidth=0
            )
        )
    crowded = len(tune.chords) > 40
    for (start, _, root, quality), numeral in zip(tune.chords, roman_numerals(tune)):
        words = numeral if crowded else f"{numeral}\n{chord_name(root, quality)}"
        ax.text(
            start / tune.bar + 1.03,
            high - 0.3,
            words,
            color=VERMILION,
            va="top",
            fontsize=6 if crowded else 9,
        )
    bars = round(tune.length / tune.bar)
    for bar in range(1, bars + 2):
        ax.axvline(bar, color="0.8", linewidth=0.8, zorder=0)
    shown = range(low + 1, high - 3, 1 if high - low < 16 else 2)
    ax.set_yticks(shown, [f"{NOTE_NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in shown], fontsize=8)
    ax.set(
        xlim=(1, bars + 1),
        ylim=(low, high),
        xlabel="bar",
        ylabel="pitch",
        title=f"{tune.title}: {NOTE_NAMES[tune.tonic]} {tune.mode}, {tune.metre}",
    )
    return ax


def tune_desk():
    """A piano roll whose notes are analysed and harmonised at a button's press.

    Returns
    -------
    TuneDesk
    """
    return TuneDesk()


class TuneDesk(widgets.VBox):
    """Piano roll, ABC text, and the button that analyses."""

    def __init__(self):
        self.tune = None
        self.bars = widgets.Dropdown(options=BARS, description="bars")
        self.metre = widgets.Dropdown(options=METRES, description="metre")
        self.tempo = widgets.IntSlider(value=110, min=50, max=200, step=5, description="tempo")
        self.roll = PianoRoll(bars=self.bars.value)
        self.abc = widgets.Text(value=BEGIN, description="ABC or path", layout={"width": "95%"})
        self.use_button = widgets.Button(description="Put it on the roll", icon="arrow-up")
        self.analyse_button = widgets.Button(
            description="Analyse and harmonise",
            icon="search",
            button_style="primary",
            layout={"width": "max-content"},
        )
        self.words, self.picture = widgets.HTML(), widgets.Image(format="png")
        self.player = widgets.Audio(value=b"", format="mp3", autoplay=False, loop=False)
        self.use_button.on_click(self.use)
        self.analyse_button.on_click(self.analyse)
        for part in (self.bars, self.metre):
            part.observe(self._resize, "value")
        name_parts(
            desk_bars=self.bars,
            desk_metre=self.metre,
            desk_tempo=self.tempo,
            desk_abc=self.abc,
            use=self.use_button,
            analyse=self.analyse_button,
            words=self.words,
            desk_picture=self.picture,
            desk_audio=self.player,
        )
        super().__init__(
            [
                style_sheet(),
                row(self.bars, self.metre, self.tempo),
                self.roll,
                row(self.abc, self.use_button),
                self.analyse_button,
                self.words,
                self.picture,
                self.player,
            ]
        )
        self.use()

    def _resize(self, _):
        self.roll.metre, self.roll.bars = self.metre.value, self.bars.value

    def use(self, _=None):
        """Put the ABC text, or the tune of a file (ABC, MIDI, MusicXML), on the roll; the handler of that button."""
        try:
            tune = read_notes(self.abc.value)
        except UserError as problem:
            self._say(str(problem), "error")
            return
        if tune.metre in METRES:
            self.metre.value = tune.metre
        needed = [bars for bars in BARS if bars * bar_length(tune.metre) >= tune.length - 1e-6]
        self.bars.value = needed[0] if needed else BARS[-1]
        self.roll.show(tune.notes, tune.metre, tune.length)
        self._say("Change the notes, then press Analyse.")

    def analyse(self, _=None):
        """Find key and chords of what is on the roll, draw and play it; the handler of that button."""
        try:
            self.tune = tune_of(self.roll.notes, self.roll.metre, "your tune")
        except UserError as problem:
            self._say(str(problem), "error")
            return
        figure, png = Figure(figsize=(11, 3.2), layout="constrained"), io.BytesIO()
        plot_tune(self.tune, figure.subplots())
        figure.savefig(png, format="png", dpi=100)
        self.picture.value, self.player.value = png.getvalue(), to_mp3(play(self.tune, self.tempo.value))
        self._say(
            f"{NOTE_NAMES[self.tune.tonic]} {self.tune.mode}; the chords are {' · '.join(roman_numerals(self.tune))}."
        )

    def _say(self, sentence, kind="info"):
        self.words.value = f'<div class="nn-{kind}" role="status">{html.escape(sentence)}</div>'
