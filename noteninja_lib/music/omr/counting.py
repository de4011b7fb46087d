"""Counting: do the notes of a bar fill it? Bars that don't were probably read wrong. Lesson: 10_reading_sheet_music.

A bar may rightly be short where the music begins or ends, or where a repeat or double bar line splits it: then
another such piece fills it up. Everything else that doesn't add up is marked.
"""
from collections import Counter

from .bars import EDGES, metre_length
from .symbols import METRES

FEW_FIT = 1 / 3                # of the bars under a printed metre: then the metre was read wrong
MOST_FIT = 0.6                 # of them that need to fit another one
ENOUGH = 4                     # bars to judge by


def count(bars, *, trusted=False):
    """Count the beats of bars: metres that were not read, triplets without end, whole-bar rests, bars split by a system,
    and doubts where a bar does not add up.

    Parameters
    ----------
    bars : list of Bar
        As from `bars.split_bars`; changed in place.
    trusted : bool
        Whether the metre is the user's own.

    Returns
    -------
    list of Bar
        Fewer, where the end of a line split one.
    """
    for bar in bars:
        mark_triplets(bar)
    settle_metres(bars, trusted)
    for bar in bars:
        mark_triplets(bar)
        if len(bar.events) == 1 and bar.events[0].position is None and bar.events[0].value == 1 and not bar.events[0].dots:
            bar.events[0].whole = bar.length
    bars = join_systems(bars)
    set_endings(bars)
    number_bars(bars)
    for bar, right in zip(bars, adding_up(bars)):
        if bar.chords:
            bar.doubts.append("it holds a chord, which is not read")
        if not right:
            bar.doubts.append(f"its notes last {quarters(bar.sum)} in place of {quarters(bar.length)}")
    return bars


def quarters(length):
    """A length in words: "3 1/2 quarter notes"."""
    whole, rest = divmod(length, 1)
    text = " ".join(str(part) for part in (whole, rest) if part) or "0"
    return f"{text} quarter note{'' if length == 1 else 's'}"


# ---- metre -----------------------------------------------------------------------------------------------

def settle_metres(bars, trusted=False):
    """Find a metre for the bars before the first one that was read, and for those that hardly fit the one they have."""
    stretches = []
    for bar in bars:
        if stretches and stretches[-1][-1].metre == bar.metre:
            stretches[-1].append(bar)
        else:
            stretches.append([bar])
    for stretch in stretches:
        printed = stretch[0].metre
        if printed is None:
            metre, why = guess_metre(stretch), "no metre was read before it, and {} was taken"
        elif not trusted and misfits(stretch):
            metre, why = guess_metre(stretch), f"the metre {printed} does not fit the bars from here, and {{}} was taken"
        else:
            continue
        stretch[0].doubts.append(why.format(metre))
        for bar in stretch:
            bar.metre = metre


def misfits(bars):
    """Whether few bars fit their metre and most of them another."""
    sums = Counter(bar.sum for bar in bars)
    length, most = sums.most_common(1)[0]
    known = any(metre_length(metre) == length for metre in METRES)
    return known and len(bars) >= ENOUGH and sums[bars[0].length] < FEW_FIT * len(bars) and most >= MOST_FIT * len(bars)


def guess_metre(bars):
    """The metre that most bars fit, such as "3/4"; "4/4" where they fit none.

    3/4 and 6/8 are as long as each other: in 6/8 a note begins in the middle of the bar more often than on the other beats.
    """
    known = {}
    for metre in METRES:
        known.setdefault(metre_length(metre), metre)
    lengths = Counter(bar.sum for bar in bars if bar.sum in known)
    if not lengths:
        return "4/4"
    length = lengths.most_common(1)[0][0]
    if length != 3:
        return known[length]
    middle, others = 0.0, 0.0
    for bar in bars:
        place = 0
        for event in bar.events:
            middle += 2 * place == 3
            others += place in (1, 2)
            place += event.quarters
    return "6/8" if middle > others / 2 else "3/4"


# ---- triplets ---------------------------------------------------------------------------------------------

