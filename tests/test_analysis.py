"""Numerals, contour and statistics of tunes; the cheapest path; tunes to see, to hear and to analyse."""

from dataclasses import replace
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pytest

from noteninja_lib.lessons import lesson_02
from noteninja_lib.music import harmony, tunes
from noteninja_lib.music.harmony import cheapest_path
from noteninja_lib.music.score_io import read_notes
from noteninja_lib.music.tunes import load_tunes, to_stream

ODE = "E E F G | G F E D | C C D E | D3/2 C/2 C2 |"


@pytest.fixture(scope="module")
def ode():
    return read_notes(ODE)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("seed", range(3))
def test_path_is_the_cheapest_of_all(seed):
    rng = np.random.default_rng(seed)
    prices, steps = rng.random((5, 3)), rng.random((4, 3, 3))

    def price(path):
        return prices[range(5), path].sum() + sum(step[a, b] for step, a, b in zip(steps, path, path[1:]))

    assert cheapest_path(prices, steps) == list(min(product(range(3), repeat=5), key=price))


def test_path_of_a_single_slot():
    assert cheapest_path(np.array([[2.0, 1.0]]), []) == [1]


def test_numerals_name_each_chord_and_do_not_know_the_key(ode):
    numerals = tunes.roman_numerals(ode)
    assert len(numerals) == len(ode.chords) and numerals[-1] == "I"
    up = replace(
        ode, tonic=2, chords=tuple((s, d, (root + 2) % 12, quality) for s, d, root, quality in ode.chords)
    )
    assert tunes.roman_numerals(up) == numerals


def test_a_chord_outside_the_table_is_named_too(ode):
    strange = replace(ode, chords=((0.0, 8.0, 1, "maj"), (8.0, 4.0, 6, "dim"), (12.0, 4.0, 5, "dom7")))
    assert tunes.roman_numerals(strange) == ["bII", "#ivo", "IV7"]
    assert harmony.chord_name(9, "min") == "Am" and harmony.chord_name(10, "dom7") == "Bb7"


def test_contour_holds_each_note_and_has_no_mean():
    line = tunes.contour([(0, 1, 60), (1, 1, 64), (3, 1, 62)], 4, points=4)
    assert np.allclose(line, np.array([60, 64, 64, 62]) - 62.5)


def test_mean_contour_of_equal_phrases_is_theirs(ode):
    assert np.allclose(tunes.mean_contour([ode, ode]), tunes.contour(ode.notes, 16.0))


def test_shares(ode):
    steps, lengths = tunes.interval_shares([ode]), tunes.length_shares([ode])
    assert sum(steps.values()) == pytest.approx(1) and sum(lengths.values()) == pytest.approx(1)
    assert steps[2] == pytest.approx(3 / 14) and steps[7] == 0
    assert lengths == {0.5: 1 / 15, 1.0: 12 / 15, 1.5: 1 / 15, 2.0: 1 / 15}
    assert tunes.difference(steps, steps) == 0 and tunes.difference({1: 1.0}, {2: 1.0}) == 1


def test_statistics_of_a_collection_are_its_own():
    some = load_tunes(collection="aird")[:20]
    assert sum(tunes.interval_shares(some).values()) == pytest.approx(1)
    assert tunes.mean_contour(some).shape == (32,)


def test_tune_is_drawn_and_played(ode):
    ax = lesson_02.plot_tune(ode)
    assert ax.get_xlabel() == "bar" and len(ax.patches) == len(ode.notes) and "C major" in ax.get_title()
    assert lesson_02.plot_tune(ode, ax) is ax
    with_chords, without = lesson_02.play(ode), lesson_02.play(ode, chords=False)
    assert len(with_chords) == len(without) and not np.array_equal(with_chords, without)
    assert len(lesson_02.play(ode, 220)) < 0.6 * len(without)


def test_desk_analyses_what_lies_on_the_roll():
    desk = lesson_02.TuneDesk()
    assert len(desk.roll.notes) == 30 and not desk.picture.value
    desk.analyse()
    assert (
        desk.tune.tonic == 0 and "C major" in desk.message.value and desk.picture.value and desk.player.value
    )
    desk.abc.value = "X:1\nM:6/8\nL:1/8\nK:D\nDFA dcB | AFA GEC | DFA dcB | AFE D3 |"
    desk.use()
    assert desk.metre.value == "6/8" and desk.bars.value == 4 and desk.roll.bar == 3
    desk.analyse()
    assert "D major" in desk.message.value


def test_desk_takes_a_file(ode, tmp_path):
    desk = lesson_02.TuneDesk()
    desk.abc.value = str(to_stream(ode).write("midi", tmp_path / "ode.mid"))
    desk.use()
    assert [pitch for _, _, pitch in desk.roll.notes] == [pitch for _, _, pitch in ode.notes]
    desk.abc.value = str(tmp_path / "missing.mid")
    desk.use()
    assert "There is no file" in desk.message.value and len(desk.roll.notes) == 15


def test_desk_says_what_is_wrong_and_keeps_the_notes():
    desk = lesson_02.TuneDesk()
    before = desk.roll.notes
    desk.abc.value = "what is this?"
    desk.use()
    assert "nn-error" in desk.message.value and desk.roll.notes == before
    desk.roll.notes = before[:2]
    desk.analyse()
    assert "nn-error" in desk.message.value
