"""Genre recipes: how each genre plays a tune, written down as data.

A recipe is a YAML file in ``data/genres``. It holds drum, bass and chord patterns on a step grid
("X...x...X...x...", four steps to a beat), instruments, harmony colours, feel and the mix. Open one,
change it, and the band plays differently. This module loads a recipe and checks every field, so that a
typing mistake gives one sentence and not a strange sound.
"""
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from .. import data_folder
from ..errors import UserError
from .recipes import RecipeChecker

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times faster

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


@dataclass(frozen=True)
class Recipe:
    """How one genre plays: the checked contents of its YAML file.

    Attributes
    ----------
    genre : str
    tempo : tuple of float
        Lowest and highest natural tempo, in beats per minute.
    swing : tuple of float
        Least and most swing: 0 is straight, 1 puts the half beat on the last triplet.
    melody : dict
        ``length`` and ``offbeat`` (part of its written length that a note sounds, on and off the beat),
        ``velocity``, ``accent``, ``swell`` (velocity gained by the middle of a phrase), ``late`` (ms),
        ``grace`` (chance that a long note is led into) and ``grace_from`` (below, slide, above).
    harmony : dict
        Chord quality to a list of interval lists, in semitones above the root.
    drums, bass, chords : dict
        The patterns of each part of the band (`drums` may be empty).
    sets : list of dict
        Line-ups: role to instrument; one is drawn for each performance.
    timing : dict
        Role to (late by, spread), both in milliseconds.
    mix : dict
        ``levels`` in dB relative to the melody, and ``chains`` of effects.
    voice : dict
        ``range`` of a speaking voice's pitch and the rhythms of its syllables (may be empty).
    form : dict
        ``intro`` (bars it may last), ``enter`` (role to the share of the intro after which it enters; a role
        that is not named waits for the tune) and ``ending`` (hold, roll, stop).
    """

    genre: str
    tempo: tuple
    swing: tuple
    melody: dict
    harmony: dict
    drums: dict
    bass: dict
    chords: dict
    sets: list
    timing: dict
    mix: dict
    form: dict
    voice: dict


def list_genres():
    """Names of the genres for which the data folder holds a recipe, sorted."""
    return sorted(path.stem for path in (data_folder() / "genres").glob("*.yaml"))


def load_recipe(name):
    """Load and check a recipe.

    Parameters
    ----------
    name : str or Path
        A genre ("jazz") or the path of a YAML file of your own.

    Returns
    -------
    Recipe

    Raises
    ------
    UserError
        When there is no such recipe, or a field is missing or wrong: it names the file, the field and what is
        allowed.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = data_folder() / "genres" / f"{name}.yaml"
        if not path.exists():
            raise UserError(f"There is no recipe for the genre {str(name)!r}: choose one of "
                            f"{', '.join(GENRES)}, or give the path of a .yaml file.")
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except OSError as error:
        raise UserError(f"The recipe {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(error, "problem_mark", None)
        where = f" near line {line.line + 1}" if line else ""
        raise UserError(f"{path.name} is not valid YAML{where}: check indentation, quotes and brackets "
                        f"there.") from error
    return Recipe(**RecipeChecker(path.name).recipe(data))


def style_vector(genre, valence=0.0, arousal=0.0):
    """How a piece is played, as numbers that can be mixed.

    Parameters
    ----------
    genre : str or dict
        A genre's name, or shares of several, such as `{"jazz": 0.5, "rock": 0.5}` (scaled to sum to 1).
    valence, arousal : float
        Mood, -1 to 1.

    Returns
    -------
    numpy.ndarray, float32, shape (12,)
        Ten genres in the order of `GENRES`, valence, arousal.
    """
    shares = {genre: 1.0} if isinstance(genre, str) else dict(genre)
    unknown = [name for name in shares if name not in GENRES]
    if unknown or not shares:
        named = ", ".join(map(str, unknown)) or "(none)"
        raise UserError(f"There is no genre called {named}: choose from {', '.join(GENRES)}.")
    total = sum(shares.values())
    if min(shares.values()) < 0 or not 0 < total < float("inf"):
        raise UserError("The shares of the genres must be positive numbers.")
    vector = np.zeros(len(GENRES) + 2, np.float32)
    for name, share in shares.items():
        vector[GENRES.index(name)] = share / total
    vector[-2:] = valence, arousal
    return vector
