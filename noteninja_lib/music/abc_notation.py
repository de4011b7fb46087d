"""ABC text: a book's tunes, and the score of one as it is written. Lesson: 02_music_theory_with_music21.

By the standard 2.1 (https://abcnotation.com/wiki/abc:standard:v2.1), and as leniently as old books need it.
"""

import copy
import re
import warnings
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from music21 import (
    bar,
    chord,
    duration,
    expressions,
    harmony,
    metadata,
    meter,
    note,
    repeat,
    spanner,
    stream,
    tie,
)

from noteninja_lib.errors import Notice, UserError
from noteninja_lib.music.abc_fields import (
    expand,
    read_fraction,
    read_key,
    read_length,
    read_metre,
    read_shift,
    read_swing,
    read_tempo,
)
from noteninja_lib.music.harmony import beat_length, read_chord

FIELD = re.compile(r"[ \t]*([A-Za-z+]):(?![:|])(.*)")
NOTE = r"(\^\^?|__?|=)?/?([A-Ga-gxyz])([,']*)(\d*(?:/\d*)*)"
TOKEN = re.compile(
    rf"""(?P<text>"[^"]*")|!(?P<sign>[^\s!|"](?:[^!|"]{{0,18}}[^\s!|"])?)!|(?P<grace>\{{[^}}]*\}})
    |\[(?P<field>[A-Za-z]):(?P<value>[^\]]*)\]|(?P<bar>(?:\[(?=\|)|[|:]|(?<=[|:])\])+)
    |\[?\ *(?P<ending>(?<=[|:\]\[ ])\d[\d,.-]*)|\((?P<tuplet>\d(?::\d?)*)
    |\[(?P<chord>(?:"[^"]*"|![^!]*!|[^\]\[|"!])*)\](?P<times>\d*(?:/\d*)*)|(?P<rests>[ZX]\d*)
    |(?P<broken><+|>+)|(?P<tie>-)|(?P<overlay>\(&|&+\)?)|(?P<note>{NOTE})
    |(?P<mark>[H-Wh-w])|[\s()~.`*$\\]|(?P<old>\+[a-z]+\+)|(?P<unknown>.)""",
    re.VERBOSE,
)
KINDS_OF_TOKEN = "text sign field bar ending tuplet chord rests broken tie overlay note mark unknown".split()
#: Characters without a meaning that are often left in texts.
SPARE = "![],'/0123456789+;@#?"
NO_ABC = "This is no ABC notation: write notes as letters, such as C D E F | G2 G2."
MOST_RESTS = 99  # bars in a row
#: Signs of one letter that a tune without a header may have; with one, all letters from H to w may be signs.
LETTERS = "HLMOPSTuv"
#: A tuplet of so many notes in the time of how many; others depend on the metre.
TUPLETS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
JUMPS = {"segno": repeat.Segno, "coda": repeat.Coda, "fine": repeat.Fine}
JUMPS |= {"dc": repeat.DaCapo, "dcalfine": repeat.DaCapoAlFine, "dcalcoda": repeat.DaCapoAlCoda}
JUMPS |= {"ds": repeat.DalSegno, "dsalfine": repeat.DalSegnoAlFine, "dsalcoda": repeat.DalSegnoAlCoda}


@dataclass
class Sound:
    """A note, a chord, or without pitches a rest; times are in quarter notes from its bar line."""

    start: Fraction
    length: Fraction
    pitches: list[str]
    tied: bool = False
    sung: bool = False


@dataclass
class Bar:
    """What stands between two bar lines of one voice: layers of sounds, and what is written above."""

    layers: list[list[Sound]] = field(default_factory=lambda: [[]])
    above: list[tuple[Fraction, Any]] = field(default_factory=list)  # chords, key, metre, tempo
    metre: str = ""
    begins: int = 0  # whether a repeat begins: 1, or 2 if it is played three times
    times: int = 1  # that the repeat which ends here is played
    double: bool = False  # the line at its end
    endings: tuple[int, ...] = ()
    part: str = ""

    @property
    def length(self) -> Fraction:
        """Quarter notes."""
        return max((one.start + one.length for layer in self.layers for one in layer), default=Fraction(0))


