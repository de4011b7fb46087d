"""The band's check, on performances and listeners made by hand, whose figures are known."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import arrangements, harness
from noteninja_lib.arranger.performance import Note, Part, Performance
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.errors import UserError

CHORD = (60, 64, 67)
C, F = (0.0, 2.0, 0, "maj"), (2.0, 4.0, 5, "maj")
TUNE = SimpleNamespace(bar=4.0, beat=1.0)


def played(swing=0.0, harmony=(C, F), **parts):
    """Four seconds at 120 beats a minute: two bars of four beats."""
    made = Performance(TUNE, "jazz", 0, 120.0, swing, 0, 4.0, harmony=list(harmony))
    made.parts = [
        Part(name, 0, name == "drums", [Note(start, start + 0.2, pitch, 90) for start, pitch in notes])
        for name, notes in parts.items()
    ]
    return made


def chords(*starts, pitches=CHORD):
    return [(start, pitch) for start in starts for pitch in pitches]


def feature(name, performance):
    return arrangements.note_features(performance)[name]


def test_offbeat_chords():
    assert feature("offbeat_chords", played(comp=chords(0.25, 0.75, 1.25))) == 1
    assert feature("offbeat_chords", played(comp=chords(0.0, 0.5, 1.0))) == 0
    assert feature("offbeat_chords", played(comp=chords(0.0, 0.25))) == 0.5
    assert (
        feature("offbeat_chords", played(swing=1.0, comp=chords(1 / 3, 5 / 6))) == 1
    )  # swung off-beats are off-beats
    assert np.isnan(
        feature("offbeat_chords", played(melody=[(0.25, 60)], bass=[(0.25, 40)]))
    )  # tune and bass are no chords


def test_one_drop():
    drop = [(second, key) for second in (1.0, 3.0) for key in (36, 37)]  # third beat of both bars
    rock = [(0.0, 36), (1.0, 36), (0.5, 38), (1.5, 38), (2.0, 36)]
    assert (
        feature("kick_with_backbeat", played(drums=drop)) == 1
        and feature("kick_on_one", played(drums=drop)) == 0
    )
    assert (
        feature("kick_with_backbeat", played(drums=rock)) == 0
        and feature("kick_on_one", played(drums=rock)) == 1
    )
    assert np.isnan(feature("kick_on_one", played(comp=chords(0.0))))


def test_voices_sevenths_and_broken_chords():
    smooth = played(comp=chords(0.0) + chords(2.0, pitches=(60, 65, 69)))  # C E G to C F A
    leaping = played(comp=chords(0.0) + chords(2.0, pitches=(77, 81, 84)))
    assert feature("voice_steps", smooth) == pytest.approx(1)
    assert feature("voice_steps", leaping) == pytest.approx((10 + 14 + 17) / 3)
    assert feature("free_sevenths", smooth) == 0
    assert feature("parallels", smooth) == 0  # only C stays, E and G rise by unequal steps
    assert feature("parallels", played(comp=chords(0.0) + chords(2.0, pitches=(65, 69, 72)))) == 1
    assert (
        feature(
            "free_sevenths",
            played(comp=chords(0.0, pitches=(60, 64, 67, 71)) + chords(2.0, pitches=(60, 65, 69))),
        )
        == 0.5
    )
    dominant = played(harmony=[(0.0, 4.0, 0, "dom7")], comp=chords(0.0, pitches=(60, 64, 70)))
    assert np.isnan(feature("free_sevenths", dominant))  # a dominant's seventh is not counted
    assert feature("broken_chords", smooth) == 0
    assert feature("broken_chords", played(comp=[(0.0, 60), (0.25, 67), (0.5, 64), (0.75, 67)])) == 1


def test_sound_features_tell_drums_bass_and_dynamics():
    time = np.arange(4 * 22050) / 22050
    clicks = np.zeros(len(time), np.float32)
    clicks[::11025] = 1.0  # a stroke every half second
    tone, bass = (0.3 * np.sin(2 * np.pi * f * time).astype(np.float32) for f in (440, 80))
    fading = tone * np.linspace(0.05, 1, len(time), dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, 0.1, len(time)).astype(np.float32)
    found = {
        name: arrangements.sound_features(audio)
        for name, audio in dict(clicks=clicks, tone=tone, bass=bass, fading=fading, noise=noise).items()
    }
    assert found["clicks"]["percussive_share"] > 0.9 > 0.1 > found["tone"]["percussive_share"]
    assert found["bass"]["bass_share"] > 0.95 and found["tone"]["bass_share"] < 0.05
    assert found["fading"]["loudness_range"] > 12 and found["tone"]["loudness_range"] < 0.5
    assert found["clicks"]["pulse_clarity"] > 0.7 > 0.4 > found["noise"]["pulse_clarity"]


def test_traits_are_judged_by_place():
    features = {
        genre: [dict.fromkeys((trait.feature for trait in arrangements.TRAITS), float(number))]
        for number, genre in enumerate(GENRES)
    }  # blues 0 ... classical 1 ... rock 9
    found = {(row["genre"], row["feature"]): row for row in arrangements.judge_traits(features)}
    assert (
        found["classical", "drum_strokes"]["place"] == 2
        and not found["classical", "drum_strokes"]["as_expected"]
    )
    assert (
        found["classical", "pulse_clarity"]["place"] == 2
        and found["classical", "pulse_clarity"]["as_expected"]
    )
    assert found["classical", "voice_steps"]["as_expected"]  # one semitone is below two
    assert (
        found["reggae", "offbeat_chords"]["place"] == 2
        and not found["reggae", "offbeat_chords"]["as_expected"]
    )
    features["classical"][0]["voice_steps"] = 2.5
    features["blues"][0]["drum_strokes"] = 1.0  # as few as classical: first place for both
    features["rock"][0]["offbeat_chords"] = np.nan  # unknown: nobody is larger than reggae
    again = {(row["genre"], row["feature"]): row for row in arrangements.judge_traits(features)}
    assert not again["classical", "voice_steps"]["as_expected"]
    assert (
        again["classical", "drum_strokes"]["as_expected"] and again["reggae", "offbeat_chords"]["place"] == 1
    )


def cells(**slopes):
    """A grid of moods in which each measure follows a rule of valence and arousal."""
    rules = {**dict.fromkeys(arrangements.MEASURES, lambda valence, arousal: 0.0), **slopes}
    return [
        {"valence": v, "arousal": a, **{name: rule(v, a) for name, rule in rules.items()}}
        for v in arrangements.GRID
        for a in arrangements.GRID
    ]


def test_correlations_have_the_right_sign_and_ignore_the_tune():
    walks = [
        {
            "genre": "jazz",
            "cells": cells(
                onset_rate=lambda v, a: base + a,
                register=lambda v, a: 60 - 3 * v,
                major_share=lambda v, a: np.nan,
            ),
        }
        for base in (2.0, 50.0)
    ]
    table = arrangements.correlations(walks)
    assert table["arousal"]["onset_rate"] == 1 and table["valence"]["onset_rate"] == 0
    assert table["valence"]["register"] == -1 and table["arousal"]["loudness"] == 0
    assert table["valence"]["major_share"] is None  # power chords have no third


def test_summary_of_mood():
    walks = [
        {"genre": genre, "cells": cells(loudness=rule), "unchanged": kept, "heard": [0.8, 0.8, 0.6, 0.8, 1.0]}
        for genre, kept, rule in (("jazz", 1.0, lambda v, a: a), ("rock", 0.9, lambda v, a: -a))
    ]
    figures = arrangements.summarise(walks)
    assert figures["correlations"]["rock"]["arousal"]["loudness"] == -1
    assert figures["correlations"]["together"]["arousal"]["loudness"] == 0
    assert figures["tune_unchanged"] == 0.9 and figures["heard_change"] == 0.25


def test_major_share_and_unchanged_tune():
    minor = chords(2.0, pitches=(65, 68, 72))
    assert arrangements.major_share(played(comp=chords(0.0) + chords(2.0, pitches=(65, 69, 72)))) == 1
    assert arrangements.major_share(played(comp=chords(0.0) + minor)) == 0.5
    assert np.isnan(arrangements.major_share(played(comp=chords(0.0, pitches=(60, 67)))))
    first = played(melody=[(0.0, 60), (0.5, 62), (1.0, 64), (1.5, 65)])
    faster = played(melody=[(0.0, 72), (0.25, 74), (0.5, 76), (0.75, 77)])  # twice as fast, an octave up
    faster.tempo = 240.0
    other = played(melody=[(0.0, 60), (0.5, 63), (1.1, 64), (1.5, 65)])  # a wrong pitch, a wrong place
    assert (
        arrangements.tune_unchanged(first, faster) == 1 and arrangements.tune_unchanged(first, other) == 0.5
    )


FAKE = """import json, sys
assert sys.argv[1] == "--json"
for name in sys.argv[2:]:
    open(name, "rb").close()
    print(json.dumps({"file": name, "genres": {"jazz": .9, "rock": .5, "pop": .4, "metal": .1}}), flush=True)
