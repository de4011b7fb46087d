"""What was heard in a song, to be seen and corrected before it is converted: its lead sheet.

Lesson: 02_music_theory_with_music21
"""

import html
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from noteninja_lib.audio.io import to_mp3
from noteninja_lib.errors import UserError, free_path
from noteninja_lib.lead_sheet import DOUBTFUL, KINDS, LeadSheet
from noteninja_lib.music.harmony import NOTE_NAMES, chord_name
from noteninja_lib.widgets.results import save_into
from noteninja_lib.widgets.style_sheet import fold, name_parts, row, short, style_sheet
from noteninja_lib.widgets.touch_widgets import PianoRoll

METRES = ("4/4", "3/4", "2/4", "5/4", "6/8", "12/8", "9/8")
KEYS = {
    f"{name} {mode}": (tonic, mode) for mode in ("major", "minor") for tonic, name in enumerate(NOTE_NAMES)
}
REMEMBERED = 100  # changes that can be undone


class HeardPanel(widgets.VBox):
    """A lead sheet on a piano roll, with chords, beside the recording; hidden until something was heard.

    Parameters
    ----------
    tell : callable
        Called with a sentence, and "error" where something is wrong.
    folder : callable
        Gives the folder to save in.

    Attributes
    ----------
    sheet : LeadSheet or None
        As it is now.
    heard : LeadSheet or None
        As it was heard.
    """

    def __init__(self, tell: Callable[..., None], folder: Callable[[], Path]) -> None:
        self.tell, self.place, self.song = tell, folder, None
        self.sheet: LeadSheet | None = None
        self.heard: LeadSheet | None = None
        self._past: list[LeadSheet] = []
        self._busy = False
        self.roll, self.words, self.score = PianoRoll(), widgets.HTML(), widgets.HTML()
        self.metre = widgets.Dropdown(options=METRES, description="metre")
        self.key = widgets.Dropdown(options=KEYS, description="key")
        self.slower = widgets.Button(description="half tempo", tooltip="half as many beats")
        self.faster = widgets.Button(description="double tempo", tooltip="twice as many beats")
        self.undo_button = widgets.Button(description="Undo", icon="undo", disabled=True)
        self.anew = widgets.Button(description="As it was heard", icon="refresh")
        self.save_button = widgets.Button(description="Save lead sheet", icon="save")
        self.saved = widgets.HTML()
        self.page = fold("as a score", self.score)
        self.slower.on_click(lambda _: self.change(lambda sheet: sheet.at_tempo(0.5)))
        self.faster.on_click(lambda _: self.change(lambda sheet: sheet.at_tempo(2)))
        self.undo_button.on_click(self.undo)
        self.anew.on_click(lambda _: self.change(lambda sheet: self.heard))
        self.save_button.on_click(self.save)
        self.metre.observe(lambda _: self.change(lambda sheet: sheet.with_bars(self.metre.value)), "value")
        self.key.observe(lambda _: self.change(self._in_key), "value")
        self.roll.observe(lambda _: self.change(self._with_notes), "notes")
        self.roll.on_msg(self._pressed)
        self.page.observe(lambda _: self._engrave(), "selected_index")
        name_parts(heard_roll=self.roll, heard_words=self.words, heard_key=self.key, heard_metre=self.metre)
        name_parts(heard_undo=self.undo_button, heard_save=self.save_button, heard_score=self.score)
        name_parts(heard_slower=self.slower, heard_faster=self.faster, heard=self)
        controls = row(*short(self.key, self.metre), self.slower, self.faster, self.undo_button, self.anew)
        super().__init__(
            [self.words, controls, self.roll, self.page, row(self.save_button, self.saved)],
            layout={"display": "none"},
        )

    def show(self, sheet: LeadSheet, song: object, audio: np.ndarray) -> None:
        """Show what was heard in a song, and remember whose it is.

        Parameters
        ----------
        sheet : LeadSheet
        song : object
            By which `sheet_of` knows the song again.
        audio : numpy.ndarray
            Of the recording, as `to_mp3` takes it.
        """
        self.heard, self.song, self._past = sheet, song, []
        self.roll.sound = to_mp3(audio)
        self._put(sheet)
        self.layout.display = ""

    def sheet_of(self, song: object) -> LeadSheet | None:
        """The corrected sheet of a song; None where it was not heard, or nothing in it was changed."""
        return self.sheet if song == self.song and self.sheet != self.heard else None

    def change(self, make: Callable[[LeadSheet], LeadSheet | None]) -> None:
        """Put what a function makes of the sheet in its place; what is wrong with it is told."""
        if self._busy or self.sheet is None:
            return
        before, after = self.sheet, None
        try:
            after = make(before)
        except UserError as problem:
            self.tell(str(problem), "error")
        if after is not None and after != before:
            self._past = [*self._past, before][-REMEMBERED:]
        self._put(after or before)

    def undo(self, _: object = None) -> None:
        """Take the last change back; the handler of the button Undo."""
        if self._past:
            self._put(self._past.pop())

    def _put(self, sheet):
        """Show a sheet."""
        self.sheet, self._busy = sheet, True  # what the controls now tell is no wish
        tune = sheet.tune
        with self.roll.hold_sync():
            bars = round(tune.length / tune.bar)
            if (self.roll.metre, self.roll.bars) != (tune.metre, bars) or not self._past:
                self.roll.show(tune.notes, tune.metre, tune.length)
            self.roll.notes = [list(note) for note in tune.notes]
            self.roll.moments = list(sheet.beats)
            self.roll.chords = [[start, lasts, chord_name(*chord)] for start, lasts, *chord in tune.chords]
            doubts = [[one[0], one[2]] for one, sure in zip(tune.notes, sheet.sure) if sure < DOUBTFUL]
            doubts += [[one[0], -1] for one, sure in zip(tune.chords, sheet.sure_chords) if sure < DOUBTFUL]
            self.roll.doubts = doubts
        self.metre.value = tune.metre if tune.metre in METRES else None
        self.key.value = (tune.tonic, "minor" if tune.mode in ("minor", "dorian") else "major")
        self.words.value = f"<b>What was heard</b>: {html.escape(str(sheet))}"
        self.undo_button.disabled, self._busy = not self._past, False
        self._engrave()

    def _with_notes(self, sheet):
        """With the notes of the roll, one at a time: of two that begin at once, the higher."""
        found = {start: (lasts, pitch) for start, lasts, pitch in self.roll.notes}  # in order of pitch
        ends = [*list(found)[1:], sheet.tune.length]
        notes = tuple(
            (float(start), float(min(lasts, max(end - start, 0.05))), int(pitch))
            for (start, (lasts, pitch)), end in zip(found.items(), ends)
        )
        return sheet.with_tune(replace(sheet.tune, notes=notes)) if notes != sheet.tune.notes else sheet

    def _in_key(self, sheet):
        tonic, mode = self.key.value
        return replace(sheet, tune=replace(sheet.tune, tonic=tonic, mode=mode))

    def _pressed(self, _, message, __):
        """What the roll sends: another chord, or other bar lines."""
        if "chord" in message:
            self.change(lambda sheet: sheet.with_chord(int(message["chord"]), str(message["name"])))
        elif "shift" in message:
            self.change(lambda sheet: sheet.with_bars(sheet.tune.metre, int(message["shift"])))

    def _engrave(self):
        """Draw the score, where it is looked at."""
        if self.page.selected_index is None or self.sheet is None:
            return
        from noteninja_lib.music.score_writing import musicxml  # these load music21 and the engraver
        from noteninja_lib.omr.rendering import engrave_score

        text = musicxml(self.sheet.tune, self.sheet.tempo).decode()
        pages = engrave_score(text, svgViewBox=True)
        self.score.value = "".join(f'<div class="nn-score">{page}</div>' for page in pages)

    def save(self, _: object = None) -> None:
        """Write the sheet in all forms; the handler of the button."""

        def write(folder):
            first = free_path(folder / f"{self.sheet.tune.title} (lead){KINDS[0]}", *KINDS)
            paths = [first.with_suffix(kind) for kind in KINDS]
            for path in paths:
                self.sheet.save(path)
            return paths

        try:
            self.saved.value = save_into(self.place(), write)
        except UserError as problem:
            self.tell(str(problem), "error")


def panel(sheet: LeadSheet, audio: np.ndarray, folder: str | Path = "outputs") -> widgets.VBox:
    """A lead sheet to correct, by itself: lesson 02.

    Parameters
    ----------
    sheet : LeadSheet
    audio : numpy.ndarray
        Of the recording, as `to_mp3` takes it.
    folder : str or Path
        Where it is saved; made when needed.
    """
    message = widgets.HTML()

    def tell(sentence, kind="info"):
        message.value = f'<div class="nn-{kind}" role="status">{html.escape(sentence)}</div>'

    shown = HeardPanel(tell, lambda: Path(folder))
    shown.show(sheet, None, audio)
    return widgets.VBox([style_sheet(), shown, message])
