"""Jobs, and the data sets that they make, as the API takes and shows them.

Usage: ``IngestRequest.model_validate_json("{}"); Job(id="train-1", kind="train", state="queued")``
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

JobId = Annotated[str, Path(pattern=r"^[\w:.+-]{1,150}$", examples=["train-20260131-120000-3f2a"])]
"""Ids of jobs; those of a schedule have the time in them, with colons."""
DatasetNumber = Annotated[int, Path(ge=1, le=1_000_000)]
Kind = Literal["ingest", "train", "retrain", "health"]
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class IngestRequest(BaseModel):
    """What to make the dataset of: an uploaded archive, a folder or archive on the server, or rendered pages."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field("", description="Path on the server, below one of its INKREAD_INGEST_FOLDERS")
    format: Literal["iam", "pages", "table"] | None = Field(None, description="Else it is detected")
    name: str = Field("", max_length=100, description="Name of the source in the dataset")
    licence: str = Field("", max_length=200)
    language: str = Field("", max_length=35)
    add: bool = Field(False, description="Add to the newest data set instead of replacing it")
    corrections: bool = Field(False, description="Add the newest version of the corrections")
    writers: int = Field(12, ge=3, le=200, description="Of rendered pages")
    forms: int = Field(3, ge=1, le=50, description="Rendered pages a writer")


class TrainRequest(BaseModel):
    """Settings that differ from ``params.yaml``, by section; the sections of ingestion cannot be set here."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"params": {"build_train_cnn": {"recognizer": {"steps": 200}}}}]},
    )

    params: dict[str, dict[str, Any]] = Field(default_factory=dict)


class Job(BaseModel):
    """One job.

    Attributes:
        id: names it in ``/jobs/{id}``.
        kind: what it does.
        state: how it stands.
        stage: the pipeline stage that runs, or ran last.
        progress: share of the stages that are done, 0 to 1.
        who: asked for it; "schedule" for those that nobody asked for.
        submitted, started, ended: UTC, ISO 8601; "" where that has not come yet.
        message: why it failed, in one sentence.
        log: the last lines of its log.
        metrics: of what it made: samples and lines of an ingest; rates of a training, and the version it registered.
    """

    id: str
    kind: Kind
    state: State
    stage: str = ""
    progress: float = Field(0.0, ge=0, le=1)
    who: str = ""
    submitted: str = ""
    started: str = ""
    ended: str = ""
    message: str = ""
    log: list[str] = []
    metrics: dict[str, float] = {}


class Schedule(BaseModel):
    """What starts by itself, and when (crontab, UTC)."""

    name: str
    crontab: str
    last: str = ""


class JobList(BaseModel):
    """The newest jobs first, without their logs."""

    jobs: list[Job]
    schedules: list[Schedule]


SHOWN: tuple[Kind, ...] = ("ingest", "train", "retrain")
"""What GET /jobs lists where it is not asked for something else."""


class DatasetVersion(BaseModel):
    """A version of the data set.

    Attributes:
        version: its number.
        job: that made it.
        made: when, UTC, ISO 8601.
        source: what the job added, or made it of.
        samples: by kind: line, word, page.
        splits: samples by split, "" for those that training divides.
        skipped: what could not be used of the source, by reason.
        sha256: of its content.
    """

    version: int
    job: str
    made: str
    source: str
    samples: dict[str, int]
    splits: dict[str, int]
    skipped: dict[str, int]
    sha256: str


class DatasetSource(BaseModel):
    """What a version has of one source."""

    source: str
    licences: list[str]
    languages: list[str]
    samples: int
    documents: int
    writers: int
    splits: dict[str, int]


class DatasetDetails(DatasetVersion):
    """A version with its sources, and the names of what was skipped (the first thousand)."""

    sources: list[DatasetSource]
    skipped_names: list[str]


class DatasetList(BaseModel):
    """All versions, newest first."""

    versions: list[DatasetVersion]
