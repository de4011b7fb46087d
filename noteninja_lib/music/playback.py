"""Scores as they are played: in which order, how fast, and which part has the tune.

Lesson: 00_genre_converter.
"""

import re
import warnings
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from music21 import bar, expressions, harmony, key, meter, note, repeat, spanner, stream, tempo

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import Notice, UserError
from noteninja_lib.music.harmony import QUALITIES, bar_length, beat_length
from noteninja_lib.music.piano_roll import PianoRoll, from_notes
from noteninja_lib.music.tunes import Tune, pick_up, tune_from_score

FEW_NOTES = "The score has fewer than four notes: choose one with a melody."
LONGEST = 20_000  # bars: what is longer goes in circles
NEAR = 1e-4  # quarter notes by which two times may differ that are the same
Spans = list[tuple[float, float]]  # stretches of what is written, in quarter notes, in playing order

#: What musicians call the part that has the tune, and parts that have not, in their files.
TUNE_NAMES = re.compile(
    r"melod|vocal|voice|vox|\blead|sing|tune|solo|soprano|violin[oe]? *(1|i)\b|1st violin"
    r"|gesang|stimme|chant|canto|voz",
    re.I,
)
OTHER_NAMES = re.compile(
    r"bass|drum|perc|viola|violone|cello|chord|pad\b|string|comp|harm|back|choir|bell|left|rhythm|fx", re.I
)


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
    if wish in numbers:
        return numbers.index(wish)
    found = [n for n, name in enumerate(lower) if wish and name == wish]
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


def read_line(part: stream.Stream, spans: Spans | None = None) -> Line:
    """The notes of a part as they are played, tied ones as one, without grace notes and chord symbols.

    Parameters
    ----------
    part : music21.stream.Stream
    spans : list of (float, float), optional
        In which order what is written is played; once from the beginning to the end by default.
    """
    voices: dict[str, list[tuple]] = {}
    words = 0
    for inside in list(part.getElementsByClass("Measure")) or [part]:
        begin = 0.0 if inside is part else float(inside.offset)
        for voice in list(getattr(inside, "voices", [])) or [inside]:
            start = begin + (0.0 if voice is inside else float(voice.offset))
            found = voices.setdefault("1" if voice is inside else str(voice.id), [])
            for one in voice.notes:
                if isinstance(one, harmony.ChordSymbol) or not one.quarterLength:
                    continue
                words += bool(one.lyrics)
                for each in getattr(one, "notes", [one]):
                    if hasattr(each, "pitch"):  # a drum has none
                        held = each.tie is not None and each.tie.type in ("stop", "continue")
                        at = start + float(one.offset)
                        found.append((at, float(one.quarterLength), each.pitch.midi, held))
    lines = [_joined(in_order(sorted(voices[name]), spans)) for name in sorted(voices)]
    share = words / max(1, sum(map(len, voices.values())))
    return Line(part_name(part), share, [line for line in lines if line])


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


# ---- in which order ----------------------------------------------------------------------------------------


@dataclass
class Signs:
    """What stands at a bar and says where to go on."""

    begins: bool = False  # a repeat
    times: int = 1  # that what is repeated, and ends here, is played
    endings: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)  # "Segno", "Fine", "DaCapoAlFine" and so on, as in music21
    to_coda: bool = False


def read_signs(parts: Sequence[stream.Stream]) -> list[Signs]:
    """The signs at each bar, of all parts together."""
    signs: list[Signs] = []
    for part in parts:
        places = {}
        for number, measure in enumerate(part.getElementsByClass("Measure")):
            if number == len(signs):
                signs.append(Signs())
            places[id(measure)] = number
            for line, at in ((measure.leftBarline, number), (measure.rightBarline, number + 1)):
                if isinstance(line, bar.Repeat) and line.direction == "start":
                    while len(signs) <= at:
                        signs.append(Signs())
                    signs[at].begins = True
                elif isinstance(line, bar.Repeat) and at:
                    signs[at - 1].times = max(signs[at - 1].times, line.times or 2)
            for one in measure.getElementsByClass(expressions.Expression):
                text = one.getRepeatExpression() if isinstance(one, expressions.TextExpression) else one
                if isinstance(text, repeat.RepeatExpression):
                    signs[number].names.add(type(text).__name__)
                    words = getattr(one, "content", "") or ""
                    signs[number].to_coda |= words.strip().lower().startswith("to ")
        for bracket in part.getElementsByClass(spanner.RepeatBracket):
            for measure in bracket.getSpannedElements():
                if id(measure) in places:
                    signs[places[id(measure)]].endings |= set(bracket.numberRange)
    count = max((len(part.getElementsByClass("Measure")) for part in parts), default=0)
    return signs[:count]


