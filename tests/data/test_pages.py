"""Folders of pages: what belongs together is found, what does not is counted."""

import shutil
import zipfile
from pathlib import Path

import pytest

from inkread.data.dataset import Dataset, Skipped
from inkread.data.ingest import ingest
from inkread.data.sources import has_pages, page_samples
from inkread.errors import DatasetError

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


TRANSKRIBUS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15"><Metadata><Creator>prov=READ</Creator>
<TranskribusMetadata docId="1" pageId="2" pageNr="1" tsid="3" status="GT"/></Metadata>
<Page imageFilename="0001_Brief an Müller.png" imageWidth="1786" imageHeight="1285"><ReadingOrder>
<OrderedGroup id="ro_1" caption="Regions reading order"><RegionRefIndexed index="1" regionRef="r1"/>
<RegionRefIndexed index="0" regionRef="r2"/></OrderedGroup></ReadingOrder>
<GraphicRegion id="g1" custom="readingOrder {index:3;} structure {type:stamp;}"><Coords points="9,9 90,9 90,90"/>
</GraphicRegion>
<TextRegion orientation="0.0" id="r1" custom="readingOrder {index:1;}">
<Coords points="100,300 900,300 900,600 100,600"/>
<TextLine id="l1" custom="readingOrder {index:0;} person {offset:3; length:6;} unclear {offset:0; length:2;}">
<Coords points="100,300 900,300 900,360 100,360"/><Baseline points="100,350 900,352"/><TextEquiv>
<Unicode>an Müller &amp; Co</Unicode>
</TextEquiv><TextStyle fontSize="0"/></TextLine><TextEquiv><Unicode>an Müller &amp; Co</Unicode></TextEquiv>
</TextRegion>
<TextRegion type="heading" id="r2" custom="readingOrder {index:0;} structure {type:heading;}">
<Coords points="100,100 900,100 900,200"/>
<TextLine id="l0" custom="readingOrder {index:0;}"><Coords points="100,100 900,100 900,180 100,180"/>
<Baseline points="100,170 900,170"/><TextEquiv><Unicode>Wien</Unicode></TextEquiv></TextLine></TextRegion>
<TextRegion id="r3" custom="readingOrder {index:2;}"><Coords points="100,700 900,700 900,900"/><TextEquiv><Unicode>
</Unicode></TextEquiv>
</TextRegion></Page></PcGts>"""
ESCRIPTORIUM = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description><MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>Akte 7, Blatt ä.png</fileName></sourceImageInformation></Description>
<Tags><OtherTag ID="BT1" LABEL="MainZone" DESCRIPTION="block type MainZone"/><OtherTag ID="LT1" LABEL="DefaultLine"/>
</Tags>
<Layout><Page WIDTH="1786" HEIGHT="1285" PHYSICAL_IMG_NR="1" ID="eSc_dummypage_">
<PrintSpace HPOS="0" VPOS="0" WIDTH="1786" HEIGHT="1285">
<TextBlock HPOS="100" VPOS="100" WIDTH="800" HEIGHT="90" ID="eSc_textblock_1" TAGREFS="BT1">
<Shape><Polygon POINTS="100 100 900 100 900 190 100 190"/></Shape>
<TextLine ID="eSc_line_1" TAGREFS="LT1" BASELINE="100 170 900 172" HPOS="100" VPOS="100" WIDTH="800" HEIGHT="80">
<Shape><Polygon POINTS="100 100 900 100 900 180 100 180"/></Shape>
<String CONTENT="zweite Seite" HPOS="100" VPOS="100" WIDTH="800" HEIGHT="80"/>
</TextLine></TextBlock><TextBlock ID="eSc_dummyblock_"/></PrintSpace></Page></Layout></alto>"""


@pytest.mark.case
def test_exports_of_transkribus_and_escriptorium_are_read_with_their_names(tmp_path: Path) -> None:
    """Spaces and umlauts in names, tags in ``custom``, empty regions, a reading order."""
    picture = (EXAMPLES / "notes.png").read_bytes()
    files = {
        "777/Briefe an Müller/0001_Brief an Müller.png": picture,
        "777/Briefe an Müller/page/0001_Brief an Müller.xml": TRANSKRIBUS.encode(),
        "777/Briefe an Müller/metadata.xml": b"<trpDocMetadata><docId>1</docId></trpDocMetadata>",
        "export_doc7_alto/Akte 7, Blatt ä.png": picture,
        "export_doc7_alto/Akte 7, Blatt ä.xml": ESCRIPTORIUM.encode(),
    }
    with zipfile.ZipFile(tmp_path / "exports.zip", "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    report = ingest(tmp_path / "exports.zip", tmp_path / "dataset")
    assert report.skipped == {}
    samples = {
        sample.document_id.rpartition("/")[2]: sample.text for sample in Dataset.open(tmp_path / "dataset").samples
    }
    assert samples == {"Briefe an Müller": "Wien\nan Müller & Co", "export_doc7_alto": "zweite Seite"}


@pytest.mark.case
def test_an_archive_that_cannot_be_unpacked_costs_no_other(tmp_path: Path) -> None:
    source = tmp_path / "exports"
    source.mkdir()
    for name in ("good.zip", "cut.zip"):
        with zipfile.ZipFile(source / name, "w") as packed:
            for suffix in ("png", "xml"):
                packed.write(EXAMPLES / f"notes.{suffix}", f"notes.{suffix}")
    whole = (source / "cut.zip").read_bytes()
    (source / "cut.zip").write_bytes(whole[: len(whole) // 2])
    report = ingest(source, tmp_path / "dataset")
    assert report.samples == {"page": 1}
    (name,) = report.skipped_names
    assert name.startswith("cut.zip: the archive cannot be unpacked")
    (source / "good.zip").unlink()
    with pytest.raises(DatasetError, match=r"cut\.zip: the archive cannot be unpacked"):
        ingest(source, tmp_path / "other")
