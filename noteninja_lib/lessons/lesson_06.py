"""Lesson 06, diffusion theory: exercises, plots of clouds and tiles, sliders, and a flow in the plane.

Lesson: 05_autoencoders_and_latent_space, 06_diffusion_theory
"""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from noteninja_lib.lessons.exercise import Exercise, Question
from noteninja_lib.plots import BLUE, ORANGE, axes_or_new, new_figure


def _test_midpoint(midpoint):
    times, asked = torch.linspace(1, 0, 9), []

    def growth(points, time):
        asked.append(float(time))
        return points

    found, truth = midpoint(growth, torch.ones(1), times), torch.exp(torch.tensor([-1.0]))
    assert isinstance(found, torch.Tensor), (
        f"return the points at the end of the sampling; you returned {found!r}"
    )
    error, error_of_euler = abs(float(found - truth)), abs((7 / 8) ** 8 - float(truth))
    ends = f"the sampling ends {error:.3f} from the true end, and Euler's {error_of_euler:.3f}"
    middle = "the velocity that you step along should be the one in the middle of the step"
    assert error < error_of_euler / 5, f"{ends}: {middle}"
    slope = midpoint(lambda points, time: torch.full_like(points, float(time)), torch.ones(1), times)
    assert abs(float(slope) - 0.5) < 1e-4, (
        "the network should be given the time in the middle of the step, too"
    )
    calls = f"two calls a step are enough: 8 steps called the network {len(asked)} times"
    assert len(asked) == 16, calls


