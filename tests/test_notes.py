"""Notes as musicians write them, in small files (`tests/notes`): what is played, and for how long."""

import contextlib
import re
import shutil
import subprocess
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from music21 import (
    chord,
    expressions,
    harmony,
    metadata,
    meter,
    note,
    percussion,
    spanner,
    stream,
    tempo,
    tie,
)

from noteninja_lib.errors import Notice, UserError
from noteninja_lib.music import score_io
from noteninja_lib.music.abc_notation import read_abc
from noteninja_lib.music.harmony import read_chord
from noteninja_lib.music.playback import perform, read_line
from noteninja_lib.music.playing_order import line_up
from noteninja_lib.music.score_io import read_roll
from noteninja_lib.source import read_source

HERE = Path(__file__).parent / "notes"
UP, DOWN = [60, 62, 64, 65, 67, 69, 71, 72], [72, 71, 69, 67, 65, 64, 62, 60]
XML = [60, 62, 64, 65, 67, 69, 67, 65]
#: Pitches of the tune in playing order; the length played, in quarter notes at 110 a minute, or in seconds.
READINGS = {
    "g01_aabb.abc": (2 * UP + 2 * DOWN, 32),
    "g01b_noopen.abc": (2 * UP + DOWN, 24),
    "g02_volta.abc": (UP + UP[:4] + [67, 67, 67], 16),
    "g03_pickup.abc": ([67, *UP, 72, 71, 69], 14),
    "g05_HP.abc": ([69, 73, 76, 73, 78, 73, 78, 73, 69, 73, 71, 69, 69], 16),
    "g15b_inlineK.abc": ([60, 62, 64, 65, 61, 62, 64, 66, 66, 61], 12),
    "g18d_nochord.abc": (UP + 4 * [72], 12),
    "g19b_text.abc": (UP, 8),
    "g19d_cont.abc": (UP, 8),
    "g19f_spacer.abc": (UP, 8),
    "g19g_dollar.abc": (UP, 8),
    "g20_parts.abc": (2 * UP + DOWN, 24),
    "g20b_dcfine.abc": (UP + DOWN + UP, 24),
    "g25_Z.abc": (UP, 24),
    "g26a_Q.abc": (UP, "8 s"),
    "g28d_overlay.abc": (UP, 8),
    "g32_acc.abc": ([61, 62, 61, 66, 65, 65, 67, 70, 70, 82], 12),
    "g36_dblcolon.abc": (2 * UP + 2 * DOWN, 32),
    "h5_book_slip.abc": (UP, 8),
    "h7_over.abc": ([60, 62, 64, 65, 67, 67, 69, 71, 72, 72, 71, 69, 67, 65], 17),
    "q1_Vhdr_inter.abc": (UP, 8),
    "m2_bells.mid": (2 * UP, "8 s"),
    "m6_smpte.mid": (2 * UP, "7.68 s"),
    "m7_song.kar": (2 * UP, "8 s"),
    "k1_sections.krn": (2 * UP + DOWN[:4], "20 s"),
    "k2_repeats.krn": (2 * [67, 69, 71, 72] + 2 * [74] + 8 * [69], 24),
    "e1_endings.mei": ([67, 69, 71, 78, 74, 67, 69, 71, 78, 67], "16 s"),
    "x1_repeat.musicxml": (2 * XML + [64, 62, 60, 62, 60], 24),
    "x2_volta.musicxml": (XML + XML[:4] + [64, 62, 60, 62, 60], 20),
    "x3_bflat.musicxml": ([58, 60, 62, 63, 65, 67, 65, 63], 8),
    "x4_voice_piano.musicxml": (XML, 8),
    "x5_tempo.musicxml": (XML, "8 s"),
    "x11_dcfine.musicxml": (XML + [64, 62, 60, 62, 60] + XML, 24),
    "x13_pickup.musicxml": ([67, *XML, 60], 13),
    "x15_voices.musicxml": ([72, 74, 76, 77, 79], 8),
}


def written(text):
    """The score of ABC text."""
    return score_io.parse_abc(text)[0]


