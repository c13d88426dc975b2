"""The card of a bundle shows what was measured with this bundle."""

import json
import shutil
from pathlib import Path

import pytest

from inkread.bundle import Bundle
from inkread.errors import DatasetError
from recipe.card import SHORT_RUN, write_figures


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(Bundle.open().folder, tmp_path / "model"))


def report(folder: Path, model: str) -> Path:
    estimate = {"value": 0.12345, "low": 0.1, "high": None, "documents": 7}
    source = {"name": "letters", "split": "val", "lines": 40, "documents": 7, "cer": estimate}
    source |= dict.fromkeys(("wer", "page_cer", "line_recall", "line_precision"))
    path = folder / "report.json"
    path.write_text(json.dumps({"settings": {"model": model, "language_model": True}, "sources": [source]}))
    return path


def test_figures_replace_the_former_ones(bundle: Path, tmp_path: Path) -> None:
    model = Bundle.open(bundle).model
    write_figures(bundle, [report(tmp_path, f"{model.name} {model.version}")])
    metric, *others = Bundle.open(bundle).model.metrics
    assert all(other.name.startswith(SHORT_RUN) for other in others), "only those of short runs are kept"
    assert (metric.name, metric.dataset, metric.value) == ("CER of given lines, with language model", "letters", 0.1235)
    assert (metric.low, metric.high, metric.lines, metric.documents) == (0.1, None, 40, 7)
    assert (
        "| letters | val | CER of given lines, with language model | 0.1235 |" in (bundle / "MODEL_CARD.md").read_text()
    )
    Bundle.open(bundle).verify()


def test_short_runs_stand_beside_the_figures_of_whole_evaluations(bundle: Path, tmp_path: Path) -> None:
    model = Bundle.open(bundle).model
    with pytest.raises(DatasetError, match="no run of the whole recipe"):
        write_figures(bundle, ablation=tmp_path)
    for variant, rate in (("all", 0.2), ("without pages", 0.3)):
        (tmp_path / variant).mkdir()
        scores = {"start": {"all": 0.4}, "trained": {"all": rate}, "lines": {"all": 12}}
        (tmp_path / variant / "cer.json").write_text(json.dumps(scores))
    write_figures(bundle, ablation=tmp_path)
    shown = write_figures(bundle, [report(tmp_path, f"{model.name} {model.version}")]).metrics
    assert {metric.lines for metric in shown[1:]} == {12}
    assert [(metric.name.split(", ")[-1], metric.value) for metric in shown] == [
        ("with language model", 0.1235),
        ("the starting weights", 0.4),
        ("after a short run: all", 0.2),
        ("after a short run: without pages", 0.3),
    ]


def test_figures_of_another_model_and_other_files_are_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="figures of other 1, not of"):
        write_figures(bundle, [report(tmp_path, "other 1")])
    (tmp_path / "odd.json").write_text("[]")
    with pytest.raises(DatasetError, match="no report"):
        write_figures(bundle, [tmp_path / "odd.json"])
