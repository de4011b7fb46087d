"""Tokens of printed lines -> an engraved page, with verovio. Lesson: 10_reading_sheet_music.

The tokens say what is printed, not what it means, so they are set one by one: a note gets the accidental that
stands before it and no other. Verovio reads MEI, the XML of the Music Encoding Initiative.
"""

import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import resvg_py
import verovio

from noteninja_lib.omr.vocabulary import LETTERS, RATIOS, SIGNS, VALUES, position_and_value, ratio, step_of

FONT_FILES = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # the same text on every machine
FONTS = ("Leipzig", "Bravura", "Gootville", "Leland", "Petaluma")
TEXT_FONTS = (
    "STIXGeneral STIXGeneralItalic STIXGeneralBol DejaVuSans DejaVuSans-Oblique "
    "DejaVuSerif DejaVuSerif-Italic DejaVuSerif-Bold cmr10"
).split()
WHOLE = 192  # ticks of a whole note, so that all values and their triplets are whole numbers
STAFF_SPACE = 18  # verovio's pixels at zoom 1
CLEF_SHAPES = {"treble": ("G", "2"), "bass": ("F", "4"), "alto": ("C", "3"), "tenor": ("C", "4")}
CLEF_SHAPES |= {"percussion": ("perc", "3")}
RIGHT = {"bar": "single", "double-bar": "dbl", "final-bar": "end", "repeat-start": "single"}
RIGHT |= {"repeat-end": "rptend", "repeat-both": "rptboth"}
ACCIDENTALS = {"#": "s", "b": "f", "n": "n", "x": "x", "bb": "ff"}
#: The token for a chord does not say which notes lie below the one that is read; these take turns.
BELOW = ((2,), (2, 4), (5,), (7,), (2, 5), (3,), (1,), (3, 5, 7), (4,), (2, 4, 7), (6,), (2,), (4, 7))

ID = "{http://www.w3.org/XML/1998/namespace}id"
UPPER = ("pname", "oct", "loc", "accid", "head.shape", ID)  # what belongs to one note of a chord
MEI = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0">'
    "<meiHead><fileDesc><titleStmt><title/></titleStmt><pubStmt/></fileDesc></meiHead>"
    "<music><body><mdiv>{}</mdiv></body></music></mei>"
)
VEROVIO = dict(breaks="encoded", header="none", footer="none", adjustPageHeight=True, pageHeight=60000)


def ticks(value: int, dots: int = 0) -> int:
    """Length of a value in ticks, WHOLE to a whole note."""
    return round(WHOLE / value * (2 - 0.5**dots))


