"""Notes that a user wrote (ABC text, or a file of ABC, MIDI or MusicXML), and scores for notation programs.

Lessons: 00_genre_converter, 08_latent_interpolation.
"""

import io
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from music21 import converter, duration, exceptions21, harmony, meter, stream, tempo

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import Notice, UserError
from noteninja_lib.music.harmony import QUALITIES, bar_length, beat_length, sharps
from noteninja_lib.music.piano_roll import PianoRoll, from_notes
from noteninja_lib.music.tunes import Tune, pick_up, to_stream, tune_from_score

if TYPE_CHECKING:
    import mido
    import pretty_midi

FORMATS = {".abc": "ABC", **dict.fromkeys((".mid", ".midi", ".kar", ".rmi"), "midi")}
FORMATS |= dict.fromkeys((".musicxml", ".xml", ".mxl"), "musicxml")
BIGGEST = 5_000_000  # bytes
FEW_NOTES = "The score has fewer than four notes: choose one with a melody."
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
    if isinstance(song, Tune):
        return from_score(song)
    if isinstance(song, stream.Stream):
        return perform(song)
    if not isinstance(song, str | Path):
        raise UserError(f"A {type(song).__name__} is no song: give a file, an array of samples, or a score.")
    path, kind = find_notes(song)
    if kind == "midi":
        return from_midi(path)
    return understood(perform, *parse_notes(path, kind))


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
        return understood(tune_from_score, *parse_abc(source))
    path, kind = find_notes(source)
    if kind == "midi":
        return _read_midi(path)
    score, name, kind = parse_notes(path, kind)
    title = getattr(score.metadata, "bestTitle", None) or path.stem
    return understood(lambda score: tune_from_score(score, title), score, name, kind)


def find_notes(source: str | Path) -> tuple[Path, str]:
    """The path of a file of notes, and its kind; a UserError says what is wrong with it."""
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
    return path, kind


def _unreadable(name, kind):
    again = "save it again from a notation program, or choose another file."
    advice = "look for a slip in it." if kind == "ABC" else again
    return UserError(f"{name} can't be read as {kind}: {advice}")


#: What musicians call the part that has the tune, and parts that have not, in their files.
TUNE_NAMES = re.compile(
    r"melod|vocal|voice|vox|\blead|sing|tune|solo|soprano|violin[oe]? *(1|i)\b|1st violin"
    r"|gesang|stimme|chant|canto|voz",
    re.I,
)
OTHER_NAMES = re.compile(
    r"bass|drum|perc|viola|violone|cello|chord|pad\b|string|comp|harm|back|choir|bell|left|rhythm|fx", re.I
)


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
        head, last = mido.MidiTrack(), 0
        for now, message in sorted(sum(told, []), key=lambda one: one[0]):
            head.append(message.copy(time=now - last))
            last = now
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
    notes = sorted(notes, key=lambda note: note.start)
    starts, ends = (np.array([getattr(note, edge) for note in notes]) for edge in ("start", "end"))
    pitches = np.array([note.pitch for note in notes], float)
    times = np.concatenate([starts, ends])
    order = np.argsort(times, kind="stable")
    sounding = np.cumsum(np.repeat([1, -1], len(notes))[order])[:-1]  # notes at once, from edge to edge
    lasts = np.diff(times[order])
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


@dataclass
class Line:
    """A part of a score: its name, the share of its notes with words, and its voices' notes in quarter notes.

    A note is (start, length, pitch); the first voice is the upper one.
    """

    name: str
    words: float
    voices: list[list[tuple[float, float, int]]]


