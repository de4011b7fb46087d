"""Recordings in and out: good files of every kind, and each bad one with its sentence."""

import subprocess
import sys
import warnings

import numpy as np
import pyloudnorm
import pytest
import scipy.signal
import soundfile
import soxr

from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio import io as nn_audio
from noteninja_lib.audio.io import SAMPLE_RATE, limit
from noteninja_lib.audio.mixdown import without_dc
from noteninja_lib.errors import UserError


def tone(seconds=3.0, rate=SAMPLE_RATE, frequency=440.0, level=0.3):
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(len(time))
    return (level * np.sin(2 * np.pi * frequency * time) + 0.05 * level * noise).astype(np.float32)


def strongest_frequency(audio):
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return np.argmax(spectrum) * SAMPLE_RATE / len(audio)


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate, channels", [(8000, 1), (22050, 1), (44100, 2), (48000, 2)])
def test_formats_rates_channels(tmp_path, extension, rate, channels):
    path = tmp_path / f"song.{extension}"
    soundfile.write(path, np.tile(tone(3, rate)[:, None], channels), rate)
    audio = nn_audio.load(path)
    assert audio.dtype == np.float32 and audio.ndim == 1
    assert len(audio) == pytest.approx(3 * SAMPLE_RATE, abs=10)
    assert strongest_frequency(audio) == pytest.approx(440, abs=1)
    assert np.abs(audio).max() == pytest.approx(0.35, abs=0.06)


def test_96_khz_six_channels(tmp_path):
    path = tmp_path / "surround.wav"
    channels = np.zeros((96000 * 2, 6), np.float32)
    channels[:, 2] = tone(2, 96000, level=0.9)
    soundfile.write(path, channels, 96000, subtype="PCM_24")
    audio = nn_audio.load(path)
    assert len(audio) == 2 * SAMPLE_RATE
    assert np.abs(audio).max() == pytest.approx(0.9 / 2**0.5 / (1 + 2**0.5), rel=0.1)
    assert strongest_frequency(audio) == pytest.approx(440, abs=1)


def test_blockwise_equals_at_once(tmp_path):
    path = tmp_path / "song.wav"
    source = tone(5, 44100)
    soundfile.write(path, source, 44100, subtype="FLOAT")
    np.testing.assert_allclose(nn_audio.load(path), soxr.resample(source, 44100, SAMPLE_RATE), atol=1e-4)


