"""What each network learns, and from what: batches and losses for `training.train`. Lesson: 07_training_on_gtzan."""

from noteninja_lib.models.classifiers import GenreClassifier, MelodyExtractor
from noteninja_lib.models.crnn import LineReader
from noteninja_lib.models.unet import Denoiser
from noteninja_lib.models.vae import MelAutoencoder
from noteninja_lib.models.vocoder import Vocoder
from noteninja_lib.training.tasks import (
    AutoencoderTask,
    DiffusionTask,
    GenreClassifierTask,
    MelodyTask,
    ReadingTask,
    RegressionTask,
    VocoderTask,
)

TASKS = {
    "autoencoder": (AutoencoderTask, MelAutoencoder),
    "vocoder": (VocoderTask, Vocoder),
    "lead": (MelodyTask, MelodyExtractor),
    "judge": (GenreClassifierTask, GenreClassifier),
    "diffusion": (DiffusionTask, Denoiser),
    "regression": (RegressionTask, Denoiser),
    "reader": (ReadingTask, LineReader),
}
