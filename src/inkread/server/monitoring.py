"""Prometheus, Alertmanager and the node exporter beside the services of one machine, with the rules of ``deploy/``.

Usage: ``for program in local_monitoring(home / "monitoring", services={"gateway": (8000,)}): print(program.command)``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from shutil import which
from typing import Any

import yaml

from inkread.errors import SettingsError
from inkread.io.files import write_bytes

HOST = "127.0.0.1"
PORTS = {"prometheus": 9090, "alertmanager": 9093, "node": 9100}
PROGRAMS = {
    "prometheus": ("prometheus",),
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
    "node": ("prometheus-node-exporter", "node_exporter"),
}
"""Under which names Debian and the projects' own archives install them."""
RETENTION = "30d"
INTERVAL = "15s"
CHECKOUT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Program:
    """One program of monitoring that is installed.

    Attributes:
        name: prometheus, alertmanager or node.
        command: with its arguments.
        url: address for people.
        ready: address that answers 200 once it can work.
    """

    name: str
    command: tuple[str, ...]
    url: str
    ready: str


def local_monitoring(
    folder: Path,
    services: Mapping[str, Sequence[int]],
    *,
    shift: int = 0,
    webhook: str = "",
    receiver: str = "",
    token: str = "",
) -> list[Program]:
    """Write the configuration of the programs that are installed, and say how to start them.

    Args:
        folder: for configuration and what they keep.
        services: ports on loopback by service.
        shift: added to the programs' own ports, for a second stack beside the first.
        webhook: address that alerts are sent to besides.
        receiver: address of the gateway that shows alerts; where neither is given, Alertmanager shows them.
        token: with which it takes them.

    Raises:
        OutputError: the folder cannot be written.
        SettingsError: this installation has no rules.
    """
    ports = {name: port + shift for name, port in PORTS.items()}
    found = {name: path for name, names in PROGRAMS.items() if (path := _installed(names))}
    if "prometheus" not in found:
        return []
    scraped = {**services, **{name: (ports[name],) for name in found}}
    rules = []
    for source in rule_files():
        write_bytes(folder / "rules" / source.name, source.read_bytes())
        rules.append(f"rules/{source.name}")
    alertmanager = ports["alertmanager"] if "alertmanager" in found else None
    _write(folder / "prometheus.yml", prometheus_config(scraped, rules, alertmanager))
    token_file = folder / "alert-token"
    if receiver:
        token_file.touch(mode=0o600)
        token_file.write_text(token, encoding="utf-8")
    _write(folder / "alertmanager.yml", alertmanager_config(webhook, receiver, token_file))
    arguments = {
        "prometheus": (
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--storage.tsdb.retention.time={RETENTION}",
        ),
        "alertmanager": (
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            "--cluster.listen-address=",  # one machine: nothing to gossip with, and no open port
        ),
        "node": (),
    }
    programs = []
    for name, path in found.items():
        url = f"http://{HOST}:{ports[name]}"
        command = (path, "--log.format=json", f"--web.listen-address={HOST}:{ports[name]}", *arguments[name])
        programs.append(Program(name, command, url, f"{url}/" if name == "node" else f"{url}/-/ready"))
    return programs


def prometheus_config(
    scraped: Mapping[str, Sequence[int]], rules: Sequence[str] = (), alertmanager: int | None = None
) -> dict[str, Any]:
    """Prometheus's configuration for programs on loopback.

    Args:
        scraped: ports by the name of the job.
        rules: files with rules, relative to the configuration.
        alertmanager: its port, None where there is none.
    """
    config: dict[str, Any] = {
        "global": {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL},
        "rule_files": list(rules),
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": [f"{HOST}:{port}" for port in ports]}]}
            for name, ports in scraped.items()
        ],
    }
    if alertmanager is not None:
        targets = [{"static_configs": [{"targets": [f"{HOST}:{alertmanager}"]}]}]
        config["alerting"] = {"alertmanagers": targets}
    return config


def alertmanager_config(webhook: str = "", receiver: str = "", token_file: Path | None = None) -> dict[str, Any]:
    """The routes and inhibitions of ``deploy/alertmanager``; without an address it sends nothing.

    Args:
        webhook: address that takes alerts from everybody.
        receiver: the gateway's address for alerts.
        token_file: with what it asks for.
    """
    config: dict[str, Any] = yaml.safe_load(_shipped("alertmanager/alertmanager.yml").read_text(encoding="utf-8"))
    hooks: list[dict[str, Any]] = [{"url": webhook, "send_resolved": True}] if webhook else []
    if receiver:
        credentials = {"authorization": {"credentials_file": str(token_file)}}
        hooks.append({"url": receiver, "send_resolved": True, "http_config": credentials})
    for told in config["receivers"]:
        told.pop("webhook_configs")
        if hooks:
            told["webhook_configs"] = hooks
    return config


def rule_files() -> list[Path]:
    """The recording rules and alerts of this installation."""
    return sorted(_shipped("prometheus/rules").glob("*.yml"))


def _shipped(name: str) -> Path:
    """A file or folder of ``deploy/``: of the wheel, or of the checkout that the package is installed from."""
    installed = Path(str(resources.files("inkread.server"))) / "deploy"
    for folder in (installed, CHECKOUT / "deploy"):
        if (folder / name).exists():
            return folder / name
    raise SettingsError(f"{name} is missing in this installation, install inkread again")


def _installed(names: Sequence[str]) -> str:
    return next((path for name in names if (path := which(name))), "")


def _write(path: Path, config: Mapping[str, Any]) -> None:
    write_bytes(path, yaml.safe_dump(dict(config), sort_keys=False).encode())
