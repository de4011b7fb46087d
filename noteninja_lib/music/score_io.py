"""Notes that a user wrote (ABC text, or a file of ABC, MIDI or MusicXML), and scores for notation programs.

Lessons: 00_genre_converter, 08_latent_interpolation.
"""

import io
import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from music21 import converter, duration, stream, tempo

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import UserError
from noteninja_lib.music.harmony import QUALITIES, sharps
from noteninja_lib.music.piano_roll import PianoRoll, from_notes
from noteninja_lib.music.tunes import Tune, to_stream, tune_from_score

if TYPE_CHECKING:
    import mido
    import pretty_midi

FORMATS = {".abc": "ABC", **dict.fromkeys((".mid", ".midi", ".kar", ".rmi"), "midi")}
FORMATS |= dict.fromkeys((".musicxml", ".xml", ".mxl"), "musicxml")
BIGGEST = 5_000_000  # bytes
ABC_FIELD = re.compile(r"^[ \t]*[A-Za-z]:.*$|%.*$", re.MULTILINE)
ABC_EXTRA = re.compile(r'"[^"]*"|![^!]*!|\[[A-Za-z]:[^\]]*\]|\{[^}]*\}')
ABC_MUSIC = re.compile(r"[A-Ga-gxzZ0-9\s/,'^=_|:\[\]()<>~.\-\\&+HLMOPSTuv]*")

COMPOUND = {"4/4": "12/8", "3/4": "9/8"}  # the same number of beats, each in three
GRIDS = {"simple": (4, 3), "compound": (3, 6)}  # usual and less usual number of parts of a beat
EARLY = 0.12  # of a beat, by which a note may come before the beat that it belongs to
SPREAD = 0.03  # of a beat, by which onsets lie off the grid (standard deviation)
DOUBT = 2.0  # by which the less usual one must fit better: e^2, or 7, times as likely
SHORTEST_REST = 0.5  # beats


def read_roll(song: "str | Path | Tune | stream.Stream") -> PianoRoll:
    """Piano roll of notes: of a file (MIDI, MusicXML, ABC), a score or a tune."""
    if not isinstance(song, str | Path):
        if not isinstance(song, Tune | stream.Stream):
            raise UserError(
                f"A {type(song).__name__} is no song: give a file, an array of samples, or a score."
            )
        return from_score(song)
    is_midi = FORMATS.get(Path(song).suffix.lower()) == "midi"
    return from_midi(song) if is_midi else from_score(read_notes(Path(song)))


def read_notes(source: str | Path) -> Tune:
    """A tune from written notes, harmonised unless chord symbols stand above it.

    Parameters
    ----------
    source : str or pathlib.Path
        ABC text, such as "C D E F | G2 G2" or a whole tune with its header, or the path of a file (.abc,
        .mid, .midi, .kar, .rmi, .musicxml, .xml, .mxl). Without a header, C major in common time is taken,
        and a letter is a quarter note.

    Raises
    ------
    UserError
        If it can't be read, or has fewer than four notes.
    """
    if not isinstance(source, Path) and Path(source.strip()).suffix.lower() not in FORMATS:
        return _read_abc(source)
    path = Path(source)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(FORMATS)
        raise UserError(f"{path.name} holds no notes that can be read: choose a file of {known}.")
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    size = path.stat().st_size
    if not 0 < size <= BIGGEST:
        fault = "larger than 5 MB" if size else "empty"
        raise UserError(f"{path.name} is {fault}: choose a file with one tune.")
    if kind == "ABC":
        return _read_abc(path.read_text(encoding="utf-8", errors="replace"), path.stem)
    return _read_midi(path) if kind == "midi" else _parse(path, kind, path.name, path.stem)


def _unreadable(name, kind):
    again = "save it again from a notation program, or choose another file."
    advice = "look for a slip in it." if kind == "ABC" else again
    return UserError(f"{name} can't be read as {kind}: {advice}")


#: What musicians call the part that has the tune, and parts that have not, in their files.
TUNE_NAMES = re.compile(
    r"melod|vocal|voice|vox|\blead|sing|tune|solo|soprano|gesang|stimme|chant|canto|voz", re.I
)
OTHER_NAMES = re.compile(r"bass|drum|perc|chord|pad\b|string|comp|harm|back|choir|bell|left|rhythm|fx", re.I)


