"""What larger training would cost, from measured rates: `python -m benchmarks scale`."""

import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from typer import Option

from benchmarks.harness import finish, table
from benchmarks.options import Out
from benchmarks.speed import machine
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.audio.spectrogram import HOP_LENGTH, mel_frequencies
from noteninja_lib.datasets.synthetic import BuildOptions, render_group
from noteninja_lib.models.checkpoints import load_model
from noteninja_lib.models.flow_matching import encode
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.models.vae import MelAutoencoder
from noteninja_lib.source import hear

LARGE = (240, 480, 720)  # channels of a denoiser of about 100 million parameters
SECONDS, VERSIONS, FRAMES = 10.0, 4, 64  # of a clip; genres of a tune; latent frames of an example
EXAMPLE = FRAMES * 4 * HOP_LENGTH / SAMPLE_RATE  # seconds
#: Assumed: how often each hour is learned from, the GPUs, their dense bf16 peak (NVIDIA's H100 SXM data
#: sheet), and the share of it that training reaches.
PASSES, GPUS, PEAK, REACHED = 20, 8, 989e12, 0.4


def training_flops(network: torch.nn.Module) -> float:
    """Floating-point operations of one training step, forwards and backwards, for one example."""
    shapes = ((1, 8, 24, FRAMES), (1,), (1, 357, 4 * FRAMES), (1, len(GENRES) + 2))
    with FlopCounterMode(display=False) as counter:
        network(*(torch.rand(shape) for shape in shapes)).mean().backward()
    return float(counter.get_total_flops())


def cpu_seconds(work: Any) -> float:
    """Processor time of some work in this process, whatever else the machine does."""
    began = time.process_time()
    work()
    return time.process_time() - began


def report(
    tunes: Annotated[
        int, Option(min=1, help="Tunes that are played, heard and encoded, in four genres.")
    ] = 5,
    hours: Annotated[float, Option(min=1, help="Hours of music to reckon with.")] = 10_000,
    out: Out = None,
) -> dict:
    """Measure what making and learning from music costs, and reckon with a larger network and set."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        options, place = BuildOptions(seconds=SECONDS, versions=VERSIONS), Path(folder)
        render_group(tunes, place / "warm", options)  # what is loaded and compiled once is loaded
        music = tunes * SECONDS * VERSIONS
        played = (
            cpu_seconds(lambda: [render_group(number, place, options) for number in range(tunes)]) / music
        )
        sounds = [load(path) for path in sorted(place.glob("genres/*/*.wav"))]
        vae, whole = load_model(MelAutoencoder), 16 * HOP_LENGTH
        sounds = [sound[: len(sound) // whole * whole] for sound in sounds]
        hear(sounds[0])
        heard = cpu_seconds(lambda: [hear(sound) for sound in sounds]) / music
        with torch.no_grad():
            encode(vae, sounds[0])
            encoded = cpu_seconds(lambda: [encode(vae, sound) for sound in sounds]) / music
    rows, figures = [], machine() | {"hours": hours, "played": played, "heard": heard, "encoded": encoded}
    for name, channels in (("shipped", None), ("large", LARGE)):
        centres = tuple(mel_frequencies().tolist())
        network: Any = (
            load_model(Denoiser).requires_grad_(True) if not channels else Denoiser(centres, channels)
        )
        flops = training_flops(network.train())
        days = hours * 3600 / EXAMPLE * PASSES * flops / (GPUS * PEAK * REACHED) / 86400
        figures[name] = {"parameters": network.num_parameters(), "flops": flops, "days": days}
        million, giga = f"{network.num_parameters() / 1e6:.1f}", f"{flops / 1e9:.1f}"
        rows.append([name, million, giga, f"{days:.2f}", f"{24 * GPUS * days:.0f}"])
    work = {"played by the arranger": played, "heard (transcribed)": heard, "encoded as latents": encoded}
    lines = table(
        ["of the music", "core-seconds a second (measured)", f"core-hours for {hours:,.0f} hours"],
        [[name, f"{one:.4f}", f"{one * hours:,.0f}"] for name, one in work.items()],
    )
    heads = ["million parameters", "GFLOP an example (counted)", f"days on {GPUS} GPUs", "GPU-hours"]
    lines += [*table(["denoiser", *heads], rows)]
    return finish(figures, lines, out, "scale", usual=False)
