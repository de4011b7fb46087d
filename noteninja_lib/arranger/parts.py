"""What the band plays under the tune: drums, bass and chords from step patterns.

A pattern is a string with four steps to a beat. The same pattern serves every metre and tempo: in 6/8 its
half beats fall on the last triplet, and a tempo far from the genre's own is met with half-time or
double-time, where one beat of the pattern lasts two beats of the tune or half a one.
"""

from bisect import bisect_right

import numpy as np

from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import DRUMS, FILL_STEPS, STEPS_PER_BEAT

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
    steps = {
        "R": 0,
        "8": 12,
        "2": 2,
        "3": third,
        "4": 5,
        "5": 6 if quality == "dim" else 7,
        "6": 9 if quality != "dim" else 8,
        "7": 11 if quality == "maj" else 10,
    }
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


# How a genre phrases a melody: without moving a note of it.
#
# A fiddler plays short notes off the beat, a blues guitar slides into the long ones, an orchestra swells towards
# the middle of a phrase. Onset and pitch of every note of the tune stay; length, loudness and the small notes
# ahead of it are the player's.

PHRASE = 4  # bars
SPREAD = 0.0018  # seconds: melodies breathe, but stay in step between genres
_GRACE = 0.055  # seconds of one small note
_WAYS = {"below": (-1,), "slide": (-2, -1)}  # semitones from the note that they lead to


def play_melody(stage, role, interval):
    """The tune, or a second voice beside it.

    Parameters
    ----------
    stage : Stage
    role : {"melody", "double"}
    interval : int or {"third", "sixth"}
        Of the second voice.

    Returns
    -------
    list of Note
    """
    tune, style, rng = stage.performance.tune, stage.recipe.melody, stage.stream(role)
    shift, notes, pitch = stage.performance.transpose, [], tune.notes[0][2]
    stop = stage.last_chord()[0] if stage.last_chord() else stage.performance.duration - 0.02
    classes = {(note[2] + shift) % 12 for note in tune.notes}
    for passage in stage.form.passages:
        for start, length, pitch_written in () if passage.is_intro else tune.notes:
            first, last = (
                stage.clock.tune(passage.start + position / stage.beat)
                for position in (start, start + length)
            )
            if first >= stop - 1e-6:
                break
            pitch = pitch_written
            share, velocity = touch(style, start, length, tune.bar, stage.beat, stage.arousal)
            colour = passage.colours[passage.harmony.at(start)]
            note = _sing(
                stage,
                rng,
                first,
                first + (min(last, stop) - first) * share,
                _voice(pitch + shift, role, interval, colour),
                velocity,
            )
            if role == "melody":
                notes += grace_notes(
                    style, note, notes[-1] if notes else None, length > 0.9 * stage.beat, classes, rng
                )
            notes.append(note)
    if stage.last_chord():  # on the tonic nearest to the last note
        pitch += min(range(-6, 7), key=lambda step: ((pitch + step - tune.tonic) % 12 > 0, abs(step)))
        notes.append(
            _sing(
                stage,
                rng,
                *stage.last_chord(),
                _voice(pitch + shift, role, interval, stage.home),
                style["velocity"],
            )
        )
    return notes


def _sing(stage, rng, first, last, pitch, velocity):
    """A note of the melody, placed by a human hand."""
    first += stage.recipe.melody["late"] / 1000 + float(np.clip(rng.normal(), -2, 2)) * SPREAD
    first = max(0.0, first)
    last = min(max(last, first + 0.05), stage.performance.duration)
    return Note(first, last, pitch, int(np.clip(round(velocity + rng.normal() * 4), 1, 127)))


def _voice(pitch, role, interval, colour):
    """The pitch itself; for a second voice an octave, or the next chord tone below in a third or sixth."""
    if role == "melody" or interval not in ("third", "sixth"):
        return pitch + (interval if role == "double" else 0)
    root, _, tones = colour
    classes = {(root + tone) % 12 for tone in tones}
    for distance in range(3, 6) if interval == "third" else range(7, 10):
        if (pitch - distance) % 12 in classes:
            return pitch - distance
    return pitch - (12 if interval == "sixth" else 0)


