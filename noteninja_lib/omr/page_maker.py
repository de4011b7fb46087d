"""Lines of printed music to train and test a reader on: from tunes, and from chance. Lesson: 10_reading_sheet_music.

What a reader meets must not be more regular than what it will meet, or it guesses instead of looking. So half of the
lines are tunes in any key and clef, half are drawn note by note, where any value may follow any other.
"""

import multiprocessing
import os
import re
import xml.etree.ElementTree as ET
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from noteninja_lib.errors import UserError
from noteninja_lib.music.tunes import load_tunes
from noteninja_lib.omr.rendering import FONTS, ID, STAFF_SPACE, WHOLE, Setter, rasterise, render, ticks
from noteninja_lib.omr.vocabulary import (
    ACCIDENTALS,
    ALTERS,
    CLEFS,
    HIGHEST,
    LOWEST,
    METRES,
    RATIOS,
    SEMITONES,
    SIGNS,
    VALUES,
    encode,
    is_note,
    key_alter,
    key_words,
    note,
    position_and_value,
    step_of,
)

METRE_SHARES = (20, 12, 6, 12, 10, 12, 4, 4, 4, 4, 1, 3, 3, 2, 1, 1)  # how often each of METRES is drawn
#: Written lengths that a tune's notes can have: ticks -> (value, dots), longest first.
WRITTEN = {ticks(value, dots): (value, dots) for value in VALUES for dots in (0, 1) if value < 32 or not dots}
#: Triplets: ticks of the whole group -> the values in it.
TRIPLETS = {96: [(4, 4, 4), (2, 4), (4, 2)], 48: [(8, 8, 8), (8, 8, 8), (4, 8), (8, 4)], 24: [(16, 16, 16)]}
AT_THE_END = 0.08  # share of lines drawn by chance that announce another key or metre
WITH_CHORDS = 0.1  # share of pieces drawn by chance
THIRDS = {4: 32, 8: 16, 16: 8, 32: 4}  # ticks of a note in a triplet -> its value
SPACES = {1: 5.5, 2: 4.2, 4: 3.2, 8: 2.5, 16: 2.1, 32: 1.9}  # room that a value takes, in staff spaces


def bar_ticks(metre):
    """Length of a bar in ticks."""
    count, unit = map(int, RATIOS.get(metre, metre).split("/"))
    return count * WHOLE // unit


def compose(draw, tune=None, lines=6, width=100):
    """Lines of a piece in one clef and, but for a change or two, in one key and metre.

    Parameters
    ----------
    draw : numpy.random.Generator
    tune : Tune, optional
        Whose notes they are, in another key; without one they are drawn by chance.
    lines : int
    width : float
        Room in a line, in staff spaces.

    Returns
    -------
    list of list of str
        See :mod:`.symbols`. As many lines as asked for, or fewer if the tune is shorter.
    """
    clef = draw.choice(list(CLEFS), p=(0.5, 0.26, 0.14, 0.10))
    fifths = int(draw.integers(-7, 8) if draw.random() < 0.5 else draw.integers(-4, 5))
    metre = (
        tune.metre if tune else draw.choice(METRES, p=[share / sum(METRE_SHARES) for share in METRE_SHARES])
    )
    slower = 2 if tune and tune.bar == 4 and draw.random() < 0.3 else 1  # the same in smaller values
    if slower == 2:
        metre = "2/4"
    elif metre in ("4/4", "2/2") and draw.random() < 0.4:
        metre = "C" if metre == "4/4" else "C|"
    bars = tune_bars(draw, tune, clef, fifths, slower) if tune else chance_bars(draw, clef)
    return without_loose_ties(
        list(break_lines(draw, bars, clef, fifths, metre, lines, width, free=tune is None))
    )


def without_loose_ties(lines):
    """The same lines, without ties that lead to no note of the same height: they are not printed."""
    following = None  # the next note's position, from the end
    lines = [list(line) for line in lines]
    for line in reversed(lines):
        for place in range(len(line) - 1, -1, -1):
            kind, *rest = line[place].split(":")
            if line[place] == "tie":
                head = next(word for word in reversed(line[:place]) if is_note(word))
                if position_and_value(head)[0] != following:
                    del line[place]
            elif kind in ("note", "rest", "chord"):
                following = int(rest[0]) if kind == "note" else None
    return lines


