"""Checkpoint, early stopping and mean of weights, for both trainings.

Usage: ``python -m inkread.pipeline.setup_callbacks``
"""

from __future__ import annotations

from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, run_stage, write_json


def setup_callbacks(artifacts: Artifacts, params: Params) -> None:
    """Write the checked settings."""
    write_json(artifacts.callbacks, params.setup_callbacks.model_dump())


if __name__ == "__main__":
    run_stage(setup_callbacks)
