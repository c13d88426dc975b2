"""A version that reads some pages after the champion has, so that its readings can be compared before it is promoted.

Usage: ``shadow.offer(read, decoded)`` when a page was answered; ``await shadow.read(waiting)`` while nobody waits

It reads in a process of its own with a low priority. Whatever it does, the answer was given already. After
`MOST_FAILURES` in a row it is given up. What is kept are the sums of `inkread.evaluation.disagreement`, a file for each
process and pair of models in the home folder; pages that wait are dropped when the service ends.
"""

from __future__ import annotations

import os
import random
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from inkread.evaluation.disagreement import Tally
from inkread.io.files import write_bytes
from inkread.server.metrics import SHADOW_CER, SHADOW_CONFIDENCE, SHADOW_PAGES, SHADOW_SECONDS
from inkread.server.prediction import tasks
from inkread.server.prediction.workers import PoolClosedError

if TYPE_CHECKING:
    from inkread.server.prediction.models import Served

MOST_FAILURES = 5
"""Pages in a row that a shadow could not read, after which it reads no more."""
PATIENCE = 10
"""How many times the time of a page it may take: with its low priority it gets little of a busy machine."""
LEFT_OVER = 1024
"""Bytes; a larger file is no tally."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A page that the champion has read and the shadow has not."""

    shadow: Shadow
    read: tasks.Read
    decoded: tasks.Decoded


class Shadow:
    """Reads some pages that another model has read, and counts how the readings differ.

    Args:
        champion: identity of the model that answers.
        reader: the other one.
        folder: of the tallies of all pairs of models.
        share: of the pages, 0 to 1.

    Attributes:
        problem: why it reads no more; "" while it does.
    """

    def __init__(self, champion: str, reader: Served, folder: Path, share: float) -> None:
        self.reader = reader
        self.problem = ""
        self._share = share
        self._folder = folder / f"{champion}-{reader.identity}"
        self._own = self._folder / f"{secrets.token_hex(8)}.json"
        self._tally = Tally()
        self._failures = 0

    def chooses(self, decoded: tasks.Decoded) -> bool:
        """Whether it wants to read this page; never single lines that somebody has drawn."""
        return not self.problem and decoded.layout is None and random.random() < self._share

    async def read(self, waiting: Waiting) -> None:
        """Read a page and compare it with what was answered; nothing that goes wrong is raised."""
        decoded = waiting.decoded
        if decoded.language not in self.reader.languages:
            decoded = replace(decoded, language=None)
        try:
            other: tasks.Read = await self.reader.pool.run(tasks.read, [decoded], weight=PATIENCE)
            self._compared(waiting.read, other)
        except PoolClosedError:
            return
        except Exception as error:  # whatever it is, the next pages are read
            self._failed(error)

    def _compared(self, read: tasks.Read, other: tasks.Read) -> None:
        self._failures = 0
        found = Tally.of(read.page, other.page, seconds=read.seconds, other_seconds=other.seconds)
        SHADOW_PAGES.labels("differs" if found.differing else "same").inc()
        SHADOW_CER.observe(found.cer or 0.0)
        for model, one in (("champion", read), ("shadow", other)):
            SHADOW_CONFIDENCE.labels(model).observe(one.page.confidence or 0.0)
            SHADOW_SECONDS.labels(model).observe(one.seconds)
        self._count(found)

    def skipped(self) -> None:
        """Count a page that was chosen and then left out."""
        SHADOW_PAGES.labels("skipped").inc()
        self._count(Tally(skipped=1))

    def tallies(self) -> dict[str, Tally]:
        """What was counted for this pair of models, by the process that counted it.

        Services that share a home folder see each other's files, so who adds up what several of them say counts each
        name once.
        """
        found = {}
        for path in self._folder.glob("*.json"):
            try:
                if path.stat().st_size <= LEFT_OVER:
                    found[path.stem] = Tally.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
        return found

    def _failed(self, error: Exception) -> None:
        SHADOW_PAGES.labels("failed").inc()
        self._count(Tally(failed=1))
        self._failures += 1
        structlog.get_logger().warning("shadow_failed", version=self.reader.registered, detail=str(error))
        if self._failures >= MOST_FAILURES:
            self.problem = f"it could not read {self._failures} pages in a row, the last one because: {error}"
            structlog.get_logger().error("shadow_given_up", version=self.reader.registered, detail=self.problem)
            self.reader.pool.close()

    def _count(self, more: Tally) -> None:
        self._tally += more
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_bytes(self._own, self._tally.model_dump_json().encode())
        except OSError as error:
            structlog.get_logger().warning("shadow_not_counted", detail=str(error))


def keep(decoded: tasks.Decoded, folder: Path) -> tasks.Decoded | None:
    """The page under another name, which stays when its request ends; None where that cannot be."""
    path = folder / f"{secrets.token_hex(8)}.npy"
    try:
        os.link(decoded.path, path)
    except OSError:
        return None
    return replace(decoded, path=path)
