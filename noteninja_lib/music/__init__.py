"""Tunes, chords, genres and the band that plays them; knows nothing of networks."""
