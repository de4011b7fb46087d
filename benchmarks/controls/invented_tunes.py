"""Is invented music in its genre, is each piece another one, and is none a copy?

Command: `noteninja steering --only inventions`. Lesson: 08_latent_interpolation.
"""

from functools import partial

import numpy as np

from benchmarks.controls.morphing import noises, played
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import SECONDS, choose_tunes
from noteninja_lib.evaluation.comparison import spread
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.music.generation import invent, nearest_tune
from noteninja_lib.music.piano_roll import from_score
from noteninja_lib.music.time_warp import cut
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import Plan

METRES = ("4/4", "4/4", "2/4", "6/8", "3/4")
HALF = 0.5  # of a tune's runs of eight notes: if as many are in another one, it is a variant of it
REFERENCES = 100  # tunes that are no copies, to compare with


def new_tune(draw):
    """An invention of eight bars."""
    return invent(int(draw.integers(2**31)), bars=8, metre=str(draw.choice(METRES)))


def measure_one(job, seed=0):
    """Invent a tune and play it in a genre, by the pipeline and by the band.

    Parameters
    ----------
    job : (str, int)
        Genre, and number of the invention.
    """
    genre, number = job
    pipe, draw = load_pipeline(), np.random.default_rng((seed, number, GENRES.index(genre)))
    tune = new_tune(draw)
    recipe = load_recipe(genre)
    tempo = float(draw.uniform(*recipe.tempo))
    roll = from_score(tune, tempo)
    plan = Plan(cut(roll, 0.0, min(SECONDS, roll.rhythm.shape[-1] / 86.0)))
    (noise,) = noises(pipe, plan.piano_roll, number)
    made = played(pipe, plan, genre, noise)
    nearest, alike = nearest_tune(tune, load_tunes("train"))
    found = {
        "genre": genre,
        "judge": next(iter(pipe.judge_genre(made))) == genre,
        "mel": metrics.centred_mel(made).astype(np.float16),
        "alike": alike,
        "nearest": nearest.name,
        "title": tune.title,
    }
    if number % 5 < 2:  # the band plays the same tune: what the judge makes of the real thing
        band = render(arrange(tune, recipe, number, tempo=tempo, duration=SECONDS, intro=0, ending=False))
        found |= {
            "oracle": next(iter(pipe.judge_genre(band))) == genre,
            "oracle_mel": metrics.centred_mel(band).astype(np.float16),
        }
    return found


def pair_distances(mels):
    """Spectral distance of each pair of log-mels, in nats."""
    found = []
    for place, first in enumerate(mels):
        for second in mels[place + 1 :]:
            columns = min(first.shape[1], second.shape[1])
            found.append(
                metrics.mean_difference(
                    first[:, :columns].astype(np.float32), second[:, :columns].astype(np.float32)
                )
            )
    return found


def reference_likeness(number, seed=0):
    """How like its nearest training tune a test tune is, which nobody copied from one."""
    return nearest_tune(load_tunes("test")[number], load_tunes("train"))[1]


def summarise(rows, references):
    """Figures of all inventions.

    Parameters
    ----------
    rows : list of dict
        From `measure_one`.
    references : list of float
        From `reference_likeness`.
    """
    by_genre = {
        genre: [row for row in rows if row["genre"] == genre]
        for genre in sorted({row["genre"] for row in rows})
    }
    oracle = [row["oracle"] for row in rows if "oracle" in row]
    judged, known = bootstrap([row["judge"] for row in rows]), bootstrap(oracle)
    made, true = (
        [
            one
            for group in by_genre.values()
            for one in pair_distances([row[name] for row in group if name in row])
        ]
        for name in ("mel", "oracle_mel")
    )
    alike = np.array([row["alike"] for row in rows])
    most = rows[int(alike.argmax())]
    return {
        "inventions": len(rows),
        "judge": judged,
        "judge_by_genre": {
            genre: round(float(np.mean([row["judge"] for row in group])), 3)
            for genre, group in by_genre.items()
        },
        "oracle": known,
        "beside_oracle": round(judged[0] / max(known[0], 1e-9), 3),
        "pair_distance": {
            "inventions": [round(float(np.min(made)), 3), round(float(np.mean(made)), 3)],
            "the band": [round(float(np.min(true)), 3), round(float(np.mean(true)), 3)],
        },
        "nearest": {
            "inventions": [round(float(np.mean(alike)), 3), round(float(alike.max()), 3)],
            "test tunes": [round(float(np.mean(references)), 3), round(float(np.max(references)), 3)],
            "most_alike": [most["title"], most["nearest"]],
        },
        "variants": {
            "inventions": round(float(np.mean(alike >= HALF)), 3),
            "test tunes": round(float(np.mean(np.array(references) >= HALF)), 3),
        },
    }


def measure(count=50, seed=0, split="test", workers=1):
    """All figures, with progress bars; `count` inventions a genre."""
    jobs = [(genre, number) for number in range(count) for genre in GENRES]
    references = spread(
        partial(reference_likeness, seed=seed),
        choose_tunes(min(2 * count, REFERENCES), seed, "test"),
        workers,
        " tunes",
    )
    return summarise(spread(partial(measure_one, seed=seed), jobs, workers, " inventions"), references)


def table(figures):
    """The figures as lines of text."""
    return [
        f"judge {figures['judge'][0]:.3f}, the band {figures['oracle'][0]:.3f}: {figures['beside_oracle']:.3f} of it",
        str(figures["judge_by_genre"]),
        f"distance of pairs (least, mean): {figures['pair_distance']}",
        f"nearest known tune (mean, most): {figures['nearest']}",
        f"half or more of a known tune: {figures['variants']}",
    ]
