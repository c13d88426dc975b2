from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from form_scans import scan
from form_sheets import Sheet, entry
from inkread.forms.registration import Match, Refusal, Register, warp
from inkread.forms.template import Template
from tests.forms.conftest import FORM, fill_form, save_form


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


def test_a_form_of_the_same_house_with_frames_at_the_same_places_is_refused(template: Template, tmp_path: Path) -> None:
    others = iter(["Visitor", "Seen", "Bank", "Friend", "Porter", "Sum", "Stamp"])
    kept = ("table", "choice")
    rows = tuple(tuple(item if item[1] in kept else (next(others), *item[1:]) for item in row) for row in FORM.pages[0])
    sister = save_form(replace(FORM, title="Rent of a bicycle", pages=(rows,), rules=()), tmp_path)
    frames = [[field.box for field in each.pages[0].fields if field.comb] for each in (template, sister)]
    assert frames[0] == frames[1]
    refused = Register([template]).match(fill_form(sister, 5).pages[0])
    assert isinstance(refused, Refusal)
    assert "none of the forms, the nearest one shares" in refused.reason


def test_the_version_is_told_by_the_print_that_the_other_one_lacks(template: Template, tmp_path: Path) -> None:
    more = (*FORM.pages[0], (entry("Remarks", "text", 2, "line"), entry("Room", "number", 1)))
    later = save_form(replace(FORM, pages=(more,)), tmp_path).model_copy(update={"version": "2"})
    register = Register([template, later])
    for number, each in enumerate((template, later)):
        picture, _ = scan(fill_form(each, 6).pages[0], np.random.default_rng(9))
        found = register.match(picture)
        assert isinstance(found, Match)
        assert found.template == number


def test_print_that_stands_elsewhere_on_its_paper_is_found(register: Register, filled: Sheet) -> None:
    found = register.match(np.roll(filled.pages[0], (35, -22), (0, 1)))
    assert isinstance(found, Match)
    corners = np.array([[(110, 110), (1540, 900)]], np.float64)
    assert np.abs(cv2.perspectiveTransform(corners, found.matrix) - corners - (-22, 35)).max() < 1


def test_a_bent_sheet_is_refused_by_the_error_of_its_worst_places(register: Register, filled: Sheet) -> None:
    height, width = filled.pages[0].shape
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    bent = cv2.remap(filled.pages[0], across + 4 * np.sin(8 * np.pi * down / height), down, cv2.INTER_LINEAR)
    refused = register.match(np.asarray(bent, np.uint8))
    assert isinstance(refused, Refusal)
    assert "lies too unevenly to be read" in refused.reason
    assert "scan it again" in refused.reason
