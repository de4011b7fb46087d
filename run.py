#!/usr/bin/env python3
"""One file to set NoteNinja up and start it, with nothing but Python.

    python run.py lab  [--no-browser] [--port=N] [...]   open the converter, with the lessons one link away
    python run.py app  [--no-browser] [--port=N] [...]   open the converter alone
    python run.py lessons [--renew 07]                   renew your copies of the lessons, or bring one back
    python run.py test [-k WORD] [FILE] [...]            run every test, or some
    python run.py noteninja convert song.mp3 --to jazz -o out.mp3
    python run.py book [--lessons 00,05] [...]           make the course's site, in build/site
    python run.py pack [--out FOLDER] [...]              make a folder that sets up without a network
    python run.py setup                                  only set up

The first command makes .venv beside this file (a few minutes); later ones start at once.
On Linux without an NVIDIA GPU, add --cpu to the first command: it saves gigabytes.
"""

# The lines up to the check run on any Python, so that an old one can say what is wrong.
import sys

OLDEST = (3, 11)
if sys.version_info < OLDEST:
    sys.exit(
        "NoteNinja needs Python {}.{} or newer, and this is Python {}.{}: install a newer one, then run "
        "this command with it.".format(*(OLDEST + tuple(sys.version_info[:2])))
    )

import hashlib
import json
import os
import shutil
import subprocess
import sysconfig
import threading
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "noteninja-setup"
GIGABYTES = 3
LOG_EVERY = 15  # seconds between two lines where no terminal is: a log file, an IDE
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
NETWORK_SIGNS = (
    "NewConnectionError",
    "getaddrinfo",
    "name resolution",
    "Timeout",
    "timed out",
    "ConnectionError",
    "ProxyError",
    "Network is unreachable",
)
PAGE = "voila/render/notebooks/converter.ipynb"
# A song goes to the page, and comes from it, in one message: 10 MB is the usual limit. Two hours after the
# last tab with it was closed, a kernel gives its memory back.
SERVER = [
    "--ServerApp.root_dir=.",
    "--ZMQChannelsWebsocketConnection.iopub_data_rate_limit=1e9",
    "--ServerApp.tornado_settings={'websocket_max_message_size': 300_000_000, 'mathjax_url': ''}",
    "--MappingKernelManager.cull_idle_timeout=7200",
    "--VoilaConfiguration.template=noteninja",
    "--VoilaExecutor.cell_error_instruction=The terminal says more; run.py setup mends an incomplete set-up.",
]
# Linux's allocator keeps what was freed: with these a kernel that made a song holds .59 GB in place of .75.
SPARING = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "262144",
    "MALLOC_TRIM_THRESHOLD_": "262144",
}


def fingerprint(names=("pyproject.toml", "constraints.txt")):
    """A hash of all that decides what .venv must hold; it changes when the folder or Python does, too."""
    text = [(ROOT / name).read_text(encoding="utf-8") for name in names]
    return hashlib.sha256("\n".join(text + [str(ROOT), sys.version]).encode()).hexdigest()


def set_up(cpu):
    """Make .venv and install everything, unless that is done already."""
    wanted = fingerprint()
    done = STAMP.read_text().split() if STAMP.exists() else []
    if done[:1] == [wanted] and (not cpu or "cpu" in done) and PYTHON.exists():
        return
    if shutil.disk_usage(ROOT).free < GIGABYTES * 1e9:
        sys.exit(
            f"The set-up needs {GIGABYTES} GB of room on the disk that holds {ROOT}: free some, "
            "then run this command again."
        )
    # Where only the lists changed, as after a pull, what is right already stays, and so does a kernel in use.
    new = fingerprint(()) not in done or cpu and "cpu" not in done or not PYTHON.exists()
    STAMP.unlink(missing_ok=True)
    print("Setting NoteNinja up in .venv; this takes a few minutes, once.", flush=True)
    if sys.platform == "linux" and not cpu and not shutil.which("nvidia-smi"):
        print("No NVIDIA GPU was found: with --cpu the download is several gigabytes smaller.", flush=True)
    try:
        if new:
            venv.create(VENV, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError):
        sys.exit(
            f"Python could not make the folder .venv: check that you may write in {ROOT}, and on Debian or "
            "Ubuntu run 'sudo apt install python3-venv' first."
        )
    if cpu and sys.platform == "linux":  # elsewhere the usual build is the one for the CPU
        pip_install(["--extra-index-url", CPU_WHEELS, "torch"])
    pip_install(["-e", ".[lab,test,band,cluster,book]"])
    # JupyterLab would open with a question about its news in front of the notebook.
    settings = VENV / "share/jupyter/lab/settings/overrides.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        json.dumps(
            {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
        )
    )
    STAMP.write_text(" ".join([wanted, fingerprint(())] + ["cpu"] * (cpu or "cpu" in done and not new)))


def installed():
    """How many packages .venv holds; not looked for inside them, where pip may take a folder away meanwhile."""
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV)}))
    return len(list(packages.glob("*.dist-info")))


