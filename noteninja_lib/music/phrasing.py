"""How a genre phrases a melody: without moving a note of it.

A fiddler plays short notes off the beat, a blues guitar slides into the long ones, an orchestra swells towards
the middle of a phrase. Onset and pitch of every note of the tune stay; length, loudness and the small notes
ahead of it are the player's.
"""
import numpy as np

from .performance import Note

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
            first, last = (stage.clock.tune(passage.start + position / stage.beat)
                           for position in (start, start + length))
            if first >= stop - 1e-6:
                break
            pitch = pitch_written
            share, velocity = touch(style, start, length, tune.bar, stage.beat, stage.arousal)
            colour = passage.colours[passage.harmony.at(start)]
            note = _sing(stage, rng, first, first + (min(last, stop) - first) * share,
                         _voice(pitch + shift, role, interval, colour), velocity)
            if role == "melody":
                notes += grace_notes(style, note, notes[-1] if notes else None, length > 0.9 * stage.beat,
                                     classes, rng)
            notes.append(note)
    if stage.last_chord():  # on the tonic nearest to the last note
        pitch += min(range(-6, 7), key=lambda step: ((pitch + step - tune.tonic) % 12 > 0, abs(step)))
        notes.append(_sing(stage, rng, *stage.last_chord(), _voice(pitch + shift, role, interval, stage.home),
                           style["velocity"]))
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
    return [Note(begin + i * _GRACE, begin + (i + 1) * _GRACE, note.pitch + step,
                 max(1, int(0.6 * note.velocity)), ornament=True) for i, step in enumerate(steps)]
