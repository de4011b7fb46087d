"""Inventing: a new tune from a seed, or from a few notes that somebody gives.

A small model counts what follows what in the tunes of the books. A tune is drawn in two steps: first the
rhythm, bar after bar, then a pitch for each note. Both come from counts of what followed in similar places:
after the same notes before, at the same place in the bar, in the same bar of a phrase. A long context says
much and was seldom seen; so the draw backs off, from long contexts to short ones, as far as need be (Witten
and Bell 1991, doi 10.1109/18.87000; for melodies Conklin and Witten 1995, doi 10.1080/09298219508570672). The
form says what comes back: phrases return with another ending, and the whole ends on its tonic. A tune that
shares too long a run of notes with a book is drawn anew.
Lesson: 08_latent_interpolation.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import UserError
from noteninja_lib.music.harmony import CHORDS, Notes, bar_length, beat_length, harmonise
from noteninja_lib.music.tunes import Tune, load_tunes

METRES = ("2/4", "4/4", "2/2", "3/4", "6/8", "9/8")  # of which there are a hundred tunes at least
PERIOD, CLOSE = 8, 8  # bars after which a form begins anew; the number that the last bar of all has instead
CAUTION = 1.0  # how often for each different thing that followed it a context must be seen to be half trusted
FORMS = ("aaba", "abab", "abac")  # of four phrases; a longer tune goes on with phrases of other letters
RANGE = 18  # semitones from the lowest note to the highest: an octave and a half
CENTRES = range(67, 76)  # MIDI pitches one of which becomes the middle of the melody
KNOWN_RUN = 12  # notes at most as in a book: half of the tunes set aside for tests have a longer run
LIKE_RUN = 8  # notes in a run that makes two tunes alike
BARS, TRIES = (4, 64), 100


class Contexts:
    """What followed each context, and how often."""

    def __init__(self) -> None:
        self.followed = defaultdict(Counter)

    def learn(self, contexts: Iterable[tuple], value: Any) -> None:
        """Count a value that stands after these contexts."""
        for context in contexts:
            self.followed[context][value] += 1

    def draw(
        self, rng: np.random.Generator, contexts: Iterable[tuple], allowed: Callable = lambda _: True
    ) -> Any:
        """A value that may follow, or None.

        Parameters
        ----------
        rng : numpy.random.Generator
        contexts : iterable of tuple
            From the longest to the shortest.
        allowed : callable
            Says of a value whether it may be drawn.
        """
        last = None
        for context in contexts:
            followed = self.followed.get(context, {})
            values = [value for value in followed if allowed(value)]
            if not values:
                continue
            weights = np.array([followed[value] for value in values], float)
            last = values[rng.choice(len(values), p=weights / weights.sum())]
            if rng.random() < weights.sum() / (weights.sum() + CAUTION * len(values)):
                return last
        return last


@dataclass(frozen=True)
class TuneModel:
    """What follows what: the rhythms of bars (tuples of onsets), and heights in semitones above the tonic."""

    rhythms: Contexts
    pitches: Contexts


def _form_place(bar, bars):
    """Where a bar stands in the form: its number in its eight bars, or `CLOSE` for the last bar of all."""
    return CLOSE if bar == bars - 1 else bar % PERIOD


def _metric_weight(position, beat):
    """Weight of a place in the bar: 2 on the bar line, 1 on another beat, 0 between beats."""
    return 2 if position < 1e-3 else int(abs(position / beat - round(position / beat)) < 1e-3)


def _home(notes, tonic):
    """The tonic (MIDI pitch) in or just below the middle of some notes, from which heights are counted."""
    middle = int(np.median([pitch for _, _, pitch in notes]))
    return middle - (middle - tonic) % 12


def _rhythm_contexts(place, before):
    """Contexts of a bar's rhythm: its place, and the bars before it (tuples of onsets, the latest last)."""
    two, one = before[-2:], before[-1:]
    return ("both", place, *two), ("one", place, *one), ("one", *one), ("place", place), ("any",)


