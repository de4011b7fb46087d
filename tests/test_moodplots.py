"""Pictures of lesson 09 say what they are given."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from noteninja_lib import plots
from noteninja_lib.lessons import lesson_09
from noteninja_lib.music.style import MOODS, TRIADS


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_chords_have_their_names():
    assert [lesson_09.chord_name(chord) for chord in (0, 9, 12, 21, 18)] == ["C", "A", "Cm", "Am", "F♯m"]
    assert set(np.flatnonzero(TRIADS[21])) == {9, 0, 4}  # A C E


def test_moods_lie_on_their_plane():
    ax = lesson_09.plot_moods(MOODS)
    found = {text.get_text(): text.xy for text in ax.texts}
    assert found == MOODS


def test_chords_are_drawn_in_their_segments():
    ax = lesson_09.plot_chords({"before": [0, 7], "after": [21, 7]}, [slice(0, 100), slice(100, 300)])
    assert [text.get_text() for text in ax.texts] == ["Am", "G", "C", "G"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["after", "before"]
    widths = [patch.get_width() for patch in ax.patches]
    assert widths[1] == pytest.approx(2 * widths[0])


def test_a_journey_is_drawn_over_its_plan():
    beats = np.concatenate([np.arange(0, 60, 0.5), np.arange(60, 120, 0.4)])  # 120, then 150 a minute
    result = SimpleNamespace(
        audio=np.zeros((120 * 44100, 2)), sample_rate=44100, piano_roll=SimpleNamespace(beats=beats)
    )
    heard = [
        {"from": 0, "to": 60, "major_chords": 0.9, "lufs": -20, "tempo": 240},
        {"from": 60, "to": 120, "major_chords": 0.2, "lufs": -16, "tempo": 74},
    ]
    figure = plots.plot_journey(result, [(0, (1, -1)), (1, (-1, 1))], heard, plots.new_figure(7, 4.6))
    valence, arousal, tempo, major, loudness = figure.axes
    assert np.allclose(valence.lines[0].get_data(), [[0, 120], [1, -1]])
    assert np.allclose(arousal.lines[0].get_data(), [[0, 120], [-1, 1]])
    assert np.allclose(major.lines[0].get_ydata(), [0.9, 0.2]) and np.allclose(
        loudness.lines[0].get_ydata(), [-20, -16]
    )
    assert np.allclose(tempo.lines[0].get_ydata()[[0, -1]], [120, 150])
    assert np.allclose(
        tempo.lines[1].get_data(), [[30, 90], [120, 148]]
    )  # as near to the plan as octaves allow
    figure.draw_without_rendering()
    assert [label.get_text() for label in tempo.get_xticklabels()][:4] == ["0:00", "0:15", "0:30", "0:45"]


def test_shares_of_windows_sum_to_one():
    ax = lesson_09.plot_windows(100, 40, 10)
    shares = np.array([line.get_ydata() for line in ax.lines], float)
    assert len(shares) == 3 and np.allclose(np.nansum(shares, 0), 1)
