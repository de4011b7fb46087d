"""Lines of printed music as tokens: from tunes, and from chance. Lesson: 10_reading_sheet_music.

What a reader meets in training must not be more regular than what it will meet, or it guesses instead of
looking. So half of its lines are tunes in any key and clef, half are drawn note by note, where any value may
follow any other.
"""

from collections.abc import Generator
from functools import cache

import numpy as np

from noteninja_lib.music.tunes import Tune
from noteninja_lib.omr.rendering import WHOLE, ticks
from noteninja_lib.omr.vocabulary import (
    ALTERS,
    CLEFS,
    HIGHEST,
    LOWEST,
    METRES,
    MOST_BARS,
    SEMITONES,
    VALUES,
    is_note,
    key_alter,
    key_tokens,
    note,
    position_and_value,
    ratio,
    step_of,
)

METRE_SHARES = (20, 12, 6, 12, 10, 12, 4, 4, 4, 4, 1, 3, 3, 2, 1, 1)  # how often each of METRES is drawn
METRE_SHARES = [share / sum(METRE_SHARES) for share in METRE_SHARES]
#: Written lengths that a tune's notes can have: ticks -> (value, dots), longest first.
WRITTEN = {ticks(value, dots): (value, dots) for value in VALUES for dots in (0, 1) if value < 32 or not dots}
#: Triplets: ticks of the whole group -> the values in it.
TRIPLETS = {96: [(4, 4, 4), (2, 4), (4, 2)], 48: [(8, 8, 8), (8, 8, 8), (4, 8), (8, 4)], 24: [(16, 16, 16)]}
AT_THE_END = 0.08  # share of lines drawn by chance that announce another key or metre
WITH_CHORDS = 0.15  # share of pieces
THIRDS = {4: 32, 8: 16, 16: 8, 32: 4}  # ticks of a note in a triplet -> its value
SPACES = {1: 5.5, 2: 4.2, 4: 3.2, 8: 2.5, 16: 2.1, 32: 1.9}  # room that a value takes, in staff spaces
SIGN_SPACES = dict(clef=4, time=3, acc=1.2, dot=0.6, cancel=2, rests=8, sharp=1.1, flat=1.1)
LINES = ("bar", "double-bar", "final-bar", "repeat-end", "repeat-start", "repeat-both")
EIGHTH = WHOLE // 8
Tokens = list[list[str]]  # of each line


def bar_ticks(metre: str) -> int:
    """Length of a bar in ticks."""
    count, unit = map(int, ratio(metre).split("/"))
    return count * WHOLE // unit


def compose(rng: np.random.Generator, tune: Tune | None = None, lines: int = 6, width: float = 100) -> Tokens:
    """Lines of a piece in one clef and, but for a change or two, in one key and metre.

    Parameters
    ----------
    rng : np.random.Generator
    tune : Tune, optional
        Whose notes they are, in another key; without one they are drawn by chance.
    lines : int
        How many at most; a short tune has fewer.
    width : float
        Room in a line, in staff spaces.
    """
    clef = rng.choice(list(CLEFS), p=(0.5, 0.26, 0.14, 0.10))
    fifths = int(rng.integers(-7, 8) if rng.random() < 0.5 else rng.integers(-4, 5))
    metre = tune.metre if tune else rng.choice(METRES, p=METRE_SHARES)
    slower = 2 if tune and tune.bar == 4 and rng.random() < 0.3 else 1  # the same in smaller values
    if slower == 2:
        metre = "2/4"
    elif metre in ("4/4", "2/2") and rng.random() < 0.4:
        metre = "C" if metre == "4/4" else "C|"
    bars = _tune_bars(rng, tune, clef, fifths, slower) if tune else _chance_bars(rng)
    made = _break_lines(rng, bars, clef, fifths, metre, lines, width, free=tune is None)
    return _without_loose_ties(_thicken(rng, made) if rng.random() < WITH_CHORDS else made)


def _thicken(rng, lines):
    """The same lines, with other notes below some of them."""
    share = rng.choice((0.1, 0.4, 0.9, 1.0))
    for line in lines:
        yield [
            token
            for one in line
            for token in ([one, "chord"] if is_note(one) and rng.random() < share else [one])
        ]


