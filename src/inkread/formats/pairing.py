"""Images and their PAGE or ALTO files: what belongs together in a folder and below.

Usage: ``for image, layout in paired("volume"): ...``; ``find_pairs("volume").left_out``

Transkribus, eScriptorium, OCR-D and METS lay their files out differently; see `find_pairs`.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import unquote

from inkread.errors import InputNotFoundError
from inkread.formats.xml import parse
from inkread.io.inputs import SUFFIXES

Folders = str | Path | Iterable[str | Path]

WITHOUT_IMAGE = "transcription without an image"
SAME_NAME = "another image has the same name"
SECOND = "another transcription of the same image is taken"
METS = "mets.xml"
METADATA = "metadata.xml"
"""What Transkribus says of a document."""
OF_MACOS = "__MACOSX"
_IMAGES = SUFFIXES - {".pdf"}
_SUBFOLDERS = ("page", "alto")
_LAYOUTS = (".page.xml", ".alto.xml", ".xml")
_HEAD_BYTES = 65_536
_IMAGE_NAME = re.compile(r'imageFilename\s*=\s*"([^"]*)"|<(?:\w+:)?fileName\b[^>]*>([^<]*)<')
_HREF = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True, slots=True)
class Pairs:
    """What `find_pairs` found.

    Attributes:
        pages: images with their PAGE or ALTO file, sorted by image.
        left_out: files that are no part of a pair though they look like one, with the reason.
    """

    pages: tuple[tuple[Path, Path], ...]
    left_out: tuple[tuple[Path, str], ...]


def paired(folders: Folders) -> Iterator[tuple[Path, Path]]:
    """``list(paired("volume"))``: images with their PAGE or ALTO file, sorted by image; see `find_pairs`.

    Raises:
        InputNotFoundError: where a folder does not exist.
    """
    for folder in [folders] if isinstance(folders, str | Path) else folders:
        yield from find_pairs(folder).pages


def without_image(folders: Folders) -> list[Path]:
    """``without_image("volume")``: the XML files there for which ``paired`` finds no image."""
    listed = [folders] if isinstance(folders, str | Path) else folders
    return [path for folder in listed for path, why in find_pairs(folder).left_out if why == WITHOUT_IMAGE]


def find_pairs(folder: str | Path, depth: int | None = None) -> Pairs:
    """``find_pairs("export").pages``: the pairs in a folder and below, ``depth`` folders down at most.

    These belong together, the first that holds counts:

    1. ``p.png`` and ``p.xml``, ``p.page.xml``, ``p.alto.xml`` or ``p.png.xml``, in one folder or with the XML in a
       folder ``page`` or ``alto`` beside the image (Transkribus). Of ``p.png`` and ``p.jpg`` that is the one which the
       XML names, otherwise the first.
    2. Files of one page in the structural map of a ``mets.xml`` (METS, OCR-D).
    3. An XML file and the image that it names (``imageFilename``, ``fileName``): a path from a folder above, or a name
       in its folder or the one above.

    An image has one transcription: a folder with ``GT`` in its name is taken first, then XML beside the image, then
    ``page``, then ``alto``. Hidden files and folders, and ``__MACOSX``, are ignored.

    Raises:
        InputNotFoundError: where the folder does not exist.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputNotFoundError(f"{folder}: there is no such folder")
    return _Pairing(root, depth).pairs()


