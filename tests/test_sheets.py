"""The reader's test: the measures on known cases, the frozen pages against their truth, and how well the
shipped reader does."""

import subprocess
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from benchmarks.sheet_music import (
    lilypond,
    musescore,
    notation,
    printed_pages,
    printed_tunes,
    reading_errors,
    real_pages,
)
from benchmarks.sheet_music.printed_pages import distract, find_drawn_staves
from noteninja_lib.models.checkpoints import models_folder
from noteninja_lib.music.tunes import find_tune, load_tunes
from noteninja_lib.omr.image_io import open_pictures
from noteninja_lib.omr.staff_detection import read_layout
from noteninja_lib.omr.vocabulary import VOCABULARY, is_note

FROZEN = printed_pages.load_sheets()


def test_real_pages_are_taken_from_clones_and_counted(tmp_path, monkeypatch):
    clone = tmp_path / "somebody" / "pages"
    clone.mkdir(parents=True)
    picture = Image.open(FROZEN[0].picture)
    picture.save(clone / "page.pdf", save_all=True, append_images=[picture, picture])
    git = ["git", "-C", str(clone), "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "a page"]):
        subprocess.run(git + command, check=True)
    rows = ["number kind repository commit path pages tunes what".replace(" ", "\t")]
    rows += ["074\tscan\tsomebody/pages\tHEAD\tpage.pdf\t2\t1\t"]
    rows += ["099\tto refuse\tsomebody/pages\tHEAD\tpage.pdf\t1,3\t\tsystems,handwriting"]
    rows += [
        "100\tscan\tnobody/here\tHEAD\tpage.pdf\t\t\t",
        "101\tleft out\tsomebody/pages\tHEAD\tpage.pdf\t\t\t",
    ]
    (tmp_path / "list.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    monkeypatch.setattr(real_pages, "LIST", tmp_path / "list.tsv")
    first, second = real_pages.listed(tmp_path)
    assert first["tunes"] == [1] and "M:" in first["abc"] and "joined" in second["reason"]
    counts = [len(open_pictures(tmp_path / entry["picture"])) for entry in (first, second)]
    assert counts == [1, 2]


def test_what_is_printed_on_real_pages_can_be_counted():
    pages = real_pages.TRUTHS.read_text(encoding="utf-8").split("%page ")[1:]
    counts = [list(map(len, real_pages.truth_of(text.split("\n", 1)[1]))) for text in pages]
    assert len(pages) == 88 and all(notes == bars > 3 for notes, bars, _ in counts)
    assert sum(chords for _, _, chords in counts) > 800


LINES = [
    "clef:treble sharp1 time:3/4 acc:# note:3:4 note:3:8 note:4:8 note:-1:4 tie bar "
    "note:-1:4 rest:2 double-bar "
    "cancel flat1",
    "clef:treble flat1 triplet note:4:8 acc:n note:4:8 note:4:8 end-triplet rest:4 acc:b note:2:4 tie bar "
    "note:2:4 note:2:2 final-bar",
]
LINES = [line.split() for line in LINES]


# --- the rule by which truth is made ----------------------------------------------------------


def test_an_accidental_holds_to_the_bar_line_and_a_tie_carries_it_over():
    first, second = notation.sounding(LINES)
    assert first == [("A#4", 1), ("A#4", 0.5), ("B4", 0.5), ("D4", 1), ("D4", 1)]
    third = pytest.approx(1 / 3)
    assert second == [("Bb4", third), ("B4", third), ("B4", third), ("Gb4", 1), ("Gb4", 1), ("G4", 2)]


@pytest.mark.parametrize(
    ("clef", "pitch"), [("treble", "E4"), ("bass", "G2"), ("alto", "F3"), ("tenor", "D3")]
)
def test_clefs_name_the_bottom_line(clef, pitch):
    assert notation.sounding([[f"clef:{clef}", "time:4/4", "note:0:4"]]) == [[(pitch, 1)]]


def test_the_readers_own_rule_says_the_same_of_every_frozen_page():
    for sheet in FROZEN:
        assert reading_errors.notes_of_lines(sheet.lines) == notation.sounding(sheet.lines), (
            sheet.picture.name
        )


# --- tunes on paper ---------------------------------------------------------------------------


def test_a_tune_in_a_book_sounds_as_it_is():
    tune = find_tune("oneill-1783-poll-hapenny")
    lines = printed_tunes.print_plain(tune, np.random.default_rng(0))
    heard = [pitch for line in notation.elements(lines) for pitch in line if pitch.kind == "note"]
    steps = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    midi = [12 * (token.octave + 1) + steps[token.letter] + token.alter for token in heard]
    known = [pitch for _, _, pitch in tune.notes]
    assert midi[:20] == known[:20] and len(midi) >= len(known)


def test_full_bars_last_as_long_as_their_metre_says():
    wrong, layout = 0, printed_tunes.Layout(naturals=True, courtesy=True)
    for number, tune in enumerate(load_tunes("test")[:60]):
        draw = np.random.default_rng(number)
        try:
            lines = printed_tunes.print_everything(tune, draw, layout)
        except ValueError:
            continue
        metre, length, after = None, Fraction(0), []
        for token in (token for line in notation.elements(lines) for token in line):
            metre = notation.quarters(token.text) if token.kind == "time" else metre
            length += token.length if token.value and (token.kind, token.value) != ("rest", 1) else 0
            if token.kind == "bar":
                after.append(length / metre)
                length = Fraction(0)
        assert all(0 <= share <= 1 for share in after)
        wrong += (
            sum(0 < share < 1 for share in after) > 6
        )  # pick-ups, what they are taken from, and the end of a part
    assert wrong == 0


def test_distractors_leave_the_words_alone_and_no_slur_looks_like_a_tie():
    lines = notation.elements(LINES * 20)
    before = [
        (token.kind, token.letter, token.octave, token.value, token.tie) for line in lines for token in line
    ]
    distract(lines, np.random.default_rng(3), 1.0)
    assert before == [
        (token.kind, token.letter, token.octave, token.value, token.tie) for line in lines for token in line
    ]
    marks = [mark for line in lines for token in line for mark in token.marks]
    assert len(marks) > 50 and marks.count("slur-start") == marks.count("slur-end") > 0
    for line in lines:
        open_slur = None
        for token in line:
            open_slur = (token.letter, token.octave) if "slur-start" in token.marks else open_slur
            if "slur-end" in token.marks:
                assert open_slur != (token.letter, token.octave)


def test_engravers_are_told_exactly_these_words():
    tokens = notation.elements(LINES)
    source = lilypond.page_source([("", "", tokens)], {"staff": 18, "width": 180, "bar_numbers": False})
    assert (
        source.count("!") == 3
        and "\\key f \\major" in source
        and "ais'!4 ais'8" in source
        and source.count("\\break") == 1
    )
    text = musescore.page_source("", "", tokens)
    assert (
        text.count("<accidental>") == 3
        and text.count('new-system="yes"') == 1
        and text.count("<fifths>") == 2
    )


def test_without_the_engravers_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(printed_pages.UserError, match="LilyPond is not installed"):
        printed_pages.make_sheets(tmp_path / "pages", 4)


# --- paper ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage", [lambda *given: printed_pages.scan(*given, two_tone=False), printed_pages.photograph]
)
def test_places_go_where_the_ink_goes(damage):
    page = np.full((600, 500), 255, np.uint8)
    places = np.array([(120, 150), (380, 150), (120, 430), (380, 450)])
    for x, y in places:
        page[y - 9 : y + 10, x - 9 : x + 10] = 0
    for seed in range(3):
        seen, moved, _ = damage(page, places.astype(float), np.random.default_rng(seed))
        for x, y in moved:
            top, left = int(y) - 20, int(x) - 20
            window = seen[top : top + 41, left : left + 41].astype(float)
            weights = np.clip(np.median(window) - 60 - window, 0, None)
            rows, columns = np.indices(window.shape)
            centre = [(weights * axis).sum() / weights.sum() for axis in (columns, rows)]
            assert np.allclose(centre, (x - left, y - top), atol=1.5)


# --- measures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "found", "wrong"),
    [
        ("abc", "abc", []),
        ("abc", "abd", [("c", "d")]),
        ("abc", "ac", [("b", None)]),
        ("ac", "abc", [(None, "b")]),
        ("", "ab", [(None, "a"), (None, "b")]),
        ("abcdef", "xbcdf", [("a", "x"), ("e", None)]),
    ],
)
def test_alignment_is_the_cheapest(truth, found, wrong):
    pairs = reading_errors.align(truth, found)
    assert [pair for pair in pairs if pair[0] != pair[1]] == wrong
    assert (
        "".join(one or "" for one, _ in pairs) == truth
        and "".join(other or "" for _, other in pairs) == found
    )


