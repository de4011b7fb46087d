"""Does a call with very many songs need more memory for each, or fill a log? Command: `many`."""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import psutil
import soundfile
from tqdm import tqdm
from typer import Option

from benchmarks.harness import finish, table
from benchmarks.options import Out
from noteninja_lib import data_folder
from noteninja_lib.audio.io import SAMPLE_RATE, load

FIRST, OVER = 20, 10  # songs after which memory is first told; songs over which the most is taken
SHORT = (1.5, 3.0)  # seconds of a song


def write_songs(folder: Path, count: int, seed: int = 0) -> list[Path]:
    """Write pieces of the bundled songs, no two of which are alike."""
    chance = random.Random(seed)
    whole = [load(path) for path in sorted((data_folder() / "songs").glob("*.mp3"))]
    paths = [folder / f"song {number:04d}.flac" for number in range(count)]
    for number, path in enumerate(paths):
        song, length = whole[number % len(whole)], int(chance.uniform(*SHORT) * SAMPLE_RATE)
        start = chance.randrange(len(song) - length)
        soundfile.write(path, song[start : start + length], SAMPLE_RATE)
    return paths


def memory_by_song(songs: Path, made: Path, count: int, log: Path) -> list[float]:
    """Convert a folder in a process of its own, as a script would; returns the most memory in MB that it
    held while each of the songs was made."""
    words = ["convert", str(songs), "--to", "jazz", "--steps", "1", "-o", str(made)]
    most = [0.0] * count
    with open(log, "wb") as written, tqdm(total=count, unit=" songs", dynamic_ncols=True) as bar:
        command = [sys.executable, "-m", "noteninja_lib", *words]
        fast = os.environ | {"NOTENINJA_FAST": "1"}
        process = psutil.Popen(command, stdout=written, stderr=subprocess.STDOUT, env=fast)
        while process.poll() is None:
            done = len(list(made.glob("*.json"))) if made.is_dir() else 0  # the last thing that is written
            try:
                held = process.memory_info().rss / 1e6
            except psutil.NoSuchProcess:
                break
            most[min(done, count - 1)] = max(most[min(done, count - 1)], held)
            bar.update(done - bar.n)
            time.sleep(0.05)
        if process.wait():
            raise RuntimeError(log.read_text(encoding="utf-8", errors="replace")[-500:])
    return most


def report(
    songs: Annotated[int, Option(min=2 * FIRST, help="How many.")] = 1000,
    out: Out = None,
) -> dict:
    """Convert very many short songs in one call: memory after 20 and at the end, and the log's size."""
    with tempfile.TemporaryDirectory() as folder:
        of, made, log = Path(folder) / "songs", Path(folder) / "made", Path(folder) / "log.txt"
        of.mkdir()
        write_songs(of, songs)
        began = time.monotonic()
        most = memory_by_song(of, made, songs, log)
        took, size = time.monotonic() - began, log.stat().st_size
    first, last = max(most[FIRST - OVER : FIRST]), max(most[-OVER:])
    figures = {
        "songs": songs,
        f"memory_after_{FIRST}_mb": round(first),
        "memory_at_the_end_mb": round(last),
        "ratio": round(last / first, 3),
        "log_bytes_a_song": round(size / songs),
        "seconds_a_song": round(took / songs, 2),
    }
    return finish(figures, table(["figure", ""], figures.items()), out, "many", usual=False)
