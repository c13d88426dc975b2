"""``inkread bench`` measures the user's own pages."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inkread.cli import app
from inkread.errors import InputNotFoundError

LETTER = Path(__file__).parents[1] / "pages" / "letter-1905-en"


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """The upper part of a letter with its transcription, a page without, and a damaged one."""
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "a.webp").write_bytes(LETTER.with_suffix(".webp").read_bytes())
    (folder / "a.xml").write_bytes(LETTER.with_suffix(".xml").read_bytes())
    (folder / "b.webp").write_bytes(LETTER.with_suffix(".webp").read_bytes())
    (folder / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    return folder


def test_own_pages_are_measured_and_what_cannot_be_read_is_named(scans: Path, tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    result = CliRunner().invoke(
        app, ["bench", str(scans), "--runs", "1", "--threads", "1", "--no-lm", "--json", str(report)]
    )
    assert result.exit_code == 0, result.output
    (complaint,) = result.stderr.splitlines()
    assert "c.png: the file is damaged" in complaint
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert (figures["pages"], figures["transcribed_pages"], figures["settings"]["threads"]) == (2, 1, 1)
    assert 10 <= figures["lines_a_page"] <= 16, "13 lines are written there"
    assert 0 < figures["page_cer"]["value"] < 0.15
    median, late = figures["seconds_a_page"]
    assert 0 < median <= late
    assert figures["peak_mebibytes"] > 100, "the networks alone take more"
    assert "pages a second" in result.stdout


def test_what_is_not_there_is_an_error_of_one_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["bench", str(tmp_path / "absent")])
    assert isinstance(result.exception, InputNotFoundError)
