"""The reader of sheet music as a widget: what was read is drawn over the page, corrected, engraved, heard.

Lesson: 10_reading_sheet_music
"""

import html
from collections.abc import Callable
from itertools import takewhile

import cv2
import ipywidgets as widgets
import numpy as np
from IPython.display import HTML

from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.synthesis import sketch
from noteninja_lib.audio import io as sound
from noteninja_lib.errors import Stopped, free_path
from noteninja_lib.music.tunes import find_tune
from noteninja_lib.omr.composer import print_tune
from noteninja_lib.omr.recognition import Line, Sheet, read_sheet
from noteninja_lib.omr.rendering import FONTS, engrave, engrave_score, rasterise
from noteninja_lib.omr.score import key_in_words
from noteninja_lib.omr.staff_detection import Staff
from noteninja_lib.omr.vocabulary import BAR_LINES, CLEFS, LETTERS, METRES, SIGNS, is_note, position_and_value
from noteninja_lib.plots import BLUE, ORANGE, VERMILION
from noteninja_lib.source import PICTURES
from noteninja_lib.widgets.inputs import FileChooser, genre_menu, seed_field
from noteninja_lib.widgets.players import data_address
from noteninja_lib.widgets.results import file_name, save_into
from noteninja_lib.widgets.style_sheet import name_parts, player, row, short
from noteninja_lib.widgets.workbench import Workbench

WAYS = ("a sample page", "a path", "an upload")
EXAMPLE = "for example C:/music/my page.png (or jpg, pdf, tif)"
AS_READ = "as it was read"
KEYS = [(key_in_words(fifths), fifths) for fifths in range(-7, 8)]  # from seven flats to seven sharps


def piano(sheet: Sheet) -> np.ndarray:
    """What was read as a piano plays it, repeats played out; stereo, 44,100 Hz, shape (n, 2)."""
    midi = sheet.midi()
    played = [note for part in midi.instruments for note in part.notes]
    notes = [Note(note.start, note.end, note.pitch, note.velocity) for note in played]
    return sketch(notes, [], midi.get_end_time() + 1, stereo=True)


def engraved(sheet: Sheet) -> str:
    """What was read, engraved anew (HTML)."""
    return "".join(
        '<img class="nn-engraved" alt="what was read, engraved anew" style="width:100%;background:white;'
        f'border:1px solid #ccc" src="{data_address(svg.encode("utf-8"), "image/svg+xml")}"/>'
        for svg in engrave_score(sheet.musicxml(), font="Leland")
    )


def told(sheet: Sheet) -> str:
    """What was read, in words (HTML), and why bars are doubtful."""
    doubts = "".join(f"<li>bar {doubt.number}: {html.escape(doubt.why)}</li>" for doubt in sheet.doubtful)
    return f"<p>{html.escape(str(sheet))}</p>" + (f"<ul>{doubts}</ul>" if doubts else "")


def thumbnails(tunes: list[Sheet]) -> str:
    """The beginnings of tunes, each with its number (HTML)."""
    parts = []
    for number, one in enumerate(tunes, 1):
        line = one.lines[0]
        page, reach = one.pages[line.page], 12 * line.staff.space
        top, end = max(round(line.height - reach), 0), round(line.height + reach / 2)
        strip = page[top:end]
        small = cv2.resize(strip, (360, max(round(360 * strip.shape[0] / page.shape[1]), 1)))
        picture = data_address(cv2.imencode(".png", small)[1].tobytes(), "image/png")
        parts.append(
            f'<figure style="margin:2px"><img src="{picture}" alt="beginning of tune {number}"/>'
            f"<figcaption>{number}: {html.escape(one.place())}</figcaption></figure>"
        )
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{"".join(parts)}</div>'


