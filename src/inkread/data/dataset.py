"""The dataset contract: a folder with ``manifest.parquet`` and the images that it names.

Usage: ``texts = [line.text for line in Dataset.open(Path("letters")).lines()]``

Rows of the manifest are sorted by ``sample_id`` and written without timestamps: the same samples give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from inkread.document import Page
from inkread.errors import DatasetError
from inkread.formats.reading import layout_of, read_layout
from inkread.io.files import write_bytes
from inkread.io.inputs import PageImage, load_pages, page_shape

MANIFEST = "manifest.parquet"
Kind = Literal["line", "word", "page"]
Split = Literal["train", "val", "test", ""]
Style = Literal["handwriting", "print", "form", ""]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
PAGE_NUMBER = re.compile(r"[_-]f?\d{1,3}$")


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture with its transcription: a row of the manifest.

    Attributes:
        sample_id: unique in the dataset.
        image: path inside the dataset folder, with forward slashes.
        text: transcription as the source gives it; the lines of a page are joined by newlines.
        kind: what the sample is.
        source: where it comes from.
        document_id: letter, register or form it belongs to; no document may stand in two splits.
        writer_id: "" where unknown.
        language: ISO 639-1, "" where unknown.
        split: "" where not yet split.
        licence: SPDX name or the words of the source.
        sha256: of the image file, "" where not yet computed.
        layout: PAGE, ALTO or JSON file with the lines of the page in the image, path inside the dataset folder; ""
            where the image shows the sample alone.
        line: which line of the layout file the sample is, from 0; None where it is the whole image.
        style: how it was written; "form" for what was written into one, "" where unknown.
    """

    sample_id: str
    image: str
    text: str
    kind: Kind
    source: str
    document_id: str
    writer_id: str = ""
    language: str = ""
    split: Split = ""
    licence: str = ""
    sha256: str = ""
    layout: str = ""
    line: int | None = None
    style: Style = ""


