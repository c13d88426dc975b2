from collections.abc import Callable
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from inkread.document import Document, Line, Page, Region, Word
from inkread.formats import page as page_format
from inkread.formats import page as page_reader
from inkread.formats.xml import parse


def written(document: Document) -> bytes:
    return page_format.dump(document.pages[0], document.provenance)


def test_page_of_the_sample(
    sample: Document,
    created: datetime,
    check_golden: Callable[[str, bytes], None],
    page_schema: etree.XMLSchema,
    carried_by_xml: Callable[[Document], Document],
) -> None:
    data = page_format.dump(sample.pages[0], sample.provenance, created)
    check_golden("sample.page.xml", data)
    page_schema.assertValid(parse(data))
    assert page_reader.document(parse(data)) == carried_by_xml(sample) == sample


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_any_document_is_valid_and_comes_back(
    documents: st.SearchStrategy[Document],
    page_schema: etree.XMLSchema,
    carried_by_xml: Callable[[Document], Document],
    data: st.DataObject,
) -> None:
    """Archives refuse invalid files, and corrections made elsewhere must find the lines they belong to."""
    document = data.draw(documents)
    root = parse(written(document))
    page_schema.assertValid(root)
    assert page_reader.document(root) == carried_by_xml(document)


def test_what_leaves_the_page_or_has_no_outline_stays_valid(page_schema: etree.XMLSchema) -> None:
    lines = (
        Line("none", (), (), "text"),
        Line("low", ((-5, 5), (80, 5)), (), "word", words=(Word("word"),)),
        Line("point", ((5, 5),), ((3, 3),)),
    )
    root = parse(page_format.dump(Page(9, 9, (Region("r", (), lines), Region("r", ())))))
    page_schema.assertValid(root)
    assert [element.get("points") for element in root.iter("{*}Baseline")] == ["0,5 9,5"]
    assert next(root.iter("{*}Word"), None) is None


def test_a_page_without_text_is_valid(page_schema: etree.XMLSchema) -> None:
    page_schema.assertValid(parse(page_format.dump(Page(9, 9))))