@pytest.mark.parametrize("name", READINGS)
def test_what_is_written_is_played(name):
    pitches, length = READINGS[name]
    roll = read_roll(HERE / name)
    found = [note.pitch for note in roll.melody_notes()]
    assert found == pitches
    seconds = float(length.split()[0]) if isinstance(length, str) else length * 60 / 110
    assert roll.seconds == pytest.approx(seconds, abs=0.03)


def test_the_songs_own_accompaniment_is_played_and_no_other():
    piano = [note.pitch for note in read_roll(HERE / "x4_voice_piano.musicxml").accompaniment()]
    assert sorted(set(piano)) == [84, 88, 91] and len(piano) == 8
    alto = [note.pitch for note in read_roll(HERE / "x15_voices.musicxml").accompaniment()]
    assert alto == [67, 69, 67, 69, 64, 65, 67, 65]
    assert read_roll(HERE / "g26a_Q.abc").accompaniment()  # where there is none, chords are found


def test_chord_symbols_are_played_where_they_stand():
    notes = read_roll(HERE / "h2a_NC.abc").accompaniment()
    bars = [
        {note.pitch % 12 for note in notes if bar <= note.start * 110 / 240 + 0.01 < bar + 1}
        for bar in range(3)
    ]
    assert bars == [{0, 4, 7}, set(), {7, 11, 2}]


def test_beats_meet_the_bar_lines_after_a_pick_up():
    for name, late in (("x13_pickup.musicxml", 1), ("g03_pickup.abc", 2)):
        roll = read_roll(HERE / name)
        assert roll.beats[late] == pytest.approx(roll.melody_notes()[1].start, abs=0.02)
    part = stream.Part([meter.TimeSignature("6/8")])
    bars = [stream.Measure([note.Note("G4", quarterLength=0.5)])]
    bars += [stream.Measure([note.Note(name, quarterLength=1.5) for name in ("C4", "E4")]) for _ in range(3)]
    part.append(bars)
    roll = perform(stream.Score([part]))
    np.testing.assert_allclose(np.diff(roll.beats), 60 / 110, atol=1e-3)
    assert roll.beats[0] == pytest.approx(0.5 * 60 / 110 / 1.5, abs=1e-3)


def test_a_tempo_may_change_on_the_way():
    part = stream.Part([tempo.MetronomeMark(number=60)])
    part.append([note.Note(pitch, quarterLength=1) for pitch in (60, 62, 64, 65)])
    part.append(tempo.MetronomeMark(number=120))
    part.append([note.Note(pitch, quarterLength=1) for pitch in (67, 69, 71, 72)])
    starts = [one.start for one in perform(stream.Score([part])).melody_notes()]
    np.testing.assert_allclose(np.diff(starts), [1, 1, 1, 1, 0.5, 0.5, 0.5], atol=0.03)


def test_ties_graces_and_symbols_are_no_notes_of_their_own():
    part = stream.Part()
    first, second = note.Note("C4", quarterLength=2), note.Note("C4", quarterLength=1)
    first.tie, second.tie = tie.Tie("start"), tie.Tie("stop")
    grace = note.Note("D4").getGrace()
    for one in (first, second, grace, chord.Chord(["E4", "G4"], quarterLength=1)):
        part.append(one)
    part.insert(0, harmony.ChordSymbol("C"))
    line = read_line(part)
    assert line.voices == [[(0.0, 3.0, 60), (3.0, 1.0, 64), (3.0, 1.0, 67)]]


def test_drums_have_no_pitch():
    tune, drums = stream.Part([note.Note(pitch) for pitch in (60, 62, 64, 65, 67)]), stream.Part()
    drums.append([note.Unpitched("C5") for _ in range(4)])
    drums.append(percussion.PercussionChord([note.Unpitched("C5"), note.Note("D4")]))
    roll = perform(stream.Score([tune, drums]))
    assert {one.pitch for one in roll.melody_notes()} == {60, 62, 64, 65, 67}
    assert [one.pitch for one in roll.accompaniment()] == [62]


