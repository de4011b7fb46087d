"""Notes as the words of a printed line: staff positions, and accidentals where the rule demands them.

Other code than that of the reader's training, on purpose. Lesson: 10_reading_sheet_music.
"""
from fractions import Fraction

from ..music.omr.symbols import CLEFS, HIGHEST, LOWEST, VALUES, note
from .printed import LETTERS, SHARPS

#: Lengths in quarter notes that one note can have, longest first -> (value, dots).
LENGTHS = {Fraction(4, value) * (Fraction(3, 2) if dots else 1): (value, dots) for value in VALUES for dots in (1, 0)}
LENGTHS = dict(sorted(LENGTHS.items(), reverse=True))


def spell(pitch, fifths):
    """(steps above C0, alter) of a MIDI pitch in a key: as few accidentals as can be, raised notes rather than lowered ones."""
    line_of_fifths = range(fifths - 3, fifths + 9)              # C is 0, G is 1
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
                words += ["triplet", *(word for event in printed for word in self.sounding(event, held)), "end-triplet"]
                at += len(group)
        return words

    @staticmethod
    def triplet(events):
        """The two or three events at the beginning that are played three in the time of two."""
        for count in (2, 3):
            lengths = [lasts for lasts, _, _ in events[:count]]
            whole, shares = sum(lengths), {lasts / sum(lengths) for lasts in lengths}
            if len(lengths) == count and whole in (Fraction(1, 2), 1, 2) and shares <= {Fraction(1, 3), Fraction(2, 3)}:
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
        signed = LETTERS[step % 7] in order[:abs(self.fifths)]
        usual = held.get(self.position, (1 if self.fifths > 0 else -1) if signed else 0)
        if self.tied:
            if alter != usual and self.position not in held:
                held[self.position] = None                      # carried over the bar line by the tie: the next one shows its own
            return []
        held[self.position] = alter
        return [] if alter == usual and not self.remind() else ["acc:" + {1: "#", -1: "b", 0: "n", 2: "x", -2: "bb"}[alter]]
