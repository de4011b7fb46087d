"""Exercises of lesson 04: GTZAN and the band."""

import html
import os

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np

from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.datasets.gtzan import RATE, fingerprint_of
from noteninja_lib.errors import UserError
from noteninja_lib.lessons.exercise import Exercise
from noteninja_lib.plots import BLUE, LOOKS, ORANGE, VERMILION, _axes
from noteninja_lib.widgets.players import SoundView
from noteninja_lib.widgets.style_sheet import style_sheet
from noteninja_lib.widgets.workbench import name_parts, row

_TUNES = [f"tune {number % 7}" for number in range(28)]  # seven tunes, four clips of each


def _test_split(split):
    assert callable(split), "hand in the function itself: check(my_split), without brackets behind my_split"
    result = split(list(_TUNES), 0.3)
    assert isinstance(result, (tuple, list)) and len(result) == 2, (
        f"my_split should return two lists of numbers, train and test; it returned {result!r}"
    )
    train, test = (list(part) for part in result)
    assert all(isinstance(n, int) for n in train + test), (
        "the lists should hold the clips' numbers, counted from 0"
    )
    assert set(train) | set(test) == set(range(len(_TUNES))), "every clip should be in one of the two lists"
    assert not set(train) & set(test), "no clip should be in both lists"
    both = {_TUNES[n] for n in train} & {_TUNES[n] for n in test}
    assert not both, f"{len(both)} of the tunes are on both sides: clips of one tune should stay together"
    assert 4 <= len(test) <= 12, f"of 28 clips, about 30% should be for the test; yours are {len(test)}"
    assert len(split(list(_TUNES), 0.6)[1]) > len(test), "a larger share should give a larger test set"


def my_split(tunes, share):
    """Numbers of the clips for training and for the test, with each tune on one side only."""
    names = sorted(set(tunes))
    held_out = set(names[: round(share * len(names))])
    train = [number for number, tune in enumerate(tunes) if tune not in held_out]
    test = [number for number, tune in enumerate(tunes) if tune in held_out]
    return train, test


SPLIT = Exercise(
    _test_split,
    "Don't divide the clips; divide the names of the tunes, and then ask of each clip on which side its tune lies.",
    my_split,
)


def _test_label(answer):
    assert isinstance(answer, dict) and {"clip", "label", "why"} <= set(answer), (
        "hand in a dict with the keys clip, label and why"
    )
    given = next((genre for genre in GENRES if f"{genre}." in str(answer["clip"])), None)
    assert given, "clip should be the name of a recording, such as genres/jazz/jazz.00001.wav"
    assert answer["label"] in GENRES, f"the label should be one of {', '.join(GENRES)}"
    assert answer["label"] != given, f"{given} is the label that the clip has; which other one could it bear?"
    words = len(str(answer["why"]).split())
    assert words >= 12, f"tell in a sentence or two what you hear; so far it is {words} words"


def label():
    """One possible answer; yours depends on what you hear."""
    return {
        "clip": "genres/rock/rock.00001.wav",
        "label": "country",
        "why": "The bass goes from root to fifth on the beats and a guitar strums between them; without the loud snare "
        "drum I should have called it country.",
    }


LABEL = Exercise(
    _test_label,
    "Shut your eyes and step through one genre with the browser above. Which clip would you have put on another shelf?",
    label,
    answer=lambda solution: solution(),
)


# Leafing through a data set: a genre, a clip of it, its sound and its picture.
#
# Lesson: 04_gtzan_and_the_band


def side_by_side(*views):
    """Sounds in a row as wide as the page; a `SoundView` that stands in a column by itself would be squeezed."""
    box = widgets.HBox(list(views))
    box.add_class("nn-pair")
    return box


