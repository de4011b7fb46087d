"""The command line as people type it: genres, shares, tempi; a sentence for each slip; names of results."""

import io
import json
import multiprocessing
import os
import re
import shutil
import sys
import warnings

import fsspec
import pytest
import soundfile

from noteninja_lib import data_folder
from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.batch import again, convert_files, find_songs
from noteninja_lib.cluster import Skipped, one_by_one
from noteninja_lib.errors import Notice, UserError, choose, claimed, free_path
from noteninja_lib.music.style import parse_genre, parse_mood, parse_path, parse_share, parse_tempo
from noteninja_lib.settings import FAMILY, Settings, default_name, digest, find_source, read_record

QUICK = ("--to", "jazz", "--steps", 1)


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    soundfile.write(path, load(sorted((data_folder() / "songs").glob("*.mp3"))[0], duration=6.0), SAMPLE_RATE)
    return path


def told_of(err):
    return [line.removeprefix("noteninja: ") for line in err.splitlines() if line.startswith("noteninja:")]


# ---- what is understood --------------------------------------------------------------------------------


def test_words_are_understood_as_people_write_them():
    for text in ("hiphop", "Hip-Hop", "hip hop", " HIPHOP ", "hip_hop"):
        assert parse_genre(text) == "hiphop"
    assert parse_path("Blues, hip-hop") == [(0.0, "blues"), (1.0, "hiphop")]
    assert parse_mood("Happy") == (0.9, 0.5) and parse_mood("0.5,-0.3") == (0.5, -0.3)
    assert [parse_tempo(text) for text in ("120", "120 bpm", "120BPM", "80%", "80 %")] == [
        *3 * [("tempo", 120.0)],
        *2 * [("rate", 0.8)],
    ]
    assert [
        parse_share("amount", text) for text in ("0.5", ".5", "50%", "50 %", "0,5", "1", "-1", "150%")
    ] == [
        *5 * [0.5],
        1,
        -1,
        1.5,
    ]


@pytest.mark.parametrize(
    ("word", "near"), [("jaz", "jazz"), ("r&b", "hiphop"), ("Regae", "reggae"), ("xyz", None)]
)
def test_the_nearest_genre_is_named(word, near):
    with pytest.raises(UserError) as told:
        parse_genre(word)
    assert (f"(did you mean {near}?)" in str(told.value)) == (near is not None)
    assert str(told.value).endswith("pop, reggae, rock.") and f"called {word}" in str(told.value)


