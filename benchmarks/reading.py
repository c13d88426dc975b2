"""How well bundles read cut lines: all of val, training lines beside it, and printed text beside PP-OCRv6.

Usage: ``python benchmarks/reading.py runs/lines bundled --sample 250 --fonts /usr/share/fonts/truetype/dejavu``

Greedy, int8, CER of given lines. Training lines are read as they are, without augmentation; what a bundle reads better
there than in val it has learnt by heart. PP-OCRv6 is its small recogniser as training starts from it: two frames a
step, its head cut to the alphabet, float.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import figures
from inkread.bundle import Bundle
from inkread.cli.terminal import existing, run_command
from inkread.data.store import LineStore
from inkread.evaluation.statistics import Estimate, ratio_interval
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import exact_part
from inkread.synthesis.ink import find_fonts
from inkread.training.data import MIN_TEXT
from inkread.training.mixing import edits
from inkread.training.scoring import Frames, cer_by_source, onnx_frames, read_lines, torch_frames
from inkread.training.synthetic import FontSource, Sample
from inkread.training.train import TrainingPlan, starting_network

Table = dict[str, dict[str, str]]


def by_source(bundle: Bundle, store: LineStore) -> dict[str, Estimate]:
    """CER of a bundle's int8 network over the lines of each source, with the interval over documents."""
    frames = onnx_frames(bundle.recognizer)
    with figures.bar(f"{bundle.model.name} {bundle.model.version}", len(store)) as advance:

        def counted(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
            read = frames(batch)
            advance(len(batch))
            return read

        wrong = edits(counted, store, Alphabet(bundle.model.alphabet))
    totals: dict[str, dict[str, list[float]]] = {}
    for line, count in zip(store.lines, wrong, strict=True):
        for source in (line.source, "all"):
            sums = totals.setdefault(source, {}).setdefault(f"{line.source} {line.document_id}", [0.0, 0.0])
            sums[0] += count
            sums[1] += len(line.text)
    return {source: ratio_interval(*zip(*sums.values(), strict=True)) for source, sums in sorted(totals.items())}


def sampled(store: LineStore, most: int, *, context: bool) -> tuple[list[str], list[Sample]]:
    """Sources and exact strips of at most ``most`` lines of each; those of a store with context are cut first."""
    rng = np.random.default_rng(0)
    rows = [int(row) for group in store.by_source().values() for row in sorted(rng.permutation(group)[:most])]
    images = [exact_part(store.image(row)) if context else store.image(row) for row in rows]
    texts = [store.lines[row].text for row in rows]
    return [store.lines[row].source for row in rows], list(zip(images, texts, strict=True))


def printed(store: LineStore, fonts: Sequence[Path], most: int, alphabet: Alphabet) -> list[Sample]:
    """Exact strips of printed lines with texts of the store."""
    texts = [line.text for line in store.lines if len(line.text) >= MIN_TEXT and not alphabet.unknown(line.text)]
    source = FontSource(find_fonts(fonts), texts, alphabet, printed=True)
    made = [source.sample(np.random.default_rng([7, number])) for number in range(most)]
    return [(exact_part(context), text) for context, text in made]


def rates(frames: Frames, sources: Sequence[str], lines: Sequence[Sample], alphabet: Alphabet) -> dict[str, float]:
    """Greedy CER of each source."""
    images, texts = zip(*lines, strict=True)
    return cer_by_source(sources, texts, read_lines(frames, images, alphabet))


def show(table: Table) -> None:
    """Print a Markdown table: a row a bundle, a column a source."""
    columns = list(next(iter(table.values())))
    rows = {name: [row[column] for column in columns] for name, row in table.items()}
    print(figures.markdown(("CER", *columns), rows))


def main() -> None:
    """Read, and print a table for each question."""
    parser = figures.parser(__doc__, "reading.py runs/lines bundled old/model --sample 250 --json reading.json")
    parser.add_argument("lines", type=existing, help="folder lines of a run: train and val are in it")
    parser.add_argument("bundles", nargs="+", help="bundle folders, or 'bundled'")
    parser.add_argument("--sample", type=int, default=0, help="also read so many lines a source of train and of val")
    parser.add_argument(
        "--fonts", type=existing, nargs="*", default=(), help="also read printed lines in fonts of these"
    )
    parser.add_argument("--printed", type=int, default=300, help="how many printed lines")
    options = parser.parse_args()
    bundles = {name: Bundle.open(name) for name in options.bundles}
    alphabet = Alphabet(next(iter(bundles.values())).model.alphabet)
    train, val = (LineStore.open(options.lines / split) for split in ("train", "val"))
    print(f"All {len(val)} lines of val\n")
    measured = {name: by_source(bundle, val) for name, bundle in bundles.items()}
    show({name: {source: str(rate) for source, rate in found.items()} for name, found in measured.items()})
    made = [
        figures.figure(
            f"CER of cut lines, greedy, {name}", "%", rate, dataset=source, split="val", documents=rate.documents
        )
        for name, found in measured.items()
        for source, rate in found.items()
    ]
    figures.write(options.json, made)
    if options.sample:
        parts = [sampled(store, options.sample, context=store is train) for store in (train, val)]
        table: Table = {}
        for name, bundle in bundles.items():
            frames = onnx_frames(bundle.recognizer)
            known, others = (rates(frames, *part, alphabet) for part in parts)
            table[name] = {s: f"{known[s]:.1%} / {rate:.1%}" for s, rate in others.items() if s in known}
        print(f"At most {options.sample} lines of each source, train / val\n")
        show(table)
    if options.fonts:
        lines = printed(val, options.fonts, options.printed, alphabet)
        start = torch_frames(starting_network(TrainingPlan(mixture={"store": options.lines})))
        readers = {name: onnx_frames(bundle.recognizer) for name, bundle in bundles.items()} | {"PP-OCRv6": start}
        print(f"{len(lines)} printed lines\n")
        names = ["printed"] * len(lines)
        show({name: {"CER": f"{rates(frames, names, lines, alphabet)['all']:.2%}"} for name, frames in readers.items()})


if __name__ == "__main__":
    run_command(main)