class _Pairing:
    def __init__(self, root: Path, depth: int | None) -> None:
        self._root = root
        self._stems: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        self._images: dict[Path, Path] = {}
        self._layouts: list[Path] = []
        self._mets: list[Path] = []
        for path in _files(root, depth):
            if path.suffix.lower() in _IMAGES:
                self._images[_key(path)] = path
                self._stems[path.parent, path.stem].append(path)
                self._stems[path.parent, path.name].append(path)
            elif path.name.lower() == METS:
                self._mets.append(path)
            elif path.suffix.lower() == ".xml":
                self._layouts.append(path)
        self._layouts.sort(key=_rank)
        self._named = {layout: _named_image(layout) for layout in self._layouts}

    def pairs(self) -> Pairs:
        """All pairs; each way of pairing is tried with all files before the next one."""
        found: dict[Path, Path] = {}
        left_out: dict[Path, str] = {}
        waiting = self._layouts
        of_mets = dict(pair for mets in self._mets for pair in _pairs_of_mets(mets, self._images, self._layouts))
        for image_of in (self._by_stem, of_mets.get, self._by_name):
            still_waiting = []
            for layout in waiting:
                image = image_of(layout)
                if image is None:
                    still_waiting.append(layout)
                elif image in found:
                    left_out[layout] = SECOND
                else:
                    found[image] = layout
            waiting = still_waiting
        left_out |= {layout: WITHOUT_IMAGE for layout in waiting if layout.name.lower() != METADATA}
        for images in self._stems.values():
            if len(images) > 1 and any(image in found for image in images):
                left_out |= {image: SAME_NAME for image in images if image not in found}
        return Pairs(tuple(sorted(found.items(), key=_by_image)), tuple(sorted(left_out.items())))

    def _by_stem(self, layout: Path) -> Path | None:
        suffix = next(suffix for suffix in _LAYOUTS if layout.name.lower().endswith(suffix))
        stem = layout.name[: -len(suffix)]
        places = [layout.parent]
        if layout.parent.name.lower() in _SUBFOLDERS and layout.parent != self._root:
            places.append(layout.parent.parent)
        images = [image for place in places for image in self._stems.get((place, stem), ())]
        named = Path(self._named[layout]).name
        return next((image for image in images if image.name == named), images[0] if images else None)

    def _by_name(self, layout: Path) -> Path | None:
        named = self._named[layout]
        if not named:
            return None
        above = [place for place in layout.parents if place.is_relative_to(self._root)]
        candidates = [place / named for place in above] + [place / Path(named).name for place in above[:2]]
        return next((self._images[key] for key in map(_key, candidates) if key in self._images), None)


def _by_image(pair: tuple[Path, Path]) -> tuple[Path, str, str]:
    image, _ = pair
    return image.parent, image.stem, image.suffix


def _rank(layout: Path) -> tuple[bool, Path, int, str]:
    """Ground truth first, then the XML beside the images, ``page`` and ``alto``."""
    name = layout.parent.name
    below = name.lower() in _SUBFOLDERS
    order = 1 + _SUBFOLDERS.index(name.lower()) if below else 0
    return "GT" not in name, layout.parent.parent if below else layout.parent, order, layout.name


def _files(root: Path, depth: int | None) -> Iterator[Path]:
    for parent, folders, files in os.walk(root):
        if depth is not None and len(Path(parent).relative_to(root).parts) >= depth:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != OF_MACOS)
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def _key(path: Path) -> Path:
    """Equal for names of a file that differ in how accents are written; macOS takes them apart."""
    return Path(unicodedata.normalize("NFC", os.path.normpath(path)))


def _named_image(layout: Path) -> str:
    """The name of the image in the first bytes of an XML file, with forward slashes; "" where there is none."""
    try:
        with layout.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return ""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    match = _IMAGE_NAME.search(head.decode(encoding, "replace"))
    name = unescape(match[1] or match[2] or "").strip() if match else ""
    return "" if "\0" in name else name.replace("\\", "/")


def _pairs_of_mets(mets: Path, images: Mapping[Path, Path], layouts: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """Layout and image of each page in the structural map of a METS file; nothing where it cannot be read."""
    try:
        root = parse(mets.read_bytes())
    except (OSError, ValueError):
        return
    known = {_key(layout): layout for layout in layouts}
    places = {
        file.get("ID"): _key(mets.parent / unquote(where.get(_HREF, "").removeprefix("file://")))
        for file in root.iter("{*}file")
        for where in file.iterfind("{*}FLocat")
        if "\0" not in where.get(_HREF, "")
    }
    for division in root.iter("{*}div"):
        # OCR-D names a file in the pointer, Transkribus in an area inside it
        pointers = (each for pointer in division.iterfind("{*}fptr") for each in pointer.iter() if each.get("FILEID"))
        files = [places[name] for pointer in pointers if (name := pointer.get("FILEID")) in places]
        image = next((images[path] for path in files if path in images), None)
        if image is not None:
            yield from ((known[path], image) for path in files if path in known)
