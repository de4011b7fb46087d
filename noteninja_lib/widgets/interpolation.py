"""Between genres, songs and moods: a pad with four genres at its corners, two songs mixed, a journey.

Lessons: 08_latent_interpolation, 09_tempo_mood_and_length
"""

from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from noteninja_lib.arranger.recipe import GENRES, own_genres
from noteninja_lib.audio.io import SAMPLE_RATE, load
from noteninja_lib.music.extension import LONGEST
from noteninja_lib.music.style import MOODS
from noteninja_lib.plots import plot_journey
from noteninja_lib.source import MIDI, PICTURES, SCORES, hear
from noteninja_lib.widgets.inputs import SongChooser, genre_menu, seed_field
from noteninja_lib.widgets.results import fate, tune_kept
from noteninja_lib.widgets.style_sheet import name_parts, row, short, slider, two_bars
from noteninja_lib.widgets.touch_widgets import Curve, Pad
from noteninja_lib.widgets.workbench import Workbench

CORNERS = ("blues", "disco", "classical", "metal")  # top left, top right, bottom left, bottom right
HOW = (
    "Drag the dot, or move it with the arrow keys. The nearer it is to a corner, the more of that genre. "
    "Orange marks are what you heard already."
)

INVENTED = "an invented tune"
PRESETS = (("sad", "happy"), ("tense", "calm"), ("calm", "happy"))
MOMENTS, MOMENT = 12, 5.0  # at most, in which the mood of a result is heard; at least so many seconds each
LONG_ENOUGH = 0.75  # of the length: such a song is not extended, since calm moods slow it down
STAY, ARRIVE = 0.2, 0.8  # parts of the time: until here in the first mood, from here on in the last


class GenrePad(Workbench):
    """A square with four genres at its corners: the place of the dot says how much of each the song gets.

    Parameters
    ----------
    song : str or Path, optional
        The song that is chosen at first.
    pipeline, **options
        As those of `Workbench`.
    """

    def __init__(self, song: str | Path | None = None, pipeline: Callable | None = None, **options) -> None:
        super().__init__(pipeline, **options)
        self.chooser, self.pad, self.seed = SongChooser(song), Pad(labels=list(CORNERS)), seed_field()
        look = {"options": [*GENRES, *own_genres()], "layout": {"width": "auto"}}
        self.corners = [widgets.Dropdown(value=genre, **look) for genre in CORNERS]
        for corner in self.corners:
            corner.observe(self._label, "value")
        top, bottom = widgets.HBox(self.corners[:2]), widgets.HBox(self.corners[2:])
        square = widgets.VBox([top, self.pad, bottom])
        beside = widgets.VBox([widgets.HTML(HOW), *short(self.seed)])
        self.play_button = self.go_button("Convert", "music", self.play)
        name_parts(self, "seed", corners_top=top, corners_bottom=bottom, square=square, beside=beside)
        places = ("top_left", "top_right", "bottom_left", "bottom_right")
        name_parts(**{f"corner_{place}": corner for place, corner in zip(places, self.corners)})
        self.arrange(self.chooser, row(square, beside))

    def _label(self, _):
        self.pad.labels, self.pad.trail = [corner.value for corner in self.corners], []

    def play(self, _: object = None) -> None:
        """Convert the song to the genres' shares at the dot; the handler of the button."""
        wish = {"genre": self.pad.shares(), "seed": self.seed.value}
        self.start(self._play, wish, [self.pad.x, self.pad.y])

    def _play(self, wish, place):
        source, title, name = self.read(self.chooser)
        result = self.convert_with(None, source, **wish)
        shares = wish["genre"]

        def numbers(made):
            heard = {genre: made.genre_heard[genre] for genre in shares}
            bars = [two_bars(genre, share, heard[genre]) for genre, share in shares.items()]
            bars.append(two_bars("other genres", 0.0, max(0.0, 1 - sum(heard.values()))))
            return tune_kept(made) + "".join(bars) + fate(made)

        self.results.show(
            result,
            title,
            {"source": name, **wish},
            after=", ".join(f"{genre} {share:.0%}" for genre, share in shares.items()),
            numbers=numbers,
        )
        self.pad.trail = [*self.pad.trail, place]


