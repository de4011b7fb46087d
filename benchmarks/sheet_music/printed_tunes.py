"""Test tunes as lines of tokens: as a tune book prints them, and with everything that a reader has to know.

A test of nothing but plain tunes would leave most tokens unseen, so half of them get far keys, triplets,
32nds, ties, accidentals, rests, changes of key and metre. Both are made by other code than the lines of the
training, on purpose. Lesson: 10_reading_sheet_music.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from benchmarks.sheet_music.notation import Printer, quarters
from noteninja_lib.music.tunes import Tune
from noteninja_lib.omr.vocabulary import BAR_LINES, key_tokens

MIDDLE = {"treble": 71, "bass": 50, "alto": 60, "tenor": 57}  # MIDI pitch of each clef's middle line
MODES = ("major", "mixolydian", "dorian", "minor")  # their major keys lie 0 to 3 fifths below the tonic
METRES = "4/4 3/4 2/4 6/8 9/8 12/8 3/8 2/2 6/4 5/4 3/2 7/8 4/8 5/8".split()
COMMON_SIGNS = {"4/4": "C", "2/2": "C|"}
EIGHTH = Fraction(1, 2)


def _fifths(tune):
    """Sharps of a tune's key signature, or minus its flats: -6 to 5."""
    return (tune.tonic * 7 - MODES.index(tune.mode) + 6) % 12 - 6


def bars_of(events: list[tuple], bar: Fraction) -> list[list[tuple]]:
    """Notes and rests bar by bar.

    Parameters
    ----------
    events : list of (Fraction, int or None)
        Length in quarter notes and MIDI pitch (None: a rest), one after another.
    bar : Fraction
        Quarter notes in a bar.

    Returns
    -------
    list of list of (Fraction, int or None, bool)
        Length, pitch, and whether it is tied to the next. What is left over at the end is dropped.
    """
    bars, line, room = [], [], bar
    for lasts, pitch in events:
        while lasts:
            part = min(lasts, room)
            line.append((part, pitch, lasts > part and pitch is not None))
            lasts, room = lasts - part, room - part
            if not room:
                bars, line, room = [*bars, line], [], bar
    if bars:
        bars[-1][-1] = (*bars[-1][-1][:2], False)
    return bars


def events_of(tune: Tune) -> list[tuple[Fraction, int | None]]:
    """Notes and rests of a tune: (length as an exact fraction of quarter notes, MIDI pitch or None)."""
    events, at = [], Fraction(0)
    for start, lasts, pitch in [*tune.notes, (tune.length, 0, None)]:
        start, lasts = (Fraction(value).limit_denominator(24) for value in (start, lasts))
        events += [(start - at, None)] * (start > at) + [(lasts, pitch)] * (lasts > 0)
        at = start + lasts
    return events


@dataclass
class Section:
    """Part of a tune in one key and metre: bars of (events, bar line, ending that begins or "")."""

    bars: list[tuple]
    fifths: int
    shift: int
    metre: str


def book_section(bars: list, *, last: bool, repeats: bool, pickup: bool, endings: bool) -> list[tuple]:
    """Bars with their bar lines, as books have them; a pick-up takes an eighth from the end of the part."""
    bars, before = [list(bar) for bar in bars], []
    (lasts, pitch, _), first = bars[-1][-1], bars[0][0][1]
    bars[-1][-1] = (lasts, pitch, False)  # what it was tied to is not printed
    if pickup and pitch is not None and first is not None and lasts > EIGHTH and lasts.denominator % 3:
        bars[-1][-1] = (lasts - EIGHTH, pitch, False)
        before = [([(EIGHTH, first, False)], "bar", "")]
    end = "final-bar" if last else "double-bar"
    lines = [*before, *((bar, "bar", "") for bar in bars[:-1])]
    if repeats and endings:
        return [*lines, (bars[-1], "repeat-end", "1"), (bars[-1], end, "2")]
    return [*lines, (bars[-1], "repeat-end" if repeats else end, "")]


@dataclass
class Layout:
    """How sections are printed."""

    clef: str = "treble"
    a_line: int = 4  # bars in a line, besides pick-ups and second endings
    room: int = 50  # tokens in a line at most
    naturals: bool = (
        False  # whether a new key cancels what the old one had and it has not; C major always does
    )
    courtesy: bool = False  # whether a new key or metre of a line stands at the end of the line before, too


