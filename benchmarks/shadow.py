"""What a shadow costs the answers of the champion: times of requests with and without it, in turn.

Usage: ``python benchmarks/shadow.py tests/pages/note-1905-en.webp --pairs 20``

The shadow is another version of the same size and reads every page (in use a tenth). A request comes `PAUSE` seconds
after the answer to the one before it: in that time the shadow has begun, which is when it disturbs most.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import httpx2
import structlog
from pydantic import SecretStr

import figures
from inkread.bundle import Bundle
from inkread.evaluation.statistics import ratio_interval
from inkread.registry import Registry
from inkread.server.prediction.app import prediction_app
from inkread.server.prediction.models import Models, Served
from inkread.server.prediction.shadow import Shadow
from inkread.server.settings import Settings
from inkread.server.tokens import Identity, service_header

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.server.servers import served, wait_until_ready, when

PAUSE = 0.3
SECONDS = 900.0


def main() -> None:
    """Measure, print two lines."""
    parser = figures.parser(__doc__, "shadow.py tests/pages/note-1905-en.webp --pairs 20")
    parser.add_argument("page", type=Path, help="picture that is read")
    parser.add_argument("--pairs", type=int, default=20, help="of requests, one with and one without a shadow")
    options = parser.parse_args()
    content = options.page.read_bytes()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as home:
        os.chdir(home)  # MLflow keeps the files of versions in the current folder
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{home}/mlflow.db"
        settings = Settings(
            home=Path(home),
            secret=SecretStr("a secret of the benchmark, long enough"),
            model="models:/inkread@champion",
            shadow_share=1.0,
            model_poll_seconds=1e6,  # or it would be set again while a request is measured without it
            decoders=1,
            readers=1,
        )
        app = prediction_app(settings)
        with served(app) as address:
            wait_until_ready(address)
            models: Models = app.state.models
            shadow = with_shadow(models, Path(home) / "other")

            def read() -> None:
                headers = service_header(Identity("ada", "user"), settings)  # valid for a short time only
                client.post("/predict", files={"file": content}, headers=headers).raise_for_status()

            with httpx2.Client(base_url=address, trust_env=False, timeout=300) as client:
                times = measured(read, cast(Served, models.current), shadow, options.pairs)
            tallies = list(shadow.tallies().values())
    ratio = ratio_interval(times[True], times[False])
    pages, skipped = sum(tally.pages for tally in tallies), sum(tally.skipped for tally in tallies)
    print(f"time of a request with a shadow over that without: {ratio}, {options.pairs} pairs of requests")
    print(f"the shadow read {pages} pages and left out {skipped}; load {os.getloadavg()[0]:.0f}")
    made = figures.figure("time of a request with a shadow that reads every page", "ratio", ratio, dataset="one page")
    figures.write(options.json, [made], times={str(read): found for read, found in times.items()})


def measured(read: Callable[[], None], champion: Served, shadow: Shadow, pairs: int) -> dict[bool, list[float]]:
    """Seconds of requests while a shadow reads and while none does."""
    times: dict[bool, list[float]] = {True: [], False: []}
    asked = 0

    def done() -> bool:
        return sum(tally.pages + tally.skipped + tally.failed for tally in shadow.tallies().values()) == asked

    for number in range(pairs + 1):
        for reads in (True, False) if number % 2 else (False, True):
            when(done, SECONDS)  # what is left from before
            champion.shadow = shadow if reads else None
            for last in (False, True):
                begun = time.perf_counter()
                read()
                asked += reads
                if last and number:  # the first pair warms up
                    times[reads].append(time.perf_counter() - begun)
                time.sleep(PAUSE)
    when(done, SECONDS)
    return times


def with_shadow(models: Models, folder: Path) -> Shadow:
    """Register another version, let it read in the shadow, and give what reads."""
    shutil.copytree(Bundle.open().folder, folder)
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps(description | {"version": "other"}), encoding="utf-8")
    registry = Registry()
    registry.shadow(str(registry.register(folder)), "benchmark", "")
    models.refresh_shadow()
    assert models.current and models.current.shadow, models.shadow_problem
    return models.current.shadow


if __name__ == "__main__":
    main()
