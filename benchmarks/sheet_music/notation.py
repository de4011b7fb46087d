"""Words of printed lines as what an engraver has to write: notes with their pitches, keys, metres and bar lines.

The pitch rule stands here a second time, apart from the reader's own, on purpose: the truth of a test must not come out of what
is tested. Lesson: 10_reading_sheet_music.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from noteninja_lib.omr.vocabulary import BAR_LINES, CLEFS, HIGHEST, LOWEST, VALUES, note

LETTERS = "CDEFGAB"
SHARPS = "FCGDAEB"  # in the order of signatures; flats are the same from the end
ALTERS = {"#": 1, "b": -1, "n": 0, "x": 2, "bb": -2}
COMMON = {"C": "4/4", "C|": "2/2"}


@dataclass
class Token:
    """What an engraver writes at once.

    Attributes
    ----------
    kind : {"clef", "key", "time", "note", "rest", "triplet", "end-triplet", "bar", "ending", "end-ending"}
    text : str
        The clef, the metre as printed ("C" too), the kind of bar line, the number of the ending.
    fifths : int
        Of a key: -7 to 7.
    cancel : bool
        Whether naturals that take back the last key are printed before it.
    letter, octave, alter : str, int, int
        Of a note: what sounds, by the rule. Octaves as in scientific pitch notation.
    sign : str
        The accidental that is printed before the note, or "".
    value, dots : int
    tie : bool
        Whether it goes on in the next note.
    length : Fraction
        In quarter notes as it sounds, so that of a note in a triplet is two thirds of what is printed.
    marks : list of str
        Distractors, such as "slur-start", "finger:3", "chord:Am", "dynamic:mf", "staccato".
    """

    kind: str
    text: str = ""
    fifths: int = 0
    cancel: bool = False
    letter: str = ""
    octave: int = 0
    alter: int = 0
    sign: str = ""
    value: int = 0
    dots: int = 0
    tie: bool = False
    length: Fraction = Fraction(0)
    marks: list = field(default_factory=list)


class _Rule:
    """Which accidental holds where: the key's, until the bar line what stands before a note, and over it along a tie."""

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
        order = SHARPS if fifths > 0 else SHARPS[::-1]
        self.key, self.bar = {letter: (1 if fifths > 0 else -1) for letter in order[: abs(fifths)]}, {}


def tokens(lines):
    """What an engraver writes for lines of one piece.

    Parameters
    ----------
    lines : list of list of str
        Words, as in :mod:`noteninja_lib.omr.vocabulary`; accidentals and ties go on from line to line.

    Returns
    -------
    list of list of Token
        One list for each line. A line always begins with a clef and a key; with a metre, where one is printed.
    """
    rule, found = _Rule(), []
    for words in lines:
        found.append(_line(words, rule))
    _close_endings(found)
    return found


def _close_endings(lines, longest=2):
    """Put an "end-ending" where the bracket of an ending ends: at the first bar line that is not plain, or after some bars."""
    bars = None  # of the ending that is open
    for line in lines:
        at = 0
        while at < len(line):
            token = line[at]
            if token.kind == "ending":
                bars = 0
            elif token.kind == "bar" and bars is not None:
                bars += 1
                if token.text != "bar" or bars == longest:
                    line.insert(at + 1, Token("end-ending"))
                    bars = None
            at += 1


def _line(words, rule):
    line, at, triplet = [], 0, False
    while at < len(words):
        kind, _, text = words[at].partition(":")
        end = at + 1
        if kind == "clef":
            rule.clef, rule.bar = text, {}
            line.append(Token("clef", text))
            if at == 0:  # a line's key is there even if it is empty
                end, key = _key(words, end)
                line.append(key)
                rule.set_key(key.fifths)
        elif kind == "cancel" or kind.rstrip("1234567") in ("sharp", "flat"):
            end, key = _key(words, at)
            line.append(key)
            rule.set_key(key.fifths)
        elif kind in ("acc", "note", "rest"):
            end, token = _sounding(words, at, triplet, rule)
            line.append(token)
        elif words[at] in BAR_LINES:
            rule.bar = {}
            line.append(Token("bar", words[at]))
        else:
            triplet = {"triplet": True, "end-triplet": False}.get(kind, triplet)
            line.append(Token(kind, text))
        at = end
    return line


def _key(words, at):
    """The key that begins at a word, and where it ends; C major, if none begins there."""
    key = Token("key")
    while at < len(words) and (words[at] == "cancel" or words[at].rstrip("1234567") in ("sharp", "flat")):
        if words[at] == "cancel":
            key.cancel = True
        else:
            key.fifths = int(words[at][-1]) * (1 if words[at].startswith("sharp") else -1)
        at += 1
    return at, key


def _sounding(words, at, triplet, rule):
    """The note or rest that begins at a word (an accidental's, perhaps), and where it ends."""
    sign = words[at].partition(":")[2] if words[at].startswith("acc:") else ""
    at += bool(sign)
    kind, *rest = words[at].split(":")
    token, at = Token(kind, sign=sign, value=int(rest[-1])), at + 1
    while at < len(words) and words[at] in ("dot", "tie"):
        token.dots, token.tie = token.dots + (words[at] == "dot"), token.tie or words[at] == "tie"
        at += 1
    token.length = (
        Fraction(4, token.value) * (2 - Fraction(1, 2**token.dots)) * (Fraction(2, 3) if triplet else 1)
    )
    if kind == "note":
        token.letter, token.octave, token.alter = rule.pitch(int(rest[0]), sign, token.tie)
    else:
        rule.tied = None
    return at, token


