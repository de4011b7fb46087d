"""Words of printed lines -> an engraved page, with verovio. Lesson: 10_reading_sheet_music.

The words say what is printed, not what it means, so they are set one by one: a note gets the accidental that stands
before it and no other. Verovio reads MEI, the XML of the Music Encoding Initiative.
"""

import xml.etree.ElementTree as ET
from functools import lru_cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import resvg_py
import verovio

from noteninja_lib.omr.vocabulary import LETTERS, RATIOS, SIGNS, position_and_value, step_of

FONTS = ("Leipzig", "Bravura", "Gootville", "Leland", "Petaluma")
TEXT_FONTS = (
    "STIXGeneral",
    "STIXGeneralItalic",
    "STIXGeneralBol",
    "DejaVuSans",
    "DejaVuSans-Oblique",
    "DejaVuSerif",
    "DejaVuSerif-Italic",
    "DejaVuSerif-Bold",
    "cmr10",
)
WHOLE = 192  # ticks of a whole note, so that all values and their triplets are whole numbers
STAFF_SPACE = 18  # verovio's pixels at zoom 1
CLEF_SHAPES = {"treble": ("G", "2"), "bass": ("F", "4"), "alto": ("C", "3"), "tenor": ("C", "4")}
RIGHT = {
    "bar": "single",
    "double-bar": "dbl",
    "final-bar": "end",
    "repeat-end": "rptend",
    "repeat-both": "rptboth",
    "repeat-start": "single",
}
ACCIDENTALS = {"#": "s", "b": "f", "n": "n", "x": "x", "bb": "ff"}
#: The word for a chord does not say which; these take turns.
CHORDS = (
    (2, 4, 6),
    (0, 7),
    (3, 5),
    (-2, 2, 5),
    (1, 3, 5, 8),
    (4, 5),
    (6, 9, 11),
    (2, 6),
    (-3, 0, 2),
    (5, 7, 8),
    (8, 10, 12, 15),
    (0, 2),
    (3, 8),
)
ID = "{http://www.w3.org/XML/1998/namespace}id"


def ticks(value, dots=0):
    """Length of a value in ticks, WHOLE to a whole note."""
    return round(WHOLE / value * (2 - 0.5**dots))


def beam_unit(metre, wide=False):
    """Ticks within which notes share a beam; `wide`: two beats of a simple metre."""
    count, unit = map(int, RATIOS.get(metre, metre).split("/"))
    if unit == 8 and count % 3 == 0:
        return 3 * WHOLE // 8
    return WHOLE // 2 if wide and count % 2 == 0 else WHOLE // 4


