"""What a lesson shows of a training run: a curve that grows while the loop runs, samples, and a bench for learning rates.

Lesson: 07_training_on_gtzan
"""
import io
import tempfile
import time
from contextlib import closing

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Image, display
from matplotlib.figure import Figure

from noteninja_lib.classroom.plotting import BLUE, DECIBELS, LOOKS, plot_mel
from noteninja_lib.classroom.working import Workbench, name_parts, row
from noteninja_lib.model.diffusion import euler, time_steps
from noteninja_lib.sound.audio import normalise
from noteninja_lib.training import Trainer, train

RATES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)    # that the bench offers
PAUSE = 0.7                                    # seconds between two drawings: drawing must not slow the training down


def smooth(values, keep=0.9):
    """A moving average that follows a noisy curve: each value counts `keep` times as much as the one after it.

    Parameters
    ----------
    values : sequence of float, length n
    keep : float
        From 0, no smoothing, to just below 1.

    Returns
    -------
    numpy.ndarray, shape (n,)
    """
    smoothed, total, weight = [], 0.0, 0.0
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        smoothed.append(total / weight)
    return np.array(smoothed)


def plot_losses(ax, steps, losses, validation=None):
    """Draw the loss of each step thinly, its moving average over that, and marks where validation was measured.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    steps, losses : sequence of float, length n
    validation : dict of int to float, optional
        Step and loss.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax.plot(steps, losses, color=BLUE, linewidth=0.6, alpha=0.4)
    ax.plot(steps, smooth(losses), color=BLUE, linewidth=2, label="training (moving average)")
    if validation:
        ax.plot(*zip(*sorted(validation.items())), label="validation", clip_on=False, **LOOKS[1])
    ax.set(xlabel="step", ylabel="loss")
    ax.legend(loc="upper right", fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def to_png(draw, size):
    """The PNG file (bytes) of what `draw(ax)` draws; without pyplot, since it may be drawn in a thread."""
    figure = Figure(figsize=size, layout="constrained")
    draw(figure.subplots())
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100)
    return png.getvalue()


class LiveCurve:
    """The loss of a run, drawn while it comes in.

    Parameters
    ----------
    steps : int
        Length of the whole run; the axis is that long from the first step on.

    Attributes
    ----------
    losses : dict of int to float
        By step; the first of the losses that the run yields.
    validation : dict of int to float
        What `mark` was told.
    """

    def __init__(self, steps):
        self.steps, self.losses, self.validation = steps, {}, {}

    def watch(self, run):
        """Pass on what a training run yields, and draw it on the way.

        Parameters
        ----------
        run : iterable of (int, dict of str to float)
            Such as `training.train`.

        Yields
        ------
        (int, dict of str to float)
        """
        picture, drawn = display(self.picture(), display_id=True), time.monotonic()
        try:
            for step, losses in run:
                self.losses[step] = next(iter(losses.values()))
                yield step, losses
                if time.monotonic() - drawn > PAUSE:
                    picture.update(self.picture())
                    drawn = time.monotonic()
        finally:
            picture.update(self.picture())

    def mark(self, step, loss):
        """Note a validation loss after a step, for the next drawing."""
        self.validation[step] = float(loss)

    def picture(self):
        """The curve so far, as an image that a notebook shows."""
        def draw(ax):
            plot_losses(ax, list(self.losses), list(self.losses.values()), self.validation)
            ax.set(xlim=(0, self.steps), ylim=(0, None))
        return Image(to_png(draw, (8, 3)))


def plot_mels(mels):
    """Draw log-mel pictures side by side, all in the same colours.

    Parameters
    ----------
    mels : dict of str to numpy.ndarray or torch.Tensor, shape (n_mels, frames)
        Title and picture.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it once, when it is the last line of a cell.
    """
    figure = plt.figure(figsize=(2.4 * len(mels) + 1, 2.8), layout="constrained")
    axes = figure.subplots(1, len(mels), sharey=True, squeeze=False)[0]
    loudest = max(float(np.asarray(mel).max()) for mel in mels.values()) * DECIBELS
    for ax, (title, mel) in zip(axes, mels.items()):
        plot_mel(np.asarray(mel), ax, loudest=loudest).set_title(title, fontsize=10)
        ax.label_outer()
    figure.colorbar(axes[0].images[0], ax=axes, label="level in dB", pad=0.01)
    plt.close(figure)       # else a notebook would show it a second time at the end of the cell
    return figure


def plot_log(runs):
    """Draw the losses of several runs, each of which began where the one before had ended.

    Parameters
    ----------
    runs : list of dict
        As in `data/models/training.json`: name of the `data`, number of `steps`, and lists `step` and `loss`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, first = plt.figure(figsize=(8, 3), layout="constrained"), 0
    ax = figure.subplots()
    for run, look in zip(runs, LOOKS):
        ax.plot(first + np.array(run["step"]), run["loss"], label=f"data: {run['data']}", **{**look, "marker": ""})
        first += run["steps"]
    ax.set(xlabel="step", ylabel="loss (moving average)", xlim=(0, first))
    ax.legend()
    ax.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


