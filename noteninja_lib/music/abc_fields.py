"""Fields of ABC text: keys, metres, tempi, macros. Lesson: 02_music_theory_with_music21."""

import re
from fractions import Fraction

from music21 import key, tempo

from noteninja_lib.errors import UserError
from noteninja_lib.music.harmony import beat_length
from noteninja_lib.music.playback import SWING

SLOWEST = 40  # felt beats a minute
MODES = {mode[:3]: mode for mode in "major minor dorian phrygian lydian mixolydian locrian".split()}
MODES |= {"": "major", "ion": "major", "m": "minor", "aeo": "minor"}


def read_length(text: str) -> Fraction:
    """A length such as "3/2", "/", "//" as a number of units."""
    digits = re.match(r"\d*", text)[0]
    if re.search(r"\d{4}|/{5}", text):
        raise UserError("A number in the ABC text is too large: write lengths such as C2, C/2 or C3/2.")
    value = Fraction(int(digits or 1))
    for under in re.findall(r"/(\d*)", text):
        value /= int(under or 2) or 1
    return value


def read_fraction(text: str, name: str) -> Fraction:
    """The value of a field such as "1/8"; a UserError names the field."""
    found = re.match(r"(\d{1,3})(?:/(\d{1,3}))?\b", text)
    if not found or not int(found[1]) or found[2] and not int(found[2]):
        raise UserError(f"{name}:{text} in the ABC text can't be read: write a value such as 1/8.")
    return Fraction(int(found[1]), int(found[2] or 1))


def read_metre(text: str) -> str:
    """A metre as music21 has it, such as "6/8"; empty for none."""
    text = re.sub(r"[()\s]", "", text)
    if text[:1] == "C":
        return "2/2" if text[:2] == "C|" else "4/4"
    if text.lower() in ("none", ""):
        return ""
    found = re.match(r"(\d+(?:\+\d+)*)/(1|2|4|8|16|32|64)(?!\d)", text)
    beats = sum(map(int, found[1].split("+"))) if found else 0
    if not found or not 0 < beats < 100:
        raise UserError(f"M:{text} in the ABC text is no metre: write one such as 4/4, 6/8 or C.")
    return f"{beats}/{found[2]}"


def read_key(text: str) -> tuple[dict[str, str] | None, key.Key | None]:
    """Accidentals of a key by their letters, and the key as music21 has it; None and None if none is told."""
    text = text.strip()
    if text[:2] in ("HP", "Hp"):  # the pipes' scale
        return {"F": "#", "C": "#"}, key.Key("A", "mixolydian")
    found = re.match(r"([A-G])([#b]?)\s*([A-Za-z]*)(?![\w=])", text)
    accidentals, signature = {}, None
    if found:
        mode = MODES.get(found[3].lower()[:3] if found[3] != "M" else "maj", "major")
        signature = key.Key(found[1] + found[2].replace("b", "-"), mode)
        if found[3].lower() != "exp":
            accidentals = {one.step: one.accidental.modifier for one in signature.alteredPitches}
    elif not text.lower().startswith("none") and re.match(r"\w+=|(treble|bass|alto|tenor|perc)", text):
        return None, None
    for sign, letter in re.findall(r"(\^\^?|__?|(?<!\w)=)([A-Ga-g])(?![\w=])", text):
        accidentals[letter.upper()] = sign.replace("^", "#").replace("_", "-").replace("=", "")
    return accidentals, signature


def read_shift(text: str) -> tuple[int, int]:
    """Octaves and semitones by which a field `K:` or `V:` moves what is written."""
    octave = sum(int(one) for one in re.findall(r"octave=([+-]?\d)\b", text))
    octave += len(re.findall(r"\w\+8", text)) - len(re.findall(r"\w-8", text))
    return octave, sum(int(one) for one in re.findall(r"transpose=([+-]?\d{1,2})\b", text))


def read_tempo(text: str, unit: Fraction, metre: str) -> tempo.MetronomeMark | None:
    """A metronome mark of a field `Q:`, or None; a number alone counts units, or if too slow, quarters."""
    plain = re.sub(r'"[^"]*"', "", text)
    found = re.fullmatch(r"\s*((?:\d+/\d+\s*)+|C\d*(?:/\d+)?)?=?\s*(\d+(?:\.\d+)?)\s*", plain)
    if not found or not 0 < float(found[2]) < 10_000:
        return None
    length, number = unit, float(found[2])
    if found[1] and found[1][0] != "C":
        length = 4 * sum(Fraction(one) for one in found[1].split() if not one.endswith("/0"))
    elif number * length / Fraction(beat_length(metre or "4/4")) < SLOWEST:
        length = Fraction(1)
    return tempo.MetronomeMark(number=float(number * length)) if length else None


def read_swing(letter: str, text: str, metre: str = "") -> str:
    """The words by which a field asks for swing, such as `Q:"Swing"`; empty if it does not.

    Hornpipes in simple metres are swung, as abc2midi plays them: eighths, and in 2/4 sixteenths.

    Parameters
    ----------
    letter : str
        Of the field: Q and R say how to play; N and G say much else, too.
    text, metre : str
    """
    if letter == "R" and re.search("hornpipe", text, re.I):
        return {"2/4": "swing 16", "2/2": "swing", "4/4": "swing"}.get(metre, "")
    found = SWING.search(text) if letter in "QR" else re.match(r"swing the ", text, re.I)
    return found.string if found else ""


def expand(line: str, macros: dict[str, str]) -> str:
    """A line of music with its macros written out (section 9 of the standard 2.1).

    In one that holds for any note, such as `~n3 = n{o}n{m}n`, n is that note, o the next above, m below.

    Parameters
    ----------
    line : str
    macros : dict of str to str
        What they stand for by how they are written.
    """
    note = "[A-Ga-g][,']*"
    order = sorted(filter(None, macros), key=len, reverse=True)
    patterns = [re.escape(target).replace("n", note, 1) for target in order]

    def written(found):
        texts = (target for target, one in zip(order, patterns) if re.fullmatch(one, found[0]))
        target = next(texts, "")
        if "n" not in target:
            return macros.get(target, found[0])
        name = re.match(note, found[0][target.index("n") :])[0]
        place = "CDEFGAB".index(name[0].upper()) + 7 * (name[0].islower() + name.count("'") - name.count(","))

        def step(one):
            octave, number = divmod(place + ord(one[0]) - ord("n"), 7)
            letter = "CDEFGAB"[number]
            return letter.lower() + "'" * (octave - 1) if octave > 0 else letter + "," * -octave

        return re.sub(r"[h-z]", step, macros[target])

    ends = (rf"{one}(?![\d/,'])" for one in patterns)
    return re.sub("|".join(['"[^"]*"', *ends]), written, line) if macros else line