class SheetChooser(FileChooser):
    """Lets a user choose a page: an engraved sample, a path or an upload."""

    def __init__(self) -> None:
        self.sample = widgets.Dropdown(options=list(SAMPLES), description="tune")
        self.font = widgets.Dropdown(options=FONTS, description="font")
        super().__init__(WAYS, row(self.sample, self.font), PICTURES, "page", EXAMPLE)
        name_parts(self, "sample font")

    def page(self) -> tuple:
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

    def __init__(self, pipeline: Callable | None = None, **options) -> None:
        super().__init__(pipeline, **options)
        self._read_sheet, self.sheet, self.title = None, None, ""
        self.chooser, self.genre, self.seed = SheetChooser(), genre_menu(), seed_field()
        self.upper = widgets.Checkbox(description="uppermost voice alone (piano, choir)", indent=False)
        name_parts(self, "upper")
        self.read_button = self.go_button("Read", "eye", self.read_page)
        self.play_button = self.go_button("Play in this genre", "music", self.play)
        name_parts(self, "genre seed", read=self.read_button)
        self.reading = self._build_reading()
        self.arrange(self.chooser, row(*short(self.genre, self.seed), self.upper))
        self.children = [*self.children[:-1], self.reading, self.results]

    def _build_reading(self):
        """What is shown of a page that was read; hidden until then."""
        self.clef = widgets.Dropdown(options=(AS_READ, *CLEFS), description="clef")
        self.key = widgets.Dropdown(options=[(AS_READ, AS_READ), *KEYS], description="key")
        self.metre = widgets.Dropdown(options=(AS_READ, *METRES), description="metre")
        self.corrections = (self.clef, self.key, self.metre)
        self.tune, self.thumbnails = widgets.Dropdown(options=[("1", 1)], description="tune"), widgets.HTML()
        self.tune.observe(self.correct, "value")
        self.shown = widgets.BoundedIntText(value=1, min=1, max=1, description="page")
        self.marks = widgets.Checkbox(value=True, description="marks", indent=False, layout={"width": "auto"})
        self.words, self.page, self.engraving = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.player, self.saved, buttons = player(), widgets.HTML(), []
        for part in self.corrections:
            part.observe(self.correct, "value")
        for part in (self.shown, self.marks):
            part.observe(self._show_page, "value")
        for kind, name in (("musicxml", "MusicXML"), ("mid", "MIDI"), ("mp3", "mp3")):
            button = widgets.Button(description=f"Save {name}", icon="save")
            button.on_click(lambda _, kind=kind: self.save(kind))
            button.add_class(f"nn-save-{kind}")
            buttons.append(button)
        name_parts(
            self,
            "clef key metre tune thumbnails shown marks words engraving saved",
            original=self.page,
            plain=self.player,
        )
        headings = ("the page, and what was read", "what was read, engraved anew", "as it stands, on a piano")
        page, anew, sounds = (widgets.HTML(f"<b>{heading}</b>") for heading in headings)
        sides = [widgets.VBox([page, self.page]), widgets.VBox([anew, self.engraving])]
        for side in sides:
            name_parts(side=side)
        pair, choices = widgets.HBox(sides), row(self.tune, *self.corrections, *short(self.shown), self.marks)
        reading = widgets.VBox(
            [self.words, self.thumbnails, choices, pair, sounds, self.player, row(*buttons, self.saved)]
        )
        reading.layout.display = "none"
        name_parts(pair=pair, reading=reading)
        return reading

    @property
    def result(self) -> Sheet | None:
        """What would be lost: the page that was read, or None."""
        return self.sheet

    def read_page(self, _: object = None) -> None:
        """Read the chosen page; the handler of the button Read."""
        self.start(self._read)

    def _read(self):
        source, title = self.chooser.page()
        self.tell_progress(0.0, "looking for staffs")
        upper = self.upper.value
        book = read_sheet(
            source, upper=upper, progress=lambda done: self.tell_progress(0.9 * done, "reading")
        )
        book.title = title
        self.tell_progress(0.95, "engraving what was read")
        sheet = book.tunes[0]
        views = self._views(sheet)
        self._read_sheet = book
        self._forget_corrections()
        self._offer(book.tunes)
        self._put(sheet, sheet.title, views)

    def _offer(self, tunes):
        """Show the tunes of a book to choose from."""
        self.tune.unobserve(self.correct, "value")
        self.tune.options = [(f"{number}: {one.place()}", number) for number, one in enumerate(tunes, 1)]
        self.tune.observe(self.correct, "value")
        several = len(tunes) > 1
        self.tune.layout.display = "" if several else "none"
        self.thumbnails.value = thumbnails(tunes) if several else ""

    def _views(self, sheet):
        """All that is shown of a sheet; made before any of it is shown, since one may fail or be stopped."""
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
        if sheet.lines:
            self.shown.value = sheet.lines[0].page + 1
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

    def _forget_corrections(self):
        for part in self.corrections:
            part.unobserve(self.correct, "value")
            part.value = AS_READ
            part.observe(self.correct, "value")
        self.shown.value = 1

    def correct(self, _: object = None) -> None:
        """Put what the controls say in place of what was read; the handler of clef, key and metre."""
        if self._read_sheet is not None:
            self.start(self._correct)

    def _correct(self):
        self.tell_progress(0.5, "engraving what was read")
        wish = [None if part.value == AS_READ else part.value for part in self.corrections]
        sheet = self._read_sheet.tunes[self.tune.value - 1].corrected(*wish)
        self._put(sheet, sheet.title, self._views(sheet))

    def _set_busy(self, busy):
        super()._set_busy(busy)
        for part in (self.tune, *self.corrections):  # what they say is what is shown
            part.disabled = busy

    def play(self, _: object = None) -> None:
        """Play what was read in the chosen genre, reading the page first where that was not done."""
        self.start(self._play, {"genre": self.genre.value, "seed": self.seed.value})

    def _play(self, wish):
        if self.sheet is None:
            self._read()
        result = self.convert_with(None, self.sheet.piano_roll(), **wish)
        facts = {"words": self.sheet.tokens()}
        self.results.show(result, self.title, wish, before=f"{self.title}, on a piano", facts=facts)

    def save(self, kind: str) -> None:
        """Write what was read into the folder; `kind`, "musicxml", "mid" or "mp3", says how."""

        def write(folder):
            path = free_path(folder / f"{file_name(self.title) or 'page'}.{kind}")
            if kind == "mp3":
                sound.save(path, piano(self.sheet))
            else:
                self.sheet.save(path)
            return [path]

        try:
            self.saved.value = save_into(self.folder, write)
        except Exception as error:
            self.tell(error)


