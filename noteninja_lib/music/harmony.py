"""Chords for a melody: the cheapest path through the chords of a key (Viterbi).

Every bar is cut into one or two slots. A chord pays in each slot for notes that it does not contain, and from
slot to slot for an unusual step; `COSTS` and `CHORDS` hold all prices. The Viterbi algorithm finds the
sequence with the lowest total price. The library's tables of keys, modes, chords and metres are here too.
Lesson: 02_music_theory_with_music21.
"""

import re
from collections.abc import Sequence
from functools import cache

import numpy as np

Notes = Sequence[tuple[float, float, int]]  # (start, duration, MIDI pitch); times in quarter notes
Chords = tuple[tuple[float, float, int, str], ...]  # (start, duration, pitch class of the root, quality)

NOTE_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")  # of the pitch classes

#: Semitones from the major tonic up to the tonic of each mode with the same key signature.
MODES = {"major": 0, "dorian": 2, "mixolydian": 7, "minor": 9}

#: Scale of each mode in semitones above the tonic; minor has both sevenths.
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
#: Roman numeral of each semitone above the tonic.
DEGREES = {
    "major": "I bII II bIII III IV #IV V bVI VI bVII VII".split(),
    "minor": "I bII II III #III IV #IV V VI #VI VII #VII".split(),
    "dorian": "I bII II III #III IV #IV V bVI VI VII #VII".split(),
    "mixolydian": "I bII II bIII III IV #IV V bVI VI VII #VII".split(),
}

#: Chords by Harte's names (2005, ISMIR), but for "dom7": semitones of the tones above the root, what song
#: books write after the root's name, and what MusicXML calls them.
_QUALITIES = {
    "maj": ((0, 4, 7), "", "major"),
    "min": ((0, 3, 7), "m", "minor"),
    "dom7": ((0, 4, 7, 10), "7", "dominant-seventh"),
    "dim": ((0, 3, 6), "dim", "diminished"),
    "maj7": ((0, 4, 7, 11), "maj7", "major-seventh"),
    "min7": ((0, 3, 7, 10), "m7", "minor-seventh"),
    "maj6": ((0, 4, 7, 9), "6", "major-sixth"),
    "min6": ((0, 3, 7, 9), "m6", "minor-sixth"),
    "hdim7": ((0, 3, 6, 10), "m7b5", "half-diminished-seventh"),
    "dim7": ((0, 3, 6, 9), "dim7", "diminished-seventh"),
    "minmaj7": ((0, 3, 7, 11), "mmaj7", "minor-major-seventh"),
    "aug": ((0, 4, 8), "aug", "augmented"),
    "aug7": ((0, 4, 8, 10), "7#5", "augmented-seventh"),
    "sus4": ((0, 5, 7), "sus4", "suspended-fourth"),
    "sus2": ((0, 2, 7), "sus2", "suspended-second"),
    "5": ((0, 7), "5", "power"),
}
QUALITIES = {name: tones for name, (tones, _, _) in _QUALITIES.items()}
SUFFIXES = {name: suffix for name, (_, suffix, _) in _QUALITIES.items()}
KINDS = {name: kind for name, (_, _, kind) in _QUALITIES.items()}
#: A chord symbol: root, kind, bass.
SYMBOL = re.compile(
    r"([A-G])([#b♯♭]?)((?:maj|min|dim|aug|sus|add|alt|no|omit|[Mm°øoΔ^+#b♯♭()\d ,-])*)(?:/[A-Ga-g][#b♯♭]?)?"
)
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

#: Price of a step between two roots, by the semitones (0 to 11) from the first up to the second.
ROOT_STEPS = np.array([0.0, 0.8, 0.4, 0.7, 0.7, 0.0, 1.2, 0.2, 0.5, 0.4, 0.4, 0.8])


def _chords(table: str) -> dict[str, tuple[int, str, float]]:
    rows = (row.split() for row in table.split(","))
    return {numeral: (int(degree), quality, float(price)) for numeral, degree, quality, price in rows}


#: Chords of each mode: Roman numeral -> (semitones of the root above the tonic, quality, price of using it).
#: V7/x is a secondary dominant: the dominant seventh of x.
CHORDS = {
    "major": _chords(
        "I 0 maj 0, V 7 maj 0.2, V7 7 dom7 0.3, IV 5 maj 0.3, ii 2 min 0.4, vi 9 min 0.4, iii 4 min 0.9,"
        "vii 11 dim 1.6, V7/V 2 dom7 0.9, V7/IV 0 dom7 1.2, V7/ii 9 dom7 1.2, V7/vi 4 dom7 1.2"
    ),
    "minor": _chords(
        "i 0 min 0, V 7 maj 0.4, V7 7 dom7 0.3, iv 5 min 0.4, VI 8 maj 0.4, III 3 maj 0.4, VII 10 maj 0.4,"
        "v 7 min 0.8, ii 2 dim 1.5, V7/III 10 dom7 1, V7/iv 0 dom7 1.7, V7/V 2 dom7 1.8"
    ),
    "dorian": _chords(
        "i 0 min 0, VII 10 maj 0.2, v 7 min 0.8, IV 5 maj 0.4, III 3 maj 0.7, ii 2 min 1.2, V7 7 dom7 1.4,"
        "V7/III 10 dom7 1.8"
    ),
    "mixolydian": _chords(
        "I 0 maj 0, VII 10 maj 0.2, IV 5 maj 0.4, v 7 min 0.8, V 7 maj 0.6, ii 2 min 0.9, vi 9 min 0.9,"
        "V7 7 dom7 0.9, V7/IV 0 dom7 1.6"
    ),
}


