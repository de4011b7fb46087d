"""Optical music recognition: from a picture of printed music to a score. Lesson: 10_reading_sheet_music."""
