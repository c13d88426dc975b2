"""The report of an evaluation as one HTML page with pictures and charts.

Usage: ``html_report(report, examples)``
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from inkread.document import Setting
from inkread.errors import InputError
from inkread.evaluation.calibration import Bin, rated_words, reliability, word_error
from inkread.evaluation.compare import ReadLine
from inkread.evaluation.coverage import COVERAGES, Kept, cer_at, perfect_coverage, risk_coverage, word_coverage
from inkread.evaluation.report import slices, summarise
from inkread.evaluation.statistics import INTERVAL
from inkread.evaluation.text import NORMALISATION, character_errors, normalise
from inkread.io.inputs import load_pages
from inkread.recognition.line_images import Grey

WIDTH, HEIGHT = 420, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 42
TICKS = 5


@dataclass(frozen=True, slots=True)
class Series:
    """Points joined by a line; ``dashed`` for what others are compared with, ``dots`` to mark the points."""

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False
    dots: bool = False


def line_chart(series: Sequence[Series], *, x: str, y: str, top: float | None = None) -> str:
    """An SVG of series over x in [0, 1], y from 0 to ``top`` or the highest point; it takes the page's text colour."""
    highest = top or max((value for one in series for _, value in one.points), default=1.0) * 1.05 or 1.0
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(y)} over {escape(x)}" class="chart">',
        *_axes(x, y, highest),
    ]
    for number, one in enumerate(series):
        places = [(_across(px), _up(py / highest)) for px, py in one.points]
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
        dash = ' stroke-dasharray="4 4"' if one.dashed else ""
        parts.append(
            f'<polyline class="series s{number}" points="{line}"{dash}><title>{escape(one.name)}</title></polyline>'
        )
        if one.dots:
            parts += [f'<circle class="s{number}" cx="{px:.1f}" cy="{py:.1f}" r="3"/>' for px, py in places]
    return "\n".join([*parts, "</svg>"])


def _axes(x: str, y: str, highest: float) -> list[str]:
    parts = []
    for tick in range(TICKS + 1):
        share = tick / TICKS
        across, up = _across(share), _up(share)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up:.1f}" y2="{up:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{up + 4:.1f}" text-anchor="end">{share * highest:.2f}</text>')
        parts.append(f'<text x="{across:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{share:.1f}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x)}</text>')
    parts.append(
        f'<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">{escape(y)}</text>'
    )
    return parts


def _across(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _up(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


SHOWN_LINES = 12
SHOWN_CONFUSIONS = 30
PICTURE_HEIGHT, PICTURE_WIDTH = 56, 900
CHART_POINTS = 200


@dataclass(frozen=True, slots=True)
class Example:
    """A line for people: its picture as a data URI, "" where it cannot be shown."""

    line: ReadLine
    rate: float
    picture: str


def html_report(
    title: str,
    lines: Sequence[ReadLine],
    settings: Mapping[str, Setting] | None = None,
    baseline: Mapping[str, Any] | None = None,
    picture_of: Callable[[ReadLine], Grey | None] | None = None,
) -> str:
    """The report as HTML.

    Args:
        title: what was measured.
        lines: compared lines, one or more.
        settings: what the report should say about the reader.
        baseline: what the word classifier did on the same words, as the pipeline measures it.
        picture_of: image of a line, uint8 [height, width]; else it is cut out of the line's page.
    """
    picture = picture_of or cut_picture
    summary = summarise("all", "", lines, [])
    curve, perfect, rated = risk_coverage(lines), perfect_coverage(lines), rated_words(lines)
    of_words = word_coverage(lines)
    ranked = sorted(lines, key=lambda line: character_errors(line.written, line.read).rate)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            title=title,
            summary=summary,
            settings=settings or {},
            slices=slices(lines),
            coverages=[
                (share, [cer_at(points, share) for points in (curve, perfect, of_words)]) for share in COVERAGES
            ],
            coverage_chart=coverage_chart(curve, perfect, of_words),
            reliability_chart=reliability_chart(reliability(rated)),
            ece=word_error(rated),
            words_rated=len(rated),
            confusions=[(visible(a), visible(b), count) for a, b, count in summary.confusions[:SHOWN_CONFUSIONS]],
            worst=[_example(line, picture) for line in reversed(ranked[-SHOWN_LINES:])],
            best=[_example(line, picture) for line in _longest_right(ranked)],
            baseline=baseline,
            normalisation=NORMALISATION,
            interval=INTERVAL,
        )
    )


def coverage_chart(curve: Sequence[Kept], perfect: Sequence[Kept], of_words: Sequence[Kept]) -> str:
    """CER over coverage by lines and by words, and what lines in the order of their error rates would give."""

    def thinned(points: Sequence[Kept]) -> list[tuple[float, float]]:
        step = max(len(points) // CHART_POINTS, 1)
        return [(point.coverage, point.cer) for point in [*points[::step], *points[-1:]]]

    kept = Series("CER of the lines kept", thinned(curve))
    bound = Series("in the best possible order", thinned(perfect), dashed=True)
    words = Series("CER of the words kept", thinned(of_words))
    return line_chart([kept, bound, words], x="share of the characters kept", y="CER")


def reliability_chart(bins: Sequence[Bin]) -> str:
    """Share of right words over their confidence."""
    points = [(row.confidence, row.right) for row in bins]
    ideal = Series("perfectly calibrated", [(0.0, 0.0), (1.0, 1.0)], dashed=True)
    return line_chart([Series("words", points, dots=True), ideal], x="confidence", y="share right", top=1.0)


def visible(character: str) -> str:
    """``visible(" ") == "␣"``, ``visible("") == "∅"``: what a person can see in a table."""
    return {"": "∅", " ": "␣"}.get(character, character)


def _longest_right(ranked: Sequence[ReadLine]) -> list[ReadLine]:
    right = [line for line in ranked if normalise(line.written) == normalise(line.read)]
    return sorted(right, key=lambda line: -len(line.written))[:SHOWN_LINES]


def cut_picture(line: ReadLine) -> Grey | None:
    """The line out of its page, or the page where the page is the line; None where it cannot be read."""
    try:
        grey = next(iter(load_pages(line.page))).grey
    except InputError:
        return None
    if line.box is None:
        return grey
    left, top, right, bottom = (max(int(value), 0) for value in line.box)
    return grey[top : bottom + 1, left : right + 1]


def _example(line: ReadLine, picture_of: Callable[[ReadLine], Grey | None]) -> Example:
    return Example(line, character_errors(line.written, line.read).rate, data_uri(picture_of(line)))


def data_uri(grey: Grey | None) -> str:
    """A small picture of a line as a data URI; "" for none."""
    if grey is None or not grey.size:
        return ""
    image = Image.fromarray(grey)
    image.thumbnail((PICTURE_WIDTH, PICTURE_HEIGHT))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=70)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def environment() -> Environment:
    """Where the templates of the reports are."""
    return Environment(
        loader=PackageLoader("inkread.evaluation", "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