def bar_length(metre: str) -> float:
    """Quarter notes in a bar of `metre`, e.g. 3.0 for "6/8"."""
    beats, unit = metre.split("/")
    return int(beats) * 4 / int(unit)


def beat_length(metre: str) -> float:
    """Quarter notes in a felt beat: 1.5 in compound time (6/8, 9/8, 12/8), else 1.0."""
    return 1.5 if metre in ("6/8", "9/8", "12/8") else 1.0


def sharps(tonic: int, mode: str) -> int:
    """Sharps in the signature of a key, from -5 (five flats) to 6."""
    return ((tonic - MODES[mode]) * 7 + 5) % 12 - 5


def chord_name(root: int, quality: str) -> str:
    """A chord as song books write it: (9, "min") is Am."""
    return NOTE_NAMES[root % 12] + SUFFIXES[quality]


def read_chord(text: str) -> tuple[str, str] | None:
    """Root and kind, as music21 calls them, of a chord symbol such as "Am7", "F#dim", "(C/E)".

    The root of "N.C." (no chord) is empty; None is no chord symbol. Ninths and beyond are read as sevenths.
    """
    if text.upper().replace(".", "").replace(" ", "") == "NC":
        return "", "none"
    found = SYMBOL.fullmatch(re.sub(r"^\((.*)\)$", r"\1", text.strip()))
    if not found:
        return None
    name = found[3].replace("♭", "b").replace("♯", "#").replace("°", "dim").replace("o", "dim")
    name = re.sub(r"^-(?!5)", "m", name)  # as jazz books have it: E-7 is Em7
    third, fifth = 3 if re.match(r"m(?!aj)|-|min", name) else 4, 7
    high = re.search(r"7|9|11|13|Δ|\^", re.sub(r"(add|no|omit|[#b+-])\(?\d+", "", name))
    seventh = (11 if re.search(r"maj|M|Δ|\^", name) else 10) if high else 0
    if "dim" in name:
        third, fifth, seventh = 3, 6, 9 if seventh else 0
    elif "ø" in name or third == 3 and re.search("b5|-5", name):
        third, fifth, seventh = 3, 6, 10 if seventh or "ø" in name else 0
    elif re.search(r"aug|\+$|\+7|#5", name):
        third, fifth, seventh = 4, 8, 10 if seventh else 0
    elif "sus" in name:
        third, seventh = 2 if "sus2" in name else 5, 0
    elif re.fullmatch(r"\(?5\)?", name):
        third = 0
    elif re.match("[a-z]*6", name):
        seventh = 9
    root = found[1] + {"b": "-", "♭": "-", "♯": "#"}.get(found[2], found[2])
    names = {tones: name for name, tones in QUALITIES.items()}
    triad, tones = (tuple(sorted({0, third, fifth, more})) for more in (0, seventh))
    return root, KINDS[names.get(tones) or names[triad]]


def melody_weights(notes: Notes, metre: str, length: float, slot: float) -> np.ndarray:
    """How much each pitch class weighs in each slot, by its length and its place in the bar.

    Parameters
    ----------
    notes : sequence of (start, duration, midi_pitch)
        In quarter notes from the first bar line.
    metre : str
    length, slot : float
        Quarter notes in all, and in a slot.

    Returns
    -------
    ndarray, shape (slots, 12)
    """
    starts, durations, pitches = np.array(notes, float).reshape(-1, 3).T
    ends, edges = np.minimum(starts + durations, length), slot * np.arange(round(length / slot) + 1)
    overlaps = np.minimum.outer(ends, edges[1:]) - np.maximum.outer(starts, edges[:-1])
    overlaps[overlaps < 1e-3 * slot] = 0  # starts and ends are rounded to 4 digits
    on_beat = starts % beat_length(metre) < 1e-3
    elsewhere = np.where(on_beat, COSTS["weight on another beat"], COSTS["weight between beats"])
    strength = np.where(starts % bar_length(metre) < 1e-3, COSTS["weight on the first beat"], elsewhere)
    weights = np.zeros((12, len(edges) - 1))
    np.add.at(weights, pitches.astype(int) % 12, strength[:, None] * overlaps / slot)
    return weights.T


