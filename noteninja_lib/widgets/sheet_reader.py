"""The sheet music reader as a widget: a page in, what was read drawn over it, corrected, engraved again, heard in a genre.

Lesson: 10_reading_sheet_music
"""

import base64
import html
import re
from itertools import takewhile

import cv2
import ipywidgets as widgets
import numpy as np
from IPython.display import HTML

from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.arranger.synthesis import sketch
from noteninja_lib.audio import io as sound
from noteninja_lib.errors import Stopped
from noteninja_lib.music.tunes import find_tune
from noteninja_lib.omr.composer import print_tune
from noteninja_lib.omr.recognition import read_sheet
from noteninja_lib.omr.rendering import FONTS, engrave, engrave_score, rasterise
from noteninja_lib.omr.score import key_in_words
from noteninja_lib.omr.vocabulary import BAR_LINES, CLEFS, LETTERS, METRES, SIGNS, is_note, position_and_value
from noteninja_lib.plots import BLUE, ORANGE, VERMILION
from noteninja_lib.source import PICTURES
from noteninja_lib.widgets.choosers import FileChooser
from noteninja_lib.widgets.players import free_path
from noteninja_lib.widgets.results import measured, save_into
from noteninja_lib.widgets.workbench import Workbench, name_parts, row, short

WAYS = ("a sample page", "a path", "an upload")
AS_READ = "as it was read"


def piano(sheet):
    """What was read as a piano plays it, repeats played out; mono, 22,050 Hz, shape (n,)."""
    midi = sheet.midi()
    notes = [
        Note(note.start, note.end, note.pitch, note.velocity)
        for part in midi.instruments
        for note in part.notes
    ]
    return sketch(notes, [], midi.get_end_time() + 1)


def engraved(sheet, font="Leland"):
    """What was read, engraved anew (HTML)."""
    pages = engrave_score(sheet.musicxml(), font=font)
    addresses = [base64.b64encode(svg.encode("utf-8")).decode("ascii") for svg in pages]
    return "".join(
        '<img class="nn-engraved" alt="what was read, engraved anew" style="width:100%;background:white;'
        f'border:1px solid #ccc" src="data:image/svg+xml;base64,{address}"/>'
        for address in addresses
    )


class SheetChooser(FileChooser):
    """Lets a user choose a page: an engraved sample, a path or an upload."""

    def __init__(self):
        self.sample = widgets.Dropdown(options=list(SAMPLES), description="tune")
        self.font = widgets.Dropdown(options=FONTS, description="font")
        super().__init__(
            WAYS,
            widgets.HBox([self.sample, self.font]),
            PICTURES,
            "page",
            "for example C:/music/my page.png (or jpg, pdf, tif)",
        )
        name_parts(sample=self.sample, font=self.font)

    def page(self):
        """What `read_sheet` takes, and a title; UserError when nothing was chosen yet."""
        if self.way.value == WAYS[0]:
            return sample_page(self.sample.value, font=self.font.value), self.sample.value
        return self.own_file()


