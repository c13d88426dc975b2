"""Corrections become a dataset that training takes, with who stands for each line, and of nobody else's documents."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import update
from typer.testing import CliRunner

from inkread.cli.corrections import app
from inkread.data.dataset import Dataset
from inkread.data.split import SplitSettings, check_leaks, split_samples
from inkread.data.store import CutSettings, line_images
from inkread.errors import DatasetError, RegistryDownError
from inkread.formats import fit, read_layout
from inkread.server.documents import models, removal
from inkread.server.documents.content import Content
from inkread.server.documents.corrections import export
from inkread.server.documents.queue import next_lines
from inkread.server.documents.store import File, Store, now, page_row, put_version
from inkread.server.documents.tables import READ, Document, Page
from inkread.server.documents.versions import Versions
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import Identity
from inkread.server.users import Users

PAGES = Path(__file__).parents[1] / "pages"
ADA, BOB = Identity("ada", "user"), Identity("bob", "user")


@pytest.fixture
def store(settings: Settings) -> Store:
    users = Users(settings.users_url)
    for who in (ADA, BOB):
        users.add(who.name, "correct horse battery", "user")
    return Store(settings)


def add(store: Store, who: Identity, *names: str) -> str:
    """A document of pages that were read, as prediction would have read them."""
    document = store.create(who, "letters", "", [File("scan.pdf", BytesIO(b"scan of " + names[0].encode()))]).id
    for number, name in enumerate(names, start=1):
        picture = BytesIO()
        image = Image.open(PAGES / f"{name}.webp").convert("L")
        image.save(picture, "JPEG")
        layout = fit(replace(read_layout(PAGES / f"{name}.xml"), source="", index=0), *image.size)
        digest = store.keep(document, picture.getvalue())
        with store.session() as session:
            session.add(
                Page(
                    document=document, number=number, upload=1, index=number - 1, sha256=digest, revision=1, time=now()
                )
            )
            session.flush()
            put_version(session, page_row(session, document, number), Content(layout), [], "read", READ, "")
    return document


def finish(store: Store, document: str, number: int, who: Identity) -> list[models.Line]:
    """Change the first line, flag the second, empty the third, accept the rest."""
    lines = store.page(document, number, who).lines
    lines[0] = lines[0].model_copy(update={"text": "as it was written"})
    lines[1] = lines[1].model_copy(update={"flags": ["illegible"]})
    lines[2] = lines[2].model_copy(update={"text": ""})
    store.correct(document, number, who, 1, models.Correction(lines=lines, state="done"))
    return lines


def test_accepted_lines_are_a_dataset_with_their_lineage(store: Store, tmp_path: Path) -> None:
    document = add(store, ADA, "letter-1905-en", "copy-2022-fr", "letter-1900-fr")
    lines = [finish(store, document, number, ADA) for number in (1, 2)]
    foreign = add(store, BOB, "note-1905-en")
    finish(store, foreign, 1, BOB)
    store.share(foreign, BOB, "ada", "owner")
    report = export(store, tmp_path / "out", "ada", licence="CC BY 4.0")
    wanted = sum(map(len, lines)) - 4
    assert (report.documents, report.pages, report.lines, report.changed) == (1, 2, wanted, 2)
    assert report.skipped == {"flagged illegible": 2, "empty": 2}
    dataset = Dataset.open(tmp_path / "out")
    assert {sample.document_id for sample in dataset.samples} == {document}, "what is shared with ada is not ada's"
    assert {sample.licence for sample in dataset.samples} == {"CC BY 4.0"}
    first = next(sample for sample in dataset.samples if sample.text == "as it was written")
    assert (first.kind, first.line, first.split) == ("line", 0, "")
    cut = list(line_images(dataset, dataset.lines(), CutSettings(), context=False))
    assert len(cut) == wanted
    assert all(image.size for _, image in cut)
    lineage = [json.loads(row) for row in (tmp_path / "out" / "lineage.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["sample_id"] for row in lineage} == {sample.sample_id for sample in dataset.samples}
    row = next(row for row in lineage if row["sample_id"] == first.sample_id)
    original = read_layout(PAGES / "letter-1905-en.xml").lines[0].text
    assert (row["read"], row["text"], row["corrected_by"]) == (original, "as it was written", "person 1")
    assert (row["approved_by"], row["approved"]) == ("person 1", store.page(document, 1, ADA).time.isoformat())
    assert not any(b"ada" in file.read_bytes() for file in (tmp_path / "out").glob("*.jsonl"))
    export(store, tmp_path / "named", "ada", names=True)
    named = json.loads((tmp_path / "named" / "lineage.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert (named["approved_by"], named["revision"]) == ("ada", 2)


def test_all_lines_of_a_document_are_in_one_split(store: Store, tmp_path: Path) -> None:
    for name in ("letter-1905-en", "copy-2022-fr", "letter-1900-fr", "will-1914-fr"):
        finish(store, add(store, ADA, name), 1, ADA)
    samples = Dataset.open(export_to(store, tmp_path / "out")).samples
    splits = split_samples(samples, SplitSettings(val=0.3, test=0.3))
    check_leaks(samples, splits)
    assert len(set(splits.values())) > 1


def export_to(store: Store, folder: Path) -> Path:
    export(store, folder, "ada")
    return folder


def test_nothing_half_done_is_left(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="marked as done"):
        export(store, tmp_path / "out", "ada")
    document = add(store, ADA, "letter-1905-en")
    finish(store, document, 1, ADA)
    for path in store.path(document, "x").parent.glob("*"):
        path.unlink()
    with pytest.raises(FileNotFoundError):
        export(store, tmp_path / "out", "ada")
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []
    (tmp_path / "out").mkdir()
    with pytest.raises(DatasetError, match="there already"):
        export(store, tmp_path / "out", "ada")


def test_documents_of_all_users_only_where_that_is_asked_for(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKREAD_HOME", str(settings.home))
    for who, name in ((ADA, "letter-1905-en"), (BOB, "copy-2022-fr")):
        document = add(store, who, name)
        finish(store, document, 1, who)
        with store.session() as session:
            session.execute(update(Document).where(Document.id == document).values(collection=who.name))

    def run(*arguments: str) -> tuple[int, str]:
        answer = CliRunner().invoke(app, ["export", *arguments])
        return answer.exit_code, answer.output

    assert run(str(tmp_path / "a"))[0] == 2, "one says whose documents"
    assert run(str(tmp_path / "a"), "--user", "ada", "--all-users")[0] == 2
    assert "1 documents" in run(str(tmp_path / "a"), "--user", "ada")[1]
    assert "2 documents" in run(str(tmp_path / "b"), "--all-users")[1]
    report = json.loads(run(str(tmp_path / "c"), "--all-users", "--collection", "bob", "--json")[1])
    assert (report["documents"], report["changed"]) == (1, 1)


def test_the_queue_has_what_may_be_corrected_and_is_not_yet(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = [add(store, ADA, name) for name in ("letter-1905-en", "letter-1900-fr")]
    foreign = add(store, BOB, "note-1905-en")
    for document in (*letters, foreign):
        doubt(store, document)
    found = next_lines(store, ADA, limit=500).lines
    assert {line.document for line in found} == set(letters), "nobody else's"
    assert {line.document for line in found[:2]} == set(letters), "one line of each before two of one"
    assert found[0].expected_errors > 0

    assert {tuple(line.unusual) for line in found} == {()}
    doubt(store, letters[1], "unusual slant")
    first = next_lines(store, ADA, limit=1).lines[0]
    assert (first.document, first.unusual) == (letters[1], ["slant"]), "and why it comes first"

    page = store.page(letters[0], 1, ADA)
    page.lines[0] = page.lines[0].model_copy(update={"text": "as it was written"})
    page.lines[1] = page.lines[1].model_copy(update={"flags": ["illegible"]})
    store.correct(letters[0], 1, ADA, page.revision, models.Correction(lines=page.lines))
    left = {(line.document, line.line) for line in next_lines(store, ADA, limit=500).lines}
    gone = {(letters[0], page.lines[0].id), (letters[0], page.lines[1].id)}
    assert {(line.document, line.line) for line in found} - left == gone

    store.share(foreign, BOB, "ada", "reader")
    assert foreign not in {line.document for line in next_lines(store, ADA, limit=500).lines}
    store.share(foreign, BOB, "ada", "corrector")
    assert foreign in {line.document for line in next_lines(store, ADA, limit=500).lines}
    assert next_lines(store, ADA, collection="registers").lines == []

    monkeypatch.setattr("inkread.cli.corrections._store", lambda: store)
    told = CliRunner().invoke(app, ["queue", "--user", "bob", "--json", "--limit", "3"])
    assert [line["document"] for line in json.loads(told.stdout)["lines"]] == [foreign] * 3


def doubt(store: Store, document: str, *flags: str) -> None:
    """Give the lines of the first page a confidence, and the page flags, as a reader does."""
    with store.session() as session:
        row = page_row(session, document, 1)
        content = store.content(session, row)
        assert content is not None
        regions = tuple(
            replace(region, lines=tuple(replace(line, confidence=0.5) for line in region.lines))
            for region in content.page.regions
        )
        doubtful = replace(content, page=replace(content.page, regions=regions, flags=flags))
        row.revision += 1
        put_version(session, row, doubtful, [], "read", READ, "")


def test_it_is_known_which_datasets_and_models_used_a_document(store: Store, tmp_path: Path) -> None:
    document, other = add(store, ADA, "letter-1905-en"), add(store, ADA, "note-1905-en")
    finish(store, document, 1, ADA)
    report = export(store, tmp_path / "out", "ada")
    assert report.dataset == Dataset.open(tmp_path / "out").content_hash
    assert [(use.dataset, use.lines) for use in store.uses(document, ADA)] == [(report.dataset, report.lines)]
    assert store.uses(other, ADA) == []
    with pytest.raises(ProblemError, match="no such document"):
        store.uses(document, BOB)
    store.delete(document, ADA)
    admin = Identity("eve", "admin")
    assert [use.dataset for use in store.uses(document, admin)] == [report.dataset], "known after it was deleted"
    with pytest.raises(ProblemError, match="no such document"):
        store.uses(document, ADA)


def test_two_people_who_disagree_are_shown_to_a_third(store: Store, tmp_path: Path) -> None:
    document = add(store, ADA, "letter-1905-en")
    store.share(document, ADA, "bob", "corrector")
    line = store.page(document, 1, ADA).lines[0].id
    for revision, (who, text) in enumerate([(ADA, "My dear Sir"), (BOB, "My dear Sirs")], start=1):
        type_first_line(store, document, who, revision, text)
    store.share(document, ADA, "eve", "corrector")
    eve = Identity("eve", "user")
    (first,) = [entry for entry in next_lines(store, eve).lines if entry.disputed]
    assert (first.line, first.text, first.disputed) == (line, "My dear Sirs", ["My dear Sir", "My dear Sirs"])
    assert not any(entry.disputed for who in (ADA, BOB) for entry in next_lines(store, who).lines), (
        "they have had a say"
    )
    page = store.page(document, 1, ADA)
    store.correct(document, 1, BOB, page.revision, models.Correction(lines=page.lines, state="done"))
    export(store, tmp_path / "out", "ada")
    rows = [json.loads(row) for row in (tmp_path / "out" / "lineage.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["line"] for row in rows if row["disputed"]] == [line]

    type_first_line(store, document, eve, page.revision + 1, "My dear Sir,")
    assert not any(entry.disputed for entry in next_lines(store, Identity("eve", "user")).lines)


def type_first_line(store: Store, document: str, who: Identity, revision: int, text: str) -> None:
    lines = store.page(document, 1, who).lines
    lines[0] = lines[0].model_copy(update={"text": text})
    store.correct(document, 1, who, revision, models.Correction(lines=lines))


def cache_of(home: Path) -> bytes:
    """All that lies in the versions of the corrections and in DVC's cache of them."""
    return b"".join(path.read_bytes() for path in sorted((home / "corrections").rglob("*")) if path.is_file())


