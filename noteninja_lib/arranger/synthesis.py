"""From a performance to sound: a SoundFont sampler for each part, then the mix.

A SoundFont holds recorded notes of many instruments. Each part is rendered by itself at 44.1 kHz (at half
that rate the sampler would alias), so that the mix can treat it by itself; the sum is then resampled.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pretty_midi

from noteninja_lib.arranger.mixing import final_gain, finish, mix_stems
from noteninja_lib.arranger.performance import Note, Part, Performance
from noteninja_lib.arranger.soundfont import SoundFont
from noteninja_lib.arranger.vocals import sing, speak
from noteninja_lib.audio import SAMPLE_RATE, STEREO_RATE
from noteninja_lib.errors import UserError

RENDER_RATE = 44100
_TAILS = {
    False: 1.0,
    True: 2.5,
}  # seconds that a note (a drum: True) may ring on: half the work was unheard tails
_FADE = 0.25  # seconds, after an ending


def default_soundfont() -> Path:
    """Path of the SoundFont that any machine has: TimGM6mb.sf2, inside pretty_midi."""
    return Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"


@lru_cache(maxsize=2)
def _load(path, sample_rate):
    """A sampler with the SoundFont at `path`; kept, since loading a large one takes seconds."""
    if not Path(path).is_file():
        raise UserError(f"There is no SoundFont at {path}: give the path of an .sf2 or .sf3 file.")
    try:
        return SoundFont(path, sample_rate)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise UserError(f"{path} is not a playable SoundFont: give an .sf2 or .sf3 file.") from error


@lru_cache(maxsize=256)
def _attack(font, program, pitch):
    """Seconds from key stroke to hearing the note: where it reaches a third of its first peak, or .05."""
    samples = int(0.12 * font.sample_rate)
    envelope = np.maximum.accumulate(np.abs(font.play([(0, samples, samples, pitch, 95)], samples, program)))
    rise = int(np.argmax(envelope >= envelope[-1] / 3)) / font.sample_rate
    return min(0.05, rise) if envelope[-1] > 0 else 0.0


def _render_part(font, part, samples):
    """One part's sound, shape (samples,)."""
    rate = font.sample_rate
    # A player of an instrument that speaks slowly plays ahead of the beat, and so does the sampler here:
    # otherwise a violin's tune would run 30 ms behind a piano's, and no two genres would be in step.
    early = 0.0
    if not part.is_drum:
        pitches = sorted(note.pitch for note in part.notes)
        early = _attack(font, part.program, pitches[len(pitches) // 2] // 12 * 12)
    strokes, struck_again = [], {}
    # Backwards in time, so that a note can end where the same key is struck again.
    for note in sorted(part.notes, key=lambda n: n.start, reverse=True):
        start, end = (int(round(max(0.0, when - early) * rate)) for when in (note.start, note.end))
        end = min(end, struck_again.get(note.pitch, end))
        if start < min(samples, end):
            struck_again[note.pitch] = start
            strokes.append((start, end, end + int(_TAILS[part.is_drum] * rate), note.pitch, note.velocity))
    return font.play(strokes, samples, part.program, part.is_drum)


def render_stems(
    performance: Performance, soundfont: str | Path | None = None, sample_rate: int = RENDER_RATE
) -> dict[str, np.ndarray]:
    """Render each part of a performance by itself, without effects.

    Parameters
    ----------
    performance : Performance
    soundfont : str or Path, optional
        An .sf2 or .sf3 file; by default `default_soundfont()`.
    sample_rate : int

    Returns
    -------
    dict of str to ndarray of float32, shape (n,)
        Sound by part name, at the sampler's own levels.
    """
    font = _load(str(soundfont or default_soundfont()), sample_rate)
    samples = int(round(performance.duration * sample_rate))
    stems = {}
    for part in performance.parts:
        if part.notes and (part.sung or part.name == "voice"):
            voice = sing if part.sung else speak
            stems[part.name] = voice(part.notes, samples, sample_rate, performance.seed)
        elif part.notes:
            stems[part.name] = _render_part(font, part, samples)
    return stems


def render(
    performance: Performance,
    soundfont: str | Path | None = None,
    *,
    mixed: bool = True,
    sample_rate: int | None = None,
    stereo: bool = False,
) -> np.ndarray:
    """Play a performance: stems, effects, levels, resampling.

    Parameters
    ----------
    performance : Performance
    soundfont : str or Path, optional
        An .sf2 or .sf3 file; by default `default_soundfont()`.
    mixed : bool
        False leaves all effects away and only sets the levels.
    sample_rate : int, optional
        Of the result, in Hz; by default 22,050 of mono, and 44,100 of stereo.
    stereo : bool
        Parts stand left and right, and so does the room around them.

    Returns
    -------
    ndarray of float32, shape (n,), or (n, 2) if stereo
        Peak at most .98, about -16 LUFS; the same input gives the same bytes.
    """
    sample_rate = sample_rate or (STEREO_RATE if stereo else SAMPLE_RATE)
    stems = render_stems(performance, soundfont)
    mix = performance.mix if mixed else {"levels": performance.mix["levels"], "chains": {}}
    samples = int(round(performance.duration * sample_rate))
    if not stems:
        return np.zeros((samples, 2) if stereo else samples, np.float32)
    mixed_stems = mix_stems(stems, mix, RENDER_RATE, stereo=stereo)
    audio = finish(mixed_stems, RENDER_RATE, sample_rate, samples)
    if performance.ending:  # what still rings fades out
        fade = min(samples, int(_FADE * sample_rate))
        audio[samples - fade :] = (audio[samples - fade :].T * np.linspace(1, 0, fade, dtype=np.float32)).T
    return audio


def render_lead_and_band(
    performance: Performance, soundfont: str | Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Play a performance in stereo, with the lead (who may sing) and the others each by themselves.

    Both are as they are heard together: balanced, with the effects of each part and their share of the room.
    Effects on the whole are left away, so that the sum of the two is the mix.

    Parameters
    ----------
    performance : Performance
    soundfont : str or Path, optional
        An .sf2 or .sf3 file; by default `default_soundfont()`.

    Returns
    -------
    (ndarray of float32, ndarray of float32), each of shape (n, 2)
        Lead and band, at 44,100 Hz; their sum has -16 LUFS and peaks of at most .98.
    """
    stems = render_stems(performance, soundfont)
    mix = performance.mix | {"chains": performance.mix["chains"] | {"bus": []}, "brightness": 0.0}
    silence = np.zeros(int(round(performance.duration * RENDER_RATE)), np.float32)
    groups: list[dict] = [{"melody": silence}, {"bass": silence}]
    for name, stem in stems.items():
        groups[name != "melody"][name] = stem
    lead, band = (mix_stems(group, mix, RENDER_RATE, stereo=True) for group in groups)
    if performance.ending:
        fade = min(len(silence), int(_FADE * RENDER_RATE))
        for audio in (lead, band):
            audio[len(silence) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    gain = final_gain(lead + band, RENDER_RATE)
    return lead * gain, band * gain


def sketch(melody: list[Note], others: list[Note], seconds: float, *, stereo: bool = False) -> np.ndarray:
    """Notes as a piano plays them, so that a score can be heard before it is arranged.

    Parameters
    ----------
    melody, others : list of Note
        The tune, and what goes below it.
    seconds : float
    stereo : bool
        For ears; networks hear mono.

    Returns
    -------
    ndarray of float32, shape (n,) at 22,050 Hz, or (n, 2) at 44,100 Hz if stereo
    """
    played = Performance(
        None, "sketch", 0, 120.0, 0.0, 0, seconds, mix={"levels": {"melody": 0.0, "chords": -6.0}}
    )
    played.parts = [Part("melody", 0, False, melody), Part("chords", 0, False, others)]
    return render(played, mixed=False, stereo=stereo)
