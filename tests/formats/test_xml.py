import pytest
from lxml import etree

from inkread.formats.xml import Ids, add, number, numbers, parse, points, probability, serialise


def test_identifiers_are_names_and_unique() -> None:
    """XML with a repeated or malformed identifier is refused by other programs."""
    ids = Ids()
    assert [ids.take(wanted) for wanted in ("a", "a", "1 b", "", "é", "_")] == ["a", "a_2", "_1_b", "_", "__2", "__3"]


@pytest.mark.parametrize("data", [b"", b"<a>", b"text", b"<a></b>", b"\xff\xfe\0", b"<a>&undefined;</a>"])
def test_malformed_xml_is_named(data: bytes) -> None:
    with pytest.raises(ValueError, match="well-formed"):
        parse(data)


def test_files_cannot_read_other_files_or_grow() -> None:
    """A prepared layout file could otherwise send a local file along, or fill the memory."""
    secret = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'
    laughs = b'<!DOCTYPE a [<!ENTITY x "ha">%s]><a>&y9;</a>' % b"".join(
        b'<!ENTITY y%d "%s">' % (n, b"&y%d;" % (n - 1) * 10 if n else b"&x;" * 10) for n in range(10)
    )
    for data in (secret, laughs):
        with pytest.raises(ValueError, match=r"document type|well-formed"):
            parse(data)


def test_deep_nesting_is_an_error_not_a_crash() -> None:
    with pytest.raises(ValueError, match="well-formed"):
        parse(b"<a>" * 100_000)


def test_numbers_and_points() -> None:
    element = etree.fromstring('<a x=" 1.5 " none="" word="wide" p="1.2" q="0.5"/>')
    assert number(element, "x") == 1.5
    assert number(element, "none") is None
    assert probability(element, "p") is None
    assert probability(element, "q") == 0.5
    assert numbers("1, 2,3") == [1, 2, 3]
    assert points("1,2 3,4") == points("1 2 3 4") == ((1, 2), (3, 4))
    for text in ("nan", "1e999", "wide"):
        with pytest.raises(ValueError, match="number"):
            numbers(text)
    with pytest.raises(ValueError, match="lacks a coordinate"):
        points("1,2 3")


def test_written_elements_inherit_the_namespace() -> None:
    root = etree.Element("{urn:x}a", nsmap={None: "urn:x"})
    add(root, "b", {"text": "<\0>", "number": 3, "absent": None}, text="ä")
    assert serialise(root).decode().splitlines()[1:] == [
        '<a xmlns="urn:x">',
        '  <b text="&lt;\ufffd&gt;" number="3">ä</b>',
        "</a>",
    ]
