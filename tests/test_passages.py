"""One passage of a result made anew: with the trained networks, by the command line, and its parts alone."""

import json

import numpy as np
import pytest
import soundfile
import torch

from benchmarks import redo
from noteninja_lib import data_folder, passages
from noteninja_lib.audio.io import SAMPLE_RATE, load, normalise
from noteninja_lib.audio.mixdown import mixdown
from noteninja_lib.batch import again
from noteninja_lib.errors import Stopped, UserError
from noteninja_lib.models.flow_matching import HOP, hold, share_known
from noteninja_lib.passages import check_passages, clock, parse_passage
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.settings import Settings, read_settings

RATE, SONGS = 44100, sorted((data_folder() / "songs").glob("*.mp3"))
START, END = 1.5, 3.5
LIMITER = 1000  # samples around a passage that its limiter may reach


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def outside(audio, start=START, end=END, spare=0):
    """The samples that a passage must not change."""
    return np.concatenate([audio[: round(start * RATE) - spare], audio[round(end * RATE) + spare :]])


@pytest.fixture(scope="module")
def pipe():
    return load_pipeline()


@pytest.fixture(scope="module")
def song():
    return load(SONGS[0], duration=6.0)


@pytest.fixture
def bands(monkeypatch):
    """The band's sound of each conversion, before its gain: pairs (with passages made anew, without)."""
    made, sounds = [], passages.sounds

    def listen(*arguments, **options):
        pair = sounds(*arguments, **options)
        made.append(tuple(one.copy() for one in pair))
        return pair

    monkeypatch.setattr(passages, "sounds", listen)
    return made


# ---- times ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("0:32-0:48", (32, 48)),
        ("32-48", (32, 48)),
        ("1:02.5-1:10", (62.5, 70)),
        (" 0:32 – 1:02,25 ", (32, 62.25)),
        ("59:58-1:00:02", (3598, 3602)),
    ],
)
def test_times_are_read_as_people_write_them(text, seconds):
    assert parse_passage(text) == seconds


@pytest.mark.parametrize("text", ["", "32", "0:32-", "-5-8", "a-b", "0:32-0:48-0:50", "1:2:3:4-5", "nan-inf"])
def test_what_is_no_passage_is_told(text):
    with pytest.raises(UserError, match="0:32-0:48"):
        parse_passage(text)


def test_times_are_told_as_a_player_shows_them():
    assert [clock(time) for time in (0, 32, 62.5, 59.999, 3602)] == [
        "0:00",
        "0:32",
        "1:02.5",
        "1:00",
        "60:02",
    ]


@pytest.mark.parametrize(
    "passage, sentence",
    [
        ((4.0, 2.0, 1), "ends before it begins"),
        ((4.0, 4.5, 1), "at least 1 s"),
        ((-1.0, 4.0, 1), "outside the result"),
        ((9.5, 12.0, 1), "outside the result, which goes from 0:00 to 0:10"),
        ((5.0, 12.0, 1), "outside the result"),
        ((5.0, 7.0, -1), "whole number"),
        ((5.0, 7.0, 1.5), "whole number"),
        ((5.0, float("inf"), 1), "a beginning, an end"),
        ((5.0, 7.0), "a beginning, an end"),
    ],
)
def test_wrong_passages_are_told_in_one_sentence(passage, sentence):
    check_passages([(8.5, 10.6, 3)], 10.0)  # a player may round up
    with pytest.raises(UserError, match=sentence):
        check_passages([passage], 10.0)


# ---- parts ----------------------------------------------------------------------------------------------


def test_what_is_known_fades_at_both_ends_inside_the_passage():
    share = share_known(100, 40, 70, lap=5)
    assert torch.all(share[:40] == 1) and torch.all(share[70:] == 1) and torch.all(share[45:65] == 0)
    assert torch.all(share[39:46].diff() < 0) and torch.equal(share[40:45], share[65:70].flip(0))
    assert torch.all(share_known(100, -np.inf, 70, lap=5)[:65] == 0)
    known, noise, new = (torch.full((1, 8, 24, 100), value) for value in (0.0, 1.0, 5.0))
    held = hold(new.clone(), known, share, noise, 0.25)[0, 0, 0]
    assert torch.all(held[:40] == 0.25) and torch.all(held[45:65] == 5)  # a quarter of the noise


def test_the_gain_is_that_of_another_sound():
    rng = np.random.default_rng(0)
    first = (0.05 * rng.standard_normal((2 * RATE, 2))).astype(np.float32)
    louder, voice = first.copy(), first[::-1].copy()
    louder[RATE : RATE + 9000] *= 1.5
    for make in (
        lambda one, like: normalise(one, like=like),
        lambda one, like: mixdown(one, voice, 3, like)[0],
    ):
        made, usual = make(louder, first), make(first, None)
        assert np.array_equal(made[: RATE - LIMITER], usual[: RATE - LIMITER])
        assert not np.array_equal(make(louder, None)[: RATE - LIMITER], usual[: RATE - LIMITER])


