"""What all stages share: where their files are, and how they are run.

Usage: ``python -m inkread.pipeline filter_data``, in the folder of ``params.yaml``
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inkread.errors import DatasetError, InkreadError
from inkread.io.files import write_bytes
from inkread.pipeline.params import PARAMS, Params, load_params

DATA_STAGES = (
    "extract_raw_data",
    "load_dataset",
    "filter_data",
    "clean_data",
    "encode_data",
    "prepare_features",
    "split_data",
    "reshape_data",
    "calculate_class_weights",
    "one_hot_encode_labels",
)
MODEL_STAGES = (
    "setup_callbacks",
    "build_train_cnn",
    "evaluate_model",
    "export_model",
    "register_model",
)
STAGES = DATA_STAGES + MODEL_STAGES


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Where the stages leave what they make, below the folder of ``dvc.yaml``."""

    root: Path

    def __getattr__(self, name: str) -> Path:
        """A file or folder of the pipeline."""
        try:
            return self.root / "artifacts" / FILES[name]
        except KeyError:
            raise AttributeError(name) from None


FILES = {
    "raw": "raw",
    "dataset": "dataset",
    "filtered": "filtered.parquet",
    "filter_report": "filtered.json",
    "cleaned": "cleaned.parquet",
    "clean_report": "cleaned.json",
    "alphabet": "alphabet.json",
    "features": "features",
    "splits": "splits.json",
    "shards": "shards",
    "weights": "weights.json",
    "one_hot": "one_hot",
    "callbacks": "callbacks.json",
    "word_cnn": "word_cnn",
    "run": "run",
    "metrics": "metrics.json",
    "calibration": "calibration.json",
    "report": "report.html",
    "plots": "plots",
    "bundle": "bundle",
    "parity": "parity.json",
    "registered": "registered.json",
}


def run_stage(stage: Callable[[Artifacts, Params], None]) -> None:
    """Run a stage in the current folder; one sentence and exit status 1 where it fails."""
    try:
        stage(Artifacts(Path.cwd()), load_params(PARAMS))
    except InkreadError as error:
        sys.exit(f"{stage.__name__}: {error}")


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON."""
    write_bytes(path, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read JSON; DatasetError where a stage has not been run."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: the stage that makes this file has not been run") from error
