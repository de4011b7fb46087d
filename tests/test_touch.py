"""Pad, curve and piano roll without a browser: what Python makes of their values."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import traitlets

from noteninja_lib.widgets import touch_widgets
from noteninja_lib.widgets.touch_widgets import Curve, Pad, PianoRoll

ROOT = Path(__file__).resolve().parent.parent


def test_shares_are_those_of_the_corners():
    pad = Pad(labels=["blues", "disco", "jazz", "metal"])
    for (x, y), genre in {(0, 1): "blues", (1, 1): "disco", (0, 0): "jazz", (1, 0): "metal"}.items():
        pad.x, pad.y = x, y
        assert pad.shares() == {genre: 1}
    pad.x, pad.y = 0.25, 0.5
    assert pad.shares() == pytest.approx({"blues": 0.375, "disco": 0.125, "jazz": 0.375, "metal": 0.125})


def test_shares_of_one_genre_at_two_corners_add_up():
    assert Pad(labels=["rock", "rock", "jazz", "pop"], x=0.5, y=1.0).shares() == {"rock": 1}


@pytest.mark.parametrize("place", [{"x": 1.1}, {"y": -0.1}, {"labels": ["three", "words", "only"]}])
def test_nothing_lies_outside_of_the_pad(place):
    with pytest.raises(traitlets.TraitError):
        Pad(**place)


def test_curve_is_tidy_whatever_is_put_in():
    curve = Curve(points=[[0.8, 7], [0.2, -0.5]])
    assert curve.points == [[0, -0.5], [0.2, -0.5], [0.8, 1], [1, 1]]
    assert curve.at([0, 0.5, 1]) == pytest.approx([-0.5, 0.25, 1])
    with pytest.raises(traitlets.TraitError, match="at least one"):
        curve.points = []
    assert len(curve.points) == 4


def test_notes_are_in_order_of_time():
    assert PianoRoll(notes=[(2, 1, 64), (0, 1.0, 67), (0, 1, 60)]).notes == [
        [0, 1, 60],
        [0, 1, 67],
        [2, 1, 64],
    ]


def test_roll_is_as_large_as_the_tune():
    roll = PianoRoll()
    roll.show([(0, 1.5, 50), (1.5, 0.5, 80), (6, 1, 64)], "6/8", 9.0)
    assert (roll.bars, roll.bar, roll.beat, roll.grid) == (3, 3.0, 1.5, 0.5)
    assert roll.low < 50 and roll.high > 80
    roll.show([(0, 0.25, 60), (0.25, 0.25, 62)], "4/4", 4.0)
    assert (roll.bars, roll.bar, roll.grid) == (1, 4.0, 0.25)
    assert roll.high - roll.low >= 20  # room to write in
    assert np.allclose(roll.notes, [[0, 0.25, 60], [0.25, 0.25, 62]])


def test_scripts_styles_and_templates_are_part_of_the_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    package = ROOT / "noteninja_lib"
    packed = {path for one in settings["package-data"]["noteninja_lib"] for path in package.glob(one)}
    files = {path for path in touch_widgets.STATIC.rglob("*") if path.is_file()}
    assert len(files) >= 12 and files <= packed
