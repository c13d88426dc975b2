"""From a page image to its text lines, in reading order."""

from inkread.layout.analysis import Analyser
from inkread.layout.bands import Band, line_bands

__all__ = ["Analyser", "Band", "line_bands"]
