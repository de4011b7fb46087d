"""The yardstick on constructed cases whose answer is known."""
import numpy as np
import pytest

from noteninja_lib import evaluation
from noteninja_lib.music.content import Content
from noteninja_lib.music.notation import draw_notes, from_notes
from noteninja_lib.music.performance import Note
from noteninja_lib.pipeline import load_pipeline

TUNE = [Note(0.5 * n + 0.1, 0.5 * n + 0.5, pitch, 90) for n, pitch in enumerate((60, 64, 67, 65, 62, 71, 69, 72, 60, 62))]


def heard(notes, seconds=6.0):
    return from_notes(notes, [], seconds)


def moved(semitones=0, seconds=0.0):
    return [Note(note.start + seconds, note.end + seconds, note.pitch + semitones, 90) for note in TUNE]


def test_note_f1_of_known_cases():
    assert evaluation.note_f1(TUNE, heard(TUNE)) == 1
    assert evaluation.note_f1(TUNE, heard(moved(12))) == 1                      # another octave is the same tune
    assert evaluation.note_f1(TUNE, heard(moved(1))) < 0.3
    assert evaluation.note_f1(TUNE, heard(moved(0, 0.2))) == 0
    assert evaluation.note_f1(TUNE, heard([])) == 0
    half = evaluation.note_f1(TUNE, heard(TUNE[::2]))
    assert half == pytest.approx(2 / 3, abs=0.01)                               # all right, half of them found


def test_onset_chroma_finds_the_same_tune():
    same, octave, other = (evaluation.onset_chroma(heard(notes)) for notes in (TUNE, moved(-12), moved(6, 0.25)))
    assert np.linalg.norm(same) == pytest.approx(1, abs=1e-3)
    assert same @ octave > 0.99 > 0.3 > same @ other
    silent = Content(*(np.zeros((2, 88, 100)) for _ in range(2)), np.zeros((5, 100)))
    assert not evaluation.onset_chroma(silent).any()


def test_spectral_distance_of_known_cases():
    noise = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    assert evaluation.spectral_distance(noise, noise) == 0
    assert evaluation.spectral_distance(noise, noise / 2) < 0.02               # loudness does not count
    assert evaluation.spectral_distance(noise, np.cumsum(noise).astype(np.float32) / 50) > 0.3


def test_bootstrap_holds_the_mean_and_narrows():
    few, many = (evaluation.bootstrap(np.tile([0, 1], times)) for times in (5, 500))
    assert few[0] == many[0] == 0.5
    assert few[1] < many[1] < 0.5 < many[2] < few[2]


def test_a_piece_is_one_tune_in_step_in_all_genres():
    piece = next(evaluation.pieces(1, seed=2))
    assert len(piece.recordings) == 10 and piece.source in piece.recordings
    assert {len(audio) for audio in piece.recordings.values()} == {int(evaluation.SECONDS * 22050)}
    again = piece.replay("jazz")
    assert len(again) == len(piece.recordings["jazz"]) and not np.allclose(again, piece.recordings["jazz"])


def test_evaluation_gives_every_figure_with_its_interval():
    *counts, figures = evaluation.evaluate(load_pipeline(), tunes=2, targets=1)
    assert counts == [(1, 2), (2, 2)]
    for name in ("right_recording_of_10", "right_tune_of_24", "tune_kept_likeness", "judge", "judge_oracle", "note_f1_oracle"):
        mean, low, high = figures[name]
        assert low <= mean <= high
    assert figures["likeness_source"][0] > 0.5


def test_drawn_notes_outside_the_piano_are_left_out():
    assert not draw_notes([Note(0, 1, 5, 90), Note(0, 1, 120, 90)], 100).any()
