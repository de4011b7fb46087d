"""The data set that the arranger plays: recordings whose tune, genre, mood and notes are known."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from noteninja_lib import __version__, data_folder
from noteninja_lib.arranger.arranger import arrange
from noteninja_lib.arranger.performance import Note, pattern_metre
from noteninja_lib.arranger.recipe import GENRES, load_recipe, style_vector
from noteninja_lib.arranger.stage import RING
from noteninja_lib.arranger.synthesis import default_soundfont, render
from noteninja_lib.arranger.vocals import octave, singer
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.cluster import executor
from noteninja_lib.datasets.base import (
    DataSet,
    Problem,
    Recording,
    Tell,
    require_folder,
)
from noteninja_lib.errors import UserError, make_folder, whole, write_whole
from noteninja_lib.music.tunes import Tune, find_tune, load_tunes

SPLITS = ("train", "validation", "test")
HELD_OUT = 0.1  # share of the tune families for validation, and for test, in a set of training tunes
KEYS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True)
class Clip(Recording):
    """One recording of a synthetic set: a line of the manifest. Old ones do not have all from `key` on."""

    tune: str
    soundfont: str
    group: int  # clips of one group are the same tune, in step
    tempo: float  # felt beats a minute
    swing: float  # 0 straight to 1 triplets
    valence: float  # mood, -1..1
    arousal: float
    transpose: int  # semitones
    seed: int
    melody: list  # (start, end, pitch) of each note that sounds, in seconds and MIDI pitches
    others: list
    beats: list  # times of the felt beats in seconds
    key: str = ""  # as it sounds, such as "D minor"
    metre: str = ""
    intro: int = 0  # bars before the tune begins
    ending: bool = False  # whether the piece closes with an ending
    seconds: float = 0.0  # length of the recording
    sung: str = ""  # who sings the lead, "female" or "male"; "" where it is played
    octave: int = 0  # semitones from the melody to what is sung: a multiple of 12

    def style(self) -> np.ndarray:
        """Style vector: the genre as one of ten, valence, arousal."""
        return style_vector(self.genre, self.valence, self.arousal)

    def notes(self, which: str = "melody") -> list[Note]:
        """The notes of the `melody`, or the `others`."""
        return [Note(start, end, pitch, 90) for start, end, pitch in getattr(self, which)]


def read_manifest(path: Path) -> tuple[list[Clip], int]:
    """Clips of a manifest, and the number of lines that are not whole."""
    known, clips, broken = {field.name for field in fields(Clip)}, [], 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            clips.append(Clip(**{key: value for key, value in json.loads(line).items() if key in known}))
        except (ValueError, TypeError, AttributeError, RecursionError):
            broken += 1
    return clips, broken


class SyntheticSet(DataSet):
    """A data set that `build` rendered, also one that is not finished, or that several jobs made.

    Parameters
    ----------
    root : path
    tell : callable or None
        Is given one line if recordings are missing; None keeps silent.
    """

    has_scores = True

    def __init__(self, root: str | Path, tell: Tell = print):
        root = require_folder(root)
        manifests = sorted(root.glob("manifest*.jsonl"))
        if not manifests:
            advice = f"make one with `noteninja dataset build --out {root}`"
            raise UserError(f"{root} holds no data set: {advice}.")
        problems, clips = [], {}
        for manifest in manifests:
            found, broken = read_manifest(manifest)
            clips |= {clip.file: clip for clip in found}
            if broken:
                problems.append(Problem(manifest.name, "corrupt", f"{broken} of its lines cannot be read"))
        absent = [file for file in clips if not (root / file).is_file()]
        why = "the manifest names it, but there is no such file"
        problems += [Problem(file, "missing", why) for file in absent]
        there = [clip for file, clip in clips.items() if file not in set(absent)]
        super().__init__(root, sorted(there, key=lambda clip: clip.group), problems, tell)

    def _read(self, path):
        samples, rate = soundfile.read(path, dtype="float32")
        as_built = rate == SAMPLE_RATE and samples.ndim == 1
        return samples if as_built else super()._read(path)

    def _unread(self):
        return {clip.file: max(1.0, clip.seconds - 0.05) for clip in self.index}

    def pairs(self) -> list[tuple[int, int]]:
        """(source, target) for training: the same tune in two genres.

        Targets have the soundfont that most clips have, so that the converter has one set of instruments, and
        nobody sings in them: the converter leaves that to singers.
        """
        groups = {}
        for number, clip in enumerate(self.index):
            groups.setdefault(clip.group, []).append(number)
        font = Counter(clip.soundfont for clip in self.index).most_common(1)[0][0]
        return [
            (source, target)
            for group in groups.values()
            for target in group
            for source in group
            if self.index[target].soundfont == font and not self.index[target].sung
            if source != target or len(group) == 1
        ]

    def _tunes(self):
        """(split, family) of each clip's tune."""
        known = {tune.name: (tune.split, tune.family) for tune in load_tunes()}
        return [known.get(clip.tune, ("train", clip.tune)) for clip in self.index]

    def splits(self) -> dict[str, list[int]]:
        """Numbers of the clips for train, validation and test; no tune family lies in two of them.

        Clips have the split of their tune. Where all tunes are for training, a tenth of their families (at
        least one, where there are three) goes to validation, a tenth to test: which, a hash of the family's
        name decides.
        """
        tunes = self._tunes()
        place = {family: split for split, family in tunes}
        if set(place.values()) == {"train"}:
            families = sorted(place, key=lambda name: hashlib.sha256(name.encode()).digest())
            held = max(1, round(HELD_OUT * len(families))) if len(families) >= 3 else 0
            place |= dict.fromkeys(families[:held], "validation")
            place |= dict.fromkeys(families[held : 2 * held], "test")
        return {name: [n for n, (_, one) in enumerate(tunes) if place[one] == name] for name in SPLITS}

    def harmony(self, number: int) -> list[tuple[float, float, int, str]]:
        """The chords of a recording as they are played, see `Performance`; it is arranged once more."""
        clip = self.index[number]
        how = {name: getattr(clip, name) for name in ("tempo", "swing", "transpose", "intro", "ending")}
        how |= {
            "valence": clip.valence,
            "arousal": clip.arousal,
            "duration": clip.seconds,
            "sung": bool(clip.sung),
        }
        return arrange(find_tune(clip.tune), load_recipe(clip.genre), clip.seed, **how).harmony

    def training(self) -> list[int]:
        """Numbers of the clips that a network may learn from: those of training tunes."""
        return [number for number, (split, _) in enumerate(self._tunes()) if split == "train"]

    def summary(self) -> str:
        """A few lines of text: how much of what there is."""
        if not len(self):
            return super().summary()
        clips, families = self.index, {family for _, family in self._tunes()}
        tempos, metres = [clip.tempo for clip in clips], sorted({clip.metre or "?" for clip in clips})
        moods = np.mean([bool(clip.valence or clip.arousal) for clip in clips])
        intros, endings = np.mean([(clip.intro > 0, clip.ending) for clip in clips], axis=0)
        return (
            f"{super().summary()}\n"
            f"tunes: {len({clip.tune for clip in clips})} of {len(families)} families, "
            f"tempo {min(tempos):.0f} to {max(tempos):.0f}, metres {', '.join(metres)}\n"
            f"soundfonts: {', '.join(sorted({clip.soundfont for clip in clips}))}; "
            f"with a mood: {moods:.0%}, intro: {intros:.0%}, ending: {endings:.0%}"
        )


