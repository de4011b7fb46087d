"""Rhythm: how strongly something begins in each frame, and when the beats are.

Beats are tracked as Ellis (2007, doi 10.1080/09298210701653344) does: a tempo first, then the best way
through the onsets that keeps to it. The beats are those of `librosa.beat.beat_track`; written anew, because
loading that takes longer than converting a song, and it looks for the tempo at every frame where every fourth
tells the same.
"""

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import HOP_LENGTH, log_mel, mel_frequencies

FRAME_RATE = SAMPLE_RATE / HOP_LENGTH  # 86.1 frames a second
BANDS = ((0, 200), (200, 4000), (4000, 11025))  # Hz
USUAL, FASTEST = 120, 320  # beats a minute
MEMORY = int(8 * FRAME_RATE)  # frames within which the tempo shows
TIGHTNESS = 100  # how much a beat that comes early or late costs


def mel_rise(audio: np.ndarray) -> np.ndarray:
    """How much each mel band grows from frame to frame, 0 where it falls; shape (96, samples // 256)."""
    rise = log_mel(audio)
    rise[:, 1:] = np.diff(rise, axis=1)
    rise[:, :1] = 0
    return np.maximum(rise, 0, out=rise)


def hear_rhythm(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Onset strength of a recording in three bands, and its beats.

    Parameters
    ----------
    audio : numpy.ndarray, shape (samples,)
        Mono, 22,050 Hz.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Onset strength from 0 to 1, float32, shape (3, samples // 256); beat times in seconds.
    """
    rise, centres = mel_rise(audio), mel_frequencies()
    bands = np.stack([rise[(centres >= low) & (centres < high)].mean(0) for low, high in BANDS])
    return np.clip(bands / 2, 0, 1).astype(np.float32), track_beats(rise.mean(0))


def track_beats(onset_strength: np.ndarray) -> np.ndarray:
    """Beat times in seconds from onset strength, minute by minute: the tempo may drift, memory stays flat."""
    beats, start = [], 0
    for part in np.array_split(onset_strength, -(-len(onset_strength) // (60 * int(FRAME_RATE)))):
        beats.append((start + find_beats(part)) / FRAME_RATE)
        start += len(part)
    return np.concatenate(beats)


def beat_period(onsets: np.ndarray) -> int:
    """Frames from beat to beat: the delay after which the onsets come again, rather near 120 beats a
    minute."""
    around = sliding_window_view(np.pad(onsets, MEMORY // 2, mode="linear_ramp"), MEMORY)[: len(onsets) : 4]
    length = 2 * scipy.fft.next_fast_len(MEMORY, real=True)
    spectra = scipy.fft.rfft(around * np.hanning(MEMORY + 1)[:-1], length)
    power = spectra.real**2 + spectra.imag**2
    again = scipy.fft.irfft(power, length)[:, :MEMORY]  # autocorrelation (Wiener and Khinchin)
    again = (again / np.maximum(again.max(1, keepdims=True), 1e-9)).mean(0)
    delays = np.arange(int(60 * FRAME_RATE / FASTEST) + 1, MEMORY)
    likely = np.log1p(1e6 * again[delays]) - 0.5 * np.log2(60 * FRAME_RATE / delays / USUAL) ** 2
    return delays[likely.argmax()]


def find_beats(onsets: np.ndarray) -> np.ndarray:
    """Frames of the beats in a part of one tempo: dynamic programming over the best beat before each
    frame."""
    if np.ptp(onsets) == 0:
        return np.zeros(0, int)
    period, count = beat_period(onsets), len(onsets)
    bump = np.exp(-0.5 * (np.arange(-period, period + 1) * 32 / period) ** 2)
    strength = np.convolve(onsets / onsets.std(ddof=1), bump)[period : period + count]
    half = int(np.round(period / 2))
    delays = np.arange(half, 2 * period + 1)  # from the beat before
    cost = TIGHTNESS * np.log(delays / period) ** 2
    score = np.full(2 * period + count, -np.inf)  # nothing sounds before the beginning
    before = np.full(count, -1)
    for start in range(0, count, half):  # none of these frames is another's beat before
        frames = np.arange(start, min(start + half, count))
        ways = score[2 * period + frames[:, None] - delays] - cost
        best = ways.max(1)
        before[frames] = np.where(np.isfinite(best), frames - delays[ways.argmax(1)], -1)
        score[2 * period + frames] = strength[frames] + np.where(np.isfinite(best), best, 0)
    score = score[2 * period :]
    before[: np.argmax(strength >= 0.01 * strength.max())] = -1  # the first beat is one that can be heard
    peaks = 1 + np.flatnonzero((score[1:] > score[:-1]) & (score[1:] >= np.append(score[2:], -np.inf)))
    if not len(peaks):
        return np.zeros(0, int)
    beats = [peaks[score[peaks] >= np.median(score[peaks]) / 2][-1]]
    while before[beats[-1]] >= 0:
        beats.append(before[beats[-1]])
    sounding = np.flatnonzero(strength > 0)
    return np.array([beat for beat in beats[::-1] if sounding[0] <= beat <= sounding[-1]], int)


def fill_beats(beats: np.ndarray, seconds: float) -> np.ndarray:
    """Beats that go on to both ends of the music, at their median distance; none of fewer than two.

    Parameters
    ----------
    beats : numpy.ndarray
        Times in seconds, rising.
    seconds : float
        Length of the music.
    """
    if len(beats) < 2:
        return np.zeros(0)
    step = np.median(np.diff(beats))
    before, after = np.arange(beats[0] - step, -1e-6, -step), np.arange(beats[-1] + step, seconds, step)
    beats = np.concatenate([before[::-1], beats, after])
    return beats[(beats >= -1e-6) & (beats < seconds)]


def beat_phase(beats: np.ndarray, stop: int, start: int = 0) -> np.ndarray:
    """Cosine and sine of the beat's phase in the frames from `start` to `stop`: 1 and 0 on each beat.

    Returns
    -------
    numpy.ndarray, float32, shape (2, stop - start)
        Zeros where fewer than two beats are known.
    """
    if len(beats) < 2:
        return np.zeros((2, stop - start), np.float32)
    step = np.median(np.diff(beats))
    before = np.arange(beats[0] - step, -step, -step)[::-1]
    beats = np.concatenate([before, beats, np.arange(beats[-1] + step, stop / FRAME_RATE + 2 * step, step)])
    phase = 2 * np.pi * np.interp(np.arange(start, stop) / FRAME_RATE, beats, np.arange(len(beats)))
    return np.stack([np.cos(phase), np.sin(phase)]).astype(np.float32)
