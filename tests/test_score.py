"""From words to music: pitch by rule, bars that add up, repeats played out, and a score whatever was read."""

from fractions import Fraction

import numpy as np
import pretty_midi
import pytest
from music21 import converter

from benchmarks.sheet_music.printed_tunes import (
    Layout,
    Section,
    bars_of,
    book_section,
    events_of,
    print_sections,
    shift_to,
)
from noteninja_lib.errors import UserError
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.omr import score
from noteninja_lib.omr import score as omr
from noteninja_lib.omr.measures import metre_length
from noteninja_lib.omr.vocabulary import (
    BAR_LINES,
    CLEFS,
    HIGHEST,
    LOWEST,
    METRES,
    VOCABULARY,
    key_alter,
    key_tokens,
    midi_pitch,
    pitch_name,
    step_of,
)

SHORT = {
    "|": "bar",
    "||": "double-bar",
    "|.": "final-bar",
    "|:": "repeat-start",
    ":|": "repeat-end",
    ":|:": "repeat-both",
    ".": "dot",
    "~": "tie",
    "(3": "triplet",
    "3)": "end-triplet",
    "[1": "ending:1",
    "[2": "ending:2",
    "#": "acc:#",
    "b": "acc:b",
    "n": "acc:n",
    "x": "acc:x",
    "bb": "acc:bb",
}


def words(text):
    """Words of a line, written shorter: "treble 4/4 0:4 . | r:1"; a note is its position and value."""
    found = []
    for word in text.split():
        if word in SHORT:
            found.append(SHORT[word])
        elif word in CLEFS:
            found.append(f"clef:{word}")
        elif word in METRES:
            found.append(f"time:{word}")
        elif word.startswith("r:"):
            found.append(f"rest:{word[2:]}")
        else:
            found.append(word if word in VOCABULARY else f"note:{word}")
    assert set(found) <= set(VOCABULARY)
    return found


def read(*lines, **given):
    return omr.read_bars([words(line) for line in lines], **given)


def names(bars):
    """Names of the notes, bar by bar; a rest is "-"."""
    return [
        [pitch_name(e.step, e.alter) if e.position is not None else "-" for e in bar.events] for bar in bars
    ]


def sums(bars):
    return [bar.sum for bar in bars]


def doubtful(bars):
    return [bar.number for bar in bars if bar.doubts]


def played(bars):
    return [midi for _, _, midi in score.played_notes(bars)]


def parsed(bars):
    """MusicXML of bars, parsed by music21."""
    return converter.parseData(omr.to_musicxml(bars), format="musicxml")


def told(stream):
    """(MIDI pitch or None, quarter notes, tie) of each note and rest of a score."""
    return [
        (n.pitch.midi if n.isNote else None, float(n.quarterLength), n.tie.type if n.tie else "")
        for n in stream.recurse().notesAndRests
    ]


# --- pitch --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "clef, bottom, top",
    [("treble", "E4", "F5"), ("bass", "G2", "A3"), ("alto", "F3", "G4"), ("tenor", "D3", "E4")],
)
def test_clefs(clef, bottom, top):
    assert names(read(f"{clef} 2/4 0:4 8:4 |.")) == [[bottom, top]]


def test_every_position_in_every_clef():
    """One white key after the other, from three ledger lines below to three above."""
    for clef in CLEFS:
        found = [midi_pitch(step_of(position, clef)) for position in range(LOWEST, HIGHEST + 1)]
        assert set(np.diff(found)) == {1, 2} and all(pitch % 12 in (0, 2, 4, 5, 7, 9, 11) for pitch in found)


def test_middle_c():
    assert {
        midi_pitch(step_of(position, clef))
        for clef, position in (("treble", -2), ("bass", 10), ("alto", 4), ("tenor", 6))
    } == {60}


