"""The network that reads a line of printed music: convolutions, a recurrent layer, CTC.

A staff image of 96 rows becomes a sequence of columns, four pixels each. For every column the network says
which token stands there, or none (the blank). Connectionist temporal classification (CTC) sums over all ways
to lay the tokens out along the columns, so that training needs the tokens in order but not where each of them
stands. Lesson: 10_reading_sheet_music.

References
----------
Graves et al. (2006). Connectionist temporal classification. ICML. https://doi.org/10.1145/1143844.1143891

Shi, Bai, Yao (2017). An end-to-end trainable neural network for image-based sequence recognition. IEEE TPAMI
39 (11). https://doi.org/10.1109/TPAMI.2016.2646371

Calvo-Zaragoza, Rizo (2018). End-to-end neural optical music recognition of monophonic scores. Applied
Sciences 8 (4). https://doi.org/10.3390/app8040606
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn

COLUMN = 4  # pixels of a staff image to a column of the network
BLANK = 0
POSSIBLE = 0.01  # probability from which on a token is remembered that was not read
CHANNELS = (16, 32, 48, 64, 96)


@dataclass(frozen=True)
class Symbol:
    """A token that was read, where in the staff image (pixels), and how probable it is there (0..1)."""

    token: str
    column: float
    confidence: float
    others: tuple[tuple[str, float], ...] = ()  # what else it may be ("" for nothing), and how probable
    missed: tuple["Symbol", ...] = ()  # what may have been missed between it and the next


def _convolution(inputs, outputs, stride=1):
    """Three by three, normalised over the batch, with a rectifier."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class LineReader(ModelMixin, ConfigMixin):
    """Staff images -> for each column, how likely each token is.

    Parameters
    ----------
    classes : int
        Tokens and the blank, which is class 0.
    channels : tuple of int
        Of the five convolutions.
    features, hidden : int
        Of a column, units of the recurrent layer in each direction.
    """

    @register_to_config
    def __init__(
        self, classes: int = 214, channels: tuple = CHANNELS, features: int = 192, hidden: int = 192
    ):
        super().__init__()
        a, b, c, d, e = channels
        self.pixels = nn.Sequential(  # rows, columns of 96 x width:
            _convolution(1, a, 2),  # 48, 1/2
            _convolution(a, b, 2),  # 24, 1/4
            _convolution(b, c, (2, 1)),  # 12, 1/4
            _convolution(c, d),
            _convolution(d, e, (2, 1)),  # 6, 1/4
        )
        self.columns = nn.Sequential(nn.Linear(6 * e, features), nn.ReLU(), nn.Dropout(0.1))
        self.context = nn.GRU(features, hidden, batch_first=True, bidirectional=True)
        self.words = nn.Linear(2 * hidden, classes)

    def with_classes(self, classes: int) -> "LineReader":
        """A copy for so many classes: the first of them as they are here, the others new."""
        copy = LineReader(**{**self.config, "classes": classes})
        state, old = copy.state_dict(), self.state_dict()
        both = min(classes, self.config["classes"])
        for name, values in old.items():
            if name.startswith("words"):
                state[name][:both] = values[:both]
            else:
                state[name] = values
        copy.load_state_dict(state)
        return copy

    def forward(self, staff_images: torch.Tensor) -> torch.Tensor:
        """Logits, shape (batch, width / COLUMN, classes).

        Parameters
        ----------
        staff_images : torch.Tensor, shape (batch, 1, 96, width)
            0 is paper, 1 ink; the width a multiple of COLUMN.
        """
        features = self.pixels(staff_images)  # (batch, e, 6, columns)
        features = features.permute(0, 3, 1, 2).flatten(2)
        return self.words(self.context(self.columns(features))[0])


def as_input(staff_images: Sequence[np.ndarray], multiple: int = COLUMN) -> torch.Tensor:
    """Staff images, uint8 (96, width), as one batch, filled up with paper to a multiple of pixels."""
    width = -(-max(image.shape[1] for image in staff_images) // multiple) * multiple
    batch = np.zeros((len(staff_images), 1, staff_images[0].shape[0], width), np.float32)
    for place, image in zip(batch, staff_images):
        place[0, :, : image.shape[1]] = 1 - image / 255
    return torch.from_numpy(batch)


@torch.inference_mode()
def read_staff_image(network: LineReader, staff_image: np.ndarray, tokens: Sequence[str]) -> list[Symbol]:
    """What a network reads in one staff image, by the most likely class of each column.

    Parameters
    ----------
    network : LineReader
    staff_image : np.ndarray, uint8, shape (96, width)
    tokens : sequence of str
        Token k is class k + 1.

    Returns
    -------
    list of Symbol
        From left to right.
    """
    device = next(network.parameters()).device
    chances = network(as_input([staff_image]).to(device))[0].softmax(-1).cpu().numpy()
    best, symbols = chances.argmax(-1), []
    edges = np.flatnonzero(np.diff(best, prepend=BLANK - 1, append=BLANK - 1))
    for begin, end in zip(edges, edges[1:]):  # equal neighbours are one symbol
        here = chances[begin:end]
        if best[begin] != BLANK:
            peak = int(here[:, best[begin]].argmax())
            others = [
                (tokens[k - 1], float(here[:, k].max())) for k in _possible(here.max(0)) if k != best[begin]
            ]
            others.append(("", float(here[peak, BLANK])))
            sure = float(here[peak, best[begin]])
            symbols.append(
                Symbol(tokens[best[begin] - 1], COLUMN * (begin + peak + 0.5), sure, tuple(others))
            )
        elif symbols:
            peaks = (here[1:-1] > here[:-2]) & (here[1:-1] >= here[2:])  # else it is what is beside the gap
            most = np.where(peaks, here[1:-1], 0).max(0, initial=0)
            missed = [
                Symbol(tokens[k - 1], COLUMN * (begin + 1.5 + int(here[1:-1, k].argmax())), float(most[k]))
                for k in _possible(most)
            ]
            symbols[-1] = replace(symbols[-1], missed=tuple(missed))
    return symbols


def _possible(chances):
    """Classes, other than the blank, that are not quite improbable."""
    return [k for k in np.flatnonzero(chances >= POSSIBLE).tolist() if k != BLANK]
