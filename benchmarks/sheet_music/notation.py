"""Tokens of printed lines as what an engraver has to write: pitches, keys, metres and bar lines.

The pitch rule and the spelling stand here a second time, apart from the reader's and the composer's own, on
purpose: the truth of a test must not come out of what is tested. Lesson: 10_reading_sheet_music.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from noteninja_lib.omr.vocabulary import BAR_LINES, CLEFS, HIGHEST, LOWEST, VALUES, note

LETTERS = "CDEFGAB"
SHARPS = "FCGDAEB"  # in the order of signatures; flats are the same from the end
ALTERS = {"#": 1, "b": -1, "n": 0, "x": 2, "bb": -2}
COMMON = {"C": "4/4", "C|": "2/2"}
SIGNATURES = ("clef", "key", "time")
#: Lengths in quarter notes that one note can have, longest first -> (value, dots).
LENGTHS = {Fraction(4, value) * Fraction(2 + dots, 2): (value, dots) for value in VALUES for dots in (1, 0)}
LENGTHS = dict(sorted(LENGTHS.items(), reverse=True))


@dataclass
class Element:
    """What an engraver writes at once."""

    kind: str  # clef, key, time, note, rest, triplet, end-triplet, bar, ending or end-ending
    text: str = ""  # the clef, the metre as printed ("C" too), the kind of bar line, the number of the ending
    fifths: int = 0  # of a key
    cancel: bool = False  # whether naturals that take back the last key are printed before it
    letter: str = (
        ""  # letter, octave (scientific pitch notation) and alter of a note: what sounds, by the rule
    )
    octave: int = 0
    alter: int = 0
    sign: str = ""  # the accidental that is printed before the note
    value: int = 0
    dots: int = 0
    tie: bool = False  # whether it goes on in the next note
    length: Fraction = Fraction(0)  # quarter notes as it sounds: in a triplet two thirds of what is printed
    marks: list[str] = field(default_factory=list)  # distractors such as "slur-start", "finger:3", "chord:Am"

    @property
    def fills_bar(self) -> bool:
        """Whether it is a whole rest, which fills a bar of any length where it is alone."""
        return (self.kind, self.value, self.dots) == ("rest", 1, 0)


def _signed(fifths):
    """Letters that a key alters -> by how much."""
    letters = SHARPS[:fifths] if fifths > 0 else SHARPS[fifths:] if fifths else ""
    return dict.fromkeys(letters, 1 if fifths > 0 else -1)


class _Rule:
    """Which accidental holds: the key's, or what stands before a note until the bar line, and along a tie."""

    def __init__(self):
        self.key, self.clef, self.bar, self.tied = {}, "treble", {}, None

    def pitch(self, position, sign, tie):
        """(letter, octave, alter) of a note at a position, with the accidental that is printed before it."""
        letter, octave = CLEFS[self.clef]
        steps = LETTERS.index(letter) + position
        letter, octave = LETTERS[steps % 7], octave + steps // 7
        if sign:
            alter = self.bar[position] = ALTERS[sign]
        elif self.tied is not None and self.tied[0] == position:
            alter = self.tied[1]
        else:
            alter = self.bar.get(position, self.key.get(letter, 0))
        self.tied = (position, alter) if tie else None
        return letter, octave, alter

    def set_key(self, fifths):
        self.key, self.bar = _signed(fifths), {}


def elements(lines: list[list[str]]) -> list[list[Element]]:
    """What an engraver writes for lines of one piece.

    Parameters
    ----------
    lines : list of list of str
        Tokens, as in `noteninja_lib.omr.vocabulary`; accidentals and ties go on from line to line.

    Returns
    -------
    list of list of Element
        One list for each line. A line always begins with a clef and a key; with a metre, where one is
        printed.
    """
    rule = _Rule()
    return _close_endings([_line(tokens, rule) for tokens in lines])


def _close_endings(lines, longest=2):
    """Put an "end-ending" at the first bar line that is not plain, or after some bars."""
    bars, closed = None, []  # bars of the ending that is open
    for line in lines:
        closed.append([])
        for element in line:
            closed[-1].append(element)
            if element.kind == "ending":
                bars = 0
            elif element.kind == "bar" and bars is not None:
                bars += 1
                if element.text != "bar" or bars == longest:
                    closed[-1].append(Element("end-ending"))
                    bars = None
    return closed


def _line(tokens, rule):
    line, at, triplet = [], 0, False
    while at < len(tokens):
        kind, _, text = tokens[at].partition(":")
        end = at + 1
        if kind == "clef":
            rule.clef, rule.bar = text, {}
            line.append(Element("clef", text))
        if kind == "clef" and at == 0 or _is_key(tokens[at]):  # a line's key is there even if it is empty
            end, key = _key(tokens, at + (kind == "clef"))
            line.append(key)
            rule.set_key(key.fifths)
        elif kind in ("acc", "note", "rest"):
            end, element = _sounding(tokens, at, triplet, rule)
            line.append(element)
        elif tokens[at] in BAR_LINES:
            rule.bar = {}
            line.append(Element("bar", tokens[at]))
        elif kind != "clef":
            triplet = {"triplet": True, "end-triplet": False}.get(kind, triplet)
            line.append(Element(kind, text))
        at = end
    return line


def _is_key(token):
    return token == "cancel" or token.rstrip("1234567") in ("sharp", "flat")


def _key(tokens, at):
    """The key that begins at a token, and where it ends; C major, if none begins there."""
    key = Element("key")
    while at < len(tokens) and _is_key(tokens[at]):
        if tokens[at] == "cancel":
            key.cancel = True
        else:
            key.fifths = int(tokens[at][-1]) * (1 if tokens[at].startswith("sharp") else -1)
        at += 1
    return at, key


