"""The settings of a conversion: checked, written to a small JSON file beside the result, and read again."""

import hashlib
import itertools
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

import soundfile
import torch

from noteninja_lib import STEPS, __version__, fast_mode
from noteninja_lib.arranger.recipe import own_folder
from noteninja_lib.audio.io import FORMATS
from noteninja_lib.errors import UserError, check_range, choose, readable, whole, write_whole
from noteninja_lib.lead_sheet import LeadSheet, hear_lead
from noteninja_lib.models.checkpoints import (
    ADAPTER,
    ADAPTER_CONFIG,
    CARD,
    CHECKSUMS,
    current_names,
    models_folder,
)
from noteninja_lib.models.flow_matching import slerp
from noteninja_lib.music.extension import LONGEST
from noteninja_lib.music.piano_roll import PianoRoll
from noteninja_lib.music.reharmonisation import read_chords, read_key
from noteninja_lib.music.style import MOODS, RATES, Genre, Mood, is_path, own_named, styles
from noteninja_lib.passages import Passage, check_passages
from noteninja_lib.pipeline import VOICES, Conversion, NoteNinjaPipeline
from noteninja_lib.source import read_written

#: Those that a conversion uses; of the judge, only older ones told the genre.
NETWORKS = ("basic_pitch", "chords", "judge", "lead", "pitch", "separator", "unet", "vae", "vocoder")
#: What became of a singer, in words; where there was none, there is nothing to tell.
FATES = {"keep": "voice kept", "play": "voice played by an instrument", "off": "voice left out", "none": ""}
#: Setting: what it is called, its type, and its range; those that may be None come last.
LIMITS = {
    "strength": ("amount", float, 0, 1),
    "steps": ("number of inference steps", int, 1, 1000),
    "guidance": ("guidance scale", float, 0, 20),
    "seed": ("seed", int, 0, 2**63 - 1),
    "share": ("share", float, 0, 1),
    "transpose": ("transposition in semitones", int, -12, 12),
    "voice_gain": ("gain of the voice in dB", float, -24, 24),
    "tempo": ("tempo in beats a minute", float, 20, 400),
    "rate": ("rate of the tempo", float, *RATES),
    "seconds": ("length in seconds", float, 1, LONGEST),
    "other_seed": ("other seed", int, 0, 2**63 - 1),
}
BIGGEST = 1_000_000  # bytes of a JSON file
MOST, HEAVIEST = 200, 200_000_000  # files of a folder among which a renamed song is looked for; bytes of each