# ---- what was read, drawn over the page ----------------------------------------------------------------

GREEN, PURPLE = "#009E73", "#AA4499"  # safe for colour-blind readers beside the others
ALTERS = {-2: "𝄫", -1: "♭", 0: "", 1: "♯", 2: "𝄪"}
# Rows of a staff image: where names of notes stand, and what has no place of its own.
NAMES_ROW, LABELS_ROW, MARKS_ROW = 15, 4, -8
BOTTOM_LINE, HALF_SPACE = 64, 4  # of a staff image: row of the bottom line, pixels between two positions
WIDEST = 1600  # pixels of a page as it is shown
LABELS = {"end-triplet": "⌉3", "triplet": "3⌈"}
LEGEND = (
    ("○", BLUE, "a note and its name"),
    ("□", ORANGE, "a rest, an accidental, a dot"),
    ("|", GREEN, "a bar line"),
    ("Am", GREEN, "a chord symbol, words"),
    ("abc", PURPLE, "clef, key, metre, ending, tie, triplet"),
    ("▮", VERMILION, "a doubtful bar"),
)


def show_page(sheet: Sheet, page: int = 0, marks: bool = True) -> HTML:
    """A page (from 0) with what was read drawn over it, unless without `marks`; for a notebook."""
    return HTML(marked_page(sheet, page, marks))


