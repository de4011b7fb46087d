"""The sheet music widget without a browser: its handlers are called directly; reader and pipeline are
doubles.

The double of the reader hands out a true `Sheet` whose symbols are known, so that marks, corrections,
engraving and files are real.
"""

import threading
from types import SimpleNamespace

import numpy as np
import pretty_midi
import pytest
from music21 import converter as scores
from test_widgets import decode
from widget_doubles import Pipeline, upload

from noteninja_lib.errors import UserError
from noteninja_lib.models.crnn import Symbol
from noteninja_lib.music.tunes import find_tune
from noteninja_lib.omr.recognition import Line, Sheet
from noteninja_lib.omr.score import played_notes, read_bars
from noteninja_lib.omr.vocabulary import is_note
from noteninja_lib.widgets import converter, sheet_reader
from noteninja_lib.widgets.converter import GenreConverter
from noteninja_lib.widgets.sheet_reader import AS_READ, SAMPLES, WAYS, SheetReader, sample_lines

SPACE, LEFT, TOP = (
    12,
    50,
    100,
)  # of the double's page, in pixels: staff space, left edge and top line of the first staff
WORDS = [
    [
        "clef:treble",
        "sharp1",
        "time:3/4",
        "note:2:4",
        "note:3:4",
        "acc:#",
        "note:4:4",
        "bar",
        "note:5:2",
        "dot",
        "bar",
    ],
    [
        "clef:treble",
        "sharp1",
        "note:6:4",
        "note:5:4",
        "bar",
        "note:4:2",
        "tie",
        "note:4:4",
        "bar",
        "note:2:2",
        "dot",
        "final-bar",
    ],
]


def staff(number):
    """A staff that lies straight in the page, 1,000 pixels of its strip wide."""
    return SimpleNamespace(
        space=SPACE,
        width=1000,
        to_page=lambda column, row: (
            LEFT + np.asarray(column) * SPACE / 8,
            TOP + 200 * number + (np.asarray(row) - 32) * SPACE / 8,
        ),
    )


def sheet_of(lines, pages=1):
    """A sheet on which these words stand; staff k on page k modulo `pages`."""

    def symbols(words):
        return [Symbol(word, 40 + 60 * place, 0.9) for place, word in enumerate(words)]

    page = np.full((600, 1700), 255, np.uint8)
    return Sheet(
        "page",
        [page] * pages,
        [Line(number % pages, staff(number), symbols(words)) for number, words in enumerate(lines)],
    )


class Reader:
    """Stands in for `read_sheet`."""

    def __init__(self):
        self.sheet, self.error, self.asked, self.wait = sheet_of(WORDS), None, [], None

    def __call__(self, source, *, progress, upper=False):
        self.asked.append(source)
        progress(0.3)
        if self.wait:
            self.wait.set()
            while True:
                progress(0.4)
        if self.error:
            raise self.error
        return self.sheet


@pytest.fixture
def reader(monkeypatch):
    monkeypatch.delenv("NOTENINJA_TEST", raising=False)
    reader = Reader()
    monkeypatch.setattr(sheet_reader, "read_sheet", reader)
    return reader


@pytest.fixture
def widget(reader, tmp_path):
    return SheetReader(Pipeline(), in_background=False, folder=tmp_path / "outputs")


# ---- pages and marks ----------------------------------------------------------------------------------


def test_samples_are_pages_of_their_words():
    assert len(SAMPLES) >= 5
    for title in SAMPLES:
        lines = sample_lines(title)
        assert 2 <= len(lines) <= 7 and all(words[0] == "clef:treble" for words in lines)
        assert sum(map(is_note, sum(lines, []))) > 40
        assert not any(bar.doubts for bar in read_bars(lines))
    # Each of the two parts of this one is repeated.
    tune, played = (
        find_tune(SAMPLES["The Jolly Joker"]),
        played_notes(read_bars(sample_lines("The Jolly Joker"))),
    )
    half = sum(start < tune.length / 2 for start, _, _ in tune.notes)
    pitches = [pitch for _, _, pitch in tune.notes]
    assert [pitch for _, _, pitch in played] == pitches[:half] * 2 + pitches[half:] * 2