def test_a_word_is_chosen_or_told():
    assert choose("voice", " KEEP", ("keep", "play")) == "keep"
    with pytest.raises(UserError, match="no voice called '': choose from keep, play"):
        choose("voice", "", ("keep", "play"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("convret a.mp3", "There is no command `noteninja convret` (did you mean convert?)"),
        ("dataset bild", "There is no command `noteninja dataset bild` (did you mean build?)"),
        ("--foo", "`noteninja` has no option --foo"),
        ("convert a.mp3 --too jazz", "`noteninja convert` has no option --too (did you mean --to?)"),
        ("convert", "`noteninja convert` needs songs (mp3, wav, flac or ogg; or notes"),
        ("extend a.mp3 --to jazz", "`noteninja extend` needs --minutes (Length of the result, up to 60)."),
        ("extend a.mp3 --to jazz --minutes abc", "--minutes must be a number, not abc."),
        ("convert a.mp3 --to jazz --seed 1.5", "--seed must be a whole number, not 1.5."),
        ("extend a.mp3 b (2).mp3 --to jazz --minutes 1", "can't use b (2).mp3: put quotation marks"),
        ("convert a.mp3 --to", "--to needs a value behind it"),
        ("convert a.mp3 --json=3", "--json takes no value"),
        ("adapt x --name y --steps 0", "--steps must be at least 1, not 0."),
        ("dataset repetitions --likeness 3", "--likeness must be at most 1, not 3."),
        ("train", "`noteninja train` needs network (converter, autoencoder"),
        ("convert a.mp3 --to jazz --amount much", "The amount 'much' can't be read"),
        ("convert a.mp3 --to jazz --amount 150%", "between 0 and 1, not 1.5"),
        ("convert a.mp3 --to jazz --amount nan", "can't be read"),
        ("convert a.mp3 --to jazz --voice of", "(did you mean off?)"),
        ("convert a.mp3 --to jazz --with mdi", "(did you mean mid?)"),
        ("convert a.mp3 --to jazz --mood hapy", "(did you mean happy?)"),
        ("convert a.mp3 --to jazz --bits 8", "A sample has 16 or 24 bits, not 8."),
        ("convert a.mp3 --to jazz --bits 24", "24 bits are for wav and flac"),
        ("convert a.mp3 --path jaz,rock", "(did you mean jazz?)"),
        ("interpolate a.mp3 --between jaz,rock", "(did you mean jazz?)"),
        ("interpolate a.mp3 --between jazz,rock --share half", "The share 'half' can't be read"),
        ("journey a.mp3 --to jazz --minutes 1 --moods sad,hapy", "(did you mean happy?)"),
        ("separate a.mp3 --format flca", "(did you mean flac?)"),
    ],
)
def test_each_slip_is_one_sentence(noteninja, line, sentence):
    words = line.replace("b (2).mp3", "b_(2).mp3").split()
    status, told, err = noteninja(*(word.replace("_(", " (") for word in words))
    assert status == 2 and not told and err.count("\n") == 1 and err.startswith("noteninja: ")
    assert sentence in err and "Traceback" not in err


def test_without_words_the_help_is_shown_once(noteninja):
    for words in ((), ("dataset",), ("--help",)):
        status, told, err = noteninja(*words)
        assert status == (0 if words == ("--help",) else 2) and (told + err).count("Usage:") == 1


# ---- names of results ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        (Settings(), "jazz"),
        (Settings("pop", 0.5, mood="happy", seed=3), "pop, amount 50%, happy, seed 3"),
        (Settings("pop", mood=(0.9, 0.5), tempo=120), "pop, happy, 120 bpm"),
        (Settings("pop", mood=(0.1, -0.5), rate=0.8), "pop, mood 0.1 -0.5, tempo 80%"),
        (Settings("pop", seconds=300), "pop, 5 min"),
        (Settings("pop", seconds=20, mood=[(0, "sad"), (1, "calm")]), "pop, sad to calm, 20 s"),
        (Settings([(0, "blues"), (1, "disco")]), "blues to disco"),
        (Settings({"jazz": 0.7, "rock": 0.3}), "jazz 70% and rock 30%"),
        (Settings({"jazz": 1, "rock": 1}, voice="off"), "jazz and rock, voice off"),
        (Settings(second="b/Second.mp3", share=0.25), "jazz, 25% of Second"),
        (Settings(seed=1, other_seed=2, share=0.5), "jazz, 50% of seed 2, seed 1"),
        (Settings(key="F# minor", chords="C | G"), "jazz, in F# minor, own chords"),
        (Settings(transpose=-2, steps=4, guidance=3.5), "jazz, -2 semitones, steps 4, guidance 3.5"),
        (
            Settings(part="2", tune="a/b", repeats=False, bits=24),
            "jazz, part 2, tune a/b, no repeats, 24 bits",
        ),
    ],
)
def test_a_name_says_what_is_not_as_usual(settings, label):
    assert settings.label == label


def test_default_names_are_short_and_have_no_forbidden_characters(tmp_path):
    assert default_name(tmp_path / "song v1.2.wav", "jazz, tune a/b:c") == "song v1.2 (jazz, tune a_b_c).mp3"
    for title in ("x" * 250, "曲" * 80):
        name = default_name(tmp_path / f"{title}.mp3", "jazz, " + "é" * 100)
        assert len(name.encode()) < 235 and name.endswith(").mp3")
        (tmp_path / name).touch()


