"""Figures of the classifier, by hand."""

import pytest

from inkread.evaluation.statistics import classification


def test_figures_by_hand() -> None:
    report = classification(["the", "the", "sea", "tea"], ["the", "sea", "sea", "sea"])
    assert report.accuracy == 0.5
    assert [figures.name for figures in report.classes] == ["the", "sea", "tea"]
    the, sea, tea = report.classes
    assert [the.precision, the.recall, the.f1, the.support] == pytest.approx([1.0, 0.5, 2 / 3, 2])
    assert [sea.precision, sea.recall] == pytest.approx([1 / 3, 1.0])
    assert tea.f1 == 0.0
    assert report.macro_f1 == pytest.approx((2 / 3 + 0.5 + 0) / 3)
    assert set(report.confusions) == {("the", "sea", 1), ("tea", "sea", 1)}
    assert classification([], []).accuracy == 0.0