class SheetReader(Workbench):
    """Page, corrections, engraving and sound; parameters as those of `Workbench`.

    Attributes
    ----------
    sheet : omr.recognition.Sheet or None
        What is shown, with the corrections.
    """

    what = "page"

    def __init__(self, pipeline=None, **options):
        super().__init__(pipeline, **options)
        self._read_sheet, self.sheet, self.title = None, None, ""
        self.chooser = SheetChooser()
        self.read_button = self.go_button("Read", "eye", self.read_page)
        self.play_button = self.go_button("Play in this genre", "music", self.play)
        self.genre = widgets.Dropdown(options=GENRES, value="jazz", description="genre")
        self.seed = widgets.BoundedIntText(value=0, min=0, max=2**31 - 1, description="seed")
        name_parts(read=self.read_button, play=self.play_button, genre=self.genre, seed=self.seed)
        self.reading = self._build_reading()
        self.arrange(self.chooser, row(*short(self.genre, self.seed)))
        self.children = [
            *(part for part in self.children if part is not self.results),
            self.reading,
            self.results,
        ]

    def _build_reading(self):
        """What is shown of a page that was read; hidden until then."""
        self.clef = widgets.Dropdown(options=(AS_READ, *CLEFS), description="clef")
        self.key = widgets.Dropdown(options=[(AS_READ, AS_READ), *key_choices()], description="key")
        self.metre = widgets.Dropdown(options=(AS_READ, *METRES), description="metre")
        self.shown = widgets.BoundedIntText(value=1, min=1, max=1, description="page")
        self.marks = widgets.Checkbox(value=True, description="marks", indent=False, layout={"width": "auto"})
        self.words, self.page, self.engraving = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.player = widgets.Audio(value=b"", format="mp3", autoplay=False, loop=False)
        self.save_buttons = {
            kind: widgets.Button(description=f"Save {name}", icon="save")
            for kind, name in (("musicxml", "MusicXML"), ("mid", "MIDI"), ("mp3", "mp3"))
        }
        self.saved = widgets.HTML()
        for part in (self.clef, self.key, self.metre):
            part.observe(self.correct, "value")
        for part in (self.shown, self.marks):
            part.observe(self._show_page, "value")
        for kind, button in self.save_buttons.items():
            button.on_click(lambda _, kind=kind: self.save(kind))
            button.add_class(f"nn-save-{kind}")
        name_parts(
            clef=self.clef,
            key=self.key,
            metre=self.metre,
            shown=self.shown,
            marks=self.marks,
            words=self.words,
            original=self.page,
            engraving=self.engraving,
            plain=self.player,
            saved=self.saved,
        )
        sides = widgets.HBox(
            [
                side("the page, and what was read", self.page),
                side("what was read, engraved anew", self.engraving),
            ]
        )
        reading = widgets.VBox(
            [
                self.words,
                row(self.clef, self.key, self.metre, *short(self.shown), self.marks),
                sides,
                widgets.HTML("<b>as it stands, on a piano</b>"),
                self.player,
                row(*self.save_buttons.values(), self.saved),
            ]
        )
        reading.layout.display = "none"
        name_parts(pair=sides, reading=reading)
        return reading

    @property
    def result(self):
        """What would be lost: the page that was read, or None."""
        return self.sheet

    # ---- reading --------------------------------------------------------------------------------------

    def read_page(self, _=None):
        """Read the chosen page; the handler of the button Read."""
        self.start(self._read)

    def _read(self):
        source, title = self.chooser.page()
        self.tell_progress(0.0, "looking for staffs")
        sheet = read_sheet(source, progress=lambda done: self.tell_progress(0.9 * done, "reading"))
        sheet.title = title
        self.tell_progress(0.95, "engraving what was read")
        views = self._views(sheet)
        self._read_sheet = sheet
        self._forget_corrections()
        self._put(sheet, title, views)

    def _views(self, sheet):
        """All that is shown of a sheet, so that nothing is changed where one of them fails or Stop is pressed."""
        views = {
            self.page: marked_page(sheet, 0, self.marks.value),
            self.engraving: engraved(sheet),
            self.words: told(sheet),
            self.player: sound.to_mp3(piano(sheet)),
        }
        if self._stop.is_set():
            raise Stopped
        return views

    def _put(self, sheet, title, views):
        self.sheet, self.title = sheet, title
        self.shown.max = len(sheet.pages)
        self.shown.layout.display = "" if len(sheet.pages) > 1 else "none"
        for part, value in views.items():
            part.value = value
        self.saved.value, self.reading.layout.display = "", ""
        if self.shown.value > 1:
            self._show_page()

    def _show_page(self, _=None):
        if self.sheet is not None:
            self.page.value = marked_page(self.sheet, self.shown.value - 1, self.marks.value)

    # ---- correcting -----------------------------------------------------------------------------------

    def _forget_corrections(self):
        for part in (self.clef, self.key, self.metre):
            part.unobserve(self.correct, "value")
            part.value = AS_READ
            part.observe(self.correct, "value")
        self.shown.value = 1

    def correct(self, _=None):
        """Put what the controls say in place of what was read; the handler of clef, key and metre."""
        if self._read_sheet is not None:
            self.start(self._correct)

    def _correct(self):
        self.tell_progress(0.5, "engraving what was read")
        wish = [None if part.value == AS_READ else part.value for part in (self.clef, self.key, self.metre)]
        sheet = self._read_sheet.corrected(*wish)
        self._put(sheet, self.title, self._views(sheet))

    def _set_busy(self, busy):
        super()._set_busy(busy)
        for part in (self.clef, self.key, self.metre):  # what they say is what is shown
            part.disabled = busy

    # ---- playing and saving ---------------------------------------------------------------------------

    def play(self, _=None):
        """Play what was read in the chosen genre, reading the page first if that was not done; the handler of that button."""
        self.start(self._play, {"genre": self.genre.value, "seed": self.seed.value})

    def _play(self, wish):
        if self.sheet is None:
            self._read()
        result = self.convert_with(None, self.sheet.piano_roll(), **wish)
        genre = wish["genre"]
        self.results.show(
            result,
            self.title,
            genre,
            measured(result, genre),
            version=f"{genre}_{wish['seed']}",
            settings=wish,
            before=f"{self.title}, on a piano",
            facts={"words": self.sheet.tokens()},
        )

    def save(self, kind):
        """Write what was read into the folder; the handler of the Save buttons.

        Parameters
        ----------
        kind : {"musicxml", "mid", "mp3"}
        """

        def write(folder):
            name = "_".join(re.findall(r"\w+", self.title)) or "page"
            path = free_path(folder / f"{name}.{kind}")
            if kind == "mp3":
                sound.save(path, piano(self.sheet))
            else:
                self.sheet.save(path)
            return [path]

        try:
            self.saved.value = save_into(self.folder, write)
        except Exception as error:
            self.tell(error)


