"""Bars out of the tokens of printed lines, and a check of their durations. Lesson: 10_reading_sheet_music.

A network reads symbol by symbol and now and then reads one wrong, so nothing is taken on trust here: what
cannot be is left out, and a bar whose notes do not fill it is marked as doubtful. A bar may rightly be short
where the music begins or ends, or where a repeat or double bar line splits it: then another such piece fills
it up.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate, groupby

from noteninja_lib.errors import UserError, check_range
from noteninja_lib.music.harmony import bar_length
from noteninja_lib.omr.vocabulary import BAR_LINES, CLEFS, LETTERS, METRES, position_and_value, ratio

EDGES = ("double-bar", "final-bar", "repeat-start", "repeat-end", "repeat-both")  # bar lines that end a part
MOST_DOTS = 2
FEW_FIT = 1 / 3  # of the bars under a printed metre: then the metre was read wrong
MOST_FIT = 0.6  # of them that need to fit another one
ENOUGH = 4  # bars to judge by
FEWEST = 3  # bars of a line to judge it by
#: Letters, so many and so large a share of all and of the notes, that name the notes at which they stand.
LEAST_NAMES, NAMES = 8, 0.6


@dataclass
class Event:
    """A note or a rest."""

    position: int | None  # half staff spaces above the bottom line; None for a rest
    value: int  # 1 for a whole note, 2 for a half ... 32
    clef: str = "treble"
    fifths: int = 0  # sharps (or minus the flats) of the key signature in force
    accidental: str | None = None  # the one printed before it
    dots: int = 0
    tie: bool = False  # whether a tie was read after it
    begins: bool = False  # whether a triplet was read to begin with it
    ends: bool = False  # whether a triplet was read to end with it
    triplet: bool = False  # whether it is one of three in the time of two
    whole: Fraction | None = None  # quarter notes of a rest that fills its bar whatever the metre
    step: int | None = None  # white keys above C0, see `vocabulary.set_pitches`
    alter: int = 0  # semitones that an accidental or the key moves it
    joined: bool = False  # whether it sounds on in the next note
    at: tuple[int, int] | None = None  # where it was read: line and token
    raised: bool = False  # whether an octave sign is above it

    @property
    def quarters(self) -> Fraction:
        """Duration in quarter notes."""
        if self.whole is not None:
            return self.whole
        dotted = Fraction(4, self.value) * (2 - Fraction(1, 2**self.dots))
        return dotted * Fraction(2, 3) if self.triplet else dotted


@dataclass
class Bar:
    """What stands between two bar lines."""

    clef: str  # clef, fifths and metre are those in force where it begins
    fifths: int
    metre: str  # as printed ("C|"); empty before one was read
    events: list[Event] = field(default_factory=list)
    clefs: list[tuple[int, str]] = field(default_factory=list)  # inside it: before which event, which
    #: Where it was read: line, first token, token after the last. Two where it is split between systems.
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    repeat_start: bool = False
    repeat_end: bool = False
    close: str = ""  # the token of its right bar line; empty if none was read
    ending: int = 0  # 1 or 2 under such a bracket
    number: int = 0  # as bars are counted: from 1, a pick-up is 0
    chords: int = 0  # how many were seen in it
    starts_joined: bool = False  # whether its first note sounds on from the bar before
    harmony: list[tuple[Fraction, str]] = field(default_factory=list)  # quarter notes from its start, symbol
    words: list[str] = field(default_factory=list)  # such as "D.C. al Fine", "segno"
    guessed: bool = False  # whether its metre was not printed
    fits: bool = True  # whether it is as long as its metre asks for, or a pick-up or part of a split bar
    doubts: list[str] = field(default_factory=list)  # why it may be wrong; each goes on after "bar 7: "
    remarks: list[str] = field(default_factory=list)  # what was settled in it, rightly as a rule

    @property
    def sum(self) -> Fraction:
        """Quarter notes of its events."""
        return sum((event.quarters for event in self.events), Fraction(0))

    @property
    def length(self) -> Fraction:
        """Quarter notes that its metre asks for; 0 before a metre was read."""
        return metre_length(self.metre) if self.metre else Fraction(0)


def metre_length(metre: str) -> Fraction:
    """Quarter notes in a bar of a metre as printed: 3 for "6/8", 4 for "C|"."""
    return Fraction(bar_length(ratio(metre)))


def check_corrections(clef: str | None = None, key: int | None = None, metre: str | None = None) -> tuple:
    """The same clef, key (sharps, or minus the flats) and metre; refused where no line has them."""
    for what, value, known in (("clef", clef, tuple(CLEFS)), ("metre", metre, METRES)):
        if value is not None and value not in known:
            raise UserError(f"There is no {what} {value!r} here: choose from {', '.join(known)}.")
    if key is not None:
        check_range("key, in sharps (or minus the flats),", key, -7, 7)
    return clef, key, metre


def split_bars(lines: list[list[str]], **corrections) -> list[Bar]:
    """Bars of lines of tokens, as printed; their metre is empty as long as none was read.

    Parameters
    ----------
    lines : list of list of str
        One for each staff.
    **corrections
        Clef, key and metre in place of all that was read, see `check_corrections`.
    """
    splitter = _Splitter(*check_corrections(**corrections))
    for number, (tokens, head) in enumerate(zip(lines, _agree([_head(tokens) for tokens in lines], lines))):
        splitter.read_line(number, tokens, *head)
    return splitter.bars


def _is_key(token):
    """Whether a token belongs to a key signature."""
    return token == "cancel" or token.startswith(("sharp", "flat"))


def _fifths_of(token):
    """Sharps, or minus the flats, of a signature by its last token: sharp3 -> 3, flat2 -> -2, cancel -> 0."""
    return 0 if token == "cancel" else int(token[-1]) * (1 if token.startswith("sharp") else -1)


def _head(tokens):
    """Clef, key and number of tokens of a line's beginning; None for what books leave out after the first."""
    clef, fifths, count = None, None, 0
    for count, token in enumerate([*tokens, "end"]):
        if token.startswith("clef:"):
            clef = token[5:] if token[5:] in CLEFS else clef
        elif _is_key(token):
            fifths = _fifths_of(token)
        else:
            break
    return clef, 0 if fifths is None and clef else fifths, count