@dataclass(frozen=True)
class Settings:
    """All that decides a conversion, apart from the weights.

    Attributes
    ----------
    genre : str, dict or list
        As the pipeline takes it: one of the ten, shares of several, or a path.
    strength, steps, guidance, mood, tempo, rate, voice, voice_gain
        As the pipeline takes them; two songs that are mixed have no voice.
    seed, other_seed : int
        Of the noise; with another one, a share of its noise is mixed in.
    second : str
        Another song, a share of which is mixed in.
    share : float
        Of the second song or the other seed.
    seconds : float
        Length to which the song is extended.
    source : str
        The song's file as the user gave it; empty where there is none.
    part, tune, repeats
        Of written notes: which part is the tune, which tune of a book, and whether repeats are played, as
        `read_roll` takes them.
    lead : str or dict
        A corrected lead sheet: its file, or all of it, as `LeadSheet.to_record` gives it.
    key, transpose, chords
        As the pipeline takes them.
    redone : sequence of (float, float, int)
        Passages that were made anew, as the pipeline takes them.
    bits : {16, 24}
        Of a sample in a wav or flac file.
    """

    genre: Genre = "jazz"
    strength: float = 1.0
    steps: int = STEPS
    guidance: float = 2.0
    seed: int = 0
    mood: Mood = None
    tempo: float | None = None
    rate: float | None = None
    seconds: float | None = None
    second: str | None = None
    other_seed: int | None = None
    share: float = 0.5
    source: str = ""
    voice: str = "keep"
    voice_gain: float = 0.0
    part: str | None = None
    tune: str | None = None
    repeats: bool = True
    lead: str | dict | None = None
    key: str | None = None
    transpose: int = 0
    chords: str | None = None
    redone: Sequence[Passage] = ()
    bits: int = 16

    def check(self) -> None:
        """Refuse what no conversion can be made with, in one sentence."""
        for name, (words, kind, low, high) in LIMITS.items():
            value = getattr(self, name)
            if value is None and name in ("tempo", "rate", "seconds", "other_seed", "share"):
                continue
            if isinstance(value, bool) or not isinstance(value, int if kind is int else (int, float)):
                number = "whole number" if kind is int else "number"
                raise UserError(f"The {words} must be a {number}, not {value!r}.")
            check_range(words, value, low, high)
        if self.voice not in VOICES:
            raise UserError(f"The voice can be {', '.join(VOICES[:-1])} or {VOICES[-1]}, not {self.voice!r}.")
        if self.bits not in (16, 24):
            raise UserError(f"A sample has 16 or 24 bits, not {self.bits!r}.")
        for name in ("second", "part", "tune", "key", "chords"):
            if not isinstance(value := getattr(self, name), str | None):
                raise UserError(f"The setting {name} is written in letters, not as {value!r}.")
        if self.share is None and (self.second or self.other_seed is not None):
            raise UserError("Of a second song or seed, a share is taken: a number from 0 to 1.")
        if not isinstance(self.repeats, bool):
            raise UserError(f"Repeats are true or false, not {self.repeats!r}.")
        if self.tempo is not None and self.rate is not None:
            raise UserError("Give either a tempo in beats a minute or a rate, not both.")
        mixed = [name for name in ("second", "other_seed", "seconds") if getattr(self, name) is not None]
        if len(mixed) > 1 or self.strength < 1 and mixed in (["other_seed"], ["seconds"]):
            raise UserError(
                "A mixture of songs, a mixture of seeds and a given length exclude each other; "
                "the last two need the full amount."
            )
        if not isinstance(self.lead, str | dict | None):
            raise UserError(f"A lead sheet is a file, not {self.lead!r}.")
        if self.key is not None and self.transpose:
            raise UserError("Give either a key or a number of semitones, not both.")
        if isinstance(self.lead, str) and not os.path.isfile(self.lead):
            raise UserError(f"There is no file {self.lead}.")
        rewritten = any(one is not None for one in (self.lead, self.key, self.chords))
        if self.second is not None and (self.transpose or rewritten):
            raise UserError(
                "Two songs that are mixed keep their notes: leave out lead sheet, key and chords."
            )
        if self.key is not None:
            read_key(self.key)
        if self.chords is not None:
            read_chords(self.chords)
        if isinstance(self.lead, dict):
            LeadSheet.from_record(self.lead)
        if self.second is not None and (self.tempo or self.rate):
            raise UserError("Two songs meet at a tempo between theirs: leave the tempo out.")
        check_passages(self.redone)
        try:
            styles(self.genre, self.mood)
        except UserError:
            raise
        except Exception as problem:  # anything may stand in a file where a genre should be
            raise UserError(f"The genre {self.genre!r} or the mood {self.mood!r} can't be read.") from problem

    def with_passage(self, start: float, end: float, seed: int | None = None) -> "Settings":
        """The same with one more passage made anew; its seed is by default one that was not used before."""
        used = [self.seed, *(one[2] for one in self.redone)]
        seed = max(used) + 1 if seed is None else seed
        if used == [seed]:
            raise UserError(
                f"Seed {seed} is that of the result, which would stay as it is: give another one."
            )
        return replace(self, redone=(*self.redone, (start, end, seed)))

    @property
    def genre_in_words(self) -> str:
        """The genre as people say it: "jazz", "jazz and rock", "jazz 70% and rock 30%", "blues to disco"."""
        return " to ".join(map(_in_words, _parts(self.genre)))

    @property
    def label(self) -> str:
        """What is not as usual, for the name of a file: "jazz", or "pop, 120 bpm, seed 3"."""
        mood, seconds, second = self.mood, self.seconds, Path(self.second or "").stem
        minutes = f"{(seconds or 0) / 60:.3g} min" if (seconds or 0) >= 60 else f"{seconds or 0:.3g} s"
        shares = f"{self.share or 0:.0%} of"
        told = [
            self.genre_in_words,
            self.strength < 1 and f"amount {self.strength:.0%}",
            mood is not None and " to ".join(map(_in_words, _parts(mood))),
            self.tempo and f"{self.tempo:g} bpm",
            self.rate and f"tempo {self.rate:.0%}",
            seconds and minutes,
            second and f"{shares} {second}",
            self.other_seed is not None and f"{shares} seed {self.other_seed}",
            self.voice != "keep" and f"voice {self.voice}",
            self.voice_gain and f"voice {self.voice_gain:+g} dB",
            self.part is not None and f"part {self.part}",
            self.tune is not None and f"tune {self.tune}",
            not self.repeats and "no repeats",
            self.lead and "own notes",
            self.key and f"in {self.key}",
            self.transpose and f"{self.transpose:+d} semitones",
            self.chords and "own chords",
            self.steps != STEPS and f"steps {self.steps}",
            self.guidance != Settings.guidance and f"guidance {self.guidance:g}",
            self.seed and f"seed {self.seed}",
            self.bits != Settings.bits and f"{self.bits} bits",
        ]
        return ", ".join(filter(None, told))

    def convert(self, pipe: NoteNinjaPipeline, song, **options) -> Conversion:
        """Convert a song with these settings; options are `out` and `progress`."""
        seeds = [
            torch.Generator().manual_seed(seed) for seed in (self.seed, self.other_seed) if seed is not None
        ]
        if self.part is not None or self.tune is not None or not self.repeats:
            song = read_written(song, part=self.part, tune=self.tune, repeats=self.repeats)
        options |= {"mood": self.mood, "redone": self.redone}
        shared = (self.genre, self.strength, self.steps, self.guidance, seeds[0])
        if self.second is not None:
            return pipe.interpolate(song, self.second, self.share, *shared, **options)
        if len(seeds) > 1:

            def between(roll):  # noise on the arc between that of two seeds
                return slerp(*(pipe.noise_like(roll, one) for one in seeds), self.share)

            options["latents"] = between
        options |= {"tempo": self.tempo, "rate": self.rate, "seconds": self.seconds}
        lead = LeadSheet.from_record(self.lead) if isinstance(self.lead, dict) else self.lead
        options |= {"lead": lead, "key": self.key, "transpose": self.transpose, "chords": self.chords}
        return pipe(song, *shared, voice=self.voice, voice_gain=self.voice_gain, **options)