def _pitch_contexts(place, weight, before):
    """Contexts of a pitch: its bar's place in the form, its weight in the bar, and the heights before it."""
    for name, heights in (("three", before[-3:]), ("two", before[-2:]), ("one", before[-1:])):
        yield "form", place, weight, *heights
        yield name, weight, *heights
    yield "any", weight


def _bars_of(notes, bar, bars):
    """Onsets in each bar, as one tuple of positions in quarter notes a bar."""
    found = [[] for _ in range(bars)]
    for start, _, _ in notes:
        number = int(start / bar + 1e-3)
        if number < bars:
            found[number].append(round(max(start - number * bar, 0.0), 3))
    return [tuple(one) for one in found]


def learn_rhythms(tunes: Iterable[Tune]) -> Contexts:
    """Count the rhythms of bars in tunes of one metre."""
    counts = Contexts()
    for tune in tunes:
        bars = round(tune.length / tune.bar)
        rhythms = _bars_of(tune.notes, tune.bar, bars)
        for number, rhythm in enumerate(rhythms):
            if rhythm and rhythm[0] == 0:  # without syncopation over the bar line, any bar fits any other
                before = rhythms[max(number - 2, 0) : number]
                counts.learn(_rhythm_contexts(_form_place(number, bars), before), rhythm)
    return counts


def learn_pitches(tunes: Iterable[Tune]) -> Contexts:
    """Count the heights of notes in tunes of one mode."""
    counts = Contexts()
    for tune in tunes:
        bars, bar, beat = round(tune.length / tune.bar), tune.bar, tune.beat
        home = _home(tune.notes, tune.tonic)
        heights = tuple(pitch - home for _, _, pitch in tune.notes)
        for index, (start, _, _) in enumerate(tune.notes):
            number = int(start / bar + 1e-3)
            weight, before = _metric_weight(start - number * bar, beat), heights[max(index - 3, 0) : index]
            counts.learn(_pitch_contexts(_form_place(number, bars), weight, before), heights[index])
    return counts


@cache
def _book_rhythms(metre):
    return learn_rhythms(tune for tune in load_tunes("train") if tune.metre == metre)


@cache
def _book_pitches(mode, beat):
    """From tunes of the mode in all metres whose beats have as many parts."""
    return learn_pitches(tune for tune in load_tunes("train") if tune.mode == mode and tune.beat == beat)


