"""Users over HTTP, for admins: who may log in, as what, and how many sessions run.

Usage: ``app.include_router(users.router)``
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from inkread.errors import SettingsError
from inkread.server.auth import Admin
from inkread.server.problems import PROBLEMS, ProblemError
from inkread.server.tokens import Role
from inkread.server.users import LEAST_PASSWORD, MOST_PASSWORD, NAME, Users
from inkread.server.users import User as StoredUser

router = APIRouter(tags=["users"], responses=PROBLEMS)

Name = Annotated[str, Path(pattern=f"^{NAME.pattern}$", examples=["ada"])]
Password = Annotated[str, Field(min_length=LEAST_PASSWORD, max_length=MOST_PASSWORD)]


class ShownUser(BaseModel):
    """A user; ``sessions`` counts log-ins that have neither ended nor expired."""

    name: str
    role: Role
    disabled: bool
    created: datetime
    sessions: int


class NewUser(BaseModel):
    """Who may log in from now on."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=f"^{NAME.pattern}$", examples=["ada"])
    password: Password
    role: Role = "user"


class UserChange(BaseModel):
    """What changes of a user; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    disabled: bool | None = None
    password: Password | None = None


@router.get("/users", summary="All users, for admins")
def users(request: Request, _who: Admin) -> list[ShownUser]:
    """By name."""
    stored = _users(request)
    running = stored.sessions.running()
    return [_shown(user, running.get(user.name, 0)) for user in stored.all()]


@router.post("/users", summary="Add a user", status_code=201)
def add(request: Request, who: Admin, wanted: Annotated[NewUser, Body()]) -> ShownUser:
    """409 where there is such a user."""
    stored = _users(request)
    if stored.find(wanted.name) is not None:
        raise ProblemError(409, "Conflict", f"{wanted.name}: there is such a user already")
    with _refused():
        stored.add(wanted.name, wanted.password, wanted.role)
    structlog.get_logger().info("user_added", by=who.name, name=wanted.name, role=wanted.role)
    return _found(stored, wanted.name)


@router.patch("/users/{name}", summary="Role, password or access of a user")
def change(request: Request, who: Admin, name: Name, wanted: Annotated[UserChange, Body()]) -> ShownUser:
    """The sessions of the user end. Nobody takes the own role or access away: one admin always stays."""
    stored = _users(request)
    _found(stored, name)
    if name == who.name and (wanted.disabled or wanted.role == "user"):
        raise ProblemError(409, "Conflict", "another admin has to disable you or take your role away")
    with _refused():
        if wanted.role is not None:
            stored.set_role(name, wanted.role)
        if wanted.password is not None:
            stored.set_password(name, wanted.password)
        if wanted.disabled is not None:
            stored.set_disabled(name, wanted.disabled)
    changed = sorted(wanted.model_fields_set)
    structlog.get_logger().info("user_changed", by=who.name, name=name, changed=changed)
    return _found(stored, name)


@router.delete("/users/{name}/sessions", summary="End the sessions of a user", status_code=204)
def end_sessions(request: Request, who: Admin, name: Name) -> None:
    """The user has to log in again; API keys go on."""
    stored = _users(request)
    _found(stored, name)
    stored.sessions.end_all(name)
    structlog.get_logger().info("sessions_ended", by=who.name, name=name)


def _found(stored: Users, name: str) -> ShownUser:
    user = stored.find(name)
    if user is None:
        raise ProblemError(404, "Not Found", f"there is no user {name}")
    return _shown(user, stored.sessions.running().get(name, 0))


def _shown(user: StoredUser, sessions: int) -> ShownUser:
    return ShownUser(name=user.name, role=user.role, disabled=user.disabled, created=user.created, sessions=sessions)


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        raise ProblemError(422, "Unprocessable Content", str(error)) from None


def _users(request: Request) -> Users:
    users: Users = request.app.state.users
    return users