class MeiWriter:
    """Sets tokens as MEI, bar by bar; `score` is its XML element.

    Parameters
    ----------
    lines : list of list of str
        Tokens of each system.
    wide : bool
        Beams over two beats where the metre allows.
    voices : bool
        What is below a note belongs to a voice of its own, not to the note's stem.
    heads : str
        Shape of the heads of notes, in MEI's words; as usual if empty.
    """

    def __init__(self, lines: list[list[str]], wide: bool = False, voices: bool = False, heads: str = ""):
        self.wide, self.count, self.clef, self.key, self.metre = wide, 0, "treble", "0", None
        self.marks: dict[str, list[str]] = {}  # tokens of what stands above and below, by MEI's ids
        self.voices, self.heads = voices, {"head.shape": heads} if heads else {}
        self.section = self.place = ET.Element("section")  # bars go to a place: the section, or an ending
        self.bar, self.left, self.tied, self.ties = None, None, None, []
        self.ticks, self.cancelled, self.before = 0, False, None
        first = self._head(lines[0]) if lines else 0
        self.score = ET.Element("score")
        self._add_clef(ET.SubElement(self.score, "scoreDef", self._signature()))
        self.score.append(self.section)
        for number, tokens in enumerate(lines):
            begin = self._head(tokens, change=True) if number else first
            for place, token in enumerate(tokens[begin:], begin):
                self._take(token, tokens[place + 1 :])
            if tokens[-1].startswith(SIGNS):  # a signature announced at the end needs a bar to stand in
                self._begin_bar()
            self._end_bar("invis")
            self.place = self.section
            if number < len(lines) - 1:
                ET.SubElement(self.section, "sb")

    def text(self) -> str:
        """The MEI document."""
        return MEI.format(ET.tostring(self.score, encoding="unicode"))

    def _signature(self, before=(None, None, None)):
        """MEI's attributes of key and metre, as far as they are others than `before` (clef, key, metre)."""
        signature = {}
        if self.key != before[1]:
            signature = {"key.sig": self.key, "keysig.cancelaccid": "before" if self.cancelled else "none"}
        if self.metre and self.metre != before[2]:
            signature |= dict(zip(("meter.count", "meter.unit"), ratio(self.metre).split("/")))
            if self.metre in RATIOS:
                signature["meter.sym"] = "common" if self.metre == "C" else "cut"
        return signature

    def _head(self, tokens, change=False):
        """Clef, key and metre with which a line begins; returns how many tokens they are."""
        before, begin, self.key = (self.clef, self.key, self.metre), 0, "0"
        while begin < len(tokens) and tokens[begin].startswith(SIGNS):
            self._set_signature(tokens[begin])
            begin += 1
        if change:
            self._change(before)
        return begin

    def _set_signature(self, token):
        """One token of clef, key or metre."""
        kind, _, value = token.partition(":")
        if kind == "clef":
            self.clef = value
        elif kind == "time":
            self.metre = value
        else:
            self.cancelled = token == "cancel" or self.cancelled
            self.key = "0" if token == "cancel" else token[-1] + token[0]  # sharp3 -> 3s

    def _change(self, before):
        """A change of clef, key or metre before the next bar, if there is one."""
        definition = ET.Element("scoreDef", self._signature(before))
        if self.clef != before[0]:
            self._add_clef(definition)
        if definition.attrib or len(definition):
            self.place.append(definition)
        self.cancelled = False

    def _add_clef(self, definition):
        """The staff and its clef."""
        shape, line = CLEF_SHAPES[self.clef]
        staff = {"n": "1", "lines": "5", "clef.shape": shape, "clef.line": line}
        ET.SubElement(ET.SubElement(definition, "staffGrp"), "staffDef", staff)

    def _take(self, token, following):
        """The next token; `following` are those after it."""
        if token in RIGHT:
            self._end_bar(RIGHT[token])
            self.left = "rptstart" if token == "repeat-start" else None
            if token != "bar":
                self.place = self.section
        elif token.startswith("ending"):
            self.place = ET.SubElement(self.section, "ending", {"n": token[-1]})
        elif token.startswith(SIGNS):
            self.before = self.before or (self.clef, self.key, self.metre)
            self._set_signature(token)
            if not following or not following[0].startswith(SIGNS):
                self._change(self.before)
                self.before = None
        else:
            self._begin_bar()
            self._in_bar(token)

    def _begin_bar(self):
        if self.bar is None:
            left = {"left": self.left} if self.left else {}
            self.bar = ET.SubElement(self.place, "measure", {"n": str(len(self.section))} | left)
            self.items, self.group, self.accidental, self.ticks, self.left = [], None, None, 0, None
            self.lower: list[tuple[int, int]] = []  # ticks and positions of a second voice

    def _in_bar(self, token):
        """A note, a rest, or what belongs to one."""
        if token == "triplet":
            self.group = ET.Element("tuplet", {"num": "3", "numbase": "2"})
            self.items.append((self.group, self.ticks, False))
        elif token == "end-triplet":
            self.group = None
        elif token.startswith("acc:"):
            self.accidental = ACCIDENTALS[token[4:]]
        elif token == "dot":
            value, dots = int(self.last.get("dur")), int(self.last.get("dots", 0)) + 1
            self.last.set("dots", str(dots))
            self.ticks += ticks(value, dots) - ticks(value, dots - 1)
        elif token == "tie":
            self.tied = f"n{self.count}"
        elif token == "chord":
            below = [self.position - step for step in BELOW[self.count % len(BELOW)]]
            if self.voices:
                self.lower.append((self.begun, below[0]))
            else:
                self._make_chord(below)
        elif token.startswith("rests:"):
            self.items.append((ET.Element("multiRest", {"num": token[6:]}), 0, False))
        else:
            self._sound(token)

    def _make_chord(self, below):
        """Put notes at some positions onto the stem of the last one."""
        upper = ET.Element(
            "note", {name: self.last.attrib.pop(name) for name in UPPER if name in self.last.attrib}
        )
        self.last.tag = "chord"
        self.last.append(upper)
        for position in below:
            ET.SubElement(self.last, "note", self._pitch(position))

    def _sound(self, token):
        """A note or rest."""
        self.count += 1
        kind = token.split(":")[0]
        self.position, value = position_and_value(token)
        self.last = ET.Element(kind, {"dur": str(value), ID: f"n{self.count}"})
        if kind == "note":
            self.last.attrib |= self._pitch(self.position) | self.heads
            if self.accidental:
                self.last.set("accid", self.accidental)
            if self.tied:
                self.ties.append({"startid": f"#{self.tied}", "endid": f"#n{self.count}"})
        self.tied, self.accidental, self.begun = None, None, self.ticks
        if self.group is None:
            self.items.append((self.last, self.ticks, value >= 8 and kind != "rest"))
            self.ticks += ticks(value)
        else:
            self.group.append(self.last)
            self.ticks += ticks(value) * 2 // 3

    def _pitch(self, position):
        """Letter and octave of a staff position in the present clef."""
        if self.clef == "percussion":
            return {"loc": str(position)}
        octave, letter = divmod(step_of(position, self.clef), 7)
        return {"pname": LETTERS[letter].lower(), "oct": str(octave)}

    def _end_bar(self, right):
        """Close the bar: its beams are made now."""
        if self.bar is None:
            return
        self.bar.set("right", right)
        staff = ET.SubElement(self.bar, "staff", {"n": "1"})
        layer = ET.SubElement(staff, "layer", {"n": "1"})
        if not self.items:
            ET.SubElement(layer, "mSpace")
        elif [(item.tag, item.get("dur")) for item, _, _ in self.items] == [("rest", "1")]:
            ET.SubElement(layer, "mRest")
        else:
            self._add_beams(layer)
        if self.lower:
            self._add_lower(ET.SubElement(staff, "layer", {"n": "2"}))
        for tie in self.ties:
            ET.SubElement(self.bar, "tie", tie)
        self.ties, self.bar = [], None

    def _add_lower(self, layer):
        """A second voice: each note lasts as long as one value can, and rests fill up to the next."""
        ends = [begin for begin, _ in self.lower[1:]] + [self.ticks]
        if self.lower[0][0]:
            self._fill(layer, self.lower[0][0], "rest")
        for (begin, position), end in zip(self.lower, ends):
            self._fill(layer, end - begin, "note", self._pitch(position))

    @staticmethod
    def _fill(layer, length, kind, pitch=None):
        """Values that last so many ticks: a note and rests behind it, or rests alone."""
        for value, dots in ((value, dots) for value in VALUES for dots in (1, 0)):
            while (lasts := ticks(value, dots)) <= length and (dots == 0 or value < VALUES[-1]):
                more = {"dots": str(dots)} if dots else {}
                ET.SubElement(layer, kind, {"dur": str(value)} | more | (pitch or {}))
                length, kind, pitch = length - lasts, "rest", None

    def _add_beams(self, layer):
        """Put the bar's notes into a layer, those that share a beam in one element."""
        count, unit = map(int, ratio(self.metre or "4/4").split("/"))
        beat = WHOLE // 2 if self.wide and count % 2 == 0 else WHOLE // 4
        if unit == 8 and count % 3 == 0:
            beat = 3 * WHOLE // 8
        beam, where = None, None
        for item, start, beamable in self.items:
            if item.tag == "tuplet" and len(item) > 1:
                if all(note.tag != "rest" and int(note.get("dur")) >= 8 for note in item):
                    inner = ET.Element("beam")
                    inner.extend(list(item))
                    item[:] = [inner]
            if not beamable:
                beam = None
                layer.append(item)
                continue
            if beam is None or start // beat != where:
                beam, where = ET.SubElement(layer, "beam"), start // beat
            beam.append(item)
        for place, element in enumerate(list(layer)):
            if element.tag == "beam" and len(element) == 1:  # a single note has a flag
                layer[place] = element[0]


