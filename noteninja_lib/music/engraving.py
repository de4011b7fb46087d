"""Notes in values that can be read, and the score in a file for notation programs. Lesson: 00_genre_converter."""
from dataclasses import replace
from itertools import groupby
from math import ceil, floor

import numpy as np
from music21 import converter, duration, tempo

from .theory import to_stream

COMPOUND = {"4/4": "12/8", "3/4": "9/8"}         # the same number of beats, each in three
GRIDS = {"simple": (4, 3), "compound": (3, 6)}   # usual and less usual number of parts of a beat
EARLY = 0.12                                     # of a beat, by which a note may come before the beat that it belongs to
SPREAD = 0.03                                    # of a beat, by which onsets lie off the grid (standard deviation)
DOUBT = 2.0                                      # by which the less usual one must fit better: e^2, or 7, times as likely
SHORTEST_REST = 0.5                              # beats


def quantise(tune):
    """A tune whose notes begin on equal parts of its beats, one after another, so that it can be read.

    In each beat, onsets go to quarters of it or to thirds, whichever lie nearer. A note lasts until the next one, or to the
    end of a beat where a rest of half a beat or more follows. Of two notes at one place the longer stays.
    Where most beats are in three, the tune is written in compound time.

    Parameters
    ----------
    tune : Tune
        In "4/4" or "3/4", with notes anywhere.

    Returns
    -------
    Tune
    """
    beats = [list(group) for _, group in groupby(tune.notes, lambda one: floor(one[0] + EARLY))]
    starts = [np.array([start for start, _, _ in group]) for group in beats]
    broken = [onsets for onsets in starts if (np.abs(onsets - np.round(onsets)) > EARLY).any()]
    compound = np.mean([_misfit(onsets, 3) < _misfit(onsets, 4) for onsets in broken] or [0]) > 0.5
    usual, other = GRIDS["compound" if compound else "simple"]
    placed = {}                                                 # place in beats -> (end, pitch)
    for group, onsets in zip(beats, starts):
        parts = other if _misfit(onsets, other) < _misfit(onsets, usual) - DOUBT else usual
        for start, lasts, pitch in group:
            place = max(round(start * parts) / parts, 0.0)
            if place not in placed or start + lasts > placed[place][0]:
                placed[place] = (start + lasts, pitch)
    notes, order = [], sorted(placed)
    for place, following in zip(order, [*order[1:], tune.length]):
        end = max(ceil(placed[place][0] - EARLY), floor(place) + 1)
        notes.append((place, (end if following - end >= SHORTEST_REST else following) - place, placed[place][1]))
    tune = replace(tune, notes=tuple(notes))
    return in_compound_time(tune) if compound else tune


def _misfit(onsets, parts):
    """How badly onsets, in beats, lie on equal parts of the beat: minus their log likelihood, but for a constant."""
    off = (onsets * parts - np.round(onsets * parts)) / parts
    return (off ** 2).sum() / (2 * SPREAD ** 2)


def in_compound_time(tune):
    """A tune in "4/4" or "3/4" written in "12/8" or "9/8", where a beat has three parts."""
    notes = tuple((1.5 * start, 1.5 * lasts, pitch) for start, lasts, pitch in tune.notes)
    chords = tuple((1.5 * start, 1.5 * lasts, *chord) for start, lasts, *chord in tune.chords)
    return replace(tune, metre=COMPOUND[tune.metre], notes=notes, chords=chords, length=1.5 * tune.length)


def write_score(tune, path, beats_a_minute):
    """Write a tune as MusicXML, with chord symbols, key, metre and a metronome mark; and read it again to be sure.

    Parameters
    ----------
    tune : Tune
        With note values that can be printed, as `quantise` makes them.
    path : pathlib.Path
    beats_a_minute : float
    """
    score = to_stream(tune)
    mark = tempo.MetronomeMark(number=round(beats_a_minute), referent=duration.Duration(tune.beat))
    score.parts[0].measure(1).insert(0, mark)
    score.parts[0].partName, score.metadata.composer = "Tune", score.metadata.composer or "NoteNinja"
    score.write("musicxml", str(path))
    converter.parse(str(path), format="musicxml", forceSource=True)
