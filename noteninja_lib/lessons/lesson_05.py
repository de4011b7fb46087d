"""Lesson 05, autoencoders and latent space: exercises, encoded songs, a toy autoencoder and its critic.

Lesson: 05_autoencoders_and_latent_space, 06_diffusion_theory
"""

from functools import cached_property

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.signal import welch
from torch import nn
from torch.nn import functional as F

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.io import load
from noteninja_lib.audio.spectrogram import F_MAX, MEL_MEAN, MEL_STD, log_mel
from noteninja_lib.evaluation.metrics import mel_edges
from noteninja_lib.lessons.exercise import Exercise, Question, is_whole
from noteninja_lib.models import flow_matching
from noteninja_lib.models.vae import PatchDiscriminator, discriminator_loss, generator_loss
from noteninja_lib.music.piano_roll import PianoRoll
from noteninja_lib.music.style import styles
from noteninja_lib.music.tunes import find_tune
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.plots import LOOKS, axes_or_new, new_figure
from noteninja_lib.source import FOLDED, hear
from noteninja_lib.widgets.players import bundled_songs


def _test_enough(enough):
    strengths = [4.0, 2.0, 1.0, 1.0]  # variances 16, 4, 1, 1: shares .727, .909, .955, 1
    count = enough(strengths, 0.9)
    assert is_whole(count), f"return a whole number; it returned {count!r}"
    square = "what share of the variance do two components keep? Mind that variance is a square"
    assert count < 3, f"{count} are too many: {square}"
    wrong = f"for strengths 4, 2, 1, 1 and a share of 0.9 it should not be {count}"
    assert count == 2, f"{wrong}: count from the strongest on"
    three = "for a share of 0.95 the first three are needed: a strength of 1 has a variance of 1"
    assert enough(strengths, 0.95) == 3, three
    assert enough(strengths, 0.5) == 1, "where the first component is enough, the answer is 1"
    assert enough(strengths, 1.0) == 4, "to keep everything, all components are needed"


def enough(strengths: list[float], share: float) -> int:
    """How many components, from the strongest on, keep a share (0..1) of the variance."""
    variances = [strength**2 for strength in strengths]
    kept, count = 0.0, 0
    while kept < share * sum(variances) - 1e-9:
        kept, count = kept + variances[count], count + 1
    return count


ENOUGH = Exercise(
    _test_enough,
    enough,
    "A component's variance is the square of its strength. Add them up from the strongest on until the sum "
    "is large enough, and say how many it took.",
)


def _test_lost_first(answer):
    count = answer["components"]
    assert is_whole(count) and 1 <= count <= 64, "components should be a whole number from 1 to 64"


def lost_first() -> dict:
    """One possible answer; yours depends on what you hear."""
    why = """With eight I hear no difference. With four the cymbals lose their edge and the snare gets soft;
        with one the tune is gone and only the rhythm of loud and soft is left."""
    return {"components": 4, "why": why}


LOST_FIRST = Question(
    _test_lost_first,
    lost_first,
    "Begin at 64 and halve it. Listen for one thing at a time: the attack of the drums, the pitch of the "
    "tune, the colour of the instruments.",
    {"why": "tell in a sentence or two what you heard go first, and what last"},
)


BEGIN = 4.0  # seconds of the band before the excerpt that is heard


class EncodedSong:
    """A song as the converter's networks see it: encoded into latents that can be decoded again.

    Parameters
    ----------
    audio : np.ndarray, shape (samples,)
        Mono, 22,050 Hz.

    Attributes
    ----------
    audio : np.ndarray, shape (1024 * frames,)
        The recording, with silence at its end so that it fills the latent frames.
    latents : torch.Tensor, shape (1, 8, 24, frames)
    """

    def __init__(self, audio: np.ndarray):
        self.pipe = load_pipeline()
        self.audio = np.pad(audio, (0, -len(audio) % FOLDED))
        self.latents = flow_matching.encode(self.pipe.vae, self.audio)

    @cached_property
    def roll(self) -> PianoRoll:
        """What is heard in it; listened to when it is first asked for."""
        return hear(self.audio)

    def noise(self, seed: int) -> torch.Tensor:
        """Noise of the shape of the latents; the seed decides which."""
        return torch.randn(self.latents.shape, generator=torch.Generator().manual_seed(seed))

    def flow(self, genre: str, w: float = 1.0) -> flow_matching.Flow:
        """The trained denoiser, given what was heard and a genre: gives the velocity at latents and a time.

        Parameters
        ----------
        genre : str
        w : float
            Guidance scale; 1 is none.
        """
        style, size = torch.from_numpy(styles(genre)), self.latents.shape[-1]
        interval = self.pipe.config.guidance_interval
        return flow_matching.Flow(self.pipe.unet, self.roll, style, size, w, interval)

    def picture(self, latents: torch.Tensor) -> np.ndarray:
        """Log-mel spectrogram (96, frames) of latents."""
        return self.pipe.vae.decode(latents)[0].numpy()

    def sound(self, latents: torch.Tensor) -> np.ndarray:
        """Sound (2 * samples, 2) of latents, at 44,100 Hz."""
        return flow_matching.decode(self.pipe.vae, self.pipe.vocoder, latents)

    def sharpness(self, latents: torch.Tensor) -> float:
        """Energy of the gradient in time of the spectrogram of latents, in squared nats."""
        return mel_edges(self.picture(latents))["sharpness_in_time"]


