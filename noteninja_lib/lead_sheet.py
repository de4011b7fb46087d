"""The lead sheet between hearing and playing: a tune with chords that can be seen, corrected, and played.

`hear_lead` writes down what was heard in a song, `LeadSheet.save` and `read_lead` are the way into files and
back, and `rewritten` makes a song play what a corrected sheet, another key or other chords say. Lesson: 02.
"""

import json
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import Notice, UserError, check_range, write_whole
from noteninja_lib.models.classifiers import RECOGNISED, recognise_chords
from noteninja_lib.music.beats import FRAME_RATE, other_tempi
from noteninja_lib.music.harmony import (
    CHORDS,
    MODES,
    NOTE_NAMES,
    QUALITIES,
    bar_length,
    beat_length,
    cheapest_path,
    chord_name,
)
from noteninja_lib.music.piano_roll import PianoRoll, edited
from noteninja_lib.music.reharmonisation import (
    Span,
    in_mode,
    name_of_chord,
    read_chords,
    read_key,
    reharmonised,
    step_in_mode,
    transposed,
)
from noteninja_lib.music.tunes import Tune
from noteninja_lib.source import FEWEST, Source, octave_of, passages, with_tune

KINDS = (".json", ".musicxml", ".mid", ".abc")
#: Prices of another chord on a bar line, in the middle of a bar, on another beat; as -log probabilities.
CHANGES = (0.1, 0.3, 1.0)
STRANGE = 2.0  # the price of a chord that does not belong to a key
#: How much Krumhansl's profiles, the tonic's chord, and the tonic as last note count beside these prices.
PROFILES, AT_HOME, LAST = 3.0, 2.0, 0.2
DOUBTFUL = 0.6  # of how sure a note or a chord is: below, it is marked
SECTION = 8  # bars in a section of the form
ALIKE = 0.8  # likeness from which on two sections are one
LONGEST = 100_000.0  # quarter notes of a tune
MOST = 1.0  # seconds by which two hearings of one recording may differ in length
NEAR = 0.05  # seconds within which a note is the same one
#: How sure a note is, as a logistic regression: constant; its onset, and its sound on average, 0 to 1.
SURE = (-8.1, 8.4, 5.9)
SURE_CHORD = (0.6, 0.75)  # the same of a chord: constant; log odds of its likelihood


