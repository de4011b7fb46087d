"""The plots show what they are given, on axes that say what they measure."""

from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import soxr
import torch

from noteninja_lib import plots
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import HOP_LENGTH, N_MELS, log_mel

TIME = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
A4 = (0.5 * np.sin(2 * np.pi * 440 * TIME)).astype(np.float32)
NOTE = SimpleNamespace(start=0.5, end=1.5, pitch=69, velocity=80)
PROBABILITIES = {"rock": 0.25, "blues": 0.7, "jazz": 0.05}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    "draw, value",
    [(plots.plot_waveform, A4), (plots.plot_spectrogram, A4), (plots.plot_genres, PROBABILITIES)],
)
def test_takes_and_returns_ax(draw, value):
    given = plt.subplots()[1]
    assert draw(value, given) is given
    assert draw(value) is not given


def test_axes_name_their_units():
    ax = plots.plot_waveform(A4)
    assert ax.get_xlabel() == "time in seconds" and len(ax.get_xticks()) > 3
    ax = plots.plot_spectrogram(A4)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time in seconds", "frequency in Hz")
    assert "dB" in ax.figure.axes[1].get_ylabel()
    assert plots.plot_genres(PROBABILITIES).get_xlabel() == "probability"


def test_note_lies_on_its_own_sound():
    ax = plots.plot_spectrogram(A4, notes=[NOTE])
    picture = np.asarray(ax.images[0].get_array())
    assert picture.shape == (N_MELS, len(A4) // HOP_LENGTH)
    (start, row), (end, _) = ax.collections[0].get_segments()[0]
    assert (start, end) == (0.5, 1.5)
    assert abs(row - picture.mean(axis=1).argmax()) < 1
    assert ax.get_xlim() == (0, 2)


def test_frame_is_drawn_at_its_time():
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[SAMPLE_RATE // 2] = 1
    image = plots.plot_spectrogram(click).images[0]
    left, right, _, _ = image.get_extent()
    loudest = np.asarray(image.get_array()).sum(axis=0).argmax()
    seconds = left + (loudest + 0.5) * (right - left) / image.get_array().shape[1]
    assert abs(seconds - 0.5) < 2 * HOP_LENGTH / SAMPLE_RATE


def test_level_is_in_decibels():
    pictures = [plots.plot_spectrogram(gain * A4).images[0].get_array() for gain in (1, 0.1)]
    loud, soft = (np.asarray(picture).max() for picture in pictures)
    assert loud - soft == pytest.approx(20, abs=0.1)


def test_genres_are_in_a_fixed_order_and_true_to_size():
    ax = plots.plot_genres(PROBABILITIES)
    names = [label.get_text() for label in ax.get_yticklabels()]
    bars = dict(zip(names, (bar.get_width() for bar in ax.patches)))
    assert bars == PROBABILITIES
    assert list(bars) == ["rock", "jazz", "blues"]  # from the bottom up


def test_curves_hold_their_values():
    ax = plots.plot_curves((0, 0.5, 1), {"up": [1, 2, 3], "down": [3, 2, 1]})
    assert [list(line.get_ydata()) for line in ax.lines] == [[1, 2, 3], [3, 2, 1]]
    assert len({(line.get_color(), line.get_linestyle(), line.get_marker()) for line in ax.lines}) == 2


def test_conversion_shows_before_and_after():
    noise = (0.1 * np.random.default_rng(0).standard_normal(len(A4))).astype(np.float32)
    result = SimpleNamespace(
        source=A4,
        mono=lambda: noise,
        notes=[NOTE],
        source_genre={"jazz": 0.1, "pop": 0.9},
        genre_heard={"jazz": 0.8, "pop": 0.2},
    )
    figure = plots.plot_conversion(result)
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert sum("before" in title for title in titles) == sum("after" in title for title in titles) == 2
    before, after = (np.asarray(ax.images[0].get_array()) for ax in figure.axes if len(ax.images))
    assert before.shape == after.shape and not np.allclose(before, after)
    assert not plt.get_fignums()  # the notebook would show it twice


def test_stereo_is_drawn_as_its_middle_over_its_own_seconds():
    wide = soxr.resample(A4, SAMPLE_RATE, 2 * SAMPLE_RATE)[:, None] * np.float32([1.5, 0.5])
    seconds = len(A4) / SAMPLE_RATE
    for plot in (plots.plot_spectrogram, plots.plot_waveform):
        assert plot(wide).get_xlim() == pytest.approx((0, seconds))
    one, other = (np.asarray(plots.plot_spectrogram(x).images[0].get_array()) for x in (A4, wide))
    assert np.abs(one - other)[:, 8:-8][one[:, 8:-8] > -60].max() < 1
    (left, right), *_ = [[ax for ax in plots.plot_pairs({"a": (A4, wide)}, ("b", "c")).axes if ax.images]]
    assert left.images[0].get_array().shape == right.images[0].get_array().shape


def test_brightness_of_the_colour_map_only_rises():
    red, green, blue, _ = matplotlib.colormaps[plots.SPECTROGRAM_MAP](np.linspace(0, 1, 64)).T
    assert (np.diff(0.2126 * red + 0.7152 * green + 0.0722 * blue) > 0).all()


def test_a_picture_is_drawn_as_the_sound_it_is_of():
    of_sound, of_picture = plots.plot_spectrogram(A4), plots.plot_mel(log_mel(A4))
    for one, other in zip(of_sound.images, of_picture.images):
        assert np.array_equal(one.get_array(), other.get_array()) and one.get_extent() == other.get_extent()


def test_pictures_stand_side_by_side_in_the_same_colours():
    soft, loud = np.full((96, 20), -8.0), torch.full((96, 20), -2.0)
    first, second = plots.plot_mels({"soft": soft, "loud": loud}).axes[:2]
    assert (first.get_title(), second.get_title()) == ("soft", "loud")
    assert first.images[0].get_clim() == second.images[0].get_clim()


def test_curves_without_marks_are_told_apart_by_colour_and_line():
    ax = plots.plot_curves((0, 1), {"a": [1, 2], "b": [2, 1]}, marks=False)
    assert {line.get_marker() for line in ax.lines} <= {"", "None"}
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 2


def test_a_figure_is_shown_where_it_is_a_cells_result():
    """Made outside pyplot, it would be a line of text there."""
    from IPython.core.formatters import DisplayFormatter

    figure = plots.new_figure(3, 2)
    figure.subplots().plot([1, 2])
    shown, _ = DisplayFormatter().format(figure)
    assert shown["image/png"][:8] == b"\x89PNG\r\n\x1a\n"
