"""Exercises of lesson 09: tempo, mood and length."""

import matplotlib.pyplot as plt

from noteninja_lib.errors import UserError
from noteninja_lib.lessons.exercise import Exercise
from noteninja_lib.models.flow_matching import ramp, spans
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.style import moods
from noteninja_lib.plots import BLUE, ORANGE, _axes, plot_curves


def _test_in_step(rate_for):
    assert callable(rate_for), (
        "hand in the function itself: check(rate_for), without brackets behind rate_for"
    )
    same = rate_for(120, 120)
    assert isinstance(same, (int, float)), f"rate_for should return a number; it returned {same!r}"
    assert abs(same - 1) < 1e-9, (
        f"a song of 120 is in step with 120 steps a minute as it is; your rate is {same:g}"
    )
    faster = rate_for(100, 120)
    assert faster > 1, f"from 100 beats to 120 steps the song has to go faster; your rate is {faster:g}"
    assert abs(faster - 1.2) < 1e-9, f"from 100 beats to 120 steps the rate should be 1.2; it is {faster:g}"
    half, double = rate_for(90, 170), rate_for(160, 84)
    assert abs(half - 170 / 180) < 1e-9, (
        f"a song of 90 for 170 steps: two steps to a beat change it less than the rate {half:g}"
    )
    assert abs(double - 168 / 160) < 1e-9, (
        f"a song of 160 for 84 steps: a step on every other beat changes it less than {double:g}"
    )


def rate_for(tempo, steps):
    """The rate, as near to 1 as can be, by which a song gets in step."""
    rates = [steps / tempo, steps / 2 / tempo, steps * 2 / tempo]
    return min(rates, key=lambda rate: max(rate, 1 / rate))


IN_STEP = Exercise(
    _test_in_step,
    "Three tempi are in step: as many beats as steps, half as many, twice as many. Which of the three "
    "rates is nearest to 1? (0.5 is as far from it as 2.)",
    rate_for,
)


def _test_room(answer):
    keys = ("for", "path", "why")
    assert isinstance(answer, dict) and set(keys) <= set(answer), (
        f"hand in a dict with the keys {', '.join(keys)}"
    )
    path = answer["path"]
    assert isinstance(path, list) and len(path) >= 2, (
        "the path should be a list of at least two pairs of place and mood"
    )
    try:
        places = [place for place, _ in path]
        begin, *_, end = moods(path, [0, 0.5, 1])
    except (UserError, TypeError, ValueError) as error:
        raise AssertionError(f"the path can't be read: {error}") from error
    assert places[0] == 0 and places[-1] == 1, "the path should begin at place 0 and end at place 1"
    assert max(abs(begin - end)) > 0.2, "the journey should end in another mood than it began in"
    words = len(str(answer["why"]).split())
    assert words >= 12, (
        f"tell in a sentence or two for whom it is and whether it worked; so far it is {words} words"
    )


def room():
    """One possible answer; yours depends on whom you know."""
    return {
        "for": "a class before a test",
        "path": [(0, "tense"), (0.3, "tense"), (0.8, "calm"), (1, "calm")],
        "why": "They come in tense, so the music does too; it takes half of the time to get calm, since a sudden "
        "lullaby only made them laugh when I tried it.",
    }


ROOM = Exercise(
    _test_room,
    "Where are they when the music begins, and where should they be at its end? How long may the first mood "
    "last before you leave it?",
    room,
    answer=lambda solution: solution(),
)


# Pictures of lesson 09: the plane of moods, chords over time, and the weights of overlapping windows.
#
# Lesson: 09_tempo_mood_and_length

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
    ax.set(
        xlim=(-1.1, 1.3),
        ylim=(-1.1, 1.1),
        aspect="equal",
        xlabel="valence: sad or bitter (−1) to happy (+1)",
        ylabel="arousal: calm (−1) to excited (+1)",
    )
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_chords(rows, segments, ax=None):
    """Draw chords over time, one row for each version; minor chords are darker.

    Parameters
    ----------
    rows : dict of str to sequence of int
        Name of the version, and the number in `moods.TRIADS` of the chord in each segment.
    segments : list of slice
        Columns of the piano roll that have one chord each, as `moods.segments_of` gives them.
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
            ax.barh(
                height,
                width,
                left=start,
                height=0.8,
                color=BLUE if chord >= 12 else ORANGE,
                edgecolor="white",
            )
            ax.text(
                start + width / 2,
                height,
                chord_name(chord),
                ha="center",
                va="center",
                color="white" if chord >= 12 else "black",
            )
    ax.set(
        yticks=range(len(rows)),
        yticklabels=list(rows)[::-1],
        xlabel="time in seconds",
        xlim=(0, segments[-1].stop / FRAME_RATE),
    )
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
    curves = {
        f"window {number}": [
            value / total[column] for column, value in zip(range(place.start, place.stop), weight)
        ]
        for number, (place, weight) in enumerate(zip(places, weights), 1)
    }
    ax = _axes(ax, (8, 2.4))
    padded = {
        name: [float("nan")] * place.start + shares + [float("nan")] * (columns - place.stop)
        for (name, shares), place in zip(curves.items(), places)
    }
    plot_curves(range(columns), padded, ax)
    for line in ax.lines:
        line.set_marker("")
    ax.legend(loc="center right", fontsize=8)
    ax.set(xlabel="latent column", ylabel="share", ylim=(-0.05, 1.1))
    return ax
