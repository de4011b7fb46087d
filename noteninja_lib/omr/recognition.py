"""A page that was read: its bars, what is doubtful in them and where that stands; as a score, a tune or a file.

Lesson: 10_reading_sheet_music.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from noteninja_lib.errors import UserError
from noteninja_lib.models.checkpoints import load_model
from noteninja_lib.models.crnn import LineReader, read_staff_image
from noteninja_lib.music.harmony import beat_length
from noteninja_lib.music.score_io import from_score
from noteninja_lib.omr.image_io import open_pictures
from noteninja_lib.omr.measures import check_corrections
from noteninja_lib.omr.score import (
    key_in_words,
    main_metre,
    played_bars,
    quarters_a_minute,
    read_bars,
    to_midi,
    to_musicxml,
    to_score,
    to_tune,
)
from noteninja_lib.omr.staff_detection import find_staves
from noteninja_lib.omr.vocabulary import BAR_LINES, VOCABULARY, is_note

UNSURE = 0.8  # confidence below which a symbol makes its bar doubtful
TOP, BOTTOM = 20, 76  # rows of a strip around a bar that is pointed at: a space and a half beyond the staff
BESIDE = 12  # pixels of a strip by which a bar reaches beyond its outermost symbols
MANY_DOUBTS = 0.5  # share of the bars above which the whole page is doubtful
SUFFIXES = (".musicxml", ".xml", ".mid", ".midi")


@dataclass
class Line:
    """One staff and what was read in it.

    Attributes
    ----------
    page : int
        From 0.
    staff : Staff
    symbols : list of Symbol
    """

    page: int
    staff: object
    symbols: list


@dataclass(frozen=True)
class Doubt:
    """A bar that was probably read wrong.

    Attributes
    ----------
    number : int
        Of the bar.
    line : int
        In which it begins, from 0.
    why : str
    """

    number: int
    line: int
    why: str


@dataclass
class Sheet:
    """What was read on some pages.

    Attributes
    ----------
    title : str
    pages : list of numpy.ndarray, uint8, shape (height, width)
    lines : list of Line
        Top to bottom, page after page.
    clef, key, metre : str, int, str or None
        What the user put in place of what was read.
    left_out : list of str
        What was wrong with pages that could not be read, a sentence each.
    """

    title: str
    pages: list
    lines: list
    clef: str | None = None
    key: int | None = None
    metre: str | None = None
    left_out: tuple = ()

    def words(self):
        """What stands in each line: list of list of str, see :mod:`.symbols`."""
        return [[symbol.word for symbol in line.symbols] for line in self.lines]

    def corrected(self, clef=None, key=None, metre=None):
        """The same page with another clef, key (sharps, or minus the flats) or metre; it is not read again.

        Returns
        -------
        Sheet
            With these corrections alone.
        """
        check_corrections(clef, key, metre)
        return replace(self, clef=clef, key=key, metre=metre)

    @cached_property
    def bars(self):
        """Bars in printed order: list of `bars.Bar`."""
        bars = read_bars(self.words(), clef=self.clef, key=self.key, metre=self.metre)
        for bar in bars:
            symbols = [
                symbol for line, first, end in bar.spans for symbol in self.lines[line].symbols[first:end]
            ]
            if min(symbol.confidence for symbol in symbols) < UNSURE:
                bar.doubts.append("a symbol in it can hardly be recognised")
        return bars

    @property
    def score(self):
        """The music as it is printed, a music21.stream.Score."""
        return to_score(self.bars, self.title)

    @property
    def doubtful(self):
        """Bars that were probably read wrong, a list of Doubt, and why: they don't add up, or a symbol is unclear."""
        return [Doubt(bar.number, bar.spans[0][0], "; ".join(bar.doubts)) for bar in self.bars if bar.doubts]

    def outlines(self, number):
        """Where a bar stands.

        Parameters
        ----------
        number : int
            As `Bar.number` and `Doubt.number` have it.

        Returns
        -------
        list of (int, numpy.ndarray of shape (points, 2))
            Page and polygon (x, y) in its pixels; two of them where a bar is split between lines.
        """
        bar = next(bar for bar in self.bars if bar.number == number)
        return [
            (self.lines[line].page, self._outline(self.lines[line], first, end))
            for line, first, end in bar.spans
        ]

    def _outline(self, line, first, end):
        symbols, staff = line.symbols, line.staff
        left, right = symbols[first].column - BESIDE, symbols[end - 1].column + BESIDE
        if first and symbols[first - 1].word in BAR_LINES:
            left = symbols[first - 1].column
        if end < len(symbols):
            right = symbols[end].column
        columns = np.linspace(max(left, 0), min(right, staff.width - 1), 16)
        rows = np.repeat([TOP, BOTTOM], 16)
        return np.stack(staff.to_page(np.concatenate([columns, columns[::-1]]), rows), axis=1)

    def tune(self):
        """What is played, as a Tune: repeats and endings included, harmonised; see `score.to_tune`."""
        return to_tune(self.bars, self.title)

    @property
    def tempo(self):
        """Felt beats a minute at which the tune is played where nothing else is said."""
        return quarters_a_minute(self.bars) / beat_length(main_metre(self.bars))

    def content(self):
        """The tune as the converter takes it, a Content."""
        return from_score(self.tune(), self.tempo)

    def midi(self):
        """What is played, as a pretty_midi.PrettyMIDI."""
        return to_midi(self.bars)

    def musicxml(self, played=False):
        """What is printed, as MusicXML text; or what is played, with all repeats written out."""
        return to_musicxml(played_bars(self.bars) if played else self.bars, self.title)

    def save(self, path, played=False):
        """Write MusicXML (as printed, or as played) or MIDI (as played), as the name ends."""
        path = Path(path)
        check_suffix(path)
        if path.suffix.lower().startswith(".mid"):
            write, content = self.midi().write, str(path)
        else:
            write, content = path.write_bytes, self.musicxml(played).encode("utf-8")
        try:
            write(content)
        except OSError as problem:
            raise UserError(
                f"{path} could not be written: choose another folder, or make room on the disk."
            ) from problem

    def summary(self):
        """What was read, as a dict: staffs, bars, notes, clef, key, metre, numbers of the doubtful bars."""
        first = self.bars[0]
        return {
            "staffs": len(self.lines),
            "bars": len(self.bars),
            "clef": first.clef,
            "key": first.fifths,
            "metre": first.metre,
            "notes": sum(event.position is not None for bar in self.bars for event in bar.events),
            "doubtful": [doubt.number for doubt in self.doubtful],
        }

    def warnings(self):
        """What a user should look at, a sentence each: doubtful bars, pages that were left out."""
        doubts = {}
        for doubt in self.doubtful:
            doubts.setdefault(doubt.line + 1, []).append(str(doubt.number))
        bars = "; ".join(f"{', '.join(numbers)} (staff {line})" for line, numbers in doubts.items())
        many = len({doubt.number for doubt in self.doubtful}) > MANY_DOUBTS * len(self.bars) > 2
        return [
            *self.left_out,
            *([f"Doubtful bars: {bars}."] if bars else []),
            *(
                ["That is more than half: the page may hold several voices, or be too poor a picture."]
                if many
                else []
            ),
        ]

    def __str__(self):
        told = self.summary()
        metres = dict.fromkeys(bar.metre for bar in self.bars)
        return (
            f"{_several(told['staffs'], 'staff')}, {_several(told['bars'], 'bar')}, {_several(told['notes'], 'note')}; "
            f"{told['clef']} clef, {key_in_words(told['key'])}, {', '.join(metres)}. "
            + (" ".join(self.warnings()) or "Every bar adds up.")
        )


