"""Exercises of lesson 06: diffusion theory."""

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from noteninja_lib.lessons.exercise import Exercise
from noteninja_lib.plots import BLUE, DECIBELS, LOOKS, ORANGE, _axes, plot_mel


def _test_midpoint(midpoint):
    assert callable(midpoint), (
        "hand in the function itself: check(midpoint), without brackets behind midpoint"
    )
    times, asked = torch.linspace(1, 0, 9), []

    def growth(points, time):
        asked.append(float(time))
        return points

    found, truth = midpoint(growth, torch.ones(1), times), torch.exp(torch.tensor([-1.0]))
    assert isinstance(found, torch.Tensor), (
        f"return the points at the end of the walk; you returned {found!r}"
    )
    euler = (7 / 8) ** 8
    error, error_of_euler = abs(float(found - truth)), abs(euler - float(truth))
    assert error < error_of_euler / 5, (
        f"the walk ends {error:.3f} from the true end, and Euler's {error_of_euler:.3f}: the velocity that you step along "
        "should be the one in the middle of the step"
    )
    slope = midpoint(lambda points, time: torch.full_like(points, float(time)), torch.ones(1), times)
    assert abs(float(slope) - 0.5) < 1e-4, (
        "the network should be told the time in the middle of the step, too"
    )
    assert len(asked) == 16, f"two questions a step are enough: 8 steps asked the network {len(asked)} times"


def midpoint(predict, points, times):
    """Walk along the flow; each step follows the velocity that is found in its middle."""
    for now, following in zip(times[:-1], times[1:]):
        step = following - now
        halfway = points + step / 2 * predict(points, float(now))
        points = points + step * predict(halfway, float(now + step / 2))
    return points


MIDPOINT = Exercise(
    _test_midpoint,
    "Begin with half a step of Euler's. Ask for the velocity there, with the time that it is "
    "there. Then go back to where the step began, and make the whole step with what you were told.",
    midpoint,
)


def _test_by_ear(answer):
    assert isinstance(answer, dict) and {"steps", "guidance", "why"} <= set(answer), (
        "hand in a dict with the keys steps, guidance and why"
    )
    steps, guidance = answer["steps"], answer["guidance"]
    assert isinstance(steps, int) and 1 <= steps <= 1000, "steps should be a whole number from 1 to 1000"
    assert isinstance(guidance, (int, float)) and 0 <= guidance <= 20, (
        "guidance should be a number from 0 to 20"
    )
    words = len(str(answer["why"]).split())
    assert words >= 12, (
        f"tell in a sentence or two what you heard, and beside what; so far it is {words} words"
    )


def by_ear():
    """One possible answer; yours depends on what you hear."""
    return {
        "steps": 4,
        "guidance": 2.0,
        "why": "With one step the cymbals are a hiss and the attacks are soft. From four steps on I hear no more "
        "difference. At guidance 6 the drums are louder than the tune.",
    }


BY_EAR = Exercise(
    _test_by_ear,
    "Change one thing at a time. First guidance 2 with 1, 2, 4 and 16 steps; then the number of "
    "steps that you like, with guidance 1, 2, 4 and 8. Listen to drums and to long notes apart.",
    by_ear,
    answer=lambda solution: solution(),
)


# Plots of the lessons on latent space and diffusion: clouds of points, strips of pictures, and sliders over them.
#
# Lesson: 05_autoencoders_and_latent_space, 06_diffusion_theory

REACH = 3.0  # of the plane that is shown, to every side
MARKS = ("o", "o", "^")


def plot_points(points, labels=None, ax=None):
    """Draw a cloud of points of the plane.

    Parameters
    ----------
    points : torch.Tensor, shape (n, 2)
    labels : torch.Tensor of int, shape (n,), optional
        Kinds of points, 0 to 2, told apart by colour and mark.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (3, 3))
    points = np.asarray(points.detach())
    kinds = np.zeros(len(points), int) if labels is None else np.asarray(labels)
    for kind in np.unique(kinds):
        ax.scatter(*points[kinds == kind].T, s=3, marker=MARKS[kind], color=(BLUE, BLUE, ORANGE)[kind])
    ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
    return ax


def plot_clouds(clouds, labels=None):
    """Draw clouds of points side by side.

    Parameters
    ----------
    clouds : dict of str to torch.Tensor, shape (n, 2)
        Title and points.
    labels : torch.Tensor of int, shape (n,), optional
        The same for all clouds.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(
        1, len(clouds), figsize=(2.3 * len(clouds), 2.6), layout="constrained", squeeze=False
    )
    for ax, (title, points) in zip(axes[0], clouds.items()):
        plot_points(points, labels, ax).set_title(title, fontsize=10)
        ax.set(xlabel="first number")
        ax.label_outer()
    axes[0, 0].set_ylabel("second number")
    plt.close(figure)  # else a notebook would show it a second time at the end of the cell
    return figure


