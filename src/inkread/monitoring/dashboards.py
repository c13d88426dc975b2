"""Grafana's dashboards, as JSON files that Grafana loads at start.

Usage: ``python -m inkread.monitoring.dashboards deploy/grafana/dashboards`` (needs the extra ``dev``)
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from inkread.files import write_bytes
from inkread.monitoring.boards.jobs import jobs
from inkread.monitoring.boards.overview import overview
from inkread.monitoring.boards.quality import quality
from inkread.monitoring.boards.resources import resources

BOARDS = {"overview": overview, "quality": quality, "jobs": jobs, "resources": resources}


def dashboards() -> Mapping[str, str]:
    """The text of each file by its name."""
    return {f"{name}.json": _json(make().build()) for name, make in BOARDS.items()}


def write_dashboards(folder: Path) -> None:
    """Write the files."""
    for name, text in dashboards().items():
        write_bytes(folder / name, text.encode())


def _json(board: Dashboard) -> str:
    for number, panel in enumerate(board.panels or (), start=1):
        panel.id_val = number  # links to a panel go by it
    return JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(board) + "\n"


if __name__ == "__main__":
    write_dashboards(Path(sys.argv[1]))
