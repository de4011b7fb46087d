"""A song played while it is made, then before and after, in JupyterLab and a real Chromium: gapless, in view,
by keys alone.

The pipeline is a double that gives out a tone at once and takes its time for the result of a long song.
"""

import base64
import io
import shutil
import struct
import subprocess

import numpy as np
import pytest
import soundfile
from lab_server import ROOT, decoded, opened, write_notebook

from noteninja_lib.audio import io as sound
from noteninja_lib.audio.tags import _pages

pytestmark = pytest.mark.browser
NOTEBOOK = f"""
import sys, time
sys.path.insert(0, {str(ROOT / "tests")!r})
from widget_doubles import Pipeline
from noteninja_lib.audio import decoding
from noteninja_lib.widgets import converter as module
from noteninja_lib.widgets.inputs import WAYS
from noteninja_lib.widgets.converter import GenreConverter

class Slow(Pipeline):
    def __call__(self, *sources, **wish):
        for _ in range(60 if converter.seconds > 60 else 2):
            time.sleep(0.1)
            wish["progress"](0.5, "converting")
        return super().__call__(*sources, **wish)

decoding.decoder = lambda: None  # whatever this machine has
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
def folder(tmp_path_factory):
    """Where the notebook lies, and what it saves."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "notebooks").mkdir()
    return folder


@pytest.fixture(scope="module")
def page(chromium, folder):
    """A notebook with the converter, and a song of 70 s chosen."""
    time = np.arange(70 * sound.SAMPLE_RATE) / sound.SAMPLE_RATE
    sound.save(folder / "notebooks" / "long.mp3", 0.3 * np.sin(2 * np.pi * 440 * time).astype(np.float32))
    write_notebook(folder / "notebooks" / "live.ipynb", NOTEBOOK.strip())
    with opened(chromium, folder, "live.ipynb", ".nn-converter .nn-convert", 1366, 768) as page:
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
    assert page.inner_text(".nn-compare .play").endswith("Pause")
    assert not page.eval_on_selector(".nn-audio-after", "player => player.muted")
    page.click(".nn-compare .play")
    assert page.eval_on_selector(".nn-audio-after", "player => player.paused")


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


# ---- before and after ---------------------------------------------------------------------------------

NOTEBOOK_TOP = 90  # pixels of JupyterLab's own rows above the notebook


def box(page, selector, number=0):
    found = page.locator(selector).nth(number).bounding_box()
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]


def convert(page):
    page.click(".nn-convert")
    page.wait_for_selector(".nn-stop:enabled")
    page.wait_for_selector(".nn-convert:enabled")
    page.wait_for_timeout(1000)  # it scrolls smoothly


def players(page):
    """Moment, whether it is silent, whether it rests, volume: of before and after."""
    facts = "all => all.map(one => [one.currentTime, one.muted, one.paused, one.volume])"
    return page.eval_on_selector_all(".nn-compare audio", facts)


def test_the_buttons_stay_in_view_and_the_result_comes_there(page):
    page.click(".nn-way button >> nth=0")
    page.eval_on_selector(".nn-converter", "one => one.scrollIntoView()")
    assert (
        NOTEBOOK_TOP - 2
        <= box(page, ".nn-at-work")[1]
        < box(page, ".nn-at-work")[3]
        < box(page, ".nn-more")[1]
    )
    convert(page)
    assert box(page, ".nn-at-work")[1] >= NOTEBOOK_TOP - 2
    assert box(page, ".nn-at-work")[3] <= box(page, ".nn-compare")[1]
    assert max(box(page, ".nn-compare .picture", number)[3] for number in (0, 1)) <= 744
    page.eval_on_selector(".nn-save-mp3", "one => one.scrollIntoView({block: 'end'})")
    assert NOTEBOOK_TOP - 2 <= box(page, ".nn-at-work")[1] and box(page, ".nn-save-mp3")[3] <= 744


