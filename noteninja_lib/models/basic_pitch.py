"""Which notes are heard: the network of Basic Pitch, in PyTorch.

Bittner et al. 2022 (arXiv 2203.09893; https://github.com/spotify/basic-pitch, Apache License 2.0). Architecture and
weights are theirs, from the file nmp.onnx of the package's version 0.4.0, and the results are the same; here it takes less
than half of the time, needs no TensorFlow or onnxruntime, and runs wherever PyTorch does.
"""

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.models.checkpoints import load_model

LOWEST = 21  # MIDI pitch of the lowest key, A0
WINDOW, MARGIN = 43844, 15  # the network hears windows of 43,844 samples; 15 frames at each end are cut
KEPT = 142  # frames kept of each window
OCTAVES, BINS = 9, 36  # of the constant-Q transform, 3 bins to a semitone
ROWS, PITCHES = 264, 88  # bins of the piano's 88 keys; above them only overtones lie
SHIFTS = (-36, 0, 36, 57, 72, 84, 93, 101)  # bins to half the frequency, to itself, to 2, 3 ... 7 times of it


def convolve(x, layer, together=8):
    """A convolution that works out neighbours along the last axis together, as if they were channels.

    A processor computes 16 channels in the time of one: layers with fewer than that become up to three times as fast.

    Parameters
    ----------
    x : torch.Tensor, shape (batch, channels, rows, columns)
    layer : torch.nn.Conv2d
    together : int
        Neighbours; with 1 it is `layer(x)`, and with any other number the same but for rounding.

    Returns
    -------
    torch.Tensor, shape (batch, out, rows, columns)
    """
    step, width = layer.stride[1], layer.kernel_size[1]
    length = (x.shape[-1] + 2 * layer.padding[1] - width) // step + 1
    x = F.pad(x, (0, step * (-length % together))) if length % together else x
    kernels = torch.cat([F.pad(layer.weight, (step * n, step * (together - 1 - n))) for n in range(together)])
    bias = None if layer.bias is None else layer.bias.repeat(together)
    y = F.conv2d(
        x.contiguous(memory_format=torch.channels_last),
        kernels,
        bias,
        (layer.stride[0], step * together),
        layer.padding,
    )
    return y.unflatten(1, (together, -1)).movedim(1, -1).flatten(-2)[..., :length]


class ConstantQ(nn.Module):
    """Loudness of 309 bins, a third of a semitone each, in windows of sound; scaled to 0..1 in each window.

    One octave at a time from the top: the same filters serve each octave, since the sound is halved in rate in between
    (Schörkhuber and Klapuri 2010).
    """

    def __init__(self, bins=309, width=256):
        super().__init__()
        self.filters = nn.Conv1d(1, 2 * BINS, width, bias=False)  # cosines, then sines
        self.lowpass = nn.Conv2d(1, 1, (1, width), stride=(1, 2), padding=(0, width // 2 - 1), bias=False)
        self.register_buffer("gain", torch.ones(bins))

    def forward(self, audio):
        """Audio (batch, samples) to loudness (batch, columns, bins)."""
        width, octaves, x = self.filters.kernel_size[0], [], audio[:, None]
        for octave in range(OCTAVES):
            padded = F.pad(x, (width // 2, width // 2), mode="reflect")
            octaves.insert(
                0, F.conv1d(padded, self.filters.weight, stride=256 >> octave).unflatten(1, (2, BINS))
            )
            x = convolve(x[:, None], self.lowpass)[:, 0]
        bins = torch.cat(octaves, 2)[:, :, -len(self.gain) :] * self.gain[:, None]
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
        self.contour = nn.ModuleList(
            [nn.Conv2d(8, 8, (3, 39), padding=(1, 19)), nn.Conv2d(8, 1, 5, padding=2)]
        )
        self.note = nn.ModuleList(
            [nn.Conv2d(1, 32, 7, (1, 3), padding=(3, 2)), nn.Conv2d(32, 1, (7, 3), padding=(3, 1))]
        )
        self.onset = nn.ModuleList(
            [nn.Conv2d(8, 32, 5, (1, 3), padding=(2, 1)), nn.Conv2d(33, 1, 3, padding=1)]
        )

    def forward(self, audio):
        """How surely each note begins, and sounds, in each column.

        Parameters
        ----------
        audio : torch.Tensor, shape (batch, samples)
            22,050 samples a second; trained on windows of 43,844.

        Returns
        -------
        torch.Tensor, shape (batch, 2, 88, columns)
            0 to 1; a column every 256 samples.
        """
        loudness = self.transform(audio) * self.scale[0] + self.scale[1]
        # What lies an octave below and at each overtone comes beside each bin, as channels.
        moved = [
            F.pad(loudness, (max(-shift, 0), max(shift, 0)))[..., max(shift, 0) :][..., :ROWS]
            for shift in SHIFTS
        ]
        stack = torch.stack(moved, -1).movedim(-1, 1)
        contour = torch.sigmoid(
            convolve(F.relu(convolve(stack, self.contour[0], together=2)), self.contour[1])
        )
        note = torch.sigmoid(convolve(F.relu(self.note[0](contour)), self.note[1]))
        onset = torch.cat([note, F.relu(self.onset[0](stack))], 1)
        onset = torch.sigmoid(convolve(onset, self.onset[1]))
        return torch.cat([onset, note], 1).transpose(2, 3)


def _cut(audio, start, length):
    """Part of a recording, with silence where it reaches beyond either end."""
    part = audio[max(start, 0) : start + length]
    return np.pad(part, (max(-start, 0), length - len(part) - max(-start, 0)))


def transcribe(audio, progress=lambda done: None):
    """How surely each of 88 notes begins and sounds in each column.

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
    starts = np.arange(0, max(frames, 1), KEPT) * HOP_LENGTH
    found = np.empty((2, PITCHES, len(starts) * KEPT), np.float16)
    for first in range(0, len(starts), 8):
        progress(first / len(starts))
        windows = np.stack(
            [_cut(audio, start - MARGIN * HOP_LENGTH, WINDOW) for start in starts[first : first + 8]]
        )
        with torch.no_grad():
            heard = listener(torch.from_numpy(windows.astype(np.float32)).to(listener.device))
        heard = heard[..., MARGIN : MARGIN + KEPT].permute(1, 2, 0, 3).flatten(2).cpu().numpy()
        found[..., first * KEPT : first * KEPT + heard.shape[-1]] = heard
    return found[..., :frames]