def test_signs_that_cannot_be_followed_are_passed_over():
    part = stream.Part()
    bars = [stream.Measure([note.Note(pitch, quarterLength=4)]) for pitch in (60, 62, 64, 65, 67)]
    bars[2].append(expressions.TextExpression("D.S. al Coda"))
    part.append(bars)
    assert [one.pitch for one in perform(stream.Score([part])).melody_notes()][:5] == [60, 62, 64, 65, 67]


def test_of_a_book_the_first_tune_is_taken_and_that_is_said():
    with pytest.warns(Notice, match="the first of 2 tunes: t; --tune chooses another"):
        assert [one.pitch for one in read_roll(HERE / "g14_two.abc").melody_notes()] == UP
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_roll(HERE / "g01_aabb.abc")


@pytest.mark.parametrize(
    "order, played", [("AAB", "aab"), ("A2B2", "aabb"), ("(AB)2A", "ababa"), ("A.B.A", "aba"), ("AXB", "ab")]
)
def test_parts_of_abc_in_any_order(order, played):
    text = f"X:1\nM:4/4\nL:1/4\nP:{order}\nK:C\nP:A\naaaa|\nP:B\nbbbb|\n"
    found = [one.pitch for one in read_roll(written(text)).melody_notes()]
    assert found == [pitch for part in played for pitch in 4 * [{"a": 81, "b": 83}[part]]]


@pytest.mark.parametrize(
    "text",
    [
        "M:4/0\nL:1/0\nK:C\nCDEF|Z2|G",
        "M:0/4\nK:C\nZ99999|C",
        "P:((A9)9)9\nK:C\nP:A\nC\nP:B\nD\n",
        "K:\n[K:]&&",
    ],
)
def test_odd_headers_are_survived(text):
    with contextlib.suppress(UserError):
        score_io.read_notes(f"X:1\n{text}")


def test_bars_of_rest_are_as_long_as_bars():
    for head, bar in (("M:4/4\nL:1/4", 4), ("M:6/8\nL:1/8", 3), ("M:3/4", 3), ("M:2/4", 2)):
        (part,) = read_abc(f"{head}\nK:C\nCD|Z2|E").parts
        assert [float(one.highestTime) for one in part.getElementsByClass("Measure")][1:3] == [bar, bar]


def names_of(text):
    """The notes of the first part of ABC text, as music21 names them."""
    return " ".join(one.nameWithOctave for one in read_abc(text).parts[0].flatten().notes if one.isNote)


def test_spaces_and_signs_of_one_letter_are_no_notes():
    assert names_of("C D | y2 E $ F") == "C4 D4 E4 F4"
    assert names_of("K:C\nvA ud``d k[Be] J.c|F4!\n") == "A4 D5 D5 C5 F4"


def test_a_mode_that_is_named_is_the_mode():
    tune = score_io.read_notes(HERE / "z11_Dmix.abc")
    assert (tune.tonic, tune.mode) == (2, "mixolydian")


def test_voices_written_in_turn_sound_together():
    roll = read_roll(HERE / "q1_Vhdr_inter.abc")
    assert [note.pitch for note in roll.accompaniment()] == [48, 50, 52, 53, 55, 57, 59, 60]
    assert roll.accompaniment()[0].start == roll.melody_notes()[0].start == 0


def test_accidentals_hold_to_the_bar_line_and_what_is_no_note_is_left_alone():
    assert names_of('K:C\n^c d "Ac"C {f} !f!f|c =c c') == "C#5 D5 C#4 F5 C5 C5 C5"
    assert names_of("K:C\nC\nw: a b c d e\nD") == "C4 D4"
    assert names_of("K:C\n[K:Bb]_e e' =E,|e") == "E-5 E-6 E3 E-5"


