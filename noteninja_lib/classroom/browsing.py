"""Leafing through a data set: a genre, a clip of it, its sound and its picture.

Lesson: 04_gtzan_and_the_band
"""
import html
import os

import ipywidgets as widgets

from noteninja_lib.classroom.players import SoundView
from noteninja_lib.classroom.style import style_sheet
from noteninja_lib.classroom.working import name_parts, row
from noteninja_lib.errors import UserError


def side_by_side(*views):
    """Sounds in a row as wide as the page; a `SoundView` that stands in a column by itself would be squeezed."""
    box = widgets.HBox(list(views))
    box.add_class("nn-pair")
    return box


class ClipBrowser(widgets.VBox):
    """Choose a genre and a clip, hear it and see it.

    Parameters
    ----------
    data : DataSet
        GTZAN, or the band's set; of the latter's clips the notes of the tune can be drawn, too.
    """

    def __init__(self, data):
        self.data = data
        self.genre = widgets.Dropdown(options=sorted(set(data.labels)), description="genre")
        self.clip = widgets.SelectionSlider(options=[("", 0)], description="clip", continuous_update=False)
        self.notes = widgets.Checkbox(value=False, description="draw the notes of the tune", indent=False,
                                      disabled=not data.has_scores)
        self.stage = widgets.ToggleButton(value=False, description="large type", icon="expand")
        self.message, self.view = widgets.HTML(), SoundView("clip")
        super().__init__([style_sheet(), row(self.genre, self.clip, self.notes, self.stage), self.message,
                          side_by_side(self.view)])
        name_parts(converter=self, browser=self, genre=self.genre, clip=self.clip, notes=self.notes, message=self.message,
                   stage_toggle=self.stage)
        self.genre.observe(lambda _: self._fill(), "value")
        for control in (self.clip, self.notes):
            control.observe(lambda _: self.show(), "value")
        self.stage.observe(lambda change: (self.add_class if change["new"] else self.remove_class)("nn-stage"), "value")
        self._fill()

    def _fill(self):
        """Offer the clips of the genre, and show the first."""
        mine = [number for number, genre in enumerate(self.data.labels) if genre == self.genre.value]
        before, self.clip.options = self.clip.value, [(self.data.index[number].file.split(".")[-2], number) for number in mine]
        if self.clip.value == before:          # else the slider has told it already
            self.show()

    def show(self):
        """Show the chosen clip."""
        number = self.clip.value
        try:
            entry, audio = self.data.index[number], self.data.audio(number)
        except UserError as problem:
            self.message.value = f'<div class="nn-error" role="status">{html.escape(str(problem))}</div>'
            if os.environ.get("NOTENINJA_TEST") == "1":
                raise
            return
        told = (f"{entry.tune}: {entry.key}, {entry.metre}, {entry.tempo:.0f} beats a minute, valence {entry.valence:+.1f}, "
                f"arousal {entry.arousal:+.1f}" if self.data.has_scores else "Nothing is known of it but its genre.")
        self.message.value = html.escape(told)
        notes = entry.notes() if self.data.has_scores and self.notes.value else []
        self.view.show(entry.file, audio, notes)
