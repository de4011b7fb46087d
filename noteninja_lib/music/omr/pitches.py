"""From a place on the staff to a pitch: by rule, from clef, key signature, accidentals and ties.

Lesson: 10_reading_sheet_music.
"""
from .symbols import CLEFS

LETTERS = "CDEFGAB"
SEMITONES = (0, 2, 4, 5, 7, 9, 11)                  # of these letters above C
SHARPS = "FCGDAEB"                                  # the order in which a signature has them; flats come the other way round
ALTERS = {"#": 1, "b": -1, "n": 0, "x": 2, "bb": -2}


def step_of(position, clef):
    """Number of white keys above C0, of a place on the staff.

    Parameters
    ----------
    position : int
        Half staff spaces above the bottom line.
    clef : str

    Returns
    -------
    int
        28 is middle C.
    """
    letter, octave = CLEFS[clef]
    return 7 * octave + LETTERS.index(letter) + position


def key_alter(step, fifths):
    """By how many semitones a key signature moves a white key: 1, 0 or -1."""
    place = SHARPS.index(LETTERS[step % 7])
    return int(place < fifths) - int(6 - place < -fifths)


def midi_pitch(step, alter=0):
    """MIDI pitch of a white key, moved by some semitones; 60 is middle C."""
    octave, letter = divmod(step, 7)
    return 12 * (octave + 1) + SEMITONES[letter] + alter


def pitch_name(step, alter=0):
    """Name of a pitch as music21 writes it: "F#4", "B-3"."""
    octave, letter = divmod(step, 7)
    return f"{LETTERS[letter]}{'#' * alter if alter > 0 else '-' * -alter}{octave}"


def set_pitches(bars):
    """Set step and alter of each note, and which ones sound on in the next.

    An accidental holds till the bar line, in its octave alone; a tie carries it over the bar line for the tied note alone. What
    was read as a tie but leads to no note of the same pitch is none.

    Parameters
    ----------
    bars : list of Bar
        Changed in place.
    """
    before = None
    for bar in bars:
        held = {}
        bar.starts_joined = False
        for event in bar.events:
            tied = before if before is not None and before.tie else None
            before, event.joined = event, False
            if event.position is None:
                continue
            event.step = step_of(event.position, event.clef)
            if event.accidental:
                event.alter = held[event.step] = ALTERS[event.accidental]
            elif tied and tied.step == event.step:
                event.alter = tied.alter
            else:
                event.alter = held.get(event.step, key_alter(event.step, event.fifths))
            if tied and (tied.step, tied.alter) == (event.step, event.alter):
                tied.joined = True
                bar.starts_joined |= event is bar.events[0]
        if bar.repeat_end or not bar.events:             # what is printed next is not what sounds next
            before = None