@pytest.mark.parametrize(
    "music, order",
    [
        ("A|!segno!B|C!fine!|D!D.S.!|]", "ABCDBC"),
        ("A|B!dacoda!|C|D!D.C.alcoda!|!coda!E|]", "ABCDABE"),
        ("A|!segno!B|C!coda!|D!D.S.alcoda!|!coda!E|]", "ABCDBCE"),
        ('A|S B|"Fine"C|:D:|E"D.S. al Fine"|]', "ABCDDEBC"),
        ("|:A|1B:|2C||D!D.C.!|]", "ABACDACD"),
        ("A|B!D.S.!|C|D|]", "ABCD"),  # to no sign
        ("|:A|1,3B:|2C:|4D||E:|F|]", "ABACABADEEF"),
        ("A:|B||C:|D|]", "AABCCD"),
        ("|::A::|B|]", "AAAB"),
        ("|:A|[1B|C:|[2D|E|]F:|", "ABCADEFF"),
    ],
)
def test_signs_are_followed(music, order):
    """A letter for a bar."""
    bars = re.sub(
        r"[A-F](?!\.)(?![a-z])", lambda found: f"{found[0]}4" if found[0] in "ABCDEF" else "", music
    )
    found = [one.pitch for one in read_roll(written(f"X:1\nM:4/4\nL:1/4\nK:C\n{bars}\n")).melody_notes()]
    assert found == [dict(A=69, B=71, C=60, D=62, E=64, F=65)[name] for name in order]


def test_overlays_are_accompaniment():
    assert [one.pitch for one in read_roll(HERE / "g28d_overlay.abc").accompaniment()] == [64]


def test_what_can_not_be_read_is_named_with_its_bar():
    with pytest.warns(Notice, match="^Bar 1 of the ABC text is too full.$"):
        assert score_io.read_notes(HERE / "h7_over.abc").metre == "4/4"
    text = 'X:1\nM:4/4\nL:1/4\nK:C\nC|"C"CDEF|"Cx9q/"GABc|"Chorus"c4|'
    with pytest.warns(
        Notice, match="^Chord symbols that can't be read are left out: Cx9q/ in bar 2.$"
    ) as told:
        read_abc(text)
    assert len(told) == 1
    with pytest.warns(Notice, match="^What is no ABC is passed over: } in line 5 of the tune.$"):
        read_abc("X:1\nM:4/4\nL:1/4\nK:C\nCDEF}|")


@pytest.mark.parametrize(
    "text, root, kind",
    [
        ("Am7", "A", "minor-seventh"),
        ("F#dim", "F#", "diminished"),
        ("(Bbmaj7/D)", "B-", "major-seventh"),
        ("Gsus4", "G", "suspended-fourth"),
        ("C7#9", "C", "dominant-seventh"),
        ("Em7b5", "E", "half-diminished-seventh"),
        ("D6", "D", "major-sixth"),
        ("Cadd9", "C", "major"),
        ("E5", "E", "power"),
        ("E-7", "E", "minor-seventh"),
        ("F#-6", "F#", "minor-sixth"),
        ("N.C.", "", "none"),
    ],
)
def test_chord_symbols(text, root, kind):
    assert read_chord(text) == (root, kind)
    assert read_chord("Am I blue") is read_chord("tacet") is read_chord("H7") is None


def test_a_part_is_chosen_by_number_or_name_and_what_was_taken_is_said():
    song = HERE / "x4_voice_piano.musicxml"
    with pytest.warns(Notice, match="^tune: part 1, Voice; --part chooses another"):
        read_roll(song)
    for wish in ("2", "piano", "Pia"):
        assert {one.pitch for one in read_roll(song, part=wish).melody_notes()} == {84, 88, 91}
    assert {pitch for _, _, pitch in score_io.read_notes(song, part="2").notes} == {84, 88, 91}
    with pytest.raises(
        UserError, match="'flute' is not there among the parts of this file: 1 Voice; 2 Piano"
    ):
        read_roll(song, part="flute")
    with pytest.raises(UserError, match="leave out --tune"):
        read_roll(song, tune="2")
    with pytest.raises(UserError, match="not there among the tracks of this file: 1 Melody"):
        read_roll(HERE / "m2_bells.mid", part="3")


