"""Models behind the gateway: what there is, promotion and rollback, with an audit trail.

Usage: ``app.include_router(models.router)``
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import httpx2
import structlog
from fastapi import APIRouter, Body, Path, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from inkread import registry
from inkread.bundle import Bundle, DataSource, Metric
from inkread.registry import Audit, Registry, Version
from inkread.server.auth import Admin, User
from inkread.server.problems import PROBLEMS
from inkread.server.settings import Settings
from inkread.server.tokens import Identity, service_header

router = APIRouter(tags=["models"], responses=PROBLEMS)


class Reason(BaseModel):
    """Why the champion is changed."""

    why: str = Field("", max_length=500, examples=["lower CER on the archive's letters"])


class Promotion(Reason):
    """Why, and whether the gate's objection is overruled."""

    force: bool = False


class Rollback(Reason):
    """Why, and the champion to take back: where it is that no more, nothing is changed."""

    version: int | None = Field(None, ge=1)


class Champion(BaseModel):
    """The version that is served from now on, and whether every prediction service serves it already."""

    version: int
    served: bool


class VersionDetails(BaseModel):
    """What the bundle of a version says of itself.

    Attributes:
        name, model: of the bundle.
        summary: in a sentence.
        licence: of the weights.
        parameters: weights of its network.
        training_command: that made it.
        metrics: its figures by data set, with 95 % intervals.
        sources: what it learnt from.
    """

    name: str
    model: str
    summary: str
    licence: str
    parameters: int
    training_command: str
    metrics: tuple[Metric, ...]
    sources: tuple[DataSource, ...]


@router.get("/models", summary="All versions, newest first")
def models(_who: User) -> list[Version]:
    """The registered versions with their aliases and figures."""
    return Registry().versions()


@router.get("/models/audit", summary="Who changed the champion, when and why")
def audit(_who: Admin) -> list[Audit]:
    """The changes, oldest first."""
    return Registry().audit()


@router.get("/models/{version}", summary="Figures by data set, and sources, of a version")
def version_details(
    request: Request, _who: User, version: Annotated[int, Path(ge=1, le=1_000_000_000)]
) -> VersionDetails:
    """From the bundle itself, which is fetched where it is not there yet."""
    settings: Settings = request.app.state.settings
    model = Bundle.open(Registry().fetch(version, settings.bundles)).model
    return VersionDetails(
        name=model.name,
        model=model.version,
        summary=model.summary,
        licence=model.licence,
        parameters=model.parameters,
        training_command=model.training_command,
        metrics=model.metrics,
        sources=model.sources,
    )


@router.post("/models/{version}/promote", summary="Make a version the champion")
async def promote(
    request: Request,
    who: Admin,
    version: Annotated[str, Path(pattern=r"^(\d{1,9}|[A-Za-z][\w.-]{0,63})$", examples=["challenger"])],
    promotion: Annotated[Promotion, Body()],
) -> Champion:
    """Refused with 409 where it reads worse than the champion, unless ``force`` is set."""
    number = await run_in_threadpool(
        lambda: registry.promote(Registry(), version, who.name, promotion.why, force=promotion.force)
    )
    return await _serve(request, who, number)


@router.post("/models/rollback", summary="Go back to the champion before this one")
async def rollback(request: Request, who: Admin, asked: Annotated[Rollback, Body()]) -> Champion:
    """Refused with 409 where there is none."""
    number = await run_in_threadpool(lambda: Registry().rollback(who.name, asked.why, asked.version))
    return await _serve(request, who, number)


async def _serve(request: Request, who: Identity, number: int) -> Champion:
    """Tell prediction, which would otherwise notice a few seconds later."""
    settings: Settings = request.app.state.settings
    client: httpx2.AsyncClient = request.app.state.client

    async def told(url: str) -> bool:
        try:
            answer = await client.post(f"{url}/model/refresh", headers=service_header(who, settings), timeout=60)
            answered: dict[str, Any] = answer.json()
        except (httpx2.TransportError, ValueError) as error:
            structlog.get_logger().warning("prediction_not_told", version=number, url=url, detail=str(error))
            return False
        return answered.get("registered") == number

    served = await asyncio.gather(*(told(url) for url in settings.service_urls("prediction")))
    return Champion(version=number, served=all(served))
