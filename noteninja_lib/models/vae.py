"""The autoencoder: from a log-mel spectrogram to latents, and back.

Every 4 x 4 patch of the spectrogram becomes one point with 8 numbers: half as many numbers, on a grid so much
coarser that diffusion becomes affordable. Lesson: 05_autoencoders_and_latent_space.
"""

import torch
from diffusers import AutoencoderKL
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

FOLD = 4  # mel rows and frames to one latent row and frame


class MelAutoencoder(ModelMixin, ConfigMixin):
    """A variational autoencoder of log-mels (Kingma and Welling 2013, arXiv 1312.6114).

    They are first folded 4 x 4 into channels, which spares the costly convolutions at full size; a diffusers
    `AutoencoderKL` does the rest.

    Parameters
    ----------
    width, layers, latent_channels : int
        Channels of the convolutions, residual blocks on either side, numbers at each latent point.
    mean, std : float
        Of the log-mels; the network sees (mel - mean) / std.
    latent_std : float
        Standard deviation of the raw latents over the training set; `encode` divides by it.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(
        self,
        width: int = 96,
        layers: int = 2,
        latent_channels: int = 8,
        mean: float = -4.0,
        std: float = 2.3,
        latent_std: float = 1.0,
    ):
        super().__init__()
        self.vae = AutoencoderKL(
            in_channels=FOLD**2,
            out_channels=FOLD**2,
            latent_channels=latent_channels,
            block_out_channels=(width,),
            layers_per_block=layers,
            norm_num_groups=8,
            down_block_types=("DownEncoderBlock2D",),
            up_block_types=("UpDecoderBlock2D",),
            mid_block_add_attention=False,
        )

    def posterior(self, mel: torch.Tensor) -> DiagonalGaussianDistribution:
        """Distribution over raw latents of log-mels (batch, mels, frames), both sides multiples of 4."""
        scaled = ((mel - self.config.mean) / self.config.std)[:, None]
        return self.vae.encode(F.pixel_unshuffle(scaled, FOLD)).latent_dist

    def encode(self, mel: torch.Tensor) -> torch.Tensor:
        """Latents (batch, 8, mels / 4, frames / 4), with variance of about 1, of natural-log mels."""
        return self.posterior(mel).mean / self.config.latent_std

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Log-mels (batch, 4 * rows, 4 * frames) of latents (batch, 8, rows, frames): undoes `encode`."""
        return self._unfold(self.vae.decode(latents * self.config.latent_std).sample)

    def _unfold(self, folded):
        return F.pixel_shuffle(folded, FOLD)[:, 0] * self.config.std + self.config.mean

    def forward(self, mel: torch.Tensor) -> tuple[torch.Tensor, DiagonalGaussianDistribution]:
        """Reconstruction from a sampled latent, and the posterior (for the loss)."""
        posterior = self.posterior(mel)
        return self._unfold(self.vae.decode(posterior.sample()).sample), posterior


class PatchDiscriminator(nn.Module):
    """Tells real log-mels or spectra from decoded ones, patch by patch (Isola et al. 2016, arXiv 1611.07004).

    The first convolution has `width` channels, the others twice as many; `strides` are over rows and frames.
    """

    def __init__(self, width: int = 32, strides: tuple = ((1, 2), (2, 2), (2, 2)), channels: int = 1):
        super().__init__()
        widths, layers = [channels, width] + [2 * width] * (len(strides) - 1), []
        for before, after, stride in zip(widths, widths[1:], strides):
            layer = nn.Conv2d(before, after, (5, 5), stride, 2)
            layers += [nn.utils.parametrizations.weight_norm(layer), nn.LeakyReLU(0.2)]
        self.layers = nn.ModuleList(layers)
        self.head = nn.Conv2d(widths[-1], 1, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Scores of each patch, and the features on the way, of `x` (batch, channels, rows, frames)."""
        features = []
        for convolution, rectifier in zip(self.layers[::2], self.layers[1::2]):
            x = rectifier(convolution(x))
            features.append(x)
        return self.head(x), features


def discriminator_loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Hinge loss of the discriminator from its scores of what is real and what is decoded."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def generator_loss(fake: torch.Tensor, features_real: list, features_fake: list) -> tuple:
    """Losses of the decoder: one for not being taken for real, one for features unlike the real ones."""
    distances = [F.l1_loss(f, r.detach()) for f, r in zip(features_fake, features_real)]
    return -fake.mean(), sum(distances) / len(distances)
