"""Does a judge know real music? Command: `python -m benchmarks judge --data GTZAN`. Lesson: 04.

A genre classifier is trained on one part of GTZAN and asked about another: on the split in which no artist
lies in two parts, and on a random one, which flatters. Of few excerpts of few artists neither split leaves
enough; with a list of artists all excerpts are asked about, by folds, each by a classifier that never heard
their artist. Beside them stand the shipped judge, which knows the band alone, and the shipped tagger, which
knows other people's records.
"""

import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from tqdm import tqdm
from typer import Option

from benchmarks.all_measures import bootstrap
from benchmarks.harness import finish, interval, rounded_mean, table
from benchmarks.options import Out
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.datasets import open_dataset
from noteninja_lib.datasets.base import DataSet
from noteninja_lib.datasets.gtzan import GTZAN
from noteninja_lib.errors import UserError
from noteninja_lib.models.checkpoints import load_model
from noteninja_lib.models.classifiers import GenreClassifier, classify
from noteninja_lib.models.tagger import hear_genres
from noteninja_lib.training.tasks import GenreClassifierTask
from noteninja_lib.training.trainer import Trainer, train


def train_judge(data: DataSet, steps: int, new: bool, seed: int) -> GenreClassifier:
    """A classifier that learned from all of a data set, begun from the shipped one unless `new`."""
    start = None if new else load_model(GenreClassifier).requires_grad_(True)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(GenreClassifierTask(data, start), folder, steps, ema=0.99, seed=seed)
        for _ in tqdm(train(trainer, 16, save_minutes=1e9), total=steps, unit=" steps", dynamic_ncols=True):
            pass
        return trainer.averaged().to(memory_format=torch.channels_last)


def answers(judge: GenreClassifier, data: DataSet, numbers: list[int]) -> dict[int, str]:
    """What a classifier takes some recordings for."""
    return {number: next(iter(classify(judge, GENRES, data.audio(number)))) for number in numbers}


def read_artists(path: Path, data: GTZAN) -> list[str]:
    """Artist of each excerpt, by Sturm's index (lines such as `blues.00000.wav ::: artist ::: title`).

    Whose artist is unknown has one of its own.
    """
    known = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        found = re.match(r"(\w+\.\d{5})\.\w+\s*:::\s*(.*?)\s*:::", line)
        if found:
            known[found[1]] = found[2]
    if not known:
        raise UserError(
            f"{path} is no index of GTZAN: its lines must be like blues.00000.wav ::: artist ::: title."
        )
    return [known.get(one.name) or one.name for one in data.index]


def folds_of(artists: list[str], labels: list[str], count: int, seed: int) -> list[list[int]]:
    """Numbers of the excerpts in each fold: whole artists, of each genre as evenly as they allow."""
    rng, folds, sizes = np.random.default_rng(seed), [[] for _ in range(count)], Counter()
    groups = {}
    for number, pair in enumerate(zip(labels, artists)):
        groups.setdefault(pair, []).append(number)
    order = rng.permutation(len(groups))
    for pair in sorted((list(groups)[k] for k in order), key=lambda pair: -len(groups[pair])):
        fold = min(range(count), key=lambda fold: (sizes[fold, pair[0]], len(folds[fold])))
        sizes[fold, pair[0]] += len(groups[pair])
        folds[fold] += groups[pair]
    return folds


def by_folds(data: GTZAN, artists: list[str], count: int, options: dict, seed: int) -> dict[int, str]:
    """Answers about all excerpts whose genre has other artists, by classifiers that never heard theirs."""
    found = {}
    for fold in folds_of(artists, data.labels, count, seed):
        others = [number for number in range(len(data)) if number not in set(fold)]
        learned = {data.labels[number] for number in others}
        asked = [number for number in fold if data.labels[number] in learned]
        if asked:
            found |= answers(train_judge(data.part(others), **options), data, asked)
    return found


def report(
    data: Annotated[Path, Option(help="GTZAN's folder.")],
    artists: Annotated[Path | None, Option(help="Sturm's GTZANindex.txt: folds by artist instead.")] = None,
    folds: Annotated[int, Option(min=2)] = 4,
    steps: Annotated[int, Option(min=1, help="Of each training.")] = 1400,
    new: Annotated[bool, Option("--new", help="Begin from chance, not from the shipped judge.")] = False,
    shipped: Annotated[
        bool, Option("--shipped", help="Train none; in OUT, what others reached stays.")
    ] = False,
    out: Out = None,
    seed: int = 0,
) -> dict:
    """Train judges on GTZAN and ask them about excerpts that they never heard; ask the shipped ones, too."""
    opened = open_dataset(data)
    if not isinstance(opened, GTZAN):
        raise UserError(f"{data} is no GTZAN.")
    options, found = {"steps": steps, "new": new, "seed": seed}, {}
    every, earlier = range(len(opened)), {}
    if shipped:
        earlier = json.loads(out.read_text(encoding="utf-8")) if out and out.exists() else {}
    elif artists:
        found["by folds of artists"] = by_folds(opened, read_artists(artists, opened), folds, options, seed)
    else:
        for kind, name in (("artist", "no artist in two parts"), ("random", "random split, which leaks")):
            parts = opened.splits(kind)
            if not parts["train"] or not parts["test"]:
                raise UserError(f"{data} has too few excerpts for this split: give --artists GTZANindex.txt.")
            judge = train_judge(opened.part(parts["train"]), **options)
            found[name] = answers(judge, opened, parts["test"])
    found["the shipped judge, which heard none"] = answers(load_model(GenreClassifier), opened, list(every))
    tagged = {number: next(iter(hear_genres(opened.audio(number)))) for number in every}
    found["the shipped tagger, for the genre heard"] = tagged
    figures = earlier | {name: figures_of(given, opened.labels) for name, given in found.items()}
    return finish(figures, lines(figures), out, "judge", usual=False)


def figures_of(given: dict[int, str], labels: list[str]) -> dict:
    """Share of right answers with its interval, by genre too, and how many were asked about."""
    right = {number: float(answer == labels[number]) for number, answer in given.items()}
    genres = {genre: [right[n] for n in right if labels[n] == genre] for genre in GENRES}
    genres = {genre: {"n": len(some), "right": rounded_mean(some)} for genre, some in genres.items() if some}
    return {"right": bootstrap(list(right.values())), "n": len(right), "genres": genres}


def lines(figures: dict) -> list[str]:
    """The figures as a table in Markdown."""
    rows = []
    for name, one in figures.items():
        cells = [
            f"{g['right']:.2f} ({g['n']})" if (g := one["genres"].get(genre)) else "" for genre in GENRES
        ]
        rows.append([name, one["n"], interval(one["right"]), *cells])
    return table(["judge", "asked", "right", *GENRES], rows)
