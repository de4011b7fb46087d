"""The autoencoder: a log-mel picture squeezed into latents, and back: a sixteenth of the places, half of the numbers.

Every 4 x 4 patch of the picture becomes one point with 8 numbers: half as many numbers as pixels, on a grid so much
coarser that diffusion becomes affordable. Lesson: 05_autoencoders_and_latent_space.
"""

from diffusers import AutoencoderKL
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

FOLD = 4  # picture rows and columns to one latent row and column


class MelAutoencoder(ModelMixin, ConfigMixin):
    """A variational autoencoder of log-mel pictures (Kingma and Welling 2013, arXiv 1312.6114).

    The picture is first folded 4 x 4 into channels, which spares the costly convolutions at full size; a diffusers
    `AutoencoderKL` does the rest.

    Parameters
    ----------
    width : int
        Width of the convolutions.
    layers : int
        Residual blocks on either side.
    latent_channels : int
        Numbers at each latent point.
    mean, std : float
        Of the log-mels; the network sees (mel - mean) / std.
    latent_std : float
        Standard deviation of the raw latents over the training set; `encode` divides by it.
    """

    config_name = "config.json"

    @register_to_config
    def __init__(self, width=96, layers=2, latent_channels=8, mean=-4.0, std=2.3, latent_std=1.0):
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

    def posterior(self, mel):
        """Distribution over raw latents of log-mels of shape (batch, mels, frames); both sides multiples of 4."""
        picture = ((mel - self.config.mean) / self.config.std)[:, None]
        return self.vae.encode(F.pixel_unshuffle(picture, FOLD)).latent_dist

    def encode(self, mel):
        """Latents with variance of about 1.

        Parameters
        ----------
        mel : torch.Tensor, shape (batch, mels, frames)
            Natural-log mels; frames a multiple of 4.

        Returns
        -------
        torch.Tensor, shape (batch, 8, mels / 4, frames / 4)
        """
        return self.posterior(mel).mean / self.config.latent_std

    def decode(self, latents):
        """Log-mels of latents: the inverse of `encode` but for what was lost.

        Parameters
        ----------
        latents : torch.Tensor, shape (batch, 8, rows, columns)

        Returns
        -------
        torch.Tensor, shape (batch, 4 * rows, 4 * columns)
        """
        return self._picture(latents * self.config.latent_std)

    def _picture(self, raw):
        return F.pixel_shuffle(self.vae.decode(raw).sample, FOLD)[:, 0] * self.config.std + self.config.mean

    def forward(self, mel):
        """Reconstruction from a sampled latent, and the posterior (for the loss)."""
        posterior = self.posterior(mel)
        return self._picture(posterior.sample()), posterior


class PatchDiscriminator(nn.Module):
    """Tells real pictures from decoded ones, patch by patch (Isola et al. 2016, arXiv 1611.07004).

    Works on log-mels and on spectra alike; training plays it against the decoder for sharpness.
    """

    def __init__(self, width=32, strides=((1, 2), (2, 2), (2, 2)), channels=1):
        super().__init__()
        layers, before = [], channels
        for number, stride in enumerate(strides):
            layers += [
                nn.utils.parametrizations.weight_norm(
                    nn.Conv2d(before, width * min(number + 1, 2), (5, 5), stride, 2)
                ),
                nn.LeakyReLU(0.2),
            ]
            before = width * min(number + 1, 2)
        self.layers = nn.ModuleList(layers)
        self.head = nn.Conv2d(before, 1, 3, 1, 1)

    def forward(self, picture):
        """Scores of each patch, and the features on the way; `picture` has shape (batch, channels, rows, frames)."""
        x, features = picture, []
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.LeakyReLU):
                features.append(x)
        return self.head(x), features


def discriminator_loss(real, fake):
    """Hinge loss of the discriminator from its scores of real and decoded pictures."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def generator_loss(fake, features_real, features_fake):
    """Loss of the decoder: be taken for real, with the same features as the real picture."""
    matching = sum(F.l1_loss(f, r.detach()) for f, r in zip(features_fake, features_real)) / len(
        features_real
    )
    return -fake.mean(), matching
