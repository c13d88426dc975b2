"""Charts must be well-formed, in bounds and safe to put into a page."""

from lxml import etree

from inkread.evaluation.html import HEIGHT, WIDTH, Series, line_chart


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
