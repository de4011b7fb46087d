"""Tokens of printed lines as MusicXML for MuseScore, with all that stands around notes and is not to be read.

Lesson: 10_reading_sheet_music.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from xml.sax.saxutils import escape

from benchmarks.sheet_music.notation import COMMON, SIGNATURES, Element, quarters

DIVISIONS = 48  # of a quarter note: enough for a dotted 32nd and for triplets
TYPES = {1: "whole", 2: "half", 4: "quarter", 8: "eighth", 16: "16th", 32: "32nd"}
CLEFS = {"treble": ("G", 2), "bass": ("F", 4), "alto": ("C", 3), "tenor": ("C", 4)}
ACCIDENTALS = {"#": "sharp", "b": "flat", "n": "natural", "x": "double-sharp", "bb": "flat-flat"}
BAR_STYLES = {"double-bar": "light-light"}
BAR_STYLES |= dict.fromkeys(("final-bar", "repeat-end", "repeat-both"), "light-heavy")
#: Distractors in the notations of a note, and beside it: `{}` is what follows a colon in their name.
NOTATIONS = {name: f"<articulations><{name}/></articulations>" for name in ("staccato", "accent", "tenuto")}
NOTATIONS |= {"trill": "<ornaments><trill-mark/></ornaments>", "turn": "<ornaments><turn/></ornaments>"}
NOTATIONS |= {"finger": "<technical><fingering>{}</fingering></technical>", "fermata": "<fermata/>"}
NOTATIONS |= {"slur-start": '<slur type="start"/>', "slur-end": '<slur type="stop"/>'}
DIRECTIONS = {"text": '<words font-style="italic">{}</words>', "dynamic": "<dynamics><{}/></dynamics>"}
WEDGES = {"cresc": "crescendo", "dim": "diminuendo", "hairpin-end": "stop"}
DIRECTIONS |= {name: f'<wedge type="{wedge}"/>' for name, wedge in WEDGES.items()}
DIRECTION = '<direction placement="{}"><direction-type>{}</direction-type></direction>'
TRIPLET = "<actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
TRIPLET = f"<time-modification>{TRIPLET}</time-modification>"
KINDS = {"": "major", "m": "minor", "7": "dominant", "m7": "minor-seventh"}


@dataclass
class _Measure:
    """A measure while it is being written."""

    full: Fraction  # quarter notes that its metre asks for
    new_line: bool = False
    repeat_start: bool = False
    signs: list = field(default_factory=list)  # clef, key and metre at its beginning
    body: list = field(default_factory=list)  # XML
    sounding: list = field(default_factory=list)  # notes and rests
    ending: str = ""
    end_ending: str = ""
    bar_line: str = ""


class _Writer:
    """Takes element by element into measures."""

    def __init__(self):
        self.measures, self.now, self.holds = [], _Measure(Fraction(4)), {}
        self.tied = self.in_triplet = self.first_of_triplet = False
        self.ending = ""

    def write(self, element):
        kind, now = element.kind, self.now
        if kind in SIGNATURES:
            if self.holds.get(kind) != (element.text, element.fifths):
                if now.sounding:
                    now.body.append(f"<attributes>{_sign(element)}</attributes>")
                else:
                    now.signs.append(element)
            self.holds[kind] = (element.text, element.fifths)
            now.full = quarters(element.text) if kind == "time" else now.full
        elif kind == "ending":
            now.ending = self.ending = element.text
        elif kind == "end-ending":
            self.measures[-1].end_ending = self.ending
        elif kind == "triplet":
            self.in_triplet = self.first_of_triplet = True
        elif kind == "end-triplet":
            self.in_triplet = False
            now.body[-1] = now.body[-1].replace("<notations>", '<notations><tuplet type="stop"/>')
        elif kind == "bar":
            if now.sounding:  # otherwise it is a repeat that begins a line
                now.bar_line = element.text
                self.measures.append(now)
                self.now = _Measure(now.full)
            self.now.repeat_start = element.text in ("repeat-start", "repeat-both")
        else:
            now.sounding.append(element)
            now.body.append(self._sounding(element))

    def _sounding(self, element):
        tied = '<{0} type="stop"/>' * self.tied + '<{0} type="start"/>' * element.tie
        notations = '<tuplet type="start"/>' * self.first_of_triplet + tied.format("tied")
        self.tied, self.first_of_triplet = element.tie, False
        before, inside, lyric = _marks(element.marks)
        what, octave = "<rest/>", f"<octave>{element.octave}</octave>"
        if element.kind == "note":
            what = f"<pitch><step>{element.letter}</step><alter>{element.alter}</alter>{octave}</pitch>"
        accidental = f"<accidental>{ACCIDENTALS[element.sign]}</accidental>" if element.sign else ""
        length = f"<duration>{element.length * DIVISIONS}</duration>{tied.format('tie')}<voice>1</voice>"
        return (
            f"{before}<note>{what}{length}<type>{TYPES[element.value]}</type>{'<dot/>' * element.dots}"
            f"{accidental}{TRIPLET * self.in_triplet}<notations>{notations}{inside}</notations>{lyric}</note>"
        )


def _sign(element):
    """A clef, key or metre as MusicXML."""
    if element.kind == "clef":
        letter, line = CLEFS[element.text]
        return f"<clef><sign>{letter}</sign><line>{line}</line></clef>"
    if element.kind == "key":
        return f"<key><fifths>{element.fifths}</fifths></key>"
    symbol = {"C": ' symbol="common"', "C|": ' symbol="cut"'}.get(element.text, "")
    beats, value = COMMON.get(element.text, element.text).split("/")
    return f"<time{symbol}><beats>{beats}</beats><beat-type>{value}</beat-type></time>"


def _marks(texts):
    """Distractors of a note as MusicXML: what stands before the note, in its notations, and under it."""
    before, inside, lyric = "", "", ""
    for text in texts:
        kind, _, what = text.partition(":")
        if kind == "chord":
            root = f"<root><root-step>{what[0]}</root-step></root>"
            before += f'<harmony>{root}<kind text="{what[1:]}">{KINDS[what[1:]]}</kind></harmony>'
        elif kind in DIRECTIONS:
            place = "above" if kind == "text" else "below"
            before += DIRECTION.format(place, DIRECTIONS[kind].format(escape(what)))
        elif kind == "lyric":
            lyric = f"<lyric><syllabic>single</syllabic><text>{escape(what)}</text></lyric>"
        else:
            inside += NOTATIONS.get(kind, "").format(what)
    return before, inside, lyric


def _measure(number, bar, tempo):
    """One measure as MusicXML."""
    text = '<print new-system="yes"/>' * bar.new_line
    if bar.repeat_start or bar.ending:
        left = "<bar-style>heavy-light</bar-style>" * bar.repeat_start
        left += f'<ending number="{bar.ending}" type="start"/>' * bool(bar.ending)
        left += '<repeat direction="forward"/>' * bar.repeat_start
        text += f'<barline location="left">{left}</barline>'
    signs = sorted(bar.signs, key=lambda element: ("key", "time", "clef").index(element.kind))
    text += f"<attributes><divisions>{DIVISIONS}</divisions>{''.join(map(_sign, signs))}</attributes>"
    if tempo:
        text += DIRECTION.format("above", f'<words font-weight="bold">{tempo}</words>')
    if len(bar.sounding) == 1 and bar.sounding[0].fills_bar:
        length = f"<duration>{bar.full * DIVISIONS}</duration>"
        text += f'<note><rest measure="yes"/>{length}<voice>1</voice></note>'
    else:
        text += "".join(bar.body)
    right = f"<bar-style>{BAR_STYLES[bar.bar_line]}</bar-style>" if bar.bar_line in BAR_STYLES else ""
    right += f'<ending number="{bar.end_ending}" type="stop"/>' if bar.end_ending else ""
    right += '<repeat direction="backward"/>' if bar.bar_line in ("repeat-end", "repeat-both") else ""
    text += f'<barline location="right">{right}</barline>' if right else ""
    return f'<measure number="{number}">{text}</measure>'


def page_source(title: str, tempo: str, lines: list[list[Element]]) -> str:
    """MusicXML of one page, of which title and tempo may be empty.

    What a line ends with after its last bar line is left to MuseScore.
    """
    writer = _Writer()
    for number, line in enumerate(lines):
        last = max(at for at, element in enumerate(line) if element.kind not in SIGNATURES)
        writer.now.new_line = number > 0
        for element in line[: last + 1]:
            writer.write(element)
    tempos = [tempo] + [""] * len(writer.measures)
    measures = "\n".join(_measure(number, *bar) for number, bar in enumerate(zip(writer.measures, tempos), 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<score-partwise version="3.1">'
        f"<work><work-title>{escape(title)}</work-title></work>"
        '<part-list><score-part id="P1"><part-name print-object="no"></part-name></score-part></part-list>'
        f'<part id="P1">\n{measures}\n</part></score-partwise>\n'
    )
