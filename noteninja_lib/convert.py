"""Files in, files out: what `noteninja convert` does around the pipeline."""
import json
import sys
import warnings

import torch

from . import STEPS
from .errors import UserError


def place_of(song, genre, out, several):
    """Where the result goes: `out` itself, a file in the folder `out`, or 'song (genre).mp3' beside the song."""
    named = f"{song.stem} ({genre}).mp3"
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


def convert_files(songs, genre, out=None, *, amount=1.0, steps=STEPS, guidance=2.0, seed=0, device="cpu", as_json=False):
    """Convert files one by one, with a progress bar; one sentence for each that can't be used.

    Parameters
    ----------
    songs : list of pathlib.Path
    genre : str
    out : pathlib.Path, optional
        File, or folder where there are several songs.
    amount, steps, guidance, seed
        As the pipeline takes them.
    device : str
    as_json : bool
        Print one JSON object a song in place of words.

    Returns
    -------
    int
        How many songs could not be converted.
    """
    from .music.genres import style_vector
    from .pipeline import NoteNinjaPipeline, check_arguments
    from .sound.audio import check_writable
    style_vector(genre)
    check_arguments(amount, steps, guidance)
    device, several = check_device(device), len(songs) > 1
    if several and out is not None:
        if out.exists() and not out.is_dir():
            raise UserError(f"{out} is a file: give a folder for several songs.")
        out.mkdir(parents=True, exist_ok=True)
    places = [place_of(song, genre, out, several) for song in songs]
    if len(set(places)) < len(places):
        raise UserError("Two of the songs have the same name: convert them one at a time, or rename one.")
    for place in places:
        check_writable(place)
    if not any(song.is_file() for song in songs):
        from .sound.audio import load
        load(songs[0], duration=1.0)                      # tells what is wrong before the networks are loaded
    pipe = NoteNinjaPipeline.from_pretrained().to(device)
    failed = 0
    for song, place in zip(songs, places):
        try:
            told = convert_one(pipe, song, place, genre, amount, steps, guidance, seed)
        except UserError as problem:
            failed += 1
            print(f"noteninja: {problem}", file=sys.stderr)
            continue
        if as_json:
            print(json.dumps(told, ensure_ascii=False), flush=True)
        else:
            heard, share = next(iter(told["genre_heard"].items()))
            print(f"{place}: tune kept {told['tune_kept']:.0%}, genre heard {heard} ({share:.0%})", flush=True)
    return failed


def convert_one(pipe, song, place, genre, amount, steps, guidance, seed):
    """Convert one file and save it; returns what is to be told about it, as a dict."""
    from tqdm import tqdm
    with tqdm(total=100, unit="%", desc=song.name[:30], file=sys.stderr, dynamic_ncols=True,
              bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed} < {remaining} {postfix}") as bar:
        def progress(fraction, what):
            bar.set_postfix_str(what, refresh=False)
            bar.update(100 * fraction - bar.n)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            result = pipe(song, genre, amount, steps, guidance, torch.Generator().manual_seed(seed), out=place, progress=progress)
    for warning in told:
        if issubclass(warning.category, UserWarning) and str(song) in str(warning.message):
            print(f"noteninja: {warning.message}", file=sys.stderr)
    return {"song": str(song), "out": str(place), "genre": genre, "amount": amount, "steps": steps, "guidance": guidance,
            "seed": seed, "seconds": round(len(result.audio) / result.sample_rate, 2),
            "tune_kept": round(result.tune_kept, 3),
            "genre_heard": {name: round(share, 3) for name, share in result.genre_heard.items()}}
