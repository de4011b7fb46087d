"""Are broken files told in one sentence? Thousands of them, made with a fixed seed. Command: `fuzz`.

They are read in processes of their own, in which a file may take a minute and 2 GB: what ends or hangs one is
counted by the kind of file, and the file is not kept.
"""

import io
import json
import multiprocessing
import random
import re
import tempfile
import time
import traceback
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
from tqdm import tqdm
from typer import Option

from benchmarks.harness import finish, rounded, table
from benchmarks.options import CORES, Out, Workers
from noteninja_lib import data_folder
from noteninja_lib.errors import UserError

SOUNDS = {"wav": "PCM_16", "flac": "PCM_16", "ogg": "VORBIS", "mp3": "MPEG_LAYER_III", "aiff": "PCM_16"}
TESTED = Path(__file__).resolve().parent.parent / "tests"
LONGEST, MOST = 60.0, 2e9  # seconds and bytes that a file may take
RARE = {"picture": 0.02, "sound": 1.0, "notes": 0.5, "settings": 1.0, "lead sheet": 1.0, "recipe": 1.0}
RATE = 22050


def originals() -> dict[str, list[tuple[str, bytes]]]:
    """Whole files by kind, as (ending, bytes): two seconds of sound, short tunes, small pages."""
    import cv2

    from noteninja_lib.audio.io import load
    from noteninja_lib.lead_sheet import hear_lead
    from noteninja_lib.music.score_io import read_roll
    from noteninja_lib.settings import Settings, asdict

    song = load(sorted((data_folder() / "songs").glob("*.mp3"))[0], duration=2.0)
    found: dict[str, list] = {kind: [] for kind in RARE}
    for ending, coded in SOUNDS.items():
        memory = io.BytesIO()
        soundfile.write(memory, np.stack([song, song[::-1]], 1), RATE, format=ending.upper(), subtype=coded)
        found["sound"].append((f".{ending}", memory.getvalue()))
    notes = sorted((TESTED / "notes").iterdir())
    found["notes"] = [(path.suffix, path.read_bytes()) for path in notes]
    for path in sorted((TESTED / "sheets").glob("*.png"))[::8]:
        small = cv2.resize(cv2.imread(str(path)), None, fx=0.5, fy=0.5)
        found["picture"] += [
            (kind, cv2.imencode(kind, small)[1].tobytes()) for kind in (".png", ".jpg", ".webp", ".tiff")
        ]
    wish = asdict(Settings(genre={"jazz": 0.4, "rock": 0.6}, mood=(0.5, -0.5), chords="Am7 D7 | G", key=None))
    record = {"settings": wish, "source": "song.mp3", "file": "song (jazz).mp3", "weights_sha256": {}}
    record["settings"].pop("source")
    found["settings"] = [(".json", json.dumps(record).encode())]
    sheet = hear_lead(read_roll(TESTED / "notes" / "g01_aabb.abc"))
    found["lead sheet"] = [(".json", json.dumps(sheet.to_record()).encode())]
    found["recipe"] = [(path.suffix, path.read_bytes()) for path in (data_folder() / "genres").glob("*.yaml")]
    return found


def mutated(data: bytes, chance: random.Random, other: bytes = b"") -> bytes:
    """A broken copy: bytes changed, cut, doubled, or put in from another file, or numbers made absurd."""
    broken = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        start = chance.randrange(len(broken) + 1)
        stop = min(len(broken), start + int(2 ** chance.uniform(0, 10)))
        way = (
            chance.randrange(8) if len(data) > 20_000 or chance.random() < 0.3 else 7
        )  # a small text bears little
        if way == 0 and broken:
            broken[start % len(broken)] ^= 1 << chance.randrange(8)
        elif way == 1:
            broken[start:stop] = chance.randbytes(stop - start)
        elif way == 2:
            del broken[start:stop]
        elif way == 3:
            broken[start:start] = broken[start:stop] * chance.choice((1, 2, 50))
        elif way == 4:
            broken[start:stop] = bytes([chance.choice((0, 255))]) * (stop - start)
        elif way == 5:
            del broken[start:]
        elif way == 6 and other:
            place = chance.randrange(len(other))
            broken[start:stop] = other[place : place + stop - start + 1]
        else:
            broken[:] = _absurd(bytes(broken), chance)
    return bytes(broken)


def _absurd(data, chance):
    """One of the numbers that stand in a text, or four bytes, made very large, negative, or no number."""
    numbers = list(re.finditer(rb"-?\d+(\.\d+)?", data))
    value = chance.choice(
        (b"-1", b"0", b"1e308", b"99999999999", b"NaN", b"null", b"[]", b"", b'"x"', b"1/0")
    )
    if numbers and b"\0" not in data:
        one = chance.choice(numbers)
        return data[: one.start()] + value + data[one.end() :]
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice((b"\xff\xff\xff\x7f", b"\xff" * 4, bytes(4))) + data[place + 4 :]


