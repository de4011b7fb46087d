"""What a recording may go through: each change is as strong as was asked for, and nothing moves in time."""

import numpy as np
import pytest

from noteninja_lib.audio import SAMPLE_RATE
from noteninja_lib.audio.augmentation import (
    add_noise,
    add_room,
    change_speed,
    change_tone,
    degrade,
    mp3_bytes,
    through_mp3,
)

SAMPLES = 4 * SAMPLE_RATE


def noise(samples=SAMPLES, seed=0, level=0.1):
    return np.random.default_rng(seed).normal(0, level, samples).astype(np.float32)


def delay(late, early):
    """Samples by which one recording is later than another, by the peak of their cross-correlation."""
    size = 2 * len(early)
    found = np.fft.irfft(np.fft.rfft(late, size) * np.conj(np.fft.rfft(early, size)))
    place = int(np.argmax(found))
    return place - size if place > size // 2 else place


def test_delay_is_measured_right():
    assert delay(np.roll(noise(), 300), noise()) == 300 and delay(noise()[50:], noise()[:-50]) == -50


def test_speed_moves_pitch_and_tempo_together():
    time = np.arange(30000) / 22050
    faster, same = change_speed([np.sin(2 * np.pi * 440 * time)] * 2, [1.25, 1.0], 22050)
    spectrum = np.abs(np.fft.rfft(faster))
    assert np.argmax(spectrum) == 550 and same[100] == pytest.approx(
        np.sin(2 * np.pi * 440 * 100 / 22050), abs=1e-6
    )


def test_tone_changes_stay_within_their_limits():
    sounds = np.random.default_rng(0).normal(size=(50, 32768)).astype(np.float32)
    gains = np.abs(np.fft.rfft(change_tone(sounds, np.random.default_rng(1)))) / np.abs(np.fft.rfft(sounds))
    decibels = 20 * np.log10(gains)
    bass, middle, top = decibels[:, 10:60].mean(1), decibels[:, 1400:1500].mean(1), decibels[:, -10:].mean(1)
    assert bass.min() < -4 and bass.max() > 4 and np.abs(bass).max() <= 6.1
    assert np.abs(middle).max() <= 6.1 and np.median(top) < -6  # the upper limit lies at 5 to 11 kHz
    flat = change_tone(sounds, np.random.default_rng(1), shelf=0, lowpass=(1e6, 1e6))
    np.testing.assert_allclose(flat, sounds, atol=1e-4)


@pytest.mark.parametrize("rate", [SAMPLE_RATE, 44100])
@pytest.mark.parametrize("kilobits", [32, 48, 64, 128])
def test_an_mp3_has_its_bit_rate_and_stays_in_time(kilobits, rate):
    seconds = 4
    written = noise(seconds * rate)
    assert len(mp3_bytes(written, kilobits, rate)) * 8 / seconds / 1000 == pytest.approx(kilobits, rel=0.03)
    again = through_mp3(noise(), kilobits, rate)
    assert again.shape == (SAMPLES,) and again.dtype == np.float32
    assert delay(again, noise()) == 0  # not a sample early or late


def test_fewer_bits_lose_more():
    left = [np.mean((through_mp3(noise(), kilobits) - noise()) ** 2) for kilobits in (32, 64, 128)]
    assert left[0] > 1.2 * left[1] > 1.2**2 * left[2] > 0


def test_a_room_adds_the_energy_that_was_asked_for_and_delays_nothing():
    click = np.zeros(SAMPLES, np.float32)
    click[1000] = 1
    for share in (0.2, 0.8):
        heard = add_room(click, np.random.default_rng(3), seconds=(0.5, 0.5), wet=(share, share))
        assert heard.shape == click.shape and heard.dtype == np.float32
        assert np.abs(heard[:1000]).max() < 1e-5 and heard[1000] == pytest.approx(1, abs=0.2)
        walls = np.sum(heard[1050:] ** 2)
        assert walls / (walls + 1) == pytest.approx(share, abs=0.05)
    assert delay(add_room(noise(), np.random.default_rng(4), wet=(0.7, 0.7)), noise()) == 0


def test_a_room_rings_as_long_as_was_asked_for():
    click = np.zeros(SAMPLES, np.float32)
    click[0] = 1
    for fall in (0.4, 1.2):
        heard = add_room(click, np.random.default_rng(5), seconds=(fall, fall), wet=(0.5, 0.5))
        power = np.convolve(heard**2, np.ones(800) / 800, "same")
        early, late = (power[round(share * fall * SAMPLE_RATE)] for share in (0.3, 0.8))
        assert 10 * np.log10(early / late) == pytest.approx(30, abs=5)  # half of the time, half of the 60 dB


@pytest.mark.parametrize("kind, slope", [("white", 0), ("pink", -3), ("hum", None)])
def test_noise_has_its_strength_and_its_colour(kind, slope):
    music = np.sin(np.arange(SAMPLES) * 0.2).astype(np.float32)
    added = add_noise(music, np.random.default_rng(0), 7.0, kind) - music
    assert 10 * np.log10(np.mean(music**2) / np.mean(added**2)) == pytest.approx(7, abs=0.05)
    power = np.abs(np.fft.rfft(added)) ** 2
    if slope is None:
        strongest = np.argmax(power) / 4  # 4 s: bins a quarter of a hertz apart
        assert strongest % 50 == 0 or strongest % 60 == 0
    else:
        octaves = [10 * np.log10(power[4 * low : 8 * low].mean()) for low in (250, 500, 1000, 2000, 4000)]
        assert np.diff(octaves).mean() == pytest.approx(slope, abs=0.3)


def test_a_worn_recording_is_in_time_within_limits_and_the_same_by_the_same_seed():
    music = noise(level=0.3)  # peaks beyond 1: the result must not clip
    degraded = [degrade(music, np.random.default_rng(seed)) for seed in range(12)]
    for one in degraded:
        assert one.shape == music.shape and one.dtype == np.float32
        assert np.isfinite(one).all() and 0.3 < np.abs(one).max() <= 0.981
        assert abs(delay(one, music)) <= 1  # a tone control moves phases a little
    assert np.array_equal(degraded[3], degrade(music, np.random.default_rng(3)))
    changed = [np.abs(one / np.abs(one).max() - music / np.abs(music).max()).max() > 0.05 for one in degraded]
    assert (
        sum(changed) >= 8 and len({one.tobytes() for one in degraded}) >= 8
    )  # most are changed, each in its own way


def test_silence_stays_silent_and_finite():
    for seed in range(6):
        assert np.abs(degrade(np.zeros(SAMPLES, np.float32), np.random.default_rng(seed))).max() < 1e-4
