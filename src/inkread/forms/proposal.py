"""A template proposed from an empty form: its fields with names and types, to be corrected by a person.

Usage: ``template, blanks = propose(Path("blank.pdf"), "claim")``

What is printed beside a frame names its field, and often says what type it has. A PDF gives its own text and the
fields of its AcroForm (ISO 32000); of an image, the labels are read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pikepdf

from inkread.document import Line
from inkread.errors import DamagedInputError, InputError
from inkread.forms.frames import Frames, find_frames, without_lines
from inkread.forms.template import DPI, Box, FormField, Template, TemplatePage, as_200_dpi
from inkread.io.inputs import is_pdf, load_pages
from inkread.io.pdf import text_boxes
from inkread.recognition.line_images import Grey

if TYPE_CHECKING:
    from inkread.reader import Reader

BESIDE, ABOVE = 400.0, 60.0
"""Pixels at 200 dpi from a field to a label on its left, or on the right of a tick box, and to one above it."""
OVER = 45.0
"""Pixels that a label above a field may stand left or right of the field's left end."""
APART = 0.8
"""Space between two words, in heights of their line, from which they are two labels."""
LARGE = 120.0
"""Pixels of height from which a field has several lines."""
LINE_PITCH = 60.0
TICKS_APART = 420.0
"""Pixels between tick boxes of one question."""

WORDS: Sequence[tuple[str, str]] = (
    ("signature", r"signature|signed|unterschrift|firma|handtekening|assinatura"),
    ("iban", r"iban"),
    ("email", r"e-?mail|courriel|correo"),
    ("phone", r"phone|tel\b|tél|telefon|mobile|fax"),
    ("date", r"date|datum|born|birth|geburt|naissance|né\(?e?\)? le|fecha|nascita|day"),
    ("regex", r"post ?code|\bplz\b|postleitzahl|code postal|\bzip\b|c\.?a\.?p\b|código postal"),
    ("time", r"\btime\b|uhrzeit|heure|\bhora\b|\bora\b"),
    ("amount", r"amount|total|betrag|montant|price|preis|prix|cost|sum\b|summe|importe|€|\$|£"),
    ("number", r"quantity|qty|anzahl|menge|quantité|\bage\b|alter\b|âge|how many"),
    ("name", r"\b(sur|fore|first|last|middle|family)?name\b|vorname|nachname|prénom|\bnom\b|apellido|cognome|nombre"),
)
"""Words of labels and the type they speak for; the first that is found counts."""


@dataclass(frozen=True, slots=True)
class Label:
    """Printed text and its box in pixels at 200 dpi."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Widget:
    """A field of an AcroForm: name, tooltip, PDF type (Tx, Btn, Ch, Sig), box, cells of a comb, and choices."""

    name: str
    label: str
    kind: str
    box: Box
    comb: int | None = None
    lines: int = 1
    choices: tuple[str, ...] = ()


def propose(path: Path, name: str, reader: Reader | None = None) -> tuple[Template, dict[str, Grey]]:
    """The template of an empty form, and the pictures of its pages by name.

    Args:
        path: a PDF or an image of one page or more.
        name: of the template.
        reader: reads labels where the file has no text of its own; None opens the bundled model when it is needed.

    Raises:
        InputError: the file cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path}: this is no file, name the PDF or image of the empty form")
    pages, blanks = [], {}
    printed = text_boxes(path) if is_pdf(path) else {}
    widgets = _widgets(path) if is_pdf(path) else {}
    used: set[str] = set()
    for image in load_pages(path):
        grey = as_200_dpi(image.grey, image.dpi)
        height, width = grey.shape
        labels = [
            Label(text, (x * width, y * height, w * width, h * height))
            for text, (x, y, w, h) in printed.get(image.index, ())
        ] or _read_labels(grey, reader)
        own = [_scaled(widget, width, height) for widget in widgets.get(image.index, ())]
        fields = [_of_widget(widget) for widget in own] or list(propose_fields(find_frames(grey), labels))
        blank = f"{name}-{image.index + 1}.png"
        blanks[blank] = grey
        pages.append(TemplatePage(blank=blank, fields=tuple(_named(fields, used))))
    return Template(name=name, version="1", title=name, pages=tuple(pages)), blanks


def _read_labels(grey: Grey, reader: Reader | None) -> list[Label]:
    from inkread.io.images import PageImage
    from inkread.reader import Reader

    reader = reader or Reader()
    (page,) = reader.read_pages([PageImage(without_lines(grey), dpi=DPI)])
    return [label for line in page.lines for label in _parts(line)]


def _parts(line: Line) -> Iterator[Label]:
    """A line divided where its words stand far apart, because these belong to different fields."""
    top, bottom = min(y for _, y in line.polygon), max(y for _, y in line.polygon)
    group: list[tuple[str, float, float]] = []
    for word in line.words:
        left, right = min(x for x, _ in word.polygon), max(x for x, _ in word.polygon)
        if group and left - group[-1][2] > APART * (bottom - top):
            yield _joined(group, top, bottom)
            group = []
        group.append((word.text, left, right))
    if group:
        yield _joined(group, top, bottom)


