"""From a page to a score: its staves are found, the network reads each, rules make music of the tokens.

Lesson: 10_reading_sheet_music.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import combinations, takewhile
from pathlib import Path

import music21
import numpy as np
import pretty_midi

from noteninja_lib import data_folder
from noteninja_lib.errors import UserError, check_range, whole, write_whole
from noteninja_lib.models.checkpoints import MARKED, load_model, models_folder
from noteninja_lib.models.crnn import LineReader, Symbol, read_staff_image
from noteninja_lib.music.harmony import beat_length, read_chord
from noteninja_lib.music.piano_roll import PianoRoll
from noteninja_lib.music.playback import from_score
from noteninja_lib.music.tunes import Tune
from noteninja_lib.omr import score as music
from noteninja_lib.omr.image_io import open_pictures
from noteninja_lib.omr.measures import EDGES, Bar, check_corrections, settle_chords
from noteninja_lib.omr.staff_detection import IMAGE_MIDDLE as MIDDLE
from noteninja_lib.omr.staff_detection import Staff, read_layout
from noteninja_lib.omr.vocabulary import (
    BAR_LINES,
    MARKS,
    ROOTS,
    VOCABULARY,
    is_note,
    position_and_value,
    ratio,
    set_pitches,
)

Progress = Callable[[float], None] | None
UNSURE = 0.8  # confidence of an accidental below which its bar is doubtful
HARDLY = 0.1  # and that of what was mended; chance of another height from which on a bar is doubtful
TOP, BOTTOM = 20, 76  # rows of a staff image around a bar that is pointed at: 1.5 spaces beyond the staff
BESIDE = 12  # pixels of a staff image by which a bar reaches beyond its outermost symbols
MOST_NAMED = 6  # bars that are named in a sentence
MANY_DOUBTS = 0.5  # share of the bars above which the whole page is doubtful
SUFFIXES = (".musicxml", ".xml", ".mid", ".midi")
MOST_CHORDS = 3, 0.1, 0.5  # so many, and so large a share of the notes, are refused; or this share alone
SURE = 0.9  # confidence of a symbol that is plain to see
WORDS = ("D.C.", "D.S.", "Fine", "Coda", "segno", "coda")  # tokens with which words begin
OCTAVE, OCTAVE_END = "8va", "8va-end"
NEAR = 44  # pixels of a staff image between the parts of one chord symbol, at most
LEAST = 0.5  # confidence of a mark that is believed
AT_A_NOTE = 16  # pixels of a staff image within which a chord symbol belongs to a note
WIDE_GAP, TITLE_GAP = 1.3, 1.5  # usual distances of two staffs, from which on something, or a title, is there
LOOKED_AT, BETTER = 2, 0.03  # staffs by which is seen what is upside down, and confidence that tells
#: Of a bar that does not add up: edits that are thought of, edits at once, their odds.
MOST_TRIED, MOST_EDITS, LEAST_ODDS = 8, 3, 0.01
#: Notes on one height, or on few where there is no clef, from which on they are a rhythm and no tune.
DRUMMED, FEW_HEIGHTS = 12, 2
NO_MUSIC = 0.65  # share of symbols that are not, from which on there is no music where something is amiss
UNCLEAR = 0.15  # share of symbols that are not, from which on that is told: at most 0.12 on printed pages
UNSURE_PAGE = 0.4  # share of symbols that are not, from which on a page is refused


@dataclass(frozen=True)
class Mark:
    """What stands around a staff: a chord symbol such as "F#m7", words such as "D.C. al Fine", or "8va"."""

    text: str
    column: float  # of the staff image, in pixels
    confidence: float  # 0..1

    @property
    def is_chord(self) -> bool:
        """Whether it is a chord symbol."""
        return self.text.split()[0] not in (*WORDS, OCTAVE, OCTAVE_END)


@dataclass
class Line:
    """One staff, on which page (from 0) it stands, and the symbols that were read in it."""

    page: int
    staff: Staff
    symbols: list[Symbol]
    marks: list[Mark] = field(default_factory=list)
    read: list[Symbol] = field(default_factory=list)  # the symbols before bars were mended

    @property
    def height(self) -> float:
        """Where its middle is in the page, in pixels from the top."""
        return float(self.staff.to_page(self.staff.width / 2, MIDDLE)[1])


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
    left_out: tuple[str, ...] = ()  # what could not be read or was not, a sentence each
    upper: bool = False  # whether of chords, voices and systems the uppermost was wanted

    def tokens(self) -> list[list[str]]:
        """What stands in each line, see `vocabulary`."""
        return [[symbol.token for symbol in line.symbols] for line in self.lines]

    def corrected(self, clef: str | None = None, key: int | None = None, metre: str | None = None) -> "Sheet":
        """The same page with these corrections alone (key in sharps); it is not read again."""
        check_corrections(clef, key, metre)
        corrections = dict(clef=clef, key=key, metre=metre)
        return replace(self, lines=_mended(self.lines, self.upper, corrections), **corrections)

    @cached_property
    def bars(self) -> list[Bar]:
        """Bars in printed order."""
        bars = music.read_bars(self.tokens(), self.upper, clef=self.clef, key=self.key, metre=self.metre)
        for bar in bars:
            symbols = sum((self.lines[line].symbols[first:end] for line, first, end in bar.spans), [])
            if any(map(_unclear, symbols)):
                bar.doubts.append("a symbol in it can hardly be recognised")
        for number, line in enumerate(self.lines):
            inside = [bar for bar in bars if any(span[0] == number for span in bar.spans)]
            _place_marks(line, inside, number)
            _raise_octaves(line, inside, number)
        set_pitches(bars)
        settle_chords(bars)
        return bars

    @cached_property
    def tunes(self) -> list["Sheet"]:
        """The tunes of a book, one after another; the sheet itself where there is but one.

        A tune begins in a line with a metre of its own, after a final bar line or a gap, or after both.
        """
        starts = [0, *(number for number in range(1, len(self.lines)) if self._begins(number))]
        if len(starts) == 1:
            return [self]
        parts = [self.lines[first:end] for first, end in zip(starts, [*starts[1:], len(self.lines)])]
        return [
            replace(self, title=f"{self.title} {number}", lines=part) for number, part in enumerate(parts, 1)
        ]

    def tune_number(self, number: int) -> "Sheet":
        """One of the tunes, counted from 1."""
        check_range("tune", number, 1, len(self.tunes))
        return self.tunes[number - 1]

    def place(self) -> str:
        """Where it begins, in words: "page 2, 40% down"."""
        first = self.lines[0]
        down = f"{first.height / self.pages[first.page].shape[0]:.0%} down"
        return f"page {first.page + 1}, {down}" if len(self.pages) > 1 else down

    def _begins(self, number):
        """Whether a tune begins in this line."""
        before, line = self.lines[number - 1 : number + 1]
        gaps = [
            two.height - one.height for one, two in zip(self.lines, self.lines[1:]) if one.page == two.page
        ]
        gap = math.inf if before.page != line.page else (line.height - before.height) / np.median(gaps)
        last = (self.tokens()[number - 1] or [""])[-1]
        head = takewhile(lambda token: not token.startswith(("note", "rest")), self.tokens()[number])
        metre = any(token.startswith("time:") for token in head)
        closed = last == "final-bar"
        far = before.page == line.page and gap > TITLE_GAP
        return metre and (closed or last in EDGES and gap > WIDE_GAP or far) or closed and gap > WIDE_GAP

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
        chords = sum(len(bar.harmony) for bar in self.bars)
        signature = dict(clef=first.clef, key=first.fifths, metre=first.metre, notes=len(notes))
        more = dict(chords=chords, tunes=len(self.tunes))
        return counts | signature | more | dict(doubtful=[doubt.number for doubt in self.doubtful])

    def warnings(self) -> list[str]:
        """What a user should look at, a sentence each: doubtful bars, pages that were left out."""
        doubts, sentences = {}, list(self.left_out)
        remarks: dict[str, list[str]] = {}
        for bar in self.bars:
            for remark in bar.remarks:
                remarks.setdefault(remark, []).append(str(bar.number))
        for remark, numbers in remarks.items():
            more = f" and {len(numbers) - MOST_NAMED} more" if len(numbers) > MOST_NAMED else ""
            which = f"Bar{'s' * (len(numbers) > 1)} {', '.join(numbers[:MOST_NAMED])}{more}"
            sentences.append(f"{which}: {remark}.")
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
        names |= {"chords": "chord symbol"} if found["chords"] else {}
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


def read_sheet(
    source: str | Path | np.ndarray, *, upper: bool = False, progress: Progress = None, **corrections
) -> Sheet:
    """Read printed music: one staff a system, one voice.

    Parameters
    ----------
    source : path or np.ndarray, uint8, shape (height, width)
        A picture or pdf; or a page, 255 white.
    upper : bool
        Of systems read the uppermost staffs, and in these the uppermost notes.
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
    own = models_folder()
    own = own if (own / MARKED).exists() else data_folder() / "models"
    network, marks = load_model(LineReader), load_model(LineReader, own, MARKED)
    lines, left_out = [], []
    for number, page in enumerate(pages):
        where = f"Page {number + 1}: " if len(pages) > 1 else ""
        try:
            layout, heard = _upright(network, page, upper)
        except UserError as problem:  # a title page does not spoil the others
            left_out.append(f"{where}{problem}")
            continue
        pages[number] = layout.page
        left_out += [f"{where}{sentence}" for sentence in layout.told]
        found = []
        for place, staff in enumerate(layout.staves):
            if place == len(heard):
                heard.append(read_staff_image(network, staff.image, VOCABULARY))
            found.append(Line(number, staff, heard[place]))
            progress((number + 0.7 * (place + 1) / len(layout.staves)) / len(pages))
        _read_marks(marks, found)
        lines += found
        progress((number + 1) / len(pages))
    if not lines:
        raise UserError(left_out[0])
    symbols = [symbol for line in lines for symbol in line.symbols]
    _refuse(symbols, upper, len(lines))
    if _unsure(symbols) > UNCLEAR:
        left_out.append(
            "Many signs are unclear: is it written by hand, or the picture blurred? Check all of it."
        )
    lines = _mended(lines, upper, corrections)
    return Sheet(name, pages, lines, left_out=tuple(left_out), upper=upper, **corrections)


