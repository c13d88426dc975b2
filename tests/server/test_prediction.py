"""The prediction service reads real uploads with the real model."""

from __future__ import annotations

import gc
import json
import multiprocessing
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx2
import pikepdf
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from inkread.bundle import Bundle
from inkread.formats.json import load
from inkread.registry import Registry
from inkread.server.prediction.app import prediction_app
from inkread.server.settings import Settings
from inkread.server.tokens import Role
from tests.server.servers import served, wait_until_ready
from tests.server.test_workers import operators_pdf

Headers = Callable[[Role], dict[str, str]]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def when_ready(client: TestClient) -> TestClient:
    deadline = time.monotonic() + 120
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline
    return client


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(prediction_app(settings.model_copy(update={"upload_mib": 8.0, "upload_pages": 4}))) as client:
        yield when_ready(client)


def test_a_page_is_read_and_says_by_which_model(client: TestClient, called_by: Headers, letter: bytes) -> None:
    answer = client.post("/predict", files={"file": ("../a/letter.png", letter)}, headers=called_by("user"))
    assert answer.status_code == 200
    model = Bundle.open().model
    assert answer.headers["x-inkread-model"] == f"{model.name}/{model.version}"
    assert Bundle.open().identity.startswith(answer.headers["x-inkread-model-hash"])
    assert f'version="{model.version}, {Bundle.open().identity[:8]}"' in client.get("/metrics").text
    document = load(answer.content)
    assert "Margaret" in document.text
    assert document.pages[0].source == "letter.png"
    assert document.provenance is not None
    assert document.provenance.model_version == model.version


@pytest.mark.parametrize(
    ("name", "start"),
    [("txt", b"Bristol"), ("json", b"{"), ("alto", b"<?xml"), ("page", b"<?xml"), ("hocr", b"<"), ("pdf", b"%PDF-")],
)
def test_every_format_can_be_asked_for(
    client: TestClient, called_by: Headers, letter: bytes, name: str, start: bytes
) -> None:
    answer = client.post(f"/predict?format={name}", files={"file": ("l.png", letter)}, headers=called_by("user"))
    assert answer.content.startswith(start)
    assert "attachment" in answer.headers["content-disposition"]


def test_a_file_with_several_pages(client: TestClient, called_by: Headers, letter: bytes) -> None:
    page = Image.open(BytesIO(letter)).convert("L").crop((0, 0, 1240, 420))
    body = BytesIO()
    page.save(body, "PDF", save_all=True, append_images=[page])
    upload = {"file": ("two.pdf", body.getvalue())}
    answer = client.post("/predict", files=upload, headers=called_by("user") | {"Accept": "application/alto+xml"})
    with zipfile.ZipFile(BytesIO(answer.content)) as packed:
        assert packed.namelist() == ["two_0001.alto.xml", "two_0002.alto.xml"]
    answer = client.post("/predict?format=pdf", files=upload, headers=called_by("user"))
    assert len(pikepdf.open(BytesIO(answer.content)).pages) == 2


def test_doubtful_lines_are_flagged(client: TestClient, called_by: Headers, letter: bytes) -> None:
    for query in ("min_confidence=1", "max_cer=0.05"):
        answer = client.post(f"/predict?{query}", files={"file": ("l.png", letter)}, headers=called_by("user"))
        flags = [line.flagged for line in load(answer.content).lines]
        assert any(flags) if "min" in query else len(flags) > 3


def test_the_language_of_a_request_is_recorded_and_an_unknown_one_refused(
    client: TestClient, called_by: Headers, letter: bytes
) -> None:
    def answer(language: str) -> httpx2.Response:
        files, headers = {"file": ("l.png", letter)}, called_by("user")
        return client.post("/predict?format=json", files=files, data={"language": language}, headers=headers)

    provenance = load(answer("fr").content).provenance
    assert provenance is not None
    settings = {step.name: step.settings for step in provenance.steps}
    assert settings["recognition"]["language"] == "fr"
    refused = answer("ru")
    assert refused.status_code == 422
    assert refused.json()["detail"] == "language: ru cannot be named, only: de, en, fr"


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"", 422, "empty"),
        (b"just text", 415, "none of PNG"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, 422, "damaged"),
        (b"%PDF-1.7\n%%EOF", 422, "x.png"),
    ],
)
def test_what_cannot_be_read_is_explained(
    client: TestClient, called_by: Headers, body: bytes, status: int, detail: str
) -> None:
    answer = client.post("/predict", files={"file": ("x.png", body)}, headers=called_by("user"))
    assert answer.status_code == status
    assert detail in answer.json()["detail"]


def test_bombs_and_too_many_pages_are_refused(client: TestClient, called_by: Headers) -> None:
    bomb, pages = BytesIO(), BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    small = Image.new("L", (50, 50))
    small.save(pages, "TIFF", save_all=True, append_images=[small] * 5)
    for body, detail in ((bomb, "30000 x 30000"), (pages, "more than the 4 pages")):
        answer = client.post("/predict", files={"file": ("x", body.getvalue())}, headers=called_by("user"))
        assert answer.status_code == 413
        assert detail in answer.json()["detail"]


