"""What each network learns, and from what: batches and losses for `training.train`. Lesson: 07_training_on_gtzan."""
from ..model.autoencoder import MelAutoencoder
from ..model.denoiser import Denoiser
from ..model.listener import Judge, LeadFinder
from ..model.reader import LineReader
from ..model.vocoder import Vocoder
from .denoising import DiffusionTask, RegressionTask
from .listening import JudgeTask, LeadTask
from .reading import ReadingTask
from .sounding import AutoencoderTask, VocoderTask

TASKS = {"autoencoder": (AutoencoderTask, MelAutoencoder), "vocoder": (VocoderTask, Vocoder),
         "lead": (LeadTask, LeadFinder), "judge": (JudgeTask, Judge), "diffusion": (DiffusionTask, Denoiser),
         "regression": (RegressionTask, Denoiser), "reader": (ReadingTask, LineReader)}
