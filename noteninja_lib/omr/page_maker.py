"""Engraved lines cut into staff images, with their tokens: what the reader learns from.

Beside each line stand the images of what is above and below it, with tokens of their own. Training degrades
all of them as bad scans, copies of copies and photographs do. Lesson: 10_reading_sheet_music.
"""

import os
import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np

from noteninja_lib.cluster import ADDRESS, executor
from noteninja_lib.errors import UserError, make_folder, whole
from noteninja_lib.music.tunes import Tune, load_tunes
from noteninja_lib.omr.composer import compose
from noteninja_lib.omr.decoration import TEXTS, decorate
from noteninja_lib.omr.rendering import FONTS, STAFF_SPACE, MeiWriter, rasterise, render
from noteninja_lib.omr.staff_detection import ABOVE, BELOW
from noteninja_lib.omr.vocabulary import MARKS, SIGNS, encode

SPACE, HEIGHT, TOP_LINE = 8, 96, 32  # of a staff image: staff space and height in pixels, row of the top line
#: Verovio's options: (low, high) of a number, range of a whole one, list of choices, or the share of True.
LOOK = {
    "spacingLinear": (0.15, 0.4),
    "spacingNonLinear": (0.45, 0.75),
    "spacingSystem": range(4, 20),
    "staffLineWidth": (0.1, 0.24),
    "stemWidth": (0.12, 0.32),
    "barLineWidth": (0.15, 0.5),
    "thickBarlineThickness": (0.7, 1.4),
    "beamMaxSlope": range(0, 20),
    "ledgerLineThickness": (0.15, 0.35),
    "ledgerLineExtension": (0.3, 0.7),
    "slurMidpointThickness": (0.3, 0.8),
    "tieMidpointThickness": (0.25, 0.7),
    "graceFactor": (0.6, 0.8),
    "lyricSize": (3.0, 5.5),
    "tupletNumHead": 0.3,
    "mnumInterval": [0, 0, 1, 5],
    "minLastJustification": (0.2, 0.9),
    "repeatEndingLineThickness": (0.1, 0.3),
    "repeatBarLineDotSeparation": (0.3, 0.5),
    "measureMinWidth": range(1, 16),
    "harmDist": (0.5, 4.0),
}
PART = 1200  # lines in a file of a data set


def look(rng: np.random.Generator) -> dict:
    """Verovio's options of a page, by chance: font, spacing, thickness of all that is drawn."""

    def by_chance(spec):
        if isinstance(spec, range):
            return int(rng.integers(spec.start, spec.stop))
        if isinstance(spec, list):
            return int(rng.choice(spec))
        return bool(rng.random() < spec) if isinstance(spec, float) else rng.uniform(*spec)

    width, plain = int(rng.uniform(850, 2350)), rng.random() < 0.15
    font = str(rng.choice(FONTS, p=(0.22, 0.24, 0.14, 0.28, 0.12)))
    options = {"font": font, "width": width, "pageMarginTop": 150, "pageMarginBottom": 150}
    if plain:
        return options
    return options | {"beamMixedPreserve": False} | {name: by_chance(spec) for name, spec in LOOK.items()}


def _vary_endings(svg, rng):
    """Numbers of endings in another size and type, with or without a dot; verovio knows but one way."""
    size, up, dot = round(rng.uniform(190, 430)), round(rng.uniform(0, 110)), "." * int(rng.integers(2))
    family, weight = rng.choice(TEXTS), rng.choice(("bold", "normal"))
    style = f'font-family="{family}" font-weight="{weight}" font-size="{size}px"'
    return re.sub(
        r'(class="voltaBracket">\s*<text x="\d+" y=")(-?\d+)(".*?)<tspan font-size="405px">(\d)<',
        lambda match: f"{match[1]}{int(match[2]) - up}{match[3]}<tspan {style}>{match[4]}{dot}<",
        svg,
        flags=re.DOTALL,
    )


