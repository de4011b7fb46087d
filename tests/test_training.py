"""The data set, the tasks and the training loop, on a handful of short clips."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch

from noteninja_lib.arranger.recipe import GENRES, style_vector
from noteninja_lib.audio.spectrogram import mel_frequencies
from noteninja_lib.datasets import SyntheticSet, build
from noteninja_lib.datasets.base import Sounds, StereoSounds, unpack
from noteninja_lib.errors import UserError
from noteninja_lib.models.checkpoints import models_folder
from noteninja_lib.models.classifiers import MelodyExtractor
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.models.vae import MelAutoencoder
from noteninja_lib.training import TASKS, make_task
from noteninja_lib.training.diffusion import DiffusionTask, DistillationTask, RegressionTask, draw_jumps
from noteninja_lib.training.tasks import (
    AutoencoderTask,
    GenreClassifierTask,
    MelodyTask,
    VocoderTask,
    compressed_spectrum,
    middle_and_side,
)
from noteninja_lib.training.trainer import Trainer, train

SECONDS, VERSIONS = 5.0, 2


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two tunes in two genres each."""
    folder = tmp_path_factory.mktemp("band")
    assert list(build(folder, 4 * SECONDS / 3600, seconds=SECONDS, versions=VERSIONS))[-1] == (2, 2)
    return SyntheticSet(folder)


def test_layout_and_manifest_are_as_promised(data):
    assert len(data) == 4
    for number, clip in enumerate(data.index):
        assert clip.file == f"genres/{clip.genre}/{clip.genre}.{clip.group:05d}.wav"
        audio = data.audio(number)
        assert len(audio) % 1024 == 0 and 0.05 < np.abs(audio).max() <= 1
        assert clip.melody and all(0 <= start < end <= SECONDS + 2 for start, end, _ in clip.melody)
    first, second = data.index[:2]
    assert first.group == second.group and first.tempo == second.tempo and first.genre != second.genre


def test_what_was_heard_is_kept_and_contains_the_tune(data):
    notes, rhythm = unpack(data.heard(0))
    assert (
        notes.shape[:2] == (2, 88) and rhythm.shape[0] == 5 and notes.shape[-1] == len(data.audio(0)) // 256
    )
    assert notes.max() <= 1 and np.abs(rhythm).max() <= 1.01
    assert (data.root / "heard").exists()
    found = [
        notes[1, pitch - 21, round((start + end) / 2 * 86.13)] > 0.3
        for start, end, pitch in data.index[0].melody
        if end < SECONDS - 0.1 and 21 <= pitch < 109
    ]
    assert np.mean(found) > 0.5


def test_no_data_set_is_told_in_one_sentence(tmp_path):
    with pytest.raises(UserError, match="noteninja dataset build"):
        SyntheticSet(tmp_path)


def test_style_vector_mixes_genres():
    assert style_vector("jazz").tolist() == [float(genre == "jazz") for genre in GENRES] + [0, 0]
    mixed = style_vector({"jazz": 1, "rock": 3}, valence=-0.5)
    assert mixed[GENRES.index("rock")] == 0.75 and mixed[GENRES.index("jazz")] == 0.25 and mixed[-2] == -0.5
    with pytest.raises(UserError, match="blues, classical"):
        style_vector("polka")
    with pytest.raises(UserError, match="positive"):
        style_vector({"jazz": 0})


def small_tasks(data):
    vae = MelAutoencoder(width=16, layers=1).eval()
    unet = Denoiser(tuple(map(float, mel_frequencies())), (16, 16, 32), 1, 8)
    return {
        "autoencoder": AutoencoderTask(data, 2, start=MelAutoencoder(width=16, layers=1)),
        "vocoder": VocoderTask(data, 2, vae=vae),
        "lead": MelodyTask(data),
        "judge": GenreClassifierTask(data),
        "diffusion": DiffusionTask(data, vae, MelodyExtractor().eval(), start=unet),
        "distillation": DistillationTask(data, vae, MelodyExtractor().eval(), start=unet),
        "regression": RegressionTask(data, vae, MelodyExtractor().eval(), start=unet),
    }


EACH = ["autoencoder", "vocoder", "lead", "judge", "diffusion", "distillation", "regression"]


