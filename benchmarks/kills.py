"""Is anything lost by a power cut? Runs are killed at random moments, and started again. Command: `kills`.

Each verb runs unbroken once, in fast mode and on small inputs, and its results are hashed. Then it is begun
again and again in a fresh folder, and killed (SIGKILL, with its children): half of the times at a moment
drawn over the unbroken run's length, half of them when something changes in the folder, when files are
written. What then bears a final name must be whole; the same command is started again, and its results are
hashed, too.

A run is a fork of this process, which has the packages loaded (it saves 5 s): the kernel ends it as any
other. It can't show what a disk loses that is cut off from its power. For Linux and macOS.
"""

import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import torch
from safetensors.torch import load_file
from tqdm import tqdm
from typer import Option

from benchmarks.harness import finish, table
from benchmarks.options import Out
from noteninja_lib import cli, course, data_folder, datasets, training
from noteninja_lib.audio.io import load, save
from noteninja_lib.batch import convert_files  # noqa: F401 (loads what a conversion needs, before the forks)
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation import metrics  # noqa: F401
from noteninja_lib.music import score_writing  # noqa: F401

MADE = (course, datasets)  # loaded here, too
SECONDS, SONGS, CLIPS = 3.0, 2, 8  # of a song; songs; clips of the data set
SAVED = 0.3  # seconds between two checkpoints, in place of three minutes
AGAIN = 0.3  # chance that the second run is killed, too, and so on
GIVEN = "given"  # the folder of inputs


def verbs(names: list[str]) -> dict[str, list[str]]:
    """Command lines whose results go into the folder `made`, for inputs in `given`."""
    songs = [f"{GIVEN}/{name}" for name in names]
    hours = f"{CLIPS * 3 / 3600:.6f}"
    clips = ["--seconds", "3", "--versions", "2", "--hours", hours, "--workers", "2"]
    learned = ["--run", "made/run", "--models", "made/models", "--steps", "40", "--batch", "1"]
    extra = ["--with", "mid", "--with", "musicxml"]
    return {
        "dataset build": ["dataset", "build", "--out", "made", *clips],
        "train": ["train", "lead", "--data", f"{GIVEN}/set", *learned],
        "convert": ["convert", *songs, "--to", "jazz", "-o", "made", *extra],
        "course build": ["course", "build", "--for", "student", "--out", "made"],
        "again": ["again", f"{GIVEN}/{Path(names[0]).stem} (jazz).json", "-o", "made/again.mp3"],
    }


#: What is added to a command that is started again.
RESUMED = {"convert": ["--resume"], "again": ["--overwrite"]}


def begin(words: list[str], folder: Path) -> int:
    """Start a command in a folder, in a process group of its own; the process's number."""
    child = os.fork()
    if child:
        with suppress(OSError):  # whichever of the two is sooner
            os.setpgid(child, child)
        return child
    status = 1
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        torch.set_num_threads(1)
        sys.argv = ["noteninja", *words]
        training.train.__defaults__ = (SAVED / 60,)
        cli.main()
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        os._exit(status)


def watch(child: int, folder: Path, moment: float = 600, changes: float = 0) -> tuple[int | None, float, int]:
    """Wait for a run's end, or kill it after some seconds, or changes of the folder (0: none are counted).

    Returns
    -------
    (int or None, float, int)
        Its exit status, None if it was killed; seconds; changes seen.
    """
    began, before, seen = time.monotonic(), None, -1
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        took = time.monotonic() - began
        if ended:
            return os.waitstatus_to_exitcode(status), took, seen
        with suppress(OSError):  # something was renamed meanwhile
            now = changes and {(path, path.lstat().st_size) for path in folder.rglob("*")}
            before, seen = now, seen + (now != before)
        if took >= moment or changes and seen >= changes:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None, took, seen
        time.sleep(0.003)


def temporary(path: Path) -> bool:
    """Whether a path in a run's folder is no final file's: hidden, or a checkpoint that is being made."""
    return any(part[:1] == "." or part == "checkpoint.new" for part in path.parts)


def content(path: Path) -> bytes:
    """What must be the same in two runs: JSON without dates and times."""
    if path.suffix == ".json":
        record = json.loads(path.read_text(encoding="utf-8"))
        return json.dumps({name: value for name, value in record.items() if name != "date"}).encode()
    return b"".join(lines(path)) if path.suffix == ".jsonl" else path.read_bytes()


def lines(path: Path) -> list[bytes]:
    """Whole lines of a log or a manifest, without the seconds that a run took."""
    told = [json.loads(line) for line in path.read_bytes().splitlines(True) if line[-1:] == b"\n"]
    return [json.dumps(one | {"seconds": 0}).encode() + b"\n" for one in told]


