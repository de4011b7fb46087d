"""What the denoiser learns, and from what: pairs of the arranger, and records. Lesson: 07_training_on_gtzan.

Of a record there is no other version: content and sound would always come from the same recording, and the
network would take the genre from the notes and not listen to the style. So the converter, as it is, makes
versions: the record in other genres, whose notes are heard again. From these notes, and the record's genre as
style, the network learns to come back to the record's own sound. Translators, who call this back-translation,
learned so from texts without translations.

References
----------
Sennrich, Haddow and Birch 2016, arXiv 1511.06709; Lample et al. 2018, arXiv 1711.00043.
"""

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from noteninja_lib import fast_mode
from noteninja_lib.arranger.recipe import GENRES, style_vector
from noteninja_lib.audio.augmentation import change_speed
from noteninja_lib.audio.io import mono
from noteninja_lib.audio.spectrogram import HOP_LENGTH, PITCHES, log_mel_tensor, mel_frequencies
from noteninja_lib.datasets.base import WHOLE, DataSet, as_stored, unpack
from noteninja_lib.errors import UserError, make_folder, whole
from noteninja_lib.models.checkpoints import load_model, save_model, with_adapter
from noteninja_lib.models.classifiers import MelodyExtractor
from noteninja_lib.models.flow_matching import add_noise, encode, sample_times, velocity
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.models.vae import MelAutoencoder
from noteninja_lib.music.beats import beat_phase
from noteninja_lib.music.piano_roll import draw_notes
from noteninja_lib.source import hear, read_source
from noteninja_lib.training.tasks import Batch, Loss, Task
from noteninja_lib.training.trainer import Trainer

SHIFTS = (-2, -1, 0, 1, 2)  # semitones by which each record is played faster or slower
OTHERS = 3  # other genres in which each record is played
SHORTEST = 8.0  # seconds of a record, so that the fastest of it fills an example


def faster(audio: np.ndarray, semitones: float) -> np.ndarray:
    """A recording (samples,) played faster, and so higher; whole frames of the latents."""
    speed = 2 ** (semitones / 12)
    length = int(len(audio) / speed) // WHOLE * WHOLE
    return change_speed([audio], np.array([speed]), length)[0]