def print_sections(
    sections: list[Section],
    layout: Layout,
    symbol: str | None = None,
    opened: bool = True,
    remind: Callable[[], bool] | None = None,
) -> list[list[str]]:
    """Tokens of the lines of a tune.

    Parameters
    ----------
    sections : list of Section
    layout : Layout
    symbol : str, optional
        "C" or "C|" in place of the first metre.
    opened : bool
        Whether a repeat at the very beginning has its sign.
    remind : callable, optional
        See `Printer`.

    Raises
    ------
    ValueError
        If a note lies too far from the staff, or a length can't be printed.
    """
    clef = f"clef:{layout.clef}"
    lines = [[clef, *key_tokens(sections[0].fifths), f"time:{symbol or sections[0].metre}"]]
    count, before = 0, None
    for number, section in enumerate(sections):
        printer = Printer(layout.clef, section.fifths, section.shift, remind)
        repeated = any(bar_line == "repeat-end" for _, bar_line, _ in section.bars)
        for place, (events, bar_line, ending) in enumerate(section.bars):
            change = _signature(before, section, layout.naturals) if number else []
            tokens = printer.bar(events)
            full = count >= layout.a_line or count and len(lines[-1]) + len(tokens) > layout.room
            if full and ending != "2":
                lines[-1] += change * layout.courtesy
                metre = [token for token in change if token.startswith("time:")]
                lines.append([clef, *key_tokens(section.fifths), *metre])
                count = 0
            else:
                lines[-1] += change
            before = section
            if place == 0 and repeated and (number or opened):
                _begin_repeat(lines[-1])
            lines[-1] += [f"ending:{ending}"] * bool(ending) + [*tokens, bar_line]
            count += sum(lasts for lasts, _, _ in events) > quarters(section.metre) / 2
    return lines


def _signature(before, section, naturals):
    """Tokens of a change of key or metre from one section to another; none if there is no change."""
    old, new = before.fifths, section.fifths
    fewer = old * new < 0 or abs(new) < abs(old)
    tokens = ["cancel"] * (fewer and (naturals or new == 0)) + key_tokens(new) if old != new else []
    return tokens + [f"time:{section.metre}"] * (before.metre != section.metre)


def _begin_repeat(line):
    """Put a repeat's beginning where a line ends now: one sign with the bar line that stands there."""
    if line[-1] in BAR_LINES:
        line[-1] = "repeat-both" if line[-1] == "repeat-end" else "repeat-start"
    else:
        line.append("repeat-start")


def shift_to(tune: Tune, clef: str, fifths: int) -> int:
    """Semitones that take a tune to another signature, and by octaves into a clef."""
    shift = (fifths - _fifths(tune)) * 7 % 12
    mean = sum(pitch for _, _, pitch in tune.notes) / len(tune.notes)
    return shift + 12 * round((MIDDLE[clef] - mean - shift) / 12)


def print_plain(tune: Tune, rng: np.random.Generator, layout: Layout = Layout()) -> list[list[str]]:
    """Lines of a tune as a book prints it, in its own key; see `print_sections`."""
    bars, habits = bars_of(events_of(tune), quarters(tune.metre)), (0.7, 0.5, 0.3)
    repeats, pickup, endings = (rng.random() < habit for habit in habits)
    size, sections = 8 if len(bars) % 8 == 0 else len(bars), []
    fifths = _fifths(tune)
    for first in range(0, len(bars), size):
        part, last = bars[first : first + size], first + size == len(bars)
        book = book_section(part, last=last, repeats=repeats, pickup=pickup, endings=endings)
        sections.append(Section(book, fifths, shift_to(tune, layout.clef, fifths), tune.metre))
    symbol = COMMON_SIGNS.get(tune.metre) if rng.random() < 0.6 else None
    return print_sections(sections, layout, symbol, opened=rng.random() < 0.7)


