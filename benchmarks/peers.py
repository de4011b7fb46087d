"""How long do others take for as much sound? Command: `python -m benchmarks peers`.

Beside our conversion, mp3 to mp3, two published models run in turn on the same machine, in eager PyTorch on
all cores, all three in bf16 where the processor multiplies it: Stable Audio Open Small, made for speed on
small machines, and MusicGen-small. Compared are time and memory, and nothing else: both make music from
*text* and can't convert a recording, and of quality nothing is said. They are only architectures
(benchmarks/architectures.py): random weights take as long as trained ones. No file of theirs is read or
written, and Stable Audio's passes of 11.9 s count by the second, though 30 s need three.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from math import prod
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import psutil
import torch
from safetensors import safe_open
from tqdm import tqdm
from typer import Option

from benchmarks.architectures import MusicGen, StableAudio
from benchmarks.harness import finish, table
from benchmarks.options import Out
from benchmarks.speed import SHORT, machine, write_song
from noteninja_lib.models import half_precision
from noteninja_lib.models.checkpoints import WHERE, models_folder
from noteninja_lib.pipeline import NoteNinjaPipeline

SHRINK = 1  # what divides the others' widths, depths and lengths, to try the command out
#: Published numbers of parameters: Stable Audio's network as its files hold it, MusicGen's by audiocraft's
#: issue 169; others as in T5EncoderModel, AutoencoderOobleck, and EncodecModel with its codebooks.
PUBLISHED = {
    "Stable Audio Open Small": {"network": 341_126_912, "text": 109_628_544, "decoder": 78_122_626},
    "MusicGen-small": {"network": 420_371_456, "text": 109_628_544, "decoder": 29_491_266},
}


class Ours:
    """Our conversion of a bundled song, from mp3 to mp3."""

    def __init__(self, _: int) -> None:
        self.pipe, self.folder = NoteNinjaPipeline.from_pretrained(), TemporaryDirectory()
        self.source, self.made = (Path(self.folder.name) / name for name in ("source.mp3", "made.mp3"))
        write_song(self.source, SHORT)

    def make(self) -> float:
        """Convert once; returns the seconds of sound that were made."""
        made = self.pipe(self.source, "jazz", generator=torch.Generator().manual_seed(0), out=self.made)
        return len(made.audio) / made.sample_rate

    def parameters(self) -> dict[str, int]:
        """Parameters of all networks that a conversion may need; that for printed music is left out."""
        count, folders = 0, (models_folder() / name for name in WHERE.values() if name != "reader")
        for path in (file for folder in folders for file in folder.glob("*.safetensors")):
            with safe_open(path, "pt") as weights:
                count += sum(prod(weights.get_slice(name).get_shape()) for name in weights.keys())
        return {"network": count}


class Theirs:
    """A published architecture, its widths, depths and lengths divided by `shrink`."""

    def __init__(self, kind: type[StableAudio | MusicGen], shrink: int) -> None:
        self.model = kind(shrink)

    @torch.inference_mode()
    def make(self) -> float:
        """Make sound once; returns its seconds. In bf16 where that is quicker, as ours is."""
        with half_precision(torch.device("cpu")):
            return self.model().shape[-1] / self.model.rate

    def parameters(self) -> dict[str, int]:
        """Parameters of text encoder, decoder, and network between them."""
        count: Counter[str] = Counter()
        for name, weights in self.model.named_parameters():
            part = name.split(".")[0]
            count[part if part in ("text", "decoder") else "network"] += weights.numel()
        return dict(count)


OURS, STABLE_AUDIO, MUSICGEN = "NoteNinja", *PUBLISHED
#: What is timed, by name: each is called with `shrink`.
MAKERS = {OURS: Ours, STABLE_AUDIO: partial(Theirs, StableAudio), MUSICGEN: partial(Theirs, MusicGen)}


@contextmanager
def watched() -> Iterator[list[float]]:
    """A list whose one number is, at the end, how many GB this process held at most."""
    peak, done, process = [0.0], threading.Event(), psutil.Process()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], process.memory_info().rss / 1e9)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


@cache
def built(name: str, shrink: int) -> Ours | Theirs:
    """What is timed, made once in its process."""
    return MAKERS[name](shrink)


def once(name: str, shrink: int) -> dict:
    """Let one of them make sound: seconds for `SHORT` seconds of it, peak memory in GB, and parameters."""
    maker = built(name, shrink)
    with watched() as peak:
        began = time.perf_counter()
        made = maker.make()
        spent = time.perf_counter() - began
    return {"seconds": spent * SHORT / made, "memory_gb": peak[0], "parameters": maker.parameters()}


def report(
    runs: Annotated[int, Option(min=1, help="Rounds that count; one before them warms up.")] = 3,
    out: Out = None,
) -> dict:
    """Time our conversion beside published text-to-music architectures, in turn: minutes, and 8 GB."""
    with ExitStack() as stack:
        spawn, turns = get_context("spawn"), [*MAKERS] * (runs + 1)
        homes = {name: stack.enter_context(ProcessPoolExecutor(1, spawn)) for name in MAKERS}
        rows = [(name, homes[name].submit(once, name, SHRINK).result()) for name in tqdm(turns, unit=" runs")]
    figures: dict = {**machine(), "runs": runs, "sound_s": SHORT, "makers": {}}
    for name in MAKERS:
        own = [row for other, row in rows[len(MAKERS) :] if other == name]
        seconds = [round(row["seconds"], 3) for row in own]
        figures["makers"][name] = {
            "seconds": median(seconds),
            "all_seconds": seconds,
            "real_time_factor": round(median(seconds) / SHORT, 4),
            "memory_gb": round(max(row["memory_gb"] for row in own), 2),
            "parameters": own[0]["parameters"],
            "published_parameters": PUBLISHED.get(name, {}),
        }
    for one in figures["makers"].values():
        one["times_ours"] = round(one["seconds"] / figures["makers"][OURS]["seconds"], 2)
    return finish(figures, lines(figures), out, "peers")


def lines(figures: dict) -> list[str]:
    """Time and memory of each, in Markdown."""
    rows = []
    for name, one in figures["makers"].items():
        sizes = [
            f"{part} {one['parameters'][part] / 1e6:.1f} ({count / 1e6:.1f})"
            for part, count in one["published_parameters"].items()
        ] or [f"{sum(one['parameters'].values()) / 1e6:.1f}"]
        times = [f"{one['seconds']:.1f}", f"{one['real_time_factor']:.2f}", f"{one['times_ours']:.1f}"]
        rows.append([name, *times, f"{one['memory_gb']:.1f}", ", ".join(sizes)])
    heads = ("", "seconds", "of real time", "times ours", "peak GB", "million parameters (published)")
    where = f"on {figures['cores']} cores ({figures['processor']}), median of {figures['runs']} runs in turn"
    what = "our conversion from mp3 to mp3, beside two architectures that make music from text"
    no = "random weights, time only: what they do is another task"
    return [f"Time for {figures['sound_s']} s of sound {where}: {what} ({no}):", *table(heads, rows)]
