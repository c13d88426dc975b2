"""Show a report on standard output.

Usage: ``print_table(report.table())``
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

PIPED_WIDTH = 150


def print_table(table: Table) -> None:
    """Print as wide as the terminal or, in a file or pipe, 150 columns."""
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)