def sound_of(mel: np.ndarray) -> np.ndarray:
    """Sound (512 * frames, 2) of a log-mel spectrogram (96, frames) in nats, by the trained vocoder."""
    return load_pipeline().vocoder(torch.from_numpy(mel)[None])[0].numpy().T


def bundled(number: int = 0, seconds: float = 6.0, begin: float = 0.0) -> EncodedSong:
    """An encoded excerpt of a song that comes with the course, by its number; times in seconds."""
    return EncodedSong(load(list(bundled_songs().values())[number], offset=begin, duration=seconds))


def band_in_stereo(seconds: float) -> np.ndarray:
    """The band as it plays in stereo, (samples, 2) at 44,100 Hz: an excerpt of a tune in pop."""
    played = arrange(find_tune("aird-0686-hearts-of-oak"), load_recipe("pop"), 0, duration=BEGIN + seconds)
    return render(played, stereo=True)[round(BEGIN * STEREO_RATE) :]


def plot_middle_and_side(sounds: dict[str, np.ndarray]) -> Figure:
    """Draw the spectra of middle and side of stereo sounds (n, 2) by title.

    A dotted line stands where the log-mel spectrogram ends.
    """
    figure, parts = new_figure(10, 3.4), {"the middle, (l + r) / 2": 1, "the side, (l − r) / 2": -1}
    for ax, (title, sign) in zip(figure.subplots(1, 2, sharey=True), parts.items()):
        for (name, sound), look in zip(sounds.items(), LOOKS):
            heard = (sound[:, 0] + sign * sound[:, 1]) / 2
            hertz, power = welch(heard, STEREO_RATE, nperseg=1024)
            levels = 10 * np.log10(np.maximum(power, 1e-14))
            ax.plot(hertz / 1000, levels, label=name, **(look | {"marker": ""}))
        axes_or_new(ax, 0, 0).axvline(F_MAX / 1000, color="grey", linestyle=":")
        ax.set(title=title, xlabel="frequency in kHz", xlim=(0, STEREO_RATE / 2000))
    figure.axes[0].set_ylabel("level in dB per Hz")
    figure.axes[0].legend()
    return figure


PATCH = 8  # rows and frames of a patch
NARROW = -4.0  # logarithm of the variance with which an autoencoder begins


