"""The sheet music widget in JupyterLab, in a real Chromium: a page read, corrected, uploaded, saved; a wrong
file told.

The reader is the trained one that comes with the course.
"""

import cv2
import numpy as np
import pytest
from lab_server import decoded, opened, write_notebook

from noteninja_lib.omr.vocabulary import is_note
from noteninja_lib.widgets.sheet_reader import sample_lines, sample_page

pytestmark = pytest.mark.browser
SYMBOLS = ".nn-original .nn-symbol"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the notebook lies, and what it saves."""
    folder = tmp_path_factory.mktemp("sheets")
    (folder / "notebooks").mkdir()
    return folder


@pytest.fixture(scope="module")
def page(chromium, folder):
    """A notebook with the widget, run."""
    write_notebook(
        folder / "notebooks" / "sheets.ipynb",
        "from noteninja_lib.widgets import converter\nconverter.sheet_reader()",
    )
    with opened(chromium, folder, "sheets.ipynb", ".nn-read", width=1500) as page:
        yield page


def read(page):
    """Press Read and wait until it is ready again."""
    page.click(".nn-read")
    page.wait_for_selector(".nn-stop:enabled")
    page.wait_for_selector(".nn-read:enabled")


def circles(page):
    return page.locator(f"{SYMBOLS} circle").count()


def test_a_sample_page_is_read_and_marked(page):
    page.select_option(".nn-sample select", "Auld Robin Gray")
    read(page)
    assert page.locator(".nn-error").all_inner_texts() == []
    printed = sum(map(is_note, sum(sample_lines("Auld Robin Gray"), [])))
    assert abs(circles(page) - printed) <= 0.1 * printed
    box, inner = (
        page.locator(place).first.bounding_box() for place in (".nn-original svg", f"{SYMBOLS} circle")
    )
    assert (
        box["x"] < inner["x"] < box["x"] + box["width"] and box["y"] < inner["y"] < box["y"] + box["height"]
    )
    assert page.locator(".nn-engraved").first.evaluate("picture => picture.naturalWidth") > 500
    assert np.sqrt(np.mean(decoded(page.locator(".nn-plain")) ** 2)) > 0.01


def test_another_clef_is_heard(page):
    before = decoded(page.locator(".nn-plain"))
    page.select_option(".nn-clef select", "bass")
    page.wait_for_function("() => document.querySelector('.nn-words').innerText.includes('bass clef')")
    page.wait_for_selector(".nn-read:enabled")
    after = decoded(page.locator(".nn-plain"))
    length = min(len(before), len(after))
    assert np.corrcoef(before[:length], after[:length])[0, 1] < 0.5


def test_an_uploaded_picture_is_read(page, tmp_path):
    picture = sample_page("I'll never leave thee", most=2)
    cv2.imwrite(str(tmp_path / "mein Blatt.png"), picture)
    page.click(".nn-way button >> nth=2")
    with page.expect_file_chooser() as chooser:
        page.click(".nn-upload button")
    chooser.value.set_files(tmp_path / "mein Blatt.png")
    page.wait_for_selector("text=MB arrived")
    read(page)
    assert "2 staffs" in page.inner_text(".nn-words") and "treble clef" in page.inner_text(".nn-words")


def test_a_letter_is_told_and_the_page_stays(page, folder):
    shown = circles(page)
    (folder / "notebooks" / "letter.png").write_text("This is a letter, not a picture. " * 99)
    page.click(".nn-way button >> nth=1")
    page.fill(".nn-path input", "letter.png")
    page.press(".nn-path input", "Enter")
    page.click(".nn-read")
    page.wait_for_selector(".nn-error")
    assert "letter.png" in page.inner_text(".nn-error") and "Traceback" not in page.inner_text(".nn-error")
    assert circles(page) == shown > 0


def test_saves_beside_the_notebook(page, folder):
    page.click(".nn-save-musicxml")
    page.wait_for_selector(".nn-reading .nn-download")
    assert "<score-partwise" in (folder / "notebooks" / "outputs" / "mein Blatt.musicxml").read_text("utf-8")


def test_stage_size_fits_into_its_place(page):
    page.click(".nn-stage-toggle")
    page.wait_for_selector(".nn-stage")
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    assert all(
        page.locator(part).first.evaluate(size) >= 24
        for part in (".nn-read", ".nn-clef select", ".nn-words .widget-html-content")
    )
    box = page.locator(".nn-converter").bounding_box()
    for part in (".nn-read", ".nn-key", ".nn-original", ".nn-engraving"):
        inner = page.locator(part).bounding_box()
        assert inner["x"] + inner["width"] <= box["x"] + box["width"] + 1
    page.click(".nn-stage-toggle")
