"""The live curve, the example to look at, and the bench for learning rates, on a network that learns in no
time."""

from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from noteninja_lib.lessons import lesson_07


class LineTask:
    """A straight line through points: one weight, the smallest thing that can be trained."""

    main = "line"

    def __init__(self):
        torch.manual_seed(0)
        self.networks, self.rates = {"line": torch.nn.Linear(1, 1)}, {"line": 0.5}

    def batch(self, rng, size):
        x = rng.standard_normal((size, 1)).astype(np.float32)
        return [x, 3 * x]

    def update(self, trainer, batch):
        loss = (self.networks["line"](batch[0]) - batch[1]).square().mean()
        trainer.descend(loss, "line")
        return {"mse": loss.item()}


@pytest.fixture
def shown(monkeypatch):
    """What would be shown in a notebook: the first picture, and what replaced it."""
    pictures = []
    monkeypatch.setattr(
        lesson_07,
        "display",
        lambda picture, display_id: pictures.append(picture) or SimpleNamespace(update=pictures.append),
    )
    return pictures


def test_smoothing_keeps_a_constant_and_calms_noise():
    assert np.allclose(lesson_07.smooth([2.0] * 5), 2)
    noisy = np.random.default_rng(0).standard_normal(300)
    assert lesson_07.smooth(noisy, 0.9)[50:].std() < 0.5 * noisy.std()
    assert lesson_07.smooth([0.0, 1.0], 0.5).tolist() == pytest.approx([0, 2 / 3])


def test_the_curve_passes_everything_on_and_is_drawn_anew(shown, monkeypatch):
    monkeypatch.setattr(lesson_07, "PAUSE", 0.0)
    curve = lesson_07.LiveCurve(4)
    steps = [(step, {"mse": 1.0 / step, "other": 9.0}) for step in (1, 2, 3)]
    assert list(curve.watch(steps)) == steps
    assert curve.losses == {1: 1.0, 2: 0.5, 3: 1 / 3}
    assert len(shown) == 5 and all(picture.data.startswith(b"\x89PNG") for picture in shown)
    assert shown[0].data != shown[-1].data


def test_a_curve_that_is_left_early_shows_what_came_in(shown):
    curve = lesson_07.LiveCurve(10)
    for step, _ in curve.watch((step, {"mse": 1.0}) for step in range(1, 11)):
        if step == 3:
            break
    curve.mark(3, torch.tensor(0.5))
    assert list(curve.losses) == [1, 2, 3] and curve.validation == {3: 0.5} and len(shown) == 2


def test_an_example_is_the_same_at_each_look():
    vae = SimpleNamespace(decode=lambda latents: latents.reshape(1, 8, -1))
    task = SimpleNamespace(
        batch=lambda rng, size: [
            rng.standard_normal(shape).astype(np.float32) for shape in ((1, 8, 2, 4), (1, 357, 16), (1, 12))
        ]
    )
    example = lesson_07.Example(task, SimpleNamespace(vae=vae))
    # the velocity that leads there
    towards = lambda noisy, time, picture, style: (noisy - example.latents) / time  # noqa: E731
    assert example.likeness(example.sample(towards)) == pytest.approx(1, abs=1e-5)
    nowhere = [example.sample(lambda noisy, *told: 0 * noisy) for _ in range(2)]
    assert torch.equal(*nowhere) and abs(example.likeness(nowhere[0])) < 0.5


def test_the_curve_follows_a_true_run(shown, tmp_path):
    from noteninja_lib.training.trainer import Trainer, train

    curve, run = lesson_07.LiveCurve(30), train(Trainer(LineTask(), tmp_path, 30), 8)
    first = list(islice(curve.watch(run), 10))
    assert [step for step, _ in first] == list(range(1, 11)) == list(curve.losses)
    list(curve.watch(run))
    assert list(curve.losses) == list(range(1, 31)) and curve.losses[30] < curve.losses[1]
