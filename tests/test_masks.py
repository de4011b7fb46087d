"""Lesson 12: stems with known notes, masks that agree with the separator's, YIN, the desk of masks."""

import numpy as np
import pytest

from noteninja_lib.lessons import lesson_12
from noteninja_lib.plots import new_figure


@pytest.fixture(scope="module")
def stems():
    return lesson_12.sung_stems(4)


def test_the_notes_are_those_that_are_sung(stems):
    heard = lesson_12.pitch_by_yin(stems.dry)
    truth = lesson_12.true_pitch(stems.notes, len(heard))
    assert np.mean(np.abs(heard - truth)[~np.isnan(truth)] < 1) > 0.85
    assert len(stems.voice) == len(stems.band) == 4 * 22050 and len(stems.dry) == 4 * 16000


def test_the_mask_by_hand_is_the_separators(stems):
    mix = stems.voice + stems.band
    mask = lesson_12.network_mask(mix)
    by_hand = lesson_12.istft(mask * lesson_12.stft(mix), len(mix))
    voice, band = lesson_12.part(mix)
    assert lesson_12.sdr(voice, by_hand) > 15
    assert np.allclose(voice + band, mix, atol=1e-6)
    assert lesson_12.sdr(stems.voice, voice) > lesson_12.sdr(stems.voice, mix) + 4


@pytest.mark.parametrize("hertz", [90, 220, 700])
def test_yin_hears_a_tone(hertz):
    time = np.arange(16000) / 16000
    tone = sum(np.sin(2 * np.pi * hertz * overtone * time) / overtone for overtone in (1, 2, 3))
    middle = slice(10, 50)
    pitch = 69 + 12 * np.log2(hertz / 440)
    assert np.abs(lesson_12.pitch_by_yin(tone)[middle] - pitch).max() < 0.5


def test_the_desk_draws_and_plays(stems):
    ideal = np.abs(lesson_12.stft(stems.voice))
    ideal = ideal / np.maximum(ideal + np.abs(lesson_12.stft(stems.band)), 1e-9)
    desk = lesson_12.MaskDesk(stems, {"ideal": ideal, "nothing": 0 * ideal})
    before, played, told = desk.picture.value, desk.player.value, desk.message.value
    desk.power.value = 16
    assert desk.picture.value != before and desk.message.value != told
    desk.gain.value = -30
    assert desk.player.value != played
    desk.mask.value = "nothing"
    assert "0.0 dB" in desk.message.value


def test_notes_and_curves_are_drawn(stems):
    pitch = lesson_12.true_pitch(stems.notes, 250)
    ax = lesson_12.plot_pitches({"truth": pitch}, stems.notes, new_figure(6, 3).subplots(), stems.notes)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["true notes", "notes found", "truth"]
