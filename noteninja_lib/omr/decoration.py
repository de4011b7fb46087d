"""What stands on printed pages beside the notes: strewn in by chance, so that readers meet it in training.

Slurs, lyrics, fingerings, dynamics and ornaments have no token: the reader of lines learns to look past them.
Chord symbols and words such as "D.C. al Fine" have tokens of their own, see `vocabulary.MARKS`. Lesson:
10_reading_sheet_music.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from noteninja_lib.omr.rendering import FONT_FILES, ID, UPPER, MeiWriter

SYLLABLES = (
    "la mi a ve so le o ver the hills and far glo ri a Wald und Feld bon ny mor ning ma chère où est ♪ "
)
SYLLABLES = (SYLLABLES + "nacht do mi ne").split()
ONSETS = "b c d f g h l m n p r s t w br ch cl fr gl st th tr".split()
CODAS = ("", "", "", *"d g l m n r s t nd ll ng st".split())
#: Kinds of chords as they are printed, and their tokens.
KINDS = dict(
    pair.split("=")
    for pair in (
        "m=m|7=7|m7=m 7|maj7=maj 7|6=6|dim=dim|sus4=sus 4|9=9|m6=m 6|min7=m 7|mi7=m 7|-7=m 7|"
        "min=m|-=m|M7=maj 7|+=aug|Δ=maj 7|Maj7=maj 7|°7=dim 7|°=dim|aug=aug|dim7=dim 7|"
        "7sus4=7 sus 4|sus=sus|sus2=sus 2|add9=add 9|m7♭5=m 7 b 5|7♭9=7 b 9|7♯9=7 # 9|13=13|"
        "m9=m 9|maj9=maj 9|11=11|7(♭9)=7 b 9|5=5|m(maj7)=m maj 7|6/9=6 9|"
        "mi=m|MI=m|MI7=m 7|MA7=maj 7|ma7=maj 7|mi9=m 9|2=2|(4)=4|ø=m 7 b 5|ø7=m 7 b 5|+7=aug 7|"
        "MI6=m 6|mi6=m 6|MI9=m 9|MA9=maj 9|Δ7=maj 7|△7=maj 7|△=maj 7|△9=maj 9|-9=m 9|-6=m 6|7♯5=7 # 5|"
        "mi7(♭5)=m 7 b 5|MI7(♭5)=m 7 b 5|-7♭5=m 7 b 5|7(♯9)=7 # 9|min6=m 6|min9=m 9|M9=maj 9|o=dim|o7=dim 7"
    ).split("|")
)
#: What is drawn, the commonest several times.
USUAL = ("",) * 40 + ("7",) * 18 + ("m",) * 18 + ("m7",) * 8 + ("maj7", "mi", "sus") * 4 + tuple(KINDS)
WORDS = {"D.C.": "D.C.", "D.C. al Fine": "D.C. al Fine", "D.S. al Coda": "D.S. al Coda", "D.S.": "D.S."}
WORDS |= {"D.S. al Fine": "D.S. al Fine", "Fine": "Fine", "FINE": "Fine", "To Coda": "Coda", "Coda": "Coda"}
WORDS |= {"D. C.": "D.C.", "D.C. al Coda": "D.C. al Coda", "Fin": "Fine", "D. S. al Fine": "D.S. al Fine"}
SMALL_SIGNS = "^ ^ ^ > > 0 1 2 3 4 V p f mf mp . ,".split()  # strokes, fingers and loudness
TEXTS = ("STIXGeneral", "DejaVu Sans", "DejaVu Serif", "cmr10")
TEMPI = ("Allegro", "Andante con moto", "Moderato ♩ = 96", "Lively", "Slow", "rit.", "cresc.")
TEMPI += ("dolce", "pizz.", "Swing", "Intro", "Chorus", "Verse 1", "Capo 2", "slowly", "Reel", "Jig")
DECORATIONS = (
    "slur verse harm fing artic ornament dynam hairpin fermata tempo grace reh breath repeat".split()
)


def _pick(rng, *choices):
    return str(rng.choice(choices))


def syllable(rng: np.random.Generator) -> str:
    """A syllable of some language, by chance; many begin like a chord symbol."""
    if rng.random() < 0.3:
        return _pick(rng, *SYLLABLES)
    text = _pick(rng, *ONSETS, "", "") + _pick(rng, *"aeiou") + _pick(rng, *CODAS)
    text = text.capitalize() if len(text) > 1 and rng.random() < 0.25 else text
    return text + (_pick(rng, *",.;!") if rng.random() < 0.15 else "")


def decorate(writer: MeiWriter, rng: np.random.Generator) -> None:
    """Strew signs into a score that was set, some kinds on each page; `writer.marks` gets their tokens."""
    habits = {kind: rng.uniform(0.05, 0.7) if rng.random() < 0.3 else 0.0 for kind in DECORATIONS}
    habits["harm"] = rng.uniform(0.2, 1.0) if rng.random() < 0.6 else 0.0
    script = Script(rng, writer.marks)
    for bar in writer.score.iter("measure"):
        notes = [one for one in bar.iter("note") if ID in one.attrib]
        sounding = [one for one in bar.iter() if one.tag in ("note", "rest", "chord") and ID in one.attrib]
        for note in notes:
            _adorn_note(note, bar, habits, rng)
        if len(notes) > 1 and rng.random() < habits["slur"]:
            first, last = sorted(rng.choice(len(notes), 2, replace=False))
            heights = [(notes[place].get("oct"), notes[place].get("pname")) for place in (first, last)]
            if heights[0] != heights[1] or last - first > 1:  # else it would look like a tie
                side = _pick(rng, "above", "below") if rng.random() < 0.3 else None
                _add(bar, "slur", startid=notes[first], endid=notes[last], curvedir=side)
        if sounding:
            _adorn_bar(bar, sounding, habits, rng, script)


def _add(bar, kind, text=None, **where):
    """A sign in a bar, at notes or at a beat."""
    sign = ET.SubElement(bar, kind)
    sign.text = text
    for name, value in where.items():
        if value is not None:
            sign.set(name, f"#{value.get(ID)}" if isinstance(value, ET.Element) else value)


def _adorn_note(note, bar, habits, rng):
    """Signs at one note."""

    def wanted(kind, share):
        return rng.random() < share * habits[kind]

    if wanted("verse", 1):
        below = ET.SubElement(ET.SubElement(note, "verse", {"n": "1"}), "syl")
        below.text = syllable(rng)
        if rng.random() < 0.4:
            below.set("con", "d")
    if wanted("artic", 0.5):
        ET.SubElement(note, "artic", {"artic": _pick(rng, "stacc", "acc", "ten", "marc", "stacciss")})
    if wanted("fing", 0.5):
        _add(bar, "fing", str(rng.integers(1, 6)), startid=note, place="above")
    if wanted("ornament", 0.3):
        _add(bar, _pick(rng, "trill", "mordent", "turn"), startid=note)
    if wanted("fermata", 0.15):
        _add(bar, "fermata", startid=note, form=_pick(rng, "norm", "inv"))
    if wanted("grace", 0.25):
        parent = next((one for one in bar.iter() if note in list(one)), None)
        if parent is not None and parent.tag in ("layer", "beam"):
            grace = {"dur": _pick(rng, 8, 16), "grace": _pick(rng, "acc", "unacc")}
            grace |= {name: note.attrib[name] for name in UPPER[:3] if name in note.attrib}
            parent.insert(list(parent).index(note), ET.Element("note", grace))


def _adorn_bar(bar, sounding, habits, rng, script):
    """Signs that stand once or twice in a bar."""

    def wanted(kind, share=1):
        return rng.random() < share * habits[kind]

    def anywhere():
        return sounding[rng.integers(len(sounding))]

    if wanted("harm"):
        many = min(
            len(sounding), 1 + int(rng.random() < script.often) + int(rng.random() < 0.3 * script.often)
        )
        for number in range(int(rng.random() < 0.2), len(sounding), max(len(sounding) // many, 2)):
            script.chord(bar, sounding[number])
    if wanted("repeat", 0.4):
        script.word(bar, anywhere())
    if wanted("dynam"):
        text = _pick(rng, "p", "mf", "ff", "pp", "sfz", "cresc.")
        _add(bar, "dynam", text, startid=anywhere(), place=_pick(rng, "below", "below", "above"))
    if wanted("hairpin") and len(sounding) > 2:
        form, place = _pick(rng, "cres", "dim"), _pick(rng, "below", "above")
        _add(bar, "hairpin", startid=sounding[0], endid=sounding[-1], form=form, place=place)
    if wanted("tempo", 0.3):
        kind, text = _pick(rng, "tempo", "dir"), _pick(rng, *TEMPI)
        _add(bar, kind, text, startid=anywhere(), place=_pick(rng, "above", "above", "below"))
    if wanted("reh", 0.2):
        _add(bar, "reh", startid=sounding[0])
        ET.SubElement(bar[-1], "rend", {"rend": "box"}).text = _pick(rng, *"ABC12")
    if wanted("breath", 0.2):
        _add(bar, "breath", startid=anywhere())


class Script:
    """How chord symbols and words are printed on a page; `marks` gets the tokens of each by its id."""

    def __init__(self, rng: np.random.Generator, marks: dict[str, list[str]]):
        self.rng, self.marks, self.often = rng, marks, rng.random()
        self.look = {"fontweight": "bold"} if rng.random() < 0.4 else {}
        self.look |= {"fontstyle": "italic"} if rng.random() < 0.15 else {}
        self.size, self.raised, self.signs = rng.uniform(75, 150), rng.random() < 0.25, rng.random() < 0.6
        self.place = "above" if rng.random() < 0.85 else "below"
        letters = "ACDEFGBH" if rng.random() < 0.12 else "ABCDEFG"
        self.roots = rng.permutation(list(letters))[: rng.integers(3, 9)]

    def draw(self) -> tuple[str, str, list[str]]:
        """A chord symbol by chance: its root, the rest of it, and its tokens."""
        root, kind = self._root(), str(self.rng.choice(USUAL))
        tokens = [*root, *KINDS.get(kind, "").split()]
        if self.rng.random() < 0.02:
            return "N.C.", "", ["N.C."]
        if self.rng.random() < 0.08:
            bass = self._root()
            kind, tokens = f"{kind}/{bass}", [*tokens, "/", *bass]
        return root, kind.replace("♭", "b").replace("♯", "#"), tokens

    def chord(self, bar: ET.Element, note: ET.Element) -> None:
        """Print a chord symbol drawn by chance."""
        root, kind, tokens = self.draw()
        self._print(bar, note, "harm", tokens, root, kind, place=self.place)

    def _root(self):
        accidental = self.rng.choice(("", "b", "#"), p=(0.7, 0.18, 0.12))
        return f"{self.rng.choice(self.roots)}{accidental}"

    def word(self, bar: ET.Element, note: ET.Element) -> None:
        """Print a word or sign that says where to go on."""
        place = _pick(self.rng, "above", "below")
        if self.rng.random() < 0.4:
            sign = _pick(self.rng, "segno", "coda")
            self._print(bar, note, "repeatMark", [sign], func=sign, place="above")
        else:
            words = _pick(self.rng, *WORDS)
            self._print(bar, note, "dir", WORDS[words].split(), words, place=place)

    def _print(self, bar, note, kind, tokens, text="", more="", **where):
        identity = f"mark{len(self.marks)}"
        self.marks[identity] = tokens
        sign = ET.SubElement(bar, kind, {ID: identity, "startid": f"#{note.get(ID)}"} | where)
        if text:
            if self.signs and kind == "harm":
                text, more = (one.replace("#", "♯").replace("b", "♭") for one in (text, more))
            outer = ET.SubElement(sign, "rend", {"fontsize": f"{self.size:.0f}%"} | self.look)
            outer.text = text
            if more and self.raised:
                ET.SubElement(outer, "rend", {"rend": "sup"}).text = more
            else:
                outer.text += more


#: Fonts that matplotlib brings, whose letters are bent as a pen bends them.
HANDS = "DejaVuSans DejaVuSans-Oblique DejaVuSans-Bold DejaVuSansMono cmss10 cmtt10 cmti10"
HANDS += " STIXGeneral STIXGeneralBol"
SIGNS = "DejaVuSans.ttf"  # has what other fonts lack
HAND = 60  # pixels of a letter while it is written
#: A chord symbol: accidental of the root, what it is, numbers and the like, and the bass.
PARTS = re.compile(r"([b#]?)([^\d(/]*)((?:(?!/[A-H]).)*)(/[A-H])?([b#]?)")


class Pen:
    """Writes letters as one hand does on one page; pictures uint8, 255 paper.

    Letters are from `least` to `most` pixels large, of one of the fonts that matplotlib brings or, in seven
    of ten cases, one of `fonts`, which are files. In three of ten cases they are as even as print.
    """

    def __init__(self, rng: np.random.Generator, least: float, most: float, fonts: Sequence[Path] = ()):
        self.rng, self.width = rng, int(rng.integers(0, 4))
        self.wild, self.gap = rng.uniform(0, 1) * (rng.random() < 0.7), int(rng.integers(1, 5))
        self.size = np.exp(rng.uniform(np.log(least), np.log(most))) / HAND
        file = FONT_FILES / f"{rng.choice(HANDS.split())}.ttf"
        if fonts and rng.random() < 0.7:
            file = fonts[rng.integers(len(fonts))]
        self.font, self.known = ImageFont.truetype(str(file), HAND), FT2Font(str(file)).get_charmap()

    def write(self, text: str, scale: float = 1.0, up: float = 0.0) -> np.ndarray:
        """A text, raised by `up`; its base line is 0.2 of a letter above the picture's lower edge."""
        height = round(1.6 * HAND * self.size)
        base, letters = height - round(0.2 * HAND * self.size), [self._letter(one, scale) for one in text]
        picture = np.full((height, sum(one.shape[1] for one in letters)), 255, np.uint8)
        x = 0
        for letter in letters:
            top = base - round(HAND * self.size * (0.95 * scale + up) + self.wild * self.rng.normal(0, 0.5))
            high = slice(max(top, 0), min(top + len(letter), height))
            picture[high, x : x + letter.shape[1]] = letter[high.start - top : high.stop - top]
            x += letter.shape[1]
        return picture

    def _letter(self, letter, scale):
        """A letter, its base line at 0.95 of `HAND` times its size."""
        font = self.font if ord(letter) in self.known else ImageFont.truetype(str(FONT_FILES / SIGNS), HAND)
        left, _, right, _ = font.getbbox(letter)
        canvas = Image.new("L", (right - left + 8, HAND + 24), 255)
        ImageDraw.Draw(canvas).text((4 - left, HAND * 0.95), letter, 0, font=font, anchor="ls")
        picture = np.asarray(canvas)
        if self.width:
            round_pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (self.width + 1, self.width + 1))
            picture = cv2.erode(picture, round_pen)
        middle, wild = (picture.shape[1] / 2, HAND * 0.6), self.wild * self.rng.normal(size=4)
        move = cv2.getRotationMatrix2D(middle, 4 * wild[0], 1 + 0.06 * wild[1])
        move[0, 1] += 0.12 * wild[2]
        bent = cv2.warpAffine(picture, move, picture.shape[::-1], borderValue=255)
        ink = np.flatnonzero(bent.min(axis=0) < 255)
        if len(ink):
            bent = np.pad(bent[:, ink[0] : ink[-1] + 1], ((0, 0), (self.gap, self.gap)), constant_values=255)
        shape = np.array([bent.shape[1] * (1 + 0.08 * wild[3]), bent.shape[0]]) * self.size * scale
        return cv2.resize(bent, np.maximum(shape.round().astype(int), 2), interpolation=cv2.INTER_AREA)


