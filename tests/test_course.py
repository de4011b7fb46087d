"""Copies of the lessons for students and teachers, and the table of what students handed in."""

import csv
import json
import os
import re

import nbformat
import pytest
from typer.testing import CliRunner

from noteninja_lib import __version__, course
from noteninja_lib.cli import app
from noteninja_lib.errors import UserError

LESSONS = 13
RIGHT = "def mix(first, second, share):\n    return {first: 1 - share, second: share}"


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """{audience: its copies, in order}."""
    folder = tmp_path_factory.mktemp("copies")
    return {
        one: [nbformat.read(path, 4) for path in course.build(one, folder / one)]
        for one in ("student", "teacher")
    }


def graded(notebook):
    """{grade_id: cell}"""
    cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    by_name = {cell.metadata.nbgrader.grade_id: cell for cell in cells}
    assert len(by_name) == len(cells), "each grade_id is unique"
    return by_name


def exercises(notebook):
    """Pairs of an answer's cell and its check's."""
    cells = graded(notebook)
    return [(cell, cells[f"{name}-check"]) for name, cell in cells.items() if not name.endswith("-check")]


class Anything:
    """For what an answer's cell takes from cells above it."""

    def __getattr__(self, name):
        return self

    def __getitem__(self, place):
        return self


def run(*cells):
    """What cells show."""
    shown = []
    names = {"title": "a song", "data": Anything(), "display": lambda page: shown.append(page.data)}
    for cell in cells:
        exec(cell.source, names)
    return "".join(shown)


# --- handing out ------------------------------------------------------------------------------


def test_copies_are_valid_and_whole(copies):
    for audience, notebooks in copies.items():
        assert len(notebooks) == LESSONS
        for notebook in notebooks:
            nbformat.validate(notebook)
            assert notebook.metadata.noteninja["copy"] == audience
            assert notebook.metadata.noteninja["version"] == __version__
            assert all(not cell.get("outputs") for cell in notebook.cells)
            assert len(exercises(notebook)) in (2, 3)


def test_cells_bear_what_nbgrader_wants(copies):
    for notebook in sum(copies.values(), []):
        for cell in graded(notebook).values():
            marks = cell.metadata.nbgrader
            assert marks.schema_version == 3 and marks.task is False
            assert marks.solution != marks.locked
            assert marks.points > 0 if marks.grade else marks.points == 0
        for answer, check in exercises(notebook):
            a, c = answer.metadata.nbgrader, check.metadata.nbgrader
            assert a.solution and not c.solution and a.grade != c.grade
            assert check.metadata.editable is False


def test_students_see_no_solution_and_run_everything(copies):
    """A student's copy has no line that the lesson, which holds no solutions, hasn't, but its checks."""
    checks = r"from noteninja_lib\.lessons import lesson_\d\d|"
    checks += r"display\(lesson_\d\d\.\w+\.check\(\w+, solution=False\)\)"
    for notebook, path in zip(copies["student"], sorted(course.LESSONS.glob("[0-9]*.ipynb"))):
        own, lesson = (
            {line for cell in one.cells for line in cell.source.split("\n")}
            for one in (notebook, nbformat.read(path, 4))
        )
        assert {line for line in own - lesson if not re.fullmatch(checks, line)} == set()
        assert not any("mybinder.org" in line or "colab.research" in line for line in own), (
            "they lead to solutions"
        )
        for answer, check in exercises(notebook):
            page = run(answer, check)  # raises nothing where all is still a stub
            assert page.count("<details>") == 1 and "Solution" not in page and "Right!" not in page


def test_teachers_have_solutions_that_pass_and_notes(copies):
    for notebook in copies["teacher"]:
        notes = [cell.source for cell in notebook.cells if cell.metadata.get("tags") == ["teacher"]]
        assert len(notes) == 1 + len(exercises(notebook))
        assert re.search(r"Ask first: \*.+\?.*\* It leads to .+", notes[0])
        for answer, check in exercises(notebook):
            assert "<p" in run(answer, check) and "Right!" in run(answer, check)
            hidden = "### BEGIN HIDDEN TESTS" in check.source
            assert hidden == check.metadata.nbgrader.grade
    page = (course.LESSONS / "README.md").read_text("utf-8")
    told = "\n".join(cell.source for notebook in copies["teacher"] for cell in notebook.cells)
    wrong = re.findall(r'^- (\*".+)', page, re.M)
    assert len(wrong) > 10 and all(line in told for line in wrong)


def test_a_hidden_test_fails_a_stub(copies):
    answer, check = exercises(copies["teacher"][0])[0]
    answer.source = answer.source.split("### BEGIN")[0]
    with pytest.raises(AssertionError, match="Not "):
        run(answer, check)


