"""From a page to a score: its staves are found, the network reads each, rules make music of the tokens.

Lesson: 10_reading_sheet_music.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import music21
import numpy as np
import pretty_midi

from noteninja_lib.errors import UserError, whole, write_whole
from noteninja_lib.models.checkpoints import load_model
from noteninja_lib.models.crnn import LineReader, Symbol, read_staff_image
from noteninja_lib.music.harmony import beat_length
from noteninja_lib.music.piano_roll import PianoRoll
from noteninja_lib.music.playback import from_score
from noteninja_lib.music.tunes import Tune
from noteninja_lib.omr import score as music
from noteninja_lib.omr.image_io import open_pictures
from noteninja_lib.omr.measures import Bar, check_corrections
from noteninja_lib.omr.staff_detection import Staff, find_staves
from noteninja_lib.omr.vocabulary import BAR_LINES, VOCABULARY, is_note

Progress = Callable[[float], None] | None
UNSURE = 0.8  # confidence below which a symbol makes its bar doubtful
TOP, BOTTOM = 20, 76  # rows of a staff image around a bar that is pointed at: 1.5 spaces beyond the staff
BESIDE = 12  # pixels of a staff image by which a bar reaches beyond its outermost symbols
MANY_DOUBTS = 0.5  # share of the bars above which the whole page is doubtful
SUFFIXES = (".musicxml", ".xml", ".mid", ".midi")
MOST_CHORDS = 3, 0.1  # number, and share of the notes, from which on a page is refused
SURE = 0.9  # confidence of a symbol that is plain to see
UNSURE_PAGE = 0.4  # share of symbols that are not, from which on a page is refused


@dataclass
class Line:
    """One staff, on which page (from 0) it stands, and the symbols that were read in it."""

    page: int
    staff: Staff
    symbols: list[Symbol]


@dataclass(frozen=True)
class Doubt:
    """A bar that was probably read wrong: its number, the line in which it begins (from 0), and why."""

    number: int
    line: int
    why: str


@dataclass
class Sheet:
    """What was read on some pages."""

    title: str
    pages: list[np.ndarray]  # uint8, shape (height, width)
    lines: list[Line]  # top to bottom, page after page
    clef: str | None = None  # these three: what the user put in place of what was read
    key: int | None = None
    metre: str | None = None
    left_out: tuple[str, ...] = ()  # what was wrong with pages that could not be read, a sentence each

    def tokens(self) -> list[list[str]]:
        """What stands in each line, see `vocabulary`."""
        return [[symbol.token for symbol in line.symbols] for line in self.lines]

    def corrected(self, clef: str | None = None, key: int | None = None, metre: str | None = None) -> "Sheet":
        """The same page with these corrections alone (key in sharps); it is not read again."""
        check_corrections(clef, key, metre)
        return replace(self, clef=clef, key=key, metre=metre)

    @cached_property
    def bars(self) -> list[Bar]:
        """Bars in printed order."""
        bars = music.read_bars(self.tokens(), clef=self.clef, key=self.key, metre=self.metre)
        for bar in bars:
            symbols = sum((self.lines[line].symbols[first:end] for line, first, end in bar.spans), [])
            if min(symbol.confidence for symbol in symbols) < UNSURE:
                bar.doubts.append("a symbol in it can hardly be recognised")
        return bars

    @property
    def score(self) -> music21.stream.Score:
        """The music as it is printed."""
        return music.to_score(self.bars, self.title)

    @property
    def doubtful(self) -> list[Doubt]:
        """Bars that were probably read wrong: they do not add up, or a symbol is unclear."""
        return [Doubt(bar.number, bar.spans[0][0], "; ".join(bar.doubts)) for bar in self.bars if bar.doubts]

    def outlines(self, number: int) -> list[tuple[int, np.ndarray]]:
        """Where a bar stands: page and polygon in it, shape (points, 2), once for each line it stands in."""
        bar = next(bar for bar in self.bars if bar.number == number)
        lines = [(self.lines[line], first, end) for line, first, end in bar.spans]
        return [(line.page, _outline(line, first, end)) for line, first, end in lines]

    def tune(self) -> Tune:
        """What is played, repeats and endings included, harmonised; see `score.to_tune`."""
        return music.to_tune(self.bars, self.title)

    @property
    def tempo(self) -> float:
        """Felt beats a minute at which the tune is played where nothing else is said."""
        return music.quarters_a_minute(self.bars) / beat_length(music.main_metre(self.bars))

    def piano_roll(self) -> PianoRoll:
        """The tune as the converter takes it."""
        return from_score(self.tune(), self.tempo)

    def midi(self) -> pretty_midi.PrettyMIDI:
        """What is played."""
        return music.to_midi(self.bars)

    def musicxml(self, played: bool = False) -> str:
        """What is printed, as MusicXML text; or what is played, with all repeats written out."""
        return music.to_musicxml(music.played_bars(self.bars) if played else self.bars, self.title)

    def save(self, path: str | Path, played: bool = False) -> None:
        """Write MusicXML (as printed, or as played) or MIDI (as played), as the name ends."""
        path = Path(path)
        check_suffix(path)
        if path.suffix.lower().startswith(".mid"):
            midi = self.midi()
            with whole(path) as unfinished:
                midi.write(str(unfinished))
        else:
            write_whole(path, self.musicxml(played))

    def summary(self) -> dict:
        """What was read: how many staves, bars and notes, clef, key, metre, the doubtful bars."""
        first = self.bars[0]
        notes = [one for bar in self.bars for one in bar.events if one.position is not None]
        counts = dict(staffs=len(self.lines), bars=len(self.bars))
        signature = dict(clef=first.clef, key=first.fifths, metre=first.metre, notes=len(notes))
        return counts | signature | dict(doubtful=[doubt.number for doubt in self.doubtful])

    def warnings(self) -> list[str]:
        """What a user should look at, a sentence each: doubtful bars, pages that were left out."""
        doubts, sentences = {}, list(self.left_out)
        for doubt in self.doubtful:
            doubts.setdefault(doubt.line + 1, []).append(str(doubt.number))
        if doubts:
            bars = "; ".join(f"{', '.join(numbers)} (staff {line})" for line, numbers in doubts.items())
            sentences.append(f"Doubtful bars: {bars}.")
        if len({doubt.number for doubt in self.doubtful}) > MANY_DOUBTS * len(self.bars) > 2:
            more = "That is more than half: the page may hold several voices, or be too poor a picture."
            sentences.append(more)
        return sentences

    def __str__(self):
        found = self.summary()
        names = {"staffs": "staff", "bars": "bar", "notes": "note"}
        plural = {key: "" if found[key] == 1 else "s" for key in names}
        counts = ", ".join(f"{found[key]} {one}{plural[key]}" for key, one in names.items())
        metres = ", ".join(dict.fromkeys(bar.metre for bar in self.bars))
        signature = f"{found['clef']} clef, {music.key_in_words(found['key'])}, {metres}"
        return f"{counts}; {signature}. {' '.join(self.warnings()) or 'Every bar adds up.'}"


def _outline(line, first, end):
    """Polygon, in the pixels of its page, around the symbols from `first` to before `end`."""
    symbols, staff = line.symbols, line.staff
    left, right = symbols[first].column - BESIDE, symbols[end - 1].column + BESIDE
    if first and symbols[first - 1].token in BAR_LINES:
        left = symbols[first - 1].column
    if end < len(symbols):
        right = symbols[end].column
    columns = np.linspace(max(left, 0), min(right, staff.width - 1), 16)
    rows = np.repeat([TOP, BOTTOM], 16)
    return np.stack(staff.to_page(np.concatenate([columns, columns[::-1]]), rows), axis=1)


def check_suffix(path: Path) -> None:
    """Refuse a name that does not say which kind of notes to write."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path} cannot be written: its name must end in {', '.join(SUFFIXES)}.")
    if not path.parent.is_dir():
        raise UserError(f"{path} cannot be written: there is no folder {path.parent}.")


