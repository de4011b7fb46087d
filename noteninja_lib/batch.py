"""Files in, files out: what `noteninja convert` does around the pipeline."""

import json
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import PureWindowsPath

import torch
from tqdm import tqdm

from noteninja_lib.audio.io import check_writable, load
from noteninja_lib.errors import UserError
from noteninja_lib.pipeline import NoteNinjaPipeline
from noteninja_lib.settings import beside, differences, export, find_source, read_record, read_settings


def place_of(song, label, out, several):
    """Where the result goes: `out` itself, a file in the folder `out`, or 'song (jazz).mp3' beside the song."""
    named = f"{song.stem} ({label}).mp3"
    if out is None:
        return song.with_name(named)
    if several or out.is_dir():
        return out / named
    return out


def check_device(device):
    """A torch device by name, or one sentence."""
    found = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not found.get(device.split(":")[0], False):
        there = ", ".join(name for name, here in found.items() if here)
        raise UserError(f"There is no device {device} here: choose from {there}.")
    return torch.device(device)


def check_places(songs, places, kinds):
    """Refuse, before the work begins, places that can't be written or where a song lies."""
    if len(set(places)) < len(places):
        raise UserError("Two of the songs have the same name: convert them one at a time, or rename one.")
    sources = {song.resolve() for song in songs}
    for place in places:
        check_writable(place)
        for file in (place, *beside(place, kinds).values()):
            if file.resolve() in sources:
                raise UserError(
                    f"{file} would be written over the song itself: give another name with --out."
                )


def convert_files(songs, settings, out=None, *, kinds=("json",), device="cpu", as_json=False):
    """Convert files one by one, with a progress bar; one sentence for each that can't be used.

    Parameters
    ----------
    songs : list of pathlib.Path
        Recordings, or MIDI, MusicXML and ABC files.
    settings : Settings
        Its `source` does not matter.
    out : pathlib.Path, optional
        File, or folder where there are several songs.
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
    places = [place_of(song, settings.label, out, several) for song in songs]
    check_places(songs, places, kinds)
    if not any(song.is_file() for song in songs):
        load(songs[0], duration=1.0)  # tells what is wrong before the networks are loaded
    pipe = NoteNinjaPipeline.from_pretrained().to(device)
    failed = 0
    for song, place in zip(songs, places):
        try:
            told = convert_one(pipe, song, place, replace(settings, source=str(song)), kinds)
        except UserError as problem:
            failed += 1
            print(f"noteninja: {problem}", file=sys.stderr)
            continue
        tell(told, as_json)
    return failed


def convert_one(pipe, song, place, settings, kinds=()):
    """Convert one file, save it and what belongs to it; returns what is to be told about it, as a dict."""
    with tqdm(
        total=100,
        unit="%",
        desc=song.name[:30],
        file=sys.stderr,
        dynamic_ncols=True,
        bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed} < {remaining} {postfix}",
    ) as bar:

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
    arguments = asdict(settings)
    return {
        "song": arguments.pop("source"),
        "out": str(place),
        "files": [str(file) for file in files],
        **arguments,
        "seconds": round(len(result.audio) / result.sample_rate, 2),
        "tune_kept": round(result.tune_kept, 3),
        "genre_heard": {name: round(share, 3) for name, share in result.genre_heard.items()},
    }


def tell(told, as_json=False):
    """Say how a conversion went, in words or as JSON."""
    if as_json:
        print(json.dumps(told, ensure_ascii=False), flush=True)
        return
    heard, share = next(iter(told["genre_heard"].items()))
    print(f"{told['out']}: tune kept {told['tune_kept']:.0%}, genre heard {heard} ({share:.0%})", flush=True)


def again(json_file, out=None, *, kinds=("json",), device="cpu", as_json=False):
    """Make a result again from the JSON file beside it; says in one sentence each what is not as it was.

    Parameters
    ----------
    json_file : pathlib.Path
        The song is looked for where it was, and beside this file.
    out : pathlib.Path, optional
        'song (jazz) (again).mp3' beside the JSON file by default.
    kinds, device, as_json
        As `convert_files` takes them.
    """
    settings, record = read_settings(json_file), read_record(json_file)
    song, second = (find_source(name, json_file.parent) for name in (settings.source, settings.second))
    for name, found in ((settings.source, song), (settings.second, second)):
        if found is None and name is not None:
            raise UserError(
                f"The song {name or 'of ' + json_file.name} was not found: put it beside {json_file.name}."
            )
    if out is None or out.is_dir():
        name = PureWindowsPath(record["file"])
        out = (out or json_file.parent) / f"{name.stem} (again){name.suffix}"
    check_places([song], [out], kinds)
    for sentence in differences(json_file, song, second):
        print(f"noteninja: {sentence}", file=sys.stderr)
    pipe = NoteNinjaPipeline.from_pretrained().to(check_device(device))
    settings = replace(settings, source=str(song), second=second and str(second))
    tell(convert_one(pipe, song, out, settings, kinds), as_json)
