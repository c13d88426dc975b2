"""What a run learns from."""

import pytest

from inkread.errors import DatasetError
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.training.data import training_mixture, validation_lines
from inkread.training.train import TrainingPlan


def test_a_source_with_no_emphasis_is_left_out(plan: TrainingPlan) -> None:
    described = plan.mixture.model_copy(update={"emphasis": {"letters": 0.0}})
    alphabet = Alphabet(LATIN)
    with pytest.raises(DatasetError, match="nothing to learn from"):
        training_mixture(described, alphabet)
    assert {line.source for line in validation_lines(described, alphabet)} == {"letters"}
