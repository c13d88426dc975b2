"""Benchmarks write what benchmarks/results/schema.json describes, so that their figures can be put into a release."""

import json
from pathlib import Path

import pytest

from figures import figure, markdown, write
from inkread.evaluation.statistics import Estimate

SCHEMA = Path(__file__).parents[2] / "benchmarks" / "results" / "schema.json"


def test_figures_have_the_fields_of_the_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks/engines.py", "letters", "--runs", "3"])
    made = [
        figure("reading speed", "pages/min", 31.4159, dataset="letters", split="val", system="rapidocr", pages=7),
        figure("CER of whole pages", "%", Estimate(0.12345, 0.1, None, 4), dataset="letters", documents=4),
    ]
    write(tmp_path / "figures.json", made, runs=3)
    content = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert content["runs"] == 3
    item = json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]["figures"]["items"]
    for each in content["figures"]:
        assert set(item["required"]) <= set(each) <= set(item["properties"])
        assert each["unit"] in item["properties"]["unit"]["enum"]
        assert set(each["n"]) <= set(item["properties"]["n"]["properties"])
        assert each["command"] == "python benchmarks/engines.py letters --runs 3"
    speed, rate = content["figures"]
    assert (speed["value"], speed["system"]) == (31.42, "rapidocr")
    assert (rate["value"], rate["low"], rate["high"]) == (12.35, 10, None), "rates are given in percent"


def test_nothing_is_written_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(None, [])
    assert list(tmp_path.iterdir()) == []


def test_a_table_is_markdown() -> None:
    assert (
        markdown(("engine", "lines/s"), {"inkread": ["8.2"]}) == "| engine | lines/s |\n|---|---|\n| inkread | 8.2 |\n"
    )
