"""Training: one loop for all networks, that can be stopped at any step and goes on from there.

`train` is a generator: it yields the losses after each step, so that a notebook can plot while it trains, and
it saves a checkpoint every few minutes. What each step learns from depends on the seed and the step alone, so
a run that was killed and resumed sees the same data as one that was not. The same code runs on a CPU, a GPU,
or, started by `accelerate launch`, on several machines. Lesson: 07_training_on_gtzan.
"""

import copy
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import broadcast, set_seed
from diffusers.training_utils import EMAModel

from noteninja_lib.errors import UserError, writing
from noteninja_lib.models import fast_bf16


def learning_rate(step: int, steps: int, peak: float, warmup: int = 100, decay: float = 0.3) -> float:
    """Rises linearly for `warmup` steps, stays, and falls to 5 % over the last `decay` share of the run."""
    return peak * min((step + 1) / warmup, 1.0, max(0.05, (steps - step) / max(1, decay * steps)))


def processes() -> PartialState:
    """This process among all that accelerate or torchrun started; without GPUs they talk to each other by
    gloo, where accelerate by itself would take each for a run of its own."""
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    return PartialState(cpu=several and not torch.cuda.is_available())


class Trainer:
    """Networks, optimizers and moving averages of one task, on whatever machine accelerate finds.

    Parameters
    ----------
    task : tasks.Task
        Has `networks` and `rates` (dicts), `main` (the network to be kept), `batch` and `update`.
    folder : path
        For checkpoints.
    steps : int
        Length of the run; the learning rate falls towards its end.
    ema : float
        Decay of the moving average of the main network's weights.
    """

    def __init__(self, task: Any, folder: str | Path, steps: int, ema: float = 0.999, seed: int = 0):
        self.task, self.folder, self.steps, self.seed, self.step = task, Path(folder), steps, seed, 0
        processes()
        self.losses: dict[str, float] = {}  # smoothed
        self.accelerator = Accelerator(mixed_precision="bf16" if fast_bf16() else "no")
        set_seed(seed)
        self.optimizers, options = {}, dict[str, Any](betas=(0.9, 0.99), weight_decay=0.01)
        for name, network in task.networks.items():
            network.train().to(memory_format=torch.channels_last)
            self.optimizers[name] = torch.optim.AdamW(network.parameters(), task.rates[name], **options)
        self.ema = EMAModel(task.networks[task.main].parameters(), decay=ema, use_ema_warmup=True, power=0.75)
        self.ema.to(self.accelerator.device)
        for parts in (task.networks, self.optimizers):
            parts |= {name: self.accelerator.prepare(part) for name, part in parts.items()}
        self.accelerator.register_for_checkpointing(self.ema, self)
        for name in ("checkpoint", "checkpoint.old"):  # the newest whole one
            if (self.folder / name).exists():
                self.accelerator.load_state(self.folder / name)
                break

    def state_dict(self) -> dict[str, Any]:
        """The number of steps done, and the losses, which accelerate saves with each checkpoint."""
        return {"step": self.step, "losses": self.losses}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's step."""
        self.step, self.losses = state["step"], state.get("losses", {})

    def save(self) -> None:
        """Save a checkpoint; the one before is given up only when the new one is whole."""
        self.accelerator.wait_for_everyone()
        fresh, current, old = (self.folder / f"checkpoint{ending}" for ending in (".new", "", ".old"))
        with writing(current):
            self.accelerator.save_state(fresh)
            self.accelerator.wait_for_everyone()  # each process has written its part
            if self.accelerator.is_main_process:
                if current.exists():  # else the old one is the only whole one
                    shutil.rmtree(old, ignore_errors=True)
                    current.rename(old)
                fresh.rename(current)
                shutil.rmtree(old, ignore_errors=True)

    def descend(self, loss: torch.Tensor, name: str) -> None:
        """One step of the named network's optimizer along the gradient of `loss`."""
        optimizer = self.optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.steps, self.task.rates[name])
        optimizer.zero_grad()
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.task.networks[name].parameters(), 1.0)
        optimizer.step()

    def averaged(self) -> torch.nn.Module:
        """A copy of the main network with its moving-average weights, on the CPU."""
        network = copy.deepcopy(self.accelerator.unwrap_model(self.task.networks[self.task.main]))
        self.ema.copy_to(network.parameters())
        return network.cpu().eval()


def train(trainer: Trainer, batch_size: int, save_minutes: float = 3.0) -> Iterator[tuple[int, dict]]:
    """Train to the end of the run; a generator of steps done and losses (dict of str to float).

    Parameters
    ----------
    trainer : Trainer
    batch_size : int
        Examples a step on each process.
    save_minutes : float
        Time between checkpoints.

    Raises
    ------
    UserError
        If the loss is no longer a number.
    """
    saved, device, task = time.monotonic(), trainer.accelerator.device, trainer.task
    try:
        while trainer.step < trainer.steps:
            rng = np.random.default_rng((trainer.seed, trainer.step, trainer.accelerator.process_index))
            torch.manual_seed(int(rng.integers(2**31)))
            batch = [torch.as_tensor(part).to(device) for part in task.batch(rng, batch_size)]
            losses = task.update(trainer, batch)
            if not np.isfinite(list(losses.values())).all():
                raise UserError(
                    "The loss is not a number any more: start again from the last checkpoint with a lower "
                    "learning rate."
                )
            trainer.ema.step(task.networks[task.main].parameters())
            trainer.step += 1
            for name, one in losses.items():
                trainer.losses[name] = 0.98 * trainer.losses.get(name, one) + 0.02 * float(one)
            late = torch.tensor(float(time.monotonic() - saved > 60 * save_minutes), device=device)
            if broadcast(late):  # of several processes, the first one's clock is right
                trainer.save()
                saved = time.monotonic()
            yield trainer.step, losses
    finally:
        trainer.save()
