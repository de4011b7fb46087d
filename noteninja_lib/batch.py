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
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from tqdm import tqdm

from noteninja_lib.audio.io import SAMPLE_RATE, SHORTEST, SILENCE, check_writable, load, save, stream
from noteninja_lib.audio.tags import read_tags
from noteninja_lib.errors import Notice, UserError, claimed, make_folder, notices, readable, unexpected
from noteninja_lib.lead_sheet import KINDS as LEADS
from noteninja_lib.lead_sheet import LeadSheet, hear_lead, lead_of, lead_sung
from noteninja_lib.models.pitch import RATE as PITCH_RATE
from noteninja_lib.models.separator import RATE, first_look, separate
from noteninja_lib.music.beats import other_tempi
from noteninja_lib.music.harmony import NOTE_NAMES
from noteninja_lib.music.singing import kind_of_voice
from noteninja_lib.music.style import is_path
from noteninja_lib.passages import check_passages, parse_passage, words
from noteninja_lib.pipeline import NoteNinjaPipeline, seconds_used
from noteninja_lib.settings import (
    FAMILY,
    FATES,
    STEMS,
    Settings,
    beside,
    default_name,
    differences,
    export,
    find_source,
    keep_settings,
    measured,
    read_record,
    read_settings,
    stem_paths,
    whole,
    write_stems,
)
from noteninja_lib.source import FADE, MIDI, PICTURES, SCORES, hear, pitch_curve, read_source

BAR = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} < {remaining} {postfix}"
REACHED = (
    "  {at}, {mood}: {tempo:.0f} beats a minute, {major_chords:.0%} of the chords major, {lufs:.0f} LUFS"
)
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
    suffixes: Sequence[str],
    read: Sequence[Path] = (),
    *,
    free: bool = False,
    overwrite: bool = False,
    **of_files: Any,
) -> None:
    """Refuse, before the work begins, places that can't be written or where something lies already.

    With `free`, what is taken gets another name later. With `overwrite`, what is read stays all the same, and
    so do the settings of another result.
    """
    for place in places:
        check_writable(place, **of_files)
    if free and not overwrite:
        return
    if len(set(places)) < len(places):
        raise UserError("Two of the songs have the same name: take them one at a time, or rename one.")
    sources = {file.resolve(): "what else is read" for file in read}
    sources |= {song.resolve(): "the song itself" for song in songs}
    advice = "give another name with --out"
    for place in places:
        for file in (place.with_name(place.stem + suffix) for suffix in suffixes):
            if file.is_dir():
                raise UserError(f"{file} is a folder: {advice}, or move it away.")
            if file.resolve() in sources:
                raise UserError(f"{file} would be written over {sources[file.resolve()]}: {advice}.")
            if file.exists() and not overwrite:
                raise UserError(f"{file} exists already: {advice}, or write over it with --overwrite.")
        if ".json" in suffixes and place.suffix != ".json":
            keep_settings(place.with_suffix(".json"), place)


