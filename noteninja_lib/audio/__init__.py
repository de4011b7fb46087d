"""Sound: reading and writing recordings, their loudness, and spectrograms."""

SAMPLE_RATE = 22050
"""Samples per second of every recording inside the library (GTZAN's rate)."""

STEREO_RATE = 44100
"""Samples per second of what has two channels: a singer's voice, and what it is mixed into."""
