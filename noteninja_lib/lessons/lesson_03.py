"""Lesson 03, what makes a genre: exercises, plots of grooves and performances, a step sequencer.

Lesson: 03_what_makes_a_genre
"""

from dataclasses import replace
from functools import cache

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.mixing import mix_stems
from noteninja_lib.arranger.performance import Note, Part, Performance
from noteninja_lib.arranger.recipe import (
    DRUMS,
    GENRES,
    METRES,
    STEPS_PER_BEAT,
    STRENGTH,
    Recipe,
    list_genres,
    load_recipe,
)
from noteninja_lib.arranger.synthesis import render, render_stems
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.io import to_flac
from noteninja_lib.errors import UserError
from noteninja_lib.lessons.exercise import Desk, Exercise, Question, side_by_side
from noteninja_lib.music.tunes import Tune
from noteninja_lib.plots import BLUE, GREEN, VERMILION, axes_or_new
from noteninja_lib.widgets.players import SoundView
from noteninja_lib.widgets.style_sheet import row
from noteninja_lib.widgets.touch_widgets import StepGrid


def _test_spread(spread):
    for strokes, steps in ((4, 16), (3, 8), (5, 16), (7, 16), (1, 12)):
        pattern, asked = spread(strokes, steps), f"spread({strokes}, {steps})"
        assert isinstance(pattern, str), f"{asked} should return a string; it returned {pattern!r}"
        assert len(pattern) == steps, f"{asked} should have {steps} steps; it has {len(pattern)}: {pattern!r}"
        assert set(pattern) <= {"X", "."}, f"only X and . should stand in a pattern; {asked} is {pattern!r}"
        held = pattern.count("X")
        assert held == strokes, f"{asked} should hold {strokes} strokes; it holds {held}: {pattern!r}"
        assert pattern[0] == "X", f"the bar should begin with a stroke; {asked} is {pattern!r}"
        gaps = [
            len(gap) + 1 for gap in pattern.split("X")[1:]
        ]  # to the next stroke, or to the next bar's first
        uneven = f"in {asked} = {pattern!r} they are {gaps}"
        assert max(gaps) - min(gaps) <= 1, f"the gaps should differ by one step at most; {uneven}"


