from noteninja_lib.lessons import lesson_09

TOLD = "word " * 15
ROOM = {"for": "guests", "path": [(0, "happy"), (1, "calm")], "why": TOLD}
STUBS = [
    (lesson_09.IN_STEP, lambda *_: None),
    (lesson_09.ROOM, {"for": "...", "path": [(0, "neutral"), (1, "neutral")], "why": "..."}),
]
WRONG = [
    (lesson_09.IN_STEP, lambda tempo, steps: tempo / steps, "has to go faster"),
    (lesson_09.IN_STEP, lambda tempo, steps: steps / tempo, "two steps to a beat"),
    (
        lesson_09.IN_STEP,
        lambda tempo, steps: min(steps / tempo, steps / 2 / tempo, key=lambda rate: abs(rate - 1)),
        "every other beat",
    ),
    (lesson_09.ROOM, {**ROOM, "path": [(0, "happy"), (1, "sleepy")]}, "no mood called sleepy"),
    (lesson_09.ROOM, {**ROOM, "path": [(0, "happy"), (1, "happy")]}, "another mood"),
    (lesson_09.ROOM, {**ROOM, "path": [(0.5, "happy"), (1, "calm")]}, "begin at place 0"),
    (lesson_09.ROOM, {**ROOM, "why": "because"}, "whether it worked"),
]
