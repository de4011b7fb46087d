"""The workflows of the public repository: three systems, the oldest Python and a newer one, and commands
that exist."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = ROOT / ".github" / "workflows"


def jobs(name):
    """Jobs of a workflow file, each with the commands that it runs in one text."""
    whole = yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8"))
    assert whole["permissions"] == {"contents": "read"}
    return {
        job: (told, "\n".join(step.get("run", step.get("uses")) for step in told["steps"]))
        for job, told in whole["jobs"].items()
    }


def test_tests_run_on_three_systems_with_the_oldest_python_and_a_newer_one():
    told, commands = jobs("tests")["tests"]
    matrix = told["strategy"]["matrix"]
    assert [system.split("-")[0] for system in matrix["os"]] == ["ubuntu", "macos", "windows"]
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "requires-python"
    ]
    assert f">={matrix['python'][0]}" == oldest and len(set(matrix["python"])) >= 2
    assert "python run.py test" in commands


def test_the_weekly_run_takes_the_newest_packages_and_installs_what_the_set_up_does():
    _, commands = jobs("weekly")["newest"]
    assert "constraints" not in commands
    set_up = (ROOT / "run.py").read_text(encoding="utf-8")
    extras = re.search(r'"-e", "(\.\[[a-z,]+\])"', set_up).group(1)
    assert f'-e "{extras}"' in commands
    flags = re.findall(r"--nbval[\w=-]+", commands)
    assert flags and all(f'"{flag}"' in set_up for flag in flags)


def test_the_link_check_reads_files_that_are_there():
    told, _ = jobs("weekly")["links"]
    checked = told["steps"][-1]["with"]["args"].split()
    files = [word for word in checked if word.endswith(".md")]
    assert "README.md" in files and all((ROOT / file).is_file() for file in files)


def test_the_site_is_checked_before_it_is_published():
    told = jobs("book")
    commands = told["build"][1]
    assert commands.index("python run.py book") < commands.index("upload-pages-artifact")
    assert told["build"][0]["steps"][-1]["with"]["path"] == "build/site"  # where run.py book makes it
    assert told["publish"][0]["needs"] == "build" and told["publish"][0]["permissions"]["pages"] == "write"


def test_colab_widgets_are_tried_with_its_versions_once_a_week():
    _, commands = jobs("weekly")["colab"]
    script = (ROOT / "tests" / "colab_widgets.py").read_text(encoding="utf-8")
    assert "ipywidgets==7.7.1" in commands and '== "7.7.1"' in script
    asked = re.search(r"pip install (.+)", script)[1]
    assert asked in commands, "the script says how to make its environment, as the workflow does"


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*")), ids=lambda path: path.name)
def test_actions_are_pinned_to_a_version(path):
    used = re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8"))
    assert used and all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action) for action in used)
