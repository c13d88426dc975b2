"""Pieces of texts that fonts write in training, so that rendered lines say more than the transcriptions.

Usage: ``python -m recipe.pieces TEXTS -o data/pieces.txt``; TEXTS holds ``LANGUAGE-KIND-NAME.txt.xz``
"""

from __future__ import annotations

import lzma
import random
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from inkread.cli.terminal import run_command
from inkread.errors import DatasetError
from inkread.io.files import write_bytes

COUNTS = {"en": 20_000, "fr": 7_000, "de": 8_000, "es": 1_500, "it": 1_500, "nl": 1_000, "pt": 1_000}
"""Pieces of each language."""
FORMS, FORMS_SHARE = "forms", 4
"""A quarter are names, addresses, dates and amounts, where a language has such texts."""
MOST_WORDS = 30


def pieces(folder: Path, seed: int = 3) -> Iterator[str]:
    """Up to 30 neighbouring words of a random paragraph each; every text of a language gives as many.

    Raises:
        DatasetError: a language has no texts.
    """
    rng = random.Random(seed)
    for language, count in COUNTS.items():
        texts = sorted(folder.glob(f"{language}-*.txt.xz"))
        forms = [path for path in texts if FORMS in path.name]
        prose = [path for path in texts if FORMS not in path.name]
        if not prose:
            raise DatasetError(f"{folder}: there are no texts {language}-*.txt.xz here")
        parts = {count // FORMS_SHARE: forms, count - count // FORMS_SHARE: prose} if forms else {count: prose}
        for wanted, paths in parts.items():
            for path in paths:
                yield from _some(path, max(wanted // len(paths), 1), rng)


def _some(path: Path, count: int, rng: random.Random) -> Iterator[str]:
    with lzma.open(path, "rt", encoding="utf-8") as stream:
        paragraphs = [words for line in stream if len(words := line.split()) > 1]
    for words in rng.choices(paragraphs, k=count):
        start = rng.randrange(max(len(words) - MOST_WORDS, 1))
        yield unicodedata.normalize("NFC", " ".join(words[start : start + MOST_WORDS]))


def write_pieces(
    texts: Annotated[Path, typer.Argument(help="Folder of texts")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, a piece a line")],
) -> None:
    """Write the pieces."""
    write_bytes(output, ("\n".join(pieces(texts)) + "\n").encode())


if __name__ == "__main__":
    run_command(typer.run, write_pieces)
