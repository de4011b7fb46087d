"""What each control does, measured and kept in one file. Command: `noteninja steering`."""

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.controls import invented_tunes, length, mood_scale, morphing, noise_inversion, tempo
from benchmarks.harness import finish
from noteninja_lib.errors import UserError

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
    found = ["What the knobs do:", ""]
    for name, (module, _) in PARTS.items():
        found += [*module.lines(figures[name]), ""] if name in figures else []
    return found


def report(
    out: Path | None = None, only: Sequence[str] = (), share: float = 1.0, workers: int = 1, **of
) -> None:
    """Measure the controls with progress bars; print the figures, and write them as each part is done.

    Parameters
    ----------
    out : pathlib.Path, optional
        JSON file; parts that are not measured now stay as they are in it.
    only : sequence of str
        Parts, as in `PARTS`; all of them if empty.
    share : float
        Of the usual number of measurements.
    workers, of
        Processes; seed and split.
    """
    of = {"seed": 0, "split": "test"} | of
    unknown = [name for name in only if name not in PARTS]
    if unknown:
        raise UserError(f"There is nothing called {unknown[0]} to measure: choose from {', '.join(PARTS)}.")
    for name in only or PARTS:
        module, usual = PARTS[name]
        figures = of | module.report(max(2, round(share * usual)), workers, **of)
        kept = json.loads(out.read_text(encoding="utf-8")) if out and out.exists() else {}
        finish(kept | {name: figures}, [f"--- {name}", *module.lines(figures)], out)
