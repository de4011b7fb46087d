"""Lines of printed music to train and test a reader on: from tunes, and from chance. Lesson: 10_reading_sheet_music.

What a reader meets must not be more regular than what it will meet, or it guesses instead of looking. So half of the
lines are tunes in any key and clef, half are drawn note by note, where any value may follow any other.
"""
from functools import lru_cache

from .engraver import WHOLE, ticks
from .pitches import ALTERS, SEMITONES, key_alter, step_of
from .symbols import ACCIDENTALS, CLEFS, HIGHEST, LOWEST, METRES, RATIOS, VALUES, is_note, key_words, note, position_and_value

METRE_SHARES = (20, 12, 6, 12, 10, 12, 4, 4, 4, 4, 1, 3, 3, 2, 1, 1)      # how often each of METRES is drawn
#: Written lengths that a tune's notes can have: ticks -> (value, dots), longest first.
WRITTEN = {ticks(value, dots): (value, dots) for value in VALUES for dots in (0, 1) if value < 32 or not dots}
#: Triplets: ticks of the whole group -> the values in it.
TRIPLETS = {96: [(4, 4, 4), (2, 4), (4, 2)], 48: [(8, 8, 8), (8, 8, 8), (4, 8), (8, 4)], 24: [(16, 16, 16)]}
AT_THE_END = 0.08                            # share of lines drawn by chance that announce another key or metre
WITH_CHORDS = 0.1                            # share of pieces drawn by chance
THIRDS = {4: 32, 8: 16, 16: 8, 32: 4}        # ticks of a note in a triplet -> its value
SPACES = {1: 5.5, 2: 4.2, 4: 3.2, 8: 2.5, 16: 2.1, 32: 1.9}                # room that a value takes, in staff spaces


def bar_ticks(metre):
    """Length of a bar in ticks."""
    count, unit = map(int, RATIOS.get(metre, metre).split("/"))
    return count * WHOLE // unit


def compose(draw, tune=None, lines=6, width=100):
    """Lines of a piece in one clef and, but for a change or two, in one key and metre.

    Parameters
    ----------
    draw : numpy.random.Generator
    tune : Tune, optional
        Whose notes they are, in another key; without one they are drawn by chance.
    lines : int
    width : float
        Room in a line, in staff spaces.

    Returns
    -------
    list of list of str
        See :mod:`.symbols`. As many lines as asked for, or fewer if the tune is shorter.
    """
    clef = draw.choice(list(CLEFS), p=(0.5, 0.26, 0.14, 0.10))
    fifths = int(draw.integers(-7, 8) if draw.random() < 0.5 else draw.integers(-4, 5))
    metre = tune.metre if tune else draw.choice(METRES, p=[share / sum(METRE_SHARES) for share in METRE_SHARES])
    slower = 2 if tune and tune.bar == 4 and draw.random() < 0.3 else 1          # the same in smaller values
    if slower == 2:
        metre = "2/4"
    elif metre in ("4/4", "2/2") and draw.random() < 0.4:
        metre = "C" if metre == "4/4" else "C|"
    bars = tune_bars(draw, tune, clef, fifths, slower) if tune else chance_bars(draw, clef)
    return without_loose_ties(list(break_lines(draw, bars, clef, fifths, metre, lines, width, free=tune is None)))


def without_loose_ties(lines):
    """The same lines, without ties that lead to no note of the same height: they are not printed."""
    following = None                                       # the next note's position, from the end
    lines = [list(line) for line in lines]
    for line in reversed(lines):
        for place in range(len(line) - 1, -1, -1):
            kind, *rest = line[place].split(":")
            if line[place] == "tie":
                head = next(word for word in reversed(line[:place]) if is_note(word))
                if position_and_value(head)[0] != following:
                    del line[place]
            elif kind in ("note", "rest", "chord"):
                following = int(rest[0]) if kind == "note" else None
    return lines