def read_line(part: stream.Part) -> Line:
    """The notes of a part, tied ones as one, without grace notes and chord symbols."""
    voices: dict[str, list[list]] = {}
    words, bars = 0, list(part.getElementsByClass("Measure")) or [part]
    for bar in bars:
        for voice in list(getattr(bar, "voices", [])) or [bar]:
            inside = (0.0 if bar is part else float(bar.offset)) + (
                0.0 if voice is bar else float(voice.offset)
            )
            found = voices.setdefault("1" if voice is bar else str(voice.id), [])
            for one in voice.notes:
                if isinstance(one, harmony.ChordSymbol) or not one.quarterLength:
                    continue
                words += bool(one.lyrics)
                start, lasts = inside + float(one.offset), float(one.quarterLength)
                for each in getattr(one, "notes", [one]):
                    if not hasattr(each, "pitch"):
                        continue  # a drum's
                    held = each.tie is not None and each.tie.type in ("stop", "continue")
                    before = next((n for n in reversed(found[-12:]) if n[2] == each.pitch.midi), None)
                    if held and before and abs(before[0] + before[1] - start) < 1e-3:
                        before[1] += lasts
                    else:
                        found.append([start, lasts, each.pitch.midi])
    lines = [sorted(tuple(note) for note in voices[name]) for name in sorted(voices)]
    share = words / max(1, sum(map(len, lines)))
    return Line(part.partName or "", share, [line for line in lines if line])


def perform(score: stream.Stream, usual: float = 110.0) -> PianoRoll:
    """Piano roll of a score as it is played: repeats, tempo, pick-up, its own accompaniment.

    The tune is the part that is likeliest to have it (`tune_score`), words and names included, and of two
    voices in it the upper one. Where nothing else is written, chord symbols are played, and where there are
    none, chords that go with the tune.

    Parameters
    ----------
    score : music21.stream.Stream
    usual : float
        Felt beats a minute where no tempo is written.
    """
    score = score.toSoundingPitch()
    with suppress(exceptions21.Music21Exception):  # signs that can't be followed, or no bars: once through
        score = score.expandRepeats()
    parts = list(getattr(score, "parts", [])) or [score]
    read = [(line, part) for line, part in zip(map(read_line, parts), parts) if line.voices]
    if not read:
        raise UserError(FEW_NOTES)
    lines, parts = zip(*read)
    seconds = tempo_map(score, usual)

    def played(notes, velocity):
        return [Note(*seconds([start, start + lasts]), pitch, velocity) for start, lasts, pitch in notes]

    end = float(seconds([float(score.highestTime)])[0])
    likely = [tune_score(played(sum(line.voices, []), 90), end, line.name) + 2 * line.words for line in lines]
    likely[0] += 0.6  # scores are written from the top
    best = int(np.argmax(likely))
    first, *others = lines[best].voices
    melody, under = upper_voice(played(first, 90))
    if len(melody) < 4:
        raise UserError(FEW_NOTES)
    rest = sum(others, []) + sum(
        (voice for n, line in enumerate(lines) if n != best for voice in line.voices), []
    )
    accompaniment = under + played(rest, 70)
    if not accompaniment:
        accompaniment = played(written_chords(score), 70)
    return from_notes(melody, accompaniment, end, seconds(felt_beats(parts[best])))


def tempo_map(score: stream.Stream, usual: float) -> Callable[[Sequence[float]], np.ndarray]:
    """A function from quarter notes to seconds, by all metronome marks of a score."""
    marks = [mark for mark in score.recurse().getElementsByClass(tempo.MetronomeMark) if mark.number]
    if not marks:
        time = score.recurse().getElementsByClass(meter.TimeSignature).first()
        second = 60 / usual / beat_length(time.ratioString if time else "4/4")
        return lambda quarters: np.asarray(quarters) * second
    places, times = [0.0], [0.0]
    for start, end, mark in score.metronomeMarkBoundaries():
        places.append(float(end))
        times.append(times[-1] + float(end - start) * mark.secondsPerQuarter())
    return lambda quarters: np.interp(quarters, places, times)


def felt_beats(part: stream.Stream) -> np.ndarray:
    """Places of the beats in quarter notes; those of a pick-up lead to the bar line after it."""
    first = part.recurse().getElementsByClass(meter.TimeSignature).first()
    found, metre = [], first.ratioString if first else "4/4"
    for bar in list(part.getElementsByClass("Measure")) or [part]:
        metre = bar.timeSignature.ratioString if getattr(bar, "timeSignature", None) else metre
        begin, beat = float(bar.offset) if bar is not part else 0.0, beat_length(metre)
        lasts = float(bar.highestTime)
        late = pick_up(part, bar_length(metre)) % beat if not found else 0.0
        found.append(begin + np.arange(late, lasts - 1e-3, beat))
    return np.concatenate(found)


