"""What the whole stack must do, tried on a stack of its own: prints a table, exits with 1 where something failed.

Usage: ``python -m scripts.acceptance`` (or ``make acceptance``); takes about twenty minutes on two cores

``--postgres`` tries the same with PostgreSQL, two prediction services and two training workers; ``--only document`` one
check.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from contextlib import ExitStack
from functools import partial
from typing import Annotated

import httpx2
import psutil
import typer
from rich.console import Console
from rich.table import Table

from deploy.grafana.queries import panel_queries
from scripts.acceptance_attacks import check_bombs, check_crowd, check_promotions, check_requests
from scripts.acceptance_forms import check_forms
from scripts.acceptance_stack import (
    ADMIN,
    ROOT,
    SECOND_WORKER,
    SERVICES,
    SHIFT,
    USER,
    Readers,
    Report,
    Stack,
    databases,
    encoded,
    is_ready_at,
    service_is_ready,
    stack,
    strip,
)

MOST_JOBS = 20
"""Until each of three workers, who take jobs by chance, should have run one."""
DOCUMENT_PAGES = 300
READ_WITHOUT = 150
"""Answers before and after the document, whose median its readers' is compared with."""
SLOWER = 1.5
RETRYABLE = {429, 502, 503, 504}
NOT_HERE = ("ALERTS{", "offset 1w", "offset 6d", "container_", "inkread_form_drift")
"""What has no data on a healthy machine in its first minutes without Docker: firing alerts, last week, containers,
drift between a hundred forms."""
TINY = {
    "build_train_cnn": {
        "recognizer": {"steps": 4, "warm_up": 1, "validate_every": 2, "validation_lines": 2},
        "word_cnn": {"epochs": 1},
    },
    "one_hot_encode_labels": {"min_count": 2},
    "evaluate_model": {"most_lines": 10},
}


def check_access(stack: Stack, report: Report) -> None:
    """Roles, wrong passwords, lock-out."""
    page = (ROOT / "examples" / "letter.png").read_bytes()
    answer = stack.client.post("/predict?format=txt", files={"file": ("page.png", page)}, auth=USER)
    report.add(
        "user1 reads a page",
        "200 and text",
        f"{answer.status_code}, {len(answer.text)} characters",
        "dear" in answer.text,
    )
    forbidden = [stack.client.post(path, auth=USER).status_code for path in ("/train", "/ingest")]
    report.add("user1 on /train and /ingest", "403", forbidden, forbidden == [403, 403])
    nobody = stack.client.post("/predict").status_code
    wrong = [stack.client.get("/models", auth=("nobody", "wrong")).status_code for _ in range(6)]
    report.add("no credentials", "401", nobody, nobody == 401)
    report.add("six wrong log-ins in a minute", "401 five times, then 429", wrong, wrong == [401] * 5 + [429])


def check_hang(stack: Stack, report: Report) -> None:
    """A service that is stopped is started again."""
    hung = stack.child("ingestion")
    hung.suspend()
    begun = time.monotonic()
    back = stack.wait_for(lambda: stack.child("ingestion").pid != hung.pid and service_is_ready("ingestion"), 180)
    report.add("ingestion after SIGSTOP", "is started again", f"after {time.monotonic() - begun:.0f} s", back)


def check_loop(stack: Stack, report: Report) -> None:
    """From data to a served model and back, with no request lost."""
    data = stack.job("/ingest", data={"request": json.dumps({"writers": 3, "forms": 1})})
    report.add("ingest", "succeeded", data["state"], data["state"] == "succeeded")
    trained = stack.job("/train", json={"params": TINY})
    report.add(
        "train, evaluate, register",
        "succeeded",
        f"{trained['state']} {trained['metrics']}",
        trained["state"] == "succeeded",
    )
    seeded = stack.client.get("/models", auth=ADMIN).json()[-1]
    report.add("the first champion", "the bundled model", seeded["model"], seeded["aliases"] == ["champion"])
    refused = stack.client.post("/models/2/promote", json={"why": "first"}, auth=ADMIN)
    report.add(
        "promotion of a model of four steps",
        "refused with figures, or as good",
        refused.json().get("detail", refused.json()),
        refused.status_code == 200 or bool(refused.json().get("table")),
    )
    stack.client.post("/models/2/promote", json={"why": "first", "force": True}, auth=ADMIN)
    again = stack.job("/train", json={"params": TINY | {"setup_callbacks": {"average": 0.5}}})
    report.add(
        "train again with a changed parameter", "version 3", again["metrics"], again["metrics"].get("version") == 3
    )
    url = str(stack.client.base_url)
    with Readers(url, 8) as readers:
        stack.wait_for(lambda: readers.statuses[200] > 50, 120)
        promoted = stack.client.post("/models/3/promote", json={"why": "second", "force": True}, auth=ADMIN).json()
        stack.wait_for(lambda: readers.models["3"] > 50, 120)
        back = stack.client.post("/models/rollback", json={"why": "try"}, auth=ADMIN).json()
        stack.wait_for(lambda: readers.statuses[200] >= 200, 120)
    report.add(
        "promotion and rollback are served at once",
        "3, then 2",
        [promoted, back],
        promoted["served"] and back["served"],
    )
    lost = {status: count for status, count in readers.statuses.items() if status != 200}
    report.add(
        "requests lost during both swaps", "0 of 200", f"{lost or 0} of {sum(readers.statuses.values())}", not lost
    )


