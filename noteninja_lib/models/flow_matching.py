"""Rectified flow, written to be read: noising, training target, samplers and guidance.

Music and noise are joined by a straight line; a network learns the velocity along it, and sampling goes back
from noise to music in a few steps. The samplers give the same numbers as diffusers' schedulers, which the
tests assert. Long pieces go through the network in chunks that overlap, as if they were one. Lessons:
06_diffusion_theory, 09_tempo_mood_and_length.

References
----------
Liu et al. 2022, arXiv 2209.03003 (rectified flow); Esser et al. 2024, arXiv 2403.03206 (logit-normal times);
Ho and Salimans 2022, arXiv 2207.12598 (guidance); Meng et al. 2021, arXiv 2108.01073 (SDEdit);
Bar-Tal et al. 2023, arXiv 2302.08113 (MultiDiffusion); Liu et al. 2022, arXiv 2206.01714 (composition).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, ModelMixin, SchedulerMixin

from noteninja_lib.audio.spectrogram import HOP_LENGTH, log_mel
from noteninja_lib.models import give_back, half_precision, in_threads

Tensor = torch.Tensor


def add_noise(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """The point at `time` on the line from music (0) to noise (1).

    Parameters
    ----------
    clean, noise : torch.Tensor, shape (batch, ...)
    time : torch.Tensor, shape (batch,)
    """
    time = time.reshape(-1, *[1] * (clean.dim() - 1))
    return (1 - time) * clean + time * noise


def velocity(clean: Tensor, noise: Tensor) -> Tensor:
    """What the network learns: the direction from music to noise, the same everywhere on the line."""
    return noise - clean


def sample_times(batch: int, generator: torch.Generator | None = None, begin: float = 0.1) -> Tensor:
    """Times for training, shape (batch,): logit-normal, most in the middle, where the work is hardest.

    A share of `begin` is 1, pure noise: sampling begins there, and logit-normal times all but never come near
    it.
    """
    times = torch.sigmoid(torch.randn(batch, generator=generator))
    return torch.where(torch.rand(batch, generator=generator) < begin, 1.0, times)


def time_steps(steps: int, start: float = 1.0) -> Tensor:
    """Times visited by a sampler, from `start` down to 0; shape (steps + 1,)."""
    return torch.linspace(start, 0, steps + 1)


def guide(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Conditional velocity pushed away from the unconditional one."""
    return unconditional + scale * (conditional - unconditional)


def euler(predict: Callable, latents: Tensor, times: Sequence[float] | Tensor) -> Tensor:
    """Sample along the flow with straight steps.

    Parameters
    ----------
    predict : callable
        (latents, time as a float) -> velocity.
    latents : torch.Tensor
        The point at `times[0]`.
    times : sequence of float
        Falling times; the last is usually 0. Rising times lead from music to noise: inversion.

    Returns
    -------
    torch.Tensor
    """
    for now, following in zip(times[:-1], times[1:]):
        latents = latents + (following - now) * predict(latents, float(now))
    return latents


def heun(predict: Callable, latents: Tensor, times: Sequence[float] | Tensor) -> Tensor:
    """As `euler`, each step corrected by the velocity at its end: two evaluations a step, far less error."""
    for now, following in zip(times[:-1], times[1:]):
        first = predict(latents, float(now))
        ahead = latents + (following - now) * first
        if following > 0:
            first = (first + predict(ahead, float(following))) / 2
        latents = latents + (following - now) * first
    return latents


def slerp(first: Tensor, second: Tensor, share: float) -> Tensor:
    """A point on the arc between two noises: on the straight line between them it would be too weak.

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


def set_schedule(scheduler: SchedulerMixin, steps: int, level: float = 1.0, device=None) -> int:
    """Set one of diffusers' schedulers to sample from a noise level; returns the index of its first step."""
    begin = 0
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):  # whose own last step does nothing
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


# Long pieces in chunks: all chunks share one noise and take each step together, and where they overlap their
# velocities are blended (MultiDiffusion). So there is one piece at each noise level, and no seam to be mended
# afterwards.