def invent(
    seed: int,
    *,
    bars: int = 16,
    metre: str = "4/4",
    mode: str | None = None,
    motif: Tune | Notes | None = None,
    model: TuneModel | None = None,
) -> Tune:
    """A tune that nobody wrote, with chords.

    Parameters
    ----------
    seed : int
        The same seed gives the same tune.
    bars : int
        Even, 4 to 64.
    metre : str
        One of `METRES`.
    mode : {"major", "minor", "dorian", "mixolydian"}, optional
        Drawn if not given (as often as in the books), or heard in the motif.
    motif : Tune or sequence of (start, duration, midi_pitch), optional
        Notes, in quarter notes from the first bar line, with which the tune begins and to which it comes
        back. One at a time; they may fill half of the tune.
    model : TuneModel, optional
        By default the training tunes of this metre and mode.

    Returns
    -------
    Tune
        Of the collection and split "invented".

    Raises
    ------
    UserError
        If an argument is out of range, or no new tune comes of the motif.
    """
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise UserError(f"A seed is a whole number from 0, not {seed}.")
    fewest, most = BARS
    if not (isinstance(bars, (int, np.integer)) and fewest <= bars <= most and bars % 2 == 0):
        raise UserError(f"The number of bars must be even and lie between {fewest} and {most}, not {bars}.")
    if metre not in METRES:
        raise UserError(f"There is no model of tunes in {metre}: choose a metre of {', '.join(METRES)}.")
    if mode is not None and mode not in CHORDS:
        raise UserError(f"'{mode}' is no known mode: choose one of {', '.join(CHORDS)}.")
    length = bars * bar_length(metre)
    given = _check_motif(motif, length)
    rng = np.random.default_rng(seed)
    tonic, mode = _key(motif, given, mode, rng)
    model = model or TuneModel(_book_rhythms(metre), _book_pitches(mode, beat_length(metre)))
    home = _home(given, tonic) if given else 0
    begin = [(start, duration, pitch - home) for start, duration, pitch in given]
    known = known_runs() - set(runs_of(given, KNOWN_RUN + 1)) if given else known_runs()
    for _ in range(TRIES):
        notes = _draw_tune(rng, model, metre, bars, begin)
        if notes and _comes_home(notes, metre) and known.isdisjoint(runs_of(notes, KNOWN_RUN + 1)):
            break
    else:
        hint = "give fewer of them, or choose another seed or metre."
        raise UserError(f"No new tune came of these notes: {hint}")
    if not given:
        heights = [height for _, _, height in notes]
        home = int(rng.choice(CENTRES)) - (min(heights) + max(heights)) // 2
        tonic = home % 12
    new = [(round(start, 4), round(lasts, 4), height + home) for start, lasts, height in notes[len(given) :]]
    notes, name = (*given, *new), f"invented-{seed}-{metre.replace('/', '-')}-{mode}"
    title, chords = f"Invention {seed}", harmonise(notes, tonic, mode, metre, length)
    return Tune(name, title, "invented", metre, tonic, mode, notes, chords, length, name, "invented")


def _check_motif(motif, length):
    """The notes of a motif, in order; empty if there is none."""
    try:
        given = getattr(motif, "notes", motif) or ()
        notes = sorted((float(start), float(duration), int(pitch)) for start, duration, pitch in given)
    except (TypeError, ValueError) as problem:
        raise UserError("The notes given must be triples of start, duration and MIDI pitch.") from problem
    if any(start < 0 or duration <= 0 or not 36 <= pitch <= 96 for start, duration, pitch in notes):
        allowed = "start at 0 or later, last longer than 0, and lie between MIDI pitches 36 and 96."
        raise UserError(f"The notes given must {allowed}")
    if any(before[0] + before[1] > after[0] + 1e-3 for before, after in zip(notes, notes[1:])):
        raise UserError("Two of the notes given sound at once: give one note at a time.")
    if notes and notes[-1][0] + notes[-1][1] > length / 2 + 1e-3:
        hint = "ask for more bars, or give fewer notes."
        raise UserError(f"The notes given are longer than half of the tune: {hint}")
    return notes


def _key(motif, given, mode, rng):
    """Tonic and mode of the motif; or a mode as often as in the books (the tonic follows with the tune)."""
    if isinstance(motif, Tune):
        return motif.tonic, mode or motif.mode
    if given:
        from noteninja_lib.music.transcription import key_of_notes  # loads music21

        tonic, found = key_of_notes([Note(start, start + lasts, pitch, 90) for start, lasts, pitch in given])
        return tonic, mode or found
    return 0, mode or str(rng.choice([tune.mode for tune in load_tunes("train")]))


def _comes_home(notes, metre):
    """Whether a tune ends on its tonic (height 0, or an octave off), on a beat, and for a beat or longer."""
    start, duration, height = notes[-1]
    bar, beat = bar_length(metre), beat_length(metre)
    return height % 12 == 0 and _metric_weight(start % bar, beat) > 0 and duration > beat - 1e-3


