"""Models behind the gateway: what there is, promotion, rollback and shadow, with an audit trail.

Usage: ``app.include_router(models.router)``
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import httpx2
import structlog
from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from inkread import registry
from inkread.bundle import Bundle, DataSource, Metric
from inkread.evaluation.disagreement import Tally
from inkread.evaluation.gate import Change
from inkread.registry import SHADOW, Audit, Registry, Version
from inkread.server.auth import Admin, User
from inkread.server.problems import PROBLEMS
from inkread.server.settings import Settings
from inkread.server.tokens import Identity, service_header

router = APIRouter(tags=["models"], responses=PROBLEMS)

Reference = Annotated[str, Path(pattern=r"^(\d{1,9}|[A-Za-z][\w.-]{0,63})$", examples=["challenger"])]


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


class ShadowVersion(BaseModel):
    """The version that reads, or read until now, beside the champion; None where none did."""

    version: int | None


class ShadowReport(BaseModel):
    """How the version that reads beside the champion differs from it, over all prediction services.

    Attributes:
        version: with the alias ``shadow``; None where none has it.
        champion: what it is compared with.
        share: of the pages, that it reads.
        services: prediction services.
        reading: how many of them read with it.
        problem: why one of the others does not; "" where there is nothing wrong.
        pages, differing, failed, skipped: compared, read differently, not readable for it, left out because others
            came first.
        cer: edits between the readings over the characters of the champion's.
        low, high: 95 % interval of ``cer`` over pages.
        confidence, champion_confidence: mean over pages.
        seconds, champion_seconds: CPU time of a page.
    """

    version: int | None
    champion: int | None
    share: float
    services: int
    reading: int
    problem: str
    pages: int
    differing: int
    failed: int
    skipped: int
    cer: float | None
    low: float | None
    high: float | None
    confidence: float | None
    champion_confidence: float | None
    seconds: float | None
    champion_seconds: float | None


class ServiceDrift(BaseModel):
    """How the last pages that a prediction service read differ from those it is used to.

    Attributes:
        service: its address.
        reference, reference_pages: pages of this place that they are compared with, and how many are needed.
        window, window_pages: pages that are compared, and how many are needed.
        alarm: index above which a figure has drifted.
        usual, training: index of each figure, compared with pages of this place and with those that the model learnt
            from; empty until there are enough pages.
    """

    service: str
    reference: int
    reference_pages: int
    window: int
    window_pages: int
    alarm: float
    usual: dict[str, float]
    training: dict[str, float]


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


@router.get("/models/shadow", summary="How the shadow's readings differ from the champion's")
async def shadow_report(request: Request, who: Admin) -> ShadowReport:
    """From pages that both have read; nobody has transcribed them, so which of the two is right is not known."""
    registry = Registry()
    version, champion = await run_in_threadpool(lambda: (registry.find(SHADOW), registry.champion()))
    states = [state for state in await _ask_all(request, who, "GET", "/model/shadow") if state]
    of_pair = [state for state in states if state["version"] == version and state["champion"] == champion]
    tallies = {name: Tally.model_validate(row) for state in of_pair for name, row in state["tallies"].items()}
    sums = Tally.sum(tallies.values())
    low, high = sums.interval or (None, None)
    settings: Settings = request.app.state.settings
    return ShadowReport(
        version=version,
        champion=champion,
        share=states[0]["share"] if states else settings.shadow_share,
        services=len(settings.service_urls("prediction")),
        reading=sum(state["reading"] for state in of_pair),
        problem=next((state["problem"] for state in states if state["problem"]), ""),
        **sums.model_dump(include={"pages", "differing", "failed", "skipped"}),
        cer=sums.cer,
        low=low,
        high=high,
        confidence=_mean(sums.other_confidence, sums.pages),
        champion_confidence=_mean(sums.confidence, sums.pages),
        seconds=_mean(sums.other_seconds, sums.pages),
        champion_seconds=_mean(sums.seconds, sums.pages),
    )


@router.get("/models/drift", summary="How the last pages differ from those the champion is used to")
async def drift(request: Request, who: Admin) -> list[ServiceDrift]:
    """Of each prediction service that answers."""
    urls = request.app.state.settings.service_urls("prediction")
    states = await _ask_all(request, who, "GET", "/model/drift")
    return [ServiceDrift(service=url, **state) for url, state in zip(urls, states, strict=True) if state]


def _mean(total: float, pages: int) -> float | None:
    return total / pages if pages else None


@router.get("/models/{version}/changes", summary="Gold lines that a version reads otherwise than the champion")
def changes(_who: Admin, version: Annotated[int, Path(ge=1, le=1_000_000_000)]) -> list[Change]:
    """With pictures, the readings of both and the transcription; gold pages may be confidential."""
    return Registry().changes(version)


@router.post("/models/{version}/shadow", summary="Let a version read some pages beside the champion")
async def shadow(request: Request, who: Admin, version: Reference, asked: Annotated[Reason, Body()]) -> ShadowVersion:
    """In place of any other. What it reads is compared with the champion's reading, and never answered."""
    number = await run_in_threadpool(lambda: Registry().shadow(version, who.name, asked.why))
    await _ask_all(request, who, "POST", "/model/refresh")
    return ShadowVersion(version=number)


@router.delete("/models/shadow", summary="Let no version read beside the champion")
async def end_shadow(request: Request, who: Admin, why: Annotated[str, Query(max_length=500)] = "") -> ShadowVersion:
    """What was counted until then stays in the metrics."""
    number = await run_in_threadpool(lambda: Registry().end_shadow(who.name, why))
    await _ask_all(request, who, "POST", "/model/refresh")
    return ShadowVersion(version=number)


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
    version: Reference,
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
    told = await _ask_all(request, who, "POST", "/model/refresh")
    return Champion(version=number, served=all(answer.get("registered") == number for answer in told))


async def _ask_all(request: Request, who: Identity, method: str, path: str) -> list[dict[str, Any]]:
    """What each prediction service answers; nothing where one does not."""
    settings: Settings = request.app.state.settings
    client: httpx2.AsyncClient = request.app.state.client

    async def ask(url: str) -> dict[str, Any]:
        try:
            answer = await client.request(method, url + path, headers=service_header(who, settings), timeout=60)
            answered: dict[str, Any] = answer.json() if answer.is_success else {}
        except (httpx2.TransportError, ValueError) as error:
            structlog.get_logger().warning("prediction_not_told", path=path, url=url, detail=str(error))
            return {}
        return answered

    return list(await asyncio.gather(*(ask(url) for url in settings.service_urls("prediction"))))
