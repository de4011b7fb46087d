"""Pictures and tables of the two READMEs, made from the figures in data/models by `noteninja figures`."""

import re
from importlib import import_module
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from benchmarks.harness import cell, read_figures, table
from benchmarks.samplers import alone
from noteninja_lib import data_folder
from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.evaluation.baselines import choose_tunes, decoded, make_piece
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.plots import LOOKS, plot_conversion, plot_curves, plot_pairs

#: Panels of the picture of steps: what is drawn, the measure, and the least that the y axis spans, so that
#: chance looks small.
PANELS = (
    ("melody note F1", "note_f1", 0.3),
    ("chroma cosine to the source", "chroma_cosine", 0.3),
    ("nearest of ten is the right recording", "right_recording_of_10", 0.3),
    ("judge's share for the genre", "judge_share", 0.3),
    ("log-spectral distance to the truth, dB", "log_spectral_distance", 2.0),
    ("sharpness in time, truth = 1", "sharpness_in_time", 0.3),
)
SCHEDULER_NAMES = {
    "jumps": "jumps",
    "euler": "Euler",
    "heun": "Heun",
    "dpm++": "DPM-Solver++",
    "unipc": "UniPC",
}


def plot_amounts(figures: dict, figure: Figure | None = None) -> Figure:
    """Draw what the amount slider does to genre, likeness and tune, and how evenly; from `amounts.json`."""
    figure = figure or plt.figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    strengths, measures, way = figures["amounts"], figures["measures"], figures["way"]
    shown = {"asked-for genre: the judge's share": "judge_share", "source: chroma cosine": "chroma_cosine"}
    shown["tune: melody note F1"] = "note_f1"
    curves = {words: [mean for mean, _, _ in measures[name]] for words, name in shown.items()}
    plot_curves(strengths, curves, left)
    for name, look in zip(shown.values(), LOOKS):
        _, low, high = zip(*measures[name])
        left.fill_between(strengths, low, high, color=look["color"], alpha=0.2, linewidth=0)
    left.set(xlabel="amount", ylabel="mean, 0 to 1, with its 95 % interval", ylim=(0, 1.02))
    left.set_title("what changes and what stays")
    ways = {"to the genre": "judge_share", "away from the source": "spectral_distance"}
    ways["mean of the two"] = "mean"
    plot_curves(strengths, {words: way[name] for words, name in ways.items()}, right)
    right.plot([0, 1], [0, 1], color="grey", linewidth=1, zorder=0, label="even")
    right.legend(loc="upper left", fontsize=9)
    right.set(xlabel="amount", ylabel="share of the whole way", ylim=(-0.02, 1.02))
    right.set_title("how evenly it leads there")
    return figure


def plot_steps(figures: dict, figure: Figure | None = None) -> Figure:
    """Draw quality against the time of denoising: a line each scheduler, a mark each number of steps."""
    figure = figure or plt.figure(figsize=(12, 6.5), layout="constrained")
    drawn, axes = alone(figures["ways"]), figure.subplots(2, 3, sharex=True)
    for ax, (words, measure, span) in zip(axes.flat, PANELS):
        for (scheduler, found), look in zip(drawn.items(), LOOKS):
            seconds, color = [one["core_seconds"] for one in found], look["color"]
            means, lows, highs = zip(*(one["measures"][measure] for one in found))
            ax.plot(seconds, means, label=SCHEDULER_NAMES[scheduler], markersize=5, **look)
            if scheduler == "euler":
                ax.fill_between(seconds, lows, highs, color=color, alpha=0.15, linewidth=0)
                above = {"xytext": (0, 6), "textcoords": "offset points", "ha": "center", "fontsize": 8}
                for one, *place in zip(found, seconds, means):
                    ax.annotate(str(one["steps"]), place, color=color, **above)
        low, high = ax.get_ylim()
        room = max(0, span - (high - low)) / 2
        ax.set(title=words, xscale="log", ylim=(low - room, high + room))
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_locator(NullLocator())
        ax.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("denoising: seconds that one core takes for a second of music")
    axes[0, 0].legend(title="number of steps at Euler's marks", fontsize=8, title_fontsize=8)
    return figure


def true_and_decoded(seconds: float = 5.0) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """A test tune by genre: two sounds each, as recorded and as autoencoder and vocoder give it back."""
    pipe, piece = load_pipeline(), make_piece(choose_tunes(1)[0])
    part = slice(int(0.5 * SAMPLE_RATE), int((0.5 + seconds) * SAMPLE_RATE))
    return {genre: (audio[part], decoded(pipe, audio)[part]) for genre, audio in piece.recordings.items()}