def side(heading, part):
    """Something to look at under a heading, one of two side by side."""
    box = widgets.VBox([widgets.HTML(f"<b>{heading}</b>"), part])
    box.add_class("nn-side")
    return box


def told(sheet):
    """What was read, in words (HTML), and why bars are doubtful."""
    doubts = "".join(f"<li>bar {doubt.number}: {html.escape(doubt.why)}</li>" for doubt in sheet.doubtful)
    return f"<p>{html.escape(str(sheet))}</p>" + (f"<ul>{doubts}</ul>" if doubts else "")


# A page of printed music with what was read drawn over it, each symbol on its place, doubtful bars in another colour.
#
# Lesson: 10_reading_sheet_music

GREEN, PURPLE = "#009E73", "#AA4499"  # safe for colour-blind readers beside them
ALTERS = {-2: "𝄫", -1: "♭", 0: "", 1: "♯", 2: "𝄪"}
NAMES_ROW, LABELS_ROW = 15, 4  # of a strip: where names of notes stand, and what has no place of its own
BOTTOM_LINE, HALF_SPACE = 64, 4  # of a strip: row of the bottom line, pixels from one position to the next
WIDEST = 1600  # pixels of a page as it is shown
LEGEND = (
    ("○", BLUE, "a note and its name"),
    ("□", ORANGE, "a rest, an accidental, a dot"),
    ("|", GREEN, "a bar line"),
    ("abc", PURPLE, "clef, key, metre, ending, tie, triplet"),
    ("▮", VERMILION, "a doubtful bar"),
)


