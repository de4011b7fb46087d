"""Pictures of what a setting does: the amount slider, and the number of steps.

Each takes the figures that were measured and an empty figure to draw on. Lesson: 00_genre_converter.
"""
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullLocator

from .plotting import LOOKS, plot_curves

#: Panels of the picture of steps: what is drawn, the measure, and the least that the y axis spans, so that chance looks small.
PANELS = (("melody note F1", "note_f1", 0.3), ("chroma cosine to the source", "chroma_cosine", 0.3),
          ("nearest of ten is the right recording", "right_recording_of_10", 0.3),
          ("judge's share for the genre", "judge_share", 0.3),
          ("log-spectral distance to the truth, dB", "log_spectral_distance", 2.0),
          ("sharpness in time, truth = 1", "sharpness_in_time", 0.3))
SCHEDULER_NAMES = {"euler": "Euler", "heun": "Heun", "dpm++": "DPM-Solver++", "unipc": "UniPC"}


def plot_amounts(figures, figure=None):
    """Draw what the amount slider does to genre, likeness and tune, with 95 % intervals, and how evenly it leads.

    Parameters
    ----------
    figures : dict
        What `noteninja amounts` wrote.
    figure : matplotlib.figure.Figure, optional
        An empty figure; a new one if None.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = figure or plt.figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    amounts, measures = figures["amounts"], figures["measures"]
    shown = {"asked-for genre: the judge's share": "judge_share", "source: chroma cosine": "chroma_cosine",
             "tune: melody note F1": "note_f1"}
    plot_curves(amounts, {words: [mean for mean, _, _ in measures[name]] for words, name in shown.items()}, left)
    for name, look in zip(shown.values(), LOOKS):
        _, low, high = zip(*measures[name])
        left.fill_between(amounts, low, high, color=look["color"], alpha=0.2, linewidth=0)
    left.set(xlabel="amount", ylabel="mean, 0 to 1, with its 95 % interval", ylim=(0, 1.02), title="what changes and what stays")
    way = figures["way"]
    plot_curves(amounts, {"to the genre": way["judge_share"], "away from the source": way["spectral_distance"],
                          "mean of the two": way["mean"]}, right)
    right.plot([0, 1], [0, 1], color="grey", linewidth=1, zorder=0, label="even")
    right.legend(loc="upper left", fontsize=9)
    right.set(xlabel="amount", ylabel="share of the whole way", ylim=(-0.02, 1.02), title="how evenly it leads there")
    return figure


def plot_steps(figures, figure=None):
    """Draw quality against the time of denoising: a line for each scheduler, a mark for each number of steps.

    Parameters
    ----------
    figures : dict
        What `noteninja steps` wrote.
    figure : matplotlib.figure.Figure, optional
        An empty figure; a new one if None.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = figure or plt.figure(figsize=(12, 6.5), layout="constrained")
    drawn = steps_alone(figures["ways"])
    axes = figure.subplots(2, 3, sharex=True)
    for ax, (words, measure, span) in zip(axes.flat, PANELS):
        for (scheduler, found), look in zip(drawn.items(), LOOKS):
            _curve_in_time(ax, found, measure, look, scheduler)
        low, high = ax.get_ylim()
        room = max(0, span - (high - low)) / 2
        ax.set(title=words, xscale="log", ylim=(low - room, high + room))
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_locator(NullLocator())
        ax.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("denoising: seconds that one core takes for a second of music")
    axes[0, 0].legend(title="number of steps at Euler's marks", fontsize=8, title_fontsize=8)
    return figure


def _curve_in_time(ax, found, measure, look, scheduler):
    """One scheduler's line; Euler's with its 95 % intervals and its steps."""
    seconds, (means, lows, highs) = [one["core_seconds"] for one in found], zip(*(one["measures"][measure] for one in found))
    ax.plot(seconds, means, label=SCHEDULER_NAMES[scheduler], markersize=5, **look)
    if scheduler == "euler":
        ax.fill_between(seconds, lows, highs, color=look["color"], alpha=0.15, linewidth=0)
        for one, mean in zip(found, means):
            ax.annotate(str(one["steps"]), (one["core_seconds"], mean), xytext=(0, 6), textcoords="offset points", ha="center",
                        fontsize=8, color=look["color"])


def steps_alone(ways):
    """The ways that differ from the most usual guidance in nothing, by scheduler; lists with rising steps."""
    settings = [(one["guidance"], tuple(one["guided"]), one["shift"]) for one in ways]
    usual = max(set(settings), key=settings.count)
    found = {}
    for one, setting in zip(ways, settings):
        if setting == usual:
            found.setdefault(one["scheduler"], []).append(one)
    return {scheduler: sorted(rows, key=lambda one: one["steps"]) for scheduler, rows in found.items()}
