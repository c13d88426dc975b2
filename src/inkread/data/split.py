"""Splits by document and writer, and weights of lines and words.

Usage: ``split_rows(rows, SplitSettings()); line_weights(rows, WeightSettings())``
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from inkread.data.dataset import Row
from inkread.errors import DatasetError


class SplitSettings(BaseModel):
    """Shares of the splits; training gets the rest.

    Attributes:
        val, test: share of the rows, by whole writers or documents.
        seed: of the order in which these are dealt out.
        divided_documents: accept that a source with splits of its own has pages of one document in several of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    val: float = Field(0.15, ge=0, lt=1)
    test: float = Field(0.2, ge=0, lt=1)
    seed: int = 1
    divided_documents: bool = False


def split_rows(rows: Sequence[Row], settings: SplitSettings) -> dict[str, str]:
    """The split of each row by its id: the source's own where it has one, else by writer, else by document.

    Raises:
        DatasetError: the shares leave nothing to train on, or a document or writer stands in two splits.
    """
    if settings.val + settings.test >= 1:
        raise DatasetError("split_data: val and test take all of the data, lower them")
    splits = {row.row_id: row.split for row in rows if row.split}
    groups: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if not row.split:
            groups[_owner(row)].append(row.row_id)
    total = sum(map(len, groups.values()))
    wanted = {"test": settings.test * total, "val": settings.val * total}
    for name in sorted(groups, key=lambda name: _order(name, settings.seed)):
        chosen = next((split for split, count in wanted.items() if count > 0), "train")
        if chosen != "train":
            wanted[chosen] -= len(groups[name])
        splits.update(dict.fromkeys(groups[name], chosen))
    check_leaks(rows, splits, divided_documents=settings.divided_documents)
    return splits


def check_leaks(rows: Sequence[Row], splits: Mapping[str, str], *, divided_documents: bool = False) -> None:
    """Raise DatasetError where one document, or one writer that the pipeline has split, stands in two splits.

    A source that comes with splits of its own may have a single writer; its documents must still be apart, unless
    ``divided_documents`` trusts its splits in this too.
    """
    for what in ("document_id", "writer_id"):
        trusted = what == "writer_id" or divided_documents
        found: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            name = str(getattr(row, what))
            if name and not (trusted and row.split):
                found[name].add(splits[row.row_id])
        for name, places in found.items():
            if len(places) > 1:
                raise DatasetError(
                    f"{what} {name} is in {' and '.join(sorted(places))}; keep it in one split, or set "
                    "split_data.divided_documents where the source divides its documents on purpose"
                )


def _owner(row: Row) -> str:
    return row.writer_id or row.document_id


def _order(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()


class WeightSettings(BaseModel):
    """How strongly rare things are drawn more often.

    Attributes:
        rarity: exponent of the frequency of a line's rarest character; 0 draws all lines alike.
        most: highest weight over the mean one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rarity: float = Field(0.25, ge=0, le=1)
    most: float = Field(5.0, ge=1)


def line_weights(rows: Sequence[Row], settings: WeightSettings) -> list[float]:
    """Sampling weight of each row, mean 1: the rarer its rarest character, the higher."""
    counts = Counter(character for row in rows for character in set(row.text))
    rarest = np.array([min((counts[c] for c in row.text), default=1) for row in rows], np.float64)
    raw = (rarest / max(len(rows), 1)) ** -settings.rarity
    bounded = np.minimum(raw / max(raw.mean(), 1e-12), settings.most) if len(raw) else raw
    return [round(float(value), 6) for value in bounded / max(bounded.mean(), 1e-12)] if len(raw) else []


def class_weights(labels: Sequence[str]) -> dict[str, float]:
    """Balanced weight of each class: ``samples / (classes * count)`` (King and Zeng 2001), in order of name."""
    counts = Counter(labels)
    return {name: round(len(labels) / (len(counts) * count), 6) for name, count in sorted(counts.items())}
