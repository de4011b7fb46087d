"""From a performance to sound: a SoundFont sampler for each part, then the mix.

A SoundFont holds recorded notes of many instruments. Each part is rendered by itself at 44.1 kHz (at half
that rate the sampler would alias), so that the mix can treat it by itself; the sum is then resampled.
"""
from functools import lru_cache
from pathlib import Path

import numpy as np
import pretty_midi
from tinysoundfont import _tinysoundfont

from noteninja_lib.errors import UserError
from noteninja_lib.music.mixing import finish, mix_stems

RENDER_RATE = 44100
DRUM_BANK = 128
_VOICES = 128


def default_soundfont():
    """Path of the SoundFont that any machine has: TimGM6mb.sf2, inside pretty_midi."""
    return Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"


@lru_cache(maxsize=2)
def _load(path, sample_rate):
    """A sampler with the SoundFont at `path`; kept, since loading one takes seconds."""
    if not Path(path).is_file():
        raise UserError(f"There is no SoundFont at {path}: give the path of an .sf2 or .sf3 file.")
    try:
        font = _tinysoundfont.SoundFont(path)
    except Exception as error:
        raise UserError(f"{path} is not a SoundFont that can be played: give an .sf2 or .sf3 file.") from error
    # Mono: the course works with one channel, and one costs half as much.
    font.set_output(_tinysoundfont.OutputMode.Mono, sample_rate, -6.0)
    font.set_max_voices(_VOICES)
    return font


def _render_part(font, part, samples, sample_rate):
    """One part's sound, shape (samples,). The sampler is cleared first, so equal input gives equal bytes."""
    font.reset()
    # reset() fades notes that still sound: play the fade into a bin, or it would leak into this part.
    font.render(np.zeros(4 * 4096, np.uint8))
    font.channel_set_bank(0, DRUM_BANK if part.is_drum else 0)
    font.channel_set_preset_number(0, part.program, part.is_drum)
    events = []
    for note in part.notes:
        start, end = int(round(note.start * sample_rate)), int(round(note.end * sample_rate))
        if start < samples and end > start:
            events.append((start, 1, note.pitch, note.velocity))
            events.append((end, 0, note.pitch, 0))
    out, at = np.zeros(samples, np.float32), 0
    for when, on, pitch, velocity in sorted(events):  # a note that ends goes before one that starts
        when = min(when, samples)
        if when > at:
            font.render(out[at:when].view(np.uint8))  # the sampler wants bytes
            at = when
        if on:
            font.channel_note_on(0, pitch, velocity / 127)
        else:
            font.channel_note_off(0, pitch)
    if at < samples:
        font.render(out[at:].view(np.uint8))
    return out


def render_stems(performance, soundfont=None, sample_rate=RENDER_RATE):
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
    return {part.name: _render_part(font, part, samples, sample_rate) for part in performance.parts if part.notes}


def render(performance, soundfont=None, *, mixed=True, sample_rate=22050):
    """Play a performance: stems, effects, levels, resampling.

    Parameters
    ----------
    performance : Performance
    soundfont : str or Path, optional
        An .sf2 or .sf3 file; by default `default_soundfont()`.
    mixed : bool
        False leaves all effects away and only sets the levels.
    sample_rate : int
        Of the result, in Hz.

    Returns
    -------
    ndarray of float32, shape (n,)
        Mono, peak at most .98, about -16 LUFS; the same input gives the same bytes.
    """
    stems = render_stems(performance, soundfont)
    mix = performance.mix if mixed else {"levels": performance.mix["levels"], "chains": {}}
    samples = int(round(performance.duration * sample_rate))
    if not stems:
        return np.zeros(samples, np.float32)
    return finish(mix_stems(stems, mix, RENDER_RATE), RENDER_RATE, sample_rate, samples)
