"""The table of a batch: one row a form, with value, state and confidence of each field.

Usage: ``write_table(Path("out.csv"), batch)``; ``batch = Batch.graded(forms, max_error=0.005)``
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from inkread.errors import InkreadError, OutputError
from inkread.forms.reading import DEFAULT_LEAST, EMPTY, SURE, UNSURE, Form, FormValue, SheetOf, graded
from inkread.io.files import replacing, write_bytes

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Forms whose fields are graded.

    Attributes:
        forms: in the order of their sheets.
        least: confidence from which fields are sure.
        expected_error: share of the sure fields that is expected to be wrong, by their confidences.
    """

    forms: tuple[Form, ...]
    least: float
    expected_error: float

    @classmethod
    def graded(cls, forms: Sequence[Form], *, least: float | None = None, max_error: float | None = None) -> Batch:
        """Grade the fields of a batch.

        Args:
            forms: as read.
            least: confidence from which a field is sure; None for 0.9.
            max_error: expected share of wrong fields among the sure ones; the threshold is the lowest that keeps it.
        """
        confidences = [
            value.confidence
            for form in forms
            for value in form.fields.values()
            if value.state in (SURE, UNSURE) or (value.state == EMPTY and value.confidence < 1)
        ]
        threshold = DEFAULT_LEAST if least is None else least
        if max_error is not None:
            threshold = max(least or 0.0, threshold_for(confidences, max_error))
        kept = [each for each in confidences if each >= threshold]
        error = float(np.mean([1 - each for each in kept])) if kept else 0.0
        return cls(tuple(graded(form, threshold) for form in forms), threshold, error)

    def count(self, state: str) -> int:
        """How many fields are in a state."""
        return sum(value.state == state for form in self.forms for value in form.fields.values())


def threshold_for(confidences: Sequence[float], max_error: float) -> float:
    """The lowest confidence from which the expected share of errors is at most ``max_error``; above 1 if there is none.

    A confidence is the probability that a field is right, so the expected share of errors among some fields is the mean
    of what their confidences lack.
    """
    ordered = np.sort(np.asarray(confidences, np.float64))[::-1]
    if not len(ordered):
        return 0.0
    errors = np.cumsum(1 - ordered) / np.arange(1, len(ordered) + 1)
    last_of_equal = np.append(ordered[1:] < ordered[:-1], True)
    allowed = np.flatnonzero((errors <= max_error + 1e-9) & last_of_equal)
    return float(ordered[allowed[-1]]) if len(allowed) else 1.01


def rows_of_forms(forms: Iterable[Form]) -> list[Row]:
    """One flat row a form; fields of all templates are columns, and those of other templates are None."""
    rows = [_row(number, form) for number, form in enumerate(forms, 1)]
    columns: dict[str, None] = {}
    for row in rows:
        columns |= dict.fromkeys(row)
    return [{column: row.get(column) for column in columns} for row in rows]


def _row(number: int, form: Form) -> Row:
    sheets = [form.sheets[page] for page in sorted(form.sheets)]
    row: Row = {
        "form": number,
        "template": form.template,
        "version": form.version,
        "sheets": ";".join(f"{sheet.source}#{sheet.index + 1}" for sheet in sheets),
        "error_pixels": max((sheet.error for sheet in sheets), default=None),
        "problem": form.problem,
    }
    for name, value in form.fields.items():
        row[name] = value.value
        row[f"{name}_state"] = value.state
        row[f"{name}_confidence"] = value.confidence
        row[f"{name}_raw"] = value.raw
        row[f"{name}_crop"] = value.crop
    return row


def to_json(form: Form) -> Row:
    """Everything known about a form but its pictures, for a JSON file."""
    return {
        "template": form.template,
        "version": form.version,
        "problem": form.problem,
        "sheets": {str(page): asdict(sheet) for page, sheet in form.sheets.items()},
        "fields": {name: asdict(value) for name, value in form.fields.items()},
    }


def from_json(content: Row) -> Form:
    """What `to_json` gave."""
    return Form(
        content["template"],
        content["version"],
        {int(page): SheetOf(**sheet) for page, sheet in content["sheets"].items()},
        {name: _value(value) for name, value in content["fields"].items()},
        content["problem"],
    )


def _value(content: Row) -> FormValue:
    polygon = tuple((float(x), float(y)) for x, y in content["polygon"])
    alternatives = tuple((str(text), float(share)) for text, share in content["alternatives"])
    return FormValue(**{**content, "polygon": polygon, "alternatives": alternatives})


def write_table(path: Path, batch: Batch) -> None:
    """Write a batch as its suffix says: .csv, .xlsx, .json or .parquet.

    Raises:
        OutputError: the suffix is another one, or the file cannot be written.
    """
    check_suffix(path)
    WRITERS[path.suffix.lower()](path, batch)


def check_suffix(path: Path) -> None:
    """Raise an OutputError where a file is none of the kinds that are written."""
    if path.suffix.lower() not in WRITERS:
        raise OutputError(f"{path}: a table is written as {', '.join(WRITERS)}, name one of them")


def _write_csv(path: Path, batch: Batch) -> None:
    rows = rows_of_forms(batch.forms)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["form"])
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    write_bytes(path, text.getvalue().encode("utf-8-sig"))


FORMULA_STARTS = ("=", "@", "\t", "\r")


def _harmless(value: Any) -> Any:
    """What somebody has written is not a formula of a spreadsheet (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _write_json(path: Path, batch: Batch) -> None:
    content = {
        "least_confidence": batch.least,
        "expected_error": round(batch.expected_error, 5),
        "forms": [to_json(form) for form in batch.forms],
    }
    write_bytes(path, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def _write_parquet(path: Path, batch: Batch) -> None:
    arrow, parquet = _module("pyarrow"), _module("pyarrow.parquet")
    with replacing(path) as stream:
        parquet.write_table(arrow.Table.from_pylist(rows_of_forms(batch.forms)), stream)


COLOURS = {SURE: "#E3F1E6", UNSURE: "#FBE9C6", "invalid": "#F6D5D5", "missing": "#DDDDDD"}


def _write_xlsx(path: Path, batch: Batch) -> None:
    """A sheet for each template, values coloured by their state, and one for sheets that are no form."""
    with replacing(path) as stream:
        book = _module("xlsxwriter").Workbook(stream, {"in_memory": True, "strings_to_formulas": False})
        head = book.add_format({"bold": True})
        colours = {state: book.add_format({"bg_color": colour}) for state, colour in COLOURS.items()}
        for template in dict.fromkeys(form.template for form in batch.forms) or [""]:
            sheet = book.add_worksheet((template or "not read")[:31])
            rows = rows_of_forms(form for form in batch.forms if form.template == template)
            for column, name in enumerate(rows[0] if rows else ()):
                sheet.write_string(0, column, name, head)
                for number, row in enumerate(rows, 1):
                    shown = colours.get(str(row.get(f"{name}_state")))
                    if isinstance(row[name], str):
                        sheet.write_string(number, column, row[name], shown)
                    else:
                        sheet.write(number, column, row[name], shown)
            sheet.freeze_panes(1, 1)
        book.close()


WRITERS: dict[str, Callable[[Path, Batch], None]] = {
    ".csv": _write_csv,
    ".xlsx": _write_xlsx,
    ".json": _write_json,
    ".parquet": _write_parquet,
}


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        needed = name.partition(".")[0]
        raise InkreadError(f"this table needs {needed}, install it with pip install 'inkread[forms]'") from error
