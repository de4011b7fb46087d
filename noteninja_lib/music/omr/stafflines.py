"""Where five lines run: the staff space from run lengths, the skew from row sums, each staff followed along the page. Lesson: 10_reading_sheet_music.

All is done in a working picture: paper levelled to white, turned upright and scaled so that a staff space is `SPACE` pixels.
There a comb of five teeth is laid on the row sums of narrow slabs; where it fits best a staff is begun, and followed slab by
slab to both sides, so that lines may lean and bend as they do in a photograph.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import make_smoothing_spline

SPACE = 10                              # pixels of a staff space in the working picture
MARGIN = 6 * SPACE                      # of white around it
SLAB, HOP = 3 * SPACE + 1, SPACE        # width of a slab, and the step from one to the next
LEANS = np.arange(-0.14, 0.1401, 0.004)         # slopes of the page that are tried: 8 degrees to both sides
SIZES = np.geomspace(0.8, 1.25, 10) * SPACE     # staff spaces that are tried, for perspective makes far staffs smaller
TEETH = np.arange(-2, 3)                # the five lines, in spaces from the middle one
SEED, GOOD = 0.45, 0.25                 # fit of a comb at which a staff may begin, and may go on
MOST_MISSES = 10                        # slabs without a fit that are passed over (beams hide lines)
SHORTEST = 8                            # spaces that a staff is long, at least


@dataclass
class Track:
    """One staff in the working picture.

    Attributes
    ----------
    left, right : int
        The columns where its lines begin and end.
    centre, space : np.ndarray, shape (width of the picture,)
        Height of the middle line, and the staff space, at every column.
    presence : np.ndarray, shape (7,)
        How much of each line is there, 0..1: five, and those that would lie one space above and below.
    """
    left: int
    right: int
    centre: np.ndarray
    space: np.ndarray
    presence: np.ndarray


def level(page):
    """Even out light: paper becomes white in shadow and sun.

    Parameters
    ----------
    page : np.ndarray, uint8, shape (height, width)

    Returns
    -------
    np.ndarray, uint8, shape (height, width)
    """
    height, width = page.shape
    small = cv2.resize(page, (max(width // 4, 1), max(height // 4, 1)), interpolation=cv2.INTER_AREA)
    window = max(11, max(height, width) // 160) | 1
    paper = cv2.blur(cv2.dilate(small, np.ones((window, window), np.uint8)), (window, window))
    paper = np.maximum(cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR), 1)
    even = cv2.divide(page, paper, scale=255)
    counts = np.bincount(even.ravel(), minlength=256)
    usual = 128 + int(np.argmax(counts[128:]))              # noise leaves the paper darker than its brightest places
    return cv2.convertScaleAbs(even, alpha=255 / usual)


def spaces(even):
    """Staff spaces that a levelled page may have, in pixels, likeliest first.

    From line to line it is one black run and one white run down a column, always of the same sum.
    """
    smooth = cv2.GaussianBlur(even, (3, 3), 0)
    threshold, _ = cv2.threshold(smooth, 0, 255, cv2.THRESH_OTSU)
    columns = smooth[:, ::max(smooth.shape[1] // 400, 1)].T < min(threshold, 220)
    edges = np.diff(np.pad(columns, ((0, 0), (1, 1))).astype(np.int8).ravel())
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    black, step = (ends - begins)[:-1], np.diff(begins)
    step = step[(black < 0.5 * step) & (step < even.shape[0] / 4)]
    counts = np.bincount(step, minlength=8).astype(float)
    counts[:3] = 0
    total = np.concatenate([[0], np.cumsum(counts)])
    sizes = np.arange(len(counts))
    low, high = np.ceil(0.92 * sizes - 0.5).astype(int), np.minimum(1.08 * sizes + 0.5, len(counts) - 1).astype(int)
    votes = total[high + 1] - total[low]
    found = []
    while len(found) < 3 and votes.max(initial=0) > 0:
        best = int(np.argmax(votes))
        inside = np.arange(low[best], high[best] + 1)
        found.append(float(np.average(inside, weights=counts[inside])))
        votes[np.abs(sizes - best) <= 0.25 * best] = 0
    return found


def prepare(even, space):
    """The working picture of a levelled page.

    Parameters
    ----------
    even : np.ndarray, uint8, shape (height, width)
    space : float
        Staff space in pixels.

    Returns
    -------
    ink : np.ndarray, uint8, shape (height, width)
        0 paper, 255 ink.
    matrix : np.ndarray, shape (2, 3)
        Takes (x, y, 1) of the page to (x, y) of the working picture.
    """
    scale = SPACE / space
    width, height = (max(round(size * scale), 1) for size in even.shape[::-1])
    small = 255 - cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    lean = _lean(_slabs(thin(small)))
    length = np.hypot(1, lean)
    cosine, sine = 1 / length, lean / length
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ np.array([[cosine, -sine], [sine, cosine]])
    low = corners.min(axis=0) - MARGIN
    turn = np.array([[cosine, sine, -low[0]], [-sine, cosine, -low[1]]])
    size = np.ceil(corners.max(axis=0) + MARGIN - low).astype(int)
    ink = cv2.warpAffine(small, turn, (int(size[0]), int(size[1])), flags=cv2.INTER_LINEAR)
    across, down = width / even.shape[1], height / even.shape[0]
    resize = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])    # places are middles of pixels
    return ink, turn @ resize


def thin(ink):
    """Only what is thinner than half a space from top to bottom: staff lines without notes, stems and beams."""
    return cv2.morphologyEx(ink, cv2.MORPH_TOPHAT, np.ones((SPACE // 2, 1), np.uint8))


def _slabs(lines):
    """Row sums of slabs: shape (height, slabs), 0..1; 1 is as dark as the darkest lines of the page."""
    sums = cv2.blur(lines, (SLAB, 1))[:, HOP // 2::HOP].astype(np.float32)
    return np.minimum(sums / max(float(np.percentile(sums, 99.7)), 25.0), 1)


def _lean(sums):
    """The slope at which the row sums are sharpest."""
    across = (np.arange(sums.shape[1]) - sums.shape[1] / 2) * HOP
    sharpness = []
    for lean in LEANS:
        shifts = np.round(lean * across).astype(int)
        profile = sum(np.roll(column, -shift) for column, shift in zip(sums.T, shifts))
        sharpness.append(float((profile ** 2).sum()))
    return float(LEANS[int(np.argmax(sharpness))])


def _fit(sums, slab, middle, space):
    """How well combs fit a slab: arrays of middles and spaces -> about -1..1.

    A line that is missing counts double, for a comb that is off by one line misses only one.
    """
    def at(teeth):
        rows = np.clip(np.rint(middle[..., None] + teeth * space[..., None]).astype(int), 0, len(sums) - 1)
        return sums[rows, np.asarray(slab)[..., None]]

    lines = at(TEETH)
    return (lines.mean(axis=-1) + lines.min(axis=-1)) / 2 - at(TEETH[:-1] + 0.5).mean(axis=-1)


def find_tracks(ink):
    """All staffs of a working picture, the best first.

    Returns
    -------
    list of Track
    """
    lines = thin(ink)
    sums = _slabs(lines)
    wide = cv2.dilate(sums, np.ones((3, 1), np.uint8))      # a tooth may be off by a pixel
    rows, slabs = np.mgrid[:sums.shape[0], :sums.shape[1]]
    fits = np.stack([_fit(wide, slabs, rows.astype(float), np.full(rows.shape, size)) for size in SIZES])
    best, which = fits.max(axis=0), fits.argmax(axis=0)
    tracks = []
    while best.max() > SEED:
        middle, slab = np.unravel_index(int(best.argmax()), best.shape)
        points = _follow(wide, slab, float(middle), SIZES[which[middle, slab]])
        span = np.arange(points[0][0], points[0][-1] + 1)
        taken = np.abs(rows[:, span.astype(int)] - np.interp(span, *points[:2])) < 4.4 * np.interp(span, points[0], points[2])
        best[:, span.astype(int)] = np.where(taken, -1, best[:, span.astype(int)])
        track = _smooth(ink, lines, sums, *points)
        if track is not None:
            tracks.append(track)
    return tracks


def _follow(sums, slab, middle, space):
    """Follow a staff from where it was met to both sides: its slabs, middles and spaces."""
    up, larger = np.meshgrid(np.arange(-3.5, 3.6, 0.5), (0.97, 1, 1.03))
    found = [(slab, middle, space)]
    for direction in (1, -1):
        trail, misses, here = sorted(found, reverse=direction < 0), 0, slab + direction
        while 0 <= here < sums.shape[1] and misses <= MOST_MISSES:
            near = np.array(trail[-12:])
            slope = np.polyfit(near[:, 0], near[:, 1], 1)[0] if len(near) >= 6 else 0.0
            expected = trail[-1][1] + slope * (here - trail[-1][0])
            middles, sizes = expected + up, np.clip(trail[-1][2] * larger, SIZES[0], SIZES[-1])
            fits = _fit(sums, here, middles, sizes) - 0.03 * np.abs(up) - 0.5 * np.abs(larger - 1)
            best = np.unravel_index(int(fits.argmax()), fits.shape)
            if fits[best] > GOOD:
                trail.append((here, middles[best], sizes[best]))
                found.append(trail[-1])
                misses = 0
            else:
                misses += 1
            here += direction
    return np.array(sorted(found)).T


def _smooth(ink, lines, sums, slabs, middles, sizes):
    """A Track through the points that were followed, or None where they are no staff."""
    if len(slabs) < SHORTEST:
        return None
    weights = np.ones(len(slabs))
    exact = np.empty((2, len(slabs)))
    for number, (slab, middle, size) in enumerate(zip(slabs.astype(int), middles, sizes)):
        exact[:, number], weights[number] = _exact(sums[:, slab], middle, size)
    for limit in (1.5, 0.6, 0.3):                   # again and again, so that what lies off is left out
        curves = [make_smoothing_spline(slabs, values, weights, lam=lam) for values, lam in zip(exact, (200, 2e4))]
        off = np.abs(exact[0] - curves[0](slabs))
        weights = np.where(off > limit, 1e-3, weights)
    columns = np.arange(lines.shape[1])
    places = (columns - HOP // 2) / HOP
    inside = np.clip(places, slabs[0], slabs[-1])
    # Beyond the ends a straight line: a spline would swing out.
    centre, space = (curve(inside) + curve.derivative()(inside) * (places - inside) * straight
                     for curve, straight in zip(curves, (1, 0)))
    return _with_ends(ink, lines, centre, space, round(slabs[0] * HOP), round(slabs[-1] * HOP) + HOP)


def _exact(column, middle, size):
    """Middle and space of a slab's five lines to a fraction of a pixel, and a weight for it."""
    around = np.arange(-3, 4)
    rows = np.clip(np.rint(middle + TEETH * size).astype(int)[:, None] + around, 0, len(column) - 1)
    dark = column[rows]
    dark = np.maximum(dark - dark.min(axis=1, keepdims=True), 0) ** 2 + 1e-9
    weight = dark.max(axis=1)
    places = (dark * rows).sum(axis=1) / dark.sum(axis=1)
    space, centre = np.polyfit(TEETH, places, 1, w=np.sqrt(weight))
    trusted = weight / (1 + (4 * (places - centre - TEETH * space)) ** 2)       # less where a line lies off the others
    space, centre = np.polyfit(TEETH, places, 1, w=np.sqrt(trusted))
    return (centre, space), max(float(weight.mean()), 1e-3)