def scaled(mel: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Log-mel spectrograms (..., mels, frames) in nats, scaled to mean 0 and spread 1."""
    return (torch.as_tensor(mel) - MEL_MEAN) / MEL_STD


def unscaled(picture: torch.Tensor) -> np.ndarray:
    """The inverse of `scaled`, as an array."""
    return picture.detach().numpy() * MEL_STD + MEL_MEAN


def song_pictures(unseen: int = 512) -> tuple[torch.Tensor, torch.Tensor]:
    """Scaled log-mel spectrograms of the bundled songs: most for training, their ends for tests.

    Parameters
    ----------
    unseen : int
        Frames of the end of each song.

    Returns
    -------
    seen, unseen : torch.Tensor, shape (96, frames)
        The songs one after the other; frames a multiple of 8.
    """
    songs = [scaled(log_mel(load(path))) for path in bundled_songs().values()]
    songs = [song[:, : song.shape[1] // PATCH * PATCH] for song in songs]
    seen, ends = [song[:, :-unseen] for song in songs], [song[:, -unseen:] for song in songs]
    return torch.cat(seen, 1), torch.cat(ends, 1)


def to_patches(picture: torch.Tensor) -> torch.Tensor:
    """Cut a picture (rows, frames), both multiples of 8, into patches of 8 x 8: (patches, 64)."""
    return F.pixel_unshuffle(picture[None, None], PATCH)[0].flatten(1).T


def from_patches(patches: torch.Tensor, rows: int) -> torch.Tensor:
    """Put patches (patches, 64) together again to a picture (rows, frames)."""
    return F.pixel_shuffle(patches.T.reshape(1, PATCH**2, rows // PATCH, -1), PATCH)[0, 0]


def excerpts(
    picture: torch.Tensor, count: int, frames: int, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Excerpts (count, rows, frames) of a long picture, drawn at random."""
    starts = torch.randint(picture.shape[1] - frames + 1, (count,), generator=generator)
    return torch.stack([picture[:, start : start + frames] for start in starts.tolist()])


class ToyAutoencoder(nn.Module):
    """An autoencoder that begins as a principal component analysis, and learns to improve on it.

    Each patch of 8 x 8 pixels becomes a few numbers. The straight part is the analysis itself; what the
    curved parts add is nothing at first.

    Parameters
    ----------
    mean : torch.Tensor, shape (64,)
        The mean patch.
    components : torch.Tensor, shape (numbers, 64)
        Patches of length 1 at right angles, as many as there shall be numbers.
    strengths : torch.Tensor, shape (numbers,)
        Standard deviation of the patches along each; the latents are divided by it.
    width : int
        Of the convolutions.
    """

    def __init__(
        self, mean: torch.Tensor, components: torch.Tensor, strengths: torch.Tensor, width: int = 64
    ):
        super().__init__()
        numbers, pixels = components.shape
        self.enter, self.leave = nn.Conv2d(pixels, numbers, 1), nn.Conv2d(numbers, pixels, 1)
        with torch.no_grad():
            self.enter.weight.copy_((components / strengths[:, None])[:, :, None, None])
            self.enter.bias.copy_(-components @ mean / strengths)
            self.leave.weight.copy_((components * strengths[:, None]).T[:, :, None, None])
            self.leave.bias.copy_(mean)
        wide = nn.Conv2d(pixels, width, 3, padding=1)
        look = nn.Conv2d(width, 2 * numbers, 1)
        self.look = nn.Sequential(wide, nn.SiLU(), look)
        wide, middle = (nn.Conv2d(before, width, 3, padding=1) for before in (numbers, width))
        self.paint = nn.Sequential(wide, nn.SiLU(), middle, nn.SiLU(), nn.Conv2d(width, pixels, 1))
        for values in (*look.parameters(), *self.paint[-1].parameters()):
            nn.init.zeros_(values)
        nn.init.constant_(look.bias[numbers:], NARROW)

    def encode(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and logarithm of the variance of the latents of pictures.

        Parameters
        ----------
        pictures : torch.Tensor, shape (batch, rows, frames)
            Both sides multiples of 8.

        Returns
        -------
        mean, log_variance : torch.Tensor, shape (batch, numbers, rows / 8, frames / 8)
        """
        folded = F.pixel_unshuffle(pictures[:, None], PATCH)
        added, log_variance = self.look(folded).chunk(2, 1)
        return self.enter(folded) + added, log_variance

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures (batch, rows, frames) of latents: the way back."""
        return F.pixel_shuffle(self.leave(latents) + self.paint(latents), PATCH)[:, 0]


class Critic:
    """A small patch discriminator, trained against a `ToyAutoencoder` as a larger one for the converter."""

    def __init__(self):
        self.network = PatchDiscriminator(8, ((2, 2), (2, 2), (2, 2)))
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=2e-3, betas=(0.5, 0.9))

    def scores(self, pictures: torch.Tensor) -> torch.Tensor:
        """Above 0 where a patch of pictures (batch, rows, frames) seems true; an eighth as high and long."""
        return self.network(pictures[:, None])[0][:, 0]

    def learn(self, real: torch.Tensor, made: torch.Tensor) -> None:
        """One step towards a score of at least 1 for true pictures and of at most -1 for made ones."""
        loss = discriminator_loss(self.scores(real), self.scores(made.detach()))
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()

    def complaint(self, real: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
        """Loss of the decoder: low scores, and other features than the true pictures have."""
        scores, features = self.network(made[:, None])
        fooled, matching = generator_loss(scores, self.network(real[:, None])[1], features)
        return 0.02 * fooled + 0.5 * matching


def reconstruction(model: ToyAutoencoder, picture: torch.Tensor) -> torch.Tensor:
    """What becomes of one picture (rows, frames) that goes through a `ToyAutoencoder` and back."""
    with torch.no_grad():
        return model.decode(model.encode(picture[None])[0])[0]


def sharpness(picture: torch.Tensor) -> float:
    """Energy of a scaled picture's gradient in time, in squared nats."""
    return mel_edges(unscaled(picture))["sharpness_in_time"]


def error(picture: torch.Tensor, truth: torch.Tensor) -> float:
    """Mean squared error of a picture."""
    return float((picture - truth).square().mean())
