"""The stage: what all players share while they play one tune.

The clock, the form, the harmony as genre and mood read it, and the way in which a human hand misses the grid.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from noteninja_lib.arranger.performance import Clock, Note, Performance, Tune, choose_feel, pattern_metre
from noteninja_lib.arranger.recipe import METRES, STEPS_PER_BEAT, Recipe
from noteninja_lib.errors import UserError

RING = 1.0  # seconds that the last chord has at least to sound
SECTION = 4  # pattern bars after which a fill and a change may come
#: Chords of songs that recipes do not know -> those that they play in their place.
PLAINER = dict.fromkeys(("maj7", "maj6", "aug", "sus4", "sus2", "5"), "maj") | {"aug7": "dom7"}
PLAINER |= dict.fromkeys(("min7", "min6", "minmaj7"), "min") | dict.fromkeys(("hdim7", "dim7"), "dim")
Chord = tuple[int, str, list[int]]  # root pitch class, quality, intervals above the root


@dataclass
class Passage:
    """The intro, or one time through the tune.

    Attributes
    ----------
    start, length : float
        In felt beats from the beginning of the piece.
    chords : tuple of (float, float, int, str)
        Start and length in quarter notes from the beginning of the passage, root, quality; not transposed.
    harmony : list of (int, str, list of int)
        The same chords as they are played: root, quality, intervals; transposed.
    """

    start: float
    length: float
    chords: tuple
    is_intro: bool = False
    harmony: list[Chord] = field(default_factory=list)


def tonic_chord(tune: Tune) -> tuple[int, str]:
    """Root pitch class and quality of the chord on which a tune is at home."""
    return tune.tonic, "min" if tune.mode in ("minor", "dorian") else "maj"


def intro_chords(tune: Tune, bars: int) -> tuple[tuple[float, float, int, str], ...]:
    """Tonic, with the dominant before the tune begins; four bars and more touch the subdominant.

    The chords are as in `Tune.chords`, without gaps over `bars` bars of the tune.
    """
    root, quality = tonic = tonic_chord(tune)
    dominant, subdominant = ((root + 7) % 12, "dom7"), ((root + 5) % 12, quality)
    steps = [(bars - 1, tonic), (1, dominant)]
    if bars == 1:
        steps = [(0.5, tonic), (0.5, dominant)]
    elif bars >= 4:
        steps = [(bars - 2, tonic), (1, subdominant), (1, dominant)]
    starts = np.cumsum([0, *(length for length, _ in steps)]) * tune.bar
    return tuple((float(start), length * tune.bar, *chord) for start, (length, chord) in zip(starts, steps))


def chord_index(chords: list | tuple, position: float) -> int:
    """Index of the chord (start first) that sounds at `position`."""
    return max(0, bisect_right(chords, position + 1e-6, key=lambda chord: chord[0]) - 1)


class Stage:
    """What the players know of one performance.

    The form follows from the tune, the tempo, the intro and the ending, never from the genre: so performances
    in different genres stay in step, with the same harmony under them.

    Parameters
    ----------
    performance : Performance
        With its tempo, swing, intro and ending.
    recipe : Recipe
    valence, arousal : float
        Mood, -1 to 1.

    Raises
    ------
    UserError
        When there is no room for a single bar of the tune.
    """

    def __init__(self, performance: Performance, recipe: Recipe, valence: float, arousal: float):
        assert performance.tune is not None  # only what is not arranged has none
        self.performance, self.recipe, self.tune = performance, recipe, performance.tune
        self.valence, self.arousal = valence, arousal
        self.metre, self.beat = pattern_metre(self.tune)
        self.steps = METRES[self.metre]
        self.clock = Clock(performance.tempo, performance.swing, self.beat == 1.5)
        low, high = zip(recipe.tempo, recipe.natural_tempo(arousal))
        self.feel = choose_feel(performance.tempo, (min(low), max(high)), self.metre)
        self.passages, self.end = self._plan()
        for passage in self.passages:
            # Equal random numbers each time through the tune, so that its harmony stays the same.
            rng = self.stream("intro" if passage.is_intro else "harmony")
            written = enumerate(chord[2:] for chord in passage.chords)
            passage.harmony = [self._read(root, kind, valence, rng, i) for i, (root, kind) in written]
        self.home = self._read(*tonic_chord(self.tune), 0.0, self.stream("home"))

    def _plan(self):
        """The passages, and the last bar line in felt beats (None where the piece just goes on)."""
        tune, duration, intro = self.tune, self.performance.duration, self.performance.intro
        bar, length, end = tune.bar / self.beat, tune.length / self.beat, None
        if self.performance.ending:
            end = np.floor((duration - RING) / self.clock.seconds / bar + 1e-6) * bar
        last = duration / self.clock.seconds if end is None else end
        if intro and last - intro * bar < bar - 1e-6 or last <= 0:
            problem = f"Intro and ending leave no bar for the tune in {duration:g} seconds"
            raise UserError(f"{problem}: give a longer duration, intro=0 or ending=False.")
        passages = [Passage(0.0, intro * bar, intro_chords(tune, intro), True)] if intro else []
        start = intro * bar
        while start < last - 1e-9:
            passages.append(Passage(start, length if end is None else min(length, last - start), tune.chords))
            start += length
        return passages, end

    def stream(self, name: str) -> Generator:
        """Random numbers of one player: no part depends on what another player leaves out."""
        return np.random.default_rng([self.performance.seed, *f"{self.recipe.genre} {name}".encode()])

    def _read(self, root, quality, valence, rng, number=0):
        """A chord of the tune as genre and mood read it."""
        root = (root + self.performance.transpose) % 12
        # Multiples of the golden ratio lie evenly between 0 and 1: so even a few bars show the mood's share.
        chance = (number * 0.618 + 0.3 * rng.random()) % 1
        # The relative minor or major shares two of three tones, so the melody still fits.
        if chance < abs(valence) - 0.2:
            if valence < 0 and quality == "maj":
                root, quality = (root - 3) % 12, "min"
            elif valence > 0 and quality == "min":
                root, quality = (root + 3) % 12, "maj"
        quality = PLAINER.get(quality, quality)
        choices = self.recipe.harmony[quality]
        return root, quality, choices[rng.integers(len(choices))]

    def chord(self, passage: Passage, step: int) -> Chord:
        """The chord at a step; after a passage comes the next one's first."""
        if step < self.total_steps(passage):
            return passage.harmony[chord_index(passage.chords, self.beats(step) * self.beat)]
        following = self.passages.index(passage) + 1
        return self.passages[following].harmony[0] if following < len(self.passages) else self.home

    def chord_times(self) -> tuple[list, list]:
        """Chords in seconds, as written and as played, through intro, repeats and ending."""
        duration, shift = self.performance.duration, self.performance.transpose
        stop = duration if self.end is None else self.clock.tune(self.end)
        written, played = [], []
        for passage in self.passages:
            for (start, length, root, quality), chord in zip(passage.chords, passage.harmony):
                first, last = self.tune_time(passage, start), self.tune_time(passage, start + length)
                if first < stop - 1e-6:
                    written.append((first, min(last, stop), (root + shift) % 12, quality))
                    played.append((first, min(last, stop), *chord[:2]))
        closing = [] if self.end is None else [(stop, duration, *self.home[:2])]
        return written + closing, played + closing

    def beats(self, step: int) -> float:
        """Position of a pattern step in felt beats of the tune."""
        return step / STEPS_PER_BEAT / self.feel

    def time(self, passage: Passage, step: int) -> float:
        """Seconds at which a pattern step falls."""
        return self.clock.groove(passage.start + self.beats(step))

    def tune_time(self, passage: Passage, position: float) -> float:
        """Seconds at which a note of the tune falls, from its place in quarter notes."""
        return self.clock.tune(passage.start + position / self.beat)

    def total_steps(self, passage: Passage) -> int:
        """Pattern steps in a passage."""
        return int(np.ceil(passage.length * self.feel * STEPS_PER_BEAT - 1e-6))

    def sections(self) -> Iterator[tuple[Passage, int, int, int]]:
        """(passage, number, first step, step after the last) of each stretch of SECTION pattern bars."""
        for passage in self.passages:
            total = self.total_steps(passage)
            for number, first in enumerate(range(0, total, SECTION * self.steps)):
                if self.time(passage, first) < self.performance.duration:
                    yield passage, number, first, min(first + SECTION * self.steps, total)

    def waits(self, role: str, passage: Passage, step: int) -> bool:
        """Whether a part has not yet entered at a step of the intro."""
        share = self.beats(step) / passage.length
        return passage.is_intro and share < self.recipe.form["enter"].get(role, 1) - 1e-6

    def last_chord(self) -> tuple[float, float] | None:
        """Start and end, in seconds, of the chord that closes the piece; None where it does not close."""
        if self.end is None:
            return None
        start = self.clock.tune(self.end)
        if self.recipe.form["ending"] == "stop":
            return start, start + 0.6 * self.clock.seconds
        return start, min(start + max(2.0, 2 * self.clock.seconds), self.performance.duration - 0.3 * RING)

    def note(self, role: str, rng: Generator, start: float, end: float, pitch: int, velocity: float) -> Note:
        """A note as a human plays it: a little late or early, a little louder or softer."""
        late, spread = self.recipe.timing.get(role, (0, 5))
        start = max(0.0, start + (late + spread * float(np.clip(rng.normal(), -2, 2))) / 1000)
        velocity = velocity * (1 + 0.16 * self.arousal) + rng.normal() * 4
        end = min(max(end, start + 0.04), self.performance.duration)
        return Note(start, end, int(pitch), int(np.clip(round(velocity), 1, 127)))

    def accent(self, step: int) -> int:
        """Velocity added by the place in the bar."""
        place = step % self.steps
        return 8 if place == 0 else 3 if place % STEPS_PER_BEAT == 0 else -4
