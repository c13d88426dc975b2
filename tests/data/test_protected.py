"""Gold pages never come into what is learnt."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from inkread.data.cleaning import FilterSettings
from inkread.data.dataset import Dataset
from inkread.data.ingest import IngestOptions, ingest, open_dataset
from inkread.data.store import usable_lines
from inkread.errors import DatasetError
from inkread.recognition.alphabet import LATIN, Alphabet


def write_lines(folder: Path, *texts: str) -> None:
    folder.mkdir()
    for number, text in enumerate(texts):
        image = np.full((60, 400), 235, np.uint8)
        cv2.putText(image, text, (8, 42), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.2, 30, 2)
        cv2.imwrite(str(folder / f"line{number}.png"), image)
    rows = "".join(f"line{number}.png\t{text}\n" for number, text in enumerate(texts))
    (folder / "lines.tsv").write_text(f"image\ttext\n{rows}")


@pytest.fixture
def gold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_lines(tmp_path / "kept", "secret", "hidden")
    ingest(tmp_path / "kept", tmp_path / "gold", IngestOptions("gold"))
    monkeypatch.setenv("INKREAD_GOLD", str(tmp_path / "gold"))
    return tmp_path / "gold"


def test_a_copy_of_a_gold_page_comes_into_no_dataset(gold: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "new", "open", "known")
    shutil.copyfile(tmp_path / "kept" / "line1.png", tmp_path / "new" / "line1.png")
    report = ingest(tmp_path / "new", tmp_path / "dataset", IngestOptions("new"))
    assert report.skipped == {"a gold page, on which the gate decides": 1}
    assert [sample.text for sample in Dataset.open(tmp_path / "dataset").samples] == ["open"]
    assert ingest(tmp_path / "kept", gold, IngestOptions("gold")).samples == {"line": 2}, "gold itself is made again"


@pytest.mark.usefixtures("gold")
def test_nothing_is_learnt_from_a_gold_page_that_is_in_a_dataset_already(tmp_path: Path) -> None:
    write_lines(tmp_path / "new", "open", "known")
    shutil.copyfile(tmp_path / "kept" / "line0.png", tmp_path / "new" / "line0.png")
    lines, dropped = usable_lines(open_dataset(tmp_path / "new"), Alphabet(LATIN), FilterSettings())
    assert [line.text for line in lines] == ["known"]
    assert dropped["a gold page, on which the gate decides"] == 1


def test_a_gold_folder_without_a_dataset_is_an_error_and_not_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(tmp_path / "new", "open")
    monkeypatch.setenv("INKREAD_GOLD", str(tmp_path / "missing"))
    with pytest.raises(DatasetError, match="INKREAD_GOLD names no dataset"):
        ingest(tmp_path / "new", tmp_path / "dataset")
