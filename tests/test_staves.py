"""Staffs found and straightened on clean pages, scans and photographs; what cannot be read is refused in one
sentence.

Each page is engraved here, and its lines' true places are known; worn pages come with the function that
moved them.
"""

import cv2
import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from noteninja_lib.errors import UserError
from noteninja_lib.omr.rendering import engrave, rasterise
from noteninja_lib.omr.staff_detection import read_layout

ROWS = np.array([32, 40, 48, 56, 64])
TUNE = [
    "note:1:8",
    "note:3:8",
    "note:5:4",
    "note:7:16",
    "note:9:16",
    "note:11:16",
    "note:12:16",
    "note:-5:4",
    "bar",
]


def find_staves(page):
    return read_layout(page).staves


def lines(count=6, bars=4):
    """Words of some systems: beams, ledger lines, and a last system that is shorter."""
    return [
        [
            "clef:treble",
            "sharp1",
            "sharp2",
            *(["time:4/4"] if system == 0 else []),
            *TUNE * (bars if system < count - 1 else 2),
        ][:-1]
        + ["final-bar"]
        for system in range(count)
    ]


@pytest.fixture(scope="module")
def page():
    """A clean page with a space of 12.6 pixels and wide margins."""
    picture = rasterise(engrave(lines(), width=2100), zoom=0.7)
    sheet = np.full((1400, 1700), 255, np.uint8)
    sheet[120 : 120 + picture.shape[0], 110 : 110 + picture.shape[1]] = picture
    return sheet


def true_lines(page):
    """Of a clean page: for each staff the heights of its five lines, and where they begin and end, shape
    (staffs, 7)."""
    dark = page < 225
    long = np.flatnonzero(dark.sum(axis=1) > 0.3 * page.shape[1])
    groups = np.split(long, np.flatnonzero(np.diff(long) > 2) + 1)
    middles = np.array(
        [np.average(group, weights=255.0 - page[group].mean(axis=1)) for group in groups]
    ).reshape(-1, 5)
    ends = [np.flatnonzero(dark[round(five[0])])[[0, -1]] for five in middles]
    return np.hstack([middles, ends])


def errors(staves, truth, move=lambda x, y: (x, y)):
    """How far strips' lines lie from the true ones, in strip pixels: shape (staffs, 5, columns); and from
    their ends."""
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
    return (
        cv2.warpAffine(page, matrix, (width, height), borderValue=255, flags=cv2.INTER_AREA),
        lambda x, y: (
            matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2],
            matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2],
        ),
    )


def photographed(page, seed=0):
    """A photograph of a page on a table: perspective, curl, shadow, noise; and where its places went."""
    draw = np.random.default_rng(seed)
    height, width = page.shape
    size = (1700, 1500)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = np.array([[0.08, 0.06], [0.92, 0.06], [0.96, 0.95], [0.04, 0.95]]) * size + draw.uniform(
        -40, 40, (4, 2)
    )
    matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    bow = draw.uniform(-20, 20, 2)  # pixels by which the paper bends up across and along

    def move(x, y):
        part = x / width
        bent = y + bow[0] * np.sin(np.pi * part) + bow[1] * np.sin(2 * np.pi * part) / 2
        below = matrix[2, 0] * x + matrix[2, 1] * bent + matrix[2, 2]
        return (
            (matrix[0, 0] * x + matrix[0, 1] * bent + matrix[0, 2]) / below,
            (matrix[1, 0] * x + matrix[1, 1] * bent + matrix[1, 2]) / below,
        )

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
        assert staff.image.dtype == np.uint8 and staff.image.shape == (96, staff.width)
        assert staff.width == pytest.approx((right - left) / staff.space * 8 + 16, abs=4)
        assert staff.space == pytest.approx(12.6, abs=0.3) and 0.8 < staff.confidence <= 1
        profile = staff.image[:, 8:-8].mean(axis=1)  # the lines are the darkest rows
        assert set(np.argsort(profile)[:5]) == set(ROWS)