def read_sheet(source: str | Path | np.ndarray, *, progress: Progress = None, **corrections) -> Sheet:
    """Read printed music: one staff a system, one voice.

    Parameters
    ----------
    source : path or np.ndarray, uint8, shape (height, width)
        A picture or pdf; or a page, 255 white.
    progress : callable, optional
        Called with the fraction done.
    **corrections
        In place of what is read: clef ("treble", "bass", "alto", "tenor"), key (int: sharps, or minus the
        flats), metre (as it is printed, such as "6/8" or "C|").

    Raises
    ------
    UserError
        If it cannot be used: no picture, no staves, systems of several staves, chords, handwriting.
    """
    check_corrections(**corrections)
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
            lines.append(Line(number, staff, read_staff_image(network, staff.image, VOCABULARY)))
            progress((number + (place + 1) / len(staves)) / len(pages))
    if not lines:
        raise UserError(left_out[0])
    _refuse([symbol for line in lines for symbol in line.symbols])
    return Sheet(name, pages, lines, left_out=tuple(left_out), **corrections)


def _refuse(symbols):
    """Refuse what this reader was not made for, in one sentence."""
    notes = sum(is_note(symbol.token) for symbol in symbols)
    chords = sum(symbol.token == "chord" for symbol in symbols)
    least, share = MOST_CHORDS
    if chords >= least and chords >= share * notes:
        why = "There are chords, or two voices in one staff"
        raise UserError(f"{why}: choose music in which one note sounds at a time.")
    if not notes:
        which = "choose a picture of printed music, sharp and with nothing cut off"
        raise UserError(f"No notes were read: {which}.")
    if np.mean([symbol.confidence < SURE for symbol in symbols]) > UNSURE_PAGE:
        which = "choose a sharp picture of printed music with a single voice, not handwriting"
        raise UserError(f"Too little could be recognised: {which}.")
