"""The script for cron goes through the whole pipeline in order, and stops where something fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from tests.server.servers import served

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "run_mlops_pipeline.sh"
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl"),
]


class Gateway:
    """A gateway that answers what a test wants and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.states = {"ingest-1": ["queued", "succeeded"], "train-1": ["running", "running", "succeeded"]}
        self.message = ""
        self.app = FastAPI()

        @self.app.middleware("http")
        async def note(request: Request, call_next):  # type: ignore[no-untyped-def]
            self.asked.append(f"{request.method} {request.url.path}")
            if request.headers.get("authorization") != "Basic YWRhOnNlY3JldA==":
                return JSONResponse({"detail": "user name or password is wrong"}, 401)
            return await call_next(request)

        @self.app.post("/{what}")
        def start(what: str) -> object:
            if what == "predict":
                return PlainTextResponse("First line\nSecond line\n")
            return {"id": f"{what}-1", "state": "queued", "stage": ""}

        @self.app.get("/jobs/{job}")
        def job(job: str) -> object:
            states = self.states[job]
            state = states.pop(0) if len(states) > 1 else states[0]
            return {"id": job, "state": state, "stage": "filter_data", "message": self.message}

        @self.app.post("/models/challenger/promote")
        def promote() -> object:
            return {"version": 2, "served": True}


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def url(gateway: Gateway) -> Iterator[str]:
    with served(gateway.app) as url:
        yield url


def run(url: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"INKREAD_GATEWAY_URL": url, "INKREAD_USER": "ada", "INKREAD_PASSWORD": "secret"} | more
    return subprocess.run([SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_everything_runs_in_order_and_is_waited_for(gateway: Gateway, url: str) -> None:
    done = run(url, INKREAD_PROMOTE="yes")
    assert done.returncode == 0, done.stderr
    assert list(dict.fromkeys(gateway.asked)) == [
        "POST /ingest",
        "GET /jobs/ingest-1",
        "POST /train",
        "GET /jobs/train-1",
        "POST /models/challenger/promote",
        "POST /predict",
    ]
    assert "training: succeeded filter_data" in done.stdout
    assert "read 2 lines, the first is: First line" in done.stdout


def test_a_failed_job_ends_it_with_its_reason(gateway: Gateway, url: str) -> None:
    gateway.states["ingest-1"] = ["running", "failed"]
    gateway.message = "the stage filter_data failed: no line is left"
    done = run(url)
    assert done.returncode == 1
    assert done.stderr == "run_mlops_pipeline: ingestion failed: the stage filter_data failed: no line is left\n"
    assert "POST /train" not in gateway.asked


def test_a_wrong_password_and_a_missing_gateway_are_one_sentence(url: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wrong", encoding="utf-8")
    done = run(url, INKREAD_PASSWORD_FILE=str(tmp_path / "password"))
    assert done.stderr == "run_mlops_pipeline: ingestion was refused: user name or password is wrong\n"
    done = run("http://127.0.0.1:9")
    assert (
        done.stderr.splitlines()[-1]
        == "run_mlops_pipeline: ingestion: the gateway at http://127.0.0.1:9 does not answer"
    )


def test_no_password_is_shown_to_other_users_of_the_machine(url: str) -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert "--user" not in text, "a list of processes shows the arguments of curl"
    assert "secret" not in run(url).stdout
