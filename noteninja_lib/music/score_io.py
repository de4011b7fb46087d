"""Notes that a user wrote (ABC text, or a file of ABC, MIDI or MusicXML), and scores for notation programs.

Lessons: 00_genre_converter, 08_latent_interpolation.
"""

import io
import os
import re
import shutil
import subprocess
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
from music21 import converter, expressions, spanner, stream, tempo

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import Notice, UserError
from noteninja_lib.music.abc_notation import read_abc, split_book
from noteninja_lib.music.harmony import read_chord, sharps
from noteninja_lib.music.piano_roll import PianoRoll, from_notes
from noteninja_lib.music.playback import (
    SWING,
    choose,
    choose_part,
    from_score,
    perform,
    tune_score,
    upper_voice,
    written_tune,
)
from noteninja_lib.music.playing_order import line_up
from noteninja_lib.music.tunes import Tune, tune_from_score

if TYPE_CHECKING:
    import mido
    import pretty_midi

#: Endings of files of notes -> what they are.
FORMATS = dict.fromkeys((".mid", ".midi", ".kar", ".rmi"), "MIDI") | {".abc": "ABC"}
FORMATS |= dict.fromkeys((".musicxml", ".xml", ".mxl"), "MusicXML") | {".krn": "Humdrum", ".mei": "MEI"}
FORMATS |= dict.fromkeys((".mscz", ".mscx"), "MuseScore")
#: MuseScore's program, as its versions are called.
MUSESCORE = (
    "mscore musescore mscore4portable MuseScore4 musescore4 mscore4 mscore3 musescore3 MuseScore3".split()
)
BIGGEST, BIGGEST_SCORE = 5_000_000, 60_000_000  # bytes; MusicXML is wordy
#: What MusicXML says of looks alone, and in directions what is more than looks.
ONLY_SEEN = set("beam stem notehead notations print credit defaults figured-bass listening play".split())
MEI = "{http://www.music-encoding.org/ns/mei}"
TOLD = ("words", "metronome", "segno", "coda", "octave-shift")

COMPOUND = {"4/4": "12/8", "3/4": "9/8"}  # the same number of beats, each in three
GRIDS = {"simple": (4, 3), "compound": (3, 6)}  # usual and less usual number of parts of a beat
EARLY = 0.12  # of a beat, by which a note may come before the beat that it belongs to
SPREAD = 0.03  # of a beat, by which onsets lie off the grid (standard deviation)
DOUBT = 2.0  # by which the less usual one must fit better: e^2, or 7, times as likely
SHORTEST_REST = 0.5  # beats
MOST_BEATS = 128  # in a bar


def read_roll(
    song: "str | Path | Tune | stream.Stream",
    *,
    part: str | None = None,
    tune: str | None = None,
    repeats: bool = True,
) -> PianoRoll:
    """Piano roll of notes as they are played: of a file (see `FORMATS`), a score or a tune.

    Parameters
    ----------
    song : str, pathlib.Path, Tune or music21.stream.Stream
    part : str, optional
        Number from 1, or name, of the part or track that is the tune; by default the likeliest.
    tune : str, optional
        Number (`X:`) or title of a tune in a book of ABC; by default the first.
    repeats : bool
        Whether repeats that are written as signs are played.

    Raises
    ------
    UserError
        If it can't be read, or there is no such part or tune.
    """
    if isinstance(song, Tune):
        return from_score(song)
    if isinstance(song, stream.Stream):
        return perform(song.toSoundingPitch(), part=part, repeats=repeats)
    if not isinstance(song, str | Path):
        raise UserError(f"A {type(song).__name__} is no song: give a file, an array of samples, or a score.")
    path, kind = find_notes(song)
    if kind == "MIDI":
        return from_midi(path, part, tune)
    return understood(
        lambda score: perform(score, part=part, repeats=repeats), *parse_notes(path, kind, tune, repeats)
    )