def test_offset_and_duration(tmp_path):
    path = tmp_path / "song.wav"
    source = tone(5)
    soundfile.write(path, source, SAMPLE_RATE, subtype="FLOAT")
    part = nn_audio.load(path, offset=1, duration=2)
    np.testing.assert_allclose(part, source[SAMPLE_RATE : 3 * SAMPLE_RATE], atol=1e-6)
    with pytest.raises(UserError, match="5.0 s long"):
        nn_audio.load(path, offset=7)


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module measures memory on POSIX only")
def test_long_file_in_bounded_memory(tmp_path):
    """Four minutes at 96 kHz in six channels are 553 MB as float32; loading may take a seventh of it."""
    path = tmp_path / "long.flac"
    block = np.repeat(np.round(tone(1, 96000) * 50)[:, None] / 32768, 6, axis=1)
    with soundfile.SoundFile(path, "w", 96000, 6, subtype="PCM_16") as file:
        for _ in range(240):
            file.write(block)
    code = (
        "import resource, sys; from noteninja_lib.audio import io as audio\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); n = len(audio.load(sys.argv[1])); print(n, peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    samples, grown = map(int, done.stdout.split())
    assert samples == 240 * SAMPLE_RATE
    assert grown / (1 if sys.platform == "darwin" else 1 / 1024) < 80e6


@pytest.mark.parametrize("name", ["with space.mp3", "Grüße, мир, 音楽.mp3", "-o.mp3", "UPPER.MP3"])
def test_names(tmp_path, name):
    nn_audio.save(tmp_path / name, tone())
    assert len(nn_audio.load(tmp_path / name)) == 3 * SAMPLE_RATE
    assert [p.name for p in tmp_path.iterdir()] == [name]


def bad_file(folder, kind):
    path = folder / "bad.mp3"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("Dear diary, this is no music.\n" * 200)
    elif kind == "bytes":
        path.write_bytes(np.random.default_rng(0).bytes(50_000))
    elif kind == "short":
        nn_audio.save(path, tone(0.7))
    elif kind == "silent":
        nn_audio.save(path, np.zeros(3 * SAMPLE_RATE))
    elif kind in ("nan", "inf"):
        path = folder / "bad.wav"
        samples = tone()
        samples[40_000] = float(kind)
        soundfile.write(path, samples, SAMPLE_RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    "kind, sentence",
    [
        ("missing", "There is no file"),
        ("folder", "is a folder"),
        ("empty", "empty file"),
        ("text", "no recording"),
        ("bytes", "no recording"),
        ("short", "only 0.70 s long"),
        ("silent", "is silent"),
        ("nan", "not finite"),
        ("inf", "not finite"),
    ],
)
def test_bad_files(tmp_path, kind, sentence, capfd):
    path = bad_file(tmp_path, kind)
    with pytest.raises(UserError, match=sentence) as error:
        nn_audio.load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err == "", "the decoder printed its notes"


def test_mp3_cut_in_the_middle(tmp_path, capfd):
    whole, cut = tmp_path / "whole.mp3", tmp_path / "cut.mp3"
    nn_audio.save(whole, tone(20))
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.warns(UserWarning, match=r"cut\.mp3 is damaged: only \d+\.\d s of 20\.0 s"):
        audio = nn_audio.load(cut)
    assert len(audio) / SAMPLE_RATE == pytest.approx(10, abs=1)
    assert strongest_frequency(audio) == pytest.approx(440, abs=1)
    assert capfd.readouterr().err == ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn_audio.load(whole)
        nn_audio.load(cut, duration=5)  # the part asked for is whole


@pytest.mark.parametrize("damage", ["zeros", "noise"])
def test_mp3_with_a_hole(tmp_path, damage):
    path = tmp_path / "hole.mp3"
    nn_audio.save(path, tone(20))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 5000] = (
        bytes(5000) if damage == "zeros" else np.random.default_rng(0).bytes(5000)
    )
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="is damaged"):
        audio = nn_audio.load(path)
    assert 18 < len(audio) / SAMPLE_RATE < 20  # it goes on after the hole
    assert strongest_frequency(audio[-5 * SAMPLE_RATE :]) == pytest.approx(440, abs=1)


def test_flac_cut_in_the_middle(tmp_path):
    path = tmp_path / "cut.flac"
    nn_audio.save(path, tone(20))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(UserWarning, match="is damaged"):
        assert len(nn_audio.load(path)) / SAMPLE_RATE == pytest.approx(10, abs=1.5)


@pytest.mark.parametrize(
    "bad, sentence",
    [
        (np.full(SAMPLE_RATE * 2, np.nan), "not finite"),
        (np.zeros(SAMPLE_RATE * 2), "silent"),
        (np.ones(100), "only 0.00 s"),
        (np.zeros((30, 30, 30)), "shape"),
        (np.ones((100, 100)), "shape"),
        (["a", "b"], "array of numbers"),
        ([], "only 0.00 s"),
        (3.0, "shape"),
    ],
)
def test_check_turns_away(bad, sentence):
    with pytest.raises(UserError, match=sentence):
        nn_audio.check(bad)


def test_check_mixes_to_mono():
    mono = tone()
    for audio in (mono, mono.astype(np.float64), np.stack([mono, mono]), np.stack([mono, mono], axis=1)):
        checked = nn_audio.check(audio)
        assert checked.dtype == np.float32
        np.testing.assert_allclose(checked, mono, atol=1e-6)


@pytest.mark.parametrize(
    "extension, tolerance",
    [
        ("wav", 1e-4),
        ("flac", 1e-4),
        ("ogg", 0.05),
        ("mp3", 0.05),
    ],
)
def test_round_trip(tmp_path, extension, tolerance):
    path = tmp_path / f"song.{extension}"
    audio = tone()
    nn_audio.save(path, audio)
    again = nn_audio.load(path)
    assert len(again) == len(audio)
    assert np.abs(again - audio)[2000:-2000].max() < tolerance


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3"])
def test_stereo_is_saved_at_its_own_rate_with_left_on_the_left(tmp_path, extension):
    path = tmp_path / f"song.{extension}"
    left, right = tone(3, STEREO_RATE), tone(3, STEREO_RATE, 660, 0.15)
    nn_audio.save(path, np.stack([left, right], 1))
    again, rate = soundfile.read(path, dtype="float32")
    assert rate == 44100 and again.shape == (3 * 44100, 2)
    assert np.abs(again - np.stack([left, right], 1))[4000:-4000].max() < 0.06
    whole = np.concatenate(list(nn_audio.stream(path, STEREO_RATE, stereo=True)))
    np.testing.assert_allclose(whole, again, atol=1e-3)


