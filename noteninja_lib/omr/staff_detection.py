"""The staves of a page, each cut out as a straight staff image for the network.

A template of five lines is laid on the row sums of narrow slabs of the working picture (see `image_io`).
Where it fits best a staff is begun, and followed slab by slab to both sides, so that lines may lean and bend
as they do in a photograph. A staff image is cut out along the lines, column by column, so that bent lines
become straight; pages that cannot be read are turned away with one sentence. Lesson: 10_reading_sheet_music.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy.interpolate import make_smoothing_spline

from noteninja_lib.errors import UserError
from noteninja_lib.omr.image_io import HOP, SPACE, angles, level, prepare, slabs, staff_spaces, thin, turn

SIZES = np.geomspace(0.8, 1.25, 10) * SPACE  # staff spaces that are tried, for perspective
TEMPLATE = np.arange(-2, 3)  # the five lines, in spaces from the middle one
SEED, GOOD = 0.35, 0.2  # fit of a template at which a staff may begin, and may go on
FAINT, UNREAD = 0.15, 0.6  # fit, and share of a staff's width, of what may be a staff that was not followed
SLANTED = 8  # degrees from which on a page is turned before its staves are looked for
APART = 1.15  # distances of two systems beside those within them, at least
ALIKE = 0.5  # how well five lines fit where a staff is, beside one that was found; by half, it may be lost
GUIDE = 0.8  # share of the widest staff's width that another one has, or it is looked for once more
BETWEEN_PAGES = 8 * SPACE  # pixels of a working picture from a staff to one on the next page
BESIDE, UNDER = 3.2, 17  # spaces from a staff's middle, from which to which tablature stands below it
BETWEEN = 0.65  # of the way to the next staff: what is beyond belongs to that one
AWAY = 0.6, 1.6  # distances of neighbours in which it lies from the nearest staff
MOST_MISSES = 10  # slabs without a fit that are passed over (beams hide lines)
SHORTEST, LONG = 8, 14  # spaces that each staff is long, and one of a page, at least
IMAGE_SPACE = 8  # pixels of a staff space in a staff image
IMAGE_HEIGHT = 96
IMAGE_MIDDLE = 48  # row of the middle line
LINES = (32, 40, 48, 56, 64)  # rows of all five
ABOVE, BELOW = 92, -28  # row of the top line in the images of what stands above and below
ENOUGH = 2.0  # widths of the page: with so much found, no other size is tried
SMALLEST = 5.0  # pixels of a staff space in the page


@dataclass
class Track:
    """One staff in the working picture."""

    left: int  # the columns where its lines begin and end
    right: int
    centre: np.ndarray  # height of the middle line, and staff space, at every column of the picture
    space: np.ndarray
    presence: np.ndarray  # (7,): how much of each line is there, 0..1; five, one above and one below

    @property
    def width(self) -> int:
        """Columns from its left to its right end."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Row of the middle line, half-way along."""
        return float(self.centre[(self.left + self.right) // 2])


def _fit(sums, slab, middle, space):
    """How well templates fit a slab: arrays of middles and spaces -> about -1..1.

    A line that is missing counts double, for a template that is off by one line misses only one.
    """

    def at(lines):
        rows = np.clip(np.rint(middle[..., None] + lines * space[..., None]).astype(int), 0, len(sums) - 1)
        return sums[rows, np.asarray(slab)[..., None]]

    lines = at(TEMPLATE)
    return (lines.mean(axis=-1) + lines.min(axis=-1)) / 2 - at(TEMPLATE[:-1] + 0.5).mean(axis=-1)


def find_tracks(ink: np.ndarray) -> tuple[list[Track], list[float]]:
    """All staves of a working picture (see `image_io.prepare`), the best first; heights of lost ones."""
    lines = thin(ink)
    sums = slabs(lines)
    wide = cv2.dilate(sums, np.ones((3, 1), np.uint8))  # a template's line may be off by a pixel
    rows, places = np.mgrid[: sums.shape[0], : sums.shape[1] : 3]
    sized = np.stack([_fit(wide, places, rows, np.full(rows.shape, size)) for size in SIZES])
    best, which = sized.max(axis=0), sized.argmax(axis=0)
    fits, tracks = best.copy(), []
    while best.max() > SEED:
        start = np.unravel_index(int(best.argmax()), best.shape)
        at, middles, sizes = _follow(wide, places[start], float(start[0]), SIZES[which[start]])
        span = (places[0] >= at[0]) & (places[0] <= at[-1])
        off = np.abs(rows - np.interp(places[0], at, middles))
        best[span & (off < 4.4 * np.interp(places[0], at, sizes))] = -1
        track = _track(ink, lines, sums, at, middles, sizes)
        if track and np.abs(track.centre[at * HOP] - middles).min() > 0.5 * SPACE:
            slab = at[len(at) // 2]  # it was set right by a line: followed anew
            followed = _follow(wide, slab, track.centre[slab * HOP], track.space[slab * HOP])
            again = _track(ink, lines, sums, *followed)
            track = max(filter(None, (track, again)), key=lambda one: one.width)
        tracks = _with(track, tracks) if track else tracks
    there = [track.presence[1:-1].mean() for track in tracks]
    usual = np.median(there) if tracks else 0
    long = [track.width >= 2 * LONG * SPACE for track in tracks]
    tracks = [one for one, share, sure in zip(tracks, there, long) if sure or share > 0.85 * usual]
    # What is short is believed only beside a longer one: five systems seen from far are five lines, too.
    if not any(track.width >= LONG * SPACE for track in tracks):
        return [], []
    widest = max(track.width for track in tracks)
    guides = [track for track in tracks if track.width > GUIDE * widest]
    short, lost = [one.height for one in tracks if one.width <= GUIDE * widest], []
    for height in _unread(fits, tracks) + short:
        guide = min(guides, key=lambda one: abs(one.height - height))
        again, likeness = _guided(ink, lines, sums, wide, guide, height)
        if again:
            tracks = _with(again, tracks)
        elif likeness > ALIKE / 2 and height not in short:
            lost.append(height)
    return tracks, lost


def _unread(fits, tracks):
    """Heights in a working picture of what may be staves where there is no track."""
    best, rows = fits.copy(), np.arange(len(fits))[:, None]
    columns = np.arange(fits.shape[1]) * 3 * HOP
    for track in tracks:
        near = np.abs(rows - track.centre[np.minimum(columns, len(track.centre) - 1)]) < 6.5 * SPACE
        best[near & (columns > track.left - 2 * SPACE) & (columns < track.right + 2 * SPACE)] = 0
    hot = (best > FAINT).astype(np.uint8)
    _, parts, found, middles = cv2.connectedComponentsWithStats(cv2.dilate(hot, np.ones((21, 9), np.uint8)))
    wide = UNREAD * np.median([track.width for track in tracks]) / (3 * HOP)
    known = np.sort([track.height for track in tracks])
    gap = np.median(np.diff(known)) if len(known) > 1 else 10 * SPACE
    heights = []
    for part in range(1, len(found)):
        width = found[part, cv2.CC_STAT_WIDTH]
        away = np.abs(known - middles[part][1]).min() / gap
        filled = hot.any(axis=0, where=parts == part).sum() > width / 2
        if width > wide and AWAY[0] < away < AWAY[1] and filled:
            heights.append(float(middles[part][1]))
    return sorted(heights)


def _guided(ink, lines, sums, wide, guide, height):
    """A Track near a height (or None), bent as another one is, since faint lines show along a whole staff
    alone; and how well five lines fit there, beside those of the guide."""
    at = np.arange(guide.left // HOP + 1, guide.right // HOP)
    moves, leans = np.meshgrid(np.arange(-2 * SPACE, 2 * SPACE + 0.5, 0.5), np.linspace(-0.04, 0.04, 17))
    bend = guide.centre[at * HOP] - guide.height
    turn = leans[..., None] * (at * HOP - (guide.left + guide.right) / 2)
    middles, sizes = height + bend + moves[..., None] + turn, guide.space[at * HOP]
    fits = _fit(wide, at, middles, np.broadcast_to(sizes, middles.shape)).mean(axis=-1)
    best = np.unravel_index(int(fits.argmax()), fits.shape)
    likeness = fits[best] / _fit(wide, at, guide.centre[at * HOP], sizes).mean()
    track = _track(ink, lines, sums, at, middles[best], sizes) if likeness > ALIKE else None
    return track, likeness


def _track(ink, lines, sums, at, middles, sizes):
    """The Track of what was followed, or None."""
    if len(at) < SHORTEST:
        return None
    centre, space = _smooth(sums, lines.shape[1], at, middles, sizes)
    return _with_ends(ink, lines, centre, space, at[0] * HOP, (at[-1] + 1) * HOP)


def _with(track, tracks):
    """The tracks with one more; of two that meet, the longer stays."""

    def meets(one):
        both = slice(max(track.left, one.left), min(track.right, one.right))
        return np.abs(track.centre - one.centre)[both].min(initial=np.inf) <= 4 * SPACE

    if any(meets(one) and one.width >= track.width for one in tracks):
        return tracks
    return [one for one in tracks if not meets(one)] + [track]


def _follow(sums, slab, middle, space):
    """Follow a staff from where it was met to both sides: its slabs, middles and spaces."""
    up, larger = np.meshgrid(np.arange(-3.5, 3.6, 0.5), (0.97, 1, 1.03))
    penalty = 0.03 * np.abs(up) + 0.5 * np.abs(larger - 1)
    found = [(slab, middle, space)]
    for direction in (1, -1):
        trail, misses, here = sorted(found, reverse=direction < 0), 0, slab + direction
        while 0 <= here < sums.shape[1] and misses <= MOST_MISSES:
            (before, height, _), (last, middle, space) = trail[max(len(trail) - 12, 0)], trail[-1]
            slope = (middle - height) / (last - before) if len(trail) >= 6 else 0.0
            middles, sizes = middle + slope * (here - last) + up, np.clip(space * larger, SIZES[0], SIZES[-1])
            fits = _fit(sums, here, middles, sizes) - penalty
            best = np.unravel_index(int(fits.argmax()), fits.shape)
            misses += 1
            if fits[best] > GOOD:
                trail.append((here, middles[best], sizes[best]))
                found.append(trail[-1])
                misses = 0
            here += direction
    at, middles, sizes = np.array(sorted(found)).T
    return at.astype(int), middles, sizes


def _smooth(sums, width, at, middles, sizes):
    """Curves through the points that were followed: middle line and staff space at every column."""
    centre, space, weights = _exact(sums, at, middles, sizes)
    for limit in (1.5, 0.6, 0.3):  # again and again, so that what lies off is left out
        middle = make_smoothing_spline(at, centre, weights, lam=200)
        size = make_smoothing_spline(at, space, weights, lam=2e4)
        weights = np.where(np.abs(centre - middle(at)) > limit, 1e-3, weights)
    beyond = (np.arange(width) - HOP // 2) / HOP
    inside = np.clip(beyond, at[0], at[-1])
    # Beyond the ends a straight line: a spline would swing out.
    return middle(inside) + middle.derivative()(inside) * (beyond - inside), size(inside)


def _exact(sums, at, middles, sizes):
    """Middles and spaces of slabs, by a straight fit to the five lines, and the weights of the fit."""
    rows = np.rint(middles[:, None] + TEMPLATE * sizes[:, None]).astype(int)[..., None] + np.arange(-3, 4)
    rows = np.clip(rows, 0, len(sums) - 1)  # (slabs, 5 lines, 7 rows around each)
    dark = sums[rows, at[:, None, None]]
    dark = (dark - dark.min(axis=2, keepdims=True)) ** 2 + 1e-9
    places, weight = (dark * rows).sum(axis=2) / dark.sum(axis=2), dark.max(axis=2)
    trusted = weight
    for _ in range(2):  # the second time, less where a line lies off the others
        total = trusted.sum(axis=1)
        line, place = (trusted * TEMPLATE).sum(axis=1) / total, (trusted * places).sum(axis=1) / total
        across = TEMPLATE - line[:, None]
        space = (trusted * across * places).sum(axis=1) / (trusted * across**2).sum(axis=1)
        centre = place - space * line
        trusted = weight / (1 + (4 * (places - centre[:, None] - TEMPLATE * space[:, None])) ** 2)
    return centre, space, np.maximum(weight.mean(axis=1), 1e-3)


def _begins_and_ends(there):
    """Where the runs of True in a row begin, and where they have ended."""
    edges = np.diff(np.pad(there.astype(np.int8), 1))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _with_ends(ink, lines, centre, space, left, right):
    """A Track from where three of its lines begin to where they end; None if too little is there."""
    columns = np.arange(lines.shape[1])
    places = np.arange(-3, 3.1, 0.5)  # lines and the middles between them, from one above to one below
    rows = np.rint(centre + places[:, None] * space).astype(int)
    near = [np.clip(rows + shift, 0, len(lines) - 1) for shift in (-1, 0, 1)]
    dark = np.max([lines[some, columns] for some in near], axis=0)
    there = dark > max(0.4 * np.median(dark[2:-2:2, left:right]), 12)
    three = there[2:-2:2].sum(axis=0) >= 3
    run = three & (columns >= left - 4 * SPACE) & (columns < right + 4 * SPACE)
    run = cv2.morphologyEx(run.astype(np.uint8)[None], cv2.MORPH_OPEN, np.ones((1, SPACE // 2), np.uint8))
    run = np.pad(run, ((0, 0), (200, 200)))
    run = cv2.morphologyEx(run, cv2.MORPH_CLOSE, np.ones((1, 10 * SPACE), np.uint8))[0, 200:-200]
    begins, ends = _begins_and_ends(run)
    if not len(begins) or (ends - begins).max() < SHORTEST * SPACE:
        return None
    longest = int(np.argmax(ends - begins))
    left, right = int(begins[longest]), int(ends[longest])
    solid = np.max([ink[some[2:-2:2], columns] for some in near], axis=0).min(axis=0) > 90
    solid |= three
    # With the bar lines at its ends, and the bits of lines between them.
    while right < len(columns) - 1 and solid[right]:
        right += 1
    while left > 0 and solid[left - 1]:
        left -= 1
    share = there[:, left:right].mean(axis=1)
    for outer, missing, step in ((0, -3, -1), (-1, 2, 1)):
        if share[outer] > 0.5 and share[missing] < share[outer] - 0.3:  # one line too low, or too high
            return _with_ends(ink, lines, centre + step * space, space, left, right)
    plain = np.median(share[2:-2:2]) > 0.5 and share[3:-3:2].max() < 0.1  # then beams may hide most of a line
    least = 0.2 if plain else 0.35
    if share[2:-2:2].min() < least or share[3:-3:2].mean() > 0.5 * share[2:-2:2].mean():
        return None
    # A sixth line would begin where the others do; the bracket of an ending does not.
    share[[0, -1]] = np.minimum(share, there[:, left : left + 4 * SPACE].mean(axis=1))[[0, -1]]
    if share[[0, -1]].max() > 0.5 and share[2:-2:2].mean() < 0.8:  # rows of text
        return None
    return Track(left, right, centre.astype(np.float32), space.astype(np.float32), share[::2])


@dataclass
class Staff:
    """One staff of a page.

    Its image (uint8, shape (96, width)) is cut out and straightened: 255 paper, 0 ink, lines at rows 32, 40,
    48, 56 and 64, one space of paper before and after them.
    """

    image: np.ndarray
    space: float  # in pixels of the page
    confidence: float  # how much of the five lines was found, 0..1
    above: np.ndarray  # what stands above and below it, as images like its own
    below: np.ndarray
    _middle: np.ndarray = field(repr=False)  # (width, 2): x, y in the page of each column's row 48
    _down: np.ndarray = field(repr=False)  # (width, 2): the step in the page of one row down

    @property
    def width(self) -> int:
        """Columns of the staff image."""
        return self.image.shape[1]

    def to_page(self, column: np.ndarray | float, row: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Where columns and rows of the staff image lie in the page: x and y in pixels."""
        return _interpolate(self._middle, self._down, *np.broadcast_arrays(column, np.asarray(row, float)))


def _interpolate(middle, down, column, row):
    """x and y in the page, from those of each column's middle and the step of a row down."""
    at = np.arange(len(middle))
    starts, steps = ([np.interp(column, at, one[:, axis]) for axis in (0, 1)] for one in (middle, down))
    return tuple(start + (row - IMAGE_MIDDLE) * step for start, step in zip(starts, steps))


@dataclass
class Layout:
    """What was found on a page: the page itself as it is read, its staves from top to bottom, and what is to
    be told of it, a sentence each."""

    page: np.ndarray
    staves: list[Staff]
    told: list[str] = field(default_factory=list)
    refused: str = ""  # why it can't be read, in one sentence


def read_layout(page: np.ndarray, top: bool = False, strict: bool = True) -> Layout:
    """Find the staves of a page and cut them out.

    Parameters
    ----------
    page : np.ndarray, uint8, shape (height, width)
        255 white; any lighting, leaning by up to 30 degrees or on its side, mildly bent.
    top : bool
        Of staves joined to a system, take the uppermost.
    strict : bool
        Raise an error for systems and what is cut off; else the layout says why it can't be read.

    Returns
    -------
    Layout
        Its page is turned so that staves run from left to right; it may still be upside down.

    Raises
    ------
    UserError
        A blank page, no staff found, staves joined to systems, too small, cut off at the margin, or not of
        five lines.
    """
    page, even, (ink, matrix, tracks, lost) = _turned(page)
    tracks, told = in_order(tracks), []
    systems = _systems(ink, tracks)
    if top:
        systems = _even(systems)
    beside = _lines_beside(ink, tracks)
    refused = _why_not(beside, tracks, matrix, page.shape, None if top else systems)
    inverse = cv2.invertAffineTransform(matrix)
    for height in lost:
        share = (inverse @ [ink.shape[1] / 2, height, 1])[1] / page.shape[0]
        told.append(f"What looks like a staff, {share:.0%} down the page, could not be read.")
    if top and len(systems) < len(tracks):
        told.append(f"Of {len(systems)} systems with {len(tracks)} staffs the uppermost staffs were read.")
    if any(_over_tablature(*beside, tracks)):
        told.append("Lines below the staffs (tablature?) were left out.")
    reaches = [min(_gap(track, tracks) * BETWEEN, 4 * SPACE * SPACE) for track in tracks]
    uppermost = {id(system[0]) for system in systems}
    staves = [
        _cut(even, track, matrix, reach)
        for track, reach in zip(tracks, reaches)
        if not top or id(track) in uppermost
    ]
    edges = {number: _cut_off(staff, page.shape) for number, staff in enumerate(staves, 1)}
    edges = {number: edge for number, edge in edges.items() if edge}
    for number, edge in edges.items():
        where = f"Staff {number} from the top is cut off at the {edge} edge of the picture"
        if edge == "left" or len(edges) > 1:
            refused = refused or f"{where}: scan or photograph the whole page."
        told.append(f"{where}, or has no bar line there.")
    if refused and strict:
        raise UserError(refused)
    return Layout(page, staves, told, refused)


def _turned(page):
    """A page, turned so that its staves run from left to right; it levelled; and what `_search` finds."""
    even = level(page)
    if (even < 160).mean() < 1e-4:
        raise UserError("The page is blank: choose a picture with printed notes.")
    found = _search(even)
    if not found[2] and np.median(page) < 100:  # white on black
        even = level(255 - page)
        found = _search(even)
    best, most = (page, even, found), _length(found)
    for angle in angles(even):
        if abs(angle) < SLANTED:  # `_search` finds what leans by less
            if most:
                break
            continue
        turned = turn(even, angle)
        found = _search(turned)
        if _length(found) > 0.9 * most:
            best, most = (turn(page, angle), turned, found), _length(found)
    if not most:
        which = "choose a picture of printed sheet music, sharp and large enough"
        raise UserError(f"No staff of five lines was found: {which}.")
    return best


def _length(found):
    """How long all staves of a page are, in its pixels."""
    _, matrix, tracks, _ = found
    return sum(track.width for track in tracks) / np.hypot(*matrix[:, 0]) if tracks else 0.0


def _gap(track, tracks):
    """How far the next track above or below is away."""
    beside = [one for one in tracks if one.left < track.right and track.left < one.right and one is not track]
    return min((abs(one.height - track.height) for one in beside), default=np.inf)


def _systems(ink, tracks):
    """Tracks that belong together: those joined by a line, from top to bottom."""
    systems = [[track] for track in tracks[:1]]
    for upper, lower in zip(tracks, tracks[1:]):
        if _joined(ink, upper, lower):
            systems[-1].append(lower)
        else:
            systems.append([lower])
    return systems


def _even(systems):
    """The same tracks in systems of one size: as most are, or in pairs where two and two are near."""
    tracks = [track for system in systems for track in system]
    sizes = [len(system) for system in systems if len(system) > 1]
    size = max(set(sizes), key=sizes.count) if sizes else 2
    gaps = np.diff([track.height for track in tracks])
    apart = not sizes and (len(gaps) < 3 or gaps[1::2].min() <= APART * gaps[::2].max())
    if len(tracks) % size or apart:
        return systems
    return [tracks[first : first + size] for first in range(0, len(tracks), size)]


def _search(even):
    """Working picture, matrix, tracks and lost staves at the size that gives most, even if tablature."""
    best, most = (None, None, [], []), 0
    for space in staff_spaces(even):
        ink, matrix = prepare(even, space)
        tracks, lost = find_tracks(ink)
        found = space * sum(track.width * (0.001 if _sixth(track) else 1) for track in tracks)
        if found > most:
            best, most = (ink, matrix, tracks, lost), found
        if found > ENOUGH * SPACE * even.shape[1]:
            break
    return best


def _sixth(track):
    """Whether there is one line more than five."""
    return max(track.presence[0], track.presence[-1]) > 0.5


def in_order(tracks: list[Track]) -> list[Track]:
    """From top to bottom; side by side on one row from left to right, but one page after the other."""
    for middle in sorted(track.right for track in tracks):
        left = [track for track in tracks if track.right <= middle]
        right = [track for track in tracks if track.left >= middle + BETWEEN_PAGES]
        if min(len(left), len(right)) > 1 and len(left) + len(right) == len(tracks):
            return in_order(left) + in_order(right)
    rows = []
    for track in sorted(tracks, key=lambda one: one.height):
        if rows and abs(track.height - rows[-1][-1].height) < 2 * SPACE:
            rows[-1].append(track)
        else:
            rows.append([track])
    return [track for row in rows for track in sorted(row, key=lambda one: one.left)]


def _why_not(beside, tracks, matrix, shape, systems):
    """Say in one sentence why the tracks of a working picture can't be read; "" if they can."""
    space = np.median([np.median(track.space[track.left : track.right]) for track in tracks])
    why = ""
    if space / np.hypot(*matrix[:, 0]) < SMALLEST:
        why = "The staffs are too small to be read: scan the page with 300 dpi, or photograph it from nearer."
    elif any(map(_sixth, tracks)):
        why = "The lines do not stand in fives (tablature, ruled paper, text, or no music at all?): only"
        why += " staffs of five lines can be read."
    if why:  # whatever is drawn there
        raise UserError(why)
    if systems and len(systems) < len(tracks):
        why = "Two or more staffs are joined to a system (piano or several parts): choose music with one"
        why += " staff a line, or read the uppermost staffs alone (--top)."
    elif edge := _part_of_a_staff(*beside, tracks, matrix, shape):
        why = f"A staff is cut off at the {edge} edge of the picture: scan or photograph the whole page."
    return why


def _lines_beside(ink, tracks):
    """Where there are lines that belong to no track, a column for each slab; and where these columns are."""
    lines = slabs(thin(ink)) > 0.5
    at = np.arange(lines.shape[1]) * HOP + HOP // 2
    for track in tracks:
        for place, column in enumerate(at):
            middle, reach = int(track.centre[column]), int(BESIDE * track.space[column])
            lines[max(middle - reach, 0) : max(middle + reach, 0), place] = False
    return lines.astype(np.uint8), at


def _over_tablature(lines, at, tracks):
    """For each track in turn, whether four or more lines are below it, further apart than its own."""
    for track in tracks:
        space = float(np.median(track.space[track.left : track.right]))
        first, last = (int(track.height + spaces * space) for spaces in (BESIDE, UNDER))
        below = cv2.dilate(
            lines[first:last, (at > track.left) & (at < track.right)], np.ones((3, 1), np.uint8)
        )
        places, _ = _begins_and_ends(below.mean(axis=1) > 0.6) if below.size else ([], [])
        steps = np.diff(places) / space
        threes = [steps[first : first + 3] for first in range(len(steps) - 2)]
        yield any(1.2 < min(three) and max(three) < min(1.25 * min(three), 2.3) for three in threes)


def _part_of_a_staff(lines, at, tracks, matrix, shape):
    """ "upper" or "lower" where two to four lines, and no more, run along that edge of the page."""
    size = int(np.median([np.median(track.space) for track in tracks]))
    length = np.median([track.width for track in tracks]) / HOP
    for edge, y in (("upper", 0), ("lower", shape[0] - 1)):
        corners = np.array([[0, y, 1], [shape[1] - 1, y, 1]]) @ matrix.T
        near = np.abs(np.arange(len(lines))[:, None] - np.interp(at, *corners.T)) < 4.2 * size
        dark = cv2.dilate(lines * near, np.ones((3, 1), np.uint8)).sum(axis=1)
        places, _ = _begins_and_ends(dark > 0.5 * length)
        if (np.abs(np.diff(places) - size) < 0.2 * size).any():
            return edge
    return None


def _cut_off(staff, shape):
    """ "left" or "right" if a staff runs to that edge without the clef or bar line that belongs there."""
    near = 0.5 * staff.space
    ink = staff.image < 128
    if staff.to_page(IMAGE_SPACE, IMAGE_MIDDLE)[0] < near:
        ink[[row + shift for row in LINES for shift in (-1, 0, 1)]] = False
        columns = np.flatnonzero(ink[28:69, IMAGE_SPACE:].sum(axis=0) >= 2)
        first = np.split(columns, np.flatnonzero(np.diff(columns) > 3) + 1)[0]  # of the signs
        tall = np.flatnonzero(ink[:, first + IMAGE_SPACE].any(axis=1)) if len(first) else [0]
        placed = len(first) >= IMAGE_SPACE and 1 <= first[0] <= 3 * IMAGE_SPACE
        if not placed or tall[-1] - tall[0] < 2 * IMAGE_SPACE:
            return "left"
    if staff.to_page(staff.width - IMAGE_SPACE, IMAGE_MIDDLE)[0] > shape[1] - 1 - near:
        end = staff.image[LINES[0] : LINES[-1] + 1, -2 * IMAGE_SPACE - 4 : -IMAGE_SPACE + 3]
        if not (end < 140).mean(axis=0).max() > 0.95:
            return "right"
    return None


def _joined(ink, upper, lower):
    """Whether a line runs down from one staff to the next, at their left end or twice further on."""
    if min(upper.right, lower.right) - max(upper.left, lower.left) < 0.5 * upper.width:
        return False
    steps = np.linspace(0, 1, 64)[:, None]
    across = np.arange(-SPACE // 2, max(upper.width, lower.width) + SPACE)
    x_top, x_bottom = upper.left + across, lower.left + across / upper.width * lower.width
    x_top, x_bottom = (np.clip(x, 0, ink.shape[1] - 1) for x in (x_top, x_bottom))
    top = (upper.centre + 2 * upper.space)[x_top.astype(int)]
    bottom = (lower.centre - 2 * lower.space)[x_bottom.astype(int)]
    map_x, map_y = (x_top + (x_bottom - x_top) * steps), (top + (bottom - top) * steps)
    gap = cv2.remap(ink, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR)
    dark = cv2.dilate(gap, np.ones((1, 3), np.uint8)) > 90
    starts, _ = _begins_and_ends(dark.mean(axis=0) > 0.93)
    return bool((starts < 1.5 * SPACE).any() or len(starts) >= 2)


def _cut(even, track, matrix, reach):
    """A Staff from a levelled page: columns of its image step along the staff by an eighth of its space.

    Above and below it, what is further off than `reach` is left out.
    """
    columns = np.arange(len(track.centre))
    travelled = np.concatenate([[0], np.cumsum(IMAGE_SPACE / track.space)[:-1]])  # in pixels of the image
    begin, end = np.interp([track.left, track.right], columns, travelled)
    x = np.interp(np.arange(np.ceil(begin - IMAGE_SPACE), end + IMAGE_SPACE), travelled, columns)
    y, space = np.interp(x, columns, track.centre), np.interp(x, columns, track.space)
    inverse = cv2.invertAffineTransform(matrix)
    middle = np.stack([x, y], axis=1) @ inverse[:, :2].T + inverse[:, 2]
    down = (space / IMAGE_SPACE)[:, None] * inverse[:, 1]
    page_space = float(np.median(space) * np.hypot(*inverse[:, 0]))
    fine = max(int(np.ceil(page_space / IMAGE_SPACE)), 1)  # samples a pixel in both directions, then averaged
    along = (np.arange(len(x) * fine) + 0.5) / fine - 0.5

    def image_of(first_row):
        down_to = (np.arange(IMAGE_HEIGHT * fine) + 0.5) / fine - 0.5 + first_row
        grid = _interpolate(middle, down, along, down_to[:, None])
        cut = cv2.remap(even, *(one.astype(np.float32) for one in grid), cv2.INTER_LINEAR, borderValue=255)
        return cv2.resize(cut, (len(x), IMAGE_HEIGHT), interpolation=cv2.INTER_AREA)

    images = [image_of(row) for row in (0, LINES[0] - ABOVE, LINES[0] - BELOW)]
    black = min(float(np.percentile(images[0], 3)), 128.0)  # pencil-grey print becomes black
    image, above, below = (
        np.clip((one - black) * (255 / (250 - black)), 0, 255).astype(np.uint8) for one in images
    )
    far = reach / float(np.median(space)) * IMAGE_SPACE
    above[: max(round(ABOVE + LINES[2] - LINES[0] - far), 0)] = 255
    below[max(round(BELOW + LINES[2] - LINES[0] + far), 0) :] = 255
    presence = float(track.presence[1:-1].mean())
    return Staff(image, page_space, presence, above, below, middle, down)
