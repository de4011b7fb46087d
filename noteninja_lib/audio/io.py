"""Recordings in and out: load, check, save; and their loudness.

Inside the library a recording is always a one-dimensional float32 array: mono, 22,050 samples a second,
values within -1..1. Whatever the file holds, that is what comes in; a file that cannot be used is refused
with one sentence.
"""

import contextlib
import io
import math
import os
import shutil
import tempfile
import threading
import uuid
import warnings
from pathlib import Path

import numpy as np
import pyloudnorm
import scipy.ndimage
import soundfile
import soxr

from noteninja_lib.audio import SAMPLE_RATE
from noteninja_lib.errors import UserError

SHORTEST = 1.0  # seconds below which a recording is refused: no beat fits into less
SILENCE = 1e-4  # peak (-80 dB) below which a recording counts as silent
BLOCK = 16384  # frames read or written at once: long Vorbis writes crash in one piece
SEGMENT = 30 * SAMPLE_RATE  # samples worked on at once, so that memory stays flat however long a recording is
FORMATS: dict[str, dict] = {
    ".wav": dict(format="WAV", subtype="PCM_16"),
    ".flac": dict(format="FLAC", subtype="PCM_16"),
    ".ogg": dict(format="OGG", subtype="VORBIS"),
    ".mp3": dict(format="MP3", bitrate_mode="VARIABLE", compression_level=0.0),
}
_stderr_lock = threading.Lock()


def load(path: str | Path, *, duration: float | None = None, offset: float = 0.0) -> np.ndarray:
    """Read a recording as mono float32 at 22,050 Hz.

    The file is read, mixed to mono and resampled block by block, so that a long recording at a high rate
    never lies whole in memory. Wav, flac, ogg (Vorbis, Opus), mp3 and all else that libsndfile knows are
    read.

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
    path = Path(path)
    with _open(path) as file:
        rate, frames = file.samplerate, 0
        start = round(offset * rate)
        if not 0 <= start < file.frames:
            seconds = file.frames / rate
            raise UserError(f"{path} is {seconds:.1f} s long: it cannot be read from second {offset:g} on.")
        wanted = file.frames - start
        if duration is not None:
            wanted = min(wanted, round(duration * rate))
        file.seek(start)
        audio = bytearray()  # grows in place, and needs no trust in the length that the header claims
        resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        for block in _blocks(file, wanted):
            _require_finite(block, path)
            frames += len(block)
            audio += resampler.resample_chunk(block).tobytes()
        audio += resampler.resample_chunk(np.zeros(0, np.float32), last=True).tobytes()
    if wanted - frames > 0.25 * rate:  # an mp3 without a length is guessed to a few frames
        read = f"only {frames / rate:.1f} s of {wanted / rate:.1f} s could be read."
        warnings.warn(f"{path} is damaged: {read}", stacklevel=2)
    shortest = SHORTEST if duration is None else min(SHORTEST, duration)
    return _require_music(np.frombuffer(audio, dtype=np.float32), path, shortest)


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
        audio = audio.mean(axis=int(np.argmin(audio.shape)))
    if audio.ndim != 1:
        raise UserError(f"The audio must have the shape (samples,), not {audio.shape}.")
    return _require_music(_require_finite(audio, "The audio"), "The audio", SHORTEST)


def save(path: str | Path, audio: np.ndarray) -> None:
    """Write a recording as .wav, .mp3, .flac or .ogg, as the file's name asks.

    It is written to a temporary file beside `path`, read back to see that it is whole, and only then renamed,
    so that a failure leaves whatever was there before. Samples beyond -1..1 are clipped.

    Parameters
    ----------
    path : str or Path
        An existing file is replaced.
    audio : array_like, shape (n,)

    Raises
    ------
    UserError
        The file cannot be written there, or a sample is not finite.
    """
    path = Path(path)
    audio = _require_finite(np.asarray(audio, dtype=np.float32), "The audio")
    check_writable(path, len(audio) / SAMPLE_RATE)
    unfinished = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        _write(unfinished, audio, FORMATS[path.suffix.lower()])
        if soundfile.info(unfinished).frames < len(audio):
            raise OSError("the disk is full")
        os.replace(unfinished, path)
    except (OSError, AssertionError, soundfile.SoundFileError) as error:  # soundfile asserts what it wrote
        raise UserError(f"{path} could not be written: {error or 'the disk is full'}.") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def check_writable(path: str | Path, duration: float = 600.0) -> None:
    """Find out before the work begins whether `save` will be able to write a file.

    The duration in seconds is for the room on the disk.

    Raises
    ------
    UserError
        Unknown extension, a folder, a folder that does not exist or cannot be written, or no room on the
        disk.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{path} cannot be written: its name must end in {', '.join(FORMATS)}.")
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
    needed = 2 * duration * SAMPLE_RATE + 2**20  # 16 bits a sample, the largest of the formats
    if shutil.disk_usage(path.parent).free < needed:
        raise UserError(f"{path} cannot be written: the disk has less than {needed / 1e6:.0f} MB left.")


