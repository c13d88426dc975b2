"""The web pages: log in, the workbench (its views are built in the browser), and a quick read that keeps nothing.

Usage: ``add_pages(app)``
"""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Annotated, Any

import httpx2
from fastapi import APIRouter, FastAPI, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader
from starlette.exceptions import HTTPException

from inkread.document import Line, Polygon
from inkread.formats import FORMATS
from inkread.formats.json import load
from inkread.server.answers import wants_page
from inkread.server.auth import COOKIE, Gatekeeper, User, client_address, refuse_other_origins, session_cookie
from inkread.server.gateway.forwarding import Forwarder, unavailable
from inkread.server.problems import PROBLEMS, ProblemError, http_problem
from inkread.server.settings import Settings, is_loopback

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SURE, FAIR = 0.9, 0.75
PAGES = re.compile(
    r"/(find|next|try|d/[a-z0-9]+(/\d+)?|f(/queue|/b/[a-z0-9]+|/t/[\w.-]+(/edit)?)?|admin(/[a-z]+(/[\w:.+-]+)?)?)?",
    re.ASCII,
)
MODULES = sorted(
    item.name for item in (resources.files("inkread.server.web") / "static" / "workbench").iterdir() if item.is_file()
)
"""Scripts of the workbench, which the browser fetches together."""

NEEDS_HTTPS = (
    "You cannot be logged in over plain HTTP: the browser would not keep the session. "
    "Use the https:// address; the administrator sets it up with a proxy in front of Inkread."
)

NAME_LENGTH = 64

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
    """Serve the page and its files, and a page to people where there is none."""
    app.include_router(router)
    app.add_exception_handler(HTTPException, _missing)
    app.mount("/static", _Static(packages=[("inkread.server.web", "static")]))


def _missing(request: Request, error: Exception) -> Response:
    """For an unknown address, a page with a way back in a browser; the problem as JSON for a program."""
    if getattr(error, "status_code", 0) == 404 and wants_page(request.headers.get("accept", "")):
        return _html("missing.html.j2", 404)
    return http_problem(request, error)


class _Static(StaticFiles):
    """Files that browsers keep, and ask for again only to learn whether they changed."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        answer = super().file_response(*args, **kwargs)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


@router.get("/")
@router.get("/find")
@router.get("/next")
@router.get("/d/{document}")
@router.get("/d/{document}/{page}")
@router.get("/f")
@router.get("/f/queue")
@router.get("/f/b/{batch}")
@router.get("/f/t/{template}")
@router.get("/f/t/{template}/edit")
async def workbench(request: Request) -> HTMLResponse:
    """The workbench for who is logged in, else the log-in."""
    return await _page(request, "workbench.html.j2")


@router.get("/try")
async def quick_read(request: Request) -> HTMLResponse:
    """Read one file without keeping it, for who is logged in, else the log-in."""
    return await _page(request, "page.html.j2")


@router.get("/admin")
@router.get("/admin/{view}")
@router.get("/admin/{view}/{item}")
async def admin(request: Request) -> HTMLResponse:
    """The views for admins: jobs, models, data, users, storage, audit trail."""
    return await _page(request, "workbench.html.j2", for_admins=True)


async def _page(request: Request, template: str, *, for_admins: bool = False) -> HTMLResponse:
    try:
        who = await run_in_threadpool(_gatekeeper(request).identify, request)
    except ProblemError as error:
        if error.status != 401:
            raise
        return _html("login.html.j2", development=_settings(request).development, to=_local(str(request.url.path)))
    if for_admins and not who.admin:
        return _html("refused.html.j2", 403, who=who)
    return _html(template, who=who, modules=MODULES)


def _local(path: str) -> str:
    """The path where it is one of our pages, else "/": a log-in never leads elsewhere."""
    return path if PAGES.fullmatch(path) else "/"


@router.post("/login")
def log_in(
    request: Request, name: Annotated[str, Form()], password: Annotated[str, Form()], to: Annotated[str, Form()] = "/"
) -> HTMLResponse:
    """Set the cookie, or say what is wrong."""
    refuse_other_origins(request)
    settings, gatekeeper = _settings(request), _gatekeeper(request)
    if not settings.development and not _keeps_secure_cookies(request):
        return _html("login.html.j2", 403, problem=NEEDS_HTTPS, development=False, to=_local(to))
    try:
        who = gatekeeper.log_in(name, password, client_address(request))
    except ProblemError as error:
        problem = f"{error.detail[0].upper()}{error.detail[1:]}."
        known = {"development": settings.development, "to": _local(to), "name": name[:NAME_LENGTH]}
        return _html("login.html.j2", error.status, problem=problem, **known)
    return HTMLResponse(status_code=303, headers={"Location": _local(to), "Set-Cookie": gatekeeper.cookie(who)})


@router.post("/session", responses=PROBLEMS)
def renew(request: Request, _who: User) -> Response:
    """A fresh cookie for a page on which somebody works; not for who sends a password or a token."""
    answer = Response(status_code=204)
    if COOKIE in request.cookies and "authorization" not in request.headers:
        answer.headers["Set-Cookie"] = _gatekeeper(request).renewed(request.cookies[COOKIE])
    return answer


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
