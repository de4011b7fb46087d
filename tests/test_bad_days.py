"""What must work, or be said in one sentence, on a bad day: nowhere to write, and inputs that are broken."""

import os
from pathlib import Path

import noteninja_lib


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
