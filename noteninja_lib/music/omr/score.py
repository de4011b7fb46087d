"""Music out of the words that were read: a score, MusicXML, or a tune for the converter (:mod:`.playback` has MIDI).

Whatever was read, also nonsense, gives a score that any notation program opens. Lesson: 10_reading_sheet_music.
"""
from contextlib import redirect_stderr
from io import StringIO
from warnings import catch_warnings, simplefilter

from music21 import bar as bar_lines
from music21 import clef as clefs
from music21 import converter, duration, key, layout, metadata, meter, note, pitch, spanner, stream, tempo, tie
from music21.musicxml.m21ToXml import GeneralObjectExporter
from music21.musicxml.xmlObjects import MusicXMLWarning
from music21.stream import makeNotation

from ...errors import UserError
from ..theory import tune_from_score
from .counting import count
from .pitches import pitch_name, set_pitches
from .playback import main_metre, played_notes, quarters_a_minute
from .splitting import split_bars

CLEFS = {"treble": clefs.TrebleClef, "bass": clefs.BassClef, "alto": clefs.AltoClef, "tenor": clefs.TenorClef}
TYPES = {1: "whole", 2: "half", 4: "quarter", 8: "eighth", 16: "16th", 32: "32nd"}
STYLES = {"double-bar": "double", "final-bar": "final"}


def read_bars(lines, *, clef=None, key=None, metre=None):
    """Bars with pitches, checked for what does not add up.

    Parameters
    ----------
    lines : list of list of str
        Words as in :mod:`.symbols`, a list for each staff, top to bottom.
    clef, key, metre : str, int (sharps, or minus the flats) and str, optional
        In place of all that was read.

    Returns
    -------
    list of Bar
        As printed; empty if there are no notes and rests.
    """
    bars = count(split_bars(lines, clef=clef, key=key, metre=metre), trusted=metre is not None)
    set_pitches(bars)
    return bars


# ---- score ------------------------------------------------------------------------------------------------

def to_score(bars, title=None):
    """A score as it is printed, with repeat signs, brackets, and lines that break where they did.

    Parameters
    ----------
    bars : list of Bar
        As from `read_bars`.
    title : str, optional

    Returns
    -------
    music21.stream.Score
    """
    part, shown, line = stream.Part(), (None, None, None), 0
    for bar in bars:
        measure, shown = to_measure(bar, shown)
        if bar.spans[0][0] != line:
            measure.insert(0, layout.SystemLayout(isNew=True))
        line = bar.spans[-1][0]
        part.append(measure)
    measures = list(part.getElementsByClass(stream.Measure))
    if bars:
        measures[0].insert(0, tempo.MetronomeMark(numberSounding=quarters_a_minute(bars)))       # heard, but not printed
        beam(measures, bars)
    for ending, group in bracketed(bars, measures):
        part.insert(0, spanner.RepeatBracket(group, number=ending))
    part.partName = ""
    score = stream.Score([part])
    score.metadata = metadata.Metadata(title=title or "untitled")
    score.metadata.addContributor(metadata.Contributor(role="transcriber", name="NoteNinja"))
    return score


def beam(measures, bars):
    """Beam the notes of bars that are not too long, and bracket triplets."""
    metre = None
    for measure, bar in zip(measures, bars):
        metre = measure.timeSignature or metre
        makeNotation.makeTupletBrackets(measure, inPlace=True)
        notes, missing = list(measure.notesAndRests), bar.length - bar.sum
        if missing >= 0:
            with redirect_stderr(StringIO()):             # music21 talks about odd rhythms, which the doubts tell better
                beamed = metre.getBeams(notes, measureStartOffset=0 if bar.number else missing)
            for element, beams in zip(notes, beamed):
                if beams and element.isNote:
                    element.beams = beams


def bracketed(bars, measures):
    """Groups of measures under one bracket: (1 or 2, measures)."""
    groups, before = [], 0
    for bar, measure in zip(bars, measures):
        if bar.ending and bar.ending == before:
            groups[-1][1].append(measure)
        elif bar.ending:
            groups.append((bar.ending, [measure]))
        before = bar.ending if not bar.repeat_end else 0
    return groups


