"""Genres of one's own: `python -m benchmarks adapters STYLES --songs FOLDER`. Lesson: 07_training_on_gtzan.

STYLES holds a folder for each style, with two inside: `learn`, which an adapter learns from, and `listen`,
from which a listener learns to tell the styles apart; it has heard none of the adapters' recordings. It
knows them by what the shipped tagger makes of ten seconds of sound, which learned from other people's
records; as they are, and as our autoencoder and vocoder decode them, since all that it is to judge comes
out of these. Songs go to each style by the adapter, and to the nearest of the ten genres without it.
"""

import os
from collections import namedtuple
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from typer import Argument, Option

from benchmarks.all_measures import bootstrap, euclidean
from benchmarks.harness import finish, grouped, interval, measure, table
from benchmarks.options import CORES, Out, Workers
from noteninja_lib.arranger.recipe import own_folder
from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.datasets import Records
from noteninja_lib.datasets.base import require_folder
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation.baselines import decoded
from noteninja_lib.fine_tuning import adapt
from noteninja_lib.models.checkpoints import CARD, read_card
from noteninja_lib.models.tagger import embed
from noteninja_lib.pipeline import load_pipeline

SECONDS = 20.0  # of a song that is converted
MIDDLE = 30.0  # seconds of a recording that are decoded for the listener
REGULARISATION = 100.0  # of the listener, which has few recordings; 1 is usual

#: A song, the style that it goes to, and the genre that it is asked for: the style, or the nearest genre.
Job = namedtuple("Job", "song style genre")


def hear(file: Path) -> list[np.ndarray]:
    """What the tagger makes of a recording: as it is, and its middle as our networks decode it.

    (pieces, 384) each.
    """
    audio, size = load(file), round(MIDDLE * SAMPLE_RATE)
    start = max(0, len(audio) - size) // 2
    return [embed(audio), embed(decoded(load_pipeline(), audio[start : start + size]))]


def embedded(found: dict[str, Records], workers: int) -> dict[str, list[list[np.ndarray]]]:
    """For each style, what `hear` makes of its recordings."""
    files = [some.path(number) for some in found.values() for number in range(len(some))]
    heard = iter(measure(hear, files, "recordings", workers))
    return {style: list(islice(heard, len(some))) for style, some in found.items()}


def train_listener(known: dict[str, list[np.ndarray]]) -> Pipeline:
    """A classifier of the styles, from pieces of their recordings; each style counts as much."""
    pieces = np.concatenate([piece for some in known.values() for piece in some])
    labels = [style for style, some in known.items() for piece in some for _ in piece]
    ear = LogisticRegression(C=1 / REGULARISATION, class_weight="balanced", max_iter=1000)
    return make_pipeline(StandardScaler(), ear).fit(pieces, labels)


def heard_as(listener: Pipeline, pieces: np.ndarray) -> str:
    """The style that a recording is taken for, by its pieces (n, 384) together."""
    return str(listener.classes_[listener.predict_log_proba(pieces).mean(0).argmax()])


def play(job: Job, songs: Records, listener: Pipeline, learned: dict) -> dict:
    """Convert a song and hear it."""
    audio = songs.audio(job.song)[: int(SECONDS * 22050)]
    made = load_pipeline()(audio, job.genre, generator=torch.Generator().manual_seed(job.song))
    pieces = embed(made.mono())
    return job._asdict() | {
        "right": float(heard_as(listener, pieces) == job.style),
        "tune": made.tune_kept,
        "nearest": min(euclidean(pieces.mean(0), one) for one in learned[job.style]),
    }


