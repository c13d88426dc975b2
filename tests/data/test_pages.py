"""Folders of pages: what belongs together is found, what does not is counted."""

import shutil
from pathlib import Path

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