def _several(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"


def check_suffix(path):
    """Refuse a name that does not say which kind of notes to write."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path} cannot be written: its name must end in {', '.join(SUFFIXES)}.")
    if not path.parent.is_dir():
        raise UserError(f"{path} cannot be written: there is no folder {path.parent}.")


# From a page to a score: its staffs are found, the network reads each, rules make music of the words.
#
# Lesson: 10_reading_sheet_music.

MOST_CHORDS = 3, 0.1  # number, and share of the notes, from which on a page is refused
SURE = 0.9  # confidence of a symbol that is plain to see
UNSURE_PAGE = 0.4  # share of symbols that are not, from which on a page is refused


def read_sheet(source, *, clef=None, key=None, metre=None, progress=None):
    """Read printed music: one staff a system, one voice.

    Parameters
    ----------
    source : path or numpy.ndarray, uint8, shape (height, width)
        A picture or pdf; or a page, 255 white.
    clef : {"treble", "bass", "alto", "tenor"}, optional
        In place of what is read, as the next two are.
    key : int, optional
        Sharps, or minus the flats, of the key signature.
    metre : str, optional
        As it is printed, such as "6/8" or "C|".
    progress : callable, optional
        Called with the fraction done.

    Returns
    -------
    Sheet

    Raises
    ------
    UserError
        If it can't be used: no picture, no staffs, systems of several staffs, chords, handwriting.
    """
    check_corrections(clef, key, metre)
    progress = progress or (lambda done: None)
    if isinstance(source, np.ndarray):
        name, pages = "page", [source]
    else:
        name, pages = Path(source).stem, open_pictures(source)
    network, lines, left_out = load_model(LineReader), [], []
    for number, page in enumerate(pages):
        try:
            staves = find_staves(page)
        except UserError as problem:  # a title page does not spoil the others
            left_out.append(f"Page {number + 1}: {problem}" if len(pages) > 1 else str(problem))
            continue
        for place, staff in enumerate(staves):
            lines.append(Line(number, staff, read_staff_image(network, staff.strip, VOCABULARY)))
            progress((number + (place + 1) / len(staves)) / len(pages))
    if not lines:
        raise UserError(left_out[0])
    refuse(lines)
    return Sheet(name, pages, lines, clef, key, metre, tuple(left_out))


def refuse(lines):
    """Refuse what this reader was not made for, in one sentence."""
    symbols = [symbol for line in lines for symbol in line.symbols]
    notes = sum(is_note(symbol.word) for symbol in symbols)
    chords = sum(symbol.word == "chord" for symbol in symbols)
    if chords >= MOST_CHORDS[0] and chords >= MOST_CHORDS[1] * notes:
        raise UserError(
            "There are chords, or two voices in one staff: choose music in which one note sounds at a time."
        )
    if not notes:
        raise UserError(
            "No notes were read: choose a picture of printed music, sharp and with nothing cut off."
        )
    if np.mean([symbol.confidence < SURE for symbol in symbols]) > UNSURE_PAGE:
        raise UserError(
            "Too little could be recognised: choose a sharp picture of printed music with a single voice, not handwriting."
        )
