"""Stretched recordings: in time, in tune, with their vowels, attacks and channels."""

import tracemalloc

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

from noteninja_lib.audio import mixdown
from noteninja_lib.audio.mixdown import stretch
from noteninja_lib.errors import UserError

RATE, FRAME = 44100, 512
FORMANTS = ((600, 80), (1100, 90), (2600, 120), (3300, 150))  # Hz, and how wide
BURSTS = np.array([0.3, 0.55, 1.0, 1.13, 1.7])


def sung(seconds=1.6, pitch=220.0):
    """A vowel with vibrato of half a semitone: harmonics through resonances."""
    times = np.arange(int(seconds * RATE)) / RATE
    frequency = pitch * 2 ** (0.5 * np.sin(2 * np.pi * 5.5 * times) / 12)
    phase, sound = 2 * np.pi * np.cumsum(frequency) / RATE, np.zeros(len(times))
    for harmonic in range(1, int(7000 / pitch)):
        height = harmonic * frequency
        strength = 1.0 / harmonic
        for centre, width in FORMANTS:
            strength = strength / np.abs(1 - (height / centre) ** 2 + 1j * height * width / centre**2)
        sound += strength * np.cos(harmonic * phase)
    fade = np.clip(1000 / RATE * np.minimum(np.arange(len(sound)), np.arange(len(sound))[::-1]) / 20, 0, 1)
    return (0.4 * fade * sound / np.abs(sound).max()).astype(np.float32)


def bursts():
    """Five strokes of noise, each as sudden as a consonant, and silence between them."""
    sound, noise = np.zeros(2 * RATE, np.float32), np.random.default_rng(1)
    for start in (BURSTS * RATE).astype(int):
        sound[start : start + 1500] += 0.2 * noise.normal(size=1500) * np.exp(-np.arange(1500) / 300)
    return sound


def bent_map():
    """Two seconds, first slower, then faster, at last at a stand."""
    return np.cumsum(np.repeat([0.7, 1.4, 0.0], [90, 70, 12]))


