"""Tunes: what they are and are made of, where to find them, and the way from and to a music21 score.

The tunes in data/tunes come from three printed collections of traditional music in the music21 corpus
(see `data/make_tunes.py`); their harmony is found by :mod:`noteninja_lib.music.harmony`.
Lesson: 02_music_theory_with_music21.
"""

import difflib
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from noteninja_lib import data_folder
from noteninja_lib.errors import UserError
from noteninja_lib.music.harmony import (
    CHORDS,
    DEGREES,
    KINDS,
    MODES,
    QUALITIES,
    SCALES,
    Notes,
    bar_length,
    beat_length,
    harmonise,
    sharps,
)

if TYPE_CHECKING:
    import music21

#: Short name of each collection -> what it is.
COLLECTIONS = {
    "ryan": "Ryan's Mammoth Collection, Boston 1883",
    "oneill": "O'Neill's Music of Ireland, Chicago 1903",
    "aird": "Aird's Selection of Scotch, English, Irish and Foreign Airs, Glasgow 1782-1803",
}
REACH = 12  # semitones; `interval_shares` counts wider steps as this one
_KINDS = (float, float, int, str)  # start, duration, pitch or root, quality


@dataclass(frozen=True)
class Tune:
    """A melody with chords. Times are in quarter notes from the first full bar line; a pick-up is dropped.

    Attributes
    ----------
    name : str
        Unique, ASCII, such as "ryan-0123-the-devils-dream".
    title, collection : str
    metre : str
        Such as "4/4" or "6/8".
    tonic : int
        Pitch class 0-11.
    mode : {"major", "minor", "dorian", "mixolydian"}
    notes : tuple of (start, duration, midi_pitch)
    chords : tuple of (start, duration, root_pitch_class, quality)
        Without gaps from 0 to `length`; quality is a name in `harmony.QUALITIES`, in the collections "maj",
        "min", "dom7" or "dim".
    length : float
        A whole number of bars. Each part of the tune stands once, with its last ending.
    family : str
        Name of the near-duplicate group: the same for all variants of a tune, within and across collections.
    split : {"train", "validation", "test"}
        A near-duplicate group lies in one split.
    """

    name: str
    title: str
    collection: str
    metre: str
    tonic: int
    mode: str
    notes: tuple
    chords: tuple
    length: float
    family: str
    split: str

    @property
    def bar(self) -> float:
        """Quarter notes in a bar."""
        return bar_length(self.metre)

    @property
    def beat(self) -> float:
        """Quarter notes in a felt beat."""
        return beat_length(self.metre)

    @classmethod
    def _from_record(cls, record):
        # Thousands of tunes must load in a blink, so notes and chords stay text until someone reads them.
        tune = object.__new__(cls)
        tune.__dict__.update(record, _text={key: record.pop(key) for key in ("notes", "chords")})
        return tune

    def __getattr__(self, key):
        text = self.__dict__.get("_text", {}).get(key)
        if text is None:
            raise AttributeError(key)
        events = (event.split() for event in text.split(","))
        value = tuple(tuple(kind(word) for kind, word in zip(_KINDS, event)) for event in events)
        self.__dict__[key] = value
        return value

    def _to_record(self):
        record = {key: getattr(self, key) for key in self.__dataclass_fields__}
        for key in ("notes", "chords"):
            events = ((x if isinstance(x, str) else f"{x:.7g}" for x in event) for event in record[key])
            record[key] = ",".join(map(" ".join, events))
        return record


@cache
def _all_tunes(folder):
    tunes = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            # One parse of one big array is faster than one parse a line.
            tunes += map(Tune._from_record, json.loads(f"[{','.join(file)}]"))
    if not tunes:
        hint = "get data/tunes from the repository again, or set NOTENINJA_DATA to the data folder."
        raise UserError(f"There are no tunes in {folder}: {hint}")
    return tuple(tunes)


def load_tunes(split: str | None = None, collection: str | None = None) -> list[Tune]:
    """All tunes of data/tunes, or those of one split or collection.

    Parameters
    ----------
    split : {"train", "validation", "test"}, optional
    collection : {"ryan", "oneill", "aird"}, optional
    """
    for value, allowed in ((split, ("train", "validation", "test")), (collection, COLLECTIONS)):
        if value is not None and value not in allowed:
            raise UserError(f"'{value}' is unknown: choose one of {', '.join(allowed)}.")
    tunes = _all_tunes(data_folder() / "tunes")
    return [t for t in tunes if split in (None, t.split) and collection in (None, t.collection)]


def _words(text):
    return re.sub(r"[^a-z0-9]+", " ", text.lower().replace("'", "")).split()