def _sounding(tokens, at, triplet, rule):
    """The note or rest that begins at a token (an accidental's, perhaps), and where it ends."""
    sign = tokens[at].partition(":")[2] if tokens[at].startswith("acc:") else ""
    at += bool(sign)
    kind, *rest = tokens[at].split(":")
    element, at = Element(kind, sign=sign, value=int(rest[-1])), at + 1
    while at < len(tokens) and tokens[at] in ("dot", "tie"):
        element.dots, element.tie = element.dots + (tokens[at] == "dot"), element.tie or tokens[at] == "tie"
        at += 1
    element.length = Fraction(4, element.value) * (2 - Fraction(1, 2**element.dots))
    element.length *= Fraction(2, 3) if triplet else 1
    if kind == "note":
        element.letter, element.octave, element.alter = rule.pitch(int(rest[0]), sign, element.tie)
    else:
        rule.tied = None
    return at, element


def quarters(metre: str) -> Fraction:
    """Quarter notes in a bar of a metre as printed."""
    over, under = COMMON.get(metre, metre).split("/")
    return Fraction(4 * int(over), int(under))


def sounding(lines: list[list[str]]) -> list[list[tuple[str, float]]]:
    """Notes of lines as a reader has to find them: (pitch such as "F#4", quarter notes) each."""
    names = {1: "#", -1: "b", 0: "", 2: "##", -2: "bb"}
    notes = [[one for one in line if one.kind == "note"] for line in elements(lines)]
    name = "{0.letter}{1}{0.octave}".format
    return [[(name(one, names[one.alter]), float(one.length)) for one in line] for line in notes]


def spell(pitch: int, fifths: int) -> tuple[int, int]:
    """(steps above C0, alter) of a MIDI pitch in a key, with few accidentals, and rather raised notes."""
    line_of_fifths = range(fifths - 3, fifths + 9)  # C is 0, G is 1
    place = next(place for place in line_of_fifths if place * 7 % 12 == pitch % 12)
    letter, alter = SHARPS[(place + 1) % 7], (place + 1) // 7
    return 7 * ((pitch - alter) // 12 - 1) + LETTERS.index(letter), alter


class Printer:
    """Notes -> tokens, with accidentals where the rule demands them.

    Parameters
    ----------
    clef, fifths
        Of the staff.
    shift : int
        Semitones by which everything is moved.
    remind : callable, optional
        Asked before each note that needs no accidental: True prints one that says what holds anyway, as
        careful editors do.
    """

    def __init__(self, clef: str, fifths: int, shift: int, remind: Callable[[], bool] | None = None):
        self.clef, self.fifths, self.shift, self.remind = clef, fifths, shift, remind or (lambda: False)
        self.tied = False

    def bar(self, events: list[tuple]) -> list[str]:
        """Tokens of one bar, (length, pitch or None, tied) each, without its bar line.

        Raises
        ------
        ValueError
            If a note lies too far from the staff, or a length can't be printed.
        """
        tokens, held, at = [], {}, 0
        if len(events) == 1 and events[0][1] is None:
            return ["rest:1"]
        while at < len(events):
            three = events[at][0].denominator % 3 == 0
            group = _triplet(events[at:]) if three else [events[at]]
            tokens += ["triplet"] * three
            for lasts, *rest in group:
                tokens += self._sounding(lasts * Fraction(3, 2) if three else lasts, *rest, held)
            tokens += ["end-triplet"] * three
            at += len(group)
        return tokens

    def _sounding(self, lasts, pitch, tie, held):
        """Tokens of a note or rest, tied together of several where one does not do."""
        tokens, parts = [], []
        while lasts:
            parts.append(next((length for length in LENGTHS if length <= lasts), None))
            if parts[-1] is None:
                raise ValueError("too short")
            lasts -= parts[-1]
        for number, length in enumerate(parts[::-1] if pitch is None else parts):
            value, dots = LENGTHS[length]
            if pitch is None:
                tokens += [f"rest:{value}"] + ["dot"] * dots
                continue
            tokens += self._sign(pitch, held)
            tokens += [note(self.position, value)] + ["dot"] * dots
            self.tied = tie or number < len(parts) - 1
            tokens += ["tie"] * self.tied
        return tokens

    def _sign(self, pitch, held):
        """The accidental that a note needs, if it needs one."""
        step, alter = spell(pitch + self.shift, self.fifths)
        letter, octave = CLEFS[self.clef]
        self.position = step - 7 * octave - LETTERS.index(letter)
        if not LOWEST <= self.position <= HIGHEST:
            raise ValueError("too far from the staff")
        usual = held.get(self.position, _signed(self.fifths).get(LETTERS[step % 7], 0))
        if self.tied:
            if alter != usual and self.position not in held:
                held[self.position] = None  # carried over the bar line by the tie: the next one shows its own
            return []
        held[self.position] = alter
        if alter == usual and not self.remind():
            return []
        return [f"acc:{next(sign for sign, one in ALTERS.items() if one == alter)}"]


def _triplet(events):
    """The two or three events at the beginning that are played three in the time of two."""
    for count in (2, 3):
        lengths = [lasts for lasts, _, _ in events[:count]]
        whole, shares = sum(lengths), {lasts / sum(lengths) for lasts in lengths}
        fits = whole in (Fraction(1, 2), 1, 2) and shares <= {Fraction(1, 3), Fraction(2, 3)}
        if len(lengths) == count and fits:
            return events[:count]
    raise ValueError("not a whole triplet")
