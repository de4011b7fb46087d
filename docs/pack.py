"""One folder that sets up without a network: the course, and every package as a wheel.

    python run.py pack [--out FOLDER] [--platform win_amd64 --python 3.12]

Wheels are for one system and one version of Python, by default those of this computer; START.txt in the
folder says which. Python itself is not in it.
"""

import argparse
import platform
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("lab", "test", "band", "cluster", "book")  # as `python run.py setup` installs them
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
START = """NoteNinja without a network, for {system}.

Install Python {python} if it isn't there (it is not in this folder). Then, in this folder:

    python run.py lab

The first start takes some minutes and needs no network; later ones are quick.
"""


def ignored(folder, names):
    """Names in a folder of the repository that don't belong to the course, by .gitignore."""
    lines = [line for line in (ROOT / ".gitignore").read_text("utf-8").split("\n") if line and line[0] != "#"]
    for name in names:
        place = "/" + (Path(folder) / name).relative_to(ROOT).as_posix()
        if name in (".git", "wheels") or any(
            place == line.rstrip("/") or fnmatch(name, line.rstrip("/")) for line in lines
        ):
            yield name


def requirements():
    """What a set-up installs, and what builds the library itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    lists = [project["project"]["dependencies"], *(extras[name] for name in EXTRAS)]
    return sum(lists, []) + project["build-system"]["requires"] + ["wheel"]


def get_wheels(folder, system, python):
    """Fetch wheels, and build those that come as source only (not for another system); say how it ended."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    if system or python:
        how = ["download", "--only-binary=:all:", "--dest", str(folder)]
        how += ["--platform", system] if system else []
        how += ["--python-version", python] if python else []
    else:
        how = ["wheel", "--wheel-dir", str(folder)]
    if "+cpu" in version("torch") and system is None:
        how += ["--extra-index-url", CPU_WHEELS]
    return subprocess.run([*pip, *how, "-c", "constraints.txt", *requirements()], cwd=ROOT).returncode


def main(words):
    parser = argparse.ArgumentParser(prog="python run.py pack", description="Pack the course for no network.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "noteninja", help="a new folder")
    parser.add_argument("--platform", help="of another computer, such as win_amd64 or macosx_12_0_arm64")
    parser.add_argument("--python", help="another version, such as 3.12")
    chosen = parser.parse_args(words)
    if chosen.out.exists():
        sys.exit(f"{chosen.out} is there already: give another folder with --out.")
    shutil.copytree(ROOT, chosen.out, ignore=lambda folder, names: set(ignored(folder, names)))
    if get_wheels(chosen.out.resolve() / "wheels", chosen.platform, chosen.python):
        shutil.rmtree(chosen.out)
        sys.exit("Not every package could be had, so there is no folder: see what pip says above.")
    system = chosen.platform or f"{platform.system()} on {platform.machine()}"
    python = chosen.python or ".".join(platform.python_version_tuple()[:2])
    (chosen.out / "START.txt").write_text(START.format(system=system, python=python), "utf-8")
    size = sum(path.stat().st_size for path in chosen.out.rglob("*") if path.is_file())
    print(f"{chosen.out} ({size / 1e6:.0f} MB) sets up without a network, for {system} and Python {python}.")


if __name__ == "__main__":
    main(sys.argv[1:])
