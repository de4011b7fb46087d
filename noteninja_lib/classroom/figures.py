"""Pictures of the README, made by `noteninja figures` with the functions that the lessons call."""
import json
from pathlib import Path

import matplotlib
import torch

from .. import data_folder
from ..evaluation.rungs import true_and_decoded
from ..pipeline import load_pipeline
from .curves import plot_amounts, plot_steps
from .plotting import plot_conversion, plot_pairs

#: Pictures of measured figures: the picture's name, the file in data/models, and what draws it.
MEASURED = (("amount.png", "amounts.json", plot_amounts), ("steps.png", "steps.json", plot_steps))
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
    plot_pairs(true_and_decoded(), ("true recording", "decoded")).savefig(folder / "decoded.png", dpi=100)
    return [folder / "conversion.png", folder / "decoded.png", *draw_measured(folder)]


def draw_measured(folder):
    """Draw the pictures of measured figures into an existing folder; returns their paths."""
    made = []
    for name, file, plot in MEASURED:
        path = data_folder() / "models" / file
        if path.exists():
            plot(json.loads(path.read_text(encoding="utf-8"))).savefig(folder / name, dpi=80)
            made.append(folder / name)
    return made
