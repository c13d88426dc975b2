import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from inkread.document import Document, Line, Page, Polyline, Region
from inkread.formats import hocr
from inkread.formats.xml import normalise, xml_safe

NUMBER = r"-?\d+(\.\d+)?"
# The properties Inkread writes, in the grammar of hOCR 1.2, chapter 4.
GRAMMAR = {
    "image": r'"[^"]*"',
    "bbox": r"\d+ \d+ \d+ \d+",
    "ppageno": r"\d+",
    "scan_res": r"\d+ \d+",
    "baseline": f"{NUMBER} {NUMBER}",
    "textangle": NUMBER,
    "poly": r"-?\d+ -?\d+( -?\d+ -?\d+)+",
    "x_flags": r"[\w-]+( [\w-]+)*",
    "x_cell": r"\d+ \d+( \d+)?",
    "x_wconf": NUMBER,
    "x_confs": f"{NUMBER}( {NUMBER})*",
}
PARENTS = {
    "ocr_carea": {"ocr_page"},
    "ocr_table": {"ocr_page"},
    "ocr_line": {"ocr_carea", "ocr_table"},
    "ocrx_word": {"ocr_line"},
}


def parse(data: bytes) -> etree._Element:
    return etree.fromstring(data, etree.XMLParser(load_dtd=False, no_network=True))


def parts(root: etree._Element, role: str) -> list[etree._Element]:
    return [element for element in root.iter("{*}div", "{*}span") if element.get("class") == role]


def properties(element: etree._Element) -> dict[str, str]:
    pairs = re.findall(r'(\w+) ((?:"[^"]*"|[^;"])+)(?:; |$)', element.get("title", ""))
    return dict(pairs)


def check(root: etree._Element) -> None:
    metas = {meta.get("name"): meta.get("content") for meta in root.iter("{*}meta")}
    assert {"ocr-system", "ocr-capabilities"} <= metas.keys()
    capabilities = (metas["ocr-capabilities"] or "").split()
    identifiers = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(identifiers)) == len(identifiers)
    for element in root.iter("{*}div", "{*}span"):
        role = element.get("class", "")
        assert role in capabilities
        parent = element.getparent()
        assert role not in PARENTS or (parent is not None and parent.get("class") in PARENTS[role])
        found = properties(element)
        assert "; ".join(f"{name} {value}" for name, value in found.items()) == element.get("title", "")
        for name, value in found.items():
            assert re.fullmatch(GRAMMAR[name], value), (name, value)


def test_hocr_of_the_sample(sample: Document, check_golden: Callable[[str, bytes], None]) -> None:
    data = hocr.dump(sample)
    check_golden("sample.hocr", data)
    check(parse(data))


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_any_document_is_well_formed_and_keeps_its_text(
    documents: st.SearchStrategy[Document], data: st.DataObject
) -> None:
    document = data.draw(documents)
    root = parse(hocr.dump(document))
    check(root)
    texts = ["".join(line.itertext()) for line in parts(root, "ocr_line")]
    assert [normalise(text) for text in texts] == [normalise(xml_safe(line.text)) for line in document.lines]


@pytest.mark.parametrize(
    ("baseline", "expected"),
    [
        (((100, 90), (300, 90)), {"baseline": "0.0000 -10.0"}),
        (((100, 60), (200, 70), (300, 80)), {"baseline": "0.1000 -40.0"}),
        (((290, 100), (290, 40)), {"textangle": "90.0"}),
        (((290, 40), (290, 100)), {"textangle": "270.0"}),
        (((300, 60), (100, 60)), {"textangle": "180.0"}),
    ],
)
def test_lines_say_how_they_run(baseline: Polyline, expected: dict[str, str]) -> None:
    """Viewers and PDF makers place the text by it."""
    line = Line("l", baseline, ((100, 40), (300, 40), (300, 100), (100, 100)), "text")
    (element,) = parts(parse(hocr.dump(Document((Page(400, 200, (Region("r", (), (line,)),)),)))), "ocr_line")
    found = properties(element)
    assert {name: found[name] for name in ("baseline", "textangle") if name in found} == expected


def test_pages_and_words_can_be_told_apart(sample: Document) -> None:
    root = parse(hocr.dump(Document(sample.pages * 2)))
    assert [page.get("id") for page in parts(root, "ocr_page")] == ["page_1", "page_2"]
    word = parts(root, "ocrx_word")[0]
    assert (word.text, word.tail) == ("Zoé", " ")
    assert properties(word) == {"bbox": "30 15 90 55", "x_wconf": "97.0", "x_confs": "98.0 98.0 98.0"}


@pytest.mark.case
def test_boxes_stay_within_the_page() -> None:
    outline = ((-3.0, 2.0), (99.0, 2.0), (99.0, 60.0), (-3.0, 60.0))
    line = Line("l", ((-3.0, 50.0), (99.0, 60.0)), outline, "a")
    root = parse(hocr.dump(Document((Page(90, 40, (Region("r", outline, (line,)),)),))))
    [written] = parts(root, "ocr_line")
    assert properties(written)["bbox"] == "0 2 90 40"
    assert properties(written)["poly"] == "0 2 90 2 90 40 0 40"


def test_a_quote_in_a_file_name_ends_no_property() -> None:
    root = parse(hocr.dump(Document((Page(9, 9, source='a "b"; c.png'),))))
    assert properties(parts(root, "ocr_page")[0])["image"] == "\"a 'b'; c.png\""
