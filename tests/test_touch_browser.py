"""All instruments of the course in JupyterLab, in a real Chromium: mouse and keys there, values in Python.

The notebook writes what Python knows into the page after each change, so that a test can wait for it.
"""

import json
from importlib import resources

import numpy as np
import pytest
from lab_server import ROOT, decoded, opened, write_notebook

from noteninja_lib.arranger.performance import Clock
from noteninja_lib.widgets.style_sheet import STATIC

pytestmark = pytest.mark.browser
#: Those that make something show what a double of the converter has made, and so all their parts.
NOTEBOOK = f"""
import importlib, json, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from types import SimpleNamespace
import ipywidgets
import numpy as np
from widget_doubles import TONE, Pipeline
from noteninja_lib.lessons.exercise import Desk
from noteninja_lib.music.tunes import find_tune
from noteninja_lib.widgets import blind_test, converter, sheet_reader
from noteninja_lib.widgets.workbench import Workbench

folder = "noteninja_lib.lessons"
lessons = {{number: importlib.import_module(f"{{folder}}.lesson_{{number:02}}") for number in range(13)}}
def used(kind, start):
    widget = kind(pipeline=Pipeline(), in_background=False)
    getattr(widget, start)()
    return widget
title = "Auld Robin Gray"
page, lines = sheet_reader.sample_page(title, zoom=0.6, most=2), sheet_reader.sample_lines(title)[:2]
clip = SimpleNamespace(file="rock.00000.wav")
clips = SimpleNamespace(labels=["rock"], index=[clip], has_scores=False, audio=lambda number: TONE)
stems, mask = SimpleNamespace(voice=TONE, band=TONE), np.full((1025, 130), 0.5)
pad, studio, trip = converter.genre_pad(), converter.inventor(), converter.journey()
drums = lessons[3].StepSequencer(find_tune("ryan-0344-the-girl-i-left-behind-me"), "disco")
instruments = {{
    "one": pad, "two": studio, "three": trip, "drums": drums,
    "converter": used(converter.converter, "convert"),
    "mixer": used(converter.song_mixer, "mix"), "journey": used(converter.journey, "make"),
    "maker": converter.genre_maker(), "sheets": converter.sheet_reader(), "tunes": lessons[2].TuneDesk(),
    "lab": lessons[1].SpectrogramLab({{"tone": TONE}}), "clips": lessons[4].ClipBrowser(clips),
    "explorer": lessons[6].explore(lambda t: ipywidgets.HTML("drawn"), t=(0.0, 1.0, 0.1, 0.5)),
    "pages": lessons[10].PageBreaker(page, lines), "masks": lessons[12].MaskDesk(stems, {{"half": mask}}),
    "blind": blind_test.BlindTest({{"a": (TONE, TONE)}}, "Which?"),
}}
missing = {{*Desk.__subclasses__(), *Workbench.__subclasses__()}} - set(map(type, instruments.values()))
assert not missing, missing
echo = ipywidgets.HTML()
def tell(_=None):
    echo.value = json.dumps({{"shares": pad.pad.shares(), "notes": studio.roll.notes,
                             "valence": trip.valence.points, "pattern": drums.pattern()}})
for part in (pad.pad, studio.roll, trip.valence, drums.grid):
    part.observe(tell)
for name, part in {{"echo": echo, **instruments}}.items():
    part.add_class("test-" + name)
tell()
ipywidgets.VBox([*instruments.values(), echo])  # what grows stands last: nothing moves under the mouse
"""
INSTRUMENTS = (
    "one",
    "two",
    "three",
    "drums",
    "converter",
    "mixer",
    "journey",
    "maker",
    "sheets",
    "tunes",
    "lab",
)
INSTRUMENTS += ("clips", "explorer", "pages", "masks", "blind")
#: Notes when each stroke is set to begin, and which step is lit from when on.
SPY = """() => {
    [window.strokes, window.lit] = [[], []];
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function (when) {
        window.strokes.push([when, Math.max(...this.buffer.getChannelData(0))]);
        return start.call(this, when);
    };
    // A busy machine lights two steps before anybody looks: so each change is read, not what is lit at last.
    new MutationObserver(changes => changes.forEach(({target, oldValue}) => {
        if (!/\\bnow\\b/.test(oldValue ?? '')) window.lit.push(Number(target.innerText));
    })).observe(document.querySelector('.test-drums thead'),
                {subtree: true, attributeFilter: ['class'], attributeOldValue: true});
}"""
AXE = """async selector => (await axe.run(selector, {resultTypes: ['violations']})).violations
    .filter(({impact}) => ['serious', 'critical'].includes(impact))
    .map(({id, nodes}) => [id, ...nodes.map(({html}) => html.slice(0, 200))])"""