def _vary(events, rng, strength=0.6):
    """Events of a tune, varied (strength 0: nothing, to 1); their lengths together stay as they are."""
    varied, at = [], 0
    while at < len(events):
        lasts, pitch = events[at]
        then, following = events[at + 1] if at + 1 < len(events) else (0, None)
        if pitch is not None and rng.random() < 0.10 * strength:
            pitch += int(rng.choice((-1, 1)))  # mostly an accidental
        if pitch is None or lasts.denominator % 3 == 0 or rng.random() > 0.35 * strength:
            varied.append((lasts, pitch))
        elif following is not None and then == lasts and lasts in (1, EIGHTH) and rng.random() < 0.5:
            varied += [(lasts * Fraction(3, 2), pitch), (lasts / 2, following)]  # dotted
            at += 1
        elif following is not None and rng.random() < 0.25 and (lasts + then).denominator <= 2:
            varied.append((lasts + then, pitch))  # longer, and tied where a bar or the beat is crossed
            at += 1
        else:
            varied += _split(lasts, pitch, rng)
        at += 1
    return varied


def _split(lasts, pitch, rng):
    """A note in smaller values: a triplet, 16ths or 32nds, or with a rest in it."""
    way = rng.choice(("triplet", "run", "rest", "late"))
    steps = rng.choice((-2, -1, 1, 2), 8).cumsum()
    if way == "triplet" and lasts in (2, 1, EIGHTH):
        if rng.random() < 0.3:
            return [(lasts * Fraction(2, 3), pitch), (lasts / 3, pitch + int(steps[0]))]
        return [(lasts / 3, pitch + int(step)) for step in (0, steps[0], steps[1])]
    if way == "run" and lasts in (1, EIGHTH, EIGHTH / 2):
        count = int(rng.choice((2, 4))) if lasts < 1 else int(rng.choice((4, 8)))
        count = min(count, int(lasts / Fraction(1, 8)))
        return [(lasts / count, pitch + int(step)) for step in (0, *steps[: count - 1])]
    if way == "rest" and lasts >= EIGHTH:
        return [(lasts / 2, pitch), (lasts / 2, None)] if rng.random() < 0.7 else [(lasts, None)]
    if way == "late" and lasts >= EIGHTH:
        pause = lasts / 4 if lasts <= 1 else lasts / 2
        return [(pause, None), (lasts - pause, pitch)]
    return [(lasts, pitch)]


def _split_at_bar(events, bar):
    """Events before and after the bar line that lies nearest to their middle."""
    ends = np.cumsum([lasts for lasts, _ in events])
    places = [place for place, end in enumerate(ends, 1) if end % bar == 0]
    middle = min(places, key=lambda place: abs(2 * ends[place - 1] - ends[-1]), default=len(events))
    return events[:middle], events[middle:]


def print_everything(tune: Tune, rng: np.random.Generator, layout: Layout) -> list[list[str]]:
    """Lines of a tune with everything; see `print_sections`.

    Raises
    ------
    ValueError
        If what was drawn can't be printed.
    """
    slower = int(rng.choice((1, 2, 4), p=(0.45, 0.4, 0.15)))  # the same in longer values
    events = _vary([(slower * lasts, pitch) for lasts, pitch in events_of(tune)], rng)
    metre = quarters(tune.metre) * slower
    halves = _split_at_bar(events, metre)
    metre = tune.metre if slower == 1 and rng.random() < 0.5 else str(rng.choice(METRES))
    fifths = int(rng.integers(-7, 8))
    change, sections = rng.random() < 0.6, []
    for part in range(2):
        if part and change:
            fifths = int(rng.integers(-7, 8)) if rng.random() < 0.7 else fifths
            metre = str(rng.choice(METRES)) if rng.random() < 0.6 else metre
        bars = bars_of(halves[part], quarters(metre))[:8]
        if not bars:
            raise ValueError("too short for two parts")
        if rng.random() < 0.25 and len(bars) > 4:
            bars[3] = [(quarters(metre), None, False)]  # a bar of rest; nothing is tied into it
            bars[2][-1] = (*bars[2][-1][:2], False)
        repeats = not change and rng.random() < 0.7
        pickup, endings = rng.random() < 0.4, rng.random() < 0.4
        book = book_section(bars, last=part == 1, repeats=repeats, pickup=pickup, endings=endings)
        sections.append(Section(book, fifths, shift_to(tune, layout.clef, fifths), metre))
    symbol = COMMON_SIGNS.get(sections[0].metre) if rng.random() < 0.5 else None
    opened = rng.random() < 0.7
    return print_sections(sections, layout, symbol, opened, remind=lambda: rng.random() < 0.03)
