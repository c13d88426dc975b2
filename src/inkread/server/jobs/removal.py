"""Takes deleted documents out of datasets, where no registered model has learnt from them.

Usage: ``remove(store, home, {"3f2a..."}, used)``

Documents come into the pipeline with the corrections, see `inkread.server.documents.versions`.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Set
from datetime import datetime
from pathlib import Path

import yaml

from inkread.data.dataset import MANIFEST, Dataset, read_samples, remove_documents
from inkread.data.ingest import REPORT
from inkread.io.files import write_bytes
from inkread.pipeline.project import run_dvc
from inkread.pipeline.stage import STAGES, read_json, write_json
from inkread.server.documents.store import Store
from inkread.server.documents.versions import Versions
from inkread.server.jobs.workspace import LOCK, VERSION, Workspace

FIRST = "load_dataset"
"""The stage that brings documents in; the stages from here on are run again."""


def remove(store: Store, home: Path, documents: Set[str], used: Callable[[Set[str]], Set[str]]) -> None:
    """Take documents out of the versions of the corrections and of the pipeline's data, see `remove_from_pipeline`."""
    Versions(home).remove(store, documents, used)
    remove_from_pipeline(Workspace(home), documents, used)


def remove_from_pipeline(workspace: Workspace, documents: Set[str], used: Callable[[Set[str]], Set[str]]) -> None:
    """Take the lines of documents out of all unused versions of the data set, the stages' results and DVC's cache.

    The stages from ``load_dataset`` on are then run again by the next job. Safe to do again where it was cut off.

    Args:
        workspace: of the jobs.
        documents: that were deleted.
        used: which of some datasets, by content hash, a registered model has learnt from.

    Raises:
        DatasetError: a job runs, or DVC fails.
    """
    made = workspace.project / "artifacts" / "dataset"
    holding = [folder for folder in (*workspace.datasets(), made) if _holds(folder, documents)]
    if not holding:
        return
    with workspace.idle():
        _remove_from(workspace, holding, documents, used)


def _remove_from(
    workspace: Workspace, holding: list[Path], documents: Set[str], used: Callable[[Set[str]], Set[str]]
) -> None:
    made = workspace.project / "artifacts" / "dataset"
    hashes = {folder: str(read_json(folder / REPORT).get("sha256", "")) for folder in holding}
    kept = used(set(hashes.values()))
    unused = [folder for folder in holding if hashes[folder] not in kept]
    if made in unused:
        _forget_results(workspace)
    if unused:
        shutil.rmtree(workspace.project / ".dvc" / "cache" / "runs", ignore_errors=True)
        run_dvc(workspace.project, "gc", "--quiet", "--workspace", "--force")
    for folder in unused:
        if folder == made:
            _remove_dataset(folder)
        else:
            _remove_lines(folder, documents)


def datasets_with(home: Path, document: str) -> dict[str, tuple[int, datetime]]:
    """The versions of the data set that have a document, by content hash: how many lines of it, and when made."""
    found = {}
    for folder in Workspace(home).datasets():
        samples = read_samples(folder / MANIFEST)
        if lines := sum(sample.document_id == document for sample in samples):
            made = datetime.fromisoformat(read_json(folder / VERSION)["made"])
            found[str(read_json(folder / REPORT)["sha256"])] = lines, made
    return found


def _holds(folder: Path, documents: Set[str]) -> bool:
    if not (folder / MANIFEST).is_file():
        return False
    return any(sample.document_id in documents for sample in read_samples(folder / MANIFEST))


def _forget_results(workspace: Workspace) -> None:
    """Remove what the stages made of the dataset, and their entries in ``dvc.lock``; the dataset itself stays."""
    stale = STAGES[STAGES.index(FIRST) :]
    path = workspace.project / LOCK
    if path.is_file():
        lock = yaml.safe_load(path.read_text(encoding="utf-8"))
        lock["stages"] = {name: entry for name, entry in (lock.get("stages") or {}).items() if name not in stale}
        write_bytes(path, yaml.safe_dump(lock, sort_keys=False).encode())
    for result in (workspace.project / "artifacts").iterdir():
        if result.name in ("raw", "dataset"):
            continue
        if result.is_dir():
            shutil.rmtree(result)
        else:
            result.unlink()


def _remove_dataset(folder: Path) -> None:
    """Remove a dataset, its manifest last, which says that there is something to remove."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != MANIFEST:
            path.unlink()
    shutil.rmtree(folder)


def _remove_lines(folder: Path, documents: Set[str]) -> None:
    kept = [sample for sample in read_samples(folder / MANIFEST) if sample.document_id not in documents]
    if not kept:
        return _remove_dataset(folder)
    report = read_json(folder / REPORT) | {
        "samples": dict(sorted(Counter(str(sample.kind) for sample in kept).items())),
        "splits": dict(sorted(Counter(str(sample.split) for sample in kept).items())),
        "sha256": Dataset(folder, tuple(kept)).content_hash,
    }
    write_json(folder / REPORT, report)
    remove_documents(folder, documents)
    return None
