"""What the JSON says of confidences."""

from inkread.evaluation.calibration import figures, rated_words, word_error
from inkread.evaluation.compare import ReadLine

LINE = ReadLine("d", "p", "1", "tea for", "tee for", 0.9, words=((0.5, False), (0.9, True)))


def test_figures_of_lines() -> None:
    assert rated_words([LINE, LINE]) == [(0.5, False), (0.9, True)] * 2
    result = figures([LINE])
    assert result["words_rated"] == 2
    assert result["cer_at_coverage"]["1"] == 1 / 7
    assert result["cer_at_coverage_of_words"]["1"] == 1 / 7
    assert abs(result["word_ece"] - (0.5 + 0.1) / 2) < 1e-9
    assert word_error([]) is None
