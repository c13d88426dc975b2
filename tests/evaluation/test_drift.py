"""Pages like before raise no alarm; pages of another kind do, within a hundred of them."""

import numpy as np
import pytest

from inkread.evaluation.drift import LEAST_REFERENCE, WINDOW, Monitor, Reference, drifted


def pages(count: int, seed: int, slant: float = 0.0, height: float = 60.0) -> list[dict[str, float]]:
    rng = np.random.default_rng(seed)
    return [
        {"slant": float(rng.normal(slant, 0.2)), "height": float(rng.normal(height, 9)), "cut": 0.0}
        for _ in range(count)
    ]


def test_fewer_than_one_false_alarm_in_fifty_windows() -> None:
    reference = Reference.of(pages(300, 0))
    alarms = [drifted(reference.drift(pages(WINDOW, seed))) for seed in range(1, 51)]
    assert sum(map(bool, alarms)) < 1


@pytest.mark.parametrize(("change", "figure"), [({"slant": 0.4}, "slant"), ({"height": 40.0}, "height")])
def test_a_change_is_noticed_within_a_hundred_pages(change: dict[str, float], figure: str) -> None:
    monitor = Monitor(Reference.of(pages(300, 0)))
    for page in pages(80, 1):
        assert drifted(monitor.add(page)) == []
    found = [drifted(monitor.add(page)) for page in pages(100, 2, **change)]
    first = next(number for number, names in enumerate(found, start=1) if names)
    assert first <= 100
    assert found[-1] == [figure]


def test_the_first_pages_are_the_reference_where_there_is_none() -> None:
    monitor = Monitor()
    for page in pages(LEAST_REFERENCE, 3):
        assert monitor.add(page) == {}
    assert monitor.reference is not None
    assert monitor.add({}) == {}, "a page without writing does not count"
    assert not any(monitor.add(page) for page in pages(WINDOW - 1, 4))
    assert set(monitor.add(pages(1, 5)[0])) == {"slant", "height", "cut"}


def test_a_figure_that_is_always_the_same_drifts_when_it_changes() -> None:
    reference = Reference.of(pages(200, 0))
    cut = [{**page, "cut": 1.0} for page in pages(WINDOW, 6)]
    assert drifted(reference.drift(pages(WINDOW, 6))) == []
    assert drifted(reference.drift(cut)) == ["cut"]
    assert Reference.model_validate_json(reference.model_dump_json()) == reference