"""


def test_the_tagger_is_asked_about_each_file(tmp_path):
    tagger, files = tmp_path / "tagger.py", [str(tmp_path / f"{n}.wav") for n in range(3)]
    tagger.write_text(FAKE)
    for name in files:
        open(name, "wb").close()
    scores = harness.listen(tagger, files)
    assert len(scores) == 3 and scores[0]["jazz"] == 0.9
    found = arrangements.outside_listener(["jazz", "metal", "reggae"], scores)
    assert found["together"][0] == 0.5 and found["chance"] == 0.75  # reggae is not known to it
    assert {genre: row["among_three"] for genre, row in found["genres"].items()} == {
        "jazz": 1,
        "metal": 0,
        "reggae": None,
    }
    assert found["genres"]["metal"]["strongest"] == {"jazz": 1}
    with pytest.raises(UserError, match="failed: .*nowhere"):
        harness.listen(tagger, ["nowhere.wav"])
    with pytest.raises(UserError, match="no tagger"):
        harness.listen(tmp_path / "absent.py", files)


def test_raw_midi_has_one_set_of_instruments():
    made = played(melody=[(0.0, 60)], bass=[(0.0, 36)], comp=chords(0.0), voice=[(0.0, 0)])
    made.parts[2].program = 29
    raw = arrangements.raw_midi(made)
    assert [(part.name, part.program) for part in raw.parts] == [("melody", 73), ("bass", 33), ("comp", 0)]
    assert made.parts[2].program == 29  # the band's own stays as it was


def test_a_recording_is_played_measured_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(arrangements, "SECONDS", 3.0)
    job = next(job for job in arrangements.plan(1, seed=3) if job[0] == "classical")
    result = arrangements.play(job, folder=tmp_path)
    assert sorted(result["files"]) == ["band", "raw"] and all(
        open(name, "rb").read(4) == b"RIFF" for name in result["files"].values()
    )
    assert {trait.feature for trait in arrangements.TRAITS} <= result["features"].keys()
    assert result["features"]["drum_strokes"] == 0 and result["cpu"] > 0
    rate = arrangements.speed(
        [{"genre": "jazz", "seconds": 10, "cpu": 0.1}, {"genre": "rock", "seconds": 10, "cpu": 0.3}]
    )
    assert rate == {"together": 50.0, "genres": {"jazz": 100.0, "rock": 33.3}}


def test_the_whole_check_prints_and_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(arrangements, "SECONDS", 2.0)
    monkeypatch.setattr(arrangements, "SECONDS", 2.0)
    monkeypatch.setattr(arrangements, "GRID", (-1.0, 0.0, 1.0))
    monkeypatch.setattr(
        arrangements,
        "plan",
        lambda clips, seed, real=arrangements.plan: [
            job for job in real(clips, seed) if job[0] in ("classical", "reggae")
        ],
    )
    monkeypatch.setattr(arrangements, "GENRES", ("classical", "reggae"))
    monkeypatch.setattr(arrangements, "GENRES", ("classical", "reggae"))
    tagger, out = tmp_path / "tagger.py", tmp_path / "band.json"
    tagger.write_text(FAKE.replace('"rock"', '"reggae"'))
    monkeypatch.setattr(arrangements, "MOOD_TUNES", 1)
    figures = arrangements.report(1, tagger, out=out, workers=1)
    assert json.loads(out.read_text()) == figures
    assert figures["outside_listener"]["band"]["genres"]["reggae"]["among_three"] == 1
    assert figures["mood"]["tune_unchanged"] == 1
    printed = capsys.readouterr().out
    assert "no drum kit" in printed and "outside listener, raw" in printed and "speed:" in printed
