"""A song that is played while it is made, in JupyterLab and a real Chromium: gapless, then the result's turn.

The pipeline is a double that gives out a tone at once and takes its time for the result.
"""

import numpy as np
import pytest
from lab_server import ROOT, opened, write_notebook

from noteninja_lib.audio import io as sound

pytestmark = pytest.mark.browser
NOTEBOOK = f"""
import sys, time
sys.path.insert(0, {str(ROOT / "tests")!r})
from widget_doubles import Pipeline
from noteninja_lib.widgets import converter as module
from noteninja_lib.widgets.choosers import WAYS
from noteninja_lib.widgets.converter import GenreConverter

class Slow(Pipeline):
    def __call__(self, *sources, **wish):
        for _ in range(60):
            time.sleep(0.1)
            wish["progress"](0.5, "converting")
        return super().__call__(*sources, **wish)

module.AHEAD = 1e9  # however quick this machine is, a quarter of the song is made beforehand
converter = GenreConverter(Slow())
converter.chooser.way.value = WAYS[1]
converter.chooser.path.value = "long.mp3"
converter
"""
#: Notes when each piece is set to start, and how long it is, in samples.
SPY = """() => {
    window.pieces = [];
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function (when) {
        window.pieces.push([when * 44100, this.buffer.length, this.context.sampleRate]);
        return start.call(this, when);
    };
}"""


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    """A notebook with the converter, and a song of 70 s chosen."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "notebooks").mkdir()
    time = np.arange(70 * sound.SAMPLE_RATE) / sound.SAMPLE_RATE
    sound.save(folder / "notebooks" / "long.mp3", 0.3 * np.sin(2 * np.pi * 440 * time).astype(np.float32))
    write_notebook(folder / "notebooks" / "live.ipynb", NOTEBOOK.strip())
    with opened(chromium, folder, "live.ipynb", ".nn-converter .nn-convert") as page:
        page.evaluate(SPY)
        yield page


def test_pieces_follow_without_a_gap_and_the_result_goes_on(page):
    live = page.locator(".nn-live")
    page.wait_for_selector(".nn-live", state="hidden")  # as soon as its script has run
    page.click(".nn-convert")
    page.wait_for_function("document.querySelector('.nn-live').dataset.position > 1")
    assert live.locator("button").inner_text() == "Pause" and " of 1:10" in live.inner_text()
    assert page.locator(".nn-results").is_hidden()  # it plays before there is a result
    page.wait_for_selector(".nn-convert:enabled")
    pieces = page.evaluate("window.pieces")
    assert len(pieces) >= 5 and all(rate == 44100 for _, _, rate in pieces)
    ends = [when + length for when, length, _ in pieces]
    assert max(abs(end - when) for end, (when, _, _) in zip(ends, pieces[1:])) < 0.01  # of a sample
    page.wait_for_function("document.querySelector('.nn-audio-after').currentTime > 2")
    assert live.is_hidden() and not page.eval_on_selector(".nn-audio-after", "player => player.paused")
    page.eval_on_selector(".nn-audio-after", "player => player.pause()")


def test_pause_and_stop(page):
    page.click(".nn-convert")
    live = page.locator(".nn-live")
    page.wait_for_function("Number(document.querySelector('.nn-live').dataset.made) > 0")
    live.locator("button").click()
    page.wait_for_function("document.querySelector('.nn-live button').textContent === 'Play'")
    place = "Number(document.querySelector('.nn-live').dataset.position)"
    here = page.evaluate(place)
    page.wait_for_timeout(700)
    assert abs(page.evaluate(place) - here) < 0.3
    page.click(".nn-stop")
    page.wait_for_selector(".nn-convert:enabled")
    assert live.is_hidden() and "Stopped." in page.inner_text(".nn-message")
