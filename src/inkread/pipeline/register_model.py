"""Register the bundle in MLflow as the challenger.

Usage: ``python -m inkread.pipeline.register_model``
"""

from __future__ import annotations

from inkread.data.manifest import content_hash
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, read_json, run_stage, write_json
from inkread.registry.versions import Registry


def register_model(artifacts: Artifacts, params: Params) -> None:
    """Store bundle, report and figures as a new version."""
    chosen = params.register_model
    metrics = read_json(artifacts.metrics)
    registry = Registry(chosen.tracking_uri or None, chosen.name)
    version = registry.register(
        artifacts.bundle,
        report=artifacts.report,
        data_hash=content_hash(artifacts.dataset),
        metrics={name: metrics[name] for name in ("cer", "wer")},
    )
    write_json(artifacts.registered, {"name": chosen.name, "version": version, "tracking_uri": registry.uri})


if __name__ == "__main__":
    run_stage(register_model)