# ---- conversions ----------------------------------------------------------------------------------------


def test_the_rest_is_equal_and_the_passage_another(pipe, song, bands):
    first, made = (
        pipe(song, "jazz", generator=seeded()),
        pipe(song, "jazz", generator=seeded(), redone=[(START, END, 7)]),
    )
    (plain, same), (band, before) = bands
    assert plain is not band and np.array_equal(plain, same) and np.array_equal(plain, before)
    assert np.array_equal(outside(band), outside(plain))
    inside = slice(round((START + 0.5) * RATE), round((END - 0.5) * RATE))
    apart = np.abs(band - plain)[inside].std()
    assert apart > 0.3 * plain[inside].std() and 0.5 < band[inside].std() / plain[inside].std() < 2
    jumps = np.abs(np.diff(band, 2, axis=0)).max(1)  # there is no click
    for edge in (START, END):
        around = jumps[round(edge * RATE) - RATE : round(edge * RATE) + RATE]
        assert jumps[round(edge * RATE) - HOP : round(edge * RATE) + HOP].max() < np.percentile(around, 99.95)
    assert np.array_equal(outside(made.audio, spare=LIMITER), outside(first.audio, spare=LIMITER))


def test_two_passages_one_after_the_other(pipe, song, bands):
    one, two = (1.0, 3.0, 7), (2.5, 5.0, 8)
    for redone in ([one], [one, two]):
        pipe(song, "jazz", generator=seeded(), redone=redone)
    (first, before), (both, same) = bands
    assert np.array_equal(before, same) and not np.array_equal(first[: 2 * RATE], before[: 2 * RATE])
    assert np.array_equal(outside(both, 2.5, 5.0), outside(first, 2.5, 5.0))
    assert not np.array_equal(both[3 * RATE : 5 * RATE], first[3 * RATE : 5 * RATE])


@pytest.mark.parametrize(
    "options",
    [
        {"strength": 0.6, "rate": 1.25},
        {"genre": [(0, "blues"), (1, "disco")], "mood": [(0, "sad"), (1, "happy")], "seconds": 9.0},
    ],
)
def test_all_that_can_be_asked_for_stays_as_it_is(pipe, song, bands, options):
    pipe(song, **{"genre": "pop", "generator": seeded(), "redone": [(START, END, 7)]} | options)
    ((band, before),) = bands
    assert np.array_equal(outside(band), outside(before)) and not np.array_equal(band, before)


def test_a_passage_may_begin_and_end_with_the_piece(pipe, song, bands):
    pipe.interpolate(song, song[::-1].copy(), 0.4, "rock", generator=seeded(), redone=[(0.0, 2.0, 7)])
    (band, before), last = bands[0], len(song) / SAMPLE_RATE
    assert np.abs(band - before)[:2000].max() > 1e-3 and np.array_equal(band[2 * RATE :], before[2 * RATE :])
    pipe(song, "rock", generator=seeded(), redone=[(last - 2, last, 7)])
    band, before = bands[1]
    assert np.abs(band - before)[-3000:].max() > 1e-4
    assert np.array_equal(band[: round((last - 2) * RATE)], before[: round((last - 2) * RATE)])


def test_a_singer_stays(pipe, bands):
    sung = load(SONGS[-1], offset=5.5, duration=6.0)
    first, made = (pipe(sung, "rock", generator=seeded(), redone=one) for one in ((), [(START, END, 7)]))
    assert first.voice == made.voice == "keep"
    assert np.array_equal(first.stems["voice"], made.stems["voice"])
    bands = [one.stems["band"] for one in (first, made)]
    assert np.array_equal(*map(outside, bands)) and not np.array_equal(*bands)
    assert np.array_equal(outside(first.audio, spare=LIMITER), outside(made.audio, spare=LIMITER))


def test_what_keeps_the_recording_has_nothing_to_make_anew(pipe, song):
    with pytest.raises(UserError, match="nothing of it can be made anew"):
        pipe(song, "jazz", 0.0, redone=[(START, END, 7)])
    with pytest.raises(UserError, match="outside the result"):
        pipe(song, "jazz", redone=[(20.0, 25.0, 7)])


def test_stopped_it_leaves_nothing(pipe, song, tmp_path):
    seen = []

    def stop(done, what):
        seen.append(done)
        if "anew" in what:
            raise Stopped

    with pytest.raises(Stopped):
        pipe(song, "jazz", redone=[(START, END, 7)], progress=stop, out=tmp_path / "a.mp3")
    assert seen == sorted(seen) and not list(tmp_path.iterdir())


# ---- files ----------------------------------------------------------------------------------------------