def plot_mels(mels):
    """Draw log-mel pictures side by side, all in the same colours.

    Parameters
    ----------
    mels : dict of str to array or torch.Tensor, shape (96, frames)
        Title and natural-log mels.

    Returns
    -------
    matplotlib.figure.Figure
    """
    brightest = max(float(np.max(np.asarray(mel))) for mel in mels.values()) * DECIBELS
    figure, axes = plt.subplots(
        1,
        len(mels),
        figsize=(max(2.4 * len(mels), 5) + 0.6, 2.8),
        layout="constrained",
        sharey=True,
        squeeze=False,
    )
    for ax, (title, mel) in zip(axes[0], mels.items()):
        plot_mel(mel, ax, loudest=brightest).set_title(title, fontsize=10)
        ax.label_outer()
    figure.colorbar(axes[0, 0].images[0], ax=axes, label="level in dB", pad=0.01)
    plt.close(figure)
    return figure


def plot_tiles(tiles, rows=1, label="strength"):
    """Draw small pictures of numbers side by side, each in colours of its own around 0.

    Parameters
    ----------
    tiles : dict of str to array or torch.Tensor, shape (rows, columns)
        Title and numbers.
    rows : int
        How many rows of pictures.
    label : str
        What the numbers are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = -(-len(tiles) // rows)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(1.35 * columns if rows == 1 else 2.8 * columns, 1.9 * rows),
        layout="constrained",
        squeeze=False,
    )
    for ax in axes.flat:
        ax.axis("off")
    values = [np.asarray(tile) for tile in tiles.values()]
    reach = max(
        np.quantile(np.abs(value), 0.99) for value in values
    )  # a few outliers may be as dark as the rest
    for ax, title, value in zip(axes.flat, tiles, values):
        image = ax.imshow(
            value,
            origin="lower",
            aspect="equal" if rows == 1 else "auto",
            cmap="PuOr",
            vmin=-reach,
            vmax=reach,
            interpolation="nearest",
        )
        ax.set_title(title, fontsize=9)
    figure.colorbar(image, ax=axes, label=label, pad=0.01, extend="both")
    plt.close(figure)
    return figure


def plot_lines(x, curves, xlabel, ylabel, ax=None):
    """Draw long curves without marks, told apart by colour and line; returns the axes."""
    ax = _axes(ax, (6, 2.8))
    for (name, values), look in zip(curves.items(), LOOKS * len(curves)):
        ax.plot(x, values, label=name, **{**look, "marker": ""})
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(curves) > 1:
        ax.legend()
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def explore(draw, **sliders):
    """Sliders over a picture, which is drawn anew when one is moved.

    Parameters
    ----------
    draw : callable
        Takes the values by name and returns a figure, or what else a notebook can show.
    sliders : (low, high, step, start)
        Of each value, by its name; whole numbers give whole numbers.

    Returns
    -------
    ipywidgets.Widget
        With the handles ``nn-explore`` and ``nn-slider-<name>``.
    """
    made = {}
    for name, (low, high, step, start) in sliders.items():
        kind = (
            widgets.IntSlider
            if all(isinstance(one, int) for one in (low, high, step, start))
            else widgets.FloatSlider
        )
        made[name] = kind(start, min=low, max=high, step=step, description=name, continuous_update=False)
        made[name].add_class(f"nn-slider-{name}")
    box = widgets.interactive(draw, **made)
    box.add_class("nn-explore")
    return box


# A toy: the plane, in which diffusion can be seen.
#
# What the lesson teaches stands in the lesson; here is what it needs beside that: the drawing, the small network, and the
# measures by which it is judged.
#
# Lesson: 06_diffusion_theory

NOTHING, LEFT, RIGHT = 0, 1, 2  # what a flow of the plane can be told to draw
JITTER = 0.04  # width of the pen


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
    head = torch.stack(
        [
            0.45 * torch.cos(angle) - 0.1 * torch.sin(angle) - 0.45,
            0.3 * torch.sin(angle) + 0.12 * torch.cos(angle) - 1.15,
        ],
        1,
    )
    stem = torch.stack([torch.zeros(count), 2.5 * place - 1.1], 1)
    half_beam = torch.where(right, -place, place)  # each note has its half of the beam
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
        self.layers = nn.Sequential(
            nn.Linear(before, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 2),
        )

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
    likely = torch.softmax(-(torch.cdist(points, (1 - time) * drawing) ** 2) / (2 * time**2), 1)
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
