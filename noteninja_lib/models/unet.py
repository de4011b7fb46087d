"""The denoiser: a U-Net that is shown the piano roll and told the style.

The content is drawn where it will sound: each note on the mel rows of its fundamental and of its overtones, at full
time resolution, then folded 4 x 4 into channels so that it lies on the latent grid. A convolution can then simply
copy the tune; nothing has to be learned about where a pitch lies. Lesson: 06_diffusion_theory.
"""

import numpy as np
import torch
from diffusers import UNet2DModel
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

PITCHES, LOWEST = 88, 21
ROLLS, RHYTHM = 4, 5  # lead onset, lead sustain, all onsets, all sustain; then rhythm rows


def drawing(mel_frequencies, harmonics):
    """Matrix that draws 88 pitches on mel rows.

    Parameters
    ----------
    mel_frequencies : sequence of float, shape (mels,)
        Centre of each row in Hz.
    harmonics : sequence of int
        Which partials to draw; the h-th has strength 1 / h of the first one drawn.

    Returns
    -------
    torch.Tensor, shape (mels, 88)
        Each partial is shared by the two rows between whose centres it lies.
    """
    centres, matrix = np.asarray(mel_frequencies), np.zeros((len(mel_frequencies), PITCHES), np.float32)
    for pitch in range(PITCHES):
        for harmonic in harmonics:
            frequency = harmonic * 440 * 2 ** ((pitch + LOWEST - 69) / 12)
            row = np.interp(frequency, centres, np.arange(len(centres)), left=0, right=np.nan)
            if np.isfinite(row):
                low, share = int(row), row - int(row)
                matrix[low, pitch] += (1 - share) * harmonics[0] / harmonic
                matrix[min(low + 1, len(centres) - 1), pitch] += share * harmonics[0] / harmonic
    return torch.from_numpy(matrix)


class ContentEncoder(nn.Module):
    """Piano roll (batch, 357, frames) to channels on the latent grid (batch, width, mels / 4, frames / 4)."""

    def __init__(self, mel_frequencies, width, out):
        super().__init__()
        self.register_buffer("fundamental", drawing(mel_frequencies, (1,)), persistent=False)
        self.register_buffer("overtones", drawing(mel_frequencies, (2, 3, 4, 5, 6)), persistent=False)
        self.register_buffer("height", torch.linspace(-1, 1, len(mel_frequencies) // 4), persistent=False)
        self.mix = nn.Conv2d(2 * ROLLS * 16 + RHYTHM * 4 + 1, width, 3, padding=1)
        self.out = nn.Conv2d(width, out, 3, padding=1)

    def forward(self, content):
        """See the class."""
        batch, _, frames = content.shape
        rolls = content[:, : ROLLS * PITCHES].reshape(batch, ROLLS, PITCHES, frames)
        drawn = torch.cat([self.fundamental @ rolls, self.overtones @ rolls], 1)
        drawn = F.pixel_unshuffle(drawn, 4)
        rhythm = (
            content[:, ROLLS * PITCHES :]
            .reshape(batch, RHYTHM, -1, 4)
            .transpose(2, 3)
            .reshape(batch, -1, 1, frames // 4)
        )
        rhythm = rhythm.expand(-1, -1, drawn.shape[2], -1)
        height = self.height[None, None, :, None].expand(batch, 1, -1, drawn.shape[3])
        features = torch.cat([drawn, rhythm, height], 1).contiguous(memory_format=torch.channels_last)
        return self.out(F.silu(self.mix(features)))


class Denoiser(ModelMixin, ConfigMixin):
    """Velocity of the flow from noise to music, given content and style.

    Parameters
    ----------
    mel_frequencies : sequence of float
        Centre of each mel row in Hz, low to high.
    channels : tuple of int
        Width of the U-Net at each level (Ronneberger et al. 2015, arXiv 1505.04597).
    layers : int
        Residual blocks at each level.
    content_width : int
        Channels of the content on the latent grid.
    style_size : int
        Length of the style vector: genres, valence, arousal.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self,
        mel_frequencies=tuple(range(100, 9700, 100)),
        channels=(48, 96, 192),
        layers=1,
        content_width=48,
        style_size=12,
        latent_channels=8,
    ):
        super().__init__()
        self.content = ContentEncoder(mel_frequencies, 64, content_width)
        self.style = nn.Sequential(nn.Linear(style_size, 128), nn.SiLU(), nn.Linear(128, channels[0] * 4))
        levels = len(channels) - 1
        self.unet = UNet2DModel(
            in_channels=latent_channels + content_width,
            out_channels=latent_channels,
            block_out_channels=channels,
            layers_per_block=layers,
            norm_num_groups=16,
            attention_head_dim=32,
            class_embed_type="identity",
            down_block_types=("DownBlock2D",) * levels + ("AttnDownBlock2D",),
            up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * levels,
        )

    def forward(self, noisy, time, content, style):
        """Velocity (noise minus music) at a noisy latent.

        Parameters
        ----------
        noisy : torch.Tensor, shape (batch, 8, rows, columns)
            Columns a multiple of 4.
        time : torch.Tensor, shape (batch,)
            0 is music, 1 is noise.
        content : torch.Tensor, shape (batch, 357, 4 * columns) or (batch, content_width, rows, columns)
            The piano roll, zeros where nothing is known; or, spared from being drawn at each step, what
            `self.content` made of it.
        style : torch.Tensor, shape (batch, style_size)
            Zeros where nothing is known.

        Returns
        -------
        torch.Tensor, shape (batch, 8, rows, columns)
        """
        if content.dim() == 3:
            content = self.content(content)
        joined = torch.cat([noisy, content], 1).contiguous(memory_format=torch.channels_last)
        return self.unet(joined, time * 1000, class_labels=self.style(style)).sample