def test_a_free_name_is_free_for_all_that_belongs_to_it(tmp_path):
    path = tmp_path / "song (jazz).mp3"
    assert free_path(path, ".json") == path
    (tmp_path / "song (jazz).json").touch()
    assert free_path(path, ".json").name == "song (jazz) (2).mp3"
    second = tmp_path / "song (jazz) (2) voice.wav"
    second.touch() if os.name == "nt" else second.symlink_to("a file that is gone")
    with claimed(path, [".mp3", ".json"], FAMILY) as name:
        assert name.name == "song (jazz) (3).mp3" and not name.exists()
        with claimed(path, [".mp3", ".json"], FAMILY) as other:
            assert other.name == "song (jazz) (4).mp3"
        name.write_text("whole")
    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "."] == []


def test_a_name_of_ones_own_is_refused_where_it_is_taken(tmp_path):
    (tmp_path / "a.json").write_text("of something else")
    with pytest.raises(UserError, match=r"a\.json exists already: .* --overwrite"):
        with claimed(tmp_path / "a.mp3", [".mp3", ".json"]):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    with claimed(tmp_path / "a.mp3", [".mp3", ".json"], overwrite=True) as name:
        assert name == tmp_path / "a.mp3" and not name.exists()


def _claim(folder, barrier):
    from pathlib import Path

    barrier.wait()
    for number in range(20):
        with claimed(Path(folder) / "song.mp3", [".json", ".mp3"], FAMILY) as name:
            name.write_text(f"{os.getpid()} {number}")
            name.with_suffix(".json").write_text(f"{os.getpid()} {number}")


