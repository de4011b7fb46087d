"""The yardstick on constructed cases whose answer is known."""

import json
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest

from benchmarks import __main__ as commands
from benchmarks import all_measures, evaluation, tables
from benchmarks.comparison import Row
from benchmarks.evaluation import Setting
from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.synthesis import sketch
from noteninja_lib.audio.io import SAMPLE_RATE, loudness
from noteninja_lib.errors import UserError
from noteninja_lib.evaluation import baselines
from noteninja_lib.evaluation.baselines import SECONDS, make_piece
from noteninja_lib.music.piano_roll import PianoRoll, draw_notes, from_notes
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.source import hear

TUNE = [
    Note(0.5 * n + 0.1, 0.5 * n + 0.5, pitch, 90)
    for n, pitch in enumerate((60, 64, 67, 65, 62, 71, 69, 72, 60, 62))
]


def heard(notes, seconds=6.0):
    return from_notes(notes, [], seconds)


def moved(semitones=0, seconds=0.0):
    return [Note(note.start + seconds, note.end + seconds, note.pitch + semitones, 90) for note in TUNE]


def tones(pitches, seconds=0.5):
    """A sound with one tone (and its octave, faintly) after the other."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    parts = [
        0.3 * np.sin(2 * np.pi * librosa.midi_to_hz(p) * time)
        + 0.05 * np.sin(4 * np.pi * librosa.midi_to_hz(p) * time)
        for p in pitches
    ]
    return np.concatenate(parts).astype(np.float32)


MELODY = (72, 76, 79, 77, 74, 83, 81, 72, 65, 70, 63, 68)
SOUND, SILENCE = tones(MELODY), np.zeros(int(0.5 * SAMPLE_RATE) * len(MELODY), np.float32)


def test_note_f1_of_known_cases():
    assert all_measures.note_f1(TUNE, heard(TUNE)) == 1
    assert all_measures.note_f1(TUNE, heard(moved(12))) == 1  # another octave is the same tune
    assert all_measures.note_f1(TUNE, heard(moved(12)), octaves=True) == 0
    assert all_measures.note_f1(TUNE, heard(moved(1))) < 0.3
    assert all_measures.note_f1(TUNE, heard(moved(0, 0.2))) == 0
    assert all_measures.note_f1(TUNE, heard([])) == 0
    half = all_measures.note_f1(TUNE, heard(TUNE[::2]))
    assert half == pytest.approx(2 / 3, abs=0.01)  # all right, half of them found


def test_raw_pitch_accuracy_of_known_cases():
    assert all_measures.raw_pitch_accuracy(TUNE, heard(TUNE)) > 0.97
    assert (
        all_measures.raw_pitch_accuracy(TUNE, heard(moved(12)))
        < 0.1
        < 0.97
        < all_measures.raw_pitch_accuracy(TUNE, heard(moved(12)), octaves=False)
    )
    assert all_measures.raw_pitch_accuracy(TUNE, heard(moved(1))) < 0.1
    assert (
        all_measures.raw_pitch_accuracy(TUNE, heard([]))
        == all_measures.raw_pitch_accuracy([], heard(TUNE))
        == 0
    )
    assert all_measures.raw_pitch_accuracy(TUNE, heard(TUNE[:5])) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    "measure", [all_measures.chroma_cosine, all_measures.melody_accuracy, all_measures.cqt1_correlation]
)
def test_measures_of_the_papers_know_the_same_from_another_tune(measure):
    shuffled = tones(np.random.default_rng(1).permutation(MELODY))
    assert measure(SOUND, SOUND) == pytest.approx(1)
    assert measure(SOUND, shuffled) < 0.35
    assert measure(SOUND, SILENCE) == measure(SILENCE, SOUND) == measure(SILENCE, SILENCE) == 0


def test_measures_of_the_papers_on_a_transposed_tune():
    higher, octave = (tones(np.array(MELODY) + steps) for steps in (3, 12))
    assert (
        all_measures.chroma_cosine(SOUND, higher) < 0.2 and all_measures.melody_accuracy(SOUND, higher) < 0.2
    )
    assert (
        all_measures.chroma_cosine(SOUND, octave) > 0.9 and all_measures.melody_accuracy(SOUND, octave) > 0.9
    )
    assert (
        all_measures.cqt1_correlation(SOUND, higher) > 0.95
    )  # a correlation forgives a shift; that is its definition
    half = np.concatenate([SOUND[: len(SOUND) // 2], higher[len(SOUND) // 2 :]])
    assert all_measures.melody_accuracy(SOUND, half) == pytest.approx(0.5, abs=0.1)


def test_log_spectral_distance_of_known_cases():
    noise = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    assert all_measures.log_spectral_distance(noise, noise) == 0
    assert all_measures.log_spectral_distance(noise, noise / 2) == pytest.approx(
        6.02, abs=0.02
    )  # half is 6 dB less
    assert all_measures.log_spectral_distance(noise, 0 * noise) > 20
    assert all_measures.log_spectral_distance(0 * noise, 0 * noise) == 0


def test_spectral_distance_of_known_cases():
    noise = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    assert all_measures.spectral_distance(noise, noise) == 0
    assert all_measures.spectral_distance(noise, noise / 2) < 0.02  # loudness does not count
    assert all_measures.spectral_distance(noise, np.cumsum(noise).astype(np.float32) / 50) > 0.3


def test_a_steady_or_dull_sound_has_weaker_edges():
    noise = np.random.default_rng(0).normal(0, 0.1, 60_000).astype(np.float32)
    sharp, steady, rough, dull = map(
        all_measures.edges, (SOUND, tones([72], 6.0), noise, np.convolve(noise, np.ones(8) / 8, "same"))
    )
    assert steady["sharpness_in_time"] < 0.5 * sharp["sharpness_in_time"]
    assert (
        rough["sharpness_in_frequency"] < sharp["sharpness_in_frequency"]
    )  # noise has no lines in its spectrum
    assert dull["treble"] < 0.5 * rough["treble"]


def test_frechet_distance_of_known_gaussians():
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(20_000, 3))
    assert all_measures.frechet_distance(rows, rows) == pytest.approx(0, abs=1e-6)
    assert all_measures.frechet_distance(rows, rows + [2, 0, 0]) == pytest.approx(4, abs=0.01)
    assert all_measures.frechet_distance(rows, 3 * rows) == pytest.approx(3 * (1 - 3) ** 2, abs=0.3)


def test_onset_chroma_finds_the_same_tune():
    same, octave, other = (
        all_measures.onset_chroma(heard(notes).notes[0]) for notes in (TUNE, moved(-12), moved(6, 0.25))
    )
    assert np.linalg.norm(same) == pytest.approx(1, abs=1e-3)
    assert same @ octave > 0.99 > 0.3 > same @ other
    silent = PianoRoll(*(np.zeros((2, 88, 100)) for _ in range(2)), np.zeros((3, 100)), [])
    assert not all_measures.onset_chroma(silent.notes[0]).any()


def test_bootstrap_holds_the_mean_and_narrows():
    few, many = (all_measures.bootstrap(np.tile([0, 1], times)) for times in (5, 500))
    assert few[0] == many[0] == 0.5
    assert few[1] < many[1] < 0.5 < many[2] < few[2]
    same_tunes = all_measures.bootstrap(np.repeat([0, 1] * 5, 50), np.repeat(np.arange(10), 50))
    assert same_tunes[2] - same_tunes[1] == pytest.approx(
        few[2] - few[1], abs=0.02
    )  # 50 copies of a tune tell nothing new
    assert all_measures.bootstrap([(1, 2), (3, 2)])[0] == 1  # pairs: the ratio of the means


def test_place_between_two_fixed_points():
    values = np.random.default_rng(0).normal(0.6, 0.01, 100)
    place, low, high = all_measures.place_between(values, np.full(100, 0.2), np.full(100, 1.0))
    assert low < place < high and place == pytest.approx(0.5, abs=0.01)


def test_a_piece_is_one_tune_in_step_in_all_genres():
    piece = make_piece(baselines.choose_tunes(1, seed=2)[0], seed=2)
    assert len(piece.recordings) == 10 and piece.source in piece.recordings
    assert {len(audio) for audio in piece.recordings.values()} == {int(SECONDS * SAMPLE_RATE)}
    again = piece.replay("jazz")
    assert len(again) == len(piece.recordings["jazz"]) and not np.allclose(again, piece.recordings["jazz"])


def test_evaluation_measures_every_rival_against_the_fixed_points():
    figures = evaluation.evaluate(2, Setting(targets=1))
    assert figures["conversions"] == 2
    trained = baselines.regression_network() is not None
    assert set(figures["rivals"]) == {name for name in baselines.BASELINES if trained or name != "regression"}
    for name, kept in (("decoded", 1), ("ours", None)):
        table = figures["rivals"][name]
        assert all(
            low <= mean <= high for mean, low, high in (v for k, v in table.items() if isinstance(v, list))
        )
        assert kept is None or table["tune_kept_note_f1"][0] == kept
    copy, truth = figures["rivals"]["copy"], figures["rivals"]["truth"]
    assert (
        copy["chroma_cosine"][0] == copy["melody_accuracy"][0] == 1 and truth["log_spectral_distance"][0] == 0
    )
    assert truth["sharpness_in_time"][0] == truth["treble"][0] == 1
    told = "\n".join(evaluation.lines(figures))
    assert "| tune kept |" in told and "SDEdit" in told and ("plain regression" in told) == trained
    json.dumps(figures)


def test_plain_regression_is_a_baseline_where_its_network_was_trained(tmp_path, monkeypatch, capsys):
    pipe, piece = load_pipeline(), make_piece(3, alone=True)
    monkeypatch.setattr(baselines, "models_folder", lambda: tmp_path)
    assert baselines.regression_network() is None
    monkeypatch.setattr(evaluation, "evaluate", lambda *_: {"rivals": {"ours": {}}})
    evaluation.report(8, tmp_path / "evaluation.json")
    assert "`noteninja train regression" in capsys.readouterr().out
    (tmp_path / "regression").mkdir()
    (tmp_path / "regression" / "config.json").touch()
    monkeypatch.setattr(
        baselines, "load_model", lambda kind, name: pipe.unet if name == "regression" else None
    )
    network = baselines.regression_network()
    made = baselines.regression(pipe, network, piece.audio, "jazz", hear(piece.audio))
    assert made.shape == piece.audio.shape and np.isfinite(made).all()


def test_tables_are_written_between_their_marks(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    for name in ("README.md", "benchmarks/README.md"):
        (tmp_path / name).write_text(f"before {tables.BEGIN} old {tables.END} after\n", encoding="utf-8")
    tables.write_tables(tmp_path)
    small, full = (tmp_path / name for name in ("README.md", "benchmarks/README.md"))
    for path, text in ((small, tables.summary()), (full, tables.numbers())):
        assert path.read_text("utf-8") == f"before {tables.BEGIN}\n{text}{tables.END} after\n"
    assert len(tables.summary().splitlines()) <= 2 + 10
    assert tables.numbers().count("![") == 3 and "| **NoteNinja** | " in tables.numbers()


def test_the_shipped_tables_are_those_of_the_shipped_figures():
    written = (Path(tables.__file__).parent / "README.md").read_text("utf-8")
    assert tables.numbers() in written, "write the tables anew with `noteninja figures`"


def test_the_rival_that_writes_the_tune_down_finds_tempo_bar_and_key():
    notes, beat = [], 0.5
    for number, pitch in enumerate((67, 64, 65, 62, 64, 60, 62, 59, 60, 64, 67, 72, 71, 67, 65, 60) * 2):
        notes.append(Note(0.25 + beat * number, 0.25 + beat * number + 0.45, pitch, 90))
    sound = np.concatenate([np.zeros(SAMPLE_RATE // 4, np.float32), tones([n.pitch for n in notes], beat)])
    for number in range(0, 32, 4):  # a low thud on each bar line
        start = int((0.25 + beat * number) * SAMPLE_RATE)
        sound[start : start + 4000] += np.sin(2 * np.pi * 60 * np.arange(4000) / SAMPLE_RATE) * np.hanning(
            4000
        )
    written, first_bar, tempo = baselines.write_down(notes, sound)
    assert tempo == pytest.approx(120, rel=0.03) and (written.tonic, written.mode, written.metre) == (
        0,
        "major",
        "4/4",
    )
    assert first_bar <= 0 and (0.25 - first_bar) % (4 * beat) == pytest.approx(0, abs=0.06)
    assert written.notes[0][0] * beat + first_bar == pytest.approx(0.25, abs=0.01)


def test_an_outside_tagger_is_asked_about_every_version(tmp_path):
    tagger = tmp_path / "tagger.py"
    tagger.write_text(
        "import json, sys\nfor f in sys.argv[2:]:\n    print(json.dumps({'file': f, "
        "'genres': {'jazz': 'ours' in f}}))\n"
    )
    for name in ("3-jazz-ours", "3-jazz-regression", "3-source", "4-reggae-ours", "4-source"):
        (tmp_path / f"{name}.wav").touch()
    rows = [
        Row(baseline, target, number, {}, [], [], None, None)
        for number, target, baseline in (
            (3, "jazz", "ours"),
            (3, "jazz", "copy"),
            (3, "jazz", "regression"),
            (4, "reggae", "ours"),
            (4, "reggae", "copy"),
        )
    ]
    found = evaluation.outside(tagger, tmp_path, rows)
    assert (
        found["ours"][0] == 1 and found["regression"][0] == 0 and "copy" not in found
    )  # reggae is unknown to it
    tagger.write_text("raise SystemExit('no weights')")
    with pytest.raises(UserError, match="no weights"):
        evaluation.outside(tagger, tmp_path, rows)
    with pytest.raises(UserError, match="no file"):
        evaluation.report(8, tagger=tmp_path / "none.py")


def test_drawn_notes_outside_the_piano_are_left_out():
    assert not draw_notes([Note(0, 1, 5, 90), Note(0, 1, 120, 90)], 100).any()


def test_the_mood_of_a_piece_is_heard_to_change():
    """Slow major chords, then minor ones twice as fast."""
    chords = [(beat / 2, (36, 60, 64, 67), 1.0) for beat in range(0, 48, 2)]
    chords += [(24 + beat / 2, (33, 57, 60, 64), 0.5) for beat in range(48)]
    notes = [Note(start, start + 0.9 * lasts, pitch, 90) for start, keys, lasts in chords for pitch in keys]
    audio = sketch([], notes, 48.0)
    found = all_measures.heard_moods(hear(audio), audio, [0, 0.25, 0.75, 1])
    assert [(one["from"], one["to"]) for one in found] == [
        pytest.approx(edges, abs=0.2) for edges in ((0, 6), (6, 24), (24, 42), (42, 48))
    ]
    major = [one["major_chords"] for one in found]
    assert min(major[:2]) > 0.8 and max(major[2:]) < 0.2
    assert found[1]["lufs"] == pytest.approx(loudness(audio[: 24 * 22050]), abs=1.5)
    assert np.allclose(np.log2([one["tempo"] / 120 for one in found]) % 1, 0, atol=0.05)


def test_silence_has_no_mood():
    silence = np.zeros(3 * 22050, np.float32)
    (one,) = all_measures.heard_moods(hear(silence), silence, [0.5])
    assert one["lufs"] == -99 and one["tempo"] == 0


@pytest.mark.parametrize(
    "words",
    ["adapters nothing --songs nothing", "humming --data nothing", "judge --data nothing",
     "ladder --data nothing", "leads --data nothing", "records --data nothing", "scores nothing",
     "singers --data nothing"],
)  # fmt: skip
def test_a_folder_that_is_missing_is_told_before_anything_is_measured(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words.split()])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    told = capsys.readouterr().err
    assert ended.value.code == 2 and "nothing" in told and "it/s" not in told