def mark_triplets(bar):
    """Mark the notes of triplets. Where a beginning or an end was not read, the group is the one that fills the bar."""
    events, groups, opened = bar.events, [], None
    for number, event in enumerate(events):
        event.triplet = False
        if event.begins:
            groups += [] if opened is None else [(opened, None)]
            opened = number
        if event.ends:
            groups.append((opened, number))
            opened = None
    groups += [] if opened is None else [(opened, None)]
    for first, last in groups:
        if first is not None and last is not None:
            set_triplet(events[first:last + 1], True)
    for first, last in groups:
        if first is None or last is None:
            complete_triplet(bar, first, last)


def set_triplet(events, value):
    """Put events into a triplet, or take them out."""
    for event in events:
        event.triplet = value


def complete_triplet(bar, first, last):
    """Find the other end of a group: with it the bar adds up. Three notes where none does, from a beginning; else none."""
    sizes = [3, *(size for size in range(1, 7) if size != 3)]
    choices = [bar.events[first:first + size] if last is None else bar.events[max(last + 1 - size, 0):last + 1] for size in sizes]
    choices = [group for group in choices if not any(event.triplet for event in group)]
    for group in choices:
        set_triplet(group, True)
        if bar.sum == bar.length:
            return
        set_triplet(group, False)
    if last is None and choices:
        set_triplet(choices[0], True)


# ---- bars ------------------------------------------------------------------------------------------------

def join_systems(bars):
    """Put a bar together that begins at the end of one line and ends in the next."""
    joined = []
    for bar in bars:
        before = joined[-1] if joined else None
        if before and not before.close and before.spans[-1][0] != bar.spans[0][0] and before.sum + bar.sum <= before.length:
            if bar.clef != (before.clefs[-1][1] if before.clefs else before.clef):
                before.clefs.append((len(before.events), bar.clef))
            before.clefs += [(place + len(before.events), clef) for place, clef in bar.clefs]
            before.events += bar.events
            before.spans += bar.spans
            before.repeat_end, before.close = before.repeat_end or bar.repeat_end, bar.close
            before.chords, before.doubts = before.chords + bar.chords, before.doubts + bar.doubts
        else:
            joined.append(bar)
    return joined


def set_endings(bars):
    """Find how far each bracket reaches. The first ends with its repeat; the second is as long, unless a bar line ends it."""
    begun = [bar.ending for bar in bars]
    length, following = 1, [*begun[1:], 0]
    for number, ending in enumerate(begun):
        if not ending:
            continue
        before, reach = bars[number - 1] if number else None, number
        if ending == 2 and before and before.repeat_end and not before.ending:
            before.ending = 1
            before.doubts.append("the bracket of a first ending was not read, and taken to be over this bar alone")
        while ending == 1 and reach + 1 < len(bars) and not bars[reach].repeat_end and not begun[reach + 1]:
            reach += 1
        if ending == 1 and not bars[reach].repeat_end and following[reach] != 2:
            reach = number                                    # neither a repeat nor a second bracket was read
        end = min(number + length, len(bars)) - 1
        while ending == 2 and reach < end and not begun[reach + 1] and bars[reach].close not in EDGES:
            reach += 1
        if ending == 1:
            length = reach - number + 1
            bars[reach].repeat_end |= following[reach] == 2   # before a second bracket music is repeated
        for bar in bars[number:reach + 1]:
            bar.ending = ending


def number_bars(bars):
    """Count the bars from 1, or from 0 where the first is a pick-up."""
    first = int(not (bars and has_pickup(bars)))
    for number, bar in enumerate(bars, first):
        bar.number = number


def has_pickup(bars):
    """Whether the first bar is too short."""
    return len(bars) > 1 and bars[0].sum < bars[0].length


def adding_up(bars):
    """Which bars have the right length (list of bool)."""
    last = len(bars) - 1
    edge = [number in (0, last) or bar.repeat_start or bar.close in EDGES or bars[number - 1].close in EDGES
            for number, bar in enumerate(bars)]
    short = Counter(bar.sum for bar, at_edge in zip(bars, edge) if at_edge and bar.sum < bar.length)
    right = []
    for number, bar in enumerate(bars):
        rest = bar.length - bar.sum
        split = edge[number] and rest > 0 and short[rest] > (rest == bar.sum)
        right.append(rest == 0 or split or number == 0 and has_pickup(bars))
    return right
