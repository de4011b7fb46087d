"""Lesson 06, diffusion theory: exercises, plots of clouds and tiles, sliders, a flow in the plane, and jumps.

Lesson: 05_autoencoders_and_latent_space, 06_diffusion_theory
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from IPython.display import DisplayHandle
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from noteninja_lib.lessons.exercise import Exercise, Question, is_number, is_whole
from noteninja_lib.lessons.lesson_05 import EncodedSong
from noteninja_lib.models.flow_matching import euler, guide, set_schedule, time_steps
from noteninja_lib.plots import BLUE, LOOKS, ORANGE, axes_or_new, new_figure
from noteninja_lib.widgets.style_sheet import row, stage_button, style_sheet


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


def _test_one_jump_of_two(one_jump_of_two):
    start, asked = torch.tensor([[1.0, -2.0]]), []

    def growth(points, time, until):  # points grow as e^time: the exact mean velocity of a jump
        asked.append((time, until))
        return points * (1 - np.exp(until - time)) / (time - until)

    found, truth = one_jump_of_two(growth, start, 0.9, 0.3), growth(start, 0.9, 0.3)
    asked.pop()
    assert isinstance(found, torch.Tensor), f"return the mean velocity; you returned {found!r}"
    assert len(asked) == 2, f"two jumps should be made; you asked the network {len(asked)} times"
    halves = [round(float(one), 3) for jump in asked for one in jump]
    assert halves == [0.9, 0.6, 0.6, 0.3], (
        f"from 0.9 to 0.3 the halves are 0.9 to 0.6 and 0.6 to 0.3; "
        f"you asked for {halves[:2]} and {halves[2:]}"
    )
    stayed = (growth(start, 0.9, 0.6) + growth(start, 0.6, 0.3)) / 2
    assert not torch.allclose(found, stayed), "the second jump begins where the first one has led"
    size = float(found[0, 0] / truth[0, 0])
    assert torch.allclose(found, truth, atol=1e-4), (
        f"your velocity is {size:.2f} times the right one: "
        f"is it the way that was gone, over the time it took?"
    )


def one_jump_of_two(jump: Callable, points: torch.Tensor, time: float, until: float) -> torch.Tensor:
    """The mean velocity from `time` to `until`, of which the network knows only the halves."""
    middle = (time + until) / 2
    first = jump(points, time, middle)
    second = jump(points + (middle - time) * first, middle, until)
    return (first + second) / 2


ONE_JUMP = Exercise(
    _test_one_jump_of_two,
    one_jump_of_two,
    "Ask for the mean velocity of the first half, and go that way to the middle. Ask there for that of the "
    "second half. Both took the same time: what is the mean velocity of the whole way?",
)


def _test_by_ear(answer):
    steps, guidance = answer["steps"], answer["guidance"]
    assert is_whole(steps) and 1 <= steps <= 1000, "steps should be a whole number from 1 to 1000"
    scale = is_number(guidance) and 0 <= guidance <= 20
    assert scale, "guidance should be a number from 0 to 20"


def by_ear() -> dict:
    """One possible answer; yours depends on what you hear."""
    why = """With one jump the cymbals are a hiss and the attacks are soft. From two jumps on I hear no more
        difference. At guidance 4 the drums are louder than the tune."""
    return {"steps": 2, "guidance": 2.0, "why": why}


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
        With the handles ``nn-explore`` and ``nn-slider-<name>``, and the button for large type.
    """
    made = {}
    for name, (low, high, step, start) in sliders.items():
        whole = all(isinstance(one, int) for one in (low, high, step, start))
        kind = widgets.IntSlider if whole else widgets.FloatSlider
        made[name] = kind(start, min=low, max=high, step=step, description=name, continuous_update=False)
        made[name].add_class(f"nn-slider-{name}")
    box = widgets.interactive(draw, **made)
    box.add_class("nn-explore")
    box.children = (style_sheet(), row(*made.values(), stage_button(box)), box.out)
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
        return self.layers(self.features(points, time, labels))

    def features(
        self, points: torch.Tensor, time: float | torch.Tensor, labels: int | torch.Tensor | None
    ) -> torch.Tensor:
        """What the layers see: numbers, waves and condition (n, features)."""
        time = column(time, points)
        labels = torch.as_tensor(NOTHING if labels is None else labels).expand(len(points))
        place, turn = (points[:, :, None] * self.places).flatten(1), time * self.times
        waves = [place.sin(), place.cos(), turn.sin(), turn.cos()]
        return torch.cat([points, time, *waves, self.condition(labels)], 1)


