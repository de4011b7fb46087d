"""A song as the converter's networks see it, for lessons that open them: packed into latents, and unpacked again.

Lesson: 05_autoencoders_and_latent_space, 06_diffusion_theory
"""
from functools import cached_property

import numpy as np
import torch

from noteninja_lib.classroom.players import bundled_songs
from noteninja_lib.evaluation.likeness import mel_edges
from noteninja_lib.model import windows
from noteninja_lib.music.content import from_audio
from noteninja_lib.music.steering import styles
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.songs import FOLDED
from noteninja_lib.sound.audio import load


class PackedSong:
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
        self.latents = windows.encode(self.pipe.vae, self.audio)

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
        return windows.WindowedFlow(self.pipe.unet, self.content, torch.from_numpy(styles(genre)), self.latents.shape[-1], w,
                                    self.pipe.config.guided)

    def picture(self, latents):
        """Log-mel picture (96, frames) of latents, an array."""
        return self.pipe.vae.decode(latents)[0].numpy()

    def sound(self, latents):
        """Sound (samples,) of latents."""
        return windows.decode(self.pipe.vae, self.pipe.vocoder, latents)

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
    return PackedSong(load(path, offset=begin, duration=seconds))
