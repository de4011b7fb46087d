"""What lies beside a conversion: MIDI and a score that read back as the same notes, and settings that
survive a file."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pretty_midi
import pytest
import soundfile
from music21 import converter

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import load_recipe
from noteninja_lib.arranger.synthesis import render
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.errors import UserError
from noteninja_lib.lead_sheet import hear_lead
from noteninja_lib.music.piano_roll import pick_notes
from noteninja_lib.music.playback import from_score
from noteninja_lib.music.score_io import quantise, read_notes
from noteninja_lib.music.score_writing import to_abc, write_score
from noteninja_lib.music.transcription import in_beats, settle
from noteninja_lib.music.tunes import find_tune, load_tunes
from noteninja_lib.pipeline import Conversion
from noteninja_lib.settings import (
    Settings,
    describe,
    differences,
    export,
    find_source,
    read_settings,
    write_stems,
)
from noteninja_lib.source import hear

MAJOR = [tune for tune in load_tunes("test") if tune.mode == "major"]
TUNES = [next(tune for tune in MAJOR if tune.metre == metre) for metre in ("2/2", "3/4", "6/8", "9/8")]


def as_result(roll, tune_kept=0.81234, voice="none", stems=None):
    """A conversion of known content, without the networks."""
    sound = np.zeros(SAMPLE_RATE, np.float32)
    genres = {"jazz": 0.9, "rock": 0.1}, {"rock": 1.0}
    mix, rate = (sum(stems.values()), 44100) if stems else (sound, SAMPLE_RATE)
    return Conversion(mix, rate, sound, roll, roll.melody_notes(), tune_kept, *genres, voice, stems or {})


@pytest.fixture(scope="module")
def played():
    """A pop band plays a tune: what it played, and what is heard."""
    performance = arrange(TUNES[0], load_recipe("pop"), 7, duration=14.0)
    return performance, hear(render(performance))


def read_score(path):
    """Notes (start, duration, pitch) in quarter notes of a MusicXML file, and its part."""
    part = converter.parse(str(path), format="musicxml", forceSource=True).parts[0]
    return [
        (float(note.offset), float(note.quarterLength), note.pitch.midi)
        for note in part.flatten().stripTies().notes
        if "ChordSymbol" not in note.classes
    ], part


@pytest.mark.parametrize("tune", TUNES, ids=lambda tune: tune.metre)
def test_a_known_tune_is_written_down_as_it_was(tune):
    sheet = hear_lead(from_score(tune, tempo=104))
    written, first_bar, tempo = sheet.tune, sheet.beats[0], sheet.tempo
    assert tempo == pytest.approx(104, rel=0.01) and first_bar < 0.05
    assert written.metre == {"2/2": "4/4", "6/8": "12/8"}.get(tune.metre, tune.metre)
    assert (written.tonic, written.mode) == (tune.tonic, tune.mode)
    starts = {round(start / written.beat * 12): pitch for start, _, pitch in written.notes}
    ahead = min(starts) - round(tune.notes[0][0] / tune.beat * 12)
    right = [starts.get(round(start / tune.beat * 12) + ahead) == pitch for start, _, pitch in tune.notes]
    assert ahead % 12 == 0 and np.mean(right) > 0.95


def test_beats_are_found_though_the_tracker_follows_the_off_beat(played):
    performance, roll = played
    step = 60 / performance.tempo
    for wrong in (0.0, 0.5 * step):
        beats = settle(roll.beats + wrong, roll)
        off = in_beats(performance.beats[2:-2], beats)
        assert np.abs(off - np.round(off)).max() < 0.1


def test_quantised_notes_lie_on_the_grid_one_after_another():
    rng = np.random.default_rng(0)
    beat = [
        (0, 0.5, 60),
        (0.5, 0.4, 62),
        (1, 0.3, 64),
        (1.25, 0.2, 65),
        (1.5, 0.5, 67),
        (2, 0.3, 65),
        (2 + 1 / 3, 0.3, 64),
        (2 + 2 / 3, 0.3, 62),
        (3, 0.1, 60),
    ]
    loose = [
        (4 * bar + start + rng.uniform(-0.03, 0.03), lasts, pitch)
        for bar in range(4)
        for start, lasts, pitch in beat
    ]
    tune = replace(
        TUNES[0], metre="4/4", length=16.0, notes=tuple((max(start, 0), *rest) for start, *rest in loose)
    )
    written = quantise(tune)
    wanted = [4 * bar + start for bar in range(4) for start, _, _ in beat]
    assert np.allclose([start for start, _, _ in written.notes], wanted) and written.metre == "4/4"
    assert [pitch for _, _, pitch in written.notes] == [pitch for _, _, pitch in beat] * 4
    ends = [start + lasts for start, lasts, _ in written.notes]
    assert all(lasts > 0 for _, lasts, _ in written.notes)
    assert all(end <= start + 1e-9 for end, (start, _, _) in zip(ends, written.notes[1:]))
    crowded = quantise(replace(tune, notes=((0.0, 0.1, 60), (0.02, 1.0, 64), (1.0, 1.0, 65))))
    assert [note[2] for note in crowded.notes] == [64, 65]


def test_bars_of_five_whose_beats_are_in_three_get_triplets(tmp_path):
    starts = np.arange(60) / 3 + np.random.default_rng(0).uniform(-0.03, 0.03, 60)
    notes = tuple((max(float(start), 0.0), 0.3, 60 + number % 7) for number, start in enumerate(starts))
    tune = replace(TUNES[0], metre="5/4", length=20.0, notes=notes, chords=())
    written = quantise(tune)
    assert written.metre == "5/4" and written.length == 20
    np.testing.assert_allclose([start for start, _, _ in written.notes], np.arange(60) / 3, atol=1e-6)
    (tmp_path / "five.abc").write_text(to_abc(written, 100), encoding="utf-8")
    write_score(written, tmp_path / "five.musicxml", 100)
    for kind in ("abc", "musicxml"):
        again = read_notes(tmp_path / f"five.{kind}")
        assert again.metre == "5/4" and [note[2] for note in again.notes] == [note[2] for note in notes]


def test_the_score_reads_back_as_the_tune_that_was_heard(played, tmp_path):
    _, roll = played
    sheet = hear_lead(roll)
    written, tempo = sheet.tune, sheet.tempo
    (file,) = export(
        as_result(roll), tmp_path / "a song (jazz).mp3", Settings(source="my song.mp3"), ("musicxml",)
    )
    assert file == tmp_path / "a song (jazz).musicxml" and [path for path in tmp_path.iterdir()] == [file]
    notes, part = read_score(file)
    assert [pitch for _, _, pitch in notes] == [pitch for _, _, pitch in written.notes] and len(notes) > 10
    assert np.allclose([note[:2] for note in notes], [note[:2] for note in written.notes], atol=0.01)
    marks = part.flatten()
    assert marks.getElementsByClass("MetronomeMark").first().number == round(tempo)
    assert marks.getElementsByClass("TimeSignature").first().ratioString == written.metre
    assert (
        marks.getElementsByClass("ChordSymbol")
        and marks.getElementsByClass("Key").first().tonic.pitchClass == written.tonic
    )
    for bar in part.getElementsByClass("Measure"):
        assert bar.highestTime == pytest.approx(bar.barDuration.quarterLength) and not bar.voices


def test_the_score_of_triplets_can_be_read(tmp_path):
    thirds = (0, 0.5, 1, 4 / 3, 5 / 3, 2.5, 3 + 1 / 3, 4, 5, 6, 7)
    roll = from_score(
        replace(
            TUNES[0],
            metre="4/4",
            length=8.0,
            chords=((0.0, 4.0, 0, "maj"), (4.0, 4.0, 7, "maj")),
            notes=tuple((start, 0.4, 60 + number % 5) for number, start in enumerate(thirds)),
        )
    )
    export(as_result(roll), tmp_path / "a.wav", Settings(), ("musicxml",))
    notes, part = read_score(tmp_path / "a.musicxml")
    starts = np.array([start for start, _, _ in notes])
    assert np.allclose((starts - starts[0])[:7], [0, 0.5, 1, 4 / 3, 5 / 3, 2.5, 3 + 1 / 3], atol=0.01)
    assert all(element.duration.type != "inexpressible" for element in part.flatten().notesAndRests)


def test_midi_reads_back_as_the_notes_heard(played, tmp_path):
    performance, roll = played
    (file,) = export(as_result(roll), tmp_path / "song v1.2 (jazz).mp3", Settings(), ("mid",))
    assert file.name == "song v1.2 (jazz).mid"
    midi = pretty_midi.PrettyMIDI(str(file))
    assert midi.get_tempo_changes()[1][0] == pytest.approx(performance.tempo, rel=0.01)
    tune, others = midi.instruments
    assert (tune.name, others.name) == ("tune", "other notes") and not tune.is_drum
    heard = roll.melody_notes()
    assert [note.pitch for note in tune.notes] == [note.pitch for note in heard]
    assert np.allclose([(n.start, n.end) for n in tune.notes], [(n.start, n.end) for n in heard], atol=0.002)
    everything = pick_notes(*roll.notes)
    assert 0 < len(others.notes) < len(everything)
    for note in others.notes[:50]:
        assert any(one.pitch == note.pitch and abs(one.start - note.start) < 0.002 for one in everything)
        assert not any(one.pitch == note.pitch and abs(one.start - note.start) < 0.04 for one in heard)


def test_music_without_notes_or_beat_is_exported_too(tmp_path):
    blank = from_score(TUNES[0])
    for layer in (blank.melody, blank.notes, blank.onsets):
        layer[:] = 0
    blank.beats = blank.beats[:0]
    export(as_result(blank), tmp_path / "a.mp3", Settings(), ("mid", "musicxml"))
    assert read_score(tmp_path / "a.musicxml")[0] == []
    assert not any(track.notes for track in pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).instruments)


JOURNEY = Settings(
    [(0, "blues"), (0.5, {"jazz": 1, "pop": 1}), (1, "disco")], mood=[(0.0, "sad"), (1.0, (0.5, -0.3))]
)
ALL = [
    Settings(),
    Settings("rock", 0.5, 7, 1.5, 123, "happy", 120.5, source="Lied é 曲.mp3"),
    Settings({"jazz": 1, "rock": 3}, rate=0.5),
    JOURNEY,
    Settings(mood=(0.1, -1)),
    Settings("pop", voice="off"),
    Settings("metal", voice_gain=-7.5),
]


@pytest.mark.parametrize("settings", ALL, ids=lambda settings: settings.label)
def test_settings_survive_a_file(settings, tmp_path):
    (file,) = export(
        as_result(from_score(TUNES[0])), tmp_path / f"song ({settings.label}).mp3", settings, ("json",)
    )
    assert read_settings(file) == settings
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["measured"]["tune_kept"] == 0.812 and record["measured"]["genre_heard"] == {
        "jazz": 0.9,
        "rock": 0.1,
    }
    networks = {"basic_pitch", "chords", "judge", "lead", "pitch", "separator", "unet", "vae", "vocoder"}
    assert set(record["weights_sha256"]) == networks


def test_what_became_of_the_voice_is_recorded_and_no_tune_is_null(tmp_path):
    result = as_result(from_score(TUNES[0]), None, "off")
    (file,) = export(result, tmp_path / "a.mp3", Settings(voice="off"), ("json",))
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["measured"]["tune_kept"] is None and record["measured"]["voice"] == "off"
    assert record["settings"]["voice"] == "off" and record["settings"]["voice_gain"] == 0


def test_a_file_without_a_voice_is_one_of_the_time_when_instruments_played_all(tmp_path):
    (file,) = export(as_result(from_score(TUNES[0])), tmp_path / "a.mp3", Settings(), ("json",))
    assert read_settings(file).voice == "keep"
    broken(file, lambda record: [record["settings"].pop(name) for name in ("voice", "voice_gain")] and None)
    assert (read_settings(file).voice, read_settings(file).voice_gain) == ("play", 0.0)


def test_voice_and_gain_reach_the_pipeline_but_not_a_mixture_of_songs():
    asked = []

    class Asked:
        def __call__(self, song, *_, **options):
            asked.append((options["voice"], options["voice_gain"]))

        def interpolate(self, song, *_, **options):
            asked.append("voice" in options)

    Settings(voice="off", voice_gain=2.0).convert(Asked(), "a.mp3")
    Settings(second="b.mp3").convert(Asked(), "a.mp3")
    assert asked == [("off", 2.0), False]


def test_voice_and_band_add_up_to_the_result(tmp_path):
    rng = np.random.default_rng(
        0
    )  # louder than full scale in places, which a file of whole numbers would cut off
    stems = {name: rng.normal(0, 0.4, (5000, 2)).astype(np.float32) for name in ("voice", "band")}
    result = as_result(from_score(TUNES[0]), voice="keep", stems=stems)
    files = write_stems(result, tmp_path / "song v1.2 (jazz).mp3")
    assert [file.name for file in files] == ["song v1.2 (jazz) voice.wav", "song v1.2 (jazz) band.wav"]
    (voice, rate), (band, _) = (soundfile.read(file, dtype="float32") for file in files)
    assert rate == 44100 and np.abs(voice).max() > 1 and np.abs(voice + band - result.audio).max() < 1e-6
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert write_stems(as_result(from_score(TUNES[0]), voice="off"), tmp_path / "b.mp3") == []
    with pytest.raises(UserError, match="could not be written"):
        write_stems(result, tmp_path / "no folder" / "a.mp3")


def test_no_place_of_this_machine_is_told(tmp_path):
    song = tmp_path / "song.wav"
    song.write_bytes(b"sound")
    record = describe(
        as_result(from_score(TUNES[0])), tmp_path / "song (jazz).mp3", Settings(source="song.wav")
    )
    assert str(tmp_path) not in json.dumps(record) and record["source"] == "song.wav"
    assert record["source_sha256"] == hashlib.sha256(b"sound").hexdigest()


def test_a_song_is_found_where_it_was_or_beside_the_file(tmp_path):
    song = tmp_path / "song.wav"
    song.write_bytes(b"sound")
    for name in (str(song), "song.wav", "old place/song.wav", "C:\\music\\song.wav"):
        assert find_source(name, tmp_path) == song
    assert find_source("other.wav", tmp_path) is None and find_source("", tmp_path) is None


def test_what_changed_since_is_told(tmp_path):
    song = tmp_path / "song.wav"
    song.write_bytes(b"sound")
    (file,) = export(
        as_result(from_score(TUNES[0])), tmp_path / "song (jazz).mp3", Settings(source=str(song)), ("json",)
    )
    assert differences(file, song) == []
    song.write_bytes(b"another sound")
    record = json.loads(file.read_text(encoding="utf-8"))
    record["weights_sha256"]["unet"] = record["pipeline_sha256"] = "0" * 64
    file.write_text(json.dumps(record), encoding="utf-8")
    source, weights, pipeline = differences(file, song)
    assert "song.wav" in source and "unet" in weights and "vocoder" not in weights
    assert "model_index.json" in pipeline


def broken(file, change):
    """The JSON file with one thing changed: a function that returns what to write, or changes the record."""
    record = json.loads(file.read_text(encoding="utf-8"))
    text = change(record)
    file.write_text(text if isinstance(text, str) else json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize(
    "change, word",
    [
        (lambda record: "", "no JSON"),
        (lambda record: "{", "no JSON"),
        (lambda record: "[1, 2]", "no settings"),
        (lambda record: record.pop("settings") and None, "no settings"),
        (lambda record: record.update(source=3), "no settings"),
        (lambda record: record["settings"].update(seed="one"), "seed must be a whole number"),
        (lambda record: record["settings"].update(strength=1.5), "between 0 and 1"),
        (lambda record: record["settings"].update(strength=float("nan")), "between 0 and 1"),
        (lambda record: record["settings"].update(steps=True), "steps"),
        (lambda record: record["settings"].update(volume=3), "volume"),
        (lambda record: record["settings"].update(seed=None), "seed"),
        (lambda record: record["settings"].update(other_seed=2, share=None), "share"),
        (lambda record: record["settings"].update(genre="polka"), "jazz"),
        (lambda record: record["settings"].update(genre=[[0, "jazz", 1]]), "can't be used"),
        (lambda record: record["settings"].update(genre=5), "genre"),
        (lambda record: record["settings"].update(mood="angry"), "happy"),
        (lambda record: record["settings"].update(tempo=100, rate=2), "not both"),
        (lambda record: record["settings"].update(rate=9), "between 0.5 and 2"),
        (lambda record: record["settings"].update(voice="loud"), "keep, play or off, not 'loud'"),
        (lambda record: record["settings"].update(voice=None), "keep, play or off"),
        (lambda record: record["settings"].update(voice=["keep"]), "keep, play or off"),
        (lambda record: record["settings"].update(voice_gain=25), "between -24 and 24"),
        (lambda record: record["settings"].update(voice_gain=None), "gain of the voice"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path, change, word):
    (file,) = export(as_result(from_score(TUNES[0])), tmp_path / "song (jazz).mp3", Settings(), ("json",))
    broken(file, change)
    with pytest.raises(UserError, match=word) as told:
        read_settings(file)
    assert file.name in str(told.value) and "\n" not in str(told.value)


def test_what_cannot_be_written_is_told(tmp_path):
    result = as_result(from_score(find_tune(TUNES[0].name)))
    with pytest.raises(UserError, match="mid, musicxml, json"):
        export(result, tmp_path / "a.mp3", Settings(), ("pdf",))
    with pytest.raises(UserError, match="could not be written"):
        export(result, tmp_path / "no folder" / "a.mp3", Settings(), ("json",))
    assert list(tmp_path.iterdir()) == []
