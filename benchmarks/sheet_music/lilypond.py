"""Tokens of printed lines as LilyPond source, so that exactly these are engraved, and no others.

LilyPond decides much by itself: which accidentals are needed, where bar lines, courtesy signatures and
cancelling naturals stand. All of that is switched off and written out, see `HOUSE_RULES`. Beams, stems,
spacing and the shape of ties stay its own. Lesson: 10_reading_sheet_music.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.sheet_music.notation import COMMON, SIGNATURES, Element, quarters
from noteninja_lib.errors import UserError

HOUSE_RULES = r"""
  \set Staff.autoAccidentals = #(list 'Staff (lambda (context pitch bar) '(#f . #f)))
  \set Staff.autoCautionaries = #'()
  \set Staff.extraNatural = ##f
  \set Timing.measureBarType = #'()
  \set Staff.explicitClefVisibility = #end-of-line-invisible
  \set Staff.explicitKeySignatureVisibility = #end-of-line-invisible
  \override Staff.KeyCancellation.break-visibility = #center-visible
  \override Staff.TimeSignature.break-visibility = #end-of-line-invisible
  \override Score.NonMusicalPaperColumn.line-break-permission = ##f
"""
#: The same, where a line ends with the signature of the next one.
COURTESY = {
    "clef": r"\set Staff.explicitClefVisibility = #all-visible ",
    "key": r"\set Staff.explicitKeySignatureVisibility = #all-visible "
    r"\once \override Staff.KeyCancellation.break-visibility = ##(#t #f #f) ",
    "time": r"\once \override Staff.TimeSignature.break-visibility = #all-visible ",
}
HIDE = r"\set Staff.explicit{}Visibility = #end-of-line-invisible "
NO_COURTESY = {"clef": HIDE.format("Clef"), "key": HIDE.format("KeySignature"), "time": ""}
ALTERS = {-2: "eses", -1: "es", 0: "", 1: "is", 2: "isis"}
KEYS = {fifths: ("fcgdaeb"[(fifths + 1) % 7] + ALTERS[(fifths + 1) // 7]) for fifths in range(-7, 8)}
BARS = {"bar": "|", "double-bar": "||", "final-bar": "|."}
BARS |= {"repeat-start": ".|:", "repeat-end": ":|.", "repeat-both": ":..:"}
#: How distractors stand after their note: `{}` is what follows a colon in their name.
MARKS = {"slur-start": "(", "slur-end": ")", "staccato": "-.", "accent": "->", "tenuto": "--"}
MARKS |= {name: f"\\{name}" for name in ("trill", "mordent", "turn", "fermata")}
MARKS |= {"finger": "-{}", "cresc": r"\<", "dim": r"\>", "hairpin-end": r"\!", "dynamic": r"\{}"}
MARKS |= {"chord": r'^\markup \sans "{}"', "text": r'^\markup \italic "{}"', "lyric": ""}
#: Bar lines (before, after) a line break, as LilyPond names the two together.
LINE_BREAKS = {("bar", "repeat-start"): ".|:-|", ("double-bar", "repeat-start"): ".|:-||"}
LINE_BREAKS |= {("repeat-end", "repeat-start"): ":..:"}
CLOSE_VOLTA = "\\set Score.repeatCommands = #'((volta #f))"
PAPER = r"""\version "2.24.0"
#(set-global-staff-size {staff})
\header {{ tagline = ##f }}
\paper {{ indent = 0 ragged-right = ##f ragged-last = ##f top-margin = 12\mm bottom-margin = 14\mm """
PAPER += r"left-margin = 12\mm right-margin = 12\mm page-breaking = #ly:one-page-breaking "
PAPER += "paper-width = {width}\\mm }}\n"
NO_NUMBERS = "\\layout { \\context { \\Score \\remove Bar_number_engraver } }\n"


def _mark(text):
    """A distractor as LilyPond writes it after its note."""
    kind, _, what = text.partition(":")
    return MARKS[kind].format(what)


def _piece(lines):
    """Music of one piece: what stands between the braces of a staff."""
    writer = _Writer()
    for number, line in enumerate(lines):
        last = max(at for at, element in enumerate(line) if element.kind not in SIGNATURES)
        writer.write_line(line[: last + 1])
        writer.announced = {element.kind: element for element in line[last + 1 :]}
        writer.text.append("\\break\n" if number < len(lines) - 1 else "")
    return HOUSE_RULES + " ".join(writer.text)


class _Writer:
    """Writes element by element, and remembers what holds."""

    def __init__(self):
        self.text, self.clef, self.key, self.time = [], None, None, None
        self.announced = {}  # kind -> signature that the last line ended with
        self.before = self.bar_line = None  # the last bar line, and its place in the text

    def write_line(self, line):
        rest = list(line)
        while rest and rest[0].kind in SIGNATURES:
            element = rest.pop(0)
            if element.kind in self.announced:
                self.text.append(COURTESY[element.kind])
                element = self.announced[element.kind]
            self.write(element)
        if rest[0].kind == "bar" and self.bar_line is not None:
            # A repeat begins the line: LilyPond wants both as one.
            self.text[self.bar_line] = f'\\bar "{LINE_BREAKS[self.before, rest[0].text]}"'
            self.before = rest.pop(0).text
        bar = []
        for element in rest:
            bar.append(element)
            if element.kind == "bar" or element is rest[-1]:
                self._write_measure(bar)
                bar = []
        self.text += [NO_COURTESY[kind] for kind in self.announced]

    def _write_measure(self, bar):
        sounding = [element for element in bar if element.kind in ("note", "rest")]
        length, placed = sum(element.length for element in sounding), False
        alone = len(sounding) == 1 and sounding[0].fills_bar
        for element in bar:
            if element.kind in ("note", "rest", "triplet") and not placed:
                # A pick-up is beamed as the end of a bar.
                early = length < quarters(self.time) and self.before != "bar" and not alone
                place = -length / 4 if early else 0
                self.text.append(f"\\set Timing.measurePosition = #(ly:make-moment {place})")
                placed = True
            if alone and element.kind == "rest":
                self.text.append(f"R1*{quarters(self.time) / 4}")  # in the middle of the bar
            else:
                self.write(element)

    def write(self, element):
        kind, text = element.kind, element.text
        if kind == "clef":
            self.text += [f"\\clef {text}"] * (text != self.clef)
            self.clef = text
        elif kind == "key":
            cancel = f"\\set Staff.printKeyCancellation = ##{'t' if element.cancel else 'f'} "
            self.text += [f"{cancel}\\key {KEYS[element.fifths]} \\major"] * (element.fifths != self.key)
            self.key = element.fifths
        elif kind == "time":
            style = "default" if text in COMMON else "numeric"
            self.text.append(f"\\{style}TimeSignature \\time {COMMON.get(text, text)}")
            self.time = text
        elif kind == "note":
            octave = "'" * (element.octave - 3) + "," * (3 - element.octave) + "!" * bool(element.sign)
            length = str(element.value) + "." * element.dots + "~" * element.tie
            name = element.letter.lower() + ALTERS[element.alter]
            self.text.append(name + octave + length + "".join(map(_mark, element.marks)))
        elif kind == "rest":
            self.text.append(f"r{element.value}" + "." * element.dots)
        elif kind == "bar":
            self.text.append(f'\\bar "{BARS[text]}"')
            self.before, self.bar_line = text, len(self.text) - 1
        elif kind == "ending":
            closes = ""
            if self.text[-1] == CLOSE_VOLTA:  # at one moment the property is set only once
                closes = "(volta #f) "
                self.text.pop()
            self.text.append(f'\\set Score.repeatCommands = #\'({closes}(volta "{text}."))')
        else:
            rest = {"triplet": "\\tuplet 3/2 {", "end-triplet": "}", "end-ending": CLOSE_VOLTA}
            self.text.append(rest[kind])


def page_source(pieces: list[tuple[str, str, list[list[Element]]]], look: dict) -> str:
    """LilyPond source of one page.

    Parameters
    ----------
    pieces : list of (str, str, list of list of Element)
        Title, tempo (or "") and lines of each piece on the page.
    look : dict
        `staff` (size in points), `width` (mm), `bar_numbers` (bool).
    """
    source = PAPER.format(**look) + ("" if look["bar_numbers"] else NO_NUMBERS)
    for title, tempo, lines in pieces:
        marks = [mark.partition(":") for line in lines for element in line for mark in element.marks]
        syllables = " ".join(syllable for kind, _, syllable in marks if kind == "lyric")
        lyrics = f" \\addlyrics {{ {syllables} }}" if syllables else ""
        speed = f'\\tempo "{tempo}"\n' if tempo else ""
        source += f'\\markup \\fill-line {{ \\bold \\larger "{title}" }}\n' * bool(title)
        source += f"\\score {{ \\new Staff {{ {speed}{_piece(lines)} }}{lyrics} \\layout {{ }} }}\n"
    return source


def need(program: str, name: str) -> None:
    """Refuse where a program is not there."""
    if shutil.which(program) is None:
        why = f"put `{program}` on the PATH to make new pages; the frozen ones need nothing."
        raise UserError(f"{name} is not installed: {why}")


def engrave(source: str, dpi: int) -> np.ndarray:
    """The page as a picture: uint8 (height, width), 255 white."""
    need("lilypond", "LilyPond")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.ly"
        path.write_text(source, encoding="utf-8")
        options = ["--silent", "--png", f"-dresolution={dpi}", "-danti-alias-factor=2", "-o", "page"]
        done = subprocess.run(["lilypond", *options, path.name], cwd=folder, capture_output=True, text=True)
        if done.returncode or not path.with_suffix(".png").exists():
            raise RuntimeError(f"LilyPond could not engrave this page:\n{done.stderr}\n{source}")
        return np.asarray(Image.open(path.with_suffix(".png")).convert("L"))
