from noteninja_lib.lessons import lesson_11

TOLD = "word " * 12
REPORT = {"trials": 8, "right": 6, "gave_it_away": TOLD, "says_little_because": TOLD}
STUBS = [
    (lesson_11.PLACE, lambda *_: None),
    (lesson_11.NEEDED, lambda *_: None),
    (lesson_11.REPORT, {"trials": 8, "right": None, "gave_it_away": "...", "says_little_because": "..."}),
]
WRONG = [
    (lesson_11.PLACE, lambda value, zero, one: value / one, "should lie at 0"),
    (lesson_11.PLACE, lambda value, zero, one: value - zero, "should lie at 1"),
    (lesson_11.PLACE, lambda value, zero, one: min(1.0, (value - zero) / (one - zero)), "don't cut it off"),
    (lesson_11.NEEDED, lambda trials: trials // 2 + 1, "too often"),
    (lesson_11.NEEDED, lambda trials: trials, "fewer right answers"),
    (lesson_11.REPORT, {**REPORT, "trials": 3, "right": 3}, "at least 8 rounds"),
    (lesson_11.REPORT, {**REPORT, "gave_it_away": "it sounds better"}, "what you listened for"),
    (lesson_11.REPORT, {**REPORT, "says_little_because": "no"}, "what this test can't show"),
]
