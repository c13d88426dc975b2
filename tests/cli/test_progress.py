"""The bar counts what happened, and is silent off a terminal."""

import pytest

from inkread.cli.terminal import Reading
from inkread.errors import DamagedInputError


def test_a_bar_on_a_terminal_shows_files_pages_speed_and_the_current_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with Reading(files=3, shown=True) as progress:
        progress.page_read("letter [1].png")
        progress.page_read("letter [1].png")
        progress.file_read()
    shown = capsys.readouterr().err
    assert "1 of 3 files, 2 pages" in shown
    assert "pages/min" in shown
    assert "letter [1].png" in shown


def test_off_a_terminal_only_failures_are_seen(capsys: pytest.CaptureFixture[str]) -> None:
    with Reading(files=2, shown=True) as progress:
        progress.page_read("a.png")
        progress.file_read()
        progress.file_failed(DamagedInputError("b.png: cut off"))
    assert progress.failures == 1
    assert capsys.readouterr().err == "inkread: b.png: cut off\n"
