"""Data sets in GTZAN's shape: the real one, and the arranger's own. Lesson: 04_gtzan_and_the_band."""

import os
import shutil
from pathlib import Path

from tqdm import tqdm

from noteninja_lib import data_folder, fast_mode
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.datasets.base import DataSet, Records, Tell, cache_folder, hear_all, require_folder
from noteninja_lib.datasets.gtzan import GTZAN, find_genres, find_repetitions
from noteninja_lib.datasets.synthetic import SyntheticSet, build, fingerprint
from noteninja_lib.errors import UserError

__all__ = ["GTZAN", "Records", "SyntheticSet", "build", "find_repetitions"]
__all__ += ["hear_all", "open_dataset"]


def open_dataset(root: str | Path | None = None, tell: Tell = print) -> DataSet:
    """Open a data set of either kind.

    Parameters
    ----------
    root : path, optional
        A folder that `noteninja dataset build` made, or GTZAN. By default the folder that the environment
        variable NOTENINJA_GTZAN names, or data/gtzan; where there is none, a small set by the arranger.
    tell : callable or None
        Is given one sentence on what is used, where that is not plain.

    Raises
    ------
    UserError
        If `root`, or the folder that NOTENINJA_GTZAN names, holds no data set.
    """
    root = root or os.environ.get("NOTENINJA_GTZAN")
    if root:
        root = require_folder(root)
        if any(root.glob("manifest*.jsonl")):
            return SyntheticSet(root, tell)
        if find_genres(root):
            return GTZAN(root, tell=tell)
        raise UserError(
            f"{root} holds no data set: give GTZAN's folder, with genres/ or genres_original/ inside, or "
            f"make a data set with `noteninja dataset build --out {root}`."
        )
    home = data_folder() / "gtzan"
    if home.is_dir() and find_genres(home):
        return GTZAN(home, tell=tell)
    if tell:
        tell(
            f"No GTZAN at hand, so the band plays: put its folder genres/ into {home}, or name it in the "
            f"environment variable NOTENINJA_GTZAN."
        )
    return small_set()


def small_set() -> SyntheticSet:
    """A few tunes in all ten genres, from the cache; rendered the first time, and when the recipes change.

    They are played with the soundfont that every machine has, so they are for lessons, and not for networks
    that are to be tested on that soundfont.
    """
    kind, tunes, seconds = ("fast", 3, 4.0) if fast_mode() else ("small", 12, 10.0)
    folder = cache_folder("band") / f"{kind}-{fingerprint()}"
    for old in folder.parent.glob(f"{kind}-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    hours, workers = tunes * len(GENRES) * seconds / 3600, os.cpu_count() or 1
    with tqdm(desc="the band is playing", unit=" tunes", delay=1, leave=False) as bar:
        for done, bar.total in build(folder, hours, seconds=seconds, workers=workers):
            bar.update(done - bar.n)
    return SyntheticSet(folder)
