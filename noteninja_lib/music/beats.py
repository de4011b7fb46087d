"""The rhythm rows of the piano roll: onset strength, and where in the beat each column lies.

Beats are tracked as Ellis (2007, doi 10.1080/09298210701653344) does: a tempo first, then the best way through the onsets
that keeps to it. The beats are those of `librosa.beat.beat_track`; written anew, because loading that takes longer than
converting a song, and it looks for the tempo at every column where every fourth tells the same.
"""

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import HOP_LENGTH, log_mel, mel_frequencies

FRAME_RATE = SAMPLE_RATE / HOP_LENGTH  # 86.1 columns a second
BANDS = ((0, 200), (200, 4000), (4000, 11025))  # Hz
USUAL, FASTEST = 120, 320  # beats a minute
MEMORY = int(8 * FRAME_RATE)  # columns within which the tempo shows
TIGHTNESS = 100  # how much a beat that comes early or late costs


def rhythm_of(audio, beats=None):
    """Onset strength in three bands, and the beat's phase, for each column.

    Parameters
    ----------
    audio : numpy.ndarray, shape (samples,)
    beats : numpy.ndarray, optional
        Beat times in seconds; tracked from the sound if not given.

    Returns
    -------
    numpy.ndarray, float32, shape (5, samples // 256)
    """
    rise = log_mel(audio)
    rise[:, 1:] = np.diff(rise, axis=1)
    rise[:, :1] = 0
    np.maximum(rise, 0, out=rise)
    centres = mel_frequencies()
    bands = [rise[(centres >= low) & (centres < high)].mean(0) for low, high in BANDS]
    if beats is None:
        beats = track_beats(rise.mean(0))
    return np.concatenate([np.clip(np.stack(bands) / 2, 0, 1), beat_phase(beats, rise.shape[1])]).astype(
        np.float32
    )


def track_beats(onset_strength):
    """Beat times in seconds from onset strength, minute by minute: the tempo may drift, and memory stays flat."""
    beats, start = [], 0
    for part in np.array_split(onset_strength, -(-len(onset_strength) // (60 * int(FRAME_RATE)))):
        beats.append((start + find_beats(part)) / FRAME_RATE)
        start += len(part)
    return np.concatenate(beats)


def beat_period(onsets):
    """Columns from beat to beat: the delay after which the onsets come again, if need be one near 120 beats a minute."""
    around = sliding_window_view(np.pad(onsets, MEMORY // 2, mode="linear_ramp"), MEMORY)[: len(onsets) : 4]
    spectra = scipy.fft.rfft(around * np.hanning(MEMORY + 1)[:-1], 2 * MEMORY)
    again = scipy.fft.irfft(np.abs(spectra) ** 2)[:, :MEMORY]  # autocorrelation (Wiener and Khinchin)
    again = (again / np.maximum(again.max(1, keepdims=True), 1e-9)).mean(0)
    delays = np.arange(int(60 * FRAME_RATE / FASTEST) + 1, MEMORY)
    likely = np.log1p(1e6 * again[delays]) - 0.5 * np.log2(60 * FRAME_RATE / delays / USUAL) ** 2
    return delays[likely.argmax()]


def find_beats(onsets):
    """Columns of the beats in a part of constant tempo: dynamic programming over the best beat before each column."""
    if np.ptp(onsets) == 0:
        return np.zeros(0, int)
    period, count = beat_period(onsets), len(onsets)
    bump = np.exp(-0.5 * (np.arange(-period, period + 1) * 32 / period) ** 2)
    strength = np.convolve(onsets / onsets.std(ddof=1), bump)[period : period + count]
    half = int(np.round(period / 2))
    delays = np.arange(half, 2 * period + 1)  # from the beat before
    cost = TIGHTNESS * np.log(delays / period) ** 2
    score, before = (
        np.full(2 * period + count, -np.inf),
        np.full(count, -1),
    )  # nothing sounds before the beginning
    for start in range(0, count, half):  # none of these columns is another's beat before
        columns = np.arange(start, min(start + half, count))
        ways = score[2 * period + columns[:, None] - delays] - cost
        best = ways.max(1)
        before[columns] = np.where(np.isfinite(best), columns - delays[ways.argmax(1)], -1)
        score[2 * period + columns] = strength[columns] + np.where(np.isfinite(best), best, 0)
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


def beat_phase(beats, frames):
    """Cosine and sine of the beat's phase, 1 and 0 on each beat; zeros where fewer than two beats are known."""
    if len(beats) < 2:
        return np.zeros((2, frames), np.float32)
    step = np.median(np.diff(beats))
    beats = np.concatenate(
        [
            np.arange(beats[0] - step, -step, -step)[::-1],
            beats,
            np.arange(beats[-1] + step, frames / FRAME_RATE + 2 * step, step),
        ]
    )
    phase = 2 * np.pi * np.interp(np.arange(frames) / FRAME_RATE, beats, np.arange(len(beats)))
    return np.stack([np.cos(phase), np.sin(phase)]).astype(np.float32)
