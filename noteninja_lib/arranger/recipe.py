"""Genre recipes: how each genre plays a tune, written down as data.

A recipe is a YAML file in ``data/genres``. It holds drum, bass and chord patterns on a step grid
("X...x...X...x...", four steps to a beat), instruments, harmony colours, feel and the mix. Open one,
change it, and the arranger plays differently. This module loads a recipe and checks every field against a
schema, so that a typing mistake gives one sentence and not a strange sound.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from reprlib import Repr
from typing import Any

import numpy as np
import yaml

from noteninja_lib import data_folder
from noteninja_lib.arranger.mixing import EFFECTS
from noteninja_lib.errors import UserError

#: The converter's: one more makes the style vector longer, and the networks are trained anew. The arranger
#: plays all of `list_genres()`.
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
STEPS_PER_BEAT = 4
#: Steps in one bar of a pattern: "four" serves 4/4, 2/4, 2/2, 6/8 and 12/8; "three" serves 3/4 and 9/8.
METRES = {"four": 16, "three": 12}
FILL_STEPS = 8
#: General MIDI percussion keys by the names that recipes use.
DRUMS = (
    {"scratch_push": 29, "scratch_pull": 30, "deep_kick": 35, "kick": 36, "rim": 37, "snare": 38, "clap": 39}
    | {"snare2": 40, "hat": 42, "low_tom": 43, "pedal_hat": 44, "open_hat": 46, "mid_tom": 47, "crash": 49}
    | {"high_tom": 50, "ride": 51, "china": 52, "ride_bell": 53, "tambourine": 54, "splash": 55}
    | {"cowbell": 56, "crash2": 57, "bongo_high": 60, "bongo_low": 61, "conga_mute": 62, "conga_high": 63}
    | {"conga_low": 64, "cabasa": 69, "maracas": 70, "claves": 75, "block": 76, "triangle": 81, "shaker": 82}
)
#: General MIDI drum kits.
KITS = {"standard": 0, "room": 8, "power": 16, "electronic": 24, "tr808": 25}
KITS |= {"jazz": 32, "brush": 40, "orchestra": 48}
#: How strong the strokes of a pattern are.
STRENGTH = {"X": 1.0, "x": 0.82, "o": 0.5}
DRUM_SIGNS = "Xxo."
# What the players make of the signs stands in parts.py, what the effects do in mixing.py.
CHORD_SIGNS = "Xxolh12345-."
BASS_SIGNS = "R3567824awp-."
CHORD_ROLES = ("comp", "comp2", "pad", "stabs")
ROLES = ("melody", "double", "bass", *CHORD_ROLES)

# The schema. A rule is a function of a field's place in the file and of its value: it returns the checked
# value, or stops with one sentence that names the place, what is wrong and what is possible.

Rule = Callable[[str, Any], Any]
Options = dict[str, tuple[Rule, Any]]  # with their defaults


_brief = Repr()
_brief.maxlevel = 1  # a few lines of YAML can stand for a list without end


def _rule(check: Callable) -> Callable[..., Rule]:
    """Makes check(field, value, *options) a maker of rules, to which the options alone are given."""
    return lambda *options, **more: lambda field, value: check(field, value, *options, **more)


@_rule
def _is(field, value, kind, problem):
    if not isinstance(value, kind):
        raise UserError(f"{field} {problem}.")
    return value


@_rule
def _number(field, value, low, high, kind=(int, float)):
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
        name = "whole number" if kind is int else "number"
        raise UserError(f"{field} is {_brief.repr(value)}, but must be a {name} from {low} to {high}.")
    return value


@_rule
def _pair(field, value, low, high, kind=(int, float), span=0):
    """Two numbers, of which the second is higher by `span` at least (None: in any order)."""
    if not isinstance(value, list) or len(value) != 2:
        raise UserError(f"{field} must be two numbers in brackets, from {low} to {high}.")
    first, second = (_number(low, high, kind)(field, number) for number in value)
    if span is not None and second < first:
        raise UserError(f"{field} must give the lower number first.")
    if span and second < first + span:
        raise UserError(f"{field} must span at least {span} semitones.")
    return first, second


@_rule
def _choice(field, value, allowed):
    if value not in tuple(allowed):
        raise UserError(
            f"{field} is {_brief.repr(value)}, but must be one of {', '.join(map(str, allowed))}."
        )
    return value


@_rule
def _pattern(field, value, steps, signs):
    value = _is(str, "must be a pattern in quotes")(field, value).replace(" ", "").replace("|", "")
    if len(value) != steps:
        wrong = f"has {len(value)} steps, but must have {steps}"
        raise UserError(f"{field} {wrong} (spaces and bars do not count).")
    for sign in value:
        if sign not in signs:
            raise UserError(f"{field} contains {sign!r}, but only {' '.join(signs)} are allowed.")
    return value


@_rule
def _list(field, value, rule):
    if not isinstance(value, list) or not value:
        raise UserError(f"{field} must be a list with at least one entry.")
    return [rule(f"{field}[{i + 1}]", item) for i, item in enumerate(value)]


@_rule
def _mapping(field, data, rule):
    """Any names."""
    place = "" if field == "the file" else f"{field}."
    data = _is(dict, "must be a mapping of names to values")(field, data)
    return {name: rule(name)(f"{place}{name}", value) for name, value in data.items()}


@_rule
def _section(field, data, required, optional={}, may_be_empty=False):
    """Certain names; an optional one has a rule and a default (None: without it, the field stays away)."""
    if may_be_empty and not data:
        return {}
    rules = required | {name: rule for name, (rule, _) in optional.items()}
    _mapping(lambda name: _any)(field, data)
    for name in required:
        if name not in data:
            raise UserError(f"{field} lacks {name!r}, which every recipe needs.")
    for name in data:
        if name not in rules:
            raise UserError(f"{field} has no place for {name!r}; allowed are {', '.join(rules)}.")
    defaults = {name: default for name, (_, default) in optional.items() if default is not None}
    return _mapping(rules.get)(field, defaults | data)


def _any(field, value):
    return value


def _named(names: Iterable[str], rule: Rule) -> Rule:
    """Any of some names, all with the same rule."""
    return _section({}, dict.fromkeys(names, (rule, None)))


def _patterns(rule: Callable[[int], Rule]) -> dict[str, Rule]:
    """The patterns of a part for each metre; `rule` depends on the number of steps."""
    return {metre: _list(rule(steps)) for metre, steps in METRES.items()}


def _part(signs: str, optional: Options) -> Rule:
    optional = {"length": (_number(0.1, 1.5), 0.95), "velocity": (_number(1, 127), 84)} | optional
    patterns = _patterns(lambda steps: _pattern(steps, signs))
    return _section({"range": _pair(12, 108, int, span=12)} | patterns, optional)


def _kit(field, value):
    return KITS[_choice(KITS)(field, value)]


@_rule
def _drum_pattern(field, data, steps):
    rows = _named(DRUMS, _pattern(steps, DRUM_SIGNS))(field, data)
    return {DRUMS[name]: row for name, row in rows.items()}


def _program(field, value):
    if isinstance(value, int):
        return _number(0, 127)(field, value)
    import pretty_midi

    try:
        return pretty_midi.instrument_name_to_program(str(value))
    except ValueError:
        possible = "a General MIDI instrument such as 'Acoustic Grand Piano' or a number from 0 to 127"
        raise UserError(f"{field} is {value!r}, but must be {possible}.") from None


def _effect(field, data):
    if not isinstance(data, dict) or len(data) != 1:
        raise UserError(f"{field} must be one effect, written as {{name: {{setting: value}}}}.")
    ((name, settings),) = data.items()
    return name, _settings(_choice(EFFECTS)(field, name))(f"{field}.{name}", settings)


def _settings(effect: str) -> Rule:
    return _section({}, {name: (_number(*limits), None) for name, limits in EFFECTS[effect].items()})


_SHARE, _LEVEL, _PLAY = _number(0, 1), _number(-40, 12), {"play": _program}
_CHORD: Options = {"voicing": (_choice(("close", "open", "power", "shell", "strum")), "close")}
_CHORD |= {"strum": (_number(0, 60), 0)}  # ms from string to string
_INSTRUMENT = {"level": (_LEVEL, 0), "chain": (_any, None)}
_INTERVAL = {"interval": (_choice((-12, 0, 12, "third", "sixth")), 0)}
_LINE_UP = dict.fromkeys(ROLES[1:], (_section(_PLAY, _INSTRUMENT), None))
_LINE_UP |= {"double": (_section(_PLAY, _INSTRUMENT | _INTERVAL), None)}
_DRUMS = {"kits": _list(_kit)} | _patterns(_drum_pattern)
_FILLS = {"fills": (_list(_drum_pattern(FILL_STEPS)), [{}])}
_CRASHES = {"crashes": (_is(bool, "must be true or false"), False)}
_VOICE = {"range": _pair(40, 64, int)} | _patterns(lambda steps: _pattern(steps, DRUM_SIGNS))
_MELODY: Options = {"length": (_number(0.1, 1.2), 0.9), "offbeat": (_number(0.1, 1.2), None)}
_MELODY |= {"velocity": (_number(1, 127), 96), "accent": (_number(0, 40), 8), "swell": (_number(0, 40), 0)}
_MELODY |= {"late": (_number(0, 4), 0)}  # ms; no more, or melodies of different genres would fall out of step
_MELODY |= {"grace": (_SHARE, 0), "grace_from": (_choice(("below", "slide", "above")), "below")}
_FORM: Options = {"intro": (_list(_number(0, 16, int)), [0]), "enter": (_any, None)}
# hold: the last chord rings; roll: it is spread upwards, then rings; stop: one short stroke
_FORM |= {"ending": (_choice(("hold", "roll", "stop")), "hold")}
_MIX = {"chains": (_mapping(lambda name: _list(_effect)), {}), "room": (_settings("reverb"), {})}
_PLAYERS = (*ROLES, "drums", "voice")
_RECIPE = _section(
    {
        "genre": _is(str, "must be a name"),
        "tempo": _pair(30, 300),
        "swing": _pair(0, 1),
        "harmony": _section(dict.fromkeys(("maj", "min", "dom7", "dim"), _list(_list(_number(0, 24, int))))),
        "bass": _part(BASS_SIGNS, {}),
        "chords": _named(CHORD_ROLES, _part(CHORD_SIGNS, _CHORD)),
        "sets": _list(_section({"melody": _section(_PLAY, _INSTRUMENT)}, _LINE_UP)),
        "mix": _section({"levels": _named(_PLAYERS, _LEVEL)}, _MIX),
    },
    {
        "melody": (_section({}, _MELODY), {}),
        "drums": (_section(_DRUMS, _FILLS | _CRASHES, may_be_empty=True), {}),
        "voice": (_section(_VOICE, may_be_empty=True), {}),
        "timing": (_named(_PLAYERS, _pair(-60, 60, span=None)), {}),
        "form": (_section({}, _FORM), {}),
    },
)


def _check(data) -> dict:
    """The contents of a recipe against the schema, and its sections against each other."""
    data = _RECIPE("the file", data)
    chains, chords, form = data["mix"]["chains"], data["chords"], data["form"]
    for number, line_up in enumerate(data["sets"], 1):
        for role, instrument in line_up.items():
            field = f"sets[{number}].{role}"
            if role in CHORD_ROLES and role not in chords:
                raise UserError(f"{field} plays a part that the section chords does not describe.")
            if instrument.setdefault("chain", role if role in chains else None) is not None:
                _choice(chains)(f"{field}.chain", instrument["chain"])
            instrument["program"] = instrument.pop("play")
            instrument.setdefault("interval", 0)
    # A part enters when its share of the intro has passed; others wait for the tune.
    playing = ("bass", *chords, *(["drums"] if data["drums"] else []))
    enter = _named(playing, _SHARE)("form.enter", form.get("enter", dict.fromkeys(playing, 0)))
    first = {role for role, share in enter.items() if share == 0}
    if not all(first & {*line_up, "drums"} for line_up in data["sets"]):
        problem = "must let a part of each line-up begin at 0, or an intro begins in silence"
        raise UserError(f"form.enter {problem}.")
    form["enter"] = enter
    data["melody"].setdefault("offbeat", data["melody"]["length"])
    return data


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times faster


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
    tempo: tuple[float, float]
    swing: tuple[float, float]
    melody: dict
    harmony: dict
    drums: dict
    bass: dict
    chords: dict
    sets: list[dict]
    timing: dict[str, tuple[float, float]]
    mix: dict
    form: dict
    voice: dict

    def natural_tempo(self, arousal: float) -> tuple[float, float]:
        """Lowest and highest tempo at which the genre is played, in beats per minute; excitement adds."""
        return self.tempo[0] * (1 + 0.15 * arousal), self.tempo[1] * (1 + 0.15 * arousal)


def list_genres() -> list[str]:
    """Names of the genres for which the data folder holds a recipe, sorted."""
    return sorted(path.stem for path in (data_folder() / "genres").glob("*.yaml"))


def load_recipe(name: str | Path) -> Recipe:
    """Load and check a recipe.

    Parameters
    ----------
    name : str or Path
        A genre ("jazz") or the path of a YAML file of your own.

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
            choice = f"choose one of {', '.join(list_genres())}, or give the path of a .yaml file"
            raise UserError(f"There is no recipe for the genre {str(name)!r}: {choice}.")
    try:
        return Recipe(**_check(yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)))
    except OSError as error:
        raise UserError(f"The recipe {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(error, "problem_mark", None)
        where = f"{path.name} is not valid YAML" + (f" near line {line.line + 1}" if line else "")
        raise UserError(f"{where}: check indentation, quotes and brackets there.") from error
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from None


def own_folder() -> Path:
    """Where genres of one's own lie: the environment variable NOTENINJA_ADAPTERS, or `data/adapters`."""
    return Path(os.environ.get("NOTENINJA_ADAPTERS") or data_folder() / "adapters")


def own_genres() -> list[str]:
    """Names of the genres of one's own, which `noteninja adapt` made: each has a folder."""
    return sorted(path.parent.name for path in own_folder().glob("[!.]*/adapter_config.json"))


def nearest_genre(genre: str) -> str:
    """One of the ten: the genre itself, or the one from which a genre of one's own was begun."""
    own = {name.lower(): name for name in own_genres()}
    if genre.lower() not in own:
        return genre.lower()
    try:
        card = json.loads((own_folder() / own[genre.lower()] / "card.json").read_text(encoding="utf-8"))
        return GENRES[int(np.argmax(card["style"]))]
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError) as problem:
        raise UserError(f"The genre {genre} is damaged: make it anew with `noteninja adapt`.") from problem


