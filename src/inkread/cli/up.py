"""``inkread up``: the whole stack on one machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from inkread.cli.terminal import print_table
from inkread.server.settings import ALERTS, load_settings
from inkread.server.stack import HOST, Supervisor, refuse_taken_ports, stack

READY_SECONDS = 300.0


def up(
    port_shift: Annotated[int, typer.Option(min=0, max=50_000, help="Added to every port.")] = 0,
) -> None:
    """Start all services on this machine, supervised, on loopback; Ctrl-C stops them.

    Example: inkread up
    """
    settings = load_settings(HOST)
    replicas, webhook = settings.prediction_replicas, settings.alert_webhook
    children = stack(settings.home, port_shift, webhook, replicas, settings.key(ALERTS), settings.mlflow_database_url)
    refuse_taken_ports(children)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    begun = time.monotonic()
    console = Console(stderr=True)
    logs = settings.home / "logs"
    with Supervisor(children, logs) as supervisor:
        with console.status("Starting …"):  # shows nothing where stderr is no terminal
            supervisor.wait_until_ready(READY_SECONDS, stop)
        if stop.is_set():
            return
        table = Table("service", "address", title=f"Inkread, ready after {time.monotonic() - begun:.0f} seconds")
        for child in children:
            table.add_row(child.name, child.url)
        print_table(table)
        gateway = next(child.url for child in children if child.name == "gateway")
        if settings.development:
            typer.echo(f"curl -u user1:1resu -F file=@page.png {gateway}/predict    # demo users: development only")
        typer.echo(f"Logs: {logs}{os.sep}; Ctrl-C stops everything.")
        supervisor.watch(stop)
        typer.echo("Stopping …")
