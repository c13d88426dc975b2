"""Documents survive kill -9 of gateway and prediction, and leave nobody else waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.server.servers import free_port

PAGES = Path(__file__).parents[1] / "pages"
OWNER = ("user1", "1resu")
COPIES = 12
pytestmark = pytest.mark.system


class Service:
    """A service in a process group of its own, to be killed and started again."""

    def __init__(self, name: str, home: Path, ports: dict[str, int]) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{ports[name]}"
        self._log = home / f"{name}.log"
        self._command = (sys.executable, "-m", "inkread", "serve", name, "--port", str(ports[name]))
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("INKREAD_")},
            "INKREAD_HOME": str(home),
            "INKREAD_READERS": "1",
            "INKREAD_DECODERS": "2",
            **{f"INKREAD_{key.upper()}_URL": f"http://127.0.0.1:{port}" for key, port in ports.items()},
        }
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self, path: str = "/readyz") -> None:
        until(lambda: answers(f"{self.url}{path}"), f"{self.name} does not get ready")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False, timeout=5).is_success
    except httpx2.TransportError:
        return False


def until(condition: Any, why: str, seconds: float = 300) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, why
        time.sleep(0.1)
    return found


@contextmanager
def stack(home: Path) -> Iterator[dict[str, Service]]:
    ports = {"prediction": free_port(), "gateway": free_port()}
    services = {name: Service(name, home, ports) for name in ports}
    try:
        for service in services.values():
            service.wait()
        yield services
    finally:
        for service in services.values():
            service.stop()


def letters(pages: int) -> bytes:
    """A PDF of real pages, each smaller than it was, so that a dozen are read in half a minute."""
    images = []
    for number in range(pages):
        names = sorted(PAGES.glob("*.webp"))
        image = Image.open(names[number % len(names)]).convert("L")
        image.thumbnail((700, 700))
        images.append(image)
    body = BytesIO()
    images[0].save(body, "PDF", save_all=True, append_images=images[1:])
    return body.getvalue()


def test_twelve_pages_survive_kill_9_of_both_services_at_any_moment(tmp_path: Path) -> None:
    with (
        stack(tmp_path) as services,
        httpx2.Client(base_url=services["gateway"].url, trust_env=False, timeout=60, auth=OWNER) as client,
    ):
        document = client.post("/documents", files={"file": ("letters.pdf", letters(COPIES))}).json()["id"]

        def done() -> int:
            return int(client.get(f"/documents/{document}").json()["pages_done"])

        services["gateway"].kill()  # while the file is taken apart
        services["gateway"].start()
        services["gateway"].wait("/healthz")
        seen = -1
        for name in ("gateway", "prediction", "gateway", "prediction"):
            seen = until(lambda before=seen: done() if done() > before else 0, "no page is read")
            services[name].kill()
            services[name].start()
            services["gateway"].wait("/healthz")
        services["prediction"].wait()
        until(lambda: done() > seen, "no page is read")
        services["prediction"].stop()  # politely: no page fails because the service ends
        services["prediction"].start()
        until(lambda: client.get(f"/documents/{document}").json()["state"] not in ("waiting", "reading"), "no end")
        found = client.get(f"/documents/{document}").json()
        assert (found["state"], found["error"], found["pages_total"]) == ("read", None, COPIES)
        assert [(page["number"], page["state"], page["revision"]) for page in found["pages"]] == [
            (number, "read", 1) for number in range(1, COPIES + 1)
        ]
        for number in range(1, COPIES + 1):
            versions = client.get(f"/documents/{document}/pages/{number}/versions").json()["versions"]
            assert [version["action"] for version in versions] == ["read"]
        text = client.get(f"/documents/{document}/result?format=json").json()
        assert [page["index"] for page in text["pages"]] == list(range(COPIES))

        assert client.delete(f"/documents/{document}").status_code == 204
        words = [line["text"].encode() for page in text["pages"] for line in page["regions"][0]["lines"][:1]]
        words = [word for word in words if len(word) > 12]
        assert len(words) > 5
        for path in tmp_path.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not [word for word in (*words, b"letters.pdf") if word in content], path
        assert not list((tmp_path / "documents").iterdir())


def test_single_pages_do_not_wait_for_a_long_document(tmp_path: Path) -> None:
    page = (PAGES / "note-1905-en.webp").read_bytes()
    with (
        stack(tmp_path) as services,
        httpx2.Client(base_url=services["gateway"].url, trust_env=False, timeout=120, auth=OWNER) as client,
    ):

        def seconds() -> float:
            begun = time.monotonic()
            assert client.post("/predict?format=txt", files={"file": ("note.webp", page)}).status_code == 200
            return time.monotonic() - begun

        alone = sorted(seconds() for _ in range(5))[2]
        document = client.post("/documents", files={"file": ("letters.pdf", letters(40))}).json()["id"]
        until(lambda: client.get(f"/documents/{document}").json()["pages_done"] > 0, "no page is read")
        beside = sorted(seconds() for _ in range(5))[2]
        found = client.get(f"/documents/{document}").json()
        assert found["state"] == "reading", "the document was read all the while"
        assert beside < 4 * alone, "one page of the document at most is before it"
        done = found["pages_done"]
        until(lambda: client.get(f"/documents/{document}").json()["pages_done"] > done, "the document goes on")
