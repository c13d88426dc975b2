"""What fine-tuning on one writer gives, and what it forgets: CER before and after, by source.

Usage: ``python benchmarks/finetuning.py BUNDLE ../shared/data/peraire-fr/train runs/lines/val -o runs/peraire``

Takes pages of a folder until they hold so many transcribed lines, fine-tunes the bundle on them with the defaults of
``inkread finetune`` (which keeps a fifth of the documents to check itself), and reads all lines of a store of cut lines
with both bundles, but those of the pages taken: int8, greedy. The writer is new to the bundle only where neither his
training nor his start saw him.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import figures
from inkread.bundle import Bundle
from inkread.cli.terminal import existing, run_command
from inkread.data.store import LineStore, StoredLine
from inkread.formats.reading import read_layout
from inkread.training.finetune import FinetuneSettings, finetune
from reading import by_source


def take_pages(folder: Path, lines: int, output: Path) -> tuple[int, frozenset[str]]:
    """Copy pages in the order of their names until they hold ``lines`` lines; how many they hold, and their names."""
    output.mkdir(parents=True, exist_ok=True)
    taken, names = 0, set[str]()
    for transcription in sorted(folder.glob("*.xml")):
        if taken >= lines:
            break
        for path in sorted(folder.glob(f"{transcription.stem}.*")):
            shutil.copyfile(path, output / path.name)
        taken += sum(bool(line.text.strip()) for line in read_layout(transcription).lines)
        names.add(transcription.stem)
    return taken, frozenset(names)


def page_of(line: StoredLine) -> str:
    """Name of the page of a stored line, without its ending."""
    return line.sample_id.rpartition("#")[0].rpartition("/")[2]


def main() -> None:
    """Fine-tune, measure, print a table."""
    parser = figures.parser(__doc__, "finetuning.py bundled letters/train runs/lines/val -o runs/letters")
    parser.add_argument("bundle", help="bundle folder to start from, or 'bundled'")
    parser.add_argument("pages", type=existing, help="folder of transcribed pages of one writer")
    parser.add_argument("store", type=existing, help="folder of cut lines to measure on, such as runs/lines/val")
    parser.add_argument(
        "--lines", type=int, default=250, help="lines to take from the pages, the checking ones included"
    )
    parser.add_argument("--output", "-o", type=Path, required=True, help="folder for the pages and the new bundle")
    options = parser.parse_args()
    pages = options.output / "pages"
    lines, learnt = take_pages(options.pages, options.lines, pages)
    start = Bundle.open(options.bundle)
    report = finetune(start, pages, options.output / "bundle", FinetuneSettings())
    store = LineStore.open(options.store).where(lambda line: page_of(line) not in learnt)
    before, after = by_source(start, store), by_source(Bundle.open(options.output / "bundle"), store)
    print(
        f"{lines} lines; of the checking ones {report.before} before, {report.after} after, improved: {report.improved}"
    )
    rows = {source: (str(estimate), str(after[source])) for source, estimate in before.items()}
    print(figures.markdown(("source", "CER before", "CER after"), rows))
    made = [
        figures.figure(
            f"CER of cut lines, greedy, {moment} fine-tuning on {options.pages.resolve().parent.name}",
            "%",
            estimate,
            dataset=source,
            documents=estimate.documents,
        )
        for moment, measured in (("before", before), ("after", after))
        for source, estimate in measured.items()
    ]
    figures.write(options.json or options.output / "cer.json", made, finetune=report.as_dict())


if __name__ == "__main__":
    run_command(main)
