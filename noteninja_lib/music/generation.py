"""Inventing: a new tune from a seed, or from a few notes that somebody gives.

The model of tunes says what may follow; the form says what comes back. Phrases return with another ending, the whole ends on
its tonic, and a tune that has too long a run of notes from a book is drawn anew. Lesson: 08_latent_interpolation.
"""

import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import UserError
from noteninja_lib.music.harmony import CHORDS, bar_length, beat_length, harmonise
from noteninja_lib.music.score_io import read_notes
from noteninja_lib.music.tunes import Tune, load_tunes

# Which tunes are variants of one another, and which families of tunes are for training or for testing.
#
# A tune travels from book to book under other names, in other keys, with other ornaments. If one variant were
# trained on and another tested on, the test would measure memory; so a whole family goes to one split.

SAME = 0.72  # share of equal melody points in eight bars from which tunes are variants
RUN, SHARED_RUNS = (
    17,
    4,
)  # notes in a run; tunes that share so many runs are variants, wherever their bar lines are
COMMON_TITLE = 4  # a title that more tunes than this bear ("Quick Step") says nothing
SHARES = {"test": 0.08, "validation": 0.06}
SHARES_AIRD = {"test": 0.20, "validation": 0.06}  # for families that occur in Aird alone: test differs more

#: Words of a title that do not tell one tune from another.
DANCES = {
    "the",
    "reel",
    "jig",
    "hornpipe",
    "strathspey",
    "fling",
    "clog",
    "polka",
    "walk",
    "around",
    "march",
    "setting",
    "air",
    "and",
    "favorite",
    "favourite",
}


def melody_points(tune):
    """Pitch class of the melody at the accented points of each bar, shape (bars, points); rests repeat.

    Every other eighth note in 4/4 (every other sixteenth in 2/4), first and third eighth of each beat in 6/8:
    dotted or even, plain or ornamented, variants of a tune agree there.
    """
    bar, beat = tune.bar, tune.beat
    if beat == 1.5:
        points = [b * 1.5 + x for b in range(int(bar / 1.5)) for x in (0.0, 1.0)]
    elif tune.metre == "3/4":
        points = [0.0, 1.0, 2.0]
    else:
        points = [bar * x / 4 for x in range(4)]
    starts = np.array([start for start, _, _ in tune.notes])
    pitches = np.array([pitch for _, _, pitch in tune.notes])
    grid = np.arange(int(round(tune.length / bar)))[:, None] * bar + np.array(points)
    return pitches[np.maximum(np.searchsorted(starts, grid + 1e-3) - 1, 0)] % 12


