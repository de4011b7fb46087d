"""Bars out of the words of printed lines: what stands between two bar lines, and under which clef, key and metre.

A network reads symbol by symbol and now and then reads one wrong, so nothing is taken on trust here: what can't be is left
out, and the bar is marked doubtful (:mod:`.counting` counts the beats). Lesson: 10_reading_sheet_music.
"""
from collections import Counter

from .bars import EDGES, Bar, Event, check_corrections
from .symbols import BAR_LINES, position_and_value

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
    for place, what, is_change in ((0, "clef", lambda word: word.startswith("clef:")), (1, "key signature", is_key)):
        groups = [[]]
        for number, words in enumerate(lines):
            groups[-1].append(number)
            if any(map(is_change, words[heads[number][2]:])) or words[-1:] and words[-1] in EDGES:
                groups.append([])
        for group in groups:
            counts = Counter(heads[number][place] for number in group).most_common()
            for number in group:
                if counts[0][1] > 1 and heads[number][place] != counts[0][0] and \
                        sum(heads[other][place] == heads[number][place] for other in group) == 1:
                    found[number][place] = counts[0][0]
                    found[number][3] = f"its {what} was read unlike that of the other lines, and taken for theirs"
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
        before = self.bar                                    # a repeat sign may stand at the end of the line before
        self.begin()
        self.bar.repeat_start, self.bar.ending = (before.repeat_start, before.ending) if before else (False, 0)
        for self.index, word in enumerate(words[count:], count):
            self.read(word)
        self.index = len(words)
        self.end("")

    def set(self, clef=None, fifths=None, metre=None):
        """Put a clef, key or metre in force, unless the user said otherwise."""
        clef, fifths, metre = (new if given is None else None for given, new in zip(self.given, (clef, fifths, metre)))
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
        elif word == "bar" and bar.close:                    # two bar lines with nothing between them
            self.doubt = "nothing was read between the two bar lines before it"
        if self.bars and word:
            before = self.bars[-1]
            before.repeat_end |= word in ("repeat-end", "repeat-both")
            before.close = before.close or word if empty and word == "bar" else word
        start = bar.repeat_start and empty or word in ("repeat-start", "repeat-both")
        ending = bar.ending if empty else 0
        self.begin(self.index + bool(word))
        self.bar.repeat_start, self.bar.ending = start, ending
        self.bar.close = word                                # of the line before it, as long as it is empty

    def add(self, position, value):
        """Put a note or rest into the bar."""
        bar = self.bar
        if not bar.events:
            bar.clef, bar.fifths, bar.metre, bar.close = self.clef, self.fifths, self.metre, ""
        self.last = Event(position, value, self.clef, self.fifths, self.accidental if position is not None else None,
                          begins=self.triplet)
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
