"""The arranger: writes down what each player plays of a tune in a genre, note by note.

`arrange` takes a tune, a recipe and a seed. Equal tempo, swing, intro and ending make performances in
different genres run in step, so that each is the known right answer to "this tune in that genre".
"""

import numpy as np

from noteninja_lib.arranger.parts import play_bass, play_chords, play_drums, play_melody, play_voice
from noteninja_lib.arranger.performance import Part, Performance, Tune, pattern_metre
from noteninja_lib.arranger.recipe import Recipe
from noteninja_lib.arranger.stage import RING, Stage
from noteninja_lib.arranger.vocals import phrased
from noteninja_lib.errors import UserError

_OOHS = 53  # the General MIDI program that stands for a singer
_SUNG = 3.0  # dB above a lead that is played
_SUNG_CHAIN = [
    ("highpass", {"cutoff_frequency_hz": 100}),
    ("compressor", {"threshold_db": -24, "ratio": 3, "attack_ms": 8, "release_ms": 120}),
    ("room", {"send_db": -10}),
]


def arrange(
    tune: Tune,
    recipe: Recipe,
    seed: int = 0,
    *,
    tempo: float | None = None,
    swing: float | None = None,
    transpose: int = 0,
    valence: float = 0.0,
    arousal: float = 0.0,
    duration: float = 30.0,
    intro: int | None = None,
    ending: bool | None = None,
    sung: bool = False,
) -> Performance:
    """Play a tune in the way of a genre.

    Parameters
    ----------
    tune : Tune
    recipe : Recipe
    seed : int
        Draws line-up, patterns, voicings and every small human inexactness.
    tempo : float, optional
        Felt beats per minute, 20 to 400; by default the genre's own.
    swing : float, optional
        0 (straight) to 1 (triplets); by default the genre's own.
    transpose : int
        Semitones.
    valence, arousal : float
        Mood, -1 to 1: sad to happy, calm to excited (Russell, 1980).
    duration : float
        Seconds; the tune is repeated until they are filled.
    intro : int, optional
        Bars before the tune begins; by default what the genre does where there is time for it.
    ending : bool, optional
        Whether the piece closes on its tonic at the last bar line before `duration`; by default it does, if
        there is time for some bars of the tune.
    sung : bool
        The tune is sung, instead of played by the genre's lead: bound together, with time to breathe, and
        without ornaments. All else stays as it is.

    Raises
    ------
    UserError
        When a number is out of range, or leaves no time for the tune.
    """
    limits: dict = {"tempo": (tempo, 20, 400), "swing": (swing, 0, 1), "valence": (valence, -1, 1)}
    limits |= {"arousal": (arousal, -1, 1), "duration": (duration, 0.5, 7200), "intro": (intro, 0, 64)}
    for name, (value, low, high) in limits.items():
        if value is not None and not low <= value <= high:
            raise UserError(f"{name} is {value}, but must lie between {low} and {high}.")
    rng = np.random.default_rng([seed, *recipe.genre.encode()])
    # Drawn even when given, so that the same seed plays the same patterns at any tempo.
    own_tempo, own_swing = rng.uniform(*recipe.natural_tempo(arousal)), rng.uniform(*recipe.swing)
    tempo, swing = float(tempo or own_tempo), float(own_swing if swing is None else swing)
    bar = tune.bar / pattern_metre(tune)[1] * (60 / tempo)
    short = [bars for bars in recipe.form["intro"] if bars * bar <= duration / 4]
    own_intro = short[rng.integers(len(short))] if short else 0
    intro = own_intro if intro is None else int(intro)
    if ending is None:  # a snippet of a few bars needs none
        ending = duration - RING >= (intro + 4) * bar
    played = Performance(tune, recipe.genre, seed, tempo, swing, transpose, float(duration))
    played.intro, played.ending = intro, bool(ending)
    stage = Stage(played, recipe, valence, arousal)
    line_up = recipe.sets[rng.integers(len(recipe.sets))]
    played.parts = _parts(stage, line_up, rng)
    played.beats = np.arange(0, duration, 60 / tempo)
    played.chords, played.harmony = stage.chord_times()
    played.mix = _mix(recipe, line_up, rng, arousal)
    if sung:
        played.parts[0] = Part("melody", _OOHS, False, phrased(played.melody), sung=True)
        played.mix["levels"]["melody"] = recipe.mix["levels"].get("melody", 0) + _SUNG
        played.mix["chains"]["melody"] = _SUNG_CHAIN
    return played


def _parts(stage, line_up, rng):
    """What each player of the line-up plays, the melody first (list of Part)."""
    parts = []
    for role, instrument in line_up.items():
        if role in ("melody", "double"):
            notes = play_melody(stage, role, instrument["interval"])
        else:
            notes = play_bass(stage) if role == "bass" else play_chords(stage, role)
        parts.append(Part(role, instrument["program"], False, notes))
    if stage.recipe.drums:
        kits = stage.recipe.drums["kits"]
        parts.append(Part("drums", kits[rng.integers(len(kits))], True, play_drums(stage)))
    if stage.recipe.voice:
        parts.append(Part("voice", 0, True, play_voice(stage)))
    for part in parts:
        part.notes = [note for note in part.notes if note.start < stage.performance.duration - 0.02]
        part.notes.sort(key=lambda note: (note.start, note.pitch))
    return sorted(parts, key=lambda part: part.name != "melody")


def _mix(recipe, line_up, rng, arousal):
    """Levels and effect chains of this line-up, for `noteninja_lib.arranger.mixing.mix_stems`."""
    levels, chains = {}, {"bus": recipe.mix["chains"].get("bus", [])}
    for role in (*line_up, *(["drums"] if recipe.drums else []), *(["voice"] if recipe.voice else [])):
        instrument = line_up.get(role, {"level": 0, "chain": role})  # kit and voice are not in the line-up
        own = 0.0 if role == "melody" else float(rng.uniform(-1.5, 1.5))  # no two mixes are alike
        levels[role] = recipe.mix["levels"].get(role, -8) + instrument["level"] + own
        chains[role] = recipe.mix["chains"].get(instrument["chain"], [])
    return {"levels": levels, "chains": chains, "room": recipe.mix["room"], "brightness": 4.0 * arousal}
