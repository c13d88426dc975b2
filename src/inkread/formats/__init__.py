"""Write documents as txt, JSON, ALTO, PAGE, hOCR, CSV or searchable PDF, and read ALTO, PAGE and JSON.

Usage: ``save(document, load_pages("letter.jpg"), FORMATS["alto"], Path("out"), "letter")``
"""

from inkread.formats.geometry import fit
from inkread.formats.pairing import paired, without_image
from inkread.formats.reading import read_document, read_layout
from inkread.formats.writing import FORMATS, Format, save

__all__ = ["FORMATS", "Format", "fit", "paired", "read_document", "read_layout", "save", "without_image"]
