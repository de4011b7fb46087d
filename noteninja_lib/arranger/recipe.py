"""Genre recipes: how each genre plays a tune, written down as data.

A recipe is a YAML file in ``data/genres``. It holds drum, bass and chord patterns on a step grid
("X...x...X...x...", four steps to a beat), instruments, harmony colours, feel and the mix. Open one,
change it, and the band plays differently. This module loads a recipe and checks every field, so that a
typing mistake gives one sentence and not a strange sound.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pretty_midi
import yaml

from noteninja_lib import data_folder
from noteninja_lib.arranger.mixing import EFFECTS
from noteninja_lib.errors import UserError

# The grammar of genre recipes: what a recipe may say, and a sentence for what it may not.
#
# The tables at the top are all the words of a recipe. `RecipeChecker` reads the parsed YAML field by field, so
# that a typing mistake ends in one sentence with file and field, and not in a strange sound.

STEPS_PER_BEAT = 4
#: Steps in one bar of a pattern: "four" serves 4/4, 2/4, 2/2, 6/8 and 12/8; "three" serves 3/4 and 9/8.
METRES = {"four": 16, "three": 12}
FILL_STEPS = 8
#: General MIDI percussion keys by the names that recipes use.
DRUMS = {
    "scratch_push": 29,
    "scratch_pull": 30,
    "deep_kick": 35,
    "kick": 36,
    "rim": 37,
    "snare": 38,
    "clap": 39,
    "snare2": 40,
    "hat": 42,
    "low_tom": 43,
    "pedal_hat": 44,
    "open_hat": 46,
    "mid_tom": 47,
    "crash": 49,
    "high_tom": 50,
    "ride": 51,
    "china": 52,
    "ride_bell": 53,
    "tambourine": 54,
    "splash": 55,
    "cowbell": 56,
    "crash2": 57,
    "bongo_high": 60,
    "bongo_low": 61,
    "conga_mute": 62,
    "conga_high": 63,
    "conga_low": 64,
    "cabasa": 69,
    "maracas": 70,
    "claves": 75,
    "block": 76,
    "triangle": 81,
    "shaker": 82,
}
KITS = {
    "standard": 0,
    "room": 8,
    "power": 16,
    "electronic": 24,
    "tr808": 25,
    "jazz": 32,
    "brush": 40,
    "orchestra": 48,
}
QUALITIES = ("maj", "min", "dom7", "dim")
INTERVALS = (-12, 0, 12, "third", "sixth")
VOICINGS = ("close", "open", "power", "shell", "strum")
DRUM_SIGNS = "Xxo."
CHORD_SIGNS = "Xxolh12345-."
BASS_SIGNS = "R3567824awp-."
CHORD_ROLES = ("comp", "comp2", "pad", "stabs")
ROLES = ("melody", "double", "bass", *CHORD_ROLES)
GRACES = ("below", "slide", "above")
#: hold: the last chord rings; roll: it is spread upwards, then rings; stop: one short stroke.
ENDINGS = ("hold", "roll", "stop")


class RecipeChecker:
    """Checks the parsed YAML of one recipe, and fills in what may be left out."""

    def __init__(self, filename):
        self.filename = filename

    def fail(self, field, problem):
        """Stop with one sentence: file, field, problem."""
        raise UserError(f"{self.filename}: {field} {problem}.")

    def recipe(self, data):
        """All fields of a recipe, checked and completed (dict); UserError at the first fault."""
        self.mapping(
            "the file",
            data,
            optional=("melody", "drums", "voice", "timing", "form"),
            required=("genre", "tempo", "swing", "harmony", "bass", "chords", "sets", "mix"),
        )
        if not isinstance(data["genre"], str):
            self.fail("genre", "must be a name")
        mix = self.mix(data["mix"])
        chords = self.chords(data["chords"])
        drums = self.drums(data.get("drums") or {})
        sets = self.sets(data["sets"], chords, mix)
        return dict(
            genre=data["genre"],
            tempo=self.pair("tempo", data["tempo"], 30, 300),
            swing=self.pair("swing", data["swing"], 0, 1),
            melody=self.melody(data.get("melody", {})),
            harmony=self.harmony(data["harmony"]),
            drums=drums,
            bass=self.bass(data["bass"]),
            chords=chords,
            voice=self.voice(data.get("voice") or {}),
            sets=sets,
            mix=mix,
            form=self.form(data.get("form", {}), chords, drums, sets),
            timing={
                role: self.pair(f"timing.{role}", pair, -60, 60, rising=False)
                for role, pair in self.mapping(
                    "timing", data.get("timing", {}), optional=(*ROLES, "drums", "voice")
                ).items()
            },
        )

    def mapping(self, field, value, required=(), optional=None):
        if not isinstance(value, dict):
            self.fail(field, "must be a mapping of names to values")
        for name in required:
            if name not in value:
                self.fail(field, f"lacks {name!r}, which every recipe needs")
        for name in value:
            if optional is not None and name not in (*required, *optional):
                allowed = ", ".join((*required, *optional))
                self.fail(field, f"has no place for {name!r}; allowed are {allowed}")
        return value

    def items(self, field, value):
        if not isinstance(value, list) or not value:
            self.fail(field, "must be a list with at least one entry")
        return [(f"{field}[{i + 1}]", item) for i, item in enumerate(value)]

    def number(self, field, value, low, high, kinds=(int, float)):
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            kind = "whole number" if kinds is int else "number"
            self.fail(field, f"is {value!r}, but must be a {kind} from {low} to {high}")
        return value

    def pair(self, field, value, low, high, rising=True, kinds=(int, float)):
        if not isinstance(value, list) or len(value) != 2:
            self.fail(field, f"must be two numbers in brackets, from {low} to {high}")
        pair = tuple(self.number(field, number, low, high, kinds) for number in value)
        if rising and pair[0] > pair[1]:
            self.fail(field, "must give the lower number first")
        return pair

    def choice(self, field, value, allowed):
        if value not in allowed:
            self.fail(field, f"is {value!r}, but must be one of {', '.join(map(str, allowed))}")
        return value

    def pattern(self, field, value, steps, signs):
        if not isinstance(value, str):
            self.fail(field, "must be a pattern in quotes")
        value = value.replace(" ", "").replace("|", "")
        if len(value) != steps:
            self.fail(field, f"has {len(value)} steps, but must have {steps} (spaces and bars do not count)")
        for sign in value:
            if sign not in signs:
                self.fail(field, f"contains {sign!r}, but only {' '.join(signs)} are allowed")
        return value

    def melody(self, data):
        """How the tune is phrased; `noteninja_lib.arranger.parts` plays it."""
        self.mapping(
            "melody",
            data,
            optional=("length", "offbeat", "velocity", "accent", "swell", "late", "grace", "grace_from"),
        )
        length = self.number("melody.length", data.get("length", 0.9), 0.1, 1.2)
        return {
            "length": length,
            "offbeat": self.number("melody.offbeat", data.get("offbeat", length), 0.1, 1.2),
            "velocity": self.number("melody.velocity", data.get("velocity", 96), 1, 127),
            "accent": self.number("melody.accent", data.get("accent", 8), 0, 40),
            "swell": self.number("melody.swell", data.get("swell", 0), 0, 40),
            # Milliseconds; no more, or melodies in different genres would fall out of step.
            "late": self.number("melody.late", data.get("late", 0), 0, 4),
            "grace": self.number("melody.grace", data.get("grace", 0), 0, 1),
            "grace_from": self.choice("melody.grace_from", data.get("grace_from", "below"), GRACES),
        }

    def form(self, data, chords, drums, sets):
        """Intro and ending; a part enters when its share of the intro has passed, others wait."""
        self.mapping("form", data, optional=("intro", "enter", "ending"))
        bars = [
            self.number(where, number, 0, 16, int)
            for where, number in self.items("form.intro", data.get("intro", [0]))
        ]
        playing = ("bass", *chords, *(["drums"] if drums else []))
        enter = self.mapping("form.enter", data.get("enter", dict.fromkeys(playing, 0)), optional=playing)
        enter = {role: self.number(f"form.enter.{role}", share, 0, 1) for role, share in enter.items()}
        first = {role for role, share in enter.items() if share == 0}
        if not all(first & {*line_up, "drums"} for line_up in sets):
            self.fail(
                "form.enter", "must let a part of each line-up begin at 0, or an intro begins in silence"
            )
        return {
            "intro": bars,
            "enter": enter,
            "ending": self.choice("form.ending", data.get("ending", "hold"), ENDINGS),
        }

    def harmony(self, data):
        self.mapping("harmony", data, required=QUALITIES, optional=())
        return {
            quality: [
                [self.number(where, interval, 0, 24, int) for _, interval in self.items(where, chord)]
                for where, chord in self.items(f"harmony.{quality}", data[quality])
            ]
            for quality in QUALITIES
        }

    def drums(self, data):
        if not data:
            return {}
        self.mapping("drums", data, required=("kits", *METRES), optional=("fills", "crashes"))
        crashes = data.get("crashes", False)
        if not isinstance(crashes, bool):
            self.fail("drums.crashes", "must be true or false")
        drums = {
            "crashes": crashes,
            "kits": [
                KITS[self.choice(where, kit, tuple(KITS))]
                for where, kit in self.items("drums.kits", data["kits"])
            ],
        }
        for key, steps in (*METRES.items(), ("fills", FILL_STEPS)):
            drums[key] = [
                self.drum_pattern(where, pattern, steps)
                for where, pattern in self.items(f"drums.{key}", data.get(key, [{}]))
            ]
        return drums

    def drum_pattern(self, field, pattern, steps):
        self.mapping(field, pattern, optional=tuple(DRUMS))
        return {
            DRUMS[name]: self.pattern(f"{field}.{name}", row, steps, DRUM_SIGNS)
            for name, row in pattern.items()
        }

    def part(self, field, data, signs, optional):
        self.mapping(field, data, required=("range", *METRES), optional=("length", "velocity", *optional))
        return {
            "range": self.pair(f"{field}.range", data["range"], 12, 108, kinds=int),
            "length": self.number(f"{field}.length", data.get("length", 0.95), 0.1, 1.5),
            "velocity": self.number(f"{field}.velocity", data.get("velocity", 84), 1, 127),
            **{
                metre: [
                    self.pattern(where, row, steps, signs)
                    for where, row in self.items(f"{field}.{metre}", data[metre])
                ]
                for metre, steps in METRES.items()
            },
        }

    def bass(self, data):
        part = self.part("bass", data, BASS_SIGNS, ())
        if part["range"][1] - part["range"][0] < 12:
            self.fail("bass.range", "must span at least 12 semitones")
        return part

    def voice(self, data):
        """The speaking voice: in which range its own pitch lies, and the rhythms of its syllables."""
        if not data:
            return {}
        self.mapping("voice", data, required=("range", *METRES), optional=())
        return {
            "range": self.pair("voice.range", data["range"], 40, 64, kinds=int),
            **{
                metre: [
                    self.pattern(where, row, steps, DRUM_SIGNS)
                    for where, row in self.items(f"voice.{metre}", data[metre])
                ]
                for metre, steps in METRES.items()
            },
        }

    def chords(self, data):
        parts = {}
        for role, part in self.mapping("chords", data, optional=CHORD_ROLES).items():
            field = f"chords.{role}"
            parts[role] = self.part(field, part, CHORD_SIGNS, ("voicing", "strum"))
            if parts[role]["range"][1] - parts[role]["range"][0] < 12:
                self.fail(f"{field}.range", "must span at least 12 semitones")
            parts[role]["voicing"] = self.choice(f"{field}.voicing", part.get("voicing", "close"), VOICINGS)
            parts[role]["strum"] = self.number(f"{field}.strum", part.get("strum", 0), 0, 60)
        return parts

    def sets(self, data, chords, mix):
        sets = []
        for where, line_up in self.items("sets", data):
            self.mapping(where, line_up, required=("melody",), optional=ROLES[1:])
            for role in line_up:
                if role in CHORD_ROLES and role not in chords:
                    self.fail(f"{where}.{role}", "plays a part that the section chords does not describe")
            sets.append(
                {
                    role: self.instrument(f"{where}.{role}", instrument, role, mix)
                    for role, instrument in line_up.items()
                }
            )
        return sets

    def instrument(self, field, data, role, mix):
        interval = ("interval",) if role == "double" else ()
        self.mapping(field, data, required=("play",), optional=("level", "chain", *interval))
        if not isinstance(data["play"], int):
            try:
                program = pretty_midi.instrument_name_to_program(str(data["play"]))
            except ValueError:
                self.fail(
                    f"{field}.play",
                    f"is {data['play']!r}, but must be a General MIDI instrument such "
                    f"as 'Acoustic Grand Piano' or a number from 0 to 127",
                )
        else:
            program = self.number(f"{field}.play", data["play"], 0, 127)
        chain = data.get("chain", role if role in mix["chains"] else None)
        if chain is not None:
            self.choice(f"{field}.chain", chain, tuple(mix["chains"]))
        return {
            "program": program,
            "chain": chain,
            "level": self.number(f"{field}.level", data.get("level", 0), -40, 12),
            "interval": self.choice(f"{field}.interval", data.get("interval", 0), INTERVALS),
        }

    def mix(self, data):
        self.mapping("mix", data, required=("levels",), optional=("chains", "room"))
        self.mapping("mix.levels", data["levels"], optional=(*ROLES, "drums", "voice"))
        levels = {
            role: self.number(f"mix.levels.{role}", level, -40, 12) for role, level in data["levels"].items()
        }
        chains = {
            name: [self.effect(where, effect) for where, effect in self.items(f"mix.chains.{name}", chain)]
            for name, chain in self.mapping("mix.chains", data.get("chains", {})).items()
        }
        _, room = self.effect("mix.room", {"reverb": data.get("room", {})})
        return {"levels": levels, "chains": chains, "room": room}

    def effect(self, field, data):
        if not isinstance(data, dict) or len(data) != 1:
            self.fail(field, "must be one effect, written as {name: {setting: value}}")
        ((name, settings),) = data.items()
        self.choice(field, name, tuple(EFFECTS))
        self.mapping(f"{field}.{name}", settings, optional=tuple(EFFECTS[name]))
        return name, {
            key: self.number(f"{field}.{name}.{key}", value, *EFFECTS[name][key])
            for key, value in settings.items()
        }


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
            raise UserError(
                f"There is no recipe for the genre {str(name)!r}: choose one of "
                f"{', '.join(GENRES)}, or give the path of a .yaml file."
            )
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except OSError as error:
        raise UserError(f"The recipe {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(error, "problem_mark", None)
        where = f" near line {line.line + 1}" if line else ""
        raise UserError(
            f"{path.name} is not valid YAML{where}: check indentation, quotes and brackets there."
        ) from error
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