def test_files_are_redone_and_made_again(noteninja, song, tmp_path, capsys):
    """Two passages one after the other, each under a free name, and both again from the JSON beside them."""
    soundfile.write(tmp_path / "song.wav", song, SAMPLE_RATE)
    first = tmp_path / "song (jazz).wav"
    assert noteninja("convert", tmp_path / "song.wav", "--to", "jazz", "-o", first)[0] == 0
    kept = first.read_bytes()
    status, told, error = noteninja("redo", first.with_suffix(".json"), "--passage", "0:01.5-0:03.5")
    one = tmp_path / "song (jazz) (redone).wav"
    assert status == 0 and str(one) in told and first.read_bytes() == kept
    assert read_settings(one.with_suffix(".json")).redone == ((1.5, 3.5, 1),)
    noteninja("redo", one.with_suffix(".json"), "--passage", "4-5.5", "--seed", 9)
    two = tmp_path / "song (jazz) (redone) (2).wav"
    assert read_settings(two.with_suffix(".json")).redone == ((1.5, 3.5, 1), (4.0, 5.5, 9))
    sounds = [soundfile.read(file)[0] for file in (first, one, two)]
    assert np.array_equal(*(outside(sound, spare=LIMITER) for sound in sounds[:2]))
    assert np.array_equal(*(outside(sound, 4.0, 5.5, LIMITER) for sound in sounds[1:]))
    again(two.with_suffix(".json"), tmp_path / "again.wav")
    assert (tmp_path / "again.wav").read_bytes() == two.read_bytes() and first.read_bytes() == kept
    files = sorted(tmp_path.iterdir())
    capsys.readouterr()  # what was told by then
    for words, sentence in (
        (("--passage", "0:32-0:48"), "lies outside the result, which goes from 0:00 to 0:06"),
        (("--passage", "5-4"), "ends before it begins"),
        (("--passage", "soon"), "is written as"),
        (("--passage", "4-6", "--seed", "0"), "is that of the result"),
        (("--passage", "4-6", "-o", first), "exists already"),
        (("--passage", "4-6", "-o", first.with_suffix(".mp3")), "exists already"),
        (("--passage", "4-6", "-o", first.with_suffix(".mp3"), "--overwrite"), "which is still there"),
        (("--passage", "4-6", "-o", tmp_path / "song.wav"), "over the song itself"),
    ):
        status, _, error = noteninja("redo", first.with_suffix(".json"), *words)
        assert status == 2 and sentence in error and error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize("redone", [5, [5], [[1, 2]], [["a", 2, 3]], "abc", [[5, 1, 0]]])
def test_a_file_with_passages_that_are_none_is_told(tmp_path, redone):
    record = {
        "file": "a.mp3",
        "source": "a.mp3",
        "weights_sha256": {},
        "settings": {"genre": "jazz", "seed": 0},
    }
    file = tmp_path / "a.json"
    file.write_text(json.dumps(record))
    assert read_settings(file) == Settings(source="a.mp3", voice="play")  # an older file
    record["settings"]["redone"] = redone
    file.write_text(json.dumps(record))
    with pytest.raises(UserError, match="a.json can't be used"):
        read_settings(file)


# ---- how seams are looked for ---------------------------------------------------------------------------


def test_each_kind_of_seam_is_found_by_its_own_statistic():
    """A careless seam at 2 s, in noise: each is larger there than at any ordinary place."""
    rng, second = np.random.default_rng(0), SAMPLE_RATE
    noise = (0.1 * rng.standard_normal(6 * second)).astype(np.float32)
    wrong = {name: noise.copy() for name in redo.STATISTICS}
    wrong["attack"][int(2.2 * second) : int(2.21 * second)] *= 8
    wrong["level"][2 * second :] *= 2
    wrong["dip"][int(2.1 * second) : int(2.15 * second)] *= 0.1
    wrong["timbre"][2 * second :] = np.cumsum(noise[2 * second :]) * 0.1
    wrong["click"][int(2.1 * second)] += 2
    ordinary = np.array([redo.statistics(noise)(place, 1) for place in np.arange(1.5, 4.5, 0.25)])
    for number, (name, audio) in enumerate(wrong.items()):
        assert redo.statistics(audio)(2.0, 1)[number] > ordinary[:, number].max(), name
    assert redo.statistics(wrong["dip"])(2.25, -1)[2] > ordinary[:, 2].max()  # the end of a passage


def test_seams_are_summed_up():
    def passage(rank):
        ranks = {name: np.full((2, 5), rank if name == "anew" else 0.5) for name in redo.KINDS}
        return {"outside": 0.0, "time": 1.5, "ranks": ranks, "distance": [0.4, 0.5], "tune": [0.9, rank]}

    figures = redo.summarise([[passage(0.5), passage(0.7)], [passage(0.9), passage(0.7)]])
    assert (figures["passages"], figures["seams"], figures["largest_difference_outside"]) == (4, 8, 0)
    auc = figures["auc"]
    assert auc["anew"]["dip"][0] == 0.7 and auc["before"]["dip"] == [0.5, 0.5, 0.5]
    assert auc["anew_less_before"]["click"][0] == 0.2 and figures["tune_anew"][0] == 0.7
    json.dumps(figures)
    told = "\n".join(redo.lines(figures))
    assert "4 passages" in told and "| step of the level | 0.70 [0.60, 0.80] | 0.50 [0.50, 0.50] |" in told
