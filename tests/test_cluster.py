"""Work on a Dask cluster: a scheduler and workers as processes of this machine, one of which is killed."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import soundfile

from noteninja_lib import data_folder
from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.batch import convert_files
from noteninja_lib.cluster import ADDRESS, executor, shared
from noteninja_lib.datasets import build
from noteninja_lib.errors import UserError
from noteninja_lib.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SET = {"seconds": 3.0, "versions": 2, "split": "train", "seed": 3}
HOURS, GROUPS = 6 * 2 * 3 / 3600, 6


def start(*words):
    where = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", *words, "--no-dashboard", "--host", "127.0.0.1"]
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": where}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Starts workers, each with one thread; the processes, the scheduler's first."""
    found = tmp_path / "scheduler.json"
    processes = [start("distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(found))]
    while not found.exists():
        assert processes[0].poll() is None
        time.sleep(0.05)
    monkeypatch.setenv(ADDRESS, json.loads(found.read_text())["address"])

    def worker():
        local = ("--local-directory", str(tmp_path))
        processes.append(
            start("distributed.cli.dask_worker", os.environ[ADDRESS], "--nthreads", "1", "--no-nanny", *local)
        )
        return processes[-1]

    yield worker
    for process in reversed(processes):
        process.kill()
        process.wait()


def everything(folder):
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.wav")}
    return files, (folder / "manifest.jsonl").read_text()


def test_a_worker_that_dies_costs_nothing(cluster, tmp_path):
    """Three workers, one killed in its work and another added: the same bytes as in one process."""
    workers = [cluster() for _ in range(3)]
    steps = build(tmp_path / "many", HOURS, **SET)
    assert next(steps) == (0, GROUPS) and next(steps) == (1, GROUPS)
    workers[0].kill()
    workers.append(cluster())
    assert list(steps) == [(number, GROUPS) for number in range(2, GROUPS + 1)]
    assert workers[0].poll() is not None and all(worker.poll() is None for worker in workers[1:])
    manifest = (tmp_path / "many" / "manifest.jsonl").read_text().splitlines()
    assert len(manifest) == len({json.loads(line)["file"] for line in manifest}) == 2 * GROUPS
    del os.environ[ADDRESS]
    list(build(tmp_path / "one", HOURS, **SET))
    assert everything(tmp_path / "many") == everything(tmp_path / "one")


def which(number):
    return number * shared(), os.getpid()


def test_what_is_shared_reaches_each_worker(cluster):
    worker = cluster()
    with executor(1, shared=7) as pool:
        found = list(pool.map(which, range(5)))
    assert [value for value, _ in found] == [0, 7, 14, 21, 28]
    assert {process for _, process in found} == {worker.pid}


def test_a_scheduler_that_is_not_there(monkeypatch):
    monkeypatch.setenv(ADDRESS, "tcp://127.0.0.1:9")
    monkeypatch.setattr("noteninja_lib.cluster.PATIENCE", 0.5)
    with pytest.raises(UserError, match="No scheduler answers at tcp://127.0.0.1:9"), executor(1):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match="pip install distributed"), executor(1):
        pass


def test_songs_are_converted_to_the_same_bytes_by_a_cluster_and_by_processes(cluster, tmp_path, capsys):
    """Two songs by a worker that is killed, and one that comes then; again by one process, on one thread."""
    song = load(sorted((data_folder() / "songs").glob("*.mp3"))[0], duration=4.0)
    songs = [tmp_path / f"{name}.wav" for name in "ab"]
    for number, path in enumerate(songs):
        soundfile.write(path, song[number * SAMPLE_RATE :], SAMPLE_RATE)
    workers, settings, made = [cluster()], Settings(steps=1), [tmp_path / name for name in "xy"]
    killed = threading.Timer(3, lambda: (workers[0].kill(), workers.append(cluster())))
    killed.start()
    assert convert_files([*songs, tmp_path / "none.wav"], settings, made[0], workers=1) == 1
    killed.join()
    told = capsys.readouterr()
    assert (
        "2 made, 1 failed" in told.err and len(told.out.splitlines()) == 2 and workers[0].poll() is not None
    )
    assert convert_files(songs, settings, made[0], workers=1, resume=True) == 0
    assert capsys.readouterr().out.count("is there already") == 2
    del os.environ[ADDRESS]
    assert convert_files(songs, settings, made[1], workers=1) == 0
    sounds = [{path.name: path.read_bytes() for path in folder.glob("*.mp3")} for folder in made]
    assert sounds[0] == sounds[1] and sorted(sounds[0]) == ["a (jazz, steps 1).mp3", "b (jazz, steps 1).mp3"]
    assert {path.suffix for folder in made for path in folder.iterdir()} == {".mp3", ".json"}