@cache
def _chord_arrays(mode):
    """Degree, quality and price of each chord of a mode, and whether it is the tonic chord."""
    degrees, qualities, prices = (np.array(column) for column in zip(*CHORDS[mode].values()))
    return degrees, qualities, prices, (degrees == 0) & (qualities != "dom7")


@cache
def _note_costs(tonic, mode):
    """Price of each pitch class over each chord of the key, shape (12, chords)."""
    costs = np.full((12, len(CHORDS[mode])), COSTS["note outside the chord"])
    for chord, (degree, quality, _) in enumerate(CHORDS[mode].values()):
        tones = (tonic + degree + np.array(QUALITIES[quality])) % 12
        costs[(tones + 1) % 12, chord] += COSTS["note a semitone above a chord tone"]
        costs[tones, chord] = 0
        costs[tones[3:], chord] = COSTS["note is the chord's seventh"]
    return costs


@cache
def _step_costs(mode):
    """Price of each step from chord (row) to chord (column), and the rewards of cadences, same shape."""
    degrees, qualities, _, tonic = _chord_arrays(mode)
    before, seventh, diminished = degrees[:, None], (qualities == "dom7")[:, None], qualities == "dim"
    rise, moved = (degrees - before) % 12, ~np.eye(len(degrees), dtype=bool)
    steps = ROOT_STEPS[rise]
    steps += COSTS["dominant seventh does not resolve"] * (moved & seventh & ((rise != 5) | diminished))
    steps += COSTS["diminished chord does not resolve"] * (moved & diminished[:, None] & (rise != 1))
    reward = COSTS["reward: V to I at a phrase end"] * (before == 7)
    reward = reward + COSTS["reward: IV or bVII to I at a phrase end"] * np.isin(before, (5, 10))
    return steps, reward * tonic


def _form_costs(mode, bars, slots_per_bar):
    """What the place in the form adds to each chord, shape (slots, chords)."""
    degrees, _, prices, tonic = _chord_arrays(mode)
    form = np.tile(prices / slots_per_bar, (bars * slots_per_bar, 1))
    form[0] += ~tonic * COSTS["tune does not begin on the tonic"]
    half, whole = "fourth bar ends on neither I, IV nor V", "eighth bar ends on neither I nor V"
    for bar in range(3, bars, 4):
        price, others = (COSTS[whole], (7,)) if bar % 8 == 7 else (COSTS[half], (5, 7))
        form[(bar + 1) * slots_per_bar - 1] += ~(tonic | np.isin(degrees, others)) * price
    form[-1] += ~tonic * COSTS["tune does not end on the tonic"]
    return form


def cheapest_path(prices: np.ndarray, steps: Sequence[np.ndarray]) -> list[int]:
    """The cheapest way through a table, by the Viterbi algorithm.

    Parameters
    ----------
    prices : ndarray, shape (slots, chords)
        Price of each chord in each slot.
    steps : sequence of ndarray, each of shape (chords, chords)
        Price of going from a chord (row) in one slot to a chord (column) in the next; one fewer than slots.

    Returns
    -------
    list of int
        A chord for each slot.

    References
    ----------
    Viterbi, A. (1967). Error bounds for convolutional codes and an asymptotically optimum decoding algorithm.
    IEEE Transactions on Information Theory 13(2).
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


def harmonise(notes: Notes, tonic: int, mode: str, metre: str, length: float) -> Chords:
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
        One or two chords in every bar, from 0 to `length` without gaps.
    """
    bar = bar_length(metre)
    per_bar = 2 if metre in ("4/4", "2/2", "2/4", "6/8", "12/8") else 1
    bars, slot = round(length / bar), bar / per_bar
    local = melody_weights(notes, metre, length, slot) @ _note_costs(tonic, mode)
    local += _form_costs(mode, bars, per_bar)
    steps, cadences = _step_costs(mode)
    stays = np.eye(len(steps))
    inside = steps + (1 - stays) * COSTS["change inside the bar"]
    onward = steps + stays * COSTS["same chord in the next bar"]

    changes = []
    for index in range(1, len(local)):
        number, place = divmod(index, per_bar)
        step, closing = inside if place else onward, number % 8 == 7 or number == bars - 1
        changes.append(step - cadences * (1.0 if closing else 0.5) if closing or number % 4 == 3 else step)

    table, chords = list(CHORDS[mode].values()), []
    for index, chosen in enumerate(cheapest_path(local, changes)):
        degree, quality, _ = table[chosen]
        chord = ((tonic + degree) % 12, quality)
        if index % per_bar and chords[-1][2:] == chord:  # the same chord twice in a bar is one chord
            chords[-1] = (chords[-1][0], bar, *chord)
        else:
            chords.append((round(index * slot, 4), slot, *chord))
    return tuple(chords)
