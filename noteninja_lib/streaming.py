"""A conversion that is heard while it is made: window after window, each given out once it is finished.

All windows are cut from one noise, the same as in the whole conversion, and each goes on from the latents of
the one before. Of the song only loudness and length are known from the beginning; what is played, and the
beat, is heard window by window. So the whole conversion may differ in loudness and beat;
`python -m benchmarks benchmark` measures by how much. Lesson: 00_genre_converter.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio.io import SAMPLE_RATE, following_gains, levels, limit_blocks, loudness, with_gains
from noteninja_lib.audio.mixdown import LUFS, PEAK, TWICE, USUAL, without_dc
from noteninja_lib.models import flow_matching
from noteninja_lib.models.flow_matching import CHUNK, CONTEXT, FOLD, HOP, OVERLAP, in_samples, share_known
from noteninja_lib.music import style
from noteninja_lib.source import MIDI, PICTURES, SCORES, Recording, Source, listen

FIRST = 256  # latent frames of the first window (11.9 s): short, so that it is heard soon
BEFORE, AFTER = 32, 16  # latent frames around a window that are listened to, too
PAST = 36 * SAMPLE_RATE // HOP * HOP  # samples before it in which the beat is looked for
TURN = 1.5  # seconds in which one window's loudness goes over into the next one's
JOIN = 8 * 2 * HOP  # samples in which a singer is faded from one window to the next
WARM = STEREO_RATE // 4  # samples after which a filter has forgotten how it began
PART = 20 * STEREO_RATE  # samples given out at once of what was made as a whole


def streams(
    song, genre: style.Genre, *, mood=None, tempo=None, rate=None, seconds=None, latents=None, **notes
) -> bool:
    """Whether a conversion can be given out while it is made; parameters as those of a conversion."""
    named = isinstance(song, str | Path)
    recorded = (
        Path(song).suffix.lower() not in MIDI + SCORES + PICTURES if named else isinstance(song, np.ndarray)
    )
    plain = (
        not any(notes.values())
        and tempo is seconds is latents is None
        and rate in (None, 1)
        and not style.is_path(genre)
    )
    return recorded and plain and not style.moods(mood).any()


def windows(frames: int) -> list[tuple[slice, slice]]:
    """Windows of a song of some latent frames: (what is denoised, what of the sound is then final).

    A window's end is still changed by the next one, and what is near that can't be decoded either.
    """
    found, stop, ready = [], 0, 0
    while stop < frames:
        before, stop = stop, min(stop + CHUNK - OVERLAP if stop else FIRST, frames)
        start = max(0, min(before - OVERLAP, stop - FIRST))
        final = stop if stop == frames else stop - OVERLAP - CONTEXT
        found.append((slice(start, stop), slice(ready, final)))
        ready = final
    return found


def in_parts(make: Callable[[], np.ndarray]) -> Iterator[np.ndarray]:
    """The sound (n, 2) that a function makes, part by part."""
    audio = make()
    for start in range(0, len(audio), PART):
        yield audio[start : start + PART]


def sounds(
    pipe, song: Recording, genre: style.Genre, *steps, voice: str, voice_gain: float, progress=None
) -> Iterator[np.ndarray]:
    """The conversion of a song; what `NoteNinjaPipeline.stream` yields."""
    told = progress or (lambda done, what: None)
    how: Any = (*steps, voice, voice_gain, told)
    return limit_blocks(mixed(pipe, song, genre, *how), PEAK, STEREO_RATE)


@torch.no_grad()
def mixed(
    pipe,
    song: Recording,
    genre: style.Genre,
    strength: float,
    steps: int,
    guidance_scale: float,
    generator: torch.Generator | None,
    voice: str,
    voice_gain: float,
    progress: Callable[[float, str], None],
) -> Iterator[np.ndarray]:
    """The conversion of a song but for its limiter, window by window; parameters as in a conversion."""
    frames = len(song.whole) // HOP
    noise = pipe.noise(FOLD * frames, generator)
    made, band, singer, past, known = torch.zeros_like(noise), Band(song), Singer(), song.whole[:0], 0
    told = 0  # up to where `past` goes
    # A louder voice must not make all louder: two equally loud parts stay as loud together.
    louder = 10 ** (voice_gain / 10)
    softer = math.sqrt(2 / (1 + louder))
    for window, ready in windows(frames):
        size, begin = (ready.stop - ready.start) / frames, ready.start / frames

        def tell(what, first, share):
            return lambda done: progress(begin + size * (first + share * done), what)

        # As in a conversion: read, condition, encode, denoise, decode, mix.
        first, last = max(0, window.start - BEFORE), min(frames, window.stop + AFTER)
        past = past[: len(past) - (told - first) * HOP][-PAST:]
        source = listen(song, first * HOP, last * HOP, past, tell("listening", 0, 0.5))
        left_out = source.voice is not None and voice != "play"  # the tune
        roll, heard = (source.backing, source.band) if left_out else (source.piano_roll, source.whole)
        inside = slice(window.start - first, window.stop - first)
        plan = style.plan(roll[in_samples(inside, FOLD)], genre)
        amount = 1.0 if left_out and source.alone else strength
        start = None
        if pipe.noise_level(amount) < 1:
            start = flow_matching.encode(pipe.vae, heard[in_samples(inside)])
        kept = share_known(window.stop - window.start, known - OVERLAP - window.start, math.inf)
        made[..., window] = pipe.denoise(
            start,
            plan,
            amount,
            steps,
            guidance_scale,
            latents=noise[..., window],
            progress=tell("converting", 0.5, 0.3),
            known=(made[..., window].clone(), kept) if known else None,
        )
        around = slice(max(0, ready.start - CONTEXT), min(frames, ready.stop + CONTEXT))
        sound = pipe.decode(made[..., around], tell("making sound", 0.8, 0.2))
        sound = sound[in_samples(slice(ready.start - around.start, ready.stop - around.start), 2 * HOP)]
        # From here on only what is final counts, and where it lies in what was listened to.
        here = slice(ready.start - first, ready.stop - first)
        level = levels(source.whole if source.alone else heard)[in_samples(here, FOLD)]
        sung = singer.next(source, here) if voice == "keep" else None
        lufs = reference(source, here, sung) + (0 if sung is None else 20 * math.log10(softer))
        sound = band.next(sound, level, lufs)
        if ready.stop == frames:
            sound = style.fade_out(sound, roll[in_samples(here, FOLD)])
        if sung is not None:
            sound = sound + sung * np.float32(softer * math.sqrt(louder))
        yield (sound * band.factor)[: 2 * (song.samples - ready.start * HOP)]
        known, told, past = window.stop, last, np.concatenate([past, source.band])


def reference(source: Source, here: slice, sung: np.ndarray | None) -> float:
    """How loud the new band is to be in some latent frames, in LUFS: as loud as the song's."""
    if sung is not None and source.alone:
        return loudness(sung, STEREO_RATE) - USUAL
    return loudness((source.whole if sung is None else source.band)[in_samples(here)]) + TWICE