SCROLL_BARS = """() => [...document.querySelectorAll('.nn-converter, .nn-converter *')].filter(one =>
    one.scrollWidth > one.clientWidth && /auto|scroll/.test(getComputedStyle(one).overflowX)
    && one.clientWidth).map(one => one.className)"""


@pytest.mark.parametrize(
    "width, large, beside",
    [(1366, False, True), (1920, True, True), (1366, True, False), (600, False, False)],
)
def test_nothing_is_wider_than_its_place(page, width, large, beside):
    usual = page.locator(".nn-compare .picture").first.bounding_box()["width"] if width == 1920 else 0
    page.set_viewport_size({"width": width, "height": 1080 if width == 1920 else 768})
    if large:
        page.click(".nn-stage-toggle")
    page.wait_for_timeout(500)
    assert page.evaluate(SCROLL_BARS) == []
    one, two = (box(page, ".nn-compare .side", number) for number in (0, 1))
    assert (one[1] == two[1] and one[2] < two[0]) if beside else (one[3] <= two[1] and one[0] == two[0])
    assert max(one[2], two[2]) <= box(page, ".nn-converter")[2] + 1
    assert page.locator(".nn-compare .picture").first.bounding_box()["width"] > 1.2 * usual
    if large:
        size = "one => parseFloat(getComputedStyle(one).fontSize)"
        assert all(
            page.locator(f".nn-compare {part}").first.evaluate(size) >= 24 for part in ("button", ".words")
        )
        page.click(".nn-stage-toggle")
    page.set_viewport_size({"width": 1366, "height": 768})


def test_two_sounds_are_heard_in_turn_at_the_same_moment(page):
    page.focus(".nn-compare .play")
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('.nn-audio-after').currentTime > 1")
    (before, silent, rests, soft), (after, heard_not, rests_too, full) = players(page)
    assert silent and not heard_not and not rests and not rests_too and abs(before - after) < 0.15
    page.keyboard.press("x")
    page.wait_for_timeout(300)
    (moment, silent, *_), (other, other_silent, *_) = players(page)
    assert not silent and other_silent and before < moment < after + 3 and abs(moment - other) < 0.15
    assert page.locator(".nn-compare .heading").nth(0).get_attribute("aria-pressed") == "true"
    page.keyboard.press("b")
    assert [silent for _, silent, *_ in players(page)] == [True, False]
    page.click(".nn-compare .heading >> nth=0")  # the letters and the buttons choose, too
    assert [silent for _, silent, *_ in players(page)] == [False, True]
    page.focus(".nn-compare .play")
    page.keyboard.press("Space")
    assert all(rests for _, _, rests, _ in players(page))
    lefts = [box(page, ".nn-compare .cursor", n)[0] - box(page, ".nn-compare .frame", n)[0] for n in (0, 1)]
    assert lefts[0] == pytest.approx(lefts[1], abs=1)
    page.keyboard.press("PageUp")
    there = float(page.get_attribute(".nn-compare", "data-position"))
    assert [moment for moment, *_ in players(page)] == pytest.approx([there] * 2, abs=0.01) and there > 10
    page.keyboard.press("ArrowLeft")
    assert [moment for moment, *_ in players(page)] == pytest.approx([there - 1] * 2, abs=0.01)


def test_a_click_into_a_picture_is_heard_there(page):
    left, top, right, bottom = box(page, ".nn-compare .frame", 1)
    page.mouse.click((left + right) / 2, (top + bottom) / 2)
    moments = [moment for moment, *_ in players(page)]
    assert moments[0] == pytest.approx(moments[1], abs=0.01) and 10 < moments[0] < 20
    assert page.get_attribute(".nn-compare", "data-heard") == "after"
    cursor = box(page, ".nn-compare .cursor", 1)
    assert (cursor[0] + cursor[2]) / 2 == pytest.approx((left + right) / 2, abs=2)


