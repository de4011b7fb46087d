"""The page without code, as `run.py lab` and `run.py app` serve it, in a Chromium that knows no internet."""

import json
import shutil
import urllib.error
import urllib.request

import numpy as np
import psutil
import pytest
import soundfile
from lab_server import CHROMIUM_FLAGS, MINUTES, ROOT, decoded, jupyterlab, sync_playwright, write_notebook

from noteninja_lib.lessons.working_copies import bring_up_to_date

pytestmark = pytest.mark.browser
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
LESSON = "00_genre_converter.ipynb"
FOCUS = "selector => document.activeElement?.matches(selector)"


def words_of(run, command):
    """Command line and environment with which run.py starts a server."""
    started = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "run", lambda words, **environment: started.append((words, environment)) or 0)
        getattr(run, command)([])
    return started[-1]


@pytest.fixture
def folder(tmp_path):
    """A course of its own: its page, a lesson, and a page that fails."""
    (tmp_path / "notebooks").mkdir()
    for name in ("converter.ipynb", LESSON):
        shutil.copy(ROOT / "notebooks" / name, tmp_path / "notebooks")
    bring_up_to_date(tmp_path / "work")
    write_notebook(tmp_path / "notebooks" / "broken.ipynb", "raise RuntimeError('torch is missing')")
    return tmp_path


def kernels(address):
    return json.load(urllib.request.urlopen(f"{address}/api/kernels"))


def tab_to(page, selector):
    """Go to a control by the Tab key alone."""
    for _ in range(60):
        if page.evaluate(FOCUS, selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} can't be reached by keyboard")


def test_a_song_is_converted_by_keyboard_then_a_big_one_is_dropped(chromium, run, folder):
    words, environment = words_of(run, "lab")
    environment |= {"NOTENINJA_WORK": str(folder / "work"), "NOTENINJA_TEST": ""}
    with jupyterlab(folder, words, **environment) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_FLAGS, OFFLINE])
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        context.set_default_timeout(3 * MINUTES)
        asked = []
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.goto(f"{address}/{run.PAGE}", wait_until="commit")
        page.wait_for_selector("text=The converter is starting")
        page.wait_for_selector(".nn-convert:enabled")
        assert page.title().strip() == "NoteNinja"
        assert page.locator(".jp-CodeMirrorEditor, .jp-InputArea").count() == 0
        assert page.evaluate("document.documentElement.scrollHeight") <= 768
        assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []

        tab_to(page, ".nn-song select")
        first = decoded(page.locator(".nn-preview"))
        page.keyboard.press("ArrowDown")
        tab_to(page, ".nn-genre select")
        page.keyboard.type("reggae")
        tab_to(page, ".nn-convert")
        page.keyboard.press("Enter")
        page.wait_for_selector(".nn-stop:enabled")
        page.wait_for_selector(".nn-convert:enabled")
        assert "after: reggae" in page.inner_text(".nn-compare")
        assert np.abs(decoded(page.locator(".nn-audio-after"))).max() > 0.01
        assert not np.array_equal(decoded(page.locator(".nn-preview")), first)
        tab_to(page, ".nn-save-mp3")
        page.keyboard.press("Enter")
        page.wait_for_selector(".nn-download")
        tab_to(page, ".nn-download")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        (saved,) = (folder / "notebooks" / "outputs").glob("*.mp3")
        assert download.value.path().read_bytes() == saved.read_bytes()

        time = np.arange(20 * 192000) / 192000
        tone = (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
        song = folder / "a big song.wav"
        soundfile.write(song, np.stack([tone, tone], 1), 192000, subtype="FLOAT")
        assert song.stat().st_size > 30e6
        page.click(".nn-way button >> nth=2")
        with page.expect_file_chooser() as chooser:
            page.click(".nn-upload button")
        chooser.value.set_files(song)
        page.wait_for_selector("text=MB arrived")
        page.click(".nn-convert")
        page.wait_for_selector(".nn-stop:enabled")
        page.wait_for_selector(".nn-convert:enabled")
        assert "before: a big song" in page.inner_text(".nn-compare")

        dropped = page.evaluate_handle("""() => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(9)], "dropped.wav"));
            return data;
        }""")
        page.dispatch_event("body", "drop", {"dataTransfer": dropped})  # beside the widget
        page.wait_for_selector("text=dropped.wav: 0.0 MB arrived")

        (kernel,) = kernels(address)  # the page's
        with context.expect_page() as opened:
            page.click("text=Lessons >> nth=0")
        opened.value.wait_for_selector(f'.jp-DirListing >> text="{LESSON}"')
        opened.value.wait_for_selector(".jp-Notebook .jp-Cell")
        assert opened.value.url.split("?")[0] == f"{address}/lab/tree/work/{LESSON}"
        for _ in range(300):  # until the lesson's own kernel is there
            page.wait_for_timeout(200)
            if len(kernels(address)) == 2:
                break
        opened.value.close()

        before = len(kernels(address))
        broken = context.new_page()
        broken.goto(f"{address}/voila/render/notebooks/broken.ipynb")
        broken.wait_for_selector("text=the terminal says more")
        assert "RuntimeError" not in broken.inner_text("body") and len(kernels(address)) == before + 1
        broken.close(run_before_unload=True)
        page.wait_for_timeout(1000)
        assert len(kernels(address)) == before, "a closed page gives its kernel back"

        for process in psutil.process_iter(["cmdline"]):  # as the system does when memory is short
            if kernel["id"] in " ".join(process.info["cmdline"] or []):
                process.kill()
        page.wait_for_function("getComputedStyle(document.body, '::before').content.includes('reload')")
        browser.close()
    log = (folder / "jupyterlab.log").read_text(errors="replace")
    assert f"/{run.PAGE}" in log and "Unrecognized" not in log


def test_the_converter_alone(run, folder):
    """`run.py app`: the page, and nothing else."""
    words, environment = words_of(run, "app")
    with jupyterlab(folder, words, **environment) as address:
        for place in ("lab", "tree"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{address}/{place}")
        page = urllib.request.urlopen(address)  # where the browser is sent
        assert page.url == f"{address}/{run.PAGE}" and b"<title>NoteNinja</title>" in page.read(5000)
    log = (folder / "jupyterlab.log").read_text(errors="replace")
    assert f"/{run.PAGE}" in log and "Unrecognized" not in log
