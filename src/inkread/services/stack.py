"""All services of one machine, with MLflow and what monitoring is installed.

Usage: ``children = stack(home, shift=0)``
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from inkread.errors import SettingsError
from inkread.monitoring.scraping import local_monitoring
from inkread.services.settings import PORTS, SERVICES
from inkread.services.supervisor import Child

HOST = "127.0.0.1"
CHAMPION = "models:/inkread@champion"


def stack(home: Path, shift: int, webhook: str = "") -> list[Child]:
    """The children of ``inkread up``.

    Args:
        home: what they keep is below it.
        shift: added to every port, for a second stack beside the first.
        webhook: where alerts are sent.
    """
    ports = {name: port + shift for name, port in PORTS.items()}
    environment = {
        "INKREAD_HOME": str(home),
        "INKREAD_MODEL": os.environ.get("INKREAD_MODEL") or CHAMPION,
        **{f"INKREAD_{name.upper()}_URL": f"http://{HOST}:{ports[name]}" for name in SERVICES},
    }
    children = []
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        environment["MLFLOW_TRACKING_URI"] = f"http://{HOST}:{ports['mlflow']}"
        children.append(_mlflow(home, ports["mlflow"]))
    command = (sys.executable, "-m", "inkread", "serve")
    children += [
        Child(
            name,
            (*command, name, "--host", HOST, "--port", str(ports[name])),
            f"http://{HOST}:{ports[name]}",
            f"http://{HOST}:{ports[name]}/readyz",
            environment,
        )
        for name in reversed(SERVICES)
    ]
    watched = {name: ports[name] for name in SERVICES}
    programs = local_monitoring(home / "monitoring", watched, shift=shift, webhook=webhook)
    return children + [Child(item.name, item.command, item.url, item.ready) for item in programs]


def refuse_taken_ports(children: list[Child]) -> None:
    """Raise SettingsError where something listens on a port that is needed."""
    for child in children:
        port = int(child.url.rpartition(":")[2])
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                raise SettingsError(
                    f"port {port}, which {child.name} needs, is taken; stop what listens there, or use --port-shift 100"
                ) from None


def _mlflow(home: Path, port: int) -> Child:
    folder = home / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    url = f"http://{HOST}:{port}"
    command = (
        *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts")),
    )
    # without the first it takes 10 processes and 2.3 GB
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return Child("mlflow", command, url, f"{url}/health", environment)