def _upright(network, page, upper):
    """The layout of a page, turned by 180 degrees where that reads better, and what its first staves hold."""
    layout = read_layout(page, upper, strict=False)
    first = layout.staves[:LOOKED_AT]
    heard = [read_staff_image(network, staff.image, VOCABULARY) for staff in first]
    if layout.refused:
        if _unsure([symbol for line in heard for symbol in line]) > NO_MUSIC:
            raise UserError(
                "This does not look like printed music: choose a sharp picture of a page of notes."
            )
        raise UserError(layout.refused)
    if any(symbols and symbols[0].token.startswith("clef") for symbols in heard) and _sure(heard) > SURE:
        return layout, heard
    turned = [np.ascontiguousarray(np.rot90(staff.image, 2)) for staff in first]
    if _sure([read_staff_image(network, image, VOCABULARY) for image in turned]) > _sure(heard) + BETTER:
        layout = read_layout(np.ascontiguousarray(np.rot90(layout.page, 2)), upper)
        return layout, []
    return layout, heard


def _unsure(symbols, nothing=1.0):
    """Share of symbols that are not plain to see; `nothing` if there are none."""
    return float(np.mean([symbol.confidence < SURE for symbol in symbols] or [nothing]))


def _sure(lines):
    """Mean confidence of the symbols of some lines; 0 if there are none."""
    return float(np.mean([symbol.confidence for line in lines for symbol in line] or [0]))


