"""Wear and tear of printed lines for training: bad scans, copies of copies, photographs. Lesson: 10_reading_sheet_music."""
import cv2
import numpy as np

from .strips import HEIGHT, SPACE


def wear(strip, draw, amount=1.0, other=None):
    """A strip as a bad print, scan or photograph would show it.

    Parameters
    ----------
    strip : numpy.ndarray, uint8, shape (96, width)
    draw : numpy.random.Generator
    amount : float
        0: as it is, 1: as bad as it gets. Three strips in ten stay nearly clean.
    other : numpy.ndarray, optional
        Another strip, to shine through from the back of the paper.

    Returns
    -------
    numpy.ndarray, uint8, shape (96, another width)
    """
    if draw.random() < 0.3:
        amount *= 0.2
    picture = bend(strip, draw, amount)
    if draw.random() < 0.5 * amount:
        picture = thicken(picture, draw)
    if other is not None and draw.random() < 0.15 * amount:
        picture = shine_through(picture, other, draw)
    picture = picture.astype(np.float32)
    if draw.random() < 0.35 * amount:
        picture = fade(picture, draw)
    if draw.random() < 0.6 * amount:
        picture = cv2.GaussianBlur(picture, (0, 0), draw.uniform(0.3, 1.1), sigmaY=draw.uniform(0.3, 1.1))
    if draw.random() < 0.4 * amount:
        picture += draw.uniform(2, 28) * draw.standard_normal(picture.shape, np.float32)
    if draw.random() < 0.3 * amount:
        picture = threshold(picture, draw)
    if draw.random() < 0.2 * amount:
        speckle(picture, draw)
    if draw.random() < 0.5 * amount:                       # ink that is not black, paper that is not white, light that is uneven
        light = np.interp(np.arange(picture.shape[1]), np.linspace(0, picture.shape[1], 5), draw.uniform(0.75, 1, 5))
        picture = (picture * draw.uniform(0.6, 1) + draw.uniform(0, 70)) * light
        low, high = np.percentile(picture, (1, 90))
        picture = (picture - low) * 255 / max(high - low, 1) if draw.random() < 0.8 else picture
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    if draw.random() < 0.25 * amount:
        packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(draw.integers(25, 85))])[1]
        picture = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    return picture


def bend(strip, draw, amount):
    """Stretched, shifted, tilted and wavy, as far as staff finding leaves such faults; and smeared by too few pixels."""
    height, width = strip.shape
    wide = round(width * draw.uniform(1 - 0.1 * amount, 1 + 0.12 * amount))
    tall = draw.uniform(1 - 0.04 * amount, 1 + 0.04 * amount)
    x = np.linspace(0, width - 1, wide, dtype=np.float32)
    wave = np.interp(x, np.linspace(0, width, 6), draw.normal(0, 0.7 * amount, 6))
    drop = draw.normal(0, 0.8 * amount) + wave
    middle = SPACE * 6
    rows = (np.arange(height, dtype=np.float32)[:, None] - middle) / tall + middle + drop[None].astype(np.float32)
    columns = np.broadcast_to(x, rows.shape) + draw.normal(0, 0.02 * amount) * (rows - middle)          # slanted stems
    columns = columns + draw.uniform(-6, 6) * amount
    bent = cv2.remap(strip, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR, borderValue=255)
    if draw.random() < 0.4 * amount:
        factor = draw.uniform(0.55, 0.95)
        bent = cv2.resize(cv2.resize(bent, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), (wide, height), interpolation=cv2.INTER_LINEAR)
    return bent


def thicken(picture, draw):
    """Ink that has run, or that the paper did not take."""
    large = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    change = cv2.erode if draw.random() < 0.6 else cv2.dilate                # erode: the dark grows
    shape = np.ones([(1, 2), (2, 1), (2, 2), (3, 3)][draw.integers(3 if change is cv2.dilate else 4)], np.uint8)
    return cv2.resize(change(large, shape), (picture.shape[1], HEIGHT), interpolation=cv2.INTER_AREA)


def threshold(picture, draw):
    """Black and white only, decided on a finer grid, as a scanner does."""
    large = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    large += draw.uniform(0, 20) * draw.standard_normal(large.shape, np.float32)
    sharp = np.where(large > draw.uniform(110, 205), np.float32(255), np.float32(0))
    return cv2.resize(sharp, (picture.shape[1], HEIGHT), interpolation=cv2.INTER_AREA)


def fade(picture, draw):
    """Ink that has gone pale here and there."""
    cells = draw.uniform(0, 1, (3, max(2, picture.shape[1] // 60))).astype(np.float32)
    pale = draw.uniform(0.2, 0.75) * cv2.resize(cells, (picture.shape[1], HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return picture + (255 - picture) * pale


def shine_through(picture, other, draw):
    """The back of the sheet, mirrored and pale."""
    back = cv2.resize(np.fliplr(other), (picture.shape[1], HEIGHT)).astype(np.float32)
    back = np.roll(back, int(draw.integers(-40, 41)), 0)
    return (picture - draw.uniform(0.08, 0.35) * (255 - back)).clip(0, 255)


def speckle(picture, draw):
    """Dust and holes."""
    for _ in range(draw.integers(1, 25)):
        x, y = draw.integers(picture.shape[1]), draw.integers(HEIGHT)
        size = draw.integers(1, 4)
        picture[y:y + size, x:x + draw.integers(1, 4)] = draw.choice((0, 80, 255))
