from noteninja_lib.lessons import lesson_00

STUB = {"song": "a", "genre": "jazz", "amount": None, "why": "..."}
STUBS = [(lesson_00.MIX, lambda *_: None), (lesson_00.TURNING_POINT, STUB)]
WRONG = [
    (lesson_00.MIX, lambda first, second, share: {first: share, second: 1 - share}, "less of the second"),
    (lesson_00.MIX, lambda first, second, share: {first: 1, second: share}, "make up 1 together"),
    (lesson_00.MIX, lambda first, second, share: {"jazz": 0.75, "rock": 0.25}, "KeyError"),
    (lesson_00.TURNING_POINT, {**STUB, "amount": 50, "why": "word " * 20}, "from 0 to 1"),
    (lesson_00.TURNING_POINT, {**STUB, "amount": 0.5, "why": "sounds different"}, "what you heard"),
]
