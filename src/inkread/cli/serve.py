"""``inkread serve``: one service."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server

from inkread.server.connections import bounded_connections
from inkread.server.logs import configure_logs
from inkread.server.settings import PORTS, Settings, load_settings
from inkread.server.tracing import start_tracing

DRAIN_SECONDS = 30
MLFLOW_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    # what it prints is no JSON
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


class Service(StrEnum):
    """What can be served."""

    gateway = "gateway"
    ingestion = "ingestion"
    training = "training"
    prediction = "prediction"


MODULES = {
    Service.gateway: "gateway.app",
    Service.ingestion: "jobs.app",
    Service.training: "jobs.app",
    Service.prediction: "prediction.app",
}


def serve(
    service: Annotated[Service, typer.Argument(help="Which one.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than loopback need production.")
    ] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Else 8000, 8100, 8200 or 8300.")] = None,
) -> None:
    """Start one service: gateway, ingestion, training or prediction.

    Example: inkread serve prediction --port 8300
    """
    for name, value in MLFLOW_SETTINGS.items():
        os.environ.setdefault(name, value)
    settings = load_settings(host)
    configure_logs(service.value)
    _use_temporary_folder(settings.home / "tmp" / f"{service.value}-{port or PORTS[service.value]}")
    make: Callable[[Settings], FastAPI] = getattr(
        import_module(f"inkread.server.{MODULES[service]}"), f"{service.value}_app"
    )
    if settings.traces_url:
        start_tracing(service.value, settings.traces_url)
    if service is Service.gateway and settings.metrics_port:
        start_http_server(settings.metrics_port, host)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again once it has shut down
    try:
        uvicorn.run(
            make(settings),
            host=host,
            port=port or PORTS[service.value],
            http=bounded_connections(settings.idle_seconds),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    except (KeyboardInterrupt, SystemExit) as ended:
        sys.stderr.flush()
        # not sys.exit: the thread of a job waits for its successor, see inkread.server.jobs.workflows
        os._exit(ended.code if isinstance(ended, SystemExit) and isinstance(ended.code, int) else 0)


def _use_temporary_folder(folder: Path) -> None:
    """Keep temporary files beside what the service keeps, where there is room for uploads, and remove those before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    get_temp_dir()  # for the sockets of multiprocessing, whose paths must be short
    os.environ["TMPDIR"] = str(folder)  # for worker processes too
    tempfile.tempdir = None
