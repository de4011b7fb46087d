"""From a recording to the noise that makes it, and back; and edits that begin there, beside edits by content.

Command: `noteninja steering --only inversion`. Lesson: 08_latent_interpolation.

References
----------
Song et al. 2020, arXiv 2010.02502 (the way back from image to noise); Hertz et al. 2022, arXiv 2208.01626 and
Mokady et al. 2022, arXiv 2211.09794 (edits that begin at inverted noise).
"""

import numpy as np
import torch

from benchmarks.harness import means, measure, played, table
from noteninja_lib import STEPS
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import log_mel
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import choose_targets, choose_tunes, make_piece
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.models import flow_matching
from noteninja_lib.models.flow_matching import euler, heun, time_steps
from noteninja_lib.music import style
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import read_source

SECONDS = 6.0
#: Ways there and back: solver, steps. An Euler step evaluates the network once, a Heun step twice.
WAYS = {
    "Euler, 50 steps": (euler, 50),
    "Euler, 20 steps": (euler, 20),
    "Heun, 25 steps": (heun, 25),
    "Heun, 10 steps": (heun, 10),
}


@torch.no_grad()
def measure_tune(number: int, seed: int = 0, split: str = "test") -> dict[str, dict]:
    """Invert one recording in several ways, and edit it.

    Returns
    -------
    dict
        `round_trip`: mean absolute error of the log-mel in nats by way, `autoencoder` being the least that is
        possible; `edits`: for the edit by content and the one by inversion note F1, the classifier's verdict
        and share, LSD to the true recording in the asked-for genre, and chroma cosine to the source.
    """
    pipe, piece = load_pipeline(), make_piece(number, seed, split)
    target, source = choose_targets(piece, 1, seed)[0], piece.audio
    short = read_source(source[: round(SECONDS * SAMPLE_RATE)])
    clean, truth = flow_matching.encode(pipe.vae, short.whole), log_mel(short.whole)
    styles = torch.from_numpy(style.styles(piece.source))
    flow = flow_matching.Flow(pipe.unet, short.piano_roll, styles, clean.shape[-1])

    def error(latents):
        return float(np.abs(pipe.vae.decode(latents)[0].cpu().numpy() - truth).mean())

    errors = {"autoencoder": error(clean)}
    for name, (solve, steps) in WAYS.items():
        noise = solve(flow, clean, time_steps(steps).flip(0))
        errors[name] = error(solve(flow, noise, time_steps(steps)))
    plan, found = style.plan(read_source(source).piano_roll, target, samples=len(source)), {}
    for name, noise in (("by content", number), ("by inversion", pipe.invert(source, piece.source))):
        made = played(pipe, plan, noise)
        judged = pipe.judge_genre(made)
        found[name] = {
            "note_f1": metrics.note_f1(piece.melody, metrics.hear(made)),
            "judge": next(iter(judged)) == target,
            "share": judged[target],
            "lsd": metrics.log_spectral_distance(made, piece.recordings[target]),
            "chroma": metrics.chroma_cosine(made, source),
        }
    return {"round_trip": errors, "edits": found}


def report(count: int = 10, workers: int = 1, seed: int = 0, split: str = "test") -> dict:
    """Measure with a progress bar; returns all figures."""
    tunes = choose_tunes(count, seed, split)
    rows = measure(measure_tune, tunes, "recordings", workers, seed=seed, split=split)

    def intervals(some):
        return {name: bootstrap([row[name] for row in some]) for name in some[0]}

    return {
        "recordings": count,
        "steps_of_edits": STEPS,
        "round_trip": intervals([row["round_trip"] for row in rows]),
        "edits": {name: intervals([row["edits"][name] for row in rows]) for name in rows[0]["edits"]},
    }


def lines(figures: dict) -> list[str]:
    """How well a recording comes back from its noise, and what an edit there is worth, in Markdown."""
    errors = ", ".join(f"{name} {mean:.3f}" for name, (mean, _, _) in figures["round_trip"].items())
    rows = ([name, *means(measures, measures)] for name, measures in figures["edits"].items())
    return [
        f"*From a recording to noise and back* ({figures['recordings']} recordings, mean error of the "
        f"log-mel in nats, the autoencoder alone being the least that is possible): {errors}. The same edit "
        "begun there, beside one begun at any noise:",
        "",
        *table(["edit", "note F1", "judge", "judge's share", "LSD in dB", "chroma cosine"], rows),
    ]
