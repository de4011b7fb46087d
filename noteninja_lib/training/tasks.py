"""What each network learns, and from what: batches and losses. Lesson: 07_training_on_gtzan."""

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.augmentation import change_tone
from noteninja_lib.audio.spectrogram import (
    FLOOR,
    MEL_MEAN,
    MEL_STD,
    log_mel_tensor,
    magnitude,
    mel_filters,
)
from noteninja_lib.datasets.base import DataSet, Sounds, StereoSounds, unpack
from noteninja_lib.datasets.synthetic import SyntheticSet
from noteninja_lib.errors import UserError
from noteninja_lib.models.checkpoints import MARKED
from noteninja_lib.models.classifiers import (
    RECOGNISED,
    ChordRecogniser,
    GenreClassifier,
    MelodyExtractor,
    chord_features,
)
from noteninja_lib.models.crnn import BLANK, COLUMN, LineReader, as_input
from noteninja_lib.models.vae import MelAutoencoder, PatchDiscriminator, discriminator_loss, generator_loss
from noteninja_lib.models.vocoder import Vocoder
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.piano_roll import draw_notes
from noteninja_lib.omr.decoration import letter_chords, letter_octave, letter_text
from noteninja_lib.omr.page_maker import StaffImages, degrade
from noteninja_lib.omr.vocabulary import MARKS, VOCABULARY, encode
from noteninja_lib.training.trainer import Trainer

Batch = list[torch.Tensor]
Loss = tuple[torch.Tensor, dict[str, torch.Tensor]]


class Task:
    """What a network learns, and from what.

    Of the network that is kept, `model` is the class, `main` the name in `networks`, `rate` the highest
    learning rate, and `saved_as` the folder of its weights, if it is not its class's usual one. `networks`
    and `rates` hold all that are trained, discriminators too, by name.
    """

    model: Any = nn.Module
    main, rate = "", 1e-3
    saved_as: str | None = None
    examples: Callable  # what the usual `batch` is made of
    loss: Callable

    def __init__(self, data: Any, start: nn.Module | None = None):
        self.data, self.rates = data, {self.main: self.rate}
        self.networks = {self.main: start or self.model()}

    def batch(self, rng: np.random.Generator, size: int) -> list[np.ndarray]:
        """Random examples, as arrays whose first axis counts them."""
        return [np.stack(part).astype(np.float32) for part in zip(*self.examples(rng, size))]

    def update(self, trainer: Trainer, batch: Batch) -> dict[str, float]:
        """One step along the gradient of `loss`; returns the losses by name."""
        loss, losses = self.loss(trainer, batch)
        trainer.descend(loss, self.main)
        return {name: value.item() for name, value in losses.items()}

    def finish(self, network: Any) -> None:
        """What is left to do with the averaged network before it is saved."""


class MelodyTask(Task):
    """The tune among all notes that Basic Pitch hears, learned from the known scores of a synthetic set."""

    model, main, rate, frames = MelodyExtractor, "melody", 2e-3, 384

    def __init__(self, data: DataSet, start: MelodyExtractor | None = None):
        if not data.has_scores:
            raise UserError(
                "The lead network learns from known scores, and GTZAN has none: give it a data set that "
                "`noteninja dataset build` made."
            )
        super().__init__(data, start)
        numbers = tqdm(range(len(data)), "listening", delay=2, leave=False)
        self.heard = [data.heard(number) for number in numbers]

    def examples(self, rng: np.random.Generator, size: int) -> Iterator[tuple[np.ndarray, ...]]:
        """What was heard (2, 88, frames), and the tune as a piano roll of the same shape; in any key."""
        for number in rng.integers(len(self.heard), size=size):
            heard = self.heard[number]
            start = rng.integers(heard.shape[-1] - self.frames + 1)
            window, shift = slice(start, start + self.frames), int(rng.integers(-5, 6))
            roll = draw_notes(self.data.index[number].notes(), heard.shape[-1])[..., window]
            yield np.roll(unpack(heard[:, window])[0], shift, 1), np.roll(roll, shift, 1)

    def loss(self, trainer: Trainer, batch: Batch) -> Loss:
        """Cross-entropy."""
        weight = torch.tensor(2.0, device=batch[0].device)
        logits = self.networks["melody"](batch[0])
        loss = F.binary_cross_entropy_with_logits(logits, batch[1], pos_weight=weight)
        return 100 * loss, {"cross_entropy": loss}


