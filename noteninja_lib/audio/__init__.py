"""Sound: reading and writing recordings, their loudness, and spectrograms."""

SAMPLE_RATE = 22050
"""Samples per second of every recording inside the library (GTZAN's rate)."""
