"""How far reading has come: a bar on stderr where that is a terminal, and one line for each file that failed.

Usage: ``with Reading(files=3, shown=True) as progress: progress.page_read(page)``
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from inkread.cli.terminal import complain


class Reading:
    """Counts files and pages, and shows them with pages a minute and the current file.

    Attributes:
        failures: files that could not be read.
    """

    def __init__(self, *, files: int, shown: bool) -> None:
        """``files``: how many there are; ``shown``: False for no bar even on a terminal."""
        self.failures = 0
        self._pages = 0
        self._console = Console(stderr=True)
        self._bar = Progress(
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} files, {task.fields[pages]} pages,"),
            TextColumn("{task.fields[speed]:.1f} pages/min"),
            TextColumn("{task.fields[current]}", markup=False),
            console=self._console,
            transient=True,
            disable=not (shown and self._console.is_terminal),
        )
        self._task = self._bar.add_task("", total=files, pages=0, speed=0.0, current="")

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._bar.stop()

    def page_read(self, source: str) -> None:
        """Count a page of a file."""
        self._pages += 1
        elapsed = self._bar.tasks[0].elapsed
        speed = 60 * self._pages / elapsed if elapsed else 0.0
        self._bar.update(self._task, pages=self._pages, speed=speed, current=source)

    def file_read(self) -> None:
        """Count a file that was read."""
        self._bar.advance(self._task)

    def file_failed(self, error: Exception) -> None:
        """Count a file that was not read, and say why on one line."""
        self.failures += 1
        complain(error, self._console)
        self._bar.advance(self._task)

    def say(self, sentence: str) -> None:
        """Print a sentence above the bar, on stderr."""
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)
