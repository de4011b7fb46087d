"""The map of the lessons in notebooks/README.md: each lesson is in it, in order, with its title and its
minutes."""

import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")
LESSONS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_on_the_map_with_its_minutes(path):
    facts = nbformat.read(path, 4).metadata["noteninja"]
    row = next((line for line in TEXT.splitlines() if f"]({path.name})" in line), None)
    assert row, f"{path.name} is missing on the map of notebooks/README.md"
    assert row.startswith(f"| {facts['lesson']} | [{facts['title']}]")
    wanted = f"| {facts['minutes']} | {facts['cpu_minutes']} |"
    assert wanted in row, f"write {wanted} into the row of lesson {facts['lesson']} in notebooks/README.md"


def test_the_lessons_stand_in_order():
    numbers = [int(number) for number in re.findall(r"^\| (\d\d) \| ", TEXT.split("## Notation")[0], re.M)]
    assert numbers == list(range(len(LESSONS)))


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)\s]+)\)", TEXT)
    headings = {
        re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", TEXT, re.M)
    }
    assert [link for link in links if link.startswith("#") and link[1:] not in headings] == []
    assert [
        link for link in links if "://" not in link and link[0] != "#" and not (FOLDER / link).exists()
    ] == []