def _room(image, above=18):
    """Rows of an image on which a line of letters would hardly touch what is there."""
    return [row for row in range(20, 88) if image[max(row - above, 0) : row + 4].min(axis=0).mean() > 200]


def _put(out, picture, x, base):
    """Draw into an image where nothing is; whether there was room."""
    top = base - len(picture)
    where = slice(max(top, 0), max(base, 0)), slice(x, x + picture.shape[1])
    picture = picture[max(-top, 0) :]
    if not out[where].size or out[where].shape != picture.shape or out[where].min() <= 120:
        return False
    out[where] = np.minimum(out[where], picture)
    return True


class Style:
    """How large and how high the parts of chord symbols are on one page, and what signs they have."""

    def __init__(self, rng: np.random.Generator):
        small, raised = rng.uniform(0.55, 0.8), rng.uniform(0.25, 0.5)
        plain, high, low = (1.0, 0.0), (small, raised), (rng.uniform(0.6, 0.8), 0.0)
        looks = [plain, plain, low, high]
        self.accidental = looks[rng.integers(4)] if rng.random() < 0.5 else plain
        self.kind, self.number = looks[rng.integers(4)], looks[rng.integers(4)]
        self.signs, self.room = rng.random() < 0.5, int(rng.integers(0, 4))

    def write(self, pen: Pen, root: str, more: str) -> np.ndarray:
        """A chord symbol, its root and the rest of it."""
        accidental, kind, number, bass, lower = PARTS.fullmatch(root[1:] + more).groups(default="")
        parts = [(root[0], 1.0, 0.0), (accidental, *self.accidental), (kind, *self.kind)]
        parts += [(number, *self.number), (bass, 1.0, 0.0), (lower, *self.accidental)]
        pictures = []
        for text, scale, up in parts:
            if self.signs:
                text = re.sub("b(?=[\\d]|$)", "♭", text).replace("#", "♯")
            if text:
                pictures.append(pen.write(text, scale, up))
                pictures.append(np.full((len(pictures[0]), self.room), 255, np.uint8))
        return np.concatenate(pictures, axis=1)