@pytest.mark.parametrize("name", EACH)
def test_each_task_trains_a_step_and_changes_its_network(data, tmp_path, name):
    task = small_tasks(data)[name]
    before = {key: value.clone() for key, value in task.networks[task.main].state_dict().items()}
    trainer = Trainer(task, tmp_path, steps=2)
    losses = [losses for _, losses in train(trainer, batch_size=2)]
    assert len(losses) == 2 and all(np.isfinite(value) for loss in losses for value in loss.values())
    after = trainer.averaged().state_dict()
    assert any(not torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("word", [word for word in TASKS if word not in ("reader", "marks")])
def test_each_word_of_the_command_line_gives_its_task(data, word):
    for again in (False, True):
        task = make_task(word, data.root, 2, models_folder(), again)
        assert type(task) is TASKS[word] and isinstance(task.networks[task.main], task.model)
    with pytest.raises(UserError, match="lead, chords, judge"):
        make_task("poet", data.root, 2, models_folder())


def test_distillation_keeps_what_the_denoiser_knew_and_only_adds_jumps(data):
    old = Denoiser(tuple(map(float, mel_frequencies())), (16, 16, 32), 1, 8)
    task = DistillationTask(data, MelAutoencoder(width=16, layers=1).eval(), MelodyExtractor().eval(), old)
    network = task.networks["unet"]
    assert network.config.jumps and not old.config.jumps
    assert all(torch.equal(network.state_dict()[name], value) for name, value in old.state_dict().items())
    again = DistillationTask(data, task.vae, task.melody, network)
    assert again.networks["unet"] is network
    latents, rolls, styles = task.batch(np.random.default_rng(0), 10)
    assert latents.shape == (10, 8, 24, 64) and rolls.shape == (10, 357, 256)
    assert (styles[4:, :-2].sum(1) == 1).all() and rolls[4:].any((1, 2)).all()  # of jumps nothing is dropped
    assert task.drop_content == 0.15 and task.drop_style == 0.1


def test_small_steps_are_eulers_and_guided_in_the_interval_alone(data):
    """With a teacher whose velocity is known: what is asked is 1, and 3 without style."""

    class Teacher:
        def content(self, rolls):
            return torch.zeros(len(rolls), 8, 24, 4)

        def __call__(self, latents, time, content, style):
            return torch.where(style.any(1)[:, None, None, None], 1.0, 3.0).repeat(1, *latents.shape[1:])

    task = object.__new__(DistillationTask)
    task.teacher = Teacher()
    start, style = torch.zeros(3, 8, 24, 4), torch.eye(12)[:3]
    time, until, scale = (
        torch.tensor([1.0, 1.0, 0.5]),
        torch.tensor([0.6, 0.6, 0.0]),
        torch.tensor([1.0, 2, 2]),
    )
    content = torch.zeros(3, 8, 24, 4)
    end = task.small_steps(start, time, until, scale, content, style)
    # Guided by 2 the velocity is 3 + 2 (1 - 3) = -1; below .55 it is not guided.
    torch.testing.assert_close(end[:, 0, 0, 0], torch.tensor([-0.4, 0.4, -0.5]))


def test_a_run_that_goes_on_has_the_teacher_that_it_began_with(data, tmp_path):
    """When it was stopped, its own weights took the teacher's place among the networks."""
    unet = Denoiser(tuple(map(float, mel_frequencies())), (16, 16, 32), 1, 8)
    vae, melody = MelAutoencoder(width=16, layers=1).eval(), MelodyExtractor().eval()
    first = DistillationTask(data, vae, melody, unet)
    losses = [loss for _, loss in train(Trainer(first, tmp_path, steps=2), batch_size=3)]
    assert losses[0]["plain"] < 1e-4  # the bits that half precision takes: it is still the same network
    second = DistillationTask(data, vae, melody, first.networks["unet"])
    assert len(list(train(Trainer(second, tmp_path, steps=3), batch_size=3))) == 1
    kept, began = second.teacher.state_dict(), unet.state_dict()
    assert all(torch.allclose(kept[name], value, atol=1e-3, rtol=1e-3) for name, value in began.items())


def test_jumps_lead_back_in_time_and_most_are_those_of_two_steps():
    torch.manual_seed(0)
    time, until, scale = draw_jumps(4000)
    assert (until >= 0).all() and (time - until >= 0.0199).all() and time.max() == 1 and time.min() >= 0.1
    assert scale.min() == 1 and scale.max() <= 4 and 0.4 < (scale == 2).float().mean() < 0.6
    for begin, end, least in ((1.0, 0.5, 0.2), (0.5, 0.0, 0.15)):
        assert ((time == begin) & (until == end)).float().mean() > least


def test_the_vocoder_sees_the_middle_of_what_it_is_to_make(data):
    task = small_tasks(data)["vocoder"]
    stereo, mono = task.batch(np.random.default_rng(0), 3)
    assert stereo.shape == (3, 2, 64 * 512) and mono.shape == (3, 64 * 256)
    halves = soxr.resample(stereo.mean(1).T, 44100, 22050).T
    assert np.abs(halves - mono)[:, 500:-500].max() < 0.01  # but for rounding to 16 bits
    sound = torch.from_numpy(stereo)
    middle, side = middle_and_side(sound).unbind(1)
    torch.testing.assert_close(torch.stack([middle + side, middle - side], 1), sound)
    assert compressed_spectrum(sound, 512).shape == (3, 4, 257, 64 * 512 // 128 + 1)
    alike = small_tasks(data)["vocoder"].sounds.excerpt(np.random.default_rng(0), 3, 64)
    assert all(np.array_equal(one, other) for one, other in zip(alike, (stereo, mono)))


def test_a_trained_autoencoder_keeps_its_latents(data, tmp_path):
    task = small_tasks(data)["autoencoder"]
    mel = torch.randn(1, 96, 64) - 4
    vae = task.networks["vae"]
    with torch.no_grad():
        latents, decoded = vae.encode(mel), vae.decode(vae.encode(mel))
    trainer = Trainer(task, tmp_path, steps=2, ema=0.0)
    assert len(list(train(trainer, batch_size=2))) == 2
    after = trainer.averaged()
    with torch.no_grad():
        assert torch.allclose(after.encode(mel), latents, atol=1e-5) and not torch.allclose(
            after.decode(latents), decoded, atol=1e-5
        )


def test_only_what_was_listened_to_is_heard_as_a_source(data, monkeypatch):
    monkeypatch.setattr(type(data), "is_heard", lambda self, number: number == 0)
    heard = []
    monkeypatch.setattr(
        type(data), "heard", lambda self, number: heard.append(number) or np.full((181, 400), 128, np.uint8)
    )
    task = DiffusionTask(data, MelAutoencoder(width=16, layers=1).eval(), MelodyExtractor().eval())
    task.batch(np.random.default_rng(0), 20)
    assert set(heard) == {0} and {source for source, _ in task.pairs} > {0}


def test_a_killed_run_resumes_with_nothing_lost(data, tmp_path):
    def losses(folder, first, then):
        seen = []
        for count in (first, then):
            torch.manual_seed(0)
            trainer = Trainer(MelodyTask(data), folder, steps=6)
            steps = train(trainer, batch_size=2)
            seen += [(step, loss["cross_entropy"]) for step, loss in islice(steps, count)]
            steps.close()
        return seen

    whole, halves = losses(tmp_path / "whole", 6, 0), losses(tmp_path / "halves", 3, 3)
    assert [step for step, _ in halves] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose([loss for _, loss in whole], [loss for _, loss in halves], rtol=1e-5)


ONE_OF_TWO = """
import os, sys
from test_training import LineTask
from noteninja_lib.training.trainer import Trainer, train
trainer = Trainer(LineTask(), sys.argv[1], 120)
assert trainer.accelerator.num_processes == 2
for step, losses in train(trainer, 8):
    if step == 50:
        trainer.save()
    if step == 60 and trainer.accelerator.process_index == 1:
        os.kill(os.getpid(), 9)
"""


class LineTask:
    """A line through noisy points."""

    main = "line"

    def __init__(self):
        line = torch.nn.Linear(1, 1)
        torch.nn.init.zeros_(line.weight)
        self.networks, self.rates = {"line": line}, {"line": 0.1}

    def batch(self, rng, size):
        x = rng.standard_normal((size, 1)).astype(np.float32)
        return [x, 3 * x + 0.1 * rng.standard_normal((size, 1)).astype(np.float32)]

    def update(self, trainer, batch):
        loss = (trainer.task.networks["line"](batch[0]) - batch[1]).square().mean()
        trainer.descend(loss, "line")
        return {"mse": loss.item()}


@pytest.mark.skipif(sys.platform == "win32", reason="signal 9 is no signal there")
def test_two_processes_of_which_one_is_killed_go_on_as_one(tmp_path):
    (tmp_path / "one_of_two.py").write_text(ONE_OF_TWO)
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    where = {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, *launch, str(tmp_path / "one_of_two.py"), str(tmp_path / "run")]
    ended = subprocess.run(command, env=os.environ | where, capture_output=True, text=True, timeout=300)
    assert ended.returncode and "Signal 9" in ended.stderr
    trainer = Trainer(LineTask(), tmp_path / "run", 120)
    begun = trainer.step
    assert begun == 50
    broken = [loss["mse"] for _, loss in train(trainer, 16)]
    whole = [loss["mse"] for _, loss in train(Trainer(LineTask(), tmp_path / "whole", 120), 16)]
    assert len(broken) == 120 - begun and whole[0] > 3
    assert max(broken) < 2 * max(whole[begun:]), "what was learned is lost"
    assert np.mean(broken[-20:]) == pytest.approx(np.mean(whole[-20:]), rel=0.3)


def test_a_handful_can_be_learned_by_heart(data, tmp_path):
    trainer = Trainer(GenreClassifierTask(data), tmp_path, steps=25)
    losses = [loss["cross_entropy"] for _, loss in train(trainer, batch_size=8)]
    assert np.mean(losses[-3:]) < 0.7 * np.mean(losses[:3])


def test_excerpts_of_short_recordings_are_refused_or_slowed_to_fit(data):
    sounds = Sounds(data)
    shortest = min(map(len, sounds.samples))
    fitting, _ = sounds.excerpt(np.random.default_rng(0), 8, shortest // 256, speed=0.06)
    assert fitting.shape == (8, shortest // 256 * 256) and np.abs(fitting).max(1).min() > 0
    with pytest.raises(UserError, match="shorter than"):
        sounds.excerpt(np.random.default_rng(0), 2, shortest // 256 + 8)
    with pytest.raises(UserError, match="shorter than"):
        StereoSounds(data).excerpt(np.random.default_rng(0), 2, shortest // 256 + 8)


def test_the_judge_learns_from_all_that_it_is_given(data):
    task = GenreClassifierTask(data)
    assert len(task.labels[0]) == len(task.sounds.samples) == len(data)
    first, second = (task.batch(np.random.default_rng(7), 4) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second))
