from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from inkread.server.monitoring import alertmanager_config, local_monitoring, prometheus_config
from tests.deploy.tools import tool

WHICH = "inkread.server.monitoring.which"
SERVICES = {"gateway": (8000,), "prediction": (8300,)}


@pytest.fixture
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WHICH, lambda name, **_: f"/usr/bin/{name}")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.usefixtures("all_installed")
def test_services_and_monitoring_are_scraped_on_loopback(tmp_path: Path) -> None:
    local_monitoring(tmp_path, SERVICES, shift=100)
    jobs = {
        job["job_name"]: job["static_configs"][0]["targets"]
        for job in read(tmp_path / "prometheus.yml")["scrape_configs"]
    }
    assert jobs == {
        "gateway": ["127.0.0.1:8000"],
        "prediction": ["127.0.0.1:8300"],
        "prometheus": ["127.0.0.1:9190"],
        "alertmanager": ["127.0.0.1:9193"],
        "node": ["127.0.0.1:9200"],
    }


@pytest.mark.usefixtures("all_installed")
def test_every_program_listens_on_loopback_only(tmp_path: Path) -> None:
    programs = local_monitoring(tmp_path, SERVICES)
    assert [program.name for program in programs] == ["prometheus", "alertmanager", "node"]
    for program in programs:
        assert f"--web.listen-address={program.url.removeprefix('http://')}" in program.command
        assert program.ready.startswith("http://127.0.0.1:")


def test_without_prometheus_there_is_no_monitoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "inkread.server.monitoring.which", lambda name: None if name == "prometheus" else f"/usr/bin/{name}"
    )
    assert local_monitoring(tmp_path, SERVICES) == []
    assert list(tmp_path.iterdir()) == []


def test_without_alertmanager_alerts_are_only_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "inkread.server.monitoring.which", lambda name: "/usr/bin/prometheus" if name == "prometheus" else None
    )
    assert [program.name for program in local_monitoring(tmp_path, SERVICES)] == ["prometheus"]
    assert "alerting" not in read(tmp_path / "prometheus.yml")


@pytest.mark.usefixtures("all_installed")
def test_prometheus_finds_configuration_and_rules_valid(tmp_path: Path) -> None:
    local_monitoring(tmp_path, SERVICES)
    answer = subprocess.run(
        [tool("promtool"), "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "2 rule files found" in answer.stdout


@pytest.mark.parametrize("webhook", ["", "http://127.0.0.1:9095/alerts"])
@pytest.mark.parametrize("receiver", ["", "http://127.0.0.1:8000/alerts"])
def test_alertmanager_finds_its_configuration_valid(webhook: str, receiver: str, tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yml"
    config = alertmanager_config(webhook, receiver, tmp_path / "alert-token")
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    answer = subprocess.run([tool("amtool"), "check-config", path], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_alerts_go_to_the_webhook_that_is_given() -> None:
    receivers = alertmanager_config("http://127.0.0.1:9095/alerts")["receivers"]
    assert {receiver["webhook_configs"][0]["url"] for receiver in receivers} == {"http://127.0.0.1:9095/alerts"}
    assert all("webhook_configs" not in receiver for receiver in alertmanager_config()["receivers"])


def test_one_machine_scrapes_the_same_jobs_as_the_containers() -> None:
    compose = read(Path(__file__).parents[2] / "deploy" / "prometheus" / "prometheus.yml")
    names = [job["job_name"] for job in compose["scrape_configs"]]
    local = prometheus_config(dict.fromkeys(names, (1,)))
    assert [job["job_name"] for job in local["scrape_configs"]] == names
    assert local["global"] == compose["global"]
