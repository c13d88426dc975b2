"""How much of the start is kept: what is new is learnt, what was known is not forgotten."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.bundle import Bundle
from inkread.data.dataset import Dataset, Sample
from inkread.data.store import LineStore, write_store
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.line_images import Grey
from inkread.training.bundling import describe, joined_sources
from inkread.training.data import MixturePlan, retraining_sources, training_mixture
from inkread.training.mixing import Checked, checked, choose_share


@pytest.mark.parametrize(
    ("errors", "share"),
    [
        ({0.75: 95, 0.5: 62, 0.25: 51, 0.0: 50}, 0.25),
        ({0.75: 95, 0.5: 59, 0.25: 51, 0.0: 50}, 0.5),
        ({0.75: 95, 0.5: 50, 0.25: 51, 0.0: 60}, 0.5),
        ({0.75: 98, 0.5: 110, 0.25: 130, 0.0: 150}, 0.75),
        ({0.75: 100, 0.5: 110, 0.25: 130, 0.0: 150}, None),
    ],
)
def test_without_known_lines_most_of_the_gain_is_kept(errors: dict[float, int], share: float | None) -> None:
    assert choose_share({key: Checked(count) for key, count in errors.items()}, Checked(100)) == share


@pytest.mark.parametrize(
    ("known", "share"),
    [
        ({0.75: 0.040, 0.5: 0.041, 0.25: 0.042, 0.0: 0.043}, 0.25),
        ({0.75: 0.040, 0.5: 0.041, 0.25: 0.046, 0.0: 0.080}, 0.5),
        ({0.75: 0.060, 0.5: 0.070, 0.25: 0.080, 0.0: 0.090}, None),
    ],
)
def test_only_mixtures_that_keep_the_known_lines_count(known: dict[float, float], share: float | None) -> None:
    new = {0.75: 95, 0.5: 62, 0.25: 51, 0.0: 50}
    mixtures = {key: Checked(new[key], known[key]) for key in new}
    assert choose_share(mixtures, Checked(100, 0.040)) == share


def store_of(folder: Path, counts: dict[str, int]) -> LineStore:
    lines = [
        (Sample(f"{source}-{number}", "", "ab", "line", source, source), np.zeros((48, 32), np.uint8))
        for source, count in counts.items()
        for number in range(count)
    ]
    write_store(folder / "train", iter(lines))
    return LineStore.open(folder / "train")


def read_as_a(batch: Grey) -> NDArray[np.float32]:
    log_probs = np.zeros((len(batch), 4, len(Alphabet(LATIN)) + 1), np.float32)
    log_probs[:, :, Alphabet(LATIN).encode("a")[0]] = 1
    return log_probs


def test_new_and_known_lines_are_counted_apart_where_there_are_both(tmp_path: Path) -> None:
    store = store_of(tmp_path, {"letters": 3, "registers": 2})
    alphabet = Alphabet(LATIN)
    assert checked(read_as_a, store, alphabet, frozenset({"registers"})) == Checked(3, 0.5)
    assert checked(read_as_a, store, alphabet, frozenset()) == Checked(5)
    assert checked(read_as_a, store, alphabet, frozenset({"letters", "registers"})) == Checked(5)


def test_known_sources_are_half_of_what_is_learnt_however_many_they_are(tmp_path: Path) -> None:
    store_of(tmp_path, {"letters": 4, "b": 90, "c": 90, "d": 90})
    plan = MixturePlan(store=tmp_path, shares={}, known=("b", "c", "d"))
    assert training_mixture(plan, Alphabet(LATIN))[1] == pytest.approx([0.5, 1 / 6, 1 / 6, 1 / 6])
    alone = MixturePlan(store=tmp_path, shares={}, known=("letters", "b", "c", "d"))
    assert training_mixture(alone, Alphabet(LATIN))[1][0] < 0.1, "with nothing new, sizes count"


def test_corrections_that_the_start_learnt_in_part_are_still_what_is_to_be_learnt(tmp_path: Path) -> None:
    first = Bundle.open()
    dataset = dataset_of(tmp_path, "corrections", "romance")
    start = retrained(first, dataset, tmp_path / "champion")
    assert {"corrections", "romance"} <= {source.name for source in start.model.sources}
    assert set(start.known) == set(first.known), "what retraining added is not what must be kept"
    assert retraining_sources(dataset, start) == retraining_sources(dataset, first), "and so on from month to month"

    store_of(tmp_path, {"corrections": 10, "romance": 90})
    plan = MixturePlan(store=tmp_path, shares={}, known=start.known)
    assert training_mixture(plan, Alphabet(LATIN))[1] == pytest.approx([0.5, 0.5])


def dataset_of(folder: Path, *sources: str) -> Dataset:
    (folder / "line.png").write_bytes(b"a picture")
    samples = (Sample(source, "line.png", "ab", "line", source, source, licence="another") for source in sources)
    return Dataset(folder, tuple(samples))


def retrained(start: Bundle, dataset: Dataset, folder: Path) -> Bundle:
    """A bundle whose card says that it learnt a dataset after all that the start had learnt."""
    shutil.copytree(start.folder, folder)
    sources = joined_sources(start.model.sources, retraining_sources(dataset, start))
    describe(start.model.model_copy(update={"sources": sources}), folder)
    return Bundle.open(folder)


def test_known_sources_keep_their_rows_in_the_card_but_for_the_hash(tmp_path: Path) -> None:
    start = Bundle.open()
    (before,) = (source for source in start.model.sources if source.name == "romance")
    dataset = dataset_of(tmp_path, "romance")
    (source,) = retraining_sources(dataset, start)
    assert source == before.model_copy(update={"sha256": dataset.content_hash})
