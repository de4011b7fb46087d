"""A tune into files: MusicXML, MIDI in time with a recording, ABC. Lesson: 02_music_theory_with_music21."""

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
from music21 import converter, duration, tempo
from music21.musicxml.m21ToXml import GeneralObjectExporter

from noteninja_lib.errors import whole
from noteninja_lib.music.harmony import NOTE_NAMES, QUALITIES, chord_name, sharps
from noteninja_lib.music.tunes import Tune, exact, spelling, to_stream


def write_lead_midi(tune: Tune, beats: Sequence[float], path: Path) -> None:
    """Write a tune and its chords as MIDI in time with a recording, names of the chords as texts.

    Parameters
    ----------
    tune : Tune
    beats : sequence of float
        Seconds of its felt beats; those before the recording begins are hurried through at its beginning.
    path : pathlib.Path
    """
    ticks, hurry = 480, 1e-3
    times = np.maximum(np.asarray(beats), hurry * np.arange(len(beats)))
    song, (clock, melody, harmony) = mido.MidiFile(ticks_per_beat=ticks), (mido.MidiTrack() for _ in range(3))
    beat = round(tune.beat * ticks)
    upper, lower = map(int, tune.metre.split("/"))
    events: tuple = ([], [], [])
    events[0].append((0, mido.MetaMessage("time_signature", numerator=upper, denominator=lower)))
    key = NOTE_NAMES[tune.tonic] + "m" * (tune.mode in ("minor", "dorian"))
    events[0].append((0, mido.MetaMessage("key_signature", key=key.replace("Abm", "G#m"))))
    for number, seconds in enumerate(np.diff(times)):
        speed = int(np.clip(1e6 * seconds / tune.beat, 1, 2**24 - 1))
        events[0].append((number * beat, mido.MetaMessage("set_tempo", tempo=speed)))
    for start, _, root, quality in tune.chords:
        events[0].append((round(start * ticks), mido.MetaMessage("text", text=chord_name(root, quality))))
    sounds = [(1, start, lasts, pitch) for start, lasts, pitch in tune.notes]
    for start, lasts, root, quality in tune.chords:
        sounds += [(2, start, lasts, 48 + root + tone) for tone in QUALITIES[quality]]
    for track, start, lasts, pitch in sounds:
        for at, kind in ((start + lasts, "note_off"), (start, "note_on")):
            events[track].append((round(at * ticks), mido.Message(kind, note=pitch, velocity=80)))
    for track, name, all_of_it in zip((clock, melody, harmony), (tune.title, "tune", "chords"), events):
        track.append(mido.MetaMessage("track_name", name=name.encode("latin-1", "replace").decode("latin-1")))
        now = 0
        for at, message in sorted(all_of_it, key=lambda event: (event[0], event[1].type == "note_on")):
            track.append(message.copy(time=at - now))
            now = at
        song.tracks.append(track)
    with whole(path) as unfinished:
        song.save(str(unfinished))


def write_score(tune: Tune, path: Path, beats_a_minute: float) -> None:
    """Write a tune as MusicXML with chord symbols, key, metre and metronome mark; read it again to be sure.

    Parameters
    ----------
    tune : Tune
        With note values that can be printed, as `quantise` makes them.
    path : pathlib.Path
    beats_a_minute : float
    """
    with whole(path) as unfinished:
        unfinished.write_bytes(musicxml(tune, beats_a_minute))
        converter.parse(str(unfinished), format="musicxml", forceSource=True)


def musicxml(tune: Tune, beats_a_minute: float) -> bytes:
    """A tune as MusicXML, see `write_score`."""
    score = to_stream(tune)
    mark = tempo.MetronomeMark(number=round(beats_a_minute), referent=duration.Duration(tune.beat))
    score.parts[0].measure(1).insert(0, mark)  # type: ignore[union-attr]
    score.parts[0].partName, score.metadata.composer = "Tune", score.metadata.composer or "NoteNinja"
    text = GeneralObjectExporter(score).parse()
    return re.sub(rb'(?<=id=")P[0-9a-f]{32}', b"P1", text)  # music21's name of the part is drawn by chance


def to_abc(tune: Tune, beats_a_minute: float) -> str:
    """A tune in ABC notation, with chord symbols; https://abcnotation.com/wiki/abc:standard:v2.1.

    Parameters
    ----------
    tune : Tune
        One note at a time, as `quantise` makes them.
    beats_a_minute : float
        Felt beats.
    """
    names, count = spelling(tune), sharps(tune.tonic, tune.mode)
    signed = dict.fromkeys("FCGDAEB"[:count] if count >= 0 else "BEADGCF"[:-count], "^" if count > 0 else "_")
    chords = {exact(start): chord_name(root, quality) for start, _, root, quality in tune.chords}
    events, end = [], Fraction(0)
    for start, lasts, pitch in [*tune.notes, (tune.length, 0.0, 0)]:
        events += [(end, exact(start), None)] if exact(start) > end else []
        end = max(end, exact(start) + exact(lasts))
        events += [(exact(start), end, pitch)] if lasts else []
    lines, bar, beat = [], exact(tune.bar), exact(tune.beat)
    for number in range(round(tune.length / tune.bar)):
        first, words, now = number * bar, "", dict(signed)
        for start, stop, pitch in events:
            cuts = sorted(
                {max(start, first), min(stop, first + bar), *(c for c in chords if start < c < stop)}
            )
            cuts = [cut for cut in cuts if first <= cut <= first + bar]
            for begin, close in zip(cuts, cuts[1:]):
                words += " " if words and (begin - first) % beat == 0 else ""
                words += f'"{chords[begin]}"' if begin in chords else ""
                length = str(2 * (close - begin)) if close - begin != Fraction(1, 2) else ""
                tied = "-" if pitch is not None and close < stop else ""
                words += (_abc_pitch(pitch, names, now) if pitch is not None else "z") + length + tied
        lines.append(words)
    rows = [" | ".join(lines[at : at + 4]) + " |" for at in range(0, len(lines), 4)]
    mode = {"major": "", "minor": "m", "dorian": " dor", "mixolydian": " mix"}[tune.mode]
    key = names[tune.tonic % 12].replace("-", "b") + mode
    beat_of = f"{exact(tune.beat) / 4}={beats_a_minute:.0f}"
    head = f"X:1\nT:{tune.title}\nM:{tune.metre}\nL:1/8\nQ:{beat_of}\nK:{key}\n"
    return head + "\n".join(rows) + "]\n"


def _abc_pitch(pitch, names, now):
    """A pitch in ABC; `now` has the accidentals that letters have in this bar, in all octaves."""
    name = names[pitch % 12]
    letter, sign = name[0], {"#": "^", "-": "_"}.get(name[1:], "")
    octave = (pitch - {"^": 1, "_": -1, "": 0}[sign]) // 12 - 5
    before, now[letter] = now.get(letter, ""), sign
    shown = "" if sign == before else sign or "="
    return shown + (letter.lower() + "'" * (octave - 1) if octave > 0 else letter + "," * -octave)
