"""Lesson 07, training on GTZAN: exercises, a live curve of the loss, samples, recordings of a steel band.

Lesson: 07_training_on_gtzan
"""

import importlib.util
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from IPython.display import HTML, Image, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.signal import lfilter

from noteninja_lib import fast_mode
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio.io import SAMPLE_RATE, normalise
from noteninja_lib.cluster import ADDRESS
from noteninja_lib.lessons.exercise import Exercise, Question, is_number
from noteninja_lib.models.flow_matching import euler, time_steps
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.plots import BLUE, LOOKS, axes_or_new, new_figure, to_png


def _test_loss_of_nothing(loss):
    shape, rng = (2, 8, 24, 16), np.random.default_rng(0)
    silent, usual, loud = np.zeros(shape), rng.standard_normal(shape), np.full(shape, 3.0)
    found = loss(silent)
    single = "the loss should be a single number, the mean over everything"
    assert np.ndim(found) == 0, f"{single}; it has the shape {np.shape(found)}"
    still = "even where the music is nothing but zeros the velocity is not"
    assert found > 0, f"{still}: the noise is still in it"
    alone = "for latents of zeros the velocity is the noise alone, whose mean square is 1"
    assert abs(found - 1) < 0.05, f"{alone}; you say {found:g}"
    both, found = "music and noise both vary by 1 here, and their variances add up", loss(usual)
    assert abs(found - 2) < 0.1, f"{both}; you say {found:g}"
    found = loss(loud)
    assert abs(found - 10) < 0.3, (
        f"for latents that are 3 everywhere it should be 1 + 3 * 3; you say {found:g}"
    )


def loss_of_nothing(latents: np.ndarray) -> float:
    """Loss of a network that always answers 0: the mean of (noise - latents)^2, over all noises."""
    return 1 + np.mean(np.asarray(latents) ** 2)


LOSS_OF_NOTHING = Exercise(
    _test_loss_of_nothing,
    loss_of_nothing,
    "The network should say noise - latents and says 0. Square what it misses, and take the mean: what "
    "becomes of the mixed term, if the noise has nothing to do with the music?",
)

STEEL_DRUMS, MARIMBA, KALIMBA = 114, 12, 108  # General MIDI programs, counted from 0

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


def checkpoint() -> set[str]:
    """What a run needs to go on as if nothing had happened."""
    return {"weights", "optimizer", "average", "step"}


CHECKPOINT = Question(
    _test_checkpoint,
    checkpoint,
    "Go through the ten lines of the loop, and ask of each name: where does its value come from after a "
    "restart? What can be computed from the step alone need not be kept.",
)


def _test_experiment(answer):
    for key in ("before", "after"):
        loss = answer[key]
        number = is_number(loss) and 0 < loss < 100
        assert number, f"{key!r} should be a validation loss that you measured"
    digits = "two runs never end on quite the same loss: give the digits that differ"
    assert answer["before"] != answer["after"], digits
    assert len(str(answer["changed"]).split()) >= 2, "name the one thing that you changed, from what to what"


def experiment() -> dict:
    """One possible answer; yours depends on what you try."""
    why = """The curve is calmer, since each step averages four times as many examples, and it ends lower; but
        each step took three times as long, so for the same minutes the small batch would have won."""
    return {"changed": "batch size from 4 to 16", "before": 1.21, "after": 1.09, "why": why}


EXPERIMENT = Question(
    _test_experiment,
    experiment,
    "Change one thing only, and keep the seed. Good candidates: the batch size, the width of the network, "
    "the number of recordings, the share of examples without piano roll.",
    {"why": "explain it in a sentence or two, with what you saw or heard"},
    least=15,
)

RATES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # that the bench offers
PAUSE = 0.7  # seconds between two drawings: drawing must not slow the training down


def smooth(values: Sequence[float], keep: float = 0.9) -> np.ndarray:
    """A moving average (n,) of values (n,): each counts ``keep`` (below 1) times as much as the next."""
    sums = (lfilter([1], [1, -keep], one) for one in (values, np.ones(len(values))))
    return np.divide(*sums)


