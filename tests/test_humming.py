"""A tune that is hummed, sung or whistled alone: who is alone, which notes, which beats, which key."""

import json

import numpy as np
import pytest
import soundfile

from benchmarks.humming import Job, curves, hummed, likeness, of_heard, recognised, right_beats, sounded
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import load_recipe
from noteninja_lib.arranger.synthesis import render, render_lead_and_band
from noteninja_lib.audio.io import SAMPLE_RATE, mono
from noteninja_lib.errors import UserError
from noteninja_lib.music.harmony import NOTE_NAMES
from noteninja_lib.music.metre import find_metre, likely_key
from noteninja_lib.music.singing import SECONDS, PitchCurve, drift, sung_notes
from noteninja_lib.music.transcription import hummed_tune
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.source import lone_curve, read_hummed, read_source, track_alone

TUNES = load_tunes("test")


@pytest.fixture(scope="module")
def hum():
    """A tune that is hummed: sound, the notes that were meant, their beats, semitones of shift."""
    return hummed(TUNES[5], Job(5, "hum", "near", 0), 0.05)


@pytest.fixture(scope="module")
def source(hum):
    return read_source(hum[0])


def test_who_hums_is_alone_and_heard_as_it_was_recorded(hum, source):
    assert source.alone and not source.band.any() and source.voice.audio.shape == (2 * len(hum[0]), 2)
    assert np.abs(mono(source.voice.audio.astype(np.float32), 44100) - hum[0]).max() < 0.02
    assert of_heard(hum[1], source.voice.notes)[0] > 0.9
    assert recognised(
        5, tuple((n.start, n.end - n.start, n.pitch) for n in source.voice.notes), range(60), "test"
    )


def test_a_hum_gets_a_band_on_its_own_beats(hum, source):
    assert right_beats(hum[2], source.piano_roll.beats) > 0.8
    assert source.backing.notes[0].any() and not source.backing.melody.any()


def test_a_whistle_above_what_the_network_knows_is_heard():
    notes = [
        Note(0.5 + 0.5 * i, 0.95 + 0.5 * i, pitch, 90) for i, pitch in enumerate((98, 100, 102, 103, 98, 96))
    ]
    rng = np.random.default_rng(0)
    sound = sounded(*curves(notes, "whistle", 4.0, rng), "whistle", rng)
    curve = lone_curve(sound)
    assert curve is not None and [note.pitch for note in sung_notes(curve, alone=True)] == [
        98,
        100,
        102,
        103,
        98,
        96,
    ]


def test_nobody_is_alone_in_a_band_in_a_song_or_in_noise():
    played = arrange(TUNES[3], load_recipe("pop"), 2, duration=8.0, intro=0, ending=False, sung=True)
    lead, band = (mono(one, 44100) for one in render_lead_and_band(played))
    assert lone_curve(lead) is not None and lone_curve(band) is None and lone_curve(lead + band) is None
    reggae = render(arrange(TUNES[3], load_recipe("reggae"), 1, duration=8.0)).astype(np.float32)
    assert lone_curve(reggae) is None
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * SAMPLE_RATE).astype(np.float32)
    assert lone_curve(noise) is None and lone_curve(np.zeros(4 * SAMPLE_RATE, np.float32)) is None


def drifting(by):
    """A scale of eight notes of .6 s that ends so many semitones off."""
    pitches = np.repeat([60, 62, 64, 65, 67, 69, 71, 72], round(0.6 / SECONDS)).astype(float)
    frames = len(pitches)
    return PitchCurve(pitches + np.linspace(0, by, frames), np.ones(frames, bool), np.full(frames, -20.0))


@pytest.mark.parametrize("by", [-1.2, 0.0, 0.9])
def test_a_voice_that_drifts_is_followed(by):
    curve = drifting(by)
    assert [note.pitch for note in sung_notes(curve, alone=True)] == [60, 62, 64, 65, 67, 69, 71, 72]
    np.testing.assert_allclose(drift(curve), np.linspace(0, by, len(curve.pitch)), atol=0.2)


@pytest.mark.parametrize(("number", "metre"), [(0, "4/4"), (1, "6/8"), (2, "3/4")])
def test_beats_and_metre_are_found_in_notes_that_are_out_of_time(number, metre):
    alike = {"4/4": ("4/4", "2/2"), "6/8": ("6/8",), "3/4": ("3/4",)}[metre]
    tune = [one for one in TUNES if one.metre in alike and len(set(lasts for _, lasts, _ in one.notes)) > 2][
        3
    ]
    rng, second = np.random.default_rng(number), 0.6
    starts = np.array([start for start, _, _ in tune.notes][:60])
    onsets = 1 + starts * second + rng.normal(0, 0.02, len(starts))
    found, ticks, beats = find_metre(np.sort(onsets))
    assert found == metre and np.mean(ticks - ticks[0] == np.round(4 * (starts - starts[0]))) > 0.9
    true = 1 + np.arange(0, starts[-1] + 1, tune.beat) * second
    assert right_beats(true, beats) > 0.9


def test_likely_keys():
    right = [likely_key(tune.notes)[0] == tune.tonic for tune in TUNES[:100]]
    assert np.mean(right) > 0.8


def test_a_metronome_is_followed_though_the_recording_is_late():
    tune = next(one for one in TUNES if one.metre == "3/4")
    notes = [Note(0.3 + 0.12 + 0.7 * a, 0.3 + 0.12 + 0.7 * (a + d), p, 90) for a, d, p in tune.notes]
    found, beats = hummed_tune(notes, 0.3 + 0.7 * np.arange(100), "3/4")
    assert found.metre == "3/4" and beats[0] == pytest.approx(0.42, abs=0.03)
    assert np.mean([one[::2] for one in found.notes] == [one[::2] for one in tune.notes]) == 1
    assert found.tonic == tune.tonic and found.chords[-1][0] + found.chords[-1][1] == found.length


def test_a_hum_is_written_down(hum, tmp_path):
    tune, beats = read_hummed(hum[0])
    assert likeness(tune.notes, TUNES[5].notes) > 3 * likeness(tune.notes, TUNES[6].notes)
    assert len(beats) > 10 and tune.length % tune.bar == 0
    with pytest.raises(UserError, match="No tune can be heard"):
        read_hummed(np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32))
    assert track_alone(hum[0]).voiced.mean() > 0.5


def test_json_tells_what_hear_tells_where_somebody_hums_alone(noteninja, hum, tmp_path):
    soundfile.write(tmp_path / "hum.wav", hum[0], SAMPLE_RATE)
    told = noteninja("hear", tmp_path / "hum.wav", "--json", "-o", tmp_path / "hum.json")[1]
    heard, told = (
        json.loads(told),
        noteninja("convert", tmp_path / "hum.wav", "--to", "jazz", "--steps", 1, "--json")[1],
    )
    tune, before = heard["tune"], json.loads(told)["before"]
    assert before["key"] == f"{NOTE_NAMES[tune['tonic']]} {tune['mode']}" and before["metre"] == tune["metre"]
    beats = heard["beats"]
    assert before["tempo"] == pytest.approx(60 * (len(beats) - 1) / (beats[-1] - beats[0]), abs=0.06)
