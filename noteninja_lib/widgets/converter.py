"""The genre converter as a widget: choose a song, a genre, an amount, a tempo and a mood; convert, compare, save.

The other widgets over the pipeline are made here too, so that a lesson needs one import.

Lesson: 00_genre_converter
"""

import ipywidgets as widgets

from noteninja_lib import STEPS
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.widgets.choosers import MoodChooser, SongChooser
from noteninja_lib.widgets.interpolation import genre_pad, song_mixer
from noteninja_lib.widgets.mood_journey import journey
from noteninja_lib.widgets.results import measured
from noteninja_lib.widgets.tune_editor import inventor
from noteninja_lib.widgets.workbench import Workbench, name_parts, row

__all__ = ["GenreConverter", "converter", "genre_pad", "inventor", "journey", "sheet_reader", "song_mixer"]


def converter(pipeline=None):
    """The widget of lesson 00: a song in, the same tune out in another genre.

    Parameters
    ----------
    pipeline : NoteNinjaPipeline, optional
        The converter to use; if None, the trained one is loaded at the first conversion.

    Returns
    -------
    GenreConverter
    """
    return GenreConverter(pipeline)


def sheet_reader(pipeline=None):
    """The widget of lesson 10: a printed page in, its tune out, as it stands and in a genre.

    Parameters
    ----------
    pipeline : NoteNinjaPipeline, optional
        The converter to use; if None, the trained one is loaded when a genre is first asked for.

    Returns
    -------
    SheetReader
    """
    from noteninja_lib.widgets.sheet_reader import (
        SheetReader,  # loads music21 and the engraver, which the others do not need
    )

    return SheetReader(pipeline)


class GenreConverter(Workbench):
    """Controls, progress and results of a conversion; parameters as those of `Workbench`."""

    def __init__(self, pipeline=None, **options):
        super().__init__(pipeline, **options)
        self.chooser = SongChooser()
        self.genre = widgets.Dropdown(options=GENRES, value="jazz", description="genre")
        self.amount = widgets.FloatSlider(
            value=1.0,
            min=0,
            max=1,
            step=0.05,
            description="amount",
            readout_format=".2f",
            continuous_update=False,
        )
        scale = widgets.HTML("0 keeps the recording as it is, 1 keeps only the tune")
        self.controls = row(self.genre, self.amount, scale)
        self.more = self._build_more()
        self.convert_button = self.go_button("Convert", "music", self.convert)
        name_parts(
            genre=self.genre,
            amount=self.amount,
            convert=self.convert_button,
            more=self.more,
            seed=self.seed,
            tempo=self.tempo,
        )
        self.arrange(self.chooser, self.controls, self.more)

    def _build_more(self):
        self.tempo = widgets.FloatSlider(
            value=1,
            min=0.5,
            max=2,
            step=0.05,
            description="tempo",
            readout_format=".0%",
            continuous_update=False,
        )
        self.mood = MoodChooser()
        self.steps = widgets.IntSlider(
            value=STEPS, min=2, max=50, description="steps", continuous_update=False
        )
        self.guidance = widgets.FloatSlider(
            value=2.0, min=1, max=6, step=0.5, description="guidance", continuous_update=False
        )
        self.seed = widgets.BoundedIntText(value=0, min=0, max=2**31 - 1, description="seed")
        words = widgets.HTML(
            "More <b>steps</b>: finer and slower. More <b>guidance</b>: obeys more "
            "strictly. Another <b>seed</b>: another player's version."
        )
        more = widgets.Accordion(
            [widgets.VBox([self.tempo, self.mood, self.steps, self.guidance, self.seed, words])],
            selected_index=None,
        )
        more.set_title(0, "more: tempo, mood, steps, guidance, seed")
        return more

    def convert(self, _=None):
        """Start a conversion with what the controls say; the handler of the button Convert."""
        rate = None if self.tempo.value == 1 else self.tempo.value  # then the mood may change it a little
        self.start(
            self._convert,
            {
                "genre": self.genre.value,
                "amount": self.amount.value,
                "rate": rate,
                "mood": self.mood.mood(),
                "seed": self.seed.value,
            },
            self.steps.value,
            self.guidance.value,
        )

    def _convert(self, wish, steps, guidance):
        source, title, name = self.read(self.chooser)
        result = self.convert_with(None, source, num_inference_steps=steps, guidance_scale=guidance, **wish)
        genre, changes = wish["genre"], []
        if wish["rate"]:
            changes.append(f"tempo {wish['rate']:.0%}")
        if wish["mood"]:
            changes.append("mood {:+.1f} {:+.1f}".format(*wish["mood"]))
        after = ", ".join([genre, f"amount {wish['amount']:.2f}", *changes])
        version = "_".join(
            [
                genre,
                f"{wish['amount']:.2f}",
                *(change.replace(" ", "") for change in changes),
                str(wish["seed"]),
            ]
        )
        self.results.show(
            result,
            title,
            after,
            measured(result, genre),
            version=version,
            settings={"source": name, "steps": steps, "guidance": guidance, **wish},
        )
