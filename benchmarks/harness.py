"""What all benchmarks share: measurements spread over the cores, files of figures, and tables in Markdown."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from noteninja_lib.audio.io import normalise
from noteninja_lib.datasets.base import processes
from noteninja_lib.errors import UserError
from noteninja_lib.models.checkpoints import models_folder
from noteninja_lib.music.style import Plan
from noteninja_lib.pipeline import NoteNinjaPipeline

File = str | Path | None  # the path of a file or a folder, where there is one

# --- Measuring: one function of one job, again and again ---


def _with_one_thread(work, job):
    torch.set_num_threads(1)  # one process a core: threads within it would only get in each other's way
    return work(job)


def in_order(work: Callable, jobs: Sequence, workers: int = 1, **options) -> Iterator:
    """Results of `work(job, **options)` in the order of the jobs.

    `work` is a function of a module. A single worker is this process, with all its threads.
    """
    work = partial(work, **options)
    if workers == 1:
        yield from map(work, jobs)
    else:
        with processes(workers) as pool:
            yield from pool.map(partial(_with_one_thread, work), jobs)


def measure(work: Callable, jobs: Sequence, unit: str, workers: int = 1, **options) -> list:
    """The same as a list, with a progress bar that counts `unit`, such as "recordings"."""
    results = in_order(work, jobs, workers, **options)
    return list(tqdm(results, total=len(jobs), unit=f" {unit}", dynamic_ncols=True))


def listen(tagger: File, files: list[str]) -> list[dict[str, float]]:
    """Genre scores by an outside listener: a program that knows nothing of how the sounds were made.

    Parameters
    ----------
    tagger : path
        A Python program that is called with `--json` and the files, and prints a line of JSON for each, with
        `genres` (a score for each genre that it knows), in the order of the files.
    files : list of str
    """
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


# --- Conversions of a plan ---


def noise_for(pipe: NoteNinjaPipeline, plan: Plan, seed: int) -> torch.Tensor:
    """The noise from which a plan is played."""
    return pipe.noise_like(plan.piano_roll, torch.Generator().manual_seed(seed))


@torch.no_grad()
def play(pipe: NoteNinjaPipeline, plan: Plan, noise: torch.Tensor | int) -> np.ndarray:
    """The sound of a plan, from noise or a seed, as loud as it comes."""
    noise = noise_for(pipe, plan, noise) if isinstance(noise, int) else noise.clone()
    return pipe.decode(pipe.denoise(None, plan, latents=noise))[: plan.samples]


def played(pipe: NoteNinjaPipeline, plan: Plan, noise: torch.Tensor | int) -> np.ndarray:
    """The same, as loud as the pipeline makes its results."""
    return normalise(play(pipe, plan, noise))


# --- Figures: files, sentences and tables ---


def check_folder(out: File) -> None:
    """Complain now, and not after hours of measuring, if a file can't be written where it is to go."""
    if out and not Path(out).resolve().parent.is_dir():
        raise UserError(f"There is no folder {Path(out).resolve().parent} for {out}.")


def read_figures(name: str) -> dict | None:
    """What was measured and lies beside the networks, by the name of its file; None if it was not."""
    path = models_folder() / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def finish(figures: dict, lines: Iterable[str], out: Path | None, name: str, usual: bool = True) -> dict:
    """Print lines, write figures as JSON, and return them.

    They go into a file `out`, else, if they were measured as `usual`, into the one of this name in
    data/models.
    """
    print("\n".join(aligned(lines)))
    if out or usual:
        text = json.dumps(figures, indent=1) + "\n"
        (out or models_folder() / f"{name}.json").write_text(text, encoding="utf-8")
    return figures


def table(headings: Iterable, rows: Iterable[Iterable]) -> list[str]:
    """Lines of a table in Markdown; the first heading is that of the rows' names."""
    headings = list(headings)
    heading, *lines = ("| " + " | ".join(map(str, row)) + " |" for row in (headings, *rows))
    return [heading.replace("|  |", "| |"), "|" + "---|" * len(headings), *lines]


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


def rounded(values: Iterable[float], digits: int = 4) -> list[float]:
    """Numbers of any kind as floats that JSON can hold."""
    return [round(float(value), digits) for value in values]


def rounded_mean(values: Iterable[float], digits: int = 4) -> float:
    """Mean of numbers of any kind, as JSON can hold it."""
    return round(float(np.mean(list(values))), digits)


def aligned(lines: Iterable[str]) -> list[str]:
    """Lines in which the columns of each table are equally wide, for a terminal."""
    done, waiting = [], []
    for line in [*lines, ""]:
        if line.startswith("|"):
            waiting.append([text.strip() for text in line.strip("|").split("|")])
            continue
        if waiting:
            del waiting[1]
            widths = [max(map(len, texts)) for texts in zip(*waiting)]
            done += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in waiting]
            waiting = []
        done.append(line)
    return done[:-1]