def test_a_tune_is_chosen_from_a_book_by_number_or_title(tmp_path):
    book = tmp_path / "book.abc"
    tunes = ("7", "The Rose", "CDEF|GABc|"), ("3", "Rose, The second", "cBAG|FEDC|"), ("9", "7", "[CDEFGG|]")
    book.write_text(
        "".join(f"X:{x}\nT:{title}\nM:4/4\nL:1/4\nK:C\n{abc}\n\nwords\n\n" for x, title, abc in tunes)
    )
    for wish in ("3", "rose, the second", "Rose,"):
        assert [one.pitch for one in read_roll(book, tune=wish).melody_notes()] == DOWN
    assert [pitch for _, _, pitch in score_io.read_notes(book, tune="7").notes] == UP  # X: before titles
    with pytest.warns(Notice, match=r"passed over: \[ in line 6 of the tune.$"):
        read_roll(HERE / "h5_book_slip.abc", tune="2")
    with pytest.raises(UserError, match="'1' is not there .*: 7 The Rose; 3 Rose, The second; 9 7."):
        read_roll(book, tune="1")


def test_without_repeats_each_part_is_played_once_with_its_last_ending():
    assert [one.pitch for one in read_roll(HERE / "g01_aabb.abc", repeats=False).melody_notes()] == UP + DOWN
    for name, first in (("x2_volta.musicxml", XML[:4]), ("x11_dcfine.musicxml", XML)):
        once = [one.pitch for one in read_roll(HERE / name, repeats=False).melody_notes()]
        assert once == [*first, 64, 62, 60, 62, 60]
        assert [pitch for _, _, pitch in score_io.read_notes(HERE / name).notes] == once


def test_sections_of_mei_are_played_in_the_order_of_their_list(tmp_path):
    text = (HERE / "e1_endings.mei").read_text()
    text = text.replace("<ending n=", "<section xml:id=").replace("</ending>", "</section>")
    text = text.replace(
        '<section><measure n="1"',
        '<section><expansion plist="#a #1 #a #a #2"/><section xml:id="a"><measure n="1"',
    )
    (tmp_path / "a.mei").write_text(text.replace('<section xml:id="1"', '</section><section xml:id="1"', 1))
    first = [67, 69, 71, 78]
    found = [one.pitch for one in read_roll(tmp_path / "a.mei").melody_notes()]
    assert found == [*first, 74, *first, *first, 67]
    once = [one.pitch for one in read_roll(tmp_path / "a.mei", repeats=False).melody_notes()]
    assert once == [*first, 74, 67]


def test_files_of_musescore_are_read_by_musescore(tmp_path, monkeypatch):
    (tmp_path / "song.mscz").write_bytes(b"PK")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="export it as MusicXML"):
        read_source(tmp_path / "song.mscz")

    def run(command, **options):
        assert command[1:3] == [str((tmp_path / "song.mscz").resolve()), "-o"]
        shutil.copy(HERE / "x1_repeat.musicxml", command[3])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(score_io.shutil, "which", lambda name: name if name == "MuseScore4" else None)
    monkeypatch.setattr(score_io.subprocess, "run", run)
    assert len(read_roll(tmp_path / "song.mscz").melody_notes()) == 21
    monkeypatch.setattr(score_io.subprocess, "run", lambda *a, **o: subprocess.CompletedProcess(a, 1))
    with pytest.raises(UserError, match="MuseScore could not read song.mscz"):
        read_roll(tmp_path / "song.mscz")


def test_kinds_that_can_not_be_read_are_told_from_broken_files(tmp_path):
    for name in ("song.gp5", "song.sib"):
        (tmp_path / name).write_bytes(b"?")
        with pytest.raises(UserError, match="no kind of notes that can be read: export it as one of .*.krn"):
            read_source(tmp_path / name)
    for name in ("song.krn", "song.mei"):
        (tmp_path / name).write_bytes(b"?")
        with pytest.raises(UserError, match=f"{name} can't be read as"):
            read_source(tmp_path / name)


