"""Lesson 09, tempo, mood and length: exercises, plots of moods, chords over time and windows.

Lesson: 09_tempo_mood_and_length
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from noteninja_lib.errors import UserError
from noteninja_lib.lessons.exercise import Exercise, Question, is_number
from noteninja_lib.models.flow_matching import ramp, spans
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.style import moods
from noteninja_lib.plots import BLUE, ORANGE, axes_or_new, plot_curves


def _test_in_step(rate_for):
    same = rate_for(120, 120)
    assert is_number(same), f"rate_for should return a number; it returned {same!r}"
    already = "a song of 120 is in step with 120 steps a minute as it is"
    assert abs(same - 1) < 1e-5, f"{already}; your rate is {same:g}"
    faster = rate_for(100, 120)
    assert faster > 1, f"from 100 beats to 120 steps the song has to go faster; your rate is {faster:g}"
    assert abs(faster - 1.2) < 1e-5, f"from 100 beats to 120 steps the rate should be 1.2; it is {faster:g}"
    half, double = rate_for(90, 170), rate_for(160, 84)
    less = f"a song of 90 for 170 steps: two steps to a beat change it less than the rate {half:g}"
    assert abs(half - 170 / 180) < 1e-5, less
    less = f"a song of 160 for 84 steps: a step on every other beat changes it less than {double:g}"
    assert abs(double - 168 / 160) < 1e-5, less


def rate_for(tempo: float, steps: float) -> float:
    """The rate, as near to 1 as can be, by which a song gets in step."""
    rates = [steps / tempo, steps / 2 / tempo, steps * 2 / tempo]
    return min(rates, key=lambda rate: max(rate, 1 / rate))


IN_STEP = Exercise(
    _test_in_step,
    rate_for,
    "Three tempi are in step: as many beats as steps, half as many, twice as many. Which of the three rates "
    "is nearest to 1? (0.5 is as far from it as 2.)",
)


def _test_room(answer):
    path = answer["path"]
    pairs = isinstance(path, list) and len(path) >= 2
    assert pairs, "the path should be a list of at least two pairs of place and mood"
    try:
        places = [place for place, _ in path]
        begin, *_, end = moods(path, [0, 0.5, 1])
    except (UserError, TypeError, ValueError) as error:
        raise AssertionError(f"the path can't be read: {error}") from error
    assert places[0] == 0 and places[-1] == 1, "the path should begin at place 0 and end at place 1"
    assert max(abs(begin - end)) > 0.2, "the journey should end in another mood than it began in"


def room() -> dict:
    """One possible answer; yours depends on whom you know."""
    path = [(0, "tense"), (0.3, "tense"), (0.8, "calm"), (1, "calm")]
    why = """They come in tense, so the music does too; it takes half of the time to get calm, since a sudden
        lullaby only made them laugh when I tried it."""
    return {"for": "a class before a test", "path": path, "why": why}


ROOM = Question(
    _test_room,
    room,
    "Where are they when the music begins, and where should they be at its end? How long may the first mood "
    "last before you leave it?",
    {"why": "tell in a sentence or two for whom it is and whether it worked"},
)

ROOTS = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def chord_name(chord: int) -> str:
    """Name of a triad by its number in `style.TRIADS`: "G" for G major, "Em" for E minor."""
    return ROOTS[chord % 12] + ("m" if chord >= 12 else "")


def plot_moods(moods: dict[str, tuple[float, float]], ax: Axes | None = None) -> Axes:
    """Draw moods on the plane of valence and arousal (Russell 1980, doi 10.1037/h0077714).

    Parameters
    ----------
    moods : dict of str to (float, float)
        Word, and its valence and arousal from -1 to 1.
    ax : Axes, optional
        Where to draw; a new figure if None.
    """
    ax = axes_or_new(ax, 4.6, 4.2)
    ax.add_patch(Circle((0, 0), 1, fill=False, color="grey", linestyle=":"))
    ax.axhline(0, color="grey", linewidth=0.8)
    ax.axvline(0, color="grey", linewidth=0.8)
    for word, (valence, arousal) in moods.items():
        ax.plot(valence, arousal, "o", color=BLUE, clip_on=False)
        ax.annotate(word, (valence, arousal), xytext=(6, 5), textcoords="offset points")
    ax.set(xlim=(-1.1, 1.3), ylim=(-1.1, 1.1), aspect="equal")
    ax.set_xlabel("valence: sad or bitter (−1) to happy (+1)")
    ax.set_ylabel("arousal: calm (−1) to excited (+1)")
    return ax


def plot_chords(rows: dict[str, Sequence[int]], segments: list[slice], ax: Axes | None = None) -> Axes:
    """Draw chords over time, one row for each version; minor chords are darker.

    Parameters
    ----------
    rows : dict of str to sequence of int
        Name of the version, and the number in `style.TRIADS` of the chord in each segment.
    segments : list of slice
        Frames of the piano roll that have one chord each, as `style.segments_of` gives them.
    ax : Axes, optional
        Where to draw; a new figure if None.
    """
    ax = axes_or_new(ax, 9, 0.6 * len(rows) + 0.8)
    for height, (name, chords) in enumerate(reversed(rows.items())):
        for segment, chord in zip(segments, chords):
            start, width = segment.start / FRAME_RATE, (segment.stop - segment.start) / FRAME_RATE
            fill, ink = (BLUE, "white") if chord >= 12 else (ORANGE, "black")
            ax.barh(height, width, left=start, height=0.8, color=fill, edgecolor="white")
            ax.text(start + width / 2, height, chord_name(chord), ha="center", va="center", color=ink)
    ax.set_yticks(range(len(rows)), list(rows)[::-1])
    ax.set(xlabel="time in seconds", xlim=(0, segments[-1].stop / FRAME_RATE))
    return ax


def plot_windows(frames: int, size: int, overlap: int, ax: Axes | None = None) -> Axes:
    """Draw the share of each window in each latent frame of a piece.

    Parameters
    ----------
    frames, size, overlap : int
        Latent frames of the piece, of a window, and shared by neighbours.
    ax : Axes, optional
        Where to draw; a new figure if None.
    """
    windows = spans(frames, size, overlap)
    weights = np.full((len(windows), frames), np.nan)
    for row, window in zip(weights, windows):
        row[window] = ramp(window.stop - window.start, overlap)
    shares = weights / np.nansum(weights, axis=0)
    curves = {f"window {number}": row for number, row in enumerate(shares, 1)}
    ax = plot_curves(range(frames), curves, axes_or_new(ax, 8, 2.4), marks=False)
    ax.legend(loc="center right", fontsize=8)
    ax.set(xlabel="latent frame", ylabel="share", ylim=(-0.05, 1.1))
    return ax
