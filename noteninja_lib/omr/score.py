"""Music out of the bars that were read: a score, MusicXML, MIDI, or a tune for the converter.

Whatever was read, also nonsense, gives a score that any notation program opens. Lesson:
10_reading_sheet_music.
"""

from contextlib import redirect_stderr
from copy import deepcopy
from fractions import Fraction
from io import StringIO
from itertools import groupby
from warnings import catch_warnings, simplefilter

import music21
import pretty_midi
from music21 import clef as clefs
from music21 import duration, harmony, key, layout, metadata, meter, note, pitch, repeat, stream, tie
from music21.musicxml.m21ToXml import GeneralObjectExporter
from music21.musicxml.xmlObjects import MusicXMLWarning
from music21.stream import makeNotation

from noteninja_lib.errors import UserError
from noteninja_lib.music.harmony import beat_length, read_chord
from noteninja_lib.music.playing_order import Signs, playing_order
from noteninja_lib.music.tunes import Tune, tune_from_score
from noteninja_lib.omr.measures import Bar, check_durations, split_bars
from noteninja_lib.omr.vocabulary import midi_pitch, pitch_name, ratio, set_pitches

TEMPO = 110  # felt beats a minute, as `piano_roll.from_score` has it
HALF_NOTES = {"2/2": 80, "3/2": 80}  # metres where the half note is felt: halves a minute
CLEFS = {"treble": clefs.TrebleClef, "bass": clefs.BassClef, "alto": clefs.AltoClef, "tenor": clefs.TenorClef}
TYPES = {1: "whole", 2: "half", 4: "quarter", 8: "eighth", 16: "16th", 32: "32nd"}
STYLES = {"double-bar": "double", "final-bar": "final"}
#: Words at a bar, and what music21 calls them.
EXPRESSIONS = {"segno": "Segno", "coda": "Coda", "Coda": "Coda", "Fine": "Fine"}
EXPRESSIONS |= {"D.C.": "DaCapo", "D.C. al Fine": "DaCapoAlFine", "D.C. al Coda": "DaCapoAlCoda"}
EXPRESSIONS |= {"D.S.": "DalSegno", "D.S. al Fine": "DalSegnoAlFine", "D.S. al Coda": "DalSegnoAlCoda"}
LEAST_CHORDS = 3  # symbols on a page from which on they are its harmony


def read_bars(lines: list[list[str]], upper: bool = False, final: bool = True, **corrections) -> list[Bar]:
    """Bars with pitches, as printed, checked for what does not add up; none if there are no notes and rests.

    Parameters
    ----------
    lines : list of list of str
        Tokens as in `vocabulary`, a list for each staff, top to bottom.
    upper : bool
        Whether of chords and voices the uppermost notes are wanted.
    final : bool
        As for `measures.check_durations`.
    **corrections
        Clef, key (sharps, or minus the flats) and metre in place of all that was read.
    """
    trusted = corrections.get("metre") is not None
    bars = check_durations(split_bars(lines, **corrections), trusted, upper, final)
    set_pitches(bars)
    return bars


# ---- what is played --------------------------------------------------------------------------------------


def play_order(bars: list[Bar]) -> list[int]:
    """Indices of bars in the order in which they are played: with repeats, endings, D.C. and D.S.

    Lines without any repeat sign are played as they stand; an end of a repeat without a beginning leads back
    to the last one, or to the start.
    """
    signs = []
    for bracketed, group in groupby(bars, key=lambda bar: bar.ending > 0):
        group = list(group)
        both = bracketed and {bar.ending for bar in group} == {1, 2}  # one alone was misread
        for bar in group:
            names = {EXPRESSIONS[words] for words in bar.words if words in EXPRESSIONS}
            endings = {bar.ending} if both else set()
            signs.append(Signs(bar.repeat_start, 2 if bar.repeat_end else 1, endings, names))
    codas = [one for one in signs if "Coda" in one.names]
    if len(codas) > 1:
        codas[0].to_coda = True
    return playing_order(signs)


def played_notes(bars: list[Bar]) -> list[tuple[Fraction, Fraction, int]]:
    """Notes as they are played, tied notes as one: (start, duration, MIDI pitch), in quarter notes."""
    notes, place, sounding = [], Fraction(0), None
    for event in (event for number in play_order(bars) for event in bars[number].events):
        if event.step is not None:
            sound = midi_pitch(event.step, event.alter)
            if sounding == sound:
                notes[-1] = (notes[-1][0], notes[-1][1] + event.quarters, sound)
            else:
                notes.append((place, event.quarters, sound))
            sounding = sound if event.joined else None
        place += event.quarters
    return notes


