"""Find chords for a melody: the cheapest path through the chords of a key (Viterbi).

Every bar is cut into one or two slots. A chord pays in each slot for melody notes that it does not contain,
and from slot to slot for an unusual step; :data:`COSTS` and :data:`CHORDS` hold all prices. The Viterbi
algorithm then finds the one sequence with the lowest total price among all possible sequences.
"""

from collections import Counter
from functools import cache

import numpy as np

#: All prices. Think of them as -log probability: 0 is "of course", 1 is "now and then", 3 is "hardly ever".
COSTS = {
    # -- melody against chord: a note weighs its length (as a share of the slot) times its metric place
    "note outside the chord": 4.0,
    "note a semitone above a chord tone": 1.0,  # added to the price above; F over a C major chord
    "note is the chord's seventh": 0.6,
    "weight on the first beat": 1.6,
    "weight on another beat": 1.0,
    "weight between beats": 0.5,
    # -- from chord to chord
    "change inside the bar": 0.9,
    "same chord in the next bar": 0.6,
    "dominant seventh does not resolve": 2.5,  # it wants its root to fall by a fifth
    "diminished chord does not resolve": 2.5,  # it wants its root to rise by a semitone
    # -- form
    "tune does not begin on the tonic": 0.7,
    "fourth bar ends on neither I, IV nor V": 0.5,
    "eighth bar ends on neither I nor V": 1.5,
    "tune does not end on the tonic": 2.5,
    "reward: V to I at a phrase end": 1.5,
    "reward: IV or bVII to I at a phrase end": 0.6,
}

#: Price of a step between two roots, by the semitones from the first up to the second.
ROOT_STEPS = {
    0: 0.0,
    5: 0.0,
    7: 0.2,
    2: 0.4,
    10: 0.4,
    9: 0.4,
    8: 0.5,
    4: 0.7,
    3: 0.7,
    1: 0.8,
    11: 0.8,
    6: 1.2,
}

#: Chords of each mode: Roman numeral -> (semitones of the root above the tonic, quality, price of using it).
#: V7/x is a secondary dominant: the dominant seventh of x.
CHORDS = {
    "major": {
        "I": (0, "maj", 0.0),
        "V": (7, "maj", 0.2),
        "V7": (7, "dom7", 0.3),
        "IV": (5, "maj", 0.3),
        "ii": (2, "min", 0.4),
        "vi": (9, "min", 0.4),
        "iii": (4, "min", 0.9),
        "vii": (11, "dim", 1.6),
        "V7/V": (2, "dom7", 0.9),
        "V7/IV": (0, "dom7", 1.2),
        "V7/ii": (9, "dom7", 1.2),
        "V7/vi": (4, "dom7", 1.2),
    },
    "minor": {
        "i": (0, "min", 0.0),
        "V": (7, "maj", 0.4),
        "V7": (7, "dom7", 0.3),
        "iv": (5, "min", 0.4),
        "VI": (8, "maj", 0.4),
        "III": (3, "maj", 0.4),
        "VII": (10, "maj", 0.4),
        "v": (7, "min", 0.8),
        "ii": (2, "dim", 1.5),
        "V7/III": (10, "dom7", 1.0),
        "V7/iv": (0, "dom7", 1.7),
        "V7/V": (2, "dom7", 1.8),
    },
    "dorian": {
        "i": (0, "min", 0.0),
        "VII": (10, "maj", 0.2),
        "v": (7, "min", 0.8),
        "IV": (5, "maj", 0.4),
        "III": (3, "maj", 0.7),
        "ii": (2, "min", 1.2),
        "V7": (7, "dom7", 1.4),
        "V7/III": (10, "dom7", 1.8),
    },
    "mixolydian": {
        "I": (0, "maj", 0.0),
        "VII": (10, "maj", 0.2),
        "IV": (5, "maj", 0.4),
        "v": (7, "min", 0.8),
        "V": (7, "maj", 0.6),
        "ii": (2, "min", 0.9),
        "vi": (9, "min", 0.9),
        "V7": (7, "dom7", 0.9),
        "V7/IV": (0, "dom7", 1.6),
    },
}

#: Semitones of the chord tones above the root.
QUALITIES = {"maj": (0, 4, 7), "min": (0, 3, 7), "dom7": (0, 4, 7, 10), "dim": (0, 3, 6)}


