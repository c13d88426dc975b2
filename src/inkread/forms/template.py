"""The template of a form: what its empty pages look like, and which fields they have.

Usage: ``template = Template.load(Path("claim.yaml")); template.save(Path("claim.yaml"))``

A template is a YAML file with a grey picture of each empty page beside it. All boxes are pixels of these pictures,
which have 200 dpi: left, top, width, height. `docs/forms.md` describes every entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from inkread.errors import InkreadError, OutputError, TemplateError
from inkread.io.files import write_bytes
from inkread.io.inputs import load_pages
from inkread.recognition.line_images import Grey

DPI = 200
"""Of the pictures of empty pages, to which all boxes refer."""

Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels at 200 dpi."""

FieldType = Literal[
    "text",
    "name",
    "choice",
    "date",
    "time",
    "number",
    "amount",
    "phone",
    "email",
    "iban",
    "card",
    "ean",
    "isbn",
    "postcode",
    "regex",
    "tick",
    "ticks",
    "signature",
    "table",
]
OPTIONS_OF: Mapping[str, tuple[str, ...]] = {
    "text": ("lines", "comb"),
    "name": ("entries", "list", "comb"),
    "choice": ("entries", "list", "comb"),
    "date": ("years", "month_first", "comb"),
    "amount": ("cents", "comb"),
    "postcode": ("country", "comb"),
    "regex": ("expression", "comb"),
    "tick": (),
    "ticks": ("options", "several"),
    "signature": (),
    "table": ("columns", "rows"),
}
"""Which options a type takes; the types that are not named take ``comb``."""
MOST_FIELDS = 1000
MOST_LIST_BYTES = 20_000_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FormField(_Strict):
    """A field of a page.

    Attributes:
        name: of the column in the results; unique in the template.
        label: what is printed beside it, for people.
        type: what may stand in it.
        box: where it is written; of a table all its rows.
        required: whether an empty field is invalid.
        comb: number of printed cells, one for each character.
        lines: of a text; more than 1 are found as on a page.
        entries, list: of a name or choice: the entries, or a UTF-8 file beside the template with one a line.
        years: first and last year of a date.
        month_first: 3/4/1921 is the 4th of March.
        cents: whether an amount always has them.
        country: of a postcode.
        expression: of a regular expression.
        options: of tick boxes that belong together, by value.
        several: whether more than one of them may be ticked.
        columns: of a table; their boxes are those of its first row.
        rows: of a table; all are equally high.
    """

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)
    label: str = ""
    type: FieldType = "text"
    box: Box
    required: bool = False
    comb: int | None = Field(None, ge=2, le=100)
    lines: int = Field(1, ge=1, le=100)
    entries: tuple[str, ...] | None = None
    list: str | None = None
    years: tuple[int, int] | None = None
    month_first: bool = False
    cents: bool = False
    country: str | None = None
    expression: str | None = None
    options: dict[str, Box] | None = None
    several: bool = False
    columns: tuple[FormField, ...] | None = None
    rows: int = Field(1, ge=1, le=200)

    @field_validator("box")
    @classmethod
    def _has_area(cls, box: Box) -> Box:
        if box[2] <= 0 or box[3] <= 0 or box[0] < 0 or box[1] < 0:
            raise ValueError("a box is left, top, width, height, in pixels of the empty page")
        return box

    @model_validator(mode="after")
    def _options_fit(self) -> FormField:
        own = {"name", "label", "type", "box", "required", *OPTIONS_OF.get(self.type, ("comb",))}
        if other := sorted(self.model_fields_set - own):
            raise ValueError(f"a field of type {self.type} takes no {', '.join(other)}")
        missing = {"choice": not (self.entries or self.list), "ticks": not self.options, "table": not self.columns}
        missing |= {"postcode": not self.country, "regex": not self.expression}
        if missing.get(self.type):
            raise ValueError(f"a field of type {self.type} needs {OPTIONS_OF[self.type][0]}")
        if any(column.type == "table" for column in self.columns or ()):
            raise ValueError("a column of a table cannot be a table")
        return self


FormField.model_rebuild()


class OrderRule(_Strict):
    """One date, time or number is not before, or below, another one."""

    rule: Literal["order"]
    first: str
    second: str

    @property
    def fields(self) -> tuple[str, ...]:
        """What has to fit together."""
        return (self.first, self.second)


class SumRule(_Strict):
    """Amounts or numbers add up; ``items.amount`` stands for that column in all rows of a table."""

    rule: Literal["sum"]
    total: str
    parts: tuple[str, ...] = Field(min_length=1)

    @property
    def fields(self) -> tuple[str, ...]:
        """What has to fit together."""
        return (self.total, *self.parts)


class PairsRule(_Strict):
    """Two fields, such as postcode and town, stand together in a line of a UTF-8 file, with a tab between them."""

    rule: Literal["pairs"]
    first: str
    second: str
    list: str

    @property
    def fields(self) -> tuple[str, ...]:
        """What has to fit together."""
        return (self.first, self.second)


Rule = Annotated[OrderRule | SumRule | PairsRule, Field(discriminator="rule")]


class TemplatePage(_Strict):
    """An empty page: ``blank`` names its picture beside the template."""

    blank: str
    fields: tuple[FormField, ...] = ()