def read_notes(source: str | Path, *, part: str | None = None, tune: str | None = None) -> Tune:
    """A tune from written notes, harmonised unless chord symbols stand above it; each of its parts once.

    Parameters
    ----------
    source : str or pathlib.Path
        ABC text, such as "C D E F | G2 G2" or a whole tune with its header, or the path of a file (see
        `FORMATS`). Without a header, C major in common time is taken, and a letter is a quarter note.
    part, tune : str, optional
        As in `read_roll`.

    Raises
    ------
    UserError
        If it can't be read, or has fewer than four notes.
    """
    if not isinstance(source, Path) and Path(source.strip()).suffix.lower() not in FORMATS:
        score, name, kind, title = *parse_abc(source, tune), None
    else:
        path, kind = find_notes(source)
        if kind == "MIDI":
            return _read_midi(path, part, tune)
        score, name, kind = parse_notes(path, kind, tune, repeats=False)
        title = getattr(score.metadata, "bestTitle", None) or path.stem
    return understood(lambda score: written_tune(score, title, part), score, name, kind)


def find_notes(source: str | Path) -> tuple[Path, str]:
    """The path of a file of notes, and its kind; a UserError says what is wrong with it."""
    path = Path(source)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(FORMATS)
        raise UserError(f"{path.name} is of no kind of notes that can be read: choose a file of {known}.")
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    size, most = path.stat().st_size, BIGGEST_SCORE if kind in ("MusicXML", "MuseScore") else BIGGEST
    if not 0 < size <= most:
        fault = f"larger than {most // 1_000_000} MB" if size else "empty"
        raise UserError(f"{path.name} is {fault}: choose a file with one tune.")
    return path, kind


def _unreadable(name, kind):
    again = "save it again from a notation program, or choose another file."
    advice = "look for a slip in it." if kind == "ABC" else again
    return UserError(f"{name} can't be read as {kind}: {advice}")


def _one_tune(name, tune):
    """Refuse to choose a tune where there is but one."""
    if tune is not None:
        raise UserError(f"{name} is no book of tunes: leave out --tune.")


# ---- MIDI --------------------------------------------------------------------------------------------------


def open_midi(path: str | Path, part: str | None = None) -> "tuple[pretty_midi.PrettyMIDI, list[list[Note]]]":
    """A MIDI file, and the notes of its parts but for drums; the part that has the tune comes first.

    Karaoke files (.kar) and those in a RIFF envelope (.rmi) are MIDI, too.

    Parameters
    ----------
    path : str or pathlib.Path
    part : str, optional
        Number from 1, or name, of the part that has the tune, in place of the likeliest.
    """
    import pretty_midi

    try:
        midi = pretty_midi.PrettyMIDI(plain_midi(Path(path).read_bytes()))
    except Exception as problem:
        raise _unreadable(Path(path).name, "MIDI") from problem
    parts = [one for one in midi.instruments if one.notes and not one.is_drum]
    if not parts:
        raise UserError(f"{Path(path).name} holds no notes besides drums: choose a MIDI file with a tune.")
    words = [lyric.time for lyric in midi.lyrics + getattr(midi, "text_events", [])]
    found = [[Note(n.start, n.end, n.pitch, n.velocity) for n in one.notes] for one in parts]
    likely = [tune_score(notes, midi.get_end_time(), one.name, words) for one, notes in zip(parts, found)]
    names = [one.name.strip() or pretty_midi.program_to_instrument_name(one.program) for one in parts]
    first = choose_part(names, likely, part, "track")
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


def from_midi(path: str | Path, part: str | None = None, tune: str | None = None) -> PianoRoll:
    """Piano roll of a MIDI file: the upper voice of the part that has the tune is the melody."""
    _one_tune(Path(path).name, tune)
    midi, (first, *others) = open_midi(path, part)
    melody, under = upper_voice(first)
    return from_notes(melody, sum(others, under), midi.get_end_time(), midi.get_beats())


