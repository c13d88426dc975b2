"""Versions of the data set, as the API shows them: what is in them, what came in, what was left out.

Usage: ``dataset_versions(Workspace(home))``
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from inkread.data.dataset import MANIFEST, Sample, read_samples
from inkread.data.ingest import REPORT
from inkread.pipeline.stage import read_json
from inkread.server.jobs.models import DatasetDetails, DatasetList, DatasetSource, DatasetVersion
from inkread.server.jobs.workspace import VERSION, Workspace


def dataset_versions(workspace: Workspace) -> DatasetList:
    """All versions that are kept."""
    versions = [DatasetVersion.model_validate(_described(folder)) for folder in reversed(workspace.datasets())]
    return DatasetList(versions=versions)


def dataset_details(workspace: Workspace, number: int) -> DatasetDetails | None:
    """One version; None where there is none of that number."""
    folder = next((folder for folder in workspace.datasets() if folder.name == str(number)), None)
    if folder is None:
        return None
    return DatasetDetails(**_described(folder), sources=_sources(read_samples(folder / MANIFEST)))


def _described(folder: Path) -> dict[str, Any]:
    return {"version": int(folder.name), **read_json(folder / VERSION), **read_json(folder / REPORT)}


def _sources(samples: tuple[Sample, ...]) -> list[DatasetSource]:
    grouped: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        grouped[sample.source].append(sample)
    return [
        DatasetSource(
            source=source,
            licences=sorted({sample.licence for sample in found if sample.licence}),
            languages=sorted({sample.language for sample in found if sample.language}),
            samples=len(found),
            documents=len({sample.document_id for sample in found}),
            writers=len({sample.writer_id for sample in found if sample.writer_id}),
            splits=dict(sorted(Counter(str(sample.split) for sample in found).items())),
        )
        for source, found in sorted(grouped.items())
    ]
