"""What comes in, a recording or known notes, and what is heard in it. Lesson: 00_genre_converter."""

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.ndimage
import soxr
from numpy.lib.stride_tricks import sliding_window_view

from noteninja_lib.arranger.performance import Note
from noteninja_lib.audio.decoding import Downmix
from noteninja_lib.audio.io import SAMPLE_RATE, check, levels, load, pauses, stream
from noteninja_lib.audio.spectrogram import HOP_LENGTH, LOWEST
from noteninja_lib.errors import UserError
from noteninja_lib.models.basic_pitch import transcribe
from noteninja_lib.models.classifiers import extract_melody
from noteninja_lib.models.pitch import HOP as PITCH_HOP
from noteninja_lib.models.pitch import PITCHES, pitch_classes, track_pitch
from noteninja_lib.models.pitch import RATE as PITCH_RATE
from noteninja_lib.models.separator import RATE, first_look, separate
from noteninja_lib.music.beats import FRAME_RATE, hear_rhythm
from noteninja_lib.music.harmony import QUALITIES
from noteninja_lib.music.piano_roll import PianoRoll, cut, draw_notes, sounding, tune_likeness
from noteninja_lib.music.singing import (
    MEAN_SHARE,
    SECONDS,
    SHARE,
    PitchCurve,
    follow_pitch,
    kind_of_voice,
    stretches,
    sung_notes,
)

if TYPE_CHECKING:
    from noteninja_lib.music.tunes import Tune

FOLDED = 16 * HOP_LENGTH  # samples to a frame at the denoiser's lowest level
MIDI, SCORES = (".mid", ".midi", ".kar", ".rmi"), (".musicxml", ".xml", ".mxl", ".abc")
SCORES += (".krn", ".mei", ".mscz", ".mscx")
#: Files of notes that can't be read, which is more to say than that they are no recordings.
UNREAD = tuple(
    ".gp .gp3 .gp4 .gp5 .gpx .sib .mus .musx .ly .nwc .cap .capx .enc .ove .ptb .tef .dorico".split()
)
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".pdf")
LOUDEST = 8.0  # peak: what is higher was written on another scale, such as that of integers
FADE = 0.1  # seconds in which a voice comes and goes at the ends of what is sung
REST = 1.5  # seconds without a note after which the instruments have the tune again
LOW = 62  # MIDI pitch: a voice that is lower on average is played an octave higher
HALF = 0.5  # strength of the band's notes under a sung tune that is played
ALONE = 0.03  # share of a recording below which there is nobody but the singer
SURE = (0.9, 0.8)  # how much of a tune is heard again where there surely is one, sung or played
SPARSE = 0.1  # share of a song's time below which some notes are no tune
EXCERPTS, EXCERPT = 3, 8.0  # in which is looked whether somebody is alone; seconds
LONE = 0.79  # share of the energy in one voice's overtones above which there is nothing else
COMPARED = (60.0, 3500.0)  # Hz between which that is measured
HIGH = 800.0  # Hz: people who whistle have next to nothing below
DOUBT = -1.0  # logit by which it is less likely that somebody sings where nobody else can be heard
WHISTLED, FEWEST = 80, 4  # MIDI pitch above which that is a whistle; notes of a tune
NEAR = 0.05  # seconds around a sung note's beginning in which the band begins none on its pitch class


@dataclass
class Voice:
    """A singer, or a speaker, in a recording.

    Attributes
    ----------
    audio : numpy.ndarray, float16, shape (samples, 2)
        The voice alone, 44,100 Hz; in half precision (-66 dB), since a long song has much of it.
    notes : list of Note
        What is sung; empty where somebody only speaks.
    curve : PitchCurve
    """

    audio: np.ndarray
    notes: list[Note]
    curve: PitchCurve


@dataclass
class Recording:
    """A recording that was read, and not yet listened to.

    Attributes
    ----------
    whole : numpy.ndarray, float32
        Mono, 22,050 Hz, with silence at its end, so that it fills the networks' frames.
    samples : int
        Of it that are the recording.
    path : str, Path or None
        Where it was read; None where it was given as samples.
    scale : float
        What the samples were divided by.
    """

    whole: np.ndarray
    samples: int
    path: str | Path | None
    scale: float = 1.0

    def stereo(self, start: int, stop: int) -> Iterator[np.ndarray]:
        """Blocks (n, 2) at 44,100 Hz of what lies between two samples of `whole`."""
        if self.path is None:
            return in_stereo(self.whole[start:stop])
        where = {"offset": start / SAMPLE_RATE, "duration": (stop - start) / SAMPLE_RATE}
        return (block / self.scale for block in stream(self.path, RATE, stereo=True, **where))


