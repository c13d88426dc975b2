"""Get the raw data: unpack the source, or render an IAM-format archive and unpack that.

Usage: ``python -m inkread.pipeline.extract_raw_data``
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from inkread.data.archives import is_archive
from inkread.data.ingest import unpacked
from inkread.errors import DatasetError
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, run_stage
from inkread.synthesis.iam import IamPlan, render_archive


def extract_raw_data(artifacts: Artifacts, params: Params) -> None:
    """Leave a folder with the source's files; archives in it are unpacked."""
    chosen = params.extract_raw_data
    shutil.rmtree(artifacts.raw, ignore_errors=True)
    artifacts.raw.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=artifacts.raw.parent) as work:
        place = Path(work) / "unpacked"
        if not chosen.source:
            packed = Path(work) / "iam"
            render_archive(packed, IamPlan(writers=chosen.writers, forms=chosen.forms, seed=chosen.seed))
            unpacked(packed, place).rename(artifacts.raw)
            return
        source = artifacts.root / chosen.source
        if not source.exists():
            raise DatasetError(f"{source}: there is no such source; name it in params.yaml, extract_raw_data.source")
        found = unpacked(source, place)
        if found.is_file():
            found = found.parent
        if is_archive(source) or found == place:
            found.rename(artifacts.raw)
        else:
            shutil.copytree(found, artifacts.raw)


if __name__ == "__main__":
    run_stage(extract_raw_data)
