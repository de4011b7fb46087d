"""From a page to a score: read, corrected, drawn, saved, converted; and what is refused.

Where the answer must be known, a stand-in for the network says which words stand in each staff; all else
is real.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pretty_midi
import pytest
from music21 import converter
from PIL import Image

from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.errors import UserError
from noteninja_lib.models.checkpoints import models_folder, write_checksums
from noteninja_lib.models.crnn import Symbol
from noteninja_lib.omr import recognition
from noteninja_lib.omr.rendering import FONTS, engrave, rasterise
from noteninja_lib.omr.score import played_notes, read_bars
from noteninja_lib.omr.vocabulary import MARKS
from noteninja_lib.settings import read_settings
from noteninja_lib.source import read_source

LINES = [
    line.split()
    for line in (
        "clef:treble sharp1 time:3/4 note:2:4 repeat-start note:2:4 note:4:4 note:6:4 bar "
        "note:5:2 note:1:4 repeat-end",
        "clef:treble sharp1 note:3:4 note:4:4 note:5:4 bar note:4:4 note:3:4 bar note:2:2 final-bar",
    )
]


@pytest.fixture(scope="module")
def page():
    """A printed page with LINES on it."""
    return rasterise(engrave(LINES, width=1500), 0.6)


@pytest.fixture
def picture(page, tmp_path):
    path = tmp_path / "Notenblatt é.png"
    cv2.imencode(".png", page)[1].tofile(path)
    return path


@pytest.fixture
def answers(monkeypatch):
    """Let the network answer with given lines, one for each staff, evenly spread over it."""

    def say(lines, confidence=0.99, marks=()):
        left, above = [list(line) for line in lines], [list(line) for line in marks]

        def read_staff_image(network, staff_image, words):
            if words is MARKS:  # first all that stands above staves, then what stands below
                placed = above.pop(0) if above else []
                return [Symbol(word, column, 0.9) for word, column in placed]
            if not left:  # what is hardly read is turned upside down and read again
                return []
            line = left.pop(0)
            columns = np.linspace(16, staff_image.shape[1] - 12, len(line))
            sure = np.broadcast_to(confidence, len(line))
            assert staff_image.shape[0] == 96 and staff_image.dtype == np.uint8 and set(line) <= set(words)
            return [Symbol(word, column, share) for word, column, share in zip(line, columns, sure)]

        monkeypatch.setattr(recognition, "read_staff_image", read_staff_image)
        monkeypatch.setattr(recognition, "load_model", lambda kind, folder=None, name=None: None)

    return say


def test_a_page_becomes_a_score(page, answers):
    answers(LINES)
    done = []
    sheet = recognition.read_sheet(page, progress=done.append)
    assert sheet.tokens() == LINES and done == pytest.approx([0.35, 0.7, 1.0])
    assert [n.nameWithOctave for n in sheet.score.recurse().notes][:4] == ["G4", "G4", "B4", "D5"]
    assert [doubt.number for doubt in sheet.doubtful] == [4]
    assert (
        sheet.doubtful[0].line == 1
        and sheet.doubtful[0].why == "its notes last 2 quarter notes in place of 3 quarter notes"
    )
    assert sheet.summary() == {
        "staffs": 2,
        "bars": 6,
        "notes": 12,
        "clef": "treble",
        "key": 1,
        "metre": "3/4",
        "chords": 0,
        "tunes": 1,
        "doubtful": [4],
    }
    assert str(sheet) == (
        "2 staffs, 6 bars, 12 notes; treble clef, 1 sharp (G major or E minor), 3/4. "
        "Doubtful bars: 4 (staff 2)."
    )
    assert len(sheet.tune().notes) == 5 + 5 + 6 and sheet.tempo == 110


def test_a_page_on_which_little_adds_up_is_doubted_whole(page, answers):
    """So look two voices in one staff, of which one is read."""
    lengths = (
        ["note:2:2", "dot"],
        ["note:2:1"],
        ["note:3:4"],
        ["note:4:2"],
        ["note:5:2", "note:5:8"],
        ["note:6:1", "note:2:4"],
    )
    odd = ["clef:treble", "time:3/4", *(word for bar in lengths for word in (*bar, "bar"))]
    answers([odd, odd])
    assert "more than half" in recognition.read_sheet(page).warnings()[-1]
    answers(LINES)
    assert not any("more than half" in warning for warning in recognition.read_sheet(page).warnings())


def test_corrections_need_no_second_reading(page, answers):
    answers(LINES)
    sheet = recognition.read_sheet(page)
    other = sheet.corrected(clef="bass", key=-2, metre="2/4")
    assert (other.bars[0].clef, other.bars[0].fifths, other.bars[0].metre) == ("bass", -2, "2/4")
    assert other.tokens() == LINES and sheet.bars[0].clef == "treble" and other.corrected().bars == sheet.bars
    assert [n.nameWithOctave for n in other.score.recurse().notes][:3] == ["B-2", "B-2", "D3"]
    answers(LINES)
    assert recognition.read_sheet(page, clef="bass", key=-2, metre="2/4").bars == other.bars
    for wrong in ({"clef": "soprano"}, {"key": 9}, {"metre": "3/7"}):
        with pytest.raises(UserError):
            sheet.corrected(**wrong)


def test_a_doubtful_bar_is_pointed_at(page, answers):
    """Its outline lies on its staff, and those of neighbours do not overlap."""
    answers(LINES)
    sheet = recognition.read_sheet(page)
    boxes = [sheet.outlines(bar.number)[0] for bar in sheet.bars]
    edges = [
        (outline[:, 0].min(), outline[:, 0].max(), outline[:, 1].min(), outline[:, 1].max())
        for _, outline in boxes
    ]
    assert all(number == 0 for number, _ in boxes)
    assert all(
        0 <= left < right <= page.shape[1] and 0 <= top < bottom <= page.shape[0]
        for left, right, top, bottom in edges
    )
    for before, after in ((0, 1), (1, 2), (3, 4), (4, 5)):
        assert edges[before][1] <= edges[after][0] + 1
    assert edges[2][3] < edges[3][2]  # the second staff is below the first
    ink = [
        (page[round(top) : round(bottom), round(left) : round(right)] < 128).mean()
        for left, right, top, bottom in edges
    ]
    assert min(ink) > 0.05


def test_a_bar_split_between_lines_has_two_outlines(page, answers):
    answers(
        [
            ["clef:treble", "time:4/4", "note:0:1", "bar", "note:0:2"],
            ["clef:treble", "note:0:2", "bar", "note:0:1", "final-bar"],
        ]
    )
    sheet = recognition.read_sheet(page)
    first, second = sheet.outlines(2)
    assert len(sheet.bars) == 3 and first[1][:, 1].max() < second[1][:, 1].min()


def test_an_unclear_symbol_makes_its_bar_doubtful(page, answers):
    answers([LINES[0], LINES[0]], np.where(np.arange(len(LINES[0])) == 7, 0.05, 0.95))
    sheet = recognition.read_sheet(page)
    assert LINES[0][7] == "note:6:4" and [
        doubt.number for doubt in sheet.doubtful if "recognised" in doubt.why
    ] == [1, 4]


@pytest.mark.parametrize(
    "symbol, doubtful",
    [
        (Symbol("note:4:4", 40, 0.6, (("note:5:4", 0.3),)), True),  # another height
        (Symbol("note:4:4", 40, 0.6, (("note:4:8", 0.3),)), False),  # the bar's length settles it
        (Symbol("note:4:4", 40, 0.95, (), (Symbol("acc:sharp", 44, 0.3),)), True),
        (Symbol("note:4:4", 40, 0.95, (), (Symbol("tie", 44, 0.3),)), False),
    ],
)
def test_doubts_are_worth_reading(symbol, doubtful):
    assert recognition._unclear(symbol) == doubtful


def test_where_no_metre_is_printed_and_none_fits_sums_are_no_doubts():
    lines = [["clef:treble", *["note:4:4"] * count, "bar"] for count in (3, 5, 7, 4, 6, 2)]
    bars = read_bars(lines)
    assert all(bar.fits and not bar.doubts for bar in bars) and "3/4 was taken" in bars[0].remarks[0]
    lines[0].insert(1, "time:4/4")
    assert [bar.fits for bar in read_bars(lines)].count(False) > 3


@pytest.mark.parametrize(
    "lines, confidence, word",
    [
        ([["clef:treble", *["note:0:4", "chord"] * 3]] * 2, 0.9, "chords"),
        ([["clef:percussion", *["note:0:4"] * 4]] * 2, 0.9, "percussion"),
        ([["clef:treble", "rest:1", "bar"]] * 2, 0.9, "No notes"),
        ([[], []], 0.9, "No notes"),
        ([["clef:treble", "bar", "note:4:4", "bar"], ["clef:treble", "bar", "bar"]], 0.9, "No notes"),
        ([["clef:treble", "note:0:4", "chord", "note:2:4", "chord"], ["clef:treble"]], 0.9, "chords"),
        ([["clef:treble", *["note:4:4"] * 6]] * 2, 0.9, "percussion"),  # a rhythm without its clef
        (LINES, 0.4, "handwriting"),
    ],
)
def test_what_is_refused_while_reading(page, answers, lines, confidence, word):
    answers(lines, confidence)
    with pytest.raises(UserError, match=word):
        recognition.read_sheet(page)


def test_what_is_joined_and_hardly_to_be_read_is_no_music(answers):
    sheet = np.full((500, 1400), 255, np.uint8)
    sheet[[*range(100, 160, 14), *range(260, 320, 14)], 100:1300] = 0
    sheet[100:317, 100:103] = 0
    for confidence, words in ((0.3, "not look like printed music"), (0.99, "joined to a system")):
        answers(LINES, confidence)
        with pytest.raises(UserError, match=words):
            recognition.read_sheet(sheet)


HALF = Symbol("note:4:2", 20, 0.99)


def bar_of(*symbols):
    """A line of one bar in 3/4."""
    return [
        Symbol("clef:treble", 5, 0.99),
        Symbol("time:3/4", 9, 0.99),
        *symbols,
        Symbol("final-bar", 80, 0.99),
    ]


@pytest.mark.parametrize(
    "symbols, words",
    [
        ([replace(HALF, missed=(Symbol("dot", 24, 0.3),))], ["note:4:2", "dot"]),
        ([replace(HALF, missed=(Symbol("dot", 24, 0.001),))], ["note:4:2"]),  # hardly probable
        ([HALF, Symbol("note:5:8", 40, 0.6, (("note:5:4", 0.3), ("", 0.1)))], ["note:4:2", "note:5:4"]),
        ([HALF, Symbol("note:5:4", 40, 0.5, (("note:6:4", 0.4),))], ["note:4:2", "note:5:4"]),  # it fits
        ([HALF, HALF, Symbol("note:5:4", 40, 0.99, (("", 0.02),))], ["note:4:2", "note:4:2", "note:5:4"]),
        (
            [replace(HALF, others=(("", 0.4),)), HALF, Symbol("note:5:4", 40, 0.9)],
            ["note:4:2", "note:5:4"],
        ),
        (
            [
                Symbol("note:4:8", 20, 0.6, (("note:4:4", 0.4),)),
                Symbol("note:5:8", 30, 0.6, (("note:5:4", 0.3), ("note:5:16", 0.35))),
                Symbol("note:6:4", 40, 0.9),
            ],
            ["note:4:4", "note:5:4", "note:6:4"],
        ),
    ],
)
def test_a_bar_that_does_not_add_up_is_read_as_what_was_nearly_read(symbols, words):
    line = bar_of(*symbols)
    assert [one.token for one in recognition.mend([line])[0]][2:-1] == words


def test_another_metre_mends_anew_what_was_read(page, answers, monkeypatch):
    whole = ["note:4:2", "dot", "bar"]
    answers([["clef:treble", "time:3/4", *whole, "note:4:2", "bar", *whole], ["clef:treble", *whole * 2]])
    read = recognition.read_staff_image

    def nearly(*given):
        missed = (Symbol("dot", 1, 0.3),)
        return [replace(one, missed=missed) if one.token == "note:4:2" else one for one in read(*given)]

    monkeypatch.setattr(recognition, "read_staff_image", nearly)
    sheet = recognition.read_sheet(page)
    assert {bar.sum for bar in sheet.bars} == {3} and not any(bar.doubts for bar in sheet.bars)
    corrected = sheet.corrected(metre="2/4")
    assert [bar.sum for bar in corrected.bars] == [3, 2, 3, 3, 3]  # the second bar as it was read
    assert {bar.sum for bar in corrected.corrected().bars} == {3}


def test_a_missed_bar_line_is_put_in_and_the_bars_beside_stay():
    notes = [Symbol(f"note:{place}:4", 20 + 9 * place, 0.9) for place in range(6)]
    notes[2] = replace(notes[2], missed=(Symbol("bar", 41, 0.2), Symbol("dot", 41, 0.3)))
    mended = recognition.mend([bar_of(*notes), bar_of(notes[0], notes[1], notes[3])])
    assert [one.token for one in mended[0]].index("bar") == 5 and len(mended[0]) == 10 and len(mended[1]) == 6


def test_many_unclear_signs_are_told(page, answers):
    for few, told in ((1, False), (3, True)):
        answers([LINES[1]] * 2, np.where(np.arange(len(LINES[1])) < few, 0.6, 0.99))
        sheet = recognition.read_sheet(page)
        assert any("by hand" in sentence for sentence in sheet.warnings()) == told


def test_two_chords_are_told_and_no_refusal(page, answers):
    answers([[*LINES[0][:4], "chord", *LINES[0][4:]], [*LINES[1][:3], "chord", *LINES[1][3:]]])
    sheet = recognition.read_sheet(page)
    assert "Bars 0, 3: of chords, only the uppermost notes are read." in sheet.warnings()


def test_a_page_without_staffs_does_not_spoil_the_others(page, answers, monkeypatch):
    answers(LINES)
    blank = np.full((400, 300), 255, np.uint8)
    monkeypatch.setattr(recognition, "open_pictures", lambda path: [blank, page])
    sheet = recognition.read_sheet("book.pdf")
    assert [line.page for line in sheet.lines] == [1, 1] and sheet.title == "book"
    assert len(sheet.left_out) == 1 and sheet.left_out[0].startswith("Page 1: ")
    assert sheet.left_out[0] in str(sheet)
    monkeypatch.setattr(recognition, "open_pictures", lambda path: [blank])
    with pytest.raises(UserError, match="blank"):
        recognition.read_sheet("book.pdf")


def test_files_that_are_written(picture, answers, tmp_path):
    answers(LINES)
    sheet = recognition.read_sheet(picture)
    for name in ("a.musicxml", "a.xml", "a.mid"):
        sheet.save(tmp_path / name)
    for name in ("a.musicxml", "a.xml"):
        score = converter.parse(str(tmp_path / name), format="musicxml", forceSource=True)
        assert score.metadata.bestTitle == "Notenblatt é" and len(score.recurse().notes) == 12
    assert len(pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).instruments[0].notes) == 17
    sheet.save(tmp_path / "b.musicxml", played=True)
    assert len(converter.parse(str(tmp_path / "b.musicxml"), forceSource=True).recurse().notes) == 17
    for name in ("a.docx", "a", "no folder/a.mid"):
        with pytest.raises(UserError):
            sheet.save(tmp_path / name)


def test_a_picture_is_a_source(picture, answers):
    """In fast mode its beginning alone."""
    answers(LINES)
    with pytest.warns(UserWarning, match="Doubtful bars: 4"):
        source = read_source(picture, 6.0)
    assert len(source.audio) == pytest.approx(6 * SAMPLE_RATE, abs=512)
    assert [note.pitch for note in source.piano_roll.melody_notes()][:5] == [67, 71, 74, 72, 66]


def test_command_reads_and_writes(noteninja, picture, answers, tmp_path):
    answers(LINES)
    status, told, _ = noteninja("read", picture, "-o", tmp_path / "tune.musicxml", "--with", "mid")
    assert status == 0 and "2 staffs, 6 bars, 12 notes" in told and "Doubtful bars: 4 (staff 2)" in told
    assert {path.name for path in tmp_path.iterdir()} == {"tune.musicxml", "tune.mid", picture.name}
    answers(LINES)
    status, told, _ = noteninja("read", picture, "--json", "--clef", "bass", "--key", "-3", "--metre", "2/4")
    told = json.loads(told)
    assert status == 0 and (told["clef"], told["key"], told["metre"], told["staffs"]) == (
        "bass",
        -3,
        "2/4",
        2,
    )


def test_command_reads_and_plays(noteninja, picture, tmp_path):
    out = tmp_path / "out.wav"
    status, told, _ = noteninja(
        "read", picture, "--to", "reggae", "-o", out, "--metre", "C|", "--mood", "happy", "--seed", 3
    )
    assert status == 0 and "tune kept" in told and len(load(out)) > 5 * SAMPLE_RATE
    written = converter.parse(str(tmp_path / "out (tune).musicxml"), forceSource=True)
    assert len(written.recurse().notes) == 17
    settings = read_settings(tmp_path / "out.json")
    assert (settings.genre, settings.seed, Path(settings.source).name) == ("reggae", 3, "out (tune).musicxml")


# --- with the trained network ---------------------------------------------------------------------


@pytest.mark.parametrize("font", FONTS)
def test_a_page_is_read(font):
    sheet = recognition.read_sheet(rasterise(engrave(LINES, width=1500, font=font), 0.6))
    assert sheet.tokens() == LINES and [doubt.number for doubt in sheet.doubtful if "last" in doubt.why] == [
        4
    ]


@pytest.mark.parametrize("kind", ["jpg", "pdf"])
def test_kinds_of_files(noteninja, page, tmp_path, kind):
    Image.fromarray(page).save(tmp_path / f"page.{kind}")
    status, told, _ = noteninja("read", tmp_path / f"page.{kind}", "-o", tmp_path / "out.mid")
    assert status == 0 and "2 staffs, 6 bars, 12 notes" in told
    notes = pretty_midi.PrettyMIDI(str(tmp_path / "out.mid")).instruments[0].notes
    assert [note.pitch for note in notes] == [67] + 2 * [67, 71, 74, 72, 66] + [69, 71, 72, 71, 69, 67]


def test_changed_clef_and_metre_are_read():
    lines = [
        line.split()
        for line in (
            "clef:bass flat1 flat2 time:6/8 note:4:4 dot note:3:4 dot bar acc:# note:2:2 dot double-bar "
            "time:2/4 note:4:8 note:5:8 "
            "note:6:4 tie bar note:6:2 final-bar",
        )
    ]
    sheet = recognition.read_sheet(rasterise(engrave(lines, width=1600), 0.6))
    assert sheet.tokens() == lines
    assert [bar.metre for bar in sheet.bars] == ["6/8", "6/8", "2/4", "2/4"]
    assert [pitch for _, _, pitch in played_notes(sheet.bars)] == [50, 48, 48, 50, 51, 53]


def test_scribbles_are_refused():
    """Curves drawn by chance over empty staffs."""
    draw, page = np.random.default_rng(0), np.full((1400, 1600), 255, np.uint8)
    for top in range(150, 1300, 240):
        for line in range(5):
            cv2.line(page, (100, top + 16 * line), (1500, top + 16 * line), 0, 2)
        for x in range(130, 1450, 40):
            curve = np.array([x, top + draw.integers(-16, 80)]) + draw.normal(0, 22, (6, 2))
            cv2.polylines(page, [curve.astype(np.int32)], False, 0, 2)
    with pytest.raises(UserError, match="printed"):
        recognition.read_sheet(page)


# --- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("-o", "a.docx"), "musicxml"),
        (("--to", "polka"), "blues"),
        (("--to", "jazz", "-o", "a.musicxml"), "mp3"),
        (("--key", "8"), "-7 and 7"),
        (("--clef", "soprano"), "treble"),
        (("--metre", "4/5"), "4/4"),
        (("--tempo", "x"), "tempo"),
    ],
)
def test_bad_options_are_told_before_the_page_is_read(noteninja, picture, words, sentence):
    status, told, err = noteninja("read", picture, *words)
    assert status == 2 and sentence in err and not told and "Traceback" not in err


def test_a_file_that_is_no_picture_is_one_sentence(noteninja, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    for verb in (("read",), ("convert", "--to", "jazz", "-o", tmp_path / "out.mp3")):
        for name in ("text.png", "missing.png"):
            status, _, err = noteninja(verb[0], tmp_path / name, *verb[1:])
            sentences = [line for line in err.splitlines() if line.startswith("noteninja:")]
            assert status == 2 and len(sentences) == 1 and name in sentences[0]


def test_of_chords_the_uppermost_notes_if_asked_for(page, answers):
    lines = [["clef:treble", "time:4/4", *["note:2:4", "chord"] * 4, "bar"]] * 2
    answers(lines)
    sheet = recognition.read_sheet(page, upper=True)
    assert not sheet.doubtful and [event.step for bar in sheet.bars for event in bar.events] == [32] * 8


def test_a_converter_from_before_reads_marks_by_the_shipped_network(page, tmp_path, monkeypatch):
    for name in ("reader", "vae"):
        shutil.copytree(models_folder() / name, tmp_path / name)
    write_checksums(tmp_path)
    monkeypatch.setenv("NOTENINJA_MODELS", str(tmp_path))
    assert [bar.metre for bar in recognition.read_sheet(page).bars][:2] == ["3/4", "3/4"]


def marked(page, answers, marks):
    """A sheet with four quarter notes, G A B c, in each of two lines, and marks at their columns."""
    line = ["clef:treble", "time:4/4", "note:2:4", "note:3:4", "note:4:4", "note:5:4", "bar"]
    answers([line, line], marks=marks)
    return recognition.read_sheet(page)


def columns(sheet, line=0):
    return [symbol.column for symbol in sheet.lines[line].symbols]


def test_chord_symbols_stand_on_their_beats_and_are_played(page, answers):
    at, under = (columns(marked(page, answers, []), line) for line in (0, 1))
    first = [("C", at[2] - 4), ("G", at[4]), ("#", at[4] + 9), ("m", at[4] + 18), ("7", at[4] + 27)]
    middle = (under[2] + under[3]) / 2
    between = [("D", middle + 3), ("/", middle + 10), ("F", middle + 14), ("#", middle + 18)]
    sheet = marked(page, answers, [first, between])
    assert [bar.harmony for bar in sheet.bars] == [[(0, "C"), (2, "G#m7")], [(1, "D/F#")]]
    assert sheet.summary()["chords"] == 3 and "3 chord symbols" in str(sheet)
    score = converter.parseData(sheet.musicxml(), format="musicxml")
    symbols = score.recurse().getElementsByClass("ChordSymbol")
    assert [symbol.root().name for symbol in symbols] == ["C", "G#", "D"]
    assert [(start, root, quality) for start, _, root, quality in sheet.tune().chords] == [
        (0, 0, "maj"),
        (2, 8, "min7"),
        (5, 2, "maj"),
    ]


def test_letters_that_are_no_chords_are_left_out(page, answers):
    symbols = [Symbol(*one) for one in (("m", 5, 0.9), ("G", 40, 0.3), ("A", 90, 0.9), ("7", 200, 0.9))]
    assert [mark.text for mark in recognition.parse_marks(symbols)] == ["A"]


def test_words_say_where_to_go_on(page, answers):
    at = columns(marked(page, answers, []))
    words = [("D.C.", at[4]), ("al", at[4] + 20), ("Fine", at[4] + 40)]
    sheet = marked(page, answers, [[("Fine", at[5])], words])
    assert [bar.words for bar in sheet.bars] == [["Fine"], ["D.C. al Fine"]]
    assert [pitch for _, _, pitch in played_notes(sheet.bars)] == [67, 69, 71, 72] * 3
    assert "Da Capo al fine" in sheet.musicxml()


def test_notes_under_an_octave_sign_sound_an_octave_higher(page, answers):
    at, under = (columns(marked(page, answers, []), line) for line in (0, 1))
    ends = [("8va", at[3] - 4), ("8va-end", at[4] + 3)]
    sheet = marked(page, answers, [ends, [("8va", under[4])]])
    assert [event.step for bar in sheet.bars for event in bar.events] == [32, 40, 41, 35, 32, 33, 34, 35]
    assert not any(bar.words or bar.harmony for bar in sheet.bars)
    assert [pitch for _, _, pitch in played_notes(sheet.bars)] == [67, 81, 83, 72, 67, 69, 71, 72]
    assert [doubt.why for doubt in sheet.doubtful] == ["an octave sign begins there, whose end was not read"]


def test_letters_that_name_the_notes_are_no_chords(page, answers):
    at, under = (columns(marked(page, answers, []), line) for line in (0, 1))
    names = [[(letter, column) for letter, column in zip("GABC", columns[2:])] for columns in (at, under)]
    assert not any(bar.harmony for bar in marked(page, answers, names).bars)
    others = [[("G", at[2]), ("D", at[3]), ("E", at[4])], names[1]]
    assert sum(len(bar.harmony) for bar in marked(page, answers, others).bars) == 7


def test_two_heights_without_a_clef_are_drums_and_three_a_tune():
    def line(*heights):
        return [Symbol(f"note:{height}:4", 9, 0.99) for height in heights * 12]

    with pytest.raises(UserError, match="percussion"):
        recognition._refuse(line(3, 7), False, 2)
    recognition._refuse(line(0, 1, 2), False, 2)
    recognition._refuse([Symbol("clef:treble", 1, 0.99), *line(3, 7)], False, 2)


BOOK = [
    "clef:treble sharp1 time:3/4 note:2:4 note:4:4 note:6:4 bar".split(),
    "note:5:2 note:1:4 final-bar".split(),
    "clef:treble flat1 time:2/4 note:3:4 note:4:4 bar note:4:2 repeat-end".split(),
    "note:4:2 final-bar".split(),
]


def test_a_book_is_split_into_tunes_and_its_clefs_carry_on(answers, tmp_path, noteninja):
    page = rasterise(engrave([["clef:treble", "note:2:1", "bar"]] * 4, width=1200), 0.6)
    answers(BOOK)
    first, second = recognition.read_sheet(page).tunes
    assert [len(one.lines) for one in (first, second)] == [2, 2] and second.title == "page 2"
    assert [(bar.clef, bar.fifths, bar.metre) for bar in first.bars] == [("treble", 1, "3/4")] * 2
    assert [(bar.clef, bar.fifths, bar.metre) for bar in second.bars] == [("treble", -1, "2/4")] * 3
    picture = tmp_path / "book.png"
    Image.fromarray(page).save(picture)
    answers(BOOK)
    status, told, _ = noteninja("read", picture)
    assert status == 0 and "tune 2, 6" in told and "% down: 2 staffs" in told
    answers(BOOK)
    status, _, wrong = noteninja("read", picture, "-o", tmp_path / "one.mid")
    assert status == 2 and "There are 2 tunes in" in wrong and "--tune" in wrong
    answers(BOOK)
    assert noteninja("read", picture, "-o", tmp_path / "one.mid", "--tune", 2)[0] == 0
    assert [
        note.pitch for note in pretty_midi.PrettyMIDI(str(tmp_path / "one.mid")).instruments[0].notes
    ] == [
        *[69, 70, 70] * 2,
        70,
    ]
    answers(BOOK)
    assert noteninja("read", picture, "-o", tmp_path / "all")[0] == 0
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == [
        "book 1.musicxml",
        "book 2.musicxml",
    ]
    answers(BOOK)
    with pytest.warns(UserWarning, match="holds 2 tunes, and the first was taken"):
        source = read_source(picture)
    assert [note.pitch for note in source.piano_roll.melody_notes()][:3] == [67, 71, 74]


def test_bars_of_rest_are_counted(page, answers):
    answers(
        [["clef:treble", "time:2/4", "note:2:2", "bar", "rests:3", "bar", "note:2:2", "final-bar"], BOOK[3]]
    )
    sheet = recognition.read_sheet(page)
    assert [bar.sum for bar in sheet.bars] == [2] * 6 and [bar.number for bar in sheet.bars] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]
    assert played_notes(sheet.bars)[1][0] == 8 and all(sheet.outlines(number) for number in range(1, 7))


def test_b_in_a_flat_key_is_b_flat(page, answers):
    line = ["clef:treble", "flat1", "time:4/4", "note:2:1", "bar"]
    answers([line, line], marks=[[("B", 60), ("7", 69)], [("F", 60)]])
    assert [bar.harmony[0][1] for bar in recognition.read_sheet(page).bars] == ["Bb7", "F"]
    sharp = [line[0], "sharp1", *line[2:]]
    answers([sharp] * 2, marks=[[("B", 60), ("7", 69)], [("F", 60)]])
    assert [bar.harmony[0][1] for bar in recognition.read_sheet(page).bars] == ["B7", "F"]
    answers([sharp] * 2, marks=[[("H", 60), ("7", 69)], [("B", 60)]])
    assert [bar.harmony[0][1] for bar in recognition.read_sheet(page).bars] == ["B7", "Bb"]