#: All that can be used in an instrument; of the grid's steps one, from which arrow keys lead to the others.
STOPS = """root => [...root.querySelectorAll(
        'button:not(.step[tabindex="-1"]), select, input, textarea, audio, ' +
        'a[href], [role=slider], [role=button]')]
    .filter(one => one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.type !== 'file')
    .forEach((one, number) => { one.dataset.stop = number; })"""
FOCUSED = """root => {
    const one = document.activeElement, {outlineStyle, outlineWidth} = getComputedStyle(one);
    const seen = outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2;
    return root.contains(one) ? [one.dataset.stop, seen, one.outerHTML.slice(0, 200)] : null;
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the notebook lies, and what it saves."""
    folder = tmp_path_factory.mktemp("touch")
    (folder / "notebooks").mkdir()
    return folder


@pytest.fixture(scope="module")
def page(chromium, folder):
    """A notebook with all instruments, run, and their folds opened."""
    write_notebook(folder / "notebooks" / "touch.ipynb", NOTEBOOK.strip())
    with opened(chromium, folder, "touch.ipynb", ".test-blind .nn-blind-again", height=1000) as page:
        page.wait_for_selector(".test-three .nn-curve .dot")
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


def test_steps_follow_each_other_as_in_the_arrangers_groove(page):
    source = (STATIC / "touch.js").read_text("utf-8") + (STATIC / "steps.js").read_text("utf-8")
    walk = """async ([source, legs]) => {
        const blob = new Blob([source], {type: 'text/javascript'});
        const {due} = await import(URL.createObjectURL(blob)), clock = {step: 0, time: 0};
        return legs.flatMap(([until, tempo, swing]) => due(clock, until, 16, tempo, swing));
    }"""
    for tempo, swing in ((120, 0), (75, 1), (180, 0.6)):
        groove, bar = Clock(tempo, swing, False), 4 * 60 / tempo
        right = [groove.groove(step / 4) for step in range(40)]
        for legs in (
            [[2.5 * bar - 1e-9]],
            [[0.1], [0.9 * bar], [bar], [2.5 * bar - 1e-9]],
        ):  # however often one looks
            found = page.evaluate(walk, [source, [[until, tempo, swing] for [until] in legs]])
            assert [one["step"] for one in found] == [step % 16 for step in range(40)]
            assert np.allclose([one["time"] for one in found], right, atol=1e-9)
    found = page.evaluate(
        walk, [source, [[0.49, 120, 0], [1.2, 60, 0]]]
    )  # a new tempo acts from the next step on
    assert np.allclose([one["time"] for one in found], [0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0], atol=1e-9)


def test_the_grid_is_walked_by_keys(page):
    page.click(".test-drums button:has-text('Clear the grid')")
    wait_until(page, "!Object.values(told.pattern).join('').includes('X')")
    assert page.locator(".test-drums tbody th").all_inner_texts()[1] == "open hat"
    assert page.locator(".test-drums thead th").all_inner_texts() == [str(step) for step in range(1, 17)]
    page.focus(".test-drums .step >> nth=0")
    for key in (
        "ArrowDown",
        "End",
        "Space",
        "ArrowUp",
        "ArrowLeft",
        "Enter",
        "Home",
        "ArrowLeft",
        "ArrowUp",
        "Space",
    ):
        page.keyboard.press(key)
    pattern = wait_until(page, "told.pattern.ride.startsWith('X')")["pattern"]
    assert pattern["open_hat"] == "." * 15 + "X" and pattern["ride"] == "X" + "." * 13 + "X."
    assert page.locator(".test-drums .step[aria-pressed=true]").count() == 3
    page.click(".test-drums .step >> nth=0")
    wait_until(page, "told.pattern.ride.startsWith('.')")


