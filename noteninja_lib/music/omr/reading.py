"""From a page to a score: its staffs are found, the network reads each, rules make music of the words.

Lesson: 10_reading_sheet_music.
"""
from pathlib import Path

import numpy as np

from ...errors import UserError
from ...model.reader import LineReader, read_strip
from ...model.weights import load_model
from .bars import check_corrections
from .pictures import open_pictures
from .sheet import Line, Sheet
from .staves import find_staves
from .symbols import VOCABULARY, is_note

MOST_CHORDS = 3, 0.1           # number, and share of the notes, from which on a page is refused
SURE = 0.9                     # confidence of a symbol that is plain to see
UNSURE_PAGE = 0.4              # share of symbols that are not, from which on a page is refused


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
            staffs = find_staves(page)
        except UserError as problem:                         # a title page does not spoil the others
            left_out.append(f"Page {number + 1}: {problem}" if len(pages) > 1 else str(problem))
            continue
        for place, staff in enumerate(staffs):
            lines.append(Line(number, staff, read_strip(network, staff.strip, VOCABULARY)))
            progress((number + (place + 1) / len(staffs)) / len(pages))
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
        raise UserError("There are chords, or two voices in one staff: choose music in which one note sounds at a time.")
    if not notes:
        raise UserError("No notes were read: choose a picture of printed music, sharp and with nothing cut off.")
    if np.mean([symbol.confidence < SURE for symbol in symbols]) > UNSURE_PAGE:
        raise UserError("Too little could be recognised: choose a sharp picture of printed music with a single voice, not handwriting.")
