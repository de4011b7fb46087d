"""The real GTZAN, where a user brings it: ten genres, a hundred excerpts of 30 s each (Tzanetakis and Cook 2002).

Nothing is downloaded. The folder may be the one that holds `genres/` or `genres_original/`, or that folder itself.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import yaml
from tqdm import tqdm

from noteninja_lib import data_folder
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import HOP_LENGTH, log_mel
from noteninja_lib.datasets.base import DataSet, Problem, Recording, Report, inspect, require_folder
from noteninja_lib.errors import UserError

SHORTEST = 29.0  # seconds; GTZAN's excerpts are 29.9 to 30.7 s long
EXCERPTS = 100  # of each genre
ENDINGS = (".wav", ".au", ".flac", ".mp3")  # the first is taken where an excerpt is there twice
PLACES = ("", "genres", "genres_original", "Data/genres_original")
LISTS = {"train": "train_filtered.txt", "validation": "valid_filtered.txt", "test": "test_filtered.txt"}
SHARES = {"train": 0.5, "validation": 0.2, "test": 0.3}
FAULTS = """GTZAN has faults that were found ten years after it had become the measure of the field:
- 50 excerpts are exact repetitions of others, one of them in two genres; 22 more are from the same recording,
  13 are other versions of the same piece.
- 43 labels are conspicuously wrong, 63 more can be argued about.
- Few artists: 35 reggae excerpts are Bob Marley, 24 pop excerpts are Britney Spears. Split at random, a network can
  learn the artist, or the album's sound, and be praised for knowing the genre.
- Some excerpts are distorted; in one, all but 5 seconds are useless. In a widespread copy jazz.00054 cannot be read.
So the default split keeps each artist in one part and leaves out 70 faulty excerpts (443, 197 and 290 remain).
Sturm 2012, doi 10.1145/2390848.2390851; Sturm 2013, arXiv 1306.1461; Kereliuk, Sturm and Larsen 2015, arXiv 1507.04761."""


class Excerpt(Recording):
    """An entry of GTZAN's index: `file` and `genre`."""

    @property
    def name(self):
        """As the literature names it, such as "hiphop.00012"."""
        return f"{self.genre}.{self.file.split('.')[-2]}"


def genre_of(name):
    """Genre that a folder's name means ("hip-hop", "Jazz"), or None."""
    plain = re.sub(r"[-_ ]", "", name.lower())
    return plain if plain in GENRES else None


def find_genres(root):
    """Folders of the genres in a GTZAN tree, as a dict; empty if `root` is none."""
    for place in PLACES:
        if (root / place).is_dir():
            found = {genre_of(path.name): path for path in sorted((root / place).iterdir()) if path.is_dir()}
            found.pop(None, None)
            if found:
                return {genre: found[genre] for genre in GENRES if genre in found}
    return {}


@lru_cache(maxsize=1)
def published_split():
    """Names of the excerpts in each part of the split without artists in common (Kereliuk, Sturm and Larsen 2015).

    Returns
    -------
    dict of str to frozenset of str
        443 names for "train", 197 for "validation", 290 for "test".
    """
    ranges = yaml.safe_load((data_folder() / "gtzan_split.yaml").read_text(encoding="utf-8"))
    parts = {}
    for part, genres in ranges.items():
        names = set()
        for genre, text in genres.items():
            for piece in text.split():
                first, _, last = piece.partition("-")
                names |= {f"{genre}.{number:05d}" for number in range(int(first), int(last or first) + 1)}
        parts[part] = frozenset(names)
    return parts


def read_list(path):
    """Names in a split list: lines such as `blues/blues.00029.au`, or GTZAN's excerpts counted from 1 to 1000."""
    names = set()
    for line in path.read_text(encoding="utf-8", errors="replace").split():
        found = re.search(r"([A-Za-z_-]+)\.(\d{5})", line)
        if found and genre_of(found[1]):
            names.add(f"{genre_of(found[1])}.{found[2]}")
        elif line.isdigit() and 1 <= int(line) <= EXCERPTS * len(GENRES):
            genre, number = divmod(int(line) - 1, EXCERPTS)
            names.add(f"{GENRES[genre]}.{number:05d}")
        else:
            raise UserError(
                f"{path} holds {line[:40]!r}, which names no excerpt: lines must be like blues/blues.00029.au."
            )
    return frozenset(names)