class PerfectStaff:
    """A staff that was found where it is."""

    width = 400

    def __init__(self, line):
        self.line = line

    def to_page(self, column, row):
        x = np.interp(column, (8, self.width - 9), self.line[[0, -1], 0])
        return x, np.interp(x, self.line[:, 0], self.line[:, 1])


def test_a_page_read_right_has_no_errors_and_one_wrong_word_is_one_error():
    sheet = FROZEN[0]
    staves = [PerfectStaff(line) for line in sheet.staves]
    right = reading_errors.compare(sheet, sheet.lines, staves)
    assert right.errors == [] and right.counts["symbol_errors"][0] == 0
    assert all(some == every for name, (some, every) in right.counts.items() if name != "symbol_errors")
    place = next(place for place, word in enumerate(sheet.lines[0]) if is_note(word))
    wrong = [list(line) for line in sheet.lines]
    wrong[0][place] = "note:0:1" if wrong[0][place] != "note:0:1" else "note:1:1"
    found = reading_errors.compare(sheet, wrong, staves)
    assert found.counts["symbol_errors"] == (1, right.counts["symbol_errors"][1]) and len(found.errors) == 1
    assert found.counts["lines_right"][0] == len(sheet.lines) - 1


def test_a_staff_that_was_not_found_and_one_that_is_not_there_both_cost():
    sheet = FROZEN[0]
    staves = [PerfectStaff(line) for line in sheet.staves]
    missed = reading_errors.compare(sheet, sheet.lines[1:], staves[1:])
    assert missed.counts["staves_found"] == (len(staves) - 1, len(staves))
    assert missed.counts["symbol_errors"][0] == len(sheet.lines[0])
    beside = PerfectStaff(sheet.staves[0] + (0, 3 * sheet.spaces[0]))
    extra = reading_errors.compare(sheet, [*sheet.lines, ["bar", "bar"]], [*staves, beside])
    assert extra.counts["symbol_errors"][0] == 2 and extra.counts["staves_found"] == (
        len(staves),
        len(staves),
    )


