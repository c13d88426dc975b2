"""What a person sees on stderr: one line an error, and a progress bar on a terminal.

Usage: ``complain("letter.jpg: there is no such file")``
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import UnsupportedOperation

from rich.console import Console
from rich.text import Text

STDERR = 2


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