SCHEMA = pa.schema([(each.name, pa.int32() if each.name == "line" else pa.string()) for each in fields(Sample)])


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Write samples as parquet, sorted by id.

    Raises:
        DatasetError: two samples share an id.
        OutputError: the file cannot be written.
    """
    rows = sorted(samples, key=lambda sample: sample.sample_id)
    for first, second in zip(rows, rows[1:], strict=False):
        if first.sample_id == second.sample_id:
            raise DatasetError(f"{path}: two samples are called {first.sample_id}, give each its own name")
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows], SCHEMA), buffer, compression="zstd")
    write_bytes(path, buffer.getvalue())


def write_manifest(folder: Path, samples: Iterable[Sample]) -> None:
    """Make a folder a dataset; see `write_samples`."""
    write_samples(folder / MANIFEST, samples)


def read_samples(path: Path) -> tuple[Sample, ...]:
    """What `write_samples` wrote, sorted by id; columns without a value in older manifests may be missing.

    Raises:
        DatasetError: the file is missing, or has other columns or values.
    """
    try:
        rows = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path}: no manifest can be read here, make one with inkread ingest") from error
    try:
        samples = tuple(Sample(**row) for row in rows)
    except TypeError as error:
        raise DatasetError(f"{path}: the columns must be {', '.join(SCHEMA.names)}") from error
    for sample in samples:
        if sample.kind not in get_args(Kind) or sample.split not in get_args(Split):
            raise DatasetError(f"{path}: {sample.sample_id} has kind {sample.kind!r} and split {sample.split!r}")
        if sample.style not in get_args(Style):
            raise DatasetError(f"{path}: {sample.sample_id} has style {sample.style!r}")
    return samples


@dataclass
class Skipped:
    """What was left out, counted by reason, with the names."""

    reasons: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)

    def add(self, name: str, reason: str) -> None:
        """Count one more."""
        self.reasons[reason] += 1
        self.names.append(f"{name}: {reason}")


@dataclass(frozen=True)
class Dataset:
    """Samples and the folder that holds their files.

    Attributes:
        folder: what the paths of the samples are relative to.
        samples: the rows of the manifest.
        skipped: what could not be used of a source that was not ingested; see `inkread.data.ingest.open_dataset`.
    """

    folder: Path
    samples: tuple[Sample, ...]
    skipped: Skipped = field(default_factory=Skipped)

    @classmethod
    def open(cls, folder: Path) -> Dataset:
        """The dataset in a folder.

        Raises:
            DatasetError: the folder holds no manifest, or one with other columns or values.
        """
        return cls(folder, tuple(map(_with_layout, read_samples(folder / MANIFEST))))

    def of_split(self, split: str) -> tuple[Sample, ...]:
        """The samples of a split, or all where the dataset has no splits.

        Raises:
            DatasetError: it has other splits than this.
        """
        known = {sample.split for sample in self.samples if sample.split}
        if known and split not in known:
            raise DatasetError(f"{self.folder}: there is {', '.join(sorted(known))} here, but no {split}")
        return tuple(sample for sample in self.samples if not known or sample.split == split)

    def lines(self) -> list[Sample]:
        """The lines and words: pages are taken apart, also into their empty lines.

        Raises:
            LayoutFileError: a layout file cannot be read.
        """
        found: list[Sample] = []
        for sample in self.samples:
            found += self._lines_of(sample) if sample.kind == "page" else [sample]
        return found

    def image(self, sample: Sample) -> PageImage:
        """The image that a sample is in; of a file with several pages the first."""
        return next(load_pages(self.folder / sample.image))

    def page(self, sample: Sample, image: PageImage) -> Page:
        """The lines of the page that a sample is or belongs to, in the coordinates of its image.

        What cannot be used was named when it was ingested.
        """
        return layout_of(self.folder / sample.layout, image, lambda _: None)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over all samples, images by their hash: it changes when a text or an image does."""
        digest = hashlib.sha256()
        for sample in sorted(self.samples, key=lambda sample: sample.sample_id):
            image = sample.sha256 or hashlib.sha256((self.folder / sample.image).read_bytes()).hexdigest()
            row = asdict(replace(sample, sha256=image))
            if not sample.style:  # datasets from before this column keep their hash
                del row["style"]
            digest.update(json.dumps(row, ensure_ascii=False).encode())
        return digest.hexdigest()

    def _layout(self, page: Sample) -> Page:
        image = self.folder / page.image
        return read_layout(self.folder / page.layout, on_skip=lambda _: None, image_size=lambda: page_shape(image)[0])

    def _lines_of(self, page: Sample) -> list[Sample]:
        return [
            replace(page, sample_id=f"{page.sample_id}#{number:04}", text=line.text, kind="line", line=number)
            for number, line in enumerate(self._layout(page).lines)
        ]


def remove_documents(folder: Path, documents: Set[str]) -> Dataset:
    """Take the samples of documents out of a dataset, and their files; what is left of it.

    The manifest is written last, so that it can be done again where it was cut off.

    Raises:
        DatasetError: the folder holds no dataset.
    """
    dataset = Dataset.open(folder)
    kept = tuple(sample for sample in dataset.samples if sample.document_id not in documents)
    needed = {file for sample in kept for file in (sample.image, sample.layout)}
    for file in {file for sample in dataset.samples for file in (sample.image, sample.layout) if file} - needed:
        (folder / file).unlink(missing_ok=True)
    write_manifest(folder, kept)
    return replace(dataset, samples=kept)


def document_name(stem: str) -> str:
    """``document_name("JDH_2_16_156_002") == "JDH_2_16_156"``: the file name without a page number at its end."""
    return PAGE_NUMBER.sub("", stem)


def _with_layout(sample: Sample) -> Sample:
    """Manifests before 0.2 do not name the layout file of a page: it has the name of the image and ends in .xml."""
    if sample.kind != "page" or sample.layout:
        return sample
    return replace(sample, layout=str(Path(sample.image).with_suffix(".xml").as_posix()))