def written_chords(score: stream.Stream) -> list[tuple[float, float, int]]:
    """Notes (start, length, pitch) of a score's chord symbols; if it has none, of chords that go with it."""
    symbols = [(float(s.offset), s) for s in score.flatten().getElementsByClass(harmony.ChordSymbol)]
    if symbols:
        ends = [at for at, _ in symbols[1:]] + [float(score.highestTime)]
        chords = [
            (
                at,
                end - at,
                symbol.root().pitchClass,
                {(p.pitchClass - symbol.root().pitchClass) % 12 for p in symbol.pitches},
            )
            for (at, symbol), end in zip(symbols, ends)
            if symbol.pitches and end > at  # N.C. has no pitches
        ]
    else:
        tune = tune_from_score(score)
        late = pick_up((list(getattr(score, "parts", [])) or [score])[0], tune.bar)
        chords = [(late + at, lasts, root, QUALITIES[kind]) for at, lasts, root, kind in tune.chords]
    return [(at, lasts, 48 + root + step) for at, lasts, root, steps in chords for step in steps]


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


def parse_notes(path: Path, kind: str) -> tuple[stream.Stream, str, str]:
    """The score in a file of MusicXML or ABC, with the file's name and kind as errors tell them."""
    if kind == "ABC":
        return parse_abc(path.read_text(encoding="utf-8", errors="replace"))
    return understood(lambda path: converter.parse(path, format=kind), path, path.name, kind), path.name, kind


def parse_abc(text: str) -> tuple[stream.Stream, str, str]:
    """The score in ABC text; see `parse_notes`."""
    if not text.strip():
        raise UserError("No notes were given: write some in ABC, such as C D E F | G2 G2.")
    text = plain_abc(text)
    music = ABC_EXTRA.sub("", ABC_FIELD.sub("", text))
    if not ABC_MUSIC.fullmatch(music) or not re.search("[A-Ga-g]", music):
        raise UserError("This is no ABC notation: write notes as letters, such as C D E F | G2 G2.")
    if re.search("[0-9]{4}|/{5}", music):
        raise UserError("A number in the ABC text is too large: write lengths such as C2, C/2 or C3/2.")
    given = set(re.findall(r"^[ \t]*([A-Za-z]):", text, re.MULTILINE))
    # Whoever writes no key has written no header, and counts in quarter notes; ABC itself counts in eighths.
    fields = ("X:1", "M:4/4", "K:C") if "K" in given else ("X:1", "M:4/4", "L:1/4", "K:C")
    header = "".join(f"{field}\n" for field in fields if field[0] not in given)
    name = "The ABC text"
    score = understood(lambda text: converter.parse(text, format="abc"), header + text, name, "ABC")
    if hasattr(score, "scores"):
        book = list(score.scores)
        score, title = book[0], getattr(book[0].metadata, "title", None) or "without a title"
        if len(book) > 1:
            warnings.warn(f"Of {len(book)} tunes, the first ({title}) is taken.", Notice, stacklevel=2)
    return score, name, "ABC"


