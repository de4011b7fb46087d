"""Stubs and wrong answers for lesson 07."""

import numpy as np

from noteninja_lib.lessons import lesson_07

GOOD = lesson_07.experiment()
STUBS = [
    (lesson_07.LOSS_OF_NOTHING, lambda latents: None),
    (lesson_07.CHECKPOINT, set()),
    (lesson_07.EXPERIMENT, {"changed": "...", "before": None, "after": None, "why": "..."}),
]
WRONG = [
    (lesson_07.LOSS_OF_NOTHING, lambda latents: np.mean(latents**2), "the noise is still in it"),
    (lesson_07.LOSS_OF_NOTHING, lambda latents: 1 + np.abs(latents).mean(), "variances add up"),
    (lesson_07.LOSS_OF_NOTHING, lambda latents: 1 + latents**2, "a single number"),
    (lesson_07.LOSS_OF_NOTHING, lambda latents: 2.0, "the noise alone"),
    (lesson_07.CHECKPOINT, {"weights", "step", "average"}, "AdamW remembers"),
    (lesson_07.CHECKPOINT, {"weights", "step", "average", "optimizer", "batch"}, "could be left away"),
    (lesson_07.CHECKPOINT, {"weights", "luck"}, "none of these"),
    (lesson_07.EXPERIMENT, {**GOOD, "why": "it got better"}, "a sentence or two"),
    (lesson_07.EXPERIMENT, {**GOOD, "after": -3}, "validation loss"),
    (lesson_07.EXPERIMENT, {**GOOD, "after": GOOD["before"]}, "never end on quite the same"),
]
