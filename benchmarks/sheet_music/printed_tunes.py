"""Test tunes as lines of tokens: as a tune book prints them, and with everything that can be read.

Both are made by other code than the lines of the training, on purpose. Lesson: 10_reading_sheet_music.
"""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from benchmarks.sheet_music.notation import key_alters, quarters
from noteninja_lib.music.tunes import Tune
from noteninja_lib.omr import vocabulary
from noteninja_lib.omr.vocabulary import BAR_LINES, CLEFS, LETTERS, SHARPS, key_tokens, note

MIDDLE = {"treble": 71, "bass": 50, "alto": 60, "tenor": 57}  # MIDI pitch of each clef's middle line
MODES = ("major", "mixolydian", "dorian", "minor")  # their major keys lie 0 to 3 fifths below the tonic
COMMON_SIGNS = {metre: sign for sign, metre in vocabulary.RATIOS.items()}
METRES = [metre for metre in vocabulary.METRES if metre not in vocabulary.RATIOS]
EIGHTH = Fraction(1, 2)
WRITTEN = [(value, dots) for value in vocabulary.VALUES for dots in (0, 1)]
#: Lengths in quarter notes that one note can have -> (value, dots).
LENGTHS = {Fraction(4, value) * Fraction(2 + dots, 2): (value, dots) for value, dots in WRITTEN}
SIGNS = {alter: sign for sign, alter in vocabulary.ALTERS.items()}


#: Part of a tune: bars of (events, bar line, ending or ""); `shift` in semitones moves everything.
Section = namedtuple("Section", "bars fifths shift metre")


@dataclass
class Layout:
    """How sections are printed."""

    clef: str = "treble"
    a_line: int = 4  # bars in a line, besides pick-ups and second endings
    room: int = 50  # tokens in a line at most
    naturals: bool = False  # whether naturals take back what a new key lacks; before C major they always do
    courtesy: bool = False  # whether a new key or metre of a line stands at the end of the line before, too
    symbol: str | None = None  # "C" or "C|" in place of the first metre
    opened: bool = True  # whether a repeat at the very beginning has its sign
    remind: Callable[[], bool] = lambda: False  # whether a sign that is not needed says what holds anyway


