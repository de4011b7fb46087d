"""Many conversions of one recording, which is heard once: what the amount slider and the number of steps are measured on."""
import numpy as np
import torch

from .. import STEPS
from ..music.content import from_audio
from ..music.genres import style_vector
from ..sound.audio import normalise
from ..sound.spectrogram import HOP_LENGTH


class Heard:
    """A recording and its content picture, kept for all its conversions.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 22,050 Hz.
    """

    def __init__(self, audio):
        self.audio = audio
        self.whole = np.pad(audio, (0, -len(audio) % (16 * HOP_LENGTH)))
        self.content = from_audio(self.whole)


@torch.no_grad()
def walk(pipe, heard, genre, seed, *, amount=1.0, steps=STEPS, guidance=2.0):
    """Latents of a conversion; see `NoteNinjaPipeline` for the arguments."""
    style = torch.from_numpy(style_vector(genre))[None].to(pipe.device)
    noise = torch.Generator().manual_seed(seed)
    return pipe.denoise(pipe.begin(heard.whole, amount), heard.content, style, amount, steps, guidance, noise)


@torch.no_grad()
def sound(pipe, heard, latents):
    """The sound of latents, as long as the recording and as loud as the pipeline makes it."""
    return normalise(pipe.sound(latents)[:len(heard.audio)])


def convert(pipe, heard, genre, seed, **options):
    """The sound that `pipe(...)` makes of a recording, without hearing the recording and the result once more."""
    return sound(pipe, heard, walk(pipe, heard, genre, seed, **options))
