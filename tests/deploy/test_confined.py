"""The services under the restrictions of their containers: another user, a read-only root, no capabilities.

What the images set and start comes from the Dockerfiles. The root is that of this machine, in a mount namespace of its
own, so no container engine is needed; the volume ``/data`` is an empty file system at ``/srv``.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image
from pydantic import SecretStr

from inkread.server.settings import Settings
from inkread.server.tokens import Identity, service_header
from tests.deploy.dockerfiles import read_dockerfile
from tests.deploy.tools import DEPLOY, ROOT
from tests.server.servers import free_port, wait_until_ready, when

HOME = "/srv"
IMAGES = {"gateway": "gateway", "prediction": "prediction", "ingestion": "pipeline", "training": "pipeline"}
SECRET = secrets.token_urlsafe(48)
USER = ("ada", "a long enough password")
CONFINED = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=1777,size=256m tmpfs /tmp
case "$PREFIX" in /root/*) # Python, where only root may enter
    mkdir /tmp/python
    mount --bind "$PREFIX" /tmp/python
    mount -t tmpfs -o mode=755 tmpfs /root
    mkdir -p "$PREFIX"
    mount --move /tmp/python "$PREFIX"
esac
(cat /etc/passwd; echo "inkread:x:10001:10001::/srv:/bin/sh") > /tmp/passwd
mount --bind /tmp/passwd /etc/passwd
mount -t tmpfs -o mode=0700,uid=10001,gid=10001 tmpfs /srv
mount -o remount,bind,ro /
cd /srv
exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""
STARTED = """
if touch /var/tmp/inkread 2>/dev/null; then echo "the root can be written to"; exit 9; fi
if [ "$INKREAD_SERVICE" = gateway ]; then
    printf %s "$INKREAD_PASSWORD" | "$0" -m inkread users add ada --role admin --password-stdin
fi
exec "$0" -m inkread "$@"
"""


def as_root() -> list[str]:
    """What a command begins with to be run by root."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None or subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("only root, or who may use sudo without a password, may make a read-only root")
    return [sudo, "-n"]


def environment(service: str, shared: dict[str, str]) -> dict[str, str]:
    """What the image of a service sets, with /data at another place, and what the Compose file adds."""
    said = read_dockerfile(DEPLOY / "docker" / f"{IMAGES[service]}.Dockerfile").all("ENV")[-1]
    values = dict(word.split("=", 1) for word in shlex.split(said))
    values = {name: value.replace("/data", HOME) for name, value in values.items() if name != "PATH"}
    return values | {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "INKREAD_SERVICE": service} | shared


@contextmanager
def confined(service: str, ports: dict[str, int], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The service of an image, started as its container would be."""
    start = read_dockerfile(DEPLOY / "docker" / f"{IMAGES[service]}.Dockerfile").start
    assert start[:2] == ["inkread", "serve"]
    arguments = ["serve", service, "--host", "127.0.0.1", "--port", str(ports[service])]
    shared = {
        "INKREAD_SECRET": SECRET,
        "INKREAD_PASSWORD": USER[1],
        "INKREAD_HEALTH_SCHEDULE": "",
        **{f"INKREAD_{name.upper()}_URL": f"http://127.0.0.1:{port}" for name, port in ports.items()},
    }
    settings = [f"{name}={value}" for name, value in environment(service, shared).items()]
    inside = ["env", "-i", *settings, "sh", "-c", STARTED, sys.executable, *arguments]
    prefix = f"PREFIX={sys.base_prefix}"
    command = [*as_root(), "env", prefix, "unshare", "--mount", "sh", "-c", CONFINED, "sh", *inside]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(120)


def admin() -> dict[str, str]:
    """The header with which the gateway asks in the name of an admin."""
    return service_header(Identity(USER[0], "admin"), Settings(secret=SecretStr(SECRET)))


@pytest.mark.system
def test_every_service_works_as_another_user_on_a_read_only_root(tmp_path: Path) -> None:
    ports = {name: free_port() for name in IMAGES}
    logs = {name: tmp_path / f"{name}.log" for name in IMAGES}
    line = BytesIO()
    Image.open(ROOT / "examples" / "letter.png").crop((100, 340, 1140, 410)).save(line, "PNG")
    files = {"file": ("line.png", line.getvalue())}
    gateway = f"http://127.0.0.1:{ports['gateway']}"
    with (
        confined("prediction", ports, logs["prediction"]) as prediction,
        confined("ingestion", ports, logs["ingestion"]) as ingestion,
        confined("training", ports, logs["training"]) as training,
        confined("gateway", ports, logs["gateway"]) as front,
    ):
        services = {"prediction": prediction, "ingestion": ingestion, "training": training, "gateway": front}

        def answers(name: str) -> bool:
            assert services[name].poll() is None, logs[name].read_text(encoding="utf-8")
            try:
                return httpx2.get(f"http://127.0.0.1:{ports[name]}/healthz", trust_env=False).is_success
            except httpx2.TransportError:
                return False

        for name in services:
            when(partial(answers, name), 300)
            wait_until_ready(f"http://127.0.0.1:{ports[name]}", 300)
        with httpx2.Client(base_url=gateway, auth=USER, trust_env=False, timeout=300) as client:
            read = client.post("/predict?format=txt", files=files)
            assert (read.status_code, read.text.strip() != "") == (200, True), read.text
            document = client.post("/documents", files=files).json()["id"]
            when(lambda: client.get(f"/documents/{document}").json()["state"] == "read", 300)
        # directly: without their common volume, training knows no job of ingestion
        with httpx2.Client(base_url=f"http://127.0.0.1:{ports['ingestion']}", trust_env=False, timeout=300) as client:
            asked = client.post("/ingest", data={"request": json.dumps({"writers": 3, "forms": 1})}, headers=admin())
            assert asked.status_code == 202, asked.text
            path = f"/jobs/{asked.json()['id']}"

            def begun() -> dict[str, Any] | None:
                job: dict[str, Any] = client.get(path, headers=admin()).json()
                return job if job["progress"] or job["state"] == "failed" else None

            job = when(begun, 900)
            assert job["state"] != "failed", job["message"]
            assert client.delete(path, headers=admin()).is_success, "one stage has run, the others would take minutes"
    assert {name: service.returncode for name, service in services.items()} == dict.fromkeys(services, 0)
