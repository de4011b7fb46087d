"""`noteninja separate`: voice and band add up to the recording, in step with it, and no file is half done."""

import json
import shutil
import tracemalloc

import numpy as np
import pytest
import soundfile

from noteninja_lib import data_folder, stems
from noteninja_lib.audio.io import SAMPLE_RATE, stream
from noteninja_lib.batch import separate_files
from noteninja_lib.errors import Stopped, UserError
from noteninja_lib.stems import separate_file

SONGS = data_folder() / "songs"
SUNG, PLAYED = SONGS / "peggy-bawn-pop-sung.mp3", SONGS / "hearts-of-oak-rock.mp3"
RATE = 44100


@pytest.fixture(scope="module")
def song():
    """The sung song as stereo samples."""
    return np.concatenate(list(stream(SUNG, RATE, stereo=True)))


def written(folder, name, kind="wav"):
    """Voice and band in a folder; only these may be there."""
    assert sorted(path.name for path in folder.iterdir()) == [f"{name} band.{kind}", f"{name} voice.{kind}"]
    both = [soundfile.read(folder / f"{name} {part}.{kind}", dtype="float32") for part in ("voice", "band")]
    assert [rate for _, rate in both] == [RATE, RATE]
    return [samples for samples, _ in both]


@pytest.mark.parametrize("kind, most", [("wav", 1e-6), ("flac", 2e-7)])
def test_voice_and_band_add_up_to_the_recording(song, tmp_path, kind, most):
    shares = []
    found = separate_file(SUNG, tmp_path, kind=kind, progress=lambda done, what: shares.append(done))
    voice, band = written(tmp_path, SUNG.stem, kind)
    assert voice.shape == band.shape == song.shape and np.abs(voice + band - song).max() < most
    assert found.seconds == pytest.approx(30, abs=0.05)
    assert found.share == pytest.approx(10 * np.log10((voice**2).sum() / (song**2).sum()), abs=0.01)
    assert -6 < found.share < 0 and shares == sorted(shares) and shares[-1] == 1
    with np.errstate(all="ignore"):
        assert abs(np.corrcoef(voice[:, 0], band[:, 0])[0, 1]) < 0.3  # two different things


def test_what_is_beyond_full_scale_goes_together_all_the_same(song, tmp_path):
    loud = 2.2 * song[: 12 * RATE]  # as some mp3 are
    assert np.abs(loud).max() > 1.1
    soundfile.write(tmp_path / "loud.wav", loud, RATE, "FLOAT")
    for kind, whole in (("wav", loud), ("flac", np.clip(loud, -1, 1))):
        (tmp_path / kind).mkdir()
        separate_file(tmp_path / "loud.wav", tmp_path / kind, kind=kind)
        voice, band = written(tmp_path / kind, "loud", kind)
        assert np.abs(voice + band - whole).max() < 1e-6


def test_an_instrumental_has_no_voice_and_nothing_is_written(noteninja, tmp_path):
    status, told, err = noteninja("separate", PLAYED, "-o", tmp_path / "new")
    assert status == 0 and "no voice was found" in told and "noteninja:" not in err
    told = noteninja("separate", PLAYED, "-o", tmp_path / "new", "--json")[1]
    assert json.loads(told) == {
        "song": str(PLAYED),
        "voice": None,
        "band": None,
        "seconds": 30.0,
        "voice_share_db": None,
    }
    assert list((tmp_path / "new").iterdir()) == []


