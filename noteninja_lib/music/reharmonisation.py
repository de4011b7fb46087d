"""Other notes for a piece that is heard: another key, another mode, other chords. Lesson: 02.

All is done in the piano roll; when and how the tune is played, and the drums, stay as they were heard.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from noteninja_lib.arranger.performance import Note
from noteninja_lib.errors import UserError
from noteninja_lib.music.beats import FRAME_RATE
from noteninja_lib.music.harmony import KINDS, QUALITIES, SCALES, read_chord
from noteninja_lib.music.piano_roll import PianoRoll, draw_notes

Span = tuple[float, float, int, str]  # start and end in seconds, pitch class of the root, quality
#: Lowest MIDI pitches of the octaves in which roots and whole chords lie.
BASSES, CHORDS_FROM = (28, 40), (52, 64)
SHORTEST, GAP = 0.15, 0.02  # seconds that a stroke lasts at least, and between two of them
KEY = re.compile(r"([A-Ga-g])([#b♯♭]?)\s*(m|min|minor|maj|major|)", re.IGNORECASE)


def read_key(text: str) -> tuple[int, str | None]:
    """Tonic (pitch class) and mode of a key such as "Eb", "F# minor" or "Am"; no mode where none is said."""
    found = KEY.fullmatch(text.strip())
    if not found:
        raise UserError(f"{text!r} is no key: write one such as Eb, F# or Am.")
    tonic = (
        "C D EF G A B".index(found[1].upper()) + {"#": 1, "♯": 1, "b": -1, "♭": -1, "": 0}[found[2].lower()]
    )
    said = found[3]
    mode = None if not said else "minor" if said == "m" or said.lower().startswith("min") else "major"
    return tonic % 12, mode


def name_of_chord(text: str) -> tuple[int, str] | None:
    """Root (pitch class) and quality, a name in `QUALITIES`, of a chord symbol; None of "N.C."."""
    found = read_chord(text)
    if found is None:
        raise UserError(f"{text!r} is no chord: write such as Am7, G, Bbmaj7, F#dim or N.C.")
    if not found[0]:
        return None
    root = "C D EF G A B".index(found[0][0]) + found[0].count("#") - found[0].count("-")
    return root % 12, next(name for name, kind in KINDS.items() if kind == found[1])


def read_chords(text: str) -> list[list[tuple[int, str] | None]]:
    """The bars of a line of chords, such as "Am7 D7 | Gmaj7 | % |"; the chords of a bar share it evenly.

    Returns
    -------
    list of list of (root pitch class, quality) or None
        None is "N.C.", no chord; "%" is the bar before once more.
    """
    bars: list = []
    for words in (bar.replace(",", " ").split() for bar in re.split(r"\|+|\n", text)):
        if words == ["%"] and bars:
            bars.append(bars[-1])
        elif words:
            bars.append([name_of_chord(word) for word in words])
    if not bars:
        raise UserError('There is no chord in it: write such as "Am7 D7 | Gmaj7", with | between bars.')
    return bars


def transposed(roll: PianoRoll, semitones: int) -> PianoRoll:
    """A piano roll some semitones higher or lower; what leaves the piano's keys is not played."""

    def move(layer):
        if layer.shape[-2] != roll.notes.shape[-2]:  # the drums
            return layer
        moved = np.roll(layer, semitones, -2)
        moved[..., slice(semitones, None) if semitones < 0 else slice(semitones), :] = 0
        return moved

    return roll.map(move, roll.beats) if semitones else roll


def step_in_mode(pitch: int, tonic: int, before: str, after: str) -> int:
    """Semitones by which a pitch moves where music in one mode of a tonic goes over to another mode.

    Degrees of the scale become those of the other one; what lies between them stays.
    """
    degree, scales = (pitch - tonic) % 12, [SCALES[one][:6] + SCALES[one][-1:] for one in (before, after)]
    if before == "minor" and degree == 10:  # the natural seventh
        return 1 if after == "major" else 0
    return scales[1][scales[0].index(degree)] - degree if degree in scales[0] else 0


def in_mode(roll: PianoRoll, tonic: int, before: str, after: str) -> PianoRoll:
    """A piano roll in another mode of its tonic, such as minor in place of major."""
    moves = [step_in_mode(21 + row, tonic, before, after) for row in range(roll.notes.shape[-2])]

    def move(layer):
        if layer.shape[-2] != len(moves):
            return layer
        moved = np.zeros_like(layer)
        for row, step in enumerate(moves):
            place = min(max(row + step, 0), len(moves) - 1)
            np.maximum(moved[..., place, :], layer[..., row, :], out=moved[..., place, :])
        return moved

    return roll.map(move, roll.beats)


def reharmonised(roll: PianoRoll, chords: Sequence[Span | tuple[float, float, None, None]]) -> PianoRoll:
    """A piano roll whose band plays given chords, plainly on each beat; tune and drums stay.

    What the band played there gives way: a denoiser that hears both follows neither.

    Parameters
    ----------
    roll : PianoRoll
    chords : sequence of (start, end, root, quality)
        Seconds, pitch class, a name in `QUALITIES`; root and quality are None where the band is silent.
        Between and around them all stays.
    """
    inside, played = np.zeros(roll.frames, bool), []
    for start, end, root, quality in chords:
        start, end = max(start, 0.0), min(end, roll.seconds)
        inside[round(start * FRAME_RATE) : round(end * FRAME_RATE)] = True
        if root is None:
            continue
        beats = roll.beats[(roll.beats > start + SHORTEST) & (roll.beats < end - SHORTEST)]
        pitches = [low + (root - low) % 12 for low in BASSES]
        pitches += [low + (root + tone - low) % 12 for low in CHORDS_FROM for tone in QUALITIES[quality]]
        for first, last in zip([start, *beats], [*beats, end]):
            played += [Note(first, last - GAP, pitch, 100) for pitch in pitches]
    notes = np.where(inside, draw_notes(played, roll.frames), roll.notes)
    return replace(roll, notes=np.maximum(notes, roll.melody).astype(roll.notes.dtype))
