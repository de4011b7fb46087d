"""The vocoder: from a log-mel spectrogram to sound, phase included.

In the manner of Vocos (Siuzdak 2023, arXiv 2306.00814): ConvNeXt blocks run over the frames at their own rate
and predict magnitude and phase of a Fourier transform, which is inverted at once. No upsampling, hence fast.
Lesson: 01_sound_and_spectrograms.
"""

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn

from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.spectrogram import fit_to_mel


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
        Of the inverse transform, in samples at 44.1 kHz; a hop is a frame of the log-mels.
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
        self.head = nn.Linear(width, 2 * (n_fft + 2))
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Sound (batch, 2, frames * hop_length) of log-mels (batch, n_mels, frames): left and right."""
        middle, side = self.middle_and_side(mel)
        return torch.stack([middle + side, middle - side], 1)

    def middle_and_side(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The same as half the sum and half the difference of both channels, (batch, samples) each."""
        config = self.config
        x = self.norm_in(self.embed((mel - config.mean) / config.std).transpose(1, 2))
        for block in self.stack:
            x = block(x)
        loud, phase, gain, turn = self.head(self.norm_out(x)).transpose(1, 2).float().chunk(4, dim=1)
        middle = self.invert(loud.clamp(max=7), phase)
        side = self.invert((loud + gain).clamp(max=7), phase + turn)
        return fit_to_mel(middle, mel.float(), config.refine, STEREO_RATE), side

    def invert(self, loud: torch.Tensor, phase: torch.Tensor) -> torch.Tensor:
        """Sound (batch, samples) of logarithmic magnitudes and phases (batch, bins, frames)."""
        n_fft, hop, frames = self.config.n_fft, self.config.hop_length, loud.shape[-1]
        spectrum = torch.polar(torch.exp(loud), phase)
        spectrum = torch.cat([spectrum, spectrum[..., -1:]], -1)  # the last hop needs the frame after it
        window = self.window.to(spectrum.real.dtype)
        return torch.istft(spectrum, n_fft, hop, window=window, length=frames * hop)
