"""Files as people have them: joined, of unknown length, with opposed channels, in foreign formats."""

import io
import os
import stat
import struct
import sys
import warnings

import lameenc
import numpy as np
import pytest
import soundfile
from scipy.signal import fftconvolve

from noteninja_lib.audio import decoding
from noteninja_lib.audio.decoding import KERNEL, Downmix
from noteninja_lib.audio.io import SAMPLE_RATE, load, stream
from noteninja_lib.audio.mp3 import encode, frame_places
from noteninja_lib.errors import UserError

RATE = 44100


def tone(frequency, seconds, rate=RATE, channels=2):
    wave = 0.3 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, 1).astype(np.float32)


def written(audio, kind, subtype, rate=RATE):
    memory = io.BytesIO()
    soundfile.write(memory, audio, rate, format=kind, subtype=subtype)
    return memory.getvalue()


def constant(audio, rate=RATE, kilobits=128):
    """An mp3 of constant bit rate, without the tag that tells its length."""
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(kilobits)
    encoder.set_in_sample_rate(rate)
    encoder.set_out_sample_rate(rate)
    encoder.set_channels(audio.shape[1])
    encoder.silence()
    return bytes(encoder.encode((audio * 32767).astype("<i2").tobytes()) + encoder.flush())


def pitch(audio):
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return spectrum.argmax() * SAMPLE_RATE / len(audio)


FIRST, SECOND = tone(440, 2), tone(660, 3)
ID3 = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
JOINED = {
    "variable.mp3": [encode(FIRST, RATE), encode(SECOND, RATE)],
    "constant.mp3": [constant(FIRST), constant(SECOND)],
    "tagged.mp3": [ID3 + constant(FIRST) + b"TAG" + bytes(125), ID3 + constant(SECOND)],
    "mixed.mp3": [constant(FIRST), encode(SECOND, RATE)],
    "rates.mp3": [constant(FIRST), constant(tone(660, 3, 22050), 22050)],
    "mono.mp3": [constant(FIRST), constant(tone(660, 3, channels=1), kilobits=64)],
    "vorbis.ogg": [written(FIRST, "OGG", "VORBIS"), written(tone(660, 3, 22050), "OGG", "VORBIS", 22050)],
    "opus.OPUS": [written(tone(f, s, 48000), "OGG", "OPUS", 48000) for f, s in ((440, 2), (660, 3))],
    "joined.flac": [written(FIRST, "FLAC", "PCM_16"), written(SECOND, "FLAC", "PCM_24")],
    "behind a tag.flac": [ID3 + written(FIRST, "FLAC", "PCM_16"), written(SECOND, "FLAC", "PCM_16")],
    "behind two tags.ogg": [ID3 * 2, written(np.concatenate([FIRST, SECOND]), "OGG", "VORBIS")],
    "joined.wav": [written(FIRST, "WAV", "PCM_16"), written(tone(660, 3, 22050), "WAV", "PCM_24", 22050)],
    "joined.aiff": [written(FIRST, "AIFF", "PCM_16"), written(SECOND, "AIFF", "PCM_24")],
}


def sizes(data, kind):
    """A file whose header does not know its length."""
    data = bytearray(data)
    if kind == "wav":
        place = data.index(b"data")
        data[4:8] = data[place + 4 : place + 8] = bytes(4)
    elif kind == "au":
        data[8:12] = bytes(4)
    else:  # the number of samples in FLAC's STREAMINFO
        data[21] &= 0xF0
        data[22:26] = bytes(4)
    return bytes(data)


JOINED["joined without lengths.wav"] = [
    sizes(written(one, "WAV", "PCM_16"), "wav") for one in (FIRST, SECOND)
]