@dataclass
class Source:
    """A song, as sound and as notes.

    Attributes
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        The recording, or where there is none, a piano that plays the notes.
    whole : numpy.ndarray, float32
        The same with silence at its end, so that it fills the networks' frames.
    piano_roll : PianoRoll
        As long as `whole`; a tune that is sung is in it as an instrument would play it.
    played : PianoRoll
        What the band plays.
    voice : Voice or None
        Who sings or speaks in it.
    band : numpy.ndarray, float32, shape (samples,)
        The recording without its voice, as long as `whole`.
    recorded : bool
        Whether it was sound that came in.
    lead : LeadSheet or None
        What somebody said its tune and chords are.
    semitones : int
        By which its notes, and its singer's, are no longer the recording's.
    usual : Source or None
        The same with the harmony that was heard, where it has another one.
    unsung : str
        What of it can't be sung, such as "another mode".
    """

    audio: np.ndarray
    whole: np.ndarray
    piano_roll: PianoRoll
    voice: Voice | None = None
    played: PianoRoll = None  # type: ignore[assignment]
    band: np.ndarray = None  # type: ignore[assignment]
    recorded: bool = False
    lead: Any = None
    semitones: int = 0
    usual: "Source | None" = None
    unsung: str = ""

    def __post_init__(self):
        self.played = self.piano_roll if self.played is None else self.played
        self.band = self.whole if self.band is None else self.band

    @property
    def backing(self) -> PianoRoll:
        """What is played besides the voice: where somebody sings, it leaves out the tune."""
        return without_notes(self.played, self.voice.notes) if self.voice else self.played

    @property
    def alone(self) -> bool:
        """Whether there is nobody but a singer."""
        return self.voice is not None and bool(self.band.std() < ALONE * self.whole.std())


def read_written(song: Any, **choice: Any) -> PianoRoll:
    """The piano roll of written notes: a file, a score or a tune.

    Parameters
    ----------
    song : path, music21.stream.Stream or Tune
    **choice
        `part`, `tune` and `repeats`, as `read_roll` takes them.

    Raises
    ------
    UserError
        If it can't be read, or is a recording or a picture.
    """
    if not _is_written(song):
        if isinstance(song, str | Path) and not Path(song).is_file():
            raise UserError(f"There is no file {song}.")
        name = song if isinstance(song, str | Path) else "this song"
        raise UserError(
            f"Part, tune and repeats are chosen in files of notes, and {name} is none: leave them out."
        )
    from noteninja_lib.music.score_io import read_roll  # loads music21, which a recording does not need

    return read_roll(song, **choice)


def _is_written(song):
    if isinstance(song, str | Path):
        return Path(song).suffix.lower() in MIDI + SCORES
    return not isinstance(song, np.ndarray | PianoRoll)


def read_source(
    song: Any, seconds: float | None = None, progress: Callable = lambda done: None, **choice: Any
) -> Source:
    """A song as the pipeline takes it.

    Parameters
    ----------
    song : path, numpy.ndarray of shape (samples,), music21.stream.Stream, Tune or PianoRoll
        A path may lead to a recording, to a MIDI, MusicXML or ABC file, or to a picture (also a pdf) of
        printed music.
    seconds : float, optional
        Only the beginning.
    progress : callable
        Called with the fraction done of listening or reading.
    **choice
        Of written notes: `part`, `tune` and `repeats`, as `read_roll` takes them.

    Raises
    ------
    UserError
        If it can't be used.
    """
    suffix = Path(song).suffix.lower() if isinstance(song, str | Path) else ""
    if suffix in PICTURES and not choice.get("part"):
        known = read_page(song, progress, choice.get("tune"))
    elif _is_written(song) or choice:
        known = read_written(song, **choice)
    else:
        known = song if isinstance(song, PianoRoll) else None
    if known is not None:
        if not known.frames:
            raise UserError("There are no notes in this music: choose some that lasts longer.")
        known = known if seconds is None else cut(known, 0, seconds)
        roll = known.padded()
        tune, others = roll.melody_notes(), roll.accompaniment()
        from noteninja_lib.arranger.synthesis import sketch  # loads numba, which a recording does not need

        whole = sketch(tune, others, roll.seconds)
        return Source(whole[: known.frames * HOP_LENGTH], whole, roll)
    return listen(read_recording(song, seconds), progress=progress)


