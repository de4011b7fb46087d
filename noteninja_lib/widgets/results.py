"""The result of a conversion on the screen: before and after, what was measured, and the buttons that save.

Lesson: 00_genre_converter
"""

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from noteninja_lib.audio import io as sound
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.tags import Tags, read_tags
from noteninja_lib.errors import UserError, free_path, whole, write_whole
from noteninja_lib.passages import check_passages, clock, words
from noteninja_lib.pipeline import Conversion
from noteninja_lib.settings import FATES, STEMS
from noteninja_lib.widgets.inputs import seed_field
from noteninja_lib.widgets.players import Comparison, Side, data_link, notes_to_midi
from noteninja_lib.widgets.style_sheet import fold, meter, name_parts, player, row, short, told

TUNE_KEPT = (
    "how much of the tune is heard again at the right time: 0% is no more than in some other song, "
    "100% as much as in a true recording of it in another genre"
)
GENRE_HEARD = (
    "how sure a second network is that this is {genre}: it only listens, and learned from other people's "
    "records; of the song before it said {was:.0%}; its first guess now is {most}"
)
NO_TUNE = "no tune was found in this song: what was kept of it can't be measured"
EVERYTHING = (
    "sound, MIDI of all notes, the tune as MusicXML, all settings, and a kept voice and its band apart"
)
APART = "voice and band apart"
ANEW = "one passage again"
TAKES, OF_TAKES = ("before", "anew"), ("without the passage that was made anew last", "with it")
MARK = 0.5  # seconds between the places where a passage may begin and end
FORMATS = ("mp3", "wav", "flac", "ogg")
BESIDE = (".mid", ".musicxml", ".json", *(f" {name}.wav" for name in STEMS))
TUNE = " tune.mid"
ENDINGS = (*(f".{kind}" for kind in FORMATS), *BESIDE, TUNE)
MIMES = {".mp3": "audio/mpeg", ".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg"}
MIMES |= {
    ".mid": "audio/midi",
    ".abc": "text/vnd.abc",
    ".json": "application/json",
    ".musicxml": "application/vnd.recordare.musicxml+xml",
}
LONGEST_NAME = 60  # characters of a title, and of what was made of it: 255 bytes are allowed for all
LINKED = 5_000_000  # bytes: larger files are saved, but get no link, since it would carry them into the page


def measured(result: Conversion, genre: str) -> str:
    """The two numbers that measure a conversion into one genre, as bars with a sentence each, and what became
    of a singer (HTML)."""
    heard, was = result.genre_heard, result.source_genre
    words = GENRE_HEARD.format(genre=genre, was=was[genre], most=max(heard, key=heard.__getitem__))
    return tune_kept(result) + meter(f"Heard as {genre}", heard[genre], words) + fate(result)


def tune_kept(result: Conversion) -> str:
    """How much of the tune was kept, as a bar with a sentence, or that there is no tune (HTML)."""
    if result.tune_kept is None:
        return told("Tune kept", NO_TUNE)
    return meter("Tune kept", result.tune_kept, TUNE_KEPT)


def fate(result: Conversion) -> str:
    """What became of a singer, in words (HTML); empty where there is none."""
    return told("Singer", FATES[result.voice]) if FATES[result.voice] else ""


def file_link(path: Path) -> str:
    """The name of a file (HTML), as a link to download it where it is small enough to put into the page."""
    name = html.escape(path.name)
    if path.stat().st_size > LINKED:
        return name
    return data_link(path.read_bytes(), MIMES[path.suffix], path.name, name)


def file_name(title: str) -> str:
    """A title as the name of a file, without what some system does not allow."""
    title = re.sub(r"(?<=\d):(?=\d)", ".", title)
    return " ".join(re.sub(r'[<>:"/\\|?*\x00-\x1f]', " ", title).split())[:LONGEST_NAME].strip(" .")


