"""Alerts where an operator sees them without further set-up: a page for admins and a file, fed by Alertmanager.

Usage: ``app.include_router(alerts.router)``
"""

from __future__ import annotations

import hmac
import json
from pathlib import Path
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Body, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader
from pydantic import BaseModel, Field

from inkread.server.answers import wants_page
from inkread.server.auth import Admin
from inkread.server.problems import PROBLEMS
from inkread.server.settings import ALERTS, Settings
from inkread.server.tokens import unauthorized

FILE = "alerts.jsonl"
MOST_BYTES = 5 * 2**20
MOST = 200
POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'"

router = APIRouter(tags=["operation"], responses=PROBLEMS)
_template = Environment(loader=PackageLoader("inkread.server.web"), autoescape=True)


class Alert(BaseModel):
    """One alert as Alertmanager sends it; what else it says is left out."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    startsAt: str = ""
    endsAt: str = ""


class Notification(BaseModel):
    """The body of Alertmanager's webhook (version 4)."""

    alerts: list[Alert] = Field(max_length=1000)


def token(settings: Settings) -> str:
    """What Alertmanager sends as its bearer token."""
    return settings.key(ALERTS)


@router.post("/alerts", summary="Receive alerts from Alertmanager", status_code=204)
def receive(request: Request, notification: Annotated[Notification, Body()]) -> None:
    """Keep each alert in ``alerts.jsonl`` and in the log."""
    settings: Settings = request.app.state.settings
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), token(settings).encode()):
        raise unauthorized("this is for Alertmanager: inkread admin alert-token prints its token")
    path = settings.home / FILE
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        path.replace(path.with_suffix(".jsonl.1"))
    with path.open("a", encoding="utf-8") as stream:
        for alert in notification.alerts:
            stream.write(alert.model_dump_json() + "\n")
            told = {"alert": alert.labels.get("alertname", ""), "status": alert.status, "labels": alert.labels}
            structlog.get_logger().warning("alert", detail=alert.annotations.get("summary", ""), **told)


@router.get("/alerts", summary="The newest alerts, for admins", response_model=list[Alert])
async def alerts(request: Request, _who: Admin) -> list[Alert] | HTMLResponse:
    """Newest first; as a page for browsers."""
    settings: Settings = request.app.state.settings
    found = await run_in_threadpool(newest, settings.home / FILE)
    if not wants_page(request.headers.get("accept", "")):
        return found
    page = _template.get_template("alerts.html.j2").render(alerts=found)
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


def newest(path: Path) -> list[Alert]:
    """The last alerts of a file, the newest first."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [Alert.model_validate(json.loads(line)) for line in reversed(lines[-MOST:])]
