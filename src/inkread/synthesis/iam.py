"""A handwriting database in the layout of IAM, rendered from fonts: the pipeline's default data.

Usage: ``render_archive(Path("iam"), IamPlan(writers=12))``

The folder gets ``words.tgz``, ``lines.tgz``, ``ascii.tgz`` and ``xml.tgz`` as IAM is distributed (Marti and Bunke,
IJDAR 2002). A writer has one font, slant, pen and paper; words are cut out of the scanned lines. As in the real one
some segments are marked ``err``, one image is damaged and one is missing, so that reading them is tested.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.io.files import replacing
from inkread.recognition.line_images import Grey
from inkread.synthesis.ink import Font, Hand, Paper, find_fonts, write
from inkread.synthesis.lines import read_texts

TOKEN = re.compile(r"[^\s,.;:!?()\"]+|[,.;:!?()\"]")
MARGIN = 8


@dataclass(frozen=True, slots=True)
class IamPlan:
    """How much is written.

    Attributes:
        writers, forms, lines: writers, forms a writer, lines a form.
        words: of a line.
        errors: share of the segments marked ``err``.
        seed: same seed, same bytes.
        texts: what is written; the first bundled English sentences where empty.
    """

    writers: int = 12
    forms: int = 3
    lines: int = 6
    words: int = 6
    errors: float = 0.03
    seed: int = 1
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Writer:
    number: str
    hand: Hand
    paper: Paper


def render_archive(folder: Path, plan: IamPlan, fonts: Sequence[Font] = ()) -> int:
    """Write the four archives and return the number of words.

    Raises:
        OutputError: a file cannot be written.
        InputNotFoundError: there is no font.
    """
    images: dict[str, dict[str, bytes]] = {"words": {}, "lines": {}}
    tables: dict[str, list[str]] = {"words": [], "lines": [], "forms": []}
    pages: dict[str, str] = {}
    chosen = tuple(fonts) or find_fonts()
    texts = plan.texts or read_texts()[:10]
    for index in range(plan.writers):
        rng = np.random.default_rng([plan.seed, index])
        writer = _writer(index, chosen, " ".join(texts), rng)
        for number in range(plan.forms):
            form = f"{chr(97 + index % 26)}{index // 26:02}-{number:03}"
            tables["forms"].append(f"{form} {writer.number} 1 all {plan.lines} {plan.lines} 0 0")
            pages[form] = _form(form, writer, texts, plan, rng, images, tables)
    well = sorted(row.split()[0] for row in tables["words"] if row.split()[1] == "ok")
    damaged, missing = (_place(well[len(well) // part]) for part in (2, 3))
    images["words"][damaged] = b"\x89PNG damaged"
    del images["words"][missing]
    for kind, files in images.items():
        _pack(folder / f"{kind}.tgz", files)
    _pack(folder / "ascii.tgz", {f"{name}.txt": _table(rows) for name, rows in tables.items()})
    _pack(folder / "xml.tgz", {f"{form}.xml": text.encode() for form, text in pages.items()})
    return len(tables["words"])


def _writer(index: int, fonts: Sequence[Font], text: str, rng: np.random.Generator) -> _Writer:
    hand = replace(Hand.sample(fonts, text, rng, float(rng.uniform(16, 22))), wander=0.08)
    return _Writer(f"{index:03}", hand, replace(Paper.sample(rng), tone=float(rng.uniform(215, 250))))


def _form(
    form: str,
    writer: _Writer,
    texts: Sequence[str],
    plan: IamPlan,
    rng: np.random.Generator,
    images: Mapping[str, dict[str, bytes]],
    tables: Mapping[str, list[str]],
) -> str:
    """Write a form's lines and words; return its XML."""
    described = []
    for number, text in enumerate(_some_lines(texts, plan, rng)):
        line = f"{form}-{number:02}"
        grey, words = _written(text, writer, rng)
        threshold = 150
        ok = "err" if rng.random() < plan.errors else "ok"
        tokens = "|".join(word.text for word in words)
        height, width = grey.shape
        tables["lines"].append(f"{line} {ok} {threshold} {len(words)} 0 0 {width} {height} {tokens}")
        images["lines"][_place(line)] = png(grey)
        for position, word in enumerate(words):
            x, y, across, down = word.box
            name = f"{line}-{position:02}"
            mark = "err" if rng.random() < plan.errors else "ok"
            tables["words"].append(f"{name} {mark} {threshold} {x} {y} {across} {down} XX {word.text}")
            images["words"][_place(name)] = png(grey[y : y + down, x : x + across])
        described.append(f'  <line id="{line}" threshold="{threshold}" text={quoteattr(text)}/>')
    lines = "\n".join(described)
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<form id="{form}" writer-id="{writer.number}">\n'
        f"<handwritten-part>\n{lines}\n</handwritten-part>\n</form>\n"
    )


def _some_lines(texts: Sequence[str], plan: IamPlan, rng: np.random.Generator) -> Iterator[str]:
    for _ in range(plan.lines):
        words = texts[int(rng.integers(len(texts)))].split()
        start = int(rng.integers(max(len(words) - plan.words, 0) + 1))
        yield " ".join(words[start : start + plan.words])


def _written(text: str, writer: _Writer, rng: np.random.Generator) -> tuple[Grey, list[_Word]]:
    """A scanned line and where its words and punctuation marks stand."""
    unit = writer.hand.x_height
    parts: list[tuple[_Word, NDArray[np.uint8], int, int]] = []
    x = float(MARGIN)
    for group in text.split():
        for token in TOKEN.findall(group):
            ink = write(token, writer.hand, rng)
            rows, columns = np.nonzero(ink.coverage)
            top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
            above = int(top - ink.baseline[0][1])
            word = _Word(token, (round(x), above, int(right - left), int(bottom - top)))
            parts.append((word, ink.coverage[top:bottom, left:right], round(x), above))
            x += float(right - left) + 0.2 * unit
        x += unit * writer.hand.gap * float(rng.uniform(0.8, 1.3))
    top = min(above for *_, above in parts)
    height = max(above + part.shape[0] for _, part, _, above in parts) - top + 2 * MARGIN
    sheet = np.zeros((height, round(x) + MARGIN), np.uint8)
    words = []
    for word, part, left, above in parts:
        row = above - top + MARGIN
        area = sheet[row : row + part.shape[0], left : left + part.shape[1]]
        np.maximum(area, part, out=area)
        words.append(_Word(word.text, (left - 2, row - 2, part.shape[1] + 4, part.shape[0] + 4)))
    return writer.paper.scan(sheet, rng), words


def _place(name: str) -> str:
    form = "-".join(name.split("-")[:2])
    return f"{form[:3]}/{form}/{name}.png"


def _table(rows: Sequence[str]) -> bytes:
    return "\n".join(["# written by inkread synthesize iam", *rows, ""]).encode()


def png(grey: Grey) -> bytes:
    """An image uint8 [height, width] as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG")
    return buffer.getvalue()


def _pack(path: Path, files: Mapping[str, bytes]) -> None:
    with (
        replacing(path) as stream,
        gzip.GzipFile("", "wb", 6, stream, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
