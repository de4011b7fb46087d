"""The repository itself: one list of packages, nothing that does not belong, imports that go one way."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = {".ci", ".gitattributes", ".github", ".gitignore", "LICENSE", "README.md", "constraints.txt", "data",
             "environment.yml", "figures", "notebooks", "noteninja_lib", "postBuild", "pyproject.toml",
             "run.py", "tests"}
MODULES = sorted((ROOT / "noteninja_lib").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
CONDA_NAMES = {"pysoundfile": "soundfile", "soxr-python": "soxr", "pytorch-cpu": "torch"}


def relative(path):
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def tracked():
    """All files under version control that exist."""
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this copy was not made by git")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


# --- packages ---------------------------------------------------------------------------------

def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirements(*extras):
    """{canonical name: version range} of the dependencies, with some extras."""
    lists = [project()["project"]["dependencies"]]
    lists += [project()["project"]["optional-dependencies"][extra] for extra in extras]
    return {canonicalize_name(r.name): r.specifier for r in map(Requirement, sum(lists, []))}


def test_environment_names_the_same_packages():
    lines = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = {}
    (from_pip,) = [line["pip"] for line in lines if isinstance(line, dict)]
    for line in [line for line in lines if isinstance(line, str)] + from_pip:
        name, version = re.fullmatch(r"([\w.-]+)(.*)", line).groups()
        conda[canonicalize_name(CONDA_NAMES.get(name, name))] = version
    assert conda.pop("python") in ("=3.11", "=3.12")
    assert conda.pop("pip") == ""
    assert conda == {name: str(versions) for name, versions in requirements("lab").items()}


def test_constraints_pin_what_is_needed():
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, version = re.fullmatch(r"([\w.-]+)==([\w.]+)", line).groups()
            pins[canonicalize_name(name)] = version
    needed = requirements("lab", "test", "band")
    assert [name for name in needed if name not in pins] == []
    assert [name for name, versions in needed.items() if pins[name] not in versions] == []


def outside_packages(path):
    """Top-level packages that a file imports, without the standard library's."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        yield from {name.split(".")[0] for name in names} - sys.stdlib_module_names


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_import_is_a_listed_package(path):
    """A fresh machine has only what the list names (IPython and traitlets come with ipywidgets)."""
    import_names = {"pyyaml": "yaml", "ipython": "IPython", "opencv-python-headless": "cv2", "pillow": "PIL"}
    listed = requirements("lab", "band").keys() | {"ipython", "traitlets", "noteninja-lib"}
    known = {import_names.get(name, name.replace("-", "_")) for name in listed}
    assert set(outside_packages(path)) <= known


# --- files ------------------------------------------------------------------------------------

def test_top_level_is_fixed(tracked):
    assert {path.relative_to(ROOT).parts[0] for path in tracked} <= TOP_LEVEL


def test_size(tracked):
    assert sum(path.stat().st_size for path in tracked) < 150e6
    assert sum(path.stat().st_size for path in tracked if relative(path).startswith("data/models/")) < 60e6


def test_no_pickles(tracked):
    """A pickle runs code when it is opened; weights are safetensors, tables are text."""
    dangerous = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npy", ".joblib", ".bin"}
    assert [relative(path) for path in tracked if path.suffix.lower() in dangerous] == []
    for path in tracked:
        with open(path, "rb") as file:
            start = file.read(9)
        header = start[8:] == b"{"                      # safetensors: 8 bytes of length, then JSON
        assert header or not re.match(b"\x80[\x02-\x05]", start), f"{relative(path)} is a pickle"


def test_no_path_of_one_machine(tracked):
    pattern = re.compile(r"(?<![\w.:/-])(?:/(?:home|Users|root|work|tmp|mnt|opt)/\w|[A-Z]:\\\\?Users\b)")
    for path in tracked:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found = pattern.search(text)
        assert not found, f"{relative(path)} holds the path {text[found.start():found.start() + 40]!r}"


def test_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
    assert text.count("<!-- numbers:begin -->") == text.count("<!-- numbers:end -->") == 1


# --- notebooks --------------------------------------------------------------------------------

def test_there_are_notebooks():
    assert relative(ROOT / "notebooks/00_genre_converter.ipynb") in map(relative, NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stripped(path):
    """No outputs and no widget state: they bloat the history, and GitHub fails to show them."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"]
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    for cell in notebook["cells"]:
        tags = set(cell["metadata"].get("tags", []))
        assert not tags & {"nbval-skip", "raises-exception"}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            assert "execution" not in cell["metadata"]


# --- modules ----------------------------------------------------------------------------------

@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_module_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


# Who may import whom inside noteninja_lib. errors and the package itself are open to all.
MAY_IMPORT = {
    "errors": set(),
    "sound": {"sound"},
    "music": {"sound", "music", "model.listener", "model.reader", "model.transcriber", "model.weights"},
    "model": {"sound", "model"},
    "dataset": {"sound", "music", "dataset"},
    "songs": {"sound", "music"},
    "pipeline": {"sound", "music", "model", "songs"},
    "tasks": {"sound", "music", "model", "dataset", "tasks"},
    "training": {"sound", "music", "model", "dataset", "tasks"},
    "evaluation": {"sound", "music", "model", "dataset", "songs", "pipeline", "evaluation"},
    "benchmark": {"sound", "music", "model", "dataset", "pipeline", "evaluation"},
    "classroom": {"sound", "music", "model", "dataset", "songs", "pipeline", "settings", "export", "training", "evaluation",
                  "classroom"},
    "settings": {"music", "model", "songs", "pipeline"},
    "export": {"music", "settings"},
    "convert": {"sound", "pipeline", "settings", "export"},
    "playing": {"sound", "music", "settings", "convert"},
    "measuring": {"sound", "music", "model", "dataset", "pipeline", "evaluation", "benchmark", "classroom"},
    "__main__": {"sound", "music", "model", "dataset", "tasks", "pipeline", "training", "evaluation",
                 "benchmark", "playing", "classroom", "measuring"},
}


def module_name(path):
    """Dotted name below noteninja_lib: "sound.audio", and "" for the package itself."""
    parts = path.relative_to(ROOT / "noteninja_lib").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in MODULES}


def imported_modules(path):
    """Modules of noteninja_lib that a file imports, those inside functions included."""
    package = ["noteninja_lib", *module_name(path).split(".")]
    if path.stem != "__init__":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else []
            base = ".".join(filter(None, [*base, node.module]))
            targets = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            if target.split(".")[0] == "noteninja_lib":
                name = ".".join(target.split(".")[1:])
                while name and name not in NAMES:  # a function or a class: its module
                    name = name.rpartition(".")[0]
                if name:
                    yield name


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_go_one_way(path):
    name = module_name(path)
    if not name:
        assert list(imported_modules(path)) == [], "import noteninja_lib must stay light"
        return
    room = name.split(".")[0]
    assert room in MAY_IMPORT, f"say in MAY_IMPORT what {room} may import"
    allowed = MAY_IMPORT[room] | {"errors"}
    forbidden = {other for other in imported_modules(path)
                 if not any(other == a or other.startswith(a + ".") for a in allowed)}
    assert not forbidden, f"{name} must not import {sorted(forbidden)}"


def test_imports_have_no_circle():
    graph = {module_name(path): set(imported_modules(path)) - {module_name(path)} for path in MODULES}
    while graph:  # take away, again and again, whatever imports nothing that is left
        leaves = {name for name, others in graph.items() if not others & graph.keys()}
        assert leaves, f"these import each other in a circle: {sorted(graph)}"
        graph = {name: others for name, others in graph.items() if name not in leaves}
