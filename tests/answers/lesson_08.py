from noteninja_lib.lessons import lesson_08

BORDER = {"genres": ("jazz", "rock"), "share": 0.4, "why": "word " * 15}
STUBS = [
    (lesson_08.LENGTH, lambda *_: None),
    (lesson_08.PATH, lambda *_: None),
    (lesson_08.BORDER, {"genres": ("classical", "disco"), "share": None, "why": "..."}),
]
WRONG = [
    (lesson_08.LENGTH, lambda a: 1.0, "below 1"),
    (lesson_08.LENGTH, lambda a: (1 - a) ** 2 + a**2, "root of one half"),
    (lesson_08.LENGTH, lambda a: 1 - a, "at both ends"),
    (lesson_08.PATH, lambda first, second, third: [(0, first), (1, second), (2, third)], "can't be read"),
    (lesson_08.PATH, lambda first, second, third: [(0, first), (1, third)], "jazz alone"),
    (
        lesson_08.PATH,
        lambda first, second, third: [(0, first), (0.3, second), (0.7, second), (1, third)],
        "quarter of the way",
    ),
    (lesson_08.BORDER, {**BORDER, "genres": ("jazz", "polka")}, "two different ones"),
    (lesson_08.BORDER, {**BORDER, "share": 40}, "between 0 and 1"),
    (lesson_08.BORDER, {**BORDER, "why": "by ear"}, "what you heard there"),
]
