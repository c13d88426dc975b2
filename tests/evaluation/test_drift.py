"""Pages like before raise no alarm; pages of another kind do, within a hundred of them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from inkread.bundle import Bundle
from inkread.errors import BundleError
from inkread.evaluation.drift import (
    LEAST_REFERENCE,
    REFERENCE,
    WINDOW,
    Monitor,
    Reference,
    bundled_reference,
    drifted,
    language_figures,
    reference_of,
    write_reference,
)
from inkread.io.inputs import load_pages
from inkread.recognition.line_reader import LineReader
from inkread.server.prediction.drift import Drift

PAGES = Path(__file__).parents[1] / "pages"


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


def test_a_page_of_the_new_kind_says_in_what_it_is_unusual_and_one_of_the_old_kind_does_not() -> None:
    monitor = Monitor(Reference.of(pages(300, 0)))
    for page in [*pages(10, 1), *pages(40, 2, slant=0.8)]:
        monitor.add(page)
    assert monitor.unusual({"slant": 0.8, "height": 60.0, "cut": 0.0}) == ["slant"]
    assert monitor.unusual({"slant": 0.0, "height": 60.0, "cut": 0.0}) == []
    assert monitor.unusual({}) == []


def test_a_small_reference_raises_no_more_alarms_than_a_large_one() -> None:
    """By chance a small reference is farther from the pages that come; the index makes up for it."""
    alarms = [drifted(Reference.of(pages(80, 500 + seed)).drift(pages(WINDOW, seed))) for seed in range(1, 51)]
    assert sum(map(bool, alarms)) < 1


def test_the_language_of_a_page_shows_in_its_figures() -> None:
    lines = LineReader(Bundle.open())
    french = language_figures(["Je vous prie de croire, cher ami, à mes sentiments dévoués"], lines)
    english = language_figures(["I have received your letter of yesterday and thank you"], lines)
    assert french["language_fr"] > english["language_fr"] + 0.2


def test_a_bundle_may_have_a_reference_and_is_the_same_bundle_with_it(tmp_path: Path) -> None:
    bundle = Bundle.open(shutil.copytree(Bundle.open().folder, tmp_path / "bundle"))
    (bundle.folder / REFERENCE).unlink(missing_ok=True)
    identity, reference = bundle.identity, Reference.of(pages(200, 0))
    assert bundled_reference(bundle) is None
    write_reference(bundle, reference)
    assert bundled_reference(bundle) == reference
    bundle.verify()
    assert bundle.identity == identity
    (bundle.folder / REFERENCE).write_text("{}")
    with pytest.raises(BundleError, match="no reference for drift"):
        bundled_reference(bundle)


@pytest.mark.system
def test_the_reference_is_made_of_pages_as_the_services_read_them(monkeypatch: pytest.MonkeyPatch) -> None:
    images = [next(load_pages(PAGES / f"{name}.webp")) for name in ("note-1905-en", "letter-1900-fr")]
    assert reference_of(Bundle.open(), images[:1]) is None, "of one page it would be chance"
    monkeypatch.setattr("inkread.evaluation.drift.LEAST_PAGES", 2)
    reference = reference_of(Bundle.open(), images)
    assert reference is not None
    assert reference.pages == 2
    assert {"slant", "edge", "confidence", "surprise", "language_fr", "language_de"} <= set(reference.edges)


def test_until_there_are_pages_of_this_place_those_of_the_training_decide(tmp_path: Path) -> None:
    drift = Drift(tmp_path, "model", Reference.of(pages(300, 0)))
    found = [drift.add(page) for page in pages(LEAST_REFERENCE - 1, 1, slant=0.8)]
    assert not any(found[: WINDOW - 1])
    assert ["slant"] in found[WINDOW:]
    assert not any(drift.add(page) for page in pages(WINDOW, 2, slant=0.8)), "this is what is usual here"
    assert Drift(tmp_path, "model")._usual.reference is not None, "kept for the next start"


def test_what_admins_see_says_how_many_pages_are_missing_and_then_each_index(tmp_path: Path) -> None:
    drift = Drift(tmp_path, "model", Reference.of(pages(300, 0)))
    for page in pages(LEAST_REFERENCE, 1):
        drift.add(page)
    early = drift.state()
    assert (early.reference, early.window, early.usual) == (LEAST_REFERENCE, 0, {})
    assert set(early.training) == {"slant", "height", "cut"}
    for page in pages(WINDOW, 2, slant=0.8):
        drift.add(page)
    now = drift.state()
    assert now.window == WINDOW
    assert [name for name, index in now.usual.items() if index > now.alarm] == ["slant"]


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