def report(
    root: Annotated[Path, Argument(help="Folders of styles, with learn/ and listen/ inside.")],
    songs: Annotated[Path, Option(help="A folder of recordings to convert.")],
    count: Annotated[int, Option(min=2, help="How many of them.")] = 10,
    steps: Annotated[int, Option(min=1, help="Of each adapter.")] = 600,
    runs: Annotated[Path, Option(help="For what is heard, and checkpoints.")] = Path("runs/adapters"),
    out: Out = None,
    workers: Workers = CORES,
) -> dict:
    """Make an adapter of each style, and let a listener tell them apart."""
    styles = sorted(path.name for path in require_folder(root).iterdir() if (path / "learn").is_dir())
    if len(styles) < 2:
        raise UserError(f"{root} must hold a folder for each style, with learn/ and listen/ inside.")
    # What is wrong with the recordings is told before hours of learning.
    parts = [{style: Records(root / style / part) for style in styles} for part in ("listen", "learn")]
    recordings = Records(songs)
    os.environ["NOTENINJA_ADAPTERS"] = str((runs / "made").resolve())
    for style in styles:
        if not (own_folder() / style / CARD).exists():
            for done, what in adapt(root / style / "learn", style, runs / style, steps, workers=workers):
                print(f"\r{style}: {done:4.0%} {what}          ", end="", flush=True)
    known, aside = (embedded(found, workers) for found in parts)
    listener = train_listener({style: sum(some, []) for style, some in known.items()})
    right = {
        what: bootstrap(
            [float(heard_as(listener, both[way]) == style) for style in styles for both in aside[style]]
        )
        for way, what in enumerate(("listener right about the records", "listener right about them decoded"))
    }
    learned = {style: [whole.mean(0) for whole, _ in some] for style, some in aside.items()}
    near = {style: read_card(own_folder() / style)["near"] for style in styles}
    jobs = [
        Job(song, style, genre)
        for song in range(min(count, len(recordings)))
        for style in styles
        for genre in (style, near[style])
    ]
    given = {"songs": recordings, "listener": listener, "learned": learned}
    rows = measure(play, jobs, "conversions", workers, **given)
    figures = figures_of(rows, learned) | right | {"near": near}
    return finish(figures, lines(figures), out, "adapters", usual=False)


def figures_of(rows: list[dict], learned: dict) -> dict:
    """With and without the adapter: how often the style is heard, the tune, and how near what was learned."""
    found = {"styles": {}}
    for style, some in grouped(rows, lambda row: row["style"]).items():
        own, base = ([row for row in some if (row["genre"] == style) == with_it] for with_it in (True, False))
        pairs = [min(euclidean(a, b) for b in learned[style] if b is not a) for a in learned[style]]
        found["styles"][style] = summary(own, base) | {
            "nearest": [float(np.median([row["nearest"] for row in own])), float(np.median(pairs))]
        }
    own = [row for row in rows if row["genre"] == row["style"]]
    base = [row for row in rows if row["genre"] != row["style"]]
    return found | {"together": summary(own, base)}


def summary(own: list[dict], base: list[dict]) -> dict:
    """Figures with intervals of conversions by adapters and without."""
    found = {}
    for name, some in (("adapter", own), ("base", base)):
        songs = [row["song"] for row in some]
        tunes = [(row["tune"], row["song"]) for row in some if row["tune"] is not None]
        found[f"right, {name}"] = bootstrap([row["right"] for row in some], songs)
        found[f"tune, {name}"] = bootstrap([tune for tune, _ in tunes], [song for _, song in tunes])
    return found


def lines(figures: dict) -> list[str]:
    """The figures as a table in Markdown."""
    names = list(figures["together"])
    rows = [
        [style, figures["near"].get(style, ""), *(interval(one[name]) for name in names)]
        + ["{:.1f} / {:.1f}".format(*one["nearest"]) if "nearest" in one else ""]
        for style, one in (figures["styles"] | {"together": figures["together"]}).items()
    ]
    headings = ["style", "nearest genre", *names, "nearest record: of a conversion / of another record"]
    whole, made = (
        interval(figures[f"listener right about {what}"]) for what in ("the records", "them decoded")
    )
    told = f"The listener is right about {whole} of the adapters' records, and {made} of them decoded; it had"
    return [*table(headings, rows), f"{told} heard none of them."]
