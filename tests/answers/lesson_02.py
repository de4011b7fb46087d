"""Stubs and wrong answers to the exercises of lesson 02."""

from noteninja_lib.lessons import lesson_02

STUB = {"abc": "...", "bar": None, "machine": "...", "yours": "...", "why": "..."}
STUBS = [
    (lesson_02.STEPS, lambda *_: None),
    (lesson_02.CADENCES, lambda *_: None),
    (lesson_02.BETTER_CHORD, STUB),
]
FULL = {
    "abc": "C D E F | G A B c | B A G F | E D C2 |",
    "bar": 2,
    "machine": "I",
    "yours": "vi",
    "why": "word " * 20,
}


def count(numerals, first=("V", "V7"), last=("I", "i")):
    return sum(a.startswith(first) and b.startswith(last) for a, b in zip(numerals, numerals[1:]))


WRONG = [
    (
        lesson_02.STEPS,
        lambda pitches: [abs(b - a) for a, b in zip(pitches, pitches[1:])],
        "downwards negative",
    ),
    (lesson_02.STEPS, lambda pitches: [b - a for a, b in zip(pitches[1:], pitches)], "positive"),
    (lesson_02.STEPS, lambda pitches: [b - pitches[0] for b in pitches], "four steps"),
    (
        lesson_02.CADENCES,
        lambda numerals: sum(a == "V" and b == "I" for a, b in zip(numerals, numerals[1:])),
        "V7",
    ),
    (lesson_02.CADENCES, lambda numerals: count(numerals), "whole numeral"),
    (lesson_02.CADENCES, lambda numerals: numerals.count("V") + numerals.count("V7"), "at once"),
    (lesson_02.BETTER_CHORD, {**FULL, "abc": "what?"}, "can't be read"),
    (lesson_02.BETTER_CHORD, {**FULL, "bar": 9}, "from 1 to 4"),
    (lesson_02.BETTER_CHORD, {**FULL, "yours": "I"}, "another chord"),
    (lesson_02.BETTER_CHORD, {**FULL, "why": "nicer"}, "does for the tune"),
]
