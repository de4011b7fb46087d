"""Spectrograms: known tones, blocks without seams, and the way back."""

import librosa
import numpy as np
import pytest
import torch

from noteninja_lib.audio import STEREO_RATE, spectrogram
from noteninja_lib.audio.io import SAMPLE_RATE


def tone(frequency, seconds=2.0, peak=0.5):
    return (
        peak * np.sin(2 * np.pi * frequency * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)
    ).astype(np.float32)


def test_a_tone_lights_up_its_own_row():
    for frequency in (110, 440, 3000):
        mel = spectrogram.log_mel(tone(frequency))
        row = mel[:, 50:100].mean(1).argmax()
        centres = spectrogram.mel_frequencies()
        assert row == np.abs(centres - frequency).argmin()


@pytest.mark.parametrize("n_mels, n_fft", [(96, 2048), (80, 1024), (64, 4096)])
def test_mel_filters_are_librosas(n_mels, n_fft):
    ends = {"fmin": spectrogram.F_MIN, "fmax": spectrogram.F_MAX, "htk": True}
    filters = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=n_fft, n_mels=n_mels, norm=None, **ends)
    own = spectrogram.mel_filters(n_mels, n_fft).numpy()
    assert own.dtype == np.float32 and filters.max() > 0.5
    np.testing.assert_allclose(own, filters * (2048 / n_fft), rtol=1e-6, atol=1e-7)
    centres = librosa.mel_frequencies(n_mels + 2, **ends)[1:-1]
    np.testing.assert_allclose(spectrogram.mel_frequencies(n_mels), centres, rtol=1e-12)


def test_magnitude_of_a_full_scale_tone_is_one():
    magnitude = spectrogram.magnitude(torch.from_numpy(tone(1000 * SAMPLE_RATE / 22050, peak=1.0)))
    assert abs(float(magnitude[:, 50].max()) - 1) < 0.15


def test_shape_and_floor():
    mel = spectrogram.log_mel(np.zeros(10_000, np.float32))
    assert mel.shape == (spectrogram.N_MELS, 10_000 // 256) and mel.dtype == np.float32
    np.testing.assert_allclose(mel, np.log(spectrogram.FLOOR), rtol=1e-6)


def test_long_recordings_are_worked_on_in_blocks_without_seams():
    noise = np.random.default_rng(0).normal(0, 0.1, 256 * 5000 + 77).astype(np.float32)
    whole = spectrogram.log_mel_tensor(torch.from_numpy(noise)).numpy()
    np.testing.assert_allclose(spectrogram.log_mel(noise), whole, atol=1e-4)


def test_griffin_lim_gives_back_the_pitch():
    made = spectrogram.griffin_lim(spectrogram.log_mel(tone(440)), n_iter=8)
    assert len(made) == 2 * SAMPLE_RATE // 256 * 256
    spectrum = np.abs(np.fft.rfft(made))
    assert abs(spectrum.argmax() * SAMPLE_RATE / len(made) - 440) < 15


def test_fitting_brings_sound_closer_to_the_picture_and_keeps_its_phase():
    time = torch.arange(256 * 80) / SAMPLE_RATE
    truth = torch.sin(2 * torch.pi * 440 * time)[None] * (0.1 + 0.9 * (time > 0.4))
    dull = 0.5 * torch.sin(2 * torch.pi * 440 * time)[None] + 0.01 * torch.randn(
        1, len(time), generator=torch.Generator().manual_seed(0)
    )
    mel = spectrogram.log_mel_tensor(truth)
    errors = [
        float((spectrogram.log_mel_tensor(spectrogram.fit_to_mel(dull, mel, rounds)) - mel).abs().mean())
        for rounds in (0, 1, 3)
    ]
    assert errors[1] < 0.8 * errors[0] and errors[2] < 0.7 * errors[1]
    fitted = spectrogram.fit_to_mel(dull, mel)
    assert fitted.shape == dull.shape and torch.cosine_similarity(fitted, truth).item() > 0.98
    assert torch.equal(spectrogram.fit_to_mel(dull, mel, rounds=0), dull)


def test_fitting_at_twice_the_rate_leaves_alone_what_no_mel_bin_sees():
    time = torch.arange(512 * 80) / STEREO_RATE
    low, high = (torch.sin(2 * torch.pi * hertz * time)[None] for hertz in (440, 15000))
    mel = spectrogram.log_mel_tensor(0.5 * torch.sin(2 * torch.pi * 440 * time[::2])[None])
    fitted = spectrogram.fit_to_mel(0.2 * low + 0.1 * high, mel, 4, STEREO_RATE)
    assert fitted.shape == low.shape
    inside = slice(8000, -8000)
    lows, highs = ((2 * fitted * one)[0, inside].mean() for one in (low, high))
    assert abs(lows - 0.5) < 0.05 and abs(highs - 0.1) < 0.002


def test_filters_at_twice_the_rate_are_the_same_ones_or_reach_higher():
    usual = spectrogram.mel_filters()
    twice = spectrogram.mel_filters(96, 4096, STEREO_RATE)
    torch.testing.assert_close(twice[:, :1025], usual, atol=1e-6, rtol=0)
    assert not twice[:, 1025:].any()
    higher = spectrogram.mel_filters(96, 4096, STEREO_RATE, STEREO_RATE / 2)
    assert higher[-1].argmax() * STEREO_RATE / 4096 > 20_000 and higher[:, 1025:].max() > 0.9
    assert 1.9 < spectrogram.mel_filters(80, 2048, STEREO_RATE, STEREO_RATE / 2).max() <= 2


def test_stereo_is_seen_as_its_middle():
    time = np.arange(2 * STEREO_RATE) / STEREO_RATE
    left, right = (0.3 * np.sin(2 * np.pi * hertz * time) for hertz in (440, 3000))
    both = spectrogram.log_mel(np.stack([left, right], 1).astype(np.float32))
    once = spectrogram.log_mel((tone(440, peak=0.15) + tone(3000, peak=0.15)).astype(np.float32))
    assert both.shape == once.shape == (96, 2 * SAMPLE_RATE // 256)
    np.testing.assert_allclose(both[:, 8:-8], once[:, 8:-8], atol=0.1)


@pytest.mark.parametrize("n_fft, hop, samples", [(2048, 512, 20_000), (1024, 256, 4096), (64, 32, 1000)])
def test_the_transforms_are_torchs_own_in_another_order(n_fft, hop, samples):
    sound = torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    window = torch.hann_window(n_fft)
    ours = spectrogram.spectra(sound, n_fft, hop, window)
    theirs = torch.stft(sound, n_fft, hop, window=window, pad_mode="constant", return_complex=True)
    torch.testing.assert_close(ours.transpose(1, 2), theirs, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(spectrogram.strength(ours), ours.abs(), rtol=1e-4, atol=1e-6)
    changed = theirs * torch.linspace(0.5, 2, theirs.shape[1])[:, None]
    back = torch.istft(changed, n_fft, hop, window=window, length=samples // hop * hop)
    found = spectrogram.overlap_add(changed.transpose(1, 2), hop, window, samples // hop * hop)
    torch.testing.assert_close(found, back, rtol=1e-3, atol=1e-4)


def test_the_spectrogram_of_silence_has_a_slope_of_0():
    silence = torch.zeros(4096, requires_grad=True)
    spectrogram.log_mel_tensor(silence).sum().backward()
    assert (silence.grad == 0).all()