def to_measure(bar, shown):
    """A bar as a measure, and the (clef, key, metre) in force after it; `shown` are those before it."""
    measure = stream.Measure(number=bar.number)
    if not bar.number:                                    # a pick-up is not counted
        measure.showNumber = stream.enums.ShowNumber.NEVER
    now = (bar.clef, bar.fifths, bar.metre)
    for new, old, make in zip(now, shown, (lambda clef: CLEFS[clef](), key.KeySignature, to_time)):
        if new != old:
            measure.append(make(new))
    joined, changes = False, dict(bar.clefs)
    for number, event in enumerate(bar.events):
        if number in changes and number:
            measure.append(CLEFS[changes[number]]())
            now = (changes[number], *now[1:])
        element = to_element(event)
        if bar.starts_joined and not number or joined:
            element.tie = tie.Tie("continue" if event.joined else "stop")
        elif event.joined:
            element.tie = tie.Tie("start")
        joined = event.joined
        measure.append(element)
    if bar.repeat_start:
        measure.leftBarline = bar_lines.Repeat("start")
    if bar.repeat_end:
        measure.rightBarline = bar_lines.Repeat("end")
    elif bar.close in STYLES:
        measure.rightBarline = bar_lines.Barline(STYLES[bar.close])
    return measure, now


def to_time(metre):
    """A time signature as it is printed."""
    return meter.TimeSignature({"C": "common", "C|": "cut"}.get(metre, metre))


def to_element(event):
    """A note or rest of a music21 score."""
    length = duration.Duration(type=TYPES[event.value], dots=event.dots)
    if event.triplet:
        length.appendTuplet(duration.Tuplet(3, 2, TYPES[event.value]))
    if event.whole is not None:
        rest = note.Rest(quarterLength=event.whole)
        rest.fullMeasure = True
        return rest
    if event.position is None:
        return note.Rest(duration=length)
    sound = pitch.Pitch(pitch_name(event.step, event.alter))
    if event.accidental or event.alter:
        sound.accidental = pitch.Accidental(event.alter)
        sound.accidental.displayStatus = bool(event.accidental)
    return note.Note(sound, duration=length)


def key_in_words(fifths):
    """A key signature in words: "2 flats (B flat major or G minor)"."""
    signature = key.KeySignature(fifths)
    major, minor = (signature.asKey(mode).tonic for mode in ("major", "minor"))
    names = [tonic.name.replace("-", " flat").replace("#", " sharp") for tonic in (major, minor)]
    sign = "sharp" if fifths > 0 else "flat"
    count = f"{abs(fifths)} {sign}{'' if abs(fifths) == 1 else 's'}" if fifths else "no sharps or flats"
    return f"{count} ({names[0]} major or {names[1]} minor)"


def to_musicxml(bars, title=None):
    """Bars as MusicXML text, read again to be sure that it can be."""
    exporter = GeneralObjectExporter(to_score(bars, title))
    exporter.makeNotation = False                  # it would spread a bar that is too long over the next ones
    text = exporter.parse().decode("utf-8")
    with catch_warnings():
        simplefilter("ignore", MusicXMLWarning)    # of bars that are too long, which are marked as doubtful
        converter.parseData(text, format="musicxml")
    return text


def to_tune(bars, title=None):
    """What is played, as a tune for the converter: without a pick-up, harmonised, in the one metre that most of it has.

    Where the metre changes, every note keeps its time; only the beats are counted in that one metre throughout.

    Returns
    -------
    Tune

    Raises
    ------
    UserError
        If there are fewer than four notes.
    """
    if not bars:
        raise UserError("No notes were read: choose a picture of printed music with one staff a system.")
    part = stream.Part([meter.TimeSignature(main_metre(bars)), key.KeySignature(bars[0].fifths)])
    pickup = bars[0].sum if bars[0].number == 0 else 0
    for start, lasts, sound in played_notes(bars):
        if start >= pickup:
            part.insert(start - pickup, note.Note(sound, quarterLength=lasts))
    return tune_from_score(part, title)
