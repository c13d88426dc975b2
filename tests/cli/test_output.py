"""A table that is cut at 80 columns in a log loses its figures."""

import pytest
from rich.table import Table

from inkread.cli.terminal import print_table


def test_a_piped_table_is_not_squeezed(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table()
    for _ in range(7):
        table.add_column("x" * 15)
    print_table(table)
    assert capsys.readouterr().out.count("x" * 15) == 7
