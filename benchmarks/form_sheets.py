"""Twenty forms, drawn empty with their templates, then filled, scanned and photographed by simulation.

Usage: ``template, blanks = draw_form(FORMS[0]); sheet = fill(template, blanks, writer, values, rng)``

A form is described by rows of fields. All randomness comes from a seed, so equal seeds give equal sheets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkread.forms.template import Box, FormField, Template, TemplatePage, rows_of
from inkread.recognition.line_images import Grey
from inkread.synthesis.ink import Coverage, Hand, Paper, find_fonts, write

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


def _f(label: str, kind: str = "text", width: float = 1.0, style: str = "box", **options: Any) -> Item:
    return (label, kind, width, style, options)


PERSON = (
    (_f("Surname", "name", 2, "comb", comb=16), _f("First name", "name", 2, "box")),
    (
        _f("Date of birth", "date", 1, "comb", comb=8, years=(1930, 2020)),
        _f("Sex", "ticks", 1, ticks=("female", "male", "other")),
    ),
)
CONTACT = (
    (_f("Postcode", "postcode", 1, "comb", country="us", comb=5), _f("Town", "choice", 2, "line")),
    (_f("Telephone", "phone", 1, "box"), _f("E-mail", "email", 2, "line")),
)
MONEY = ((_f("IBAN", "iban", 3, "comb", comb=22),),)
SIGNED = ((_f("Date", "date", 1, "line", years=(2020, 2030)), _f("Signature", "signature", 2, "line")),)
PERIOD = ((_f("Begin", "date", 1, "box", years=(2020, 2030)), _f("End", "date", 1, "box", years=(2020, 2030))),)
ORDERED = ({"rule": "order", "first": "begin", "second": "end"},)


def _table(label: str, rows: int, *columns: Item) -> tuple[Item, ...]:
    return (_f(label, "table", rows=rows, columns=columns),)


ITEMS = _table(
    "items", 5, _f("Article", "choice", 4), _f("Quantity", "number", 1), _f("Amount", "amount", 2, cents=True)
)
LOG = _table(
    "log",
    8,
    _f("Day", "date", 2, years=(2020, 2030)),
    _f("Time", "time", 1),
    _f("Value", "number", 1),
    _f("Remark", "text", 3),
)


def _questions(*texts: str) -> tuple[tuple[Item, ...], ...]:
    return tuple((_f(text, "ticks", 1, ticks=("yes", "no", "unknown")),) for text in texts)


FORMS: tuple[Form, ...] = (
    Form(
        "claim",
        "Insurance claim",
        (
            (
                *PERSON,
                *CONTACT,
                *MONEY,
                *PERIOD,
                (
                    _f("Amount claimed", "amount", 1, cents=True),
                    _f("Policy", "regex", 2, "comb", expression="[A-Z]{2}[0-9]{6}", comb=8),
                ),
                (_f("What happened", "text", lines=3),),
                *SIGNED,
            ),
        ),
        ORDERED,
    ),
    Form(
        "admission",
        "Hospital admission",
        (
            (
                *PERSON,
                *CONTACT,
                (_f("Diagnosis", "choice", 2), _f("Ward", "number", 1)),
                *_questions("Allergies", "Diabetes", "Smoker"),
                *SIGNED,
            ),
        ),
    ),
    Form(
        "registration",
        "Registration of residence",
        (
            (
                *PERSON,
                *CONTACT,
                (_f("Occupation", "choice", 2, "line"), _f("Nationality", "choice", 2, "line")),
                (_f("Moved in on", "date", 1, "comb", comb=8, years=(2020, 2030)), _f("Persons", "number", 1)),
                *SIGNED,
            ),
        ),
    ),
    Form(
        "logsheet",
        "Log sheet",
        (((_f("Station", "choice", 2, "line"), _f("Observer", "name", 2, "line")), LOG, *SIGNED),),
    ),
    Form(
        "questionnaire",
        "Health questionnaire",
        (
            (
                *PERSON,
                *_questions("Headaches", "Sleeps well", "Takes medicine", "Eats meat", "Drinks coffee", "Does sports"),
                (_f("Remarks", "text", lines=2),),
            ),
        ),
    ),
    Form(
        "order",
        "Order",
        (
            (
                (_f("Customer", "name", 2, "line"), _f("Order date", "date", 1, years=(2020, 2030))),
                ITEMS,
                (_f("Total", "amount", 1, cents=True), _f("Paid", "tick", 1)),
                *MONEY,
                *SIGNED,
            ),
        ),
        ({"rule": "sum", "total": "total", "parts": ["items.amount"]},),
    ),
    Form(
        "travel",
        "Travel expenses",
        (
            (
                *PERSON[:1],
                *PERIOD,
                ITEMS,
                (_f("Total", "amount", 1, cents=True), _f("Advance", "amount", 1, cents=True)),
                *MONEY,
                *SIGNED,
            ),
        ),
        (*ORDERED, {"rule": "sum", "total": "total", "parts": ["items.amount"]}),
    ),
    Form(
        "membership",
        "Membership application",
        (
            (
                *PERSON,
                *CONTACT,
                (_f("Section", "ticks", 1, ticks=("football", "rowing", "chess")),),
                *MONEY,
                (_f("Newsletter", "tick", 1), _f("Fee", "amount", 1, cents=True)),
                *SIGNED,
            ),
        ),
    ),
    Form(
        "school",
        "School enrolment",
        (
            (
                (_f("Child", "name", 2, "comb", comb=18), _f("Class", "regex", 1, expression="[1-9][A-D]")),
                *PERSON[1:],
                *CONTACT,
                *_questions("Takes the bus", "Eats at school"),
                *SIGNED,
            ),
        ),
    ),
    Form(
        "leave",
        "Request for leave",
        (
            (
                *PERSON[:1],
                *PERIOD,
                (_f("Days", "number", 1), _f("Kind", "ticks", 2, ticks=("paid", "unpaid"))),
                (_f("Reason", "text", lines=2),),
                *SIGNED,
            ),
        ),
        ORDERED,
    ),
    Form(
        "vehicle",
        "Vehicle registration",
        (
            (
                *PERSON,
                (
                    _f("Plate", "regex", 1, "comb", expression="[A-Z]{2}[0-9]{4}", comb=6),
                    _f("First registered", "date", 1, years=(1990, 2030)),
                ),
                (_f("Mileage", "number", 1), _f("Price", "amount", 1, cents=True)),
                *CONTACT[:1],
                *SIGNED,
            ),
        ),
    ),
    Form(
        "library",
        "Interlibrary loan",
        (
            (
                (_f("Reader", "name", 2, "line"), _f("Card", "card", 2, "comb", comb=16)),
                (_f("ISBN", "isbn", 1, "comb", comb=13), _f("Due", "date", 1, years=(2020, 2030))),
                (_f("Title", "text", 2, "line"),),
                (_f("Copy", "tick", 1), _f("Pages", "number", 1)),
                *SIGNED,
            ),
        ),
    ),
    Form(
        "laboratory",
        "Laboratory request",
        (
            (
                *PERSON,
                (_f("Sample", "regex", 1, "comb", expression="L[0-9]{7}", comb=8), _f("Taken at", "time", 1)),
                *_questions("Glucose", "Iron", "Cholesterol", "Urgent"),
                *SIGNED,
            ),
        ),
    ),
    Form(
        "delivery",
        "Delivery note",
        (
            (
                (
                    _f("Recipient", "name", 2, "line"),
                    _f("Delivered", "date", 1, years=(2020, 2030)),
                    _f("At", "time", 1),
                ),
                _table("parcels", 6, _f("Article", "choice", 3), _f("Code", "ean", 3), _f("Number", "number", 1)),
                (_f("Complete", "tick", 1), _f("Damaged", "tick", 1)),
                *SIGNED,
            ),
        ),
    ),
    Form(
        "donation",
        "Pledge of a donation",
        (
            (
                *PERSON[:1],
                *CONTACT,
                *MONEY,
                (_f("Amount", "amount", 1, cents=True), _f("Every", "ticks", 2, ticks=("month", "quarter", "year"))),
                *SIGNED,
            ),
        ),
    ),
    Form(
        "inspection",
        "Fire inspection",
        (
            (
                (_f("Site", "choice", 2, "line"), _f("Inspector", "name", 2, "line")),
                *_questions("Exits free", "Extinguishers", "Alarm tested", "Lights", "Plan shown"),
                (_f("Next", "date", 1, years=(2020, 2035)), _f("Defects", "number", 1)),
                (_f("Notes", "text", lines=3),),
                *SIGNED,
            ),
        ),
    ),
    Form(
        "visa",
        "Visa application",
        (
            (
                *PERSON,
                (
                    _f("Passport", "regex", 1, "comb", expression="[A-Z][0-9]{8}", comb=9),
                    _f("Valid until", "date", 1, "comb", comb=8, years=(2020, 2040)),
                ),
                (_f("Nationality", "choice", 1, "line"), _f("Occupation", "choice", 1, "line")),
                *PERIOD,
            ),
            (*CONTACT, *_questions("Travelled before", "Insured"), (_f("Purpose", "text", lines=2),), *SIGNED),
        ),
        ORDERED,
    ),
    Form(
        "pension",
        "Pension statement",
        (
            (
                *PERSON,
                *MONEY,
                (_f("Monthly", "amount", 1, cents=True), _f("Since", "date", 1, years=(1990, 2030))),
                *_questions("Married", "Other income"),
            ),
            (*CONTACT, (_f("Employer", "text", 1, "line"),), *SIGNED),
        ),
    ),
    Form(
        "survey",
        "Reader survey",
        (
            (
                *_questions("Reads daily", "Subscribes", "Recommends"),
                (_f("Age", "number", 1), _f("Town", "choice", 2, "line")),
                (_f("Wishes", "text", lines=3),),
                (_f("Raffle", "tick", 1), _f("E-mail", "email", 3, "line")),
            ),
        ),
    ),
    Form(
        "workshop",
        "Workshop job card",
        (
            (
                (
                    _f("Customer", "name", 2, "line"),
                    _f("Plate", "regex", 1, "comb", expression="[A-Z]{2}[0-9]{4}", comb=6),
                ),
                (_f("In", "date", 1, years=(2020, 2030)), _f("Out", "date", 1, years=(2020, 2030))),
                ITEMS,
                (_f("Total", "amount", 1, cents=True), _f("Tested", "tick", 1)),
                (_f("Work done", "text", lines=2),),
                *SIGNED,
            ),
        ),
        (
            {"rule": "sum", "total": "total", "parts": ["items.amount"]},
            {"rule": "order", "first": "in", "second": "out"},
        ),
    ),
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
        x += 30 + max(self.label.getlength(label), 120 if kind == "tick" else 230)
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
        columns, rows, pitch = options["columns"], options["rows"], float(self.row_height)
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


# Writing


class Writer(Protocol):
    """Somebody who fills in forms; ``name`` tells one from another."""

    name: str

    def write(self, text: str, height: float, rng: np.random.Generator) -> Coverage | None:
        """Ink of a text, 255 where it is full, whose capitals are ``height`` pixels high; None where letters miss."""


@dataclass(frozen=True)
class FontWriter:
    """Writes with a font."""

    name: str
    hand: Hand

    @classmethod
    def sample(cls, rng: np.random.Generator, folders: Sequence[Path] = ()) -> FontWriter:
        """A random hand in one of the fonts."""
        hand = Hand.sample(find_fonts(folders), "ABC abc 0123456789 .,-@/:", rng, 20.0)
        return cls(hand.font.name, hand)

    def write(self, text: str, height: float, rng: np.random.Generator) -> Coverage | None:
        """Ink of a text."""
        from dataclasses import replace

        hand = replace(self.hand, x_height=height * 0.62)
        return _trimmed(write(text, hand, rng).coverage) if hand.font.covers(text) else None


def _trimmed(coverage: Coverage) -> Coverage:
    rows, columns = np.nonzero(coverage > 40)
    if not len(rows):
        return coverage[:1, :1]
    return coverage[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


@dataclass
class Sheet:
    """A filled form: its pages in ink, and what stands in each field, "" where it is empty."""

    pages: list[Grey]
    truth: dict[str, str]
    writer: str


@dataclass
class Values:
    """What people write: lists by name of the file that holds them, and texts."""

    lists: Mapping[str, Sequence[str]]
    texts: Sequence[str]
    empty: float = 0.1
    written: dict[str, str] = field(default_factory=dict)


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
    for number, letter in enumerate(compact[: item.comb]):
        drawn = None if letter == " " else writer.write(letter, min(height * 0.55, 36), rng)
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
    chosen = {name: "" if rng.random() < values.empty else _value(each, values, rng) for name, each in fields.items()}
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


def _value(item: FormField, values: Values, rng: np.random.Generator) -> str:
    def pick(options: Sequence[str]) -> str:
        return str(options[int(rng.integers(len(options)))])

    def digits(count: int) -> str:
        return "".join(map(str, rng.integers(0, 10, count)))

    match item.type:
        case "name" | "choice":
            return pick(values.lists[item.list or ""])
        case "date":
            first, last = item.years or (1950, 2030)
            day = np.datetime64(f"{first:04}-01-01") + int(rng.integers((last - first) * 365))
            year, month, number = str(day).split("-")
            return f"{number}{month}{year}" if item.comb else f"{number}/{month}/{year}"
        case "time":
            return f"{int(rng.integers(24)):02}:{int(rng.integers(60)):02}"
        case "number":
            return str(int(rng.integers(1, 10 ** int(rng.integers(1, 5)))))
        case "amount":
            return f"{int(rng.integers(1, 3000))}.{digits(2)}"
        case "phone":
            return f"0{int(rng.integers(10, 999))}-{digits(int(rng.integers(5, 8)))}"
        case "email":
            name = pick(values.lists["names.txt"]).lower().replace(" ", ".")
            return f"{name}@{pick(('example.org', 'example.com', 'post.example.net'))}"
        case "iban":
            account = digits(18)
            return f"DE{98 - int(account + '131400') % 97:02}{account}"
        case "card":
            return _luhn(digits(15))
        case "ean" | "isbn":
            return _ean(("978" if item.type == "isbn" else digits(3)) + digits(9))
        case "postcode":
            return digits(5)
        case "regex":
            return _of_expression(item.expression or "", rng)
        case "tick" | "signature":
            return "yes"
        case "ticks":
            return pick(list(item.options or ()))
        case _:
            return pick(values.texts)


def _of_expression(expression: str, rng: np.random.Generator) -> str:
    """A text that fits an expression made of classes, repetitions and letters."""
    import re

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


# Scanner and camera

Matrix = NDArray[np.float64]


def scan(page: Grey, rng: np.random.Generator, kind: str = "scan") -> tuple[Grey, Matrix]:
    """What a scanner, fax machine or camera makes of a page.

    Args:
        page: at 200 dpi.
        rng: source of all randomness.
        kind: scan, fax or photo.

    Returns:
        The picture, and the 3 x 3 homography from the page to it.
    """
    height, width = page.shape
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    turned = (corners - (width / 2, height / 2)) @ _rotation(rng.normal(0, 1.2) + 180 * (rng.random() < 0.1)).T
    if kind == "photo":
        scale = rng.uniform(0.8, 1.6)
        target = turned * scale + rng.uniform(-0.05, 0.05, (4, 2)) * (width * scale)
        margin = rng.uniform(0.03, 0.12, 2) * width * scale
    else:
        scale = 1.02 if kind == "fax" else float(rng.choice([0.75, 1.0, 1.0, 1.5]))
        target = turned * scale * (1 + rng.normal(0, 0.003, 2))
        margin = rng.uniform(-20, 30, 2) * scale
    target = target - target.min(axis=0) + margin
    size = np.ceil(target.max(axis=0) + margin).astype(int)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32)).astype(np.float64)
    table = float(rng.uniform(40, 130)) if kind == "photo" else 245.0
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    source = cv2.GaussianBlur(page, (0, 0), 0.45 / scale) if scale < 1 else page
    picture = cv2.warpPerspective(
        source, matrix, (int(size[0]), int(size[1])), flags=flags, borderValue=(table,)
    ).astype(np.float32)
    if kind == "photo":
        y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
        picture *= 1 - rng.uniform(0, 0.35) * (x / size[0]) - rng.uniform(0, 0.25) * (y / size[1])
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.3)))
    picture += rng.normal(0, rng.uniform(1, 6), picture.shape).astype(np.float32)
    seen = np.asarray(np.clip(picture, 0, 255), np.uint8)
    if kind == "fax":
        return np.where(seen > int(rng.integers(130, 180)), np.uint8(255), np.uint8(0)), matrix
    quality = int(rng.integers(60, 92))
    encoded = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8), matrix


def _rotation(degrees: float) -> Matrix:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
