"""Traces of requests through the services, sent to a collector where a setting names one (OpenTelemetry, OTLP/HTTP).

Usage: ``start_tracing("gateway", "http://collector:4318")``; without it spans cost next to nothing and go nowhere
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from inkread.errors import SettingsError

NAME = "inkread"


def start_tracing(service: str, url: str) -> None:
    """Send the spans of this process to a collector.

    Args:
        service: its name, after ``inkread-``.
        url: of the collector; ``/v1/traces`` is added.

    Raises:
        SettingsError: the exporter is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError:
        raise SettingsError("INKREAD_TRACES_URL needs the exporter: pip install 'inkread[traces]'") from None
    provider = TracerProvider(resource=Resource.create({"service.name": f"{NAME}-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)


@contextmanager
def request_span(method: str, headers: Mapping[str, str], request_id: str) -> Iterator[Span]:
    """The span of a request, below that of its caller where the headers name one."""
    with trace.get_tracer(NAME).start_as_current_span(
        method,
        propagate.extract(headers),
        SpanKind.SERVER,
        {"http.request.method": method, "inkread.request_id": request_id},
    ) as span:
        yield span


def end_span(span: Span, route: str, status: int, user: str) -> None:
    """Note what became of a request; its path and file names stay out, they may say whose pages these are."""
    span.update_name(route)
    span.set_attributes({"http.route": route, "http.response.status_code": status, "enduser.id": user})
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def pass_on(headers: MutableMapping[str, str]) -> None:
    """Add the headers with which the service that is called goes on with the trace."""
    propagate.inject(headers)
