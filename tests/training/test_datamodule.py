"""Batches for training and validation."""

from itertools import islice

from inkread.recognition.alphabet import Alphabet
from inkread.training.data import LineData, training_mixture, validation_lines
from inkread.training.train import TrainingPlan


def data(plan: TrainingPlan) -> LineData:
    alphabet = Alphabet(plan.alphabet)
    validation = validation_lines(plan.mixture, alphabet, 10)
    return LineData(
        *training_mixture(plan.mixture, alphabet),
        validation,
        alphabet,
        seed=3,
        columns=2400,
        workers=0,
        augmentation=plan.augmentation,
    )


def test_training_batches_are_the_same_for_the_same_seed(plan: TrainingPlan) -> None:
    first, again = (list(islice(data(plan).train_dataloader(), 2)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.strips.equal(other.strips)
        assert one.targets.equal(other.targets)
    assert not first[0].strips.equal(first[1].strips)


def test_validation_has_every_line_once_with_its_source(plan: TrainingPlan) -> None:
    batches = list(data(plan).val_dataloader())
    texts = [text for _, _, texts, _ in batches for text in texts]
    assert sorted(texts) == sorted(
        line.sample[1] for line in validation_lines(plan.mixture, Alphabet(plan.alphabet), 10)
    )
    assert {source for *_, sources in batches for source in sources} == {"letters"}