def break_lines(draw, bars, clef, fifths, metre, count, width, free):
    """Fill lines with bars until they are full; `bars` is a generator that is sent the metre."""
    next(bars)
    for number in range(count):
        words = [f"clef:{clef}", *key_words(fifths)] + ([f"time:{metre}"] if number == 0 else [])
        room = width * (draw.uniform(0.2, 0.6) if draw.random() < 0.2 else draw.uniform(0.6, 1.0)) - sum(
            map(space, words)
        )
        if draw.random() < 0.12:
            words.append("repeat-start")
        ending = str(draw.choice(("1", "2"))) if draw.random() < 0.06 else None
        words += [f"ending:{ending}"] if ending else []
        while True:
            bar = bars.send(metre)
            if bar is None:
                if len(words) > 8:
                    yield [*words[:-1], "final-bar"] if words[-1] == "bar" else words
                return
            words, room = words + bar, room - sum(map(space, bar)) - 1.5
            full = room < sum(map(space, bar))
            line = bar_line(draw, ending, full)
            words.append(line)
            ending = {None: None, "1": "2" if line == "repeat-end" else "1", "2": None}[ending]
            if full and free and line in ("bar", "double-bar") and draw.random() < AT_THE_END:
                fifths, metre, change = changed(
                    draw, fifths, metre
                )  # announced at the end, valid from the next line
                words += change
            if full:
                break
            if ending == "2" or line == "bar" and draw.random() < 0.08:
                ending = ending or "1"
                words.append(f"ending:{ending}")
            elif free and line != "repeat-start" and draw.random() < 0.06:
                fifths, metre, change = changed(draw, fifths, metre)
                words, room = words + change, room - sum(map(space, change))
        yield words


def bar_line(draw, ending, full):
    """What stands at the end of a bar."""
    if ending == "1" and draw.random() < 0.6:
        return "repeat-end"
    kinds = ("bar", "double-bar", "final-bar", "repeat-end", "repeat-start", "repeat-both")
    shares = (0.7, 0.07, 0.08, 0.15, 0, 0) if full else (0.86, 0.03, 0, 0.04, 0.04, 0.03)
    return str(draw.choice(kinds, p=shares))


def changed(draw, fifths, metre):
    """Another key or metre, or both: (fifths, metre, words)."""
    words = []
    if draw.random() < 0.6:
        new = int(draw.integers(-7, 8))
        if new != fifths:
            fewer = new * fifths <= 0 and fifths != 0 or abs(new) < abs(fifths)
            words += (["cancel"] if fewer and (new == 0 or draw.random() < 0.6) else []) + key_words(new)
            fifths = new
    if not words or draw.random() < 0.3:
        metre = str(draw.choice([other for other in METRES if other != metre]))
        words.append(f"time:{metre}")
    return fifths, metre, words


def space(word):
    """About how many staff spaces a word takes."""
    kind = word.split(":")[0]
    if kind in ("note", "rest"):
        return SPACES[int(word.split(":")[-1])]
    return {"clef": 4, "time": 3, "acc": 1.2, "dot": 0.6, "cancel": 2, "chord": 4.2}.get(
        kind, 1.1 if kind[:-1] in ("sharp", "flat") else 0.3
    )


# ---- tunes -----------------------------------------------------------------------------------------------


@cache
def written(length):
    """A length in ticks as values to be tied: (value, dots) each, the longest first."""
    parts = []
    while length > 0:
        longest = max((one for one in WRITTEN if one <= length), default=0)
        if not longest:
            break
        parts.append(WRITTEN[longest])
        length -= longest
    return parts


