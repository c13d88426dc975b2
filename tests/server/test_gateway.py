"""The gateway passes uploads and answers through, keeps roles apart, and says so when a service is away."""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image
from prometheus_client import REGISTRY
from pydantic import SecretStr

from inkread.bundle import Bundle
from inkread.errors import SettingsError
from inkread.evaluation.gate import Change, GoldLine, LineErrors, compare
from inkread.evaluation.text import Errors
from inkread.registry import Registry
from inkread.server.gateway.app import gateway_app
from inkread.server.gateway.storage import folder_sizes
from inkread.server.prediction.app import prediction_app
from inkread.server.settings import Settings
from inkread.server.users import Users
from tests.server.conftest import SECRET
from tests.server.servers import served, wait_until_ready

FORM = {"username": "user1", "password": "1resu"}
USER, ADMIN = ("user1", "1resu"), ("admin1", "1nimda")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a gateway with prediction behind it and no job services."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
        patch.chdir(home)
        settings = Settings(
            home=home, secret=SecretStr(SECRET), upload_mib=4, decoders=1, readers=1, model="models:/inkread@champion"
        )
        away = {"training_url": "http://127.0.0.1:9", "ingestion_url": "http://127.0.0.1:9"}
        with served(prediction_app(settings)) as prediction:
            wait_until_ready(prediction)
            with served(gateway_app(settings.model_copy(update={"prediction_url": prediction, **away}))) as url:
                yield url


@pytest.fixture
def client(gateway: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=gateway, trust_env=False, timeout=60) as client:
        yield client


def test_the_registry_may_be_away_and_clients_try_again(client: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    promotion = client.post("/models/1/promote", json={"why": "it"}, auth=ADMIN)
    for answer in (client.get("/models", auth=USER), promotion):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["detail"] == "the registry of models cannot be reached, try again"


def test_a_page_is_read_through_the_gateway(client: httpx2.Client, letter: bytes) -> None:
    answer = client.post("/predict?format=txt", files={"file": ("letter.png", letter)}, auth=USER)
    assert answer.status_code == 200
    assert "Margaret" in answer.text
    assert answer.headers["x-inkread-model"].startswith("inkread/")
    assert answer.headers["x-inkread-model-version"] == "1", "the bundled model is the first champion"
    assert client.get("/models", auth=USER).json()[-1]["sha256"].startswith(answer.headers["x-inkread-model-hash"])
    assert answer.headers["content-disposition"] == 'attachment; filename="letter.txt"'


def test_a_token_opens_what_the_password_opens(client: httpx2.Client) -> None:
    answer = client.post("/token", data={"username": "admin1", "password": "1nimda"})
    token = answer.json()
    assert token["token_type"] == "bearer"
    assert token["expires_in"] == 900
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert client.get("/models/audit", headers=headers).status_code in (200, 409)
    assert client.post("/token", data={"username": "admin1", "password": "wrong"}).status_code == 401


def test_problems_of_a_service_come_through(client: httpx2.Client) -> None:
    answer = client.post("/predict", files={"file": ("x.png", b"text")}, auth=USER, headers={"X-Request-ID": "scan-1"})
    assert answer.status_code == 415
    assert answer.json()["detail"].startswith("x.png: this is none of")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "scan-1"


def test_uploads_are_bounded(client: httpx2.Client) -> None:
    large = b"x" * (5 * 2**20)
    assert client.post("/predict", files={"file": ("x.png", large)}, auth=USER).status_code == 413
    chunks = (large[i : i + 2**16] for i in range(0, len(large), 2**16))
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    correction = client.put("/documents/x/pages/1", content=b"[" * (9 * 2**20), auth=USER)
    assert (correction.status_code, "8 MiB" in correction.json()["detail"]) == (413, True)
    assert client.post("/predict", content=chunks, auth=USER, headers=kind).status_code in (400, 413, 503)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/ingest"),
        ("POST", "/train"),
        ("GET", "/jobs"),
        ("GET", "/jobs/x"),
        ("DELETE", "/jobs/x"),
        ("POST", "/models/1/promote"),
        ("POST", "/models/rollback"),
        ("GET", "/models/audit"),
        ("GET", "/models/shadow"),
        ("GET", "/models/drift"),
        ("POST", "/models/1/shadow"),
        ("DELETE", "/models/shadow"),
        ("GET", "/models/1/changes"),
        ("GET", "/datasets"),
        ("GET", "/datasets/1"),
        ("GET", "/users"),
        ("POST", "/users"),
        ("PATCH", "/users/user1"),
        ("DELETE", "/users/user1/sessions"),
        ("GET", "/storage"),
    ],
)
def test_what_is_for_admins_is_for_nobody_else(client: httpx2.Client, method: str, path: str) -> None:
    assert client.request(method, path, json={}).status_code == 401
    assert client.request(method, path, json={}, auth=USER).status_code == 403


