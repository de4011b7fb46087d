"""Files appear whole or not at all: a process that is killed, a disk that is full, too little memory."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_learning import LineTask

from noteninja_lib import course
from noteninja_lib.errors import UserError, claimed, unexpected, whole, write_whole
from noteninja_lib.lead_sheet import hear_lead
from noteninja_lib.models import checkpoints
from noteninja_lib.models.classifiers import MelodyExtractor
from noteninja_lib.music.score_io import read_roll
from noteninja_lib.settings import write_midi
from noteninja_lib.training import learn, train
from noteninja_lib.training.trainer import Trainer

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals and limits")
TUNE = Path(__file__).parent / "notes" / "g01_aabb.abc"


def killed(code, folder):
    """Run code in a process of its own that kills itself in it, which may call `die()`."""
    head = "import os, signal\nfrom pathlib import Path\nfrom noteninja_lib.errors import *\n"
    head += "die = lambda *given: os.kill(os.getpid(), signal.SIGKILL)\n"
    done = subprocess.run([sys.executable, "-c", head + code], cwd=folder)
    assert done.returncode == -signal.SIGKILL


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@posix
@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_what_was_there_stays_when_a_writer_is_killed_and_its_half_is_cleared_away(tmp_path, call):
    (tmp_path / "a.json").write_text("before")
    killed(f"os.{call} = die\nwrite_whole(Path('a.json'), 'after')", tmp_path)
    left = [name for name in names(tmp_path) if name != "a.json"]
    assert (tmp_path / "a.json").read_text() == "before" and len(left) == 1 and left[0][0] == "."
    write_whole(tmp_path / "b.json", "another")
    assert left[0] in names(tmp_path)
    with whole(tmp_path / "a.json") as mine, whole(tmp_path / "a.json") as other:  # both are alive
        assert left[0] not in names(tmp_path)
        mine.write_text("after")
        other.write_text("later")
    assert names(tmp_path) == ["a.json", "b.json"] and (tmp_path / "a.json").read_text() == "after"


@posix
def test_a_folder_is_whole_or_stays_as_it_was(tmp_path):
    (tmp_path / "net").mkdir()
    write_whole(tmp_path / "net" / "config.json", "before")
    half = "with whole(Path('net')) as new:\n new.mkdir()\n (new / 'config.json').write_text('after')\n die()"
    killed(half, tmp_path)
    checkpoints.write_checksums(tmp_path)
    assert (tmp_path / "net" / "config.json").read_text() == "before" and len(names(tmp_path)) == 3
    with whole(tmp_path / "net") as new:
        new.mkdir()
        (new / "weights.safetensors").write_text("new")
    assert names(tmp_path) == ["SHA256SUMS.json", "net"]
    assert names(tmp_path / "net") == ["config.json", "weights.safetensors"]


@posix
def test_a_name_is_free_again_when_who_claimed_it_is_killed(tmp_path):
    killed("with claimed(Path('a.mp3'), ['.mp3'], ()) as name:\n die()", tmp_path)
    with (
        claimed(tmp_path / "a.mp3", [".mp3"], ()) as name,
        claimed(tmp_path / "a.mp3", [".mp3"], ()) as other,
    ):
        assert (name.name, other.name) == ("a.mp3", "a (2).mp3")
        with pytest.raises(UserError, match=r"a\.mp3 is being made by another run: .* --out, or wait"):
            with claimed(tmp_path / "a.mp3", [".mp3"]):
                pass
        with claimed(tmp_path / "a.mp3", [".mp3"], overwrite=True) as name:  # who says so takes it
            assert name.name == "a.mp3"
    assert names(tmp_path) == []
    killed("with claimed(Path('a.mp3'), ['.mp3'], ()) as name:\n die()", tmp_path)
    with claimed(tmp_path / "a.mp3", [".mp3"], overwrite=True):
        assert len(names(tmp_path)) == 1
    assert names(tmp_path) == []


def test_a_name_too_long_for_the_disk_is_refused_before_the_work(tmp_path):
    with (
        pytest.raises(UserError, match="give a shorter name"),
        claimed(tmp_path / f"{'a' * 300}.mp3", [".mp3"]),
    ):
        pass
    assert names(tmp_path) == []


# ---- training and the course -------------------------------------------------------------------------------


def test_a_run_killed_twice_while_it_saves_keeps_a_checkpoint(tmp_path, monkeypatch):
    """Between the two renamings of `save`, and the next time at the only one that is left to do."""
    trainer = Trainer(LineTask(), tmp_path, 9)
    trainer.step = 1
    trainer.save()
    move, moved = Path.rename, []

    def rename(path, target):
        if len(moved) == ends:
            raise KeyboardInterrupt
        moved.append(path)
        return move(path, target)

    for step, ends in ((2, 1), (3, 0)):
        trainer.step = step
        moved.clear()
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Path, "rename", rename)
            trainer.save()
        assert Trainer(LineTask(), tmp_path, 9).step == 1


def test_the_log_of_a_killed_run_is_that_of_an_unbroken_one(tmp_path):
    def run(folder, stop=0):
        folder.mkdir(exist_ok=True)
        steps = learn(Trainer(LineTask(), folder, 100), 4)
        for step, _ in steps:
            if step == stop:
                break
        steps.close()

    run(tmp_path / "unbroken")
    run(tmp_path / "killed", 50)
    with open(tmp_path / "killed" / "log.jsonl", "a") as log:  # steps after the checkpoint, and half a line
        log.write('{"step": 60, "seconds": 9, "mse": 7}\n{"step": 80, "sec')
    run(tmp_path / "killed")
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("unbroken", "killed")]
    ours, theirs = ([json.loads(line) | {"seconds": 0} for line in log] for log in logs)
    assert ours == theirs and [one["step"] for one in ours] == [20, 40, 60, 80, 100]


def test_a_course_that_was_half_written_is_completed(tmp_path, monkeypatch):
    written = []

    def write(path, text):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path)
        write_whole(path, text)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(course, "write_whole", write)
        course.build("student", tmp_path)
    before = [path.stat().st_mtime_ns for path in written]
    assert len(names(tmp_path)) == 2
    assert len(course.build("student", tmp_path)) == len(names(tmp_path)) == 13
    assert [path.stat().st_mtime_ns for path in written] == before
    with pytest.raises(UserError, match="is there already"):
        course.build("teacher", tmp_path)


# ---- a full disk -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def room(size):
    """No file can become larger than `size` bytes: what a C library writes fails, too, as on a full disk."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _stopped_training(path):
    with contextlib.closing(train(Trainer(LineTask(), path.parent, 9), 4)) as steps:
        next(steps)


