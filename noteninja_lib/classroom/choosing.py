"""Three ways to a song in a notebook: one that comes with the course, a path, an upload.

Lesson: 00_genre_converter
"""
import tempfile
from pathlib import Path

import ipywidgets as widgets

from noteninja_lib.classroom.players import bundled_songs
from noteninja_lib.errors import UserError

WAYS = ("a bundled song", "a path", "an upload")
UPLOAD_LIMIT = 10_000_000   # bytes; Jupyter drops a larger message without a word


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


class SongChooser(widgets.VBox):
    """Lets a user choose a song; ``song()`` says which."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="noteninja-")   # for uploads; gone with the kernel
        self.way = widgets.ToggleButtons(options=WAYS, value=WAYS[0])
        self.bundled = widgets.Dropdown(options=list(bundled_songs().items()), description="title")
        self.path = widgets.Text(placeholder="for example C:/music/my song.mp3 (mp3, wav, flac or ogg)",
                                 description="path", continuous_update=False)
        self.upload = widgets.FileUpload(accept=".mp3,.wav,.flac,.ogg", multiple=False,
                                         description="choose a file")
        self.uploaded = widgets.HTML()
        self.preview = widgets.Audio(value=b"", format="mp3", autoplay=False, loop=False)
        self.rows = (widgets.HBox([self.bundled, self.preview]), widgets.HBox([self.path]),
                     widgets.HBox([self.upload, self.uploaded]))
        super().__init__([self.way, *self.rows])
        self.way.observe(self._show_way, "value")
        self.bundled.observe(self._show_preview, "value")
        self.upload.observe(self._show_upload, "value")
        for part, handle in ((self.way, "way"), (self.bundled, "song"), (self.path, "path"),
                             (self.upload, "upload"), (self.preview, "preview"), (self, "chooser")):
            part.add_class(f"nn-{handle}")
        for row in self.rows:
            row.add_class("nn-row")
        self._show_way()
        self._show_preview()
        self._show_upload()

    def _show_way(self, _=None):
        for way, row in zip(WAYS, self.rows):
            row.layout.display = "" if way == self.way.value else "none"

    def _show_preview(self, _=None):
        if self.bundled.value is not None:
            self.preview.value = self.bundled.value.read_bytes()

    def _show_upload(self, _=None):
        file = uploaded(self.upload.value)
        limit = f"A file near {UPLOAD_LIMIT // 10**6} MB or above may not arrive; then use “{WAYS[1]}”."
        self.uploaded.value = limit if file is None else f"{len(file[1]) / 1e6:.1f} MB arrived. {limit}"

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
        if self.way.value == WAYS[0]:
            if self.bundled.value is None:
                raise UserError("No song came with this copy of the course; choose a path or an upload.")
            return self.bundled.value, self.bundled.label
        if self.way.value == WAYS[1]:
            if not self.path.value.strip():
                raise UserError("Type the path of a sound file first, then press Convert.")
            path = Path(self.path.value.strip().strip("\"'")).expanduser()
            return path, path.stem
        file = uploaded(self.upload.value)
        if file is None:
            raise UserError("Choose a file to upload first, wait until it has arrived, then press Convert.")
        path = Path(self._folder.name) / Path(file[0]).name
        path.write_bytes(file[1])
        return path, path.stem
