"""From a page image to its lines, in reading order.

Usage: ``page = Analyser(Detector(bundle.detector))(page_image.grey)``
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count, zip_longest

import numpy as np
from numpy.typing import NDArray

from inkread.document import Line, Page, Polygon, Polyline, Region
from inkread.layout.detector import Detector, TextMap
from inkread.layout.gutters import Gutter, find_gutters, mark, undecided
from inkread.layout.lines import (
    Fragment,
    Fragments,
    find_fragments,
    find_rulings,
    join_fragments,
    line_geometry,
    part_at,
)
from inkread.layout.order import reading_order
from inkread.layout.registers import Grid, find_grid
from inkread.layout.settings import DEFAULT_LAYOUT, LayoutSettings


@dataclass(frozen=True, slots=True)
class Doubt:
    """A gutter over most of a page that geometry does not decide.

    Attributes:
        gutter: from its upper end to its lower one, in page pixels.
        divided: whether the page was divided there.
    """

    gutter: Polyline
    divided: bool


@dataclass(frozen=True)
class Analyser:
    """Finds lines, baselines, outlines, regions and reading order of a page.

    Attributes:
        detector: the text detection network.
        settings: every threshold.
    """

    detector: Detector
    settings: LayoutSettings = DEFAULT_LAYOUT

    def __call__(self, grey: NDArray[np.uint8]) -> Page:
        """Analyse a page.

        Args:
            grey: uint8 [height, width].

        Returns:
            A page whose lines have geometry but no text. Its ``orientation`` is 90 where most lines run up or
            down the page: turn it and look again (whether by 90 or 270 only reading can tell).
        """
        return self.consider(grey)[0]

    def consider(
        self, grey: NDArray[np.uint8], *, divided: bool | None = None, tables: bool = True
    ) -> tuple[Page, Doubt | None]:
        """Analyse a page, and say what its geometry leaves open.

        Args:
            grey: uint8 [height, width].
            divided: whether an undecided gutter divides the whole page; None takes what is likelier.
            tables: whether lines beside one another may be a table without rulings; False reads them as columns.
        """
        height, width = grey.shape
        text_map, found = self.look(grey)
        gutters = find_gutters(found.level, self.settings, odds=self.settings.cut_doubt[0])
        open_one = undecided(gutters, found.level, self.settings)
        kept = [
            gutter for gutter in gutters if gutter.evidence >= np.log(self.settings.cut_odds) and gutter is not open_one
        ]
        divides = open_one is not None and (
            open_one.evidence >= np.log(self.settings.cut_odds) if divided is None else divided
        )
        if open_one is not None and divides:
            rows = float(len(text_map.grey))
            kept.append(replace(open_one, top=0.0, bottom=rows, spared=()) if divided else open_one)
        doubt = Doubt(_on_page(open_one, text_map), divides) if open_one else None
        barriers = find_rulings(text_map.grey, self.settings)
        grid = find_grid(text_map.grey, barriers, (text_map.scale_x, text_map.scale_y), self.settings)
        if kept:
            drawn = mark(kept, text_map.probability.shape)
            text_map = replace(text_map, probability=np.where(drawn, np.float32(0), text_map.probability))
            barriers = barriers | drawn
        if kept or grid:
            found = find_fragments(text_map, self.settings, cells=grid is not None)
        level = join_fragments(found.level, barriers, self.settings)
        if grid:
            rulings = [np.asarray(stroke) * (text_map.scale_x, text_map.scale_y) for stroke in grid.uprights]
            level = part_at(level, rulings, text_map.probability, self.settings)
        upright = join_fragments(found.upright, settings=self.settings)
        sideways = sum(piece.length for piece in upright) > sum(piece.length for piece in level)
        if not sideways and grid is None:
            least = self.settings.upright_length * _typical_thickness(level)
            upright = [piece for piece in upright if piece.length >= least]
        geometry = [line_geometry(piece, text_map, self.settings) for piece in level]
        geometry += [line_geometry(piece, text_map, self.settings, upright=True) for piece in upright]
        regions = self._regions(geometry, [_on_page(gutter, text_map) for gutter in kept], grid, tables)
        return Page(width, height, regions, orientation=90 if sideways else 0), doubt

    def look(self, grey: NDArray[np.uint8]) -> tuple[TextMap, Fragments]:
        """The map of a page, uint8 [height, width], and the pieces of lines in it.

        Where writing is too small or too large for the first look, they are of a second one.
        """
        settings = self.settings
        text_map = self.detector(grey, settings.side)
        found = find_fragments(text_map, settings)
        typical = _typical_thickness(found.level + found.upright) or settings.best_thickness
        if settings.min_thickness <= typical <= settings.max_thickness:
            return text_map, found
        wanted = max(settings.side * settings.best_thickness / typical, settings.min_side)
        text_map = self.detector(grey, round(min(wanted, settings.max_side, max(grey.shape))))
        return text_map, find_fragments(text_map, settings)

    def _regions(
        self, geometry: list[tuple[Polyline, Polygon]], gutters: list[Polyline], grid: Grid | None, tables: bool
    ) -> tuple[Region, ...]:
        regions = []
        numbers = count(1)
        blocks = reading_order([baseline for baseline, _ in geometry], self.settings, gutters, grid, tables=tables)
        for block_number, block in enumerate(blocks, start=1):
            lines = tuple(
                Line(f"l{next(numbers)}", *geometry[index], cell=cell)
                for index, cell in zip_longest(block.lines, block.cells)
            )
            outline = _bounding_box([line.polygon for line in lines])
            regions.append(Region(f"r{block_number}", outline, lines, block.kind))
        return tuple(regions)


def _typical_thickness(pieces: list[Fragment]) -> float:
    """Median thickness over the length of all pieces, 0 without any; many specks weigh less than few lines."""
    if not pieces:
        return 0.0
    ordered = sorted(pieces, key=lambda piece: piece.thickness)
    lengths = np.cumsum([piece.length for piece in ordered])
    return ordered[int(np.searchsorted(lengths, lengths[-1] / 2))].thickness


def _on_page(gutter: Gutter, text_map: TextMap) -> Polyline:
    return tuple((gutter.x(y) / text_map.scale_x, y / text_map.scale_y) for y in (gutter.top, gutter.bottom))


def _bounding_box(polygons: list[Polygon]) -> Polygon:
    points = np.concatenate([np.asarray(polygon) for polygon in polygons])
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
