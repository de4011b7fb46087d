"""A page of printed music with what was read drawn over it, each symbol on its place, doubtful bars in another colour.

Lesson: 10_reading_sheet_music
"""
import base64
import html
from itertools import takewhile

import cv2
import numpy as np
from IPython.display import HTML

from ..music.omr.pitches import LETTERS
from ..music.omr.score import key_in_words
from ..music.omr.symbols import BAR_LINES, SIGNS, is_note, position_and_value
from .plotting import BLUE, ORANGE, VERMILION

GREEN, PURPLE = "#009E73", "#AA4499"       # safe for colour-blind readers beside them
ALTERS = {-2: "𝄫", -1: "♭", 0: "", 1: "♯", 2: "𝄪"}
NAMES_ROW, LABELS_ROW = 15, 4              # of a strip: where names of notes stand, and what has no place of its own
BOTTOM_LINE, HALF_SPACE = 64, 4            # of a strip: row of the bottom line, pixels from one position to the next
WIDEST = 1600                              # pixels of a page as it is shown
LEGEND = (("○", BLUE, "a note and its name"), ("□", ORANGE, "a rest, an accidental, a dot"), ("|", GREEN, "a bar line"),
          ("abc", PURPLE, "clef, key, metre, ending, tie, triplet"), ("▮", VERMILION, "a doubtful bar"))


def show_page(sheet, page=0, marks=True):
    """A page with what was read drawn over it, for a notebook.

    Parameters
    ----------
    sheet : music.omr.sheet.Sheet
    page : int
        From 0.
    marks : bool
        Whether to draw what was read.

    Returns
    -------
    IPython.display.HTML
    """
    return HTML(marked_page(sheet, page, marks))


