"""Scores as they are played: in which order, how fast, and which part has the tune.

Lesson: 00_genre_converter.
"""

import re
import warnings
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import floor

import numpy as np
from music21 import expressions, harmony, key, meter, note, stream, tempo

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import Notice, UserError
from noteninja_lib.music.harmony import QUALITIES, bar_length, beat_length
from noteninja_lib.music.piano_roll import PianoRoll, from_notes
from noteninja_lib.music.playing_order import NEAR, Spans, in_order, played_spans
from noteninja_lib.music.tunes import Tune, pick_up, tune_from_score

FEW_NOTES = "The score has fewer than four notes: choose one with a melody."

#: What musicians call the part that has the tune, and parts that have not, in their files.
TUNE_NAMES = re.compile(
    r"melod|vocal|voice|vox|\blead|sing|tune|solo|soprano|violin[oe]? *(1|i)\b|1st violin"
    r"|gesang|stimme|chant|canto|voz",
    re.I,
)
OTHER_NAMES = re.compile(
    r"bass|drum|perc|viola|violone|cello|chord|pad\b|string|comp|harm|back|choir|bell|left|rhythm|fx", re.I
)
#: Words that ask for swing, or with "straight" for its end.
SWING = re.compile(r"\b(?:swing|swung|shuffle|straight)\b", re.I)


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
    for one in sorted(notes, key=lambda each: (round(each.start / together), -each.pitch)):
        covered = voice and voice[-1].pitch > one.pitch and voice[-1].end > one.start + together
        (under if covered else voice).append(one)
    return voice, under


def choose_part(names: list[str], scores: list[float], wish: str | None, kind: str) -> int:
    """Which part is the tune: the one that is asked for by number or name, or the likeliest, which is said.

    Parameters
    ----------
    names : list of str
        Of all parts that have notes.
    scores : list of float
        How likely each has the tune, as `tune_score` gives it.
    wish : str, optional
        A number from 1, or a name; of a name its beginning is enough, if it begins no other.
    kind : str
        What a part is called: "part" or "track".

    Raises
    ------
    UserError
        If there is no such part; the sentence lists those that there are.
    """
    shown = [f"{number}{f', {name}' if name else ''}" for number, name in enumerate(names, 1)]
    if wish is None:
        best = int(np.argmax(scores))
        if len(names) > 1:
            warnings.warn(f"tune: {kind} {shown[best]}; --part chooses another", Notice, stacklevel=3)
        return best
    return choose(wish, [str(n + 1) for n in range(len(names))], names, f"{kind}s")


def choose(wish: str, numbers: list[str], names: list[str], kinds: str) -> int:
    """Place of what a user calls by its number, its name or the beginning of its name; a UserError lists all.

    Parameters
    ----------
    wish : str
    numbers, names : list of str
    kinds : str
        What they are called.
    """
    given = str(wish).strip()[:40]
    wish = str(wish).strip().lower()
    lower = [name.strip().lower() for name in names]
    found = [n for n, number in enumerate(numbers) if wish == number or number.startswith(f"{wish} (")]
    found = found or [n for n, name in enumerate(lower) if wish and name == wish]
    found = found or [n for n, name in enumerate(lower) if wish and name.startswith(wish)]
    if len(found) == 1:
        return found[0]
    all_of_them = [f"{number} {name}".strip() or "(no title)" for number, name in zip(numbers, names)]
    some = "; ".join(all_of_them[:40]) + ("; ..." if len(names) > 40 else "")
    several = "is not one alone" if found else "is not there"
    raise UserError(f"{given!r} {several} among the {kinds} of this file: {some}.")


@dataclass
class Line:
    """A part of a score: its name, the share of its notes with words, and its voices' notes in quarter notes.

    A note is (start, length, pitch); the first voice is the upper one.
    """

    name: str
    words: float
    voices: list[list[tuple[float, float, int]]]