def check_script(stack: Stack, report: Report) -> None:
    """The script for cron goes through everything."""
    script = str(ROOT / "scripts" / "run_mlops_pipeline.sh")
    environment = os.environ | {
        "INKREAD_GATEWAY_URL": str(stack.client.base_url),
        "INKREAD_INGEST": json.dumps({"writers": 3, "forms": 1}),
        "INKREAD_TRAIN": json.dumps({"params": TINY}),
    }
    done = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    last = (done.stdout + done.stderr).strip().splitlines()[-1]
    report.add("run_mlops_pipeline.sh", "status 0", f"status {done.returncode}: {last}", done.returncode == 0)


def check_kills(stack: Stack, report: Report) -> None:
    """kill -9 of each service while 20 clients read and a training runs."""
    job = stack.client.post("/train", json={"params": TINY | {"split_data": {"seed": 2}}}, auth=ADMIN).json()["id"]
    url = str(stack.client.base_url)
    with Readers(url, 20) as readers:
        stack.wait_for(lambda: stack.state(job) == "running", 60)
        for service in SERVICES:
            for port, killed in sorted(stack.children(service).items()):
                killed.kill()
                killed.wait(10)
                begun = time.monotonic()
                back = stack.wait_for(partial(is_ready_at, port), 90)
                spent = time.monotonic() - begun
                report.add(f"{service} {port - SHIFT} after kill -9", "comes back", f"after {spent:.0f} s", back)
        finished = stack.wait_for(lambda: stack.state(job) not in ("queued", "running"), 900)
    report.add(
        "the training that ran meanwhile", "succeeded", stack.state(job), finished and stack.state(job) == "succeeded"
    )
    other = {status: count for status, count in readers.statuses.items() if status not in RETRYABLE | {200}}
    report.add("clients saw only errors to be tried again", "no other", f"{dict(readers.statuses)}", not other)
    versions = [item["version"] for item in stack.client.get("/models", auth=ADMIN).json()]
    report.add(
        "the registry is whole",
        "every version, none twice",
        versions,
        sorted(versions) == list(range(1, len(versions) + 1)) and len(versions) >= 3,
    )


def check_workers(stack: Stack, report: Report) -> None:
    """Both training workers take jobs, where there are two."""
    if not stack.jobs_url:
        return
    found = stack.executors()
    for _ in range(MOST_JOBS):
        if SECOND_WORKER in found:
            break
        stack.job("/train", json={"params": TINY})
        found = stack.executors()
    report.add("workers that ran jobs", f"{SECOND_WORKER} too", sorted(found), SECOND_WORKER in found)


