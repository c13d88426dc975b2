"""Drift of the pages that are read, as metrics: `inkread.evaluation.drift` for one served model.

Usage: ``drift = Drift(settings.home / "drift", served.identity, bundled); unusual = drift.add(figures)``

Pages are compared with those of this place: the first that the model reads here, kept in the home folder by the
identity of the model, so that a restart does not forget them. They are also compared with those that the model learnt
from, as far as the bundle has a reference. Until there are enough pages of this place, that comparison decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import structlog
from pydantic import BaseModel

from inkread.evaluation.drift import ALARM, LEAST_REFERENCE, WINDOW, Monitor, Reference, drifted
from inkread.io.files import write_bytes
from inkread.server.metrics import DRIFT, DRIFT_FROM_TRAINING


class DriftState(BaseModel):
    """How the last pages that a model read differ from those it is used to.

    Attributes:
        reference: pages of this place that they are compared with, as far as there are.
        reference_pages: how many make the reference.
        window: pages since the start, the last of which are compared, as far as there are.
        window_pages: how many are compared.
        alarm: index above which a figure has drifted.
        usual: index of each figure, compared with the pages of this place; empty until there are enough of both.
        training: the same, compared with the pages that the model learnt from.
    """

    reference: int
    reference_pages: int = LEAST_REFERENCE
    window: int
    window_pages: int = WINDOW
    alarm: float = ALARM
    usual: dict[str, float]
    training: dict[str, float]


class Drift:
    """Watches the pages that a model reads.

    Args:
        folder: of references.
        identity: of the model.
        learnt: reference that comes with the model, None where there is none.
    """

    def __init__(self, folder: Path, identity: str, learnt: Reference | None = None) -> None:
        self._path = folder / f"{identity}.json"
        self._usual = Monitor(_kept(self._path))
        self._learnt = None if learnt is None else Monitor(learnt)
        self._drifted: list[str] = []

    def add(self, figures: Mapping[str, float]) -> list[str]:
        """Count a page, and give the figures that have drifted and in which it is like the new pages."""
        known = self._usual.reference
        index = self._usual.add(figures)
        reference = self._usual.reference
        if reference is not None and reference is not known:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(self._path, reference.model_dump_json().encode())
        for name, value in index.items():
            DRIFT.labels(name).set(value)
        if index and (found := drifted(index)) != self._drifted:
            self._drifted = found
            structlog.get_logger().warning("drift", figures=found)
        if self._learnt is None:
            return self._usual.unusual(figures)
        for name, value in self._learnt.add(figures).items():
            DRIFT_FROM_TRAINING.labels(name).set(value)
        return (self._learnt if reference is None else self._usual).unusual(figures)

    def state(self) -> DriftState:
        """As it is now."""
        learnt = {} if self._learnt is None else self._learnt.index
        return DriftState(
            reference=self._usual.pages, window=self._usual.window, usual=self._usual.index, training=learnt
        )


def _kept(path: Path) -> Reference | None:
    try:
        return Reference.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