class GTZAN(DataSet):
    """GTZAN in a folder, without the files that cannot be used.

    Parameters
    ----------
    root : path
        Holds `genres/`, `genres_original/` or the folders of the genres; .wav, .au, .flac or .mp3.
    shortest : float
        Seconds; shorter recordings are left out.
    tell : callable or None
        Is given one line if something is left out; None keeps silent.

    Attributes
    ----------
    index : list of Excerpt
    lists : str
        Where the default split comes from.
    """

    def __init__(self, root, shortest=SHORTEST, tell=print):
        root = require_folder(root)
        folders = find_genres(root)
        if not folders:
            raise UserError(
                f"{root} holds no GTZAN: it must hold genres/ or genres_original/, with the folders blues, "
                f"classical, country and so on inside."
            )
        found = {}
        for genre, folder in folders.items():
            for path in sorted(folder.iterdir()):
                match = re.fullmatch(r"([A-Za-z_-]+)\.(\d{5})(\.\w+)", path.name)
                if match and genre_of(match[1]) == genre and match[3].lower() in ENDINGS:
                    found.setdefault((genre, match[2]), []).append(path)
        paths = {
            key: min(same, key=lambda path: ENDINGS.index(path.suffix.lower())) for key, same in found.items()
        }
        with ThreadPoolExecutor(4) as pool:
            faults = list(
                tqdm(
                    pool.map(lambda path: inspect(path, shortest), paths.values()),
                    "reading GTZAN",
                    len(paths),
                    delay=2,
                    leave=False,
                )
            )
        index, self.problems = [], []
        for (genre, _), path, fault in zip(paths, paths.values(), faults):
            file = path.relative_to(root).as_posix()
            if fault:
                self.problems.append(Problem(file, *fault))
            else:
                index.append(Excerpt(file, genre))
        self.problems += self._missing(folders, paths)
        super().__init__(root, index)
        self.lists, self._parts = self._find_lists(next(iter(folders.values())).parent)
        if self.problems and tell:
            tell(self.validate().line())

    @staticmethod
    def _missing(folders, paths):
        absent = [
            Problem(genre, "missing", "there is no folder of this genre")
            for genre in GENRES
            if genre not in folders
        ]
        return absent + [
            Problem(f"{genre}.{number:05d}", "missing", "there is no such file")
            for genre in folders
            for number in range(EXCERPTS)
            if (genre, f"{number:05d}") not in paths
        ]

    def _find_lists(self, genres_folder):
        """The user's own split lists where all three lie beside the data, else the published split."""
        for folder in (self.root, genres_folder, genres_folder.parent):
            paths = {part: folder / name for part, name in LISTS.items()}
            if all(path.is_file() for path in paths.values()):
                parts = {part: read_list(path) for part, path in paths.items()}
                if sum(map(len, parts.values())) != len(frozenset().union(*parts.values())):
                    raise UserError(
                        f"The lists in {folder} name an excerpt in more than one part of the split."
                    )
                return f"the lists in {folder}", parts
        return "Kereliuk, Sturm and Larsen 2015", published_split()

    def splits(self, kind="artist", seed=0):
        """Numbers of the excerpts for train, validation and test.

        Parameters
        ----------
        kind : {'artist', 'random'}
            'artist': no artist lies in two parts, and faulty excerpts in none; 443, 197 and 290 of the complete GTZAN.
            'random': half, a fifth and three tenths of each genre, drawn by seed. Artists and even repetitions of the
            same recording lie on both sides of it, so what is measured on it is too good: it is here to show that.

        Returns
        -------
        dict of str to list of int
        """
        if kind == "artist":
            return {
                part: [n for n, excerpt in enumerate(self.index) if excerpt.name in self._parts[part]]
                for part in SHARES
            }
        if kind != "random":
            raise UserError(f"There is no split {kind!r}: choose artist or random.")
        parts, draw = {part: [] for part in SHARES}, np.random.default_rng(seed)
        for genre in GENRES:
            numbers = draw.permutation([n for n, label in enumerate(self.labels) if label == genre])
            borders = np.rint(np.cumsum(list(SHARES.values())) * len(numbers)).astype(int)
            for part, chosen in zip(SHARES, np.split(numbers, borders[:-1])):
                parts[part] += sorted(map(int, chosen))
        return parts

    def validate(self):
        """What cannot be used, and why; found when the data set was opened.

        Returns
        -------
        Report
        """
        return Report(len(self), list(self.problems))

    @staticmethod
    def faults():
        """What is known to be wrong with GTZAN itself (Sturm 2012, 2013), as text."""
        return FAULTS

    def summary(self):
        """A few lines of text: how much of what there is."""
        return f"{super().summary()} (from {self.lists}; no artist in two of them)"


