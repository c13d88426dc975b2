"""Real handwriting is read about as well as it was; NOTICE says where these pages are from.

CER in percent, measured with the bundled model 1.0.0 and its language models. ``given``: the transcribed lines
read one by one. ``page``: lines found, text compared in reading order. A bound is the measured value plus a fifth of it
plus one point, so that another version of onnxruntime or OpenCV passes and a page that reads worse does not.

    page                 lines  given   page  what makes it hard
    copy-2022-fr             8    3.2    1.7  ballpoint on ruled paper, printed lines
    letter-1700-fr          16    1.3    1.3  old hand, dark background beside the page
    letter-1900-fr          15    4.2    4.0
    letter-1905-en          13    0.6    0.6  punched holes
    note-1905-en            23    1.8    9.2  a note across the first lines
    notebook-1893-fr        18    5.7    6.5  black background, fast hand
    petition-1755-fr        25    4.9    8.9  insertions between lines
    streets-2022-de         66    2.3    2.3  four columns of slips
    travel-notes-1960-fr    29    4.9    5.4  faint pencil
    will-1914-fr            13    8.1   10.8  a frame around the text, a line nobody transcribed
"""

from pathlib import Path

import pytest

from inkread.evaluation.compare import read_given_lines, read_whole_pages
from inkread.evaluation.sources import PageFile
from inkread.evaluation.text import Errors, character_errors
from inkread.reader import Reader

FOLDER = Path(__file__).parent
MEASURED = {
    "copy-2022-fr": (3.2, 1.7),
    "letter-1700-fr": (1.3, 1.3),
    "letter-1900-fr": (4.2, 4.0),
    "letter-1905-en": (0.6, 0.6),
    "note-1905-en": (1.8, 9.2),
    "notebook-1893-fr": (5.7, 6.5),
    "petition-1755-fr": (4.9, 8.9),
    "streets-2022-de": (2.3, 2.3),
    "travel-notes-1960-fr": (4.9, 5.4),
    "will-1914-fr": (8.1, 10.8),
}


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.mark.parametrize("name", MEASURED)
def test_a_real_page_is_read(reader: Reader, name: str) -> None:
    page = PageFile(FOLDER / f"{name}.webp", FOLDER / f"{name}.xml", name)
    (lines,) = read_given_lines(reader, [page])
    (whole,) = read_whole_pages(reader, [page])
    given = sum((character_errors(line.written, line.read) for line in lines), Errors())
    rates = 100 * given.rate, 100 * whole.characters.rate
    assert all(rate <= bound(measured) for rate, measured in zip(rates, MEASURED[name], strict=True)), rates


def bound(measured: float) -> float:
    return 1.2 * measured + 1.0
