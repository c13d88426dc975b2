"""Whatever a client sends by what OpenAPI says, or against it, no service answers 5xx (Schemathesis)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from fastapi import FastAPI
from pydantic import SecretStr

from inkread.server.gateway.app import gateway_app
from inkread.server.jobs import workspace
from inkread.server.jobs.app import ingestion_app, training_app
from inkread.server.prediction.app import prediction_app
from inkread.server.settings import Settings
from inkread.server.tokens import CLIENTS, SERVICES, Identity, issue
from tests.server.conftest import SECRET
from tests.server.servers import served, wait_until_ready
from tests.server.small_project import write_project

MAKERS = {"gateway": gateway_app, "prediction": prediction_app, "training": training_app, "ingestion": ingestion_app}
EXAMPLES = 8
AWAY = 503
"""What the gateway answers for the services that are not started here."""
pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(params=MAKERS, scope="module")
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, str]]:
    home = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
        patch.setattr(workspace, "prepare_project", write_project)
        patch.chdir(home)
        settings = Settings(
            home=home,
            secret=SecretStr(SECRET),
            retrain_schedule="",
            health_schedule="",
            rate_limit="100000/minute",
            training_url="http://127.0.0.1:9",
            ingestion_url="http://127.0.0.1:9",
            prediction_url="http://127.0.0.1:9",
        )
        write_project(settings.pipeline)
        (settings.pipeline / "go").touch()
        app = MAKERS[request.param](settings)
        with served(app) as url:
            wait_until_ready(url, path="/healthz" if request.param == "gateway" else "/readyz")
            yield app, url


def test_nothing_a_client_sends_breaks_a_service(service: tuple[FastAPI, str]) -> None:
    app, url = service
    settings: Settings = app.state.settings
    gateway = app.title.endswith("gateway")
    audience = CLIENTS if gateway else SERVICES
    token = issue(Identity("admin1", "admin"), settings.key(audience), 60, audience)
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    answered: list[int] = []

    def try_operation(operation: schemathesis.APIOperation[Any, Any, Any, Any]) -> None:
        @hypothesis.settings(
            max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
        )
        @hypothesis.given(case=operation.as_strategy())
        def attempt(case: schemathesis.Case[Any]) -> None:
            answer = case.call(headers={"Authorization": f"Bearer {token}"}, timeout=60)
            answered.append(answer.status_code)
            assert answer.status_code < 500 or (gateway and answer.status_code == AWAY), answer.text

        attempt()

    for result in schema.get_all_operations():
        try_operation(result.ok())  # type: ignore[union-attr]
    assert len(answered) > 5 * EXAMPLES // 2
    assert {200, 404, 422, 409} & set(answered)
