"""Engraving words, composing lines, cutting strips: what stands in the picture is what the words say."""

import re

import numpy as np
import pytest

from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.omr.composer import bar_ticks, compose, spell
from noteninja_lib.omr.page_maker import (
    HEIGHT,
    SPACE,
    TOP_LINE,
    cut_staff_images,
    degrade,
    find_systems,
    make_staff_images,
    without_empty_end,
)
from noteninja_lib.omr.rendering import BELOW, FONTS, engrave, rasterise, ticks
from noteninja_lib.omr.vocabulary import BAR_LINES, VOCABULARY, decode, encode, key_alter, position_and_value

HEAD = ["clef:treble", "time:4/4"]


def staff_image_of(words, zoom=0.5, **options):
    svg = engrave([words], pageMarginTop=150, pageMarginBottom=150, **options)
    return next(cut_staff_images(rasterise(svg, zoom), find_systems(svg), zoom))


def count(svg, kind):
    return len(re.findall(rf'class="{kind}[ "]', svg))


def test_words_become_the_signs_that_they_name():
    line = (
        "clef:bass flat1 flat2 flat3 time:C| note:0:2 dot note:-3:4 tie bar note:-3:8 chord "
        "acc:# note:4:16 note:5:16 rest:4 triplet note:6:8 note:5:8 note:4:8 end-triplet repeat-end "
        "time:3/4 rest:1 bar ending:1 note:1:2 dot repeat-end ending:2 note:1:32 final-bar"
    )
    svg = engrave([line.split()])
    assert [
        count(svg, kind)
        for kind in (
            "clef",
            "keyAccid",
            "meterSig",
            "rest",
            "mRest",
            "tuplet",
            "chord",
            "tie",
            "dots",
            "ending",
        )
    ] == [1, 3, 2, 1, 1, 1, 1, 1, 2, 2]
    assert count(svg, "note") - 10 in map(len, BELOW) and count(svg, "measure") == 5


def test_a_change_of_key_prints_naturals_where_the_words_cancel():
    assert (
        count(
            engrave([["clef:treble", "sharp1", "note:0:4", "bar", "cancel", "note:1:4", "bar"]]), "keyAccid"
        )
        == 2
    )
    assert (
        count(
            engrave([["clef:treble", "sharp1", "note:0:4", "bar", "sharp1", "sharp2", "note:1:4", "bar"]]),
            "keyAccid",
        )
        == 3
    )


