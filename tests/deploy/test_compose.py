"""The Compose file: valid, with nothing open that should be shut, and with settings that there are."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from inkread.cli import load_command
from inkread.data.protected import GOLD
from inkread.server.settings import PORTS, SERVICES, Settings
from tests.deploy.dockerfiles import read_dockerfile
from tests.deploy.tools import DEPLOY, tool

FILE = DEPLOY / "docker-compose.yml"
SECRETS = {
    "INKREAD_SECRET": "s" * 48,
    "INKREAD_POSTGRES_PASSWORD": "database-password",
    "INKREAD_GRAFANA_PASSWORD": "grafana-password",
    "INKREAD_MLFLOW_PASSWORD": "mlflow-password",
}
PUBLISHED = {"caddy": "", "gateway": "127.0.0.1", "mlflow": "127.0.0.1", "grafana": "127.0.0.1"}


def compose(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [tool("docker-compose"), "--file", str(FILE), *arguments]
    # neither the caller's settings nor a deploy/.env of his count
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    kept["COMPOSE_DISABLE_ENV_FILE"] = "1"
    return subprocess.run(command, env=kept | environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """All services as Compose understands them."""
    answer = compose("--profile", "*", "config", "--format", "json", **SECRETS)
    assert answer.returncode == 0, answer.stderr
    assert not answer.stderr, "Compose warns"
    found: dict[str, Any] = json.loads(answer.stdout)["services"]
    return found


def test_the_file_follows_the_compose_specification() -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(FILE)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("missing", SECRETS)
def test_without_a_secret_nothing_starts_and_a_sentence_says_why(missing: str) -> None:
    answer = compose("config", "--quiet", **{name: value for name, value in SECRETS.items() if name != missing})
    assert answer.returncode != 0
    assert re.search(rf"required variable {missing} is missing a value: put a .* into deploy/\.env", answer.stderr)


def test_the_example_environment_names_every_variable_and_holds_no_secret(services: dict[str, Any]) -> None:
    del services  # which proves that the file is valid
    example = (DEPLOY / ".env.example").read_text(encoding="utf-8")
    text = FILE.read_text(encoding="utf-8")
    used = {*re.findall(r"\$\{(\w+)", text), *re.findall(r"^  ([A-Z_]+):$", text, re.MULTILINE)}
    assert used == set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE))
    assert {line for line in example.splitlines() if line and not line.startswith("#")} == {
        f"{name}=" for name in SECRETS
    }


def test_only_the_proxy_with_tls_is_open_to_other_machines(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if service.get("ports")}
    assert {name: ports[0].get("host_ip", "") for name, ports in published.items()} == PUBLISHED
    assert {port["target"] for port in published.pop("caddy")} == {80, 443}
    assert all(len(ports) == 1 for ports in published.values())


def test_every_service_has_its_share_of_memory_and_processors(services: dict[str, Any]) -> None:
    limited = set(services) - {"test"}
    assert {name for name in limited if int(services[name].get("mem_limit", 0)) > 0} == limited
    assert {name for name in limited if "cpus" in services[name] or "cpu_shares" in services[name]} >= limited - {
        "prediction",
        "prediction-2",
    }


def test_mlflow_and_the_services_have_one_password(services: dict[str, Any]) -> None:
    password = SECRETS["INKREAD_MLFLOW_PASSWORD"]
    assert services["mlflow"]["environment"]["MLFLOW_AUTH_ADMIN_PASSWORD"] == password
    assert {services[name]["environment"]["MLFLOW_TRACKING_PASSWORD"] for name in SERVICES} == {password}


def test_the_proxy_passes_everything_to_the_gateway() -> None:
    text = (DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf-8")
    assert "reverse_proxy gateway:8000" in text
    assert text.count("{") == text.count("}")


def test_services_without_published_ports_have_no_way_out(services: dict[str, Any]) -> None:
    outside = {name for name, service in services.items() if "front" in service["networks"]}
    assert outside == {*PUBLISHED, "alertmanager"}
    answer = compose("config", "--format", "json", **SECRETS)
    assert json.loads(answer.stdout)["networks"]["back"]["internal"] is True


def test_monitoring_and_test_are_started_only_on_demand(services: dict[str, Any]) -> None:
    profiles = {name: service.get("profiles", []) for name, service in services.items()}
    assert {name for name, chosen in profiles.items() if not chosen} == {*SERVICES, "caddy", "mlflow", "postgres"}
    monitoring = {"prometheus", "alertmanager", "grafana", "node-exporter", "cadvisor"}
    assert {name for name, chosen in profiles.items() if chosen == ["monitoring"]} == monitoring
    assert profiles["test"] == ["test"]
    assert profiles["prediction-2"] == ["replicas"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_setting_of_a_service_exists_and_production_accepts_it(
    name: str, services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = services[name]["environment"]
    known = {f"INKREAD_{field.upper()}" for field in Settings.model_fields} | {GOLD}
    assert {key for key in given if key.startswith("INKREAD_")} <= known
    for key, value in given.items():
        monkeypatch.setenv(key, value or "")
    settings = Settings()
    assert not settings.development
    assert {settings.service_url(other) for other in SERVICES} == {f"http://{it}:{PORTS[it]}" for it in SERVICES}


def test_services_share_the_secret_and_those_of_jobs_their_database_and_folder(services: dict[str, Any]) -> None:
    assert len({services[name]["environment"]["INKREAD_SECRET"] for name in SERVICES}) == 1
    jobs = [services[name] for name in ("ingestion", "training")]
    assert len({service["environment"]["INKREAD_JOBS_DATABASE_URL"] for service in jobs}) == 1
    assert len({service["environment"]["INKREAD_EXECUTOR"] for service in jobs}) == 2
    assert {service["volumes"][0]["source"] for service in jobs} == {"pipeline-data"}


def test_corrections_become_versions_where_jobs_find_them(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder in which the gateway makes versions, and deletes documents from them, is the home of the jobs."""
    places = set()
    for name in ("gateway", "ingestion", "training"):
        with monkeypatch.context() as own:
            image = read_dockerfile(DEPLOY / "docker" / f"{'gateway' if name == 'gateway' else 'pipeline'}.Dockerfile")
            homes = [word for line in image.all("ENV") for word in line.split() if word.startswith("INKREAD_HOME=")]
            own.setenv(*homes[-1].split("="))
            for key, value in services[name]["environment"].items():
                own.setenv(key, value or "")
            folder = str(Settings().jobs_folder)
        places.add(next(volume["source"] for volume in services[name]["volumes"] if volume["target"] == folder))
    assert places == {"pipeline-data"}