@pytest.mark.parametrize("degrees", [-3, 1.3, 6])
def test_a_page_that_leans(page, degrees):
    leaning, move = turned(page, degrees)
    off, ends = errors(find_staves(leaning), true_lines(page), move)
    assert off.max() < 0.7 and ends.max() < 4


@pytest.mark.parametrize("seed", range(2))
def test_a_photograph(page, seed):
    picture, move = photographed(page, seed)
    off, ends = errors(find_staves(picture), true_lines(page), move)
    assert off.max() < 1 and ends.max() < 6


@pytest.mark.parametrize(
    "zoom, threshold", [(1.0, 200), (0.5, None)], ids=["in black and white", "small and grey"]
)
def test_a_scan(page, zoom, threshold):
    leaning, move = turned(page, 1.7)
    scan = cv2.resize(leaning, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    scan = cv2.GaussianBlur(scan, (0, 0), 0.7) + np.random.default_rng(0).normal(0, 8, scan.shape)
    scan = np.where(scan < threshold, 0, 255) if threshold else np.clip(scan, 0, 255)
    off, ends = errors(
        find_staves(scan.astype(np.uint8)),
        true_lines(page),
        lambda x, y: [zoom * place - (1 - zoom) / 2 for place in move(x, y)],
    )
    assert off.max() < 1 and ends.max() < 6


def test_a_page_cut_out_tightly_is_not_cut_off(page):
    ink = np.argwhere(page < 128)
    (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0)
    assert len(find_staves(page[top : bottom + 1, left : right + 1])) == 6


def test_white_on_black(page):
    assert len(find_staves(255 - page)) == 6


def text():
    image = Image.new("L", (1200, 1600), 255)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Serif"), 24)
    for row in range(40):
        words = "A page of text and nothing but text, row by row, no music here "[row % 9 :]
        ImageDraw.Draw(image).text((90, 90 + 34 * row), words, font=font, fill=0)
    return np.array(image)


def cat(seed):
    """A soft texture of many sizes, like a photograph of fur."""
    draw = np.random.default_rng(seed)
    layers = [
        cv2.resize(draw.normal(size=(size, size)), (900, 700), interpolation=cv2.INTER_CUBIC)
        for size in (4, 16, 64, 256)
    ]
    return np.clip(128 + 40 * sum(layer / 1.5**level for level, layer in enumerate(layers)), 0, 255).astype(
        np.uint8
    )


def test_two_pages_side_by_side_are_read_one_after_the_other():
    pages = np.concatenate(
        [ruled(4, 5), np.full((1000, 60), 255, np.uint8), ruled(4, 5, system=True)], axis=1
    )
    places = [staff.to_page(30, 48) for staff in read_layout(pages, strict=False).staves]
    assert [x > 1400 for x, _ in places] == [False] * 4 + [True] * 4
    np.testing.assert_allclose([y for _, y in places], [*(128 + 160 * np.arange(4))] * 2, atol=1.5)
    tops = read_layout(pages[:, 1400:], top=True).staves
    assert len(tops) == 2 and all(staff.above[-30:].min() < 128 for staff in tops)


def ruled(count, group, system=False):
    """Lines in groups, a system's line at their left if asked for."""
    sheet = np.full((1000, 1400), 255, np.uint8)
    for block in range(count):
        for line in range(group):
            cv2.line(sheet, (100, 100 + 160 * block + 14 * line), (1300, 100 + 160 * block + 14 * line), 0, 2)
    if system:
        for block in range(0, count, 2):
            cv2.line(sheet, (100, 100 + 160 * block), (100, 100 + 160 * (block + 1) + 56), 0, 3)
    return sheet


def test_lines_under_beams_and_staffs_that_hardly_show_are_found():
    """As beams hide most of a line, and as a shaken photograph loses lines of one staff alone."""
    sheet = ruled(5, 5)
    for left in range(150, 1250, 120):
        cv2.rectangle(sheet, (left, 254), (left + 85, 266), 0, -1)  # on the top line of the second staff
    faint = sheet[400:500].astype(float)
    sheet[400:500] = np.clip(255 - 0.35 * (255 - cv2.GaussianBlur(faint, (0, 0), 2)), 0, 255)
    layout = read_layout(sheet)
    assert len(layout.staves) == 5 and not layout.told
    heights = [float(staff.to_page(600, 48)[1]) for staff in layout.staves]
    np.testing.assert_allclose(heights, 128 + 160 * np.arange(5), atol=1.5)


REFUSED = {
    "blank": (lambda page: np.full((900, 700), 255, np.uint8), "blank"),
    "blank and grey": (lambda page: np.tile(np.linspace(90, 220, 700).astype(np.uint8), (900, 1)), "blank"),
    "black": (lambda page: np.zeros((900, 700), np.uint8), "No staff"),
    "text": (lambda page: text(), "No staff"),
    "a cat": (lambda page: cat(0), "No staff"),
    "another cat": (lambda page: cat(1), "No staff"),
    "tablature": (lambda page: ruled(4, 6), "fives"),
    "piano": (lambda page: ruled(4, 5, system=True), "joined to a system"),
    "too small": (
        lambda page: cv2.resize(page, None, fx=0.33, fy=0.33, interpolation=cv2.INTER_AREA),
        "300 dpi",
    ),
    "cut on the left": (lambda page: page[:, round(true_lines(page)[0, 5]) + 60 :], "left edge"),
    "cut on the right": (lambda page: page[:, :1300], "right edge"),
    "cut above": (lambda page: page[round(true_lines(page)[0, 1]) - 4 :], "upper edge"),
    "cut below": (lambda page: page[: round(true_lines(page)[4, 2]) + 4], "lower edge"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused(page, name):
    make, words = REFUSED[name]
    with pytest.raises(UserError, match=words) as caught:
        find_staves(make(page))
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize("degrees", [-25, 20])
def test_a_page_that_leans_far_is_turned(page, degrees):
    found = read_layout(turned(page, degrees)[0])
    rows = [
        float(staff.to_page(20, 48)[1] - staff.to_page(staff.width - 20, 48)[1]) for staff in found.staves
    ]
    assert len(rows) == 6 and np.abs(rows).max() < 0.15 * page.shape[1]  # now by no more than 8 degrees


@pytest.mark.parametrize("turns", [1, 3])
def test_a_page_on_its_side_is_turned(page, turns):
    found = read_layout(np.ascontiguousarray(np.rot90(page, turns)))
    assert len(found.staves) == 6 and found.page.shape == page.shape


def test_tablature_below_a_staff_is_left_out_and_told():
    sheet = ruled(4, 5)
    sheet[210:340] = sheet[530:660] = 255  # every other staff
    plain = sheet.copy()
    for line in range(6):
        for top in (220, 540):
            cv2.line(sheet, (100, top + 21 * line), (1300, top + 21 * line), 0, 2)
    found = read_layout(sheet)
    assert len(found.staves) == 2 and found.told == ["Lines below the staffs (tablature?) were left out."]
    assert not read_layout(plain).told


def test_of_systems_the_uppermost_staffs():
    sheet = ruled(4, 5, system=True)
    found = read_layout(sheet, top=True)
    assert [round(float(staff.to_page(99, 48)[1])) for staff in found.staves] == [128, 448]
    assert found.told == ["Of 2 systems with 4 staffs the uppermost staffs were read."]
    single = read_layout(ruled(2, 5), top=True)
    assert len(single.staves) == 2 and not single.told


def test_what_stands_above_and_below_a_staff(page):
    sheet = page.copy()
    lines = true_lines(page)
    top, bottom = (round(lines[0, 2] + share * (lines[1, 2] - lines[0, 2])) for share in (0.28, 0.32))
    cv2.rectangle(sheet, (300, top), (330, bottom), 0, -1)  # much nearer to the upper staff
    upper, lower = find_staves(sheet)[:2]
    plain_upper, plain_lower = find_staves(page)[:2]
    assert (upper.below.astype(int) - plain_upper.below).min() < -150
    assert np.abs(lower.above.astype(int) - plain_lower.above).max() < 30
