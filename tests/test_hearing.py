"""What the piano roll can carry, on constructed cases whose answer is known."""

import json

import numpy as np
import pytest

from benchmarks import note_recall
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.music.piano_roll import from_notes

TUNE = [Note(0.4 * n, 0.4 * n + 0.4, pitch, 90) for n, pitch in enumerate((60, 64, 67, 65, 62, 71, 69, 72))]
CHORDS = [Note(0.8 * n, 0.8 * n + 0.8, 48, 70) for n in range(4)]


def moved(semitones):
    return [Note(note.start, note.end, note.pitch + semitones, 90) for note in TUNE]


@pytest.mark.filterwarnings("ignore:Estimated melody has no voiced frames")
@pytest.mark.parametrize(
    "melody, expected",
    [
        (TUNE, (1, 1, 1, 1)),
        (moved(12), (1, 0, 1, 1)),  # another octave
        (TUNE[:4], (2 / 3, 2 / 3, 0.5, 0.5)),  # half of the notes, all of them right
        ([], (0, 0, 0, 0)),
    ],
)
def test_measures_of_known_pictures(melody, expected):
    found = note_recall.measures_of(TUNE, from_notes(melody, [], 3.2))
    assert list(found) == list(note_recall.MEASURES)
    assert list(found.values()) == pytest.approx(expected, abs=0.03)


def test_the_wrong_lead_costs_the_melody_but_not_the_likeness():
    found = note_recall.measures_of(TUNE, from_notes(CHORDS, TUNE, 3.2))
    assert found["likeness"] == 1 and found["note_f1"] < 0.4 and found["pitch_class"] < 0.3


def test_retrieval_counts_the_right_neighbours():
    tunes = np.eye(4)
    mixed_up = tunes[[0, 1, 3, 2]]
    found = note_recall.retrieval({"jazz": tunes, "rock": tunes, "pop": mixed_up})
    assert found["among"] == 4 and found["worst"] == 0.5 and "pop" in found["worst_pair"]
    assert found["mean"] == pytest.approx((2 * 1 + 4 * 0.5) / 6, abs=1e-4)


def test_tunes_of_the_plan_are_strangers_and_shared_by_all_genres():
    jobs = note_recall.plan(6, seed=1)
    assert [job.genre for job in jobs] == list(GENRES) * 6
    assert len({job.tune.family for job in jobs}) == 6 and {job.tune.split for job in jobs} == {"test"}
    assert len({(job.tune.name, job.tempo, job.swing) for job in jobs}) == 6
    assert jobs == note_recall.plan(6, seed=1) and jobs != note_recall.plan(6, seed=2)


def test_the_report_marks_a_genre_that_is_not_heard(tmp_path, monkeypatch, capsys):
    def heard(job):
        value = 0.5 if job.genre == "metal" else 0.9
        return {
            coding: (dict.fromkeys(note_recall.MEASURES, value), np.eye(2)[int(job.tune.name[-1])])
            for coding in note_recall.CODINGS
        }

    tunes = [type("Tune", (), {"name": f"tune-{number}"}) for number in range(2)]
    monkeypatch.setattr(note_recall, "hear", heard)
    monkeypatch.setattr(
        note_recall,
        "plan",
        lambda count, seed: [note_recall.Job(tune, genre, 0, 100, 0) for tune in tunes for genre in GENRES],
    )
    out = tmp_path / "hearing.json"
    figures = note_recall.report(2, out, workers=1)
    assert json.loads(out.read_text()) == figures
    marked = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "below 60 %" in line]
    assert marked == ["metal"] * len(note_recall.CODINGS)
    assert figures["recording"]["together"]["note_f1"][0] == pytest.approx(0.86)
    assert figures["recording"]["retrieval"]["mean"] == 1


def test_a_real_recording_is_heard():
    found = note_recall.hear(note_recall.plan(1, seed=0)[note_recall.GENRES.index("classical")])
    for coding in note_recall.CODINGS:
        values, chroma = found[coding]
        assert values["likeness"] > 0.5 and values["note_f1"] > 0.4
        assert np.linalg.norm(chroma) == pytest.approx(1, abs=1e-3)
