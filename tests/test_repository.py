"""The repository itself: one list of packages, nothing that does not belong, imports that go one way."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from noteninja_lib import __version__

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = set(
    ".ci .gitattributes .github .gitignore CHANGELOG.md CITATION.cff CONTRIBUTING.md LICENSE README.md"
    " benchmarks constraints.txt data docs environment.yml figures findings notebooks noteninja_lib"
    " postBuild pyproject.toml run.py tests".split()
)
MODULES = sorted((ROOT / "noteninja_lib").rglob("*.py"))
CODE = MODULES + [path for room in ("benchmarks", "docs") for path in sorted((ROOT / room).rglob("*.py"))]
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
    needed = requirements("lab", "test", "band", "cluster", "book")
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
    listed = requirements("lab", "band", "media", "cluster").keys() | {
        "ipython",
        "traitlets",
        "noteninja-lib",
    }
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
        header = start[8:] == b"{"  # safetensors: 8 bytes of length, then JSON
        assert header or not re.match(b"\x80[\x02-\x05]", start), f"{relative(path)} is a pickle"


def test_no_path_of_one_machine(tracked):
    pattern = re.compile(r"(?<![\w.:/-])(?:/(?:home|Users|root|work|tmp|mnt|opt)/\w|[A-Z]:\\\\?Users\b)")
    for path in tracked:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found = pattern.search(text)
        assert not found, f"{relative(path)} holds the path {text[found.start() : found.start() + 40]!r}"


PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "benchmarks/README.md",
    "docs/README.md",
    "docs/cluster.md",
    "data/README.md",
    "notebooks/README.md",
)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    path = ROOT / page
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def test_the_readme_is_short_and_has_one_table():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(text.encode()) <= 7000 and text.count("|---") >= 1 and len(rows) <= 12  # with head and rule
    assert text.count("<!-- numbers:begin -->") == text.count("<!-- numbers:end -->") == 1


def test_tunes_named_in_the_pages_exist():
    from noteninja_lib.music.tunes import find_tune

    for page in PAGES:
        for name in re.findall(r"--tune ([\w-]+-[\w-]+)", (ROOT / page).read_text(encoding="utf-8")):
            assert name in find_tune(name).name


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


# What may import what inside noteninja_lib: each those before it. errors and the package are open to all.
ROOMS = (
    "errors cluster audio models arranger music omr source lead_sheet datasets training streaming passages"
    " pipeline settings fine_tuning evaluation plots"
    " widgets lessons stems batch course cli_training cli __main__"
).split()


def test_the_version_is_one():
    """Data sets are marked by it: what is rendered otherwise must carry another."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert __version__ == cited == newest


def test_modules_are_few_short_and_have_names_of_their_own():
    assert len(MODULES) <= 115  # with what is planned after the rebuilding
    long = {relative(path) for path in CODE if len(path.read_text(encoding="utf-8").splitlines()) > 600}
    assert not long, "students read the library: cut these in two where the subject changes"
    names = Counter(path.stem for path in CODE if path.stem not in ("__init__", "__main__"))
    assert [name for name, count in names.items() if count > 1] == []


def test_code_is_formatted_and_free_of_common_faults():
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_lines_are_no_wider_than_110():
    for path in CODE:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert [f"{relative(path)}:{number}" for number, line in enumerate(lines, 1) if len(line) > 110] == []


def public_functions(path):
    """(name, node) of each public function of a module, and of each public method of a public class."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inside = node.body if isinstance(node, ast.ClassDef) and node.name[0] != "_" else [node]
        for one in inside:
            if isinstance(one, ast.FunctionDef) and one.name[0] != "_":
                yield one.name, one


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_public_functions_say_what_they_do_and_return(path):
    """A docstring for each, and a type for what it returns or takes."""
    for name, node in public_functions(path):
        given = [one for one in node.args.args + node.args.kwonlyargs if one.arg not in ("self", "cls")]
        assert ast.get_docstring(node) or "overload" in ast.dump(node), f"{name} has no docstring"
        assert node.returns or any(one.annotation for one in given), f"{name} has no type hints"


def module_name(path):
    """Dotted name below noteninja_lib: "audio.io", and "" for the package itself."""
    parts = path.relative_to(ROOT / "noteninja_lib").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in MODULES}


def imported_modules(path):
    """Modules of noteninja_lib that a file imports, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        targets = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:  # ruff refuses relative imports
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
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
    assert "benchmarks" not in outside_packages(path), "benchmarks imports the library, never the reverse"
    room = name.split(".")[0]
    allowed = ROOMS[: ROOMS.index(room) + 1]
    forbidden = {other for other in imported_modules(path) if other.split(".")[0] not in allowed}
    assert not forbidden, f"{name} must not import {sorted(forbidden)}"


def test_music_knows_no_networks():
    for path in (ROOT / "noteninja_lib" / "music").glob("*.py"):
        assert not {name for name in imported_modules(path) if name.startswith("models")}, relative(path)


def test_imports_have_no_circle():
    graph = {module_name(path): set(imported_modules(path)) - {module_name(path)} for path in MODULES}
    while graph:  # take away, again and again, whatever imports nothing that is left
        leaves = {name for name, others in graph.items() if not others & graph.keys()}
        assert leaves, f"these import each other in a circle: {sorted(graph)}"
        graph = {name: others for name, others in graph.items() if name not in leaves}
