"""Documents as JSON, with a published schema.

Usage: ``load(dump(document)) == document``

All of a document is carried: coordinates to 0.01 pixel, everything else exactly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from inkread.document import Document, Page, Provenance
from inkread.formats.xml import encode

FORMAT: Literal["inkread-document"] = "inkread-document"
VERSION: Literal[1] = 1
_POINTS = {"polygon", "baseline"}


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A document that Inkread read, as JSON."""

    format: Literal["inkread-document"]
    version: Literal[1]
    pages: tuple[Page, ...]
    provenance: Provenance | None = None


_ADAPTER = TypeAdapter(DocumentFile)


def dump(document: Document) -> bytes:
    """``dump(document)``: UTF-8 on one line."""
    tree: object = _ADAPTER.dump_python(DocumentFile(FORMAT, VERSION, document.pages, document.provenance))
    return encode(json.dumps(_rounded(tree), ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n")


def load(data: bytes) -> Document:
    """``load(data)``: the document.

    Raises:
        ValueError: where the data does not follow the schema.
    """
    try:
        file = _ADAPTER.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"{place}: {first['msg']}") from error
    return Document(file.pages, file.provenance)


def schema_text() -> str:
    """``schema_text()``: the JSON Schema (draft 2020-12) of what ``dump`` writes, indented."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_ADAPTER.json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _rounded(value: object, *, pixels: bool = False) -> object:
    if isinstance(value, dict):
        return {key: _rounded(item, pixels=key in _POINTS) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item, pixels=pixels) for item in value]
    return round(value, 2) if pixels and isinstance(value, float) else value