def _parts(value):
    """The genres or moods along a piece."""
    return [part for _, part in value] if is_path(value) else [value]


def _in_words(part):
    """A genre, shares of several, or a mood, for the name of a file."""
    if isinstance(part, dict):
        alike = len(set(part.values())) == 1
        return " and ".join(one if alike else f"{one} {share:.0%}" for one, share in part.items())
    words = {pair: word for word, pair in MOODS.items()}
    return part if isinstance(part, str) else words.get(tuple(part), "mood {:g} {:g}".format(*part))


def default_name(song: Path, words: str, suffix: str = ".mp3") -> str:
    """'song (jazz).mp3', without what some file systems refuse, and short enough for all of them."""
    words = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', "_", words)
    stem, words = (
        text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
        for text, size in ((song.stem.replace("\0", "_"), 136), (words, 90))
    )
    return f"{stem.rstrip()} ({words.rstrip()}){suffix}"


def describe(result: Conversion | None, path: Path, settings: Settings) -> dict:
    """All that a result was made with, and what was measured.

    Parameters
    ----------
    result : Conversion, optional
        None while it is being made: nothing is measured yet.
    path : pathlib.Path
        The recording.
    settings : Settings

    Returns
    -------
    dict
        For JSON; the only places named in it are the songs', as the user gave them.
    """
    arguments = asdict(settings)
    source = arguments.pop("source")
    arguments |= {"lead": result.lead.to_record()} if result and result.lead else {}
    record = {
        "file": path.name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "source": source,
        "source_sha256": digest(find_source(source, path.parent)),
        "second_sha256": digest(find_source(settings.second, path.parent)),
        "settings": arguments,
        "fast": fast_mode(),
        "weights_sha256": weights(settings.genre),
        "pipeline_sha256": digest(models_folder() / "model_index.json"),
    }
    if result:
        seconds = round(len(result.audio) / result.sample_rate, 2)
        record["measured"] = {"seconds": seconds, **measured(result)}
    return record


def measured(result: Conversion) -> dict:
    """What was measured, rounded, for JSON: `tune_kept` (None where no tune was found), `genre_heard`, and
    what became of the `voice`."""
    return {
        "tune_kept": None if result.tune_kept is None else round(result.tune_kept, 3),
        "genre_heard": {genre: round(share, 3) for genre, share in result.genre_heard.items()},
        "voice": result.voice,
    }


