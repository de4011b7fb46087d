"""From a recording to the noise that makes it, and back; and edits that begin there, beside edits by content.

Command: `noteninja steering --only inversion`. Lesson: 08_latent_interpolation.

References
----------
Song et al. 2020, arXiv 2010.02502 (the way back from image to noise); Hertz et al. 2022, arXiv 2208.01626 and Mokady et al.
2022, arXiv 2211.09794 (edits that begin at inverted noise).
"""

from functools import partial

import numpy as np
import torch

from benchmarks.controls.morphing import noises, played
from noteninja_lib import STEPS
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import log_mel
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import Heard, choose_targets, choose_tunes, make_piece
from noteninja_lib.evaluation.comparison import spread
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.models import flow_matching
from noteninja_lib.models.flow_matching import euler, heun, time_steps
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import Plan

SECONDS = 6.0
#: Ways there and back: walker, steps. An Euler step evaluates the network once, a Heun step twice.
WAYS = {
    "Euler, 50 steps": (euler, 50),
    "Euler, 20 steps": (euler, 20),
    "Heun, 25 steps": (heun, 25),
    "Heun, 10 steps": (heun, 10),
}


@torch.no_grad()
def measure_tune(number, seed=0, split="test"):
    """Invert one recording in several ways, and edit it.

    Returns
    -------
    dict
        `round_trip`: mean absolute error of the log-mel in nats by way, `autoencoder` being the least that is possible;
        `edits`: for the edit by content and the one by inversion note F1, the judge's verdict and share, LSD to the true
        recording in the asked-for genre, and chroma cosine to the source.
    """
    pipe, piece = load_pipeline(), make_piece(number, seed, split)
    target, source = choose_targets(piece, 1, seed)[0], piece.recordings[piece.source]
    short = Heard(source[: round(SECONDS * SAMPLE_RATE)])
    clean, truth = flow_matching.encode(pipe.vae, short.whole), log_mel(short.whole)
    plan = Plan(short.piano_roll)
    flow = flow_matching.WindowedFlow(
        pipe.unet, plan.piano_roll, pipe.styles_for(piece.source, plan), clean.shape[-1]
    )

    def error(latents):
        return float(np.abs(pipe.vae.decode(latents)[0].cpu().numpy() - truth).mean())

    trips = {"autoencoder": error(clean)}
    for name, (walk, steps) in WAYS.items():
        noise = walk(flow, clean, time_steps(steps).flip(0))
        trips[name] = error(walk(flow, noise, time_steps(steps)))
    melody = piece.melody
    found, heard, edited = {}, Heard(source), pipe.invert(source, piece.source)
    plan = Plan(heard.piano_roll, samples=len(source))
    for name, noise in (("by content", noises(pipe, plan.piano_roll, number)[0]), ("by inversion", edited)):
        made = played(pipe, plan, target, noise)
        judged = pipe.judge_genre(made)
        found[name] = {
            "note_f1": metrics.note_f1(melody, metrics.hear(made)),
            "judge": next(iter(judged)) == target,
            "share": judged[target],
            "lsd": metrics.log_spectral_distance(made, piece.recordings[target]),
            "chroma": metrics.chroma_cosine(made, source),
        }
    return {"round_trip": trips, "edits": found}


def measure(count=10, seed=0, split="test", workers=1):
    """All figures, with a progress bar."""
    rows = spread(
        partial(measure_tune, seed=seed, split=split),
        choose_tunes(count, seed, split),
        workers,
        " recordings",
    )
    trips = {name: bootstrap([row["round_trip"][name] for row in rows]) for name in rows[0]["round_trip"]}
    edits = {
        name: {which: bootstrap([row["edits"][name][which] for row in rows]) for which in measures}
        for name, measures in rows[0]["edits"].items()
    }
    return {"recordings": count, "steps_of_edits": STEPS, "round_trip": trips, "edits": edits}


def table(figures):
    """The figures as lines of text."""
    lines = [
        f"there and back, {name:18} {mean:.3f} nats [{low:.3f}, {high:.3f}]"
        for name, (mean, low, high) in figures["round_trip"].items()
    ]
    return lines + [
        f"edit {name:14}" + ", ".join(f"{which} {value[0]:.2f}" for which, value in measures.items())
        for name, measures in figures["edits"].items()
    ]