def test_a_service_that_is_away_is_to_be_tried_again(client: httpx2.Client) -> None:
    for method, path in (("POST", "/train"), ("GET", "/jobs"), ("DELETE", "/jobs/train-1")):
        answer = client.request(method, path, auth=ADMIN)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "try again" in answer.json()["detail"]


def test_pictures_are_opened_behind_the_gateway_only(settings: Settings) -> None:
    bomb = BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    files, form = {"file": ("bomb.png", bomb.getvalue())}, {"document": "{}"}
    away = settings.model_copy(update={"prediction_url": "http://127.0.0.1:9"})
    with (
        served(gateway_app(away)) as url,
        httpx2.Client(base_url=url, trust_env=False, auth=USER, timeout=60) as client,
    ):
        answers = [client.post(path, files=files, data=form) for path in ("/predict", "/convert?format=pdf")]
        kept = client.post("/documents", files=files)
    assert [answer.status_code for answer in answers] == [503, 503], "the size of the picture is found out behind it"
    assert kept.status_code == 202


def test_documentation_can_be_browsed_without_the_internet(client: httpx2.Client) -> None:
    page = client.get("/docs")
    assert "https://" not in page.text
    assert "'self'" in page.headers["content-security-policy"]
    for path in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/docs/files/{path}" in page.text
        assert client.get(f"/docs/files/{path}").status_code == 200
    described = client.get("/openapi.json").json()
    assert {"/token", "/predict", "/ingest", "/train", "/jobs/{job_id}", "/models", "/models/{version}/promote"} <= set(
        described["paths"]
    )
    assert {"OAuth2PasswordBearer", "HTTPBasic"} == set(described["components"]["securitySchemes"])