@pytest.mark.parametrize("fifths", range(-7, 8))
def test_key_signatures(fifths):
    """The scale of the key has the steps of a major scale."""
    tonic = 28 + fifths * 4 % 7
    scale = [midi_pitch(step, key_alter(step, fifths)) for step in range(tonic, tonic + 8)]
    assert list(np.diff(scale)) == [2, 2, 1, 2, 2, 2, 1]
    line = ["clef:treble", *key_tokens(fifths), "time:4/4", "note:-2:1", "final-bar"]
    bars = omr.read_bars([line])
    assert bars[0].fifths == fifths
    assert parsed(bars).recurse().getElementsByClass("KeySignature").first().sharps == fifths


def test_accidentals():
    assert names(read("treble 5/4 # 0:4 b 1:4 x 2:4 bb 3:4 n 4:4 |.")) == [
        ["E#4", "F-4", "G##4", "A--4", "B4"]
    ]


def test_accidental_holds_till_the_bar_line_in_its_octave():
    bars = read("treble 4/4 # 1:4 1:4 8:4 1:4 | 1:4 # 1:4 n 1:4 1:4 |.")
    assert names(bars) == [["F#4", "F#4", "F5", "F#4"], ["F4", "F#4", "F4", "F4"]]


def test_accidental_against_the_key():
    bars = read("treble flat1 flat2 3/4 n 4:4 4:4 0:4 | 4:4 n 7:4 0:4 | 7:4 4:4 b 4:4 |.")
    assert names(bars) == [["B4", "B4", "E-4"], ["B-4", "E5", "E-4"], ["E-5", "B-4", "B-4"]]


def test_courtesy_accidental_is_written_again():
    bars = read("treble sharp1 2/4 # 1:4 n 1:4 | # 1:4 1:4 |.")
    assert names(bars) == [["F#4", "F4"], ["F#4", "F#4"]]
    xml = omr.to_musicxml(bars)
    assert (
        xml.count("<accidental>sharp</accidental>") == 2
        and xml.count("<accidental>natural</accidental>") == 1
    )


def test_tie_carries_the_accidental_over_the_bar_line():
    bars = read("treble 2/4 0:4 # 1:4 ~ | 1:4 1:4 |.")
    assert names(bars) == [["E4", "F#4"], ["F#4", "F4"]]
    assert score.played_notes(bars) == [(0, 1, 64), (1, 2, 66), (3, 1, 65)]
    assert [tie for _, _, tie in told(parsed(bars))] == ["", "start", "stop", ""]


def test_tie_over_several_bars_and_systems():
    bars = read("treble 2/4 # 1:2 ~ | 1:2 ~ |", "treble 1:2 |.")
    assert score.played_notes(bars) == [(0, 6, 66)]
    assert [tie for _, _, tie in told(parsed(bars))] == ["start", "continue", "stop"]


@pytest.mark.parametrize(
    "line",
    [
        "treble 2/4 0:4 ~ 2:4 |.",
        "treble 2/4 0:4 ~ r:4 |.",
        "treble 2/4 r:4 ~ 0:4 |.",
        "treble 2/4 0:4 ~ # 0:4 |.",
        "treble 2/4 0:4 0:4 ~ |.",
        "treble 2/4 ~ 0:4",
    ],
)
def test_tie_into_nothing_is_none(line):
    bars = read(line)
    assert not any(event.joined for bar in bars for event in bar.events)
    assert {tie for _, _, tie in told(parsed(bars))} == {""}


# --- time ---------------------------------------------------------------------------------------


def test_values_dots_and_triplets():
    bars = read(
        "treble C 0:2 0:8 0:16 0:32 0:32 r:4 | 0:2 . 0:8 . 0:16 | 0:2 . . 0:8 | "
        "(3 0:8 0:8 0:8 3) (3 0:4 0:8 3) 0:2 |."
    )
    assert [[event.quarters for event in bar.events] for bar in bars[1:]] == [
        [3, Fraction(3, 4), Fraction(1, 4)],
        [Fraction(7, 2), Fraction(1, 2)],
        [Fraction(1, 3)] * 3 + [Fraction(2, 3), Fraction(1, 3), 2],
    ]
    assert sums(bars) == [4] * 4 and doubtful(bars) == []
    assert [length for _, length, _ in told(parsed(bars))] == pytest.approx(
        [float(e.quarters) for b in bars for e in b.events]
    )


