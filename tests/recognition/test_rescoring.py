from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from inkread.bundle import Bundle, Decoding, Rescoring
from inkread.document import Line
from inkread.formats import read_layout
from inkread.io.inputs import load_pages
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.decoding import Hypothesis, LogProbs, beam_search, greedy
from inkread.recognition.language_model import LanguageModel
from inkread.recognition.line_images import Strip, cut_lines
from inkread.recognition.line_reader import LineReader
from inkread.recognition.neural_language_model import NOTHING_ABOVE, Above, NeuralLanguageModel
from inkread.recognition.rescoring import Rescorer
from inkread.recognition.word_list import WordList

EXAMPLES = Path(__file__).parents[2] / "examples"
ALPHABET = Alphabet(" ab")
DECODING = Decoding(beam_width=8, language_model_weight=0.5)


class Likes:
    """Stands in for the network: gives one text all probability, and notes what stood above."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.above: list[Above] = []

    def weigh(self, candidates: Sequence[str], above: Above = NOTHING_ABOVE) -> "Likes":
        self.above.append(above)
        self.candidates = list(candidates)
        self.scores = np.array([0.0 if text == self.text else -20.0 for text in candidates])
        return self

    def after(self, lines: Sequence[str]) -> Above:
        return Above(position=len(lines[-1]))

    def chosen(self, candidate: int) -> Above:
        return Above(position=len(self.candidates[candidate]))


def frames() -> LogProbs:
    """Reads "ab" with some doubt whether it is "bb" or "aa"."""
    probs = np.full((4, 4), 0.02, np.float32)
    probs[0, 2], probs[0, 3] = 0.6, 0.36
    probs[1, 0], probs[3, 0] = 0.94, 0.94
    probs[2, 3], probs[2, 2] = 0.6, 0.36
    log_probs: LogProbs = np.log(probs / probs.sum(axis=1, keepdims=True))
    return log_probs


def searched(model: LanguageModel) -> list[Hypothesis]:
    return beam_search(frames(), ALPHABET, width=8, language_model=model, weight=0.5, n_best=8)


def test_what_the_neural_model_prefers_is_read_and_placed_in_the_frames(model: LanguageModel) -> None:
    found = searched(model)
    assert found[0].text == "ab"
    neural = cast(NeuralLanguageModel, Likes("aa"))

    ranked, above = Rescorer(neural, ALPHABET, DECODING, Rescoring(weight=0.5))(found, frames(), model)

    assert [each.text for each in ranked][:2] == ["aa", "ab"]
    assert ranked[0].spans == ((0, 1), (2, 3))
    assert all(0 < confidence < 1 for confidence in ranked[0].confidences)
    assert ranked[0].plain == greedy(frames(), ALPHABET).text
    assert ranked[0].score > ranked[1].score
    assert above.position == 2


def test_with_no_weight_nothing_changes(model: LanguageModel) -> None:
    found = searched(model)
    neural = cast(NeuralLanguageModel, Likes("aa"))

    ranked, _ = Rescorer(neural, ALPHABET, DECODING, Rescoring(weight=0))(found, frames(), model)

    assert ranked == found


def test_the_n_grams_can_count_less_and_length_more(model: LanguageModel) -> None:
    found = [Hypothesis("ab", (), (), -1.0), Hypothesis("aba", (), (), -1.1)]
    neural = cast(NeuralLanguageModel, Likes(""))

    longer, _ = Rescorer(neural, ALPHABET, DECODING, Rescoring(weight=0, length_bonus=1))(found, frames(), model)
    assert longer[0].text == "aba"
    less = Rescoring(weight=0, language_model_weight=-1)
    scored = [each.score - model.score_line(each.text) for each in found]
    unlike, _ = Rescorer(neural, ALPHABET, DECODING, less)(found, frames(), model)
    assert unlike[0].text == found[int(np.argmax(scored))].text
    assert sorted(each.score for each in unlike) == pytest.approx(sorted(scored))


def test_what_the_search_puts_far_below_its_best_is_not_weighed(model: LanguageModel) -> None:
    found = [Hypothesis(text, (), (), score) for text, score in (("ab", -1.0), ("aa", -2.0), ("bb", -4.0))]
    neural = Likes("bb")
    rescorer = Rescorer(cast(NeuralLanguageModel, neural), ALPHABET, DECODING, Rescoring(weight=0.5, margin=2.5))

    ranked, _ = rescorer(found, frames(), model)

    assert neural.candidates == ["ab", "aa"]
    assert [each.text for each in ranked] == ["ab", "aa", "bb"]
    assert ranked[0].score - ranked[2].score == pytest.approx(3.0)


def letter() -> tuple[list[Line], list[Strip]]:
    page = read_layout(EXAMPLES / "letter.xml")
    grey = next(load_pages(EXAMPLES / "letter.png")).grey
    return [replace(line, text="") for line in page.lines], cut_lines(grey, page.lines, height=48)


def test_lines_help_those_below_them_on_their_page_only(monkeypatch: pytest.MonkeyPatch) -> None:
    neural = Likes("")
    monkeypatch.setattr("inkread.recognition.line_reader.NeuralLanguageModel", lambda _: neural)
    lines, strips = letter()
    reader = LineReader(Bundle.open())

    found = reader.search(strips)
    reader.choose(lines, strips, found)
    reader.choose(lines, strips, found, before=["Dear Sir", "I have"])
    first, second = np.array([above.position for above in neural.above]).reshape(2, -1).tolist()
    neural.above.clear()
    reader(lines, strips)

    assert (first[0], second[0]) == (0, len("I have"))
    assert all(first[1:])
    assert first[1:] == second[1:]
    assert [above.position for above in neural.above] == [0] * len(lines), "alone where nothing says of which page"


def test_a_page_reads_the_same_whatever_is_read_beside_it() -> None:
    lines, strips = letter()
    reader = LineReader(Bundle.open())
    alone = reader.choose(lines, strips, reader.search(strips))

    beside = reader.search([*strips[::-1], *strips])
    reader.choose(lines[::-1], strips[::-1], beside[: len(lines)])

    assert reader.choose(lines, strips, beside[len(lines) :]) == alone


@pytest.mark.parametrize("options", [{"fast": True}, {"words": WordList.of(["Margaret"])}, {"language_model": False}])
def test_the_neural_model_is_left_out(options: dict[str, bool | WordList]) -> None:
    usual, other = LineReader(Bundle.open()), LineReader(Bundle.open(), **options)  # type: ignore[arg-type]

    assert "rescoring_weight" in usual.settings
    assert not any(name.startswith("rescoring") for name in other.settings)


def test_the_weight_of_the_language_models_is_one_setting() -> None:
    usual, half = LineReader(Bundle.open()), LineReader(Bundle.open(), language_model_weight=0.25)

    for name in ("rescoring_weight", "rescoring_language_model_weight", "rescoring_length_bonus"):
        assert half.settings[name] == pytest.approx(float(usual.settings[name] or 0) / 2)