def test_room_is_needed_for_stereo(tmp_path, monkeypatch):
    free = 2**20 + 10 * 44100 * 2 * 2  # ten seconds of two channels of 16 bits
    monkeypatch.setattr(nn_audio.shutil, "disk_usage", lambda path: type("Usage", (), dict(free=free)))
    nn_audio.check_writable(tmp_path / "a.wav", 9.9)
    with pytest.raises(UserError, match="MB left"):
        nn_audio.check_writable(tmp_path / "a.wav", 10.1)
    nn_audio.save(tmp_path / "a.flac", np.zeros((9 * 44100, 2)))
    with pytest.raises(UserError, match="MB left"):
        nn_audio.save(tmp_path / "a.flac", np.zeros((11 * 44100, 2)))
    nn_audio.save(tmp_path / "a.flac", np.zeros(39 * 22050))  # of mono, four times as much fits


def test_save_a_long_ogg(tmp_path):
    """Written in one piece, minutes of Vorbis overflow the encoder's stack."""
    nn_audio.save(tmp_path / "long.ogg", tone(120))
    assert soundfile.info(tmp_path / "long.ogg").duration == pytest.approx(120, abs=0.01)


def test_save_clips_instead_of_wrapping(tmp_path):
    nn_audio.save(tmp_path / "loud.wav", 3 * tone())
    audio = nn_audio.load(tmp_path / "loud.wav")
    assert np.corrcoef(audio, np.clip(3 * tone(), -1, 1))[0, 1] > 0.999


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("song.xyz", r"must end in \.wav"),
        ("song", "must end in"),
        ("nowhere/song.mp3", "no folder"),
        ("folder.mp3", "is a folder"),
        ("file.txt/song.mp3", "no folder"),
    ],
)
def test_unwritable_is_told_before(tmp_path, name, sentence):
    (tmp_path / "folder.mp3").mkdir()
    (tmp_path / "file.txt").write_text("x")
    with pytest.raises(UserError, match=sentence):
        nn_audio.check_writable(tmp_path / name)
    with pytest.raises(UserError, match=sentence):
        nn_audio.save(tmp_path / name, tone())


def test_folder_without_permission(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):  # a real chmod would not stop the administrator who runs this test
        raise PermissionError

    monkeypatch.setattr(nn_audio.tempfile, "TemporaryFile", refuse)
    with pytest.raises(UserError, match="not allowed"):
        nn_audio.check_writable(tmp_path / "song.mp3")


