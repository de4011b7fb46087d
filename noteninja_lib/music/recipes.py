"""The grammar of genre recipes: what a recipe may say, and a sentence for what it may not.

The tables at the top are all the words of a recipe. `RecipeChecker` reads the parsed YAML field by field, so
that a typing mistake ends in one sentence with file and field, and not in a strange sound.
"""
import pretty_midi

from ..errors import UserError
from .mixing import EFFECTS

STEPS_PER_BEAT = 4
#: Steps in one bar of a pattern: "four" serves 4/4, 2/4, 2/2, 6/8 and 12/8; "three" serves 3/4 and 9/8.
METRES = {"four": 16, "three": 12}
FILL_STEPS = 8
#: General MIDI percussion keys by the names that recipes use.
DRUMS = {"scratch_push": 29, "scratch_pull": 30, "deep_kick": 35, "kick": 36, "rim": 37, "snare": 38,
         "clap": 39, "snare2": 40, "hat": 42, "low_tom": 43, "pedal_hat": 44, "open_hat": 46, "mid_tom": 47,
         "crash": 49, "high_tom": 50, "ride": 51, "china": 52, "ride_bell": 53, "tambourine": 54,
         "splash": 55, "cowbell": 56, "crash2": 57, "bongo_high": 60, "bongo_low": 61, "conga_mute": 62,
         "conga_high": 63, "conga_low": 64, "cabasa": 69, "maracas": 70, "claves": 75, "block": 76,
         "triangle": 81, "shaker": 82}
