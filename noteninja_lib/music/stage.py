"""The stage: what all players of a band share while they play one tune.

The clock, the form, the harmony as genre and mood read it, and the way in which a human hand misses the grid.
"""
import numpy as np

from .accompaniment import steps_to_beats
from .form import RING, plan, tonic_chord
from .performance import Clock, Note, choose_feel, natural_tempo, pattern_metre
from .recipes import METRES, STEPS_PER_BEAT

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
        self.form = plan(performance.tune, self.beat, self.clock.seconds, performance.duration,
                         performance.intro, performance.ending)
        read = {}  # each time through the tune has the same harmony
        for passage in self.form.passages:
            if passage.is_intro not in read:
                luck = self.stream("intro" if passage.is_intro else "harmony")
                read[passage.is_intro] = [self._colour(*chord[2:], valence, luck, number)
                                          for number, chord in enumerate(passage.chords)]
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
                first, last = (self.clock.tune(passage.start + position / self.beat)
                               for position in (start, start + length))
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