def _without_loose_ties(lines):
    """The same lines, without ties that lead to no note of the same height: they are not printed."""
    following = None  # the next note's position, from the end
    lines = [list(line) for line in lines]
    for line in reversed(lines):
        for place in range(len(line) - 1, -1, -1):
            kind = line[place].split(":")[0]
            if kind == "tie":
                head = next(token for token in reversed(line[:place]) if is_note(token))
                if position_and_value(head)[0] != following:
                    del line[place]
            elif kind in ("note", "rest"):
                following = position_and_value(line[place])[0] if kind == "note" else None
    return lines


def _break_lines(rng, bars, clef, fifths, metre, count, width, free):
    """Fill lines with bars until they are full; `bars` is a generator that is sent the metre."""
    next(bars)
    for number in range(count):
        line = [f"clef:{clef}", *key_tokens(fifths)] + ([f"time:{metre}"] if number == 0 else [])
        share = rng.uniform(0.2, 0.6) if rng.random() < 0.2 else rng.uniform(0.6, 1.0)
        room = width * share - _space(line)
        line += ["repeat-start"] if rng.random() < 0.12 else []
        ending = str(rng.choice(("1", "2"))) if rng.random() < 0.06 else None
        line += [f"ending:{ending}"] if ending else []
        while True:
            bar = bars.send(metre)
            if bar is None:
                if len(line) > 8:
                    yield [*line[:-1], "final-bar"] if line[-1] == "bar" else line
                return
            room -= _space(bar)
            room -= 1.5
            full = room < _space(bar)
            end = _bar_line(rng, ending, full)
            line += [*bar, end]
            ending = {None: None, "1": "2" if end == "repeat-end" else "1", "2": None}[ending]
            if full and free and end in ("bar", "double-bar") and rng.random() < AT_THE_END:
                # Announced here, valid from the next line.
                fifths, metre, change = _changed(rng, fifths, metre)
                line += change
            if full:
                break
            if ending == "2" or end == "bar" and rng.random() < 0.08:
                ending = ending or "1"
                line.append(f"ending:{ending}")
            elif free and end != "repeat-start" and rng.random() < 0.06:
                fifths, metre, change = _changed(rng, fifths, metre)
                line, room = line + change, room - _space(change)
        yield line


def _bar_line(rng, ending, full):
    """What stands at the end of a bar."""
    if ending == "1" and rng.random() < 0.6:
        return "repeat-end"
    shares = (0.7, 0.07, 0.08, 0.15, 0, 0) if full else (0.86, 0.03, 0, 0.04, 0.04, 0.03)
    return str(rng.choice(LINES, p=shares))


def _changed(rng, fifths, metre):
    """Another key or metre, or both: (fifths, metre, tokens)."""
    tokens = []
    if rng.random() < 0.6:
        new = int(rng.integers(-7, 8))
        if new != fifths:
            fewer = new * fifths <= 0 and fifths != 0 or abs(new) < abs(fifths)
            tokens = (["cancel"] if fewer and (new == 0 or rng.random() < 0.6) else []) + key_tokens(new)
            fifths = new
    if not tokens or rng.random() < 0.3:
        metre = str(rng.choice([other for other in METRES if other != metre]))
        tokens.append(f"time:{metre}")
    return fifths, metre, tokens


def _space(tokens):
    """About how many staff spaces tokens take."""
    return sum(_token_space(token) for token in tokens)


@cache
def _token_space(token):
    kind = token.split(":")[0]
    if kind in ("note", "rest"):
        return SPACES[position_and_value(token)[1]]
    return SIGN_SPACES.get(kind.rstrip("1234567"), 0.3)


# ---- tunes -----------------------------------------------------------------------------------------------


