"""Takes deleted documents out of the datasets that were made of them, where no registered model has learnt from these.

Usage: ``if remove_from_datasets(store, settings.home, {"3f2a..."}): ...``
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from inkread.errors import InkreadError
from inkread.registry import Registry

if TYPE_CHECKING:
    from inkread.server.documents.store import Store

PLACES = ("corrections", "datasets", "pipeline")
"""In the home folder; a gateway whose home has none of them needs neither DVC nor pyarrow."""


def remove_from_datasets(store: Store, home: Path, documents: Set[str]) -> bool:
    """Remove documents from the versions of the corrections and of the data set; False where it has to be done later.

    It is done later while a job runs, or while the registry cannot say which versions are used.
    """
    if not any((home / place).is_dir() for place in PLACES):
        return True
    try:
        from inkread.server.documents.versions import Versions
        from inkread.server.jobs.removal import remove_from_pipeline
        from inkread.server.jobs.workspace import Workspace

        Versions(home).remove(store, documents, _used)
        remove_from_pipeline(Workspace(home), documents, _used)
    except (InkreadError, ImportError) as error:
        structlog.get_logger().warning("datasets_keep_deleted_documents", detail=str(error), documents=len(documents))
        return False
    return True


def pipeline_datasets(home: Path, document: str) -> dict[str, tuple[int, datetime]]:
    """The versions of the data set in a home folder that have a document, see `inkread.server.jobs.removal`."""
    if not (home / "datasets").is_dir():
        return {}
    from inkread.server.jobs.removal import datasets_with
    from inkread.server.jobs.workspace import Workspace

    return datasets_with(Workspace(home), document)


def _used(datasets: Set[str]) -> Set[str]:
    return set(Registry().trained_on(datasets))