def midpoint(predict: Callable, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """Follow the flow; each step uses the velocity that is found in its middle."""
    for now, following in zip(times[:-1], times[1:]):
        step = following - now
        halfway = points + step / 2 * predict(points, float(now))
        points = points + step * predict(halfway, float(now + step / 2))
    return points


MIDPOINT = Exercise(
    _test_midpoint,
    midpoint,
    "Begin with half a step of Euler's. Ask for the velocity there, with the time that it is there. Then go "
    "back to where the step began, and make the whole step with that velocity.",
)


def _test_by_ear(answer):
    steps, guidance = answer["steps"], answer["guidance"]
    assert isinstance(steps, int) and 1 <= steps <= 1000, "steps should be a whole number from 1 to 1000"
    scale = isinstance(guidance, (int, float)) and 0 <= guidance <= 20
    assert scale, "guidance should be a number from 0 to 20"


def by_ear() -> dict:
    """One possible answer; yours depends on what you hear."""
    why = """With one step the cymbals are a hiss and the attacks are soft. From four steps on I hear no more
        difference. At guidance 6 the drums are louder than the tune."""
    return {"steps": 4, "guidance": 2.0, "why": why}


BY_EAR = Question(
    _test_by_ear,
    by_ear,
    "Change one thing at a time. First guidance 2 with 1, 2, 4 and 16 steps; then the number of steps that "
    "you like, with guidance 1, 2, 4 and 8. Listen to drums and to long notes apart.",
    {"why": "tell in a sentence or two what you heard, and beside what"},
)

REACH = 3.0  # of the plane that is shown, to every side
MARKS = ("o", "o", "^")


def plot_points(points: torch.Tensor, labels: torch.Tensor | None = None, ax: Axes | None = None) -> Axes:
    """Draw points (n, 2) of the plane; labels (n,) from 0 to 2 are told apart by colour and mark."""
    ax = axes_or_new(ax, 3, 3, frame=True)
    points = np.asarray(points.detach())
    kinds = np.zeros(len(points), int) if labels is None else np.asarray(labels)
    for kind in np.unique(kinds):
        x, y = points[kinds == kind].T
        ax.scatter(x, y, s=3, marker=MARKS[kind], color=(BLUE, BLUE, ORANGE)[kind])
    ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
    return ax


def plot_clouds(clouds: dict[str, torch.Tensor], labels: torch.Tensor | None = None) -> Figure:
    """Draw clouds of points (n, 2) by title side by side; labels (n,) as for `plot_points`, for all."""
    figure = new_figure(2.3 * len(clouds), 2.6)
    axes = figure.subplots(1, len(clouds), squeeze=False)[0]
    for ax, (title, points) in zip(axes, clouds.items()):
        plot_points(points, labels, ax).set_title(title, fontsize=10)
        ax.set(xlabel="first number")
        ax.label_outer()
    axes[0].set_ylabel("second number")
    return figure


def plot_tiles(tiles: dict[str, np.ndarray | torch.Tensor], rows: int = 1, label: str = "strength") -> Figure:
    """Draw small arrays (rows, columns) of numbers side by side, in colours around 0.

    Parameters
    ----------
    tiles : dict of str to np.ndarray or torch.Tensor
        Title and numbers.
    rows : int
        How many rows of tiles.
    label : str
        What the numbers are.
    """
    columns = -(-len(tiles) // rows)
    figure = new_figure(1.35 * columns if rows == 1 else 2.8 * columns, 1.9 * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    values = [np.asarray(tile) for tile in tiles.values()]
    # A few outliers may be as dark as the rest.
    reach = max(np.quantile(np.abs(value), 0.99) for value in values)
    look = {"origin": "lower", "aspect": "equal" if rows == 1 else "auto", "interpolation": "nearest"}
    for ax, title, value in zip(axes.flat, tiles, values):
        image = ax.imshow(value, cmap="PuOr", vmin=-reach, vmax=reach, **look)
        ax.set_title(title, fontsize=9)
    figure.colorbar(image, ax=axes, label=label, pad=0.01, extend="both")
    return figure


def explore(draw: Callable[..., Any], **sliders: tuple[float, float, float, float]) -> widgets.Widget:
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
        whole = all(isinstance(one, int) for one in (low, high, step, start))
        kind = widgets.IntSlider if whole else widgets.FloatSlider
        made[name] = kind(start, min=low, max=high, step=step, description=name, continuous_update=False)
        made[name].add_class(f"nn-slider-{name}")
    box = widgets.interactive(draw, **made)
    box.add_class("nn-explore")
    return box


NOTHING, LEFT, RIGHT = 0, 1, 2  # conditions of a flow of the plane: what to draw
JITTER = 0.04  # width of the pen


def beamed_notes(count: int, generator: torch.Generator | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Points on the outline of two quavers under one beam; mean and spread are about those of noise.

    Returns
    -------
    points : torch.Tensor, shape (count, 2)
    labels : torch.Tensor of int, shape (count,)
        `LEFT` or `RIGHT`: to which of the two notes a point belongs.
    """
    part, place, side = torch.rand(3, count, generator=generator)
    right = side < 0.5
    cos, sin = torch.cos(2 * torch.pi * place), torch.sin(2 * torch.pi * place)
    head = torch.stack([0.45 * cos - 0.1 * sin - 0.45, 0.3 * sin + 0.12 * cos - 1.15], 1)
    stem = torch.stack([torch.zeros(count), 2.5 * place - 1.1], 1)
    half_beam = torch.where(right, -place, place)  # each note has its half of the beam
    beam = torch.stack([0.95 * half_beam, 1.4 + 0.15 * half_beam], 1)
    drawn = torch.where((part < 0.45)[:, None], head, torch.where((part < 0.8)[:, None], stem, beam))
    moved = drawn + torch.where(right[:, None], torch.tensor([1.15, 0.3]), torch.tensor([-0.75, 0.0]))
    return moved + JITTER * torch.randn(count, 2, generator=generator), torch.where(right, RIGHT, LEFT)


class PlaneFlow(nn.Module):
    """A small network that learns the velocity in the plane.

    Waves of several lengths over place and time are its input, since fine lines are hard to learn from bare
    numbers (Tancik et al. 2020, arXiv 2006.10739).

    Parameters
    ----------
    width : int
        Of the three hidden layers.
    """

    places: torch.Tensor
    times: torch.Tensor

    def __init__(self, width: int = 96):
        super().__init__()
        self.register_buffer("places", torch.pi * torch.tensor([0.5, 1.0, 2.0]))
        self.register_buffer("times", torch.pi * torch.tensor([0.5, 1.0, 2.0, 4.0]))
        self.condition = nn.Embedding(3, 4)
        before = 2 + 4 * len(self.places) + 1 + 2 * len(self.times) + 4
        sizes = [(before, width), (width, width), (width, width)]
        hidden = [layer for size in sizes for layer in (nn.Linear(*size), nn.SiLU())]
        self.layers = nn.Sequential(*hidden, nn.Linear(width, 2))

    def forward(
        self, points: torch.Tensor, time: float | torch.Tensor, labels: int | torch.Tensor | None = None
    ) -> torch.Tensor:
        """Velocity (n, 2) at points.

        Parameters
        ----------
        points : torch.Tensor, shape (n, 2)
        time : float or torch.Tensor, shape (n,)
            0 is the drawing, 1 is noise.
        labels : int or torch.Tensor of int, shape (n,), optional
            `NOTHING`, `LEFT` or `RIGHT`; nothing if it is not given.
        """
        time = torch.as_tensor(time, dtype=points.dtype).expand(len(points))[:, None]
        labels = torch.as_tensor(NOTHING if labels is None else labels).expand(len(points))
        place, turn = (points[:, :, None] * self.places).flatten(1), time * self.times
        waves = [place.sin(), place.cos(), turn.sin(), turn.cos()]
        return self.layers(torch.cat([points, time, *waves, self.condition(labels)], 1))


def exact_velocity(points: torch.Tensor, time: float, drawing: torch.Tensor) -> torch.Tensor:
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


def distance_to_notes(points: torch.Tensor, directions: int = 32) -> float:
    """Sliced Wasserstein distance of points (n, 2) from a true drawing: how far they have to be moved.

    Seen from one direction, points are numbers in a row, and the cheapest way is to move the first of one
    cloud to the first of the other, the second to the second, and so on (Bonneel et al. 2015, doi
    10.1007/s10851-014-0506-3). The mean over all directions is not quite 0 for another true drawing.
    """
    angles = torch.arange(directions) * torch.pi / directions
    views = torch.stack([angles.cos(), angles.sin()])
    goal = beamed_notes(len(points), torch.Generator().manual_seed(6))[0]
    return float(((points @ views).sort(0).values - (goal @ views).sort(0).values).abs().mean())


def sample_with(
    scheduler: Any, predict: Callable, latents: torch.Tensor, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Sample from noise with one of diffusers' schedulers, whose times are set already.

    Parameters
    ----------
    scheduler : diffusers.SchedulerMixin
    predict : callable
        (latents, timestep) -> what the scheduler wants to know, such as noise or velocity.
    latents : torch.Tensor
    generator : torch.Generator, optional
        For schedulers that add noise on the way.
    """
    options = {} if generator is None else {"generator": generator}
    for timestep in scheduler.timesteps:
        latents = scheduler.step(predict(latents, timestep), timestep, latents, **options).prev_sample
    return latents