def read_recording(song: np.ndarray | str | Path, seconds: float | None = None) -> Recording:
    """A recording, or its beginning; see `read_source`."""
    path = None if isinstance(song, np.ndarray) else song
    if path is not None and Path(path).suffix.lower() in UNREAD:
        known = ", ".join(MIDI + SCORES)
        raise UserError(f"{path} is of no kind of notes that can be read: export it as one of {known}.")
    if isinstance(song, np.ndarray):
        audio = check(song)[: None if seconds is None else round(seconds * SAMPLE_RATE)]
    else:
        audio = load(song, duration=seconds)
    peak = float(np.abs(audio).max())
    scale = peak if peak > LOUDEST else 1.0  # samples that were never brought to -1..1
    whole = np.pad(audio if scale == 1 else audio / scale, (0, -len(audio) % FOLDED))
    return Recording(whole, len(audio), path, scale)


def listen(
    song: Recording,
    start: int = 0,
    stop: int | None = None,
    past: np.ndarray | None = None,
    progress: Callable = lambda done: None,
) -> Source:
    """Listen to a recording, or to a part of it.

    Parameters
    ----------
    song : Recording
    start, stop : int
        Samples between which it is listened to: multiples of 4,096.
    past : numpy.ndarray, optional, shape (samples,)
        What was heard before, as far as it tells the beat.
    progress : callable
        Called with the fraction done.
    """
    whole = song.whole[start:stop]  # views: a long song lies in memory once
    audio = whole[: song.samples - start]
    stereo = song.stereo(start, start + len(audio))
    parted = []  # how far the singer was looked for

    def parting(done):
        parted.append(done)
        progress(done / 3)

    voice, band = find_voice(audio, stereo, parting) or (None, audio)
    band = np.pad(band, (0, len(whole) - len(band))) if voice else whole

    def listening(done):
        progress(1 / 3 + done * 2 / 3 if parted else done)

    source = Source(audio, whole, hear(band, listening, past), voice, band=band, recorded=True)
    roll, tune = source.piano_roll, voice.notes if voice else []
    if source.alone:  # the beat is the singer's; what is heard in the rest was left over by the separation
        roll = replace(roll.map(np.zeros_like, hear_rhythm(whole)[1]), onsets=roll.onsets)
        roll = accompanied(roll, tune) if len(tune) >= FEWEST else roll
    roll = hush(roll, levels(whole))
    return replace(source, piano_roll=with_tune(roll, tune) if tune else roll, played=roll)


