"""Bars out of the words of printed lines: what stands between two bar lines, and under which clef, key and metre.

A network reads symbol by symbol and now and then reads one wrong, so nothing is taken on trust here: what can't be is left
out, and the bar is marked doubtful (:mod:`.counting` counts the beats). Lesson: 10_reading_sheet_music.
"""

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from noteninja_lib.errors import UserError, check_range
from noteninja_lib.music.harmony import bar_length
from noteninja_lib.omr.vocabulary import BAR_LINES, CLEFS, METRES, RATIOS, position_and_value

# Notes, rests and bars as they stand on paper. Lesson: 10_reading_sheet_music.

EDGES = ("double-bar", "final-bar", "repeat-start", "repeat-end", "repeat-both")  # bar lines that end a part


@dataclass
class Event:
    """A note or a rest.

    Attributes
    ----------
    position : int or None
        Half staff spaces above the bottom line; None for a rest.
    value : int
        1 for a whole note, 2 for a half ... 32.
    clef : str
    fifths : int
        Sharps (or minus the flats) of the key signature in force.
    accidental : str or None
        The one printed before it.
    dots : int
    tie, begins, ends : bool
        Whether a tie was read after it; whether a triplet was read to begin or end with it.
    triplet : bool
        Whether it is one of three in the time of two.
    whole : Fraction or None
        Quarter notes of a rest that fills its bar whatever the metre.
    step, alter : int
        Number of white keys above C0, and semitones that an accidental or the key moves it; set by `pitches.set_pitches`.
    joined : bool
        Whether it sounds on in the next note.
    """

    position: int | None
    value: int
    clef: str = "treble"
    fifths: int = 0
    accidental: str | None = None
    dots: int = 0
    tie: bool = False
    begins: bool = False
    ends: bool = False
    triplet: bool = False
    whole: Fraction | None = None
    step: int | None = None
    alter: int = 0
    joined: bool = False

    @property
    def quarters(self):
        """Duration in quarter notes, a Fraction."""
        if self.whole is not None:
            return self.whole
        return (
            Fraction(4, self.value)
            * (2 - Fraction(1, 2**self.dots))
            * (Fraction(2, 3) if self.triplet else 1)
        )


@dataclass
class Bar:
    """What stands between two bar lines.

    Attributes
    ----------
    clef, fifths, metre : str, int, str or None
        In force where it begins; the metre as printed ("C|"), None before one was read.
    events : list of Event
    clefs : list of (int, str)
        Clefs inside it: before which event, which.
    spans : list of (int, int, int)
        Where it was read: number of the line, of its first word and of the word after its last. Two where a bar is split
        between systems.
    repeat_start, repeat_end : bool
    close : str
        The word of its right bar line; empty if none was read.
    ending : int
        1 or 2 under such a bracket, else 0.
    number : int
        As bars are counted: from 1, a pick-up is 0.
    chords : int
        How many were seen in it.
    starts_joined : bool
        Whether its first note sounds on from the bar before.
    doubts : list of str
        Why it may have been read wrong; each goes on after "bar 7: ".
    """

    clef: str
    fifths: int
    metre: str | None
    events: list = field(default_factory=list)
    clefs: list = field(default_factory=list)
    spans: list = field(default_factory=list)
    repeat_start: bool = False
    repeat_end: bool = False
    close: str = ""
    ending: int = 0
    number: int = 0
    chords: int = 0
    starts_joined: bool = False
    doubts: list = field(default_factory=list)

    @property
    def sum(self):
        """Quarter notes of its events, a Fraction."""
        return sum((event.quarters for event in self.events), Fraction(0))

    @property
    def length(self):
        """Quarter notes that its metre asks for, a Fraction; None before a metre was read."""
        return None if self.metre is None else metre_length(self.metre)


def metre_length(metre):
    """Quarter notes in a bar of a metre as printed, a Fraction: 3 for "6/8", 4 for "C|"."""
    return Fraction(bar_length(RATIOS.get(metre, metre)))


def check_corrections(clef=None, key=None, metre=None):
    """Refuse a clef, key or metre that no line has."""
    for what, value, known in (("clef", clef, tuple(CLEFS)), ("metre", metre, METRES)):
        if value is not None and value not in known:
            raise UserError(f"There is no {what} {value!r} here: choose from {', '.join(known)}.")
    if key is not None:
        check_range("key, in sharps (or minus the flats),", key, -7, 7)


MOST_DOTS = 2


