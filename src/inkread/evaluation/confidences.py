"""`inkread.evaluation.calibration` under its earlier name."""

from inkread.evaluation.calibration import FOLDS, TuningLine, calibrate, fold_of, judge_lines, judge_words

__all__ = ["FOLDS", "TuningLine", "calibrate", "fold_of", "judge_lines", "judge_words"]
