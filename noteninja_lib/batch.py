"""Files in, files out: what `noteninja convert` does around the pipeline, and `noteninja separate`.

What several machines or processes do is in `cluster`.
"""

import contextlib
import json
import math
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import Any

import torch

from noteninja_lib.audio.io import FORMATS, SAMPLE_RATE, check_writable, load, save
from noteninja_lib.audio.tags import read_tags
from noteninja_lib.cluster import (
    Skipped,
    at_once,
    deliver,
    fetched,
    is_url,
    one_by_one,
    shared,
    stand_in,
    tried,
)
from noteninja_lib.errors import Notice, UserError, claimed, make_folder, readable, whole
from noteninja_lib.lead_sheet import KINDS as LEADS
from noteninja_lib.lead_sheet import LeadSheet, hear_lead, lead_of, lead_sung
from noteninja_lib.models import check_device, share_of
from noteninja_lib.models.checkpoints import models_folder
from noteninja_lib.music.beats import other_tempi
from noteninja_lib.music.harmony import NOTE_NAMES
from noteninja_lib.music.style import is_path
from noteninja_lib.passages import check_passages, parse_passage, words
from noteninja_lib.pipeline import NoteNinjaPipeline, load_pipeline, seconds_used
from noteninja_lib.settings import (
    FAMILY,
    FATES,
    STEMS,
    Settings,
    beside,
    default_name,
    describe,
    differences,
    digest,
    export,
    find_source,
    keep_settings,
    measured,
    read_record,
    read_settings,
    stem_paths,
    write_record,
    write_stems,
)
from noteninja_lib.source import MIDI, PICTURES, SCORES, hear, read_source
from noteninja_lib.stems import separate_file

#: Endings of the recordings in a folder that is given in place of songs.
SOUNDS = tuple(
    ".wav .flac .ogg .oga .opus .mp3 .aif .aiff .au .caf .w64 .m4a .aac .mp4 .webm .mka .mkv .wma".split()
)
#: What decides how a worker elsewhere converts, as it does here.
VARIABLES = ("NOTENINJA_FAST", "NOTENINJA_MODELS", "NOTENINJA_ADAPTERS")
REACHED = (
    "  {at}, {mood}: {tempo:.0f} beats a minute, {major_chords:.0%} of the chords major, {lufs:.0f} LUFS"
)


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
        kept = None  # why --overwrite would be of no use
        if ".json" in suffixes and place.suffix != ".json":
            try:
                keep_settings(place.with_suffix(".json"), place)
            except UserError as problem:
                kept = problem
        for file in (place.with_name(place.stem + suffix) for suffix in suffixes):
            if file.is_dir():
                raise UserError(f"{file} is a folder: {advice}, or move it away.")
            if file.resolve() in sources:
                raise UserError(f"{file} would be written over {sources[file.resolve()]}: {advice}.")
            if file.exists() and not overwrite:
                more = "" if kept else ", or write over it with --overwrite"
                raise UserError(f"{file} exists already: {advice}{more}.")
        if kept:
            raise kept


def find_songs(songs: Sequence[str | Path], endings: Sequence[str]) -> list:
    """Songs, and in place of a folder those in it and below it; what was made of others there is none."""
    found = []
    for song in songs:
        if is_url(song) or not Path(song).is_dir():
            found.append(str(song) if is_url(song) else Path(song))
            continue
        files = sorted(path for path in Path(song).rglob("*") if path.is_file() and path.name[0] != ".")
        stems = {path.with_suffix("") for path in files}
        inside = [file for file in files if file.suffix.lower() in endings and not _was_made(file, stems)]
        if not inside:
            raise UserError(f"There are no songs in {song}.")
        found += inside
    return found


def _was_made(file, stems):
    """Whether a file was made of a song: a result, its notes, its voice and band, or a lead sheet."""
    of = re.sub(r" (voice|band|\(lead\)|\(tune\))$", "", file.stem)
    if of != file.stem and file.with_name(of) in stems:
        return True
    with contextlib.suppress(UserError):
        return PureWindowsPath(read_record(file.with_suffix(".json"))["file"]).stem == file.stem
    return False


@dataclass(frozen=True)
class _Job:
    """A conversion, as another process can make it."""

    song: Path | str  # a URL
    place: Path
    settings: Settings  # their source is the song as the user named it
    kinds: Sequence[str] = ()
    as_json: bool = False
    stems: bool = False
    device: str | torch.device = "cpu"
    target: str = ""  # a folder's URL, where all goes in the end

    def named(self, file: Path) -> str:
        """What one of the files is called where it is in the end."""
        return self.target + file.name if self.target else str(self.place.with_name(file.name))


