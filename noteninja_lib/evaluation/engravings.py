"""Pages of music from engravers that the reader never learned from, with the truth of what is printed on them.

Half of the pages are test tunes as tune books print them, half have everything (see :mod:`.decorating`). Each tune family
occurs once. LilyPond and MuseScore draw them; :mod:`.paper` makes scans and photographs of them. Command: `noteninja sheets
make`. Lesson: 10_reading_sheet_music.
"""
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from ..music.theory import load_tunes
from . import lilypond, musescore, musicxml
from .decorating import print_everything
from .printed import tokens
from .tunebook import print_tune

TEMPI = ("Allegro", "Andante", "Moderato", "Lively", "Adagio", "Vivace", "Jig", "Reel", "Not too fast")
SYLLABLES = "la the sum mer is gone and fair ly blown a way my love to see green hills of old so ear ly morn".split()
DYNAMICS = ("p", "mf", "f", "pp", "mp", "ff")
WORDS = ("dolce", "rit.", "cresc.", "a tempo", "Fine", "espr.")
CLEFS, CLEF_SHARES = ("treble", "bass", "alto", "tenor"), (0.4, 0.25, 0.2, 0.15)
#: How often a kind of distractor stands at a note, at most.
SHARES = {"finger": 0.2, "dynamic": 0.04, "articulation": 0.15, "ornament": 0.04, "chord": 0.12, "text": 0.02, "hairpin": 0.04}
MARGIN = 8                                                      # mm that are free on the right at least
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
    dark = minimum_filter1d(picture, 3, 0) < 215                # a thin line may lie half in one row and half in the next
    runs = np.array([_longest_run(row) for row in dark])
    lengths = runs[:, 1] - runs[:, 0]
    rows = np.flatnonzero((lengths > 0.1 * picture.shape[1]) & (lengths > 0.8 * maximum_filter1d(lengths, 61)))
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
            lines = lines[1:]                                   # a bracket over an ending, or another long line
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
    for line in lines:                                          # a slur that goes on in the next line would look like a tie
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
        None if a line was too full, so that the engraver broke it or drew beyond the margin.
    """
    naturals, courtesy = engraver == "lilypond" and draw.random() < 0.7, draw.random() < 0.6
    clef = str(draw.choice(CLEFS, p=CLEF_SHARES if everything else (0.85, 0.15, 0, 0)))
    width, a_line = int(draw.integers(160, 215)), int(draw.integers(3, 6))
    room = width // (4 if engraver == "lilypond" else 5)
    pieces, names, count, tries = [], [], 0, 2 if engraver == "lilypond" and draw.random() < 0.6 else 0
    while not pieces or count < 6 and tries:
        tune, tries = next(tunes), tries - bool(pieces)     # only so many are tried for the second place on the page
        try:
            if everything:
                lines = print_everything(tune, draw, clef=clef, naturals=naturals, courtesy=courtesy, a_line=a_line, room=room)
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
        distract(drawn[-1][2], draw, float(draw.uniform(0.3, 1)) if engraver == "musescore" or everything else 0.0)
    bar_numbers = bool(draw.random() < 0.6)
    if engraver == "lilypond":
        look = {"staff": int(draw.integers(15, 20)), "width": width, "bar_numbers": bar_numbers}
        picture = lilypond.engrave(lilypond.page_source(drawn, look), dpi)
    else:
        (title, tempo, lines), = drawn
        look = {"font": str(draw.choice(FONTS)), "staff": float(draw.uniform(5.5, 7)), "width": width, "height": 400,
                "courtesy": courtesy, "bar_numbers": bar_numbers}
        picture = musescore.engrave(musicxml.page_source(title, tempo, lines), look, dpi)
        below = np.flatnonzero((picture < 128).any(1))[-1] + round(14 / 25.4 * dpi)
        picture = picture[:below]
    staves, spaces = find_drawn_staves(picture)
    lines = [line for _, _, some in pieces for line in some]
    if len(lines) != len(staves) or staves[..., 0].max() > picture.shape[1] - MARGIN / 25.4 * dpi:
        return None
    return Page(picture, lines, staves, spaces, engraver, names, everything)
