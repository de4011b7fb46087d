"""The band: plays a tune in a genre.

`arrange` takes a tune, a recipe and a seed, and writes down what every member of the band plays, note by
note. Equal tempo, swing, intro and ending make performances in different genres run in step, so that each is
the known right answer to "this tune in that genre".
"""
import numpy as np

from ..errors import UserError
from .form import draw_form
from .performance import Part, Performance, natural_tempo, pattern_metre
from .phrasing import play_melody
from .players import play_bass, play_chords, play_drums
from .stage import Stage
from .voice import play_voice


def arrange(tune, recipe, seed=0, *, tempo=None, swing=None, transpose=0, valence=0.0, arousal=0.0,
            duration=30.0, intro=None, ending=None):
    """Play a tune in the way of a genre.

    Parameters
    ----------
    tune : Tune
    recipe : Recipe
    seed : int
        Draws line-up, patterns, voicings and every small human inexactness.
    tempo : float, optional
        Felt beats per minute; by default the genre's own.
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

    Returns
    -------
    Performance

    Raises
    ------
    UserError
        When a number is out of range, or leaves no time for the tune.
    """
    _check(tempo, swing, valence, arousal, duration, intro)
    rng = np.random.default_rng([seed, *recipe.genre.encode()])
    # Drawn even when given, so that the same seed plays the same patterns at any tempo.
    own_tempo = rng.uniform(*natural_tempo(recipe, arousal))
    own_swing = rng.uniform(*recipe.swing)
    performance = Performance(tune, recipe.genre, seed, float(tempo or own_tempo),
                              float(own_swing if swing is None else swing), transpose, float(duration))
    _, beat = pattern_metre(tune)
    performance.intro, performance.ending = draw_form(recipe.form, tune, beat, 60 / performance.tempo, duration,
                                                      rng, intro, ending)
    stage = Stage(performance, recipe, valence, arousal)
    line_up = recipe.sets[rng.integers(len(recipe.sets))]
    performance.parts = _parts(stage, line_up, rng)
    performance.beats = np.arange(0, duration, 60 / performance.tempo)
    performance.chords, performance.harmony = stage.chord_times()
    performance.mix = _mix(recipe, line_up, rng, arousal)
    return performance


def _check(tempo, swing, valence, arousal, duration, intro):
    limits = {"tempo": (tempo, 20, 400), "swing": (swing, 0, 1), "valence": (valence, -1, 1),
              "arousal": (arousal, -1, 1), "duration": (duration, 0.5, 7200), "intro": (intro, 0, 64)}
    for name, (value, low, high) in limits.items():
        if value is not None and not low <= value <= high:
            raise UserError(f"{name} is {value}, but must lie between {low} and {high}.")


def _parts(stage, line_up, rng):
    """What each member of the line-up plays, the melody first (list of Part)."""
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
        part.notes = sorted((n for n in part.notes if n.start < stage.performance.duration - 0.02),
                            key=lambda n: (n.start, n.pitch))
    return sorted(parts, key=lambda part: part.name != "melody")


def _mix(recipe, line_up, rng, arousal):
    """Levels and effect chains of this line-up, for the renderer."""
    levels, chains = {}, {}
    for role in (*line_up, *(["drums"] if recipe.drums else []), *(["voice"] if recipe.voice else [])):
        instrument = line_up.get(role, {"level": 0, "chain": role})  # kit and voice are not in the line-up
        own = 0.0 if role == "melody" else float(rng.uniform(-1.5, 1.5))  # no two mixes are alike
        levels[role] = recipe.mix["levels"].get(role, -8) + instrument["level"] + own
        chains[role] = recipe.mix["chains"].get(instrument["chain"], [])
    chains["bus"] = recipe.mix["chains"].get("bus", [])
    return {"levels": levels, "chains": chains, "room": recipe.mix["room"], "brightness": 4.0 * arousal}
