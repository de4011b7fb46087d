"""Lesson 11, judging a converter: exercises, and plots of how it compares with baselines.

Lesson: 11_judging_a_converter
"""

import json

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import noteninja_lib
from noteninja_lib.evaluation.baselines import BASELINES
from noteninja_lib.lessons.exercise import Exercise, Question, is_number, is_whole
from noteninja_lib.plots import BLUE, ORANGE, axes_or_new, new_figure
from noteninja_lib.widgets.blind_test import chance


def _test_place(place):
    zero, one, middle = (place(value, 0.1, 0.9) for value in (0.1, 0.9, 0.5))
    assert is_number(zero), f"place should return a number; it returned {zero!r}"
    assert abs(zero) < 1e-5, f"another tune's value should lie at 0; here it lies at {zero:g}"
    assert abs(one - 1) < 1e-5, f"the true recording's value should lie at 1; here it lies at {one:g}"
    assert abs(middle - 0.5) < 1e-5, f"halfway between both should be 0.5; here it is {middle:g}"
    beyond = "what is better than the true recording should lie beyond 1: don't cut it off"
    assert place(1.0, 0.2, 0.8) > 1, beyond


def place(value: float, zero: float, one: float) -> float:
    """Where a value lies between two fixed points: 0 at ``zero``, 1 at ``one``."""
    return (value - zero) / (one - zero)


PLACE = Exercise(
    _test_place,
    place,
    "How far is the value from zero, and how far is one from zero? Which part of it is that?",
)


def _test_needed(needed):
    for trials in (8, 12, 20, 50):
        right, asked = needed(trials), f"needed({trials})"
        assert is_whole(right), f"{asked} should be a whole number; it is {right!r}"
        right = int(right)
        most = f"of {trials} rounds not more than {trials} can be right; {asked} is {right}"
        assert 0 <= right <= trials, most
        guess = f"one who guesses reaches {right} of {trials} in {chance(right, trials):.1%} of the tests"
        assert chance(right, trials) < 0.05, f"{guess}: that is too often"
        fewer = f"for {trials} rounds fewer right answers than {right} would do"
        assert chance(right - 1, trials) >= 0.05, fewer


def needed(trials: int) -> int:
    """The smallest number of right answers that guessing reaches in less than 5 % of the tests."""
    right = trials
    while chance(right - 1, trials) < 0.05:
        right = right - 1
    return right


NEEDED = Exercise(
    _test_needed,
    needed,
    "All right is surely enough. Go down from there, one by one, as long as chance(...) stays below 0.05.",
)


def _test_report(answer):
    trials, right = answer["trials"], answer["right"]
    enough = is_whole(trials) and trials >= 8
    assert enough, "take the test with at least 8 rounds, and say with how many"
    possible = is_whole(right) and 0 <= right <= trials
    assert possible, f"the number of right answers should lie between 0 and {trials}"


def report() -> dict:
    """One possible answer; yours depends on what you hear."""
    heard = """In the band's own recording the cymbals ring on after the stroke; in the converted one they are
        shorter and a little grey."""
    limits = """I was the only listener, I know this converter well, all pairs were one single tune, and six
        of eight may still be luck."""
    return {"trials": 8, "right": 6, "gave_it_away": heard, "says_little_because": limits}


REPORT = Question(
    _test_report,
    report,
    "Take the test above to its end. Then ask yourself: would my teacher, my grandmother, a drummer have "
    "heard the same?",
    {
        "gave_it_away": "under gave_it_away tell in a sentence or two what you listened for, "
        "whether it helped or not",
        "says_little_because": "under says_little_because tell in a sentence or two what this test can't "
        "show, such as who listened, and to what",
    },
    least=10,
)

OURS = "ours"


def measured_figures(name: str = "evaluation") -> dict:
    """Figures that come with the networks: those on test tunes, or others; see `benchmarks`."""
    path = noteninja_lib.data_folder() / "models" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def name_of(baseline: str) -> str:
    """What a baseline is called in a plot."""
    return BASELINES.get(baseline, baseline).replace("*", "")


def _look_of(baseline):
    """Mark and colour: the converter stands out."""
    return {"fmt": "D", "color": ORANGE} if baseline == OURS else {"fmt": "o", "color": BLUE}


def plot_plane(points: dict[str, tuple[float, float]], ax: Axes | None = None) -> Axes:
    """Draw versions of a song as points: how much of the tune is kept, and how much of the genre is heard.

    Parameters
    ----------
    points : dict of str to (float, float)
        Baseline, its tune kept (0 another tune, 1 a true recording) and its share for the asked-for genre (0
        to 1).
    ax : Axes, optional
        Where to draw; a new figure if None.
    """
    ax = axes_or_new(ax, 7.5, 4)
    arrow = {"arrowstyle": "-", "color": "grey", "linewidth": 0.6, "relpos": (0, 0.5)}
    heights = _apart({baseline: genre for baseline, (_, genre) in points.items()}, 0.075)
    for baseline, (kept, genre) in points.items():
        ax.errorbar(kept, genre, markersize=8, clip_on=False, **_look_of(baseline))
        label: dict = {"xytext": (1.3, heights[baseline]), "va": "center", "fontsize": 9}
        ax.annotate(name_of(baseline), (kept, genre), arrowprops=arrow, **label)
    ax.set(xlabel="tune kept (0: another tune, 1: a true recording)", ylabel="share for the asked-for genre")
    ax.set(xlim=(-0.25, 2.6), ylim=(-0.05, 1.05), xticks=(0, 0.5, 1))
    ax.axvspan(0, 1, color="grey", alpha=0.1, linewidth=0)
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


def plot_baselines(figures: dict, measures: dict[str, str], figure: Figure | None = None) -> Figure:
    """Draw measures of all baselines with their 95 % intervals.

    Parameters
    ----------
    figures : dict
        As `measured_figures` gives them.
    measures : dict of str to str
        Measure and what stands over its panel.
    figure : Figure, optional
        An empty figure; a new one if None.
    """
    figure = figure or new_figure(11, 3.6)
    axes = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    found = figures["rivals"]
    shown = [baseline for baseline in BASELINES if baseline in found][::-1]
    for ax, (measure, words) in zip(axes, measures.items()):
        for height, baseline in enumerate(shown):
            if interval := found[baseline].get(measure):
                mean, low, high = interval
                error = [[mean - low], [high - mean]]
                ax.errorbar(mean, height, xerr=error, capsize=3, **_look_of(baseline))
        axes_or_new(ax, 0, 0).set_title(words, fontsize=10)
        ax.grid(axis="y", alpha=0.3)
    axes[0].set_yticks(range(len(shown)), [name_of(baseline) for baseline in shown])
    figure.supxlabel("mean, with its 95% interval", fontsize=10)
    return figure