def convert_files(
    songs: list[Path],
    settings: Settings,
    out: Path | None = None,
    *,
    kinds: Sequence[str] = (),
    device: str = "cpu",
    as_json: bool = False,
    stems: bool = False,
    overwrite: bool = False,
) -> int:
    """Convert files one by one, with a progress bar; one sentence for each that can't be used.

    Parameters
    ----------
    songs : list of pathlib.Path
        Recordings, or MIDI, MusicXML and ABC files.
    settings : Settings
        Its `source` does not matter.
    out : pathlib.Path, optional
        File, or folder where there are several songs; beside each song by default. In a folder, and beside
        the songs, a result is called 'song (jazz).mp3', or with a number where that exists.
    kinds : sequence of {"mid", "musicxml", "json"}
        What to write beside each result; settings (json) always are.
    device : str
    as_json : bool
        Print one JSON object a song in place of words.
    stems : bool
        Whether to write the voice and the band of each result apart, too, where a voice is kept.
    overwrite : bool
        Write over what has a result's name, which is an error otherwise.

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
    if several and settings.lead:
        raise UserError("A lead sheet belongs to one song: convert the songs one at a time.")
    free = out is None or out.is_dir()
    places = [(out or song.parent) / default_name(song, settings.label) for song in songs]
    places = places if out is None or free else [out]
    if settings.bits > 16 and places[0].suffix.lower() not in (".wav", ".flac"):
        raise UserError("24 bits are for wav and flac: give such a name with --out, as in -o song.wav.")
    suffixes = _suffixes(places[0], kinds, stems)
    read = [Path(one) for one in (settings.lead, settings.second) if isinstance(one, str)]
    check_places(songs, places, suffixes, read, free=free, overwrite=overwrite)
    if not any(song.is_file() for song in songs):
        load(songs[0], duration=1.0)  # tells what is wrong before the networks are loaded
    pipe = NoteNinjaPipeline.from_pretrained().to(device)
    place_of = iter(places)

    def work(song, progress):
        with claimed(next(place_of), suffixes, FAMILY if free else None, overwrite) as place:
            own = replace(settings, source=str(song))
            return _convert(pipe, song, place, own, progress, kinds, as_json, stems)

    return _one_by_one(songs, work)


def _suffixes(place, kinds, stems):
    """What comes behind the stem of a result's name, in its files' names."""
    apart = [f" {name}.wav" for name in STEMS] if stems else []
    return [place.suffix, *(f".{kind}" for kind in beside(place, ("json", *kinds))), *apart]


def _convert(pipe, song, place, settings, progress, kinds, as_json, stems):
    """Convert one file, and save it and what belongs to it; returns what is to be told of it."""
    tags = read_tags(song).of_result(settings.genre_in_words)
    saved = partial(save, place, bits=settings.bits, tags=tags)
    share, course = 0.85 if is_path(settings.mood) else 1.0, []
    result = settings.convert(pipe, song, out=saved, progress=lambda done, what: progress(share * done, what))
    if is_path(settings.mood):
        from noteninja_lib.evaluation.metrics import heard_moods  # loads librosa

        heard = hear(result.mono(), lambda done: progress(share + (1 - share) * done, "hearing the moods"))
        moods = dict(settings.mood)
        found = heard_moods(heard, result.audio, sorted(moods))
        course = [{"mood": moods[one.pop("place")], **one} for one in found]
    progress(1.0, "writing notes and settings")
    files = export(result, place, settings, dict.fromkeys(("json", *kinds)))
    files += write_stems(result, place) if stems else []
    if stems and not result.stems:
        sentence = f"{place} keeps no voice, so there is no voice and no band to write apart."
        warnings.warn(sentence, Notice, stacklevel=2)
    if not as_json:
        genre, share = next(iter(result.genre_heard.items()))
        tune = "no tune was found" if result.tune_kept is None else f"tune kept {result.tune_kept:.0%}"
        told = (tune, f"genre heard {genre} ({share:.0%})", FATES[result.voice])
        lines = [REACHED.format(**part, at=words(round(part["from"]), round(part["to"]))) for part in course]
        return "\n".join([f"{place}: {', '.join(filter(None, told))}", *lines])
    given = {"amount" if name == "strength" else name: value for name, value in asdict(settings).items()}
    report = {
        "song": given.pop("source"),
        "out": str(place),
        "files": [str(file) for file in files],
        **given,
        "seconds": round(len(result.audio) / result.sample_rate, 2),
        **measured(result),
        "before": facts(_heard_before(song, result), len(result.source) / SAMPLE_RATE),
        "after": facts(hear_lead(result.piano_roll), len(result.audio) / result.sample_rate),
    }
    return json.dumps(report | ({"course": course} if course else {}), ensure_ascii=False)


def facts(sheet: LeadSheet, seconds: float) -> dict:
    """Key, tempo in beats a minute, others that are nearly as likely, metre, and length in seconds."""
    key, tempo = f"{NOTE_NAMES[sheet.tune.tonic]} {sheet.tune.mode}", round(sheet.tempo, 1)
    tempi = {"tempo": tempo, "tempo_alternatives": list(sheet.other_tempi)}
    return {"key": key, **tempi, "metre": sheet.tune.metre, "seconds": round(seconds, 2)}


def _heard_before(song, result):
    """The lead sheet of what a result was made of; of written notes the tempo is known."""
    roll, notes = result.heard
    sheet = lead_sung(roll, notes)
    if notes or Path(song).suffix.lower() in (*MIDI, *SCORES, *PICTURES):
        return sheet
    return replace(sheet, other_tempi=other_tempi(roll.onsets, sheet.tempo))


def again(
    json_file: Path,
    out: Path | None = None,
    device: str = "cpu",
    as_json: bool = False,
    stems: bool = False,
    overwrite: bool = False,
    passage: str | None = None,
    seed: int | None = None,
) -> int:
    """Make a result again from the JSON file beside it; says in one sentence each what is not as it was.

    Parameters
    ----------
    json_file : pathlib.Path
        The song is looked for where it was, beside this file, and in the current folder: it is the one that
        has the right SHA-256.
    out : pathlib.Path, optional
        'song (jazz) (again).mp3' beside the JSON file by default; with a passage 'song (jazz) (redone).mp3',
        or with a number where that exists.
    device, as_json, stems, overwrite
        As `convert_files` takes them.
    passage : str, optional
        Such as "0:32-0:48" of the result: this is made anew, and the rest stays as it was.
    seed : int, optional
        Of the passage; one that was not used before by default.

    Returns
    -------
    int
        1 if it could not be made, else 0.
    """
    settings, record = read_settings(json_file), read_record(json_file)
    if passage is not None:
        settings = settings.with_passage(*parse_passage(passage), seed)
        settings.check()
        known = record.get("measured")
        seconds = known.get("seconds") if isinstance(known, dict) else None
        check_passages(settings.redone, seconds if isinstance(seconds, int | float) else math.inf)
    sums = (record.get("source_sha256"), record.get("second_sha256"))
    names = (settings.source, settings.second)
    song, second = (find_source(name, json_file.parent, of_it) for name, of_it in zip(names, sums))
    for name, found in zip(names, (song, second)):
        if found is None and name is not None:
            song_of = name or f"of {json_file.name}"
            raise UserError(f"The song {song_of} was not found: put it beside {json_file.name}.")
    assert song is not None  # a source has a name always, if an empty one
    place = out
    if out is None or out.is_dir():
        first, word = PureWindowsPath(record["file"]), "again" if passage is None else "redone"
        stem = re.sub(r" \((again|redone)\)( \(\d+\)|-\d+)?$", "", first.stem)
        place = (out or json_file.parent) / f"{stem} ({word}){first.suffix}"
    assert place is not None
    suffixes, free = _suffixes(place, (), stems), place != out
    check_places([song], [place], suffixes, free=free, overwrite=overwrite)
    for sentence in differences(json_file, song, second):
        print(f"noteninja: {sentence}", file=sys.stderr)
    pipe = NoteNinjaPipeline.from_pretrained().to(check_device(device))
    settings = replace(settings, source=str(song), second=str(second) if second else None)

    def work(song, progress):
        with claimed(place, suffixes, FAMILY if free else None, overwrite) as name:
            return _convert(pipe, song, name, settings, progress, (), as_json, stems)

    return _one_by_one([song], work)


def hear_files(
    songs: list[Path], out: Path | None = None, *, as_json: bool = False, overwrite: bool = False
) -> int:
    """Write down the lead sheets of songs, with a progress bar; one sentence for each that can't be used.

    Parameters
    ----------
    songs : list of pathlib.Path
    out : pathlib.Path, optional
        File, or folder where there are several songs; 'song (lead).musicxml' beside each song by default.
    as_json : bool
        Print one JSON object a song in place of words.
    overwrite : bool
        Write over an older lead sheet of that name, which is an error otherwise.

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
    named = [out] if out and not folder else []  # in a folder, a sheet that was corrected stays
    places = named or [(folder or song.parent) / default_name(song, "lead", ".musicxml") for song in songs]
    check = {"free": not named, "overwrite": overwrite, "duration": 1.0, "endings": LEADS}
    check_places(songs, places, [places[0].suffix], **check)
    if named and out.suffix.lower() == ".json" and out.is_file():
        if b'"lead_sheet"' not in out.read_bytes()[:100]:
            raise UserError(f"{out} is no lead sheet, and stays as it is: give another name with --out.")
    place_of = iter(places)

    def work(song, progress):
        with claimed(next(place_of), [places[0].suffix], None if named else LEADS, overwrite) as place:
            source = read_source(song, seconds_used(), lambda done: progress(0.9 * done, "listening"))
            progress(0.9, "writing down")
            sheet = lead_of(source, readable(song.stem))
            with whole(place) as unfinished:
                sheet.save(unfinished)
        record = {"song": str(song), "out": str(place), **sheet.to_record()}
        return json.dumps(record, ensure_ascii=False) if as_json else f"{place}: {sheet}"

    return _one_by_one(songs, work)


