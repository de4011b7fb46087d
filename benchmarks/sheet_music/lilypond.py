"""Tokens of printed lines as LilyPond source. Lesson: 10_reading_sheet_music.

What LilyPond would decide by itself (accidentals, bar lines, courtesy signatures) is written out.
"""

import subprocess
import tempfile
from itertools import takewhile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.sheet_music.notation import SIGNATURES, Element, measures, quarters, rests_only
from noteninja_lib.omr.vocabulary import BAR_LINES, RATIOS, ratio

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
#: What shows a signature at the end of a line, as that of the next one, and hides it there again.
SHOW = r"\set Staff.explicit{}Visibility = #{} ".format
COURTESY = {"clef": SHOW("Clef", "all-visible"), "key": SHOW("KeySignature", "all-visible")}
COURTESY["key"] += r"\once \override Staff.KeyCancellation.break-visibility = ##(#t #f #f) "
COURTESY["time"] = r"\once \override Staff.TimeSignature.break-visibility = #all-visible "
NO_COURTESY = {"clef": SHOW("Clef", "end-of-line-invisible"), "time": ""}
NO_COURTESY["key"] = SHOW("KeySignature", "end-of-line-invisible")
ALTERS = {-2: "eses", -1: "es", 0: "", 1: "is", 2: "isis"}
KEYS = {fifths: ("fcgdaeb"[(fifths + 1) % 7] + ALTERS[(fifths + 1) // 7]) for fifths in range(-7, 8)}
BARS = dict(zip(BAR_LINES, "| || |. .|: :|. :..:".split()))
#: Bar lines (before, after) a line break, as LilyPond names the two together.
LINE_BREAKS = {("bar", "repeat-start"): ".|:-|", ("double-bar", "repeat-start"): ".|:-||"}
LINE_BREAKS |= {("repeat-end", "repeat-start"): ":..:"}
#: How distractors stand after their note: `{}` is what follows a colon in their name.
MARKS = {"slur-start": "(", "slur-end": ")", "staccato": "-.", "accent": "->", "tenuto": "--"}
MARKS |= {name: f"\\{name}" for name in ("trill", "mordent", "turn", "fermata")}
MARKS |= {"finger": "-{}", "cresc": r"\<", "dim": r"\>", "hairpin-end": r"\!", "dynamic": r"\{}"}
MARKS |= {"chord": r'^\markup \sans "{}"', "text": r'^\markup \italic "{}"', "lyric": ""}
CLOSE_VOLTA = "\\set Score.repeatCommands = #'((volta #f))"
PAPER = r"""\version "2.24.0"
#(set-global-staff-size {staff})
\header {{ tagline = ##f }}
\paper {{ indent = 0 ragged-right = ##f ragged-last = ##f top-margin = 12\mm bottom-margin = 14\mm """
PAPER += r"left-margin = 12\mm right-margin = 12\mm page-breaking = #ly:one-page-breaking "
PAPER += "paper-width = {width}\\mm }}\n"
NO_NUMBERS = "\\layout { \\context { \\Score \\remove Bar_number_engraver } }\n"


class _Writer:
    """Writes line by line, and remembers what holds."""

    def __init__(self):
        self.text, self.holds, self.announced = [], {}, {}  # kind -> signature that the last line ended with
        self.before = self.bar_line = None  # the last bar line, and its place in the text

    def write_line(self, line):
        for number, bar in enumerate(measures(line)):
            first = next(at for at, one in enumerate(bar) if one.value or one.kind == "triplet")
            for element in bar[:first]:
                if element.kind == "bar" and number == 0 and self.bar_line is not None:
                    # A repeat begins the line: LilyPond wants both as one.
                    self.text[self.bar_line] = f'\\bar "{LINE_BREAKS[self.before, element.text]}"'
                    self.before = element.text
                    continue
                if element.kind in self.announced and number == 0:
                    self.text.append(COURTESY[element.kind])
                    element = self.announced[element.kind]
                self.write(element)
            full, alone = quarters(self.holds["time"]), rests_only(bar)
            length = sum(element.length for element in bar)
            early = length < full and self.before != "bar" and not alone  # a pick-up is the end of a bar
            position = -length / 4 if early else 0
            self.text.append(f"\\set Timing.measurePosition = #(ly:make-moment {position})")
            for element in bar[first:]:
                if alone and element.kind == "rest":
                    self.text.append(f"R1*{full / 4}")  # in the middle of the bar
                else:
                    self.write(element)
        self.text += [NO_COURTESY[kind] for kind in self.announced]
        after = [*takewhile(lambda element: element.kind in SIGNATURES, reversed(line))]
        self.announced = {element.kind: element for element in reversed(after)}

    def write(self, element):
        kind, text, length = element.kind, element.text, str(element.value) + "." * element.dots
        if kind == "clef":
            self.text += [f"\\clef {text}"] * (text != self.holds.get(kind))
        elif kind == "key":
            cancel = f"\\set Staff.printKeyCancellation = ##{'t' if element.cancel else 'f'} "
            text = KEYS[element.fifths]
            self.text += [f"{cancel}\\key {text} \\major"] * (text != self.holds.get(kind))
        elif kind == "time":
            style = "default" if text in RATIOS else "numeric"
            self.text.append(f"\\{style}TimeSignature \\time {ratio(text)}")
        elif kind == "note":
            octave = "'" * (element.octave - 3) + "," * (3 - element.octave) + "!" * bool(element.sign)
            marks = [mark.partition(":") for mark in element.marks]
            after = "~" * element.tie + "".join(MARKS[mark].format(what) for mark, _, what in marks)
            self.text.append(element.letter.lower() + ALTERS[element.alter] + octave + length + after)
        elif kind == "bar":
            self.before, self.bar_line = text, len(self.text)
            self.text += [f'\\bar "{BARS[text]}"'] + [CLOSE_VOLTA] * bool(element.closes)
        elif kind == "ending":
            closes = ""
            if self.text[-1] == CLOSE_VOLTA:  # at one moment the property is set only once
                closes = "(volta #f) "
                self.text.pop()
            self.text.append(f'\\set Score.repeatCommands = #\'({closes}(volta "{text}."))')
        else:
            self.text.append({"rest": f"r{length}", "triplet": "\\tuplet 3/2 {", "end-triplet": "}"}[kind])
        self.holds[kind] = text


def page_source(pieces: list[tuple[str, str, list[list[Element]]]], look: dict) -> str:
    """LilyPond source of (title, tempo, lines) each; `look`: `staff` (points), `width` (mm), bar numbers."""
    source = PAPER.format(**look) + ("" if look["bar_numbers"] else NO_NUMBERS)
    for title, tempo, lines in pieces:
        writer = _Writer()
        for number, line in enumerate(lines):
            writer.text += ["\\break\n"] * bool(number)
            writer.write_line(line)
        marks = [mark.partition(":") for line in lines for element in line for mark in element.marks]
        syllables = " ".join(syllable for kind, _, syllable in marks if kind == "lyric")
        lyrics = f" \\addlyrics {{ {syllables} }}" if syllables else ""
        speed = f'\\tempo "{tempo}"\n' if tempo else ""
        music = speed + HOUSE_RULES + " ".join([*writer.text, ""])
        source += f'\\markup \\fill-line {{ \\bold \\larger "{title}" }}\n' * bool(title)
        source += f"\\score {{ \\new Staff {{ {music} }}{lyrics} \\layout {{ }} }}\n"
    return source


def engrave(source: str, dpi: int) -> np.ndarray:
    """The page as a picture: uint8 (height, width), 255 white."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.ly"
        path.write_text(source, encoding="utf-8")
        options = ["--silent", "--png", f"-dresolution={dpi}", "-danti-alias-factor=2", "-o", "page"]
        done = subprocess.run(["lilypond", *options, path.name], cwd=folder, capture_output=True, text=True)
        if done.returncode or not path.with_suffix(".png").exists():
            raise RuntimeError(f"LilyPond could not engrave this page:\n{done.stderr}\n{source}")
        return np.asarray(Image.open(path.with_suffix(".png")).convert("L"))