def plot_losses(
    ax: Axes, steps: Sequence[int], losses: Sequence[float], validation: dict[int, float] | None = None
) -> Axes:
    """Draw the loss of each step thinly, its moving average over that, and the validation losses.

    Parameters
    ----------
    ax : Axes
    steps, losses : sequence, length n
    validation : dict of int to float, optional
        Step and loss.
    """
    axes_or_new(ax, 8, 3).plot(steps, losses, color=BLUE, linewidth=0.6, alpha=0.4)
    ax.plot(steps, smooth(losses), color=BLUE, linewidth=2, label="training (moving average)")
    if validation:
        ax.plot(*zip(*sorted(validation.items())), label="validation", clip_on=False, **LOOKS[1])
    ax.set(xlabel="step", ylabel="loss")
    ax.legend(loc="upper right", fontsize=9)
    return ax


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

    def __init__(self, steps: int):
        self.steps, self.losses, self.validation = steps, {}, {}

    def watch(self, run: Iterable[tuple[int, dict[str, float]]]) -> Iterator[tuple[int, dict[str, float]]]:
        """Pass on what a training run yields (step and losses, as of `train`), and draw it on the way."""
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

    def mark(self, step: int, loss: float) -> None:
        """Note a validation loss after a step, for the next drawing."""
        self.validation[step] = float(loss)

    def picture(self) -> Image:
        """The curve so far, as an image that a notebook shows."""

        def draw(ax):
            plot_losses(ax, list(self.losses), list(self.losses.values()), self.validation)
            ax.set(xlim=(0, self.steps), ylim=(0, None))

        return Image(to_png(draw, 8, 3))


def plot_log(runs: list[dict]) -> Figure:
    """Draw the losses of several runs, each of which began where the one before had ended.

    Parameters
    ----------
    runs : list of dict
        As in `data/models/training.json`: name of the `data`, number of `steps`, and lists `step` and `loss`.
    """
    figure, first = new_figure(8, 3), 0
    ax = axes_or_new(figure.subplots(), 8, 3)
    for run, look in zip(runs, LOOKS):
        steps, look = first + np.array(run["step"]), {**look, "marker": ""}
        ax.plot(steps, run["loss"], label=f"data: {run['data']}", **look)
        first += run["steps"]
    ax.set(xlabel="step", ylabel="loss (moving average)", xlim=(0, first))
    ax.legend()
    return figure


class Example:
    """An excerpt to see and hear while a network learns: always the same piano roll, style and noise.

    Parameters
    ----------
    task : DiffusionTask
        Draws the excerpt; one that hides neither piano roll nor style.
    pipe : NoteNinjaPipeline
        Decodes what was sampled.

    Attributes
    ----------
    latents : torch.Tensor, shape (1, 8, rows, frames)
        Of the true recording.
    roll, style : torch.Tensor, shape (1, 357, 4 * frames) and (1, 12)
    truth : torch.Tensor, shape (4 * rows, 4 * frames)
        The true recording through the autoencoder, as a log-mel spectrogram.
    """

    def __init__(self, task: Any, pipe: Any):
        self.pipe = pipe
        self.latents, self.roll, self.style = map(torch.from_numpy, task.batch(np.random.default_rng(0), 1))
        self.truth = pipe.vae.decode(self.latents)[0]

    @torch.no_grad()
    def sample(self, network: Callable, steps: int = 10) -> torch.Tensor:
        """What a denoiser makes of it from noise: a log-mel spectrogram of the shape of `truth`."""
        noise = torch.randn(self.latents.shape, generator=torch.Generator().manual_seed(0))

        def predict(noisy, time):
            return network(noisy, torch.tensor([time]), self.roll, self.style)

        return self.pipe.vae.decode(euler(predict, noise, time_steps(steps)))[0]

    def likeness(self, mel: torch.Tensor) -> float:
        """Correlation of a log-mel spectrogram with the true one: 0 for nothing in common, 1 for the same."""
        return float(torch.corrcoef(torch.stack([mel.flatten(), self.truth.flatten()]))[0, 1])

    def sound(self, mel: torch.Tensor) -> np.ndarray:
        """A log-mel spectrogram as stereo sound, float32, shape (samples, 2); all equally loud."""
        with torch.no_grad():
            return normalise(self.pipe.vocoder(mel[None])[0].numpy().T)


