"""Does what lies between two things sound like something between them? Genres, noises, songs, and paths along a piece.

Command: `noteninja steering --only interpolation`. Lesson: 08_latent_interpolation.
"""

from functools import partial

import numpy as np
import torch

from benchmarks.strength import way
from noteninja_lib import STEPS, fast_mode
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import normalise
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import Heard, choose_targets, choose_tunes, make_piece
from noteninja_lib.evaluation.comparison import spread
from noteninja_lib.evaluation.metrics import bootstrap, spectral_distance
from noteninja_lib.models.flow_matching import slerp
from noteninja_lib.music.time_warp import align, mix, warp
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import Plan

SHARES = [round(0.1 * number, 1) for number in range(11)]
PATH_SECONDS = 8.0 if fast_mode() else 24.0


@torch.no_grad()
def played(pipe, plan, genre, noise, steps=STEPS, guidance=2.0):
    """The sound of a plan, from given noise."""
    latents = pipe.denoise(
        None,
        plan.piano_roll,
        pipe.styles_for(genre, plan),
        1.0,
        steps,
        guidance,
        None,
        noise=noise.clone(),
        neutral=plan.neutral,
    )
    return normalise(pipe.sound(latents)[: plan.samples])


def noises(pipe, roll, *seeds):
    """Noise for a piano roll, one for each seed."""
    return [pipe.noise_like(roll, torch.Generator().manual_seed(seed)) for seed in seeds]


def between_genres(number, seed=0, split="test"):
    """One tune from one genre to another in ten steps: the judge's shares for both, and the tune."""
    pipe, piece = load_pipeline(), make_piece(number, seed, split, alone=True)
    first, second = choose_targets(piece, 2, seed)
    heard = Heard(piece.recordings[piece.source])
    plan, found = Plan(heard.piano_roll, samples=len(heard.audio)), {"first": [], "second": [], "note_f1": []}
    (noise,) = noises(pipe, plan.piano_roll, number)
    for share in SHARES:
        made = played(pipe, plan, {first: 1 - share, second: share}, noise)
        judged = pipe.judge_genre(made)
        found["first"].append(judged[first])
        found["second"].append(judged[second])
        found["note_f1"].append(metrics.note_f1(piece.melody, metrics.hear(made)))
    return found


def between_noises(number, seed=0, split="test"):
    """One tune in one genre from one seed to another: how far from the first, on the arc, and how loud beside the ends."""
    pipe, piece = load_pipeline(), make_piece(number, seed, split, alone=True)
    target, heard = choose_targets(piece, 1, seed)[0], Heard(piece.recordings[piece.source])
    plan = Plan(heard.piano_roll, samples=len(heard.audio))
    first, second = noises(pipe, plan.piano_roll, number, number + 1000)
    made = [played(pipe, plan, target, slerp(first, second, share)) for share in SHARES]
    return {
        "distance": [spectral_distance(one, made[0]) for one in made],
        "judge": [pipe.judge_genre(one)[target] for one in made],
        "note_f1": [metrics.note_f1(piece.melody, metrics.hear(one)) for one in made],
    }


def between_songs(numbers, seed=0, split="test"):
    """From one tune to another in one genre: how like each its onsets are (cosine, by pitch class)."""
    pipe, pieces = load_pipeline(), [make_piece(number, seed, split, alone=True) for number in numbers]
    rolls = [Heard(piece.recordings[piece.source]).piano_roll for piece in pieces]
    target, found = GENRES[sum(numbers) % len(GENRES)], {"first": [], "second": []}
    for share in SHARES:
        aligned = [warp(*pair) for pair in zip(rolls, align(*rolls, share))]
        plan = Plan(mix(*aligned, share))
        (noise,) = noises(pipe, plan.piano_roll, numbers[0])
        heard = metrics.hear(played(pipe, plan, target, noise)).notes[0]
        for name, one in zip(found, aligned):
            frames = min(heard.shape[-1], one.notes.shape[-1])
            found[name].append(
                float(
                    metrics.onset_chroma(heard[:, :frames]) @ metrics.onset_chroma(one.notes[0][:, :frames])
                )
            )
    return found