@cache
def toolkit() -> verovio.toolkit:
    """Verovio, loaded once and told to be quiet."""
    verovio.enableLog(verovio.LOG_OFF)
    tool = verovio.toolkit(False)
    data = Path(verovio.__file__).parent / "data"
    tool.setResourcePath(str(data))  # its own default holds in the main thread only
    return tool


def render(source: str, width: int = 2100, font: str = "Leland", **options) -> list[str]:
    """Pages of a score as SVG.

    Parameters
    ----------
    source : str
        MEI or MusicXML.
    width : int
        Of the page, in pixels at zoom 1, where a staff space has 18.
    font : str
        One of FONTS.
    **options
        Verovio's own; see its documentation.
    """
    tool = toolkit()
    tool.resetOptions()
    tool.setOptions({**VEROVIO, "pageWidth": width, "font": font, **options})
    if not tool.loadData(source):
        raise ValueError("verovio can't read this score")
    return [tool.renderToSVG(page) for page in range(1, tool.getPageCount() + 1)]


def engrave(lines: list[list[str]], width: int = 2100, font: str = "Leland", **options) -> str:
    """One page with these lines of tokens, a system each, as SVG; see `render` for the options."""
    return render(MeiWriter(lines).text(), width, font, **options)[0]


def engrave_score(musicxml: str, width: int = 2100, font: str = "Leland", **options) -> list[str]:
    """Pages of a MusicXML text as SVG, broken where they are full."""
    return render(musicxml, width, font, **{"breaks": "auto", **options})


def rasterise(svg: str, zoom: float = 1.0, text_font: str = "STIXGeneral") -> np.ndarray:
    """Pixels of an SVG: uint8, (height, width), 255 is paper; `zoom` 1 has 18 pixels in a staff space."""
    files = [str(FONT_FILES / f"{name}.ttf") for name in TEXT_FONTS]
    fonts: dict = dict(serif_family=text_font, font_family=text_font, skip_system_fonts=True)
    png = resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, background="#ffffff", font_files=files, **fonts)
    return np.asarray(cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_GRAYSCALE))