# ---- bars that do not add up -------------------------------------------------------------------------------


def mend(lines: list[list[Symbol]], upper: bool = False, **corrections) -> list[list[Symbol]]:
    """Symbols of lines, in which what the network nearly read takes the place of what does not add up.

    In a bar that is too long or too short, up to `MOST_EDITS` symbols are changed, put in or left out, the
    likeliest first, until it is right and no other bar gets wrong.

    Parameters
    ----------
    lines : list of list of Symbol
    upper, **corrections
        As for `score.read_bars`.
    """

    def bars_of(lines):
        return music.read_bars(
            [[one.token for one in line] for line in lines], upper, final=False, **corrections
        )

    def wrong(bars):
        return sum(not bar.fits for bar in bars)

    bars, tried = bars_of(lines), set()
    while bar := next((one for one in bars if not one.fits and _key(one) not in tried), None):
        tried.add(_key(bar))
        for edits in _likeliest([edit for span in bar.spans for edit in _edits(lines, *span)]):
            changed = _edited(lines, edits)
            if _fits(bar, lines, changed) and wrong(new := bars_of(changed)) < wrong(bars):
                lines, bars = changed, new
                break
    return lines


def _mended(lines, upper, corrections):
    """Lines with their bars mended, from what was read in them, not from what was mended before."""
    read = [line.read or line.symbols for line in lines]
    mended = mend(read, upper, **corrections)
    return [replace(line, symbols=new, read=old) for line, new, old in zip(lines, mended, read)]


