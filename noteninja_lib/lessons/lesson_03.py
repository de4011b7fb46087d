"""Exercises of lesson 03: what makes a genre."""

import html
import os
from dataclasses import replace

import ipywidgets as widgets
import numpy as np

from noteninja_lib.arranger.arranger import arrange
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
from noteninja_lib.lessons.exercise import Exercise
from noteninja_lib.lessons.lesson_04 import side_by_side
from noteninja_lib.plots import BLUE, LOOKS, VERMILION, _axes
from noteninja_lib.widgets.players import SoundView
from noteninja_lib.widgets.style_sheet import style_sheet
from noteninja_lib.widgets.workbench import name_parts, row


def _gaps(pattern):
    """Steps from each stroke to the next, around the bar."""
    places = [step for step, sign in enumerate(pattern) if sign == "X"]
    return [
        (after - place) % len(pattern) or len(pattern)
        for place, after in zip(places, places[1:] + places[:1])
    ]


def _test_spread(spread):
    assert callable(spread), "hand in the function itself: check(spread), without brackets behind spread"
    for strokes, steps in ((4, 16), (3, 8), (5, 16), (7, 16), (1, 12)):
        pattern = spread(strokes, steps)
        asked = f"spread({strokes}, {steps})"
        assert isinstance(pattern, str), f"{asked} should return a string; it returned {pattern!r}"
        assert len(pattern) == steps, f"{asked} should have {steps} steps; it has {len(pattern)}: {pattern!r}"
        assert set(pattern) <= {"X", "."}, f"only X and . should stand in a pattern; {asked} is {pattern!r}"
        assert pattern.count("X") == strokes, (
            f"{asked} should hold {strokes} strokes; it holds {pattern.count('X')}: {pattern!r}"
        )
        assert pattern[0] == "X", f"the bar should begin with a stroke; {asked} is {pattern!r}"
        gaps = _gaps(pattern)
        assert max(gaps) - min(gaps) <= 1, (
            f"the gaps should differ by one step at most; in {asked} = {pattern!r} they are {gaps}"
        )


