"""Players and pictures for a notebook: sound as mp3 at its true loudness, in plain cells and in widgets.

A player of 30 s as mp3 weighs a fraction of one as wav; and the notebook's own player raises every sound to
full loudness, which would hide half of what the lessons are about.

Lesson: 00_genre_converter
"""

import html
import io
import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import anywidget
import ipywidgets as widgets
import numpy as np
import pretty_midi
import traitlets
from IPython.display import HTML
from matplotlib.figure import Figure

import noteninja_lib
from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio import STEREO_RATE, rate_of
from noteninja_lib.audio.io import loudness, to_flac, to_mp3
from noteninja_lib.plots import DARKEST, plot_spectrogram
from noteninja_lib.widgets.style_sheet import STATIC, name_parts, player
from noteninja_lib.widgets.touch_widgets import STYLE, script

PICTURED_SECONDS = 30  # of a long piece only the beginning is drawn: a wider picture would show less


def bundled_songs() -> dict[str, Path]:
    """Titles and paths of the songs that come with the course.

    Returns
    -------
    dict of str to Path
        Title to file, in the order of the file names. Titles come from ``songs.json`` beside the files
        (``{"file.mp3": {"title": "..."}}``), or else from the file names.
    """
    folder = noteninja_lib.data_folder() / "songs"
    facts = json.loads((folder / "songs.json").read_text("utf-8")) if (folder / "songs.json").exists() else {}

    def title(song):
        return facts.get(song.name, {}).get("title") or song.stem.replace("_", " ").replace("-", " ")

    return {title(song): song for song in sorted(folder.glob("*.mp3"))}


def data_address(content: bytes, kind: str) -> str:
    """An address that holds content of a MIME type itself, so that a saved notebook needs no other file."""
    return f"data:{kind};base64,{b64encode(content).decode('ascii')}"


def data_link(content: bytes, kind: str, name: str, text: str) -> str:
    """A link (HTML) that downloads content of a MIME type under a file name."""
    named = html.escape(name, quote=True)
    return f'<a class="nn-download" download="{named}" href="{data_address(content, kind)}">{text}</a>'


def hear(audio: np.ndarray, title: str = "") -> HTML:
    """A player for one sound.

    Parameters
    ----------
    audio : np.ndarray, shape (n,) at 22,050 Hz, or (n, 2) at 44,100 Hz
        Played as loud as it is, never raised to full loudness.
    title : str
        Shown above the player.
    """
    return compare({title: audio})


def compare(sounds: dict[str, np.ndarray]) -> HTML:
    """Players for several sounds, one beside the other.

    Parameters
    ----------
    sounds : dict of str to np.ndarray
        Title and sound, as `hear` takes it.
    """
    players = (
        f'<figure style="margin:4px 12px 4px 0;display:inline-block"><figcaption>{html.escape(title)}'
        '</figcaption><audio class="nn-player" controls preload="metadata" '
        f'src="{data_address(to_mp3(audio), "audio/mpeg")}"></audio></figure>'
        for title, audio in sounds.items()
    )
    return HTML("".join(players))


def notes_to_midi(notes: Iterable[Note]) -> pretty_midi.PrettyMIDI:
    """Notes (times in s) as a MIDI file with one instrument, a piano; write it with ``.write(path)``."""
    piano = pretty_midi.Instrument(program=0, name="melody")
    for note in notes:
        start, end = float(note.start), float(note.end)
        piano.notes.append(pretty_midi.Note(int(note.velocity), int(note.pitch), start, end))
    score = pretty_midi.PrettyMIDI()
    score.instruments.append(piano)
    return score


class SoundView(widgets.VBox):
    """A heading, a player and a spectrogram with notes over it, as one widget."""

    def __init__(self, name: str) -> None:
        self.heading, self.player, self.picture = widgets.HTML(), player(), widgets.Image(format="png")
        name_parts(audio=self.player, picture=self.picture)
        name_parts(**{f"audio_{name}": self.player, f"picture_{name}": self.picture})
        super().__init__([self.heading, self.player, self.picture])
        name_parts(side=self)

    def show(
        self, heading: str, audio: np.ndarray, notes: list[Note], picture: Callable | None = None
    ) -> None:
        """Show a sound.

        Parameters
        ----------
        heading : str
        audio : np.ndarray
            As `hear` takes it; its picture shows both channels as one.
        notes : list of Note
            Drawn over its spectrogram.
        picture : callable, optional
            Draws another picture: ``picture(figure)``, on an empty figure.
        """
        shown, cut = audio[: PICTURED_SECONDS * rate_of(audio)], ""
        figure = Figure(figsize=(7, 3.4), layout="constrained")  # not pyplot: this may run in a thread
        if picture is not None:
            picture(figure)
        else:
            notes = [note for note in notes if note.start < PICTURED_SECONDS]
            plot_spectrogram(shown, figure.subplots(), notes)
            if len(shown) < len(audio):
                cut = f" (picture: the first {PICTURED_SECONDS} s)"
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=120)
        self.heading.value = f"<b>{html.escape(heading)}</b>{cut}"
        self.player.value, self.picture.value = to_mp3(audio), png.getvalue()


