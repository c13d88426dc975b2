"""Inkread reads handwriting: page images to text, offline, on a CPU.

Usage: ``inkread.read("letter.jpg").text``
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from inkread.document import Alternative, Character, Document, Line, Page, Provenance, Region, Step, Word
from inkread.errors import (
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
    RegistryError,
    SettingsError,
    UnsupportedInputError,
)

if TYPE_CHECKING:
    from inkread.io.inputs import Source
    from inkread.reader import Reader, read

    __version__: str

__all__ = [
    "Alternative",
    "BundleError",
    "Character",
    "DamagedInputError",
    "DatasetError",
    "Document",
    "EncryptedInputError",
    "InkreadError",
    "InputError",
    "InputNotFoundError",
    "InputTooLargeError",
    "LayoutFileError",
    "Line",
    "OutputError",
    "Page",
    "Provenance",
    "Reader",
    "Region",
    "RegistryError",
    "SettingsError",
    "Source",
    "Step",
    "UnsupportedInputError",
    "Word",
    "__version__",
    "read",
]

_IMPORTED_WHEN_USED = {"Reader": "inkread.reader", "Source": "inkread.io.inputs", "read": "inkread.reader"}


def __getattr__(name: str) -> object:
    """Import what takes long when it is first used, so that ``inkread --help`` answers at once."""
    if name == "__version__":
        return import_module("importlib.metadata").version("inkread")
    if name not in _IMPORTED_WHEN_USED:
        raise AttributeError(f"module 'inkread' has no attribute {name!r}")
    return getattr(import_module(_IMPORTED_WHEN_USED[name]), name)
