"""Is invented music in its genre, and none a copy? `noteninja steering --only inventions`. Lesson: 08."""

from itertools import combinations

import numpy as np

from benchmarks import all_measures
from benchmarks.harness import Run, grouped, hears, interval, measure, played, rounded_mean
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.evaluation.baselines import SECONDS, choose_tunes, excerpt
from noteninja_lib.music import style
from noteninja_lib.music.generation import KNOWN_RUN, invent, nearest_tune
from noteninja_lib.music.piano_roll import cut
from noteninja_lib.music.playback import from_score
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.pipeline import load_pipeline

METRES = ("4/4", "4/4", "2/4", "6/8", "3/4")
HALF = 0.5  # of a tune's runs of eight notes: if as many are in another one, it is a variant of it
REFERENCES = 100  # tunes that are no copies, to compare with


def measure_one(job: tuple[str, int], seed: int = 0) -> dict:
    """Invent a tune of eight bars and play it, by pipeline and arranger; `job` is (genre, its number)."""
    genre, number = job
    pipe, rng = load_pipeline(), np.random.default_rng((seed, number, GENRES.index(genre)))
    tune = invent(int(rng.integers(2**31)), bars=8, metre=str(rng.choice(METRES)))
    tempo = float(rng.uniform(*load_recipe(genre).tempo))
    plan = style.plan(cut(from_score(tune, tempo), 0.0, SECONDS), genre)
    nearest, alike = nearest_tune(tune, load_tunes("train"))
    found = {"genre": genre, "alike": alike, "nearest": nearest.name, "title": tune.title}
    sounds = {("judge", "mel"): played(pipe, plan, number)}
    if number % 5 < 2:  # the arranger plays the same tune: what the classifier makes of the real thing
        sounds["oracle", "oracle_mel"] = render(excerpt(tune, genre, number, tempo=tempo))
    for (judge, mel), audio in sounds.items():
        found |= {judge: hears(pipe, audio, genre), mel: all_measures.centred_mel(audio).astype(np.float16)}
    return found


def pair_distances(mels: list[np.ndarray]) -> list[float]:
    """Spectral distance of each pair of log-mels, in nats."""
    found = []
    for pair in combinations(mels, 2):
        frames = min(mel.shape[1] for mel in pair)
        found.append(all_measures.mean_difference(*(mel[:, :frames].astype(np.float32) for mel in pair)))
    return found


def reference_likeness(number: int) -> float:
    """How like its nearest training tune a test tune is, which nobody copied from one."""
    return nearest_tune(load_tunes("test")[number], load_tunes("train"))[1]


def summarise(rows: list[dict], references: list[float]) -> dict:
    """Figures of all inventions, from the rows of `measure_one` and `reference_likeness`."""
    groups, alike = grouped(rows, lambda row: row["genre"]), [row["alike"] for row in rows]
    by_genre, most = {genre: groups[genre] for genre in sorted(groups)}, rows[int(np.argmax(alike))]
    judged = all_measures.bootstrap([row["judge"] for row in rows])
    known = all_measures.bootstrap([row["oracle"] for row in rows if "oracle" in row])

    def lowest_and_mean(name):
        mels = ([row[name] for row in group if name in row] for group in by_genre.values())
        apart = sum(map(pair_distances, mels), [])
        return [round(min(apart), 3), rounded_mean(apart, 3)]

    tunes = {"inventions": alike, "test tunes": references}
    nearest = {name: [rounded_mean(some, 3), round(max(some), 3)] for name, some in tunes.items()}
    shares = {one: rounded_mean((row["judge"] for row in some), 3) for one, some in by_genre.items()}
    figures = {"inventions": len(rows), "judge": judged, "judge_by_genre": shares, "oracle": known}
    figures["beside_oracle"] = round(judged[0] / max(known[0], 1e-9), 3)
    distances = {"inventions": lowest_and_mean("mel"), "the band": lowest_and_mean("oracle_mel")}
    figures |= {"pair_distance": distances, "nearest": nearest}
    nearest["most_alike"] = [most["title"], most["nearest"]]
    return figures | {"variants": {n: rounded_mean(np.array(some) >= HALF, 3) for n, some in tunes.items()}}


def report(count: int, run: Run) -> dict:
    """Measure `count` inventions a genre, and always test tunes beside them; returns all figures."""
    jobs = [(genre, number) for number in range(count) for genre in GENRES]
    numbers = choose_tunes(min(2 * count, REFERENCES), run.seed)
    references = measure(reference_likeness, numbers, "tunes", run.workers)
    return summarise(measure(measure_one, jobs, "inventions", run.workers, seed=run.seed), references)


def lines(figures: dict) -> list[str]:
    """Whether inventions are in their genre, and new, in Markdown."""
    own, band = (figures["pair_distance"][name] for name in ("inventions", "the band"))
    near, known = (figures["nearest"][name] for name in ("inventions", "test tunes"))
    copies, variants = (figures["variants"][name] for name in ("inventions", "test tunes"))
    judged, oracle = (interval(figures[name], ".0%") for name in ("judge", "oracle"))
    return [
        f"*Inventions* ({figures['inventions']}; the band's recordings and traditional tunes in brackets): "
        f"right genre {judged} ({oracle}); apart {own[1]:.2f} nats, at least {own[0]:.2f} ({band[1]:.2f}, "
        f"{band[0]:.2f}); runs in a training tune {near[0]:.0%}, at most {near[1]:.0%} ({known[0]:.0%}, "
        f"{known[1]:.0%}), half or more in {copies:.0%} ({variants:.0%}); on end at most {KNOWN_RUN} notes."
    ]
