"""The band's data set: recordings whose tune, genre, mood and notes are known."""
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
import soundfile

from ..errors import UserError
from ..music.performance import Note
from ..music.genres import style_vector
from ..music.theory import load_tunes
from ..sound.audio import SAMPLE_RATE
from .common import WHOLE, DataSet, Problem, Recording, Report, inspect, require_folder

SPLITS = ("train", "validation", "test")
HELD_OUT = 0.1                   # share of the tune families for validation, and for test, in a set of training tunes


@dataclass(frozen=True)
class Clip(Recording):
    """One recording of the band: a line of the manifest.

    Attributes
    ----------
    file, genre, tune, soundfont : str
    group : int
        Clips of one group are the same tune, in step.
    tempo, swing, valence, arousal : float
        Felt beats a minute; 0 straight to 1 triplets; mood in -1..1.
    transpose, seed : int
    melody, others : list of (start, end, pitch)
        The notes that sound, in seconds and MIDI pitches.
    beats : list of float
        Times of the felt beats in seconds.
    key, metre : str
        As it sounds, such as "D minor" and "6/8"; empty where an older manifest does not say.
    intro : int
        Bars before the tune begins.
    ending : bool
        Whether the piece closes with an ending.
    seconds : float
        Length of the recording.
    """
    tune: str
    soundfont: str
    group: int
    tempo: float
    swing: float
    valence: float
    arousal: float
    transpose: int
    seed: int
    melody: list
    others: list
    beats: list
    key: str = ""
    metre: str = ""
    intro: int = 0
    ending: bool = False
    seconds: float = 0.0

    def style(self):
        """Style vector: the genre as one of ten, valence, arousal."""
        return style_vector(self.genre, self.valence, self.arousal)

    def notes(self, which="melody"):
        """`melody` or `others` as a list of `Note`."""
        return [Note(start, end, pitch, 90) for start, end, pitch in getattr(self, which)]


def read_manifest(path):
    """Clips of a manifest, and the number of lines that are not whole."""
    known, clips, broken = {field.name for field in fields(Clip)}, [], 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            clips.append(Clip(**{key: value for key, value in json.loads(line).items() if key in known}))
        except (ValueError, TypeError, AttributeError):
            broken += 1
    return clips, broken


class BandSet(DataSet):
    """A data set that `build` rendered, also one that is not finished, or that several jobs made.

    Parameters
    ----------
    root : path
    tell : callable or None
        Is given one line if recordings are missing; None keeps silent.

    Attributes
    ----------
    index : list of Clip
    """
    has_scores = True

    def __init__(self, root, tell=print):
        root = require_folder(root)
        manifests = sorted(root.glob("manifest*.jsonl"))
        if not manifests:
            raise UserError(f"{root} holds no data set: make one with `noteninja dataset build --out {root}`.")
        self.problems, clips = [], {}
        for manifest in manifests:
            found, broken = read_manifest(manifest)
            clips |= {clip.file: clip for clip in found}
            if broken:
                self.problems.append(Problem(manifest.name, "corrupt", f"{broken} of its lines cannot be read"))
        self.problems += [Problem(file, "missing", "the manifest names it, but there is no such file")
                          for file in clips if not (root / file).is_file()]
        absent = {problem.file for problem in self.problems}
        super().__init__(root, sorted((c for c in clips.values() if c.file not in absent), key=lambda c: c.group))
        if self.problems and tell:
            tell(Report(len(self), self.problems).line())

    @property
    def clips(self):
        """The index."""
        return self.index

    def audio(self, number):
        """Sound of a clip: float32, mono, 22,050 Hz, cut to whole columns of the latents."""
        samples, rate = soundfile.read(self.path(number), dtype="float32")
        if rate != SAMPLE_RATE or samples.ndim != 1:          # not as the band left it
            return super().audio(number)
        return samples[:len(samples) // WHOLE * WHOLE]

    def validate(self):
        """Read all recordings.

        Returns
        -------
        Report
        """
        with ThreadPoolExecutor(4) as pool:
            faults = list(pool.map(lambda n: inspect(self.path(n), max(1.0, self.index[n].seconds - 0.05)), range(len(self))))
        found = [Problem(clip.file, *fault) for clip, fault in zip(self.index, faults) if fault]
        return Report(len(self) - len(found), self.problems + found)

    def _tunes(self):
        """(split, family) of each clip's tune."""
        known = {tune.name: (tune.split, tune.family) for tune in load_tunes()}
        return [known.get(clip.tune, ("train", clip.tune)) for clip in self.index]

    def splits(self):
        """Numbers of the clips for train, validation and test; no tune family lies in two of them.

        Clips have the split of their tune. Where all tunes are for training, as in a set that was built for it, a tenth
        of their families (at least one, where there are three) goes to validation, a tenth to test, and the rest to
        training: which, is decided by a hash of the family's name.

        Returns
        -------
        dict of str to list of int
        """
        tunes = self._tunes()
        place = {family: split for split, family in tunes}
        if {split for split, _ in tunes} == {"train"}:
            families = sorted(place, key=lambda name: hashlib.sha256(name.encode()).digest())
            held = max(1, round(HELD_OUT * len(families))) if len(families) >= 3 else 0
            place = {family: "validation" if at < held else "test" if at < 2 * held else "train"
                     for at, family in enumerate(families)}
        return {split: [n for n, (_, family) in enumerate(tunes) if place[family] == split] for split in SPLITS}

    def training(self):
        """Numbers of the clips that a network may learn from: those of training tunes."""
        return [number for number, (split, _) in enumerate(self._tunes()) if split == "train"]

    def summary(self):
        """A few lines of text: how much of what there is."""
        if not len(self):
            return super().summary()
        tempos, tunes = [clip.tempo for clip in self.index], self._tunes()
        return "\n".join([
            super().summary(),
            f"tunes: {len({clip.tune for clip in self.index})} of {len({family for _, family in tunes})} families, "
            f"tempo {min(tempos):.0f} to {max(tempos):.0f}, metres {', '.join(sorted({c.metre or '?' for c in self.index}))}",
            f"soundfonts: {', '.join(sorted({clip.soundfont for clip in self.index}))}; "
            f"with a mood: {np.mean([bool(clip.valence or clip.arousal) for clip in self.index]):.0%}, "
            f"intro: {np.mean([clip.intro > 0 for clip in self.index]):.0%}, "
            f"ending: {np.mean([clip.ending for clip in self.index]):.0%}"])