def check_document(stack: Stack, report: Report) -> None:
    """A long document is read to its end, and readers of single pages hardly notice."""
    line = strip(400)
    with Readers(str(stack.client.base_url), 16, line) as readers:
        stack.wait_for(lambda: len(readers.seconds) > 32, 300)
        before = len(readers.seconds)
        stack.wait_for(lambda: len(readers.seconds) > before + READ_WITHOUT, 600)
        files = {"file": ("long.pdf", encoded(line, "PDF", DOCUMENT_PAGES))}
        begun, first = time.monotonic(), len(readers.seconds)
        document = stack.client.post("/documents", files=files, auth=ADMIN).json()["id"]
        progress: set[int] = set()

        def ended() -> bool:
            state = stack.client.get(f"/documents/{document}", auth=ADMIN).json()
            progress.add(state["pages_done"])
            return state["state"] not in ("waiting", "reading")

        stack.wait_for(ended, 3600)
        spent, last = time.monotonic() - begun, len(readers.seconds)
        stack.wait_for(lambda: len(readers.seconds) > last + READ_WITHOUT, 600)
    summary = stack.client.get(f"/documents/{document}", auth=ADMIN).json()
    report.add(
        f"a document of {DOCUMENT_PAGES} pages",
        "read, with progress",
        f"{summary['state']}, {summary['pages_done']} pages in {spent:.0f} s, {len(progress)} steps seen",
        (summary["state"], summary["pages_done"]) == ("read", DOCUMENT_PAGES) and len(progress) > 10,
    )
    alone = statistics.median(readers.seconds[before:first] + readers.seconds[last:])
    beside = statistics.median(readers.seconds[first:last])
    report.add(
        "16 readers of single pages beside it",
        f"median below {SLOWER:g} times",
        f"{beside:.2f} s, {beside / alone:.2f} times the {alone:.2f} s without it ({last - first} answers)",
        beside < SLOWER * alone,
    )
    stack.client.delete(f"/documents/{document}", auth=ADMIN)


def check_monitoring(stack: Stack, report: Report) -> None:
    """Every panel has data, and an alert reaches the webhook."""
    prometheus = f"http://127.0.0.1:{9090 + SHIFT}"
    if not stack.wait_for(lambda: httpx2.get(f"{prometheus}/-/ready", trust_env=False).is_success, 5):
        report.add("Prometheus", "installed", "not installed: not checked", True)
        return

    asked = [
        query
        for query in panel_queries(ROOT / "deploy" / "grafana" / "dashboards")
        if not any(sign in query.promql for sign in NOT_HERE)
    ]

    def empty() -> list[str]:
        missing = []
        for query in asked:
            answer = httpx2.get(f"{prometheus}/api/v1/query", params={"query": query.promql}, trust_env=False).json()
            if answer["status"] != "success" or not answer["data"]["result"]:
                missing.append(f"{query.dashboard}/{query.panel}")
        return missing

    with Readers(str(stack.client.base_url), 2):
        complete = stack.wait_for(lambda: not empty(), 150)
        missing = empty()
    report.add("panel queries with data", f"all {len(asked)}", f"without: {missing or 'none'}", complete)
    stopped = [psutil.Process(stack.process.pid), stack.child("prediction")]
    for process in stopped:
        process.suspend()  # the supervisor too, which would start it again
    begun = time.monotonic()
    told = stack.wait_for(lambda: any(item["labels"]["alertname"] == "ServiceDown" for item in stack.alerts), 240)
    for process in stopped:
        process.resume()
    report.add("ServiceDown reaches the webhook", "it does", f"after {time.monotonic() - begun:.0f} s", told)


CHECKS = {
    "access": check_access,
    "bombs": check_bombs,
    "crowd": check_crowd,
    "document": check_document,
    "loop": check_loop,
    "promotions": check_promotions,
    "requests": check_requests,
    "script": check_script,
    "kills": check_kills,
    "workers": check_workers,
    "hang": check_hang,
    "forms": check_forms,  # by processes that live on, because monitoring asks for the figures of forms
    "monitoring": check_monitoring,
}


def main(
    postgres: Annotated[
        bool, typer.Option("--postgres", help="PostgreSQL, two prediction services, two training workers.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"A check: {', '.join(CHECKS)}; else all.")] = None,
) -> None:
    """Run the checks."""
    report = Report()
    with ExitStack() as entered:
        settings = entered.enter_context(databases()) if postgres else {}
        try:
            running = entered.enter_context(stack(report, settings))
        except ChildProcessError as error:
            Console(stderr=True).print(str(error), markup=False)
            raise typer.Exit(1) from None
        for name in only or CHECKS:
            try:
                CHECKS[name](running, report)
            except Exception as error:  # a check that breaks is one that failed; the others still run
                report.add(name, "runs to its end", f"{type(error).__name__}: {error}", False)
    title = "Acceptance with PostgreSQL, two prediction services, two training workers" if postgres else "Acceptance"
    table = Table("", "what", "asked", "found", title=title)
    for what, asked, found, passed in report.rows:
        table.add_row("ok" if passed else "FAIL", what, asked, found)
    Console(width=150).print(table)
    if not all(row[3] for row in report.rows):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
