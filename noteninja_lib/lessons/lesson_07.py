"""Exercises of lesson 07: training on GTZAN."""

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

from noteninja_lib.audio.io import normalise
from noteninja_lib.lessons.exercise import Exercise
from noteninja_lib.models.flow_matching import euler, time_steps
from noteninja_lib.plots import BLUE, DECIBELS, LOOKS, plot_mel
from noteninja_lib.training.trainer import Trainer, train
from noteninja_lib.widgets.workbench import Workbench, name_parts, row


def _test_loss_of_nothing(loss):
    assert callable(loss), "hand in the function itself: check(loss_of_nothing), without brackets behind it"
    draw = np.random.default_rng(0)
    silent, usual, loud = (
        np.zeros((2, 8, 24, 16)),
        draw.standard_normal((2, 8, 24, 16)),
        np.full((2, 8, 24, 16), 3.0),
    )
    found = loss(silent)
    assert found is not None, "your function gives nothing back: is there a return?"
    assert np.ndim(found) == 0, (
        f"the loss should be a single number, the mean over everything; it has the shape {np.shape(found)}"
    )
    assert found > 0, (
        "even where the music is nothing but zeros the velocity is not: the noise is still in it"
    )
    assert abs(found - 1) < 0.05, (
        f"for latents of zeros the velocity is the noise alone, whose mean square is 1; you say {found:g}"
    )
    assert abs(loss(usual) - 2) < 0.1, (
        f"music and noise both vary by 1 here, and their variances add up; you say {loss(usual):g}"
    )
    assert abs(loss(loud) - 10) < 0.3, (
        f"for latents that are 3 everywhere it should be 1 + 3 * 3; you say {loss(loud):g}"
    )


def loss_of_nothing(latents):
    """Loss of a network that answers 0, whatever it is asked: the mean of (noise - latents)^2, over all noises."""
    return 1 + np.mean(np.asarray(latents) ** 2)


LOSS_OF_NOTHING = Exercise(
    _test_loss_of_nothing,
    "The network should say noise - latents and says 0. Square what it misses, "
    "and take the mean: what becomes of the mixed term, if the noise has nothing to do with the music?",
    loss_of_nothing,
)

NEEDED = {
    "weights": "without the weights all is lost",
    "optimizer": "AdamW remembers a mean of the last gradients: without it the first steps go astray",
    "average": "the moving average of the weights would begin anew, and it is what is kept in the end",
    "step": "without the step nobody knows the learning rate, nor which batch comes next",
}
IDLE = {
    "batch": "the batch follows from the seed and the step",
    "gradients": "the gradients are made anew in each step",
    "losses": "the losses are for our eyes: the run does not read them",
}


def _test_checkpoint(answer):
    assert isinstance(answer, (set, list, tuple)), "hand in a set of words"
    known = NEEDED | IDLE
    unknown = sorted(set(answer) - set(known))
    assert not unknown, f"choose from {', '.join(sorted(known))}; {unknown[0]!r} is none of these"
    for word, why in NEEDED.items():
        assert word in answer, f"something is missing: {why}"
    for word, why in IDLE.items():
        assert word not in answer, f"something could be left away: {why}"


def checkpoint():
    """What a run needs to go on as if nothing had happened."""
    return {"weights", "optimizer", "average", "step"}


CHECKPOINT = Exercise(
    _test_checkpoint,
    "Go through the ten lines of the loop, and ask of each name: where does its value come "
    "from after a restart? What can be computed from the step alone need not be kept.",
    checkpoint,
    answer=lambda solution: solution(),
)


def _test_experiment(answer):
    assert isinstance(answer, dict) and {"changed", "before", "after", "why"} <= set(answer), (
        "hand in a dict with the keys changed, before, after and why"
    )
    for key in ("before", "after"):
        loss = answer[key]
        assert isinstance(loss, (int, float)) and not isinstance(loss, bool) and 0 < loss < 100, (
            f"{key!r} should be a validation loss that you measured"
        )
    assert answer["before"] != answer["after"], (
        "two runs never end on quite the same loss: give the digits that differ"
    )
    assert len(str(answer["changed"]).split()) >= 2, "name the one thing that you changed, from what to what"
    words = len(str(answer["why"]).split())
    assert words >= 15, (
        f"explain it in a sentence or two, with what you saw or heard; so far it is {words} words"
    )


def experiment():
    """One possible answer; yours depends on what you try."""
    return {
        "changed": "batch size from 4 to 16",
        "before": 1.21,
        "after": 1.09,
        "why": "The curve is calmer, since each step averages four times as many examples, and it ends lower; but each step "
        "took three times as long, so for the same minutes the small batch would have won.",
    }


EXPERIMENT = Exercise(
    _test_experiment,
    "Change one thing only, and keep the seed. Good candidates: the batch size, the width of "
    "the network, the number of recordings, the share of examples without content.",
    experiment,
    answer=lambda solution: solution(),
)


# What a lesson shows of a training run: a curve that grows while the loop runs, samples, and a bench for learning rates.
#
# Lesson: 07_training_on_gtzan

RATES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # that the bench offers
PAUSE = 0.7  # seconds between two drawings: drawing must not slow the training down


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
    plt.close(figure)  # else a notebook would show it a second time at the end of the cell
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
        ax.plot(
            first + np.array(run["step"]), run["loss"], label=f"data: {run['data']}", **{**look, "marker": ""}
        )
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
        self.latents, self.picture, self.style = map(
            torch.from_numpy, task.batch(np.random.default_rng(0), 1)
        )
        self.truth = pipe.vae.decode(self.latents)[0]

    @torch.no_grad()
    def sample(self, network, steps=10):
        """What a denoiser makes of it from noise: a log-mel picture of the shape of `truth`."""
        noise = torch.randn(self.latents.shape, generator=torch.Generator().manual_seed(0))
        latents = euler(
            lambda noisy, time: network(noisy, torch.tensor([time]), self.picture, self.style),
            noise,
            time_steps(steps),
        )
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
        Gives a task of `noteninja_lib.training.tasks` with a new network, the same at each call.
    steps, batch_size : int
        Of each run.
    options
        As of `Workbench`.
    """

    def __init__(self, make_task, steps=60, batch_size=4, **options):
        super().__init__(**options)
        self.make_task, self.steps, self.batch_size, self.runs = make_task, steps, batch_size, {}
        self.rate = widgets.SelectionSlider(
            options=[(f"{rate:g}", rate) for rate in RATES],
            value=1e-4,
            description="rate",
            continuous_update=False,
        )
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
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(train(Trainer(task, folder, self.steps), self.batch_size)) as run,
        ):
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
