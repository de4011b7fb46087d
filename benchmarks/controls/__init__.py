"""All knobs, one after another: what each of them does is measured and kept in one file. Command: `noteninja steering`."""

import json

from benchmarks.controls import invented_tunes, length, mood_scale, morphing, noise_inversion, tempo
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


def report(out=None, only=(), share=1.0, *, seed=0, split="test", workers=1):
    """Measure the knobs with progress bars; print the figures, and write them into a JSON file as each part is done.

    Parameters
    ----------
    out : pathlib.Path, optional
        Parts that are not measured now stay as they are in it.
    only : sequence of str
        Parts, as in `PARTS`; all of them if empty.
    share : float
        Of the usual number of measurements.
    seed, split, workers
        See `choose_tunes` and `spread`.
    """
    unknown = [name for name in only if name not in PARTS]
    if unknown:
        raise UserError(f"There is nothing called {unknown[0]} to measure: choose from {', '.join(PARTS)}.")
    for name in only or PARTS:
        module, count = PARTS[name]
        figures = {"seed": seed, "split": split} | module.measure(
            max(2, round(share * count)), seed, split, workers
        )
        print("\n".join([f"--- {name}", *module.table(figures)]), flush=True)
        if out:
            kept = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
            out.write_text(json.dumps(kept | {name: figures}, indent=1) + "\n", encoding="utf-8")