def open_midi(path: str | Path) -> "tuple[pretty_midi.PrettyMIDI, list[list[Note]]]":
    """A MIDI file, and the notes of its parts but for drums; the part that has the tune comes first.

    Karaoke files (.kar) and those in a RIFF envelope (.rmi) are MIDI, too.
    """
    import pretty_midi

    try:
        midi = pretty_midi.PrettyMIDI(plain_midi(Path(path).read_bytes()))
    except Exception as problem:
        raise _unreadable(Path(path).name, "MIDI") from problem
    parts = [part for part in midi.instruments if part.notes and not part.is_drum]
    if not parts:
        raise UserError(f"{Path(path).name} holds no notes besides drums: choose a MIDI file with a tune.")
    words = [lyric.time for lyric in midi.lyrics + getattr(midi, "text_events", [])]
    found = [[Note(n.start, n.end, n.pitch, n.velocity) for n in part.notes] for part in parts]
    likely = [tune_score(notes, midi.get_end_time(), part.name, words) for part, notes in zip(parts, found)]
    first = int(np.argmax(likely))
    return midi, [found[first], *found[:first], *found[first + 1 :]]


def plain_midi(content: bytes) -> io.BytesIO:
    """A MIDI file as pretty_midi reads it: without an envelope, in ticks of a beat, with all that it says of
    tempo, metre and key in its first track."""
    import mido

    if content[:4] == b"RIFF" and content[8:12] == b"RMID":
        content = content[content.index(b"MThd") :]
    file = mido.MidiFile(file=io.BytesIO(content), clip=True)
    if file.ticks_per_beat < 0:  # frames a second and ticks a frame, as in films: time does not hang on tempo
        frames, ticks = divmod(file.ticks_per_beat % 2**16, 256)
        rate = {227: 29.97}.get(frames, 256 - frames) * ticks  # 227 is -29
        file.ticks_per_beat = 500  # 1,000 a second at the tempo that is taken where none is given
        for track in file.tracks:
            times = np.round(np.cumsum([message.time for message in track]) * 1000 / rate).astype(int)
            for message, time in zip(track, np.diff(times, prepend=0)):
                message.time = int(time)
            _take_out(track, ("set_tempo",))
    if file.type == 1:
        told = [_take_out(track, ("set_tempo", "time_signature", "key_signature")) for track in file.tracks]
        head = mido.MidiTrack()
        for now, message in sorted(sum(told, []), key=lambda one: one[0]):
            head.append(message.copy(time=now - sum(one.time for one in head)))
        file.tracks.insert(0, head)
    plain = io.BytesIO()
    file.save(file=plain)
    plain.seek(0)
    return plain


def _take_out(track, kinds: Iterable[str]) -> list[tuple[int, "mido.MetaMessage"]]:
    """Take messages out of a track, whose others stay where they are; returns them with their times."""
    taken, kept, now, last = [], [], 0, 0
    for message in track:
        now += message.time
        if message.type in kinds:
            taken.append((now, message))
        else:
            kept.append(message.copy(time=now - last))
            last = now
    track[:] = kept
    return taken


def tune_score(notes: list[Note], seconds: float, name: str = "", words: Iterable[float] = ()) -> float:
    """How likely a part has the tune of a song; of its parts, the one with the most has it.

    A tune is one note at a time, moves by small steps, repeats notes (as syllables do), sounds for about half
    of the song, and is no bass. Its name says more, and words that are sung to it.

    Parameters
    ----------
    notes : list of Note
    seconds : float
        Length of the song.
    name : str
        Of the part.
    words : iterable of float
        Times in seconds at which words are sung.
    """
    order = sorted(notes, key=lambda note: note.start)
    starts = np.array([note.start for note in order])
    ends = np.array([note.end for note in order])
    pitches = np.array([note.pitch for note in order], float)
    times = np.concatenate([starts, ends])
    order_in_time = np.argsort(times, kind="stable")
    sounding = np.cumsum(np.repeat([1, -1], len(order))[order_in_time])[:-1]
    lasts = np.diff(times[order_in_time])
    any_note = max(float(lasts[sounding > 0].sum()), 1e-9)
    moves = np.abs(np.diff(pitches)) if len(pitches) > 1 else np.array([12.0])
    score = 2 * lasts[sounding == 1].sum() / any_note - 2 * np.mean(moves > 7)
    score += 2 * min(np.mean(moves == 0), 0.3) + min(any_note / seconds, 0.5) / 0.5
    score += np.clip((np.median(pitches) - 60) / 12, -2, 0.3)
    sung = [np.abs(starts - time).min() < 0.03 for time in words]
    score += 3 * float(np.mean(sung)) if len(sung) >= 8 else 0
    return float(score + 2.5 * bool(TUNE_NAMES.search(name)) - bool(OTHER_NAMES.search(name)))


