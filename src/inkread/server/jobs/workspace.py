"""The DVC project that jobs work in: its parameters, its runs, and its state before a job, to go back to.

Usage: ``Workspace(home).prepare(job, {"split_data": {"seed": 2}}); workspace.reproduce(job, "export_model", stopped)``
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import yaml

from inkread.errors import DatasetError, InkreadError
from inkread.io.files import write_bytes
from inkread.pipeline.params import check_params
from inkread.pipeline.project import prepare_project
from inkread.pipeline.stage import STAGES, Artifacts, read_json
from inkread.server.documents.versions import Versions
from inkread.server.guard import Guard

PARAMS, LOCK = "params.yaml", "dvc.lock"
RUNNING = ".running"
"""Locked while stages run. A lock, and not a process, because it also holds between containers with one volume."""
KEPT = (PARAMS, LOCK)
POLL_SECONDS = 0.5
NICENESS = 10
STAGE = re.compile(r"(?:Running stage|Stage) '(\w+)'")
LOG_LINES = 40
NEWEST = "newest"
"""In the parameters of a job for the newest version of the data set, which is known when the job begins."""
CORRECTIONS = "corrections"
"""The same for the newest version of the corrections, see `inkread.server.documents.versions`."""
VERSION = "version.json"
METRICS = ("cer", "wer", "cer_80", "ece")


DVC_LINES = ("ERROR: failed to reproduce", "> ", "Running stage", "Updating lock file", "Generating lock file")
COUNTS = {
    "samples": ("dataset/ingest.json", "samples"),
    "samples_skipped": ("dataset/ingest.json", "skipped"),
    "lines_kept": ("filtered.json", "kept"),
    "lines_left_out": ("filtered.json", "left_out"),
}


class JobError(InkreadError):
    """A job failed; the message says where and why.

    Attributes:
        stage: in which it failed, "" where in none.
    """

    def __init__(self, message: str, stage: str = "") -> None:
        super().__init__(message, stage)  # both, so that it can be pickled
        self.stage = stage

    def __str__(self) -> str:
        return str(self.args[0])


class JobStopped(JobError):
    """A job was ended from outside."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the log says a job is: stage, share of the stages that are behind it, last lines."""

    stage: str
    share: float
    lines: list[str]