def touch(style, start, length, bar, beat, arousal=0.0):
    """How long and how loud a note of the tune is played.

    Parameters
    ----------
    style : dict
        The recipe's section ``melody``.
    start, length : float
        Of the note, in quarter notes from the beginning of the tune.
    bar, beat : float
        Quarter notes.
    arousal : float
        An excited player plays shorter and louder.

    Returns
    -------
    (float, float)
        Part of its written length that the note sounds, and MIDI velocity.
    """
    on_beat = start % beat < 1e-3
    # Long notes are sung out wherever they stand; short ones show the genre's articulation.
    share = style["length"] if on_beat or length > 0.9 * beat else style["offbeat"]
    accent = style["accent"] if on_beat else -style["accent"] / 2
    arch = np.sin(np.pi * (start / (PHRASE * bar) % 1)) - 0.5
    velocity = style["velocity"] * (1 + 0.14 * arousal) + accent + style["swell"] * arch
    return min(1.2, max(0.2, share * (1 - 0.08 * arousal))), float(velocity)


def grace_notes(style, note, previous, long_enough, classes, rng):
    """Small, quiet notes that lead into a long note of the tune.

    Parameters
    ----------
    style : dict
        ``grace`` (chance) and ``grace_from`` ("below", "slide" or "above") of the recipe's melody.
    note : Note
        The note of the tune; it keeps its place.
    previous : Note or None
        The one before it.
    long_enough : bool
        Whether the note is long enough to be led into.
    classes : set of int
        Pitch classes of the tune, for a grace note from above that stays in its key.
    rng : numpy.random.Generator

    Returns
    -------
    list of Note
        With `ornament` set; empty when there is no time or the player does not feel like it.
    """
    wanted, way = rng.random() < style["grace"], style["grace_from"]
    if way == "above":
        steps = (next((step for step in (2, 1) if (note.pitch + step) % 12 in classes), 2),)
    else:
        steps = _WAYS[way]
    begin = note.start - _GRACE * len(steps)
    free_from = 0.0 if previous is None else previous.start + 0.12
    if not (wanted and long_enough) or begin < free_from:
        return []
    return [
        Note(
            begin + i * _GRACE,
            begin + (i + 1) * _GRACE,
            note.pitch + step,
            max(1, int(0.6 * note.velocity)),
            ornament=True,
        )
        for i, step in enumerate(steps)
    ]


# The players under the tune: drums, bass and chords, from the patterns of a recipe.


def play_drums(stage):
    """The drummer's notes, with fills, crashes and the last stroke.

    Parameters
    ----------
    stage : Stage

    Returns
    -------
    list of Note
    """
    drums, notes, rng = stage.recipe.drums, [], stage.stream("drums")
    patterns = [choose(drums[stage.metre], stage.arousal, rng) for _ in range(2)]
    for passage, number, first, last in stage.sections():
        fill = _fill(stage, passage, first, last, rng)
        fill_from = last - FILL_STEPS if fill else last
        for step in range(first, last):
            if step >= fill_from:
                strokes = {key: row[step - fill_from] for key, row in fill.items()}
            elif not stage.waits("drums", passage, step):
                strokes = {
                    key: row[(step - first) % stage.steps] for key, row in patterns[number % 2].items()
                }
            else:
                continue
            for key, sign in strokes.items():
                # A calm drummer leaves some of the soft strokes out.
                if sign == "." or rng.random() < -0.6 * stage.arousal and sign == "o":
                    continue
                when = stage.time(passage, step)
                velocity = 104 * STRENGTH[sign] + stage.accent(step) / 2
                notes.append(stage.note("drums", rng, when, when + 0.2, key, velocity))
        begins = first == 0 and passage.start > 0
        if drums["crashes"] and (begins or number) and rng.random() < 0.5 + 0.5 * begins:
            when = stage.time(passage, first)
            notes.append(stage.note("drums", rng, when, when + 1.0, DRUMS["crash"], 92))
    if stage.last_chord():
        start, end = stage.last_chord()
        last = "crash" if drums["crashes"] else "snare" if stage.recipe.form["ending"] == "stop" else "ride"
        notes += [stage.note("drums", rng, start, end, DRUMS[name], 100) for name in ("kick", last)]
    return notes


