"""Pages of music from engravers that the reader never learned from, with the truth of what is printed on them.

Half of the pages are test tunes as tune books print them, half have everything (see :mod:`.decorating`). Each tune family
occurs once. LilyPond and MuseScore draw them; :mod:`.paper` makes scans and photographs of them. Command: `noteninja sheets
make`. Lesson: 10_reading_sheet_music.
"""
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d

from ..music.theory import load_tunes
from . import lilypond, musescore
from .decorating import print_everything
from .printed import tokens
from .tunebook import print_tune

TEMPI = ("Allegro", "Andante", "Moderato", "Lively", "Adagio", "Vivace", "Jig", "Reel", "Not too fast")
SYLLABLES = "la the sum -mer is gone and fair -ly blown a -way my love to see green hills of old so ear -ly morn".replace(" -", " ").split()
DYNAMICS = ("p", "mf", "f", "pp", "mp", "ff")
WORDS = ("dolce", "rit.", "cresc.", "a tempo", "Fine", "espr.")
CLEFS, CLEF_SHARES = ("treble", "bass", "alto", "tenor"), (0.5, 0.26, 0.14, 0.10)
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
    """Where staffs lie on a page fresh from an engraver: five long black rows at equal distances each.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Middle lines (staffs, points, 2) and staff spaces, see `Page`.
    """
    dark = picture < 192
    ink = dark.sum(1)
    rows = np.flatnonzero((ink > 0.2 * ink.max()) & (ink > 0.6 * maximum_filter1d(ink, 41)))
    lines = np.array([group.mean() for group in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)])
    found, spaces, below = [], [], 0
    for top in lines:                                           # a beam or a bracket may lie between or beside staff lines
        gaps = [gap for gap in lines - top if 4 < gap < 20]
        fits = [gap for gap in gaps if all(np.abs(lines - top - step * gap).min() <= 0.2 * gap for step in (2, 3, 4))]
        if top < below or not fits:
            continue
        staff = [lines[np.abs(lines - top - step * fits[0]).argmin()] for step in range(5)]
        columns = np.flatnonzero(dark[np.round(staff).astype(int)].sum(0) >= 4)
        x = np.linspace(columns[0], columns[-1], points)
        found.append(np.stack([x, np.full(points, staff[2])], 1))
        spaces.append((staff[4] - staff[0]) / 4)
        below = staff[4] + 1
    return np.array(found), np.array(spaces)


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
    notes = [token for line in lines for token in line if token.kind == "note"]
    kinds = {kind for kind in ("finger", "dynamic", "articulation", "ornament", "chord", "text", "hairpin") if draw.random() < 0.6}
    lyrics, at, hairpin = draw.random() < 0.3 * bool(amount), 0, 0
    for number, token in enumerate(notes):
        if number >= at and draw.random() < 0.15 * amount and number + 4 < len(notes):
            at = number + int(draw.integers(2, 5))
            if (token.letter, token.octave) != (notes[at - 1].letter, notes[at - 1].octave):     # that would look like a tie
                token.marks.append("slur-start")
                notes[at - 1].marks.append("slur-end")
        if lyrics:
            token.marks.append(f"lyric:{draw.choice(SYLLABLES)}")
        hairpin -= 1
        if hairpin == 0:
            token.marks.append("hairpin-end")
        for kind, share in (("finger", 0.2), ("dynamic", 0.04), ("articulation", 0.15), ("ornament", 0.04), ("chord", 0.12),
                            ("text", 0.02), ("hairpin", 0.04)):
            if kind in kinds and draw.random() < share * amount and (kind != "hairpin" or hairpin < 0):
                hairpin = 4 if kind == "hairpin" else hairpin
                token.marks.append(draw_mark(kind, draw))
    if hairpin > 0:
        notes[-1].marks.append("hairpin-end")


def draw_mark(kind, draw):
    """One distractor."""
    choices = {"finger": [f"finger:{finger}" for finger in range(1, 6)], "dynamic": [f"dynamic:{name}" for name in DYNAMICS],
               "articulation": ["staccato", "staccato", "accent", "tenuto"], "ornament": ["trill", "mordent", "turn", "fermata"],
               "chord": [f"chord:{root}{more}" for root in "CDEFGAB" for more in ("", "m", "7")],
               "text": [f"text:{word}" for word in WORDS], "hairpin": ["cresc", "dim"]}
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
    """
    naturals, courtesy = engraver == "lilypond" and draw.random() < 0.5, draw.random() < 0.6
    clef = str(draw.choice(CLEFS, p=CLEF_SHARES if everything else (0.85, 0.15, 0, 0)))
    width, a_line = int(draw.integers(160, 215)), int(draw.integers(3, 6))
    pieces, names, count = [], [], 0
    wanted = int(draw.integers(3, 9))
    while count < wanted and len(pieces) < (2 if engraver == "lilypond" else 1):
        tune = next(tunes)
        try:
            if everything:
                lines = print_everything(tune, draw, clef=clef, naturals=naturals, courtesy=courtesy, a_line=a_line, room=width // 4)
            else:
                lines = print_tune(tune, draw, clef=clef, a_line=a_line, room=width // 4)
        except ValueError:
            continue
        if count + len(lines) > 9 or len(lines) < 2:
            continue
        pieces.append((tune.title, str(draw.choice(TEMPI)) if draw.random() < 0.5 else "", lines))
        names.append(tune.name)
        count += len(lines)
    return _engrave(engraver, draw, pieces, names, everything, width, courtesy, dpi)


def _engrave(engraver, draw, pieces, names, everything, width, courtesy, dpi):
    """The page of lines that were printed."""
    drawn = []
    for title, tempo, lines in pieces:
        drawn.append((title.replace('"', "'"), tempo, tokens(lines)))
        distract(drawn[-1][2], draw, float(draw.uniform(0.3, 1)) if engraver == "musescore" or everything else 0.0)
    bar_numbers = bool(draw.random() < 0.6)
    if engraver == "lilypond":
        look = {"staff": int(draw.integers(15, 20)), "width": width, "bar_numbers": bar_numbers}
        picture = lilypond.engrave(lilypond.page_source(drawn, look), dpi)
    else:
        (title, tempo, lines), = drawn
        look = {"font": str(draw.choice(FONTS)), "staff": float(draw.uniform(5.5, 7)), "width": width, "height": 400,
                "courtesy": courtesy, "bar_numbers": bar_numbers}
        picture = musescore.engrave(musescore.page_source(title, tempo, lines), look, dpi)
        below = np.flatnonzero((picture < 128).any(1))[-1] + round(14 / 25.4 * dpi)
        picture = picture[:below]
    staves, spaces = find_drawn_staves(picture)
    lines = [line for _, _, some in pieces for line in some]
    if len(lines) != len(staves):
        raise RuntimeError(f"{len(staves)} staffs were engraved for {len(lines)} lines")
    return Page(picture, lines, staves, spaces, engraver, names, everything)
