"""Lesson 00 in JupyterLab, in a real Chromium: run from the top, then used as a student would.

What is checked is the sound that the page would play, decoded by the browser itself, and the bytes of the
pictures. The networks are the trained ones that come with the course.
"""

import shutil

import numpy as np
import pytest
from lab_server import CELL_ERROR, KERNEL_IS_IDLE, ROOT, decoded, opened

from noteninja_lib.audio import io as sound
from noteninja_lib.passages import parse_passage

pytestmark = pytest.mark.browser
LESSON = "00_genre_converter.ipynb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the lesson, so that neither its saving nor its ``outputs`` touch the repository."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / LESSON, folder / "notebooks")
    return folder


@pytest.fixture(scope="module")
def page(chromium, folder):
    """The lesson, run from top to bottom, with its widget on the screen."""
    with opened(chromium, folder, LESSON, ".nn-converter .nn-preview") as page:
        page.wait_for_function(KERNEL_IS_IDLE)
        yield page


def convert(page):
    """Press Convert and wait until it is ready again."""
    page.click(".nn-convert")
    page.wait_for_selector(".nn-stop:enabled")
    page.wait_for_selector(".nn-convert:enabled")


def sound_of(page, side):
    return decoded(page.locator(f".nn-audio-{side}"))


def test_lesson_runs_from_top_to_bottom(page):
    assert page.locator(CELL_ERROR).all_inner_texts() == []
    players = page.locator("audio.nn-player")
    assert players.count() >= 10
    first, last = (decoded(players.nth(number)) for number in (0, 1))
    assert abs(len(first) - len(last)) < 0.05 * sound.SAMPLE_RATE


def test_converts_the_chosen_song(page):
    song = decoded(page.locator(".nn-preview"))
    page.select_option(".nn-genre select", "reggae")
    convert(page)
    page.wait_for_selector(".nn-results", state="visible")
    before, after = sound_of(page, "before"), sound_of(page, "after")
    assert "after: reggae" in page.inner_text(".nn-compare")
    assert abs(len(after) - len(before)) <= 0.05 * sound.SAMPLE_RATE  # fast mode may take the beginning only
    assert len(before) <= len(song) + 0.05 * sound.SAMPLE_RATE
    assert np.isfinite(after).all() and np.sqrt(np.mean(after**2)) > 0.01
    assert np.mean(np.abs(after) >= 0.999) < 1e-4
    assert np.corrcoef(before[: len(after)], after[: len(before)])[0, 1] < 0.5
    pictures = page.eval_on_selector_all(".nn-compare img", "all => all.map(picture => picture.naturalWidth)")
    assert len(pictures) == 2 and min(pictures) > 500


def test_another_genre_gives_another_sound(page):
    reggae = sound_of(page, "after")
    page.select_option(".nn-genre select", "metal")
    convert(page)
    metal = sound_of(page, "after")
    assert len(metal) == len(reggae) and np.corrcoef(metal, reggae)[0, 1] < 0.9


def test_saves_beside_the_notebook(page, folder):
    page.click(".nn-save-mp3")
    page.wait_for_selector(".nn-download")
    files = list((folder / "notebooks" / "outputs").glob("* (metal).mp3"))
    assert len(files) == 1
    with page.expect_download() as download:
        page.click(".nn-download")
    assert download.value.suggested_filename == files[0].name
    assert download.value.path().read_bytes() == files[0].read_bytes()


def test_a_passage_is_made_anew_by_the_keyboard(page):
    page.click(".nn-anew .jupyter-widget-Collapse-header")
    before, handles = sound_of(page, "after"), page.locator(".nn-passage .noUi-handle")
    ends = page.inner_text(".nn-passage .widget-readout")
    handles.nth(0).focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "ends => document.querySelector('.nn-passage .widget-readout').innerText != ends", arg=ends
    )
    start, end = parse_passage(page.inner_text(".nn-passage .widget-readout"))
    page.focus(".nn-redo")
    page.keyboard.press("Enter")
    page.wait_for_selector(".nn-stop:enabled")
    page.wait_for_selector(".nn-convert:enabled")
    anew = sound_of(page, "after")
    changed = np.flatnonzero(np.abs(anew - before) > 0.03) / sound.SAMPLE_RATE  # an mp3 is never quite equal
    assert len(anew) == len(before) and start - 0.1 < changed.min() and changed.max() < end + 0.1
    assert changed.max() - changed.min() > 0.7 * (end - start)
    player = "document.querySelector('.nn-audio-after').src"
    source = page.evaluate(player)
    page.click(".nn-take button >> nth=0")
    page.wait_for_function(f"source => {player} != source", arg=source)
    assert np.array_equal(sound_of(page, "after"), before)


def test_wrong_file_is_told_and_the_widget_goes_on(page, folder):
    shown = sound_of(page, "after")
    (folder / "notebooks" / "letter.mp3").write_text("This is a letter, not a song. " * 99)
    page.click(".nn-way button >> nth=1")
    page.fill(".nn-path input", "letter.mp3")
    page.press(".nn-path input", "Enter")
    page.click(".nn-convert")
    page.wait_for_selector(".nn-error")
    assert "letter.mp3" in page.inner_text(".nn-error") and "Traceback" not in page.inner_text(".nn-error")
    assert np.array_equal(sound_of(page, "after"), shown)
    page.click(".nn-way button >> nth=0")
    page.select_option(".nn-genre select", "disco")
    convert(page)
    assert page.locator(".nn-error").count() == 0
    assert "after: disco" in page.inner_text(".nn-compare")


