import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from inkread.formats.xml import encode, normalise, xml_safe

ANY_TEXT = st.text(st.characters())


@given(ANY_TEXT)
def test_normalised_text_is_one_line_of_nfc(text: str) -> None:
    """Two readings that look the same would otherwise count as different."""
    once = normalise(text)
    assert normalise(once) == once == unicodedata.normalize("NFC", once)
    assert once.split(" ") == once.split() or not once


@given(ANY_TEXT)
def test_any_text_can_stand_in_xml(text: str) -> None:
    """One control character in a reading would otherwise lose the whole file."""
    element = etree.Element("a")
    element.text = xml_safe(text)
    assert etree.fromstring(etree.tostring(element)).text or xml_safe(text) == ""
    assert len(xml_safe(text)) == len(text)


def test_what_xml_allows_stays() -> None:
    assert xml_safe("é\t\n𐍈\ufffd") == "é\t\n𐍈\ufffd"
    assert xml_safe("a\0\x1b\ufffe\ud800") == "a" + 4 * "\ufffd"


def test_half_surrogate_pairs_do_not_stop_a_file() -> None:
    assert encode("é\ud800") == b"\xc3\xa9?"
