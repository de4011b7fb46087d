"""Pictures in: every kind of file becomes grey pages, each bad one gets its sentence, and memory stays
bounded."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from noteninja_lib.errors import UserError
from noteninja_lib.omr.image_io import MOST_PAGES, PAGE_PIXELS, open_pictures


def page(height=90, width=140):
    """A white page with a black corner at the top left, and a grey stripe at the bottom."""
    array = np.full((height, width), 255, np.uint8)
    array[:20, :30] = 0
    array[-10:] = 128
    return array


@pytest.mark.parametrize("extension", ["png", "jpg", "tiff", "bmp", "webp", "gif"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_formats(tmp_path, extension, mode):
    Image.fromarray(page()).convert(mode).save(tmp_path / f"page.{extension}", quality=95)
    (read,) = open_pictures(tmp_path / f"page.{extension}")
    assert read.dtype == np.uint8 and read.shape == (90, 140)
    assert np.abs(read.astype(int) - page()).mean() < 2


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "I;16"])
def test_modes(tmp_path, mode):
    if mode == "I;16":
        Image.fromarray(page().astype(np.uint16) * 257).save(tmp_path / "page.png")
    else:
        Image.fromarray(page()).convert(mode).save(tmp_path / "page.tiff")
    (read,) = open_pictures(next(tmp_path.iterdir()))
    assert read[:18, :28].max() < 5 and read[30:70].min() > 250


def test_what_is_transparent_becomes_white(tmp_path):
    ink = np.zeros((90, 140, 4), np.uint8)  # black throughout, and only the corner can be seen
    ink[:20, :30, 3] = 255
    Image.fromarray(ink).save(tmp_path / "page.png")
    (read,) = open_pictures(tmp_path / "page.png")
    assert (read[:20, :30] == 0).all() and (read[20:] == 255).all()
    Image.fromarray(page()).convert("P").save(tmp_path / "palette.png", transparency=0)
    assert open_pictures(tmp_path / "palette.png")[0].min() > 100


def test_photographs_are_turned_as_the_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # taken upright: to be turned clockwise
    Image.fromarray(page()).save(tmp_path / "photo.jpg", exif=exif)
    (read,) = open_pictures(tmp_path / "photo.jpg")
    assert read.shape == (140, 90)
    assert read[:30, -20:].mean() < 10 and read[:30, :5].mean() > 100


def test_all_pages_of_a_tiff_and_of_a_pdf(tmp_path):
    pages = [Image.fromarray(page(90 + 10 * number)) for number in range(3)]
    for name in ("pages.tiff", "pages.pdf"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:], resolution=300)
    assert [read.shape for read in open_pictures(tmp_path / "pages.tiff")] == [
        (90, 140),
        (100, 140),
        (110, 140),
    ]
    read = open_pictures(tmp_path / "pages.pdf")
    assert [abs(one.shape[0] - expected) <= 1 for one, expected in zip(read, (90, 100, 110))] == [True] * 3
    assert read[0][3:17, 3:27].max() < 40 and read[0][25:70].min() > 230
    blank = Image.new("1", (20, 20))
    for name in ("many.tiff", "many.pdf"):
        blank.save(tmp_path / name, save_all=True, append_images=[blank] * MOST_PAGES)
        with pytest.raises(UserError, match=f"{MOST_PAGES + 1} pages"):
            open_pictures(tmp_path / name)


def test_what_cannot_be_used(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("Not a picture at all, and yet it is named like one.")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing follows")
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (200, 200), dtype=np.uint8)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:9000])
    for name, words in [
        ("absent.png", "no file"),
        (".", "folder"),
        ("empty.png", "empty"),
        ("text.png", "not a picture"),
        ("broken.pdf", "damaged"),
        ("phone.heic", "HEIC"),
        ("cut.png", "damaged"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            open_pictures(tmp_path / name)
        sentence = str(caught.value)
        assert sentence.endswith(".") and "\n" not in sentence and sentence.count(". ") == 0


HUNDRED_MEGAPIXELS = """
import resource, sys
from pathlib import Path
from noteninja_lib.errors import UserError
from noteninja_lib.omr.image_io import open_pictures
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print([page.shape for page in open_pictures(sys.argv[1])])
except UserError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read as Linux reports it")
@pytest.mark.parametrize(
    "name, mode, options, reads",
    [
        ("big.jpg", "RGB", {}, True),
        ("big.png", "L", {}, True),
        ("big.png", "RGB", {}, False),
        ("big.jpg", "L", {"progressive": True}, False),
    ],
)
def test_a_hundred_megapixels_keep_memory_within_bounds(tmp_path, name, mode, options, reads):
    Image.new(mode, (10_000, 10_000), "white").save(tmp_path / name, **options)
    done = subprocess.run(
        [sys.executable, "-c", HUNDRED_MEGAPIXELS, tmp_path / name],
        capture_output=True,
        text=True,
        check=True,
    )
    answer, grown = done.stdout.strip().splitlines()
    assert float(grown) < 300  # megabytes
    if reads:
        ((height, width),) = eval(answer)
        assert height == width and 1e6 < height * width <= PAGE_PIXELS
    else:
        assert "100 megapixels" in answer
