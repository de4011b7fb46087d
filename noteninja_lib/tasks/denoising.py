"""The denoiser, and the rival without diffusion: what they learn, and from what. Lesson: 07_training_on_gtzan."""
import numpy as np
import torch
from torch.nn import functional as F

from ..dataset.excerpts import pairs
from ..dataset.hearing import unpack
from ..model.denoiser import Denoiser
from ..model.diffusion import add_noise, sample_times, velocity
from ..music.rhythm import beat_phase
from ..music.notation import draw_notes
from ..sound.spectrogram import log_mel_tensor, mel_frequencies


class DiffusionTask:
    """Velocity of the flow, on pairs: content heard in one genre, latents of the same bars in another.

    Real recordings have no other version and no score: their content is heard in themselves, and only there. Each
    recording is read, heard and encoded when it is first drawn. If some have been listened to ahead (`hear_all`), only
    those are heard as sources; the notes of the others are known from the score.

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
        self.data, self.vae, self.lead = data, vae, lead
        self.drop_content, self.drop_style, self.score = drop_content, drop_style, score if data.has_scores else 0.0
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
        return self.vae.encode(log_mel_tensor(torch.from_numpy(self.data.audio(number)))[None])[0].half().numpy()

    def content(self, number):
        """What is heard in a recording as the tune (2, 88, frames; 0..255), and all that is heard (181, frames)."""
        heard = self.data.heard(number)
        notes = torch.from_numpy(unpack(heard)[0].astype(np.float32))
        return (self.lead(notes[None])[0].sigmoid() * 255).round().to(torch.uint8).numpy(), heard

    def picture(self, number, start, draw, by_score):
        """Content picture (357, frames) of a clip from column `start`, heard or drawn from its notes."""
        window, end = slice(start, start + self.frames), start + self.frames
        if not by_score:
            lead, heard = self.remember(self.content, number)
            notes, rhythm = unpack(heard[:, window].astype(np.float32))
            return np.concatenate([lead[..., window].reshape(-1, self.frames) / 255, notes.reshape(-1, self.frames), rhythm])
        clip = self.data.index[number]
        roll = draw_notes(clip.notes(), end)
        others = draw_notes(clip.notes("others"), end) if draw.random() < 0.7 else 0 * roll
        rhythm = np.concatenate([np.zeros((3, self.frames)), beat_phase(np.asarray(clip.beats), end)[:, window]])
        rolls = [part[..., window].reshape(-1, self.frames) for part in (roll, np.maximum(roll, others))]
        return np.concatenate([*rolls, rhythm])

    def batch(self, draw, size):
        """Latents (size, 8, rows, columns), content pictures (size, 357, frames), styles (size, 12)."""
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
            rows.append((latents[..., first:first + self.frames // 4], picture, style))
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
