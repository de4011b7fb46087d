"""Tunes: what they are, where to find them, and the way from and to a music21 score.

The tunes in data/tunes come from three printed collections of traditional music in the music21 corpus
(see :mod:`noteninja_lib.music.corpus`); harmony is found by :mod:`noteninja_lib.music.harmony`, melody and
key of a score by :mod:`noteninja_lib.music.scores`.
"""

import difflib
import gzip
import json
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from noteninja_lib import data_folder
from noteninja_lib.errors import UserError
from noteninja_lib.music.harmony import CHORDS, COSTS, QUALITIES, bar_length, beat_length, harmonise
from noteninja_lib.music.scores import chords_from_symbols, exact, find_key, insert_by_beats, melody_notes

__all__ = ["CHORDS", "COLLECTIONS", "COSTS", "QUALITIES", "Tune", "bar_length", "beat_length", "find_tune",
           "harmonise", "load_tunes", "search_tunes", "to_stream", "tune_from_score"]

#: Short name of each collection -> what it is.
COLLECTIONS = {
    "ryan": "Ryan's Mammoth Collection, Boston 1883",
    "oneill": "O'Neill's Music of Ireland, Chicago 1903",
    "aird": "Aird's Selection of Scotch, English, Irish and Foreign Airs, Glasgow 1782-1803",
}

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
        Without gaps from 0 to `length`; quality is "maj", "min", "dom7" or "dim".
    length : float
        A whole number of bars. Each part of the tune stands once, with its last ending.
    family : str
        The same for all variants of one tune, within and across collections.
    split : {"train", "validation", "test"}
        A family lies in one split.
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
    def bar(self):
        """Quarter notes in a bar."""
        return bar_length(self.metre)

    @property
    def beat(self):
        """Quarter notes in a felt beat."""
        return beat_length(self.metre)

    @classmethod
    def _from_record(cls, record):
        # Thousands of tunes must load in a blink, so notes and chords stay text until someone reads them.
        tune = object.__new__(cls)
        tune.__dict__.update(record)
        tune.__dict__["_text"] = {key: tune.__dict__.pop(key) for key in ("notes", "chords")}
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
            record[key] = ",".join(" ".join(x if isinstance(x, str) else f"{x:.7g}" for x in event)
                                   for event in record[key])
        return record


_KINDS = (float, float, int, str)        # start, duration, pitch or root, quality


@lru_cache(maxsize=None)
def _all_tunes(folder):
    tunes = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            # One parse of one big array is faster than one parse a line.
            tunes += [Tune._from_record(record) for record in json.loads(f"[{','.join(file)}]")]
    if not tunes:
        raise UserError(f"There are no tunes in {folder}: get data/tunes from the repository again, "
                        "or set NOTENINJA_DATA to the data folder.")
    return tuple(tunes)


def load_tunes(split=None, collection=None):
    """All tunes of data/tunes, or those of one split or collection.

    Parameters
    ----------
    split : {"train", "validation", "test"}, optional
    collection : {"ryan", "oneill", "aird"}, optional

    Returns
    -------
    list of Tune
    """
    for value, allowed in ((split, ("train", "validation", "test")), (collection, tuple(COLLECTIONS))):
        if value is not None and value not in allowed:
            raise UserError(f"'{value}' is unknown: choose one of {', '.join(allowed)}.")
    return [tune for tune in _all_tunes(data_folder() / "tunes")
            if split in (None, tune.split) and collection in (None, tune.collection)]


def _words(text):
    return re.sub(r"[^a-z0-9]+", " ", text.lower().replace("'", "")).split()


def search_tunes(text):
    """Tunes whose name or title contains every word of `text`; capitals and apostrophes do not matter.

    Returns
    -------
    list of Tune
        Possibly empty.
    """
    words = _words(text)
    return [tune for tune in load_tunes()
            if all(word in tune.name or word in " ".join(_words(tune.title)) for word in words)]


def find_tune(name):
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


def tune_from_score(score, title=None):
    """A tune from any score with one clear melody, harmonised if the score has no chord symbols.

    Parameters
    ----------
    score : music21.stream.Stream
        The melody is taken from the part that lies highest; a chord gives its top note.
    title : str, optional

    Returns
    -------
    Tune
        Of collection "score", its own family, in the split "test".
    """
    from music21 import harmony, key, meter

    parts = list(getattr(score, "parts", [])) or [score]
    part = max(parts, key=lambda part: np.mean([pitch.midi for pitch in part.flatten().pitches] or [-1]))
    flat = part.flatten()
    time = flat.getElementsByClass(meter.TimeSignature).first()
    metre = time.ratioString if time else "4/4"
    bar = bar_length(metre)
    measures = list(part.getElementsByClass("Measure"))
    first = float(measures[0].highestTime) if len(measures) > 1 else bar
    pickup = first if first < bar - 1e-3 else 0.0
    symbols = [(float(symbol.offset) - pickup, symbol)
               for symbol in score.flatten().getElementsByClass(harmony.ChordSymbol)]
    elements = [(float(e.offset) - pickup, e) for e in flat.notesAndRests
                if not isinstance(e, harmony.ChordSymbol) and float(e.offset) >= pickup - 1e-6]
    notes = melody_notes(elements)
    if len(notes) < 4:
        raise UserError("The score has fewer than four notes after its pick-up: choose one with a melody.")
    length = float(np.ceil((notes[-1][0] + notes[-1][1]) / bar - 1e-3) * bar)
    signature = flat.getElementsByClass(key.KeySignature).first()
    tonic, mode = find_key(notes, part, signature)
    chords = chords_from_symbols(symbols, length) if symbols else harmonise(notes, tonic, mode, metre, length)
    title = title or getattr(score.metadata, "title", None) or "untitled"
    name = "score-" + ("-".join(_words(title.encode("ascii", "ignore").decode())) or "untitled")
    return Tune(name, title, "score", metre, tonic, mode, tuple(notes), chords, length, name, "test")


def to_stream(tune):
    """The tune as a music21 score with chord symbols, key and time signature.

    Returns
    -------
    music21.stream.Score
    """
    from music21 import harmony, key, metadata, meter, note, stream

    major = (tune.tonic - {"major": 0, "mixolydian": 7, "dorian": 2, "minor": 9}[tune.mode]) % 12
    scale = key.KeySignature((major * 7 + 5) % 12 - 5).asKey("major").pitches     # -5 to 6 sharps
    names = dict(enumerate(("C", "C#", "D", "E-", "E", "F", "F#", "G", "A-", "A", "B-", "B")))
    names.update({p.pitchClass: p.name for p in scale})
    part = stream.Part([meter.TimeSignature(tune.metre), key.Key(names[tune.tonic], tune.mode)])

    at = 0.0
    for start, duration, midi in [*tune.notes, (tune.length, 0.0, None)]:
        if start > at + 1e-3:
            insert_by_beats(part, at, note.Rest(quarterLength=exact(start - at)), tune.beat, tune.bar)
        if midi is not None:
            spelled = note.Note(names[midi % 12], octave=midi // 12 - 1)
            spelled.quarterLength = exact(duration)
            insert_by_beats(part, start, spelled, tune.beat, tune.bar)
        at = start + duration
    kinds = {"maj": "major", "min": "minor", "dom7": "dominant-seventh", "dim": "diminished"}
    for start, _, root, quality in tune.chords:
        part.insert(start, harmony.ChordSymbol(root=names[root], kind=kinds[quality]))
    score = stream.Score()
    score.metadata = metadata.Metadata(title=tune.title, composer=COLLECTIONS.get(tune.collection))
    score.insert(0, part.makeNotation())
    return score
