"""Every widget's front end under ipywidgets 7.7.1, which Colab has: no part of the ordinary tests.

It needs an environment of its own with JupyterLab 3 (Python 3.11 or 3.12), where ipywidgets 7 is at home:

    pip install "jupyterlab<4" ipywidgets==7.7.1 "jupyterlab_widgets<2" -e ".[test]" "setuptools<80"
    python -m pytest tests/colab_widgets.py
"""

import ipywidgets
import numpy as np
import pytest
from lab_server import CELL_ERROR, decoded, opened, write_notebook

assert ipywidgets.__version__ == "7.7.1", "this is about Colab's ipywidgets"
pytestmark = pytest.mark.browser
MADE = {
    "converter.converter()": ".nn-convert",
    "converter.genre_pad()": ".nn-pad",
    "converter.song_mixer()": "button",
    "converter.journey()": ".nn-curve .dot",
    "converter.inventor()": ".nn-roll",
    "converter.genre_maker()": "button",
    "converter.sheet_reader()": "button",
    "lesson_01.SpectrogramLab({'tone': tone})": "img",
    "lesson_02.TuneDesk()": "button",
    "lesson_03.StepSequencer(find_tune('ryan-0344-the-girl-i-left-behind-me'))": "button",
    "lesson_06.explore(lambda share: lesson_06.plot_clouds({'dots': torch.zeros(9, 2)}), "
    "share=(0.0, 1.0, 0.1, 0.5))": ".noUi-handle, .ui-slider-handle",
    "blind_test.BlindTest({'one': (tone, -tone)}, 'Which?')": "audio",
}
NOTEBOOK = """
import ipywidgets, numpy as np, torch
from noteninja_lib.lessons import lesson_01, lesson_02, lesson_03, lesson_06
from noteninja_lib.music.tunes import find_tune
from noteninja_lib.widgets import blind_test, converter
tone = np.sin(np.arange(44100) / 9).astype("float32") / 4
made = [{}]
for number, widget in enumerate(made):
    widget.add_class(f"test-{{number}}")
end = ipywidgets.HTML("all are there")
end.add_class("test-end")
ipywidgets.VBox([*made, end])
"""


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("colab")
    (folder / "notebooks").mkdir()
    write_notebook(folder / "notebooks" / "all.ipynb", NOTEBOOK.format(", ".join(MADE)).strip())
    with opened(chromium, folder, "all.ipynb", ".test-end") as page:
        yield page


@pytest.mark.parametrize("number", range(len(MADE)), ids=list(MADE))
def test_is_rendered(page, number):
    widget, inside = page.locator(f".test-{number}"), list(MADE.values())[number]
    widget.locator(inside).first.wait_for(state="attached")
    box = widget.bounding_box()
    assert box["width"] > 200 and box["height"] > 30
    assert "rror displaying widget" not in widget.inner_text()


def test_converts(page):
    page.click(".test-0 .nn-convert")
    page.wait_for_selector(".test-0 .nn-stop:enabled")
    page.wait_for_selector(".test-0 .nn-convert:enabled")
    after = decoded(page.locator(".test-0 .nn-audio-after"))
    assert np.sqrt(np.mean(after**2)) > 0.01 and len(after) > 22050
    assert page.locator(CELL_ERROR).all_inner_texts() == []
