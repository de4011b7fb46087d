"""Files in, files out: what `noteninja convert` does around the pipeline."""

import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path, PureWindowsPath

import torch
from tqdm import tqdm

from noteninja_lib.audio.io import check_writable, load
from noteninja_lib.errors import UserError
from noteninja_lib.pipeline import NoteNinjaPipeline
from noteninja_lib.settings import (
    Settings,
    beside,
    differences,
    export,
    find_source,
    read_record,
    read_settings,
)

BAR = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} < {remaining} {postfix}"


def check_device(device: str) -> torch.device:
    """A torch device by name, or one sentence."""
    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    try:
        if found.get(device.split(":")[0], False):
            return torch.device(device)
    except RuntimeError:  # such as cpu:x
        pass
    there = ", ".join(name for name, here in found.items() if here)
    raise UserError(f"There is no device {device} here: choose from {there}.")


def check_places(songs: list[Path], places: list[Path], kinds: Sequence[str]) -> None:
    """Refuse, before the work begins, places that can't be written or where a song lies."""
    if len(set(places)) < len(places):
        raise UserError("Two of the songs have the same name: convert them one at a time, or rename one.")
    sources = {song.resolve() for song in songs}
    for place in places:
        check_writable(place)
        for file in (place, *beside(place, kinds).values()):
            if file.resolve() in sources:
                advice = "give another name with --out"
                raise UserError(f"{file} would be written over the song itself: {advice}.")


def convert_files(
    songs: list[Path],
    settings: Settings,
    out: Path | None = None,
    *,
    kinds: Sequence[str] = ("json",),
    device: str = "cpu",
    as_json: bool = False,
) -> int:
    """Convert files one by one, with a progress bar; one sentence for each that can't be used.

    Parameters
    ----------
    songs : list of pathlib.Path
        Recordings, or MIDI, MusicXML and ABC files.
    settings : Settings
        Its `source` does not matter.
    out : pathlib.Path, optional
        File, or folder where there are several songs; 'song (jazz).mp3' beside each song by default.
    kinds : sequence of {"mid", "musicxml", "json"}
        What to write beside each result.
    device : str
    as_json : bool
        Print one JSON object a song in place of words.

    Returns
    -------
    int
        How many songs could not be converted.
    """
    settings.check()
    device, several = check_device(device), len(songs) > 1
    if several and out is not None:
        if out.exists() and not out.is_dir():
            raise UserError(f"{out} is a file: give a folder for several songs.")
        out.mkdir(parents=True, exist_ok=True)
    places = [song.with_name(f"{song.stem} ({settings.label}).mp3") for song in songs]
    if out is not None:
        places = [out / place.name for place in places] if several or out.is_dir() else [out]
    check_places(songs, places, kinds)
    if not any(song.is_file() for song in songs):
        load(songs[0], duration=1.0)  # tells what is wrong before the networks are loaded
    pipe = NoteNinjaPipeline.from_pretrained().to(device)
    failed = 0
    for song, place in zip(songs, places):
        try:
            _convert(pipe, song, place, replace(settings, source=str(song)), kinds, as_json)
        except UserError as problem:
            failed += 1
            print(f"noteninja: {problem}", file=sys.stderr)
    return failed


def _convert(pipe, song, place, settings, kinds, as_json):
    """Convert one file, save it and what belongs to it, and say how it went."""
    look = {"unit": "%", "bar_format": BAR, "dynamic_ncols": True}
    with tqdm(total=100, desc=song.name[:30], file=sys.stderr, **look) as bar:

        def progress(fraction, what):
            bar.set_postfix_str(what, refresh=False)
            bar.update(100 * fraction - bar.n)

        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            result = settings.convert(pipe, song, out=place, progress=progress)
        progress(1.0, "writing notes and settings")
        files = export(result, place, settings, kinds)
    for warning in told:
        if issubclass(warning.category, UserWarning) and str(song) in str(warning.message):
            print(f"noteninja: {warning.message}", file=sys.stderr)
    if not as_json:
        genre, share = next(iter(result.genre_heard.items()))
        kept = f"tune kept {result.tune_kept:.0%}, genre heard {genre} ({share:.0%})"
        print(f"{place}: {kept}", flush=True)
        return
    given = {"amount" if name == "strength" else name: value for name, value in asdict(settings).items()}
    report = {
        "song": given.pop("source"),
        "out": str(place),
        "files": [str(file) for file in files],
        **given,
        "seconds": round(len(result.audio) / result.sample_rate, 2),
        "tune_kept": round(result.tune_kept, 3),
        "genre_heard": {name: round(share, 3) for name, share in result.genre_heard.items()},
    }
    print(json.dumps(report, ensure_ascii=False), flush=True)


def again(json_file: Path, out: Path | None = None, device: str = "cpu", as_json: bool = False) -> None:
    """Make a result again from the JSON file beside it; says in one sentence each what is not as it was.

    Parameters
    ----------
    json_file : pathlib.Path
        The song is looked for where it was, and beside this file.
    out : pathlib.Path, optional
        'song (jazz) (again).mp3' beside the JSON file by default.
    device, as_json
        As `convert_files` takes them.
    """
    settings, record = read_settings(json_file), read_record(json_file)
    song, second = (find_source(name, json_file.parent) for name in (settings.source, settings.second))
    for name, found in ((settings.source, song), (settings.second, second)):
        if found is None and name is not None:
            song_of = name or f"of {json_file.name}"
            raise UserError(f"The song {song_of} was not found: put it beside {json_file.name}.")
    if out is None or out.is_dir():
        name = PureWindowsPath(record["file"])
        out = (out or json_file.parent) / f"{name.stem} (again){name.suffix}"
    assert song is not None  # a source has a name always, if an empty one
    check_places([song], [out], ["json"])
    for sentence in differences(json_file, song, second):
        print(f"noteninja: {sentence}", file=sys.stderr)
    pipe = NoteNinjaPipeline.from_pretrained().to(check_device(device))
    settings = replace(settings, source=str(song), second=str(second) if second else None)
    _convert(pipe, song, out, settings, ["json"], as_json)