def to_mp3(audio: np.ndarray) -> bytes:
    """A recording as an mp3 file, about 6 KB a second, for a notebook's player; clipped beyond -1..1."""
    memory = io.BytesIO()
    _write(memory, np.asarray(audio, dtype=np.float32), FORMATS[".mp3"] | dict(compression_level=0.3))
    return memory.getvalue()


def _open(path):
    """Open a file for reading, or say what is wrong with it."""
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the name of a recording in it.")
    if not path.exists():
        raise UserError(f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is an empty file.")
    try:
        open(path, "rb").close()
        with _quiet():
            return soundfile.SoundFile(path)
    except PermissionError:
        raise UserError(f"{path} may not be read: change its permissions or copy it elsewhere.") from None
    except (soundfile.SoundFileError, TypeError):  # TypeError: headerless .raw files
        raise UserError(f"{path} is no recording that can be read: give a wav, flac, ogg or mp3.") from None


def _blocks(file, frames):
    """Yield up to `frames` mono frames in blocks, and end early where the file is damaged."""
    while frames > 0:
        try:
            with _quiet():
                block = file.read(min(BLOCK, frames), dtype="float32", always_2d=True)
        except soundfile.SoundFileError:
            return
        if not len(block):
            return
        frames -= len(block)
        yield block.mean(axis=1)


@contextlib.contextmanager
def _quiet():
    """Keep the mp3 decoder, a C library, from printing its notes about damaged files."""
    with _stderr_lock:
        kept = os.dup(2)
        try:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _write(target, audio, options):
    """Write clipped samples to a path or an open binary file, in blocks."""
    with soundfile.SoundFile(target, "w", SAMPLE_RATE, channels=1, **options) as file:
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
    if max(audio.max(initial=0), -audio.min(initial=0)) < SILENCE:
        raise UserError(f"{name} is silent.")
    return audio


def loudness(audio: np.ndarray) -> float:
    """Integrated loudness in LUFS of samples of shape (n,), as in ITU-R BS.1770-4; -inf for silence."""
    meter = pyloudnorm.Meter(SAMPLE_RATE)
    overlap = round(0.3 * SAMPLE_RATE)  # gating blocks are 0.4 s long, and a new one begins every 0.1 s
    levels = []
    for start in range(0, max(len(audio) - overlap, 1), SEGMENT):
        piece = np.asarray(audio[start : start + SEGMENT + overlap], dtype=np.float64)
        shortfall = math.ceil(0.4 * SAMPLE_RATE) + 1 - len(piece)
        meter.integrated_loudness(np.pad(piece, (0, max(shortfall, 0))))
        levels.extend(meter.blockwise_loudness)
    levels = np.array(levels)
    power = 10 ** (levels / 10)
    loud = levels > -70  # the two gates of BS.1770: absolute, then 10 LU below the mean of what is left
    if loud.any():
        loud &= levels > 10 * np.log10(power[loud].mean()) - 10
    return float(10 * np.log10(power[loud].mean())) if loud.any() else -math.inf


def normalise(audio: np.ndarray, lufs: float = -16.0, peak: float = 0.98) -> np.ndarray:
    """Bring a recording to a loudness, with no sample beyond a peak.

    One gain for everything; where that would exceed the peak, a look-ahead limiter turns the sound down
    smoothly around the loudest moments instead of cutting them off.

    Parameters
    ----------
    audio : np.ndarray, shape (n,)
    lufs, peak : float
        Wanted integrated loudness, and largest absolute value of the result.

    Returns
    -------
    np.ndarray, shape (n,)
        float32; silence is returned as it is.
    """
    before = loudness(audio)
    if math.isinf(before):
        return np.array(audio, dtype=np.float32)
    return limit(audio, peak, 10 ** ((lufs - before) / 20))


def limit(audio: np.ndarray, peak: float, factor: float = 1.0) -> np.ndarray:
    """Turn the sound, of shape (n,), down for a few milliseconds around each sample beyond a peak.

    It is multiplied by `factor` first; the result is float32, and no absolute value is above `peak`.
    """
    limited = np.empty(len(audio), np.float32)
    window = round(0.01 * SAMPLE_RATE) | 1
    for start in range(0, len(audio), SEGMENT):
        before = min(start, window)
        piece = factor * audio[start - before : start + SEGMENT + window]
        gain = np.minimum(1, peak / np.maximum(np.abs(piece), 1e-9))
        if gain.min() < 1:
            # The mean of a running minimum is never above what the sample in its middle may have.
            gain = scipy.ndimage.uniform_filter1d(scipy.ndimage.minimum_filter1d(gain, window), window)
        limited[start : start + SEGMENT] = (piece * gain)[before : before + SEGMENT]
    return np.clip(limited, -peak, peak, out=limited)  # rounding only