def tune_bars(draw, tune, clef, fifths, slower):
    """A generator of a tune's bars as words, in another key; None at its end."""
    shift, step = fifths * 7 - tonic_fifths(tune) * 7, WHOLE // 4 // slower
    notes = [
        (round(start * step), round(lasts * step), spell(pitch + shift, fifths))
        for start, lasts, pitch in tune.notes
    ]
    middle = sorted(height for _, _, (height, _) in notes)[len(notes) // 2]
    bottom = step_of(0, clef)
    octave = 7 * round((bottom + 4 + draw.integers(-4, 5) - middle) / 7)
    bar = bar_ticks(tune.metre) // slower
    yield
    for begin in range(0, round(tune.length * step), bar):
        yield cut_bar(notes, begin, begin + bar, fifths, octave - bottom)
    while True:
        yield None


def tonic_fifths(tune):
    """Sharps (or minus flats) of a tune's key signature."""
    mode = {"major": 0, "mixolydian": -1, "dorian": -2, "minor": -3}[tune.mode]
    return (tune.tonic * 7 + 5) % 12 - 5 + mode


def spell(pitch, fifths):
    """(steps above C0, alteration) of a MIDI pitch in a key, along the line of fifths."""
    place = next(place for place in range(fifths - 3, fifths + 9) if place * 7 % 12 == pitch % 12)
    alteration = (place + 1) // 7
    letter = place * 4 % 7
    return (pitch - alteration - SEMITONES[letter]) // 12 * 7 - 7 + letter, alteration


def cut_bar(notes, begin, end, fifths, shift):
    """The words of what sounds between two times; accidentals stand where the key or the bar so far says otherwise."""
    words, state, at, threes = [], {}, begin, 0
    sounding = [
        (max(start, begin), min(start + lasts, end), start + lasts > end, start < begin, head)
        for start, lasts, head in notes
        if min(start + lasts, end) - max(start, begin) >= 4
    ]
    for number, (first, last, goes_on, came, (height, alteration)) in enumerate(sounding):
        words += rests(first - at)
        position = min(max(height + shift, LOWEST), HIGHEST)
        if threes == 0 and is_triplet(sounding[number : number + 3]):
            words, threes = [*words, "triplet"], 3
        if state.get(position, key_alter(height, fifths)) != alteration and not came:
            words.append(next(f"acc:{sign}" for sign, alter in ALTERS.items() if alter == alteration))
            state[position] = alteration
        parts = [(THIRDS[last - first], 0)] if threes else written(last - first)
        for place, (value, dots) in enumerate(parts):
            words += [note(position, value), *["dot"] * dots]
            if place < len(parts) - 1 or goes_on:
                words.append("tie")
        if threes:
            threes -= 1
            words += ["end-triplet"] if threes == 0 else []
        at = last
    return words + rests(end - at)


def is_triplet(sounding):
    """Whether these are three notes in the time of two."""
    lengths = {last - first for first, last, *_ in sounding}
    return (
        len(sounding) == 3
        and len(lengths) == 1
        and lengths <= THIRDS.keys()
        and sounding[2][1] - sounding[0][0] == 3 * min(lengths)
    )


def rests(length):
    """Words of a pause, the shortest first."""
    return [word for value, dots in reversed(written(length)) for word in [f"rest:{value}", *["dot"] * dots]]


# ---- chance ----------------------------------------------------------------------------------------------


def chance_bars(draw, clef):
    """A generator of bars drawn note by note: the height walks, the values have a habit that changes from piece to piece."""
    habits = draw.dirichlet((0.5, 0.9, 1.6, 1.6, 1.0, 0.4))  # of the six values
    triplets, rest, accidental, tie = (
        draw.uniform(0, 0.12),
        draw.uniform(0.02, 0.25),
        draw.uniform(0, 0.3),
        draw.uniform(0, 0.15),
    )
    chords = draw.uniform(0.05, 0.7) if draw.random() < WITH_CHORDS else 0
    leap, middle, height = draw.uniform(1, 4), draw.uniform(1, 7), 4.0
    metre, tied = (yield), None
    while True:
        words, left = [], bar_ticks(metre)
        if draw.random() < 0.04:
            words, left = ["rest:1"], 0
        elif draw.random() < 0.06:  # a pick-up, or a bar cut short
            left = max(24, left - 48)
        while left > 0:
            group, length = next_group(draw, habits, triplets, left)
            for number, (value, dots) in enumerate(group):
                if number == 0 and len(group) > 1:
                    words.append("triplet")
                if tied is None and draw.random() < rest:
                    words += [f"rest:{value}", *["dot"] * dots]
                elif draw.random() < chords:
                    words.append("chord")
                else:
                    height += leap * draw.standard_normal() + 0.12 * (middle - height)
                    height = min(max(height, LOWEST), HIGHEST)
                    if tied is None and draw.random() < accidental:
                        words.append(f"acc:{draw.choice(ACCIDENTALS, p=(0.32, 0.32, 0.28, 0.04, 0.04))}")
                    position = round(height) if tied is None else tied
                    words += [note(position, value), *["dot"] * dots]
                    tied = position if draw.random() < tie else None
                    words += ["tie"] if tied is not None else []
                if number == len(group) - 1 and len(group) > 1:
                    words.append("end-triplet")
            left -= length
        metre = yield words


def next_group(draw, habits, triplets, left):
    """A value, or a triplet, that fits: (list of (value, dots), ticks)."""
    if draw.random() < triplets:
        length = int(draw.choice((48, 48, 24, 96)))
        if length <= left:
            values = TRIPLETS[length][draw.integers(len(TRIPLETS[length]))]
            return [(value, 0) for value in values], length
    fitting = [
        (value, dots)
        for value in VALUES
        for dots in (0, 1, 2)
        if ticks(value, dots) <= left and value * 2**dots <= 32 and (dots < 2 or draw.random() < 0.1)
    ]
    shares = [habits[VALUES.index(value)] * (1, 0.25, 0.05)[dots] + 1e-6 for value, dots in fitting]
    value, dots = fitting[draw.choice(len(fitting), p=[share / sum(shares) for share in shares])]
    return [(value, dots)], ticks(value, dots)


# Engraved lines cut into strips, with the words that stand in them: what the reader learns from. Lesson: 10_reading_sheet_music.
#
# Printed pages are full of signs that are no notes: slurs, lyrics, chord symbols, fingerings, dynamics, ornaments. They
# are strewn in here without a word for them, so that the reader learns to look past them.

SPACE, HEIGHT, TOP_LINE = (
    8,
    96,
    32,
)  # of a strip, in pixels: a staff space, all of it, where the staff's top line lies
SYLLABLES = "la mi a-ve so-le o-ver the hills and far glo-ri-a Wald und Feld bon-ny mor-ning ma chère où est ♪ nacht do-mi-ne".replace(
    "-", " "
).split()
CHORDS = "C G7 Am Dm F B♭ E♭maj7 F♯m7♭5 D/F♯ Gsus4 A7 Cdim N.C. Bm E Fm6 C♯m".split()
TEXTS = ("STIXGeneral", "DejaVu Sans", "DejaVu Serif", "cmr10")
TEMPI = (
    "Allegro",
    "Andante con moto",
    "Moderato ♩ = 96",
    "Lively",
    "Slow",
    "D.C. al Fine",
    "rit.",
    "cresc.",
    "Fine",
    "dolce",
    "pizz.",
)


def decorate(setter, draw):
    """Strew signs into a set score (see `engraver.Setter`), some kinds on each page."""
    habits = {
        kind: draw.uniform(0.05, 0.7) if draw.random() < 0.3 else 0.0
        for kind in (
            "slur",
            "verse",
            "harm",
            "fing",
            "artic",
            "ornament",
            "dynam",
            "hairpin",
            "fermata",
            "tempo",
            "grace",
            "reh",
            "breath",
        )
    }
    for bar in setter.score.iter("measure"):
        notes = [note for note in bar.iter("note") if ID in note.attrib]
        sounding = [one for one in bar.iter() if one.tag in ("note", "rest", "chord") and ID in one.attrib]
        for note in notes:
            adorn_note(note, bar, habits, draw)
        if len(notes) > 1 and draw.random() < habits["slur"]:
            first, last = sorted(draw.choice(len(notes), 2, replace=False))
            tie_like = (
                notes[first].attrib["oct"] + notes[first].attrib["pname"]
                == notes[last].attrib["oct"] + notes[last].attrib["pname"]
            )
            if not tie_like or last - first > 1:
                add(
                    bar,
                    "slur",
                    startid=notes[first],
                    endid=notes[last],
                    curvedir=draw.choice(("above", "below")) if draw.random() < 0.3 else None,
                )
        if sounding:
            adorn_bar(bar, sounding, habits, draw)


def add(bar, kind, text=None, **where):
    """A sign in a bar, at notes or at a beat."""
    entries = {
        name: f"#{value.get(ID)}" if isinstance(value, ET.Element) else str(value)
        for name, value in where.items()
        if value is not None
    }
    sign = ET.SubElement(bar, kind, entries)
    sign.text = text


def adorn_note(note, bar, habits, draw):
    """Signs at one note."""
    if draw.random() < habits["verse"]:
        syllable = ET.SubElement(ET.SubElement(note, "verse", {"n": "1"}), "syl")
        syllable.text = str(draw.choice(SYLLABLES))
        if draw.random() < 0.4:
            syllable.set("con", "d")
    if draw.random() < 0.5 * habits["artic"]:
        ET.SubElement(note, "artic", {"artic": str(draw.choice(("stacc", "acc", "ten", "marc", "stacciss")))})
    if draw.random() < 0.5 * habits["fing"]:
        add(bar, "fing", str(draw.integers(1, 6)), startid=note, place="above")
    if draw.random() < 0.3 * habits["ornament"]:
        add(bar, str(draw.choice(("trill", "mordent", "turn"))), startid=note)
    if draw.random() < 0.15 * habits["fermata"]:
        add(bar, "fermata", startid=note, form=draw.choice(("norm", "inv")))
    if draw.random() < 0.25 * habits["grace"]:
        parent = next((one for one in bar.iter() if note in list(one)), None)
        if parent is not None and parent.tag in ("layer", "beam"):
            grace = ET.Element(
                "note",
                {
                    "dur": str(draw.choice((8, 16))),
                    "grace": str(draw.choice(("acc", "unacc"))),
                    "pname": note.get("pname"),
                    "oct": note.get("oct"),
                },
            )
            parent.insert(list(parent).index(note), grace)


def adorn_bar(bar, sounding, habits, draw):
    """Signs that stand once or twice in a bar."""

    def anywhere():
        return sounding[draw.integers(len(sounding))]

    for _ in range(2):
        if draw.random() < habits["harm"]:
            add(bar, "harm", str(draw.choice(CHORDS)), startid=anywhere(), place="above")
    if draw.random() < habits["dynam"]:
        add(
            bar,
            "dynam",
            str(draw.choice(("p", "mf", "ff", "pp", "sfz", "cresc."))),
            startid=anywhere(),
            place=draw.choice(("below", "below", "above")),
        )
    if draw.random() < habits["hairpin"] and len(sounding) > 2:
        add(
            bar,
            "hairpin",
            startid=sounding[0],
            endid=sounding[-1],
            form=draw.choice(("cres", "dim")),
            place=draw.choice(("below", "above")),
        )
    if draw.random() < 0.3 * habits["tempo"]:
        add(
            bar,
            str(draw.choice(("tempo", "dir"))),
            str(draw.choice(TEMPI)),
            startid=anywhere(),
            place=draw.choice(("above", "above", "below")),
        )
    if draw.random() < 0.2 * habits["reh"]:
        add(bar, "reh", str(draw.choice(list("ABC12"))), startid=sounding[0])
    if draw.random() < 0.2 * habits["breath"]:
        add(bar, "breath", startid=anywhere())


def look(draw):
    """Verovio's options of a page, by chance: font, spacing, thickness of all that is drawn."""
    width = int(draw.uniform(850, 2350))
    plain = draw.random() < 0.15
    return {
        "font": str(draw.choice(FONTS, p=(0.22, 0.24, 0.14, 0.28, 0.12))),
        "width": width,
        "pageMarginTop": 150,
        "pageMarginBottom": 150,
    } | (
        {}
        if plain
        else {
            "spacingLinear": draw.uniform(0.15, 0.4),
            "spacingNonLinear": draw.uniform(0.45, 0.75),
            "spacingSystem": int(draw.integers(4, 20)),
            "staffLineWidth": draw.uniform(0.1, 0.24),
            "stemWidth": draw.uniform(0.12, 0.32),
            "barLineWidth": draw.uniform(0.15, 0.5),
            "thickBarlineThickness": draw.uniform(0.7, 1.4),
            "beamMaxSlope": int(draw.integers(0, 20)),
            "ledgerLineThickness": draw.uniform(0.15, 0.35),
            "ledgerLineExtension": draw.uniform(0.3, 0.7),
            "slurMidpointThickness": draw.uniform(0.3, 0.8),
            "tieMidpointThickness": draw.uniform(0.25, 0.7),
            "graceFactor": draw.uniform(0.6, 0.8),
            "lyricSize": draw.uniform(3.0, 5.5),
            "tupletNumHead": bool(draw.random() < 0.3),
            "mnumInterval": int(draw.choice((0, 0, 1, 5))),
            "minLastJustification": draw.uniform(0.2, 0.9),
            "beamMixedPreserve": False,
            "repeatEndingLineThickness": draw.uniform(0.1, 0.3),
            "repeatBarLineDotSeparation": draw.uniform(0.3, 0.5),
            "measureMinWidth": int(draw.integers(1, 16)),
        }
    )


def vary_endings(svg, draw):
    """Numbers of endings in another size and type, with or without a dot; verovio knows but one way."""
    size, up, dot = round(draw.uniform(190, 430)), round(draw.uniform(0, 110)), "." * int(draw.integers(2))
    style = f'font-family="{draw.choice(TEXTS)}" font-weight="{draw.choice(("bold", "normal"))}"'
    return re.sub(
        r'(class="voltaBracket">\s*<text x="\d+" y=")(-?\d+)(".*?)<tspan font-size="405px">(\d)<',
        lambda match: (
            f'{match[1]}{int(match[2]) - up}{match[3]}<tspan {style} font-size="{size}px">{match[4]}{dot}<'
        ),
        svg,
        flags=re.DOTALL,
    )


def without_hidden_endings(svg, lines):
    """The lines without the words of endings whose number lies above what a strip shows."""
    systems = [system for system in svg.split('class="system"')[1:] if 'class="staff"' in system]
    return [_without_hidden(system, words) for system, words in zip(systems, lines)]


def _without_hidden(system, words):
    top = (
        int(re.search(r'class="staff">\s*<path d="M-?\d+ (-?\d+)', system)[1])
        - 10 * STAFF_SPACE * TOP_LINE // SPACE
    )
    numbers = re.findall(
        r'class="voltaBracket">\s*<text x="\d+" y="(-?\d+)".*?font-size="(\d+)px">\d', system, flags=re.DOTALL
    )
    if len(numbers) != sum(word.startswith("ending") for word in words):
        return words
    seen = iter(int(y) - 0.35 * int(size) > top for y, size in numbers)
    return [word for word in words if not word.startswith("ending") or next(seen)]


def find_systems(svg):
    """Where the staffs of a page lie, from its SVG: (left, right, y of the top line) each, in pixels at zoom 1."""
    margin = re.search(r'class="page-margin" transform="translate\((\d+), (\d+)\)"', svg)
    right, down = (int(value) for value in margin.groups())
    places = []
    for system in svg.split('class="system"')[1:]:
        staves = re.findall(r'class="staff">\s*<path d="M(-?\d+) (-?\d+) L(-?\d+) -?\d+"', system)
        if not staves:  # the end of an ending
            continue
        left, end = min(int(x) for x, _, _ in staves), max(int(x) for _, _, x in staves)
        places.append(((left + right) / 10, (end + right) / 10, (int(staves[0][1]) + down) / 10))
    return places


def cut_staff_images(picture, places, zoom):
    """Strips of a rasterised page, uint8, shape (HEIGHT, width) each; see `find_systems`."""
    step = STAFF_SPACE * zoom  # pixels in a staff space
    for left, right, top in places:
        width = round((right - left) * zoom / step * SPACE) + 2 * SPACE
        scale = step / SPACE
        move = np.array(
            [[scale, 0, left * zoom - step + (scale - 1) / 2], [0, scale, top * zoom - TOP_LINE * scale]]
        )
        smooth = (
            cv2.GaussianBlur(picture, (0, 0), 0.45 * scale) if scale > 1.1 else picture
        )  # against aliasing
        yield cv2.warpAffine(
            smooth, move, (width, HEIGHT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=255
        )


def make_staff_images(draw, tunes):
    """Strips of one page and their words, from tunes or from chance, by chance adorned: list of (strip, words)."""
    options = look(draw)
    tune = tunes[draw.integers(len(tunes))] if draw.random() < 0.45 else None
    lines = compose(draw, tune, 6, (options["width"] - 120) / STAFF_SPACE)
    if not lines:
        return []
    setter = Setter(lines, wide=draw.random() < 0.5)
    if draw.random() < 0.7:
        decorate(setter, draw)
    svg = vary_endings(render(setter.text(), **options)[0], draw)
    zoom = draw.uniform(0.45, 0.75)
    family = str(draw.choice(TEXTS))
    picture = rasterise(svg, zoom, serif_family=family, font_family=family)
    places = find_systems(svg)
    if len(places) != len(lines):  # a system too full was broken once more
        return []
    cut = [
        without_empty_end(staff_image) if words[-1].startswith(SIGNS) else staff_image
        for staff_image, words in zip(cut_staff_images(picture, places, zoom), lines)
    ]
    return list(zip(cut, without_hidden_endings(svg, lines)))


def without_empty_end(staff_image):
    """A strip that ends behind its last sign, as lines do that end with a signature."""
    between = [
        row for row in range(TOP_LINE - SPACE, TOP_LINE + 5 * SPACE) if (row - TOP_LINE) % SPACE in (3, 4, 5)
    ]
    end = np.flatnonzero(staff_image[between, : -2 * SPACE].min(axis=0) < 200)[-1] + 2 * SPACE
    staff_image = staff_image[:, :end].copy()
    staff_image[:, -SPACE:] = 255
    return staff_image


# A folder of engraved lines for the sheet music reader: made once, in parts, read by training. Lesson: 10_reading_sheet_music.

PART = 1200  # lines in a file


def make_part(seed, number, size=PART, split="train"):
    """Part `number` of a set: (list of PNG bytes, list of class numbers)."""
    cv2.setNumThreads(1)
    draw, tunes, pictures, words = np.random.default_rng((seed, number)), load_tunes(split), [], []
    while len(pictures) < size:
        for staff_image, line in make_staff_images(draw, tunes):
            pictures.append(cv2.imencode(".png", staff_image, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].ravel())
            words.append(np.array(encode(line), np.int16))
    return pictures, words


def _write_part(job):
    folder, seed, number, size, split = job
    pictures, words = make_part(seed, number, size, split)
    path = folder / f"strips_{number:04d}.npz"
    with open(path.with_suffix(".new"), "wb") as file:
        np.savez(
            file,
            pictures=np.concatenate(pictures),
            words=np.concatenate(words),
            picture_lengths=[len(one) for one in pictures],
            word_lengths=[len(one) for one in words],
        )
    os.replace(path.with_suffix(".new"), path)


def build(folder, lines, seed=0, workers=1, split="train", size=PART):
    """Engrave lines into a folder; parts that are there stay, so that a stopped build goes on.

    Parameters
    ----------
    folder : path
    lines : int
        Rounded up to whole parts of `size`.
    seed, workers : int
    split : {"train", "validation"}
        Of the tunes.

    Yields
    ------
    (int, int)
        Parts done, and all; once at the beginning and after each part.
    """
    folder, total = Path(folder), -(-lines // size)
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (folder, seed, number, size, split)
        for number in range(total)
        if not (folder / f"strips_{number:04d}.npz").exists()
    ]
    yield total - len(jobs), total
    with multiprocessing.get_context("spawn").Pool(workers) if workers > 1 else nullcontext() as pool:
        for number, _ in enumerate(
            pool.imap_unordered(_write_part, jobs) if pool else map(_write_part, jobs), 1
        ):
            yield total - len(jobs) + number, total


class StaffImages:
    """Engraved lines of a folder: `strips[k]` is (strip uint8 (96, width), class numbers int16).

    Parameters
    ----------
    folder : path
        As `build` makes it.
    """

    def __init__(self, folder):
        self.pictures, self.words = [], []
        for path in sorted(Path(folder).glob("strips_*.npz")):
            with np.load(path) as part:
                self.pictures += np.split(part["pictures"], np.cumsum(part["picture_lengths"])[:-1])
                self.words += np.split(part["words"], np.cumsum(part["word_lengths"])[:-1])
        if not self.pictures:
            raise UserError(
                f"{folder} holds no engraved lines: make some with `noteninja dataset engrave {folder}`."
            )
        # The width stands in a PNG's first bytes, so that lines of one length can share a batch.
        self.widths = np.array([int.from_bytes(picture[16:20].tobytes(), "big") for picture in self.pictures])

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, number):
        return cv2.imdecode(self.pictures[number], cv2.IMREAD_GRAYSCALE), self.words[number]


# Wear and tear of printed lines for training: bad scans, copies of copies, photographs. Lesson: 10_reading_sheet_music.


def degrade(staff_image, draw, amount=1.0, other=None):
    """A strip as a bad print, scan or photograph would show it.

    Parameters
    ----------
    strip : numpy.ndarray, uint8, shape (96, width)
    draw : numpy.random.Generator
    amount : float
        0: as it is, 1: as bad as it gets. Three strips in ten stay nearly clean.
    other : numpy.ndarray, optional
        Another strip, to shine through from the back of the paper.

    Returns
    -------
    numpy.ndarray, uint8, shape (96, another width)
    """
    if draw.random() < 0.3:
        amount *= 0.2
    picture = bend(staff_image, draw, amount)
    if draw.random() < 0.5 * amount:
        picture = thicken(picture, draw)
    if other is not None and draw.random() < 0.15 * amount:
        picture = shine_through(picture, other, draw)
    picture = picture.astype(np.float32)
    if draw.random() < 0.35 * amount:
        picture = fade(picture, draw)
    if draw.random() < 0.6 * amount:
        picture = cv2.GaussianBlur(picture, (0, 0), draw.uniform(0.3, 1.1), sigmaY=draw.uniform(0.3, 1.1))
    if draw.random() < 0.4 * amount:
        picture += draw.uniform(2, 28) * draw.standard_normal(picture.shape, np.float32)
    if draw.random() < 0.3 * amount:
        picture = threshold(picture, draw)
    if draw.random() < 0.2 * amount:
        speckle(picture, draw)
    if draw.random() < 0.5 * amount:  # ink that is not black, paper that is not white, light that is uneven
        light = np.interp(
            np.arange(picture.shape[1]), np.linspace(0, picture.shape[1], 5), draw.uniform(0.75, 1, 5)
        )
        picture = (picture * draw.uniform(0.6, 1) + draw.uniform(0, 70)) * light
        low, high = np.percentile(picture, (1, 90))
        picture = (picture - low) * 255 / max(high - low, 1) if draw.random() < 0.8 else picture
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    if draw.random() < 0.25 * amount:
        packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(draw.integers(25, 85))])[1]
        picture = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    return picture


