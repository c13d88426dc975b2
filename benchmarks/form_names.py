"""Measure names in block capitals, as pupils wrote them into boxes: read as the field type ``name``.

Usage::

    python benchmarks/form_names.py --data ../shared/data --text ../shared/text --split val

The words of names-fr often have the printed label NOM or PRENOM in the picture. The list has the words with a capital
letter of ``fr-forms-synthetic``, without accents, and nothing of names-fr.
"""

from __future__ import annotations

import argparse
import csv
import json
import lzma
import re
import unicodedata
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from inkread import Reader
from inkread.cli.terminal import existing, run_command
from inkread.evaluation.statistics import rate_by_document
from inkread.forms.reading import FormValue, _of_reading
from inkread.recognition.patterns import Pattern


def names_of(text: Path) -> list[str]:
    """Names and places in block capitals without accents."""
    prose = lzma.decompress(existing(text / "fr-forms-synthetic.txt.xz").read_bytes()).decode()
    words = re.findall(r"\b[A-ZÀ-Ý][a-zà-ÿ]{1,14}(?:-[A-Z][a-zà-ÿ]+)?", prose)
    bare = ("".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)) for word in words)
    return sorted({word.upper() for word in bare})


def main() -> None:
    """Read the words of a split and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=existing, required=True, help="folder with names-fr")
    parser.add_argument("--text", type=existing, required=True, help="folder with texts")
    parser.add_argument("--split", default="val")
    options = parser.parse_args()
    folder, names = options.data / "names-fr" / options.split, names_of(options.text)
    with existing(folder / "lines.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    pattern = Pattern.of(names, ignore_case=True)
    readings = Reader(threads=1).read_fields((folder / row["image"], pattern) for row in rows)
    values = [_of_reading(FormValue("name"), reading) for reading in readings]
    texts = [row["text"] for row in rows]

    def rates(read: list[str]) -> dict[str, str]:
        edits = [
            (row["image"], Levenshtein.distance(a, row["text"]), len(row["text"]))
            for a, row in zip(read, rows, strict=True)
        ]
        right = [(row["image"], float(a == row["text"]), 1.0) for a, row in zip(read, rows, strict=True)]
        return {"CER": str(rate_by_document(edits)), "right": str(rate_by_document(right))}

    report = {
        "split": options.split,
        "words": len(rows),
        "in the list": sum(text in set(names) for text in texts) / len(texts),
        "as a name": rates([value.value for value in values]),
        "without a list": rates([value.raw for value in values]),
        "kept unsure": sum(value.confidence == 0 for value in values) / len(values),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    run_command(main)
