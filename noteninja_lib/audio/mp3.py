"""Sound as mp3, by LAME, with the tag that tells a player where it begins and ends.

libsndfile writes mp3 files, too, but takes four times as long. The `lameenc` package gives the bare frames:
the tag in front (of Xing's form, with LAME's extension) is written here, so that a decoder leaves out what
the encoder adds at both ends, and knows the length. Form: http://gabriel.mp3-tech.org/mp3infotag.html
"""

import struct
from collections.abc import Iterator

import lameenc
import numpy as np

SPEED = 5  # LAME's 2 (slow) to 7: what is better below 5 can't be heard at these rates
DELAY = 576  # samples that LAME puts in front
#: kbit/s by the index in a frame's header, for layer III of MPEG-1 (32 kHz and more), and of MPEG-2.
RATES = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
TAGGED = 64  # kbit/s of the frame that holds the tag: it has to be long enough
SAMPLE_RATES = (32000, 44100, 48000, 16000, 22050, 24000)


def encode(audio: np.ndarray, sample_rate: int, quality: float = 0.0, bitrate: int | None = None) -> bytes:
    """An mp3 file.

    Parameters
    ----------
    audio : numpy.ndarray, shape (n,) or (n, 2)
        Clipped beyond -1..1.
    sample_rate : int
        One of `SAMPLE_RATES`, in Hz.
    quality : float
        Of LAME's variable bit rate, from 0 (best, about 240 kbit/s of stereo) to 9.
    bitrate : int, optional
        A constant one in kbit/s instead, of `RATES`. Only in such a file does a browser find a moment where
        it is: with the table of a variable one, Chromium was off by up to 5 s in ten minutes.

    Returns
    -------
    bytes
    """
    encoder, channels = lameenc.Encoder(), 1 if audio.ndim == 1 else audio.shape[1]
    encoder.set_channels(channels)
    encoder.set_in_sample_rate(sample_rate)
    encoder.set_out_sample_rate(sample_rate)
    encoder.set_vbr(4)  # LAME's newer variable bit rate
    encoder.set_vbr_quality(quality)
    if bitrate:  # LAME's own constant bit rate would make it 5% softer
        encoder.set_vbr_min_bitrate_kbps(bitrate)
        encoder.set_vbr_max_bitrate_kbps(bitrate)
        encoder.set_vbr_hard_min(True)
    encoder.set_quality(SPEED)
    encoder.silence()
    frames = bytearray()
    for start in range(0, len(audio), 2**16):
        part = np.clip(audio[start : start + 2**16], -1, 1) * 32767
        frames += encoder.encode(np.rint(part).astype("<i2").tobytes())
    frames += encoder.flush()
    frames[:0] = tag(frames, len(audio), channels, sample_rate, b"Info" if bitrate else b"Xing")
    return bytes(frames)


def frame_places(frames: bytearray, sample_rate: int) -> Iterator[int]:
    """Where each mp3 frame begins."""
    place, first = 0, sample_rate >= 32000
    while place + 4 <= len(frames):
        yield place
        bits = frames[place + 2]
        rate = 1000 * RATES[first][bits >> 4]
        place += (144 if first else 72) * rate // sample_rate + (bits >> 1 & 1)


def tag(frames: bytearray, samples: int, channels: int, sample_rate: int, kind: bytes = b"Xing") -> bytes:
    """The frame before the others: how many they are, their bytes, a table for seeking, what to leave out.

    Its `kind` is "Info" where all have one bit rate.
    """
    places, first = list(frame_places(frames, sample_rate)), sample_rate >= 32000
    padding = len(places) * (1152 if first else 576) - DELAY - samples
    header = bytearray(frames[:4])
    header[2] = RATES[first].index(TAGGED) << 4 | header[2] & 0b1100
    length = (144 if first else 72) * 1000 * TAGGED // sample_rate
    side = {(True, 2): 32, (True, 1): 17, (False, 2): 17, (False, 1): 9}[first, channels]
    total = length + len(frames)
    marks = [(length + places[len(places) * percent // 100]) * 256 // total for percent in range(100)]
    written = struct.pack(">4s3I", kind, 0b0111, len(places), total) + bytes(marks)
    cut = DELAY << 12 | min(padding, 4095)
    written += struct.pack(">9s12x3s", b"LAME3.100", cut.to_bytes(3, "big"))
    return (bytes(header) + bytes(side) + written).ljust(length, b"\0")