def bar_length(metre):
    """Quarter notes in a bar of ``metre``, e.g. 3.0 for "6/8"."""
    beats, unit = metre.split("/")
    return int(beats) * 4 / int(unit)


def beat_length(metre):
    """Quarter notes in a felt beat: 1.5 in compound time (6/8, 9/8, 12/8), else 1.0."""
    return 1.5 if metre in ("6/8", "9/8", "12/8") else 1.0


def melody_weights(notes, metre, length, slot):
    """How much each pitch class weighs in each slot.

    Parameters
    ----------
    notes : sequence of (start, duration, midi_pitch)
        In quarter notes from the first bar line.
    metre : str
    length : float
        Quarter notes in all.
    slot : float
        Quarter notes in a slot.

    Returns
    -------
    ndarray, shape (slots, 12)
    """
    weights = np.zeros((int(round(length / slot)), 12))
    bar, beat = bar_length(metre), beat_length(metre)
    for start, duration, pitch in notes:
        if start % bar < 1e-3:
            strength = COSTS["weight on the first beat"]
        elif start % beat < 1e-3:
            strength = COSTS["weight on another beat"]
        else:
            strength = COSTS["weight between beats"]
        first, end = int(start / slot + 1e-3), min(start + duration, length)
        for index in range(first, min(int(np.ceil(end / slot - 1e-3)), len(weights))):
            overlap = min(end, (index + 1) * slot) - max(start, index * slot)
            weights[index, pitch % 12] += strength * overlap / slot
    return weights


@cache
def _note_costs(tonic, mode):
    """Price of each pitch class over each chord of the key, shape (12, chords)."""
    costs = np.zeros((12, len(CHORDS[mode])))
    for column, (degree, quality, _) in enumerate(CHORDS[mode].values()):
        tones = {(tonic + degree + step) % 12 for step in QUALITIES[quality]}
        for pitch in range(12):
            if pitch not in tones:
                clash = (pitch - 1) % 12 in tones
                costs[pitch, column] = (
                    COSTS["note outside the chord"] + clash * COSTS["note a semitone above a chord tone"]
                )
            elif quality == "dom7" and pitch == (tonic + degree + 10) % 12:
                costs[pitch, column] = COSTS["note is the chord's seventh"]
    return costs


@cache
def _step_costs(mode):
    """Price of each step from chord (row) to chord (column), and the rewards of cadences, same shape."""
    chords = list(CHORDS[mode].items())
    steps, cadences = np.zeros((2, len(chords), len(chords)))
    for row, (_, (before, quality, _)) in enumerate(chords):
        for column, (_, (after, next_quality, _)) in enumerate(chords):
            rise = (after - before) % 12
            steps[row, column] = ROOT_STEPS[rise]
            if row != column and quality == "dom7" and (rise != 5 or next_quality == "dim"):
                steps[row, column] += COSTS["dominant seventh does not resolve"]
            if row != column and quality == "dim" and rise != 1:
                steps[row, column] += COSTS["diminished chord does not resolve"]
            if after == 0 and next_quality != "dom7":
                if before == 7:
                    cadences[row, column] = COSTS["reward: V to I at a phrase end"]
                elif before in (5, 10):
                    cadences[row, column] = COSTS["reward: IV or bVII to I at a phrase end"]
    return steps, cadences


def _form_costs(mode, bars, slots_per_bar):
    """What the place in the form adds to each chord, shape (slots, chords)."""
    form = np.zeros((bars * slots_per_bar, len(CHORDS[mode])))
    for column, (degree, quality, price) in enumerate(CHORDS[mode].values()):
        form[:, column] += price / slots_per_bar
        tonic = degree == 0 and quality != "dom7"
        form[0, column] += (not tonic) * COSTS["tune does not begin on the tonic"]
        for bar in range(3, bars, 4):
            last = (bar + 1) * slots_per_bar - 1
            if bar % 8 == 7:
                form[last, column] += (not tonic and degree != 7) * COSTS[
                    "eighth bar ends on neither I nor V"
                ]
            else:
                form[last, column] += (not tonic and degree not in (5, 7)) * COSTS[
                    "fourth bar ends on neither I, IV nor V"
                ]
        form[-1, column] += (not tonic) * COSTS["tune does not end on the tonic"]
    return form