class Template(_Strict):
    """A form.

    Attributes:
        format: of the file.
        name: short, for results.
        version: of the form, when its print changes.
        title: for people.
        pages: in order.
        rules: across fields.
        folder: where it was loaded from.
    """

    format: Literal[1] = 1
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=60)
    version: str = "1"
    title: str = ""
    pages: tuple[TemplatePage, ...] = Field(min_length=1, max_length=50)
    rules: tuple[Rule, ...] = ()
    folder: Path = Field(Path(), exclude=True)

    @model_validator(mode="after")
    def _names_fit(self) -> Template:
        fields = [field for page in self.pages for field in page.fields]
        names = [field.name for field in fields]
        for field in fields:
            names += [f"{field.name}.{column.name}" for column in field.columns or ()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the name {twice[0]} stands for two fields")
        if len(names) > MOST_FIELDS:
            raise ValueError(f"a form has at most {MOST_FIELDS} fields")
        if unknown := [name for rule in self.rules for name in rule.fields if name not in names]:
            raise ValueError(f"a rule names {unknown[0]}, which is no field")
        return self

    @classmethod
    def load(cls, path: str | Path) -> Template:
        """Read a template.

        Raises:
            TemplateError: the file is missing or no template; the message says where and why.
        """
        path = Path(path)
        try:
            content = _yaml().safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise TemplateError(f"{path}: the template cannot be read ({error.strerror})") from error
        except (ValueError, _yaml().YAMLError) as error:
            raise TemplateError(f"{path}: this is no YAML file ({' '.join(str(error).split())})") from error
        try:
            return cls.parse(content, path.parent)
        except TemplateError as error:
            raise TemplateError(f"{path}: {error}") from error

    @classmethod
    def parse(cls, content: object, folder: Path = Path()) -> Template:
        """The template that a YAML or JSON file holds.

        Args:
            content: of the file.
            folder: where pictures and lists are.

        Raises:
            TemplateError: it is none; the message says where and why.
        """
        if not isinstance(content, dict):
            raise TemplateError("this is no template, it has no pages")
        try:
            return cls.model_validate({**content, "folder": folder})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "template"
            raise TemplateError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error

    def plain(self) -> dict[str, Any]:
        """What the file says: entries that were not given are left out."""
        return {"format": 1, **self.model_dump(mode="json", exclude_unset=True, exclude={"folder"})}

    def list_names(self) -> set[str]:
        """The names of the files with lists."""
        fields = [field for page in self.pages for each in page.fields for field in (each, *(each.columns or ()))]
        named = [field.list for field in fields if field.list is not None]
        return {*named, *(rule.list for rule in self.rules if isinstance(rule, PairsRule))}

    def save(self, path: Path, blanks: Mapping[str, Grey] | None = None) -> None:
        """Write the YAML file, and pictures of empty pages by their names.

        Raises:
            OutputError: a file cannot be written.
        """
        text = _yaml().safe_dump(self.plain(), sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
        for name, grey in (blanks or {}).items():
            done, encoded = cv2.imencode(".png", grey)
            if not done:
                raise OutputError(f"{name}: the picture cannot be encoded")
            write_bytes(path.parent / name, encoded.tobytes())
        write_bytes(path, text.encode())

    def blank(self, page: int) -> Grey:
        """The picture of an empty page, uint8 [height, width].

        Raises:
            InputError: it is missing or damaged.
        """
        return next(load_pages(self.folder / self.pages[page].blank)).grey

    def entries(self, field: FormField) -> tuple[str, ...] | None:
        """What stands in the list of a field, None where it has none.

        Raises:
            TemplateError: the list cannot be read.
        """
        if field.entries is not None:
            return field.entries
        return None if field.list is None else read_list(self.folder / field.list)

    def named_fields(self) -> Iterator[tuple[int, str, FormField]]:
        """Page, name and field of everything that is read; rows of a table are ``items.1.amount`` and so on."""
        for number, page in enumerate(self.pages):
            for field in page.fields:
                for name, each in rows_of(field):
                    yield number, name, each


def rows_of(field: FormField) -> Iterator[tuple[str, FormField]]:
    """``rows_of(items)``: each field of a table, moved to its row, with the name of its column in the results."""
    if field.columns is None:
        yield field.name, field
        return
    pitch = field.box[3] / field.rows
    for row, column in ((row, column) for row in range(field.rows) for column in field.columns):
        yield f"{field.name}.{row + 1}.{column.name}", _moved(column, row * pitch)


def _moved(field: FormField, down: float) -> FormField:
    left, top, width, height = field.box
    options = field.options and {key: (x, y + down, w, h) for key, (x, y, w, h) in field.options.items()}
    return field.model_copy(update={"box": (left, top + down, width, height), "options": options})


@lru_cache(maxsize=32)
def read_list(path: Path) -> tuple[str, ...]:
    """The lines of a UTF-8 file that are not empty.

    Raises:
        TemplateError: it cannot be read or is too large.
    """
    try:
        if path.stat().st_size > MOST_LIST_BYTES:
            raise TemplateError(f"{path}: the list is larger than {MOST_LIST_BYTES} bytes")
        return tuple(filter(None, map(str.strip, path.read_text(encoding="utf-8").splitlines())))
    except OSError as error:
        raise TemplateError(f"{path}: the list cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"{path}: the list is not UTF-8 text, save it as UTF-8") from error


def boxes_of(field: FormField) -> Iterator[Box]:
    """All boxes of a field that is no table: its own, or those of its tick boxes."""
    return iter(field.options.values()) if field.options else iter((field.box,))


def as_200_dpi(grey: Grey, dpi: float | None) -> Grey:
    """A page at 200 dpi; of unknown resolution it is taken for a sheet with a longer side of 297 mm."""
    scale = DPI / dpi if dpi else 297 / 25.4 * DPI / max(grey.shape)
    if abs(scale - 1) < 0.005:
        return grey
    size = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, size, interpolation=shrink), np.uint8)


def _yaml() -> Any:
    try:
        return import_module("yaml")
    except ModuleNotFoundError as error:
        raise InkreadError("templates need PyYAML, install it with pip install 'inkread[forms]'") from error
