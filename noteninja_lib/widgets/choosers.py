"""What a user chooses in a notebook: a song (of the course, a file, a recording), a genre, a seed, a mood.

Lesson: 00_genre_converter
"""

from pathlib import Path

import ipywidgets as widgets

from noteninja_lib.arranger.recipe import GENRES, own_genres
from noteninja_lib.errors import UserError
from noteninja_lib.music.style import MOODS
from noteninja_lib.pipeline import VOICES
from noteninja_lib.source import MIDI, PICTURES, SCORES
from noteninja_lib.widgets.inputs import RIGHTS, Recorder, Upload, own_folder
from noteninja_lib.widgets.players import bundled_songs
from noteninja_lib.widgets.style_sheet import name_parts, player, row, slider

WAYS = ("a bundled song", "a path", "an upload", "a microphone")
SOUNDS = tuple(".mp3 .wav .flac .ogg .opus .aiff .m4a .aac .mka .mp4 .mov .webm audio/* video/*".split())
KINDS = (*SOUNDS, *MIDI, *SCORES, *PICTURES)
EXAMPLE = "for example C:/music/my song.mp3 (or wav, flac, m4a, mid, musicxml, abc, png, pdf)"


def genre_menu(value: str = "jazz") -> widgets.Dropdown:
    """One of the ten genres, or of one's own."""
    return widgets.Dropdown(options=[*GENRES, *own_genres()], value=value, description="genre")


OF_VOICES = (
    "keep a singer's voice, over the new band",
    "let an instrument play what a singer sings",
    "leave a singer out: the new band alone",
)


def voice_buttons() -> widgets.ToggleButtons:
    """What becomes of a singer."""
    look = {"description": "voice", "tooltips": OF_VOICES}
    return widgets.ToggleButtons(options=VOICES, value="keep", **look)


def seed_field() -> widgets.BoundedIntText:
    """The seed of what is random."""
    return widgets.BoundedIntText(value=0, min=0, max=2**31 - 1, description="seed")


class FileChooser(widgets.VBox):
    """Three ways to a file: one that comes with the course, a path, an upload.

    Parameters
    ----------
    ways : tuple of str
        What they are called, in this order.
    bundled : widget
        Chooses what comes with the course.
    kinds : tuple of str
        Endings that may be uploaded.
    what : str
        What is chosen, as in "the path of a song".
    example : str
        A path, shown in the empty field.
    path : str
        The path at first.
    """

    def __init__(
        self, ways: tuple, bundled: widgets.Widget, kinds: tuple, what: str, example: str, path: str = ""
    ) -> None:
        self.ways, self.what = ways, what
        self.way = widgets.ToggleButtons(options=ways, value=ways[1] if path else ways[0])
        self.path = widgets.Text(placeholder=example, value=path, description="path", continuous_update=False)
        self.upload = Upload(accept=",".join(kinds))
        self.rows = (bundled, row(self.path), row(self.upload))
        super().__init__([self.way, *self.rows])
        self.way.observe(self._show_way, "value")
        self.upload.observe(lambda _: setattr(self.way, "value", ways[2]), "files")  # which may be dropped
        name_parts(self, "way path upload", chooser=self)
        self._show_way()

    def _show_way(self, _=None):
        for way, part in zip(self.ways, self.rows):
            part.layout.display = "" if way == self.way.value else "none"

    def own_file(self) -> tuple[Path, str]:
        """Path and title of the file that was named, or uploaded.

        Raises
        ------
        UserError
            When nothing was chosen yet.
        """
        if self.way.value == self.ways[1]:
            if not self.path.value.strip():
                raise UserError(f"Type the path of a {self.what} first, then press the button again.")
            path = Path(self.path.value.strip().strip("\"'")).expanduser()
            return path, path.stem
        if not self.upload.files:
            wait = "wait until it has arrived, then press the button again"
            raise UserError(f"Choose a file to upload first, {wait}.")
        return self.upload.files[0], self.upload.files[0].stem


class SongChooser(FileChooser):
    """Lets a user choose a song; ``song()`` says which.

    Parameters
    ----------
    song : str or Path, optional
        The file that is chosen at first; else the first bundled song.
    """

    def __init__(self, song: str | Path | None = None) -> None:
        self.bundled = widgets.Dropdown(options=list(bundled_songs().items()), description="title")
        self.preview = player()
        super().__init__(WAYS, row(self.bundled, self.preview), KINDS, "song", EXAMPLE, str(song or ""))
        self._folder, self.recorder, self.rights = own_folder(), Recorder(), widgets.HTML(RIGHTS)
        self.rows = (*self.rows, row(self.recorder, self.rights))
        self.children = [self.way, *self.rows]
        self._show_way()
        self.bundled.observe(self._show_preview, "value")
        name_parts(self, "preview", song=self.bundled)
        self._show_preview()

    def _show_preview(self, _=None):
        if self.bundled.value is not None:
            self.preview.value = self.bundled.value.read_bytes()

    def song(self) -> tuple[Path, str]:
        """File and title of the chosen song.

        Raises
        ------
        UserError
            When nothing was chosen yet.
        """
        if self.way.value == WAYS[3]:
            return self.recorder.write(self._folder / "recording.wav"), "my recording"
        if self.way.value != WAYS[0]:
            return self.own_file()
        if self.bundled.value is None:
            raise UserError("No song came with this copy of the course; choose a path or an upload.")
        return self.bundled.value, self.bundled.label


class MoodChooser(widgets.VBox):
    """Two sliders for valence and arousal, and words that set them; ``mood()`` says which."""

    def __init__(self) -> None:
        self.valence, self.arousal = (slider(name, 0, -1, 1, 0.1, "+.1f") for name in ("valence", "arousal"))
        self.words = {word: widgets.Button(description=word, layout={"width": "auto"}) for word in MOODS}
        for button in self.words.values():
            button.on_click(lambda button: self.use(button.description))
        valences, arousals = widgets.HTML("−1 sad or bitter, +1 happy"), widgets.HTML("−1 calm, +1 excited")
        words = row(widgets.Label("mood"), *self.words.values())
        super().__init__([words, row(self.valence, valences), row(self.arousal, arousals)])
        name_parts(self, "valence arousal", mood=self)

    def use(self, word: str) -> None:
        """Set both sliders to the mood of a word of `MOODS`."""
        self.valence.value, self.arousal.value = MOODS[word]

    def mood(self) -> tuple[float, float] | None:
        """(valence, arousal), or None where both are neutral."""
        pair = (self.valence.value, self.arousal.value)
        return pair if any(pair) else None