def test_only_in_notes_there_is_something_to_choose(tmp_path):
    (tmp_path / "song.mp3").write_bytes(b"?")
    with pytest.raises(UserError, match="There is no file"):
        read_source(tmp_path / "sonh.mp3", part="2")
    for song in (np.zeros(22050, np.float32), tmp_path / "song.mp3"):
        with pytest.raises(UserError, match="chosen in files of notes"):
            read_source(song, part="2")
    assert read_source(HERE / "g01_aabb.abc", repeats=False).piano_roll.seconds == pytest.approx(
        16 * 60 / 110, abs=0.2
    )


def test_music_that_lasts_for_days_is_refused():
    with pytest.raises(UserError, match="lasts longer than three hours"):
        read_roll(written("X:1\nL:8/1\nK:C\n" + "C999 " * 9))


def test_what_is_no_music_is_one_sentence(tmp_path):
    (tmp_path / "a.musicxml").write_text("<score-partwise/>")
    (tmp_path / "b.kar").write_bytes(b"MThd\0\0")
    for name in ("a.musicxml", "b.kar"):
        with pytest.raises(UserError) as said:
            read_source(tmp_path / name)
        assert str(said.value).count(".") <= 3 and "\n" not in str(said.value)
    few = stream.Score([stream.Part([note.Note("C4")])])
    few.metadata = metadata.Metadata(title="x")
    with pytest.raises(UserError, match="fewer than four"):
        score_io.read_roll(few)


def test_a_tempo_may_be_for_playing_only_and_is_what_is_played(tmp_path):
    text = (HERE / "x5_tempo.musicxml").read_text()
    mark = re.search(r"<direction.*?</direction>", text, re.S)[0]
    metronome = "<metronome><beat-unit>quarter</beat-unit><per-minute>{}</per-minute></metronome>"
    for inside, sound, seconds in (
        ("<words>Lento</words>", '<sound tempo="30"/>', 16),
        (metronome.format(60), '<sound tempo="120"/>', 4),
        (metronome.format("ca. 60-66"), "", 8),
    ):
        direction = f"<direction><direction-type>{inside}</direction-type>{sound}</direction>"
        (tmp_path / "a.musicxml").write_text(text.replace(mark, direction))
        assert read_roll(tmp_path / "a.musicxml").seconds == pytest.approx(seconds, abs=0.03)


def test_endings_may_have_many_bars_and_no_sign_of_repeat():
    part = stream.Part([stream.Measure([note.Note(p, quarterLength=4)]) for p in range(60, 68)])
    bars = list(part.getElementsByClass("Measure"))
    part.insert(0, spanner.RepeatBracket([bars[2], bars[4]], number=1))  # as files name them: both ends
    part.insert(0, spanner.RepeatBracket([bars[5], bars[6]], number=2))
    found = [one.pitch for one in perform(stream.Score([part])).melody_notes()]
    assert found == [60, 61, 62, 63, 64, 60, 61, 65, 66, 67]


def test_what_is_sung_is_the_tune_and_small_print_beside_it_is_not_played():
    bars = []
    for number, sung in enumerate((0, 1)):
        bar, voices = stream.Measure(number=number), (stream.Voice(id="1"), stream.Voice(id="2"))
        for place, voice in enumerate(voices):
            voice.append([note.Note(72 - 5 * place + step, quarterLength=1) for step in (0, 2, 4, 5)])
            for one in voice.notes:
                one.lyric = "la" if place == sung else None
            bar.insert(0, voice)
        bars.append(bar)
    for one in bars[0].voices[1].notes:
        one.style.noteSize = "cue"
    roll = perform(stream.Score([stream.Part(bars)]))
    assert [one.pitch for one in roll.melody_notes()] == [72, 74, 76, 77, 67, 69, 71, 72]
    assert [one.pitch for one in roll.accompaniment()] == [72, 74, 76, 77]


