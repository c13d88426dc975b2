import numpy as np
import pytest

from inkread.evaluation.calibration import TuningLine
from inkread.recognition.decoding import Hypothesis
from inkread.recognition.neural_language_model import Above
from recipe.rescoring import MARGIN, Choice, choose, down_the_pages


def line(document: str, page: str, text: str = "seed") -> TuningLine:
    return TuningLine("letters", document, text, np.zeros((1, 2), np.float32), page)


def test_a_line_is_weighed_with_what_is_above_it_on_its_page() -> None:
    lines = [line("a", "a1"), line("a", "a1"), line("a", "a1"), line("a", "a2"), line("b", "b1")]

    def each(_: TuningLine, found: object, above: Above) -> tuple[int, Above]:
        assert found == [Hypothesis("seed", (), (), -1.0)]
        return above.position, Above(position=above.position + 1)

    seen = list(down_the_pages(lines, [[Hypothesis("seed", (), (), -1.0)]] * len(lines), each))

    assert seen == [0, 1, 2, 0, 0]


def choice(document: str, neural: tuple[float, float], apart: float) -> Choice:
    """Two candidates, of which the second is right."""
    return Choice(
        line(document, document),
        np.array([-1.0, -1.0 - apart]),
        np.array(neural),
        np.zeros(2),
        np.array([4.0, 4.0]),
        np.array([1.0, 0.0]),
    )


def test_the_weight_is_chosen_that_makes_the_fewest_edits() -> None:
    choices = [choice(f"letter {number}", (-9.0, -5.0), 1.0) for number in range(20)]

    chosen, measured = choose(choices)

    assert 4 * chosen.weight > 1
    assert chosen.margin == MARGIN
    assert measured["CER first"] == pytest.approx(0.25)
    assert (measured["CER 5 folds"], measured["CER best"]) == (0, 0)


def test_what_is_not_weighed_when_reading_is_not_chosen_either() -> None:
    _, measured = choose([choice(f"letter {number}", (-90.0, -5.0), MARGIN + 0.1) for number in range(20)])

    assert (measured["CER 5 folds"], measured["CER best"]) == (0.25, 0)
