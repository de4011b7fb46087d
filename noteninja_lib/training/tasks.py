"""The denoiser, and the rival without diffusion: what they learn, and from what. Lesson: 07_training_on_gtzan."""

import cv2
import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.augmentation import change_tone
from noteninja_lib.audio.spectrogram import MEL_MEAN, MEL_STD, log_mel_tensor, magnitude, mel_frequencies
from noteninja_lib.datasets.base import unpack
from noteninja_lib.datasets.excerpts import Sounds, pairs
from noteninja_lib.errors import UserError
from noteninja_lib.models.classifiers import GenreClassifier, MelodyExtractor
from noteninja_lib.models.crnn import BLANK, COLUMN, LineReader, as_input
from noteninja_lib.models.flow_matching import add_noise, sample_times, velocity
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.models.vae import MelAutoencoder, PatchDiscriminator, discriminator_loss, generator_loss
from noteninja_lib.models.vocoder import Vocoder
from noteninja_lib.music.beats import beat_phase
from noteninja_lib.music.piano_roll import draw_notes
from noteninja_lib.omr.page_maker import degrade


class DiffusionTask:
    """Velocity of the flow, on pairs: content heard in one genre, latents of the same bars in another.

    Real recordings have no other version and no score: their content is heard in themselves, and only there. Each
    recording is read, heard and encoded when it is first drawn. If some have been listened to ahead (`hear_all`), only
    those are heard as sources; the notes of the others are known from the score.

    Parameters
    ----------
    data : SyntheticSet or GTZAN
    vae, lead : networks
        Trained; they turn the recordings into latents and what was heard into the tune.
    drop_content, drop_style : float
        How often the network is told nothing of one or the other, which guidance needs.
    score : float
        How often the content is drawn from the known notes, as sheet music and MIDI will give it.
    """

    main, frames = "unet", 256

    def __init__(self, data, vae, melody, *, drop_content=0.15, drop_style=0.1, score=0.3, start=None):
        self.data, self.vae, self.melody = data, vae, melody
        self.drop_content, self.drop_style, self.score = (
            drop_content,
            drop_style,
            score if data.has_scores else 0.0,
        )
        self.pairs = pairs(data)
        heard = [data.is_heard(number) for number in range(len(data))]
        self.heard_pairs = [pair for pair in self.pairs if heard[pair[0]]] or self.pairs
        self.seen = {}
        self.networks = {"unet": start or Denoiser(tuple(map(float, mel_frequencies())))}
        self.rates = {"unet": 6e-4}

    def remember(self, work, number):
        """What `work` makes of a recording, from memory after the first time."""
        if (work, number) not in self.seen:
            with torch.no_grad():
                self.seen[work, number] = work(number)
        return self.seen[work, number]

    def latents(self, number):
        """Latents (8, rows, columns) of a recording, in half precision."""
        return (
            self.vae.encode(log_mel_tensor(torch.from_numpy(self.data.audio(number)))[None])[0].half().numpy()
        )

    def content(self, number):
        """What is heard in a recording as the tune (2, 88, frames; 0..255), and all that is heard (181, frames)."""
        heard = self.data.heard(number)
        notes = torch.from_numpy(unpack(heard)[0].astype(np.float32))
        return (self.melody(notes[None])[0].sigmoid() * 255).round().to(torch.uint8).numpy(), heard

    def picture(self, number, start, draw, by_score):
        """Piano roll (357, frames) of a clip from column `start`, heard or drawn from its notes."""
        window, end = slice(start, start + self.frames), start + self.frames
        if not by_score:
            melody, heard = self.remember(self.content, number)
            notes, rhythm = unpack(heard[:, window].astype(np.float32))
            return np.concatenate(
                [melody[..., window].reshape(-1, self.frames) / 255, notes.reshape(-1, self.frames), rhythm]
            )
        clip = self.data.index[number]
        roll = draw_notes(clip.notes(), end)
        others = draw_notes(clip.notes("others"), end) if draw.random() < 0.7 else 0 * roll
        rhythm = np.concatenate(
            [np.zeros((3, self.frames)), beat_phase(np.asarray(clip.beats), end)[:, window]]
        )
        rolls = [part[..., window].reshape(-1, self.frames) for part in (roll, np.maximum(roll, others))]
        return np.concatenate([*rolls, rhythm])

    def batch(self, draw, size):
        """Latents (size, 8, rows, columns), piano rolls (size, 357, frames), styles (size, 12)."""
        rows = []
        for _ in range(size):
            by_score = draw.random() < self.score
            choices = self.pairs if by_score else self.heard_pairs
            source, target = choices[draw.integers(len(choices))]
            latents = self.remember(self.latents, target)
            columns = latents.shape[-1]
            if not by_score:
                columns = min(columns, self.remember(self.content, source)[1].shape[-1] // 4)
            first = int(draw.integers(columns - self.frames // 4 + 1))
            picture = self.picture(source, 4 * first, draw, by_score) * (draw.random() >= self.drop_content)
            style = self.data.index[target].style() * (draw.random() >= self.drop_style)
            rows.append((latents[..., first : first + self.frames // 4], picture, style))
        return [np.stack(part).astype(np.float32) for part in zip(*rows)]

    def update(self, trainer, batch):
        """One step; returns the mean squared error of the velocity."""
        clean, picture, style = batch
        noise, time = torch.randn_like(clean), sample_times(len(clean)).to(clean.device)
        predicted = self.networks["unet"](add_noise(clean, noise, time), time, picture, style)
        loss = F.mse_loss(predicted.float(), velocity(clean, noise))
        trainer.descend(loss, "unet")
        return {"mse": loss.item()}


class RegressionTask(DiffusionTask):
    """The rival without diffusion: the same network guesses the latents at once, from content and style alone.

    What it answers is the mean of all recordings that would fit, which is why its pictures are blurred.
    """

    saved_as = "regression"

    def update(self, trainer, batch):
        """One step; returns the mean squared error of the latents."""
        clean, picture, style = batch
        blank, time = torch.zeros_like(clean), torch.ones(len(clean), device=clean.device)
        loss = F.mse_loss(self.networks["unet"](blank, time, picture, style).float(), velocity(clean, blank))
        trainer.descend(loss, "unet")
        return {"mse": loss.item()}


# The networks that find the tune and judge the genre: what they learn, and from what. Lesson: 07_training_on_gtzan.


class MelodyTask:
    """The tune among all notes that Basic Pitch hears, taught by the band's known scores."""

    main, frames = "lead", 384

    def __init__(self, data):
        if not data.has_scores:
            raise UserError(
                "The lead network learns from known scores, and GTZAN has none: give it a data set that "
                "`noteninja dataset build` made."
            )
        self.data = data
        self.heard = [
            data.heard(number) for number in tqdm(range(len(data)), "listening", delay=2, leave=False)
        ]
        self.networks, self.rates = {"lead": MelodyExtractor()}, {"lead": 2e-3}

    def batch(self, draw, size):
        """What was heard (size, 2, 88, frames), and the tune as a piano roll of the same shape."""
        pairs = []
        for number in draw.integers(len(self.heard), size=size):
            heard = self.heard[number]
            start = draw.integers(heard.shape[-1] - self.frames + 1)
            roll = draw_notes(self.data.index[number].notes(), heard.shape[-1])
            shift = int(draw.integers(-5, 6))  # all keys
            window = slice(start, start + self.frames)
            pairs.append(
                [np.roll(unpack(heard[:, window])[0], shift, 1), np.roll(roll[..., window], shift, 1)]
            )
        return [np.stack(part).astype(np.float32) for part in zip(*pairs)]

    def update(self, trainer, batch):
        """One step; returns the cross-entropy."""
        logits = self.networks["lead"](batch[0])
        loss = F.binary_cross_entropy_with_logits(
            logits, batch[1], pos_weight=torch.tensor(2.0, device=logits.device)
        )
        trainer.descend(100 * loss, "lead")
        return {"cross_entropy": loss.item()}


class GenreClassifierTask:
    """Which genre a recording is; it learns from all that it is given.

    What judges the converter must know other instruments than the converter's: give it a data set of its own,
    rendered with other soundfonts. Each excerpt is played a little faster or slower, through another tone control,
    with some noise, so that neither key nor sound quality gives a genre away.
    """

    main, frames = "judge", 256

    def __init__(self, data):
        self.sounds = Sounds(data)
        self.labels = np.array([GENRES.index(genre) for genre in data.labels])
        self.networks, self.rates = {"judge": GenreClassifier()}, {"judge": 1e-3}

    def batch(self, draw, size):
        """Excerpts of sound and their genres."""
        sounds, numbers = self.sounds.excerpt(draw, size, self.frames, speed=0.06)
        noise = draw.standard_normal(sounds.shape, np.float32) * 10 ** draw.uniform(-5, -2, (size, 1))
        return [(change_tone(sounds, draw) + noise).astype(np.float32), self.labels[numbers]]

    def update(self, trainer, batch):
        """One step; returns the cross-entropy and the share of right answers."""
        logits = self.networks["judge"](log_mel_tensor(batch[0]))
        loss = F.cross_entropy(logits, batch[1], label_smoothing=0.05)
        trainer.descend(loss, "judge")
        return {"cross_entropy": loss.item(), "right": (logits.argmax(1) == batch[1]).float().mean().item()}


# The network that reads printed music: what it learns, and from what. Lesson: 10_reading_sheet_music.

FEW_WIDTHS = 64  # pixels: new widths cost time and memory, each the first time


class ReadingTask:
    """Words of engraved lines, by CTC, from pictures of them that are worn anew each time.

    Parameters
    ----------
    data : omr.page_maker.StaffImages
    start : LineReader, optional
        Trained before.
    """

    main = "reader"

    def __init__(self, data, start=None, peak=2e-3):
        cv2.setNumThreads(1)
        self.data = data
        self.networks, self.rates = {"reader": start or LineReader()}, {"reader": peak}
        self.by_width = np.argsort(data.widths, kind="stable")

    def batch(self, draw, size):
        """Strips of about one width (size, 1, 96, width), their columns, their class numbers one after another, and how many each."""
        place = draw.integers(max(1, len(self.data) - 12 * size))
        numbers = draw.choice(self.by_width[place : place + 12 * size], size, replace=len(self.data) < size)
        staff_images, words = zip(*(self.data[number] for number in numbers))
        degraded = [
            degrade(staff_image, draw, other=staff_images[k - 1])
            for k, staff_image in enumerate(staff_images)
        ]
        columns = [-(-staff_image.shape[1] // COLUMN) for staff_image in degraded]
        return [
            as_input(degraded, FEW_WIDTHS),
            np.array(columns),
            np.concatenate(words).astype(np.int64),
            np.array([len(one) for one in words]),
        ]

    def update(self, trainer, batch):
        """One step; returns the loss a word."""
        staff_images, columns, words, lengths = batch
        logits = self.networks["reader"](staff_images.to(memory_format=torch.channels_last))
        chances = F.log_softmax(logits.float(), -1).transpose(0, 1)
        loss = (
            F.ctc_loss(chances, words, columns, lengths, blank=BLANK, reduction="sum", zero_infinity=True)
            / lengths.sum()
        )
        trainer.descend(loss, "reader")
        return {"loss_a_word": loss.item()}

    def finish(self, network):
        """Give the averaged weights the batch statistics that belong to them."""
        draw = np.random.default_rng(0)
        network.train()
        with torch.no_grad():
            for _ in range(30):
                network(self.batch(draw, 16)[0].to(memory_format=torch.channels_last))
        network.eval()


# Autoencoder and vocoder: what they learn, and from what. Lesson: 07_training_on_gtzan.


class AutoencoderTask:
    """Log-mel pictures through the bottleneck and back: L1, a little KL, and late a discriminator for sharpness.

    Begun from a trained one, only the decoder learns on, against the discriminator from the first step: the latents
    stay what the denoiser knows.
    """

    main, frames = "vae", 128

    def __init__(self, data, steps, sharpen_from=0.6, start=None):
        self.sounds, self.frozen = Sounds(data), start is not None
        self.sharpen_from = 0 if start else int(steps * sharpen_from)
        self.networks = {
            "vae": start or MelAutoencoder(),
            "judge": PatchDiscriminator(32, ((2, 2), (2, 2), (2, 2))),
        }
        self.rates = {"vae": 2e-4 if start else 6e-4, "judge": 3e-4}
        if start:
            start.vae.encoder.requires_grad_(False)
            start.vae.quant_conv.requires_grad_(False)

    def batch(self, draw, size):
        """Excerpts of sound."""
        return self.sounds.excerpt(draw, size, self.frames)[:1]

    def update(self, trainer, batch):
        """One step; returns the losses, in nats for `l1`."""
        mel = log_mel_tensor(batch[0])
        decoded, posterior = self.networks["vae"](mel)
        l1, kl = F.l1_loss(decoded, mel), posterior.kl().mean() / mel[0].numel()
        loss, losses = l1 + 1e-2 * kl, {"l1": l1.item(), "kl": kl.item()}
        if trainer.step >= self.sharpen_from:
            real, fake = (((picture - MEL_MEAN) / MEL_STD)[:, None] for picture in (mel, decoded))
            fooled, matching = play(trainer, self.networks["judge"], "judge", real, fake)
            loss = loss + 0.1 * fooled + 0.5 * matching
            losses |= {
                "fooled": fooled.item(),
                "sharpness": float(sharpness(decoded.detach()) / sharpness(mel)),
            }
        trainer.descend(loss, "vae")
        return losses

    def finish(self, vae):
        """Measure how widely the latents spread and write it into the network's configuration."""
        if not self.frozen:
            with torch.no_grad():
                mel = log_mel_tensor(
                    torch.from_numpy(self.sounds.excerpt(np.random.default_rng(0), 64, self.frames)[0])
                )
                vae.register_to_config(latent_std=float(vae.posterior(mel).mean.std()))


def sharpness(mel):
    """Energy of a picture's gradient in time."""
    return mel.diff(dim=-1).square().mean()


def play(trainer, discriminator, name, real, fake):
    """One round of the game: train the discriminator, and return the decoder's two losses against it."""
    trainer.descend(discriminator_loss(discriminator(real)[0], discriminator(fake.detach())[0]), name)
    scores, features = discriminator(fake)
    with torch.no_grad():
        true_features = discriminator(real)[1]
    return generator_loss(scores, true_features, features)


class VocoderTask:
    """Sound from log-mels: spectral distances at several resolutions, then discriminators of spectra, phase included.

    In the last quarter of the run, and from the first step of a run that begins from a trained vocoder, half of the mels
    have gone through the autoencoder, as they will in use.
    """

    main, frames = "vocoder", 64
    resolutions = ((2048, 96), (1024, 80), (512, 64), (256, 40))
    judged = (2048, 1024, 512)

    def __init__(self, data, steps, vae=None, sharpen_from=0.5, decoded_from=0.75, start=None):
        self.sounds, self.vae = Sounds(data), vae
        self.sharpen_from, self.decoded_from = (
            (0, 0) if start else (int(steps * sharpen_from), int(steps * decoded_from))
        )
        judges = {
            f"judge{n_fft}": PatchDiscriminator(8, ((2, 1), (2, 2), (2, 2)), channels=2)
            for n_fft in self.judged
        }
        self.networks = {"vocoder": start or Vocoder()} | judges
        self.rates = {"vocoder": 4e-4 if start else 5e-4} | {name: 3e-4 for name in judges}

    def batch(self, draw, size):
        """Excerpts of sound."""
        return self.sounds.excerpt(draw, size, self.frames)[:1]

    def update(self, trainer, batch):
        """One step; returns the losses, in nats."""
        truth = batch[0]
        mel = log_mel_tensor(truth)
        if self.vae is not None and trainer.step >= self.decoded_from:
            with torch.no_grad():
                half = len(mel) // 2
                mel[:half] = self.vae.decode(self.vae.encode(mel[:half]))
        made = self.networks["vocoder"](mel)
        loss, losses = 0, {}
        for n_fft, n_mels in self.resolutions:
            distance = F.l1_loss(log_mel_tensor(made, n_mels, n_fft), log_mel_tensor(truth, n_mels, n_fft))
            real, fake = magnitude(truth, n_fft, n_fft // 4), magnitude(made, n_fft, n_fft // 4)
            fine = F.l1_loss(torch.log(fake + 1e-4), torch.log(real + 1e-4))
            convergence = (real - fake).norm() / real.norm()
            loss = loss + distance + 0.5 * fine + 0.5 * convergence
            losses[f"mel{n_fft}"] = distance.item()
        if trainer.step >= self.sharpen_from:
            for n_fft in self.judged:
                fooled, matching = play(
                    trainer,
                    self.networks[f"judge{n_fft}"],
                    f"judge{n_fft}",
                    *(compressed_spectrum(sound, n_fft) for sound in (truth, made)),
                )
                loss = loss + 0.1 * fooled + matching
                losses[f"fooled{n_fft}"] = fooled.item()
            losses["sharpness"] = float(
                sharpness(log_mel_tensor(made.detach())) / sharpness(log_mel_tensor(truth))
            )
        trainer.descend(loss, "vocoder")
        return losses


def compressed_spectrum(audio, n_fft):
    """Real and imaginary part of a Fourier transform, with magnitudes raised to the power of .3: what a discriminator
    of sound looks at (Défossez et al. 2022, arXiv 2210.13438); shape (batch, 2, bins, frames)."""
    window = torch.hann_window(n_fft, device=audio.device)
    spectrum = torch.view_as_real(
        torch.stft(audio, n_fft, n_fft // 4, window=window, return_complex=True) * (2 / window.sum())
    )
    return (spectrum * (spectrum.square().sum(-1, keepdim=True) + 1e-7) ** -0.35).permute(0, 3, 1, 2) * 4
