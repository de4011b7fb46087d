"""A singer over a new band: stretched to its tempo and key, set beside it by loudness, and mixed.

Stretched sound is hollow unless each peak of the spectrum carries its neighbours' phases along, and dull
unless attacks keep the phases and the tempo that they were recorded with. One rotation serves all channels,
so that a voice stays where it was between the loudspeakers.

References
----------
Laroche and Dolson 1999, doi 10.1109/89.759041 (phase locking).
Röbel 2003, "A new approach to transient processing in the phase vocoder", DAFx (attacks).
Röbel and Rodet 2005, "Efficient spectral envelope estimation", DAFx (formants).
"""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import scipy.fft
import soxr
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from noteninja_lib.audio import SAMPLE_RATE
from noteninja_lib.audio import STEREO_RATE as RATE
from noteninja_lib.audio.io import filtered, limit, loudness
from noteninja_lib.audio.spectrogram import HOP_LENGTH
from noteninja_lib.errors import UserError, check_range

LUFS, PEAK = -16.0, 0.98  # of the mix
USUAL = 3.0  # dB of a voice over a band that was not there before
TWICE = 10 * math.log10(2)  # dB: two equal channels are as loud as one with twice the power
FARTHEST = 18.0  # dB between the two, at most
LOWEST = 25.0  # Hz: below, nothing is heard
OVERLAP = 4  # windows over each sample: 46 ms, long enough to part the harmonics of a low voice
BLOCK = 64  # windows worked on at once, so that memory stays flat
STEP = 64  # samples to which an attack is found
ATTACK = 4.0  # an attack is where energy rises to so many times what it was
RISEN = 2.0  # a peak so many times stronger than a step before belongs to the attack
ROUNDS = 6  # of the true envelope, which climbs to the tops of the harmonics


def balance(voice: np.ndarray, band: np.ndarray) -> float:
    """dB by which a voice (n, 2; 44,100 Hz) is louder than its own band (n,; 22,050 Hz)."""
    apart = loudness(voice, RATE) - TWICE - loudness(band)
    return float(np.clip(apart, -FARTHEST, FARTHEST)) if math.isfinite(apart) else USUAL


def without_dc(audio: np.ndarray) -> np.ndarray:
    """The sound (n, 2) without what is below 25 Hz, a constant offset above all; in place."""
    angle = np.pi * LOWEST / RATE
    middle, damping = np.tan(angle) ** 2, np.sqrt(2) * np.tan(angle)  # of Butterworth's filter
    scale = 1 + damping + middle
    low = np.array([1, -2, 1, scale, 2 * (middle - 1), 1 - damping + middle]) / scale
    for start, part in filtered(audio, low[None]):
        audio[start : start + len(part)] = part
    return audio