class ChordTask(Task):
    """Chords among all notes that Basic Pitch hears, learned from what the arranger is known to play."""

    model, main, rate, beats = ChordRecogniser, "chords", 5e-3, 16

    def __init__(self, data: DataSet, start: ChordRecogniser | None = None):
        if not isinstance(data, SyntheticSet):
            raise UserError(
                "Chords are learned from music that `noteninja dataset build` made: give such a set."
            )
        super().__init__(data, start)
        numbers = tqdm(range(len(data)), "listening", delay=2, leave=False)
        self.heard = [(data.heard(number), data.harmony(number)) for number in numbers]

    def examples(self, rng: np.random.Generator, size: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Features (7, 12, 16), and the number of each beat's chord (16,), -1 where it is none of the known.

        Beat trackers take the half for the whole, and are early: so these beats are.
        """
        for number in rng.integers(len(self.heard), size=size):
            heard, harmony = self.heard[number]
            beat = 60 / self.data.index[number].tempo * rng.choice([0.5, 1, 1, 1, 2])
            begin = rng.uniform(0, max(0.1, heard.shape[-1] / FRAME_RATE - self.beats * beat))
            begin += rng.normal(0, 0.03) - begin % beat
            edges = begin + beat * np.arange(self.beats + 1)
            frames = np.round(edges * FRAME_RATE).astype(int)
            inside = np.clip(frames, 0, heard.shape[-1] - 1)
            features = chord_features(unpack(heard)[0], np.maximum.accumulate(inside))
            yield features, np.array([number_of_chord(harmony, *pair) for pair in zip(edges, edges[1:])])

    def loss(self, trainer: Trainer, batch: Batch) -> Loss:
        """Cross-entropy."""
        logits = self.networks["chords"](batch[0])
        loss = F.cross_entropy(logits, batch[1].long(), ignore_index=-1)
        return loss, {"cross_entropy": loss}


def number_of_chord(harmony: list[tuple[float, float, int, str]], start: float, end: float) -> int:
    """Which class of `ChordRecogniser` sounds for most of a beat; -1 where it is none, or where none does."""
    lasts, root, quality = max(
        (min(end, last) - max(start, first), *chord) for first, last, *chord in harmony
    )
    known = lasts > (end - start) / 2 and quality in RECOGNISED
    return 12 * RECOGNISED.index(quality) + root if known else -1


class SoundTask(Task):
    """A network that learns from excerpts of sound alone.

    Of `records`, other recordings, comes half of what it learns from where there are some.
    """

    frames = 64
    kind: Any = Sounds

    def __init__(self, data: DataSet, start: nn.Module | None = None, records: DataSet | None = None):
        super().__init__(data, start)
        self.sounds = self.kind(data)
        self.records = self.kind(records) if records else None

    def excerpts(self, rng: np.random.Generator, size: int) -> list[np.ndarray]:
        """What `Sounds.excerpt` gives, of all sources."""
        parts = [self.sounds.excerpt(rng, size // 2 if self.records else size, self.frames)]
        if self.records:
            parts.append(self.records.excerpt(rng, size - size // 2, self.frames))
        return [np.concatenate(part) for part in zip(*parts)]

    def batch(self, rng: np.random.Generator, size: int) -> list[np.ndarray]:
        """Excerpts of sound (size, frames * 256)."""
        return self.excerpts(rng, size)[:1]


class GenreClassifierTask(SoundTask):
    """Which genre a recording is; it learns from all that it is given.

    What judges the converter must know other instruments than the converter's: give it a data set of its own,
    rendered with other soundfonts. Each excerpt is played a little faster or slower, through another tone
    control, with some noise, so that neither key nor sound quality gives a genre away. Half of the excerpts
    are of `records` with genres, if there are some; each genre comes as often.
    """

    model, main, rate, frames = GenreClassifier, "classifier", 1e-3, 256

    def __init__(
        self,
        data: DataSet,
        start: GenreClassifier | None = None,
        records: DataSet | None = None,
    ):
        super().__init__(data, start or GenreClassifier(), records)
        kinds = [one.labels for one in (data, records) if one]
        self.labels = [np.array([GENRES.index(genre) for genre in labels]) for labels in kinds]
        self.chances = [1 / np.bincount(labels)[labels] for labels in self.labels]

    def batch(self, rng: np.random.Generator, size: int) -> list[np.ndarray]:
        """Excerpts of sound (size, frames * 256) and their genres (size,)."""
        sounds, kinds = [], []
        sizes = [size - size // 2, size // 2] if self.records else [size]
        sources = zip((self.sounds, self.records), sizes, self.labels, self.chances)
        for one, count, labels, chances in sources:
            found, numbers = one.excerpt(rng, count, self.frames, 0.06, chances / chances.sum())
            sounds.append(found)
            kinds.append(labels[numbers])
        changed = change_tone(np.concatenate(sounds), rng)
        noise = rng.standard_normal(changed.shape, np.float32) * 10 ** rng.uniform(-5, -2, (size, 1))
        return [(changed + noise).astype(np.float32), np.concatenate(kinds)]

    def loss(self, trainer: Trainer, batch: Batch) -> Loss:
        """Cross-entropy, and the share of right answers."""
        logits = self.networks["classifier"](log_mel_tensor(batch[0]))
        loss = F.cross_entropy(logits, batch[1], label_smoothing=0.05)
        return loss, {"cross_entropy": loss, "right": (logits.argmax(1) == batch[1]).float().mean()}


class AutoencoderTask(SoundTask):
    """Log-mels through the bottleneck and back: L1, a little KL, and late a discriminator for sharpness.

    Begun from a trained one, only the decoder learns on, against the discriminator from the first step: the
    latents stay what the denoiser knows.
    """

    model, main, rate, frames = MelAutoencoder, "vae", 6e-4, 128

    def __init__(
        self,
        data: DataSet,
        steps: int,
        start: MelAutoencoder | None = None,
        records: DataSet | None = None,
    ):
        super().__init__(data, start, records)
        self.frozen, self.sharpen_from = start is not None, 0 if start else int(0.6 * steps)
        self.networks["discriminator"] = PatchDiscriminator(32, ((2, 2), (2, 2), (2, 2)))
        self.rates = {"vae": 2e-4 if start else 6e-4, "discriminator": 3e-4}
        if start:
            start.vae.encoder.requires_grad_(False)
            start.vae.quant_conv.requires_grad_(False)

    def loss(self, trainer: Trainer, batch: Batch) -> Loss:
        """The losses, in nats for `l1`."""
        mel = log_mel_tensor(batch[0])
        decoded, posterior = self.networks["vae"](mel)
        l1, kl = F.l1_loss(decoded, mel), posterior.kl().mean() / mel[0].numel()
        loss, losses = l1 + 1e-2 * kl, {"l1": l1, "kl": kl}
        if trainer.step >= self.sharpen_from:
            real, fake = (((one - MEL_MEAN) / MEL_STD)[:, None] for one in (mel, decoded))
            fooled, matching = adversarial_losses(trainer, "discriminator", real, fake)
            loss = loss + 0.1 * fooled + 0.5 * matching
            losses |= {"fooled": fooled, "sharpness": sharpness(decoded.detach(), mel)}
        return loss, losses

    @torch.no_grad()
    def finish(self, network: MelAutoencoder) -> None:
        """Measure how widely the latents spread and write it into the network's configuration."""
        if not self.frozen:
            sounds, _ = self.sounds.excerpt(np.random.default_rng(0), 64, self.frames)
            latents = network.posterior(log_mel_tensor(torch.from_numpy(sounds))).mean
            network.register_to_config(latent_std=float(latents.std()))


class VocoderTask(SoundTask):
    """Stereo sound from log-mels: spectral distances at several resolutions, discriminators of spectra.

    Middle and side are compared, each by itself in what is measured, together in what the discriminators see,
    complex spectra. In the last quarter of the run, or in all of one that begins from a trained vocoder, half
    of the log-mels have gone through the autoencoder, as they will in use.
    """

    model, main, rate, frames = Vocoder, "vocoder", 5e-4, 64
    resolutions = ((4096, 128), (2048, 96), (1024, 80), (512, 48))  # samples of a window, rows of the log-mel
    discriminated = (2048, 1024, 512)
    kind = StereoSounds

    def __init__(
        self,
        data: DataSet,
        steps: int,
        vae: MelAutoencoder | None = None,
        start: Vocoder | None = None,
        records: DataSet | None = None,
    ):
        super().__init__(data, start, records)
        self.vae = vae
        self.sharpen_from, self.decoded_from = int(0.5 * steps), int(0.75 * steps)
        if start:
            self.sharpen_from, self.decoded_from = int(0.1 * steps), 0
        for n_fft in self.discriminated:
            discriminator = PatchDiscriminator(8, ((2, 1), (2, 2), (2, 2)), channels=4)
            self.networks[f"discriminator{n_fft}"] = discriminator
        self.rates = dict.fromkeys(self.networks, 3e-4) | {"vocoder": 4e-4 if start else 5e-4}

    def batch(self, rng: np.random.Generator, size: int) -> list[np.ndarray]:
        """Excerpts in stereo (size, 2, frames * 512), and as the networks see them (size, frames * 256)."""
        return self.excerpts(rng, size)

    def loss(self, trainer: Trainer, batch: Batch) -> Loss:
        """The losses, in nats."""
        truth, mel = middle_and_side(batch[0]), log_mel_tensor(batch[1])
        if self.vae is not None and trainer.step >= self.decoded_from:
            with torch.no_grad():
                mel[::2] = self.vae.decode(self.vae.encode(mel[::2]))
        made = middle_and_side(self.networks["vocoder"](mel))
        loss, losses = truth.new_zeros(()), {}
        for n_fft, n_mels in self.resolutions:
            real, fake = (magnitude(one, n_fft, n_fft // 4) for one in (truth, made))
            filters = mel_filters(n_mels, n_fft, STEREO_RATE, STEREO_RATE / 2).to(truth.device)
            heard = (torch.log((filters @ one).clamp(min=FLOOR)) for one in (real, fake))
            distance = torch.abs(torch.sub(*heard)).mean((0, 2, 3))  # of middle and side
            fine = F.l1_loss(torch.log(fake + FLOOR), torch.log(real + FLOOR))
            whole = ((real - fake).norm(dim=(2, 3)) / real.norm(dim=(2, 3)).clamp(min=1e-2)).mean()
            powers = (torch.log((filters @ one).square().mean(-1) + 1e-9) for one in (real, fake))
            balance = torch.abs(torch.sub(*powers)).mean()
            loss = loss + distance[0] + 0.5 * distance[1] + 0.5 * (fine + whole + balance)
            losses |= {f"mel{n_fft}": distance[0], f"side{n_fft}": distance[1], f"balance{n_fft}": balance}
        if trainer.step >= self.sharpen_from:
            for n_fft in self.discriminated:
                real, fake = compressed_spectrum(truth, n_fft), compressed_spectrum(made, n_fft)
                fooled, matching = adversarial_losses(trainer, f"discriminator{n_fft}", real, fake)
                loss = loss + 0.1 * fooled + matching
                losses[f"fooled{n_fft}"] = fooled
            losses["sharpness"] = sharpness(log_mel_tensor(made[:, 0].detach()), log_mel_tensor(truth[:, 0]))
        return loss, losses


def middle_and_side(stereo: torch.Tensor) -> torch.Tensor:
    """Half the sum and half the difference of left and right (batch, 2, samples), in the same shape."""
    left, right = stereo.unbind(1)
    return torch.stack([left + right, left - right], 1) / 2


def adversarial_losses(trainer: Trainer, name: str, real: torch.Tensor, fake: torch.Tensor) -> tuple:
    """Train the discriminator of that name for a step; return the generator's two losses against it."""
    discriminator = trainer.task.networks[name]
    trainer.descend(discriminator_loss(discriminator(real)[0], discriminator(fake.detach())[0]), name)
    scores, features = discriminator(fake)
    with torch.no_grad():
        true_features = discriminator(real)[1]
    return generator_loss(scores, true_features, features)


def sharpness(mel: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Energy of a log-mel's changes in time, as a share of the true one's."""
    return mel.diff(dim=-1).square().mean() / truth.diff(dim=-1).square().mean()


def compressed_spectrum(audio: torch.Tensor, n_fft: int) -> torch.Tensor:
    """Spectra (batch, 4, bins, frames) of two channels (batch, 2, samples), magnitudes to the power of .3.

    What a discriminator of sound looks at, real and imaginary parts (Défossez et al. 2022, arXiv 2210.13438).
    """
    window = torch.hann_window(n_fft, device=audio.device)
    spectrum = torch.stft(audio.flatten(0, 1), n_fft, n_fft // 4, window=window, return_complex=True)
    spectrum = torch.view_as_real(spectrum * (2 / window.sum()))
    small = spectrum * (spectrum.square().sum(-1, keepdim=True) + 1e-7) ** -0.35 * 4
    return small.permute(0, 3, 1, 2).reshape(len(audio), -1, *small.shape[1:3])


class ReadingTask(Task):
    """Tokens of engraved staves, by CTC, from images degraded anew each time; `peak` is a learning rate."""

    model, main = LineReader, "reader"
    vocabulary: tuple[str, ...] = VOCABULARY
    worn = 1.0  # share of the images that are degraded
    widths = 64  # pixels to which images are padded: each new width costs time and memory once

    def __init__(self, data: StaffImages, start: LineReader | None = None, peak: float | None = None):
        cv2.setNumThreads(1)
        classes = len(self.vocabulary) + 1
        super().__init__(data, start.with_classes(classes) if start else LineReader(classes=classes))
        peak = peak or (1e-3 if start else 2e-3)
        self.rates, self.by_width = {"reader": peak}, np.argsort(data.widths, kind="stable")

    def example(self, rng: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
        """An image and its class numbers."""
        return self.data[number]

    def batch(self, rng: np.random.Generator, size: int) -> list:
        """Images of about one width (size, 1, 96, width), their frames, all tokens, and how many each has."""
        place = rng.integers(max(1, len(self.data) - 12 * size))
        numbers = rng.choice(self.by_width[place : place + 12 * size], size, replace=len(self.data) < size)
        images, tokens = zip(*(self.example(rng, number) for number in numbers))
        degraded = [
            degrade(image, rng, other=images[k - 1]) if rng.random() < self.worn else image
            for k, image in enumerate(images)
        ]
        frames = np.array([-(-image.shape[1] // COLUMN) for image in degraded])
        lengths = np.array([len(one) for one in tokens])
        return [as_input(degraded, self.widths), frames, np.concatenate(tokens).astype(np.int64), lengths]

    def loss(self, trainer: Trainer, batch: Batch) -> Loss:
        """Loss per token."""
        images, frames, tokens, lengths = batch
        logits = self.networks["reader"](images.to(memory_format=torch.channels_last))
        chances = F.log_softmax(logits.float(), -1).transpose(0, 1)
        total = F.ctc_loss(chances, tokens, frames, lengths, BLANK, reduction="sum", zero_infinity=True)
        loss = total / lengths.sum().clamp(min=1)
        return loss, {"loss_a_word": loss}

    @torch.no_grad()
    def finish(self, network: LineReader) -> None:
        """Give the averaged weights the batch statistics that belong to them."""
        rng = np.random.default_rng(0)
        network.train()
        for _ in range(30):
            network(self.batch(rng, 16)[0].to(memory_format=torch.channels_last))
        network.eval()


class MarkTask(ReadingTask):
    """Chord symbols and words above and below engraved staves, by a reader with a vocabulary of its own."""

    saved_as, vocabulary, worn = MARKED, MARKS, 0.6

    def example(self, rng: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
        """An image and its class numbers; where there are no marks, some are written by hand."""
        image, tokens = self.data[number]
        if not len(tokens) and rng.random() < 0.8:
            write = letter_octave if rng.random() < 0.06 else letter_chords
            image, written = write(image, rng, self.data.fonts)
            tokens = np.array(encode(written, MARKS), np.int16)
        if rng.random() < 0.4:
            image = letter_text(image, rng, self.data.fonts)
        return image, tokens
