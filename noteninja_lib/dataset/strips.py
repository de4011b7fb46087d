"""A folder of engraved lines for the sheet music reader: made once, in parts, read by training. Lesson: 10_reading_sheet_music."""
import multiprocessing
import os
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np

from ..errors import UserError
from ..music.omr.strips import make_strips
from ..music.omr.symbols import encode
from ..music.theory import load_tunes

PART = 1200                                  # lines in a file


def make_part(seed, number, size=PART, split="train"):
    """Part `number` of a set: (list of PNG bytes, list of class numbers)."""
    cv2.setNumThreads(1)
    draw, tunes, pictures, words = np.random.default_rng((seed, number)), load_tunes(split), [], []
    while len(pictures) < size:
        for strip, line in make_strips(draw, tunes):
            pictures.append(cv2.imencode(".png", strip, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].ravel())
            words.append(np.array(encode(line), np.int16))
    return pictures, words


def _write_part(job):
    folder, seed, number, size, split = job
    pictures, words = make_part(seed, number, size, split)
    path = folder / f"strips_{number:04d}.npz"
    with open(path.with_suffix(".new"), "wb") as file:
        np.savez(file, pictures=np.concatenate(pictures), words=np.concatenate(words),
                 picture_lengths=[len(one) for one in pictures], word_lengths=[len(one) for one in words])
    os.replace(path.with_suffix(".new"), path)


def build(folder, lines, seed=0, workers=1, split="train", size=PART):
    """Engrave lines into a folder; parts that are there stay, so that a stopped build goes on.

    Parameters
    ----------
    folder : path
    lines : int
        Rounded up to whole parts of `size`.
    seed, workers : int
    split : {"train", "validation"}
        Of the tunes.

    Yields
    ------
    (int, int)
        Parts done, and all; once at the beginning and after each part.
    """
    folder, total = Path(folder), -(-lines // size)
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder, seed, number, size, split) for number in range(total) if not (folder / f"strips_{number:04d}.npz").exists()]
    yield total - len(jobs), total
    with multiprocessing.get_context("spawn").Pool(workers) if workers > 1 else nullcontext() as pool:
        for number, _ in enumerate(pool.imap_unordered(_write_part, jobs) if pool else map(_write_part, jobs), 1):
            yield total - len(jobs) + number, total


class Strips:
    """Engraved lines of a folder: `strips[k]` is (strip uint8 (96, width), class numbers int16).

    Parameters
    ----------
    folder : path
        As `build` makes it.
    """

    def __init__(self, folder):
        self.pictures, self.words = [], []
        for path in sorted(Path(folder).glob("strips_*.npz")):
            with np.load(path) as part:
                self.pictures += np.split(part["pictures"], np.cumsum(part["picture_lengths"])[:-1])
                self.words += np.split(part["words"], np.cumsum(part["word_lengths"])[:-1])
        if not self.pictures:
            raise UserError(f"{folder} holds no engraved lines: make some with `noteninja dataset engrave {folder}`.")
        # The width stands in a PNG's first bytes, so that lines of one length can share a batch.
        self.widths = np.array([int.from_bytes(picture[16:20].tobytes(), "big") for picture in self.pictures])

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, number):
        return cv2.imdecode(self.pictures[number], cv2.IMREAD_GRAYSCALE), self.words[number]
