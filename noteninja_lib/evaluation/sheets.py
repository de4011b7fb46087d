"""The reader's test set: pages with their truth in a folder. Commands: `noteninja sheets make` and `noteninja sheets measure`.

The frozen set in tests/sheets was made once and never used to choose anything. Lesson: 10_reading_sheet_music.
"""
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from .. import data_folder
from ..errors import UserError
from . import paper
from .engravings import choose_tunes, make_page
from .lilypond import need

#: Kind of page -> what it is called, and its share in a set.
KINDS = {"lilypond": ("LilyPond, clean", 14), "musescore": ("MuseScore, with all that stands around notes", 10),
         "scan": ("simulated scan", 8), "photograph": ("simulated photograph", 8)}
TRUTH = "truth.json"
RESOLUTIONS = (130, 150, 170, 200)                             # dots an inch


@dataclass
class Sheet:
    """A page of a test set: where it lies, and the truth; see `engravings.Page` for `lines`, `staves` and `spaces`."""

    path: Path
    kind: str
    engraver: str
    everything: bool
    tunes: list
    lines: list
    staves: np.ndarray
    spaces: list


def frozen_folder():
    """Where the frozen set lies."""
    return data_folder().parent / "tests" / "sheets"


def load_sheets(folder=None):
    """Pages of a set with their truth; the frozen one's by default.

    Returns
    -------
    list of Sheet
    """
    folder = Path(folder or frozen_folder())
    if not (folder / TRUTH).is_file():
        raise UserError(f"There is no {TRUTH} in {folder}: make a set with `noteninja sheets make FOLDER`.")
    pages = json.loads((folder / TRUTH).read_text(encoding="utf-8"))["pages"]
    return [Sheet(folder / page["file"], page["kind"], page["engraver"], page["everything"], page["tunes"],
                  [line.split() for line in page["lines"]], np.array(page["staves"]), page["spaces"]) for page in pages]


def make_sheets(folder, pages=40, seed=1):
    """Engrave a set with LilyPond and MuseScore, and write it with its truth; half of the pages plain, half with everything.

    Parameters
    ----------
    folder : path
    pages : int
    seed : int
    """
    need("lilypond", "LilyPond")
    need("mscore3", "MuseScore 3")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tunes, records = choose_tunes(np.random.default_rng(seed)), []
    for number, kind in enumerate(tqdm(kinds_of(pages), unit=" pages", dynamic_ncols=True)):
        records.append(make_sheet(folder, number, kind, np.random.default_rng((seed, number)), tunes))
        text = ",\n".join(json.dumps(record) for record in records)
        (folder / TRUTH).write_text(f'{{"seed": {seed}, "pages": [\n{text}\n]}}\n', encoding="utf-8")


def kinds_of(pages):
    """The kind of each of so many pages, in the shares of `KINDS`."""
    shares = np.array([share for _, share in KINDS.values()], float)
    ends = np.round(np.cumsum(shares) / shares.sum() * pages).astype(int)
    return [kind for kind, count in zip(KINDS, np.diff(ends, prepend=0)) for _ in range(count)]


def make_sheet(folder, number, kind, draw, tunes):
    """Make one page, write its picture, and give its record for the truth."""
    engraver = kind if kind in ("lilypond", "musescore") else ("lilypond", "musescore")[number // 2 % 2]
    everything, two_tone = number % 2 == 1, kind == "scan" and number // 4 % 2 == 0
    dpi, page = 200 if two_tone else int(draw.choice(RESOLUTIONS[:2] if kind == "photograph" else RESOLUTIONS)), None
    while page is None:
        page = make_page(engraver, draw, tunes, everything=everything, dpi=dpi)
    picture, staves, done, suffix = page.picture // 17 * 17, page.staves, {}, "png"      # 16 levels of grey are enough
    if kind == "scan":
        picture, staves, done = paper.scan(page.picture, page.staves, draw, two_tone=two_tone)
        suffix = "png" if two_tone else "jpg"
    elif kind == "photograph":
        picture, staves, done = paper.photograph(page.picture, page.staves, draw)
        suffix = "jpg"
    name = f"{kind}_{number:02}.{suffix}"
    image = Image.fromarray(picture).convert("1") if two_tone else Image.fromarray(picture)
    image.save(folder / name, **({"quality": done.get("jpeg", 75)} if suffix == "jpg" else {"optimize": True}))
    return {"file": name, "kind": kind, "engraver": engraver, "everything": everything, "tunes": page.tunes, "done": done,
            "spaces": np.round(page.spaces, 2).tolist(), "staves": np.round(staves[:, ::2], 1).tolist(),
            "lines": [" ".join(line) for line in page.lines]}
