from __future__ import annotations

import json
import re
from pathlib import Path

import httpx2
import pytest
import yaml
from prometheus_client import REGISTRY

from deploy.grafana.queries import PanelQuery, panel_queries
from inkread.server import metrics
from inkread.server.monitoring import rule_files

FOLDER = Path(__file__).parents[3] / "deploy" / "grafana" / "dashboards"
QUERIES = list(panel_queries(FOLDER))
RULES = [
    rule for path in rule_files() for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]
]
PROMQLS = [*(query.promql for query in QUERIES), *(rule["expr"] for rule in RULES)]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.dashboard} {query.row} {query.panel}")
def test_prometheus_understands_the_query_of_every_panel(prometheus: str, query: PanelQuery) -> None:
    promql = query.promql
    answer = httpx2.get(f"{prometheus}/api/v1/query", params={"query": promql}, trust_env=False).json()
    assert answer["status"] == "success", f"{promql}\n{answer}"


def test_prometheus_has_loaded_every_rule(prometheus: str) -> None:
    answer = httpx2.get(f"{prometheus}/api/v1/rules", trust_env=False).json()
    loaded = [rule["name"] for group in answer["data"]["groups"] for rule in group["rules"]]
    assert sorted(loaded) == sorted(rule.get("record") or rule["alert"] for rule in RULES)


def test_panels_and_rules_ask_only_for_metrics_that_the_services_have() -> None:
    assert metrics.PAGES in REGISTRY._collector_to_names  # imported: the registry holds all metrics
    there = {name for names in REGISTRY._collector_to_names.values() for name in names}
    asked = {name for promql in PROMQLS for name in re.findall(r"(?<![\w:])(?:inkread|http|process)_\w+", promql)}
    assert len(asked) > 20
    assert asked <= there, f"no service has {sorted(asked - there)}"


def test_panels_and_rules_ask_only_for_labels_that_the_services_create() -> None:
    wanted = {
        "status": metrics.STATUSES,
        "reason": metrics.REJECTIONS,
        "state": (*metrics.JOB_STATES, "firing"),
        "kind": metrics.JOB_KINDS,
        "result": (*metrics.LOGIN_RESULTS, *metrics.SWAP_RESULTS),
    }
    for promql in PROMQLS:
        for label, values in re.findall(r"\b(\w+)[=!]~?\"([^\"]*)\"", promql):
            if label in wanted:
                assert set(values.split("|")) <= set(wanted[label]), promql


def test_panels_and_alerts_ask_only_for_recorded_series_that_are_recorded() -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    asked = {name for promql in PROMQLS for name in re.findall(r"\b(?:job|inkread):\w+:\w+", promql)}
    assert asked == recorded, "a rule that nobody reads is as wrong as one that is missing"


def test_grafana_variables_are_filled_in() -> None:
    assert not [query for query in QUERIES if "$" in query.promql]


def test_a_query_says_where_it_stands(tmp_path: Path) -> None:
    panels = [
        {"type": "row", "title": "Now"},
        {"type": "stat", "title": "Up", "targets": [{"expr": "rate(x[$__rate_interval])"}]},
    ]
    (tmp_path / "one.json").write_text(json.dumps({"title": "One", "panels": panels}))
    (query,) = panel_queries(tmp_path)
    assert (query.dashboard, query.row, query.panel, query.promql) == ("One", "Now", "Up", "rate(x[1m])")