def test_gold_pages_are_known_to_all_that_make_data_sets_and_to_none_where_there_are_none() -> None:
    for folder, named in (("/srv/gold", "/gold"), ("", "")):
        made = compose("config", "--format", "json", **SECRETS, INKREAD_GOLD=folder)
        for name in ("gateway", "ingestion", "training"):
            service = json.loads(made.stdout)["services"][name]
            (mount,) = [volume for volume in service["volumes"] if volume["target"] == "/gold"]
            assert service["environment"][GOLD] == named
            assert mount["read_only"]
            assert mount["source"] == (folder or str(DEPLOY / "gold"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_a_command_that_there_is_and_is_asked_whether_it_is_ready(
    name: str, services: dict[str, Any]
) -> None:
    service = services[name]
    dockerfile = read_dockerfile(Path(service["build"]["context"]) / service["build"]["dockerfile"])
    command, *arguments = service.get("command") or dockerfile.start[1:]
    parsed = load_command(command).make_context(command, list(arguments))
    assert parsed.params["service"].value == name
    assert parsed.params["port"] == PORTS[name]
    assert f":{PORTS[name]}/readyz" in service["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", [*SERVICES, "mlflow"])
def test_a_service_cannot_write_outside_its_volume_nor_gain_rights(name: str, services: dict[str, Any]) -> None:
    service = services[name]
    assert service["read_only"] and service["init"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    written = [volume["target"] for volume in service["volumes"] if not volume.get("read_only")]
    assert written == (["/data", "/jobs"] if name == "gateway" else ["/data"])


def test_every_mounted_file_is_there(services: dict[str, Any]) -> None:
    mounted = [volume["source"] for service in services.values() for volume in service.get("volumes", ())]
    own = [Path(source) for source in mounted if Path(source).is_relative_to(DEPLOY.parent)]
    assert len(own) > 6
    assert not [path for path in own if not path.exists() and path.name not in ("ingest", "gold")]


def test_prometheus_scrapes_services_under_the_names_and_ports_of_the_network(services: dict[str, Any]) -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    targets = {job["job_name"]: job["static_configs"][0]["targets"][0] for job in config["scrape_configs"]}
    ports = PORTS | {"gateway": int(services["gateway"]["environment"]["INKREAD_METRICS_PORT"])}
    assert {name: targets[name] for name in SERVICES} == {name: f"{name}:{ports[name]}" for name in SERVICES}
    hosts = {target.partition(":")[0] for target in targets.values()} - {"localhost"}
    assert hosts <= set(services)


def test_grafana_finds_the_data_source_of_the_dashboards() -> None:
    provisioned = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())
    (source,) = provisioned["datasources"]
    assert (source["uid"], source["url"]) == ("prometheus", "http://prometheus:9090")


def test_images_of_others_are_pinned(services: dict[str, Any]) -> None:
    others = [service["image"] for service in services.values() if "build" not in service]
    assert others
    assert all(re.search(r":v?\d", image) for image in others)
