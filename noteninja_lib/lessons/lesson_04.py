"""Lesson 04, GTZAN and the band: exercises, a browser for data sets, plots of a data set's faults.

Lesson: 04_gtzan_and_the_band
"""

import html
from collections.abc import Sequence

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.datasets.base import DataSet
from noteninja_lib.datasets.gtzan import RATE, fingerprint_of
from noteninja_lib.errors import UserError
from noteninja_lib.lessons.exercise import Desk, Exercise, Question, is_whole, side_by_side
from noteninja_lib.plots import BLUE, GREEN, LOOKS, ORANGE, VERMILION, axes_or_new, new_figure
from noteninja_lib.widgets.players import SoundView
from noteninja_lib.widgets.workbench import row

_TUNES = [f"tune {number % 7}" for number in range(28)]  # seven tunes, four clips of each


def _test_split(split):
    result = split(list(_TUNES), 0.3)
    two = isinstance(result, (tuple, list)) and len(result) == 2
    assert two, f"my_split should return two lists of numbers, train and test; it returned {result!r}"
    train, test = (list(part) for part in result)
    numbers = all(map(is_whole, train + test))
    assert numbers, "the lists should hold the clips' numbers, counted from 0"
    assert set(train) | set(test) == set(range(len(_TUNES))), "every clip should be in one of the two lists"
    assert not set(train) & set(test), "no clip should be in both lists"
    both = {_TUNES[n] for n in train} & {_TUNES[n] for n in test}
    assert not both, f"{len(both)} of the tunes are on both sides: clips of one tune should stay together"
    assert 4 <= len(test) <= 12, f"of 28 clips, about 30% should be for the test; yours are {len(test)}"
    assert len(split(list(_TUNES), 0.6)[1]) > len(test), "a larger share should give a larger test set"


def my_split(tunes: list[str], share: float) -> tuple[list[int], list[int]]:
    """Numbers of the clips for training and for the test, with each tune on one side only."""
    names = sorted(set(tunes))
    held_out = set(names[: round(share * len(names))])
    train = [number for number, tune in enumerate(tunes) if tune not in held_out]
    test = [number for number, tune in enumerate(tunes) if tune in held_out]
    return train, test


SPLIT = Exercise(
    _test_split,
    my_split,
    "Don't divide the clips; divide the names of the tunes, then ask of each clip where its tune lies.",
)


def _test_label(answer):
    clip, label = str(answer["clip"]), answer["label"]
    given = next((genre for genre in GENRES if f"{genre}." in clip), None)
    assert given, "clip should be the name of a recording, such as genres/jazz/jazz.00001.wav"
    assert label in GENRES, f"the label should be one of {', '.join(GENRES)}"
    assert label != given, f"{given} is the label that the clip has; which other one could it bear?"


def label() -> dict:
    """One possible answer; yours depends on what you hear."""
    why = """The bass goes from root to fifth on the beats and a guitar strums between them; without the loud
        snare drum I should have called it country."""
    return {"clip": "genres/rock/rock.00001.wav", "label": "country", "why": why}


LABEL = Question(
    _test_label,
    label,
    "Shut your eyes and step through one genre with the browser above. Which clip belongs on another shelf?",
    {"why": "tell in a sentence or two what you hear"},
)