def bend(staff_image, draw, amount):
    """Stretched, shifted, tilted and wavy, as far as staff finding leaves such faults; and smeared by too few pixels."""
    height, width = staff_image.shape
    wide = round(width * draw.uniform(1 - 0.1 * amount, 1 + 0.12 * amount))
    tall = draw.uniform(1 - 0.04 * amount, 1 + 0.04 * amount)
    x = np.linspace(0, width - 1, wide, dtype=np.float32)
    wave = np.interp(x, np.linspace(0, width, 6), draw.normal(0, 0.7 * amount, 6))
    drop = draw.normal(0, 0.8 * amount) + wave
    middle = SPACE * 6
    rows = (
        (np.arange(height, dtype=np.float32)[:, None] - middle) / tall
        + middle
        + drop[None].astype(np.float32)
    )
    columns = np.broadcast_to(x, rows.shape) + draw.normal(0, 0.02 * amount) * (
        rows - middle
    )  # slanted stems
    columns = columns + draw.uniform(-6, 6) * amount
    bent = cv2.remap(
        staff_image, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR, borderValue=255
    )
    if draw.random() < 0.4 * amount:
        factor = draw.uniform(0.55, 0.95)
        bent = cv2.resize(
            cv2.resize(bent, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA),
            (wide, height),
            interpolation=cv2.INTER_LINEAR,
        )
    return bent


