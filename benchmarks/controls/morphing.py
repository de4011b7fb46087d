"""Does what lies between two genres, noises or songs sound like something between them? And paths?

Command: `noteninja steering --only interpolation`. Lesson: 08_latent_interpolation.
"""

import numpy as np

from benchmarks.harness import cell, interval, measure, noise_for, played, table
from benchmarks.strength import way
from noteninja_lib import fast_mode
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import choose_targets, choose_tunes, excerpt, make_piece
from noteninja_lib.evaluation.metrics import bootstrap, spectral_distance
from noteninja_lib.models.flow_matching import slerp
from noteninja_lib.music import style
from noteninja_lib.music.time_warp import align, mix, warp
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import read_source

SHARES = [round(0.1 * number, 1) for number in range(11)]
PATH_SECONDS = 8.0 if fast_mode() else 24.0


def between_genres(number: int, seed: int = 0, split: str = "test") -> dict[str, list[float]]:
    """One tune from one genre to another in ten steps: the shares for both, and the tune."""
    pipe, piece = load_pipeline(), make_piece(number, seed, split, alone=True)
    first, second = choose_targets(piece, 2, seed)
    source, rows = read_source(piece.audio), []
    for share in SHARES:
        between = {first: 1 - share, second: share}
        made = played(pipe, style.plan(source.piano_roll, between, samples=len(piece.audio)), number)
        judged = pipe.judge_genre(made)
        rows.append((judged[first], judged[second], metrics.note_f1(piece.melody, metrics.hear(made))))
    return dict(zip(("first", "second", "note_f1"), map(list, zip(*rows))))


def between_noises(number: int, seed: int = 0, split: str = "test") -> dict[str, list[float]]:
    """One tune in one genre from one seed to another: how far from the first, and what is heard."""
    pipe, piece = load_pipeline(), make_piece(number, seed, split, alone=True)
    target = choose_targets(piece, 1, seed)[0]
    plan = style.plan(read_source(piece.audio).piano_roll, target, samples=len(piece.audio))
    first, second = (noise_for(pipe, plan, one) for one in (number, number + 1000))
    made = [played(pipe, plan, slerp(first, second, share)) for share in SHARES]
    return {
        "distance": [spectral_distance(one, made[0]) for one in made],
        "judge": [pipe.judge_genre(one)[target] for one in made],
        "note_f1": [metrics.note_f1(piece.melody, metrics.hear(one)) for one in made],
    }


def between_songs(numbers: tuple[int, int], seed: int = 0, split: str = "test") -> dict[str, list[float]]:
    """From one tune to another in one genre: how like each its onsets are (cosine, by pitch class)."""
    pipe, pieces = load_pipeline(), [make_piece(number, seed, split, alone=True) for number in numbers]
    rolls = [read_source(piece.audio).piano_roll for piece in pieces]
    target, found = GENRES[sum(numbers) % len(GENRES)], {"first": [], "second": []}
    for share in SHARES:
        aligned = [warp(*pair) for pair in zip(rolls, align(*rolls, share))]
        heard = metrics.hear(played(pipe, style.plan(mix(*aligned, share), target), numbers[0])).notes[0]
        for name, one in zip(found, aligned):
            frames = min(heard.shape[-1], one.notes.shape[-1])
            chroma = [metrics.onset_chroma(onsets[:, :frames]) for onsets in (heard, one.notes[0])]
            found[name].append(float(chroma[0] @ chroma[1]))
    return found


def along_a_path(number: int, seed: int = 0, split: str = "test") -> dict[str, list[float]]:
    """One tune that begins in one genre and ends in another: the shares for both in each third."""
    pipe, rng = load_pipeline(), np.random.default_rng((seed, number, 2))
    own, first, second = (str(genre) for genre in rng.choice(GENRES, 3, replace=False))
    song = render(excerpt(load_tunes(split)[number], own, number, PATH_SECONDS))
    plan = style.plan(read_source(song).piano_roll, [(0.0, first), (1.0, second)], samples=len(song))
    made = played(pipe, plan, number)
    thirds = [pipe.judge_genre(part) for part in np.array_split(made, 3)]
    return {"first": [one[first] for one in thirds], "second": [one[second] for one in thirds]}


