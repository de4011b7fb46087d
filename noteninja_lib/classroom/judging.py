"""Pictures of how rivals compare: tune against genre, and figures with their intervals.

Lesson: 11_judging_a_converter
"""
import json

import matplotlib.pyplot as plt

import noteninja_lib
from noteninja_lib.classroom.plotting import BLUE, ORANGE, _axes
from noteninja_lib.evaluation.report import RIVALS

OURS = "ours"


def measured_figures():
    """The figures that were measured on test tunes and are shipped with the networks; see `evaluation.report.figures_of`."""
    return json.loads((noteninja_lib.data_folder() / "models" / "evaluation.json").read_text(encoding="utf-8"))


def name_of(rival):
    """What a rival is called in a picture."""
    return RIVALS.get(rival, rival).replace("*", "")


def plot_plane(points, ax=None):
    """Draw versions of a song as points: how much of the tune is kept, and how much of the genre is heard.

    Parameters
    ----------
    points : dict of str to (float, float)
        Rival, its tune kept (0 another tune, 1 a true recording) and its share for the asked-for genre (0 to 1).
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (7.5, 4))
    for rival, (kept, genre) in points.items():
        ax.plot(kept, genre, "D" if rival == OURS else "o", color=ORANGE if rival == OURS else BLUE, markersize=8, clip_on=False)
    heights = _apart({rival: genre for rival, (_, genre) in points.items()}, 0.075)
    for rival, (kept, genre) in points.items():
        ax.annotate(name_of(rival), (kept, genre), xytext=(1.3, heights[rival]), va="center", fontsize=9,
                    arrowprops={"arrowstyle": "-", "color": "grey", "linewidth": 0.6, "relpos": (0, 0.5)})
    ax.set(xlabel="tune kept (0: another tune, 1: a true recording)", ylabel="share for the asked-for genre",
           xlim=(-0.25, 2.6), ylim=(-0.05, 1.05), xticks=(0, 0.5, 1))
    ax.axvspan(0, 1, color="grey", alpha=0.1, linewidth=0)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _apart(heights, gap):
    """Heights of labels by name, moved so that neighbours are at least `gap` apart and none is above 1."""
    moved, ceiling = {}, 1.0 + gap
    for name in sorted(heights, key=heights.get, reverse=True):
        ceiling = moved[name] = min(heights[name], ceiling - gap)
    floor = -gap
    for name in reversed(list(moved)):              # and none below 0
        floor = moved[name] = max(moved[name], floor + gap)
    return moved


def plot_rivals(figures, measures, figure=None):
    """Draw measures of all rivals with their 95 % intervals.

    Parameters
    ----------
    figures : dict
        As `measured_figures` gives them.
    measures : dict of str to str
        Measure and what stands over its panel.
    figure : matplotlib.figure.Figure, optional
        An empty figure; a new one if None.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it once, when it is the last line of a cell.
    """
    new = figure is None
    figure = plt.figure(figsize=(11, 3.6), layout="constrained") if new else figure
    axes = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    rivals = [rival for rival in RIVALS if rival in figures["rivals"]][::-1]
    for ax, (measure, words) in zip(axes, measures.items()):
        for height, rival in enumerate(rivals):
            found = figures["rivals"][rival].get(measure)
            if found:
                mean, low, high = found
                ax.errorbar(mean, height, xerr=[[mean - low], [high - mean]], capsize=3,
                            fmt="D" if rival == OURS else "o", color=ORANGE if rival == OURS else BLUE)
        ax.set_title(words, fontsize=10)
        ax.grid(axis="y", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(rivals)), [name_of(rival) for rival in rivals])
    figure.supxlabel("mean, with its 95 % interval", fontsize=10)
    if new:
        plt.close(figure)       # else a notebook would show it a second time at the end of the cell
    return figure