@pytest.mark.parametrize("name", JOINED)
def test_joined_streams_are_read_to_the_end(tmp_path, name):
    (tmp_path / name).write_bytes(b"".join(JOINED[name]))
    audio = load(tmp_path / name)
    assert len(audio) / SAMPLE_RATE == pytest.approx(5, abs=0.12)  # coders of constant rate add some frames
    assert pitch(audio[: round(1.8 * SAMPLE_RATE)]) == pytest.approx(440, abs=1)
    assert pitch(audio[round(2.3 * SAMPLE_RATE) : round(4.9 * SAMPLE_RATE)]) == pytest.approx(660, abs=1)
    part = load(tmp_path / name, offset=1.5, duration=2)
    assert len(part) == pytest.approx(2 * SAMPLE_RATE, abs=2)
    assert np.abs(part[4096:-4096] - audio[round(1.5 * SAMPLE_RATE) :][: len(part)][4096:-4096]).max() < 0.02
    with pytest.raises(UserError, match="cannot be read from second 7"):
        load(tmp_path / name, offset=7)


@pytest.mark.parametrize("made", [encode, constant])
def test_an_ordinary_mp3_is_one_stream(tmp_path, made):
    noise = np.random.default_rng(0).normal(0, 0.1, (10 * RATE, 2)).astype(np.float32)
    (tmp_path / "noise.mp3").write_bytes(made(noise, RATE))
    with decoding.opened(tmp_path / "noise.mp3") as files:
        assert len(files) == 1


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44100, 24000])
def test_a_variable_bit_rate_without_a_tag_is_read_to_the_end(tmp_path, rate, channels):
    noise = np.random.default_rng(0).normal(0, 0.1, (4 * rate, channels)).astype(np.float32)
    data = encode(np.concatenate([noise, tone(660, 4, rate, channels)]).squeeze(), rate)
    bare = data[next(place for place in frame_places(data, rate) if place) :]
    (tmp_path / "bare.mp3").write_bytes(ID3 + bare + b"TAG" + bytes(125))
    audio = load(tmp_path / "bare.mp3")
    assert len(audio) / SAMPLE_RATE == pytest.approx(8, abs=0.1)
    assert pitch(audio[5 * SAMPLE_RATE : 7 * SAMPLE_RATE]) == pytest.approx(660, abs=1)


@pytest.mark.parametrize(
    "kind, subtype", [("wav", "PCM_16"), ("wav", "PCM_24"), ("au", "PCM_16"), ("flac", "PCM_16")]
)
def test_a_header_that_knows_no_length_is_not_believed(tmp_path, kind, subtype):
    path = tmp_path / f"unknown.{kind}"
    path.write_bytes(sizes(written(np.concatenate([FIRST, SECOND]), kind.upper(), subtype), kind))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audio = load(path)
        late = load(path, offset=2.5)
    assert len(audio) == pytest.approx(5 * SAMPLE_RATE, abs=decoding.TAIL)
    assert len(late) == pytest.approx(2.5 * SAMPLE_RATE, abs=decoding.TAIL)
    assert pitch(late) == pytest.approx(660, abs=1)


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU"])
def test_a_header_alone_is_empty(tmp_path, kind):
    path = tmp_path / f"header.{kind.lower()}"
    path.write_bytes(written(np.zeros((0, 2), np.float32), kind, "PCM_16"))
    with pytest.raises(UserError, match="holds no sound, only a header"):
        load(path)


def test_a_flac_that_ends_after_its_header(tmp_path):
    path = tmp_path / "cut.flac"
    path.write_bytes(written(FIRST, "FLAC", "PCM_16")[:100])
    for where in ({}, {"offset": 1.0}):
        with pytest.raises(UserError, match="only 0.00 s long"), pytest.warns(UserWarning, match="damaged"):
            load(path, **where)


# --- Two channels ---


@pytest.mark.parametrize(
    "gains, level",
    [((1, 1), 1), ((1, -1), 1), ((1, 0), 0.5**0.5), ((0, 1), 0.5**0.5), ((1, -0.5), 0.625**0.5)],
)
@pytest.mark.parametrize("frequency", [40, 440, 9000])
def test_no_channel_cancels_another(tmp_path, gains, level, frequency):
    path = tmp_path / "opposed.wav"
    soundfile.write(path, tone(frequency, 2) * gains, RATE, subtype="FLOAT")
    heard = load(path)
    assert heard[4096:-4096].std() == pytest.approx(level * 0.3 / 2**0.5, rel=0.01)


