"""The errors to be expected of a search with a language model, as a training loss.

Usage: ``loss = ExpectedErrors(RiskPlan(language_model=Path("lm.bin")), alphabet)(log_probs, frames, batch)``

CTC makes the text of a line more probable, whatever else is probable. The search chooses among candidates, with the
help of a language model. So of the candidates that it finds in a training line, those with fewer errors are made more
probable (minimum risk; Prabhavalkar et al., "Minimum word error rate training for attention-based sequence-to-sequence
models", ICASSP 2018). The language model must not know the training lines, or the network would learn to rely on it too
much: it is made of texts alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field
from rapidfuzz.distance import Levenshtein
from torch import Tensor
from torch.nn import functional as F

from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.decoding import LogProbs, beam_search
from inkread.recognition.language_model import LanguageModel
from inkread.training.stream import Batch


class RiskPlan(BaseModel):
    """How the candidates of a line are found and what their errors weigh.

    Attributes:
        language_model: file of n-grams that do not know the training lines.
        likelihood: weight of the CTC loss, beside a weight of 1 for the expected errors.
        candidates: texts of a line, at most.
        beam_width, class_floor: of the search, see `inkread.recognition.decoding.beam_search`.
        language_model_weight, length_bonus, temperature: of the search and of the probabilities of the candidates.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    language_model: Path
    likelihood: float = Field(0.3, ge=0)
    candidates: int = Field(6, ge=2)
    beam_width: int = Field(12, ge=2)
    class_floor: float = Field(0.02, ge=0, lt=1)
    language_model_weight: float = Field(0.5, ge=0)
    length_bonus: float = 0.9
    temperature: float = Field(1.5, gt=0)


@dataclass(frozen=True)
class _Candidate:
    """A text of one row of a batch."""

    row: int
    labels: list[int]
    prior: float
    errors: int


class ExpectedErrors:
    """The loss.

    Args:
        plan: see there.
        alphabet: of the network.

    Raises:
        BundleError: the language model cannot be read.
    """

    def __init__(self, plan: RiskPlan, alphabet: Alphabet) -> None:
        self.plan = plan
        self._alphabet = alphabet
        self._model = LanguageModel.load(plan.language_model)

    def __call__(self, log_probs: Tensor, frames: Tensor, batch: Batch) -> Tensor:
        """Expected edits for each character, less the mean edits of the candidates, which changes no gradient.

        Args:
            log_probs: [views * batch, frames, classes].
            frames: [batch], frames of each line before padding.
            batch: what the lines say.
        """
        found = self._candidates(log_probs.detach().float().cpu().numpy(), frames.tolist(), batch)
        if not found:
            return log_probs.sum() * 0
        rows = torch.tensor([candidate.row for candidate in found])
        tempered = F.log_softmax(log_probs.float() / self.plan.temperature, 2)
        likelihoods = -F.ctc_loss(
            tempered[rows.to(log_probs.device)].transpose(0, 1),
            torch.tensor([label for candidate in found for label in candidate.labels]),
            frames.cpu().repeat(batch.views)[rows],
            torch.tensor([len(candidate.labels) for candidate in found]),
            blank=BLANK,
            reduction="none",
            zero_infinity=True,
        )
        scores = likelihoods + torch.tensor([candidate.prior for candidate in found], device=log_probs.device)
        errors = torch.tensor([float(candidate.errors) for candidate in found], device=log_probs.device)
        risks = []
        for row in sorted(set(rows.tolist())):
            own = (rows == row).to(log_probs.device)
            risks.append((torch.softmax(scores[own], 0) * (errors[own] - errors[own].mean())).sum())
        return torch.stack(risks).sum() / (batch.lengths.sum() * batch.views)

    def _candidates(self, log_probs: LogProbs, frames: list[int], batch: Batch) -> list[_Candidate]:
        """The candidates of the lines in which the search finds several; all of them fit into the frames."""
        plan, truths = self.plan, torch.split(batch.targets, batch.lengths.tolist())
        found = []
        for row, line in enumerate(log_probs):
            number = row % len(frames)
            truth = self._alphabet.decode(truths[number].tolist())
            hypotheses = beam_search(
                line[: frames[number]],
                self._alphabet,
                width=plan.beam_width,
                language_model=self._model,
                weight=plan.language_model_weight,
                length_bonus=plan.length_bonus,
                temperature=plan.temperature,
                n_best=plan.candidates,
                class_floor=plan.class_floor,
            )
            texts = [hypothesis.text for hypothesis in hypotheses if hypothesis.text]
            if len(texts) > 1:
                found += [self._candidate(row, text, truth) for text in texts]
        return found

    def _candidate(self, row: int, text: str, truth: str) -> _Candidate:
        plan = self.plan
        prior = plan.language_model_weight * self._model.score_line(text) + plan.length_bonus * len(text)
        return _Candidate(row, self._alphabet.encode(text), prior, Levenshtein.distance(truth, text))
