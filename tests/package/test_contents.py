"""What is published holds the licences, the commit and the model, and nothing that belongs to the repository only."""

from __future__ import annotations

import email
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.package.conftest import ROOT

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_the_package_and_its_description_only(files: dict[str, bytes]) -> None:
    assert {name.split("/")[0].split("-")[0] for name in files} == {"inkread"}
    for name in ("py.typed", "assets/model/recognizer.onnx", "assets/model/lm.bin", "pipeline/dvc.yaml"):
        assert f"inkread/{name}" in files


def test_the_wheel_states_its_licences(files: dict[str, bytes]) -> None:
    (name,) = (name for name in files if name.endswith(".dist-info/METADATA"))
    metadata = email.message_from_bytes(files[name])
    assert metadata["License-Expression"] == "Apache-2.0 AND CC-BY-SA-4.0 AND OFL-1.1"
    kept = {path.rpartition("/")[2] for path in metadata.get_all("License-File", [])}
    fonts = {Path(path).stem for path in files if path.endswith(".woff")}
    assert kept == {"LICENSE", "NOTICE"} | {f"{font}.OFL.txt" for font in fonts}


def test_wheel_and_sdist_hold_the_commit_they_were_built_from(files: dict[str, bytes], sdist: Path) -> None:
    command = ["git", "rev-parse", "HEAD"]
    head = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    stamp = files["inkread/commit.txt"].decode().strip()
    assert stamp.removesuffix("-dirty") == head
    with tarfile.open(sdist) as archive:
        (name,) = (name for name in archive.getnames() if name.endswith("/src/inkread/commit.txt"))
        member = archive.extractfile(name)
        assert member is not None
        assert member.read().decode().strip() == stamp


def test_the_sdist_can_be_tested(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {
        "tests/conftest.py",
        "benchmarks/releases.py",
        "examples/letter.png",
        "Makefile",
        "constraints.txt",
    } <= names