@dataclass(frozen=True)
class LeadSheet:
    """A tune with chords, and when its beats sound.

    Attributes
    ----------
    tune : Tune
        In quarter notes from the first bar line; its chords may be any of `QUALITIES`.
    beats : tuple of float
        Seconds at which the felt beats fall, from the first bar line (at 0 or before) to the end.
    times : tuple of (float, float)
        Seconds between which each note of the tune was heard; a note that was put in later has its beats'.
    sure : tuple of float
        How likely each note is right, 0 to 1.
    sure_chords : tuple of float
        The same of the chords.
    form : str
        A letter for each section of eight bars: sections with one letter are alike.
    other_tempi : tuple of float
        Beats a minute that are nearly as likely as those that were heard, such as twice as many.
    """

    tune: Tune
    beats: tuple[float, ...]
    times: tuple[tuple[float, float], ...]
    sure: tuple[float, ...]
    sure_chords: tuple[float, ...]
    form: str = ""
    other_tempi: tuple[float, ...] = ()

    @property
    def tempo(self) -> float:
        """Felt beats a minute."""
        return 60 * (len(self.beats) - 1) / (self.beats[-1] - self.beats[0])

    def seconds(self, quarters: Any) -> Any:
        """When places in quarter notes sound; before and after the beats, they go on."""
        numbers, step = np.asarray(quarters) / self.tune.beat, 60 / self.tempo
        inside = np.interp(numbers, np.arange(len(self.beats)), self.beats)
        last = len(self.beats) - 1
        return inside + (np.minimum(numbers, 0) + np.maximum(numbers - last, 0)) * step

    def notes(self) -> list[Note]:
        """The notes as they sound."""
        return [Note(*time, pitch, 90) for time, (_, _, pitch) in zip(self.times, self.tune.notes)]

    def chords(self) -> list[Span]:
        """The chords in seconds: (start, end, root, quality)."""
        return [
            (*map(float, self.seconds((start, start + lasts))), root, quality)
            for start, lasts, root, quality in self.tune.chords
        ]

    def doubtful_bars(self) -> list[int]:
        """Numbers, from 1, of bars in which a note or a chord is doubtful."""
        pairs = [*zip(self.tune.notes, self.sure), *zip(self.tune.chords, self.sure_chords)]
        return sorted({int(one[0] // self.tune.bar) + 1 for one, sure in pairs if sure < DOUBTFUL})

    def __str__(self) -> str:
        key = f"{NOTE_NAMES[self.tune.tonic]} {self.tune.mode}"
        bars = round(self.tune.length / self.tune.bar)
        told = f"{key}, {self.tune.metre}, {self.tempo:.0f} beats a minute"
        perhaps = " or ".join(f"{tempo:.0f}" for tempo in self.other_tempi)
        told += (f" (perhaps {perhaps})" if perhaps else "") + f", {bars} bars"
        told += f", form {self.form}" if len(self.form) > 1 else ""
        chords = " ".join(dict.fromkeys(chord_name(*chord[2:]) for chord in self.tune.chords))
        doubtful = self.doubtful_bars()
        doubts = ("bars " if len(doubtful) > 1 else "bar ") + ", ".join(map(str, doubtful[:12]))
        return f"{told}; chords {chords}" + (f"; doubtful: {doubts}" if doubtful else "")

    def to_record(self) -> dict:
        """All of it, for JSON; `from_record` reads it."""
        record = asdict(self)
        tune = {name: record["tune"][name] for name in SHOWN}
        return {"lead_sheet": 1, **record, "tune": tune}

    @classmethod
    def from_record(cls, record: dict) -> "LeadSheet":
        """The sheet of `to_record`; a UserError where it is none."""
        try:
            given = {name: record[name] for name in cls.__dataclass_fields__ if name != "other_tempi"}
            other_tempi = tuple(map(float, record.get("other_tempi", ())))
            tune = {name: given["tune"][name] for name in SHOWN}
            for name, kinds in (("notes", (float, float, int)), ("chords", (float, float, int, str))):
                tune[name] = tuple(
                    tuple(kind(x) for kind, x in zip(kinds, one, strict=True)) for one in tune[name]
                )
            whole = Tune(name="heard", collection="heard", family="heard", split="test", **tune)
            beats = tuple(map(float, given["beats"]))
            times = tuple((float(start), float(end)) for start, end in given["times"])
            sure, sure_chords = (tuple(map(float, given[name])) for name in ("sure", "sure_chords"))
            sheet = cls(whole, beats, times, sure, sure_chords, str(given["form"]), other_tempi)
            sheet.check()
            return sheet
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as problem:
            raise UserError(
                "This is no lead sheet: make one with `noteninja hear SONG -o lead.json`."
            ) from problem

    def check(self) -> None:
        """Raise a ValueError where it does not fit together."""
        tune = self.tune
        lengths = (
            len(self.times) == len(self.sure) == len(tune.notes),
            len(self.sure_chords) == len(tune.chords),
        )
        known = tune.mode in MODES and all(0 <= pitch < 128 for _, _, pitch in tune.notes)
        known = known and all(quality in QUALITIES and 0 <= root < 12 for _, _, root, quality in tune.chords)
        upper, lower = map(int, tune.metre.split("/"))
        known = known and 0 < upper <= 32 and lower in (1, 2, 4, 8, 16, 32) and 0 < tune.length <= LONGEST
        known = known and isinstance(tune.title, str) and isinstance(tune.tonic, int)
        rising = len(self.beats) > 1 and bool((np.diff(self.beats) > 0).all())
        rising = rising and all(one[0] >= 0 < one[1] for one in (*tune.notes, *tune.chords))
        rising = rising and all(start < end for start, end in self.times)
        events = [one[:2] for one in (*tune.notes, *tune.chords)]
        numbers = [self.beats, self.times, events, self.sure, self.sure_chords, tune.length]
        numbers = np.concatenate([np.ravel(one) for one in (*numbers, bar_length(tune.metre))])
        if not (all(lengths) and known and rising and np.isfinite(numbers).all() and 0 <= tune.tonic < 12):
            raise ValueError

    def with_tune(self, tune: Tune) -> "LeadSheet":
        """The sheet with another tune, such as a corrected one; what is as it was heard sounds as it did."""
        heard = {
            (round(12 * start), pitch): number for number, (start, _, pitch) in enumerate(self.tune.notes)
        }
        places = tune.beat * np.arange(round(tune.length / tune.beat) + 1)
        beats = tuple(self.seconds(places).round(4).tolist())  # a quarter note lasts as long as it did
        sheet, times, sure = replace(self, tune=tune, beats=beats), [], []
        for start, lasts, pitch in tune.notes:
            number = heard.get((round(12 * start), pitch))
            known = number is not None and abs(self.tune.notes[number][1] - lasts) < 0.1
            begin, end = map(float, sheet.seconds((start, start + lasts)))
            if number is not None:
                begin, end = self.times[number][0], self.times[number][1] if known else max(end, begin + 0.05)
            times.append((begin, end))
            sure.append(self.sure[number] if known else 1.0)
        before = {chord: sure for chord, sure in zip(self.tune.chords, self.sure_chords)}
        chords = tuple(before.get(chord, 1.0) for chord in tune.chords)
        return replace(sheet, times=tuple(times), sure=tuple(sure), sure_chords=chords)

    def with_chord(self, number: int, text: str) -> "LeadSheet":
        """The sheet with another chord in the place of one, such as "Am7"."""
        chord = name_of_chord(text)
        if chord is None:
            raise UserError("A lead sheet's chord has a name: write such as Am7 or G.")
        chords, sure = list(self.tune.chords), list(self.sure_chords)
        chords[number], sure[number] = (*chords[number][:2], *chord), 1.0
        return replace(self, tune=replace(self.tune, chords=tuple(chords)), sure_chords=tuple(sure))

    def with_bars(self, metre: str, later: int = 0) -> "LeadSheet":
        """The sheet in another metre, its bar lines some felt beats later, or earlier below 0."""
        tune, bar = _scaled(self.tune, beat_length(metre) / self.tune.beat), bar_length(metre)
        beat = beat_length(metre)
        shift = (-later * beat) % bar  # what stands before the first bar line gets a bar of its own
        early, step = round(shift / beat), 60 / self.tempo
        notes = tuple((round(start + shift, 4), *rest) for start, *rest in tune.notes)
        length = float(bar * np.ceil((tune.length + shift) / bar - 1e-6))
        chords = [
            (start + shift if start else 0.0, lasts + (0 if start else shift), *chord)
            for start, lasts, *chord in tune.chords
        ]
        last = chords[-1]
        chords[-1] = (last[0], length - last[0], *last[2:])
        beats = np.concatenate([self.beats[0] - step * np.arange(early, 0, -1), self.beats])
        beats = np.append(beats, beats[-1] + step * np.arange(1, round(length / beat) + 2 - len(beats)))
        whole = replace(tune, metre=metre, notes=notes, chords=tuple(chords), length=length)
        return replace(self, tune=whole, beats=tuple(beats.round(4).tolist()))

    def at_tempo(self, share: float) -> "LeadSheet":
        """The sheet with twice as many beats (2), or half as many (.5): the tempo was heard wrongly."""
        numbers = np.arange(0, len(self.beats) - 1 + 1e-6, 1 / share)
        beats = np.interp(numbers, np.arange(len(self.beats)), self.beats)
        known = {"beats": tuple(beats.round(4).tolist()), "other_tempi": ()}
        sheet = replace(self, tune=_scaled(self.tune, share), **known)
        return sheet.with_bars(self.tune.metre)

    def save(self, path: str | Path) -> None:
        """Write it as .json (all of it), .musicxml, .mid (in time with the recording) or .abc."""
        path = Path(path)
        kind = path.suffix.lower()
        if kind == ".json":
            write_whole(path, json.dumps(self.to_record()) + "\n")
            return
        from noteninja_lib.music import score_writing  # loads music21

        if kind == ".musicxml":
            score_writing.write_score(self.tune, path, self.tempo)
        elif kind in (".mid", ".midi"):
            score_writing.write_lead_midi(self.tune, self.beats, path)
        elif kind == ".abc":
            write_whole(path, score_writing.to_abc(self.tune, self.tempo))
        else:
            raise UserError(f"{path} can't be written: a lead sheet's name ends in {', '.join(KINDS)}.")


def _scaled(tune, share):
    """A tune whose quarter notes are so many times as many."""

    def scaled(events):
        return tuple(
            (round(start * share, 4), round(lasts * share, 4), *rest) for start, lasts, *rest in events
        )

    return replace(
        tune, notes=scaled(tune.notes), chords=scaled(tune.chords), length=round(tune.length * share, 4)
    )


#: What of a tune is written down.
SHOWN = ("title", "metre", "tonic", "mode", "notes", "chords", "length")


def hear_lead(roll: PianoRoll, title: str = "heard") -> LeadSheet:
    """The lead sheet of a piano roll.

    Parameters
    ----------
    roll : PianoRoll
        What was heard, or is known: a source's, or a result's.
    title : str
    """
    from noteninja_lib.music.score_io import quantise  # these load music21
    from noteninja_lib.music.transcription import find_bars, set_in_bars

    beats, metre, first = find_bars(roll)
    heard = roll.melody_notes()
    tune = set_in_bars(heard, beats, metre, (0, "major"), first, roll.seconds)
    count, step = round(tune.length / tune.beat), float(np.median(np.diff(beats)))
    tune = replace(quantise(tune), title=title)
    places = first + np.arange(count + 1)  # in beats from the first one
    ends = np.minimum(places, 0) + np.maximum(places - len(beats) + 1, 0)
    times = np.interp(places, np.arange(len(beats)), beats) + ends * step
    sheet = LeadSheet(tune, tuple(times.round(4).tolist()), (), (), ())
    likely = _likely_chords(roll, sheet)
    chords, sure = _chords(sheet, likely)
    tonic, mode = find_key(roll, likely)
    sheet = replace(sheet, tune=replace(tune, chords=chords, tonic=tonic, mode=mode), sure_chords=sure)
    return replace(_with_times(sheet, heard, roll), form=_form(roll, sheet))


def lead_of(source: Source, title: str = "heard") -> LeadSheet:
    """The lead sheet of a song; where somebody sings alone, beat and metre are those of the tune, and the
    chords fit it."""
    sheet = lead_sung(source.piano_roll, _sung(source) if source.alone else [], title)
    if not source.recorded or source.alone:
        return sheet
    return replace(sheet, other_tempi=other_tempi(source.played.onsets, sheet.tempo))


def lead_sung(roll: PianoRoll, notes: list[Note], title: str = "heard") -> LeadSheet:
    """A piano roll's lead sheet by the notes of whoever sings alone in it; by all where these are few."""
    if len(notes) < FEWEST:
        return hear_lead(roll, title)
    from noteninja_lib.music.transcription import hummed_tune  # loads music21

    tune, beats = hummed_tune(notes)
    written = tuple((start, lasts, pitch + octave_of(notes)) for start, lasts, pitch in tune.notes)
    beats = beats[: round(tune.length / tune.beat) + 1]
    tune, chords = replace(tune, notes=written, title=title), (1.0,) * len(tune.chords)
    sheet = LeadSheet(tune, tuple(beats.round(4).tolist()), (), (), chords)
    return replace(_with_times(sheet, roll.melody_notes(), roll), form="A")


def _likely_chords(roll, sheet):
    """How likely each chord is in each beat (beats, 36); all alike before the recording begins."""
    edges = np.clip(np.round(np.array(sheet.beats) * FRAME_RATE).astype(int), 0, roll.frames - 1)
    likely = recognise_chords(roll.notes, edges)
    likely[np.diff(edges) == 0] = 1 / likely.shape[1]
    return likely


def find_key(roll: PianoRoll, likely: np.ndarray) -> tuple[int, str]:
    """Tonic and mode, by what sounds (Krumhansl's profiles) and by which chords do.

    Parameters
    ----------
    roll : PianoRoll
    likely : numpy.ndarray, shape (beats, 36)
        As `recognise_chords` gives it. A chord counts as much as it is usual in a key, see `harmony.CHORDS`.
    """
    from noteninja_lib.music.transcription import fit_of_keys  # loads music21

    shares, fits, notes = likely.mean(0), fit_of_keys(roll), roll.melody_notes()
    for tonic, mode in fits:
        prices = np.full((len(RECOGNISED), 12), STRANGE)
        for degree, quality, price in CHORDS[mode].values():
            if quality in RECOGNISED:
                prices[RECOGNISED.index(quality), (tonic + degree) % 12] = price
        home = shares[12 * RECOGNISED.index("min" if mode == "minor" else "maj") + tonic]
        home = AT_HOME * home + LAST * (bool(notes) and notes[-1].pitch % 12 == tonic)
        fits[tonic, mode] = PROFILES * fits[tonic, mode] + home - float(prices.ravel() @ shares)
    return max(fits, key=lambda key: fits[key])


def _chords(sheet, likely):
    """The chords in each bar and how sure each of them is, by Viterbi's path."""
    bar, count = round(sheet.tune.bar / sheet.tune.beat), len(sheet.beats) - 1
    other = 1 - np.eye(likely.shape[1])
    prices = [
        CHANGES[0] if beat % bar == 0 else CHANGES[1 + (2 * beat % bar > 0)] for beat in range(1, count)
    ]
    path = cheapest_path(-np.log(likely + 1e-6), [price * other for price in prices])
    chords, sure = [], []
    starts = [beat for beat in range(count) if beat % bar == 0 or path[beat] != path[beat - 1]]
    for beat, end in zip(starts, [*starts[1:], count]):
        quality, root = divmod(path[beat], 12)
        length = (end - beat) * sheet.tune.beat
        chords.append((round(beat * sheet.tune.beat, 4), round(length, 4), root, RECOGNISED[quality]))
        share = float(np.clip(likely[beat:end, path[beat]].mean(), 1e-3, 1 - 1e-3))
        sure.append(_logistic(SURE_CHORD[0] + SURE_CHORD[1] * np.log(share / (1 - share))))
    return tuple(chords), tuple(sure)


def _with_times(sheet, heard, roll):
    """A sheet with when its notes were heard, and how sure they are."""
    times, sure = [], []
    for start, length, pitch in sheet.tune.notes:
        begin, end = map(float, sheet.seconds((start, start + length)))
        near = [note for note in heard if note.pitch == pitch and abs(note.start - begin) < 30 / sheet.tempo]
        if near:
            note = min(near, key=lambda note: abs(note.start - begin))
            begin, end = note.start, note.end
        rows = roll.melody[:, pitch - 21, round(max(begin, 0) * FRAME_RATE) : round(end * FRAME_RATE) + 1]
        onset, sounds = (float(rows[0].max()), float(rows[1].mean())) if rows.size else (0.0, 0.0)
        times.append((round(begin, 4), round(end, 4)))
        sure.append(_logistic(SURE[0] + SURE[1] * onset + SURE[2] * sounds))
    return replace(sheet, times=tuple(times), sure=tuple(sure))


def _logistic(odds):
    return round(float(1 / (1 + np.exp(-odds))), 3)


def _form(roll, sheet):
    """Letters of the sections of eight bars, by how alike their chroma is."""
    chroma, marks = roll.chroma(), np.array(sheet.beats[:: SECTION * round(sheet.tune.bar / sheet.tune.beat)])
    edges = np.clip(np.round(marks * FRAME_RATE).astype(int), 0, roll.frames)
    found, letters = [], ""
    for start, end in zip(edges, edges[1:]):
        parts = [part.sum(1) for part in np.array_split(chroma[:, start:end], 2 * SECTION, axis=1)]
        now = np.array([part / (np.linalg.norm(part) + 1e-9) for part in parts])
        likeness = [float((now * one).sum(1).mean()) for one in found]
        if likeness and max(likeness) > ALIKE:
            letters += letters[int(np.argmax(likeness))]
        else:
            letters += chr(ord("A") + len(set(letters)) % 26)
        found.append(now)
    return letters


def read_lead(path: str | Path, heard: LeadSheet) -> LeadSheet:
    """A corrected lead sheet from a file.

    Parameters
    ----------
    path : str or pathlib.Path
        A .json file that `LeadSheet.save` wrote; or any file of notes, whose first bar is the heard sheet's.
    heard : LeadSheet
        What was heard in the recording that it belongs to: its beats, and when its notes sound.

    Raises
    ------
    UserError
        If it can't be read, or belongs to another recording.
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        if not path.is_file():
            raise UserError(f"There is no file {path}.")
        try:
            sheet = LeadSheet.from_record(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, RecursionError) as problem:
            raise UserError(
                f"{path} is no lead sheet: make one with `noteninja hear SONG -o lead.json`."
            ) from problem
        if abs(sheet.beats[-1] - heard.beats[-1]) > MOST:
            raise UserError(f"{path} was heard in another recording, of another length: hear this one anew.")
        return sheet
    from noteninja_lib.music.score_io import read_notes  # loads music21

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Notice)  # of parts and tunes that can be chosen in a song of notes
        return heard.with_tune(read_notes(path))


def rewritten(
    source: Source,
    lead: LeadSheet | str | Path | None = None,
    key: str | None = None,
    transpose: int = 0,
    chords: str | None = None,
) -> Source:
    """A song whose notes are what somebody wishes; its sound stays, but for a singer in another key.

    Parameters
    ----------
    source : Source
    lead : LeadSheet or path, optional
        Tune and chords as corrected: see `read_lead`. What is as it was heard stays as it was played.
    key : str, optional
        Such as "Eb" or "F# minor": all moves to it, the shorter way. Another mode can't be sung.
    transpose : int
        Semitones, -12 to 12.
    chords : str, optional
        Chords that the band plays, as `read_chords` takes them, from the first bar on, again and again.

    Returns
    -------
    Source
    """
    if key is not None and transpose:
        raise UserError("Give either a key or a number of semitones, not both.")
    check_range("transposition in semitones", transpose, -12, 12)
    if lead is None and key is None and chords is None:  # nobody asks for what was heard
        return _transposed(source, transpose) if transpose else source
    heard = lead_of(source)
    sheet = heard
    if lead is not None:
        sheet = lead if isinstance(lead, LeadSheet) else read_lead(lead, heard)
        source = _corrected(source, heard, sheet)
    if key is not None:
        tonic, mode = read_key(key)
        transpose = (tonic - sheet.tune.tonic + 6) % 12 - 6
        before = "minor" if sheet.tune.mode in ("minor", "dorian") else "major"
        if mode not in (None, before):
            source = _in_mode(source, sheet.tune.tonic, before, mode)
    if transpose:
        source = _transposed(source, transpose)
    if chords is not None:
        source = _harmonised(source, sheet, chords)
    return source


def _again(source, played, notes):
    """A source whose band plays something else, and whose singer, if there is one, sings these notes."""
    if source.voice is None:
        return replace(source, piano_roll=played, played=played)
    roll = with_tune(played, notes) if notes else played
    return replace(source, piano_roll=roll, played=played, voice=replace(source.voice, notes=notes))


def _sung(source):
    return source.voice.notes if source.voice else []


def _corrected(source, heard, sheet):
    """A source with a sheet's tune and chords, where they are not those that were heard."""
    notes, was = _sung(source), heard.chords()
    singing = passages(notes, source.piano_roll.frames)
    octave = octave_of(notes)
    gone, new = _without(heard.notes(), sheet.notes()), _without(sheet.notes(), heard.notes())
    parts = {True: ([], []), False: ([], [])}
    for number, changed in enumerate((gone, new)):
        for note in changed:
            frame = min(max(round(note.start * FRAME_RATE), 0), len(singing) - 1)
            sung = bool(singing[frame])
            parts[sung][number].append(replace(note, pitch=note.pitch - octave) if sung else note)
    if any(parts[True]):
        sentence = (
            "The singer sings what was sung: with `--voice play` an instrument plays the corrected notes."
        )
        warnings.warn(sentence, Notice, stacklevel=4)
    notes = sorted([*_without(notes, parts[True][0]), *parts[True][1]], key=lambda note: note.start)
    changed = [chord for chord in sheet.chords() if not _is_among(chord, was)]
    played = edited(source.played, *parts[False])
    if not 0.9 < sheet.tempo / heard.tempo < 1.1:
        played = replace(played, beats=np.array(sheet.beats))
    source = replace(_again(source, played, notes), lead=sheet)
    return _with_chords(source, changed) if changed else source


def _without(notes, others):
    """The notes that are not among the others."""
    near = {}
    for note in others:
        near.setdefault(note.pitch, []).append(note.start)
    return [note for note in notes if all(abs(note.start - one) > NEAR for one in near.get(note.pitch, []))]


def _is_among(chord, others):
    """Whether a chord is what was there for most of its time."""
    start, end, *what = chord
    shared = (min(end, last) - max(start, first) for first, last, *one in others if one == what)
    return sum(length for length in shared if length > 0) > (end - start) / 2


def _in_mode(source, tonic, before, after):
    notes = [
        replace(one, pitch=one.pitch + step_in_mode(one.pitch, tonic, before, after)) for one in _sung(source)
    ]
    made = _again(source, in_mode(source.played, tonic, before, after), notes)
    return replace(made, usual=source.usual or source, unsung="another mode")


def _transposed(source, semitones):
    notes = [replace(note, pitch=note.pitch + semitones) for note in _sung(source)]
    made = _again(source, transposed(source.played, semitones), notes)
    usual = source.usual and _transposed(source.usual, semitones)
    return replace(made, usual=usual, semitones=semitones)


def _harmonised(source, sheet, chords):
    """A source whose band plays chords that somebody wrote."""
    bars, spans, bar = read_chords(chords), [], sheet.tune.bar
    for number in range(round(sheet.tune.length / bar)):
        now = bars[number % len(bars)]
        edges = sheet.seconds(bar * (number + np.linspace(0, 1, len(now) + 1)))
        spans += [(*pair, *(one or (None, None))) for pair, one in zip(zip(edges, edges[1:]), now)]
    return _with_chords(source, spans)


def _with_chords(source, spans):
    made = _again(source, reharmonised(source.played, spans), _sung(source))
    return replace(made, usual=source.usual or source)
