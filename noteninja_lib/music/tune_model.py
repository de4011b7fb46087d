"""A small model of tunes: what follows what in the tunes of the books, counted.

A tune is drawn in two steps: first the rhythm, bar after bar, then a pitch for each of its notes. Both come from counts of
what followed in similar places: after the same notes before, at the same place in the bar, in the same bar of a phrase.
A long context says much and was seldom seen; so the draw backs off, from long contexts to short ones, as far as need be
(Witten and Bell 1991, doi 10.1109/18.87000; for melodies Conklin and Witten 1995, doi 10.1080/09298219508570672).
Lesson: 08_latent_interpolation.
"""
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..errors import UserError
from .harmony import CHORDS, beat_length
from .theory import load_tunes

METRES = ("2/4", "4/4", "2/2", "3/4", "6/8", "9/8")     # of which there are a hundred tunes at least
PERIOD, CLOSE = 8, 8          # bars after which a form begins anew; the number that the last bar of all has instead
CAUTION = 1.0                 # how often for each different thing that followed it a context must be seen to be half trusted


class Contexts:
    """What followed each context, and how often."""

    def __init__(self):
        self.followed = defaultdict(Counter)

    def learn(self, contexts, value):
        """Count a value that stands after these contexts."""
        for context in contexts:
            self.followed[context][value] += 1

    def draw(self, rng, contexts, allowed=lambda value: True):
        """A value that may follow, or None.

        Parameters
        ----------
        rng : numpy.random.Generator
        contexts : sequence of tuple
            From the longest to the shortest.
        allowed : callable
            Says of a value whether it may be drawn.
        """
        last = None
        for context in contexts:
            counts = {value: count for value, count in self.followed.get(context, {}).items() if allowed(value)}
            if not counts:
                continue
            values, weights = list(counts), np.array(list(counts.values()), float)
            last = values[rng.choice(len(values), p=weights / weights.sum())]
            if rng.random() < weights.sum() / (weights.sum() + CAUTION * len(values)):
                return last
        return last


def place_of(bar, bars):
    """Where a bar stands in the form: its number in its eight bars, or `CLOSE` for the last bar of all."""
    return CLOSE if bar == bars - 1 else bar % PERIOD


def strength(position, beat):
    """Weight of a place in the bar: 2 on the bar line, 1 on another beat, 0 between beats."""
    return 2 if position < 1e-3 else int(abs(position / beat - round(position / beat)) < 1e-3)


def home(pitches, tonic):
    """The tonic (MIDI pitch) in or just below the middle of some pitches, from which heights are counted."""
    middle = int(np.median(pitches))
    return middle - (middle - tonic) % 12


def rhythm_contexts(place, before):
    """Contexts of a bar's rhythm: its place, and the bars before it (tuples of onsets, the latest last)."""
    return ("both", place, *before[-2:]), ("one", place, *before[-1:]), ("one", *before[-1:]), ("place", place), ("any",)


def pitch_contexts(place, weight, before):
    """Contexts of a pitch: its bar's place in the form, its weight in the bar, and the heights before it."""
    three, two, one = before[-3:], before[-2:], before[-1:]
    return (("form", place, weight, *three), ("three", weight, *three), ("form", place, weight, *two), ("two", weight, *two),
            ("form", place, weight, *one), ("one", weight, *one), ("any", weight))


def bars_of(notes, bar, bars):
    """Onsets in each bar, as one tuple of positions in quarter notes a bar."""
    found = [[] for _ in range(bars)]
    for start, _, _ in notes:
        number = int(start / bar + 1e-3)
        if number < bars:
            found[number].append(round(max(start - number * bar, 0.0), 3))
    return [tuple(one) for one in found]


@dataclass(frozen=True)
class TuneModel:
    """What follows what: the rhythms of bars (tuples of onsets), and heights in semitones above the tonic."""

    rhythms: Contexts
    pitches: Contexts


def learn_rhythms(tunes):
    """Count the rhythms of bars in tunes of one metre."""
    counts = Contexts()
    for tune in tunes:
        bars = round(tune.length / tune.bar)
        rhythms = bars_of(tune.notes, tune.bar, bars)
        for number, rhythm in enumerate(rhythms):
            if rhythm and rhythm[0] == 0:                  # without syncopation over the bar line, any bar fits any other
                counts.learn(rhythm_contexts(place_of(number, bars), rhythms[max(number - 2, 0):number]), rhythm)
    return counts


def learn_pitches(tunes):
    """Count the heights of notes in tunes of one mode."""
    counts = Contexts()
    for tune in tunes:
        bars, bar, beat = round(tune.length / tune.bar), tune.bar, tune.beat
        reference = home([pitch for _, _, pitch in tune.notes], tune.tonic)
        heights = tuple(pitch - reference for _, _, pitch in tune.notes)
        for number, (start, _, _) in enumerate(tune.notes):
            place = int(start / bar + 1e-3)
            before = heights[max(number - 3, 0):number]
            counts.learn(pitch_contexts(place_of(place, bars), strength(start - place * bar, beat), before), heights[number])
    return counts


def learn(metre, mode):
    """The model of one metre and mode, from the training tunes.

    Parameters
    ----------
    metre : str
        One of `METRES`.
    mode : {"major", "minor", "dorian", "mixolydian"}

    Returns
    -------
    TuneModel
        Rhythms of the metre; pitches of the mode in all metres whose beats have as many parts. Kept in this process.
    """
    check(metre, mode)
    return TuneModel(_rhythms(metre), _pitches(mode, beat_length(metre)))


@lru_cache(maxsize=None)
def _rhythms(metre):
    return learn_rhythms(tune for tune in load_tunes("train") if tune.metre == metre)


@lru_cache(maxsize=None)
def _pitches(mode, beat):
    return learn_pitches(tune for tune in load_tunes("train") if tune.mode == mode and tune.beat == beat)


def check(metre, mode=None):
    """Refuse a metre or mode that no book teaches."""
    if metre not in METRES:
        raise UserError(f"There is no model of tunes in {metre}: choose a metre of {', '.join(METRES)}.")
    if mode is not None and mode not in CHORDS:
        raise UserError(f"'{mode}' is no known mode: choose one of {', '.join(CHORDS)}.")
