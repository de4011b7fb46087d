"""Pages from engravers that the reader never learned from. Command: `noteninja sheets make`.

The frozen set in tests/sheets was never used to choose anything. Lesson: 10_reading_sheet_music.
"""

import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates, maximum_filter1d, minimum_filter1d
from tqdm import tqdm
from typer import Argument, Option

from benchmarks.sheet_music import lilypond, musescore
from benchmarks.sheet_music.notation import Element, elements
from benchmarks.sheet_music.printed_tunes import Layout, print_everything, print_plain
from noteninja_lib import data_folder
from noteninja_lib.errors import UserError
from noteninja_lib.music.tunes import load_tunes

TEMPI = ("Allegro", "Andante", "Moderato", "Lively", "Adagio", "Vivace", "Jig", "Reel", "Not too fast")
SYLLABLES = "la the sum mer is gone and fair ly blown a way my love to see green hills of old so ear ly morn"
CLEFS, CLEF_SHARES = ("treble", "bass", "alto", "tenor"), (0.4, 0.25, 0.2, 0.15)
#: Kind of distractor -> how often it stands at a note, at most, and what it can be.
MARKS = {
    "finger": (0.2, [f"finger:{finger}" for finger in range(1, 6)]),
    "dynamic": (0.04, [f"dynamic:{name}" for name in ("p", "mf", "f", "pp", "mp", "ff")]),
    "articulation": (0.15, ["staccato", "staccato", "accent", "tenuto"]),
    "ornament": (0.04, ["trill", "mordent", "turn", "fermata"]),
    "chord": (0.12, [f"chord:{root}{more}" for root in "CDEFGAB" for more in ("", "m", "7")]),
    "text": (0.02, [f"text:{words}" for words in ("dolce", "rit.", "cresc.", "a tempo", "Fine", "espr.")]),
    "hairpin": (0.04, ["cresc", "dim"]),
}
MARGIN = 8  # mm that are free on the right at least
FONTS = ("Emmentaler", "Bravura", "Gonville")
#: Kind of page -> what it is called, and its share in a set.
KINDS = {"lilypond": ("LilyPond, clean", 14)}
KINDS |= {"musescore": ("MuseScore, with all that stands around notes", 10)}
KINDS |= {"scan": ("simulated scan", 8), "photograph": ("simulated photograph", 8)}
TRUTH = "truth.json"
RESOLUTIONS = (130, 150, 170, 200)  # dots an inch
#: A degraded picture, where given places lie in it, and what was done.
Degraded = tuple[np.ndarray, np.ndarray, dict]


@dataclass
class Page:
    """A page of a set and its truth."""

    picture: Path
    kind: str  # one of KINDS
    everything: bool  # whether its tunes were varied
    tunes: list[str]
    lines: list[list[str]]  # tokens of each staff, from top to bottom
    staves: np.ndarray  # (staves, points, 2): x and y along each middle line, from left to right, in pixels
    spaces: np.ndarray  # staff space of each staff, in pixels


