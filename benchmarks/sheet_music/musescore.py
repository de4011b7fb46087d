"""Tokens of printed lines as MusicXML, with distractors, for MuseScore 3. Lesson: 10_reading_sheet_music."""

import os
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

from benchmarks.sheet_music.notation import SIGNATURES, Element, measures, quarters, rests_only
from noteninja_lib.omr.vocabulary import ratio

DIVISIONS = 48  # of a quarter note: enough for a dotted 32nd and for triplets
TYPES = {1: "whole", 2: "half", 4: "quarter", 8: "eighth", 16: "16th", 32: "32nd"}
CLEFS = {"treble": ("G", 2), "bass": ("F", 4), "alto": ("C", 3), "tenor": ("C", 4)}
ACCIDENTALS = {"#": "sharp", "b": "flat", "n": "natural", "x": "double-sharp", "bb": "flat-flat"}
TIME_SYMBOLS = {"C": ' symbol="common"', "C|": ' symbol="cut"'}
BAR_STYLES = dict.fromkeys(("final-bar", "repeat-end", "repeat-both"), "<bar-style>light-heavy</bar-style>")
BAR_STYLES["double-bar"] = "<bar-style>light-light</bar-style>"
#: Distractors in the notations of a note, and beside it: `{}` is what follows a colon in their name.
NOTATIONS = {name: f"<articulations><{name}/></articulations>" for name in ("staccato", "accent", "tenuto")}
NOTATIONS |= {"trill": "<ornaments><trill-mark/></ornaments>", "turn": "<ornaments><turn/></ornaments>"}
NOTATIONS |= {"finger": "<technical><fingering>{}</fingering></technical>", "fermata": "<fermata/>"}
NOTATIONS |= {"slur-start": '<slur type="start"/>', "slur-end": '<slur type="stop"/>'}
DIRECTION = '<direction placement="{}"><direction-type>{}</direction-type></direction>'
DIRECTIONS = {"text": DIRECTION.format("above", '<words font-style="italic">{}</words>')}
DIRECTIONS |= {"dynamic": DIRECTION.format("below", "<dynamics><{}/></dynamics>")}
for name, wedge in {"cresc": "crescendo", "dim": "diminuendo", "hairpin-end": "stop"}.items():
    DIRECTIONS[name] = DIRECTION.format("below", f'<wedge type="{wedge}"/>')
