"""Exercises of lesson 05: autoencoders and latent space."""

from functools import cached_property

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from noteninja_lib.audio.io import load
from noteninja_lib.audio.spectrogram import MEL_MEAN, MEL_STD, log_mel
from noteninja_lib.evaluation.metrics import mel_edges
from noteninja_lib.lessons.exercise import Exercise
from noteninja_lib.models import flow_matching
from noteninja_lib.models.vae import PatchDiscriminator, discriminator_loss, generator_loss
from noteninja_lib.music.piano_roll import from_audio
from noteninja_lib.music.style import styles
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import FOLDED
from noteninja_lib.widgets.players import bundled_songs


def _test_enough(enough):
    assert callable(enough), "hand in the function itself: check(enough), without brackets behind enough"
    strengths = [4.0, 2.0, 1.0, 1.0]  # variances 16, 4, 1, 1: shares .727, .909, .955, 1
    count = enough(strengths, 0.9)
    assert isinstance(count, int) and not isinstance(count, bool), (
        f"return a whole number; it returned {count!r}"
    )
    assert count < 3, (
        f"{count} are too many: what share of the variance do two components keep? "
        "Mind that variance is a square"
    )
    assert count == 2, (
        f"for strengths 4, 2, 1, 1 and a share of 0.9 it should not be {count}: count from the strongest on"
    )
    assert enough(strengths, 0.95) == 3, (
        "for a share of 0.95 the first three are needed: a strength of 1 has a variance of 1"
    )
    assert enough(strengths, 0.5) == 1, "where the first component is enough, the answer is 1"
    assert enough(strengths, 1.0) == 4, "to keep everything, all components are needed"


def enough(strengths, share):
    """How many components, from the strongest on, keep a share (0..1) of the variance."""
    variances = [strength**2 for strength in strengths]
    kept, count = 0.0, 0
    while kept < share * sum(variances) - 1e-9:
        kept, count = kept + variances[count], count + 1
    return count


ENOUGH = Exercise(
    _test_enough,
    "A component's variance is the square of its strength. Add them up from the strongest on until "
    "the sum is large enough, and say how many it took.",
    enough,
)


def _test_lost_first(answer):
    assert isinstance(answer, dict) and {"components", "why"} <= set(answer), (
        "hand in a dict with the keys components and why"
    )
    components = answer["components"]
    assert isinstance(components, int) and 1 <= components <= 64, (
        "components should be a whole number from 1 to 64"
    )
    words = len(str(answer["why"]).split())
    assert words >= 12, (
        f"tell in a sentence or two what you heard go first, and what last; so far it is {words} words"
    )


def lost_first():
    """One possible answer; yours depends on what you hear."""
    return {
        "components": 4,
        "why": "With eight I hear no difference. With four the cymbals lose their edge and the snare gets soft; with one "
        "the tune is gone and only the rhythm of loud and soft is left.",
    }


LOST_FIRST = Exercise(
    _test_lost_first,
    "Begin at 64 and halve it. Listen for one thing at a time: the attack of the drums, "
    "the pitch of the tune, the colour of the instruments.",
    lost_first,
    answer=lambda solution: solution(),
)


# A song as the converter's networks see it, for lessons that open them: packed into latents, and unpacked again.
#
# Lesson: 05_autoencoders_and_latent_space, 06_diffusion_theory


class EncodedSong:
    """A song and its latents.

    Parameters
    ----------
    audio : numpy.ndarray, shape (samples,)
        Mono, 22,050 Hz.

    Attributes
    ----------
    audio : numpy.ndarray, shape (1024 * columns,)
        The recording, with silence at its end so that it fills the networks' columns.
    latents : torch.Tensor, shape (1, 8, 24, columns)
    """

    def __init__(self, audio):
        self.pipe = load_pipeline()
        self.audio = np.pad(audio, (0, -len(audio) % FOLDED))
        self.latents = flow_matching.encode(self.pipe.vae, self.audio)

    @cached_property
    def content(self):
        """What is heard in it, a `Content`; listened to when it is first asked for."""
        return from_audio(self.audio)

    def noise(self, seed):
        """Noise of the shape of the latents; the seed decides which."""
        return torch.randn(self.latents.shape, generator=torch.Generator().manual_seed(seed))

    def flow(self, genre, w=1.0):
        """The trained denoiser, told what was heard and a genre: a function of latents and time that gives the velocity.

        Parameters
        ----------
        genre : str
        w : float
            Guidance scale; 1 is none.
        """
        return flow_matching.WindowedFlow(
            self.pipe.unet,
            self.content,
            torch.from_numpy(styles(genre)),
            self.latents.shape[-1],
            w,
            self.pipe.config.guidance_interval,
        )

    def picture(self, latents):
        """Log-mel picture (96, frames) of latents, an array."""
        return self.pipe.vae.decode(latents)[0].numpy()

    def sound(self, latents):
        """Sound (samples,) of latents."""
        return flow_matching.decode(self.pipe.vae, self.pipe.vocoder, latents)

    def sharpness(self, latents):
        """Energy of the gradient of their picture in time, in squared nats."""
        return mel_edges(self.picture(latents))["sharpness_in_time"]


def sound_of(mel):
    """Sound (samples,) of a log-mel picture, an array (96, frames) in nats, by the trained vocoder."""
    return load_pipeline().vocoder(torch.from_numpy(mel)[None])[0].numpy()


def bundled(number=0, seconds=6.0, begin=0.0):
    """The beginning, or another excerpt, of one of the songs that come with the course, packed.

    Parameters
    ----------
    number : int
        Of the song.
    seconds, begin : float
        Length of the excerpt, and where it begins.

    Returns
    -------
    PackedSong
    """
    path = list(bundled_songs().values())[number]
    return EncodedSong(load(path, offset=begin, duration=seconds))


# A toy: an autoencoder that is trained in a minute, and a critic that sharpens it.
#
# What the lesson teaches stands in the lesson; here is what it needs beside that: patches of pictures, the small networks,
# and the measures by which they are judged.
#
# Lesson: 05_autoencoders_and_latent_space

PATCH = 8  # rows and columns of a patch
NARROW = -4.0  # logarithm of the variance with which an autoencoder begins


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
    songs = [song[:, : song.shape[1] // PATCH * PATCH] for song in songs]
    return torch.cat([song[:, :-unseen] for song in songs], 1), torch.cat(
        [song[:, -unseen:] for song in songs], 1
    )


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
    return F.pixel_shuffle(patches.T.reshape(1, PATCH**2, rows // PATCH, -1), PATCH)[0, 0]


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
    return torch.stack([picture[:, start : start + columns] for start in starts.tolist()])


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
        self.look = nn.Sequential(
            nn.Conv2d(pixels, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, 2 * numbers, 1)
        )
        self.paint = nn.Sequential(
            nn.Conv2d(numbers, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, pixels, 1),
        )
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