def marked_page(sheet, page=0, marks=True):
    """The same as HTML text: a picture as wide as its place, whose marks tell more when the mouse rests on them."""
    picture = sheet.pages[page]
    height, width = picture.shape
    if width > WIDEST:
        picture = cv2.resize(picture, (WIDEST, height * WIDEST // width), interpolation=cv2.INTER_AREA)
    packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    address = base64.b64encode(packed.tobytes()).decode("ascii")
    parts = [f'<image href="data:image/jpeg;base64,{address}" width="{width}" height="{height}"/>']
    if marks:
        names = names_of_notes(sheet)
        parts += doubtful_bars(sheet, page)
        for number, line in enumerate(sheet.lines):
            parts += line_marks(line, names.get(number, {})) if line.page == page else []
    legend = " &emsp; ".join(f'<span style="color:{colour};font-weight:bold">{sign}</span> {words}'
                             for sign, colour, words in LEGEND)
    return (f'<svg class="nn-page" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'style="width:100%;height:auto;border:1px solid #ccc">{"".join(parts)}</svg>'
            + (f'<div class="nn-legend" style="margin:4px 0">{legend}</div>' if marks else ""))


def names_of_notes(sheet):
    """{line: {number of the word in it: name of the note}}; names such as "F♯"."""
    names = {}
    for bar in sheet.bars:
        places = [(line, number) for line, first, end in bar.spans for number in range(first, end)
                  if sheet.lines[line].symbols[number].word.startswith(("note:", "rest:"))]
        for (line, number), event in zip(places, bar.events):
            if event.step is not None:
                names.setdefault(line, {})[number] = LETTERS[event.step % 7] + ALTERS.get(event.alter, "")
    return names


def doubtful_bars(sheet, page):
    """SVG of the bars that were probably read wrong."""
    parts = []
    for doubt in sheet.doubtful:
        for number, outline in sheet.outlines(doubt.number):
            if number == page:
                points = " ".join(f"{x:.0f},{y:.0f}" for x, y in outline)
                why = html.escape(f"bar {doubt.number}: {doubt.why}")
                parts.append(f'<polygon class="nn-doubt" points="{points}" fill="{VERMILION}" fill-opacity=".2" '
                             f'stroke="{VERMILION}" stroke-width="2"><title>{why}</title></polygon>')
    return parts


def line_marks(line, names):
    """SVG of what was read in one staff; `names` are those of its notes, by number of the word."""
    pen, words = Pen(line.staff), [symbol.word for symbol in line.symbols]
    for number, symbol in enumerate(line.symbols):
        word, column = symbol.word, symbol.column
        kind, _, text = word.partition(":")
        heights = [position_and_value(other)[0] for other in words[number::-1 if word == "dot" else 1] if is_note(other)]
        row = BOTTOM_LINE - HALF_SPACE * heights[0] if heights else 48
        pen.begin(symbol)
        if is_note(word):
            pen.ring(column, row, 5.5, BLUE)
            pen.text(column, NAMES_ROW, names.get(number, ""), BLUE)
        elif word in BAR_LINES:
            pen.stroke(column, 30, 66, GREEN, 2 if word == "bar" else 4)
        elif kind in ("rest", "acc", "dot"):
            pen.box(column, 48 if kind == "rest" else row, {"rest": 7, "acc": 5, "dot": 3}[kind], ORANGE)
        elif word.startswith(SIGNS):
            if not (number and words[number - 1].startswith(SIGNS)):     # one label for all that stands together
                group = list(takewhile(lambda one: one.startswith(SIGNS), words[number:]))
                pen.text(column, LABELS_ROW, signature_in_words(group), PURPLE, "start")
        else:
            pen.text(column, LABELS_ROW, {"end-triplet": "⌉3", "triplet": "3⌈", "ending": f"{text}."}.get(kind, kind), PURPLE)
        pen.end()
    return pen.parts


def signature_in_words(words):
    """Clef, key and metre that stand together, such as "treble, 2♯, 6/8"."""
    keys = [word for word in words if word[:-1] in ("sharp", "flat")]
    key = [f"{keys[-1][-1]}{'♯' if keys[-1].startswith('sharp') else '♭'}"] if keys else []
    clefs, naturals, times = ([word.partition(":")[2] or "♮" for word in words if word.startswith(kind)]
                              for kind in ("clef", "cancel", "time"))
    return ", ".join([*clefs, *naturals, *key, *times])


class Pen:
    """Draws in the pixels of a staff's strip, and has it land in the page; all sizes in pixels of the strip."""

    def __init__(self, staff):
        self.staff, self.unit, self.parts = staff, staff.space / 8, []

    def at(self, column, row):
        """x and y in the page."""
        x, y = self.staff.to_page(float(np.clip(column, 0, self.staff.width - 1)), float(row))
        return float(x), float(y)

    def begin(self, symbol):
        """What is drawn from here on belongs to a symbol; a pale one was hardly recognised."""
        told = html.escape(f"{symbol.word} ({symbol.confidence:.0%} sure)")
        self.parts.append(f'<g class="nn-symbol" opacity="{0.5 + 0.5 * symbol.confidence:.2f}"><title>{told}</title>')

    def end(self):
        """The symbol is done."""
        self.parts.append("</g>")

    def ring(self, column, row, radius, colour):
        """A circle."""
        x, y = self.at(column, row)
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius * self.unit:.1f}" fill="{colour}" fill-opacity=".15" '
                          f'stroke="{colour}" stroke-width="{1.3 * self.unit:.1f}"/>')

    def box(self, column, row, radius, colour):
        """A square."""
        x, y = self.at(column, row)
        radius *= self.unit
        self.parts.append(f'<rect x="{x - radius:.1f}" y="{y - radius:.1f}" width="{2 * radius:.1f}" height="{2 * radius:.1f}" '
                          f'fill="{colour}" fill-opacity=".2" stroke="{colour}" stroke-width="{self.unit:.1f}"/>')

    def stroke(self, column, top, bottom, colour, width):
        """An upright line."""
        (x1, y1), (x2, y2) = self.at(column, top), self.at(column, bottom)
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-opacity=".7" '
                          f'stroke-width="{width * self.unit:.1f}"/>')

    def text(self, column, row, words, colour, anchor="middle"):
        """Letters, in the middle of their place or beginning there."""
        x, y = self.at(column, row)
        look = (f'font-family="sans-serif" font-size="{11 * self.unit:.1f}" font-weight="bold" dominant-baseline="middle" '
                f'fill="{colour}" stroke="white" stroke-width="{2 * self.unit:.1f}" stroke-opacity=".8" paint-order="stroke"')
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {look}>{html.escape(words)}</text>')


def key_choices():
    """Key signatures in words and as a number of sharps, from seven flats to seven sharps, for a dropdown."""
    return [(key_in_words(fifths), fifths) for fifths in range(-7, 8)]
