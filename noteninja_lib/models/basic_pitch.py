"""Which notes are heard: the network of Basic Pitch, in PyTorch.

Bittner et al. 2022 (arXiv 2203.09893; https://github.com/spotify/basic-pitch, Apache License 2.0).
Architecture and weights are theirs, from the file nmp.onnx of the package's version 0.4.0, and the results
are the same; here it takes less than half of the time, needs no TensorFlow or onnxruntime, and runs wherever
PyTorch does.
"""

from collections.abc import Callable

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from scipy.fft import next_fast_len
from torch import nn
from torch.nn import functional as F

from noteninja_lib.audio.spectrogram import HOP_LENGTH, PITCHES
from noteninja_lib.models import in_threads
from noteninja_lib.models.checkpoints import load_model

OCTAVES, BINS = 9, 36  # of the constant-Q transform, 3 bins to a semitone
ROWS = 3 * PITCHES  # bins of the piano's keys; above them only overtones lie
WINDOW, MARGIN, KEPT = 43844, 15, 142  # samples of a window; frames cut at each end of it, and frames kept
REACH = 10  # frames to either side that count for a frame, once its loudness is known
PIECE = 128  # samples that are halved in rate at once
TOGETHER = 4  # windows heard at once: more of them would not stay in a processor's cache
SHIFTS = (-36, 0, 36, 57, 72, 84, 93, 101)  # bins to half the frequency, to itself, to 2, 3 ... 7 times of it


