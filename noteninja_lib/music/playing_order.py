"""In which order a score's bars are played: repeats, endings, D.C. and D.S. Lesson: 00_genre_converter."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby, zip_longest

from music21 import bar, expressions, note, repeat, spanner, stream

LONGEST = 20_000  # bars: what is longer goes in circles
NEAR = 1e-4  # quarter notes by which two times may differ that are the same
Spans = list[tuple[float, float]]  # stretches of what is written, in quarter notes, in playing order


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
            inside = [places[id(one)] for one in bracket.getSpannedElements() if id(one) in places]
            for number in range(min(inside, default=0), max(inside, default=-1) + 1):  # it may name both ends
                signs[number].endings |= set(bracket.numberRange)
    for one, after in zip(signs, signs[1:]):  # before another ending, one ends a repeat without its sign, too
        if one.endings and after.endings and min(after.endings) > max(one.endings):
            one.times = max(one.times, 2)
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


def line_up(parts: Sequence[stream.Stream]) -> None:
    """Bring bars that stand one above another to one place and one length.

    Programs write longer bars in a staff with a metre of its own, whose bar lines are those of the others,
    and rests of a whole bar where a pick-up is shorter.
    """
    begin, metres = 0.0, [0.0] * len(parts)
    for column in zip_longest(*(part.getElementsByClass("Measure") for part in parts)):
        bars = {number: one for number, one in enumerate(column) if one is not None}
        for number, one in bars.items():
            metres[number] = (
                one.timeSignature.barDuration.quarterLength if one.timeSignature else metres[number]
            )
        shared = [metres[number] for number in bars]
        usual = max(shared, key=shared.count)
        heard = [bars[n].highestTime for n in bars if metres[n] == usual and bars[n].recurse().notes]
        length = max(heard or [min(one.highestTime for one in bars.values())])
        length = min(length, max(usual, min(heard))) if heard and usual else length
        for number, one in bars.items():
            if metres[number] and metres[number] != usual and abs(one.highestTime - length) > NEAR:
                one.augmentOrDiminish(Fraction(usual) / Fraction(metres[number]), inPlace=True)
            for rest in one.recurse().getElementsByClass(note.Rest) if one.highestTime > length else ():
                rest.quarterLength = max(
                    0.0, min(rest.quarterLength, length - rest.getOffsetInHierarchy(one))
                )
            parts[number].setElementOffset(one, begin)
        begin += length


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
