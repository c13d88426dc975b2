"""Handwriting-like pages of several layouts, with their ground truth.

Usage: ``for page, image in sample_pages(...): ...``
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inkread.document import Line, Page, Point, Polygon, Region
from inkread.recognition.line_images import Grey
from inkread.synthesis.ink import Coverage, Font, Hand, Paper, write

GUTTER = 0.14


@dataclass(frozen=True, slots=True)
class Block:
    """Text to write: lines are broken to ``width``, and where ``text`` has a line break.

    Attributes:
        text: what to write; an empty line leaves a line free.
        x, y: left end of the first line's baseline, pixels of the page.
        width: longest line, pixels.
        kind: kind of the region, "text" or "marginalia".
        scale: size of the writing relative to the hand's.
    """

    text: str
    x: float
    y: float
    width: float
    kind: str = "text"
    scale: float = 1.0


def wrap(text: str, hand: Hand, width: float) -> list[str]:
    """Lines of whole words not wider than ``width`` pixels; a word that is wider stands alone."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and hand.width(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def sample_blocks(texts: Sequence[str], hand: Hand, size: tuple[int, int], rng: np.random.Generator) -> list[Block]:
    """A random layout filled with random texts: one column, two columns, or one column with a note in the margin."""
    width, height = size
    layout = ("one", "two", "note")[int(rng.integers(3))]
    top, edge = height * rng.uniform(0.06, 0.14), width * rng.uniform(0.06, 0.12)
    columns = 2 if layout == "two" else 1
    left = edge + (0.22 * width if layout == "note" else 0.0)
    room = (width - left - edge) / columns
    line = room * (1 - GUTTER)
    filled = [
        Block(_fill(texts, hand, line, height * 0.88 - top, rng), left + index * room, top, line)
        for index in range(columns)
    ]
    if layout == "note":
        note = " ".join(texts[int(rng.integers(len(texts)))].split()[:8])
        filled.append(Block(note, edge / 2, height * rng.uniform(0.2, 0.6), left - edge, "marginalia", 0.8))
    return filled


def _fill(texts: Sequence[str], hand: Hand, width: float, height: float, rng: np.random.Generator) -> str:
    lines: list[str] = []
    while len(lines) < height / hand.pitch:
        lines.extend(wrap(texts[int(rng.integers(len(texts)))], hand, width))
    return "\n".join(lines[: max(int(height / hand.pitch), 1)])


SIZE = (1240, 1754)
X_HEIGHT = (14.0, 22.0)
SKEW = 1.0
RULED = 0.3
FOOTER_SIZE = 22
SCANNER_LID = 90


def render_page(
    blocks: Sequence[Block],
    hand: Hand,
    paper: Paper,
    size: tuple[int, int],
    rng: np.random.Generator,
    *,
    ruled: bool = False,
    footer: str = "",
) -> tuple[Grey, Page]:
    """Write the blocks on one sheet.

    Args:
        blocks: in reading order.
        hand: who writes.
        paper: on what.
        size: width and height in pixels.
        rng: source of all randomness.
        ruled: print rules, on which the first block stands.
        footer: a printed line at the foot of the page.

    Returns:
        uint8 [height, width] and the page, one region for each block; the footer is a region of kind "footer".
        Lines that would end below the sheet are left out.
    """
    width, height = size
    coverage = np.zeros((height, width), np.uint8)
    regions = [_write_block(block, hand, coverage, f"r{index}", rng) for index, block in enumerate(blocks)]
    if footer:
        regions.append(_print_footer(footer, coverage))
    rows = np.arange(blocks[0].y % hand.pitch, height, hand.pitch).tolist() if ruled and blocks else []
    image = paper.scan(coverage, rng, rows=rows)
    return image, Page(width, height, tuple(region for region in regions if region.lines))


