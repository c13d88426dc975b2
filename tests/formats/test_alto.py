from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from inkread.document import Document, Line, Page, Region, Word
from inkread.formats import alto
from inkread.formats import alto as alto_reader
from inkread.formats.geometry import complete
from inkread.formats.xml import parse


def without_what_alto_lacks(document: Document) -> Document:
    """Resolution, and confidence and alternatives of whole lines, have no place in ALTO."""
    (page,) = document.pages
    regions = tuple(
        replace(region, lines=tuple(replace(line, confidence=None, alternatives=()) for line in region.lines))
        for region in page.regions
    )
    return replace(document, pages=(replace(page, regions=regions, dpi=None),))


def written(document: Document) -> bytes:
    return alto.dump(document.pages[0], document.provenance)


def test_alto_of_the_sample(
    sample: Document,
    created: datetime,
    check_golden: Callable[[str, bytes], None],
    alto_schema: etree.XMLSchema,
    carried_by_xml: Callable[[Document], Document],
) -> None:
    data = alto.dump(sample.pages[0], sample.provenance, created)
    check_golden("sample.alto.xml", data)
    alto_schema.assertValid(parse(data))
    assert alto_reader.document(parse(data)) == without_what_alto_lacks(carried_by_xml(sample))


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_any_document_is_valid_and_comes_back(
    documents: st.SearchStrategy[Document],
    alto_schema: etree.XMLSchema,
    carried_by_xml: Callable[[Document], Document],
    data: st.DataObject,
) -> None:
    """Archives refuse invalid files, and corrections made elsewhere must find the lines they belong to."""
    document = data.draw(documents)
    root = parse(written(document))
    alto_schema.assertValid(root)
    assert alto_reader.document(root) == without_what_alto_lacks(carried_by_xml(document))


def test_lines_without_geometry_stay_valid(alto_schema: etree.XMLSchema) -> None:
    page = Page(9, 9, (Region("r", (), (Line("l", (), (), "text"), Line("m", ((1, 5), (8, 5)), ()))),))
    root = parse(alto.dump(page))
    alto_schema.assertValid(root)
    assert [string.get("CONTENT") for string in root.iter("{*}String")] == ["text", ""]
    assert complete(page).lines[1].polygon


def test_words_that_do_not_spell_the_line_are_left_out() -> None:
    """The text of a line counts: it must not be replaced by what words happen to be known."""
    line = Line("l", ((1, 5), (8, 5)), (), "two words", words=(Word("two"),))
    root = parse(alto.dump(Page(9, 9, (Region("r", (), (line,)),))))
    assert [string.get("CONTENT") for string in root.iter("{*}String")] == ["two words"]


def test_words_without_outline_keep_their_confidence(carried_by_xml: Callable[[Document], Document]) -> None:
    line = Line("l", ((1, 5), (8, 5)), ((1, 1), (8, 1), (8, 8)), "two", words=(Word("two", (), 0.5),))
    document = Document((Page(9, 9, (Region("r", ((0, 0), (9, 9)), (line,)),)),))
    assert alto_reader.document(parse(written(document))) == without_what_alto_lacks(carried_by_xml(document))
