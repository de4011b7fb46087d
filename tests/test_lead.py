"""The lead sheet: heard, written to files and read back, corrected, and played; other keys and chords."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from noteninja_lib import data_folder
from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.datasets import build, open_dataset
from noteninja_lib.errors import Notice, UserError
from noteninja_lib.lead_sheet import LeadSheet, find_key, hear_lead, read_lead, rewritten
from noteninja_lib.models.classifiers import RECOGNISED, ChordRecogniser, chord_features, recognise_chords
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.harmony import QUALITIES, SUFFIXES, chord_name
from noteninja_lib.music.piano_roll import PianoRoll, from_notes
from noteninja_lib.music.playback import from_score
from noteninja_lib.music.reharmonisation import (
    in_mode,
    name_of_chord,
    read_chords,
    read_key,
    reharmonised,
    step_in_mode,
    transposed,
)
from noteninja_lib.music.singing import PitchCurve
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.settings import read_settings
from noteninja_lib.source import Source, Voice
from noteninja_lib.training.tasks import ChordTask, number_of_chord
from noteninja_lib.widgets.heard_panel import HeardPanel
from noteninja_lib.widgets.heard_panel import panel as panel_alone

TUNE = next(tune for tune in load_tunes("test") if tune.metre == "3/4" and tune.mode == "major")
KINDS = ("json", "musicxml", "mid", "abc")


def source_of(roll, **more):
    sound = np.zeros(int(roll.seconds * SAMPLE_RATE), np.float32)
    return Source(sound, sound, roll, recorded=True, **more)


@pytest.fixture(scope="module")
def roll():
    """A tune in 3/4 and its chords, note by note."""
    return from_score(TUNE, tempo=120)


@pytest.fixture(scope="module")
def sheet(roll):
    return hear_lead(roll, TUNE.title)


def test_what_else_the_tempo_may_be_is_told_and_kept(sheet):
    doubtful = replace(sheet, other_tempi=(60.0, 240.0))
    assert " beats a minute (perhaps 60 or 240), " in str(doubtful) and "perhaps" not in str(sheet)
    assert LeadSheet.from_record(doubtful.to_record()) == doubtful
    assert not doubtful.at_tempo(2).other_tempi


# ---- heard --------------------------------------------------------------------------------------------


def test_what_is_known_is_heard(sheet):
    assert [one[2] for one in sheet.tune.notes] == [one[2] for one in TUNE.notes]
    assert (sheet.tune.tonic, sheet.tune.metre) == (TUNE.tonic, "3/4") and round(sheet.tempo) == 120
    times = [(start / 2, pitch) for start, _, pitch in TUNE.notes]
    heard = [(note.start, note.pitch) for note in sheet.notes()]
    assert np.allclose([one[0] for one in heard], [one[0] for one in times], atol=0.02)
    at = np.arange(0.25, TUNE.length / 2, 0.5)  # in the middle of each beat

    def sounding(chords, scale):
        return [next(c[2:] for c in chords if c[0] * scale <= t < (c[0] + c[1]) * scale) for t in at]

    heard = [(start, end - start, *chord) for start, end, *chord in sheet.chords()]
    pairs = list(zip(sounding(TUNE.chords, 0.5), sounding(heard, 1)))
    assert np.mean([one[0] == other[0] for one, other in pairs]) > 0.85


def test_doubts_are_where_something_was_hardly_heard(roll, sheet):
    assert min(sheet.sure) > 0.9
    melody, note = roll.melody.copy(), sheet.notes()[5]
    there = slice(round(note.start * FRAME_RATE) - 1, round(note.end * FRAME_RATE))
    melody[:, note.pitch - 21, there] *= 0.45
    doubted = hear_lead(replace(roll, melody=melody))
    assert doubted.tune.notes == sheet.tune.notes and doubted.sure[5] < 0.5 < 0.9 < doubted.sure[4]
    assert int(sheet.tune.notes[5][0] // 3) + 1 in doubted.doubtful_bars()
    assert "doubtful: bar" in str(doubted)


def test_keys_are_told_by_their_chords(roll):
    for shift in (0, 3, -4):
        moved = hear_lead(transposed(roll, shift)).tune
        assert (moved.tonic, moved.mode) == ((TUNE.tonic + shift) % 12, "major")
    white = [Note(number, number + 1, pitch, 90) for number, pitch in enumerate((60, 62, 64, 65, 67, 69, 71))]
    white = from_notes(white, [], 8.0)  # one signature, and nothing else to tell its keys apart
    for chords, key in (((0, 5), (0, "major")), ((12 + 9, 12 + 2), (9, "minor"))):  # C and F, or Am and Dm
        likely = np.zeros((4, 36))
        likely[:2, chords[0]] = likely[2:, chords[1]] = 1.0
        assert find_key(white, likely) == key


def test_silence_and_a_single_note_are_sheets_too():
    empty = np.zeros((2, 88, 400), np.float32)
    nothing = PianoRoll(empty, empty, np.zeros((3, 400), np.float32), np.zeros(0))
    sheet = hear_lead(nothing)
    assert sheet.tune.notes == () and LeadSheet.from_record(sheet.to_record()) == sheet


# ---- the network of chords ----------------------------------------------------------------------------


def test_chords_turn_with_the_key(roll):
    edges = np.arange(0, roll.frames, 43)
    likely = recognise_chords(roll.notes, edges).reshape(-1, 3, 12)
    higher = recognise_chords(transposed(roll, 5).notes, edges).reshape(-1, 3, 12)
    assert np.allclose(likely.sum((1, 2)), 1, atol=1e-5)
    best, moved = likely.max(1).argmax(1), higher.max(1).argmax(1)
    assert np.mean((best + 5) % 12 == moved) > 0.9
    features = torch.rand(1, 7, 12, 9)
    network = ChordRecogniser().eval()
    before = network(features).reshape(3, 12, 9)
    assert torch.allclose(network(features.roll(5, 2)).reshape(3, 12, 9), before.roll(5, 1), atol=1e-6)


def test_features_say_what_sounds_and_what_begins():
    notes = np.zeros((2, 88, 40))
    notes[1, 60 - 21, 10:20] = notes[0, 60 - 21, 10] = 1.0  # c' in the second of four beats
    features = chord_features(notes, np.array([0, 10, 20, 30, 40]))
    assert features.shape == (7, 12, 4) and features[..., [0, 2, 3]].max() == 0
    assert set(map(tuple, np.argwhere(features[..., 1] > 0))) == {(2, 0), (6, 0)}


def test_chords_are_learned_from_what_the_band_played(tmp_path):
    list(build(tmp_path, hours=10 / 3600, seconds=10.0, versions=1, workers=1))
    task = ChordTask(open_dataset(tmp_path, tell=None))
    features, classes = task.batch(np.random.default_rng(0), 3)
    assert features.shape == (3, 7, 12, 16) and classes.shape == (3, 16) and (classes >= 0).mean() > 0.5
    harmony = task.data.harmony(0)
    start, end, root, quality = harmony[0]
    assert harmony[-1][1] >= 9.5 and number_of_chord(harmony, start, start + 0.2) % 12 == root
    assert number_of_chord([(0, 1, 2, "aug")], 0, 1) == -1
    assert RECOGNISED[number_of_chord([(0, 1, 2, "dom7")], 0, 1) // 12] == "dom7"
    with pytest.raises(UserError, match="dataset build"):
        ChordTask([])


# ---- files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_files_read_back_as_the_same(sheet, tmp_path, kind):
    sheet = sheet.with_chord(0, "Am7").with_chord(1, "D7").with_chord(2, "Bbmaj7")
    sheet.save(tmp_path / f"a.{kind}")
    again = read_lead(tmp_path / f"a.{kind}", sheet)
    assert np.allclose(
        [one[:2] for one in again.tune.notes], [one[:2] for one in sheet.tune.notes], atol=0.01
    )
    assert [one[2] for one in again.tune.notes] == [one[2] for one in sheet.tune.notes]
    assert again.tune.chords == sheet.tune.chords and again.times == sheet.times
    assert (again.tune.tonic, again.tune.metre, again.tune.length) == (
        sheet.tune.tonic,
        sheet.tune.metre,
        sheet.tune.length,
    )


def test_no_chord_is_no_slip(sheet, tmp_path):
    (tmp_path / "a.abc").write_text('M:3/4\nL:1/4\nK:C\n"Am"A2 B | "N.C."c2 d | "G7"d2 B | "C"c3 |\n')
    again = read_lead(tmp_path / "a.abc", sheet).tune
    assert [chord[2:] for chord in again.chords] == [(9, "min"), (7, "dom7"), (0, "maj")]


def test_scores_show_no_accidentals_that_the_key_has(sheet, tmp_path):
    tied = replace(sheet.tune, tonic=2, mode="major", notes=((0.0, 2.0, 66), (2.0, 2.0, 66), (4.0, 1.0, 73)))
    replace(sheet, tune=tied, times=((0, 1),) * 3, sure=(1.0,) * 3).save(tmp_path / "a.musicxml")
    assert "<accidental>" not in (tmp_path / "a.musicxml").read_text()


def test_what_is_no_lead_sheet_is_told(sheet, tmp_path):
    with pytest.raises(UserError, match="ends in"):
        sheet.save(tmp_path / "a.png")
    with pytest.raises(UserError, match="no file"):
        read_lead(tmp_path / "none.json", sheet)
    place = tmp_path / "a.json"
    none = sheet.to_record()["tune"] | {"notes": [[float("nan"), 1, 60]] * len(sheet.tune.notes)}
    tunes = [sheet.to_record()["tune"] | one for one in ({"metre": "4/0"}, {"length": 1e9}, {"tonic": 2.5})]
    wrong = [{"beats": [0, 0]}, {"tune": none}, {"sure": []}, *({"tune": one} for one in tunes)]
    wrong = [sheet.to_record() | one for one in wrong] + [json.loads("[" * 900 + "]" * 900)]
    for content in ("{", "[]", "{}", *map(json.dumps, wrong)):
        place.write_text(content)
        with pytest.raises(UserError, match="lead sheet"):
            read_lead(place, sheet)
    other = replace(sheet, beats=tuple(one + 0.05 * n for n, one in enumerate(sheet.beats)))
    other.save(place)
    with pytest.raises(UserError, match="another recording"):
        read_lead(place, sheet)


# ---- corrected ----------------------------------------------------------------------------------------


def test_an_unchanged_sheet_changes_nothing(roll, sheet):
    same = rewritten(source_of(roll), sheet)
    assert np.array_equal(same.piano_roll.melody, roll.melody) and np.array_equal(
        same.piano_roll.notes, roll.notes
    )
    assert same.lead == sheet and rewritten(source_of(roll)).lead is None


def test_a_corrected_note_is_played_and_the_rest_is_as_it_was(roll, sheet):
    start, lasts, pitch = sheet.tune.notes[4]
    notes = [*sheet.tune.notes[:4], (start, lasts, pitch + 4), *sheet.tune.notes[5:]]
    changed = sheet.with_tune(replace(sheet.tune, notes=tuple(notes)))
    assert changed.sure[4] == 1.0 and changed.times[:4] == sheet.times[:4]
    made = rewritten(source_of(roll), changed).piano_roll
    heard = made.melody_notes()
    assert [one.pitch for one in heard] == [one[2] for one in notes]
    assert heard[4].start == pytest.approx(float(sheet.seconds(start)), abs=0.02)
    before, after = (round(one * FRAME_RATE) for one in sheet.times[4])
    untouched = np.r_[0 : before - 3, after + 3 : roll.frames]
    assert np.array_equal(made.notes[..., untouched], roll.notes[..., untouched])


def test_a_corrected_chord_is_played_in_its_bars_only(roll, sheet):
    number = 3
    chord = sheet.tune.chords[number]
    changed = sheet.with_chord(number, chord_name((chord[2] + 6) % 12, "min7"))
    made = rewritten(source_of(roll), changed).piano_roll
    start, end = (round(one * FRAME_RATE) for one in changed.chords()[number][:2])
    outside = np.r_[0 : start - 6, end + 2 : roll.frames]
    assert np.array_equal(made.notes[..., outside], roll.notes[..., outside])
    inside = (made.notes[1] * (made.melody[1] < 0.5))[:, start + 6 : end - 6].max(1)
    classes = {(21 + row) % 12 for row in np.flatnonzero(inside > 0.5)}
    assert classes == {(chord[2] + 6 + tone) % 12 for tone in QUALITIES["min7"]}
    with pytest.raises(UserError, match="no chord"):
        sheet.with_chord(0, "H7")


def test_a_note_before_the_recording_begins_is_cut_short(roll, sheet):
    early = sheet.with_bars("3/4", 1)
    assert early.beats[0] < -0.9
    notes = ((0.0, 1.0, 60), (1.0, 1.5, 62), *early.tune.notes)
    made = rewritten(source_of(roll), early.with_tune(replace(early.tune, notes=notes)))
    assert made.piano_roll.melody_notes()[0].pitch in (62, sheet.tune.notes[0][2])


def test_another_metre_in_a_file_leaves_a_quarter_note_as_long_as_it_was(sheet, tmp_path):
    sheet.save(tmp_path / "a.abc")
    text = (tmp_path / "a.abc").read_text().replace("M:3/4", "M:6/8")
    (tmp_path / "a.abc").write_text(text)
    again = read_lead(tmp_path / "a.abc", sheet)
    assert again.tune.metre == "6/8" and again.notes() == sheet.notes()
    assert np.allclose([c[:2] for c in again.chords()], [c[:2] for c in sheet.chords()], atol=0.01)


def test_bars_and_tempo_are_moved_and_nothing_sounds_at_another_time(sheet):
    moved = [sheet.with_bars("3/4", 1), sheet.with_bars("3/4", -1), sheet.with_bars("4/4"), sheet.at_tempo(2)]
    for one in [*moved, sheet.at_tempo(0.5)]:
        one.check()
        for (start, *_), (was, *_) in zip(one.tune.notes, sheet.tune.notes):
            assert float(one.seconds(start)) == pytest.approx(float(sheet.seconds(was)), abs=0.01)
        assert one.tune.length % one.tune.bar == 0 and one.notes() == sheet.notes()
    compound = sheet.with_bars("9/8")  # three felt beats again, each of three eighths
    assert compound.notes() == sheet.notes() and compound.tune.notes[1][0] == 1.5 * sheet.tune.notes[1][0]
    assert compound.with_bars("3/4").tune == sheet.tune
    assert moved[0].tune.notes[0][0] == sheet.tune.notes[0][0] + 2 and moved[3].tempo == pytest.approx(
        240, abs=1
    )
    assert sheet.at_tempo(2).at_tempo(0.5).tune == sheet.tune


def test_a_singers_part_is_corrected_with_the_singer(roll, sheet):
    still = np.zeros(10)
    low = [replace(note, pitch=note.pitch - 24) for note in sheet.notes()]
    voice = Voice(np.zeros((10, 2), np.float16), low, PitchCurve(still, still > 0, still))
    empty = replace(roll, melody=np.zeros_like(roll.melody), notes=np.zeros_like(roll.notes))
    source = source_of(empty, voice=voice, played=empty)
    source = rewritten(source, transpose=0, chords="C")  # draws the tune as an instrument plays it
    heard = hear_lead(source.piano_roll)
    notes = list(heard.tune.notes)
    gone = notes.pop(2)
    with pytest.warns(Notice, match="--voice play"):
        made = rewritten(source, heard.with_tune(replace(heard.tune, notes=tuple(notes))))
    assert [note.pitch for note in made.voice.notes] == [note.pitch for n, note in enumerate(low) if n != 2]
    assert len(made.piano_roll.melody_notes()) == len(notes) and gone[2] - 12 == low[2].pitch


# ---- other keys, other chords -------------------------------------------------------------------------


def test_all_moves_to_another_key_the_shorter_way(roll, sheet):
    source = source_of(roll)
    key = (TUNE.tonic + 5) % 12
    made = rewritten(source, key=chord_name(key, "maj"))
    assert made.semitones == 5 and hear_lead(made.piano_roll).tune.tonic == key
    assert np.array_equal(made.piano_roll.notes[:, 5:], roll.notes[:, :-5]) and made.unsung == ""
    assert rewritten(source, key=chord_name((TUNE.tonic + 7) % 12, "maj")).semitones == -5
    assert rewritten(source, transpose=-3).semitones == -3
    minor = rewritten(source, key=chord_name(TUNE.tonic, "min"))
    assert minor.unsung == "another mode" and minor.semitones == 0
    assert hear_lead(minor.piano_roll).tune.mode == "minor"
    with pytest.raises(UserError, match="not both"):
        rewritten(source, key="C", transpose=2)
    with pytest.raises(UserError, match="semitones"):
        rewritten(source, transpose=13)


def test_modes_are_scales_of_one_tonic(roll):
    assert [step_in_mode(60 + one, 0, "major", "minor") for one in (0, 2, 4, 5, 7, 9, 11)] == [
        0,
        0,
        -1,
        0,
        0,
        -1,
        0,
    ]
    assert [step_in_mode(60 + one, 0, "minor", "major") for one in (0, 3, 8, 10, 11)] == [0, 1, 1, 1, 0]
    assert in_mode(roll, 0, "major", "minor").notes.shape == roll.notes.shape


def test_written_chords_are_what_the_band_plays(roll, sheet):
    made = rewritten(source_of(roll), chords="Am7 D7 E | N.C. | Gmaj7").piano_roll
    band = made.notes[1] * (made.melody[1] < 0.5)
    wanted = [{9, 0, 4, 7}, {2, 6, 9, 0}, {4, 8, 11}, set(), set(), set(), {7, 11, 2, 6}]
    for beat, classes in enumerate(wanted):
        frame = round(float(sheet.seconds(beat + 0.5)) * FRAME_RATE)
        found = {(21 + row) % 12 for row in np.flatnonzero(band[:, frame] > 0.4)}
        assert found <= classes and len(found) >= len(classes) - 1, beat
    assert np.array_equal(made.melody, roll.melody)


def test_held_notes_go_to_the_next_chord(roll):
    long = replace(roll, notes=np.zeros_like(roll.notes), melody=np.zeros_like(roll.melody))
    long.notes[1, 60 - 21, 10:300] = long.notes[0, 60 - 21, 10] = 1.0
    made = reharmonised(long, [(0.0, 1.5, 0, "maj"), (1.5, 3.0, 2, "min"), (3.0, 4.0, None, None)])
    first, second = (made.notes[1, :, round(at * FRAME_RATE)] for at in (1.0, 2.5))
    assert first[60 - 21] == 1 and second[60 - 21] == 0 and second[62 - 21] == 1
    assert made.notes[1, :, round(3.2 * FRAME_RATE)].max() == 0
    assert np.array_equal(reharmonised(long, []).notes, long.notes)


def test_keys_and_chords_are_read_as_people_write_them():
    assert [read_key(one) for one in ("EB", "f# minor", "Am", "B", "b", "B♭ major")] == [
        (3, None),
        (6, "minor"),
        (9, "minor"),
        (11, None),
        (11, None),
        (10, "major"),
    ]
    for wrong in ("", "H", "E minorr", "7"):
        with pytest.raises(UserError, match="no key"):
            read_key(wrong)
    assert read_chords("Am7, D7 | Gmaj7\n% || N.C.") == [
        [(9, "min7"), (2, "dom7")],
        [(7, "maj7")],
        [(7, "maj7")],
        [None],
    ]
    for name, suffix in SUFFIXES.items():
        assert name_of_chord(f"Bb{suffix}") == (10, name)
    for wrong in ("", " | ", "Am7 | xyz"):
        with pytest.raises(UserError, match="chord"):
            read_chords(wrong)


# ---- the command line ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    first = sorted((data_folder() / "songs").glob("*.mp3"))[0]
    soundfile.write(path, load(first, duration=8.0), SAMPLE_RATE)
    return path


def test_a_sheet_is_heard_corrected_played_and_kept_with_the_result(noteninja, song, tmp_path):
    status, told, _ = noteninja("hear", song, "-o", tmp_path / "a.json")
    assert status == 0 and "beats a minute" in told and "chords" in told
    sheet = LeadSheet.from_record(json.loads((tmp_path / "a.json").read_text()))
    notes = tuple((start, lasts, pitch + 12) for start, lasts, pitch in sheet.tune.notes)
    sheet.with_tune(replace(sheet.tune, notes=notes)).save(tmp_path / "b.json")
    words = ["convert", song, "--to", "pop", "--steps", 1, "--lead", tmp_path / "b.json", "--transpose", -2]
    out = tmp_path / "c.wav"
    status, told, err = noteninja(*words, "-o", out, "--with", "json", "--with", "mid")
    assert status == 0 and "tune kept" in told and not err.count("noteninja:")
    kept = read_settings(tmp_path / "c.json")
    assert kept.transpose == -2 and LeadSheet.from_record(kept.lead).tune.notes == notes
    (tmp_path / "b.json").unlink()  # all of it lies beside the result
    status, _, err = noteninja("again", tmp_path / "c.json", "-o", tmp_path / "d.wav")
    assert status == 0 and "noteninja:" not in err
    assert np.array_equal(soundfile.read(out)[0], soundfile.read(tmp_path / "d.wav")[0])


def test_sheets_of_several_songs_go_to_a_folder(noteninja, song, tmp_path):
    second, bad = tmp_path / "second.wav", tmp_path / "bad.mp3"
    second.write_bytes(song.read_bytes())
    bad.write_text("no music")
    status, told, err = noteninja("hear", song, bad, second, "-o", tmp_path / "out", "--json")
    assert status == 1 and "bad.mp3" in err and "Traceback" not in err  # one of them failed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "song (lead).musicxml",
        "second (lead).musicxml",
    }
    assert [json.loads(line)["tune"]["metre"] for line in told.splitlines()] == ["4/4", "4/4"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--key", "H"], "no key"),
        (["--chords", "Am7 | oops!"], "no chord"),
        (["--transpose", "40"], "semitones"),
        (["--key", "C", "--transpose", "1"], "not both"),
        (["--lead", "none.json"], "no file"),
    ],
)
def test_wrong_wishes_are_one_sentence(noteninja, song, tmp_path, words, sentence):
    status, _, err = noteninja("convert", song, "--to", "jazz", "-o", tmp_path / "a.mp3", *words)
    assert status == 2 and sentence in err and "Traceback" not in err and not (tmp_path / "a.mp3").exists()


def test_what_was_corrected_is_not_written_over(noteninja, song, tmp_path):
    sheet = tmp_path / "a.json"
    assert noteninja("hear", song, "-o", sheet)[0] == 0
    before = sheet.read_bytes()
    words = ["convert", song, "--to", "pop", "--lead", sheet]
    status, _, err = noteninja(*words, "-o", tmp_path / "a.mp3")
    assert status == 2 and "over what else is read" in err and sheet.read_bytes() == before
    status, _, err = noteninja("convert", song, song, "--to", "pop", "--lead", sheet)
    assert status == 2 and "one song" in err
    for number in range(2):
        assert noteninja("hear", song, "-o", tmp_path)[0] == 0
    assert (tmp_path / "song (lead).musicxml").exists() and (tmp_path / "song (lead) (2).musicxml").exists()
    (tmp_path / "b.json").write_text('{"settings": {}}')
    for more in ((), ("--overwrite",)):
        status, _, err = noteninja("hear", song, "-o", tmp_path / "b.json", *more)
        assert status == 2 and "stays as it is" in err and err.count("noteninja:") == 1
    assert noteninja("hear", song, "-o", sheet)[0] == 2 and sheet.read_bytes() == before
    assert noteninja("hear", song, "-o", sheet, "--overwrite")[0] == 0
    status, _, err = noteninja("hear", song, song, "-o", tmp_path / "two.json")
    assert status == 2 and "folder" in err and not (tmp_path / "two.json").exists()


def test_hear_names_what_can_be_written(noteninja, song, tmp_path):
    status, _, err = noteninja("hear", song, "-o", tmp_path / "a.pdf")
    assert status == 2 and ".musicxml" in err


# ---- the panel ----------------------------------------------------------------------------------------


@pytest.fixture
def panel(sheet, tmp_path):
    told = []
    panel = HeardPanel(lambda sentence, kind="info": told.append((kind, sentence)), lambda: tmp_path)
    panel.told = told
    panel.show(sheet, "song", np.zeros(SAMPLE_RATE, np.float32))
    return panel


def test_what_is_shown_is_no_change(panel, sheet):
    assert panel.sheet_of("song") is None and panel.undo_button.disabled and panel.layout.display == ""
    assert panel.roll.notes == [list(note) for note in sheet.tune.notes]
    assert [chord[2] for chord in panel.roll.chords] == [chord_name(*one[2:]) for one in sheet.tune.chords]
    assert panel.roll.moments == list(sheet.beats) and len(panel.roll.sound) > 100


def test_notes_chords_bars_tempo_and_key_are_changed_and_undone(panel, sheet):
    panel.roll.notes = panel.roll.notes[1:]
    assert len(panel.sheet.tune.notes) == len(sheet.tune.notes) - 1
    panel._pressed(None, {"chord": 1, "name": "F#m7"}, [])
    assert panel.sheet.tune.chords[1][2:] == (6, "min7") and panel.roll.chords[1][2] == "F#m7"
    panel._pressed(None, {"shift": 1}, [])
    panel.faster.click()
    assert panel.sheet.tempo == pytest.approx(2 * sheet.tempo, rel=0.01)
    panel.slower.click()
    panel.key.value = (11, "minor")
    assert (
        panel.sheet.tune.tonic == 11 and panel.sheet_of("song") is panel.sheet and panel.sheet_of("x") is None
    )
    panel.metre.value = "4/4"
    assert panel.roll.metre == "4/4"
    for _ in range(7):
        assert not panel.undo_button.disabled
        panel.undo()
    assert panel.sheet == sheet and panel.undo_button.disabled and panel.metre.value == "3/4"


def test_a_wrong_chord_is_told_and_changes_nothing(panel, sheet):
    panel._pressed(None, {"chord": 0, "name": "oops"}, [])
    assert panel.sheet == sheet and panel.told[-1][0] == "error" and "no chord" in panel.told[-1][1]


def test_notes_that_overlap_become_one_line(panel):
    panel.roll.notes = [[0.0, 3.0, 60], [0.0, 2.0, 64], [1.0, 1.0, 62]]
    assert panel.sheet.tune.notes == ((0.0, 1.0, 64), (1.0, 1.0, 62))


def test_the_sheet_is_engraved_and_saved(panel, tmp_path):
    panel.page.selected_index = 0
    assert "<svg" in panel.score.value
    panel.save()
    names = {path.suffix for path in tmp_path.iterdir()}
    assert names == {f".{kind}" for kind in KINDS} and "saved in" in panel.saved.value
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    panel.save()
    assert len(list(tmp_path.iterdir())) == 2 * len(before) and "(lead) (2)." in panel.saved.value
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_sheet_by_itself_tells_what_is_wrong(sheet, tmp_path):
    _, shown, message = panel_alone(sheet, np.zeros(SAMPLE_RATE, np.float32), tmp_path).children
    shown._pressed(None, {"chord": 0, "name": "<oops>"}, [])
    assert "no chord" in message.value and "<oops>" not in message.value and shown.sheet == sheet
