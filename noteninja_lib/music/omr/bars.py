"""Notes, rests and bars as they stand on paper. Lesson: 10_reading_sheet_music."""
from dataclasses import dataclass, field
from fractions import Fraction

from ...errors import UserError, check_range
from ..harmony import bar_length
from .symbols import CLEFS, METRES, RATIOS

EDGES = ("double-bar", "final-bar", "repeat-start", "repeat-end", "repeat-both")      # bar lines that end a part


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
        return Fraction(4, self.value) * (2 - Fraction(1, 2 ** self.dots)) * (Fraction(2, 3) if self.triplet else 1)


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