def _agree(heads, lines):
    """Heads (clef, key, number of tokens, doubt) after a clef or key that one line alone has was put right.

    A change between two lines is announced at the end of the first, or comes after a double bar or repeat.
    Where it does not, and one line has what no other has, that was misread.
    """
    found = [[*head, ""] for head in heads]
    kinds = ((0, "clef", lambda token: token.startswith("clef:")), (1, "key signature", _is_key))
    for place, what, is_change in kinds:
        groups = [[]]
        for number, tokens in enumerate(lines):
            groups[-1].append(number)
            if any(map(is_change, tokens[heads[number][2] :])) or tokens[-1:] and tokens[-1] in EDGES:
                groups.append([])
        for group in filter(None, groups):
            with_clef = [number for number in group if heads[number][0]]
            counts = Counter(heads[number][place] for number in with_clef)
            usual, times = counts.most_common(1)[0] if counts else (None, 0)
            for number in with_clef:
                own = heads[number][place]
                if times > 1 and own != usual and counts[own] == 1:
                    doubt = f"its {what} was read unlike that of the other lines, and taken for theirs"
                    found[number][place], found[number][3] = usual, doubt
    return found


class _Splitter:
    """Reads tokens one by one; keeps what is in force."""

    def __init__(self, clef, key, metre):
        self.given = clef, key, metre
        self.clef, self.fifths, self.metre = clef or "treble", key or 0, metre or ""
        self.bars, self.bar, self.doubt = [], None, ""

    def read_line(self, number, tokens, clef, fifths, count, doubt):
        self.line, self.index, self.doubt = number, count, doubt
        self.set(clef=clef, fifths=fifths)
        before = self.bar  # a repeat sign may stand at the end of the line before
        self.begin()
        if before:
            self.bar.repeat_start, self.bar.ending = before.repeat_start, before.ending
        for self.index, token in enumerate(tokens[count:], count):
            self.read(token)
        self.index = len(tokens)
        self.end("")

    def set(self, **signature):
        """Put a clef, key or metre in force, unless the user said otherwise."""
        for name, given in zip(("clef", "fifths", "metre"), self.given):
            if given is None and signature.get(name) is not None:
                setattr(self, name, signature[name])

    def begin(self, first=None):
        """Begin a bar; what is printed before its first note changes what is in force there."""
        self.bar = Bar(self.clef, self.fifths, self.metre)
        self.first = self.index if first is None else first
        self.last, self.accidental, self.triplet = None, None, False

    def end(self, token):
        """End a bar with a bar line; if it is empty, the line belongs to the bars before and after it."""
        bar = self.bar
        empty = not bar.events
        if not empty:
            bar.spans.append((self.line, self.first, self.index))
            bar.doubts += [self.doubt] if self.doubt else []
            self.doubt = ""
            self.bars.append(bar)
        elif token == "bar" and bar.close:
            self.doubt = "nothing was read between the two bar lines before it"
        if self.bars and token:
            before = self.bars[-1]
            before.repeat_end |= token in ("repeat-end", "repeat-both")
            before.close = before.close or token if empty and token == "bar" else token
        start = bar.repeat_start and empty or token in ("repeat-start", "repeat-both")
        ending = bar.ending if empty else 0
        self.begin(self.index + bool(token))
        self.bar.repeat_start, self.bar.ending = start, ending
        self.bar.close = token  # of the line before it, as long as it is empty

    def add(self, position, value):
        """Put a note or rest into the bar."""
        bar, accidental = self.bar, self.accidental if position is not None else None
        if not bar.events:
            bar.clef, bar.fifths, bar.metre, bar.close = self.clef, self.fifths, self.metre, ""
        at = self.line, self.index
        self.last = Event(position, value, self.clef, self.fifths, accidental, begins=self.triplet, at=at)
        bar.events.append(self.last)
        self.accidental, self.triplet = None, False

    def read(self, token):
        kind, _, text = token.partition(":")
        if kind in ("note", "rest"):
            self.add(*position_and_value(token))
        elif token in BAR_LINES:
            self.end(token)
        elif kind == "rests":
            for _ in range(int(text) - 1):  # each of them stands for the one sign
                self.add(None, 1)
                self.index += 1
                self.end("bar")
                self.index -= 1
                self.first = self.index
            self.add(None, 1)
        elif kind == "clef" and text in CLEFS:
            self.set(clef=text)
            if self.bar.events and self.given[0] is None:
                self.bar.clefs.append((len(self.bar.events), self.clef))
        elif _is_key(token):
            if self.given[1] is None and self.at_bar_line():
                self.set(fifths=_fifths_of(token))
        elif kind == "time":
            if self.given[2] is None and self.at_bar_line():
                self.set(metre=text)
        elif kind == "acc":
            self.accidental = text
        elif kind == "ending":
            self.bar.ending = int(text)
        elif token == "chord":
            self.bar.chords += 1
        elif token == "triplet":
            self.triplet = True
        elif self.last and token == "dot":
            self.last.dots = min(self.last.dots + 1, MOST_DOTS)
        elif self.last and token == "end-triplet":
            self.last.ends = True
        elif self.last and token == "tie":
            self.last.tie = self.last.position is not None

    def at_bar_line(self):
        """Whether a key or metre may stand here. In a full bar, a bar line was missed before it."""
        if self.bar.events and self.bar.sum == self.bar.length:
            self.end("bar")
        elif self.bar.events:
            self.bar.doubts.append("a key signature or metre was read inside it, and left out")
        return not self.bar.events


