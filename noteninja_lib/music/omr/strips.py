"""Engraved lines cut into strips, with the words that stand in them: what the reader learns from. Lesson: 10_reading_sheet_music.

Printed pages are full of signs that are no notes: slurs, lyrics, chord symbols, fingerings, dynamics, ornaments. They
are strewn in here without a word for them, so that the reader learns to look past them.
"""
import re
import xml.etree.ElementTree as ET

import cv2
import numpy as np

from .composing import compose
from .engraver import FONTS, ID, STAFF_SPACE, Setter, rasterise, render
from .symbols import SIGNS

SPACE, HEIGHT, TOP_LINE = 8, 96, 32          # of a strip, in pixels: a staff space, all of it, where the staff's top line lies
SYLLABLES = "la mi a-ve so-le o-ver the hills and far glo-ri-a Wald und Feld bon-ny mor-ning ma chère où est ♪ nacht do-mi-ne".replace("-", " ").split()
CHORDS = "C G7 Am Dm F B♭ E♭maj7 F♯m7♭5 D/F♯ Gsus4 A7 Cdim N.C. Bm E Fm6 C♯m".split()
TEXTS = ("STIXGeneral", "DejaVu Sans", "DejaVu Serif", "cmr10")
TEMPI = ("Allegro", "Andante con moto", "Moderato ♩ = 96", "Lively", "Slow", "D.C. al Fine", "rit.", "cresc.", "Fine", "dolce", "pizz.")


def decorate(setter, draw):
    """Strew signs into a set score (see `engraver.Setter`), some kinds on each page."""
    habits = {kind: draw.uniform(0.05, 0.7) if draw.random() < 0.3 else 0.0 for kind in
              ("slur", "verse", "harm", "fing", "artic", "ornament", "dynam", "hairpin", "fermata", "tempo", "grace", "reh", "breath")}
    for bar in setter.score.iter("measure"):
        notes = [note for note in bar.iter("note") if ID in note.attrib]
        sounding = [one for one in bar.iter() if one.tag in ("note", "rest", "chord") and ID in one.attrib]
        for note in notes:
            adorn_note(note, bar, habits, draw)
        if len(notes) > 1 and draw.random() < habits["slur"]:
            first, last = sorted(draw.choice(len(notes), 2, replace=False))
            tie_like = notes[first].attrib["oct"] + notes[first].attrib["pname"] == notes[last].attrib["oct"] + notes[last].attrib["pname"]
            if not tie_like or last - first > 1:
                add(bar, "slur", startid=notes[first], endid=notes[last], curvedir=draw.choice(("above", "below")) if draw.random() < 0.3 else None)
        if sounding:
            adorn_bar(bar, sounding, habits, draw)


def add(bar, kind, text=None, **where):
    """A sign in a bar, at notes or at a beat."""
    entries = {name: f"#{value.get(ID)}" if isinstance(value, ET.Element) else str(value) for name, value in where.items() if value is not None}
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
            grace = ET.Element("note", {"dur": str(draw.choice((8, 16))), "grace": str(draw.choice(("acc", "unacc"))), "pname": note.get("pname"),
                                        "oct": note.get("oct")})
            parent.insert(list(parent).index(note), grace)


def adorn_bar(bar, sounding, habits, draw):
    """Signs that stand once or twice in a bar."""
    def anywhere():
        return sounding[draw.integers(len(sounding))]
    for _ in range(2):
        if draw.random() < habits["harm"]:
            add(bar, "harm", str(draw.choice(CHORDS)), startid=anywhere(), place="above")
    if draw.random() < habits["dynam"]:
        add(bar, "dynam", str(draw.choice(("p", "mf", "ff", "pp", "sfz", "cresc."))), startid=anywhere(), place=draw.choice(("below", "below", "above")))
    if draw.random() < habits["hairpin"] and len(sounding) > 2:
        add(bar, "hairpin", startid=sounding[0], endid=sounding[-1], form=draw.choice(("cres", "dim")), place=draw.choice(("below", "above")))
    if draw.random() < 0.3 * habits["tempo"]:
        add(bar, str(draw.choice(("tempo", "dir"))), str(draw.choice(TEMPI)), startid=anywhere(), place=draw.choice(("above", "above", "below")))
    if draw.random() < 0.2 * habits["reh"]:
        add(bar, "reh", str(draw.choice(list("ABC12"))), startid=sounding[0])
    if draw.random() < 0.2 * habits["breath"]:
        add(bar, "breath", startid=anywhere())


