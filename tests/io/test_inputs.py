"""The command line finds what it names, in the order a person expects, and says what is missing."""

import json
from pathlib import Path

import pytest

from inkread.errors import InputNotFoundError
from inkread.io.inputs import find_inputs


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    names = [
        "page 10.png",
        "page 2.JPG",
        "notes.txt",
        ".hidden.png",
        "b/1.pdf",
        "a/1.tiff",
        ".cache/1.png",
        "page 2.xml",
    ]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def names(folder: Path, *patterns: str) -> list[str]:
    found = find_inputs([folder / pattern for pattern in patterns])
    return [item.relative_to(folder).as_posix() if isinstance(item, Path) else type(item).__name__ for item in found]


def test_a_folder_gives_its_images_in_natural_order_with_sub_folders(scans: Path) -> None:
    assert names(scans, ".") == ["page 2.JPG", "page 10.png", "a/1.tiff", "b/1.pdf"]


@pytest.mark.case
def test_no_image_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    images = ["a.HEIC", "b.jp2", "c.bmp", "d.gif", "e.pgm", "f.avif", "g.jxl", "h.djvu"]
    for name in [*images, "i.xml", "j.json", "k.docx", ".l.gif"]:
        (tmp_path / name).touch()
    assert names(tmp_path, ".") == images


def test_a_glob_gives_its_matches_in_natural_order(scans: Path) -> None:
    assert names(scans, "page*g", "page*G") == ["page 10.png", "page 2.JPG"]
    assert names(scans, "**/1.*") == ["a/1.tiff", "b/1.pdf"]
    assert names(scans, "[ab]") == ["a/1.tiff", "b/1.pdf"]


def test_a_named_file_is_taken_whatever_its_suffix(scans: Path) -> None:
    assert names(scans, "notes.txt") == ["notes.txt"]


def test_a_file_named_twice_is_read_once(scans: Path) -> None:
    assert names(scans, "a", "a/1.tiff", "./a/../a") == ["a/1.tiff"]


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(scans: Path) -> None:
    (scans / "letter [1].png").touch()
    assert names(scans, "letter [1].png") == ["letter [1].png"]


def test_what_is_missing_does_not_stop_the_others(scans: Path) -> None:
    (scans / "empty").mkdir()
    found = list(find_inputs([scans / "empty", scans / "gone.png", scans / "*.xyz", scans / "a"]))
    assert [type(item) for item in found[:3]] == [InputNotFoundError] * 3
    assert [str(item).removeprefix(str(scans)) for item in found] == [
        "/empty: the folder holds no image and no PDF, name another one",
        "/gone.png: there is no such file or folder, check the name",
        "/*.xyz: no file matches, check the pattern",
        "/a/1.tiff",
    ]


def manifest(*addresses: str, version: int = 3) -> str:
    if version == 3:
        canvases = [{"items": [{"items": [{"body": {"id": address, "type": "Image"}}]}]} for address in addresses]
        return json.dumps({"@context": "http://iiif.io/api/presentation/3/context.json", "items": canvases})
    old = [{"images": [{"resource": {"@id": address}}]} for address in addresses]
    return json.dumps({"@context": "http://iiif.io/api/presentation/2/context.json", "sequences": [{"canvases": old}]})


@pytest.mark.case
@pytest.mark.parametrize("version", [2, 3])
def test_a_iiif_manifest_gives_its_images_in_order(tmp_path: Path, version: int) -> None:
    for name in ("p2.jpg", "images/p 1.png", "f10.tif", "other.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    addresses = [
        "https://example.org/scans/p2.jpg",
        "images/p%201.png",
        "https://example.org/iiif/ark%3A12%2Ff10/full/full/0/default.jpg",
        "https://example.org/iiif/gone/full/max/0/default.jpg",
        "../../../etc/passwd",
    ]
    (tmp_path / "manifest.json").write_text(manifest(*addresses, version=version))
    assert names(tmp_path, "manifest.json") == [
        "p2.jpg",
        "images/p 1.png",
        "f10.tif",
        "InputNotFoundError",
        "InputNotFoundError",
    ]


def test_other_json_is_given_as_it_is(tmp_path: Path) -> None:
    for name, content in (("a.json", "{}"), ("b.json", "[1"), ("c.json", '{"@context": 1}')):
        (tmp_path / name).write_text(content)
        assert names(tmp_path, name) == [name]