# Rendering: the same tunes in several genres, in step with each other, so each recording is the known right
# answer to "this tune in that genre". The files lie as in GTZAN: `genres/jazz/jazz.00012.wav`, 22,050 Hz,
# mono, or where the vocoder is to learn from them, 44,100 Hz, stereo. The manifest grows tune by tune, so
# that a build that was stopped can be used, and goes on.


@dataclass
class BuildOptions:
    """What decides how a data set sounds."""

    split: str = "train"  # or "validation" or "test": which tunes are played
    seconds: float = 30.0  # length of each clip
    versions: int = 10  # genres in which each tune is played (1 to 10), drawn by seed
    seed: int = 0
    moods: float = 0.3  # share of the clips whose mood is drawn at random; the others are neutral
    soundfonts: Sequence = ()  # paths; the first plays three quarters of the clips, the others share the rest
    sung: float = 0.0  # share of the clips whose lead is sung
    stereo: bool = False  # two channels at 44,100 Hz in place of one at 22,050

    def __post_init__(self):
        self.seconds, self.moods, self.sung = float(self.seconds), float(self.moods), float(self.sung)
        self.soundfonts = [str(font) for font in self.soundfonts] or [str(default_soundfont())]


def plan_group(index: int, options: BuildOptions) -> tuple[Tune, dict, list]:
    """How a group is to be played: tune, what its clips share, and (genre, mood, soundfont, seed) of each."""
    rng, seconds, fonts = np.random.default_rng((options.seed, index)), options.seconds, options.soundfonts
    tunes = load_tunes(options.split)
    order = np.random.default_rng(options.seed + index // len(tunes)).permutation(len(tunes))
    tune = tunes[order[index % len(tunes)]]
    tempo = float(rng.uniform(70, 170))
    swing = float(rng.choice([0, 0, 0, rng.uniform(0.4, 1)]))
    centre = np.mean([pitch for _, _, pitch in tune.notes])
    low, high = max(-6, round(66 - centre) - 6), min(6, round(76 - centre))
    transpose = int(rng.integers(low, high + 1)) if 60 < centre < 82 else 0
    # Short clips have no room for both: most of a clip is the tune.
    bar = tune.bar / pattern_metre(tune)[1] * 60 / tempo
    intro = min(int(rng.choice(3, p=[0.7, 0.2, 0.1])), int(seconds / 3 / bar))
    ending = bool(rng.random() < 0.15) and seconds >= RING + (intro + 2) * bar
    shared = {"tempo": tempo, "swing": swing, "transpose": transpose, "intro": intro, "ending": ending}
    clips = []
    for number, genre in enumerate(rng.permutation(GENRES)[: options.versions].tolist()):
        mood = rng.uniform(-1, 1, 2) if rng.random() < options.moods else np.zeros(2)
        font = fonts[1 + index % (len(fonts) - 1)] if len(fonts) > 1 and number % 4 == 3 else fonts[0]
        mood = dict(zip(("valence", "arousal"), mood.tolist()))
        clips.append((genre, mood, font, index * 100 + number + options.seed))
    return tune, shared, clips


def render_group(index: int, folder: Path, options: BuildOptions) -> list[Clip]:
    """Render one group; returns its manifest lines. Files that are there already are kept."""
    clips = []
    tune, shared, own = plan_group(index, options)
    key = f"{KEYS[(tune.tonic + shared['transpose']) % 12]} {tune.mode}"
    # Draws of their own, so that all else is as it would be without singers.
    draws = np.random.default_rng((options.seed, index, 1)).random(len(own))
    for (genre, mood, font, seed), draw in zip(own, draws.tolist()):
        how = {"duration": options.seconds, "sung": draw < options.sung}
        played = arrange(tune, load_recipe(genre), seed, **how, **shared, **mood)
        path = folder / "genres" / genre / f"{genre}.{index:05d}.wav"
        if not path.exists():
            rate = STEREO_RATE if options.stereo else SAMPLE_RATE
            sound = render(played, font, stereo=options.stereo)
            make_folder(path.parent)
            with whole(path) as fresh:
                soundfile.write(fresh, sound, rate, subtype="PCM_16", format="WAV")
        parts = [part for part in played.parts if part.name != "melody" and not part.is_drum]
        others = [note for part in parts for note in part.notes]
        sounding = {"melody": _triples(played.melody), "others": _triples(others)}
        sounding["beats"] = [round(float(beat), 4) for beat in played.beats]
        names = {"file": path.relative_to(folder).as_posix(), "genre": genre, "soundfont": Path(font).name}
        names |= {"tune": tune.name, "group": index, "key": key, "metre": tune.metre}
        if how["sung"]:
            names |= {"sung": singer(seed).name, "octave": octave(played.melody, seed)}
        clips.append(Clip(**names, **shared, **mood, **sounding, seed=seed, seconds=options.seconds))
    return clips


def _triples(notes):
    return [[round(note.start, 4), round(note.end, 4), int(note.pitch)] for note in notes]


def fingerprint() -> str:
    """Changes when the recipes, the tunes or the version do: then the same seed gives other music."""
    paths = [*(data_folder() / "genres").glob("*.yaml"), *(data_folder() / "tunes").glob("*.jsonl.gz")]
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(paths, key=lambda path: path.name):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _claim(folder, options):
    """Write the options into a new folder; a UserError if it holds a data set made with others."""
    path, fonts = folder / "settings.json", [Path(font).name for font in options.soundfonts]
    settings = asdict(options) | {"soundfonts": fonts, "recipes": fingerprint()}
    if not path.exists() and not any(folder.glob("manifest*.jsonl")):
        write_whole(path, json.dumps(settings, indent=1) + "\n")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    before = {"sung": 0.0, "stereo": False} | before  # sets from before there were singers, or two channels
    for name, value in settings.items():
        if before.get(name) != value:
            raise UserError(
                f"{folder} holds a data set that was made with other settings ({name}: "
                f"{before.get(name, 'unknown')}, not {value}): choose another folder."
            )


def _check(folder, hours, options):
    """Make the folder; a UserError for what would go wrong later."""
    if not 1 <= options.versions <= len(GENRES):
        raise UserError(f"versions is {options.versions}, but must lie between 1 and {len(GENRES)}.")
    if hours <= 0 or options.seconds < 3:
        raise UserError("The hours must be more than 0, and the seconds of a clip at least 3.")
    if not 0 <= options.sung <= 1:
        raise UserError(f"sung is {options.sung:g}, but must lie between 0 and 1.")
    load_tunes(options.split)
    for font in options.soundfonts:
        if not Path(font).is_file():
            raise UserError(f"There is no SoundFont at {font}: give the path of an .sf2 or .sf3 file.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"{folder} may not be written to: choose another folder.")
    there = sum(path.stat().st_size for path in folder.glob("genres/*/[!.]*.wav"))
    samples = 2 * STEREO_RATE if options.stereo else SAMPLE_RATE  # a second
    needed, free = hours * 3600 * samples * 2 * 1.05 - there, shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{hours:g} hours of sound need {needed / 1e9:.1f} GB more, and the disk of {folder} has "
            f"{free / 1e9:.1f} GB left: choose fewer hours or another folder."
        )


def build(folder: str | Path, hours: float, *, workers: int = 1, **options) -> Iterator[tuple[int, int]]:
    """Render a data set; a generator, so that the caller can show progress or stop.

    Started again with the same settings, or for more hours, it carries on where it was stopped. The same
    arguments give the same bytes on one machine, and in one process or in several.

    Parameters
    ----------
    folder : path
    hours : float
        Hours of sound.
    workers : int
        Processes; see `cluster.executor`.
    **options
        See `BuildOptions`.

    Yields
    ------
    (int, int)
        Groups done, groups in all.

    Raises
    ------
    UserError
        An argument is out of range, a soundfont missing, the disk too small, or the folder holds another data
        set.
    """
    folder, options = Path(folder).resolve(), BuildOptions(**options)
    _check(folder, hours, options)
    _claim(folder, options)
    groups = range(max(1, round(hours * 3600 / options.seconds / options.versions)))
    manifest = folder / "manifest.jsonl"
    done = _finished(manifest, options.versions)
    write_whole(manifest, _lines(done.values()))
    todo = [group for group in groups if group not in done]
    yield len(groups) - len(todo), len(groups)
    work = partial(render_group, folder=folder, options=options)
    with open(manifest, "a", encoding="utf-8") as file, executor(workers) as pool:
        for number, clips in enumerate(pool.map(work, todo), len(groups) - len(todo) + 1):
            file.write(_lines([clips]))
            file.flush()
            yield number, len(groups)
    done = _finished(manifest, options.versions)
    write_whole(manifest, _lines(done[group] for group in sorted(done)))


def _lines(groups):
    return "".join(json.dumps(asdict(clip)) + "\n" for clips in groups for clip in clips)


def _finished(manifest, versions):
    """Groups of a manifest of which all clips are there: number to clips."""
    groups = {}
    for clip in read_manifest(manifest)[0] if manifest.exists() else []:
        if (manifest.parent / clip.file).is_file():
            groups.setdefault(clip.group, {})[clip.file] = clip
    return {group: list(clips.values()) for group, clips in groups.items() if len(clips) == versions}
