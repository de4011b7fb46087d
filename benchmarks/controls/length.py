"""Can one hear where a long piece was put together? And does an extended clip keep key and tempo?

Command: `noteninja steering --only length`. Lesson: 09_tempo_mood_and_length.
"""

from functools import partial

import numpy as np
import torch

from benchmarks.controls.morphing import noises, played
from benchmarks.controls.tempo import folded
from noteninja_lib import STEPS, fast_mode
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio.io import SAMPLE_RATE, normalise
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import Heard, choose_tunes
from noteninja_lib.evaluation.comparison import spread
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.models import flow_matching
from noteninja_lib.music.beats import FRAME_RATE, rhythm_of
from noteninja_lib.music.extension import extend
from noteninja_lib.music.piano_roll import PianoRoll, from_audio
from noteninja_lib.music.time_warp import cut, tempo_of
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import Plan

SECONDS = 40.0 if fast_mode() else 180.0  # of a long piece
CLIP, EXTENDED = 20.0, 40.0 if fast_mode() else 120.0
AROUND = int(1.5 * SAMPLE_RATE)  # samples that the judge hears on either side of an edge


@torch.no_grad()
def concatenated(pipe, roll, genre, seed):
    """The same piece with each window by itself, with its own noise, one put after the other: what the seams are measured beside."""
    parts = []
    for number, window in enumerate(
        flow_matching.spans(roll.rhythm.shape[-1] // flow_matching.FOLD, flow_matching.WINDOW, 0)
    ):
        part = cut(
            roll,
            flow_matching.FOLD * window.start / FRAME_RATE,
            flow_matching.FOLD * window.stop / FRAME_RATE,
        )
        plan = Plan(part)
        (noise,) = noises(pipe, plan.piano_roll, seed + number)
        latents = pipe.denoise(
            None, plan.piano_roll, pipe.styles_for(genre, plan), 1.0, STEPS, 2.0, None, noise=noise
        )
        parts.append(pipe.sound(latents))
    return normalise(np.concatenate(parts))


def edges_of(samples, step):
    """Samples at which a new window begins, away from both ends."""
    return [
        edge
        for edge in range(step * flow_matching.COLUMN, samples, step * flow_matching.COLUMN)
        if 2 * AROUND < edge < samples - 2 * AROUND
    ]


def judged(pipe, audio, genre, edges):
    """The judge's share for a genre around each edge, and halfway between them."""
    shares = []
    for shift in (0, (edges[1] - edges[0]) // 2 if len(edges) > 1 else 4 * AROUND):
        places = [edge + shift for edge in edges if edge + shift + AROUND < len(audio)]
        shares.append([pipe.judge_genre(audio[place - AROUND : place + AROUND])[genre] for place in places])
    return shares


def measure_piece(number, seed=0, split="test"):
    """Convert a long piece in windows, and in concatenated windows: what is at the edges, and elsewhere."""
    draw = np.random.default_rng((seed, number, 4))
    own, target = (str(genre) for genre in draw.choice(GENRES, 2, replace=False))
    song = render(
        arrange(load_tunes(split)[number], load_recipe(own), number, duration=SECONDS, intro=0, ending=False)
    )
    pipe, heard = load_pipeline(), Heard(song)
    plan = Plan(heard.piano_roll, samples=len(song))
    (noise,) = noises(pipe, plan.piano_roll, number)
    step = flow_matching.WINDOW - flow_matching.OVERLAP
    found = {}
    for name, made, size in (
        ("windows", played(pipe, plan, target, noise), step),
        (
            "concatenated",
            concatenated(pipe, plan.piano_roll, target, number)[: len(song)],
            flow_matching.WINDOW,
        ),
    ):
        edges = edges_of(len(made), size)
        found[name] = {"flux": metrics.seams(made, edges), "judge": judged(pipe, made, target, edges)}
    found["truth"] = {"flux": metrics.seams(song, edges), "judge": [[0.0], [0.0]]}
    return found


def measure_clip(number, seed=0, split="test"):
    """Extend a clip: key and tempo at its beginning and end, and the genre."""
    draw = np.random.default_rng((seed, number, 5))
    own, target = (str(genre) for genre in draw.choice(GENRES, 2, replace=False))
    clip = render(
        arrange(load_tunes(split)[number], load_recipe(own), number, duration=CLIP, intro=0, ending=False)
    )
    pipe, roll = (
        load_pipeline(),
        extend(from_audio(np.pad(clip, (0, -len(clip) % 4096))), EXTENDED, seed=number),
    )
    plan = Plan(roll)
    (noise,) = noises(pipe, plan.piano_roll, number)
    made = played(pipe, plan, target, noise)
    third = len(made) // 3
    chroma = [metrics.hear(part).chroma().mean(1) for part in (made[:third], made[-third:])]
    wanted = tempo_of(roll)
    tempi = [
        folded(tempo_of(PianoRoll(None, None, rhythm_of(part))) / wanted)
        for part in (made[:third], made[-third:])
    ]
    turned = [np.corrcoef(chroma[0], np.roll(chroma[1], turn))[0, 1] for turn in range(12)]
    return {
        "seconds": len(made) / SAMPLE_RATE,
        "same_key": int(np.argmax(turned)) == 0,
        "chroma": float(turned[0]),
        "tempo_drift": abs(tempi[1] / max(tempi[0], 1e-9) - 1),
        "judge": next(iter(pipe.judge_genre(made))) == target,
    }


def summarise(pieces, clips):
    """Figures of the rows of `measure_piece` and `measure_clip`.

    Flux: the jump of the spectrum at an edge beside such jumps elsewhere, 1 where there is no seam. Judge: share for the asked-for
    genre at the edges less that between them, 0 where there is no seam.
    """
    seams = {}
    for name in ("windows", "concatenated", "truth"):
        flux = [pair for row in pieces for pair in row[name]["flux"]]
        seams[name] = {"edges": len(flux), "flux": bootstrap(flux)}
        if name != "truth":
            differences = [np.mean(row[name]["judge"][0]) - np.mean(row[name]["judge"][1]) for row in pieces]
            spread_elsewhere = np.std([share for row in pieces for share in row[name]["judge"][1]])
            seams[name] |= {
                "judge": bootstrap(differences),
                "judge_spread_elsewhere": round(float(spread_elsewhere), 3),
            }
    return {
        "pieces": len(pieces),
        "seconds": SECONDS,
        "seams": seams,
        "extended": {
            "clips": len(clips),
            "from": CLIP,
            "to": EXTENDED,
            "length_error": round(float(max(abs(row["seconds"] - EXTENDED) for row in clips)), 2),
            "same_key": bootstrap([row["same_key"] for row in clips]),
            "chroma": bootstrap([row["chroma"] for row in clips]),
            "tempo_drift_median": round(float(np.median([row["tempo_drift"] for row in clips])), 4),
            "tempo_within_2_percent": bootstrap([row["tempo_drift"] <= 0.02 for row in clips]),
            "judge": bootstrap([row["judge"] for row in clips]),
        },
    }


def measure(count=6, seed=0, split="test", workers=1):
    """All figures, with progress bars."""
    tunes = choose_tunes(3 * count, seed, split)
    return summarise(
        spread(partial(measure_piece, seed=seed, split=split), tunes[:count], workers, " pieces"),
        spread(partial(measure_clip, seed=seed, split=split), tunes[count:], workers, " clips"),
    )


def table(figures):
    """The figures as lines of text."""
    lines = [f"{name:14} {row}" for name, row in figures["seams"].items()]
    return lines + [f"extended clips: {figures['extended']}"]
