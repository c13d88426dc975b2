"""Twenty forms, drawn empty with their templates, then filled, scanned and photographed by simulation.

Usage: ``template, blanks = draw_form(FORMS[0]); sheet = fill(template, blanks, writer, values, rng)``

A form is described by rows of fields. All randomness comes from a seed, so equal seeds give equal sheets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from PIL import Image, ImageDraw, ImageFont

from form_hands import Values, Writer
from inkread.forms.template import Box, FormField, Template, TemplatePage, rows_of
from inkread.recognition.line_images import Grey
from inkread.synthesis.ink import Coverage, Paper

WIDTH, HEIGHT = 1654, 2339
"""A4 at 200 dpi."""
EDGE, GAP = 110, 26
"""Pixels between the edge of the paper and the print, and between fields."""

Item = tuple[Any, ...]
"""Label, type and the options of `FormField`; ``width`` is the share of its row, ``style`` box, line or comb."""


@dataclass(frozen=True)
class Form:
    """What is drawn: name, title, rows of fields for each page, rules."""

    name: str
    title: str
    pages: tuple[tuple[tuple[Item, ...], ...], ...]
    rules: tuple[Mapping[str, Any], ...] = ()


def entry(label: str, kind: str = "text", width: float = 1.0, style: str = "box", **options: Any) -> Item:
    """A field to draw."""
    return (label, kind, width, style, options)


def table_of(label: str, rows: int, *columns: Item) -> tuple[Item, ...]:
    """A row of a form that is a table."""
    return (entry(label, "table", rows=rows, columns=columns),)


TWENTY = Path(__file__).with_suffix(".yaml")


def load_forms(path: Path = TWENTY) -> tuple[Form, ...]:
    """The forms of a YAML file, by default the twenty of this project."""

    def item(content: dict[str, Any]) -> Item:
        own = {key: content.pop(key) for key in ("label", "type", "width", "style") if key in content}
        if "columns" in content:
            content["columns"] = tuple(item(column) for column in content["columns"])
        return entry(own["label"], own["type"], own.get("width", 1.0), own.get("style", "box"), **content)

    return tuple(
        Form(
            form["name"],
            form["title"],
            tuple(tuple(tuple(item(each) for each in row) for row in page) for page in form["pages"]),
            tuple(form.get("rules", ())),
        )
        for form in yaml.safe_load(path.read_text(encoding="utf-8"))
    )


class _Press:
    """Draws the print of a page and notes its fields."""

    def __init__(self, form: Form, number: int) -> None:
        rng = np.random.default_rng([len(form.name), sum(map(ord, form.name)), number])
        self.image = Image.new("L", (WIDTH, HEIGHT), 255)
        self.draw = ImageDraw.Draw(self.image)
        self.y = EDGE
        self.fields: list[FormField] = []
        self.row_height = int(rng.integers(58, 74))
        self.pen = int(rng.integers(2, 4))
        self.label = ImageFont.load_default(int(rng.integers(19, 24)))
        self.draw.text((EDGE, self.y), form.title, 0, ImageFont.load_default(46))
        logo = [(WIDTH - EDGE - 130 + float(x), self.y + float(y)) for x, y in rng.uniform(0, 110, (5, 2))]
        self.draw.polygon(logo, fill=90)
        foot = f"{form.title}, form {sum(map(ord, form.name))}-{number + 1}, page {number + 1} of {len(form.pages)}"
        self.draw.text((EDGE, HEIGHT - EDGE), foot, 60, ImageFont.load_default(18))
        self.y += int(rng.integers(110, 150))

    def text(self, x: float, y: float, text: str) -> None:
        self.draw.text((x, y), text, 0, self.label)

    def frame(self, box: Box, style: str) -> None:
        x, y, width, height = box
        if style == "line":
            self.draw.line((x, y + height, x + width, y + height), 0, self.pen)
        else:
            self.draw.rectangle(
                (x - self.pen, y - self.pen, x + width + self.pen, y + height + self.pen), None, 0, self.pen
            )

    def row(self, items: Sequence[Item]) -> None:
        room = WIDTH - 2 * EDGE - GAP * (len(items) - 1)
        total, x = sum(item[2] for item in items), float(EDGE)
        deepest = 0.0
        for label, kind, share, style, options in items:
            width = room * share / total
            deepest = max(deepest, self.item(x, width, label, kind, style, dict(options)))
            x += width + GAP
        self.y += round(deepest) + 34

    def item(self, x: float, width: float, label: str, kind: str, style: str, options: dict[str, Any]) -> float:
        """Draw one field, and return its height."""
        name, top = label.lower().replace(" ", "_").replace("-", ""), self.y + 30.0
        if kind == "table":
            return self.table(x, width, name, options)
        if kind in ("tick", "ticks"):
            return self.ticks(x, label, name, kind, options.get("ticks", ("",)))
        self.text(x, self.y, label)
        height = float(self.row_height * options.get("lines", 1.6 if kind == "signature" else 1))
        if comb := options.get("comb"):
            cell = min(width / comb, 52.0)
            width = cell * comb
            for number in range(1, comb):
                self.draw.line((x + number * cell, top, x + number * cell, top + height), 0, self.pen)
        box = (x, top, width, height)
        self.frame(box, style)
        self.fields.append(FormField(name=name, label=label, type=kind, box=box, **_listed(label, kind, options)))
        return height + 30

    def ticks(self, x: float, label: str, name: str, kind: str, options: Sequence[str]) -> float:
        self.text(x, self.y + 12, label)
        x += 30 + max(float(self.label.getlength(label)), 120 if kind == "tick" else 230)
        boxes = {}
        for option in options:
            boxes[option] = (x, self.y + 8.0, 30.0, 30.0)
            self.frame(boxes[option], "box")
            self.text(x + 46, self.y + 12, option)
            x += 80 + max(self.label.getlength(option), 40)
        box = next(iter(boxes.values()))
        if kind == "tick":
            self.fields.append(FormField(name=name, label=label, type="tick", box=box))
        else:
            whole = (box[0], box[1], x - box[0], box[3])
            self.fields.append(FormField(name=name, label=label, type="ticks", box=whole, options=boxes))
        return 50.0

    def table(self, x: float, width: float, name: str, options: Mapping[str, Any]) -> float:
        columns, rows, pitch = options["columns"], int(options["rows"]), float(self.row_height)
        total, left, top = sum(item[2] for item in columns), x, self.y + 40.0
        made = []
        for label, kind, share, _, more in columns:
            across = width * share / total
            self.text(left + 6, self.y + 8, label)
            box = (left + 4, top + 4, across - 8, pitch - 8)
            made.append(FormField(name=label.lower(), label=label, type=kind, box=box, **_listed(label, kind, more)))
            left += across
            self.draw.line((left, self.y, left, top + rows * pitch), 0, self.pen)
        self.draw.line((x, self.y, x, top + rows * pitch), 0, self.pen)
        self.draw.line((x, self.y, x + width, self.y), 0, self.pen)
        for number in range(rows + 1):
            self.draw.line((x, top + number * pitch, x + width, top + number * pitch), 0, self.pen)
        box = (x, top, width, rows * pitch)
        self.fields.append(FormField(name=name, type="table", box=box, rows=rows, columns=tuple(made)))
        return 40 + rows * pitch


def _listed(label: str, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a field, with the file that has its list."""
    named = {"name": "names.txt", "choice": f"{label.lower()}.txt"}
    return {**options, "list": named[kind]} if kind in named else dict(options)


