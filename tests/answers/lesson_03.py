from noteninja_lib.lessons import lesson_03

STUB = {"recipe": None, "why": "..."}
STUBS = [(lesson_03.SPREAD, lambda *_: None), (lesson_03.GENRE, STUB)]
WRONG = [
    (lesson_03.SPREAD, lambda strokes, steps: "X" * strokes + "." * (steps - strokes), "differ by one step"),
    (
        lesson_03.SPREAD,
        lambda strokes, steps: ("X" + "." * (steps // strokes - 1)) * strokes,
        "should have 8 steps",
    ),
    (lesson_03.GENRE, {"recipe": "jazz", "why": "word " * 20}, "name of its own"),
    (lesson_03.GENRE, {"recipe": "no-such-recipe.yaml", "why": "word " * 20}, "cannot be read"),
]
