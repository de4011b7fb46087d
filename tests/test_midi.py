"""MIDI files as they come: which part has the tune, odd envelopes and clocks, tempo told in a later track."""

import mido
import numpy as np
import pytest

from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.recipe import GENRES, load_recipe
from noteninja_lib.errors import Notice
from noteninja_lib.music.playback import tune_score
from noteninja_lib.music.score_io import open_midi, plain_midi, read_notes
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.source import read_source

TUNE = [60, 62, 64, 65, 67, 69, 71, 72] * 2


def track(pitches, name="", channel=0, ticks=480, every=1, chord=(0,)):
    """A track of equally long notes or chords."""
    made = mido.MidiTrack([mido.MetaMessage("track_name", name=name)] if name else [])
    for pitch in pitches:
        for step in chord:
            made.append(mido.Message("note_on", note=pitch + step, velocity=90, channel=channel))
        for number, step in enumerate(chord):
            time = 0 if number else every * ticks
            made.append(mido.Message("note_off", note=pitch + step, channel=channel, time=time))
    return made


def bells(path, kind=1):
    """A tune, and two bell notes high above it that are to be no tune."""
    file = mido.MidiFile(type=kind, ticks_per_beat=480)
    file.tracks += [track(TUNE, "Melody"), track([96, 96], "Bells", 1, every=4), track([42] * 16, "Drums", 9)]
    file.save(path)
    return path


def pitches_of(path):
    return [note.pitch for note in open_midi(path)[1][0]]


@pytest.mark.parametrize("ending", [".mid", ".midi", ".kar", ".rmi"])
def test_all_endings_are_midi(ending, tmp_path):
    path = bells(tmp_path / f"song{ending}")
    if ending == ".rmi":
        content = path.read_bytes()
        size = len(content).to_bytes(4, "little")
        path.write_bytes(b"RIFF" + (len(content) + 12).to_bytes(4, "little") + b"RMIDdata" + size + content)
    assert pitches_of(path) == TUNE
    assert [pitch for _, _, pitch in read_notes(path).notes] == TUNE
    roll = read_source(path).piano_roll
    assert [note.pitch for note in roll.melody_notes()] == TUNE and roll.seconds >= 8


def test_the_tune_is_found_without_names_and_whatever_lies_above_it(tmp_path):
    tune = [64, 64, 65, 67, 67, 65, 64, 62, 60, 60, 62, 64, 64, 62, 62, 60] * 2
    parts = {
        "bass": track([40, 40, 43, 43] * 8, channel=2),
        "chords": track([72, 74, 76, 77] * 4, channel=1, every=2, chord=(0, 4, 7)),
        "high strings": track([84, 91, 79, 88] * 2, channel=3, every=4),
    }
    for hidden in (tune, [pitch - 8 for pitch in tune]):
        file = mido.MidiFile(ticks_per_beat=480)
        file.tracks += [*parts.values(), track(hidden, channel=4)]
        file.save(tmp_path / "song.mid")
        assert pitches_of(tmp_path / "song.mid") == hidden


def test_of_the_arrangers_own_songs_it_is_the_melody():
    tunes = load_tunes("validation")
    for number, genre in enumerate(GENRES):
        played = arrange(tunes[7 * number], load_recipe(genre), seed=number)
        parts = [part for part in played.parts if part.notes and not part.is_drum]
        best = max(parts, key=lambda part: tune_score(part.notes, played.duration))
        assert best.name in ("melody", "double")  # which plays the same


def test_a_name_or_words_decide(tmp_path):
    first, second = TUNE, [pitch + 7 for pitch in TUNE]
    for names, wanted in ((("Strings", "Lead vocal"), second), (("Melodie", "Back vocals pad"), first)):
        file = mido.MidiFile(ticks_per_beat=480)
        file.tracks += [
            track(one, name, channel) for channel, (one, name) in enumerate(zip((first, second), names))
        ]
        file.save(tmp_path / "named.mid")
        assert pitches_of(tmp_path / "named.mid") == wanted
    file = mido.MidiFile(ticks_per_beat=480)
    words = mido.MidiTrack([mido.MetaMessage("lyrics", text="la", time=720 if n else 240) for n in range(10)])
    sung = track([61, 63, 66] * 4, channel=1, ticks=720)
    sung.insert(0, mido.Message("program_change", channel=1, time=240))
    file.tracks += [track([60, 62, 64, 62] * 6), sung, words]
    file.save(tmp_path / "song.kar")
    assert pitches_of(tmp_path / "song.kar") == [61, 63, 66] * 4


@pytest.mark.parametrize("frames, rate", [(-25, 25), (-24, 24), (-30, 30), (-29, 29.97)])
def test_time_code_in_place_of_beats(frames, rate, tmp_path):
    """SMPTE: 40 ticks a frame, so that a note of 500 ticks lasts 12.5 frames, whatever the tempo says."""
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks += [mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=250_000)]), track(TUNE, ticks=500)]
    file.save(tmp_path / "film.mid")
    content = bytearray((tmp_path / "film.mid").read_bytes())
    content[12:14] = bytes([frames % 256, 40])
    (tmp_path / "film.mid").write_bytes(content)
    notes = open_midi(tmp_path / "film.mid")[1][0]
    assert [note.pitch for note in notes] == TUNE
    np.testing.assert_allclose([note.start for note in notes], np.arange(16) * 12.5 / rate, atol=2e-3)


def test_tempo_and_key_may_be_told_in_any_track(tmp_path, recwarn):
    later = track(TUNE, "Melody")
    later.insert(17, mido.MetaMessage("set_tempo", tempo=1_000_000))  # after eight notes: half as fast
    later.insert(0, mido.MetaMessage("time_signature", numerator=3, denominator=4))
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks += [track([48] * 4, "Bass", 1, every=4), later]
    file.save(tmp_path / "song.mid")
    midi, (notes, _) = open_midi(tmp_path / "song.mid")
    assert midi.time_signature_changes[0].numerator == 3
    assert [one.category for one in recwarn.list] == [Notice]  # which says which track is the tune
    np.testing.assert_allclose(np.diff([note.start for note in notes]), [0.5] * 8 + [1.0] * 7, atol=1e-3)
    assert plain_midi((tmp_path / "song.mid").read_bytes()).read(4) == b"MThd"