def _vary_text(svg, rng):
    """Flats and sharps of chord symbols that the text font has, and symbols that begin above their note."""
    for code, sign in (("\uea64", "♭"), ("\uea66", "♯")):
        svg = re.sub(
            rf'<tspan font-family="\w+" font-size="(\d+)px">{code}<',
            lambda match, sign=sign: (
                f'<tspan font-family="DejaVu Sans" font-size="{int(match[1]) * 5 // 9}px">{sign}<'
            ),
            svg,
        )
    if rng.random() < 0.5:
        svg = re.sub(r'(class="harm">\s*<text [^>]*)text-anchor="middle"', r'\1text-anchor="start"', svg)
    return svg


def _without_hidden_endings(system, tokens):
    """A line's tokens without the endings whose number lies above its staff image; `system` is its SVG."""
    top = int(re.search(r'class="staff">\s*<path d="M-?\d+ (-?\d+)', system)[1])
    top -= 10 * STAFF_SPACE * TOP_LINE // SPACE
    number = r'class="voltaBracket">\s*<text x="\d+" y="(-?\d+)".*?font-size="(\d+)px">\d'
    numbers = re.findall(number, system, flags=re.DOTALL)
    if len(numbers) != sum(token.startswith("ending") for token in tokens):
        return tokens
    seen = iter(int(y) - 0.35 * int(size) > top for y, size in numbers)
    return [token for token in tokens if not token.startswith("ending") or next(seen)]


def find_systems(svg: str) -> list[tuple[float, float, float]]:
    """Where the staves of an SVG lie: (left, right, y of the top line) each, in pixels at zoom 1."""
    margin = re.findall(r'class="page-margin" transform="translate\((\d+), (\d+)\)"', svg)[0]
    right, down = (int(value) for value in margin)
    places = []
    for system in svg.split('class="system"')[1:]:
        staves = re.findall(r'class="staff">\s*<path d="M(-?\d+) (-?\d+) L(-?\d+) -?\d+"', system)
        if staves:  # else it is the end of an ending
            left, end = min(int(x) for x, _, _ in staves), max(int(x) for _, _, x in staves)
            places.append(((left + right) / 10, (end + right) / 10, (int(staves[0][1]) + down) / 10))
    return places