def _lay_out(rng, bars, motif_bars):
    """For each bar the bar that it repeats, or None where something new comes.

    Phrases have four bars, in short tunes two, and more where the motif needs them; one that returns keeps
    its first half, and all of the motif, and ends anew.
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


def _draw_rhythm(rng, model, bar, repeats, motif, end):
    """Onsets in each bar, in quarter notes from its bar line (list of tuple); up to `end` the motif's own."""
    rhythms, given = [], _bars_of(motif, bar, len(repeats))
    for number, (first, begun) in enumerate(zip(repeats, given)):
        filled = end - number * bar  # so much of this bar belongs to the motif
        if first is not None:
            rhythm = rhythms[first]
        elif filled > bar - 1e-3:
            rhythm = begun
        else:
            contexts = _rhythm_contexts(_form_place(number, len(repeats)), rhythms)
            rhythm = model.rhythms.draw(rng, contexts, lambda rhythm: rhythm[: len(begun)] == begun)
            rhythm = rhythm or model.rhythms.draw(rng, contexts)
            rhythm = begun + tuple(at for at in rhythm if at > filled - 1e-3 and at not in begun)
        rhythms.append(rhythm)
    return rhythms


def _draw_tune(rng, model, metre, bars, motif):
    """Draw a tune: the rhythm of each bar, then the height of each note, all within a range.

    Returns a list of (start, duration, height), in quarter notes and semitones above the tonic, as the motif
    has them; None if no note fits somewhere.
    """
    bar, end = bar_length(metre), motif[-1][0] + motif[-1][1] if motif else 0.0
    repeats = _lay_out(rng, bars, int(np.ceil(end / bar - 1e-3)))
    notes = {round(start, 3): (duration, height) for start, duration, height in motif}  # by their onset
    heights = [height for _, _, height in motif]
    span = max(RANGE, int(np.ptp(heights)) if heights else 0)
    for number, rhythm in enumerate(_draw_rhythm(rng, model, bar, repeats, motif, end)):
        for position in rhythm:
            start = round(number * bar + position, 3)
            if start in notes:
                continue
            if repeats[number] is not None:
                notes[start] = notes[round(repeats[number] * bar + position, 3)]
            else:
                weight = _metric_weight(position, beat_length(metre))
                contexts = _pitch_contexts(_form_place(number, bars), weight, tuple(heights[-3:]))
                low, high = min(heights, default=0), max(heights, default=0)
                height = model.pitches.draw(rng, contexts, lambda new: max(high, new) - min(low, new) <= span)
                notes[start] = (np.inf, height)  # until the next note
            if notes[start][1] is None:
                return None
            heights.append(notes[start][1])
    starts = [*notes, bars * bar]
    lasting = zip(starts, starts[1:], notes.values())
    return [(start, min(lasts, after - start), height) for start, after, (lasts, height) in lasting]


def runs_of(notes: Notes, length: int) -> list[bytes]:
    """All runs of so many successive notes, as the steps between them in semitones: the same in any key."""
    steps = np.diff([pitch for _, _, pitch in notes]).astype(np.int8)
    return [steps[i : i + length - 1].tobytes() for i in range(len(steps) - length + 2)]


@lru_cache(maxsize=1)
def known_runs() -> frozenset[bytes]:
    """All runs in the training tunes that are too long to be invented by chance."""
    return frozenset(run for tune in load_tunes("train") for run in runs_of(tune.notes, KNOWN_RUN + 1))


@lru_cache(maxsize=4)
def _index(tunes):
    """Codes of all runs of some tunes, in order, and for each the number of its tune."""
    pairs = {(hash(run), number) for number, t in enumerate(tunes) for run in runs_of(t.notes, LIKE_RUN)}
    codes, owners = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    return codes, owners


def nearest_tune(tune: Tune, tunes: Sequence[Tune]) -> tuple[Tune, float]:
    """The most similar one of some tunes, in any key.

    Returns
    -------
    (Tune, float)
        The tune, and how alike it is: the share of `tune`'s notes in runs of eight or more notes that it has
        too, with the same steps between them. 0 if no tune shares such a run; then it is any of them.
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