#: Pictures of measured figures: the picture's name, the file in data/models, and what draws it.
MEASURED = (("amount.png", "amounts", plot_amounts), ("steps.png", "steps", plot_steps))
SONG, GENRE, SECONDS = "hearts-of-oak-rock.mp3", "jazz", 12.0


def make_figures(folder: str | Path) -> list[Path]:
    """Make all pictures anew, with the functions that the lessons call; returns their paths."""
    matplotlib.use("Agg")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    song = load(data_folder() / "songs" / SONG, duration=SECONDS)
    result = load_pipeline()(song, GENRE, generator=torch.Generator().manual_seed(0))
    plot_conversion(result).savefig(folder / "conversion.png", dpi=80)
    plot_pairs(true_and_decoded(), ("true recording", "decoded")).savefig(folder / "decoded.png", dpi=100)
    return [folder / "conversion.png", folder / "decoded.png", *draw_measured(folder)]


def draw_measured(folder: Path) -> list[Path]:
    """Draw the pictures of measured figures into an existing folder; returns their paths."""
    drawn = {folder / name: (plot, read_figures(file)) for name, file, plot in MEASURED}
    for path, (plot, figures) in drawn.items():
        if figures:
            plot(figures).savefig(path, dpi=80)
    return [path for path, (_, figures) in drawn.items() if figures]


#: Files of figures in data/models, in the order of the tables, and the modules whose `lines` tell them.
SECTIONS = {
    "evaluation": "evaluation", "difficult": "acoustic_conditions", "ladder": "networks", "stereo": "stereo",
    "hearing": "note_recall", "band": "arrangements", "amounts": "strength", "steering": "controls",
    "sheets": "sheet_music.reading_errors", "steps": "samplers", "benchmark": "speed",
    "peers": "peers", "records": "records", "records_off": "records", "records_style": "records",
    "records_gtzan": "records", "records_gtzan_off": "records",
    "judge": "judges", "adapters": "adapters", "redo": "redo",
    "humming": "humming", "leads": "leads",
}  # fmt: skip


def numbers() -> str:
    """All tables, in Markdown: a section for each file of `SECTIONS` that was measured."""
    found = ((import_module(f"benchmarks.{module}"), read_figures(name)) for name, module in SECTIONS.items())
    text = "\n\n".join("\n".join(module.lines(one)) for module, one in found if one)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def summary() -> str:
    """The table of README.md: the most important figures, beside those of the strongest other way."""
    rows, ways = [], ("ours", "transcribe")
    quality, hard, fast, sheets = map(read_figures, ("evaluation", "difficult", "benchmark", "sheets"))
    if quality:
        names = {
            "tune kept (0: another tune; 1: the true recording, decoded)": "tune_kept_note_f1",
            "asked-for genre heard by our own classifier": "judge",
            "asked-for genre heard by an outside listener": "outside_listener",
            "nearest of ten recordings is the right one": "right_recording_of_10",
            "log-spectral distance to the true recording, dB": "log_spectral_distance",
        }
        of = quality["rivals"]
        rows += [[words, *(cell(of[one].get(name)) for one in ways)] for words, name in names.items()]
    if hard:
        kept = (cell(hard["conditions"]["hall"][one]["tune_kept_note_f1"]) for one in ways)
        rows.append(["tune kept of a recording in a hall", *kept])
    for kind, words in (("lilypond", "LilyPond's pages"), ("photograph", "simulated photographs")):
        if sheets and kind in sheets["kinds"]:
            errors = cell(sheets["kinds"][kind]["symbol_errors"], ".1%")
            rows.append([f"printed music, symbols misread on {words}", errors, ""])
    if fast:
        words = f"time on {fast['cores']} CPU cores, of the music's length"
        rows.append([words, cell(fast["real_time_factor_loaded"]), ""])
        rows.append(["memory, at most, for 30 s of music", f"{fast['memory_30_s_gb']:.2f} GB", ""])
    return "\n".join(table(("", "NoteNinja", "transcribe, arrange, render"), rows)[1:])


BEGIN, END = "<!-- numbers:begin -->", "<!-- numbers:end -->"


def write_tables(root: Path) -> None:
    """Write the measured numbers between the marks in the repository's README.md and benchmarks/README.md."""
    for path, text in ((root / "README.md", summary()), (root / "benchmarks" / "README.md", numbers())):
        before, rest = path.read_text(encoding="utf-8").split(BEGIN)
        path.write_text(f"{before}{BEGIN}\n{text}{END}{rest.split(END)[1]}", encoding="utf-8")


def report() -> None:
    """Make the pictures anew, and write the measured numbers into README.md and benchmarks/README.md."""
    root = data_folder().parent
    print(*make_figures(root / "figures"), sep="\n")
    write_tables(root)