def search_tunes(text: str) -> list[Tune]:
    """Tunes whose name or title contains every word of `text`; capitals and apostrophes do not matter."""
    texts = ((tune, f"{tune.name}\n{' '.join(_words(tune.title))}") for tune in load_tunes())
    words = _words(text)
    return [tune for tune, known in texts if all(word in known for word in words)]


def find_tune(name: str) -> Tune:
    """The one tune of this name, or the only one that matches it in part.

    Raises
    ------
    UserError
        When no tune or more than one matches; the message suggests some.
    """
    for tune in load_tunes():
        if tune.name == name:
            return tune
    matches = search_tunes(name) if _words(name) else []
    if len(matches) == 1:
        return matches[0]
    if matches:
        some = ", ".join(tune.name for tune in matches[:5])
        raise UserError(f"{len(matches)} tunes match '{name}': write more of the name, such as {some}.")
    titles = {" ".join(_words(tune.title)): tune.name for tune in load_tunes()}
    near = [titles[title] for title in difflib.get_close_matches(" ".join(_words(name)), titles, 3, 0.5)]
    hint = f"did you mean {' or '.join(near)}?" if near else "search the list for a word of its title."
    raise UserError(f"There is no tune '{name}': {hint}")


def tune_from_score(score: "music21.stream.Stream", title: str | None = None) -> Tune:
    """A tune from any score with one clear melody, harmonised if the score has no chord symbols.

    Parameters
    ----------
    score : music21.stream.Stream
        The melody is taken from the part that lies highest; a chord gives its top note.
    title : str, optional

    Returns
    -------
    Tune
        Of collection "score", a near-duplicate group of its own, in the split "test".
    """
    from music21 import harmony, key, meter

    parts = list(getattr(score, "parts", [])) or [score]
    part = max(parts, key=lambda part: np.mean([pitch.midi for pitch in part.flatten().pitches] or [-1]))
    flat = part.flatten()
    time = flat.getElementsByClass(meter.TimeSignature).first()
    metre = time.ratioString if time else "4/4"
    bar = bar_length(metre)
    pickup = pick_up(part, bar)
    symbols = score.flatten().getElementsByClass(harmony.ChordSymbol)
    symbols = [(float(s.offset) - pickup, s) for s in symbols if s.root() is not None]  # "N.C." has none
    elements = ((float(e.offset) - pickup, e) for e in flat.notesAndRests)
    notes = melody_notes(
        (at, e) for at, e in elements if at >= -1e-6 and not isinstance(e, harmony.ChordSymbol)
    )
    if len(notes) < 4:
        raise UserError("The score has fewer than four notes after its pick-up: choose one with a melody.")
    length = float(np.ceil((notes[-1][0] + notes[-1][1]) / bar - 1e-3) * bar)
    tonic, mode = find_key(notes, part, flat.getElementsByClass(key.KeySignature).first())
    chords = _chords_from(symbols, length) if symbols else harmonise(notes, tonic, mode, metre, length)
    title = title or getattr(score.metadata, "title", None) or "untitled"
    name = "score-" + ("-".join(_words(title.encode("ascii", "ignore").decode())) or "untitled")
    return Tune(name, title, "score", metre, tonic, mode, tuple(notes), chords, length, name, "test")


def pick_up(part: "music21.stream.Stream", bar: float) -> float:
    """Quarter notes before the first full bar of a part, whose bars have `bar` quarter notes."""
    measures = list(part.getElementsByClass("Measure"))
    first = float(measures[0].highestTime) if len(measures) > 1 else bar
    return first if first < bar - 1e-3 else 0.0


