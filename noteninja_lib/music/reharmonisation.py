"""Other notes for a piece that is heard: another key, another mode, other chords. Lesson: 02.

All is done in the piano roll: what the tune and the band play moves, and their rhythm stays as it was heard.
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
BASS, LOWEST_BASS, MIDDLE = (
    48,
    28,
    52,
)  # MIDI pitches: basses lie below the first, added chords above the last
EARLY = 0.06  # seconds by which a note may come before the chord that it belongs to
SOFT = 70  # velocity of a chord tone that nobody played
KEY = re.compile(r"([A-Ga-g])([#b♯♭]?)\s*(m|min|minor|maj|major|)", re.IGNORECASE)


def read_key(text: str) -> tuple[int, str | None]:
    """Tonic (pitch class) and mode of a key such as "Eb", "F# minor" or "Am"; no mode where none is said."""
    found = KEY.fullmatch(text.strip())
    if not found:
        raise UserError(f"{text!r} is no key: write one such as Eb, F# or Am.")
    tonic = "C D EF G A B".index(found[1].upper()) + {"#": 1, "♯": 1, "b": -1, "♭": -1, "": 0}[found[2]]
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
    """A piano roll whose band plays given chords; the tune stays.

    Each note of the band goes to the nearest tone of the chord in which it begins, a bass's first note in a
    chord to its root; a note that is held into another chord is struck again there. A tone of the chord that
    nobody plays is added, softly.

    Parameters
    ----------
    roll : PianoRoll
    chords : sequence of (start, end, root, quality)
        Seconds, pitch class, a name in `QUALITIES`; root and quality are None where the band is silent.
        Between and around them all stays.
    """
    frames, notes = roll.frames, roll.notes.astype(np.float32)
    inside = np.zeros(frames, bool)
    for start, end, *_ in chords:
        inside[round(max(start, 0) * FRAME_RATE) : round(end * FRAME_RATE)] = True
    playing = roll.accompaniment()
    moved = []
    for start, end, root, quality in chords:
        here = [note for note in playing if note.start < end - EARLY and note.end > start + EARLY]
        if root is not None:
            moved += _in_chord(here, max(start, 0.0), end, root, QUALITIES[quality])
    kept = np.where(inside, 0, notes)
    kept = np.maximum(kept, np.where(inside, draw_notes(moved, frames), 0))
    return replace(roll, notes=np.maximum(kept, roll.melody).astype(roll.notes.dtype))


def _in_chord(playing, start, end, root, tones):
    """What a band that plays some notes plays in a chord."""
    found: dict = {}
    classes, bass = {(root + tone) % 12 for tone in tones}, False
    for note in sorted(playing, key=lambda note: (note.start, note.pitch)):
        begin, pitch = max(note.start, start - EARLY), note.pitch
        if pitch < BASS and not bass:
            bass, pitch = True, _nearest(pitch, {root})
        else:
            pitch = _nearest(pitch, classes)
        found[pitch, round(begin * FRAME_RATE)] = replace(
            note, start=begin, end=min(note.end, end), pitch=pitch
        )
    heard = {pitch % 12 for pitch, _ in found}
    lacking = [MIDDLE + (one - MIDDLE) % 12 for one in classes - heard]
    if not bass:
        lacking.append(LOWEST_BASS + (root - LOWEST_BASS) % 12)
    return [*found.values(), *(Note(start, end, pitch, SOFT) for pitch in lacking)]


def _nearest(pitch, classes):
    """The nearest pitch of some pitch classes; of two, the lower."""
    return min(
        (pitch + step for step in (0, -1, 1, -2, 2, -3, 3, -4, 4, -5, 5, 6)),
        key=lambda one: one % 12 not in classes,
    )