def check_durations(
    bars: list[Bar], trusted: bool = False, upper: bool = False, final: bool = True
) -> list[Bar]:
    """Settle missing metres, open triplets, whole-bar rests and bars split by a system; doubt what is left.

    Parameters
    ----------
    bars : list of Bar
        As from `split_bars`; changed in place. The result has fewer, where the end of a line split one.
    trusted : bool
        Whether the metre is the user's own.
    upper : bool
        Whether of chords and voices the uppermost notes are wanted.
    final : bool
        Whether halves of a bar are joined, and lines in another metre found: there is nothing left to mend.
    """
    for bar in bars:
        mark_triplets(bar)
    settle_metres(bars, trusted, final)
    for bar in bars:
        mark_triplets(bar)
        if _is_rest(bar):
            bar.events[0].whole = bar.length
    bars = join_bars(bars, final)
    set_endings(bars)
    pickup = len(bars) > 1 and bars[0].sum < bars[0].length
    adding_up = _adding_up(bars, pickup)
    guessed = [right for bar, right in zip(bars, adding_up) if bar.guessed]
    free = sum(guessed) < MOST_FIT * len(guessed)  # then their sums say nothing
    for number, (bar, right) in enumerate(zip(bars, adding_up), 0 if pickup else 1):
        bar.number, bar.fits = number, right or free and bar.guessed
        if bar.chords and not upper:
            bar.remarks.append("of chords, only the uppermost notes are read")
        if not bar.fits:
            bar.doubts.append(f"its notes last {_quarters(bar.sum)} in place of {_quarters(bar.length)}")
    return bars


