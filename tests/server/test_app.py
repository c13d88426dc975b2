"""What all services do around a request: ids, logs, metrics, problems, safe headers, bounded bodies."""

from __future__ import annotations

import json
import logging
import socket
import warnings
from collections.abc import Iterator

import pytest
import structlog
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from inkread.errors import InputTooLargeError
from inkread.server.app import create_app
from inkread.server.logs import configure_logs
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from tests.server.servers import served


def made(settings: Settings, reason: str = "") -> FastAPI:
    async def ready() -> str:
        return reason

    app = create_app("gateway", settings, ready=ready, body_mib=1)

    @app.get("/bug")
    def bug() -> None:
        raise ZeroDivisionError

    @app.get("/problem")
    def problem() -> None:
        raise ProblemError(429, "Busy", "wait", {"Retry-After": "3"})

    @app.get("/large")
    def large() -> None:
        raise InputTooLargeError("the file is too large")

    @app.get("/number/{number}")
    def number(number: int) -> int:
        return number

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    return app


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(made(settings)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/bug", 500, "report it with the request id"),
        ("/problem", 429, "wait"),
        ("/large", 413, "the file is too large"),
        ("/number/x", 422, "path.number"),
        ("/nowhere", 404, "Not Found"),
    ],
)
def test_every_error_is_a_problem_with_a_request_id(client: TestClient, path: str, status: int, detail: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert detail in problem["detail"]
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text


def test_a_plain_request_id_of_the_client_is_kept_and_others_are_not(client: TestClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "scan-17"}).headers["x-request-id"] == "scan-17"
    assert client.get("/healthz", headers={"X-Request-ID": 'x"}, {"level'}).headers["x-request-id"].isalnum()


def test_answers_forbid_what_a_browser_could_do_with_them(client: TestClient) -> None:
    headers = client.get("/problem").headers
    assert headers["retry-after"] == "3"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_metrics_have_the_labels_of_every_route_from_the_start(settings: Settings) -> None:
    with TestClient(made(settings)) as client:
        text = client.get("/metrics").text
        assert 'http_requests_total{handler="/number/{number}",method="GET",status="5xx"}' in text
        assert 'inkread_requests_rejected_total{reason="queue_full"}' in text
        client.get("/number/7")
        client.get("/secret/path")
        text = client.get("/metrics").text
    assert 'http_requests_total{handler="/number/{number}",method="GET",status="2xx"} 0.0' not in text
    assert "/secret/path" not in text, "paths that nobody serves must not become labels"


def test_invented_methods_make_no_new_series(client: TestClient) -> None:
    def series() -> set[str]:
        return {line.partition(" ")[0] for line in client.get("/metrics").text.splitlines() if "requests_total" in line}

    client.request("INVENTED", "/number/7")
    client.request("INVENTED", "/nowhere")
    before = series()
    for number in range(50):
        assert client.request(f"INVENTED{number}", "/number/7").status_code == 405
        assert client.request(f"INVENTED{number}", "/nowhere").status_code == 404
    assert series() == before


def test_a_service_that_cannot_work_yet_says_why(settings: Settings) -> None:
    with TestClient(made(settings, "the model is not loaded yet")) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "the model is not loaded yet"
    assert answer.headers["retry-after"]


def test_a_body_is_bounded_whether_its_length_is_announced_or_not(client: TestClient) -> None:
    assert client.post("/size", content=b"x" * 2**20).json() == 2**20
    for content in (b"x" * (2**20 + 1), (b"x" * 2**18 for _ in range(5))):
        answer = client.post("/size", content=content)
        assert answer.status_code == 413
        assert "1 MiB" in answer.json()["detail"]


def test_a_client_that_stops_sending_is_let_go(settings: Settings) -> None:
    app = made(settings.model_copy(update={"idle_seconds": 0.2}))
    with served(app) as url, socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as slow:
        slow.sendall(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        assert slow.recv(4096).startswith(b"HTTP/1.1 408")


def test_a_client_that_sends_a_byte_now_and_then_is_let_go(settings: Settings) -> None:
    app = made(settings.model_copy(update={"idle_seconds": 0.4}))
    with served(app) as url, socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as slow:
        slow.sendall(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert answered_while_dripping(slow).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "begun", [b"", b"GET /healthz HTTP/1.1\r\nX-", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /he"]
)
def test_a_connection_on_which_no_request_comes_is_closed(settings: Settings, begun: bytes) -> None:
    with (
        served(made(settings), 0.4) as url,
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as slow,
    ):
        slow.sendall(begun)
        if b"\r\n\r\n" in begun:
            answer = b""
            while not answer.endswith(b"}"):  # head and body may come one after the other
                answer += slow.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200"), "the first request is answered"
        assert answered_while_dripping(slow) == b""


def answered_while_dripping(slow: socket.socket) -> bytes:
    """What comes at last while a byte is sent five times a second; b"" where the connection is closed."""
    slow.settimeout(0.2)
    for _ in range(300):
        try:
            slow.sendall(b"a")
            return slow.recv(4096)
        except TimeoutError:
            continue
        except OSError:
            return b""
    raise AssertionError("the client is still served")


@pytest.mark.filterwarnings("default")
def test_logs_are_json_with_the_request_id(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers, root.level
    try:
        configure_logs("gateway")
        with TestClient(made(settings)) as client:
            client.get("/number/3", headers={"X-Request-ID": "scan-18"})
            client.get("/bug", headers={"X-Request-ID": "scan-19"})
            client.post("/size", content=b"12345", headers={"X-Request-ID": "scan-20"})
            client.get("/problem", headers={"X-Request-ID": "scan-21"})
        warnings.warn("something is deprecated", UserWarning, stacklevel=1)
        logging.getLogger("a.library").warning("a library says %s", "this")
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    finally:
        root.handlers, root.level = before
        logging.captureWarnings(False)
        structlog.reset_defaults()
    (request,) = [line for line in lines if line.get("request_id") == "scan-18"]
    assert (request["service"], request["path"], request["status"]) == ("gateway", "/number/3", 200)
    assert any(
        "ZeroDivisionError" in line.get("exception", "") for line in lines if line.get("request_id") == "scan-19"
    )
    assert any(line["event"] == "a library says this" for line in lines)
    assert any("something is deprecated" in line["event"] for line in lines)
    sizes = {line["request_id"]: (line["size"], line["outcome"]) for line in lines if line["event"] == "request"}
    assert sizes["scan-20"] == (5, "answered")
    assert sizes["scan-21"] == (0, "wait")