class Setter:
    """Sets words as MEI, bar by bar.

    Parameters
    ----------
    lines : list of list of str
        See :mod:`.symbols`.
    wide : bool
        Beams over two beats where the metre allows.
    """

    def __init__(self, lines, wide=False):
        self.wide, self.count, self.clef, self.key, self.metre = wide, 0, "treble", "0", None
        self.section = ET.Element("section")
        self.place = self.section  # where bars go: the section, or an ending
        self.bar, self.left, self.tied, self.ties = None, None, None, []
        self.ticks, self.cancelled, self.before = 0, False, None
        first = self.head(lines[0]) if lines else 0
        self.score = ET.Element("score")
        definition = ET.SubElement(self.score, "scoreDef", self.signature())
        self.add_clef(definition)
        self.score.append(self.section)
        for number, words in enumerate(lines):
            begin = first if number == 0 else self.head(words, change=True)
            for place, word in enumerate(words[begin:], begin):
                self.take(word, words[place + 1 :])
            if words[-1].startswith(SIGNS):  # a signature announced at the end needs a bar to stand in
                self.begin_bar()
            self.end_bar("invis")
            self.place = self.section
            if number < len(lines) - 1:
                ET.SubElement(self.section, "sb")

    def signature(self, before=(None, None, None)):
        """MEI's attributes of key and metre, as far as they are others than `before` (clef, key, metre)."""
        signature = (
            {"key.sig": self.key, "keysig.cancelaccid": "before" if self.cancelled else "none"}
            if self.key != before[1]
            else {}
        )
        if self.metre and self.metre != before[2]:
            signature |= dict(
                zip(("meter.count", "meter.unit"), RATIOS.get(self.metre, self.metre).split("/"))
            )
            signature |= (
                {"meter.sym": "common" if self.metre == "C" else "cut"} if self.metre in RATIOS else {}
            )
        return signature

    def head(self, words, change=False):
        """Clef, key and metre with which a line begins; returns how many words they are."""
        before, begin, self.key = (self.clef, self.key, self.metre), 0, "0"
        while begin < len(words) and words[begin].startswith(SIGNS):
            self.set_signature(words[begin])
            begin += 1
        if change:
            self.change(before)
        return begin

    def set_signature(self, word):
        """One word of clef, key or metre."""
        kind, _, value = word.partition(":")
        if kind == "clef":
            self.clef = value
        elif kind == "time":
            self.metre = value
        else:
            self.cancelled = word == "cancel" or self.cancelled
            self.key = "0" if word == "cancel" else word[-1] + word[0]  # sharp3 -> 3s

    def change(self, before):
        """A change of clef, key or metre before the next bar, if there is one."""
        definition = ET.Element("scoreDef", self.signature(before))
        if self.clef != before[0]:
            self.add_clef(definition)
        if definition.attrib or len(definition):
            self.place.append(definition)
        self.cancelled = False

    def add_clef(self, definition):
        """The staff and its clef."""
        shape, line = CLEF_SHAPES[self.clef]
        ET.SubElement(
            ET.SubElement(definition, "staffGrp"),
            "staffDef",
            {"n": "1", "lines": "5", "clef.shape": shape, "clef.line": line},
        )

    def take(self, word, following):
        """The next word; `following` are those after it."""
        kind = word.split(":")[0]
        if word in RIGHT:
            self.end_bar(RIGHT[word])
            self.left = "rptstart" if word == "repeat-start" else None
            if word != "bar":
                self.place = self.section
        elif kind == "ending":
            self.place = ET.SubElement(self.section, "ending", {"n": word[-1]})
        elif word.startswith(SIGNS):
            self.before = self.before or (self.clef, self.key, self.metre)
            self.set_signature(word)
            if not following or not following[0].startswith(SIGNS):
                self.change(self.before)
                self.before = None
        else:
            self.begin_bar()
            self.in_bar(word)

    def begin_bar(self):
        if self.bar is None:
            self.bar = ET.SubElement(
                self.place,
                "measure",
                {"n": str(len(self.section))} | ({"left": self.left} if self.left else {}),
            )
            self.items, self.group, self.accidental, self.ticks, self.left = [], None, None, 0, None

    def in_bar(self, word):
        """A note, a rest, or what belongs to one."""
        if word == "triplet":
            self.group = ET.Element("tuplet", {"num": "3", "numbase": "2"})
            self.items.append((self.group, self.ticks, False))
        elif word == "end-triplet":
            self.group = None
        elif word.startswith("acc:"):
            self.accidental = ACCIDENTALS[word[4:]]
        elif word == "dot":
            self.last.set("dots", str(int(self.last.get("dots", 0)) + 1))
            value = int(self.last.get("dur"))
            self.ticks += ticks(value, int(self.last.get("dots"))) - ticks(
                value, int(self.last.get("dots")) - 1
            )
        elif word == "tie":
            self.tied = self.last.get(ID)
        else:
            self.sound(word)

    def sound(self, word):
        """A note, rest or chord."""
        self.count += 1
        position, value = (
            position_and_value(word) if word != "chord" else (4, (4, 8, 2, 4, 8, 16, 4, 1)[self.count % 8])
        )
        self.last = ET.Element(
            "rest" if word.startswith("rest") else "note" if word != "chord" else "chord",
            {"dur": str(value), ID: f"n{self.count}"},
        )
        if word == "chord":
            for step in CHORDS[self.count % len(CHORDS)]:
                ET.SubElement(self.last, "note", self.pitch(step))
        elif position is not None:
            for name, entry in self.pitch(position).items():
                self.last.set(name, entry)
            if self.accidental:
                self.last.set("accid", self.accidental)
            if self.tied:
                self.ties.append({"startid": f"#{self.tied}", "endid": f"#n{self.count}"})
        self.tied, self.accidental = None, None
        if self.group is None:
            self.items.append((self.last, self.ticks, value >= 8 and not word.startswith("rest")))
            self.ticks += ticks(value)
        else:
            self.group.append(self.last)
            self.ticks += ticks(value) * 2 // 3

    def pitch(self, position):
        """Letter and octave of a staff position in the present clef."""
        octave, letter = divmod(step_of(position, self.clef), 7)
        return {"pname": LETTERS[letter].lower(), "oct": str(octave)}

    def end_bar(self, right):
        """Close the bar: its beams are made now."""
        if self.bar is None:
            return
        self.bar.set("right", right)
        layer = ET.SubElement(ET.SubElement(self.bar, "staff", {"n": "1"}), "layer", {"n": "1"})
        if not self.items:
            ET.SubElement(layer, "mSpace")
        elif [item.get("dur") for item, _, _ in self.items] == ["1"] and self.items[0][0].tag == "rest":
            ET.SubElement(layer, "mRest")
        else:
            add_beams(layer, self.items, beam_unit(self.metre or "4/4", self.wide))
        self.ties = [
            tie for tie in self.ties if ET.SubElement(self.bar, "tie", tie) is None
        ]  # each stands in one bar
        self.bar = None

    def text(self):
        """The MEI document."""
        score = ET.tostring(self.score, encoding="unicode")
        return (
            '<?xml version="1.0" encoding="UTF-8"?><mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead>'
            "<fileDesc><titleStmt><title/></titleStmt><pubStmt/></fileDesc></meiHead>"
            f"<music><body><mdiv>{score}</mdiv></body></music></mei>"
        )