def read_line(part: stream.Stream, spans: Spans | None = None, swing: Sequence[tuple] = ()) -> Line:
    """The notes of a part as they are played, tied ones as one, without grace notes and chord symbols.

    Parameters
    ----------
    part : music21.stream.Stream
    spans : list of (float, float), optional
        In which order what is written is played; once from the beginning to the end by default.
    swing : sequence of (float, float, float)
        See `read_swing`.
    """
    voices: dict[str, list[tuple]] = {}
    words, measures = 0, list(part.getElementsByClass("Measure")) or [part]
    first = min((str(one.id) for inside in measures for one in getattr(inside, "voices", [])), default="1")
    for inside in measures:
        begin = 0.0 if inside is part else float(inside.offset)
        layers = list(getattr(inside, "voices", [])) or [inside]
        if len(layers) > 1:  # notes in small print are another way to play what stands beside them
            layers = [one for one in layers if not one.notes or not all(map(_small, one.notes))] or layers
        names = sorted(str(one.id) for one in layers) if len(layers) > 1 else [first]
        layers.sort(key=lambda one: (-sum(bool(each.lyrics) for each in one.notes), str(one.id)))
        for name, voice in zip(names, layers):  # what is sung comes first
            start = begin + (0.0 if voice is inside else float(voice.offset))
            found = voices.setdefault(name, [])
            for one in voice.notes:
                if isinstance(one, harmony.ChordSymbol) or not one.quarterLength:
                    continue
                words += bool(one.lyrics)
                for each in getattr(one, "notes", [one]):
                    if hasattr(each, "pitch"):  # a drum has none
                        held = each.tie is not None and each.tie.type in ("stop", "continue")
                        at = start + float(one.offset)
                        found.append((at, float(one.quarterLength), each.pitch.midi, held))
    if swing:
        voices = {name: swung(notes, part, swing) for name, notes in voices.items()}
    lines = [_joined(in_order(sorted(voices[name]), spans)) for name in sorted(voices)]
    share = words / max(1, sum(map(len, voices.values())))
    return Line(part_name(part), share, [line for line in lines if line])


def _small(one):
    return one.hasStyleInformation and one.style.noteSize == "cue"


def part_name(part: stream.Stream) -> str:
    """What a part is called, or its instrument."""
    name = getattr(part, "partName", None)
    if not name and isinstance(part, stream.Part):
        name = getattr(part.getInstrument(returnDefault=False), "instrumentName", None)
    return (name or "").strip()


def _joined(notes):
    """Notes (start, length, pitch, held) without those that only hold one, by which that one is longer."""
    line, sounding = [], {}
    for start, lasts, pitch, held in notes:
        before = sounding.get(pitch)
        if held and before is not None and abs(line[before][0] + line[before][1] - start) < 1e-3:
            line[before][1] += lasts
        else:
            sounding[pitch] = len(line)
            line.append([start, lasts, pitch])
    return [tuple(one) for one in line]


# ---- how fast, and with which chords -----------------------------------------------------------------------


def perform(
    score: stream.Stream, usual: float = 110.0, *, part: str | None = None, repeats: bool = True
) -> PianoRoll:
    """Piano roll of a score as it is played: repeats, tempo, pick-up, its own accompaniment.

    The tune is the part that is likeliest to have it (`tune_score`), words and names included, and of two
    voices in it the upper one. Where nothing else is written, chord symbols are played, and where there are
    none, chords that go with the tune.

    Parameters
    ----------
    score : music21.stream.Stream
        At sounding pitch.
    usual : float
        Felt beats a minute where no tempo is written.
    part : str, optional
        Number from 1, or name, of the part that is the tune.
    repeats : bool
        Whether repeats are played, and signs such as "D.C." followed.
    """
    parts = list(getattr(score, "parts", [])) or [score]
    spans = played_spans(parts, repeats)
    seconds = tempo_map(score, usual, spans)
    end = float(seconds([sum(end - begin for begin, end in spans)])[0])
    lines, place, tune, rest = find_tune(parts, spans, seconds, part, read_swing(score))
    for number, line in enumerate(lines):
        rest += sum(line.voices, []) if number != place else []
    if not rest:
        rest = written_chords(score, spans)
    if not rest and not score.recurse().getElementsByClass(harmony.ChordSymbol):
        rest = fitting_chords(tune, parts[place])
    beats = seconds(felt_beats(parts[place], spans))
    return from_notes(_timed(tune, seconds, 90), _timed(rest, seconds, 70), end, beats)


def find_tune(
    parts: Sequence[stream.Stream], spans: Spans, seconds: Callable, wish: str | None, swing: Sequence = ()
) -> tuple[list[Line], int, list[tuple], list[tuple]]:
    """The parts of a score as lines, which of them has the tune, the tune, and what else is in that part.

    Parameters
    ----------
    parts : sequence of music21.stream.Stream
    spans : list of (float, float)
        See `played_spans`.
    seconds : callable
        From played quarter notes.
    wish : str, optional
        Number or name of the part.
    swing : sequence of (float, float, float)
        See `read_swing`.
    """
    lines = [read_line(one, spans, swing) for one in parts]
    there = [number for number, line in enumerate(lines) if line.voices]
    if not there:
        raise UserError(FEW_NOTES)
    end = max(start + lasts for number in there for start, lasts, _ in sum(lines[number].voices, []))
    likely = []
    for number in there:
        notes = _timed(sum(lines[number].voices, []), seconds, 90)
        score = tune_score(notes, float(seconds([end])[0]), lines[number].name) + 2 * lines[number].words
        likely.append(score + 0.6 * (not likely))  # scores are written from the top
    place = there[choose_part([lines[number].name for number in there], likely, wish, "part")]
    first, *others = lines[place].voices
    upper, under = upper_voice([Note(start, start + lasts, pitch, 90) for start, lasts, pitch in first])
    if len(upper) < 4:
        raise UserError(FEW_NOTES)
    tune, rest = ([(one.start, one.end - one.start, one.pitch) for one in notes] for notes in (upper, under))
    return lines, place, tune, rest + sum(others, [])


