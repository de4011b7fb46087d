"""Difficult sources: halls and crowds are as strong as was asked for, and the figures put both rivals
where they belong."""

import json
import re

import numpy as np
import pytest

from benchmarks import acoustic_conditions, all_measures
from benchmarks.acoustic_conditions import CONDITIONS, crowd, hall, make_difficult
from benchmarks.comparison import Row
from benchmarks.harness import aligned
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio import SAMPLE_RATE
from noteninja_lib.evaluation.baselines import SECONDS

CLICKS = np.zeros(3 * SAMPLE_RATE, np.float32)
CLICKS[5000::22050] = 0.5


def noise(seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, 3 * SAMPLE_RATE).astype(np.float32)


def energy(sound):
    return float(np.sum(np.square(sound, dtype=np.float64)))


@pytest.mark.parametrize("seconds", [0.6, 1.5])
def test_a_hall_begins_with_the_direct_sound_and_rings_as_long_as_was_asked_for(seconds):
    heard = hall(np.random.default_rng(2), seconds)
    assert heard.shape == (round(seconds * SAMPLE_RATE),) and heard[0] == pytest.approx(1, abs=0.02)
    assert energy(heard[1:]) > 2  # far away: the walls are louder than the source
    left = np.cumsum(heard[:0:-1] ** 2)[::-1]  # Schroeder: what is still to come
    fall = 10 * np.log10(left / left[0])
    assert 3 * (np.argmax(fall < -25) - np.argmax(fall < -5)) / SAMPLE_RATE == pytest.approx(seconds, rel=0.3)