@pytest.mark.system
def test_a_shadow_reads_beside_the_champion_and_a_broken_one_harms_nobody(
    settings: Settings, letter: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)
    chosen = settings.model_copy(update={"model": "models:/inkread@champion", "shadow_share": 1.0})
    description = json.loads((Bundle.open().folder / "model.json").read_text(encoding="utf-8"))
    line = BytesIO()
    Image.open(BytesIO(letter)).crop((0, 140, 700, 220)).save(line, "PNG")
    changes: dict[str, dict[str, object]] = {
        "without language model": {"decoding": {"language_model_weight": 0.0}},
        "broken": {"alphabet": "ab"},
    }
    with served(prediction_app(chosen)) as prediction:
        wait_until_ready(prediction)
        registry = Registry()
        for name, change in changes.items():
            folder = Path(shutil.copytree(Bundle.open().folder, tmp_path / name))
            (folder / "model.json").write_text(json.dumps(description | change), encoding="utf-8")
            registry.register(folder)
        with (
            served(gateway_app(chosen.model_copy(update={"prediction_url": prediction}))) as url,
            httpx2.Client(base_url=url, trust_env=False, timeout=120) as client,
        ):

            def read() -> str:
                answer = client.post("/predict?format=txt", files={"file": line.getvalue()}, auth=USER)
                assert answer.status_code == 200
                return answer.text

            def report(until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
                deadline = time.monotonic() + 300
                while not until(found := client.get("/models/shadow", auth=ADMIN).json()):
                    assert time.monotonic() < deadline, found
                    time.sleep(1)
                return dict(found)

            before = read()
            assert client.get("/models/shadow", auth=ADMIN).json()["version"] is None
            assert client.post("/models/champion/shadow", json={}, auth=ADMIN).status_code == 409
            asked = client.post("/models/2/shadow", json={"why": "is the language model of use?"}, auth=ADMIN)
            assert asked.json() == {"version": 2}
            report(lambda found: found["reading"] == 1)
            assert read() == before
            found = report(lambda found: found["pages"] == 1)
            assert (found["champion"], found["services"], found["share"], found["problem"]) == (1, 1, 1.0, "")
            assert 0 < found["seconds"] < 3 * found["champion_seconds"]
            assert 0 < found["confidence"] != found["champion_confidence"] > 0
            metrics = httpx2.get(f"{prediction}/metrics", trust_env=False).text
            assert re.search(r"inkread_shadow_page_cer_count [1-9]", metrics)
            words = set(re.findall(r"\w{5,}", before))
            kept = [path.read_text(encoding="utf-8") for path in (tmp_path / "shadow").rglob("*") if path.is_file()]
            assert kept, "the figures outlive a restart"
            assert not words & set(re.findall(r"\w{5,}", " ".join(kept)))

            client.post("/models/3/shadow", json={"why": "by mistake"}, auth=ADMIN)
            for _ in range(6):  # it is given up after five pages, if it started at all
                assert read() == before
            found = report(lambda found: bool(found["problem"]))
            assert (found["version"], found["reading"], found["pages"]) == (3, 0, 0)
            assert read() == before
            assert client.delete("/models/shadow?why=enough", auth=ADMIN).json() == {"version": 3}
            assert client.delete("/models/shadow", auth=ADMIN).json() == {"version": None}
            report(lambda found: found["version"] is None and not found["problem"])
            assert client.post("/models/2/shadow", json={}, auth=USER).status_code == 403
            actions = [row["action"] for row in client.get("/models/audit", auth=ADMIN).json()]
            assert actions[-3:] == ["shadow", "shadow", "unshadow"]


def test_models_are_promoted_served_and_taken_back_with_a_trail(client: httpx2.Client, tmp_path: Path) -> None:
    registry = Registry()
    for version, cer in (("1.0", 0.1), ("2.0", 0.3)):
        folder = tmp_path / version
        shutil.copytree(Bundle.open().folder, folder)
        description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        (folder / "model.json").write_text(json.dumps(description | {"version": version}), encoding="utf-8")
        registry.register(folder, metrics={"cer": cer}, data_hash="d")
    assert [item["version"] for item in client.get("/models", auth=USER).json()] == [3, 2, 1]
    unknown = client.post("/models/2/promote", json={"why": "first"}, auth=ADMIN)
    assert (unknown.status_code, "compared with nothing" in unknown.json()["detail"]) == (409, True)
    first = {"why": "first", "force": True}
    assert client.post("/models/2/promote", json=first, auth=ADMIN).json() == {"version": 2, "served": True}
    lines = [GoldLine(f"letter {number}") for number in range(9)]
    of = {cer: [LineErrors(Errors(int(cer * 40), 0, 0, 40), Errors(1, 0, 0, 7))] * 9 for cer in (0.1, 0.3)}
    registry.keep_comparison(3, compare(2, lines, of[0.3], of[0.1]))
    worse = client.post("/models/challenger/promote", json={"why": "hope"}, auth=ADMIN)
    assert worse.status_code == 409
    assert "reads worse" in worse.json()["detail"]
    assert [(row["cer"], row["champion_cer"]) for row in worse.json()["table"]] == [(0.3, 0.1)]
    silent = client.post("/models/3/promote", json={"force": True}, auth=ADMIN)
    assert (silent.status_code, "say why" in silent.json()["detail"]) == (409, True)
    asked = {"why": "for registers", "force": True}
    forced = [client.post("/models/3/promote", json=asked, auth=ADMIN).json() for _ in range(2)]
    assert forced == [{"version": 3, "served": True}] * 2
    back = {"why": "complaints", "version": 3}
    assert [client.post("/models/rollback", json=back, auth=ADMIN).json()["version"] for _ in range(2)] == [2, 2]
    described = client.get("/models/3", auth=USER).json()
    assert (described["model"], described["metrics"][0]["split"]) == ("2.0", "test")
    change = Change("letter 1", "Dear Sir", "Deer Sir", "Dear Sir", 1, 0, "data:image/webp;base64,")
    registry.keep_changes(3, [change], "<p>report</p>")
    assert client.get("/models/3/changes", auth=USER).status_code == 403, "gold pages are for admins"
    assert client.get("/models/3/changes", auth=ADMIN).json() == [asdict(change)]
    assert client.get("/models/2/changes", auth=ADMIN).json() == []
    assert client.get("/models/9", auth=USER).status_code == 409
    assert client.post("/models/nonsense/promote", json={}, auth=ADMIN).status_code == 409
    assert client.post("/models/9/promote", json={}, auth=ADMIN).status_code == 409
    rows = client.get("/models/audit", auth=ADMIN).json()
    trail = [
        (row["action"], row["who"], row["why"].partition(" (overruled: version")[0])
        for row in rows
        if row["action"] not in ("register", "refuse")
    ]
    assert [row["who"] for row in rows if row["action"] == "refuse"] == ["admin1"] * 2
    assert trail == [
        ("promote", "inkread", "the bundled model is the first champion"),
        ("promote", "admin1", "first"),
        ("promote", "admin1", "for registers"),
        ("rollback", "admin1", "complaints"),
    ]


def test_ready_means_that_pages_can_be_read_and_users_known(settings: Settings, tmp_path: Path) -> None:
    with served(gateway_app(settings.model_copy(update={"prediction_url": "http://127.0.0.1:9"}))) as url:
        assert httpx2.get(f"{url}/readyz", trust_env=False).json()["detail"] == "the prediction service is not there"
    database = tmp_path / "else" / "users.db"
    database.parent.mkdir()
    with served(prediction_app(settings)) as prediction:
        chosen = settings.model_copy(update={"prediction_url": prediction, "database_url": f"sqlite:///{database}"})
        with served(gateway_app(chosen)) as url, httpx2.Client(base_url=url, trust_env=False) as client:
            early = client.get("/readyz")
            assert early.status_code == 200 or early.json()["detail"] == "the prediction service cannot read yet"
            wait_until_ready(url)
            database.write_bytes(b"no database any more" * 1000)
            for answer in (client.get("/readyz"), client.get("/models", auth=USER), client.post("/token", data=FORM)):
                assert answer.status_code == 503
                assert answer.json()["detail"] == "the database of users cannot be reached, try again"
                assert answer.headers["retry-after"]


def test_work_of_a_client_that_goes_away_is_dropped(settings: Settings, letter: bytes) -> None:
    prediction_side = prediction_app(settings)
    with served(prediction_side) as prediction:
        wait_until_ready(prediction)
        with served(gateway_app(settings.model_copy(update={"prediction_url": prediction}))) as url:
            wait_until_ready(url)

            def waiting() -> float:
                value = REGISTRY.get_sample_value("inkread_queue_pages")
                assert value is not None
                return value

            pages = BytesIO()
            page = Image.open(BytesIO(letter)).convert("L")
            page.save(pages, "TIFF", save_all=True, append_images=[page] * 30, compression="tiff_lzw")
            host, _, port = url.removeprefix("http://").partition(":")
            with socket.create_connection((host, int(port))) as impatient:
                body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.tif"\r\n\r\n'
                body += pages.getvalue() + b"\r\n--b--\r\n"
                login = base64.b64encode(":".join(USER).encode()).decode()
                head = (
                    f"POST /predict HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n"
                    f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                impatient.sendall(head.encode() + body)
                until(lambda: waiting() > 1)
            until(lambda: waiting() == 0)
            read = REGISTRY.get_sample_value("inkread_pages_total")
            answer = httpx2.post(f"{url}/predict", files={"file": letter}, auth=USER, timeout=120, trust_env=False)
            assert answer.status_code == 200
            assert (REGISTRY.get_sample_value("inkread_pages_total") or 0) - (read or 0) < 12


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)


def test_production_knows_no_demo_user(settings: Settings) -> None:
    production = settings.model_copy(update={"environment": "production"})
    gateway_app(production)
    assert Users(production.users_url).all() == []
    gateway_app(settings)
    with pytest.raises(SettingsError, match="demo password"):
        gateway_app(production)


def test_a_key_is_made_used_counted_listed_and_revoked(client: httpx2.Client, letter: bytes) -> None:
    asked = {"name": "scanner", "scopes": ["predict"], "pages_a_day": 1}
    made = client.post("/keys", json=asked, auth=USER)
    assert made.status_code == 201
    header = {"Authorization": f"Bearer {made.json()['text']}"}
    statuses = [
        client.post("/predict?format=txt", files={"file": letter}, headers=header).status_code for _ in range(2)
    ]
    assert statuses == [200, 429]
    (listed,) = client.get("/keys", auth=USER).json()
    assert (listed["pages_today"], listed["requests_today"], "secret" in str(listed)) == (1, 1, False)
    assert client.get("/keys", auth=ADMIN).json() == []
    assert client.get("/keys?everybody=true", auth=USER).status_code == 403
    assert client.get("/keys?everybody=true", auth=ADMIN).json() == [listed]
    assert client.get("/keys", headers=header).status_code == 403, "a key for pages makes no keys"
    assert client.post("/keys", json=asked | {"scopes": ["jobs"]}, auth=USER).status_code == 422
    place = f"/keys/{made.json()['key']['id']}"
    assert [client.delete(place, auth=who).status_code for who in (USER, USER)] == [204, 404]
    assert client.post("/predict", files={"file": letter}, headers=header).status_code == 401


def test_a_token_ends_with_the_log_out(client: httpx2.Client) -> None:
    token = client.post("/token", data=FORM).json()["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    steps = (("GET", "/models"), ("DELETE", "/token"), ("GET", "/models"))
    statuses = [client.request(verb, path, headers=header).status_code for verb, path in steps]
    assert statuses == [200, 204, 401]


def test_an_admin_adds_changes_and_shuts_out_users(client: httpx2.Client) -> None:
    eve = {"name": "eve", "password": "correct horse battery"}
    made = client.post("/users", json=eve, auth=ADMIN)
    assert (made.status_code, made.json()["role"], made.json()["sessions"]) == (201, "user", 0)
    assert client.post("/users", json=eve, auth=ADMIN).status_code == 409
    assert client.post("/users", json={"name": "fay", "password": "short"}, auth=ADMIN).status_code == 422

    def log_in() -> dict[str, str]:
        form = {"username": eve["name"], "password": eve["password"]}
        return {"Authorization": f"Bearer {client.post('/token', data=form).json()['access_token']}"}

    header = log_in()
    listed = {user["name"]: user for user in client.get("/users", auth=ADMIN).json()}
    assert (listed["eve"]["sessions"], "password" in str(listed)) == (1, False)
    changed = client.patch("/users/eve", json={"role": "admin"}, auth=ADMIN)
    assert (changed.json()["role"], changed.json()["sessions"]) == ("admin", 0)
    assert client.get("/models", headers=header).status_code == 401, "a session under the old role ends"
    header = log_in()
    assert client.get("/users", headers=header).status_code == 200
    assert client.delete("/users/eve/sessions", auth=ADMIN).status_code == 204
    assert client.get("/users", headers=header).status_code == 401
    for change in ({"role": "user"}, {"disabled": True}):
        own = client.patch("/users/eve", json=change, auth=("eve", eve["password"]))
        assert (own.status_code, "another admin" in own.json()["detail"]) == (409, True)
    assert client.patch("/users/eve", json={"disabled": True}, auth=ADMIN).json()["disabled"]
    assert client.get("/users", auth=("eve", eve["password"])).status_code == 401
    assert client.patch("/users/nobody", json={}, auth=ADMIN).status_code == 404
    assert client.patch("/users/eve", json={"name": "adam"}, auth=ADMIN).status_code == 422


def test_storage_says_what_is_kept_of_whom(client: httpx2.Client, letter: bytes, tmp_path: Path) -> None:
    before = {owner["user"]: owner["bytes"] for owner in client.get("/storage", auth=ADMIN).json()["owners"]}
    document = client.post("/documents", files={"file": ("a.png", letter)}, auth=USER).json()["id"]
    found = client.get("/storage", auth=ADMIN).json()
    owners = {owner["user"]: owner for owner in found["owners"]}
    assert owners["user1"]["bytes"] >= before.get("user1", 0) + len(letter)
    assert found["disk_total"] > found["disk_free"] > 0
    assert {"documents", "files"} <= {folder["name"] for folder in found["folders"]}
    client.delete(f"/documents/{document}", auth=USER)

    for name in ("datasets", "pipeline"):
        (tmp_path / name).mkdir()
    (tmp_path / "datasets" / "a").write_bytes(b"x" * 100_000)
    (tmp_path / "pipeline" / "a").hardlink_to(tmp_path / "datasets" / "a")
    sizes = {folder.name: folder.bytes for folder in folder_sizes(tmp_path)}
    assert (sizes["datasets"] >= 100_000, sizes["pipeline"]) == (True, 0), "what has two links takes its space once"


def test_what_is_no_upload_is_small_also_before_it_is_known_who_asks(client: httpx2.Client) -> None:
    large = b'{"why": "' + b"x" * (5 * 2**20) + b'"}'
    for path in ("/models/1/promote", "/keys", "/alerts", "/token"):
        answer = client.post(path, content=large, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413, path


def test_production_shows_metrics_and_docs_only_where_it_is_told_to(settings: Settings) -> None:
    production = settings.model_copy(update={"environment": "production"})
    paths = ("/metrics", "/docs", "/openapi.json", "/docs/files/swagger-ui.css")
    shown = production.model_copy(update={"public_metrics": True, "public_docs": True})
    for chosen, status in ((production, 404), (shown, 200)):
        with served(gateway_app(chosen)) as url:
            assert {httpx2.get(url + path, trust_env=False).status_code for path in paths} == {status}
            assert httpx2.get(f"{url}/healthz", trust_env=False).status_code == 200


def test_only_names_that_are_ours_are_answered(settings: Settings) -> None:
    chosen = settings.model_copy(update={"allowed_hosts": ("inkread.example.org", "*.intern")})
    with served(gateway_app(chosen)) as url:

        def status(host: str, path: str = "/") -> int:
            return httpx2.get(url + path, headers={"Host": host}, trust_env=False).status_code

        assert [status(host) for host in ("inkread.example.org", "INKREAD.example.org:8000", "a.intern")] == [200] * 3
        assert [status(host) for host in ("evil.example", "inkread.example.org.evil.example", "intern")] == [400] * 3
        assert status("evil.example", "/healthz") == 200, "the machine's own checks use any name"


def test_an_alert_reaches_the_page_the_file_and_the_log_and_nobody_else_sends_any(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    sent = {
        "version": "4",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "DiskFilling", "service": "<b>node</b>"},
                "annotations": {"summary": "less than 10 % is free"},
                "startsAt": "2026-11-29T20:00:00Z",
                "fingerprint": "x",
            }
        ],
    }
    with served(gateway_app(settings)) as url, httpx2.Client(base_url=url, trust_env=False) as client:
        assert "There has been no alert" in client.get("/alerts", auth=ADMIN, headers={"Accept": "text/html"}).text
        assert client.post("/alerts", json=sent).status_code == 401
        assert client.post("/alerts", json=sent, auth=ADMIN).status_code == 401
        header = {"Authorization": f"Bearer {settings.key('alerts')}"}
        assert client.post("/alerts", json=sent, headers=header).status_code == 204
        assert client.post("/alerts", json={"alerts": [{"status": "loud"}]}, headers=header).status_code == 422
        assert client.get("/alerts", auth=USER).status_code == 403
        (alert,) = client.get("/alerts", auth=ADMIN).json()
        assert (alert["status"], alert["labels"]["alertname"]) == ("firing", "DiskFilling")
        page = client.get("/alerts", auth=ADMIN, headers={"Accept": "text/html"}).text
        assert "less than 10 % is free" in page
        assert "<b>node</b>" not in page
    assert "DiskFilling" in (settings.home / "alerts.jsonl").read_text()
    assert "DiskFilling" in capfd.readouterr().out
