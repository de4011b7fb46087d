"""The networks that find the tune and judge the genre: what they learn, and from what. Lesson: 07_training_on_gtzan."""
import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from ..dataset.excerpts import Sounds
from ..dataset.hearing import unpack
from ..errors import UserError
from ..model.listener import Judge, LeadFinder
from ..music.genres import GENRES
from ..music.notation import draw_notes
from ..sound.augmentation import change_tone
from ..sound.spectrogram import log_mel_tensor


class LeadTask:
    """The tune among all notes that Basic Pitch hears, taught by the band's known scores."""
    main, frames = "lead", 384

    def __init__(self, data):
        if not data.has_scores:
            raise UserError("The lead network learns from known scores, and GTZAN has none: give it a data set that "
                            "`noteninja dataset build` made.")
        self.data = data
        self.heard = [data.heard(number) for number in tqdm(range(len(data)), "listening", delay=2, leave=False)]
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