def upper_voice(notes: list[Note], together: float = 0.05) -> tuple[list[Note], list[Note]]:
    """The highest notes of a part, and all that lies below them (the skyline of Uitdenbogerd and Zobel 1999,
    doi 10.1145/319463.319470).

    Parameters
    ----------
    notes : list of Note
    together : float
        Seconds within which two onsets are one chord's.
    """
    voice, under = [], []
    for note in sorted(notes, key=lambda one: (round(one.start / together), -one.pitch)):
        covered = voice and voice[-1].pitch > note.pitch and voice[-1].end > note.start + together
        (under if covered else voice).append(note)
    return voice, under


def from_midi(path: str | Path) -> PianoRoll:
    """Piano roll of a MIDI file: the upper voice of the part that has the tune is the melody."""
    midi, (tune, *others) = open_midi(path)
    melody, under = upper_voice(tune)
    return from_notes(melody, sum(others, under), midi.get_end_time(), midi.get_beats())


def from_score(score, tempo: float = 110.0) -> PianoRoll:
    """Piano roll of a music21 score or a `Tune`: its highest part is the melody, its chords the rest.

    Parameters
    ----------
    score : music21.stream.Stream or Tune
    tempo : float
        Felt beats per minute.
    """
    tune = score if isinstance(score, Tune) else tune_from_score(score)
    second = 60 / tempo / tune.beat

    def note(start, length, pitch, velocity):
        return Note(start * second, (start + length) * second, pitch, velocity)

    melody = [note(start, length, pitch, 90) for start, length, pitch in tune.notes]
    chords = [
        note(start, length, 48 + root + interval, 70)
        for start, length, root, quality in tune.chords
        for interval in QUALITIES[quality]
    ]
    beats = np.arange(0, tune.length + 1e-6, tune.beat) * second
    return from_notes(melody, chords, tune.length * second, beats)


def _read_midi(path):
    """The tune of a MIDI file, on a grid of quarters and thirds of a beat.

    music21 itself loses count of the bars where several notes sound at once in one part.
    """
    from music21 import key, meter, note

    midi, parts = open_midi(path)
    metres, keys = midi.time_signature_changes, midi.key_signature_changes
    metre = f"{metres[0].numerator}/{metres[0].denominator}" if metres else "4/4"
    melody = stream.Part([meter.TimeSignature(metre)])
    if keys:
        mode, tonic = divmod(keys[0].key_number, 12)
        melody.insert(0, key.KeySignature(sharps(tonic, ("major", "minor")[mode])))
    for one in upper_voice(parts[0])[0]:
        start, end = (_on_grid(midi.time_to_tick(time) / midi.resolution) for time in (one.start, one.end))
        melody.insert(start, note.Note(one.pitch, quarterLength=max(end - start, Fraction(1, 4))))
    return tune_from_score(melody, path.stem)


def _on_grid(quarters):
    grids = (Fraction(round(quarters * parts), parts) for parts in (4, 3))
    return min(grids, key=lambda time: abs(time - quarters))


def _read_abc(text, title=None):
    if not text.strip():
        raise UserError("No notes were given: write some in ABC, such as C D E F | G2 G2.")
    music = ABC_EXTRA.sub("", ABC_FIELD.sub("", text))
    if not ABC_MUSIC.fullmatch(music) or not re.search("[A-Ga-g]", music):
        raise UserError("This is no ABC notation: write notes as letters, such as C D E F | G2 G2.")
    if re.search("[0-9]{4}|/{5}", music):
        raise UserError("A number in the ABC text is too large: write lengths such as C2, C/2 or C3/2.")
    given = set(re.findall(r"^[ \t]*([A-Za-z]):", text, re.MULTILINE))
    # Whoever writes no key has written no header, and counts in quarter notes; ABC itself counts in eighths.
    fields = ("X:1", "M:4/4", "K:C") if "K" in given else ("X:1", "M:4/4", "L:1/4", "K:C")
    header = "".join(f"{field}\n" for field in fields if field[0] not in given)
    return _parse(header + text, "ABC", "The ABC text", title)


