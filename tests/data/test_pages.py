"""Folders of pages: what belongs together is found, what does not is counted."""

import shutil
from pathlib import Path

import pytest

from inkread.data.dataset import Skipped
from inkread.data.sources import has_pages, page_samples

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_pages_of_splits_and_of_the_folder_itself(tmp_path: Path) -> None:
    for place in ("", "val"):
        (tmp_path / place).mkdir(exist_ok=True)
        for suffix in ("png", "xml"):
            shutil.copyfile(EXAMPLES / f"notes.{suffix}", tmp_path / place / f"notes_01.{suffix}")
    (tmp_path / "val" / "bad.xml").write_text("<alto")
    shutil.copyfile(EXAMPLES / "notes.png", tmp_path / "val" / "bad.png")
    skipped = Skipped()
    samples = list(page_samples(tmp_path, skipped))
    assert [(sample.split, sample.document_id, sample.kind) for sample in samples] == [
        ("", "notes", "page"),
        ("val", "notes", "page"),
    ]
    assert skipped.reasons.total() == 1
    assert [sample.layout for sample in samples] == ["notes_01.xml", "val/notes_01.xml"]
    assert [sample.split for sample in page_samples(tmp_path, Skipped(), "val")] == ["val"]
    assert has_pages(tmp_path)
    assert not has_pages(EXAMPLES.parent / "docs")


@pytest.mark.case
def test_documents_of_an_export_are_told_apart(tmp_path: Path) -> None:
    """Transkribus: job/document/NAME.jpg with page/NAME.xml; OCR-D: document/OCR-D-IMG and OCR-D-GT."""
    places = [
        ("1/letters/0001.png", "1/letters/page/0001.xml"),
        ("1/diary/0001.png", "1/diary/page/0001.xml"),
        ("ws/OCR-D-IMG/OCR-D-IMG_0001.png", "ws/OCR-D-GT/OCR-D-GT_0001.xml"),
    ]
    layout = (EXAMPLES / "notes.xml").read_text(encoding="utf-8")
    for image, xml in places:
        for name in (image, xml):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(EXAMPLES / "notes.png", tmp_path / image)
        (tmp_path / xml).write_text(layout.replace("notes.png", image.removeprefix("ws/")), encoding="utf-8")
    samples = list(page_samples(tmp_path, Skipped()))
    assert [(sample.sample_id, sample.document_id) for sample in samples] == [
        ("1/diary/0001", "1/diary"),
        ("1/letters/0001", "1/letters"),
        ("ws/OCR-D-IMG/OCR-D-IMG_0001", "ws"),
    ]


@pytest.mark.case
def test_a_page_whose_text_has_no_lines_is_left_out_with_the_reason(tmp_path: Path) -> None:
    shutil.copyfile(EXAMPLES / "notes.png", tmp_path / "p.png")
    region = '<TextRegion id="r"><TextEquiv><Unicode>one\ntwo</Unicode></TextEquiv></TextRegion>'
    for content, reason in ((region, "its region r has text but no lines"), ("", "there is no line in it")):
        (tmp_path / "p.xml").write_text(f'<PcGts><Page imageWidth="9" imageHeight="9">{content}</Page></PcGts>')
        skipped = Skipped()
        assert list(page_samples(tmp_path, skipped)) == []
        assert skipped.names == [f"p.xml: {reason}"]


@pytest.mark.case
def test_a_page_described_in_another_shape_is_left_out_with_the_reason(tmp_path: Path) -> None:
    """Its lines would be cut beside the writing, and learnt with the text."""
    shutil.copyfile(EXAMPLES / "notes.png", tmp_path / "p.png")
    line = '<TextLine id="l"><Coords points="1,1 9,1 9,9"/><TextEquiv><Unicode>a</Unicode></TextEquiv></TextLine>'
    (tmp_path / "p.xml").write_text(
        f'<PcGts><Page imageWidth="90" imageHeight="9"><TextRegion id="r">{line}</TextRegion></Page></PcGts>'
    )
    skipped = Skipped()
    assert list(page_samples(tmp_path, skipped)) == []
    assert "it describes a page of 90 x 9 pixels and the image has" in skipped.names[0]
