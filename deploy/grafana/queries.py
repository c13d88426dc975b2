"""Every question that the dashboards ask Prometheus, to ask it without Grafana.

Usage: ``questions = [query.promql for query in panel_queries(Path("deploy/grafana/dashboards"))]``
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VARIABLES = {"$__rate_interval": "1m", "$__interval": "15s", "$__range": "6h"}
"""What Grafana puts in by itself, as it does for a short range and a scrape interval of 15 seconds."""


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One query of one panel.

    Attributes:
        dashboard: title.
        row: heading above the panel.
        panel: title.
        promql: without Grafana's variables.
    """

    dashboard: str
    row: str
    panel: str
    promql: str


def panel_queries(folder: Path) -> Iterator[PanelQuery]:
    """The queries of all dashboards in a folder, in the order of their panels."""
    for path in sorted(folder.glob("*.json")):
        board = json.loads(path.read_text(encoding="utf-8"))
        row = ""
        for panel in board["panels"]:
            row = panel["title"] if panel["type"] == "row" else row
            for target in panel.get("targets") or ():
                yield PanelQuery(board["title"], row, panel["title"], _filled_in(target["expr"]))


def _filled_in(promql: str) -> str:
    for name, value in VARIABLES.items():
        promql = promql.replace(name, value)
    return promql
