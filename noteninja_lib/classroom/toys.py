"""A toy: the plane, in which diffusion can be seen.

What the lesson teaches stands in the lesson; here is what it needs beside that: the drawing, the small network, and the
measures by which it is judged.

Lesson: 06_diffusion_theory
"""
import torch
from torch import nn

NOTHING, LEFT, RIGHT = 0, 1, 2        # what a flow of the plane can be told to draw
JITTER = 0.04                         # width of the pen


def beamed_notes(count, generator=None):
    """Points on the outline of two quavers under one beam; mean and spread are about those of noise.

    Parameters
    ----------
    count : int
    generator : torch.Generator, optional

    Returns
    -------
    points : torch.Tensor, shape (count, 2)
    labels : torch.Tensor of int, shape (count,)
        `LEFT` or `RIGHT`: to which of the two notes a point belongs.
    """
    part, place, side = torch.rand(3, count, generator=generator)
    right = side < 0.5
    angle = 2 * torch.pi * place
    head = torch.stack([0.45 * torch.cos(angle) - 0.1 * torch.sin(angle) - 0.45,
                        0.3 * torch.sin(angle) + 0.12 * torch.cos(angle) - 1.15], 1)
    stem = torch.stack([torch.zeros(count), 2.5 * place - 1.1], 1)
    half_beam = torch.where(right, -place, place)                  # each note has its half of the beam
    beam = torch.stack([0.95 * half_beam, 1.4 + 0.15 * half_beam], 1)
    drawn = torch.where((part < 0.45)[:, None], head, torch.where((part < 0.8)[:, None], stem, beam))
    moved = drawn + torch.where(right[:, None], torch.tensor([1.15, 0.3]), torch.tensor([-0.75, 0.0]))
    return moved + JITTER * torch.randn(count, 2, generator=generator), torch.where(right, RIGHT, LEFT)


class PlaneFlow(nn.Module):
    """A small network that learns the velocity in the plane.

    Waves of several lengths over place and time are its input, since fine lines are hard to learn from bare numbers
    (Tancik et al. 2020, arXiv 2006.10739).

    Parameters
    ----------
    width : int
        Of the three hidden layers.
    """

    def __init__(self, width=96):
        super().__init__()
        self.register_buffer("places", torch.pi * torch.tensor([0.5, 1.0, 2.0]))
        self.register_buffer("times", torch.pi * torch.tensor([0.5, 1.0, 2.0, 4.0]))
        self.told = nn.Embedding(3, 4)
        before = 2 + 4 * len(self.places) + 1 + 2 * len(self.times) + 4
        self.layers = nn.Sequential(nn.Linear(before, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
                                    nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2))

    def forward(self, points, time, labels=None):
        """Velocity at points.

        Parameters
        ----------
        points : torch.Tensor, shape (n, 2)
        time : float or torch.Tensor, shape (n,)
            0 is the drawing, 1 is noise.
        labels : int or torch.Tensor of int, shape (n,), optional
            `NOTHING`, `LEFT` or `RIGHT`; nothing if it is not given.

        Returns
        -------
        torch.Tensor, shape (n, 2)
        """
        time = torch.as_tensor(time, dtype=points.dtype).expand(len(points))[:, None]
        labels = torch.as_tensor(NOTHING if labels is None else labels).expand(len(points))
        place, turn = (points[:, :, None] * self.places).flatten(1), time * self.times
        waves = [place.sin(), place.cos(), turn.sin(), turn.cos()]
        return self.layers(torch.cat([points, time, *waves, self.told(labels)], 1))


def exact_velocity(points, time, drawing):
    """The mean velocity at points, if the drawing were nothing but these dots: what a network tries to learn.

    Each dot may have led to a point; how likely it did is the density of the noise that it would have taken.

    Parameters
    ----------
    points : torch.Tensor, shape (n, 2)
    time : float
        Above 0.
    drawing : torch.Tensor, shape (dots, 2)

    Returns
    -------
    torch.Tensor, shape (n, 2)
    """
    likely = torch.softmax(-torch.cdist(points, (1 - time) * drawing) ** 2 / (2 * time ** 2), 1)
    return (points - likely @ drawing) / time


def distance_to_notes(points, directions=32):
    """How far points have to be moved to become a true drawing of the notes: the sliced Wasserstein distance.

    Seen from one direction, points are numbers in a row, and the cheapest way is to move the first of one cloud to the
    first of the other, the second to the second, and so on (Bonneel et al. 2015, doi 10.1007/s10851-014-0506-3).

    Parameters
    ----------
    points : torch.Tensor, shape (n, 2)
    directions : int

    Returns
    -------
    float
        Mean way, over all directions; not quite 0 for another true drawing.
    """
    angles = torch.arange(directions) * torch.pi / directions
    views = torch.stack([angles.cos(), angles.sin()])
    goal = beamed_notes(len(points), torch.Generator().manual_seed(6))[0]
    return float(((points @ views).sort(0).values - (goal @ views).sort(0).values).abs().mean())


def walk_with(scheduler, predict, latents, generator=None):
    """Walk from noise with one of diffusers' schedulers, whose times are set already.

    Parameters
    ----------
    scheduler : diffusers.SchedulerMixin
    predict : callable
        (latents, timestep) -> what the scheduler wants to know, such as noise or velocity.
    latents : torch.Tensor
    generator : torch.Generator, optional
        For schedulers that throw dice on the way.

    Returns
    -------
    torch.Tensor
    """
    dice = {} if generator is None else {"generator": generator}
    for timestep in scheduler.timesteps:
        latents = scheduler.step(predict(latents, timestep), timestep, latents, **dice).prev_sample
    return latents
