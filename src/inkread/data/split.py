"""Splits by document and writer, and weights of lines and words.

Usage: ``split_samples(lines, SplitSettings()); line_weights(lines, WeightSettings())``
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from inkread.data.dataset import Sample
from inkread.errors import DatasetError


class SplitSettings(BaseModel):
    """Shares of the splits; training gets the rest.

    Attributes:
        val, test: share of the samples, from 0 to less than 1 together, in whole writers or, where these are unknown,
            whole documents: figures on pages of a known writer would be too good.
        seed: of the order in which writers and documents are dealt out.
        divided_documents: accept that a source with splits of its own has pages of one document in several of them; by
            default that is an error, because it makes figures too good.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    val: float = Field(0.15, ge=0, lt=1)
    test: float = Field(0.2, ge=0, lt=1)
    seed: int = 1
    divided_documents: bool = False


def split_samples(samples: Sequence[Sample], settings: SplitSettings) -> dict[str, str]:
    """The split of each sample by its id: the source's own where it has one, else by writer, else by document.

    Raises:
        DatasetError: the shares leave nothing to train on, or a document or writer is in two splits.
    """
    if settings.val + settings.test >= 1:
        raise DatasetError("split_data: val and test take all of the data, lower them")
    splits: dict[str, str] = {sample.sample_id: sample.split for sample in samples if sample.split}
    groups: dict[str, list[str]] = defaultdict(list)
    for sample in samples:
        if not sample.split:
            groups[_owner(sample)].append(sample.sample_id)
    total = sum(map(len, groups.values()))
    wanted = {"test": settings.test * total, "val": settings.val * total}
    for name in sorted(groups, key=lambda name: _order(name, settings.seed)):
        chosen = next((split for split, count in wanted.items() if count > 0), "train")
        if chosen != "train":
            wanted[chosen] -= len(groups[name])
        splits.update(dict.fromkeys(groups[name], chosen))
    check_leaks(samples, splits, divided_documents=settings.divided_documents)
    return splits


def check_leaks(samples: Sequence[Sample], splits: Mapping[str, str], *, divided_documents: bool = False) -> None:
    """Raise DatasetError where one document, or one writer that the pipeline has split, is in two splits.

    A source that comes with splits of its own may have a single writer; its documents must still be apart, unless
    ``divided_documents`` trusts its splits in this too.
    """
    for what in ("document_id", "writer_id"):
        trusted = what == "writer_id" or divided_documents
        found: dict[str, set[str]] = defaultdict(set)
        for sample in samples:
            name = str(getattr(sample, what))
            if name and not (trusted and sample.split):
                found[name].add(splits[sample.sample_id])
        for name, places in found.items():
            if len(places) > 1:
                raise DatasetError(
                    f"{what} {name} is in {' and '.join(sorted(places))}; keep it in one split, or set "
                    "split_data.divided_documents where the source divides its documents on purpose"
                )


def _owner(sample: Sample) -> str:
    return sample.writer_id or sample.document_id


def _order(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()


class WeightSettings(BaseModel):
    """How strongly rare things are drawn more often.

    Attributes:
        rarity: exponent, from 0 to 1, of the frequency of a line's rarest character; 0 draws all lines alike, 1 draws a
            line the more often the rarer that character is, in proportion.
        most: highest weight over the mean one, so that a run does not repeat single lines.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rarity: float = Field(0.25, ge=0, le=1)
    most: float = Field(5.0, ge=1)


def line_weights(samples: Sequence[Sample], settings: WeightSettings) -> list[float]:
    """Sampling weight of each line, mean 1: the rarer its rarest character, the higher."""
    counts = Counter(character for sample in samples for character in set(sample.text))
    rarest = np.array([min((counts[c] for c in sample.text), default=1) for sample in samples], np.float64)
    raw = (rarest / max(len(samples), 1)) ** -settings.rarity
    bounded = np.minimum(raw / max(raw.mean(), 1e-12), settings.most) if len(raw) else raw
    return [round(float(value), 6) for value in bounded / max(bounded.mean(), 1e-12)] if len(raw) else []


def class_weights(labels: Sequence[str]) -> dict[str, float]:
    """Balanced weight of each class: ``samples / (classes * count)`` (King and Zeng 2001), in order of name."""
    counts = Counter(labels)
    return {name: round(len(labels) / (len(counts) * count), 6) for name, count in sorted(counts.items())}