def split_bars(lines, *, clef=None, key=None, metre=None):
    """Bars of lines of words, in the order in which they are printed.

    Parameters
    ----------
    lines : list of list of str
        Words as in :mod:`.symbols`, a list for each staff.
    clef, key, metre : str, int, str, optional
        In place of all that was read.

    Returns
    -------
    list of Bar
        Their metre is None as long as none was read.
    """
    check_corrections(clef, key, metre)
    splitter = _Splitter(clef, key, metre)
    heads = agree([head(words) for words in lines], lines)
    for number, (words, begin) in enumerate(zip(lines, heads)):
        splitter.read_line(number, words, *begin)
    return splitter.bars


def is_key(word):
    """Whether a word belongs to a key signature."""
    return word == "cancel" or word.startswith(("sharp", "flat"))


def fifths_of(word):
    """Sharps, or minus the flats, of the signature that ends with this word: 3 for sharp3, -2 for flat2, 0 for cancel."""
    return 0 if word == "cancel" else int(word[-1]) * (1 if word.startswith("sharp") else -1)


def head(words):
    """Clef (None if there is none), key and number of words of a line's beginning."""
    clef, fifths, count = None, 0, 0
    for count, word in enumerate([*words, "end"]):
        if word.startswith("clef:"):
            clef = word[5:]
        elif is_key(word):
            fifths = fifths_of(word)
        else:
            break
    return clef, fifths, count


def agree(heads, lines):
    """Beginnings of lines, with a clef or key that one line alone has put right after the others.

    A change between two lines is announced at the end of the first, or comes after a double bar or repeat. Where it does not,
    and one line has what no other has, that was misread.

    Returns
    -------
    list of (str or None, int, int, str)
        Clef, key, number of words as from `head`; what is doubtful about it.
    """
    found = [[*one, ""] for one in heads]
    for place, what, is_change in (
        (0, "clef", lambda word: word.startswith("clef:")),
        (1, "key signature", is_key),
    ):
        groups = [[]]
        for number, words in enumerate(lines):
            groups[-1].append(number)
            if any(map(is_change, words[heads[number][2] :])) or words[-1:] and words[-1] in EDGES:
                groups.append([])
        for group in groups:
            counts = Counter(heads[number][place] for number in group).most_common()
            for number in group:
                if (
                    counts[0][1] > 1
                    and heads[number][place] != counts[0][0]
                    and sum(heads[other][place] == heads[number][place] for other in group) == 1
                ):
                    found[number][place] = counts[0][0]
                    found[number][3] = (
                        f"its {what} was read unlike that of the other lines, and taken for theirs"
                    )
    return [tuple(one) for one in found]


class _Splitter:
    """Reads words one by one; keeps what is in force."""

    def __init__(self, clef, key, metre):
        self.given = clef, key, metre
        self.clef, self.fifths, self.metre = clef or "treble", key or 0, metre
        self.bars, self.bar, self.doubt = [], None, ""

    def read_line(self, number, words, clef, fifths, count, doubt):
        """Read one staff."""
        self.line, self.index, self.doubt = number, count, doubt
        self.set(clef=clef, fifths=fifths)
        before = self.bar  # a repeat sign may stand at the end of the line before
        self.begin()
        self.bar.repeat_start, self.bar.ending = (
            (before.repeat_start, before.ending) if before else (False, 0)
        )
        for self.index, word in enumerate(words[count:], count):
            self.read(word)
        self.index = len(words)
        self.end("")

    def set(self, clef=None, fifths=None, metre=None):
        """Put a clef, key or metre in force, unless the user said otherwise."""
        clef, fifths, metre = (
            new if given is None else None for given, new in zip(self.given, (clef, fifths, metre))
        )
        self.clef = self.clef if clef is None else clef
        self.fifths = self.fifths if fifths is None else fifths
        self.metre = self.metre if metre is None else metre

    def begin(self, first=None):
        """Begin a bar; what is printed before its first note changes what is in force there."""
        self.bar = Bar(self.clef, self.fifths, self.metre)
        self.first = self.index if first is None else first
        self.last, self.accidental, self.triplet = None, None, False

    def end(self, word):
        """End a bar with a bar line; where it holds nothing, the line belongs to the bar before and after it."""
        bar, empty = self.bar, not self.bar.events
        if bar.chords and empty:
            self.add(None, 1)
            empty = False
        if not empty:
            bar.spans.append((self.line, self.first, self.index))
            bar.doubts += [self.doubt] if self.doubt else []
            self.doubt = ""
            self.bars.append(bar)
        elif word == "bar" and bar.close:  # two bar lines with nothing between them
            self.doubt = "nothing was read between the two bar lines before it"
        if self.bars and word:
            before = self.bars[-1]
            before.repeat_end |= word in ("repeat-end", "repeat-both")
            before.close = before.close or word if empty and word == "bar" else word
        start = bar.repeat_start and empty or word in ("repeat-start", "repeat-both")
        ending = bar.ending if empty else 0
        self.begin(self.index + bool(word))
        self.bar.repeat_start, self.bar.ending = start, ending
        self.bar.close = word  # of the line before it, as long as it is empty

    def add(self, position, value):
        """Put a note or rest into the bar."""
        bar = self.bar
        if not bar.events:
            bar.clef, bar.fifths, bar.metre, bar.close = self.clef, self.fifths, self.metre, ""
        self.last = Event(
            position,
            value,
            self.clef,
            self.fifths,
            self.accidental if position is not None else None,
            begins=self.triplet,
        )
        bar.events.append(self.last)
        self.accidental, self.triplet = None, False

    def read(self, word):
        """Read one word."""
        if word.startswith(("note:", "rest:")):
            self.add(*position_and_value(word))
        elif word in BAR_LINES:
            self.end(word)
        elif word.startswith("clef:"):
            self.set(clef=word[5:])
            if self.bar.events and self.given[0] is None:
                self.bar.clefs.append((len(self.bar.events), self.clef))
        elif is_key(word):
            if self.given[1] is None and self.at_bar_line():
                self.set(fifths=fifths_of(word))
        elif word.startswith("time:"):
            if self.given[2] is None and self.at_bar_line():
                self.set(metre=word[5:])
        elif word.startswith("acc:"):
            self.accidental = word[4:]
        elif word.startswith("ending:"):
            self.bar.ending = int(word[7:])
        elif word == "chord":
            self.bar.chords += 1
            self.last = None
        elif word == "triplet":
            self.triplet = True
        elif self.last:
            self.read_mark(word)

    def read_mark(self, word):
        """Read what stands after a note or rest."""
        if word == "dot":
            self.last.dots = min(self.last.dots + 1, MOST_DOTS)
        elif word == "end-triplet":
            self.last.ends = True
        elif word == "tie" and self.last.position is not None:
            self.last.tie = True

    def at_bar_line(self):
        """Whether a key or metre may stand here. In a bar that is full already, a bar line was missed before it."""
        if self.bar.events and self.bar.sum == self.bar.length:
            self.end("bar")
        elif self.bar.events:
            self.bar.doubts.append("a key signature or metre was read inside it, and left out")
        return not self.bar.events


