"""Pad, piano roll and curve in JupyterLab, in a real Chromium: mouse and keys on the page, values in Python.

The notebook writes what Python knows into the page after each change, so that a test can wait for it.
"""

import json

import numpy as np
import pytest
from lab_server import decoded, opened, write_notebook

pytestmark = pytest.mark.browser
NOTEBOOK = """
import json
import ipywidgets
from noteninja_lib.widgets import converter
pad, studio, trip = converter.genre_pad(), converter.inventor(), converter.journey()
echo = ipywidgets.HTML()
def tell(_=None):
    echo.value = json.dumps({"shares": pad.pad.shares(), "notes": studio.roll.notes,
                             "valence": trip.valence.points})
for part in (pad.pad, studio.roll, trip.valence):
    part.observe(tell)
for part, name in ((echo, "echo"), (pad, "one"), (studio, "two"), (trip, "three")):
    part.add_class("test-" + name)
tell()
ipywidgets.VBox([pad, studio, trip, echo])  # what grows stands last, so that nothing moves under the mouse
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the notebook lies, and what it saves."""
    folder = tmp_path_factory.mktemp("touch")
    (folder / "notebooks").mkdir()
    return folder


@pytest.fixture(scope="module")
def page(chromium, folder):
    """A notebook with three widgets, run."""
    write_notebook(folder / "notebooks" / "touch.ipynb", NOTEBOOK.strip())
    with opened(chromium, folder, "touch.ipynb", ".test-three .nn-curve .dot", height=1000) as page:
        yield page


def told(page):
    """What Python last wrote."""
    return json.loads(page.inner_text(".test-echo"))


def wait_until(page, condition):
    """Wait until ``condition`` (JavaScript of ``told``) holds in Python; returns what it wrote then."""
    page.wait_for_function(f"""() => {{
        const told = JSON.parse(document.querySelector('.test-echo .widget-html-content').innerText);
        return {condition};
    }}""")
    return told(page)


def box_of(page, selector):
    area = page.locator(selector).first
    area.evaluate("one => one.scrollIntoView({block: 'center'})")  # the row of buttons lies over the edges
    return area.bounding_box()


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def at(box, right, down):
    return box["x"] + right * box["width"], box["y"] + down * box["height"]


def test_dot_of_the_pad_is_dragged_and_moved_by_keys(page):
    box = box_of(page, ".nn-pad .area")
    drag(page, at(box, 0.5, 0.5), at(box, 1.2, -0.2))  # beyond the corner is the corner
    assert wait_until(page, "told.shares.disco === 1")["shares"] == {"disco": 1}
    assert "disco 100%" in page.inner_text(".nn-pad .area")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    shares = wait_until(page, "told.shares.metal > 0.1")["shares"]
    assert shares == pytest.approx({"blues": 0.04, "disco": 0.76, "classical": 0.01, "metal": 0.19})


def test_point_of_the_curve_is_added_dragged_and_removed(page):
    before = told(page)["valence"]
    box = box_of(page, ".test-three .nn-curve .area")
    drag(page, at(box, 0.5, 0.5), at(box, 0.6, 0.0))  # a press on no point adds one
    points = wait_until(page, f"told.valence.length === {len(before) + 1} && told.valence[2][1] === 1")[
        "valence"
    ]
    assert points[2] == pytest.approx([0.6, 1], abs=0.02) and [*points[:2], *points[3:]] == before
    drag(page, at(box, 0.0, (1 - before[0][1]) / 2), at(box, 0.3, 0.75))  # the first point stays at the start
    assert wait_until(page, "Math.abs(told.valence[0][1] + 0.5) < 0.03")["valence"][0][0] == 0
    page.mouse.dblclick(*at(box, 0.6, 0.0))
    assert len(wait_until(page, f"told.valence.length === {len(before)}")["valence"]) == len(before)


def test_notes_are_added_lengthened_moved_and_removed(page):
    page.locator(".test-two .nn-roll .scroll").scroll_into_view_if_needed()
    box = page.locator(".test-two .nn-roll .area").bounding_box()
    quarter, row = box["width"] / 64, box["height"] / 25  # 16 bars of four quarters, two octaves
    middle = box["y"] + 12.5 * row  # its row is C5
    page.mouse.click(box["x"] + 0.6 * quarter, middle)
    assert wait_until(page, "told.notes.length === 1")["notes"] == [[0.5, 1, 72]]
    drag(page, (box["x"] + 1.48 * quarter, middle), (box["x"] + 2.5 * quarter, middle))
    assert wait_until(page, "told.notes[0]?.[1] > 1")["notes"] == [[0.5, 2, 72]]
    drag(page, (box["x"] + 1.0 * quarter, middle), (box["x"] + 2.5 * quarter, middle + 2 * row))
    assert wait_until(page, "told.notes[0]?.[0] > 1")["notes"] == [[2, 2, 70]]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowLeft")
    assert wait_until(page, "told.notes[0]?.[1] < 2")["notes"] == [[2, 1.5, 71]]
    page.keyboard.press("Insert")
    assert wait_until(page, "told.notes.length === 2")["notes"] == [[2, 1.5, 71], [3.5, 1.5, 71]]
    page.mouse.dblclick(box["x"] + 4 * quarter, middle + row)
    page.mouse.click(box["x"] + 2.5 * quarter, middle + row, button="right")
    assert wait_until(page, "told.notes.length === 0")["notes"] == []


def test_an_invention_is_played_and_saved(page, folder):
    page.click(".test-two .nn-invent")
    notes = wait_until(page, "told.notes.length > 8")["notes"]
    assert page.locator(".test-two .nn-roll .note").count() == len(notes)
    page.wait_for_selector(".test-two .nn-play:enabled")
    page.click(".test-two .nn-play")
    page.wait_for_selector(".test-two .nn-results", state="visible")
    piano, played = (decoded(page.locator(f".test-two .nn-audio-{side}")) for side in ("before", "after"))
    assert np.isfinite(played).all() and np.sqrt(np.mean(played**2)) > 0.01
    assert np.sqrt(np.mean(piano**2)) > 0.01 and abs(len(piano) - len(played)) < 0.05 * 22050
    page.click(".test-two .nn-save-all")
    page.wait_for_selector(".test-two .nn-download")
    files = {file.suffix: file for file in (folder / "notebooks" / "outputs").iterdir()}
    assert (
        files.keys() == {".mp3", ".mid", ".musicxml", ".json"}
        and min(file.stat().st_size for file in files.values()) > 100
    )
    assert json.loads(files[".json"].read_text("utf-8"))["made_from"]["notes"] == notes
    assert page.locator(".nn-error").count() == 0


def test_large_type_reaches_what_is_touched(page):
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    for widget, part in (
        (".test-one", ".nn-pad .corner"),
        (".test-two", ".nn-roll .bars"),
        (".test-three", ".nn-curve .side"),
    ):
        usual = page.locator(f"{widget} {part}").first.evaluate(size)
        page.click(f"{widget} .nn-stage-toggle")
        page.wait_for_selector(f"{widget}.nn-stage")
        assert page.locator(f"{widget} {part}").first.evaluate(size) >= 24 > usual
        outer, inner = box_of(page, widget), box_of(page, f"{widget} .nn-touch:visible")
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1
        page.click(f"{widget} .nn-stage-toggle")