class SongMixer(Workbench):
    """A slider from one song to another: a piece between both; parameters as those of `Workbench`."""

    def __init__(self, pipeline: Callable | None = None, **options) -> None:
        super().__init__(pipeline, **options)
        self.first, self.second = SongChooser(), SongChooser()
        self.genre, self.seed = genre_menu(), seed_field()
        songs = self.second.bundled.options
        if len(songs) > 1:
            self.second.bundled.value = songs[1][1]
        self.share = slider("share", 0.5, 0, 1, 0.05, ".0%")
        self.mix_button = self.go_button("Mix", "music", self.mix)
        name_parts(self, "first second share genre seed")
        scale = widgets.HTML("of the second song: 0% is the first alone, 100% the second")
        one, other = widgets.HTML("<b>first song</b>"), widgets.HTML("<b>second song</b>")
        choices = row(self.share, scale), row(*short(self.genre, self.seed))
        self.arrange(one, self.first, other, self.second, *choices)

    def mix(self, _: object = None) -> None:
        """Make a piece between both songs; the handler of the button."""
        self.start(self._mix, {"share": self.share.value, "genre": self.genre.value, "seed": self.seed.value})

    def _mix(self, wish):
        (first, title, name), (second, other, other_name) = self.read(self.first), self.read(self.second)
        result = self.convert_with("interpolate", first, second, **wish)
        share, genre = wish["share"], wish["genre"]
        self.results.show(
            result,
            other if share > 0.5 else title,
            {"source": name, "second": other_name, **wish},
            after=f"{genre} from {1 - share:.0%} “{title}” and {share:.0%} “{other}”",
            same_tune=False,
        )


class SongOrTune(SongChooser):
    """Lets a user choose a song, or a new tune in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.ways = (*self.ways, INVENTED)
        self.rows = (
            *self.rows,
            widgets.HTML("A tune that nobody knows yet; another seed gives another one."),
        )
        self.children = [self.way, *self.rows]
        self.way.options = self.ways
        self._show_way()


class Journey(Workbench):
    """A piece of some minutes that leads from one mood to another, along curves that the user draws.

    Music therapy calls this the iso principle: begin with music in the mood of the listener, then lead from
    there in small steps (Altshuler 1948; Heiderscheit and Madson 2015, doi 10.1093/mtp/miu042). Parameters as
    those of `Workbench`.
    """

    def __init__(self, pipeline: Callable | None = None, **options) -> None:
        super().__init__(pipeline, **options)
        self.chooser, self.seed, self.genre = SongOrTune(), seed_field(), genre_menu("classical")
        self.minutes = slider("minutes", 2, 0.5, LONGEST / 60, 0.5, ".1f")
        menus = [widgets.Dropdown(options=list(MOODS), description=name) for name in ("from", "to")]
        self.begin, self.goal = menus
        self.valence = Curve(name="valence", labels=["sad", "happy"])
        self.arousal = Curve(name="arousal", labels=["calm", "excited"], second=True)
        presets = [widgets.Button(description=f"{begin} → {goal}") for begin, goal in PRESETS]
        for button, moods in zip(presets, PRESETS):
            button.on_click(lambda _, moods=moods: self.plan(*moods))
        for menu in menus:
            menu.observe(self._plan, "value")
        self.minutes.observe(self._show_minutes, "value")
        self.make_button = self.go_button("Make the journey", "road", self.make)
        name_parts(self, "seed genre minutes begin goal valence arousal", presets=presets[0])
        self.arrange(
            self.chooser,
            row(*short(self.genre, self.seed), self.minutes),
            row(*short(*menus), *presets),
            widgets.HTML("Or draw: drag a point, click to add one, double click to remove it."),
            self.valence,
            self.arousal,
        )
        self._show_minutes()
        self.plan(*PRESETS[0])

    def _show_minutes(self, _=None):
        self.valence.seconds = self.arousal.seconds = 60 * self.minutes.value

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
        if self.chooser.way.value != INVENTED:
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
        result, heard = self.convert_with(None, source, **wish), {}

        from noteninja_lib.evaluation.metrics import heard_moods  # a second, before anybody hears anything

        def picture(figure, shown):  # each version is measured once; a long one takes some seconds
            if id(shown) not in heard:
                roll = hear(
                    shown.mono(), lambda done: self.tell_progress(done, "hearing the moods of the result")
                )
                count = min(MOMENTS, max(2, int(roll.seconds / MOMENT)))
                heard[id(shown)] = heard_moods(roll, shown.audio, np.linspace(0, 1, count))
            figure.set_size_inches(7, 4.6)
            plot_journey(shown, wish["mood"], heard[id(shown)], figure)

        self.results.show(
            result,
            title,
            {"source": name, **wish},
            after=f"{wish['genre']}, along the curves",
            version=f"journey_{self.begin.value}_{self.goal.value}_{wish['genre']}_{wish['seed']}",
            facts=facts,
            same_tune=False,
            picture=picture,
        )
