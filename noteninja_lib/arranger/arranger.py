"""The stage: what all players of a band share while they play one tune.

The clock, the form, the harmony as genre and mood read it, and the way in which a human hand misses the grid.
"""

from dataclasses import dataclass

import numpy as np

from noteninja_lib.arranger.parts import (
    Harmony,
    play_bass,
    play_chords,
    play_drums,
    play_melody,
    steps_to_beats,
)
from noteninja_lib.arranger.performance import (
    Clock,
    Note,
    Part,
    Performance,
    choose_feel,
    natural_tempo,
    pattern_metre,
)
from noteninja_lib.arranger.recipe import METRES, STEPS_PER_BEAT
from noteninja_lib.arranger.vocals import play_voice
from noteninja_lib.errors import UserError

# The form of a piece: intro, times through the tune, ending.
#
# All of it follows from the tune, the tempo and two plain numbers (bars of intro, ending or not), never from the
# genre: so equal numbers keep performances in different genres in step, with the same harmony under them.

RING = 1.0  # seconds that the last chord has at least to sound
_MINOR = ("minor", "dorian")


@dataclass
class Passage:
    """The intro, or one time through the tune.

    Attributes
    ----------
    start, length : float
        In felt beats from the beginning of the piece.
    chords : list of (float, float, int, str)
        Start and length in quarter notes from the beginning of the passage, root, quality; not transposed.
    is_intro : bool
    """

    start: float
    length: float
    chords: tuple
    is_intro: bool = False

    def __post_init__(self):
        self.harmony = Harmony(self.chords)


@dataclass
class Form:
    """Passages in their order; `end` is the last bar line, in beats, or None where the piece just goes on."""

    passages: list
    end: float | None


def tonic_chord(tune):
    """(root pitch class, quality) of the chord on which a tune is at home."""
    return tune.tonic, "min" if tune.mode in _MINOR else "maj"


def intro_chords(tune, bars):
    """Tonic, with the dominant before the tune begins; four bars and more touch the subdominant.

    Returns
    -------
    tuple of (float, float, int, str)
        As `Tune.chords`, without gaps over `bars` bars of the tune.
    """
    bar, (root, quality) = tune.bar, tonic_chord(tune)
    dominant = ((root + 7) % 12, "dom7")
    if bars == 1:
        steps = [(0.5, (root, quality)), (0.5, dominant)]
    elif bars < 4:
        steps = [(bars - 1, (root, quality)), (1, dominant)]
    else:
        steps = [(bars - 2, (root, quality)), (1, ((root + 5) % 12, quality)), (1, dominant)]
    starts = np.cumsum([0, *(length for length, _ in steps)])
    return tuple((float(start * bar), length * bar, *chord) for start, (length, chord) in zip(starts, steps))


def draw_form(form, tune, beat, seconds, duration, rng, intro, ending):
    """Bars of intro and whether there is an ending: as given, or drawn in the genre's way.

    Parameters
    ----------
    form : dict
        The recipe's section ``form``.
    tune : Tune
    beat : float
        Quarter notes in a felt beat.
    seconds : float
        Length of a felt beat.
    duration : float
        Seconds.
    rng : numpy.random.Generator
    intro : int or None
    ending : bool or None

    Returns
    -------
    (int, bool)
    """
    bar_seconds = tune.bar / beat * seconds
    short = [bars for bars in form["intro"] if bars * bar_seconds <= duration / 4]
    drawn = short[rng.integers(len(short))] if short else 0
    intro = drawn if intro is None else int(intro)
    if ending is None:  # a snippet of a few bars needs none
        ending = duration - RING >= (intro + 4) * bar_seconds
    return intro, bool(ending)


def plan(tune, beat, seconds, duration, intro, ending):
    """Lay out a piece.

    Parameters
    ----------
    tune, beat, seconds, duration
        As in `draw_form`.
    intro : int
        Bars before the tune begins.
    ending : bool
        Whether the piece closes at its last bar line (that leaves `RING` seconds to the last chord).

    Returns
    -------
    Form

    Raises
    ------
    UserError
        When there is no room for a single bar of the tune.
    """
    bar = tune.bar / beat
    end = None
    if ending:
        end = np.floor((duration - RING) / seconds / bar + 1e-6) * bar
    last = duration / seconds if end is None else end
    if intro and last - intro * bar < bar - 1e-6 or last <= 0:
        raise UserError(
            f"Intro and ending leave no bar for the tune in {duration:g} seconds: give a longer "
            f"duration, intro=0 or ending=False."
        )
    passages = [Passage(0.0, intro * bar, intro_chords(tune, intro), True)] if intro else []
    start, length = intro * bar, tune.length / beat
    while start < last - 1e-9:
        passages.append(Passage(start, min(length, last - start) if ending else length, tune.chords))
        start += length
    return Form(passages, end)