def _quarters(length):
    """A length in words: "3 1/2 quarter notes"."""
    text = " ".join(str(part) for part in divmod(length, 1) if part) or "0"
    return f"{text} quarter note{'' if length == 1 else 's'}"


def _adding_up(bars, pickup):
    """Which bars have the right length (list of bool)."""
    befores = [Bar("", 0, "", close="final-bar"), *bars]
    edge = [bar.repeat_start or {bar.close, last.close} & set(EDGES) for last, bar in zip(befores, bars)]
    edge[-1:] = [True] * bool(bars)
    short = Counter(bar.sum for bar, at_edge in zip(bars, edge) if at_edge and bar.sum < bar.length)
    right = []
    for bar, at_edge in zip(bars, edge):
        rest = bar.length - bar.sum
        split = at_edge and rest > 0 and short[rest] > (rest == bar.sum)
        right.append(rest == 0 or split or pickup and bar is bars[0])
    return right


def _is_rest(bar):
    """Whether there is only a whole rest in it, which fills a bar of any metre."""
    return [(event.position, event.value, event.dots) for event in bar.events] == [(None, 1, 0)]


def settle_metres(bars: list[Bar], trusted: bool = False, by_line: bool = False) -> None:
    """Find a metre for bars before the first one that was read, and for those that hardly fit theirs.

    With `by_line`, for lines too in which no bar fits.
    """
    for stretch in _stretches(bars, by_line):
        printed = stretch[0].metre
        if not printed:
            why = "no metre was read before it, and {} was taken"
        elif not trusted and _misfits(stretch, enough=ENOUGH):
            why = f"the metre {printed} does not fit the bars from here, and {{}} was taken"
        else:
            continue
        metre = guess_metre(stretch)
        stretch[0].remarks.append(why.format(metre))
        for bar in stretch:
            bar.metre, bar.guessed = metre, not printed


def _stretches(bars, by_line):
    """Bars under one metre (lists); if asked for, lines in which no bar fits it are apart."""
    for metre, stretch in groupby(bars, key=lambda bar: bar.metre):
        lines = [list(line) for _, line in groupby(stretch, key=lambda bar: bar.spans[0][0])]
        for _, part in groupby(lines, key=lambda line: by_line and metre != "" and _is_foreign(line)):
            yield sum(part, [])


def _is_foreign(line):
    """Whether no bar of a line fits its metre, and most of them fit another; bars at edges do not count."""
    inner = [
        bar for bar in line if bar.close == "bar" and not (bar.ending or bar.repeat_start or _is_rest(bar))
    ]
    return len(inner) >= FEWEST and _misfits(inner, 0)


def _misfits(bars, share=FEW_FIT, enough=0):
    """Whether few bars fit their metre and most of them another."""
    bars = [bar for bar in bars if not _is_rest(bar)]
    if len(bars) < enough or not bars:
        return False
    sums = Counter(bar.sum for bar in bars)
    length, most = sums.most_common(1)[0]
    few = sums[bars[0].length] < max(share * len(bars), 1) and most >= MOST_FIT * len(bars)
    return few and length in map(metre_length, METRES)


def guess_metre(bars: list[Bar]) -> str:
    """The metre that most bars fit, such as "3/4"; "4/4" where they fit none.

    3/4 and 6/8 are as long as each other: in 6/8 a note begins in the middle of the bar more often than on
    the other beats.
    """
    known = {metre_length(metre): metre for metre in reversed(METRES)}
    lengths = Counter(bar.sum for bar in bars if bar.sum in known and not _is_rest(bar))
    if not lengths:
        return "4/4"
    length = lengths.most_common(1)[0][0]
    if length != 3:
        return known[length]
    middle, others = 0, 0
    for bar in bars:
        place = 0
        for event in bar.events:
            middle += 2 * place == 3
            others += place in (1, 2)
            place += event.quarters
    return "6/8" if middle > others / 2 else "3/4"


def mark_triplets(bar: Bar) -> None:
    """Mark the notes of triplets; where a beginning or an end was not read, the group that fills the bar."""
    events, opened = bar.events, None
    groups: list[tuple[int | None, int | None]] = []
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
            _set_triplet(events[first : last + 1], True)
    for first, last in groups:
        if first is None or last is None:
            _complete_triplet(bar, first, last)


