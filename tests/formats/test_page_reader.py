from pathlib import Path

import pytest

from inkread.document import Alternative, Document, Line, Page
from inkread.formats import page as page_reader
from inkread.formats import read_layout
from inkread.formats.reading import LayoutWarning
from inkread.formats.xml import parse

BOX = '<Coords points="10,20 110,20 110,60 10,60"/>'


def read(page: str, version: str = "2019-07-15", attributes: str = "") -> Document:
    namespace = f"http://schema.primaresearch.org/PAGE/gts/pagecontent/{version}"
    sheet = f'<Page imageFilename="a.jpg" imageWidth="900" imageHeight="500" {attributes}>{page}</Page>'
    return page_reader.document(parse(f'<PcGts xmlns="{namespace}"><Metadata/>{sheet}</PcGts>'.encode()))


def page_of(page: str, **options: str) -> Page:
    (page_read,) = read(page, **options).pages
    return page_read


def line_of(content: str) -> Line:
    (line,) = page_of(f'<TextRegion id="r">{BOX}<TextLine id="l">{content}</TextLine></TextRegion>').lines
    return line


def region(identifier: str, attributes: str = "", content: str = "") -> str:
    return f'<TextRegion id="{identifier}" {attributes}>{BOX}{content}</TextRegion>'


@pytest.mark.parametrize(
    "version", ["2010-03-19", "2013-07-15", "2016-07-15", "2017-07-15", "2018-07-15", "2019-07-15"]
)
def test_any_version_is_read(version: str) -> None:
    text = "<TextEquiv><Unicode> cafe\u0301\nau lait </Unicode></TextEquiv>"
    page = page_of(region("r", content=f'<TextLine id="l">{BOX}{text}</TextLine>'), version=version)
    assert (page.source, page.width, page.height) == ("a.jpg", 900, 500)
    assert page.text == "caf\u00e9 au lait"


def test_points_as_elements() -> None:
    line = line_of('<Coords><Point x="1" y="2"/><Point x="30" y="2"/><Point x="30" y="8"/></Coords>')
    assert line.polygon == ((1, 2), (30, 2), (30, 8))


def test_a_line_without_baseline_gets_one() -> None:
    assert line_of(BOX).baseline == ((10, 50), (110, 50))
    assert line_of(f'{BOX}<Baseline points="5,5"/>').baseline == ((10, 50), (110, 50))


def test_a_line_of_a_turned_page_gets_an_upright_baseline() -> None:
    page = page_of(region("r", content=f'<TextLine id="l">{BOX}</TextLine>'), attributes='orientation="90"')
    assert page.lines[0].baseline == ((85, 60), (85, 20))


def test_a_line_without_outline_gets_a_band() -> None:
    line = line_of('<Coords points=""/><Baseline points="10,50 110,50"/>')
    assert line.polygon == ((10, 42.5), (110, 42.5), (110, 53.75), (10, 53.75))


def test_the_lowest_index_is_the_text() -> None:
    """Transkribus and OCR-D keep readings of several models side by side."""
    readings = "".join(
        f'<TextEquiv index="{index}" {conf}><Unicode>{text}</Unicode></TextEquiv>'
        for index, conf, text in ((2, 'conf="0.1"', "c"), (0, 'conf="0.7"', "a"), (1, "", "no"), (3, 'conf="0.2"', "b"))
    )
    line = line_of(BOX + readings)
    assert (line.text, line.confidence) == ("a", 0.7)
    assert line.alternatives == (Alternative("c", 0.1), Alternative("b", 0.2))


def test_text_is_found_in_words_and_plain_text() -> None:
    word = '<Word id="w{0}">' + BOX + "<TextEquiv><Unicode>{0}</Unicode></TextEquiv></Word>"
    line = line_of(BOX + word.format("a") + word.format("b"))
    assert (line.text, [item.text for item in line.words]) == ("a b", ["a", "b"])
    assert line_of(BOX + "<TextEquiv><PlainText>x</PlainText></TextEquiv>").text == "x"


def test_words_that_say_something_else_are_left_out() -> None:
    word = f'<Word id="w">{BOX}<TextEquiv><Unicode>old</Unicode></TextEquiv></Word>'
    line = line_of(f"{BOX}{word}<TextEquiv><Unicode>corrected</Unicode></TextEquiv>")
    assert (line.text, line.words) == ("corrected", ())


def test_reading_order_with_groups() -> None:
    """Columns would otherwise be mixed."""
    order = (
        '<ReadingOrder><OrderedGroup id="g"><UnorderedGroupIndexed id="h" index="1"><RegionRef regionRef="a"/>'
        '<RegionRef regionRef="b"/></UnorderedGroupIndexed><RegionRefIndexed index="0" regionRef="d"/></OrderedGroup>'
        "</ReadingOrder>"
    )
    page = page_of(order + "".join(map(region, "cabd")))
    assert [item.id for item in page.regions] == ["d", "a", "b", "c"]


def test_reading_order_in_the_custom_attribute() -> None:
    order = 'custom="readingOrder {{index:{};}} structure {{type:heading;}}"'
    lines = "".join(f'<TextLine id="l{n}" {order.format(n)}>{BOX}</TextLine>' for n in (10, 9))
    page = page_of(region("b", order.format(1), lines) + region("a", order.format(0)))
    assert [(item.id, item.kind) for item in page.regions] == [("a", "heading"), ("b", "heading")]
    assert [line.id for line in page.lines] == ["l9", "l10"]


