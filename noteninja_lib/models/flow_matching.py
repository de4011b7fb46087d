"""Rectified flow, written to be read: noising, training target, samplers and guidance.

Music and noise are joined by a straight line; a network learns the velocity along it, and sampling walks back from
noise to music in a few steps. The samplers give the same numbers as diffusers' schedulers, which the tests assert.
Lesson: 06_diffusion_theory.

References
----------
Liu et al. 2022, arXiv 2209.03003 (rectified flow); Esser et al. 2024, arXiv 2403.03206 (logit-normal times);
Ho and Salimans 2022, arXiv 2207.12598 (guidance); Meng et al. 2021, arXiv 2108.01073 (SDEdit).
"""

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from noteninja_lib.audio.spectrogram import HOP_LENGTH, log_mel


def add_noise(clean, noise, time):
    """The point at `time` on the line from music (0) to noise (1).

    Parameters
    ----------
    clean, noise : torch.Tensor, shape (batch, ...)
    time : torch.Tensor, shape (batch,)
    """
    time = time.reshape(-1, *[1] * (clean.dim() - 1))
    return (1 - time) * clean + time * noise


def velocity(clean, noise):
    """What the network learns: the direction from music to noise, the same everywhere on the line."""
    return noise - clean


def sample_times(batch, generator=None, begin=0.1):
    """Times for training, shape (batch,): logit-normal, most in the middle, where the work is hardest.

    A share of `begin` is 1, pure noise: each trip begins there, and logit-normal times all but never come near it.
    """
    times = torch.sigmoid(torch.randn(batch, generator=generator))
    return torch.where(torch.rand(batch, generator=generator) < begin, 1.0, times)


def time_steps(steps, start=1.0):
    """Times visited by a sampler, from `start` down to 0; shape (steps + 1,)."""
    return torch.linspace(start, 0, steps + 1)


def guide(conditional, unconditional, scale):
    """Velocity pushed away from what the network would do without being told anything."""
    return unconditional + scale * (conditional - unconditional)


def euler(predict, latents, times):
    """Walk along the flow with straight steps.

    Parameters
    ----------
    predict : callable
        (latents, time as a float) -> velocity.
    latents : torch.Tensor
        The point at `times[0]`.
    times : sequence of float
        Falling times; the last is usually 0. Rising times walk from music to noise: inversion.

    Returns
    -------
    torch.Tensor
    """
    for now, following in zip(times[:-1], times[1:]):
        latents = latents + (following - now) * predict(latents, float(now))
    return latents


def heun(predict, latents, times):
    """As `euler`, with each step corrected by the velocity at its end: two evaluations a step, far smaller error."""
    for now, following in zip(times[:-1], times[1:]):
        first = predict(latents, float(now))
        ahead = latents + (following - now) * first
        if following > 0:
            first = (first + predict(ahead, float(following))) / 2
        latents = latents + (following - now) * first
    return latents


