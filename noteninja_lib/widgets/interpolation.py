"""Between genres and between songs: a pad with four genres at its corners, and a slider between two songs.

Lesson: 08_latent_interpolation
"""

from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from noteninja_lib.arranger.recipe import GENRES, own_genres
from noteninja_lib.widgets.choosers import SongChooser, genre_menu, seed_field
from noteninja_lib.widgets.results import fate, tune_kept
from noteninja_lib.widgets.style_sheet import name_parts, row, short, slider, two_bars
from noteninja_lib.widgets.touch_widgets import Pad
from noteninja_lib.widgets.workbench import Workbench

CORNERS = ("blues", "disco", "classical", "metal")  # top left, top right, bottom left, bottom right
HOW = (
    "Drag the dot, or move it with the arrow keys. The nearer it is to a corner, the more of that genre. "
    "Orange marks are what you heard already."
)


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
        heard = {genre: result.genre_heard[genre] for genre in shares}
        bars = [two_bars(genre, share, heard[genre]) for genre, share in shares.items()]
        bars.append(two_bars("other genres", 0.0, max(0.0, 1 - sum(heard.values()))))
        self.results.show(
            result,
            title,
            {"source": name, **wish},
            after=", ".join(f"{genre} {share:.0%}" for genre, share in shares.items()),
            version="_".join([*(f"{one}{100 * shares[one]:.0f}" for one in shares), str(wish["seed"])]),
            numbers=tune_kept(result) + "".join(bars) + fate(result),
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
            version=f"{other}_{share:.2f}_{genre}_{wish['seed']}",
            same_tune=False,
        )
