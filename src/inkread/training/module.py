"""The recogniser under training.

Usage: ``Trainer(...).fit(RecognizerModule(network, alphabet, Optimisation()), datamodule)``
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from rapidfuzz.distance import Levenshtein
from torch import Tensor
from torch.nn import functional as F

from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.training.network import Recognizer
from inkread.training.risk import ExpectedErrors
from inkread.training.scoring import greedy_text
from inkread.training.stream import Batch, Position


@dataclass(frozen=True, slots=True)
class Optimisation:
    """How weights are changed.

    Attributes:
        rate: highest learning rate, of neck and head.
        backbone_share: the backbone's share of it.
        frozen_blocks: 0 to train all, 1 to keep the stem as it starts, 2 the first block too, and so on.
        warm_up: steps until the highest rate.
        steps: of the whole run.
        decay: share of the steps at the end over which the rate falls to nothing.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        consistency: weight of the divergence between what is read in two views of a line (CR-CTC, Yao et al. 2025);
            0 shows each line once.
    """

    rate: float = 6e-4
    backbone_share: float = 0.4
    frozen_blocks: int = 1
    warm_up: int = 150
    steps: int = 3000
    decay: float = 0.3
    weight_decay: float = 0.01
    consistency: float = 0.0

    @property
    def views(self) -> int:
        """Strips of each line in a batch."""
        return 2 if self.consistency > 0 else 1

    def factor(self, step: int) -> float:
        """Share of the highest rate at a step: warm-up, then steady, then a linear fall."""
        falling = (self.steps - step) / max(self.decay * self.steps, 1)
        return max(min((step + 1) / self.warm_up, 1.0, falling), 0.0)


class RecognizerModule(pl.LightningModule):
    """CTC training of a network, with expected errors where a loss for them is given, and its CER on val by source."""

    def __init__(
        self,
        network: Recognizer,
        alphabet: Alphabet,
        optimisation: Optimisation,
        expected_errors: ExpectedErrors | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self._expected_errors = expected_errors
        self.alphabet = alphabet
        self.optimisation = optimisation
        self.position: Position = (0, 0)
        self.cer_by_source: dict[str, float] = {}
        self.samples: list[tuple[str, str, str]] = []
        self._counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        self.save_hyperparameters({"optimisation": asdict(optimisation), "alphabet": alphabet.characters})
        for part in [network.stem, *network.blocks][: optimisation.frozen_blocks]:
            part.requires_grad_(False)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the loss of a character: CTC, the divergence between views, the expected errors."""
        log_probs = self.network(batch.strips)
        frames = torch.tensor([self.network.frames(width) for width in batch.widths.tolist()])
        loss = ctc(log_probs, frames, batch)
        if batch.views > 1:
            loss = loss + self.optimisation.consistency * divergence(log_probs, frames) / batch.lengths.sum()
        if self._expected_errors is not None:
            loss = self._expected_errors.plan.likelihood * loss + self._expected_errors(log_probs, frames, batch)
        self.position = batch.following
        self.log("loss", loss, batch_size=len(batch.widths))
        return loss

    def on_validation_epoch_start(self) -> None:
        """Begin a new choice of samples: source, written and read of one line each."""
        self.samples = []

    def validation_step(self, batch: tuple[Tensor, list[int], list[str], list[str]], _: int) -> None:
        """Count the errors of a batch of strips with widths, texts and sources."""
        strips, widths, texts, sources = batch
        best = self.network(strips).argmax(2).cpu().numpy()
        for row, width, text, source in zip(best, widths, texts, sources, strict=True):
            reading = greedy_text(row[: self.network.frames(width)], self.alphabet)
            counts = self._counts[source]
            if counts[1] == 0:
                self.samples.append((source, text, reading))
            counts[0] += Levenshtein.distance(text, reading)
            counts[1] += len(text)

    def on_validation_epoch_end(self) -> None:
        """Log the CER of each source and their mean."""
        self.cer_by_source = {name: wrong / max(total, 1) for name, (wrong, total) in sorted(self._counts.items())}
        self._counts.clear()
        for name, value in self.cer_by_source.items():
            self.log(f"cer/{name}", value)
        self.log("val_cer", sum(self.cer_by_source.values()) / max(len(self.cer_by_source), 1), prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW with a lower rate for the backbone."""
        settings = self.optimisation
        slow = [*self.network.stem.parameters(), *self.network.blocks.parameters()]
        fast = [*self.network.neck.parameters(), *self.network.head.parameters()]
        groups = [
            {"params": [p for p in slow if p.requires_grad], "lr": settings.rate * settings.backbone_share},
            {"params": fast, "lr": settings.rate},
        ]
        optimiser = torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, settings.factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the position in the stream and the state of the random numbers that dropout draws."""
        checkpoint["position"] = self.position
        checkpoint["random_state"] = torch.get_rng_state()
        checkpoint["cuda_random_states"] = torch.cuda.get_rng_state_all()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on at the same position; the random numbers are set when the first step is due."""
        self.position = checkpoint["position"]
        self._random_states = checkpoint["random_state"], checkpoint.get("cuda_random_states", [])

    def on_train_start(self) -> None:
        """Go on with the random numbers of the interrupted run."""
        states = getattr(self, "_random_states", None)
        if states is not None:
            torch.set_rng_state(states[0])
            if len(states[1]) == torch.cuda.device_count():
                torch.cuda.set_rng_state_all(states[1])


def ctc(log_probs: Tensor, frames: Tensor, batch: Batch) -> Tensor:
    """The CTC loss for each character of a batch (Graves et al. 2006), in nats.

    Args:
        log_probs: [views * batch, frames, classes].
        frames: [batch], frames of each line before padding.
        batch: what the lines say.
    """
    losses = F.ctc_loss(
        log_probs.transpose(0, 1),
        batch.targets.repeat(batch.views),
        frames.repeat(batch.views),
        batch.lengths.repeat(batch.views),
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    )
    return losses / (batch.lengths.sum() * batch.views)


def divergence(log_probs: Tensor, frames: Tensor) -> Tensor:
    """How far two views of the same lines are read apart: Kullback-Leibler, both ways, each view in turn being fixed.

    Args:
        log_probs: [2 * batch, frames, classes], one view of each line, then the other.
        frames: [batch], frames of each line before padding.

    Returns:
        The mean over both ways of the sum over frames, in nats.
    """
    one, other = log_probs.chunk(2)
    inside = torch.arange(one.shape[1], device=one.device) < frames.to(one.device)[:, None]
    ways = [F.kl_div(a, b.detach(), reduction="none", log_target=True).sum(2) for a, b in ((one, other), (other, one))]
    return (torch.stack(ways) * inside).sum() / 2
