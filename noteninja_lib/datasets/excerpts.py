"""Random excerpts of a data set's sound, as training reads them."""

import numpy as np

from noteninja_lib.audio.augmentation import change_speed
from noteninja_lib.audio.io import SAMPLE_RATE
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
        if lengths.min() < wanted:
            raise UserError(
                f"A recording is shorter than the {wanted / SAMPLE_RATE:.1f} s that training looks at: make "
                f"longer ones with `noteninja dataset build --seconds`."
            )
        speeds = np.minimum(1 + rng.uniform(-speed, speed, batch_size), lengths / wanted)
        taken = np.minimum(np.ceil(wanted * speeds).astype(int), lengths)
        starts = rng.integers(lengths - taken + 1)
        parts = [self.samples[n][start : start + length] for n, start, length in zip(numbers, starts, taken)]
        gains = 10 ** (rng.uniform(-6, 6, (batch_size, 1)) / 20)
        sounds = change_speed(parts, speeds, wanted) if speed else np.stack(parts)
        return (sounds / 32767 * gains).astype(np.float32), numbers