def draw_form(form: Form) -> tuple[Template, dict[str, Grey]]:
    """The template of a form, and the pictures of its empty pages by name."""
    pages, blanks = [], {}
    for number, rows in enumerate(form.pages):
        press = _Press(form, number)
        for row in rows:
            press.row(row)
        blank = f"{form.name}-{number + 1}.png"
        blanks[blank] = np.asarray(press.image, np.uint8).copy()
        pages.append(TemplatePage(blank=blank, fields=tuple(press.fields)))
    return Template.model_validate(
        {"name": form.name, "title": form.title, "pages": pages, "rules": form.rules}
    ), blanks


@dataclass
class Sheet:
    """A filled form: its pages in ink, and what stands in each field, "" where it is empty."""

    pages: list[Grey]
    truth: dict[str, str]
    writer: str


def fill(
    template: Template, blanks: Mapping[str, Grey], writer: Writer, values: Values, rng: np.random.Generator
) -> Sheet:
    """Fill in a form in one hand; rules of the template hold."""
    truth: dict[str, str] = {}
    inks = [np.zeros(blanks[page.blank].shape, np.uint8) for page in template.pages]
    chosen = choose_values(template, values, rng)
    for number, page in enumerate(template.pages):
        for item in page.fields:
            for name, each in rows_of(item):
                truth[name] = _enter(inks[number], each, chosen[name], writer, rng)
    pages = [_pressed(blanks[page.blank], ink, rng) for page, ink in zip(template.pages, inks, strict=True)]
    return Sheet(pages, truth, writer.name)


