"""What each network learns, and from what: batches and losses for `training.train`. Lesson: 07_training."""
import numpy as np
import torch
from torch.nn import functional as F

from .dataset.excerpts import Sounds, all_heard, pairs
from .dataset.hearing import unpack
from .errors import UserError
from .model.autoencoder import MelAutoencoder, PatchDiscriminator, discriminator_loss, generator_loss
from .model.denoiser import Denoiser
from .model.diffusion import add_noise, sample_times, velocity
from .model.listener import Judge, LeadFinder
from .model.vocoder import Vocoder
from .music.content import beat_phase
from .music.notation import draw_notes
from .music.genres import GENRES
from .sound.augmentation import change_tone
from .sound.spectrogram import log_mel_tensor, magnitude, mel_frequencies


class AutoencoderTask:
    """Log-mel pictures through the bottleneck and back: L1, a little KL, and late a discriminator for sharpness."""
    main, frames = "vae", 128

    def __init__(self, data, steps, sharpen_from=0.6, start=None):
        self.sounds, self.sharpen_from = Sounds(data), int(steps * sharpen_from)
        self.networks = {"vae": start or MelAutoencoder(), "judge": PatchDiscriminator(24, ((2, 2), (2, 2), (2, 2)))}
        self.rates = {"vae": 6e-4, "judge": 2e-4}

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
            fooled, matching = play(trainer, self.networks["judge"], "judge", (mel + 4) / 2.3, (decoded + 4) / 2.3)
            loss = loss + 0.05 * fooled + 0.1 * matching
            losses["fooled"] = fooled.item()
        trainer.descend(loss, "vae")
        return losses

    def finish(self, vae):
        """Measure how widely the latents spread and write it into the network's configuration."""
        with torch.no_grad():
            mel = log_mel_tensor(torch.from_numpy(self.sounds.excerpt(np.random.default_rng(0), 64, self.frames)[0]))
            vae.register_to_config(latent_std=float(vae.posterior(mel).mean.std()))


def play(trainer, discriminator, name, real, fake):
    """One round of the game: train the discriminator, and return the decoder's two losses against it."""
    trainer.descend(discriminator_loss(discriminator(real)[0], discriminator(fake.detach())[0]), name)
    scores, features = discriminator(fake)
    with torch.no_grad():
        true_features = discriminator(real)[1]
    return generator_loss(scores, true_features, features)


class VocoderTask:
    """Sound from log-mels: spectral distances at several resolutions, then a discriminator on two of them.

    In the last quarter of the run the mels have gone through the autoencoder, as they will in use.
    """
    main, frames = "vocoder", 80
    resolutions = ((2048, 96), (1024, 80), (512, 64), (256, 40))

    def __init__(self, data, steps, vae=None, sharpen_from=0.5, decoded_from=0.75, start=None):
        self.sounds, self.vae = Sounds(data), vae
        self.sharpen_from, self.decoded_from = int(steps * sharpen_from), int(steps * decoded_from)
        self.networks = {"vocoder": start or Vocoder(), "judge1024": PatchDiscriminator(16), "judge512": PatchDiscriminator(16)}
        self.rates = {"vocoder": 5e-4, "judge1024": 2e-4, "judge512": 2e-4}

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
            for n_fft in (1024, 512):
                name = f"judge{n_fft}"
                pictures = [(torch.log(magnitude(sound, n_fft) + 1e-4) + 5) / 2.5 for sound in (truth, made)]
                fooled, matching = play(trainer, self.networks[name], name, *pictures)
                loss = loss + 0.1 * fooled + 0.5 * matching
                losses[f"fooled{n_fft}"] = fooled.item()
        trainer.descend(loss, "vocoder")
        return losses


class LeadTask:
    """The tune among all notes that Basic Pitch hears, taught by the band's known scores."""
    main, frames = "lead", 384

    def __init__(self, data):
        if not data.has_scores:
            raise UserError("The lead network learns from known scores, and GTZAN has none: give it a data set that "
                            "`noteninja dataset build` made.")
        self.data = data
        self.heard = all_heard(data)
        self.networks, self.rates = {"lead": LeadFinder()}, {"lead": 2e-3}

    def batch(self, draw, size):
        """What was heard (size, 2, 88, frames), and the tune as a piano roll of the same shape."""
        pairs = []
        for number in draw.integers(len(self.heard), size=size):
            heard = self.heard[number]
            start = draw.integers(heard.shape[-1] - self.frames + 1)
            roll = draw_notes(self.data.index[number].notes(), heard.shape[-1])
            shift = int(draw.integers(-5, 6))                      # all keys
            window = slice(start, start + self.frames)
            pairs.append([np.roll(unpack(heard[:, window])[0], shift, 1), np.roll(roll[..., window], shift, 1)])
        return [np.stack(part).astype(np.float32) for part in zip(*pairs)]

    def update(self, trainer, batch):
        """One step; returns the cross-entropy."""
        logits = self.networks["lead"](batch[0])
        loss = F.binary_cross_entropy_with_logits(logits, batch[1], pos_weight=torch.tensor(2.0, device=logits.device))
        trainer.descend(100 * loss, "lead")
        return {"cross_entropy": loss.item()}