def _fraction(upper, lower):
    """A chord over its bass, as some books print them."""
    width = max(upper.shape[1], lower.shape[1])
    parts = [np.full((len(one), width), 255, np.uint8) for one in (upper, lower)]
    for part, one in zip(parts, (upper, lower)):
        left = (width - one.shape[1]) // 2
        part[:, left : left + one.shape[1]] = one
    ink = np.flatnonzero(parts[1].min(axis=1) < 128)
    line = np.full((3, width), 255, np.uint8)
    line[1:] = 0
    return np.concatenate([parts[0], line, parts[1][max(ink[0] - 2, 0) if len(ink) else 0 :]])


def _in_a_bracket(chord, pen, rng):
    """A chord behind the number of an ending, under its bracket."""
    number = pen.write(f"{rng.integers(1, 3)}{'.' * int(rng.integers(2))}", 0.8)
    gap = np.full((len(chord), int(rng.integers(4, 14))), 255, np.uint8)
    number = np.pad(number, ((len(chord) - len(number), 0), (4, 0)), constant_values=255)
    whole = np.pad(np.concatenate([number, gap, chord], axis=1), ((3, 0), (0, 24)), constant_values=255)
    whole[:2], whole[:, :2] = 0, 0
    return whole


def letter_chords(
    image: np.ndarray, rng: np.random.Generator, fonts: Sequence[Path] = ()
) -> tuple[np.ndarray, list[str]]:
    """Write chord symbols as a pen would into what stands above or below a staff; what is there stays.

    Parameters
    ----------
    image : np.ndarray, uint8, shape (96, width)
        Without marks of its own.
    rng : np.random.Generator
    fonts : sequence of Path
        Files of fonts, besides those that matplotlib brings.

    Returns
    -------
    (np.ndarray, list of str)
        A copy with chord symbols, and their tokens; none where there is no room.
    """
    script, pen, style, tokens, out = Script(rng, {}), Pen(rng, 12, 38, fonts), Style(rng), [], image.copy()
    room = _room(image, max(18, round(0.75 * HAND * pen.size)))
    apart = rng.choice((25, 60, 150))  # pixels from one to the next
    stacked, numbered, x = rng.random() < 0.15, rng.random() < 0.2, rng.uniform(8, 80)
    if not room:
        return image, []
    base = int(rng.choice(room)) + round(0.2 * HAND * pen.size)
    while True:
        root, more, made = script.draw()
        if stacked and "/" in more:
            chord = _fraction(*(pen.write(one, 0.8) for one in f"{root}{more}".split("/")[-2:]))
        else:
            chord = pen.write(root) if root == "N.C." else style.write(pen, root, more)
        if rng.random() < 0.06:
            chord = _in_a_bracket(chord, pen, rng)
        if x + chord.shape[1] > image.shape[1] - 4:
            return out, tokens
        if _put(out, chord, round(x), base):
            tokens += made
            if numbered and rng.random() < 0.5:  # the bar, small, above it and to its left
                number = pen.write(str(rng.integers(2, 80)), 0.4)
                _put(out, number, max(round(x) - 8, 0), base - round(0.85 * HAND * pen.size))
        x += chord.shape[1] + rng.exponential(apart) + rng.uniform(4, 30)


