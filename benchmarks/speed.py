"""Speed and memory of a conversion on this machine: `noteninja benchmark`."""

import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import soundfile
import torch
from tqdm import tqdm

from noteninja_lib import data_folder
from noteninja_lib.audio.io import SAMPLE_RATE, load, loudness, save

SHORT, LONG = 30, (10, 20)  # seconds, and minutes, of music


def run_measured(*words):
    """Run `noteninja` in a process of its own; returns its seconds and its peak memory in GB."""
    began, peak = time.perf_counter(), 0
    process = psutil.Popen(
        [sys.executable, "-m", "noteninja_lib", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    while process.poll() is None:
        try:
            peak = max(peak, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(process.stderr.read().decode()[-500:])
    return time.perf_counter() - began, peak / 1e9


def lengthen(song, seconds, path):
    """Write an mp3 of the wanted length that repeats a song."""
    audio = load(song)
    save(path, np.tile(audio, -(-int(seconds * SAMPLE_RATE) // len(audio)))[: int(seconds * SAMPLE_RATE)])


def measure(out=None, song=None):
    """Measure, print and keep the figures.

    Parameters
    ----------
    out : pathlib.Path, optional
        JSON file; data/models/benchmark.json by default.
    song : path, optional
        A bundled song by default.

    Returns
    -------
    dict
    """
    from noteninja_lib.pipeline import NoteNinjaPipeline

    song = song or sorted((data_folder() / "songs").glob("*.mp3"))[0]
    figures = {
        "processor": platform.processor() or platform.machine(),
        "cores": len(psutil.Process().cpu_affinity())
        if hasattr(psutil.Process, "cpu_affinity")
        else psutil.cpu_count(),
        "torch": torch.__version__,
    }
    with tempfile.TemporaryDirectory() as folder:
        short, long, made = (Path(folder) / name for name in ("short.mp3", "long.mp3", "made.mp3"))
        lengthen(song, SHORT, short)
        pipe, times = NoteNinjaPipeline.from_pretrained(), []
        for number in tqdm(
            range(4), desc="30 s, networks loaded", unit=" conversions"
        ):  # the first one warms up
            began = time.perf_counter()
            result = pipe(short, "jazz", generator=torch.Generator().manual_seed(0), out=made)
            times.append(time.perf_counter() - began)
        figures["real_time_factor_loaded"] = min(times[1:]) / SHORT
        read = load(made)
        figures |= {
            "length_error_s": abs(len(result.audio) - len(result.source)) / SAMPLE_RATE,
            "file_length_error_s": abs(soundfile.info(made).duration - soundfile.info(short).duration),
            "peak": float(np.abs(result.audio).max()),
            "loudness_lufs": loudness(read),
        }
        del pipe, result
        words = ("--to", "jazz", "-o", str(made))
        figures["cold_s"], figures["memory_30_s_gb"] = run_measured("convert", str(short), *words)
        for minutes in LONG:
            print(f"converting {minutes} minutes: this takes some minutes", flush=True)
            lengthen(song, minutes * 60, long)
            seconds, figures[f"memory_{minutes}_min_gb"] = run_measured("convert", str(long), *words)
            figures[f"real_time_factor_{minutes}_min"] = seconds / minutes / 60
    figures = {
        name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()
    }
    for name, value in figures.items():
        print(f"{name:26} {value}")
    (out or data_folder() / "models" / "benchmark.json").write_text(
        json.dumps(figures, indent=1) + "\n", encoding="utf-8"
    )
    return figures