def bars_of(events: list[tuple], bar: Fraction) -> list[list[tuple]]:
    """Notes and rests (quarter notes, MIDI pitch or None) bar by bar, of `bar` quarter notes each.

    Gives (quarter notes, pitch, whether it is tied to the next) for each; what is left over is dropped.
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


def book_section(bars: list, last: bool, repeats: bool, pickup: bool, endings: bool) -> list[tuple]:
    """Bars with their bar lines, as books have them; a pick-up takes an eighth from the end of the part."""
    (lasts, pitch, _), first = bars[-1][-1], bars[0][0][1]
    pickup = pickup and None not in (pitch, first) and lasts > EIGHTH and lasts.denominator % 3 > 0
    final = [*bars[-1][:-1], (lasts - EIGHTH * pickup, pitch, False)]  # what it was tied to is not printed
    end = "final-bar" if last else "double-bar"
    lines = [([(EIGHTH, first, False)], "bar", "")] * pickup + [(bar, "bar", "") for bar in bars[:-1]]
    if repeats and endings:
        return [*lines, (final, "repeat-end", "1"), (final, end, "2")]
    return [*lines, (final, "repeat-end" if repeats else end, "")]


class _Printer:
    """Bars of a section -> tokens, with accidentals where the rule demands them."""

    def __init__(self, section, layout):
        self.section, self.layout, self.tied, self.held = section, layout, False, {}

    def bar(self, events):
        """Tokens of one bar, (length, pitch or None, tied) each, without its bar line."""
        tokens, at, self.held = [], 0, {}
        if len(events) == 1 and events[0][1] is None:
            return ["rest:1"]
        while at < len(events):
            if events[at][0].denominator % 3:
                tokens, at = tokens + self._sounding(*events[at]), at + 1
                continue
            group = _triplet(events[at:])
            notes = [self._sounding(lasts * Fraction(3, 2), *rest) for lasts, *rest in group]
            tokens, at = [*tokens, "triplet", *sum(notes, []), "end-triplet"], at + len(group)
        return tokens

    def _sounding(self, lasts, pitch, tie):
        """Tokens of a note or rest, tied together of several where one does not do."""
        tokens, parts = [], []
        while rest := lasts - sum(parts):
            if rest < min(LENGTHS):
                raise ValueError("too short")
            parts.append(max(length for length in LENGTHS if length <= rest))
        for number, length in enumerate(parts[::-1] if pitch is None else parts, 1):
            value, dots = LENGTHS[length]
            if pitch is None:
                tokens += [f"rest:{value}"] + ["dot"] * dots
            else:
                sign, position = self._place(pitch)
                self.tied = tie or number < len(parts)
                tokens += [*sign, note(position, value)] + ["dot"] * dots + ["tie"] * self.tied
        return tokens

    def _place(self, pitch):
        """The accidental that a note needs, if it needs one, and its position on the staff."""
        step, alter = _spell(pitch + self.section.shift, self.section.fifths)
        letter, octave = CLEFS[self.layout.clef]
        position = step - 7 * octave - LETTERS.index(letter)
        if not vocabulary.LOWEST <= position <= vocabulary.HIGHEST:
            raise ValueError("too far from the staff")
        usual = self.held.get(position, key_alters(self.section.fifths).get(LETTERS[step % 7], 0))
        if self.tied:
            if alter != usual and position not in self.held:
                self.held[position] = None  # the tie carries it over the bar line: the next one shows its own
            return [], position
        self.held[position] = alter
        return [f"acc:{SIGNS[alter]}"] if alter != usual or self.layout.remind() else [], position


def _spell(pitch, fifths):
    """(steps above C0, alter) of a MIDI pitch in a key, with few accidentals, and rather raised notes."""
    place = next(place for place in range(fifths - 3, fifths + 9) if place * 7 % 12 == pitch % 12)  # C 0, G 1
    letter, alter = SHARPS[(place + 1) % 7], (place + 1) // 7
    return 7 * ((pitch - alter) // 12 - 1) + LETTERS.index(letter), alter


def _triplet(events):
    """The two or three events at the beginning that are played three in the time of two."""
    for group in (events[:2], events[:3]):
        whole = sum(lasts for lasts, _, _ in group)
        if whole in (EIGHTH, 1, 2) and all(3 * lasts in (whole, 2 * whole) for lasts, _, _ in group):
            return group
    raise ValueError("not a whole triplet")


def print_sections(sections: list[Section], layout: Layout) -> list[list[str]]:
    """Tokens of the lines of a tune; ValueError if a note lies too far from the staff, or is too short."""
    clef, count, before = f"clef:{layout.clef}", 0, None
    lines = [[clef, *key_tokens(sections[0].fifths), f"time:{layout.symbol or sections[0].metre}"]]
    for section in sections:
        printer = _Printer(section, layout)
        repeated = any(bar_line == "repeat-end" for _, bar_line, _ in section.bars)
        for place, (events, bar_line, ending) in enumerate(section.bars):
            key, metre = [], []  # what changes
            if before and place == 0:
                old, new = before.fifths, section.fifths
                fewer = (old * new < 0 or abs(new) < abs(old)) and (layout.naturals or new == 0)
                key = ["cancel"] * fewer + key_tokens(new) if old != new else []
                metre = [f"time:{section.metre}"] * (before.metre != section.metre)
            tokens = printer.bar(events)
            full = count >= layout.a_line or count and len(lines[-1]) + len(tokens) > layout.room
            if full and ending != "2":
                lines[-1] += (key + metre) * layout.courtesy
                lines.append([clef, *key_tokens(section.fifths), *metre])
                count = 0
            else:
                lines[-1] += key + metre
            line = lines[-1]
            if place == 0 and repeated and (before or layout.opened):  # one sign with a bar line before it
                both = "repeat-both" if line[-1] == "repeat-end" else "repeat-start"
                line[-1:] = [both] if line[-1] in BAR_LINES else [line[-1], both]
            line += [f"ending:{ending}"] * bool(ending) + [*tokens, bar_line]
            count += sum(lasts for lasts, _, _ in events) > quarters(section.metre) / 2
        before = section
    return lines


def _fifths(tune):
    """Sharps of a tune's key signature, or minus its flats: -6 to 5."""
    return (tune.tonic * 7 - MODES.index(tune.mode) + 6) % 12 - 6


def shift_to(tune: Tune, clef: str, fifths: int) -> int:
    """Semitones that take a tune to another signature, and by octaves into a clef."""
    shift = (fifths - _fifths(tune)) * 7 % 12
    mean = sum(pitch for _, _, pitch in tune.notes) / len(tune.notes)
    return shift + 12 * round((MIDDLE[clef] - mean - shift) / 12)