def _pressed(blank: Grey, ink: Coverage, rng: np.random.Generator) -> Grey:
    """Print and ink on paper."""
    paper = Paper(tone=float(rng.uniform(225, 252)), ink=float(rng.uniform(20, 90)), blur=0.6, noise=2.0, shading=3.0)
    coverage = np.maximum(255 - blank, ink)
    return paper.scan(coverage, rng)


def _enter(ink: Coverage, item: FormField, value: str, writer: Writer, rng: np.random.Generator) -> str:
    """Write a value into its field, and return what stands there: a text may be shortened to what fits."""
    if not value:
        return ""
    if item.type in ("tick", "ticks"):
        wanted = item.options[value] if item.options else item.box
        _tick(ink, wanted, rng)
        return value
    if item.type == "signature":
        _scribble(ink, item.box, rng)
        return value
    if item.comb:
        return _enter_comb(ink, item, value, writer, rng)
    if item.lines > 1:
        return _enter_lines(ink, item, value, writer, rng)
    return _enter_line(ink, item.box, value, writer, rng, shorten=item.type == "text")


def _enter_lines(ink: Coverage, item: FormField, value: str, writer: Writer, rng: np.random.Generator) -> str:
    x, y, width, height = item.box
    pitch, words, written = height / item.lines, value.split(), []
    for number in range(item.lines):
        if not words:
            break
        line = _enter_line(ink, (x, y + number * pitch, width, pitch), " ".join(words), writer, rng, shorten=True)
        if not line:
            break
        written.append(line)
        words = words[len(line.split()) :]
    return " ".join(written)


def _enter_line(ink: Coverage, box: Box, value: str, writer: Writer, rng: np.random.Generator, *, shorten: bool) -> str:
    x, y, width, height = box
    capitals = float(np.clip(height * rng.uniform(0.42, 0.55), 22, 40))
    words = value.split()
    while words:
        drawn = writer.write(" ".join(words), capitals, rng)
        if drawn is not None and drawn.shape[1] <= width - 16:
            break
        if not shorten or drawn is None:
            if drawn is None:
                return ""
            drawn = _narrowed(drawn, width - 16)
            break
        words.pop()
    else:
        return ""
    top = y + (height - drawn.shape[0]) / 2 + rng.uniform(-0.08, 0.08) * height
    left = x + 8 + rng.uniform(0, 0.3) * max(width - 16 - drawn.shape[1], 0)
    _press_at(ink, drawn, left, top)
    return " ".join(words)


