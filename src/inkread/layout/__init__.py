"""From a page image to its text lines, in reading order.

Usage: ``Analyser(Detector(path), LayoutSettings(side=1280))(grey)``
"""

from inkread.layout.analysis import Analyser
from inkread.layout.settings import LayoutSettings

__all__ = ["Analyser", "LayoutSettings"]