@dataclass
class Voice:
    """One voice while it is read."""

    unit: Fraction
    metre: str
    key: dict[str, str]
    bars: list[Bar] = field(default_factory=lambda: [Bar()])
    octave: int = 0
    steps: int = 0  # semitones by which it sounds higher
    held: dict[str, str] = field(default_factory=dict)  # accidentals up to the bar line
    last: Sound | None = None
    shorter: Fraction = Fraction(1)  # what a broken rhythm makes of the next note
    tuplet: tuple[Fraction, int] = (Fraction(1), 0)  # factor, notes left
    endings: tuple[int, ...] = ()
    line: list[Sound] = field(default_factory=list)  # of text, whose words come after it
    #: While an overlay is written: the bars it lies on, where it begins, and how many it has (0: up to "&)").
    under: tuple[list[Bar], int, int] | None = None

    @property
    def at(self) -> Fraction:
        """Where the next note begins."""
        layer = self.bars[-1].layers[-1]
        return layer[-1].start + layer[-1].length if layer else Fraction(0)

    def close(self) -> None:
        """Begin a new bar, unless this one is empty."""
        self.held = {}
        self.bars[-1].metre = self.metre
        if self.bars[-1].length:
            if self.under and self.under[2] == len(self.bars):
                self.join()
            self.bars.append(Bar(endings=self.endings))

    def join(self) -> None:
        """Put what is written as an overlay on the bars that it belongs to, and go on behind them."""
        if self.under and self.bars is not self.under[0]:
            bars, start, _ = self.under
            over, self.bars, self.under = [one for one in self.bars if one.length], bars, None
            bars += [Bar(endings=self.endings) for _ in range(start + len(over) - len(bars))]
            for below, above in zip(bars[start:], over):
                below.layers += above.layers
                below.above += above.above
                below.metre = below.metre or self.metre


def split_book(text: str) -> list[tuple[str, str, str]]:
    """Number, title and text of each tune of a book; what stands before the first tune holds for all."""
    text = re.sub(r"(?ms)^%%begin(\w+).*?^%%end\1[^\n]*\n?", "", re.sub(r"\r\n?", "\n", text))
    before, *pieces = re.split(r"(?m)^[ \t]*X:", text)
    common = "".join(f"{line}\n" for line in before.split("\n") if re.match("[MLQRUm]:", line))
    book = []
    for piece in pieces or [f"1\n{text}"]:
        number, _, tune = piece.partition("\n")
        title = re.search(r"(?m)^[ \t]*T:[ \t]*([^%\n]*)", tune)
        # A tune ends at an empty line; its header, and music without one, do not.
        head, key_field, body = re.match(r"(?ms)(.*?)(^[ \t]*K:|\Z)(.*)", tune).groups()
        head = f"X:{number}\n{common}{head}" if pieces else head
        tune = head + key_field + re.split(r"\n[ \t]*\n", body, maxsplit=1)[0]
        book.append((number.partition("%")[0].strip(), title[1].strip() if title else "", tune))
    return book


def read_abc(text: str) -> stream.Score:
    """The score of one tune: its voices as parts, with repeats, signs, chords and tempo as written.

    Parameters
    ----------
    text : str
        Without a key (`K:`), it is music without a header, in C major, common time and quarter notes.

    Raises
    ------
    UserError
        If it is no ABC.
    """
    reader = _Reader(text)
    for number, line in enumerate(text.split("\n"), 1):
        reader.read(line, number)
    return reader.score()


