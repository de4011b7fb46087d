"""The staffs of a page, each cut out as a straight strip for the network. Lesson: 10_reading_sheet_music.

Staff lines are found and followed in :mod:`.stafflines`; here a strip is cut along them, column by column, so that bent lines
become straight, and pages that cannot be read are turned away with one sentence.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from noteninja_lib.errors import UserError

from .stafflines import find_tracks
from .straightening import MARGIN, SPACE, level, prepare, spaces

STRIP_SPACE = 8                         # pixels of a staff space in a strip
STRIP_HEIGHT = 96
STRIP_MIDDLE = 48                       # row of the middle line
SMALLEST = 5.0                          # pixels of a staff space in the page


@dataclass
class Staff:
    """One staff of a page.

    Attributes
    ----------
    strip : np.ndarray, uint8, shape (96, width)
        The staff cut out and straightened: 255 paper, 0 ink, lines at rows 32, 40, 48, 56 and 64, one space of paper before
        and after them.
    space : float
        Staff space in pixels of the page.
    confidence : float
        How much of the five lines was found, 0..1.
    """
    strip: np.ndarray
    space: float
    confidence: float
    _middle: np.ndarray = field(repr=False)         # (width, 2): x, y in the page of each column's row 48
    _down: np.ndarray = field(repr=False)           # (width, 2): the step in the page of one row down

    @property
    def width(self):
        """Columns of the strip."""
        return self.strip.shape[1]

    def to_page(self, column, row):
        """Where places of the strip lie in the page: numbers or arrays of columns and rows -> arrays (x, y), in pixels."""
        column, row = np.broadcast_arrays(np.asarray(column, float), np.asarray(row, float))
        places = np.arange(self.width)
        return tuple(np.interp(column, places, self._middle[:, axis])
                     + (row - STRIP_MIDDLE) * np.interp(column, places, self._down[:, axis]) for axis in (0, 1))


def find_staves(page):
    """Find the staffs of a page and cut them out.

    Parameters
    ----------
    page : np.ndarray, uint8, shape (height, width)
        255 white; any lighting, leaning by up to 8 degrees, mildly bent.

    Returns
    -------
    list of Staff
        From top to bottom.

    Raises
    ------
    UserError
        A blank page, no staff found, staffs joined to systems, too small, cut off at the margin, or not of five lines.
    """
    even = level(page)
    if (even < 160).mean() < 1e-4:
        raise UserError("The page is blank: choose a picture with printed notes.")
    for space in spaces(even):
        ink, matrix = prepare(even, space)
        tracks = find_tracks(ink)
        if tracks:
            break
    else:
        raise UserError("No staff was found: choose a picture of printed sheet music in which the five lines can be seen.")
    tracks = in_order(tracks)
    refuse(ink, tracks, page.shape, matrix)
    return [_cut(even, track, matrix) for track in tracks]


def in_order(tracks):
    """From top to bottom; side by side on one row from left to right."""
    rows = []
    for track in sorted(tracks, key=_height):
        if rows and abs(_height(track) - _height(rows[-1][-1])) < 2 * SPACE:
            rows[-1].append(track)
        else:
            rows.append([track])
    return [track for row in rows for track in sorted(row, key=lambda one: one.left)]


def _height(track):
    return float(track.centre[(track.left + track.right) // 2])


def refuse(ink, tracks, shape, matrix):
    """Say in one sentence what cannot be read in the tracks of a working picture."""
    scale = np.hypot(*matrix[:, 0])
    if np.median([np.median(track.space[track.left:track.right]) for track in tracks]) / scale < SMALLEST:
        raise UserError("The staffs are too small to be read: scan the page with 300 dpi, or photograph it from nearer.")
    if any(min(track.presence[0], track.presence[-1]) * (track.presence[1:-1].min() > 0.5) > 0.6 or
           max(track.presence[0], track.presence[-1]) > 0.7 for track in tracks):
        raise UserError("The lines do not stand in fives (tablature, or ruled paper): only staffs of five lines can be read.")
    for upper, lower in zip(tracks, tracks[1:]):
        if _joined(ink, upper, lower):
            raise UserError("Two or more staffs are joined to a system (piano or several parts): only music with one staff "
                            "a line can be read.")


def _joined(ink, upper, lower):
    """Whether a line runs down from the lines of one staff to those of the next, at their left end or twice further on."""
    if min(upper.right, lower.right) - max(upper.left, lower.left) < 0.5 * (upper.right - upper.left):
        return False
    steps = np.linspace(0, 1, 64)[:, None]
    across = np.arange(-2 * SPACE, max(upper.right - upper.left, lower.right - lower.left) + SPACE)
    part = across / (upper.right - upper.left)
    x_top, x_bottom = upper.left + across, lower.left + part * (lower.right - lower.left)
    last = ink.shape[1] - 1
    x_top, x_bottom = (np.clip(x, 0, last) for x in (x_top, x_bottom))
    top = (upper.centre + 2 * upper.space)[x_top.astype(int)]
    bottom = (lower.centre - 2 * lower.space)[x_bottom.astype(int)]
    map_x, map_y = (x_top + (x_bottom - x_top) * steps), (top + (bottom - top) * steps)
    gap = cv2.remap(ink, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR)
    dark = cv2.dilate(gap, np.ones((1, 3), np.uint8)) > 90
    full = dark.mean(axis=0) > 0.93
    starts = np.flatnonzero(np.diff(np.pad(full, (1, 0)).astype(np.int8)) == 1) - 2 * SPACE
    return bool((starts < 2 * SPACE).any() or len(starts) >= 2)


def _cut(even, track, matrix):
    """A Staff from a levelled page: strip columns step along the staff by an eighth of its space."""
    columns = np.arange(len(track.centre))
    travelled = np.concatenate([[0], np.cumsum(STRIP_SPACE / track.space)[:-1]])        # in strip pixels
    begin, end = np.interp([track.left, track.right], columns, travelled)
    x = np.interp(np.arange(np.ceil(begin - STRIP_SPACE), end + STRIP_SPACE), travelled, columns)
    y, space = np.interp(x, columns, track.centre), np.interp(x, columns, track.space)
    inverse = cv2.invertAffineTransform(matrix)
    middle = np.stack([x, y], axis=1) @ inverse[:, :2].T + inverse[:, 2]
    down = (space / STRIP_SPACE)[:, None] * inverse[:, 1]
    page_space = float(np.median(space) * np.hypot(*inverse[:, 0]))
    fine = max(int(np.ceil(page_space / STRIP_SPACE)), 1)       # samples a strip pixel in both directions, then averaged
    steps = (np.arange(STRIP_HEIGHT * fine) + 0.5) / fine - 0.5 - STRIP_MIDDLE
    places = (np.arange(len(x) * fine) + 0.5) / fine - 0.5
    grid = [np.interp(places, np.arange(len(x)), middle[:, axis]) + steps[:, None]
            * np.interp(places, np.arange(len(x)), down[:, axis]) for axis in (0, 1)]
    strip = cv2.remap(even, *(one.astype(np.float32) for one in grid), cv2.INTER_LINEAR, borderValue=255)
    strip = cv2.resize(strip, (len(x), STRIP_HEIGHT), interpolation=cv2.INTER_AREA)
    black = min(float(np.percentile(strip, 3)), 128.0)          # pencil-grey print becomes black
    strip = np.clip((strip - black) * (255 / (250 - black)), 0, 255).astype(np.uint8)
    return Staff(strip, page_space, float(track.presence[1:-1].mean()), middle, down)
