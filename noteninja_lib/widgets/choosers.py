"""What a user chooses in a notebook: a song (one that comes with the course, a path, an upload), and a mood.

Lesson: 00_genre_converter
"""

import tempfile
from pathlib import Path

import ipywidgets as widgets

from noteninja_lib.errors import UserError
from noteninja_lib.music.style import MOODS
from noteninja_lib.source import MIDI, PICTURES, SCORES
from noteninja_lib.widgets.players import bundled_songs

WAYS = ("a bundled song", "a path", "an upload")
KINDS = (".mp3", ".wav", ".flac", ".ogg", *MIDI, *SCORES, *PICTURES)
UPLOAD_LIMIT = 10_000_000  # bytes; Jupyter drops a larger message without a word


def uploaded(value):
    """Name and content of the file in a ``FileUpload``.

    Parameters
    ----------
    value : dict or tuple
        The widget's ``value``: a dict by name in ipywidgets 7 (Colab), a tuple of dicts in ipywidgets 8.

    Returns
    -------
    tuple of (str, bytes), or None
        The last file, or None where nothing arrived yet.
    """
    if isinstance(value, dict):
        files = [(name, file["content"]) for name, file in value.items()]
    else:
        files = [(file["name"], file["content"]) for file in value]
    return (files[-1][0], bytes(files[-1][1])) if files else None


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

    def __init__(self, ways, bundled, kinds, what, example, path=""):
        self._folder = tempfile.TemporaryDirectory(prefix="noteninja-")  # for uploads; gone with the kernel
        self.ways, self.what = ways, what
        self.way = widgets.ToggleButtons(options=ways, value=ways[1] if path else ways[0])
        self.path = widgets.Text(placeholder=example, value=path, description="path", continuous_update=False)
        self.upload = widgets.FileUpload(accept=",".join(kinds), multiple=False, description="choose a file")
        self.uploaded = widgets.HTML()
        self.rows = (bundled, widgets.HBox([self.path]), widgets.HBox([self.upload, self.uploaded]))
        super().__init__([self.way, *self.rows])
        self.way.observe(self._show_way, "value")
        self.upload.observe(self._show_upload, "value")
        for part, handle in (
            (self.way, "way"),
            (self.path, "path"),
            (self.upload, "upload"),
            (self, "chooser"),
        ):
            part.add_class(f"nn-{handle}")
        for row in self.rows:
            row.add_class("nn-row")
        self._show_way()
        self._show_upload()

    def _show_way(self, _=None):
        for way, row in zip(self.ways, self.rows):
            row.layout.display = "" if way == self.way.value else "none"

    def _show_upload(self, _=None):
        file = uploaded(self.upload.value)
        limit = f"A file near {UPLOAD_LIMIT // 10**6} MB or above may not arrive; then use “{self.ways[1]}”."
        self.uploaded.value = limit if file is None else f"{len(file[1]) / 1e6:.1f} MB arrived. {limit}"

    def own_file(self):
        """Path and title of the file that was named or uploaded; an upload is put into a temporary folder first.

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
        file = uploaded(self.upload.value)
        if file is None:
            raise UserError(
                "Choose a file to upload first, wait until it has arrived, then press the button again."
            )
        path = Path(self._folder.name) / Path(file[0]).name
        path.write_bytes(file[1])
        return path, path.stem


class SongChooser(FileChooser):
    """Lets a user choose a song; ``song()`` says which.

    Parameters
    ----------
    song : str or Path, optional
        The file that is chosen at first; else the first bundled song.
    """

    def __init__(self, song=None):
        self.bundled = widgets.Dropdown(options=list(bundled_songs().items()), description="title")
        self.preview = widgets.Audio(value=b"", format="mp3", autoplay=False, loop=False)
        super().__init__(
            WAYS,
            widgets.HBox([self.bundled, self.preview]),
            KINDS,
            "song",
            "for example C:/music/my song.mp3 (or wav, flac, ogg, mid, musicxml, abc, png, pdf)",
            str(song or ""),
        )
        self.bundled.observe(self._show_preview, "value")
        for part, handle in ((self.bundled, "song"), (self.preview, "preview")):
            part.add_class(f"nn-{handle}")
        self._show_preview()

    def _show_preview(self, _=None):
        if self.bundled.value is not None:
            self.preview.value = self.bundled.value.read_bytes()

    def song(self):
        """The chosen song.

        Returns
        -------
        path : Path
            A file; an upload is put into a temporary folder first.
        title : str
            What to call it.

        Raises
        ------
        UserError
            When nothing was chosen yet.
        """
        if self.way.value != WAYS[0]:
            return self.own_file()
        if self.bundled.value is None:
            raise UserError("No song came with this copy of the course; choose a path or an upload.")
        return self.bundled.value, self.bundled.label


class MoodChooser(widgets.VBox):
    """Two sliders for valence and arousal, and words that set them; ``mood()`` says which."""

    def __init__(self):
        self.valence, self.arousal = (
            widgets.FloatSlider(
                value=0,
                min=-1,
                max=1,
                step=0.1,
                description=name,
                readout_format="+.1f",
                continuous_update=False,
            )
            for name in ("valence", "arousal")
        )
        self.words = {word: widgets.Button(description=word, layout={"width": "auto"}) for word in MOODS}
        for word, button in self.words.items():
            button.on_click(lambda button: self.use(button.description))
        scales = (widgets.HTML("−1 sad or bitter, +1 happy"), widgets.HTML("−1 calm, +1 excited"))
        rows = [
            widgets.HBox(parts)
            for parts in (
                (widgets.Label("mood"), *self.words.values()),
                (self.valence, scales[0]),
                (self.arousal, scales[1]),
            )
        ]
        super().__init__(rows)
        for part, handle in (
            (self, "mood"),
            (self.valence, "valence"),
            (self.arousal, "arousal"),
            *((one, "row") for one in rows),
        ):
            part.add_class(f"nn-{handle}")

    def use(self, word):
        """Set both sliders to the mood of a word of `MOODS`."""
        self.valence.value, self.arousal.value = MOODS[word]

    def mood(self):
        """(valence, arousal), or None where both are neutral."""
        pair = (self.valence.value, self.arousal.value)
        return pair if any(pair) else None