def _joined(words: Sequence[tuple[str, float, float]], top: float, bottom: float) -> Label:
    left, right = words[0][1], words[-1][2]
    return Label(" ".join(text for text, _, _ in words), (left, top, right - left, bottom - top))


def propose_fields(frames: Frames, labels: Sequence[Label]) -> Iterator[FormField]:
    """Fields for the frames of a page, from above; names may stand twice."""
    found = [*_ticks(frames.ticks, labels)]
    for box, cells in frames.combs:
        found.append(_field(_label_of(box, labels), box, comb=cells))
    for cell in (*frames.cells, *frames.lines):
        inside = [label for label in labels if _shared(label.box, cell) > 0.5]
        room = _below(cell, inside)
        if room is not None:
            text = " ".join(label.text for label in inside) or _label_of(cell, labels)
            found.append(_field(text, room))
    for table in frames.tables:
        found.extend(_of_table(table.rows, labels))
    return iter(sorted(found, key=lambda field: (field.box[1], field.box[0])))


def _below(cell: Box, inside: Sequence[Label]) -> Box | None:
    """What is left of a cell right of the label in it, or below; None where a text fills it."""
    x, y, width, height = cell
    if not inside:
        return cell
    right, bottom = max(b.box[0] + b.box[2] for b in inside), max(b.box[1] + b.box[3] for b in inside)
    options = [(x, bottom, width, y + height - bottom), (right + 8, y, x + width - right - 8, height)]
    fitting = [box for box in options if box[3] >= 28 and box[2] >= 40]
    return max(fitting, key=lambda box: box[2] * box[3], default=None)


def _of_table(rows: Sequence[Sequence[Box]], labels: Sequence[Label]) -> Iterator[FormField]:
    """A table whose first row has the names of its columns."""

    def text(cell: Box) -> str:
        return " ".join(label.text for label in labels if _shared(label.box, cell) > 0.5)

    heads = [text(cell) for cell in rows[0]]
    empty = [row for row in rows if not any(map(text, row))]
    if not empty:
        return
    columns = [
        _field(head or f"column {number}", cell)
        for number, (head, cell) in enumerate(zip(heads, empty[0], strict=True), 1)
    ]
    left, top = empty[0][0][0], empty[0][0][1]
    right = empty[0][-1][0] + empty[0][-1][2]
    pitch = (empty[-1][0][1] - top) / (len(empty) - 1) if len(empty) > 1 else empty[0][0][3]
    box = (left, top, right - left, pitch * len(empty))
    named = tuple(_named(columns, set()))
    yield FormField(name="table", label="", type="table", box=_rounded(box), rows=len(empty), columns=named)


def _ticks(boxes: Sequence[Box], labels: Sequence[Label]) -> Iterator[FormField]:
    """Tick boxes; those that follow each other in a row are one question."""
    rows: list[list[Box]] = []
    for box in sorted(boxes):
        near = (row for row in rows if abs(row[-1][1] - box[1]) < 15 and box[0] - row[-1][0] < TICKS_APART)
        row = next(near, None)
        if row is None:
            rows.append([box])
        else:
            row.append(box)
    for row in rows:
        names = [_right_of(box, labels) for box in row]
        if len(row) == 1:
            yield FormField(name="tick", label=names[0] or _left_of(row[0], labels), type="tick", box=_rounded(row[0]))
            continue
        options = {}
        for number, (name, box) in enumerate(zip(names, row, strict=True), 1):
            key = name if name and name not in options else f"{name or 'option'} {number}"
            options[key] = _rounded(box)
        first, last = row[0], row[-1]
        around = (first[0], first[1], last[0] + last[2] - first[0], first[3])
        label = _left_of(first, labels) or _above(first, labels)
        yield FormField(name="ticks", label=label, type="ticks", box=_rounded(around), options=options)


def _field(label: str, box: Box, comb: int | None = None) -> FormField:
    """A field whose label says what type it has."""
    clean = " ".join(label.split()).strip(" :.…_*")
    kind = next((kind for kind, words in WORDS if re.search(words, clean.lower())), "text")
    options: dict[str, Any] = {} if comb is None or kind == "signature" else {"comb": comb}
    if kind == "regex":
        options["expression"] = f"[0-9]{{{comb}}}" if comb else "[0-9]{4,5}"
    if kind == "text" and box[3] >= LARGE and comb is None:
        options["lines"] = min(round(box[3] / LINE_PITCH), 100)
    return FormField(name="field", label=clean, type=kind, box=_rounded(box), **options)