def _parse(source, kind, name, title):
    try:
        score = converter.parse(source, format=kind.lower())
        if kind == "ABC" and hasattr(score, "scores"):  # a book of tunes: the first
            score = score.scores.first()
        if not list(score.flatten().notes):
            raise UserError(f"{name} holds no notes: choose one with a melody.")
        return tune_from_score(score, getattr(score.metadata, "bestTitle", None) or title)
    except UserError:
        raise
    except Exception as problem:  # music21 has as many kinds of errors as there are kinds of faults
        raise _unreadable(name, kind) from problem


def quantise(tune: Tune) -> Tune:
    """A tune whose notes begin on equal parts of its beats, one after another, so that it can be read.

    In each beat, onsets go to quarters of it or to thirds, whichever lie nearer. A note lasts until the next
    one, or to the end of a beat where a rest of half a beat or more follows. Of two notes at one time the
    longer stays. Where most beats are in three, the tune is written in compound time ("12/8" or "9/8").

    Parameters
    ----------
    tune : Tune
        In "4/4" or "3/4", with notes anywhere.
    """
    beats = [list(group) for _, group in groupby(tune.notes, lambda one: floor(one[0] + EARLY))]
    starts = [np.array([start for start, _, _ in group]) for group in beats]
    broken = [onsets for onsets in starts if (np.abs(onsets - np.round(onsets)) > EARLY).any()]
    compound = np.mean([_misfit(onsets, 3) < _misfit(onsets, 4) for onsets in broken] or [0]) > 0.5
    usual, other = GRIDS["compound" if compound else "simple"]
    placed = {}  # onset in beats -> (end, pitch)
    for group, onsets in zip(beats, starts):
        parts = other if _misfit(onsets, other) < _misfit(onsets, usual) - DOUBT else usual
        for start, lasts, pitch in group:
            onset = max(round(start * parts) / parts, 0.0)
            if onset not in placed or start + lasts > placed[onset][0]:
                placed[onset] = (start + lasts, pitch)
    notes, order = [], sorted(placed)
    for onset, following in zip(order, [*order[1:], tune.length]):
        end = max(ceil(placed[onset][0] - EARLY), floor(onset) + 1)
        notes.append(
            (onset, (end if following - end >= SHORTEST_REST else following) - onset, placed[onset][1])
        )
    if not compound:
        return replace(tune, notes=tuple(notes))
    notes = tuple((1.5 * start, 1.5 * lasts, pitch) for start, lasts, pitch in notes)
    chords = tuple((1.5 * start, 1.5 * lasts, *chord) for start, lasts, *chord in tune.chords)
    return replace(tune, metre=COMPOUND[tune.metre], notes=notes, chords=chords, length=1.5 * tune.length)


def _misfit(onsets, parts):
    """How badly onsets lie on equal parts of the beat: minus their log likelihood, less a constant."""
    off = (onsets * parts - np.round(onsets * parts)) / parts
    return (off**2).sum() / (2 * SPREAD**2)


def write_score(tune: Tune, path: Path, beats_a_minute: float) -> None:
    """Write a tune as MusicXML with chord symbols, key, metre and metronome mark; read it again to be sure.

    Parameters
    ----------
    tune : Tune
        With note values that can be printed, as `quantise` makes them.
    path : pathlib.Path
    beats_a_minute : float
    """
    score = to_stream(tune)
    mark = tempo.MetronomeMark(number=round(beats_a_minute), referent=duration.Duration(tune.beat))
    score.parts[0].measure(1).insert(0, mark)  # type: ignore[union-attr]
    score.parts[0].partName, score.metadata.composer = "Tune", score.metadata.composer or "NoteNinja"
    score.write("musicxml", str(path))
    converter.parse(str(path), format="musicxml", forceSource=True)
