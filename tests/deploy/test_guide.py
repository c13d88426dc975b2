"""The technical guide names every setting, command and stage there is, and its links lead somewhere."""

from __future__ import annotations

import re

import pytest

from inkread.cli import COMMANDS
from inkread.pipeline.stage import STAGES
from inkread.server.settings import PORTS, Settings
from tests.deploy.tools import DEPLOY, ROOT

GUIDE = (ROOT / "TECHNICAL_GUIDE.md").read_text(encoding="utf-8")
ROWS = [line for line in GUIDE.splitlines() if line.startswith("|")]


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_its_row_with_its_default(name: str) -> None:
    row = next((row for row in ROWS if f"`INKREAD_{name.upper()}`" in row), "")
    assert row, f"INKREAD_{name.upper()} is not in the guide"
    default = Settings.model_fields[name].default
    if isinstance(default, int | float) and not isinstance(default, bool):
        assert re.search(rf"\b{default:g}\b", row), f"{row} does not say {default:g}"
    elif isinstance(default, str) and default and not name.endswith("_url"):
        assert f"`{default}`" in row


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_row(command: str) -> None:
    assert any(f"`inkread {command}`" in row for row in ROWS)


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_its_row(stage: str) -> None:
    assert any(f"`{stage}`" in row for row in ROWS)


@pytest.mark.parametrize(("service", "port"), PORTS.items())
def test_every_service_has_its_row_with_its_port(service: str, port: int) -> None:
    assert any(row.lower().startswith(f"| {service} | {port} |") for row in ROWS)


def test_variables_of_the_containers_are_explained() -> None:
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "docker-compose.yml").read_text(encoding="utf-8")))
    assert not {name for name in used if f"`{name}`" not in GUIDE}


def test_links_lead_to_files_and_headings() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", GUIDE):
        file, _, anchor = target.partition("#")
        path = ROOT / (file or "TECHNICAL_GUIDE.md")
        assert path.exists(), target
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), target


def test_files_and_folders_that_are_named_are_there() -> None:
    for name in re.findall(r"`((?:deploy|scripts|src|docs|\.github)/[\w./-]+)`", GUIDE):
        assert (ROOT / name).exists() or name == "deploy/.env", name
