"""The report of the gate shows the lines that changed most, with their pictures, and no more than a person looks at."""

import base64
from io import BytesIO

import numpy as np
from PIL import Image

from inkread.evaluation.changes import SHOWN, changed_lines, gate_report
from inkread.evaluation.gate import GoldLine, LineErrors, compare
from inkread.evaluation.gold import GoldImage
from inkread.evaluation.text import character_errors, word_errors

TEXT = "Dear <Sir> & Madam"


def gold(count: int, *, width: int = 700) -> list[GoldImage]:
    return [
        GoldImage(np.full((48, width), 200, np.uint8), TEXT, GoldLine("register" if i % 2 else f"letter {i}"))
        for i in range(count)
    ]


def read(*texts: str) -> list[LineErrors]:
    return [LineErrors(character_errors(TEXT, text), word_errors(TEXT, text), text) for text in texts]


def test_the_lines_that_changed_most_come_first_and_equal_ones_not_at_all() -> None:
    new = read("Dear <Sir> & Madam", "Deer <Sir> & Madam", "Dr", "Dear <Sir> & Madxx")
    old = read("Dexx <Sir> & Madam", "Dear <Sir> & Madam", TEXT, "Dear <Sir> & xxdam")
    changes = changed_lines(gold(4, width=3000), new, old)
    assert [(change.version, change.champion) for change in changes] == [
        ("Dr", TEXT),
        ("Deer <Sir> & Madam", TEXT),
        (TEXT, "Dexx <Sir> & Madam"),
    ]
    picture = Image.open(BytesIO(base64.b64decode(changes[0].picture.partition(",")[2])))
    assert picture.width == 900, "made smaller"
    page = gate_report(3, compare(2, [line.place for line in gold(4)], new, old), changes)
    assert page.count("<img") == 3
    assert "Dear &lt;Sir&gt; &amp; Madam" in page
    assert "<Sir>" not in page, "what was read is text and no markup"
    assert "The gate objects" in page


def test_the_number_of_pictures_is_bounded_and_one_document_does_not_fill_them() -> None:
    changes = changed_lines(gold(400), read(*["x"] * 200, *[TEXT] * 200), read(*[TEXT] * 200, *["x"] * 200))
    assert len(changes) == 2 * SHOWN
    worse = [change.document for change in changes if change.edits > change.champion_edits]
    assert len(worse) == SHOWN
    assert worse.count("register") == 3
