"""Speed and memory of a conversion on this machine: `noteninja benchmark`."""

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

from benchmarks.harness import finish, table
from benchmarks.options import Out
from noteninja_lib import data_folder
from noteninja_lib.audio.io import SAMPLE_RATE, load, loudness, save
from noteninja_lib.pipeline import NoteNinjaPipeline

SHORT, LONG = 30, (10, 20)  # seconds, and minutes, of music


def machine() -> dict:
    """Where figures were measured: processor, cores that may be used, and PyTorch's version."""
    own = hasattr(psutil.Process, "cpu_affinity")
    cores = len(psutil.Process().cpu_affinity()) if own else psutil.cpu_count()
    processor = platform.processor() or platform.machine()
    return {"processor": processor, "cores": cores, "torch": torch.__version__}


def write_song(path: Path, seconds: int) -> None:
    """Write a bundled song, again and again until it is so long."""
    song = load(sorted((data_folder() / "songs").glob("*.mp3"))[0])
    save(path, np.resize(song, seconds * SAMPLE_RATE))


def run_measured(*words: str | Path) -> tuple[float, float]:
    """Run `noteninja` in a process of its own; returns its seconds and its peak memory in GB."""
    began, peak, command = time.perf_counter(), 0, [sys.executable, "-m", "noteninja_lib", *map(str, words)]
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None:
        try:
            peak = max(peak, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(process.stderr.read().decode()[-500:])
    return time.perf_counter() - began, peak / 1e9


def report(out: Out = None) -> dict:
    """Measure speed and memory of a conversion on this machine."""
    figures = machine()
    with tempfile.TemporaryDirectory() as folder:
        short, long, made = (Path(folder) / name for name in ("short.mp3", "long.mp3", "made.mp3"))
        write_song(short, SHORT)
        pipe, times = NoteNinjaPipeline.from_pretrained(), []
        for _ in tqdm(range(4), desc="30 s, networks loaded", unit=" conversions"):  # the first one warms up
            began = time.perf_counter()
            result = pipe(short, "jazz", generator=torch.Generator().manual_seed(0), out=made)
            times.append(time.perf_counter() - began)
        lengths = [soundfile.info(path).duration for path in (made, short)]
        figures["real_time_factor_loaded"] = min(times[1:]) / SHORT
        seconds = len(result.audio) / result.sample_rate
        figures["length_error_s"] = abs(seconds - len(result.source) / SAMPLE_RATE)
        figures["file_length_error_s"] = abs(lengths[0] - lengths[1])
        figures["peak"] = float(np.abs(result.audio).max())
        figures["loudness_lufs"] = loudness(*soundfile.read(made))
        del pipe, result
        words = ("--to", "jazz", "-o", made)
        figures["cold_s"], figures["memory_30_s_gb"] = run_measured("convert", short, *words)
        for minutes in LONG:
            print(f"converting {minutes} minutes: this takes some minutes", flush=True)
            write_song(long, minutes * 60)
            seconds, figures[f"memory_{minutes}_min_gb"] = run_measured("convert", long, *words)
            figures[f"real_time_factor_{minutes}_min"] = seconds / minutes / 60
    figures = {name: round(one, 3) if isinstance(one, float) else one for name, one in figures.items()}
    return finish(figures, table(["figure", ""], figures.items()), out, "benchmark")


def lines(figures: dict) -> list[str]:
    """Speed and memory on the machine where they were measured, in Markdown."""
    rows = [("mp3 to mp3, networks loaded", f"{figures['real_time_factor_loaded']:.2f} of real time")]
    rows.append(("command line, from nothing to a written file", f"{figures['cold_s']:.0f} s"))
    rows.append(("peak memory", f"{figures['memory_30_s_gb']:.2f} GB"))
    for minutes in LONG:
        memory, fast = figures[f"memory_{minutes}_min_gb"], figures[f"real_time_factor_{minutes}_min"]
        found = f"{memory:.2f} GB; {fast:.2f} of real time"
        rows.append((f"{minutes} minutes of music: peak memory; time", found))
    of = f"Speed and memory on {figures['cores']} cores ({figures['processor']}), of 30 s of mp3:"
    return [of, *table(["measure", "value"], rows)]