def read_settings(path: str | Path) -> Settings:
    """The settings in a JSON file that lies beside a conversion.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    Settings

    Raises
    ------
    UserError
        If it can't be read, is no such file, or holds what no conversion can be made with.
    """
    record = read_record(path)
    try:
        given = {"voice": "play"} | current_names(record["settings"])  # older files know no voice
        given |= {name: _from_json(given.get(name)) for name in ("genre", "mood")}
        given["redone"] = tuple(map(tuple, given.get("redone", ())))
        known, needed = {field.name for field in fields(Settings)} - {"source"}, ("genre", "seed")
        strange, missing = sorted(set(given) - known), [name for name in needed if given.get(name) is None]
        if strange or missing:
            raise UserError(
                f"it has no {missing[0]}" if missing else f"there is no setting called {strange[0]}"
            )
        settings = Settings(**given, source=record["source"])
        settings.check()
    except UserError as problem:
        raise UserError(f"{Path(path).name} can't be used: {str(problem).rstrip('.')}.") from problem
    except (TypeError, ValueError, KeyError) as problem:
        advice = "choose a JSON file as a conversion writes it"
        raise UserError(f"{Path(path).name} can't be used: {advice}.") from problem
    return settings


def read_record(path: str | Path) -> dict:
    """All that such a JSON file holds, as a dict."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    try:
        if path.stat().st_size > BIGGEST:
            raise ValueError("too large")
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        what = "no JSON file that can be read: choose one that a conversion wrote"
        raise UserError(f"{path.name} is {what}.") from problem
    shape = {"settings": dict, "source": str, "file": str, "weights_sha256": dict}
    if not isinstance(record, dict) or not all(
        isinstance(record.get(name), kind) for name, kind in shape.items()
    ):
        raise UserError(f"{path.name} holds no settings of a conversion: choose a JSON file that one wrote.")
    return record


def keep_settings(path: Path, result: Path) -> None:
    """Refuse to write over a JSON file, unless it is a result's, or its own result is gone."""
    if not path.is_file() or not path.stat().st_size:
        return
    advice = "give another name with --out"
    try:
        owner = path.parent / PureWindowsPath(read_record(path)["file"]).name
    except UserError:
        raise UserError(f"{path} holds something else than settings, and stays: {advice}.") from None
    if owner.name != result.name and os.path.isfile(owner):
        raise UserError(f"{path} makes {owner.name} again, which is still there: {advice}.")


def differences(path: str | Path, source: Path, second: Path | None = None) -> list[str]:
    """What is not as it was when a JSON file was written, a sentence each.

    Parameters
    ----------
    path : str or pathlib.Path
        The JSON file.
    source, second : pathlib.Path
        The song, and the one that is mixed in.

    Returns
    -------
    list of str
    """
    record = read_record(path)
    told = [
        f"{song} is not the song from which {record['file']} was made: the result will differ."
        for name, song in (("source_sha256", source), ("second_sha256", second))
        if record.get(name) != digest(song)
    ]
    now = weights(
        record["settings"].get("genre", "")
    )  # a file names those that there were: what came later was not part of its result
    changed = sorted(name for name, value in record["weights_sha256"].items() if now.get(name) != value)
    if changed:
        told.append(
            f"The trained weights ({', '.join(changed)}) are not those with which {record['file']} was made: "
            "the result will differ."
        )
    if record.get("pipeline_sha256") not in (None, digest(models_folder() / "model_index.json")):
        told.append(f"model_index.json is not that of {record['file']}'s time: the result will differ.")
    if bool(record.get("fast")) != fast_mode():
        how = "with" if record.get("fast") else "without"
        told.append(f"{record['file']} was made {how} NOTENINJA_FAST: the result will differ.")
    return told


def find_source(name: str | None, folder: Path, sha256: str | None = None) -> Path | None:
    """A song's file by the name that the user gave: where that leads, in a folder, or in the current one.

    The one with the right SHA-256, whichever that is, or one beside these that was renamed; else the first;
    None if it is gone.
    """
    last = PureWindowsPath(name or "").name
    places = [Path(name), folder / name, folder / last, Path(last)] if name else []
    found = [
        place for place in places if os.path.isfile(place)
    ]  # the name may be too long for `Path.is_file`
    renamed = (
        one for place in dict.fromkeys(place.parent for place in places) for one in _songs(place, last)
    )
    right = (one for one in itertools.chain(found, renamed) if sha256 and digest(one) == sha256)
    return next(right, found[0] if found else None)


def _songs(folder, name):
    """Files of a folder with the ending of a name, not too many and not too large."""
    with suppress(OSError):
        ending = PureWindowsPath(name).suffix.lower()
        songs = (one for one in sorted(folder.iterdir()) if one.suffix.lower() == ending and one.is_file())
        yield from itertools.islice((one for one in songs if one.stat().st_size <= HEAVIEST), MOST)


