"""Write the bundle of the run: int8 network, float weights, card, and how well the files agree.

Usage: ``python -m inkread.pipeline.export_model``
"""

from __future__ import annotations

import shutil

from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, read_json, run_stage, write_json
from inkread.recognition.bundle import Confidences
from inkread.training.bundling import describe
from inkread.training.parity import measure_parity
from inkread.training.release import Release, read_plan, release, trained_network
from inkread.training.train import LAST


def export_model(artifacts: Artifacts, params: Params) -> None:
    """Export, and compare the exported networks with the one that was trained."""
    shutil.rmtree(artifacts.bundle, ignore_errors=True)
    chosen = params.export_model
    model = release(artifacts.run, artifacts.bundle, Release(version=chosen.version, name=chosen.name))
    confidences = Confidences.model_validate(read_json(artifacts.calibration))
    describe(model.model_copy(update=dict(confidences)), artifacts.bundle)
    network = trained_network(read_plan(artifacts.run), artifacts.run / LAST)
    write_json(artifacts.parity, measure_parity(network, artifacts.bundle, artifacts.shards / "val"))


if __name__ == "__main__":
    run_stage(export_model)
