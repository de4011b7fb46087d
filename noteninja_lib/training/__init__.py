"""Training a network by its name, with a progress bar and a log. Lesson: 07_training_on_gtzan.

What each network learns stands in `tasks`, the loop that all share in `trainer`.
"""

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from noteninja_lib.datasets import GTZAN, Records, open_dataset
from noteninja_lib.errors import UserError, make_folder, write_whole
from noteninja_lib.models.checkpoints import load_model, models_folder, save_model
from noteninja_lib.models.classifiers import MelodyExtractor
from noteninja_lib.models.vae import MelAutoencoder
from noteninja_lib.omr.page_maker import StaffImages
from noteninja_lib.training import diffusion, tasks
from noteninja_lib.training.trainer import Trainer, train

TASKS: dict[str, type[tasks.Task]] = {  # by the words of the command line
    "autoencoder": tasks.AutoencoderTask,
    "vocoder": tasks.VocoderTask,
    "lead": tasks.MelodyTask,
    "chords": tasks.ChordTask,
    "judge": tasks.GenreClassifierTask,
    "diffusion": diffusion.DiffusionTask,
    "distillation": diffusion.DistillationTask,
    "regression": diffusion.RegressionTask,
    "reader": tasks.ReadingTask,
    "marks": tasks.MarkTask,
}


def make_task(
    network: str,
    data: Path | None,
    steps: int,
    models: Path,
    again: bool = False,
    records: Path | None = None,
) -> tasks.Task:
    """The task of a network of `TASKS`, with the trained networks from `models` that it builds upon.

    `data` is a folder of either kind of data set, or None; see `datasets.open_dataset`. Of GTZAN the training
    part is used, and of synthetic sets all clips whose tunes are for training. With `again` it begins from
    the weights that are there. `records` is a folder of other recordings, for autoencoder and vocoder; for
    the judge it is in GTZAN's shape, and all of it is used. A UserError says which of these is missing.
    """
    if network not in TASKS:
        raise UserError(f"There is no network called {network}: choose from {', '.join(TASKS)}.")
    kind: Any = TASKS[network]
    options: dict[str, Any] = {}
    if records:
        if network not in ("autoencoder", "vocoder", "judge"):
            raise UserError(
                "Of records by themselves only autoencoder, vocoder and judge learn: leave them out, or "
                "train the whole converter on them with `noteninja train converter`."
            )
        options["records"] = GTZAN(records) if network == "judge" else Records(records)
    if again or network == "distillation":
        # The regression baseline begins from the denoiser if it is not there yet.
        name = kind.saved_as if kind.saved_as and (models / kind.saved_as).exists() else None
        options["start"] = load_model(kind.model, models, name).requires_grad_(True)
    if network in ("autoencoder", "vocoder"):
        options["steps"] = steps
    if network in ("diffusion", "distillation", "regression"):
        options["melody"] = load_model(MelodyExtractor, models)
    if "melody" in options or network == "vocoder" and (models / "vae").exists():
        options["vae"] = load_model(MelAutoencoder, models)
    if network in ("reader", "marks"):
        if data is None:
            raise UserError(
                "The reader learns from engraved lines: make some with `noteninja dataset engrave FOLDER`, "
                "and give --data FOLDER."
            )
        return kind(StaffImages(data, marks=network == "marks"), **options)
    data = open_dataset(data)
    numbers = data.training()
    if not numbers:
        why = "no recording of it belongs to the training part"
        raise UserError(f"{data.root} holds nothing to train on: {why}.")
    return kind(data.part(numbers), **options)


def learn(trainer: Trainer, batch_size: int) -> Iterator[tuple[int, dict[str, float]]]:
    """Train to the end of a run and write its log; a generator of steps done and losses, smoothed."""
    began, first, path = time.monotonic(), trainer.accelerator.is_main_process, trainer.folder / "log.jsonl"
    if first and path.exists():  # what a run that was killed told of steps that are made again
        told = re.findall(r'^(\{"step": (\d+), .*\}\n)', path.read_text(encoding="utf-8"), re.M)
        write_whole(path, "".join(line for line, step in told if int(step) <= trainer.step))
    with open(path, "a", encoding="utf-8") as log:
        for step, _ in train(trainer, batch_size):
            if step % 20 == 0 and first:
                entry = {"step": step, "seconds": round(time.monotonic() - began), **trainer.losses}
                log.write(json.dumps(entry) + "\n")
                log.flush()
            yield step, dict(trainer.losses)


def run_training(
    network: str,
    data: Path | None,
    run: Path,
    steps: int,
    batch_size: int,
    seed: int = 0,
    ema: float = 0.999,
    models: Path | None = None,
    again: bool = False,
    threads: int = 0,
    records: Path | None = None,
) -> bool:
    """Train with a progress bar and a log, and save the averaged weights at the end or when stopped.

    `network`, `data`, `steps`, `models` (data/models by default), `again` and `records` are those of
    `make_task`, `seed` and `ema` those of `Trainer`; checkpoints and the log go to the folder `run`; 0
    `threads` leave PyTorch its choice.

    Returns
    -------
    bool
        Whether this process is the one that saved them: of several that accelerate started, the first.
    """
    for ending in (signal.SIGINT, signal.SIGTERM):  # both end a run in order, with a checkpoint
        signal.signal(ending, signal.default_int_handler)
    if threads:
        torch.set_num_threads(threads)
    run, models = Path(run), Path(models) if models else models_folder()
    make_folder(run)
    task = make_task(network, data, steps, models, again, records)
    trainer = Trainer(task, run, steps, ema, seed)
    first = trainer.accelerator.is_main_process
    look = {"dynamic_ncols": True, "unit": " steps", "disable": not first}
    bar = tqdm(learn(trainer, batch_size), total=steps, initial=trainer.step, **look)
    try:
        for step, losses in bar:
            if step % 20 == 0:
                bar.set_postfix({name: f"{value:.3f}" for name, value in losses.items()}, refresh=False)
    except KeyboardInterrupt:
        bar.close()
        print(f"Stopped after {trainer.step} steps; the same command goes on from there.")
    if first:
        averaged = trainer.averaged()
        task.finish(averaged)
        save_model(averaged, models, task.saved_as)
    return first
