"""The pages for operators name every setting, command, service and stage there is."""

from __future__ import annotations

import re

import pytest

from inkread.cli import COMMANDS
from inkread.pipeline.stage import STAGES
from inkread.server.settings import PORTS, Settings
from tests.deploy.tools import DEPLOY, ROOT

OPERATE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
ROWS = [line for line in OPERATE.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_its_row_with_its_default(name: str) -> None:
    row = next((row for row in ROWS if f"`INKREAD_{name.upper()}`" in row), "")
    assert row, f"INKREAD_{name.upper()} is not in docs/operate.md"
    default = Settings.model_fields[name].default
    if isinstance(default, int | float) and not isinstance(default, bool):
        assert re.search(rf"\b{default:g}\b", row), f"{row} does not say {default:g}"
    elif isinstance(default, str) and default and not name.endswith("_url"):
        assert f"`{default}`" in row


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_row(command: str) -> None:
    assert any(f"`inkread {command}`" in row for row in ROWS)


@pytest.mark.parametrize("page", ["TECHNICAL_GUIDE.md", "docs/pipeline.md"])
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_its_row(page: str, stage: str) -> None:
    rows = [line for line in (ROOT / page).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert any(f"`{stage}`" in row for row in rows)


@pytest.mark.parametrize(("service", "port"), PORTS.items())
def test_every_service_has_its_row_with_its_port(service: str, port: int) -> None:
    assert any(row.lower().startswith(f"| {service} | {port} |") for row in ROWS)


def test_variables_of_the_containers_are_explained() -> None:
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "docker-compose.yml").read_text(encoding="utf-8")))
    assert not {name for name in used if f"`{name}`" not in OPERATE}