def turn_page(image: Grey, page: Page, degrees: float) -> tuple[Grey, Page]:
    """The page as if it had been laid ``degrees`` clockwise on the scanner, all of it still visible."""
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    new_width, new_height = round(height * sine + width * cosine), round(height * cosine + width * sine)
    matrix[:, 2] += (new_width - width) / 2, (new_height - height) / 2
    turned = cv2.warpAffine(image, matrix, (new_width, new_height), flags=cv2.INTER_CUBIC, borderValue=(SCANNER_LID,))

    def moved(points: tuple[Point, ...]) -> tuple[Point, ...]:
        return tuple((float(x), float(y)) for x, y in np.array(points) @ matrix[:, :2].T + matrix[:, 2])

    regions = tuple(
        replace(
            region,
            polygon=moved(region.polygon),
            lines=tuple(replace(x, baseline=moved(x.baseline), polygon=moved(x.polygon)) for x in region.lines),
        )
        for region in page.regions
    )
    orientation = round(-degrees / 90) * 90 % 360
    turned_page = replace(page, width=new_width, height=new_height, regions=regions, orientation=orientation)
    return np.asarray(turned, np.uint8), turned_page


def sample_pages(texts: Sequence[str], fonts: Sequence[Font], count: int, seed: int) -> Iterator[tuple[Grey, Page]]:
    """``count`` pages in random hands and layouts, a little crooked; page i depends on the seed and i alone.

    Raises:
        DatasetError: no font has all characters of a text.
    """
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        hand = Hand.sample(fonts, texts[int(rng.integers(len(texts)))], rng, float(rng.uniform(*X_HEIGHT)))
        blocks = sample_blocks([text for text in texts if hand.font.covers(text)], hand, SIZE, rng)
        image, page = render_page(blocks, hand, Paper.sample(rng), SIZE, rng, ruled=bool(rng.random() < RULED))
        image, page = turn_page(image, page, float(rng.normal(0, SKEW)))
        yield image, replace(page, source=f"{index:04}.png")


def _write_block(block: Block, hand: Hand, coverage: Coverage, name: str, rng: np.random.Generator) -> Region:
    scaled = replace(hand, x_height=hand.x_height * block.scale)
    lines: list[Line] = []
    for index, text in enumerate(wrap(block.text, scaled, block.width)):
        base = block.y + index * scaled.pitch
        if not text or base + scaled.x_height > coverage.shape[0]:
            continue
        ink = write(text, scaled, rng)
        shift_x = round(block.x + scaled.x_height * rng.normal(0, 0.3) - ink.baseline[0][0])
        shift_y = round(base - float(np.mean([y for _, y in ink.baseline])))
        _press(coverage, ink.coverage, shift_x, shift_y)
        baseline = tuple((x + shift_x, y + shift_y) for x, y in ink.baseline)
        polygon = _inside(tuple((x + shift_x, y + shift_y) for x, y in ink.outline), coverage)
        lines.append(Line(id=f"{name}l{index}", baseline=_inside(baseline, coverage), polygon=polygon, text=text))
    return Region(name, _box([point for line in lines for point in line.polygon]), tuple(lines), block.kind)


def _press(sheet: Coverage, ink: Coverage, x: int, y: int) -> None:
    top, left = max(y, 0), max(x, 0)
    target = sheet[top : y + ink.shape[0], left : x + ink.shape[1]]
    source = ink[top - y : top - y + target.shape[0], left - x : left - x + target.shape[1]]
    np.maximum(target, source, out=target)


def _print_footer(text: str, coverage: Coverage) -> Region:
    height, width = coverage.shape
    font = ImageFont.load_default(FOOTER_SIZE)
    x, y = (width - font.getlength(text)) / 2, height - 2.0 * FOOTER_SIZE
    image = Image.new("L", (width, height), 0)
    ImageDraw.Draw(image).text((x, y), text, fill=255, font=font, anchor="ls")
    np.maximum(coverage, np.asarray(image), out=coverage)
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    box = _box([(x + left, y + top), (x + right, y + bottom)])
    return Region("footer", box, (Line("footer0", ((x, y), (x + right, y)), box, text),), "footer")


def _inside(points: Polygon, coverage: Coverage) -> Polygon:
    height, width = coverage.shape
    return tuple((min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)) for x, y in points)


def _box(points: Sequence[Point]) -> Polygon:
    if not points:
        return ()
    x, y = zip(*points, strict=True)
    return ((min(x), min(y)), (max(x), min(y)), (max(x), max(y)), (min(x), max(y)))