def spread(strokes, steps):
    """A pattern whose strokes lie as evenly as the steps allow."""
    places = {stroke * steps // strokes for stroke in range(strokes)}
    return "".join("X" if step in places else "." for step in range(steps))


SPREAD = Exercise(
    _test_spread,
    "Without a grid, stroke number k would fall at k × steps ÷ strokes. Which step is nearest below it?",
    spread,
)


def _test_genre(answer):
    assert isinstance(answer, dict) and {"recipe", "why"} <= set(answer), (
        "hand in a dict with the keys recipe and why"
    )
    assert answer["recipe"] not in (None, ...), "put the path of your recipe, a .yaml file, where None stands"
    recipe = answer["recipe"] if isinstance(answer["recipe"], Recipe) else load_recipe(answer["recipe"])
    assert recipe.genre not in GENRES, (
        f"your genre needs a name of its own; {recipe.genre!r} is one of the ten"
    )
    for genre in GENRES:
        other = load_recipe(genre)
        same = [
            part for part in ("drums", "bass", "harmony") if getattr(recipe, part) == getattr(other, part)
        ]
        assert len(same) < 3, (
            f"its drums, bass and harmony are all those of {genre}: change at least one of them"
        )
    words = len(str(answer["why"]).split())
    assert words >= 12, (
        f"tell in a sentence or two by what one should know your genre; so far it is {words} words"
    )


def genre():
    """One possible answer; yours should sound like you."""
    from dataclasses import replace

    waltz_step = {36: "X.....X.....X...", 38: "...X.....X.....X"}
    base = load_recipe("disco")
    limping = replace(base, genre="limping disco", drums={**base.drums, "four": [waltz_step]})
    return {
        "recipe": limping,
        "why": "Groups of three steps limp across a bar of sixteen, under a bass and strings that "
        "go straight on: one wants to dance, and stumbles.",
    }


GENRE = Exercise(
    _test_genre,
    "Begin with the recipe that is nearest to what you hear inwardly, change one thing, listen, and only then change "
    "the next.",
    genre,
    answer=lambda solution: solution(),
)


# Grooves to see and to make: a drum pattern as a grid, a performance as a roll, and a step sequencer with a band behind it.
#
# Lesson: 03_what_makes_a_genre

ROWS = ("ride", "open_hat", "hat", "rim", "snare", "kick")  # of the sequencer, from above
LEVELS = {
    "melody": ("melody", "double"),
    "bass": ("bass",),
    "chords": ("comp", "comp2", "pad", "stabs"),
    "drums": ("drums",),
}
COLOURS = {"melody": VERMILION, "bass": BLUE, "chords": LOOKS[2]["color"], "drums": "#555555"}
STEPS = METRES["four"]


def plot_pattern(pattern, ax=None):
    """Draw a drum pattern as a grid: a row for each drum, a column for each step, a larger dot for a louder stroke.

    Parameters
    ----------
    pattern : dict of str to str
        Drum and its row, as in a recipe: "X...x..o" and so on.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (8, 0.4 * len(pattern) + 0.9))
    steps = max(map(len, pattern.values()))
    for height, line in enumerate(reversed(pattern.values())):
        for step, sign in enumerate(line):
            if sign in STRENGTH:
                ax.scatter(step + 1, height, s=170 * STRENGTH[sign] ** 2, color=BLUE, zorder=3)
    for beat in range(0, steps + 1, STEPS_PER_BEAT):
        ax.axvline(beat + 0.5, color="0.8", linewidth=1)
    ax.set_yticks(range(len(pattern)), list(reversed(pattern)))
    ax.set(
        xlabel=f"step ({STEPS_PER_BEAT} to a beat)",
        xticks=range(1, steps + 1),
        xlim=(0.5, steps + 0.5),
        ylim=(-0.6, len(pattern) - 0.4),
    )
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_parts(performance, beats=16, ax=None):
    """Draw what each member of a band plays: pitch against time in beats, and the drums as strokes at the bottom.

    Parameters
    ----------
    performance : Performance
    beats : float
        How much of its beginning is drawn.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (9, 3.2))
    second = performance.tempo / 60
    parts = {
        name: [note for part in performance.parts if part.name in roles for note in part.notes]
        for name, roles in LEVELS.items()
    }
    floor = min(
        (note.pitch for name, notes in parts.items() if name != "drums" for note in notes), default=48
    )
    kit = sorted({note.pitch for note in parts["drums"]})
    for name, notes in parts.items():
        here = [note for note in notes if note.start * second < beats]
        starts = [note.start * second for note in here]
        if name == "drums":
            ax.scatter(
                starts,
                [floor - 3 * (len(kit) - kit.index(note.pitch)) for note in here],
                marker="|",
                s=40,
                color=COLOURS[name],
                label=name,
            )
        else:
            ax.hlines(
                [note.pitch for note in here],
                starts,
                [note.end * second for note in here],
                linewidth=3,
                color=COLOURS[name],
                label=name,
                zorder=4 if name == "melody" else 3,
            )  # pads hide it else
    ax.set(xlabel="time in beats", ylabel="MIDI pitch", xlim=(-0.2, beats), xticks=np.arange(0, beats + 1, 4))
    ax.legend(fontsize=8, ncols=4, loc="upper right")
    ax.set_ylim(top=ax.get_ylim()[1] + 8)  # room for the legend
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def with_drums(recipe, pattern):
    """The same recipe with one drum pattern in place of its own, and no fills.

    Parameters
    ----------
    recipe : Recipe
    pattern : dict of str to str
        Drum and its 16 steps.

    Returns
    -------
    Recipe
    """
    strokes = {DRUMS[name]: line for name, line in pattern.items()}
    drums = {"kits": [0], "crashes": False, "three": [{}], **recipe.drums, "four": [strokes], "fills": [{}]}
    return replace(recipe, drums=drums)


