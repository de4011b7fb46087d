"""What the players play: the melody as a genre phrases it; drums, bass, chords and voice from step patterns.

A pattern is a string with four steps to a beat. The same pattern serves every metre and tempo: in 6/8 its
half beats fall on the last triplet, and a tempo far from the genre's own is met with half-time or
double-time, where one beat of the pattern lasts two beats of the tune or half a one.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.random import Generator

from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import DRUMS, FILL_STEPS, STEPS_PER_BEAT, STRENGTH
from noteninja_lib.arranger.stage import Chord, Stage, chord_index

Pattern = TypeVar("Pattern", str, dict[int, str])  # a row of signs, or one for each drum


def voice_chord(tones: list[int], previous: list[int], low: int, high: int, style: str) -> list[int]:
    """Choose pitches for a chord (MIDI, ascending).

    Parameters
    ----------
    tones : list of int
        Pitch of the root in octave 0 (0-11) plus each interval; root first.
    previous : list of int
        The last chord of this part, for smooth voice leading; may be empty.
    low, high : int
        Range of MIDI pitches.
    style : {"close", "open", "power", "shell", "strum"}
    """
    root = _lowest(tones[0], low)
    if style == "power":
        return [root, root + 7, root + 12]
    if style == "strum":  # a guitar: root at the bottom, then chord tones upwards
        classes = {tone % 12 for tone in tones}
        return [root] + [p for p in range(root + 5, min(high, root + 24) + 1) if p % 12 in classes][:4]
    if style == "shell" and len(tones) > 3:  # third and seventh tell the chord; the bass has the root
        tones = tones[1:2] + tones[3:]
    # Each tone goes to the octave nearest to where the hand was, so that chords move by small steps.
    middle = (low + high) / 2
    centre = 0.7 * (sum(previous) / len(previous) if previous else middle) + 0.3 * middle
    pitches = set()
    for tone in tones:
        choices = [p for p in range(low, high + 1) if p % 12 == tone % 12]
        pitches.add(min(choices, key=lambda p: (abs(p - centre), p)))
    pitches = sorted(pitches)
    if style == "open" and len(pitches) > 2 and pitches[-2] - 12 >= low - 7:  # "drop 2"
        pitches[-2] -= 12
    return sorted(pitches)


def _lowest(pitch_class, low):
    """The lowest pitch of a class that is not below `low`."""
    return low + (pitch_class - low) % 12


def hits(pattern: str, steps: int, first: int, last: int, chord_at: Callable) -> Iterator[tuple]:
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


def selected(pitches: list[int], sign: str) -> list[int]:
    """Which notes of a chord a sign plays: all, the lowest, the upper ones, or one by number."""
    if sign in "12345":
        octave, index = divmod(int(sign) - 1, len(pitches))
        return [pitches[index] + 12 * octave]
    return pitches[:1] if sign == "l" else pitches[1:] or pitches if sign == "h" else pitches


def bass_pitch(
    sign: str, chord: Chord, following: Chord, previous: int | None, low: int, high: int, rng: Generator
) -> int:
    """The bass note for one sign of a bass pattern, as a MIDI pitch.

    Parameters
    ----------
    sign : str
        R root, 8 octave, 2 3 4 5 6 7 that step above the root, a approach to the next chord, w walk, p pedal
        point (`chord` is then the tonic's).
    chord, following : (int, str, list of int)
        Root pitch class, quality and intervals now, and at the next note.
    previous : int or None
        The pitch before.
    low, high : int
        Range of MIDI pitches.
    rng : numpy.random.Generator
    """
    root, quality = chord[:2]
    third, fifth = (3 if quality in ("min", "dim") else 4), (6 if quality == "dim" else 7)
    sixth, seventh = (8 if quality == "dim" else 9), (11 if quality == "maj" else 10)
    steps = {"R": 0, "2": 2, "3": third, "4": 5, "5": fifth, "6": sixth, "7": seventh, "8": 12}
    base = _lowest(root, low)
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
        target = _lowest(following[0], low)
        if previous is not None and abs(target + 12 - previous) < abs(target - previous):
            target += 12
        return int(target + rng.choice([-1, 1, -5, 2])) if target + 2 <= high else target - 1
    pitch = base + steps.get(sign, 0)
    return pitch - 12 if pitch > high + 4 else pitch


def choose(patterns: list[Pattern], arousal: float, rng: Generator) -> Pattern:
    """Draw a pattern; an excited mood favours busy ones, a calm mood sparse ones."""
    if len(patterns) == 1:
        return patterns[0]

    def notes(pattern):  # a drum pattern has several rows
        signs = "".join(pattern.values()) if isinstance(pattern, dict) else pattern
        return sum(sign not in ".-" for sign in signs)

    # From sparse to busy: with the same random number, more excitement then never draws a sparser pattern.
    patterns = sorted(patterns, key=notes)
    weights = np.exp(2.5 * arousal * np.linspace(-1, 1, len(patterns)))
    return patterns[rng.choice(len(patterns), p=weights / weights.sum())]


def enliven(start: int, stop: int, sign: str, arousal: float, chance: float) -> list[tuple[int, int]]:
    """What the mood makes of one stroke of a bass or chord pattern.

    A calm player leaves weak strokes out, an excited one strikes long notes twice. Strokes on the beat and
    loud ones ("X") carry the pattern: they are never left out.

    Parameters
    ----------
    start, stop : int
        Steps.
    sign : str
    arousal : float
        -1 to 1.
    chance : float
        0 to 1, drawn for this stroke.

    Returns
    -------
    list of (int, int)
        First step and step after the last of what is played.
    """
    if sign != "X" and start % STEPS_PER_BEAT and chance < -0.5 * arousal:
        return []
    if stop - start >= STEPS_PER_BEAT and chance > 1 - 0.6 * arousal:
        middle = start + (stop - start) // 4 * 2
        return [(start, middle), (middle, stop)]
    return [(start, stop)]


# How a genre phrases a melody, without moving a note of it: a fiddler plays short notes off the beat, a blues
# guitar slides into the long ones, an orchestra swells towards the middle of a phrase. Onset and pitch of a
# note of the tune stay; length, loudness and the small notes ahead of it are the player's.

PHRASE = 4  # bars
SPREAD = 0.0018  # seconds: melodies breathe, but stay in step between genres
_GRACE = 0.055  # seconds of one small note


def play_melody(stage: Stage, role: str, interval: int | str) -> list[Note]:
    """The tune, or (role "double") a second voice: semitones away, or a "third" or "sixth" down."""
    tune, style, rng = stage.tune, stage.recipe.melody, stage.stream(role)
    shift, duration, closing = stage.performance.transpose, stage.performance.duration, stage.last_chord()
    stop = closing[0] if closing else duration - 0.02
    classes = {(note[2] + shift) % 12 for note in tune.notes}
    notes, pitch = [], tune.notes[0][2]

    def sing(first, last, chord, velocity):
        """A note, placed by a human hand."""
        sung = pitch + shift if role == "melody" else second_voice(pitch + shift, interval, chord)
        first = max(0.0, first + (style["late"] / 1000 + float(np.clip(rng.normal(), -2, 2)) * SPREAD))
        last = min(max(last, first + 0.05), duration)
        return Note(first, last, sung, int(np.clip(round(velocity + rng.normal() * 4), 1, 127)))

    for passage in stage.passages:
        for start, length, pitch_written in () if passage.is_intro else tune.notes:
            first, last = stage.tune_time(passage, start), stage.tune_time(passage, start + length)
            if first >= stop - 1e-6:
                break
            pitch = pitch_written
            share, velocity = articulation(stage, start, length)
            chord = passage.harmony[chord_index(passage.chords, start)]
            note = sing(first, first + (min(last, stop) - first) * share, chord, velocity)
            if role == "melody":
                is_long, previous = length > 0.9 * stage.beat, notes[-1] if notes else None
                notes += grace_notes(style, note, previous, is_long, classes, rng)
            notes.append(note)
    if closing:  # on the tonic nearest to the last note
        pitch += min(range(-6, 7), key=lambda step: ((pitch + step - tune.tonic) % 12 > 0, abs(step)))
        notes.append(sing(*closing, stage.home, style["velocity"]))
    return notes


def second_voice(pitch: int, interval: int | str, chord: tuple) -> int:
    """The pitch beside a melody's: so many semitones away, or the next chord tone a third or sixth below."""
    if not isinstance(interval, str):
        return pitch + interval
    classes = {(chord[0] + tone) % 12 for tone in chord[2]}
    for distance in range(3, 6) if interval == "third" else range(7, 10):
        if (pitch - distance) % 12 in classes:
            return pitch - distance
    return pitch - (12 if interval == "sixth" else 0)


def articulation(stage: Stage, start: float, length: float) -> tuple[float, float]:
    """The part of its written length that a note of the tune sounds, and its MIDI velocity.

    Start and length are in quarter notes from the beginning of the tune. Excitement makes shorter and louder.
    """
    style, arousal, beat, bar = stage.recipe.melody, stage.arousal, stage.beat, stage.tune.bar
    on_beat = start % beat < 1e-3
    # Long notes are sung out wherever they stand; short ones show the genre's articulation.
    share = style["length"] if on_beat or length > 0.9 * beat else style["offbeat"]
    accent = style["accent"] if on_beat else -style["accent"] / 2
    arch = np.sin(np.pi * (start / (PHRASE * bar) % 1)) - 0.5
    velocity = style["velocity"] * (1 + 0.14 * arousal) + accent + style["swell"] * arch
    return min(1.2, max(0.2, share * (1 - 0.08 * arousal))), float(velocity)


def grace_notes(
    style: dict, note: Note, previous: Note | None, is_long: bool, classes: set[int], rng: Generator
) -> list[Note]:
    """Small, quiet notes that lead into a long note of the tune.

    Parameters
    ----------
    style : dict
        ``grace`` (chance) and ``grace_from`` ("below", "slide" or "above") of the recipe's melody.
    note, previous : Note
        The note of the tune, which keeps its place, and the one before it (or None).
    is_long : bool
        Whether the note is long enough to be led into.
    classes : set of int
        Pitch classes of the tune, for a grace note from above that stays in its key.
    rng : numpy.random.Generator

    Returns
    -------
    list of Note
        With `ornament` set; empty when there is no time or the player does not feel like it.
    """
    wanted = rng.random() < style["grace"]
    above = next((step for step in (2, 1) if (note.pitch + step) % 12 in classes), 2)
    steps = {"below": (-1,), "slide": (-2, -1), "above": (above,)}[style["grace_from"]]
    begin = note.start - _GRACE * len(steps)
    if not (wanted and is_long) or begin < (previous.start + 0.12 if previous else 0.0):
        return []
    velocity, times = max(1, int(0.6 * note.velocity)), [begin + i * _GRACE for i in range(len(steps) + 1)]
    return [Note(*time, note.pitch + step, velocity, True) for time, step in zip(pairwise(times), steps)]


def play_drums(stage: Stage) -> list[Note]:
    """The drummer's notes, with fills, crashes and the last stroke."""
    drums, notes, rng, closing = stage.recipe.drums, [], stage.stream("drums"), stage.last_chord()
    patterns = [choose(drums[stage.metre], stage.arousal, rng) for _ in range(2)]
    for passage, number, first, last in stage.sections():
        fill = _fill(stage, passage, first, last, rng)
        fill_from = last - FILL_STEPS if fill else last
        for step in range(first, last):
            if step < fill_from and stage.waits("drums", passage, step):
                continue
            pattern, place = patterns[number % 2], (step - first) % stage.steps
            if step >= fill_from:
                pattern, place = fill, step - fill_from
            when = stage.time(passage, step)
            for key, row in pattern.items():
                sign = row[place]
                # A calm drummer leaves some of the soft strokes out.
                if sign != "." and not (rng.random() < -0.6 * stage.arousal and sign == "o"):
                    velocity = 104 * STRENGTH[sign] + stage.accent(step) / 2
                    notes.append(stage.note("drums", rng, when, when + 0.2, key, velocity))
        begins = first == 0 and passage.start > 0
        if drums["crashes"] and (begins or number) and rng.random() < 0.5 + 0.5 * begins:
            when = stage.time(passage, first)
            notes.append(stage.note("drums", rng, when, when + 1.0, DRUMS["crash"], 92))
    if closing:
        last = "crash" if drums["crashes"] else "snare" if stage.recipe.form["ending"] == "stop" else "ride"
        notes += [stage.note("drums", rng, *closing, DRUMS[name], 100) for name in ("kick", last)]
    return notes


def _fill(stage, passage, first, last, rng):
    """The fill that closes a section, or an empty dict; one always leads into tune and ending."""
    fills = stage.recipe.drums["fills"]
    fill, wanted = fills[rng.integers(len(fills))], rng.random() < 0.75 + 0.25 * stage.arousal
    into_ending = stage.end is not None and passage is stage.passages[-1]
    if last >= stage.total_steps(passage) and (passage.is_intro or into_ending):
        return fill if last - first >= FILL_STEPS else {}
    return fill if wanted and last - first >= stage.steps else {}


def _strokes(stage, style, role):
    """What a part plays: (chord, next chord, sign, start and end in seconds, accent) of each stroke."""
    rng = stage.stream(f"{role} strokes")
    patterns = [choose(style[stage.metre], stage.arousal, rng) for _ in range(2)]
    for passage, number, first, last in stage.sections():
        chord_at, pattern = (lambda step: stage.chord(passage, step)), patterns[number % 2]
        for start, stop, sign in hits(pattern, stage.steps, first, last, chord_at):
            for begin, end in enliven(start, stop, sign, stage.arousal, rng.random()):
                if not stage.waits(role, passage, begin):
                    when, until = stage.time(passage, begin), stage.time(passage, end)
                    until = when + (until - when) * style["length"]
                    yield chord_at(begin), chord_at(end), sign, when, until, stage.accent(begin)


def play_bass(stage: Stage) -> list[Note]:
    """The bass player's notes."""
    style, notes, previous, rng = stage.recipe.bass, [], None, stage.stream("bass")
    closing, home, (low, high) = stage.last_chord(), stage.home, style["range"]
    for chord, following, sign, when, until, accent in _strokes(stage, style, "bass"):
        chord = home if sign == "p" else chord  # a pedal point stays on the tonic
        previous = bass_pitch(sign, chord, following, previous, low, high, rng)
        notes.append(stage.note("bass", rng, when, until, previous, style["velocity"] + accent))
    if closing:
        pitch = bass_pitch("R", home, home, previous, low, high, rng)
        notes.append(stage.note("bass", rng, *closing, pitch, style["velocity"] + 4))
    return notes


def play_chords(stage: Stage, role: str) -> list[Note]:
    """The notes of one part of the recipe's section ``chords``."""
    style, notes, previous, rng = stage.recipe.chords[role], [], [], stage.stream(role)
    closing = stage.last_chord()
    # A sad band plays lower; a happy one higher, but not into the melody.
    shift = round((6 if stage.valence < 0 else 4) * stage.valence)
    low, high = (limit + shift for limit in style["range"])

    def play(chord, sign, when, until, velocity, strum):
        pitches = voice_chord([chord[0] + step for step in chord[2]], previous, low, high, style["voicing"])
        for i, pitch in enumerate(selected(pitches, sign)):
            notes.append(stage.note(role, rng, when + i * strum / 1000, until, pitch, velocity))
        return pitches

    for chord, _, sign, when, until, accent in _strokes(stage, style, role):
        velocity = style["velocity"] * STRENGTH.get(sign, 0.85) + accent / 2
        previous = play(chord, sign, when, until, velocity, style["strum"])
    if closing:
        strum = 45 if stage.recipe.form["ending"] == "roll" else style["strum"]
        play(stage.home, "X", *closing, style["velocity"], strum)
    return notes


def play_voice(stage: Stage) -> list[Note]:
    """The rapper's syllables, drawn bar by bar, with a breath at the end of each section.

    The pitch sinks along a bar and rises with stress, as in speech.
    """
    rhythms, rng = stage.recipe.voice[stage.metre], stage.stream("voice")
    own, notes = rng.uniform(*stage.recipe.voice["range"]), []
    for passage, _, first, last in stage.sections():
        for bar in range(first, last, stage.steps):
            rhythm = rhythms[rng.integers(len(rhythms))]
            stop = min(bar + stage.steps, last - STEPS_PER_BEAT // 2 * (last - first > stage.steps))
            steps = [step for step in range(bar, stop) if rhythm[step - bar] != "."]
            for step, following in zip(steps, [*steps[1:], stop]):
                stress = STRENGTH[rhythm[step - bar]]
                pitch = round(own + 14 * (stress - 0.75) - 8 * (step - bar) / stage.steps + 2 * rng.normal())
                start, end = stage.time(passage, step), stage.time(passage, min(following, step + 2))
                if not stage.waits("voice", passage, step):
                    end = start + 0.85 * (end - start)
                    notes.append(stage.note("voice", rng, start, end, pitch, 120 * stress))
    return notes