def test_the_loop_plays_lights_swings_and_stops(page):
    page.click(".test-drums button:has-text('Clear the grid')")
    wait_until(page, "!Object.values(told.pattern).join('').includes('X')")
    for step in range(0, 16, 2):
        page.click(f".test-drums [aria-label='kick, step {step + 1}']")
    page.evaluate(SPY)
    tempo, swing = (
        page.locator(f".test-drums [role=slider][aria-label={name}]") for name in ("tempo", "swing")
    )
    page.click(".test-drums .nn-loop")
    page.wait_for_function("window.lit.length > 17")
    lit, strokes = page.evaluate("[window.lit, window.strokes]")
    assert all(after == before % 16 + 1 for before, after in zip(lit, lit[1:]))
    eighth = 30 / float(tempo.get_attribute("aria-valuenow"))
    assert len(strokes) >= 8 and np.allclose(np.diff([when for when, _ in strokes]), eighth, atol=1e-6)
    assert all(loud > 0.1 for _, loud in strokes)  # real sound
    tempo.press("Home")  # 60 beats a minute, and full swing: at once, and without asking Python
    swing.press("End")
    page.evaluate("window.strokes.length = 0")
    page.wait_for_function("window.strokes.length > 5")
    gaps = np.diff([when for when, _ in page.evaluate("window.strokes")])[1:]
    assert np.allclose(gaps[:-1] + gaps[1:], 1, atol=1e-6) and np.isclose(gaps.max(), 2 / 3, atol=1e-6)
    assert page.inner_text(".test-drums .nn-loop") == "Stop"
    page.click(".test-drums .nn-loop")
    count = page.evaluate("window.strokes.length")
    page.wait_for_timeout(1200)
    assert page.evaluate("window.strokes.length") == count and page.locator(".test-drums .now").count() == 0


def test_every_instrument_has_large_type(page):
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    for name in INSTRUMENTS:
        widget, part = (
            f".test-{name}",
            f".test-{name} :is(.widget-label, .jupyter-button, .nn-touch, b):visible >> nth=0",
        )
        usual = page.locator(part).evaluate(size)
        page.click(f"{widget} .nn-stage-toggle")
        page.wait_for_selector(f"{widget}.nn-stage")
        assert page.locator(part).evaluate(size) >= 24 > usual, name
        outer = box_of(page, widget)
        for inner in page.locator(f"{widget} .nn-touch:visible").all():
            box = inner.bounding_box()
            assert box["x"] + box["width"] <= outer["x"] + outer["width"] + 1, name
        page.click(f"{widget} .nn-stage-toggle")


def test_everything_is_reached_by_keys_and_seen_to_be(page):
    for head in page.locator(".jupyter-widget-Collapse-header:visible").all():
        head.press("Enter")
    page.wait_for_function(
        "document.querySelectorAll('.jupyter-widget-Collapse-header[aria-expanded=true]').length > 5"
    )
    for name in INSTRUMENTS:
        root = page.locator(f".test-{name}")
        root.evaluate(STOPS)
        root.evaluate("root => { root.tabIndex = -1; root.focus(); }")
        visited, unseen = set(), []
        while page.keyboard.press("Tab") is None and (found := root.evaluate(FOCUSED)):
            visited.add(found[0])
            unseen += [] if found[1] else [found[2]]
        everything = root.locator("[data-stop]").evaluate_all("all => all.map(one => one.dataset.stop)")
        assert unseen == [] and set(everything) <= visited, name


def test_parts_have_names(page):
    named = "all => all.map(one => one.getAttribute('aria-label'))"
    assert page.locator(".test-blind audio").evaluate_all(named) == ["blind player a", "blind player b"]
    passage = page.locator(".test-converter .nn-passage [role=slider]").evaluate_all(named)
    assert passage == ["from, to, start", "from, to, end"]
    pictures = page.locator(".test-converter img").evaluate_all("all => all.map(one => one.alt)")
    assert [text.split(":")[0] for text in pictures] == ["picture of before", "picture of after"]
    names = page.locator(":is(select, audio, [role=slider]):not(.nn-touch *)").evaluate_all(named)
    assert len(names) > 100 and not any(name is None or "undefined" in name for name in names)


def test_axe_finds_nothing_serious(page):
    page.evaluate(resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    assert {name: found for name in INSTRUMENTS if (found := page.evaluate(AXE, f".test-{name}"))} == {}
