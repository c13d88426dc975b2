import itertools
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from inkread.errors import BundleError
from inkread.recognition.neural_language_model import MOST_ABOVE, NOTHING_ABOVE, NeuralLanguageModel
from inkread.recognition.word_pieces import LINE_END, WordPieces
from recipe import neural_lm
from recipe.corpora import TRANSCRIPTION_WEIGHT, Corpus, Source
from recipe.neural_lm import Network, Texts, exported, fit, loss_of, vocabulary, wrapped

TEXT = (
    "I am very much obliged to you for the seeds & plants.",
    "The seeds of the plants that you sent me have not yet come up.",
    "Dear Sir, I have the honour to acknowledge your letter of the 3d.",
    "The plants that you sent me have come up, and the seeds have not.",
)
CHARACTERS = "".join(sorted(set("".join(TEXT)) | set("0123456789-=¬")))


def corpus(weight: float) -> Corpus:
    return Corpus(Source("test", "1", "CC0-1.0", "", 0), TEXT * 8, weight)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, WordPieces, NeuralLanguageModel]:
    """A network of two narrow blocks that has read the text some times, and its file."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"WIDTH": 32, "HEADS": 2, "SIZE": 16, "BLOCKS": 2, "LENGTH": 40, "BATCH": 8}.items():
            patch.setattr(neural_lm, name, value)
        folder = tmp_path_factory.mktemp("neural")
        torch.manual_seed(1)
        pieces = vocabulary([corpus(1.0)], CHARACTERS)
        network = Network(len(pieces))
        batches = Texts.of([corpus(TRANSCRIPTION_WEIGHT), corpus(1.0)], pieces).batches(1)
        fit(network, loss_of, itertools.islice(batches, 60), folder, seconds=1e9, cooldown=0.5)
        (folder / "lm.onnx").write_bytes(exported(network, pieces))
    return network, pieces, NeuralLanguageModel(folder / "lm.onnx")


def by_torch(network: Network, pieces: WordPieces, lines: list[str]) -> float:
    """Log probability of the last line and its end after the others."""
    numbers = [LINE_END, *(number for line in lines for number in (*pieces.encode(line), LINE_END))]
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        for name, value in {"WIDTH": 32, "HEADS": 2, "SIZE": 16}.items():
            patch.setattr(neural_lm, name, value)
        log_probs = network(torch.tensor([numbers]))[0].log_softmax(-1)
    last = len(pieces.encode(lines[-1])) + 1
    return sum(float(log_probs[place - 1, numbers[place]]) for place in range(len(numbers) - last, len(numbers)))


def test_the_vocabulary_has_every_character_and_frequent_words() -> None:
    pieces = str(vocabulary([corpus(1.0)], CHARACTERS)).split("\n")

    assert set(CHARACTERS) <= set(pieces)
    assert {" seeds", " plants", " the"} <= set(pieces)
    assert not any("." in piece and len(piece.strip()) > 1 for piece in pieces), "marks are pieces of their own"


def test_a_text_is_wrapped_into_lines_without_losing_a_letter() -> None:
    lines = list(wrapped(TEXT * 8, random.Random(3)))

    assert max(map(len, lines)) <= neural_lm.LINE_LENGTHS[1] + 1
    cut = [line for line in lines if line[-1] in "-=¬"]
    assert 0 < len(cut) < len(lines) / 2
    joined = "".join(line[:-1] if line[-1] in "-=¬" else line + " " for line in lines)
    assert joined.split() == " ".join(TEXT * 8).split()


def test_a_pass_reads_each_text_as_often_as_it_weighs() -> None:
    stream = np.arange(2000, dtype=np.int16)
    for times in (0.5, 1.0, 2.5):
        read = np.concatenate([block[:-1] for block in neural_lm._blocks(stream, times, np.random.default_rng(2))])
        assert np.bincount(read, minlength=2000)[neural_lm.LENGTH : -2 * neural_lm.LENGTH].mean() == pytest.approx(
            times, abs=0.2
        )


def test_what_was_read_is_likelier_than_the_same_words_in_disorder(
    made: tuple[Network, WordPieces, NeuralLanguageModel],
) -> None:
    _, _, model = made
    line = TEXT[1]
    mixed = " ".join(sorted(line.split()))

    right, wrong = model.weigh([line, mixed]).scores

    assert right > wrong + 5


def test_the_file_says_what_the_network_says(made: tuple[Network, WordPieces, NeuralLanguageModel]) -> None:
    network, pieces, model = made
    above = model.weigh([TEXT[0]]).chosen(0)

    alone, after = model.weigh([TEXT[1]]).scores, model.weigh([TEXT[1]], above).scores

    assert alone[0] == pytest.approx(by_torch(network, pieces, [TEXT[1]]), rel=0.03)
    assert after[0] == pytest.approx(by_torch(network, pieces, [TEXT[0], TEXT[1]]), rel=0.03)


def test_candidates_do_not_change_each_other(made: tuple[Network, WordPieces, NeuralLanguageModel]) -> None:
    _, _, model = made
    above = model.weigh(["Dear Sir", TEXT[0]]).chosen(1)
    candidates = ["The seeds of the plants", "The seeds of the plants.", "The sceds of the plants", "", "3d"]

    together = model.weigh(candidates, above).scores

    alone = [model.weigh([candidate], above).scores[0] for candidate in candidates]
    assert together == pytest.approx(alone, rel=0.03, abs=0.05), "but for the steps of int8"


def test_lines_given_as_text_stand_above_as_those_that_were_chosen(
    made: tuple[Network, WordPieces, NeuralLanguageModel],
) -> None:
    _, _, model = made
    chosen = model.weigh([TEXT[1]], model.weigh([TEXT[0]]).chosen(0)).chosen(0)

    given = model.after(TEXT[:2])

    assert given.position == chosen.position
    assert given.keys is not None
    assert chosen.keys is not None
    assert np.corrcoef(given.keys.ravel(), chosen.keys.ravel())[0, 1] > 0.99, "but for the steps of int8"
    scores = [model.weigh([TEXT[2]], above).scores[0] for above in (given, chosen)]
    assert scores[0] == pytest.approx(scores[1], rel=0.03)
    assert model.after(TEXT * 10).position <= MOST_ABOVE


def test_the_lines_far_above_are_forgotten(made: tuple[Network, WordPieces, NeuralLanguageModel]) -> None:
    _, _, model = made
    above = NOTHING_ABOVE
    for line in TEXT * 10:
        above = model.weigh([line], above).chosen(0)

    assert above.keys is not None
    assert above.keys.shape[2] <= 96


def test_another_network_is_refused_with_a_sentence(tmp_path: Path) -> None:
    from inkread.bundle import Bundle

    (tmp_path / "lm.onnx").write_bytes(Bundle.open().recognizer.read_bytes())
    with pytest.raises(BundleError, match="no word pieces"):
        NeuralLanguageModel(tmp_path / "lm.onnx")