def _one_by_one(songs, work):
    """Print what `work(song, progress)` gives for each song, and what it warns of; how many can't be used."""
    failed = 0
    for song in songs:
        try:
            look = {"unit": "%", "bar_format": BAR, "dynamic_ncols": True, "file": sys.stderr}
            with (
                warnings.catch_warnings(record=True) as told,
                tqdm(total=100, desc=song.name[:30], **look) as bar,
            ):

                def progress(fraction, what, bar=bar):
                    bar.set_postfix_str(what, refresh=False)
                    bar.update(100 * fraction - bar.n)

                warnings.simplefilter("always", UserWarning)
                line = work(song, progress)
        except Exception as problem:
            failed += 1
            told = problem if isinstance(problem, UserError) else f"{song}: {unexpected(problem)}"
            print(f"noteninja: {told}", file=sys.stderr)
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
    songs: list[Path],
    out: Path | None = None,
    *,
    kind: str = "wav",
    as_json: bool = False,
    overwrite: bool = False,
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
    overwrite : bool
        Write over older files of these names; else the new ones get a number.

    Returns
    -------
    int
        How many recordings could not be used.
    """
    if out is not None:
        make_folder(out)
    places = [file for song in songs for file in stem_paths((out or song.parent) / song.name, kind).values()]
    check_places(songs, places, [f".{kind}"], free=True, overwrite=overwrite)

    def work(song, progress):
        found = separate_file(song, out, kind=kind, overwrite=overwrite, progress=progress)
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
    overwrite: bool = False,
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
        Where the files go; beside the song by default.
    kind : {"wav", "flac"}
        Wav has floating-point samples; flac has 24 bits, and cuts off what is beyond full scale, as some mp3
        are.
    overwrite : bool
        Replace files of these names, once both are whole; else the new ones get a number.
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
    base = song if folder is None else Path(folder) / song.name
    seconds, promising = _look(song, lambda done: progress(0.1 * done, "looking for a voice"))
    if not promising:
        progress(1.0, "done")
        return Separated([], seconds)
    for file in stem_paths(base, kind).values():
        check_writable(file, 4 * seconds)  # there are two files, and it counts with 16 bits
    suffixes = [f" {name}.{kind}" for name in STEMS]
    advice = "choose another folder, or make room on the disk"
    try:
        with (
            claimed(base, suffixes, (), overwrite) as name,
            tempfile.TemporaryDirectory(prefix=".noteninja-", dir=base.parent) as unfinished,
        ):
            files = stem_paths(name, kind)
            written = [Path(unfinished) / file.name for file in files.values()]
            share = _write_parts(song, written, kind, seconds, progress)
            if math.isfinite(share):
                for file, place in zip(written, files.values()):
                    os.replace(file, place)
    except (OSError, soundfile.SoundFileError) as problem:
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
