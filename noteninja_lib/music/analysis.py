"""What a tune is made of: roman numerals, contour, and how often each step and each length occurs.

Lesson: 02_music_theory_with_music21
"""
from collections import Counter

import numpy as np

from .harmony import CHORDS

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
SUFFIXES = {"maj": "", "min": "m", "dom7": "7", "dim": "dim"}
DEGREES = {"major": ("I", "bII", "II", "bIII", "III", "IV", "#IV", "V", "bVI", "VI", "bVII", "VII"),
           "mixolydian": ("I", "bII", "II", "bIII", "III", "IV", "#IV", "V", "bVI", "VI", "VII", "#VII"),
           "dorian": ("I", "bII", "II", "III", "#III", "IV", "#IV", "V", "bVI", "VI", "VII", "#VII"),
           "minor": ("I", "bII", "II", "III", "#III", "IV", "#IV", "V", "VI", "#VI", "VII", "#VII")}
REACH = 12                      # semitones; wider steps count as this one
PHRASE = 4                      # bars


def chord_name(root, quality):
    """A chord as song books write it: (9, "min") is Am."""
    return NAMES[root % 12] + SUFFIXES[quality]


def roman_numerals(tune):
    """The chords of a tune, named by their place in its key.

    Parameters
    ----------
    tune : Tune

    Returns
    -------
    list of str
        One for each of `tune.chords`: "I", "V7", "vi"; V7/x is the dominant seventh of x. A chord that `CHORDS` does not list
        for the mode is counted from the scale: "bII", "#IV".
    """
    known = {(degree, quality): numeral for numeral, (degree, quality, _) in CHORDS[tune.mode].items()}
    places = [((root - tune.tonic) % 12, quality) for _, _, root, quality in tune.chords]
    return [known.get(place) or _outside(*place, tune.mode) for place in places]


def _outside(degree, quality, mode):
    """Numeral of a chord that the mode has no name for: its place in the scale, in small letters if its third is minor."""
    numeral = DEGREES[mode][degree]
    if quality in ("min", "dim"):
        numeral = numeral.lower()
    return numeral + {"dom7": "7", "dim": "o"}.get(quality, "")


def contour(notes, length, places=32):
    """The melodic line at even places: what sounds there, or sounded last.

    Parameters
    ----------
    notes : sequence of (start, duration, midi_pitch)
    length : float
        In the unit of the starts.
    places : int

    Returns
    -------
    ndarray, shape (places,)
        Semitones above the mean of the line.
    """
    starts, _, pitches = (np.array(column) for column in zip(*notes))
    at = (np.arange(places) + 0.5) / places * length
    line = pitches[np.maximum(np.searchsorted(starts, at, side="right") - 1, 0)].astype(float)
    return line - line.mean()


def mean_contour(tunes, bars=PHRASE, places=32):
    """The mean of the contours of all phrases of some tunes.

    Parameters
    ----------
    tunes : iterable of Tune
    bars : int
        Length of a phrase; counted from the first bar.
    places : int

    Returns
    -------
    ndarray, shape (places,)
        Semitones above the mean of the phrase.
    """
    lines = []
    for tune in tunes:
        long = bars * tune.bar
        for begin in np.arange(0, tune.length - long + 1e-6, long):
            phrase = [(start - begin, duration, pitch) for start, duration, pitch in tune.notes if begin <= start < begin + long]
            if phrase:
                lines.append(contour(phrase, long, places))
    return np.mean(lines, axis=0)


def interval_shares(tunes):
    """How often the tunes step by how many semitones.

    Parameters
    ----------
    tunes : iterable of Tune

    Returns
    -------
    dict of int to float
        Share of each step from -12 (an octave down, or more) to 12; they sum to 1.
    """
    counts = Counter()
    for tune in tunes:
        pitches = [pitch for _, _, pitch in tune.notes]
        counts.update(int(np.clip(after - before, -REACH, REACH)) for before, after in zip(pitches, pitches[1:]))
    return {step: counts[step] / max(counts.total(), 1) for step in range(-REACH, REACH + 1)}


def length_shares(tunes):
    """How often the tunes have notes of each length.

    Parameters
    ----------
    tunes : iterable of Tune

    Returns
    -------
    dict of float to float
        Share of each length in felt beats, in order; they sum to 1.
    """
    counts = Counter(round(duration / tune.beat, 2) for tune in tunes for _, duration, _ in tune.notes)
    return {length: counts[length] / counts.total() for length in sorted(counts)}


def difference(shares, others):
    """How far two tables of shares are apart.

    Returns
    -------
    float
        0 if they are the same, 1 if they have nothing in common: half the sum of the differences.
    """
    return sum(abs(shares.get(name, 0) - others.get(name, 0)) for name in {*shares, *others}) / 2
