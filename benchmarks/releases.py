"""Turns benchmarks/results/*.json, one file a release, into docs/releases.md and its plot.

Usage: ``python benchmarks/releases.py`` (``make docs`` runs it);
``python benchmarks/releases.py --new 0.3.0`` first writes that file with the accuracy that the bundled model states;
speed, memory and calibration are then measured and added by hand.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "releases.md"
PLOT = ROOT / "docs" / "images" / "releases.svg"

LINE_CER = "CER of given lines, with language model"
PANELS = (LINE_CER, "CER of whole pages, with language model", "reading speed", "peak memory")
COLOURS = {"inkread": "#3f51b5", "rapidocr": "#e65100"}
WIDTH, HEIGHT, MARGIN = 300, 220, 46

TEMPLATE = """\
# Releases

What was measured of each release.

- Rates of error are of pages that the model was not trained on. Normalisation: {{ latest.normalisation }}.
- In brackets: {{ latest.interval }}.
- Speed and memory of two releases compare only if the machine is the same.

![CER of lines and of pages, speed and memory of each release](images/releases.svg)

| figure | data | {{ releases|join(" | ", "release") }} |
|---|---|{{ "---|" * releases|length }}
{% for row in rows %}
| {{ row.title }} | {{ row.sample }} | {{ row.cells|join(" | ") }} |
{% endfor %}

## CER of given lines, by source

| source | sample | {{ releases|join(" | ", "release") }} |
|---|---|{{ "---|" * releases|length }}
{% for row in sources %}
| {{ row.title }} | {{ row.sample }} | {{ row.cells|join(" | ") }} |
{% endfor %}

## How it was measured