def find_near_duplicates(tunes, same=SAME):
    """Number the families: tunes that share eight bars, in any key, belong together.

    For each stretch of eight bars (one every four bars) the pitch classes at the accented points are written
    as a one-hot vector; the product of two such vectors counts the points where they agree, and turning one
    of them by 1..6 semitones does the same for other keys. Families are the connected components.

    Returns
    -------
    ndarray of int, shape (len(tunes),)
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    groups, pairs = {}, []
    for index, tune in enumerate(tunes):
        points = melody_points(tune)
        for begin in range(0, max(len(points) - 7, 1), 4):
            window = points[begin : begin + 8].ravel()
            groups.setdefault((points.shape[1], len(window)), []).append((index, window))
    for windows in groups.values():
        owner = np.array([index for index, _ in windows])
        classes = np.stack([window for _, window in windows])
        count = classes.shape[1]
        flat = np.eye(12, dtype=np.float32)[classes].reshape(len(owner), -1)
        for turn in range(7):  # a turn by 12 - t is the same pair seen from the other side
            turned = np.eye(12, dtype=np.float32)[(classes + turn) % 12].reshape(len(owner), -1)
            for begin in range(0, len(owner), 2048):
                rows, columns = np.nonzero(flat[begin : begin + 2048] @ turned.T >= same * count - 1e-3)
                pairs.append(np.stack([owner[begin + rows], owner[columns]]))
    rows, columns = np.unique(np.concatenate(pairs, axis=1), axis=1)
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(tunes), len(tunes)))
    return connected_components(graph, directed=False)[1]


def merge_by_title(tunes, labels):
    """Join the families of tunes that bear the same title: settings too different for `find_families`.

    Returns
    -------
    ndarray of int, shape (len(tunes),)
    """
    titles = {}
    for index, tune in enumerate(tunes):
        words = set(re.findall(r"[a-z]{3,}", tune.title.lower().replace("'", ""))) - DANCES
        if len(words) >= 2:
            titles.setdefault(frozenset(words), []).append(index)
    labels = np.array(labels)
    for indices in titles.values():
        if len(indices) <= COMMON_TITLE:
            for index in indices[1:]:
                labels[labels == labels[index]] = labels[indices[0]]
    return labels


def runs_of(notes, length):
    """All runs of so many successive notes, as the steps between them in semitones (list of bytes): the same in any key."""
    steps = np.diff([pitch for _, _, pitch in notes]).astype(np.int8)
    return [steps[i : i + length - 1].tobytes() for i in range(len(steps) - length + 2)]


def merge_by_runs(tunes, labels):
    """Join the families of tunes that share runs of notes, in any key: variants whose bars are counted differently.

    Returns
    -------
    ndarray of int, shape (len(tunes),)
    """
    owners, labels = {}, np.array(labels)
    for index, tune in enumerate(tunes):
        runs = set(runs_of(tune.notes, RUN))
        shared = Counter(other for run in runs for other in owners.get(run, ()))
        for other, count in shared.items():
            if count >= SHARED_RUNS:
                labels[labels == labels[other]] = labels[index]
        for run in runs:
            owners.setdefault(run, []).append(index)
    return labels


def _split_of(family, members):
    """Split of a family from its name: a hash, not a shuffle, so that adding a tune moves no other family."""
    shares = SHARES_AIRD if all(tune.collection == "aird" for tune in members) else SHARES
    place = int(hashlib.sha256(family.encode()).hexdigest()[:8], 16) / 16**8
    if place < shares["test"]:
        return "test"
    return "validation" if place < shares["test"] + shares["validation"] else "train"


def assign_near_duplicates(tunes):
    """Give each tune its family (named after the family's first tune) and the family's split."""
    close = merge_by_title(tunes, find_near_duplicates(tunes))
    wide = merge_by_runs(tunes, close)
    parts, families = {}, {}
    for tune, near, far in zip(tunes, close, wide):
        parts.setdefault(near, []).append(tune)
        families.setdefault(far, {})[near] = parts[near]
    result = []
    for tune, label in zip(tunes, wide):
        splits = {_split_of(members[0].name, members) for members in families[label].values()}
        # What this second look joins goes to training if a part of it did: a test must not lose its innocence.
        split = next(name for name in ("train", "validation", "test") if name in splits)
        result.append(replace(tune, family=next(iter(families[label].values()))[0].name, split=split))
    return result


# A small model of tunes: what follows what in the tunes of the books, counted.
#
# A tune is drawn in two steps: first the rhythm, bar after bar, then a pitch for each of its notes. Both come from counts of
# what followed in similar places: after the same notes before, at the same place in the bar, in the same bar of a phrase.
# A long context says much and was seldom seen; so the draw backs off, from long contexts to short ones, as far as need be
# (Witten and Bell 1991, doi 10.1109/18.87000; for melodies Conklin and Witten 1995, doi 10.1080/09298219508570672).
# Lesson: 08_latent_interpolation.

METRES = ("2/4", "4/4", "2/2", "3/4", "6/8", "9/8")  # of which there are a hundred tunes at least
PERIOD, CLOSE = 8, 8  # bars after which a form begins anew; the number that the last bar of all has instead
CAUTION = 1.0  # how often for each different thing that followed it a context must be seen to be half trusted


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
            counts = {
                value: count for value, count in self.followed.get(context, {}).items() if allowed(value)
            }
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
    return (
        ("both", place, *before[-2:]),
        ("one", place, *before[-1:]),
        ("one", *before[-1:]),
        ("place", place),
        ("any",),
    )


def pitch_contexts(place, weight, before):
    """Contexts of a pitch: its bar's place in the form, its weight in the bar, and the heights before it."""
    three, two, one = before[-3:], before[-2:], before[-1:]
    return (
        ("form", place, weight, *three),
        ("three", weight, *three),
        ("form", place, weight, *two),
        ("two", weight, *two),
        ("form", place, weight, *one),
        ("one", weight, *one),
        ("any", weight),
    )


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
            if rhythm and rhythm[0] == 0:  # without syncopation over the bar line, any bar fits any other
                counts.learn(
                    rhythm_contexts(place_of(number, bars), rhythms[max(number - 2, 0) : number]), rhythm
                )
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
            before = heights[max(number - 3, 0) : number]
            counts.learn(
                pitch_contexts(place_of(place, bars), strength(start - place * bar, beat), before),
                heights[number],
            )
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


@cache
def _rhythms(metre):
    return learn_rhythms(tune for tune in load_tunes("train") if tune.metre == metre)


@cache
def _pitches(mode, beat):
    return learn_pitches(tune for tune in load_tunes("train") if tune.mode == mode and tune.beat == beat)


def check(metre, mode=None):
    """Refuse a metre or mode that no book teaches."""
    if metre not in METRES:
        raise UserError(f"There is no model of tunes in {metre}: choose a metre of {', '.join(METRES)}.")
    if mode is not None and mode not in CHORDS:
        raise UserError(f"'{mode}' is no known mode: choose one of {', '.join(CHORDS)}.")


__all__ = ["invent", "nearest_tune", "read_notes"]

FORMS = ("aaba", "abab", "abac")  # of four phrases; a longer tune goes on with phrases of other letters
RANGE = 18  # semitones from the lowest note to the highest: an octave and a half
CENTRES = range(67, 76)  # MIDI pitches one of which becomes the middle of the melody
KNOWN_RUN = 12  # notes at most as in a book: half of the tunes set aside for tests have a longer run
LIKE_RUN = 8  # notes in a run that makes two tunes alike
BARS, TRIES = (4, 64), 100


def invent(seed, *, bars=16, metre="4/4", mode=None, motif=None, model=None):
    """A tune that nobody wrote, with chords.

    Parameters
    ----------
    seed : int
        The same seed gives the same tune.
    bars : int
        Even, 4 to 64.
    metre : str
        One of `tune_model.METRES`.
    mode : {"major", "minor", "dorian", "mixolydian"}, optional
        Drawn if not given (as often as in the books), or heard in the motif.
    motif : Tune or sequence of (start, duration, midi_pitch), optional
        Notes, in quarter notes from the first bar line, with which the tune begins and to which it comes back. One at a time.
    model : TuneModel, optional
        By default the training tunes of this metre and mode.

    Returns
    -------
    Tune
        Of the collection and split "invented".
    """
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise UserError(f"A seed is a whole number from 0, not {seed}.")
    if not (isinstance(bars, (int, np.integer)) and BARS[0] <= bars <= BARS[1] and bars % 2 == 0):
        raise UserError(
            f"The number of bars must be even and lie between {BARS[0]} and {BARS[1]}, not {bars}."
        )
    check(metre, mode)
    given = check_motif(motif, bars * bar_length(metre))
    rng = np.random.default_rng(seed)
    tonic, mode = _key(motif, given, mode, rng)
    model = model or learn(metre, mode)
    reference = home([pitch for _, _, pitch in given], tonic) if given else 0
    begin = [(start, duration, pitch - reference) for start, duration, pitch in given]
    known = known_runs() - set(runs_of(given, KNOWN_RUN + 1)) if given else known_runs()
    for _ in range(TRIES):
        notes = draw_tune(rng, model, metre, bars, begin)
        if notes and comes_home(notes, metre) and known.isdisjoint(runs_of(notes, KNOWN_RUN + 1)):
            break
    else:
        raise UserError(
            "No new tune came of these notes: give fewer of them, or choose another seed or metre."
        )
    if not given:
        heights = [height for _, _, height in notes]
        reference = int(rng.choice(CENTRES)) - (min(heights) + max(heights)) // 2
        tonic = reference % 12
    new = [
        (round(start, 4), round(duration, 4), height + reference)
        for start, duration, height in notes[len(given) :]
    ]
    notes = (*given, *new)
    name, length = f"invented-{seed}-{metre.replace('/', '-')}-{mode}", bars * bar_length(metre)
    return Tune(
        name,
        f"Invention {seed}",
        "invented",
        metre,
        tonic,
        mode,
        notes,
        harmonise(notes, tonic, mode, metre, length),
        length,
        name,
        "invented",
    )


def check_motif(motif, length):
    """The notes of a motif, in order; empty if there is none. It may fill half of the tune's `length` in quarter notes."""
    try:
        notes = sorted(
            (float(start), float(duration), int(pitch))
            for start, duration, pitch in getattr(motif, "notes", motif) or ()
        )
    except (TypeError, ValueError) as problem:
        raise UserError("The notes given must be triples of start, duration and MIDI pitch.") from problem
    if any(start < 0 or duration <= 0 or not 36 <= pitch <= 96 for start, duration, pitch in notes):
        raise UserError(
            "The notes given must start at 0 or later, last longer than 0, and lie between MIDI pitches 36 and 96."
        )
    if any(before[0] + before[1] > after[0] + 1e-3 for before, after in zip(notes, notes[1:])):
        raise UserError("Two of the notes given sound at once: give one note at a time.")
    if notes and notes[-1][0] + notes[-1][1] > length / 2 + 1e-3:
        raise UserError(
            "The notes given are longer than half of the tune: ask for more bars, or give fewer notes."
        )
    return notes


def _key(motif, given, mode, rng):
    """Tonic and mode: those of the motif, or a mode as often as in the books (the tonic follows when the tune is there)."""
    if isinstance(motif, Tune):
        return motif.tonic, mode or motif.mode
    if given:
        from noteninja_lib.music.transcription import key_of_notes  # loads music21

        tonic, found = key_of_notes(
            [Note(start, start + duration, pitch, 90) for start, duration, pitch in given]
        )
        return tonic, mode or found
    return 0, mode or str(rng.choice([tune.mode for tune in load_tunes("train")]))


@lru_cache(maxsize=1)
def known_runs():
    """All runs in the training tunes that are too long to be invented by chance."""
    return frozenset(run for tune in load_tunes("train") for run in runs_of(tune.notes, KNOWN_RUN + 1))


def comes_home(notes, metre):
    """Whether a tune ends on its tonic (height 0, or an octave off), on a beat, and for a beat or longer."""
    start, duration, height = notes[-1]
    beat = beat_length(metre)
    return height % 12 == 0 and strength(start % bar_length(metre), beat) > 0 and duration > beat - 1e-3


def lay_out(rng, bars, motif_bars):
    """For each bar the bar that it repeats, or None where something new comes.

    Phrases have four bars, in short tunes two, and more where the motif needs them; one that returns keeps its first half, and
    all of the motif, and ends anew.
    """
    phrase = 4 if bars % 4 == 0 and bars > 8 else 2
    while motif_bars > phrase - 1 and bars % (4 * phrase) == 0:
        phrase *= 2
    form, count = rng.choice(FORMS), bars // phrase
    # A second form of four phrases has letters of its own, and the very last phrase is the first one again.
    letters = [(form[number % 4], number // 4 % 2) for number in range(count)]
    if count != 4:
        letters[-1] = letters[0]
    kept = max(phrase // 2, min(motif_bars, phrase - 1))
    repeats = []
    for number, letter in enumerate(letters):
        first = letters.index(letter)
        repeats += [first * phrase + bar if first < number and bar < kept else None for bar in range(phrase)]
    return repeats


def draw_rhythm(rng, model, metre, repeats, motif=()):
    """Onsets in each bar, in quarter notes from its bar line (list of tuple); the motif's own, as far as it reaches."""
    bar, rhythms = bar_length(metre), []
    given, end = bars_of(motif, bar, len(repeats)), motif[-1][0] + motif[-1][1] if motif else 0.0
    for number, first in enumerate(repeats):
        filled = end - number * bar  # so much of this bar belongs to the motif
        if first is not None:
            rhythm = rhythms[first]
        elif filled > bar - 1e-3:
            rhythm = given[number]
        else:
            contexts, begun = rhythm_contexts(place_of(number, len(repeats)), rhythms), given[number]
            rhythm = model.rhythms.draw(rng, contexts, lambda rhythm: rhythm[: len(begun)] == begun)
            rhythm = rhythm or model.rhythms.draw(rng, contexts)
            rhythm = begun + tuple(
                position for position in rhythm if position > filled - 1e-3 and position not in begun
            )
        rhythms.append(rhythm)
    return rhythms


def draw_tune(rng, model, metre, bars, motif=()):
    """Draw a tune: the rhythm of each bar, then the height of each note.

    Parameters
    ----------
    rng : numpy.random.Generator
    model : TuneModel
    metre : str
    bars : int
    motif : sequence of (start, duration, height)

    Returns
    -------
    list of (start, duration, height)
        In quarter notes, and semitones above the tonic; None if no note fits somewhere.
    """
    bar, end = bar_length(metre), motif[-1][0] + motif[-1][1] if motif else 0.0
    repeats = lay_out(rng, bars, int(np.ceil(end / bar - 1e-3)))
    notes = {round(start, 3): (duration, height) for start, duration, height in motif}  # by their onset
    heights = [height for _, _, height in motif]
    span = max(RANGE, int(np.ptp(heights)) if heights else 0)
    for number, rhythm in enumerate(draw_rhythm(rng, model, metre, repeats, motif)):
        for position in rhythm:
            start = round(number * bar + position, 3)
            if start in notes:
                continue
            if repeats[number] is not None:
                notes[start] = notes[round(repeats[number] * bar + position, 3)]
            else:
                height = next_height(rng, model, metre, place_of(number, bars), position, heights, span)
                notes[start] = (np.inf, height)  # until the next note
            if notes[start][1] is None:
                return None
            heights.append(notes[start][1])
    ends = [*list(notes)[1:], bars * bar]
    return [
        (start, min(duration, after - start), height)
        for (start, (duration, height)), after in zip(notes.items(), ends)
    ]


def next_height(rng, model, metre, place, position, heights, span):
    """Height of the note after some others, or None: all of them within `span` semitones."""
    low, high = min(heights, default=0), max(heights, default=0)
    contexts = pitch_contexts(place, strength(position, beat_length(metre)), tuple(heights[-3:]))
    return model.pitches.draw(rng, contexts, lambda height: max(high, height) - min(low, height) <= span)


@lru_cache(maxsize=4)
def _index(tunes):
    """Codes of all runs of some tunes, in order, and for each the number of its tune."""
    pairs = {
        (hash(run), number) for number, tune in enumerate(tunes) for run in runs_of(tune.notes, LIKE_RUN)
    }
    codes, owners = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    return codes, owners


def nearest_tune(tune, tunes):
    """The most similar one of some tunes, in any key.

    Parameters
    ----------
    tune : Tune
    tunes : sequence of Tune

    Returns
    -------
    (Tune, float)
        How alike: the share of `tune`'s notes that lie in runs of eight or more notes that the other has too, with the same
        steps between them. 0 if no tune shares such a run; then it is any of them.
    """
    tunes = tuple(tunes)
    codes, owners = _index(tunes)
    shared = [set() for _ in tunes]
    for position, run in enumerate(runs_of(tune.notes, LIKE_RUN)):
        first, last = np.searchsorted(codes, hash(run)), np.searchsorted(codes, hash(run), "right")
        for owner in owners[first:last]:
            shared[owner].update(range(position, position + LIKE_RUN))
    best = max(range(len(tunes)), key=lambda owner: len(shared[owner]))
    return tunes[best], len(shared[best]) / len(tune.notes)
