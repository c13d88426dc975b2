import numpy as np

from inkread.document import Line, Page, Region
from inkread.io.images import PageImage
from inkread.layout.debug import draw


def test_sure_lines_are_green_and_doubtful_ones_red() -> None:
    def line(name: str, y: float, confidence: float) -> Line:
        polygon = ((50, y - 30), (250, y - 30), (250, y + 10), (50, y + 10))
        return Line(name, ((50, y), (250, y)), polygon, "text", confidence)

    page = Page(300, 200, (Region("r", (), (line("a", 60, 1.0), line("b", 150, 0.0))),))
    drawn = draw(PageImage(np.full((200, 300), 255, np.uint8)), page)
    assert drawn.shape == (200, 300, 3)
    sure, doubtful = drawn[60, 230].astype(int), drawn[150, 230].astype(int)
    assert sure[1] > sure[0]
    assert doubtful[0] > doubtful[1]


def test_a_page_without_lines_is_drawn_as_it_is() -> None:
    drawn = draw(PageImage(np.full((20, 30), 255, np.uint8)), Page(30, 20))
    assert drawn.min() > 250
