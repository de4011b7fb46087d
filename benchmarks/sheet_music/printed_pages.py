"""Pages of music from engravers that the reader never learned from, with the truth of what is printed on them.

Half of the pages are test tunes as tune books print them, half have everything (see :mod:`.decorating`). Each tune family
occurs once. LilyPond and MuseScore draw them; :mod:`.paper` makes scans and photographs of them. Command: `noteninja sheets
make`. Lesson: 10_reading_sheet_music.
"""

import io
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates, maximum_filter1d, minimum_filter1d
from tqdm import tqdm

from benchmarks.sheet_music import lilypond, musescore, musicxml_pages
from benchmarks.sheet_music.lilypond import need
from benchmarks.sheet_music.notation import Printer, quarters, tokens
from noteninja_lib import data_folder
from noteninja_lib.errors import UserError
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.omr.vocabulary import BAR_LINES, key_words

# Tunes as a tune book prints them: four bars or so a line, parts repeated, pick-ups, first and second endings.
#
# This is the plain half of the reader's test; the other half is composed so that everything occurs, see :mod:`.engravings`.
# Lesson: 10_reading_sheet_music.

MIDDLE = {"treble": 71, "bass": 50, "alto": 60, "tenor": 57}  # MIDI pitch of each clef's middle line
MODES = {
    "major": 0,
    "mixolydian": 1,
    "dorian": 2,
    "minor": 3,
}  # by how many fifths the major key lies below the tonic


def fifths_of(tonic, mode):
    """Sharps of a key's signature, or minus its flats: -6 to 5."""
    return (tonic * 7 - MODES[mode] + 6) % 12 - 6


def bars_of(events, bar):
    """Notes and rests bar by bar.

    Parameters
    ----------
    events : list of (Fraction, int or None)
        Length in quarter notes and MIDI pitch (None: a rest), one after another.
    bar : Fraction
        Quarter notes in a bar.

    Returns
    -------
    list of list of (Fraction, int or None, bool)
        Length, pitch, and whether it is tied to the next. What is left over at the end is dropped.
    """
    bars, line, room = [], [], bar
    for lasts, pitch in events:
        while lasts:
            part = min(lasts, room)
            line.append((part, pitch, lasts > part and pitch is not None))
            lasts, room = lasts - part, room - part
            if not room:
                bars, line, room = [*bars, line], [], bar
    if bars and bars[-1][-1][2]:
        bars[-1][-1] = (*bars[-1][-1][:2], False)
    return bars


def events_of(tune):
    """Notes and rests of a tune, one after another: (length as an exact fraction of quarter notes, MIDI pitch or None)."""
    events, at = [], Fraction(0)
    for start, lasts, pitch in [*tune.notes, (tune.length, 0, None)]:
        start, lasts = (Fraction(value).limit_denominator(24) for value in (start, lasts))
        events += [(start - at, None)] * (start > at) + [(lasts, pitch)] * (lasts > 0)
        at = start + lasts
    return events


@dataclass
class Section:
    """Part of a tune in one key and metre: bars of (events, bar line after them, ending that begins with them or "")."""

    bars: list
    fifths: int
    shift: int
    metre: str

    @property
    def repeated(self):
        """Whether it is played twice."""
        return any(bar_line == "repeat-end" for _, bar_line, _ in self.bars)


def book_section(bars, *, last, repeats, pickup, endings):
    """Bars with their bar lines, as books have them; a pick-up takes an eighth from the end of the part."""
    bars, before = [list(bar) for bar in bars], []
    (lasts, pitch, _), first, early = bars[-1][-1], bars[0][0][1], Fraction(1, 2)
    bars[-1][-1] = (lasts, pitch, False)  # what it was tied to is not printed
    if pickup and pitch is not None and first is not None and lasts > early and lasts.denominator % 3:
        bars[-1][-1] = (lasts - early, pitch, False)
        before = [([(early, first, False)], "bar", "")]
    end = "final-bar" if last else "double-bar"
    lines = [*before, *((bar, "bar", "") for bar in bars[:-1])]
    if repeats and endings:
        return [*lines, (bars[-1], "repeat-end", "1"), (bars[-1], end, "2")]
    return [*lines, (bars[-1], "repeat-end" if repeats else end, "")]


