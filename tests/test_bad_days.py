"""What must work, or be said in one sentence, on a bad day: nowhere to write, and inputs that are broken."""

import errno
import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import noteninja_lib
from noteninja_lib import cli, errors
from noteninja_lib.arranger.recipe import load_recipe
from noteninja_lib.audio.io import load, save
from noteninja_lib.errors import UserError, unexpected
from noteninja_lib.music.score_io import read_roll


def test_caches_move_where_nothing_can_be_written(monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("MPLCONFIGDIR", "chosen by the user")
    noteninja_lib._use_caches()
    assert "NUMBA_CACHE_DIR" not in os.environ  # this folder can be written
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    noteninja_lib._use_caches()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder.is_dir() and not list(folder.iterdir())
    assert os.environ["MPLCONFIGDIR"] == "chosen by the user"
    if os.name == "posix":
        assert folder.stat().st_mode & 0o77 == 0  # what lies in it is run


def test_a_recipe_that_grows_without_end_is_refused_at_once(tmp_path):
    """Ten lists of ten lists of ten ...: a harmless size here, but its words would be a megabyte."""
    grown = '[&a0 ["x"]' + "".join(f", &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(5)) + "]"
    jazz = (noteninja_lib.data_folder() / "genres" / "jazz.yaml").read_text(encoding="utf-8")
    assert "\nswing: [0.6, 0.95]\n" in jazz
    (tmp_path / "mine.yaml").write_text(jazz.replace("swing: [0.6, 0.95]", f"swing: [0.1, {grown}]"))
    with pytest.raises(UserError) as told:
        load_recipe(tmp_path / "mine.yaml")
    assert "swing" in str(told.value) and len(str(told.value)) < 300


KERN = "**kern\n*M{}/4\n*k[]\n=1\n4c\n4d\n4e\n4f\n==\n*-\n"
XML = (
    "<score-partwise version='3.1'><part-list><score-part id='P1'><part-name/></score-part></part-list>"
    "<part id='P1'><measure number='1'><attributes><divisions>1</divisions><time><beats>{}</beats>"
    "<beat-type>4</beat-type></time></attributes>"
    + "<note><pitch><step>C</step><octave>5</octave></pitch><duration>1</duration></note>" * 4
    + "</measure></part></score-partwise>"
)


@pytest.mark.parametrize("name, text", [("tune.krn", KERN), ("tune.musicxml", XML)])
def test_a_bar_of_thousands_of_beats_is_refused_at_once(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text.format(4))
    assert read_roll(path).frames > 100
    path.write_text(text.format(4000))
    with pytest.raises(UserError, match=f"{name} has a metre of more than 128 beats"):
        read_roll(path)


def test_an_unforeseen_error_is_one_sentence_and_a_report(capfd, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["noteninja", "tunes"])
    monkeypatch.setattr("noteninja_lib.cli.app", lambda **options: {}["a fault"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    told = capfd.readouterr().err
    report = Path(re.search(r"what is in (\S+)\.\n", told)[1])
    assert end.value.code == 1 and told.count("\n") == 1 and "KeyError" in told
    assert "Traceback" in report.read_text() and "a fault" in report.read_text()
    report.unlink()


@pytest.mark.parametrize(
    "problem, said",
    [
        (MemoryError(), "not enough memory"),
        (OSError(errno.ENOSPC, "No space", "song.mp3"), r"disk is full.*song\.mp3"),
        (OSError(errno.EFBIG, "File too large", "song.mp3"), r"disk is full.*song\.mp3"),
        (PermissionError(13, "no", "weights"), "weights may not be read"),
        (OSError(errno.ENAMETOOLONG, "no", "x" * 400), "^x{60}... is too long for a name"),
    ],
)
def test_what_the_user_can_mend_is_told_without_a_report(problem, said):
    assert re.search(said, unexpected(problem)) and ".log" not in unexpected(problem)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_a_name_that_is_no_utf8(tmp_path):
    sound = np.sin(np.arange(44100) / 20).astype(np.float32)[:, None].repeat(2, 1) * 0.3
    name = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    save(name, sound)
    assert len(load(name)) == 22050


def test_unfinished_files_of_killed_processes_are_cleared_away_and_no_others(tmp_path):
    target = tmp_path / "song.txt"
    stem, yesterday = errors._beside(target).stem, time.time() - 25 * 3600
    names = [
        f"{stem}-{errors.MACHINE}-{2**30}-a.txt",
        f"{stem}-elsewhere-1-a.txt",
        f"{stem}-elsewhere-1-b.txt",
    ]
    names += [f"{stem}-{errors.MACHINE}-{os.getpid()}-a.txt"]
    for name in names:
        (tmp_path / name).write_text("half")
    os.utime(tmp_path / names[2], (yesterday, yesterday))
    errors.write_whole(target, "all")
    assert {path.name for path in tmp_path.iterdir()} == {"song.txt", names[1], names[3]}
    assert target.read_text() == "all"
