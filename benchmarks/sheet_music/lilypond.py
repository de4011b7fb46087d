"""Words of printed lines as LilyPond source, so that exactly these words are engraved, and no others.

LilyPond decides much by itself: which accidentals are needed, where bar lines, courtesy signatures and cancelling naturals
stand. All of that is switched off and written out, see `HOUSE_RULES`. Beams, stems, spacing and the shape of ties stay its own.
Lesson: 10_reading_sheet_music.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.sheet_music.notation import COMMON, quarters
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
NO_COURTESY = {
    "clef": r"\set Staff.explicitClefVisibility = #end-of-line-invisible ",
    "key": r"\set Staff.explicitKeySignatureVisibility = #end-of-line-invisible ",
    "time": "",
}
ALTERS = {-2: "eses", -1: "es", 0: "", 1: "is", 2: "isis"}
KEYS = {fifths: ("fcgdaeb"[(fifths + 1) % 7] + ALTERS[(fifths + 1) // 7]) for fifths in range(-7, 8)}
BARS = {
    "bar": "|",
    "double-bar": "||",
    "final-bar": "|.",
    "repeat-start": ".|:",
    "repeat-end": ":|.",
    "repeat-both": ":..:",
}
MARKS = {
    "slur-start": "(",
    "slur-end": ")",
    "staccato": "-.",
    "accent": "->",
    "tenuto": "--",
    "trill": r"\trill",
    "mordent": r"\mordent",
    "turn": r"\turn",
    "fermata": r"\fermata",
    "cresc": r"\<",
    "dim": r"\>",
    "hairpin-end": r"\!",
}

#: Bar lines (before, after) a line break, as LilyPond names the two together.
LINE_BREAKS = {
    ("bar", "repeat-start"): ".|:-|",
    ("double-bar", "repeat-start"): ".|:-||",
    ("repeat-end", "repeat-start"): ":..:",
}
CLOSE_VOLTA = "\\set Score.repeatCommands = #'((volta #f))"


def mark(text):
    """A distractor as LilyPond writes it after its note."""
    kind, _, what = text.partition(":")
    if kind == "finger":
        return f"-{what}"
    if kind == "dynamic":
        return f"\\{what}"
    if kind == "chord":
        return f'^\\markup \\sans "{what}"'
    if kind == "text":
        return f'^\\markup \\italic "{what}"'
    return MARKS.get(kind, "")


def piece(lines):
    """Music of one piece: what stands between the braces of a staff.

    Parameters
    ----------
    lines : list of list of Token
        As `printed.tokens` gives them.

    Returns
    -------
    str
    """
    writer = _Writer()
    for number, line in enumerate(lines):
        last = max(at for at, token in enumerate(line) if token.kind not in ("clef", "key", "time"))
        writer.write_line(line[: last + 1])
        writer.announced = {token.kind: token for token in line[last + 1 :]}
        writer.text.append("\\break\n" if number < len(lines) - 1 else "")
    return HOUSE_RULES + " ".join(writer.text)


class _Writer:
    """Writes token by token, and remembers what holds."""

    def __init__(self):
        self.text, self.clef, self.key, self.time = [], None, None, None
        self.announced = {}  # kind -> signature that the last line ended with
        self.before = self.bar_line = None  # the last bar line, and its place in the text

    def write_line(self, line):
        rest = list(line)
        while rest and rest[0].kind in ("clef", "key", "time"):
            token = rest.pop(0)
            if token.kind in self.announced:
                self.text.append(COURTESY[token.kind])
                token = self.announced[token.kind]
            getattr(self, "write_" + token.kind)(token)
        if (
            rest[0].kind == "bar" and self.bar_line is not None
        ):  # a repeat begins the line: LilyPond wants both as one
            self.text[self.bar_line] = f'\\bar "{LINE_BREAKS[self.before, rest[0].text]}"'
            self.before = rest.pop(0).text
        for bar in _split_bars(rest):
            self._write_measure(bar)
        self.text += [NO_COURTESY[kind] for kind in self.announced]

    def _write_measure(self, bar):
        sounding = [token for token in bar if token.kind in ("note", "rest")]
        length, placed = sum(token.length for token in sounding), False
        alone = (
            len(sounding) == 1
            and sounding[0].kind == "rest"
            and (sounding[0].value, sounding[0].dots) == (1, 0)
        )
        for token in bar:
            if token.kind in ("note", "rest", "triplet") and not placed:
                early = (
                    length < quarters(self.time) and self.before != "bar"
                )  # a pick-up: beamed as the end of a bar
                position = -length / 4 if early and not alone else 0
                self.text.append(f"\\set Timing.measurePosition = #(ly:make-moment {position})")
                placed = True
            if alone and token.kind == "rest":
                self.text.append(f"R1*{quarters(self.time) / 4}")  # in the middle of the bar
            else:
                getattr(self, "write_" + token.kind.replace("-", "_"))(token)

    def write_clef(self, token):
        if token.text != self.clef:
            self.text.append(f"\\clef {token.text}")
        self.clef = token.text

    def write_key(self, token):
        if token.fifths != self.key:
            self.text.append(
                f"\\set Staff.printKeyCancellation = ##{'t' if token.cancel else 'f'} "
                f"\\key {KEYS[token.fifths]} \\major"
            )
        self.key = token.fifths

    def write_time(self, token):
        style = "default" if token.text in COMMON else "numeric"
        self.text.append(f"\\{style}TimeSignature \\time {COMMON.get(token.text, token.text)}")
        self.time = token.text

    def write_note(self, token):
        octave = "'" * (token.octave - 3) + "," * (3 - token.octave)
        self.text.append(
            token.letter.lower()
            + ALTERS[token.alter]
            + octave
            + "!" * bool(token.sign)
            + str(token.value)
            + "." * token.dots
            + "~" * token.tie
            + "".join(map(mark, token.marks))
        )

    def write_rest(self, token):
        self.text.append(f"r{token.value}" + "." * token.dots)

    def write_triplet(self, _):
        self.text.append("\\tuplet 3/2 {")

    def write_end_triplet(self, _):
        self.text.append("}")

    def write_bar(self, token):
        self.text.append(f'\\bar "{BARS[token.text]}"')
        self.before, self.bar_line = token.text, len(self.text) - 1

    def write_ending(self, token):
        closes = ""
        if self.text[-1] == CLOSE_VOLTA:  # at one moment the property is set only once
            closes = "(volta #f) "
            self.text.pop()
        self.text.append(f'\\set Score.repeatCommands = #\'({closes}(volta "{token.text}."))')

    def write_end_ending(self, _):
        self.text.append(CLOSE_VOLTA)


def _split_bars(tokens):
    """Tokens bar by bar; each ends with its bar line, but for the last one perhaps."""
    bars, bar = [], []
    for token in tokens:
        bar.append(token)
        if token.kind == "bar":
            bars, bar = [*bars, bar], []
    return [*bars, bar] if bar else bars


def page_source(pieces, look):
    """LilyPond source of one page.

    Parameters
    ----------
    pieces : list of (str, str, list of list of Token)
        Title, tempo (or "") and lines of each piece on the page.
    look : dict
        `staff` (size in points), `width` (mm), `bar_numbers` (bool).

    Returns
    -------
    str
    """
    scores = []
    for title, tempo, lines in pieces:
        words = [
            mark.partition(":")[2]
            for line in lines
            for token in line
            for mark in token.marks
            if mark.startswith("lyric:")
        ]
        lyrics = " \\addlyrics { " + " ".join(words) + " }" if words else ""
        speed = f'\\tempo "{tempo}"\n' if tempo else ""
        scores.append(
            f'\\markup \\fill-line {{ \\bold \\larger "{title}" }}\n' * bool(title)
            + f"\\score {{ \\new Staff {{ {speed}{piece(lines)} }}{lyrics} \\layout {{ }} }}\n"
        )
    numbers = (
        "" if look["bar_numbers"] else "\\layout { \\context { \\Score \\remove Bar_number_engraver } }\n"
    )
    return (
        f'\\version "2.24.0"\n#(set-global-staff-size {look["staff"]})\n'
        "\\header { tagline = ##f }\n\\paper { indent = 0 ragged-right = ##f ragged-last = ##f top-margin = 12\\mm "
        "bottom-margin = 14\\mm left-margin = 12\\mm right-margin = 12\\mm page-breaking = #ly:one-page-breaking "
        f"paper-width = {look['width']}\\mm }}\n{numbers}" + "".join(scores)
    )


def need(program, name):
    """Refuse where a program is not there."""
    if shutil.which(program) is None:
        raise UserError(
            f"{name} is not installed: put `{program}` on the PATH to make new pages; the frozen ones need nothing."
        )


def engrave(source, dpi):
    """The page as a picture.

    Parameters
    ----------
    source : str
    dpi : int

    Returns
    -------
    numpy.ndarray
        uint8 (height, width), 255 white.
    """
    need("lilypond", "LilyPond")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.ly"
        path.write_text(source, encoding="utf-8")
        command = [
            "lilypond",
            "--silent",
            "--png",
            f"-dresolution={dpi}",
            "-danti-alias-factor=2",
            "-o",
            "page",
            path.name,
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode or not path.with_suffix(".png").exists():
            raise RuntimeError(f"LilyPond could not engrave this page:\n{done.stderr}\n{source}")
        return np.asarray(Image.open(path.with_suffix(".png")).convert("L"))