def test_each_symbol_is_marked_on_its_place():
    page = sheet_reader.marked_page(sheet_of(WORDS))
    assert page.count('class="nn-symbol"') == sum(map(len, WORDS))
    x, y = LEFT + (40 + 60 * 3) * SPACE / 8, TOP + 3 * SPACE  # note:2:4 stands on the second line from below
    assert f'<circle cx="{x:.1f}" cy="{y:.1f}"' in page
    assert "note:2:4 (90% sure)" in page and "treble, 1♯, 3/4" in page


def test_names_follow_clef_key_and_accidentals():
    sheet = sheet_of(WORDS)
    names = sheet_reader.names_of_notes(sheet)
    assert [names[0][place] for place in sorted(names[0])] == ["G", "A", "B♯", "C"]
    assert [names[1][place] for place in sorted(names[1])] == ["D", "C", "B", "B", "G"]
    names = sheet_reader.names_of_notes(sheet.corrected(clef="bass", key=-2))
    assert [names[0][place] for place in sorted(names[0])] == ["B♭", "C", "D♯", "E♭"]


def test_doubtful_bars_are_pointed_at_and_say_why():
    page = sheet_reader.marked_page(sheet_of(WORDS))
    assert page.count("nn-doubt") == 1  # two quarter notes in 3/4
    assert "bar 3: its notes last 2 quarter notes" in page
    assert "nn-doubt" not in sheet_reader.marked_page(sheet_of(WORDS).corrected(metre="3/4"), marks=False)


def test_a_page_shows_its_own_lines_only():
    sheet = sheet_of(WORDS, pages=2)
    counts = [sheet_reader.marked_page(sheet, page).count('class="nn-symbol"') for page in (0, 1)]
    assert counts == [len(words) for words in WORDS]


# ---- reading ------------------------------------------------------------------------------------------


def test_reads_a_sample_page(widget, reader):
    assert widget.reading.layout.display == "none"
    widget.chooser.sample.value, widget.chooser.font.value = "Auld Robin Gray", "Petaluma"
    widget.read_page()
    assert reader.asked[0].dtype == np.uint8 and reader.asked[0].ndim == 2
    assert widget.reading.layout.display == "" and "Done" in widget.message.value
    assert "nn-symbol" in widget.page.value and "image/svg+xml" in widget.engraving.value
    assert "2 staffs, 5 bars, 9 notes" in widget.words.value and "bar 3" in widget.words.value
    played = decode(widget.player.value)
    assert played.shape[1] == 2 and np.abs(played).max() > 0.05
    assert widget.shown.layout.display == "none"


def test_reads_paths_and_uploads(widget, reader, tmp_path):
    widget.chooser.way.value, widget.chooser.path.value = WAYS[1], str(tmp_path / "scan.pdf")
    widget.read_page()
    assert reader.asked == [tmp_path / "scan.pdf"] and widget.title == "scan"
    upload(widget.chooser.upload, ("Blatt 1.png", b"abc"))
    widget.read_page()
    assert reader.asked[1].name == "Blatt 1.png" and widget.title == "Blatt 1"
    assert all(f".{kind}" in widget.chooser.upload.accept for kind in ("png", "jpg", "pdf"))


def test_pages_can_be_turned(widget, reader):
    reader.sheet = sheet_of(WORDS, pages=2)
    widget.read_page()
    first = widget.page.value
    widget.shown.value = 2
    assert widget.shown.max == 2 and widget.shown.layout.display == "" and widget.page.value != first
    widget.marks.value = False
    assert "nn-symbol" not in widget.page.value and "<image" in widget.page.value


@pytest.mark.parametrize(
    "error, words",
    [
        (UserError("The page is blank."), "The page is blank."),
        (ValueError("odd"), "failed on this page (ValueError: odd)"),
    ],
)
def test_an_error_is_one_sentence_and_loses_nothing(widget, reader, error, words):
    widget.read_page()
    shown, sheet = widget.page.value, widget.sheet
    reader.error = error
    widget.read_page()
    assert "nn-error" in widget.message.value and words in widget.message.value
    assert widget.page.value == shown and widget.sheet is sheet and not widget.read_button.disabled


