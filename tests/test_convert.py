"""The command line: files in and out, and every kind of bad input with exit status 2 and one sentence."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from music21 import converter

from noteninja_lib import data_folder
from noteninja_lib.audio.io import SAMPLE_RATE, load, stream
from noteninja_lib.batch import again, convert_files
from noteninja_lib.errors import UserError
from noteninja_lib.music.tunes import load_tunes, to_stream, tune_from_score
from noteninja_lib.pipeline import NoteNinjaPipeline
from noteninja_lib.settings import Settings, read_settings

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """Six seconds of a bundled song, under a name with spaces and letters beyond ASCII."""
    path = tmp_path_factory.mktemp("songs") / "mein Lied é 曲.wav"
    soundfile.write(path, load(sorted((data_folder() / "songs").glob("*.mp3"))[0], duration=6.0), SAMPLE_RATE)
    return path


def test_a_song_is_converted_and_two_numbers_are_told(noteninja, song, tmp_path):
    out = tmp_path / "out é.mp3"
    status, told, _ = noteninja("convert", song, "--to", "jazz", "-o", out, "--seed", 3)
    assert status == 0 and "tune kept" in told and "genre heard" in told
    assert abs(len(load(out)) - len(load(song))) < 0.05 * SAMPLE_RATE
    first = out.read_bytes()
    noteninja("convert", song, "--to", "Jazz", "-o", out, "--seed", 3, "--overwrite")
    assert out.read_bytes() == first


def test_json_for_scripts(noteninja, song, tmp_path):
    status, told, _ = noteninja(
        "convert", song, "--to", "pop", "-o", tmp_path / "a.wav", "--json", "--amount", 0.5
    )
    told = json.loads(told)
    assert status == 0 and told["genre"] == "pop" and 0 <= told["tune_kept"] <= 1 and told["amount"] == 0.5
    assert sum(told["genre_heard"].values()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_each_format_is_written_in_stereo(noteninja, song, tmp_path, kind):
    out = tmp_path / f"a.{kind}"
    status, told, _ = noteninja("convert", song, "--to", "jazz", "--steps", 1, "-o", out, "--json")
    facts = soundfile.info(out)
    assert status == 0 and (facts.channels, facts.samplerate) == (2, 44100)
    assert facts.duration == pytest.approx(6, abs=0.05) and json.loads(told)["seconds"] == 6.0
    left, right = soundfile.read(out)[0].T
    assert np.abs(left - right).max() > 0.001


def test_several_songs_go_to_a_folder_and_a_bad_one_does_not_stop_the_others(noteninja, song, tmp_path):
    second, bad = tmp_path / "second.wav", tmp_path / "text.mp3"
    shutil.copy(song, second)
    bad.write_text("this is no music")
    status, told, err = noteninja("convert", song, bad, second, "--to", "rock", "-o", tmp_path / "made")
    assert status == 1 and "text.mp3" in err and "Traceback" not in err  # one of them failed
    assert sorted(path.name for path in (tmp_path / "made").glob("*.mp3")) == [
        f"{song.stem} (rock).mp3",
        "second (rock).mp3",
    ]
    assert {path.suffix for path in (tmp_path / "made").iterdir()} == {".mp3", ".json"}
    assert told.count("tune kept") == 2


@pytest.fixture(scope="module")
def sung(tmp_path_factory):
    """The bundled song with a singer."""
    path = tmp_path_factory.mktemp("sung") / "peggy.mp3"
    shutil.copy(data_folder() / "songs" / "peggy-bawn-pop-sung.mp3", path)
    return path


def told_of(err):
    return [line.removeprefix("noteninja: ") for line in err.splitlines() if line.startswith("noteninja:")]


def test_a_voice_is_kept_and_written_apart(noteninja, sung, tmp_path):
    out = tmp_path / "out.wav"
    status, told, err = noteninja("convert", sung, "--to", "jazz", "--steps", 2, "-o", out, "--stems")
    assert status == 0 and told.rstrip().endswith("voice kept") and told_of(err) == []
    mix, voice, band = (
        soundfile.read(tmp_path / name)[0] for name in ("out.wav", "out voice.wav", "out band.wav")
    )
    assert mix.shape == voice.shape == band.shape == (8 * 44100, 2)  # as long as fast mode listens
    gain = (mix * (voice + band)).sum() / (mix**2).sum()
    assert gain == pytest.approx(1, abs=0.02) and np.abs(voice + band - mix).std() < 0.05 * mix.std()
    song = np.concatenate(list(stream(sung, 44100, stereo=True, duration=8.0)))
    alike = [(song * np.roll(voice, shift, 0)).sum() for shift in range(-40, 41)]
    assert np.argmax(alike) == 40  # in step with the song to a sample
    again(tmp_path / "out.json", tmp_path / "again.wav", stems=True)
    assert (tmp_path / "again.wav").read_bytes() == out.read_bytes()
    assert np.array_equal(soundfile.read(tmp_path / "again voice.wav")[0], voice)


def test_a_louder_voice_is_louder_beside_its_band(sung, tmp_path):
    share = []
    for gain in (-6, 6):
        settings, again = Settings("jazz", steps=2, voice_gain=gain), {"stems": True, "overwrite": True}
        assert convert_files([sung], settings, tmp_path / "a.wav", **again) == 0
        voice, band = (soundfile.read(tmp_path / f"a {name}.wav")[0].std() for name in ("voice", "band"))
        share.append(20 * np.log10(voice / band))
    assert share[1] - share[0] == pytest.approx(12, abs=0.5)


def test_a_mood_can_not_be_sung_and_that_is_said_once(noteninja, sung, tmp_path):
    words = ("--to", "jazz", "--steps", 2, "--mood", "sad", "--stems", "--json")
    status, told, err = noteninja("convert", sung, *words, "-o", tmp_path / "out.wav")
    report, (mood, apart) = json.loads(told), told_of(err)
    assert status == 0 and report["voice"] == "play" and report["files"] == [str(tmp_path / "out.json")]
    assert mood.startswith("A voice can't be sung in another mood") and "no voice and no band" in apart
    assert not list(tmp_path.glob("* band.wav")) and soundfile.info(tmp_path / "out.wav").channels == 2


def test_a_voice_is_left_out_and_an_instrumental_has_none(noteninja, sung, song, tmp_path):
    quick = ("--to", "pop", "--steps", 2, "--voice", "off", "-o")
    assert "voice left out" in noteninja("convert", sung, *quick, tmp_path / "a.wav")[1]
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["measured"]["voice"] == "off"
    assert "voice" not in noteninja("convert", song, *quick, tmp_path / "b.wav")[1].split("b.wav")[1]


def test_where_no_tune_was_found_none_is_claimed(noteninja, song, tmp_path, monkeypatch):
    real = NoteNinjaPipeline.__call__

    def tuneless(*given, **options):
        return replace(real(*given, **options), tune_kept=None)

    monkeypatch.setattr(NoteNinjaPipeline, "__call__", tuneless)
    words = ("convert", song, "--to", "pop", "--steps", 2, "-o", tmp_path / "a.wav", "--overwrite")
    assert "no tune was found, genre heard" in noteninja(*words)[1]
    assert json.loads(noteninja(*words, "--json")[1])["tune_kept"] is None


def test_stems_are_never_written_over_a_song(sung, tmp_path):
    voice = tmp_path / "out voice.wav"
    shutil.copy(sung, voice)
    with pytest.raises(UserError, match="over the song itself"):
        convert_files([voice], Settings(), tmp_path / "out.mp3", stems=True)


def test_a_result_is_made_again_from_the_json_beside_it(song, tmp_path, capsys):
    own, out = tmp_path / "song.wav", tmp_path / "song (blues to jazz).wav"
    shutil.copy(song, own)
    settings = Settings([(0, "blues"), (1, "jazz")], 0.7, 2, 1.5, 11, mood=(0.5, -0.2), rate=1.25)
    assert convert_files([own], settings, out, kinds=("mid", "musicxml", "json")) == 0
    assert {path.suffix for path in tmp_path.glob("song (blues*")} == {".wav", ".mid", ".musicxml", ".json"}
    again(out.with_suffix(".json"))
    made = tmp_path / "song (blues to jazz) (again).wav"
    assert made.read_bytes() == out.read_bytes() and made.with_suffix(".json").exists()
    assert "will differ" not in capsys.readouterr().err
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in (own, out.with_suffix(".json")):
        path.rename(moved / path.name)
    soundfile.write(moved / own.name, load(moved / own.name)[:-SAMPLE_RATE], SAMPLE_RATE)
    record = json.loads((moved / f"{out.stem}.json").read_text("utf-8"))
    long = record["file"] = 100 * "x\0曲" + ".wav"  # a name that no file can have
    (moved / f"{out.stem}.json").write_text(json.dumps(record), "utf-8")
    again(moved / f"{out.stem}.json")
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("noteninja:")]
    assert len(told) == 1 and f"song.wav is not the song from which {long}" in told[0]
    assert [path.suffix for path in sorted(moved.glob("x_曲x_曲* (again).*"))] == [".json", ".wav"]
    (moved / own.name).unlink()
    with pytest.raises(UserError, match="put it beside"):
        again(moved / f"{out.stem}.json")


def test_a_mixture_of_two_songs_is_made_again(song, tmp_path):
    second, out = tmp_path / "second.wav", tmp_path / "a.wav"
    soundfile.write(
        second, load(sorted((data_folder() / "songs").glob("*.mp3"))[1], duration=5.0), SAMPLE_RATE
    )
    assert convert_files([song], Settings("pop", steps=2, second=str(second), share=0.4), out) == 0
    again(tmp_path / "a.json", tmp_path / "b.wav")
    assert (tmp_path / "b.wav").read_bytes() == out.read_bytes()
    second.unlink()
    with pytest.raises(UserError, match="second.wav was not found"):
        again(tmp_path / "a.json", tmp_path / "c.wav")


def test_notes_are_converted_in_place_of_sound(tmp_path):
    tune = load_tunes("test")[5]
    to_stream(tune).write("musicxml", str(tmp_path / "tune.musicxml"))
    (tmp_path / "tune.abc").write_text("X:1\nM:4/4\nK:G\nGABc d2B2|c2A2 G4|GABc d2B2|c2A2 G4|\n")
    pop = Settings("pop", steps=2)
    assert (
        convert_files([tmp_path / "tune.musicxml"], pop, tmp_path / "a.wav", kinds=("mid", "musicxml")) == 0
    )
    assert convert_files([tmp_path / "a.mid"], pop, tmp_path / "b.wav", kinds=()) == 0
    assert convert_files([tmp_path / "tune.abc"], pop, tmp_path / "c.wav", kinds=()) == 0
    heard = tune_from_score(converter.parse(str(tmp_path / "a.musicxml"), forceSource=True))
    pitches = [pitch for _, _, pitch in heard.notes]
    assert pitches[:10] == [pitch for _, _, pitch in tune.notes][:10]
    assert len(load(tmp_path / "b.wav")) > SAMPLE_RATE and len(load(tmp_path / "c.wav")) > SAMPLE_RATE


def test_the_tune_of_a_score_is_chosen_and_made_again(noteninja, song, tmp_path, capsys):
    score = tmp_path / "duet.musicxml"
    shutil.copy(Path(__file__).parent / "notes" / "x4_voice_piano.musicxml", score)
    out, words = tmp_path / "a.mp3", ("--to", "jazz", "--json")
    status, _, told = noteninja("convert", score, "-o", out, *words)
    assert status == 0 and "tune: part 1, Voice; --part chooses another" in told
    chosen = ("--part", "piano", "--no-repeats", "--overwrite")
    status, told, _ = noteninja("convert", score, "-o", out, *chosen, *words)
    made = json.loads(told)
    assert status == 0 and (made["part"], made["tune"], made["repeats"]) == ("piano", None, False)
    again(tmp_path / "a.json", tmp_path / "b.mp3")
    assert (tmp_path / "b.mp3").read_bytes() == out.read_bytes()
    record = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert record["settings"].pop("repeats") is False
    for name in ("part", "tune"):  # as older versions wrote it
        record["settings"].pop(name)
    (tmp_path / "old.json").write_text(json.dumps(record), encoding="utf-8")
    settings = read_settings(tmp_path / "old.json")
    assert (settings.part, settings.tune, settings.repeats) == (None, None, True)
    status, _, told = noteninja("convert", song, "-o", tmp_path / "c.mp3", "--part", "2", "--to", "jazz")
    assert status == 2 and told.count("files of notes") == 1


def test_a_song_is_never_written_over(song, tmp_path):
    midi = tmp_path / "tune.mid"
    midi.write_bytes(b"")
    with pytest.raises(UserError, match="over the song itself"):
        convert_files([midi], Settings(), tmp_path / "tune.mp3", kinds=("mid",))
    with pytest.raises(UserError, match="over the song itself"):
        convert_files([song], Settings(), song)


def bad_files(folder):
    """Each kind of file that can't be converted."""
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "text.mp3").write_text("this is no music")
    (folder / "folder.mp3").mkdir()
    tone = 0.3 * np.sin(np.arange(2 * SAMPLE_RATE) / 20)
    soundfile.write(folder / "short.wav", tone[: SAMPLE_RATE // 2], SAMPLE_RATE)
    soundfile.write(folder / "silent.wav", 0 * tone, SAMPLE_RATE)
    soundfile.write(
        folder / "nan.wav",
        tone + np.where(np.arange(len(tone)) == 50, np.nan, 0),
        SAMPLE_RATE,
        subtype="FLOAT",
    )
    return ["missing.mp3", "empty.mp3", "text.mp3", "folder.mp3", "short.wav", "silent.wav", "nan.wav"]


@pytest.mark.parametrize("number", range(7))
def test_a_bad_file_is_one_sentence_with_status_2_and_nothing_is_overwritten(noteninja, tmp_path, number):
    name, out = bad_files(tmp_path)[number], tmp_path / "out.mp3"
    out.write_bytes(b"what was here before")
    status, _, err = noteninja("convert", tmp_path / name, "--to", "jazz", "-o", out, "--overwrite")
    sentences = [line for line in err.splitlines() if line.startswith("noteninja:")]
    assert status == 2 and len(sentences) == 1 and name in sentences[0] and "Traceback" not in err
    assert out.read_bytes() == b"what was here before"


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("--to", "polka"), "blues, classical, country, disco, hiphop, jazz, metal, pop, reggae, rock"),
        (("--to", "jazz", "--amount", "1.5"), "between 0 and 1"),
        (("--to", "jazz", "--steps", "0"), "between 1 and 1000"),
        (("--to", "jazz", "--device", "abacus"), "choose from cpu"),
        (("--to", "jazz", "--voice", "loud"), "choose from keep, play, off"),
        (("--to", "jazz", "--voice-gain", "25"), "between -24 and 24"),
        (("--to", "jazz", "--voice", "play", "--stems"), "leave out --stems"),
        (("--to", "jazz", "-o", "no/such/folder/a.mp3"), "folder"),
        (("--to", "jazz", "-o", "song.docx"), "mp3"),
    ],
)
def test_bad_options_are_told_before_the_work_begins(noteninja, song, words, sentence):
    status, told, err = noteninja("convert", song, *words)
    assert status == 2 and sentence in err and "%" not in err and not told


