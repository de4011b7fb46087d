"""What lies between genres, noises and songs? `noteninja steering --only interpolation`. Lesson: 08."""

import numpy as np

from benchmarks import all_measures
from benchmarks.harness import Run, cell, interval, noise_for, played, prepare, rounded, table
from benchmarks.strength import STRENGTHS as SHARES
from benchmarks.strength import largest_step, way
from noteninja_lib import fast_mode
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.evaluation.baselines import excerpt
from noteninja_lib.models.flow_matching import slerp
from noteninja_lib.music import style
from noteninja_lib.music.piano_roll import align, mix, warp
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import read_source

PATH_SECONDS = 8.0 if fast_mode() else 24.0


def between_genres(number: int, seed: int = 0, split: str = "test") -> dict[str, list[float]]:
    """One tune from one genre to another in ten steps: the shares for both, and the tune."""
    pipe, piece, heard, (first, second) = prepare(number, seed, split, 2)
    mixtures = [{first: 1 - share, second: share} for share in SHARES]
    plans = [style.plan(heard.piano_roll, genres, samples=len(piece.audio)) for genres in mixtures]
    made = [played(pipe, plan, number) for plan in plans]
    judged = [pipe.judge_genre(one) for one in made]
    return {
        "first": [one[first] for one in judged],
        "second": [one[second] for one in judged],
        "note_f1": [all_measures.note_f1(piece.melody, all_measures.hear(one)) for one in made],
    }


def between_noises(number: int, seed: int = 0, split: str = "test") -> dict[str, list[float]]:
    """One tune in one genre from one seed to another: how far from the first, and what is heard."""
    pipe, piece, heard, (target,) = prepare(number, seed, split)
    plan = style.plan(heard.piano_roll, target, samples=len(piece.audio))
    first, second = (noise_for(pipe, plan, one) for one in (number, number + 1000))
    made = [played(pipe, plan, slerp(first, second, share)) for share in SHARES]
    return {
        "distance": [all_measures.spectral_distance(one, made[0]) for one in made],
        "judge": [pipe.judge_genre(one)[target] for one in made],
        "note_f1": [all_measures.note_f1(piece.melody, all_measures.hear(one)) for one in made],
    }


def between_songs(numbers: tuple[int, int], seed: int = 0, split: str = "test") -> dict[str, list[float]]:
    """From one tune to another in one genre: how like each its onsets are (cosine, by pitch class)."""
    (pipe, _, one, _), (_, _, two, _) = (prepare(number, seed, split) for number in numbers)
    rolls, target = (one.piano_roll, two.piano_roll), GENRES[sum(numbers) % len(GENRES)]
    found = {"first": [], "second": []}
    for share in SHARES:
        aligned = [warp(*pair) for pair in zip(rolls, align(*rolls, share))]
        heard = all_measures.hear(played(pipe, style.plan(mix(*aligned, share), target), numbers[0])).notes[0]
        for name, roll in zip(found, aligned):
            frames = min(heard.shape[-1], roll.notes.shape[-1])
            chroma = [all_measures.onset_chroma(onsets[:, :frames]) for onsets in (heard, roll.notes[0])]
            found[name].append(float(chroma[0] @ chroma[1]))
    return found


def along_a_path(number: int, seed: int = 0, split: str = "test") -> dict[str, list[float]]:
    """One tune that begins in one genre and ends in another: the shares for both in each third."""
    pipe, rng = load_pipeline(), np.random.default_rng((seed, number, 2))
    own, first, second = (str(genre) for genre in rng.choice(GENRES, 3, replace=False))
    song = render(excerpt(load_tunes(split)[number], own, number, PATH_SECONDS))
    plan = style.plan(read_source(song).piano_roll, [(0.0, first), (1.0, second)], samples=len(song))
    thirds = [pipe.judge_genre(part) for part in np.array_split(played(pipe, plan, number), 3)]
    return {"first": [one[first] for one in thirds], "second": [one[second] for one in thirds]}


def crossing(rows: list[dict]) -> tuple[list[float], float]:
    """How evenly the first turns into the second, mean of all rows: by share, and the largest step."""
    gone = way(np.mean([np.subtract(row["second"], row["first"]) for row in rows], 0))
    return rounded(gone, 3), rounded(largest_step(gone), 3)


def summarise(genres: list[dict], seeds: list[dict], songs: list[dict], paths: list[dict]) -> dict:
    """Figures from the rows of `between_genres`, `between_noises`, `between_songs` and `along_a_path`."""

    def mean(rows, *names):
        return {name: rounded(np.mean([row[name] for row in rows], 0), 3) for name in names}

    def even(rows):
        return dict(zip(("way", "largest_step"), crossing(rows)))

    single = rounded(np.median([crossing([row])[1] for row in genres]), 3)
    noises = [{"first": np.zeros(len(SHARES)), "second": row["distance"]} for row in seeds]
    ends = [(row["first"][0] > row["second"][0], row["second"][2] > row["first"][2]) for row in paths]
    likeness = mean(genres, "first", "second", "note_f1")
    path = {"tunes": len(paths), "seconds": PATH_SECONDS, **mean(paths, "first", "second")}
    return {
        "shares": SHARES,
        "genres": {"tunes": len(genres), **even(genres), "largest_step_of_one": single, **likeness},
        "noises": {"tunes": len(seeds), **even(noises), **mean(seeds, "judge", "note_f1")},
        "songs": {"pairs": len(songs), **even(songs), **mean(songs, "first", "second")},
        "paths": path | {"begins_and_ends_right": all_measures.bootstrap([all(both) for both in ends])},
    }


def report(count: int, run: Run) -> dict:
    """Measure all four; returns all figures."""
    tunes, few = run.tunes(2 * count), max(2, count // 2)
    return summarise(
        run.measure(between_genres, tunes[:count], "genre pairs"),
        run.measure(between_noises, tunes[:few], "noise pairs"),
        run.measure(between_songs, list(zip(tunes[:few], tunes[few : 2 * few])), "song pairs"),
        run.measure(along_a_path, tunes[:few], "paths"),
    )


def lines(figures: dict) -> list[str]:
    """How evenly one thing turns into another, in Markdown."""
    genres, noises, songs, paths = (figures[name] for name in ("genres", "noises", "songs", "paths"))
    shown = {"genres": "first second way note_f1", "noises": "way judge note_f1", "songs": "first second way"}
    named = ((kind, name) for kind, names in shown.items() for name in names.split())
    rows = ([f"{kind}: {name}", *map(cell, figures[kind][name])] for kind, name in named)
    right = interval(paths["begins_and_ends_right"], ".0%")
    return [
        f"*Between two things*, largest step of ten: genres {genres['largest_step']:.2f} ({genres['tunes']} "
        f"tunes; of one {genres['largest_step_of_one']:.2f}; note F1 at least {min(genres['note_f1']):.2f}), "
        f"seeds {noises['largest_step']:.2f}, songs {songs['largest_step']:.2f} ({songs['pairs']} pairs). "
        f"Paths over {paths['seconds']:.0f} s begin and end right in {right} of {paths['tunes']}.",
        *table(["share of the second", *figures["shares"]], rows),
    ]
