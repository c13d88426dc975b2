"""Plain text.

Usage: ``data = txt.dump(document)``
"""

from __future__ import annotations

from inkread.document import Document
from inkread.formats.characters import encode, normalise


def dump(document: Document) -> bytes:
    """``dump(document) == b"first line\\nsecond line\\n"``: UTF-8 in reading order, an empty line between pages."""
    pages = ("\n".join(normalise(line.text) for line in page.lines) for page in document.pages)
    return encode("\n\n".join(pages) + "\n")