def played_chords(bars: list[Bar]) -> list[tuple[Fraction, harmony.ChordSymbol]]:
    """Printed chords as they are played: quarter notes from the start, and the chord."""
    chords, place = [], Fraction(0)
    for number in play_order(bars):
        chords += [(place + at, _symbol(text)) for at, text in bars[number].harmony]
        place += bars[number].sum
    return chords


def _symbol(text):
    """A chord symbol of music21."""
    root, kind = read_chord(text) or ("", "none")
    return harmony.ChordSymbol(root=root, kind=kind) if root else harmony.NoChord()


def played_bars(bars: list[Bar]) -> list[Bar]:
    """Copies of the bars in the order in which they are played, counted on: without repeat signs."""
    played = [deepcopy(bars[number]) for number in play_order(bars)]
    for number, bar in enumerate(played, bars[0].number if bars else 1):
        bar.number, bar.ending, bar.repeat_start, bar.repeat_end = number, 0, False, False
        bar.close, bar.words = "bar" if bar is not played[-1] else "final-bar", []
    for before, bar in zip(played, played[1:]):  # a tie does not lead over a jump to another note
        last, first = before.events[-1], bar.events[0]
        last.joined = last.joined and (last.step, last.alter) == (first.step, first.alter)
        bar.starts_joined = last.joined
    return played


def main_metre(bars: list[Bar]) -> str:
    """The metre, as a fraction, under which the music is for the longest time."""
    lasting: dict[str, Fraction] = {}
    for bar in bars:
        lasting[bar.metre] = lasting.get(bar.metre, Fraction(0)) + bar.sum
    return ratio(max(lasting, key=lambda metre: lasting[metre]))


def quarters_a_minute(bars: list[Bar]) -> float:
    """The tempo at which bars are played where nothing is said, by the metre that most have."""
    metre = main_metre(bars)
    return HALF_NOTES[metre] * 2.0 if metre in HALF_NOTES else TEMPO * beat_length(metre)


def to_midi(bars: list[Bar]) -> pretty_midi.PrettyMIDI:
    """What is played: one track, repeats and endings included."""
    quarter = 60 / quarters_a_minute(bars)
    midi = pretty_midi.PrettyMIDI(resolution=480, initial_tempo=60 / quarter)
    track = pretty_midi.Instrument(0, name="Tune")
    for start, lasts, sound in played_notes(bars):
        end = float((start + lasts) * quarter)
        track.notes.append(pretty_midi.Note(90, sound, float(start * quarter), end))
    midi.instruments.append(track)
    place, before = Fraction(0), None
    for number in play_order(bars):
        metre = ratio(bars[number].metre)
        if metre != before:
            change = pretty_midi.TimeSignature(*map(int, metre.split("/")), float(place * quarter))
            midi.time_signature_changes.append(change)
        place, before = place + bars[number].sum, metre
    return midi