def sum_taps(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """A convolution to one channel: what each tap gives, by a product of matrices, moved and added up.

    A processor computes 16 channels in the time of one, so that the usual way wastes most of it.

    Parameters
    ----------
    x : torch.Tensor, shape (batch, channels, rows, columns)
    kernel : torch.Tensor, shape (1, channels, height, width)
        Of odd sizes; zeros are around `x`.

    Returns
    -------
    torch.Tensor, shape (batch, 1, rows, columns)
        That of `torch.nn.functional.conv2d` but for rounding.
    """
    (rows, columns), (height, width) = x.shape[-2:], kernel.shape[-2:]
    taps = (kernel[0].flatten(1).T @ x.flatten(2)).unflatten(2, (rows, columns))
    total = taps.new_zeros(len(x), rows + height - 1, columns + width - 1)
    for number, tap in enumerate(taps.unbind(1)):
        up, left = height - 1 - number // width, width - 1 - number % width
        total[:, up : up + rows, left : left + columns] += tap
    return total[:, None, height // 2 :, width // 2 :][..., :rows, :columns]


def convolve_rows(x: torch.Tensor, layer: nn.Conv2d) -> torch.Tensor:
    """A convolution over three rows and many columns, the latter by Fourier transforms.

    Parameters
    ----------
    x : torch.Tensor, shape (batch, channels, rows + 2, columns)
        With a row of zeros at either end.
    layer : nn.Conv2d
        With a kernel of 3 rows and an odd number of columns; zeros are around those of `x`.

    Returns
    -------
    torch.Tensor, shape (batch, outputs, rows, columns)
        What the layer gives but for rounding: for 39 columns in less than half of the time.
    """
    batch, channels, rows, columns = x.shape
    half, outputs = layer.kernel_size[1] // 2, layer.out_channels
    length = 2 * next_fast_len((columns + half + 1) // 2)  # what comes round from the other end is zeros
    frequencies, places = torch.arange(length // 2 + 1), torch.arange(-half, half + 1)
    angles = (2 * np.pi / length * frequencies * places[:, None]).to(x.device)
    real, imaginary = layer.weight @ angles.cos(), layer.weight @ angles.sin()
    # Products of complex numbers as one of real matrices, which is faster: both parts become channels.
    parts = torch.stack([real, imaginary, -imaginary, real]).unflatten(0, (2, 2))
    matrices = parts.permute(4, 5, 3, 0, 2, 1).flatten(4).flatten(2, 3)  # rows, frequencies, inputs, outputs
    # All rows of all windows in one line: the zeros between them keep the windows apart.
    spectra = torch.fft.rfft(x, length).permute(3, 0, 2, 1).contiguous()
    spectra = torch.view_as_real(spectra).flatten(3).flatten(1, 2)
    found = spectra[:, :-2] @ matrices[0]
    for row in (1, 2):
        found.baddbmm_(spectra[:, row : row + found.shape[1]], matrices[row])
    found[0, :, ::2] += layer.bias * length  # the mean of each row is at frequency 0
    found = torch.view_as_complex(found.unflatten(2, (outputs, 2))).permute(2, 1, 0)
    lines = torch.fft.irfft(found, length)[..., :columns]
    return torch.stack([lines[:, first : first + rows - 2] for first in range(0, batch * rows, rows)])


class ConstantQ(nn.Module):
    """Loudness of 309 bins, a third of a semitone each, in windows of sound; scaled to 0..1 in each window.

    One octave at a time from the top: the same filters serve each, since the sound is halved in rate in
    between (Schörkhuber and Klapuri 2010).
    """

    gain: torch.Tensor

    def __init__(self, bins: int = 309, width: int = 256):
        super().__init__()
        self.filters = nn.Conv1d(1, 2 * BINS, width, bias=False)  # cosines, then sines
        self.lowpass = nn.Conv2d(1, 1, (1, width), stride=(1, 2), padding=(0, width // 2 - 1), bias=False)
        self.register_buffer("gain", torch.ones(bins))

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """Audio (batch, samples) to loudness (batch, frames, bins)."""
        width, octaves, x, halving = self.filters.kernel_size[0], [], audio, self.halving()
        for octave in range(OCTAVES):
            padded = F.pad(x, (width // 2, width // 2), mode="reflect")
            octaves.append(padded.unfold(1, width, 256 >> octave))
            x = self.halve(x, halving) if octave < OCTAVES - 1 else x
        bins = torch.stack(octaves[::-1], 2) @ self.filters.weight[:, 0].T  # batch, frames, octaves, filters
        cosines, sines = bins.split(BINS, 3)
        bins = torch.addcmul(cosines.square(), sines, sines).flatten(2)[..., -len(self.gain) :]
        loudness = torch.log10(bins * self.gain.square() + 1e-10)
        loudness = loudness - loudness.amin((1, 2), keepdim=True)
        return loudness / loudness.amax((1, 2), keepdim=True).clamp(min=1e-9)

    def halving(self) -> torch.Tensor:
        """The low-pass filter as a matrix (samples, half as many outputs), two samples on from column to
        column."""
        taps, step = self.lowpass.weight.flatten(), PIECE // 2
        length = len(taps) + PIECE
        # Lines that are two samples longer than a column, one after the other, cut into columns.
        line = F.pad(taps, (0, PIECE + 2))
        return line.repeat(step)[: step * length].unflatten(0, (step, length)).T

    def halve(self, audio: torch.Tensor, halving: torch.Tensor) -> torch.Tensor:
        """Sound (batch, samples) at half of its rate: pieces of it times a matrix, which is quick."""
        before, wanted = int(self.lowpass.padding[1]), audio.shape[1] // 2
        count = -(-2 * wanted // PIECE)
        after = PIECE * (count - 1) + len(halving) - before - audio.shape[1]
        pieces = F.pad(audio, (before, after)).unfold(1, len(halving), PIECE)
        return (pieces.flatten(0, 1) @ halving).unflatten(0, (-1, count)).flatten(1)[:, :wanted]


class BasicPitch(ModelMixin, ConfigMixin):
    """Onsets and sustain of 88 notes in windows of two seconds of sound."""

    config_name = "config.json"

    @register_to_config
    def __init__(self):
        super().__init__()
        self.transform = ConstantQ()
        self.scale = nn.Parameter(torch.tensor([1.0, 0.0]))  # of loudness: factor and offset
        contour = [nn.Conv2d(8, 8, (3, 39), padding=(1, 19)), nn.Conv2d(8, 1, 5, padding=2)]
        note = [nn.Conv2d(1, 32, 7, (1, 3), padding=(3, 2)), nn.Conv2d(32, 1, (7, 3), padding=(3, 1))]
        onset = [nn.Conv2d(8, 32, 5, (1, 3), padding=(2, 1)), nn.Conv2d(33, 1, 3, padding=1)]
        self.contour, self.note, self.onset = map(nn.ModuleList, (contour, note, onset))

    def forward(self, audio: torch.Tensor, margin: int = 0, onsets: bool = True) -> torch.Tensor:
        """Probability (batch, 2, 88, frames) that each note begins, and sounds; a frame every 256 samples.

        `audio` has shape (batch, samples), 22,050 samples a second; the network was trained on windows of
        43,844. As many frames as `margin` says are left out at either end; without `onsets`, these are 0.
        """
        loudness = self.transform(audio) * self.scale[0] + self.scale[1]
        unheard = max(margin - REACH, 0)
        loudness = loudness[:, unheard : loudness.shape[1] - unheard]
        # What lies an octave below and at each overtone comes beside each bin, as channels.
        around = F.pad(loudness, (-min(SHIFTS), max(SHIFTS), 1, 1))
        stack = torch.stack([around[..., shift - min(SHIFTS) :][..., :ROWS] for shift in SHIFTS], 1)
        contour, note, onset = self.contour, self.note, self.onset
        x = F.relu_(convolve_rows(stack, contour[0]))
        x = torch.sigmoid(sum_taps(x, contour[1].weight) + contour[1].bias)
        x = F.relu_(note[0](x))
        sustain = torch.sigmoid(sum_taps(x, note[1].weight) + note[1].bias)
        begins = torch.zeros_like(sustain)
        if onsets:
            # One of two rows of padding is there already.
            x = F.relu_(F.conv2d(stack, onset[0].weight, onset[0].bias, onset[0].stride, (1, 1)))
            by_sustain, by_sound = onset[1].weight.split([1, 32], 1)
            begins = torch.sigmoid(sum_taps(sustain, by_sustain) + sum_taps(x, by_sound) + onset[1].bias)
        kept = slice(margin - unheard, loudness.shape[1] - (margin - unheard))
        return torch.cat([begins, sustain], 1)[:, :, kept].transpose(2, 3)


@torch.no_grad()
def transcribe(
    audio: np.ndarray, progress: Callable[[float], None] = lambda done: None, onsets: bool = True
) -> np.ndarray:
    """How surely each of 88 notes begins and sounds in each frame.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 22,050 Hz.
    progress : callable
        Called with the fraction done.
    onsets : bool
        Without, these are 0, and it takes a quarter less time.

    Returns
    -------
    numpy.ndarray, float16, shape (2, 88, samples // 256)
        Onset and sustain posteriors of Basic Pitch, 0 to 1.
    """
    listener, frames = load_model(BasicPitch), len(audio) // HOP_LENGTH
    count = max(1, -(-frames // KEPT))
    found = torch.empty((2, PITCHES, count * KEPT), dtype=torch.float16)

    def hear(first):
        windows = np.zeros((min(TOGETHER, count - first), WINDOW), np.float32)
        for number, window in enumerate(windows, first):
            begin = (number * KEPT - MARGIN) * HOP_LENGTH
            part = audio[max(begin, 0) : begin + WINDOW]
            window[max(-begin, 0) :][: len(part)] = part
        heard = listener(torch.from_numpy(windows).to(listener.device), MARGIN, onsets)
        found[..., first * KEPT : (first + len(windows)) * KEPT] = heard.permute(1, 2, 0, 3).flatten(2)

    in_threads(hear, range(0, count, TOGETHER), progress)
    return found[..., :frames].numpy()
