"""A JupyterLab server and a headless Chromium for the browser tests.

Both live in a temporary folder of their own: no setting of the machine is read, and none is left behind.
"""

import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import numpy as np
import pytest

if os.environ.get("CI", "").lower() == "true":
    from playwright.sync_api import sync_playwright
else:  # the tests that import this module are skipped
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = {  # the question about news would lie over the page; cells outside the window would not exist
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
KERNEL_IS_IDLE = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
CELL_ERROR = '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]'  # tracebacks, too
MINUTES = 60_000  # milliseconds; waiting times are long, since two cores may be busy with other tests
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
]


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def jupyterlab(folder, words=(), **environment):
    """Serve ``folder/notebooks`` with JupyterLab; yields its address and ends it afterwards.

    With `words`, a command line for Python such as run.py's, that serves the folder itself.
    """
    folder = Path(folder)
    for name, setting in SETTINGS.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(setting))
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    own |= {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    address = f"http://127.0.0.1:{(port := _free_port())}"
    words = words or [
        "-m",
        "jupyterlab",
        "--LabApp.expose_app_in_browser=True",
        "--ServerApp.iopub_data_rate_limit=1e9",
        f"--ServerApp.root_dir={folder / 'notebooks'}",
    ]
    command = [
        sys.executable,
        *words,
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
    ]
    log = open(folder / "jupyterlab.log", "wb")
    server = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **own, **environment}, stdout=log, stderr=log
    )
    try:
        _wait_until_up(server, address, folder / "jupyterlab.log")
        yield address
    finally:
        server.terminate()  # the server ends its kernels
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


def _wait_until_up(server, address, log, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/api", timeout=2).close()
            return
        time.sleep(0.2)
    raise RuntimeError("JupyterLab did not start:\n" + log.read_text(errors="replace")[-2000:])


def run_all(page, address, notebook):
    """Open a notebook in JupyterLab and run all its cells, by command, since clicks on a menu get lost."""
    page.goto(f"{address}/lab/tree/{notebook}", wait_until="domcontentloaded")
    page.wait_for_function("window.jupyterapp && window.jupyterapp.restored", timeout=180_000)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=180_000)
    page.wait_for_function(KERNEL_IS_IDLE, timeout=180_000)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")


@contextlib.contextmanager
def opened(chromium, folder, notebook, ready, width=1300, height=1200, flags=()):
    """A page on which a notebook was run until an element ("ready") is there; no cell of it failed."""
    environment = {"NOTENINJA_FAST": os.environ.get("NOTENINJA_FAST", "1"), "NOTENINJA_TEST": ""}
    with jupyterlab(folder, **environment) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_FLAGS, *flags])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(3 * MINUTES)
        run_all(page, address, notebook)
        page.wait_for_selector(f"{ready}, {CELL_ERROR}", timeout=10 * MINUTES)
        assert page.locator(CELL_ERROR).all_inner_texts() == []
        yield page
        browser.close()


def write_notebook(path, source):
    """A notebook with one cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


DECODE = """async element => {
    const bytes = await (await fetch(element.src)).arrayBuffer();
    const context = new OfflineAudioContext(1, 1, 22050);
    const samples = (await context.decodeAudioData(bytes)).getChannelData(0);
    return await new Promise(resolve => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result.split(',')[1]);
        reader.readAsDataURL(new Blob([samples]));
    });
}"""


def decoded(player):
    """Samples that the browser itself decodes from an ``audio`` element: (n,) at 22,050 Hz."""
    return np.frombuffer(base64.b64decode(player.evaluate(DECODE)), np.float32)
