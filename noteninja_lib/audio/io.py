"""Recordings in and out: load, check, save; and their loudness.

Inside the library what is heard is a one-dimensional float32 array: mono, 22,050 samples a second, values
within -1..1. Whatever the file holds, that is what comes in; a file that cannot be used is refused with one
sentence. A singer's voice, and all that is made, has two channels (n, 2) and 44,100 samples a second.
"""

import io
import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache, reduce
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.ndimage
import soundfile
import soxr
from numpy.lib.stride_tricks import sliding_window_view

from noteninja_lib.audio import SAMPLE_RATE, STEREO_RATE, rate_of
from noteninja_lib.audio.decoding import (
    BLOCK,
    UNKNOWN,
    Downmix,
    blocks,
    frames_of,
    named,
    opened,
    paired,
    skip,
)
from noteninja_lib.audio.mp3 import SAMPLE_RATES, encode
from noteninja_lib.audio.tags import Tags, write_tags
from noteninja_lib.errors import UserError, whole

SHORTEST = 1.0  # seconds below which a recording is refused: no beat fits into less
SILENCE = 1e-4  # peak (-80 dB) below which a recording counts as silent
QUIET, PAUSE = -60.0, 1.0  # dB of full scale below which nothing is heard, if that lasts so many seconds
FAINTER = 45.0  # dB below its loudest moment: what is louder in a soft song is no pause
SMOOTH, FOLLOWED, SILENCED = 1.0, 12.0, 90.0  # seconds; the most dB that a level is raised or lowered; dB
MEMORY = 8192  # samples after which the filters of `filtered` have forgotten a sound, to -100 dB
TOGETHER = 16  # stretches that are filtered at once
SEGMENT = 30 * SAMPLE_RATE  # samples worked on at once, so that memory stays flat however long a recording is
FORMATS: dict[str, dict] = {
    ".wav": dict(format="WAV", subtype="PCM_16"),
    ".flac": dict(format="FLAC", subtype="PCM_16"),
    ".ogg": dict(format="OGG", subtype="VORBIS"),
    ".mp3": dict(format="MP3"),  # of the best quality that LAME has
}
#: LAME's quality in a notebook's players, and kbit/s by channels: constant, so that each moment is found.
PLAYED, PLAYED_RATES = 3, {1: 64, 2: 160}


def load(path: str | Path, *, duration: float | None = None, offset: float = 0.0) -> np.ndarray:
    """Read a recording as mono float32 at 22,050 Hz.

    Wav, flac, ogg (Vorbis, Opus), mp3 and all else that libsndfile knows are read.

    Parameters
    ----------
    path : str or Path
    duration, offset : float
        Seconds to read (everything by default), and to skip at the beginning.

    Returns
    -------
    np.ndarray, shape (n,)
        float32 samples at `SAMPLE_RATE`.

    Raises
    ------
    UserError
        No such file, a folder, an empty file, no audio, less than a second, silence, or samples that are not
        finite.

    Warns
    -----
    UserWarning
        The file is damaged and only its first part could be read.
    """
    audio = bytearray()  # grows in place, and needs no trust in the length that the header claims
    for block in stream(path, duration=duration, offset=offset):
        audio += block.tobytes()
    shortest = SHORTEST if duration is None else min(SHORTEST, duration)
    return _require_music(np.frombuffer(audio, dtype=np.float32), path, shortest)


