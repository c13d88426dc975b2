"""Small line charts as SVG text, for reports that open without a network.

Usage: ``svg = line_chart([Series("CER", [(0.5, 0.02), (1.0, 0.1)])], x="coverage", y="CER")``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

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