def column(numbers: float | torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """One number, or one for each point, as a column (n, 1)."""
    return torch.as_tensor(numbers, dtype=points.dtype).expand(len(points))[:, None]


class JumpingFlow(PlaneFlow):
    """A flow of the plane that can be told where a step ends, and how it is guided.

    It begins as a copy of its teacher. What it is told about the step goes the same way as in the converter's
    `Denoiser`: through layers without biases, whose last is 0 at first.

    Parameters
    ----------
    teacher : PlaneFlow
    """

    def __init__(self, teacher: PlaneFlow):
        width: Any = teacher.layers[0].out_features
        super().__init__(width)
        self.load_state_dict(teacher.state_dict())
        narrow = nn.Linear(width, width, bias=False)
        nn.init.zeros_(narrow.weight)
        self.step = nn.Sequential(nn.Linear(4, width, bias=False), nn.SiLU(), narrow)

    def forward(self, points, time, labels=None, until=None, w=1.0) -> torch.Tensor:
        """Mean velocity (n, 2) from a time to the earlier time `until`, guided by `w`.

        One number each, or one for each point; without `until` it is the velocity at that time, as the
        teacher's.
        """
        length = 0 * column(time, points) if until is None else column(time, points) - column(until, points)
        pushed = column(w, points).log()
        told = torch.cat([length, length**2, pushed, length * pushed], 1)
        hidden = self.layers[0](self.features(points, time, labels)) + self.step(told)
        return self.layers[1:](hidden)

    def jump(self, points: torch.Tensor, jumps: int, label: int, w: float) -> torch.Tensor:
        """Where some jumps from noise lead, under one condition and guidance scale."""
        return leap(lambda *at, until: self(*at, label, until, w), points, time_steps(jumps))


def leap(predict: Callable, points: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """As `euler`, with mean velocities: `predict` also takes, by name, `until`, the step's end."""
    for now, until in zip(times[:-1], times[1:]):
        points = points + (until - now) * predict(points, float(now), until=float(until))
    return points


def descend(loss_of_batch: Callable[[], torch.Tensor], network: nn.Module, steps: int) -> Iterator[float]:
    """Train a network; yields the loss of each step."""
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    slower = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, steps)
    for _ in range(steps):
        loss = loss_of_batch()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        slower.step()
        yield loss.item()


class Walks:
    """Ways from noise to the drawing that a teacher goes in many small, guided steps.

    Parameters
    ----------
    teacher : PlaneFlow
    count : int
        How many; half go to each of the notes, with guidance from 1 to 4.
    small : int
        Steps of each.
    """

    def __init__(self, teacher: PlaneFlow, count: int, small: int = 32):
        self.labels, self.w = torch.randint(LEFT, RIGHT + 1, (count,)), 1 + 3 * torch.rand(count)
        self.times, points = time_steps(small), torch.randn(count, 2)

        def predict(points, time):
            with_label, without = teacher(points, time, self.labels), teacher(points, time)
            return guide(with_label, without, self.w[:, None])

        places = [points]
        with torch.no_grad():
            for step in zip(self.times[:-1], self.times[1:]):
                places.append(euler(predict, places[-1], step))
        self.places = torch.stack(places)

    def two_places(self, count: int) -> tuple[torch.Tensor, ...]:
        """Two places on the same way, `count` times.

        Returns
        -------
        start, time, end, until, labels, w : torch.Tensor
            Points (count, 2) and their times (count,), the second nearer to the drawing; how they were led.
        """
        begin, stop = torch.rand(count, len(self.times)).topk(2).indices.sort().values.T
        who = torch.randint(len(self.w), (count,))
        start, end = self.places[begin, who], self.places[stop, who]
        return start, self.times[begin], end, self.times[stop], self.labels[who], self.w[who]


def plot_paths(predict: Callable, start: torch.Tensor, counts: Sequence[int] = (1, 2, 4, 16)) -> Figure:
    """Draw where some numbers of Euler's steps lead, over the exact ways (grey) and ends (rings).

    Parameters
    ----------
    predict : callable
        (points, time) -> velocity.
    start : torch.Tensor, shape (n, 2)
        A few points of noise.
    counts : sequence of int
        Numbers of steps; a picture for each.
    """

    def way(count):
        places = [start]
        for step in zip(time_steps(count)[:-1], time_steps(count)[1:]):
            places.append(euler(predict, places[-1], step))
        return torch.stack(places).detach()

    exact, figure = way(64), new_figure(2.3 * len(counts), 2.6)
    for ax, count in zip(figure.subplots(1, len(counts)), counts):
        steps, ends = way(count), plot_points(exact[-1], ax=ax)
        ends.collections[0].set(facecolor="none", edgecolor="black", sizes=[30])
        ax.plot(*exact.permute(2, 0, 1), color="0.7", linewidth=3)
        ax.plot(*steps.permute(2, 0, 1), color=ORANGE, linewidth=1)
        ax.plot(*steps[-1].T, "o", color=ORANGE, markersize=4)
        ax.set_title(f"steps: {count}", fontsize=10)
        ax.set(xlabel="first number", ylabel="second number")
        ax.label_outer()
    return figure


COUNTS = (1, 2, 4, 8, 16)  # of steps, in the curves of their errors
PAUSE = 1.0  # seconds between two drawings of a live curve


def watch_errors(
    run: Iterable[float], ways: dict[str, Callable[[int], torch.Tensor]], goal: torch.Tensor
) -> dict[str, list[float]]:
    """Let a training run, and draw meanwhile how far from the goal several ways end.

    Parameters
    ----------
    run : iterable of float
        Losses, as the training yields them.
    ways : dict of str to callable
        Name, and what gives the points at the end (n, 2) from a number of steps.
    goal : torch.Tensor, shape (n, 2)
        Where each point should be.

    Returns
    -------
    dict of str to list of float
        For each way the mean distances, when the training is over, for `COUNTS` steps.
    """

    def errors():
        with torch.no_grad():
            return {
                name: [float((way(count) - goal).norm(dim=1).mean()) for count in COUNTS]
                for name, way in ways.items()
            }

    def picture(step):
        figure = new_figure(6, 3)
        ax = plot_steps(figure.subplots(), {name: (COUNTS, values) for name, values in errors().items()})
        ax.set(xlabel="steps", ylabel="distance from the exact end", ylim=(0, None))
        ax.set_title(f"after {step} steps of training", fontsize=10)
        return figure

    screen, drawn, step = DisplayHandle(), time.monotonic(), 0
    screen.display(picture(0))
    for step, _ in enumerate(run, 1):
        if time.monotonic() - drawn > PAUSE:
            screen.update(picture(step))
            drawn = time.monotonic()
    screen.update(picture(step))
    return errors()


def plot_steps(ax: Axes, curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Axes:
    """Draw named curves (x, y), told apart by colour, line and mark, over steps that double."""
    axes_or_new(ax, 6, 3)
    for (name, (x, y)), look in zip(curves.items(), LOOKS):
        ax.plot(x, y, label=name, **look)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend(fontsize=9)
    return ax


def measure(
    song: EncodedSong,
    way: Callable,
    flow: Callable,
    noise: torch.Tensor,
    goal: torch.Tensor,
    counts: Sequence[int] = (1, 2, 4, 8),
) -> list[dict[str, Any]]:
    """Sample latents of a song in several numbers of steps, and measure them.

    Parameters
    ----------
    song : EncodedSong
    way : callable
        A sampler: (flow, noise, times) -> latents.
    flow : Flow
    noise, goal : torch.Tensor
        Where it begins, and latents to which the results should be like.
    counts : sequence of int

    Returns
    -------
    list of dict
        ``latents``; ``evaluations`` of the network, with and without condition counted apart; ``sharpness``
        as a part of the goal's; ``likeness``, the correlation of both log-mel spectrograms.
    """
    found: list[dict] = []
    evaluations: list[int] = []
    wanted, edges = song.picture(goal).ravel(), song.sharpness(goal)
    hook = song.pipe.unet.register_forward_hook(
        lambda network, given, answer: evaluations.append(len(answer))
    )
    for count in counts:
        evaluations.clear()
        latents = way(flow, noise, time_steps(count))
        likeness = float(np.corrcoef(song.picture(latents).ravel(), wanted)[0, 1])
        numbers = {"sharpness": song.sharpness(latents) / edges, "likeness": likeness}
        found.append({"latents": latents, "evaluations": sum(evaluations)} | numbers)
    hook.remove()
    return found


def plot_ways(found: dict[str, list[dict[str, Any]]]) -> Figure:
    """Draw likeness and sharpness of several ways of sampling, as `measure` gives them, over their cost."""
    figure = new_figure(9, 3)
    for ax, what in zip(figure.subplots(1, 2), ("likeness", "sharpness")):
        curves = {
            name: ([one["evaluations"] for one in every], [one[what] for one in every])
            for name, every in found.items()
        }
        plot_steps(ax, curves).set(xlabel="evaluations of the network", ylabel=f"{what} (16 plain steps = 1)")
    return figure


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


def by_diffusers(flow: Callable, noise: torch.Tensor, steps: int) -> torch.Tensor:
    """Sample along a flow, (latents, time) -> velocity, as the pipeline does: with diffusers' scheduler."""
    scheduler = FlowMatchEulerDiscreteScheduler()
    set_schedule(scheduler, steps)
    return sample_with(scheduler, lambda latents, timestep: flow(latents, float(timestep) / 1000), noise)