def convert_files(
    songs: Sequence[Path | str],
    settings: Settings,
    out: Path | str | None = None,
    *,
    kinds: Sequence[str] = (),
    device: str = "cpu",
    as_json: bool = False,
    stems: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    workers: int | None = None,
) -> int:
    """Convert files one by one, with a progress bar; one sentence for each that can't be used.

    Parameters
    ----------
    songs : sequence of pathlib.Path or str
        Recordings, or MIDI, MusicXML and ABC files; folders of such; or URLs that fsspec knows.
    settings : Settings
        Its `source` does not matter.
    out : pathlib.Path or str, optional
        File, or folder where there are several songs, or the URL of either; beside each song by default. In
        a folder, and beside the songs, a result is called 'song (jazz).mp3', or with a number where that
        exists.
    kinds : sequence of {"mid", "musicxml", "json"}
        What to write beside each result; settings (json) always are.
    device : str
    as_json : bool
        Print one JSON object a song in place of words.
    stems : bool
        Whether to write the voice and the band of each result apart, too, where a voice is kept.
    overwrite : bool
        Write over what has a result's name, which is an error otherwise.
    resume : bool
        Leave out songs of which the same result is there: with these settings, and by these networks.
    workers : int, optional
        Make so many at once, or as many as a cluster has workers: each on one thread, which decides the last
        bits of a result. By default one after the other, on all cores.

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
    how = {"kinds": kinds, "as_json": as_json, "stems": stems, "device": check_device(device)}
    songs = find_songs(songs, (*SOUNDS, *MIDI, *SCORES))
    local, several = [song for song in songs if isinstance(song, Path)], len(songs) > 1
    if out is None and len(local) < len(songs):
        raise UserError("Say with --out where the results of songs from URLs go: a folder, or its URL.")
    with _at_url(out, several) as (out, how["target"]):
        if several and out is not None:
            if out.exists() and not out.is_dir():
                raise UserError(f"{out} is a file: give a folder for several songs.")
            make_folder(out)
        if several and settings.lead:
            raise UserError("A lead sheet belongs to one song: convert the songs one at a time.")
        free = out is None or out.is_dir()
        places = [(out or Path(song).parent) / default_name(Path(song), settings.label) for song in songs]
        places = places if out is None or free else [out]
        if settings.bits > 16 and places[0].suffix.lower() not in (".wav", ".flac"):
            raise UserError("24 bits are for wav and flac: give such a name with --out, as in -o song.wav.")
        suffixes, place_of = _suffixes(places[0], kinds, stems), iter(places)
        made = _Made(settings, suffixes, {place.parent for place in places} if resume else ())
        known = not free and made.find(songs[0], out, True)  # which may be written over
        read = [Path(one) for one in (settings.lead, settings.second) if isinstance(one, str)]
        check_places(local, places, suffixes, read, free=free, overwrite=overwrite or bool(known))
        if len(local) == len(songs) and not any(song.is_file() for song in songs):
            load(songs[0], duration=1.0)  # tells what is wrong before the networks are loaded

        @contextlib.contextmanager
        def prepare(song):
            wanted = next(place_of)
            known, complete = made.find(song, wanted, not free) or (None, False)
            job = partial(_Job, song, settings=replace(settings, source=str(song)), **how)
            if complete:
                yield Skipped(f"{job(known).named(known)} is there already")
                return
            endings, others = suffixes, FAMILY if free else None
            with claimed(known or wanted, endings, others, overwrite or known is not None) as place:
                yield job(place)
                for suffix in (place.suffix, ".json") if how["target"] else ():
                    place.with_suffix(suffix).write_text("at the URL", encoding="utf-8")

        where = _where(how["target"] or out)
        if workers is not None:
            given = {"folder": os.getcwd(), **{name: os.environ.get(name, "") for name in VARIABLES}}
            return at_once(songs, convert_song, prepare, where, workers=workers, shared=given)
        pipe = NoteNinjaPipeline.from_pretrained().to(how["device"])

        def work(song, progress):
            with prepare(song) as job:
                return job if isinstance(job, Skipped) else _convert(job, pipe, progress)

        return one_by_one(songs, work, where)


def convert_song(job: _Job) -> tuple[str | dict | None, list[str]]:
    """Convert a song in a process that works for `convert_files`; see `tried`."""
    os.environ.update({name: shared()[name] for name in VARIABLES})
    torch.set_num_threads(1)  # the same bits, however many workers there are
    with contextlib.chdir(shared()["folder"] if os.path.isdir(shared()["folder"]) else "."):
        pipe = load_pipeline(models_folder()).to(job.device)
        return tried(job.settings.source, lambda: _convert(job, pipe, lambda fraction, what: None))


@contextlib.contextmanager
def _at_url(out, several):
    """(a place here, the URL of its folder): where results go to a URL, a folder here stands for that one."""
    if out is None or not is_url(out):
        yield out, ""
        return
    file = "" if several or Path(out).suffix.lower() not in FORMATS else out.rpartition("/")[2]
    target = out.removesuffix(file).removesuffix("/") + "/"
    with tempfile.TemporaryDirectory(prefix="noteninja-") as folder:
        stand_in(target, Path(folder))
        try:
            yield Path(folder) / file, target
        except UserError as problem:
            raise UserError(str(problem).replace(folder + os.sep, target)) from problem


class _Made:
    """Results with these settings that are in folders already; none in those that are not given."""

    def __init__(self, settings, suffixes, folders):
        self.settings, self.suffixes, self.records = settings, suffixes, {}
        for path in (path for folder in folders for path in sorted(folder.glob("*.json"))):
            with contextlib.suppress(UserError):
                whose = (path.parent, str(read_record(path).get("source_sha256")))
                self.records.setdefault(whose, []).append(path)

    def find(self, song, place, named):
        """(place of a song's result, whether all of it is there); None if there is none.

        In the folder of `place`, or there itself if that was `named`. What was measured is written last:
        where it is missing, a run was killed.
        """
        if not self.records:
            return None
        found = None
        with fetched(song) as song:
            for path in self.records.get((place.parent, digest(song)), ()) if song.is_file() else ():
                with contextlib.suppress(ValueError):  # settings that can't be used
                    found = found if found and found[1] else self._result(path, song, place, named) or found
        return found

    def _result(self, path, song, place, named):
        record, settings = read_record(path), read_settings(path)
        made, second = path.with_name(PureWindowsPath(record["file"]).name), settings.second
        if (
            replace(settings, source="") != replace(self.settings, source="")
            or made.suffix != place.suffix
            or named
            and made != place
            or differences(path, song, Path(second) if second else None)
        ):
            return None
        known = record.get("measured")
        if not isinstance(known, dict) or not made.exists():
            return made, False
        wanted = [made.with_name(made.stem + ending) for ending in self.suffixes]
        sung = known.get("voice") == "keep"
        wanted = [file for file in wanted if sung or file not in stem_paths(made).values()]
        return (made, True) if all(file.is_file() and file.stat().st_size for file in wanted) else None


def _suffixes(place, kinds, stems):
    """What comes behind the stem of a result's name, in its files' names."""
    apart = [f" {name}.wav" for name in STEMS] if stems else []
    return [place.suffix, *(f".{kind}" for kind in beside(place, ("json", *kinds))), *apart]


def _save(place, settings, tags, audio, sample_rate):
    """Save a result, after its settings, as far as they are known: a kill leaves no sound without them."""
    record = place.with_suffix(".json")
    first = not record.exists() or not record.stat().st_size
    if first:
        write_record(describe(None, place, settings), record)
    try:
        save(place, audio, sample_rate, bits=settings.bits, tags=tags)
    except BaseException:
        if first:
            record.unlink()
        raise


def _convert(job, pipe, progress):
    """Convert one song, and save it and what belongs to it; returns what is to be told of it."""
    with contextlib.ExitStack() as stack:
        song, place = stack.enter_context(fetched(job.song)), job.place
        if job.target:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="noteninja-"))) / place.name
        settings = replace(job.settings, source=str(song))
        saved = partial(_save, place, settings, read_tags(song).of_result(settings.genre_in_words))
        share, course = 0.85 if is_path(settings.mood) else 1.0, []
        result = settings.convert(
            pipe, song, out=saved, progress=lambda done, what: progress(share * done, what)
        )
        if is_path(settings.mood):
            from noteninja_lib.evaluation.metrics import heard_moods  # loads librosa

            moods, told = dict(settings.mood), share_of(progress, share, 1 - share, "hearing the moods")
            found = heard_moods(hear(result.mono(), told), result.audio, sorted(moods))
            course = [{"mood": moods[one.pop("place")], **one} for one in found]
        progress(1.0, "writing notes and settings")
        files = write_stems(result, place) if job.stems else []
        kinds = [*(kind for kind in job.kinds if kind.lower() != "json"), "json"]  # all else is there then
        *others, record = export(result, place, settings, dict.fromkeys(kinds))
        files = [record, *others, *files]
        if is_url(job.song):  # as the user named it, not as it was copied
            old, new = (json.dumps(str(one), ensure_ascii=False) for one in (song, job.song))
            text = files[0].read_text(encoding="utf-8")
            files[0].write_text(text.replace(old, new), encoding="utf-8")
        if job.target:
            deliver([*files, place], job.target)
    name = job.named(place)
    if job.stems and not result.stems:
        sentence = f"{name} keeps no voice, so there is no voice and no band to write apart."
        warnings.warn(sentence, Notice, stacklevel=2)
    if not job.as_json:
        genre, share = next(iter(result.genre_heard.items()))
        tune = "no tune was found" if result.tune_kept is None else f"tune kept {result.tune_kept:.0%}"
        told = (tune, f"genre heard {genre} ({share:.0%})", FATES[result.voice])
        lines = [REACHED.format(**part, at=words(round(part["from"]), round(part["to"]))) for part in course]
        return "\n".join([f"{name}: {', '.join(filter(None, told))}", *lines])
    given = {"amount" if key == "strength" else key: value for key, value in asdict(job.settings).items()}
    report = {
        "song": given.pop("source"),
        "out": name,
        "files": [job.named(file) for file in files],
        **given,
        "seconds": round(len(result.audio) / result.sample_rate, 2),
        **measured(result),
        "before": facts(_heard_before(song, result), len(result.source) / SAMPLE_RATE),
        "after": facts(hear_lead(result.piano_roll), len(result.audio) / result.sample_rate),
    }
    return report | ({"course": course} if course else {})


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
        place = (out or json_file.parent) / default_name(Path(f"{stem}.mp3"), word, first.suffix)
    assert place is not None
    suffixes, free = _suffixes(place, (), stems), place != out
    check_places([song], [place], suffixes, free=free, overwrite=overwrite)
    for sentence in differences(json_file, song, second):
        print(f"noteninja: {sentence}", file=sys.stderr)
    pipe = NoteNinjaPipeline.from_pretrained().to(check_device(device))
    settings = replace(settings, source=str(song), second=str(second) if second else None)

    def work(song, progress):
        with claimed(place, suffixes, FAMILY if free else None, overwrite) as name:
            job = _Job(song, name, settings, as_json=as_json, stems=stems)
            return _convert(job, pipe, progress)

    return one_by_one([song], work)


def hear_files(
    songs: Sequence[Path], out: Path | None = None, *, as_json: bool = False, overwrite: bool = False
) -> int:
    """Write down the lead sheets of songs, with a progress bar; one sentence for each that can't be used.

    Parameters
    ----------
    songs : sequence of pathlib.Path
        Or folders of songs.
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
    songs = find_songs(songs, (*SOUNDS, *MIDI, *SCORES))
    folder = out if out and (len(songs) > 1 or out.is_dir()) else None
    if folder and folder.suffix.lower() in LEADS and not folder.is_dir():
        raise UserError(f"{out} is a name for one lead sheet: give a folder for several songs.")
    if folder:
        make_folder(folder)
    named = [out] if out and not folder else []  # in a folder, a sheet that was corrected stays
    places = named or [(folder or song.parent) / default_name(song, "lead", ".musicxml") for song in songs]
    if named and out.suffix.lower() == ".json" and out.is_file():
        if b'"lead_sheet"' not in out.read_bytes()[:100]:
            raise UserError(f"{out} is no lead sheet, and stays as it is: give another name with --out.")
    check = {"free": not named, "overwrite": overwrite, "duration": 1.0, "endings": LEADS}
    check_places(songs, places, [places[0].suffix], **check)
    place_of = iter(places)

    def work(song, progress):
        with claimed(next(place_of), [places[0].suffix], None if named else LEADS, overwrite) as place:
            source = read_source(song, seconds_used(), lambda done: progress(0.9 * done, "listening"))
            progress(0.9, "writing down")
            sheet = lead_of(source, readable(song.stem))
            with whole(place) as unfinished:
                sheet.save(unfinished)
        record = {"song": str(song), "out": str(place), **sheet.to_record()}
        return record if as_json else f"{place}: {sheet}"

    return one_by_one(songs, work, _where(folder))


def _where(folder):
    return f"results are in {folder}" if folder else "each result is beside its song"


def separate_files(
    songs: Sequence[Path],
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
    songs : sequence of pathlib.Path
        Or folders of recordings.
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
    songs = find_songs(songs, SOUNDS)
    places = [file for song in songs for file in stem_paths((out or song.parent) / song.name, kind).values()]
    check_places(songs, places, [f".{kind}"], free=True, overwrite=overwrite)

    def work(song, progress):
        found = separate_file(song, out, kind=kind, overwrite=overwrite, progress=progress)
        if as_json:
            files = dict(zip(STEMS, map(str, found.files))) or dict.fromkeys(STEMS)
            share = round(found.share, 1) if found.files else None
            return {"song": str(song), **files, "seconds": round(found.seconds, 2), "voice_share_db": share}
        if found.files:
            names = " and ".join(map(str, found.files))
            return f"{song}: {names}; the voice is {found.share:.1f} dB of the whole"
        return f"{song}: no voice was found, and nothing was written"

    return one_by_one(songs, work, _where(out))
