"""Doubles for the tests of the widgets: a tone, notes, and a pipeline that answers at once."""

import inspect
from pathlib import Path

import numpy as np
import soxr

from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio import STEREO_RATE
from noteninja_lib.audio import io as sound
from noteninja_lib.music.piano_roll import PianoRoll
from noteninja_lib.pipeline import Conversion, NoteNinjaPipeline

SECONDS = 3
TIME = np.arange(SECONDS * sound.SAMPLE_RATE) / sound.SAMPLE_RATE
TONE = (0.3 * np.sin(2 * np.pi * 440 * TIME)).astype(np.float32)
NOTES = [Note(0.0, 0.5, 69, 80), Note(1.0, 2.0, 71, 64)]


ROLL = PianoRoll(np.zeros((2, 88, 8)), np.zeros((2, 88, 8)), np.zeros((3, 8), np.float32), np.zeros(0))


def upload(part, *files):
    """What the browser sends of files, (name, content) each, that are chosen or dropped; in pieces."""
    for number, (name, content) in enumerate(files):
        begun = "next" if number else "first"
        for start in range(0, max(len(content), 1), 1000):
            told = {"what": "part", "begun": begun, "name": name, "turn": "1"}
            part._receive(part, told, [memoryview(content[start : start + 1000])])
            begun = ""
    part._receive(part, {"what": "end", "turn": "1"}, [])


class Pipeline:
    """Answers with the song turned round, and remembers how it was asked; `sung`: whether somebody sings."""

    def __init__(self):
        self.streamed = []
        self.asked, self.error, self.wait, self.sung, self.tune_kept = [], None, None, False, 0.75

    def __call__(self, *sources, **wish):
        return self.answer(NoteNinjaPipeline.__call__, *sources, **wish)

    def stream(self, *sources, generator, progress, **wish):
        """As many seconds of a tone as the song has, three at a time."""
        inspect.signature(NoteNinjaPipeline.stream).bind(
            self, *sources, generator=generator, progress=progress, **wish
        )
        self.streamed.append({**wish, "seed": generator.initial_seed(), "sources": sources, "parts": 0})
        for _ in range(0, len(sound.load(sources[0])), len(TONE)):
            progress(0.1, "listening")
            self.streamed[-1]["parts"] += 1
            yield np.repeat(soxr.resample(TONE, sound.SAMPLE_RATE, 44100)[:, None], 2, 1)

    def interpolate(self, *sources, **wish):
        return self.answer(NoteNinjaPipeline.interpolate, *sources, **wish)

    def answer(self, method, *sources, generator, progress, **wish):
        inspect.signature(method).bind(
            self, *sources, generator=generator, progress=progress, **wish
        )  # as the true one takes it
        self.asked.append({**wish, "seed": generator.initial_seed(), "sources": sources})
        progress(0.1, "listening")
        if self.wait:
            self.wait.set()
            while True:
                progress(0.2, "denoising")
        if self.error:
            raise self.error
        progress(1.0, "ready")
        audio, (song, *_) = TONE, sources
        if isinstance(song, Path) and song.suffix in (".mp3", ".wav"):
            audio = sound.load(song)
        elif isinstance(song, np.ndarray):
            audio = song
        heard = dict.fromkeys(GENRES, 0.0) | {"jazz": 0.625, "rock": 0.375}
        was = dict.fromkeys(GENRES, 0.0) | {"jazz": 0.125, "rock": 0.875}
        made = audio[: int(len(audio) / (wish.get("rate") or 1))][::-1].copy()
        made = soxr.resample(made, sound.SAMPLE_RATE, STEREO_RATE)[:, None] * np.float32([1, 0.25])
        fate, stems = wish.get("voice", "keep") if self.sung else "none", {}
        if fate == "keep":  # the voice is on the left, the band on the right
            stems = {"voice": made * np.float32([1, 0]), "band": made * np.float32([0, 1])}
        return Conversion(made, STEREO_RATE, audio, ROLL, NOTES, self.tune_kept, heard, was, fate, stems)