KITS = {"standard": 0, "room": 8, "power": 16, "electronic": 24, "tr808": 25, "jazz": 32, "brush": 40,
        "orchestra": 48}
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
        self.mapping("the file", data, optional=("melody", "drums", "voice", "timing", "form"),
                     required=("genre", "tempo", "swing", "harmony", "bass", "chords", "sets", "mix"))
        if not isinstance(data["genre"], str):
            self.fail("genre", "must be a name")
        mix = self.mix(data["mix"])
        chords = self.chords(data["chords"])
        drums = self.drums(data.get("drums") or {})
        sets = self.sets(data["sets"], chords, mix)
        return dict(
            genre=data["genre"], tempo=self.pair("tempo", data["tempo"], 30, 300),
            swing=self.pair("swing", data["swing"], 0, 1), melody=self.melody(data.get("melody", {})),
            harmony=self.harmony(data["harmony"]), drums=drums, bass=self.bass(data["bass"]), chords=chords,
            voice=self.voice(data.get("voice") or {}), sets=sets, mix=mix,
            form=self.form(data.get("form", {}), chords, drums, sets),
            timing={role: self.pair(f"timing.{role}", pair, -60, 60, rising=False)
                    for role, pair in self.mapping("timing", data.get("timing", {}),
                                                   optional=(*ROLES, "drums", "voice")).items()})

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
        """How the tune is phrased; `noteninja_lib.music.phrasing` plays it."""
        self.mapping("melody", data, optional=("length", "offbeat", "velocity", "accent", "swell", "late",
                                               "grace", "grace_from"))
        length = self.number("melody.length", data.get("length", 0.9), 0.1, 1.2)
        return {"length": length,
                "offbeat": self.number("melody.offbeat", data.get("offbeat", length), 0.1, 1.2),
                "velocity": self.number("melody.velocity", data.get("velocity", 96), 1, 127),
                "accent": self.number("melody.accent", data.get("accent", 8), 0, 40),
                "swell": self.number("melody.swell", data.get("swell", 0), 0, 40),
                # Milliseconds; no more, or melodies in different genres would fall out of step.
                "late": self.number("melody.late", data.get("late", 0), 0, 4),
                "grace": self.number("melody.grace", data.get("grace", 0), 0, 1),
                "grace_from": self.choice("melody.grace_from", data.get("grace_from", "below"), GRACES)}

    def form(self, data, chords, drums, sets):
        """Intro and ending; a part enters when its share of the intro has passed, others wait."""
        self.mapping("form", data, optional=("intro", "enter", "ending"))
        bars = [self.number(where, number, 0, 16, int)
                for where, number in self.items("form.intro", data.get("intro", [0]))]
        playing = ("bass", *chords, *(["drums"] if drums else []))
        enter = self.mapping("form.enter", data.get("enter", dict.fromkeys(playing, 0)), optional=playing)
        enter = {role: self.number(f"form.enter.{role}", share, 0, 1) for role, share in enter.items()}
        first = {role for role, share in enter.items() if share == 0}
        if not all(first & {*line_up, "drums"} for line_up in sets):
            self.fail("form.enter", "must let a part of each line-up begin at 0, or an intro begins in silence")
        return {"intro": bars, "enter": enter,
                "ending": self.choice("form.ending", data.get("ending", "hold"), ENDINGS)}

    def harmony(self, data):
        self.mapping("harmony", data, required=QUALITIES, optional=())
        return {quality: [[self.number(where, interval, 0, 24, int)
                           for _, interval in self.items(where, chord)]
                          for where, chord in self.items(f"harmony.{quality}", data[quality])]
                for quality in QUALITIES}

    def drums(self, data):
        if not data:
            return {}
        self.mapping("drums", data, required=("kits", *METRES), optional=("fills", "crashes"))
        crashes = data.get("crashes", False)
        if not isinstance(crashes, bool):
            self.fail("drums.crashes", "must be true or false")
        drums = {"crashes": crashes, "kits": [KITS[self.choice(where, kit, tuple(KITS))]
                                              for where, kit in self.items("drums.kits", data["kits"])]}
        for key, steps in (*METRES.items(), ("fills", FILL_STEPS)):
            drums[key] = [self.drum_pattern(where, pattern, steps)
                          for where, pattern in self.items(f"drums.{key}", data.get(key, [{}]))]
        return drums

    def drum_pattern(self, field, pattern, steps):
        self.mapping(field, pattern, optional=tuple(DRUMS))
        return {DRUMS[name]: self.pattern(f"{field}.{name}", row, steps, DRUM_SIGNS)
                for name, row in pattern.items()}

    def part(self, field, data, signs, optional):
        self.mapping(field, data, required=("range", *METRES), optional=("length", "velocity", *optional))
        return {"range": self.pair(f"{field}.range", data["range"], 12, 108, kinds=int),
                "length": self.number(f"{field}.length", data.get("length", 0.95), 0.1, 1.5),
                "velocity": self.number(f"{field}.velocity", data.get("velocity", 84), 1, 127),
                **{metre: [self.pattern(where, row, steps, signs)
                           for where, row in self.items(f"{field}.{metre}", data[metre])]
                   for metre, steps in METRES.items()}}

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
        return {"range": self.pair("voice.range", data["range"], 40, 64, kinds=int),
                **{metre: [self.pattern(where, row, steps, DRUM_SIGNS)
                           for where, row in self.items(f"voice.{metre}", data[metre])]
                   for metre, steps in METRES.items()}}

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
            sets.append({role: self.instrument(f"{where}.{role}", instrument, role, mix)
                         for role, instrument in line_up.items()})
        return sets

    def instrument(self, field, data, role, mix):
        interval = ("interval",) if role == "double" else ()
        self.mapping(field, data, required=("play",), optional=("level", "chain", *interval))
        if not isinstance(data["play"], int):
            try:
                program = pretty_midi.instrument_name_to_program(str(data["play"]))
            except ValueError:
                self.fail(f"{field}.play", f"is {data['play']!r}, but must be a General MIDI instrument such "
                                           f"as 'Acoustic Grand Piano' or a number from 0 to 127")
        else:
            program = self.number(f"{field}.play", data["play"], 0, 127)
        chain = data.get("chain", role if role in mix["chains"] else None)
        if chain is not None:
            self.choice(f"{field}.chain", chain, tuple(mix["chains"]))
        return {"program": program, "chain": chain,
                "level": self.number(f"{field}.level", data.get("level", 0), -40, 12),
                "interval": self.choice(f"{field}.interval", data.get("interval", 0), INTERVALS)}

    def mix(self, data):
        self.mapping("mix", data, required=("levels",), optional=("chains", "room"))
        self.mapping("mix.levels", data["levels"], optional=(*ROLES, "drums", "voice"))
        levels = {role: self.number(f"mix.levels.{role}", level, -40, 12)
                  for role, level in data["levels"].items()}
        chains = {name: [self.effect(where, effect)
                         for where, effect in self.items(f"mix.chains.{name}", chain)]
                  for name, chain in self.mapping("mix.chains", data.get("chains", {})).items()}
        _, room = self.effect("mix.room", {"reverb": data.get("room", {})})
        return {"levels": levels, "chains": chains, "room": room}

    def effect(self, field, data):
        if not isinstance(data, dict) or len(data) != 1:
            self.fail(field, "must be one effect, written as {name: {setting: value}}")
        ((name, settings),) = data.items()
        self.choice(field, name, tuple(EFFECTS))
        self.mapping(f"{field}.{name}", settings, optional=tuple(EFFECTS[name]))
        return name, {key: self.number(f"{field}.{name}.{key}", value, *EFFECTS[name][key])
                      for key, value in settings.items()}
