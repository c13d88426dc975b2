import cv2
import numpy as np
import pytest

from form_scans import scan
from form_sheets import Sheet
from inkread.forms.registration import Match, Refusal, Register, warp
from inkread.forms.template import Template


@pytest.fixture(scope="module")
def register(template: Template, other: Template) -> Register:
    return Register([other, template])


@pytest.mark.parametrize("kind", ["scan", "fax", "photo"])
def test_a_filled_sheet_is_found_within_two_pixels(register: Register, filled: Sheet, kind: str) -> None:
    picture, truth = scan(filled.pages[0], np.random.default_rng(8), kind)
    found = register.match(picture)
    assert isinstance(found, Match)
    assert (found.template, found.page) == (1, 0)
    points = np.array([[(110, 110), (1540, 110), (1540, 1000), (110, 2200)]], np.float64)
    back = cv2.perspectiveTransform(cv2.perspectiveTransform(points, truth), np.linalg.inv(found.matrix))
    assert np.linalg.norm(back - points, axis=2).max() < 2
    assert found.error < 1


def test_a_sheet_upside_down_is_turned(register: Register, template: Template, filled: Sheet) -> None:
    found = register.match(np.ascontiguousarray(filled.pages[0][::-1, ::-1]))
    assert isinstance(found, Match)
    blank = template.blank(0)
    upright = warp(np.ascontiguousarray(filled.pages[0][::-1, ::-1]), found.matrix, (blank.shape[1], blank.shape[0]))
    assert np.abs(upright.astype(int) - filled.pages[0].astype(int)).mean() < 5


def test_another_form_and_an_empty_sheet_are_refused(template: Template, other: Template) -> None:
    register = Register([template])
    refused = register.match(other.blank(0))
    assert isinstance(refused, Refusal)
    assert "none of the forms" in refused.reason
    empty = register.match(np.full((1000, 700), 240, np.uint8))
    assert isinstance(empty, Refusal)
    assert "nearly empty" in empty.reason


def test_two_templates_with_the_same_print_are_not_guessed_between(template: Template, filled: Sheet) -> None:
    twin = template.model_copy(update={"name": "twin"})
    refused = Register([template, twin]).match(filled.pages[0])
    assert isinstance(refused, Refusal)
    assert "visit, page 1 as well as twin, page 1" in refused.reason or "twin, page 1 as well" in refused.reason