def look(draw):
    """Verovio's options of a page, by chance: font, spacing, thickness of all that is drawn."""
    width = int(draw.uniform(850, 2350))
    plain = draw.random() < 0.15
    return {"font": str(draw.choice(FONTS, p=(0.22, 0.24, 0.14, 0.28, 0.12))), "width": width, "pageMarginTop": 150, "pageMarginBottom": 150} | ({} if plain else {
        "spacingLinear": draw.uniform(0.15, 0.4), "spacingNonLinear": draw.uniform(0.45, 0.75), "spacingSystem": int(draw.integers(4, 20)),
        "staffLineWidth": draw.uniform(0.1, 0.24), "stemWidth": draw.uniform(0.12, 0.32), "barLineWidth": draw.uniform(0.15, 0.5),
        "thickBarlineThickness": draw.uniform(0.7, 1.4), "beamMaxSlope": int(draw.integers(0, 20)), "ledgerLineThickness": draw.uniform(0.15, 0.35),
        "ledgerLineExtension": draw.uniform(0.3, 0.7), "slurMidpointThickness": draw.uniform(0.3, 0.8), "tieMidpointThickness": draw.uniform(0.25, 0.7),
        "graceFactor": draw.uniform(0.6, 0.8), "lyricSize": draw.uniform(3.0, 5.5), "tupletNumHead": bool(draw.random() < 0.3),
        "mnumInterval": int(draw.choice((0, 0, 1, 5))), "minLastJustification": draw.uniform(0.2, 0.9), "beamMixedPreserve": False,
        "repeatEndingLineThickness": draw.uniform(0.1, 0.3), "repeatBarLineDotSeparation": draw.uniform(0.3, 0.5), "measureMinWidth": int(draw.integers(1, 16))})


def vary_endings(svg, draw):
    """Numbers of endings in another size and type, with or without a dot; verovio knows but one way."""
    size, up, dot = round(draw.uniform(190, 430)), round(draw.uniform(0, 110)), "." * int(draw.integers(2))
    style = f'font-family="{draw.choice(TEXTS)}" font-weight="{draw.choice(("bold", "normal"))}"'
    return re.sub(r'(class="voltaBracket">\s*<text x="\d+" y=")(-?\d+)(".*?)<tspan font-size="405px">(\d)<',
                  lambda match: f"{match[1]}{int(match[2]) - up}{match[3]}<tspan {style} font-size=\"{size}px\">{match[4]}{dot}<", svg, flags=re.DOTALL)


def without_hidden_endings(svg, lines):
    """The lines without the words of endings whose number lies above what a strip shows."""
    systems = [system for system in svg.split('class="system"')[1:] if 'class="staff"' in system]
    return [_without_hidden(system, words) for system, words in zip(systems, lines)]


def _without_hidden(system, words):
    top = int(re.search(r'class="staff">\s*<path d="M-?\d+ (-?\d+)', system)[1]) - 10 * STAFF_SPACE * TOP_LINE // SPACE
    numbers = re.findall(r'class="voltaBracket">\s*<text x="\d+" y="(-?\d+)".*?font-size="(\d+)px">\d', system, flags=re.DOTALL)
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
        if not staves:                                     # the end of an ending
            continue
        left, end = min(int(x) for x, _, _ in staves), max(int(x) for _, _, x in staves)
        places.append(((left + right) / 10, (end + right) / 10, (int(staves[0][1]) + down) / 10))
    return places


def cut_strips(picture, places, zoom):
    """Strips of a rasterised page, uint8, shape (HEIGHT, width) each; see `find_systems`."""
    step = STAFF_SPACE * zoom                              # pixels in a staff space
    for left, right, top in places:
        width = round((right - left) * zoom / step * SPACE) + 2 * SPACE
        scale = step / SPACE
        move = np.array([[scale, 0, left * zoom - step + (scale - 1) / 2], [0, scale, top * zoom - TOP_LINE * scale]])
        smooth = cv2.GaussianBlur(picture, (0, 0), 0.45 * scale) if scale > 1.1 else picture        # against aliasing
        yield cv2.warpAffine(smooth, move, (width, HEIGHT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=255)


def make_strips(draw, tunes):
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
    if len(places) != len(lines):                          # a system too full was broken once more
        return []
    cut = [without_empty_end(strip) if words[-1].startswith(SIGNS) else strip for strip, words in zip(cut_strips(picture, places, zoom), lines)]
    return list(zip(cut, without_hidden_endings(svg, lines)))


def without_empty_end(strip):
    """A strip that ends behind its last sign, as lines do that end with a signature."""
    between = [row for row in range(TOP_LINE - SPACE, TOP_LINE + 5 * SPACE) if (row - TOP_LINE) % SPACE in (3, 4, 5)]
    end = np.flatnonzero(strip[between, :-2 * SPACE].min(axis=0) < 200)[-1] + 2 * SPACE
    strip = strip[:, :end].copy()
    strip[:, -SPACE:] = 255
    return strip
