"""``inkread finetune`` as a user runs it; `tests/training/test_finetune.py` looks at what comes out."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inkread.cli import app
from inkread.cli import finetune as command
from inkread.data.store import DatasetCut
from inkread.evaluation.statistics import Estimate
from inkread.training.finetune import FinetuneReport, FinetuneSettings

CUT = DatasetCut(160, 40, {"unreadable": 2}, same_documents=True)


def run(monkeypatch: pytest.MonkeyPatch, report: FinetuneReport, *options: str) -> str:
    given: list[tuple[object, ...]] = []

    def teach(*arguments: object) -> FinetuneReport:
        given.append(arguments)
        return report

    monkeypatch.setattr(command, "teach", teach)
    result = CliRunner().invoke(app, ["finetune", "bundled", "letters", "-o", "mine", "--steps", "7", *options])
    assert result.exit_code == 0, result.output
    ((_, source, output, settings),) = given
    assert isinstance(settings, FinetuneSettings)
    assert (source, output, settings.steps) == (Path("letters"), Path("mine"), 7)
    return result.stdout


def test_it_says_what_was_gained(monkeypatch: pytest.MonkeyPatch) -> None:
    report = FinetuneReport(CUT, Estimate(0.2, 0.15, 0.25, 40), Estimate(0.1, 0.05, 0.15, 40), True, 0.25)
    said = run(monkeypatch, report)
    assert "160 lines to learn from, 40 to check with" in said
    assert "left out 2: unreadable" in said
    assert "all lines are of one document" in said
    assert "CER 0.200 [0.150 0.250] before, 0.100 [0.050 0.150] after" in said
    assert json.loads(run(monkeypatch, report, "--json"))["after"]["value"] == 0.1


def test_it_says_that_nothing_was_gained(monkeypatch: pytest.MonkeyPatch) -> None:
    same = Estimate(0.2, 0.15, 0.25, 40)
    assert "could not improve" in run(monkeypatch, FinetuneReport(CUT, same, same, False, 1.0))