@pytest.mark.system  # runs DVC
def test_a_version_of_the_corrections_can_be_checked_out_again(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKREAD_HOME", str(settings.home))
    first, second = add(store, ADA, "letter-1905-en"), add(store, ADA, "note-1905-en")
    finish(store, first, 1, ADA)

    def run(*arguments: str) -> str:
        answer = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
        assert answer.exit_code == 0, answer.output
        return answer.output

    told = json.loads(run("export", "--user", "ada", "--json"))
    assert json.loads(run("export", "--user", "ada", "--json"))["version"] == 1, "nothing was corrected since"
    finish(store, second, 1, ADA)
    assert "version 2" in run("export", "--user", "ada")
    made = json.loads(run("versions", "--json"))
    assert [(version["number"], len(version["documents"])) for version in made] == [(1, 1), (2, 2)]
    assert made[0]["dataset"] == told["dataset"]

    shutil.rmtree(settings.home / "corrections" / "1")
    run("checkout", "1", str(tmp_path / "again"))
    again = Dataset.open(tmp_path / "again")
    assert again.content_hash == told["dataset"]
    assert len(list(line_images(again, again.lines(), CutSettings(), context=False))) == told["lines"]
    lineage = [json.loads(row) for row in (tmp_path / "again" / "lineage.jsonl").read_text("utf-8").splitlines()]
    assert {(row["document"], row["page"], row["approved_by"]) for row in lineage} == {(first, 1, "person 1")}
    assert CliRunner().invoke(app, ["checkout", "3", str(tmp_path / "x")]).exception is not None


@pytest.mark.system  # runs DVC
def test_a_deleted_document_leaves_no_byte_in_versions_that_no_model_has_used(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = Versions(settings.home)
    secret, other = add(store, ADA, "letter-1905-en"), add(store, ADA, "note-1905-en")
    finish(store, secret, 1, ADA)
    used, _ = versions.make(store, "ada")
    finish(store, other, 1, ADA)
    unused, report = versions.make(store, "ada")
    monkeypatch.setattr(removal, "_used", lambda hashes: hashes & {used.dataset})
    picture = store.path(secret, store.picture(secret, 1, ADA).sha256).read_bytes()
    kept = store.path(other, store.picture(other, 1, ADA).sha256).read_bytes()
    before = versions.all()
    with monkeypatch.context() as away:
        away.setattr(removal, "_used", unreachable)
        store.delete(secret, ADA)
    assert versions.all() == before, "whether a model has learnt from it is not known yet"
    store.sweep()
    first, second = versions.all()
    assert (first.documents, second.documents) == (used.documents, {other: report.lines_of[other]})
    assert secret.encode() not in (settings.home / "corrections" / "2" / "lineage.jsonl").read_bytes()
    assert [use.dataset for use in store.uses(other, ADA)][0] == second.dataset
    assert picture in cache_of(settings.home), "what a model has learnt from is kept"

    monkeypatch.setattr(removal, "_used", lambda _hashes: set())
    third = add(store, ADA, "letter-1900-fr")  # what deletes next finds nothing of it
    store.delete(third, ADA)
    store.delete(other, ADA)
    left = cache_of(settings.home)
    assert kept not in left
    assert [version.documents for version in versions.all()] == [used.documents, {}]
    assert versions.check_out(1, settings.home / "again").documents == used.documents
    with pytest.raises(DatasetError, match="were deleted"):
        versions.check_out(2, settings.home / "gone")


def unreachable(_hashes: object) -> set[str]:
    raise RegistryDownError("the registry is away")
