"""Files in, files out: what `noteninja convert` does around the pipeline, and `noteninja separate`."""

import contextlib
import itertools
import json
import math
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from tqdm import tqdm

from noteninja_lib.audio.io import SAMPLE_RATE, SHORTEST, SILENCE, check_writable, load, stream
from noteninja_lib.errors import UserError, free_path, make_folder, notices
from noteninja_lib.lead_sheet import KINDS as LEADS
from noteninja_lib.lead_sheet import lead_of
from noteninja_lib.models.pitch import RATE as PITCH_RATE
from noteninja_lib.models.separator import RATE, first_look, separate
from noteninja_lib.music.singing import kind_of_voice
from noteninja_lib.passages import check_passages, parse_passage
from noteninja_lib.pipeline import NoteNinjaPipeline, seconds_used
from noteninja_lib.settings import (
    FATES,
    STEMS,
    Settings,
    beside,
    differences,
    export,
    find_source,
    measured,
    read_record,
    read_settings,
    stem_paths,
    whole,
    write_stems,
)
from noteninja_lib.source import FADE, pitch_curve, read_source

BAR = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} < {remaining} {postfix}"
LOOKED_AT = 60  # seconds that are looked at in one go for a voice
LARGEST = 4e9  # bytes of a usual wav
FAINT = 0.01  # of the energy: what is less is no voice, but what the network leaves over


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


def check_places(
    songs: list[Path],
    places: list[Path],
    kinds: Sequence[str],
    stems: bool = False,
    read: Sequence[Path] = (),
    **of_files: Any,
) -> None:
    """Refuse, before the work begins, places that can't be written or where something lies that is read."""
    if len(set(places)) < len(places):
        raise UserError("Two of the songs have the same name: take them one at a time, or rename one.")
    sources = {file.resolve(): "what else is read" for file in read}
    sources |= {song.resolve(): "the song itself" for song in songs}
    for place in places:
        check_writable(place, **of_files)
        for file in (place, *beside(place, kinds).values(), *(stem_paths(place).values() if stems else ())):
            if file.is_dir():
                raise UserError(f"{file} is a folder: give another place with --out, or move it away.")
            if file.resolve() in sources:
                advice = "give another place with --out"
                raise UserError(f"{file} would be written over {sources[file.resolve()]}: {advice}.")


