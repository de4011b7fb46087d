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
from torch import nn
from torch.nn import functional as F

from noteninja_lib.audio.spectrogram import HOP_LENGTH, PITCHES
from noteninja_lib.models.checkpoints import load_model

OCTAVES, BINS = 9, 36  # of the constant-Q transform, 3 bins to a semitone
ROWS = 3 * PITCHES  # bins of the piano's keys; above them only overtones lie
WINDOW, MARGIN, KEPT = 43844, 15, 142  # samples of a window; frames cut at each end of it, and frames kept
SHIFTS = (-36, 0, 36, 57, 72, 84, 93, 101)  # bins to half the frequency, to itself, to 2, 3 ... 7 times of it


def convolve(x: torch.Tensor, layer: nn.Conv2d, together: int = 8) -> torch.Tensor:
    """A convolution that works out neighbours along the last axis together, as if they were channels.

    A processor computes 16 channels in the time of one: layers with fewer become up to three times as fast.
    `x` has shape (batch, channels, rows, columns); the result is that of `layer(x)` but for rounding.
    """
    step, width = layer.stride[1], layer.kernel_size[1]
    length = (x.shape[-1] + 2 * layer.padding[1] - width) // step + 1  # type: ignore[operator]
    x = F.pad(x, (0, step * (-length % together))) if length % together else x
    kernels = torch.cat([F.pad(layer.weight, (step * n, step * (together - 1 - n))) for n in range(together)])
    bias = None if layer.bias is None else layer.bias.repeat(together)
    x, stride = x.contiguous(memory_format=torch.channels_last), (layer.stride[0], step * together)
    y = F.conv2d(x, kernels, bias, stride, layer.padding)
    return y.unflatten(1, (together, -1)).movedim(1, -1).flatten(-2)[..., :length]


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
        width, octaves, x = self.filters.kernel_size[0], [], audio[:, None]
        for octave in range(OCTAVES):
            padded = F.pad(x, (width // 2, width // 2), mode="reflect")
            octaves.append(F.conv1d(padded, self.filters.weight, stride=256 >> octave))
            x = convolve(x[:, None], self.lowpass)[:, 0]
        bins = torch.cat([one.unflatten(1, (2, BINS)) for one in octaves[::-1]], 2)
        bins = bins[:, :, -len(self.gain) :] * self.gain[:, None]
        loudness = torch.log10(bins.square().sum(1) + 1e-10).transpose(1, 2)
        loudness = loudness - loudness.amin((1, 2), keepdim=True)
        return loudness / loudness.amax((1, 2), keepdim=True).clamp(min=1e-9)


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

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """Probability (batch, 2, 88, frames) that each note begins, and sounds; a frame every 256 samples.

        `audio` has shape (batch, samples), 22,050 samples a second; the network was trained on windows of
        43,844.
        """
        loudness = self.transform(audio) * self.scale[0] + self.scale[1]
        # What lies an octave below and at each overtone comes beside each bin, as channels.
        around = F.pad(loudness, (-min(SHIFTS), max(SHIFTS)))
        moved = [around[..., shift - min(SHIFTS) :][..., :ROWS] for shift in SHIFTS]
        stack = torch.stack(moved, -1).movedim(-1, 1)
        contour = F.relu(convolve(stack, self.contour[0], together=2))
        contour = torch.sigmoid(convolve(contour, self.contour[1]))
        note = torch.sigmoid(convolve(F.relu(self.note[0](contour)), self.note[1]))
        onset = torch.cat([note, F.relu(self.onset[0](stack))], 1)
        onset = torch.sigmoid(convolve(onset, self.onset[1]))
        return torch.cat([onset, note], 1).transpose(2, 3)


@torch.no_grad()
def transcribe(audio: np.ndarray, progress: Callable[[float], None] = lambda done: None) -> np.ndarray:
    """How surely each of 88 notes begins and sounds in each frame.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 22,050 Hz.
    progress : callable
        Called with the fraction done.

    Returns
    -------
    numpy.ndarray, float16, shape (2, 88, samples // 256)
        Onset and sustain posteriors of Basic Pitch, 0 to 1.
    """
    listener, frames = load_model(BasicPitch), len(audio) // HOP_LENGTH
    padded = np.pad(audio, (MARGIN * HOP_LENGTH, WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    windows = windows[: max(frames, 1) * HOP_LENGTH : KEPT * HOP_LENGTH]
    found = np.empty((2, PITCHES, len(windows) * KEPT), np.float16)
    for first in range(0, len(windows), 8):
        progress(first / len(windows))
        batch = torch.from_numpy(windows[first : first + 8].astype(np.float32)).to(listener.device)
        heard = listener(batch)[..., MARGIN : MARGIN + KEPT].permute(1, 2, 0, 3).flatten(2).cpu().numpy()
        found[..., first * KEPT : first * KEPT + heard.shape[-1]] = heard
    return found[..., :frames]
