import cv2
import numpy as np

from inkread.layout.lines import find_rulings


def page() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.full((900, 600), 220, np.uint8)


def test_a_table_rule_is_found_where_it_stands() -> None:
    grey = page()
    cv2.line(grey, (200, 100), (203, 800), 60, 2)
    found = find_rulings(grey)
    assert found[450, 195:210].any()
    assert not found[:, :180].any()
    assert not found[:, 225:].any()


def test_writing_and_level_rules_are_none() -> None:
    grey = page()
    for y in range(100, 800, 50):
        cv2.putText(grey, "illlness, Will", (50, y), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 30, 2)
        cv2.line(grey, (20, y + 10), (580, y + 10), 100, 1)
    assert not find_rulings(grey).any()
