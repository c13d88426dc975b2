"""Short-lived signed tokens: who may do what, for the gateway's clients and between services (JWT, RFC 7519).

Usage: ``token = issue(Identity("ada", "admin"), key, minutes=15); who = verify(token, key)``
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, cast

import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from inkread.server.problems import ProblemError
from inkread.server.settings import Settings

ALGORITHM = "HS256"
ISSUER = "inkread"
CLAIMS = ["exp", "iat", "iss", "sub", "role"]
CLIENTS, SERVICES = "clients", "services"
SERVICE_MINUTES = 1.0

Role = Literal["user", "admin"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks.

    Attributes:
        name: of the user.
        role: what the user may do.
        key: id of the API key that the request came with; None for a password or a session.
    """

    name: str
    role: Role
    key: str | None = None

    @property
    def admin(self) -> bool:
        """Whether everything is allowed."""
        return self.role == "admin"


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says: who it is, under which session, and when it was made."""

    who: Identity
    session: str
    issued: datetime


def issue(who: Identity, key: str, minutes: float, audience: str = CLIENTS, session: str = "") -> str:
    """A token that says who it is for ``minutes``."""
    now = datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "aud": audience,
        "sub": who.name,
        "role": who.role,
        "sid": session,
        "iat": now,
        "exp": now + timedelta(minutes=minutes),
    }
    return jwt.encode(claims, key, ALGORITHM)


def verify(token: str, key: str, audience: str = CLIENTS) -> Identity:
    """Whose token it is; ProblemError as from `read`."""
    return read(token, key, audience).who


def read(token: str, key: str, audience: str = CLIENTS) -> Token:
    """What a token says.

    Raises:
        ProblemError: 401 where it is expired, altered, unsigned or for something else.
    """
    try:
        claims = jwt.decode(
            token, key, [ALGORITHM], audience=audience, issuer=ISSUER, options={"require": [*CLAIMS, "aud"]}
        )
    except jwt.ExpiredSignatureError:
        raise unauthorized("the token has expired, log in again") from None
    except jwt.InvalidTokenError:
        raise unauthorized("the token is not valid, log in again") from None
    if claims["role"] not in ("user", "admin"):
        raise unauthorized("the token is not valid, log in again")
    who = Identity(str(claims["sub"]), cast(Role, claims["role"]))
    return Token(who, str(claims.get("sid", "")), datetime.fromtimestamp(claims["iat"], UTC))


def unauthorized(detail: str) -> ProblemError:
    """401, with what a client needs to log in."""
    return ProblemError(401, "Unauthorized", detail, {"WWW-Authenticate": 'Bearer realm="inkread"'})


def service_header(who: Identity, settings: Settings) -> dict[str, str]:
    """The header with which the gateway calls the other services on behalf of a user."""
    token = issue(who, settings.key(SERVICES), SERVICE_MINUTES, SERVICES)
    return {"Authorization": f"Bearer {token}"}


_scheme = HTTPBearer(auto_error=False, description="Token of the gateway")


def identify_caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]
) -> Identity:
    """On whose behalf a service behind the gateway is called; 401 without the gateway's token."""
    if credentials is None:
        raise unauthorized("this service is called through the gateway")
    settings: Settings = request.app.state.settings
    who = verify(credentials.credentials, settings.key(SERVICES), SERVICES)
    request.state.user = who.name
    return who


Caller = Annotated[Identity, Depends(identify_caller)]


def require_admin(who: Caller) -> Identity:
    """The caller, who must be an admin; 403 for others."""
    if not who.admin:
        raise ProblemError(403, "Forbidden", "only an admin may do this")
    return who


AdminCaller = Annotated[Identity, Depends(require_admin)]
