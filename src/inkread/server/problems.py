"""Errors as problem+json (RFC 9457), one sentence for a person in ``detail``.

Usage: ``raise ProblemError(429, "Busy", "the queue is full, try again in 5 seconds", {"Retry-After": "5"})``
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from inkread.errors import (
    DatasetError,
    InkreadError,
    InputError,
    InputTooLargeError,
    PatternError,
    RegistryDownError,
    RegistryError,
    TemplateError,
    UnsupportedInputError,
)

MEDIA_TYPE = "application/problem+json"
STATUS: tuple[tuple[type[InkreadError], int], ...] = (
    (InputTooLargeError, 413),
    (UnsupportedInputError, 415),
    (InputError, 422),
    (DatasetError, 422),
    (TemplateError, 422),
    (PatternError, 422),
    (RegistryError, 409),
)


class Problem(BaseModel):
    """The body of every error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str = ""
    table: list[dict[str, float | str]] | None = None


class ProblemError(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status, 400 to 599.
        title: its kind, the same for all of this kind.
        detail: what is wrong and what to do.
        headers: for example ``Retry-After``.
        table: figures that show why.
        extra: further members of the problem.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        table: list[dict[str, float | str]] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.table = table
        self.extra = dict(extra or {})


def problem_response(request: Request, error: ProblemError) -> JSONResponse:
    """The answer for an error."""
    request.state.outcome = error.detail
    problem = Problem(
        title=error.title,
        status=error.status,
        detail=error.detail,
        request_id=str(getattr(request.state, "request_id", "")),
        table=error.table,
    )
    content = problem.model_dump(exclude_none=True) | error.extra
    return JSONResponse(content, error.status, headers=error.headers, media_type=MEDIA_TYPE)


def add_problem_handlers(app: FastAPI) -> None:
    """Turn every error that is raised on purpose into a problem; the middleware answers for all others."""

    @app.exception_handler(ProblemError)
    def problem(request: Request, error: ProblemError) -> JSONResponse:
        return problem_response(request, error)

    @app.exception_handler(InkreadError)
    def inkread(request: Request, error: InkreadError) -> JSONResponse:
        if isinstance(error, RegistryDownError):
            structlog.get_logger().warning("registry_unreachable", detail=str(error))
            away = "the registry of models cannot be reached, try again"
            return problem_response(request, ProblemError(503, _title(503), away, {"Retry-After": "5"}))
        status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
        return problem_response(
            request, ProblemError(status, _title(status), str(error), table=getattr(error, "table", None))
        )

    app.add_exception_handler(HTTPException, http_problem)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return problem_response(request, ProblemError(422, _title(422), f"{place}: {first['msg']}"))


def http_problem(request: Request, error: Exception) -> JSONResponse:
    """The answer for what the framework refuses, such as an unknown address."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    return problem_response(request, ProblemError(status, _title(status), str(error.detail), error.headers))


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": _description, "content": {MEDIA_TYPE: {}}}
    for status, _description in (
        (401, "Who are you? Log in."),
        (403, "This user may not do this."),
        (422, "The request or the file does not say what is needed."),
        (429, "Too many requests; wait as long as Retry-After says."),
        (503, "A service that is needed is not there; try again."),
    )
}
"""Answers that most routes can give, for OpenAPI."""


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