class StepSequencer(widgets.VBox):
    """A grid of drum strokes to switch on and off, and a band that plays four bars to it.

    Parameters
    ----------
    tune : Tune
        What the band plays; in a metre of two or four beats.
    genre : str
        Whose instruments, bass and chords are taken at first.
    """

    def __init__(self, tune, genre="reggae"):
        self.tune, self.result = tune, None
        self.genre = widgets.Dropdown(options=list_genres(), value=genre, description="genre")
        self.grid = {drum: [self._step(drum, step) for step in range(STEPS)] for drum in ROWS}
        self.tempo = widgets.IntSlider(
            value=110, min=60, max=180, description="tempo", continuous_update=False
        )
        self.swing = widgets.FloatSlider(
            value=0, min=0, max=1, step=0.1, description="swing", continuous_update=False
        )
        self.levels = {
            name: widgets.IntSlider(
                value=0, min=-24, max=12, description=f"{name} dB", continuous_update=False
            )
            for name in LEVELS
        }
        self.button = widgets.Button(description="Play four bars", icon="play", button_style="primary")
        self.clear = widgets.Button(description="Clear the grid")
        self.stage = widgets.ToggleButton(value=False, description="large type", icon="expand")
        self.message, self.view = widgets.HTML(), SoundView("groove")
        lines = [
            widgets.HBox([widgets.Label(drum, layout={"width": "6em"}), *steps])
            for drum, steps in self.grid.items()
        ]
        levels = list(self.levels.values())
        super().__init__(
            [
                style_sheet(),
                self.genre,
                *lines,
                row(self.tempo, self.swing),
                row(*levels[:2]),
                row(*levels[2:]),
                row(self.button, self.clear, self.stage),
                self.message,
                side_by_side(self.view),
            ]
        )
        name_parts(
            converter=self,
            sequencer=self,
            genre=self.genre,
            tempo=self.tempo,
            swing=self.swing,
            play=self.button,
            clear=self.clear,
            message=self.message,
            stage_toggle=self.stage,
        )
        self.genre.observe(lambda _: self.take_over(), "value")
        self.button.on_click(self.play)
        self.clear.on_click(lambda _: self.set_pattern({}))
        self.stage.observe(
            lambda change: (self.add_class if change["new"] else self.remove_class)("nn-stage"), "value"
        )
        self.take_over()
        self.play()

    def _step(self, drum, step):
        gap = "12px" if step and step % STEPS_PER_BEAT == 0 else "1px"
        one = widgets.ToggleButton(
            value=False,
            tooltip=f"{drum}, step {step + 1}",
            layout={"width": "30px", "margin": f"1px 1px 1px {gap}", "padding": "0"},
        )
        one.observe(self._paint, "value")
        return one

    @staticmethod
    def _paint(change):
        change["owner"].description = "●" if change["new"] else ""
        change["owner"].button_style = "info" if change["new"] else ""

    def pattern(self):
        """The grid as a recipe writes it: drum to 16 steps of "X" and "."."""
        return {
            drum: "".join("X" if one.value else "." for one in steps) for drum, steps in self.grid.items()
        }

    def set_pattern(self, pattern):
        """Put a pattern on the grid; drums that the grid doesn't have are left out, and every stroke is a full one."""
        for drum, steps in self.grid.items():
            for one, sign in zip(steps, pattern.get(drum, "." * STEPS)):
                one.value = sign in STRENGTH

    def take_over(self):
        """Put the first pattern of the chosen genre on the grid, with a tempo and a swing from the middle of its ranges."""
        recipe = load_recipe(self.genre.value)
        first = recipe.drums["four"][0] if recipe.drums else {}
        self.set_pattern({name: first[key] for name, key in DRUMS.items() if key in first})
        self.tempo.value, self.swing.value = round(sum(recipe.tempo) / 2), sum(recipe.swing) / 2

    def play(self, _=None):
        """Arrange, render and show; the handler of the button."""
        try:
            recipe = with_drums(load_recipe(self.genre.value), self.pattern())
            played = arrange(
                self.tune,
                recipe,
                tempo=self.tempo.value,
                swing=self.swing.value,
                intro=0,
                ending=False,
                duration=4 * STEPS / STEPS_PER_BEAT * 60 / self.tempo.value,
            )
            for name, roles in LEVELS.items():
                for role in set(roles) & set(played.mix["levels"]):
                    played.mix["levels"][role] += self.levels[name].value
            self.result = render(played)
            self.view.show(
                f"{self.genre.value}, four bars, {self.tempo.value} beats a minute",
                self.result,
                [],
                lambda figure: plot_parts(played, ax=figure.subplots()),
            )
            self.message.value = ""
        except UserError as problem:
            self.message.value = f'<div class="nn-error" role="status">{html.escape(str(problem))}</div>'
            if os.environ.get("NOTENINJA_TEST") == "1":
                raise