def _unclear(symbol):
    """Whether a symbol makes its bar doubtful: other doubts are settled by what the bar's notes last."""
    if symbol.confidence < HARDLY or symbol.token.startswith("acc") and symbol.confidence < UNSURE:
        return True
    height = symbol.token.rpartition(":")[0]
    others = [
        chance for token, chance in symbol.others if is_note(token) and token.rpartition(":")[0] != height
    ]
    missed = [one.confidence for one in symbol.missed if one.token.startswith("acc")]
    return max(missed + others * is_note(symbol.token), default=0) > HARDLY


def _key(bar):
    """What tells a bar from the others, whatever is changed in those before it."""
    return bar.spans[-1][0], bar.number


def _edits(lines, number, first, end):
    """What may be changed between two symbols of a line: odds, line, place, and what stands there then."""
    for place in range(max(first - 1, 0), end):
        symbol = lines[number][place]
        for token, chance in symbol.others if place >= first else ():
            new = [replace(symbol, token=token, confidence=chance, others=())] if token else []
            yield chance / symbol.confidence, number, place, new
        for missed in symbol.missed:
            yield missed.confidence, number, place, [symbol, missed]


def _likeliest(edits):
    """Sets of edits of different symbols, the likeliest first."""
    edits = sorted(edits, key=lambda edit: -edit[0])[:MOST_TRIED]
    sets = [some for count in range(1, MOST_EDITS + 1) for some in combinations(edits, count)]
    sets = [some for some in sets if len({edit[1:3] for edit in some}) == len(some)]
    odds = [math.prod(edit[0] for edit in some) for some in sets]
    return [some for odd, some in sorted(zip(odds, sets), key=lambda one: -one[0]) if odd >= LEAST_ODDS]


def _fits(bar, lines, changed):
    """Whether a bar would be as long as its metre asks for, by itself."""
    tokens = []
    for number, first, end in bar.spans:
        end += len(changed[number]) - len(lines[number])
        tokens += [symbol.token for symbol in changed[number][first:end]]
    return all(one.sum == bar.length for one in music.read_bars([tokens], metre=bar.metre))


def _edited(lines, edits):
    """A copy of lines with some symbols changed."""
    lines = list(map(list, lines))
    for _, number, place, new in sorted(edits, key=lambda edit: -edit[2]):
        lines[number][place : place + 1] = new
    return lines


# ---- chord symbols and words -------------------------------------------------------------------------------


def _read_marks(network, lines):
    """Read what stands above and below the lines of a page: chord symbols on one side, words on both."""
    sides = [
        [parse_marks(read_staff_image(network, image, MARKS)) for image in images]
        for images in ([line.staff.above for line in lines], [line.staff.below for line in lines])
    ]
    weights = [sum(mark.confidence for marks in side for mark in marks if mark.is_chord) for side in sides]
    outer = [any(mark.is_chord for mark in marks) for marks in (sides[0][0], sides[1][-1])]
    if outer[0] != outer[1]:  # what stands between two staffs may belong to either
        weights = outer
    for number, line in enumerate(lines):
        words = [mark for side in sides for mark in side[number] if not mark.is_chord]
        words = [mark for mark in words if OCTAVE not in mark.text or mark in sides[0][number]]
        chords = [mark for mark in sides[int(np.argmax(weights))][number] if mark.is_chord]
        line.marks = sorted(words + chords, key=lambda mark: mark.column)


def parse_marks(symbols: list[Symbol]) -> list[Mark]:
    """Chord symbols and words of the tokens that were read above or below a staff."""
    groups: list[list[Symbol]] = []
    alone = (*ROOTS, *WORDS, OCTAVE, OCTAVE_END, "N.C.")
    for symbol in symbols:
        last = groups[-1][-1] if groups else None
        near = last is not None and symbol.column - last.column < NEAR
        chord = near and groups[-1][0].token in ROOTS
        bass = symbol.token in ROOTS and chord and last.token == "/"
        part = symbol.token not in alone and chord
        word = symbol.token in ("al", "Fine", "Coda") and near and groups[-1][0].token in ("D.C.", "D.S.")
        if bass or part or word:
            groups[-1].append(symbol)
        elif symbol.token in alone:
            groups.append([symbol])
    marks = []
    for group in groups:
        words = group[0].token in (*WORDS, OCTAVE, OCTAVE_END)
        text = (" " if words else "").join(symbol.token for symbol in group)
        confidence = min(symbol.confidence for symbol in group)
        if confidence > LEAST and (words or read_chord(text.replace("H", "B"))):
            marks.append(Mark(text, group[0].column, confidence))
    return marks


