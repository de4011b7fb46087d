"""What is written beside a conversion: the notes heard as MIDI and as a score, and the settings that make it again."""
import json
import os
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path, PureWindowsPath

from .errors import UserError
from .music.content import pick_notes
from .settings import describe

KINDS = ("mid", "musicxml", "json")
SAME = 0.05                    # seconds within which two onsets of one pitch are one note's
PIANO = 0                      # in General MIDI


def beside(path, kinds=KINDS):
    """Names of the files that belong to a recording: {kind: path}."""
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise UserError(f"There is no export called {unknown[0]}: choose from {', '.join(KINDS)}.")
    return {kind: Path(path).with_suffix(f".{kind}") for kind in kinds}


def export(result, path, settings, kinds=KINDS):
    """Write files beside a converted recording.

    Parameters
    ----------
    result : Conversion
    path : str or pathlib.Path
        The recording, such as "song (jazz).mp3"; it need not be there yet.
    settings : Settings
        With which the result was made.
    kinds : sequence of {"mid", "musicxml", "json"}
        "mid": the notes heard, in General MIDI, in time with the recording. "musicxml": the tune as a score.
        "json": all settings, checksums and measured numbers.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    UserError
        If there is no such kind, or a file can't be written.
    """
    files = beside(path, kinds)
    if set(kinds) - {"json"}:
        from .music.engraving import write_score         # these load music21, which a plain conversion does without
        from .music.transcription import heard_tune
        title = PureWindowsPath(settings.source).stem or Path(path).stem
        tune, _, beats_a_minute = heard_tune(result.content, title)
    for kind, file in files.items():
        with _whole(file) as unfinished:
            if kind == "mid":
                write_midi(result.content, unfinished, beats_a_minute)
            elif kind == "musicxml":
                write_score(tune, unfinished, beats_a_minute)
            else:
                record = describe(result, Path(path), settings)
                unfinished.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return list(files.values())


@contextmanager
def _whole(path):
    """A name to write to; the file gets its own name when it is whole."""
    unfinished = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except OSError as problem:
        raise UserError(f"{path} could not be written: choose another folder, or make room on the disk.") from problem
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def write_midi(content, path, beats_a_minute):
    """Write the notes heard: one track with the tune, one with all others.

    Parameters
    ----------
    content : Content
    path : pathlib.Path
    beats_a_minute : float
    """
    import pretty_midi
    tune, midi = content.melody(), pretty_midi.PrettyMIDI(initial_tempo=beats_a_minute)
    known = {}
    for one in tune:
        known.setdefault(one.pitch, []).append(one.start)
    others = [one for one in pick_notes(*content.notes)
              if all(abs(one.start - start) > SAME for start in known.get(one.pitch, []))]
    for name, notes in (("tune", tune), ("other notes", others)):
        track = pretty_midi.Instrument(PIANO, name=name)
        track.notes = [pretty_midi.Note(one.velocity, one.pitch, one.start, one.end) for one in notes]
        midi.instruments.append(track)
    midi.write(str(path))
