"""Line images of datasets, cut once and kept in a memory-mapped file.

Usage: ``store = LineStore.open(Path("runs/lines/train")); store.image(0), store.lines[0].text``

A line to train on is kept with its context, so that augmentation can move the cut; a line of another split is kept as
it is read. Both come from `inkread.recognition.line_images.cut_lines`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from inkread.data.cleaning import Cleaner, FilterSettings, filter_samples
from inkread.data.dataset import Dataset, Sample
from inkread.data.likeness import SAME
from inkread.data.protected import protected_images
from inkread.data.split import SplitSettings, split_samples
from inkread.errors import DatasetError
from inkread.io.files import replacing, write_bytes
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import Grey, cut_lines, with_context

IMAGES, INDEX, CUT = "strips.bin", "strips.json", "cut.json"


class CutSettings(BaseModel):
    """Which line images are worth keeping.

    Attributes:
        min_band: page pixels above and below the baseline together; smaller lines are specks or lack detail. Does not
            apply to images of one line.
        min_columns, max_columns: of a line image 48 rows high; a narrower one shows no letter, a wider one more than a
            batch holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_band: float = Field(12.0, ge=0)
    min_columns: int = Field(16, ge=1)
    max_columns: int = Field(3_200, ge=1)


class DataSettings(BaseModel):
    """How datasets become line images.

    Attributes:
        filter: which lines are usable.
        cut: which line images are kept.
        min_train, min_val: lines that must be left; with fewer nothing is learnt and no figure says anything.
        val_share: share of the documents of a dataset that are taken for val where it has no val split; where all is
            one document, that share of its lines. 0 keeps all for training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    filter: FilterSettings = FilterSettings()
    cut: CutSettings = CutSettings()
    min_train: int = Field(10, ge=1)
    min_val: int = Field(3, ge=1)
    val_share: float = Field(0.2, ge=0, lt=1)


@dataclass(frozen=True, slots=True)
class StoredLine:
    """One line of a store: ``rows`` x ``width`` bytes at ``offset``; the other fields are those of its sample."""

    sample_id: str
    source: str
    document_id: str
    text: str
    offset: int
    rows: int
    width: int


class LineStore:
    """Line images on disk, read by number."""

    def __init__(self, images: Grey, lines: list[StoredLine]) -> None:
        self._images = images
        self.lines = lines

    @classmethod
    def open(cls, folder: Path) -> LineStore:
        """Open what `write_store` wrote.

        Raises:
            DatasetError: the folder holds no store.
        """
        try:
            rows = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            images = np.memmap(folder / IMAGES, np.uint8, "r")
            return cls(images, [StoredLine(**row) for row in rows])
        except (OSError, ValueError, TypeError):
            raise DatasetError(f"{folder}: no line images here, cut them first") from None

    def __len__(self) -> int:
        return len(self.lines)

    def image(self, index: int) -> Grey:
        """A line image, uint8 [rows, width]."""
        line = self.lines[index]
        return np.array(self._images[line.offset : line.offset + line.rows * line.width]).reshape(line.rows, -1)

    def where(self, wanted: Callable[[StoredLine], bool]) -> LineStore:
        """The store with only some of its lines."""
        return LineStore(self._images, [line for line in self.lines if wanted(line)])

    def by_source(self) -> dict[str, list[int]]:
        """Line numbers of each source."""
        found: dict[str, list[int]] = {}
        for index, line in enumerate(self.lines):
            found.setdefault(line.source, []).append(index)
        return found


def write_store(target: Path, lines: Iterable[tuple[Sample | StoredLine, Grey]]) -> Path:
    """Write a store: images uint8 [rows, width] one after the other, and what each shows.

    Raises:
        DatasetError: there is no line.
    """
    index: list[StoredLine] = []
    offset = 0
    with replacing(target / IMAGES) as stream:
        for line, image in lines:
            stream.write(image.tobytes())
            index.append(StoredLine(line.sample_id, line.source, line.document_id, line.text, offset, *image.shape))
            offset += image.size
        if not index:
            raise DatasetError(f"{target}: there is no transcribed line to keep here")
    write_bytes(target / INDEX, json.dumps([asdict(line) for line in index], ensure_ascii=False).encode())
    return target


def line_images(
    dataset: Dataset, lines: Iterable[Sample], settings: CutSettings, *, context: bool
) -> Iterator[tuple[Sample, Grey]]:
    """The line image of each line or word that `CutSettings` keeps.

    Args:
        dataset: where the lines are from.
        lines: lines of one image stand one after the other.
        settings: what is kept.
        context: images uint8 [65, width], see `with_context`, instead of [48, width].
    """
    for _, group in groupby(lines, key=lambda sample: sample.image):
        samples = list(group)
        image = dataset.image(samples[0])
        grey = image.grey
        on_page = samples[0].line is not None
        strips = cut_lines(grey, dataset.page(samples[0], image).lines if on_page else None)
        for sample in samples:
            strip = strips[sample.line or 0]
            legible = strip.band >= settings.min_band or not on_page
            if legible and settings.min_columns <= strip.image.shape[1] <= settings.max_columns:
                yield sample, with_context(grey, strip) if context else strip.image


@dataclass(frozen=True, slots=True)
class DatasetCut:
    """What was made of datasets.

    Attributes:
        train, val: lines in the stores of these names.
        dropped: lines left out, by reason.
        same_documents: train and val share a document, because there is one only; figures on val are then too good.
    """

    train: int
    val: int
    dropped: dict[str, int]
    same_documents: bool


def cut_datasets(
    datasets: Sequence[Dataset], store: Path, alphabet: Alphabet, settings: DataSettings | None = None
) -> DatasetCut:
    """Cut the lines and words of datasets into ``store/train`` (with context) and ``store/val``.

    Splits of the datasets are kept, test stays untouched. What was cut before is taken where nothing has changed.

    Raises:
        DatasetError: there is too little in the datasets.
    """
    chosen = settings or DataSettings()
    content: dict[str, object] = {
        "datasets": [dataset.content_hash for dataset in datasets],
        "alphabet": alphabet.characters,
        "settings": chosen.model_dump(mode="json"),
    }
    if protected := protected_images():
        content["protected"] = [
            SAME,
            *sorted(protected.digests),
        ]  # what was cut before the pages became gold is cut again
    known = _known_cut(store, content)
    if known is not None:
        return known
    dropped: Counter[str] = Counter()
    parts: list[tuple[Dataset, list[Sample], list[Sample]]] = []
    same_documents = False
    for dataset in datasets:
        lines, reasons = usable_lines(dataset, alphabet, chosen.filter)
        train, val, same = _train_and_val(lines, chosen.val_share)
        parts.append((dataset, train, val))
        dropped += reasons + dataset.skipped.reasons
        same_documents |= same
    sizes = sum(len(train) for _, train, _ in parts), sum(len(val) for *_, val in parts)
    if sizes[0] < chosen.min_train or sizes[1] < chosen.min_val:
        raise DatasetError(
            f"{', '.join(str(dataset.folder) for dataset in datasets)}: {sizes[0]} lines to learn from and {sizes[1]} "
            f"to check with are too few, transcribe at least {chosen.min_train} and {chosen.min_val}"
        )
    for split in ("train", "val"):
        write_store(
            store / split,
            (
                cut
                for dataset, train, val in parts
                for cut in line_images(
                    dataset, train if split == "train" else val, chosen.cut, context=split == "train"
                )
            ),
        )
    cut = DatasetCut(*sizes, dict(sorted(dropped.items())), same_documents)
    write_bytes(store / CUT, json.dumps({"content": content, "cut": asdict(cut)}, ensure_ascii=False).encode())
    return cut


def usable_lines(dataset: Dataset, alphabet: Alphabet, settings: FilterSettings) -> tuple[list[Sample], Counter[str]]:
    """The lines and words that can be learnt, their texts cleaned, and how many were left out for which reason."""
    kept, reasons = filter_samples(dataset, dataset.lines(), settings)
    cleaner = Cleaner(alphabet)
    lines = [replace(sample, text=text) for sample in kept if (text := cleaner(sample.text)) is not None]
    return lines, reasons + cleaner.dropped


def _known_cut(store: Path, content: Mapping[str, object]) -> DatasetCut | None:
    try:
        written = json.loads((store / CUT).read_text(encoding="utf-8"))
        return DatasetCut(**written["cut"]) if written["content"] == content else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _train_and_val(lines: Sequence[Sample], share: float) -> tuple[list[Sample], list[Sample], bool]:
    train, val = ([line for line in lines if line.split in wanted] for wanted in (("train", ""), ("val",)))
    if val or not share:
        return train, val, False
    if len({line.document_id for line in train}) < 2:
        every = round(1 / share)
        return [line for i, line in enumerate(train) if i % every], train[::every], True
    unsplit = [replace(line, split="", writer_id="") for line in train]  # a writer's letters may stand on both sides
    splits = split_samples(unsplit, SplitSettings(val=share, test=0.0))
    return (
        [line for line in train if splits[line.sample_id] == "train"],
        [line for line in train if splits[line.sample_id] == "val"],
        False,
    )