class ClipBrowser(Desk):
    """Choose a genre and a clip, hear it and see it.

    Parameters
    ----------
    data : DataSet
        GTZAN, or the band's set; of the latter's clips the notes of the tune can be drawn, too.
    """

    def __init__(self, data: DataSet):
        super().__init__()
        self.data, self.view = data, SoundView("clip")
        self.genre = widgets.Dropdown(options=sorted(set(data.labels)), description="genre")
        self.clip = widgets.SelectionSlider(options=[("", 0)], description="clip", continuous_update=False)
        known = {"indent": False, "disabled": not data.has_scores}
        self.notes = widgets.Checkbox(value=False, description="draw the notes of the tune", **known)
        controls = row(self.genre, self.clip, self.notes)
        self.arrange(controls, self.message, side_by_side(self.view))
        self.genre.observe(lambda _: self._fill(), "value")
        for control in (self.clip, self.notes):
            control.observe(lambda _: self.show_clip(), "value")
        self._fill()

    def _fill(self):
        """Offer the clips of the genre, and show the first."""
        mine = [number for number, genre in enumerate(self.data.labels) if genre == self.genre.value]
        before = self.clip.value
        self.clip.options = [(self.data.index[number].file.split(".")[-2], number) for number in mine]
        if self.clip.value == before:  # else the slider has told it already
            self.show_clip()

    def show_clip(self) -> None:
        """Show the chosen clip."""
        number, known = self.clip.value, self.data.has_scores
        try:
            entry, audio = self.data.index[number], self.data.audio(number)
        except UserError as problem:
            return self.tell(problem)
        told = "Nothing is known of it but its genre."
        if known:
            told = f"{entry.tune}: {entry.key}, {entry.metre}, {entry.tempo:.0f} beats a minute, "
            told += f"valence {entry.valence:+.1f}, arousal {entry.arousal:+.1f}"
        self.message.value = html.escape(told)
        self.view.show(entry.file, audio, entry.notes() if known and self.notes.value else [])


def plot_fingerprints(sounds: dict[str, np.ndarray]) -> Figure:
    """Draw the fingerprints of several mono sounds (n,) at 22,050 Hz by title, one above the other."""
    figure = new_figure(9, 1.7 * len(sounds) + 0.4)
    axes = figure.subplots(len(sounds), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (title, audio) in zip(axes, sounds.items()):
        levels = fingerprint_of(audio)
        times, bands = (np.arange(size + 1) for size in reversed(levels.shape))
        image = ax.pcolormesh(times / RATE, bands, levels, cmap="cividis", vmin=-3, vmax=3)
        ax.set(title=title, ylabel="band")
    axes[-1].set_xlabel("time in seconds")
    figure.colorbar(image, ax=list(axes), label="weaker or stronger\nthan its mean", pad=0.01)
    return figure


def plot_likeness(kinds: dict[str, Sequence[float]], threshold: float, ax: Axes | None = None) -> Axes:
    """Draw how alike the pairs of several kinds are: a stroke for each pair, a row for each kind.

    Parameters
    ----------
    kinds : dict of str to sequence of float
        Kind of pair, and the likeness of each pair.
    threshold : float
        From which on two recordings are taken for one; a dashed line.
    ax : Axes, optional
        Where to draw; a new figure if None.
    """
    ax = axes_or_new(ax, 9, 0.5 * len(kinds) + 1)
    for height, values in enumerate(kinds.values()):
        colour = LOOKS[height % len(LOOKS)]["color"]
        ax.plot(values, np.full(len(values), height), "|", markersize=20, color=colour)
    ax.axvline(threshold, color=VERMILION, linestyle="--")
    ax.set_yticks(range(len(kinds)), list(kinds))
    ax.set(ylim=(-0.6, len(kinds) - 0.4), xlabel=f"likeness of a pair (dashed: {threshold:g})")
    return ax


def plot_accuracies(results: dict[str, dict[str, float]], chance: float, ax: Axes | None = None) -> Axes:
    """Draw accuracies as bars, side by side for two kinds of labels.

    Parameters
    ----------
    results : dict of str to dict of str to float
        For each kind of labels: way of splitting, and accuracy in 0..1.
    chance : float
        Accuracy of a guess; a dotted line.
    ax : Axes, optional
        Where to draw; a new figure if None.
    """
    ax = axes_or_new(ax, 9, 3)
    ways, width = list(next(iter(results.values()))), 0.8 / len(results)
    for number, ((name, shares), colour) in enumerate(zip(results.items(), (BLUE, ORANGE, GREEN))):
        places, values = np.arange(len(ways)) + number * width, [shares[way] for way in ways]
        bars = ax.barh(places, values, 0.95 * width, label=name, color=colour)
        ax.bar_label(bars, fmt="{:.0%}", padding=3)
    ax.axvline(chance, color="black", linestyle=":")
    ax.set_yticks(np.arange(len(ways)) + 0.4 - width / 2, ways)
    ax.set(xlim=(0, 1), xlabel="accuracy (dotted: by chance)")
    ax.invert_yaxis()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(results), frameon=False)
    return ax
