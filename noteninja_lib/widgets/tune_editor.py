"""A tune from a seed, or hummed, on a piano roll that can be edited, played by the converter in any genre.

Lesson: 08_latent_interpolation
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from noteninja_lib.errors import UserError
from noteninja_lib.music.tunes import Tune, exact, tune_from_score
from noteninja_lib.widgets.inputs import RIGHTS, Recorder, Upload, genre_menu, seed_field
from noteninja_lib.widgets.style_sheet import fold, name_parts, row, short
from noteninja_lib.widgets.touch_widgets import PianoRoll
from noteninja_lib.widgets.workbench import Workbench

METRES = ("4/4", "3/4", "2/4", "6/8")
MODES = ("major", "minor", "dorian", "mixolydian")
NEW = "new tune"
MIDDLE = 70  # MIDI pitch to whose octave a hummed tune is moved, where instruments play tunes
ABC = "ABC, such as:\nM:4/4\nL:1/4\nK:G\nG A B G | d2 B2 | c A F D | G4 |"
ENDINGS = ".mid,.midi,.kar,.rmi,.abc,.musicxml,.xml,.mxl,.krn,.mei,.mscz,.mscx"


def tune_of(notes: Sequence[tuple[float, float, int]], metre: str, title: str = NEW) -> Tune:
    """A harmonised tune from the notes of a piano roll; of notes that sound at once, the highest counts.

    Parameters
    ----------
    notes : sequence of (start, duration, midi_pitch)
        In quarter notes.
    metre, title : str

    Raises
    ------
    UserError
        Where there are fewer than four notes.
    """
    from music21 import meter, note, stream

    if len(notes) < 4:
        raise UserError("Put at least four notes on the roll first: click into it, or press Invent.")
    part = stream.Part([meter.TimeSignature(metre)])
    for start, duration, pitch in notes:
        part.insert(exact(start), note.Note(pitch, quarterLength=exact(duration)))
    return tune_from_score(part, title)


class Inventor(Workbench):
    """Invent a tune, change it or write one, and hear it in a genre; parameters as those of `Workbench`."""

    def __init__(self, pipeline: Callable | None = None, **options) -> None:
        super().__init__(pipeline, **options)
        self.tune, self._folder = None, tempfile.TemporaryDirectory(prefix="noteninja-")
        self.seed, self.genre = seed_field(), genre_menu()
        self.bars = widgets.Dropdown(options=(4, 8, 16, 32), value=16, description="bars")
        self.metre = widgets.Dropdown(options=METRES, description="metre")
        self.mode = widgets.Dropdown(options=("any", *MODES), description="mode")
        self.roll = PianoRoll(bars=self.bars.value)
        for part in (self.bars, self.metre):
            part.observe(self._resize, "value")
        clear = widgets.Button(description="Clear", icon="eraser")
        clear.on_click(self.clear)
        self.abc = widgets.Textarea(placeholder=ABC, layout={"width": "95%", "height": "8em"})
        self.upload = Upload(accept=ENDINGS, description="or a file")
        self.use_button = self.go_button("Put it on the roll", "arrow-up", self.use, primary=False)
        self.go_buttons.remove(self.use_button)  # stands with its text, not with the others
        self.invent_button = self.go_button("Invent", "magic", self.invent)
        self.continue_button = self.go_button("Continue from my notes", "forward", self.go_on, primary=False)
        self.play_button = self.go_button("Play", "music", self.play)
        own = fold("bring a tune: ABC, MIDI or MusicXML", self.abc, row(self.upload, self.use_button))
        self.recorder = Recorder()
        self.hum_button = self.go_button("Put my tune on the roll", "arrow-up", self.hum, primary=False)
        self.go_buttons.remove(self.hum_button)
        hum = fold(
            "hum it: hum, sing or whistle a tune", self.recorder, row(self.hum_button, widgets.HTML(RIGHTS))
        )
        name_parts(self, "seed genre bars metre mode abc", clear=clear, own=own)
        name_parts(hum_fold=hum)
        choices = short(self.genre, self.seed, self.bars, self.metre, self.mode)
        self.arrange(row(*choices, clear), below=(self.roll, own, hum))

    def _resize(self, _):
        self.roll.metre, self.roll.bars = self.metre.value, self.bars.value

    def clear(self, _: object = None) -> None:
        """Take all notes off the roll; the handler of the button Clear."""
        self.tune, self.roll.notes = None, []

    def _put(self, tune):
        """Show a tune on the roll, and remember it with its key and chords."""
        self.tune = tune
        for part, value in ((self.metre, tune.metre), (self.bars, round(tune.length / tune.bar))):
            if value in part.options:
                part.value = value
        self.roll.show(tune.notes, tune.metre, tune.length)

    def invent(self, _: object = None) -> None:
        """Draw a tune from the seed; the handler of the button Invent."""
        self.start(self._invent, self._wishes())

    def go_on(self, _: object = None) -> None:
        """Draw a tune that begins with the notes on the roll; the handler of the button Continue."""
        self.start(self._invent, {**self._wishes(), "motif": [tuple(note) for note in self.roll.notes]})

    def _wishes(self):
        mode = None if self.mode.value == "any" else self.mode.value
        return {"seed": self.seed.value, "bars": self.bars.value, "metre": self.metre.value, "mode": mode}

    def _invent(self, wish):
        from noteninja_lib.music.generation import invent, nearest_tune
        from noteninja_lib.music.tunes import load_tunes

        if "motif" in wish and not wish["motif"]:
            raise UserError("Put a few notes on the roll first: click into it.")
        self.tell_progress(0.0, "inventing")
        self._put(invent(**wish))
        self.tell_progress(0.5, "looking whether the tune is known")
        known, alike = nearest_tune(self.tune, load_tunes("train"))
        notice = "A new tune, without any run of eight notes from a tune that the model learned from."
        if alike:
            share = f"has {alike:.0%} of its notes in runs of eight or more"
            notice = f"A new tune. The known tune most like it is “{known.title}”, which {share}."
        self.notices.append(notice)

    def use(self, _: object = None) -> None:
        """Put the ABC text, or else the uploaded file, on the roll; the handler of that button."""
        self.start(self._use, self.abc.value, self.upload.files)

    def _use(self, text, files):
        from noteninja_lib.music.score_io import read_notes

        if not text.strip() and not files:
            raise UserError("Write ABC into the field or choose a file first.")
        self._put(read_notes(text if text.strip() else files[0]))

    def hum(self, _: object = None) -> None:
        """Put what was recorded on the roll; the handler of that button."""
        self.start(self._hum)

    def _hum(self):
        from noteninja_lib.source import read_hummed

        self.tell_progress(0.0, "listening")
        song = self.recorder.write(Path(self._folder.name) / "recording.wav")
        tune, _ = read_hummed(song, self.recorder.beats, self.recorder.metre)
        octaves = 12 * round((MIDDLE - np.median([pitch for _, _, pitch in tune.notes])) / 12)
        notes = tuple((start, lasts, pitch + octaves) for start, lasts, pitch in tune.notes)
        self._put(replace(tune, notes=notes))

    def play(self, _: object = None) -> None:
        """Play what is on the roll in the chosen genre; the handler of the button Play."""
        wish = {"genre": self.genre.value, "seed": self.seed.value}
        self.start(self._play, self.roll.notes, self.roll.metre, wish)

    def _play(self, notes, metre, wish):
        edited = self.tune is None or [list(note) for note in self.tune.notes] != notes
        tune = tune_of(notes, metre) if edited else self.tune
        result, facts = self.convert_with(None, tune, **wish), {"notes": notes, "metre": metre}
        self.results.show(result, tune.title, wish, before=f"{tune.title}, on a piano", facts=facts)
