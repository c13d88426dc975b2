"""An interval that is too narrow takes noise for progress."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkread.evaluation.statistics import Estimate, classification, rate_by_document, ratio_interval

documents = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 100)), min_size=2, max_size=20)


@given(documents)
def test_the_interval_lies_within_the_documents_and_around_the_rate(parts: list[tuple[int, int]]) -> None:
    tops, bottoms = zip(*parts, strict=True)
    estimate = ratio_interval(tops, bottoms, resamples=200)
    rates = [top / bottom for top, bottom in parts]
    assert estimate.value == pytest.approx(sum(tops) / sum(bottoms))
    assert estimate.low is not None
    assert estimate.high is not None
    assert min(rates) - 1e-9 <= estimate.low <= estimate.high <= max(rates) + 1e-9


def test_the_interval_holds_the_true_rate_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        lengths = generator.integers(200, 800, size=40)
        rates = generator.beta(2, 8, size=40)
        estimate = ratio_interval((lengths * rates).tolist(), lengths.tolist(), resamples=500)
        assert estimate.low is not None
        assert estimate.high is not None
        hits += estimate.low <= 0.2 <= estimate.high
    assert 0.88 <= hits / 200 <= 0.99


def test_the_interval_narrows_with_the_root_of_the_documents() -> None:
    edits, lengths = [10, 20, 30, 40], [100, 100, 100, 100]
    few, many = ratio_interval(edits, lengths), ratio_interval(edits * 25, lengths * 25)
    assert few.value == many.value
    assert _width(many) == pytest.approx(_width(few) / 5, rel=0.15)


def test_equal_input_gives_an_equal_interval() -> None:
    assert ratio_interval([1, 2, 3], [10, 10, 10]) == ratio_interval([1, 2, 3], [10, 10, 10])


def test_one_document_has_no_interval() -> None:
    estimate = ratio_interval([5], [50])
    assert (estimate.value, estimate.low, estimate.high) == (0.1, None, None)
    assert str(estimate) == "0.100 [one document]"


def test_lines_of_a_document_stay_together() -> None:
    apart = rate_by_document([("a", 5, 10), ("b", 5, 10), ("a", 1, 10)])
    assert apart == ratio_interval([6, 5], [20, 10])


def test_nothing_measured_is_no_rate() -> None:
    assert rate_by_document([]) is None


def _width(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.high - estimate.low


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
