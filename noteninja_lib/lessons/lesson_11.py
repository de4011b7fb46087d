"""Exercises of lesson 11: judging a converter."""

import json

import matplotlib.pyplot as plt

import noteninja_lib
from noteninja_lib.evaluation.baselines import BASELINES
from noteninja_lib.lessons.exercise import Exercise
from noteninja_lib.plots import BLUE, ORANGE, _axes
from noteninja_lib.widgets.blind_test import chance


def _test_place(place):
    assert callable(place), "hand in the function itself: check(place), without brackets behind place"
    zero, one, middle = (place(value, 0.1, 0.9) for value in (0.1, 0.9, 0.5))
    assert isinstance(zero, (int, float)), f"place should return a number; it returned {zero!r}"
    assert abs(zero) < 1e-9, f"another tune's value should lie at 0; here it lies at {zero:g}"
    assert abs(one - 1) < 1e-9, f"the true recording's value should lie at 1; here it lies at {one:g}"
    assert abs(middle - 0.5) < 1e-9, f"halfway between both should be 0.5; here it is {middle:g}"
    assert place(1.0, 0.2, 0.8) > 1, (
        "what is better than the true recording should lie beyond 1: don't cut it off"
    )


def place(value, zero, one):
    """Where a value lies between two fixed points: 0 at ``zero``, 1 at ``one``."""
    return (value - zero) / (one - zero)


PLACE = Exercise(
    _test_place,
    "How far is the value from zero, and how far is one from zero? Which part of it is that?",
    place,
)


def _test_needed(needed):
    assert callable(needed), "hand in the function itself: check(needed), without brackets behind needed"
    for trials in (8, 12, 20, 50):
        right = needed(trials)
        assert isinstance(right, int), f"needed({trials}) should be a whole number; it is {right!r}"
        assert 0 <= right <= trials, (
            f"of {trials} rounds not more than {trials} can be right; needed({trials}) is {right}"
        )
        assert chance(right, trials) < 0.05, (
            f"one who guesses reaches {right} of {trials} in {chance(right, trials):.1%} of the "
            "tests: that is too often"
        )
        assert chance(right - 1, trials) >= 0.05, (
            f"for {trials} rounds fewer right answers than {right} would do"
        )


def needed(trials):
    """The smallest number of right answers that guessing reaches in less than 5 % of the tests."""
    right = trials
    while chance(right - 1, trials) < 0.05:
        right = right - 1
    return right


NEEDED = Exercise(
    _test_needed,
    "All right is surely enough. Go down from there, one by one, as long as chance(...) stays below 0.05.",
    needed,
)


def _test_report(answer):
    keys = ("trials", "right", "gave_it_away", "says_little_because")
    assert isinstance(answer, dict) and set(keys) <= set(answer), (
        f"hand in a dict with the keys {', '.join(keys)}"
    )
    trials, right = answer["trials"], answer["right"]
    assert isinstance(trials, int) and trials >= 8, (
        "take the test with at least 8 rounds, and say with how many"
    )
    assert isinstance(right, int) and 0 <= right <= trials, (
        f"the number of right answers should lie between 0 and {trials}"
    )
    for key, wish in (
        ("gave_it_away", "what you listened for, whether it helped or not"),
        ("says_little_because", "what this test can't show, such as who listened, and to what"),
    ):
        words = len(str(answer[key]).split())
        assert words >= 10, f"under {key} tell in a sentence or two {wish}; so far it is {words} words"


def report():
    """One possible answer; yours depends on what you hear."""
    return {
        "trials": 8,
        "right": 6,
        "gave_it_away": "In the band's own recording the cymbals ring on after the stroke; in the converted one they are "
        "shorter and a little grey.",
        "says_little_because": "I was the only listener, I know this converter well, all pairs were one single tune, and "
        "six of eight may still be luck.",
    }


REPORT = Exercise(
    _test_report,
    "Take the test above to its end. Then ask yourself: would my teacher, my grandmother, a drummer "
    "have heard the same?",
    report,
    answer=lambda solution: solution(),
)


# Pictures of how rivals compare: tune against genre, and figures with their intervals.
#
# Lesson: 11_judging_a_converter

OURS = "ours"


def measured_figures():
    """The figures that were measured on test tunes and are shipped with the networks; see `benchmarks.evaluation.figures_of`."""
    return json.loads(
        (noteninja_lib.data_folder() / "models" / "evaluation.json").read_text(encoding="utf-8")
    )


def name_of(baseline):
    """What a rival is called in a picture."""
    return BASELINES.get(baseline, baseline).replace("*", "")


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
    for baseline, (kept, genre) in points.items():
        ax.plot(
            kept,
            genre,
            "D" if baseline == OURS else "o",
            color=ORANGE if baseline == OURS else BLUE,
            markersize=8,
            clip_on=False,
        )
    heights = _apart({baseline: genre for baseline, (_, genre) in points.items()}, 0.075)
    for baseline, (kept, genre) in points.items():
        ax.annotate(
            name_of(baseline),
            (kept, genre),
            xytext=(1.3, heights[baseline]),
            va="center",
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": "grey", "linewidth": 0.6, "relpos": (0, 0.5)},
        )
    ax.set(
        xlabel="tune kept (0: another tune, 1: a true recording)",
        ylabel="share for the asked-for genre",
        xlim=(-0.25, 2.6),
        ylim=(-0.05, 1.05),
        xticks=(0, 0.5, 1),
    )
    ax.axvspan(0, 1, color="grey", alpha=0.1, linewidth=0)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _apart(heights, gap):
    """Heights of labels by name, moved so that neighbours are at least `gap` apart and none is above 1."""
    moved, ceiling = {}, 1.0 + gap
    for name in sorted(heights, key=heights.get, reverse=True):
        ceiling = moved[name] = min(heights[name], ceiling - gap)
    floor = -gap
    for name in reversed(list(moved)):  # and none below 0
        floor = moved[name] = max(moved[name], floor + gap)
    return moved


def plot_baselines(figures, measures, figure=None):
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
    rivals = [baseline for baseline in BASELINES if baseline in figures["rivals"]][::-1]
    for ax, (measure, words) in zip(axes, measures.items()):
        for height, baseline in enumerate(rivals):
            found = figures["rivals"][baseline].get(measure)
            if found:
                mean, low, high = found
                ax.errorbar(
                    mean,
                    height,
                    xerr=[[mean - low], [high - mean]],
                    capsize=3,
                    fmt="D" if baseline == OURS else "o",
                    color=ORANGE if baseline == OURS else BLUE,
                )
        ax.set_title(words, fontsize=10)
        ax.grid(axis="y", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(rivals)), [name_of(baseline) for baseline in rivals])
    figure.supxlabel("mean, with its 95 % interval", fontsize=10)
    if new:
        plt.close(figure)  # else a notebook would show it a second time at the end of the cell
    return figure
