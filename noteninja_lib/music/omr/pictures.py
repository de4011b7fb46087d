"""Pictures of sheet music in: a scan, a photograph or a PDF becomes grey pages. Lesson: 10_reading_sheet_music.

Inside the library a page is always a two-dimensional uint8 array: 255 white, 0 black. This module is the door: a file that
cannot be used is turned away with one sentence, and however large a picture is, memory stays within bounds.
"""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from noteninja_lib.errors import UserError

MOST_PAGES = 20
PDF_DPI = 300                       # gives a staff of usual size spaces of some 20 pixels
PAGE_PIXELS = 12_000_000            # a page has no more: A4 at 300 dpi has 8.7 million, a telephone's photograph 12 million
LARGEST = 160_000_000               # bytes that a picture may take while it is decoded
LARGEST_PROGRESSIVE = 40_000_000    # pixels: a progressive jpg has to be decoded whole before it can be reduced


def open_pictures(path):
    """Read the pages of a picture file or a PDF.

    What Pillow reads is read: png, jpg, tiff (all pages), webp, bmp, gif and more. Photographs are turned as the camera
    says, transparency becomes white paper, pages with more than `PAGE_PIXELS` are reduced.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of np.ndarray, uint8, shape (height, width)
        At least one page; 255 is white.

    Raises
    ------
    UserError
        No such file, a folder, an empty file, not a picture, a damaged one, too many pages, or too large to be decoded.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a picture in it.")
    if not path.is_file():
        raise UserError(f"There is no file {path}: check the name.")
    with open(path, "rb") as file:
        start = file.read(1024)
    if not start:
        raise UserError(f"{path.name} is empty: save or copy the picture again.")
    if b"%PDF-" in start:
        return _open_pdf(path)
    if start[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        raise UserError(f"{path.name} is a HEIC photograph, which cannot be read here: save it as jpg or png.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)     # _load has its own limit
        try:
            with Image.open(path) as image:
                count = getattr(image, "n_frames", 1) if image.format in ("TIFF", "MPO") else 1
                count = 1 if image.format == "MPO" else count               # its other pictures are previews
                _check_count(path, count)
                return [_load(path, image, number) for number in range(count)]
        except Image.DecompressionBombError:
            raise UserError(f"{path.name} has too many pixels: scan it again with 300 dpi.") from None
        except UnidentifiedImageError:
            raise UserError(f"{path.name} is not a picture that can be read: use a png, jpg or pdf file.") from None
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"{path.name} is damaged and cannot be read: save or scan it again.") from None


def _check_count(path, count):
    if count > MOST_PAGES:
        raise UserError(f"{path.name} has {count} pages, and at most {MOST_PAGES} are read at once: "
                        "save the ones you need in a file of their own.")
    if count < 1:
        raise UserError(f"{path.name} holds no page: save it again.")


def _load(path, image, number):
    """One page of an opened picture."""
    if number:
        image.seek(number)
    width, height = image.size
    if image.format == "JPEG":
        # The decoder itself can halve a jpg, again and again, so that the large picture never exists.
        factor = np.sqrt(PAGE_PIXELS / (width * height))
        if factor < 1 and not image.info.get("progressive"):
            image.draft("L", (round(width * factor), round(height * factor)))
        too_large = image.info.get("progressive") and width * height > LARGEST_PROGRESSIVE
    else:
        too_large = False
    transparent = "A" in image.getbands() or "transparency" in image.info
    deep = image.mode.startswith(("I", "F"))
    bytes_a_pixel = 12 if deep else 1 if image.mode in ("1", "L", "P") and not transparent else 4
    if too_large or image.width * image.height * bytes_a_pixel > LARGEST:
        raise UserError(f"{path.name} has {width * height / 1e6:.0f} megapixels, which is too many: "
                        "scan it in grey with 300 dpi, or make the picture smaller.")
    factor = int(np.ceil(np.sqrt(image.width * image.height / PAGE_PIXELS)))
    grey = _grey(image, transparent)
    if factor > 1:
        grey = grey.reduce(factor)
    orientation = image.getexif().get(0x0112, 1)
    if orientation != 1:
        grey.getexif()[0x0112] = orientation
        grey = ImageOps.exif_transpose(grey)
    return np.array(grey)


def _grey(image, transparent):
    """A picture in 256 greys, on white where it is transparent."""
    if transparent:
        image = image if "A" in image.getbands() else image.convert("RGBA")
        return Image.composite(image.convert("L"), Image.new("L", image.size, 255), image.getchannel("A"))
    if image.mode.startswith(("I", "F")):                  # 16 or 32 bits: by its own range
        values = np.asarray(image, dtype=np.float32)
        low, high = float(values.min()), max(float(values.max()), float(values.min()) + 1)
        return Image.fromarray(((values - low) * (255 / (high - low))).astype(np.uint8))
    return image.convert("L")


def _open_pdf(path):
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        reason = ("asks for a password: save it without one" if "password" in str(error).lower()
                  else "is damaged and cannot be read: save it again")
        raise UserError(f"{path.name} {reason}.") from None
    try:
        _check_count(path, len(document))
        pages = []
        for number in range(len(document)):
            page = document[number]
            width, height = page.get_size()                # points, of which an inch has 72
            scale = min(PDF_DPI / 72, np.sqrt(PAGE_PIXELS / max(width * height, 1)))
            pages.append(np.array(page.render(scale=scale, grayscale=True).to_pil().convert("L")))
            page.close()
        return pages
    except pypdfium2.PdfiumError:
        raise UserError(f"{path.name} is damaged and cannot be read: save it again.") from None
    finally:
        document.close()
