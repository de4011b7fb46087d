"""The staffs of a page, each cut out as a straight strip for the network. Lesson: 10_reading_sheet_music.

Staff lines are found and followed in :mod:`.stafflines`; here a strip is cut along them, column by column, so that bent lines
become straight, and pages that cannot be read are turned away with one sentence.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from noteninja_lib.errors import UserError

from .stafflines import find_tracks
from .straightening import HOP, SPACE, level, prepare, slabs, spaces, thin

STRIP_SPACE = 8                         # pixels of a staff space in a strip
STRIP_HEIGHT = 96
STRIP_MIDDLE = 48                       # row of the middle line
LINES = (32, 40, 48, 56, 64)            # rows of all five
ENOUGH = 2.0                            # widths of the page: with so much found, no other size is tried
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
    ink, matrix, tracks = _search(even)
    if not tracks and np.median(page) < 100:        # white on black
        even = level(255 - page)
        ink, matrix, tracks = _search(even)
    if not tracks:
        if any(track.presence[1:-1].min() > 0.7 for track in _search(np.ascontiguousarray(even.T))[2]):
            raise UserError("The staffs run up the picture: turn it by 90 degrees.")
        raise UserError("No staff of five lines was found: choose a picture of printed sheet music, sharp and large enough.")
    tracks = in_order(tracks)
    _refuse(ink, tracks, matrix, page.shape)
    staves = [_cut(even, track, matrix) for track in tracks]
    for number, staff in enumerate(staves, 1):
        edge = _cut_off(staff, page.shape)
        if edge:
            raise UserError(f"Staff {number} from the top is cut off at the {edge} edge of the picture: "
                            "scan or photograph the whole page.")
    return staves


def _search(even):
    """The working picture of a levelled page, its matrix, and the tracks in it, at the size that gives most."""
    best, most = (None, None, []), 0
    for space in spaces(even):
        ink, matrix = prepare(even, space)
        tracks = find_tracks(ink)
        found = space * sum(track.right - track.left for track in tracks)
        if found > most:
            best, most = (ink, matrix, tracks), found
        if found > ENOUGH * SPACE * even.shape[1]:
            break
    return best


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


def _refuse(ink, tracks, matrix, shape):
    """Say in one sentence what cannot be read in the tracks of a working picture."""
    scale = np.hypot(*matrix[:, 0])
    if np.median([np.median(track.space[track.left:track.right]) for track in tracks]) / scale < SMALLEST:
        raise UserError("The staffs are too small to be read: scan the page with 300 dpi, or photograph it from nearer.")
    if any(max(track.presence[0], track.presence[-1]) > 0.5 for track in tracks):
        raise UserError("The lines do not stand in fives (tablature, or ruled paper): only staffs of five lines can be read.")
    if any(_joined(ink, upper, lower) for upper, lower in zip(tracks, tracks[1:])):
        raise UserError("Two or more staffs are joined to a system (piano or several parts): only music with one staff "
                        "a line can be read.")
    edge = _part_of_a_staff(ink, tracks, matrix, shape)
    if edge:
        raise UserError(f"A staff is cut off at the {edge} edge of the picture: scan or photograph the whole page.")


def _part_of_a_staff(ink, tracks, matrix, shape):
    """"upper" or "lower" where two to four lines, and no more, run along that edge of the page."""
    lines = slabs(thin(ink)) > 0.5
    size = int(np.median([np.median(track.space) for track in tracks]))
    length = np.median([track.right - track.left for track in tracks]) / HOP
    at = np.arange(lines.shape[1]) * HOP + HOP // 2
    for track in tracks:
        for place, column in enumerate(at):
            middle, reach = int(track.centre[column]), int(3.2 * track.space[column])
            lines[max(middle - reach, 0):max(middle + reach, 0), place] = False
    for edge, y in (("upper", 0), ("lower", shape[0] - 1)):
        corners = np.array([[0, y, 1], [shape[1] - 1, y, 1]]) @ matrix.T
        height = np.interp(at, *corners.T)
        rows = np.arange(len(lines))[:, None]
        near = np.abs(rows - height) < 4.2 * size
        full = cv2.dilate((lines & near).astype(np.uint8), np.ones((3, 1), np.uint8)).sum(axis=1) > 0.5 * length
        places = np.flatnonzero(np.diff(np.pad(full, (1, 0)).astype(np.int8)) == 1)
        if (np.abs(np.diff(places) - size) < 0.2 * size).any():
            return edge
    return None


def _cut_off(staff, shape):
    """"left" or "right" where a staff runs to that edge of the page without the clef or bar line that belongs there."""
    near = 0.5 * staff.space
    ink = staff.strip < 128
    if staff.to_page(STRIP_SPACE, STRIP_MIDDLE)[0] < near:
        ink[[row + shift for row in LINES for shift in (-1, 0, 1)]] = False
        columns = np.flatnonzero(ink[28:69, STRIP_SPACE:].sum(axis=0) >= 2)
        first = columns[:np.append(np.flatnonzero(np.diff(columns) > 3) + 1, len(columns))[0]] if len(columns) else columns
        tall = np.flatnonzero(ink[:, first + STRIP_SPACE].any(axis=1)) if len(first) else [0]
        if len(first) < STRIP_SPACE or not 1 <= first[0] <= 3 * STRIP_SPACE or tall[-1] - tall[0] < 2 * STRIP_SPACE:
            return "left"
    if staff.to_page(staff.width - STRIP_SPACE, STRIP_MIDDLE)[0] > shape[1] - 1 - near:
        end = staff.strip[LINES[0]:LINES[-1] + 1, -2 * STRIP_SPACE - 4:-STRIP_SPACE + 3]
        if not (end < 140).mean(axis=0).max() > 0.95:
            return "right"
    return None


def _joined(ink, upper, lower):
    """Whether a line runs down from the lines of one staff to those of the next, at their left end or twice further on."""
    if min(upper.right, lower.right) - max(upper.left, lower.left) < 0.5 * (upper.right - upper.left):
        return False
    steps = np.linspace(0, 1, 64)[:, None]
    across = np.arange(-SPACE // 2, max(upper.right - upper.left, lower.right - lower.left) + SPACE)
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
    starts = np.flatnonzero(np.diff(np.pad(full, (1, 0)).astype(np.int8)) == 1)
    return bool((starts < 1.5 * SPACE).any() or len(starts) >= 2)


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
