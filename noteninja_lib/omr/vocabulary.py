"""The tokens of printed music, from left to right on one staff, and the pitches they stand for.

A line of music is a list of tokens, one for each printed symbol. A note's token says where it stands on the
staff; its pitch follows from clef, key and accidentals, by rule. The grammar::

    line      clef [key] [time] (symbol)*
    key       sharp1 sharp2 ... or flat1 flat2 ...: a chain; cancel: naturals that take one back
    note      [triplet] [acc:#|b|n|x|bb] note:POSITION:VALUE [chord] [dot] [tie] [end-triplet]
    rest      [triplet] rest:VALUE [dot] [end-triplet]
    rests:N   bars of rest
    chord     the note has others below it, on its stem or in a lower voice, which are not read
    bar line  bar, double-bar, final-bar, repeat-start, repeat-end, repeat-both; perhaps with ending:1 or :2

POSITION counts half staff spaces up from the bottom line: 0 is that line, 1 the space above it, 8 the top
line. VALUE is 1 for a whole note, 2 for a half, ... 32. `tie` says that the note goes on in the next one.
`triplet` begins a group played three in the time of two, `end-triplet` ends it.

Lesson: 10_reading_sheet_music.
"""

LOWEST, HIGHEST = -7, 15  # positions: three ledger lines and a space, below and above the staff
VALUES = (1, 2, 4, 8, 16, 32)
MOST_BARS = 16  # of one sign of rest
#: Clef -> letter and octave (scientific pitch notation) of the bottom line.
CLEFS = {"treble": ("E", 4), "bass": ("G", 2), "alto": ("F", 3), "tenor": ("D", 3)}
METRES = tuple("4/4 C C| 3/4 2/4 6/8 9/8 12/8 3/8 2/2 6/4 5/4 3/2 7/8 4/8 5/8".split())
RATIOS = {"C": "4/4", "C|": "2/2"}  # what these signs stand for
SIGNS = ("clef:", "time:", "sharp", "flat", "cancel")  # how tokens of clefs, metres and keys begin
BAR_LINES = ("bar", "double-bar", "final-bar", "repeat-start", "repeat-end", "repeat-both")
LETTERS = "CDEFGAB"
SEMITONES = (0, 2, 4, 5, 7, 9, 11)  # of these letters above C
SHARPS = "FCGDAEB"  # the order in which a signature has them; flats come the other way round
ALTERS = {"#": 1, "b": -1, "n": 0, "x": 2, "bb": -2}  # accidental -> semitones

#: All tokens; a network's class 0 is CTC's blank, so token k is class k + 1.
VOCABULARY = (
    *(f"clef:{clef}" for clef in CLEFS),
    *(f"{sign}{count}" for sign in ("sharp", "flat") for count in range(1, 8)),
    "cancel",
    *(f"time:{metre}" for metre in METRES),
    *(f"acc:{sign}" for sign in ALTERS),
    *(f"note:{position}:{value}" for position in range(LOWEST, HIGHEST + 1) for value in VALUES),
    *(f"rest:{value}" for value in VALUES),
    *("dot", "tie", "triplet", "end-triplet", "chord"),
    *BAR_LINES,
    *("ending:1", "ending:2"),
    "clef:percussion",
    *(f"rests:{bars}" for bars in range(2, MOST_BARS + 1)),
)
#: What stands above or below a staff: chord symbols, a token for each part ("Am7" is A m 7), and words.
MARKS = (
    *"ABCDEFG#bm/",
    *"maj dim aug sus add 2 4 5 6 7 9 11 13 N.C.".split(),
    *"D.C. D.S. al Fine Coda segno coda".split(),
    "H",  # in German and Nordic books what others call B
    *("8va", "8va-end"),  # an octave higher, from the sign to the hook of its line
)
ROOTS = (*MARKS[:7], "H")


def encode(tokens: list[str], vocabulary: tuple[str, ...] = VOCABULARY) -> list[int]:
    """Class numbers (from 1) of tokens; ValueError if one is not in the vocabulary."""
    return [vocabulary.index(token) + 1 for token in tokens]


def decode(numbers: list[int]) -> list[str]:
    """Tokens of class numbers."""
    return [VOCABULARY[number - 1] for number in numbers]


def note(position: int, value: int) -> str:
    """The token of a note."""
    return f"note:{position}:{value}"


def is_note(token: str) -> bool:
    """Whether a token is a note (not a rest)."""
    return token.startswith("note:")


def position_and_value(token: str) -> tuple[int | None, int]:
    """(position, value) of a note's token; (None, value) of a rest's."""
    kind, *rest = token.split(":")
    return (int(rest[0]) if kind == "note" else None, int(rest[-1]))


def key_tokens(fifths: int) -> list[str]:
    """The chain of a key signature: 3 -> sharp1 sharp2 sharp3, -1 -> flat1."""
    return [f"{'sharp' if fifths > 0 else 'flat'}{count}" for count in range(1, abs(fifths) + 1)]


def ratio(metre: str) -> str:
    """A metre as a fraction: "C|" -> "2/2", "6/8" -> "6/8"."""
    return RATIOS.get(metre, metre)


def step_of(position: int, clef: str) -> int:
    """White keys above C0 (28 is middle C) of a position on the staff."""
    letter, octave = CLEFS[clef]
    return 7 * octave + LETTERS.index(letter) + position


def key_alter(step: int, fifths: int) -> int:
    """By how many semitones a key signature moves a white key: 1, 0 or -1."""
    place = SHARPS.index(LETTERS[step % 7])
    return int(place < fifths) - int(6 - place < -fifths)


def midi_pitch(step: int, alter: int = 0) -> int:
    """MIDI pitch of a white key, moved by some semitones; 60 is middle C."""
    octave, letter = divmod(step, 7)
    return 12 * (octave + 1) + SEMITONES[letter] + alter


def pitch_name(step: int, alter: int = 0) -> str:
    """Name of a pitch as music21 writes it: "F#4", "B-3"."""
    octave, letter = divmod(step, 7)
    return f"{LETTERS[letter]}{'#' * alter if alter > 0 else '-' * -alter}{octave}"


def set_pitches(bars: list) -> None:
    """Set step and alter of each note, and which ones sound on in the next.

    An accidental holds till the bar line, in its octave alone; a tie carries it over the bar line for the
    tied note alone. What was read as a tie but leads to no note of the same pitch is none.

    Parameters
    ----------
    bars : list of measures.Bar
        Changed in place.
    """
    before = None
    for bar in bars:
        held, bar.starts_joined = {}, False
        for event in bar.events:
            tied = before if before is not None and before.tie else None
            before, event.joined = event, False
            if event.position is None:
                continue
            event.step = step_of(event.position, event.clef) + 7 * event.raised
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
