"""The vocoder: from a log-mel spectrogram to sound, phase included.

In the manner of Vocos (Siuzdak 2023, arXiv 2306.00814): ConvNeXt blocks run over the frames at their own rate
and predict magnitude and phase of a Fourier transform, which is inverted at once. No upsampling, hence fast.
Lesson: 01_sound_and_spectrograms.
"""

import math

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.spectrogram import HOP_LENGTH, fit_to_mel, overlap_add
from noteninja_lib.models import half_precision

LOUDEST = 7.0  # logarithm of a magnitude: more could not be heard, and would not train


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, two dense layers per frame (Liu et al. 2022, arXiv 2201.03545)."""

    def __init__(self, width: int, hidden: int, scale: float):
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.gamma = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x` has shape (batch, frames, width)."""
        y = self.norm(self.depthwise(x.transpose(1, 2)).transpose(1, 2))
        return x + self.gamma * self.narrow(nn.functional.gelu(self.widen(y)))


class Vocoder(ModelMixin, ConfigMixin):
    """Log-mels, which are mono and end at 11 kHz, to stereo sound at 44.1 kHz.

    What no mel bin tells it has learned from its recordings: the octave above 11 kHz, and how far left and
    right the instruments stand. It predicts the middle (half the sum of both channels), and the side (half
    their difference) as gain and turn of the middle: an instrument that stands left is in both alike.

    Parameters
    ----------
    n_mels, width, hidden, blocks : int
        Rows of the log-mels, and size of the ConvNeXt stack.
    n_fft, hop_length : int
        Of the inverse transform, in samples at 44.1 kHz; a hop is a frame of the log-mels. A hop of 256 is
        that of an older vocoder, which knows 22,050 Hz and one channel: both channels are then alike.
    mean, std : float
        Of the log-mels.
    refine : int
        Rounds in which the middle is brought closer to the log-mels; see `fit_to_mel`.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self,
        n_mels: int = 96,
        width: int = 256,
        hidden: int = 768,
        blocks: int = 8,
        n_fft: int = 2048,
        hop_length: int = 512,
        mean: float = -4.0,
        std: float = 2.3,
        refine: int = 3,
    ):
        super().__init__()
        self.embed = nn.Conv1d(n_mels, width, 7, padding=3)
        self.norm_in = nn.LayerNorm(width)
        self.stack = nn.ModuleList(ConvNeXtBlock(width, hidden, 1 / blocks) for _ in range(blocks))
        self.norm_out = nn.LayerNorm(width)
        self.older = hop_length == HOP_LENGTH
        self.head = nn.Linear(width, (n_fft + 2) * (1 if self.older else 2))
        self.n_fft, self.hop = (2 * n_fft, 2 * hop_length) if self.older else (n_fft, hop_length)
        self.register_buffer("window", torch.hann_window(self.n_fft), persistent=False)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Sound (batch, 2, frames * 512) of log-mels (batch, n_mels, frames): left and right."""
        middle, side = self.middle_and_side(mel)
        return torch.stack([middle + side, middle - side], 1)

    def middle_and_side(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The same as half the sum and half the difference of both channels, (batch, samples) each."""
        config = self.config
        with half_precision(mel.device):
            x = self.norm_in(self.embed((mel - config.mean) / config.std).transpose(1, 2))
            for block in self.stack:
                x = block(x)
            x = self.head(self.norm_out(x))
        parts = x.float().chunk(2 if self.older else 4, dim=2)
        loud, phase = parts[:2]
        if self.older:  # twice the window at twice the rate: the same bins, and silence above
            above = (0, self.n_fft // 2 + 1 - loud.shape[2])
            loud, phase = F.pad(loud + math.log(2), above, value=-40), F.pad(phase, above)
        middle = fit_to_mel(self.invert(loud, phase), mel.float(), config.refine, STEREO_RATE)
        if self.older:
            return middle, torch.zeros_like(middle)
        return middle, self.invert(loud + parts[2], phase + parts[3])

    def invert(self, loud: torch.Tensor, phase: torch.Tensor) -> torch.Tensor:
        """Sound (batch, samples) of logarithmic magnitudes and phases (batch, frames, bins)."""
        loud = torch.exp(loud.clamp(max=LOUDEST))
        spectrum = torch.complex(loud * phase.cos(), loud * phase.sin())
        spectrum = torch.cat([spectrum, spectrum[:, -1:]], 1)  # the last hop needs the frame after it
        return overlap_add(spectrum, self.hop, self.window.to(loud.dtype), loud.shape[1] * self.hop)
