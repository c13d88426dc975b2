"""What ``--model`` accepts: a bundle folder, a version in the registry, or ``bundled``.

Usage: ``folder = bundle_folder("models:/inkread@champion")``
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from inkread.errors import RegistryError

REFERENCE = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[\w.-]+)|/(?P<version>\d+))")
SCHEME = "models:"
BUNDLED = "bundled"
"""The bundle in the package; a folder of that name is written ``./bundled``."""


def cache_folder() -> Path:
    """Where fetched bundles are kept: ``INKREAD_CACHE``, or a folder in the user's cache."""
    chosen = os.environ.get("INKREAD_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen) if chosen else home / "inkread"


def bundle_folder(reference: str | Path | None) -> Path | None:
    """The folder of a bundle; a reference such as ``models:/inkread@champion`` or ``models:/inkread/3`` is fetched.

    None stands for the bundle in the package, as in `Bundle.open`.

    Raises:
        RegistryError: the reference is malformed, or the registry has no such version.
    """
    if reference is None or reference == BUNDLED:
        return None
    if not is_registered(reference):
        return Path(reference)
    name, wanted = split_reference(str(reference))
    try:
        from inkread.registry.versions import Registry
    except ModuleNotFoundError as error:
        need = f"{reference}: this needs {error.name}, install it with pip install 'inkread[serve]'"
        raise RegistryError(need) from None
    return Registry(name=name).fetch(wanted, cache_folder())


def is_registered(reference: str | Path) -> bool:
    """``is_registered("models:/inkread/3")``: whether it names a version in the registry, not a folder."""
    return str(reference).startswith(SCHEME)


def split_reference(reference: str) -> tuple[str, str]:
    """``split_reference("models:/inkread@champion") == ("inkread", "champion")``; RegistryError where malformed."""
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise RegistryError(f"{reference}: write models:/NAME@ALIAS or models:/NAME/VERSION")
    return match["name"], match["alias"] or match["version"]