def along_a_path(number, seed=0, split="test"):
    """One tune that begins in one genre and ends in another: the judge's shares for both in each third."""
    from noteninja_lib.arranger.arranger import arrange
    from noteninja_lib.arranger.recipe import load_recipe
    from noteninja_lib.arranger.synthesis import render
    from noteninja_lib.music.tunes import load_tunes

    pipe, draw = load_pipeline(), np.random.default_rng((seed, number, 2))
    own, first, second = (str(genre) for genre in draw.choice(GENRES, 3, replace=False))
    song = render(
        arrange(
            load_tunes(split)[number], load_recipe(own), number, duration=PATH_SECONDS, intro=0, ending=False
        )
    )
    heard = Heard(song)
    plan = Plan(heard.piano_roll, samples=len(song))
    (noise,) = noises(pipe, plan.piano_roll, number)
    made = played(pipe, plan, [(0.0, first), (1.0, second)], noise)
    thirds = [pipe.judge_genre(part) for part in np.array_split(made, 3)]
    return {"first": [one[first] for one in thirds], "second": [one[second] for one in thirds]}


def crossing(rows):
    """How evenly the judge goes over from the first to the second, mean of all rows: [by share], and the largest step."""
    gone = way(np.mean([np.subtract(row["second"], row["first"]) for row in rows], 0))
    return [round(float(value), 3) for value in gone], round(float(np.abs(np.diff(gone)).max()), 3)


def summarise(genres, seeds, songs, paths):
    """Figures from the rows of `between_genres`, `between_noises`, `between_songs` and `along_a_path`."""
    mean = {name: np.mean([row[name] for row in genres], 0) for name in ("first", "second", "note_f1")}
    gone, largest = crossing(genres)
    song_gone, song_largest = crossing(songs)
    noise_gone = way(np.mean([row["distance"] for row in seeds], 0))
    return {
        "shares": SHARES,
        "genres": {
            "tunes": len(genres),
            "way": gone,
            "largest_step": largest,
            "largest_step_of_one": round(float(np.median([crossing([row])[1] for row in genres])), 3),
            "first": mean["first"].round(3).tolist(),
            "second": mean["second"].round(3).tolist(),
            "note_f1": mean["note_f1"].round(3).tolist(),
        },
        "noises": {
            "tunes": len(seeds),
            "way": noise_gone.round(3).tolist(),
            "largest_step": round(float(np.abs(np.diff(noise_gone)).max()), 3),
            "judge": np.mean([row["judge"] for row in seeds], 0).round(3).tolist(),
            "note_f1": np.mean([row["note_f1"] for row in seeds], 0).round(3).tolist(),
        },
        "songs": {
            "pairs": len(songs),
            "way": song_gone,
            "largest_step": song_largest,
            "first": np.mean([row["first"] for row in songs], 0).round(3).tolist(),
            "second": np.mean([row["second"] for row in songs], 0).round(3).tolist(),
        },
        "paths": {
            "tunes": len(paths),
            "seconds": PATH_SECONDS,
            "first": np.mean([row["first"] for row in paths], 0).round(3).tolist(),
            "second": np.mean([row["second"] for row in paths], 0).round(3).tolist(),
            "begins_and_ends_right": bootstrap(
                [
                    (row["first"][0] > row["second"][0]) and (row["second"][2] > row["first"][2])
                    for row in paths
                ]
            ),
        },
    }


def measure(count=20, seed=0, split="test", workers=1):
    """All four, with progress bars; a dict of figures."""
    tunes = choose_tunes(2 * count, seed, split)
    few = max(2, count // 2)

    def go(work, jobs, unit):
        return spread(partial(work, seed=seed, split=split), jobs, workers, unit)

    return summarise(
        go(between_genres, tunes[:count], " genre pairs"),
        go(between_noises, tunes[:few], " noise pairs"),
        go(between_songs, list(zip(tunes[:few], tunes[few : 2 * few])), " song pairs"),
        go(along_a_path, tunes[:few], " paths"),
    )


def table(figures):
    """The figures as lines of text."""
    lines = [f"{'share':28}" + "".join(f"{share:7.1f}" for share in figures["shares"])]
    for kind, names in (
        ("genres", ("first", "second", "way", "note_f1")),
        ("noises", ("way", "judge", "note_f1")),
        ("songs", ("first", "second", "way")),
    ):
        lines += [
            f"{kind + ', ' + name:28}" + "".join(f"{value:7.3f}" for value in figures[kind][name])
            for name in names
        ]
        lines.append(f"{kind}: the largest step is {figures[kind]['largest_step']:.3f} of the way")
    paths = figures["paths"]
    return lines + [
        f"paths of {paths['seconds']:g} s, by thirds: first genre {paths['first']}, second {paths['second']}; "
        f"begins and ends right in {paths['begins_and_ends_right'][0]:.0%}"
    ]
