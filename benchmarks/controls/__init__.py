"""What each control does, measured and kept in one file. Command: `noteninja steering`."""

import json
from typing import Annotated

from typer import Option

from benchmarks.controls import invented_tunes, length, mood_scale, morphing, noise_inversion, tempo
from benchmarks.harness import Run, finish
from benchmarks.options import CORES, Out, Split, Workers
from noteninja_lib.errors import UserError
from noteninja_lib.models.checkpoints import models_folder

#: Part to the module that measures it, and on how many tunes, recordings or inventions a genre.
PARTS = {
    "interpolation": (morphing, 20),
    "inversion": (noise_inversion, 10),
    "inventions": (invented_tunes, 50),
    "tempo": (tempo, 60),
    "mood": (mood_scale, 20),
    "length": (length, 6),
}


def lines(figures: dict) -> list[str]:
    """A paragraph or table in Markdown for each part that was measured."""
    told = [[*module.lines(figures[name]), ""] for name, (module, _) in PARTS.items() if name in figures]
    return ["What the knobs do:", "", *sum(told, [])]


def report(
    only: Annotated[list[str] | None, Option(help=f"{', '.join(PARTS)}; all of them by default.")] = None,
    share: Annotated[float, Option(min=0.01, max=10, help="Of the usual number of measurements.")] = 1.0,
    out: Out = None,
    split: Split = "test",
    workers: Workers = CORES,
    seed: int = 0,
) -> None:
    """Measure what each control does: paths and mixtures, inversion, inventions, tempo, mood, length."""
    unknown = [name for name in only or () if name not in PARTS]
    if unknown:
        raise UserError(f"There is nothing called {unknown[0]} to measure: choose from {', '.join(PARTS)}.")
    if split == "test" and share == 1 and seed == 0:
        out = out or models_folder() / "steering.json"
    for name in only or PARTS:
        module, usual = PARTS[name]
        figures = module.report(max(2, round(share * usual)), Run(seed, split, workers))
        kept = json.loads(out.read_text(encoding="utf-8")) if out and out.exists() else {}
        kept[name] = {"seed": seed, "split": split} | figures
        finish(kept, [f"--- {name}", *module.lines(figures)], out, "steering", bool(out))