@pytest.mark.parametrize("metre", METRES)
def test_every_metre(metre):
    """A whole rest fills a bar of any metre."""
    bars = read(f"treble {metre} r:1 | r:1 |.")
    assert sums(bars) == [metre_length(metre)] * 2 and doubtful(bars) == []
    score = parsed(bars)
    assert score.recurse().getElementsByClass(
        "TimeSignature"
    ).first().barDuration.quarterLength == metre_length(metre)
    assert [length for _, length, _ in told(score)] == [metre_length(metre)] * 2


def test_whole_rest_beside_notes_is_a_whole_rest():
    assert sums(read("treble 3/2 r:1 0:2 | r:1 |.")) == [6, 6]


@pytest.mark.parametrize(
    "bar",
    [
        "(3 0:8 0:8 0:8 0:4",
        "0:8 0:8 0:8 3) 0:4",
        "0:4 (3 0:8 0:8 0:8",
        "(3 0:8 0:8 0:8 3) 3) 0:4",
        "(3 0:4 0:8 0:4",
        "0:4 (3 0:4 0:8",
    ],
)
def test_triplet_never_closed_is_the_one_that_fills_the_bar(bar):
    bars = read(f"treble 2/4 0:2 | {bar} | 0:2 |.")
    assert sums(bars) == [2, 2, 2] and doubtful(bars) == []


def test_wrong_bars_are_doubtful():
    bars = read("treble 3/4 0:4 0:4 0:4 | 0:4 0:4 | 0:4 0:4 0:4 | 0:4 0:4 0:4 0:8 | 0:2 . |.")
    assert doubtful(bars) == [2, 4]
    assert bars[1].doubts == ["its notes last 2 quarter notes in place of 3 quarter notes"]
    assert bars[3].doubts == ["its notes last 3 1/2 quarter notes in place of 3 quarter notes"]


def test_pickup_and_what_fills_it_up():
    bars = read("treble 4/4 0:4 | 0:1 | 0:2 . |.")
    assert [bar.number for bar in bars] == [0, 1, 2] and doubtful(bars) == []
    assert '<measure implicit="yes" number="0">' in omr.to_musicxml(bars)
    assert doubtful(read("treble 4/4 0:4 | 0:1 | 0:2 |.")) == [2]


def test_bars_split_by_repeats():
    bars = read("treble 6/8 0:8 |: 2:4 . 3:4 . | 2:4 . 3:4 :| 0:8 |: 2:4 . 3:4 . | 2:4 . 3:4 :|")
    assert doubtful(bars) == [] and [bar.number for bar in bars] == [0, 1, 2, 3, 4, 5]


def test_endings_that_lead_back_to_a_pickup():
    bars = read("treble 4/4 0:4 |: 0:1 | [1 0:2 . :| [2 0:1 |.")
    assert doubtful(bars) == []


def test_bar_split_between_systems():
    bars = read("treble 4/4 0:1 | # 1:2", "treble 1:4 2:4 | 0:1 |.")
    assert names(bars) == [["E4"], ["F#4", "F#4", "G4"], ["E4"]] and doubtful(bars) == []
    assert [[line for line, _, _ in bar.spans] for bar in bars] == [[0], [0, 1], [1]]


def test_bar_line_missed_at_the_end_of_a_line():
    bars = read("treble 4/4 0:1 | 1:1", "treble 2:1 | 0:1 |.")
    assert sums(bars) == [4] * 4 and doubtful(bars) == []


def test_where_bars_were_read():
    line = words("treble sharp1 4/4 0:1 | 1:2 2:2 |.")
    assert [[line[first:end] for _, first, end in bar.spans] for bar in omr.read_bars([line])] == [
        [["time:4/4", "note:0:1"]],
        [["note:1:2", "note:2:2"]],
    ]


# --- changes --------------------------------------------------------------------------------------


