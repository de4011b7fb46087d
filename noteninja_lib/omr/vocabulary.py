"""The alphabet of printed music: what a reader says that it sees on one staff, from left to right. Lesson: 10_reading_sheet_music.

A line of music is a list of words, one for each printed symbol. Where a note stands on the staff is one of them; which
pitch that is follows from clef, key and accidentals, by rule (see :mod:`.score`). The grammar::

    line      clef [key] [time] (symbol)*
    key       sharp1 sharp2 ... or flat1 flat2 ...: a chain in the fixed order of signatures; cancel: naturals that take one back
    note      [triplet] [acc:#|b|n|x|bb] note:POSITION:VALUE [dot] [tie] [end-triplet]
    rest      [triplet] rest:VALUE [dot] [end-triplet]
    chord     several notes on one stem, or two voices: not read, but recognised, so that a reader can say so
    bar line  bar, double-bar, final-bar, repeat-start, repeat-end, repeat-both, each perhaps followed by ending:1 or ending:2

POSITION counts half staff spaces up from the bottom line: 0 is that line, 1 the space above it, 8 the top line.
VALUE is 1 for a whole note, 2 for a half, ... 32. `tie` says that the note goes on in the next one.
`triplet` begins a group played three in the time of two, `end-triplet` ends it.
"""

LOWEST, HIGHEST = -7, 15  # positions: three ledger lines and a space, below and above the staff
VALUES = (1, 2, 4, 8, 16, 32)
#: Clef -> letter and octave (scientific pitch notation) of the bottom line.
CLEFS = {"treble": ("E", 4), "bass": ("G", 2), "alto": ("F", 3), "tenor": ("D", 3)}
METRES = (
    "4/4",
    "C",
    "C|",
    "3/4",
    "2/4",
    "6/8",
    "9/8",
    "12/8",
    "3/8",
    "2/2",
    "6/4",
    "5/4",
    "3/2",
    "7/8",
    "4/8",
    "5/8",
)
RATIOS = {"C": "4/4", "C|": "2/2"}  # what these signs stand for
ACCIDENTALS = ("#", "b", "n", "x", "bb")
SIGNS = ("clef:", "time:", "sharp", "flat", "cancel")  # how words of clefs, metres and keys begin
BAR_LINES = ("bar", "double-bar", "final-bar", "repeat-start", "repeat-end", "repeat-both")

#: All words; a network's class 0 is CTC's blank, so word k is class k + 1.
VOCABULARY = (
    *(f"clef:{clef}" for clef in CLEFS),
    *(f"sharp{count}" for count in range(1, 8)),
    *(f"flat{count}" for count in range(1, 8)),
    "cancel",
    *(f"time:{metre}" for metre in METRES),
    *(f"acc:{sign}" for sign in ACCIDENTALS),
    *(f"note:{position}:{value}" for position in range(LOWEST, HIGHEST + 1) for value in VALUES),
    *(f"rest:{value}" for value in VALUES),
    "dot",
    "tie",
    "triplet",
    "end-triplet",
    "chord",
    *BAR_LINES,
    "ending:1",
    "ending:2",
)
CLASSES = len(VOCABULARY) + 1
_NUMBERS = {word: number for number, word in enumerate(VOCABULARY, 1)}


def encode(words):
    """Class numbers (1 to CLASSES - 1) of words.

    Raises
    ------
    KeyError
        If a word is none of VOCABULARY.
    """
    return [_NUMBERS[word] for word in words]


def decode(numbers):
    """Words of class numbers."""
    return [VOCABULARY[number - 1] for number in numbers]


def note(position, value):
    """The word of a note."""
    return f"note:{position}:{value}"


def is_note(word):
    """Whether a word is a note (not a rest)."""
    return word.startswith("note:")


def position_and_value(word):
    """(position, value) of a note's word; (None, value) of a rest's."""
    kind, *rest = word.split(":")
    return (int(rest[0]), int(rest[1])) if kind == "note" else (None, int(rest[0]))


def key_words(fifths):
    """The chain of a key signature: 3 -> sharp1 sharp2 sharp3, -1 -> flat1."""
    return [f"{'sharp' if fifths > 0 else 'flat'}{count}" for count in range(1, abs(fifths) + 1)]


# From a place on the staff to a pitch: by rule, from clef, key signature, accidentals and ties.
#
# Lesson: 10_reading_sheet_music.

LETTERS = "CDEFGAB"
SEMITONES = (0, 2, 4, 5, 7, 9, 11)  # of these letters above C
SHARPS = "FCGDAEB"  # the order in which a signature has them; flats come the other way round
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
        if bar.repeat_end or not bar.events:  # what is printed next is not what sounds next
            before = None
