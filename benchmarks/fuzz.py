"""Are broken files told in one sentence? Thousands of them, made with a fixed seed. Command: `fuzz`.

They are read in processes of their own, in which a file may take a minute (of a processor) and 2 GB: what
ends or hangs one is counted by the kind of file, and the file is not kept. Some that can be read are
converted, too.
"""

import io
import json
import multiprocessing
import os
import random
import re
import shutil
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Annotated

import numpy as np
import psutil
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
CONVERTED = {"picture": 0.02, "sound": 0.5, "notes": 0.3, "settings": 0.18}
SONG = "song.mp3"  # of which the settings are
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
    record = {"settings": wish, "source": SONG, "file": "song (jazz).mp3", "weights_sha256": {}}
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


def _convert(kind, path):
    """Convert a file as the command line does, and save all that belongs to it."""
    from noteninja_lib import batch
    from noteninja_lib.settings import KINDS, Settings

    def tell(problem):
        raise problem

    batch.unexpected, out = tell, path.with_suffix(".made")  # what a user would be asked to report
    out.mkdir()
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            if kind == "settings":
                failed = batch.again(path, out)
            else:
                failed = batch.convert_files([path], Settings(steps=1), out, kinds=KINDS, stems=True)
    finally:
        shutil.rmtree(out)
    if failed:
        raise UserError("This was told in a sentence.")


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
        work, kind, path = pipe.recv()
        said = "read"
        try:
            work(kind, Path(path))
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
            said = "memory" if "allocate memory" in said else said
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

    def read(self, kind: str, path: Path, work: Callable = _read) -> str:
        """What came of one file: read, refused, ended, hung, memory, or the error that was not caught."""
        try:
            self.pipe.send((work, kind, str(path)))
            said = self.pipe.recv() if self._in_time() else "hung"
            self.warm = True
        except (EOFError, OSError):
            said = "ended"
        if said in ("hung", "ended"):
            self.process.kill()
            self.process.join()
            self.start()
        return said

    def _in_time(self):
        """Whether it answers within a minute of its processor's time, and twenty of anybody's."""
        process, began = psutil.Process(self.process.pid), time.monotonic()
        most = sum(process.cpu_times()[:2]) + LONGEST * (1 if self.warm else 3)
        while not self.pipe.poll(1.0):
            if sum(process.cpu_times()[:2]) > most or time.monotonic() - began > 20 * LONGEST:
                return False
        return True


def _jobs(count, seed, shares):
    chance = random.Random(seed)
    return [(number, chance.choices([*shares], [*shares.values()])[0]) for number in range(count)]


def report(
    count: Annotated[int, Option(min=1, help="Broken files.")] = 10_000,
    conversions: Annotated[int, Option(min=0, help="Of broken files that can be read.")] = 100,
    seed: Annotated[int, Option(help="Of the breaking.")] = 0,
    kind: Annotated[list[str] | None, Option(help=f"Only these: {', '.join(RARE)}.")] = None,
    workers: Workers = CORES,
    out: Out = None,
) -> dict:
    """Read thousands of broken files, and convert some: each works, or is refused in a sentence."""
    os.environ["NOTENINJA_FAST"] = "1"
    whole, kinds, began = originals(), kind or list(RARE), time.monotonic()
    if strange := set(kinds) - set(RARE):
        raise UserError(f"There is no kind {strange.pop()}: choose among {', '.join(RARE)}.")
    jobs = _jobs(count, seed, {name: RARE[name] for name in kinds})
    shares = {name: share for name, share in CONVERTED.items() if name in kinds}
    jobs += [(f"c{number}", name) for number, name in _jobs(conversions if shares else 0, seed, shares)]
    found, faults = {name: Counter() for name in (*kinds, *(f"{name}, converted" for name in shares))}, {}
    look = {"total": len(jobs), "unit": " files", "dynamic_ncols": True}
    with tempfile.TemporaryDirectory() as folder, tqdm(**look) as bar:
        shutil.copy(sorted((data_folder() / "songs").glob("*.mp3"))[0], Path(folder) / SONG)

        def answer(reader, number, name, work=_read):
            """What came of a broken file; (file, answer)."""
            chance = random.Random(f"{seed} {number}")
            ending, data = chance.choice(whole[name])
            path = Path(folder) / f"{number}{ending}"
            path.write_bytes(mutated(data, chance, chance.choice(whole[name])[1]))
            said = reader.read(name, path)
            if work is not _read and said == "read":
                said = reader.read(name, path, work)
            elif work is not _read and said == "refused":
                path.unlink()
                return answer(reader, f"{number}x", name, work)
            path.unlink(missing_ok=True)
            return path.name, said

        def work(part):
            reader = Reader()
            for number, name in part:
                work = _convert if isinstance(number, str) else _read
                file, said = answer(reader, number, name, work)
                outcome = said if said in ("read", "refused", "ended", "hung", "memory") else "traceback"
                name += ", converted" if work is _convert else ""
                found[name][outcome] += 1
                if outcome not in ("read", "refused"):
                    faults.setdefault(f"{name}: {said}", []).append(file)
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
    figures = {
        "count": count,
        "conversions": conversions,
        "seed": seed,
        "minutes": rounded((time.monotonic() - began) / 60, 2),
    }
    figures |= {"found": {name: dict(counts) for name, counts in found.items()}, "faults": faults}
    return finish(figures, lines, out, "fuzz", usual=False)
