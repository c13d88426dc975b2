from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grafana_foundation_sdk", reason="pip install 'inkread[dev]' brings grafana-foundation-sdk")
from deploy.grafana.boards import dashboards, write_dashboards

FOLDER = Path(__file__).parents[3] / "deploy" / "grafana" / "dashboards"
BOARDS = {name: json.loads(text) for name, text in dashboards().items()}


def test_the_files_of_the_checkout_are_what_the_code_makes(tmp_path: Path) -> None:
    write_dashboards(tmp_path)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert kept == made, "run python -m deploy.grafana.boards deploy/grafana/dashboards and commit"


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_stand_beside_each_other_within_24_columns(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + column, place["y"] + line) for column in range(place["w"]) for line in range(place["h"])}
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not cells & taken, f"{panel['title']} covers another panel"
        taken |= cells


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_have_ids_titles_and_the_provisioned_data_source(board: dict[str, Any]) -> None:
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "prometheus"
            assert [target["datasource"]["uid"] for target in panel["targets"]] == ["prometheus"] * len(
                panel["targets"]
            )


def test_dashboards_link_to_each_other_and_have_addresses_of_their_own() -> None:
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS) == 4
    assert all(board["links"][0]["tags"] == board["tags"] == ["inkread"] for board in BOARDS.values())
