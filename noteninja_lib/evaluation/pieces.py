"""Test tunes, played by the band in all ten genres in step: the sources, and the known right answers."""
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .. import fast_mode
from ..dataset import open_dataset
from ..music.band import arrange
from ..music.genres import GENRES, load_recipe
from ..music.synthesis import render
from ..music.theory import load_tunes
from ..sound.audio import SAMPLE_RATE

SECONDS = 6.0 if fast_mode() else 10.0


@dataclass
class Piece:
    """A test tune, recorded in all ten genres in step.

    Attributes
    ----------
    number : int
        Of the tune in its split.
    source : str
        Genre of the recording that is converted.
    melody : list of Note or None
        The known score, where there is one.
    recordings : dict of genre to numpy.ndarray
        All ten, or the source alone.
    replay : callable
        Genre to one more recording by the same band: another take, by another seed.
    tempo : float or None
        Felt beats a minute, where they are known.
    """
    number: int
    source: str
    melody: list
    recordings: dict
    replay: callable = None
    tempo: float = None


def make_piece(number, seed=0, split="test", soundfont=None, other_soundfont=None, *, alone=False):
    """One tune as the band plays it; the other soundfont plays the other takes.

    Parameters
    ----------
    number : int
        Of the tune in the split.
    seed : int
    split : {'train', 'validation', 'test'}
    soundfont, other_soundfont : path, optional
        TimGM6mb by default, which no network is trained on.
    alone : bool
        Only the source is recorded, which takes a tenth of the time.

    Returns
    -------
    Piece
    """
    rng, tune = np.random.default_rng((seed, number)), load_tunes(split)[number]
    shared = {"tempo": float(rng.uniform(80, 160)), "swing": float(rng.choice([0, 0, rng.uniform(0.4, 1)])), "duration": SECONDS,
              "intro": 0, "ending": False}
    played = {genre: arrange(tune, load_recipe(genre), int(rng.integers(1e6)), **shared) for genre in GENRES}

    def replay(genre):
        return render(arrange(tune, load_recipe(genre), int(1e6) + number, **shared), other_soundfont)
    melody = [note for note in played["jazz"].melody if note.end < SECONDS]
    source = str(rng.choice(GENRES))
    recordings = {genre: render(one, soundfont) for genre, one in played.items() if genre == source or not alone}
    return Piece(number, source, melody, recordings, replay, shared["tempo"])


def choose_targets(piece, count, seed=0):
    """`count` genres to convert a piece to, other than its own, drawn by seed."""
    others = [genre for genre in GENRES if genre != piece.source]
    return [str(genre) for genre in np.random.default_rng((seed, piece.number, 1)).choice(others, count, replace=False)]


@lru_cache(maxsize=1)
def opened(root):
    """A data set, opened once in a process, which takes a while for a large one."""
    return open_dataset(root, tell=None)


def found_piece(root, number):
    """A recording of a data set of real music, cut to length: no score is known, and no right answer."""
    data = opened(root)
    return Piece(number, data.labels[number], None, {data.labels[number]: data.audio(number)[:int(SECONDS * SAMPLE_RATE)]})


def choose_tunes(count, seed=0, split="test"):
    """Numbers of `count` tunes of a split, drawn by seed."""
    return [int(number) for number in np.random.default_rng(seed).permutation(len(load_tunes(split)))[:count]]


def pieces(count, seed=0, split="test", soundfont=None, other_soundfont=None):
    """Tunes as the band plays them; a generator of `Piece`."""
    for number in choose_tunes(count, seed, split):
        yield make_piece(number, seed, split, soundfont, other_soundfont)
