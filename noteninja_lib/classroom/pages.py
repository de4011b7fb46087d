"""Pages to try the reader on, engraved when they are asked for, from tunes that it never learned from.

Lesson: 10_reading_sheet_music
"""
import numpy as np

from ..evaluation.tunebook import print_tune
from ..music.omr.engraver import engrave, rasterise
from ..music.theory import find_tune

#: Title -> name of a tune of the test part.
SAMPLES = {
    "The Jolly Joker": "oneill-1014-the-jolly-joker",
    "Oh dear, what can the matter be": "aird-0615-oh-dear-what-can-the-matter-be",
    "I'll never leave thee": "aird-0927-ill-never-leave-thee",
    "Frost and Snow": "oneill-1695-frost-and-snow",
    "St Patrick's Day in the Morning": "aird-0050-st-patricks-day-in-the-morning",
    "Auld Robin Gray": "aird-0582-auld-robin-gray",
}
ZOOM = 0.8                                  # 14 pixels in a staff space, as a scan with 200 dpi has


def sample_lines(title, seed=0, clef="treble"):
    """What stands in the lines of a sample page.

    Parameters
    ----------
    title : str
        One of SAMPLES.
    seed : int
        Decides how it is laid out: repeats, endings, a pick-up, C or 4/4.
    clef : str

    Returns
    -------
    list of list of str
        Words, see `music.omr.symbols`.
    """
    return print_tune(find_tune(SAMPLES[title]), np.random.default_rng(seed), clef=clef)


def sample_page(title, seed=0, clef="treble", font="Leland", zoom=ZOOM, most=None):
    """A sample page as a picture: uint8, shape (height, width), 255 is paper.

    Parameters
    ----------
    title, seed, clef
        As of `sample_lines`.
    font : str
        One of `engraver.FONTS`.
    zoom : float
        1 has 18 pixels in a staff space.
    most : int, optional
        How many of its lines; all by default.
    """
    return rasterise(engrave(sample_lines(title, seed, clef)[:most], font=font), zoom)