def test_a_lower_staff_has_one_upper_voice():
    part = stream.Part([stream.Measure([note.Note(p, quarterLength=4)]) for p in (48, 50)])
    voices = [stream.Voice([note.Note(p, quarterLength=4)], id=name) for name, p in (("5", 52), ("6", 40))]
    part.append(stream.Measure(voices))
    for one in part.getElementsByClass("Measure")[-1].voices:
        part.getElementsByClass("Measure")[-1].setElementOffset(one, 0)
    assert read_line(part).voices == [[(0, 4, 48), (4, 4, 50), (8, 4, 52)], [(8, 4, 40)]]


def test_bars_that_stand_one_above_another_begin_together():
    voice = stream.Part([stream.Measure([meter.TimeSignature("4/4"), note.Rest(quarterLength=4)])])
    piano = stream.Part([stream.Measure([meter.TimeSignature("4/4"), note.Note("C3", quarterLength=1)])])
    voice.append(
        stream.Measure([meter.TimeSignature("6/8"), *(note.Note("A4", quarterLength=1.5) for _ in "ab")])
    )
    piano.append(stream.Measure([meter.TimeSignature("2/4"), note.Note("D3", quarterLength=2)]))
    voice.append(stream.Measure([note.Note("B4", quarterLength=3)]))
    piano.append(stream.Measure([note.Note("E3", quarterLength=2)]))
    other = deepcopy(piano)
    line_up([voice, piano, other])
    assert read_line(voice).voices == [[(1, 1, 69), (2, 1, 69), (3, 2, 71)]]
    assert read_line(piano).voices == [[(0, 1, 48), (1, 2, 50), (3, 2, 52)]]
    assert voice.highestTime == piano.highestTime == 5


HEAD = "M:4/4\nL:1/4\nK:C\n"


@pytest.mark.parametrize(
    "text, bars",
    [
        ("(& CDEF | GABc & E4 | D4 &) | cccc |", ["CDEF+E", "GABC+D", "CCCC"]),
        ("(& CDEF | GABc |\n& E4 | D4 & C4 | G4 | &) cccc |", ["CDEF+E+C", "GABC+D+G", "CCCC"]),
        ("CDEF | GABc && E4 | D4 | cccc |", ["CDEF+E", "GABC+D", "CCCC"]),
        ("(& CDEF | GABc & E4 | D4", ["CDEF+E", "GABC+D"]),
        ("CDEF & E4 | GABc | cccc | &)", ["CDEF+E", "GABC", "CCCC"]),
        ("CDEF | (& GABc & E4 | D4 | B4 &) | cccc |", ["CDEF", "GABC+E", "D", "B", "CCCC"]),
    ],
)
def test_overlays_may_have_several_bars(text, bars):
    found = [
        "+".join("".join(one.name for one in voice.notes) for voice in list(bar.voices) or [bar])
        for bar in read_abc(HEAD + text).parts[0].getElementsByClass("Measure")
    ]
    assert found == bars


@pytest.mark.parametrize(
    "macros, music, notes",
    [
        ("m: ~G2 = G/A/G\n", "~G2 ~G C", "G4 A4 G4 G4 C4"),
        ("m:~n3={o}n{m}no/m/n/\n", "~c3 ~B,3 ~a'3 ~n3", "C5 C5 D5 B4 C5 B3 B3 C4 A3 B3 A6 A6 B6 G6 A6"),
        ("m: ~n = nn\nm: ~n2 = hn\n", '~C ~C2 "~C"D ~C/', "C4 C4 D3 C4 D4 C4"),
        ("m: a = bb\nm: b = aa\n", "ab", "B5 B5 A5 A5"),  # once only
    ],
)
def test_macros_are_written_out(macros, music, notes):
    assert names_of(f"{macros}K:C\n{music}\n") == notes
    assert names_of(f"K:C\n{macros}{music}\n") == notes


def starts_of(song):
    """Onsets of the tune in quarter notes at 110 a minute."""
    return [one.start * 110 / 60 for one in read_roll(song).melody_notes()]


EVEN, SWUNG = [0, 0.5, 1, 2, 2.75, 3, 3.25, 3.5], [0, 2 / 3, 1, 2, 2 + 2 / 3, 3, 3.25, 3.5]


