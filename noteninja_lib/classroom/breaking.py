"""A page that is blurred, tilted and faded by hand until the reader no longer follows.

Lesson: 10_reading_sheet_music
"""
import html

import cv2
import ipywidgets as widgets
import numpy as np

from ..errors import UserError
from ..evaluation.reading import align
from ..music.omr.reading import read_sheet
from .marking import marked_page
from .style import meter, style_sheet
from .working import name_parts, row

MARGIN, GRAIN = 60, 8.0                     # white that a tilted page needs around it, in pixels; noise of a camera, of 255


def spoil(page, blur=0.0, tilt=0.0, fade=0.0):
    """A page as a bad photograph shows it.

    Parameters
    ----------
    page : numpy.ndarray, uint8, shape (height, width)
    blur : float
        Standard deviation in pixels.
    tilt : float
        Degrees.
    fade : float
        How much of the ink is gone, 0..1; the grain of the camera stays.

    Returns
    -------
    numpy.ndarray, uint8, shape (height + 120, width + 120)
    """
    page = np.pad(page, MARGIN, constant_values=255)
    height, width = page.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), tilt, 1)
    page = cv2.warpAffine(page, turn, (width, height), flags=cv2.INTER_AREA, borderValue=255)
    page = cv2.GaussianBlur(page, (0, 0), blur) if blur else page
    grain = GRAIN * np.random.default_rng(0).standard_normal(page.shape) if fade else 0
    return np.clip(255 - (1 - fade) * (255.0 - page) + grain, 0, 255).astype(np.uint8)


def error_rate(truth, words):
    """Share of words that must be put in, left out or exchanged, of all that are printed.

    Parameters
    ----------
    truth, words : list of list of str
        What is printed, and what was read, line by line.
    """
    truth, words = sum(truth, []), sum(words, [])
    return sum(one != other for one, other in align(truth, words)) / len(truth)


class PageBreaker(widgets.VBox):
    """Sliders that spoil a page, and what the reader still makes of it.

    Parameters
    ----------
    page : numpy.ndarray, uint8, shape (height, width)
    truth : list of list of str
        Words of its lines.
    """

    def __init__(self, page, truth):
        self.original, self.truth, self.rate = page, truth, None
        self.blur, self.tilt, self.fade = (
            widgets.FloatSlider(value=0, max=most, step=step, description=name, continuous_update=False, readout_format=form)
            for name, most, step, form in (("blur", 4, 0.25, ".2f"), ("tilt", 12, 0.5, ".1f"), ("fade", 1, 0.05, ".2f")))
        self.page, self.words, self.errors = widgets.HTML(), widgets.HTML(), widgets.HTML()
        for part in (self.blur, self.tilt, self.fade):
            part.observe(self.read, "value")
        name_parts(blur=self.blur, tilt=self.tilt, fade=self.fade, spoiled=self.page, errors=self.errors, message=self.words,
                   breaker=self, converter=self)
        units = widgets.HTML("blur in pixels, tilt in degrees, fade as a share of the ink")
        super().__init__([style_sheet(), row(self.blur, self.tilt, self.fade), units, self.errors, self.words, self.page])
        self.read()

    def read(self, _=None):
        """Spoil the page as the sliders say, and read it; their handler."""
        page = spoil(self.original, self.blur.value, self.tilt.value, self.fade.value)
        try:
            sheet = read_sheet(page)
            self.rate, told, kind = error_rate(self.truth, sheet.words()), str(sheet), "info"
            self.page.value = marked_page(sheet)
        except UserError as refusal:
            self.rate, told, kind = 1.0, str(refusal), "error"
            self.page.value = plain_page(page)
        self.errors.value = meter("Symbol errors", self.rate, "of all that is printed")
        self.words.value = f'<div class="nn-{kind}" role="status">{html.escape(told)}</div>'


def plain_page(page):
    """A page as HTML, with nothing drawn over it."""
    from types import SimpleNamespace
    return marked_page(SimpleNamespace(pages=[page], lines=[]), marks=False)
