"""The converter itself, with the trained networks."""

import gc
import subprocess
import sys

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, FlowMatchHeunDiscreteScheduler

from noteninja_lib import data_folder, quick_imports
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.io import SAMPLE_RATE, load, loudness
from noteninja_lib.audio.spectrogram import log_mel
from noteninja_lib.errors import Stopped, UserError
from noteninja_lib.models import flow_matching, half_precision
from noteninja_lib.models.flow_matching import heun, time_steps
from noteninja_lib.music.style import styles
from noteninja_lib.music.tunes import load_tunes, to_stream
from noteninja_lib.pipeline import NoteNinjaPipeline, load_pipeline
from noteninja_lib.source import read_source


@pytest.fixture(scope="module")
def pipe():
    return load_pipeline()


@pytest.fixture(scope="module")
def song():
    return load(sorted((data_folder() / "songs").glob("*.mp3"))[0], duration=6.0)


def seeded(number=0):
    return torch.Generator().manual_seed(number)


@pytest.fixture(scope="module")
def converted(pipe, song):
    return pipe(song, "jazz", generator=seeded())


def test_result_has_the_songs_length_and_a_sensible_level(converted, song):
    assert converted.audio.shape == (2 * len(song), 2) and converted.audio.dtype == np.float32
    assert converted.sample_rate == STEREO_RATE and converted.source.shape == song.shape
    assert np.abs(converted.audio).max() <= 1 and abs(loudness(converted.audio, STEREO_RATE) + 16) < 3
    assert np.abs(converted.audio.mean(0)).max() < 0.01
    assert converted.mono().shape == song.shape and np.corrcoef(converted.mono(), song)[0, 1] < 0.5
    left, right = converted.audio.T
    assert 0.01 < (left - right).std() / (left + right).std() < 1


def test_two_numbers_are_told(converted):
    assert 0 <= converted.tune_kept <= 1
    for heard in (converted.genre_heard, converted.source_genre):
        assert set(heard) == set(GENRES) and abs(sum(heard.values()) - 1) < 1e-4
        assert list(heard.values()) == sorted(heard.values(), reverse=True)
    assert converted.notes and all(0 <= note.start < note.end for note in converted.notes)


def test_the_same_seed_gives_the_same_sound_and_another_one_does_not(pipe, song, converted):
    again, other = (pipe(song, "jazz", generator=seeded(number)).audio for number in (0, 1))
    np.testing.assert_array_equal(again, converted.audio)
    assert not np.allclose(other, converted.audio, atol=1e-3)


def test_the_genre_makes_a_difference(pipe, song, converted):
    metal = pipe(song, "metal", generator=seeded())
    assert np.abs(log_mel(metal.audio) - log_mel(converted.audio)).mean() > 0.3
    both = pipe(song, {"metal": 1, "jazz": 1}, generator=seeded())
    assert not np.allclose(both.audio, metal.audio) and not np.allclose(both.audio, converted.audio)


def test_amount_leads_from_the_source_to_the_conversion(pipe, song, converted):
    distances = []
    for strength in (0.0, 0.5, 1.0):
        result = converted if strength == 1 else pipe(song, "jazz", strength, generator=seeded())
        first, second = log_mel(result.audio), log_mel(song)
        distances.append(np.abs((first - first.mean()) - (second - second.mean())).mean())
    assert distances[0] < distances[1] < distances[2] and distances[0] < 0.35


def test_schedulers_can_be_swapped(pipe, song):
    swapped = NoteNinjaPipeline(**pipe.components, strength_curve=pipe.config.strength_curve)
    for scheduler in (
        FlowMatchHeunDiscreteScheduler(),
        DPMSolverMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True),
    ):
        swapped.scheduler = scheduler
        for strength in (1.0, 0.6):
            assert np.isfinite(swapped(song, "rock", strength, generator=seeded()).audio).all()


def test_saved_and_loaded_again_it_does_the_same(pipe, song, converted, tmp_path):
    pipe.save_pretrained(tmp_path)
    assert (tmp_path / "model_index.json").exists()
    again = NoteNinjaPipeline.from_pretrained(tmp_path)(song, "jazz", generator=seeded())
    apart = again.audio - converted.audio  # by rounding only, which depends on where in memory weights lie
    assert apart.std() < 1e-4 and np.abs(apart).max() < 1e-3
    assert again.tune_kept == pytest.approx(converted.tune_kept, abs=0.01)


