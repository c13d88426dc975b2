import json
from dataclasses import replace

import numpy as np
import pytest

from inkread.errors import DatasetError
from inkread.evaluation.calibration import TuningLine, fold_of, judge_lines, judge_words
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.decoding import Hypothesis, greedy
from recipe import tuning
from recipe.corpora import Corpus, Source
from recipe.ngram import build
from recipe.tuning import choose, error_rates, read, tune

ALPHABET = Alphabet(" adehnorstuw")
SENTENCES = (
    "the sea and the sand",
    "he who has the sword",
    "and then she ran home"[:13],
    "the road to the town",
    "a tread on the toad",
)


def seen(text: str, rng: np.random.Generator) -> TuningLine:
    """Frames of a poor network: a blank after each character, and much doubt about which character it is."""
    classes = ALPHABET.encode(text)
    scores = rng.normal(0, 1.1, (2 * len(classes), len(ALPHABET) + 1))
    scores[::2, 0] -= 3
    scores[np.arange(len(classes)) * 2, classes] += 3.2
    scores[1::2, 0] += 8
    log_probs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return TuningLine("made", f"document {rng.integers(12)}", text, log_probs.astype(np.float32))


@pytest.fixture(scope="module")
def lines() -> list[TuningLine]:
    rng = np.random.default_rng(7)
    return [seen(SENTENCES[index % len(SENTENCES)], rng) for index in range(60)]


def test_tuning_finds_a_weight_that_helps_on_documents_that_had_no_say_in_it(
    lines: list[TuningLine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "WEIGHTS", (0.3, 0.6))
    monkeypatch.setattr(tuning, "BONUSES_PER_WEIGHT", (1.5,))
    model = build([Corpus(Source("test", "", "CC0-1.0", "", 0), SENTENCES * 3, 1.0)])

    tuned = tune(lines, ALPHABET, model, width=8)

    assert tuned.language_model_weight in (0.3, 0.6)
    assert tuned.measured["beam, 5 folds, CER"] < tuned.measured["greedy CER"] * 0.7
    assert tuned.measured["beam, 5 folds, CER made"] == tuned.measured["beam, 5 folds, CER"]
    assert tuned.confidences.word_calibration.scale > 0
    assert tuned.greedy.word_calibration != tuned.confidences.word_calibration
    values = json.loads(json.dumps(tuned.values()))
    assert values["decoding"]["beam_width"] == 8
    assert set(values) == {"decoding", "word_calibration", "line_calibration", "rejection", "greedy", "measured"}


def test_pages_of_one_document_cannot_be_tuned_on(lines: list[TuningLine]) -> None:
    same = [TuningLine("made", "one", line.text, line.log_probs) for line in lines]

    with pytest.raises(DatasetError, match="too few documents"):
        tune(same, ALPHABET, build([Corpus(Source("", "", "", "", 0), SENTENCES, 1.0)]))


def test_all_documents_choose_and_each_is_read_with_what_the_other_folds_chose(lines: list[TuningLine]) -> None:
    several = [TuningLine("made", f"document {number}", "sea", lines[0].log_probs) for number in range(30)]
    own = [line for line in several if fold_of(line) == 0][:3]
    others = [line for line in several if fold_of(line) != 0][:4]
    liked_by_own, liked_by_others = (0.2, 0.2), (0.5, 1.0)
    texts = {
        liked_by_own: ["sea", "sea", "sea", "sed", "sed", "sed", "sed"],
        liked_by_others: ["she", "she", "she", "sea", "sea", "sea", "sea"],
    }

    point, crosswise = choose(own + others, texts)

    assert point == liked_by_own
    assert crosswise[:3] == ["she", "she", "she"]


def test_error_rates_are_over_all_characters_and_words(lines: list[TuningLine]) -> None:
    line = TuningLine("s", "d", "tea for two", lines[0].log_probs)
    wrong = Hypothesis("tee for two", ((0, 1),) * 11, (0.9,) * 11, 0.0)

    assert error_rates([line], [wrong.text]) == pytest.approx((1 / 11, 1 / 3))
    assert judge_words([line], [wrong]).right == [0.0, 1.0, 1.0]
    assert judge_words([line], [wrong]).confidences == pytest.approx([0.9**3] * 3)
    assert judge_words([line], [replace(wrong, plain="tea for two")]).words == [
        (3, pytest.approx(1 / 3)),
        (3, 0),
        (3, 0),
    ]
    assert judge_lines([line], [wrong]).right == pytest.approx([10 / 11])
    assert judge_lines([line], [wrong]).confidences == pytest.approx([0.9])


def test_readings_come_in_the_order_of_the_lines(lines: list[TuningLine]) -> None:
    readings = read(lines[:3], lambda log_probs: greedy(log_probs, ALPHABET))

    assert len(readings) == 3
    assert error_rates(lines[:3], [reading.text for reading in readings])[0] < 0.5
