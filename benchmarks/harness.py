"""What all benchmarks share: measurements spread over the cores, files of figures, and tables in Markdown."""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.all_measures import bootstrap
from noteninja_lib.audio.io import mono, normalise
from noteninja_lib.cluster import executor
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation.baselines import choose_targets, choose_tunes, make_piece
from noteninja_lib.models.checkpoints import models_folder
from noteninja_lib.music.style import Plan
from noteninja_lib.pipeline import NoteNinjaPipeline, load_pipeline
from noteninja_lib.source import read_source

File = str | Path | None  # the path of a file or a folder, where there is one


def _with_one_thread(work, job):
    torch.set_num_threads(1)  # one process a core: threads within it would only get in each other's way
    return work(job)


def measure(work: Callable, jobs: Sequence, unit: str, workers: int = 1, **options) -> list:
    """Results of `work(job, **options)`, a module's function, in order; one worker has all threads."""
    bar, work = partial(tqdm, total=len(jobs), unit=f" {unit}", dynamic_ncols=True), partial(work, **options)
    if workers == 1:
        return list(bar(map(work, jobs)))
    with executor(workers) as pool:
        return list(bar(pool.map(partial(_with_one_thread, work), jobs)))


@dataclass(frozen=True)
class Run:
    """What all measurements of a command have in common."""

    seed: int = 0
    split: str = "test"  # validation to choose checkpoints and settings
    workers: int = 1

    def tunes(self, count: int) -> list[int]:
        """Numbers of `count` tunes of the split."""
        return choose_tunes(count, self.seed, self.split)

    def measure(self, work: Callable, jobs: Sequence, unit: str) -> list:
        """Results of `work(job, seed=..., split=...)`, with a progress bar."""
        return measure(work, jobs, unit, self.workers, seed=self.seed, split=self.split)


def listen(tagger: File, files: list[str]) -> list[dict[str, float]]:
    """Genre scores by an outside listener, a program as told in benchmarks/README.md, file by file."""
    if not Path(tagger).is_file():
        raise UserError(f"There is no tagger {tagger}: give the path of a Python program.")
    scores, command = [], [sys.executable, str(tagger), "--json", *files]
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True) as program:
            for line in tqdm(program.stdout, total=len(files), unit=" files heard", dynamic_ncols=True):
                scores.append(json.loads(line)["genres"])
        complaints.seek(0)
        if program.returncode or len(scores) != len(files):
            last = (complaints.read().strip().splitlines() or ["it printed too few lines"])[-1]
            raise UserError(f"The tagger {tagger} failed: {last}")
    return scores


def prepare(number: int, seed: int, split: str, targets: int = 1, *, alone: bool = True) -> tuple:
    """Pipeline, a tune's `Piece`, what is heard in its source (a `Source`), and genres to convert it to."""
    piece = make_piece(number, seed, split, alone=alone)
    return load_pipeline(), piece, read_source(piece.audio), choose_targets(piece, targets, seed)


def hears(pipe: NoteNinjaPipeline, audio: np.ndarray, genre: str) -> bool:
    """Whether the genre classifier takes a sound for this genre."""
    return next(iter(pipe.judge_genre(audio))) == genre


def noise_for(pipe: NoteNinjaPipeline, plan: Plan, seed: int) -> torch.Tensor:
    """The noise from which a plan is played."""
    return pipe.noise_like(plan.piano_roll, torch.Generator().manual_seed(seed))


@torch.no_grad()
def play(pipe: NoteNinjaPipeline, plan: Plan, noise: torch.Tensor | int) -> np.ndarray:
    """The sound of a plan, from noise or a seed, as loud as it comes; mono, as the metrics hear it."""
    noise = noise_for(pipe, plan, noise) if isinstance(noise, int) else noise.clone()
    return mono(pipe.decode(pipe.denoise(None, plan, latents=noise)))[: plan.samples]


def played(pipe: NoteNinjaPipeline, plan: Plan, noise: torch.Tensor | int) -> np.ndarray:
    """The same, as loud as the pipeline makes its results."""
    return normalise(play(pipe, plan, noise))


def check_folder(out: File) -> None:
    """Complain now, and not after hours of measuring, if a file can't be written where it is to go."""
    if out and not Path(out).resolve().parent.is_dir():
        raise UserError(f"There is no folder {Path(out).resolve().parent} for {out}.")


def read_figures(name: str) -> dict | None:
    """What was measured and lies beside the networks, by the name of its file; None if it was not."""
    path = models_folder() / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def finish(figures: dict, lines: Iterable[str], out: Path | None, name: str, usual: bool = True) -> dict:
    """Print lines, write figures as JSON to `out` or, if `usual`, beside the networks, and return them."""
    print("\n".join(aligned(lines)))
    if out or usual:
        text = json.dumps(figures, indent=1) + "\n"
        (out or models_folder() / f"{name}.json").write_text(text, encoding="utf-8")
    return figures


def table(headings: Iterable, rows: Iterable[Iterable]) -> list[str]:
    """Lines of a table in Markdown between two empty ones; the first heading is that of the rows' names."""
    headings = list(headings)
    heading, *lines = ("| " + " | ".join(map(str, row)) + " |" for row in (headings, *rows))
    return ["", heading.replace("|  |", "| |"), "|" + "---|" * len(headings), *lines, ""]


def cell(value: Sequence | float | None, form: str = ".2f") -> str:
    """A figure as text: of [mean, low, high] the mean, and nothing for None."""
    mean = value[0] if isinstance(value, (list, tuple)) else value
    return "" if mean is None else format(mean, form)


def interval(value: Sequence[float], form: str = ".2f") -> str:
    """A figure with its 95 % interval."""
    mean, low, high = (format(one, form) for one in value)
    return f"{mean} [{low}, {high}]"


def means(found: dict[str, Sequence], names: Iterable[str], form: str = ".2f") -> list[str]:
    """Cells of a row: some measures, empty where they were not taken."""
    return [cell(found.get(name), form) for name in names]


def rounded(values: Sequence | float, digits: int = 4) -> list | float:
    """A number, or numbers of any shape, as JSON can hold them."""
    return [rounded(one, digits) for one in values] if np.ndim(values) else round(float(values), digits)


def rounded_mean(values: Iterable[float], digits: int = 4) -> float:
    """Mean of numbers of any kind, as JSON can hold it."""
    return rounded(np.mean(list(values)), digits)


def intervals(rows: list[dict], tunes: Sequence | None = None, names: Iterable | None = None) -> dict:
    """Measures of some rows, all or those named, each as [mean, low, high]; see `all_measures.bootstrap`."""
    return {name: bootstrap([row[name] for row in rows], tunes) for name in names or rows[0]}


def of_rows(rows: list, names: Iterable | None = None) -> dict:
    """The same of rows that have `figures` and a `tune`."""
    return intervals([row.figures for row in rows], [row.tune for row in rows], names)


def grouped(rows: Iterable, key: Callable) -> dict:
    """Lists of the rows that have a key in common, in the order in which the keys come."""
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def aligned(lines: Iterable[str]) -> list[str]:
    """Lines in which the columns of each table are equally wide, for a terminal."""
    done = []
    for tabular, some in groupby(lines, lambda line: line.startswith("|")):
        if not tabular:
            done += some
            continue
        rows = [[text.strip() for text in line.strip("|").split("|")] for line in some]
        del rows[1]
        widths = [max(map(len, texts)) for texts in zip(*rows)]
        done += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return done
