"""The mumbled voice: it speaks where and as high as it is told, and stays out of keys, scores and other
genres."""

import librosa
import numpy as np
import pytest

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.mixing import apply_chain, mix_stems
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.arranger.vocals import speak
from noteninja_lib.music.tunes import Tune

TUNE = Tune(
    name="test",
    title="Test",
    collection="ryan",
    metre="4/4",
    tonic=0,
    mode="major",
    notes=tuple((float(beat), 1.0, 60 + beat % 5) for beat in range(16)),
    chords=((0.0, 16.0, 0, "maj"),),
    length=16.0,
    family="test",
    split="test",
)


def test_it_speaks_only_in_its_syllables_and_at_their_pitch():
    rate = 22050
    sound = speak([Note(0.5, 0.9, 52, 110), Note(1.5, 1.9, 60, 110)], 2 * rate + 7, rate, seed=1)
    assert sound.shape == (2 * rate + 7,) and sound.dtype == np.float32
    loud = [
        np.sqrt(np.mean(sound[int(a * rate) : int(b * rate)] ** 2))
        for a, b in ((0, 0.4), (0.55, 0.85), (1, 1.4), (1.55, 1.85))
    ]
    assert min(loud[1], loud[3]) > 100 * max(loud[0], loud[2])
    for start, pitch in ((0.6, 52), (1.6, 60)):
        spoken = sound[int(start * rate) : int((start + 0.2) * rate)]
        hz = librosa.yin(spoken, fmin=80, fmax=500, sr=rate)
        assert np.median(librosa.hz_to_midi(hz)) == pytest.approx(pitch, abs=1.5)


def test_equal_bytes_and_no_two_mouths():
    notes = [Note(i / 5, i / 5 + 0.15, 55, 100) for i in range(8)]
    first, again, other = (speak(notes, 44100, 22050, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_only_hip_hop_has_a_voice_and_it_belongs_to_no_score():
    assert [genre for genre in GENRES if load_recipe(genre).voice] == ["hiphop"]
    performance = arrange(TUNE, load_recipe("hiphop"), duration=10, intro=0)
    voice = next(part for part in performance.parts if part.name == "voice")
    assert voice.is_drum and len(voice.notes) > 15
    assert all(note.end <= after.start + 0.05 for note, after in zip(voice.notes, voice.notes[1:]))
    assert "voice" not in [part.name for part in performance.to_midi().instruments]
    # It is heard beside the tune, not over it.
    assert performance.mix["levels"]["voice"] < performance.mix["levels"]["melody"]


def test_players_share_a_room():
    pytest.importorskip("pedalboard")
    click = np.zeros(44100, np.float32)
    click[:4410] = 0.1 * np.sin(np.arange(4410) / 10)
    mix = {
        "levels": {"a": 0, "b": 0},
        "chains": {"a": [("room", {"send_db": -6})]},
        "room": {"room_size": 0.7},
    }
    with_room, without = (np.abs(mix_stems({name: click}, mix, 44100)[8820:]).max() for name in "ab")
    assert with_room > 1e-3 and without == 0


def test_distortion_is_that_of_the_effects_library():
    pedalboard = pytest.importorskip("pedalboard")
    sound = np.random.default_rng(0).normal(size=4410).astype(np.float32) * np.float32(0.1)
    theirs = pedalboard.Pedalboard([pedalboard.Distortion(drive_db=18)])(sound, 44100)
    assert np.abs(apply_chain(sound, [("distortion", {"drive_db": 18})], 44100) - theirs).max() < 1e-3
