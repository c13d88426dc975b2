"""Write documents as txt, JSON, ALTO, PAGE, hOCR or searchable PDF, and read ALTO, PAGE and JSON.

Usage: ``save(document, load_pages("letter.jpg"), FORMATS["alto"], Path("out"), "letter")``
"""

from inkread.formats.format import FORMATS, Format, save
from inkread.formats.geometry import fit
from inkread.formats.layout_files import read_document, read_layout
from inkread.formats.pairs import paired, without_image

__all__ = ["FORMATS", "Format", "fit", "paired", "read_document", "read_layout", "save", "without_image"]
