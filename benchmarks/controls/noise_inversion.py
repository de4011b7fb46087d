"""From a recording to its noise, and edits there. `noteninja steering --only inversion`. Lesson: 08."""

import numpy as np
import torch

from benchmarks import all_measures
from benchmarks.harness import Run, intervals, means, played, prepare, table
from noteninja_lib import STEPS
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import log_mel
from noteninja_lib.models.flow_matching import Flow, encode, euler, heun, time_steps
from noteninja_lib.music import style
from noteninja_lib.source import read_source

SECONDS = 6.0
#: Ways there and back: solver, steps. An Euler step evaluates the network once, a Heun step twice.
WAYS = {"Euler, 50 steps": (euler, 50), "Euler, 20 steps": (euler, 20)}
WAYS |= {"Heun, 25 steps": (heun, 25), "Heun, 10 steps": (heun, 10)}


@torch.no_grad()
def measure_tune(number: int, seed: int = 0, split: str = "test") -> dict[str, dict]:
    """Errors of the log-mel in nats after ways to noise and back, and figures of two kinds of edits."""
    pipe, piece, heard, (target,) = prepare(number, seed, split, alone=False)
    source = piece.audio
    short = read_source(source[: round(SECONDS * SAMPLE_RATE)])
    clean, truth = encode(pipe.vae, short.whole), log_mel(short.whole)
    flow = Flow(pipe.unet, short.piano_roll, torch.from_numpy(style.styles(piece.source)), clean.shape[-1])
    latents = {"autoencoder": clean}
    for name, (solve, steps) in WAYS.items():
        noise = solve(flow, clean, time_steps(steps).flip(0))
        latents[name] = solve(flow, noise, time_steps(steps))
    decoded = {name: pipe.vae.decode(one)[0].cpu().numpy() for name, one in latents.items()}
    found = {"round_trip": {name: float(np.abs(mel - truth).mean()) for name, mel in decoded.items()}}
    plan = style.plan(heard.piano_roll, target, samples=len(source))
    for name, noise in (("by content", number), ("by inversion", pipe.invert(source, piece.source))):
        made = played(pipe, plan, noise)
        judged = pipe.judge_genre(made)
        found[name] = {"note_f1": all_measures.note_f1(piece.melody, all_measures.hear(made))}
        found[name] |= {"judge": next(iter(judged)) == target, "share": judged[target]}
        found[name]["lsd"] = all_measures.log_spectral_distance(made, piece.recordings[target])
        found[name]["chroma"] = all_measures.chroma_cosine(made, source)
    return found


def report(count: int, run: Run) -> dict:
    """Measure `count` recordings; returns all figures."""
    rows = run.measure(measure_tune, run.tunes(count), "recordings")
    found = {name: intervals([row[name] for row in rows]) for name in rows[0]}
    trip = found.pop("round_trip")
    return {"recordings": count, "steps_of_edits": STEPS, "round_trip": trip, "edits": found}


def lines(figures: dict) -> list[str]:
    """How well a recording comes back from its noise, and what an edit there is worth, in Markdown."""
    errors = ", ".join(f"{name} {mean:.3f}" for name, (mean, _, _) in figures["round_trip"].items())
    rows = ([name, *means(measures, measures)] for name, measures in figures["edits"].items())
    return [
        f"*From a recording to noise and back* ({figures['recordings']} recordings): {errors}. Edits:",
        *table(["edit", "note F1", "judge", "judge's share", "LSD in dB", "chroma cosine"], rows),
    ]
