"""The sheet music reader as a widget: a page in, what was read drawn over it, corrected, engraved again, heard in a genre.

Lesson: 10_reading_sheet_music
"""
import base64
import html
import re

import ipywidgets as widgets

from noteninja_lib.classroom.choosing import FileChooser
from noteninja_lib.classroom.marking import key_choices, marked_page
from noteninja_lib.classroom.pages import SAMPLES, sample_page
from noteninja_lib.classroom.results import measured, save_into
from noteninja_lib.classroom.players import free_path
from noteninja_lib.classroom.working import Workbench, name_parts, row, short
from noteninja_lib.errors import Stopped
from noteninja_lib.music.genres import GENRES
from noteninja_lib.music.omr.engraver import FONTS, engrave_score
from noteninja_lib.music.omr.reading import read_sheet
from noteninja_lib.music.omr.symbols import CLEFS, METRES
from noteninja_lib.music.performance import Note
from noteninja_lib.music.synthesis import sketch
from noteninja_lib.songs import PICTURES
from noteninja_lib.sound import audio as sound

WAYS = ("a sample page", "a path", "an upload")
AS_READ = "as it was read"


def piano(sheet):
    """What was read as a piano plays it, repeats played out; mono, 22,050 Hz, shape (n,)."""
    midi = sheet.midi()
    notes = [Note(note.start, note.end, note.pitch, note.velocity) for part in midi.instruments for note in part.notes]
    return sketch(notes, [], midi.get_end_time() + 1)


def engraved(sheet, font="Leland"):
    """What was read, engraved anew (HTML)."""
    pages = engrave_score(sheet.musicxml(), font=font)
    addresses = [base64.b64encode(svg.encode("utf-8")).decode("ascii") for svg in pages]
    return "".join('<img class="nn-engraved" alt="what was read, engraved anew" style="width:100%;background:white;'
                   f'border:1px solid #ccc" src="data:image/svg+xml;base64,{address}"/>' for address in addresses)


class SheetChooser(FileChooser):
    """Lets a user choose a page: an engraved sample, a path or an upload."""

    def __init__(self):
        self.sample = widgets.Dropdown(options=list(SAMPLES), description="tune")
        self.font = widgets.Dropdown(options=FONTS, description="font")
        super().__init__(WAYS, widgets.HBox([self.sample, self.font]), PICTURES, "page",
                         "for example C:/music/my page.png (or jpg, pdf, tif)")
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
    sheet : music.omr.sheet.Sheet or None
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
        self.children = [*(part for part in self.children if part is not self.results), self.reading, self.results]

    def _build_reading(self):
        """What is shown of a page that was read; hidden until then."""
        self.clef = widgets.Dropdown(options=(AS_READ, *CLEFS), description="clef")
        self.key = widgets.Dropdown(options=[(AS_READ, AS_READ), *key_choices()], description="key")
        self.metre = widgets.Dropdown(options=(AS_READ, *METRES), description="metre")
        self.shown = widgets.BoundedIntText(value=1, min=1, max=1, description="page")
        self.marks = widgets.Checkbox(value=True, description="marks", indent=False, layout={"width": "auto"})
        self.words, self.page, self.engraving = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.player = widgets.Audio(value=b"", format="mp3", autoplay=False, loop=False)
        self.save_buttons = {kind: widgets.Button(description=f"Save {name}", icon="save") for kind, name in
                             (("musicxml", "MusicXML"), ("mid", "MIDI"), ("mp3", "mp3"))}
        self.saved = widgets.HTML()
        for part in (self.clef, self.key, self.metre):
            part.observe(self.correct, "value")
        for part in (self.shown, self.marks):
            part.observe(self._show_page, "value")
        for kind, button in self.save_buttons.items():
            button.on_click(lambda _, kind=kind: self.save(kind))
            button.add_class(f"nn-save-{kind}")
        name_parts(clef=self.clef, key=self.key, metre=self.metre, shown=self.shown, marks=self.marks, words=self.words,
                   original=self.page, engraving=self.engraving, plain=self.player, saved=self.saved)
        sides = widgets.HBox([side("the page, and what was read", self.page),
                              side("what was read, engraved anew", self.engraving)])
        reading = widgets.VBox([self.words, row(self.clef, self.key, self.metre, *short(self.shown), self.marks), sides,
                                widgets.HTML("<b>as it stands, on a piano</b>"), self.player,
                                row(*self.save_buttons.values(), self.saved)])
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
        views = {self.page: marked_page(sheet, 0, self.marks.value), self.engraving: engraved(sheet),
                 self.words: told(sheet), self.player: sound.to_mp3(piano(sheet))}
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
        for part in (self.clef, self.key, self.metre):     # what they say is what is shown
            part.disabled = busy

    # ---- playing and saving ---------------------------------------------------------------------------

    def play(self, _=None):
        """Play what was read in the chosen genre, reading the page first if that was not done; the handler of that button."""
        self.start(self._play, {"genre": self.genre.value, "seed": self.seed.value})

    def _play(self, wish):
        if self.sheet is None:
            self._read()
        result = self.convert_with(None, self.sheet.content(), **wish)
        genre = wish["genre"]
        self.results.show(result, self.title, genre, measured(result, genre), version=f"{genre}_{wish['seed']}", settings=wish,
                          before=f"{self.title}, on a piano", facts={"words": self.sheet.words()})

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
