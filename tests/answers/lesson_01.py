"""Stubs and wrong answers to the exercises of lesson 01."""

import numpy as np

from noteninja_lib.lessons import lesson_01

STUB = {"song": "a", "time": None, "frequency": None, "worse": None, "why": "..."}
STUBS = [
    (lesson_01.ALIAS, lambda *_: None),
    (lesson_01.WINDOW_FOR, lambda *_: None),
    (lesson_01.FUZZINESS, STUB),
]
FULL = {**STUB, "time": 2, "frequency": 1, "worse": "time", "why": "word " * 20}
WRONG = [
    (lesson_01.ALIAS, lambda hertz, rate: hertz % rate, "folds to 2,050"),
    (lesson_01.ALIAS, lambda hertz, rate: min(hertz, abs(rate - hertz)), "whole turns"),
    (lesson_01.ALIAS, lambda hertz, rate: min(hertz % 22050, 22050 - hertz % 22050), "use rate"),
    (lesson_01.WINDOW_FOR, lambda gap: int(4 * 22050 / gap), "power of two"),
    (lesson_01.WINDOW_FOR, lambda gap: 2 ** int(np.ceil(np.log2(22050 / gap))), "more than the gap"),
    (lesson_01.WINDOW_FOR, lambda gap: 2**20, "a shorter window would do"),
    (lesson_01.FUZZINESS, {**FULL, "worse": "both"}, "'time' or 'frequency'"),
    (lesson_01.FUZZINESS, {**FULL, "why": "sounds bad"}, "what each blur does"),
    (lesson_01.FUZZINESS, {**FULL, "time": 0}, "above 0"),
]
