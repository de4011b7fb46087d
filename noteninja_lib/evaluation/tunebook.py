"""Tunes as a tune book prints them: four bars or so a line, parts repeated, pick-ups, first and second endings.

This is the plain half of the reader's test; the other half is composed so that everything occurs, see :mod:`.engravings`.
Lesson: 10_reading_sheet_music.
"""
from dataclasses import dataclass
from fractions import Fraction

from ..music.omr.symbols import BAR_LINES, key_words
from .printed import quarters
from .wording import Printer

MIDDLE = {"treble": 71, "bass": 50, "alto": 60, "tenor": 57}          # MIDI pitch of each clef's middle line
MODES = {"major": 0, "mixolydian": 1, "dorian": 2, "minor": 3}        # by how many fifths the major key lies below the tonic


def fifths_of(tonic, mode):
    """Sharps of a key's signature, or minus its flats: -6 to 5."""
    return (tonic * 7 - MODES[mode] + 6) % 12 - 6


def bars_of(events, bar):
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
    if bars and bars[-1][-1][2]:
        bars[-1][-1] = (*bars[-1][-1][:2], False)
    return bars


def events_of(tune):
    """Notes and rests of a tune, one after another: (length as an exact fraction of quarter notes, MIDI pitch or None)."""
    events, at = [], Fraction(0)
    for start, lasts, pitch in [*tune.notes, (tune.length, 0, None)]:
        start, lasts = (Fraction(value).limit_denominator(24) for value in (start, lasts))
        events += [(start - at, None)] * (start > at) + [(lasts, pitch)] * (lasts > 0)
        at = start + lasts
    return events


@dataclass
class Section:
    """Part of a tune in one key and metre: bars of (events, bar line after them, ending that begins with them or "")."""

    bars: list
    fifths: int
    shift: int
    metre: str

    @property
    def repeated(self):
        """Whether it is played twice."""
        return any(bar_line == "repeat-end" for _, bar_line, _ in self.bars)


def book_section(bars, *, last, repeats, pickup, endings):
    """Bars with their bar lines, as books have them; a pick-up takes an eighth from the end of the part."""
    bars, before = [list(bar) for bar in bars], []
    (lasts, pitch, _), first, early = bars[-1][-1], bars[0][0][1], Fraction(1, 2)
    bars[-1][-1] = (lasts, pitch, False)                        # what it was tied to is not printed
    if pickup and pitch is not None and first is not None and lasts > early and lasts.denominator % 3:
        bars[-1][-1] = (lasts - early, pitch, False)
        before = [([(early, first, False)], "bar", "")]
    end = "final-bar" if last else "double-bar"
    lines = [*before, *((bar, "bar", "") for bar in bars[:-1])]
    if repeats and endings:
        return [*lines, (bars[-1], "repeat-end", "1"), (bars[-1], end, "2")]
    return [*lines, (bars[-1], "repeat-end" if repeats else end, "")]


def print_sections(sections, clef, *, a_line=4, room=50, symbol=None, opened=True, naturals=False, courtesy=False, remind=None):
    """Words of the lines of a tune.

    Parameters
    ----------
    sections : list of Section
    clef : str
    a_line : int
        Bars in a line, besides pick-ups and second endings.
    room : int
        Words in a line at most.
    symbol : str, optional
        "C" or "C|" in place of the first metre.
    opened : bool
        Whether a repeat at the very beginning has its sign.
    naturals : bool
        Whether a new key cancels what the old one had and it has not; C major always does.
    courtesy : bool
        Whether a new key or metre at the beginning of a line stands at the end of the line before, too.
    remind : callable, optional
        See `Printer`.

    Returns
    -------
    list of list of str

    Raises
    ------
    ValueError
        If a note lies too far from the staff, or a length can't be printed.
    """
    lines = [[f"clef:{clef}", *key_words(sections[0].fifths), f"time:{symbol or sections[0].metre}"]]
    count, fifths, metre = 0, None, None
    for number, section in enumerate(sections):
        printer = Printer(clef, section.fifths, section.shift, remind)
        for place, (events, bar_line, ending) in enumerate(section.bars):
            change = signature(fifths, section.fifths, metre, section.metre, naturals) if number else []
            words = printer.bar(events)
            if (count >= a_line or len(lines[-1]) + len(words) > room and count) and ending != "2":
                lines[-1] += change * courtesy
                lines.append([f"clef:{clef}", *key_words(section.fifths), *(word for word in change if word.startswith("time:"))])
                count = 0
            else:
                lines[-1] += change
            fifths, metre = section.fifths, section.metre
            if place == 0 and section.repeated and (number or opened):
                begin_repeat(lines[-1])
            lines[-1] += [f"ending:{ending}"] * bool(ending) + [*words, bar_line]
            count += sum(lasts for lasts, _, _ in events) > quarters(section.metre) / 2
    return lines


def signature(old, new, old_metre, new_metre, naturals):
    """Words of a change of key or metre; none if there is no change."""
    if old is None:
        return []
    fewer = old * new < 0 or abs(new) < abs(old)
    words = ["cancel"] * (fewer and (naturals or new == 0)) + key_words(new) if old != new else []
    return words + [f"time:{new_metre}"] * (old_metre != new_metre)


def begin_repeat(line):
    """Put a repeat's beginning where a line ends now: one sign together with the bar line that stands there."""
    if line[-1] in BAR_LINES:
        line[-1] = "repeat-both" if line[-1] == "repeat-end" else "repeat-start"
    else:
        line.append("repeat-start")


def shift_to(tune, clef, fifths):
    """Semitones that take a tune to another signature, and by octaves into a clef."""
    shift = (fifths - fifths_of(tune.tonic, tune.mode)) * 7 % 12
    mean = sum(pitch for _, _, pitch in tune.notes) / len(tune.notes)
    return shift + 12 * round((MIDDLE[clef] - mean - shift) / 12)


def print_tune(tune, draw, *, clef="treble", a_line=4, room=50):
    """Lines of a tune as a book prints it, in its own key; see `print_sections`."""
    fifths = fifths_of(tune.tonic, tune.mode)
    bars, habits = bars_of(events_of(tune), quarters(tune.metre)), (0.7, 0.5, 0.3)
    repeats, pickup, endings = (draw.random() < habit for habit in habits)
    size = 8 if len(bars) % 8 == 0 else len(bars)
    sections = [Section(book_section(bars[first:first + size], last=first + size == len(bars), repeats=repeats, pickup=pickup,
                                     endings=endings), fifths, shift_to(tune, clef, fifths), tune.metre)
                for first in range(0, len(bars), size)]
    symbol = {"4/4": "C", "2/2": "C|"}.get(tune.metre) if draw.random() < 0.6 else None
    return print_sections(sections, clef, a_line=a_line, room=room, symbol=symbol, opened=draw.random() < 0.7)
