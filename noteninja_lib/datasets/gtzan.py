"""The real GTZAN, where a user brings it: ten genres, 100 excerpts of 30 s each (Tzanetakis and Cook 2002).

Nothing is downloaded. The folder may be the one that holds `genres/` or `genres_original/`, that folder
itself, or one with all files side by side. Copies go round whose excerpts were cut to 15 or 20 seconds.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import torch
import yaml
from torch.nn import functional

from noteninja_lib import data_folder
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio.io import SAMPLE_RATE
from noteninja_lib.audio.spectrogram import HOP_LENGTH, log_mel
from noteninja_lib.datasets.base import DataSet, Problem, Recording, Tell, find_problems, require_folder
from noteninja_lib.errors import UserError

WHOLE, SHORTEST = (
    29.0,
    5.0,
)  # seconds; GTZAN's excerpts are 29.9 to 30.7 s long, and what is cut is of use, too
EXCERPTS = 100  # of each genre
ENDINGS = (".wav", ".au", ".flac", ".mp3")  # the first is taken where an excerpt is there twice
PLACES = ("", "genres", "genres_original", "Data/genres_original")
LISTS = {"train": "train_filtered.txt", "validation": "valid_filtered.txt", "test": "test_filtered.txt"}
SHARES = {"train": 0.5, "validation": 0.2, "test": 0.3}
FAULTS = """GTZAN has faults that were found ten years after it had become the measure of the field:
- 50 excerpts are exact repetitions of others, one of them in two genres; 22 more are from the same recording,
  13 are other versions of the same piece.
- 43 labels are conspicuously wrong, 63 more can be argued about.
- Few artists: 35 reggae excerpts are Bob Marley, 24 pop excerpts are Britney Spears. Split at random, a
  network can learn the artist, or the album's sound, and be praised for knowing the genre.
- Some excerpts are distorted; in one, all but 5 seconds are useless. In a widespread copy jazz.00054 cannot
  be read.
So the default split keeps each artist in one part and leaves out 70 faulty excerpts (443, 197 and 290
remain).
Sturm 2012, doi 10.1145/2390848.2390851; Sturm 2013, arXiv 1306.1461; Kereliuk, Sturm and Larsen
2015, arXiv 1507.04761."""


class Excerpt(Recording):
    """An entry of GTZAN's index: `file` and `genre`."""

    @property
    def name(self) -> str:
        """As the literature names it, such as "hiphop.00012"."""
        return f"{self.genre}.{self.file.split('.')[-2]}"


def genre_of(name: str) -> str | None:
    """Genre that a folder's name means ("hip-hop", "Jazz"), or None."""
    plain = re.sub(r"[-_ ]", "", name.lower())
    return plain if plain in GENRES else None


def key_of(path: Path) -> tuple[str, str] | None:
    """Genre and number ("00012") of an excerpt, by its file's name; None if it is none."""
    match = re.fullmatch(r"([A-Za-z_-]+)\.(\d{5})(\.\w+)", path.name)
    genre = genre_of(match[1]) if match and match[3].lower() in ENDINGS else None
    return (genre, match[2]) if match and genre else None


def find_genres(root: Path) -> dict[str, Path]:
    """Folders of the genres in a GTZAN tree (all files may lie in one); empty if `root` is none."""
    for place in PLACES:
        if not (root / place).is_dir():
            continue
        paths = sorted((root / place).iterdir())
        found = {genre_of(path.name): path for path in paths if path.is_dir()}
        found |= {key[0]: root / place for key in map(key_of, paths) if key}
        if any(found):
            return {genre: found[genre] for genre in GENRES if genre in found}
    return {}


def find_excerpts(folders: dict[str, Path]) -> dict[tuple[str, str], Path]:
    """Files of the excerpts, by genre and number ("00012"); where there are two, that of the first ending."""
    found = {}
    for genre, folder in folders.items():
        for path in sorted(folder.iterdir()):
            key = key_of(path)
            if key and key[0] == genre:
                found.setdefault(key, []).append(path)
    return {key: min(same, key=lambda one: ENDINGS.index(one.suffix.lower())) for key, same in found.items()}


