"""How much the language models help to read lines: without any, with the n-grams alone, and with both.

Usage: ``python benchmarks/strokes.py set --known unipen-en/train.parquet``, where ``set`` comes from ``inkread
synthesize strokes unipen-en/test.parquet -o plain`` and ``inkread ingest plain -o set``

Intervals are over writers. The n-grams and the network know the texts of ``--known``, so the others are also measured
alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

import figures
from inkread.bundle import NEURAL_LANGUAGE_MODEL, Bundle
from inkread.cli.terminal import existing, run_command
from inkread.evaluation.compare import ReadLine
from inkread.evaluation.run import run
from inkread.evaluation.sources import open_sources
from inkread.evaluation.statistics import Estimate, ratio_interval
from inkread.evaluation.text import character_errors, normalise
from inkread.reader import Reader

GREEDY, N_GRAMS, BOTH = "no language model", "n-grams", "n-grams and neural"
ALL, NEW = "all texts", "texts that are not in training"


def readers(model: str | None, folder: Path) -> dict[str, Reader]:
    """The ways to read; ``folder`` takes a copy of the bundle without its neural language model."""
    bundle = Bundle.open(model)
    shutil.copytree(bundle.folder, folder, ignore=shutil.ignore_patterns(NEURAL_LANGUAGE_MODEL))
    return {
        GREEDY: Reader(bundle, language_model=False),
        N_GRAMS: Reader(folder, language_model=True),
        BOTH: Reader(bundle, language_model=True),
    }


def edits_by_document(lines: Iterable[ReadLine]) -> dict[str, tuple[int, int]]:
    """Character edits and written characters of each document."""
    sums: dict[str, tuple[int, int]] = {}
    for line in lines:
        errors = character_errors(line.written, line.read)
        edits, length = sums.get(line.document, (0, 0))
        sums[line.document] = edits + errors.edits, length + errors.length
    return sums


def compared(read: Mapping[str, Sequence[ReadLine]]) -> dict[str, tuple[Estimate, Estimate]]:
    """Of each way its CER, and its edits as a share of those without a language model."""
    sums = {name: edits_by_document(lines) for name, lines in read.items()}
    usual = [edits for edits, _ in sums[GREEDY].values()]
    return {
        name: (ratio_interval(*zip(*own.values(), strict=True)), ratio_interval([e for e, _ in own.values()], usual))
        for name, own in sums.items()
    }


def main() -> None:
    """Read, and print a table."""
    parser = figures.parser(__doc__, "strokes.py set --known unipen-en/train.parquet --json strokes.json")
    parser.add_argument("dataset", type=existing, help="dataset of lines")
    parser.add_argument("--known", type=existing, help="table of pen strokes whose texts are known from training")
    parser.add_argument("--model", help="bundle folder instead of the bundled model")
    parser.add_argument("--split", default="test", help="split that the figures are of")
    options = parser.parse_args()
    sources = open_sources(options.dataset)
    with TemporaryDirectory() as folder:
        ways = readers(options.model, Path(folder, "n-grams"))
        read = {name: run(reader, sources, {}, with_pages=False).lines for name, reader in ways.items()}
    groups: dict[str, Mapping[str, Sequence[ReadLine]]] = {ALL: read}
    if options.known is not None:
        known = set(map(normalise, pq.read_table(options.known, columns=["text"])["text"].to_pylist()))
        groups[NEW] = {name: [line for line in lines if line.written not in known] for name, lines in read.items()}
    rows, made = {}, []
    for group, own in groups.items():
        for name, (rate, share) in compared(own).items():
            rows[f"{group}, {name}"] = [str(len(own[name])), str(rate), str(share)]
            made.append(
                figures.figure(
                    f"CER of given lines, {group}, {name}",
                    "%",
                    rate,
                    dataset=options.dataset.name,
                    split=options.split,
                    documents=rate.documents,
                    lines=len(own[name]),
                )
            )
    print(figures.markdown(("read with", "lines", "CER", "edits, as a share of those without"), rows))
    figures.write(options.json, made)


if __name__ == "__main__":
    run_command(main)
