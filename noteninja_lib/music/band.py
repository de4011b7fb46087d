"""The band: plays a tune in a genre.

`arrange` takes a tune, a recipe and a seed, and writes down what every member of the band plays, note by
note. Equal tempo and swing make performances in different genres run in step, so that each is the known
right answer to "this tune in that genre".
"""
import numpy as np

from ..errors import UserError
from . import accompaniment as acc
from .performance import Clock, Note, Part, Performance, choose_feel, pattern_metre
from .recipes import FILL_STEPS, METRES, STEPS_PER_BEAT

MELODY_SPREAD = 0.0022  # seconds: melodies breathe, but stay in step between genres
SECTION = 4  # pattern bars after which a fill and a change may come


def arrange(tune, recipe, seed=0, *, tempo=None, swing=None, transpose=0, valence=0.0, arousal=0.0,
            duration=30.0):
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

    Returns
    -------
    Performance

    Raises
    ------
    UserError
        When a number is out of range.
    """
    _check(tempo, swing, valence, arousal, duration)
    rng = np.random.default_rng([seed, *recipe.genre.encode()])
    # Drawn even when given, so that the same seed plays the same patterns at any tempo.
    own_tempo = rng.uniform(*recipe.tempo) * (1 + 0.15 * arousal)
    own_swing = rng.uniform(*recipe.swing)
    performance = Performance(tune, recipe.genre, seed, float(tempo or own_tempo),
                              float(own_swing if swing is None else swing), transpose, float(duration))
    band = _Arranger(performance, recipe, rng, valence, arousal)
    performance.parts = band.parts()
    performance.beats = np.arange(0, duration, 60 / performance.tempo)
    performance.chords = band.chord_times()
    performance.mix = band.mix()
    return performance


def _check(tempo, swing, valence, arousal, duration):
    limits = {"tempo": (tempo, 20, 400), "swing": (swing, 0, 1), "valence": (valence, -1, 1),
              "arousal": (arousal, -1, 1), "duration": (duration, 0.5, 7200)}
    for name, (value, low, high) in limits.items():
        if value is not None and not low <= value <= high:
            raise UserError(f"{name} is {value}, but must lie between {low} and {high}.")


class _Arranger:
    """Writes the parts of one performance."""

    def __init__(self, performance, recipe, rng, valence, arousal):
        self.performance, self.recipe, self.rng = performance, recipe, rng
        self.valence, self.arousal = valence, arousal
        tune = performance.tune
        self.metre, self.beat = pattern_metre(tune)
        self.clock = Clock(performance.tempo, performance.swing, self.beat == 1.5)
        self.feel = choose_feel(performance.tempo, recipe.tempo, self.metre)
        self.length = tune.length / self.beat  # beats in one time through the tune
        self.repeats = int(np.ceil(performance.duration / (self.length * self.clock.seconds) + 1e-9))
        self.steps = METRES[self.metre]
        self.line_up = recipe.sets[rng.integers(len(recipe.sets))]
        self.harmony = acc.Harmony(tune.chords)
        self.colours = [self._colour(chord) for chord in tune.chords]

    # Harmony -------------------------------------------------------------------------------------------

    def _colour(self, chord):
        """The genre's and the mood's reading of a chord: root, quality, intervals."""
        root, quality = (chord[2] + self.performance.transpose) % 12, chord[3]
        # The relative minor or major shares two of three tones, so the melody still fits.
        if self.rng.random() < abs(self.valence) - 0.3:
            if self.valence < 0 and quality == "maj":
                root, quality = (root - 3) % 12, "min"
            elif self.valence > 0 and quality == "min":
                root, quality = (root + 3) % 12, "maj"
        choices = self.recipe.harmony[quality]
        return root, quality, choices[self.rng.integers(len(choices))]

    def chord_times(self):
        """Written chords in seconds, through all repeats."""
        times = []
        for repeat in range(self.repeats):
            for start, length, root, quality in self.performance.tune.chords:
                first, last = (self.clock.tune(repeat * self.length + position / self.beat)
                               for position in (start, start + length))
                if first < self.performance.duration:
                    times.append((first, min(last, self.performance.duration),
                                  (root + self.performance.transpose) % 12, quality))
        return times

    # Time ----------------------------------------------------------------------------------------------

    def _sections(self):
        """(repeat, number, first step, last step) of each stretch of SECTION pattern bars."""
        total = int(np.ceil(self.length * self.feel * STEPS_PER_BEAT - 1e-6))
        for repeat in range(self.repeats):
            for number, first in enumerate(range(0, total, SECTION * self.steps)):
                yield repeat, number, first, min(first + SECTION * self.steps, total)

    def _time(self, repeat, step):
        return self.clock.groove(repeat * self.length + acc.steps_to_beats(step, self.feel))

    def _chord_at(self, step):
        return self.harmony.at(acc.steps_to_beats(step, self.feel) * self.beat)

    def _note(self, role, start, end, pitch, velocity):
        """A note as a human plays it: a little late or early, a little louder or softer."""
        late, spread = self.recipe.timing.get(role, (0, 5))
        start += (late + spread * float(np.clip(self.rng.normal(), -2, 2))) / 1000
        start = max(0.0, start)
        velocity = velocity * (1 + 0.16 * self.arousal) + self.rng.normal() * 4
        end = min(max(end, start + 0.04), self.performance.duration)
        return Note(start, end, int(pitch), int(np.clip(round(velocity), 1, 127)))

    def _accent(self, step):
        """Velocity added by the place in the bar."""
        place = step % self.steps
        return 8 if place == 0 else 3 if place % STEPS_PER_BEAT == 0 else -4

    # Parts ---------------------------------------------------------------------------------------------

    def parts(self):
        """All parts of the line-up."""
        parts = [self._melody("melody", 0)]
        for role, instrument in self.line_up.items():
            if role == "double":
                parts.append(self._melody("double", instrument["interval"]))
            elif role == "bass":
                parts.append(Part("bass", instrument["program"], False, self._bass()))
            elif role != "melody":
                parts.append(Part(role, instrument["program"], False, self._chords(role)))
        if self.recipe.drums:
            kits = self.recipe.drums["kits"]
            parts.append(Part("drums", kits[self.rng.integers(len(kits))], True, self._drums()))
        for part in parts:
            part.notes = sorted((n for n in part.notes if n.start < self.performance.duration - 0.02),
                                key=lambda n: (n.start, n.pitch))
        return parts

    def _melody(self, role, interval):
        """The tune, or a second voice beside it."""
        style, notes = self.recipe.melody, []
        for repeat in range(self.repeats):
            for start, length, pitch in self.performance.tune.notes:
                position = repeat * self.length + start / self.beat
                first, last = self.clock.tune(position), self.clock.tune(position + length / self.beat)
                if first >= self.performance.duration - 0.02:
                    break
                first = max(0.0, first + float(np.clip(self.rng.normal(), -2, 2)) * MELODY_SPREAD)
                last = min(first + (last - first) * style["length"], self.performance.duration)
                accent = style["accent"] if start % self.beat < 1e-3 else -style["accent"] / 2
                velocity = style["velocity"] * (1 + 0.14 * self.arousal) + accent + self.rng.normal() * 4
                pitch = pitch + self.performance.transpose
                if role == "double":
                    pitch = self._second_voice(pitch, start, interval)
                last = min(max(last, first + 0.05), self.performance.duration)
                notes.append(Note(first, last, pitch, int(np.clip(round(velocity), 1, 127))))
        return Part(role, self.line_up[role]["program"], False, notes)

    def _second_voice(self, pitch, position, interval):
        """An octave, or the next chord tone below that makes a third or sixth."""
        if interval not in ("third", "sixth"):
            return pitch + interval
        root, _, tones = self.colours[self.harmony.at(position)]
        classes = {(root + tone) % 12 for tone in tones}
        near, far = (3, 6) if interval == "third" else (7, 10)
        for distance in range(near, far):
            if (pitch - distance) % 12 in classes:
                return pitch - distance
        return pitch - (12 if interval == "sixth" else 0)

    def _drums(self):
        drums, notes = self.recipe.drums, []
        patterns = [acc.choose(drums[self.metre], self.arousal, self.rng) for _ in range(2)]
        for repeat, number, first, last in self._sections():
            rows = dict(patterns[number % 2])
            fill_from = last - FILL_STEPS if self.rng.random() < 0.75 + 0.25 * self.arousal else last
            fill = drums["fills"][self.rng.integers(len(drums["fills"]))]
            if not fill or (last - first) < self.steps:
                fill_from = last
            for step in range(first, last):
                filling = step >= fill_from
                for key, row in (fill if filling else rows).items():
                    sign = row[step - fill_from] if filling else row[(step - first) % self.steps]
                    # A calm drummer leaves some of the soft strokes out.
                    if sign == "." or (sign == "o" and self.rng.random() < -0.6 * self.arousal):
                        continue
                    when = self._time(repeat, step)
                    velocity = 104 * acc.STRENGTH[sign] + self._accent(step) / 2
                    notes.append(self._note("drums", when, when + 0.2, key, velocity))
            if drums["crashes"] and (number or repeat) and self.rng.random() < 0.5:
                when = self._time(repeat, first)
                notes.append(self._note("drums", when, when + 1.0, 49, 92))
        return notes

    def _bass(self):
        style, notes, previous = self.recipe.bass, [], None
        low, high = style["range"]
        patterns = [acc.choose(style[self.metre], self.arousal, self.rng) for _ in range(2)]
        for repeat, number, first, last in self._sections():
            found = list(acc.hits(patterns[number % 2], self.steps, first, last, self._chord_at))
            for i, (start, stop, sign) in enumerate(found):
                chord = self.colours[self._chord_at(start)]
                following = self.colours[self._chord_at(found[i + 1][0] if i + 1 < len(found) else 0)]
                pitch = acc.bass_pitch(sign, chord[:2], following[:2], previous, low, high, self.rng)
                previous = pitch
                when, until = self._time(repeat, start), self._time(repeat, stop)
                notes.append(self._note("bass", when, when + (until - when) * style["length"], pitch,
                                        style["velocity"] + self._accent(start)))
        return notes

    def _chords(self, role):
        style, notes, previous = self.recipe.chords[role], [], []
        # A happy band plays higher, a sad one lower.
        low, high = (int(limit + round(4 * self.valence)) for limit in style["range"])
        patterns = [acc.choose(style[self.metre], self.arousal, self.rng) for _ in range(2)]
        for repeat, number, first, last in self._sections():
            for start, stop, sign in acc.hits(patterns[number % 2], self.steps, first, last, self._chord_at):
                root, _, intervals = self.colours[self._chord_at(start)]
                tones = [root + interval for interval in intervals]
                pitches = acc.voice_chord(tones, previous, low, high, style["voicing"])
                previous = pitches
                when, until = self._time(repeat, start), self._time(repeat, stop)
                velocity = style["velocity"] * acc.STRENGTH.get(sign, 0.85) + self._accent(start) / 2
                late = 0.0
                for pitch in acc.selected(pitches, sign):
                    end = when + (until - when) * style["length"]
                    notes.append(self._note(role, when + late, end, pitch, velocity))
                    late += style["strum"] / 1000
        return notes

    def mix(self):
        """Levels and effect chains of this performance's line-up, for the renderer."""
        recipe, levels, chains = self.recipe.mix, {}, {}
        for role in (*self.line_up, *(["drums"] if self.recipe.drums else [])):
            instrument = self.line_up.get(role, {"level": 0, "chain": "drums"})  # a kit is not in the line-up
            own = 0.0 if role == "melody" else float(self.rng.uniform(-1.5, 1.5))  # no two mixes are alike
            levels[role] = recipe["levels"].get(role, -8) + instrument["level"] + own
            chains[role] = recipe["chains"].get(instrument["chain"], [])
        chains["bus"] = recipe["chains"].get("bus", [])
        return {"levels": levels, "chains": chains, "brightness": 3.0 * self.arousal}
