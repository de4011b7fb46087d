"""A performance: what every player plays, note by note, and the clock that they share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pretty_midi

#: What has metre, mode, tonic, notes, chords, length, bar and beat, as `noteninja_lib.music.tunes.Tune` has;
#: that can't be imported here, since music imports the arranger.
Tune = Any


@dataclass
class Note:
    """One note: start and end in seconds, MIDI pitch, MIDI velocity; an ornament is not part of the tune."""

    start: float
    end: float
    pitch: int
    velocity: int
    ornament: bool = False


@dataclass
class Part:
    """What one player plays: a General MIDI program (or drum kit) and notes.

    The part "voice" has `is_drum` set too: it speaks, and its pitches belong to no key. A part that is `sung`
    has a singer's voice; in MIDI, its program plays it.
    """

    name: str
    program: int
    is_drum: bool
    notes: list[Note]
    sung: bool = False


@dataclass
class Performance:
    """A tune as the arranger plays it in one genre.

    Attributes
    ----------
    tempo, swing : float
        Felt beats per minute; 0 (straight) to 1 (triplets).
    transpose : int
        Semitones.
    duration : float
        Seconds.
    beats : ndarray of float, shape (n,)
        Times of the felt beats, in seconds.
    chords : list of (float, float, int, str)
        Start and end in seconds, root pitch class, quality, as written in the tune (transposed); with intro
        and last chord.
    mix : dict
        Levels and effects for `noteninja_lib.arranger.synthesis.render`.
    intro, ending : int, bool
        Bars before the tune begins; whether the piece closes at its last bar line.
    harmony : list of (float, float, int, str)
        As `chords`, but as they are played: mood may turn a chord into its relative minor or major.
    """

    tune: Tune | None
    genre: str
    seed: int
    tempo: float
    swing: float
    transpose: int
    duration: float
    parts: list[Part] = field(default_factory=list)
    beats: np.ndarray = field(default_factory=lambda: np.zeros(0))
    chords: list[tuple[float, float, int, str]] = field(default_factory=list)
    mix: dict = field(default_factory=dict)
    intro: int = 0
    ending: bool = False
    harmony: list[tuple[float, float, int, str]] = field(default_factory=list)

    @property
    def melody(self) -> list[Note]:
        """The notes of the tune as the melody plays them, without ornaments."""
        notes = next(part.notes for part in self.parts if part.name == "melody")
        return [note for note in notes if not note.ornament]

    def to_midi(self, path: str | Path | None = None) -> "pretty_midi.PrettyMIDI":
        """The performance as MIDI, written to `path` if one is given."""
        import pretty_midi

        midi = pretty_midi.PrettyMIDI(initial_tempo=self.tempo)
        for part in self.parts:
            if part.name == "voice":  # MIDI cannot speak
                continue
            instrument = pretty_midi.Instrument(part.program, part.is_drum, part.name)
            instrument.notes = [pretty_midi.Note(n.velocity, n.pitch, n.start, n.end) for n in part.notes]
            midi.instruments.append(instrument)
        if path is not None:
            midi.write(str(path))
        return midi


class Clock:
    """From positions in beats to seconds, with swing (0 to 1); `compound` metres are 6/8 and its kin."""

    def __init__(self, tempo: float, swing: float, compound: bool):
        self.seconds, self.swing, self.compound = 60 / tempo, swing, compound

    def tune(self, beats: float) -> float:
        """Time of a melody position. Triplets, and all of 6/8, are what swing imitates: they stay."""
        part = beats % 1
        if self.compound or min(abs(part - 1 / 3), abs(part - 2 / 3)) < 0.02:
            return beats * self.seconds
        return self._swung(beats, self.swing)

    def groove(self, beats: float) -> float:
        """Time of a pattern position; in 6/8 and its kin a pattern always swings in triplets."""
        return self._swung(beats, 1.0 if self.compound else self.swing)

    def _swung(self, beats, swing):
        whole, part = divmod(beats, 1)
        half = 0.5 + swing / 6
        part = part * 2 * half if part < 0.5 else half + (part - 0.5) * 2 * (1 - half)
        return (whole + part) * self.seconds


def choose_feel(tempo: float, tempo_range: tuple[float, float], metre: str) -> float:
    """Pattern beats per beat of the tune: 1, or half-time (.5) or double-time (2) where that suits better."""
    low, high = tempo_range
    options = (1.0,) if metre == "three" else (1.0, 0.5, 2.0)
    return min(options, key=lambda feel: max(low / (tempo * feel), tempo * feel / high, 1.0))


def pattern_metre(tune: Tune) -> tuple[str, float]:
    """Which set of patterns a tune needs ("four" or "three"), and quarter notes per felt beat."""
    beat = 1.5 if tune.metre in ("3/8", "6/8", "9/8", "12/8") else tune.beat
    return ("three" if round(tune.bar / beat) % 3 == 0 else "four"), beat
