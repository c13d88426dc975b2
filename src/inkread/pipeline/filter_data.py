"""Leave out lines and words that nobody could learn from.

Usage: ``python -m inkread.pipeline.filter_data``
"""

from __future__ import annotations

from inkread.data.filtering import filter_rows
from inkread.data.manifest import read_manifest
from inkread.data.rows import expand, write_rows
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, run_stage, write_json


def filter_data(artifacts: Artifacts, params: Params) -> None:
    """Take pages apart into lines, filter, and count the reasons."""
    rows = expand(artifacts.dataset, read_manifest(artifacts.dataset))
    kept, reasons = filter_rows(artifacts.dataset, rows, params.filter_data)
    write_rows(artifacts.filtered, kept)
    write_json(artifacts.filter_report, {"kept": len(kept), "left_out": dict(sorted(reasons.items()))})


if __name__ == "__main__":
    run_stage(filter_data)
