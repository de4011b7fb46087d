"""mp3 files: as long as what went in, and in time with it, at all rates."""

import io

import numpy as np
import pytest
import soundfile

from noteninja_lib.audio.mp3 import SAMPLE_RATES, encode, frame_places, tag


def music(seconds: float, rate: int, channels: int) -> np.ndarray:
    """A tone that begins softly, and some noise; the second channel is half as loud."""
    rng, time = np.random.default_rng(0), np.arange(round(seconds * rate)) / rate
    sound = 0.3 * np.sin(2 * np.pi * 440 * time) * np.minimum(1, 50 * time)
    sound += rng.normal(0, 0.003, len(time))
    return np.float32(sound if channels == 1 else np.stack([sound, sound / 2], 1))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_what_comes_out_is_as_long_and_in_time(rate, channels):
    sound = music(1.37, rate, channels)
    found, found_rate = soundfile.read(io.BytesIO(encode(sound, rate)))
    assert found_rate == rate and found.shape == sound.shape
    assert soundfile.info(io.BytesIO(encode(sound, rate))).frames == len(sound)
    assert 10 * np.log10(np.square(sound).sum() / np.square(found - sound).sum()) > 20


@pytest.mark.parametrize("samples", [1, 575, 1152, 1153, 2304])
def test_short_sounds_are_whole(samples):
    found, _ = soundfile.read(io.BytesIO(encode(np.full(samples, 0.1, np.float32), 44100)))
    assert len(found) == samples


def test_the_tag_counts_frames_and_bytes():
    whole = encode(music(2.0, 44100, 2), 44100)
    first = whole.index(b"Xing")
    frames, size = (int.from_bytes(whole[first + at : first + at + 4], "big") for at in (8, 12))
    length = len(tag(whole, 1, 2, 44100))
    assert size == len(whole) and frames == len(list(frame_places(whole[length:], 44100)))
    assert frames == -(-(2 * 44100 + 576 + 529) // 1152) or frames - 1 == -(-(2 * 44100 + 576 + 529) // 1152)
    places = list(whole[first + 16 : first + 116])
    assert places == sorted(places) and places[0] < 3 and places[-1] > 245


def test_a_better_quality_takes_more_bytes_and_what_is_too_loud_is_clipped():
    sound = music(2.0, 44100, 2)
    assert len(encode(sound, 44100, 0)) > 1.3 * len(encode(sound, 44100, 6))
    found, _ = soundfile.read(io.BytesIO(encode(10 * sound, 44100)))
    assert 0.8 < np.abs(found).max() < 1.3


@pytest.mark.parametrize("rate, channels, bitrate", [(22050, 1, 64), (44100, 2, 160)])
def test_a_constant_rate_is_told_so_that_players_find_each_moment(rate, channels, bitrate):
    sound = music(3.0, rate, channels)
    sound[rate : 2 * rate] = 0
    whole = encode(sound, rate, 3, bitrate)
    assert b"Info" in whole[:64] and b"Xing" not in whole[:64]
    frames = whole[len(tag(whole, 1, channels, rate)) :]
    places = list(frame_places(frames, rate))
    assert set(np.diff(places) // 2) == {places[1] // 2}  # but for a byte of padding
    assert len(frames) * 8 / 3000 == pytest.approx(bitrate, rel=0.04)
    found, _ = soundfile.read(io.BytesIO(whole))
    assert len(found) == len(sound) and np.std(found) == pytest.approx(np.std(sound), rel=0.01)
