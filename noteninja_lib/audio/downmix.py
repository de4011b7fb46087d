"""Two channels folded into one in which neither cancels the other.

The mean of two channels loses what they have with opposite signs: a reversed plug silences a song. So the
difference of the channels is turned by a quarter of a period before it is added to their mean, as matrix
surround does (Dolby: the Hilbert transform): the energy of the sum is then that of both channels, whatever
their phases, and what lies in the middle stays as it is.
"""

import numpy as np
import scipy.fft

TAPS = 4095  # of the filter that turns by a quarter of a period, from about 20 Hz at 44,100 Hz
SIZE = 5 * (TAPS + 1)  # of the Fourier transforms
HOP = SIZE - TAPS + 1  # samples that one of them gives
_odd = np.arange(-(TAPS // 2), TAPS // 2 + 1)
#: An ideal Hilbert transform (2 / pi n for odd n), cut by Blackman's window.
KERNEL = np.where(_odd % 2, 2 / (np.pi * np.where(_odd, _odd, 1)), 0) * np.blackman(TAPS)
RESPONSE = scipy.fft.rfft(KERNEL, SIZE).astype(np.complex64)


class Downmix:
    """Folds blocks (n, channels) of one recording; what comes out is as long as what went in, but later."""

    def __init__(self) -> None:
        self.waiting = np.zeros((0, 2), np.float32)  # middle and side that are not folded yet
        self.side = np.zeros(TAPS // 2, np.float32)  # what was before

    def __call__(self, block: np.ndarray, last: bool = False) -> np.ndarray:
        """As much as can be folded by now, float32, shape (n,); all of it with the last block.

        Parameters
        ----------
        block : numpy.ndarray, float32, shape (n, channels)
            One channel is given out as it is; of more than two, the mean.
        last : bool
        """
        if block.shape[1] != 2:
            return np.ascontiguousarray(block.mean(1, dtype=np.float32))
        left, right = block.T
        added = np.stack([(left + right) / 2, (left - right) / 2], 1).astype(np.float32)
        after = [np.zeros((TAPS // 2, 2), np.float32)] if last else []
        middle, side = np.concatenate([self.waiting, added, *after]).T
        ready = max(0, len(side) - TAPS // 2)
        ready = ready if last else ready // HOP * HOP
        sound = np.concatenate([self.side, side])
        folded = middle[:ready].copy()
        for start in range(0, ready, HOP):
            stretch = sound[start : start + SIZE]
            if stretch.any():  # many recordings have the same on both sides
                turned = scipy.fft.irfft(scipy.fft.rfft(stretch, SIZE) * RESPONSE, SIZE)[TAPS - 1 :]
                folded[start : start + HOP] += turned[: ready - start]
        self.waiting = np.stack([middle[ready:], side[ready:]], 1)
        self.side = sound[ready : ready + TAPS // 2]
        return folded