def to_stream(tune: Tune) -> "music21.stream.Score":
    """The tune as a music21 score with chord symbols, key and time signature."""
    from music21 import harmony, key, metadata, meter, note, stream

    names = spelling(tune)
    part = stream.Part([meter.TimeSignature(tune.metre), key.Key(names[tune.tonic], tune.mode)])

    at = 0.0
    for start, duration, midi in [*tune.notes, (tune.length, 0.0, None)]:
        if start > at + 1e-3:
            _insert_by_beats(part, at, note.Rest(quarterLength=exact(start - at)), tune.beat, tune.bar)
        if midi is not None:
            spelled = note.Note(names[midi % 12], octave=midi // 12 - 1, quarterLength=exact(duration))
            _insert_by_beats(part, start, spelled, tune.beat, tune.bar)
        at = start + duration
    notated = part.makeNotation()
    notated.makeAccidentals(
        inPlace=True, overrideStatus=True
    )  # a tie makes music21 believe that it has done so
    for start, _, root, quality in tune.chords:  # later, since their tones would count as notes of the bar
        number, place = divmod(start + 1e-6, tune.bar)
        symbol = harmony.ChordSymbol(root=names[root], kind=KINDS[quality])
        notated.measure(int(number) + 1).insert(round(place, 4), symbol)
    score = stream.Score()
    score.metadata = metadata.Metadata(title=tune.title, composer=COLLECTIONS.get(tune.collection))
    score.insert(0, notated)
    return score


def spelling(tune: Tune) -> dict[int, str]:
    """What a tune's key calls each pitch class, as music21 writes it: E- is E flat."""
    from music21 import key

    names = dict(enumerate("C C# D E- E F F# G A- A B- B".split()))  # those that the key does not spell
    scale = key.KeySignature(sharps(tune.tonic, tune.mode)).asKey("major").pitches
    return names | {pitch.pitchClass: pitch.name for pitch in scale}


def melody_notes(elements: "Iterable[tuple[float, music21.note.GeneralNote]]") -> Notes:
    """Notes of a melody line from music21 notes, chords and rests; ties are joined.

    Parameters
    ----------
    elements : iterable of (offset, music21.note.GeneralNote)
        Offsets in quarter notes. A chord gives its top note; grace notes are left out; where notes
        overlap, the higher one stays, cut where the next begins.

    Returns
    -------
    list of (start, duration, midi_pitch)
        Rounded to 4 digits.
    """
    notes, tied = [], False
    for offset, element in sorted(elements, key=lambda pair: pair[0]):
        start, duration = float(offset), float(element.quarterLength)
        if element.isRest or duration <= 0 or not getattr(element, "pitches", None):
            tied = tied and not element.isRest
            continue
        pitch = max(p.midi for p in element.pitches)
        if notes and start - notes[-1][0] < 1e-3:  # two voices at once: keep the higher
            if pitch > notes[-1][2]:
                notes[-1][1:] = duration, pitch
            continue
        if notes and notes[-1][0] + notes[-1][1] > start + 1e-3:
            notes[-1][1] = start - notes[-1][0]
        if tied and notes[-1][2] == pitch and abs(notes[-1][0] + notes[-1][1] - start) < 1e-3:
            notes[-1][1] += duration
        else:
            notes.append([start, duration, pitch])
        tied = element.tie is not None and element.tie.type in ("start", "continue")
    return [(round(start, 4), round(duration, 4), int(pitch)) for start, duration, pitch in notes]


def find_key(
    notes: Notes, stream: "music21.stream.Stream", signature: "music21.key.KeySignature | None" = None
) -> tuple[int, str]:
    """Tonic and mode from the key signature, music21's key analysis and the last note.

    A key signature leaves four usual tonics open (two flats: B flat major, C dorian, F mixolydian, G minor).
    Each is rated by the Krumhansl-Schmuckler correlation that music21 finds for it, by the tune's last note
    and by what the score itself calls the key.

    Parameters
    ----------
    notes : sequence of (start, duration, midi_pitch)
    stream : music21.stream.Stream
        What music21 analyses.
    signature : music21.key.KeySignature, optional
        If there is none, all 24 keys are candidates.

    References
    ----------
    Krumhansl, C. (1990). Cognitive Foundations of Musical Pitch, chapter 4.
    """
    analysis = stream.analyze("key")
    keys = [analysis, *analysis.alternateInterpretations]
    fit = {(k.tonic.pitchClass, k.mode): k.correlationCoefficient for k in keys}
    if signature is None:
        candidates = list(fit)
    else:
        candidates = [((signature.sharps * 7 + step) % 12, mode) for mode, step in MODES.items()]
    tonic, mode = getattr(signature, "tonic", None), getattr(signature, "mode", None)
    named = tonic and (tonic.pitchClass, mode)
    last, minor = notes[-1][2] % 12, ("minor", "dorian")

    def rating(candidate):
        tonic, mode = candidate
        third = "minor" if mode in minor else "major"
        said = 1.0 if mode in ("dorian", "mixolydian") else 0.25  # nobody names such a mode by chance
        return fit.get((tonic, third), 0) + 0.25 * (tonic == last) + said * (candidate == named)

    tonic, mode = max(candidates, key=rating)
    weights = np.zeros(12)
    for _, duration, pitch in notes:
        weights[(pitch - tonic) % 12] += duration
    # Accidentals may say more than the signature: D major with every C natural is D mixolydian.
    modes = minor if mode in minor else ("major", "mixolydian")
    outside = {m: 1 - weights[list(SCALES[m])].sum() / weights.sum() - 0.03 * (m == mode) for m in modes}
    return int(tonic), min(outside, key=lambda mode: outside[mode])


def _chords_from(symbols, length):
    """Chord symbols as (start, duration, root, quality); the first one reaches back to 0."""
    starts = [0.0] + [min(max(offset, 0.0), length) for offset, _ in symbols[1:]] + [length]
    chords = []
    for (_, symbol), start, end in zip(symbols, starts, starts[1:]):
        root = symbol.root().pitchClass
        tones = {(pitch.pitchClass - root) % 12 for pitch in symbol.pitches}
        fits = {name: len(tones & set(own)) - len(set(own) - tones) for name, own in QUALITIES.items()}
        quality = max(fits, key=lambda name: fits[name])  # ninths and beyond count as sevenths
        if end > start:
            chords.append((round(start, 4), round(end - start, 4), root, quality))
    return tuple(chords)


def exact(quarters: float) -> Fraction:
    """Quarter notes as a fraction: a third of a beat is stored as 0.3333, and music21 wants 1/3."""
    return Fraction(quarters).limit_denominator(48)


def _insert_by_beats(part, start, element, beat, bar):
    """Put a note or rest into a part, tied over bar lines, and over beats if it begins or ends inside one.

    In simple time half a beat may be syncopated without a tie; in compound time (a beat of 1.5) nothing.
    """
    start, beat, bar = exact(start), exact(beat), exact(bar)
    end, unit = start + element.quarterLength, beat if beat == 1.5 else beat / 2
    edges = {bar * number for number in range(int(start // bar) + 1, int(-(-end // bar)))}
    if start % unit or end % unit:
        inner = (beat * (start // beat + 1), beat * (-(-end // beat) - 1))
        edges |= {edge for edge in inner if start < edge < end}
    edges = [start, *sorted(edges), end]
    lengths = [after - before for before, after in zip(edges, edges[1:])]
    pieces = element.splitByQuarterLengths(lengths) if lengths[1:] else [element]
    for edge, piece in zip(edges, pieces):
        part.insert(edge, piece)


def roman_numerals(tune: Tune) -> list[str]:
    """The chords of a tune, named by their place in its key.

    Returns
    -------
    list of str
        One for each of `tune.chords`: "I", "V7", "vi"; V7/x is the dominant seventh of x. A chord that is not
        in `CHORDS` is counted from the scale, in small letters if its third is minor: "bII", "#ivo".
    """
    known = {(degree, quality): numeral for numeral, (degree, quality, _) in CHORDS[tune.mode].items()}
    numerals = []
    for _, _, root, quality in tune.chords:
        degree = (root - tune.tonic) % 12
        numeral = DEGREES[tune.mode][degree]
        outside = numeral.lower() if quality in ("min", "dim") else numeral
        outside += {"dom7": "7", "dim": "o"}.get(quality, "")
        numerals.append(known.get((degree, quality), outside))
    return numerals


def contour(notes: Notes, length: float, points: int = 32) -> np.ndarray:
    """The melodic line at equally spaced points: what sounds there, or sounded last.

    Parameters
    ----------
    notes : sequence of (start, duration, midi_pitch)
    length : float
        In the unit of the starts.
    points : int

    Returns
    -------
    ndarray, shape (points,)
        Semitones above the mean of the line.
    """
    starts, _, pitches = np.array(notes, float).T
    times = (np.arange(points) + 0.5) / points * length
    line = pitches[np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)]
    return line - line.mean()


def mean_contour(tunes: Iterable[Tune], bars: int = 4, points: int = 32) -> np.ndarray:
    """The mean of the contours of all phrases of some tunes.

    Parameters
    ----------
    tunes : iterable of Tune
    bars : int
        Length of a phrase; counted from the first bar.
    points : int

    Returns
    -------
    ndarray, shape (points,)
        Semitones above the mean of the phrase.
    """
    lines = []
    for tune in tunes:
        long = bars * tune.bar
        for begin in np.arange(0, tune.length - long + 1e-6, long):
            phrase = [(start - begin, *rest) for start, *rest in tune.notes if begin <= start < begin + long]
            if phrase:
                lines.append(contour(phrase, long, points))
    return np.mean(lines, axis=0)


def interval_shares(tunes: Iterable[Tune]) -> dict[int, float]:
    """Share of each melodic step, from -12 semitones (an octave down, or more) to 12; the shares sum to 1."""
    counts = Counter()
    for tune in tunes:
        counts.update(np.diff([pitch for _, _, pitch in tune.notes]).clip(-REACH, REACH).tolist())
    return {step: counts[step] / max(counts.total(), 1) for step in range(-REACH, REACH + 1)}


def length_shares(tunes: Iterable[Tune]) -> dict[float, float]:
    """Share of each length of notes, in felt beats and in order; the shares sum to 1."""
    counts = Counter(round(duration / tune.beat, 2) for tune in tunes for _, duration, _ in tune.notes)
    return {length: counts[length] / counts.total() for length in sorted(counts)}


def difference(shares: dict, others: dict) -> float:
    """How far two tables of shares are apart: 0 if they are the same, 1 if they have nothing in common.

    It is half the sum of the absolute differences, the total variation distance.
    """
    return sum(abs(shares.get(name, 0) - others.get(name, 0)) for name in {*shares, *others}) / 2
