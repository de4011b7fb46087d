"""A conversion that is given out while it is made, with the trained networks; and its parts without them."""

import gc
import weakref

import numpy as np
import pytest
import torch

from noteninja_lib import data_folder, streaming
from noteninja_lib.audio.io import SAMPLE_RATE, levels, limit, limit_blocks, load, loudness, mono, to_flac
from noteninja_lib.audio.spectrogram import log_mel
from noteninja_lib.errors import Stopped, UserError
from noteninja_lib.models import flow_matching
from noteninja_lib.models.flow_matching import CONTEXT, HOP, OVERLAP
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import Recording, Source, Voice, read_recording
from noteninja_lib.streaming import Band, Singer, streams, windows

RATE, SONGS = 44100, sorted((data_folder() / "songs").glob("*.mp3"))
SECONDS = 18.0  # two windows


def seeded(number=0):
    return torch.Generator().manual_seed(number)


@pytest.fixture(scope="module")
def pipe():
    """The trained pipeline, without fast mode, which takes only the first seconds of a song."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTENINJA_FAST", "0")
        yield load_pipeline()


@pytest.fixture(scope="module")
def song():
    return load(SONGS[0], duration=SECONDS)


@pytest.fixture(scope="module")
def parts(pipe, song):
    return list(pipe.stream(song, "jazz", generator=seeded()))


@pytest.fixture(scope="module")
def whole(pipe, song):
    return pipe(song, "jazz", generator=seeded()).audio


# ---- windows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [4, 252, 256, 260, 700, 736, 740, 5168])
def test_windows_follow_each_other_to_the_end(frames):
    found = windows(frames)
    assert [ready.start for _, ready in found] == [0] + [ready.stop for _, ready in found[:-1]]
    assert found[-1][0].stop == found[-1][1].stop == frames
    for (window, _), (following, _) in zip(found, found[1:]):
        assert 0 <= following.start <= window.stop - OVERLAP
    for window, ready in found:
        assert window.start % 4 == 0 and window.stop - window.start <= flow_matching.CHUNK
        assert ready.stop == frames or ready.stop + CONTEXT + OVERLAP == window.stop


def test_what_is_known_is_held_and_fades_into_what_is_new():
    known, noise, new = (torch.full((1, 8, 24, 160), value) for value in (0.0, 1.0, 5.0))
    share = flow_matching.share_known(160, 100 - OVERLAP, np.inf)
    held = flow_matching.hold(new.clone(), known, share, noise, 0.25)[0, 0, 0]
    assert torch.allclose(held[: 100 - OVERLAP], torch.tensor(0.25))  # a quarter of the noise, none of music
    assert torch.all(held[100:] == 5) and torch.all(held[100 - OVERLAP : 101].diff() > 0)


def test_what_can_be_given_out_at_once():
    assert streams("song.mp3", "jazz") and streams(np.zeros(9), {"jazz": 1, "pop": 1}, rate=1.0)
    for song in ("tune.mid", "page.PNG", "tune.abc", object()):
        assert not streams(song, "jazz")
    for changes in ({"mood": "sad"}, {"rate": 0.8}, {"tempo": 90.0}, {"seconds": 30.0}, {"latents": noise}):
        assert not streams("song.mp3", "jazz", **changes)
    assert streams("song.mp3", "jazz", mood="neutral")
    assert not streams("song.mp3", [(0, "jazz"), (1, "pop")])


def noise(roll):
    return None


# ---- sound ----------------------------------------------------------------------------------------------


def test_limited_in_blocks_it_is_the_same():
    audio = np.random.default_rng(0).normal(0, 0.5, (3 * RATE, 2)).astype(np.float32)
    for size in (300, 20_000):
        blocks = list(limit_blocks((audio[n : n + size] for n in range(0, len(audio), size)), 0.6, RATE))
        np.testing.assert_allclose(np.concatenate(blocks), limit(audio, 0.6, 1.0, RATE), atol=1e-6)
    assert list(limit_blocks([], 0.6, RATE)) == []


def test_loudness_goes_over_without_a_jump():
    """A tone, to be three times as loud in its second stretch: the envelope has no step where they meet."""
    time = np.arange(8 * RATE) / RATE
    tone = np.repeat(np.sin(2 * np.pi * 441 * time)[:, None], 2, 1).astype(np.float32)
    song = 0.1 * np.sin(2 * np.pi * 441 * np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    half, middle = 4 * SAMPLE_RATE, 4 * RATE
    song[half:] *= 3
    band, made = Band(Recording(song, len(song), None)), []
    for number, (own, heard) in enumerate(zip(np.split(0.3 * tone, 2), np.split(song, 2))):
        made.append(band.next(own, levels(heard), loudness(heard) + 3))
        assert abs(loudness(made[-1][2 * RATE :], RATE) - loudness(heard[half // 2 :]) - 3) < 1, number
    made = np.concatenate(made)
    assert made[: 2 * RATE].max() < 0.4 * made[-RATE:].max()
    envelope = np.abs(made[:, 0]).reshape(-1, 100).max(1)  # a period of the tone
    at = middle // 100
    assert np.abs(np.diff(envelope[at - 20 : at + 20])).max() < 0.03 * envelope[at - 1]
    assert (
        np.abs(np.diff(made[middle - 50 : middle + 50, 0], 2)).max()
        < 1.5 * np.abs(np.diff(made[middle - 5000 : middle - 50, 0], 2)).max()
    )


def test_a_voice_is_faded_from_one_window_to_the_next():
    def heard(level, frames=40):
        samples = np.zeros(frames * HOP, np.float32)
        voice = Voice(np.full((2 * len(samples), 2), level, np.float16), [], None) if level else None
        return Source(samples, samples, None, voice)

    singer, here = Singer(), (slice(0, 20), slice(5, 25), slice(5, 25), slice(5, 25))
    found = [singer.next(heard(level), part) for level, part in zip((0, 0.5, 0, 0), here)]
    assert found[0] is None and found[3] is None  # nobody sings, and nobody did just before
    assert found[1].shape == found[2].shape == (20 * 2 * HOP, 2)
    joined = np.concatenate([np.zeros((1, 2), np.float32), *found[1:3]])[:, 0]
    assert np.abs(np.diff(joined)).max() < 1e-4 and joined.max() == 0.5 and joined[-1] == 0


def test_flac_keeps_every_sample():
    import io

    import soundfile

    audio = np.random.default_rng(0).uniform(-0.5, 0.5, (5001, 2)).astype(np.float32)
    read, rate = soundfile.read(io.BytesIO(to_flac(audio, RATE)))
    assert rate == RATE and read.shape == audio.shape and np.abs(read - audio).max() < 1e-4


# ---- conversions ----------------------------------------------------------------------------------------


def test_parts_are_as_long_as_the_song(parts, song, whole):
    assert len(parts) >= 2 and 5 * RATE < len(parts[0]) < 12 * RATE
    assert all(part.dtype == np.float32 and part.ndim == 2 and part.shape[1] == 2 for part in parts)
    made = np.concatenate(parts)
    assert made.shape == whole.shape == (2 * len(song), 2)
    assert np.isfinite(made).all() and np.abs(made).max() <= 0.98 + 1e-6
    assert abs(loudness(made, RATE) - loudness(whole, RATE)) < 1.5


def test_it_is_the_conversion_of_the_same_seed(pipe, song, parts, whole):
    made, saved = log_mel(mono(np.concatenate(parts))), log_mel(mono(whole))
    alike = np.corrcoef(made.ravel(), saved.ravel())[0, 1]
    other = log_mel(mono(pipe(song, "jazz", generator=seeded(1)).audio))
    assert alike > 0.95 and alike > np.corrcoef(other.ravel(), saved.ravel())[0, 1] + 0.02


def test_there_is_no_click_where_parts_meet(parts):
    made, place = np.concatenate(parts), len(parts[0])
    jumps = np.abs(np.diff(made, 2, axis=0)).max(1)
    around = jumps[place - RATE : place + RATE]
    assert jumps[place - 4 : place + 4].max() < np.percentile(around, 99.9)


def test_the_same_seed_gives_the_same_sound(pipe, song, parts):
    again = pipe.stream(song, "jazz", generator=seeded())
    np.testing.assert_array_equal(next(again), parts[0])
    again.close()
    other = next(pipe.stream(song, "jazz", generator=seeded(1)))
    assert not np.allclose(other, parts[0], atol=1e-3)


def test_closed_early_it_keeps_nothing(pipe, song, monkeypatch):
    listened, seen = streaming.listen, []

    def listen(*arguments):
        source = listened(*arguments)
        seen.append(weakref.ref(source))
        return source

    monkeypatch.setattr(streaming, "listen", listen)
    sounds = pipe.stream(song, "pop", generator=seeded())
    next(sounds)
    assert len(seen) == 1 and seen[0]() is not None
    sounds.close()
    gc.collect()
    assert seen[0]() is None and list(sounds) == []


def test_a_song_of_one_window_is_the_conversion_itself(pipe):
    """With a singer, and not at full strength: all that can be asked for comes through."""
    options = {"strength": 0.6, "voice_gain": 3.0, "num_inference_steps": 2}
    sung = load(SONGS[-1], offset=5.5, duration=6.0)
    made = np.concatenate(list(pipe.stream(sung, "rock", generator=seeded(), **options)))
    saved = pipe(sung, "rock", generator=seeded(), **options)
    assert saved.voice == "keep" and made.shape == saved.audio.shape
    assert np.corrcoef(log_mel(mono(made)).ravel(), log_mel(saved.mono()).ravel())[0, 1] > 0.99
    assert abs(loudness(made, RATE) + 16) < 2


def test_what_has_to_be_made_as_a_whole_is_given_out_in_parts(pipe, song, monkeypatch):
    monkeypatch.setattr(streaming, "PART", 3 * RATE)
    parts = list(pipe.stream(song[: 5 * SAMPLE_RATE], "jazz", generator=seeded(), rate=1.25))
    saved = pipe(song[: 5 * SAMPLE_RATE], "jazz", generator=seeded(), rate=1.25).audio
    assert [len(part) for part in parts] == [3 * RATE, len(saved) - 3 * RATE]
    np.testing.assert_array_equal(np.concatenate(parts), saved)


def test_a_file_is_read_where_it_is_listened_to(tmp_path):
    song = read_recording(SONGS[-1])
    start, stop = 8 * 4096, 30 * 4096
    part = np.concatenate(list(song.stereo(start, stop)))
    everything = np.concatenate(list(song.stereo(0, song.samples)))
    assert abs(len(everything) - 2 * song.samples) <= 2
    np.testing.assert_allclose(part[2000:-2000], everything[2 * start :][: len(part)][2000:-2000], atol=1e-3)


def test_progress_rises_and_may_stop(pipe, song):
    seen = []
    sounds = pipe.stream(song, "pop", progress=lambda done, what: seen.append(done))
    next(sounds)
    sounds.close()
    assert seen == sorted(seen) and seen[0] == 0 and len(seen) > 4 and 0.3 < seen[-1] < 0.7

    def stop(done, what):
        raise Stopped

    with pytest.raises(Stopped):
        next(pipe.stream(song, "pop", progress=stop))


@pytest.mark.parametrize(
    "song, options, sentence",
    [
        (SONGS[0], {"genre": "polka"}, "choose from blues, classical"),
        (SONGS[0], {"strength": 1.5}, "between 0 and 1"),
        (SONGS[0], {"voice": "louder"}, "keep, play or off"),
        (SONGS[0], {"mood": "grumpy"}, "choose from neutral, calm"),
        ("nowhere.mp3", {}, "There is no file nowhere.mp3"),
        (np.zeros(30_000, np.float32), {}, "silent"),
    ],
)
def test_errors_are_told_in_one_sentence_before_the_first_sound(pipe, song, options, sentence):
    with pytest.raises(UserError, match=sentence):
        pipe.stream(song, **{"genre": "jazz", **options})
