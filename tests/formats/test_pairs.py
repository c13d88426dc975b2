from pathlib import Path

import pytest

from inkread.errors import InputNotFoundError
from inkread.formats import paired, without_image


def fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_images_meet_their_files(tmp_path: Path) -> None:
    fill(tmp_path, "c.TIF", "a.jpg", "a.xml", "b.png", "page/b.xml", "alto/b.xml", "page/c.xml", "d.webp", "d.alto.xml")
    fill(tmp_path, "alone.jpg", "lost.page.xml", "page/lost2.xml", "mets.xml", "notes.txt")
    names = [(image.name, layout.relative_to(tmp_path).as_posix()) for image, layout in paired(tmp_path)]
    assert names == [("a.jpg", "a.xml"), ("b.png", "page/b.xml"), ("c.TIF", "page/c.xml"), ("d.webp", "d.alto.xml")]
    assert [path.name for path in without_image(tmp_path)] == ["lost.page.xml", "lost2.xml"]


def test_several_folders(tmp_path: Path) -> None:
    fill(tmp_path, "x/a.jpg", "x/a.xml", "y/a.jpg", "y/a.xml")
    assert [image.parent.name for image, _ in paired([tmp_path / "y", str(tmp_path / "x")])] == ["y", "x"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputNotFoundError, match="nowhere"):
        list(paired(tmp_path / "nowhere"))


def test_all_real_pages_are_paired(shared_data: Path) -> None:
    folders = sorted(shared_data.glob("*/val"))
    layouts = {path for folder in folders for path in folder.glob("*.xml") if path.name != "mets.xml"}
    assert {layout for _, layout in paired(folders)} == layouts - set(without_image(folders))
    assert len(layouts) > 100
