"""Texts of known licence that the character language model learns from.

Usage: ``corpora = [transcriptions(Path("data/hooker-en")), *packages(Path("downloads"))]``

Packages are read from the files as they were downloaded, so that the hash of each source can be recorded::

    apt-get download debian-handbook gnome-user-docs sword-text-web wordnet-base
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq
from lxml import etree

from inkread.data.cleaning import clean_text
from inkread.errors import DatasetError
from inkread.formats import read_layout

LINE_LENGTH = 55
"""Prose is broken into lines about as long as handwritten ones."""
TRANSCRIPTION_WEIGHT, PACKAGE_WEIGHT = 4.0, 0.5
CC_BY = "CC-BY-4.0"
LICENCES = {
    "copiste-fr": CC_BY,
    "fondue18-fr": CC_BY,
    "hooker-en": "CC-BY-SA-4.0",
    "mariages-fr": CC_BY,
    "mss18-fr": CC_BY,
    "mss19-fr": CC_BY,
    "mss20-fr": CC_BY,
    "peraire-fr": CC_BY,
    "repertoires-fr": CC_BY,
    "romance": CC_BY,
    "testaments-fr": CC_BY,
    "unipen-en": CC_BY,
}
"""Licence of the transcriptions, by folder."""
Members = Iterator[tuple[str, bytes]]


@dataclass(frozen=True)
class Source:
    """Where a text comes from, as the language model's header records it."""

    name: str
    version: str
    licence: str
    sha256: str
    size: int

    def record(self) -> dict[str, str | int]:
        """The source as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Corpus:
    """Lines of clean text.

    Attributes:
        source: where they come from.
        lines: the texts.
        weight: how much each of them counts.
    """

    source: Source
    lines: tuple[str, ...]
    weight: float


@dataclass(frozen=True)
class _Package:
    name: str
    licence: str
    members: str
    read: Callable[[Members], Iterator[str]]


def transcriptions(folder: Path) -> Corpus:
    """The texts of the ``train`` split of a folder: PAGE or ALTO files, or Parquet with the columns kind and text.

    Raises:
        DatasetError: the folder holds no transcription, or its licence is not known.
        LayoutFileError: a page file cannot be read.
    """
    licence = LICENCES.get(folder.name)
    if licence is None:
        raise DatasetError(f"{folder}: the licence of these transcriptions is not known; add the folder to LICENCES")
    texts = [line.text for page in sorted((folder / "train").glob("*.xml")) for line in read_layout(page).lines]
    strokes = folder / "train.parquet"
    if strokes.is_file():
        table = pq.read_table(strokes, columns=["kind", "text"]).to_pydict()
        texts += [text for kind, text in zip(table["kind"], table["text"], strict=True) if kind == "text"]
    lines = tuple(filter(None, map(clean_text, texts)))
    if not lines:
        raise DatasetError(f"{folder}: no transcribed lines in train/ and none in train.parquet")
    content = "\n".join(lines).encode()
    source = Source(f"{folder.name} train", "", licence, hashlib.sha256(content).hexdigest(), len(content))
    return Corpus(source, lines, TRANSCRIPTION_WEIGHT)


def packages(folder: Path) -> list[Corpus]:
    """The texts of the Debian packages of ``PACKAGES`` that were downloaded into ``folder``.

    Raises:
        DatasetError: a package is missing.
    """
    return [_read_package(folder, package) for package in PACKAGES]


def _read_package(folder: Path, package: _Package) -> Corpus:
    found = sorted(folder.glob(f"{package.name}_*.deb"))
    if not found:
        raise DatasetError(f"{folder}: package {package.name} is missing; download it with apt-get into this folder")
    content = found[-1].read_bytes()
    wanted = re.compile(package.members)
    members = ((name, data) for name, data in _deb_members(content) if wanted.search(name))
    lines = tuple(line for text in package.read(members) for line in _wrap(clean_text(text)))
    version = unquote(found[-1].stem.split("_")[1])
    source = Source(package.name, version, package.licence, hashlib.sha256(content).hexdigest(), len(content))
    return Corpus(source, lines, PACKAGE_WEIGHT)


def _wrap(text: str) -> Iterator[str]:
    words = text.split(" ")
    line = ""
    for word in words:
        if line and len(line) + len(word) >= LINE_LENGTH:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
    if line:
        yield line


def _deb_members(content: bytes) -> Members:
    offset = 8
    while offset < len(content):
        name = content[offset : offset + 16].decode().strip().rstrip("/")
        size = int(content[offset + 48 : offset + 58])
        body = content[offset + 60 : offset + 60 + size]
        if name.startswith("data.tar"):
            with tarfile.open(fileobj=io.BytesIO(body)) as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.isfile() else None
                    if stream is not None:
                        yield member.name, stream.read()
        offset += 60 + size + size % 2


def _html_paragraphs(members: Members) -> Iterator[str]:
    for _, data in members:
        for node in etree.HTML(data).iter("div", "p"):
            if node.tag == "p" or node.get("class") == "para":
                yield "".join(node.itertext())


def _mallard_paragraphs(members: Members) -> Iterator[str]:
    for _, data in members:
        for node in etree.fromstring(data).iter("{http://projectmallard.org/1.0/}p"):
            yield "".join(node.itertext())


def _sword_books(members: Members) -> Iterator[str]:
    markup = re.compile(r"<note.*?</note>|<title.*?</title>|<[^>]+>", re.DOTALL)
    for _, data in members:
        rest = data
        while rest:
            unpacker = zlib.decompressobj()
            yield markup.sub("", unpacker.decompress(rest).decode("utf-8", "replace"))
            rest = unpacker.unused_data.lstrip(b"\0")


def _wordnet_glosses(members: Members) -> Iterator[str]:
    for _, data in members:
        for line in data.decode("utf-8", "replace").splitlines():
            for part in line.partition(" | ")[2].split(";"):
                yield part.strip(' "')


PACKAGES = (
    _Package("debian-handbook", "CC-BY-SA-3.0", r"/html/(en-US|fr-FR)/.*\.html$", _html_paragraphs),
    _Package("gnome-user-docs", "CC-BY-SA-3.0", r"/help/(C|fr)/.*\.page$", _mallard_paragraphs),
    _Package("sword-text-web", "public domain", r"\.bzz$", _sword_books),
    _Package("wordnet-base", "WordNet-3.0", r"/data\.(adj|adv|noun|verb)$", _wordnet_glosses),
)
