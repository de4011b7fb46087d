"""A mood journey: a piece that leads from one mood to another over minutes, along curves that the user draws.

Music therapy calls this the iso principle: begin with music in the mood that the listener is in, then lead from there
in small steps (Altshuler 1948; Heiderscheit and Madson 2015, doi 10.1093/mtp/miu042).

Lesson: 09_tempo_mood_and_length
"""

import ipywidgets as widgets
import numpy as np

from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.music.style import MOODS
from noteninja_lib.plots import plot_journey
from noteninja_lib.widgets.choosers import SongChooser
from noteninja_lib.widgets.results import measured
from noteninja_lib.widgets.touch_widgets import Curve
from noteninja_lib.widgets.workbench import Workbench, name_parts, row, short

SOURCES = ("a song", "an invented tune")
PRESETS = (("sad", "happy"), ("tense", "calm"), ("calm", "happy"))
LONG_ENOUGH = (
    0.75  # of the asked-for length: a song as long as that is not extended, since calm moods slow it down
)
STAY, ARRIVE = 0.2, 0.8  # parts of the time: until here in the first mood, from here on in the last


def journey(pipeline=None):
    """A piece of some minutes that leads from one mood to another.

    Parameters
    ----------
    pipeline : NoteNinjaPipeline, optional
        The converter to use; if None, the trained one is loaded when it is first needed.

    Returns
    -------
    Journey
    """
    return Journey(pipeline)


class Journey(Workbench):
    """Source, moods and length; parameters as those of `Workbench`."""

    def __init__(self, pipeline=None, **options):
        super().__init__(pipeline, **options)
        self.way = widgets.ToggleButtons(options=SOURCES, value=SOURCES[0])
        self.chooser = SongChooser()
        self.seed = widgets.BoundedIntText(value=0, min=0, max=2**31 - 1, description="seed")
        self.genre = widgets.Dropdown(options=GENRES, value="classical", description="genre")
        self.minutes = widgets.FloatSlider(
            value=2, min=0.5, max=10, step=0.5, description="minutes", continuous_update=False
        )
        self.begin, self.goal = (
            widgets.Dropdown(options=list(MOODS), description=name) for name in ("from", "to")
        )
        self.valence = Curve(name="valence", labels=["sad", "happy", "start", "end"])
        self.arousal = Curve(name="arousal", labels=["calm", "excited", "start", "end"], second=True)
        presets = [widgets.Button(description=f"{begin} → {goal}") for begin, goal in PRESETS]
        for button, moods in zip(presets, PRESETS):
            button.on_click(lambda _, moods=moods: self.plan(*moods))
        for part in (self.begin, self.goal):
            part.observe(self._plan, "value")
        self.way.observe(self._show_way, "value")
        words = widgets.HTML("Or draw: drag a point, click to add one, double click to remove it.")
        self.go = self.go_button("Make the journey", "road", self.make)
        name_parts(
            source=self.way,
            seed=self.seed,
            genre=self.genre,
            minutes=self.minutes,
            begin=self.begin,
            goal=self.goal,
            presets=presets[0],
            valence=self.valence,
            arousal=self.arousal,
            make=self.go,
        )
        self.arrange(
            self.way,
            self.chooser,
            row(*short(self.genre, self.seed), self.minutes),
            row(*short(self.begin, self.goal), *presets),
            words,
            self.valence,
            self.arousal,
        )
        self._show_way()
        self.plan(*PRESETS[0])

    def _show_way(self, _=None):
        self.chooser.layout.display = "" if self.way.value == SOURCES[0] else "none"

    def plan(self, begin, goal):
        """Draw the curves from one mood to another, both words of `MOODS`."""
        self.begin.value, self.goal.value = begin, goal
        self._plan()

    def _plan(self, _=None):
        for curve, first, last in zip(
            (self.valence, self.arousal), MOODS[self.begin.value], MOODS[self.goal.value]
        ):
            curve.points = [[0, first], [STAY, first], [ARRIVE, last], [1, last]]

    def path(self):
        """What both curves say together, as the pipeline takes it: a list of (place, (valence, arousal))."""
        places = sorted({place for curve in (self.valence, self.arousal) for place, _ in curve.points})
        return [
            (place, (round(float(self.valence.at(place)), 3), round(float(self.arousal.at(place)), 3)))
            for place in places
        ]

    def make(self, _=None):
        """Extend the song and lead it along the curves; the handler of the button."""
        self.start(
            self._make,
            {
                "genre": self.genre.value,
                "mood": self.path(),
                "seed": self.seed.value,
                "seconds": 60 * self.minutes.value,
            },
        )

    def _make(self, wish):
        source, title, name = self._source(wish["seed"])
        facts = {"invented_from_seed": wish["seed"]} if self.way.value == SOURCES[1] else {}
        if isinstance(source, np.ndarray) and len(source) > LONG_ENOUGH * wish["seconds"] * SAMPLE_RATE:
            facts["seconds_of_the_song"] = wish.pop("seconds")  # needs no extending
            source = source[: round(facts["seconds_of_the_song"] * SAMPLE_RATE)]
        result = self.convert_with(None, source, **wish)
        self.results.show(
            result,
            title,
            f"{wish['genre']}, along the curves",
            measured(result, wish["genre"]),
            same_tune=False,
            picture=lambda figure, shown: plot_journey(shown.audio, wish["mood"], figure),
            version=f"journey_{self.begin.value}_{self.goal.value}_{wish['genre']}_{wish['seed']}",
            settings={"source": name, **wish},
            facts=facts,
        )

    def _source(self, seed):
        if self.way.value == SOURCES[0]:
            return self.read(self.chooser)
        from noteninja_lib.music.generation import invent

        self.tell_progress(0.0, "inventing")
        tune = invent(seed)
        return tune, tune.title, ""
