"""MusicXML -> pages by MuseScore 3.

It decides by itself which accidentals the rule demands, and draws one more wherever the file asks for it;
courtesy signatures are a matter of its style, so that a page has all of them or none. Lesson:
10_reading_sheet_music.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.sheet_music.lilypond import need


def style(look: dict) -> str:
    """What MuseScore's own file says of its style.

    Parameters
    ----------
    look : dict
        `font`; `staff` (its height), `width` and `height` (of the paper), all in mm; `courtesy` and
        `bar_numbers` (bool).
    """
    margin, inch = 12 / 25.4, 25.4  # MuseScore counts paper in inches
    values = {"musicalSymbolFont": look["font"], "Spatium": look["staff"] / 4, "keySigNaturals": 0}
    values |= {"pageWidth": look["width"] / inch, "pageHeight": look["height"] / inch}
    values |= {"pagePrintableWidth": look["width"] / inch - 2 * margin}
    values |= {"showMeasureNumber": int(look["bar_numbers"])}
    edges = [parity + side for parity in ("Even", "Odd") for side in ("Left", "Top", "Bottom")]
    values |= {f"page{edge}Margin": margin for edge in edges}
    values |= {f"genCourtesy{what}": int(look["courtesy"]) for what in ("Timesig", "Keysig", "Clef")}
    return "".join(f"<{name}>{value}</{name}>" for name, value in values.items())


def engrave(source: str, look: dict, dpi: int) -> np.ndarray:
    """The page of a MusicXML text as a picture: uint8 (height, width), 255 white; `look` as for `style`."""
    need("mscore3", "MuseScore 3")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "page.musicxml").write_text(source, encoding="utf-8")
        _run(folder, "-o", "page.mscx", "page.musicxml")  # a style given beside MusicXML would be ignored
        score = (folder / "page.mscx").read_text(encoding="utf-8")
        before, _, after = score.partition("</Style>")
        (folder / "page.mscx").write_text(before + style(look) + "</Style>" + after, encoding="utf-8")
        _run(folder, "-r", str(dpi), "-o", "page.png", "page.mscx")
        pages = sorted(folder.glob("page-*.png"))
        if len(pages) != 1:
            raise RuntimeError(f"MuseScore made {len(pages)} pages of one:\n{source}")
        drawn = Image.open(pages[0]).convert("RGBA")
        white = Image.new("RGBA", drawn.size, "white")
        return np.asarray(Image.alpha_composite(white, drawn).convert("L"))


def _run(folder, *arguments):
    """Let MuseScore work in a folder, without a window."""
    hidden = {"cwd": folder, "env": os.environ | {"QT_QPA_PLATFORM": "offscreen"}}
    done = subprocess.run(["mscore3", *arguments], capture_output=True, text=True, **hidden)
    if done.returncode:
        raise RuntimeError(f"MuseScore failed:\n{done.stderr}")
