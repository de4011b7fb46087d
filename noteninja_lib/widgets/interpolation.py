"""Between genres and between songs: a pad with four genres at its corners, and a slider from one song to another.

Lesson: 08_latent_interpolation
"""

import ipywidgets as widgets

from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.widgets.choosers import SongChooser
from noteninja_lib.widgets.results import TUNE_KEPT, measured
from noteninja_lib.widgets.style_sheet import meter, two_bars
from noteninja_lib.widgets.touch_widgets import Pad
from noteninja_lib.widgets.workbench import Workbench, name_parts, row, short

CORNERS = ("blues", "disco", "classical", "metal")  # top left, top right, bottom left, bottom right


def genre_pad(song=None, pipeline=None):
    """A square with four genres at its corners: the place of the dot says how much of each the song gets.

    Parameters
    ----------
    song : str or Path, optional
        The song that is chosen at first.
    pipeline : NoteNinjaPipeline, optional
        The converter to use; if None, the trained one is loaded at the first conversion.

    Returns
    -------
    GenrePad
    """
    return GenrePad(song, pipeline)


def song_mixer(pipeline=None):
    """A slider from one song to another: a piece between both.

    Parameters
    ----------
    pipeline : NoteNinjaPipeline, optional
        As for `genre_pad`.

    Returns
    -------
    SongMixer
    """
    return SongMixer(pipeline)


class GenrePad(Workbench):
    """A song, four genres and a pad; parameters as those of `genre_pad` and `Workbench`."""

    def __init__(self, song=None, pipeline=None, **options):
        super().__init__(pipeline, **options)
        self.chooser, self.pad = SongChooser(song), Pad(labels=list(CORNERS))
        self.corners = [
            widgets.Dropdown(options=GENRES, value=genre, layout={"width": "auto"}) for genre in CORNERS
        ]
        for corner in self.corners:
            corner.observe(self._label, "value")
        self.seed = widgets.BoundedIntText(value=0, min=0, max=2**31 - 1, description="seed")
        words = widgets.HTML(
            "Drag the dot, or move it with the arrow keys. The nearer it is to a corner, the more of that genre. "
            "Orange marks are what you heard already."
        )
        square = widgets.VBox([widgets.HBox(self.corners[:2]), self.pad, widgets.HBox(self.corners[2:])])
        self.play_button = self.go_button("Convert", "music", self.play)
        beside = widgets.VBox([words, *short(self.seed)])
        name_parts(
            corners_top=square.children[0],
            corners_bottom=square.children[2],
            square=square,
            beside=beside,
            seed=self.seed,
            play=self.play_button,
        )
        self.arrange(self.chooser, row(square, beside))

    def _label(self, _):
        self.pad.labels, self.pad.trail = [corner.value for corner in self.corners], []

    def play(self, _=None):
        """Convert the song to the genres' shares at the dot; the handler of the button."""
        self.start(
            self._play, {"genre": self.pad.shares(), "seed": self.seed.value}, [self.pad.x, self.pad.y]
        )

    def _play(self, wish, place):
        source, title, name = self.read(self.chooser)
        result = self.convert_with(None, source, **wish)
        shares = wish["genre"]
        after = ", ".join(f"{genre} {share:.0%}" for genre, share in shares.items())
        heard = {genre: result.genre_heard[genre] for genre in shares}
        bars = "".join(two_bars(genre, shares[genre], heard[genre]) for genre in shares)
        bars += two_bars("other genres", 0.0, max(0.0, 1 - sum(heard.values())))
        version = "_".join(
            [*(f"{genre}{100 * share:.0f}" for genre, share in shares.items()), str(wish["seed"])]
        )
        self.results.show(
            result,
            title,
            after,
            meter("Tune kept", result.tune_kept, TUNE_KEPT) + bars,
            version=version,
            settings={"source": name, **wish},
        )
        self.pad.trail = [*self.pad.trail, place]


class SongMixer(Workbench):
    """Two songs, a share and a genre; parameters as those of `Workbench`."""

    def __init__(self, pipeline=None, **options):
        super().__init__(pipeline, **options)
        self.first, self.second = SongChooser(), SongChooser()
        songs = self.second.bundled.options
        if len(songs) > 1:
            self.second.bundled.value = songs[1][1]
        self.share = widgets.FloatSlider(
            value=0.5,
            min=0,
            max=1,
            step=0.05,
            description="share",
            readout_format=".0%",
            continuous_update=False,
        )
        self.genre = widgets.Dropdown(options=GENRES, value="jazz", description="genre")
        self.seed = widgets.BoundedIntText(value=0, min=0, max=2**31 - 1, description="seed")
        self.mix_button = self.go_button("Mix", "music", self.mix)
        scale = widgets.HTML("of the second song: 0% is the first alone, 100% the second")
        name_parts(
            first=self.first,
            second=self.second,
            share=self.share,
            genre=self.genre,
            seed=self.seed,
            mix=self.mix_button,
        )
        self.arrange(
            widgets.HTML("<b>first song</b>"),
            self.first,
            widgets.HTML("<b>second song</b>"),
            self.second,
            row(self.share, scale),
            row(*short(self.genre, self.seed)),
        )

    def mix(self, _=None):
        """Make a piece between both songs; the handler of the button."""
        self.start(self._mix, {"share": self.share.value, "genre": self.genre.value, "seed": self.seed.value})

    def _mix(self, wish):
        (first, title, name), (second, other, other_name) = self.read(self.first), self.read(self.second)
        result = self.convert_with("interpolate", first, second, **wish)
        nearer = other if wish["share"] > 0.5 else title
        between = f"{wish['genre']} from {1 - wish['share']:.0%} “{title}” and {wish['share']:.0%} “{other}”"
        self.results.show(
            result,
            nearer,
            between,
            measured(result, wish["genre"]),
            same_tune=False,
            version=f"{other}_{wish['share']:.2f}_{wish['genre']}_{wish['seed']}",
            settings={"source": name, "second": other_name, **wish},
        )