def test_an_instrument_that_was_taken_for_a_voice_stays_in_the_band(song, tmp_path, monkeypatch):
    """Of three parts, the first and last are sung, as the network for pitches hears it."""
    kinds = iter(["sung", "played", "silent"])
    monkeypatch.setattr(stems, "_kind", lambda *_: next(kinds))
    separate_file(SUNG, tmp_path)
    voice, band = written(tmp_path, SUNG.stem)
    edges = [round(place * 448 * 1024) for place in (1, 2)]
    assert np.abs(voice + band - song).max() < 1e-6 and np.abs(voice[: edges[0]]).max() > 0.1
    assert not voice[edges[0] + RATE // 5 :].any()  # what can't be told is what was before
    steps = np.abs(np.diff(voice[edges[0] - 2000 : edges[0] + 2000], axis=0)).max()
    assert steps < np.abs(np.diff(song, axis=0)).max()  # no click
    monkeypatch.setattr(stems, "_kind", lambda *_: "played")
    (tmp_path / "b").mkdir()
    assert separate_file(SUNG, tmp_path / "b").files == [] and list((tmp_path / "b").iterdir()) == []


def test_the_command_tells_files_and_share_and_goes_on_after_a_bad_one(noteninja, tmp_path):
    bad, good = tmp_path / "text.mp3", tmp_path / "ein Lied é.mp3"
    bad.write_text("this is no music")
    shutil.copy(SUNG, good)
    status, told, err = noteninja("separate", bad, good)
    sentences = [line for line in err.splitlines() if line.startswith("noteninja:")]
    assert status == 1 and len(sentences) == 1 and "text.mp3 is no recording" in sentences[0]
    assert f"{tmp_path / 'ein Lied é voice.wav'} and " in told and " dB of the whole" in told
    assert {path.name for path in tmp_path.iterdir()} == {
        bad.name,
        good.name,
        "ein Lied é voice.wav",
        "ein Lied é band.wav",
    }


def test_a_damaged_file_is_told_once_and_used(noteninja, tmp_path):
    whole = SUNG.read_bytes()
    (tmp_path / "cut.mp3").write_bytes(whole[: 2 * len(whole) // 3])
    status, told, err = noteninja("separate", tmp_path / "cut.mp3", "--json")
    report = json.loads(told)
    assert status == 0 and err.count("is damaged") == 1 and 15 < report["seconds"] < 25
    assert report["voice"].endswith("cut voice.wav") and -6 < report["voice_share_db"] < 0


def test_what_can_not_be_used_is_one_sentence(tmp_path):
    tone = 0.3 * np.sin(np.arange(2 * SAMPLE_RATE) / 20)
    soundfile.write(tmp_path / "short.wav", tone[: SAMPLE_RATE // 2], SAMPLE_RATE)
    soundfile.write(tmp_path / "silent.wav", 0 * tone, SAMPLE_RATE)
    cases = {
        "short.wav": "only 0.50 s",
        "silent.wav": "is silent",
        "none.wav": "no file",
        "tune.mid": "no file",
    }
    for name, words in cases.items():
        with pytest.raises(UserError, match=words):
            separate_file(tmp_path / name)
    with pytest.raises(UserError, match="wav or flac"):
        separate_file(SUNG, tmp_path, kind="mp3")
    with pytest.raises(UserError, match="folder"):
        separate_file(SUNG, tmp_path / "no folder")
    with pytest.raises(UserError, match="over the song itself"):
        shutil.copy(tmp_path / "short.wav", tmp_path / "a voice.wav")
        separate_files([tmp_path / "a.mp3", tmp_path / "a voice.wav"], overwrite=True)
    with pytest.raises(UserError, match="same name"):
        separate_files([tmp_path / "a.mp3", tmp_path / "a.wav"], overwrite=True)


@pytest.mark.parametrize("problem", [Stopped(), KeyboardInterrupt(), OSError("the disk is full")])
def test_files_appear_whole_or_not_at_all(tmp_path, monkeypatch, problem):
    (tmp_path / f"{SUNG.stem} voice.wav").write_text("of an earlier day")

    def progress(done, what):
        if done > 0.3:
            raise problem

    with pytest.raises(UserError if isinstance(problem, OSError) else type(problem)):
        separate_file(SUNG, tmp_path, progress=progress)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["of an earlier day"]


def test_memory_does_not_grow_with_the_length(song, tmp_path, monkeypatch):
    monkeypatch.setattr(stems, "first_look", lambda *_: True)
    monkeypatch.setattr(stems, "_kind", lambda *_: "sung")
    monkeypatch.setattr(stems, "separate", lambda blocks: ((block, 0.7 * block) for block in blocks))
    most = []
    for times in (2, 8):
        soundfile.write(tmp_path / "long.flac", np.tile(song, (times, 1)), RATE)
        tracemalloc.start()
        separate_file(tmp_path / "long.flac")
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < 1.2 * most[0] < 30e6