def quarters(metre):
    """Quarter notes in a bar of a metre as printed."""
    over, under = COMMON.get(metre, metre).split("/")
    return Fraction(4 * int(over), int(under))


def sounding(lines):
    """Notes of lines as they sound: what a reader has to find.

    Returns
    -------
    list of list of (str, float)
        For each line (pitch such as "F#4", quarter notes) of each note; rests are left out.
    """
    names = {1: "#", -1: "b", 0: "", 2: "##", -2: "bb"}
    return [
        [
            (f"{token.letter}{names[token.alter]}{token.octave}", float(token.length))
            for token in line
            if token.kind == "note"
        ]
        for line in tokens(lines)
    ]


# Notes as the words of a printed line: staff positions, and accidentals where the rule demands them.
#
# Other code than that of the reader's training, on purpose. Lesson: 10_reading_sheet_music.

#: Lengths in quarter notes that one note can have, longest first -> (value, dots).
LENGTHS = {
    Fraction(4, value) * (Fraction(3, 2) if dots else 1): (value, dots) for value in VALUES for dots in (1, 0)
}
LENGTHS = dict(sorted(LENGTHS.items(), reverse=True))


def spell(pitch, fifths):
    """(steps above C0, alter) of a MIDI pitch in a key: as few accidentals as can be, raised notes rather than lowered ones."""
    line_of_fifths = range(fifths - 3, fifths + 9)  # C is 0, G is 1
    place = next(place for place in line_of_fifths if place * 7 % 12 == pitch % 12)
    letter, alter = SHARPS[(place + 1) % 7], (place + 1) // 7
    natural = pitch - alter
    return 7 * (natural // 12 - 1) + LETTERS.index(letter), alter


class Printer:
    """Notes -> words, with accidentals where the rule demands them.

    Parameters
    ----------
    clef, fifths
        Of the staff.
    shift : int
        Semitones by which everything is moved.
    remind : callable, optional
        Asked before each note that needs no accidental: True prints one that says what holds anyway, as careful editors do.
    """

    def __init__(self, clef, fifths, shift, remind=None):
        self.clef, self.fifths, self.shift, self.remind = clef, fifths, shift, remind or (lambda: False)
        self.tied = False

    def bar(self, events):
        """Words of one bar, without its bar line.

        Raises
        ------
        ValueError
            If a note lies too far from the staff, or a length can't be printed.
        """
        words, held, at = [], {}, 0
        if len(events) == 1 and events[0][1] is None:
            return ["rest:1"]
        while at < len(events):
            if events[at][0].denominator % 3:
                words += self.sounding(events[at], held)
                at += 1
            else:
                group = self.triplet(events[at:])
                printed = [(lasts * Fraction(3, 2), *rest) for lasts, *rest in group]
                words += [
                    "triplet",
                    *(word for event in printed for word in self.sounding(event, held)),
                    "end-triplet",
                ]
                at += len(group)
        return words

    @staticmethod
    def triplet(events):
        """The two or three events at the beginning that are played three in the time of two."""
        for count in (2, 3):
            lengths = [lasts for lasts, _, _ in events[:count]]
            whole, shares = sum(lengths), {lasts / sum(lengths) for lasts in lengths}
            if (
                len(lengths) == count
                and whole in (Fraction(1, 2), 1, 2)
                and shares <= {Fraction(1, 3), Fraction(2, 3)}
            ):
                return events[:count]
        raise ValueError("not a whole triplet")

    def sounding(self, event, held):
        """Words of a note or rest, tied together of several where one does not do."""
        lasts, pitch, tie = event
        words, parts = [], []
        while lasts:
            parts.append(next((length for length in LENGTHS if length <= lasts), None))
            if parts[-1] is None:
                raise ValueError("too short")
            lasts -= parts[-1]
        for number, length in enumerate(parts[::-1] if pitch is None else parts):
            value, dots = LENGTHS[length]
            if pitch is None:
                words += [f"rest:{value}"] + ["dot"] * dots
                continue
            words += self.sign(pitch, held)
            words += [note(self.position, value)] + ["dot"] * dots
            self.tied = tie or number < len(parts) - 1
            words += ["tie"] * self.tied
        return words

    def sign(self, pitch, held):
        """The accidental that a note needs, if it needs one."""
        step, alter = spell(pitch + self.shift, self.fifths)
        letter, octave = CLEFS[self.clef]
        self.position = step - 7 * octave - LETTERS.index(letter)
        if not LOWEST <= self.position <= HIGHEST:
            raise ValueError("too far from the staff")
        order = SHARPS if self.fifths > 0 else SHARPS[::-1]
        signed = LETTERS[step % 7] in order[: abs(self.fifths)]
        usual = held.get(self.position, (1 if self.fifths > 0 else -1) if signed else 0)
        if self.tied:
            if alter != usual and self.position not in held:
                held[self.position] = None  # carried over the bar line by the tie: the next one shows its own
            return []
        held[self.position] = alter
        return (
            []
            if alter == usual and not self.remind()
            else ["acc:" + {1: "#", -1: "b", 0: "n", 2: "x", -2: "bb"}[alter]]
        )
