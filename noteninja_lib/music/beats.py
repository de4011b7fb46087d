"""Rhythm: how strongly something begins in each frame, how fast the beat is, and when the beats are.

The tempo is the one after whose first four beats the onsets come again best (a comb, as in Davies and
Plumbley 2007, doi 10.1109/TASL.2006.885257), rather near 120. Then it may wander within an octave (Viterbi's
path through tempi), and beats are the best way through the onsets that keeps to it, as Ellis has it (2007,
doi 10.1080/09298210701653344).
"""

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.special
from numpy.lib.stride_tricks import sliding_window_view

from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import HOP_LENGTH, log_mel, mel_frequencies
from noteninja_lib.music.harmony import cheapest_path

FRAME_RATE = SAMPLE_RATE / HOP_LENGTH  # 86.1 frames a second
BANDS = ((0, 200), (200, 4000), (4000, 11025))  # Hz
MEMORY, EVERY = int(8 * FRAME_RATE), 32  # frames within which the tempo shows; from one look to the next
TEMPI = np.exp(np.arange(np.log(36), np.log(300), 0.01))  # beats a minute
BEATS, AGAIN = np.arange(1, 5), 3.0  # after which onsets come again, and what each of them counts
USUAL = -(np.log2(TEMPI / 120) ** 2)  # log probability of each tempo, before anything is heard
WANDER = 60.0  # price of the square of a change of log(tempo), from one look to the next
RELATED = (1 / 2, 2, 2 / 3, 3 / 2, 1 / 3, 3)  # tempi that are taken for one another
NEAR, NEARLY = 0.06, 0.25  # log of what is one tempo; share of its likelihood with which another one is named
FAINT, FEWEST = 0.02, 3  # mean rise of the bands with which something begins; how often, or there is no beat
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
    onsets = np.clip(bands / 2, 0, 1).astype(np.float32)
    return onsets, track_beats(rise.mean(0), onsets)


def track_beats(strength: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Beat times in seconds from onset strength: of all sounds (frames,), and in three bands (3, frames)."""
    begins = np.diff((strength >= FAINT).astype(int), prepend=0) > 0
    if begins.sum() < FEWEST:
        return np.zeros(0)
    return find_beats(strength, 60 * FRAME_RATE / tempo_curve(onsets)) / FRAME_RATE


def _again(onsets):
    """How well each tempo explains when the onsets (3, frames) come again, look by look; (looks, tempi)."""
    window, size = np.hanning(MEMORY + 1)[:-1].astype(np.float32), 2 * scipy.fft.next_fast_len(MEMORY, True)
    fading = scipy.fft.irfft(np.abs(scipy.fft.rfft(window, size)) ** 2)[:MEMORY]
    places = 60 * FRAME_RATE / TEMPI * BEATS[:, None]
    first = np.minimum(places.astype(int), MEMORY - 2)
    share, inside = np.minimum(places - first, 1), places < MEMORY - 1
    row = onsets.mean(0)
    around = sliding_window_view(np.pad(row - row.mean(), MEMORY // 2), MEMORY)[::EVERY]
    power = np.abs(scipy.fft.rfft(around * window, size)) ** 2
    again = scipy.fft.irfft(power)[:, :MEMORY]  # autocorrelation (Wiener and Khinchin)
    again /= np.maximum(fading / fading[0], 0.05) * max(again[:, 0].mean(), 1e-9)
    again = scipy.ndimage.maximum_filter1d(np.maximum(again, -0.2), 3)
    return AGAIN * (inside * ((1 - share) * again[:, first] + share * again[:, first + 1])).sum(1)


def tempo_scores(onsets: np.ndarray) -> np.ndarray:
    """Log probability of each of `TEMPI` for a recording with these onsets in three bands (3, frames)."""
    scores = _again(onsets).mean(0) + USUAL
    return scores - scipy.special.logsumexp(scores)


def other_tempi(onsets: np.ndarray, tempo: float) -> tuple[float, ...]:
    """Halves, doubles, thirds and so on of a tempo that are nearly as likely, or likelier; see
    `tempo_scores`."""
    likely = np.exp(tempo_scores(onsets))
    share = [likely[abs(np.log(TEMPI / (tempo * one))) < NEAR].sum() for one in (1, *RELATED)]
    return tuple(round(tempo * one, 1) for one, of in zip(RELATED, share[1:]) if of > NEARLY * share[0])


def tempo_curve(onsets: np.ndarray) -> np.ndarray:
    """The tempo at each frame, in beats a minute, from onsets in three bands (3, frames)."""
    looks = _again(onsets)
    best = int((looks.mean(0) + USUAL).argmax())
    low, high = max(0, best - 35), min(len(TEMPI), best + 35)  # an octave
    numbers = np.arange(high - low)
    prices = WANDER * (0.01 * (numbers[:, None] - numbers)) ** 2
    path = cheapest_path(-looks[:, low:high], [prices] * (len(looks) - 1))
    at = np.arange(onsets.shape[1]) / EVERY
    return np.exp(np.interp(at, np.arange(len(path)), np.log(TEMPI[low:high])[path]))


def find_beats(onsets: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """Frames of the beats: dynamic programming over the best beat before each frame.

    Parameters
    ----------
    onsets, periods : numpy.ndarray, shape (frames,)
        Onset strength, and the frames from beat to beat around each frame.
    """
    count, period = len(onsets), round(float(np.median(periods)))
    bump = np.exp(-0.5 * (np.arange(-period, period + 1) * 32 / period) ** 2)
    strength = np.convolve(onsets / onsets.std(ddof=1), bump)[period : period + count]
    half, longest = int(np.round(periods.min() / 2)), int(2 * periods.max())
    delays = np.arange(half, longest + 1)  # from the beat before
    score = np.full(longest + count, -np.inf)  # nothing sounds before the beginning
    before = np.full(count, -1)
    for start in range(0, count, half):  # none of these frames is another's beat before
        frames = np.arange(start, min(start + half, count))
        cost = TIGHTNESS * np.log(delays / periods[frames, None]) ** 2
        ways = score[longest + frames[:, None] - delays] - cost
        best = ways.max(1)
        before[frames] = np.where(np.isfinite(best), frames - delays[ways.argmax(1)], -1)
        score[longest + frames] = strength[frames] + np.where(np.isfinite(best), best, 0)
    score = score[longest:]
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
