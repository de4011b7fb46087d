"""Memory of many kernels at once, each of which has run a lesson: `python -m benchmarks kernels`.

What counts for a room that shares one server is what a kernel has for itself (USS): pages that it shares with
others, such as those of PyTorch's libraries, are there once. Read on Linux, from /proc/PID/smaps_rollup.
"""

import time
from pathlib import Path
from typing import Annotated

import nbformat
import psutil
from jupyter_client.manager import start_new_kernel
from tqdm import tqdm
from typer import Option

from benchmarks.harness import finish, table
from benchmarks.options import Out
from benchmarks.speed import machine
from noteninja_lib.errors import UserError

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
MEANING = {"USS": "for itself", "PSS": "with its part of shared pages", "RSS": "with all of these"}
SETTLING = 5  # seconds after the last cell


def memory(process: int) -> dict[str, float]:
    """GB of a process, by the keys of `MEANING`."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}
    own = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return {
        "USS": own / 1e6 * 1.024,
        "PSS": kilobytes["Pss"] / 1e6 * 1.024,
        "RSS": kilobytes["Rss"] / 1e6 * 1.024,
    }


def run_lesson(client, lesson: str) -> None:
    """Run a lesson's cells in a kernel, one after the other."""
    for cell in nbformat.read(next(NOTEBOOKS.glob(f"{lesson}_*.ipynb")), 4).cells:
        if cell.cell_type == "code":
            reply = client.execute_interactive(cell.source, timeout=900, output_hook=lambda message: None)
            if reply["content"]["status"] != "ok":
                raise RuntimeError(f"lesson {lesson}: {reply['content']['evalue']}")


def report(
    kernels: Annotated[int, Option(min=1, help="How many are alive at once.")] = 10,
    lesson: Annotated[str, Option(help="Number of the lesson that each runs, one after the other.")] = "00",
    out: Out = None,
) -> None:
    """Start kernels, let each run a lesson, and measure what each holds while all are alive."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise UserError("This is read from /proc/PID/smaps_rollup, which only Linux has.")
    started = []
    try:
        before = psutil.virtual_memory().available
        for _ in tqdm(range(kernels), unit=" kernel"):
            started.append(start_new_kernel(kernel_name="python3", cwd=str(NOTEBOOKS)))
            run_lesson(started[-1][1], lesson)
        time.sleep(SETTLING)
        each = [memory(manager.provisioner.pid) for manager, _ in started]
        used = (before - psutil.virtual_memory().available) / 1e9
    finally:
        for manager, client in started:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    figures = {name: [round(one[name], 3) for one in each] for name in MEANING}
    spread = [[name, MEANING[name], f"{min(gb):.2f} to {max(gb):.2f}"] for name, gb in figures.items()]
    lines = table(["", "memory of a kernel", "GB"], spread)
    lines.append(f"{kernels} kernels took {used:.2f} GB of this computer, {used / kernels:.2f} GB each.")
    facts = {"lesson": lesson, "kernels": kernels, "machine": machine(), "used": round(used, 3)}
    finish(facts | figures, lines, out, "kernels", usual=False)