def test_a_recording_needs_none_of_the_packages_for_other_things():
    song = sorted((data_folder() / "songs").glob("*.mp3"))[0]
    code = "import sys; from noteninja_lib.pipeline import load_pipeline; load_pipeline()(sys.argv[1])"
    code += "; print(*{'librosa', 'matplotlib', 'music21', 'numba', 'pretty_midi'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code, song], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("collecting", [True, False])
def test_quick_imports_leave_the_garbage_collector_as_it_was(collecting):
    before = gc.isenabled(), gc.get_freeze_count()
    (gc.enable if collecting else gc.disable)()
    try:
        with pytest.raises(ImportError), quick_imports():
            assert not gc.isenabled()
            import noteninja_lib.no_such_module  # noqa: F401
        assert gc.isenabled() == collecting and gc.get_freeze_count() <= before[1]
    finally:
        (gc.enable if before[0] else gc.disable)()


def test_windows_meet_without_a_seam(pipe):
    """What is decoded in several pieces is continuous where they meet."""
    latents = torch.randn((1, 8, 24, 560), generator=seeded())
    with torch.no_grad(), half_precision(latents.device):
        mel = pipe.vae.decode(latents).float()
        whole = pipe.vocoder(mel)[0].numpy().T
    parts = pipe.decode(latents)
    assert parts.shape == whole.shape
    places = flow_matching.with_context(560, flow_matching.HEARD)
    assert len(places) > 2
    for chunk, _, _ in places[1:]:
        here = slice(chunk.start * 2048 - 4000, chunk.start * 2048 + 4000)
        np.testing.assert_allclose(parts[here], whole[here], atol=0.05 * np.abs(whole).max())


def test_progress_rises_to_one_and_may_stop(pipe, song):
    seen = []
    pipe(song, "pop", progress=lambda fraction, what: seen.append(fraction))
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == 1 and len(seen) > 5

    def stop(fraction, what):
        if fraction > 0.3:
            raise Stopped

    with pytest.raises(Stopped):
        pipe(song, "pop", progress=stop)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"genre": "polka"}, "choose from blues, classical"),
        ({"amount": 1.5}, "between 0 and 1"),
        ({"amount": float("nan")}, "between 0 and 1"),
        ({"num_inference_steps": 0}, "between 1 and 1000"),
        ({"guidance_scale": -1}, "between 0 and 20"),
        ({"mood": (2, 0)}, "between -1 and 1"),
        ({"mood": "grumpy"}, "choose from neutral, calm"),
        ({"rate": 3}, "between 0.5 and 2"),
        ({"tempo": 700}, "beats a minute"),
        ({"genre": [(0.5, "jazz"), (0.2, "rock")]}, "must rise"),
    ],
)
def test_bad_values_are_told_in_one_sentence(pipe, song, options, sentence):
    with pytest.raises(UserError, match=sentence):
        pipe(song, **{"genre": "jazz", **options})


@pytest.mark.parametrize("audio", [np.zeros(30_000), np.full(30_000, np.nan), np.ones(500)])
def test_bad_audio_is_told_in_one_sentence(pipe, audio):
    with pytest.raises(UserError):
        pipe(audio.astype(np.float32), "jazz")


# ---- steering ------------------------------------------------------------------------------------------


def test_tempo_changes_the_length_and_keeps_the_tune(pipe, song, converted):
    quick = pipe(song, "jazz", rate=1.25, generator=seeded())
    assert len(quick.audio) == pytest.approx(2 * len(song) / 1.25, abs=600)
    assert [note.pitch for note in quick.notes] == [
        note.pitch for note in converted.notes
    ] and quick.tune_kept > 0.5


def test_a_tempo_in_beats_a_minute_is_reached(pipe, song, converted):
    own = converted.piano_roll.tempo
    slow = pipe(song, "jazz", tempo=0.8 * own, generator=seeded())
    assert slow.piano_roll.tempo == pytest.approx(0.8 * own, rel=0.02)


def test_a_mood_changes_chords_and_not_the_tune(pipe, song, converted):
    sad = pipe(song, "jazz", mood="sad", generator=seeded())
    assert [note.pitch for note in sad.notes] == [note.pitch for note in converted.notes]
    assert len(sad.mono()) > len(song) and not np.allclose(
        sad.piano_roll.notes.sum(), converted.piano_roll.notes.sum()
    )


