"""Tunes with everything that a reader has to know: far keys, triplets, 32nds, ties, accidentals, rests, changes of key and metre.

A test of nothing but plain tunes would leave most words unseen. These are made by other code than the lines of the training,
on purpose. Lesson: 10_reading_sheet_music.
"""
from fractions import Fraction

import numpy as np

from .printed import quarters
from .tunebook import Section, bars_of, book_section, events_of, print_sections, shift_to

METRES = ("4/4", "3/4", "2/4", "6/8", "9/8", "12/8", "3/8", "2/2", "6/4", "5/4", "3/2", "7/8", "4/8", "5/8")
EIGHTH = Fraction(1, 2)


def decorate(events, draw, amount):
    """Events of a tune, varied; their lengths together stay as they are.

    Parameters
    ----------
    events : list of (Fraction, int or None)
    draw : numpy.random.Generator
    amount : float
        0 (nothing) to 1.

    Returns
    -------
    list of (Fraction, int or None)
    """
    varied, at = [], 0
    while at < len(events):
        lasts, pitch = events[at]
        pair = events[at:at + 2]
        if pitch is not None and draw.random() < 0.10 * amount:
            pitch += int(draw.choice((-1, 1)))                  # mostly an accidental
        if pitch is None or lasts.denominator % 3 == 0 or draw.random() > 0.35 * amount:
            varied.append((lasts, pitch))
        elif len(pair) == 2 and pair[1][0] == lasts and lasts in (1, EIGHTH) and pair[1][1] is not None and draw.random() < 0.5:
            varied += [(lasts * Fraction(3, 2), pitch), (lasts / 2, pair[1][1])]                     # dotted
            at += 1
        elif len(pair) == 2 and pair[1][1] is not None and draw.random() < 0.25 and (lasts + pair[1][0]).denominator <= 2:
            varied.append((lasts + pair[1][0], pitch))          # longer notes, and ties where a bar or the beat is crossed
            at += 1
        else:
            varied += split(lasts, pitch, draw)
        at += 1
    return varied


def split(lasts, pitch, draw):
    """A note in smaller values: a triplet, 16ths or 32nds, or with a rest in it."""
    way = draw.choice(("triplet", "run", "rest", "late"))
    steps = draw.choice((-2, -1, 1, 2), 8).cumsum()
    if way == "triplet" and lasts in (2, 1, EIGHTH):
        if draw.random() < 0.3:
            return [(lasts * Fraction(2, 3), pitch), (lasts / 3, pitch + int(steps[0]))]
        return [(lasts / 3, pitch + int(step)) for step in (0, steps[0], steps[1])]
    if way == "run" and lasts in (1, EIGHTH, EIGHTH / 2):
        count = int(draw.choice((2, 4))) if lasts < 1 else int(draw.choice((4, 8)))
        count = min(count, int(lasts / Fraction(1, 8)))
        return [(lasts / count, pitch + int(step)) for step in (0, *steps[:count - 1])]
    if way == "rest" and lasts >= EIGHTH:
        return [(lasts / 2, pitch), (lasts / 2, None)] if draw.random() < 0.7 else [(lasts, None)]
    if way == "late" and lasts >= EIGHTH:
        return [(lasts / 4, None), (lasts * Fraction(3, 4), pitch)] if lasts <= 1 else [(lasts / 2, None), (lasts / 2, pitch)]
    return [(lasts, pitch)]


def split_at_bar(events, bar):
    """Events before and after the bar line that lies nearest to their middle."""
    ends = np.cumsum([lasts for lasts, _ in events])
    places = [place for place, end in enumerate(ends, 1) if end % bar == 0]
    middle = min(places, key=lambda place: abs(2 * ends[place - 1] - ends[-1]), default=len(events))
    return events[:middle], events[middle:]


def print_everything(tune, draw, *, clef, naturals, courtesy, amount=0.6, a_line=4, room=50):
    """Lines of a tune with everything; for the arguments see `print_sections`.

    Parameters
    ----------
    amount : float
        See `decorate`.

    Returns
    -------
    list of list of str

    Raises
    ------
    ValueError
        If what was drawn can't be printed.
    """
    slower = int(draw.choice((1, 2, 4), p=(0.45, 0.4, 0.15)))   # the same in longer values, down from whole notes
    events = decorate([(slower * lasts, pitch) for lasts, pitch in events_of(tune)], draw, amount)
    halves = split_at_bar(events, slower * quarters(tune.metre))
    metre = tune.metre if slower == 1 and draw.random() < 0.5 else str(draw.choice(METRES))
    fifths = int(draw.integers(-7, 8))
    change = draw.random() < 0.6
    sections = []
    for part in range(2):
        if part and change:
            fifths = int(draw.integers(-7, 8)) if draw.random() < 0.7 else fifths
            metre = str(draw.choice(METRES)) if draw.random() < 0.6 else metre
        bars = bars_of(halves[part], quarters(metre))[:8]
        if not bars:
            raise ValueError("too short for two parts")
        if draw.random() < 0.25 and len(bars) > 4:
            bars[3] = [(quarters(metre), None, False)]          # a bar of rest; nothing is tied into it
            bars[2][-1] = (*bars[2][-1][:2], False)
        repeats = not change and draw.random() < 0.7
        book = book_section(bars, last=part == 1, repeats=repeats, pickup=draw.random() < 0.4, endings=draw.random() < 0.4)
        sections.append(Section(book, fifths, shift_to(tune, clef, fifths), metre))
    symbol = {"4/4": "C", "2/2": "C|"}.get(sections[0].metre) if draw.random() < 0.5 else None
    return print_sections(sections, clef, a_line=a_line, room=room, symbol=symbol, opened=draw.random() < 0.7, naturals=naturals,
                          courtesy=courtesy, remind=lambda: draw.random() < 0.03)