def slerp(first, second, share):
    """A point on the arc between two noises: what lies on the straight line between them is too weak to be noise.

    Parameters
    ----------
    first, second : torch.Tensor, of equal shape
    share : float
        0 is the first, 1 the second.

    References
    ----------
    Shoemake 1985, doi 10.1145/325334.325242; for noise: White 2016, arXiv 1609.04468.
    """
    cosine = (first * second).sum() / (first.norm() * second.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    if angle.sin() < 1e-4:
        return (1 - share) * first + share * second
    return (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * second) / torch.sin(angle)


def set_schedule(scheduler, steps, level=1.0, device=None):
    """Set one of diffusers' schedulers to walk from a noise level to 0; returns the index of its first step."""
    begin = 0
    if isinstance(
        scheduler, FlowMatchEulerDiscreteScheduler
    ):  # whose own last step, from .001 to 0, does nothing
        scheduler.set_timesteps(sigmas=time_steps(steps, level)[:-1].tolist(), device=device)
    elif level >= 1:
        scheduler.set_timesteps(steps, device=device)
    else:  # a finer schedule, begun at the step nearest to the level
        skipped = round(steps / level) - steps
        scheduler.set_timesteps(steps + skipped, device=device)
        begin = skipped * scheduler.order
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    return begin


# Long pieces through small networks: in windows that overlap, as if it were one.
#
# All windows share one noise and take each step together, and where they overlap their velocities are blended
# (MultiDiffusion, Bar-Tal et al. 2023, arXiv 2302.08113): so that there is one piece at each noise level, and no seam to
# be mended afterwards. Lesson: 09_tempo_mood_and_length.

FOLD = 4  # spectrogram columns to a latent column
COLUMN = FOLD * HOP_LENGTH  # samples to a latent column
WINDOW, OVERLAP = 512, 32  # latent columns denoised at once (23.8 s), and shared by neighbours (1.5 s)
NARROW, LAP = 128, 64  # the same where the style changes on the way: a window knows one style only
VALENCE = -2  # place in a style vector
VALENCE_SCALE = 4.0  # how much more of what valence changes: chords are heard less than asked for
CONTEXT = 24  # latent columns around a window that encoder, decoder and vocoder also see


def spans(columns, size, overlap):
    """Windows (slices) that cover all columns, each sharing `overlap` columns with the one before."""
    return [
        slice(start, min(start + size, columns))
        for start in range(0, max(columns - overlap, 1), size - overlap)
    ]


def ramp(length, overlap):
    """Weight of each column of a window: rising at its beginning, falling at its end; shape (length,)."""
    place = torch.arange(length) + 1.0
    return torch.minimum(place, place.flip(0)).clamp(max=overlap)


class WindowedFlow:
    """The velocity of a whole piece at any noise level, from a network that sees windows of it.

    Parameters
    ----------
    unet : Denoiser
    roll : PianoRoll
        `stack(columns)` gives the piano roll of some spectrogram columns.
    styles : torch.Tensor, shape (1, 12) or (columns, 12)
        Shares of the genres, valence and arousal: once, or for each latent column.
    columns : int
        Latent columns of the piece.
    guidance_scale : float
    guided : (float, float)
        Noise levels between which guidance is on.
    neutral : PianoRoll, optional
        The same music with neutral valence; what valence changes in the velocity is then added `VALENCE_SCALE` times more.
    """

    def __init__(
        self, unet, roll, styles, columns, guidance_scale=1.0, guidance_interval=(0.0, 1.0), neutral=None
    ):
        self.unet, self.scale, self.guidance_interval = unet, guidance_scale, guidance_interval
        self.size, self.overlap = (WINDOW, OVERLAP) if len(styles) == 1 else (NARROW, LAP)
        self.windows = spans(columns, self.size, self.overlap)
        centres = [min((window.start + window.stop) // 2, len(styles) - 1) for window in self.windows]
        self.styles = [pure_styles(styles[centre]) for centre in centres]
        # Drawn once for all steps, and kept in half precision: of a long piece this is the most.
        self.drawn = [self._draw(roll, window) for window in self.windows]
        self.neutral = [self._draw(neutral, window) for window in self.windows] if neutral else None
        self.nothing = {}

    def _draw(self, roll, window):
        picture = (
            roll.stack(slice(FOLD * window.start, FOLD * window.stop))
            if roll
            else np.zeros((357, FOLD * (window.stop - window.start)), np.float32)
        )
        return self.unet.content(torch.from_numpy(picture)[None].to(self.unet.device)).half()

    def _undrawn(self, window):
        """What the network makes of no content at all, for a window of this length."""
        length = window.stop - window.start
        if length not in self.nothing:
            self.nothing[length] = self._draw(None, window)
        return self.nothing[length]

    def __call__(self, latents, time, progress=lambda done: None):
        """Velocity (1, 8, rows, columns) at latents of the same shape and a noise level from 0 to 1."""
        blended, weights = torch.zeros_like(latents), torch.zeros(latents.shape[-1], device=latents.device)
        for number, window in enumerate(self.windows):
            progress(number / len(self.windows))
            weight = ramp(window.stop - window.start, self.overlap).to(latents.device)
            blended[..., window] += self._velocity(latents[..., window], time, number) * weight
            weights[window] += weight
        return blended.div_(weights)

    def _velocity(self, latents, time, number):
        """Velocity in one window: what all genres that have a share in it say, led away from what they say untold."""
        styles, shares = self.styles[number]
        count, drawn = len(styles), self.drawn[number]
        rows = [(drawn, style) for style in styles]
        if self.neutral:
            plain = styles.clone()
            plain[:, VALENCE] = 0
            rows += [(self.neutral[number], style) for style in plain]
        guidance_interval = self.scale != 1 and self.guidance_interval[0] <= time <= self.guidance_interval[1]
        if guidance_interval:
            rows.append((self._undrawn(self.windows[number]), torch.zeros_like(styles[0])))
        contents, told = (
            torch.cat([one.float() for one, _ in rows]),
            torch.stack([style for _, style in rows]),
        )
        noise_level = torch.full((len(rows),), time, device=latents.device)
        said = self.unet(latents.expand(len(rows), -1, -1, -1), noise_level, contents, told)
        asked = (said[:count] * shares).sum(0, keepdim=True)
        velocity = guide(asked, said[-1:], self.scale) if guidance_interval else asked
        if self.neutral:
            velocity = velocity + VALENCE_SCALE * (
                asked - (said[count : 2 * count] * shares).sum(0, keepdim=True)
            )
        return velocity


def pure_styles(style):
    """A style with shares of several genres as styles of one genre each, and the weight of each.

    The network learned single genres: told of two at once it plays the stronger one and switches at the half. So each is
    asked by itself, and their velocities are mixed (Liu et al. 2022, arXiv 2206.01714), with the square roots of the shares
    as weights, by which the change from one to the other sounds even.

    Parameters
    ----------
    style : torch.Tensor, shape (12,)

    Returns
    -------
    (torch.Tensor, torch.Tensor)
        Styles (n, 12), and weights (n, 1, 1, 1) that sum to 1. A style without a genre, "told nothing", stays as it is.
    """
    shares, mood = style[:-2], style[-2:]
    named = shares.nonzero()[:, 0]
    if len(named) < 2:
        return style[None], torch.ones(1, 1, 1, 1, device=style.device)
    styles = torch.zeros(len(named), len(style), device=style.device)
    styles[torch.arange(len(named)), named], styles[:, -2:] = 1.0, mood
    weights = shares[named].sqrt()
    return styles, (weights / weights.sum())[:, None, None, None]


def encode(vae, audio):
    """Latents (1, 8, rows, columns) of a recording (samples,), window by window."""
    parts, columns = [], len(audio) // COLUMN
    for window in spans(columns, WINDOW, 0):
        first, last = max(0, window.start - CONTEXT), min(columns, window.stop + CONTEXT)
        mel = torch.from_numpy(log_mel(audio[first * COLUMN : last * COLUMN]))
        latents = vae.encode(mel[None].to(vae.device))
        parts.append(latents[..., window.start - first : window.stop - first])
    return torch.cat(parts, -1)


def move(latents, places):
    """Latents whose columns show other places in time; `places` counts spectrogram columns, as `time_warp.warp` takes them."""
    columns = np.round(places[::FOLD] / FOLD).astype(int).clip(0, latents.shape[-1] - 1)
    return latents[..., np.pad(columns, (0, -len(columns) % 4), mode="edge")]


def decode(vae, vocoder, latents, progress=lambda done: None):
    """The sound of latents, window by window; float32, shape (columns * 1024,)."""
    columns = latents.shape[-1]
    made = np.empty(columns * COLUMN, np.float32)
    for window in spans(columns, WINDOW, 0):
        progress(window.start / columns)
        first, last = max(0, window.start - CONTEXT), min(columns, window.stop + CONTEXT)
        audio = vocoder(vae.decode(latents[..., first:last]))[0].cpu().numpy()
        made[window.start * COLUMN : window.stop * COLUMN] = audio[
            (window.start - first) * COLUMN : (window.stop - first) * COLUMN
        ]
    return made