def test_key_change_with_cancel():
    bars = read("treble sharp1 sharp2 2/4 1:2 || cancel 1:2 | flat1 4:2 |.")
    assert names(bars) == [["F#4"], ["F4"], ["B-4"]]
    assert [k.sharps for k in parsed(bars).recurse().getElementsByClass("KeySignature")] == [2, 0, -1]


def test_courtesy_signatures_are_no_bars():
    bars = read("treble sharp1 4/4 1:1 | 1:1 || cancel flat1 3/4", "treble flat1 3/4 4:2 . | 4:2 . |.")
    assert names(bars) == [["F#4"], ["F#4"], ["B-4"], ["B-4"]] and doubtful(bars) == []
    score = parsed(bars)
    assert [k.sharps for k in score.recurse().getElementsByClass("KeySignature")] == [1, -1]
    assert [t.ratioString for t in score.recurse().getElementsByClass("TimeSignature")] == ["4/4", "3/4"]


def test_metre_change():
    bars = read("treble 6/8 0:4 . 0:4 . | 2/4 0:4 0:4 | 0:2 | 6/8 0:2 . |.")
    assert [bar.metre for bar in bars] == ["6/8", "2/4", "2/4", "6/8"] and doubtful(bars) == []


def test_signature_after_a_full_bar_shows_a_missed_bar_line():
    bars = read("treble 2/4 0:2 3/4 0:2 . |.")
    assert sums(bars) == [2, 3] and doubtful(bars) == []


def test_signature_inside_a_bar_is_left_out():
    bars = read("treble 4/4 0:4 sharp1 1:4 1:2 | 1:1 |.")
    assert names(bars) == [["E4", "F4", "F4"], ["F4"]] and doubtful(bars) == [1]


def test_clef_change_inside_a_bar():
    bars = read("treble 4/4 0:2 bass 0:2 | 0:1 | alto 0:1 treble |.")
    assert names(bars) == [["E4", "G2"], ["G2"], ["F3"]]
    score = parsed(bars)
    assert [c.sign + str(c.line) for c in score.recurse().getElementsByClass("Clef")] == ["G2", "F4", "C3"]
    assert [pitch for pitch, _, _ in told(score)] == [64, 43, 43, 53]


def test_one_line_read_unlike_the_others_is_put_right():
    bars = read(
        "treble sharp1 2/4 1:2 |", "bass sharp1 1:2 |", "treble sharp1 sharp2 7:2 |", "treble sharp1 1:2 |."
    )
    assert names(bars) == [["F#4"], ["F#4"], ["E5"], ["F#4"]] and doubtful(bars) == [2, 3]
    assert [bar.fifths for bar in bars] == [1] * 4
    after_a_part = read(
        "treble sharp1 2/4 1:2 |",
        "treble sharp1 1:2 ||",
        "treble sharp1 sharp2 5:2 ||",
        "treble sharp1 1:2 |.",
    )
    assert names(after_a_part) == [["F#4"], ["F#4"], ["C#5"], ["F#4"]] and doubtful(after_a_part) == []
    second = "treble sharp1 sharp2 5:2"
    changed = read(
        "treble sharp1 2/4 1:2 |", "treble sharp1 1:2 || sharp1 sharp2", f"{second} |", f"{second} |."
    )
    assert names(changed) == [["F#4"], ["F#4"], ["C#5"], ["C#5"]] and doubtful(changed) == []


def test_line_without_a_clef_goes_on_in_the_last_one():
    assert names(read("bass 2/4 0:2 |", "0:2 |.")) == [["G2"], ["G2"]]


@pytest.mark.parametrize(
    "bar, metre",
    [
        ("0:4 0:4 0:4", "3/4"),
        ("0:4 . 0:4 .", "6/8"),
        ("0:8 0:4 0:8 0:4", "6/8"),
        ("0:2 0:2", "4/4"),
        ("0:4 0:8 0:8", "2/4"),
        ("0:2 . 0:2 .", "12/8"),
        ("0:4 0:8", "3/8"),
    ],
)
def test_metre_that_was_not_read(bar, metre):
    bars = read(f"treble {bar} | {bar} | {bar} |.")
    assert metre_length(bars[0].metre) == metre_length(metre)
    assert metre_length(metre) != 3 or bars[0].metre == metre
    assert [bool(bar.remarks) for bar in bars] == [True, False, False] and not doubtful(bars)