TRIPLET = "<actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
TRIPLET = f"<time-modification>{TRIPLET}</time-modification>"
KINDS = {"": "major", "m": "minor", "7": "dominant", "m7": "minor-seventh"}
SCORE = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.1"><work><work-title>{}</work-title></work><part-list><score-part id="P1">\
<part-name print-object="no"></part-name></score-part></part-list><part id="P1">
{}
</part></score-partwise>
"""


class _Writer:
    """Writes bar by bar, and remembers what holds."""

    def __init__(self):
        self.holds, self.tied, self.repeat, self.written = {}, False, False, []

    def write(self, bar, tempo, new_line):
        signs, body, ending, triplet = {}, "", "", False
        *repeat_start, right = [one for one in bar if one.kind == "bar"]
        repeat = bool(repeat_start) or self.repeat
        kinds = ["", *(one.kind for one in bar), ""]
        for before, element, after in zip(kinds, bar, kinds[2:]):
            if element.kind in SIGNATURES and self.holds.get(element.kind) != (element.text, element.fifths):
                self.holds[element.kind] = element.text, element.fifths
                signs[element.kind] = _sign(element)
            ending = element.text if element.kind == "ending" else ending
            triplet = {"triplet": True, "end-triplet": False}.get(element.kind, triplet)
            if element.value:
                tuplet = '<tuplet type="stop"/>' * (after == "end-triplet")
                tuplet += '<tuplet type="start"/>' * (before == "triplet")
                body += self._sounding(element, tuplet, TRIPLET * triplet)
        text = '<print new-system="yes"/>' * new_line
        if repeat or ending:
            left = "<bar-style>heavy-light</bar-style>" * repeat
            left += f'<ending number="{ending}" type="start"/>' * bool(ending)
            left += '<repeat direction="forward"/>' * repeat
            text += f'<barline location="left">{left}</barline>'
        text += f"<attributes><divisions>{DIVISIONS}</divisions>"
        text += "".join(signs.get(kind, "") for kind in ("key", "time", "clef")) + "</attributes>"
        if tempo:
            text += DIRECTION.format("above", f'<words font-weight="bold">{tempo}</words>')
        if rests_only(bar):
            metre, _ = self.holds.get("time", ("4/4", 0))
            length = f"<duration>{quarters(metre) * DIVISIONS}</duration>"
            body = f'<note><rest measure="yes"/>{length}<voice>1</voice></note>'
        end = BAR_STYLES.get(right.text, "")
        end += f'<ending number="{right.closes}" type="stop"/>' * bool(right.closes)
        end += '<repeat direction="backward"/>' * (right.text in ("repeat-end", "repeat-both"))
        end = f'<barline location="right">{end}</barline>' if end else ""
        self.repeat = right.text in ("repeat-start", "repeat-both")
        self.written.append(f'<measure number="{len(self.written) + 1}">{text}{body}{end}</measure>')

    def _sounding(self, element, notations, triplet):
        """A note or rest with its distractors, which stand before it, in its notations, and under it."""
        tied = '<{0} type="stop"/>' * self.tied + '<{0} type="start"/>' * element.tie
        self.tied, before, notations, lyric = element.tie, "", notations + tied.format("tied"), ""
        for kind, _, what in (mark.partition(":") for mark in element.marks):
            if kind == "chord":
                root = f"<root><root-step>{what[0]}</root-step></root>"
                before += f'<harmony>{root}<kind text="{what[1:]}">{KINDS[what[1:]]}</kind></harmony>'
            elif kind in DIRECTIONS:
                before += DIRECTIONS[kind].format(escape(what))
            elif kind == "lyric":
                lyric = f"<lyric><syllabic>single</syllabic><text>{escape(what)}</text></lyric>"
            else:
                notations += NOTATIONS.get(kind, "").format(what)
        what, octave = "<rest/>", f"<octave>{element.octave}</octave>"
        if element.kind == "note":
            what = f"<pitch><step>{element.letter}</step><alter>{element.alter}</alter>{octave}</pitch>"
        accidental = f"<accidental>{ACCIDENTALS[element.sign]}</accidental>" if element.sign else ""
        length = f"<duration>{element.length * DIVISIONS}</duration>{tied.format('tie')}<voice>1</voice>"
        length += f"<type>{TYPES[element.value]}</type>{'<dot/>' * element.dots}"
        notations = f"<notations>{notations}</notations>"
        return f"{before}<note>{what}{length}{accidental}{triplet}{notations}{lyric}</note>"


def _sign(element):
    """A clef, key or metre as MusicXML."""
    if element.kind == "clef":
        return "<clef><sign>{}</sign><line>{}</line></clef>".format(*CLEFS[element.text])
    if element.kind == "key":
        return f"<key><fifths>{element.fifths}</fifths></key>"
    beats, value = ratio(element.text).split("/")
    symbol = TIME_SYMBOLS.get(element.text, "")
    return f"<time{symbol}><beats>{beats}</beats><beat-type>{value}</beat-type></time>"


def page_source(title: str, tempo: str, lines: list[list[Element]]) -> str:
    """MusicXML of one page; title and tempo may be empty, and what follows the last bar line is left out."""
    writer = _Writer()
    for line in lines:
        for number, bar in enumerate(measures(line)):
            writer.write(bar, tempo * (not writer.written), new_line=number == 0 and bool(writer.written))
    return SCORE.format(escape(title), "\n".join(writer.written))


def _style(look):
    """What MuseScore's own file says of its style: a page has all courtesy signatures, or none."""
    inch, margin = 25.4, 12 / 25.4  # MuseScore counts paper in inches
    width, height = look["width"] / inch, look["height"] / inch
    values = {"musicalSymbolFont": look["font"], "Spatium": look["staff"] / 4, "keySigNaturals": 0}
    values |= {"pageWidth": width, "pageHeight": height, "pagePrintableWidth": width - 2 * margin}
    values |= {"showMeasureNumber": int(look["bar_numbers"])}
    edges = [parity + side for parity in ("Even", "Odd") for side in ("Left", "Top", "Bottom")]
    values |= {f"page{edge}Margin": margin for edge in edges}
    values |= {f"genCourtesy{what}": int(look["courtesy"]) for what in ("Timesig", "Keysig", "Clef")}
    return "".join(f"<{name}>{value}</{name}>" for name, value in values.items())


def engrave(source: str, look: dict, dpi: int) -> np.ndarray:
    """Picture of a MusicXML page, uint8 (height, width); `look`: mm, `font`, `courtesy` and `bar_numbers`."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "page.musicxml").write_text(source, encoding="utf-8")
        _run(folder, "-o", "page.mscx", "page.musicxml")  # a style given beside MusicXML would be ignored
        before, _, after = (folder / "page.mscx").read_text(encoding="utf-8").partition("</Style>")
        (folder / "page.mscx").write_text(f"{before}{_style(look)}</Style>{after}", encoding="utf-8")
        _run(folder, "-r", str(dpi), "-o", "page.png", "page.mscx")
        pages = sorted(folder.glob("page-*.png"))
        if len(pages) != 1:
            raise RuntimeError(f"MuseScore made {len(pages)} pages of one:\n{source}")
        drawn = Image.open(pages[0]).convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("L"))


def _run(folder, *arguments):
    """Let MuseScore work in a folder, without a window."""
    hidden = {"cwd": folder, "env": os.environ | {"QT_QPA_PLATFORM": "offscreen"}}
    done = subprocess.run(["mscore3", *arguments], capture_output=True, text=True, **hidden)
    if done.returncode:
        raise RuntimeError(f"MuseScore failed:\n{done.stderr}")