def test_surround_whose_sides_are_opposed_is_heard(tmp_path):
    sound = tone(440, 2, channels=6) * [1, -1, 0, 0, 1, -1]
    soundfile.write(tmp_path / "surround.wav", sound, RATE)
    assert load(tmp_path / "surround.wav")[4096:-4096].std() > 0.1
    left, right = np.concatenate(list(stream(tmp_path / "surround.wav", RATE, stereo=True))).T
    assert np.allclose(left, -right, atol=1e-4) and left.std() > 0.1


def test_a_tune_in_the_sides_stands_beside_a_band_in_the_middle(tmp_path):
    tune, band = tone(660, 2), tone(220, 2)
    soundfile.write(tmp_path / "sides.flac", band + tune * [1, -1], RATE)
    spectrum = np.abs(np.fft.rfft(load(tmp_path / "sides.flac")))
    assert spectrum[2 * 660] == pytest.approx(spectrum[2 * 220], rel=0.02)


def test_what_is_the_same_on_both_sides_stays_as_it_is():
    sound = np.repeat(np.random.default_rng(0).normal(size=(50000, 1)), 2, 1).astype(np.float32)
    assert np.array_equal(Downmix()(sound, last=True), sound[:, 0])


def test_blocks_are_folded_as_the_whole():
    sound = np.random.default_rng(0).normal(size=(100000, 2)).astype(np.float32)
    downmix = Downmix()
    parts = [downmix(sound[start : start + 7001]) for start in range(0, len(sound), 7001)]
    parts.append(downmix(sound[:0], last=True))
    folded = np.concatenate(parts)
    turned = fftconvolve((sound[:, 0] - sound[:, 1]) / 2, KERNEL, "same")
    assert np.allclose(folded, sound.mean(1) + turned, atol=1e-5)
    assert np.allclose(folded, Downmix()(sound, last=True), atol=1e-6)


# --- Other formats ---

M4A = b"\0\0\0\x20ftypM4A " + bytes(2000)


def test_another_format_is_told_by_its_content(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "decoder", lambda: None)
    for name in ("song.m4a", "song.mp3"):
        (tmp_path / name).write_bytes(M4A)
        with pytest.raises(UserError, match=f"{name} is an MPEG-4 file: install ffmpeg"):
            load(tmp_path / name)
    (tmp_path / "words.wav").write_text("#EXTM3U\nfile:///etc/passwd\n" * 99)
    with pytest.raises(UserError, match="words.wav is no recording that can be read"):
        load(tmp_path / "words.wav")


@pytest.mark.parametrize(
    "start, kind",
    [
        (b"\0\0\0\x08wide", "a QuickTime film"),
        (b"\x1aE\xdf\xa3", "a Matroska or WebM file"),
        (bytes.fromhex("3026b2758e66cf11"), "a Windows Media file"),
        (b"\xff\xf1\x50\x80", "an AAC file"),
        (ID3 + ID3 + b"\xff\xf9\x50\x80", "an AAC file"),
        (b"caff\0\1\0\0desc" + bytes(16) + b"aac ", "a Core Audio file with AAC or ALAC"),
        (b"RIFF\0\0\1\0AVI LIST", "an AVI film"),
        (b"OggS\0\2" + bytes(22) + b"\x80theora", "an Ogg file with FLAC, Speex or Theora"),
    ],
)
def test_each_foreign_format_is_named(tmp_path, monkeypatch, start, kind):
    monkeypatch.setattr(decoding, "decoder", lambda: None)
    (tmp_path / "song.mp3").write_bytes(start + bytes(2000))
    with pytest.raises(UserError, match=f"song.mp3 is {kind}: install ffmpeg"):
        load(tmp_path / "song.mp3")