def _read_midi(path, part=None, tune=None):
    """The tune of a MIDI file, on a grid of quarters and thirds of a beat.

    music21 itself loses count of the bars where several notes sound at once in one part.
    """
    from music21 import harmony, key, meter, note

    _one_tune(path.name, tune)
    midi, parts = open_midi(path, part)
    metres, keys = midi.time_signature_changes, midi.key_signature_changes
    metre = f"{metres[0].numerator}/{metres[0].denominator}" if metres else "4/4"
    melody = stream.Part([meter.TimeSignature(metre)])
    if keys:
        mode, tonic = divmod(keys[0].key_number, 12)
        melody.insert(0, key.KeySignature(sharps(tonic, ("major", "minor")[mode])))
    for one in upper_voice(parts[0])[0]:
        start, end = (_on_grid(midi.time_to_tick(time) / midi.resolution) for time in (one.start, one.end))
        melody.insert(start, note.Note(one.pitch, quarterLength=max(end - start, Fraction(1, 4))))
    for event in midi.text_events:
        chord = read_chord(event.text)
        if chord and chord[0]:
            place = _on_grid(midi.time_to_tick(event.time) / midi.resolution)
            melody.insert(place, harmony.ChordSymbol(root=chord[0], kind=chord[1]))
    return tune_from_score(melody, path.stem)


def _on_grid(quarters):
    grids = (Fraction(round(quarters * parts), parts) for parts in (4, 3))
    return min(grids, key=lambda time: abs(time - quarters))


# ---- scores ------------------------------------------------------------------------------------------------


def parse_notes(
    path: Path, kind: str, tune: str | None = None, repeats: bool = True
) -> tuple[stream.Stream, str, str]:
    """The score in a file, at sounding pitch, with the file's name and kind as errors tell them.

    Parameters
    ----------
    path : pathlib.Path
    kind : str
        As `find_notes` gives it.
    tune : str, optional
        Number or title of a tune in a book of ABC.
    repeats : bool
        Whether sections that a list (of Humdrum or MEI) calls several times stand there as often.
    """
    if kind == "ABC":
        return parse_abc(_text(path), tune)
    _one_tune(path.name, tune)

    def parse(path):
        if kind == "MuseScore":
            with tempfile.TemporaryDirectory() as folder:
                score = converter.parse(thin_xml(by_musescore(path, Path(folder))), format="musicxml")
        elif kind == "MusicXML":
            score = converter.parse(thin_xml(path), format="musicxml")
        elif kind == "Humdrum":
            score = parse_humdrum(path, repeats)
        else:
            score = parse_mei(path, repeats)
        score.toSoundingPitch(inPlace=True)
        line_up(getattr(score, "parts", []))
        return score

    return understood(parse, path, path.name, kind), path.name, kind


def by_musescore(path: Path, folder: Path) -> Path:
    """A file of MuseScore as MusicXML in a folder, written by the program if the user has it."""
    program = next(filter(None, map(shutil.which, MUSESCORE)), None)
    if program is None:
        advice = "open it there and export it as MusicXML"
        raise UserError(f"{path.name} can be read only where the program MuseScore is installed: {advice}.")
    written = folder / "score.musicxml"
    quiet = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    told = subprocess.run(
        [program, str(path.resolve()), "-o", str(written)], capture_output=True, timeout=180, env=quiet
    )
    if told.returncode or not written.is_file():
        raise UserError(f"MuseScore could not read {path.name}: open it there and export it as MusicXML.")
    return written


def unfolded(text: str, repeats: bool = True) -> str:
    """Humdrum text with its sections in the order of its expansion list (`*>[A,A,B]`), without repeat signs;
    where there is no list, as it is."""
    lists = dict(re.findall(r"(?m)^\*>(\w*)\[([^\]]*)\]", text)[::-1])
    if not lists:
        return text
    order = lists["norep"] if not repeats and "norep" in lists else lists.get("", next(iter(lists.values())))
    names = [name.strip() for name in order.split(",")]
    head, *pieces = re.split(r"(?m)^\*>(\w+)(?:\t.*)?\n", text)
    sections = dict(zip(pieces[::2], pieces[1::2]))
    end = re.findall(r"(?m)^\*-.*", text)[-1:]
    music = "".join(sections.get(name, "") for name in (names if repeats else dict.fromkeys(names)))
    music = re.sub(r"(?m)^\*-.*\n?", "", music)
    music = re.sub(r"(?m)^=.*", lambda line: re.sub(r"[:|!]+", "", line[0]), music)
    return re.sub(r"(?m)^\*>.*\n", "", head) + music + "".join(end) + "\n"