def _timed(notes, seconds, velocity):
    """Notes (start, length, pitch) in quarter notes as they sound."""
    if not notes:
        return []
    starts, lengths, pitches = zip(*notes)
    begin, end = seconds(starts), seconds(np.add(starts, lengths))
    return [Note(float(a), float(b), pitch, velocity) for a, b, pitch in zip(begin, end, pitches)]


def tempo_map(score: stream.Stream, usual: float, spans: Spans) -> Callable[[Sequence[float]], np.ndarray]:
    """A function from played quarter notes to seconds, by all metronome marks of a score."""
    marks = {0.0: 0.0}
    for mark in score.recurse().getElementsByClass(tempo.MetronomeMark):
        if mark.getQuarterBPM():  # as printed, or for playback only
            marks[float(mark.getOffsetInHierarchy(score))] = mark.secondsPerQuarter()
    if len(marks) == 1 and not marks[0.0]:
        time = score.recurse().getElementsByClass(meter.TimeSignature).first()
        marks[0.0] = 60 / usual / beat_length(time.ratioString if time else "4/4")
    marks = dict(sorted(marks.items()))
    marks[0.0] = marks[0.0] or list(marks.values())[1]
    written, speeds = list(marks), list(marks.values())
    places, times = [0.0], [0.0]
    for begin, end in spans:
        inside = [begin, *(place for place in written if begin + NEAR < place < end - NEAR), end]
        for one, after in zip(inside, inside[1:]):
            speed = speeds[bisect_left(written, one + NEAR) - 1]
            places.append(places[-1] + after - one)
            times.append(times[-1] + (after - one) * speed)
    return lambda quarters: np.interp(quarters, places, times)


def read_swing(score: stream.Stream) -> list[tuple[float, float, float]]:
    """Where a score begins or ends swing: quarter note, length of a pair, the first one's share (0: even)."""
    found = []
    for one in score.recurse().getElementsByClass((expressions.TextExpression, tempo.TempoIndication)):
        text = str(getattr(one, "content", None) or getattr(one, "text", None) or "")
        if SWING.search(text):
            first, second = re.search(r"(\d+):(\d+)|$", text).groups()
            share = int(first) / (int(first) + int(second)) if first and int(first) else 2 / 3
            pair = 0.5 if re.search("16", text) else 1.0
            straight = re.search("straight", text, re.I)
            found.append((float(one.getOffsetInHierarchy(score)), pair, 0.0 if straight else share))
    return sorted(found)


def swung(notes: list[tuple], part: stream.Stream, swing: Sequence[tuple]) -> list[tuple]:
    """Notes (start, length, ...) of a part in quarter notes, the second of two on a beat later than written.

    Dotted pairs are swung like even ones; beats of which more than two notes are made stay as they are.

    Parameters
    ----------
    notes : list of tuple
    part : music21.stream.Stream
    swing : sequence of (float, float, float)
        See `read_swing`.
    """
    bars, metre = [], "4/4"  # where they begin, and where their beats are counted from
    for measure in list(part.getElementsByClass("Measure")) or [part]:
        time = measure.getElementsByClass(meter.TimeSignature).first()
        metre, start = time.ratioString if time else metre, 0.0 if measure is part else float(measure.offset)
        late = float(measure.highestTime) if not bars and pick_up(part, bar_length(metre)) else 0.0
        bars.append((start, start + late, metre.endswith(("2", "4"))))

    def beat(time):  # where its beat begins, the share of it that is over by then, and the swing that holds
        _, origin, simple = bars[max(0, bisect_left(bars, (time + NEAR,)) - 1)]
        _, pair, share = swing[max(0, bisect_left(swing, (time + NEAR,)) - 1)]
        number = floor((time - origin) / pair + NEAR)
        holds = simple and time > swing[0][0] - NEAR
        return (origin + number * pair, pair), time - origin - number * pair, share if holds else None

    inside: dict[tuple, set[float]] = {}
    for time in (edge for start, lasts, *_ in notes for edge in (start, start + lasts)):
        place, over, _ = beat(time)
        if over > NEAR:
            inside.setdefault(place, set()).add(round(over / place[1], 3))

    def moved(time):
        place, over, share = beat(time)
        even = over > NEAR and share and inside[place] in ({0.5}, {0.75})
        return place[0] + share * place[1] if even else time

    ends = [(moved(start), moved(start + lasts), *more) for start, lasts, *more in notes]
    return [(start, end - start, *more) for start, end, *more in ends]