# Counting: do the notes of a bar fill it? Bars that don't were probably read wrong. Lesson: 10_reading_sheet_music.
#
# A bar may rightly be short where the music begins or ends, or where a repeat or double bar line splits it: then
# another such piece fills it up. Everything else that doesn't add up is marked.

FEW_FIT = 1 / 3  # of the bars under a printed metre: then the metre was read wrong
MOST_FIT = 0.6  # of them that need to fit another one
ENOUGH = 4  # bars to judge by


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
        if (
            len(bar.events) == 1
            and bar.events[0].position is None
            and bar.events[0].value == 1
            and not bar.events[0].dots
        ):
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
            metre, why = (
                guess_metre(stretch),
                f"the metre {printed} does not fit the bars from here, and {{}} was taken",
            )
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
    return (
        known
        and len(bars) >= ENOUGH
        and sums[bars[0].length] < FEW_FIT * len(bars)
        and most >= MOST_FIT * len(bars)
    )


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
            set_triplet(events[first : last + 1], True)
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
    choices = [
        bar.events[first : first + size] if last is None else bar.events[max(last + 1 - size, 0) : last + 1]
        for size in sizes
    ]
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
        if (
            before
            and not before.close
            and before.spans[-1][0] != bar.spans[0][0]
            and before.sum + bar.sum <= before.length
        ):
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
            before.doubts.append(
                "the bracket of a first ending was not read, and taken to be over this bar alone"
            )
        while ending == 1 and reach + 1 < len(bars) and not bars[reach].repeat_end and not begun[reach + 1]:
            reach += 1
        if ending == 1 and not bars[reach].repeat_end and following[reach] != 2:
            reach = number  # neither a repeat nor a second bracket was read
        end = min(number + length, len(bars)) - 1
        while ending == 2 and reach < end and not begun[reach + 1] and bars[reach].close not in EDGES:
            reach += 1
        if ending == 1:
            length = reach - number + 1
            bars[reach].repeat_end |= following[reach] == 2  # before a second bracket music is repeated
        for bar in bars[number : reach + 1]:
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
    edge = [
        number in (0, last) or bar.repeat_start or bar.close in EDGES or bars[number - 1].close in EDGES
        for number, bar in enumerate(bars)
    ]
    short = Counter(bar.sum for bar, at_edge in zip(bars, edge) if at_edge and bar.sum < bar.length)
    right = []
    for number, bar in enumerate(bars):
        rest = bar.length - bar.sum
        split = edge[number] and rest > 0 and short[rest] > (rest == bar.sum)
        right.append(rest == 0 or split or number == 0 and has_pickup(bars))
    return right
