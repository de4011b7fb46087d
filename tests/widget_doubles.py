"""Doubles for the tests of the widgets: a tone, notes, and a pipeline that answers at once."""

import inspect
from types import SimpleNamespace

import numpy as np

from noteninja_lib.arranger.performance import Note
from noteninja_lib.arranger.recipe import GENRES
from noteninja_lib.audio import io as sound
from noteninja_lib.pipeline import NoteNinjaPipeline

SECONDS = 3
TIME = np.arange(SECONDS * sound.SAMPLE_RATE) / sound.SAMPLE_RATE
TONE = (0.3 * np.sin(2 * np.pi * 440 * TIME)).astype(np.float32)
NOTES = [Note(0.0, 0.5, 69, 80), Note(1.0, 2.0, 71, 64)]


class Pipeline:
    """Answers with the song turned round, and remembers how it was asked."""

    def __init__(self):
        self.asked, self.error, self.wait = [], None, None

    def __call__(self, *sources, **wish):
        return self.answer(NoteNinjaPipeline.__call__, *sources, **wish)

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
        audio = sources[0] if isinstance(sources[0], np.ndarray) else TONE
        heard = dict.fromkeys(GENRES, 0.0) | {"jazz": 0.625, "rock": 0.375}
        was = dict.fromkeys(GENRES, 0.0) | {"jazz": 0.125, "rock": 0.875}
        return SimpleNamespace(
            audio=audio[: int(len(audio) / (wish.get("rate") or 1))][::-1].copy(),
            source=audio,
            sample_rate=sound.SAMPLE_RATE,
            tune_kept=0.75,
            notes=NOTES,
            genre_heard=heard,
            source_genre=was,
        )