def add_beams(layer, items, unit):
    """Put notes into a layer, those that share a beam in one element."""
    beam, where = None, None
    for item, start, beamable in items:
        if (
            item.tag == "tuplet"
            and all(note.tag == "note" and int(note.get("dur")) >= 8 for note in item)
            and len(item) > 1
        ):
            inner = ET.Element("beam")
            inner.extend(list(item))
            for note in list(item):
                item.remove(note)
            item.append(inner)
        if not beamable:
            beam = None
            layer.append(item)
            continue
        if beam is None or start // unit != where:
            beam, where = ET.SubElement(layer, "beam"), start // unit
        beam.append(item)
    for place, element in enumerate(list(layer)):
        if element.tag == "beam" and len(element) == 1:  # a single note has a flag
            layer[place] = element[0]


@lru_cache(maxsize=1)
def toolkit():
    """Verovio, loaded once and told to be quiet."""
    verovio.enableLog(verovio.LOG_OFF)
    tool = verovio.toolkit(False)
    tool.setResourcePath(
        str(Path(verovio.__file__).parent / "data")
    )  # its own default holds in the main thread only
    return tool


def render(source, width=2100, font="Leland", **options):
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

    Returns
    -------
    list of str
    """
    tool = toolkit()
    tool.resetOptions()
    tool.setOptions(
        {
            "breaks": "encoded",
            "header": "none",
            "footer": "none",
            "adjustPageHeight": True,
            "pageHeight": 60000,
            "pageWidth": width,
            "font": font,
            **options,
        }
    )
    if not tool.loadData(source):
        raise ValueError("verovio can't read this score")
    return [tool.renderToSVG(page) for page in range(1, tool.getPageCount() + 1)]


def engrave(lines, width=2100, font="Leland", **options):
    """One page with these lines of words, a system each, as SVG; see `render` for the options."""
    return render(Setter(lines).text(), width, font, **options)[0]


def engrave_score(musicxml, width=2100, font="Leland", **options):
    """Pages of a MusicXML text as SVG, broken where they are full."""
    return render(musicxml, width, font, **{"breaks": "auto", **options})


def rasterise(svg, zoom=1.0, **fonts):
    """Pixels of an SVG: uint8, shape (height, width), 255 is paper; `zoom` 1 has 18 pixels in a staff space."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # the same text on every machine
    fonts = {
        "serif_family": "STIXGeneral",
        "font_family": "STIXGeneral",
        "skip_system_fonts": True,
        "font_files": [str(folder / f"{name}.ttf") for name in TEXT_FONTS],
    } | fonts
    png = resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, background="#ffffff", **fonts)
    return cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_GRAYSCALE)