def to_tune(bars: list[Bar], title: str | None = None) -> Tune:
    """What is played, as a tune for the converter: without a pick-up, harmonised, in its main metre.

    Where the metre changes, every note keeps its time; only the beats are counted in that one metre
    throughout.

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
    if sum(len(bar.harmony) for bar in bars) >= LEAST_CHORDS:
        for start, symbol in played_chords(bars):
            part.insert(max(start - pickup, 0), symbol)
    return tune_from_score(part, title)


# ---- what is printed -------------------------------------------------------------------------------------


def to_score(bars: list[Bar], title: str | None = None) -> stream.Score:
    """A score as it is printed, with repeat signs, brackets, and lines that break where they did."""
    part, shown, line = stream.Part(), (None, None, None), 0
    for bar in bars:
        measure, shown = _measure(bar, shown)
        if bar.spans[0][0] != line:
            measure.insert(0, layout.SystemLayout(isNew=True))
        line = bar.spans[-1][0]
        part.append(measure)
    measures = list(part.getElementsByClass(stream.Measure))
    if bars:  # a tempo that is heard, but not printed
        measures[0].insert(0, music21.tempo.MetronomeMark(numberSounding=quarters_a_minute(bars)))
        _beam(measures, bars)
    for ending, group in _bracketed(bars, measures):
        part.insert(0, music21.spanner.RepeatBracket(group, number=ending))
    part.partName = ""
    score = stream.Score([part])
    score.metadata = metadata.Metadata(title=title or "untitled")
    score.metadata.addContributor(metadata.Contributor(role="transcriber", name="NoteNinja"))
    return score


def _beam(measures, bars):
    """Beam the notes of bars that are not too long, and bracket triplets."""
    metre = None
    for measure, bar in zip(measures, bars):
        metre = measure.timeSignature or metre
        makeNotation.makeTupletBrackets(measure, inPlace=True)
        notes, missing = list(measure.notesAndRests), bar.length - bar.sum
        if missing >= 0:
            with redirect_stderr(StringIO()):  # music21 talks about odd rhythms, which the doubts tell better
                beamed = metre.getBeams(notes, measureStartOffset=0 if bar.number else missing)
            for element, beams in zip(notes, beamed):
                if beams and element.isNote:
                    element.beams = beams


def _bracketed(bars, measures):
    """Groups of measures under one bracket: (1 or 2, measures)."""
    groups, before = [], 0
    for bar, measure in zip(bars, measures):
        if bar.ending and bar.ending == before:
            groups[-1][1].append(measure)
        elif bar.ending:
            groups.append((bar.ending, [measure]))
        before = bar.ending if not bar.repeat_end else 0
    return groups


def _measure(bar, shown):
    """A bar as a measure, and the (clef, key, metre) in force after it; `shown` are those before it."""
    measure = stream.Measure(number=bar.number)
    if not bar.number:  # a pick-up is not counted
        measure.showNumber = stream.enums.ShowNumber.NEVER
    now = (bar.clef, bar.fifths, bar.metre)
    if bar.clef != shown[0]:
        measure.append(CLEFS[bar.clef]())
    if bar.fifths != shown[1]:
        measure.append(key.KeySignature(bar.fifths))
    if bar.metre != shown[2]:
        measure.append(meter.TimeSignature({"C": "common", "C|": "cut"}.get(bar.metre, bar.metre)))
    joined, changes = bar.starts_joined, dict(bar.clefs)
    for number, event in enumerate(bar.events):
        if number in changes and number:
            measure.append(CLEFS[changes[number]]())
            now = (changes[number], *now[1:])
        element = _note_or_rest(event)
        if joined:
            element.tie = tie.Tie("continue" if event.joined else "stop")
        elif event.joined:
            element.tie = tie.Tie("start")
        joined = event.joined
        measure.append(element)
    for at, text in bar.harmony:
        measure.insert(at, _symbol(text))
    for words in bar.words:
        if words in EXPRESSIONS:
            sign = getattr(repeat, EXPRESSIONS[words])()
            measure.insert(0 if words == "segno" else bar.sum, sign)
    if bar.repeat_start:
        measure.leftBarline = music21.bar.Repeat("start")
    if bar.repeat_end:
        measure.rightBarline = music21.bar.Repeat("end")
    elif bar.close in STYLES:
        measure.rightBarline = music21.bar.Barline(STYLES[bar.close])
    return measure, now


def _note_or_rest(event):
    """A note or rest of a music21 score."""
    if event.whole is not None:
        rest = note.Rest(quarterLength=event.whole)
        rest.fullMeasure = True
        return rest
    length = duration.Duration(type=TYPES[event.value], dots=event.dots)
    if event.triplet:
        length.appendTuplet(duration.Tuplet(3, 2, TYPES[event.value]))
    if event.position is None:
        rest = note.Rest(duration=length)
        rest.fullMeasure = False
        return rest
    sound = pitch.Pitch(pitch_name(event.step, event.alter))
    if event.accidental or event.alter:
        sound.accidental = pitch.Accidental(event.alter)
        sound.accidental.displayStatus = bool(event.accidental)
    return note.Note(sound, duration=length)


def key_in_words(fifths: int) -> str:
    """A key signature in words: "2 flats (B flat major or G minor)"."""
    signature = key.KeySignature(fifths)
    major, minor = (signature.asKey(mode).tonic for mode in ("major", "minor"))
    names = [tonic.name.replace("-", " flat").replace("#", " sharp") for tonic in (major, minor)]
    sign = "sharp" if fifths > 0 else "flat"
    count = f"{abs(fifths)} {sign}{'' if abs(fifths) == 1 else 's'}" if fifths else "no sharps or flats"
    return f"{count} ({names[0]} major or {names[1]} minor)"


def to_musicxml(bars: list[Bar], title: str | None = None) -> str:
    """Bars as MusicXML text, read again to be sure that it can be."""
    exporter = GeneralObjectExporter(to_score(bars, title))
    exporter.makeNotation = False  # it would spread a bar that is too long over the next ones
    text = exporter.parse().decode("utf-8")
    with catch_warnings():
        simplefilter("ignore", MusicXMLWarning)  # of bars that are too long, which are marked as doubtful
        music21.converter.parseData(text, format="musicxml")
    return text
