"""Rectified flow, written to be read: noising, training target, samplers and guidance.

Music and noise are joined by a straight line; a network learns the velocity along it, and sampling walks back from
noise to music in a few steps. The samplers give the same numbers as diffusers' schedulers, which the tests assert.
Lesson: 06_diffusion_theory.

References
----------
Liu et al. 2022, arXiv 2209.03003 (rectified flow); Esser et al. 2024, arXiv 2403.03206 (logit-normal times);
Ho and Salimans 2022, arXiv 2207.12598 (guidance); Meng et al. 2021, arXiv 2108.01073 (SDEdit).
"""
import torch
from diffusers import FlowMatchEulerDiscreteScheduler


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
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):   # whose own last step, from .001 to 0, does nothing
        scheduler.set_timesteps(sigmas=time_steps(steps, level)[:-1].tolist(), device=device)
    elif level >= 1:
        scheduler.set_timesteps(steps, device=device)
    else:                                                        # a finer schedule, begun at the step nearest to the level
        skipped = round(steps / level) - steps
        scheduler.set_timesteps(steps + skipped, device=device)
        begin = skipped * scheduler.order
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    return begin
