"""Finding recordings that occur twice in a data set, also shifted in time, louder or coded differently."""
from dataclasses import dataclass

import numpy as np
import torch

from ..sound.audio import SAMPLE_RATE
from ..sound.spectrogram import HOP_LENGTH, log_mel

STEP = 8               # spectrogram columns averaged into one: about 11 a second
BANDS = 24
RATE = SAMPLE_RATE / HOP_LENGTH / STEP


@dataclass(frozen=True)
class Repetition:
    """Recordings `first` and `second` (numbers) hold the same sound.

    `second` begins `shift` seconds after `first`; `likeness` is the correlation of what they have in common, up to 1.
    """
    first: int
    second: int
    shift: float
    likeness: float


def fingerprint_of(audio):
    """How the strength of 24 bands of frequency moves: shape (24, columns), float32.

    The mean of each band is taken away and each is brought to the same size, so that gain and tone do not count.
    """
    mel = log_mel(audio).reshape(BANDS, -1, len(audio) // HOP_LENGTH).mean(1)
    columns = mel.shape[1] // STEP
    mel = mel[:, :columns * STEP].reshape(BANDS, columns, STEP).mean(2)
    mel[:, 1:-1] = mel[:, 1:-1] / 2 + (mel[:, :-2] + mel[:, 2:]) / 4      # columns seldom begin at the same instant
    mel = mel - mel.mean(1, keepdims=True)
    return (mel / (mel.std(1, keepdims=True) + 0.1)).astype(np.float32)


def find_repetitions(data, likeness=0.85, longest_shift=10.0, shortest=2.0):
    """Pairs of recordings that share sound.

    Each recording is laid over each other at every shift and the fingerprints are correlated where they overlap; for
    all pairs at one shift that is one product of matrices.

    Parameters
    ----------
    data : DataSet
    likeness : float
        Correlation from which on it counts as the same sound.
    longest_shift, shortest : float
        Seconds; the most by which they may be shifted, and the least that they must have in common.

    Returns
    -------
    list of Repetition
        Likest first.
    """
    prints = [fingerprint_of(data.audio(number)) for number in range(len(data))]
    columns = max((one.shape[1] for one in prints), default=0)
    stack = torch.zeros(len(prints), BANDS, columns)
    present = torch.zeros(len(prints), 1, columns)
    for number, one in enumerate(prints):
        stack[number, :, :one.shape[1]], present[number, :, :one.shape[1]] = torch.from_numpy(one), 1
    best, shift_of = torch.full((len(prints), len(prints)), -1.0), torch.zeros(len(prints), len(prints))
    for shift in range(min(round(longest_shift * RATE), max(0, columns - round(shortest * RATE))) + 1):
        late, early = slice(shift, None), slice(0, columns - shift)      # the first's end upon the second's beginning
        first, second, here, there = stack[..., late], stack[..., early], present[..., late], present[..., early]
        product = first.flatten(1) @ second.flatten(1).T
        norm = ((first ** 2).sum(1) @ there[:, 0].T) * (here[:, 0] @ (second ** 2).sum(1).T)
        alike = product / norm.sqrt().clamp(min=1e-6)
        alike[here[:, 0] @ there[:, 0].T < shortest * RATE - 1] = -1
        better = alike > best
        best[better], shift_of[better] = alike[better], shift / RATE
    found = []
    for first, second in zip(*np.nonzero((best >= likeness).numpy())):
        if first != second and (best[first, second] > best[second, first]
                                or (best[first, second] == best[second, first] and first < second)):
            found.append(Repetition(int(first), int(second), round(float(shift_of[first, second]), 2),
                                    float(best[first, second])))
    return sorted(found, key=lambda one: -one.likeness)