@pytest.mark.parametrize("font", FONTS)
def test_strips_hold_the_staff_where_it_belongs(font):
    staff_image = staff_image_of([*HEAD, "note:4:4", "bar"] + ["note:4:4"] * 3 + ["bar"], font=font)
    assert staff_image.shape[0] == HEIGHT and staff_image.dtype == np.uint8
    dark = np.median(staff_image[:, SPACE + 4 : -SPACE - 4], axis=1)
    rows = [TOP_LINE + SPACE * line for line in range(5)]
    assert all(dark[row - 1 : row + 2].min() < 200 for row in rows)
    assert dark[[row + SPACE // 2 for row in rows]].min() > 220
    assert (
        np.median(staff_image[TOP_LINE - 1 : TOP_LINE + 2, SPACE + 2]) < 220
        and staff_image[:, : SPACE - 3].min() > 200
    )


@pytest.mark.parametrize("position", [-6, 0, 3, 8, 13])
def test_a_note_stands_at_its_position(position):
    """Where a line with the note is darker than one with a note on the middle line, there is its head."""
    staff_image = staff_image_of(["clef:treble", *["rest:4"] * 3, f"note:{position}:1", "bar"])
    other = staff_image_of(["clef:treble", *["rest:4"] * 3, "note:4:1", "bar"])
    width = min(staff_image.shape[1], other.shape[1])
    more = np.clip(other[:, :width].astype(int) - staff_image[:, :width], 0, None)[:, width // 2 :].sum(1)
    expected = TOP_LINE + SPACE * 4 - position * SPACE / 2
    middle = (
        (more * np.arange(HEIGHT)).sum() / more.sum()
        if 0 <= position <= 8
        else np.argmax(np.convolve(more, np.ones(7), "same"))
    )
    assert abs(middle - expected) < SPACE * 0.7


def bars_of(lines):
    """Ticks of each bar, and the bar that its metre asks for."""
    metre, filled, triplet, last = None, 0, False, 0
    for word in (word for line in lines for word in line):
        if word.startswith("time:"):
            metre = word[5:]
        elif word == "triplet":
            triplet = True
        elif word == "end-triplet":
            triplet = False
        elif word.startswith(("note:", "rest:")):
            last = position_and_value(word)[1]
            filled += ticks(last) * (2 / 3 if triplet else 1)
            dots = 0
        elif word == "dot":
            dots += 1
            filled += ticks(last, dots) - ticks(last, dots - 1)
        elif word in BAR_LINES and filled:
            yield round(filled), bar_ticks(metre)
            filled = 0


@pytest.mark.parametrize("seed", range(6))
def test_composed_bars_add_up(seed):
    draw = np.random.default_rng(seed)
    tunes = load_tunes("train")
    for number in range(10):
        lines = compose(draw, tunes[draw.integers(len(tunes))] if number % 2 else None)
        assert lines and decode(encode(sum(lines, []))) == sum(lines, [])
        assert all(line[0].startswith("clef:") for line in lines)
        if number % 2 and lines[0][0]:
            sums = [filled == asked for filled, asked in bars_of(lines) if filled]
            assert np.mean(sums) > 0.9


def test_chance_draws_every_word():
    draw, seen = np.random.default_rng(0), set()
    for _ in range(700):
        seen |= {word for line in compose(draw, None, 6) for word in line}
    rare = {word for word in VOCABULARY if word not in seen}
    assert {word for word in rare if not word.startswith("note:")} == {"clef:percussion"}  # set on pages
    assert len(rare) < 12


def test_spelling_follows_the_key():
    assert spell(60, 0) == (28, 0) and spell(66, 1) == (31, 1) and spell(70, -1) == (34, -1)
    assert spell(61, 0) == (28, 1) and spell(63, 0) == (30, -1) and spell(71, -7) == (35, -1)
    assert [key_alter(letter, 2) for letter in range(7)] == [1, 0, 0, 1, 0, 0, 0]
    assert [key_alter(letter, -2) for letter in range(7)] == [0, 0, -1, 0, 0, 0, -1]


def test_strips_come_with_their_words_and_wear():
    draw, made = np.random.default_rng(5), []
    while len(made) < 12:
        made += make_staff_images(draw, load_tunes("train"))
    for staff_image, words, _ in made:
        assert staff_image.shape[0] == HEIGHT and encode(words) and 4 * len(words) < staff_image.shape[1]
        assert np.median(staff_image) > 240 and staff_image.min() < 60
    first = made[0][0]
    degraded = [degrade(first, np.random.default_rng(seed), other=made[1][0]) for seed in range(20)]
    assert all(one.shape[0] == HEIGHT and one.dtype == np.uint8 for one in degraded)
    assert all(0.85 < one.shape[1] / first.shape[1] < 1.15 for one in degraded)
    assert len({one.tobytes() for one in degraded}) == 20
    assert (
        degrade(first, np.random.default_rng(3)).tobytes()
        == degrade(first, np.random.default_rng(3)).tobytes()
    )


def test_a_line_may_end_with_a_signature():
    line = ["clef:alto", "note:4:2", "note:4:2", "bar", "sharp1", "sharp2", "time:3/4"]
    svg = engrave([line, ["clef:alto", "sharp1", "sharp2", "note:4:2", "bar"]])
    assert (count(svg, "keyAccid"), count(svg, "meterSig"), len(find_systems(svg))) == (4, 1, 2)
    staff_image = staff_image_of(line)
    ended = without_empty_end(staff_image)
    assert ended.shape[1] < staff_image.shape[1] and ended[:, -SPACE:].min() == 255
    assert (ended[:, :-SPACE] == staff_image[:, : ended.shape[1] - SPACE]).all() and ended[
        36:60, -3 * SPACE : -SPACE
    ].min() < 100
