"""A worker that takes jobs from a queue, to be killed.

Usage: ``python -m tests.server.job_worker HOME EXECUTOR [JOBS_URL [VERSION]]``; VERSION is that of a former release
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from pydantic import SecretStr

from inkread.server.jobs import workflows, workspace
from inkread.server.jobs.workflows import running_jobs
from inkread.server.settings import Settings
from tests.server.small_project import write_project

if __name__ == "__main__":
    setattr(workspace, "prepare_project", write_project)  # noqa: B010
    settings = Settings(
        home=Path(sys.argv[1]),
        secret=SecretStr("x" * 32),
        retrain_schedule="",
        health_schedule="",
        jobs_database_url=sys.argv[3] if len(sys.argv) > 3 else "",
    )
    if len(sys.argv) > 4:
        workflows.WORKFLOWS_VERSION = sys.argv[4]
        setattr(workflows, "adopt_jobs", lambda _url: 0)  # noqa: B010
    with running_jobs(settings, sys.argv[2]):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        threading.Event().wait()
