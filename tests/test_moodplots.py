"""Pictures of lesson 09 say what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

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


def test_shares_of_windows_sum_to_one():
    ax = lesson_09.plot_windows(100, 40, 10)
    shares = np.array([line.get_ydata() for line in ax.lines], float)
    assert len(shares) == 3 and np.allclose(np.nansum(shares, 0), 1)
