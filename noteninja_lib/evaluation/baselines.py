"""Test tunes with their true recordings, and other ways to the same end as our conversion.

Lesson: 11_judging_a_converter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from noteninja_lib import STEPS, fast_mode
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.io import SAMPLE_RATE, follow_levels, levels, mono, normalise
from noteninja_lib.audio.mixdown import without_dc
from noteninja_lib.models import flow_matching
from noteninja_lib.models.checkpoints import load_model, models_folder
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.music import style
from noteninja_lib.music.piano_roll import PianoRoll, from_notes
from noteninja_lib.music.transcription import write_down
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import NoteNinjaPipeline
from noteninja_lib.source import FOLDED, Source, hear

SECONDS = 6.0 if fast_mode() else 10.0
#: Noise level: the upper end of the range in which Meng et al. find edits that keep their source.
SDEDIT_LEVEL = 0.6
#: Each version that is compared, and what it is called.
BASELINES = {
    "ours": "**NoteNinja**",
    "copy": "copy of the source",
    "wrong_tune": "another tune in the right genre",
    "sdedit": "SDEdit (no content told)",
    "regression": "the same network as plain regression",
    "transcribe": "transcribe, arrange, render",
    "oracle": "the band, another take and other instruments",
    "decoded": "the true recording through our decoder",
    "truth": "the true recording",
}

# --- Test tunes, played by the arranger in all ten genres in step: sources, and known right answers ---


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
        Genre to one more recording by the same arranger: another take, by another seed.
    tempo : float or None
        Felt beats a minute, where they are known.
    """

    number: int
    source: str
    melody: list[Note] | None
    recordings: dict[str, np.ndarray]
    replay: Callable[[str], np.ndarray] | None = None
    tempo: float | None = None

    @property
    def audio(self) -> np.ndarray:
        """The recording that is converted."""
        return self.recordings[self.source]


def excerpt(tune, genre: str, seed: int, seconds: float = SECONDS, **options):
    """A tune as the arranger plays it for some seconds, without intro and ending; returns a `Performance`."""
    return arrange(tune, load_recipe(genre), seed, duration=seconds, intro=0, ending=False, **options)


def make_piece(
    number: int,
    seed: int = 0,
    split: str = "test",
    soundfont: str | Path | None = None,
    other_soundfont: str | Path | None = None,
    *,
    alone: bool = False,
    stereo: bool = False,
) -> Piece:
    """One tune as the arranger plays it; the other soundfont plays the other takes.

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
    stereo : bool
        Recordings of shape (samples, 2) at 44,100 Hz, as what is made has.
    """
    rng, tune = np.random.default_rng((seed, number)), load_tunes(split)[number]
    tempo, swing = float(rng.uniform(80, 160)), float(rng.choice([0, 0, rng.uniform(0.4, 1)]))

    def play(genre, take):
        return excerpt(tune, genre, take, tempo=tempo, swing=swing)

    played = {genre: play(genre, int(rng.integers(10**6))) for genre in GENRES}
    melody = [note for note in played["jazz"].melody if note.end < SECONDS]
    source = str(rng.choice(GENRES))
    chosen = {source: played[source]} if alone else played
    form: Any = {"sample_rate": STEREO_RATE if stereo else SAMPLE_RATE, "stereo": stereo}
    recordings = {genre: render(one, soundfont, **form) for genre, one in chosen.items()}

    def replay(genre):
        return render(play(genre, int(1e6) + number), other_soundfont)

    return Piece(number, source, melody, recordings, replay, tempo)


def choose_targets(piece: Piece, count: int, seed: int = 0) -> list[str]:
    """`count` genres to convert a piece to, other than its own, chosen by seed."""
    others = [genre for genre in GENRES if genre != piece.source]
    rng = np.random.default_rng((seed, piece.number, 1))
    return [str(genre) for genre in rng.choice(others, count, replace=False)]


def choose_tunes(count: int, seed: int = 0, split: str = "test") -> list[int]:
    """Numbers of `count` tunes of a split, chosen by seed."""
    return [int(number) for number in np.random.default_rng(seed).permutation(len(load_tunes(split)))[:count]]


# --- Many conversions of one recording, which is heard once ---


@torch.no_grad()
def sample(
    pipe: NoteNinjaPipeline,
    source: Source,
    genre: str,
    seed: int,
    *,
    strength: float = 1.0,
    steps: int = STEPS,
    guidance: float = 2.0,
) -> torch.Tensor:
    """Latents of a conversion; see `NoteNinjaPipeline` for the arguments."""
    plan, generator = style.plan(source.piano_roll, genre), torch.Generator().manual_seed(seed)
    start = None if pipe.noise_level(strength) >= 1 else flow_matching.encode(pipe.vae, source.whole)
    return pipe.denoise(start, plan, strength, steps, guidance, generator)


@torch.no_grad()
def sound(pipe: NoteNinjaPipeline, source: Source, latents: torch.Tensor) -> np.ndarray:
    """The sound of latents as the pipeline makes it, then as the metrics hear it: mono, at the same loudness.

    As long as the song; (samples,).
    """
    made = pipe.decode(latents)[: 2 * len(source.audio)]
    made = follow_levels(made, levels(source.whole)) if source.recorded else made
    return normalise(mono(normalise(without_dc(made))))


def convert(pipe: NoteNinjaPipeline, source: Source, genre: str, seed: int, **options) -> np.ndarray:
    """The sound that `pipe(..., voice="play")` makes, without hearing recording and result once more."""
    return sound(pipe, source, sample(pipe, source, genre, seed, **options))


# --- Other ways to the same end ---