def _check_metres(path, counts):
    """Refuse bars of thousands of beats, with which music21 would be busy for minutes."""
    if any(int(number) > MOST_BEATS for count in counts for number in re.findall(r"\d+", count or "")):
        raise UserError(f"{path.name} has a metre of more than {MOST_BEATS} beats: correct it there.")


def parse_humdrum(path: Path, repeats: bool = True) -> stream.Score:
    """The score in a Humdrum file; a Notice names what music21 leaves out because it can't be read."""
    text, told = _text(path), io.StringIO()
    _check_metres(path, re.findall(r"(?m)(?:^|\t)\*M([\d+]+)/", text))
    with redirect_stderr(told):
        score = converter.parse(unfolded(text, repeats), format="humdrum")
    tokens = dict.fromkeys(re.findall(r"Error in parsing event \('(.*?)'\)", told.getvalue()))
    lines = [line.split("\t") for line in text.splitlines()]
    places = [
        f"{token} in line {next((n for n, line in enumerate(lines, 1) if token in line), '?')}"
        for token in tokens
    ]
    if places:
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        sentence = f"what can't be read in {path.name} is left out: {', '.join(places[:3])}{more}"
        warnings.warn(sentence, Notice, stacklevel=5)
    add_swing(score, re.findall(r"(?m)^!+OMD.*?:(.*)", text))
    return score


def add_swing(score: stream.Score, texts: Iterable[str]) -> None:
    """Write what asks for swing, among texts of a file that music21 leaves out, where the score begins."""
    for text in texts:
        if SWING.search(text):
            score.parts[0].insert(0, expressions.TextExpression(text))


def parse_mei(path: Path, repeats: bool = True) -> stream.Score:
    """The score in a MEI file, with its endings, order of sections and tempo, which music21 leaves out."""
    root = ElementTree.fromstring(path.read_bytes())
    _check_metres(path, [one.get(name) for one in root.iter() for name in ("meter.count", "count")])
    named = {one.get("{http://www.w3.org/XML/1998/namespace}id"): one for one in root.iter()}
    for section in list(root.iter(f"{MEI}section")):
        plan = section.find(f"{MEI}expansion")
        names = [name.lstrip("#") for name in plan.get("plist", "").split()] if plan is not None else []
        played = [
            deepcopy(named[name]) for name in (names if repeats else dict.fromkeys(names)) if name in named
        ]
        for measure in (one for piece in played for one in piece.iter(f"{MEI}measure")):
            for side in ("left", "right"):
                measure.attrib.pop(side, None)
        section[:] = played or list(section)
    endings: list[str] = []  # of each measure

    def flat(parent, ending):
        for child in parent:
            if child.tag in (f"{MEI}section", f"{MEI}ending"):
                inside = child.get("n", "") if child.tag == f"{MEI}ending" else ending
                yield from flat(child, inside)
            else:
                endings.extend([ending] * (child.tag == f"{MEI}measure"))
                yield child

    for score in root.iter(f"{MEI}score"):
        first, *others = score.findall(f"{MEI}section")
        first[:] = [one for section in (first, *others) for one in flat(section, "")]
        for one in others:
            score.remove(one)
    found = converter.parse(ElementTree.tostring(root, encoding="unicode"), format="mei")
    for part in found.parts:
        measures = zip(endings, list(part.getElementsByClass("Measure")))
        for ending, group in groupby(measures, lambda pair: pair[0]):
            numbers = [int(one) for one in re.findall(r"\d+", ending)]
            if numbers:
                part.insert(0, spanner.RepeatBracket([measure for _, measure in group], number=numbers))
    speeds = [one.get("midi.bpm") for one in root.iter() if one.get("midi.bpm")]
    if speeds and not list(found.recurse().getElementsByClass(tempo.MetronomeMark)):
        found.parts[0].insert(0, tempo.MetronomeMark(number=float(speeds[0])))
    add_swing(found, ("".join(one.itertext()) for one in root.iter(f"{MEI}tempo")))
    return found


