"""Stamps the commit into wheel and sdist: inkread/commit.txt, which the running package reads.

An editable installation gets no stamp, because the code it runs is that of the checkout.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StampHook(BuildHookInterface[Any]):
    """Includes the stamp from a temporary folder, so that building leaves the source tree as it was."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the stamp; a wheel that is built from an sdist takes the one under its src/."""
        commit = os.environ.get("INKREAD_COMMIT") or _commit(Path(self.root))
        if version == "editable" or not commit:
            return
        self._folder = tempfile.TemporaryDirectory()
        stamp = Path(self._folder.name) / "commit.txt"
        stamp.write_text(commit + "\n", encoding="ascii")
        place = "src/inkread/commit.txt" if self.target_name == "sdist" else "inkread/commit.txt"
        build_data["force_include"][str(stamp)] = place

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def _commit(root: Path) -> str:
    """The commit of the checkout, with "-dirty" where tracked files differ from it; "" outside a checkout."""
    if not (root / ".git").exists():
        return ""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
