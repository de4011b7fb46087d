from noteninja_lib.lessons import lesson_05


def counting(size, first=0):
    """How many it takes if what is added up is `size` of each strength."""

    def enough(strengths, share):
        sizes, kept = [size(strength) for strength in strengths], 0.0
        for count, one in enumerate(sizes, 1):
            kept += one
            if kept >= share * sum(sizes) - 1e-9:
                return count + first

    return enough


STUB = {"components": None, "why": "..."}
STUBS = [(lesson_05.ENOUGH, lambda *_: None), (lesson_05.LOST_FIRST, STUB)]
WRONG = [
    (lesson_05.ENOUGH, counting(lambda strength: strength**2, first=1), "too many"),
    (lesson_05.ENOUGH, counting(abs), "variance is a square"),
    (lesson_05.ENOUGH, counting(lambda strength: strength**2, first=-1), "from the strongest on"),
    (lesson_05.ENOUGH, lambda strengths, share: 2.5, "whole number"),
    (lesson_05.LOST_FIRST, {"components": 100, "why": "word " * 20}, "from 1 to 64"),
    (lesson_05.LOST_FIRST, {"components": 4, "why": "it sounds dull"}, "what you heard"),
]
