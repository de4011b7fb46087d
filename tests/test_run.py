"""run.py: what it says where it cannot work, and that it works only once where it can."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run.py as a module, with its .venv in a temporary folder."""
    spec = importlib.util.spec_from_file_location("run", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv/noteninja-setup")
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    return module


def test_an_old_python_can_read_it():
    ast.parse((ROOT / "run.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_too_old_a_python():
    code = "import runpy, sys; sys.version_info = (3, 8, 1, 'final', 0); runpy.run_path('run.py')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("NoteNinja needs Python 3.11 or newer, and this is Python 3.8:")
    assert len(done.stderr.splitlines()) == 1


def test_no_room_on_the_disk(run, monkeypatch, tmp_path):
    monkeypatch.setattr(run.shutil, "disk_usage", lambda path: type("Usage", (), dict(free=2e9)))
    with pytest.raises(SystemExit, match="needs 3 GB of room"):
        run.set_up(cpu=False)
    assert not list(tmp_path.iterdir())


def test_no_network(run, monkeypatch):
    """A real pip that asks a port of this machine on which nobody listens."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(SystemExit) as error:
        run.pip_install(["noteninja-has-no-such-dependency"])
    last_of_pip, advice = str(error.value).splitlines()
    assert last_of_pip.startswith("ERROR: ")
    assert "check the network connection, then run this command again" in advice


def test_pip_fails_for_another_reason(run):
    with pytest.raises(SystemExit, match="(?s)no-such-folder.*mend what it says above"):
        run.pip_install(["--no-index", "./no-such-folder"])


def test_set_up_only_once(run, monkeypatch):
    """With the stamp of these very lists nothing is installed; with another it is, into a new folder."""
    steps = []
    monkeypatch.setattr(run.venv, "create",
                        lambda folder, **options: steps.append(options) or folder.mkdir(exist_ok=True))
    monkeypatch.setattr(run, "pip_install", steps.append)
    run.set_up(cpu=False)
    assert [step["clear"] for step in steps[:1]] == [True]
    assert steps[1] == ["-e", ".[lab,test]"]
    assert steps[2][0] == "--no-deps" and any(name.startswith("basic-pitch") for name in steps[2])
    run.set_up(cpu=False)
    assert len(steps) == 3
    monkeypatch.setattr(run.sys, "platform", "linux")
    run.set_up(cpu=True)
    assert len(steps) == 6 and run.CPU_WHEELS in steps[4]
    run.set_up(cpu=True)
    run.set_up(cpu=False)
    assert len(steps) == 6
    run.STAMP.write_text("of other lists")
    run.set_up(cpu=False)
    assert len(steps) == 9


def test_arguments_reach_pytest_and_jupyter(run, monkeypatch):
    called = []
    monkeypatch.setattr(run, "run", lambda words, **environment: called.append((words, environment)) or 7)
    monkeypatch.setattr(run, "set_up", lambda cpu: called.append(cpu))
    for words in (["test", "-k", "audio"], ["test", "tests/test_run.py"], ["lab", "--no-browser", "--cpu"]):
        monkeypatch.setattr(run.sys, "argv", ["run.py", *words])
        assert run.main() == 7
    (_, (everything, fast), _, (one, _), cpu, (lab, _)) = called
    assert everything[2:4] == ["tests", "notebooks"] and everything[-2:] == ["-k", "audio"]
    assert fast["NOTENINJA_FAST"]
    assert "notebooks" not in one and one[-1] == "tests/test_run.py"
    assert cpu is True and "--cpu" not in lab and lab[-1] == "--no-browser"


def test_unknown_command_shows_the_help():
    done = subprocess.run([sys.executable, "run.py", "dance"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "python run.py lab" in done.stderr
