"""The recorder in JupyterLab, in a real Chromium whose microphone plays a file: refused, allowed, heard."""

import json

import numpy as np
import pytest
from lab_server import decoded, opened, write_notebook

from benchmarks.humming import Job, hummed
from noteninja_lib.audio import io as sound
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.widgets.inputs import WAYS

pytestmark = pytest.mark.browser
TUNE = load_tunes("test")[5]
NOTEBOOK = f"""
import json
import ipywidgets
from noteninja_lib.widgets import converter
studio, band = converter.inventor(), converter.converter()
band.chooser.way.value = "{WAYS[3]}"
echo = ipywidgets.HTML()
def tell(_=None):
    one = studio.recorder
    beats = [] if one.beats is None else list(one.beats)
    echo.value = json.dumps({{"seconds": one.seconds, "rate": one.rate, "problem": one.problem,
                             "beats": beats, "notes": studio.roll.notes,
                             "there": band.chooser.recorder.seconds}})
studio.recorder.observe(tell, ["seconds", "problem"])
studio.roll.observe(tell, ["notes"])
band.chooser.recorder.observe(tell, ["seconds"])
for part, name in ((echo, "echo"), (studio, "one"), (band, "two")):
    part.add_class("test-" + name)
tell()
ipywidgets.VBox([echo, studio, band])
"""


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    """A notebook with the inventor and the converter, before a microphone in which a tune is hummed."""
    folder = tmp_path_factory.mktemp("recorder")
    (folder / "notebooks").mkdir()
    hum = hummed(TUNE, Job(5, "hum", "near", 0), 0.02)[0]
    sound.save(folder / "hum.wav", hum)
    write_notebook(folder / "notebooks" / "hum.ipynb", NOTEBOOK.strip())
    flags = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={folder / 'hum.wav'}"]
    with opened(chromium, folder, "hum.ipynb", ".test-two .nn-record", flags=flags) as page:
        yield page


def wait_until(page, condition):
    """Wait until a condition (JavaScript of ``told``) holds in Python; returns what it wrote then."""
    page.wait_for_function(f"""() => {{
        const told = JSON.parse(document.querySelector('.test-echo .widget-html-content').innerText);
        return {condition};
    }}""")
    return json.loads(page.inner_text(".test-echo"))


def record(page, widget, seconds):
    page.click(f"{widget} .nn-record")
    page.wait_for_selector(f"{widget} .nn-recorder[data-state=recording]")
    page.wait_for_timeout(1000 * seconds)
    page.click(f"{widget} .nn-record")


def test_who_refuses_is_told_in_one_sentence(page):
    page.click(
        ".test-one .nn-hum-fold .p-Accordion-child, .test-one .nn-hum-fold .jupyter-widget-Collapse-header"
    )
    page.click(".test-one .nn-record")
    told = wait_until(page, "told.problem !== ''")
    assert "refused" in told["problem"] and "upload" in told["problem"] and told["problem"].count(".") == 1
    assert told["problem"] == page.inner_text(".test-one .nn-recorder .words")
    assert page.locator(".test-one .nn-recorder").get_attribute("data-state") == "empty"


def test_a_hum_is_put_on_the_roll(page):
    page.context.grant_permissions(["microphone"])
    record(page, ".test-one", 7)
    told = wait_until(page, "told.seconds > 0")
    assert told["problem"] == "" and told["rate"] >= 22050 and 6.5 < told["seconds"] < 9 and not told["beats"]
    assert page.locator(".test-one .nn-recorder button").nth(1).is_enabled()
    page.click(".test-one .nn-hum")
    notes = wait_until(page, "told.notes.length > 5")["notes"]
    steps = np.diff([pitch for _, _, pitch in notes])
    known = np.diff([pitch for _, _, pitch in TUNE.notes])
    runs = {tuple(known[at : at + 5]) for at in range(len(known))}
    assert np.mean([tuple(steps[at : at + 5]) in runs for at in range(len(steps) - 4)]) > 0.5


def test_a_metronome_tells_the_beats(page):
    page.locator(".test-one .nn-recorder input[type=checkbox]").check()
    page.locator(".test-one .nn-recorder input[type=number]").fill("180")
    page.locator(".test-one .nn-recorder input[type=number]").blur()
    record(page, ".test-one", 4)
    beats = np.array(wait_until(page, "told.beats.length > 0")["beats"])
    assert np.diff(beats) == pytest.approx(1 / 3) and beats[0] == pytest.approx(1 / 6, abs=0.02)


def test_a_recording_is_converted(page):
    record(page, ".test-two", 4)
    assert wait_until(page, "told.there > 0")["there"] > 3.5
    page.click(".test-two .nn-convert")
    page.wait_for_selector(".test-two .nn-results", state="visible")
    played = decoded(page.locator(".test-two .nn-audio-after"))
    assert len(played) > 3.5 * sound.SAMPLE_RATE and np.sqrt(np.mean(played**2)) > 0.01
    assert page.locator(".nn-error").count() == 0
