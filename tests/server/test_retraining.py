"""What scheduled retraining made is promoted where the gate lets it, and only on gold pages."""

import inspect
from pathlib import Path

import pytest

from inkread.registry import GateError
from inkread.server.jobs import workflows


def test_the_gate_decides_on_gold_pages_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[object, ...]] = []

    def promote(_registry: object, version: int, who: str, why: str) -> int:
        asked.append((version, who, why))
        if version == 3:
            raise GateError("version 3 reads worse", [])
        return version

    monkeypatch.setattr(workflows, "promote", promote)
    monkeypatch.setattr(workflows, "Registry", object)
    decide = inspect.unwrap(workflows.let_gate_decide)
    monkeypatch.delenv("INKREAD_GOLD", raising=False)
    assert decide(2) == {}
    monkeypatch.setenv("INKREAD_GOLD", str(tmp_path))
    assert decide(0) == {}, "nothing was registered"
    assert (decide(2), decide(3)) == ({"promoted": 1.0}, {"promoted": 0.0})
    assert asked == [(number, "schedule", "scheduled retraining") for number in (2, 3)]