def print_sections(
    sections,
    clef,
    *,
    a_line=4,
    room=50,
    symbol=None,
    opened=True,
    naturals=False,
    courtesy=False,
    remind=None,
):
    """Words of the lines of a tune.

    Parameters
    ----------
    sections : list of Section
    clef : str
    a_line : int
        Bars in a line, besides pick-ups and second endings.
    room : int
        Words in a line at most.
    symbol : str, optional
        "C" or "C|" in place of the first metre.
    opened : bool
        Whether a repeat at the very beginning has its sign.
    naturals : bool
        Whether a new key cancels what the old one had and it has not; C major always does.
    courtesy : bool
        Whether a new key or metre at the beginning of a line stands at the end of the line before, too.
    remind : callable, optional
        See `Printer`.

    Returns
    -------
    list of list of str

    Raises
    ------
    ValueError
        If a note lies too far from the staff, or a length can't be printed.
    """
    lines = [[f"clef:{clef}", *key_words(sections[0].fifths), f"time:{symbol or sections[0].metre}"]]
    count, fifths, metre = 0, None, None
    for number, section in enumerate(sections):
        printer = Printer(clef, section.fifths, section.shift, remind)
        for place, (events, bar_line, ending) in enumerate(section.bars):
            change = signature(fifths, section.fifths, metre, section.metre, naturals) if number else []
            words = printer.bar(events)
            if (count >= a_line or len(lines[-1]) + len(words) > room and count) and ending != "2":
                lines[-1] += change * courtesy
                lines.append(
                    [
                        f"clef:{clef}",
                        *key_words(section.fifths),
                        *(word for word in change if word.startswith("time:")),
                    ]
                )
                count = 0
            else:
                lines[-1] += change
            fifths, metre = section.fifths, section.metre
            if place == 0 and section.repeated and (number or opened):
                begin_repeat(lines[-1])
            lines[-1] += [f"ending:{ending}"] * bool(ending) + [*words, bar_line]
            count += sum(lasts for lasts, _, _ in events) > quarters(section.metre) / 2
    return lines


def signature(old, new, old_metre, new_metre, naturals):
    """Words of a change of key or metre; none if there is no change."""
    if old is None:
        return []
    fewer = old * new < 0 or abs(new) < abs(old)
    words = ["cancel"] * (fewer and (naturals or new == 0)) + key_words(new) if old != new else []
    return words + [f"time:{new_metre}"] * (old_metre != new_metre)


def begin_repeat(line):
    """Put a repeat's beginning where a line ends now: one sign together with the bar line that stands there."""
    if line[-1] in BAR_LINES:
        line[-1] = "repeat-both" if line[-1] == "repeat-end" else "repeat-start"
    else:
        line.append("repeat-start")


def shift_to(tune, clef, fifths):
    """Semitones that take a tune to another signature, and by octaves into a clef."""
    shift = (fifths - fifths_of(tune.tonic, tune.mode)) * 7 % 12
    mean = sum(pitch for _, _, pitch in tune.notes) / len(tune.notes)
    return shift + 12 * round((MIDDLE[clef] - mean - shift) / 12)


def print_tune(tune, draw, *, clef="treble", a_line=4, room=50):
    """Lines of a tune as a book prints it, in its own key; see `print_sections`."""
    fifths = fifths_of(tune.tonic, tune.mode)
    bars, habits = bars_of(events_of(tune), quarters(tune.metre)), (0.7, 0.5, 0.3)
    repeats, pickup, endings = (draw.random() < habit for habit in habits)
    size = 8 if len(bars) % 8 == 0 else len(bars)
    sections = [
        Section(
            book_section(
                bars[first : first + size],
                last=first + size == len(bars),
                repeats=repeats,
                pickup=pickup,
                endings=endings,
            ),
            fifths,
            shift_to(tune, clef, fifths),
            tune.metre,
        )
        for first in range(0, len(bars), size)
    ]
    symbol = {"4/4": "C", "2/2": "C|"}.get(tune.metre) if draw.random() < 0.6 else None
    return print_sections(sections, clef, a_line=a_line, room=room, symbol=symbol, opened=draw.random() < 0.7)


# Tunes with everything that a reader has to know: far keys, triplets, 32nds, ties, accidentals, rests, changes of key and metre.
#
# A test of nothing but plain tunes would leave most words unseen. These are made by other code than the lines of the training,
# on purpose. Lesson: 10_reading_sheet_music.

