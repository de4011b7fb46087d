"""What our conversion is compared with: other ways to the same end, all of them real.

Each takes the pipeline, the piece and the asked-for genre, and gives sound. Lesson: 11_judging_a_converter.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from noteninja_lib import STEPS, fast_mode
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import GENRES, load_recipe, style_vector
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio.io import SAMPLE_RATE, normalise
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.datasets import open_dataset
from noteninja_lib.errors import UserError
from noteninja_lib.models import flow_matching
from noteninja_lib.models.checkpoints import load_model
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.music.piano_roll import PianoRoll, from_audio
from noteninja_lib.music.transcription import write_down
from noteninja_lib.music.tunes import load_tunes

SDEDIT_LEVEL = (
    0.6  # of noise: the upper end of the range in which Meng et al. find edits that keep their source
)


def decoded(pipe, audio):
    """A recording sent through autoencoder and vocoder, the most that the converter could reach."""
    whole = np.pad(audio, (0, -len(audio) % 4096))
    with torch.no_grad():
        return pipe.sound(flow_matching.encode(pipe.vae, whole))[: len(audio)]


@torch.no_grad()
def sdedit(pipe, audio, genre, seed=0, level=SDEDIT_LEVEL, **options):
    """The source's latents, half buried in noise, and denoised towards the genre: no content is told.

    Meng et al. 2021, arXiv 2108.01073.
    """
    whole = np.pad(audio, (0, -len(audio) % 4096))
    frames = len(whole) // HOP_LENGTH
    blank = PianoRoll(
        *(np.zeros((2, 88, frames), np.float32) for _ in range(2)), np.zeros((5, frames), np.float32)
    )
    style = torch.from_numpy(style_vector(genre))[None]
    curve = pipe.config.strength_curve
    strength = float(np.interp(level, curve, np.linspace(0, 1, len(curve))))
    latents = pipe.denoise(
        pipe.begin(whole, strength),
        blank,
        style,
        strength,
        options.get("num_inference_steps", STEPS),
        options.get("guidance_scale", 2.0),
        torch.Generator().manual_seed(seed),
    )
    return normalise(pipe.sound(latents)[: len(audio)])


@torch.no_grad()
def regression(pipe, audio, genre, roll):
    """The same network, trained to guess the latents at once from content and style: no noise, no steps."""
    network, frames = load_model(Denoiser, name="regression"), -(-len(audio) // 4096) * 16
    picture = np.zeros((1, 357, frames), np.float32)
    heard = roll.stack()
    picture[0, :, : heard.shape[1]] = heard
    blank = torch.zeros(1, 8, network.content.height.shape[0], frames // 4)
    guess = -network(
        blank, torch.ones(1), torch.from_numpy(picture), torch.from_numpy(style_vector(genre))[None]
    )
    return normalise(pipe.sound(guess)[: len(audio)])


def transcribe_arrange_render(audio, genre, seed=0, soundfont=None, roll=None):
    """No network makes this sound: the tune is written down, harmonised, and played anew by the band.

    Key, metre and beat are estimated from the recording, as from any other. It can't keep what was not heard as a note.
    """
    roll = roll or from_audio(audio)
    tune, first_bar, tempo = write_down(roll.melody_notes(), audio)
    seconds = len(audio) / SAMPLE_RATE
    played = arrange(
        tune,
        load_recipe(genre),
        seed,
        tempo=tempo,
        swing=0.0,
        duration=seconds - first_bar,
        intro=0,
        ending=False,
    )
    return normalise(render(played, soundfont)[round(-first_bar * SAMPLE_RATE) :][: len(audio)])


# Many conversions of one recording, which is heard once: what the amount slider and the number of steps are measured on.


class Heard:
    """A recording and its piano roll, kept for all its conversions.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 22,050 Hz.
    """

    def __init__(self, audio):
        self.audio = audio
        self.whole = np.pad(audio, (0, -len(audio) % (16 * HOP_LENGTH)))
        self.piano_roll = from_audio(self.whole)


@torch.no_grad()
def walk(pipe, heard, genre, seed, *, strength=1.0, steps=STEPS, guidance=2.0):
    """Latents of a conversion; see `NoteNinjaPipeline` for the arguments."""
    style = torch.from_numpy(style_vector(genre))[None].to(pipe.device)
    noise = torch.Generator().manual_seed(seed)
    return pipe.denoise(
        pipe.begin(heard.whole, strength), heard.piano_roll, style, strength, steps, guidance, noise
    )


@torch.no_grad()
def sound(pipe, heard, latents):
    """The sound of latents, as long as the recording and as loud as the pipeline makes it."""
    return normalise(pipe.sound(latents)[: len(heard.audio)])


def convert(pipe, heard, genre, seed, **options):
    """The sound that `pipe(...)` makes of a recording, without hearing the recording and the result once more."""
    return sound(pipe, heard, walk(pipe, heard, genre, seed, **options))


# Test tunes, played by the band in all ten genres in step: the sources, and the known right answers.

SECONDS = 6.0 if fast_mode() else 10.0


@dataclass
class Piece:
    """A test tune, recorded in all ten genres in step.

    Attributes
    ----------
    number : int
        Of the tune in its split.
    source : str
        Genre of the recording that is converted.
    melody : list of Note or None
        The known score, where there is one.
    recordings : dict of genre to numpy.ndarray
        All ten, or the source alone.
    replay : callable
        Genre to one more recording by the same band: another take, by another seed.
    tempo : float or None
        Felt beats a minute, where they are known.
    """

    number: int
    source: str
    melody: list
    recordings: dict
    replay: callable = None
    tempo: float = None


def make_piece(number, seed=0, split="test", soundfont=None, other_soundfont=None, *, alone=False):
    """One tune as the band plays it; the other soundfont plays the other takes.

    Parameters
    ----------
    number : int
        Of the tune in the split.
    seed : int
    split : {'train', 'validation', 'test'}
    soundfont, other_soundfont : path, optional
        TimGM6mb by default, which no network is trained on.
    alone : bool
        Only the source is recorded, which takes a tenth of the time.

    Returns
    -------
    Piece
    """
    rng, tune = np.random.default_rng((seed, number)), load_tunes(split)[number]
    shared = {
        "tempo": float(rng.uniform(80, 160)),
        "swing": float(rng.choice([0, 0, rng.uniform(0.4, 1)])),
        "duration": SECONDS,
        "intro": 0,
        "ending": False,
    }
    played = {genre: arrange(tune, load_recipe(genre), int(rng.integers(1e6)), **shared) for genre in GENRES}

    def replay(genre):
        return render(arrange(tune, load_recipe(genre), int(1e6) + number, **shared), other_soundfont)

    melody = [note for note in played["jazz"].melody if note.end < SECONDS]
    source = str(rng.choice(GENRES))
    recordings = {
        genre: render(one, soundfont) for genre, one in played.items() if genre == source or not alone
    }
    return Piece(number, source, melody, recordings, replay, shared["tempo"])


def choose_targets(piece, count, seed=0):
    """`count` genres to convert a piece to, other than its own, drawn by seed."""
    others = [genre for genre in GENRES if genre != piece.source]
    return [
        str(genre)
        for genre in np.random.default_rng((seed, piece.number, 1)).choice(others, count, replace=False)
    ]


@lru_cache(maxsize=1)
def opened(root):
    """A data set, opened once in a process, which takes a while for a large one."""
    return open_dataset(root, tell=None)


def found_piece(root, number):
    """A recording of a data set of real music, cut to length: no score is known, and no right answer."""
    data = opened(root)
    return Piece(
        number,
        data.labels[number],
        None,
        {data.labels[number]: data.audio(number)[: int(SECONDS * SAMPLE_RATE)]},
    )


def choose_tunes(count, seed=0, split="test"):
    """Numbers of `count` tunes of a split, drawn by seed."""
    return [int(number) for number in np.random.default_rng(seed).permutation(len(load_tunes(split)))[:count]]


def pieces(count, seed=0, split="test", soundfont=None, other_soundfont=None):
    """Tunes as the band plays them; a generator of `Piece`."""
    for number in choose_tunes(count, seed, split):
        yield make_piece(number, seed, split, soundfont, other_soundfont)


# An outside listener: any program that hears genres in sound files, and knows nothing of how they were made.


def listen(tagger, files):
    """Genre scores that a tagger gives to sound files.

    Parameters
    ----------
    tagger : path
        A Python program that is called with `--json` and the files, and prints a line of JSON for each, with `genres`
        (a score for each genre that it knows), in the order of the files.
    files : list of str

    Returns
    -------
    list of dict of genre to float
    """
    if not Path(tagger).is_file():
        raise UserError(f"There is no tagger {tagger}: give the path of a Python program.")
    scores = []
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(
            [sys.executable, str(tagger), "--json", *files],
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        ) as program:
            for line in tqdm(program.stdout, total=len(files), unit=" files heard", dynamic_ncols=True):
                scores.append(json.loads(line)["genres"])
        complaints.seek(0)
        if program.returncode or len(scores) != len(files):
            last = (complaints.read().strip().splitlines() or ["it printed too few lines"])[-1]
            raise UserError(f"The tagger {tagger} failed: {last}")
    return scores