def how_far(lines, done):
    """Say what pip is at, by the lines that it wrote and the number of packages that it installed."""
    found = [line for line in lines if line.startswith("Collecting ")]
    for line in reversed(lines):
        words = line.split()
        if line.startswith("Installing collected packages:"):
            return "{} of {} packages installed".format(done, line.count(",") + 1)
        if words[:1] in (["Collecting"], ["Downloading"]):
            name = words[1].split("/")[-1].split("-")[0]  # of a file: numpy-2.4.6-cp311...
            size = " ".join(words[2:4]) if words[0] == "Downloading" else ""
            pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").count("==")
            return "{} of about {} packages found: {} {}".format(len(found), pins, name, size).strip()
    return "looking for packages"


def pip_install(arguments):
    """Run pip with the tested versions; show how far it is, and on failure its last word and what to do."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "-c", "constraints.txt"]
    packed = (ROOT / "wheels").is_dir()  # by `run.py pack`
    process = subprocess.Popen(
        command + (["--no-index", "--find-links", "wheels"] if packed else []) + arguments,
        cwd=ROOT,
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    lines = []

    def read():
        for line in process.stdout:
            lines.append(line.strip())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    began, before, terminal = time.monotonic(), installed(), sys.stdout.isatty()
    while reader.is_alive():  # pip is silent while it installs, or fetches something big
        reader.join(1 if terminal else LOG_EVERY)
        passed = time.monotonic() - began
        words = "  {:.0f} min {:02.0f} s: {}".format(
            passed // 60, passed % 60, how_far(lines, installed() - before)
        )
        if terminal:
            print("\r" + words[:78].ljust(78), end="", flush=True)
        elif reader.is_alive():
            print(words, flush=True)
    if terminal:
        print("\r" + 78 * " ", end="\r", flush=True)
    if process.wait() == 0:
        return
    output = "\n".join(lines)
    if "No space left" in output:
        advice = "The disk is full: free some gigabytes"
    elif packed:
        advice = "The folder wheels serves one system and Python: START.txt says which; take these"
    elif any(sign in output for sign in NETWORK_SIGNS):
        advice = "There is no way to the package index: check the network connection"
    else:
        advice = "pip could not install the packages: mend what it says above, or delete the folder .venv"
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
    sys.exit("{}\n{}, then run this command again.".format("\n".join(errors[-1:]), advice))


def run(arguments, folder=ROOT, **environment):
    """Run Python in .venv in a folder, and return its exit status."""
    process = subprocess.Popen([str(PYTHON), *arguments], cwd=folder, env={**os.environ, **environment})
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # Ctrl-C is the child's to answer: JupyterLab asks whether to stop
            pass


def serve(command, work):
    """Serve the page, with its template and with the folder (or none) that holds the student's lessons."""
    paths = [str(ROOT / "noteninja_lib/widgets/static"), os.environ.get("JUPYTER_PATH", "")]
    paths = os.pathsep.join(filter(None, paths))
    return run(command, **{**SPARING, **os.environ, "JUPYTER_PATH": paths, "NOTENINJA_WORK": work})


def lab(arguments):
    copied = lessons([])
    if copied != 0:
        return copied
    options = ["--LabApp.default_url=/" + PAGE, "--FileContentsManager.preferred_dir=work"]
    return serve(["-m", "jupyterlab", *SERVER, *options, *arguments], str(ROOT / "work"))


def app(arguments):
    options = [
        "--ServerApp.jpserver_extensions={'voila.server_extension': True, 'jupyterlab': False}",
        "--ServerApp.default_url=/" + PAGE,
        "--ServerApp.open_browser=True",
    ]
    return serve(["-m", "jupyter_server", *SERVER, *options, *arguments], work="")


def lessons(arguments):
    return run(["-m", "noteninja_lib.lessons.working_copies", *arguments])


def test(arguments):
    chosen = any((ROOT / argument.split("::")[0]).exists() for argument in arguments if argument[:1] != "-")
    # A file a process: most of a test's time is Python's, which uses one core.
    spread = [f"-n{min(os.cpu_count() or 1, 4)}", "--dist=loadfile"]
    if any(argument.startswith(("-n", "--pdb", "--trace")) for argument in arguments):
        spread = []
    everything = [] if chosen else ["tests", "notebooks", *spread]
    return run(
        [
            "-m",
            "pytest",
            *everything,
            "--nbval-lax",
            "--nbval-current-env",
            "--nbval-cell-timeout=600",
            *arguments,
        ],
        NOTENINJA_FAST=os.environ.get("NOTENINJA_FAST", "1"),
    )


def book(arguments):
    return run([str(ROOT / "docs/book.py"), *arguments], folder=Path.cwd())


def pack(arguments):
    return run([str(ROOT / "docs/pack.py"), *arguments], folder=Path.cwd())


def main():
    commands = {
        "lab": lab,
        "app": app,
        "lessons": lessons,
        "test": test,
        "book": book,
        "pack": pack,
        "setup": lambda arguments: 0,
        # Files are looked for where the user stands.
        "noteninja": lambda arguments: run(["-m", "noteninja_lib", *arguments], folder=Path.cwd()),
    }
    arguments = sys.argv[1:]
    if not arguments or arguments[0] not in commands:
        sys.exit(__doc__)
    cpu = "--cpu" in arguments
    set_up(cpu)
    return commands[arguments[0]]([argument for argument in arguments[1:] if argument != "--cpu"])


if __name__ == "__main__":
    sys.exit(main())