class ClipBrowser(widgets.VBox):
    """Choose a genre and a clip, hear it and see it.

    Parameters
    ----------
    data : DataSet
        GTZAN, or the band's set; of the latter's clips the notes of the tune can be drawn, too.
    """

    def __init__(self, data):
        self.data = data
        self.genre = widgets.Dropdown(options=sorted(set(data.labels)), description="genre")
        self.clip = widgets.SelectionSlider(options=[("", 0)], description="clip", continuous_update=False)
        self.notes = widgets.Checkbox(
            value=False, description="draw the notes of the tune", indent=False, disabled=not data.has_scores
        )
        self.stage = widgets.ToggleButton(value=False, description="large type", icon="expand")
        self.message, self.view = widgets.HTML(), SoundView("clip")
        super().__init__(
            [
                style_sheet(),
                row(self.genre, self.clip, self.notes, self.stage),
                self.message,
                side_by_side(self.view),
            ]
        )
        name_parts(
            converter=self,
            browser=self,
            genre=self.genre,
            clip=self.clip,
            notes=self.notes,
            message=self.message,
            stage_toggle=self.stage,
        )
        self.genre.observe(lambda _: self._fill(), "value")
        for control in (self.clip, self.notes):
            control.observe(lambda _: self.show(), "value")
        self.stage.observe(
            lambda change: (self.add_class if change["new"] else self.remove_class)("nn-stage"), "value"
        )
        self._fill()

    def _fill(self):
        """Offer the clips of the genre, and show the first."""
        mine = [number for number, genre in enumerate(self.data.labels) if genre == self.genre.value]
        before, self.clip.options = (
            self.clip.value,
            [(self.data.index[number].file.split(".")[-2], number) for number in mine],
        )
        if self.clip.value == before:  # else the slider has told it already
            self.show()

    def show(self):
        """Show the chosen clip."""
        number = self.clip.value
        try:
            entry, audio = self.data.index[number], self.data.audio(number)
        except UserError as problem:
            self.message.value = f'<div class="nn-error" role="status">{html.escape(str(problem))}</div>'
            if os.environ.get("NOTENINJA_TEST") == "1":
                raise
            return
        told = (
            f"{entry.tune}: {entry.key}, {entry.metre}, {entry.tempo:.0f} beats a minute, valence {entry.valence:+.1f}, "
            f"arousal {entry.arousal:+.1f}"
            if self.data.has_scores
            else "Nothing is known of it but its genre."
        )
        self.message.value = html.escape(told)
        notes = entry.notes() if self.data.has_scores and self.notes.value else []
        self.view.show(entry.file, audio, notes)


# Pictures of a data set's faults: fingerprints, likeness of pairs, and accuracies under several splits.
#
# Lesson: 04_gtzan_and_the_band


def plot_fingerprints(sounds):
    """Draw the fingerprints of several sounds, one above the other.

    Parameters
    ----------
    sounds : dict of str to np.ndarray
        Title and mono sound at 22,050 Hz.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it once, when it is the last line of a cell.
    """
    figure = plt.figure(figsize=(9, 1.7 * len(sounds) + 0.4), layout="constrained")
    axes = np.atleast_1d(figure.subplots(len(sounds), 1, sharex=True))
    for ax, (title, audio) in zip(axes, sounds.items()):
        picture = fingerprint_of(audio)
        image = ax.pcolormesh(
            np.arange(picture.shape[1] + 1) / RATE,
            np.arange(len(picture) + 1),
            picture,
            cmap="cividis",
            vmin=-3,
            vmax=3,
        )
        ax.set(title=title, ylabel="band")
    axes[-1].set_xlabel("time in seconds")
    figure.colorbar(image, ax=list(axes), label="weaker or stronger\nthan its mean", pad=0.01)
    plt.close(figure)  # else a notebook would show it a second time at the end of the cell
    return figure


def plot_likeness(kinds, threshold, ax=None):
    """Draw how alike the pairs of several kinds are: a stroke for each pair, a row for each kind.

    Parameters
    ----------
    kinds : dict of str to sequence of float
        Kind of pair, and the likeness of each pair.
    threshold : float
        From which on two recordings are taken for one; a dashed line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (9, 0.5 * len(kinds) + 1))
    for height, values in enumerate(kinds.values()):
        ax.plot(
            values,
            np.full(len(values), height),
            "|",
            markersize=20,
            color=LOOKS[height % len(LOOKS)]["color"],
        )
    ax.axvline(threshold, color=VERMILION, linestyle="--")
    ax.set(
        yticks=range(len(kinds)),
        yticklabels=list(kinds),
        ylim=(-0.6, len(kinds) - 0.4),
        xlabel=f"likeness of a pair (dashed: {threshold:g})",
    )
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_accuracies(results, chance, ax=None):
    """Draw accuracies as bars, side by side for two kinds of labels.

    Parameters
    ----------
    results : dict of str to dict of str to float
        For each kind of labels: way of splitting, and accuracy in 0..1.
    chance : float
        Accuracy of a guess; a dotted line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (9, 3))
    ways, width = list(next(iter(results.values()))), 0.8 / len(results)
    for number, ((name, shares), colour) in enumerate(
        zip(results.items(), (BLUE, ORANGE, LOOKS[2]["color"]))
    ):
        places, values = np.arange(len(ways)) + number * width, [shares[way] for way in ways]
        bars = ax.barh(places, values, 0.95 * width, label=name, color=colour)
        ax.bar_label(bars, fmt="{:.0%}", padding=3)
    ax.axvline(chance, color="black", linestyle=":")
    ax.set(
        yticks=np.arange(len(ways)) + 0.4 - width / 2,
        yticklabels=ways,
        xlim=(0, 1),
        xlabel="accuracy (dotted: by chance)",
    )
    ax.invert_yaxis()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(results), frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
