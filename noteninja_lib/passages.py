"""One passage of a result made anew, from the noise of another seed; the rest stays as it was.

The network sees the music around a passage, which is held at each noise level as it was there (RePaint,
Lugmayr et al. 2022, arXiv 2201.09865), so that the new one fits in; `python -m benchmarks redo` looks for
seams.
Lesson: 00_genre_converter.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.mixdown import without_dc
from noteninja_lib.errors import UserError
from noteninja_lib.models import share_of
from noteninja_lib.models.flow_matching import CONTEXT, FOLD, HOP, fit_length, in_samples, share_known
from noteninja_lib.music import style

Passage = tuple[float, float, int]  # seconds of the result from which and up to which it is new; and its seed

SHORTEST = 1.0  # seconds
AROUND = 128  # latent frames (5.9 s) before and behind a passage that the network sees, too
LAP = 6  # latent frames (0.28 s) in which the latents go over into each other, inside the passage
FADE = 2 * HOP  # samples (0.05 s) in which the sounds do


def parse_passage(text: str) -> tuple[float, float]:
    """Seconds from which and up to which, out of "0:32-0:48", "32-48" or "1:02.5-1:10"."""
    time = r"\s*(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d*)?)\s*"
    found = re.fullmatch(f"{time}[-–]{time}", text)
    if not found:
        raise UserError(f"A passage is written as 0:32-0:48 or 32-48, not {text!r}.")
    numbers = [float((one or "0").replace(",", ".")) for one in found.groups()]
    start, end = (3600 * h + 60 * m + s for h, m, s in (numbers[:3], numbers[3:]))
    return start, end


def clock(seconds: float) -> str:
    """Seconds as a player shows them, such as "0:32" or "1:02.5"."""
    seconds = round(seconds, 2)
    rest = f"{seconds % 60:05.2f}".rstrip("0").rstrip(".")
    return f"{int(seconds // 60)}:{rest}"


def words(start: float, end: float) -> str:
    """A passage as people write it: "0:32-0:48"."""
    return f"{clock(start)}-{clock(end)}"


def check_passages(redone: Sequence[Passage], seconds: float = math.inf) -> None:
    """Refuse passages that are none, or that lie outside a result of some seconds.

    Raises
    ------
    UserError
        In one sentence.
    """
    for passage in redone:
        kinds = [type(one) in (int, float) and math.isfinite(one) for one in passage]
        if kinds != [True] * 3 or not isinstance(passage[2], int) or not 0 <= passage[2] < 2**63:
            raise UserError(
                f"A passage has a beginning, an end and a whole number as its seed, not {passage}."
            )
        start, end, _ = passage
        if end <= start:
            raise UserError(
                f"The passage {words(start, end)} ends before it begins: give the earlier time first."
            )
        if start < 0 or start + SHORTEST > seconds or end > seconds + SHORTEST:  # a player may round up
            ends = f"from 0:00 to {clock(seconds)}" if math.isfinite(seconds) else "from 0:00 on"
            raise UserError(f"The passage {words(start, end)} lies outside the result, which goes {ends}.")
        if min(end, seconds) - start < SHORTEST:
            raise UserError(f"The passage {words(start, end)} is too short: take at least {SHORTEST:g} s.")


def sounds(
    pipe,
    made: torch.Tensor,
    redone: Sequence[Passage],
    plan: style.Plan,
    start: torch.Tensor | None,
    noise: torch.Tensor,
    *steps: Any,
    progress: Callable[[float, str], None],
) -> tuple[np.ndarray, np.ndarray]:
    """The band's sound (n, 2) of latents, with passages made anew, and without: that has the right gain.

    Parameters
    ----------
    pipe : NoteNinjaPipeline
    made : torch.Tensor
        The first result's latents; changed in place.
    redone : sequence of (float, float, int)
        One after the other; where there are none, both sounds are the same array.
    plan, start, noise, *steps
        What the first result was made with, as `denoise` takes it.
    progress : callable
        As in a conversion.
    """
    check_passages(redone, plan.samples / SAMPLE_RATE)
    if redone and pipe.noise_level(steps[0]) < 0.01:
        raise UserError("With an amount of 0 the recording is kept: nothing of it can be made anew.")
    decoded = pipe.decode(made, share_of(progress, 0.75, 0.12, "making sound"))
    if not redone:
        sound = without_dc(style.shape_dynamics(decoded, plan))
        return sound, sound
    noise = noise.clone()  # it may be the caller's
    first = without_dc(style.shape_dynamics(decoded.copy(), plan))
    sound, frames, size = first.copy(), made.shape[-1], 0.01 / len(redone)
    for number, (begin, end, seed) in enumerate(redone):
        # Whole frames within the passage; at the ends of the piece it has nothing to fade into.
        low, high = math.ceil(begin * SAMPLE_RATE / HOP), math.floor(end * SAMPLE_RATE / HOP)
        high = frames if (high + 1) * HOP > plan.samples else high
        edges = (low or -math.inf, math.inf if high == frames else high)
        other = pipe.noise(FOLD * frames, torch.Generator().manual_seed(seed))
        noise[..., low:high] = other[..., low:high]
        around = slice(max(0, low - AROUND) // 4 * 4, min(frames, -(-(high + AROUND) // 4) * 4))
        share = share_known(frames, *edges, LAP)[around]
        made[..., around] = pipe.denoise(
            None if start is None else fit_length(start, frames)[..., around],
            part(plan, around),
            *steps,
            latents=noise[..., around],
            progress=share_of(progress, 0.87 + number * size, size, "making the passage anew"),
            known=(made[..., around].clone(), share),
        )
        heard = slice(max(0, low - CONTEXT), min(frames, high + CONTEXT))
        inside = in_samples(slice(low - heard.start, high - heard.start), 2 * HOP)
        new = in_samples(slice(low, high), 2 * HOP)
        decoded[new] = pipe.decode(made[..., heard])[inside]
        shaped = without_dc(style.shape_dynamics(decoded.copy(), plan))[new]
        first_edge, last_edge = (2 * HOP * (edge - low) for edge in edges)
        weight = 1 - share_known(len(shaped), first_edge, last_edge, FADE)
        sound[new] += weight.numpy()[:, None] * (shaped - sound[new])
    return sound, first


def part(plan: style.Plan, frames: slice) -> style.Plan:
    """What the network is told about some latent frames of a plan."""
    inside = in_samples(frames, FOLD)
    neutral = None if plan.neutral is None else plan.neutral[inside]
    styles = plan.styles if len(plan.styles) == 1 else plan.styles[frames]
    return replace(plan, piano_roll=plan.piano_roll[inside], neutral=neutral, styles=styles)