_GOLDEN = 0.618
SECTION = 4  # pattern bars after which a fill and a change may come


class Stage:
    """What the players know of one performance.

    Parameters
    ----------
    performance : Performance
        With its tempo, swing, intro and ending.
    recipe : Recipe
    valence, arousal : float
        Mood, -1 to 1.
    """

    def __init__(self, performance, recipe, valence, arousal):
        self.performance, self.recipe = performance, recipe
        self.valence, self.arousal = valence, arousal
        self.metre, self.beat = pattern_metre(performance.tune)
        self.steps = METRES[self.metre]
        self.clock = Clock(performance.tempo, performance.swing, self.beat == 1.5)
        low, high = zip(recipe.tempo, natural_tempo(recipe, arousal))
        self.feel = choose_feel(performance.tempo, (min(low), max(high)), self.metre)
        self.form = plan(
            performance.tune,
            self.beat,
            self.clock.seconds,
            performance.duration,
            performance.intro,
            performance.ending,
        )
        read = {}  # each time through the tune has the same harmony
        for passage in self.form.passages:
            if passage.is_intro not in read:
                luck = self.stream("intro" if passage.is_intro else "harmony")
                read[passage.is_intro] = [
                    self._colour(*chord[2:], valence, luck, number)
                    for number, chord in enumerate(passage.chords)
                ]
            passage.colours = read[passage.is_intro]
        self.home = self._colour(*tonic_chord(performance.tune), 0.0, self.stream("home"))

    def stream(self, name):
        """Random numbers of one player: no part depends on what another player leaves out."""
        return np.random.default_rng([self.performance.seed, *f"{self.recipe.genre} {name}".encode()])

    # Harmony -------------------------------------------------------------------------------------------

    def _colour(self, root, quality, valence, luck, number=0):
        """The genre's and the mood's reading of a chord: root, quality, intervals."""
        root = (root + self.performance.transpose) % 12
        # Multiples of the golden ratio lie evenly between 0 and 1: so even a few bars show the mood's share.
        chance = (number * _GOLDEN + 0.3 * luck.random()) % 1
        # The relative minor or major shares two of three tones, so the melody still fits.
        if chance < abs(valence) - 0.2:
            if valence < 0 and quality == "maj":
                root, quality = (root - 3) % 12, "min"
            elif valence > 0 and quality == "min":
                root, quality = (root + 3) % 12, "maj"
        choices = self.recipe.harmony[quality]
        return root, quality, choices[luck.integers(len(choices))]

    def colour(self, passage, step):
        """The chord (root, quality, intervals) at a step; after a passage comes the next one's first."""
        if step < self.total_steps(passage):
            return passage.colours[passage.harmony.at(steps_to_beats(step, self.feel) * self.beat)]
        number = next(i for i, other in enumerate(self.form.passages) if other is passage) + 1
        return self.form.passages[number].colours[0] if number < len(self.form.passages) else self.home

    def chord_times(self):
        """Chords in seconds, as written and as the band reads them, through intro, repeats and ending."""
        duration, shift = self.performance.duration, self.performance.transpose
        stop = duration if self.form.end is None else self.clock.tune(self.form.end)
        written, read = [], []
        for passage in self.form.passages:
            for (start, length, root, quality), colour in zip(passage.chords, passage.colours):
                first, last = (
                    self.clock.tune(passage.start + position / self.beat)
                    for position in (start, start + length)
                )
                if first < stop - 1e-6:
                    written.append((first, min(last, stop), (root + shift) % 12, quality))
                    read.append((first, min(last, stop), *colour[:2]))
        if self.form.end is not None:
            written.append((stop, duration, *self.home[:2]))
            read.append(written[-1])
        return written, read

    # Time ----------------------------------------------------------------------------------------------

    def total_steps(self, passage):
        """Pattern steps in a passage."""
        return int(np.ceil(passage.length * self.feel * STEPS_PER_BEAT - 1e-6))

    def sections(self):
        """(passage, number, first step, step after the last) of each stretch of SECTION pattern bars."""
        for passage in self.form.passages:
            total = self.total_steps(passage)
            for number, first in enumerate(range(0, total, SECTION * self.steps)):
                if self.time(passage, first) < self.performance.duration:
                    yield passage, number, first, min(first + SECTION * self.steps, total)

    def waits(self, role, passage, step):
        """Whether a part has not yet entered at a step of the intro."""
        share = steps_to_beats(step, self.feel) / passage.length
        return passage.is_intro and share < self.recipe.form["enter"].get(role, 1) - 1e-6

    def leads_on(self, passage, last):
        """Whether a section that ends before step `last` leads into the tune or into the ending."""
        into_ending = self.form.end is not None and passage is self.form.passages[-1]
        return last >= self.total_steps(passage) and (passage.is_intro or into_ending)

    def time(self, passage, step):
        """Seconds at which a pattern step falls."""
        return self.clock.groove(passage.start + steps_to_beats(step, self.feel))

    def last_chord(self):
        """Start and end, in seconds, of the chord that closes the piece; None where it does not close."""
        if self.form.end is None:
            return None
        start = self.clock.tune(self.form.end)
        if self.recipe.form["ending"] == "stop":
            return start, start + 0.6 * self.clock.seconds
        return start, min(start + max(2.0, 2 * self.clock.seconds), self.performance.duration - 0.3 * RING)

    # Touch ---------------------------------------------------------------------------------------------

    def note(self, role, rng, start, end, pitch, velocity):
        """A note as a human plays it: a little late or early, a little louder or softer."""
        late, spread = self.recipe.timing.get(role, (0, 5))
        start += (late + spread * float(np.clip(rng.normal(), -2, 2))) / 1000
        start = max(0.0, start)
        velocity = velocity * (1 + 0.16 * self.arousal) + rng.normal() * 4
        end = min(max(end, start + 0.04), self.performance.duration)
        return Note(start, end, int(pitch), int(np.clip(round(velocity), 1, 127)))

    def accent(self, step):
        """Velocity added by the place in the bar."""
        place = step % self.steps
        return 8 if place == 0 else 3 if place % STEPS_PER_BEAT == 0 else -4


