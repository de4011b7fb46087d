"""The genre converter as a widget: choose song, genre, amount, tempo and mood; convert, compare, save.

What a lesson calls to get this or another widget over the pipeline stands here, so that it needs one import.

Lesson: 00_genre_converter
"""

from collections.abc import Callable

import ipywidgets as widgets

from noteninja_lib import STEPS
from noteninja_lib.widgets.choosers import MoodChooser, SongChooser, genre_menu, seed_field, voice_buttons
from noteninja_lib.widgets.interpolation import GenrePad, SongMixer
from noteninja_lib.widgets.mood_journey import Journey
from noteninja_lib.widgets.style_sheet import fold, name_parts, row, short, slider
from noteninja_lib.widgets.tune_editor import Inventor
from noteninja_lib.widgets.workbench import Workbench

MORE = (
    "More <b>steps</b>: finer and slower. More <b>guidance</b>: obeys more "
    "strictly. Another <b>seed</b>: another player's version."
)


class GenreConverter(Workbench):
    """A song in, the same tune out in another genre: lesson 00; parameters as those of `Workbench`."""

    def __init__(self, pipeline: Callable | None = None, **options) -> None:
        super().__init__(pipeline, **options)
        self.chooser, self.mood = SongChooser(), MoodChooser()
        self.genre, self.seed, self.voice = genre_menu(), seed_field(), voice_buttons()
        self.strength = slider("amount", 1, 0, 1, 0.05)
        self.tempo = slider("tempo", 1, 0.5, 2, 0.05, ".0%")
        look = {"description": "steps", "continuous_update": False}
        self.steps = widgets.IntSlider(value=STEPS, min=2, max=50, **look)
        self.guidance = slider("guidance", 2, 1, 6, 0.5)
        scale = widgets.HTML("0 keeps the recording as it is, 1 keeps only the tune")
        details = (self.tempo, self.mood, self.steps, self.guidance, self.seed, widgets.HTML(MORE))
        self.more = fold("more: tempo, mood, steps, guidance, seed", *details)
        self.convert_button = self.go_button("Convert", "music", self.convert)
        name_parts(self, "genre more seed tempo voice", amount=self.strength)
        self.arrange(self.chooser, row(*short(self.genre), self.voice, self.strength, scale), self.more)

    def convert(self, _: object = None) -> None:
        """Start a conversion with what the controls say; the handler of the button Convert."""
        wish = {
            "genre": self.genre.value,
            "strength": self.strength.value,
            "rate": None if self.tempo.value == 1 else self.tempo.value,  # if None, the mood may change it
            "mood": self.mood.mood(),
            "voice": self.voice.value,
            "seed": self.seed.value,
        }
        self.start(self._convert, wish, self.steps.value, self.guidance.value)

    def _convert(self, wish, steps, guidance):
        source, title, name = self.read(self.chooser)
        result = self.convert_with(None, source, num_inference_steps=steps, guidance_scale=guidance, **wish)
        genre, strength, changes = wish["genre"], f"{wish['strength']:.2f}", []
        if wish["rate"]:
            changes.append(f"tempo {wish['rate']:.0%}")
        if wish["mood"]:
            changes.append("mood {:+.1f} {:+.1f}".format(*wish["mood"]))
        if wish["voice"] != "keep":
            changes.append(f"voice {wish['voice']}")
        after = ", ".join([genre, f"amount {strength}", *changes])
        version = "_".join([genre, strength, *changes, str(wish["seed"])])
        settings = {"source": name, "steps": steps, "guidance": guidance, **wish}
        self.results.show(result, title, settings, after=after, version=version)


converter, genre_pad, song_mixer, journey, inventor = GenreConverter, GenrePad, SongMixer, Journey, Inventor


def sheet_reader(pipeline: Callable | None = None) -> Workbench:
    """The widget of lesson 10: a printed page in, its tune out, as it stands and in a genre.

    Parameters
    ----------
    pipeline : NoteNinjaPipeline, optional
        The converter to use; if None, the trained one is loaded when a genre is first asked for.
    """
    from noteninja_lib.widgets.sheet_reader import SheetReader  # loads music21 and the engraver

    return SheetReader(pipeline)
