"""Random excerpts of a data set's sound, as training reads them."""

import numpy as np

from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.augmentation import change_speed
from noteninja_lib.audio.io import SAMPLE_RATE, mono
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.datasets.base import DataSet
from noteninja_lib.errors import UserError


class Sounds:
    """All recordings of a data set in memory, as 16-bit samples; random excerpts of them."""

    def __init__(self, data: DataSet):
        self.samples = [(data.audio(n) * 32767).astype(np.int16) for n in range(len(data))]

    def excerpt(self, rng: np.random.Generator, batch_size: int, frames: int, speed: float = 0.0):
        """Excerpts (batch, frames * 256) as float32, with the recordings' numbers.

        Loudness varies by +-6 dB, and speed by +-`speed` (.06 is a semitone), as far as the recordings are
        long enough; a UserError if one is shorter than the excerpts.
        """
        wanted = frames * HOP_LENGTH
        numbers = rng.integers(len(self.samples), size=batch_size)
        lengths = np.array([len(self.samples[number]) for number in numbers])
        require_length(lengths, wanted)
        speeds = np.minimum(1 + rng.uniform(-speed, speed, batch_size), lengths / wanted)
        taken = np.minimum(np.ceil(wanted * speeds).astype(int), lengths)
        starts = rng.integers(lengths - taken + 1)
        parts = [self.samples[n][start : start + length] for n, start, length in zip(numbers, starts, taken)]
        gains = 10 ** (rng.uniform(-6, 6, (batch_size, 1)) / 20)
        sounds = change_speed(parts, speeds, wanted) if speed else np.stack(parts)
        return (sounds / 32767 * gains).astype(np.float32), numbers


class StereoSounds:
    """All recordings of a data set in memory, in stereo and as the networks see them; random excerpts.

    Both are 16-bit samples: (samples, 2) at 44,100 Hz, and half as many, mono, at 22,050 Hz.
    """

    def __init__(self, data: DataSet):
        self.stereo = [(data.stereo(n) * 32767).astype(np.int16) for n in range(len(data))]
        self.mono = [(mono(one / 32767, STEREO_RATE) * 32767).astype(np.int16) for one in self.stereo]

    def excerpt(self, rng: np.random.Generator, batch_size: int, frames: int):
        """Excerpts in stereo (batch, 2, frames * 512) and mono (batch, frames * 256), float32.

        Loudness varies by +-6 dB, left and right are the recording's. A UserError if a recording is shorter.
        """
        wanted = frames * HOP_LENGTH
        numbers = rng.integers(len(self.mono), size=batch_size)
        lengths = np.array([len(self.mono[number]) for number in numbers])
        require_length(lengths, wanted)
        starts, gains = rng.integers(lengths - wanted + 1), 10 ** (rng.uniform(-6, 6, batch_size) / 20)
        both, single = [], []
        for number, start, gain in zip(numbers, starts, gains / 32767):
            both.append(self.stereo[number][2 * start : 2 * (start + wanted)].T * gain)
            single.append(self.mono[number][start : start + wanted] * gain)
        return np.stack(both).astype(np.float32), np.stack(single).astype(np.float32)


def require_length(lengths: np.ndarray, wanted: int) -> None:
    """A UserError where a recording is shorter than the excerpts of it."""
    if lengths.min() < wanted:
        raise UserError(
            f"A recording is shorter than the {wanted / SAMPLE_RATE:.1f} s that training looks at: make "
            f"longer ones with `noteninja dataset build --seconds`."
        )