class JudgeTask:
    """Which genre a recording is; it learns from all that it is given.

    What judges the converter must know other instruments than the converter's: give it a data set of its own,
    rendered with other soundfonts. Each excerpt is played a little faster or slower, through another tone control,
    with some noise, so that neither key nor sound quality gives a genre away.
    """
    main, frames = "judge", 256

    def __init__(self, data):
        self.sounds = Sounds(data)
        self.labels = np.array([GENRES.index(genre) for genre in data.labels])
        self.networks, self.rates = {"judge": Judge()}, {"judge": 1e-3}

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


class DiffusionTask:
    """Velocity of the flow, on pairs: content heard in one genre, latents of the same bars in another.

    Real recordings have no other version and no score: their content is heard in themselves, and only there.

    Parameters
    ----------
    data : BandSet or GTZAN
    vae, lead : networks
        Trained; they turn the recordings into latents and what was heard into the tune.
    drop_content, drop_style : float
        How often the network is told nothing of one or the other, which guidance needs.
    score : float
        How often the content is drawn from the known notes, as sheet music and MIDI will give it.
    """
    main, frames = "unet", 256

    def __init__(self, data, vae, lead, *, drop_content=0.15, drop_style=0.1, score=0.3, start=None):
        self.data, self.drop_content, self.drop_style = data, drop_content, drop_style
        self.score = score if data.has_scores else 0.0
        self.heard = all_heard(data)
        self.leads, self.latents = [], []
        with torch.no_grad():
            for number, heard in enumerate(self.heard):
                notes = torch.from_numpy(unpack(heard)[0].astype(np.float32))
                self.leads.append((lead(notes[None])[0].sigmoid() * 255).round().to(torch.uint8).numpy())
                mel = log_mel_tensor(torch.from_numpy(data.audio(number)))
                self.latents.append(vae.encode(mel[None])[0].half().numpy())
        self.pairs = pairs(data)
        self.networks = {"unet": start or Denoiser(tuple(map(float, mel_frequencies())))}
        self.rates = {"unet": 6e-4}

    def picture(self, number, start, draw):
        """Content picture (357, frames) of a clip from column `start`, heard or drawn from its notes."""
        window = slice(start, start + self.frames)
        notes, rhythm = unpack(self.heard[number][:, window].astype(np.float32))
        if draw.random() >= self.score:
            lead = self.leads[number][..., window] / 255
            return np.concatenate([lead.reshape(-1, self.frames), notes.reshape(-1, self.frames), rhythm])
        clip, end = self.data.index[number], start + self.frames
        roll = draw_notes(clip.notes(), end)
        others = draw_notes(clip.notes("others"), end) if draw.random() < 0.7 else 0 * roll
        rhythm = np.concatenate([0 * rhythm[:3], beat_phase(np.asarray(clip.beats), end)[:, window]])
        rolls = [part[..., window].reshape(-1, self.frames) for part in (roll, np.maximum(roll, others))]
        return np.concatenate([*rolls, rhythm])

    def batch(self, draw, size):
        """Latents (size, 8, rows, columns), content pictures (size, 357, frames), styles (size, 12)."""
        rows = []
        for source, target in (self.pairs[n] for n in draw.integers(len(self.pairs), size=size)):
            columns = min(self.latents[source].shape[-1], self.latents[target].shape[-1])
            first = int(draw.integers(columns - self.frames // 4 + 1))
            picture = self.picture(source, 4 * first, draw) * (draw.random() >= self.drop_content)
            style = self.data.index[target].style() * (draw.random() >= self.drop_style)
            rows.append((self.latents[target][..., first:first + self.frames // 4], picture, style))
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


TASKS = {"autoencoder": (AutoencoderTask, MelAutoencoder), "vocoder": (VocoderTask, Vocoder),
         "lead": (LeadTask, LeadFinder), "judge": (JudgeTask, Judge), "diffusion": (DiffusionTask, Denoiser),
         "regression": (RegressionTask, Denoiser)}