FOLD = 4  # spectrogram frames to a latent frame
HOP = FOLD * HOP_LENGTH  # samples to a latent frame; twice as many in stereo
CHUNK, OVERLAP = 512, 32  # latent frames denoised at once (23.8 s), and shared by neighbours (1.5 s)
SHORT, LAP = 128, 64  # the same where the style changes on the way: a chunk knows one style only
SCALES = (1.0, 4.0)  # of guidance that a network which knows jumps has learned
VALENCE = -2  # place in a style vector
VALENCE_SCALE = 4.0  # how much more of what valence changes: chords come out weaker than asked for
HEARD = 192  # latent frames decoded at once (8.9 s): the vocoder needs much memory
CONTEXT = 16  # latent frames around a chunk that encoder, decoder and vocoder also see


def spans(frames: int, size: int, overlap: int) -> list[slice]:
    """Chunks (slices) that cover all frames, each sharing `overlap` frames with the one before.

    As few as there can be of `size` frames at most, and as long as each other (the last by some frames less):
    a short one would know little of the music around it.
    """
    count = max(1, -(-(frames - overlap) // (size - overlap)))
    step = min(-(-(frames - overlap) // (count * FOLD)) * FOLD, size - overlap)
    starts = range(0, max(frames - overlap, 1), max(step, 1))
    return [slice(start, min(start + step + overlap, frames)) for start in starts]


def ramp(length: int, overlap: int) -> Tensor:
    """Weight of each frame of a chunk: rising at its beginning, falling at its end; shape (length,)."""
    place = torch.arange(length) + 1.0
    return torch.minimum(place, place.flip(0)).clamp(max=overlap)


def blend_chunks(
    predict: Callable, latents: Tensor, chunks: list[slice], overlap: int, progress: Callable
) -> Tensor:
    """Velocity of a whole piece from that of its chunks.

    Parameters
    ----------
    predict : callable
        (latents of a chunk, number of the chunk) -> velocity.
    latents : torch.Tensor, shape (1, 8, rows, frames)
    chunks, overlap
        As `spans` gives and takes them.
    progress : callable
        Called with the fraction done.
    """
    velocities = in_threads(
        lambda number: predict(latents[..., chunks[number]], number), range(len(chunks)), progress
    )
    blended, weights = torch.zeros_like(latents), torch.zeros(latents.shape[-1], device=latents.device)
    for chunk, velocity in zip(chunks, velocities):
        weight = ramp(chunk.stop - chunk.start, overlap).to(latents.device)
        blended[..., chunk] += velocity * weight
        weights[chunk] += weight
    return blended.div_(weights)


@dataclass
class Condition:
    """One thing that the network is asked: what is played, how, and the weight of its answer in the velocity.

    Attributes
    ----------
    content : torch.Tensor, float16, shape (1, channels, rows, frames)
        What the network's encoder makes of a piano roll.
    style : torch.Tensor, shape (12,)
    weight : float
    unet : Denoiser or None
        Who is asked; None is the usual one.
    """

    content: Tensor
    style: Tensor
    weight: float = 1.0
    unet: torch.nn.Module | None = None


def velocity_under(
    unet: torch.nn.Module, latents: Tensor, time: float, conditions: list[Condition], jump: tuple = ()
) -> Tensor:
    """The weighted sum of the network's velocities under some conditions, asked in one batch.

    `jump` may be (until, guidance scale): then they are mean velocities of a whole step; see `Denoiser`.
    """
    found = torch.zeros_like(latents)
    for asked in dict.fromkeys(one.unet for one in conditions):
        some = [one for one in conditions if one.unet is asked]
        contents = torch.cat([one.content.float() for one in some])
        styles = torch.stack([one.style for one in some])
        times = torch.full((len(some),), time, device=latents.device)
        how = (torch.full_like(times, one) for one in jump)
        with half_precision(latents.device):
            velocities = (asked or unet)(latents.expand(len(some), -1, -1, -1), times, contents, styles, *how)
        weights = torch.tensor([one.weight for one in some], device=latents.device)
        found += (velocities.float() * weights[:, None, None, None]).sum(0, keepdim=True)
    return found


def single_genres(
    condition: Condition, own: Sequence[tuple[torch.nn.Module, Tensor]] = ()
) -> list[Condition]:
    """A condition with shares of several genres as conditions of one genre each.

    The network learned single genres: asked for two at once it plays the stronger one and switches at the
    half. So each is asked for by itself and their velocities are mixed; with the square roots of the shares
    as weights the change from one to the other sounds even. A style without a genre (unconditional) stays
    as it is.

    Parameters
    ----------
    condition : Condition
        The last genres of its style, before the mood, are those of `own`.
    own : sequence of (Denoiser, torch.Tensor of shape (10,))
        For genres of one's own: a network with an adapter, and the shares of the usual genres that it is
        asked for.
    """
    shares, mood = condition.style[:-2], condition.style[-2:]
    named, usual = shares.nonzero()[:, 0].tolist(), len(shares) - len(own)
    if len(named) < 2 and not own:
        return [condition]
    roots, found = shares.sqrt(), []
    for genre in named:
        unet, base = own[genre - usual] if genre >= usual else (None, torch.eye(usual)[genre])
        style, weight = torch.cat([base.to(mood), mood]), float(roots[genre] / roots.sum())
        found.append(replace(condition, style=style, weight=weight, unet=unet))
    return found or [replace(condition, style=torch.cat([shares[:usual], mood]))]


def weigh(
    asked: list[Condition],
    neutral: Tensor | None,
    nothing: Tensor | None,
    scale: float,
    pull: float = VALENCE_SCALE,
    style_scale: float = 1.0,
) -> list[Condition]:
    """Conditions whose weighted velocities are guided, and in which valence is heard.

    With the velocities a (asked), c (the same without style), u (unconditional) and n (asked, but for
    valence) the sum is u + scale (c - u) + scale style_scale (a - c), which for a `style_scale` of 1 is what
    `guide` gives, and pull (a - n) on top.

    Parameters
    ----------
    asked : list of Condition
        Their weights sum to 1.
    neutral, nothing : torch.Tensor or None
        What the encoder makes of the same music with neutral valence, and of an empty piano roll; None leaves
        it out.
    scale : float
        Of guidance; 1 where `nothing` is None.
    pull : float
        0 where `neutral` is None.
    style_scale : float
        How much more the style is guided than the content (Brooks et al. 2022, arXiv 2211.09800).
    """
    pull = 0.0 if neutral is None else pull
    push = scale * style_scale
    conditions = [replace(one, weight=(push + pull) * one.weight) for one in asked]
    if push != scale:
        plain = torch.zeros_like(asked[0].style)
        conditions += [replace(one, style=plain, weight=(scale - push) * one.weight) for one in asked]
    if neutral is not None:
        for one in asked:
            style = one.style.clone()
            style[VALENCE] = 0
            conditions.append(Condition(neutral, style, -pull * one.weight, one.unet))
    if nothing is not None:
        for unet in dict.fromkeys(one.unet for one in asked):
            weight = (1 - scale) * sum(one.weight for one in asked if one.unet is unet)
            conditions.append(Condition(nothing, torch.zeros_like(asked[0].style), weight, unet))
    return conditions


class Flow:
    """The velocity of a whole piece at any noise level, from a network that sees chunks of it.

    Parameters
    ----------
    unet : Denoiser
    roll : PianoRoll
        `network_input(frames)` gives the network's input for some spectrogram frames.
    styles : torch.Tensor, shape (1, 12) or (frames, 12)
        Shares of the genres, valence and arousal: once, or for each latent frame.
    frames : int
        Latent frames of the piece.
    guidance_scale : float
    guidance_interval : (float, float)
        Noise levels between which guidance is on (Kynkäänniemi et al. 2024, arXiv 2404.07724).
    neutral : PianoRoll, optional
        The same music with neutral valence, or with the harmony that was heard; what is changed is then added
        `pull` times more.
    own : sequence
        Of genres of one's own, see `single_genres`.
    style_scale, jump_style_scale : float
        See `weigh`. A network that knows jumps has learned one; the second is how much more the style is
        guided where it is asked for a whole step at once.
    pull : float, optional
        `VALENCE_SCALE` by default.
    """

    def __init__(
        self,
        unet,
        roll,
        styles,
        frames,
        guidance_scale=1.0,
        guidance_interval=(0.0, 1.0),
        neutral=None,
        own=(),
        style_scale=1.0,
        pull=None,
        jump_style_scale=1.0,
    ):
        self.unet, self.interval, self.scale = unet, guidance_interval, guidance_scale
        self.style_scale, self.pull = style_scale, VALENCE_SCALE if pull is None else pull
        self.jump_style_scale = jump_style_scale
        self.knows_jumps = unet.config.jumps and SCALES[0] <= guidance_scale <= SCALES[1]
        size, self.overlap = (CHUNK, OVERLAP) if len(styles) == 1 else (SHORT, LAP)
        self.chunks, self.asked, self.empty = spans(frames, size, self.overlap), [], {}
        for chunk in self.chunks:
            middle = min((chunk.start + chunk.stop) // 2, len(styles) - 1)
            asked = single_genres(Condition(self.encode(roll, chunk), styles[middle]), own)
            self.asked.append((asked, None if neutral is None else self.encode(neutral, chunk)))

    def conditions(self, number: int, guided: bool, jumping: bool) -> list[Condition]:
        """What the network is asked about a chunk, by its number."""
        (asked, without_mood), chunk = self.asked[number], self.chunks[number]
        guided = guided and self.scale != 1
        if jumping:  # in its one answer, what valence changes is guided, too
            scales = (self.pull / self.scale, self.jump_style_scale) if guided else (self.pull, 1.0)
            return weigh(asked, without_mood, None, 1.0, *scales)
        if not guided:
            return weigh(asked, without_mood, None, 1.0, self.pull)
        length = chunk.stop - chunk.start
        if length not in self.empty:
            self.empty[length] = self.encode(None, chunk)
        return weigh(asked, without_mood, self.empty[length], self.scale, self.pull, self.style_scale)

    def encode(self, roll, chunk: slice) -> Tensor:
        """What the encoder makes of a chunk of a piano roll, or of none; half precision saves memory."""
        frames = slice(FOLD * chunk.start, FOLD * chunk.stop)
        empty = np.zeros((357, frames.stop - frames.start), np.float32)
        stack = empty if roll is None else roll.network_input(frames)
        return self.unet.content(torch.from_numpy(stack)[None].to(self.unet.device)).half()

    def __call__(
        self,
        latents: Tensor,
        time: float,
        progress: Callable = lambda done: None,
        until: float | None = None,
    ) -> Tensor:
        """Velocity (1, 8, rows, frames) at latents of the same shape and a noise level from 0 to 1.

        Where the network knows jumps, and it is told the noise level at the end of the step, `until`, that is
        the mean velocity of the step.
        """
        guided = self.interval[0] <= time <= self.interval[1]
        jump = (until, self.scale) if until is not None and self.knows_jumps else ()

        def predict(part, number):
            return velocity_under(self.unet, part, time, self.conditions(number, guided, bool(jump)), jump)

        return blend_chunks(predict, latents, self.chunks, self.overlap, progress)


def sample(
    flow: Flow,
    scheduler: SchedulerMixin,
    latents: Tensor,
    begin: int,
    progress: Callable[[float], None],
    held: tuple[Tensor, Tensor, Tensor] | None = None,
) -> Tensor:
    """From noise, or something on the way to music, to music: all steps that a scheduler has set.

    Parameters
    ----------
    flow : Flow
    scheduler : SchedulerMixin
        One of diffusers' schedulers, as `set_schedule` left it.
    latents : torch.Tensor, shape (1, 8, rows, frames)
        The point at its step `begin`.
    begin : int
    progress : callable
        Called with the fraction done.
    held : (torch.Tensor, torch.Tensor, torch.Tensor), optional
        See `hold`: what is known, its share in each frame, and the noise of the whole piece.
    """
    # Only of Euler's method it is known where each step ends before it is taken.
    jumping = type(scheduler) is FlowMatchEulerDiscreteScheduler
    timesteps = scheduler.timesteps[begin:]
    for number, time in enumerate(timesteps):

        def done_so_far(done, number=number):
            progress((number + done) / len(timesteps))

        until = float(scheduler.sigmas[begin + number + 1])
        velocity = flow(latents, float(time) / 1000, done_so_far, until if jumping else None)
        latents = scheduler.step(velocity, time, latents).prev_sample
        if held:
            latents = hold(latents, *held, until)
    return latents


def hold(latents: Tensor, known: Tensor, share: Tensor, noise: Tensor, level: float) -> Tensor:
    """Latents at a noise level that are, by a share in each frame, those that are known.

    The rest goes on from them (Lugmayr et al. 2022, arXiv 2201.09865). `latents` is changed in place.

    Parameters
    ----------
    latents, known, noise : torch.Tensor, shape (1, 8, rows, frames)
    share : torch.Tensor, shape (frames,)
        As `share_known` gives it.
    level : float
    """
    then = (1 - level) * known + level * noise  # where it was at this level
    latents += share.to(latents.device) * (then - latents)
    return latents


def share_known(frames: int, start: float, stop: float, lap: float = OVERLAP) -> Tensor:
    """How much of each frame is known, 1 to 0, where a passage is new; shape (frames,).

    In the first and the last `lap` frames of the passage one fades into the other, as neighbours in
    `blend_chunks` do; a passage without an end, or without a beginning, is infinite.
    """
    place = torch.arange(frames) + 0.5
    return (1 - torch.minimum(place - start, stop - place) / lap).clamp(0, 1)


def with_context(frames: int, size: int = CHUNK) -> list[tuple[slice, slice, slice]]:
    """Chunks of a piece, each with more frames around it: (chunk, chunk with context, chunk within that)."""
    found = []
    for chunk in spans(frames, size, 0):
        first, last = max(0, chunk.start - CONTEXT), min(frames, chunk.stop + CONTEXT)
        found.append((chunk, slice(first, last), slice(chunk.start - first, chunk.stop - first)))
    return found


def in_samples(frames: slice, hop: int = HOP) -> slice:
    """Latent frames as samples of their sound, `hop` to a frame."""
    return slice(frames.start * hop, frames.stop * hop)


def encode(vae: ModelMixin, audio: np.ndarray) -> Tensor:
    """Latents (1, 8, rows, frames) of a recording (samples,), chunk by chunk."""
    parts = []
    for _, around, inside in with_context(len(audio) // HOP):
        mel = torch.from_numpy(log_mel(audio[in_samples(around)]))
        parts.append(vae.encode(mel[None].to(vae.device))[..., inside])
    return torch.cat(parts, -1)


def fit_length(latents: Tensor, frames: int) -> Tensor:
    """Latents of some frames: cut, or with the last frame held."""
    return latents[..., torch.arange(frames).clamp(max=latents.shape[-1] - 1)]


def warp_latents(latents: Tensor, time_map: np.ndarray) -> Tensor:
    """Latents whose time runs otherwise; `time_map`, in spectrogram frames, as `piano_roll.warp` takes it."""
    frames = np.round(time_map[::FOLD] / FOLD).astype(int).clip(0, latents.shape[-1] - 1)
    return latents[..., np.pad(frames, (0, -len(frames) % 4), mode="edge")]


def decode(
    vae: ModelMixin, vocoder: ModelMixin, latents: Tensor, progress: Callable = lambda done: None
) -> np.ndarray:
    """The sound of latents, chunk by chunk; float32, shape (frames * 2048, 2), 44,100 Hz."""
    frames = latents.shape[-1]
    give_back(16 * frames * HOP)
    made = np.empty((2 * frames * HOP, 2), np.float32)

    def play(place):
        chunk, around, inside = place
        with half_precision(latents.device):
            mel = vae.decode(latents[..., around]).float()
        sound = vocoder(mel)[0].cpu().numpy()
        made[in_samples(chunk, 2 * HOP)] = sound[:, in_samples(inside, 2 * HOP)].T

    in_threads(play, with_context(frames, HEARD), progress)
    return made
