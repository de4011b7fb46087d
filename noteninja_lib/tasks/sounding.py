"""Autoencoder and vocoder: what they learn, and from what. Lesson: 07_training_on_gtzan."""
import numpy as np
import torch
from torch.nn import functional as F

from ..dataset.excerpts import Sounds
from ..model.autoencoder import MelAutoencoder, PatchDiscriminator, discriminator_loss, generator_loss
from ..model.vocoder import Vocoder
from ..sound.spectrogram import MEL_MEAN, MEL_STD, log_mel_tensor, magnitude


class AutoencoderTask:
    """Log-mel pictures through the bottleneck and back: L1, a little KL, and late a discriminator for sharpness.

    Begun from a trained one, only the decoder learns on, against the discriminator from the first step: the latents
    stay what the denoiser knows.
    """
    main, frames = "vae", 128

    def __init__(self, data, steps, sharpen_from=0.6, start=None):
        self.sounds, self.frozen = Sounds(data), start is not None
        self.sharpen_from = 0 if start else int(steps * sharpen_from)
        self.networks = {"vae": start or MelAutoencoder(), "judge": PatchDiscriminator(32, ((2, 2), (2, 2), (2, 2)))}
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
            losses |= {"fooled": fooled.item(), "sharpness": float(sharpness(decoded.detach()) / sharpness(mel))}
        trainer.descend(loss, "vae")
        return losses

    def finish(self, vae):
        """Measure how widely the latents spread and write it into the network's configuration."""
        if not self.frozen:
            with torch.no_grad():
                mel = log_mel_tensor(torch.from_numpy(self.sounds.excerpt(np.random.default_rng(0), 64, self.frames)[0]))
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
        self.sharpen_from, self.decoded_from = (0, 0) if start else (int(steps * sharpen_from), int(steps * decoded_from))
        judges = {f"judge{n_fft}": PatchDiscriminator(8, ((2, 1), (2, 2), (2, 2)), channels=2) for n_fft in self.judged}
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
                fooled, matching = play(trainer, self.networks[f"judge{n_fft}"], f"judge{n_fft}",
                                        *(compressed_spectrum(sound, n_fft) for sound in (truth, made)))
                loss = loss + 0.1 * fooled + matching
                losses[f"fooled{n_fft}"] = fooled.item()
            losses["sharpness"] = float(sharpness(log_mel_tensor(made.detach())) / sharpness(log_mel_tensor(truth)))
        trainer.descend(loss, "vocoder")
        return losses


def compressed_spectrum(audio, n_fft):
    """Real and imaginary part of a Fourier transform, with magnitudes raised to the power of .3: what a discriminator
    of sound looks at (Défossez et al. 2022, arXiv 2210.13438); shape (batch, 2, bins, frames)."""
    window = torch.hann_window(n_fft, device=audio.device)
    spectrum = torch.view_as_real(torch.stft(audio, n_fft, n_fft // 4, window=window, return_complex=True) * (2 / window.sum()))
    return (spectrum * (spectrum.square().sum(-1, keepdim=True) + 1e-7) ** -0.35).permute(0, 3, 1, 2) * 4