class Versions:
    """Versions of records, made by a converter, and examples of them.

    Parameters
    ----------
    data : DataSet
        Recordings with genres. What is learned from each is kept beside them, in `heard/`.
    """

    def __init__(self, data: DataSet):
        self.data, self.layers = data, cache(self.layers)
        genres = sorted(set(data.labels))
        self.by_genre = [[n for n, label in enumerate(data.labels) if label == one] for one in genres]

    def path(self, number: int) -> Path:
        """Where a record's versions are kept."""
        heard = self.data.kept(number)
        return heard.with_name(f"{heard.stem}.versions.npz")

    @torch.no_grad()
    def make(self, number: int, pipe: Any, seed: int = 0) -> None:
        """Hear a record, play it in other genres and hear these, unless that was done before.

        A singer is taken out of it: the band learns to play without one. Who only speaks belongs to the band:
        there is no hip-hop without rap.
        """
        path = self.path(number)
        if path.exists():
            return
        source, rng = read_source(self.data.audio(number)), np.random.default_rng((seed, number))
        rolls, others = [source.backing], [one for one in GENRES if one != self.data.labels[number]]
        for genre in rng.choice(others, 1 if fast_mode() else OTHERS, replace=False):
            generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
            made = pipe(source.audio, str(genre), voice="off", generator=generator)
            rolls.append(hear(mono(made.audio)))
        band = source.band if source.voice and source.voice.notes else source.whole
        frames = min(roll.frames for roll in rolls)
        layers = {"rolls": np.stack([as_stored(roll[:frames]) for roll in rolls])}
        for shift in SHIFTS:
            sound = faster(band[: frames * HOP_LENGTH], shift)
            layers[f"latents{shift}"] = encode(pipe.vae, sound)[0].half().numpy()
        make_folder(path.parent)
        with whole(path) as fresh, open(fresh, "wb") as file:
            np.savez_compressed(file, **layers)

    def layers(self, number: int) -> dict[str, np.ndarray]:
        """What `make` kept: "rolls" (versions, 357, frames), its own first, and "latents" by shift."""
        with np.load(self.path(number)) as found:
            return dict(found)

    def examples(self, rng: np.random.Generator, size: int, frames: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Latents (8, rows, frames / 4), piano rolls (357, frames) and styles (12,); each genre as often."""
        for _ in range(size):
            numbers = self.by_genre[rng.integers(len(self.by_genre))]
            number, shift = int(rng.choice(numbers)), int(rng.choice(SHIFTS))
            layers, width = self.layers(number), frames // 4
            latents, version = layers[f"latents{shift}"], int(rng.integers(len(layers["rolls"])))
            first = int(rng.integers(latents.shape[-1] - width + 1))
            roll = thinned(
                played_faster(layers["rolls"][version], 4 * first, frames, shift), rng, version == 0
            )
            genre = self.data.labels[number]
            yield latents[..., first : first + width], roll, style_vector(genre) if genre else None


def played_faster(roll: np.ndarray, start: int, frames: int, semitones: int) -> np.ndarray:
    """Some frames of a piano roll (357, all; uint8) as if it were played faster; float32, (357, frames)."""
    places = np.rint((start + np.arange(frames)) * 2 ** (semitones / 12)).astype(int)
    part = roll[:, np.minimum(places, roll.shape[1] - 1)].astype(np.float32)
    notes, rhythm = part[: 4 * PITCHES].reshape(4, PITCHES, frames) / 255, (part[4 * PITCHES :] - 128) / 127
    moved = np.zeros_like(notes)
    up, down = max(semitones, 0), max(-semitones, 0)
    moved[:, up : PITCHES - down] = notes[:, down : PITCHES - up]
    return np.concatenate([moved.reshape(-1, frames), rhythm])


def thinned(roll: np.ndarray, rng: np.random.Generator, own: bool) -> np.ndarray:
    """A piano roll (357, frames), changed in place, without some of what gives its genre away.

    The tune and the beat stay; of the other notes a range of pitches may be missing, and the strokes. In a
    record's `own` roll these always are.
    """
    tune, notes = roll[: 4 * PITCHES].reshape(2, 2, PITCHES, -1)
    if own or rng.random() < 0.3:
        roll[4 * PITCHES : 4 * PITCHES + 3] = 0
    if rng.random() < (0.7 if own else 0.3):
        low = int(rng.integers(PITCHES))
        gone = slice(low, low + int(rng.integers(12, 60)))
        notes[:, gone] = tune[:, gone]
    return roll


def marked(start: Denoiser) -> Denoiser:
    """A copy of a denoiser whose style vector has one more entry, which means nothing yet."""
    network = Denoiser(**(dict(start.config) | {"style_size": start.config.style_size + 1}))
    weights = start.state_dict()
    weights["style.0.weight"] = F.pad(weights["style.0.weight"], (0, 1))
    network.load_state_dict(weights)
    return network


class DiffusionTask(Task):
    """Velocity of the flow, on pairs: the piano roll heard in one genre, latents of the same bars in another.

    Real recordings have no other version and no score: their notes are heard in themselves, and only there.
    Each recording is read, heard and encoded when it is first drawn. If some have been listened to ahead
    (`hear_all`), only those are heard as sources; the notes of the others are known from the score.

    Parameters
    ----------
    vae, melody
        Trained; they turn the recordings into latents and what was heard into the tune.
    drop_content, drop_style
        How often the network sees zeros in place of piano roll or style, which guidance needs.
    score
        How often the piano roll is drawn from the known notes, as sheet music and MIDI will give it.
    records, share
        Records, and how many of the examples are theirs. A last entry of the style vector then tells which
        are not, so that without it a genre sounds as on the records; it is taken out again at the end.
    """

    model, main, rate, frames = Denoiser, "unet", 6e-4, 256
    marks = True  # which examples are not the records'

    def __init__(
        self,
        data: DataSet,
        vae: MelAutoencoder,
        melody: MelodyExtractor,
        start: Denoiser | None = None,
        drop_content: float = 0.15,
        drop_style: float = 0.1,
        score: float = 0.3,
        records: Versions | None = None,
        share: float = 0.5,
    ):
        network = start or Denoiser(tuple(map(float, mel_frequencies())), style_size=len(GENRES) + 2)
        super().__init__(data, marked(network) if records and self.marks else network)
        self.records, self.share = records, share if records else 0.0
        if start:  # it knows much already
            self.rates[self.main] = self.rate / 3
        self.vae, self.melody, self.pairs = vae, melody, data.pairs()
        if not self.pairs:
            raise UserError(
                "Somebody sings in all that could be learned from, and the converter leaves that to singers: "
                "build a set with a smaller share, such as `noteninja dataset build --sung 0.5`."
            )
        self.drop_content, self.drop_style = drop_content, drop_style
        self.score = score if data.has_scores else 0.0
        heard = [data.is_heard(number) for number in range(len(data))]
        self.heard_pairs = [pair for pair in self.pairs if heard[pair[0]]] or self.pairs
        self.latents, self.heard = cache(self.latents), cache(self.heard)  # each recording once

    @torch.no_grad()
    def latents(self, number: int) -> np.ndarray:
        """Latents (8, rows, frames / 4) of a recording, in half precision."""
        mel = log_mel_tensor(torch.from_numpy(self.data.audio(number)))
        return self.vae.encode(mel[None])[0].half().numpy()

    @torch.no_grad()
    def heard(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """What is heard in a recording: the tune (2, 88, frames; 0..255), and everything (181, frames)."""
        heard, sung = self.data.heard(number), self.data.sung(number)
        if sung is not None:
            return sung, heard
        notes = torch.from_numpy(unpack(heard)[0].astype(np.float32))
        return (self.melody(notes[None])[0].sigmoid() * 255).round().to(torch.uint8).numpy(), heard

    def piano_roll(self, number: int, start: int, rng: np.random.Generator, by_score: bool) -> np.ndarray:
        """Piano roll (357, frames) of a clip from frame `start`, heard or drawn from its notes."""
        end = start + self.frames
        if by_score:
            clip, rhythm = self.data.index[number], np.zeros((5, self.frames))
            melody = draw_notes(clip.notes(), end)[..., start:]
            others = draw_notes(clip.notes("others"), end)[..., start:] if rng.random() < 0.7 else 0
            notes = np.maximum(melody, others)
            rhythm[3:] = beat_phase(np.asarray(clip.beats), end)[:, start:]
        else:
            melody, heard = self.heard(number)
            melody = melody[..., start:end] / 255
            notes, rhythm = unpack(heard[:, start:end].astype(np.float32))
        return np.concatenate([*melody, *notes, rhythm])

    def examples(self, rng: np.random.Generator, size: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Latents (8, rows, 64), piano rolls (357, 256) and styles (12,), or (13,) where they are marked."""
        count = int(rng.binomial(size, self.share))
        mark = self.networks[self.main].config.style_size - len(GENRES) - 2
        found = [(one, 1.0) for one in self.of_pairs(rng, size - count)]
        if self.records:
            found += [(one, 0.0) for one in self.records.examples(rng, count, self.frames)]
        for (latents, roll, style), own in found:
            style = np.append(style, [own] * mark) * (rng.random() >= self.drop_style)
            yield latents, roll * (rng.random() >= self.drop_content), style

    def of_pairs(self, rng: np.random.Generator, size: int) -> Iterator[tuple[np.ndarray, ...]]:
        """The same of the data set's pairs, unmarked, and with nothing dropped."""
        for _ in range(size):
            by_score = rng.random() < self.score
            pairs = self.pairs if by_score else self.heard_pairs
            source, target = pairs[rng.integers(len(pairs))]
            latents, width = self.latents(target), self.frames // 4
            length = latents.shape[-1]
            if not by_score:
                length = min(length, self.heard(source)[1].shape[-1] // 4)
            first = int(rng.integers(length - width + 1))
            roll = self.piano_roll(source, 4 * first, rng, by_score)
            yield latents[..., first : first + width], roll, self.data.index[target].style()

    def noise(self, clean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise of the latents' shape, and times between 0 (music) and 1 (noise)."""
        return torch.randn_like(clean), sample_times(len(clean)).to(clean.device)

    def loss(self, trainer: Trainer, batch: Batch) -> Loss:
        """Mean squared error of the velocity."""
        clean, roll, style = batch
        noise, time = self.noise(clean)
        predicted = self.networks["unet"](add_noise(clean, noise, time), time, roll, style)
        loss = F.mse_loss(predicted.float(), velocity(clean, noise))
        return loss, {"mse": loss}

    def finish(self, network: Denoiser) -> None:
        """Take the mark out again: without it the network plays as on the records."""
        first = network.style[0]
        if first.in_features > len(GENRES) + 2:
            narrow = nn.Linear(len(GENRES) + 2, first.out_features)
            narrow.load_state_dict({"weight": first.weight[:, : len(GENRES) + 2], "bias": first.bias})
            network.style[0] = narrow
            network.register_to_config(style_size=narrow.in_features)


class AdapterTask(DiffusionTask):
    """An adapter of the denoiser learns one style, from records alone; all other styles stay as they are.

    Parameters
    ----------
    records : Versions
    start : Denoiser
    style : numpy.ndarray, shape (12,)
        What the adapted network is asked for: of what it knows, what comes nearest.
    rank : int
        Of the adapter.
    """

    rate = 1e-3

    def __init__(self, records: Versions, start: Denoiser, style: np.ndarray, rank: int = 8):
        Task.__init__(self, records.data, with_adapter(start, rank, "unet"))
        self.records, self.share, self.style = records, 1.0, style.astype(np.float32)
        self.drop_content, self.drop_style = 0.15, 0.1

    def examples(self, rng: np.random.Generator, size: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Latents (8, rows, 64), piano rolls (357, 256) and styles (12,)."""
        for latents, roll, _ in self.records.examples(rng, size, self.frames):
            roll = roll * (rng.random() >= self.drop_content)
            yield latents, roll, self.style * (rng.random() >= self.drop_style)


class RegressionTask(DiffusionTask):
    """The baseline without diffusion: the network predicts the latents at once, from piano roll and style.

    What it answers is the mean of all recordings that would fit, which is why its spectrograms are blurred.
    """

    saved_as = "regression"

    def noise(self, clean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Zeros, at the end of the flow: nothing is known of the latents."""
        return torch.zeros_like(clean), torch.ones(len(clean), device=clean.device)


class DistillationTask(DiffusionTask):
    """The denoiser learns jumps: to answer at once for a whole step what many small, guided ones would give.

    Its teacher is the network as it was when the run began. It takes `small` Euler steps from one time to
    another, guided where sampling is (`guidance_interval`, and the style by `style_scale` more; see
    `flow_matching.weigh`); their mean velocity is what the network is to say for the jump. So guidance costs
    no second answer, and two steps are enough. For a part of each batch, `plain`, the step has no length, and
    the answer is the teacher's own, so that all other ways of sampling stay as they were.

    References
    ----------
    Salimans and Ho 2022, arXiv 2202.00512; Meng et al. 2022, arXiv 2210.03142; Frans et al. 2024, arXiv
    2410.12557.
    """

    small, plain, marks = 4, 1 / 3, False
    guidance_interval, style_scale = (0.55, 1.0), 1.0

    def __init__(
        self,
        data: DataSet,
        vae: MelAutoencoder,
        melody: MelodyExtractor,
        start: Denoiser,
        style_scale: float = 1.0,
        **options: Any,
    ):
        self.style_scale = style_scale
        network = start
        if not start.config.jumps:
            network = Denoiser(**(dict(start.config) | {"jumps": True}))
            network.load_state_dict(start.state_dict(), strict=False)
        super().__init__(data, vae, melody, network, **options)
        self.teacher, self.known = copy.deepcopy(start).requires_grad_(False).eval(), False

    def batch(self, rng: np.random.Generator, size: int) -> list[np.ndarray]:
        """Latents, piano rolls, styles; the first `plain` of them as for the denoiser, the others for jumps.

        Of these nothing is dropped, and the genre is any.
        """
        plain = round(self.plain * size)
        examples = list(self.examples(rng, plain))
        dropped, self.drop_content, self.drop_style = (self.drop_content, self.drop_style), 0.0, 0.0
        for latents, roll, style in self.examples(rng, size - plain):
            style = np.concatenate([np.roll(style[:-2], rng.integers(len(style) - 2)), style[-2:]])
            examples.append((latents, roll, style))
        self.drop_content, self.drop_style = dropped
        return [np.stack(part).astype(np.float32) for part in zip(*examples)]

    def keep_teacher(self, trainer: Trainer) -> None:
        """Keep it beside the checkpoints: a run that was stopped has taken its place among the weights."""
        folder = trainer.folder / "teacher"
        if folder.exists():
            self.teacher = load_model(Denoiser, folder).requires_grad_(False)
        elif trainer.accelerator.is_main_process:
            save_model(self.teacher, folder)
        self.teacher, self.known = self.teacher.to(trainer.accelerator.device), True

    def loss(self, trainer: Trainer, batch: Batch) -> Loss:
        """Mean squared errors beside the teacher's velocity, and its mean velocity over jumps."""
        if not self.known:
            self.keep_teacher(trainer)
        clean, roll, style = batch
        plain = round(self.plain * len(clean))
        jump = slice(plain, None)
        with torch.no_grad(), trainer.accelerator.autocast():
            noise, time = self.noise(clean)
            jumps = [part.to(clean.device) for part in draw_jumps(len(clean) - plain)]
            until, scale = time.clone(), torch.ones_like(time)
            time[jump], until[jump], scale[jump] = jumps
            content, noisy = self.teacher.content(roll), add_noise(clean, noise, time)
            half = time == 0.5  # the second of two steps begins where the first one led
            if half.any():
                first = (torch.ones_like(time[half]), time[half], scale[half], content[half], style[half])
                noisy[half] = self.small_steps(noise[half], *first)
            end = self.small_steps(
                noisy[jump], time[jump], until[jump], scale[jump], content[jump], style[jump]
            )
            wanted = self.teacher(noisy[:plain], time[:plain], content[:plain], style[:plain]).float()
            mean = (noisy[jump] - end) / (time - until)[jump, None, None, None]
            wanted = torch.cat([wanted, mean])
        found = self.networks["unet"](noisy, time, roll, style, until, scale).float()
        errors = (found - wanted).square().mean((1, 2, 3))
        return errors.mean(), {"plain": errors[:plain].mean(), "jumps": errors[jump].mean()}

    def small_steps(self, latents, time, until, scale, content, style) -> torch.Tensor:
        """Where the teacher's guided Euler steps lead from `time` to `until`; all of shape (batch, ...)."""
        silence = torch.zeros(1, 357, 4 * latents.shape[-1], device=latents.device)
        nothing = self.teacher.content(silence).expand(len(latents), -1, -1, -1)
        for step in range(self.small):
            now = time + (until - time) * step / self.small
            velocities = self.teacher(latents, now, content, style).float()
            low, high = self.guidance_interval
            guided = (now >= low) & (now <= high) & (scale != 1)
            if guided.any():
                empty = (latents[guided], now[guided], nothing[guided], torch.zeros_like(style[guided]))
                without, push, full = self.teacher(*empty).float(), scale[guided], velocities[guided]
                push = push[:, None, None, None]
                moved = full - without
                if self.style_scale != 1:
                    plain = (latents[guided], now[guided], content[guided], torch.zeros_like(style[guided]))
                    moved = moved + (self.style_scale - 1) * (full - self.teacher(*plain).float())
                velocities[guided] = without + push * moved
            latents = latents + ((until - time) / self.small)[:, None, None, None] * velocities
        return latents


def draw_jumps(size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Times between which `size` jumps lead, and guidance scales; most as the default two steps have them."""
    kind, anywhere, share = torch.rand(3, size)
    time = torch.where(kind < 0.4, 1.0, torch.where(kind < 0.7, 0.5, 0.1 + 0.9 * anywhere))
    place = torch.rand(size)
    until = time * torch.where(
        place < 0.6, torch.where(kind < 0.4, 0.5, 0.0), torch.where(place < 0.75, 0.5, share)
    )
    until = torch.minimum(until, time - 0.02)
    scale = torch.where(torch.rand(size) < 0.6, 2.0, 1 + 3 * torch.rand(size))
    return time, until, torch.where(torch.rand(size) < 0.15, 1.0, scale)