class Band:
    """Brings one stretch of the new band after the other to its loudness, without a jump in between.

    Attributes
    ----------
    factor : numpy.float32
        What the mix of voice and band is multiplied by, for -16 LUFS over the whole song.
    """

    def __init__(self, song: Recording) -> None:
        loud = loudness(song.whole[: song.samples]) + TWICE
        self.factor = np.float32(10 ** ((LUFS - loud) / 20) if math.isfinite(loud) else 1)
        self.gain, self.last, self.before = 1.0, None, np.zeros((0, 2), np.float32)

    def next(self, sound: np.ndarray, level: np.ndarray, lufs: float) -> np.ndarray:
        """The next stretch (n, 2): as loud, second by second, as `level` is, and by all as `lufs`."""
        gains = following_gains(sound, level)
        own = loudness(with_gains(sound, gains), STEREO_RATE)
        if math.isfinite(own) and math.isfinite(lufs):
            self.gain = 10 ** ((lufs - own) / 20)
        gains = gains * self.gain
        if self.last is not None:  # begin where the stretch before ended
            fade = np.maximum(0, 1 - np.arange(len(gains)) / (TURN * SAMPLE_RATE / 256))
            gains = np.maximum(0, gains + (self.last - gains[0]) * fade)
        self.last, sound = gains[-1], with_gains(sound, gains)
        joined = np.concatenate([self.before, sound])
        self.before = sound[-WARM:]
        return without_dc(joined)[len(joined) - len(sound) :]


class Singer:
    """The kept voice, stretch by stretch, faded from one separation to the next."""

    def __init__(self) -> None:
        self.tail = np.zeros((JOIN, 2), np.float32)

    def next(self, source: Source, here: slice) -> np.ndarray | None:
        """The voice (n, 2) in some latent frames of what was listened to; None where nobody sings."""
        part, singing = in_samples(here, 2 * HOP), self.tail.any()
        if source.voice is None and not singing:
            return None
        sung = np.zeros((part.stop - part.start + JOIN, 2), np.float32)
        if source.voice is not None:
            found = source.voice.audio[part.start : part.stop + JOIN]
            sung[: len(found)] = found
        if here.start:
            fade = np.linspace(1, 0, JOIN, dtype=np.float32)[: len(sung) - JOIN, None]
            sung[: len(fade)] += fade * (self.tail[: len(fade)] - sung[: len(fade)])
        self.tail = sung[-JOIN:].copy()
        return sung[:-JOIN]
