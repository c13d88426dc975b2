"""Tags find, choose and leave out documents and pages."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from inkread.data.dataset import Dataset
from inkread.errors import DatasetError
from inkread.server.documents.corrections import export
from inkread.server.documents.results import Results
from inkread.server.documents.store import Store
from inkread.server.documents.tables import Tag
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from inkread.server.users import Users
from tests.server.test_corrections import ADA, BOB, add, finish


@pytest.fixture
def store(settings: Settings) -> Store:
    users = Users(settings.users_url)
    for who in (ADA, BOB):
        users.add(who.name, "correct horse battery", "user")
    return Store(settings)


def test_tags_are_set_found_exported_and_deleted(store: Store, tmp_path: Path) -> None:
    whole, other = add(store, ADA, "note-1905-en"), add(store, ADA, "note-1905-en", "letter-1905-en")
    assert store.tag(whole, None, ADA, ["harbour", "Bristol", "harbour"]).tags == ["Bristol", "harbour"]
    store.tag(other, 2, ADA, ["Bristol"])
    assert store.documents(ADA, tags=["Bristol"]).total == 2, "a document or one of its pages"
    assert [item.id for item in store.documents(ADA, tags=["Bristol", "harbour"]).documents] == [whole]
    assert store.documents(ADA, tags=["bristol"]).documents == []
    assert store.documents(ADA).tags == ["Bristol", "harbour"]
    assert store.documents(BOB).tags == [], "of what the user sees"
    assert [page.tags for page in store.document(other, ADA).pages] == [[], ["Bristol"]]

    seen = store.document(other, ADA)
    store.tag(other, 1, ADA, ["port"])
    news = store.news(other, ADA, 0)
    assert news is not None
    assert [page.tags for page in news.pages if page.number == 1] == [["port"]], "watchers are told"
    assert seen.pages[0].tags == []

    word = store.page(other, 2, ADA).lines[0].text
    assert {hit.page for hit in store.search(ADA, word, 9, "Bristol").hits} == {2}
    assert store.search(ADA, word, 9, "port").hits == []

    path = asyncio.run(Results(store, cast(Any, None)).write_all([whole, other], ADA, "page", tmp_path, "Bristol"))
    with zipfile.ZipFile(path) as packed:
        rows = packed.read("tags.csv").decode().splitlines()
        assert sorted(packed.namelist()) == ["letters (2).page.xml", "letters.page.xml", "tags.csv"], "one page of each"
    given = [(whole, "", "Bristol"), (whole, "", "harbour"), (other, 1, "port"), (other, 2, "Bristol")]
    assert rows == ["name,document,page,tag", *(f"letters,{item},{number},{tag}" for item, number, tag in given)]

    store.share(whole, ADA, "bob", "reader")
    with pytest.raises(ProblemError, match="only a corrector"):
        store.tag(whole, None, BOB, ["mine"])
    with pytest.raises(ProblemError, match="no page 3"):
        store.tag(other, 3, ADA, ["x"])
    store.delete(other, ADA)
    with store.session() as session:
        assert set(session.scalars(select(Tag.document))) == {whole}


def test_personal_pages_are_exported_only_where_that_is_asked_for(store: Store, tmp_path: Path) -> None:
    document = add(store, ADA, "note-1905-en", "letter-1905-en")
    for number in (1, 2):
        finish(store, document, number, ADA)
    store.tag(document, 1, ADA, ["personal"])
    report = export(store, tmp_path / "out", "ada")
    assert (report.pages, report.skipped["tagged personal"]) == (1, 1)
    assert {sample.image for sample in Dataset.open(tmp_path / "out").samples} == {f"images/{document}_0002.jpg"}
    store.tag(document, None, ADA, ["personal"])
    with pytest.raises(DatasetError):
        export(store, tmp_path / "nothing", "ada")
    assert export(store, tmp_path / "all", "ada", personal=True).pages == 2
    store.tag(document, 2, ADA, ["Bristol"])
    assert export(store, tmp_path / "some", "ada", personal=True, tag="Bristol").pages == 1