@pytest.mark.case
@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of memory")
def test_a_file_that_draws_for_ever_fails_with_a_reason_and_holds_up_nobody(
    settings: Settings, called_by: Headers, letter: bytes
) -> None:
    few = settings.model_copy(update={"decode_seconds": 4.0, "decode_mib": 1024})
    scan = BytesIO()
    Image.open(BytesIO(letter)).convert("L").crop((0, 0, 1240, 420)).save(scan, "PDF")
    operators = operators_pdf()
    with TestClient(prediction_app(few)) as client:
        when_ready(client)

        def read(name: str, body: bytes) -> tuple[int, str]:
            answer = client.post("/predict?format=txt", files={"file": (name, body)}, headers=called_by("user"))
            return answer.status_code, answer.text

        with ThreadPoolExecutor(3) as pool:
            bad = [pool.submit(read, "operators.pdf", operators) for _ in range(2)]
            for _ in range(3):
                status, text = read("scan.pdf", scan.getvalue())
                assert (status, "Margaret" in text) == (200, True)
                assert client.get("/readyz").status_code == 200
            for answer in bad:
                status, text = answer.result()
                assert status == 413
                assert "operators.pdf: page 1: it needs more than" in text
        assert read("scan.pdf", scan.getvalue())[0] == 200


def test_sixty_four_clients_are_all_answered(settings: Settings, called_by: Headers, letter: bytes) -> None:
    crowded = settings.model_copy(update={"queue_pages": 24, "request_seconds": 110.0})
    page = BytesIO()
    Image.open(BytesIO(letter)).crop((0, 0, 1240, 700)).save(page, "PNG")
    with served(prediction_app(crowded)) as url:
        wait_until_ready(url)

        def read(_: int) -> list[int]:
            seen: list[int] = []
            with httpx2.Client(base_url=url, timeout=120, trust_env=False) as client:
                while not seen or (seen[-1] == 429 and len(seen) < 3):
                    answer = client.post("/predict", files={"file": page.getvalue()}, headers=called_by("user"))
                    seen.append(answer.status_code)
                    assert answer.status_code != 429 or int(answer.headers["retry-after"]) >= 1
            return seen

        with ThreadPoolExecutor(64) as pool:
            statuses = [status for seen in pool.map(read, range(64)) for status in seen]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 24, "as many as the queue takes"


def test_a_document_is_written_again_after_correction(client: TestClient, called_by: Headers, letter: bytes) -> None:
    read = client.post("/predict", files={"file": ("l.png", letter)}, headers=called_by("user")).text
    corrected = read.replace("Margaret", "Marguerite")
    answer = client.post(
        "/convert?format=txt", files={"file": letter}, data={"document": corrected}, headers=called_by("user")
    )
    assert "Marguerite" in answer.text
    answer = client.post("/convert", files={"file": letter}, data={"document": '{"a": 1}'}, headers=called_by("user"))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("document: ")


def test_only_the_gateway_may_ask_and_only_admins_change_the_model(client: TestClient, called_by: Headers) -> None:
    assert client.post("/predict").status_code == 401
    assert client.get("/model", headers=called_by("user")).json()["registered"] is None
    assert client.post("/model/refresh", headers=called_by("user")).status_code == 403
    assert client.post("/model/refresh", headers=called_by("admin")).status_code == 200


@pytest.mark.filterwarnings("ignore")
def test_the_promoted_version_is_served_without_losing_a_request_and_taken_back(
    settings: Settings, called_by: Headers, letter: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)
    registry = Registry()
    for version in ("1.0", "2.0"):
        folder = tmp_path / version
        shutil.copytree(Bundle.open().folder, folder)
        description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        (folder / "model.json").write_text(json.dumps(description | {"version": version}), encoding="utf-8")
        registry.register(folder, metrics={"cer": 0.1})
    chosen = settings.model_copy(update={"model": "models:/inkread@champion", "model_poll_seconds": 3600})
    page = BytesIO()
    Image.open(BytesIO(letter)).crop((0, 140, 700, 220)).save(page, "PNG")
    with TestClient(prediction_app(chosen)) as client:
        when_ready(client)

        def read(_: int) -> tuple[int, str]:
            answer = client.post("/predict", files={"file": page.getvalue()}, headers=called_by("user"))
            return answer.status_code, answer.headers.get("x-inkread-model", "")

        def readers() -> int:
            return sum(process.name == "reader" for process in multiprocessing.active_children())

        assert read(0) == (200, f"inkread/{Bundle.open().model.version}"), "nothing is promoted: the bundled model"
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(read, range(30))
            registry.promote(1, "ada", "first")
            assert client.post("/model/refresh", headers=called_by("admin")).json()["version"] == "1.0"
            registry.promote(2, "ada", "better")
            assert client.post("/model/refresh", headers=called_by("admin")).json()["registered"] == 2
            assert {status for status, _ in answers} == {200}
        assert read(0) == (200, "inkread/2.0")
        registry.rollback("ada", "worse")
        client.post("/model/refresh", headers=called_by("admin"))
        assert read(0) == (200, "inkread/1.0")
        assert readers() == chosen.readers

        gc.disable()  # as where it does not come by itself for long
        damaged = client.post("/predict", files={"file": page.getvalue()[:500]}, headers=called_by("user"))
        registry.promote(2, "ada", "better")
        client.post("/model/refresh", headers=called_by("admin"))
        client.post("/model/refresh", headers=called_by("admin"))
        found = readers()
        gc.enable()
        assert (damaged.status_code, found) == (422, chosen.readers), "a failed request keeps no former model"
        registry.rollback("ada", "worse")
        client.post("/model/refresh", headers=called_by("admin"))

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with TestClient(prediction_app(chosen)) as client:
        when_ready(client)
        served = client.get("/model", headers=called_by("user")).json()
        assert served["version"] == "1.0", "without the registry, the version that was served last"
