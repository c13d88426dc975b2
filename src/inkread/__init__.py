"""Inkread reads handwriting: page images to text, offline, on a CPU.

Usage: ``inkread.read("letter.jpg").text``
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from inkread.document import Alternative, Character, Document, Line, Page, Provenance, Region, Step, Word
from inkread.errors import (
    BadLineError,
    BadPageError,
    BundleError,
    DamagedInputError,
    DatasetError,
    EncryptedInputError,
    InkreadError,
    InputError,
    InputNotFoundError,
    InputTooLargeError,
    LayoutFileError,
    OutputError,
    PatternError,
    RegistryDownError,
    RegistryError,
    SettingsError,
    TemplateError,
    UnsupportedInputError,
)

# Reading sends nothing to anybody. ONNX Runtime reports its use to its maker unless told before it is imported, from
# a thread that also keeps forked processes from ending.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from inkread.bundle import Bundle
    from inkread.formats import FORMATS, read_document
    from inkread.io.inputs import Input
    from inkread.layout import LayoutSettings
    from inkread.page_reader import ReaderSettings
    from inkread.reader import Reader, read
    from inkread.recognition.fields import FieldReading
    from inkread.recognition.patterns import Pattern

    __version__: str

__all__ = [
    "FORMATS",
    "Alternative",
    "BadLineError",
    "BadPageError",
    "Bundle",
    "BundleError",
    "Character",
    "DamagedInputError",
    "DatasetError",
    "Document",
    "EncryptedInputError",
    "FieldReading",
    "InkreadError",
    "Input",
    "InputError",
    "InputNotFoundError",
    "InputTooLargeError",
    "LayoutFileError",
    "LayoutSettings",
    "Line",
    "OutputError",
    "Page",
    "Pattern",
    "PatternError",
    "Provenance",
    "Reader",
    "ReaderSettings",
    "Region",
    "RegistryDownError",
    "RegistryError",
    "SettingsError",
    "Step",
    "TemplateError",
    "UnsupportedInputError",
    "Word",
    "__version__",
    "read",
    "read_document",
]

_IMPORTED_WHEN_USED = {
    "Bundle": "inkread.bundle",
    "FORMATS": "inkread.formats",
    "FieldReading": "inkread.recognition.fields",
    "Input": "inkread.io.inputs",
    "LayoutSettings": "inkread.layout",
    "Pattern": "inkread.recognition.patterns",
    "Reader": "inkread.reader",
    "ReaderSettings": "inkread.page_reader",
    "read": "inkread.reader",
    "read_document": "inkread.formats",
}
_RENAMED = {"Source": "Input"}


def __getattr__(name: str) -> object:
    """Import what takes long when it is first used, so that ``inkread --help`` answers at once."""
    if name == "__version__":
        return import_module("importlib.metadata").version("inkread")
    if name in _RENAMED:
        import_module("warnings").warn(
            f"inkread.{name} is now inkread.{_RENAMED[name]}", DeprecationWarning, stacklevel=2
        )
        name = _RENAMED[name]
    if name not in _IMPORTED_WHEN_USED:
        raise AttributeError(f"module 'inkread' has no attribute {name!r}")
    return getattr(import_module(_IMPORTED_WHEN_USED[name]), name)


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