# The band: plays a tune in a genre.
#
# `arrange` takes a tune, a recipe and a seed, and writes down what every member of the band plays, note by
# note. Equal tempo, swing, intro and ending make performances in different genres run in step, so that each is
# the known right answer to "this tune in that genre".


def arrange(
    tune,
    recipe,
    seed=0,
    *,
    tempo=None,
    swing=None,
    transpose=0,
    valence=0.0,
    arousal=0.0,
    duration=30.0,
    intro=None,
    ending=None,
):
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
    performance = Performance(
        tune,
        recipe.genre,
        seed,
        float(tempo or own_tempo),
        float(own_swing if swing is None else swing),
        transpose,
        float(duration),
    )
    _, beat = pattern_metre(tune)
    performance.intro, performance.ending = draw_form(
        recipe.form, tune, beat, 60 / performance.tempo, duration, rng, intro, ending
    )
    stage = Stage(performance, recipe, valence, arousal)
    line_up = recipe.sets[rng.integers(len(recipe.sets))]
    performance.parts = _parts(stage, line_up, rng)
    performance.beats = np.arange(0, duration, 60 / performance.tempo)
    performance.chords, performance.harmony = stage.chord_times()
    performance.mix = _mix(recipe, line_up, rng, arousal)
    return performance


def _check(tempo, swing, valence, arousal, duration, intro):
    limits = {
        "tempo": (tempo, 20, 400),
        "swing": (swing, 0, 1),
        "valence": (valence, -1, 1),
        "arousal": (arousal, -1, 1),
        "duration": (duration, 0.5, 7200),
        "intro": (intro, 0, 64),
    }
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
        part.notes = sorted(
            (n for n in part.notes if n.start < stage.performance.duration - 0.02),
            key=lambda n: (n.start, n.pitch),
        )
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
