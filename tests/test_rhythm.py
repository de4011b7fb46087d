"""The rhythm rows of the piano roll: beats, and the phase between them."""

import librosa
import numpy as np
import pytest

from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.music import beats as tracking


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
    found, beats = librosa.beat.beat_track(onset_envelope=onsets, sr=SAMPLE_RATE, hop_length=256, trim=False)
    assert 60 * tracking.FRAME_RATE / tracking.beat_period(onsets) == pytest.approx(float(np.squeeze(found)))
    np.testing.assert_array_equal(tracking.find_beats(onsets), beats)


def test_beats_lie_on_the_strokes_even_when_the_tempo_changes_after_a_minute():
    onsets = np.concatenate([strokes(100, 60, 1)[: 60 * 86], strokes(140, 60, 2)[: 60 * 86]])
    beats = tracking.track_beats(onsets)
    assert np.all(np.diff(beats) > 0)
    for tempo, begin, first in ((100, 5, 0.3), (140, 65, 60 * 86 / tracking.FRAME_RATE + 0.3)):
        here = beats[(beats > begin) & (beats < begin + 50)]
        off = (here - first) * tempo / 60
        assert np.abs(off - np.round(off)).max() < 0.06 and len(here) == pytest.approx(50 * tempo / 60, abs=2)


@pytest.mark.parametrize(
    "onsets", [np.zeros(500, np.float32), np.eye(1, 400, 50, dtype=np.float32)[0], np.ones(90, np.float32)]
)
def test_hardly_any_onsets_are_no_fault(onsets):
    beats = tracking.track_beats(onsets)
    assert len(beats) < 6 and np.isfinite(tracking.beat_phase(beats, len(onsets))).all()


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
