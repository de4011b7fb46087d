"""What our conversion is compared with: other ways to the same end, all of them real.

Each takes the pipeline, the piece and the asked-for genre, and gives sound. Lesson: 11_judging_a_converter.
"""
import numpy as np
import torch

from .. import STEPS
from ..model import windows
from ..model.denoiser import Denoiser
from ..model.weights import load_model
from ..music.band import arrange
from ..music.content import Content, from_audio
from ..music.genres import load_recipe, style_vector
from ..music.synthesis import render
from ..music.transcription import write_down
from ..sound.audio import SAMPLE_RATE, normalise
from ..sound.spectrogram import HOP_LENGTH

SDEDIT_LEVEL = 0.6     # of noise: the upper end of the range in which Meng et al. find edits that keep their source


def decoded(pipe, audio):
    """A recording sent through autoencoder and vocoder, the most that the converter could reach."""
    whole = np.pad(audio, (0, -len(audio) % 4096))
    with torch.no_grad():
        return pipe.sound(windows.encode(pipe.vae, whole))[:len(audio)]


@torch.no_grad()
def sdedit(pipe, audio, genre, seed=0, level=SDEDIT_LEVEL, **options):
    """The source's latents, half buried in noise, and denoised towards the genre: no content is told.

    Meng et al. 2021, arXiv 2108.01073.
    """
    whole = np.pad(audio, (0, -len(audio) % 4096))
    frames = len(whole) // HOP_LENGTH
    blank = Content(*(np.zeros((2, 88, frames), np.float32) for _ in range(2)), np.zeros((5, frames), np.float32))
    style = torch.from_numpy(style_vector(genre))[None]
    curve = pipe.config.amount_curve
    amount = float(np.interp(level, curve, np.linspace(0, 1, len(curve))))
    latents = pipe.denoise(pipe.begin(whole, amount), blank, style, amount, options.get("num_inference_steps", STEPS), options.get("guidance_scale", 2.0),
                           torch.Generator().manual_seed(seed))
    return normalise(pipe.sound(latents)[:len(audio)])


@torch.no_grad()
def regression(pipe, audio, genre, content):
    """The same network, trained to guess the latents at once from content and style: no noise, no steps."""
    network, frames = load_model(Denoiser, name="regression"), -(-len(audio) // 4096) * 16
    picture = np.zeros((1, 357, frames), np.float32)
    heard = content.stack()
    picture[0, :, :heard.shape[1]] = heard
    blank = torch.zeros(1, 8, network.content.height.shape[0], frames // 4)
    guess = -network(blank, torch.ones(1), torch.from_numpy(picture), torch.from_numpy(style_vector(genre))[None])
    return normalise(pipe.sound(guess)[:len(audio)])


def transcribe_arrange_render(audio, genre, seed=0, soundfont=None, content=None):
    """No network makes this sound: the tune is written down, harmonised, and played anew by the band.

    Key, metre and beat are estimated from the recording, as from any other. It can't keep what was not heard as a note.
    """
    content = content or from_audio(audio)
    tune, first_bar, tempo = write_down(content.melody(), audio)
    seconds = len(audio) / SAMPLE_RATE
    played = arrange(tune, load_recipe(genre), seed, tempo=tempo, swing=0.0, duration=seconds - first_bar, intro=0, ending=False)
    return normalise(render(played, soundfont)[round(-first_bar * SAMPLE_RATE):][:len(audio)])