class _Reader:
    """The state of reading a tune, line by line."""

    def __init__(self, text):
        given = set(re.findall(r"(?m)^[ \t]*([A-Za-z]):(?![:|])", text))
        self.header = "K" in given  # whether we are in it
        self.strict = not self.header  # music without a header, in which nothing strange is passed over
        self.metre, self.unit = ("4/4", Fraction(1)) if self.strict else ("", None)
        self.key, self.signature, self.octave, self.steps = {}, None, 0, 0
        self.title, self.order, self.tempo, self.swing, self.properties, self.macros = "", "", "", "", {}, {}
        self.voices, self.now = {}, ""
        self.odd, self.unread = {}, []

    # ---- fields ----

    def read(self, line, number):
        """Read a line of text."""
        line = re.sub(r"(?<!\\)%.*", "", line)
        found = FIELD.match(line)
        if found:
            self.info(found[1], found[2].strip())
        elif line.strip() and not self.header:
            self.music(line, number)

    def info(self, letter, value):
        """A field: of the header, a line of its own, or in the line."""
        voice = None if self.header or self.strict and not self.voices else self.voice()
        place = voice or self
        if letter == "T":
            self.title = self.title or value
        elif letter == "L":
            place.unit = 4 * read_fraction(value, "L")
        elif letter == "M":
            place.metre = read_metre(value)
        elif letter == "K":
            self.set_key(value, place)
        elif letter == "m":
            target, _, text = value.partition("=")
            self.macros[target.strip()] = text.strip()
        elif letter in "RNG" and (swing := read_swing(letter, value, place.metre)):
            if voice:
                voice.bars[-1].above.append((voice.at, expressions.TextExpression(swing)))
            else:
                self.swing = swing
        elif letter == "V":
            name, _, rest = value.partition(" ")
            self.properties[name] = f"{self.properties.get(name, '')} {rest}"
            if not self.header:
                self.now = name
                self.voice()
        elif voice is None:
            if letter in "PQ":
                setattr(self, {"P": "order", "Q": "tempo"}[letter], value)
        elif letter == "Q":
            voice.bars[-1].above.append((voice.at, read_tempo(value, voice.unit, voice.metre)))
            if swing := read_swing("Q", value):
                voice.bars[-1].above.append((voice.at, expressions.TextExpression(swing)))
        elif letter == "P":
            voice.close()
            voice.bars[-1].part, voice.bars[-1].endings, voice.endings = value[:1], (), ()
        elif letter == "w":
            for sound in voice.line:
                sound.sung = True

    def set_key(self, value, place):
        """A key of the header or of a voice: its accidentals, and how else what is written sounds."""
        accidentals, signature = read_key(value)
        if accidentals is not None:
            place.key = accidentals
            if place is self:
                self.signature = signature
            else:
                place.bars[-1].above.append((place.at, signature))
        if place is self or re.search("octave|transpose|[+-]8", value):
            place.octave, place.steps = read_shift(value)
        self.header = False

    def voice(self):
        """The voice that is written now."""
        if self.now not in self.voices:
            short = self.metre and Fraction(self.metre) < Fraction(3, 4)
            unit = self.unit or Fraction(1, 4 if short else 2)
            octave, steps = read_shift(self.properties.get(self.now, ""))
            voice = Voice(unit, self.metre, self.key, octave=self.octave + octave, steps=self.steps + steps)
            voice.bars[0].above = [(Fraction(0), self.signature)] if self.signature else []
            if not self.voices:
                self.swing = self.swing or read_swing("Q", self.tempo)
                words = expressions.TextExpression(self.swing) if self.swing else None
                speed = read_tempo(self.tempo, unit, self.metre) if self.tempo else None
                voice.bars[0].above += [(Fraction(0), words), (Fraction(0), speed)]
            self.voices[self.now] = voice
        return self.voices[self.now]

    # ---- music: a method for each kind of TOKEN ----

    def music(self, line, number):
        """A line of music."""
        self.voice().line = []
        line = expand(line, self.macros)
        line = re.sub(rf"\+((?:{NOTE})+)\+", r"[\1]", line)  # how ABC 1.6 wrote chords
        for found in TOKEN.finditer(line):
            kind = next((name for name in KINDS_OF_TOKEN if found[name] is not None), None)
            if kind == "field":
                self.info(found["field"], found["value"].strip())
            elif kind:
                getattr(self, f"_{kind}")(self.voice(), found, number)

    def _text(self, voice, found, number):
        text = found["text"][1:-1].strip()
        chord = read_chord(text) if text[:1] not in tuple("^_<>@") else None
        if chord:
            symbol = harmony.ChordSymbol(root=chord[0], kind=chord[1]) if chord[0] else harmony.NoChord()
            voice.bars[-1].above.append((voice.at, symbol))
        elif re.fullmatch(r"[A-G][#b♯♭]?\S*[\d/#+°ø]\S*", text):
            self.unread.append((text, voice.bars[-1]))
        elif swing := read_swing("Q", text):
            voice.bars[-1].above.append((voice.at, expressions.TextExpression(swing)))
        else:  # some write signs as words
            self._sign(voice, {"sign": text.lstrip("^_<>@")}, number)

    def _sign(self, voice, found, number):
        sign = re.sub(r"[\s.]|^to(?=coda)", "", found["sign"].lower().replace("dacoda", "coda"))
        if sign in JUMPS:
            voice.bars[-1].above.append((voice.at, JUMPS[sign]()))

    def _mark(self, voice, found, number):
        if self.strict and found["mark"] not in LETTERS:
            raise UserError(NO_ABC)
        self._sign(voice, {"sign": {"S": "segno", "O": "coda"}.get(found["mark"], "")}, number)

    def _unknown(self, voice, found, number):
        text, spare = found["unknown"], found["unknown"] in SPARE
        if self.strict and not spare:
            raise UserError(NO_ABC)
        if not spare or text == "[" and not found.string.startswith('["', found.start()):
            self.odd.setdefault(number, text)

    def _bar(self, voice, found, number):
        line, core = found["bar"], found["bar"].strip(":")
        if line == ":":
            return
        before = len(line) - len(line.lstrip(":")) if core else len(line) // 2
        after = len(line) - len(line.rstrip(":")) if core else len(line) // 2
        voice.close()
        if before or after or len(core) > 1 and core != "[|]":  # which is not to be seen
            voice.endings = voice.bars[-1].endings = ()
            if len(voice.bars) > 1:
                voice.bars[-2].times = max(voice.bars[-2].times, before + 1)
                voice.bars[-2].double = True
        if after:
            voice.bars[-1].begins = max(voice.bars[-1].begins, after)

    def _ending(self, voice, found, number):
        if "[" not in found[0] and found.string[: found.start()].rstrip()[-1:] not in tuple("|:]"):
            self.odd.setdefault(number, found["ending"])
            return
        voice.close()
        numbers = [int(one) for one in re.findall(r"\d+", found["ending"])]
        if "-" in found["ending"]:
            numbers = list(range(numbers[0], min(numbers[-1], 99) + 1))
        voice.endings = voice.bars[-1].endings = tuple(numbers)

    def _tuplet(self, voice, found, number):
        count, time, notes = (int(one) if one else 0 for one in (found["tuplet"] + "::").split(":")[:3])
        beat = beat_length(voice.metre or "4/4")
        usual = TUPLETS.get(count, 3 if beat == 1.5 else 2)
        voice.tuplet = (Fraction(time or usual, count or 1), notes or count)

    def _broken(self, voice, found, number):
        if voice.last:
            small = Fraction(1, 2 ** len(found["broken"]))
            mine, voice.shorter = (2 - small, small) if found["broken"][0] == ">" else (small, 2 - small)
            voice.last.length *= mine

    def _tie(self, voice, found, number):
        if voice.last:
            voice.last.tied = True

    def _overlay(self, voice, found, number):
        sign, under = found["overlay"], voice.under
        voice.held, voice.last = {}, None
        voice.join()
        if sign == "(&":
            voice.under = (voice.bars, len(voice.bars) - 1, 0)
        elif ")" in sign:
            voice.under = None
        elif len(sign) == 1 and (not under or under[2]):
            voice.bars[-1].layers.append([])
        else:  # back to where they begin, or over as many bar lines
            usual = (voice.bars, max(0, len(voice.bars) - len(sign)), len(sign))
            voice.under = under if len(sign) == 1 else usual
            voice.bars = [Bar()]

    def _rests(self, voice, found, number):
        count = min(int(found["rests"][1:] or 1), MOST_RESTS)
        for one in range(count):
            voice.bars[-1].layers[-1].append(Sound(voice.at, 4 * Fraction(voice.metre or "4/4"), []))
            if one < count - 1:
                voice.close()

    def _chord(self, voice, found, number):
        notes = list(re.finditer(NOTE, re.sub(r'"[^"]*"|![^!]*!|\+[a-z]+\+', "", found["chord"])))
        if not notes:
            self.odd.setdefault(number, found[0])
            return
        pitches = list(dict.fromkeys(self.pitch(voice, one) for one in notes if one[2] not in "xyz"))
        self.sound(voice, pitches, read_length(notes[0][4]) * read_length(found["times"]))
        voice.last.tied = "-" in found["chord"]

    def _note(self, voice, found, number):
        one = re.fullmatch(NOTE, found["note"])
        if one[2] != "y":  # a space
            self.sound(voice, [] if one[2] in "xz" else [self.pitch(voice, one)], read_length(one[4]))

    def pitch(self, voice, found):
        """The name of a note with its accidental and octave, as music21 has it."""
        sign, step = found[1], found[2].upper()
        octave = 4 + found[2].islower() + voice.octave + found[3].count("'") - found[3].count(",")
        if sign:
            voice.held[step] = sign.replace("^", "#").replace("_", "-").replace("=", "")
        elif voice.last and voice.last.tied:  # a tie takes its accidental over the bar line
            for one in voice.last.pitches:
                if one.rstrip("-0123456789#") == step and one.endswith(str(octave)):
                    return one
        return f"{step}{voice.held.get(step, voice.key.get(step, ''))}{octave}"

    def sound(self, voice, pitches, units):
        """Put a note, chord or rest at the end of a voice."""
        factor, left = voice.tuplet
        length = units * voice.unit * voice.shorter * (factor if left else 1)
        voice.tuplet, voice.shorter = (factor, max(0, left - 1)), Fraction(1)
        voice.last = Sound(voice.at, length, pitches)
        voice.bars[-1].layers[-1].append(voice.last)
        voice.line.append(voice.last)

    # ---- the score ----

    def score(self):
        """All that was read, as a music21 score."""
        for voice in self.voices.values():
            voice.join()
        voices = {name: voice for name, voice in self.voices.items() if any(b.length for b in voice.bars)}
        if not any(one.pitches for v in voices.values() for b in v.bars for one in b.layers[0]):
            raise UserError(NO_ABC if self.strict else "The ABC text holds no notes: write some.")
        labels = {}
        for voice in voices.values():
            voice.bars[-1].metre = voice.metre
            while not voice.bars[-1].length:  # signs behind the last bar line belong to the bar before it
                left = voice.bars.pop()
                voice.bars[-1].above += left.above
            if self.order and not labels:  # else they are no more than names
                labels = {n: one.part for n, one in enumerate(voice.bars) if one.part}
        self.tell(next(iter(voices.values())).bars)
        count = max(len(voice.bars) for voice in voices.values())
        lengths = [max(v.bars[n].length for v in voices.values() if n < len(v.bars)) for n in range(count)]
        order = in_parts(self.order, labels, count)
        starts = [Fraction(0)]
        for number in order:
            starts.append(starts[-1] + lengths[number])
        result = stream.Score()
        result.metadata = metadata.Metadata(title=self.title or None)
        for name, voice in voices.items():
            mark_starts(voice.bars, labels)
            named = re.search(r'\b(?:name|nm)="([^"]*)"', self.properties.get(name, ""))
            part = stream.Part(id=name or "tune")
            part.partName = named[1] if named else name
            bars = [(start, voice.bars[n]) for start, n in zip(starts, order) if n < len(voice.bars)]
            _fill(part, bars, voice.steps)
            result.insert(0, part)
        return result

    def tell(self, bars):
        """Say what could not be read, or looks like a slip."""
        full = [Fraction(one.metre) * 4 if one.metre else None for one in bars]
        first = 0 if full[0] and bars[0].length < full[0] else 1  # a pick-up is not counted
        long = [
            str(n) for n, one in enumerate(bars, first) if full[n - first] and one.length > full[n - first]
        ]
        said = []
        if long:
            said.append(
                f"{_listed('bar', long)} of the ABC text {'is' if len(long) == 1 else 'are'} too full"
            )
        places = {text: n for text, where in self.unread for n, one in enumerate(bars, first) if one is where}
        if places:
            chords = [f"{text} in bar {number}" for text, number in places.items()]
            said.append(f"chord symbols that can't be read are left out: {_listed('', chords)}")
        if self.odd:
            odd = [f"{text} in line {number} of the tune" for number, text in self.odd.items()]
            said.append(f"what is no ABC is passed over: {_listed('', odd)}")
        for sentence in said:
            warnings.warn(f"{sentence[0].upper()}{sentence[1:]}.", Notice, stacklevel=4)


