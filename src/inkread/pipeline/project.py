"""A folder of its own for a pipeline, so that services need no checkout.

Usage: ``prepare_project(Path("~/.local/share/inkread/pipeline"))``
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from inkread.errors import DatasetError
from inkread.io.files import write_bytes

UNNAMED = "0.0.0+pipeline"
"""Version that all models had whose parameters named none."""
FILES = ("dvc.yaml", "params.yaml")
CHECKOUT = Path(__file__).resolve().parents[3]


def pipeline_files() -> dict[str, Path]:
    """``dvc.yaml`` and ``params.yaml``: of the wheel, or of the checkout that the package is installed from.

    Raises:
        DatasetError: neither has them.
    """
    installed = Path(str(resources.files("inkread.pipeline")))
    for folder in (installed, CHECKOUT):
        if all((folder / name).is_file() for name in FILES):
            return {name: folder / name for name in FILES}
    raise DatasetError("dvc.yaml and params.yaml are missing in this installation, install inkread again")


def prepare_project(folder: Path) -> None:
    """Make ``folder`` a DVC project with the pipeline in it; its parameters and results stay where it is one already.

    Parameters of an earlier version get the sections that were added since.

    Raises:
        DatasetError: DVC cannot make it one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in pipeline_files().items():
        if name == "params.yaml" and (folder / name).is_file():
            _renew(folder / name, source)
        else:
            shutil.copyfile(source, folder / name)
    if not (folder / ".dvc").is_dir():
        run_dvc(folder, "init", "--no-scm", "--quiet")


def run_dvc(project: Path, command: str, *arguments: str, lock: int | None = None) -> None:
    """``run_dvc(project, "add", "letters")``: run a command of DVC in a project.

    Args:
        project: its folder.
        command, arguments: of DVC.
        lock: file descriptor of a lock that holds until the command ends, also where this process is killed before.

    Raises:
        DatasetError: it fails.
    """
    answer = subprocess.run(
        [sys.executable, "-m", "dvc", command, *arguments],
        cwd=project,
        env=os.environ | {"DVC_NO_ANALYTICS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=() if lock is None else (lock,),
    )
    if answer.returncode:
        reason = (answer.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise DatasetError(f"{project}: dvc {command} failed ({reason.removeprefix('ERROR: ')})")


def _renew(params: Path, usual: Path) -> None:
    """Bring parameters of an earlier version up to this one; a file that cannot be read is left to `load_params`."""
    try:
        own, known = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in (params, usual))
        renewed: dict[str, Any] = {section: dict(own.get(section, values)) for section, values in known.items()}
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError):
        return
    renewed["register_model"].pop("experiment", None)
    if renewed["export_model"].get("version") == UNNAMED:
        renewed["export_model"]["version"] = ""
    renewed |= {section: values for section, values in own.items() if section not in known}
    if renewed != own:
        write_bytes(params, yaml.safe_dump(renewed, sort_keys=False, allow_unicode=True).encode())