def print_tune(tune: Tune, rng: np.random.Generator, clef: str = "treble", bars_a_line: int = 4) -> Tokens:
    """A whole tune as a tune book prints it: in its own key, with repeats, pick-ups and endings by chance.

    Pick-ups and second endings come on top of `bars_a_line`.
    """
    fifths, bar, end = _fifths(tune), bar_ticks(tune.metre), round(tune.length * WHOLE / 4)
    notes = _notes(tune, fifths, WHOLE // 4)
    shift = _shift(notes, clef)
    repeats, pickup, endings, symbol = (rng.random() < habit for habit in (0.7, 0.5, 0.3, 0.6))
    metre = {"4/4": "C", "2/2": "C|"}.get(tune.metre, tune.metre) if symbol else tune.metre
    part = bar * (8 if end // bar % 8 == 0 else end // bar)
    heads = {start: spelt for start, _, spelt in notes}
    last = [lasts for start, lasts, _ in notes if (start + lasts) % part == 0]
    long = all(lasts > EIGHTH and lasts % EIGHTH == 0 for lasts in last)
    pickup = pickup and long and all(begin in heads for begin in range(0, end, part))
    early = EIGHTH * pickup  # a part's first note is announced at the cost of the last one before it
    lines = []
    for number, begin in enumerate(range(0, end, bar)):
        closes = (begin + bar) % part == 0
        tokens = cut_bar(notes, begin, begin + bar - early * closes, fifths, shift)
        if number % bars_a_line == 0:
            lines.append([f"clef:{clef}", *key_tokens(fifths)] + ([f"time:{metre}"] if number == 0 else []))
        if begin % part == 0:
            lines[-1] += ["repeat-start"] * repeats
            if pickup:
                first = [(begin - early, early, heads[begin])]
                lines[-1] += [*cut_bar(first, begin - early, begin, fifths, shift), "bar"]
        if closes and tokens[-1] == "tie":  # to what does not follow in print
            tokens.pop()
        last = "final-bar" if begin + bar == end else "double-bar"
        if not closes:
            lines[-1] += [*tokens, "bar"]
        elif repeats and endings:
            lines[-1] += ["ending:1", *tokens, "repeat-end", "ending:2", *tokens, last]
        else:
            lines[-1] += [*tokens, "repeat-end" if repeats else last]
    return lines


def _tune_bars(rng, tune, clef, fifths, slower):
    """A generator of a tune's bars as tokens, in another key; None at its end."""
    step = WHOLE // 4 // slower
    notes = _notes(tune, fifths, step)
    shift = _shift(notes, clef, rng.integers(-4, 5))
    bar = bar_ticks(tune.metre) // slower
    yield
    for begin in range(0, round(tune.length * step), bar):
        yield cut_bar(notes, begin, begin + bar, fifths, shift)
    while True:
        yield None


def _notes(tune, fifths, step):
    """Notes of a tune moved to a key: (start, duration, spelling), with `step` ticks to a quarter note."""
    shift = (fifths - _fifths(tune)) * 7
    notes = [(round(start * step), round(lasts * step), pitch + shift) for start, lasts, pitch in tune.notes]
    return [(start, lasts, spell(pitch, fifths)) for start, lasts, pitch in notes]


def _shift(notes, clef, above=0):
    """From steps above C0 to positions, so that the notes lie around the middle line, or above it."""
    middle = sorted(step for _, _, (step, _) in notes)[len(notes) // 2]
    bottom = step_of(0, clef)
    return 7 * round((bottom + 4 + above - middle) / 7) - bottom


def _fifths(tune):
    """Sharps (or minus flats) of a tune's key signature."""
    mode = {"major": 0, "mixolydian": -1, "dorian": -2, "minor": -3}[tune.mode]
    return (tune.tonic * 7 + 5) % 12 - 5 + mode


def spell(pitch: int, fifths: int) -> tuple[int, int]:
    """(steps above C0, alteration) of a MIDI pitch in a key, along the line of fifths."""
    place = next(place for place in range(fifths - 3, fifths + 9) if place * 7 % 12 == pitch % 12)
    alteration = (place + 1) // 7
    letter = place * 4 % 7
    return (pitch - alteration - SEMITONES[letter]) // 12 * 7 - 7 + letter, alteration


@cache
def _written(length):
    """A length in ticks as values to be tied: (value, dots) each, the longest first."""
    longest = max((one for one in WRITTEN if one <= length), default=0)
    return [WRITTEN[longest], *_written(length - longest)] if longest else []


def cut_bar(notes: list, begin: int, end: int, fifths: int, shift: int) -> list[str]:
    """Tokens of what sounds between two times, with accidentals where key and bar so far say otherwise.

    Parameters
    ----------
    notes : list of (int, int, (int, int))
        Start and duration in ticks; steps above C0 and alteration, see `spell`.
    begin, end : int
        In ticks.
    fifths : int
    shift : int
        From steps to positions.
    """
    tokens, state, at, threes = [], {}, begin, 0
    sounding = [
        (max(start, begin), min(start + lasts, end), start + lasts > end, start < begin, spelt)
        for start, lasts, spelt in notes
        if min(start + lasts, end) - max(start, begin) >= 4
    ]
    for number, (first, last, goes_on, came, (step, alteration)) in enumerate(sounding):
        tokens += _rests(first - at)
        position = min(max(step + shift, LOWEST), HIGHEST)
        if threes == 0 and _is_triplet(sounding[number : number + 3]):
            tokens, threes = [*tokens, "triplet"], 3
        if state.get(position, key_alter(step, fifths)) != alteration and not came:
            tokens.append(next(f"acc:{sign}" for sign, alter in ALTERS.items() if alter == alteration))
            state[position] = alteration
        parts = [(THIRDS[last - first], 0)] if threes else _written(last - first)
        for place, (value, dots) in enumerate(parts):
            tokens += [note(position, value), *["dot"] * dots]
            if place < len(parts) - 1 or goes_on:
                tokens.append("tie")
        if threes:
            threes -= 1
            tokens += ["end-triplet"] if threes == 0 else []
        at = last
    return tokens + _rests(end - at)


def _is_triplet(sounding):
    """Whether these are three notes in the time of two."""
    lengths = {last - first for first, last, *_ in sounding}
    if len(sounding) < 3 or len(lengths) > 1 or not lengths <= THIRDS.keys():
        return False
    return sounding[2][1] - sounding[0][0] == 3 * min(lengths)


def _rests(length):
    """Tokens of a pause, the shortest first."""
    return sum(([f"rest:{value}", *["dot"] * dots] for value, dots in reversed(_written(length))), [])


# ---- chance ----------------------------------------------------------------------------------------------


def _chance_bars(rng) -> Generator[list[str], str, None]:
    """A generator of bars drawn note by note: the height walks, each piece prefers some values."""
    habits = rng.dirichlet((0.5, 0.9, 1.6, 1.6, 1.0, 0.4))  # of the six values
    spans = (0, 0.12), (0.02, 0.25), (0, 0.3), (0, 0.15)
    triplets, rest, accidental, tie = (rng.uniform(*span) for span in spans)
    leap, middle, height = rng.uniform(1, 4), rng.uniform(1, 7), 4.0
    metre, tied = (yield []), None
    while True:
        tokens, left = [], bar_ticks(metre)
        if rng.random() < 0.04:
            tokens, left = ["rest:1"], 0
        elif rng.random() < 0.02:
            tokens, left = [f"rests:{rng.integers(2, MOST_BARS + 1)}"], 0
        elif rng.random() < 0.06:  # a pick-up, or a bar cut short
            left = max(24, left - 48)
        while left > 0:
            group, length = _next_group(rng, habits, triplets, left)
            tokens += ["triplet"] if len(group) > 1 else []
            for value, dots in group:
                if tied is None and rng.random() < rest:
                    tokens += [f"rest:{value}", *["dot"] * dots]
                else:
                    height += leap * rng.standard_normal() + 0.12 * (middle - height)
                    height = min(max(height, LOWEST), HIGHEST)
                    if tied is None and rng.random() < accidental:
                        tokens.append(f"acc:{rng.choice(list(ALTERS), p=(0.32, 0.32, 0.28, 0.04, 0.04))}")
                    position = round(height) if tied is None else tied
                    tokens += [note(position, value), *["dot"] * dots]
                    tied = position if rng.random() < tie else None
                    tokens += ["tie"] if tied is not None else []
            tokens += ["end-triplet"] if len(group) > 1 else []
            left -= length
        metre = yield tokens


def _next_group(rng, habits, triplets, left):
    """A value, or a triplet, that fits: (list of (value, dots), ticks)."""
    if rng.random() < triplets:
        length = int(rng.choice((48, 48, 24, 96)))
        if length <= left:
            values = TRIPLETS[length][rng.integers(len(TRIPLETS[length]))]
            return [(value, 0) for value in values], length
    fitting = [
        (value, dots)
        for value in VALUES
        for dots in (0, 1, 2)
        if ticks(value, dots) <= left and value * 2**dots <= 32 and (dots < 2 or rng.random() < 0.1)
    ]
    shares = [habits[VALUES.index(value)] * (1, 0.25, 0.05)[dots] + 1e-6 for value, dots in fitting]
    value, dots = fitting[rng.choice(len(fitting), p=[share / sum(shares) for share in shares])]
    return [(value, dots)], ticks(value, dots)
