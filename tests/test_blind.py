"""The blind listening test and the pictures of lesson 11: handlers are called directly."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import binomtest
from widget_doubles import TONE

from noteninja_lib.audio.io import loudness
from noteninja_lib.errors import UserError
from noteninja_lib.lessons import lesson_11
from noteninja_lib.widgets.blind_test import BlindTest, chance, shuffled

OTHER = (0.05 * np.sign(np.sin(2 * np.pi * 220 * np.arange(len(TONE)) / 22050))).astype(np.float32)
PAIRS = {"one": (TONE, OTHER), "two": (OTHER, TONE)}


@pytest.fixture
def test(tmp_path, monkeypatch):
    monkeypatch.delenv("NOTENINJA_TEST", raising=False)
    return BlindTest(PAIRS, "Which is it?", rounds=5, seed=3, folder=tmp_path / "outputs")


def answer_all(test, right=True):
    for _ in range(test.rounds):
        place = test.plan[len(test.answers)][1]
        test.choose(place if right else 1 - place)


@pytest.mark.parametrize("right, trials", [(0, 1), (5, 8), (8, 8), (30, 50)])
def test_chance_is_the_binomial_tail(right, trials):
    assert chance(right, trials) == pytest.approx(binomtest(right, trials, 0.5, "greater").pvalue)


def test_order_is_by_seed_and_fair():
    assert shuffled("abc", 7, 1) == shuffled("abc", 7, 1) != shuffled("abc", 7, 2)
    plan = shuffled("ab", 2000, 0)
    assert abs(np.mean([place for _, place in plan]) - 0.5) < 0.05
    assert [sum(name == one for name, _ in plan) for one in "ab"] == [1000, 1000]
    assert len(shuffled("abc", 7, 0)) == 7


def test_players_hold_the_right_answer_where_the_plan_says(test):
    for _ in range(test.rounds):
        name, place = test.plan[len(test.answers)]
        assert bytes(test.players[place].value) == test.pairs[name][0]
        assert bytes(test.players[1 - place].value) == test.pairs[name][1]
        test.choose(0)


def test_both_sounds_are_equally_loud(test):
    import io

    import soundfile

    levels = [
        loudness(soundfile.read(io.BytesIO(sound))[0]) for pair in test.pairs.values() for sound in pair
    ]
    assert np.ptp(levels) < 1


def test_stereo_is_played_as_such_and_as_loud(tmp_path):
    import io

    import soundfile

    wide = np.repeat(TONE, 2)[:, None] * np.float32([1, 0.2])
    pairs = BlindTest({"one": (TONE, wide)}, "Which is it?", folder=tmp_path).pairs["one"]
    (mono, low), (stereo, high) = (soundfile.read(io.BytesIO(sound)) for sound in pairs)
    assert (low, high) == (22050, 44100) and (mono.ndim, stereo.ndim) == (1, 2)
    assert loudness(stereo, high) == pytest.approx(loudness(mono, low), abs=0.5)


def test_nothing_is_told_before_the_end(test):
    for _ in range(test.rounds - 1):
        test.choose(0)
        assert test.score.value == "" and test.save_button.disabled
    test.choose(0)
    assert "of 5 right" in test.score.value and all(button.disabled for button in test.buttons)
    test.choose(1)
    assert len(test.answers) == 5


@pytest.mark.parametrize("right, number, by_chance", [(True, 5, 1 / 32), (False, 0, 1)])
def test_score(test, right, number, by_chance):
    answer_all(test, right)
    results = test.results()
    assert (results["right"], results["trials"], results["chance"]) == (number, 5, by_chance)
    assert f"{number} of 5 right" in test.score.value and f"{by_chance:.1%}" in test.score.value


def test_results_are_saved_beside_earlier_ones(test):
    answer_all(test)
    first, second = test.save(), test.save()
    assert first != second and json.loads(first.read_text("utf-8")) == test.results()
    assert second.name in test.message.value


def test_folder_that_cannot_be_written_is_told(test, tmp_path):
    answer_all(test)
    test.folder = tmp_path / "file"
    test.folder.write_text("")
    assert test.save() is None and "Can't write" in test.message.value and "nn-error" in test.message.value


def test_begins_again_in_another_order(test):
    answer_all(test)
    test.begin(test.seed + 1)
    assert test.answers == [] and "Round 1 of 5" in test.heading.value and test.save_button.disabled


def test_no_pairs_are_refused():
    with pytest.raises(UserError, match="at least one pair"):
        BlindTest({}, "Which?")


def test_plane_names_every_point():
    ax = lesson_11.plot_plane({"ours": (0.9, 0.9), "copy": (1.0, 0.1), "truth": (1.0, 0.92)})
    assert {text.get_text() for text in ax.texts} == {"NoteNinja", "copy of the source", "the true recording"}
    heights = sorted(text.xyann[1] for text in ax.texts)
    assert min(np.diff(heights)) > 0.07
    plt.close(ax.figure)


def test_rivals_are_drawn_where_they_were_measured():
    figures = lesson_11.measured_figures()
    figure = lesson_11.plot_baselines(figures, {"judge": "judge", "outside_listener": "outside"})
    drawn = [len(ax.containers) for ax in figure.axes]
    assert drawn == [
        sum(name in baseline for baseline in figures["rivals"].values())
        for name in ("judge", "outside_listener")
    ]
    assert "NoteNinja" in [label.get_text() for label in figure.axes[0].get_yticklabels()]