@pytest.mark.parametrize(
    "field, starts",
    [
        ('Q:"Swing"', SWUNG),
        ("R:Shuffle", SWUNG),
        ("R: hornpipe", SWUNG),
        ("N:Swing the eighths.", SWUNG),
        ("N:From the Swing Inn", EVEN),
        ("R:reel", EVEN),
        ('Q:"straight"', EVEN),
    ],
)
def test_swing_is_played_where_a_tune_asks_for_it(field, starts):
    score = written(f"X:1\nM:4/4\nL:1/8\n{field}\nK:C\nCDE2 F>GA/B/c|")
    np.testing.assert_allclose(starts_of(score), starts, atol=0.02)


def test_swing_begins_and_ends_on_the_way_and_after_a_pick_up():
    score = written('X:1\nM:4/4\nL:1/8\nK:C\nC|"^Swing"CD EF G2 "^straight"AB|')
    np.testing.assert_allclose(starts_of(score), [0, 0.5, 1 + 1 / 6, 1.5, 2 + 1 / 6, 2.5, 3.5, 4], atol=0.02)
    score = written("X:1\nM:2/4\nL:1/16\nR:hornpipe\nK:C\nCDEF G2A2|")
    np.testing.assert_allclose(starts_of(score), [0, 1 / 3, 0.5, 5 / 6, 1, 1.5], atol=0.02)
    assert (
        len({one for one in np.diff(starts_of(written("X:1\nM:6/8\nR:swing\nK:C\nCDEF GA|"))).round(1)}) == 1
    )
    tune = score_io.written_tune(written("X:1\nM:4/4\nL:1/8\nR:swing\nK:C\nCDEF GABc|"))
    assert [start for start, _, _ in tune.notes] == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]  # as it is written


def test_swing_in_other_files(tmp_path):
    text = (HERE / "x4_voice_piano.musicxml").read_text().replace("<type>quarter</type>", "")
    text = re.sub(r"<divisions>(\d+)<", lambda found: f"<divisions>{2 * int(found[1])}<", text)
    swing = "<sound><swing><first>3</first><second>1</second><swing-type>eighth</swing-type></swing></sound>"
    for sign in (swing, f"<direction><direction-type><words/></direction-type>{swing}</direction>"):
        (tmp_path / "a.musicxml").write_text(text.replace("</attributes>", f"</attributes>{sign}"))
        found = starts_of(tmp_path / "a.musicxml")
        np.testing.assert_allclose(found[:4], [0, 0.75, 1, 1.75], atol=0.02)
    kern = "**kern\n*M4/4\n!!!OMD: Swing\n=1\n8c\n8d\n8e\n8f\n8g\n8a\n8b\n8cc\n==\n*-\n"
    (tmp_path / "a.krn").write_text(kern)
    np.testing.assert_allclose(starts_of(tmp_path / "a.krn")[:3], [0, 2 / 3, 1], atol=0.02)


def test_what_humdrum_does_not_say_clearly_is_named(tmp_path, capsys):
    text = (HERE / "k2_repeats.krn").read_text().replace("4b\n", "4ZZ\n", 1)
    (tmp_path / "a.krn").write_text(text)
    with pytest.warns(Notice, match="^what can't be read in a.krn is left out: 4ZZ in line 7$"):
        read_roll(tmp_path / "a.krn")
    assert not capsys.readouterr().err


def test_tunes_with_one_number_are_told_apart(tmp_path):
    book, tune = tmp_path / "book.abc", "X:7\nT:Rose\nM:4/4\nL:1/4\nK:C\n{}\n\n"
    book.write_text(tune.format("CDEF|GABc|") + tune.format("cBAG|FEDC|") + "X:8\nT:Rose\nK:C\nGGGG|\n")
    for wish, pitches in (("7 (1)", UP), ("7 (2)", DOWN), ("8", [67] * 4)):
        assert [one.pitch for one in read_roll(book, tune=wish).melody_notes()] == pitches
    with pytest.raises(UserError, match=r"'7' is not one alone .*: 7 \(1\) Rose; 7 \(2\) Rose; 8 Rose\."):
        read_roll(book, tune="7")