@pytest.mark.parametrize(
    "kind, subtype", [("CAF", "ALAC_16"), ("AIFF", "PCM_16"), ("OGG", "OPUS"), ("W64", "PCM_16")]
)
def test_what_needs_no_other_decoder(tmp_path, monkeypatch, kind, subtype):
    monkeypatch.setattr(decoding, "decoder", lambda: None)
    (tmp_path / f"song.{kind}").write_bytes(written(tone(440, 2, 48000), kind, subtype, 48000))
    audio = load(tmp_path / f"song.{kind}")
    assert len(audio) == 2 * SAMPLE_RATE and pitch(audio) == pytest.approx(440, abs=1)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for ffmpeg is a script")
def test_the_users_own_ffmpeg_decodes_it_once(tmp_path, monkeypatch):
    """A stand-in that copies a recording which lies beside it; the real one was tried by hand."""
    soundfile.write(tmp_path / "inside.wav", FIRST, RATE)
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport shutil, sys\nopen({str(tmp_path / 'calls')!r}, 'a').write('x')\n"
        f"given = sys.argv[sys.argv.index('-i') + 1]\n"
        f"if 'broken' in given:\n    sys.exit(1)\n"
        f"assert given.startswith('file:') and '-vn' in sys.argv\n"
        f"shutil.copy({str(tmp_path / 'inside.wav')!r}, sys.argv[-1])\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(decoding.importlib.util, "find_spec", lambda name: None)
    song = tmp_path / "-o song.M4A"
    song.write_bytes(M4A)
    assert pitch(load(song)) == pytest.approx(440, abs=1)
    renamed = song.with_name("renamed.mp3")
    renamed.write_bytes(M4A)
    assert pitch(load(renamed)) == pytest.approx(440, abs=1)
    assert len(np.concatenate(list(stream(song, RATE, stereo=True)))) == 2 * RATE
    assert (tmp_path / "calls").read_text() == "xx"
    (tmp_path / "broken.m4a").write_bytes(M4A)
    with pytest.raises(UserError, match="looks like an MPEG-4 file, but no sound"):
        load(tmp_path / "broken.m4a")


@pytest.mark.parametrize("size, damaged", [(2**32 - 1, False), (2**31 - 1, False), (10**9, True)])
def test_sizes_beyond_the_file(tmp_path, size, damaged):
    """The largest ones are those of files that were written to a pipe; others of files that were cut off."""
    data = bytearray(written(FIRST, "WAV", "PCM_16"))
    place = data.index(b"data")
    data[place + 4 : place + 8] = struct.pack("<I", size)
    (tmp_path / "song.wav").write_bytes(data)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert len(load(tmp_path / "song.wav")) == 2 * SAMPLE_RATE
    assert [str(one.message) for one in told] == [
        f"{tmp_path / 'song.wav'} is damaged: only 0.4 MB of 1000.0 MB are there."
    ] * damaged


def test_an_mp3_goes_on_after_what_is_no_sound(tmp_path):
    data = constant(tone(440, 4))
    middle = next(place for place in frame_places(bytearray(data), RATE) if place > len(data) // 2)
    (tmp_path / "torn.mp3").write_bytes(data[:middle] + bytes(range(1, 250)) * 12 + data[middle:])
    audio = load(tmp_path / "torn.mp3")
    assert len(audio) / SAMPLE_RATE == pytest.approx(4, abs=0.12)
    assert pitch(audio[3 * SAMPLE_RATE :]) == pytest.approx(440, abs=1)


def test_numbers_that_grow_beyond_all_when_they_are_folded(tmp_path):
    soundfile.write(tmp_path / "huge.wav", tone(440, 2) * 1e39, RATE, subtype="FLOAT")
    with pytest.raises(UserError, match="huge.wav holds samples that are not finite"):
        load(tmp_path / "huge.wav")