class Stems(Mapping):
    """Voice and band as they are in a mix but for its limiter: "voice" and "band", float32, shape (n, 2).

    They are made when they are asked for: a song of ten minutes would need hundreds of megabytes.
    """

    def __init__(self, voice: np.ndarray, band: np.ndarray, gains: dict[str, float]):
        self._parts, self._gains = {"voice": voice, "band": band}, gains

    def __getitem__(self, name: str) -> np.ndarray:
        return self._parts[name].astype(np.float32) * np.float32(self._gains[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._gains)

    def __len__(self) -> int:
        return len(self._gains)


def mixdown(
    band: np.ndarray, voice: np.ndarray, louder: float, like: np.ndarray | None = None
) -> tuple[np.ndarray, Stems]:
    """Mix a voice and a band.

    Parameters
    ----------
    band : numpy.ndarray, float32, shape (n, 2)
    voice : numpy.ndarray, float32 or float16, shape (m, 2)
        The mix is as long as the voice.
    louder : float
        dB by which the voice is to be louder, by loudness (ITU-R BS.1770).
    like : numpy.ndarray, optional, of the band's shape
        Another band, with which voice and band get the same gains.

    Returns
    -------
    (numpy.ndarray, Stems)
        The mix, float32, shape (m, 2), at -16 LUFS; and its two parts.
    """
    first = band if like is None else like
    soft, loud = loudness(voice, RATE), loudness(first, RATE)
    gain = 10 ** ((loud + louder - soft) / 20) if math.isfinite(soft) and math.isfinite(loud) else 1.0
    kept = np.zeros((len(voice), 2), np.float16)  # the stem, in half the memory
    mixed = np.empty((len(voice), 2), np.float32)

    def mix(played):
        kept[: len(played)] = played[: len(voice)]
        for start in range(0, len(mixed), RATE):
            part = slice(start, start + RATE)
            mixed[part] = kept[part] + voice[part] * np.float32(gain)

    mix(first)
    before = loudness(mixed, RATE)
    factor = 10 ** ((LUFS - before) / 20) if math.isfinite(before) else 1.0
    if like is not None:
        mix(band)
    stems = Stems(voice, kept, {"voice": gain * factor, "band": factor})
    return limit(mixed, PEAK, factor, RATE, out=mixed), stems


def stretch(
    audio: np.ndarray, time_map: np.ndarray | float, semitones: float = 0.0, sample_rate: int = 44100
) -> np.ndarray:
    """A recording at another tempo, in another key, or both; a voice keeps its vowels.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,) or (samples, channels)
    time_map : float or numpy.ndarray, shape (frames,)
        A rate from 0.1 to 10 (2 is twice as fast and half as long); or, for each new frame of 256/22050 s,
        the old frame that it shows: numbers that never fall.
    semitones : float
        How far the pitch moves, -12 to 12; formants stay.
    sample_rate : int
        Samples per second, 8000 to 192000.

    Returns
    -------
    numpy.ndarray, float32, shape (new samples,) or (new samples, channels)
        samples / rate, or frames * 256/22050 * sample_rate, rounded. Where nothing changes, the very samples.

    Raises
    ------
    UserError
        When a number is out of range, or the recording is empty or not finite.
    """
    audio = np.asarray(audio, np.float32)
    check_range("change of pitch in semitones", semitones, -12, 12)
    check_range("sample rate", sample_rate, 8000, 192_000)
    if audio.ndim not in (1, 2) or not audio.size or not np.isfinite(audio).all():
        raise UserError("Give a recording of shape (samples,) or (samples, channels), of finite numbers.")
    new, old = _knots(time_map, len(audio), sample_rate * HOP_LENGTH / SAMPLE_RATE)
    sound = audio.reshape(len(audio), -1)
    result = np.zeros((max(1, round(new[-1])), sound.shape[1]), np.float32)
    pitch, done = 2 ** (semitones / 12), 0
    stream = soxr.ResampleStream(sample_rate * pitch, sample_rate, sound.shape[1]) if semitones else None
    same = pitch == 1 and np.array_equal(new, old)
    pieces = [(sound, True)] if same else _vocoder(sound, new * pitch, old, pitch, sample_rate)
    for piece, last in pieces:
        piece = stream.resample_chunk(piece, last=last) if stream else piece
        piece = piece[: len(result) - done]
        result[done : done + len(piece)] = piece
        done += len(piece)
    return result.reshape(-1, *audio.shape[1:])


def _knots(time_map: np.ndarray | float, samples: int, frame: float) -> tuple[np.ndarray, np.ndarray]:
    """New times and the old ones they show, in samples, from the first sample to the end."""
    steps = np.asarray(time_map, float)
    if steps.ndim == 0:
        check_range("rate", float(steps), 0.1, 10)
        return np.array([0.0, samples / steps]), np.array([0.0, samples])
    if steps.ndim != 1 or not steps.size or not np.isfinite(steps).all() or (np.diff(steps) < 0).any():
        raise UserError("Give a time map of finite numbers that never fall: the old frame of each new one.")
    slope = steps[-1] - steps[-2] if len(steps) > 1 else 1.0
    return np.arange(len(steps) + 1) * frame, np.append(steps, steps[-1] + slope) * frame


def _attacks(sound: np.ndarray) -> np.ndarray:
    """Samples at which something begins: where the energy of high frequencies leaps up within 12 ms."""
    size, energy = 4096 * STEP, []
    for start in range(0, len(sound), size):
        piece = np.diff(sound[start : start + size + 1], axis=0, append=sound[-1:])[:size]
        energy.append(np.add.reduceat((piece**2).sum(1), np.arange(0, len(piece), STEP)))
    total = np.append(0, np.cumsum(np.pad(np.concatenate(energy), (16, 8)), dtype=float))
    before, after = (total[16:-8] - total[:-24]) / 2, total[24:] - total[16:-8]
    leap = after / (before + 1e-4 * after.max() + 1e-20)
    return np.flatnonzero((leap > ATTACK) & (leap == maximum_filter1d(leap, 49))) * STEP


def _times(sound: np.ndarray, new: np.ndarray, old: np.ndarray, hop: int) -> tuple[np.ndarray, np.ndarray]:
    """The old sample in the middle of each window, and which windows an attack has just come into."""
    # Both ends go on at their own tempo, as windows and the room around attacks reach over them.
    margin = 9 * hop
    slopes = margin * np.diff(old)[[0, -1]] / np.diff(new)[[0, -1]]
    new = np.concatenate([[-margin], new, [new[-1] + margin]])
    old = np.concatenate([[old[0] - slopes[0]], old, [old[-1] + slopes[1]]])
    times = np.arange(-1, int(np.ceil(new[-2] / hop)) + OVERLAP) * hop
    attacks = _attacks(sound)
    attacks = attacks[(attacks > old[0]) & (attacks < old[-1])]
    places = np.interp(attacks, old, new)
    # The tempo is unchanged around an attack, so that each window shows it at one place; what is beside it
    # makes up for that, as far as half way to the next.
    gaps = np.diff(places, prepend=-np.inf, append=np.inf)
    near, far = np.minimum(2 * hop, gaps / 4), np.minimum(8 * hop, gaps / 2)
    moves = np.stack([-far[:-1], -near[:-1], 0 * places, near[1:], far[1:]], 1)
    knots = places[:, None] + moves
    shifts = np.interp(places, new, old)[:, None] + moves - np.interp(knots, new, old)
    shifts[:, [0, 4]] = 0
    middles = np.interp(times, new, old)
    if len(attacks):
        middles = np.maximum.accumulate(middles + np.interp(times, knots.ravel(), shifts.ravel()))
    coming = np.append(places, np.inf)[np.searchsorted(places, times - hop)] - times
    return np.round(middles).astype(int), coming < 1.5 * hop


def _nearest_peaks(power: np.ndarray) -> np.ndarray:
    """The bin of the peak that is nearest to each bin, shape (windows, bins)."""
    bins = np.arange(power.shape[1])
    peaks = np.where(power == maximum_filter1d(power, 5, axis=1), bins, -(10**6))
    below = np.maximum.accumulate(peaks, 1)
    above = np.minimum.accumulate(abs(peaks)[:, ::-1], 1)[:, ::-1]
    return np.where(bins - below <= above - bins, below, above)


def _formant_gains(power: np.ndarray, pitch: float, sample_rate: int) -> np.ndarray:
    """What each bin is multiplied by, so that formants stay when all is resampled, shape (windows, bins)."""
    bins = power.shape[1]
    level = 0.5 * np.log(power + 1e-8 * power.max(1, keepdims=True) + 1e-20)
    shortest, longest = sample_rate // 1000, min(sample_rate // 70, bins - 1)
    # Averaged over neighbouring windows, and the first of the high peaks: else it jumps by octaves.
    cepstrum = uniform_filter1d(scipy.fft.irfft(level)[:, shortest:longest], 9, axis=0)
    period = shortest + (cepstrum > 0.85 * cepstrum.max(1, keepdims=True)).argmax(1)
    lifter = np.arange(bins) < 0.5 * period[:, None]
    envelope = level
    for _ in range(ROUNDS):
        smooth = scipy.fft.irfft(np.maximum(level, envelope))[:, :bins] * lifter
        envelope = scipy.fft.hfft(smooth, 2 * bins - 2)[:, :bins]
    place = np.minimum(np.arange(bins) * pitch, bins - 1.001)
    whole, part = place.astype(int), (place % 1).astype(np.float32)
    moved = envelope[:, whole] * (1 - part) + envelope[:, whole + 1] * part
    gains = np.exp(np.clip(moved - envelope, -4, 4)) * (np.arange(bins) * pitch < bins)
    return gains * np.sqrt(power.sum(1) / ((power * gains**2).sum(1) + 1e-20))[:, None]  # as loud as before


def _vocoder(
    sound: np.ndarray, new: np.ndarray, old: np.ndarray, pitch: float, sample_rate: int
) -> Iterator[tuple[np.ndarray, bool]]:
    """Pieces of the stretched sound (samples, channels), not yet resampled, and whether each is the last."""
    hop = scipy.fft.next_fast_len(round(sample_rate * HOP_LENGTH / SAMPLE_RATE), real=True)
    size, channels = OVERLAP * hop, sound.shape[1]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    middles, struck = _times(sound, new, old, hop)
    tail = np.zeros((size - hop, channels), np.float32)
    before = np.zeros((channels, size // 2 + 1), np.complex64)
    for first in range(0, len(middles), BLOCK):
        starts = middles[first : first + BLOCK] - size // 2
        low, high = starts[0] - hop, starts[-1] + size
        ends = max(0, min(high, 0) - low), max(0, high - max(low, len(sound)))
        piece = np.pad(sound[max(0, low) : max(0, high)], (ends, (0, 0)))
        views = np.lib.stride_tricks.sliding_window_view(piece, size, 0)
        spectra = scipy.fft.rfft(views[starts - low] * window)  # (windows, channels, bins)
        earlier = scipy.fft.rfft(views[starts - low - hop] * window)  # one hop earlier, at the old tempo
        power, past = (np.sum(x.real**2 + x.imag**2, 1) for x in (spectra, earlier))
        nearest = _nearest_peaks(power)
        fresh = (power > RISEN * maximum_filter1d(past, 5, axis=1)) & struck[first : first + BLOCK, None]
        for index, spectrum in enumerate(spectra):
            # A hop after the window before: turned as that one was turned from the same sound unstretched.
            turn = np.sum(before * earlier[index].conj(), 0)
            strength = np.abs(turn)
            turn = np.where(fresh[index] | (strength < 1e-20), 1, turn / (strength + 1e-30))
            spectrum *= turn[nearest[index]]
            before = spectrum
        if pitch != 1:
            spectra = spectra * _formant_gains(power, pitch, sample_rate)[:, None]
        frames = scipy.fft.irfft(spectra, size).swapaxes(1, 2) * (window / 1.5)[:, None]
        mixed = np.pad(tail, ((0, len(frames) * hop), (0, 0)))
        for start in range(0, size, hop):
            mixed[start : start + len(frames) * hop] += frames[:, start : start + hop].reshape(-1, channels)
        # What comes before the first sample is left out.
        yield mixed[0 if first else size - hop : len(frames) * hop], first + BLOCK >= len(middles)
        tail = mixed[len(frames) * hop :]