def test_metre_read_wrong():
    line = "treble 2/4 0:4 0:4 0:4 | 0:2 . | 0:4 0:4 0:4 | 0:4 0:4 0:4 | 0:2 . |."
    assert {bar.metre for bar in read(line)} == {"3/4"} and not doubtful(read(line))
    assert "3/4 was taken" in read(line)[0].remarks[0]
    assert {bar.metre for bar in read(line, metre="2/4")} == {"2/4"} and doubtful(
        read(line, metre="2/4")
    ) == [1, 2, 3, 4, 5]


def test_a_line_in_another_metre_that_is_not_printed():
    bars = read("treble 4/4 0:2 0:2 | 0:1 | 0:1 |", "0:4 0:2 | 0:2 . | 0:2 . | 0:4 0:4 0:4 |.")
    assert [bar.metre for bar in bars] == ["4/4"] * 3 + ["3/4"] * 4 and not doubtful(bars)
    assert [number for number, bar in enumerate(bars, 1) if bar.remarks] == [4]


def test_rests_and_endings_are_no_other_metre():
    rests = read("treble 2/4 " + "0:4 0:4 | " * 8, "treble r:1 | r:1 | r:1 | 0:2 |.")
    assert {(bar.metre, bar.sum) for bar in rests} == {("2/4", 2)}
    jig = read(
        "treble 6/8 " + "0:4 . 0:4 . | " * 4, "treble [1 0:4 . 0:4 :| [2 0:4 . 0:4 |: 0:8 | 0:4 . 0:4 :|"
    )
    assert {bar.metre for bar in jig} == {"6/8"} and not doubtful(jig)


def test_a_bar_that_a_dashed_line_splits_is_one():
    bars = read("treble 3/4 0:2 . | 0:2 . | 0:2 | 0:4 | 0:4 0:4 0:4 |.")
    assert sums(bars) == [3] * 4 and bars[2].spans == [(0, 8, 9), (0, 10, 11)] and not doubtful(bars)
    kept = read("treble 3/4 0:4 | 0:2 | 0:2 . | 0:2 || 0:4 | 0:2 | 0:2 | 0:4 |.")  # others do not fit
    assert sums(kept) == [1, 2, 3, 2, 1, 2, 2, 1]


def test_corrections():
    line = "treble sharp1 C 1:2 1:2 || cancel 3/4 bass 1:2 . |."
    bars = read(line, clef="alto", key=-2, metre="C|")
    assert names(bars) == [["G3", "G3"], ["G3"]] and {bar.fifths for bar in bars} == {-2}
    assert [bar.metre for bar in bars] == ["C|", "C|"]
    for given in ({"clef": "soprano"}, {"key": 8}, {"metre": "4/5"}):
        with pytest.raises(UserError):
            read(line, **given)


# --- repeats ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, order",
    [
        ("0:1 | 1:1 | 2:1 |.", "012"),
        ("0:1 | 1:1 :| 2:1 |.", "01012"),
        ("0:1 |: 1:1 | 2:1 :| 3:1 |.", "012123"),
        ("|: 0:1 | 1:1 :|: 2:1 | 3:1 :|", "01012323"),
        ("0:1 :| 1:1 :|", "0011"),
        ("0:1 :| |: 1:1 | 2:1 :|", "001212"),
        ("|: 0:1 | [1 1:1 :| [2 2:1 |.", "0102"),
        ("|: 0:1 | [1 1:1 | 2:1 :| [2 3:1 | 4:1 || 5:1 |.", "0120345"),
        ("|: 0:1 | [1 1:1 :| [2 2:1 |: 3:1 | [1 4:1 :| [2 5:1 |.", "01023435"),
        ("|: 0:1 | [1 1:1 :| [2 2:1 :| 3:1 |.", "01023"),
        ("0:1 | [1 1:1 | [2 2:1 |.", "0102"),  # the repeat sign was missed
        ("0:1 | [1 1:1 | 2:1 | 3:1 |.", "0123"),  # a bracket without repeats
        ("0:1 | [2 1:1 | 2:1 |.", "012"),
        ("0:1 | 1:1 :| [2 2:1 |.", "0102"),  # the first bracket was missed
        ("0:1 |: 1:1 | 2:1 |.", "012"),
    ],
)
def test_repeats_are_played_out(line, order):
    bars = read(f"treble 4/4 {line}")
    assert "".join(map(str, score.play_order(bars))) == order
    scale = [64, 65, 67, 69, 71, 72]
    assert played(bars) == [scale[int(number)] for number in order]
    assert [pitch for pitch, _, _ in told(parsed(bars))] == scale[: len(bars)]  # written once