def _listed(what, names):
    """Some names in words: "bars 1, 3 and 5"."""
    some = names[:3] + [f"{len(names) - 3} more"] * (len(names) > 3)
    words = some[0] if len(some) == 1 else f"{', '.join(some[:-1])} and {some[-1]}"
    return f"{what}{'s' * (len(names) > 1)} {words}" if what else words


def _fill(part, bars, steps):
    """Put bars (start, Bar) into a part as music21 measures; `steps` are semitones of transposition."""
    metre, pending, group = "", {}, []

    def bracket():
        if group:
            part.insert(0, spanner.RepeatBracket([one for one, _ in group], number=list(group[0][1])))
            group.clear()

    for number, (start, written) in enumerate(bars, 1):
        measure = stream.Measure(number=number)
        if written.metre and written.metre != metre:
            metre = written.metre
            measure.insert(0, meter.TimeSignature(metre))
        for at, one in written.above:
            if one is not None:
                measure.insert(at, copy.deepcopy(one))
        if written.begins:
            measure.leftBarline = bar.Repeat(direction="start")
        if written.times > 1:
            measure.rightBarline = bar.Repeat(direction="end", times=written.times)
        layers = [layer for layer in written.layers if layer]
        for place, layer in enumerate(layers):
            into = measure if len(layers) == 1 else stream.Voice(id=str(place + 1))
            pending[place] = _put(into, layer, steps, pending.get(place, set()))
            if into is not measure:
                measure.insert(0, into)
        if group and written.endings != group[0][1]:
            bracket()
        if written.endings:
            group.append((measure, written.endings))
        part.insert(start, measure)
    bracket()