def cut_staff_images(
    picture: np.ndarray, places: list, zoom: float, top_line: int = TOP_LINE
) -> Iterator[np.ndarray]:
    """Staff images of a page, uint8, shape (HEIGHT, width) each, at the places from `find_systems`.

    `top_line` is the row in which the top line comes to lie.
    """
    scale = STAFF_SPACE * zoom / SPACE
    # Against aliasing.
    smooth = cv2.GaussianBlur(picture, (0, 0), 0.45 * scale) if scale > 1.1 else picture
    for left, right, top in places:
        width = round((right - left) * zoom / (STAFF_SPACE * zoom) * SPACE) + 2 * SPACE
        x = left * zoom - STAFF_SPACE * zoom + (scale - 1) / 2
        move = np.array([[scale, 0, x], [0, scale, top * zoom - top_line * scale]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        yield cv2.warpAffine(smooth, move, (width, HEIGHT), flags=flags, borderValue=255)


def make_staff_images(rng: np.random.Generator, tunes: list[Tune]) -> list[tuple]:
    """Staff images of one page and their tokens, from tunes or from chance, by chance adorned.

    Returns
    -------
    list of (np.ndarray, list of str, dict)
        A staff image, its tokens, and the images above and below it with theirs, by "above" and "below".
    """
    options = look(rng)
    tune = tunes[rng.integers(len(tunes))] if rng.random() < 0.45 else None
    lines = compose(rng, tune, 6, (options["width"] - 120) / STAFF_SPACE)
    if not lines:
        return []
    heads = str(rng.choice(("x", "diamond", ""))) if rng.random() < 0.02 else None
    if heads is not None:
        clef = next(token for token in lines[0] if token.startswith("clef:"))
        lines = [["clef:percussion" if token == clef else token for token in line] for line in lines]
    voices = rng.random() < 0.5
    writer = MeiWriter(lines, wide=rng.random() < 0.5, voices=voices, heads=heads or "")
    if rng.random() < 0.7:
        decorate(writer, rng)
    svg = _vary_text(_vary_endings(render(writer.text(), **options)[0], rng), rng)
    zoom = rng.uniform(0.45, 0.75)
    picture = rasterise(svg, zoom, str(rng.choice(TEXTS)))
    places = find_systems(svg)
    if len(places) != len(lines):  # a system too full was broken once more
        return []
    systems = [system for system in svg.split('class="system"')[1:] if 'class="staff"' in system]
    made, clefless = [], rng.random() < 0.1
    images = (cut_staff_images(picture, places, zoom, row) for row in (TOP_LINE, ABOVE, BELOW))
    for image, above, below, tokens, system in zip(*images, lines, systems):
        marks = {
            "above": (above, marks_of(system, writer.marks)),
            "below": (below, marks_of(system, writer.marks, True)),
        }
        image = without_empty_end(image) if tokens[-1].startswith(SIGNS) else image
        tokens = _without_hidden_endings(system, tokens)
        made.append((*(without_head(image, tokens, system) if clefless else (image, tokens)), marks))
    return made


def marks_of(system: str, marks: dict[str, list[str]], below: bool = False) -> list[str]:
    """Tokens of the marks that a system's SVG shows above or below its staff, from left to right."""
    top = int(re.search(r'class="staff">\s*<path d="M-?\d+ (-?\d+)', system)[1])
    unit, found = 10 * STAFF_SPACE, []
    rows = (4 * unit, 4 * unit + (HEIGHT - BELOW - 4 * SPACE - 8) * unit // SPACE)
    rows = rows if below else (-(ABOVE - 12) * unit // SPACE, 0)
    for identity, kind, body in re.findall(
        r'<g id="(mark\d+)" class="(\w+)">(.*?)</g>', system, flags=re.DOTALL
    ):
        x, y = (
            int(one) for one in re.search(r'(?:x="|translate\()(-?\d+)(?:" y="|, )(-?\d+)', body).groups()
        )
        if rows[0] <= y - top < rows[1]:
            found.append((x, marks[identity]))
    return [token for _, tokens in sorted(found) for token in tokens]


def without_head(image: np.ndarray, tokens: list[str], system: str) -> tuple[np.ndarray, list[str]]:
    """A line as books print it that have clef and key in a tune's first line alone."""
    head = next((number for number, token in enumerate(tokens) if not token.startswith(SIGNS)), 0)
    if any(token.startswith("time") for token in tokens[:head]):
        return image, tokens
    left = int(re.search(r'class="staff">\s*<path d="M(-?\d+)', system)[1])
    first = system.split('class="layer"')[0]
    signs = [
        int(x) for x in re.findall(r'xlink:href="#E[02][\dA-F]+-\w+" transform="translate\((-?\d+)', first)
    ]
    if not signs:
        return image, tokens
    last = max(signs) + 10 * STAFF_SPACE * (1.2 if len(signs) > 1 else 2.9)
    image = image[:, max(round((last - left) * SPACE / (10 * STAFF_SPACE)), 0) :].copy()
    image[:, :SPACE] = 255
    return image, tokens[head:]


def without_empty_end(staff_image: np.ndarray) -> np.ndarray:
    """A staff image that ends behind its last sign, as lines do that end with a signature."""
    rows = np.arange(TOP_LINE - SPACE, TOP_LINE + 5 * SPACE)
    between = rows[np.isin((rows - TOP_LINE) % SPACE, (3, 4, 5))]
    end = np.flatnonzero(staff_image[between, : -2 * SPACE].min(axis=0) < 200)[-1] + 2 * SPACE
    staff_image = staff_image[:, :end].copy()
    staff_image[:, -SPACE:] = 255
    return staff_image


# ---- a folder of engraved lines: made once, in parts, read by training -------------------------------------


def _png(image):
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].ravel()


def _write_part(job):
    path, seed, number, size, split = job
    cv2.setNumThreads(1)
    rng, tunes = np.random.default_rng((seed, number)), load_tunes(split)
    lines, marks = [], []
    while len(lines) < size:
        for image, tokens, around in make_staff_images(rng, tunes):
            lines.append((_png(image), np.array(encode(tokens), np.int16)))
            marks += [(_png(one), np.array(encode(read, MARKS), np.int16)) for one, read in around.values()]
    arrays = {}
    for name, made in (("", lines), ("mark_", marks)):
        for kind, parts in zip(("picture", "word"), zip(*made)):
            arrays |= {
                f"{name}{kind}s": np.concatenate(parts),
                f"{name}{kind}_lengths": list(map(len, parts)),
            }
    with whole(path) as unfinished, open(unfinished, "wb") as file:
        np.savez(file, **arrays)


def build(
    folder: str | Path, lines: int, seed: int = 0, workers: int = 1, split: str = "train", size: int = PART
) -> Iterator[tuple[int, int]]:
    """Engrave lines into a folder; parts that are there stay, so that a stopped build goes on.

    Parameters
    ----------
    folder : path
    lines : int
        Rounded up to whole parts of `size`.
    seed, workers : int
    split : {"train", "validation"}
        Of the tunes.

    Yields
    ------
    (int, int)
        Parts done, and all; once at the beginning and after each part.
    """
    folder, total = Path(folder), -(-lines // size)
    make_folder(folder)
    jobs = [(folder / f"strips_{number:04d}.npz", seed, number, size, split) for number in range(total)]
    jobs = [job for job in jobs if not job[0].exists()]
    yield total - len(jobs), total
    alone = workers == 1 and not os.environ.get(ADDRESS)
    with nullcontext() if alone else executor(workers, start="spawn") as pool:  # a fork of OpenCV may hang
        done = map(_write_part, jobs) if alone else pool.map(_write_part, jobs)
        for number, _ in enumerate(done, 1):
            yield total - len(jobs) + number, total


class StaffImages:
    """Engraved lines of a folder: `lines[k]` is (staff image uint8 (96, width), class numbers int16).

    Parameters
    ----------
    folder : path
        As `build` makes it.
    marks : bool
        What stands above and below the staves, with its own tokens, in place of the staves.

    Attributes
    ----------
    fonts : list of Path
        Files in the folder's own folder `fonts`, if there are any, with which chord symbols are written.
    """

    def __init__(self, folder: str | Path, marks: bool = False):
        kind = "mark_" if marks else ""
        self.fonts = sorted(Path(folder).glob("fonts/*.[ot]tf"))
        self.pictures, self.tokens = [], []
        for path in sorted(Path(folder).glob("strips_*.npz")):
            with np.load(path) as part:
                if f"{kind}pictures" not in part:
                    raise UserError(f"{folder} was engraved by an older version: engrave another folder.")
                for name, into in (("picture", self.pictures), ("word", self.tokens)):
                    ends = np.cumsum(part[f"{kind}{name}_lengths"])
                    into += np.split(part[f"{kind}{name}s"], ends[:-1])
        if not self.pictures:
            command = f"noteninja dataset engrave {folder}"
            raise UserError(f"{folder} holds no engraved lines: make some with `{command}`.")
        # The width stands in a PNG's first bytes, so that lines of one length can share a batch.
        self.widths = np.array([int.from_bytes(picture[16:20].tobytes(), "big") for picture in self.pictures])

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, number):
        return cv2.imdecode(self.pictures[number], cv2.IMREAD_GRAYSCALE), self.tokens[number]


# ---- bad prints, scans and photographs -------------------------------------------------------------------


def degrade(staff_image: np.ndarray, rng: np.random.Generator, other: np.ndarray | None = None) -> np.ndarray:
    """A staff image as a bad print, scan or photograph would show it; three in ten stay nearly clean.

    Parameters
    ----------
    staff_image : np.ndarray, uint8, shape (96, width)
    rng : np.random.Generator
    other : np.ndarray, optional
        Another staff image, to shine through from the back of the paper.

    Returns
    -------
    np.ndarray, uint8, shape (96, another width)
    """
    strength = 0.2 if rng.random() < 0.3 else 1.0

    def wanted(share):
        return rng.random() < share * strength

    picture = _bend(staff_image, rng, strength)
    height, width = picture.shape
    if wanted(0.5):  # ink that has run (erode: the dark grows), or that the paper did not take
        change = cv2.erode if rng.random() < 0.6 else cv2.dilate
        shapes = [(1, 2), (2, 1), (2, 2), (3, 3)][: 3 if change is cv2.dilate else 4]
        picture = _half(change(_twice(picture), np.ones(shapes[rng.integers(len(shapes))], np.uint8)))
    if other is not None and wanted(0.15):  # the back of the sheet, mirrored and pale
        back = cv2.resize(np.fliplr(other), (width, height)).astype(np.float32)
        back = np.roll(back, int(rng.integers(-40, 41)), 0)
        picture = (picture - rng.uniform(0.08, 0.35) * (255 - back)).clip(0, 255)
    picture = picture.astype(np.float32)
    if wanted(0.35):  # ink that has gone pale here and there
        cells = rng.uniform(0, 1, (3, max(2, width // 60))).astype(np.float32)
        share = rng.uniform(0.2, 0.75)
        cells = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
        picture += (255 - picture) * (share * cells.clip(0, 1))
    if wanted(0.6):
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.1), sigmaY=rng.uniform(0.3, 1.1))
    if wanted(0.4):
        picture += rng.uniform(2, 28) * rng.standard_normal(picture.shape, np.float32)
    if wanted(0.3):  # black and white only, decided on a finer grid, as a scanner does
        large = _twice(picture)
        large += rng.uniform(0, 20) * rng.standard_normal(large.shape, np.float32)
        picture = _half(np.where(large > rng.uniform(110, 205), np.float32(255), np.float32(0)))
    if wanted(0.2):  # dust and holes
        for _ in range(rng.integers(1, 25)):
            x, y, size = rng.integers(width), rng.integers(height), rng.integers(1, 4)
            picture[y : y + size, x : x + rng.integers(1, 4)] = rng.choice((0, 80, 255))
    if wanted(0.5):  # ink that is not black, paper that is not white, light that is uneven
        light = np.interp(np.arange(width), np.linspace(0, width, 5), rng.uniform(0.75, 1, 5))
        picture = (picture * rng.uniform(0.6, 1) + rng.uniform(0, 70)) * light
        low, high = np.percentile(picture, (1, 90))
        picture = (picture - low) * 255 / max(high - low, 1) if rng.random() < 0.8 else picture
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    if wanted(0.25):
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))])[1]
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))
    return picture