def spread(strokes: int, steps: int) -> str:
    """A pattern whose strokes lie as evenly as the steps allow."""
    places = {stroke * steps // strokes for stroke in range(strokes)}
    return "".join("X" if step in places else "." for step in range(steps))


SPREAD = Exercise(
    _test_spread,
    spread,
    "Without a grid, stroke number k would fall at k × steps ÷ strokes. Which step is nearest below it?",
)


def _test_genre(answer):
    recipe = answer["recipe"]
    assert recipe not in (None, ...), "put the path of your recipe, a .yaml file, where None stands"
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    name = recipe.genre
    assert name not in GENRES, f"your genre needs a name of its own; {name!r} is one of the ten"
    for genre in GENRES:
        other = load_recipe(genre)
        same = all(getattr(recipe, part) == getattr(other, part) for part in ("drums", "bass", "harmony"))
        assert not same, f"its drums, bass and harmony are all those of {genre}: change at least one of them"


def genre() -> dict:
    """One possible answer; yours should sound like you."""
    from dataclasses import replace

    waltz_step = {36: "X.....X.....X...", 38: "...X.....X.....X"}
    base = load_recipe("disco")
    limping = replace(base, genre="limping disco", drums={**base.drums, "four": [waltz_step]})
    why = """Groups of three steps limp across a bar of sixteen, under a bass and strings that go straight on:
        one wants to dance, and stumbles."""
    return {"recipe": limping, "why": why}


GENRE = Question(
    _test_genre,
    genre,
    "Begin with the recipe that is nearest to what you have in mind, change one thing, listen, and only "
    "then change the next.",
    {"why": "tell in a sentence or two by what one should know your genre"},
)

ROWS = ("ride", "open_hat", "hat", "rim", "snare", "kick")  # of the sequencer, from above
LEVELS = {
    "melody": ("melody", "double"),
    "bass": ("bass",),
    "chords": ("comp", "comp2", "pad", "stabs"),
    "drums": ("drums",),
}
RINGS = 1.5  # seconds of a stroke that are heard in a loop
COLOURS = {"melody": VERMILION, "bass": BLUE, "chords": GREEN, "drums": "#555555"}
STEPS = METRES["four"]


def in_words(drum: str) -> str:
    """A drum's name in a recipe as people write it: open_hat is the open hat."""
    return drum.replace("_", " ")


def plot_pattern(pattern: dict[str, str], ax: Axes | None = None) -> Axes:
    """Draw a drum pattern: a row for each drum, a column for each step, a larger dot for a louder stroke.

    Parameters
    ----------
    pattern : dict of str to str
        Drum and its row, as in a recipe: "X...x..o" and so on.
    ax : Axes, optional
        Where to draw; a new figure if None.
    """
    ax = axes_or_new(ax, 8, 0.4 * len(pattern) + 0.9)
    steps = max(map(len, pattern.values()))
    for height, line in enumerate(reversed(pattern.values())):
        for step, sign in enumerate(line):
            if sign in STRENGTH:
                ax.scatter(step + 1, height, s=170 * STRENGTH[sign] ** 2, color=BLUE, zorder=3)
    for beat in range(0, steps + 1, STEPS_PER_BEAT):
        ax.axvline(beat + 0.5, color="0.8", linewidth=1)
    ax.set_yticks(range(len(pattern)), map(in_words, reversed(pattern)))
    ax.set(xlabel=f"step ({STEPS_PER_BEAT} to a beat)", xticks=range(1, steps + 1))
    ax.set(xlim=(0.5, steps + 0.5), ylim=(-0.6, len(pattern) - 0.4))
    return ax


def plot_parts(performance: Performance, beats: float = 16, ax: Axes | None = None) -> Axes:
    """Draw what each part plays in the first ``beats``: pitch against time, drums as strokes below."""
    ax = axes_or_new(ax, 9, 3.2)
    second = performance.tempo / 60
    parts = {
        name: [note for part in performance.parts if part.name in roles for note in part.notes]
        for name, roles in LEVELS.items()
    }
    pitches = [note.pitch for name, notes in parts.items() if name != "drums" for note in notes]
    floor, kit = min(pitches, default=48), sorted({note.pitch for note in parts["drums"]})
    for name, notes in parts.items():
        here = [note for note in notes if note.start * second < beats]
        starts = [note.start * second for note in here]
        look: dict = {"color": COLOURS[name], "label": name}
        if name == "drums":
            heights = [floor - 3 * (len(kit) - kit.index(note.pitch)) for note in here]
            ax.scatter(starts, heights, marker="|", s=40, **look)
        else:
            above = 4 if name == "melody" else 3  # pads hide it else
            ends = [note.end * second for note in here]
            ax.hlines([note.pitch for note in here], starts, ends, linewidth=3, zorder=above, **look)
    ax.set(xlabel="time in beats", ylabel="MIDI pitch", xlim=(-0.2, beats), xticks=np.arange(0, beats + 1, 4))
    ax.legend(fontsize=8, ncols=4, loc="upper right")
    ax.set_ylim(top=ax.get_ylim()[1] + 8)  # room for the legend
    return ax


def with_drums(recipe: Recipe, pattern: dict[str, str]) -> Recipe:
    """The same recipe with one drum pattern (drum and its 16 steps) in place of its own, and no fills."""
    strokes = {DRUMS[name]: line for name, line in pattern.items()}
    drums = {"kits": [0], "crashes": False, "three": [{}], **recipe.drums, "four": [strokes], "fills": [{}]}
    return replace(recipe, drums=drums)


@cache
def kit_sounds(genre: str) -> list[bytes]:
    """One stroke of each drum in `ROWS` on a genre's kit, with its effects, as flac for the browser."""
    recipe, seconds = load_recipe(genre), RINGS + 1.5  # the longest tail is over when the next drum is struck
    strokes = [
        Note(place * seconds, place * seconds + 0.1, DRUMS[drum], 100) for place, drum in enumerate(ROWS)
    ]
    mix = {**recipe.mix, "levels": {"drums": 0.0}, "brightness": 0.0}
    played = Performance(None, genre, 0, 120.0, 0.0, 0, len(ROWS) * seconds, mix=mix)
    played.parts = [Part("drums", recipe.drums["kits"][0] if recipe.drums else 0, True, strokes)]
    sound, size = mix_stems(render_stems(played), mix, STEREO_RATE), round(RINGS * STEREO_RATE)
    sound *= 0.98 / np.abs(sound).max()  # as loud beside each other as they are in the kit
    begins = [round(note.start * STEREO_RATE) for note in strokes]
    return [to_flac(sound[begin : begin + size] * np.linspace(1, 0, size), STEREO_RATE) for begin in begins]


class StepSequencer(Desk):
    """A grid of drum strokes that plays in a loop, and a band that plays four bars to it.

    Parameters
    ----------
    tune : Tune
        What the band plays; in a metre of two or four beats.
    genre : str
        Whose instruments, bass and chords are taken at first.
    """

    def __init__(self, tune: Tune, genre: str = "reggae"):
        super().__init__()
        self.tune, self.view = tune, SoundView("groove")
        self.result: np.ndarray | None = None
        self.genre = widgets.Dropdown(options=list_genres(), value=genre, description="genre")
        self.grid = StepGrid(drums=[in_words(drum) for drum in ROWS], pattern=["." * STEPS] * len(ROWS))
        loudness = {"value": 0, "min": -24, "max": 12}
        self.tempo = widgets.IntSlider(value=110, min=60, max=180, description="tempo")
        self.swing = widgets.FloatSlider(value=0, min=0, max=1, step=0.1, description="swing")
        self.levels = {name: widgets.IntSlider(description=f"{name} dB", **loudness) for name in LEVELS}
        acting = {"tempo": self.tempo, "swing": self.swing, "gain": self.levels["drums"]}
        self.links = [widgets.jslink((one, "value"), (self.grid, name)) for name, one in acting.items()]
        look = {"icon": "music", "button_style": "primary", "layout": {"width": "auto"}}
        self.button = widgets.Button(description="Four bars with the band", **look)
        self.clear = widgets.Button(description="Clear the grid")
        self.genre.observe(lambda _: self.take_over(), "value")
        self.button.on_click(self.play)
        self.clear.on_click(lambda _: self.set_pattern({}))
        melody, bass, chords, drums = self.levels.values()
        sliders = [row(self.tempo, self.swing, drums), row(melody, bass, chords)]
        choices, band = row(self.genre, self.clear), row(self.button)
        self.arrange(choices, self.grid, *sliders, band, self.message, side_by_side(self.view))
        self.take_over()
        self.play()

    def pattern(self) -> dict[str, str]:
        """The grid as a recipe writes it: drum to 16 steps of "X" and "."."""
        return dict(zip(ROWS, self.grid.pattern))

    def set_pattern(self, pattern: dict[str, str]) -> None:
        """Put a pattern on the grid; drums without a row are left out, and every stroke is a full one."""
        lines = [pattern.get(drum, "." * STEPS) for drum in ROWS]
        self.grid.pattern = ["".join("X" if sign in STRENGTH else "." for sign in line) for line in lines]

    def take_over(self) -> None:
        """Take the chosen genre's kit and first pattern, with a middling tempo and swing."""
        recipe = load_recipe(self.genre.value)
        first = recipe.drums["four"][0] if recipe.drums else {}
        self.grid.sounds = kit_sounds(self.genre.value)
        self.set_pattern({name: first[key] for name, key in DRUMS.items() if key in first})
        self.tempo.value, self.swing.value = round(sum(recipe.tempo) / 2), sum(recipe.swing) / 2

    def play(self, _: object = None) -> None:
        """Arrange, render and show; the handler of the button."""
        genre, tempo, swing = self.genre.value, self.tempo.value, self.swing.value
        whole: dict = {"duration": 4 * STEPS / STEPS_PER_BEAT * 60 / tempo, "intro": 0, "ending": False}
        try:
            recipe = with_drums(load_recipe(genre), self.pattern())
            played = arrange(self.tune, recipe, tempo=tempo, swing=swing, **whole)
            levels = played.mix["levels"]
            for name, roles in LEVELS.items():
                for role in set(roles) & set(levels):
                    levels[role] += self.levels[name].value
            self.result = render(played, stereo=True)
            heading = f"{genre}, four bars, {tempo} beats a minute"
            self.view.show(heading, self.result, [], lambda figure: plot_parts(played, ax=figure.subplots()))
            self.say("")
        except UserError as problem:
            self.tell(problem)