def cents(sound, pitch):
    """How far the fundamental lies above a pitch in the mean, away from both ends."""
    near = scipy.signal.butter(4, [pitch * 0.75, pitch * 1.3], "band", fs=RATE, output="sos")
    phase = np.unwrap(np.angle(scipy.signal.hilbert(scipy.signal.sosfiltfilt(near, sound))))
    inner = np.diff(phase)[len(phase) // 8 : -len(phase) // 8] * RATE / (2 * np.pi)
    return 1200 * np.mean(np.log2(inner / pitch))


def envelope(sound):
    """Mean smooth spectrum in nats: its formants, without the harmonics."""
    _, _, spectrum = scipy.signal.stft(sound, nperseg=2048, noverlap=1536)
    cepstrum = np.fft.irfft(np.log(np.abs(spectrum[:, 8:-8]) + 1e-7).mean(1))
    cepstrum[100:-99] = 0
    return np.fft.rfft(cepstrum).real


def formant_shift(old, new):
    """By what factor the formants of a sound moved."""
    bins, shifts = np.arange(20, 230), np.exp(np.arange(-0.3, 0.3, 0.005))
    first, second = envelope(old), envelope(new)
    fits = [np.corrcoef(first[bins], np.interp(bins * s, np.arange(1025), second))[0, 1] for s in shifts]
    return shifts[int(np.argmax(fits))]


def decibels(new, old):
    return 10 * np.log10(np.mean(new**2, dtype=float) / np.mean(old**2, dtype=float))


@pytest.mark.parametrize("rate", [0.7, 0.85, 1.2, 1.5, "bent"])
def test_attacks_land_where_the_time_map_says_and_stay_sharp(rate):
    sound = bursts()
    result = stretch(sound, bent_map() if rate == "bent" else rate)
    if rate == "bent":
        assert len(result) == len(bent_map()) * FRAME
        wanted = np.interp(BURSTS * RATE, bent_map() * FRAME, np.arange(len(bent_map())) * FRAME)
    else:
        assert len(result) == round(len(sound) / rate)
        wanted = BURSTS * RATE / rate
    for place, start in zip(wanted.astype(int), (BURSTS * RATE).astype(int), strict=True):
        near = np.abs(result[place - 1500 : place + 1500])
        heard = place - 1500 + np.argmax(near > 0.3 * near.max())
        assert abs(heard - place) < 0.003 * RATE
        before = np.sum(result[place - 1300 : place - 150] ** 2)
        assert before < 1e-3 * np.sum(near**2)  # no echo ahead of it
        assert abs(near.max() / np.abs(sound[start : start + 1500]).max() - 1) < 0.1


@pytest.mark.parametrize("rate", [0.7, 1.5])
def test_attacks_in_a_held_note_keep_their_shape(rate):
    strokes = bursts()
    result = stretch(strokes + sung(2.0), rate)
    high = scipy.signal.butter(4, 8000, "high", fs=RATE, output="sos")  # above the voice
    result, strokes = (scipy.signal.sosfiltfilt(high, sound) for sound in (result, strokes))
    for start in BURSTS:
        old, new = int(start * RATE), int(start / rate * RATE)
        lags = scipy.signal.correlate(result[new - 700 : new + 1500], strokes[old - 100 : old + 800], "valid")
        size = np.sum(strokes[old - 100 : old + 800] ** 2)
        assert lags.max() > 0.9 * size


@pytest.mark.parametrize("rate", [0.7, 1.5])
def test_soft_syllables_keep_their_time(rate):
    sound = sung()
    swell = np.clip(np.sin(2 * np.pi * 2.5 * np.arange(len(sound)) / RATE), 0, 1).astype(np.float32)

    def rises(result):
        loud = scipy.ndimage.uniform_filter1d(result.astype(float) ** 2, 1200)
        return np.flatnonzero(np.diff((loud > 0.1 * loud.max()).astype(int)) == 1)

    old, new = rises(sound * swell), rises(stretch(sound * swell, rate))
    assert len(old) == 4 and np.abs(new - old / rate).max() < 0.010 * RATE


@pytest.mark.parametrize(("rate", "semitones"), [(0.7, 0), (1.5, 0), (1, -5), (1, -3), (0.85, 3), (1, 5)])
def test_a_voice_stays_in_tune_as_loud_and_with_its_vowel(rate, semitones):
    sound = sung()
    result = stretch(sound, rate, semitones)
    assert abs(cents(result, 220 * 2 ** (semitones / 12)) - cents(sound, 220)) < 4
    assert abs(decibels(result, sound)) < 0.5
    if abs(semitones) <= 3:
        assert abs(formant_shift(sound, result) - 1) < 0.03
    # No clicks: nothing bends more sharply than in the sound itself, a higher voice aside.
    assert np.abs(np.diff(result, 2)).max() < 2 * np.abs(np.diff(sound, 2)).max()


def test_without_the_correction_formants_would_move(monkeypatch):
    monkeypatch.setattr(mixdown, "_formant_gains", lambda power, pitch, rate: np.ones_like(power))
    assert abs(formant_shift(sung(), stretch(sung(), 1, 3)) - 2 ** (3 / 12)) < 0.04


@pytest.mark.parametrize("semitones", [0, 4])
def test_channels_keep_their_relation(semitones):
    sound = sung(0.5)
    opposed = stretch(np.stack([sound, -sound], 1), 0.8, semitones)
    np.testing.assert_allclose(opposed[:, 0], -opposed[:, 1], atol=1e-6)
    assert abs(decibels(opposed, sound)) < 1
    alone = stretch(np.stack([sound, 0 * sound], 1), 0.8, semitones)
    assert not alone[:, 1].any()
    np.testing.assert_allclose(alone[:, 0], stretch(sound, 0.8, semitones), atol=1e-5)
    quieter = stretch(np.stack([sound, 0.25 * sound], 1), 0.8, semitones)
    np.testing.assert_allclose(quieter[:, 1], 0.25 * quieter[:, 0], atol=1e-6)


def test_what_does_not_change_is_the_very_recording():
    sound = np.stack([sung(0.3), bursts()[13000 : 13000 + 13230]], 1)
    np.testing.assert_array_equal(stretch(sound, 1), sound)
    np.testing.assert_array_equal(stretch(sound, np.arange(20)), sound[: 20 * FRAME])
    # A map that differs by next to nothing goes through all the machinery.
    np.testing.assert_allclose(stretch(sound, np.arange(20) + 1e-9), sound[: 20 * FRAME], atol=1e-5)


@pytest.mark.parametrize("semitones", [0, -3])
def test_silence_stays_silent_and_sound_follows_it(semitones):
    assert not stretch(np.zeros((9000, 2), np.float32), 0.7, semitones).any()
    rise = np.linspace(0, 1, 17_640, dtype=np.float32) ** 3  # so soft that no attack is heard
    late = np.concatenate([np.zeros(20_000, np.float32), rise * sung(0.4)])
    result = stretch(late, 0.8, semitones)
    assert np.abs(result[:24_000]).max() < 1e-3 and abs(decibels(result, late)) < 1
    assert not stretch(sung(0.2), np.arange(1000.0, 1040.0), semitones).any()  # all of it past the end


@pytest.mark.parametrize("samples", [1, 10, 700])
@pytest.mark.parametrize("shape", [(), (1,), (2,)])
def test_very_short_recordings(samples, shape):
    sound = np.full((samples, *shape), 0.1, np.float32)
    for rate, semitones in ((1, 0), (3, 0), (0.5, 0), (0.5, 12), (1, -12)):
        result = stretch(sound, rate, semitones)
        assert result.shape == (max(1, round(samples / rate)), *shape)
        assert result.dtype == np.float32 and np.isfinite(result).all()
    assert stretch(sound, np.array([0.0])).shape == (FRAME, *shape)


def test_other_sample_rates():
    sound = scipy.signal.resample_poly(sung(), 160, 441).astype(np.float32)
    result = stretch(sound, np.arange(100) * 0.8, 0, 16000)
    assert len(result) == round(100 * 256 / 22050 * 16000)
    assert abs(cents(result, 220 * RATE / 16000) - cents(sound, 220 * RATE / 16000)) < 5


def test_memory_stays_flat():
    sound = np.tile(sung(1.0)[:, None], (20, 2))
    tracemalloc.start()
    result = stretch(sound, 1.3, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < result.nbytes + 30e6  # all its spectra would take 110 MB


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros(0), 1.2), "finite numbers"),
        ((np.zeros((9, 2, 2)), 1.2), "shape"),
        ((np.array([0.1, np.nan]), 1.2), "finite numbers"),
        ((np.ones(9), 0.0), "rate must lie between 0.1 and 10"),
        ((np.ones(9), float("nan")), "rate must lie"),
        ((np.ones(9), 1.2, 13), "pitch in semitones must lie between -12 and 12"),
        ((np.ones(9), 1.2, 0, 10), "sample rate must lie"),
        ((np.ones(9), np.array([0, 2, 1])), "never fall"),
        ((np.ones(9), np.array([])), "never fall"),
        ((np.ones(9), np.ones((2, 2))), "never fall"),
        ((np.ones(9), np.array([0, np.inf])), "finite numbers"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, words):
    with pytest.raises(UserError, match=words) as refused:
        stretch(*arguments)
    assert str(refused.value).endswith(".")