def _put(into, layer, steps, held):
    """Put sounds into a measure or voice; takes the pitches that are tied to them, and gives those that are
    tied to what comes next."""
    for one in layer:
        notes = [note.Note(pitch) for pitch in one.pitches]
        for single in notes:
            single.duration = duration.Duration(one.length)
            before = single.nameWithOctave in held
            if before or one.tied:
                single.tie = tie.Tie("continue" if before and one.tied else "start" if one.tied else "stop")
            if steps:
                single.transpose(steps, inPlace=True)
        held = set(one.pitches) if one.tied else set()
        found = notes[0] if len(notes) == 1 else chord.Chord(notes) if notes else note.Rest()
        found.duration = duration.Duration(one.length)
        if one.sung and notes:
            found.lyric = "-"
        into.insert(one.start, found)
    return held


def in_parts(order: str, labels: dict[int, str], count: int) -> list[int]:
    """Numbers of the bars as `P:` wants them, such as "AAB", "A2B2" or "(AB)2A".

    Parameters
    ----------
    order : str
    labels : dict of int to str
        Number of the bar at which a part begins, and its letter.
    count : int
        Of all bars.
    """
    letters = re.sub(r"[^A-Z0-9()]", "", order)
    while len(letters) < 999 and (found := re.search(r"\(([A-Z]*)\)(\d?)|([A-Z])(\d)", letters)):
        again = (found[1] or found[3] or "") * int(found[2] or found[4] or 1)
        letters = letters[: found.start()] + again + letters[found.end() :]
    if not letters or not labels:
        return list(range(count))
    ends = [*list(labels)[1:], count]
    parts = {name: range(start, end) for (start, name), end in list(zip(labels.items(), ends))[::-1]}
    played = [number for name in letters[:64] for number in parts.get(name, ())]
    return [*range(min(labels)), *played]


def mark_starts(bars: list[Bar], labels: dict[int, str]) -> None:
    """Mark where repeats begin that have only an end: at the last double bar, end of a repeat, part, or the
    beginning; and the end of first endings that have none."""
    start, opened = 0, False
    for number, one in enumerate(bars):
        after = bars[number + 1].endings if number + 1 < len(bars) else ()
        if one.begins or number in labels:
            start, opened = number, bool(one.begins)
        if one.endings and after and min(after) > max(one.endings):
            one.times = max(one.times, 2)
        if one.times > 1:
            bars[start].begins = bars[start].begins or 1
            one.times = max(one.times, bars[start].begins + 1)
        goes_on = after and min(after) > 1  # to another ending of the same repeat
        if not goes_on and (one.times > 1 or one.endings and not after or one.double and not opened):
            start, opened = number + 1, False