def break_lines(draw, bars, clef, fifths, metre, count, width, free):
    """Fill lines with bars until they are full; `bars` is a generator that is sent the metre."""
    next(bars)
    for number in range(count):
        words = [f"clef:{clef}", *key_words(fifths)] + ([f"time:{metre}"] if number == 0 else [])
        room = width * (draw.uniform(0.2, 0.6) if draw.random() < 0.2 else draw.uniform(0.6, 1.0)) - sum(map(space, words))
        if draw.random() < 0.12:
            words.append("repeat-start")
        ending = str(draw.choice(("1", "2"))) if draw.random() < 0.06 else None
        words += [f"ending:{ending}"] if ending else []
        while True:
            bar = bars.send(metre)
            if bar is None:
                if len(words) > 8:
                    yield [*words[:-1], "final-bar"] if words[-1] == "bar" else words
                return
            words, room = words + bar, room - sum(map(space, bar)) - 1.5
            full = room < sum(map(space, bar))
            line = bar_line(draw, ending, full)
            words.append(line)
            ending = {None: None, "1": "2" if line == "repeat-end" else "1", "2": None}[ending]
            if full and free and line in ("bar", "double-bar") and draw.random() < AT_THE_END:
                fifths, metre, change = changed(draw, fifths, metre)            # announced at the end, valid from the next line
                words += change
            if full:
                break
            if ending == "2" or line == "bar" and draw.random() < 0.08:
                ending = ending or "1"
                words.append(f"ending:{ending}")
            elif free and line != "repeat-start" and draw.random() < 0.06:
                fifths, metre, change = changed(draw, fifths, metre)
                words, room = words + change, room - sum(map(space, change))
        yield words


def bar_line(draw, ending, full):
    """What stands at the end of a bar."""
    if ending == "1" and draw.random() < 0.6:
        return "repeat-end"
    kinds = ("bar", "double-bar", "final-bar", "repeat-end", "repeat-start", "repeat-both")
    shares = (0.7, 0.07, 0.08, 0.15, 0, 0) if full else (0.86, 0.03, 0, 0.04, 0.04, 0.03)
    return str(draw.choice(kinds, p=shares))


def changed(draw, fifths, metre):
    """Another key or metre, or both: (fifths, metre, words)."""
    words = []
    if draw.random() < 0.6:
        new = int(draw.integers(-7, 8))
        if new != fifths:
            fewer = new * fifths <= 0 and fifths != 0 or abs(new) < abs(fifths)
            words += (["cancel"] if fewer and (new == 0 or draw.random() < 0.6) else []) + key_words(new)
            fifths = new
    if not words or draw.random() < 0.3:
        metre = str(draw.choice([other for other in METRES if other != metre]))
        words.append(f"time:{metre}")
    return fifths, metre, words


def space(word):
    """About how many staff spaces a word takes."""
    kind = word.split(":")[0]
    if kind in ("note", "rest"):
        return SPACES[int(word.split(":")[-1])]
    return {"clef": 4, "time": 3, "acc": 1.2, "dot": 0.6, "cancel": 2, "chord": 4.2}.get(kind, 1.1 if kind[:-1] in ("sharp", "flat") else 0.3)


# ---- tunes -----------------------------------------------------------------------------------------------

@lru_cache(maxsize=None)
def written(length):
    """A length in ticks as values to be tied: (value, dots) each, the longest first."""
    parts = []
    while length > 0:
        longest = max((one for one in WRITTEN if one <= length), default=0)
        if not longest:
            break
        parts.append(WRITTEN[longest])
        length -= longest
    return parts


