"""A toy: an autoencoder that is trained in a minute, and a critic that sharpens it.

What the lesson teaches stands in the lesson; here is what it needs beside that: patches of pictures, the small networks,
and the measures by which they are judged.

Lesson: 05_autoencoders_and_latent_space
"""
import torch
from torch import nn
from torch.nn import functional as F

from noteninja_lib.classroom.players import bundled_songs
from noteninja_lib.evaluation.likeness import mel_edges
from noteninja_lib.model.autoencoder import PatchDiscriminator, discriminator_loss, generator_loss
from noteninja_lib.sound.audio import load
from noteninja_lib.sound.spectrogram import MEL_MEAN, MEL_STD, log_mel

PATCH = 8                             # rows and columns of a patch
NARROW = -4.0                         # logarithm of the variance with which an autoencoder begins


def scaled(mel):
    """Log-mels (..., mels, frames) in nats, as an array or tensor, as a float tensor with mean 0 and spread 1."""
    return (torch.as_tensor(mel) - MEL_MEAN) / MEL_STD


def unscaled(picture):
    """The inverse of `scaled`, as an array."""
    return picture.detach().numpy() * MEL_STD + MEL_MEAN


def song_pictures(unseen=512):
    """Scaled log-mel pictures of the bundled songs: what may be learned from, and the songs' ends, kept apart for tests.

    Parameters
    ----------
    unseen : int
        Frames of the end of each song.

    Returns
    -------
    (torch.Tensor, torch.Tensor)
        Each of shape (96, frames), frames a multiple of 8, one song after the other.
    """
    songs = [scaled(log_mel(load(path))) for path in bundled_songs().values()]
    songs = [song[:, :song.shape[1] // PATCH * PATCH] for song in songs]
    return torch.cat([song[:, :-unseen] for song in songs], 1), torch.cat([song[:, -unseen:] for song in songs], 1)


def to_patches(picture):
    """Cut a picture into patches of 8 x 8.

    Parameters
    ----------
    picture : torch.Tensor, shape (rows, columns)
        Both sides multiples of 8.

    Returns
    -------
    torch.Tensor, shape (patches, 64)
    """
    return F.pixel_unshuffle(picture[None, None], PATCH)[0].flatten(1).T


def from_patches(patches, rows):
    """Put patches (patches, 64) together again to a picture (rows, columns)."""
    return F.pixel_shuffle(patches.T.reshape(1, PATCH ** 2, rows // PATCH, -1), PATCH)[0, 0]


def excerpts(picture, count, columns, generator=None):
    """Excerpts of a long picture, drawn at random.

    Parameters
    ----------
    picture : torch.Tensor, shape (rows, frames)
    count, columns : int
    generator : torch.Generator, optional

    Returns
    -------
    torch.Tensor, shape (count, rows, columns)
    """
    starts = torch.randint(picture.shape[1] - columns + 1, (count,), generator=generator)
    return torch.stack([picture[:, start:start + columns] for start in starts.tolist()])


class ToyAutoencoder(nn.Module):
    """An autoencoder that begins as a principal component analysis, and learns what bends and neighbours add to it.

    Each patch of 8 x 8 pixels becomes a few numbers. The straight part is the analysis itself; what the curved parts add is
    nothing at first.

    Parameters
    ----------
    mean : torch.Tensor, shape (64,)
        The mean patch.
    components : torch.Tensor, shape (numbers, 64)
        Patches of length 1 that stand at right angles, as many as there shall be numbers.
    strengths : torch.Tensor, shape (numbers,)
        Standard deviation of the patches along each; the latents are divided by it.
    width : int
        Of the convolutions.
    """

    def __init__(self, mean, components, strengths, width=64):
        super().__init__()
        numbers, pixels = components.shape
        self.enter, self.leave = nn.Conv2d(pixels, numbers, 1), nn.Conv2d(numbers, pixels, 1)
        with torch.no_grad():
            self.enter.weight.copy_((components / strengths[:, None])[:, :, None, None])
            self.enter.bias.copy_(-components @ mean / strengths)
            self.leave.weight.copy_((components * strengths[:, None]).T[:, :, None, None])
            self.leave.bias.copy_(mean)
        self.look = nn.Sequential(nn.Conv2d(pixels, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, 2 * numbers, 1))
        self.paint = nn.Sequential(nn.Conv2d(numbers, width, 3, padding=1), nn.SiLU(),
                                   nn.Conv2d(width, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, pixels, 1))
        for last in (self.look[-1], self.paint[-1]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        nn.init.constant_(self.look[-1].bias[numbers:], NARROW)

    def encode(self, pictures):
        """Mean and logarithm of the variance of the latents of pictures.

        Parameters
        ----------
        pictures : torch.Tensor, shape (batch, rows, columns)
            Both sides multiples of 8.

        Returns
        -------
        (torch.Tensor, torch.Tensor)
            Each of shape (batch, numbers, rows / 8, columns / 8).
        """
        folded = F.pixel_unshuffle(pictures[:, None], PATCH)
        added, log_variance = self.look(folded).chunk(2, 1)
        return self.enter(folded) + added, log_variance

    def decode(self, latents):
        """Pictures (batch, rows, columns) of latents: the way back."""
        return F.pixel_shuffle(self.leave(latents) + self.paint(latents), PATCH)[:, 0]


class Critic:
    """A small patch discriminator, and what it has to say of made pictures.

    Lesson 05 plays it against a `ToyAutoencoder`, as training plays its bigger sister against the converter's decoder.
    """

    def __init__(self):
        self.network = PatchDiscriminator(8, ((2, 2), (2, 2), (2, 2)))
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=2e-3, betas=(0.5, 0.9))

    def scores(self, pictures):
        """Above 0 where a patch of pictures (batch, rows, columns) seems true; (batch, rows / 8, columns / 8)."""
        return self.network(pictures[:, None])[0][:, 0]

    def learn(self, real, made):
        """One step towards telling them apart: a score of at least 1 for true pictures, of at most -1 for made ones."""
        loss = discriminator_loss(self.scores(real), self.scores(made.detach()))
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()

    def complaint(self, real, made):
        """Loss of the decoder: low scores, and other features than the true pictures have."""
        scores, features = self.network(made[:, None])
        fooled, matching = generator_loss(scores, self.network(real[:, None])[1], features)
        return 0.02 * fooled + 0.5 * matching


def reconstruction(model, picture):
    """What becomes of one picture (rows, columns) that goes through a `ToyAutoencoder` and back."""
    with torch.no_grad():
        return model.decode(model.encode(picture[None])[0])[0]


def sharpness(picture):
    """Energy of a scaled picture's gradient in time, in squared nats."""
    return mel_edges(unscaled(picture))["sharpness_in_time"]


def error(picture, truth):
    """Mean squared error of a picture."""
    return float((picture - truth).square().mean())
