"""Pictures of sheet music in: a scan, a photograph or a PDF becomes grey pages, made ready for reading.

Inside the library a page is always a two-dimensional uint8 array: 255 white, 0 black. A file that cannot be
used is turned away with one sentence, and however large a picture is, memory stays within bounds. What comes
out in the end is a working picture, in which a staff space is `SPACE` pixels and staves run from left to
right. Lesson: 10_reading_sheet_music.
"""

import functools
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from noteninja_lib.errors import UserError

MOST_PAGES = 20
PDF_DPI = 300  # gives a staff of usual size spaces of some 20 pixels
PAGE_PIXELS = 12_000_000  # a page has no more: A4 at 300 dpi has 8.7 million, a telephone's photograph 12
LARGEST = 160_000_000  # bytes that a picture may take while it is decoded
LARGEST_PROGRESSIVE = 40_000_000  # pixels: a progressive jpg has to be decoded whole before it can be reduced
HEIC = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc")


def open_pictures(path: str | Path) -> list[np.ndarray]:
    """Read the pages of a picture file or a PDF.

    What Pillow reads is read: png, jpg, tiff (all pages), webp, bmp, gif and more. Photographs are turned as
    the camera says, transparency becomes white paper, pages with more than `PAGE_PIXELS` are reduced.

    Returns
    -------
    list of np.ndarray, uint8, shape (height, width)
        At least one page; 255 is white.

    Raises
    ------
    UserError
        No such file, a folder, an empty file, not a picture, a damaged one, too many pages, or too large to
        be decoded.
    """
    path = Path(path)
    name, damaged = path.name, f"{path.name} is damaged and cannot be read: save or scan it again."
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a picture in it.")
    if not path.is_file():
        raise UserError(f"There is no file {path}: check the name.")
    with open(path, "rb") as file:
        start = file.read(1024)
    if not start:
        raise UserError(f"{name} is empty: save or copy the picture again.")
    if b"%PDF-" in start:
        return _open_pdf(path)
    if start[4:12] in HEIC:
        raise UserError(f"{name} is a HEIC photograph, which cannot be read here: save it as jpg or png.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # _load has its own limit
        try:
            with Image.open(path) as image:  # the other pictures of an MPO are previews
                count = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
                _check_count(name, count)
                return [_load(name, image, number) for number in range(count)]
        except Image.DecompressionBombError:
            raise UserError(f"{name} has too many pixels: scan it again with 300 dpi.") from None
        except UnidentifiedImageError:
            unknown = f"{name} is not a picture that can be read: use a png, jpg or pdf file."
            raise UserError(unknown) from None
        except UserError:
            raise
        except (OSError, SyntaxError, ValueError, EOFError):
            raise UserError(damaged) from None


def _check_count(name, count):
    if count > MOST_PAGES:
        many = f"{name} has {count} pages, and at most {MOST_PAGES} are read at once"
        raise UserError(f"{many}: save the ones you need in a file of their own.")
    if count < 1:
        raise UserError(f"{name} holds no page: save it again.")


def _load(name, image, number):
    """One page of an opened picture."""
    if number:
        image.seek(number)
    width, height = image.size
    progressive = image.format == "JPEG" and image.info.get("progressive")
    factor = np.sqrt(PAGE_PIXELS / (width * height))
    if image.format == "JPEG" and factor < 1 and not progressive:
        # The decoder itself can halve a jpg, again and again, so that the large picture never exists.
        image.draft("L" if image.mode == "L" else "RGB", (round(width * factor), round(height * factor)))
    transparent = "A" in image.getbands() or "transparency" in image.info
    deep = image.mode.startswith(("I", "F"))
    bytes_a_pixel = 12 if deep else 1 if image.mode in ("1", "L", "P") and not transparent else 4
    too_large = progressive and width * height > LARGEST_PROGRESSIVE
    if too_large or image.width * image.height * bytes_a_pixel > LARGEST:
        many = f"{name} has {width * height / 1e6:.0f} megapixels, which is too many"
        raise UserError(f"{many}: scan it in grey with 300 dpi, or make the picture smaller.")
    factor = int(np.ceil(np.sqrt(image.width * image.height / PAGE_PIXELS)))
    grey = _grey(image, transparent, deep)
    if factor > 1:
        grey = grey.reduce(factor)
    grey.getexif()[0x0112] = image.getexif().get(0x0112, 1)  # how the camera was held
    return np.array(ImageOps.exif_transpose(grey))


def _grey(image, transparent, deep):
    """A picture in 256 greys, on white where it is transparent."""
    if transparent:
        image = image if "A" in image.getbands() else image.convert("RGBA")
        return Image.composite(image.convert("L"), Image.new("L", image.size, 255), image.getchannel("A"))
    if deep:  # 16 or 32 bits: by its own range
        values = np.asarray(image, dtype=np.float32)
        low, high = float(values.min()), max(float(values.max()), float(values.min()) + 1)
        return Image.fromarray(((values - low) * (255 / (high - low))).astype(np.uint8))
    if image.mode in ("RGB", "YCbCr"):  # a wooden table is as bright as paper, but not in every colour
        darkest = functools.reduce(ImageChops.darker, image.convert("RGB").split())
        return Image.blend(image.convert("L"), darkest, 0.5)
    return image.convert("L")


def _open_pdf(path):
    import pypdfium2

    damaged = f"{path.name} is damaged and cannot be read: save it again."
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        locked = f"{path.name} asks for a password: save it without one."
        raise UserError(locked if "password" in str(error).lower() else damaged) from None
    try:
        _check_count(path.name, len(document))
        pages = []
        for number in range(len(document)):
            page = document[number]
            width, height = page.get_size()  # points, of which an inch has 72
            scale = min(PDF_DPI / 72, np.sqrt(PAGE_PIXELS / max(width * height, 1)))
            pages.append(np.array(page.render(scale=scale, grayscale=True).to_pil().convert("L")))
            page.close()
        return pages
    except pypdfium2.PdfiumError:
        raise UserError(damaged) from None
    finally:
        document.close()


# ---- a page made ready: light evened out, the staff space measured, scaled and turned upright -------------

SPACE = 10  # pixels of a staff space in the working picture
MARGIN = 6 * SPACE  # of white around it
SLAB, HOP = 3 * SPACE + 1, SPACE  # width of a slab for row sums, and the step from one to the next
EDGE = 1.25  # how many times brighter paper is than a table two pixels off
LEAST, MOST_PIXELS = 3.5, 30_000_000  # a staff space that is looked for, and the size of a working picture
LEANS = np.arange(-0.14, 0.1401, 0.004)  # slopes of the page that are tried: 8 degrees to both sides


def find_paper(bright: np.ndarray, window: int) -> np.ndarray:
    """Where the paper lies: uint8, 1 inside. Light changes slowly along the paper and at once at its edge.

    Parameters
    ----------
    bright : np.ndarray, uint8, shape (height, width)
        The picture without ink, which a dilation by `window` pixels has covered.
    """
    light = np.log(np.maximum(bright, 8).astype(np.float32))
    down, right = np.zeros_like(light), np.zeros_like(light)
    down[2:], right[:, 2:] = np.abs(light[2:] - light[:-2]), np.abs(light[:, 2:] - light[:, :-2])
    calm = np.maximum(down, right) < np.log(EDGE)
    _, parts = cv2.connectedComponents(calm.astype(np.uint8), connectivity=4)
    weight = np.bincount(parts.ravel(), bright.ravel())
    weight[0] = 0
    if weight.max() <= 0.3 * bright.sum(dtype=float):  # no sheet on a table
        return np.ones(bright.shape, np.uint8)
    inside = (parts == np.argmax(weight)).astype(np.uint8)
    paper = cv2.fillConvexPoly(np.zeros_like(inside), cv2.convexHull(cv2.findNonZero(inside)), 1)
    paper = np.pad(paper, window, mode="edge")  # it goes on beyond the picture's edge
    return cv2.erode(paper, np.ones((window, window), np.uint8))[window:-window, window:-window]


def level(page: np.ndarray) -> np.ndarray:
    """Even out light: paper becomes white in shadow and sun (uint8, the page's shape)."""
    height, width = page.shape
    small = cv2.resize(page, (max(width // 4, 1), max(height // 4, 1)), interpolation=cv2.INTER_AREA)
    window = max(11, max(height, width) // 160) | 1
    bright = cv2.dilate(small, np.ones((window, window), np.uint8))
    paper = cv2.resize(find_paper(bright, window), (width, height), interpolation=cv2.INTER_NEAREST)
    white = cv2.resize(cv2.blur(bright, (window, window)), (width, height), interpolation=cv2.INTER_LINEAR)
    even = cv2.divide(page, np.maximum(white, 1), scale=255)
    even[paper == 0] = 255  # a table's grain looks like lines
    counts = np.bincount(even.ravel(), minlength=256)
    usual = 128 + int(np.argmax(counts[128:]))  # noise leaves the paper darker than its brightest places
    return cv2.convertScaleAbs(even, alpha=255 / usual)


def angles(even: np.ndarray) -> list[float]:
    """By how many degrees a page may have to be turned, likeliest first: as its straight lines lean."""
    scale = min(1, 800 / max(even.shape))
    small = cv2.resize(even, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    ink = (small < np.percentile(small, 50) - 40).astype(np.uint8)
    lines = cv2.HoughLinesP(ink, 1, np.pi / 360, 80, minLineLength=max(small.shape) // 8, maxLineGap=4)
    if lines is None:
        return [90]
    x1, y1, x2, y2 = lines.reshape(-1, 4).T.astype(float)
    leans = np.degrees(np.arctan2(y2 - y1, x2 - x1))
    counts, edges = np.histogram(leans % 180, bins=90, range=(0, 180), weights=np.hypot(x2 - x1, y2 - y1))
    best = [edges[place] + 1 for place in np.argsort(-counts)[:3] if counts[place]]
    return [lean - 180 if lean > 120 else lean for lean in best]


def turn(page: np.ndarray, angle: float) -> np.ndarray:
    """A page turned back by so many degrees, on white, with nothing cut off."""
    if abs(angle - 90) < 2:
        return np.ascontiguousarray(np.rot90(page))
    height, width = page.shape
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    size = [round(width * abs(cosine) + height * abs(sine)), round(width * abs(sine) + height * abs(cosine))]
    move = np.array([[cosine, sine, 0], [-sine, cosine, 0]])
    move[:, 2] = np.array(size) / 2 - move[:, :2] @ [width / 2, height / 2]
    white = int(np.percentile(page, 90))
    return cv2.warpAffine(page, move, size, flags=cv2.INTER_AREA, borderValue=white)


def staff_spaces(even: np.ndarray) -> list[float]:
    """Staff spaces that a levelled page may have, in pixels, likeliest first.

    From line to line it is one black run and one white run down a column, always of the same sum. They are
    counted twice: in the smoothed page, where noise breaks no run, and as it is, for lines that are thin and
    grey.
    """
    smooth = cv2.GaussianBlur(even, (3, 3), 0)
    usual, _ = cv2.threshold(smooth, 0, 255, cv2.THRESH_OTSU)
    found = []
    for picture, threshold in ((smooth, min(usual, 220)), (even, 215)):
        for size in _commonest_steps(picture[:, :: max(even.shape[1] // 400, 1)].T < threshold):
            if all(abs(size - other) > 0.12 * other for other in found):
                found.append(size)
    return [size for size in found if size >= LEAST and even.size * (SPACE / size) ** 2 < MOST_PIXELS]


def _commonest_steps(columns: np.ndarray) -> Iterator[float]:
    """The commonest distances from one black run to the next, in a bool picture on its side; up to three."""
    edges = np.diff(np.pad(columns, ((0, 0), (1, 1))).astype(np.int8).ravel())
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    black, step = (ends - begins)[:-1], np.diff(begins)
    step = step[(black < 0.5 * step) & (step < columns.shape[1] / 4)]
    counts = np.bincount(step, minlength=8).astype(float)
    counts[:3] = 0
    total, sizes = np.concatenate([[0], np.cumsum(counts)]), np.arange(len(counts))
    low = np.ceil(0.92 * sizes - 0.5).astype(int)
    high = np.minimum(1.08 * sizes + 0.5, len(counts) - 1).astype(int)
    votes = total[high + 1] - total[low]
    while votes.max() > 0:
        best = int(np.argmax(votes))
        inside = np.arange(low[best], high[best] + 1)
        yield float(np.average(inside, weights=counts[inside]))
        votes[np.abs(sizes - best) <= 0.25 * best] = 0
        votes[votes < 0.2 * votes.max()] = 0


def prepare(even: np.ndarray, space: float) -> tuple[np.ndarray, np.ndarray]:
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
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = 255 - cv2.resize(even, (width, height), interpolation=way)
    lean = _lean(slabs(thin(small)))
    cosine, sine = 1 / np.hypot(1, lean), lean / np.hypot(1, lean)
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
    corners = corners @ np.array([[cosine, -sine], [sine, cosine]])
    low = corners.min(axis=0) - MARGIN
    turn = np.array([[cosine, sine, -low[0]], [-sine, cosine, -low[1]]])
    size = np.ceil(corners.max(axis=0) + MARGIN - low).astype(int)
    ink = cv2.warpAffine(small, turn, (int(size[0]), int(size[1])), flags=cv2.INTER_LINEAR)
    across, down = width / even.shape[1], height / even.shape[0]  # places are middles of pixels
    resize = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])
    return ink, turn @ resize


def thin(ink: np.ndarray) -> np.ndarray:
    """Only what is lower than half a space: staff lines without notes, stems and beams."""
    return cv2.morphologyEx(ink, cv2.MORPH_TOPHAT, np.ones((SPACE // 2, 1), np.uint8))


def slabs(lines: np.ndarray) -> np.ndarray:
    """Row sums of slabs: shape (height, slabs), 0..1; 1 is as dark as the darkest lines near by."""
    sums = cv2.blur(lines, (SLAB, 1))[:, HOP // 2 :: HOP].astype(np.float32)
    near = cv2.dilate(cv2.blur(sums, (7, 1)), np.ones((6 * SPACE + 1, 15), np.uint8))
    return np.minimum(sums / np.maximum(near, max(0.35 * float(np.percentile(sums, 99.7)), 12.0)), 1)


def _lean(sums):
    """The slope at which the row sums are sharpest."""
    rows, columns = len(sums), np.concatenate([sums[:, ::2]] * 2).T.copy()
    across = (np.arange(len(columns)) - len(columns) / 2) * 2 * HOP
    sharpness = []
    for lean in LEANS:
        shifts = np.rint(lean * across).astype(int) % rows
        profile = sum(column[shift : shift + rows] for column, shift in zip(columns, shifts))
        sharpness.append(float((profile**2).sum()))
    return float(LEANS[int(np.argmax(sharpness))])