def digest(path: Path | None) -> str | None:
    """SHA-256 of a file; None of None."""
    if path is None:
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights(genre: Genre = "") -> dict[str, str]:
    """SHA-256 of each network that a conversion uses, by its name, and of adapters of one's own genres."""
    sums = json.loads((models_folder() / CHECKSUMS).read_text(encoding="utf-8"))
    used = {name.partition("/")[0]: value for name, value in sums.items()}
    own = {}
    for name in own_named(genre):
        files = [own_folder() / name / file for file in (ADAPTER, ADAPTER_CONFIG, CARD)]
        own[f"genre {name}"] = " ".join(str(digest(file)) for file in files if file.is_file())
    return {name: value for name, value in used.items() if name in NETWORKS} | own


def _from_json(value):
    """A genre or mood as the pipeline takes it: JSON has lists where there were pairs."""
    if isinstance(value, list) and value and all(isinstance(one, list) for one in value):
        return [(place, _from_json(one)) for place, one in value]
    return tuple(value) if isinstance(value, list) else value


# What is written beside a conversion: the notes heard as MIDI and as a score, the settings that make it
# again, and the voice and the band apart.

KINDS = ("mid", "musicxml", "json")
STEMS = ("voice", "band")
TUNE = " (tune).musicxml"  # what was invented, or read from a page
#: What may lie beside a result: what comes behind the stem of its name.
FAMILY = (*FORMATS, *(f".{kind}" for kind in KINDS), *(f" {name}.wav" for name in STEMS), TUNE)
PIANO = 0  # in General MIDI


def beside(path: str | Path, kinds: Sequence[str] = KINDS) -> dict[str, Path]:
    """Names of the files that belong to a recording: {kind: path}."""
    return {kind: Path(path).with_suffix(f".{choose('export', kind, KINDS)}") for kind in kinds}


def export(
    result: Conversion, path: str | Path, settings: Settings, kinds: Sequence[str] = KINDS
) -> list[Path]:
    """Write files beside a converted recording.

    Parameters
    ----------
    result : Conversion
    path : str or pathlib.Path
        The recording, such as "song (jazz).mp3"; it need not be there yet.
    settings : Settings
        With which the result was made.
    kinds : sequence of {"mid", "musicxml", "json"}
        "mid": the notes heard, in General MIDI, in time with the recording. "musicxml": the tune as a score.
        "json": all settings, checksums and measured numbers.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    UserError
        If there is no such kind, or a file can't be written.
    """
    files = beside(path, kinds)
    if set(kinds) - {"json"}:
        # These load music21, which a plain conversion does without.
        title = readable(PureWindowsPath(settings.source).stem or Path(path).stem)
        sheet = hear_lead(result.piano_roll, title)
    for kind, file in files.items():
        if kind == "json":
            write_record(describe(result, Path(path), settings), file)
        elif kind == "mid":
            with whole(file) as unfinished:
                write_midi(result.piano_roll, unfinished, sheet.tempo)
        else:
            sheet.save(file)
    return list(files.values())


def write_record(record: dict, path: Path) -> None:
    """Write what `describe` gives as a JSON file."""
    write_whole(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def stem_paths(path: str | Path, kind: str = "wav") -> dict[str, Path]:
    """Names of the files with the voice and the band of a recording: {"voice": path, "band": path}."""
    path = Path(path)
    return {name: path.with_name(f"{path.stem} {name}.{kind}") for name in STEMS}


def write_stems(result: Conversion, path: str | Path) -> list[Path]:
    """Write the voice and the band of a conversion beside it, each as a stereo wav of floating-point samples.

    Together they are the result, sample by sample, but for its limiter.

    Parameters
    ----------
    result : Conversion
        Its `stems`; where it keeps no voice, nothing is written.
    path : str or pathlib.Path
        The recording, such as "song (jazz).mp3".

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    UserError
        If a file can't be written.
    """
    files = stem_paths(path)
    for name, samples in result.stems.items():
        with whole(files[name]) as unfinished:
            soundfile.write(unfinished, samples, result.sample_rate, "FLOAT")
    return [files[name] for name in result.stems]


def write_midi(roll: PianoRoll, path: Path, tempo: float) -> None:
    """Write the notes heard as MIDI: a track with the tune, one with all others; `tempo` in beats a
    minute."""
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(initial_tempo=tempo)
    for name, notes in (("tune", roll.melody_notes()), ("other notes", roll.accompaniment(same=0.05))):
        track = pretty_midi.Instrument(PIANO, name=name)
        track.notes = [pretty_midi.Note(one.velocity, one.pitch, one.start, one.end) for one in notes]
        midi.instruments.append(track)
    midi.write(str(path))