def stream(
    path: str | Path,
    sample_rate: int = SAMPLE_RATE,
    *,
    stereo: bool = False,
    duration: float | None = None,
    offset: float = 0.0,
) -> Iterator[np.ndarray]:
    """Read, mix and resample a recording block by block, so that a long one never lies whole in memory.

    Parameters
    ----------
    path, duration, offset
        As `load` takes them; it says what is raised and warned, too.
    sample_rate : int
        Of the blocks, in Hz.
    stereo : bool
        Two channels in place of one; a mono file has the same in both.

    Yields
    ------
    np.ndarray, float32, shape (n,) or (n, 2)
    """
    path = Path(path)
    with opened(path) as files:
        lengths = [frames_of(file) for file in files]
        seconds = sum(length / file.samplerate for file, length in zip(files, lengths) if length)
        if offset < 0 or offset >= seconds and None not in lengths:
            raise UserError(f"{path} is {seconds:.1f} s long: it cannot be read from second {offset:g} on.")
        left, asked, missing = math.inf if duration is None else duration, 0.0, 0.0
        for file, length in zip(files, lengths):
            rate = file.samplerate
            start = round(offset * rate)
            if length is not None and start >= length:
                offset -= length / rate
                continue
            skip(file, start)
            wanted = None if length is None else length - start
            if left < math.inf:
                wanted = min(round(left * rate), wanted or UNKNOWN)
            frames, downmix = 0, Downmix()
            resampler = soxr.ResampleStream(rate, sample_rate, 1 + stereo, dtype="float32")
            for block in blocks(file, wanted):
                _require_finite(block, path)
                frames += len(block)
                yield resampler.resample_chunk(paired(block) if stereo else downmix(block))
            rest = np.zeros((0, 2), np.float32)
            if not stereo:
                rest = downmix(rest[:, :1] if file.channels == 1 else rest, last=True)
            yield resampler.resample_chunk(rest, last=True)
            if length is not None:
                asked, missing = asked + wanted / rate, missing + (wanted - frames) / rate
            offset, left = 0.0, left - frames / rate
            if left * rate < 1:
                break
    if missing > 0.25:  # an mp3 without a length is guessed to a few frames
        read = f"only {asked - missing:.1f} s of {asked:.1f} s could be read."
        warnings.warn(f"{path} is damaged: {read}", stacklevel=3)


def check(audio: np.ndarray) -> np.ndarray:
    """Check an array of samples that a user gives, and return it as mono float32.

    Parameters
    ----------
    audio : array_like, shape (n,), (channels, n) or (n, channels)
        Samples at `SAMPLE_RATE`.

    Returns
    -------
    np.ndarray, shape (n,), float32

    Raises
    ------
    UserError
        Wrong shape, not numbers, NaN or infinity, less than a second, or silence.
    """
    try:
        audio = np.asarray(audio, dtype=np.float32)
    except (TypeError, ValueError):
        raise UserError("The audio must be an array of numbers, one per sample.") from None
    if audio.ndim == 2 and 0 < min(audio.shape) <= 16:
        audio = Downmix()(audio if audio.shape[1] <= 16 else audio.T, last=True)
    if audio.ndim != 1:
        raise UserError(f"The audio must have the shape (samples,), not {audio.shape}.")
    return _require_music(_require_finite(audio, "The audio"), "The audio", SHORTEST)


def save(
    path: str | Path,
    audio: np.ndarray,
    sample_rate: int | None = None,
    *,
    bits: int = 16,
    tags: Tags | None = None,
) -> None:
    """Write a recording as .wav, .mp3, .flac or .ogg, as the file's name asks.

    It is written to a temporary file beside `path`, read back to see that it is whole, and only then renamed,
    so that a failure leaves whatever was there before. Samples beyond -1..1 are clipped.

    Parameters
    ----------
    path : str or Path
        An existing file is replaced.
    audio : array_like, shape (n,) or (n, channels)
    sample_rate : int, optional
        By default 22,050 Hz for one channel, and 44,100 Hz for two.
    bits : {16, 24}
        Of a sample in wav and flac.
    tags : Tags, optional
        Title, artist, album and cover, for mp3, flac and ogg.

    Raises
    ------
    UserError
        The file cannot be written there, or a sample is not finite.
    """
    path = Path(path)
    audio = _require_finite(np.asarray(audio, dtype=np.float32), "The audio")
    check_writable(path, audio.size / (2 * STEREO_RATE) * bits / 16)
    form = FORMATS[path.suffix.lower()]
    form = form | {"subtype": f"PCM_{bits}"} if form.get("subtype") == "PCM_16" else form
    with whole(path) as unfinished:
        _write(unfinished, audio, sample_rate or rate_of(audio), form)
        write_tags(unfinished, tags or Tags())
        if soundfile.info(named(unfinished)).frames < len(audio):
            raise OSError("the disk is full")


