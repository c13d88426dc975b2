"""``inkread bench`` compares engines on the same pages and says which ones it could not find."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from inkread.cli import app, bench
from inkread.document import Line, Page, Region
from inkread.evaluation import speed
from inkread.formats import page as page_format

PARROT = """
import json, sys
fast = sys.argv[1] == "inkread"
print(json.dumps({"load_seconds": 0.5}), flush=True)
for line in sys.stdin:
    print(json.dumps({"seconds": 1.0 if fast else 4.0, "lines": ["tea" if fast else "tee"]}), flush=True)
print(json.dumps({"peak_bytes": 64 * 2**20}), flush=True)
"""


@pytest.fixture(autouse=True)
def parrot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(PARROT)
    monkeypatch.setattr(speed, "WORKER", worker)
    monkeypatch.setattr(speed, "version", lambda _: "7")
    monkeypatch.setattr(bench, "missing", lambda peer: "buy one" if peer == "tesseract" else None)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "recognizer.onnx").touch()
    description = {"name": "mine", "version": "3", "alphabet": "ab", "input": {"stride": 8}}
    (folder / "model.json").write_text(json.dumps(description))
    return folder


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Two pages in ``cups``, one of them transcribed."""
    folder = tmp_path / "cups"
    folder.mkdir()
    for name in ("a", "b"):
        Image.fromarray(np.full((400, 300), 255, np.uint8)).save(folder / f"{name}.png")
    box = ((20, 60), (280, 60), (280, 120), (20, 120))
    line = Line("l1", ((20, 100), (280, 100)), box, "tea")
    (folder / "a.xml").write_bytes(page_format.dump(Page(300, 400, (Region("r1", box, (line,)),))))
    return folder


def test_engines_are_compared_and_missing_ones_named(pages: Path, bundle: Path, tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    result = CliRunner().invoke(
        app, ["bench", str(pages), "--model", str(bundle), "--runs", "2", "--json", str(report)]
    )
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == ["inkread: left out because not installed: tesseract (buy one)"]
    assert "rapidocr 7" in result.stdout
    comparison = json.loads(report.read_text(encoding="utf-8"))
    settings = comparison["settings"]
    assert (settings["model"], settings["runs"], settings["threads"]) == ("mine 3", 2, 2)
    assert (settings["pages"], settings["transcribed_pages"]) == (2, 1)
    ours, theirs = comparison["engines"]
    assert (ours["engine"], theirs["engine"]) == ("inkread", "rapidocr")
    assert (ours["pages_a_minute"], ours["lines_a_second"], ours["peak_mebibytes"]) == (60, 1, 64)
    assert (ours["time_ratio"], theirs["time_ratio"]) == (1, 0.25)
    assert ours["page_cer"]["value"] == 0
    assert theirs["page_cer"]["value"] == theirs["page_cer_any_order"]["value"] == pytest.approx(1 / 3)


def test_an_engine_nobody_heard_of_is_wrong_usage(pages: Path) -> None:
    assert CliRunner().invoke(app, ["bench", str(pages), "--with", "abbyy"]).exit_code == 2