# --- the frozen set ---------------------------------------------------------------------------


def test_the_frozen_set_is_whole():
    assert [sheet.kind for sheet in FROZEN] == printed_pages.kinds_of(40)
    tunes = [find_tune(name) for sheet in FROZEN for name in sheet.tunes]
    assert all(tune.split == "test" for tune in tunes) and len({tune.family for tune in tunes}) == len(tunes)
    assert abs(sum(sheet.everything for sheet in FROZEN) - 20) <= 1
    assert sum(path.stat().st_size for path in printed_pages.frozen_folder().iterdir()) < 4e6
    words = {word for sheet in FROZEN for line in sheet.lines for word in line}
    assert words <= set(VOCABULARY)
    later = {word for word in VOCABULARY if word.startswith("rests:")} | {"clef:percussion"}
    assert {word for word in VOCABULARY if not is_note(word)} - words - later == {
        "sharp7",
        "time:6/4",
        "time:3/2",
        "chord",
    }
    assert {word.split(":")[2] for word in words if is_note(word)} == {"1", "2", "4", "8", "16", "32"}
    for sheet in FROZEN:
        assert len(sheet.lines) == len(sheet.staves) == len(sheet.spaces) >= 3


def test_the_truth_is_where_the_ink_is():
    for sheet in FROZEN[:24]:
        picture = np.asarray(Image.open(sheet.picture).convert("L"))
        staves, spaces = find_drawn_staves(picture)
        assert np.allclose(staves[:, ::2], sheet.staves, atol=1) and np.allclose(
            spaces, sheet.spaces, atol=0.2
        ), sheet.picture.name


def test_all_clean_staffs_are_found():
    for sheet in FROZEN[:24:8]:
        found = read_layout(np.asarray(Image.open(sheet.picture).convert("L"))).staves
        assert len(found) == len(sheet.lines) == len(reading_errors.match_staves(sheet, found)), (
            sheet.picture.name
        )


@pytest.mark.skipif(not (models_folder() / "reader").is_dir(), reason="the reader's weights are not there")
@pytest.mark.parametrize(
    ("kind", "bound"), [("lilypond", 0.05), ("musescore", 0.08), ("scan", 0.10), ("photograph", 0.20)]
)
def test_the_shipped_reader_errs_little(kind, bound):
    wrong, words = reading_errors.measure_sheet(next(sheet for sheet in FROZEN if sheet.kind == kind)).counts[
        "symbol_errors"
    ]
    assert wrong <= bound * words