@lru_cache(maxsize=1)
def published_split() -> dict[str, frozenset[str]]:
    """Names of the 443, 197 and 290 excerpts of the split by artists (Kereliuk, Sturm and Larsen 2015)."""
    parts = yaml.safe_load((data_folder() / "gtzan_split.yaml").read_text(encoding="utf-8"))
    for part, genres in parts.items():
        ranges = [(genre, *text.partition("-")) for genre, texts in genres.items() for text in texts.split()]
        numbers = [(genre, range(int(first), int(last or first) + 1)) for genre, first, _, last in ranges]
        parts[part] = frozenset(f"{genre}.{number:05d}" for genre, some in numbers for number in some)
    return parts


def read_list(path: Path) -> frozenset[str]:
    """Names in a split list: lines such as `blues/blues.00029.au`, or excerpts counted from 1 to 1000."""
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
                f"{path} holds {line[:40]!r}, which names no excerpt: lines must be like "
                "blues/blues.00029.au."
            )
    return frozenset(names)


def find_lists(folders: list[Path]) -> tuple[str, dict[str, frozenset[str]]]:
    """Whose split it is, and the split: the user's lists if a folder has all three, else the published."""
    for folder in folders:
        paths = {part: folder / name for part, name in LISTS.items()}
        if all(path.is_file() for path in paths.values()):
            parts = {part: read_list(path) for part, path in paths.items()}
            if sum(map(len, parts.values())) != len(frozenset().union(*parts.values())):
                raise UserError(f"The lists in {folder} name an excerpt in more than one part of the split.")
            return f"the lists in {folder}", parts
    return "Kereliuk, Sturm and Larsen 2015", published_split()


class GTZAN(DataSet):
    """GTZAN in a folder, without the files that cannot be used.

    Parameters
    ----------
    root : path
        Holds `genres/`, `genres_original/`, the folders of the genres, or the excerpts themselves; .wav, .au,
        .flac or .mp3.
    shortest : float
        Seconds; shorter recordings are left out.
    tell : callable or None
        Is given one line if something is left out, and one if excerpts were cut; None keeps silent.

    Raises
    ------
    UserError
        If this is no GTZAN, or nothing of it can be used.
    """

    def __init__(self, root: str | Path, shortest: float = SHORTEST, tell: Tell = print):
        root = require_folder(root)
        folders = find_genres(root)
        if not folders:
            raise UserError(
                f"{root} holds no GTZAN: it must hold genres/ or genres_original/, with the folders blues, "
                f"classical, country and so on inside, or the files blues.00000.wav and so on."
            )
        excerpts = find_excerpts(folders)
        files = {path.relative_to(root).as_posix(): genre for (genre, _), path in excerpts.items()}
        problems = find_problems(root, dict.fromkeys(files, shortest))
        faulty = {problem.file for problem in problems}
        absent = [genre for genre in GENRES if genre not in folders]
        problems += [Problem(genre, "missing", "there is no folder of this genre") for genre in absent]
        names = [(genre, f"{number:05d}") for genre in folders for number in range(EXCERPTS)]
        absent = [".".join(name) for name in names if name not in excerpts]
        problems += [Problem(name, "missing", "there is no such file") for name in absent]
        inside = next(iter(folders.values()))
        self.lists, self._parts = find_lists([root, inside, inside.parent, inside.parent.parent])
        index = [Excerpt(file, genre) for file, genre in files.items() if file not in faulty]
        super().__init__(root, index, problems, tell)
        lengths = [soundfile.info(self.path(number)).duration for number in range(len(self))]
        cut = [length for length in lengths if length < WHOLE]
        if cut and tell:
            least = f"from {min(cut):.0f} s on"
            tell(f"{len(cut)} excerpts are shorter than the usual 30 s, {least}: all are used.")

    def splits(self, kind: str = "artist", seed: int = 0) -> dict[str, list[int]]:
        """Numbers of the excerpts for train, validation and test.

        Parameters
        ----------
        kind : {'artist', 'random'}
            'artist': no artist lies in two parts, and faulty excerpts in none; 443, 197 and 290 of the
            complete GTZAN. 'random': half, a fifth and three tenths of each genre, drawn by seed. Artists and
            even repetitions of the same recording lie on both sides of it, so what is measured on it is too
            good: it is here to show that.
        """
        if kind == "artist":
            names = [excerpt.name for excerpt in self.index]
            return {part: [n for n, name in enumerate(names) if name in self._parts[part]] for part in SHARES}
        if kind != "random":
            raise UserError(f"There is no split {kind!r}: choose artist or random.")
        parts, rng = {part: [] for part in SHARES}, np.random.default_rng(seed)
        for genre in GENRES:
            numbers = rng.permutation([n for n, label in enumerate(self.labels) if label == genre])
            borders = np.rint(np.cumsum(list(SHARES.values())) * len(numbers)).astype(int)
            for part, chosen in zip(SHARES, np.split(numbers, borders[:-1])):
                parts[part] += sorted(map(int, chosen))
        return parts

    @staticmethod
    def faults() -> str:
        """What is known to be wrong with GTZAN itself (Sturm 2012, 2013)."""
        return FAULTS

    def summary(self) -> str:
        """A few lines of text: how much of what there is."""
        return f"{super().summary()} (from {self.lists}; no artist in two of them)"