def test_nothing_chosen_is_told(widget):
    widget.chooser.way.value = WAYS[1]
    widget.read_page()
    assert "Type the path of a page first" in widget.message.value


def test_stop_ends_the_reading_and_keeps_the_earlier_page(reader, tmp_path):
    widget = SheetReader(Pipeline(), folder=tmp_path)
    widget.read_page()
    widget.thread.join(60)
    shown = widget.page.value
    reader.wait = threading.Event()
    widget.read_page()
    assert reader.wait.wait(60)
    widget.stop()
    widget.thread.join(60)
    assert (
        not widget.thread.is_alive() and "Stopped. The earlier result is still here." in widget.message.value
    )
    assert widget.page.value == shown


# ---- correcting ---------------------------------------------------------------------------------------


def test_corrections_change_what_is_shown_and_heard(widget):
    widget.read_page()
    page, engraving, sound = widget.page.value, widget.engraving.value, widget.player.value
    widget.clef.value = "bass"
    assert "bass clef" in widget.words.value
    assert widget.page.value != page and widget.engraving.value != engraving and widget.player.value != sound
    widget.key.value, widget.metre.value = -2, "2/4"
    assert (widget.sheet.clef, widget.sheet.key, widget.sheet.metre) == ("bass", -2, "2/4")
    assert "2 flats" in widget.words.value
    widget.clef.value = AS_READ
    assert widget.sheet.clef is None and widget.sheet.key == -2


def test_a_new_page_forgets_the_corrections(widget, reader):
    widget.read_page()
    widget.clef.value = "alto"
    reader.sheet = sheet_of(WORDS)
    widget.read_page()
    assert widget.clef.value == AS_READ and widget.sheet.clef is None and "treble clef" in widget.words.value


# ---- playing and saving -------------------------------------------------------------------------------


def test_plays_in_a_genre(widget):
    widget.genre.value, widget.seed.value = "metal", 3
    widget.play()  # reads the page first
    asked = widget.pipeline.asked[0]
    assert asked["genre"] == "metal" and asked["seed"] == 3
    assert len(asked["sources"][0].melody_notes()) == len(widget.sheet.tune().notes)
    assert (
        "after: metal" in widget.results.sounds.sides[1]["heading"]
        and "on a piano" in widget.results.sounds.sides[0]["heading"]
    )


def test_saves_what_was_read(widget, tmp_path):
    widget.read_page()
    for kind in ("musicxml", "mid", "mp3"):
        widget.save(kind)
        assert "nn-download" in widget.saved.value and f".{kind}" in widget.saved.value
    folder = tmp_path / "outputs"
    score = scores.parse(folder / "The Jolly Joker.musicxml")
    assert [note.nameWithOctave for note in score.flatten().notes][:4] == ["G4", "A4", "B#4", "C5"]
    assert (
        len(pretty_midi.PrettyMIDI(str(folder / "The Jolly Joker.mid")).instruments[0].notes) == 8
    )  # two of nine are tied
    assert (folder / "The Jolly Joker.mp3").stat().st_size > 10_000
    widget.save("mid")
    assert (folder / "The Jolly Joker (2).mid").exists()


def test_a_folder_that_cannot_be_written_to_is_told(widget, tmp_path):
    widget.read_page()
    (tmp_path / "file").write_text("")
    widget.folder = tmp_path / "file" / "below"
    widget.save("mid")
    assert "choose a folder that you may write to" in widget.message.value


def test_the_widgets_module_makes_one():
    assert isinstance(converter.sheet_reader(Pipeline()), SheetReader)


def test_the_converter_takes_pictures_too(songs, reader, tmp_path):
    converter = GenreConverter(Pipeline(), in_background=False, folder=tmp_path)
    converter.chooser.way.value, converter.chooser.path.value = "a path", str(tmp_path / "page.png")
    converter.convert()
    assert converter.pipeline.asked[0]["sources"] == (tmp_path / "page.png",)
    assert ".pdf" in converter.chooser.upload.accept
