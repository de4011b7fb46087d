"""The form of a piece: intro, times through the tune, ending.

All of it follows from the tune, the tempo and two plain numbers (bars of intro, ending or not), never from the
genre: so equal numbers keep performances in different genres in step, with the same harmony under them.
"""
from dataclasses import dataclass

import numpy as np

from ..errors import UserError
from .accompaniment import Harmony

RING = 1.0  # seconds that the last chord has at least to sound
_MINOR = ("minor", "dorian")


@dataclass
class Passage:
    """The intro, or one time through the tune.

    Attributes
    ----------
    start, length : float
        In felt beats from the beginning of the piece.
    chords : list of (float, float, int, str)
        Start and length in quarter notes from the beginning of the passage, root, quality; not transposed.
    is_intro : bool
    """

    start: float
    length: float
    chords: tuple
    is_intro: bool = False

    def __post_init__(self):
        self.harmony = Harmony(self.chords)


@dataclass
class Form:
    """Passages in their order; `end` is the last bar line, in beats, or None where the piece just goes on."""

    passages: list
    end: float | None


def tonic_chord(tune):
    """(root pitch class, quality) of the chord on which a tune is at home."""
    return tune.tonic, "min" if tune.mode in _MINOR else "maj"


def intro_chords(tune, bars):
    """Tonic, with the dominant before the tune begins; four bars and more touch the subdominant.

    Returns
    -------
    tuple of (float, float, int, str)
        As `Tune.chords`, without gaps over `bars` bars of the tune.
    """
    bar, (root, quality) = tune.bar, tonic_chord(tune)
    dominant = ((root + 7) % 12, "dom7")
    if bars == 1:
        steps = [(0.5, (root, quality)), (0.5, dominant)]
    elif bars < 4:
        steps = [(bars - 1, (root, quality)), (1, dominant)]
    else:
        steps = [(bars - 2, (root, quality)), (1, ((root + 5) % 12, quality)), (1, dominant)]
    starts = np.cumsum([0, *(length for length, _ in steps)])
    return tuple((float(start * bar), length * bar, *chord) for start, (length, chord) in zip(starts, steps))


def draw_form(form, tune, beat, seconds, duration, rng, intro, ending):
    """Bars of intro and whether there is an ending: as given, or drawn in the genre's way.

    Parameters
    ----------
    form : dict
        The recipe's section ``form``.
    tune : Tune
    beat : float
        Quarter notes in a felt beat.
    seconds : float
        Length of a felt beat.
    duration : float
        Seconds.
    rng : numpy.random.Generator
    intro : int or None
    ending : bool or None

    Returns
    -------
    (int, bool)
    """
    bar_seconds = tune.bar / beat * seconds
    short = [bars for bars in form["intro"] if bars * bar_seconds <= duration / 4]
    drawn = short[rng.integers(len(short))] if short else 0
    intro = drawn if intro is None else int(intro)
    if ending is None:  # a snippet of a few bars needs none
        ending = duration - RING >= (intro + 4) * bar_seconds
    return intro, bool(ending)


def plan(tune, beat, seconds, duration, intro, ending):
    """Lay out a piece.

    Parameters
    ----------
    tune, beat, seconds, duration
        As in `draw_form`.
    intro : int
        Bars before the tune begins.
    ending : bool
        Whether the piece closes at its last bar line (that leaves `RING` seconds to the last chord).

    Returns
    -------
    Form

    Raises
    ------
    UserError
        When there is no room for a single bar of the tune.
    """
    bar = tune.bar / beat
    end = None
    if ending:
        end = np.floor((duration - RING) / seconds / bar + 1e-6) * bar
    last = duration / seconds if end is None else end
    if intro and last - intro * bar < bar - 1e-6 or last <= 0:
        raise UserError(f"Intro and ending leave no bar for the tune in {duration:g} seconds: give a longer "
                        f"duration, intro=0 or ending=False.")
    passages = [Passage(0.0, intro * bar, intro_chords(tune, intro), True)] if intro else []
    start, length = intro * bar, tune.length / beat
    while start < last - 1e-9:
        passages.append(Passage(start, min(length, last - start) if ending else length, tune.chords))
        start += length
    return Form(passages, end)