def test_a_longer_piece_has_the_length_that_was_asked_for(pipe, song):
    longer = pipe(song, "pop", seconds=12, generator=seeded())
    assert len(longer.audio) == pytest.approx(12 * STEREO_RATE, abs=600)
    journey = pipe(song, "pop", seconds=12, mood=[(0, "sad"), (1, "happy")], generator=seeded())
    assert len(journey.audio) == pytest.approx(12 * STEREO_RATE, rel=0.02)
    with pytest.raises(UserError, match="leave the amount at 1"):
        pipe(song, "pop", 0.5, seconds=12)


def test_written_music_is_a_source_too(pipe, tmp_path):
    tune = next(tune for tune in load_tunes("test") if tune.metre == "4/4")
    written = to_stream(tune)
    written.write("musicxml", tmp_path / "tune.musicxml")
    written.write("midi", tmp_path / "tune.mid")
    played = [
        pipe(source, "reggae", generator=seeded())
        for source in (tune, written, tmp_path / "tune.musicxml", tmp_path / "tune.mid")
    ]
    for result in played:
        assert np.abs(result.source).max() > 0.1 and np.abs(result.audio).max() > 0.1
        assert [note.pitch for note in result.notes[:8]] == [pitch for _, _, pitch in tune.notes[:8]]
        assert result.tune_kept > 0.5


def test_a_song_between_two_songs_begins_and_ends_at_them(pipe, song):
    other = load(sorted((data_folder() / "songs").glob("*.mp3"))[1], duration=6.0)
    ends = [pipe.interpolate(song, other, share, "pop", generator=seeded()) for share in (0.0, 0.5, 1.0)]
    assert ends[0].piano_roll.tempo != pytest.approx(ends[2].piano_roll.tempo, rel=0.01)
    pitches = [{note.pitch for note in end.notes} for end in ends]
    assert pitches[0] != pitches[2] and ends[0].source is not ends[2].source
    blend = pipe.interpolate(song, other, 0.0, "pop", 0.3, generator=seeded())
    distances = [
        np.abs(log_mel(one.audio).mean(1) - log_mel(song).mean(1)).mean() for one in (blend, ends[0])
    ]
    assert len(blend.audio) == len(ends[0].audio) and distances[0] < distances[1], (
        "a small amount keeps the recordings' sound"
    )
    with pytest.raises(UserError, match="between 0 and 1"):
        pipe.interpolate(song, other, 1.5)


def test_a_recording_is_the_noise_that_makes_it(pipe, song):
    noise = pipe.invert(song, "rock", 10)
    assert noise.std().item() == pytest.approx(1, abs=0.2)
    style = torch.from_numpy(styles("rock"))
    source = read_source(song)
    flow = flow_matching.Flow(pipe.unet, source.piano_roll, style, noise.shape[-1])
    with torch.no_grad():
        back = heun(flow, noise, time_steps(10))
        clean = flow_matching.encode(pipe.vae, source.whole)
        error = (pipe.vae.decode(back) - pipe.vae.decode(clean)).abs().mean().item()
        guessed = (
            (pipe.vae.decode(heun(flow, torch.randn_like(noise), time_steps(10))) - pipe.vae.decode(clean))
            .abs()
            .mean()
            .item()
        )
    assert error < 0.1 and guessed > 3 * error


@pytest.mark.parametrize("song", [[1.0, 2.0], None, torch.zeros(30_000)])
def test_what_is_no_song_is_told_in_one_sentence(pipe, song):
    with pytest.raises(UserError, match="is no song"):
        pipe(song, "jazz")


def test_two_songs_without_a_beat_and_of_unequal_length_meet(pipe):
    """Their latents differ in length, since nothing sets them on one beat."""
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    drones = [0.3 * np.sin(2 * np.pi * hertz * time).astype(np.float32) for hertz in (220, 330)]
    made = pipe.interpolate(drones[0], drones[1][: 2 * SAMPLE_RATE], 0.5, "jazz", 0.4, generator=seeded())
    assert np.isfinite(made.audio).all() and len(made.audio) >= 2 * STEREO_RATE
