"""What lesson 10 shows of printed lines: engraved strips, easy lines, row sums, CTC, errors cut out, a
page that is spoiled."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from noteninja_lib.errors import UserError
from noteninja_lib.lessons import lesson_10
from noteninja_lib.models.crnn import Symbol
from noteninja_lib.omr.vocabulary import VOCABULARY, decode

LINES = [
    ["clef:treble", "note:4:4", "note:4:4", "bar", "note:2:2", "final-bar"],
    ["clef:treble", "note:0:1", "final-bar"],
]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def symbols(*words):
    return [Symbol(word, 50 + 40 * place, 0.9) for place, word in enumerate(words)]


def test_strips_have_their_lines_where_the_network_expects_them():
    for staff_image in lesson_10.engrave_staff_images(LINES, width=640):
        assert staff_image.shape[0] == 96 and staff_image.dtype == np.uint8
        dark = (255 - staff_image[:, 40:-20].astype(float)).mean(axis=1)
        assert set(np.argsort(dark)[-5:]) == {32, 40, 48, 56, 64}


def test_easy_lines_are_the_same_for_the_same_seed_and_go_with_their_words():
    lines = lesson_10.EasyLines(4, fonts=("Leland", "Petaluma"))
    assert len(lines) == len(lines.words) == len(lines.widths) == 4
    assert lines.words == lesson_10.EasyLines(4).words != lesson_10.EasyLines(4, seed=1).words
    staff_image, numbers = lines[3]
    assert decode(numbers) == lines.words[3] and staff_image.shape == (96, lines.widths[3])
    for words in lines.words:
        beats = sum(4 / int(word.split(":")[-1]) for word in words if word.startswith("note"))
        assert beats == 8 and words[-1] == "final-bar"


def test_errors_are_found_where_they_are():
    read = symbols("clef:treble", "note:4:4", "note:5:4", "bar", "final-bar")
    assert lesson_10.find_errors(LINES[0], read) == [(130, "note:4:4", "note:5:4"), (170, "note:2:2", None)]
    assert lesson_10.find_errors(LINES[1], []) == [(0.0, word, None) for word in LINES[1]]


def test_pictures_of_lines_and_errors():
    staff_images = lesson_10.engrave_staff_images(LINES, width=640)
    assert len(lesson_10.plot_staff_images({"one": staff_images[0], "two": staff_images[1]})) == 2
    errors = [
        (staff_images[0], 130, "note:4:4", "note:5:4"),
        (staff_images[1], 20, "dot", None),
        (staff_images[0], 130, "note:4:4", "note:5:4"),
    ]
    axes = lesson_10.plot_errors(errors)
    assert [ax.get_title() for ax in axes] == [
        "note:4:4\nread as\nnote:5:4\n2 ×",
        "dot\nread as\nnothing\n1 ×",
    ]
    assert len(lesson_10.plot_errors([])) == 1  # a reader without fault breaks no lesson


def test_ctc_picture_has_a_row_for_each_word_in_order():
    chances = np.full((6, len(VOCABULARY) + 1), 1e-4)
    for column, label in enumerate((0, 5, 0, 2, 2, 0)):
        chances[column, label] = 0.98
    _, ax = lesson_10.plot_ctc(np.full((96, 24), 255, np.uint8), chances, VOCABULARY)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["blank", VOCABULARY[4], VOCABULARY[1]]


def test_row_sums_stand_beside_their_page():
    page = np.full((40, 60), 255, np.uint8)
    page[10] = 0
    axes = lesson_10.plot_row_sums(page, (page < 128).mean(axis=1), np.array([10.0]))
    assert axes[1].lines[1].get_xydata().tolist() == [[1.0, 10.0]]


def test_spoiling_nothing_only_adds_paper():
    page = np.random.default_rng(0).integers(0, 256, (30, 40)).astype(np.uint8)
    same = lesson_10.spoil(page)
    assert np.array_equal(same[60:-60, 60:-60], page) and (same[:60] == 255).all()


def test_blur_tilt_and_fade_do_what_they_say():
    page = np.full((200, 300), 255, np.uint8)
    page[100, 20:-20] = 0
    assert lesson_10.spoil(page, blur=3).min() > 100
    rows = np.nonzero(lesson_10.spoil(page, tilt=10) < 128)[0]
    assert 30 < np.ptp(rows) < 60  # 260 pixels at 10 degrees rise by 45
    faded = lesson_10.spoil(page, fade=0.5)[160, 80:-80]
    assert abs(faded.mean() - 127) < 5 and faded.std() > 4


def test_error_rate_counts_edits_per_printed_symbol():
    assert lesson_10.error_rate(LINES, LINES) == 0
    assert lesson_10.error_rate(LINES, [LINES[0][:-1], LINES[1]]) == pytest.approx(1 / 9)
    assert lesson_10.error_rate(LINES, []) == 1


def test_breaker_reads_again_and_tells_a_refusal(monkeypatch):
    from test_sheet_widget import WORDS, sheet_of

    seen = []

    def read(page):
        seen.append(page)
        if page.min() > 100:
            raise UserError("The page is blank.")
        return sheet_of(WORDS)

    monkeypatch.setattr(lesson_10, "read_sheet", read)
    page = np.full((100, 200), 255, np.uint8)
    page[50] = 0
    breaker = lesson_10.PageBreaker(page, WORDS)
    assert breaker.rate == 0 and "nn-symbol" in breaker.page.value and "nn-info" in breaker.message.value
    breaker.tilt.value = 3
    assert len(seen) == 2 and not np.array_equal(*seen)
    breaker.fade.value = 1
    assert (
        breaker.rate == 1
        and "The page is blank." in breaker.message.value
        and "nn-error" in breaker.message.value
    )
    assert "<image" in breaker.page.value and "nn-symbol" not in breaker.page.value


def test_the_engraver_can_be_begun_in_a_thread():
    """As a widget does it; verovio's own default for its fonts holds in the main thread only."""
    from concurrent.futures import ThreadPoolExecutor

    from noteninja_lib.omr import rendering

    rendering.toolkit.cache_clear()
    with ThreadPoolExecutor(1) as pool:
        assert 'class="staff"' in pool.submit(rendering.engrave, LINES).result()