def _narrowed(drawn: Coverage, width: float) -> Coverage:
    scale = width / drawn.shape[1]
    size = max(int(width), 1), max(round(drawn.shape[0] * max(scale, 0.75)), 1)
    return np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), np.uint8)


def _enter_comb(ink: Coverage, item: FormField, value: str, writer: Writer, rng: np.random.Generator) -> str:
    x, y, width, height = item.box
    cell = width / (item.comb or 1)
    compact = value.replace(" ", "").replace("-", "") if item.type in ("iban", "card", "isbn") else value
    letters = [None if letter == " " else writer.write(letter, min(height * 0.55, 36), rng) for letter in compact]
    if any(drawn is None for drawn, letter in zip(letters, compact, strict=True) if letter != " "):
        return ""
    for number, drawn in enumerate(letters[: item.comb]):
        if drawn is None:
            continue
        if drawn.shape[1] > cell - 10:
            drawn = _narrowed(drawn, cell - 10)
        left = x + number * cell + (cell - drawn.shape[1]) / 2 + rng.uniform(-3, 3)
        _press_at(ink, drawn, left, y + (height - drawn.shape[0]) / 2 + rng.uniform(-4, 4))
    return value


def _press_at(ink: Coverage, drawn: Coverage, left: float, top: float) -> None:
    x, y = max(round(left), 0), max(round(top), 0)
    area = ink[y : y + drawn.shape[0], x : x + drawn.shape[1]]
    np.maximum(area, drawn[: area.shape[0], : area.shape[1]], out=area)


def _tick(ink: Coverage, box: Box, rng: np.random.Generator) -> None:
    x, y, w, h = box
    marks = {
        "cross": [[(0.1, 0.1), (0.9, 0.9)], [(0.9, 0.1), (0.1, 0.9)]],
        "check": [[(0.1, 0.5), (0.4, 0.9), (1.1, -0.2)]],
        "line": [[(0.1, 0.8), (0.9, 0.2)]],
    }
    mark = marks[str(rng.choice(list(marks), p=[0.6, 0.3, 0.1]))]
    for stroke in mark:
        points = [(x + w * (a + rng.normal(0, 0.07)), y + h * (b + rng.normal(0, 0.07))) for a, b in stroke]
        cv2.polylines(
            ink,
            [np.round(np.array(points) * 16).astype(np.int32)],
            False,
            (255,),
            int(rng.integers(2, 5)),
            cv2.LINE_AA,
            4,
        )


def _scribble(ink: Coverage, box: Box, rng: np.random.Generator) -> None:
    x, y, w, h = box
    steps = int(rng.integers(25, 60))
    across = np.linspace(0.05, rng.uniform(0.4, 0.8), steps) * w + x + rng.normal(0, 6, steps)
    down = y + h * (0.6 + 0.25 * np.sin(np.linspace(0, rng.uniform(12, 40), steps)) + rng.normal(0, 0.06, steps))
    points = np.round(np.stack([across, down], 1) * 16).astype(np.int32)
    cv2.polylines(ink, [points], False, (255,), 3, cv2.LINE_AA, 4)


# Values


def choose_values(template: Template, values: Values, rng: np.random.Generator) -> dict[str, str]:
    """A value for every field, by its name; rules hold where all their fields are filled in."""
    fields = {name: each for _, name, each in template.named_fields()}
    chosen = {
        name: "" if rng.random() < values.empty else MAKERS[each.type](each, values, rng)
        for name, each in fields.items()
    }
    for rule in template.rules:
        if rule.rule == "order" and all(chosen[name] for name in rule.fields):
            days = sorted((chosen[name] for name in rule.fields), key=lambda day: day.split("/")[::-1])
            chosen[rule.first], chosen[rule.second] = days
        if rule.rule == "sum" and chosen[rule.total]:
            parts = [chosen[name] for part in rule.parts for name in part_names(part, chosen)]
            cents = sum(round(100 * float(part)) for part in parts if part)
            chosen[rule.total] = f"{cents // 100}.{cents % 100:02}"
    return chosen