class Example:
    """An excerpt to look at and to listen to while a network learns: always the same content, style and noise.

    Parameters
    ----------
    task : DiffusionTask
        Draws the excerpt; one that hides neither content nor style.
    pipe : NoteNinjaPipeline
        Decodes what was sampled.

    Attributes
    ----------
    latents : torch.Tensor, shape (1, 8, rows, columns)
        Of the true recording.
    picture, style : torch.Tensor, shape (1, 357, 4 * columns) and (1, 12)
    truth : torch.Tensor, shape (4 * rows, 4 * columns)
        The true recording through the autoencoder, as a log-mel picture.
    """

    def __init__(self, task, pipe):
        self.pipe = pipe
        self.latents, self.picture, self.style = map(torch.from_numpy, task.batch(np.random.default_rng(0), 1))
        self.truth = pipe.vae.decode(self.latents)[0]

    @torch.no_grad()
    def sample(self, network, steps=10):
        """What a denoiser makes of it from noise: a log-mel picture of the shape of `truth`."""
        noise = torch.randn(self.latents.shape, generator=torch.Generator().manual_seed(0))
        latents = euler(lambda noisy, time: network(noisy, torch.tensor([time]), self.picture, self.style), noise, time_steps(steps))
        return self.pipe.vae.decode(latents)[0]

    def likeness(self, mel):
        """How alike a log-mel picture and the true one are: their correlation, 0 for nothing in common, 1 for the same."""
        return float(torch.corrcoef(torch.stack([mel.flatten(), self.truth.flatten()]))[0, 1])

    def sound(self, mel):
        """A log-mel picture as sound, float32, shape (samples,); all equally loud."""
        with torch.no_grad():
            return normalise(self.pipe.vocoder(mel[None])[0].numpy())


class TrainingBench(Workbench):
    """A slider for the learning rate and a button that trains: each run leaves its curve, to be compared with the others.

    Parameters
    ----------
    make_task : callable
        Gives a task of `noteninja_lib.tasks` with a new network, the same at each call.
    steps, batch_size : int
        Of each run.
    options
        As of `Workbench`.
    """

    def __init__(self, make_task, steps=60, batch_size=4, **options):
        super().__init__(**options)
        self.make_task, self.steps, self.batch_size, self.runs = make_task, steps, batch_size, {}
        self.rate = widgets.SelectionSlider(options=[(f"{rate:g}", rate) for rate in RATES], value=1e-4,
                                            description="rate", continuous_update=False)
        self.picture = widgets.Image(format="png")
        self.train_button = self.go_button("Train", "play", self.train)
        name_parts(rate=self.rate, train=self.train_button, curves=self.picture)
        self.arrange(row(self.rate))
        self.children = [*(part for part in self.children if part is not self.results), self.picture]
        self.draw()

    def train(self, _=None):
        """Start a run with the learning rate of the slider; the handler of the button Train."""
        self.start(self._train, self.rate.value)

    def _train(self, rate):
        task, drawn = self.make_task(), time.monotonic()
        task.rates = {**task.rates, task.main: rate}
        losses = self.runs[rate] = []
        with tempfile.TemporaryDirectory() as folder, closing(train(Trainer(task, folder, self.steps), self.batch_size)) as run:
            for step, found in run:
                losses.append(next(iter(found.values())))
                self.tell_progress(step / self.steps, f"step {step} of {self.steps}")
                if time.monotonic() - drawn > PAUSE:
                    self.draw()
                    drawn = time.monotonic()
        self.draw()

    def draw(self):
        """Show the curves of all runs."""
        def curves(ax):
            for (rate, losses), look in zip(self.runs.items(), LOOKS * len(RATES)):
                look = {**look, "marker": look["marker"], "markevery": 10}
                ax.plot(np.arange(len(losses)) + 1, smooth(losses), label=f"rate {rate:g}", **look)
            ax.set(xlabel="step", ylabel="loss (moving average)", xlim=(0, self.steps), yscale="log")
            if self.runs:
                ax.legend(fontsize=9)
            ax.spines[["top", "right"]].set_visible(False)
        self.picture.value = to_png(curves, (8, 3))
