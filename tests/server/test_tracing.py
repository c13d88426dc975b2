"""A request is one trace through gateway and service, and says nothing of whose page it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest
from fastapi import Request, Response
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from inkread.server.app import create_app
from inkread.server.gateway.app import gateway_app
from inkread.server.settings import Settings
from tests.server.servers import served, when

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def test_a_page_is_one_trace_through_both_services(settings: Settings, spans: InMemorySpanExporter) -> None:
    prediction = create_app("prediction", settings)

    @prediction.post("/predict")
    async def predict(request: Request) -> Response:
        await request.body()
        return Response("read")

    with ExitStack() as stack:
        behind = stack.enter_context(served(prediction))
        url = stack.enter_context(served(gateway_app(settings.model_copy(update={"prediction_url": behind}))))
        sent = {"file": ("secret-name.png", b"x")}
        header = {"X-Request-ID": "scan-1"}
        httpx2.post(f"{url}/predict", files=sent, auth=("user1", "1resu"), headers=header, trust_env=False)
        httpx2.get(f"{url}/jobs/train-of-somebody", auth=("user1", "1resu"), trust_env=False)
        when(lambda: len([span for span in spans.get_finished_spans() if span.name == "/predict"]) == 2)
    pages = [span for span in spans.get_finished_spans() if span.name == "/predict"]
    (outer,) = (span for span in pages if span.parent is None)
    (inner,) = (span for span in pages if span.parent is not None)
    assert inner.parent is not None
    assert inner.context.trace_id == outer.context.trace_id
    assert inner.parent.span_id == outer.context.span_id
    assert outer.attributes is not None
    assert outer.attributes["http.response.status_code"] == 200
    assert outer.attributes["enduser.id"] == "user1"
    assert outer.attributes["inkread.request_id"] == "scan-1"
    told = "".join(span.to_json() for span in spans.get_finished_spans())
    assert "secret-name" not in told
    assert "train-of-somebody" not in told