def convert_files(
    songs: list[Path],
    settings: Settings,
    out: Path | None = None,
    *,
    kinds: Sequence[str] = ("json",),
    device: str = "cpu",
    as_json: bool = False,
    stems: bool = False,
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
    stems : bool
        Whether to write the voice and the band of each result apart, too, where a voice is kept.

    Returns
    -------
    int
        How many songs could not be converted.
    """
    settings.check()
    if stems and settings.voice != "keep":
        raise UserError(
            "Voice and band can be written apart only where the voice is kept: leave out --stems."
        )
    device, several = check_device(device), len(songs) > 1
    if several and out is not None:
        if out.exists() and not out.is_dir():
            raise UserError(f"{out} is a file: give a folder for several songs.")
        make_folder(out)
    places = [song.with_name(f"{song.stem} ({settings.label}).mp3") for song in songs]
    if out is not None:
        places = [out / place.name for place in places] if several or out.is_dir() else [out]
    if several and settings.lead:
        raise UserError("A lead sheet belongs to one song: convert the songs one at a time.")
    read = [Path(one) for one in (settings.lead, settings.second) if isinstance(one, str)]
    check_places(songs, places, kinds, stems, read)
    if not any(song.is_file() for song in songs):
        load(songs[0], duration=1.0)  # tells what is wrong before the networks are loaded
    pipe = NoteNinjaPipeline.from_pretrained().to(device)
    failed = 0
    for song, place in zip(songs, places):
        try:
            _convert(pipe, song, place, replace(settings, source=str(song)), kinds, as_json, stems)
        except UserError as problem:
            failed += 1
            print(f"noteninja: {problem}", file=sys.stderr)
    return failed


@contextlib.contextmanager
def _bar(song: Path) -> Iterator[Callable[[float, str], None]]:
    """A progress bar for a song; yields what is called with (fraction done, what is being done)."""
    look = {"unit": "%", "bar_format": BAR, "dynamic_ncols": True}
    with tqdm(total=100, desc=song.name[:30], file=sys.stderr, **look) as bar:

        def progress(fraction, what):
            bar.set_postfix_str(what, refresh=False)
            bar.update(100 * fraction - bar.n)

        yield progress


def _convert(pipe, song, place, settings, kinds, as_json, stems=False):
    """Convert one file, save it and what belongs to it, and say how it went."""
    with _bar(song) as progress:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            result = settings.convert(pipe, song, out=place, progress=progress)
        progress(1.0, "writing notes and settings")
        files = export(result, place, settings, kinds) + (write_stems(result, place) if stems else [])
    sentences = notices(told, song)
    if stems and not result.stems:
        sentences.append(f"{place} keeps no voice, so there is no voice and no band to write apart.")
    for sentence in sentences:
        print(f"noteninja: {sentence}", file=sys.stderr)
    if not as_json:
        genre, share = next(iter(result.genre_heard.items()))
        tune = "no tune was found" if result.tune_kept is None else f"tune kept {result.tune_kept:.0%}"
        words = (tune, f"genre heard {genre} ({share:.0%})", FATES[result.voice])
        print(f"{place}: {', '.join(filter(None, words))}", flush=True)
        return
    given = {"amount" if name == "strength" else name: value for name, value in asdict(settings).items()}
    report = {
        "song": given.pop("source"),
        "out": str(place),
        "files": [str(file) for file in files],
        **given,
        "seconds": round(len(result.audio) / result.sample_rate, 2),
        **measured(result),
    }
    print(json.dumps(report, ensure_ascii=False), flush=True)


def again(
    json_file: Path,
    out: Path | None = None,
    device: str = "cpu",
    as_json: bool = False,
    stems: bool = False,
    passage: str | None = None,
    seed: int | None = None,
) -> None:
    """Make a result again from the JSON file beside it; says in one sentence each what is not as it was.

    Parameters
    ----------
    json_file : pathlib.Path
        The song is looked for where it was, and beside this file.
    out : pathlib.Path, optional
        'song (jazz) (again).mp3' beside the JSON file by default; with a passage 'song (jazz) (redone).mp3',
        or a name with a number that is still free.
    device, as_json, stems
        As `convert_files` takes them.
    passage : str, optional
        Such as "0:32-0:48" of the result: this is made anew, and the rest stays as it was.
    seed : int, optional
        Of the passage; one that was not used before by default.
    """
    settings, record = read_settings(json_file), read_record(json_file)
    if passage is not None:
        settings = settings.with_passage(*parse_passage(passage), seed)
        settings.check()
        known = record.get("measured")
        seconds = known.get("seconds") if isinstance(known, dict) else None
        check_passages(settings.redone, seconds if isinstance(seconds, int | float) else math.inf)
    song, second = (find_source(name, json_file.parent) for name in (settings.source, settings.second))
    for name, found in ((settings.source, song), (settings.second, second)):
        if found is None and name is not None:
            song_of = name or f"of {json_file.name}"
            raise UserError(f"The song {song_of} was not found: put it beside {json_file.name}.")
    if out is None or out.is_dir():
        name = PureWindowsPath(record["file"])
        out = (out or json_file.parent) / f"{name.stem} (again){name.suffix}"
        if passage is not None:
            stem = re.sub(r" \(redone\)(-\d+)?$", "", name.stem)
            out = free_path(
                out.with_name(f"{stem} (redone){name.suffix}"), ".json", " voice.wav", " band.wav"
            )
    assert song is not None  # a source has a name always, if an empty one
    check_places([song], [out], ["json"], stems)
    first = (json_file.resolve(), json_file.resolve().with_name(PureWindowsPath(record["file"]).name))
    if passage is not None and {out.resolve(), out.resolve().with_suffix(".json")} & {*first}:
        raise UserError(f"{out} would be written over the first result: give another place with --out.")
    for sentence in differences(json_file, song, second):
        print(f"noteninja: {sentence}", file=sys.stderr)
    pipe = NoteNinjaPipeline.from_pretrained().to(check_device(device))
    settings = replace(settings, source=str(song), second=str(second) if second else None)
    _convert(pipe, song, out, settings, ["json"], as_json, stems)


def hear_files(songs: list[Path], out: Path | None = None, *, as_json: bool = False) -> int:
    """Write down the lead sheets of songs, with a progress bar; one sentence for each that can't be used.

    Parameters
    ----------
    songs : list of pathlib.Path
    out : pathlib.Path, optional
        File, or folder where there are several songs; 'song (lead).musicxml' beside each song by default.
    as_json : bool
        Print one JSON object a song in place of words.

    Returns
    -------
    int
        How many songs could not be used.
    """
    folder = out if out and (len(songs) > 1 or out.is_dir()) else None
    if folder and folder.suffix.lower() in LEADS and not folder.is_dir():
        raise UserError(f"{out} is a name for one lead sheet: give a folder for several songs.")
    if folder:
        make_folder(folder)
    if out and not folder:
        places = [out]
        if out.suffix.lower() == ".json" and out.is_file() and b'"lead_sheet"' not in out.read_bytes()[:100]:
            raise UserError(f"{out} is no lead sheet, and stays as it is: give another place with --out.")
    else:  # a sheet that was corrected stays
        places = [free_path((folder or song.parent) / f"{song.stem} (lead).musicxml") for song in songs]
    check_places(songs, places, [], duration=1.0, endings=LEADS)
    place_of = dict(zip(songs, places))

    def work(song, progress):
        source = read_source(song, seconds_used(), lambda done: progress(0.9 * done, "listening"))
        progress(0.9, "writing down")
        sheet = lead_of(source, song.stem)
        with whole(place_of[song]) as unfinished:
            sheet.save(unfinished)
        record = {"song": str(song), "out": str(place_of[song]), **sheet.to_record()}
        return json.dumps(record, ensure_ascii=False) if as_json else f"{place_of[song]}: {sheet}"

    return _one_by_one(songs, work)


def _one_by_one(songs, work):
    """Print what `work(song, progress)` gives for each song, and what it warns of; how many can't be used."""
    failed = 0
    for song in songs:
        try:
            with warnings.catch_warnings(record=True) as told, _bar(song) as progress:
                warnings.simplefilter("always", UserWarning)
                line = work(song, progress)
        except UserError as problem:
            failed += 1
            print(f"noteninja: {problem}", file=sys.stderr)
            continue
        for sentence in notices(told, song):
            print(f"noteninja: {sentence}", file=sys.stderr)
        print(line, flush=True)
    return failed


# ---- a voice and a band out of a recording -----------------------------------------------------------------


@dataclass
class Separated:
    """What `separate_file` found and wrote.

    Attributes
    ----------
    files : list of pathlib.Path
        The voice and the band; empty where no voice was found.
    seconds : float
        Length of the recording.
    share : float
        Energy of the voice, of the whole recording's, in dB; minus infinity where none was found.
    """

    files: list[Path]
    seconds: float
    share: float = -math.inf


def separate_files(
    songs: list[Path], out: Path | None = None, *, kind: str = "wav", as_json: bool = False
) -> int:
    """Part recordings into voice and band, one by one, with a progress bar.

    What can't be used is told in one sentence.

    Parameters
    ----------
    songs : list of pathlib.Path
    out : pathlib.Path, optional
        Folder, made where needed; beside each song by default.
    kind : {"wav", "flac"}
    as_json : bool
        Print one JSON object a song in place of words.

    Returns
    -------
    int
        How many recordings could not be used.
    """
    if out is not None:
        make_folder(out)
    places = [file for song in songs for file in stem_paths((out or song.parent) / song.name, kind).values()]
    check_places(songs, places, ())

    def work(song, progress):
        found = separate_file(song, out, kind=kind, progress=progress)
        if as_json:
            files = dict(zip(STEMS, map(str, found.files))) or dict.fromkeys(STEMS)
            share = round(found.share, 1) if found.files else None
            report = {"song": str(song), **files, "seconds": round(found.seconds, 2), "voice_share_db": share}
            return json.dumps(report, ensure_ascii=False)
        if found.files:
            names = " and ".join(map(str, found.files))
            return f"{song}: {names}; the voice is {found.share:.1f} dB of the whole"
        return f"{song}: no voice was found, and nothing was written"

    return _one_by_one(songs, work)


def separate_file(
    song: str | Path,
    folder: str | Path | None = None,
    *,
    kind: str = "wav",
    progress: Callable[[float, str], None] = lambda fraction, what: None,
) -> Separated:
    """Part a recording into two files, "SONG voice.wav" and "SONG band.wav".

    Both are stereo, 44,100 Hz, and as long as the recording: added up they are the recording, to rounding.
    What the network takes for a voice though an instrument plays it stays in the band. Memory does not grow
    with the length.

    Parameters
    ----------
    song : str or pathlib.Path
    folder : str or pathlib.Path, optional
        Where the files go; beside the song by default. Files of these names are replaced, once both are
        whole.
    kind : {"wav", "flac"}
        Wav has floating-point samples; flac has 24 bits, and cuts off what is beyond full scale, as some mp3
        are.
    progress : callable
        Called with (fraction done, what is being done); may raise to stop.

    Returns
    -------
    Separated
        Where nobody sings or speaks, no file is written.

    Raises
    ------
    UserError
        If the recording can't be used, or a file can't be written.
    """
    song = Path(song)
    if kind not in ("wav", "flac"):
        raise UserError(f"Voice and band can be written as wav or flac, not {kind!r}.")
    files = stem_paths(song if folder is None else Path(folder) / song.name, kind)
    seconds, promising = _look(song, lambda done: progress(0.1 * done, "looking for a voice"))
    if not promising:
        progress(1.0, "done")
        return Separated([], seconds)
    for file in files.values():
        check_writable(file, 4 * seconds)  # there are two files, and it counts with 16 bits
    try:
        with tempfile.TemporaryDirectory(prefix=".noteninja-", dir=files["voice"].parent) as unfinished:
            written = [Path(unfinished) / file.name for file in files.values()]
            share = _write_parts(song, written, kind, seconds, progress)
            if math.isfinite(share):
                for file, place in zip(written, files.values()):
                    os.replace(file, place)
    except (OSError, soundfile.SoundFileError) as problem:
        advice = "choose another folder, or make room on the disk"
        raise UserError(f"Voice and band of {song} could not be written: {advice}.") from problem
    progress(1.0, "done")
    return Separated(list(files.values()) if math.isfinite(share) else [], seconds, share)


def _look(song, progress):
    """Seconds of a recording, and whether a voice may be in it."""
    waiting, length, seconds, peak, found = [], 0, 0.0, 0.0, False
    for block in itertools.chain(stream(song), [None]):
        if block is not None:
            waiting, length = [*waiting, block], length + len(block)
            seconds, peak = seconds + len(block) / SAMPLE_RATE, max(peak, np.abs(block).max(initial=0))
        if length >= LOOKED_AT * SAMPLE_RATE or block is None and length:
            found = found or first_look(np.concatenate(waiting), SAMPLE_RATE)
            waiting, length = [], 0
            progress(1 - 0.9 ** (seconds / LOOKED_AT))  # how long it is shows at its end only
    if seconds < SHORTEST - 1e-3:
        raise UserError(f"{song} is only {seconds:.2f} s long: at least {SHORTEST:g} s is needed.")
    if peak < SILENCE:
        raise UserError(f"{song} is silent.")
    return seconds, found


def _write_parts(song, files, kind, seconds, progress):
    """Write voice and band; the voice's share of the energy in dB, minus infinity where there is no voice."""
    form = "FLAC" if kind == "flac" else "WAV" if 8 * RATE * seconds < LARGEST else "RF64"
    look = {"format": form, "subtype": "PCM_24" if kind == "flac" else "FLOAT"}
    done, energy, all_energy, anybody = 0, 0.0, 0.0, False
    with contextlib.ExitStack() as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the first look told what is damaged
        writers = [opened.enter_context(soundfile.SoundFile(file, "w", RATE, 2, **look)) for file in files]
        for recording, voice, heard in _without_instruments(separate(stream(song, RATE, stereo=True))):
            if kind == "flac":
                recording = np.clip(recording, -1, 1)
            band = recording - voice
            if kind == "flac":  # what is beyond full scale goes over to the other one
                band = np.clip(band, -1, 1)
                voice = recording - band
            for writer, sound in zip(writers, (voice, band)):
                writer.write(sound)
            energy += float(np.square(voice, dtype=np.float64).sum())
            all_energy += float(np.square(recording, dtype=np.float64).sum())
            done, anybody = done + len(voice), anybody or heard
            progress(0.1 + 0.9 * min(1.0, done / RATE / seconds), "separating")
    if any(soundfile.info(file).frames < done for file in files):
        raise OSError("the disk is full")
    return 10 * math.log10(energy / all_energy) if anybody else -math.inf


def _without_instruments(parts):
    """Recording and voice, part by part (some ten seconds each), and whether somebody sings or speaks in it.

    A "voice" that an instrument plays is taken out.
    """
    before = None
    for recording, voice in parts:
        kind = _kind(recording, voice)
        now = before if kind == "silent" and before is not None else float(kind != "played")
        gain, fade = np.full((len(voice), 1), now, np.float32), round(FADE * RATE)
        gain[:fade, 0] = np.linspace(now if before is None else before, now, fade)[: len(voice)]
        voice, before = voice * gain, now
        loud = np.square(voice).sum() > FAINT * np.square(recording).sum()
        yield recording, voice, kind in ("sung", "spoken") and bool(loud)


def _kind(recording, voice):
    """What a voice is: see `kind_of_voice`."""
    if len(voice) < RATE:
        return "silent"
    both = soxr.resample(np.stack([voice.mean(1), recording.mean(1)], 1), RATE, PITCH_RATE)
    return kind_of_voice(pitch_curve(*np.ascontiguousarray(both.T)))
