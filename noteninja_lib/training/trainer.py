"""Training: one loop for all networks, that can be stopped at any step and goes on as if nothing had happened.

`train` is a generator: it yields the losses after each step, so that a notebook can plot while it trains, and it
saves a checkpoint every few minutes. What each step learns from depends on the seed and the step alone, so a run
that was killed and resumed sees the same data as one that was not. The same code runs on a CPU, a GPU, or, started
by `accelerate launch`, on several machines. Lesson: 07_training_on_gtzan.
"""

import shutil
import time
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, set_seed
from diffusers.training_utils import EMAModel

from noteninja_lib.errors import UserError


def precision():
    """'bf16' where the machine multiplies bf16 matrices in hardware, else 'no' (bf16 would be slower than fp32)."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "no"
    return "bf16" if torch.cpu._is_amx_tile_supported() else "no"


def learning_rate(step, steps, peak, warmup=100, decay=0.3):
    """Rises linearly for `warmup` steps, stays, and falls linearly to 5 % over the last `decay` share of the run."""
    return peak * min((step + 1) / warmup, 1.0, max(0.05, (steps - step) / max(1, decay * steps)))


class Progress:
    """The number of steps done, saved with each checkpoint."""

    def __init__(self):
        self.step = 0

    def state_dict(self):
        """For accelerate."""
        return {"step": self.step}

    def load_state_dict(self, state):
        """For accelerate."""
        self.step = state["step"]


class Trainer:
    """Networks, optimizers and moving averages of one task, on whatever machine accelerate finds.

    Parameters
    ----------
    task : object
        Has `networks` (dict of name to module), `rates` (dict of name to peak learning rate), `main` (name of the
        network to be kept), and `update(trainer, batch)` that returns a dict of losses; see `tasks`.
    folder : path
        For checkpoints.
    steps : int
        Length of the run; the learning rate falls towards its end.
    ema : float
        Decay of the moving average of the main network's weights.
    """

    def __init__(self, task, folder, steps, ema=0.999, seed=0):
        self.task, self.folder, self.steps, self.seed = task, Path(folder), steps, seed
        self.accelerator = Accelerator(mixed_precision=precision())
        set_seed(seed)
        for network in task.networks.values():
            network.train().to(memory_format=torch.channels_last)
        self.optimizers = {
            name: torch.optim.AdamW(
                network.parameters(), lr=task.rates[name], betas=(0.9, 0.99), weight_decay=0.01
            )
            for name, network in task.networks.items()
        }
        self.ema = EMAModel(task.networks[task.main].parameters(), decay=ema, use_ema_warmup=True, power=0.75)
        self.ema.to(self.accelerator.device)
        for name, network in task.networks.items():
            task.networks[name] = self.accelerator.prepare(network)
        self.optimizers = {
            name: self.accelerator.prepare(optimizer) for name, optimizer in self.optimizers.items()
        }
        self.progress = Progress()
        self.accelerator.register_for_checkpointing(self.ema, self.progress)
        self.resume()

    @property
    def step(self):
        """Steps done."""
        return self.progress.step

    def resume(self):
        """Load the newest whole checkpoint, if there is one."""
        for name in ("checkpoint", "checkpoint.old"):
            if (self.folder / name).exists():
                self.accelerator.load_state(self.folder / name)
                return

    def save(self):
        """Save a checkpoint; the one before is given up only when the new one is whole."""
        self.accelerator.wait_for_everyone()
        fresh, current, old = (
            self.folder / name for name in ("checkpoint.new", "checkpoint", "checkpoint.old")
        )
        self.accelerator.save_state(fresh)
        if self.accelerator.is_main_process:
            shutil.rmtree(old, ignore_errors=True)
            if current.exists():
                current.rename(old)
            fresh.rename(current)
            shutil.rmtree(old, ignore_errors=True)

    def descend(self, loss, *names):
        """One step of the named networks' optimizers along the gradient of `loss`."""
        for name in names:
            optimizer = self.optimizers[name]
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(self.step, self.steps, self.task.rates[name])
            optimizer.zero_grad()
        self.accelerator.backward(loss)
        for name in names:
            self.accelerator.clip_grad_norm_(self.task.networks[name].parameters(), 1.0)
            self.optimizers[name].step()

    def averaged(self):
        """The main network with its moving-average weights, on the CPU."""
        network = self.accelerator.unwrap_model(self.task.networks[self.task.main])
        self.ema.store(network.parameters())
        self.ema.copy_to(network.parameters())
        try:
            import copy

            return copy.deepcopy(network).cpu().eval()
        finally:
            self.ema.restore(network.parameters())