def test_damaged_weights_are_told(noteninja, song, tmp_path, monkeypatch):
    shutil.copytree(data_folder() / "models", tmp_path / "models")
    for part in ("genres", "tunes", "songs"):
        (tmp_path / part).symlink_to(data_folder() / part) if sys.platform != "win32" else None
    file = next((tmp_path / "models").rglob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-10])
    monkeypatch.setenv("NOTENINJA_DATA", str(tmp_path))
    status, _, err = noteninja("convert", song, "--to", "jazz", "-o", tmp_path / "out.mp3")
    assert status == 2 and "damaged" in err and file.name in err and not (tmp_path / "out.mp3").exists()


def test_an_mp3_cut_in_the_middle_is_converted_as_far_as_it_goes(noteninja, tmp_path):
    whole = sorted((data_folder() / "songs").glob("*.mp3"))[0].read_bytes()
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole[: len(whole) // 5])
    status, told, err = noteninja("convert", cut, "--to", "pop", "-o", tmp_path / "out.mp3")
    assert status == 0 and "tune kept" in told and "damaged" in err


def test_the_band_plays_and_tunes_can_be_found(noteninja, tmp_path):
    status, told, _ = noteninja("tunes", "hornpipe")
    assert status == 0 and len(told.splitlines()) > 10
    name = told.split()[0]
    status, told, _ = noteninja(
        "band", "--genre", "reggae", "--tune", name, "--seed", 3, "--seconds", 4, "-o", tmp_path / "a.mp3"
    )
    assert status == 0 and "reggae" in told and abs(len(load(tmp_path / "a.mp3")) / SAMPLE_RATE - 4) < 0.1
    facts = soundfile.info(tmp_path / "a.mp3")
    assert (facts.channels, facts.samplerate) == (2, 44100)
    status, _, err = noteninja("band", "--genre", "pop", "--tune", name, "-o", tmp_path / "a.mp3")
    assert status == 2 and "a.mp3 exists already" in err
    status, _, err = noteninja("band", "--genre", "polka", "--tune", name, "-o", tmp_path / "b.mp3")
    assert status == 2 and "noteninja:" in err and not (tmp_path / "b.mp3").exists()


def test_measuring_words_reach_the_benchmarks_from_any_folder(tmp_path):
    """Neither other data nor a folder of the same name where the user stands lead it astray."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").write_text("")
    command = [sys.executable, "-m", "noteninja_lib", "evaluate", "--help"]
    paths = {"PYTHONPATH": str(ROOT), "NOTENINJA_DATA": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | paths, capture_output=True, text=True)
    assert done.returncode == 0 and "--pairs" in done.stdout, done.stderr
    command = [sys.executable, "-m", "noteninja_lib", "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | paths, capture_output=True, text=True)
    assert "evaluate" in done.stdout and "ablation" in done.stdout


def test_folders_that_can_not_be_made_and_places_that_are_folders_are_told(noteninja, song, tmp_path):
    (tmp_path / "file").write_text("x")
    for words in (["convert", song, song], ["interpolate", song, "--between", "jazz,rock"]):
        more = ["--to", "jazz"] if words[0] == "convert" else []
        status, _, err = noteninja(*words, *more, "-o", tmp_path / "file" / "sub")
        assert status == 2 and err.count("\n") <= 2 and "can't be a folder" in err
    (tmp_path / "out voice.wav").mkdir()
    status, _, err = noteninja("convert", song, "--to", "jazz", "--stems", "-o", tmp_path / "out.mp3")
    assert status == 2 and "is a folder" in err and not (tmp_path / "out.mp3").exists()
