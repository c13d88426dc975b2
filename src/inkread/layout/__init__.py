"""From a page image to its text lines, in reading order."""

from inkread.layout.analysis import Analyser

__all__ = ["Analyser"]