def save_into(folder: Path, write: Callable[[Path], list[Path]]) -> str:
    """Make a folder and let ``write(folder)`` put files there; returns a sentence (HTML) with links to them.

    Raises
    ------
    UserError
        Where the folder can't be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = write(folder)
    except OSError as error:
        advice = "choose a folder that you may write to, with converter.folder = 'PATH'"
        raise UserError(f"Can't write to {folder}: {error.strerror}; {advice}.") from error
    place, links = html.escape(folder.as_posix()), ", ".join(map(file_link, paths))
    return f'<span role="status">saved in <code>{place}</code>: {links}</span>'


class Results(widgets.VBox):
    """Before and after, figures, and buttons that save; hidden until something was made.

    Parameters
    ----------
    bench : Workbench
        Has the folder to save in, and tells errors.
    """

    def __init__(self, bench: widgets.VBox) -> None:
        self.bench, self.title, self.name = bench, "", ""
        self.result: Conversion | None = None
        self.settings, self.facts, self._takes, self._paths = {}, {}, [], {}
        self.sounds, self.numbers = Comparison(), widgets.HTML()
        self.save_mp3 = widgets.Button(description="Save as mp3", icon="save")
        self.save_midi = widgets.Button(description="Save tune as MIDI", icon="save")
        self.save_all = widgets.Button(description="Save everything", icon="save", tooltip=EVERYTHING)
        self.format = widgets.Dropdown(options=FORMATS, layout={"width": "6em"})
        self.saved = widgets.HTML()
        self.stems = {name: player() for name in STEMS}
        columns = [widgets.VBox([widgets.HTML(f"<b>{name}</b>"), self.stems[name]]) for name in STEMS]
        self.apart = fold(APART, row(*columns))
        self.apart.observe(self._show_stems, "selected_index")
        name_parts(self, "apart", **{f"audio_{name}": one for name, one in self.stems.items()})
        look = {"options": ["0:00", "0:01"], "description": "from, to", "continuous_update": False}
        self.passage, self.seed = widgets.SelectionRangeSlider(**look), seed_field()
        self.redo_button = widgets.Button(description="Play this passage anew", icon="refresh")
        self.take = widgets.ToggleButtons(options=TAKES, description="hear", tooltips=OF_TAKES)
        choices = row(self.passage, *short(self.seed), self.redo_button)
        self.anew = fold(ANEW, choices)
        saving = row(self.save_mp3, self.save_midi, self.save_all, self.format, self.saved)
        super().__init__([self.sounds, self.take, self.numbers, saving, self.anew, self.apart])
        self.layout.display = "none"
        self.save_mp3.on_click(lambda _: self.save("mp3"))
        self.save_midi.on_click(lambda _: self.save("mid"))
        self.save_all.on_click(lambda _: self.save("everything"))
        self.redo_button.on_click(self.redo)
        self.take.observe(lambda _: self._show_take(), "value")
        name_parts(self, "numbers saved save_mp3 save_midi save_all format anew passage take")
        name_parts(redo=self.redo_button, redo_seed=self.seed, results=self)

    def show(
        self,
        result: Conversion,
        title: str,
        settings: dict,
        *,
        after: str | None = None,
        version: str | None = None,
        numbers: Callable[[Conversion], str] | None = None,
        facts: dict | None = None,
        before: str | None = None,
        same_tune: bool = True,
        picture: Callable[[Figure, Conversion], None] | None = None,
    ) -> None:
        """Show a conversion.

        Parameters
        ----------
        result : Conversion
        title : str
            Of the source; files are named after it.
        settings : dict
            Fields of `noteninja_lib.settings.Settings` with which it was made.
        after : str, optional
            What was asked for, for the heading; the genre by default.
        version : str, optional
            What tells this result from others of the same song, for file names; by default `after` and the
            seed.
        numbers : callable, optional
            Gives the HTML below the pictures, of the result; what was `measured` by default.
        facts : dict, optional
            What else it takes to make it again, such as the notes played; JSON gets it as "made_from".
        before : str, optional
            What stands above the source; the title by default.
        same_tune : bool
            Whether the notes are those of the source, so that they may be drawn over it.
        picture : callable, optional
            Draws the picture of the result: ``picture(figure, result)``; else its spectrogram with the notes.
        """
        from noteninja_lib.settings import Settings

        genre, notes = settings["genre"], []
        if same_tune:  # drawn where they sound in the source, which may be slower or faster
            pace = len(result.source) / max(len(result.audio) / result.sample_rate * SAMPLE_RATE, 1)
            notes = [replace(note, start=note.start * pace, end=note.end * pace) for note in result.notes]
        self.title, self.facts, self._again, self._paths = title, facts or {}, self.bench.again, {}
        tags = (
            read_tags(self.bench.songs[0]) if self.bench.songs else Tags()
        )  # a player shows them of what is saved
        self.tags = tags.of_result(Settings(**settings).genre_in_words)
        self._before, after = Side(f"before: {before or title}", result.source, notes), after or genre
        seed = f", seed {settings['seed']}" if settings["seed"] else ""
        self._look = (after, (version or f"{after}{seed}").replace("_", ", "), numbers, picture)
        self._takes, self.anew.selected_index = [(result, settings)], None
        seconds = len(result.audio) / result.sample_rate
        times = [*np.arange(0, seconds - MARK / 2, MARK), seconds]
        self.passage.options = [(clock(time), float(time)) for time in times]
        first, long = len(times) // 3, max(2, len(times) // 6)
        self.passage.index = (first, min(first + long, len(times) - 1))
        self.seed.value = settings["seed"] + 1
        self._show_take(0)
        self.layout.display = ""
        self.sounds.bring_into_view()

    def _show_take(self, number=None):
        """Show one of the two results, before and after a passage was made anew; the later one by default."""
        chosen = self.take.index if number is None else number
        if self.take.index != chosen:
            self.take.index = chosen  # which leads here again
            return
        (self.result, self.settings), (after, version, numbers, picture) = self._takes[chosen], self._look
        self.take.layout.display = "" if len(self._takes) > 1 else "none"
        for start, end, seed in self.settings.get("redone", ()):
            passage = f"{words(start, end)} anew"
            after, version = f"{after}, {passage} (seed {seed})", f"{version}, {passage} {seed}"
        draw = (lambda figure: picture(figure, self.result)) if picture else None
        self.name = f"{file_name(self.title) or 'song'} ({file_name(version)})"
        shown = Side(f"after: {after}", self.result.audio, self.result.notes, draw)
        self.sounds.show(self._before, shown, names=(file_name(self.title) or "song", self.name))
        told = numbers or (lambda result: measured(result, self.settings["genre"]))
        self.numbers.value, self.saved.value = told(self.result), ""
        self.apart.selected_index, self.apart.layout.display = None, "" if self.result.stems else "none"

    def redo(self, _: object = None) -> None:
        """Make the marked passage of the shown result anew; the handler of the button."""
        self.bench.start(self._redo, *self.passage.value, self.seed.value, self._takes[self.take.index])

    def _redo(self, start, end, seed, take):
        from noteninja_lib.settings import Settings

        redone = Settings(**take[1]).with_passage(start, end, seed).redone
        check_passages(redone)
        result = self._again(redone=redone)
        if not np.array_equal(result.source, take[0].source):
            raise UserError("The song's file holds another song by now: convert it first.")
        self._takes, self.seed.value = [take, (result, {**take[1], "redone": redone})], seed + 1
        self._show_take(1)

    def _show_stems(self, _=None):
        """Fill the players of voice and band once they are asked for: an mp3 each takes a moment."""
        if self.apart.selected_index is not None and self.result is not None:
            for name, samples in self.result.stems.items():
                self.stems[name].value = sound.to_mp3(samples)

    def save(self, kind: str) -> None:
        """Write the shown result into the folder; the handler of the Save buttons.

        Parameters
        ----------
        kind : str
            "mp3" for the sound, "mid" for the tune that was heard, "everything" for the sound in the chosen
            format with MIDI, MusicXML and settings beside it, and voice and band where a voice is kept.
        """
        try:
            self.saved.value = save_into(self.bench.folder, lambda folder: self._write(kind, folder))
        except Exception as error:
            self.bench.tell(error)

    def _write(self, kind, folder):
        """Write files of one kind, unless this result has them already; returns their paths."""
        if (place := (folder, self.name)) not in self._paths:  # a name that no file has, of no kind
            self._paths[place] = free_path(folder / f"{self.name}.json", *ENDINGS)
        record = self._paths[place]
        ending = self.format.value if kind == "everything" else kind
        path = record.with_name(f"{record.stem}{TUNE if kind == 'mid' else f'.{ending}'}")
        if not path.exists():
            if kind == "mid":
                with whole(path) as unfinished:
                    notes_to_midi(self.result.notes).write(str(unfinished))
            else:
                sound.save(path, self.result.audio, self.result.sample_rate, tags=self.tags)
        if kind != "everything":
            return [path]
        from noteninja_lib.settings import Settings, export, write_stems

        if not record.exists():
            write_stems(self.result, path)
            export(self.result, path, Settings(**self.settings))
            if self.facts:
                told = json.loads(record.read_text("utf-8")) | {"made_from": self.facts}
                write_whole(record, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        others = (record.with_name(record.stem + ending) for ending in BESIDE)
        return [path, *filter(Path.exists, others)]