def letter_octave(
    image: np.ndarray, rng: np.random.Generator, fonts: Sequence[Path] = ()
) -> tuple[np.ndarray, list[str]]:
    """Write an octave sign with its line into what stands above a staff, as `letter_chords` does chords.

    The line has a hook where it ends; some go on to the end of the staff.
    """
    pen, width = Pen(rng, 12, 30, fonts), image.shape[1]
    room, high = _room(image, max(18, round(0.75 * HAND * pen.size))), rng.uniform(0.4, 1)
    parts = [("8", 1.0, 0.0), ("va", high, min(rng.uniform(0, 0.4), 1 - high))][: 2 - (rng.random() < 0.3)]
    parts = [("(", 1.0, 0.0), *parts, (")", 1.0, 0.0)] if rng.random() < 0.15 else parts
    sign = np.concatenate([pen.write(*part) for part in parts], axis=1)
    out, x, base = image.copy(), round(rng.uniform(4, width / 2)), round(0.2 * HAND * pen.size)
    first = x + sign.shape[1] + 3
    if not room or first > width - 30 or not _put(out, sign, x, base := base + int(rng.choice(room))):
        return image, []
    hooked = rng.random() < 0.8
    last = round(rng.uniform(first + 8, width - 8)) if hooked else width - 4
    line, (dash, gap) = base - round(rng.uniform(0.3, 0.8) * HAND * pen.size), rng.integers(2, 9, 2)
    for left in range(first, last, dash + gap):
        out[line, left : min(left + dash, last)] = 0
    if hooked:
        out[line : line + rng.integers(5, 13), last] = 0
    return out, ["8va", "8va-end"][: 1 + hooked]


