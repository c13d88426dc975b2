"""Drift of the pages that are read, as a metric: `inkread.evaluation.drift` for one served model.

Usage: ``drift = Drift(settings.home / "drift", served.identity); drift.add(figures)``

The reference is kept in the home folder by the identity of the model, so that a restart does not forget it. Where there
is none, the first pages that the model reads make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import structlog

from inkread.evaluation.drift import Monitor, Reference, drifted
from inkread.io.files import write_bytes
from inkread.server.metrics import DRIFT


class Drift:
    """Watches the pages that a model reads.

    Args:
        folder: of references.
        identity: of the model.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._path = folder / f"{identity}.json"
        self._monitor = Monitor(_kept(self._path))
        self._drifted: list[str] = []

    def add(self, figures: Mapping[str, float]) -> None:
        """Count a page; the metric shows the newest window."""
        known = self._monitor.reference
        index = self._monitor.add(figures)
        reference = self._monitor.reference
        if reference is not None and reference is not known:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(self._path, reference.model_dump_json().encode())
        for name, value in index.items():
            DRIFT.labels(name).set(value)
        if index and (found := drifted(index)) != self._drifted:
            self._drifted = found
            structlog.get_logger().warning("drift", figures=found)


def _kept(path: Path) -> Reference | None:
    try:
        return Reference.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
