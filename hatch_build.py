"""Stamps the commit into wheel and sdist: inkread/commit.txt, which inkread.version reads.

An editable installation gets no stamp, because its code is that of the checkout. INKREAD_COMMIT names the commit
where there is no git, as in the images.
"""

from __future__ import annotations

import os
import runpy
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StampHook(BuildHookInterface[Any]):
    """Includes the stamp from a temporary folder, so that building leaves the source tree as it was."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the stamp; a wheel that is built from an sdist takes the one that lies there."""
        package = Path(self.root) / "src" / "inkread"
        if version == "editable" or (package / "commit.txt").exists():
            return
        if commit := os.environ.get("INKREAD_COMMIT") or runpy.run_path(str(package / "version.py"))["code_commit"]():
            self._folder = tempfile.TemporaryDirectory()
            stamp = Path(self._folder.name) / "commit.txt"
            stamp.write_text(commit + "\n", encoding="ascii")
            place = "src/inkread/commit.txt" if self.target_name == "sdist" else "inkread/commit.txt"
            build_data["force_include"][str(stamp)] = place

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()
