"""Architectures of two published models that make music from text, with random weights: `peers` times them.

Stable Audio Open Small (arXiv 2505.08175) is built after Stability-AI/stable-audio-tools, with the
config.json of stable-audio-open-small (width 1024, 16 blocks, 8 heads, qk_norm ln) and the decoder of
stable_audio_2_0_vae.json; MusicGen-small (arXiv 2306.05284) after facebookresearch/audiocraft
(model_scale/small, encodec_large_nq4_s640); the text encoder of both is T5-base's (arXiv 1910.10683).
Parameters, matrix products and convolutions have the published shapes.

What is free is chosen in their favour. What depends on the text alone is computed once, weight norm is
folded in, and caches are allocated once. Stable Audio has no guidance, as published. MusicGen has its usual
guidance, a batch of two, and makes the middle 10 s of 30: what a token costs rises evenly with what it looks
back on, so that this is a third of the whole. Texts are random: 64 tokens, as Stable Audio pads them, and 16
for MusicGen.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CARD, BOOKS = 2048, 4  # MusicGen's codes in a codebook, and its codebooks


class Attention(nn.Module):
    """Heads that look at their own sequence, or at what `remember` made of another one."""

    def __init__(self, dim: int, heads: int, normed: bool = False, scale: float | None = None) -> None:
        super().__init__()
        self.inward, self.outward = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim, bias=False)
        self.shape, self.scale = (-1, heads, dim // heads), scale
        self.norms = nn.ModuleList(nn.LayerNorm(dim // heads) if normed else nn.Identity() for _ in range(2))

    def _split(self, x):  # (batch, time, n x dim) to (n, batch, heads, time, dim of a head)
        return x.unflatten(-1, self.shape).permute(2, 0, 3, 1, 4)

    def remember(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of what other sequences shall look at."""
        k, v = self._split(F.linear(context, self.inward.weight[self.outward.in_features :]))
        return self.norms[1](k), v

    def forward(self, x: Tensor, memory=None, turns=None, bias=None, past=None) -> Tensor:
        """Look at `memory`, or at `x` itself; `past` is a cache of keys and values, and the place in it."""
        if memory:
            q = self._split(F.linear(x, self.inward.weight[: x.shape[-1]]))[0]
            k, v = memory
        else:
            q, k, v = self._split(self.inward(x))
            k = self.norms[1](k)
        q = self.norms[0](q)
        if turns:
            q, k = rotate(q, *turns), rotate(k, *turns)
        if past:
            kept, place = past
            kept[..., place : place + 1, :] = torch.stack((k, v))
            k, v = kept[..., : place + 1, :]
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=self.scale)
        return self.outward(seen.transpose(1, 2).flatten(2))


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn the first half of a head's dimensions by the place in time (rotary embedding)."""
    turned, rest = x.chunk(2, -1)
    first, second = turned.chunk(2, -1)
    return torch.cat((turned * cosine + torch.cat((-second, first), -1) * sine, rest), -1)


class Block(nn.Module):
    """A pre-norm block of a transformer: attention, a look at the text if `cross`, and a wide layer."""

    def __init__(self, dim: int, norm=nn.LayerNorm, act=F.gelu, cross=True, gated=False, **attention) -> None:
        super().__init__()
        self.act, self.gated = act, gated
        self.norms = nn.ModuleList(norm(dim) for _ in range(2 + cross))
        self.own = Attention(dim, **attention)
        self.cross = Attention(dim, **attention) if cross else None
        self.wide = nn.Linear(dim, 4 * dim * (1 + gated), bias=gated)
        self.narrow = nn.Linear(4 * dim, dim, bias=gated)

    def forward(self, x: Tensor, memory=None, **own) -> Tensor:
        """The sequence after the block; `own` is for its attention to itself."""
        x = x + self.own(self.norms[0](x), **own)
        if self.cross:
            x = x + self.cross(self.norms[1](x), memory)
        wide = self.wide(self.norms[-1](x))
        value, gate = wide.chunk(2, -1) if self.gated else (None, wide)
        return x + self.narrow(self.act(gate) if value is None else value * self.act(gate))