METRES = ("4/4", "3/4", "2/4", "6/8", "9/8", "12/8", "3/8", "2/2", "6/4", "5/4", "3/2", "7/8", "4/8", "5/8")
EIGHTH = Fraction(1, 2)


def decorate(events, draw, amount):
    """Events of a tune, varied; their lengths together stay as they are.

    Parameters
    ----------
    events : list of (Fraction, int or None)
    draw : numpy.random.Generator
    amount : float
        0 (nothing) to 1.

    Returns
    -------
    list of (Fraction, int or None)
    """
    varied, at = [], 0
    while at < len(events):
        lasts, pitch = events[at]
        pair = events[at : at + 2]
        if pitch is not None and draw.random() < 0.10 * amount:
            pitch += int(draw.choice((-1, 1)))  # mostly an accidental
        if pitch is None or lasts.denominator % 3 == 0 or draw.random() > 0.35 * amount:
            varied.append((lasts, pitch))
        elif (
            len(pair) == 2
            and pair[1][0] == lasts
            and lasts in (1, EIGHTH)
            and pair[1][1] is not None
            and draw.random() < 0.5
        ):
            varied += [(lasts * Fraction(3, 2), pitch), (lasts / 2, pair[1][1])]  # dotted
            at += 1
        elif (
            len(pair) == 2
            and pair[1][1] is not None
            and draw.random() < 0.25
            and (lasts + pair[1][0]).denominator <= 2
        ):
            varied.append(
                (lasts + pair[1][0], pitch)
            )  # longer notes, and ties where a bar or the beat is crossed
            at += 1
        else:
            varied += split(lasts, pitch, draw)
        at += 1
    return varied


def split(lasts, pitch, draw):
    """A note in smaller values: a triplet, 16ths or 32nds, or with a rest in it."""
    way = draw.choice(("triplet", "run", "rest", "late"))
    steps = draw.choice((-2, -1, 1, 2), 8).cumsum()
    if way == "triplet" and lasts in (2, 1, EIGHTH):
        if draw.random() < 0.3:
            return [(lasts * Fraction(2, 3), pitch), (lasts / 3, pitch + int(steps[0]))]
        return [(lasts / 3, pitch + int(step)) for step in (0, steps[0], steps[1])]
    if way == "run" and lasts in (1, EIGHTH, EIGHTH / 2):
        count = int(draw.choice((2, 4))) if lasts < 1 else int(draw.choice((4, 8)))
        count = min(count, int(lasts / Fraction(1, 8)))
        return [(lasts / count, pitch + int(step)) for step in (0, *steps[: count - 1])]
    if way == "rest" and lasts >= EIGHTH:
        return [(lasts / 2, pitch), (lasts / 2, None)] if draw.random() < 0.7 else [(lasts, None)]
    if way == "late" and lasts >= EIGHTH:
        return (
            [(lasts / 4, None), (lasts * Fraction(3, 4), pitch)]
            if lasts <= 1
            else [(lasts / 2, None), (lasts / 2, pitch)]
        )
    return [(lasts, pitch)]


def split_at_bar(events, bar):
    """Events before and after the bar line that lies nearest to their middle."""
    ends = np.cumsum([lasts for lasts, _ in events])
    places = [place for place, end in enumerate(ends, 1) if end % bar == 0]
    middle = min(places, key=lambda place: abs(2 * ends[place - 1] - ends[-1]), default=len(events))
    return events[:middle], events[middle:]


