import pytest

from inkread.document import Document, Line, Page
from inkread.formats import alto as alto_reader
from inkread.formats.xml import parse


def read(layout: str, unit: str = "pixel", extra: str = "", namespace: str = "ns-v4#") -> Document:
    description = f"<Description><MeasurementUnit>{unit}</MeasurementUnit></Description>" if unit else ""
    text = f'<alto xmlns="http://www.loc.gov/standards/alto/{namespace}">{description}{extra}<Layout>{layout}</Layout></alto>'
    return alto_reader.document(parse(text.encode()))


def page_of(lines: str, size: str = 'WIDTH="900" HEIGHT="500"', **options: str) -> Page:
    block = f'<TextBlock ID="b">{lines}</TextBlock>'
    page = f'<Page ID="p" PHYSICAL_IMG_NR="3" {size}><PrintSpace>{block}</PrintSpace></Page>'
    (page_read,) = read(page, **options).pages
    return page_read


def line_of(strings: str, attributes: str = 'HPOS="10" VPOS="20" WIDTH="100" HEIGHT="40"') -> Line:
    (line,) = page_of(f'<TextLine ID="l" {attributes}>{strings}</TextLine>').lines
    return line


@pytest.mark.parametrize("namespace", ["ns-v2#", "ns-v3#", "ns-v4#", "ns-v9#"])
def test_any_version_is_read(namespace: str) -> None:
    line = '<TextLine HPOS="10" VPOS="20" WIDTH="100" HEIGHT="40" BASELINE="50"><String CONTENT="a b"/></TextLine>'
    page = page_of(line, namespace=namespace)
    assert (page.width, page.height, page.index) == (900, 500, 2)
    assert (page.lines[0].text, page.lines[0].baseline) == ("a b", ((10, 50), (110, 50)))


@pytest.mark.parametrize(("unit", "factor"), [("mm10", 300 / 254), ("inch1200", 0.25)])
def test_physical_units_become_pixels_at_300_dpi(unit: str, factor: float) -> None:
    """Newspaper archives measure in millimetres: lines would be cut elsewhere on the page."""
    line = '<TextLine HPOS="100" VPOS="200" WIDTH="400" HEIGHT="40" BASELINE="100,230 500,240"/>'
    page = page_of(line, unit=unit)
    assert (page.width, page.height, page.dpi) == (round(900 * factor), round(500 * factor), 300)
    assert page.lines[0].baseline[1] == pytest.approx((500 * factor, 240 * factor))
    assert page.lines[0].polygon[0] == pytest.approx((100 * factor, 200 * factor))


def test_an_unknown_unit_is_named() -> None:
    with pytest.raises(ValueError, match="furlong"):
        page_of("", unit="furlong")


def test_a_missing_unit_is_pixels() -> None:
    assert page_of("", unit="").width == 900


@pytest.mark.parametrize(
    ("strings", "text"),
    [
        ('<String CONTENT="one"/><SP/><String CONTENT="two"/>', "one two"),
        ('<String CONTENT="one"/><String CONTENT="two"/>', "one two"),
        ('<String CONTENT="one"/><SP/><String CONTENT="two"/><String CONTENT=","/>', "one two,"),
        ('<String CONTENT="exam"/><HYP CONTENT="\u00ad"/>', "exam-"),
        ('<String CONTENT=" cafe\u0301  au\tlait "/>', "caf\u00e9 au lait"),
        ('<String CONTENT=""/>', ""),
    ],
)
def test_text_is_put_together(strings: str, text: str) -> None:
    assert line_of(strings).text == text


def test_words_keep_their_place_and_confidence() -> None:
    place = 'VPOS="20" WIDTH="30" HEIGHT="40"'
    glyph = '<Glyph CONTENT="a" GC="0.5" HPOS="10" VPOS="20" WIDTH="9" HEIGHT="9"/>'
    line = line_of(
        f'<String CONTENT="a" WC="0.9" HPOS="10" {place}>{glyph}</String><String CONTENT="b" HPOS="50" {place}/>'
    )
    first, second = line.words
    assert (first.text, first.confidence, first.polygon[0]) == ("a", 0.9, (10, 20))
    assert (first.characters[0].text, first.characters[0].confidence) == ("a", 0.5)
    assert (second.text, second.confidence, second.polygon[2]) == ("b", None, (80, 60))


def test_a_confidence_that_is_no_probability_is_none() -> None:
    (word,) = line_of('<String CONTENT="a" WC="93"/>').words
    assert word.confidence is None


