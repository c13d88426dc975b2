"""Text as files carry it.

Usage: ``normalise("Cafe\\u0301\\n au  lait") == "Café au lait"``
"""

from __future__ import annotations

import re
import unicodedata

# The complement of the Char production, https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def normalise(text: str) -> str:
    """``normalise(" a\\n b") == "a b"``: NFC, runs of white space folded to one space, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def xml_safe(text: str) -> str:
    """``xml_safe("a\\0b") == "a\\ufffdb"``: what XML 1.0 forbids becomes U+FFFD, one for one."""
    return _NOT_XML.sub("\ufffd", text)


def encode(text: str) -> bytes:
    """``encode("é") == b"\\xc3\\xa9"``: UTF-8; half surrogate pairs become question marks."""
    return text.encode("utf-8", "replace")
