"""The vocoder: from a log-mel spectrogram to sound, phase included.

In the manner of Vocos (Siuzdak 2023, arXiv 2306.00814): ConvNeXt blocks run over the frames at their own rate
and predict magnitude and phase of a Fourier transform, which is inverted at once. No upsampling, hence fast.
Lesson: 01_sound_and_spectrograms.
"""

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn

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
    """Log-mels to sound.

    Parameters
    ----------
    n_mels, width, hidden, blocks : int
        Rows of the log-mels, and size of the ConvNeXt stack.
    n_fft, hop_length : int
        Of the inverse transform, in samples.
    mean, std : float
        Of the log-mels.
    refine : int
        Rounds in which the sound is brought closer to the log-mels; see `fit_to_mel`.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self,
        n_mels: int = 96,
        width: int = 256,
        hidden: int = 768,
        blocks: int = 8,
        n_fft: int = 1024,
        hop_length: int = 256,
        mean: float = -4.0,
        std: float = 2.3,
        refine: int = 3,
    ):
        super().__init__()
        self.embed = nn.Conv1d(n_mels, width, 7, padding=3)
        self.norm_in = nn.LayerNorm(width)
        self.stack = nn.ModuleList(ConvNeXtBlock(width, hidden, 1 / blocks) for _ in range(blocks))
        self.norm_out = nn.LayerNorm(width)
        self.head = nn.Linear(width, n_fft + 2)
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Sound (batch, frames * hop_length) of log-mels (batch, n_mels, frames)."""
        config, length = self.config, mel.shape[-1] * self.config.hop_length
        x = self.norm_in(self.embed((mel - config.mean) / config.std).transpose(1, 2))
        for block in self.stack:
            x = block(x)
        log_magnitude, phase = self.head(self.norm_out(x)).transpose(1, 2).float().chunk(2, dim=1)
        spectrum = torch.polar(torch.exp(log_magnitude.clamp(max=6)), phase)
        spectrum = torch.cat([spectrum, spectrum[..., -1:]], -1)  # the last hop needs the frame after it
        window = self.window.to(spectrum.real.dtype)
        audio = torch.istft(spectrum, config.n_fft, config.hop_length, window=window, length=length)
        return fit_to_mel(audio, mel.float(), config.refine)
