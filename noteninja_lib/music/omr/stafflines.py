"""Where five lines run, in a working picture (see :mod:`.straightening`). Lesson: 10_reading_sheet_music.

A comb of five teeth is laid on the row sums of narrow slabs. Where it fits best a staff is begun, and followed slab by slab
to both sides, so that lines may lean and bend as they do in a photograph.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import make_smoothing_spline

from .straightening import HOP, SPACE, slabs, thin

SIZES = np.geomspace(0.8, 1.25, 10) * SPACE     # staff spaces that are tried, for perspective makes far staffs smaller
TEETH = np.arange(-2, 3)                # the five lines, in spaces from the middle one
SEED, GOOD = 0.45, 0.25                 # fit of a comb at which a staff may begin, and may go on
MOST_MISSES = 10                        # slabs without a fit that are passed over (beams hide lines)
SHORTEST, LONG = 8, 14                  # spaces that each staff is long, and one of a page, at least


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

    Parameters
    ----------
    ink : np.ndarray, uint8, shape (height, width)
        See `straightening.prepare`.

    Returns
    -------
    list of Track
    """
    lines = thin(ink)
    sums = slabs(lines)
    wide = cv2.dilate(sums, np.ones((3, 1), np.uint8))      # a tooth may be off by a pixel
    rows, places = np.mgrid[:sums.shape[0], :sums.shape[1]:3]
    fits = np.stack([_fit(wide, places, rows, np.full(rows.shape, size)) for size in SIZES])
    best, which = fits.max(axis=0), fits.argmax(axis=0)
    tracks = []
    while best.max() > SEED:
        middle, column = np.unravel_index(int(best.argmax()), best.shape)
        at, middles, sizes = _follow(wide, places[middle, column], float(middle), SIZES[which[middle, column]])
        span = (places[0] >= at[0]) & (places[0] <= at[-1])
        off = np.abs(rows - np.interp(places[0], at, middles))
        best[span & (off < 4.4 * np.interp(places[0], at, sizes))] = -1
        track = _track(ink, lines, sums, at, middles, sizes)
        if track and np.abs(track.centre[at * HOP] - middles).min() > 0.5 * SPACE:       # set right by a line: followed anew
            slab = at[len(at) // 2]
            again = _track(ink, lines, sums, *_follow(wide, slab, track.centre[slab * HOP], track.space[slab * HOP]))
            track = max(filter(None, (track, again)), key=lambda one: one.right - one.left)
        tracks = _with(track, tracks) if track else tracks
    usual = np.median([track.presence[1:-1].mean() for track in tracks]) if tracks else 0
    tracks = [track for track in tracks if track.right - track.left >= 2 * LONG * SPACE or track.presence[1:-1].mean() > 0.85 * usual]
    # What is short is believed only beside a longer one: five systems seen from far are five lines, too.
    return tracks if any(track.right - track.left >= LONG * SPACE for track in tracks) else []


def _track(ink, lines, sums, at, middles, sizes):
    """The Track of what was followed, or None."""
    if len(at) < SHORTEST:
        return None
    return _with_ends(ink, lines, *_smooth(sums, lines.shape[1], at, middles, sizes), at[0] * HOP, (at[-1] + 1) * HOP)


def _with(track, tracks):
    """The tracks with one more; of two that meet, the longer stays."""
    twins = [one for one in tracks if np.abs(track.centre - one.centre)[track.left:track.right].min() <= 4 * SPACE]
    if any(one.right - one.left >= track.right - track.left for one in twins):
        return tracks
    return [one for one in tracks if not any(one is twin for twin in twins)] + [track]


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
            if fits[best] > GOOD:
                trail.append((here, middles[best], sizes[best]))
                found.append(trail[-1])
                misses = 0
            else:
                misses += 1
            here += direction
    at, middles, sizes = np.array(sorted(found)).T
    return at.astype(int), middles, sizes


def _smooth(sums, width, at, middles, sizes):
    """Curves through the points that were followed: middle line and staff space at every column."""
    centre, space, weights = _exact(sums, at, middles, sizes)
    for limit in (1.5, 0.6, 0.3):                   # again and again, so that what lies off is left out
        curves = [make_smoothing_spline(at, values, weights, lam=lam) for values, lam in ((centre, 200), (space, 2e4))]
        weights = np.where(np.abs(centre - curves[0](at)) > limit, 1e-3, weights)
    beyond = (np.arange(width) - HOP // 2) / HOP
    inside = np.clip(beyond, at[0], at[-1])
    # Beyond the ends a straight line: a spline would swing out.
    return curves[0](inside) + curves[0].derivative()(inside) * (beyond - inside), curves[1](inside)


def _exact(sums, at, middles, sizes):
    """Middles and spaces of slabs to a fraction of a pixel: a straight fit to the places of five lines; and its weights."""
    rows = np.rint(middles[:, None] + TEETH * sizes[:, None]).astype(int)[..., None] + np.arange(-3, 4)
    rows = np.clip(rows, 0, len(sums) - 1)                                      # (slabs, 5 lines, 7 rows around each)
    dark = sums[rows, at[:, None, None]]
    dark = (dark - dark.min(axis=2, keepdims=True)) ** 2 + 1e-9
    places, weight = (dark * rows).sum(axis=2) / dark.sum(axis=2), dark.max(axis=2)
    trusted = weight
    for _ in range(2):                              # the second time, less where a line lies off the others
        total = trusted.sum(axis=1)
        tooth, place = (trusted * TEETH).sum(axis=1) / total, (trusted * places).sum(axis=1) / total
        across = TEETH - tooth[:, None]
        space = (trusted * across * places).sum(axis=1) / (trusted * across ** 2).sum(axis=1)
        centre = place - space * tooth
        trusted = weight / (1 + (4 * (places - centre[:, None] - TEETH * space[:, None])) ** 2)
    return centre, space, np.maximum(weight.mean(axis=1), 1e-3)


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
    near = [ink[np.clip(rows[2:-2:2] + shift, 0, len(ink) - 1), columns] for shift in (-1, 0, 1)]
    solid = np.max(near, axis=0).min(axis=0) > 90
    solid |= there[2:-2:2].sum(axis=0) >= 3
    while right < len(columns) - 1 and solid[right]:        # bar lines at the end, and the bits of lines between them
        right += 1
    while left > 0 and solid[left - 1]:
        left -= 1
    share = there[:, left:right].mean(axis=1)
    for outer, missing, step in ((0, -3, -1), (-1, 2, 1)):
        if share[outer] > 0.5 and share[missing] < share[outer] - 0.3:        # one line too low, or too high
            return _with_ends(ink, lines, centre + step * space, space, left, right)
    if share[2:-2:2].min() < 0.35 or share[3:-3:2].mean() > 0.5 * share[2:-2:2].mean():
        return None
    # A sixth line would begin where the others do; the bracket of an ending does not.
    share[[0, -1]] = np.minimum(share, there[:, left:left + 4 * SPACE].mean(axis=1))[[0, -1]]
    if share[[0, -1]].max() > 0.5 and share[2:-2:2].mean() < 0.8:       # rows of text
        return None
    return Track(left, right, centre.astype(np.float32), space.astype(np.float32), share[::2])
