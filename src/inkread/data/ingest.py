"""Make a dataset out of a source, whatever its format, or read the source in place as if it were one.

Usage: ``report = ingest(Path("iam.tgz"), Path("dataset"))``; ``open_dataset(Path("letters")).lines()``

The dataset is built in a folder beside its place and takes that place when it is complete; an interrupted run
continues with the images that are copied. The same source gives the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from inkread.data.dataset import MANIFEST, SPLITS, Dataset, Sample, Skipped, Split, Style, write_manifest
from inkread.data.protected import REASON, Protected, digest, gold_folder, protected_images
from inkread.data.sources import (
    LICENCE,
    find_tables,
    has_pages,
    has_pairs,
    iam_samples,
    is_iam,
    page_samples,
    pair_samples,
    table_samples,
)
from inkread.errors import DatasetError, InputError, OutputError
from inkread.io.archives import SUFFIXES, archive_stem, is_archive, unpack
from inkread.io.files import write_bytes
from inkread.io.inputs import NAMELESS, load_pages

Format = Literal["iam", "pages", "table", "pairs"]
REPORT = "ingest.json"
MOST_NAMES = 1_000
Progress = Callable[[Iterable[Sample]], Iterable[Sample]]


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What the source does not say itself.

    Attributes:
        source: name of the source in the manifest; that of the file or folder where empty.
        licence: in SPDX terms or the words of the source.
        language: ISO 639-1, where the source gives none.
        format: None to detect it.
        with_errors: take IAM segments that are marked as badly segmented.
        add: datasets whose samples come in too; of two samples of one name that of the source is taken.
        style: how it was written, where the source does not say.
    """

    source: str = ""
    licence: str = ""
    language: str = ""
    format: Format | None = None
    with_errors: bool = False
    add: tuple[Path, ...] = ()
    style: Style = ""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What was taken and what was left out.

    Attributes:
        source, format: of the dataset.
        samples: by kind.
        splits: samples by split, "" for none.
        skipped: by reason.
        skipped_names: the first thousand, each with its reason.
        sha256: `Dataset.content_hash` of the dataset.
    """

    source: str
    format: Format
    samples: dict[str, int]
    splits: dict[str, int]
    skipped: dict[str, int] = field(default_factory=dict)
    skipped_names: tuple[str, ...] = ()
    sha256: str = ""


def open_dataset(
    path: Path, options: IngestOptions | None = None, *, split: str = "", unpack_to: Path | None = None
) -> Dataset:
    """A dataset, or a source that `ingest` knows, read in place without a copy of its images.

    Args:
        path: dataset folder, folder of a source, or table.
        options: what a source does not say.
        split: take the samples of this split only, where there are splits.
        unpack_to: folder for the files of archives; None takes no archives.

    Raises:
        DatasetError: there is nothing usable or no such split, or the source has to be ingested because it is packed.
    """
    if (path / MANIFEST).is_file():
        dataset = Dataset.open(path)
        return replace(dataset, samples=dataset.of_split(split)) if split else dataset
    if unpack_to is None and (is_archive(path) or (path.is_dir() and any(map(is_archive, path.iterdir())))):
        raise DatasetError(f"{path}: archives have to be unpacked, make a dataset of them with inkread ingest")
    _, dataset = _foreign(path, options or IngestOptions(), unpack_to or path, split)
    missing = {sample for sample in dataset.samples if not (dataset.folder / sample.image).is_file()}
    for sample in sorted(missing, key=lambda sample: sample.sample_id):
        dataset.skipped.add(sample.sample_id, "image missing")
    found = tuple(sample for sample in dataset.samples if sample not in missing)
    if not found:
        raise _nothing(path, dataset.skipped)
    dataset = replace(dataset, samples=found)
    return replace(dataset, samples=dataset.of_split(split)) if split else dataset


def ingest(source: Path, output: Path, options: IngestOptions | None = None, progress: Progress = iter) -> IngestReport:
    """Copy ``source`` into the dataset folder ``output``.

    Args:
        source: a folder, an archive, a table, or a folder of IAM's archives.
        output: the dataset; replaced where it is one already.
        options: what the source does not say.
        progress: wraps the samples, to show how far the work is.

    Raises:
        DatasetError: the source is of no known format, holds nothing usable, or ``output`` is something else.
    """
    if output.exists() and not (output / MANIFEST).is_file() and any(output.iterdir() if output.is_dir() else [output]):
        raise OutputError(f"{output}: this is not empty and no dataset, name another folder")
    unfinished = output.with_name(f".{output.name}.partial")
    form, foreign = _foreign(source, options or IngestOptions(), unfinished / "unpacked")
    skipped = foreign.skipped
    protected = Protected() if output == gold_folder() else protected_images()
    samples = [
        copy for sample in progress(foreign.samples) if (copy := _copied(sample, foreign, unfinished, protected))
    ]
    if not samples:
        raise _nothing(source, skipped)
    name = samples[0].source
    taken = {sample.sample_id for sample in samples}
    for folder in options.add if options else ():
        older = Dataset.open(folder)
        added = (sample for sample in older.samples if sample.sample_id not in taken)
        copies = [copy for sample in added if (copy := _copied(sample, older, unfinished, protected))]
        taken |= {sample.sample_id for sample in copies}
        samples += copies
    write_manifest(unfinished, samples)
    report = IngestReport(
        name,
        form,
        dict(sorted(Counter(str(sample.kind) for sample in samples).items())),
        dict(sorted(Counter(str(sample.split) for sample in samples).items())),
        dict(sorted(skipped.reasons.items())),
        tuple(sorted(skipped.names)[:MOST_NAMES]),
        Dataset(unfinished, tuple(samples)).content_hash,
    )
    write_bytes(unfinished / REPORT, (json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n").encode())
    _publish(unfinished, output, samples)
    return report


def unpacked(source: Path, work: Path, on_error: Callable[[Path, DatasetError], None] | None = None) -> Path:
    """The folder that holds a source's files, with archives unpacked under ``work``.

    Args:
        source: a folder, an archive, a table, or a folder with archives.
        work: folder for what is in archives.
        on_error: called with an archive that cannot be unpacked while another one can; None raises.

    Raises:
        DatasetError: there is no such source, or no archive can be unpacked.
    """
    if is_archive(source):
        unpack(source, work)
        return _only_folder(work)
    if source.is_file():
        return source
    if not source.is_dir():
        raise DatasetError(f"{source}: there is no such file or folder")
    archives = sorted(path for path in source.iterdir() if is_archive(path) and not path.name.startswith("."))
    if not archives:
        return source
    bad: list[DatasetError] = []
    for archive in archives:
        try:
            unpack(archive, work / archive_stem(archive))
        except DatasetError as error:
            bad.append(error)
            if on_error is None or len(bad) == len(archives):
                raise
            shutil.rmtree(work / archive_stem(archive), ignore_errors=True)
            on_error(archive, error)
    for path in sorted(source.iterdir()):
        if path.is_file() and not path.name.lower().endswith(SUFFIXES):
            shutil.copyfile(path, work / path.name)
        elif path.is_dir():
            shutil.copytree(path, work / path.name, dirs_exist_ok=True)
    return work


def detect(folder: Path, source: Path | None = None) -> Format:
    """The format of a folder or table, which messages call ``source`` where it was unpacked from that.

    Raises:
        DatasetError: it is none of the known ones.
    """
    if is_iam(folder):
        return "iam"
    if folder.is_dir() and has_pages(folder):
        return "pages"
    if find_tables(folder):
        return "table"
    if has_pairs(folder):
        return "pairs"
    raise DatasetError(
        f"{source or folder}: neither IAM (ascii/words.txt), nor images with PAGE, ALTO or .gt.txt files, nor one TSV, "
        "CSV or JSONL table"
    )


def _foreign(source: Path, options: IngestOptions, work: Path, split: str = "") -> tuple[Format, Dataset]:
    """The format of a source, and its samples with the names that they have in a dataset."""
    skipped = Skipped()

    def leave_out(archive: Path, error: DatasetError) -> None:
        skipped.add(archive.name, str(error).removeprefix(f"{archive}: "))

    folder = unpacked(source, work, leave_out)
    form = options.format or detect(folder, source)
    samples: Iterator[Sample]
    match form:
        case "iam":
            samples = iam_samples(folder, skipped, with_errors=options.with_errors)
        case "pages":
            samples = page_samples(folder, skipped, split if (folder / split).is_dir() else "")
        case "table":
            samples = table_samples(folder, skipped)
        case "pairs":
            samples = pair_samples(folder, skipped)
    name = archive_stem(source if source.is_file() else source.resolve())
    own_split: Split = next((split for split in SPLITS if split == name and source.is_dir()), "")
    if own_split:
        name = source.resolve().parent.name
    licence = options.licence or (LICENCE if form == "iam" else "")
    filled = replace(options, source=options.source or name, licence=licence)
    root = folder.parent if folder.is_file() else folder
    return form, Dataset(root, tuple(_named(sample, filled, own_split) for sample in samples), skipped)


def _named(sample: Sample, options: IngestOptions, own_split: Split) -> Sample:
    """The sample with the name of the source before its own; ``own_split`` is that of a source such as letters/val."""
    source, split = options.source, sample.split or own_split
    return replace(
        sample,
        sample_id="/".join(filter(None, (source, sample.kind, split, sample.sample_id))),
        split=split,
        source=source,
        document_id=f"{source}/{sample.document_id}",
        writer_id=f"{source}/{sample.writer_id}" if sample.writer_id else "",
        language=sample.language or options.language,
        licence=options.licence,
        style=sample.style or options.style,
    )


def _copied(sample: Sample, foreign: Dataset, folder: Path, protected: Protected) -> Sample | None:
    """The sample with its files copied into the dataset; None where the image is missing, damaged or protected."""
    source = foreign.folder / sample.image
    try:
        content = source.read_bytes()
        next(load_pages(content))
    except OSError:
        foreign.skipped.add(sample.sample_id, "image missing")
        return None
    except InputError as error:
        foreign.skipped.add(sample.sample_id, f"image damaged: {str(error).removeprefix(f'{NAMELESS}: ')}")
        return None
    if content in protected:
        foreign.skipped.add(sample.sample_id, REASON)
        return None
    place = f"images/{sample.sample_id}"
    image, layout = place + source.suffix.lower(), ""
    _place(folder / image, content)
    if sample.layout:
        layout = place + Path(sample.layout).suffix.lower()
        _place(folder / layout, (foreign.folder / sample.layout).read_bytes())
    return replace(sample, image=image, layout=layout, sha256=digest(content))


def _place(target: Path, content: bytes) -> None:
    if not target.is_file() or target.read_bytes() != content:
        write_bytes(target, content)


def _only_folder(folder: Path) -> Path:
    inside = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and not is_iam(folder) else folder


def _nothing(source: Path, skipped: Skipped) -> DatasetError:
    why = "; ".join(skipped.names[:1]) or "there is no transcribed image"
    return DatasetError(f"{source}: nothing can be used ({why})")


def _publish(unfinished: Path, output: Path, samples: Iterable[Sample]) -> None:
    """Put the finished folder in its place, without what an interrupted run of another source left."""
    shutil.rmtree(unfinished / "unpacked", ignore_errors=True)
    wanted = {MANIFEST, REPORT} | {path for sample in samples for path in (sample.image, sample.layout)}
    for path in sorted(unfinished.rglob("*")):
        if path.is_file() and path.relative_to(unfinished).as_posix() not in wanted:
            path.unlink()
    old = output.with_name(f".{output.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    unfinished.rename(output)
    shutil.rmtree(old, ignore_errors=True)