def print_plain(tune: Tune, rng: np.random.Generator, layout: Layout = Layout()) -> list[list[str]]:
    """Lines of a tune as a book prints it, in its own key; see `print_sections`."""
    bars, fifths, sections = bars_of(events_of(tune), quarters(tune.metre)), _fifths(tune), []
    habits = [rng.random() < habit for habit in (0.7, 0.5, 0.3)]  # repeats, pick-up, endings
    size, shift = 8 if len(bars) % 8 == 0 else len(bars), shift_to(tune, layout.clef, fifths)
    for end in range(size, len(bars) + 1, size):
        book = book_section(bars[end - size : end], end == len(bars), *habits)
        sections.append(Section(book, fifths, shift, tune.metre))
    symbol = COMMON_SIGNS.get(tune.metre) if rng.random() < 0.6 else None
    return print_sections(sections, replace(layout, symbol=symbol, opened=rng.random() < 0.7))


def _vary(events, rng):
    """Events of a tune, varied; their lengths together stay as they are."""
    varied, at = [], 0
    while at < len(events):
        lasts, pitch = events[at]
        then, following = events[at + 1] if at + 1 < len(events) else (0, None)
        if pitch is not None and rng.random() < 0.06:
            pitch += int(rng.choice((-1, 1)))  # mostly an accidental
        if pitch is None or lasts.denominator % 3 == 0 or rng.random() > 0.21:
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
    steps = [pitch, *(pitch + int(step) for step in rng.choice((-2, -1, 1, 2), 8).cumsum())]
    if way == "triplet" and lasts in (2, 1, EIGHTH):
        if rng.random() < 0.3:
            return [(lasts * Fraction(2, 3), pitch), (lasts / 3, steps[1])]
        return [(lasts / 3, step) for step in steps[:3]]
    if way == "run" and lasts in (1, EIGHTH, EIGHTH / 2):
        count = min(int(rng.choice((2, 4) if lasts < 1 else (4, 8))), int(lasts / Fraction(1, 8)))
        return [(lasts / count, step) for step in steps[:count]]
    if way == "rest" and lasts >= EIGHTH:
        return [(lasts / 2, pitch), (lasts / 2, None)] if rng.random() < 0.7 else [(lasts, None)]
    if way == "late" and lasts >= EIGHTH:
        pause = lasts / 4 if lasts <= 1 else lasts / 2
        return [(pause, None), (lasts - pause, pitch)]
    return [(lasts, pitch)]


def print_everything(tune: Tune, rng: np.random.Generator, layout: Layout) -> list[list[str]]:
    """Lines of a tune with everything; ValueError if what was drawn can't be printed."""
    slower = int(rng.choice((1, 2, 4), p=(0.45, 0.4, 0.15)))  # the same in longer values
    events = _vary([(slower * lasts, pitch) for lasts, pitch in events_of(tune)], rng)
    ends = np.cumsum([lasts for lasts, _ in events])
    bars = [place for place, end in enumerate(ends, 1) if end % (quarters(tune.metre) * slower) == 0]
    middle = min(bars, key=lambda place: abs(2 * ends[place - 1] - ends[-1]), default=len(events))
    metre = tune.metre if slower == 1 and rng.random() < 0.5 else str(rng.choice(METRES))
    fifths, change, sections = int(rng.integers(-7, 8)), rng.random() < 0.6, []
    for part, half in enumerate((events[:middle], events[middle:])):
        if part and change:
            fifths = int(rng.integers(-7, 8)) if rng.random() < 0.7 else fifths
            metre = str(rng.choice(METRES)) if rng.random() < 0.6 else metre
        bars = bars_of(half, quarters(metre))[:8]
        if not bars:
            raise ValueError("too short for two parts")
        if rng.random() < 0.25 and len(bars) > 4:
            bars[3] = [(quarters(metre), None, False)]  # a bar of rest; nothing is tied into it
            bars[2][-1] = (*bars[2][-1][:2], False)
        repeats = not change and rng.random() < 0.7
        book = book_section(bars, part == 1, repeats, pickup=rng.random() < 0.4, endings=rng.random() < 0.4)
        sections.append(Section(book, fifths, shift_to(tune, layout.clef, fifths), metre))
    symbol = COMMON_SIGNS.get(sections[0].metre) if rng.random() < 0.5 else None
    opened = rng.random() < 0.7
    layout = replace(layout, symbol=symbol, opened=opened, remind=lambda: rng.random() < 0.03)
    return print_sections(sections, layout)
