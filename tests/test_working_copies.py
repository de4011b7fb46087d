"""A student's copies of the lessons: a newer lesson comes, and nothing that somebody wrote is lost."""

import json
import re
import shutil

import pytest

from noteninja_lib.errors import UserError
from noteninja_lib.lessons import working_copies
from noteninja_lib.lessons.working_copies import bring_back, bring_up_to_date

NAME, NEWER = "07_training.ipynb", "07_training (newer).ipynb"


def notebook(text, outputs=()):
    cell = {"cell_type": "code", "source": [text], "outputs": list(outputs), "metadata": {}}
    facts = {"lesson": "07", "title": "Training"}
    return json.dumps({"cells": [cell], "metadata": {"noteninja": facts}})


@pytest.fixture
def course(tmp_path):
    """A course with one lesson; its working folder is not there yet."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / NAME).write_text(notebook("first"))
    (tmp_path / "notebooks" / "converter.ipynb").write_text(notebook("no lesson"))
    return tmp_path


def written(course):
    """{name: text of its cell} of all notebooks in the working folder."""
    files = (course / "work").glob("*.ipynb")
    return {file.name: json.loads(file.read_text())["cells"][0]["source"][0] for file in files}


def test_lessons_are_copied_and_run_copies_stay(course):
    assert bring_up_to_date(course / "work") == []
    assert written(course) == {NAME: "first"}
    was_run = notebook("first", [{"output_type": "stream", "name": "stdout", "text": "loss 0.3"}])
    (course / "work" / NAME).write_text(was_run)
    assert bring_up_to_date(course / "work") == []
    assert (course / "work" / NAME).read_text() == was_run


def test_a_newer_lesson_takes_the_place_of_an_unchanged_copy(course):
    bring_up_to_date(course / "work")
    (course / "work" / NAME).write_text(notebook("first", [{"output_type": "stream", "text": "run"}]))
    (course / "notebooks" / NAME).write_text(notebook("second"))
    assert bring_up_to_date(course / "work") == []
    assert written(course) == {NAME: "second"}


def test_a_newer_lesson_lies_beside_answers(course):
    bring_up_to_date(course / "work")
    (course / "work" / NAME).write_text(notebook("my answer"))
    assert bring_up_to_date(course / "work") == []  # no newer one, no word
    (course / "notebooks" / NAME).write_text(notebook("second"))
    (told,) = bring_up_to_date(course / "work")
    assert NEWER in told and bring_up_to_date(course / "work") == []
    assert written(course) == {NAME: "my answer", NEWER: "second"}
    (course / "notebooks" / NAME).write_text(notebook("third"))
    bring_up_to_date(course / "work")  # nobody wrote in the newer one
    assert written(course) == {NAME: "my answer", NEWER: "third"}
    (course / "work" / NEWER).write_text(notebook("my answer there"))
    (course / "notebooks" / NAME).write_text(notebook("fourth"))
    (told,) = bring_up_to_date(course / "work")
    assert set(written(course).values()) == {"my answer", "my answer there", "fourth"}
    assert any(name in told for name, text in written(course).items() if text == "fourth")


@pytest.mark.parametrize("record", [None, "{", "[]"])
def test_without_a_record_nothing_is_overwritten(course, record):
    bring_up_to_date(course / "work")
    (course / "work" / NAME).write_text(notebook("my answer"))
    (course / "work" / working_copies.RECORD).unlink()
    if record:
        (course / "work" / working_copies.RECORD).write_text(record)
    bring_up_to_date(course / "work")
    assert written(course) == {NAME: "my answer", NEWER: "first"}


def test_a_damaged_copy_is_kept(course):
    bring_up_to_date(course / "work")
    (course / "work" / NAME).write_text("{")
    (course / "notebooks" / NAME).write_text(notebook("second"))
    bring_up_to_date(course / "work")
    assert (course / "work" / NAME).read_text() == "{" and (course / "work" / NEWER).exists()


@pytest.mark.parametrize("number", ["07", "7"])
def test_the_original_comes_back_and_answers_stay(course, number):
    bring_up_to_date(course / "work")
    for answer in ("my answer", "another"):  # twice in one minute
        (course / "work" / NAME).write_text(notebook(answer))
        told = bring_back(course / "work", number)
    texts = written(course)
    assert texts.pop(NAME) == "first" and sorted(texts.values()) == ["another", "my answer"]
    assert all(re.match(r"07_training \(\d{4}-\d\d-\d\d \d\d\.\d\d\)", name) for name in texts)
    assert any(name in told for name, text in texts.items() if text == "another")
    assert bring_up_to_date(course / "work") == [] and len(written(course)) == 3


def test_there_is_no_such_lesson(course):
    with pytest.raises(UserError, match="no lesson 44: choose one of 07"):
        bring_back(course / "work", "44")


def test_the_command(course, monkeypatch, capsys):
    monkeypatch.setenv("NOTENINJA_WORK", str(course / "work"))
    monkeypatch.setattr("sys.argv", ["lessons"])
    working_copies.main()
    assert written(course) == {NAME: "first"} and capsys.readouterr().out.startswith(
        "Your copies of the lessons are in"
    )
    monkeypatch.setattr("sys.argv", ["lessons", "--renew", "7"])
    working_copies.main()
    assert "is the original again, and yours is kept as" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["lessons", "--renew", "44"])
    with pytest.raises(SystemExit, match="no lesson 44"):
        working_copies.main()
    shutil.rmtree(course / "work")
    (course / "work").write_text("a file where a folder should be")
    with pytest.raises(SystemExit, match="Can't copy the lessons to"):
        working_copies.main()


def test_the_page_leads_to_the_copies(course, monkeypatch):
    """Where JupyterLab is: links, and a button that brings an original back; alone: the converter."""
    monkeypatch.setenv("NOTENINJA_WORK", str(course / "work"))
    monkeypatch.setenv("VOILA_BASE_URL", "/hub/")
    bring_up_to_date(course / "work")
    head, _, shelf = working_copies.page().children
    assert f'href="/hub/lab/tree/work/{NAME}"' in head.value and 'href="/hub/lab"' in head.value
    links, back = shelf.children[0].children
    assert "07 · Training" in links.value
    (course / "work" / NEWER).write_text(notebook("second"))
    assert (
        "work/07_training%20%28newer%29.ipynb"
        in working_copies.page().children[2].children[0].children[0].value
    )
    (course / "work" / NEWER).unlink()
    back.children[1].click()
    assert "is the original again" in back.children[2].value and len(written(course)) == 2
    shutil.rmtree(course / "work")
    head, _, shelf = working_copies.page().children
    assert f"/hub/lab/tree/notebooks/{NAME}" in head.value and len(shelf.children[0].children) == 1
    monkeypatch.setenv("NOTENINJA_WORK", "")
    assert len(working_copies.page().children) == 2
