"""The web page: log in, drop a scan, see its lines beside the text, take it away in every format.

Usage: ``add_pages(app)``
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import Annotated

import httpx2
from fastapi import APIRouter, FastAPI, File, Form, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader
from PIL import Image

from inkread.document import Document, Line, Polygon
from inkread.formats import FORMATS
from inkread.formats.json import dump, load
from inkread.io.inputs import load_pages
from inkread.server.answers import file_name
from inkread.server.app import REQUEST_ID
from inkread.server.auth import COOKIE, Gatekeeper, User, client_address, refuse_other_origins
from inkread.server.gateway.forwarding import PATIENCE, unavailable
from inkread.server.prediction.models import upload_limits
from inkread.server.problems import PROBLEMS, ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import Identity, service_header

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SURE, FAIR = 0.9, 0.75
PICTURE_SIDE = 1600
MOST_PICTURES = 20
QUALITY = 80

router = APIRouter(include_in_schema=False)


def grade(line: Line) -> str:
    """``doubt`` for a flagged or doubtful line, ``fair``, or ``sure``."""
    confidence = line.confidence or 0.0
    if line.flagged or confidence < FAIR:
        return "doubt"
    return "sure" if confidence >= SURE else "fair"


def percent(line: Line) -> str:
    """``percent(line) == "93 %"``."""
    return "" if line.confidence is None else f"{100 * line.confidence:.0f} %"


def points(polygon: Polygon) -> str:
    """The points as SVG writes them."""
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in polygon)


_templates = Environment(loader=PackageLoader("inkread.server.web"), autoescape=True)
_templates.globals |= {"grade": grade, "percent": percent, "points": points}


def add_pages(app: FastAPI) -> None:
    """Serve the page and its files."""
    app.include_router(router)
    app.mount("/static", StaticFiles(packages=[("inkread.server.web", "static")]))


@router.get("/")
async def home(request: Request) -> HTMLResponse:
    """The page for who is logged in, else the log-in."""
    try:
        who = await run_in_threadpool(_gatekeeper(request).identify, request)
    except ProblemError as error:
        if error.status != 401:
            raise
        return _html("login.html.j2", development=_settings(request).development)
    return _html("page.html.j2", who=who)


@router.post("/login")
def log_in(request: Request, name: Annotated[str, Form()], password: Annotated[str, Form()]) -> HTMLResponse:
    """Set the cookie, or say what is wrong."""
    refuse_other_origins(request)
    settings, gatekeeper = _settings(request), _gatekeeper(request)
    try:
        who = gatekeeper.log_in(name, password, client_address(request))
    except ProblemError as error:
        problem = f"{error.detail[0].upper()}{error.detail[1:]}."
        return _html("login.html.j2", error.status, problem=problem, development=settings.development)
    answer = HTMLResponse(status_code=303, headers={"Location": "/"})
    answer.set_cookie(
        COOKIE,
        gatekeeper.token(who),
        max_age=int(settings.token_minutes * 60),
        httponly=True,
        samesite="strict",
        secure=not settings.development,
    )
    return answer


@router.post("/logout")
def log_out(request: Request) -> RedirectResponse:
    """Forget the cookie."""
    refuse_other_origins(request)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


@router.post("/read", responses=PROBLEMS)
async def read(
    request: Request,
    who: User,
    file: Annotated[UploadFile, File()],
    min_confidence: Annotated[float | None, Query(ge=0, le=1)] = None,
) -> HTMLResponse:
    """What was read, as the fragment that the page shows."""
    data, name = await file.read(), file_name(file.filename)
    document = await _predict(request, who, data, name, min_confidence)
    pictures = await run_in_threadpool(lambda: list(islice(_pictures(data, _settings(request)), MOST_PICTURES)))
    return _html(
        "result.html.j2",
        name=name,
        document=document,
        json=dump(document).decode(),
        pictures=pictures,
        truncated=len(document.pages) > MOST_PICTURES,
        formats=list(FORMATS),
        count=sum(1 for _ in document.lines),
        flagged=sum(line.flagged for line in document.lines),
    )


async def _predict(request: Request, who: Identity, data: bytes, name: str, least: float | None) -> Document:
    settings = _settings(request)
    client: httpx2.AsyncClient = request.app.state.client
    query = {"format": "json"} | ({} if least is None else {"min_confidence": str(least)})
    try:
        answer = await client.post(
            settings.service_url("prediction") + "/predict",
            params=query,
            files={"file": (name, data)},
            headers=service_header(who, settings) | {REQUEST_ID: request.state.request_id},
            timeout=settings.request_seconds + PATIENCE,
        )
    except httpx2.TransportError as error:
        raise unavailable("prediction", error) from None
    if answer.status_code != 200:
        problem = answer.json()
        retry = {name: value for name, value in answer.headers.items() if name == "retry-after"}
        raise ProblemError(answer.status_code, problem["title"], problem["detail"], retry)
    return load(answer.content)


def _pictures(data: bytes, settings: Settings) -> Iterator[str]:
    """Each page as a data URL, small enough for a screen; browsers show neither TIFF nor PDF in an SVG."""
    for page in load_pages(data, upload_limits(settings)):
        picture = Image.fromarray(page.pixels).convert("RGB")
        picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
        body = BytesIO()
        picture.save(body, "JPEG", quality=QUALITY)
        yield f"data:image/jpeg;base64,{base64.b64encode(body.getvalue()).decode()}"


def _html(template: str, status: int = 200, /, **values: object) -> HTMLResponse:
    text = _templates.get_template(template).render(**values)
    return HTMLResponse(text, status, headers={"Content-Security-Policy": POLICY})


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _gatekeeper(request: Request) -> Gatekeeper:
    gatekeeper: Gatekeeper = request.app.state.gatekeeper
    return gatekeeper