def _place_marks(line, bars, number):
    """Put the marks of a line into its bars: chord symbols onto beats, words to the bar they stand at."""
    columns = [symbol.column for symbol in line.symbols]
    begins = [columns[next(span[1] for span in bar.spans if span[0] == number)] for bar in bars]
    for mark in line.marks if bars else ():
        at = max(np.searchsorted(begins, mark.column + BESIDE) - 1, 0)
        bar = bars[at]
        if mark.is_chord:
            bar.harmony.append((_beat_at(bar, mark.column, columns, number), mark.text))
        elif OCTAVE not in mark.text:
            bar.words.append(mark.text)


def _raise_octaves(line, bars, number):
    """Mark the notes of a line from octave signs to their hooks; a sign without one is a doubt."""
    signs = [(mark.column, mark.text) for mark in line.marks if OCTAVE in mark.text]
    ends = [one for one in zip(signs, signs[1:]) if (one[0][1], one[1][1]) == (OCTAVE, OCTAVE_END)]
    spans = [(first - AT_A_NOTE, last + AT_A_NOTE) for (first, _), (last, _) in ends]
    for bar in bars:
        events = [event for event in bar.events if event.at and event.at[0] == number]
        columns = [line.symbols[event.at[1]].column for event in events]
        for event, column in zip(events, columns):
            event.raised = any(first < column < last for first, last in spans)
        if any(event.raised for event in events):
            bar.remarks.append("under an octave sign, and so an octave higher")
        begun = [at for at, text in signs if text == OCTAVE and at - AT_A_NOTE not in dict(spans)]
        if any(min(columns, default=0) - AT_A_NOTE < at < max(columns, default=0) for at in begun):
            bar.doubts.append("an octave sign begins there, whose end was not read")


def _beat_at(bar, column, columns, number):
    """Quarter notes from a bar's start to a column: those of a note near it, or of the nearest beat."""
    places, times, now = [], [], Fraction(0)
    for event in bar.events:
        if event.at and event.at[0] == number:
            places.append(columns[event.at[1]])
            times.append(now)
        now += event.quarters
    nearest = int(np.argmin(np.abs(np.array(places) - column)))
    if abs(places[nearest] - column) < AT_A_NOTE:
        return times[nearest]
    beat = Fraction(beat_length(ratio(bar.metre))).limit_denominator(4)
    time = float(np.interp(column, [*places, places[-1] + 60], [*map(float, times), float(now)]))
    return min(round(time / beat) * beat, times[-1])


def _refuse(symbols, upper, staffs):
    """Refuse what this reader was not made for, in one sentence."""
    notes = sum(is_note(symbol.token) for symbol in symbols)
    chords = sum(symbol.token == "chord" for symbol in symbols)
    least, share, most = MOST_CHORDS
    clefs = [symbol.token for symbol in symbols if symbol.token.startswith("clef:")]
    heights = {position_and_value(symbol.token)[0] for symbol in symbols if is_note(symbol.token)}
    few = len(heights) == 1 or len(heights) <= FEW_HEIGHTS and not clefs and staffs > 1
    if clefs and clefs.count("clef:percussion") > len(clefs) / 2 or few and notes >= DRUMMED:
        raise UserError("This is music for percussion, without pitches: choose a tune.")
    if _unsure(symbols, 0.0) > UNSURE_PAGE:
        which = "choose a sharp picture of printed music with a single voice, not handwriting"
        raise UserError(f"Too little could be recognised: {which}.")
    if (chords >= least and chords >= share * notes or chords >= most * max(notes, 1)) and not upper:
        why = "There are chords, or two voices in one staff"
        raise UserError(
            f"{why}: choose music in which one note sounds at a time, or read the uppermost notes (--top)."
        )
    if notes < staffs:  # of empty staffs some seem to have a note
        which = "choose a picture of printed music, sharp and with nothing cut off"
        raise UserError(f"No notes were read: {which}.")
