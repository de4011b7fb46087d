"""Stubs and wrong answers for lesson 10."""

from noteninja_lib.lessons import lesson_10

GOOD = lesson_10.own_page()
STUBS = [
    (lesson_10.BEATS, lambda words: None),
    (lesson_10.FRAMES, lambda words: None),
    (lesson_10.OWN_PAGE, {"page": "...", "read_right": None, "wrong": "...", "why": "..."}),
]


def values(words):
    """The numbers of all words that have one."""
    return [int(word.split(":")[-1]) for word in words if word.startswith(("note:", "rest:"))]


WRONG = [
    (lesson_10.BEATS, lambda words: sum(values(words)), "last 2"),
    (lesson_10.BEATS, lambda words: len(values(words)), "a whole note, which lasts 4"),
    (
        lesson_10.BEATS,
        lambda words: sum(4 / int(word[-1]) for word in words if word.startswith("note")),
        "rest takes as much time",
    ),
    (lesson_10.BEATS, lambda words: sum(4 / value for value in values(words)), "a dot adds half"),
    (lesson_10.FRAMES, lambda words: 2 * len(words) + 1, "may be left out"),
    (lesson_10.FRAMES, lambda words: len(words), "melt into one"),
    (lesson_10.FRAMES, lambda words: 2 * len(words) - len(set(words)), "only where they are neighbours"),
    (lesson_10.OWN_PAGE, {**GOOD, "why": "it was blurred"}, "a sentence or two"),
    (lesson_10.OWN_PAGE, {**GOOD, "read_right": 80}, "from 0 to 1"),
    (lesson_10.OWN_PAGE, {**GOOD, "wrong": ""}, "read wrong"),
]