def steel_band(folder: Path, count: int = 8, seconds: float = 20.0) -> list[Path]:
    """Recordings of a band that the converter does not know: steel drums, marimba and kalimba play reggae.

    Returns
    -------
    list of Path
        Their files, in a folder that is made.
    """
    if fast_mode():
        count, seconds = 4, 8.5
    folder.mkdir(parents=True, exist_ok=True)
    recipe, players = load_recipe("reggae"), {"melody": STEEL_DRUMS, "double": STEEL_DRUMS, "bass": MARIMBA}
    for number, tune in enumerate(load_tunes("train")[:count]):
        played = arrange(tune, recipe, number, duration=seconds)
        parts = [
            part if part.is_drum else replace(part, program=players.get(part.name, KALIMBA))
            for part in played.parts
        ]
        audio = render(replace(played, parts=parts))
        soundfile.write(folder / f"{number} {tune.title.replace('/', '-')}.wav", audio, SAMPLE_RATE)
    return sorted(folder.glob("*.wav"))


@contextmanager
def local_cluster(workers: int = 2) -> Iterator[Any]:
    """A Dask cluster on this machine, on which `datasets.build` then works; shows a link to its dashboard.

    Gives the client; None where Dask is not installed, and one process does the work.
    """
    if not (importlib.util.find_spec("distributed") and importlib.util.find_spec("bokeh")):
        print("Here is no Dask: for a cluster with its dashboard, `pip install distributed bokeh`.")
        yield None
        return
    from distributed import Client, LocalCluster

    hub = "JUPYTERHUB_SERVICE_PREFIX" in os.environ and importlib.util.find_spec("jupyter_server_proxy")
    before, own = os.environ.get(ADDRESS), {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, **own) as cluster,
        Client(cluster) as client,
    ):
        port, link = cluster.scheduler_info["services"]["dashboard"], client.dashboard_link
        if hub:  # JupyterHub and Binder show what listens on other ports below the notebook's own address
            link = f"{os.environ['JUPYTERHUB_SERVICE_PREFIX']}proxy/{port}/status"
        text = f'<a href="{link}" target="_blank">The dashboard: what each worker does</a>'
        display(HTML(text))
        client.get_task_stream()  # from now on it is written down
        os.environ[ADDRESS] = cluster.scheduler_address
        try:
            yield client
        finally:
            os.environ.pop(ADDRESS)
            os.environ |= {ADDRESS: before} if before else {}


def tasks_of(client: Any) -> list[tuple[int, int, float, float]]:
    """Which worker of a cluster did which task, and from when to when in seconds; none without a cluster."""
    found = [
        (task["worker"], int(task["key"].rsplit("-", 1)[1]), span["start"], span["stop"])
        for task in (client.get_task_stream() if client else ())
        for span in task["startstops"]
        if span["action"] == "compute" and task["key"].startswith("render_group")
    ]
    workers = sorted({task[0] for task in found})
    begun = min((task[2] for task in found), default=0.0)
    return [(workers.index(one), number, start - begun, end - begun) for one, number, start, end in found]


def plot_tasks(tasks: list[tuple[int, int, float, float]], titles: Sequence[str]) -> Figure:
    """Draw what each worker made, and when: `tasks` as `tasks_of` gives them, and the titles of the tunes."""
    figure = new_figure(9, 2)
    ax = axes_or_new(figure.subplots(), 9, 2)
    for worker, number, start, end in tasks:
        bar = ax.barh(worker, end - start, 0.8, start, color=BLUE, alpha=0.4, edgecolor=BLUE)[0]
        ax.text(start, worker, f" {titles[number]}", va="center", fontsize=8).set_clip_path(bar)
    names = sorted({task[0] for task in tasks})
    ax.set(xlabel="seconds", yticks=names, yticklabels=[f"worker {name + 1}" for name in names])
    return figure