def playing_order(signs: list[Signs], repeats: bool = True) -> list[int]:
    """Numbers of the bars in the order in which they are played.

    After D.C. or D.S. nothing is repeated, and of endings the last is played. Where a repeat only ends, it
    begins at the end of the one before.

    Parameters
    ----------
    signs : list of Signs
    repeats : bool
        False for each bar once, of endings the last.
    """
    numbers: list[set[int]] = []  # of all endings beside each
    for _, group in groupby(signs, lambda one: bool(one.endings)):
        side = list(group)
        numbers += [set().union(*(one.endings for one in side))] * len(side)
    # A first ending without a number beside it is followed by what is played the last time.
    final = [not side or max(side) > 1 and max(side) in one.endings for one, side in zip(signs, numbers)]
    if not repeats:
        return [number for number, played in enumerate(final) if played]
    codas = [number for number, one in enumerate(signs) if "Coda" in one.names]
    leave = next((n for n in codas if signs[n].to_coda), codas[0] if len(codas) > 1 else None)
    segno = next((number for number, one in enumerate(signs) if "Segno" in one.names), None)
    order, at, start, turn, back = [], 0, 0, 1, None
    while at < len(signs) and len(order) < LONGEST:
        one = signs[at]
        behind_endings = at and signs[at - 1].endings and not one.endings
        if at != start and (one.begins or behind_endings):
            start, turn = at, 1
        rounds = max(one.times, *numbers[at]) if one.endings else one.times
        beyond = back is not None or one.endings and turn > max(numbers[at])
        if one.endings and not (final[at] if beyond else turn in one.endings):
            at += 1
            continue
        order.append(at)
        jump = next((name for name in sorted(one.names) if name.startswith("Da")), "")
        to = segno if jump.startswith("Dal") else 0
        if back is not None:
            if "Fine" in one.names and back != "Coda":
                break
            if at == leave and back != "Fine":
                at, leave = max(codas), None
                continue
        elif one.times > 1 and turn < rounds:
            at, turn = start, turn + 1
            continue
        elif jump and to is not None:
            back = "Fine" if jump.endswith("Fine") else "Coda" if jump.endswith("Coda") else ""
            at = to
            continue
        elif one.times > 1:
            start, turn = at + 1, 1
        at += 1
    return order


def played_spans(parts: Sequence[stream.Stream], repeats: bool = True) -> Spans:
    """The stretches of written music, in quarter notes, in the order in which they are played."""
    longest = max(parts, key=lambda part: len(part.getElementsByClass("Measure")))
    end = max(float(part.highestTime) for part in parts)
    places = [float(measure.offset) for measure in longest.getElementsByClass("Measure")] + [end]
    spans: Spans = []
    for number in playing_order(read_signs(parts), repeats):
        if spans and abs(spans[-1][1] - places[number]) < NEAR:
            spans[-1] = (spans[-1][0], places[number + 1])
        else:
            spans.append((places[number], places[number + 1]))
    return spans or [(0.0, end)]


def in_order(events: list[tuple], spans: Spans | None) -> list[tuple]:
    """Events (time, ...), sorted by time, as they come in playing order."""
    if not spans:
        return events
    times, at, found = [event[0] for event in events], 0.0, []
    for begin, end in spans:
        inside = events[bisect_left(times, begin - NEAR) : bisect_left(times, end - NEAR)]
        found += [(start - begin + at, *more) for start, *more in inside]
        at += end - begin
    return found


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
    lines, place, tune, rest = find_tune(parts, spans, seconds, part)
    for number, line in enumerate(lines):
        rest += sum(line.voices, []) if number != place else []
    if not rest:
        rest = written_chords(score, spans)
    if not rest and not score.recurse().getElementsByClass(harmony.ChordSymbol):
        rest = fitting_chords(tune, parts[place])
    beats = seconds(felt_beats(parts[place], spans))
    return from_notes(_timed(tune, seconds, 90), _timed(rest, seconds, 70), end, beats)


def find_tune(
    parts: Sequence[stream.Stream], spans: Spans, seconds: Callable, wish: str | None
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
    """
    lines = [read_line(one, spans) for one in parts]
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
        if mark.number:
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