def _fill(stage, passage, first, last, rng):
    """The fill that closes a section, or an empty dict; one always leads into tune and ending."""
    fills = stage.recipe.drums["fills"]
    fill, wanted = fills[rng.integers(len(fills))], rng.random() < 0.75 + 0.25 * stage.arousal
    if stage.leads_on(passage, last):
        return fill if last - first >= FILL_STEPS else {}
    return fill if wanted and last - first >= stage.steps else {}


def _strokes(stage, style, role, rng):
    """What a part plays: (passage, first step, step after the last, sign), changed by the mood."""
    patterns = [choose(style[stage.metre], stage.arousal, rng) for _ in range(2)]
    for passage, number, first, last in stage.sections():
        for start, stop, sign in hits(
            patterns[number % 2], stage.steps, first, last, lambda step: stage.colour(passage, step)
        ):
            for begin, end in enliven(start, stop, sign, stage.arousal, rng.random()):
                if not stage.waits(role, passage, begin):
                    yield passage, begin, end, sign


def play_bass(stage):
    """The bass player's notes (list of Note)."""
    style, notes, previous, rng = stage.recipe.bass, [], None, stage.stream("bass")
    low, high = style["range"]
    for passage, start, stop, sign in _strokes(stage, style, "bass", stage.stream("bass strokes")):
        chord, following = stage.colour(passage, start), stage.colour(passage, stop)
        chord = stage.home if sign == "p" else chord  # a pedal point stays on the tonic
        previous = bass_pitch(sign, chord[:2], following[:2], previous, low, high, rng)
        when, until = stage.time(passage, start), stage.time(passage, stop)
        notes.append(
            stage.note(
                "bass",
                rng,
                when,
                when + (until - when) * style["length"],
                previous,
                style["velocity"] + stage.accent(start),
            )
        )
    if stage.last_chord():
        pitch = bass_pitch("R", stage.home[:2], stage.home[:2], previous, low, high, rng)
        notes.append(stage.note("bass", rng, *stage.last_chord(), pitch, style["velocity"] + 4))
    return notes


def play_chords(stage, role):
    """The notes of a part that plays chords.

    Parameters
    ----------
    stage : Stage
    role : str
        A part of the recipe's section ``chords``.

    Returns
    -------
    list of Note
    """
    style, notes, previous, rng = stage.recipe.chords[role], [], [], stage.stream(role)
    # A sad band plays lower; a happy one higher, but not into the melody.
    shift = round((6 if stage.valence < 0 else 4) * stage.valence)
    low, high = (limit + shift for limit in style["range"])

    def play(colour, sign, when, until, velocity, strum):
        root, _, intervals = colour
        pitches = voice_chord([root + step for step in intervals], previous, low, high, style["voicing"])
        notes.extend(
            stage.note(role, rng, when + i * strum / 1000, until, pitch, velocity)
            for i, pitch in enumerate(selected(pitches, sign))
        )
        return pitches

    for passage, start, stop, sign in _strokes(stage, style, role, stage.stream(f"{role} strokes")):
        when, until = stage.time(passage, start), stage.time(passage, stop)
        velocity = style["velocity"] * STRENGTH.get(sign, 0.85) + stage.accent(start) / 2
        previous = play(
            stage.colour(passage, start),
            sign,
            when,
            when + (until - when) * style["length"],
            velocity,
            style["strum"],
        )
    if stage.last_chord():
        strum = 45 if stage.recipe.form["ending"] == "roll" else style["strum"]
        play(stage.home, "X", *stage.last_chord(), style["velocity"], strum)
    return notes
