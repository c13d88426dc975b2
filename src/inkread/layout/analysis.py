"""From a page image to its lines, in reading order.

Usage: ``page = Analyser(Detector(bundle.detector))(page_image.grey)``
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.document import Line, Page, Polygon, Polyline, Region
from inkread.layout.detector import MAX_SIDE, SIDE, Detector, TextMap
from inkread.layout.lines import Fragments, find_fragments, find_rulings, join_fragments, line_geometry
from inkread.layout.order import reading_order

MIN_THICKNESS, BEST_THICKNESS, MAX_THICKNESS = 7.0, 11.0, 30.0
MIN_SIDE = 256


@dataclass(frozen=True)
class Analyser:
    """Finds lines, baselines, outlines, regions and reading order of a page.

    Attributes:
        detector: the text detection network.
        side: resolution of the first look; writing too small or too large for it gets a second one.
    """

    detector: Detector
    side: int = SIDE

    def __call__(self, grey: NDArray[np.uint8]) -> Page:
        """Analyse a page.

        Args:
            grey: uint8 [height, width].

        Returns:
            A page whose lines have geometry but no text. Its ``orientation`` is 90 where most lines run up or
            down the page: turn it and look again (whether by 90 or 270 only reading can tell).
        """
        height, width = grey.shape
        text_map, found = self._look(grey)
        rulings = find_rulings(text_map.grey)
        level = join_fragments(found.level, rulings)
        upright = join_fragments(found.upright)
        sideways = sum(piece.length for piece in upright) > sum(piece.length for piece in level)
        geometry = [line_geometry(piece, text_map) for piece in level]
        geometry += [line_geometry(piece, text_map, upright=True) for piece in upright]
        return Page(width, height, _regions(geometry), orientation=90 if sideways else 0)

    def _look(self, grey: NDArray[np.uint8]) -> tuple[TextMap, Fragments]:
        text_map = self.detector(grey, self.side)
        found = find_fragments(text_map)
        thicknesses = [piece.thickness for piece in found.level + found.upright]
        typical = float(np.median(thicknesses)) if thicknesses else BEST_THICKNESS
        if MIN_THICKNESS <= typical <= MAX_THICKNESS:
            return text_map, found
        side = round(min(max(self.side * BEST_THICKNESS / typical, MIN_SIDE), MAX_SIDE, max(grey.shape)))
        text_map = self.detector(grey, side)
        return text_map, find_fragments(text_map)


def _regions(geometry: list[tuple[Polyline, Polygon]]) -> tuple[Region, ...]:
    regions = []
    number = 0
    for block_number, block in enumerate(reading_order([baseline for baseline, _ in geometry]), start=1):
        lines = []
        for index in block:
            number += 1
            baseline, polygon = geometry[index]
            lines.append(Line(f"l{number}", baseline, polygon))
        regions.append(Region(f"r{block_number}", _bounding_box([line.polygon for line in lines]), tuple(lines)))
    return tuple(regions)


def _bounding_box(polygons: list[Polygon]) -> Polygon:
    points = np.concatenate([np.asarray(polygon) for polygon in polygons])
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
