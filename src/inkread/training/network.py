"""The line recogniser: a PPLCNetV4 backbone, a light SVTR neck and a linear CTC head.

Usage: ``log_probs = Recognizer(classes=182)(strips)``

The shape is that of the small recogniser of PP-OCRv6 (PaddleOCR, Apache-2.0) with its re-parameterised branches
and batch norms folded into plain convolutions, so that its published weights could be the first starting point. Two
things differ: strips are grey; and a step of the backbone (8 strip pixels)
can give two output frames instead of one, because narrow cursive letters do not fit into one frame each.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from inkread.errors import BundleError
from inkread.recognition.alphabet import Alphabet

STEP = 8
MEAN = DEVIATION = 127.5
STEM = 48
WIDTH = 120
CONTEXT, DRAFT, DRAFT_HEAD = "context.", "draft.", "draft.head."
HEADS = 8
# (channels in, channels out, vertical stride, squeeze-and-excite), one row a block
BLOCKS = (
    (96, 96, 1, True),
    (96, 96, 1, False),
    (96, 96, 1, False),
    (96, 192, 2, False),
    (192, 192, 1, True),
    (192, 192, 1, False),
    (192, 192, 1, True),
    (192, 192, 1, False),
    (192, 192, 1, True),
    (192, 192, 1, False),
    (192, 384, 2, False),
    (384, 384, 1, True),
    (384, 384, 1, False),
)


class Stem(nn.Module):
    """Grey strips [B, 1, H, W] to features [B, 96, H / 4, W / 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, STEM, 3, 2, 1)
        self.branch_a = nn.Conv2d(STEM, STEM // 2, 2)
        self.branch_b = nn.Conv2d(STEM // 2, STEM, 2)
        self.third = nn.Conv2d(2 * STEM, STEM, 3, 2, 1)
        self.fourth = nn.Conv2d(STEM, BLOCKS[0][0], 1)

    def forward(self, strips: Tensor) -> Tensor:
        """Return the features of normalised strips."""
        first = F.pad(F.relu(self.first(strips)), (0, 1, 0, 1))
        branch = F.pad(F.relu(self.branch_a(first)), (0, 1, 0, 1))
        joined = torch.cat((F.max_pool2d(first, 2, 1), F.relu(self.branch_b(branch))), 1)
        return F.relu(self.fourth(F.relu(self.third(joined))))


class SqueezeExcite(nn.Module):
    """Scale each channel by what the whole line looks like (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // 4, 1)
        self.excite = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [B, C, H, W]."""
        pooled = x.mean((2, 3), keepdim=True)
        return x * F.hardsigmoid(self.excite(F.relu(self.squeeze(pooled))))


class Block(nn.Module):
    """Depthwise 3x3, optional squeeze-and-excite, then a residual pointwise network of twice the width."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, excite: bool) -> None:
        super().__init__()
        self.mix = nn.Conv2d(channels_in, channels_in, 3, (stride, 1), 1, groups=channels_in)
        self.excite = SqueezeExcite(channels_in) if excite else nn.Identity()
        self.expand = nn.Conv2d(channels_in, 2 * channels_in, 1)
        self.compress = nn.Conv2d(2 * channels_in, channels_out, 1)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C', H / stride, W]."""
        x = self.excite(self.mix(x))
        y: Tensor = self.compress(F.gelu(self.expand(x)))
        return x + y if self.residual else y


class Attention(nn.Module):
    """A pre-norm transformer block over the frames of a line."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm_in = nn.LayerNorm(width)
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [B, T, C]."""
        batch, frames, width = x.shape
        joined = self.project_in(self.norm_in(x)).reshape(batch, frames, 3, HEADS, width // HEADS)
        query, key, value = joined.permute(2, 0, 3, 1, 4).unbind(0)
        # written out: with heads so narrow, PyTorch's fused kernel took 7 % of a training step in bf16 on a CPU
        shares = torch.softmax(query * (width // HEADS) ** -0.5 @ key.transpose(2, 3), 3)
        mixed = (shares @ value).transpose(1, 2).reshape(batch, frames, width)
        x = x + self.dropout(self.project_out(mixed))
        result: Tensor = x + self.dropout(self.narrow(self.dropout(F.silu(self.widen(self.norm_mlp(x))))))
        return result


class Neck(nn.Module):
    """Local and global context: [B, 384, 1, T] to [B, T, 120]."""

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.skip = nn.Conv2d(channels, WIDTH, 1)
        self.reduce = nn.Conv2d(channels, WIDTH, 1)
        self.local = nn.Conv2d(WIDTH, WIDTH, (1, 7), padding=(0, 3 * dilation), dilation=(1, dilation), groups=WIDTH)
        self.attention = nn.Sequential(Attention(WIDTH, dropout), Attention(WIDTH, dropout))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Return one vector a frame."""
        reduced = F.silu(self.reduce(x))
        reduced = reduced + F.silu(self.local(reduced))
        context = self.norm(self.attention(reduced.squeeze(2).transpose(1, 2)))
        result: Tensor = context + F.silu(self.skip(x)).squeeze(2).transpose(1, 2)
        return result


class Recognizer(nn.Module):
    """Grey strips to the log-probabilities of characters.

    Args:
        classes: characters of the alphabet plus one, class 0 being the CTC blank.
        frames_per_step: 1 for a frame every 8 strip pixels, 2 for one every 4. Both run the same weights: with 2,
            neighbouring columns are pooled at every position and the local convolution is dilated accordingly.
        dropout: of the attention blocks and before the head.
    """

    def __init__(self, classes: int, frames_per_step: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        if frames_per_step not in (1, 2):
            raise ValueError(f"frames_per_step is {frames_per_step}, it must be 1 or 2")
        self.frames_per_step = frames_per_step
        self.stem = Stem()
        self.blocks = nn.Sequential(*(Block(*row) for row in BLOCKS))
        self.neck = Neck(BLOCKS[-1][1], frames_per_step, dropout)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(WIDTH, classes)

    @property
    def stride(self) -> int:
        """Strip pixels for one output frame."""
        return STEP // self.frames_per_step

    def frames(self, width: int) -> int:
        """Number of output frames for strips ``width`` pixels wide, 8 or more."""
        columns = (width + 3) // 4
        return columns - 1 if self.frames_per_step == 2 else columns // 2

    def forward(self, strips: Tensor) -> Tensor:
        """Log-probabilities [B, frames, classes], float32, of strips [B, 1, 48, W] with grey values in [0, 255]."""
        return self.named(self.features(strips))

    def features(self, strips: Tensor) -> Tensor:
        """What the convolutions make of strips: [B, 384, 1, frames]."""
        grey = (strips.to(torch.float32) - MEAN) / DEVIATION
        return F.avg_pool2d(self.blocks(self.stem(grey)), (3, 2), (3, self.stride // 4))

    def named(self, features: Tensor) -> Tensor:
        """Log-probabilities [B, frames, classes] of features."""
        return F.log_softmax(self.head(self.dropout(self.neck(features))).float(), 2)


def load_network(weights: Path, alphabet: Alphabet, stride: float, dropout: float = 0.1) -> Recognizer:
    """The float network of a bundle.

    Bundles 0.7.0 to 0.9.0 also hold a recurrent context, and a head that reads as well without it: the latter is taken.

    Raises:
        BundleError: the file is missing or does not fit, or cannot be read without its context.
    """
    try:
        state = _without_context({name: value.float() for name, value in load_file(weights).items()})
        network = Recognizer(len(alphabet) + 1, frames_per_step=round(8 / stride), dropout=dropout)
        network.load_state_dict(state)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise BundleError(f"{weights}: these are not the weights of the bundle's recogniser") from error
    return network


def _without_context(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    kept = {name: value for name, value in state.items() if not name.startswith((CONTEXT, DRAFT))}
    heads = {name.removeprefix(DRAFT): value for name, value in state.items() if name.startswith(DRAFT_HEAD)}
    if len(kept) < len(state) and not heads:
        raise BundleError(
            "this bundle of Inkread 0.4 to 0.6 has a recurrent context that training no longer knows; "
            "it can still read, but start from a newer bundle to train"
        )
    return kept | heads