class Workspace:
    """The project in ``home/pipeline``, and what is kept: ``home/jobs/<id>`` of jobs, ``home/datasets/<n>``.

    Args:
        home: of the services.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.project = home / "pipeline"
        self._jobs = home / "jobs"
        self._datasets = home / "datasets"
        self._artifacts = Artifacts(self.project)

    def folder(self, job: str) -> Path:
        """What is kept of a job."""
        return self._jobs / job

    def parameters(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The project's parameters with some changed, checked; DatasetError names the first that is wrong."""
        path = self.project / PARAMS
        if not path.is_file():
            prepare_project(self.project)
        merged = _merge(yaml.safe_load(path.read_text(encoding="utf-8")) or {}, changes)
        load = merged.get("load_dataset", {})
        if {NEWEST, CORRECTIONS}.intersection(load.get("add", ())):
            newest = {NEWEST: self.datasets()[-1:], CORRECTIONS: self._corrections()[-1:]}
            load["add"] = [str(folder) for item in load["add"] for folder in newest.get(item, [item])]
        check_params(merged, PARAMS)
        return merged

    def prepare(self, job: str, changes: Mapping[str, Any]) -> None:
        """Set the parameters of a job, and keep those from before; safe to do again after a crash."""
        prepare_project(self.project)
        self._end_leftover(job)
        before = self.folder(job) / "before"
        if not before.is_dir():
            unfinished = before.with_name("before.part")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            for name in KEPT:
                if (self.project / name).is_file():
                    shutil.copyfile(self.project / name, unfinished / name)
            unfinished.rename(before)
        write_bytes(self.project / PARAMS, yaml.safe_dump(self.parameters(changes), sort_keys=False).encode())

    def reproduce(self, job: str, target: str, stopped: Callable[[], bool]) -> None:
        """Run the stages up to ``target`` that are not done yet; an interrupted run goes on.

        Args:
            job: whose log it writes.
            target: the last stage.
            stopped: asked twice a second; True ends the run.

        Raises:
            JobError: a stage failed.
            JobStopped: ``stopped`` said so.
        """
        self._end_leftover(job)
        command = [sys.executable, "-m", "dvc", "repro", target]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        environment = os.environ | {"DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1", "PATH": path}
        log = self.folder(job) / "log.txt"
        with log.open("ab") as output, self._lock(shared=True) as lock:
            process = subprocess.Popen(
                command,
                cwd=self.project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock,),  # held until the stages end, also where this service is killed
            )
        child = psutil.Process(process.pid)
        with suppress(psutil.Error):
            child.nice(NICENESS)
            write_bytes(self.folder(job) / "pid", f"{child.pid} {child.create_time()}".encode())
        with Guard() as guard:
            guard.add(process.pid)
            while (code := _ended(process)) is None:
                if stopped():
                    _end_group(process.pid)
                    process.wait()
                    raise JobStopped("it was stopped")
            guard.remove(process.pid)
        (self.folder(job) / "pid").unlink(missing_ok=True)
        if code:
            raise JobError(self._failure(job), self.progress(job).stage)

    def restore(self, job: str) -> None:
        """Put the project back to what it was before the job."""
        self._end_leftover(job)
        before = self.folder(job) / "before"
        if not before.is_dir():
            return
        for name in KEPT:
            (self.project / name).unlink(missing_ok=True)
            if (before / name).is_file():
                write_bytes(self.project / name, (before / name).read_bytes())
        if (self.project / LOCK).is_file():
            command = [sys.executable, "-m", "dvc", "checkout", "--force", "--quiet", "--allow-missing"]
            subprocess.run(command, cwd=self.project, capture_output=True, check=False)
        else:
            shutil.rmtree(self.project / "artifacts", ignore_errors=True)

    def progress(self, job: str) -> Progress:
        """What the log of a job says."""
        path = self.folder(job) / "log.txt"
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        lines = [line.rpartition("\r")[2] for line in text.splitlines() if line.strip()]
        seen = [name for name in STAGE.findall(text) if name in STAGES]
        stage = seen[-1] if seen else ""
        return Progress(stage, STAGES.index(stage) / len(STAGES) if stage else 0.0, lines[-LOG_LINES:])

    def datasets(self) -> list[Path]:
        """The versions of the data set, the newest last."""
        found = self._datasets.glob(f"*/{VERSION}") if self._datasets.is_dir() else ()
        return sorted((path.parent for path in found), key=lambda folder: int(folder.name))

    def _corrections(self) -> list[Path]:
        """The versions of the corrections that have lines, the newest last."""
        versions = self._home / CORRECTIONS
        return [versions / str(version.number) for version in Versions(self._home).all() if version.documents]

    def keep_dataset(self, job: str) -> int | None:
        """Keep the data set that a job made as the next version; its number, the same for the same job.

        Its files share the space of those in the project where the file system has links.
        """
        made = self._artifacts.dataset
        if not made.is_dir():
            return None
        kept = self.datasets()
        for folder in kept:
            if read_json(folder / VERSION)["job"] == job:
                return int(folder.name)
        number = int(kept[-1].name) + 1 if kept else 1
        unfinished = self._datasets / f".{number}.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(made, unfinished, copy_function=_link)
        described = {"job": job, "made": datetime.now(UTC).isoformat(timespec="seconds")}
        write_bytes(unfinished / VERSION, json.dumps(described).encode())
        unfinished.rename(self._datasets / str(number))
        return number

    def results(self) -> dict[str, float]:
        """Figures of the model that the project made last, and the version it was registered as."""
        found: dict[str, float] = {}
        with suppress(DatasetError):
            metrics = read_json(self._artifacts.metrics)
            found |= {name: float(metrics[name]) for name in METRICS if isinstance(metrics.get(name), int | float)}
            found["version"] = float(read_json(self._artifacts.registered)["version"])
        return found

    def counts(self, since: float = 0.0) -> dict[str, float]:
        """What went into the data stages and came out, from the reports written after ``since`` (seconds of Unix)."""
        found: dict[str, float] = {}
        for name, (path, key) in COUNTS.items():
            report = self.project / "artifacts" / path
            if report.is_file() and report.stat().st_mtime >= since:
                value = read_json(report).get(key, 0)
                found[name] = float(sum(value.values()) if isinstance(value, dict) else value)
        return found

    @contextmanager
    def idle(self) -> Iterator[None]:
        """No stages begin before this ends.

        Raises:
            DatasetError: stages of a job run.
        """
        try:
            with self._lock(shared=False):
                yield
        except BlockingIOError:
            raise DatasetError(f"{self.project}: a job runs, its data is changed when it has ended") from None

    @contextmanager
    def _lock(self, *, shared: bool) -> Iterator[int]:
        """Stages share the lock and wait for it; what changes their data has it alone, or a BlockingIOError."""
        import fcntl  # not on Windows, where services do not run

        self._jobs.mkdir(parents=True, exist_ok=True)
        with (self._jobs / RUNNING).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file.fileno()

    def _failure(self, job: str) -> str:
        progress = self.progress(job)
        told = [line for line in progress.lines if progress.stage and line.startswith(f"{progress.stage}: ")]
        others = [line.strip() for line in progress.lines if not line.startswith(DVC_LINES)]
        reason = told[-1] if told else (others[-1] if others else "it left no message")
        counts = self.counts((self.folder(job) / "before").stat().st_mtime)
        so_far = ", ".join(f"{name.replace('_', ' ')} {value:.0f}" for name, value in counts.items())
        end = f" (so far: {so_far})" if so_far else ""
        return f"the stage {progress.stage or 'before the first'} failed: {reason}{end}"

    def _end_leftover(self, job: str) -> None:
        """End what a service that was killed has left running for this job, so that two never write together."""
        path = self.folder(job) / "pid"
        with suppress(psutil.Error):
            if (process := _runs(path)) is not None:
                _end_group(process.pid)
                process.wait(10)
        path.unlink(missing_ok=True)


def _runs(path: Path) -> psutil.Process | None:
    """The process whose number and start a file names, if it runs."""
    with suppress(OSError, psutil.Error, ValueError):
        number, _, created = path.read_text(encoding="utf-8").partition(" ")
        process = psutil.Process(int(number))
        if abs(process.create_time() - float(created)) < 1:
            return process
    return None


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def _ended(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _end_group(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(old, value) if both else value  # type: ignore[arg-type]
    return merged
