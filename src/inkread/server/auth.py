"""Who asks the gateway: token, API key, HTTP Basic, or the cookie of the web page; with lock-out and rate limit.

Usage: ``def models(who: User) -> list[Version]: ...`` as a route. ``app.state.gatekeeper`` is a `Gatekeeper`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPBasic, OAuth2PasswordBearer
from limits import RateLimitItem, RateLimitItemPerMinute, parse
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from inkread.server.keys import PREFIX, Scope
from inkread.server.metrics import LOGINS, REQUESTS_REJECTED
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import CLIENTS, Identity, Token, issue, read, unauthorized
from inkread.server.users import Users

COOKIE = "inkread_session"
FAILURES = RateLimitItemPerMinute(5)
FAILURES_OF_ADDRESS = RateLimitItemPerMinute(50)
REMEMBERED = 256
INVALID = "the token is not valid, log in again"
SCOPE_OF: dict[str, Scope] = {
    "predict": "predict",
    "convert": "predict",
    "read": "predict",
    "documents": "documents",
    "search": "documents",
    "forms": "documents",
    "ingest": "jobs",
    "train": "jobs",
    "jobs": "jobs",
    "datasets": "jobs",
}
"""Which scope an API key needs, by the first part of the path; admin for every other."""
READING = ("/predict", "/documents")
"""What is refused to an API key whose pages of the day are used up."""
WRONG = "user name or password is wrong"


@dataclass(frozen=True, slots=True)
class _Proven:
    """A password that was right for this hash, so that HTTP Basic need not prove it again with every request."""

    name: str
    password_hash: str


class Gatekeeper:
    """Checks credentials.

    Args:
        settings: key, life of tokens, limits.
        users: who may log in.
    """

    def __init__(self, settings: Settings, users: Users) -> None:
        self._settings = settings
        self._users = users
        self._key = settings.key(CLIENTS)
        self._limiter = MovingWindowRateLimiter(storage_from_string(settings.limits_url))
        self._rate: RateLimitItem = parse(settings.rate_limit)
        self._proven: OrderedDict[str, _Proven] = OrderedDict()

    def log_in(self, name: str, password: str, address: str) -> Identity:
        """Who it is; ProblemError 401 where name or password is wrong, 429 after five failures in a minute."""
        self._refuse_locked(
            self._limiter.test(FAILURES, "failures", name, address)
            and self._limiter.test(FAILURES_OF_ADDRESS, "failures", address)
        )
        user = self._users.verify(name, password)
        if user is None:
            self._limiter.hit(FAILURES, "failures", name, address)
            self._failed(name, address)
            raise unauthorized(WRONG)
        LOGINS.labels("succeeded").inc()
        return user.identity

    def _refuse_locked(self, open_: bool) -> None:
        if not open_:
            LOGINS.labels("locked").inc()
            raise ProblemError(429, "Locked", "too many wrong log-ins, wait a minute", {"Retry-After": "60"})

    def _failed(self, name: str, address: str) -> None:
        self._limiter.hit(FAILURES_OF_ADDRESS, "failures", address)
        LOGINS.labels("failed").inc()
        structlog.get_logger().warning("login_failed", user=name[:64], address=address)

    def token(self, who: Identity) -> str:
        """A token for the user, under a session that ends with it."""
        life = timedelta(minutes=self._settings.token_minutes)
        return self._issue(who, self._users.sessions.begin(who.name, life))

    def cookie(self, who: Identity) -> str:
        """The value of ``Set-Cookie`` that begins a session on the web page."""
        life = timedelta(hours=self._settings.session_hours)
        return self._cookie(who, self._users.sessions.begin(who.name, life))

    def renewed(self, token: str) -> str:
        """The value of ``Set-Cookie`` with which the session of a token goes on."""
        known = read(token, self._key)
        return self._cookie(known.who, known.session)

    def log_out(self, token: str) -> None:
        """End the session of a token, if it is one."""
        try:
            self._users.sessions.end(read(token, self._key).session)
        except ProblemError:
            return

    def _issue(self, who: Identity, session: str) -> str:
        return issue(who, self._key, self._settings.token_minutes, session=session)

    def _cookie(self, who: Identity, session: str) -> str:
        return session_cookie(self._issue(who, session), self._settings)

    def identify(self, request: Request) -> Identity:
        """Who sends a request; ProblemError 401 or 429, 403 for an API key that does not open this path."""
        kind, _, credentials = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and credentials.startswith(PREFIX):
            who = self._with_key(request, credentials)
        elif kind.lower() == "bearer":
            who = self._still_there(read(credentials, self._key))
        elif kind.lower() == "basic":
            who = self._basic(credentials, client_address(request))
        elif COOKIE in request.cookies:
            refuse_other_origins(request)
            token = read(request.cookies[COOKIE], self._key)
            who = self._still_there(token)
            if datetime.now(UTC) - token.issued > timedelta(minutes=self._settings.token_minutes) / 2:
                request.state.cookie = self._cookie(who, token.session)
        else:
            raise unauthorized("log in: with POST /token, or with HTTP Basic")
        if not self._limiter.hit(self._rate, "requests", who.name):
            REQUESTS_REJECTED.labels("rate_limited").inc()
            detail = f"more than {self._rate} requests, wait a little"
            raise ProblemError(429, "Too Many Requests", detail, {"Retry-After": "5"})
        return who

    def _still_there(self, token: Token) -> Identity:
        user = self._users.find(token.who.name)
        if user is None or user.disabled or user.role != token.who.role:
            raise unauthorized(INVALID)
        if not self._users.sessions.runs(token.session, user.name):
            raise unauthorized("the session has ended, log in again")
        return token.who

    def _with_key(self, request: Request, text: str) -> Identity:
        key = self._users.keys.find(text)
        user = None if key is None else self._users.find(key.user)
        if key is None or user is None or user.disabled:
            address = client_address(request)
            self._refuse_locked(self._limiter.test(FAILURES_OF_ADDRESS, "failures", address))
            self._failed(f"API key {text[:20]}", address)
            raise unauthorized("the API key is not valid: it is unknown, revoked or expired")
        scope = scope_of(request.url.path)
        if scope not in key.scopes and "admin" not in key.scopes:
            raise ProblemError(403, "Forbidden", f"this API key has not the scope {scope}")
        reads = request.method == "POST" and request.url.path in READING
        self._users.keys.count_request(key, reads=reads)
        return replace(user.identity, key=key.id)

    def _basic(self, credentials: str, address: str) -> Identity:
        try:
            name, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise unauthorized(WRONG) from None
        fingerprint = hmac.new(self._key.encode(), credentials.encode(), "sha256").hexdigest()
        proven = self._proven.get(fingerprint)
        user = self._users.find(name) if proven is not None else None
        if proven is not None and user is not None and not user.disabled and user.password_hash == proven.password_hash:
            return user.identity
        who = self.log_in(name, password, address)
        found = self._users.find(name)
        if found is not None:
            self._proven[fingerprint] = _Proven(name, found.password_hash)
            while len(self._proven) > REMEMBERED:
                self._proven.popitem(last=False)
        return who


def scope_of(path: str) -> Scope:
    """``scope_of("/jobs/train-1") == "jobs"``: the scope that an API key needs for a path."""
    return SCOPE_OF.get(path.split("/")[1], "admin")


def session_cookie(token: str, settings: Settings) -> str:
    """The value of ``Set-Cookie``; an empty token removes the cookie."""
    cookie: SimpleCookie = SimpleCookie({COOKIE: token})
    made = cookie[COOKIE]
    made["path"], made["samesite"], made["httponly"] = "/", "strict", True
    made["max-age"] = int(settings.token_minutes * 60) if token else 0
    made["secure"] = not settings.development
    return made.OutputString()


def client_address(request: Request) -> str:
    """The address that the request came from."""
    return request.client.host if request.client is not None else ""


def refuse_other_origins(request: Request) -> None:
    """Raise ProblemError 403 where another web site made the browser send this request with our cookie."""
    origin = request.headers.get("origin")
    safe = request.method in ("GET", "HEAD", "OPTIONS")
    if not safe and origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise ProblemError(403, "Forbidden", "this request comes from another web site")


_bearer = OAuth2PasswordBearer(tokenUrl="token", auto_error=False, description="Token of POST /token, or an API key")
_basic = HTTPBasic(auto_error=False, description="User name and password", realm="inkread")


def identify(
    request: Request,
    _token: Annotated[object, Depends(_bearer)],
    _password: Annotated[object, Depends(_basic)],
) -> Identity:
    """Who sends the request; the two schemes are named for OpenAPI, the gatekeeper reads the headers itself."""
    gatekeeper: Gatekeeper = request.app.state.gatekeeper
    who = gatekeeper.identify(request)
    request.state.user = who.name
    return who


User = Annotated[Identity, Depends(identify)]


def require_admin(who: User) -> Identity:
    """The sender, who must be an admin; ProblemError 403 for others."""
    if not who.admin:
        raise ProblemError(403, "Forbidden", "only an admin may do this")
    return who


Admin = Annotated[Identity, Depends(require_admin)]
