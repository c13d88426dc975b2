"""A run is recorded as it goes, goes on after an interruption, and does not depend on the server."""

import logging
from pathlib import Path

import pytest
from mlflow import MlflowClient

from inkread.training.tracking import TrackingPlan, flat
from inkread.training.train import TrainingPlan, train

pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_run_and_its_continuation_are_one_run(
    plan: TrainingPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    tracked = plan.model_copy(update={"tracking": TrackingPlan(uri=uri, experiment="tests", data_hash="abc")})
    train(tracked, tmp_path / "run")
    longer = plan.optimisation.__class__(steps=6, warm_up=1, decay=0)
    train(tracked.model_copy(update={"optimisation": longer}), tmp_path / "run")
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("tests")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.params["mixture.exponent"] == "0.5"
    assert run.data.tags["data_hash"] == "abc"
    assert [point.step for point in client.get_metric_history(run.info.run_id, "val_cer")] == [2, 4, 6]
    files = [item.path for item in client.list_artifacts(run.info.run_id, "samples")]
    assert files == ["samples/0000002.tsv", "samples/0000004.tsv", "samples/0000006.tsv"]
    table = Path(client.download_artifacts(run.info.run_id, files[-1], str(tmp_path))).read_text()
    assert table.startswith("source\twritten\tread\nletters\t")
    assert run.info.status == "FINISHED"


def test_without_a_server_the_training_goes_on(
    plan: TrainingPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracked = plan.model_copy(update={"tracking": TrackingPlan(uri="http://127.0.0.1:9")})
    with caplog.at_level(logging.WARNING):
        last = train(tracked, tmp_path / "run")
    assert last.is_file()
    assert sum("MLflow records no more" in record.message for record in caplog.records) == 1


def test_nested_parameters_get_dotted_names() -> None:
    assert flat({"a": {"b": 1, "c": {"d": 2}}, "e": 3}) == {"a.b": 1, "a.c.d": 2, "e": 3}