def felt_beats(part: stream.Stream, spans: Spans) -> np.ndarray:
    """Places of the beats in played quarter notes; those of a pick-up lead to the bar line after it."""
    first = part.recurse().getElementsByClass(meter.TimeSignature).first()
    bars, metre = [], first.ratioString if first else "4/4"
    for measure in list(part.getElementsByClass("Measure")) or [part]:
        metre = measure.timeSignature.ratioString if getattr(measure, "timeSignature", None) else metre
        start = 0.0 if measure is part else float(measure.offset)
        bars.append((start, float(measure.highestTime), metre))
    found, before = [], None  # quarter notes of its bar that lie before what is there of it
    for start, lasts, metre in in_order(bars, spans):
        beat, whole = beat_length(metre), bar_length(metre)
        missing = whole - lasts
        if before is None:
            late = missing if missing > NEAR and len(bars) > 1 else 0.0
        else:
            late = before if abs(before - missing) < NEAR else 0.0
        found.append(start + np.arange(-late % beat, lasts - 1e-3, beat))
        before = lasts if missing > NEAR and not late else 0.0
    return np.concatenate(found)


def written_chords(score: stream.Stream, spans: Spans) -> list[tuple[float, float, int]]:
    """Notes (start, length, pitch) of a score's chord symbols as they are played."""
    symbols = [(float(s.offset), s) for s in score.flatten().getElementsByClass(harmony.ChordSymbol)]
    ends = [at for at, _ in symbols[1:]] + [float(score.highestTime)]
    found, at = [], 0.0
    for begin, end in spans:
        for (start, symbol), stop in zip(symbols, ends):
            start, stop = max(start, begin), min(stop, end)
            if symbol.pitches and stop - start > NEAR:  # N.C. has no pitches
                root = symbol.root().pitchClass
                steps = sorted({(pitch.pitchClass - root) % 12 for pitch in symbol.pitches})
                found += [(at + start - begin, stop - start, 48 + root + step) for step in steps]
        at += end - begin
    return found


def fitting_chords(tune: list[tuple], part: stream.Stream) -> list[tuple[float, float, int]]:
    """Notes (start, length, pitch) of chords that go with a tune, given in the same way as it is played."""
    plain, late = _plain(tune, part)
    return [
        (late + at, lasts, 48 + root + step)
        for at, lasts, root, kind in tune_from_score(plain).chords
        for step in QUALITIES[kind]
    ]


def written_tune(score: stream.Stream, title: str | None = None, part: str | None = None) -> Tune:
    """The tune of a score, each of its parts once, with the last ending.

    Parameters
    ----------
    score : music21.stream.Stream
        At sounding pitch.
    title : str, optional
    part : str, optional
        Number from 1, or name, of the part that is the tune; by default the likeliest.
    """
    parts = list(getattr(score, "parts", [])) or [score]
    spans = played_spans(parts, repeats=False)
    _, place, tune, _ = find_tune(parts, spans, lambda quarters: np.multiply(quarters, 0.5), part)
    plain, late = _plain(tune, parts[place])
    symbols = [(float(s.offset), s) for s in score.flatten().getElementsByClass(harmony.ChordSymbol)]
    for at, symbol in in_order(symbols, spans):
        if at > late - NEAR:
            plain.insert(at - late, deepcopy(symbol))
    return tune_from_score(plain, title or getattr(score.metadata, "title", None))


def _plain(tune, part):
    """A tune (start, length, pitch) in quarter notes from the first bar line on, with metre and key, and how
    late that bar line is."""
    plain, flat = stream.Part(), part.flatten()
    for kind in (meter.TimeSignature, key.KeySignature):
        found = flat.getElementsByClass(kind).first()
        if found is not None:
            plain.insert(0, deepcopy(found))
    metre = plain.getElementsByClass(meter.TimeSignature).first()
    late = pick_up(part, bar_length(metre.ratioString if metre else "4/4"))
    for start, lasts, pitch in tune:
        if start > late - NEAR:
            plain.insert(start - late, note.Note(pitch, quarterLength=lasts))
    return plain, late


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
