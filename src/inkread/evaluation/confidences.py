"""What the confidences of compared lines are worth.

Usage: ``figures(lines)["cer_at_coverage"]["0.8"]``
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inkread.evaluation.calibration import expected_calibration_error
from inkread.evaluation.coverage import COVERAGES, cer_at, perfect_coverage, risk_coverage, word_coverage
from inkread.evaluation.lines import ReadLine

Rated = list[tuple[float, bool]]


def rated_words(lines: Sequence[ReadLine]) -> Rated:
    """The confidence of each word read, and whether it was right."""
    return [word for line in lines for word in line.words]


def word_error(rated: Rated) -> float | None:
    """Expected calibration error of words; None without any."""
    return expected_calibration_error([c for c, _ in rated], [float(r) for _, r in rated]) if rated else None


def figures(lines: Sequence[ReadLine]) -> dict[str, Any]:
    """CER at coverages of lines and words, for lines in the best possible order too; calibration error; for JSON."""
    curve, perfect, rated = risk_coverage(lines), perfect_coverage(lines), rated_words(lines)
    of_words = word_coverage(lines)
    return {
        "cer_at_coverage": {f"{share:g}": cer_at(curve, share) for share in COVERAGES},
        "cer_at_coverage_in_the_best_order": {f"{share:g}": cer_at(perfect, share) for share in COVERAGES},
        "cer_at_coverage_of_words": {f"{share:g}": cer_at(of_words, share) for share in COVERAGES},
        "word_ece": word_error(rated),
        "words_rated": len(rated),
    }
