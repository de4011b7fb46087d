"""The rhythm rows of the piano roll: beats, and the phase between them."""

import librosa
import numpy as np
import pytest

from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.music import beats as tracking
from noteninja_lib.music.transcription import find_bar


def strokes(tempo, seconds, seed, unsteady=0.0):
    """Onset strength with a stroke on each beat, weaker ones between, and noise."""
    random, frames = np.random.default_rng(seed), int(seconds * tracking.FRAME_RATE)
    onsets = 0.1 * random.random(frames)
    for number, time in enumerate(np.arange(0.3, seconds - 0.1, 30 / tempo)):
        place = (time + unsteady * random.normal()) * tracking.FRAME_RATE
        onsets += (0.4 if number % 2 else 1.0) * np.exp(-0.5 * (np.arange(frames) - place) ** 2)
    return onsets.astype(np.float32)


@pytest.mark.parametrize(
    "tempo, seconds, unsteady", [(70, 30, 0), (96, 10, 0.01), (120, 3, 0), (132, 20, 0.02), (180, 10, 0.005)]
)
def test_beats_are_those_of_librosa(tempo, seconds, unsteady):
    onsets = strokes(tempo, seconds, int(tempo), unsteady)
    period = round(60 * tracking.FRAME_RATE / tempo)
    known = {"bpm": 60 * tracking.FRAME_RATE / period, "trim": False}
    beats = librosa.beat.beat_track(onset_envelope=onsets, sr=SAMPLE_RATE, hop_length=256, **known)[1]
    np.testing.assert_array_equal(tracking.find_beats(onsets, np.full(len(onsets), float(period))), beats)


@pytest.mark.parametrize(
    "onsets", [np.zeros(500, np.float32), np.eye(1, 400, 50, dtype=np.float32)[0], np.ones(90, np.float32)]
)
def test_hardly_any_onsets_are_no_fault(onsets):
    beats = tracking.track_beats(onsets, np.stack([onsets] * 3))
    assert len(beats) < 6 and np.isfinite(tracking.beat_phase(beats, len(onsets))).all()


def band(tempo, seconds, accents=(1.0, 0.4), wander=0.0, seed=0):
    """Onset strength in three bands: basses on the beats, middle sounds at all halves; and when beats are."""
    random, frames = np.random.default_rng(seed), int(seconds * tracking.FRAME_RATE)
    rows = 0.02 * random.random((3, frames)).astype(np.float32)
    halves = np.arange(0, 2 * int(seconds * tempo / 60) + 2) / 2
    times = 0.4 + 60 / tempo * (halves + wander * 16 / (2 * np.pi) * np.sin(2 * np.pi * halves / 16))
    for number, time in enumerate(times):
        shape = np.exp(-0.5 * (np.arange(frames) - time * tracking.FRAME_RATE) ** 2)
        rows[0] += (number % 2 == 0) * shape
        rows[1] += accents[number % 2] * shape
    return rows, times[::2][times[::2] < seconds]


def tempo_of(rows):
    beats = tracking.track_beats(rows.mean(0), rows)
    return 60 * (len(beats) - 1) / (beats[-1] - beats[0])


def test_beats_lie_on_the_strokes_even_when_the_tempo_changes_after_a_minute():
    minute = 60 * 86
    rows = np.concatenate([band(tempo, 60)[0][:, :minute] for tempo in (100, 130)], axis=1)
    beats = tracking.track_beats(rows.mean(0), rows)
    assert np.all(np.diff(beats) > 0)
    for tempo, begin, first in ((100, 5, 0.4), (130, 65, minute / tracking.FRAME_RATE + 0.4)):
        here = beats[(beats > begin) & (beats < begin + 50)]
        off = (here - first) * tempo / 60
        assert np.abs(off - np.round(off)).max() < 0.06 and len(here) == pytest.approx(50 * tempo / 60, abs=2)


@pytest.mark.parametrize("tempo", [84, 96, 110, 138])
def test_the_tempo_is_right(tempo):
    assert tempo_of(band(tempo, 20)[0]) == pytest.approx(tempo, rel=0.02)


def test_a_tempo_that_wanders_is_followed():
    """Rubato: 15 % faster and slower, again and again."""
    rows, truth = band(100, 30, wander=0.15)
    beats = tracking.track_beats(rows.mean(0), rows)
    near = [np.abs(beats - time).min() for time in truth[2:-2]]
    assert max(near) < 0.05 and len(beats) == pytest.approx(len(truth), abs=2)


@pytest.mark.parametrize("tempo", [62, 200, 240, 260])
def test_half_and_double_are_named_where_they_are_nearly_as_likely(tempo):
    rows = band(tempo, 20, accents=(1.0, 0.1))[0]
    heard = tempo_of(rows)
    named = (heard, *tracking.other_tempi(rows, heard))
    assert min(abs(one / tempo - 1) for one in named) < 0.03 and len(named) < 5
    assert not any(abs(one / heard - 1) < 0.2 for one in named[1:])


def test_a_clear_tempo_has_no_other():
    rows = band(100, 20)[0]
    assert tracking.other_tempi(rows, tempo_of(rows)) == ()
    scores = tracking.tempo_scores(rows)
    assert np.exp(scores).sum() == pytest.approx(1, abs=1e-4)
    assert tracking.TEMPI[scores.argmax()] == pytest.approx(100, rel=0.02)


def test_beat_phase_is_one_on_the_beats():
    beats = np.arange(0.5, 10, 0.5)
    phase = tracking.beat_phase(beats, 800)
    columns = np.round(beats[beats < 9] * tracking.FRAME_RATE).astype(int)
    assert phase[0, columns].min() > 0.95
    assert phase[0, columns + round(0.25 * tracking.FRAME_RATE)].max() < -0.9
    assert not tracking.beat_phase([], 10).any()


def test_low_middle_and_high_onsets_have_a_row_each():
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    audio = sum(
        0.3 * np.sin(2 * np.pi * hertz * time) * (time > second)
        for hertz, second in ((80, 0.5), (1000, 1.0), (8000, 1.5))
    )
    rows, _ = tracking.hear_rhythm(audio.astype(np.float32))
    assert rows.shape == (3, len(audio) // 256) and rows.dtype == np.float32
    for row, second in zip(rows, (0.5, 1.0, 1.5)):
        assert abs(row.argmax() / tracking.FRAME_RATE - second) < 0.1


@pytest.mark.parametrize("beats_in_bar, first", [(4, 0), (4, 3), (3, 2), (5, 1), (5, 4)])
def test_bars_are_found_by_their_strong_beats(beats_in_bar, first):
    accents = np.random.default_rng(0).normal(size=60)
    accents[first::beats_in_bar] += 1.5
    assert find_bar(accents) == (f"{beats_in_bar}/4", first)


def test_five_beats_in_a_bar_are_not_heard_by_chance():
    """Half a minute has few bars, some of which fit any number of beats."""
    drawn = [find_bar(np.random.default_rng(seed).normal(size=35))[0] for seed in range(200)]
    assert drawn.count("5/4") < 6 and drawn.count("4/4") > 150