def _with_ends(ink, lines, centre, space, left, right):
    """A Track with the columns where at least three of its lines begin and end, or None where too little is there."""
    columns = np.arange(lines.shape[1])
    teeth = np.arange(-3, 3.1, 0.5)                 # lines and the middles between them, from one above to one below
    rows = np.rint(centre + teeth[:, None] * space).astype(int)
    dark = np.max([lines[np.clip(rows + shift, 0, len(lines) - 1), columns] for shift in (-1, 0, 1)], axis=0)
    usual = np.median(dark[2:-2:2, left:right])
    there = dark > max(0.4 * usual, 12)
    near = (columns >= left - 4 * SPACE) & (columns < right + 4 * SPACE)
    run = ((there[2:-2:2].sum(axis=0) >= 3) & near).astype(np.uint8)[None]
    run = cv2.morphologyEx(run, cv2.MORPH_OPEN, np.ones((1, SPACE // 2), np.uint8))
    run = cv2.morphologyEx(np.pad(run, ((0, 0), (200, 200))), cv2.MORPH_CLOSE, np.ones((1, 10 * SPACE), np.uint8))[0, 200:-200]
    edges = np.diff(np.pad(run.astype(np.int8), 1))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(begins) or (ends - begins).max() < SHORTEST * SPACE:
        return None
    longest = int(np.argmax(ends - begins))
    left, right = int(begins[longest]), int(ends[longest])
    solid = np.max([ink[np.clip(rows[2:-2:2] + shift, 0, len(ink) - 1), columns] for shift in (-1, 0, 1)], axis=0).min(axis=0) > 90
    solid |= there[2:-2:2].sum(axis=0) >= 3
    while right < len(columns) - 1 and solid[right]:        # bar lines at the end, and the bits of lines between them
        right += 1
    while left > 0 and solid[left - 1]:
        left -= 1
    share = there[:, left:right].mean(axis=1)
    if share[2:-2:2].min() < 0.35 or share[3:-3:2].mean() > 0.5 * share[2:-2:2].mean():
        return None
    return Track(left, right, centre.astype(np.float32), space.astype(np.float32), share[::2])
