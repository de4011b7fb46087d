"""Exercises of lesson 10: reading sheet music."""
from fractions import Fraction

from noteninja_lib.classroom.exercises import Exercise


def _test_beats(beats):
    assert callable(beats), "hand in the function itself: check(beats), without brackets behind it"
    found = beats(["note:2:4", "note:3:4"])
    assert found is not None, "your function gives nothing back: is there a return?"
    assert found == 2, f"two quarter notes last 2; you say {found}"
    assert beats(["note:2:1"]) == 4, "the number says which part of a whole note: 1 is a whole note, which lasts 4 quarters"
    assert beats(["note:4:2", "rest:4"]) == 3, "a rest takes as much time as a note of the same value"
    assert beats(["note:2:4", "dot", "note:3:8"]) == 2, (
        "a dot adds half of the note before it: a dotted quarter and an eighth last 2")
    assert beats(["acc:#", "note:2:4", "tie", "note:2:4", "bar"]) == 2, "accidentals, ties and bar lines take no time"
    assert beats(["note:2:4", "dot", "dot"]) == 1.75, "a second dot adds half of the first one's half: 1 + 1/2 + 1/4"


def beats(words):
    """Quarter notes that the words of a bar last (triplets left aside)."""
    total, last = Fraction(0), Fraction(0)
    for word in words:
        if word.startswith(("note:", "rest:")):
            last = Fraction(4, int(word.split(":")[-1]))
        elif word == "dot":
            last /= 2
        else:
            continue
        total += last
    return total


BEATS = Exercise(_test_beats, "Split each word at its colons; the last part is the value, and 4 divided by it the length. "
                 "Remember the length of the last note: a dot adds half of it, and leaves that half behind for a second dot.", beats)


def _test_columns(columns):
    assert callable(columns), "hand in the function itself: check(columns), without brackets behind it"
    found = columns(["clef:treble", "note:2:4", "bar"])
    assert found is not None, "your function gives nothing back: is there a return?"
    assert found == 3, f"three different words need three columns: the blanks between them may be left out; you say {found}"
    assert columns([]) == 0, "nothing needs no column"
    assert columns(["note:2:4", "note:2:4"]) == 3, "two equal neighbours would melt into one: something must stand between them"
    assert columns(["note:2:4", "note:3:4", "note:2:4"]) == 3, "equal words melt only where they are neighbours"
    assert columns(["note:2:4"] * 4) == 7, "each pair of equal neighbours needs a blank of its own"


def columns(words):
    """The fewest columns in which CTC can say these words."""
    return len(words) + sum(one == other for one, other in zip(words, words[1:]))


COLUMNS = Exercise(_test_columns, "Think of collapse() backwards: which labels could be left out without changing what it gives, "
                   "and which could not?", columns)


def _test_own_page(answer):
    assert isinstance(answer, dict) and {"page", "read_right", "wrong", "why"} <= set(answer), (
        "hand in a dict with the keys page, read_right, wrong and why")
    assert str(answer["page"]).strip(". "), "say which page it was: a title, and whether it was scanned, photographed or engraved"
    share = answer["read_right"]
    assert isinstance(share, (int, float)) and not isinstance(share, bool) and 0 <= share <= 1, (
        "'read_right' should be the share of bars that were read right, from 0 to 1: count them")
    assert share == 1 or str(answer["wrong"]).strip(". "), "say what was read wrong: which symbols, as what?"
    words = len(str(answer["why"]).split())
    assert words >= 15, f"explain it in a sentence or two, with what you see in the picture; so far it is {words} words"


def own_page():
    """One possible answer; yours depends on your page."""
    return {"page": "a hymn's melody, photographed by lamplight", "read_right": 0.8, "wrong": "dots beside notes on a line",
            "why": "The photograph is blurred towards its corners, and there the dots have melted into the staff lines; "
                   "the bar sums found three of the four bars, but the fourth had two errors that made up for each other."}


OWN_PAGE = Exercise(_test_own_page, "Count the bars that are right, and look closely at one that is not. Was it seen wrongly, or "
                    "understood wrongly? Is the symbol small, pale, crowded, or one that the reader never learned? Did the bar sum "
                    "find it?", own_page, answer=lambda solution: solution())