def show_page(sheet, page=0, marks=True):
    """A page with what was read drawn over it, for a notebook.

    Parameters
    ----------
    sheet : omr.recognition.Sheet
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
    legend = " &emsp; ".join(
        f'<span style="color:{colour};font-weight:bold">{sign}</span> {words}'
        for sign, colour, words in LEGEND
    )
    return (
        f'<svg class="nn-page" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'style="width:100%;height:auto;border:1px solid #ccc">{"".join(parts)}</svg>'
        + (f'<div class="nn-legend" style="margin:4px 0">{legend}</div>' if marks else "")
    )


def names_of_notes(sheet):
    """{line: {number of the word in it: name of the note}}; names such as "F♯"."""
    names = {}
    for bar in sheet.bars:
        places = [
            (line, number)
            for line, first, end in bar.spans
            for number in range(first, end)
            if sheet.lines[line].symbols[number].token.startswith(("note:", "rest:"))
        ]
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
                parts.append(
                    f'<polygon class="nn-doubt" points="{points}" fill="{VERMILION}" fill-opacity=".2" '
                    f'stroke="{VERMILION}" stroke-width="2"><title>{why}</title></polygon>'
                )
    return parts


def line_marks(line, names):
    """SVG of what was read in one staff; `names` are those of its notes, by number of the word."""
    pen, words = Pen(line.staff), [symbol.token for symbol in line.symbols]
    for number, symbol in enumerate(line.symbols):
        word, column = symbol.token, symbol.column
        kind, _, text = word.partition(":")
        heights = [
            position_and_value(other)[0]
            for other in words[number :: -1 if word == "dot" else 1]
            if is_note(other)
        ]
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
            if not (number and words[number - 1].startswith(SIGNS)):  # one label for all that stands together
                group = list(takewhile(lambda one: one.startswith(SIGNS), words[number:]))
                pen.text(column, LABELS_ROW, signature_in_words(group), PURPLE, "start")
        else:
            pen.text(
                column,
                LABELS_ROW,
                {"end-triplet": "⌉3", "triplet": "3⌈", "ending": f"{text}."}.get(kind, kind),
                PURPLE,
            )
        pen.end()
    return pen.parts


def signature_in_words(words):
    """Clef, key and metre that stand together, such as "treble, 2♯, 6/8"."""
    keys = [word for word in words if word[:-1] in ("sharp", "flat")]
    key = [f"{keys[-1][-1]}{'♯' if keys[-1].startswith('sharp') else '♭'}"] if keys else []
    clefs, naturals, times = (
        [word.partition(":")[2] or "♮" for word in words if word.startswith(kind)]
        for kind in ("clef", "cancel", "time")
    )
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
        told = html.escape(f"{symbol.token} ({symbol.confidence:.0%} sure)")
        self.parts.append(
            f'<g class="nn-symbol" opacity="{0.5 + 0.5 * symbol.confidence:.2f}"><title>{told}</title>'
        )

    def end(self):
        """The symbol is done."""
        self.parts.append("</g>")

    def ring(self, column, row, radius, colour):
        """A circle."""
        x, y = self.at(column, row)
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius * self.unit:.1f}" fill="{colour}" fill-opacity=".15" '
            f'stroke="{colour}" stroke-width="{1.3 * self.unit:.1f}"/>'
        )

    def box(self, column, row, radius, colour):
        """A square."""
        x, y = self.at(column, row)
        radius *= self.unit
        self.parts.append(
            f'<rect x="{x - radius:.1f}" y="{y - radius:.1f}" width="{2 * radius:.1f}" height="{2 * radius:.1f}" '
            f'fill="{colour}" fill-opacity=".2" stroke="{colour}" stroke-width="{self.unit:.1f}"/>'
        )

    def stroke(self, column, top, bottom, colour, width):
        """An upright line."""
        (x1, y1), (x2, y2) = self.at(column, top), self.at(column, bottom)
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-opacity=".7" '
            f'stroke-width="{width * self.unit:.1f}"/>'
        )

    def text(self, column, row, words, colour, anchor="middle"):
        """Letters, in the middle of their place or beginning there."""
        x, y = self.at(column, row)
        look = (
            f'font-family="sans-serif" font-size="{11 * self.unit:.1f}" font-weight="bold" dominant-baseline="middle" '
            f'fill="{colour}" stroke="white" stroke-width="{2 * self.unit:.1f}" stroke-opacity=".8" paint-order="stroke"'
        )
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {look}>{html.escape(words)}</text>'
        )


def key_choices():
    """Key signatures in words and as a number of sharps, from seven flats to seven sharps, for a dropdown."""
    return [(key_in_words(fifths), fifths) for fifths in range(-7, 8)]


# Pages to try the reader on, engraved when they are asked for, from tunes that it never learned from.
#
# Lesson: 10_reading_sheet_music

#: Title -> name of a tune of the test part.
SAMPLES = {
    "The Jolly Joker": "oneill-1014-the-jolly-joker",
    "Oh dear, what can the matter be": "aird-0615-oh-dear-what-can-the-matter-be",
    "I'll never leave thee": "aird-0927-ill-never-leave-thee",
    "Frost and Snow": "oneill-1695-frost-and-snow",
    "St Patrick's Day in the Morning": "aird-0050-st-patricks-day-in-the-morning",
    "Auld Robin Gray": "aird-0582-auld-robin-gray",
}
ZOOM = 0.8  # 14 pixels in a staff space, as a scan with 200 dpi has


def sample_lines(title, seed=0, clef="treble"):
    """What stands in the lines of a sample page.

    Parameters
    ----------
    title : str
        One of SAMPLES.
    seed : int
        Decides how it is laid out: repeats, endings, a pick-up, C or 4/4.
    clef : str

    Returns
    -------
    list of list of str
        Words, see `omr.vocabulary`.
    """
    return print_tune(find_tune(SAMPLES[title]), np.random.default_rng(seed), clef)


def sample_page(title, seed=0, clef="treble", font="Leland", zoom=ZOOM, most=None):
    """A sample page as a picture: uint8, shape (height, width), 255 is paper.

    Parameters
    ----------
    title, seed, clef
        As of `sample_lines`.
    font : str
        One of `engraver.FONTS`.
    zoom : float
        1 has 18 pixels in a staff space.
    most : int, optional
        How many of its lines; all by default.
    """
    return rasterise(engrave(sample_lines(title, seed, clef)[:most], font=font), zoom)