@torch.no_grad()
def one_step(pipe: NoteNinjaPipeline, source: Source, genre: str, seed: int) -> np.ndarray:
    """A single unguided step along the velocity at pure noise, which is no jump: what plain regression does.

    From there the velocity leads to the mean of all performances that would be right.
    """
    plan = style.plan(source.piano_roll, genre)
    noise = pipe.noise_like(plan.piano_roll, torch.Generator().manual_seed(seed))
    flow = flow_matching.Flow(pipe.unet, plan.piano_roll, torch.from_numpy(plan.styles), noise.shape[-1])
    return sound(pipe, source, flow_matching.euler(flow, noise, (1.0, 0.0)))


def padded(audio: np.ndarray) -> np.ndarray:
    """A recording with silence at its end, up to a whole number of the denoiser's frames."""
    return np.pad(audio, (0, -len(audio) % FOLDED))


def decoded(pipe: NoteNinjaPipeline, audio: np.ndarray) -> np.ndarray:
    """A recording sent through autoencoder and vocoder, the most that the converter could reach."""
    with torch.no_grad():
        return mono(pipe.decode(flow_matching.encode(pipe.vae, padded(audio))))[: len(audio)]


def strength_at(pipe: NoteNinjaPipeline, level: float) -> float:
    """The strength with which a conversion begins at a noise level."""
    curve = pipe.config.strength_curve
    return float(np.interp(level, curve, np.linspace(0, 1, len(curve))))


@torch.no_grad()
def sdedit(pipe: NoteNinjaPipeline, audio: np.ndarray, genre: str, seed: int = 0, **options) -> np.ndarray:
    """The source's latents, half buried in noise, and denoised towards the genre without any content.

    Meng et al. 2021, arXiv 2108.01073.
    """
    whole = padded(audio)
    nothing = from_notes([], [], len(whole) / SAMPLE_RATE)
    strength, generator = strength_at(pipe, SDEDIT_LEVEL), torch.Generator().manual_seed(seed)
    steps, guidance = options.get("num_inference_steps", STEPS), options.get("guidance_scale", 2.0)
    start = flow_matching.encode(pipe.vae, whole)
    latents = pipe.denoise(start, style.plan(nothing, genre), strength, steps, guidance, generator)
    return normalise(mono(pipe.decode(latents))[: len(audio)])


def regression_network() -> Denoiser | None:
    """The denoiser trained by `noteninja train regression`, or None where it was not."""
    folder = models_folder()
    trained = (folder / "regression" / "config.json").exists()
    return load_model(Denoiser, name="regression") if trained else None


@torch.no_grad()
def regression(
    pipe: NoteNinjaPipeline, network: Denoiser, audio: np.ndarray, genre: str, roll: PianoRoll
) -> np.ndarray:
    """A denoiser trained to guess the latents at once from content and style: no noise, no steps."""
    frames = -(-len(audio) // 4096) * 16
    content = np.zeros((1, 357, frames), np.float32)
    heard = roll.network_input()
    content[0, :, : heard.shape[1]] = heard
    blank = torch.zeros(1, 8, network.content.height.shape[0], frames // 4)
    vector = torch.from_numpy(style.styles(genre))
    guess = -network(blank, torch.ones(1), torch.from_numpy(content), vector)
    return normalise(mono(pipe.decode(guess))[: len(audio)])


def transcribe_arrange_render(
    audio: np.ndarray,
    genre: str,
    seed: int = 0,
    soundfont: str | Path | None = None,
    roll: PianoRoll | None = None,
) -> np.ndarray:
    """No network makes this sound: the tune is written down, harmonised, and played anew by the arranger.

    Key, metre and beat are estimated from the recording, as from any other. It can't keep what was not heard
    as a note.
    """
    tune, first_bar, tempo = write_down((roll or hear(audio)).melody_notes(), audio)
    played = excerpt(tune, genre, seed, len(audio) / SAMPLE_RATE - first_bar, tempo=tempo, swing=0.0)
    return normalise(render(played, soundfont)[round(-first_bar * SAMPLE_RATE) :][: len(audio)])


def versions(
    pipe: NoteNinjaPipeline,
    piece: Piece,
    genre: str,
    other: int,
    *,
    split: str = "test",
    soundfont: str | Path | None = None,
    **options,
) -> dict[str, np.ndarray]:
    """Every baseline's version of a piece in a genre, by name as in `BASELINES`.

    Parameters
    ----------
    pipe : NoteNinjaPipeline
    piece : Piece
    genre : str
    other : int
        Number of another tune.
    split : str
        Of both tunes.
    soundfont : path, optional
        Of the true recordings.
    options
        For the pipeline.

    Returns
    -------
    dict of str to numpy.ndarray
        `regression` only where its network was trained; what needs a score only where the piece has one.
    """
    source, seed, network = piece.audio, piece.number, regression_network()
    result = pipe(source, genre, generator=torch.Generator().manual_seed(seed), voice="play", **options)
    ours = normalise(result.mono())  # as loud as the others, which are mono, too
    made = {"ours": ours, "copy": source, "sdedit": sdedit(pipe, source, genre, seed, **options)}
    if network:
        made["regression"] = regression(pipe, network, source, genre, result.piano_roll)
    made["transcribe"] = transcribe_arrange_render(source, genre, seed, soundfont, result.piano_roll)
    if piece.melody is not None and piece.replay is not None:
        made["wrong_tune"] = render(excerpt(load_tunes(split)[other], genre, other), soundfont)
        made["oracle"] = piece.replay(genre)
        made["decoded"] = decoded(pipe, piece.recordings[genre])
        made["truth"] = piece.recordings[genre]
    return made
