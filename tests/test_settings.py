"""Thresholds are explained, can be changed, and stand in what was read with them."""

import ast
import inspect
from dataclasses import fields

import pytest

from inkread.layout import LayoutSettings
from inkread.page_reader import ReaderSettings
from inkread.reader import recorded


@pytest.mark.parametrize("settings", [LayoutSettings, ReaderSettings])
def test_every_field_says_what_it_is(settings: type[LayoutSettings] | type[ReaderSettings]) -> None:
    (described,) = ast.parse(inspect.getsource(settings)).body
    assert isinstance(described, ast.ClassDef)
    explained = {
        field.target.id
        for field, text in zip(described.body, described.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
    assert explained == {field.name for field in fields(settings)}


def test_what_differs_from_the_defaults_is_recorded_beside_a_hash_of_all() -> None:
    usual = recorded(LayoutSettings())
    assert list(usual) == ["settings"]
    changed = recorded(LayoutSettings(column_gap=3.0, split_thresholds=(0.6,)))
    assert changed == {"settings": changed["settings"], "split_thresholds": "(0.6,)", "column_gap": 3.0}
    assert changed["settings"] != usual["settings"]
    assert recorded(LayoutSettings(column_gap=2.5)) == usual
