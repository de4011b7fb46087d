"""Which chord sounds in each beat: a small network over the notes that are heard. Lesson: 02.

Its weights are shared by all twelve keys (they turn around the circle of pitch classes), so that a chord that
was heard in one key is known in all.
"""

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional as F

from noteninja_lib.audio.spectrogram import LOWEST, PITCHES
from noteninja_lib.models.checkpoints import load_model

#: Registers in which pitch classes are heard apart, as first rows of the keys: of what sounds, what begins.
SOUNDING, BEGINNING = (0, 19, 31, 43, 55), (0, 31)
RECOGNISED = ("maj", "min", "dom7")  # qualities, see `music.harmony`


class ChordRecogniser(ModelMixin, ConfigMixin):
    """Chords from what is heard in each beat and its neighbours."""

    config_name = "config.json"

    @register_to_config
    def __init__(self, width: int = 24):
        super().__init__()
        inputs = len(SOUNDING) + len(BEGINNING)
        self.first = nn.Conv2d(inputs, width, (12, 3))
        self.second = nn.Conv2d(width, len(RECOGNISED), (12, 3))
        self.drop = nn.Dropout(0.3)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (batch, 3 * 12, beats), qualities by roots, from features (batch, 7, 12, beats)."""
        for layer in (self.first, self.second):
            x = features if layer is self.first else self.drop(F.relu(features))
            x = torch.cat([x, x[:, :, :11]], 2)  # around the circle
            features = layer(F.pad(x, (1, 1)))
        return features.flatten(1, 2)


def chord_features(notes: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How strongly each pitch class sounds and begins in some registers, beat by beat.

    Parameters
    ----------
    notes : numpy.ndarray, shape (2, 88, frames)
        Onset and sustain, 0 to 1, as `basic_pitch.transcribe` gives them.
    edges : numpy.ndarray of int, shape (beats + 1,)
        Frames between which the beats lie, rising.

    Returns
    -------
    numpy.ndarray, float32, shape (7, 12, beats)
        Each beat as a whole has a length of 1, or less where little sounds.
    """
    starts = np.clip(edges[:-1], 0, notes.shape[-1] - 1)
    stop = int(np.clip(edges[-1], starts[-1] + 1, notes.shape[-1]))
    lengths = np.maximum(np.diff(np.append(starts, stop)), 1)
    sounds = np.add.reduceat(notes[1, :, :stop].astype(np.float32), starts, axis=1) / lengths
    begins = np.maximum.reduceat(notes[0, :, :stop].astype(np.float32), starts, axis=1)
    layers = []
    for rows, registers in ((sounds, SOUNDING), (begins, BEGINNING)):
        for low, high in zip(registers, (*registers[1:], PITCHES)):
            layer = np.zeros((12, len(starts)), np.float32)
            np.add.at(layer, (np.arange(low, high) + LOWEST) % 12, rows[low:high])
            layers.append(layer)
    features = np.sqrt(np.stack(layers))
    return features / (np.linalg.norm(features, axis=(0, 1)) + 0.3)


@torch.no_grad()
def recognise_chords(
    notes: np.ndarray, edges: np.ndarray, network: ChordRecogniser | None = None
) -> np.ndarray:
    """How likely each chord is in each beat.

    Parameters
    ----------
    notes, edges
        As in `chord_features`.
    network : ChordRecogniser, optional
        The one in data/models by default.

    Returns
    -------
    numpy.ndarray, float32, shape (beats, 36)
        Probabilities: twelve roots, C first, of each quality in `RECOGNISED`.
    """
    network = network or load_model(ChordRecogniser)
    features = torch.from_numpy(chord_features(notes, edges))[None].to(network.device)
    return network(features)[0].float().softmax(0).T.cpu().numpy()
