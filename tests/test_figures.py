"""The committed pictures are those that the library draws: the quick ones are drawn anew and compared."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from benchmarks.tables import MEASURED, draw_measured

FIGURES = Path(__file__).resolve().parent.parent / "figures"
GRID, TOLERANCE = 8, 0.02  # parts of a picture along each side; share of full brightness


def colours(path):
    """Size of a picture, and the mean colour (0..1) of each of its 8 x 8 parts."""
    picture = plt.imread(path)[..., :3]
    parts = [np.array_split(row, GRID, axis=1) for row in np.array_split(picture, GRID)]
    return picture.shape, np.array([[part.mean((0, 1)) for part in row] for row in parts])


@pytest.fixture(scope="module")
def anew(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    made = draw_measured(folder)
    plt.close("all")
    return {path.name: path for path in made}


@pytest.mark.parametrize("name", [name for name, _, _ in MEASURED])
def test_is_what_the_library_draws(anew, name):
    (size, drawn), (committed_size, committed) = colours(anew[name]), colours(FIGURES / name)
    assert size == committed_size
    assert np.abs(drawn - committed).max() < TOLERANCE, "make the pictures anew with `noteninja figures`"


def test_the_comparison_tells_two_pictures_apart():
    (_, first), (_, second) = (colours(FIGURES / name) for name, _, _ in MEASURED)
    assert np.abs(first - second).max() > 2 * TOLERANCE


def test_every_picture_of_the_readme_is_there_and_not_empty():
    pages = (FIGURES.parent / folder / "README.md" for folder in (".", "benchmarks"))
    readmes = "".join(page.read_text(encoding="utf-8") for page in pages)
    for path in FIGURES.glob("*.png"):
        assert f"figures/{path.name})" in readmes
        assert plt.imread(path).std() > 0.05
