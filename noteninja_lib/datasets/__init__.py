"""Data sets in GTZAN's shape: the real GTZAN, and the band's own, with one face. Lesson: 04_gtzan_and_the_band."""

import os
import shutil

from tqdm import tqdm

from noteninja_lib import data_folder, fast_mode
from noteninja_lib.datasets.base import (
    Problem,
    Recording,
    Report,
    cache_folder,
    hear_all,
    require_folder,
    unpack,
)
from noteninja_lib.datasets.gtzan import GTZAN, find_genres, find_repetitions
from noteninja_lib.datasets.synthetic import Clip, SyntheticSet, build, fingerprint, parse_shard, render_group
from noteninja_lib.errors import UserError

# One door to every data set: the real GTZAN where a user has it, else the band.

TUNES, SECONDS = (
    (3, 4.0) if fast_mode() else (12, 10.0)
)  # of the small set that the band plays for want of a better


def open_dataset(root=None, tell=print):
    """Open a data set of either kind.

    Parameters
    ----------
    root : path, optional
        A folder that `noteninja dataset build` made, or GTZAN. By default the folder that the environment variable
        NOTENINJA_GTZAN names, or data/gtzan; where there is none, a small set by the band, rendered once.
    tell : callable or None
        Is given one sentence on what is used, where that is not plain.

    Returns
    -------
    SyntheticSet or GTZAN

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
            f"{root} holds no data set: give GTZAN's folder, with genres/ or genres_original/ inside, or make "
            f"a data set with `noteninja dataset build --out {root}`."
        )
    home = data_folder() / "gtzan"
    if home.is_dir() and find_genres(home):
        return GTZAN(home, tell=tell)
    if tell:
        tell(
            f"No GTZAN at hand, so the band plays: put its folder genres/ into {home}, or name it in the environment "
            f"variable NOTENINJA_GTZAN."
        )
    return small_set()


def small_set():
    """A few tunes by the band in all ten genres, from the cache; rendered the first time, and when the recipes change.

    It is played with the soundfont that every machine has, so it is for lessons, and not for networks that are to be
    tested on that soundfont.
    """
    kind = "fast" if fast_mode() else "small"
    folder = cache_folder("band") / f"{kind}-{fingerprint()}"
    for old in folder.parent.glob(f"{kind}-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    with tqdm(desc="the band is playing", unit=" tunes", delay=1, leave=False) as bar:
        for done, bar.total in build(
            folder, TUNES * 10 * SECONDS / 3600, seconds=SECONDS, workers=os.cpu_count() or 1
        ):
            bar.update(done - bar.n)
    return SyntheticSet(folder)


__all__ = [
    "GTZAN",
    "SyntheticSet",
    "Clip",
    "Problem",
    "Recording",
    "Report",
    "build",
    "find_repetitions",
    "hear_all",
    "open_dataset",
    "parse_shard",
    "render_group",
    "unpack",
]
