"""GTZAN and the band's set: what is found, what is left out and said, splits without leaks, builds that go
on."""

import json
import time
from hashlib import sha256
from multiprocessing import Process

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import mono
from noteninja_lib.audio.spectrogram import log_mel, mel_frequencies
from noteninja_lib.cli import app, main
from noteninja_lib.datasets import (
    GTZAN,
    SyntheticSet,
    build,
    find_repetitions,
    hear_all,
    open_dataset,
)
from noteninja_lib.datasets.gtzan import published_split
from noteninja_lib.errors import UserError
from noteninja_lib.models.classifiers import MelodyExtractor
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.models.vae import MelAutoencoder
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.training import make_task
from noteninja_lib.training.diffusion import DiffusionTask
from noteninja_lib.training.tasks import GenreClassifierTask, MelodyTask

BAND = {"seconds": 3.0, "versions": 2, "seed": 3}
HOURS = 3 * 2 * 3.0 / 3600  # three tunes, two genres each


def tone(path, seconds=1.2, rate=22050, pitch=440.0, channels=1):
    """A recording of a tone with a beat in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.4 * np.sin(2 * np.pi * pitch * time) * (1 + np.sign(np.sin(20 * time))) / 2
    soundfile.write(
        path, np.stack([sound] * channels, 1), rate, format="AU" if path.suffix == ".au" else None
    )


def small_gtzan(
    folder, inside="genres", ending=".wav", genres=GENRES, hiphop="hiphop", numbers=range(3), seconds=1.2
):
    """A tree in GTZAN's shape with `numbers` of each genre."""
    for genre in genres:
        name = hiphop if genre == "hiphop" else genre
        for number in numbers:
            file = folder / inside / name / f"{name}.{number:05d}{ending}"
            tone(file, seconds, pitch=200 + 50 * number)
    return folder


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A GTZAN with one fault of each kind, and no metal."""
    root = small_gtzan(
        tmp_path_factory.mktemp("gtzan"), genres=[genre for genre in GENRES if genre != "metal"]
    )
    genres = root / "genres"
    (genres / "jazz/jazz.00000.wav").write_bytes(b"RIFF" + bytes(range(200)))
    (genres / "jazz/jazz.00001.wav").write_bytes(b"")
    tone(genres / "rock/rock.00002.wav", seconds=0.5)
    soundfile.write(genres / "pop/pop.00001.wav", np.zeros(30000), 22050)
    (genres / "pop/._pop.00000.wav").write_bytes(b"what a Mac leaves behind")
    return root


@pytest.mark.parametrize(
    "inside, ending, hiphop",
    [
        ("genres", ".au", "hiphop"),
        ("genres_original", ".wav", "hip-hop"),
        ("", ".wav", "Hip-Hop"),
        ("Data/genres_original", ".flac", "hiphop"),
    ],
)
def test_every_layout_is_read(tmp_path, inside, ending, hiphop):
    data = GTZAN(small_gtzan(tmp_path, inside, ending, hiphop=hiphop, numbers=[7]), shortest=1.0, tell=None)
    assert data.labels == list(GENRES) and [excerpt.name for excerpt in data.index] == [
        f"{g}.00007" for g in GENRES
    ]
    audio = data.audio(4)
    assert audio.dtype == np.float32 and audio.ndim == 1 and len(audio) == 26460 // 1024 * 1024
    assert data.index[4].style()[GENRES.index("hiphop")] == 1


def test_other_rates_and_stereo_are_brought_to_22050_mono(tmp_path):
    small_gtzan(tmp_path, genres=["blues"], numbers=[0])
    tone(tmp_path / "genres/blues/blues.00001.wav", rate=44100, pitch=200, channels=2)
    first, second = (GTZAN(tmp_path, 1.0, tell=None).audio(number) for number in (0, 1))
    assert abs(len(first) - len(second)) <= 1024 and np.corrcoef(first[:20000], second[:20000])[0, 1] > 0.99


def test_recordings_are_read_in_stereo_too(tmp_path):
    tone(tmp_path / "genres/pop/pop.00000.wav", rate=44100, channels=2)
    tone(tmp_path / "genres/pop/pop.00001.wav", rate=22050)
    data = GTZAN(tmp_path, 1.0, tell=None)
    for number in (0, 1):
        both, one = data.stereo(number), data.audio(number)
        assert both.dtype == np.float32 and both.shape == (2 * len(one), 2)
        assert np.std(mono(both) - one) < 2e-3 < 0.1 < one.std()  # but for the edges of the beat


def test_what_cannot_be_used_is_left_out_and_said(broken, capsys):
    data = GTZAN(broken, shortest=1.0)
    said = capsys.readouterr().out
    assert said.count("\n") == 2 and "2 corrupt" in said and "1 short" in said and "1 silent" in said
    assert "23 excerpts are shorter than the usual 30 s, from 1 s on: all are used." in said
    report = data.validate()
    kinds = {problem.file: problem.kind for problem in report.problems}
    assert kinds["genres/jazz/jazz.00000.wav"] == kinds["genres/jazz/jazz.00001.wav"] == "corrupt"
    assert kinds["genres/rock/rock.00002.wav"] == "short" and kinds["genres/pop/pop.00001.wav"] == "silent"
    assert kinds["metal"] == kinds["blues.00003"] == "missing" and not any("._" in file for file in kinds)
    assert (
        report.usable == len(data) == 27 - 4
        and {"jazz", "rock"} <= set(data.labels)
        and "metal" not in data.labels
    )
    assert "jazz.00001" in str(report) and "and 8" in str(report)
    assert [line.split(":")[0] for line in str(report).splitlines() if line[0].islower()] == [
        "corrupt",
        "short",
        "silent",
        "missing",
    ]
    tone(broken / "genres/rock/rock.00009.wav", seconds=5.1)
    left = CliRunner().invoke(app, ["dataset", "validate", str(broken)])
    assert left.exit_code == 1 and "corrupt" in left.output and "Traceback" not in left.output
    (broken / "genres/rock/rock.00009.wav").unlink()


def test_a_flat_folder_is_understood(tmp_path):
    for name in ("blues.00000.wav", "hip-hop.00029.au", "rock.00001.mp3.wav", "polka.00001.wav", "blues.wav"):
        tone(tmp_path / name)
    data = GTZAN(tmp_path, 1.0, tell=None)
    assert [one.name for one in data.index] == ["blues.00000", "hiphop.00029"]
    assert open_dataset_of(tmp_path, data)


def open_dataset_of(folder, data):
    """Whether `open_dataset` takes the folder for GTZAN, too; its clips are too short to be of use."""
    with pytest.raises(
        UserError, match="no recording that can be used, such as blues.00000.wav: only 1.20 s"
    ):
        open_dataset(folder)
    return len(data) == 2


def test_cut_excerpts_are_used_and_said(tmp_path, capsys):
    small_gtzan(tmp_path, genres=["blues", "jazz"], numbers=[0], seconds=5.1)
    assert (
        len(GTZAN(tmp_path)) == 2
        and "2 excerpts are shorter than the usual 30 s, from 5 s" in capsys.readouterr().out
    )


@pytest.mark.parametrize("command", [["info"], ["validate"], ["hear"], ["repetitions"]])
@pytest.mark.parametrize("content", [None, b"RIFF" + bytes(100), bytes(100_000)])
def test_an_empty_set_is_one_sentence_and_a_failing_status(command, content, tmp_path, monkeypatch, capsys):
    (tmp_path / "genres/blues").mkdir(parents=True)
    if content:
        (tmp_path / "genres/blues/blues.00000.au").write_bytes(content)
    monkeypatch.setattr("sys.argv", ["noteninja", "dataset", *command, str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code and said.count("\n") == 1 and "no recording that can be used" in said
    assert ("blues.00000.au: this is no recording that can be read" in said) == bool(content)


def test_the_published_split_is_whole(tmp_path):
    parts = published_split()
    assert [len(parts[part]) for part in ("train", "validation", "test")] == [443, 197, 290]
    assert len(frozenset().union(*parts.values())) == 930
    data = GTZAN(small_gtzan(tmp_path, genres=["blues", "jazz"], numbers=[0, 12, 29]), 1.0, tell=None)
    assert {part: [data.index[n].name for n in numbers] for part, numbers in data.splits().items()} == {
        "train": ["blues.00029", "jazz.00000", "jazz.00012"],
        "validation": ["blues.00000", "jazz.00029"],
        "test": ["blues.00012"],
    }


def test_own_lists_go_before_and_are_checked(tmp_path):
    small_gtzan(tmp_path, genres=["blues", "hiphop"], hiphop="hip-hop", numbers=[0, 1])
    (tmp_path / "train_filtered.txt").write_text("blues/blues.00000.au\n")
    (tmp_path / "valid_filtered.txt").write_text("  2\n")
    lists = tmp_path / "test_filtered.txt"
    lists.write_text("hip-hop.00001.wav\n")
    data = GTZAN(tmp_path, 1.0, tell=None)
    assert data.splits() == {"train": [0], "validation": [1], "test": [3]} and str(tmp_path) in data.lists
    for text, said in (("polka.00001", "names no excerpt"), ("blues.00000", "more than one part")):
        lists.write_text(text)
        with pytest.raises(UserError, match=said):
            GTZAN(tmp_path, 1.0, tell=None)


def test_random_split_has_all_excerpts_once(tmp_path):
    data = GTZAN(small_gtzan(tmp_path, genres=["pop", "rock"], numbers=range(10)), 1.0, None)
    parts = data.splits("random")
    assert [len(part) for part in parts.values()] == [10, 4, 6] and sorted(sum(parts.values(), [])) == list(
        range(20)
    )
    assert parts == data.splits("random") != data.splits("random", seed=1)


def test_tasks_take_gtzan_too(tmp_path, monkeypatch):
    for number in (0, 29):
        tone(tmp_path / f"genres/blues/blues.{number:05d}.wav", seconds=3.5)
        tone(tmp_path / f"genres/jazz/jazz.{number:05d}.wav", seconds=3.5, pitch=300)
    monkeypatch.setattr(
        GTZAN, "heard", lambda self, number, degraded=False: np.full((181, 300), 128, np.uint8)
    )  # hearing takes seconds
    data = GTZAN(tmp_path, 1.0, tell=None)
    rng = np.random.default_rng(0)
    sounds, labels = GenreClassifierTask(data).batch(rng, 4)
    assert sounds.shape == (4, 65536) and set(labels) <= {GENRES.index("blues"), GENRES.index("jazz")}
    task = DiffusionTask(
        data,
        MelAutoencoder(width=16, layers=1).eval(),
        MelodyExtractor().eval(),
        start=Denoiser(tuple(map(float, mel_frequencies())), (16, 16, 32), 1, 8),
    )
    latents, pictures, styles = task.batch(rng, 3)
    assert task.score == 0 and task.pairs == [(n, n) for n in range(4)]
    assert pictures.shape == (3, 357, 256) and latents.shape[0] == 3 and styles[:, -2:].max() == 0
    with pytest.raises(UserError, match="known scores"):
        MelodyTask(data)
    monkeypatch.setattr("noteninja_lib.training.open_dataset", lambda root: data)
    (labels,) = make_task("judge", tmp_path, 1, tmp_path, False).labels
    assert labels.tolist() == [0, 5]  # blues.00029, jazz.00000 are for training


@pytest.fixture(scope="module")
def band(tmp_path_factory):
    """Three tunes in two genres each."""
    folder = tmp_path_factory.mktemp("band")
    assert list(build(folder, HOURS, **BAND)) == [(0, 3), (1, 3), (2, 3), (3, 3)]
    return SyntheticSet(folder)


def everything(folder):
    """Hashes of all sound files, and lines of all manifests, of a built set."""
    paths = [path for path in folder.glob("genres/*/*.wav") if path.name[0] != "."]  # what a reader sees
    files = {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in paths}
    return files, sorted(line for path in folder.glob("manifest*") for line in path.read_text().splitlines())


def test_manifest_says_how_each_clip_was_played(band):
    lines = [json.loads(line) for line in (band.root / "manifest.jsonl").read_text().splitlines()]
    assert len(lines) == len(band) == 6
    tunes = {tune.name: tune for tune in load_tunes("train")}
    for line in lines:
        assert {
            "tune",
            "genre",
            "tempo",
            "swing",
            "key",
            "metre",
            "seed",
            "soundfont",
            "valence",
            "arousal",
            "intro",
            "ending",
            "melody",
            "others",
            "beats",
        } <= set(line)
        tune = tunes[line["tune"]]
        assert line["metre"] == tune.metre and line["key"].endswith(tune.mode) and line["intro"] in (0, 1, 2)
    for first, second in zip(lines[::2], lines[1::2]):
        same = ("tune", "tempo", "swing", "transpose", "key", "intro", "ending", "group")
        assert [first[name] for name in same] == [second[name] for name in same] and first["genre"] != second[
            "genre"
        ]
        assert abs(len(first["melody"]) - len(second["melody"])) <= 1


def build_all(folder):
    """For a process of its own."""
    list(build(folder, HOURS, **BAND))


def test_a_killed_build_goes_on_to_the_same_bytes(band, tmp_path):
    job, manifest = Process(target=build_all, args=[tmp_path]), tmp_path / "manifest.jsonl"
    job.start()
    while not manifest.exists() or "\n" not in manifest.read_text():  # until the first tune is done
        assert job.is_alive()
        time.sleep(0.01)
    job.kill()
    job.join()
    half = SyntheticSet(tmp_path, tell=None)
    assert 2 <= len(half) < 6 and not half.validate().problems
    with open(tmp_path / "manifest.jsonl", "a") as file:
        file.write('{"file": "genres/ja')  # as a crash would leave it
    assert any(problem.kind == "corrupt" for problem in SyntheticSet(tmp_path, tell=None).problems)
    kept = {path: path.stat().st_mtime_ns for path in map(half.path, range(len(half)))}
    assert list(build(tmp_path, HOURS, **BAND))[-1] == (3, 3)
    assert everything(tmp_path) == everything(band.root)
    assert all(path.stat().st_mtime_ns == before for path, before in kept.items())


def test_a_set_in_stereo_holds_the_same_music(noteninja, tmp_path):
    for name, more in (("mono", ()), ("stereo", ("--stereo",))):
        words = ("dataset", "build", "--out", tmp_path / name, "--hours", 0.001, "--seconds", 3)
        assert noteninja(*words, "--versions", 1, "--workers", 1, *more)[0] == 0
    one, both = (SyntheticSet(tmp_path / name, tell=None) for name in ("mono", "stereo"))
    assert one.index == both.index
    facts = soundfile.info(both.path(0))
    assert (facts.samplerate, facts.channels, facts.frames) == (44100, 2, 3 * 44100)
    left, right = both.stereo(0).T
    assert 0.02 < (left - right).std() / (left + right).std() < 1
    pictures = [log_mel(data.audio(0)).ravel() for data in (one, both)]
    assert np.corrcoef(pictures)[0, 1] > 0.95
    with pytest.raises(UserError, match="other settings"):
        next(build(tmp_path / "stereo", 0.001, seconds=3, versions=1))


def test_no_family_lies_in_two_parts(band, tmp_path):
    families = {tune.name: tune.family for tune in load_tunes()}
    parts = band.splits()
    assert (
        all(parts.values())
        and sorted(sum(parts.values(), [])) == list(range(6))
        and band.training() == list(range(6))
    )
    used = [{families[band.index[n].tune] for n in part} for part in parts.values()]
    assert not (used[0] & used[1] or used[0] & used[2] or used[1] & used[2])
    # Where a set holds other tunes of several splits, the tunes' own splits count, and only training tunes
    # may be learned.
    lines = [json.loads(line) for line in (band.root / "manifest.jsonl").read_text().splitlines()]
    for splits, training in (
        (["train", "train", "validation", "test", "test", "train"], [0, 1, 5]),
        (["test"] * 6, []),
    ):
        for line, split in zip(lines, splits):
            line["tune"] = load_tunes(split)[0].name
            (tmp_path / line["file"]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / line["file"]).touch()
        (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)))
        other = SyntheticSet(tmp_path)
        assert other.splits() == {
            part: [n for n in range(6) if splits[n] == part] for part in ("train", "validation", "test")
        }
        assert other.training() == training
    with pytest.raises(UserError, match="nothing to train on"):
        make_task("judge", tmp_path, 1, tmp_path, False)


def test_band_set_reports_faults(band, tmp_path):
    for clip in band.index:
        (tmp_path / clip.file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / clip.file).write_bytes((band.root / clip.file).read_bytes())
    (tmp_path / "manifest.jsonl").write_text((band.root / "manifest.jsonl").read_text())
    files = [clip.file for clip in band.index]
    (tmp_path / files[0]).unlink()
    (tmp_path / files[1]).write_bytes(b"no sound")
    (tmp_path / files[2]).write_bytes((band.root / files[2]).read_bytes()[:60000])
    data = SyntheticSet(tmp_path, tell=(said := []).append)
    assert len(data) == 5 and len(said) == 1 and files[0] in said[0]
    assert {p.file: p.kind for p in data.validate().problems} == {
        files[0]: "missing",
        files[1]: "corrupt",
        files[2]: "short",
    }


@pytest.mark.parametrize(
    "change, said",
    [
        ({"split": "all"}, "train, validation, test"),
        ({"soundfonts": ["none.sf2"]}, "no SoundFont"),
        ({"versions": 11}, "versions"),
        ({"hours": 1e9}, "GB"),
        ({"seed": 4}, "other settings"),
        ({"seconds": 4.0}, "other settings"),
    ],
)
def test_a_build_that_would_go_wrong_does_not_begin(band, change, said):
    arguments = {"hours": HOURS, **BAND} | change
    with pytest.raises(UserError, match=said):
        next(build(band.root, arguments.pop("hours"), **arguments))


def test_open_dataset_finds_either_kind(band, tmp_path, monkeypatch):
    monkeypatch.setattr("noteninja_lib.datasets.small_set", lambda: band)
    monkeypatch.setattr("noteninja_lib.datasets.data_folder", lambda: tmp_path)
    monkeypatch.delenv("NOTENINJA_GTZAN", raising=False)
    said = []
    assert open_dataset(tell=said.append) is band
    assert len(said) == 1 and str(tmp_path / "gtzan") in said[0] and "NOTENINJA_GTZAN" in said[0]
    real = small_gtzan(tmp_path / "real", genres=["jazz"], numbers=[0], seconds=5.1)
    assert isinstance(open_dataset(band.root), SyntheticSet)
    assert isinstance(open_dataset(real, tell=None), GTZAN)
    small_gtzan(tmp_path / "gtzan", genres=["blues"], numbers=[0], seconds=5.1)
    assert open_dataset(tell=None).root == tmp_path / "gtzan"
    monkeypatch.setenv("NOTENINJA_GTZAN", str(real))
    assert open_dataset(tell=None).root == real
    for folder, text in ((tmp_path, "no data set"), (tmp_path / "nowhere", "no folder")):
        monkeypatch.setenv("NOTENINJA_GTZAN", str(folder))
        with pytest.raises(UserError, match=text):
            open_dataset()


class Listener(list):
    """In place of a data set: a list of paths, of which each is made when its recording is listened to."""

    def heard(self, number, degraded=False):
        self[number].write_text("worn" if degraded else "clean")


def test_all_are_heard_ahead(tmp_path):
    paths = [tmp_path / str(number) for number in range(6)]
    assert list(hear_all(Listener(paths), workers=2)) == [(done, 6) for done in range(7)]
    assert all(path.read_text() == "clean" for path in paths)


def test_a_share_is_heard_ahead_and_some_of_it_worn(tmp_path):
    paths = [tmp_path / str(number) for number in range(60)]
    count = list(hear_all(Listener(paths), share=0.5, degraded=0.5))[-1][0]
    words = [path.read_text() for path in paths if path.exists()]
    assert 20 < len(words) == count < 40 and 8 < words.count("worn") < count - 8


def test_a_worn_recording_is_heard_otherwise(band, tmp_path):
    (tmp_path / "genres").symlink_to(band.root / "genres")
    data = SyntheticSet(band.root)
    data.root = tmp_path
    degraded = data.heard(0, degraded=True)
    assert data.is_heard(0) and not data.is_heard(1) and np.array_equal(degraded, data.heard(0))
    assert degraded.shape == band.heard(0).shape and not np.array_equal(degraded, band.heard(0))


def test_repetitions_are_found_and_other_takes_are_not(band, tmp_path):
    for number, clip in enumerate(band.index):
        sound, rate = soundfile.read(band.path(number))
        path = tmp_path / f"genres/{clip.genre}/{clip.genre}.{number:05d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, sound, rate)
        if number == 1:
            other = tmp_path / "genres/pop/pop.00099.mp3"
            other.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(other, 0.5 * sound[rate // 2 :], rate)
    data = GTZAN(tmp_path, 1.0, tell=None)
    found = find_repetitions(data)
    assert len(found) == 1 and found[0].likeness > 0.87 and abs(found[0].shift - 0.5) < 0.1
    assert {data.index[found[0].first].name[-2:], data.index[found[0].second].name[-2:]} == {"01", "99"}
    assert data.index[found[0].second].name == "pop.00099"