def check_writable(
    path: str | Path, duration: float = 600.0, endings: Iterable[str] = tuple(FORMATS)
) -> None:
    """Find out before the work begins whether a file can be written, by `save` or by what writes `endings`.

    The duration in seconds, of stereo at 44,100 Hz, is for the room on the disk.

    Raises
    ------
    UserError
        Unknown extension, a folder, a folder that does not exist or cannot be written, or no room on the
        disk.
    """
    path = Path(path)
    if path.suffix.lower() not in endings:
        raise UserError(f"{path} cannot be written: its name must end in {', '.join(endings)}.")
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the name of a file in it.")
    if not path.parent.is_dir():
        raise UserError(f"{path} cannot be written: there is no folder {path.parent}.")
    try:
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError:
        raise UserError(f"{path} cannot be written: that is not allowed. Choose another folder.") from None
    needed = 2 * 2 * duration * STEREO_RATE + 2**20  # 16 bits a sample, the largest of the formats
    if shutil.disk_usage(path.parent).free < needed:
        raise UserError(f"{path} cannot be written: the disk has less than {needed / 1e6:.0f} MB left.")


def to_mp3(audio: np.ndarray, sample_rate: int | None = None) -> bytes:
    """A recording as an mp3 file for a notebook's player; clipped beyond -1..1, rate as in `save`.

    8 KB a second of mono, 20 KB of stereo.
    """
    audio = np.asarray(audio, dtype=np.float32)
    return encode(audio, sample_rate or rate_of(audio), PLAYED, PLAYED_RATES[audio.ndim])


def to_flac(audio: np.ndarray, sample_rate: int = SAMPLE_RATE) -> bytes:
    """A recording as a flac file: pieces of one sound, each in a file of its own, join without a trace."""
    memory = io.BytesIO()
    _write(memory, np.asarray(audio, dtype=np.float32), sample_rate, FORMATS[".flac"])
    return memory.getvalue()


def _write(target, audio, sample_rate, options):
    """Write clipped samples to a path or an open binary file, in blocks."""
    channels = 1 if audio.ndim == 1 else audio.shape[1]
    if options["format"] == "MP3" and sample_rate in SAMPLE_RATES and channels <= 2:
        target.write_bytes(encode(audio, sample_rate))
        return
    with soundfile.SoundFile(named(target), "w", sample_rate, channels=channels, **options) as file:
        for start in range(0, len(audio), BLOCK):
            file.write(np.clip(audio[start : start + BLOCK], -1, 1))


def _require_finite(audio, name):
    if not np.isfinite(audio).all():
        raise UserError(f"{name} holds samples that are not finite numbers (NaN or infinity).")
    return audio


def _require_music(audio, name, shortest):
    seconds = len(audio) / SAMPLE_RATE
    if len(audio) < round(shortest * SAMPLE_RATE) - 1:
        raise UserError(f"{name} is only {seconds:.2f} s long: at least {shortest:g} s is needed.")
    _require_finite(audio, name)  # near the largest numbers, what was finite may not be when it is folded
    if max(audio.max(initial=0), -audio.min(initial=0)) < SILENCE:
        raise UserError(f"{name} is silent.")
    return audio


