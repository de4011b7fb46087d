"""Sound: reading and writing recordings, their loudness, and spectrograms."""

SAMPLE_RATE = 22050
"""Samples per second of every recording inside the library (GTZAN's rate)."""

STEREO_RATE = 44100
"""Samples per second of what has two channels: a singer's voice, and all that is made."""


def rate_of(audio) -> int:
    """Samples a second of an array of sound: what is mono (n,) has 22,050, what is stereo (n, 2) 44,100."""
    return SAMPLE_RATE if audio.ndim == 1 else STEREO_RATE