def plain_abc(text: str) -> str:
    """ABC text without what music21 does not know or reads otherwise.

    Text blocks, continued fields, spacers, overlays and signs of one letter go; bars of rest (`Z4`), parts
    (`P:AAB`), D.C. al Fine and accidentals are written out; voices written in turn and keys within a line get
    lines of their own. See the ABC standard 2.1, https://abcnotation.com/wiki/abc:standard:v2.1.
    """
    text = re.sub(r"(?ms)^%%begin(\w+).*?^%%end\1[^\n]*\n?", "", text)
    text = re.sub(r"\n\+:[ \t]*", " ", text)
    lines = [line if ABC_FIELD.match(line) else re.sub(r"\$|y[\d/]*", "", line) for line in text.split("\n")]
    text = "\n".join(lines)
    text = re.sub(r"(?m)^K:\s*H[Pp]\b", "K:Amix", text)  # the pipes' scale
    key = re.search(r"(?m)^K:.*$", text)  # the last line of a header
    head, body = (text[: key.end()], text[key.end() :]) if key else ("", text)
    metre = re.search(r"^M:\s*(\d+)/([1-9]\d*)", head, re.M)
    unit = re.search(r"^L:\s*(\d+)/([1-9]\d*)", head, re.M)
    bar, one = (Fraction(*map(int, found.groups())) if found else None for found in (metre, unit))
    bar = bar or Fraction(1)
    rest = f"z{bar / (one or Fraction(1, 8 if bar >= Fraction(3, 4) else 16))}"
    body = re.sub(r"\bZ(\d{0,3})", lambda found: "|".join([rest] * int(found[1] or 1)), body)
    order, parts = re.search(r"^P:\s*([A-Z0-9(). ]+)$", head, re.M), re.split(r"(?m)^P:\s*([A-Z]).*\n", body)
    if order and len(parts) > 2:
        named, letters = dict(zip(parts[1::2], parts[2::2])), re.sub(r"[ .]", "", order[1])
        while len(letters) < 999 and (found := re.search(r"\(([A-Z]+)\)(\d?)|([A-Z])(\d)", letters)):
            again = (found[1] or found[3]) * int(found[2] or found[4] or 1)
            letters = letters[: found.start()] + again + letters[found.end() :]
        head, body = (
            head.replace(order[0], ""),
            parts[0] + "".join(named.get(one, "") for one in letters[:64]),
        )
    to_fine = re.fullmatch(r"(?s)(.*?)!fine!(.*?)!D\.C\.(?:alfine)?!(.*)", body)
    if to_fine:
        body = f"{to_fine[1]}{to_fine[2]}|{to_fine[1]}{to_fine[3]}"
    body = re.sub(r"\[(K:[^\]]*)\]", r"\n\1\n", body)
    if key:  # where there is a header, this is no prose
        body = re.sub(r"(?<![\w:])[H-Wh-w](?=[\^_=~.({\[]*[A-Ga-gz])|[`*]|!$", "", body, flags=re.M)
    return head + by_voices("\n".join(map(spelled_out, body.split("\n"))))


def spelled_out(line: str) -> str:
    """A line of ABC music without overlays, in which each accidental stands at all notes that it holds for:
    those of its letter, in any octave, up to the bar line."""
    if ABC_FIELD.match(line):
        return line
    pieces, held = re.split(r"(\"[^\"]*\"|![^!]*!|\[[A-Za-z]:[^\]]*\]|\|)", line), {}
    for place, piece in enumerate(pieces):
        if piece == "|":
            held = {}
        elif not place % 2:
            piece = re.sub("&.*", "", piece)

            def spell(found):
                sign = held[found[2].upper()] = found[1] or held.get(found[2].upper(), "")
                return sign + found[2]

            pieces[place] = re.sub(r"([_^=]{0,2})([A-Ga-g])", spell, piece)
    return "".join(pieces)


def by_voices(body: str) -> str:
    """The lines of ABC music, those of each voice together."""
    voices, now = {"": []}, ""
    for line in body.split("\n"):
        found = re.match(r"\[?V:\s*([^\s\]]+)[^\]]*\]?(.*)", line)
        if found and (line.startswith("V:") or found[2].strip()):
            now, line = found[1], "" if line.startswith("V:") else found[2]
        voices.setdefault(now, []).append(line)
    return "\n".join(f"V:{name}\n" * bool(name) + "\n".join(lines) for name, lines in voices.items())


def understood(work: Callable, what: Any, name: str, kind: str) -> Any:
    """What some work makes of notes; a UserError where it fails, or where there are none."""
    try:
        if isinstance(what, stream.Stream) and not list(what.flatten().notes):
            raise UserError(f"{name} holds no notes: choose one with a melody.")
        return work(what)
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
