"""What our conversion is compared with: other ways to the same end, all of them real.

Each takes the pipeline, the piece and the asked-for genre, and gives sound. Lesson: 11_judging_a_converter.
"""
import numpy as np
import torch
from music21 import note, stream

from .. import STEPS
from ..model import windows
from ..model.denoiser import Denoiser
from ..model.weights import load_model
from ..music.band import arrange
from ..music.content import Content, from_audio
from ..music.genres import load_recipe, style_vector
from ..music.harmony import bar_length, harmonise
from ..music.rhythm import track_beats
from ..music.synthesis import render
from ..music.theory import Tune
from ..sound.audio import SAMPLE_RATE, normalise
from ..sound.spectrogram import HOP_LENGTH, log_mel

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
    latents = pipe.denoise(whole, blank, style, amount, options.get("num_inference_steps", STEPS), options.get("guidance_scale", 2.0),
                           torch.Generator().manual_seed(seed), lambda done: None)
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


def write_down(notes, audio):
    """A tune with chords from the notes that were heard: tempo, bar lines and key are estimated.

    Parameters
    ----------
    notes : list of Note
    audio : numpy.ndarray, shape (samples,)

    Returns
    -------
    (Tune, float, float)
        The tune, the time of its first bar line in seconds (0 or earlier), and the tempo in beats a minute.
    """
    rise = np.maximum(np.diff(log_mel(audio), axis=1, prepend=0), 0)
    rise[:, 0] = 0
    beats = track_beats(rise.mean(0))
    step = float(np.median(np.diff(beats))) if len(beats) > 1 else 0.5
    start = beats[0] if len(beats) else 0.0
    metre, downbeat = find_bar(rise[:20].mean(0), start, step)
    bar = bar_length(metre)
    first_bar = start + (downbeat - bar) * step
    if first_bar > 0:
        first_bar -= bar * step
    length = bar * np.ceil((len(audio) / SAMPLE_RATE - first_bar) / step / bar)
    written = tuple(((one.start - first_bar) / step, max((one.end - one.start) / step, 0.1), one.pitch) for one in notes)
    tonic, mode = find_key(notes)
    return Tune("heard", "heard", "heard", metre, tonic, mode, written, harmonise(written, tonic, mode, metre, length), length,
                "heard", "test"), first_bar, 60 / step


def find_bar(strength, start, step):
    """Metre ("4/4" or "3/4") and number of the first beat on a bar line, from the strength of low onsets."""
    times = np.arange(start, len(strength) * HOP_LENGTH / SAMPLE_RATE - 0.1, step)
    columns = np.clip((times * SAMPLE_RATE / HOP_LENGTH).astype(int), 0, len(strength) - 4)
    accents = np.array([strength[column:column + 4].max() for column in columns])
    accents = (accents - accents.mean()) / (accents.std() + 1e-9)
    found = {}
    for beats in (4, 3):
        for downbeat in range(beats):
            found[beats, downbeat] = accents[downbeat::beats].mean() if len(accents) > downbeat else 0.0
    beats, downbeat = max(found, key=found.get)
    return f"{beats}/4", downbeat


def find_key(notes):
    """Tonic (pitch class) and mode of some notes, by Krumhansl's profiles in music21."""
    if not notes:
        return 0, "major"
    line = stream.Stream([note.Note(one.pitch, quarterLength=max(round(4 * (one.end - one.start)) / 4, 0.25)) for one in notes])
    key = line.analyze("key")
    return key.tonic.pitchClass, key.mode
