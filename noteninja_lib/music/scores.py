"""What a music21 score says: its melody line, its key, its chord symbols."""

from fractions import Fraction

import numpy as np

#: Scale of each mode in semitones above the tonic; minor has both sevenths.
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10, 11),
          "dorian": (0, 2, 3, 5, 7, 9, 10), "mixolydian": (0, 2, 4, 5, 7, 9, 10)}


def melody_notes(elements):
    """Notes of a melody line from music21 notes, chords and rests; ties are joined.

    Parameters
    ----------
    elements : iterable of (offset, music21.note.GeneralNote)
        Offsets in quarter notes. A chord gives its top note; grace notes are left out; where notes
        overlap, the higher one stays, cut where the next begins.

    Returns
    -------
    list of (start, duration, midi_pitch)
        Rounded to 4 digits.
    """
    notes, tied = [], False
    for offset, element in sorted(elements, key=lambda pair: pair[0]):
        duration = float(element.quarterLength)
        if element.isRest or duration <= 0 or not getattr(element, "pitches", None):
            tied = tied and not element.isRest
            continue
        pitch = max(p.midi for p in element.pitches)
        start = float(offset)
        if notes and start - notes[-1][0] < 1e-3:            # two voices at once: keep the higher
            if pitch > notes[-1][2]:
                notes[-1] = [notes[-1][0], duration, pitch]
            continue
        if notes and notes[-1][0] + notes[-1][1] > start + 1e-3:
            notes[-1][1] = start - notes[-1][0]
        joins = tied and notes[-1][2] == pitch and abs(notes[-1][0] + notes[-1][1] - start) < 1e-3
        if joins:
            notes[-1][1] += duration
        else:
            notes.append([start, duration, pitch])
        tied = element.tie is not None and element.tie.type in ("start", "continue")
    return [(round(start, 4), round(duration, 4), int(pitch)) for start, duration, pitch in notes]


def find_key(notes, stream, key=None):
    """Tonic and mode from the key signature, music21's key analysis and the last note.

    A key signature leaves four usual tonics open (two flats: B flat major, C dorian, F mixolydian, G minor).
    Each is rated by the Krumhansl-Schmuckler correlation that music21 finds for it, by the tune's last note
    and by what the score itself calls the key.

    Parameters
    ----------
    notes : sequence of (start, duration, midi_pitch)
    stream : music21.stream.Stream
        What music21 analyses.
    key : music21.key.KeySignature, optional
        If there is none, all 24 keys are candidates.

    Returns
    -------
    (tonic, mode) : (int, str)

    References
    ----------
    Krumhansl, C. (1990). Cognitive Foundations of Musical Pitch, chapter 4.
    """
    analysis = stream.analyze("key")
    fit = {(k.tonic.pitchClass, k.mode): k.correlationCoefficient
           for k in [analysis, *analysis.alternateInterpretations]}
    if key is None:
        candidates = list(fit)
    else:
        major = key.sharps * 7 % 12
        candidates = [(major, "major"), ((major + 2) % 12, "dorian"), ((major + 7) % 12, "mixolydian"),
                      ((major + 9) % 12, "minor")]
    said = (key.tonic.pitchClass, key.mode) if getattr(key, "tonic", None) else None
    last = notes[-1][2] % 12

    def rating(candidate):
        tonic, mode = candidate
        third = "minor" if mode in ("minor", "dorian") else "major"
        return fit.get((tonic, third), 0) + 0.25 * (tonic == last) + 0.25 * (candidate == said)

    tonic, mode = max(candidates, key=rating)
    weights = np.zeros(12)
    for _, duration, pitch in notes:
        weights[(pitch - tonic) % 12] += duration
    # Accidentals may say more than the signature: D major with every C natural is D mixolydian.
    family = ("minor", "dorian") if mode in ("minor", "dorian") else ("major", "mixolydian")
    outside = {m: 1 - weights[list(SCALES[m])].sum() / weights.sum() - 0.03 * (m == mode) for m in family}
    return int(tonic), min(outside, key=outside.get)


def chords_from_symbols(symbols, length):
    """Chord symbols as (start, duration, root, quality); the first one reaches back to 0."""
    starts = [0.0] + [min(max(offset, 0.0), length) for offset, _ in symbols[1:]] + [length]
    chords = []
    for (_, symbol), start, end in zip(symbols, starts, starts[1:]):
        intervals = {(p.pitchClass - symbol.root().pitchClass) % 12 for p in symbol.pitches}
        if 3 in intervals:
            quality = "dim" if 6 in intervals and 7 not in intervals else "min"
        else:
            quality = "dom7" if 10 in intervals else "maj"
        if end > start:
            chords.append((round(start, 4), round(end - start, 4), symbol.root().pitchClass, quality))
    return tuple(chords)


def exact(quarters):
    """Quarter notes as a fraction: a third of a beat is stored as 0.3333, and music21 wants 1/3."""
    return Fraction(quarters).limit_denominator(48)


def insert_by_beats(part, start, element, beat, bar):
    """Put a note or rest into a part: in tied pieces, cut at bar lines, and at beats if it begins or ends inside one.

    Parameters
    ----------
    part : music21.stream.Stream
    start : float
        Quarter notes.
    element : music21.note.GeneralNote
    beat : float
        Quarter notes in a felt beat; in simple time a half of it may be syncopated untied, in compound time (1.5) none.
    bar : float
        Quarter notes in a bar.
    """
    start, beat, bar = exact(start), exact(beat), exact(bar)
    end, unit = start + element.quarterLength, beat if beat == 1.5 else beat / 2
    edges = {bar * number for number in range(int(start // bar) + 1, int(-(-end // bar)))}
    if start % unit or end % unit:
        edges |= {edge for edge in (beat * (start // beat + 1), beat * (-(-end // beat) - 1)) if start < edge < end}
    edges = [start, *sorted(edges), end]
    lengths = [after - before for before, after in zip(edges, edges[1:])]
    pieces = element.splitByQuarterLengths(lengths) if lengths[1:] else [element]
    for edge, piece in zip(edges, pieces):
        part.insert(edge, piece)