def train(trainer, batch_size, save_minutes=3.0):
    """Train to the end of the run; a generator of (step, losses).

    Parameters
    ----------
    trainer : Trainer
    batch_size : int
        Examples a step on each process.
    save_minutes : float
        Time between checkpoints.

    Yields
    ------
    (int, dict of str to float)
        Steps done, and the losses of this one.

    Raises
    ------
    UserError
        If the loss is no longer a number.
    """
    saved = time.monotonic()
    try:
        while trainer.step < trainer.steps:
            draw = np.random.default_rng((trainer.seed, trainer.step, trainer.accelerator.process_index))
            torch.manual_seed(int(draw.integers(2**31)))
            batch = [
                torch.as_tensor(part).to(trainer.accelerator.device)
                for part in trainer.task.batch(draw, batch_size)
            ]
            losses = trainer.task.update(trainer, batch)
            if not np.isfinite(list(losses.values())).all():
                raise UserError(
                    "The loss is not a number any more: start again from the last checkpoint with a lower learning rate."
                )
            trainer.ema.step(trainer.task.networks[trainer.task.main].parameters())
            trainer.progress.step += 1
            late = torch.tensor(
                float(time.monotonic() - saved > 60 * save_minutes), device=trainer.accelerator.device
            )
            if broadcast(late):  # of several processes, the first one's clock is right
                trainer.save()
                saved = time.monotonic()
            yield trainer.step, losses
    finally:
        trainer.save()


def make_task(network, data, steps, models, again):
    """The task of a network by name, with the trained networks that it builds upon.

    `data` is a folder of either kind of data set, or None; see `dataset.open_dataset`. Of GTZAN the training part is
    used, and of the band's sets all clips whose tunes are for training.
    """
    from noteninja_lib.datasets import open_dataset
    from noteninja_lib.models.checkpoints import load_model
    from noteninja_lib.models.classifiers import MelodyExtractor
    from noteninja_lib.models.vae import MelAutoencoder
    from noteninja_lib.omr.page_maker import StaffImages
    from noteninja_lib.training import TASKS

    if network not in TASKS:
        raise UserError(f"There is no network called {network}: choose from {', '.join(TASKS)}.")
    kind, model = TASKS[network]
    options = {}
    if again:
        name = getattr(
            kind, "saved_as", None
        )  # the regression rival begins from the denoiser if it is not there yet
        name = name if name and (models / name).exists() else None
        options["start"] = load_model(model, models, name).requires_grad_(True)
    if network in ("autoencoder", "vocoder"):
        options["steps"] = steps
    if network == "vocoder" and (models / "vae").exists():
        options["vae"] = load_model(MelAutoencoder, models)
    if network in ("diffusion", "regression"):
        options |= {"vae": load_model(MelAutoencoder, models), "lead": load_model(MelodyExtractor, models)}
    if network == "reader":
        if data is None:
            raise UserError(
                "The reader learns from engraved lines: make some with `noteninja dataset engrave FOLDER`, and give --data FOLDER."
            )
        return kind(StaffImages(data), **options)
    data = open_dataset(data)
    numbers = data.training()
    if not numbers:
        raise UserError(
            f"{data.root} holds nothing to train on: no recording of it belongs to the training part."
        )
    return kind(data.part(numbers), **options)


def run_training(
    network, data, run, steps, batch_size, seed=0, ema=0.999, models=None, again=False, threads=0
):
    """Train with a progress bar and a log, and save the averaged weights at the end or when stopped.

    Returns
    -------
    bool
        Whether this process is the one that saved them: of several that accelerate started, the first.
    """
    import json
    import signal

    from tqdm import tqdm

    from noteninja_lib.models.checkpoints import models_folder, save_model

    for ending in (signal.SIGINT, signal.SIGTERM):  # both end a run in order, with a checkpoint
        signal.signal(ending, signal.default_int_handler)
    if threads:
        torch.set_num_threads(threads)
    models = Path(models) if models else models_folder()
    Path(run).mkdir(parents=True, exist_ok=True)
    trainer = Trainer(make_task(network, data, steps, models, again), run, steps, ema, seed)
    first = trainer.accelerator.is_main_process  # one bar, one log
    bar = tqdm(
        train(trainer, batch_size),
        total=steps,
        initial=trainer.step,
        dynamic_ncols=True,
        unit=" steps",
        disable=not first,
    )
    smooth, began = {}, time.monotonic()
    try:
        with open(Path(run) / "log.jsonl", "a", encoding="utf-8") as log:
            for step, losses in bar:
                smooth = {
                    name: 0.98 * smooth.get(name, value) + 0.02 * value for name, value in losses.items()
                }
                if step % 20 == 0 and first:
                    log.write(
                        json.dumps({"step": step, "seconds": round(time.monotonic() - began), **smooth})
                        + "\n"
                    )
                    log.flush()
                    bar.set_postfix({name: f"{value:.3f}" for name, value in smooth.items()}, refresh=False)
    except KeyboardInterrupt:
        bar.close()
        print(f"Stopped after {trainer.step} steps; the same command goes on from there.")
    if first:
        network = trainer.averaged()
        if hasattr(trainer.task, "finish"):
            trainer.task.finish(network)
        save_model(network, models, getattr(trainer.task, "saved_as", None))
    return first
