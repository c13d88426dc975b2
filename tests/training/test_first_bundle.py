"""The bundle that training starts from."""

from pathlib import Path

from inkread.bundle import Bundle
from inkread.data.store import LineStore
from inkread.training.first_bundle import first_bundle


def test_the_start_is_a_bundle_that_names_where_it_comes_from(stores: Path, tmp_path: Path) -> None:
    first_bundle(stores / "train", tmp_path)
    bundle = Bundle.open(tmp_path)
    bundle.verify()
    assert {source.name for source in bundle.model.sources} == {"PP-OCRv6 small recogniser", "PP-OCRv6 small detector"}
    assert all(len(source.sha256) == 64 for source in bundle.model.sources)
    assert len(LineStore.open(stores / "train")) > 0