def test_uploaded_song_is_converted(page, tmp_path):
    seconds = 8
    time = np.arange(seconds * sound.SAMPLE_RATE) / sound.SAMPLE_RATE
    scale = 440 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12])[time.astype(int)] / 12)
    sound.save(tmp_path / "mein Lied.mp3", 0.3 * np.sin(2 * np.pi * np.cumsum(scale) / sound.SAMPLE_RATE))
    page.click(".nn-way button >> nth=2")
    with page.expect_file_chooser() as chooser:
        page.click(".nn-upload button")
    chooser.value.set_files(tmp_path / "mein Lied.mp3")
    page.wait_for_selector("text=MB arrived")
    convert(page)
    assert "before: mein Lied" in page.inner_text(".nn-compare")
    assert 0 < len(sound_of(page, "after")) <= (seconds + 0.1) * sound.SAMPLE_RATE


def test_stop_stops_and_keeps_the_earlier_result(page):
    shown = sound_of(page, "after")
    page.click(".nn-way button >> nth=0")
    page.click(".nn-convert")
    page.evaluate("""async () => {
        const stop = document.querySelector('.nn-stop');
        while (stop.disabled) await new Promise(resolve => setTimeout(resolve, 5));
        stop.click();
    }""")
    page.wait_for_selector(".nn-convert:enabled")
    assert "Stopped." in page.inner_text(".nn-message")
    assert np.array_equal(sound_of(page, "after"), shown)


CHANNELS = """async element => {
    const bytes = await (await fetch(element.src)).arrayBuffer();
    const sound = await new OfflineAudioContext(1, 1, 44100).decodeAudioData(bytes);
    return [sound.numberOfChannels, sound.duration];
}"""


def test_a_singer_is_kept_played_or_left_out(page, folder):
    page.select_option(".nn-song select", "Peggy Bawn, as pop, sung")
    buttons = page.locator(".nn-voice button")
    assert buttons.all_inner_texts() == ["keep", "play", "off"]
    assert all("singer" in buttons.nth(number).get_attribute("title") for number in range(3))
    convert(page)
    assert "voice kept" in page.inner_text(".nn-numbers")
    channels, seconds = page.locator(".nn-audio-after").evaluate(CHANNELS)
    assert channels == 2 and abs(seconds - len(sound_of(page, "before")) / sound.SAMPLE_RATE) < 0.1
    page.click(".nn-apart .jupyter-widget-Collapse-header")
    for name in ("voice", "band"):  # filled one after the other
        page.wait_for_function(f"document.querySelector('.nn-audio-{name}').duration > 1")
    voice, band = sound_of(page, "voice"), sound_of(page, "band")
    assert len(voice) == len(band) and min(voice.std(), band.std()) > 0.005
    assert abs(np.corrcoef(voice, band)[0, 1]) < 0.3
    page.click(".nn-save-all")
    page.wait_for_selector("text=voice.wav")
    assert len(list((folder / "notebooks" / "outputs").glob("*, sung (*) band.wav"))) == 1
    buttons.nth(2).click()
    convert(page)
    assert "voice left out" in page.inner_text(".nn-numbers") and page.locator(".nn-apart").is_hidden()
    assert page.locator(".nn-audio-after").evaluate(CHANNELS)[0] == 2
    buttons.nth(0).click()


def test_stage_size_can_be_read_from_the_last_row(page):
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    usual = page.locator(".nn-convert").evaluate(size)
    page.click(".nn-stage-toggle")
    page.wait_for_selector(".nn-stage")
    for part in (".nn-convert", ".nn-genre select", ".nn-genre label", ".nn-message .widget-html-content"):
        assert page.locator(part).first.evaluate(size) >= 24 > usual
    box = page.locator(".nn-converter").bounding_box()
    for part in (".nn-convert", ".nn-genre", ".nn-amount", ".nn-compare"):
        inner = page.locator(part).bounding_box()
        assert inner["x"] + inner["width"] <= box["x"] + box["width"] + 1
    page.click(".nn-stage-toggle")


def test_what_is_heard_is_corrected_heard_again_and_played(page):
    page.click(".nn-way button >> nth=0")
    page.click(".nn-write-down")
    page.wait_for_selector(".nn-stop:enabled")
    page.wait_for_selector(".nn-convert:enabled")
    page.wait_for_selector(".nn-heard", state="visible")
    roll, words = page.locator(".nn-heard .nn-roll"), page.locator(".nn-heard-words")
    before = words.inner_text()
    assert "beats a minute" in before and roll.locator("button.chord").count() > 2
    roll.locator("button.chord").first.click()  # another chord, by its name
    page.keyboard.type("Ebm7")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.nn-heard-words').innerText.includes('Ebm7')")
    notes = roll.locator(".note").count()
    roll.locator(".note").nth(1).focus()
    page.keyboard.press("Delete")
    page.wait_for_function(f"document.querySelectorAll('.nn-heard .note').length === {notes - 1}")
    bar = roll.locator(".bars button").nth(1)
    bar.scroll_into_view_if_needed()
    bar.focus()
    page.keyboard.press("Shift+ArrowRight")  # all bar lines a beat later
    page.wait_for_function(f"document.querySelector('.nn-heard-words').innerText !== {before!r}")
    page.wait_for_timeout(300)
    box = bar.bounding_box()
    page.mouse.click(box["x"] + 4, box["y"] + 6)  # the recording is heard from there
    page.wait_for_selector(".nn-heard .cursor", state="attached")
    page.mouse.click(box["x"] + 4, box["y"] + 6)
    convert(page)
    assert "own notes" in page.inner_text(".nn-results")
    for _ in range(3):
        page.click(".nn-heard-undo")
        page.wait_for_timeout(300)
    page.wait_for_function(f"document.querySelector('.nn-heard-words').innerText === {before!r}")
    assert page.locator(".nn-heard-undo").is_disabled()
