"""Pictures of lesson 09: the plane of moods, chords over time, and the weights of overlapping windows.

Lesson: 09_tempo_mood_and_length
"""
import matplotlib.pyplot as plt

from noteninja_lib.classroom.plotting import BLUE, ORANGE, _axes, plot_curves
from noteninja_lib.model.windows import ramp, spans
from noteninja_lib.music.rhythm import FRAME_RATE

ROOTS = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def chord_name(chord):
    """Name of a triad by its number in `moods.TRIADS`: "G" for G major, "Em" for E minor."""
    return ROOTS[chord % 12] + ("m" if chord >= 12 else "")


def plot_moods(moods, ax=None):
    """Draw moods on the plane of valence and arousal (Russell 1980, doi 10.1037/h0077714).

    Parameters
    ----------
    moods : dict of str to (float, float)
        Word, and its valence and arousal from -1 to 1.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (4.6, 4.2))
    ax.add_patch(plt.Circle((0, 0), 1, fill=False, color="grey", linestyle=":"))
    ax.axhline(0, color="grey", linewidth=0.8)
    ax.axvline(0, color="grey", linewidth=0.8)
    for word, (valence, arousal) in moods.items():
        ax.plot(valence, arousal, "o", color=BLUE, clip_on=False)
        ax.annotate(word, (valence, arousal), xytext=(6, 5), textcoords="offset points")
    ax.set(xlim=(-1.1, 1.3), ylim=(-1.1, 1.1), aspect="equal", xlabel="valence: sad or bitter (−1) to happy (+1)",
           ylabel="arousal: calm (−1) to excited (+1)")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_chords(rows, segments, ax=None):
    """Draw chords over time, one row for each version; minor chords are darker.

    Parameters
    ----------
    rows : dict of str to sequence of int
        Name of the version, and the number in `moods.TRIADS` of the chord in each segment.
    segments : list of slice
        Columns of the content picture that have one chord each, as `moods.segments_of` gives them.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (9, 0.6 * len(rows) + 0.8))
    for height, (name, chords) in enumerate(reversed(rows.items())):
        for segment, chord in zip(segments, chords):
            start, width = segment.start / FRAME_RATE, (segment.stop - segment.start) / FRAME_RATE
            ax.barh(height, width, left=start, height=0.8, color=BLUE if chord >= 12 else ORANGE, edgecolor="white")
            ax.text(start + width / 2, height, chord_name(chord), ha="center", va="center", color="white" if chord >= 12 else "black")
    ax.set(yticks=range(len(rows)), yticklabels=list(rows)[::-1], xlabel="time in seconds", xlim=(0, segments[-1].stop / FRAME_RATE))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_windows(columns, size, overlap, ax=None):
    """Draw the share that each window has in each column of a piece.

    Parameters
    ----------
    columns, size, overlap : int
        Latent columns of the piece, of a window, and shared by neighbours.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    places, total = spans(columns, size, overlap), [0.0] * columns
    weights = [ramp(place.stop - place.start, overlap).tolist() for place in places]
    for place, weight in zip(places, weights):
        for column, value in zip(range(place.start, place.stop), weight):
            total[column] += value
    curves = {f"window {number}": [value / total[column] for column, value in zip(range(place.start, place.stop), weight)]
              for number, (place, weight) in enumerate(zip(places, weights), 1)}
    ax = _axes(ax, (8, 2.4))
    padded = {name: [float("nan")] * place.start + shares + [float("nan")] * (columns - place.stop)
              for (name, shares), place in zip(curves.items(), places)}
    plot_curves(range(columns), padded, ax)
    for line in ax.lines:
        line.set_marker("")
    ax.legend(loc="center right", fontsize=8)
    ax.set(xlabel="latent column", ylabel="share", ylim=(-0.05, 1.1))
    return ax
