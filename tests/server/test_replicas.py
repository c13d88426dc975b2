"""A page that one prediction service took and lost is read by another; what none takes is refused at once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx2
import psutil
import pytest
from fastapi import FastAPI, Request, Response
from prometheus_client import REGISTRY

from inkread.server.gateway import replicas as replicas_module
from inkread.server.gateway.app import gateway_app
from inkread.server.settings import Settings
from tests.server.servers import free_port, served, wait_until_ready

USER = ("user1", "1resu")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def prediction(status: int = 200, ready: int = 200) -> FastAPI:
    """A prediction service that says how many bytes it got."""
    app = FastAPI()

    @app.get("/readyz")
    def readyz() -> Response:
        return Response(status_code=ready)

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        return Response(str(len(await request.body())), status, {"Retry-After": "7"}, "text/plain")

    return app


@contextmanager
def dying(answer: bytes = b"", then: bytes | None = None) -> Iterator[tuple[str, Callable[[], int]]]:
    """A service that takes pages and dies before their answer ends; and how many it took.

    With ``then`` it dies once, and gives this answer to later pages.
    """
    taken = [0]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    head = connection.recv(65536)
                    if head.startswith(b"GET"):
                        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    else:
                        taken[0] += 1
                        connection.sendall(answer if then is None or taken[0] == 1 else then)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", lambda: taken[0]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@contextmanager
def gateway(settings: Settings, *urls: str) -> Iterator[httpx2.Client]:
    chosen = settings.model_copy(update={"prediction_url": ",".join(urls), "request_seconds": 20})
    with served(gateway_app(chosen)) as url, httpx2.Client(base_url=url, trust_env=False, timeout=60) as client:
        yield client


def post(client: httpx2.Client, size: int = 1000) -> httpx2.Response:
    return client.post("/predict", content=b"x" * size, auth=USER)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf of it"])
def test_a_page_that_was_accepted_and_lost_is_read_by_another(settings: Settings, answer: bytes) -> None:
    with dying(answer) as (bad, taken), served(prediction()) as good, gateway(settings, bad, good) as client:
        before = REGISTRY.get_sample_value("inkread_pages_sent_again_total") or 0
        size = 3 * 2**20  # kept on the disk
        answers = [post(client, size) for _ in range(4)]
        assert [(found.status_code, found.text) for found in answers] == [(200, str(size))] * 4
        assert taken() >= 1
        assert (REGISTRY.get_sample_value("inkread_pages_sent_again_total") or 0) - before == taken()


def test_a_lost_page_waits_for_the_only_service_to_come_back(settings: Settings) -> None:
    back = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nread"
    with dying(then=back) as (url, taken), gateway(settings, url) as client:
        assert post(client).text == "read"
        assert taken() == 2


def test_what_no_service_accepts_is_refused_at_once(settings: Settings) -> None:
    with gateway(settings, "http://127.0.0.1:9", "http://127.0.0.1:10") as client:
        begun = time.monotonic()
        answer = post(client)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert time.monotonic() - begun < 10
        assert client.get("/readyz").json()["detail"] == "the prediction service is not there"


@pytest.mark.parametrize("status", [429, 503])
def test_a_full_or_starting_service_is_passed_over(settings: Settings, status: int) -> None:
    with served(prediction(status)) as bad, served(prediction()) as good:
        with gateway(settings, bad, good) as client:
            assert [post(client).status_code for _ in range(4)] == [200] * 4
        with gateway(settings, bad, bad + "/") as client:
            answer = post(client)
            assert (answer.status_code, answer.headers["retry-after"]) == (status, "7"), "where all are, it is said"


def test_one_that_can_read_is_enough_to_be_ready(settings: Settings) -> None:
    with served(prediction(ready=503)) as starting, served(prediction()) as good:
        with gateway(settings, starting, good) as client:
            assert client.get("/readyz").status_code == 200
        with gateway(settings, starting) as client:
            assert client.get("/readyz").json()["detail"] == "the prediction service cannot read yet"


def test_a_service_that_hangs_loses_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas_module, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(replicas_module, "LOST_SECONDS", 1.0)
    with socket.socket() as hanging, served(prediction()) as good:
        hanging.bind(("127.0.0.1", 0))
        hanging.listen()
        hung = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        with gateway(settings, hung, good) as client, ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: post(client), range(4)))
        assert [answer.status_code for answer in answers] == [200] * 4


@contextmanager
def process(home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = (sys.executable, "-m", "inkread", "serve", "prediction", "--port", str(port))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INKREAD", "MLFLOW"))}
    environment = kept | {"INKREAD_HOME": str(home), "INKREAD_READERS": "1", "INKREAD_DECODERS": "1"}
    environment |= {"INKREAD_SECRET": "a secret of the tests, which is long enough", "INKREAD_THREADS": "1"}
    started = subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


@pytest.mark.system
def test_kill_of_a_prediction_process_loses_no_page(settings: Settings, letter: bytes, tmp_path: Path) -> None:
    """Two real processes; one is killed with -9 while it reads, and comes back while the second is killed."""
    ports = [free_port(), free_port()]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    chosen = settings.model_copy(update={"prediction_url": ",".join(urls), "request_seconds": 120})

    def up(url: str) -> bool:
        try:
            return httpx2.get(f"{url}/readyz", trust_env=False, timeout=30).is_success
        except httpx2.TransportError:
            return False

    def when(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 180
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    with ExitStack() as stack:
        first, second = (stack.enter_context(process(tmp_path / str(port), port)) for port in ports)
        when(lambda: all(map(up, urls)))
        url = stack.enter_context(served(gateway_app(chosen)))
        wait_until_ready(url)
        stop = threading.Event()
        answers: list[tuple[int, bool]] = []

        def client(_: int) -> None:
            while not stop.is_set():
                sent = {"file": ("letter.png", letter)}
                found = httpx2.post(f"{url}/predict?format=txt", files=sent, auth=USER, timeout=180, trust_env=False)
                answers.append((found.status_code, "Margaret" in found.text))

        def more_answers() -> None:
            begun = len(answers)
            when(lambda: len(answers) >= begun + 6)

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(client, number) for number in range(4)]
            for number, victim in enumerate((first, second)):
                more_answers()
                children = psutil.Process(victim.pid).children(recursive=True)
                victim.kill()
                victim.wait()
                if number == 0:
                    more_answers()
                    stack.enter_context(process(tmp_path / str(ports[0]), ports[0]))
                    when(lambda: up(urls[0]))
                psutil.wait_procs(children, timeout=30)
            more_answers()
            stop.set()
            for done in running:
                done.result()
    assert set(answers) == {(200, True)}, "no page was lost and none was read wrongly"