# Finding recordings that occur twice in a data set, also shifted in time, louder or coded differently.

STEP = 8  # spectrogram columns averaged into one: about 11 a second
BANDS = 24
RATE = SAMPLE_RATE / HOP_LENGTH / STEP


@dataclass(frozen=True)
class Repetition:
    """Recordings `first` and `second` (numbers) hold the same sound.

    `second` begins `shift` seconds after `first`; `likeness` is the correlation of what they have in common, up to 1.
    """

    first: int
    second: int
    shift: float
    likeness: float


def fingerprint_of(audio):
    """How the strength of 24 bands of frequency moves: shape (24, columns), float32.

    The mean of each band is taken away and each is brought to the same size, so that gain and tone do not count.
    """
    mel = log_mel(audio).reshape(BANDS, -1, len(audio) // HOP_LENGTH).mean(1)
    columns = mel.shape[1] // STEP
    mel = mel[:, : columns * STEP].reshape(BANDS, columns, STEP).mean(2)
    mel[:, 1:-1] = (
        mel[:, 1:-1] / 2 + (mel[:, :-2] + mel[:, 2:]) / 4
    )  # columns seldom begin at the same instant
    mel = mel - mel.mean(1, keepdims=True)
    return (mel / (mel.std(1, keepdims=True) + 0.1)).astype(np.float32)


def find_repetitions(data, likeness=0.85, longest_shift=10.0, shortest=2.0):
    """Pairs of recordings that share sound.

    Each recording is laid over each other at every shift and the fingerprints are correlated where they overlap; for
    all pairs at one shift that is one product of matrices.

    Parameters
    ----------
    data : DataSet
    likeness : float
        Correlation from which on it counts as the same sound.
    longest_shift, shortest : float
        Seconds; the most by which they may be shifted, and the least that they must have in common.

    Returns
    -------
    list of Repetition
        Likest first.
    """
    prints = [fingerprint_of(data.audio(number)) for number in range(len(data))]
    columns = max((one.shape[1] for one in prints), default=0)
    stack = torch.zeros(len(prints), BANDS, columns)
    present = torch.zeros(len(prints), 1, columns)
    for number, one in enumerate(prints):
        stack[number, :, : one.shape[1]], present[number, :, : one.shape[1]] = torch.from_numpy(one), 1
    best, shift_of = torch.full((len(prints), len(prints)), -1.0), torch.zeros(len(prints), len(prints))
    for shift in range(min(round(longest_shift * RATE), max(0, columns - round(shortest * RATE))) + 1):
        late, early = (
            slice(shift, None),
            slice(0, columns - shift),
        )  # the first's end upon the second's beginning
        first, second, here, there = (
            stack[..., late],
            stack[..., early],
            present[..., late],
            present[..., early],
        )
        product = first.flatten(1) @ second.flatten(1).T
        norm = ((first**2).sum(1) @ there[:, 0].T) * (here[:, 0] @ (second**2).sum(1).T)
        alike = product / norm.sqrt().clamp(min=1e-6)
        alike[here[:, 0] @ there[:, 0].T < shortest * RATE - 1] = -1
        better = alike > best
        best[better], shift_of[better] = alike[better], shift / RATE
    found = []
    for first, second in zip(*np.nonzero((best >= likeness).numpy())):
        if first != second and (
            best[first, second] > best[second, first]
            or (best[first, second] == best[second, first] and first < second)
        ):
            found.append(
                Repetition(
                    int(first),
                    int(second),
                    round(float(shift_of[first, second]), 2),
                    float(best[first, second]),
                )
            )
    return sorted(found, key=lambda one: -one.likeness)
