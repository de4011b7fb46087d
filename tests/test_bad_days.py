"""What must work, or be said in one sentence, on a bad day: nowhere to write, and inputs that are broken."""

import os
from pathlib import Path

import pytest

import noteninja_lib
from noteninja_lib.arranger.recipe import load_recipe
from noteninja_lib.errors import UserError


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
