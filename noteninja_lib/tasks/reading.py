"""The network that reads printed music: what it learns, and from what. Lesson: 10_reading_sheet_music."""
import cv2
import numpy as np
import torch
from torch.nn import functional as F

from ..model.reader import BLANK, COLUMN, LineReader, as_input
from ..music.omr.wear import wear

FEW_WIDTHS = 64                              # pixels: new widths cost time and memory, each the first time


class ReadingTask:
    """Words of engraved lines, by CTC, from pictures of them that are worn anew each time.

    Parameters
    ----------
    data : dataset.strips.Strips
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
        numbers = draw.choice(self.by_width[place:place + 12 * size], size, replace=len(self.data) < size)
        strips, words = zip(*(self.data[number] for number in numbers))
        worn = [wear(strip, draw, other=strips[k - 1]) for k, strip in enumerate(strips)]
        columns = [-(-strip.shape[1] // COLUMN) for strip in worn]
        return [as_input(worn, FEW_WIDTHS), np.array(columns), np.concatenate(words).astype(np.int64), np.array([len(one) for one in words])]

    def update(self, trainer, batch):
        """One step; returns the loss a word."""
        strips, columns, words, lengths = batch
        logits = self.networks["reader"](strips.to(memory_format=torch.channels_last))
        chances = F.log_softmax(logits.float(), -1).transpose(0, 1)
        loss = F.ctc_loss(chances, words, columns, lengths, blank=BLANK, reduction="sum", zero_infinity=True) / lengths.sum()
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