def _named(fields: Sequence[FormField], used: set[str]) -> Iterator[FormField]:
    """The fields with names made of their labels, each once."""
    for field in fields:
        plain = unicodedata.normalize("NFKD", field.label.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
        base = "_".join(re.findall("[a-z0-9]+", plain)[:5])[:40] or field.name
        base = base if base[0].isalpha() else f"field_{base}"
        name, number = base, 2
        while name in used:
            name, number = f"{base}_{number}", number + 1
        used.add(name)
        yield field.model_copy(update={"name": name})


def _rounded(box: Box) -> Box:
    x, y, width, height = (round(value, 1) for value in box)
    return max(x, 0.0), max(y, 0.0), width, height


def _shared(label: Box, cell: Box) -> float:
    """Share of a label that stands in a cell."""
    across = min(label[0] + label[2], cell[0] + cell[2]) - max(label[0], cell[0])
    down = min(label[1] + label[3], cell[1] + cell[3]) - max(label[1], cell[1])
    return max(across, 0.0) * max(down, 0.0) / max(label[2] * label[3], 1.0)


def _level(label: Box, box: Box) -> bool:
    middle = label[1] + label[3] / 2
    return box[1] - 0.3 * box[3] <= middle <= box[1] + 1.3 * box[3]


def _left_of(box: Box, labels: Sequence[Label]) -> str:
    gaps = [(box[0] - (label.box[0] + label.box[2]), label.text) for label in labels if _level(label.box, box)]
    return min(((gap, text) for gap, text in gaps if -10 <= gap <= BESIDE), default=(0, ""))[1]


def _right_of(box: Box, labels: Sequence[Label]) -> str:
    gaps = [(label.box[0] - (box[0] + box[2]), label.text) for label in labels if _level(label.box, box)]
    return min(((gap, text) for gap, text in gaps if -10 <= gap <= BESIDE), default=(0, ""))[1]


def _above(box: Box, labels: Sequence[Label]) -> str:
    gaps = [
        (box[1] - (label.box[1] + label.box[3]), label.text)
        for label in labels
        if label.box[0] < box[0] + box[2] and label.box[0] + label.box[2] > box[0]
    ]
    return min(((gap, text) for gap, text in gaps if -10 <= gap <= ABOVE), default=(0, ""))[1]


def _label_of(box: Box, labels: Sequence[Label]) -> str:
    """A label that begins above the left end, else one on the left, else any above."""
    over = [label for label in labels if abs(label.box[0] - box[0]) <= OVER]
    return _above(box, over) or _left_of(box, labels) or _above(box, labels)


# AcroForm

_MULTILINE, _RADIO, _PUSH, _COMB = 1 << 12, 1 << 15, 1 << 16, 1 << 24


def _widgets(path: Path) -> dict[int, list[Widget]]:
    """The fields of an AcroForm by page; boxes are shares of the page."""
    found: dict[int, list[Widget]] = {}
    try:
        pdf = pikepdf.open(path)
    except pikepdf.PdfError as error:
        raise DamagedInputError(f"{path}: the fields of the PDF cannot be read") from error
    with closing(pdf):
        for index, page in enumerate(pdf.pages):
            media = [float(value) for value in page.cropbox]
            for annotation in page.obj.get("/Annots", []):
                widget = _widget(annotation, media) if annotation.get("/Subtype") == "/Widget" else None
                if widget is not None:
                    found.setdefault(index, []).append(widget)
    return found


def _widget(annotation: Any, media: Sequence[float]) -> Widget | None:
    kind, flags = str(_inherited(annotation, "/FT") or "").removeprefix("/"), int(_inherited(annotation, "/Ff") or 0)
    if kind not in ("Tx", "Btn", "Ch", "Sig") or (kind == "Btn" and flags & _PUSH):
        return None
    x0, y0, x1, y1 = (float(value) for value in annotation.Rect)
    width, height = media[2] - media[0], media[3] - media[1]
    box = (
        (min(x0, x1) - media[0]) / width,
        (media[3] - max(y0, y1)) / height,
        abs(x1 - x0) / width,
        abs(y1 - y0) / height,
    )
    length = int(_inherited(annotation, "/MaxLen") or 0)
    choices = tuple(str(item[1] if isinstance(item, pikepdf.Array) else item) for item in annotation.get("/Opt", []))
    return Widget(
        str(_inherited(annotation, "/T") or "field"),
        str(_inherited(annotation, "/TU") or ""),
        kind,
        box,
        length if flags & _COMB and length >= 2 else None,
        2 if kind == "Tx" and flags & _MULTILINE else 1,
        choices if kind == "Ch" else (),
    )


def _inherited(annotation: Any, key: str) -> Any:
    for _ in range(20):
        if annotation is None or key in annotation:
            break
        annotation = annotation.get("/Parent")
    return None if annotation is None else annotation.get(key)


def _scaled(widget: Widget, width: int, height: int) -> Widget:
    x, y, w, h = widget.box
    box = _rounded((x * width, y * height, w * width, h * height))
    return Widget(widget.name, widget.label, widget.kind, box, widget.comb, widget.lines, widget.choices)


def _of_widget(widget: Widget) -> FormField:
    label = widget.label or widget.name
    if widget.kind == "Btn":
        return FormField(name="tick", label=label, type="tick", box=widget.box)
    if widget.kind == "Sig":
        return FormField(name="signature", label=label, type="signature", box=widget.box)
    if widget.choices:
        return FormField(name="choice", label=label, type="choice", box=widget.box, entries=widget.choices)
    return _field(label, widget.box, widget.comb)
