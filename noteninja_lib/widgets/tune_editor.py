"""A tune from a seed, on a piano roll that can be edited, played by the converter in any genre.

Lesson: 08_latent_interpolation
"""

import tempfile
from pathlib import Path

import ipywidgets as widgets

from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.errors import UserError
from noteninja_lib.music.tunes import exact, tune_from_score
from noteninja_lib.widgets.choosers import uploaded
from noteninja_lib.widgets.results import measured
from noteninja_lib.widgets.touch_widgets import PianoRoll
from noteninja_lib.widgets.workbench import Workbench, name_parts, row, short

METRES = ("4/4", "3/4", "2/4", "6/8")
MODES = ("major", "minor", "dorian", "mixolydian")
NEW = "new tune"


def inventor(pipeline=None):
    """Invent a tune, change it or write one, and hear it in a genre.

    Parameters
    ----------
    pipeline : NoteNinjaPipeline, optional
        The converter to use; if None, the trained one is loaded at the first press on Play.

    Returns
    -------
    Inventor
    """
    return Inventor(pipeline)


def tune_of(notes, metre, title=NEW):
    """A harmonised tune from the notes of a piano roll; of notes that sound at once, the highest counts.

    Parameters
    ----------
    notes : sequence of (start, duration, midi_pitch)
        In quarter notes.
    metre : str
    title : str

    Returns
    -------
    Tune

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
    """Seed, genre and piano roll; parameters as those of `Workbench`."""

    def __init__(self, pipeline=None, **options):
        super().__init__(pipeline, **options)
        self.tune, self._folder = None, tempfile.TemporaryDirectory(prefix="noteninja-")
        self.seed = widgets.BoundedIntText(value=0, min=0, max=2**31 - 1, description="seed")
        self.genre = widgets.Dropdown(options=GENRES, value="jazz", description="genre")
        self.bars = widgets.Dropdown(options=(4, 8, 16, 32), value=16, description="bars")
        self.metre = widgets.Dropdown(options=METRES, description="metre")
        self.mode = widgets.Dropdown(options=("any", *MODES), description="mode")
        self.roll = PianoRoll(bars=self.bars.value)
        for part in (self.bars, self.metre):
            part.observe(self._resize, "value")
        self.invent_button = self.go_button("Invent", "magic", self.invent)
        self.continue_button = self.go_button("Continue from my notes", "forward", self.go_on, primary=False)
        self.play_button = self.go_button("Play", "music", self.play)
        clear = widgets.Button(description="Clear", icon="eraser")
        clear.on_click(self.clear)
        own = self._build_own()
        name_parts(
            seed=self.seed,
            genre=self.genre,
            bars=self.bars,
            metre=self.metre,
            mode=self.mode,
            invent=self.invent_button,
            go_on=self.continue_button,
            play=self.play_button,
            clear=clear,
            own=own,
            abc=self.abc,
        )
        self.arrange(
            row(*short(self.genre, self.seed, self.bars, self.metre, self.mode), clear), self.roll, own
        )

    def _build_own(self):
        """Where a tune is brought along, as ABC text or as a file."""
        self.abc = widgets.Textarea(
            placeholder="ABC, such as:\nM:4/4\nL:1/4\nK:G\nG A B G | d2 B2 | c A F D | G4 |",
            layout={"width": "95%", "height": "8em"},
        )
        self.upload = widgets.FileUpload(
            accept=".mid,.midi,.abc,.musicxml,.xml,.mxl", multiple=False, description="or a file"
        )
        self.use_button = self.go_button("Put it on the roll", "arrow-up", self.use, primary=False)
        self.go_buttons.remove(self.use_button)  # stands with its text, not with the others
        accordion = widgets.Accordion(
            [widgets.VBox([self.abc, row(self.upload, self.use_button)])], selected_index=None
        )
        accordion.set_title(0, "bring a tune: ABC, MIDI or MusicXML")
        return accordion

    def _resize(self, _):
        self.roll.metre, self.roll.bars = self.metre.value, self.bars.value

    def clear(self, _=None):
        """Take all notes off the roll; the handler of the button Clear."""
        self.tune, self.roll.notes = None, []

    def _put(self, tune):
        """Show a tune on the roll, and remember it with its key and chords."""
        self.tune = tune
        for part, value in ((self.metre, tune.metre), (self.bars, round(tune.length / tune.bar))):
            if value in part.options:
                part.value = value
        self.roll.show(tune.notes, tune.metre, tune.length)

    # ---- inventing ------------------------------------------------------------------------------------

    def invent(self, _=None):
        """Draw a tune from the seed; the handler of the button Invent."""
        self.start(self._invent, self._wishes())

    def go_on(self, _=None):
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
        self.notices.append(
            f"A new tune. The known tune most like it is “{known.title}”, which has {alike:.0%} of its notes "
            "in runs of eight or more."
            if alike
            else "A new tune, without any run of eight notes from a tune that the model learned from."
        )

    def use(self, _=None):
        """Put the ABC text, or else the uploaded file, on the roll; the handler of that button."""
        self.start(self._use, self.abc.value, self.upload.value)

    def _use(self, text, value):
        from noteninja_lib.music.score_io import read_notes

        file = uploaded(value)
        if not text.strip() and file is None:
            raise UserError("Write ABC into the field or choose a file first.")
        if not text.strip():
            text = Path(self._folder.name) / Path(file[0]).name
            text.write_bytes(file[1])
        self._put(read_notes(text))

    # ---- playing --------------------------------------------------------------------------------------

    def play(self, _=None):
        """Play what is on the roll in the chosen genre; the handler of the button Play."""
        self.start(
            self._play, self.roll.notes, self.roll.metre, {"genre": self.genre.value, "seed": self.seed.value}
        )

    def _play(self, notes, metre, wish):
        edited = self.tune is None or [list(note) for note in self.tune.notes] != notes
        tune = tune_of(notes, metre) if edited else self.tune
        result = self.convert_with(None, tune, **wish)
        self.results.show(
            result,
            tune.title,
            wish["genre"],
            measured(result, wish["genre"]),
            version=f"{wish['genre']}_{wish['seed']}",
            settings=wish,
            facts={"notes": notes, "metre": metre},
            before=f"{tune.title}, on a piano",
        )