def thicken(picture, draw):
    """Ink that has run, or that the paper did not take."""
    large = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    change = cv2.erode if draw.random() < 0.6 else cv2.dilate  # erode: the dark grows
    shape = np.ones(
        [(1, 2), (2, 1), (2, 2), (3, 3)][draw.integers(3 if change is cv2.dilate else 4)], np.uint8
    )
    return cv2.resize(change(large, shape), (picture.shape[1], HEIGHT), interpolation=cv2.INTER_AREA)


def threshold(picture, draw):
    """Black and white only, decided on a finer grid, as a scanner does."""
    large = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    large += draw.uniform(0, 20) * draw.standard_normal(large.shape, np.float32)
    sharp = np.where(large > draw.uniform(110, 205), np.float32(255), np.float32(0))
    return cv2.resize(sharp, (picture.shape[1], HEIGHT), interpolation=cv2.INTER_AREA)


def fade(picture, draw):
    """Ink that has gone pale here and there."""
    cells = draw.uniform(0, 1, (3, max(2, picture.shape[1] // 60))).astype(np.float32)
    pale = draw.uniform(0.2, 0.75) * cv2.resize(
        cells, (picture.shape[1], HEIGHT), interpolation=cv2.INTER_CUBIC
    ).clip(0, 1)
    return picture + (255 - picture) * pale


def shine_through(picture, other, draw):
    """The back of the sheet, mirrored and pale."""
    back = cv2.resize(np.fliplr(other), (picture.shape[1], HEIGHT)).astype(np.float32)
    back = np.roll(back, int(draw.integers(-40, 41)), 0)
    return (picture - draw.uniform(0.08, 0.35) * (255 - back)).clip(0, 255)


def speckle(picture, draw):
    """Dust and holes."""
    for _ in range(draw.integers(1, 25)):
        x, y = draw.integers(picture.shape[1]), draw.integers(HEIGHT)
        size = draw.integers(1, 4)
        picture[y : y + size, x : x + draw.integers(1, 4)] = draw.choice((0, 80, 255))