def test_a_hall_takes_the_treble_first():
    late = hall(np.random.default_rng(2), 1.5)[SAMPLE_RATE // 2 : SAMPLE_RATE]
    power = np.abs(np.fft.rfft(late)) ** 2  # half a second: bins of 2 Hz
    assert power[100:500].mean() > 10 * power[2000:4000].mean()


def test_a_hall_of_two_walls_has_its_echo_where_geometry_puts_it(monkeypatch):
    monkeypatch.setattr(
        acoustic_conditions, "WALLS", ((10, 10), (400, 400), (400, 400))
    )  # the other walls are far
    draw = np.random.default_rng(0)
    draws = iter(
        [np.full(3, 0.5), np.array([0.8, 0.5, 0.5])]
    )  # microphone at 5 m, source at 8 m, on one line

    class Fixed:
        def uniform(self, low, high, size=None):
            return next(draws) if size else draw.uniform(low, high)

    heard = hall(Fixed(), 0.5)
    echoes = 1 + np.argsort(-np.abs(heard[1:2000]))[:2]
    ways = (echoes / SAMPLE_RATE * 343 + 3).round(1)  # by the near wall 2 + 5 m, by the far one 8 + 5 m
    assert sorted(ways) == pytest.approx([7, 13], abs=0.1)


def test_a_crowd_speaks_and_is_never_twice_the_same():
    sound, other = (crowd(np.random.default_rng(seed), 3 * SAMPLE_RATE) for seed in (0, 1))
    assert sound.shape == (3 * SAMPLE_RATE,) and abs(np.corrcoef(sound, other)[0, 1]) < 0.1
    power = np.abs(np.fft.rfft(sound)) ** 2  # 3 s: bins of a third of a hertz
    assert (
        power[300:12000].sum() > 0.9 * power.sum() and power[300:3000].mean() > 10 * power[9000:12000].mean()
    )
    loud = np.sqrt((sound[: 3 * SAMPLE_RATE // 1000 * 1000].reshape(-1, 1000) ** 2).mean(1))
    steady = np.sqrt((noise()[: 3 * SAMPLE_RATE // 1000 * 1000].reshape(-1, 1000) ** 2).mean(1))
    assert loud.std() / loud.mean() > 5 * steady.std() / steady.mean()  # syllables come and go


def test_conditions_are_as_strong_as_their_names_say():
    assert np.array_equal(make_difficult(noise(), "clean", np.random.default_rng(0)), noise())
    for condition in ("crowd_10", "crowd_5"):
        added = make_difficult(noise(), condition, np.random.default_rng(0)) - noise()
        assert 10 * np.log10(energy(noise()) / energy(added)) == pytest.approx(
            CONDITIONS[condition][1], abs=0.01
        )
    lost = make_difficult(noise(), "mp3_64", np.random.default_rng(0)) - noise()
    assert 0.02 < energy(lost) / energy(noise()) < 0.8


@pytest.mark.parametrize("condition", list(CONDITIONS))
def test_a_difficult_source_is_in_time_and_within_limits(condition):
    sound = make_difficult(
        4 * CLICKS, condition, np.random.default_rng(1)
    )  # beyond full scale: turned down, not cut off
    assert sound.shape == CLICKS.shape and sound.dtype == np.float32
    assert condition in ("clean", "mp3_64") or np.abs(sound).max() <= 1
    lags = np.correlate(sound[3000:60000], CLICKS[4000:50000], "valid")
    assert abs(int(np.argmax(lags)) - 1000) <= 1


MELODIES = [
    [Note(0.5 * n + 0.1, 0.5 * n + 0.5, 60 + (start + step * n) % 12, 90) for n in range(10)]
    for start, step in ((0, 5), (1, 7), (2, 5))
]


def row(baseline, number, found, judge=True):
    """A row in which some notes were heard, whatever was asked for."""
    melody = MELODIES[number]
    onsets = np.zeros((88, 600), np.uint8)
    for note in found:
        onsets[note.pitch - 21, round(note.start * 86.13)] = 255
    figures = {"note_f1": all_measures.matched_notes(melody, found), "likeness": float(found is melody)}
    if baseline != "heard":
        figures |= {"chroma_cosine": 0.5, "right_recording_of_10": judge, "judge": judge}
    return Row(baseline, "jazz", number, figures, melody, found, onsets, None)


def found_rows():
    """Three tunes: clean, both rivals are perfect; in the crowd the other one hears another tune, and the
    wrong genre."""
    found = []
    for number, melody in enumerate(MELODIES):
        wrong = MELODIES[(number + 1) % 3]
        clean = [row(baseline, number, melody) for baseline in ("ours", "transcribe", "heard", "decoded")]
        noisy = [
            row("ours", number, melody),
            row("transcribe", number, wrong, False),
            row("heard", number, melody[:5]),
        ]
        chroma = all_measures.onset_chroma(clean[0].onsets / 255)
        found.append(({"clean": clean, "crowd_5": noisy}, dict.fromkeys(GENRES, chroma)))
    return found


def test_figures_of_known_rows():
    figures = acoustic_conditions.figures_of(found_rows())
    clean, noisy = figures["clean"], figures["crowd_5"]
    assert set(clean) == {"ours", "transcribe", "heard", "ahead"}
    assert clean["ours"]["tune_kept_note_f1"][0] == clean["transcribe"]["right_tune"][0] == 1
    assert clean["ahead"]["note_f1"] == [0, 0, 0]
    assert noisy["ours"]["tune_kept_note_f1"][0] == 1 and noisy["transcribe"]["tune_kept_note_f1"][0] < 0.3
    assert noisy["transcribe"]["right_tune"][0] == 0 and noisy["heard"]["note_f1"][0] == pytest.approx(
        2 / 3, abs=0.01
    )
    assert noisy["ahead"]["judge"] == [1, 1, 1] and noisy["ahead"]["chroma_cosine"] == [0, 0, 0]
    kept = noisy["ours"]["tune_kept_note_f1"][0] - noisy["transcribe"]["tune_kept_note_f1"][0]
    assert noisy["ahead"]["tune_kept_note_f1"][0] == pytest.approx(kept, abs=1e-3)
    assert noisy["ahead"]["tune_kept_likeness"] == [1, 1, 1]


def test_the_report_writes_what_it_prints_and_marks_who_is_ahead(tmp_path, monkeypatch, capsys):
    answers = dict(zip(("first", "second", "third"), found_rows()))
    monkeypatch.setattr(acoustic_conditions, "choose_tunes", lambda count, seed: list(answers)[:count])
    monkeypatch.setattr(acoustic_conditions, "measure_tune", lambda number, **_: answers[number])
    figures = acoustic_conditions.report(3, tmp_path / "difficult.json", workers=1)
    assert json.loads((tmp_path / "difficult.json").read_text()) == figures and figures["tunes"] == 3
    printed = capsys.readouterr().out
    assert "\n".join(aligned(acoustic_conditions.lines(figures))) in printed
    lines = {re.split("  +", line)[0]: line for line in printed.splitlines()}
    assert "**" not in lines[CONDITIONS["clean"][-1]]
    assert lines[CONDITIONS["crowd_5"][-1]].count("**1.00** / 0.00") == 5  # all but the chroma cosine


def test_a_tune_is_measured_in_each_condition():
    rows, chroma = acoustic_conditions.measure_tune(7, conditions=("clean", "all"))
    assert [[row.baseline for row in some] for some in rows.values()] == [
        ["ours", "transcribe", "heard", "decoded"],
        ["ours", "transcribe", "heard"],
    ]
    assert set(chroma) == set(GENRES)
    clean, degraded = ({row.baseline: row for row in some} for some in rows.values())
    assert (
        clean["heard"].figures["note_f1"] > 0.5
        and clean["heard"].figures["note_f1"] >= degraded["heard"].figures["note_f1"] - 0.1
    )
    assert {row.onsets.shape for row in (*clean.values(), *degraded.values())} == {
        (88, int(SECONDS * SAMPLE_RATE) // 256)
    }
    for row in (clean["ours"], degraded["transcribe"]):
        assert row.target in GENRES and 0 <= row.figures["chroma_cosine"] <= 1
        assert {"judge", "right_recording_of_10"} < set(row.figures)
