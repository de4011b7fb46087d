"""The form that every lesson keeps: goals said twice, badges that lead here, short cells, assertions."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = "noteninja/noteninja"  # the public home; badges and set-up cells must agree with it
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return request.param, nbformat.read(request.param, 4)


def sources(notebook, kind):
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


def test_there_is_a_lesson():
    assert LESSONS


def test_is_stripped_and_whole(lesson):
    notebook = lesson[1]
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        assert not cell.get("outputs") and not cell.get("execution_count") and not cell.metadata.get("tags")


def test_links_lead_to_this_repository(lesson):
    path, notebook = lesson
    text = "\n".join(cell.source for cell in notebook.cells)
    homes = re.findall(r"(?:github\.com|/gh|colab\.research\.google\.com/github)/([\w.-]+/[\w.-]+)", text)
    assert len(homes) >= 3 and set(homes) == {REPOSITORY}
    assert text.count(path.name) >= 2


def test_the_first_cell_of_all_says_how_to_run_a_lesson():
    text = nbformat.read(LESSONS[0], 4).cells[0].source
    for words in ("Shift + Enter", "Run All Cells", "Restart Kernel", "run.py lessons --renew 00"):
        assert words in text


def test_neighbours_are_links(lesson):
    """Relative ones, which JupyterLab, Binder and GitHub follow as they are, and Colab to GitHub's page."""
    path, last = lesson[0], lesson[1].cells[-1].source.splitlines()[-1]
    place, titles = LESSONS.index(path), {one: nbformat.read(one, 4).cells[0].source for one in LESSONS}
    for word, other in (("Previous", place - 1), ("Next", place + 1)):
        if 0 <= other < len(LESSONS):
            neighbour = LESSONS[other]
            title = re.match(r"# \d\d · (.+)", titles[neighbour]).group(1)
            assert f"**{word}:** [lesson {other:02}, {title}]({neighbour.name})" in last


def test_goals_come_first_and_last(lesson):
    text = "\n".join(sources(lesson[1], "markdown"))
    goals, recap = (
        re.search(rf"^## {title}\n+((?:- .+\n)+)", text + "\n", re.M).group(1)
        for title in ("You will be able to", "You can now")
    )
    assert goals == recap and 3 <= goals.count("\n") <= 5


def test_says_what_it_needs(lesson):
    facts = lesson[1].metadata["noteninja"]
    assert facts["cpu_minutes"] > 0 and facts["memory_gb"] > 0 and facts["needs"]
    assert re.search(rf"works about {facts['cpu_minutes']}\b", lesson[1].cells[0].source)


def test_cells_are_short_and_explained(lesson):
    cells = lesson[1].cells
    assert 25 <= len(cells) <= 45
    code = sources(lesson[1], "code")
    lengths = sorted(len(source.splitlines()) for source in code)
    assert lengths[len(lengths) // 2] <= 5 and lengths[-1] <= 10
    assert sum("assert " in source for source in code) >= 3
    pairs = list(zip(cells, cells[1:]))
    assert sum(a.cell_type == b.cell_type == "code" for a, b in pairs) <= 1  # a sentence before each


def test_has_references(lesson):
    text = "\n".join(sources(lesson[1], "markdown"))
    assert len(re.findall(r"https://(?:arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\.)", text)) >= 2


def test_no_path_of_a_machine(lesson):
    for source in sources(lesson[1], "code"):
        assert not re.search(r"/(home|Users|tmp|work)/|[A-Z]:\\\\", source)