def results(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that a run made; checkpoints are no results."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    kept = {path.relative_to(folder): path for path in files if "checkpoint" not in str(path.parent)}
    return {
        str(name): hashlib.sha256(content(path)).hexdigest()
        for name, path in kept.items()
        if not temporary(name)
    }


def torn(folder: Path, unbroken: Path) -> list[str]:
    """Files with final names that are neither as in the unbroken run nor a whole earlier state."""
    found = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if not path.is_file() or temporary(name):
            continue
        try:
            if path.suffix == ".jsonl":  # a line may be missing its end: whoever reads them leaves it out
                whole = lines(path) == lines(unbroken / name)[: len(lines(path))]
            elif "checkpoint" in str(name.parent):
                safe = path.suffix == ".safetensors"
                whole = bool(load_file(path) if safe else torch.load(path, weights_only=False))
            else:
                whole = content(path) == content(unbroken / name)
        except Exception:  # whatever a reader says of half a file
            whole = False
        found += [] if whole else [str(name)]
    return found


def prepare(folder: Path) -> list[str]:
    """Make the inputs: short songs, a conversion, a small data set; the names of the songs."""
    (folder / GIVEN).mkdir()
    names = [f"{number}.wav" for number in range(SONGS)]
    for name, song in zip(names, sorted((data_folder() / "songs").glob("*.mp3"))):
        save(folder / GIVEN / name, load(song, duration=SECONDS))
    clips = ["--seconds", "12", "--versions", "1", "--hours", "0.0134", "--workers", "1"]
    for words in (
        ["convert", f"{GIVEN}/{names[0]}", "--to", "jazz"],
        ["dataset", "build", "--out", f"{GIVEN}/set", *clips],
    ):
        if watch(begin(words, folder), folder / GIVEN)[0] != 0:
            raise UserError(f"The inputs could not be made: {(folder / 'log').read_text()[-500:]}")
    return names


def report(
    kills: Annotated[int, Option(min=1, help="Runs of each verb that are killed.")] = 50,
    verb: Annotated[list[str] | None, Option(help="Only these: convert, again, train ...")] = None,
    seed: Annotated[int, Option(help="Of the moments.")] = 0,
    out: Out = None,
) -> dict:
    """Kill runs at random moments, start them again, and compare all files with those of unbroken runs."""
    if not hasattr(os, "fork"):
        raise UserError("Runs are killed on Linux and macOS only.")
    os.environ["NOTENINJA_FAST"], tqdm.monitor_interval = "1", 0  # no thread may run where a process forks
    torch.set_num_threads(1)
    figures, rows = {}, []
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        wanted = verbs(prepare(root))
        if strange := set(verb or ()) - set(wanted):
            raise UserError(f"There is no verb {strange.pop()}: choose among {', '.join(wanted)}.")
        for name in verb or wanted:
            figures[name] = counts = _kill(name, wanted[name], root, kills, random.Random(f"{seed} {name}"))
            rows.append([name, *(len(one) if isinstance(one, list) else one for one in counts.values())])
    heads = ["verb", "seconds unbroken", "runs", "kills", "files torn", "results that differ"]
    heads += ["did not end well", "temporary files after a kill", "at the end"]
    lines = table(heads, rows)
    return finish({"kills": kills, "seed": seed, "verbs": figures}, lines, out, "kills", usual=False)


def _kill(name, words, root, kills, chance):
    """What came of the runs of one verb."""

    def fresh(folder):
        folder.mkdir()
        (folder / GIVEN).symlink_to(root / GIVEN)
        (folder / "made").mkdir()
        return folder

    unbroken = fresh(root / f"{name} unbroken")
    status, seconds, changes = watch(begin(words, unbroken), unbroken / "made", changes=10**9)
    right = results(unbroken / "made")
    if status != 0 or not right:
        raise UserError(f"{name} failed unbroken: {(unbroken / 'log').read_text()[-500:]}")
    counts: dict = {"seconds": round(seconds, 1), "runs": 0, "kills": 0}
    counts |= {"torn": [], "differ": [], "failed": [], "after": 0, "left": 0}
    for number in tqdm(range(kills), name):
        folder, called = fresh(root / f"{name} {number}"), words
        counts["runs"] += 1
        killed, again = True, False
        while killed:
            aimed = number % 2
            moment, change = chance.uniform(0, seconds), chance.randint(1, max(1, changes))
            killed = not again or chance.random() < AGAIN
            end = {"changes": change} if aimed else {"moment": moment}
            status, _, _ = watch(begin(called, folder), folder / "made", **end if killed else {})
            killed, again, called = status is None, True, words + RESUMED.get(name, [])
            counts["kills"] += killed
            counts["torn"] += [f"{number}: {one}" for one in torn(folder / "made", unbroken / "made")]
            left = sum(temporary(one.relative_to(folder)) for one in (folder / "made").rglob("*"))
            counts["after" if killed else "left"] += left
        if status != 0:
            counts["failed"].append(f"{number}: {(folder / 'log').read_text()[-300:]}")
        found = results(folder / "made")
        counts["differ"] += [
            f"{number}: {one}" for one in sorted(right.keys() | found) if right.get(one) != found.get(one)
        ]
    return counts