def _set_triplet(events, value):
    for event in events:
        event.triplet = value


def _complete_triplet(bar, first, last):
    """Find the end of a group with which the bar adds up; else three notes, if its beginning was read."""
    if last is None:
        choices = [bar.events[first : first + size] for size in (3, 1, 2, 4, 5, 6)]
    else:
        choices = [bar.events[max(last + 1 - size, 0) : last + 1] for size in (3, 1, 2, 4, 5, 6)]
    choices = [group for group in choices if not any(event.triplet for event in group)]
    for group in choices:
        _set_triplet(group, True)
        if bar.sum == bar.length:
            return
        _set_triplet(group, False)
    if last is None and choices:
        _set_triplet(choices[0], True)


def join_bars(bars: list[Bar], halves: bool = False) -> list[Bar]:
    """Put a bar together that begins at the end of one line and ends in the next.

    With `halves`, one too that is split in a line, by a dashed line or what was taken for a bar line.
    """
    joined: list[Bar] = []
    for number, bar in enumerate(bars):
        before = joined[-1] if joined else None
        same_line = before is not None and before.spans[-1][0] == bar.spans[0][0]
        if same_line:
            apart = not halves or not _halves(joined[-2:], bar, bars[number + 1 : number + 2])
        else:
            apart = before is None or before.close or before.sum + bar.sum > before.length
        if apart:
            joined.append(bar)
            continue
        if bar.clef != (before.clefs[-1][1] if before.clefs else before.clef):
            before.clefs.append((len(before.events), bar.clef))
        before.clefs += [(place + len(before.events), clef) for place, clef in bar.clefs]
        before.events += bar.events
        before.spans += bar.spans
        before.repeat_end, before.close = before.repeat_end or bar.repeat_end, bar.close
        before.chords, before.doubts = before.chords + bar.chords, before.doubts + bar.doubts
        before.remarks += bar.remarks + ["a bar line in it was left out"] * same_line
    return joined


def _halves(before, bar, after):
    """Whether the last of the bars before and this one are one bar: as long as one, among others that fit."""
    if len(before) < 2 or bar.guessed or bar.ending or bar.repeat_start or before[1].close != "bar":
        return False
    alike = (bar.metre, bar.fifths) == (before[1].metre, before[1].fifths)
    return (
        alike
        and before[1].sum + bar.sum == bar.length
        and all(one.sum == one.length for one in (before[0], *after))
    )


def set_endings(bars: list[Bar]) -> None:
    """Find how far brackets reach: the first to its repeat, the second as far, unless a bar line ends it."""
    begun = [bar.ending for bar in bars]
    length, following = 1, [*begun[1:], 0]
    for number, ending in enumerate(begun):
        if not ending:
            continue
        before, reach = bars[number - 1] if number else None, number
        if ending == 2 and before and before.repeat_end and not before.ending:
            before.ending = 1
            why = "the bracket of a first ending was not read, and taken to be over this bar alone"
            before.doubts.append(why)
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


def settle_chords(bars: list[Bar]) -> None:
    """Take away letters that are no chords, and spell B as it is meant.

    Letters at most of the notes that name these, as in primers, are no chords. In German and Nordic books H
    is B, and B is B flat: so it is, too, in flat keys without a B flat.
    """
    if _name_notes(bars):
        bars[0].remarks.append("from here on letters at the notes are taken for their names")
        for bar in bars:
            bar.harmony = []
    texts = [text for bar in bars for _, text in bar.harmony]
    german = any("H" in text for text in texts)
    plain = not any(text.startswith("Bb") for text in texts)
    for bar in bars:
        if german or plain and bar.fifths < 0:
            spelt = [(at, re.sub("B(?!b)", "Bb", text).replace("H", "B")) for at, text in bar.harmony]
            bar.harmony = spelt


def _name_notes(bars):
    """Whether the letters that were read as chords are the names of the notes at which they stand."""
    letters, named = 0, 0
    for bar in bars:
        starts = accumulate([event.quarters for event in bar.events], initial=Fraction(0))
        steps = {start: event.step for start, event in zip(starts, bar.events) if event.step is not None}
        letters += len(bar.harmony)
        named += sum(at in steps and LETTERS[steps[at] % 7] == text for at, text in bar.harmony)
    notes = sum(event.step is not None for bar in bars for event in bar.events)
    return named >= LEAST_NAMES and named >= NAMES * letters and letters >= NAMES * notes
