"""The format a client asks for, whichever way it asks."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from io import BytesIO

import pytest

from inkread.document import Document, Line, Page, Region
from inkread.server.answers import choose_format, file_name, write_answer
from inkread.server.problems import ProblemError


@pytest.mark.parametrize(
    ("name", "accept", "chosen"),
    [
        (None, "", "json"),
        (None, "*/*", "json"),
        ("pdf", "text/plain", "pdf"),
        (None, "text/plain", "txt"),
        (None, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "hocr"),
        (None, "application/json;q=0.1, application/pdf", "pdf"),
        (None, "application/json;q=0, text/*", "txt"),
        (None, "application/alto+xml", "alto"),
        (None, "application/pdf;q=much, application/json", "json"),
    ],
)
def test_format_is_chosen_by_name_then_accept(name: str | None, accept: str, chosen: str) -> None:
    assert choose_format(name, accept).name == chosen


def test_a_type_that_nobody_writes_is_not_acceptable() -> None:
    with pytest.raises(ProblemError) as caught:
        choose_format(None, "image/png")
    assert caught.value.status == 406
    assert "application/json" in caught.value.detail


def test_pages_of_a_format_with_one_page_a_file_come_in_a_zip() -> None:
    line = Line("l1", ((0, 9), (50, 9)), ((0, 0), (50, 0), (50, 10), (0, 10)), "Ink")
    page = Page(60, 20, (Region("r1", line.polygon, (line,)),), source='a "quoted" näme.tif')
    document = Document((page, replace(page, index=1)))
    made = write_answer(document, (), choose_format("page", "")).response({"X-Test": "1"})
    assert made.media_type == "application/zip"
    assert made.headers["content-disposition"] == 'attachment; filename="a__quoted__n_me.zip"'
    assert made.headers["x-test"] == "1"
    with zipfile.ZipFile(BytesIO(bytes(made.body))) as packed:
        assert len(packed.namelist()) == 2
        assert b"Ink" in packed.read(packed.namelist()[1])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\scans\\a.png", "a.png"),
        ("a\nb.png", "ab.png"),
        ("x" * 300, "x" * 100),
        (None, ""),
        ("..", ""),
        (".", ""),
    ],
)
def test_only_the_last_part_of_a_name_is_kept(given: str | None, kept: str) -> None:
    assert file_name(given) == kept
