"""Ends what a process started when that process is gone, however it went.

Usage: ``with Guard() as guard: guard.add(child.pid)``, for a child that leads a process group

The guard is a small process of its own. It learns the groups over a pipe, and the end of the pipe tells it that their
owner has ended, also after ``kill -9`` and also where a group is stopped and takes no other signal.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

STOP_SECONDS = 10.0
POLL_SECONDS = 0.1


class Guard:
    """Guards process groups for this process until the end of the block."""

    def __enter__(self) -> Guard:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "inkread.server.guard"], stdin=subprocess.PIPE, start_new_session=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End it; what it still guards is ended too."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def add(self, group: int) -> None:
        """Guard a process group."""
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Guard it no longer: it has ended, and its number may be given to others."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; whether there was one."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Follow the pipe to its end, then end the groups: with SIGTERM, and after 10 seconds with SIGKILL."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    deadline = time.monotonic() + STOP_SECONDS
    groups = {group for group in groups if signal_group(group, signal.SIGTERM)}
    while groups and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        groups = {group for group in groups if signal_group(group, 0)}
    for group in groups:
        signal_group(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
