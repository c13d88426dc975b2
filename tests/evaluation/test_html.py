"""The report must open without a network, say what was measured, and draw it where it belongs."""

import re
from pathlib import Path

import numpy as np
from lxml import etree, html

from inkread.evaluation.compare import ReadLine
from inkread.evaluation.html import HEIGHT, WIDTH, Series, cut_picture, html_report, line_chart, visible
from inkread.evaluation.statistics import classification

EXAMPLE = Path(__file__).parents[2] / "examples" / "letter.png"
LINES = [
    ReadLine(
        "a", str(EXAMPLE), "1", "tea <b>for</b>", "tea <b>far</b>", 0.8, "s1", "w", (10, 10, 200, 60), ((0.7, True),)
    ),
    ReadLine("b", "missing.png", "2", "two", "two", 0.99, "s2", "w2", None, ((0.9, True),)),
]


def test_it_is_whole_and_self_contained() -> None:
    baseline = {
        "vocabulary": 2,
        "words": 4,
        "known": 3,
        "accuracy_all": 0.5,
        "accuracy_known": 0.66,
        "recognizer_accuracy_all": 0.9,
        "recognizer_accuracy_known": 0.95,
        "classification": classification(["a", "b"], ["a", "a"]).as_dict(),
    }
    text = html_report("inkread 9", LINES, {"split": "val"}, baseline)
    page = html.fromstring(text)
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert page.xpath("//h1")[0].text.startswith("inkread 9")
    assert "5.88 %" in text, "one edit in 17 characters"
    assert [item.text for item in page.xpath("//dd") if "<b>for</b>" in (item.text or "")], "text is shown, not run"
    assert len(page.xpath("//img[starts-with(@src, 'data:image/webp')]")) == 1
    assert len(page.xpath("//svg")) == 2
    assert "word classifier" in text
    assert "word classifier" not in html_report("x", LINES)


def test_pictures_are_cut_where_the_line_stands() -> None:
    picture = cut_picture(LINES[0])
    assert picture is not None
    assert picture.shape == (51, 191)
    assert cut_picture(LINES[1]) is None
    given = html_report("x", LINES, picture_of=lambda _: np.zeros((20, 50), np.uint8))
    assert given.count("data:image/webp") == 3


def test_what_cannot_be_seen_gets_a_sign() -> None:
    assert [visible(character) for character in ("", " ", "a")] == ["∅", "␣", "a"]


def test_points_stand_where_their_values_say() -> None:
    svg = etree.fromstring(
        line_chart(
            [Series("a", [(0, 0), (1, 1)], dots=True), Series("b <&>", [(0, 1)], dashed=True)], x="x", y="y", top=1
        )
    )
    first, second = (one for one in svg.iter("polyline"))
    (x0, y0), (x1, y1) = (tuple(map(float, point.split(","))) for point in first.attrib["points"].split())
    assert 0 < x0 < x1 < WIDTH
    assert 0 < y1 < y0 < HEIGHT
    assert second.findtext("title") == "b <&>"
    assert second.get("stroke-dasharray")
    assert len(list(svg.iter("circle"))) == 2


def test_nothing_to_draw_is_still_a_chart() -> None:
    assert etree.fromstring(line_chart([], x="x", y="y")).tag == "svg"
