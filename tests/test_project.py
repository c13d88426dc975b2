"""The project around the code: light imports, reproducible examples, traceable fonts."""

from __future__ import annotations

import csv
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkread.formats.reading import read_layout

ROOT = Path(__file__).parents[1]
EXAMPLES = ("letter", "lettre", "inventory", "notes")
HEAVY = ("fastapi", "lightning", "mlflow", "pytorch_lightning", "rapidocr", "torch", "uvicorn")


def test_reading_loads_no_training_framework_and_no_web_server() -> None:
    code = f"import sys, inkread, inkread.cli; print([name for name in {HEAVY} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]", "these must be imported only by the commands that need them"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    runpy.run_path(str(ROOT / "examples" / "render.py"))["main"](folder)
    return folder


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_what_their_script_renders(rendered: Path, name: str) -> None:
    committed, fresh = (
        np.asarray(Image.open(folder / f"{name}.png"), np.int16) for folder in (ROOT / "examples", rendered)
    )
    assert committed.shape == fresh.shape
    assert np.abs(committed - fresh).mean() < 2, "run python examples/render.py and commit what it writes"
    assert read_layout(ROOT / "examples" / f"{name}.xml").text == read_layout(rendered / f"{name}.xml").text


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_say_that_they_are_rendered(name: str) -> None:
    with Image.open(ROOT / "examples" / f"{name}.png") as image:
        assert "not a real document" in image.info["Comment"]
    assert read_layout(ROOT / "examples" / f"{name}.xml").lines[-1].text.startswith("Rendered example")


def test_training_fonts_are_pinned_and_openly_licensed() -> None:
    with (ROOT / "scripts" / "fonts.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len({row["package"] for row in rows}) == len(rows) > 50
    for row in rows:
        assert row["licence"] in {"OFL-1.1", "Apache-2.0"}, row
        assert len(row["sha256"]) == 64, row
        assert row["version"][0].isdigit(), row


def test_the_page_of_releases_is_what_its_script_writes() -> None:
    script = runpy.run_path(str(ROOT / "benchmarks" / "releases.py"))
    releases = script["read_results"]()
    say = "run python benchmarks/releases.py and commit what it writes"
    assert (ROOT / "docs" / "releases.md").read_text(encoding="utf-8") == script["render_page"](releases), say
    assert (ROOT / "docs" / "images" / "releases.svg").read_text(encoding="utf-8") == script["render_plot"](releases), (
        say
    )


def test_completion_finds_the_public_names() -> None:
    import inkread

    assert {"read", "Reader", "Bundle", "FORMATS"} <= set(dir(inkread)) == set(inkread.__all__)