def test_the_louder_one_is_turned_down_as_measured(page):
    before, after = (decoded(page.locator(f".nn-audio-{side}")) for side in ("before", "after"))
    volumes = [volume for *_, volume in players(page)]
    assert max(volumes) == 1 and min(volumes) < 0.99
    louder = int(np.argmin(volumes))
    assert f"{'AB'[louder]} is played {-20 * np.log10(min(volumes)):.1f} dB softer" in page.inner_text(
        ".nn-compare"
    )
    assert np.isfinite(before).all() and np.isfinite(after).all()
    page.click(".nn-compare .level")
    assert [volume for *_, volume in players(page)] == [1, 1]
    assert page.get_attribute(".nn-compare .level", "aria-pressed") == "false"
    assert "As loud as they are" in page.inner_text(".nn-compare")
    page.click(".nn-compare .level")


DROPPED = """async ([name, content, times]) => {
    const data = new DataTransfer(), bytes = Uint8Array.from(atob(content), one => one.charCodeAt(0));
    data.items.add(new File(Array(times).fill(bytes), name));
    const onto = document.querySelector(".nn-numbers");
    for (const kind of ["dragover", "drop"])
        onto.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_what_is_dropped_anywhere_keeps_its_name(page, folder):
    letter = base64.b64encode(b"This is a letter, not a song. " * 1000).decode()
    page.evaluate(DROPPED, ["ein Brief.mp3", letter, 500])
    page.wait_for_selector("text=ein Brief.mp3: 15.0 MB arrived.")  # more than a message may hold
    page.click(".nn-convert")
    page.wait_for_selector(".nn-error")
    assert page.inner_text(".nn-error").startswith("ein Brief.mp3 is no recording")
    song = base64.b64encode((folder / "notebooks" / "long.mp3").read_bytes()[:160_000]).decode()
    page.evaluate(DROPPED, ["mein Lied.mp3", song, 1])
    page.wait_for_selector("text=mein Lied.mp3: 0.2 MB arrived.")
    convert(page)
    assert "before: mein Lied" in page.inner_text(".nn-compare .heading >> nth=0")


def element(name, *parts):
    """An element of EBML, of which WebM files are made (https://www.matroska.org/technical/elements.html)."""
    body = b"".join(parts)
    return bytes.fromhex(name) + (len(body) | 1 << 56).to_bytes(8, "big") + body


def webm(audio):
    """Stereo sound at 48,000 Hz as Opus in WebM: the packets of an Ogg file, 20 ms each."""
    memory, packets = io.BytesIO(), [b""]
    soundfile.write(memory, audio, 48000, format="OGG", subtype="OPUS")
    memory.seek(0)
    for _, lacing, body in _pages(memory):
        for size in lacing:
            packets[-1], body = packets[-1] + body[:size], body[size:]
            packets += [b""] if size < 255 else []
    opus, _, *sounds = packets[:-1]
    form = element("e1", element("b5", struct.pack(">d", 48000)), element("9f", b"\2"))
    kind = element("86", b"A_OPUS") + element("63a2", opus) + element("56aa", struct.pack(">I", 6_500_000))
    track = element("ae", element("d7", b"\1"), element("73c5", b"\1"), element("83", b"\2"), kind, form)
    blocks = (b"\x81" + struct.pack(">hB", 20 * n, 0x80) + one for n, one in enumerate(sounds))
    cluster = element("1f43b675", element("e7", b"\0"), *(element("a3", one) for one in blocks))
    info = element("1549a966", element("2ad7b1", (10**6).to_bytes(3, "big")))
    head = element("1a45dfa3", element("4282", b"webm"), element("4287", b"\4"), element("4285", b"\2"))
    return head + element("18538067", info, element("1654ae6b", track), cluster)


def by_ffmpeg(audio, folder, name):
    """The same as AAC in an MPEG-4 file, where this machine has ffmpeg."""
    if not shutil.which("ffmpeg"):
        pytest.skip("there is no ffmpeg here to make an m4a")
    soundfile.write(folder / "a.wav", audio, 48000)
    subprocess.run(["ffmpeg", "-v", "error", "-i", folder / "a.wav", folder / name], check=True)
    return (folder / name).read_bytes()


@pytest.mark.parametrize("name", ["ein Film.webm", "ein Memo.m4a", "umbenannt.mp3"])
def test_what_python_can_not_decode_the_browser_does(page, folder, tmp_path, name):
    """Five seconds, in which 440 and 660 Hz lie on the left, and as much later on the right."""
    time = np.arange(5 * 48000) / 48000
    first, second = (0.3 * np.sin(2 * np.pi * pitch * time) for pitch in (440, 660))
    audio = np.stack([first * (time < 2.5), second * (time >= 2.5)], 1).astype(np.float32)
    data = by_ffmpeg(audio, tmp_path, name) if name.endswith("m4a") else webm(audio)
    page.evaluate(DROPPED, [name, base64.b64encode(data).decode(), 1])
    page.wait_for_selector(f"text={name.split('.')[0]}.wav: 0.9 MB arrived.")  # 16 bits, 44,100 Hz, stereo
    convert(page)
    assert f"before: {name.split('.')[0]}" in page.inner_text(".nn-compare .heading >> nth=0")
    heard = decoded(page.locator(".nn-audio-before"))
    assert len(heard) / sound.SAMPLE_RATE == pytest.approx(5, abs=0.1)
    for start, pitch in ((0.1, 440), (2.6, 660)):
        part = heard[round(start * sound.SAMPLE_RATE) :][: 2 * sound.SAMPLE_RATE]  # bins of half a hertz
        assert np.abs(np.fft.rfft(part)).argmax() / 2 == pytest.approx(pitch, abs=1)
        assert part.std() == pytest.approx(0.3 / 2, rel=0.1)  # one side alone, folded into one channel
    torn = base64.b64encode(data[:40] + bytes(3000)).decode()
    page.evaluate(DROPPED, [name, torn, 1])
    page.wait_for_selector(
        f"text={name} can't be decoded by this browser: convert it to wav, flac, ogg or mp3 first."
    )
    page.click(".nn-convert")
    page.wait_for_selector("text=Choose a file to upload first")


def tab_to(page, selector, most=60):
    """Press Tab until the focus is on an element."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} can't be reached by keys")


def test_the_whole_task_by_keys_alone(page, folder):
    page.keyboard.press("Escape")
    page.focus(".jp-Cell")
    tab_to(page, ".nn-way button")
    page.keyboard.press("Space")
    tab_to(page, ".nn-song select")
    page.keyboard.press("ArrowDown")
    tab_to(page, ".nn-genre select")
    page.keyboard.type("reg")
    tab_to(page, ".nn-convert")
    page.keyboard.press("Enter")
    page.wait_for_selector(".nn-stop:enabled")
    page.wait_for_selector(".nn-convert:enabled")
    page.wait_for_timeout(1000)
    assert page.inner_text(".nn-compare .heading >> nth=1") == "B · after: reggae"
    if not page.evaluate("document.activeElement.matches('.nn-compare .play')"):
        tab_to(page, ".nn-compare .play")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('.nn-audio-after').currentTime > 0.5")
    page.keyboard.press("x")
    assert [silent for _, silent, *_ in players(page)] == [False, True]
    page.keyboard.press("Space")
    tab_to(page, ".nn-save-mp3")
    for _ in range(2):
        page.keyboard.press("Enter")
        page.wait_for_selector(".nn-saved .nn-download")
    title = " ".join(page.eval_on_selector(".nn-song select", "one => one.selectedOptions[0].text").split())
    saved = [path.name for path in (folder / "notebooks" / "outputs").iterdir()]
    assert saved == [f"{title} (reggae).mp3"]
    assert (
        page.locator(".jp-Notebook .jp-CodeCell").count() == 1
    )  # no key was JupyterLab's: X cuts a cell out