def crossing(rows: list[dict]) -> tuple[list[float], float]:
    """How evenly the first turns into the second, mean of all rows: by share, and the largest step."""
    gone = way(np.mean([np.subtract(row["second"], row["first"]) for row in rows], 0))
    return [round(float(value), 3) for value in gone], round(float(np.abs(np.diff(gone)).max()), 3)


def summarise(genres: list[dict], seeds: list[dict], songs: list[dict], paths: list[dict]) -> dict:
    """Figures from the rows of `between_genres`, `between_noises`, `between_songs` and `along_a_path`."""

    def mean(rows, *names):
        return {name: np.mean([row[name] for row in rows], 0).round(3).tolist() for name in names}

    gone, largest = crossing(genres)
    song_gone, song_largest = crossing(songs)
    noise_gone = way(np.mean([row["distance"] for row in seeds], 0))
    begins = [row["first"][0] > row["second"][0] for row in paths]
    ends = [row["second"][2] > row["first"][2] for row in paths]
    return {
        "shares": SHARES,
        "genres": {
            "tunes": len(genres),
            "way": gone,
            "largest_step": largest,
            "largest_step_of_one": round(float(np.median([crossing([row])[1] for row in genres])), 3),
            **mean(genres, "first", "second", "note_f1"),
        },
        "noises": {
            "tunes": len(seeds),
            "way": noise_gone.round(3).tolist(),
            "largest_step": round(float(np.abs(np.diff(noise_gone)).max()), 3),
            **mean(seeds, "judge", "note_f1"),
        },
        "songs": {
            "pairs": len(songs),
            "way": song_gone,
            "largest_step": song_largest,
            **mean(songs, "first", "second"),
        },
        "paths": {
            "tunes": len(paths),
            "seconds": PATH_SECONDS,
            **mean(paths, "first", "second"),
            "begins_and_ends_right": bootstrap(np.logical_and(begins, ends)),
        },
    }


def report(count: int = 20, workers: int = 1, seed: int = 0, split: str = "test") -> dict:
    """Measure all four, with progress bars."""
    tunes, few, of = choose_tunes(2 * count, seed, split), max(2, count // 2), {"seed": seed, "split": split}
    pairs = list(zip(tunes[:few], tunes[few : 2 * few]))
    return summarise(
        measure(between_genres, tunes[:count], "genre pairs", workers, **of),
        measure(between_noises, tunes[:few], "noise pairs", workers, **of),
        measure(between_songs, pairs, "song pairs", workers, **of),
        measure(along_a_path, tunes[:few], "paths", workers, **of),
    )


def lines(figures: dict) -> list[str]:
    """How evenly one thing turns into another, in Markdown."""
    genres, noises, songs, paths = (figures[name] for name in ("genres", "noises", "songs", "paths"))
    shown = {"genres": ("first", "second", "way", "note_f1"), "noises": ("way", "judge", "note_f1")}
    shown["songs"] = ("first", "second", "way")
    rows = [
        [f"{kind}: {name}", *(cell(value) for value in figures[kind][name])]
        for kind, names in shown.items()
        for name in names
    ]
    return [
        "*Between two things*, in ten steps (asked: none above 0.25 of the way): from genre to genre the "
        f"judge goes over with a largest step of {genres['largest_step']:.2f} (mean of {genres['tunes']} "
        f"tunes; of a single one {genres['largest_step_of_one']:.2f}), the tune's note F1 staying at or "
        f"above {min(genres['note_f1']):.2f}; from seed to seed the sound moves with a largest step of "
        f"{noises['largest_step']:.2f}; from song to song the heard tune with {songs['largest_step']:.2f} "
        f"({songs['pairs']} pairs). A path from one genre to another over {paths['seconds']:.0f} s begins "
        f"with the first and ends with the second in {interval(paths['begins_and_ends_right'], '.0%')} of "
        f"{paths['tunes']}.",
        "",
        *table(["share of the second", *figures["shares"]], rows),
    ]
