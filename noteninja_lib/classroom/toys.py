"""Toys of the lessons: a plane in which diffusion can be seen, and an autoencoder that is trained in a minute.

What a lesson teaches stands in the lesson; here is what it needs beside that: the drawing, the small networks, and the
measures by which they are judged.

Lesson: 05_autoencoders_and_latent_space, 06_diffusion_theory
"""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from noteninja_lib.sound.spectrogram import MEL_MEAN, MEL_STD

NOTHING, LEFT, RIGHT = 0, 1, 2        # what a flow of the plane can be told to draw
JITTER = 0.04                         # width of the pen
PATCH = 8                             # rows and columns of the patches that lesson 05 squeezes


# ---- a plane ---------------------------------------------------------------------------------------------

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
    moved = drawn + torch.where(right[:, None], torch.tensor([1.15, 0.15]), torch.tensor([-0.75, -0.15]))
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


def distance_between(first, second, directions=32):
    """How far one cloud of points has to be moved to become the other: the sliced Wasserstein distance.

    Seen from one direction, points are numbers in a row, and the cheapest way is to move the first of one cloud to the
    first of the other, the second to the second, and so on (Bonneel et al. 2015, doi 10.1007/s10851-014-0506-3).

    Parameters
    ----------
    first, second : torch.Tensor, shape (n, 2)

    Returns
    -------
    float
        Mean way, over all directions.
    """
    angles = torch.arange(directions) * torch.pi / directions
    views = torch.stack([angles.cos(), angles.sin()])
    return float(((first @ views).sort(0).values - (second @ views).sort(0).values).abs().mean())


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


# ---- an autoencoder --------------------------------------------------------------------------------------

def scaled(mel):
    """Log-mels (..., mels, frames) in nats, as an array or tensor, as a float tensor with mean 0 and spread 1."""
    return (torch.as_tensor(mel) - MEL_MEAN) / MEL_STD


def unscaled(picture):
    """The inverse of `scaled`, as an array."""
    return picture.detach().numpy() * MEL_STD + MEL_MEAN


def to_patches(picture):
    """Cut a picture into patches of 8 x 8.

    Parameters
    ----------
    picture : torch.Tensor, shape (rows, columns)
        Both sides multiples of 8.

    Returns
    -------
    torch.Tensor, shape (patches, 64)
    """
    return F.pixel_unshuffle(picture[None, None], PATCH)[0].flatten(1).T


def from_patches(patches, rows):
    """Put patches (patches, 64) together again to a picture (rows, columns)."""
    return F.pixel_shuffle(patches.T.reshape(1, PATCH ** 2, rows // PATCH, -1), PATCH)[0, 0]


def excerpts(picture, count, columns, generator=None):
    """Excerpts of a long picture, drawn at random.

    Parameters
    ----------
    picture : torch.Tensor, shape (rows, frames)
    count, columns : int
    generator : torch.Generator, optional

    Returns
    -------
    torch.Tensor, shape (count, rows, columns)
    """
    starts = torch.randint(picture.shape[1] - columns + 1, (count,), generator=generator)
    return torch.stack([picture[:, start:start + columns] for start in starts.tolist()])


class ToyAutoencoder(nn.Module):
    """An autoencoder in which each patch of 8 x 8 pixels becomes a few numbers, with a look at its neighbours.

    Parameters
    ----------
    channels : int
        Numbers a patch.
    width : int
        Of the convolutions.
    """

    def __init__(self, channels=8, width=64):
        super().__init__()
        self.encoder = nn.Sequential(nn.PixelUnshuffle(PATCH), nn.Conv2d(PATCH ** 2, width, 3, padding=1), nn.SiLU(),
                                     nn.Conv2d(width, 2 * channels, 1))
        self.decoder = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.SiLU(),
                                     nn.Conv2d(width, width, 3, padding=1), nn.SiLU(),
                                     nn.Conv2d(width, PATCH ** 2, 1), nn.PixelShuffle(PATCH))

    def encode(self, pictures):
        """Mean and logarithm of the variance of the latents of pictures (batch, rows, columns); each (batch, channels, rows / 8,
        columns / 8)."""
        return self.encoder(pictures[:, None]).chunk(2, 1)

    def decode(self, latents):
        """Pictures of latents: the way back."""
        return self.decoder(latents)[:, 0]


def reconstruction(model, picture):
    """What becomes of one picture (rows, columns) that goes through a `ToyAutoencoder` and back."""
    with torch.no_grad():
        return model.decode(model.encode(picture[None])[0])[0]


def spread(values):
    """Standard deviation of each channel of latents (batch, channels, rows, columns), as an array."""
    return np.asarray(values.detach().transpose(0, 1).flatten(1).std(1))
