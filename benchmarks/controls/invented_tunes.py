"""Is invented music in its genre, is each piece another one, and is none a copy?

Command: `noteninja steering --only inventions`. Lesson: 08_latent_interpolation.
"""

from itertools import combinations

import numpy as np

from benchmarks.harness import interval, measure, played, rounded_mean
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.evaluation import metrics
from noteninja_lib.evaluation.baselines import SECONDS, choose_tunes, excerpt
from noteninja_lib.evaluation.metrics import bootstrap
from noteninja_lib.music import style
from noteninja_lib.music.generation import KNOWN_RUN, invent, nearest_tune
from noteninja_lib.music.score_io import from_score
from noteninja_lib.music.time_warp import cut
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import load_pipeline

METRES = ("4/4", "4/4", "2/4", "6/8", "3/4")
HALF = 0.5  # of a tune's runs of eight notes: if as many are in another one, it is a variant of it
REFERENCES = 100  # tunes that are no copies, to compare with


def measure_one(job: tuple[str, int], seed: int = 0) -> dict:
    """Invent a tune of eight bars and play it in a genre, by the pipeline and by the arranger.

    Parameters
    ----------
    job : (str, int)
        Genre, and number of the invention.
    """
    genre, number = job
    pipe, rng = load_pipeline(), np.random.default_rng((seed, number, GENRES.index(genre)))
    tune = invent(int(rng.integers(2**31)), bars=8, metre=str(rng.choice(METRES)))
    tempo = float(rng.uniform(*load_recipe(genre).tempo))
    roll = from_score(tune, tempo)
    plan = style.plan(cut(roll, 0.0, SECONDS), genre)
    nearest, alike = nearest_tune(tune, load_tunes("train"))
    found = {"genre": genre, "alike": alike, "nearest": nearest.name, "title": tune.title}
    sounds = {("judge", "mel"): played(pipe, plan, number)}
    if number % 5 < 2:  # the arranger plays the same tune: what the classifier makes of the real thing
        sounds["oracle", "oracle_mel"] = render(excerpt(tune, genre, number, tempo=tempo))
    for (judge, mel), audio in sounds.items():
        found[judge] = next(iter(pipe.judge_genre(audio))) == genre
        found[mel] = metrics.centred_mel(audio).astype(np.float16)
    return found


def pair_distances(mels: list[np.ndarray]) -> list[float]:
    """Spectral distance of each pair of log-mels, in nats."""
    found = []
    for pair in combinations(mels, 2):
        frames = min(mel.shape[1] for mel in pair)
        found.append(metrics.mean_difference(*(mel[:, :frames].astype(np.float32) for mel in pair)))
    return found


def reference_likeness(number: int) -> float:
    """How like its nearest training tune a test tune is, which nobody copied from one."""
    return nearest_tune(load_tunes("test")[number], load_tunes("train"))[1]


def summarise(rows: list[dict], references: list[float]) -> dict:
    """Figures of all inventions, from the rows of `measure_one` and `reference_likeness`."""
    genres = sorted({row["genre"] for row in rows})
    by_genre = {genre: [row for row in rows if row["genre"] == genre] for genre in genres}
    judged = bootstrap([row["judge"] for row in rows])
    known = bootstrap([row["oracle"] for row in rows if "oracle" in row])

    def apart(name):
        groups = ([row[name] for row in group if name in row] for group in by_genre.values())
        return sum(map(pair_distances, groups), [])

    def ends(values, end):
        return [round(float(end(values)), 3), rounded_mean(values, 3)]

    made, true, alike = apart("mel"), apart("oracle_mel"), [row["alike"] for row in rows]
    most = rows[int(np.argmax(alike))]
    return {
        "inventions": len(rows),
        "judge": judged,
        "judge_by_genre": {
            genre: rounded_mean([row["judge"] for row in group], 3) for genre, group in by_genre.items()
        },
        "oracle": known,
        "beside_oracle": round(judged[0] / max(known[0], 1e-9), 3),
        "pair_distance": {"inventions": ends(made, np.min), "the band": ends(true, np.min)},
        "nearest": {
            "inventions": ends(alike, np.max)[::-1],
            "test tunes": ends(references, np.max)[::-1],
            "most_alike": [most["title"], most["nearest"]],
        },
        "variants": {
            "inventions": rounded_mean([one >= HALF for one in alike], 3),
            "test tunes": rounded_mean([one >= HALF for one in references], 3),
        },
    }


def report(count: int = 50, workers: int = 1, seed: int = 0, split: str = "test") -> dict:
    """Measure with progress bars, `count` inventions a genre and always test tunes; returns all figures."""
    jobs = [(genre, number) for number in range(count) for genre in GENRES]
    numbers = choose_tunes(min(2 * count, REFERENCES), seed, "test")
    references = measure(reference_likeness, numbers, "tunes", workers)
    return summarise(measure(measure_one, jobs, "inventions", workers, seed=seed), references)


def lines(figures: dict) -> list[str]:
    """Whether inventions are in their genre, and new, in Markdown."""
    own, band = figures["pair_distance"]["inventions"], figures["pair_distance"]["the band"]
    near, known = figures["nearest"]["inventions"], figures["nearest"]["test tunes"]
    judged, oracle = (interval(figures[name], ".0%") for name in ("judge", "oracle"))
    variants = figures["variants"]
    return [
        f"*Inventions* ({figures['inventions']}): the judge hears the asked-for genre in {judged}, in the "
        f"band's own recordings of such tunes in {oracle}. Two of a genre lie {own[1]:.2f} nats apart, "
        f"{own[0]:.2f} at the least (the band's: {band[1]:.2f} and {band[0]:.2f}). Of a tune's runs of "
        f"eight notes {near[0]:.0%} are in the training tune that is most like it, {near[1]:.0%} at the "
        f"most (of traditional tunes never trained on: {known[0]:.0%} and {known[1]:.0%}); half or more are "
        f"in {variants['inventions']:.0%} of the inventions and in {variants['test tunes']:.0%} of those "
        f"tunes. No invention has more than {KNOWN_RUN} notes on end in common with a training tune."
    ]