def letter_text(image: np.ndarray, rng: np.random.Generator, fonts: Sequence[Path] = ()) -> np.ndarray:
    """Write a line of words as lyrics, titles and remarks are, which are no marks; what is there stays.

    Some of them are cut through, as those are that belong to the next staff.
    """
    pen, out, room = Pen(rng, 9, 24, fonts), image.copy(), _room(image, 12)
    pen.wild *= 0.3 * (rng.random() < 0.3)
    spread, x = (rng.uniform(4, 8) if rng.random() < 0.4 else rng.uniform(15, 50)), rng.uniform(4, 60)
    signs = rng.random() < 0.25
    base = int(rng.choice(room)) + round(0.2 * HAND * pen.size) if room else 0
    while room:
        word = _pick(rng, *SMALL_SIGNS) if signs else syllable(rng) + ("-" if rng.random() < 0.2 else "")
        text = pen.write(word)
        if x + text.shape[1] > image.shape[1] - 4:
            break
        _put(out, text, round(x), base)
        x += text.shape[1] + spread * rng.uniform(0.5, 1.5)
    if room and rng.random() < 0.4:
        cut = max(base - round(rng.uniform(0.2, 0.7) * HAND * pen.size), 0)
        if (image[:cut] > 200).all():
            out[:cut] = 255
    return out
