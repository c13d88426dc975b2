import numpy as np
import pytest

from inkread.document import Character, Line, Page, Region, Word
from inkread.io.images import turn, turn_back


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_what_is_found_on_a_turned_page_comes_back_to_its_place(degrees: int) -> None:
    grey = np.zeros((40, 60), np.uint8)
    grey[7, 11] = 255
    turned = turn(grey, degrees)
    y, x = (int(value) for value in np.argwhere(turned)[0])
    spot = ((x + 0.5, y + 0.5),)
    word = Word("a", spot, characters=(Character("a", spot),))
    found = Page(turned.shape[1], turned.shape[0], (Region("r", spot, (Line("l", spot, spot, words=(word,)),)),))
    page = turn_back(found, degrees)
    line = page.lines[0]
    assert (page.width, page.height, page.orientation) == (60, 40, degrees)
    places = (page.regions[0].polygon, line.baseline, line.polygon, line.words[0].polygon)
    assert all(place == ((11.5, 7.5),) for place in (*places, line.words[0].characters[0].polygon))


def test_pages_turn_clockwise() -> None:
    assert turn(np.array([[1, 2], [3, 4]], np.uint8), 90).tolist() == [[3, 1], [4, 2]]
