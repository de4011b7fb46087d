"""run.py: what it says where it cannot work, and that it works only once where it can."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


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


def test_progress_of_set_up_without_a_terminal(run, monkeypatch, capsys):
    """A real pip that has to wait for what builds: lines with time, packages, and of how many."""
    monkeypatch.setattr(run, "LOG_EVERY", 0.2)
    where = "Lib" if os.name == "nt" else "lib/python{}.{}".format(*sys.version_info)
    # Packages bring others along; and what lies inside may be taken away while one looks.
    (run.VENV / where / "site-packages" / "c" / "site-packages" / "d.dist-info").mkdir(parents=True)
    pip = run.VENV / "pip.py"
    said = ["Collecting a==1 (from noteninja)", "  Downloading a-1-py3-none-any.whl (3.1 MB)", "Collecting b"]
    pip.write_text(
        f"import time, pathlib\nfor line in {said}:\n    print(line, flush=True)\n    time.sleep(0.5)\n"
        "print('Installing collected packages: a, b', flush=True)\n"
        f"pathlib.Path('{where}/site-packages/a.dist-info').mkdir()\ntime.sleep(0.5)"
    )
    started = subprocess.Popen
    monkeypatch.setattr(
        run.subprocess,
        "Popen",
        lambda command, **options: started([sys.executable, str(pip)], **options | {"cwd": run.VENV}),
    )
    run.pip_install(["a", "b"])
    lines = capsys.readouterr().out.splitlines()
    assert all(re.match(r"  0 min 0\d s: ", line) for line in lines) and len(lines) < 15
    assert any("1 of about" in line and line.endswith("packages found: a (3.1 MB)") for line in lines)
    assert lines[-1].endswith("1 of 2 packages installed") and run.installed() == 1


def test_set_up_only_once(run, monkeypatch):
    """With the stamp of these very lists nothing is installed; with another it is, into a new folder."""
    steps = []
    monkeypatch.setattr(
        run.venv, "create", lambda folder, **options: steps.append(options) or folder.mkdir(exist_ok=True)
    )
    monkeypatch.setattr(run, "pip_install", steps.append)
    run.set_up(cpu=False)
    assert [step["clear"] for step in steps[:1]] == [True]
    assert steps[1] == ["-e", ".[lab,test,band,cluster,book]"]
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
    run.STAMP.write_text(f"of other lists {run.fingerprint(())}")  # as after a pull: the folder stays
    run.set_up(cpu=False)
    assert len(steps) == 8 and steps[7][0] == "-e"
    run.set_up(cpu=False)
    assert len(steps) == 8


def test_arguments_reach_pytest_and_jupyter(run, monkeypatch):
    called = []
    monkeypatch.setattr(run, "run", lambda words, **environment: called.append((words, environment)) or 7)
    monkeypatch.setattr(run, "set_up", lambda cpu: called.append(cpu))
    words = [["test", "-k", "audio"], ["test", "tests/test_run.py"], ["app", "--no-browser", "--cpu"]]
    for words in [*words, ["test", "--pdb"]]:
        monkeypatch.setattr(run.sys, "argv", ["run.py", *words])
        assert run.main() == 7
    (_, (everything, fast), _, (one, _), cpu, (app, _), _, (alone, _)) = called
    assert "--dist=loadfile" in everything and any(word.startswith("-n") for word in everything)
    assert not any(word.startswith(("-n", "--dist")) and word[:3] != "--n" for word in [*one, *alone])
    assert everything[2:4] == ["tests", "notebooks"] and everything[-2:] == ["-k", "audio"]
    assert fast["NOTENINJA_FAST"]
    assert "notebooks" not in one and one[-1] == "tests/test_run.py"
    assert (
        cpu is True and "--cpu" not in app and app[-2:] == ["--ServerApp.open_browser=True", "--no-browser"]
    )


def test_unknown_command_shows_the_help():
    done = subprocess.run([sys.executable, "run.py", "dance"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "python run.py lab" in done.stderr


@pytest.mark.parametrize("command, copied", [("lab", 7), ("lessons", 0)])
def test_lab_copies_the_lessons_first(run, monkeypatch, command, copied):
    called = []
    monkeypatch.setattr(run, "run", lambda words, **environment: called.append(words) or copied)
    assert getattr(run, command)([]) == copied  # where they can't be copied, the reason was told
    assert called == [["-m", "noteninja_lib.lessons.working_copies"]]
