"""kill -9 in the middle of an upload, a correction, an export or a deletion: nothing is lost, nothing half done.

Each is killed at one step after the other: a statement or commit of the database, a change on the disk.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, func, select

from inkread.data.dataset import Dataset
from inkread.server.documents import models, removal
from inkread.server.documents.corrections import export
from inkread.server.documents.store import File, Store
from inkread.server.documents.tables import Deletion, Page, Passage, Upload
from inkread.server.documents.versions import Versions
from inkread.server.settings import Settings
from inkread.server.users import Users
from tests.server.test_corrections import ADA, BOB, add, finish

pytestmark = pytest.mark.system
WORD = "Kilimandscharo"


@pytest.fixture
def stack(settings: Settings) -> tuple[Settings, str]:
    """A stack with a page in correction, and its document."""
    chosen = settings.model_copy(update={"home": settings.home / "home"})
    chosen.home.mkdir()
    users = Users(chosen.users_url)
    for who in (ADA, BOB):
        users.add(who.name, "correct horse battery", "user")
    store = Store(chosen)
    document = add(store, ADA, "note-1905-en")
    type_line(store, document, WORD, "done")
    return chosen, document


def type_line(store: Store, document: str, text: str, state: str | None = None) -> None:
    page = store.page(document, 1, ADA)
    page.lines[0] = page.lines[0].model_copy(update={"text": text})
    correction = models.Correction.model_validate({"lines": page.lines, "state": state})
    store.correct(document, 1, ADA, page.revision, correction)


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a process of its own that is killed before its n-th step; whether it was."""
    child = os.fork()
    if child == 0:
        left = iter(range(number))

        def step(*_: object, **__: object) -> None:
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        def heard(name: str, arguments: tuple[object, ...]) -> None:
            changes = name in ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "subprocess.Popen")
            if changes or (name == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wxa")):
                step()

        sys.addaudithook(heard)
        event.listen(Engine, "before_cursor_execute", step)
        event.listen(Engine, "commit", step)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def kills(work: Callable[[], object], every: int, least: int = 6) -> Iterator[int]:
    """The steps at which the work was killed, until it is done before the next."""
    for number in itertools.count(0, every):
        if not killed_at(number, work):
            break
        yield number
    assert number >= least, "it has many steps"


def bytes_of(home: Path, *contents: bytes) -> list[Path]:
    """The files that hold one of them."""
    return [
        path for path in home.rglob("*") if path.is_file() and any(content in path.read_bytes() for content in contents)
    ]


def test_a_correction_is_there_with_all_that_belongs_to_it_or_not_at_all(stack: tuple[Settings, str]) -> None:
    settings, document = stack
    texts = [f"Zanzibar {number}" for number in range(100)]
    done = set()
    for number in kills(lambda: type_line(Store(settings), document, texts[number_of(settings, document)]), 1):
        store = Store(settings)
        page = store.page(document, 1, ADA)
        done.add(page.revision)
        newest = store.versions(document, 1, ADA).versions
        assert [version.revision for version in newest] == list(range(page.revision, 0, -1)), number
        text = page.lines[0].text
        assert text == (WORD if page.revision == 2 else texts[page.revision - 1])
        assert [hit.text for hit in store.search(ADA, text, 9).hits] == [text], "search finds what the page says"
        with store.session() as session:
            rows = session.scalar(select(func.count()).where(Passage.document == document, Passage.alternative == 0))
            assert rows == session.get_one(Page, (document, 1)).lines == len(page.lines)
    assert done == {2}, "what was killed before its commit is not there"
    assert number_of(settings, document) == 3


def number_of(settings: Settings, document: str) -> int:
    return Store(settings).page(document, 1, ADA).revision


def test_an_upload_is_a_document_or_nothing(stack: tuple[Settings, str], monkeypatch: pytest.MonkeyPatch) -> None:
    settings, document = stack
    scan = b"a scan of " + WORD.encode() * 50

    def upload() -> None:
        Store(settings).create(ADA, "letters", "", [File("a.pdf", BytesIO(scan)), File("b.pdf", BytesIO(b"b" + scan))])

    whole = 0
    for _ in kills(upload, 2):
        found = [item.id for item in Store(settings).documents(ADA).documents if item.id != document]
        with Store(settings).session() as session:
            files = session.scalars(select(Upload).where(Upload.document.in_(found))).all()
        assert len(files) == 2 * len(found)
        assert all(scan in Store(settings).read(file.document, file.sha256) for file in files)
        whole = len(found)
    monkeypatch.setattr("inkread.server.documents.store.ORPHAN_SECONDS", -1.0)
    Store(settings).sweep()
    assert len(bytes_of(settings.documents, scan)) == 2 * (whole + 1), "and that of the upload that was not killed"


def test_a_deletion_that_was_cut_off_is_finished_and_leaves_no_byte(stack: tuple[Settings, str]) -> None:
    settings, document = stack
    picture = Store(settings).read(document, Store(settings).picture(document, 1, ADA).sha256)
    whole = settings.home.parent / "whole"
    settings.home.rename(whole)

    def delete() -> None:
        Store(settings).delete(document, ADA)

    ends = set()
    for _ in kills_of_copies(delete, whole, settings.home, 2):
        store = Store(settings)
        there = store.documents(ADA).total
        ends.add(there)
        if there:
            assert store.page(document, 1, ADA).lines[0].text == WORD
            assert store.read(document, store.picture(document, 1, ADA).sha256) == picture
            continue
        store.sweep()
        assert bytes_of(settings.home, picture, WORD.encode(), document.encode()) == []
        with store.session() as session:
            assert session.scalars(select(Deletion)).all() == []
    assert ends == {0, 1}


def kills_of_copies(work: Callable[[], object], whole: Path, home: Path, every: int) -> Iterator[int]:
    """As `kills`, each of a copy of a home folder."""

    def copied() -> None:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(whole, home)

    copied()
    for number in kills(work, every):
        yield number
        copied()


def test_an_export_is_whole_or_not_there(stack: tuple[Settings, str]) -> None:
    settings, document = stack
    output = settings.home.parent / "out"
    for _ in kills(partial(export_to, settings, output), 3):
        assert not output.exists()
    assert check_export(output) == {document}
    for number in itertools.count():  # what a killed export left does not disturb the next
        if not killed_at(number * 7, partial(export_to, settings, settings.home.parent / f"out{number}")):
            break
        export_to(settings, settings.home.parent / f"out{number}")
        assert check_export(settings.home.parent / f"out{number}") == {document}


def export_to(settings: Settings, output: Path) -> None:
    export(Store(settings), output, "ada")


def check_export(folder: Path) -> set[str]:
    """The documents of a dataset whose files are all there and whose lineage is whole."""
    dataset = Dataset.open(folder)
    lineage = [json.loads(row) for row in (folder / "lineage.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted(row["sample_id"] for row in lineage) == [sample.sample_id for sample in dataset.samples]
    assert all((folder / name).is_file() for sample in dataset.samples for name in (sample.image, sample.layout))
    return {sample.document_id for sample in dataset.samples}


def test_versions_are_whole_when_their_making_or_a_deletion_is_killed(
    stack: tuple[Settings, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, document = stack
    monkeypatch.setattr(removal, "_used", lambda _hashes: set())
    store, versions = Store(settings), Versions(settings.home)
    other = add(store, ADA, "letter-1905-en")
    finish(store, other, 1, ADA)
    for _ in kills(lambda: versions.make(Store(settings), "ada"), 9):
        assert versions.all() == []
    (made,) = versions.all()
    assert made.documents.keys() == {document, other}
    assert check_export(settings.home / "corrections" / "1") == {document, other}

    picture = store.read(document, store.picture(document, 1, ADA).sha256)
    whole = settings.home.parent / "whole"
    settings.home.rename(whole)
    for _ in kills_of_copies(lambda: Store(settings).delete(document, ADA), whole, settings.home, 13):
        left = Store(settings)
        if left.documents(ADA).total == 1:
            left.sweep()
            assert bytes_of(settings.home, picture, WORD.encode()) == []
            assert check_export(settings.home / "corrections" / "1") == {other}
            assert Versions(settings.home).check_out(1, settings.home.parent / "again").documents.keys() == {other}
            shutil.rmtree(settings.home.parent / "again")
