"""What training reads of a data set: random excerpts, what was heard, and pairs of the same tune in two genres."""

from collections import Counter

import numpy as np

from noteninja_lib.audio.augmentation import change_speed
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.errors import UserError


class Sounds:
    """All recordings of a data set in memory, as 16-bit samples; random excerpts of them."""

    def __init__(self, data):
        self.samples = [(data.audio(n) * 32767).astype(np.int16) for n in range(len(data))]

    def excerpt(self, draw, batch_size, frames, speed=0.0):
        """Excerpts (batch, frames * 256) as float32, with the clips' numbers.

        Loudness varies by +-6 dB, and speed by +-`speed` (.06 is a semitone), as far as the recordings are long enough.
        """
        wanted = frames * HOP_LENGTH
        numbers = draw.integers(len(self.samples), size=batch_size)
        lengths = np.array([len(self.samples[number]) for number in numbers])
        if lengths.min() < wanted:
            raise UserError(
                f"A recording is shorter than the {wanted / SAMPLE_RATE:.1f} s that training looks at: make "
                f"longer ones with `noteninja dataset build --seconds`."
            )
        speeds = np.minimum(1 + draw.uniform(-speed, speed, batch_size), lengths / wanted)
        taken = np.minimum(np.ceil(wanted * speeds).astype(int), lengths)
        parts = [
            self.samples[number][start : start + length]
            for number, start, length in zip(numbers, draw.integers(lengths - taken + 1), taken)
        ]
        gains = 10 ** (draw.uniform(-6, 6, (batch_size, 1)) / 20)
        sounds = change_speed(parts, speeds, wanted) if speed else np.stack(parts)
        return (sounds / 32767 * gains).astype(np.float32), numbers


def pairs(data):
    """(source, target): the same tune in two genres where the band plays it, else each recording with itself.

    Targets are played with the soundfont that most clips have, so that the converter has one set of instruments.
    """
    if not data.has_scores:
        return [(number, number) for number in range(len(data))]
    groups = {}
    for number, clip in enumerate(data.index):
        groups.setdefault(clip.group, []).append(number)
    main_font = Counter(clip.soundfont for clip in data.index).most_common(1)[0][0]
    return [
        (source, target)
        for members in groups.values()
        for target in members
        for source in members
        if data.index[target].soundfont == main_font and (source != target or len(members) == 1)
    ]
