"""run.py: what it says where it cannot work, and that it works only once where it can."""

import ast
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
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


def test_commands_look_for_files_where_the_user_stands(run, monkeypatch, tmp_path):
    """`python3 ../course/run.py noteninja convert song.mp3`: the song lies in the current folder."""
    started = []

    class Process:
        def __init__(self, command, cwd, **options):
            started.append((command[1:], Path(cwd)))

        def wait(self):
            return 0

    monkeypatch.setattr(run.subprocess, "Popen", Process)
    monkeypatch.setattr(run, "set_up", lambda cpu: None)
    monkeypatch.chdir(tmp_path)
    for words in (["noteninja", "convert", "song.mp3"], ["test", "tests/test_run.py"]):
        monkeypatch.setattr(run.sys, "argv", ["run.py", *words])
        assert run.main() == 0
    assert started[0] == (["-m", "noteninja_lib", "convert", "song.mp3"], tmp_path)
    assert started[1][1] == run.ROOT


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
    monkeypatch.setattr(
        run.venv, "create", lambda folder, **options: steps.append(options) or folder.mkdir(exist_ok=True)
    )
    monkeypatch.setattr(run, "pip_install", steps.append)
    run.set_up(cpu=False)
    assert [step["clear"] for step in steps[:1]] == [True]
    assert steps[1] == ["-e", ".[lab,test,band]"]
    run.set_up(cpu=False)
    assert len(steps) == 2
    monkeypatch.setattr(run.sys, "platform", "linux")
    run.set_up(cpu=True)
    assert steps[3] == ["--extra-index-url", run.CPU_WHEELS, "torch"] and len(steps) == 5
    run.set_up(cpu=True)
    run.set_up(cpu=False)
    assert len(steps) == 5
    run.STAMP.write_text("of other lists")
    run.set_up(cpu=False)
    assert len(steps) == 7


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


def test_lab_serves_the_notebook(run, monkeypatch, tmp_path):
    """The very command line of `run.py lab`, without a browser: the server answers and knows the notebook."""
    command = []
    monkeypatch.setattr(run, "run", lambda words: command.extend([sys.executable, *words]))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run.lab(["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token="])
    folders = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    with open(tmp_path / "log", "w+") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=os.environ | folders, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}/api/contents/{run.NOTEBOOK}"
            notebook = json.load(wait_for(url, server))
        finally:
            server.terminate()
            server.wait(20)
        log.seek(0)
        output = log.read()
    assert notebook["type"] == "notebook"
    assert f"/lab/tree/{run.NOTEBOOK}" in output, "the page that opens is the notebook"
    assert "Unrecognized" not in output and "deprecated" not in output


def wait_for(url, server):
    for _ in range(120):
        assert server.poll() is None, "the server ended"
        try:
            return urllib.request.urlopen(url, timeout=5)
        except ConnectionError:
            pass
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
        time.sleep(0.5)
    raise AssertionError("no answer within a minute")