def tune_bars(draw, tune, clef, fifths, slower):
    """A generator of a tune's bars as words, in another key; None at its end."""
    shift, step = fifths * 7 - tonic_fifths(tune) * 7, WHOLE // 4 // slower
    notes = [(round(start * step), round(lasts * step), spell(pitch + shift, fifths)) for start, lasts, pitch in tune.notes]
    middle = sorted(height for _, _, (height, _) in notes)[len(notes) // 2]
    bottom = step_of(0, clef)
    octave = 7 * round((bottom + 4 + draw.integers(-4, 5) - middle) / 7)
    bar = bar_ticks(tune.metre) // slower
    yield
    for begin in range(0, round(tune.length * step), bar):
        yield cut_bar(notes, begin, begin + bar, fifths, octave - bottom)
    while True:
        yield None


def tonic_fifths(tune):
    """Sharps (or minus flats) of a tune's key signature."""
    mode = {"major": 0, "mixolydian": -1, "dorian": -2, "minor": -3}[tune.mode]
    return (tune.tonic * 7 + 5) % 12 - 5 + mode


def spell(pitch, fifths):
    """(steps above C0, alteration) of a MIDI pitch in a key, along the line of fifths."""
    place = next(place for place in range(fifths - 3, fifths + 9) if place * 7 % 12 == pitch % 12)
    alteration = (place + 1) // 7
    letter = place * 4 % 7
    return (pitch - alteration - SEMITONES[letter]) // 12 * 7 - 7 + letter, alteration


def cut_bar(notes, begin, end, fifths, shift):
    """The words of what sounds between two times; accidentals stand where the key or the bar so far says otherwise."""
    words, state, at, threes = [], {}, begin, 0
    sounding = [(max(start, begin), min(start + lasts, end), start + lasts > end, start < begin, head) for start, lasts, head in notes
                if min(start + lasts, end) - max(start, begin) >= 4]
    for number, (first, last, goes_on, came, (height, alteration)) in enumerate(sounding):
        words += rests(first - at)
        position = min(max(height + shift, LOWEST), HIGHEST)
        if threes == 0 and is_triplet(sounding[number:number + 3]):
            words, threes = [*words, "triplet"], 3
        if state.get(position, key_alter(height, fifths)) != alteration and not came:
            words.append(next(f"acc:{sign}" for sign, alter in ALTERS.items() if alter == alteration))
            state[position] = alteration
        parts = [(THIRDS[last - first], 0)] if threes else written(last - first)
        for place, (value, dots) in enumerate(parts):
            words += [note(position, value), *["dot"] * dots]
            if place < len(parts) - 1 or goes_on:
                words.append("tie")
        if threes:
            threes -= 1
            words += ["end-triplet"] if threes == 0 else []
        at = last
    return words + rests(end - at)


def is_triplet(sounding):
    """Whether these are three notes in the time of two."""
    lengths = {last - first for first, last, *_ in sounding}
    return len(sounding) == 3 and len(lengths) == 1 and lengths <= THIRDS.keys() and sounding[2][1] - sounding[0][0] == 3 * min(lengths)


def rests(length):
    """Words of a pause, the shortest first."""
    return [word for value, dots in reversed(written(length)) for word in [f"rest:{value}", *["dot"] * dots]]


# ---- chance ----------------------------------------------------------------------------------------------

def chance_bars(draw, clef):
    """A generator of bars drawn note by note: the height walks, the values have a habit that changes from piece to piece."""
    habits = draw.dirichlet((0.5, 0.9, 1.6, 1.6, 1.0, 0.4))                    # of the six values
    triplets, rest, accidental, tie = draw.uniform(0, 0.12), draw.uniform(0.02, 0.25), draw.uniform(0, 0.3), draw.uniform(0, 0.15)
    chords = draw.uniform(0.05, 0.7) if draw.random() < WITH_CHORDS else 0
    leap, middle, height = draw.uniform(1, 4), draw.uniform(1, 7), 4.0
    metre, tied = (yield), None
    while True:
        words, left = [], bar_ticks(metre)
        if draw.random() < 0.04:
            words, left = ["rest:1"], 0
        elif draw.random() < 0.06:                          # a pick-up, or a bar cut short
            left = max(24, left - 48)
        while left > 0:
            group, length = next_group(draw, habits, triplets, left)
            for number, (value, dots) in enumerate(group):
                if number == 0 and len(group) > 1:
                    words.append("triplet")
                if tied is None and draw.random() < rest:
                    words += [f"rest:{value}", *["dot"] * dots]
                elif draw.random() < chords:
                    words.append("chord")
                else:
                    height += leap * draw.standard_normal() + 0.12 * (middle - height)
                    height = min(max(height, LOWEST), HIGHEST)
                    if tied is None and draw.random() < accidental:
                        words.append(f"acc:{draw.choice(ACCIDENTALS, p=(0.32, 0.32, 0.28, 0.04, 0.04))}")
                    position = round(height) if tied is None else tied
                    words += [note(position, value), *["dot"] * dots]
                    tied = position if draw.random() < tie else None
                    words += ["tie"] if tied is not None else []
                if number == len(group) - 1 and len(group) > 1:
                    words.append("end-triplet")
            left -= length
        metre = yield words


def next_group(draw, habits, triplets, left):
    """A value, or a triplet, that fits: (list of (value, dots), ticks)."""
    if draw.random() < triplets:
        length = int(draw.choice((48, 48, 24, 96)))
        if length <= left:
            values = TRIPLETS[length][draw.integers(len(TRIPLETS[length]))]
            return [(value, 0) for value in values], length
    fitting = [(value, dots) for value in VALUES for dots in (0, 1, 2)
               if ticks(value, dots) <= left and value * 2 ** dots <= 32 and (dots < 2 or draw.random() < 0.1)]
    shares = [habits[VALUES.index(value)] * (1, 0.25, 0.05)[dots] + 1e-6 for value, dots in fitting]
    value, dots = fitting[draw.choice(len(fitting), p=[share / sum(shares) for share in shares])]
    return [(value, dots)], ticks(value, dots)