def _bend(image, rng, strength):
    """Stretched, shifted, slanted and wavy, as staff finding may leave it; smeared by too few pixels."""
    height, width = image.shape
    wide = round(width * rng.uniform(1 - 0.1 * strength, 1 + 0.12 * strength))
    tall = rng.uniform(1 - 0.04 * strength, 1 + 0.04 * strength)
    x = np.linspace(0, width - 1, wide, dtype=np.float32)
    wave = np.interp(x, np.linspace(0, width, 6), rng.normal(0, 0.7 * strength, 6))
    drop = (rng.normal(0, 0.8 * strength) + wave)[None].astype(np.float32)
    middle = SPACE * 6
    rows = (np.arange(height, dtype=np.float32)[:, None] - middle) / tall + middle + drop
    slant = rng.normal(0, 0.02 * strength) * (rows - middle)  # of stems
    columns = np.broadcast_to(x, rows.shape) + slant + rng.uniform(-6, 6) * strength
    maps = columns.astype(np.float32), rows.astype(np.float32)
    bent = cv2.remap(image, *maps, cv2.INTER_LINEAR, borderValue=255)
    if rng.random() < 0.4 * strength:
        factor = rng.uniform(0.55, 0.95)
        small = cv2.resize(bent, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        bent = cv2.resize(small, (wide, height), interpolation=cv2.INTER_LINEAR)
    return bent


def _twice(picture):
    return cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)


def _half(large):
    return cv2.resize(large, (large.shape[1] // 2, HEIGHT), interpolation=cv2.INTER_AREA)
