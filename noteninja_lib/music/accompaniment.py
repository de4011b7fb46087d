"""What the band plays under the tune: drums, bass and chords from step patterns.

A pattern is a string with four steps to a beat. The same pattern serves every metre and tempo: in 6/8 its
half beats fall on the last triplet, and a tempo far from the genre's own is met with half-time or
double-time, where one beat of the pattern lasts two beats of the tune or half a one.
"""
from bisect import bisect_right

import numpy as np

from .recipes import STEPS_PER_BEAT

STRENGTH = {"X": 1.0, "x": 0.82, "o": 0.5}


class Harmony:
    """The chords of a tune, looked up by position in quarter notes."""

    def __init__(self, chords):
        self.chords = chords
        self.starts = [chord[0] for chord in chords]

    def at(self, position):
        """Index of the chord that sounds at `position`."""
        return max(0, bisect_right(self.starts, position + 1e-6) - 1)


def voice_chord(tones, previous, low, high, style):
    """Choose pitches for a chord.

    Parameters
    ----------
    tones : list of int
        Pitch of the root in octave 0 (0-11) plus each interval; root first.
    previous : list of int
        The last chord of this part, for smooth voice leading; may be empty.
    low, high : int
        Range of MIDI pitches.
    style : {"close", "open", "power", "shell", "strum"}

    Returns
    -------
    list of int
        Ascending MIDI pitches.
    """
    root = tones[0] + 12 * -(-(low - tones[0]) // 12)  # lowest root inside the range
    if style == "power":
        return [root, root + 7, root + 12]
    if style == "strum":  # a guitar: root at the bottom, then chord tones upwards
        classes = {tone % 12 for tone in tones}
        return [root] + [p for p in range(root + 5, min(high, root + 24) + 1) if p % 12 in classes][:4]
    if style == "shell" and len(tones) > 3:  # third and seventh tell the chord; the bass has the root
        tones = tones[1:2] + tones[3:]
    # Each tone goes to the octave nearest to where the hand was, so that chords move by small steps.
    centre = sum(previous) / len(previous) if previous else (low + high) / 2
    centre = 0.7 * centre + 0.3 * (low + high) / 2
    pitches = set()
    for tone in tones:
        choices = [p for p in range(low, high + 1) if p % 12 == tone % 12]
        pitches.add(min(choices, key=lambda p: (abs(p - centre), p)))
    pitches = sorted(pitches)
    if style == "open" and len(pitches) > 2 and pitches[-2] - 12 >= low - 7:  # "drop 2"
        pitches[-2] -= 12
    return sorted(pitches)


def hits(pattern, steps, first, last, chord_at):
    """Read a pattern over a stretch of steps.

    A sign starts a note and "-" holds it; a held note starts again where the chord changes.

    Yields
    ------
    (int, int, str)
        First step, step after the last, and the sign.
    """
    start = sign = chord = None
    for step in range(first, last):
        here = pattern[(step - first) % steps]
        if here == "-" and sign is not None and chord_at(step) != chord:
            yield start, step, sign
            start, chord, sign = step, chord_at(step), ("R" if sign in "R3567824aw" else sign)
        elif here != "-":
            if sign is not None:
                yield start, step, sign
            start, chord, sign = (step, chord_at(step), here) if here != "." else (None, None, None)
    if sign is not None:
        yield start, last, sign


def selected(pitches, sign):
    """Which notes of a chord a sign plays: all, the lowest, the upper ones, or one by number."""
    if sign == "l":
        return pitches[:1]
    if sign == "h":
        return pitches[1:] or pitches
    if sign in "12345":
        octave, index = divmod(int(sign) - 1, len(pitches))
        return [pitches[index] + 12 * octave]
    return pitches


def bass_pitch(sign, chord, following, previous, low, high, rng):
    """The bass note for one sign of a bass pattern.

    Parameters
    ----------
    sign : str
        R root, 8 octave, 2 3 4 5 6 7 that step above the root, a approach to the next chord, w walk, p pedal
        point (`chord` is then the tonic's).
    chord, following : (int, str)
        Root pitch class and quality now, and at the next note.
    previous : int or None
    low, high : int
    rng : numpy.random.Generator

    Returns
    -------
    int
    """
    root, quality = chord
    third = 3 if quality in ("min", "dim") else 4
    steps = {"R": 0, "8": 12, "2": 2, "3": third, "4": 5, "5": 6 if quality == "dim" else 7,
             "6": 9 if quality != "dim" else 8, "7": 11 if quality == "maj" else 10}
    base = root + 12 * -(-(low - root) // 12)
    if base - low > 8 and base + 7 > high:
        base -= 12
    if sign == "w" and previous is not None:
        if following[0] != root:
            sign = "a"
        elif (previous - base) % 12 == 0:
            return base + steps[rng.choice(["3", "5", "2"])]
        else:
            tones = [base + 12 * octave + steps[name] for octave in (-1, 0, 1) for name in "R356"]
            tones = [p for p in tones if low <= p <= high and 0 < abs(p - previous) <= 5]
            return int(rng.choice(tones)) if tones else base
    if sign == "a":
        target = following[0] + 12 * -(-(low - following[0]) // 12)
        near = previous if previous is not None else target
        target = min((target, target + 12), key=lambda p: abs(p - near))
        return int(target + rng.choice([-1, 1, -5, 2])) if target + 2 <= high else target - 1
    pitch = base + steps.get(sign, 0)
    return pitch - 12 if pitch > high + 4 else pitch


def pattern_density(pattern):
    """Notes in a pattern: a string, or a drum pattern with several rows."""
    rows = pattern.values() if isinstance(pattern, dict) else [pattern]
    return sum(sign not in ".-" for row in rows for sign in row)


def choose(patterns, arousal, rng):
    """Draw a pattern; an excited mood favours busy ones, a calm mood sparse ones."""
    if len(patterns) == 1:
        return patterns[0]
    # From sparse to busy: with the same luck, a more excited band then never draws a sparser pattern.
    patterns = sorted(patterns, key=pattern_density)
    weights = np.exp(2.5 * arousal * np.linspace(-1, 1, len(patterns)))
    return patterns[rng.choice(len(patterns), p=weights / weights.sum())]


def enliven(start, stop, sign, arousal, luck):
    """What the mood makes of one stroke of a bass or chord pattern.

    A calm player leaves weak strokes out, an excited one strikes long notes twice. Strokes on the beat and
    loud ones ("X") carry the pattern: they are never left out.

    Parameters
    ----------
    start, stop : int
        Steps.
    sign : str
    arousal : float
    luck : float
        0 to 1, drawn for this stroke.

    Returns
    -------
    list of (int, int)
        First step and step after the last of what is played.
    """
    if sign != "X" and start % STEPS_PER_BEAT and luck < -0.5 * arousal:
        return []
    if stop - start >= STEPS_PER_BEAT and luck > 1 - 0.6 * arousal:
        middle = start + (stop - start) // 4 * 2
        return [(start, middle), (middle, stop)]
    return [(start, stop)]


def steps_to_beats(step, feel):
    """Position of a pattern step in beats of the tune."""
    return step / STEPS_PER_BEAT / feel