def test_no_room_on_the_disk(tmp_path, monkeypatch):
    kept = tmp_path / "song.wav"
    kept.write_bytes(b"what was there before")
    monkeypatch.setattr(nn_audio.shutil, "disk_usage", lambda path: type("Usage", (), dict(free=1000)))
    with pytest.raises(UserError, match="MB left"):
        nn_audio.save(kept, tone())
    assert kept.read_bytes() == b"what was there before"


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
@pytest.mark.parametrize("extension", ["wav", "mp3", "ogg", "flac"])
def test_disk_full_while_writing(tmp_path, extension):
    """A real failed write, by a limit on the size of files: one sentence, and the old file stays."""
    kept = tmp_path / f"song.{extension}"
    kept.write_bytes(b"what was there before")
    code = (
        "import resource, sys, numpy as np; from noteninja_lib.audio import io as audio\n"
        "noise = np.random.default_rng(0).standard_normal(30 * 22050) * .1\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))\n"
        "try: audio.save(sys.argv[1], noise)\n"
        "except audio.UserError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, kept], capture_output=True, text=True, check=True)
    assert "could not be written" in done.stdout and len(done.stdout.splitlines()) == 1
    assert kept.read_bytes() == b"what was there before"
    assert list(tmp_path.iterdir()) == [kept]


def test_save_refuses_nan(tmp_path):
    with pytest.raises(UserError, match="not finite"):
        nn_audio.save(tmp_path / "song.wav", np.array([0, np.nan, 0]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000, 384000])
def test_loudness_at_any_rate_equals_pyloudnorm(rate):
    sound = np.random.default_rng(0).normal(0, 0.1, (2 * rate, 2))
    assert nn_audio.loudness(sound, rate) == pytest.approx(
        pyloudnorm.Meter(rate).integrated_loudness(sound), abs=1e-3
    )


def test_loudness_in_segments_equals_pyloudnorm():
    """Loud, quiet and silent stretches across the segments' borders, so that both gates matter."""
    audio = tone(100)
    audio[20 * SAMPLE_RATE : 45 * SAMPLE_RATE] *= 0.05
    audio[58 * SAMPLE_RATE : 70 * SAMPLE_RATE] = 0
    whole = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(audio.astype(np.float64))
    assert nn_audio.loudness(audio) == pytest.approx(whole, abs=0.05)
    assert nn_audio.loudness(audio / 2) == pytest.approx(whole - 6.02, abs=0.05)


def test_loudness_of_little():
    assert nn_audio.loudness(np.zeros(SAMPLE_RATE, np.float32)) == -np.inf
    assert np.isfinite(nn_audio.loudness(tone(0.2)))


@pytest.mark.parametrize("gain", [0.01, 1, 30])
def test_normalise(gain):
    audio = nn_audio.normalise(gain * tone(10))
    assert nn_audio.loudness(audio) == pytest.approx(-16, abs=0.2)
    assert np.abs(audio).max() <= 0.98


def test_normalise_limits_a_peak_softly():
    """A click 30 dB above the music: it is turned down, and what lies 50 ms away is left alone."""
    audio = tone(10, level=0.02)
    audio[100_000:100_020] = 0.7
    louder = nn_audio.normalise(audio)
    assert np.abs(louder).max() <= 0.98
    gain = louder[:90_000] / audio[:90_000]
    assert gain.min() == pytest.approx(gain.max(), rel=1e-3) and gain.mean() > 2
    assert nn_audio.loudness(louder) == pytest.approx(-16, abs=1)


def test_limiter_in_segments_leaves_no_seam():
    """Loud moments beside the border of two half-minute segments are treated as anywhere else."""
    border = 30 * SAMPLE_RATE
    loud = tone(40)
    loud[border - 60 : border - 50] = loud[border + 70 : border + 75] = 3.0
    shifted = np.concatenate([np.zeros(1000, np.float32), loud])
    limited = limit(loud, 0.98)
    assert np.abs(limited).max() <= 0.98
    np.testing.assert_allclose(limited, limit(shifted, 0.98)[1000:], atol=1e-6)


def test_normalise_leaves_silence():
    assert not nn_audio.normalise(np.zeros(SAMPLE_RATE)).any()
    assert not nn_audio.normalise(np.zeros((STEREO_RATE, 2))).any()


def test_normalise_treats_both_channels_alike():
    audio = np.stack([tone(10, STEREO_RATE, level=0.9), 0.5 * tone(10, STEREO_RATE, 660)], 1)
    audio[200_000:200_040] *= 20
    before = audio.copy()
    louder = nn_audio.normalise(audio)
    assert np.array_equal(audio, before) and louder.shape == audio.shape
    assert nn_audio.loudness(louder, STEREO_RATE) == pytest.approx(-16, abs=0.2)
    assert np.abs(louder).max() <= 0.98
    large = np.abs(audio).min(1) > 0.02
    gains = (louder / audio)[large]
    np.testing.assert_allclose(gains[:, 0], gains[:, 1], rtol=1e-4)
    assert nn_audio.normalise(audio, out=audio) is audio and np.array_equal(audio, louder)


def test_levels_are_those_of_both_channels_together():
    mono = tone(3) * np.linspace(1, 0.01, 3 * SAMPLE_RATE, dtype=np.float32)
    twice = soxr.resample(mono, SAMPLE_RATE, STEREO_RATE)
    levels = nn_audio.levels(mono)
    assert len(levels) == len(mono) // 256
    np.testing.assert_allclose(nn_audio.levels(np.stack([twice, twice], 1))[2:-2], levels[2:-2], atol=0.2)
    left = nn_audio.levels(np.stack([twice, 0 * twice], 1))
    np.testing.assert_allclose(left[2:-2], levels[2:-2] - 3.01, atol=0.2)
    long = np.tile(tone(1), 60)  # worked on in parts
    np.testing.assert_allclose(
        nn_audio.levels(long)[200:5000], nn_audio.levels(long[:SAMPLE_RATE])[40], atol=0.5
    )


def test_levels_are_followed_in_stereo_and_left_stays_left():
    noise = np.random.default_rng(0).normal(0, 0.1, (8 * STEREO_RATE, 2)).astype(np.float32)
    noise[:, 1] *= 0.3
    wanted = nn_audio.levels(np.repeat([0.1, 0.035, 0.0, 0.1], 2 * SAMPLE_RATE))
    made = nn_audio.follow_levels(noise, wanted)
    silent = made[int(4.2 * STEREO_RATE) : int(5.8 * STEREO_RATE)]
    assert made.shape == noise.shape and np.abs(silent).max() < 1e-4
    heard = nn_audio.levels(made)
    change = np.median(heard[230:300]) - np.median(heard[20:110])
    assert change == pytest.approx(20 * np.log10(0.35), abs=1)
    loud = slice(0, 3 * STEREO_RATE)
    np.testing.assert_allclose((made / noise)[loud, 0], (made / noise)[loud, 1], rtol=1e-4)


def test_a_constant_offset_is_taken_out_without_a_seam():
    music = np.stack([tone(5, STEREO_RATE), tone(5, STEREO_RATE, 100)], 1)
    cleaned = without_dc(music + np.float32([0.2, -0.1]))
    assert np.abs(cleaned[STEREO_RATE:].mean(0)).max() < 1e-3
    np.testing.assert_allclose(cleaned[STEREO_RATE:].std(0), music[STEREO_RATE:].std(0), rtol=0.01)
    sos = scipy.signal.butter(2, 25, "highpass", fs=STEREO_RATE, output="sos")
    at_once = scipy.signal.sosfilt(sos, music.astype(np.float64) + [0.2, -0.1], axis=0)
    np.testing.assert_allclose(cleaned, at_once, atol=2e-3)


def test_the_rate_is_told_by_the_shape():
    time = np.arange(2 * STEREO_RATE) / STEREO_RATE
    both = np.stack([np.sin(2 * np.pi * 440 * time), np.sin(2 * np.pi * 15000 * time)], 1).astype(np.float32)
    folded = nn_audio.mono(both)
    assert folded.shape == (2 * SAMPLE_RATE,) and folded.dtype == np.float32
    true = 0.5 * np.sin(2 * np.pi * 440 * time[::2])  # 15 kHz is filtered out, not folded back
    np.testing.assert_allclose(folded[500:-500], true[500:-500], atol=1e-3)
    assert nn_audio.mono(folded) is folded
    for kind in (np.float64, np.float16):
        np.testing.assert_allclose(nn_audio.mono(both.astype(kind)), folded, atol=1e-3)
    loud = np.full((44100, 2), 20000, np.int16)
    assert nn_audio.mono(loud, 22050).dtype == np.float32 and (nn_audio.mono(loud, 22050) == 20000).all()
    assert np.abs(nn_audio.mono(loud)[500:-500] - 20000).max() < 1 and nn_audio.mono(both[:0]).shape == (0,)


def test_to_mp3(tmp_path):
    content = nn_audio.to_mp3(tone(30))
    assert 20_000 < len(content) < 300_000
    (tmp_path / "song.mp3").write_bytes(content)
    assert len(nn_audio.load(tmp_path / "song.mp3")) == 30 * SAMPLE_RATE
    (tmp_path / "stereo.mp3").write_bytes(nn_audio.to_mp3(np.stack([tone(3, 44100), tone(3, 44100)], 1)))
    facts = soundfile.info(tmp_path / "stereo.mp3")
    assert (facts.channels, facts.samplerate, facts.frames) == (2, 44100, 3 * 44100)
