"""A DVC project with the pipeline's stage names and nothing to compute, for tests of what runs it.

Usage: ``write_project(folder)``; the training stage waits for the file ``go`` and fails where there is a file ``fail``;
with a file ``away`` the registration fails once
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from inkread.data.dataset import Sample, write_manifest
from inkread.data.ingest import REPORT, IngestReport
from inkread.io.files import write_bytes
from inkread.server.jobs.workspace import Workspace

WORK = """
import json, pathlib, sys, time
stage = sys.argv[1]
folder = pathlib.Path("artifacts"); folder.mkdir(exist_ok=True)
(folder / f"{stage}.txt").write_text(pathlib.Path("params.yaml").read_text())
if stage == "one_hot_encode_labels":
    (folder / "filtered.json").write_text(json.dumps({"kept": 12, "left_out": {"too short": 2, "no text": 1}}))
if stage == "build_train_cnn":
    if pathlib.Path("bug").exists():
        raise ValueError("three rows and two columns")
    if pathlib.Path("fail").exists():
        sys.exit("build_train_cnn: the loss is not a number")
    while not pathlib.Path("go").exists():
        time.sleep(0.05)
if stage == "register_model":
    away = pathlib.Path("away")
    if away.exists():
        away.unlink()
        sys.exit("register_model: http://127.0.0.1:5000: cannot be reached")
    (folder / "metrics.json").write_text(json.dumps({"cer": 0.25, "wer": 0.5, "lines": 3}))
    (folder / "registered.json").write_text(json.dumps({"version": 7}))
"""
STAGE = """  {stage}:
    cmd: {python} work.py {stage}
    deps: [{deps}]
    params: [{section}]
    outs: [artifacts/{stage}.txt]
"""


def write_project(folder: Path) -> None:
    """Make it, unless it is there."""
    if (folder / ".dvc").is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "work.py").write_text(WORK, encoding="utf-8")
    (folder / "params.yaml").write_text("extract_raw_data: {seed: 1}\nbuild_train_cnn: {}\n", encoding="utf-8")
    names = ("one_hot_encode_labels", "build_train_cnn", "register_model")
    sections = ("extract_raw_data", "build_train_cnn", "build_train_cnn")
    stages = "".join(
        STAGE.format(
            stage=name, python=sys.executable, deps=f"artifacts/{before}.txt" if before else "", section=section
        )
        for name, before, section in zip(names, ("", *names), sections, strict=False)
    )
    (folder / "dvc.yaml").write_text("stages:\n" + stages, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=folder, check=True)


def keep_dataset(workspace: Workspace, source: str, lines: int) -> None:
    """Keep the next version of the data set, as a job would: lines of a source added to those that are there."""
    made = workspace.project / "artifacts" / "dataset"
    made.mkdir(parents=True, exist_ok=True)
    older = int((made / "count").read_text()) if (made / "count").is_file() else 0
    (made / "count").write_text(str(older + lines))
    names = [(f"old-{number}", "older") for number in range(older)] + [(f"{source}-{i}", source) for i in range(lines)]
    samples = [
        Sample(name, "a.png", "text", "line", of, f"{of} {i % 4}", f"writer {i % 3}", "en", "train", "CC0-1.0")
        for i, (name, of) in enumerate(names)
    ]
    write_manifest(made, samples)
    report = IngestReport(
        source,
        "pages",
        {"line": len(samples)},
        {"train": len(samples)},
        {"image missing": 2, "no text": 1},
        ("a#1: image missing", "a#2: image missing", "b#1: no text"),
        "0" * 64,
    )
    write_bytes(made / REPORT, json.dumps(asdict(report)).encode())  # the version before has a link to the old file
    workspace.keep_dataset(f"ingest-{source}")
