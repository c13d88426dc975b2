"""The stages from training to registration, on data so small that only the way is tested, not how well it reads."""

import json
import shutil
from pathlib import Path

import pytest

from inkread.bundle import Bundle
from inkread.pipeline.model_stages import (
    build_train_cnn,
    evaluate_model,
    export_model,
    recognizer_plan,
    register_model,
)
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts
from inkread.registry import GateError, Registry, promote
from inkread.training.bundling import describe, joined_sources
from inkread.training.settings import CallbackSettings

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.system
def test_from_training_to_registration(prepared: Artifacts, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(prepared.root)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{prepared.root / 'mlflow.db'}")
    for stage in (build_train_cnn, evaluate_model, export_model, register_model):
        stage(prepared, params)
    metrics = json.loads(prepared.metrics.read_text())
    assert metrics["lines"] <= 20
    assert 0 <= metrics["cer"] < 0.3, "it starts from the bundled weights"
    assert metrics["word_cnn"]["vocabulary"] > 1
    assert metrics["word_cnn"]["recognizer_accuracy_all"] > metrics["word_cnn"]["accuracy_all"]
    assert prepared.report.read_text().startswith("<!doctype html>")
    assert (prepared.plots / "risk_coverage.csv").read_text().startswith("coverage,cer\n")
    bundle = Bundle.open(prepared.bundle)
    bundle.verify()
    assert bundle.model.version.startswith(f"{Bundle.open().model.version}+")
    assert "iam-synthetic" in {source.name for source in bundle.model.sources}
    fitted = json.loads(prepared.calibration.read_text())["word_calibration"]
    assert bundle.model.word_calibration.model_dump(mode="json") == fitted
    assert bundle.model.word_calibration.scale != 1
    parity = json.loads(prepared.parity.read_text())
    assert parity["float_difference"] < 1e-3
    assert abs(parity["int8_cer"] - parity["torch_cer"]) < 0.05
    (version,) = Registry().versions()
    assert version.comparison is None, "there is no champion to compare with"
    assert version.aliases == ("challenger",)
    assert version.metrics["cer"] == metrics["cer"]
    assert version.data_hash
    registry = Registry()
    registry.promote(1, "ann", "first")
    register_model(prepared, params)
    compared = registry.versions()[0].comparison
    assert compared is not None
    assert (compared.champion, compared.cer, compared.wer) == (1, compared.champion_cer, compared.champion_wer)
    assert 0 < compared.cer < 0.3
    assert (compared.low, compared.high) == (0, 0)
    with pytest.raises(GateError, match="equally well"):
        promote(registry, 2, "ann", "as good")


def test_what_an_earlier_run_learnt_is_no_known_source_when_a_run_starts_from_its_bundle(
    prepared: Artifacts, params: Params, tmp_path: Path
) -> None:
    chosen, bundled = params.build_train_cnn.recognizer, Bundle.open()
    first = recognizer_plan(prepared, chosen, CallbackSettings())
    assert first.mixture.known == bundled.known
    champion = tmp_path / "champion"
    shutil.copytree(bundled.folder, champion)
    sources = joined_sources(bundled.model.sources, first.sources)
    describe(bundled.model.model_copy(update={"sources": sources}), champion)
    assert "iam-synthetic" in {source.name for source in Bundle.open(champion).model.sources}
    second = recognizer_plan(prepared, chosen.model_copy(update={"start": str(champion)}), CallbackSettings())
    assert second.mixture.known == first.mixture.known
