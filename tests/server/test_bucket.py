"""Documents in a bucket: the same as in a folder, also when the bucket is away, and deleted to the last byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import delete

from inkread.errors import OutputError, SettingsError
from inkread.server.backup import backup, restore
from inkread.server.documents import bucket as buckets
from inkread.server.documents import store as stores
from inkread.server.documents.bucket import Bucket, BucketAwayError
from inkread.server.documents.store import File, Store
from inkread.server.documents.tables import Document, Upload
from inkread.server.gateway.app import gateway_app
from inkread.server.settings import Settings
from inkread.server.tokens import Identity
from inkread.server.users import Users
from tests.server.servers import free_port, served, when

ADA = Identity("ada", "user")
URL = "s3://scans/inkread"
SCAN = b"scan of a letter " * 100_000
pytestmark = [
    pytest.mark.system,  # starts a server
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


class Server:
    """An S3 server in a process of its own, which can be stopped and goes on with what it has."""

    def __init__(self, log: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", self.url.rpartition(":")[2]]
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        when(self._answers)
        httpx2.put(f"{self.url}/scans", trust_env=False, timeout=60).raise_for_status()

    def _answers(self) -> bool:
        try:
            return httpx2.get(self.url, trust_env=False, timeout=60).is_success
        except httpx2.TransportError:
            return False

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.go_on()
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("s3") / "log")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", server.url)
        environment.setenv("AWS_ACCESS_KEY_ID", "key")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        yield server
    server.end()


@pytest.fixture
def settings(settings: Settings, server: Server) -> Iterator[Settings]:
    """Settings of a stack with an empty bucket."""
    del server
    chosen = settings.model_copy(update={"home": settings.home / "home", "documents_bucket": URL})
    chosen.home.mkdir()
    Users(chosen.users_url).add("ada", "correct horse battery", "user")
    yield chosen
    for document, name, _ in list(Bucket(URL).files()):
        Bucket(URL).remove(document, name)


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings)


def kept() -> set[tuple[str, str]]:
    return {(document, name) for document, name, _ in Bucket(URL).files()}


def create(store: Store, content: bytes = SCAN) -> tuple[str, str]:
    """A document of one file, and the hash of that."""
    document = store.create(ADA, "letters", "", [File("scan.pdf", BytesIO(content))]).id
    with store.session() as session:
        return document, session.get_one(Upload, (document, 1)).sha256


def test_files_are_in_the_bucket_for_every_gateway_until_they_are_deleted(store: Store, settings: Settings) -> None:
    document, digest = create(store)
    assert kept() == {(document, digest)}
    second = Store(settings.model_copy(update={"documents_folder": settings.home / "second"}))
    assert second.read(document, digest) == SCAN, "another gateway has another folder"
    page = second.keep(document, b"a page")
    assert store.read(document, page) == b"a page"
    store.discard(document, "f" * 64)
    assert kept() == {(document, digest), (document, page)}

    other, its = create(store, b"another letter")
    store.delete(document, ADA)
    assert kept() == {(other, its)}
    with pytest.raises(FileNotFoundError):
        second.keep(document, b"a page that was read meanwhile")
    with pytest.raises(FileNotFoundError):
        store.path(document, digest)
    second.sweep()
    assert not list(settings.home.rglob(f"{digest}*")), "nor is a copy of another gateway left"
    assert kept() == {(other, its)}


def test_copies_and_what_an_upload_left_are_swept_and_a_folder_moves_into_a_bucket(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, old = create(Store(settings.model_copy(update={"documents_bucket": ""})))
    store = Store(settings)
    assert kept() == set()
    cut_off, _ = create(store, b"cut off before its rows were there")
    with store.session() as session:
        session.execute(delete(Upload).where(Upload.document == cut_off))
        session.execute(delete(Document).where(Document.id == cut_off))
    store.sweep()
    assert [document for document, _ in kept()] == [cut_off], "it may still be coming"

    monkeypatch.setattr(stores, "COPY_SECONDS", -1.0)
    monkeypatch.setattr(stores, "ORPHAN_SECONDS", -1.0)
    store.sweep()
    assert kept() == {(before, old)}
    assert not [path for path in settings.documents.rglob("*") if path.is_file()], "no copies"
    assert store.read(before, old) == SCAN


def test_while_the_bucket_is_away_uploads_are_refused_and_nothing_is_lost(
    settings: Settings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, digest = create(Store(settings))
    with monkeypatch.context() as patient:
        patient.setattr(buckets, "REQUEST", timedelta(seconds=2))
        patient.setattr(buckets, "TRIES", timedelta(seconds=1))
        gateway = gateway_app(settings)
        impatient = Store(settings.model_copy(update={"documents_folder": settings.home / "second"}))
        with (
            served(gateway) as url,
            httpx2.Client(base_url=url, trust_env=False, timeout=120, auth=("ada", "correct horse battery")) as client,
        ):
            server.stop()
            try:
                assert client.get("/readyz").json()["detail"] == buckets.AWAY
                answer = client.post("/documents", files={"file": ("note.pdf", b"a note")})
                assert (answer.status_code, answer.json()["detail"]) == (503, buckets.AWAY)
                assert answer.headers["retry-after"] == "5"
                with pytest.raises(BucketAwayError):
                    impatient.read(document, digest)
                with pytest.raises(OutputError, match="bucket of documents"):
                    backup(settings, settings.home.parent / "away.tar")
                impatient.delete(document, ADA)
            finally:
                server.go_on()
            assert client.get("/documents").json()["total"] == 0
            again = client.post("/documents", files={"file": ("note.pdf", b"a note")})
            assert again.status_code == 202
    Store(settings).sweep()
    assert document not in {name for name, _ in kept()}, "what could not be deleted then is deleted now"
    assert again.json()["id"] in {name for name, _ in kept()}


def test_a_backup_has_the_bucket_and_comes_back_into_an_empty_one(store: Store, settings: Settings) -> None:
    document, digest = create(store)
    target = settings.home.parent / "backup.tar"
    backup(settings, target)
    fresh = settings.model_copy(update={"home": settings.home.parent / "new"})
    fresh.home.mkdir()
    with pytest.raises(SettingsError, match="bucket of documents is not empty"):
        restore(fresh, target)
    Bucket(URL).remove(document)
    restore(fresh, target)
    assert kept() == {(document, digest)}
    assert Store(fresh).read(document, digest) == SCAN


def test_what_is_no_bucket_is_named(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="write s3://bucket"):
        Store(settings.model_copy(update={"documents_bucket": os.fspath(settings.home)}))
