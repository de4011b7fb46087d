"""Sound files opened for reading, whatever is odd about them: joined, of unknown length, in a foreign format.

libsndfile reads the file; this module finds what it misses. It reads only the first of several streams that
were joined into one file, and believes a header that says that there is nothing.
"""

import atexit
import contextlib
import importlib.util
import io
import itertools
import mmap
import os
import re
import shutil
import struct
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
import soundfile

from noteninja_lib.audio.mp3 import DELAY, RATES, tag
from noteninja_lib.errors import UserError

BLOCK = 16384  # frames read at once: long Vorbis reads crash in one piece
TAIL = 64  # frames read at once where no length is known: libFLAC loses the block in which the end lies
HEADERLESS = "RAW"  # what libsndfile takes any bytes for that are named .au, .snd, .vox or .gsm
LARGEST_SIZE = 2**31 - 2**20  # bytes from which a wav's size stands for one that was not known
UNKNOWN = 2**40  # frames from which a length is none: most of a year at 44,100 Hz
#: How files begin that another decoder can read: (place, bytes). No other file is given to it, since it would
#: follow what a play list says.
FOREIGN = {
    "an MPEG-4 file": (4, b"ftyp"),
    "a QuickTime film": (4, (b"moov", b"mdat", b"wide")),
    "a Matroska or WebM file": (0, b"\x1aE\xdf\xa3"),
    "a Windows Media file": (0, b"0&\xb2u"),
    "an AAC file": (0, (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9")),
    "a Core Audio file with AAC or ALAC": (28, (b"aac ", b"alac\0\0\0\0")),
    "an AMR file": (0, b"#!AMR"),
    "an AC-3 file": (0, b"\x0bw"),
    "an MPEG video": (0, (b"\0\0\x01\xba", b"G@\0", b"G@\x11")),
    "an AVI film": (8, b"AVI "),
    "a Flash video": (0, b"FLV\1"),
    "an Ogg file with FLAC, Speex or Theora": (28, (b"\x7fFLAC", b"Speex ", b"\x80theora")),
    "a Monkey's Audio, WavPack or TTA file": (0, (b"MAC ", b"wvpk", b"TTA1")),
}
#: How each stream begins in a file that begins so.
STARTS = {
    b"fLaC": rb"fLaC[\x00\x80]\x00\x00\x22",
    b"RIFF": rb"(?s:RIFF....WAVE)",
    b"FORM": rb"(?s:FORM....AIF[FC])",
}
_stderr_lock = threading.Lock()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[list[soundfile.SoundFile]]:
    """The sound streams of a file, one after the other: nearly always one.

    Raises
    ------
    UserError
        No such file, a folder, an empty file, a header without sound, or no recording that can be read.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the name of a recording in it.")
    if not path.exists():
        raise UserError(f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise UserError(f"{path} is an empty file.")
    with contextlib.ExitStack() as stack:
        try:
            decoded = foreign(
                path
            )  # told by its content: libsndfile would look for mp3 frames in an "m4a.mp3"
            files = [stack.enter_context(file) for file in _streams(decoded or path)]
        except PermissionError:
            raise UserError(f"{path} may not be read: change its permissions or copy it elsewhere.") from None
        except (soundfile.SoundFileError, TypeError):  # soundfile's own TypeError: .raw files
            raise UserError(
                f"{path} is no recording that can be read: give a wav, flac, ogg or mp3."
            ) from None
        yield files


def frames_of(file: soundfile.SoundFile) -> int | None:
    """Length of a stream in frames; None where its header does not know it."""
    return file.frames if file.frames < UNKNOWN else None


def blocks(file: soundfile.SoundFile, frames: int | None = None) -> Iterator[np.ndarray]:
    """Up to so many frames (all if None), float32 (n, channels), in blocks; ends where it is damaged."""
    size = TAIL if frames_of(file) is None else BLOCK
    left, ended = UNKNOWN if frames is None else frames, False
    while left > 0 and not ended:
        parts, wanted = [], min(BLOCK, left)
        with quiet(), contextlib.suppress(soundfile.SoundFileError):
            while wanted and len(part := file.read(min(size, wanted), dtype="float32", always_2d=True)):
                parts.append(part)
                wanted -= len(part)
        ended, left = wanted > 0, left - min(BLOCK, left) + wanted
        if parts:
            yield parts[0] if len(parts) == 1 else np.concatenate(parts)


def skip(file: soundfile.SoundFile, frames: int) -> None:
    """Go on so many frames from the beginning, by reading them where the length is not known."""
    if frames_of(file) is None:
        for _ in blocks(file, frames):
            pass
    elif frames:
        with contextlib.suppress(soundfile.SoundFileError), quiet():  # damaged: nothing more will be read
            file.seek(frames)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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


def _streams(path):
    """Open each of a file's streams; soundfile's errors where there is none."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)  # the file itself is never changed
    pieces, found = [bytearray(one) for one in _pieces(data)], []
    changed = [_mend(piece, path) for piece in pieces or [data]]
    for piece in pieces or [data if changed[0] else path]:
        with quiet():
            stream = soundfile.SoundFile(io.BytesIO(piece) if pieces else named(piece))
        if stream.format == HEADERLESS:
            stream.close()
            raise TypeError
        if stream.frames == 0 and len(pieces) < 2:
            stream.close()
            raise UserError(f"{path} holds no sound, only a header: export or download it again.")
        found.append(stream)
    return found


def named(file: Any) -> Any:
    """A file as soundfile takes it: a path as bytes, since its name may be no UTF-8; Windows has no such."""
    return os.fsencode(file) if isinstance(file, str | Path) and os.name == "posix" else file


def _pieces(data):
    """The streams of a file, each as bytes that can be read as a file; none where the whole file is one."""
    first = _after_tags(data)
    begin = data[first : first + 4]
    if begin[:1] == b"\xff" and begin[1:2] > b"\xdf" or first and begin not in (*STARTS, b"OggS"):
        return _mp3_pieces(data)
    starts = []
    if begin == b"OggS":
        starts = _ogg_starts(data, first)
    elif begin in STARTS:
        starts = [match.start() for match in re.finditer(STARTS[begin], data)]
    if len(starts) < 2 and not first:
        return []
    return [data[start:stop] for start, stop in zip(starts, [*starts[1:], len(data)])]


def _after_tags(data):
    """The place after the ID3 tags at the beginning; each tells its length in bytes of seven bits."""
    place = 0
    while data[place : place + 3] == b"ID3" and place + 10 <= len(data):
        size = 0
        for byte in data[place + 6 : place + 10]:
            size = size << 7 | byte & 127
        place += 10 + size
    return place


def _ogg_starts(data, place):
    """A stream begins with a page of flag 2, those of several tracks at once; RFC 3533."""
    starts, first = [], False
    while data[place : place + 4] == b"OggS" and place + 27 <= len(data):
        begins, segments = data[place + 5] & 2, data[place + 26]
        if begins and not first:
            starts.append(place)
        first = bool(begins)
        place += 27 + segments + sum(data[place + 27 : place + 27 + segments])
    return starts


@dataclass
class _Mp3:
    """A stream within an mp3 file: its kind, whether its first frame tells its length, and all its frames."""

    kind: tuple[int, int, bool]
    tagged: bool
    frames: list[tuple[int, int]] = field(default_factory=list)  # first byte, and the byte after the last
    rates: set[int] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        """Whether nothing lies between the frames, after which libsndfile may give up."""
        return all(one[1] == other[0] for one, other in itertools.pairwise(self.frames))


def _mp3_pieces(data):
    """A stream begins with a frame that tells its length, or one of another rate or number of channels.

    Of a variable bit rate without such a frame, libsndfile reads as much as it guesses: it gets one here.
    """
    streams, place = [], 0
    while place + 4 <= len(data):
        found = _mp3_frame(data, place)
        if found is None or found[1] + place < len(data) and not _begins(data, place + found[1]):
            place = _next_frame(data, place)
            continue
        kind, length = found
        told = data[place + 4 : place + 60]
        tagged = (b"Xing" in told or b"Info" in told) and not any(told[:9])
        if tagged or not streams or kind != streams[-1].kind:
            streams.append(_Mp3(kind, tagged))
        streams[-1].frames.append((place, min(place + length, len(data))))
        streams[-1].rates.add(data[place + 2] >> 4)
        place += length
    whole = all(one.whole and (one.tagged or len(one.rates) < 2) for one in streams)
    if len(streams) < 2 and whole:
        return []
    return [_with_length(b"".join(data[first:last] for first, last in one.frames), one) for one in streams]


def _with_length(frames, stream):
    _, rate, single = stream.kind
    if stream.tagged or len(stream.rates) < 2:
        return frames
    samples = len(stream.frames) * (1152 if rate >= 32000 else 576) - DELAY
    return tag(bytearray(frames), samples, 2 - single, rate) + frames


def _mp3_frame(data, place):
    """((version, rate, whether mono), bytes) of the frame of layer III at a place, or None."""
    one, two, three = data[place + 1 : place + 4]
    version, layer, index = one >> 3 & 3, one >> 1 & 3, two >> 2 & 3
    if data[place] != 0xFF or one < 0xE0 or version == 1 or layer != 1 or index == 3 or two >> 4 in (0, 15):
        return None
    rate = (44100, 48000, 32000)[index] >> (3 - version if version else 2)
    length = (144 if version == 3 else 72) * 1000 * RATES[version == 3][two >> 4] // rate + (two >> 1 & 1)
    return (version, rate, three >> 6 == 3), length


def _begins(data, place):
    """Whether a frame or a tag begins here."""
    return data[place : place + 3] in (b"TAG", b"ID3", b"APE") or (
        place + 4 <= len(data) and _mp3_frame(data, place) is not None
    )


def _next_frame(data, place):
    """The place after a tag, or that of the next frame."""
    if data[place : place + 3] == b"ID3" and place + 10 <= len(data):
        return place + _after_tags(data[place : place + 10])
    if data[place : place + 3] == b"TAG":
        return place + 128
    found = data.find(b"\xff", place + 1)
    return len(data) if found < 0 else found


def _mend(data, path):
    """Change a header that says that nothing follows, and warn of a file that was cut off; whether it was
    changed."""
    if data[:4] in (b"RIFF", b"RIFX"):
        order, place = "<" if data[:4] == b"RIFF" else ">", 12
        while place + 8 <= len(data):
            (size,) = struct.unpack_from(order + "I", data, place + 4)
            if data[place : place + 4] == b"data":
                rest = min(len(data) - place - 8, 2**32 - 1)
                if rest < size < LARGEST_SIZE:
                    there = f"only {rest / 1e6:.1f} MB of {size / 1e6:.1f} MB are there"
                    warnings.warn(f"{path} is damaged: {there}.", stacklevel=7)
                struct.pack_into(order + "I", data, place + 4, size or rest)
                return size == 0 < rest
            place += 8 + size + size % 2
    if data[:4] == b".snd" and data[8:12] == bytes(4):
        data[8:12] = b"\xff" * 4
        return len(data) > 24
    return False


# --- Two channels folded into one in which neither cancels the other ---

TAPS = 4095  # of the filter that turns by a quarter of a period, from about 20 Hz at 44,100 Hz
SIZE = 5 * (TAPS + 1)  # of the Fourier transforms
HOP = SIZE - TAPS + 1  # samples that one of them gives
_odd = np.arange(-(TAPS // 2), TAPS // 2 + 1)
#: An ideal Hilbert transform (2 / pi n for odd n), cut by Blackman's window.
KERNEL = np.where(_odd % 2, 2 / (np.pi * np.where(_odd, _odd, 1)), 0) * np.blackman(TAPS)
RESPONSE = scipy.fft.rfft(KERNEL, SIZE).astype(np.complex64)


def paired(block: np.ndarray) -> np.ndarray:
    """Two channels of any number (n, channels): one twice, surround sound as in ITU-R BS.775, not louder.

    Channels are in the order of wav files: left, right, centre, low frequencies (left out), left and right
    behind.
    """
    count = block.shape[1]
    if count <= 2:
        return block if count == 2 else np.repeat(block, 2, 1)
    middle = 0 if count == 4 else block[:, 2]
    behind = block[:, {3: 3, 4: 2, 5: 3}.get(count, 4) :]
    sides = [block[:, side] + (middle + behind[:, side::2].sum(1)) / 2**0.5 for side in (0, 1)]
    return np.stack(sides, 1).astype(np.float32) / (1 + (count != 4) / 2**0.5 + behind.shape[1] / 2 / 2**0.5)


class Downmix:
    """Folds blocks (n, channels) of one recording; what comes out is as long as what went in, but later.

    The mean of two channels loses what they have with opposite signs: a reversed plug silences a song. So
    their difference is turned by a quarter of a period (a Hilbert transform, as in Dolby's matrix surround)
    before it is added: the energy of the sum is then that of both channels, whatever their phases, and what
    lies in the middle stays as it is.
    """

    def __init__(self) -> None:
        self.waiting = np.zeros((0, 2), np.float32)  # middle and side that are not folded yet
        self.side = np.zeros(TAPS // 2, np.float32)  # what was before

    def __call__(self, block: np.ndarray, last: bool = False) -> np.ndarray:
        """As much as can be folded by now, float32, shape (n,); all of it with the last block.

        Parameters
        ----------
        block : numpy.ndarray, float32, shape (n, channels)
            One channel is given out as it is; of more than two, see `paired`.
        last : bool
        """
        if block.shape[1] == 1:
            return np.ascontiguousarray(block[:, 0], np.float32)
        block = paired(block)
        left, right = block.T
        added = np.stack([(left + right) / 2, (left - right) / 2], 1).astype(np.float32)
        after = [np.zeros((TAPS // 2, 2), np.float32)] if last else []
        middle, side = np.concatenate([self.waiting, added, *after]).T
        ready = max(0, len(side) - TAPS // 2)
        ready = ready if last else ready // HOP * HOP
        sound = np.concatenate([self.side, side])
        folded = middle[:ready].copy()
        for start in range(0, ready, HOP):
            stretch = sound[start : start + SIZE]
            if stretch.any():  # many recordings have the same on both sides
                turned = scipy.fft.irfft(scipy.fft.rfft(stretch, SIZE) * RESPONSE, SIZE)[TAPS - 1 :]
                folded[start : start + HOP] += turned[: ready - start]
        self.waiting = np.stack([middle[ready:], side[ready:]], 1)
        self.side = sound[ready : ready + TAPS // 2]
        return folded


# --- What libsndfile does not know, through what the user has ---


def foreign(path: Path) -> Path | None:
    """A recording in another format, decoded into a temporary wav by PyAV or by the user's own ffmpeg.

    It is decoded once; the copy goes when Python ends. None where it is in no such format.

    Raises
    ------
    UserError
        There is no decoder, or it can't read the file either.
    """
    kind = foreign_kind(path)
    if kind is None:
        return None
    made = _decoded(path.resolve(), path.stat().st_mtime_ns)
    if made is None and decoder():
        raise UserError(f"{path} looks like {kind}, but no sound could be read from it.")
    if made is None:
        advice = "install ffmpeg (https://ffmpeg.org), or convert it to wav, flac, ogg or mp3 first"
        raise UserError(f"{path} is {kind}: {advice}.")
    return made


def foreign_kind(path: Path) -> str | None:
    """In which of the formats of `FOREIGN` a file is, told by how it begins behind its tags."""
    with open(path, "rb") as file:
        place, size = 0, 1
        while size:
            file.seek(place)
            head = file.read(40)
            place += (size := _after_tags(head[:10]))
    kinds = (kind for kind, (place, magic) in FOREIGN.items() if head[place:].startswith(magic))
    return next(kinds, None)


def undecoded(path: Path) -> bool:
    """Whether a file is in one of these formats, and nothing here decodes it."""
    return foreign_kind(path) is not None and decoder() is None


def decoder() -> Callable | None:
    """What decodes other formats here, if anything: PyAV (the extra ``media``), or ffmpeg."""
    return _by_pyav if importlib.util.find_spec("av") else _by_ffmpeg if shutil.which("ffmpeg") else None


@lru_cache(maxsize=8)
def _decoded(path, _changed):
    folder = tempfile.mkdtemp(prefix="noteninja-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    wav, decode = Path(folder) / "decoded.wav", decoder()
    return wav if decode is not None and decode(path, wav) else None


def _by_ffmpeg(path, wav):
    # The file's name can't be taken for an option or an address; a video's pictures are left out.
    call = "ffmpeg -nostdin -v error -protocol_whitelist file -vn -c:a pcm_f32le -rf64 auto".split()
    call[6:6] = ["-i", f"file:{path}"]
    done = subprocess.run([*call, str(wav)], stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode == 0 and wav.exists()


def _by_pyav(path, wav):
    import av

    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as media:
            track = media.streams.audio[0]
            change = av.AudioResampler(format="flt", layout="stereo", rate=track.rate)
            with soundfile.SoundFile(wav, "w", track.rate, 2, "FLOAT", format="RF64") as file:
                for frame in itertools.chain(media.decode(track), [None]):
                    for part in change.resample(frame):
                        file.write(part.to_ndarray().reshape(-1, 2))
    except (av.FFmpegError, IndexError):
        return False
    return True