def test_repeats_and_brackets_are_written():
    score = parsed(read("treble 4/4 |: 0:1 | [1 1:1 | 2:1 :| [2 3:1 | 4:1 |.", "treble 5:1 |."))
    assert [line.direction for line in score.recurse().getElementsByClass("Repeat")] == ["start", "end"]
    assert [len(one) for one in score.recurse().getElementsByClass("RepeatBracket")] == [2, 2]
    expanded = score.parts[0].expandRepeats()
    assert [n.pitch.midi for n in expanded.recurse().notes] == [64, 65, 67, 64, 69, 71, 72]


def test_repeat_at_the_end_of_a_line_belongs_to_the_next():
    bars = read("treble 4/4 0:1 |:", "treble 1:1 :|")
    assert score.play_order(bars) == [0, 1, 1]


def test_tie_into_a_repeat_is_none():
    bars = read("treble 4/4 |: 0:1 | 0:1 ~ :| 0:1 |.")
    assert [start for start, _, _ in score.played_notes(bars)] == [0, 4, 8, 12, 16]


@pytest.mark.parametrize("number", range(12))
def test_tunes_in_any_key_and_clef_come_back_note_by_note(number):
    """Other code prints them as words."""
    draw, tune = np.random.default_rng(number), load_tunes("test")[25 * number]
    clef, fifths = list(CLEFS)[number % 4], int(draw.integers(-5, 6))
    shift, bars = shift_to(tune, clef, fifths), bars_of(events_of(tune), Fraction(tune.bar))
    section = Section(
        book_section(bars, last=True, repeats=False, pickup=False, endings=False), fifths, shift, tune.metre
    )
    lines = print_sections([section], Layout(clef, a_line=3, remind=lambda: draw.random() < 0.1))
    bars = omr.read_bars(lines)
    found, want = (
        score.played_notes(bars),
        [(start, lasts, pitch + shift) for start, lasts, pitch in tune.notes],
    )
    assert [pitch for _, _, pitch in found] == [pitch for _, _, pitch in want]
    assert np.allclose(
        [(float(start), float(lasts)) for start, lasts, _ in found], [note[:2] for note in want], atol=1e-3
    )
    assert doubtful(bars) == [] and bars[0].metre == tune.metre
    again = omr.to_tune(bars)
    assert [pitch for _, _, pitch in again.notes] == [
        pitch for _, _, pitch in want
    ] and again.length == tune.length


# --- out -------------------------------------------------------------------------------------------


def test_midi(tmp_path):
    bars = read("treble 4/4 0:4 1:4 2:2 :| 3/4 (3 0:4 0:4 0:4 3) # 1:4 |.")
    score.to_midi(bars).write(str(tmp_path / "out.mid"))
    midi = pretty_midi.PrettyMIDI(str(tmp_path / "out.mid"))
    found = [(round(midi.time_to_tick(n.start) / 480, 2), n.pitch) for n in midi.instruments[0].notes]
    assert found == [
        (0, 64),
        (1, 65),
        (2, 67),
        (4, 64),
        (5, 65),
        (6, 67),
        (8, 64),
        (8.67, 64),
        (9.33, 64),
        (10, 66),
    ]
    changes = [(t.numerator, t.denominator, round(t.time * 110 / 60, 2)) for t in midi.time_signature_changes]
    assert changes == [(4, 4, 0), (3, 4, 8)]


