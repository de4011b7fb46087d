"""NoteNinja: hear the same tune in another genre, and learn how it was done."""

import os
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


def fast_mode() -> bool:
    """Whether `NOTENINJA_FAST=1` asks for shorter clips and fewer steps, as the tests do.

    Returns
    -------
    bool
    """
    return os.environ.get("NOTENINJA_FAST", "") not in ("", "0")
