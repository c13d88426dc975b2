"""The web page: log in, drop a scan, see its lines beside the text, take it away in every format.

Usage: ``add_pages(app)``
"""

from __future__ import annotations

import json
from typing import Annotated

import httpx2
from fastapi import APIRouter, FastAPI, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader

from inkread.document import Line, Polygon
from inkread.formats import FORMATS
from inkread.formats.json import load
from inkread.server.auth import COOKIE, Gatekeeper, User, client_address, refuse_other_origins, session_cookie
from inkread.server.gateway.forwarding import Forwarder, unavailable
from inkread.server.problems import PROBLEMS, ProblemError
from inkread.server.settings import Settings, is_loopback

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SURE, FAIR = 0.9, 0.75

NEEDS_HTTPS = (
    "You cannot be logged in over plain HTTP: the browser would not keep the session. "
    "Use the https:// address; the administrator sets it up with a proxy in front of Inkread."
)

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
    if not settings.development and not _keeps_secure_cookies(request):
        return _html("login.html.j2", 403, problem=NEEDS_HTTPS, development=False)
    try:
        who = gatekeeper.log_in(name, password, client_address(request))
    except ProblemError as error:
        problem = f"{error.detail[0].upper()}{error.detail[1:]}."
        return _html("login.html.j2", error.status, problem=problem, development=settings.development)
    return HTMLResponse(status_code=303, headers={"Location": "/", "Set-Cookie": gatekeeper.cookie(who)})


def _keeps_secure_cookies(request: Request) -> bool:
    """Whether the browser keeps a cookie for HTTPS only: over HTTPS, also before a proxy, or on its own machine."""
    forwarded = request.headers.get("x-forwarded-proto", "")
    return "https" in (request.url.scheme, forwarded) or is_loopback(request.url.hostname or "")


@router.post("/logout")
def log_out(request: Request) -> RedirectResponse:
    """End the session and remove the cookie."""
    refuse_other_origins(request)
    _gatekeeper(request).log_out(request.cookies.get(COOKIE, ""))
    return RedirectResponse("/", 303, {"Set-Cookie": session_cookie("", _settings(request))})


@router.post("/read", responses=PROBLEMS)
async def read(request: Request, who: User) -> HTMLResponse:
    """What was read, as the fragment that the page shows; prediction decodes the upload and makes the pictures."""
    forward: Forwarder = request.app.state.forward
    answer = await forward.send(request, who, "prediction", "/read")
    try:
        content = json.loads(await answer.aread())
    except (httpx2.TransportError, ValueError) as error:
        raise unavailable("prediction", error) from None
    finally:
        await answer.aclose()
    if answer.status_code != 200:
        retry = {name: value for name, value in answer.headers.items() if name == "retry-after"}
        raise ProblemError(answer.status_code, content["title"], content["detail"], retry)
    return await run_in_threadpool(_result, content["model"], content["document"], content["pictures"])


def _result(model: str, text: str, pictures: list[str]) -> HTMLResponse:
    document = load(text.encode())
    return _html(
        "result.html.j2",
        name=document.pages[0].source if document.pages else "",
        model=model,
        document=document,
        json=text,
        pictures=pictures,
        truncated=len(document.pages) > len(pictures),
        formats=list(FORMATS),
        count=sum(1 for _ in document.lines),
        flagged=sum(line.flagged for line in document.lines),
    )


def _html(template: str, status: int = 200, /, **values: object) -> HTMLResponse:
    text = _templates.get_template(template).render(**values)
    return HTMLResponse(text, status, headers={"Content-Security-Policy": POLICY})


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _gatekeeper(request: Request) -> Gatekeeper:
    gatekeeper: Gatekeeper = request.app.state.gatekeeper
    return gatekeeper