def _text(path):
    """The text of a file, which older programs wrote in Latin-1."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def parse_abc(text: str, tune: str | None = None) -> tuple[stream.Stream, str, str]:
    """The score of a tune in ABC text; see `parse_notes`."""
    if not text.strip():
        raise UserError("No notes were given: write some in ABC, such as C D E F | G2 G2.")
    numbers, titles, texts = (list(column) for column in zip(*split_book(text)))
    place = 0
    if tune is not None:
        for n, number in enumerate(list(numbers)):  # of several with one number: 7 (1), 7 (2)
            if numbers.count(number) > 1 or f"{number} (1)" in numbers:
                numbers[n] = f"{number} ({sum(one.startswith(f'{number} (') for one in numbers[:n]) + 1})"
        place = choose(tune, numbers, titles, "tunes")
    elif len(texts) > 1:
        title = titles[0] or "without a title"
        sentence = f"the first of {len(texts)} tunes: {title}; --tune chooses another"
        warnings.warn(sentence, Notice, stacklevel=3)
    name = "The ABC text"
    return understood(read_abc, texts[place], name, "ABC"), name, "ABC"


def thin_xml(path: Path) -> str:
    """The text of a MusicXML file, packed or not, without what is only seen, which takes music21 longest."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            names = [one for one in packed.infolist() if one.filename.lower().endswith("xml")]
            name = next(one for one in names if not one.filename.startswith("META-INF"))
            if name.file_size > BIGGEST_SCORE:
                raise UserError(f"{path.name} is too large: choose a file with one piece.")
            root = ElementTree.fromstring(packed.read(name))
    else:
        root = ElementTree.fromstring(path.read_bytes())
    _check_metres(path, [one.text for one in root.iter("beats")])
    for parent in list(root.iter()):
        for child in list(parent):
            sound = child.find("sound") if child.tag == "direction" else None
            if sound is not None and sound.get("tempo"):  # as it is played; what is printed may differ
                for one in child.iterfind("direction-type"):
                    one[:] = [each for each in one if each.tag != "metronome"]
            seen = child.tag == "direction" and sound is None
            seen = seen and not any(child.find(f".//{tag}") is not None for tag in TOLD)
            if seen or child.tag in ONLY_SEEN:
                parent.remove(child)
    for parent in root.iter("measure"):
        for sound in [one for one in parent.iter("sound") if one.find("swing") is not None]:
            parts = [sound.findtext(f"swing/{name}", "") for name in ("first", "second", "swing-type")]
            kind = "straight" if sound.find("swing/straight") is not None else "swing"
            direction = ElementTree.Element("direction")
            words = ElementTree.SubElement(ElementTree.SubElement(direction, "direction-type"), "words")
            words.text = f"{kind} {parts[0]}:{parts[1]} {parts[2]}"
            holder = next(one for one in parent if one is sound or sound in one)
            parent.insert(list(parent).index(holder), direction)
    for one in root.iter("per-minute"):  # such as "ca. 60" or "60-66"
        one.text = next(iter(re.findall(r"\d+(?:\.\d+)?", one.text or "")), "")
    return ElementTree.tostring(root, encoding="unicode")


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
    longer stays. Where most beats are in three, the tune is written in compound time ("12/8" or "9/8"), but
    for bars of five, which get triplets.

    Parameters
    ----------
    tune : Tune
        In "4/4", "3/4" or "5/4", with notes anywhere.
    """
    beats = [list(group) for _, group in groupby(tune.notes, lambda one: floor(one[0] + EARLY))]
    starts = [np.array([start for start, _, _ in group]) for group in beats]
    broken = [onsets for onsets in starts if (np.abs(onsets - np.round(onsets)) > EARLY).any()]
    in_three = np.mean([_misfit(onsets, 3) < _misfit(onsets, 4) for onsets in broken] or [0]) > 0.5
    compound = in_three and tune.metre in COMPOUND
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
