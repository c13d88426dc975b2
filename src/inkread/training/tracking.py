"""Record a training run in MLflow; training continues without where the server cannot be reached.

Usage: ``Trainer(callbacks=[Tracking(TrackingPlan(experiment="inkread"), plan_values, run_folder)])``

The server is ``MLFLOW_TRACKING_URI`` with ``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD``, as MLflow
documents them, or a SQLite file in the run's folder. An interrupted run that continues does so in MLflow too.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from pydantic import BaseModel, ConfigDict

from inkread.io.files import write_bytes
from inkread.training.module import RecognizerModule
from inkread.version import code_commit

RUN_FILE = "mlflow_run"
SAMPLES = "samples"
LONGEST_VALUE = 500

_log = logging.getLogger(__name__)
for _name in ("mlflow", "alembic"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # they announce each table of a new database


class TrackingPlan(BaseModel):
    """Where a run is recorded.

    Attributes:
        uri: MLflow server or database; empty for the environment's, else ``mlflow.db`` in the run's folder.
        experiment: name there.
        data_hash: of what it learns from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: str = ""
    experiment: str = "inkread"
    data_hash: str = ""


class Tracking(pl.Callback):
    """Parameters and code commit at the start, loss, rates of error and samples of predictions at each validation."""

    def __init__(self, plan: TrackingPlan, parameters: Mapping[str, Any], run: Path) -> None:
        self._plan, self._parameters, self._folder = plan, parameters, run
        self._client: MlflowClient | None = None
        self._run_id = ""

    @property
    def run_id(self) -> str:
        """The run in MLflow; "" where it could not be opened."""
        return self._run_id

    def on_fit_start(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Open the run, or the one that was interrupted."""
        if trainer.is_global_zero:
            self._safely(self._open)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the curves and some predictions."""
        if self._client is not None and isinstance(pl_module, RecognizerModule):
            self._safely(lambda: self._record(trainer, pl_module))

    def on_fit_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Close the run."""
        client = self._client
        if client is not None and trainer.is_global_zero:
            self._safely(lambda: client.set_terminated(self._run_id))

    def _open(self) -> None:
        uri = self._plan.uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self._folder / 'mlflow.db'}"
        client = MlflowClient(uri)
        found = client.get_experiment_by_name(self._plan.experiment)
        experiment = found.experiment_id if found else client.create_experiment(self._plan.experiment)
        known = self._folder / RUN_FILE
        if known.is_file():
            self._run_id = known.read_text(encoding="utf-8")
            client.update_run(self._run_id, status="RUNNING")
        else:
            run = client.create_run(experiment, run_name=self._folder.name)
            self._run_id = str(run.info.run_id)
            write_bytes(known, self._run_id.encode())
            for name, value in flat(self._parameters).items():
                client.log_param(self._run_id, name, str(value)[:LONGEST_VALUE])
            client.set_tag(self._run_id, "data_hash", self._plan.data_hash)
            client.set_tag(self._run_id, "code_commit", code_commit())
        self._client = client

    def _record(self, trainer: pl.Trainer, module: RecognizerModule) -> None:
        assert self._client is not None
        step = trainer.global_step
        for name, value in trainer.callback_metrics.items():
            self._client.log_metric(self._run_id, name.replace(" ", "_"), float(value), step=step)
        rows = "".join(f"{source}\t{written}\t{read}\n" for source, written, read in module.samples)
        self._client.log_text(self._run_id, f"source\twritten\tread\n{rows}", f"{SAMPLES}/{step:07}.tsv")

    def _safely(self, action: Callable[[], object]) -> None:
        try:
            action()
        except (MlflowException, OSError) as error:
            self._client = None
            _log.warning("MLflow records no more of this run: %s", str(error).splitlines()[0])


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``flat({"a": {"b": 1}}) == {"a.b": 1}``."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
