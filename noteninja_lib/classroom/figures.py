"""Pictures of the README, made by `noteninja figures` with the functions that the lessons call."""
from pathlib import Path

import matplotlib
import torch

from .. import data_folder
from ..pipeline import load_pipeline
from .plotting import plot_conversion

SONG, GENRE, SECONDS = "hearts-of-oak-rock.mp3", "jazz", 12.0


def make_figures(folder):
    """Make all pictures anew; returns their paths.

    Parameters
    ----------
    folder : path
    """
    matplotlib.use("Agg")
    from ..sound.audio import load
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    song = load(data_folder() / "songs" / SONG, duration=SECONDS)
    result = load_pipeline()(song, GENRE, generator=torch.Generator().manual_seed(0))
    plot_conversion(result).savefig(folder / "conversion.png", dpi=80)
    return [folder / "conversion.png"]