def in_stereo(audio: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks (n, 2) at 44,100 Hz of a mono recording at 22,050 Hz."""
    resampler = soxr.ResampleStream(SAMPLE_RATE, RATE, 1, dtype="float32")
    for start in range(0, len(audio), SAMPLE_RATE):
        last = start + SAMPLE_RATE >= len(audio)
        yield np.repeat(resampler.resample_chunk(audio[start : start + SAMPLE_RATE], last)[:, None], 2, 1)


def find_voice(
    audio: np.ndarray, stereo: Iterable[np.ndarray], progress: Callable = lambda done: None
) -> tuple[Voice, np.ndarray] | None:
    """Who sings or speaks in a recording.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 22,050 Hz.
    stereo : iterable of numpy.ndarray, float32, shape (n, 2)
        The same at 44,100 Hz, in blocks; not asked for where a first look finds no voice.
    progress : callable
        Called with the fraction done.

    Returns
    -------
    (Voice, numpy.ndarray) or None
        The voice, and the band as `audio` without it, of the same shape.
    """
    curve = lone_curve(audio)
    if curve is not None:
        sung = np.concatenate([block.astype(np.float16) for block in stereo])
        progress(1.0)
        return Voice(sung, sung_notes(curve, alone=True), curve), np.zeros_like(audio)
    if not first_look(audio, SAMPLE_RATE):
        return None
    # Made at their full length: parts that are joined at the end would need twice the memory.
    sung = np.zeros((-(-len(audio) * RATE // SAMPLE_RATE), 2), np.float16)
    both = np.zeros((len(audio) * PITCH_RATE // SAMPLE_RATE, 2), np.float32)  # voice and recording
    low = np.zeros(len(audio), np.float32)
    to_tracker = soxr.ResampleStream(RATE, PITCH_RATE, 2, dtype="float32")
    to_band = soxr.ResampleStream(RATE, SAMPLE_RATE, 1, dtype="float32")
    done = [0, 0, 0]
    nothing, downmix = np.zeros((0, 2), np.float32), (Downmix(), Downmix())
    for recording, voice in itertools.chain(separate(stereo), [(nothing, nothing)]):
        last = not len(voice)  # what the resamplers hold back
        pair = np.stack([fold(one, last) for fold, one in zip(downmix, (voice, recording))], 1)
        parts: Any = (voice, to_tracker.resample_chunk(pair, last), to_band.resample_chunk(pair[:, 0], last))
        targets: Any = (sung, both, low)
        for number, (target, part) in enumerate(zip(targets, parts)):
            part = part[: len(target) - done[number]]
            target[done[number] : done[number] + len(part)] = part
            done[number] += len(part)
        progress(done[0] / len(sung))
    both = np.ascontiguousarray(both.T)
    curve = pitch_curve(*both)
    kinds, notes = stretches(curve), sung_notes(curve)
    if not any(kind in ("sung", "spoken") for _, _, kind in kinds):
        return None
    kept = np.ones(len(curve.pitch) + 1, np.float32)
    for first, last, kind in kinds:
        kept[first:last] = kind != "played"
        if kind in ("played", "spoken"):
            notes = [note for note in notes if not first <= round(note.start / SECONDS) < last]
    smooth = scipy.ndimage.uniform_filter1d(kept, round(FADE / SECONDS))
    for sound, rate in ((sung, RATE), (low[:, None], SAMPLE_RATE)):
        for start in range(0, len(sound), rate):  # in parts, so that a long song needs no more memory
            part = sound[start : start + rate]
            times = np.arange(start, start + len(part)) / rate / SECONDS
            part *= np.interp(times, np.arange(len(smooth)), smooth)[:, None].astype(part.dtype)
    return Voice(sung, notes, curve), np.subtract(audio, low, out=low)


def pitch_curve(voice: np.ndarray, recording: np.ndarray) -> PitchCurve:
    """How a voice (samples,) moves in the recording that it comes from; both mono, 16,000 Hz."""
    logits, singing = track_pitch(voice)
    level, all_level = (levels(one, PITCH_HOP)[: len(singing)] for one in (voice, recording))
    return follow_pitch(logits, singing, PITCHES, level, all_level)


def lone_curve(audio: np.ndarray) -> PitchCurve | None:
    """How somebody's pitch moves who hums, sings or whistles alone; None where anything else sounds.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 22,050 Hz.
    """
    length, look = int(EXCERPT * SAMPLE_RATE), audio
    if len(audio) > EXCERPTS * length:  # a long song takes no longer
        starts = np.linspace(0, len(audio) - length, EXCERPTS + 2)[1:-1].astype(int)
        look = np.concatenate([audio[start : start + length] for start in starts])
    curve = track_alone(look)
    if not curve.voiced.any() or lone_share(look, curve) < LONE:
        return None
    curve = curve if look is audio else track_alone(audio)
    high = np.median(curve.pitch[curve.voiced]) > WHISTLED if curve.voiced.any() else False
    return curve if high or kind_of_voice(curve, alone=True) == "sung" else None


def read_hummed(
    song: np.ndarray | str | Path, beats: np.ndarray | None = None, metre: str = "4/4"
) -> tuple["Tune", np.ndarray]:
    """The tune of a recording in which somebody hums, sings or whistles alone.

    Parameters
    ----------
    song : path, or numpy.ndarray of shape (samples,)
    beats, metre
        Of a metronome, if there was one: as `hummed_tune` takes them.

    Returns
    -------
    (Tune, numpy.ndarray)
        See `hummed_tune`.

    Raises
    ------
    UserError
        If it can't be read, or there is no tune in it.
    """
    from noteninja_lib.music.transcription import hummed_tune  # loads music21

    recording = read_recording(song)
    notes = sung_notes(track_alone(recording.whole[: recording.samples]), alone=True)
    if len(notes) < FEWEST:
        raise UserError("No tune can be heard in this recording: hum it again, louder or nearer.")
    return hummed_tune(notes, beats, metre)


def track_alone(audio: np.ndarray) -> PitchCurve:
    """How a pitch moves in a recording, as `lone_curve` takes it, in which nothing else is taken to sound.

    A whistle is higher than the network knows: it is heard at half its speed, and an octave lower.
    """
    strength = np.square(np.abs(np.fft.rfft(audio)))
    frequencies = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
    below, above = (strength[(frequencies > low) & (frequencies < high)].sum() for low, high in
                    ((COMPARED[0], HIGH), (HIGH, SAMPLE_RATE)))  # fmt: skip
    slower = 2 if below < above / 9 else 1
    sound = soxr.resample(audio, SAMPLE_RATE, slower * PITCH_RATE)
    logits, singing = track_pitch(sound)
    level = levels(sound, PITCH_HOP)[: len(singing)]
    curve = follow_pitch(logits, singing, PITCHES, level, level - MEAN_SHARE - DOUBT / SHARE)
    every = slice(None, None, slower)
    return PitchCurve(curve.pitch[every] + 12 * (slower - 1), curve.voiced[every], curve.level[every])


def lone_share(audio: np.ndarray, curve: PitchCurve) -> float:
    """Which share of a recording's energy lies in the overtones of one pitch: 1 is all, 0 as by chance.

    Steady noise does not count, and high sounds count more, since a bass is louder than what plays above it.
    """
    window, hop = 2048, 512
    frames = sliding_window_view(np.pad(audio, (0, window)), window)[::hop]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(window).astype(np.float32))))
    frequencies = np.fft.rfftfreq(window, 1 / SAMPLE_RATE)
    inside = (frequencies > COMPARED[0]) & (frequencies < COMPARED[1])
    power, frequencies = power[:, inside], frequencies[inside]
    power = np.maximum(power - 2 * np.percentile(power, 20, axis=0), 0) * np.sqrt(frequencies)
    at = np.minimum(
        (np.arange(len(power)) * hop + window / 2) / SAMPLE_RATE / SECONDS, len(curve.pitch) - 1
    ).astype(int)
    hertz = 440 * 2 ** ((curve.pitch[at, None] - 69) / 12)
    overtones = np.maximum(1, np.round(frequencies / hertz)) * hertz
    near = np.abs(frequencies - overtones) < np.maximum(2.2 * SAMPLE_RATE / window, 0.02 * overtones)
    near &= curve.voiced[at, None]
    voiced = (power.sum(1) * curve.voiced[at]).sum()
    chance = (power.sum(1) * near.mean(1)).sum() / max(voiced, 1e-12)
    return float(((power * near).sum() / max(power.sum(), 1e-12) - chance) / max(1 - chance, 1e-12))


def read_page(path: str | Path, progress: Callable | None = None, tune: str | None = None) -> PianoRoll:
    """The piano roll of printed music; a warning names doubtful bars and what was left out.

    Of several tunes it is the one with this number, or the first.
    """
    from noteninja_lib.omr.recognition import read_sheet  # loads music21 and opencv

    book = read_sheet(path, progress=progress)
    if tune is not None and not str(tune).isdecimal():
        raise UserError(
            f"Printed tunes have no names here: choose one by its number, 1 to {len(book.tunes)}."
        )
    sheet = book.tune_number(int(tune or 1))
    if len(book.tunes) > 1 and tune is None:
        first = f"{path} holds {len(book.tunes)} tunes, and the first was taken"
        warnings.warn(f"{first}: choose another with --tune.", stacklevel=2)
    for sentence in sheet.warnings():
        warnings.warn(f"{path}: {sentence}", stacklevel=2)
    return sheet.piano_roll()


def hear(
    audio: np.ndarray, progress: Callable = lambda done: None, past: np.ndarray | None = None
) -> PianoRoll:
    """What is played in a recording, as the networks and the beat tracker hear it.

    Parameters
    ----------
    audio : numpy.ndarray, float32, shape (samples,)
        Mono, 22,050 Hz.
    progress : callable
        Called with the fraction done.
    past : numpy.ndarray, optional
        What came before it, whole frames of 256 samples: the beat goes on from there.
    """
    notes = transcribe(audio, progress)
    onsets, beats = hear_rhythm(audio if past is None else np.concatenate([past, audio]))
    before = 0 if past is None else len(past) // HOP_LENGTH
    return PianoRoll(extract_melody(notes), notes, onsets[:, before:], beats - before / FRAME_RATE)


def hush(roll: PianoRoll, level: np.ndarray) -> PianoRoll:
    """A piano roll without what the networks heard in silence, since they know no silence."""
    playing = ~pauses(level)
    return roll if playing.all() else roll.map(lambda layer: layer * playing, roll.beats)


def accompanied(roll: PianoRoll, tune: list[Note]) -> PianoRoll:
    """A piano roll with chords and basses for a tune that somebody sings alone, on its beats."""
    # This loads music21, which other recordings do without.
    from noteninja_lib.music.transcription import hummed_tune

    written, beats = hummed_tune(tune)
    others = []
    for start, length, root, quality in written.chords:
        ends = np.array([start, start + length]) / written.beat
        first, last = np.interp(ends, np.arange(len(beats)), beats)
        if last > 0.1:
            pitches = [36 + root, *(60 + (root + step) % 12 for step in QUALITIES[quality])]
            others += [Note(max(0.0, first), last, pitch, 80) for pitch in pitches]
    notes = np.maximum(roll.notes, draw_notes(others, roll.frames))
    return PianoRoll(roll.melody, notes, roll.onsets, beats)


def with_tune(roll: PianoRoll, tune: list[Note]) -> PianoRoll:
    """A band with a sung tune as an instrument plays it; where nobody sings, the band's own tune stays.

    The denoiser obeys a tune better whose low voices are an octave higher, and whose band is half as strong.
    """
    octave = octave_of(tune)
    drawn = draw_notes([replace(note, pitch=note.pitch + octave) for note in tune], roll.frames)
    singing = passages(tune, roll.frames)
    melody = np.where(singing, drawn, roll.melody).astype(roll.melody.dtype)
    notes = np.maximum(np.where(singing, HALF * roll.notes, roll.notes), np.where(singing, drawn, 0))
    return replace(roll, melody=melody, notes=notes.astype(roll.notes.dtype))


def octave_of(tune: list[Note]) -> int:
    """Semitones by which instruments play what somebody sings higher: an octave, where the voice is low."""
    return 12 if tune and np.median([note.pitch for note in tune]) < LOW else 0


def without_notes(roll: PianoRoll, tune: list[Note]) -> PianoRoll:
    """A band that leaves a tune to its singer: the tune's own notes, and beginnings on its pitch classes."""
    singing = passages(tune, roll.frames)
    melody, notes = np.where(singing, 0, roll.melody), roll.notes.copy()
    for note in tune:
        row, first, last = note.pitch - LOWEST, round(note.start * FRAME_RATE), round(note.end * FRAME_RATE)
        begins = slice(max(0, first - round(NEAR * FRAME_RATE) - 1), first + round(NEAR * FRAME_RATE) + 2)
        if 0 <= row < len(notes[0]):
            notes[:, row, begins.start : last] = 0
        notes[0, row % 12 :: 12, begins] = 0
    return replace(roll, melody=melody.astype(roll.melody.dtype), notes=notes)


def passages(tune: list[Note], frames: int) -> np.ndarray:
    """Frames in which somebody sings, short rests included; bool, shape (frames,)."""
    singing, end = np.zeros(frames, bool), -REST
    for note in tune:
        start = note.start if note.start - end > REST else end
        singing[max(0, round(start * FRAME_RATE) - 2) : round(note.end * FRAME_RATE)] = True
        end = note.end
    return singing


def surety(source: Source) -> float:
    """How surely a tune was heard in a song, 0 to 1, by ears that did not find it.

    For how much of its time the pitch tracker hears it in the whole recording; of a tune that is not
    sung, as well how much more of it is heard than chance would give. Some notes here and there are none.
    """
    tune = source.piano_roll.melody_notes()
    if not source.recorded or source.lead:
        return float(len(tune) > 0)
    if sum(note.end - note.start for note in tune) < SPARSE * len(source.audio) / SAMPLE_RATE:
        return 0.0
    tracked = max(0.0, sounding(tune, pitch_classes(source.audio, SAMPLE_RATE, FRAME_RATE)))
    if source.voice and source.voice.notes:
        return min(1.0, tracked / SURE[0])
    return min(1.0, (tracked + max(0.0, tune_likeness(tune, source.played.notes))) / 2 / SURE[1])
