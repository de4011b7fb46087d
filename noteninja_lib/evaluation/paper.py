"""Simulated scans and photographs of a clean page: what the reader is tested with, by other code than what it was trained with.

A page is bent and tilted by a map from each new pixel back to the page; the same map, forwards, tells where its staffs lie
afterwards. Lesson: 10_reading_sheet_music.
"""
import io

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates


def scan(picture, points, draw, *, two_tone, largest_skew=2.0):
    """A page as a flat-bed scanner sees it: a little skewed, blurred and noisy; in grey, or in black and white.

    Parameters
    ----------
    picture : numpy.ndarray
        uint8 (height, width).
    points : numpy.ndarray
        Shape (..., 2): x and y of places on the page.
    draw : numpy.random.Generator
    two_tone : bool
        Whether the scanner gives black and white alone; otherwise grey.
    largest_skew : float
        Degrees.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray, dict)
        The new picture; where the points lie in it; what was done: skew in degrees, blur, noise, and the threshold (None: grey).
    """
    degrees = draw.uniform(-largest_skew, largest_skew)
    height, width = picture.shape
    turn = _rotation(np.radians(degrees), (width / 2, height / 2))
    seen = _look_through(picture, np.linalg.inv(turn), picture.shape, 255.0)
    blur, noise = draw.uniform(0.4, 0.9), draw.uniform(4, 12)
    black, white = draw.uniform(10, 70), draw.uniform(225, 250)
    tone = _clouds(draw, picture.shape, 120)
    seen = black + gaussian_filter(seen, blur) / 255 * (white - black) + 6 * tone
    seen += gaussian_filter(draw.normal(0, 1, picture.shape), 0.6) * 1.9 * noise            # neighbours are not independent
    dust = draw.random(picture.shape) < 2e-5
    seen -= 400 * gaussian_filter(dust.astype(float), 0.7)
    threshold = None
    if two_tone:
        threshold = round(black + draw.uniform(0.6, 0.78) * (white - black), 1)
        seen = np.where(seen < threshold, 0, 255)
    done = {"skew": round(degrees, 2), "blur": round(blur, 2), "noise": round(noise, 1), "threshold": threshold}
    return np.clip(seen, 0, 255).astype(np.uint8), _move(turn, points), done


def photograph(picture, points, draw):
    """A page as a telephone sees it: on a darker table, in perspective, mildly curled, in uneven light, with a shadow.

    Parameters and results are those of `scan`.
    """
    height, width = picture.shape
    scale, margin = draw.uniform(0.95, 1.15), draw.uniform(0.03, 0.08)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    moved = corners * scale + margin * scale * width + draw.uniform(-0.022, 0.022, (4, 2)) * width * scale
    tilt = _homography(corners, _move(_rotation(np.radians(draw.uniform(-2, 2)), moved.mean(0)), moved))
    bend, phase = draw.uniform(-0.012, 0.012) * width, draw.uniform(-0.4, 0.4)

    def curl(x):
        return bend * (np.cos(np.pi * (x / width - 0.5 + phase)) - 1)

    shape = tuple(int(size * scale + 2 * margin * scale * width) for size in (height, width))
    y, x = np.mgrid[:shape[0], :shape[1]].astype(float)
    column, row = np.moveaxis(_move(np.linalg.inv(tilt), np.stack([x, y], -1)), -1, 0)
    row = row - curl(column)
    page = map_coordinates(picture.astype(float), [row, column], order=1, mode="constant", cval=255.0)
    on_page = gaussian_filter(((row >= 0) & (row < height) & (column >= 0) & (column < width)).astype(float), 0.8)
    black, white = draw.uniform(20, 60), draw.uniform(200, 240)
    table = draw.uniform(40, 110) + 14 * _clouds(draw, shape, 3, 60)
    seen = on_page * (black + page / 255 * (white - black)) + (1 - on_page) * table
    light, shadow = _light(draw, x / shape[1], y / shape[0])
    blur, noise = draw.uniform(0.5, 1.1), draw.uniform(2, 6)
    seen = gaussian_filter(seen * light, blur) + draw.normal(0, noise, shape)
    quality = int(draw.integers(55, 86))
    moved = points + np.stack([np.zeros(points.shape[:-1]), curl(points[..., 0])], -1)
    done = {"blur": round(blur, 2), "noise": round(noise, 1), "curl": round(bend, 1), "shadow": round(shadow, 2), "jpeg": quality}
    return through_jpeg(np.clip(seen, 0, 255).astype(np.uint8), quality), _move(tilt, moved), done


def through_jpeg(picture, quality):
    """A picture after it was stored as JPEG."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _light(draw, x, y):
    """Brightness everywhere, of coordinates from 0 to 1, and how dark the shadow of a hand or a head is."""
    slope, angle = draw.uniform(0, 0.3), draw.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    corners = 1 - draw.uniform(0, 0.25) * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    shadow, edge, softness = draw.uniform(0.1, 0.45), draw.uniform(-0.4, 0.4), draw.uniform(0.02, 0.12)
    angle = draw.uniform(0, 2 * np.pi)
    across = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.05 * np.sin(7 * y + 3 * x)
    return (1 - slope * (along + 0.5)) * corners * (1 - shadow / (1 + np.exp((across - edge) / softness))), shadow


def _clouds(draw, shape, *sizes):
    """Smooth noise of standard deviation 1; one size of its clouds in pixels, or one for each axis."""
    sizes = np.array(sizes * 2 if len(sizes) == 1 else sizes)
    small = draw.normal(0, 1, tuple(np.ceil(np.array(shape) / sizes).astype(int) + 3))
    at = np.meshgrid(*(np.arange(length) / size + 1 for length, size in zip(shape, sizes)), indexing="ij")
    return map_coordinates(small, at, order=2, mode="nearest")


def _rotation(angle, centre):
    """Matrix (3, 3) of a rotation around a place."""
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = centre
    return np.array([[cosine, -sine, x - cosine * x + sine * y], [sine, cosine, y - sine * x - cosine * y], [0, 0, 1]])


def _homography(old, new):
    """Matrix (3, 3) of the perspective that takes four places to four others."""
    rows = []
    for (x, y), (u, v) in zip(old, new):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return np.append(np.linalg.solve(np.array(rows), np.ravel(new)), 1).reshape(3, 3)


def _move(matrix, points):
    """Places (..., 2) after a perspective."""
    moved = np.concatenate([points, np.ones((*points.shape[:-1], 1))], -1) @ matrix.T
    return moved[..., :2] / moved[..., 2:]


def _look_through(picture, back, shape, beyond):
    """A picture of another shape, each of whose pixels is fetched from where a matrix says; float."""
    y, x = np.mgrid[:shape[0], :shape[1]].astype(float)
    column, row = np.moveaxis(_move(back, np.stack([x, y], -1)), -1, 0)
    return map_coordinates(picture.astype(float), [row, column], order=1, mode="constant", cval=beyond)
