"""How much sooner are two workers of a Dask cluster done than one? Command: `cluster`."""

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

from typer import Option

from benchmarks.all_measures import bootstrap
from benchmarks.harness import finish, rounded, table
from benchmarks.options import Out
from noteninja_lib.cluster import ADDRESS
from noteninja_lib.datasets import build

SECONDS, VERSIONS = 10.0, 4  # of a recording; genres of a tune


def _build(workers, groups, seed):
    """Seconds that a set takes on a cluster of so many workers of one thread, and a hash of all its files."""
    from distributed import LocalCluster

    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
    ):
        os.environ[ADDRESS] = cluster.scheduler_address
        hours = groups * SECONDS * VERSIONS / 3600
        warm = build(
            Path(folder) / "warm", workers * SECONDS * VERSIONS / 3600, seconds=SECONDS, versions=VERSIONS
        )
        list(warm)  # the packages are loaded
        began = time.monotonic()
        list(build(Path(folder) / "set", hours, seconds=SECONDS, versions=VERSIONS, seed=seed))
        took, digest = time.monotonic() - began, hashlib.sha256()
        for path in sorted((Path(folder) / "set").rglob("*.*")):
            digest.update(path.read_bytes())
        return took, digest.hexdigest()


def report(
    groups: Annotated[int, Option(min=2, help="Tunes, each in four genres.")] = 24,
    times: Annotated[int, Option(min=1, help="Times, in turn.")] = 3,
    out: Out = None,
) -> dict:
    """Build the same set with one worker and with two, in turn."""
    before, ratios, rows, digests = os.environ.get(ADDRESS), [], [], set()
    try:
        for number in range(times):
            one, two = (_build(workers, groups, number) for workers in (1, 2))
            ratios.append(one[0] / two[0])
            rows.append([number + 1, f"{one[0]:.1f}", f"{two[0]:.1f}", f"{ratios[-1]:.2f}"])
            digests.add(one[1] == two[1])
    finally:
        os.environ.pop(ADDRESS)
        if before:
            os.environ[ADDRESS] = before
    figures = {"ratio": bootstrap(ratios), "same_bytes": digests == {True}, "times": rounded(ratios)}
    lines = table(["run", "one worker (s)", "two (s)", "ratio"], rows)
    lines.append(f"The same bytes: {'yes' if figures['same_bytes'] else 'no'}")
    return finish(figures, lines, out, "cluster", usual=False)
