"""``inkread evaluate`` measures the pages it was given, on the terms it was given."""

import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from inkread.cli import app
from inkread.data.dataset import MANIFEST, Sample, write_samples
from inkread.document import Line, Page, Provenance, Region
from inkread.errors import DatasetError
from inkread.formats import page as page_format
from inkread.io.inputs import PageImage


class MumblingReader:
    """Reads ``tee`` on every page, on the line it was given or on the one it finds."""

    loaded_with: ClassVar[dict[str, object]] = {}
    provenance = Provenance("test", "mumbler", "2")
    uses_language_model = False

    def __init__(self, model: str | None = None, **settings: object) -> None:
        type(self).loaded_with = {"model": model, **settings}

    def read_pages(self, pages: Iterable[PageImage], layouts: Iterable[Page | None] | None = None) -> Iterator[Page]:
        for image, _ in zip(pages, layouts or iter(lambda: None, 0), strict=False):
            yield _page(image.width, image.height, "tee")


@pytest.fixture(autouse=True)
def mumbler(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("inkread.reader")
    module.Reader = MumblingReader  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "inkread.reader", module)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``cups`` with two pages in val and one in test."""
    for name, text in {"val/a": "tea", "val/b": "tee", "test/c": "tea for two"}.items():
        path = tmp_path / "cups" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((400, 300), 255, np.uint8)).save(path)
        path.with_suffix(".xml").write_bytes(page_format.dump(_page(300, 400, text)))
    return tmp_path / "cups"


def test_figures_are_shown_and_written(folder: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(folder), "--json", str(tmp_path / "metrics.json")])
    assert result.exit_code == 0, result.output
    assert "cups/val" in result.stdout
    assert "0.167" in result.stdout
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["settings"] == {"model": "mumbler 2", "language_model": False, "page_limit": None}
    (figures,) = metrics["sources"]
    assert (figures["pages"], figures["lines"]) == (2, 2)
    assert figures["cer"]["value"] == figures["page_cer"]["value"] == pytest.approx(1 / 6)
    assert figures["line_recall"]["value"] == 1


def test_options_reach_the_reader_and_the_sample(folder: Path, tmp_path: Path) -> None:
    options = ["--model", "mine", "--lm", "--threads", "3", "--split", "test", "--limit", "1", "--lines"]
    mugs = shutil.copytree(folder / "val", tmp_path / "mugs")
    result = CliRunner().invoke(
        app, ["evaluate", str(folder), str(mugs), *options, "--json", str(tmp_path / "metrics.json")]
    )
    assert result.exit_code == 0, result.output
    assert MumblingReader.loaded_with == {"model": "mine", "threads": 3, "language_model": True}
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    names = [(source["name"], source["split"], source["pages"]) for source in metrics["sources"]]
    assert names == [("cups", "test", 1), ("mugs", "", 1), ("all", "+test", 2)]
    assert metrics["sources"][0]["page_cer"] is None


def test_a_report_of_the_lines_is_written(folder: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(folder), "--lines", "--report", str(tmp_path / "report.html")])
    assert result.exit_code == 0, result.output
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "mumbler 2" in text
    assert text.count("data:image/webp") == 3, "two as the worst, one as read without an error"
    assert CliRunner().invoke(app, ["evaluate", str(folder), "--pages", "--report", "x"]).exit_code == 2


def test_a_data_set_is_read_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    Image.fromarray(np.full((60, 300), 255, np.uint8)).save(tmp_path / "a.png")
    write_samples(tmp_path / MANIFEST, [Sample("a", "a.png", "tea", "line", "cups", "d")])
    result = CliRunner().invoke(app, ["evaluate", str(tmp_path), "--no-lm", "--json", str(tmp_path / "m.json")])
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert [(figures["split"], figures["lines"]) for figures in metrics["sources"]] == [("", 1)]
    assert 0 < metrics["sources"][0]["cer"]["value"] <= 1


def test_only_whole_pages(folder: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(folder), "--pages"])
    assert "page cer" in result.stdout
    assert "wer" not in result.stdout


@pytest.mark.case
def test_a_page_that_cannot_be_read_is_named_and_the_others_are_measured(folder: Path, tmp_path: Path) -> None:
    (folder / "val" / "a.png").write_bytes(b"damaged")
    result = CliRunner().invoke(app, ["evaluate", str(folder), "--json", str(tmp_path / "m.json")])
    assert result.exit_code == 1
    assert ["a.png" in line for line in result.stderr.splitlines()] == [True]
    metrics = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert (metrics["left_out"], metrics["sources"][0]["pages"]) == (1, 1)


def test_a_folder_without_transcriptions_is_an_error_of_one_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(tmp_path)])
    assert isinstance(result.exception, DatasetError)


def _page(width: int, height: int, text: str) -> Page:
    box = ((20, 60), (280, 60), (280, 120), (20, 120))
    return Page(width, height, (Region("r1", box, (Line("l1", ((20, 100), (280, 100)), box, text),)),))