class TextEncoder(nn.Module):
    """T5-base's encoder of random words; far distances are clamped, where T5 groups them coarsely."""

    def __init__(self, shrink: int) -> None:
        super().__init__()
        dim, heads = 768 // shrink, 12 // shrink
        self.words, self.places, self.norm = (
            nn.Embedding(32128, dim),
            nn.Embedding(32, heads),
            nn.RMSNorm(dim),
        )
        look = {"norm": nn.RMSNorm, "act": F.relu, "cross": False, "heads": heads, "scale": 1.0}
        self.blocks = nn.ModuleList(Block(dim, **look) for _ in range(12 // shrink))

    def forward(self, batch: int, length: int) -> Tensor:
        """Embeddings (batch, length, dim)."""
        x, places = self.words(torch.randint(32128, (batch, length))), torch.arange(length)
        bias = self.places((places - places[:, None]).clamp(-16, 15) + 16).permute(2, 0, 1)[None]
        for block in self.blocks:
            x = block(x, bias=bias)
        return self.norm(x)


class Snake(nn.Module):
    """x + sin²(ax) / b, with a and b learned for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a, self.b = (nn.Parameter(torch.zeros(channels, 1)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return (x * self.a.exp()).sin_().square_().mul_((-self.b).exp()).add_(x)


class Beside(nn.Sequential):
    """Layers whose result is added to what goes in."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x + super().forward(x)


class Recurrent(nn.LSTM):
    """LSTMs on (batch, channels, time)."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore
        """The same shape."""
        return super().forward(x.permute(2, 0, 1))[0].permute(1, 2, 0)


def decoder(
    latent: int, widths: list, strides: tuple, act, units: tuple, squeeze: int, channels: int, *first
):
    """Convolutions from latents to sound: per stage an upsampling and `units` of (kernel, dilation)."""
    layers = [nn.Conv1d(latent, widths[0], 7, padding=3), *first]
    for wide, dim, stride in zip(widths, widths[1:], strides):
        up = nn.ConvTranspose1d(wide, dim, 2 * stride, stride, (stride + 1) // 2, stride % 2)
        layers += [act(wide), up]
        for kernel, dilation in units:
            inner = nn.Conv1d(dim, dim // squeeze, kernel, dilation=dilation, padding="same")
            outer = nn.Conv1d(dim // squeeze, dim, 1)
            layers.append(Beside(act(dim), inner, act(dim // squeeze), outer))
    return nn.Sequential(*layers, act(widths[-1]), nn.Conv1d(widths[-1], channels, 7, padding=3))


class StableAudio(nn.Module):
    """Stable Audio Open Small: 256 latents in 8 steps of ping-pong sampling; 44.1 kHz in stereo."""

    rate = 44100

    def __init__(self, shrink: int = 1) -> None:
        super().__init__()
        dim, words, self.frames = 1024 // shrink, 768 // shrink, 256 // shrink
        self.text = TextEncoder(shrink)
        self.waves, self.length = nn.Parameter(torch.randn(2, 128)), nn.Linear(257, words)
        self.level = nn.Sequential(nn.Linear(256, dim), nn.SiLU(), nn.Linear(dim, dim))
        plain = {"bias": False}
        self.words, self.whole = (
            nn.Sequential(nn.Linear(words, dim, **plain), nn.SiLU(), nn.Linear(dim, dim, **plain))
            for _ in range(2)
        )
        self.before, self.after = (Beside(nn.Conv1d(64, 64, 1, **plain)) for _ in range(2))
        self.inward, self.outward = nn.Linear(64, dim, **plain), nn.Linear(dim, 64, **plain)
        look = {"act": F.silu, "gated": True, "heads": 8 // shrink, "normed": True}
        self.blocks = nn.ModuleList(Block(dim, **look) for _ in range(16 // shrink))
        widths = [128 // shrink * times for times in (16, 8, 4, 2, 1, 1)]
        self.decoder = decoder(64, widths, (8, 8, 4, 4, 2), Snake, ((7, 1), (7, 3), (7, 9)), 1, 2)

    def forward(self) -> Tensor:
        """Sound (channels, samples)."""
        angle = 2 * torch.pi * self.waves[1]
        length = self.length(torch.cat((torch.ones(1), angle.sin(), angle.cos())))[None, None]
        words, whole = self.words(torch.cat((self.text(1, 64), length), 1)), self.whole(length)
        memories = [block.cross.remember(words) for block in self.blocks]
        pace = 10000 ** -torch.linspace(0, 1, self.blocks[0].own.shape[-1] // 4)
        angles = torch.outer(torch.arange(self.frames + 1), pace).repeat(1, 2)
        turns, x = (angles.cos(), angles.sin()), torch.randn(1, 64, self.frames)
        for level, lower in pairwise(torch.linspace(1, 0, 9).tolist()):
            angle = 2 * torch.pi * level * self.waves[0]
            first = whole + self.level(torch.cat((angle.cos(), angle.sin())))
            y = torch.cat((first, self.inward(self.before(x).mT)), 1)
            for block, memory in zip(self.blocks, memories):
                y = block(y, memory, turns=turns)
            clean = x - level * self.after(self.outward(y)[:, 1:].mT)
            x = (1 - lower) * clean + lower * torch.randn_like(x)
        return self.decoder(x)[0]


class MusicGen(nn.Module):
    """MusicGen-small ("300 M" leaves out looks at the text): 50 tokens of 4 codes a second; 32 kHz."""

    rate = 32000

    def __init__(self, shrink: int = 1) -> None:
        super().__init__()
        dim, self.heads, self.tokens = 1024 // shrink, 16 // shrink, 500 // shrink
        self.text, self.words = TextEncoder(shrink), nn.Linear(768 // shrink, dim)
        self.codes, self.norm = nn.Embedding(BOOKS * (CARD + 1), dim), nn.LayerNorm(dim)
        self.blocks = nn.ModuleList(Block(dim, heads=self.heads) for _ in range(24 // shrink))
        self.outward = nn.Linear(dim, BOOKS * CARD, bias=False)
        widths = [64 // shrink * times for times in (16, 8, 4, 2, 1)]
        two = Beside(Recurrent(widths[0], widths[0], 2))
        layers = decoder(128, widths, (8, 5, 4, 4), lambda _: nn.ELU(), ((3, 1),), 2, 1, two)
        self.decoder = nn.ModuleList((nn.Embedding(BOOKS * CARD, 128), layers))

    def forward(self) -> Tensor:
        """Sound (channels, samples), after a beginning of as many tokens that are already in the caches."""
        words, books, past = self.words(self.text(2, 16)), torch.arange(BOOKS), self.tokens
        memories = [block.cross.remember(words) for block in self.blocks]
        steps, dim = self.tokens + BOOKS - 1, words.shape[-1]  # each book is a step later than the one before
        kept = torch.randn(len(memories), 2, 2, self.heads, past + steps, dim // self.heads)
        angles = torch.outer(torch.arange(past + steps), 10000 ** -torch.linspace(0, 1, dim // 2))
        places, codes = torch.cat((angles.cos(), angles.sin()), 1), torch.full((BOOKS, steps + 1), CARD)
        for step in range(steps):
            x = self.codes(codes[:, step] + books * (CARD + 1)).sum(0) + places[past + step]
            x = x.expand(2, 1, -1)  # with the text, and without
            for block, memory, own in zip(self.blocks, memories, kept):
                x = block(x, memory, past=(own, past + step))
            asked, free = self.outward(self.norm(x))[:, 0].unflatten(-1, (BOOKS, CARD))
            best, which = (free + 3 * (asked - free)).topk(250)
            found = which.gather(1, best.softmax(-1).multinomial(1))[:, 0]
            codes[:, step + 1] = found.where((books <= step) & (step < books + self.tokens), CARD)
        rows = torch.stack([codes[book, book + 1 :][: self.tokens] + book * CARD for book in range(BOOKS)])
        return self.decoder[1](self.decoder[0](rows).sum(0).T[None])[0]
