"""Words of printed lines as MusicXML for MuseScore, with all that stands around notes and is not to be read.

Lesson: 10_reading_sheet_music.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from xml.sax.saxutils import escape

from benchmarks.sheet_music.notation import COMMON, quarters

DIVISIONS = 48  # of a quarter note: enough for a dotted 32nd and for triplets
TYPES = {1: "whole", 2: "half", 4: "quarter", 8: "eighth", 16: "16th", 32: "32nd"}
CLEFS = {"treble": ("G", 2), "bass": ("F", 4), "alto": ("C", 3), "tenor": ("C", 4)}
SIGNS = {"#": "sharp", "b": "flat", "n": "natural", "x": "double-sharp", "bb": "flat-flat"}
BAR_STYLES = {
    "double-bar": "light-light",
    "final-bar": "light-heavy",
    "repeat-end": "light-heavy",
    "repeat-both": "light-heavy",
}
#: Distractors inside a note: mark -> where MusicXML keeps it, and as what.
NOTATIONS = {
    "staccato": ("articulations", "staccato"),
    "accent": ("articulations", "accent"),
    "tenuto": ("articulations", "tenuto"),
    "trill": ("ornaments", "trill-mark"),
    "turn": ("ornaments", "turn"),
}
TRIPLET = (
    "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
)
KINDS = {"": "major", "m": "minor", "7": "dominant", "m7": "minor-seventh"}


@dataclass
class _Measure:
    """A measure while it is being written."""

    full: Fraction  # quarter notes that its metre asks for
    new_line: bool = False
    repeat_start: bool = False
    signs: list = field(default_factory=list)  # tokens of clef, key and metre at its beginning
    body: list = field(default_factory=list)  # XML
    tokens: list = field(default_factory=list)  # notes and rests
    ending: str = ""
    end_ending: str = ""
    bar_line: str = ""

    @property
    def length(self):
        return sum(token.length for token in self.tokens)


class _Writer:
    """Takes token by token into measures."""

    def __init__(self):
        self.measures, self.now, self.holds = [], _Measure(Fraction(4)), {}
        self.tied = self.in_triplet = self.first_of_triplet = False
        self.ending = ""

    def write(self, token):
        kind, now = token.kind, self.now
        if kind in ("clef", "key", "time"):
            if self.holds.get(kind) != (token.text, token.fifths):
                if now.tokens:
                    now.body.append(f"<attributes>{sign(token)}</attributes>")
                else:
                    now.signs.append(token)
            self.holds[kind] = (token.text, token.fifths)
            now.full = quarters(token.text) if kind == "time" else now.full
        elif kind == "ending":
            now.ending = self.ending = token.text
        elif kind == "end-ending":
            self.measures[-1].end_ending = self.ending
        elif kind == "triplet":
            self.in_triplet = self.first_of_triplet = True
        elif kind == "end-triplet":
            self.in_triplet = False
            now.body[-1] = now.body[-1].replace("<notations>", '<notations><tuplet type="stop"/>')
        elif kind == "bar":
            self.end_measure(token.text)
        else:
            now.tokens.append(token)
            now.body.append(self.sounding(token))

    def end_measure(self, bar_line):
        if self.now.tokens:  # otherwise it is a repeat that begins a line
            self.now.bar_line = bar_line
            self.measures.append(self.now)
            self.now = _Measure(self.now.full)
        self.now.repeat_start = bar_line in ("repeat-start", "repeat-both")

    def sounding(self, token):
        tied = '<{0} type="stop"/>' * self.tied + '<{0} type="start"/>' * token.tie
        notations = '<tuplet type="start"/>' * self.first_of_triplet + tied.format("tied")
        self.tied, self.first_of_triplet = token.tie, False
        before, inside, lyric = marks(token.marks)
        what = "<rest/>"
        if token.kind == "note":
            what = f"<pitch><step>{token.letter}</step><alter>{token.alter}</alter><octave>{token.octave}</octave></pitch>"
        accidental = f"<accidental>{SIGNS[token.sign]}</accidental>" if token.sign else ""
        tuplet = TRIPLET * self.in_triplet
        return (
            f"{before}<note>{what}<duration>{token.length * DIVISIONS}</duration>{tied.format('tie')}<voice>1</voice>"
            f"<type>{TYPES[token.value]}</type>{'<dot/>' * token.dots}{accidental}{tuplet}"
            f"<notations>{notations}{inside}</notations>{lyric}</note>"
        )


def sign(token):
    """A clef, key or metre as MusicXML."""
    if token.kind == "clef":
        letter, line = CLEFS[token.text]
        return f"<clef><sign>{letter}</sign><line>{line}</line></clef>"
    if token.kind == "key":
        return f"<key><fifths>{token.fifths}</fifths></key>"
    symbol = {"C": ' symbol="common"', "C|": ' symbol="cut"'}.get(token.text, "")
    beats, value = COMMON.get(token.text, token.text).split("/")
    return f"<time{symbol}><beats>{beats}</beats><beat-type>{value}</beat-type></time>"


def marks(texts):
    """Distractors of a note as MusicXML: what stands before the note, in its notations, and under it."""
    before, inside, lyric = "", "", ""
    for text in texts:
        kind, _, what = text.partition(":")
        if kind == "chord":
            before += (
                f"<harmony><root><root-step>{what[0]}</root-step></root>"
                f'<kind text="{what[1:]}">{KINDS[what[1:]]}</kind></harmony>'
            )
        elif kind in ("text", "dynamic", "cresc", "dim", "hairpin-end"):
            place = "above" if kind == "text" else "below"
            inner = {
                "text": f'<words font-style="italic">{escape(what)}</words>',
                "dynamic": f"<dynamics><{what}/></dynamics>",
                "cresc": '<wedge type="crescendo"/>',
                "dim": '<wedge type="diminuendo"/>',
                "hairpin-end": '<wedge type="stop"/>',
            }[kind]
            before += f'<direction placement="{place}"><direction-type>{inner}</direction-type></direction>'
        elif kind in NOTATIONS:
            group, name = NOTATIONS[kind]
            inside += f"<{group}><{name}/></{group}>"
        elif kind == "finger":
            inside += f"<technical><fingering>{what}</fingering></technical>"
        elif kind == "fermata":
            inside += "<fermata/>"
        elif kind.startswith("slur"):
            inside += f'<slur type="{"start" if kind == "slur-start" else "stop"}"/>'
        elif kind == "lyric":
            lyric = f"<lyric><syllabic>single</syllabic><text>{escape(what)}</text></lyric>"
    return before, inside, lyric


def measure(number, bar, tempo=""):
    """One measure as MusicXML."""
    text = '<print new-system="yes"/>' * bar.new_line
    if bar.repeat_start or bar.ending:
        ending = f'<ending number="{bar.ending}" type="start"/>' if bar.ending else ""
        start = (
            '<bar-style>heavy-light</bar-style>{}<repeat direction="forward"/>' if bar.repeat_start else "{}"
        )
        text += f'<barline location="left">{start.format(ending)}</barline>'
    order = {"key": 0, "time": 1, "clef": 2}
    signs = "".join(sign(token) for token in sorted(bar.signs, key=lambda token: order[token.kind]))
    text += f"<attributes><divisions>{DIVISIONS}</divisions>{signs}</attributes>"
    if tempo:
        words = f'<words font-weight="bold">{tempo}</words>'
        text += f'<direction placement="above"><direction-type>{words}</direction-type></direction>'
    only = bar.tokens[0]
    if len(bar.tokens) == 1 and only.kind == "rest" and (only.value, only.dots) == (1, 0):
        text += (
            f'<note><rest measure="yes"/><duration>{bar.full * DIVISIONS}</duration><voice>1</voice></note>'
        )
    else:
        text += "".join(bar.body)
    right = f"<bar-style>{BAR_STYLES[bar.bar_line]}</bar-style>" if bar.bar_line in BAR_STYLES else ""
    right += f'<ending number="{bar.end_ending}" type="stop"/>' if bar.end_ending else ""
    right += '<repeat direction="backward"/>' if bar.bar_line in ("repeat-end", "repeat-both") else ""
    text += f'<barline location="right">{right}</barline>' if right else ""
    return f'<measure number="{number}">{text}</measure>'


def page_source(title, tempo, lines):
    """MusicXML of one page.

    Parameters
    ----------
    title, tempo : str
        Both may be empty.
    lines : list of list of Token
        As `printed.tokens` gives them; what a line ends with after its last bar line is left to MuseScore.

    Returns
    -------
    str
    """
    writer = _Writer()
    for number, line in enumerate(lines):
        last = max(at for at, token in enumerate(line) if token.kind not in ("clef", "key", "time"))
        writer.now.new_line = number > 0
        for token in line[: last + 1]:
            writer.write(token)
    measures = "\n".join(
        measure(number, bar, tempo if number == 1 else "") for number, bar in enumerate(writer.measures, 1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<score-partwise version="3.1">'
        f"<work><work-title>{escape(title)}</work-title></work>"
        '<part-list><score-part id="P1"><part-name print-object="no"></part-name></score-part></part-list>'
        f'<part id="P1">\n{measures}\n</part></score-partwise>\n'
    )
