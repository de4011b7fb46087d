"""Spectra with a plain frequency axis, and the laboratory of windows and hops."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.lessons import lesson_01

TIME = np.arange(SAMPLE_RATE) / SAMPLE_RATE
A4 = (0.5 * np.sin(2 * np.pi * 440 * TIME)).astype(np.float32)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("draw", [lesson_01.plot_stft, lambda _, ax=None: lesson_01.plot_filters(ax)])
def test_takes_and_returns_ax_with_units(draw):
    given = plt.subplots()[1]
    assert draw(A4, given) is given and "Hz" in given.get_xlabel() + given.get_ylabel()
    assert draw(A4) is not given


@pytest.mark.parametrize("n_fft, hop", [(512, 64), (4096, 1024)])
def test_row_is_drawn_at_its_frequency(n_fft, hop):
    image = lesson_01.plot_stft(A4, n_fft=n_fft, hop_length=hop).images[0]
    picture, (_, _, low, high) = np.asarray(image.get_array()), image.get_extent()
    assert picture.shape == (n_fft // 2 + 1, len(A4) // hop)
    row = picture.mean(axis=1).argmax()
    assert abs(low + (row + 0.5) * (high - low) / len(picture) - 440) < SAMPLE_RATE / n_fft


def test_laboratory_redraws_and_replays():
    lab = lesson_01.SpectrogramLab({"tone": A4, "silence": 0 * A4})
    before, played = lab.picture.value, lab.player.value
    lab.n_fft.value = 512
    assert lab.picture.value != before and lab.player.value == played and "23 ms" in lab.message.value
    lab.way.value = lesson_01.REBUILT
    assert lab.player.value != played
    lab.sound.value = "silence"
    assert lab.player.value


@pytest.mark.parametrize("n_fft, hop", [(128, 4096), (8192, 32), (128, 64), (1024, 1024)])
def test_laboratory_bears_any_window_and_hop(n_fft, hop):
    sound = lesson_01.SpectrogramLab.rebuild(A4, n_fft, hop)
    assert len(sound) == len(A4) and np.isfinite(sound).all() and np.abs(sound).max() <= 1
    assert ("gaps" in lesson_01._coverage(n_fft, hop)) == (hop > n_fft)
