"""Memory of kernels: what is read of a process is what the system knows, and what it holds counts."""

import os
import sys

import numpy as np
import psutil
import pytest

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="Linux tells")


def test_memory_of_a_process():
    from benchmarks.kernels import memory

    before = memory(os.getpid())
    held = np.ones(25_000_000)  # 200 MB
    after = memory(os.getpid())
    assert after["USS"] - before["USS"] == pytest.approx(0.2, abs=0.03)
    truth = psutil.Process().memory_full_info()
    assert after["USS"] == pytest.approx(truth.uss / 1e9, abs=0.03)
    assert after["PSS"] == pytest.approx(truth.pss / 1e9, abs=0.03)
    assert after["USS"] <= after["PSS"] <= after["RSS"] and held.any()


def test_each_kernel_runs_the_lesson_and_all_are_ended(monkeypatch, tmp_path, capsys):
    import json

    import nbformat

    from benchmarks import kernels

    cells = [
        nbformat.v4.new_code_cell("held = bytearray(50_000_000)"),
        nbformat.v4.new_markdown_cell("words"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "00_small.ipynb")
    monkeypatch.setattr(kernels, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(kernels, "SETTLING", 0)
    kernels.report(kernels=2, lesson="00", out=tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert len(figures["USS"]) == 2 and all(0.05 < one < 0.3 for one in figures["USS"])
    assert "2 kernels took" in capsys.readouterr().out
    ours = [
        child
        for child in psutil.Process().children(recursive=True)
        if "ipykernel" in " ".join(child.cmdline())
    ]
    assert [
        child for child in ours if child.is_running() and child.status() != "zombie"
    ] == [] and sys.executable
    (tmp_path / "00_small.ipynb").write_text(
        nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]))
    )
    with pytest.raises(RuntimeError, match="division by zero"):
        kernels.report(kernels=1, lesson="00", out=None)
