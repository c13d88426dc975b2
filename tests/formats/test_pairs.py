import unicodedata
from pathlib import Path

import pytest

from inkread.errors import InputNotFoundError
from inkread.formats import paired, without_image
from inkread.formats.pairing import find_pairs


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


PAGE = '<PcGts><Page imageFilename="{}" imageWidth="9" imageHeight="9"/></PcGts>'
METS = """<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink"><fileSec><fileGrp>
<file ID="i"><FLocat LOCTYPE="OTHER" xlink:href="IMG/a%201.png"/></file>
<file ID="x"><FLocat LOCTYPE="OTHER" xlink:href="FULLTEXT/000.xml"/></file></fileGrp></fileSec>
<structMap TYPE="PHYSICAL"><div><div ID="p1"><fptr FILEID="i"/><fptr FILEID="x"/></div></div></structMap></mets>"""


@pytest.mark.case
@pytest.mark.parametrize(
    ("image", "layout", "named"),
    [
        ("p.png", "p.png.xml", "other.png"),
        ("scan_0001.png", "p.xml", "scan_0001.png"),
        ("scan_0001.png", "page/p.xml", "../scan_0001.png"),
        ("OCR-D-IMG/OCR-D-IMG_0001.png", "OCR-D-GT/OCR-D-GT_0001.xml", "OCR-D-IMG/OCR-D-IMG_0001.png"),
        ("doc 1/a & b.jpg", "doc 1/x.xml", "C:\\scans\\a &amp; b.jpg"),
        ("1234/letters/0001.jpg", "1234/letters/page/0001.xml", "0001.jpg"),
    ],
)
def test_an_image_meets_the_file_that_names_it_at_any_depth(
    tmp_path: Path, image: str, layout: str, named: str
) -> None:
    fill(tmp_path, image, layout, "__MACOSX/p.xml", "._p.xml")
    (tmp_path / layout).write_text(PAGE.format(named))
    assert list(paired(tmp_path)) == [(tmp_path / image, tmp_path / layout)]
    assert find_pairs(tmp_path).left_out == ()


@pytest.mark.case
def test_pages_of_mets_meet(tmp_path: Path) -> None:
    fill(tmp_path, "IMG/a 1.png", "FULLTEXT/000.xml")
    (tmp_path / "mets.xml").write_text(METS)
    assert list(paired(tmp_path)) == [(tmp_path / "IMG" / "a 1.png", tmp_path / "FULLTEXT" / "000.xml")]


@pytest.mark.case
@pytest.mark.parametrize(("named", "taken", "other"), [("p.png", "p.png", "p.jpg"), ("", "p.jpg", "p.png")])
def test_of_two_images_the_one_that_the_file_names_is_taken(tmp_path: Path, named: str, taken: str, other: str) -> None:
    fill(tmp_path, "p.png", "p.jpg", "p.xml")
    (tmp_path / "p.xml").write_text(PAGE.format(named))
    found = find_pairs(tmp_path)
    assert [image.name for image, _ in found.pages] == [taken]
    assert found.left_out == ((tmp_path / other, "another image has the same name"),)


@pytest.mark.case
def test_ground_truth_is_taken_before_other_transcriptions_which_are_named(tmp_path: Path) -> None:
    image = "OCR-D-IMG/i.png"
    fill(tmp_path, image, "OCR-D-A/a.xml", "OCR-D-GT/g.xml")
    for layout in ("OCR-D-A/a.xml", "OCR-D-GT/g.xml"):
        (tmp_path / layout).write_text(PAGE.format(image))
    found = find_pairs(tmp_path)
    assert found.pages == ((tmp_path / image, tmp_path / "OCR-D-GT" / "g.xml"),)
    assert found.left_out == ((tmp_path / "OCR-D-A" / "a.xml", "another transcription of the same image is taken"),)


TRANSKRIBUS_METS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<ns3:mets xmlns:ns2="http://www.w3.org/1999/xlink" xmlns:ns3="http://www.loc.gov/METS/" PROFILE="TRP_V1"><ns3:fileSec>
<ns3:fileGrp ID="MASTER"><ns3:fileGrp ID="IMG"><ns3:file ID="IMG_1" SEQ="1" MIMETYPE="image/jpeg">
<ns3:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE" ns2:type="simple" ns2:href="Brief Müller 1.jpg"/></ns3:file>
</ns3:fileGrp><ns3:fileGrp ID="PAGEXML"><ns3:file ID="PAGEXML_1" SEQ="1" MIMETYPE="application/xml">
<ns3:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE" ns2:type="simple" ns2:href="page/0001_p001.xml"/></ns3:file>
</ns3:fileGrp></ns3:fileGrp></ns3:fileSec><ns3:structMap ID="TRP_STRUCTMAP" TYPE="MANUSCRIPT">
<ns3:div ID="TRP_DOC_DIV"><ns3:div ID="PAGE_1" ORDER="1" TYPE="SINGLE_PAGE"><ns3:fptr><ns3:area FILEID="IMG_1"/>
</ns3:fptr>
<ns3:fptr><ns3:area FILEID="PAGEXML_1"/></ns3:fptr></ns3:div></ns3:div></ns3:structMap></ns3:mets>"""


@pytest.mark.case
def test_pages_of_an_export_of_transkribus_meet_by_its_mets(tmp_path: Path) -> None:
    """Image and PAGE file have other names, and metadata.xml is no transcription."""
    folder = tmp_path / "123456" / "Briefe (Müller)"
    fill(folder, "Brief Müller 1.jpg", "page/0001_p001.xml", "metadata.xml")
    (folder / "mets.xml").write_text(TRANSKRIBUS_METS, encoding="utf-8")
    found = find_pairs(tmp_path)
    assert found.pages == ((folder / "Brief Müller 1.jpg", folder / "page" / "0001_p001.xml"),)
    assert found.left_out == ()


@pytest.mark.case
def test_accents_in_names_may_be_written_in_two_ways(tmp_path: Path) -> None:
    """An archive made on a Mac has them taken apart, the XML inside does not."""
    apart = unicodedata.normalize("NFD", "Brief Müller 1.jpg")
    fill(tmp_path, apart, "x.xml")
    (tmp_path / "x.xml").write_text(PAGE.format("Brief Müller 1.jpg"), encoding="utf-8")
    assert [image.name for image, _ in paired(tmp_path)] == [apart]