{% for each in releases %}
- **{{ each.release }}** ({{ each.date }}): model {{ each.model }}, {{ each.machine }}. All figures and their commands:
  [{{ each.release }}.json](https://github.com/inkread/inkread/blob/main/benchmarks/results/{{ each.release }}.json).
{% endfor %}

`python benchmarks/releases.py` writes this page.
"""

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{{ width }}" height="{{ height }}" viewBox="0 0 {{ width }} {{ height }}"
 font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
{% for panel in panels %}
<g transform="translate({{ panel.left }} {{ panel.top }})">
<text x="0" y="16" font-weight="bold">{{ panel.title }}, {{ panel.unit }}</text>
{% for tick in panel.ticks %}
<path d="M{{ inner_left }} {{ tick.y }}H{{ inner_right }}" stroke="#ddd"/>
<text x="{{ inner_left - 6 }}" y="{{ tick.y + 4 }}" text-anchor="end" fill="#555">{{ tick.label }}</text>
{% endfor %}
{% for label in panel.labels %}
<text x="{{ label.x }}" y="{{ inner_bottom + 16 }}" text-anchor="middle" fill="#555">{{ label.text }}</text>
{% endfor %}
{% for line in panel.lines %}
<polyline points="{{ line.points }}" fill="none" stroke="{{ line.colour }}" stroke-width="1.5"/>
{% endfor %}
{% for point in panel.points %}
{% if point.bar %}
<path d="M{{ point.x }} {{ point.bar[0] }}V{{ point.bar[1] }}" stroke="{{ point.colour }}" stroke-width="2"/>
{% endif %}
<circle cx="{{ point.x }}" cy="{{ point.y }}" r="4" fill="{{ point.colour }}"/>
<text x="{{ point.x + 6 }}" y="{{ point.y - 6 }}">{{ point.text }}</text>
{% endfor %}
</g>
{% endfor %}
{% for name, colour in colours.items() %}
<circle cx="{{ 20 + 100 * loop.index0 }}" cy="{{ height - 12 }}" r="4" fill="{{ colour }}"/>
<text x="{{ 30 + 100 * loop.index0 }}" y="{{ height - 8 }}">{{ name }}</text>
{% endfor %}
</svg>
"""


@dataclass(frozen=True)
class Release:
    """One file of results; the fields are described in benchmarks/results/schema.json."""

    release: str
    date: str
    model: str
    normalisation: str
    interval: str
    machine: str
    figures: list[dict[str, Any]]

    def find(self, name: str, dataset: str | None = None, system: str = "inkread") -> dict[str, Any] | None:
        """A figure of one source, or else of all data that it was measured on; None where this release lacks it."""
        found = [f for f in self.figures if f["name"] == name and f.get("system", "inkread") == system]
        if dataset is None and len(found) > 1:
            dataset = "all"
        return next((figure for figure in found if dataset in (None, figure["dataset"])), None)


def read_results(folder: Path = RESULTS) -> list[Release]:
    """All releases, oldest first."""
    read = [Release(**json.loads(path.read_text(encoding="utf-8"))) for path in folder.glob("[0-9]*.json")]
    return sorted(read, key=lambda each: [int(part) for part in each.release.split(".")])


def render_page(releases: list[Release]) -> str:
    """The page in Markdown."""
    figures = [figure for each in reversed(releases) for figure in each.figures]
    names = dict.fromkeys((figure["name"], figure.get("system", "inkread")) for figure in figures)
    sources = dict.fromkeys(f["dataset"] for f in figures if f["name"] == LINE_CER and f["dataset"] != "all")
    return (
        _environment()
        .from_string(TEMPLATE)
        .render(
            releases=releases,
            latest=releases[-1],
            rows=[_row(releases, name, None, system) for name, system in names],
            sources=[_row(releases, LINE_CER, source) for source in sources],
        )
    )


def _row(releases: list[Release], name: str, dataset: str | None, system: str = "inkread") -> dict[str, Any]:
    found = [each.find(name, dataset, system) for each in releases]
    last = next(figure for figure in reversed(found) if figure)
    sample = ", ".join(f"{count:,} {unit}" for unit, count in last["n"].items())
    return {
        "title": dataset or f"{name}, {last['unit']}" + ("" if system == "inkread" else f" ({system})"),
        "sample": sample if dataset else f"{last['dataset']}, {last['split']}: {sample}".replace(", none:", ":"),
        "cells": [_cell(figure) for figure in found],
    }


def _cell(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "–"
    interval = "" if figure["low"] is None else f" ({figure['low']:g} to {figure['high']:g})"
    return f"{figure['value']:g}{interval}"


def render_plot(releases: list[Release]) -> str:
    """The plot as SVG: one panel a figure, one point a release and engine, with its interval."""
    panels = [
        _panel(releases, name) | {"left": 16 + number % 2 * (WIDTH + 16), "top": 8 + number // 2 * (HEIGHT + 8)}
        for number, name in enumerate(PANELS)
    ]
    rows = (len(PANELS) + 1) // 2
    return (
        _environment()
        .from_string(SVG)
        .render(
            panels=panels,
            colours=COLOURS,
            width=2 * WIDTH + 48,
            height=rows * (HEIGHT + 8) + 36,
            inner_left=MARGIN,
            inner_right=WIDTH,
            inner_bottom=HEIGHT - 24,
        )
    )


def _panel(releases: list[Release], name: str) -> dict[str, Any]:
    figures = [
        (number, system, figure)
        for system in COLOURS
        for number, each in enumerate(releases)
        if (figure := each.find(name, system=system))
    ]
    top = _round_up(max(figure["high"] or figure["value"] for _, _, figure in figures))
    step = (WIDTH - MARGIN) / len(releases)

    def x(number: int) -> float:
        return round(MARGIN + step * (number + 0.5), 1)

    def y(value: float) -> float:
        return round(HEIGHT - 24 - (HEIGHT - 24 - 30) * value / top, 1)

    points = [
        {
            "system": system,
            "x": x(number),
            "y": y(figure["value"]),
            "bar": None if figure["low"] is None else (y(figure["low"]), y(figure["high"])),
            "text": f"{figure['value']:g}",
            "colour": COLOURS[system],
        }
        for number, system, figure in figures
    ]
    return {
        "title": name,
        "unit": figures[0][2]["unit"],
        "ticks": [{"y": y(top * part / 4), "label": f"{top * part / 4:g}"} for part in range(5)],
        "labels": [{"x": x(number), "text": each.release} for number, each in enumerate(releases)],
        "points": points,
        "lines": [
            {"colour": colour, "points": " ".join(f"{p['x']},{p['y']}" for p in points if p["system"] == system)}
            for system, colour in COLOURS.items()
        ],
    }


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 6, 8 times a power of ten, so that four steps have short labels."""
    power = 1.0
    while power * 10 < value:
        power *= 10
    return next(power * factor for factor in (1, 2, 4, 6, 8, 10) if power * factor >= value)


def _environment() -> Environment:
    return Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False)


def new_results(version: str) -> dict[str, Any]:
    """A file of results with what the bundled model states of its accuracy on test data."""
    model = json.loads((ROOT / "src/inkread/assets/model/model.json").read_text(encoding="utf-8"))
    latest = read_results()[-1]
    figures = [
        {
            "name": metric["name"],
            "unit": "%",
            "value": round(100 * metric["value"], 2),
            "low": None if metric["low"] is None else round(100 * metric["low"], 2),
            "high": None if metric["high"] is None else round(100 * metric["high"], 2),
            "dataset": metric["dataset"],
            "split": metric["split"],
            "n": {"documents": metric["documents"], "lines": metric["lines"]},
            "command": metric["command"] or "inkread evaluate SOURCES --split test",
        }
        for metric in model["metrics"]
        if metric["split"] == "test"
    ]
    return {
        "release": version,
        "date": datetime.now(UTC).date().isoformat(),
        "model": model["version"],
        "normalisation": latest.normalisation,
        "interval": latest.interval,
        "machine": latest.machine,
        "figures": figures,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write docs/releases.md and its plot from benchmarks/results.")
    parser.add_argument("--new", metavar="VERSION", help="first start the file of a release")
    if version := parser.parse_args().new:
        text = json.dumps(new_results(version), ensure_ascii=False, indent=1)
        (RESULTS / f"{version}.json").write_text(text + "\n", encoding="utf-8")
    PAGE.write_text(render_page(read_results()), encoding="utf-8")
    PLOT.write_text(render_plot(read_results()), encoding="utf-8")
