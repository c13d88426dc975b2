"""What commands share: how they end and complain, tables, progress bars.

Usage: ``run_command(main)``; ``complain(error)``; ``print_table(table)``
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import UnsupportedOperation
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, Self

from rich.console import Console
from rich.text import Text

from inkread.errors import InkreadError, InputNotFoundError

if TYPE_CHECKING:
    from rich.table import Table

STDERR = 2
P = ParamSpec("P")


def run_command(command: Callable[P, object], *arguments: P.args, **options: P.kwargs) -> None:
    """``run_command(main)``: call the function of a command; wrong input is one line on stderr, without a traceback.

    The process then ends with exit status 1, and with 130 where somebody interrupted it.
    """
    try:
        command(*arguments, **options)
    except KeyboardInterrupt:
        sys.exit(130)
    except InkreadError as error:
        complain(error)
        sys.exit(1)


def existing(path: str | Path) -> Path:
    """A path that a user named, for example as the ``type`` of an argument of argparse.

    Raises:
        InputNotFoundError: nothing is there.
    """
    if not Path(path).exists():
        raise InputNotFoundError(f"{path}: there is no such file or folder, check the name")
    return Path(path)


def complain(message: object, console: Console | None = None) -> None:
    """Print ``inkread: message`` on one line of stderr, in colour where that is a terminal."""
    line = " ".join(str(message).split())
    (console or Console(stderr=True)).print(Text.assemble(("inkread: ", "bold red"), line), soft_wrap=True)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Drop what libraries in C write to stderr (libtiff: a line for each bad row); Python's stderr still works."""
    try:
        is_stderr = sys.stderr.fileno() == STDERR
    except (AttributeError, UnsupportedOperation):
        is_stderr = False
    if not is_stderr:
        yield
        return
    shown, kept = sys.stderr, os.dup(STDERR)
    silence = os.open(os.devnull, os.O_WRONLY)
    with open(kept, "w", encoding=shown.encoding, errors=shown.errors, buffering=1) as sys.stderr:
        os.dup2(silence, STDERR)
        os.close(silence)
        try:
            yield
        finally:
            os.dup2(kept, STDERR)
            sys.stderr = shown


PIPED_WIDTH = 150


def print_table(table: Table) -> None:
    """Print as wide as the terminal or, in a file or pipe, 150 columns."""
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)


class Reading:
    """Counts files and pages, and shows them with pages a minute and the current file.

    Attributes:
        failures: what could not be read or written.
    """

    def __init__(self, *, files: int, shown: bool) -> None:
        """``files``: how many there are; ``shown``: False for no bar even on a terminal."""
        from rich.progress import BarColumn, Progress, TextColumn  # takes long, and help has no bar

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
        """Count a file that is done."""
        self._bar.advance(self._task)

    def file_failed(self, error: Exception) -> None:
        """Count a file that was not read, and say why on one line."""
        self.complain(error)
        self.file_read()

    def complain(self, error: Exception) -> None:
        """Count a failure, and say why on one line."""
        self.failures += 1
        complain(error, self._console)

    def say(self, sentence: str) -> None:
        """Print a sentence above the bar, on stderr."""
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)