def marked_page(sheet: Sheet, page: int = 0, marks: bool = True) -> str:
    """The same as HTML text: as wide as its place, with marks that tell more when the mouse rests on them."""
    picture = sheet.pages[page]
    height, width = picture.shape
    if width > WIDEST:
        picture = cv2.resize(picture, (WIDEST, height * WIDEST // width), interpolation=cv2.INTER_AREA)
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    parts, legend = [svg("image", href=data_address(jpeg, "image/jpeg"), width=width, height=height)], ""
    if marks:
        names = names_of_notes(sheet)
        parts += doubtful_bars(sheet, page)
        for number, line in enumerate(sheet.lines):
            parts += line_marks(line, names.get(number, {})) if line.page == page else []
        signs = (
            f'<span style="color:{colour};font-weight:bold">{sign}</span> {words}'
            for sign, colour, words in LEGEND
        )
        legend = f'<div class="nn-legend" style="margin:4px 0">{" &emsp; ".join(signs)}</div>'
    return (
        f'<svg class="nn-page" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'style="width:100%;height:auto;border:1px solid #ccc">{"".join(parts)}</svg>{legend}'
    )


def names_of_notes(sheet: Sheet) -> dict[int, dict[int, str]]:
    """{line: {number of the token in it: name of the note}}; names such as "F♯"."""
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


def doubtful_bars(sheet: Sheet, page: int) -> list[str]:
    """SVG of the bars of a page that were probably read wrong."""
    look, parts = {"fill": VERMILION, "fill_opacity": ".2", "stroke": VERMILION, "stroke_width": "2"}, []
    for doubt in sheet.doubtful:
        why = f"<title>{html.escape(f'bar {doubt.number}: {doubt.why}')}</title>"
        for number, outline in sheet.outlines(doubt.number):
            if number == page:
                points = " ".join(f"{x:.0f},{y:.0f}" for x, y in outline)
                parts.append(svg("polygon", why, **{"class": "nn-doubt"}, points=points, **look))
    return parts


def line_marks(line: Line, names: dict[int, str]) -> list[str]:
    """SVG of what was read in one staff; `names` are those of its notes, by number of the token."""
    pen, tokens, parts = Pen(line.staff), [symbol.token for symbol in line.symbols], []
    for number, symbol in enumerate(line.symbols):
        token, x = symbol.token, symbol.column
        kind, _, text = token.partition(":")
        nearby = tokens[number :: -1 if token == "dot" else 1]  # only a dot stands behind its note
        note = next(filter(is_note, nearby), None)
        position = position_and_value(note)[0] if note else None
        y = 48 if position is None else BOTTOM_LINE - HALF_SPACE * position
        if is_note(token):
            mark = pen.ring(x, y, 5.5, BLUE) + pen.text(x, NAMES_ROW, names.get(number, ""), BLUE)
        elif token in BAR_LINES:
            mark = pen.stroke(x, 30, 66, GREEN, 2 if token == "bar" else 4)
        elif kind in ("rest", "acc", "dot"):
            mark = pen.box(x, 48 if kind == "rest" else y, {"rest": 7, "acc": 5, "dot": 3}[kind], ORANGE)
        elif not token.startswith(SIGNS):
            mark = pen.text(x, LABELS_ROW, f"{text}." if kind == "ending" else LABELS.get(kind, kind), PURPLE)
        elif number and tokens[number - 1].startswith(SIGNS):
            mark = ""  # one label for all that stands together
        else:
            group = takewhile(lambda one: one.startswith(SIGNS), tokens[number:])
            mark = pen.text(x, LABELS_ROW, signature_in_words(list(group)), PURPLE, "start")
        sure = f"<title>{html.escape(f'{token} ({symbol.confidence:.0%} sure)')}</title>"
        pale = f"{0.5 + 0.5 * symbol.confidence:.2f}"  # what was hardly recognised
        parts.append(svg("g", sure + mark, **{"class": "nn-symbol"}, opacity=pale))
    for one in line.marks:
        sure = f"<title>{html.escape(f'{one.text} ({one.confidence:.0%} sure)')}</title>"
        parts.append(
            svg("g", sure + pen.text(one.column, MARKS_ROW, one.text, GREEN), **{"class": "nn-mark"})
        )
    return parts


def signature_in_words(tokens: list[str]) -> str:
    """Clef, key and metre that stand together, such as "treble, 2♯, 6/8"."""
    keys = [token for token in tokens if token[:-1] in ("sharp", "flat")]
    key = [f"{keys[-1][-1]}{'♯' if keys[-1].startswith('sharp') else '♭'}"] if keys else []
    clefs, naturals, times = (
        [token.partition(":")[2] or "♮" for token in tokens if token.startswith(kind)]
        for kind in ("clef", "cancel", "time")
    )
    return ", ".join([*clefs, *naturals, *key, *times])


def svg(tag: str, content: str = "", /, **look: object) -> str:
    """An SVG element; _ in the name of an attribute stands for -, and fractions get one decimal."""
    written = {name: f"{value:.1f}" if isinstance(value, float) else value for name, value in look.items()}
    attributes = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in written.items())
    return f"<{tag} {attributes}>{content}</{tag}>" if content else f"<{tag} {attributes}/>"


class Pen:
    """Draws (SVG) in the page what stands in a staff image; places and sizes are in pixels of that image."""

    def __init__(self, staff: Staff) -> None:
        self.staff, self.unit = staff, float(staff.space / 8)

    def at(self, column: float, row: float) -> tuple[float, float]:
        """x and y in the page."""
        x, y = self.staff.to_page(float(np.clip(column, 0, self.staff.width - 1)), float(row))
        return float(x), float(y)

    def ring(self, column: float, row: float, radius: float, colour: str) -> str:
        """A circle."""
        x, y = self.at(column, row)
        look = {"fill": colour, "fill_opacity": ".15", "stroke": colour, "stroke_width": 1.3 * self.unit}
        return svg("circle", cx=x, cy=y, r=radius * self.unit, **look)

    def box(self, column: float, row: float, radius: float, colour: str) -> str:
        """A square."""
        (x, y), radius = self.at(column, row), radius * self.unit
        look = {"fill": colour, "fill_opacity": ".2", "stroke": colour, "stroke_width": self.unit}
        return svg("rect", x=x - radius, y=y - radius, width=2 * radius, height=2 * radius, **look)

    def stroke(self, column: float, top: float, bottom: float, colour: str, width: float) -> str:
        """An upright line."""
        (x1, y1), (x2, y2) = self.at(column, top), self.at(column, bottom)
        look = {"stroke": colour, "stroke_opacity": ".7", "stroke_width": width * self.unit}
        return svg("line", x1=x1, y1=y1, x2=x2, y2=y2, **look)

    def text(self, column: float, row: float, words: str, colour: str, anchor: str = "middle") -> str:
        """Letters, in the middle of their place or beginning there."""
        x, y = self.at(column, row)
        look = {"font_family": "sans-serif", "font_size": 11 * self.unit, "font_weight": "bold"}
        look |= {"dominant_baseline": "middle", "fill": colour, "stroke": "white"}
        look |= {"stroke_width": 2 * self.unit, "stroke_opacity": ".8", "paint_order": "stroke"}
        return svg("text", html.escape(words), x=x, y=y, text_anchor=anchor, **look)


# ---- pages to try the reader on ------------------------------------------------------------------------

#: Title -> name of a tune; the reader never learned from these, which are of the test part.
SAMPLES = {
    "The Jolly Joker": "oneill-1014-the-jolly-joker",
    "Oh dear, what can the matter be": "aird-0615-oh-dear-what-can-the-matter-be",
    "I'll never leave thee": "aird-0927-ill-never-leave-thee",
    "Frost and Snow": "oneill-1695-frost-and-snow",
    "St Patrick's Day in the Morning": "aird-0050-st-patricks-day-in-the-morning",
    "Auld Robin Gray": "aird-0582-auld-robin-gray",
}
ZOOM = 0.8  # 14 pixels in a staff space, as a scan with 200 dpi has


def sample_lines(title: str) -> list[list[str]]:
    """What stands in the lines of a sample page, one of SAMPLES; tokens as in `omr.vocabulary`."""
    return print_tune(find_tune(SAMPLES[title]), np.random.default_rng(0), clef="treble")


def sample_page(title: str, font: str = "Leland", zoom: float = ZOOM, most: int | None = None) -> np.ndarray:
    """A sample page as a picture: uint8, shape (height, width), 255 is paper.

    Parameters
    ----------
    title : str
        One of SAMPLES.
    font : str
        One of `omr.rendering.FONTS`.
    zoom : float
        1 has 18 pixels in a staff space.
    most : int, optional
        How many of its lines; all by default.
    """
    return rasterise(engrave(sample_lines(title)[:most], font=font), zoom)
