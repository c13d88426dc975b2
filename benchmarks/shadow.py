"""What a shadow costs the answers of the champion: times of requests with and without it, in turn.

Usage: ``python benchmarks/shadow.py tests/pages/note-1905-en.webp --pairs 20``

The shadow is another version of the same size and reads every page (in use a tenth). A request comes `PAUSE` seconds
after the answer to the one before it: in that time the shadow has begun, which is when it disturbs most.

Beside the time on the clock stands the computing time of the service and its workers, without that of the shadow: it
hardly depends on what else the machine does.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import httpx2
import structlog
from pydantic import SecretStr

import figures
from inkread.bundle import Bundle
from inkread.cli.terminal import existing, run_command
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
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, print two lines."""
    parser = figures.parser(__doc__, "shadow.py tests/pages/note-1905-en.webp --pairs 20")
    parser.add_argument("page", type=existing, help="picture that is read")
    parser.add_argument("--pairs", type=int, default=20, help="of requests, one with and one without a shadow")
    options = parser.parse_args()
    if not options.page.is_file():
        parser.error(f"{options.page}: this is a folder, name one picture")
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
            workers = [str(process.pid) for process in multiprocessing.active_children()]
            shadow = with_shadow(models, Path(home) / "other")

            def read() -> None:
                headers = service_header(Identity("ada", "user"), settings)  # valid for a short time only
                client.post("/predict", files={"file": content}, headers=headers).raise_for_status()

            with httpx2.Client(base_url=address, trust_env=False, timeout=300) as client:
                times = measured(read, cast(Served, models.current), shadow, options.pairs, workers)
            tallies = list(shadow.tallies().values())
    pages, skipped = sum(tally.pages for tally in tallies), sum(tally.skipped for tally in tallies)
    made = []
    for number, what in enumerate(("time", "computing time")):
        ratio = ratio_interval(*([each[number] for each in times[reads]] for reads in (True, False)))
        print(f"{what} of a request with a shadow over that without: {ratio}, {options.pairs} pairs of requests")
        name = f"{what} of a request with a shadow that reads every page"
        made.append(figures.figure(name, "ratio", ratio, dataset="one page", requests=2 * options.pairs))
    print(f"the shadow read {pages} pages and left out {skipped}; load {os.getloadavg()[0]:.0f}")
    figures.write(options.json, made, times={str(read): found for read, found in times.items()})


def computed(workers: Iterable[str]) -> float:
    """Seconds of computing of this process and of others, by their ids."""
    parts = [Path("/proc", pid, "stat").read_text(encoding="utf-8").rpartition(")")[2].split() for pid in workers]
    return time.process_time() + sum(int(part[11]) + int(part[12]) for part in parts) / TICKS


def measured(
    read: Callable[[], None], champion: Served, shadow: Shadow, pairs: int, workers: Iterable[str]
) -> dict[bool, list[tuple[float, float]]]:
    """Seconds of requests, on the clock and of computing, while a shadow reads and while none does."""
    times: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    asked = 0

    def done() -> bool:
        return sum(tally.pages + tally.skipped + tally.failed for tally in shadow.tallies().values()) == asked

    for number in range(pairs + 1):
        for reads in (True, False) if number % 2 else (False, True):
            when(done, SECONDS)  # what is left from before
            champion.shadow = shadow if reads else None
            for last in (False, True):
                begun, used = time.perf_counter(), computed(workers)
                read()
                asked += reads
                if last and number:  # the first pair warms up
                    times[reads].append((time.perf_counter() - begun, computed(workers) - used))
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
    run_command(main)