def find_drawn_staves(picture: np.ndarray, points: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Middle lines (staves, points, 2) and staff spaces of a fresh page: five long black rows each."""
    dark = minimum_filter1d(picture, 3, 0) < 215  # a thin line may lie half in one row and half in the next
    runs = np.array([_longest_run(row) for row in dark])
    lengths = np.diff(runs)[:, 0]
    least = np.maximum(0.1 * picture.shape[1], 0.8 * maximum_filter1d(lengths, 61))
    rows = np.flatnonzero(lengths > least)
    lines, found, spaces = [], [], []
    for group in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        left, right = runs[group[len(group) // 2]]
        ink = np.median(255.0 - picture[group, left:right], 1)
        lines.append((np.average(group, weights=ink + 1e-3), left, right))
    while len(lines) >= 5:
        heights = np.array([height for height, _, _ in lines[:5]])
        gaps, (_, left, right) = np.diff(heights), lines[2]
        fits = np.ptp(gaps) < 0.25 * gaps.mean() and gaps.mean() < 25
        if fits:
            found.append(np.stack([np.linspace(left, right, points), np.full(points, heights.mean())], 1))
            spaces.append(gaps.mean())
        lines = lines[5 if fits else 1 :]  # not a staff's: a bracket over an ending, or another long line
    return np.array(found), np.array(spaces)


def _longest_run(row):
    """(beginning, end) of the longest run of True."""
    edges = np.flatnonzero(np.diff(row, prepend=False, append=False)).reshape(-1, 2)
    return edges[np.argmax(np.diff(edges))] if len(edges) else (0, 0)


def distract(lines: list[list[Element]], rng: np.random.Generator, strength: float) -> None:
    """Put slurs, fingerings, words and more around notes, in place; `strength` goes from 0 to 1."""
    kinds = {kind: share * strength for kind, (share, _) in MARKS.items() if rng.random() < 0.6}
    lyrics = rng.random() < 0.3 * bool(strength)
    for line in lines:  # a slur that goes on in the next line would look like a tie
        notes, slur, hairpin = [element for element in line if element.kind == "note"], 0, 0
        for number, element in enumerate(notes):
            if lyrics:
                element.marks.append(f"lyric:{rng.choice(SYLLABLES.split())}")
            if number >= slur and rng.random() < 0.15 * strength:
                slur = min(number + int(rng.integers(2, 5)), len(notes))
                last = notes[slur - 1]
                if (element.letter, element.octave) != (last.letter, last.octave):
                    element.marks.append("slur-start")
                    last.marks.append("slur-end")
            if hairpin and (number == hairpin or number == len(notes) - 1):
                element.marks.append("hairpin-end")
                hairpin = 0
            for kind, share in kinds.items():
                if rng.random() < share and (kind != "hairpin" or not hairpin and number < len(notes) - 2):
                    hairpin = number + 3 if kind == "hairpin" else hairpin
                    element.marks.append(str(rng.choice(MARKS[kind][1])))


def _choose_pieces(tunes, rng, layout, everything, second):
    """(tune, tempo, tokens) of one or two pieces for a page; what can't be printed is passed over."""
    pieces, count, tries = [], 0, 2 * second
    while not pieces or count < 6 and tries:  # only so many are tried for the second place on the page
        tune, tries = next(tunes), tries - bool(pieces)
        try:
            lines = (print_everything if everything else print_plain)(tune, rng, layout)
        except ValueError:
            continue
        if len(lines) >= 3 and count + len(lines) <= 8:
            pieces.append((tune, str(rng.choice(TEMPI)) if rng.random() < 0.5 else "", lines))
            count, tries = count + len(lines), 2 * (len(pieces) == 1 and tries > 0)
    return pieces


def _engrave_page(engraver, rng, tunes, everything, dpi):
    """Picture, names, lines, staves and spaces of a fresh page; None if a line was too full for it."""
    by_lilypond = engraver == "lilypond"
    naturals, courtesy = by_lilypond and rng.random() < 0.7, rng.random() < 0.6
    clef = str(rng.choice(CLEFS, p=CLEF_SHARES if everything else (0.85, 0.15, 0, 0)))
    width, a_line = int(rng.integers(160, 215)), int(rng.integers(3, 6))
    layout = Layout(clef, a_line, width // (4 if by_lilypond else 5), naturals, courtesy)
    pieces = _choose_pieces(tunes, rng, layout, everything, second=by_lilypond and rng.random() < 0.6)
    drawn = [(tune.title.replace('"', "'"), tempo, elements(lines)) for tune, tempo, lines in pieces]
    for _, _, lines in drawn:
        distract(lines, rng, float(rng.uniform(0.3, 1)) if everything or not by_lilypond else 0.0)
    look = {"bar_numbers": bool(rng.random() < 0.6), "width": width}
    if by_lilypond:
        look["staff"] = int(rng.integers(15, 20))
        picture = lilypond.engrave(lilypond.page_source(drawn, look), dpi)
    else:
        look |= {"font": str(rng.choice(FONTS)), "staff": float(rng.uniform(5.5, 7))}
        look |= {"height": 400, "courtesy": courtesy}
        picture = musescore.engrave(musescore.page_source(*drawn[0]), look, dpi)
        picture = picture[: np.flatnonzero((picture < 128).any(1))[-1] + round(14 / 25.4 * dpi)]
    staves, spaces = find_drawn_staves(picture)
    lines = [line for _, _, some in pieces for line in some]
    if len(lines) != len(staves) or staves[..., 0].max() > picture.shape[1] - MARGIN / 25.4 * dpi:
        return None
    return picture, [tune.name for tune, _, _ in pieces], lines, staves, spaces


# A page is bent and tilted by a map from each new pixel back to the page; the same map, forwards, tells
# where its staves lie afterwards.


def scan(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator, *, two_tone: bool) -> Degraded:
    """A page, uint8 (height, width), as a scanner sees it, and where `points` (..., 2), x and y, lie then."""
    degrees, (height, width) = rng.uniform(-2, 2), picture.shape
    turn = _rotation(np.radians(degrees), (width / 2, height / 2))
    seen = map_coordinates(picture.astype(float), _back(turn, picture.shape), order=1, cval=255.0)
    blur, noise = rng.uniform(0.4, 0.9), rng.uniform(4, 12)
    black, white = rng.uniform(10, 70), rng.uniform(225, 250)
    tone = _clouds(rng, picture.shape, 120, 120)
    seen = black + gaussian_filter(seen, blur) / 255 * (white - black) + 6 * tone
    # Neighbours are not independent.
    seen += gaussian_filter(rng.normal(0, 1, picture.shape), 0.6) * 1.9 * noise
    seen -= 400 * gaussian_filter((rng.random(picture.shape) < 2e-5).astype(float), 0.7)  # dust
    threshold = None
    if two_tone:
        threshold = round(black + rng.uniform(0.6, 0.78) * (white - black), 1)
        seen = np.where(seen < threshold, 0, 255)
    done = dict(skew=round(degrees, 2), blur=round(blur, 2), noise=round(noise, 1), threshold=threshold)
    return np.clip(seen, 0, 255).astype(np.uint8), _move(turn, points), done


def photograph(picture: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> Degraded:
    """A page as a telephone sees it, in perspective, curled, in uneven light; see `scan`."""
    height, width = picture.shape
    scale, margin = rng.uniform(0.95, 1.15), rng.uniform(0.03, 0.08)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    moved = corners * scale + margin * scale * width + rng.uniform(-0.022, 0.022, (4, 2)) * width * scale
    tilt = _homography(corners, _move(_rotation(np.radians(rng.uniform(-2, 2)), moved.mean(0)), moved))
    bend, phase = rng.uniform(-0.012, 0.012) * width, rng.uniform(-0.4, 0.4)

    def curl(x):
        return bend * (np.cos(np.pi * (x / width - 0.5 + phase)) - 1)

    shape = tuple(int(size * scale + 2 * margin * scale * width) for size in (height, width))
    row, column = _back(tilt, shape)
    row = row - curl(column)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    on_page = gaussian_filter(inside.astype(float), 0.8)
    black, white = rng.uniform(20, 60), rng.uniform(200, 240)
    table = rng.uniform(40, 110) + 14 * _clouds(rng, shape, 3, 60)
    page = map_coordinates(picture.astype(float), [row, column], order=1, cval=255.0)
    page = black + page / 255 * (white - black)
    light, shadow = _light(rng, shape)
    blur, noise = rng.uniform(0.5, 1.1), rng.uniform(2, 6)
    seen = (on_page * page + (1 - on_page) * table) * light
    seen = gaussian_filter(seen, blur) + rng.normal(0, noise, shape)
    quality, file = int(rng.integers(55, 86)), io.BytesIO()
    Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    moved = points + np.stack([np.zeros(points.shape[:-1]), curl(points[..., 0])], -1)
    done = dict(blur=round(blur, 2), noise=round(noise, 1), curl=round(bend, 1), shadow=round(shadow, 2))
    return np.asarray(Image.open(file)), _move(tilt, moved), done | {"jpeg": quality}


def _light(rng, shape):
    """Brightness everywhere, and how dark the shadow of a hand or a head is."""
    y, x = np.mgrid[: shape[0], : shape[1]] / np.reshape(shape, (2, 1, 1))  # from 0 to 1
    slope, angle = rng.uniform(0, 0.3), rng.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    corners = 1 - rng.uniform(0, 0.25) * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    shadow, edge, softness = rng.uniform(0.1, 0.45), rng.uniform(-0.4, 0.4), rng.uniform(0.02, 0.12)
    angle = rng.uniform(0, 2 * np.pi)
    across = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.05 * np.sin(7 * y + 3 * x)
    light = (1 - slope * (along + 0.5)) * corners
    return light * (1 - shadow / (1 + np.exp((across - edge) / softness))), shadow


def _clouds(rng, shape, *sizes):
    """Smooth noise of standard deviation 1; the size of its clouds in pixels for each axis."""
    small = rng.normal(0, 1, tuple(np.ceil(np.array(shape) / sizes).astype(int) + 3))
    at = np.meshgrid(*(np.arange(length) / size + 1 for length, size in zip(shape, sizes)), indexing="ij")
    return map_coordinates(small, at, order=2, mode="nearest")


def _rotation(angle, centre):
    """Matrix (3, 3) of a rotation around a place."""
    (x, y), cosine, sine = centre, np.cos(angle), np.sin(angle)
    top = [cosine, -sine, x - cosine * x + sine * y]
    return np.array([top, [sine, cosine, y - sine * x - cosine * y], [0, 0, 1]])


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


def _back(matrix, shape):
    """Row and column in the page from which each pixel of a new picture is fetched."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    return np.moveaxis(_move(np.linalg.inv(matrix), np.stack([x, y], -1)), -1, 0)[::-1]


def frozen_folder() -> Path:
    """Where the frozen set lies."""
    return data_folder().parent / "tests" / "sheets"


def load_sheets(folder: str | Path | None = None) -> list[Page]:
    """Pages of a set with their truth; the frozen one's by default."""
    folder = Path(folder or frozen_folder())
    if not (folder / TRUTH).is_file():
        raise UserError(f"There is no {TRUTH} in {folder}: make a set with `noteninja sheets make FOLDER`.")
    sheets = []
    for page in json.loads((folder / TRUTH).read_text(encoding="utf-8"))["pages"]:
        known = [page[key] for key in ("kind", "everything", "tunes")]
        lines = [line.split() for line in page["lines"]]
        sheets.append(Page(folder / page["file"], *known, lines, np.array(page["staves"]), page["spaces"]))
    return sheets


def make_sheets(
    folder: Annotated[Path, Argument(help="Folder to make.")],
    pages: Annotated[int, Option(min=4, help="Pages in all.")] = 40,
    seed: int = 1,
) -> None:
    """Engrave more pages of test tunes, with their truth; needs `lilypond` and `mscore3` on the PATH."""
    for program, name in (("lilypond", "LilyPond"), ("mscore3", "MuseScore 3")):
        if shutil.which(program) is None:
            why = f"put `{program}` on the PATH to make new pages; the frozen ones need nothing."
            raise UserError(f"{name} is not installed: {why}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tunes, families, records = load_tunes("test"), {}, []
    for number in np.random.default_rng(seed).permutation(len(tunes)):  # one of each family
        families.setdefault(tunes[number].family, tunes[number])
    tunes = iter(families.values())
    for number, kind in enumerate(tqdm(kinds_of(pages), unit=" pages", dynamic_ncols=True)):
        records.append(_make_sheet(folder, number, kind, np.random.default_rng((seed, number)), tunes))
        text = ",\n".join(json.dumps(record) for record in records)
        (folder / TRUTH).write_text(f'{{"seed": {seed}, "pages": [\n{text}\n]}}\n', encoding="utf-8")


def kinds_of(pages: int) -> list[str]:
    """The kind of each of so many pages, in the shares of `KINDS`."""
    shares = np.array([share for _, share in KINDS.values()], float)
    ends = np.round(np.cumsum(shares) / shares.sum() * pages).astype(int)
    return np.repeat(list(KINDS), np.diff(ends, prepend=0)).tolist()


def _make_sheet(folder, number, kind, rng, tunes):
    """Make one page, write its picture, and give its record for the truth."""
    engraver = kind if kind in ("lilypond", "musescore") else ("lilypond", "musescore")[number // 2 % 2]
    everything, two_tone = number % 2 == 1, kind == "scan" and number // 4 % 2 == 0
    dpi = 200 if two_tone else int(rng.choice(RESOLUTIONS[:2] if kind == "photograph" else RESOLUTIONS))
    page = None
    while page is None:
        page = _engrave_page(engraver, rng, tunes, everything, dpi)
    fresh, names, lines, staves, spaces = page
    if kind == "scan":
        picture, staves, done = scan(fresh, staves, rng, two_tone=two_tone)
    elif kind == "photograph":
        picture, staves, done = photograph(fresh, staves, rng)
    else:
        picture, done = fresh // 17 * 17, {}  # 16 levels of grey are enough
    grey = kind == "photograph" or kind == "scan" and not two_tone
    name = f"{kind}_{number:02}.{'jpg' if grey else 'png'}"
    image = Image.fromarray(picture).convert("1") if two_tone else Image.fromarray(picture)
    image.save(folder / name, **({"quality": done.get("jpeg", 75)} if grey else {"optimize": True}))
    record = {"file": name, "kind": kind, "engraver": engraver, "everything": everything, "tunes": names}
    record |= {"done": done, "spaces": np.round(spaces, 2).tolist()}
    record["staves"], record["lines"] = np.round(staves[:, ::2], 1).tolist(), list(map(" ".join, lines))
    return record
