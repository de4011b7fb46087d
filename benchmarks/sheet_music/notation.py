"""Tokens of printed lines as what an engraver has to write. Lesson: 10_reading_sheet_music.

The pitch rule stands here a second time, on purpose: a test's truth must not come out of what is tested.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from noteninja_lib.omr.vocabulary import ALTERS, BAR_LINES, CLEFS, LETTERS, SHARPS, ratio

SIGNATURES = ("clef", "key", "time")
#: What an engraver writes at once: a key, a note or a rest with all that belongs to it, or a single token.
SYMBOL = re.compile(
    r"(?P<key>((none|cancel|sharp\d|flat\d) )+)|(acc:(?P<sign>\S+) )?(?P<kind>note|rest):"
    r"((?P<position>-?\d+):)?(?P<value>\d+) (?P<after>((dot|tie) )*)|(?P<other>\S+) "
)
NAMES = {1: "#", -1: "b", 0: "", 2: "##", -2: "bb"}


@dataclass
class Element:
    """What an engraver writes at once."""

    kind: str  # clef, key, time, note, rest, triplet, end-triplet, bar or ending
    text: str = ""  # the clef, the metre as printed ("C" too), the kind of bar line, the number of the ending
    closes: str = ""  # of a bar line: the number of the ending that ends here
    fifths: int = 0  # of a key
    cancel: bool = False  # whether naturals that take back the last key are printed before it
    letter: str = ""  # of a note, with octave (scientific pitch notation) and alter: what sounds, by the rule
    octave: int = 0
    alter: int = 0
    sign: str = ""  # the accidental that is printed before the note
    value: int = 0  # of a note or rest: 4 is a quarter
    dots: int = 0
    tie: bool = False  # whether it goes on in the next note
    length: Fraction = Fraction(0)  # quarter notes as it sounds: in a triplet two thirds of what is printed
    marks: list[str] = field(default_factory=list)  # distractors such as "slur-start", "finger:3", "chord:Am"


def key_alters(fifths: int) -> dict[str, int]:
    """Letters that a key alters -> by how many semitones."""
    return dict.fromkeys(SHARPS[: max(fifths, 0)], 1) | dict.fromkeys(SHARPS[7 + min(fifths, 0) :], -1)


class _Rule:
    """Which accidental holds: the key's, or what stands before a note until the bar line, and along a tie."""

    def __init__(self):
        self.key, self.clef, self.bar, self.tied = {}, "treble", {}, None

    def sound(self, element, position):
        """Give a note at a position its letter, octave and alter; a rest has no position, and ends a tie."""
        if position is None:
            self.tied = None
            return
        position, (letter, octave) = int(position), CLEFS[self.clef]
        octaves, step = divmod(LETTERS.index(letter) + position, 7)
        if element.sign:
            alter = self.bar[position] = ALTERS[element.sign]
        elif self.tied is not None and self.tied[0] == position:
            alter = self.tied[1]
        else:
            alter = self.bar.get(position, self.key.get(LETTERS[step], 0))
        self.tied = (position, alter) if element.tie else None
        element.letter, element.octave, element.alter = LETTERS[step], octave + octaves, alter


def elements(lines: list[list[str]]) -> list[list[Element]]:
    """What an engraver writes for the lines (tokens) of one piece; ties go on from line to line.

    An ending closes at the first bar line that is not plain, or after two bars.
    """
    rule, triplet, ending, bars, written = _Rule(), False, "", 0, []
    for tokens in lines:
        text = re.sub(r"^(clef:\S+ )(?!cancel|sharp|flat)", r"\1none ", " ".join(tokens) + " ")
        written.append([])
        for symbol in SYMBOL.finditer(text):
            if key := symbol["key"]:
                fifths = key.count("sharp") - key.count("flat")
                element = Element("key", fifths=fifths, cancel="cancel" in key)
                rule.key, rule.bar = key_alters(fifths), {}
            elif symbol["kind"]:
                value, dots = int(symbol["value"]), symbol["after"].count("dot")
                length = Fraction(4, value) * (2 - Fraction(1, 2**dots)) * (Fraction(2, 3) if triplet else 1)
                element = Element(symbol["kind"], value=value, dots=dots, length=length)
                element.sign, element.tie = symbol["sign"] or "", "tie" in symbol["after"]
                rule.sound(element, symbol["position"])
            else:
                kind, _, text = symbol["other"].partition(":")
                element = Element("bar", kind) if kind in BAR_LINES else Element(kind, text)
                if kind == "clef":
                    rule.clef, rule.bar = text, {}
                elif kind == "ending":
                    ending, bars = text, 0
                elif element.kind == "bar":
                    rule.bar, bars = {}, bars + 1
                    if ending and (kind != "bar" or bars == 2):
                        element.closes, ending = ending, ""
                triplet = {"triplet": True, "end-triplet": False}.get(kind, triplet)
            written[-1].append(element)
    return written


def measures(line: list[Element]) -> Iterator[list[Element]]:
    """Elements of each bar, from what stands before it to its bar line; what follows the last is left out."""
    bar = []
    for element in line:
        bar.append(element)
        if element.kind == "bar" and any(one.value for one in bar):  # otherwise it is a repeat's beginning
            yield bar
            bar = []


def rests_only(bar: list[Element]) -> bool:
    """Whether a bar has nothing but a whole rest, which fills a bar of any length."""
    return [(one.kind, one.value, one.dots) for one in bar if one.value] == [("rest", 1, 0)]


def quarters(metre: str) -> Fraction:
    """Quarter notes in a bar of a metre as printed."""
    return 4 * Fraction(ratio(metre))


def sounding(lines: list[list[str]]) -> list[list[tuple[str, float]]]:
    """Notes of lines as a reader has to find them: (pitch such as "F#4", quarter notes) each."""
    notes = [[one for one in line if one.kind == "note"] for line in elements(lines)]
    return [[(f"{n.letter}{NAMES[n.alter]}{n.octave}", float(n.length)) for n in line] for line in notes]
