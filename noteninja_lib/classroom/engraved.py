"""Engraved lines for the lesson on reading: any words as strips, and a small set of easy ones to train on.

Lesson: 10_reading_sheet_music
"""
import numpy as np

from ..music.omr.engraver import engrave, rasterise
from ..music.omr.strips import cut_strips, find_systems
from ..music.omr.symbols import encode, note

ZOOM = 0.6
BARS = ((4, 4, 4, 4), (2, 4, 4), (4, 4, 2), (2, 2), (4, 8, 8, 4, 4), (4, 4, 8, 8, 4))     # values that fill 4/4


def engrave_strips(lines, font="Leland", width=2100):
    """Lines of words as strips.

    Parameters
    ----------
    lines : list of list of str
        See `music.omr.symbols`.
    font : str
        One of `engraver.FONTS`.
    width : int
        Of the page, 18 to a staff space.

    Returns
    -------
    list of numpy.ndarray, uint8, shape (96, width of the strip)
    """
    svg = engrave(lines, width, font)
    return list(cut_strips(rasterise(svg, ZOOM), find_systems(svg), ZOOM))


def easy_line(draw, bars=2):
    """Words of a line that is easy to learn: treble clef, nothing but notes on and between the five lines."""
    words, position = ["clef:treble"], 4
    for number in range(bars):
        for value in BARS[draw.integers(len(BARS))]:
            position = int(np.clip(position + draw.integers(-3, 4), 0, 8))
            words.append(note(position, value))
        words.append("bar" if number < bars - 1 else "final-bar")
    return words


class EasyLines:
    """A small set of easy lines, with the face of `dataset.strips.Strips`: `lines[k]` is (strip, class numbers).

    Parameters
    ----------
    count : int
    seed : int
    fonts : tuple of str

    Attributes
    ----------
    words : list of list of str
    strips : list of numpy.ndarray
    widths : numpy.ndarray
    """

    def __init__(self, count, seed=0, fonts=("Leland",)):
        draw = np.random.default_rng(seed)
        self.words = [easy_line(draw) for _ in range(count)]
        self.strips = []
        for number, font in enumerate(fonts):
            first, end = (count * place // len(fonts) for place in (number, number + 1))
            self.strips += engrave_strips(self.words[first:end], font, width=640)
        self.widths = np.array([strip.shape[1] for strip in self.strips])

    def __len__(self):
        return len(self.strips)

    def __getitem__(self, number):
        return self.strips[number], np.array(encode(self.words[number]), np.int16)
