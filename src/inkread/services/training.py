"""The training service: trains, evaluates, exports and registers models as jobs.

Usage: ``uvicorn.run(training_app(load_settings()), port=8200)``
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, FastAPI, Request, Response

from inkread.services.job_app import found, job_app, place_of
from inkread.services.job_models import Job, TrainRequest
from inkread.services.jobs import submit
from inkread.services.problems import PROBLEMS, ProblemError
from inkread.services.settings import Settings
from inkread.services.tokens import AdminCaller
from inkread.services.workspace import Workspace

BODY_MIB = 1.0
CLOSED = {"extract_raw_data", "load_dataset", "register_model"}
STARTS = {"bundled", "ppocr", "random"}


def training_app(settings: Settings) -> FastAPI:
    """The application."""
    app = job_app("training", settings, body_mib=BODY_MIB, summary="Trains, evaluates and registers models.")

    @app.post("/train", tags=["jobs"], summary="Train a model", status_code=202, responses=PROBLEMS)
    def train(
        request: Request, response: Response, who: AdminCaller, wanted: Annotated[TrainRequest | None, Body()] = None
    ) -> Job:
        changes = (wanted or TrainRequest()).params
        _refuse_closed(changes)
        Workspace(settings.home).parameters(changes)
        job = submit("train", changes, who.name)
        response.headers.update(place_of(request, job))
        return found(job, settings)

    return app


def _refuse_closed(changes: dict[str, dict[str, object]]) -> None:
    """What names files or servers is the operator's to set, not a client's."""
    if closed := sorted(CLOSED & set(changes)):
        raise ProblemError(422, "Unprocessable Content", f"{closed[0]} cannot be set here; POST /ingest chooses data")
    recognizer = changes.get("build_train_cnn", {}).get("recognizer", {})
    start = recognizer.get("start", "bundled") if isinstance(recognizer, dict) else "bundled"
    if start not in STARTS:
        raise ProblemError(422, "Unprocessable Content", f"start is one of {', '.join(sorted(STARTS))}")
