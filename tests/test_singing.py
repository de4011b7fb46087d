"""The singer: on pitch and in time, as far as the tune goes, and without a trace where nobody asked."""

import itertools
import json

import librosa
import numpy as np
import pyloudnorm
import pytest
import soundfile

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import load_recipe
from noteninja_lib.arranger.synthesis import render, render_lead_and_band, render_stems
from noteninja_lib.arranger.vocals import octave, phrased, sing, singer
from noteninja_lib.datasets import SyntheticSet, build
from noteninja_lib.errors import UserError
from noteninja_lib.models.checkpoints import load_model
from noteninja_lib.models.classifiers import MelodyExtractor
from noteninja_lib.models.vae import MelAutoencoder
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.source import hear
from noteninja_lib.training.diffusion import DiffusionTask

RATE = 22050
SCALE = [Note(0.5 + 0.7 * i, 1.2 + 0.7 * i, pitch, 95) for i, pitch in enumerate((62, 66, 69, 64, 71, 67))]
APART = [Note(0.5 + i, 1.1 + i, note.pitch, 95) for i, note in enumerate(SCALE)]
SEEDS = range(6)


def semitones(sound):
    """Pitch by frame of 256 samples."""
    return librosa.hz_to_midi(
        librosa.yin(sound, fmin=60, fmax=1200, sr=RATE, frame_length=1024, hop_length=256)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_held_notes_are_on_pitch(seed):
    sound, shift = sing(SCALE, 5 * RATE, RATE, seed), octave(SCALE, seed)
    assert sound.shape == (5 * RATE,) and sound.dtype == np.float32
    heard = semitones(sound)
    for note in SCALE:
        middle = slice(*(int((note.start + at) * RATE / 256) for at in (0.15, 0.55)))
        assert np.median(heard[middle]) == pytest.approx(note.pitch + shift, abs=0.5)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_new_note_begins_on_the_beat(seed):
    # Bound notes: where the pitch is past half of the way. Notes apart: where the vowel is.
    heard, shift = semitones(sing(SCALE, 5 * RATE, RATE, seed)), octave(SCALE, seed)
    for before, note in itertools.pairwise(SCALE):
        near = np.arange(int((note.start - 0.15) * RATE / 256), int((note.start + 0.15) * RATE / 256))
        way = (heard[near] - shift - before.pitch) / (note.pitch - before.pitch)
        # Of all splits into "still the old" and "already the new" the one with the fewest errors.
        errors = [np.sum(way[:split] > 0.5) + np.sum(way[split:] < 0.5) for split in range(len(near) + 1)]
        crossing = (near[0] + np.argmin(errors)) * 256 / RATE
        assert abs(crossing - note.start) < 0.05
    low = librosa.feature.rms(y=sing(APART, 7 * RATE, RATE, seed), frame_length=512, hop_length=64)[0]
    for note in APART:
        loud = np.median(low[int((note.start + 0.2) * RATE / 64) : int((note.start + 0.4) * RATE / 64)])
        from_here = int((note.start - 0.35) * RATE / 64)
        assert low[int((note.start - 0.15) * RATE / 64)] < 0.2 * loud
        assert (
            abs(from_here + np.argmax(low[from_here:] > 0.6 * loud) - note.start * RATE / 64) * 64 / RATE
            < 0.05
        )


def test_vibrato_sets_in_late_and_keeps_its_bounds():
    long, early, late = [Note(0.5, 8.5, 66, 95)], [], []
    for seed in SEEDS:
        cents = 100 * (semitones(sing(long, 9 * RATE, RATE, seed)) - 66)
        cents = (cents + 600) % 1200 - 600  # octaves, the listener's errors among them, don't count here
        before, after = (
            cents[int(a * RATE / 256) : int(b * RATE / 256)] for a, b in ((0.6, 0.72), (1.1, 8.3))
        )
        swing = np.abs(np.fft.rfft((after - after.mean()) * np.hanning(len(after)), 4096))
        strongest = np.fft.rfftfreq(4096, 256 / RATE)[np.argmax(swing * (np.arange(len(swing)) > 95))]
        assert strongest == pytest.approx(singer(seed).rate, abs=0.3) and 5 <= singer(seed).rate <= 6.5
        early, late = [*early, np.std(before) * np.sqrt(2)], [*late, np.std(after) * np.sqrt(2)]
    assert 25 < min(late) and max(late) < 65 and np.mean(early) < 0.5 * np.mean(late)
    assert {singer(seed).name for seed in SEEDS} == {"female", "male"}


def test_equal_seed_equal_bytes_and_another_seed_another_singer():
    first, again, other = (sing(SCALE, 5 * RATE, RATE, seed) for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert np.abs(first - other).max() > 0.1
    assert not sing([], 100, RATE, 1).any()


def test_a_melody_is_bound_and_leaves_time_to_breathe():
    quick = [Note(0.5 * i, 0.5 * i + 0.2, 65, 90) for i in range(24)] + [Note(14, 14.5, 65, 90)]
    bound = phrased(quick)
    assert [(note.start, note.pitch) for note in bound] == [(note.start, note.pitch) for note in quick]
    gaps = [(note.end, after.start - note.end) for note, after in itertools.pairwise(bound)]
    breaths = [end for end, gap in gaps if gap > 0.1]
    assert sum(gap == 0 for _, gap in gaps) > 15 and 3 <= len(breaths) <= 5
    assert max(np.diff([0, *breaths])) < 6.5
    assert bound[-2].end == quick[-2].end and phrased([]) == []  # a rest stays


@pytest.mark.parametrize("genre", ["rock", "hiphop"])
def test_only_the_lead_is_sung(genre):
    tune, recipe = load_tunes("test")[5], load_recipe(genre)
    played, sung = (arrange(tune, recipe, 1, duration=8, sung=wish) for wish in (False, True))
    assert not any(part.sung for part in played.parts) and [part.sung for part in sung.parts].count(True) == 1
    assert [(n.start, n.pitch) for n in sung.melody] == [(n.start, n.pitch) for n in played.melody]
    assert sung.parts[1:] == played.parts[1:] and sung.chords == played.chords
    assert sung.mix["levels"] | {"melody": 0} == played.mix["levels"] | {"melody": 0}
    assert sung.mix["levels"]["melody"] > max(
        level for name, level in sung.mix["levels"].items() if name != "melody"
    )
    mine, theirs = render_stems(sung), render_stems(played)
    assert all(np.array_equal(mine[name], theirs[name]) for name in theirs if name != "melody")
    assert np.array_equal(mine["melody"], sing(sung.melody, 8 * 44100, 44100, 1))
    lead, band = render_lead_and_band(sung)
    assert lead.shape == band.shape == (8 * 44100, 2) and np.abs(lead + band).max() < 0.981
    assert pyloudnorm.Meter(44100).integrated_loudness(lead + band) == pytest.approx(-16, abs=0.1)
    left, right = lead.T
    assert np.corrcoef(left, right)[0, 1] > 0.9  # in the middle, but for the room


def test_a_set_with_singers_is_the_other_one_but_for_its_leads(tmp_path):
    sets = {}
    for share in (0.0, 0.5):
        folder = tmp_path / str(share)
        list(build(folder, 16 * 4 / 3600, seconds=4, versions=4, sung=share))
        sets[share] = {clip.file: clip for clip in SyntheticSet(folder, tell=None).index}
    assert sets[0.0].keys() == sets[0.5].keys()
    sung = {file for file, clip in sets[0.5].items() if clip.sung}
    assert 3 <= len(sung) <= 13 and not any(clip.sung or clip.octave for clip in sets[0.0].values())
    for file, clip in sets[0.5].items():
        old, same = sets[0.0][file], [(tmp_path / str(share) / file).read_bytes() for share in (0.0, 0.5)]
        assert (same[0] == same[1]) == (file not in sung)
        assert (clip.tempo, clip.valence, clip.seed, clip.others) == (
            old.tempo,
            old.valence,
            old.seed,
            old.others,
        )
        assert clip.octave % 12 == 0 and clip.sung in (("female", "male") if file in sung else ("",))
        assert soundfile.info(tmp_path / "0.5" / file).frames == 4 * RATE
    with pytest.raises(UserError, match="other settings"):
        list(build(tmp_path / "0.5", 0.01, seconds=4, versions=4))
    with pytest.raises(UserError, match="between 0 and 1"):
        list(build(tmp_path / "new", 0.01, sung=1.5))


def test_sets_from_before_there_were_singers_load_and_go_on(tmp_path):
    list(build(tmp_path, 4 / 3600, seconds=4, versions=1))
    for name in ("settings.json", "manifest.jsonl"):
        facts = json.loads((tmp_path / name).read_text("utf-8"))
        for key in ("sung", "octave"):
            facts.pop(key, None)
        (tmp_path / name).write_text(json.dumps(facts) + "\n", "utf-8")
    assert SyntheticSet(tmp_path, tell=None).index[0].sung == ""
    list(build(tmp_path, 8 / 3600, seconds=4, versions=1))
    assert len(SyntheticSet(tmp_path, tell=None)) == 2


def test_what_is_sung_in_a_set_is_what_the_denoiser_learns_from(tmp_path):
    list(build(tmp_path, 16 / 3600, seconds=4, versions=4, sung=0.5, moods=0))
    data = SyntheticSet(tmp_path, tell=None)
    singing = {number for number, clip in enumerate(data.index) if clip.sung}
    assert len(singing) == 3 and {target for _, target in data.pairs()} == set(range(4)) - singing
    task = DiffusionTask(data, load_model(MelAutoencoder), load_model(MelodyExtractor), score=0.0)
    sung = [number for number in range(len(data)) if data.sung(number) is not None]
    assert sung, "of three sung clips not one was heard"
    for number in sung:
        melody, heard = task.heard(number)
        assert melody.shape == (2, 88, heard.shape[-1]) and melody[0].max() == 255
        np.testing.assert_array_equal(melody, data.sung(number))
        shift = data.index[number].octave
        known = {note.pitch % 12 for note in data.index[number].notes()}
        rows = np.flatnonzero(melody[0].max(1) > 127)
        assert shift % 12 == 0 and np.mean([(row + 21) % 12 in known for row in rows]) > 0.5


def test_from_singers_alone_the_denoiser_does_not_learn(tmp_path):
    list(build(tmp_path, 8 / 3600, seconds=4, versions=2, sung=1.0))
    data = SyntheticSet(tmp_path, tell=None)
    assert data.pairs() == [] and {clip.sung for clip in data.index} <= {"female", "male"}
    with pytest.raises(UserError, match="smaller share"):
        DiffusionTask(data, MelAutoencoder(width=16, layers=1), MelodyExtractor())


def test_a_first_note_at_the_very_beginning_is_found():
    for number, genre in enumerate(("country", "jazz")):
        played = arrange(
            load_tunes("test")[14 + 7 * number], load_recipe(genre), 1, duration=3.0, intro=0, ending=False
        )
        first, found = played.melody[0], hear(render(played).astype(np.float32)).melody_notes()
        assert any(
            abs(note.start - first.start) < 0.06 and (note.pitch - first.pitch) % 12 == 0 for note in found
        )
