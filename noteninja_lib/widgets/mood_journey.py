"""A mood journey: a piece that leads from one mood to another over minutes, along curves that the user draws.

Music therapy calls this the iso principle: begin with music in the mood of the listener, then lead from there
in small steps (Altshuler 1948; Heiderscheit and Madson 2015, doi 10.1093/mtp/miu042).

Lesson: 09_tempo_mood_and_length
"""

from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.music.style import MOODS
from noteninja_lib.plots import plot_journey
from noteninja_lib.source import MIDI, PICTURES, SCORES
from noteninja_lib.widgets.choosers import SongChooser, genre_menu, seed_field
from noteninja_lib.widgets.style_sheet import name_parts, row, short, slider
from noteninja_lib.widgets.touch_widgets import Curve
from noteninja_lib.widgets.workbench import Workbench

SOURCES = ("a song", "an invented tune")
PRESETS = (("sad", "happy"), ("tense", "calm"), ("calm", "happy"))
LONG_ENOUGH = 0.75  # of the length: such a song is not extended, since calm moods slow it down
STAY, ARRIVE = 0.2, 0.8  # parts of the time: until here in the first mood, from here on in the last


class Journey(Workbench):
    """A piece of some minutes that leads from one mood to another; parameters as those of `Workbench`."""

    def __init__(self, pipeline: Callable | None = None, **options) -> None:
        super().__init__(pipeline, **options)
        self.chooser, self.seed, self.genre = SongChooser(), seed_field(), genre_menu("classical")
        self.source = widgets.ToggleButtons(options=SOURCES, value=SOURCES[0])
        self.minutes = slider("minutes", 2, 0.5, 10, 0.5)
        menus = [widgets.Dropdown(options=list(MOODS), description=name) for name in ("from", "to")]
        self.begin, self.goal = menus
        self.valence = Curve(name="valence", labels=["sad", "happy", "start", "end"])
        self.arousal = Curve(name="arousal", labels=["calm", "excited", "start", "end"], second=True)
        presets = [widgets.Button(description=f"{begin} → {goal}") for begin, goal in PRESETS]
        for button, moods in zip(presets, PRESETS):
            button.on_click(lambda _, moods=moods: self.plan(*moods))
        for menu in menus:
            menu.observe(self._plan, "value")
        self.source.observe(self._show_source, "value")
        self.make_button = self.go_button("Make the journey", "road", self.make)
        name_parts(self, "source seed genre minutes begin goal valence arousal", presets=presets[0])
        self.arrange(
            self.source,
            self.chooser,
            row(*short(self.genre, self.seed), self.minutes),
            row(*short(*menus), *presets),
            widgets.HTML("Or draw: drag a point, click to add one, double click to remove it."),
            self.valence,
            self.arousal,
        )
        self._show_source()
        self.plan(*PRESETS[0])

    def _show_source(self, _=None):
        self.chooser.layout.display = "" if self.source.value == SOURCES[0] else "none"

    def plan(self, begin: str, goal: str) -> None:
        """Draw the curves from one mood to another, both words of `MOODS`."""
        self.begin.value, self.goal.value = begin, goal
        self._plan()

    def _plan(self, _=None):
        ends = zip(MOODS[self.begin.value], MOODS[self.goal.value])
        for curve, (first, last) in zip((self.valence, self.arousal), ends):
            curve.points = [[0, first], [STAY, first], [ARRIVE, last], [1, last]]

    def path(self) -> list[tuple[float, tuple[float, float]]]:
        """What both curves say together, as the pipeline takes it: a list of (place, (valence, arousal))."""
        curves = (self.valence, self.arousal)
        places = sorted({place for curve in curves for place, _ in curve.points})
        valence, arousal = ([round(float(curve.at(place)), 3) for place in places] for curve in curves)
        return list(zip(places, zip(valence, arousal)))

    def make(self, _: object = None) -> None:
        """Extend the song and lead it along the curves; the handler of the button."""
        # A voice can't be sung in another mood.
        wish = {"genre": self.genre.value, "mood": self.path(), "seed": self.seed.value, "voice": "play"}
        self.start(self._make, wish | {"seconds": 60 * self.minutes.value})

    def _make(self, wish):
        facts = {}
        if self.source.value == SOURCES[0]:
            source, title, name = self.read(self.chooser)
        else:
            from noteninja_lib.music.generation import invent

            self.tell_progress(0.0, "inventing")
            source, facts["invented_from_seed"] = invent(wish["seed"]), wish["seed"]
            title, name = source.title, ""
        recorded = isinstance(source, Path) and source.suffix.lower() not in MIDI + SCORES + PICTURES
        if recorded and len(audio := load(source)) > LONG_ENOUGH * wish["seconds"] * SAMPLE_RATE:
            facts["seconds_of_the_song"] = wish.pop("seconds")  # needs no extending
            source = audio[: round(facts["seconds_of_the_song"] * SAMPLE_RATE)]
        result = self.convert_with(None, source, **wish)
        self.results.show(
            result,
            title,
            {"source": name, **wish},
            after=f"{wish['genre']}, along the curves",
            version=f"journey_{self.begin.value}_{self.goal.value}_{wish['genre']}_{wish['seed']}",
            facts=facts,
            same_tune=False,
            picture=lambda figure, shown: plot_journey(shown.audio, wish["mood"], figure),
        )
