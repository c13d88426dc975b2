"""What a threshold promises must be what was measured."""

import pytest

from inkread.evaluation.compare import ReadLine
from inkread.evaluation.coverage import cer_at, curve, perfect_coverage, rejections, risk_coverage, word_coverage

RATED = [(0.99, 0, 400), (0.9, 8, 400), (0.5, 32, 200)]


def test_the_curve_goes_from_the_surest_to_all() -> None:
    points = curve(RATED)
    assert [(point.coverage, point.cer) for point in points] == [(0.4, 0.0), (0.8, 0.01), (1.0, 0.04)]
    assert cer_at(points, 0.5) == 0.01
    assert cer_at(points, 1.0) == 0.04
    assert cer_at([], 0.5) is None


def test_lines_without_confidence_come_last() -> None:
    lines = [ReadLine("d", "p", "1", "abcd", "xbcd", None), ReadLine("d", "p", "2", "abcd", "abcd", 0.1)]
    assert [point.cer for point in risk_coverage(lines)] == [0.0, 0.125]


def test_no_order_keeps_fewer_errors_than_the_best_one() -> None:
    texts = [("abcd", "abxx", 0.9), ("abcd", "abcd", 0.2), ("abcdefgh", "abcdefgx", 0.5)]
    lines = [ReadLine("d", "p", str(number), *text) for number, text in enumerate(texts)]
    perfect = perfect_coverage(lines)
    assert [(point.coverage, point.cer) for point in perfect] == [(0.25, 0.0), (0.75, 1 / 12), (1.0, 3 / 16)]
    for point in risk_coverage(lines):
        assert point.cer >= (cer_at(perfect, point.coverage) or 0.0)


def test_a_promise_is_the_confidence_that_keeps_most_at_that_rate() -> None:
    promised = {row.cer: row for row in rejections(RATED)}
    assert promised[0.01].confidence == 0.9
    assert promised[0.01].coverage == 0.8
    assert promised[0.05].confidence == 0.5
    assert 0.005 not in promised, "fewer than 500 characters prove nothing"
    for row in promised.values():
        kept = [(edits, length) for confidence, edits, length in RATED if confidence >= row.confidence]
        assert sum(e for e, _ in kept) / sum(n for _, n in kept) <= row.cer + 1e-9
    assert rejections([(0.9, 500, 1000)]) == ()
    assert max(promised) == pytest.approx(0.2)


def test_words_answer_for_all_edits_of_their_line() -> None:
    line = ReadLine("d", "p", "1", "the big cat", "tho cat", 0.5, words=((0.2, False), (0.9, True)))
    missing = ReadLine("d", "p", "2", "sat", "", None)
    points = word_coverage([line, missing])
    assert [point.confidence for point in points] == pytest.approx([0.9 ** (1 / 3), 0.2 ** (1 / 3), 0.0])
    assert points[-1].coverage == 1
    assert points[-1].cer == risk_coverage([line, missing])[-1].cer == (1 + 4 + 3) / 14
    assert points[0].cer < points[1].cer


def test_a_long_word_comes_before_a_short_one_of_which_each_character_is_less_sure() -> None:
    line = ReadLine("d", "p", "1", "a seashore", "a seashore", 0.5, words=((0.7, True), (0.6, True)))
    assert [point.coverage for point in word_coverage([line])] == [0.8, 1.0]


def test_a_line_whose_words_are_not_rated_counts_as_one() -> None:
    line = ReadLine("d", "p", "1", "tea for two", "tee for two", 0.7)
    assert [(point.confidence, point.coverage) for point in word_coverage([line])] == [(0.7, 1.0)]
