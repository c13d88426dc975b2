"""The Dockerfiles say what is true of the package: no engine is needed to find that out."""

from __future__ import annotations

import re
import runpy
import subprocess
import tomllib
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from packaging.utils import canonicalize_name

from inkread.cli import load_command
from inkread.server.mlflow_server import local_mlflow
from inkread.server.settings import PORTS
from tests.deploy.dockerfiles import installed_with, packages_that_are_imported, read_dockerfile
from tests.deploy.tools import DEPLOY, ROOT, tool

FILES = {path.name.partition(".")[0]: path for path in sorted((DEPLOY / "docker").glob("*.Dockerfile"))}
IMAGES = {name: read_dockerfile(path) for name, path in FILES.items()}
OWN = {name: image for name, image in IMAGES.items() if name != "mlflow"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = cast(
    Callable[..., list[str]], runpy.run_path(str(DEPLOY / "docker" / "requirements.py"))["requirements"]
)
RUNS = {
    "gateway": [
        "inkread.cli.serve",
        "inkread.cli.users",
        "inkread.cli.corrections",
        "inkread.server.gateway.app",
        "inkread.server.jobs.removal",
        "inkread.registry",
    ],
    "prediction": ["inkread.cli.serve", "inkread.server.prediction.app", "inkread.registry"],
    "pipeline": [
        "inkread.cli.serve",
        "inkread.server.jobs.app",
        "inkread.server.jobs.app",
        *(f"inkread.pipeline.{path.stem}" for path in sorted((ROOT / "src/inkread/pipeline").glob("[a-z]*.py"))),
    ],
}


ACTION = ROOT / ".github/actions/images/action.yml"
USED = "$/.github/actions/images"
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/images.yml").read_text(encoding="utf-8"))
TRIED = ("compose build", "compose up", "run --rm test", "$SYFT", "$GRYPE")


def needs(image: str) -> list[str]:
    return [
        line for extras, only in IMAGES[image].calls for line in REQUIREMENTS(ROOT / "pyproject.toml", extras, only)
    ]


@pytest.mark.parametrize("name", FILES)
def test_hadolint_has_no_objection(name: str) -> None:
    answer = subprocess.run([tool("hadolint"), "--no-color", FILES[name]], capture_output=True, text=True, check=False)
    assert answer.returncode == 0 and not answer.stdout, answer.stdout


@pytest.mark.parametrize("name", IMAGES)
def test_what_an_image_installs_are_extras_of_the_package(name: str) -> None:
    assert IMAGES[name].extras
    assert set(IMAGES[name].extras) <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("name", OWN)
def test_an_image_starts_a_command_that_there_is_on_the_port_of_its_service(name: str) -> None:
    program, command, *arguments = OWN[name].start
    assert program in PROJECT["scripts"]
    parsed = load_command(command).make_context(command, arguments)
    assert parsed.params["host"] == "0.0.0.0"
    assert parsed.params["port"] == PORTS[str(parsed.params["service"].value)]


def test_the_registry_is_started_by_the_command_that_inkread_up_uses(tmp_path: Path) -> None:
    program, *arguments = IMAGES["mlflow"].start
    assert program == "mlflow"
    used, _, _ = local_mlflow(tmp_path, PORTS["mlflow"])
    assert arguments[0] in used
    assert {word for word in arguments if word.startswith("--")} <= {word for word in used if word.startswith("--")}
    assert arguments[arguments.index("--port") + 1] == str(PORTS["mlflow"])


def test_the_registry_has_the_versions_that_the_package_asks_for() -> None:
    lines = REQUIREMENTS(ROOT / "pyproject.toml", IMAGES["mlflow"].extras, ["mlflow", "psycopg", "flask-wtf"])
    assert [line.partition(">")[0] for line in lines] == ["mlflow", "psycopg[binary]", "flask-wtf"]


@pytest.mark.parametrize("name", RUNS)
def test_everything_that_a_service_imports_is_in_its_image(name: str) -> None:
    imported = packages_that_are_imported(ROOT / "src", RUNS[name])
    assert len(imported) > 10
    there = installed_with(needs(name))
    sources = packages_distributions()
    missing = {
        module for module in imported if not {canonicalize_name(source) for source in sources.get(module, ())} & there
    }
    assert not missing


@pytest.mark.parametrize("name", ["gateway", "prediction"])
def test_no_training_framework_is_in_the_images_that_users_wait_for(name: str) -> None:
    assert not installed_with(needs(name)) & {"torch", "pytorch-lightning", "ray", "mlflow"}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_runs_without_root_says_how_it_feels_and_is_built_in_two_stages(name: str) -> None:
    image = IMAGES[name]
    assert image.all("USER") == ["10001:10001"]
    assert [base.split()[0] for base in image.all("FROM")] == ["python:3.11-slim-bookworm"] * 2
    assert "/healthz" in image.all("HEALTHCHECK")[0] or name == "mlflow"
    assert f":{image.start[-1]}/" in image.all("HEALTHCHECK")[0] or name == "mlflow"


def test_what_the_images_copy_gets_past_dockerignore() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name, image in IMAGES.items():
        copied = [rest.split()[:-1] for rest in image.all("COPY") if not rest.startswith("--from")]
        for source in (source for sources in copied for source in sources):
            assert (ROOT / source).exists(), f"{name} copies {source}"
            assert source in let_through, f"{name} copies {source}"


def test_a_wheel_gets_every_file_in_the_image_that_it_takes_from_outside_the_package() -> None:
    build: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    for name, image in OWN.items():
        copied = {source for rest in image.all("COPY") for source in rest.split()[:-1]}
        licences = [path for path in PROJECT["license-files"] if not path.startswith("src/")]
        for source in (*build["build"]["targets"]["wheel"]["force-include"], *licences, "hatch_build.py"):
            assert source in copied, f"{name} lacks {source}"


def test_a_package_that_is_no_dependency_is_refused() -> None:
    with pytest.raises(ValueError, match="not among the dependencies: nonsense"):
        REQUIREMENTS(ROOT / "pyproject.toml", ["serve"], ["nonsense"])


def test_every_change_builds_the_images_starts_them_reads_a_page_and_scans_them() -> None:
    steps = [step.get("run", "") for step in yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]]
    places = [next(number for number, run in enumerate(steps) if word in run) for word in TRIED]
    assert places == sorted(places)
    needed = set(re.findall(r"\{(\w+):\?", (DEPLOY / "docker-compose.yml").read_text(encoding="utf-8")))
    assert needed <= set(re.findall(r'echo "(\w+)=', steps[0])), "docker compose starts nothing without them"
    triggers = WORKFLOW[True]  # YAML 1.1 reads the word on as true
    assert "pull_request" in triggers and triggers["push"]["branches"] == ["main"]
    assert WORKFLOW["jobs"]["try"]["steps"][-1]["uses"] == USED


def test_every_image_is_pushed_after_the_tests_and_after_it_was_tried_and_then_signed() -> None:
    push, sign = WORKFLOW["jobs"]["push"], WORKFLOW["jobs"]["sign"]
    assert push["needs"] == "check"
    tried = next(number for number, step in enumerate(push["steps"]) if step.get("uses") == USED)
    run = next(step["run"] for step in push["steps"][tried:] if "docker push" in step.get("run", ""))
    assert f"for image in {' '.join(sorted(IMAGES, key=run.index))};" in run
    assert sign["needs"] == "push"
    assert set(sign["strategy"]["matrix"]["image"]) == set(push["outputs"]) == set(IMAGES)
    signed = [step["uses"].partition("@")[0] for step in sign["steps"] if "subject-digest" in step.get("with", {})]
    assert signed == ["actions/attest-build-provenance", "actions/attest-sbom"]


def test_secrets_cannot_be_committed_by_mistake() -> None:
    assert {".env", "ingest/"} <= set((DEPLOY / ".gitignore").read_text(encoding="utf-8").splitlines())
    assert "*" in (DEPLOY / "alertmanager/secrets/.gitignore").read_text(encoding="utf-8").splitlines()