def loudness(audio: np.ndarray, sample_rate: int = SAMPLE_RATE) -> float:
    """Loudness in LUFS of samples (n,) or (n, channels), as in ITU-R BS.1770-4; -inf for silence."""
    step = round(0.1 * sample_rate)  # gating blocks are 0.4 s long, and a new one begins every 0.1 s
    sound = audio[:, None] if audio.ndim == 1 else audio
    if len(sound) < 4 * step:  # only then, since padding by nothing copies, too
        sound = np.pad(sound, ((0, 4 * step - len(sound)), (0, 0)))
    energy = []
    for _, weighted in filtered(sound, k_weighting(sample_rate), step):
        whole = weighted.T[:, : len(weighted) // step * step].reshape(len(weighted.T), -1, step)
        energy.append(np.einsum("ijk,ijk->j", whole, whole, dtype=np.float64))
    power = np.convolve(np.concatenate(energy), np.ones(4) / (4 * step), "valid")
    levels = -0.691 + 10 * np.log10(np.maximum(power, 1e-20))
    loud = levels > -70  # the two gates of BS.1770: absolute, then 10 LU below the mean of what is left
    if loud.any():
        loud &= levels > -0.691 + 10 * np.log10(power[loud].mean()) - 10
    return float(-0.691 + 10 * np.log10(power[loud].mean())) if loud.any() else -math.inf


@lru_cache(maxsize=4)
def k_weighting(sample_rate: int) -> np.ndarray:
    """The filters of BS.1770-4, a shelf and a high-pass, as second-order sections (2, 6).

    From its analogue prototypes by the formulas of Bristow-Johnson's cookbook
    (https://www.w3.org/TR/audio-eq-cookbook/), at any sampling rate; pyloudnorm does the same.
    """
    turn, height = 2 * np.pi * np.array([1500.0, 38.0]) / sample_rate, 10 ** (4.0 / 40)
    (cos, low_cos), (alpha, low_alpha) = np.cos(turn), np.sin(turn) / (2 * np.array([1 / np.sqrt(2), 0.5]))
    plus, minus, root = height + 1, height - 1, 2 * np.sqrt(height) * alpha
    shelf = [
        height * (plus + minus * cos + root),
        -2 * height * (minus + plus * cos),
        height * (plus + minus * cos - root),
        plus - minus * cos + root,
        2 * (minus - plus * cos),
        plus - minus * cos - root,
    ]
    rest = (1 + low_cos) / 2
    high_pass = [rest, -2 * rest, rest, 1 + low_alpha, -2 * low_cos, 1 - low_alpha]
    return np.array([np.array(one) / one[3] for one in (shelf, high_pass)])


def filtered(audio: np.ndarray, sections: np.ndarray, unit: int = 1) -> Iterator[tuple[int, np.ndarray]]:
    """A recording through filters, stretch by stretch; what `scipy.signal.sosfilt` gives.

    By Fourier transforms, since `scipy.signal` takes longer to be imported than a song to be read.

    Parameters
    ----------
    audio : np.ndarray, float32, shape (n, channels)
        May be changed where it was given out already.
    sections : np.ndarray, shape (filters, 6)
        Second-order sections, whose impulse responses have died away after `MEMORY` samples.
    unit : int
        Samples of which a stretch holds a whole number.

    Yields
    ------
    (int, np.ndarray)
        Where it begins, and the stretch, float32, shape (samples, channels).
    """
    memory, channels = MEMORY, audio.shape[1]
    while unit > 3 * memory:  # at rates far above those of music
        memory *= 2
    size, hop = 4 * memory, 3 * memory // unit * unit
    delays = np.exp(-2j * np.pi * np.arange(size // 2 + 1)[:, None] / size) ** np.arange(3)
    gain = np.prod([delays @ one[:3] / (delays @ one[3:]) for one in sections], 0)
    gain, before = gain.astype(np.complex64), np.zeros((memory, channels), np.float32)
    for start in range(0, len(audio), TOGETHER * hop):
        piece = np.concatenate([before, audio[start : start + TOGETHER * hop]], dtype=np.float32)
        before, length = piece[-memory:], len(piece) - memory
        sound = sliding_window_view(np.pad(piece.T, ((0, 0), (0, -length % hop))), memory + hop, 1)[:, ::hop]
        passed = scipy.fft.irfft(scipy.fft.rfft(sound, size) * gain, size)[..., memory : memory + hop]
        yield start, passed.reshape(channels, -1)[:, :length].T


def normalise(
    audio: np.ndarray,
    lufs: float = -16.0,
    peak: float = 0.98,
    out: np.ndarray | None = None,
    like: np.ndarray | None = None,
) -> np.ndarray:
    """Bring a recording to a loudness, with no sample beyond a peak.

    One gain for everything; where that would exceed the peak, a look-ahead limiter turns the sound down
    smoothly around the loudest moments instead of cutting them off.

    Parameters
    ----------
    audio : np.ndarray, shape (n,) at 22,050 Hz, or (n, 2) at 44,100 Hz
    lufs, peak : float
        Wanted integrated loudness, and largest absolute value of the result.
    out : np.ndarray, optional
        Where the result goes, of the same shape; may be `audio` itself.
    like : np.ndarray, optional
        Another recording, whose gain it gets.

    Returns
    -------
    np.ndarray, float32, of the same shape
        Silence is returned as it is.
    """
    rate = rate_of(audio)
    before = loudness(audio if like is None else like, rate)
    if math.isinf(before):
        return np.array(audio, dtype=np.float32)
    return limit(audio, peak, 10 ** ((lufs - before) / 20), rate, out)


def limit(
    audio: np.ndarray,
    peak: float,
    factor: float = 1.0,
    sample_rate: int = SAMPLE_RATE,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Turn the sound, (n,) or (n, channels), down for a few milliseconds around each sample beyond a peak.

    It is multiplied by `factor` first; the result is float32, and no absolute value is above `peak`. All
    channels are turned down alike. With `out`, which may be `audio` itself, no more memory is needed.
    """
    limited = np.empty(audio.shape, np.float32) if out is None else out
    window = round(0.01 * sample_rate) | 1
    before = audio[:0]  # the samples before a segment, which `out` may have changed
    for start in range(0, len(audio), SEGMENT):
        piece = np.concatenate([before, audio[start : start + SEGMENT + window]])
        first, before = len(before), piece[: len(before) + SEGMENT][-window:].copy()
        piece *= factor
        loudest = np.abs(piece) if piece.ndim == 1 else reduce(np.maximum, np.abs(piece).T)
        gain = np.minimum(1, peak / np.maximum(loudest, 1e-9))
        if gain.min() < 1:
            # The mean of a running minimum is never above what the sample in its middle may have.
            gain = scipy.ndimage.uniform_filter1d(scipy.ndimage.minimum_filter1d(gain, window), window)
            piece = (piece.T * gain).T
        limited[start : start + SEGMENT] = piece[first : first + SEGMENT]
    return np.clip(limited, -peak, peak, out=limited)  # rounding only


def limit_blocks(blocks: Iterable[np.ndarray], peak: float, sample_rate: int) -> Iterator[np.ndarray]:
    """What `limit` makes of all blocks joined, in blocks: some milliseconds of each come with the next."""
    reach, held, done = 2 * (round(0.01 * sample_rate) | 1), None, 0  # done: what was given out already
    for block in blocks:
        held = block if held is None else np.concatenate([held, block])
        end = len(held) - reach
        if end > done:
            yield limit(held, peak, 1.0, sample_rate)[done:end]
            first = max(0, end - reach)
            held, done = held[first:], end - first
    if held is not None:
        yield limit(held, peak, 1.0, sample_rate)[done:]


def mono(audio: np.ndarray, sample_rate: int | None = None) -> np.ndarray:
    """A recording (n,) or (n, channels) as the networks hear it: mono, 22,050 Hz.

    Where no rate is given, it is 22,050 Hz for one channel and 44,100 Hz for two.
    """
    sample_rate = sample_rate or rate_of(audio)
    if sample_rate == SAMPLE_RATE:
        return folded(audio) if audio.ndim == 2 else audio
    resampler = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32")
    parts = [np.zeros(0, np.float32)]
    for start in range(0, len(audio), SEGMENT):  # in parts, since a long song's fold would need much memory
        part = audio[start : start + SEGMENT]
        part = folded(part) if part.ndim == 2 else np.asarray(part, np.float32)
        parts.append(resampler.resample_chunk(part, start + SEGMENT >= len(audio)))
    return np.concatenate(parts)


def folded(audio: np.ndarray) -> np.ndarray:
    """Mean (n,), float32, of the channels of (n, channels), one by one: far quicker than `mean(1)`."""
    return reduce(np.add, np.asarray(audio.T, np.float32)) / np.float32(audio.shape[1])


def levels(audio: np.ndarray, hop: int | None = None) -> np.ndarray:
    """Level in dB of full scale around each whole hop of samples, float32, shape (n // hop,).

    `audio` is of shape (n,), with hops of 256 samples, or (n, 2), of 512, where no others are asked for; of
    two channels it is the level of both together.
    """
    hop = hop or 256 * rate_of(audio) // SAMPLE_RATE
    return _levels(audio, hop)[: len(audio) // hop]


def _levels(audio, hop):
    """`levels`, and that around what is left at the end, as if silence followed."""
    places = np.arange(0, len(audio), hop)
    power = np.empty(len(places))
    for start in range(0, len(places), 4096):  # in parts, since a long song's squares would need much memory
        part = audio[start * hop : (start + 4096) * hop]
        squares, width = np.square(part, dtype=np.float64).ravel(), hop * part[0].size
        power[start : start + 4096] = np.add.reduceat(squares, np.arange(0, len(squares), width)) / width
    power = (power + np.concatenate([power[:1], power[:-1]])) / 2
    return (10 * np.log10(power + 1e-12)).astype(np.float32)


def pauses(level: np.ndarray) -> np.ndarray:
    """Which frames belong to a silence of a second or more; `level` as `levels` gives it."""
    length = round(PAUSE * SAMPLE_RATE / 256)
    below = min(QUIET, float(level.max(initial=-120.0)) - FAINTER)  # some songs are soft
    quiet = np.pad(level < below, length, constant_values=True)
    return scipy.ndimage.binary_opening(quiet, np.ones(length))[length:-length]


def follow_levels(audio: np.ndarray, level: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """A recording as soft and as loud, second by second, as another one, and silent in its pauses.

    Parameters
    ----------
    audio : np.ndarray, shape (n,) at 22,050 Hz, or (n, 2) at 44,100 Hz
    level : np.ndarray, shape (frames,)
        Of the other one, as `levels` gives it; the last level goes on.
    out : np.ndarray, optional
        Where the result goes, of the same shape; may be `audio` itself.

    Returns
    -------
    np.ndarray, of the same shape
    """
    return with_gains(audio, following_gains(audio, level), out)


def following_gains(audio: np.ndarray, level: np.ndarray) -> np.ndarray:
    """What each 256 samples (of stereo 512) of a recording are multiplied by to follow a level; see
    `follow_levels`."""
    own = _levels(audio, 256 * rate_of(audio) // SAMPLE_RATE)
    frames = len(own)
    wanted = level[np.minimum(np.arange(frames), len(level) - 1)]
    silence, width = pauses(wanted), round(SMOOTH * SAMPLE_RATE / 256)
    if silence.all():
        return np.zeros(frames)
    own, smooth = (
        10 * np.log10(scipy.ndimage.uniform_filter1d(10 ** (one / 10), width)) for one in (own, wanted)
    )
    gain = smooth - own
    gain = np.clip(gain - np.median(gain[~silence]), -FOLLOWED, FOLLOWED)
    gain = np.where(scipy.ndimage.binary_erosion(silence, np.ones(5), border_value=1), -SILENCED, gain)
    return scipy.ndimage.uniform_filter1d(10 ** (gain / 20), 9)


def with_gains(audio: np.ndarray, gains: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """A recording times gains (frames,), one for each 256 samples (of stereo 512), straight in between; in
    `out`, which may be the recording itself, if it is given."""
    hop, changed = 256 * rate_of(audio) // SAMPLE_RATE, np.empty_like(audio) if out is None else out
    for start in range(0, len(audio), SEGMENT):
        part = audio[start : start + SEGMENT]
        at = np.interp(np.arange(start, start + len(part)) / hop, np.arange(len(gains)), gains)
        changed[start : start + SEGMENT] = (part.T * at.astype(np.float32)).T
    return changed
