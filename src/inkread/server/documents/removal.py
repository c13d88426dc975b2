"""Datasets that were made of documents: deleted documents are taken out where no registered model has learnt from them.

Usage: ``if remove_from_datasets(store, settings.jobs_folder, {"3f2a..."}): ...``

`inkread.server.jobs.removal` does it. It is imported only where there are datasets, because it needs pyarrow and DVC.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import structlog

from inkread.errors import InkreadError
from inkread.registry import Registry

if TYPE_CHECKING:
    from inkread.server.documents.store import Store

PLACES = ("corrections", "datasets", "pipeline")
"""Where in the home folder datasets are."""


def remove_from_datasets(store: Store, home: Path, documents: Set[str]) -> bool:
    """Remove documents from the versions of the corrections and of the data set; False where it has to be done later.

    It is done later while a job runs, or while the registry cannot say which versions are used.
    """
    try:
        if datasets := _datasets(home):
            datasets.remove(store, home, documents, _used)
    except (InkreadError, ImportError) as error:
        structlog.get_logger().warning("datasets_keep_deleted_documents", detail=str(error), documents=len(documents))
        return False
    return True


def pipeline_datasets(home: Path, document: str) -> dict[str, tuple[int, datetime]]:
    """The versions of the data set that have a document, by content hash: how many of its lines, and when made."""
    datasets = _datasets(home)
    return datasets.datasets_with(home, document) if datasets else {}


def _datasets(home: Path) -> ModuleType | None:
    return import_module("inkread.server.jobs.removal") if any((home / place).is_dir() for place in PLACES) else None


def _used(datasets: Set[str]) -> Set[str]:
    return set(Registry().trained_on(datasets))
