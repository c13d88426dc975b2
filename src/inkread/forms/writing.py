"""What somebody has written on a sheet: the print of the empty page taken away, field by field.

Usage: ``written = Written(warped, blank); written.line(field)``

The sheet was warped to lie as the empty page does, so print is where the empty page has ink. Strokes that cross it are
closed by inpainting (Telea, "An image inpainting technique based on the fast marching method", 2004).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.forms.frames import ink_of
from inkread.forms.template import Box, FormField
from inkread.recognition.line_images import Grey

Mask = NDArray[np.bool_]

AROUND_PRINT = 5
"""Pixels at 200 dpi of the square by which print is widened before it is taken away."""
BEYOND = 14
"""Pixels around a field into which its writing may reach."""
MOST_OUTSIDE = 0.6
"""Share of a stroke outside its field from which it belongs to another one."""
LEAST_STROKE = 12
"""Pixels of a stroke; less is dust."""
LEAST_INK, LEAST_INK_SHARE = 40, 0.001
"""Pixels of ink, and share of the field, below which it is empty."""
MARGIN = 0.16
"""Paper around the writing in heights of the writing."""
LEAST_HEIGHT = 0.4
"""Height of a line image in heights of the field, so that a hyphen is not enlarged to a letter."""
CELL_GAP, EMPTY_CELL = 7, 20
"""Pixels between two characters of a comb when they are put side by side, and of an empty cell."""


class Written:
    """The writing on one page.

    Args:
        warped: the sheet as the empty page lies, uint8 [height, width] at 200 dpi.
        blank: the empty page, of the same size.

    Attributes:
        grey: the sheet.
    """

    def __init__(self, warped: Grey, blank: Grey) -> None:
        self.grey = warped
        self._print = cv2.dilate(ink_of(blank), np.ones((AROUND_PRINT, AROUND_PRINT), np.uint8)) > 0
        self._ink = (ink_of(warped) > 0) & ~self._print

    def ink(self, box: Box, beyond: int = 0) -> float:
        """Share of a box that is covered with ink, print left out; ``beyond`` pixels around it count too."""
        rows, columns = self._slices(box, beyond)
        free = int(np.count_nonzero(~self._print[rows, columns]))
        return int(np.count_nonzero(self._ink[rows, columns])) / max(free, 1)

    def is_empty(self, box: Box) -> bool:
        """Whether nothing but dust is written in a box."""
        return int(np.count_nonzero(self._strokes(box)[0])) < max(LEAST_INK, LEAST_INK_SHARE * box[2] * box[3])

    def block(self, box: Box) -> Grey:
        """A field of several lines, uint8 [height, width]."""
        return self._clean(box)[0]

    def line(self, field: FormField) -> Grey | None:
        """The line image of a field: cut close to its writing, characters of a comb put side by side; None if empty."""
        if self.is_empty(field.box):
            return None
        grey, strokes = self._clean(field.box)
        if field.comb:
            parts = [part or _empty_cell(grey) for part in _each_cell(grey, strokes, field.box, field.comb)]
            greys, masks = zip(*parts, strict=True)
            grey, strokes = np.hstack(greys), np.hstack(masks)
        return _cut(grey, strokes, field.box[3])

    def cells(self, field: FormField) -> list[Grey | None]:
        """The cells of a comb from the first to the last with ink, a line image each; None for an empty one."""
        grey, strokes = self._clean(field.box)
        parts = _each_cell(grey, strokes, field.box, field.comb or 1)
        return [None if part is None else _cut(*part, field.box[3]) for part in parts]

    def _slices(self, box: Box, beyond: int) -> tuple[slice, slice]:
        x, y, width, height = box
        return (
            slice(max(round(y) - beyond, 0), round(y + height) + beyond),
            slice(max(round(x) - beyond, 0), round(x + width) + beyond),
        )

    def _strokes(self, box: Box) -> tuple[Mask, tuple[slice, slice]]:
        """The strokes that belong to a field, bool [rows, columns] of the field and what is around it.

        Parts of a stroke above and below a printed line belong together.
        """
        rows, columns = self._slices(box, BEYOND)
        ink = self._ink[rows, columns]
        joined = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((2 * AROUND_PRINT + 1, 1), np.uint8))
        count, labels = cv2.connectedComponents(joined)
        labels = np.where(ink, labels, 0)
        sizes: NDArray[np.intp] = np.bincount(labels.ravel(), minlength=count)
        inner_rows, inner_columns = self._slices(box, 0)
        inside = labels[
            inner_rows.start - rows.start : inner_rows.stop - rows.start,
            inner_columns.start - columns.start : inner_columns.stop - columns.start,
        ]
        shares = np.bincount(inside.ravel(), minlength=count) / np.maximum(sizes, 1)
        kept = (shares >= 1 - MOST_OUTSIDE) & (sizes >= LEAST_STROKE)
        kept[0] = False
        return kept[labels], (rows, columns)

    def _clean(self, box: Box) -> tuple[Grey, Mask]:
        """The field on plain paper, and its strokes."""
        strokes, (rows, columns) = self._strokes(box)
        grey, printed = self.grey[rows, columns], self._print[rows, columns]
        filled = np.asarray(cv2.inpaint(grey, printed.astype(np.uint8), 3, cv2.INPAINT_TELEA), np.uint8)
        paper = np.median(grey[~(printed | self._ink[rows, columns])]) if (~printed).any() else 255
        reach = AROUND_PRINT + 2
        near = cv2.dilate(strokes.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
        return np.where(near, filled, np.uint8(paper)), strokes


def _cut(grey: Grey, strokes: Mask, height: float) -> Grey:
    """What is around the strokes, with a margin of paper; ``height`` is that of the field."""
    rows, columns = np.flatnonzero(strokes.any(axis=1)), np.flatnonzero(strokes.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    missing = max(LEAST_HEIGHT * height - (bottom - top), 0) / 2
    margin = MARGIN * max(bottom - top, LEAST_HEIGHT * height)
    above, beside = round(margin + missing), round(margin)
    paper = int(np.median(grey))
    framed = cv2.copyMakeBorder(grey, above, above, beside, beside, cv2.BORDER_CONSTANT, value=(paper,))
    return np.ascontiguousarray(framed[top : bottom + 2 * above, left : right + 2 * beside], np.uint8)


def _each_cell(grey: Grey, strokes: Mask, box: Box, cells: int) -> Iterator[tuple[Grey, Mask] | None]:
    """The cells of a comb from the first to the last with ink: each stroke goes with the cell that has its middle."""
    _, labels, _, centres = cv2.connectedComponentsWithStats(strokes.astype(np.uint8))
    start = min(BEYOND, box[0])
    numbers = np.clip(((centres[1:, 0] - start) / (box[2] / cells)).astype(int), 0, cells - 1)
    paper = np.uint8(np.median(grey))
    for cell in range(numbers.min(), numbers.max() + 1):
        if cell not in numbers:
            yield None
            continue
        own = np.isin(labels, 1 + np.flatnonzero(numbers == cell))
        columns = np.flatnonzero(own.any(axis=0))
        place = slice(max(columns[0] - CELL_GAP // 2, 0), columns[-1] + 1 + CELL_GAP // 2)
        near = cv2.dilate(own.astype(np.uint8), np.ones((AROUND_PRINT, AROUND_PRINT), np.uint8)) > 0
        yield np.where(near, grey, paper)[:, place], own[:, place]


def _empty_cell(grey: Grey) -> tuple[Grey, Mask]:
    size = len(grey), EMPTY_CELL
    return np.full(size, np.median(grey), np.uint8), np.zeros(size, np.bool_)