class Side(NamedTuple):
    """One of two sounds to compare.

    Attributes
    ----------
    heading : str
        What it is.
    audio : numpy.ndarray
        As `hear` takes it.
    notes : list of Note
        Drawn over its spectrogram.
    picture : callable or None
        Draws another picture, whose first axes last from its beginning to its end: ``picture(figure)``.
    """

    heading: str
    audio: np.ndarray
    notes: list[Note] = []
    picture: Callable[[Figure], object] | None = None

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(self.audio) / rate_of(self.audio)


class Comparison(anywidget.AnyWidget):
    """Before and after, as audio engineers compare: heard in turn at the same moment, and equally loud.

    Two pictures on one time axis, in the same colours, with one cursor; a key or a button jumps between the
    two. The louder one is turned down (loudness as in ITU-R BS.1770), since the louder of two sounds seems to
    be the better one; a button lets both be as they are. Its look and feel is in ``static/compare.js``.

    Attributes
    ----------
    sides : list of dict
        Of each its heading, a file name, sound (mp3), picture (png), and where in it the time axis begins and
        ends, as shares of its width.
    longest : float
        Seconds of the longer one.
    gains : list of float
        dB by which each is turned down to be as loud as the other.
    levels, levelled : str
        How loud both are, and what is done about it.
    """

    _esm, _css = script("compare.js"), STYLE + (STATIC / "compare.css").read_text("utf-8")
    sides = traitlets.List().tag(sync=True)
    longest = traitlets.Float(0.0).tag(sync=True)
    gains = traitlets.List([0.0, 0.0]).tag(sync=True)
    levels, levelled = (traitlets.Unicode("").tag(sync=True) for _ in range(2))
    _heard: list[tuple[np.ndarray, bytes, float]] = []  # what needs no second encoding

    def show(self, *sides: Side, names: tuple[str, str] = ("before", "after")) -> None:
        """Put two sounds in place of those that are shown; `names` are for their files."""
        longest = max(side.seconds for side in sides)
        figures = [_pictured(side, longest) for side in sides]
        images = [image for figure in figures for image in figure.axes[0].images]
        top = max((float(image.get_array().max()) for image in images), default=0.0)
        for image in images:
            image.set(clim=(top - DARKEST, top), interpolation="auto")
        known = {id(audio): (audio, *rest) for audio, *rest in self._heard}
        self._heard = [
            known.get(id(side.audio)) or (side.audio, to_mp3(side.audio), _lufs(side.audio)) for side in sides
        ]
        with self.hold_sync():
            self.longest = longest
            self._match([level for *_, level in self._heard])
            self.sides = [
                {"heading": side.heading, "name": name, "sound": mp3, **_finished(figure, side, longest)}
                for side, name, figure, (_, mp3, _) in zip(sides, names, figures, self._heard)
            ]

    def _match(self, levels):
        """Turn the louder one down, and say so."""
        soft = min(levels)
        self.gains = [soft - level if np.isfinite(soft) else 0.0 for level in levels]
        known = "before {}, after {} LUFS, by ITU-R BS.1770".format(
            *(f"{one:.1f}".replace("-", "−") for one in levels)
        )
        much, loud = -min(self.gains), ("A", "B")[int(np.argmax(levels))]
        self.levels = f"As loud as they are ({known})."
        self.levelled = f"Both are equally loud: {loud} is played {much:.1f} dB softer than it is ({known})."
        if much < 0.05:
            self.levelled = self.levels = f"Both are equally loud as they are ({known})."

    def bring_into_view(self) -> None:
        """Scroll to it, for who looks at this widget; the keys are its own where nothing else has them."""
        self.send({"show": True})


def _lufs(audio):
    return loudness(audio, rate_of(audio))


def _pictured(side, longest):
    """The figure of one sound, without its final colours."""
    figure = Figure(figsize=(6.4, 3), layout="constrained")  # not pyplot: this may run in a thread
    if side.picture is not None:
        side.picture(figure)
    else:
        plot_spectrogram(side.audio, figure.subplots(), side.notes).set_xlim(0, longest)
    return figure


def _finished(figure, side, longest):
    """The picture of a figure, and where in it 0 and the longest time are."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=130)
    place = figure.axes[0].get_position()
    width = place.width * (longest / side.seconds if side.picture else 1)
    return {"picture": png.getvalue(), "span": [place.x0, place.x0 + width]}


class LivePlayer(anywidget.AnyWidget):
    """Plays a sound while it is still being made, and then leaves the rest to the player of the result.

    What is added follows without a gap. Its look and feel is in ``static/live.js``.
    """

    _esm = (STATIC / "live.js").read_text("utf-8")
    PIECE = 5 * STEREO_RATE  # samples sent at once: the first of a window are heard before the last arrive

    def start(self, seconds: float) -> None:
        """Get ready for a sound that will be as long as this."""
        self.send({"what": "start", "seconds": seconds})

    def add(self, audio: np.ndarray) -> None:
        """Play some more, (n, 2) at 44,100 Hz, after what was added before."""
        for first in range(0, len(audio), self.PIECE):
            piece = to_flac(audio[first : first + self.PIECE], STEREO_RATE)  # mp3s would be heard to join
            self.send({"what": "add"}, [piece])

    def finish(self) -> None:
        """Go over to the result, which is shown by now, in the middle of the song if it is still playing."""
        self.send({"what": "finish"})

    def stop(self) -> None:
        """Be silent."""
        self.send({"what": "stop"})