def test_a_whole_line_in_one_string_has_no_words() -> None:
    assert line_of('<String CONTENT="two words" HPOS="10" VPOS="20" WIDTH="9" HEIGHT="9"/>').words == ()


def test_a_line_without_outline_encloses_its_words() -> None:
    strings = "".join(f'<String CONTENT="a" HPOS="{x}" VPOS="20" WIDTH="30" HEIGHT="40"/>' for x in (10, 100))
    line = line_of(strings, attributes="")
    assert line.polygon == ((10.0, 20.0), (130.0, 20.0), (130.0, 60.0), (10.0, 60.0))
    assert line.baseline == ((10, 50), (130, 50))


def test_a_line_with_text_and_no_place_is_named() -> None:
    with pytest.raises(ValueError, match="its line l has neither"):
        line_of('<String CONTENT="text"/>', attributes="")


def test_a_page_without_size_encloses_what_is_on_it() -> None:
    page = page_of('<TextLine HPOS="10" VPOS="20" WIDTH="100" HEIGHT="40"><String CONTENT=""/></TextLine>', size="")
    assert (page.width, page.height) == (110, 60)
    with pytest.raises(ValueError, match="size"):
        page_of("", size="")


def test_tags_and_reading_order() -> None:
    """Marginal notes would otherwise stand in the middle of the text."""
    tags = '<Tags><OtherTag ID="t" LABEL="MarginZone"/></Tags>'
    references = '<ElementRef ID="x" REF="b2"/><ElementRef ID="y" REF="b1"/>'
    order = f'<ReadingOrder><OrderedGroup ID="g">{references}</OrderedGroup></ReadingOrder>'
    blocks = '<TextBlock ID="b1" TAGREFS="t"/><ComposedBlock ID="c"><TextBlock ID="b2"/></ComposedBlock>'
    layout = f'<Page ID="p" PHYSICAL_IMG_NR="1" WIDTH="9" HEIGHT="9"><PrintSpace>{blocks}</PrintSpace></Page>'
    (page,) = read(layout, extra=tags + order).pages
    assert [(region.id, region.kind) for region in page.regions] == [("b2", "text"), ("b1", "MarginZone")]


def test_several_pages() -> None:
    page = '<Page ID="p{0}" PHYSICAL_IMG_NR="{0}" WIDTH="9" HEIGHT="9"/>'
    assert [page.index for page in read(page.format(1) + page.format(2)).pages] == [0, 1]


def test_repeated_identifiers_are_told_apart() -> None:
    line = '<TextLine ID="same" HPOS="1" VPOS="1" WIDTH="5" HEIGHT="5"/>'
    assert [line.id for line in page_of(line + line).lines] == ["same", "same_2"]


@pytest.mark.parametrize("points", ["1,2 3", "1,2 x,y", "1,2 nan,3"])
def test_unusable_points_are_named(points: str) -> None:
    with pytest.raises(ValueError, match=r"coordinate|number"):
        line_of(f'<Shape><Polygon POINTS="{points}"/></Shape>')


@pytest.mark.case
@pytest.mark.parametrize("size", ['WIDTH="0" HEIGHT="0"', ""])
def test_a_page_without_size_has_that_of_its_image(size: str) -> None:
    line = '<TextLine HPOS="10" VPOS="20" WIDTH="100" HEIGHT="40"/>'
    root = parse(f'<alto><Layout><Page {size}><TextBlock ID="b">{line}</TextBlock></Page></Layout></alto>'.encode())
    page = alto_reader.document(root, image_size=lambda: (900, 500)).pages[0]
    assert (page.width, page.height) == (900, 500)


@pytest.mark.case
def test_a_line_that_cannot_be_used_is_named_and_costs_no_other() -> None:
    good = '<TextLine ID="a" HPOS="10" VPOS="20" WIDTH="100" HEIGHT="40"><String CONTENT="x"/></TextLine>'
    bad = '<TextLine ID="b" HPOS="wide" VPOS="20" WIDTH="100" HEIGHT="40"><String CONTENT="y"/></TextLine>'
    page = f'<Page WIDTH="900" HEIGHT="500"><TextBlock ID="b">{good}{bad}</TextBlock></Page>'
    reasons: list[str] = []
    found = alto_reader.document(parse(f"<alto><Layout>{page}</Layout></alto>".encode()), reasons.append)
    assert found.text == "x"
    assert reasons == ["its line b cannot be used, 'wide' is no number"]
