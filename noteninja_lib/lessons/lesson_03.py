"""Lesson 03, what makes a genre: exercises, plots of grooves and performances, a step sequencer.

Lesson: 03_what_makes_a_genre
"""

from dataclasses import replace

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.performance import Performance
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
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.errors import UserError
from noteninja_lib.lessons.exercise import Desk, Exercise, Question, side_by_side
from noteninja_lib.music.tunes import Tune
from noteninja_lib.plots import BLUE, GREEN, VERMILION, axes_or_new
from noteninja_lib.widgets.players import SoundView
from noteninja_lib.widgets.workbench import row


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
COLOURS = {"melody": VERMILION, "bass": BLUE, "chords": GREEN, "drums": "#555555"}
STEPS = METRES["four"]


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
    ax.set_yticks(range(len(pattern)), list(reversed(pattern)))
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


class StepSequencer(Desk):
    """A grid of drum strokes to switch on and off, and a band that plays four bars to it.

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
        self.grid = {drum: [self._step(drum, step) for step in range(STEPS)] for drum in ROWS}
        still, loudness = {"continuous_update": False}, {"value": 0, "min": -24, "max": 12}
        self.tempo = widgets.IntSlider(value=110, min=60, max=180, description="tempo", **still)
        self.swing = widgets.FloatSlider(value=0, min=0, max=1, step=0.1, description="swing", **still)
        self.levels = {
            name: widgets.IntSlider(description=f"{name} dB", **loudness, **still) for name in LEVELS
        }
        self.button = widgets.Button(description="Play four bars", icon="play", button_style="primary")
        self.clear = widgets.Button(description="Clear the grid")
        self.genre.observe(lambda _: self.take_over(), "value")
        self.button.on_click(self.play)
        self.clear.on_click(lambda _: self.set_pattern({}))
        wide = {"width": "6em"}
        lines = [widgets.HBox([widgets.Label(drum, layout=wide), *self.grid[drum]]) for drum in ROWS]
        levels, buttons = list(self.levels.values()), row(self.button, self.clear, self.stage)
        controls = [row(self.tempo, self.swing), row(*levels[:2]), row(*levels[2:]), buttons]
        self.arrange(self.genre, *lines, *controls, self.message, side_by_side(self.view))
        self.take_over()
        self.play()

    def _step(self, drum, step):
        gap = "12px" if step and step % STEPS_PER_BEAT == 0 else "1px"
        layout = {"width": "30px", "margin": f"1px 1px 1px {gap}", "padding": "0"}
        one = widgets.ToggleButton(value=False, tooltip=f"{drum}, step {step + 1}", layout=layout)
        one.observe(self._paint, "value")
        return one

    @staticmethod
    def _paint(change):
        change["owner"].description = "●" if change["new"] else ""
        change["owner"].button_style = "info" if change["new"] else ""

    def pattern(self) -> dict[str, str]:
        """The grid as a recipe writes it: drum to 16 steps of "X" and "."."""
        return {
            drum: "".join("X" if one.value else "." for one in steps) for drum, steps in self.grid.items()
        }

    def set_pattern(self, pattern: dict[str, str]) -> None:
        """Put a pattern on the grid; drums without a row are left out, and every stroke is a full one."""
        for drum, steps in self.grid.items():
            for one, sign in zip(steps, pattern.get(drum, "." * STEPS)):
                one.value = sign in STRENGTH

    def take_over(self) -> None:
        """Put the chosen genre's first pattern on the grid, with a middling tempo and swing."""
        recipe = load_recipe(self.genre.value)
        first = recipe.drums["four"][0] if recipe.drums else {}
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
