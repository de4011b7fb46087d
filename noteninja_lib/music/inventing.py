"""Inventing: a new tune from a seed, or from a few notes that somebody gives.

The model of tunes says what may follow; the form says what comes back. Phrases return with another ending, the whole ends on
its tonic, and a tune that has too long a run of notes from a book is drawn anew. Lesson: 08_latent_interpolation.
"""
from functools import lru_cache

import numpy as np

from ..errors import UserError
from .families import runs_of
from .harmony import bar_length, beat_length, harmonise
from .performance import Note
from .reading import read_notes
from .theory import Tune, load_tunes
from .tune_model import bars_of, check, home, learn, pitch_contexts, place_of, rhythm_contexts, strength

__all__ = ["invent", "nearest_tune", "read_notes"]

FORMS = ("aaba", "abab", "abac")     # of four phrases; a longer tune goes on with phrases of other letters
RANGE = 18                           # semitones from the lowest note to the highest: an octave and a half
CENTRES = range(67, 76)              # MIDI pitches one of which becomes the middle of the melody
KNOWN_RUN = 12                       # notes at most as in a book: half of the tunes set aside for tests have a longer run
LIKE_RUN = 8                         # notes in a run that makes two tunes alike
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
        raise UserError(f"The number of bars must be even and lie between {BARS[0]} and {BARS[1]}, not {bars}.")
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
        raise UserError("No new tune came of these notes: give fewer of them, or choose another seed or metre.")
    if not given:
        heights = [height for _, _, height in notes]
        reference = int(rng.choice(CENTRES)) - (min(heights) + max(heights)) // 2
        tonic = reference % 12
    new = [(round(start, 4), round(duration, 4), height + reference) for start, duration, height in notes[len(given):]]
    notes = (*given, *new)
    name, length = f"invented-{seed}-{metre.replace('/', '-')}-{mode}", bars * bar_length(metre)
    return Tune(name, f"Invention {seed}", "invented", metre, tonic, mode, notes, harmonise(notes, tonic, mode, metre, length),
                length, name, "invented")


def check_motif(motif, length):
    """The notes of a motif, in order; empty if there is none. It may fill half of the tune's `length` in quarter notes."""
    try:
        notes = sorted((float(start), float(duration), int(pitch))
                       for start, duration, pitch in getattr(motif, "notes", motif) or ())
    except (TypeError, ValueError) as problem:
        raise UserError("The notes given must be triples of start, duration and MIDI pitch.") from problem
    if any(start < 0 or duration <= 0 or not 36 <= pitch <= 96 for start, duration, pitch in notes):
        raise UserError("The notes given must start at 0 or later, last longer than 0, and lie between MIDI pitches 36 and 96.")
    if any(before[0] + before[1] > after[0] + 1e-3 for before, after in zip(notes, notes[1:])):
        raise UserError("Two of the notes given sound at once: give one note at a time.")
    if notes and notes[-1][0] + notes[-1][1] > length / 2 + 1e-3:
        raise UserError("The notes given are longer than half of the tune: ask for more bars, or give fewer notes.")
    return notes


def _key(motif, given, mode, rng):
    """Tonic and mode: those of the motif, or a mode as often as in the books (the tonic follows when the tune is there)."""
    if isinstance(motif, Tune):
        return motif.tonic, mode or motif.mode
    if given:
        from .transcription import key_of_notes               # loads music21
        tonic, found = key_of_notes([Note(start, start + duration, pitch, 90) for start, duration, pitch in given])
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
        filled = end - number * bar                # so much of this bar belongs to the motif
        if first is not None:
            rhythm = rhythms[first]
        elif filled > bar - 1e-3:
            rhythm = given[number]
        else:
            contexts, begun = rhythm_contexts(place_of(number, len(repeats)), rhythms), given[number]
            rhythm = model.rhythms.draw(rng, contexts, lambda rhythm: rhythm[:len(begun)] == begun)
            rhythm = rhythm or model.rhythms.draw(rng, contexts)
            rhythm = begun + tuple(position for position in rhythm if position > filled - 1e-3 and position not in begun)
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
    notes = {round(start, 3): (duration, height) for start, duration, height in motif}      # by their onset
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
                notes[start] = (np.inf, height)    # until the next note
            if notes[start][1] is None:
                return None
            heights.append(notes[start][1])
    ends = [*list(notes)[1:], bars * bar]
    return [(start, min(duration, after - start), height) for (start, (duration, height)), after in zip(notes.items(), ends)]


def next_height(rng, model, metre, place, position, heights, span):
    """Height of the note after some others, or None: all of them within `span` semitones."""
    low, high = min(heights, default=0), max(heights, default=0)
    contexts = pitch_contexts(place, strength(position, beat_length(metre)), tuple(heights[-3:]))
    return model.pitches.draw(rng, contexts, lambda height: max(high, height) - min(low, height) <= span)


@lru_cache(maxsize=4)
def _index(tunes):
    """Codes of all runs of some tunes, in order, and for each the number of its tune."""
    pairs = {(hash(run), number) for number, tune in enumerate(tunes) for run in runs_of(tune.notes, LIKE_RUN)}
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