def test_nothing_is_overwritten_and_only_two_kinds_are_made(tmp_path):
    (tmp_path / "00_genre_converter.ipynb").write_text("my answers")
    with pytest.raises(UserError, match="is there already: give an empty folder"):
        course.build("student", tmp_path)
    assert os.listdir(tmp_path) == ["00_genre_converter.ipynb"]
    with pytest.raises(UserError, match="no kind of copies called pupil"):
        course.build("pupil", tmp_path / "new")
    assert not (tmp_path / "new").exists()


# --- collecting -------------------------------------------------------------------------------


def hand_in(path, copies, answers=(), saved=(), more=(), **facts):
    """Write lesson 00 as handed in: {exercise: source}, {exercise: verdict}, more cells, metadata."""
    notebook = json.loads(nbformat.writes(copies["student"][0]))
    notebook["metadata"]["noteninja"] |= facts
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "").removeprefix("lesson-00-")
        if name in dict(answers):
            cell["source"] = dict(answers)[name]
        if name.removesuffix("-check") in dict(saved) and name.endswith("-check"):
            html = f'<p style="x">{dict(saved)[name.removesuffix("-check")]}</p>'
            cell["outputs"] = [
                {"output_type": "execute_result", "data": {"text/html": [html]}, "metadata": {}}
            ]
    first = notebook["cells"][2]
    notebook["cells"][2:2] = [first | {"id": f"more-{n}", "source": one} for n, one in enumerate(more)]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(notebook), "utf-8")


def states(rows, student):
    return [row["state"] for row in rows if row["student"] == student]


ANSWER = 'why = "They have taken over " + "x"\n'
ANSWER += 'turning_point = {"song": title, "genre": "metal", "amount": 0.6, "why": %r}'
WHY = "up to here I hear the old band with another colour and then only the new one"


def test_by_default_verdicts_are_read_and_nothing_is_run(copies, tmp_path, monkeypatch):
    monkeypatch.setattr(course.subprocess, "run", lambda *_, **__: pytest.fail("something was run"))
    saved = {"MIX": "Right!", "TURNING_POINT": "Not yet: so far it is 3 words"}
    changed = {"MIX": RIGHT, "TURNING_POINT": "turning_point = 1"}
    hand_in(tmp_path / "ada" / "00_genre_converter.ipynb", copies, changed, saved)
    hand_in(tmp_path / "ben" / "00_genre_converter.ipynb", copies, {"MIX": RIGHT})
    hand_in(tmp_path / "cleo" / "a.ipynb", copies, changed, {"MIX": "Right!", "TURNING_POINT": "Right!"})
    hand_in(tmp_path / "00_genre_converter Dan.ipynb", copies, changed, saved)
    hand_in(tmp_path / ".ipynb_checkpoints" / "a-checkpoint.ipynb", copies, changed, saved)
    rows = course.collect(tmp_path)
    assert states(rows, "ada") == states(rows, "Dan") == ["solved", "not yet"]
    assert states(rows, "ben") == ["not judged", "not begun"]
    assert states(rows, "cleo") == ["solved", "handed in"]  # what a person must read is never "solved"
    assert len(rows) == 8 and rows[2]["answer"] == RIGHT
    assert {row["exercise"] for row in rows} == {"MIX", "TURNING_POINT"}


def test_a_lesson_that_is_no_copy_is_read_too(tmp_path):
    notebook = json.loads((course.LESSONS / "00_genre_converter.ipynb").read_text("utf-8"))
    cell = next(cell for cell in notebook["cells"] if "MIX.check" in "".join(cell["source"]))
    cell["source"] = [f"{RIGHT}\n\n", "lesson_00.MIX.check(mix)"]
    (tmp_path / "Eve.ipynb").write_text(json.dumps(notebook), "utf-8")
    assert states(course.collect(tmp_path), "Eve") == ["not judged", "not begun"]


def test_judged_anew_only_answers_and_definitions_are_run(copies, tmp_path, monkeypatch):
    """What is not a definition isn't run, a forged verdict doesn't count, and secrets aren't handed on."""
    monkeypatch.setenv("SECRET", "word")
    trace = f"open({str(tmp_path / 'trace')!r}, 'w')"
    helper = f"{trace}\nimport os\ndef rest(share):\n    return 1 - share"
    mine = "def mix(first, second, share):\n    assert 'SECRET' not in os.environ\n" \
           "    return {first: rest(share), second: share}"  # fmt: skip
    value = ANSWER % WHY + f"\nmore = {trace}"
    hand_in(
        tmp_path / "ada" / "a.ipynb", copies, {"MIX": mine, "TURNING_POINT": value}, more=["!pip x", helper]
    )
    hand_in(tmp_path / "ben" / "a.ipynb", copies, {"MIX": "def mix(:"}, {"MIX": "Right!"})
    hand_in(tmp_path / "cleo" / "a.ipynb", copies, {"MIX": "import os\nos._exit(0)"})
    rows = course.collect(tmp_path, run=True, seconds=120)
    assert states(rows, "ada") == ["solved", "handed in"], rows
    assert not (tmp_path / "trace").exists()
    assert states(rows, "ben") == ["not yet", "not begun"]
    assert "SyntaxError" in [row["words"] for row in rows if row["student"] == "ben"][0]
    assert states(rows, "cleo") == ["not yet", "not begun"]