def cheapest_path(prices, steps):
    """The cheapest way through a table, by the Viterbi algorithm. Lesson: 02_music_theory_with_music21.

    Parameters
    ----------
    prices : ndarray, shape (slots, chords)
        Price of each chord in each slot.
    steps : sequence of ndarray, each of shape (chords, chords)
        Price of going from a chord (row) in one slot to a chord (column) in the next; one fewer than there are slots.

    Returns
    -------
    list of int
        A chord for each slot.
    """
    total, came_from = prices[0], []
    for price, step in zip(prices[1:], steps):
        paths = total[:, None] + step  # from each chord (row) to each (column)
        came_from.append(paths.argmin(axis=0))
        total = paths.min(axis=0) + price
    path = [int(total.argmin())]
    for best in reversed(came_from):
        path.append(int(best[path[-1]]))
    return path[::-1]


def harmonise(notes, tonic, mode, metre, length):
    """Chords for a melody: the cheapest path by the Viterbi algorithm.

    Parameters
    ----------
    notes : sequence of (start, duration, midi_pitch)
        In quarter notes from the first bar line.
    tonic : int
        Pitch class 0-11.
    mode : {"major", "minor", "dorian", "mixolydian"}
    metre : str
        Such as "6/8".
    length : float
        Quarter notes, a whole number of bars.

    Returns
    -------
    tuple of (start, duration, root_pitch_class, quality)
        One or two chords in every bar, from 0 to ``length`` without gaps; ``quality`` is one of
        "maj", "min", "dom7", "dim".

    References
    ----------
    Viterbi, A. (1967). Error bounds for convolutional codes and an asymptotically optimum decoding algorithm.
    IEEE Transactions on Information Theory 13(2).
    """
    bar = bar_length(metre)
    per_bar = 2 if metre in ("4/4", "2/2", "2/4", "6/8", "12/8") else 1
    bars, slot = int(round(length / bar)), bar / per_bar
    local = melody_weights(notes, metre, length, slot) @ _note_costs(tonic, mode)
    local += _form_costs(mode, bars, per_bar)
    steps, cadences = _step_costs(mode)
    moved = 1 - np.eye(len(steps))

    changes = []
    for index in range(1, len(local)):
        number, place = divmod(index, per_bar)
        step = steps + (
            moved * COSTS["change inside the bar"]
            if place
            else (1 - moved) * COSTS["same chord in the next bar"]
        )
        if number % 4 == 3 or number == bars - 1:
            step = step - cadences * (1.0 if number % 8 == 7 or number == bars - 1 else 0.5)
        changes.append(step)
    path = cheapest_path(local, changes)

    table, chords = list(CHORDS[mode].values()), []
    for index, state in enumerate(path):
        degree, quality, _ = table[state]
        chord = ((tonic + degree) % 12, quality)
        if index % per_bar and chords[-1][2:] == chord:  # the same chord twice in a bar is one chord
            chords[-1] = (chords[-1][0], bar) + chord
        else:
            chords.append((round(index * slot, 4), slot) + chord)
    return tuple(chords)


# What a tune is made of: roman numerals, contour, and how often each step and each length occurs.
#
# Lesson: 02_music_theory_with_music21

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
SUFFIXES = {"maj": "", "min": "m", "dom7": "7", "dim": "dim"}
DEGREES = {
    "major": ("I", "bII", "II", "bIII", "III", "IV", "#IV", "V", "bVI", "VI", "bVII", "VII"),
    "mixolydian": ("I", "bII", "II", "bIII", "III", "IV", "#IV", "V", "bVI", "VI", "VII", "#VII"),
    "dorian": ("I", "bII", "II", "III", "#III", "IV", "#IV", "V", "bVI", "VI", "VII", "#VII"),
    "minor": ("I", "bII", "II", "III", "#III", "IV", "#IV", "V", "VI", "#VI", "VII", "#VII"),
}
REACH = 12  # semitones; wider steps count as this one
PHRASE = 4  # bars


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
            phrase = [
                (start - begin, duration, pitch)
                for start, duration, pitch in tune.notes
                if begin <= start < begin + long
            ]
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
        counts.update(
            int(np.clip(after - before, -REACH, REACH)) for before, after in zip(pitches, pitches[1:])
        )
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
