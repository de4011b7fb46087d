"""The ladder of sharpness: what each network on the way from sound to sound costs.

True recording, its mel through Griffin-Lim, its mel through the vocoder, the autoencoder's picture, that picture through
the vocoder, and at the top the whole converter: whatever a rung loses, none above it can win back. Tunes and instruments
are such as no network was trained on. Command: `noteninja ladder`. Lesson: 05_autoencoders_and_latent_space.
"""
import json
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ..errors import UserError
from ..music.genres import GENRES
from ..music.synthesis import default_soundfont
from . import likeness
from .pieces import SECONDS
from .report import frechet
from .rungs import OTHER, climb, plan, speeds, walk
from .statistics import bootstrap
from .workers import spread


def summarise(rows, walks):
    """All figures: each measure of each rung, together and by genre, as [mean, low, high]; whole tunes are drawn.

    Returns
    -------
    dict
        `rungs`: rung to `together` and `genres`; `frechet` by rung, from the true recordings of other tunes, with the floor
        among true recordings as that of `truth`; `embedding_floor`, the mean distance of two tunes in one genre; `seams`.
    """
    figures, by_rung = {"rungs": {}, "frechet": {}}, defaultdict(list)
    for row in rows:
        by_rung[row.rung].append(row)
    for rung, found in by_rung.items():
        groups = {genre: [row for row in found if row.genre == genre] for genre in (*GENRES, OTHER)}
        figures["rungs"][rung] = {"together": table_of(found),
                                  "genres": {genre: table_of(some) for genre, some in groups.items() if some}}
        complete = len(found) == len(by_rung["truth"]) and found[0].embeddings is not None
        if complete and len({row.tune for row in found}) > 3:
            figures["frechet"][rung] = frechet(found, by_rung["truth"])
    means = [(row.genre, row.tune, row.embeddings.mean(0)) for row in by_rung["truth"]]
    apart = [likeness.euclidean(one, other) for genre, tune, one in means for same, number, other in means
             if genre == same and tune < number]
    figures["embedding_floor"] = round(float(np.mean(apart)), 4) if apart else None
    figures["seams"] = {}
    for name in ("truth", "decoded", "converter", "blends"):
        pairs = [(number, pair) for number, found in enumerate(walks) for pair in found.get(name, ())]
        if pairs:
            figures["seams"][name] = bootstrap([pair for _, pair in pairs], [number for number, _ in pairs])
    return figures


def table_of(rows):
    """Each measure of some rows as [mean, low, high]."""
    return {name: bootstrap([row.figures[name] for row in rows], [row.tune for row in rows]) for name in rows[0].figures}


#: Columns of the printed table: heading, measure and format. Sharpness is a share of the true recording's.
COLUMNS = (("mel, nats", "mel_distance", ".3f"), ("STFT", "multi_resolution", ".3f"), ("> 4 kHz", "treble_db", "+.2f"),
           ("> 6 kHz", "cymbals_db", "+.2f"), ("< 200 Hz", "bass_db", "+.2f"), ("in time", "sharpness_in_time", ".2f"),
           ("in freq.", "sharpness_in_frequency", ".2f"), ("embedding", "embedding_distance", ".1f"),
           ("clicks/s", "clicks", ".2f"), ("DC", "offset", ".3f"))


def table(figures):
    """The figures as lines of text: all rungs together, then by genre."""
    lines = ["levels in dB beside the truth; sharpness in time and in frequency as a share of the truth's; embedding:",
             f"distance to the truth's, {figures['embedding_floor']} between two tunes in one genre; a conversion is another",
             "performance than the truth, so that only ratios mean something there"]
    for part in ("together", *figures["rungs"]["truth"]["genres"]):
        lines += ["", f"{part:12}" + "".join(f"{heading:>10}" for heading, _, _ in COLUMNS)
                  + f"{'Fréchet':>10}{'x real time':>13}" * (part == "together")]
        for rung, found in figures["rungs"].items():
            row = found["together"] if part == "together" else found["genres"].get(part, {})
            cells = [format(row[name][0], form) if name in row else "" for _, name, form in COLUMNS]
            if part == "together":
                speed = figures["speed"].get(rung)
                cells += [str(figures["frechet"].get(rung, "")), f"{1 / speed:.1f}" if speed else ""]
            lines.append(f"{rung:12}" + "".join(f"{cell:>10}" for cell in cells))
    return lines + [""] + [f"where windows meet, {name}: {mean:.2f} [{low:.2f}, {high:.2f}] of what is elsewhere"
                           for name, (mean, low, high) in figures["seams"].items()]


def report(tunes=6, out=None, *, workers=1, seed=0, split="test", data=None):
    """Climb the ladder with progress bars, print the figures, and write them as JSON.

    Parameters
    ----------
    tunes : int
        Each in all ten genres, with one long recording for the seams.
    out : path, optional
    workers, seed : int
    split : {'validation', 'test'}
    data : path, optional
        A folder of real recordings, of which ten are taken for each tune.

    Returns
    -------
    dict
    """
    if out and not Path(out).resolve().parent.is_dir():
        raise UserError(f"There is no folder {Path(out).resolve().parent} for {out}.")
    jobs = plan(tunes, seed, split, data)
    results = spread(partial(climb, seed=seed, split=split), jobs, workers, " recordings")
    rows = [row for found in results for row in found]
    if not rows:
        raise UserError(f"None of the recordings in {data} can be used: they must be longer than {SECONDS:.0f} s.")
    walks = spread(partial(walk, seed=seed, split=split), jobs[::len(GENRES) + 1], workers, " long recordings")
    figures = {"tunes": tunes, "recordings": sum(map(bool, results)), "seconds": SECONDS, "seed": seed, "split": split,
               "soundfont": None if data else Path(default_soundfont()).name, **summarise(rows, walks), "cores": torch.get_num_threads(),
               "speed": speeds(seed, split)}
    print("\n".join(table(figures)))
    if out:
        Path(out).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures
