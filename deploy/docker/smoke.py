"""Asks a running stack, through its gateway, to read a page; exit status 0 where all is well.

Usage: ``python smoke.py PAGE`` in an environment with ``inkread`` and the services' settings
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

PATIENCE = float(os.environ.get("SMOKE_SECONDS", "120"))
PAUSE = 1.0
SERVICES = ("gateway", "ingestion", "training", "prediction")
USER = "smoke-test"


class SmokeError(Exception):
    """What is wrong, in one sentence."""


def address(service: str) -> str:
    """Where a service is."""
    return os.environ[f"INKREAD_{service.upper()}_URL"].rstrip("/")


def ask(url: str, data: bytes | None = None, **headers: str) -> bytes:
    """The body of the answer; SmokeError where it is no success."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, named), timeout=PATIENCE) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        raise SmokeError(f"{url} answers {error.code}: {error.read(300).decode(errors='replace')}") from None
    except OSError as error:
        raise SmokeError(f"{url} does not answer ({error})") from None


def wait_until_ready(service: str, seconds: float) -> None:
    """Return once a service can work."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            ask(f"{address(service)}/readyz")
            return
        except SmokeError:
            if time.monotonic() > deadline:
                raise
        time.sleep(PAUSE)


def users(*arguments: str, password: str = "") -> bool:
    """Call ``inkread users``; whether it did what it was asked to."""
    command = [sys.executable, "-m", "inkread", "users", *arguments]
    return subprocess.run(command, input=password, text=True, capture_output=True, check=False).returncode == 0


def log_in(password: str) -> str:
    """A token for the smoke test's own user, who is made or let in again for it."""
    added = users("add", USER, "--password-stdin", password=password)
    if not added and not (users("passwd", USER, "--password-stdin", password=password) and users("enable", USER)):
        raise SmokeError("the user of the smoke test cannot be made; is INKREAD_DATABASE_URL the gateway's?")
    form = urllib.parse.urlencode({"username": USER, "password": password}).encode()
    return str(json.loads(ask(f"{address('gateway')}/token", form))["access_token"])


def read_page(page: Path, token: str) -> list[str]:
    """The lines on a page."""
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{page.name}"\r\n\r\n'
    body = head.encode() + page.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}"
    text = ask(f"{address('gateway')}/predict?format=txt", body, Authorization=f"Bearer {token}", Content_Type=kind)
    return text.decode().splitlines()


def metrics_address(service: str) -> str:
    """Where a service has its metrics: the gateway on a port that is not public, where that is set."""
    port = os.environ.get("INKREAD_METRICS_PORT") if service == "gateway" else None
    return address(service) if port is None else f"{address(service).rpartition(':')[0]}:{port}"


def main(page: Path) -> None:
    """Run the test."""
    for service in SERVICES:
        if os.environ.get(f"INKREAD_{service.upper()}_URL"):
            wait_until_ready(service, PATIENCE)
            if b"http_requests_total" not in ask(f"{metrics_address(service)}/metrics"):
                raise SmokeError(f"{service} has no metrics")
            say(f"{service} is ready")
    try:
        lines = read_page(page, log_in(secrets.token_urlsafe(24)))
    finally:
        users("disable", USER)
    if not any(line.strip() for line in lines):
        raise SmokeError(f"nothing was read on {page}")
    say(f"{page.name}: {len(lines)} lines, the first is: {lines[0]}")


def say(text: str) -> None:
    """One line of what happened."""
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except SmokeError as error:
        sys.exit(f"smoke test: {error}")