def print_everything(tune, draw, *, clef, naturals, courtesy, amount=0.6, a_line=4, room=50):
    """Lines of a tune with everything; for the arguments see `print_sections`.

    Parameters
    ----------
    amount : float
        See `decorate`.

    Returns
    -------
    list of list of str

    Raises
    ------
    ValueError
        If what was drawn can't be printed.
    """
    slower = int(
        draw.choice((1, 2, 4), p=(0.45, 0.4, 0.15))
    )  # the same in longer values, down from whole notes
    events = decorate([(slower * lasts, pitch) for lasts, pitch in events_of(tune)], draw, amount)
    halves = split_at_bar(events, slower * quarters(tune.metre))
    metre = tune.metre if slower == 1 and draw.random() < 0.5 else str(draw.choice(METRES))
    fifths = int(draw.integers(-7, 8))
    change = draw.random() < 0.6
    sections = []
    for part in range(2):
        if part and change:
            fifths = int(draw.integers(-7, 8)) if draw.random() < 0.7 else fifths
            metre = str(draw.choice(METRES)) if draw.random() < 0.6 else metre
        bars = bars_of(halves[part], quarters(metre))[:8]
        if not bars:
            raise ValueError("too short for two parts")
        if draw.random() < 0.25 and len(bars) > 4:
            bars[3] = [(quarters(metre), None, False)]  # a bar of rest; nothing is tied into it
            bars[2][-1] = (*bars[2][-1][:2], False)
        repeats = not change and draw.random() < 0.7
        book = book_section(
            bars, last=part == 1, repeats=repeats, pickup=draw.random() < 0.4, endings=draw.random() < 0.4
        )
        sections.append(Section(book, fifths, shift_to(tune, clef, fifths), metre))
    symbol = {"4/4": "C", "2/2": "C|"}.get(sections[0].metre) if draw.random() < 0.5 else None
    return print_sections(
        sections,
        clef,
        a_line=a_line,
        room=room,
        symbol=symbol,
        opened=draw.random() < 0.7,
        naturals=naturals,
        courtesy=courtesy,
        remind=lambda: draw.random() < 0.03,
    )


TEMPI = ("Allegro", "Andante", "Moderato", "Lively", "Adagio", "Vivace", "Jig", "Reel", "Not too fast")
SYLLABLES = (
    "la the sum mer is gone and fair ly blown a way my love to see green hills of old so ear ly morn".split()
)
DYNAMICS = ("p", "mf", "f", "pp", "mp", "ff")
WORDS = ("dolce", "rit.", "cresc.", "a tempo", "Fine", "espr.")
CLEFS, CLEF_SHARES = ("treble", "bass", "alto", "tenor"), (0.4, 0.25, 0.2, 0.15)
#: How often a kind of distractor stands at a note, at most.
SHARES = {
    "finger": 0.2,
    "dynamic": 0.04,
    "articulation": 0.15,
    "ornament": 0.04,
    "chord": 0.12,
    "text": 0.02,
    "hairpin": 0.04,
}
MARGIN = 8  # mm that are free on the right at least
FONTS = ("Emmentaler", "Bravura", "Gonville")


@dataclass
class Page:
    """A page and its truth.

    Attributes
    ----------
    picture : numpy.ndarray
        uint8 (height, width), 255 white.
    lines : list of list of str
        Words of each staff, from top to bottom.
    staves : numpy.ndarray
        Shape (staffs, points, 2): x and y along each staff's middle line, from its left end to its right end, in pixels.
    spaces : numpy.ndarray
        Staff space of each staff, in pixels.
    engraver, tunes : str, list of str
    everything : bool
        Whether its tunes were decorated.
    """

    picture: np.ndarray
    lines: list
    staves: np.ndarray
    spaces: np.ndarray
    engraver: str
    tunes: list
    everything: bool


