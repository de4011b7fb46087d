import numpy as np

from noteninja_lib.lessons import lesson_12

CHOICE = lesson_12.choice()
STUBS = [
    (lesson_12.SOFT, lambda *_: None),
    (lesson_12.FOLD, lambda *_: None),
    (lesson_12.CHOICE, {"song": "...", "voice": None, "why": "...", "leak": "..."}),
]
WRONG = [
    (lesson_12.SOFT, lambda voice, band: voice / np.maximum(voice + band, 1e-12), "share of the power"),
    (lesson_12.SOFT, lambda voice, band: voice > band, "share of the power"),
    (
        lesson_12.SOFT,
        lambda voice, band: np.where(voice + band > 0, voice**2, np.nan) / (voice**2 + band**2 + 1e-12),
        "divided by 0",
    ),
    (lesson_12.FOLD, lambda pitch, near: pitch + 12 if pitch < near else pitch - 12, "should become"),
    (lesson_12.FOLD, lambda pitch, near: pitch % 12 + 60, "near 50"),
    (lesson_12.FOLD, lambda pitch, near: near, "whole octaves"),
    (lesson_12.CHOICE, {**CHOICE, "voice": "louder"}, "keep"),
    (lesson_12.CHOICE, {**CHOICE, "leak": "nothing"}, "of the old band"),
]
