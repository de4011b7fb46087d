"""What all tests share: short clips, no windows, two threads, and the browser."""

import importlib.util
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

# Before torch, numpy and the notebooks' kernels start: they inherit these.
os.environ.setdefault("NOTENINJA_FAST", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "NOTENINJA_ADAPTERS" not in os.environ:  # a user's own genres are not the tests'
    _own = tempfile.TemporaryDirectory(prefix="noteninja-")
    os.environ["NOTENINJA_ADAPTERS"] = _own.name

if "PYTEST_XDIST_WORKER" in os.environ:
    # Two processes that compile for other types at once write one file: numba's cache then holds code for
    # the wrong one, and whoever loads it crashes, now and later. So each process has a cache of its own.
    _compiled = tempfile.TemporaryDirectory(prefix="noteninja-")
    os.environ["NUMBA_CACHE_DIR"] = _compiled.name

import matplotlib  # noqa: E402
import pytest  # noqa: E402

matplotlib.use("Agg")  # only in this process: the notebooks' kernels draw inline, as they do for a reader

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")


@pytest.fixture(scope="session")
def chromium():
    """Path of an installed Chromium. Without one the test is skipped on a laptop, and fails on CI."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        give_up = pytest.fail if os.environ.get("CI", "").lower() == "true" else pytest.skip
        give_up("the browser tests need Chromium or Chrome on the PATH")
    return path


@pytest.fixture
def noteninja(monkeypatch, capsys):
    """Run the command line in this process: (status, stdout, stderr)."""
    from noteninja_lib import cli as command_line

    monkeypatch.setenv("NOTENINJA_MODELS", "")  # what --models sets is gone after the test

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["noteninja", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        told = capsys.readouterr()
        return ended.value.code or 0, told.out, told.err

    return run


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """A data folder of its own with two songs, one of which has a title."""
    from widget_doubles import TONE

    from noteninja_lib.audio import io as sound

    folder = tmp_path / "data" / "songs"
    folder.mkdir(parents=True)
    for name in ("a_tune.mp3", "b.mp3"):
        sound.save(folder / name, TONE)
    (folder / "songs.json").write_text(json.dumps({"b.mp3": {"title": "The <Blue> Bell"}}), "utf-8")
    monkeypatch.setenv("NOTENINJA_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("NOTENINJA_TEST", raising=False)
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run.py as a module, with its .venv in a temporary folder."""
    spec = importlib.util.spec_from_file_location("run", Path(__file__).parent.parent / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv/noteninja-setup")
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    return module
