"""What ``--model`` accepts: a bundle folder, or a version in the registry.

Usage: ``folder = bundle_folder("models:/inkread@champion")``
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from inkread.errors import RegistryError

REFERENCE = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[\w.-]+)|/(?P<version>\d+))")
SCHEME = "models:"


def cache_folder() -> Path:
    """Where fetched bundles are kept: ``INKREAD_CACHE``, or a folder in the user's cache."""
    chosen = os.environ.get("INKREAD_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen) if chosen else home / "inkread"


def bundle_folder(reference: str | Path | None) -> Path | None:
    """The folder of a bundle; a reference such as ``models:/inkread@champion`` or ``models:/inkread/3`` is fetched.

    Raises:
        RegistryError: the reference is malformed, or the registry has no such version.
    """
    text = str(reference) if reference is not None else ""
    if not text.startswith(SCHEME):
        return None if reference is None else Path(reference)
    match = REFERENCE.fullmatch(text)
    if match is None:
        raise RegistryError(f"{text}: write models:/NAME@ALIAS or models:/NAME/VERSION")
    try:
        from inkread.registry.versions import Registry
    except ModuleNotFoundError as error:
        raise RegistryError(f"{text}: this needs {error.name}, install it with pip install 'inkread[serve]'") from None
    return Registry(name=match["name"]).fetch(match["alias"] or match["version"], cache_folder())