def test_runs_at_the_same_time_take_different_names(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    runs = [context.Process(target=_claim, args=(str(tmp_path), barrier)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    sounds = sorted(tmp_path.glob("*.mp3"))
    assert len(sounds) == 60 == len({path.read_text() for path in sounds})
    assert all(path.with_suffix(".json").read_text() == path.read_text() for path in sounds)


def test_nothing_is_lost(noteninja, song, tmp_path, monkeypatch):
    """Two results of one song under their default names, two songs of one name, and names that are taken."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    for place in ("song.wav", "other/song.wav"):
        shutil.copy(song, place)
    (tmp_path / "song (jazz, steps 1) voice.wav").touch()
    status, told, _ = noteninja(
        "convert", "song.wav", "other/song.wav", *QUICK, "-o", "made", "--json", "--with", "mid"
    )
    first, second = map(json.loads, told.splitlines())
    assert status == 0 and [first["out"], second["out"]] == [
        os.path.join("made", f"song (jazz, steps 1){number}.mp3") for number in ("", " (2)")
    ]
    assert first["files"] == [
        os.path.join("made", f"song (jazz, steps 1).{kind}") for kind in ("json", "mid")
    ]
    assert (
        set(first["before"])
        == set(first["after"])
        == {*("key", "tempo", "tempo_alternatives", "metre", "seconds")}
    )
    assert first["before"]["seconds"] == first["after"]["seconds"] == 6.0
    status, told, _ = noteninja("extend", "song.wav", *QUICK, "--minutes", 0.15)
    assert status == 0 and told.startswith("song (jazz, 9 s, steps 1).mp3: ")
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    taken = os.path.join("made", "song (jazz, steps 1)")
    for words, sentence in (
        ((f"{taken}.mp3",), "exists already"),
        ((f"{taken}.wav",), "json exists already"),
        ((f"{taken}.wav", "--overwrite"), "which is still there"),
        ((f"{taken}.mid",), "must end in"),
        (("song.wav", "--overwrite"), "over the song itself"),
    ):
        status, _, err = noteninja("convert", "song.wav", *QUICK, "-o", *words)
        assert status == 2 and sentence in err and len(told_of(err)) == 1, err
    (tmp_path / "lists.json").write_text('["of somebody else"]')
    status, _, err = noteninja("convert", "song.wav", *QUICK, "-o", "lists.mp3", "--overwrite")
    assert status == 2 and "holds something else" in err
    status, _, err = noteninja("generate", *QUICK, "-o", f"{taken}.mp3")
    assert status == 2 and "exists already" in err
    (tmp_path / "lists.json").unlink()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == files


def test_a_run_that_fails_or_is_stopped_leaves_no_name_behind(song, tmp_path, monkeypatch):
    def stop(*_, **__):
        assert list(tmp_path.glob(".*.lock"))  # the name is taken
        raise KeyboardInterrupt

    own = tmp_path / "song.wav"
    shutil.copy(song, own)
    monkeypatch.setattr(Settings, "convert", stop)
    with pytest.raises(KeyboardInterrupt):
        convert_files([own], Settings())
    assert list(tmp_path.iterdir()) == [own]


def test_settings_are_there_before_the_sound_and_gone_if_that_can_not_be_saved(song, tmp_path, monkeypatch):
    own, saved = tmp_path / "song.wav", []

    def fail(place, *_, **__):
        saved.append(read_record(place.with_suffix(".json")))
        raise UserError("The disk is full.")

    shutil.copy(song, own)
    monkeypatch.setattr("noteninja_lib.batch.save", fail)
    assert convert_files([own], Settings(steps=1)) == 1
    assert saved[0]["source_sha256"] == digest(own) and "measured" not in saved[0]
    assert list(tmp_path.iterdir()) == [own]


def test_24_bits_are_made_again(noteninja, song, tmp_path):
    own, out = tmp_path / "song.wav", tmp_path / "a.wav"
    shutil.copy(song, own)
    assert noteninja("convert", own, *QUICK, "--bits", 24, "-o", out)[0] == 0
    assert soundfile.info(out).subtype == "PCM_24"
    again(tmp_path / "a.json")
    again(tmp_path / "a.json")
    for name in ("a (again).wav", "a (again) (2).wav"):
        assert (tmp_path / name).read_bytes() == out.read_bytes()
        assert read_record(tmp_path / name.replace("wav", "json"))["settings"]["bits"] == 24


def test_the_right_song_is_found_by_its_checksum(tmp_path, monkeypatch):
    """Beside the JSON file, though one of the same name is in the current folder; else where it was."""
    from noteninja_lib.settings import digest

    here, beside, first = (tmp_path / name for name in ("here", "beside", "first"))
    for folder, text in ((here, "another"), (beside, "right"), (first, "right")):
        folder.mkdir()
        (folder / "song.wav").write_text(text)
    monkeypatch.chdir(here)
    right = digest(beside / "song.wav")
    assert find_source("song.wav", beside, right) == beside / "song.wav"
    assert find_source(str(here / "song.wav"), beside, right) == beside / "song.wav"
    assert find_source(str(first / "song.wav"), beside, right) == first / "song.wav"
    (beside / "song.wav").unlink()
    assert find_source("song.wav", beside, right).read_text() == "another"  # which is told: see `differences`
    assert (
        find_source("C:\\music\\song.wav", beside, digest(here / "song.wav")).resolve() == here / "song.wav"
    )
    (here / "song.wav").unlink()
    assert find_source("song.wav", beside, right) is None
    (beside / "renamed.WAV").write_text("right")
    (beside / "song.mp3").write_text("right")
    assert find_source("song.wav", beside, right) == beside / "renamed.WAV"
    assert find_source("song.wav", beside) is None and find_source("x" * 400 + ".wav", here, right) is None
    monkeypatch.setattr("noteninja_lib.settings.HEAVIEST", 4)  # bytes
    assert find_source("song.wav", beside, right) is None


def test_a_journey_tells_what_is_heard_on_the_way(noteninja, song, tmp_path):
    words = ("--to", "classical", "--minutes", 0.3, "--moods", "Sad,happy", "--steps", 1)
    status, told, _ = noteninja("journey", song, *words, "-o", tmp_path / "a.wav")
    line, sad, happy = told.splitlines()
    assert (
        status == 0
        and "tune kept" in line
        and sad.startswith("  0:00-0:09, sad: ")
        and happy.startswith("  0:09-0:18, happy: ")
    )
    assert "beats a minute" in sad and "of the chords major" in happy
    status, told, _ = noteninja("journey", song, *words, "-o", tmp_path / "b.wav", "--json")
    sad, happy = json.loads(told)["course"]
    assert (sad["mood"], happy["mood"]) == ("sad", "happy") and happy["to"] == pytest.approx(18, abs=0.1)
    assert sad["tempo"] < happy["tempo"] and sad["lufs"] < happy["lufs"]


# ---- many songs ----------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_many_songs_are_a_line_each_one_bar_and_a_summary(monkeypatch, stream):
    told = {name: stream() for name in ("stdout", "stderr")}
    for name, written in told.items():
        monkeypatch.setattr(sys, name, written)

    def work(song, progress):
        progress(0.5, "halfway")
        if song in ("2.wav", "7.wav"):
            raise UserError(f"{song} is silent.")
        if song == "3.wav":
            warnings.warn("The voice is played.", Notice, stacklevel=1)
        return Skipped("5.mp3 is there already") if song == "5.wav" else f"{song}: done"

    assert one_by_one([f"{number}.wav" for number in range(10)], work, "results are in made") == 2
    lines = told["stdout"].getvalue().split("\n")[:-1]
    assert [line for line in lines if "done" not in line] == ["5.mp3 is there already"] and len(lines) == 8
    assert lines[2] == "3.wav: done. The voice is played."
    shown, _, summary = told["stderr"].getvalue().rpartition("10 songs in ")
    assert re.match(r"\d+:\d\d: 7 made, 1 there already, 2 failed; results are in made\.\n", summary)
    assert summary.splitlines()[1:] == ["  2.wav is silent.", "  7.wav is silent."]
    failures = ["noteninja: 2.wav is silent.", "noteninja: 7.wav is silent."]
    if stream is io.StringIO:
        assert shown.splitlines() == failures
    else:
        assert re.search(r"song 9 of 10, 8\.wav: +\d+% \|.*\| \d\d:\d\d < ", shown)
        assert "song 10 of 10, 9.wav: 100%" in shown and [line in shown for line in failures] == [True, True]


def test_a_folder_stands_for_its_songs_and_the_exit_status_counts_those_that_fail(noteninja, tmp_path):
    names = ["a.mp3", "b/c.wav", "b/d.OGG"]
    others = [
        "cover.jpg",
        "a voice.wav",
        "b/c (lead).musicxml",
        ".hidden.mp3",
        "e (jazz).mp3",
        "e (jazz).mid",
    ]
    for name in names + others:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no music")
    record = {"settings": {}, "source": "e.mp3", "file": "e (jazz).mp3", "weights_sha256": {}}
    (tmp_path / "e (jazz).json").write_text(json.dumps(record))
    assert find_songs([tmp_path], (".mp3", ".wav", ".ogg", ".mid", ".musicxml")) == [
        tmp_path / n for n in names
    ]
    status, told, err = noteninja("separate", tmp_path, "-o", tmp_path / "out")
    assert status == 3 and not told and [name in err for name in names] == 3 * [True]
    assert "3 songs in 00:00: 3 failed; results are in " in err
    (tmp_path / "empty").mkdir()
    status, _, err = noteninja("hear", tmp_path / "empty")
    assert status == 2 and told_of(err) == [f"There are no songs in {tmp_path / 'empty'}."]


def test_a_run_goes_on_where_it_was_stopped(noteninja, song, tmp_path):
    """One song is done, of one a kill left the sound and nothing that was measured, one is new."""
    songs, made = [tmp_path / f"{name}.wav" for name in "abc"], tmp_path / "made"
    sound = soundfile.read(song)[0]
    for number, path in enumerate(songs):
        soundfile.write(path, sound[: (2 + number) * SAMPLE_RATE], SAMPLE_RATE)
    words = ("convert", *songs, *QUICK, "-o", f"{made}{os.sep}", "--with", "mid")
    assert noteninja(*words)[0] == 0
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    first, second, third = (made / f"{name} (jazz, steps 1).mp3" for name in "abc")
    stamp = first.stat().st_mtime_ns
    record = json.loads(second.with_suffix(".json").read_text("utf-8"))
    del record["measured"]
    second.with_suffix(".json").write_text(json.dumps(record))
    second.with_suffix(".mid").unlink()
    second.write_bytes(b"half a result")
    for kind in ("mp3", "json", "mid"):
        third.with_suffix(f".{kind}").unlink()
    status, told, err = noteninja(*words, "--resume")
    assert status == 0 and told.splitlines()[0] == f"{first} is there already"
    assert "3 songs in " in err and "2 made, 1 there already" in err
    assert first.stat().st_mtime_ns == stamp and {path.name for path in made.iterdir()} == set(before)
    for path in made.glob("*.m*"):
        assert path.read_bytes() == before[path.name]
    soundfile.write(songs[0], sound[SAMPLE_RATE:], SAMPLE_RATE)  # another song of the same name
    assert "(2).mp3: " in noteninja("convert", songs[0], *QUICK, "-o", made, "--resume")[1]
    assert "is there already" in noteninja("convert", songs[0], *QUICK, "-o", made, "--resume")[1]
    other_seed = noteninja("convert", songs[0], *QUICK, "-o", made, "--resume", "--seed", 1)[1]
    assert "seed 1).mp3: " in other_seed
    assert "is there already" in noteninja("convert", songs[1], *QUICK, "-o", second, "--resume")[1]
    assert noteninja("convert", songs[2], *QUICK, "-o", second, "--resume")[0] == 2


def test_songs_and_results_may_be_urls(noteninja, song, tmp_path):
    files = fsspec.filesystem("memory")
    files.pipe_file("/songs/a.wav", song.read_bytes())
    words = ("convert", "memory://songs/a.wav", song, *QUICK, "--with", "mid", "-o")
    status, told, _ = noteninja(*words, "memory://made")
    names = [
        f"/made/{name} (jazz, steps 1).{kind}" for name in ("a", "song") for kind in ("json", "mid", "mp3")
    ]
    assert status == 0 and told.startswith("memory://made/a (jazz, steps 1).mp3: tune kept")
    assert sorted(files.find("/made")) == names
    record = json.loads(files.cat_file(names[0]))
    assert record["source"] == "memory://songs/a.wav" and record["source_sha256"] == digest(song)
    assert files.cat_file(names[2]) == files.cat_file(names[5])
    assert noteninja(*words, "memory://made", "--resume")[1].count("is there already") == 2
    assert noteninja(*words, (tmp_path / "here").as_uri())[0] == 0
    assert (tmp_path / "here" / "a (jazz, steps 1).mp3").read_bytes() == files.cat_file(names[2])
    for url, sentence in (
        ("s4://b/a.wav", "correct the URL"),
        ("memory://none.wav", "There is no file memory"),
    ):
        status, _, err = noteninja("convert", url, *QUICK, "-o", "memory://made")
        assert status == 2 and len(told_of(err)) == 1 and sentence in err
    status, _, err = noteninja("convert", song, *QUICK, "-o", "memory://made/a (jazz, steps 1).mp3")
    assert status == 2 and "memory://made/a (jazz, steps 1).mp3 exists already" in err


def test_overwriting_is_not_advised_where_it_would_be_refused(noteninja, song, tmp_path):
    out, record = tmp_path / "a.wav", {"settings": {}, "source": "", "weights_sha256": {}}
    (tmp_path / "a.json").write_text(json.dumps(record | {"file": "a.mp3"}))
    (tmp_path / "a.mp3").touch()
    out.touch()
    for words in ((), ("--overwrite",)):
        status, _, err = noteninja("convert", song, *QUICK, "-o", out, *words)
        assert status == 2 and "or write over it" not in err and "another name" in err
    (tmp_path / "a.mp3").unlink()
    assert "or write over it with --overwrite" in noteninja("convert", song, *QUICK, "-o", out)[2]