def _read(kind, path):
    """Read a file as the library does."""
    if kind == "sound":
        from noteninja_lib.audio.io import load

        load(path)
    elif kind == "notes":
        from noteninja_lib.music.score_io import read_roll

        read_roll(path)
    elif kind == "picture":
        from noteninja_lib.omr.recognition import read_sheet

        read_sheet(path)
    elif kind == "settings":
        from noteninja_lib.settings import read_settings

        read_settings(path)
    elif kind == "lead sheet":
        from noteninja_lib.lead_sheet import hear_lead, read_lead
        from noteninja_lib.music.score_io import read_roll

        read_lead(path, hear_lead(read_roll(TESTED / "notes" / "g01_aabb.abc")))
    else:
        from noteninja_lib.arranger.recipe import load_recipe

        load_recipe(path)


def _serve(pipe):
    """Read what comes through a pipe, in a process that may be ended."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for number, (name, files) in enumerate(originals().items()):  # what the packages need is loaded by then
        with tempfile.TemporaryDirectory() as folder, suppress(UserError):
            path = Path(folder) / f"{number}{files[0][0]}"
            path.write_bytes(files[0][1])
            _read(name, path)
    _limit_memory()
    while True:
        kind, path = pipe.recv()
        said = "read"
        try:
            _read(kind, Path(path))
        except UserError as problem:
            said = "refused" if "\n" not in str(problem) else f"several lines: {problem}"
        except MemoryError:
            said = "memory"
        except BaseException as problem:  # what is looked for
            frames = [
                one for one in traceback.extract_tb(problem.__traceback__) if "noteninja_lib" in one.filename
            ]
            place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "outside"
            said = f"{type(problem).__name__} at {place}: {str(problem)[:100]}"
        pipe.send(said)


def _limit_memory():
    with suppress(ImportError, OSError, ValueError):  # there is no such limit on Windows
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = int(pages * resource.getpagesize() + MOST)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


class Reader:
    """A process that reads, and is started anew when it was ended."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start the process."""
        self.pipe, theirs = multiprocessing.get_context("spawn").Pipe()
        self.process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(theirs,), daemon=True
        )
        self.process.start()
        theirs.close()
        self.warm = False

    def read(self, kind: str, path: Path) -> str:
        """What came of one file: read, refused, ended, hung, memory, or the error that was not caught."""
        try:
            self.pipe.send((kind, str(path)))
            said = self.pipe.recv() if self.pipe.poll(LONGEST * (1 if self.warm else 3)) else "hung"
            self.warm = True
        except (EOFError, OSError):
            said = "ended"
        if said in ("hung", "ended"):
            self.process.kill()
            self.process.join()
            self.start()
        return said


def _jobs(count, seed, kinds):
    shares = [RARE[kind] for kind in kinds]
    chance = random.Random(seed)
    return [(number, chance.choices(kinds, shares)[0]) for number in range(count)]


def report(
    count: Annotated[int, Option(min=1, help="Broken files.")] = 10_000,
    seed: Annotated[int, Option(help="Of the breaking.")] = 0,
    kind: Annotated[list[str] | None, Option(help=f"Only these: {', '.join(RARE)}.")] = None,
    workers: Workers = CORES,
    out: Out = None,
) -> dict:
    """Read thousands of broken files: each is read, or refused in a sentence."""
    whole, kinds, began = originals(), kind or list(RARE), time.monotonic()
    if strange := set(kinds) - set(RARE):
        raise UserError(f"There is no kind {strange.pop()}: choose among {', '.join(RARE)}.")
    jobs, found, faults = _jobs(count, seed, kinds), {name: Counter() for name in kinds}, {}
    with tempfile.TemporaryDirectory() as folder, tqdm(total=count, unit=" files", dynamic_ncols=True) as bar:

        def work(part):
            reader = Reader()
            for number, name in part:
                chance = random.Random(f"{seed} {number}")
                ending, data = chance.choice(whole[name])
                broken = mutated(data, chance, chance.choice(whole[name])[1])
                path = Path(folder) / f"{number}{ending}"
                path.write_bytes(broken)
                said = reader.read(name, path)
                path.unlink(missing_ok=True)
                outcome = said if said in ("read", "refused", "ended", "hung", "memory") else "traceback"
                found[name][outcome] += 1
                if outcome not in ("read", "refused"):
                    faults.setdefault(f"{name}: {said}", []).append(f"{number}{ending}")
                bar.update()
            reader.process.kill()

        check = Reader()
        for name in kinds:
            for number, (ending, data) in enumerate(whole[name]):
                path = Path(folder) / f"whole{number}{ending}"
                path.write_bytes(data)
                if (said := check.read(name, path)) != "read" and name != "picture":
                    raise UserError(f"A whole {name} ({ending}, number {number}) is not read: {said}")
        check.process.kill()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, [jobs[first::workers] for first in range(workers)]))
    outcomes = ("read", "refused", "traceback", "hung", "memory", "ended")
    rows = [
        [name, sum(counts.values()), *(counts[one] for one in outcomes)] for name, counts in found.items()
    ]
    lines = table(["kind", "files", *outcomes], rows)
    lines += [f"{len(files)} x {fault} ({', '.join(files[:3])})" for fault, files in faults.items()]
    figures = {"count": count, "seed": seed, "minutes": rounded((time.monotonic() - began) / 60, 2)}
    figures |= {"found": {name: dict(counts) for name, counts in found.items()}, "faults": faults}
    return finish(figures, lines, out, "fuzz", usual=False)