SHEET = ("a.json", "a.musicxml", "a.mid", "a.abc")
WRITERS = {
    **{name: lambda path: hear_lead(read_roll(TUNE)).save(path) for name in SHEET},
    "b.mid": lambda path: _whole_midi(path),
    "lead": lambda path: checkpoints.save_model(MelodyExtractor(), path.parent),
    "adapter_model.safetensors": lambda path: _adapter(path.parent),
    "checkpoint": _stopped_training,
    "00_genre_converter.ipynb": lambda path: course.build("student", path.parent),
    "answers.csv": lambda path: course.write_table(
        [dict.fromkeys(course.COLUMNS, "x" * 200) | {"state": "solved"}], path
    ),
}


def _whole_midi(path):
    with whole(path) as unfinished:
        write_midi(read_roll(TUNE), unfinished, 120.0)


def _adapter(folder):
    network = torch.nn.Sequential(torch.nn.Sequential(torch.nn.Linear(64, 64)))
    checkpoints.save_adapter(checkpoints.with_adapter(network, 8, "0"), folder)


@posix
@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("size", [0, 150])
def test_a_full_disk_is_one_sentence_and_leaves_no_half(tmp_path, name, size):
    with (
        room(size),
        pytest.raises(UserError, match=r"^\S+ could not be written: .* make room on the disk\.$"),
    ):
        WRITERS[name](tmp_path / name)
    assert set(names(tmp_path)) <= {"checkpoint.new"}
    WRITERS[name](tmp_path / name)
    assert (tmp_path / name).exists()


@posix
def test_a_conversion_on_a_full_disk_is_one_sentence_and_loses_nothing(noteninja, tmp_path):
    (tmp_path / "a.mp3").write_text("before")
    with room(10_000):
        status, _, told = noteninja("convert", TUNE, "--to", "jazz", "-o", tmp_path / "a.mp3", "--overwrite")
    lines = [line for line in re.split(r"[\r\n]+", told) if line.startswith("noteninja:")]
    assert status and len(lines) == 1 and "make room on the disk" in lines[0]
    assert names(tmp_path) == ["a.mp3"] and (tmp_path / "a.mp3").read_text() == "before"


# ---- too little memory -------------------------------------------------------------------------------------


def test_what_failed_for_want_of_memory_says_so_whatever_met_it():
    for first in (MemoryError(), OSError(12, "Cannot allocate memory"), RuntimeError("std::bad_alloc")):
        with pytest.raises(UserError, match="not enough memory"):
            try:
                raise first
            except Exception:
                raise UserError("The file is damaged.") from None
        assert "not enough memory" in unexpected(first)
    assert str(UserError("The file is damaged.")) == "The file is damaged."


@posix
def test_too_small_a_limit_of_memory_is_told_before_packages_end_the_process(tmp_path):
    code = "import resource, sys\nresource.setrlimit(resource.RLIMIT_AS, (400_000_000,) * 2)\n"
    code += "from noteninja_lib.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", code, "convert", "a.mp3", "--to", "jazz"], capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "There is not enough memory, and `ulimit -v` allows 0.4 GB" in done.stderr


# ---- the script that kills ---------------------------------------------------------------------------------


def test_the_script_tells_half_a_file_from_a_whole_one(tmp_path):
    from benchmarks import kills

    ours, unbroken = tmp_path / "ours", tmp_path / "unbroken"
    for folder in (ours, unbroken):
        folder.mkdir()
        (folder / "a.mp3").write_bytes(b"sound")
        (folder / "log.jsonl").write_text('{"step": 20, "seconds": 1}\n{"step": 40, "seconds": 2}\n')
        (folder / "a.json").write_text('{"date": "today", "seed": 0}')
    (ours / "log.jsonl").write_text('{"step": 20, "seconds": 7}\n{"st')
    (ours / "a.json").write_text('{"date": "tomorrow", "seed": 0}')
    (ours / ".half.mp3").write_bytes(b"s")
    assert kills.torn(ours, unbroken) == []
    assert {
        name for name in kills.results(ours) if kills.results(ours)[name] != kills.results(unbroken)[name]
    } == {"log.jsonl"}
    (ours / "a.mp3").write_bytes(b"sou")
    (ours / "a.json").write_text('{"date"')
    (ours / "log.jsonl").write_text('{"step": 40, "seconds": 2}\n')
    assert sorted(kills.torn(ours, unbroken)) == ["a.json", "a.mp3", "log.jsonl"]
