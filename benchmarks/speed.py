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

from benchmarks import all_measures
from benchmarks.harness import finish, table
from benchmarks.options import Out
from noteninja_lib import data_folder
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.io import SAMPLE_RATE, load, loudness, mono, save
from noteninja_lib.audio.spectrogram import log_mel
from noteninja_lib.models.flow_matching import HOP
from noteninja_lib.pipeline import NoteNinjaPipeline
from noteninja_lib.streaming import windows

SHORT, LONG, STREAMED = 30, (10, 20), 4  # seconds, and minutes, of music


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


def streamed(pipe: NoteNinjaPipeline, path: Path) -> dict[str, float]:
    """How soon the first sound of a song is there, and how near all of it is to the saved conversion."""
    began, parts, first = time.perf_counter(), [], 0.0
    for part in pipe.stream(path, "jazz", generator=torch.Generator().manual_seed(0)):
        first = first or time.perf_counter() - began
        parts.append(part)
    spent, made = time.perf_counter() - began, np.concatenate(parts)
    saved = pipe(path, "jazz", generator=torch.Generator().manual_seed(0))
    sounds = mono(made), saved.mono()
    mels = [log_mel(sound).ravel() for sound in sounds]
    first_heard, second_heard = map(all_measures.hear, sounds)
    edges = [ready.stop * HOP for _, ready in windows(len(sounds[0]) // HOP)[:-1]]
    return {
        "stream_first_sound_s": first,
        "stream_real_time_factor": spent * STEREO_RATE / len(made),
        "stream_mel_correlation": float(np.corrcoef(*mels)[0, 1]),
        "stream_louder_db": loudness(made, STEREO_RATE) - loudness(saved.audio, STEREO_RATE),
        "stream_tune_f1": all_measures.note_f1(all_measures.melody_of(first_heard), second_heard),
        "stream_genre_heard": pipe.judge_genre(made)["jazz"],
        "stream_saved_genre_heard": saved.genre_heard["jazz"],
        "stream_seams": float(np.mean([at / usual for at, usual in all_measures.seams(sounds[0], edges)])),
    }


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
        del result
        print(f"listening to {STREAMED} minutes while they are made", flush=True)
        write_song(long, STREAMED * 60)
        figures |= streamed(pipe, long)
        del pipe
        words = ("--to", "jazz", "-o", made, "--overwrite")
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
    if "stream_first_sound_s" in figures:
        first, again = figures["stream_first_sound_s"], figures["stream_real_time_factor"]
        alike, louder = figures["stream_mel_correlation"], figures["stream_louder_db"]
        rows.append((f"played while it is made: first sound of {STREAMED} minutes", f"{first:.1f} s"))
        rows.append(("the same: time for all of it", f"{again:.2f} of real time"))
        tune = f"{alike:.3f}; {louder:+.1f} dB; {figures['stream_tune_f1']:.2f}"
        rows.append(
            ("the same beside the saved file: log-mels' correlation; loudness; notes of the tune", tune)
        )
    of = f"Speed and memory on {figures['cores']} cores ({figures['processor']}), of 30 s of mp3:"
    return [of, *table(["measure", "value"], rows)]
