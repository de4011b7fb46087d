"""What all tests share: short clips, no windows, two threads, and the browser."""

import os
import shutil
import sys

# Before torch, numpy and the notebooks' kernels start: they inherit these.
os.environ.setdefault("NOTENINJA_FAST", "1")
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

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

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["noteninja", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        told = capsys.readouterr()
        return ended.value.code or 0, told.out, told.err

    return run