# Finding recordings that occur twice in a data set, also shifted in time, louder or coded differently.

STEP = 8  # spectrogram frames averaged into one column of a fingerprint: about 11 a second
BANDS = 24
RATE = SAMPLE_RATE / HOP_LENGTH / STEP


@dataclass(frozen=True)
class Repetition:
    """Recordings `first` and `second` (numbers) hold the same sound.

    `second` begins `shift` seconds after `first`; `likeness` is the correlation of what they share, up to 1.
    """

    first: int
    second: int
    shift: float
    likeness: float


def fingerprint_of(audio: np.ndarray) -> np.ndarray:
    """How the strength of 24 bands of frequency moves: shape (24, columns), float32.

    The mean of each band is taken away and each is brought to the same size, so that gain and tone do not
    count.
    """
    mel = log_mel(audio).reshape(BANDS, -1, len(audio) // HOP_LENGTH).mean(1)
    columns = mel.shape[1] // STEP
    mel = mel[:, : columns * STEP].reshape(BANDS, columns, STEP).mean(2)
    # Neighbours are mixed, as columns of two recordings seldom begin at the same instant.
    mel[:, 1:-1] = mel[:, 1:-1] / 2 + (mel[:, :-2] + mel[:, 2:]) / 4
    mel = mel - mel.mean(1, keepdims=True)
    return (mel / (mel.std(1, keepdims=True) + 0.1)).astype(np.float32)


def find_repetitions(
    data: DataSet, likeness: float = 0.85, longest_shift: float = 10.0, shortest: float = 2.0
) -> list[Repetition]:
    """Pairs of recordings that share sound.

    Each recording is laid over each other at every shift and the fingerprints are correlated where they
    overlap; for all pairs at one shift that is one product of matrices. The likest come first.

    Parameters
    ----------
    data : DataSet
    likeness : float
        Correlation from which on it counts as the same sound.
    longest_shift, shortest : float
        Seconds; the most by which they may be shifted, and the least that they must have in common.
    """
    if not len(data):
        return []
    prints = [torch.from_numpy(fingerprint_of(data.audio(number))) for number in range(len(data))]
    lengths = torch.tensor([one.shape[1] for one in prints])
    columns = int(lengths.max())
    stack = torch.stack([functional.pad(one, (0, columns - one.shape[1])) for one in prints])
    present, power = (torch.arange(columns) < lengths[:, None]).float(), (stack**2).sum(1)
    best, shift_of = torch.full((len(prints), len(prints)), -1.0), torch.zeros(len(prints), len(prints))
    for shift in range(min(round(longest_shift * RATE), max(0, columns - round(shortest * RATE))) + 1):
        # The end of the first lies upon the beginning of the second.
        late, early = slice(shift, None), slice(0, columns - shift)
        here, there = present[:, late], present[:, early]
        product = stack[..., late].flatten(1) @ stack[..., early].flatten(1).T
        norm = (power[:, late] @ there.T) * (here @ power[:, early].T)
        alike = product / norm.sqrt().clamp(min=1e-6)
        alike[here @ there.T < shortest * RATE - 1] = -1
        better = alike > best
        best[better], shift_of[better] = alike[better], shift / RATE
    likelier = (best > best.T) | (best == best.T).triu(1)  # of the two orders of a pair
    pairs = torch.nonzero((best >= likeness) & likelier).tolist()
    found = [Repetition(a, b, round(float(shift_of[a, b]), 2), float(best[a, b])) for a, b in pairs]
    return sorted(found, key=lambda one: -one.likeness)