@pytest.mark.parametrize(
    "metre, quarters", [("4/4", 110), ("6/8", 165), ("C|", 160), ("3/2", 160), ("3/4", 110)]
)
def test_tempo_by_metre(metre, quarters):
    bars = read(f"treble {metre} r:1 | r:1 |.")
    assert score.quarters_a_minute(bars) == quarters
    assert f'tempo="{quarters}"' in omr.to_musicxml(bars)


def test_tune():
    bars = read("treble sharp1 3/4 0:4 |: 2:4 4:4 5:4 | 2:2 :| 2:4 | 2:2 . | 2:2 . |.")
    tune = omr.to_tune(bars, "A tune")
    assert (tune.title, tune.metre, tune.tonic, tune.mode) == ("A tune", "3/4", 7, "major")
    assert [note[0] for note in tune.notes] == [0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 14]
    assert tune.length == 18 and tune.chords


def test_tune_of_a_changing_metre_keeps_every_note_in_time():
    bars = read("treble 2/4 0:4 1:4 | 4/4 2:1 | 3:1 | 3/4 4:2 . | 2/4 5:2 |.")
    tune = omr.to_tune(bars)
    assert tune.metre == "4/4"
    assert [(start, duration) for start, duration, _ in tune.notes] == [
        (0, 1),
        (1, 1),
        (2, 4),
        (6, 4),
        (10, 3),
        (13, 2),
    ]


def test_nothing_read_is_no_tune():
    assert read("treble sharp1 4/4", "") == [] and omr.read_bars([]) == []
    with pytest.raises(UserError):
        omr.to_tune([])
    with pytest.raises(UserError):
        omr.to_tune(read("treble 4/4 0:1 | r:1 |."))


# --- nonsense ------------------------------------------------------------------------------------------

KINDS = (
    [word for word in VOCABULARY if word.startswith(("note:", "rest:"))],
    ["dot", "tie", "triplet", "end-triplet", "chord", "acc:#", "acc:b", "acc:n", "acc:x", "acc:bb"],
    ["bar", "bar", "bar", *BAR_LINES, "ending:1", "ending:2"],
    [word for word in VOCABULARY if word.startswith(("clef:", "time:", "sharp", "flat", "cancel"))],
)


@pytest.mark.filterwarnings("ignore:Warning. measure")  # some of these bars are too long
@pytest.mark.parametrize("seed", range(10))
def test_nonsense_gives_a_score_with_the_same_notes(seed):
    draw = np.random.default_rng(seed)
    for round_ in range(20):
        lines = []
        for _ in range(draw.integers(1, 4)):
            pools = draw.choice(4, draw.integers(0, 40), p=[0.55, 0.25, 0.15, 0.05]) if round_ % 2 else None
            lines.append(
                [str(draw.choice(KINDS[pool])) for pool in pools]
                if round_ % 2
                else list(map(str, draw.choice(VOCABULARY, draw.integers(0, 40))))
            )
        bars = omr.read_bars(lines)
        assert len(set(bar.number for bar in bars)) == len(bars) and all(
            bar.events and bar.metre for bar in bars
        )
        notes = sum(word.startswith("note:") for line in lines for word in line)
        assert notes == sum(event.position is not None for bar in bars for event in bar.events)
        if bars:
            found = told(parsed(bars))
            want = [
                (None if e.position is None else midi_pitch(e.step, e.alter), float(e.quarters))
                for bar in bars
                for e in bar.events
            ]
            assert [pitch for pitch, _, _ in found] == [pitch for pitch, _ in want]
            assert [length for _, length, _ in found] == pytest.approx(
                [length for _, length in want], abs=1e-3
            )
            assert len(score.play_order(bars)) <= 2 * len(bars)
            score.to_midi(bars)
