"""Players and pictures for a notebook: sound as mp3 at its true loudness, in plain cells and in widgets.

A player of 30 s as mp3 weighs a fraction of one as wav; and the notebook's own player raises every sound to
full loudness, which would hide half of what the lessons are about.

Lesson: 00_genre_converter
"""

import base64
import html
import io
import json
from pathlib import Path

import ipywidgets as widgets
import pretty_midi
from IPython.display import HTML
from matplotlib.figure import Figure

import noteninja_lib
from noteninja_lib.audio.io import SAMPLE_RATE, to_mp3
from noteninja_lib.plots import plot_spectrogram

PICTURED_SECONDS = 30  # of a long piece only the beginning is drawn: a wider picture would show less


def bundled_songs():
    """Titles and paths of the songs that come with the course.

    Returns
    -------
    dict of str to Path
        Title to file, in the order of the file names. Titles come from ``songs.json`` beside the files
        (``{"file.mp3": {"title": "..."}}``), or else from the file names.
    """
    folder = noteninja_lib.data_folder() / "songs"
    facts = json.loads((folder / "songs.json").read_text("utf-8")) if (folder / "songs.json").exists() else {}
    songs = sorted(folder.glob("*.mp3"))
    return {
        facts.get(song.name, {}).get("title") or song.stem.replace("_", " ").replace("-", " "): song
        for song in songs
    }


def data_link(content, kind, name, text):
    """A link (HTML) that downloads ``content`` (bytes) of MIME type ``kind`` under a file name."""
    address = f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return f'<a class="nn-download" download="{html.escape(name, quote=True)}" href="{address}">{text}</a>'


def _player(audio, title):
    address = base64.b64encode(to_mp3(audio)).decode("ascii")
    return (
        f'<figure style="margin:4px 12px 4px 0;display:inline-block"><figcaption>{html.escape(title)}'
        '</figcaption><audio class="nn-player" controls preload="metadata" '
        f'src="data:audio/mpeg;base64,{address}"></audio></figure>'
    )


def hear(audio, title=""):
    """A player for one sound.

    Parameters
    ----------
    audio : np.ndarray, shape (n,)
        Mono sound at ``SAMPLE_RATE``; played as loud as it is, never raised to full loudness.
    title : str
        Shown above the player.

    Returns
    -------
    IPython.display.HTML
    """
    return HTML(_player(audio, title))


def compare(sounds):
    """Players for several sounds, one beside the other.

    Parameters
    ----------
    sounds : dict of str to np.ndarray
        Title and mono sound at ``SAMPLE_RATE``.

    Returns
    -------
    IPython.display.HTML
    """
    return HTML("".join(_player(audio, title) for title, audio in sounds.items()))


def notes_to_midi(notes):
    """Put notes into a MIDI file with one instrument, a piano.

    Parameters
    ----------
    notes : iterable of Note
        Each with ``start`` and ``end`` in seconds, a MIDI ``pitch`` and a ``velocity``.

    Returns
    -------
    pretty_midi.PrettyMIDI
        Write it with ``.write(path)``.
    """
    piano = pretty_midi.Instrument(program=0, name="melody")
    piano.notes = [
        pretty_midi.Note(int(note.velocity), int(note.pitch), float(note.start), float(note.end))
        for note in notes
    ]
    score = pretty_midi.PrettyMIDI()
    score.instruments.append(piano)
    return score


class SoundView(widgets.VBox):
    """A heading, a player and a spectrogram with notes over it, as one widget."""

    def __init__(self, name):
        self.heading = widgets.HTML()
        self.player = widgets.Audio(value=b"", format="mp3", autoplay=False, loop=False)
        self.picture = widgets.Image(format="png")
        for part, handle in ((self.player, "nn-audio"), (self.picture, "nn-picture")):
            part.add_class(handle)
            part.add_class(f"{handle}-{name}")
        super().__init__([self.heading, self.player, self.picture])
        self.add_class("nn-side")

    def show(self, heading, audio, notes, picture=None):
        """Show a sound.

        Parameters
        ----------
        heading : str
        audio : np.ndarray, shape (n,)
            Mono sound at ``SAMPLE_RATE``.
        notes : list of Note
            Drawn over its spectrogram.
        picture : callable, optional
            Draws another picture on the empty figure that it is given.
        """
        shown = audio[: PICTURED_SECONDS * SAMPLE_RATE]
        cut = (
            f" (picture: the first {PICTURED_SECONDS} s)"
            if len(shown) < len(audio) and picture is None
            else ""
        )
        figure = Figure(figsize=(7, 3.4), layout="constrained")  # not pyplot: this may run in a thread
        if picture is None:
            plot_spectrogram(
                shown, figure.subplots(), [note for note in notes if note.start < PICTURED_SECONDS]
            )
        else:
            picture(figure)
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=120)
        self.heading.value = f"<b>{html.escape(heading)}</b>{cut}"
        self.player.value = to_mp3(audio)
        self.picture.value = png.getvalue()


def free_path(path, *endings):
    """``path``, or with a number behind its name where a file of that name exists, with its own ending or one of others."""
    path, number = Path(path), 2
    first = path
    while any(path.with_suffix(ending).exists() for ending in (path.suffix, *endings)):
        path, number = first.with_stem(f"{first.stem}-{number}"), number + 1
    return path
