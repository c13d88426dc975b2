"""IIIF manifests on disk: the images of the canvases, in their order, from the files beside the manifest.

Usage: ``for image in manifest_images(Path("manifest.json")): ...``

Presentation API 2 and 3 (https://iiif.io/api/presentation/). Nothing is fetched: an image that a manifest names by its
address on the web is looked for among the files below the manifest's folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from inkread.errors import InputNotFoundError

CONTEXT = "iiif.io/api/presentation"
IMAGE_API_PARTS = 4
"""Region, size, rotation and quality behind the identifier in an address of the IIIF Image API."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".jp2")
MAX_BYTES = 64 * 2**20


def manifest_images(path: Path) -> list[Path | InputNotFoundError] | None:
    """The image of each canvas, or an error that names the canvas whose image is not there; None for other files."""
    try:
        if path.suffix.lower() != ".json" or path.stat().st_size > MAX_BYTES:
            return None
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict) or CONTEXT not in json.dumps(manifest.get("@context", "")):
        return None
    return [_found(path, number, address) for number, address in enumerate(_addresses(manifest), start=1)]


def _addresses(manifest: dict[str, Any]) -> Iterator[str]:
    """The address of the first image of each canvas, "" where it has none."""
    for canvas in _dicts(manifest.get("items")) or [
        canvas for sequence in _dicts(manifest.get("sequences"))[:1] for canvas in _dicts(sequence.get("canvases"))
    ]:
        bodies = [
            annotation.get("body") for page in _dicts(canvas.get("items")) for annotation in _dicts(page.get("items"))
        ] + [annotation.get("resource") for annotation in _dicts(canvas.get("images"))]
        body = next((body for body in bodies if isinstance(body, dict)), {})
        address = body.get("id") or body.get("@id") or ""
        yield address if isinstance(address, str) else ""


def _dicts(items: object) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _found(manifest: Path, number: int, address: str) -> Path | InputNotFoundError:
    for name in _names(address):
        for place in (manifest.parent, manifest.parent / "images"):
            beside = place / name
            if beside.is_file() and beside.resolve().is_relative_to(manifest.parent.resolve()):
                return beside
    what = f"the image of canvas {number}, {address or 'which it does not name'}"
    return InputNotFoundError(f"{manifest}: {what}, is not beside the manifest; save it there")


def _names(address: str) -> Iterator[str]:
    """What the file of an address may be called: its path, shorter and shorter, and an identifier with a suffix."""
    try:
        path = PurePosixPath(unquote(urlsplit(address).path))
    except ValueError:
        return
    parts = [part for part in path.parts if part not in ("/", "..") and "\0" not in part]
    yield from ("/".join(parts[start:]) for start in range(len(parts)))
    if len(parts) > IMAGE_API_PARTS:
        identifier = PurePosixPath(parts[-1 - IMAGE_API_PARTS]).name
        yield identifier
        yield from (f"{identifier}{suffix}" for suffix in (path.suffix, *SUFFIXES))
