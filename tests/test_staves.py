"""Staffs found and straightened on clean pages, scans and photographs; what cannot be read is refused in one sentence.

Each page is engraved here, and its lines' true places are known; worn pages come with the function that moved them.
"""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from noteninja_lib.errors import UserError
from noteninja_lib.music.omr.engraver import engrave, rasterise
from noteninja_lib.music.omr.staves import find_staves

ROWS = np.array([32, 40, 48, 56, 64])
TUNE = ["note:1:8", "note:3:8", "note:5:4", "note:7:16", "note:9:16", "note:11:16", "note:12:16", "note:-5:4", "bar"]


def lines(count=6, bars=4):
    """Words of some systems: beams, ledger lines, and a last system that is shorter."""
    return [["clef:treble", "sharp1", "sharp2", *(["time:4/4"] if system == 0 else []),
             *TUNE * (bars if system < count - 1 else 2)][:-1] + ["final-bar"] for system in range(count)]


@pytest.fixture(scope="module")
def page():
    """A clean page on A4 paper with a space of 18 pixels."""
    picture = rasterise(engrave(lines(), width=2100))
    sheet = np.full((3000, 2400), 255, np.uint8)
    sheet[200:200 + picture.shape[0], 150:150 + picture.shape[1]] = picture
    return sheet


def true_lines(page):
    """Of a clean page: for each staff the heights of its five lines, and where they begin and end, shape (staffs, 7)."""
    dark = page < 128
    long = np.flatnonzero(dark.sum(axis=1) > 0.3 * page.shape[1])
    groups = np.split(long, np.flatnonzero(np.diff(long) > 2) + 1)
    middles = np.array([group.mean() for group in groups]).reshape(-1, 5)
    ends = [np.flatnonzero(dark[round(five[0])])[[0, -1]] for five in middles]
    return np.hstack([middles, ends])


def errors(staves, truth, move=lambda x, y: (x, y)):
    """How far strips' lines lie from the true ones, in strip pixels: shape (staffs, 5, columns); and from their ends."""
    assert len(staves) == len(truth)
    off, ends = [], []
    for staff, (*heights, left, right) in zip(staves, truth):
        pixel = staff.space / 8
        found = [staff.to_page(np.arange(staff.width), row) for row in ROWS]
        places = [move(np.linspace(left, right, 60), height) for height in heights]
        off.append([np.abs(np.interp(x, *line) - y) / pixel for line, (x, y) in zip(found, places)])
        for x, column in ((left, 8), (right, staff.width - 8)):
            ends.append(np.hypot(*np.subtract(staff.to_page(column, 48), move(x, heights[2]))) / pixel)
    return np.array(off), np.array(ends)


def turned(page, degrees):
    """A page turned about its middle, and where its places went."""
    height, width = page.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return (cv2.warpAffine(page, matrix, (width, height), borderValue=255, flags=cv2.INTER_AREA),
            lambda x, y: (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2], matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]))


def photographed(page, seed=0):
    """A photograph of a page on a table: perspective, curl, shadow, noise; and where its places went."""
    draw = np.random.default_rng(seed)
    height, width = page.shape
    size = (1800, 2300)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = np.array([[0.08, 0.06], [0.92, 0.06], [0.96, 0.95], [0.04, 0.95]]) * size + draw.uniform(-40, 40, (4, 2))
    matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    bow = draw.uniform(-30, 30, 2)                  # pixels by which the paper bends up across and along

    def move(x, y):
        part = x / width
        bent = y + bow[0] * np.sin(np.pi * part) + bow[1] * np.sin(2 * np.pi * part) / 2
        below = matrix[2, 0] * x + matrix[2, 1] * bent + matrix[2, 2]
        return ((matrix[0, 0] * x + matrix[0, 1] * bent + matrix[0, 2]) / below,
                (matrix[1, 0] * x + matrix[1, 1] * bent + matrix[1, 2]) / below)

    across, down = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    back = np.linalg.inv(matrix).astype(np.float32)
    flat = np.stack([across, down, np.ones_like(across)], axis=-1) @ back.T
    x, bent = flat[..., 0] / flat[..., 2], flat[..., 1] / flat[..., 2]
    part = x / width
    y = bent - bow[0] * np.sin(np.pi * part) - bow[1] * np.sin(2 * np.pi * part) / 2
    paper = cv2.remap(page, x.astype(np.float32), y.astype(np.float32), cv2.INTER_AREA, borderValue=0)
    outside = (x < 0) | (x > width) | (y < 0) | (y > height)
    table = 70 + 15 * np.sin(across / 37 + np.sin(down / 90))
    light = 0.45 + 0.5 * (across / size[0] * draw.uniform(0, 1) + down / size[1] * draw.uniform(0, 1)) / 1.5
    picture = np.where(outside, table, 30 + 0.87 * paper) * light
    picture = cv2.GaussianBlur(picture, (0, 0), 0.9) + draw.normal(0, 4, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), move


def test_a_clean_page(page):
    staves, truth = find_staves(page), true_lines(page)
    off, ends = errors(staves, truth)
    assert len(staves) == 6
    assert off.max() < 0.5 and ends.max() < 3
    for staff, (*_, left, right) in zip(staves, truth):
        assert staff.strip.dtype == np.uint8 and staff.strip.shape == (96, staff.width)
        assert staff.width == pytest.approx((right - left) / staff.space * 8 + 16, abs=4)
        assert staff.space == pytest.approx(18, abs=0.3) and 0.8 < staff.confidence <= 1
        profile = staff.strip[:, 8:-8].mean(axis=1)     # the lines are the darkest rows
        assert set(np.argsort(profile)[:5]) == set(ROWS)


@pytest.mark.parametrize("degrees", [-3, -1.3, 0.7, 3, 6])
def test_a_page_that_leans(page, degrees):
    leaning, move = turned(page, degrees)
    off, ends = errors(find_staves(leaning), true_lines(page), move)
    assert off.max() < 0.7 and ends.max() < 4


@pytest.mark.parametrize("seed", range(3))
def test_a_photograph(page, seed):
    picture, move = photographed(page, seed)
    off, ends = errors(find_staves(picture), true_lines(page), move)
    assert off.max() < 1 and ends.max() < 6
