"""API keys over HTTP: each user's own; an admin sees and revokes those of all.

Usage: ``app.include_router(keys.router)``
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request
from pydantic import BaseModel, Field

from inkread.errors import SettingsError
from inkread.server.auth import User
from inkread.server.keys import Key, Keys, Scope
from inkread.server.problems import PROBLEMS, ProblemError

router = APIRouter(tags=["users"], responses=PROBLEMS)


class KeyRequest(BaseModel):
    """What the key shall open, how much a day, and for how long."""

    name: str = Field(max_length=100, examples=["scanner in the reading room"])
    scopes: list[Scope] = Field(min_length=1, examples=[["predict"]])
    requests_a_day: int | None = Field(None, ge=1, le=10**9)
    pages_a_day: int | None = Field(None, ge=1, le=10**9)
    days: int | None = Field(None, ge=1, le=36_500, description="After which it ends; else never")


class NewKey(BaseModel):
    """The key and its text, which cannot be shown again."""

    text: str
    key: Key


@router.get("/keys", summary="Your API keys; for admins those of all users")
def keys(
    request: Request, who: User, everybody: Annotated[bool, Query(description="For admins: those of all users")] = False
) -> list[Key]:
    """The keys without their secrets, revoked ones included."""
    if everybody and not who.admin:
        raise ProblemError(403, "Forbidden", "only an admin may do this")
    return _keys(request).all(None if everybody else who.name)


@router.post("/keys", summary="Make an API key", status_code=201)
def make(request: Request, who: User, wanted: Annotated[KeyRequest, Body()]) -> NewKey:
    """The text of the key is in this answer only."""
    try:
        text, key = _keys(request).add(
            who.name,
            wanted.name,
            wanted.scopes,
            admin=who.admin,
            requests_a_day=wanted.requests_a_day,
            pages_a_day=wanted.pages_a_day,
            days=wanted.days,
        )
    except SettingsError as error:
        raise ProblemError(422, "Unprocessable Content", str(error)) from None
    return NewKey(text=text, key=key)


@router.delete("/keys/{key}", summary="Revoke an API key", status_code=204)
def revoke(request: Request, who: User, key: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]) -> None:
    """Refused from now on; an admin revokes the keys of all users."""
    if not _keys(request).revoke(key, None if who.admin else who.name):
        raise ProblemError(404, "Not Found", "there is no such key, or it is revoked already")


def _keys(request: Request) -> Keys:
    keys: Keys = request.app.state.users.keys
    return keys
