"""The denoiser: a U-Net, conditional on piano roll and style.

The piano roll is drawn where it will sound: each note on the mel rows of its fundamental and of its
overtones, frame by frame, then folded 4 x 4 into channels so that it lies on the latent grid. A convolution
can then simply copy the tune; nothing has to be learned about where a pitch lies. Lesson:
06_diffusion_theory.
"""

from collections.abc import Sequence

import numpy as np
import torch
from diffusers import UNet2DModel
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from noteninja_lib.audio.spectrogram import LOWEST, PITCHES
from noteninja_lib.models.vae import FOLD

ROLLS, RHYTHM = 4, 5  # onset and sustain of the melody, onset and sustain of all notes; then rhythm rows


def drawing(mel_frequencies: Sequence[float], harmonics: Sequence[int]) -> torch.Tensor:
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
    rows, pitches = len(mel_frequencies), np.arange(PITCHES)
    matrix = np.zeros((rows, PITCHES), np.float32)
    for harmonic in harmonics:
        frequency = harmonic * 440 * 2 ** ((pitches + LOWEST - 69) / 12)
        row = np.interp(frequency, mel_frequencies, np.arange(rows), left=0, right=rows)
        heard, strength = pitches[row < rows], harmonics[0] / harmonic
        share, low = np.modf(row[heard])
        matrix[low.astype(int), heard] += (1 - share) * strength
        matrix[np.minimum(low.astype(int) + 1, rows - 1), heard] += share * strength
    return torch.from_numpy(matrix)


class PianoRollEncoder(nn.Module):
    """Piano roll (batch, 357, frames) to channels on the latent grid (batch, width, mels / 4, frames / 4)."""

    height: torch.Tensor

    def __init__(self, mel_frequencies: Sequence[float], width: int, out: int):
        super().__init__()
        self.register_buffer("fundamental", drawing(mel_frequencies, (1,)), persistent=False)
        self.register_buffer("overtones", drawing(mel_frequencies, (2, 3, 4, 5, 6)), persistent=False)
        self.register_buffer("height", torch.linspace(-1, 1, len(mel_frequencies) // FOLD), persistent=False)
        self.mix = nn.Conv2d(2 * ROLLS * FOLD**2 + RHYTHM * FOLD + 1, width, 3, padding=1)
        self.out = nn.Conv2d(width, out, 3, padding=1)

    def forward(self, piano_roll: torch.Tensor) -> torch.Tensor:
        """See the class."""
        rolls = piano_roll[:, : ROLLS * PITCHES].unflatten(1, (ROLLS, PITCHES))
        drawn = torch.cat([self.fundamental @ rolls, self.overtones @ rolls], 1)
        drawn = F.pixel_unshuffle(drawn, FOLD)
        rhythm = piano_roll[:, ROLLS * PITCHES :].unflatten(2, (-1, FOLD)).transpose(2, 3).flatten(1, 2)
        rhythm = rhythm[:, :, None].expand(-1, -1, drawn.shape[2], -1)
        height = self.height[None, None, :, None].expand(len(drawn), 1, -1, drawn.shape[3])
        features = torch.cat([drawn, rhythm, height], 1).contiguous(memory_format=torch.channels_last)
        return self.out(F.silu(self.mix(features)))


class Denoiser(ModelMixin, ConfigMixin):
    """Velocity of the flow from noise to music, given piano roll and style.

    Parameters
    ----------
    mel_frequencies : sequence of float
        Centre of each mel row in Hz, low to high.
    channels : tuple of int
        Width of the U-Net at each level (Ronneberger et al. 2015, arXiv 1505.04597).
    layers, content_width, style_size, latent_channels : int
        Residual blocks at each level, channels of the piano roll on the latent grid, length of the style
        vector (genres, valence, arousal), channels of the latents.
    jumps : bool
        Whether it knows the mean velocity of a whole step, guided, too; `noteninja train distillation` makes
        such a network of one that does not.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self,
        mel_frequencies: Sequence[float] = tuple(range(100, 9700, 100)),
        channels: Sequence[int] = (48, 96, 192),
        layers: int = 1,
        content_width: int = 48,
        style_size: int = 12,
        latent_channels: int = 8,
        jumps: bool = False,
    ):
        super().__init__()
        self.content = PianoRollEncoder(mel_frequencies, 64, content_width)
        self.style = nn.Sequential(nn.Linear(style_size, 128), nn.SiLU(), nn.Linear(128, channels[0] * 4))
        if jumps:  # without biases: for a step of no length, unguided, it adds nothing
            wide, narrow = nn.Linear(4, 128, bias=False), nn.Linear(128, channels[0] * 4, bias=False)
            nn.init.zeros_(narrow.weight)
            self.jump = nn.Sequential(wide, nn.SiLU(), narrow)
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

    def forward(
        self,
        noisy: torch.Tensor,
        time: torch.Tensor,
        content: torch.Tensor,
        style: torch.Tensor,
        until: torch.Tensor | None = None,
        guidance: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Velocity (noise minus music) at noisy latents, of their shape.

        Parameters
        ----------
        noisy : torch.Tensor, shape (batch, 8, rows, frames)
            Frames a multiple of 4.
        time : torch.Tensor, shape (batch,)
            0 is music, 1 is noise.
        content : torch.Tensor, shape (batch, 357, 4 * frames) or (batch, content_width, rows, frames)
            The piano roll; or what `self.content` made of it, which need not be worked out at each step.
        style : torch.Tensor, shape (batch, style_size)
            Zeros here, or in the piano roll, make the prediction unconditional.
        until, guidance : torch.Tensor, shape (batch,), optional
            Of a network that knows jumps: asks for the mean velocity from `time` to the earlier time `until`,
            guided by that scale (1 is unguided).

        References
        ----------
        Frans et al. 2024, arXiv 2410.12557 (the step's length as input); Meng et al. 2022, arXiv 2210.03142
        (guidance as input).
        """
        if content.dim() == 3:
            content = self.content(content)
        joined = torch.cat([noisy, content], 1).contiguous(memory_format=torch.channels_last)
        how = self.style(style)
        if until is not None and guidance is not None:
            length, pushed = time - until, torch.log(guidance)
            how = how + self.jump(torch.stack([length, length**2, pushed, length * pushed], 1))
        return self.unet(joined, time * 1000, class_labels=how).sample
