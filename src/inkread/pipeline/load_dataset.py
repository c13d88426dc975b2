"""Read the raw data into one data set: ``manifest.parquet`` and its images.

Usage: ``python -m inkread.pipeline.load_dataset``
"""

from __future__ import annotations

from pathlib import Path

from inkread.data.ingest import IngestOptions, ingest
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, run_stage


def load_dataset(artifacts: Artifacts, params: Params) -> None:
    """Make the data set; what could not be used is in its ``ingest.json``."""
    chosen = params.load_dataset
    name = chosen.source or Path(params.extract_raw_data.source).name or "iam-synthetic"
    licence = chosen.licence or ("" if params.extract_raw_data.source else "Apache-2.0 (rendered)")
    ingest(artifacts.raw, artifacts.dataset, IngestOptions(name, licence, chosen.language, chosen.format))


if __name__ == "__main__":
    run_stage(load_dataset)
