"""``inkread synthesize`` writes material that the readers of this package take back."""

from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from inkread.cli.synthesize import app
from inkread.formats import paired, read_layout


def test_lines_come_with_a_table_of_their_texts(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["lines", "-o", str(tmp_path / "out"), "-n", "3", "--seed", "5"])
    assert result.exit_code == 0, result.output
    header, *rows = (tmp_path / "out" / "lines.tsv").read_text(encoding="utf-8").splitlines()
    assert header == "image\ttext\tfont"
    assert len(rows) == 3
    for row in rows:
        name, text, font = row.split("\t")
        assert text
        assert font
        with Image.open(tmp_path / "out" / name) as image:
            assert np.asarray(image).ndim == 2


def test_pages_pair_with_their_ground_truth(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("a short text of mine\n", encoding="utf-8")
    arguments = ["pages", "-o", str(tmp_path / "out"), "-n", "2", "--text", str(texts)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    pairs = list(paired([tmp_path / "out"]))
    assert [image.name for image, _ in pairs] == ["0000.png", "0001.png"]
    for image, layout in pairs:
        page = read_layout(layout)
        with Image.open(image) as pixels:
            assert pixels.size == (page.width, page.height)
        assert set(page.text.split()) <= {"a", "short", "text", "of", "mine"}