def test_a_loop_without_end_is_ended(copies, tmp_path):
    hand_in(tmp_path / "ada" / "a.ipynb", copies, {"MIX": "while True:\n    pass"})
    (loop, _) = course.collect(tmp_path, run=True, seconds=2)
    assert loop["state"] == "not yet" and "more than 2 s" in loop["words"]


def test_what_is_broken_empty_foreign_or_outdated_is_named(copies, tmp_path):
    hand_in(tmp_path / "ada" / "a.ipynb", copies, {"MIX": RIGHT}, version="0.0.1")
    hand_in(tmp_path / "ben" / "a.ipynb", copies, {"MIX": RIGHT}, lesson="../../x")
    broken = {
        "empty": "", "cut": '{"cells": [', "list": "[]", "none": "null",
        "deep": "[" * 100_000, "latin": "\xe9",
        "cells": '{"cells": 5}', "bare": '{"cells": [{"cell_type": "code", "source": 5}], "metadata": {}}',
        "odd": '{"cells": [], "metadata": {"noteninja": ["x"]}}',
    }  # fmt: skip
    for name, text in broken.items():
        (tmp_path / f"{name}.ipynb").write_bytes(text.encode("latin-1"))
    (tmp_path / "foreign.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    (tmp_path / "folder.ipynb").mkdir()
    rows = course.collect(tmp_path)
    assert states(rows, "ada") == ["problem", "not judged", "not begun"]
    assert "of another version" in rows[0]["words"]
    assert states(rows, "ben") == states(rows, "foreign") == ["problem"]
    for name in broken:
        assert [row["words"] for row in rows if row["student"] == name] == [
            "This is no notebook, or it is damaged."
        ]


def test_the_table_can_be_opened_and_printed_safely(copies, tmp_path):
    saved = {"MIX": "Not yet: \x1b[2J it returned &#x27;=1&#x27;"}
    hand_in(tmp_path / "=cmd()" / "a.ipynb", copies, {"MIX": "=HYPERLINK(1)"}, saved)
    hand_in(tmp_path / "Zoë" / "a.ipynb", copies, {"MIX": RIGHT}, {"MIX": "Right!"})
    (tmp_path / "Zoë" / "b.ipynb").write_text("")
    shown = course.write_table(course.collect(tmp_path), tmp_path / "table.csv")
    assert shown.split("\n") == [
        "         00  ",
        "'=cmd()  -.  ",
        "Zoë      +.  ",
        "Zoë/b.ipynb: This is no notebook, or it is damaged.",
        "+ solved, + handed in, - not yet, . not begun, ? not judged",
    ]
    with open(tmp_path / "table.csv", encoding="utf-8-sig", newline="") as file:
        first, *_ = rows = list(csv.DictReader(file))
    assert len(rows) == 5 and tuple(first) == course.COLUMNS
    assert first["student"] == "'=cmd()" and first["answer"] == "'=HYPERLINK(1)"
    assert first["words"] == "Not yet: [2J it returned '=1'"


def test_the_command_line(tmp_path):
    call = CliRunner().invoke
    done = call(app, ["course", "build", "--for", "student", "--out", str(tmp_path / "new" / "copies")])
    assert done.exit_code == 0 and done.output.startswith("13 lessons for a student are in ")
    done = call(app, ["course", "collect", str(tmp_path / "new"), "--out", str(tmp_path / "a.csv")])
    assert done.exit_code == 0 and re.search(r"^copies +\.\. +\.\.\. ", done.output, re.M)
    assert len((tmp_path / "a.csv").read_text("utf-8").splitlines()) > 30
    for place, written in (("a.csv", "a (2).csv"), ("new", "new/answers.csv")):  # nothing is overwritten
        again = call(app, ["course", "collect", str(tmp_path / "new"), "--out", str(tmp_path / place)])
        assert again.exit_code == 0 and (tmp_path / written).read_bytes() == (tmp_path / "a.csv").read_bytes()
    failed = call(app, ["course", "collect", str(tmp_path / "nowhere")])
    assert isinstance(failed.exception, UserError), failed.exception