def style_vector(
    genre: str | dict[str, float], valence: float = 0.0, arousal: float = 0.0, own: Sequence[str] = ()
) -> np.ndarray:
    """How a piece is played, as numbers that can be mixed.

    Parameters
    ----------
    genre : str or dict
        A genre's name, or shares of several, such as `{"jazz": 0.5, "rock": 0.5}` (scaled to sum to 1).
    valence, arousal : float
        Mood, -1 to 1.
    own : sequence of str
        Further genres; see `own_genres`.

    Returns
    -------
    ndarray of float32, shape (12,), or more with those of `own`
        Ten genres in the order of `GENRES`, those of `own`, valence, arousal.
    """
    shares, known = {genre: 1.0} if isinstance(genre, str) else dict(genre), [*GENRES, *own]
    shares, plain = {str(name).lower(): share for name, share in shares.items()}, list(map(str.lower, known))
    unknown = [name for name in shares if name not in plain]
    if unknown or not shares:
        named = ", ".join(map(str, unknown)) or "(none)"
        there = ", ".join([*GENRES, *own_genres()])
        raise UserError(f"There is no genre called {named}: choose from {there}.")
    total = sum(shares.values())
    if min(shares.values()) < 0 or not 0 < total < float("inf"):
        raise UserError("The shares of the genres must be positive numbers.")
    vector = [shares.get(name, 0) / total for name in plain]
    return np.array([*vector, valence, arousal], np.float32)
