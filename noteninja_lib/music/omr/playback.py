"""What is played: bars in their order, with repeats and endings, at a tempo. Lesson: 10_reading_sheet_music."""
from copy import deepcopy
from fractions import Fraction

from ..harmony import beat_length
from .symbols import RATIOS
from .pitches import midi_pitch

TEMPO = 110                                        # felt beats a minute, as `notation.from_score` has it
HALF_NOTES = {"C|": 80, "2/2": 80, "3/2": 80}      # where the half note is felt: of these


def play_order(bars):
    """Numbers of bars (from 0, in the list) in the order in which they are played: with repeats, and with endings.

    Lines without any repeat sign are played as they stand; an end of a repeat without a beginning leads back to the last
    one, or to the start.
    """
    order, start, number, again = [], 0, 0, False
    while number < len(bars):
        bar = bars[number]
        if bar.repeat_start and not again:
            start = number
        skipped = again and bar.ending == 1
        if not skipped:
            order.append(number)
        back = bar.repeat_end and not again and bar.ending != 2
        if bar.repeat_end and not back:
            start = number + 1
        again = back or again and not bar.repeat_end
        number = start if back else number + 1
    return order


def played_notes(bars):
    """Notes as they are played, repeats and endings included, tied notes as one.

    Returns
    -------
    list of (start, duration, midi_pitch)
        In quarter notes from the first note or rest; fractions.
    """
    notes, place, sounding = [], Fraction(0), None
    for number in play_order(bars):
        for event in bars[number].events:
            if event.position is not None:
                sound = midi_pitch(event.step, event.alter)
                if sounding == sound:
                    notes[-1] = (notes[-1][0], notes[-1][1] + event.quarters, sound)
                else:
                    notes.append((place, event.quarters, sound))
                sounding = sound if event.joined else None
            place += event.quarters
    return notes


def played_bars(bars):
    """Bars in the order in which they are played, each as often as it is: the music without any repeat sign.

    Returns
    -------
    list of Bar
        Copies, counted on.
    """
    played = [deepcopy(bars[number]) for number in play_order(bars)]
    for number, bar in enumerate(played, bars[0].number if bars else 1):
        bar.number, bar.ending, bar.repeat_start, bar.repeat_end = number, 0, False, False
        bar.close = "bar" if bar is not played[-1] else "final-bar"
    for before, bar in zip(played, played[1:]):               # a tie does not lead over a jump to another note
        last, first = before.events[-1], bar.events[0]
        last.joined = last.joined and (last.step, last.alter) == (first.step, first.alter)
        bar.starts_joined = last.joined
    return played


def main_metre(bars):
    """The metre, as a fraction, under which the music is for the longest time."""
    lasting = {}
    for bar in bars:
        lasting[bar.metre] = lasting.get(bar.metre, 0) + bar.sum
    printed = max(lasting, key=lasting.get)
    return RATIOS.get(printed, printed)


def usual_tempo(metre):
    """(beats a minute, quarter notes in such a beat) at which a metre is played where nothing is said."""
    return (HALF_NOTES[metre], 2.0) if metre in HALF_NOTES else (TEMPO, beat_length(RATIOS.get(metre, metre)))


def quarters_a_minute(bars):
    """The tempo at which bars are played, by the metre that most have."""
    beats, length = usual_tempo(main_metre(bars))
    return beats * length


def to_midi(bars):
    """What is played, as a pretty_midi.PrettyMIDI: one track, repeats and endings included."""
    import pretty_midi
    quarter = 60 / quarters_a_minute(bars)
    midi, track = pretty_midi.PrettyMIDI(resolution=480, initial_tempo=60 / quarter), pretty_midi.Instrument(0, name="Tune")
    track.notes = [pretty_midi.Note(90, sound, float(start * quarter), float((start + lasts) * quarter))
                   for start, lasts, sound in played_notes(bars)]
    midi.instruments.append(track)
    place, before = Fraction(0), None
    for number in play_order(bars):
        metre = RATIOS.get(bars[number].metre, bars[number].metre)
        if metre != before:
            midi.time_signature_changes.append(pretty_midi.TimeSignature(*map(int, metre.split("/")), float(place * quarter)))
        place, before = place + bars[number].sum, metre
    return midi
