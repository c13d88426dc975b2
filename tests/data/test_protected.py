"""Gold pages never come into what is learnt."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.data.cleaning import FilterSettings
from inkread.data.dataset import Dataset
from inkread.data.ingest import IngestOptions, ingest, open_dataset
from inkread.data.protected import protected_images
from inkread.data.store import usable_lines
from inkread.errors import DatasetError
from inkread.recognition.alphabet import LATIN, Alphabet

PAGES = Path(__file__).parents[1] / "pages"


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


def written_page(texts: list[str]) -> NDArray[np.uint8]:
    """Lines on the same ruled paper, as pages of one letter have it."""
    page = np.full((1400, 1000, 3), (205, 225, 235), np.uint8)
    page[:, 90:92] = (90, 90, 200)
    for number, text in enumerate(texts):
        page[80 + 50 * number, 60:960] = (190, 190, 180)
        cv2.putText(page, text, (100, 78 + 50 * number), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.1, (70, 50, 40), 2)
    return page


@pytest.mark.parametrize(("name", "scale", "quality", "turns"), [("small.jpg", 0.4, 60, 0), ("turned.jpg", 1, 30, 3)])
def test_a_gold_page_that_was_encoded_again_is_recognised_and_its_neighbour_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, scale: float, quality: int, turns: int
) -> None:
    rng = np.random.default_rng(2)
    words = ["Dear", "Sir", "letter", "of", "the", "yesterday", "received", "and", "thank", "you", "kindly", "for"]
    gold, neighbour = (written_page([" ".join(rng.choice(words, 6)) for _ in range(25)]) for _ in range(2))
    for folder, picture in (("kept", gold), ("new", neighbour)):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "page.png"), picture)
    copy = np.rot90(cv2.resize(gold, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), turns)
    cv2.imwrite(str(tmp_path / "new" / name), copy, [cv2.IMWRITE_JPEG_QUALITY, quality])
    for folder, files in (("kept", ["page.png"]), ("new", ["page.png", name])):
        rows = "".join(f"{file}\tDear Sir\n" for file in files)
        (tmp_path / folder / "lines.tsv").write_text(f"image\ttext\n{rows}")
    ingest(tmp_path / "kept", tmp_path / "gold", IngestOptions("gold"))
    monkeypatch.setenv("INKREAD_GOLD", str(tmp_path / "gold"))
    report = ingest(tmp_path / "new", tmp_path / "dataset", IngestOptions("new"))
    assert report.skipped == {"a gold page, on which the gate decides": 1}
    (sample,) = Dataset.open(tmp_path / "dataset").samples
    assert (tmp_path / "dataset" / sample.image).read_bytes() == (tmp_path / "new" / "page.png").read_bytes()


def test_a_part_and_a_photograph_of_a_gold_page_are_recognised_and_another_letter_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real pages: of random strokes each differs from all others anyway."""
    page = cv2.imread(str(PAGES / "letter-1905-en.webp"), cv2.IMREAD_GRAYSCALE)
    assert page is not None
    height, width = page.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = np.array([[60, 40], [width - 20, 90], [width - 70, height - 30], [10, height - 80]], np.float32)
    photograph = cv2.warpPerspective(page, cv2.getPerspectiveTransform(corners, seen), (width, height)) * 0.7
    pictures = {"part": page[height // 4 : 3 * height // 4, : 2 * width // 3], "photograph": photograph}
    (tmp_path / "kept").mkdir()
    shutil.copyfile(PAGES / "letter-1905-en.webp", tmp_path / "kept" / "page.webp")
    (tmp_path / "kept" / "lines.tsv").write_text("image\ttext\npage.webp\tDear Sir\n")
    ingest(tmp_path / "kept", tmp_path / "gold", IngestOptions("gold"))
    monkeypatch.setenv("INKREAD_GOLD", str(tmp_path / "gold"))
    protected = protected_images()
    for name, picture in pictures.items():
        assert cv2.imencode(".jpg", picture)[1].tobytes() in protected, name
    for other in ("note-1905-en.webp", "will-1914-fr.webp"):
        assert (PAGES / other).read_bytes() not in protected, other


def test_a_gold_folder_without_a_dataset_is_an_error_and_not_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(tmp_path / "new", "open")
    monkeypatch.setenv("INKREAD_GOLD", str(tmp_path / "missing"))
    with pytest.raises(DatasetError, match="INKREAD_GOLD names no dataset"):
        ingest(tmp_path / "new", tmp_path / "dataset")
