from __future__ import annotations

import json

import pytest

pytest.importorskip("grafana_foundation_sdk", reason="pip install 'inkread[dev]' brings grafana-foundation-sdk")
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.panels import number, spread, states


def colors(limits: tuple[float, float] | None) -> list[tuple[float | None, str]]:
    defaults = number("Share", "up", limits=limits).build().field_config
    assert defaults is not None and defaults.defaults.thresholds is not None
    return [(step.value, step.color) for step in defaults.defaults.thresholds.steps]


def test_a_number_turns_red_where_it_rises_over_its_limits() -> None:
    assert colors((1, 3)) == [(None, "green"), (1, "yellow"), (3, "red")]


def test_a_number_turns_red_where_it_falls_below_its_limits() -> None:
    assert colors((0.8, 0.6)) == [(None, "red"), (0.6, "yellow"), (0.8, "green")]


def test_a_number_without_limits_is_green() -> None:
    assert colors(None) == [(None, "green")]


def test_states_are_words() -> None:
    config = states("Alive", "up", "{{job}}", "up", "DOWN").build().field_config
    assert config is not None and config.defaults.mappings
    told = json.loads(JSONEncoder().encode(config.defaults.mappings[0]))["options"]
    assert {key: value["text"] for key, value in told.items()} == {"1": "up", "0": "DOWN"}


def test_a_spread_asks_for_a_heatmap() -> None:
    panel = json.loads(JSONEncoder().encode(spread("Confidence", "sum by (le) (x_bucket)").build()))
    assert [target["format"] for target in panel["targets"]] == ["heatmap"]