def find_drawn_staves(picture, points=9):
    """Where staffs lie on a page fresh from an engraver: five rows, at equal distances, that are black without a gap.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Middle lines (staffs, points, 2) and staff spaces, see `Page`.
    """
    dark = minimum_filter1d(picture, 3, 0) < 215  # a thin line may lie half in one row and half in the next
    runs = np.array([_longest_run(row) for row in dark])
    lengths = runs[:, 1] - runs[:, 0]
    rows = np.flatnonzero(
        (lengths > 0.1 * picture.shape[1]) & (lengths > 0.8 * maximum_filter1d(lengths, 61))
    )
    ink = 255.0 - picture
    lines = []
    for group in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        left, right = runs[group[len(group) // 2]]
        lines.append((np.average(group, weights=np.median(ink[group, left:right], 1) + 1e-3), left, right))
    found, spaces = [], []
    while len(lines) >= 5:
        heights = np.array([line[0] for line in lines[:5]])
        gaps = np.diff(heights)
        if np.ptp(gaps) < 0.25 * gaps.mean() and gaps.mean() < 25:
            _, left, right = lines[2]
            found.append(np.stack([np.linspace(left, right, points), np.full(points, heights.mean())], 1))
            spaces.append(gaps.mean())
            lines = lines[5:]
        else:
            lines = lines[1:]  # a bracket over an ending, or another long line
    return np.array(found), np.array(spaces)


def _longest_run(row):
    """(beginning, end) of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row, [0]])))
    return edges.reshape(-1, 2)[np.argmax(edges[1::2] - edges[::2])] if len(edges) else (0, 0)


def choose_tunes(draw):
    """Test tunes in random order, one of each family; a generator."""
    seen, some = set(), load_tunes("test")
    for number in draw.permutation(len(some)):
        if some[number].family not in seen:
            seen.add(some[number].family)
            yield some[number]


def distract(lines, draw, amount):
    """Put slurs, fingerings, dynamics, articulations, ornaments, chord symbols, words and lyrics around notes.

    Parameters
    ----------
    lines : list of list of Token
        Changed in place.
    draw : numpy.random.Generator
    amount : float
        0 (nothing) to 1.
    """
    kinds = {kind: share * amount for kind, share in SHARES.items() if draw.random() < 0.6}
    lyrics = draw.random() < 0.3 * bool(amount)
    for line in lines:  # a slur that goes on in the next line would look like a tie
        notes, slur, hairpin = [token for token in line if token.kind == "note"], 0, 0
        for number, token in enumerate(notes):
            if lyrics:
                token.marks.append(f"lyric:{draw.choice(SYLLABLES)}")
            if number >= slur and draw.random() < 0.15 * amount:
                slur = min(number + int(draw.integers(2, 5)), len(notes))
                if (token.letter, token.octave) != (notes[slur - 1].letter, notes[slur - 1].octave):
                    token.marks.append("slur-start")
                    notes[slur - 1].marks.append("slur-end")
            if hairpin and (number == hairpin or number == len(notes) - 1):
                token.marks.append("hairpin-end")
                hairpin = 0
            for kind, share in kinds.items():
                if draw.random() < share and (kind != "hairpin" or not hairpin and number < len(notes) - 2):
                    hairpin = number + 3 if kind == "hairpin" else hairpin
                    token.marks.append(draw_mark(kind, draw))


def draw_mark(kind, draw):
    """One distractor."""
    choices = {
        "finger": [f"finger:{finger}" for finger in range(1, 6)],
        "dynamic": [f"dynamic:{name}" for name in DYNAMICS],
        "articulation": ["staccato", "staccato", "accent", "tenuto"],
        "ornament": ["trill", "mordent", "turn", "fermata"],
        "chord": [f"chord:{root}{more}" for root in "CDEFGAB" for more in ("", "m", "7")],
        "text": [f"text:{word}" for word in WORDS],
        "hairpin": ["cresc", "dim"],
    }
    return str(draw.choice(choices[kind]))


def make_page(engraver, draw, tunes, *, everything, dpi=150):
    """A page.

    Parameters
    ----------
    engraver : {"lilypond", "musescore"}
    draw : numpy.random.Generator
    tunes : iterator of Tune
        One or two are taken; those that can't be printed are passed over.
    everything : bool
    dpi : int

    Returns
    -------
    Page
        None if a line was too full, so that the engraver broke it or drew beyond the margin.
    """
    naturals, courtesy = engraver == "lilypond" and draw.random() < 0.7, draw.random() < 0.6
    clef = str(draw.choice(CLEFS, p=CLEF_SHARES if everything else (0.85, 0.15, 0, 0)))
    width, a_line = int(draw.integers(160, 215)), int(draw.integers(3, 6))
    room = width // (4 if engraver == "lilypond" else 5)
    pieces, names, count, tries = [], [], 0, 2 if engraver == "lilypond" and draw.random() < 0.6 else 0
    while not pieces or count < 6 and tries:
        tune, tries = (
            next(tunes),
            tries - bool(pieces),
        )  # only so many are tried for the second place on the page
        try:
            if everything:
                lines = print_everything(
                    tune, draw, clef=clef, naturals=naturals, courtesy=courtesy, a_line=a_line, room=room
                )
            else:
                lines = print_tune(tune, draw, clef=clef, a_line=a_line, room=room)
        except ValueError:
            continue
        if count + len(lines) > 8 or len(lines) < 3:
            continue
        pieces.append((tune.title, str(draw.choice(TEMPI)) if draw.random() < 0.5 else "", lines))
        names.append(tune.name)
        count, tries = count + len(lines), 2 * (len(names) == 1 and tries > 0)
    return _engrave(engraver, draw, pieces, names, everything, width, courtesy, dpi)


def _engrave(engraver, draw, pieces, names, everything, width, courtesy, dpi):
    """The page of lines that were printed."""
    drawn = []
    for title, tempo, lines in pieces:
        drawn.append((title.replace('"', "'"), tempo, tokens(lines)))
        distract(
            drawn[-1][2], draw, float(draw.uniform(0.3, 1)) if engraver == "musescore" or everything else 0.0
        )
    bar_numbers = bool(draw.random() < 0.6)
    if engraver == "lilypond":
        look = {"staff": int(draw.integers(15, 20)), "width": width, "bar_numbers": bar_numbers}
        picture = lilypond.engrave(lilypond.page_source(drawn, look), dpi)
    else:
        ((title, tempo, lines),) = drawn
        look = {
            "font": str(draw.choice(FONTS)),
            "staff": float(draw.uniform(5.5, 7)),
            "width": width,
            "height": 400,
            "courtesy": courtesy,
            "bar_numbers": bar_numbers,
        }
        picture = musescore.engrave(musicxml_pages.page_source(title, tempo, lines), look, dpi)
        below = np.flatnonzero((picture < 128).any(1))[-1] + round(14 / 25.4 * dpi)
        picture = picture[:below]
    staves, spaces = find_drawn_staves(picture)
    lines = [line for _, _, some in pieces for line in some]
    if len(lines) != len(staves) or staves[..., 0].max() > picture.shape[1] - MARGIN / 25.4 * dpi:
        return None
    return Page(picture, lines, staves, spaces, engraver, names, everything)


# Simulated scans and photographs of a clean page: what the reader is tested with, by other code than what it was trained with.
#
# A page is bent and tilted by a map from each new pixel back to the page; the same map, forwards, tells where its staffs lie
# afterwards. Lesson: 10_reading_sheet_music.


def scan(picture, points, draw, *, two_tone, largest_skew=2.0):
    """A page as a flat-bed scanner sees it: a little skewed, blurred and noisy; in grey, or in black and white.

    Parameters
    ----------
    picture : numpy.ndarray
        uint8 (height, width).
    points : numpy.ndarray
        Shape (..., 2): x and y of places on the page.
    draw : numpy.random.Generator
    two_tone : bool
        Whether the scanner gives black and white alone; otherwise grey.
    largest_skew : float
        Degrees.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray, dict)
        The new picture; where the points lie in it; what was done: skew in degrees, blur, noise, and the threshold (None: grey).
    """
    degrees = draw.uniform(-largest_skew, largest_skew)
    height, width = picture.shape
    turn = _rotation(np.radians(degrees), (width / 2, height / 2))
    seen = _look_through(picture, np.linalg.inv(turn), picture.shape, 255.0)
    blur, noise = draw.uniform(0.4, 0.9), draw.uniform(4, 12)
    black, white = draw.uniform(10, 70), draw.uniform(225, 250)
    tone = _clouds(draw, picture.shape, 120)
    seen = black + gaussian_filter(seen, blur) / 255 * (white - black) + 6 * tone
    seen += (
        gaussian_filter(draw.normal(0, 1, picture.shape), 0.6) * 1.9 * noise
    )  # neighbours are not independent
    dust = draw.random(picture.shape) < 2e-5
    seen -= 400 * gaussian_filter(dust.astype(float), 0.7)
    threshold = None
    if two_tone:
        threshold = round(black + draw.uniform(0.6, 0.78) * (white - black), 1)
        seen = np.where(seen < threshold, 0, 255)
    done = {
        "skew": round(degrees, 2),
        "blur": round(blur, 2),
        "noise": round(noise, 1),
        "threshold": threshold,
    }
    return np.clip(seen, 0, 255).astype(np.uint8), _move(turn, points), done


def photograph(picture, points, draw):
    """A page as a telephone sees it: on a darker table, in perspective, mildly curled, in uneven light, with a shadow.

    Parameters and results are those of `scan`.
    """
    height, width = picture.shape
    scale, margin = draw.uniform(0.95, 1.15), draw.uniform(0.03, 0.08)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    moved = corners * scale + margin * scale * width + draw.uniform(-0.022, 0.022, (4, 2)) * width * scale
    tilt = _homography(corners, _move(_rotation(np.radians(draw.uniform(-2, 2)), moved.mean(0)), moved))
    bend, phase = draw.uniform(-0.012, 0.012) * width, draw.uniform(-0.4, 0.4)

    def curl(x):
        return bend * (np.cos(np.pi * (x / width - 0.5 + phase)) - 1)

    shape = tuple(int(size * scale + 2 * margin * scale * width) for size in (height, width))
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    column, row = np.moveaxis(_move(np.linalg.inv(tilt), np.stack([x, y], -1)), -1, 0)
    row = row - curl(column)
    page = map_coordinates(picture.astype(float), [row, column], order=1, mode="constant", cval=255.0)
    on_page = gaussian_filter(
        ((row >= 0) & (row < height) & (column >= 0) & (column < width)).astype(float), 0.8
    )
    black, white = draw.uniform(20, 60), draw.uniform(200, 240)
    table = draw.uniform(40, 110) + 14 * _clouds(draw, shape, 3, 60)
    seen = on_page * (black + page / 255 * (white - black)) + (1 - on_page) * table
    light, shadow = _light(draw, x / shape[1], y / shape[0])
    blur, noise = draw.uniform(0.5, 1.1), draw.uniform(2, 6)
    seen = gaussian_filter(seen * light, blur) + draw.normal(0, noise, shape)
    quality = int(draw.integers(55, 86))
    moved = points + np.stack([np.zeros(points.shape[:-1]), curl(points[..., 0])], -1)
    done = {
        "blur": round(blur, 2),
        "noise": round(noise, 1),
        "curl": round(bend, 1),
        "shadow": round(shadow, 2),
        "jpeg": quality,
    }
    return through_jpeg(np.clip(seen, 0, 255).astype(np.uint8), quality), _move(tilt, moved), done


def through_jpeg(picture, quality):
    """A picture after it was stored as JPEG."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _light(draw, x, y):
    """Brightness everywhere, of coordinates from 0 to 1, and how dark the shadow of a hand or a head is."""
    slope, angle = draw.uniform(0, 0.3), draw.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    corners = 1 - draw.uniform(0, 0.25) * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    shadow, edge, softness = draw.uniform(0.1, 0.45), draw.uniform(-0.4, 0.4), draw.uniform(0.02, 0.12)
    angle = draw.uniform(0, 2 * np.pi)
    across = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.05 * np.sin(7 * y + 3 * x)
    return (1 - slope * (along + 0.5)) * corners * (
        1 - shadow / (1 + np.exp((across - edge) / softness))
    ), shadow


def _clouds(draw, shape, *sizes):
    """Smooth noise of standard deviation 1; one size of its clouds in pixels, or one for each axis."""
    sizes = np.array(sizes * 2 if len(sizes) == 1 else sizes)
    small = draw.normal(0, 1, tuple(np.ceil(np.array(shape) / sizes).astype(int) + 3))
    at = np.meshgrid(*(np.arange(length) / size + 1 for length, size in zip(shape, sizes)), indexing="ij")
    return map_coordinates(small, at, order=2, mode="nearest")


def _rotation(angle, centre):
    """Matrix (3, 3) of a rotation around a place."""
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = centre
    return np.array(
        [[cosine, -sine, x - cosine * x + sine * y], [sine, cosine, y - sine * x - cosine * y], [0, 0, 1]]
    )


def _homography(old, new):
    """Matrix (3, 3) of the perspective that takes four places to four others."""
    rows = []
    for (x, y), (u, v) in zip(old, new):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return np.append(np.linalg.solve(np.array(rows), np.ravel(new)), 1).reshape(3, 3)


def _move(matrix, points):
    """Places (..., 2) after a perspective."""
    moved = np.concatenate([points, np.ones((*points.shape[:-1], 1))], -1) @ matrix.T
    return moved[..., :2] / moved[..., 2:]


def _look_through(picture, back, shape, beyond):
    """A picture of another shape, each of whose pixels is fetched from where a matrix says; float."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    column, row = np.moveaxis(_move(back, np.stack([x, y], -1)), -1, 0)
    return map_coordinates(picture.astype(float), [row, column], order=1, mode="constant", cval=beyond)


# The reader's test set: pages with their truth in a folder. Commands: `noteninja sheets make` and `noteninja sheets measure`.
#
# The frozen set in tests/sheets was made once and never used to choose anything. Lesson: 10_reading_sheet_music.

#: Kind of page -> what it is called, and its share in a set.
KINDS = {
    "lilypond": ("LilyPond, clean", 14),
    "musescore": ("MuseScore, with all that stands around notes", 10),
    "scan": ("simulated scan", 8),
    "photograph": ("simulated photograph", 8),
}
TRUTH = "truth.json"
RESOLUTIONS = (130, 150, 170, 200)  # dots an inch


@dataclass
class Sheet:
    """A page of a test set: where it lies, and the truth; see `engravings.Page` for `lines`, `staves` and `spaces`."""

    path: Path
    kind: str
    engraver: str
    everything: bool
    tunes: list
    lines: list
    staves: np.ndarray
    spaces: list


def frozen_folder():
    """Where the frozen set lies."""
    return data_folder().parent / "tests" / "sheets"


def load_sheets(folder=None):
    """Pages of a set with their truth; the frozen one's by default.

    Returns
    -------
    list of Sheet
    """
    folder = Path(folder or frozen_folder())
    if not (folder / TRUTH).is_file():
        raise UserError(f"There is no {TRUTH} in {folder}: make a set with `noteninja sheets make FOLDER`.")
    pages = json.loads((folder / TRUTH).read_text(encoding="utf-8"))["pages"]
    return [
        Sheet(
            folder / page["file"],
            page["kind"],
            page["engraver"],
            page["everything"],
            page["tunes"],
            [line.split() for line in page["lines"]],
            np.array(page["staves"]),
            page["spaces"],
        )
        for page in pages
    ]


def make_sheets(folder, pages=40, seed=1):
    """Engrave a set with LilyPond and MuseScore, and write it with its truth; half of the pages plain, half with everything.

    Parameters
    ----------
    folder : path
    pages : int
    seed : int
    """
    need("lilypond", "LilyPond")
    need("mscore3", "MuseScore 3")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tunes, records = choose_tunes(np.random.default_rng(seed)), []
    for number, kind in enumerate(tqdm(kinds_of(pages), unit=" pages", dynamic_ncols=True)):
        records.append(make_sheet(folder, number, kind, np.random.default_rng((seed, number)), tunes))
        text = ",\n".join(json.dumps(record) for record in records)
        (folder / TRUTH).write_text(f'{{"seed": {seed}, "pages": [\n{text}\n]}}\n', encoding="utf-8")


def kinds_of(pages):
    """The kind of each of so many pages, in the shares of `KINDS`."""
    shares = np.array([share for _, share in KINDS.values()], float)
    ends = np.round(np.cumsum(shares) / shares.sum() * pages).astype(int)
    return [kind for kind, count in zip(KINDS, np.diff(ends, prepend=0)) for _ in range(count)]


def make_sheet(folder, number, kind, draw, tunes):
    """Make one page, write its picture, and give its record for the truth."""
    engraver = kind if kind in ("lilypond", "musescore") else ("lilypond", "musescore")[number // 2 % 2]
    everything, two_tone = number % 2 == 1, kind == "scan" and number // 4 % 2 == 0
    dpi, page = (
        200 if two_tone else int(draw.choice(RESOLUTIONS[:2] if kind == "photograph" else RESOLUTIONS)),
        None,
    )
    while page is None:
        page = make_page(engraver, draw, tunes, everything=everything, dpi=dpi)
    picture, staves, done, suffix = (
        page.picture // 17 * 17,
        page.staves,
        {},
        "png",
    )  # 16 levels of grey are enough
    if kind == "scan":
        picture, staves, done = scan(page.picture, page.staves, draw, two_tone=two_tone)
        suffix = "png" if two_tone else "jpg"
    elif kind == "photograph":
        picture, staves, done = photograph(page.picture, page.staves, draw)
        suffix = "jpg"
    name = f"{kind}_{number:02}.{suffix}"
    image = Image.fromarray(picture).convert("1") if two_tone else Image.fromarray(picture)
    image.save(
        folder / name, **({"quality": done.get("jpeg", 75)} if suffix == "jpg" else {"optimize": True})
    )
    return {
        "file": name,
        "kind": kind,
        "engraver": engraver,
        "everything": everything,
        "tunes": page.tunes,
        "done": done,
        "spaces": np.round(page.spaces, 2).tolist(),
        "staves": np.round(staves[:, ::2], 1).tolist(),
        "lines": [" ".join(line) for line in page.lines],
    }