def part_names(part: str, names: Mapping[str, Any]) -> Iterator[str]:
    """``items.amount`` is that column in all rows; other names are themselves."""
    table, _, column = part.partition(".")
    return iter(
        [name for name in names if name.startswith(f"{table}.") and name.endswith(f".{column}")] if column else [part]
    )


Make = Callable[[FormField, Values, np.random.Generator], str]


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return str(options[int(rng.integers(len(options)))])


def _digits(count: int, rng: np.random.Generator) -> str:
    return "".join(map(str, rng.integers(0, 10, count)))


def _number(rng: np.random.Generator) -> str:
    return str(int(rng.integers(1, 10 ** int(rng.integers(1, 5)))))


def _date(item: FormField, _: Values, rng: np.random.Generator) -> str:
    first, last = item.years or (1950, 2030)
    day = np.datetime64(f"{first:04}-01-01") + int(rng.integers((last - first) * 365))
    year, month, number = str(day).split("-")
    return f"{number}{month}{year}" if item.comb else f"{number}/{month}/{year}"


def _email(_: FormField, values: Values, rng: np.random.Generator) -> str:
    name = _pick(values.lists["names.txt"], rng).lower().replace(" ", ".")
    return f"{name}@{_pick(('example.org', 'example.com', 'post.example.net'), rng)}"


def _iban(_: FormField, __: Values, rng: np.random.Generator) -> str:
    account = _digits(18, rng)
    return f"DE{98 - int(account + '131400') % 97:02}{account}"


def _listed_value(item: FormField, values: Values, rng: np.random.Generator) -> str:
    return _pick(values.lists[item.list or ""], rng)


MAKERS: Mapping[str, Make] = {
    "name": _listed_value,
    "choice": _listed_value,
    "date": _date,
    "email": _email,
    "iban": _iban,
    "time": lambda _, __, rng: f"{int(rng.integers(24)):02}:{int(rng.integers(60)):02}",
    "number": lambda _, values, rng: _pick(values.numbers, rng) if values.numbers else _number(rng),
    "amount": lambda _, __, rng: f"{int(rng.integers(1, 3000))}.{_digits(2, rng)}",
    "phone": lambda _, __, rng: f"0{int(rng.integers(10, 999))}-{_digits(int(rng.integers(5, 8)), rng)}",
    "card": lambda _, __, rng: _luhn(_digits(15, rng)),
    "ean": lambda _, __, rng: _ean(_digits(12, rng)),
    "isbn": lambda _, __, rng: _ean("978" + _digits(9, rng)),
    "postcode": lambda _, __, rng: _digits(5, rng),
    "regex": lambda item, _, rng: _of_expression(item.expression or "", rng),
    "tick": lambda _, __, ___: "yes",
    "signature": lambda _, __, ___: "yes",
    "ticks": lambda item, _, rng: _pick(list(item.options or ()), rng),
    "text": lambda _, values, rng: _pick(values.texts, rng),
}


def _of_expression(expression: str, rng: np.random.Generator) -> str:
    """A text that fits an expression made of classes, repetitions and letters."""
    text = ""
    for ranges, letter, count in re.findall(r"(?:\[([^\]]+)\]|(\w))(?:\{(\d+)\})?", expression):
        letters = letter or "".join(chr(n) for a, b in re.findall("(.)-(.)", ranges) for n in range(ord(a), ord(b) + 1))
        text += "".join(letters[int(n)] for n in rng.integers(0, len(letters), int(count or 1)))
    return text


def _luhn(number: str) -> str:
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(number))
    return f"{number}{-total % 10}"


def _ean(number: str) -> str:
    total = sum(int(digit) * (1 + 2 * (place % 2)) for place, digit in enumerate(number))
    return f"{number}{-total % 10}"