def test_nested_and_table_regions_are_read() -> None:
    inner = region("inner", 'type="marginalia"')
    page = page_of(f'<TableRegion id="t">{BOX}{region("cell")}</TableRegion>' + region("outer", content=inner))
    assert [(item.id, item.kind) for item in page.regions] == [
        ("cell", "text"),
        ("outer", "text"),
        ("inner", "marginalia"),
    ]


@pytest.mark.parametrize(("unit", "dpi"), [("PPI", 100), ("PPCM", 254), ("other", None)])
def test_resolution(unit: str, dpi: float | None) -> None:
    assert page_of("", attributes=f'imageXResolution="100" imageResolutionUnit="{unit}"').dpi == dpi


@pytest.mark.case
@pytest.mark.parametrize("others", ["", '<TextRegion id="r2"><Coords points="0,90 9,90 9,99 0,99"/></TextRegion>'])
def test_lines_in_cells_of_tables_are_read_row_by_row_and_written_back(others: str) -> None:
    def cell(row: int, column: int) -> str:
        line = f'<Coords points="{column}0,{row}0 {column}9,{row}0 {column}9,{row}9 {column}0,{row}9"/>'
        content = (
            f'<TextLine id="l{row}{column}">{line}<TextEquiv><Unicode>{row}{column}</Unicode></TextEquiv></TextLine>'
        )
        return f'<TableCell row="{row}" col="{column}" id="c{row}{column}">{line}{content}</TableCell>'

    cells = "".join(cell(row, column) for column in (0, 10) for row in (2, 10, 1))
    page = page_of(f'<TableRegion id="t"><Coords points="0,0 99,0 99,99 0,99"/>{cells}</TableRegion>{others}')
    assert [line.text for line in page.lines] == ["10", "110", "20", "210", "100", "1010"]
    assert page.regions[0].kind == "table"
    [again] = page_reader.document(parse(page_reader.dump(page))).pages
    assert [line.text for line in again.lines] == [line.text for line in page.lines]
    assert again.regions[0].kind == "table"


def test_a_page_without_size_is_named() -> None:
    with pytest.raises(ValueError, match="size"):
        page_reader.document(parse(b"<PcGts><Page/></PcGts>"))


def test_files_from_elsewhere_have_no_provenance() -> None:
    assert read("").provenance is None


@pytest.mark.case
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('<Coords points="10,20 110,20 110"/>', "its line l2 cannot be used, the last of the points"),
        ('<Coords points="10,20 wide,20"/>', "its line l2 cannot be used, 'wide' is no number"),
        ('<Coords points="10,20"/>', "its line l2 has neither baseline nor outline"),
        ("", "its line l2 has neither baseline nor outline"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_costs_no_other(tmp_path: Path, broken: str, reason: str) -> None:
    text = "<TextEquiv><Unicode>text</Unicode></TextEquiv>"
    lines = f'<TextLine id="l1">{BOX}{text}</TextLine><TextLine id="l2">{broken}{text}</TextLine>'
    path = tmp_path / "p.xml"
    path.write_text(
        f'<PcGts><Page imageWidth="900" imageHeight="500">{region("r", content=lines)}</Page></PcGts>', encoding="utf-8"
    )
    reasons: list[str] = []
    assert [line.id for line in read_layout(path, on_skip=reasons.append).lines] == ["l1"]
    [said] = reasons
    assert said.startswith(f"p.xml: {reason}")
    with pytest.warns(LayoutWarning, match="l2"):
        read_layout(path)


@pytest.mark.case
@pytest.mark.parametrize(("points", "count"), [("0,0 9,0 9", 1), ("0,0 9,0 9,9", 0)])
def test_a_region_with_a_bad_outline_keeps_its_lines(points: str, count: int) -> None:
    content = f'<Coords points="{points}"/><TextLine id="l">{BOX}</TextLine>'
    root = parse(f'<P><Page imageWidth="90" imageHeight="50"><TextRegion>{content}</TextRegion></Page></P>'.encode())
    reasons: list[str] = []
    assert len(page_reader.document(root, reasons.append).pages[0].lines) == 1
    assert len(reasons) == count


@pytest.mark.case
def test_a_region_with_text_but_no_lines_is_named() -> None:
    equivalent = "<TextEquiv><Unicode>one\ntwo</Unicode></TextEquiv>"
    root = parse(f'<P><Page imageWidth="9" imageHeight="9">{region("r", content=equivalent)}</Page></P>'.encode())
    reasons: list[str] = []
    assert page_reader.document(root, reasons.append).text == ""
    assert reasons == ["its region r has text but no lines"]


@pytest.mark.case
def test_a_page_without_size_has_that_of_its_image() -> None:
    root = parse(f"<P><Page>{region('r', content=f'<TextLine>{BOX}</TextLine>')}</Page></P>".encode())
    page = page_reader.document(root, image_size=lambda: (900, 500)).pages[0]
    assert (page.width, page.height) == (900, 500)
