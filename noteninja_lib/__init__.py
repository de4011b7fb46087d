"""NoteNinja: hear the same tune in another genre, and learn how it was done."""

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__version__ = "0.2.0"
STEPS = 2  # inference steps: the denoiser knows jumps, by which two do as well as many


def data_folder() -> Path:
    """Folder with the tunes, recipes, songs and trained weights.

    Returns
    -------
    pathlib.Path
        `NOTENINJA_DATA` where that environment variable is set, else `data/` beside this package.
    """
    return Path(os.environ.get("NOTENINJA_DATA") or Path(__file__).resolve().parent.parent / "data")


def _use_caches() -> None:
    """Where neither this folder nor a home can be written, numba and matplotlib keep their caches elsewhere.

    Numba would refuse to work at all. The folder is this process's own, since what lies in a cache is run.
    """
    home = os.path.expanduser("~")
    if not (os.access(home, os.W_OK) or os.access(Path(__file__).parent, os.W_OK)):
        folder = tempfile.mkdtemp(prefix="noteninja-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR"):
            os.environ.setdefault(name, folder)


_use_caches()


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import big packages without searching for garbage, which finds next to none in a fifth of the time.

    Half a million objects come with torch and diffusers. They join the oldest generation unsearched, and at
    the program's end they are left to the operating system: to take them apart takes another fifth.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # into the oldest generation: what becomes garbage later is still found
        atexit.unregister(gc.freeze)  # once is enough
        atexit.register(gc.freeze)
        if collecting:
            gc.enable()


def fast_mode() -> bool:
    """Whether `NOTENINJA_FAST=1` asks for shorter clips and fewer steps, as the tests do.

    Returns
    -------
    bool
    """
    return os.environ.get("NOTENINJA_FAST", "") not in ("", "0")
